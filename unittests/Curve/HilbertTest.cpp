//===- HilbertTest.cpp - Promises of the Hilbert curve --------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CurveTestUtil.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace hilbert::curve;

namespace {

Table hilbertTable(const Extents &extents) {
  return permutation(gridOrder(Curve::Hilbert, extents));
}

/// The cell of position d on the classic curve of an n x n grid, n = 2^k:
/// the usual conversion bit by bit, from the lowest quadrant up.
void classicCell(int64_t n, int64_t d, int64_t &x, int64_t &y) {
  x = y = 0;
  for (int64_t side = 1; side < n; side *= 2) {
    const int64_t rx = (d / 2) % 2, ry = (d + rx) % 2;
    if (ry == 0) {
      if (rx == 1) {
        x = side - 1 - x;
        y = side - 1 - y;
      }
      std::swap(x, y);
    }
    x += side * rx;
    y += side * ry;
    d /= 4;
  }
}

/// All of the promises for 2-D grids; returns a description of the first one
/// that does not hold.
std::string checkPlane(int64_t height, int64_t width) {
  const Extents extents = {height, width};
  const Table table = hilbertTable(extents);
  if (!isBijective(table))
    return "not bijective";
  const Steps steps = countSteps(table, extents);
  const int64_t longer = std::max(height, width);
  const int64_t shorter = std::min(height, width);
  const int64_t diagonal = longer % 2 == 1 && shorter % 2 == 0;
  if (steps.diagonal != diagonal || steps.longer != 0)
    return std::to_string(steps.diagonal) + " diagonal and " +
           std::to_string(steps.longer) + " longer steps";
  if (table.front() != 0)
    return "does not start at the origin";
  const int64_t end = width >= height ? width - 1 : (height - 1) * width;
  if (table.back() != end)
    return "does not end at the end of the longer axis";
  return "";
}

/// Checks that every aligned run of 2^m positions is a box, for all m; calls
/// `check(m, sizes)` with the sizes of each box, in ascending order.
template <typename Check>
void checkRuns(const Extents &extents, const Check &check) {
  const Table table = hilbertTable(extents);
  const auto count = static_cast<int64_t>(table.size());
  for (int m = 0; int64_t(1) << m <= count; ++m) {
    const int64_t run = int64_t(1) << m;
    for (int64_t p = 0; p < count; p += run) {
      const auto box = boxOf(table.data() + p, run, extents);
      ASSERT_TRUE(box) << toString(extents) << ": run of " << run << " at "
                       << p;
      std::array<int64_t, 3> sizes = {box->size[0], box->size[1], box->size[2]};
      std::sort(sizes.begin(), sizes.end());
      check(m, sizes);
    }
  }
}

TEST(Hilbert2D, AllSmallGrids) {
  for (int64_t height = 1; height <= 128; ++height)
    for (int64_t width = 1; width <= 128; ++width)
      ASSERT_EQ(checkPlane(height, width), "") << height << " x " << width;
}

TEST(Hilbert2D, LongAndThinGrids) {
  for (int64_t shorter = 1; shorter <= 9; ++shorter) {
    for (int64_t longer = 129; longer <= 700; ++longer) {
      ASSERT_EQ(checkPlane(shorter, longer), "") << shorter << " x " << longer;
      ASSERT_EQ(checkPlane(longer, shorter), "") << longer << " x " << shorter;
    }
  }
}

TEST(Hilbert2D, RandomGrids) {
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    const Extents extents = randomExtents(random, 2, 3000, 1 << 18);
    ASSERT_EQ(checkPlane(extents[0], extents[1]), "") << toString(extents);
  }
  EXPECT_EQ(checkPlane(1081, 1921), "");
  EXPECT_EQ(checkPlane(2160, 3841), "");
}

TEST(Hilbert2D, IsTheClassicCurveOnPowerOfTwoSquares) {
  for (int64_t n = 1; n <= 1024; n *= 2) {
    const Table table = hilbertTable({n, n});
    for (int64_t p = 0; p < n * n; ++p) {
      int64_t x, y;
      classicCell(n, p, x, y);
      ASSERT_EQ(table[p], y * n + x) << n << " x " << n << " at " << p;
    }
  }
}

TEST(Hilbert2D, RunsOfPowerOfTwoGridsAreBoxes) {
  for (int64_t height = 1; height <= 256; height *= 2) {
    for (int64_t width = 1; width <= 256; width *= 2) {
      const bool isNearSquare =
          std::max(height, width) <= 2 * std::min(height, width);
      checkRuns({height, width}, [&](int m, const auto &sizes) {
        // Runs of 4^j are squares, runs of 2 * 4^j are twice as long as wide.
        if (isNearSquare) {
          ASSERT_EQ(sizes[1], int64_t(1) << m / 2);
          ASSERT_EQ(sizes[2], int64_t(1) << (m + 1) / 2);
        }
      });
      if (HasFatalFailure())
        return;
    }
  }
}

TEST(Hilbert1D, IsTheIdentity) {
  for (int64_t n : {1, 2, 3, 64, 1001}) {
    for (const Extents &extents :
         {Extents{n}, {n, 1}, {1, n}, {n, 1, 1}, {1, n, 1}, {1, 1, n}})
      EXPECT_TRUE(isIdentityTable(hilbertTable(extents))) << toString(extents);
  }
}

// The promises leave room for other curves, but models are trained with these.
TEST(Hilbert, TablesDoNotChange) {
  EXPECT_EQ(hilbertTable({5, 7}),
            (Table{0,  1,  2,  9,  8,  7,  14, 15, 22, 21, 28, 29,
                   30, 31, 24, 23, 16, 17, 18, 25, 32, 33, 34, 27,
                   26, 19, 20, 13, 12, 11, 10, 3,  4,  5,  6}));
  EXPECT_EQ(hilbertTable({3, 2, 4}),
            (Table{0,  1,  5,  4,  12, 13, 9,  8,  16, 20, 21, 17,
                   18, 22, 23, 19, 11, 10, 14, 15, 7,  6,  2,  3}));
  const auto hash = [](const Extents &extents) {
    uint64_t result = 0xCBF29CE484222325; // FNV-1a.
    for (int32_t token : hilbertTable(extents))
      result = (result ^ static_cast<uint32_t>(token)) * 0x100000001B3;
    return result;
  };
  EXPECT_EQ(hash({45, 80}), UINT64_C(0x72A5A2F0E0702EE5));
  EXPECT_EQ(hash({56, 56}), UINT64_C(0x48F5D30956305235));
  EXPECT_EQ(hash({1081, 1921}), UINT64_C(0xF31216F918EEF063));
  EXPECT_EQ(hash({96, 97}), UINT64_C(0x8327D10059789A73));
  EXPECT_EQ(hash({13, 45, 80}), UINT64_C(0xF9B4EE55CFA55705));
  EXPECT_EQ(hash({33, 90, 160}), UINT64_C(0x99E4C344ABB27705));
  EXPECT_EQ(hash({31, 29, 30}), UINT64_C(0xF22174B73B40313C));
  EXPECT_EQ(hash({7, 5, 21}), UINT64_C(0xE47279EACB5F6A86));
  EXPECT_EQ(hash({64, 9, 11}), UINT64_C(0xF4674784907FC395));
}

TEST(Hilbert3D, AnExtentOfOneGivesTheCurveOfTheOthers) {
  for (int64_t height = 1; height <= 24; ++height) {
    for (int64_t width = 1; width <= 24; ++width) {
      const Table table = hilbertTable({height, width});
      ASSERT_EQ(hilbertTable({1, height, width}), table);
      ASSERT_EQ(hilbertTable({height, 1, width}), table);
      ASSERT_EQ(hilbertTable({height, width, 1}), table);
    }
  }
}

TEST(Hilbert3D, EvenGridsHaveNeighboursOnly) {
  for (int64_t t = 2; t <= 20; t += 2) {
    for (int64_t h = 2; h <= 20; h += 2) {
      for (int64_t w = 2; w <= 20; w += 2) {
        const Table table = hilbertTable({t, h, w});
        ASSERT_TRUE(isBijective(table)) << t << " x " << h << " x " << w;
        ASSERT_EQ(countSteps(table, {t, h, w}).total(), 0)
            << t << " x " << h << " x " << w;
        ASSERT_EQ(table.front(), 0);
        const int64_t end = w >= h && w >= t ? w - 1
                            : h >= t         ? (h - 1) * w
                                             : (t - 1) * h * w;
        ASSERT_EQ(table.back(), end) << t << " x " << h << " x " << w;
      }
    }
  }
  std::mt19937 random(2);
  for (int i = 0; i < 100; ++i) {
    Extents extents = randomExtents(random, 3, 100, 1 << 15);
    for (int64_t &extent : extents)
      extent *= 2;
    const Table table = hilbertTable(extents);
    ASSERT_TRUE(isBijective(table)) << toString(extents);
    ASSERT_EQ(countSteps(table, extents).total(), 0) << toString(extents);
  }
}

TEST(Hilbert3D, OddGridsHaveFewDiagonalSteps) {
  const auto check = [](const Extents &extents) {
    const Table table = hilbertTable(extents);
    ASSERT_TRUE(isBijective(table)) << toString(extents);
    const Steps steps = countSteps(table, extents);
    ASSERT_EQ(steps.longer, 0) << toString(extents);
    ASSERT_LE(12 * steps.total(), static_cast<int64_t>(table.size()))
        << toString(extents);
  };
  for (int64_t t = 2; t <= 20; ++t)
    for (int64_t h = 2; h <= 20; ++h)
      for (int64_t w = 2; w <= 20; ++w)
        check({t, h, w});
  std::mt19937 random(3);
  for (int i = 0; i < 200; ++i) {
    Extents extents = randomExtents(random, 3, 400, 1 << 16);
    for (int64_t &extent : extents)
      ++extent; // Flat grids are those of 2-D.
    check(extents);
  }
}

TEST(Hilbert3D, RunsOfPowerOfTwoGridsAreBoxes) {
  for (int64_t t = 1; t <= 32; t *= 2) {
    for (int64_t h = 1; h <= 32; h *= 2) {
      for (int64_t w = 1; w <= 32; w *= 2) {
        checkRuns({t, h, w}, [](int, const auto &) {});
        if (HasFatalFailure())
          return;
      }
    }
  }
}

TEST(Hilbert3D, RunsOfPowerOfTwoCubesAreCubes) {
  for (int64_t n = 1; n <= 64; n *= 2) {
    // A cube, then two and four of them, and so on.
    checkRuns({n, n, n}, [](int m, const auto &sizes) {
      ASSERT_EQ(sizes[0], int64_t(1) << m / 3);
      ASSERT_EQ(sizes[1], int64_t(1) << (m + 1) / 3);
      ASSERT_EQ(sizes[2], int64_t(1) << (m + 2) / 3);
    });
    EXPECT_EQ(countSteps(hilbertTable({n, n, n}), {n, n, n}).total(), 0);
  }
}

} // namespace
