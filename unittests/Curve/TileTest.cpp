//===- TileTest.cpp - Tiled orders ----------------------------------------===//
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

/// A random grid and a tile for it: smaller, as large, or larger.
OrderSpec randomTiled(std::mt19937 &random, int64_t maxExtent) {
  const size_t rank = 1 + random() % 3;
  const Extents extents = randomExtents(random, rank, maxExtent, 1 << 13);
  Extents tile;
  do {
    tile.clear();
    for (int64_t extent : extents) {
      switch (random() % 4) {
      case 0:
        tile.push_back(int64_t(1) << random() % 5);
        break;
      case 1:
        tile.push_back(1 + random() % extent);
        break;
      case 2:
        tile.push_back(extent);
        break;
      default:
        tile.push_back(1 + random() % (2 * extent));
      }
    }
  } while (product(tile) > 1 << 14);
  return gridOrder(kAllCurves[random() % 4], extents, tile);
}

TEST(Tile, IsPutTogetherFromUntiledOrders) {
  std::mt19937 random(4);
  for (int i = 0; i < 6000; ++i) {
    const OrderSpec spec = randomTiled(random, i % 2 ? 300 : 20);
    ASSERT_EQ(validate(spec), std::nullopt) << spec;
    const Table table = permutation(spec);
    ASSERT_TRUE(isBijective(table)) << spec;
    ASSERT_EQ(table, tiledReference(spec)) << spec;
  }
}

TEST(Tile, AllSmallPlanes) {
  for (Curve curve : kAllCurves) {
    for (int64_t code = 0; code < 9 * 9 * 7 * 7; ++code) {
      const OrderSpec spec = gridOrder(curve, {1 + code % 9, 1 + code / 9 % 9},
                                       {1 + code / 81 % 7, 1 + code / 81 / 7});
      ASSERT_EQ(permutation(spec), tiledReference(spec)) << spec;
    }
  }
}

TEST(Tile, FullTilesAreAlignedRunsAndBoxes) {
  const OrderSpec specs[] = {
      gridOrder(Curve::Hilbert, {45, 80}, {8, 16}),
      gridOrder(Curve::Hilbert, {96, 96}, {8, 16}),
      gridOrder(Curve::Hilbert, {56, 56}, {16, 8}),
      gridOrder(Curve::Hilbert, {1080, 1920}, {8, 16}),
      gridOrder(Curve::Morton, {45, 81}, {6, 10}),
      gridOrder(Curve::Snake, {45, 81}, {6, 10}),
      gridOrder(Curve::Raster, {45, 81}, {6, 10}),
      gridOrder(Curve::Hilbert, {13, 45, 80}, {4, 4, 8}),
      gridOrder(Curve::Hilbert, {21, 30, 52}, {2, 8, 8}),
  };
  for (const OrderSpec &spec : specs) {
    const Table table = permutation(spec);
    ASSERT_TRUE(isBijective(table)) << spec;
    const size_t rank = spec.extents.size();
    const int64_t cells = product(spec.tile);
    Extents fullTiles;
    for (size_t i = 0; i < rank; ++i)
      fullTiles.push_back(spec.extents[i] / spec.tile[i]);

    // The full tiles, at the places that the curve over their grid gives.
    const Table curve = permutation(gridOrder(spec.curve, fullTiles));
    for (size_t t = 0; t < curve.size(); ++t) {
      const int32_t *run = table.data() + t * cells;
      const auto box = boxOf(run, cells, spec.extents);
      ASSERT_TRUE(box) << spec << ": tile " << t;
      const Cell at = cellOf(curve[t], padded(fullTiles));
      for (size_t i = 0; i < rank; ++i) {
        ASSERT_EQ(box->size[i], spec.tile[i]) << spec;
        ASSERT_EQ(box->origin[i], at[3 - rank + i] * spec.tile[i]) << spec;
      }
      // One orientation: all tiles are translated copies of the first one.
      for (int64_t p = 0; p < cells; ++p)
        ASSERT_EQ(run[p] - run[0], table[p] - table[0]) << spec;
    }

    // The clipped tiles, each a box again, in row-major order.
    int64_t last = -1;
    for (size_t p = curve.size() * cells; p < table.size();) {
      const Cell grid = padded(spec.extents), tile = padded(spec.tile);
      const Cell first = cellOf(table[p], grid);
      Cell at;
      int64_t count = 1, number = 0;
      bool isFull = true;
      for (int i = 0; i < 3; ++i) {
        at[i] = first[i] / tile[i];
        const int64_t size = std::min(tile[i], grid[i] - at[i] * tile[i]);
        isFull &= size == tile[i];
        count *= size;
        number = number * ((grid[i] + tile[i] - 1) / tile[i]) + at[i];
      }
      EXPECT_FALSE(isFull) << spec;
      EXPECT_LT(last, number) << spec;
      EXPECT_TRUE(boxOf(table.data() + p, count, spec.extents)) << spec;
      last = number;
      p += count;
    }
  }
}

TEST(Tile, TilesMayBeMuchLargerThanTheGrid) {
  for (Curve curve : kAllCurves) {
    for (const OrderSpec &spec :
         {gridOrder(curve, {50, 60}, {kMaxTokens, kMaxTokens}),
          gridOrder(curve, {50, 60}, {1 << 20, 7}),
          gridOrder(curve, {5, 6, 7}, {kMaxTokens, kMaxTokens, kMaxTokens}),
          gridOrder(curve, {1, 1, 70}, {1 << 30, 3, 1 << 30})}) {
      ASSERT_EQ(validate(spec), std::nullopt);
      EXPECT_TRUE(isBijective(permutation(spec))) << spec;
    }
  }
}

TEST(Tile, IdentityIsRecognised) {
  std::mt19937 random(5);
  int identities = 0;
  for (int i = 0; i < 6000; ++i) {
    // Small grids, so that many of the orders are the identity.
    const OrderSpec spec = randomTiled(random, i % 2 ? 40 : 4);
    if (!isIdentity(spec))
      continue;
    ++identities;
    ASSERT_TRUE(isIdentityTable(tiledReference(spec))) << spec;
  }
  EXPECT_GT(identities, 1000);

  for (Curve curve : kAllCurves) {
    EXPECT_TRUE(isIdentity(gridOrder(curve, {1000}, {7})));
    EXPECT_TRUE(isIdentity(gridOrder(curve, {1000}, {2000})));
    EXPECT_TRUE(isIdentity(gridOrder(curve, {1, 1000, 1}, {1, 10, 1})));
  }
  // One axis, but thicker tiles.
  for (Curve curve : kAllCurves) {
    for (int64_t th = 1; th <= 32; ++th) {
      for (int64_t tw = 1; tw <= 32; ++tw) {
        for (const OrderSpec &spec : {gridOrder(curve, {1, 45}, {th, tw}),
                                      gridOrder(curve, {45, 1}, {th, tw})}) {
          ASSERT_TRUE(isIdentity(spec)) << spec;
          ASSERT_TRUE(isIdentityTable(tiledReference(spec))) << spec;
        }
      }
    }
  }
  const OrderSpec thick = gridOrder(Curve::Hilbert, {8, 1, 1}, {8, 8, 8});
  EXPECT_FALSE(isIdentityTable(tiledReference(thick)));
  EXPECT_FALSE(isIdentity(thick));
  EXPECT_TRUE(isIdentity(gridOrder(Curve::Raster, {10, 20}, {3, 20})));
  EXPECT_TRUE(isIdentity(gridOrder(Curve::Raster, {10, 20}, {3, 25})));
  EXPECT_TRUE(isIdentity(gridOrder(Curve::Raster, {10, 20}, {1, 5})));
  EXPECT_TRUE(isIdentity(gridOrder(Curve::Raster, {4, 10, 20}, {3, 10, 20})));
  EXPECT_FALSE(isIdentity(gridOrder(Curve::Raster, {10, 20}, {1, 7})));
  EXPECT_FALSE(isIdentity(gridOrder(Curve::Raster, {10, 20}, {2, 10})));
  EXPECT_FALSE(isIdentity(gridOrder(Curve::Hilbert, {10, 20}, {10, 20})));
}

} // namespace
