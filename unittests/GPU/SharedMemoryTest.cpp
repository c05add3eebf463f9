//===- SharedMemoryTest.cpp - Where tiles lie in shared memory ------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"

#include "hilbert/Dialect/HilbertGPU/IR/HilbertGPU.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Matchers.h"
#include <gtest/gtest.h>

#include <set>

using namespace hilbert;
using namespace hilbert::tile;
using mlir::Value;

namespace {

/// The formula of SmemType's documentation, for a tile of `columns` elements of
/// `elementBytes`: the byte at which 16-byte chunk `chunk` of `row` lies.
int64_t chunkOf(int64_t rows, int64_t columns, int64_t elementBytes,
                int64_t row, int64_t chunk) {
  int64_t panelColumns = 64 / (elementBytes / 2);
  while (columns % panelColumns)
    panelColumns /= 2;
  const int64_t panelBytes = panelColumns * elementBytes;
  const int64_t chunks = panelBytes / 16;
  const int64_t panel = chunk / chunks;
  const int64_t swizzled =
      (chunk % chunks) ^ (row / (128 / panelBytes) % chunks);
  return panel * rows * panelBytes + row * panelBytes + swizzled * 16;
}

class SharedMemory : public ::testing::Test {
protected:
  SharedMemory() {
    context.loadDialect<HilbertGPUDialect, mlir::arith::ArithDialect,
                        mlir::LLVM::LLVMDialect, mlir::NVVM::NVVMDialect>();
    module = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
  }

  SmemType tile(std::vector<int64_t> shape, mlir::Type type) {
    return SmemType::get(&context, shape, type);
  }
  mlir::Type bf16() { return mlir::BFloat16Type::get(&context); }
  mlir::Type f32() { return mlir::Float32Type::get(&context); }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

TEST_F(SharedMemory, PanelsAreTheWidestThatDivideARow) {
  for (int64_t columns = 16; columns <= 256; columns += 16) {
    const int64_t expected = columns % 64 == 0   ? 128
                             : columns % 32 == 0 ? 64
                                                 : 32;
    EXPECT_EQ(tile({8, columns}, bf16()).getPanelBytes(), expected) << columns;
  }
  EXPECT_EQ(tile({8, 16}, f32()).getPanelBytes(), 64);
  EXPECT_EQ(tile({8, 32}, f32()).getPanelBytes(), 128);
  EXPECT_EQ(tile({8, 48}, f32()).getPanelBytes(), 64);
}

TEST_F(SharedMemory, SizesAreMultiplesOf128) {
  EXPECT_EQ(tile({64, 128}, bf16()).getSizeInBytes(), 64 * 128 * 2);
  EXPECT_EQ(tile({8, 16}, bf16()).getSizeInBytes(), 256);
  EXPECT_EQ(tile({8, 16}, f32()).getSizeInBytes(), 512);
  EXPECT_EQ(tile({64}, f32()).getSizeInBytes(), 256);
  EXPECT_EQ(tile({48}, f32()).getSizeInBytes(), 256);
  EXPECT_EQ(tile({1}, f32()).getSizeInBytes(), 128);
}

/// The formula loses and repeats nothing, and eight consecutive rows of a
/// chunk, which a phase of ldmatrix reads, are in eight groups of four banks.
TEST_F(SharedMemory, SwizzleIsABijectionWithoutBankConflicts) {
  for (int64_t columns = 16; columns <= 256; columns += 16)
    for (int64_t rows : {8, 16, 64, 136}) {
      std::set<int64_t> used;
      const int64_t chunks = columns * 2 / 16;
      for (int64_t chunk = 0; chunk < chunks; ++chunk)
        for (int64_t row = 0; row < rows; row += 8) {
          std::set<int64_t> banks;
          for (int64_t i = 0; i < 8; ++i) {
            const int64_t at = chunkOf(rows, columns, 2, row + i, chunk);
            banks.insert(at / 16 % 8);
            used.insert(at);
          }
          ASSERT_EQ(banks.size(), 8u) << columns << " columns, chunk " << chunk;
        }
      ASSERT_EQ(int64_t(used.size()), rows * chunks);
      EXPECT_EQ(*used.begin(), 0);
      EXPECT_EQ(*used.rbegin(),
                tile({rows, columns}, bf16()).getSizeInBytes() - 16);
    }
}

/// What the lowering emits, folded for constant rows and chunks, is the
/// formula: chunk by chunk as copies take it,
TEST_F(SharedMemory, CopiesFollowTheFormula) {
  mlir::OpBuilder builder(module->getBodyRegion());
  ThreadBuilder b(module->getLoc(), builder);
  for (mlir::Type type : {bf16(), f32()})
    for (int64_t columns = 16; columns <= 256; columns += 16) {
      const int64_t rows = 24, bytes = type.getIntOrFloatBitWidth() / 8;
      const SmemType smem = tile({rows, columns}, type);
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t chunk = 0; chunk < columns * bytes / 16; ++chunk) {
          Value offset = getChunkOffset(b, smem, b.i32(row), b.i32(chunk));
          llvm::APInt value;
          ASSERT_TRUE(mlir::matchPattern(offset, mlir::m_ConstantInt(&value)));
          ASSERT_EQ(value.getSExtValue(),
                    chunkOf(rows, columns, bytes, row, chunk))
              << columns << " columns, row " << row << ", chunk " << chunk;
        }
    }
}

/// The distance of a pointer from a base.
int64_t distance(Value pointer, Value base) {
  if (pointer == base)
    return 0;
  auto gep = pointer.getDefiningOp<mlir::LLVM::GEPOp>();
  EXPECT_TRUE(gep && gep.getElemType().isInteger(8));
  auto index = gep.getIndices()[0];
  llvm::APInt value;
  if (auto constant = llvm::dyn_cast<mlir::IntegerAttr>(index))
    value = constant.getValue();
  else
    EXPECT_TRUE(mlir::matchPattern(llvm::cast<Value>(index),
                                   mlir::m_ConstantInt(&value)));
  return value.getSExtValue() + distance(gep.getBase(), base);
}

/// and with a thread's part and constants apart, as ldmatrix takes it.
TEST_F(SharedMemory, MatrixLoadsFollowTheFormula) {
  mlir::OpBuilder builder(module->getBodyRegion());
  ThreadBuilder b(module->getLoc(), builder);
  auto pointer = mlir::LLVM::LLVMPointerType::get(&context, 3);
  Value base = mlir::LLVM::PoisonOp::create(b, pointer);
  for (int64_t columns = 16; columns <= 256; columns += 16) {
    const int64_t rows = 48;
    const SmemType smem = tile({rows, columns}, bf16());
    for (int64_t row = 0; row < 16; ++row)
      for (int64_t chunk = 0; chunk < 2; ++chunk) {
        ChunkAddresses addresses(b, smem, base, b.i32(row), b.i32(chunk));
        for (int64_t moreRows = 0; moreRows <= 32; moreRows += 8)
          for (int64_t moreChunks = 0; moreChunks < columns / 8;
               moreChunks += 2)
            ASSERT_EQ(
                distance(addresses.get(moreRows, moreChunks), base),
                chunkOf(rows, columns, 2, row + moreRows, chunk + moreChunks))
                << columns << " columns, row " << row << " + " << moreRows
                << ", chunk " << chunk << " + " << moreChunks;
      }
  }
}

} // namespace
