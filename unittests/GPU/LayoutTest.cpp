//===- LayoutTest.cpp - Which thread holds which element ------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Dialect/HilbertGPU/IR/HilbertGPU.h"

#include "mlir/IR/MLIRContext.h"
#include <gtest/gtest.h>

#include <map>
#include <set>

using namespace hilbert::tile;
using mlir::MLIRContext;
using Coordinates = std::vector<int64_t>;
using Shape = std::vector<int64_t>;

namespace {

constexpr int64_t kLanes = 32;

/// A thread of a CTA.
using Thread = std::pair<int64_t, int64_t>; // lane, warp

class Layout : public ::testing::Test {
protected:
  Layout() { context.loadDialect<HilbertGPUDialect>(); }

  MmaAttr mma(int64_t warps) { return MmaAttr::get(&context, warps); }
  OperandAttr operand(int64_t warps) {
    return OperandAttr::get(&context, mma(warps));
  }
  SliceAttr slice(int64_t dim, int64_t warps) {
    return SliceAttr::get(&context, dim, mma(warps));
  }

  MLIRContext context;
};

/// Where an element of a thread is, as the compiler has it.
Coordinates locate(LayoutInterface layout, const Shape &shape, Thread thread,
                   int64_t element) {
  auto at = layout.getThreadMap(shape).compose({thread.first, thread.second});
  auto offset = layout.getOffset(shape, element);
  EXPECT_EQ(at.size(), offset.size());
  Coordinates result;
  for (size_t i = 0; i < at.size(); ++i)
    result.push_back(at[i] + offset[i]);
  return result;
}

/// The threads that hold each element, with repetitions.
std::map<Coordinates, std::multiset<Thread>>
holders(LayoutInterface layout, const Shape &shape, int64_t warps) {
  std::map<Coordinates, std::multiset<Thread>> result;
  const int64_t elements = layout.getNumElements(shape);
  for (int64_t warp = 0; warp < warps; ++warp)
    for (int64_t lane = 0; lane < kLanes; ++lane)
      for (int64_t i = 0; i < elements; ++i)
        result[locate(layout, shape, {lane, warp}, i)].insert({lane, warp});
  return result;
}

/// PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating point type":
/// accumulators c0 .. c3 of a 16 x 8 block.
Coordinates accumulatorOfISA(int64_t lane, int64_t i) {
  const int64_t group = lane >> 2, inGroup = lane % 4;
  return {i < 2 ? group : group + 8, inGroup * 2 + (i & 1)};
}

/// The same, multiplicand a0 .. a7 of a 16 x 16 block.
Coordinates multiplicandOfISA(int64_t lane, int64_t i) {
  const int64_t group = lane >> 2, inGroup = lane % 4;
  const bool isUpper = (i >= 0 && i < 2) || (i >= 4 && i < 6);
  return {isUpper ? group : group + 8,
          i < 4 ? inGroup * 2 + (i & 1) : inGroup * 2 + (i & 1) + 8};
}

struct Case {
  int64_t warps;
  Shape shape;
};

const Case kMatrices[] = {
    {1, {16, 16}},  {1, {48, 32}},  {2, {32, 64}},   {2, {64, 16}},
    {3, {96, 48}},  {4, {64, 64}},  {4, {128, 128}}, {8, {128, 64}},
    {8, {256, 32}}, {4, {64, 256}}, {16, {256, 16}}, {5, {80, 80}},
};

/// A matrix is held exactly once, by blocks that lie row by row in a warp's
/// part, each as the ISA says.
void expectMatrix(LayoutInterface layout, const Case &c, int64_t blockColumns,
                  Coordinates (*inBlock)(int64_t, int64_t)) {
  const Shape &shape = c.shape;
  const int64_t perBlock = 16 * blockColumns / kLanes;
  const int64_t rowsPerWarp = shape[0] / c.warps;
  const int64_t blocksPerRow = shape[1] / blockColumns;
  ASSERT_EQ(layout.getNumElements(shape),
            shape[0] * shape[1] / (kLanes * c.warps));
  for (int64_t warp = 0; warp < c.warps; ++warp)
    for (int64_t lane = 0; lane < kLanes; ++lane)
      for (int64_t i = 0; i < layout.getNumElements(shape); ++i) {
        const int64_t block = i / perBlock;
        Coordinates expected = inBlock(lane, i % perBlock);
        expected[0] += warp * rowsPerWarp + block / blocksPerRow * 16;
        expected[1] += block % blocksPerRow * blockColumns;
        ASSERT_EQ(locate(layout, shape, {lane, warp}, i), expected)
            << "lane " << lane << ", warp " << warp << ", element " << i;
      }
  const auto held = holders(layout, shape, c.warps);
  ASSERT_EQ(int64_t(held.size()), shape[0] * shape[1]);
  for (const auto &[at, threads] : held) {
    ASSERT_EQ(threads.size(), 1u) << at[0] << ", " << at[1];
    ASSERT_TRUE(at[0] >= 0 && at[0] < shape[0] && at[1] >= 0 &&
                at[1] < shape[1]);
  }
}

TEST_F(Layout, MmaIsTheAccumulatorOfTheISA) {
  for (const Case &c : kMatrices)
    expectMatrix(mma(c.warps), c, 8, accumulatorOfISA);
  // Blocks of 8 columns need no even number of them.
  expectMatrix(mma(2), {2, {32, 24}}, 8, accumulatorOfISA);
}

TEST_F(Layout, OperandIsTheMultiplicandOfTheISA) {
  for (const Case &c : kMatrices)
    expectMatrix(operand(c.warps), c, 16, multiplicandOfISA);
}

/// Why probabilities stay in registers.
TEST_F(Layout, OperandAndMmaHoldTheSameElements) {
  for (const Case &c : kMatrices)
    EXPECT_EQ(holders(mma(c.warps), c.shape, c.warps),
              holders(operand(c.warps), c.shape, c.warps));
}

/// An entry of a slice is held once by each thread that holds an element of
/// its row or column.
TEST_F(Layout, SliceIsWhatThreadsHoldOfTheMatrix) {
  for (const Case &c : kMatrices)
    for (int64_t dim : {0, 1}) {
      const int64_t kept = 1 - dim;
      std::map<Coordinates, std::set<Thread>> expected;
      for (const auto &[at, threads] : holders(mma(c.warps), c.shape, c.warps))
        expected[{at[kept]}].insert(threads.begin(), threads.end());
      const auto held = holders(slice(dim, c.warps), {c.shape[kept]}, c.warps);
      ASSERT_EQ(held.size(), expected.size());
      for (const auto &[at, threads] : held) {
        // Four lanes share a row; eight of every warp share a column.
        EXPECT_EQ(threads.size(), dim == 1 ? 4u : 8u * c.warps);
        EXPECT_EQ(std::set<Thread>(threads.begin(), threads.end()),
                  expected[at]);
        EXPECT_EQ(threads.size(), expected[at].size());
      }
    }
}

TEST_F(Layout, KnowsWhatItCanHold) {
  auto holds = [](LayoutInterface layout, Shape shape) {
    return mlir::succeeded(layout.verifyShape(shape, {}));
  };
  EXPECT_TRUE(holds(mma(4), {64, 8}));
  EXPECT_FALSE(holds(mma(4), {32, 8}));
  EXPECT_FALSE(holds(mma(4), {0, 8}));
  EXPECT_FALSE(holds(mma(4), {64, 12}));
  EXPECT_FALSE(holds(mma(4), {64, 0}));
  EXPECT_FALSE(holds(mma(4), {64}));
  EXPECT_TRUE(holds(operand(4), {64, 16}));
  EXPECT_FALSE(holds(operand(4), {64, 8}));
  EXPECT_TRUE(holds(slice(1, 4), {64}));
  EXPECT_FALSE(holds(slice(1, 4), {48}));
  EXPECT_TRUE(holds(slice(0, 4), {24}));
  EXPECT_FALSE(holds(slice(0, 4), {20}));
  EXPECT_FALSE(holds(slice(0, 4), {64, 8}));
}

TEST_F(Layout, FragmentsAreTensorsThatALayoutCanHold) {
  auto f32 = mlir::Float32Type::get(&context);
  auto tensor = [&](Shape shape, mlir::Attribute layout) {
    return mlir::RankedTensorType::get(shape, f32, layout);
  };
  EXPECT_TRUE(isFragment(tensor({64, 8}, mma(4))));
  EXPECT_FALSE(isFragment(tensor({64, 8}, {})));
  EXPECT_FALSE(isFragment(tensor({64, 12}, mma(4))));
  EXPECT_FALSE(isFragment(f32));
}

//===----------------------------------------------------------------------===//
// Schedules
//===----------------------------------------------------------------------===//

TEST_F(Layout, SchedulesHaveRanges) {
  // m, n, warps, stages, ctas
  auto isLegal = [&](std::array<int64_t, 5> s) {
    // Only the answer is asked for.
    mlir::ScopedDiagnosticHandler quiet(
        &context, [](mlir::Diagnostic &) { return mlir::success(); });
    auto emitError = [&] {
      return mlir::emitError(mlir::UnknownLoc::get(&context));
    };
    return bool(ScheduleAttr::getChecked(emitError, &context, s[0], s[1], s[2],
                                         s[3], s[4], Addressing::Uniform));
  };
  EXPECT_TRUE(isLegal({16, 16, 1, 1, 1}));
  EXPECT_TRUE(isLegal({256, 16, 16, 8, 8}));
  const std::array<int64_t, 5> good = {128, 64, 4, 2, 2};
  ASSERT_TRUE(isLegal(good));
  const std::vector<std::pair<size_t, std::vector<int64_t>>> bad = {
      {0, {-64, 0, 16, 32, 96, 127}},
      {1, {-16, 0, 8, 63}},
      {2, {-1, 0, 3, 17}},
      {3, {-1, 0, 9}},
      {4, {-1, 0, 9}},
  };
  for (const auto &[field, values] : bad)
    for (int64_t value : values) {
      auto schedule = good;
      schedule[field] = value;
      EXPECT_FALSE(isLegal(schedule)) << "field " << field << " = " << value;
    }
}

} // namespace
