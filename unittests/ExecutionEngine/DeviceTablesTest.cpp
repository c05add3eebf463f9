//===- DeviceTablesTest.cpp - The tables that GPU kernels read ------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/ExecutionEngine/DeviceTables.h"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>

using namespace hilbert;
using curve::Curve;

namespace {

using Tokens = std::set<int64_t>;

/// The tokens of all tiles, by the index that kernels compute: tiles of the
/// longest class, classes (those without members, too), segments.
std::map<int64_t, Tokens> getTiles(const curve::OrderSpec &order,
                                   const DeviceTiling &tiling) {
  std::vector<int32_t> table = curve::permutation(order);
  int64_t segment = std::min(tiling.segment, order.length);
  int64_t members = (segment + tiling.step - 1) / tiling.step;
  int64_t perClass = (members + tiling.rows - 1) / tiling.rows;
  std::map<int64_t, Tokens> tiles;
  for (int64_t p = 0; p < order.length; ++p) {
    int64_t inSegment = p % segment;
    int64_t classIndex = p / segment * tiling.step + inSegment % tiling.step;
    tiles[classIndex * perClass + inSegment / tiling.step / tiling.rows].insert(
        table[p]);
  }
  return tiles;
}

/// The first `count` tokens of the walk through an entry's box.
Tokens walk(const DeviceBoxes &boxes, int64_t tile, size_t count) {
  const int32_t *entry = &boxes.entries.at(4 * tile);
  Tokens tokens;
  for (int64_t i = 0; i < int64_t(count); ++i)
    tokens.insert(entry[0] + (i & ((1 << entry[1]) - 1)) +
                  ((i >> entry[1]) & ((1 << entry[2]) - 1)) * boxes.width +
                  (i >> (entry[1] + entry[2])) * boxes.plane);
  return tokens;
}

/// Whether an order has boxes; each must then be its tile.
bool hasBoxes(const curve::OrderSpec &order, const DeviceTiling &tiling) {
  auto boxes = getDeviceBoxes(order, tiling);
  EXPECT_EQ(getDeviceBoxes(order, tiling), boxes) << "computed once";
  if (!boxes)
    return false;
  for (const auto &[tile, tokens] : getTiles(order, tiling))
    EXPECT_EQ(walk(*boxes, tile, tokens.size()), tokens)
        << getOrderKey(order) << " tile " << tile;
  return true;
}

TEST(DeviceTables, BoxesWhereTheyAreGuaranteed) {
  for (int64_t rows : {32, 64, 128}) {
    for (int64_t segment : {256, 1024, 1 << 30}) {
      DeviceTiling tiling{segment, 1, rows};
      EXPECT_TRUE(hasBoxes(curve::gridOrder(Curve::Hilbert, {64, 64}), tiling));
      EXPECT_TRUE(
          hasBoxes(curve::gridOrder(Curve::Hilbert, {32, 128}), tiling));
      EXPECT_TRUE(hasBoxes(curve::gridOrder(Curve::Morton, {64, 64}), tiling));
      EXPECT_TRUE(hasBoxes(curve::gridOrder(Curve::Hilbert, {96, 48}, {16, 16}),
                           tiling));
    }
  }
  DeviceTiling cubes{INT64_MAX, 1, 64};
  EXPECT_TRUE(hasBoxes(curve::gridOrder(Curve::Hilbert, {16, 16, 16}), cubes));
  EXPECT_TRUE(hasBoxes(curve::gridOrder(Curve::Hilbert, {8, 24, 40}, {4, 4, 4}),
                       cubes));
}

TEST(DeviceTables, NoBoxesWhereATileIsNone) {
  DeviceTiling tiling{INT64_MAX, 1, 128};
  EXPECT_FALSE(hasBoxes(curve::gridOrder(Curve::Hilbert, {96, 96}), tiling));
  // Full tiles are boxes; those that the edge clips are not.
  EXPECT_FALSE(
      hasBoxes(curve::gridOrder(Curve::Hilbert, {40, 44}, {16, 8}), tiling));
  EXPECT_FALSE(hasBoxes(curve::gridOrder(Curve::Snake, {64, 64}),
                        DeviceTiling{INT64_MAX, 1, 96}));
}

TEST(DeviceTables, SidesArePowersOfTwo) {
  auto tiled = [](int64_t height, int64_t width) {
    return hasBoxes(curve::gridOrder(Curve::Snake, {4 * height, 4 * width},
                                     {height, width}),
                    {INT64_MAX, 1, height * width});
  };
  EXPECT_TRUE(tiled(4, 8));
  EXPECT_FALSE(tiled(4, 6));
  EXPECT_FALSE(tiled(6, 4));
  EXPECT_FALSE(tiled(6, 6));
  // Of the depth nothing is asked: rows only count up to it.
  EXPECT_TRUE(hasBoxes(curve::gridOrder(Curve::Snake, {6, 8, 8}, {3, 4, 4}),
                       {INT64_MAX, 1, 48}));
  EXPECT_FALSE(hasBoxes(curve::gridOrder(Curve::Snake, {8, 6, 8}, {4, 3, 4}),
                        {INT64_MAX, 1, 48}));
}

TEST(DeviceTables, ClassesWithoutMembersAreCounted) {
  // Two positions a segment, five classes: three of them have no member.
  EXPECT_TRUE(hasBoxes(curve::gridOrder(Curve::Hilbert, {8, 8}), {2, 5, 16}));
}

TEST(DeviceTables, RandomOrdersAndTilings) {
  std::mt19937_64 engine(7);
  auto random = [&](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(engine);
  };
  int boxed = 0;
  for (int round = 0; round < 1500; ++round) {
    std::vector<int64_t> extents, tile;
    bool isTiled = random(0, 1);
    for (int64_t d = random(1, 3); d > 0; --d) {
      extents.push_back(random(0, 1) ? int64_t(1) << random(0, 4)
                                     : random(1, 20));
      if (isTiled)
        tile.push_back(int64_t(1) << random(0, 3));
    }
    auto order = curve::gridOrder(Curve(random(0, 3)), extents, tile);
    DeviceTiling tiling{random(0, 1) ? INT64_MAX : random(1, 300),
                        random(0, 2) ? 1 : random(2, 9),
                        int64_t(1) << random(0, 7)};
    SCOPED_TRACE(testing::Message()
                 << "round " << round << ": " << getOrderKey(order) << " w "
                 << tiling.segment << " r " << tiling.step << " m "
                 << tiling.rows);
    boxed += hasBoxes(order, tiling);
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_GT(boxed, 100);
  EXPECT_LT(boxed, 1400);
}

TEST(DeviceTables, KeysTellOrdersApart) {
  std::set<std::string> keys;
  std::vector<curve::OrderSpec> orders{
      curve::gridOrder(Curve::Hilbert, {8, 8}),
      curve::gridOrder(Curve::Morton, {8, 8}),
      curve::gridOrder(Curve::Hilbert, {64}),
      curve::gridOrder(Curve::Hilbert, {1, 64}),
      curve::gridOrder(Curve::Hilbert, {8, 8}, {4, 4}),
      curve::gridOrder(Curve::Hilbert, {8, 8}, {4, 8}),
      {Curve::Hilbert, {8, 8}, {}, 60},
  };
  for (const curve::OrderSpec &order : orders)
    keys.insert(getOrderKey(order));
  EXPECT_EQ(keys.size(), orders.size());
}

} // namespace
