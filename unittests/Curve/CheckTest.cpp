//===- CheckTest.cpp - Checks of tables -----------------------------------===//
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

std::string permutationMessage(const Table &table) {
  return validatePermutation(table.data(), static_cast<int64_t>(table.size()))
      .value_or("");
}

TEST(ValidatePermutation, Messages) {
  EXPECT_EQ(permutationMessage({}), "");
  EXPECT_EQ(permutationMessage({0}), "");
  EXPECT_EQ(permutationMessage({2, 0, 1}), "");
  EXPECT_EQ(permutationMessage({0, 1, 2, 9, 4, 5, 6, 7}),
            "order must be a permutation of 0..7, but entry 3 is 9");
  EXPECT_EQ(permutationMessage({0, 1, 3}),
            "order must be a permutation of 0..2, but entry 2 is 3");
  EXPECT_EQ(permutationMessage({-1}),
            "order must be a permutation of 0..0, but entry 0 is -1");
  EXPECT_EQ(permutationMessage({0, 5, 2, 3, 5, 1, 6, 7}),
            "order must be a permutation of 0..7, but 5 occurs twice (entries "
            "1 and 4)");
}

TEST(ValidatePermutation, RandomTables) {
  std::mt19937 random(6);
  for (int i = 0; i < 2000; ++i) {
    Table table(1 + random() % 200);
    std::iota(table.begin(), table.end(), 0);
    std::shuffle(table.begin(), table.end(), random);
    ASSERT_EQ(permutationMessage(table), "");
    const size_t at = random() % table.size();
    const int32_t value = table[at];
    table[at] = static_cast<int32_t>(random() % (2 * table.size()));
    ASSERT_EQ(permutationMessage(table).empty(), table[at] == value);
  }
}

TEST(BoxOf, FindsBoxesInAnyOrder) {
  std::mt19937 random(7);
  for (int i = 0; i < 3000; ++i) {
    const size_t rank = 1 + random() % 3;
    const Extents extents = randomExtents(random, rank, 12, 1000);
    const Cell grid = padded(extents);
    Cell origin, size;
    for (int axis = 0; axis < 3; ++axis) {
      origin[axis] = random() % grid[axis];
      size[axis] = 1 + random() % (grid[axis] - origin[axis]);
    }
    Table tokens;
    for (int64_t t = 0; t < size[0] * size[1] * size[2]; ++t) {
      Cell cell = cellOf(static_cast<int32_t>(t), size);
      for (int axis = 0; axis < 3; ++axis)
        cell[axis] += origin[axis];
      tokens.push_back(tokenOf(cell, grid));
    }
    std::shuffle(tokens.begin(), tokens.end(), random);
    const auto count = static_cast<int64_t>(tokens.size());
    const auto box = boxOf(tokens.data(), count, extents);
    ASSERT_TRUE(box);
    for (size_t axis = 0; axis < 3; ++axis) {
      ASSERT_EQ(box->origin[axis], axis < rank ? origin[3 - rank + axis] : 0);
      ASSERT_EQ(box->size[axis], axis < rank ? size[3 - rank + axis] : 1);
    }

    if (count < 2)
      continue;
    // A cell that occurs twice leaves another one out.
    tokens[0] = tokens[1];
    ASSERT_FALSE(boxOf(tokens.data(), count, extents));
    // So does a cell from outside.
    tokens[0] = static_cast<int32_t>(product(extents));
    ASSERT_FALSE(boxOf(tokens.data(), count, extents));
    tokens[0] = -1;
    ASSERT_FALSE(boxOf(tokens.data(), count, extents));
  }
}

TEST(BoxOf, OtherShapesAreNoBoxes) {
  const Table corner = {0, 1, 10};
  EXPECT_FALSE(boxOf(corner.data(), 3, {10, 10}));
  const Table wrapped = {8, 9, 10, 11}; // Consecutive, but over a row's end.
  EXPECT_FALSE(boxOf(wrapped.data(), 4, {10, 10}));
  EXPECT_TRUE(boxOf(wrapped.data(), 4, {100}));
  const Table diagonal = {0, 0, 3, 3}; // Fills its bounding box by number only.
  EXPECT_FALSE(boxOf(diagonal.data(), 4, {2, 2}));
  EXPECT_FALSE(boxOf(corner.data(), 0, {10, 10}));
}

TEST(BoxOf, TheRunsThatTilesAreFor) {
  // Why tiled orders exist: the plain curve on these grids has no aligned run
  // of 128 positions that is a box, and one on a power-of-two grid has nothing
  // else.
  for (const Extents &extents : {Extents{96, 96}, {45, 80}, {56, 56}}) {
    const Table table = permutation(gridOrder(Curve::Hilbert, extents));
    for (size_t p = 0; p + 128 <= table.size(); p += 128)
      EXPECT_FALSE(boxOf(table.data() + p, 128, extents));
  }
}

} // namespace
