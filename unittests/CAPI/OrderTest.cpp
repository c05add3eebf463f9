//===- OrderTest.cpp - Tests of hilbert-c/Order.h -------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Problem.h"

using namespace capi;

TEST(Order, ResolvesBareLengths) {
  HilbertOrderSpec spec = {HILBERT_CURVE_HILBERT, 0, {}, {}, 1009};
  ASSERT_EQ(hilbertOrderResolve(&spec, &spec), HILBERT_OK);
  EXPECT_EQ(spec.rank, 2);
  EXPECT_EQ(spec.extents[0], 32);
  EXPECT_EQ(spec.extents[1], 32);
  EXPECT_EQ(spec.length, 1009);
}

TEST(Order, TablesAreSharedPermutations) {
  HilbertOrderSpec spec = {HILBERT_CURVE_HILBERT, 2, {5, 7}, {}, 0};
  const int32_t *table, *again;
  int64_t length;
  ASSERT_EQ(hilbertOrderGetTable(&spec, &table, &length), HILBERT_OK);
  ASSERT_EQ(length, 35);
  spec.length = 35;
  ASSERT_EQ(hilbertOrderGetTable(&spec, &again, &length), HILBERT_OK);
  EXPECT_EQ(table, again);
  std::vector<int32_t> inverse(35, -1);
  ASSERT_EQ(hilbertOrderInvert(table, 35, inverse.data()), HILBERT_OK);
  for (int p = 0; p < 35; ++p)
    EXPECT_EQ(inverse[table[p]], p);
}

TEST(Order, Errors) {
  auto resolve = [](HilbertOrderSpec spec) {
    return hilbertOrderResolve(&spec, &spec);
  };
  struct Bad {
    HilbertOrderSpec spec;
    const char *message;
  };
  const HilbertCurve hilbert = HILBERT_CURVE_HILBERT;
  const Bad bad[] = {
      {{HilbertCurve(3 + 4), 1, {5}, {}, 0}, "(0 to 3), but is 7"},
      {{hilbert, 4, {5}, {}, 0}, "rank must be 0 to 3, but is 4"},
      {{hilbert, -1, {5}, {}, 0}, "rank must be 0 to 3, but is -1"},
      {{hilbert, 0, {}, {}, 0}, "length must be 1 to 2147483647, but is 0"},
      {{hilbert, 2, {5, 0}, {}, 0}, "but extent 1 is 0"},
      {{hilbert, 2, {-5, -7}, {}, 0}, "but extent 0 is -5"},
      {{hilbert, 2, {INT64_MAX, INT64_MAX}, {}, 0}, "at most 2147483647"},
      {{hilbert, 3, {2048, 2048, 2048}, {}, 0}, "2048 x 2048 x 2048"},
      {{hilbert, 2, {5, 7}, {}, 36}, "length must be 1 to 35"},
      {{hilbert, 2, {5, 7}, {}, -1}, "but is -1"},
      {{hilbert, 2, {5, 7}, {2, 0}, 0}, "but size 1 is 0"},
      {{hilbert, 2, {5, 7}, {2, 2}, 34}, "where a tile is given"},
  };
  for (const Bad &entry : bad)
    expectError(resolve(entry.spec), HILBERT_INVALID_ARGUMENT, entry.message);
}

TEST(Order, NullArguments) {
  HilbertOrderSpec spec = {HILBERT_CURVE_RASTER, 1, {5}, {}, 0};
  const int32_t *table;
  int64_t length;
  int32_t entry = 0;
  for (HilbertStatus status : {hilbertOrderResolve(nullptr, &spec),
                               hilbertOrderResolve(&spec, nullptr),
                               hilbertOrderGetTable(nullptr, &table, &length),
                               hilbertOrderGetTable(&spec, nullptr, &length),
                               hilbertOrderGetTable(&spec, &table, nullptr),
                               hilbertOrderInvert(nullptr, 1, &entry),
                               hilbertOrderInvert(&entry, 1, nullptr)})
    expectError(status, HILBERT_INVALID_ARGUMENT, "must not be null");
}

TEST(Order, InvertErrors) {
  std::vector<int32_t> inverse(4, -7);
  auto invert = [&](std::vector<int32_t> table) {
    return hilbertOrderInvert(table.data(), table.size(), inverse.data());
  };
  expectError(invert({0, 1, 4, 2}), HILBERT_INVALID_ARGUMENT, "entry 2 is 4");
  expectError(invert({0, 1, -1, 2}), HILBERT_INVALID_ARGUMENT, "entry 2 is -1");
  expectError(invert({0, 3, 1, 3}), HILBERT_INVALID_ARGUMENT, "3 occurs twice");
  expectError(hilbertOrderInvert(inverse.data(), -1, inverse.data()),
              HILBERT_INVALID_ARGUMENT,
              "length must be 0 to 2147483647, but "
              "is -1");
  EXPECT_EQ(inverse, std::vector<int32_t>(4, -7));
  EXPECT_EQ(hilbertOrderInvert(nullptr, 0, nullptr), HILBERT_OK);
}
