//===- OrderTest.cpp - Orders, their specs and their inverses -------------===//
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

TEST(Curve, Names) {
  EXPECT_EQ(curveName(Curve::Raster), "raster");
  EXPECT_EQ(curveName(Curve::Snake), "snake");
  EXPECT_EQ(curveName(Curve::Morton), "morton");
  EXPECT_EQ(curveName(Curve::Hilbert), "hilbert");
  for (Curve curve : kAllCurves)
    EXPECT_EQ(curveByName(curveName(curve)), curve);
  for (const char *name : {"", "Hilbert", "hilbert ", "hilber", "unknown"})
    EXPECT_EQ(curveByName(name), std::nullopt) << name;
}

TEST(OrderSpec, GridOrder) {
  const OrderSpec spec = gridOrder(Curve::Morton, {3, 4, 5}, {1, 2, 3});
  EXPECT_EQ(spec.curve, Curve::Morton);
  EXPECT_EQ(spec.extents, (Extents{3, 4, 5}));
  EXPECT_EQ(spec.tile, (Extents{1, 2, 3}));
  EXPECT_EQ(spec.length, 60);
  EXPECT_TRUE(spec == gridOrder(Curve::Morton, {3, 4, 5}, {1, 2, 3}));
  EXPECT_FALSE(spec == gridOrder(Curve::Morton, {3, 4, 5}));
  // Not validated, but never undefined either.
  gridOrder(Curve::Raster, {INT64_MAX, INT64_MAX, -7});
}

TEST(OrderSpec, GridForLength) {
  EXPECT_EQ(gridForLength(1), (Extents{1, 1}));
  EXPECT_EQ(gridForLength(2), (Extents{1, 2}));
  EXPECT_EQ(gridForLength(3), (Extents{2, 2}));
  EXPECT_EQ(gridForLength(512), (Extents{16, 32}));
  EXPECT_EQ(gridForLength(4096), (Extents{64, 64}));
  EXPECT_EQ(gridForLength(96 * 96), (Extents{96, 96}));
  EXPECT_EQ(gridForLength(45 * 80), (Extents{60, 60}));
  EXPECT_EQ(gridForLength(1080 * 1920), (Extents{1440, 1440}));
  EXPECT_EQ(gridForLength(4097), (Extents{64, 65})); // 17 x 241 is too wide.
  EXPECT_EQ(gridForLength(kMaxTokens), (Extents{46341, 46341})); // A prime.
  EXPECT_EQ(gridForLength(int64_t(1) << 30), (Extents{32768, 32768}));

  const auto isPowerOfTwo = [](int64_t n) { return (n & (n - 1)) == 0; };
  for (int64_t n = 1; n <= 5000; ++n) {
    Extents expected;
    bool found = false, foundPowers = false;
    for (int64_t h = 1; h * h <= n; ++h) {
      const int64_t w = n / h;
      if (h * w != n || w > 2 * h)
        continue;
      const bool powers = isPowerOfTwo(h) && isPowerOfTwo(w);
      if (foundPowers && !powers)
        continue;
      expected = {h, w}; // The last one is the most nearly square.
      found = true;
      foundPowers |= powers;
    }
    if (!found) {
      int64_t w = 1;
      while (w * w < n)
        ++w;
      int64_t h = 1;
      while (h * w < n)
        ++h;
      expected = {h, w};
    }
    ASSERT_EQ(gridForLength(n), expected) << n;
    const OrderSpec spec = lengthOrder(Curve::Hilbert, n);
    ASSERT_EQ(spec.extents, expected);
    ASSERT_EQ(spec.length, n);
    ASSERT_EQ(validate(spec), std::nullopt) << n;
  }
}

std::string message(const Extents &extents, const Extents &tile,
                    int64_t length) {
  return validate({Curve::Hilbert, extents, tile, length}).value_or("");
}

TEST(Validate, Messages) {
  EXPECT_EQ(message({3, 4}, {}, 12), "");
  EXPECT_EQ(message({3, 4}, {}, 1), "");
  EXPECT_EQ(message({3, 4}, {8, 1}, 12), "");
  EXPECT_EQ(message({kMaxTokens}, {}, kMaxTokens), "");

  EXPECT_EQ(message({}, {}, 1), "rank must be 1 to 3, but is 0");
  EXPECT_EQ(message({2, 2, 2, 2}, {}, 16), "rank must be 1 to 3, but is 4");
  EXPECT_EQ(message({3, 0}, {}, 1),
            "extents must be positive, but extent 1 is 0");
  EXPECT_EQ(message({-5}, {}, 1),
            "extents must be positive, but extent 0 is -5");
  EXPECT_EQ(message({3, INT64_MIN, 1}, {}, 1),
            "extents must be positive, but extent 1 is -9223372036854775808");
  EXPECT_EQ(message({3, 4}, {4}, 12),
            "tile must have one size per extent, 2, but has 1");
  EXPECT_EQ(message({3, 4}, {1, 2, 3}, 12),
            "tile must have one size per extent, 2, but has 3");
  EXPECT_EQ(message({3, 4}, {2, 0}, 12),
            "tile sizes must be positive, but size 1 is 0");
  EXPECT_EQ(message({3, 4}, {-2, 0}, 12),
            "tile sizes must be positive, but size 0 is -2");
  EXPECT_EQ(message({3, 4}, {2, INT64_MAX}, 12),
            "tile sizes must be at most 2147483647, but size 1 is "
            "9223372036854775807");
  EXPECT_EQ(message({65536, 32768}, {}, 1),
            "the product of the extents must be at most 2147483647, but is "
            "65536 x 32768");
  // A product that is a small positive number modulo 2^64.
  EXPECT_EQ(message({kMaxTokens, kMaxTokens, kMaxTokens}, {}, 1),
            "the product of the extents must be at most 2147483647, but is "
            "2147483647 x 2147483647 x 2147483647");
  EXPECT_EQ(message({int64_t(1) << 33, int64_t(1) << 31}, {}, 1),
            "extents must be at most 2147483647, but extent 0 is 8589934592");
  EXPECT_EQ(message({3, 4}, {}, 0),
            "length must be 1 to 12 (the product of the extents), but is 0");
  EXPECT_EQ(message({3, 4}, {}, -1),
            "length must be 1 to 12 (the product of the extents), but is -1");
  EXPECT_EQ(message({3, 4}, {}, 13),
            "length must be 1 to 12 (the product of the extents), but is 13");
  EXPECT_EQ(message({3, 4}, {2, 2}, 11),
            "length must be 12 (the product of the extents) where a tile is "
            "given, but is 11");
  EXPECT_EQ(validate({static_cast<Curve>(7), {3}, {}, 3}),
            "curve must be raster, snake, morton or hilbert (0 to 3), but is "
            "7");
  for (int64_t length : {int64_t(0), int64_t(-1), kMaxTokens + 1, INT64_MIN})
    EXPECT_NE(validate(lengthOrder(Curve::Hilbert, length)), std::nullopt);
}

TEST(Permutation, BijectiveOnAllSmallGrids) {
  for (Curve curve : kAllCurves) {
    for (int64_t z = 1; z <= 9; ++z)
      for (int64_t y = 1; y <= 9; ++y)
        for (int64_t x = 1; x <= 9; ++x)
          ASSERT_TRUE(isBijective(permutation(gridOrder(curve, {z, y, x}))))
              << z << " x " << y << " x " << x;
    for (int64_t y = 1; y <= 40; ++y)
      for (int64_t x = 1; x <= 40; ++x)
        ASSERT_TRUE(isBijective(permutation(gridOrder(curve, {y, x}))))
            << y << " x " << x;
    for (int64_t x = 1; x <= 100; ++x)
      ASSERT_TRUE(isIdentityTable(permutation(gridOrder(curve, {x})))) << x;
  }
}

TEST(Permutation, BijectiveOnRandomGrids) {
  std::mt19937 random(8);
  for (int i = 0; i < 2000; ++i) {
    const Extents extents =
        randomExtents(random, 1 + random() % 3, 2000, 1 << 16);
    for (Curve curve : kAllCurves)
      ASSERT_TRUE(isBijective(permutation(gridOrder(curve, extents))))
          << gridOrder(curve, extents);
  }
}

TEST(Permutation, LengthLeavesOutTheLastTokens) {
  const auto check = [](const OrderSpec &spec) {
    OrderSpec whole = spec;
    whole.length = product(spec.extents);
    Table expected;
    for (int32_t token : permutation(whole))
      if (token < spec.length)
        expected.push_back(token);
    // The table must not be written behind its end, not even for a moment.
    Table table(spec.length + 8, -1);
    permutation(spec, table.data());
    for (int i = 0; i < 8; ++i)
      ASSERT_EQ(table[spec.length + i], -1) << spec;
    table.resize(spec.length);
    ASSERT_EQ(table, expected) << spec;
  };
  std::mt19937 random(9);
  for (Curve curve : kAllCurves) {
    for (int64_t n = 1; n <= 400; ++n)
      check(lengthOrder(curve, n));
    for (int i = 0; i < 1500; ++i) {
      OrderSpec spec = gridOrder(
          curve, randomExtents(random, 1 + random() % 3, 300, 1 << 14));
      spec.length = 1 + random() % spec.length;
      check(spec);
    }
  }
}

TEST(Permutation, RasterIsTheIdentity) {
  for (const Extents &extents : {Extents{7}, {6, 7}, {5, 6, 7}}) {
    EXPECT_TRUE(isIdentity(gridOrder(Curve::Raster, extents)));
    EXPECT_TRUE(
        isIdentityTable(permutation(gridOrder(Curve::Raster, extents))));
  }
}

TEST(Permutation, UntiledIdentities) {
  for (Curve curve : kAllCurves) {
    for (int64_t z = 1; z <= 5; ++z)
      for (int64_t y = 1; y <= 5; ++y)
        for (int64_t x = 1; x <= 5; ++x) {
          const OrderSpec spec = gridOrder(curve, {z, y, x});
          if ((z > 1) + (y > 1) + (x > 1) <= 1) {
            EXPECT_TRUE(isIdentity(spec)) << spec;
          }
          if (isIdentity(spec)) {
            EXPECT_TRUE(isIdentityTable(permutation(spec))) << spec;
          }
        }
    OrderSpec cut = gridOrder(curve, {1, 100});
    cut.length = 37;
    EXPECT_TRUE(isIdentity(cut));
  }
  for (Curve curve : {Curve::Snake, Curve::Morton, Curve::Hilbert})
    EXPECT_FALSE(isIdentity(gridOrder(curve, {8, 8})));
}

TEST(Permutation, SnakeMovesToNeighbours) {
  EXPECT_EQ(permutation(gridOrder(Curve::Snake, {3, 3})),
            (Table{0, 1, 2, 5, 4, 3, 6, 7, 8}));
  EXPECT_EQ(permutation(gridOrder(Curve::Snake, {2, 2, 2})),
            (Table{0, 1, 3, 2, 6, 7, 5, 4}));
  std::mt19937 random(10);
  for (int i = 0; i < 1500; ++i) {
    const Extents extents =
        randomExtents(random, 1 + random() % 3, 200, 1 << 14);
    const Table table = permutation(gridOrder(Curve::Snake, extents));
    ASSERT_EQ(countSteps(table, extents).total(), 0) << toString(extents);
    // Planes and rows are visited one after the other.
    const Cell grid = padded(extents);
    for (size_t p = 0; p < table.size(); ++p)
      ASSERT_EQ(cellOf(table[p], grid)[0],
                static_cast<int64_t>(p) / (grid[1] * grid[2]));
    const int64_t width = grid[2];
    for (size_t p = 0; p < table.size(); ++p)
      ASSERT_EQ(table[p] / width, table[p - p % width] / width);
  }
}

TEST(Permutation, MortonSortsByInterleavedBits) {
  std::mt19937 random(11);
  const auto check = [](const Extents &extents) {
    const Cell grid = padded(extents);
    const auto key = [&](int32_t token) {
      const Cell cell = cellOf(token, grid);
      int64_t result = 0;
      for (int bit = 0; bit < 20; ++bit)
        for (int axis = 0; axis < 3; ++axis)
          result |= (cell[axis] >> bit & 1) << (3 * bit + 2 - axis);
      return result;
    };
    std::vector<std::pair<int64_t, int32_t>> keyed;
    for (int64_t t = 0; t < product(extents); ++t)
      keyed.push_back({key(static_cast<int32_t>(t)), static_cast<int32_t>(t)});
    std::sort(keyed.begin(), keyed.end());
    Table expected;
    for (const auto &entry : keyed)
      expected.push_back(entry.second);
    ASSERT_EQ(permutation(gridOrder(Curve::Morton, extents)), expected)
        << toString(extents);
  };
  EXPECT_EQ(permutation(gridOrder(Curve::Morton, {4, 4})),
            (Table{0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15}));
  for (int64_t y = 1; y <= 20; ++y)
    for (int64_t x = 1; x <= 20; ++x)
      check({y, x});
  for (int i = 0; i < 1000; ++i)
    check(randomExtents(random, 1 + random() % 3, 500, 1 << 13));
}

TEST(Permutation, Inverse) {
  std::mt19937 random(12);
  for (int i = 0; i < 1500; ++i) {
    OrderSpec spec =
        gridOrder(kAllCurves[i % 4],
                  randomExtents(random, 1 + random() % 3, 100, 1 << 12));
    switch (random() % 3) {
    case 0:
      spec.length = 1 + random() % spec.length;
      break;
    case 1:
      for (int64_t extent : spec.extents)
        spec.tile.push_back(1 + random() % extent);
    }
    const Table inverse = inversePermutation(spec);
    ASSERT_EQ(static_cast<int64_t>(inverse.size()), spec.length);
    const Table table = permutation(spec);
    for (size_t p = 0; p < table.size(); ++p) {
      ASSERT_LT(table[p], spec.length);
      ASSERT_EQ(inverse[table[p]], static_cast<int32_t>(p)) << spec;
    }
    Table inverted(table.size());
    invert(table.data(), spec.length, inverted.data());
    ASSERT_EQ(inverted, inverse) << spec;
  }
}

} // namespace
