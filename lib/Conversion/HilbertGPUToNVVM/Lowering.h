//===- Lowering.h - One thread's part of a tile program ---------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_LIB_CONVERSION_HILBERTGPUTONVVM_LOWERING_H
#define HILBERT_LIB_CONVERSION_HILBERTGPUTONVVM_LOWERING_H

#include "hilbert/Conversion/Passes.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/DialectConversion.h"

namespace hilbert {

/// Types of one thread: a fragment is the elements that it holds (16-bit
/// operands two in an i32), a matrix its base and stride, a tile in shared
/// memory its address.
class ThreadTypeConverter : public mlir::TypeConverter {
public:
  explicit ThreadTypeConverter(mlir::MLIRContext *context);
};

/// True for fragments whose elements are held two in a register.
bool isPacked(mlir::RankedTensorType fragment);

/// What a thread computes with.
class ThreadBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using Value = mlir::Value;
  ThreadBuilder(mlir::Location loc, mlir::OpBuilder &builder)
      : ImplicitLocOpBuilder(loc, builder) {}

  Value i32(int64_t value);
  Value add(Value a, Value b);
  Value mul(Value a, Value b);
  /// The product of two i32 as i64, by one instruction. LLVM finds it only
  /// where both extensions are in the block of the product.
  Value mulWide(Value a, Value b);
  Value min(Value a, Value b);
  Value xori(Value a, Value b);
  Value land(Value a, Value b);
  Value shl(Value a, Value b);
  Value shr(Value a, Value b);
  Value div(Value a, int64_t b);
  Value rem(Value a, int64_t b);
  Value less(Value a, Value b);
  Value select(Value condition, Value a, Value b);
  void when(Value condition, llvm::function_ref<void()> body);
  /// i = first, first + step, … < end. It stays a loop where `first` is not a
  /// constant: nobody knows how often it runs.
  void loop(Value first, int64_t end, int64_t step,
            llvm::function_ref<void(Value)> body);

  Value thread();
  /// The same i32, but nothing that was computed from it before is used again:
  /// that would be kept in registers until here.
  Value opaque(Value value);
  Value threadAgain();
  Value lane();
  Value warp();
  /// An affine function of (lane, warp).
  Value apply(mlir::AffineExpr expr);

  /// `pointer` + `bytes`; a constant part goes into the instruction.
  Value offset(Value pointer, Value bytes, int64_t constant = 0);
  Value load(mlir::Type type, Value pointer, unsigned alignment = 0);
  void store(Value value, Value pointer, unsigned alignment = 0);
};

/// Number of threads of the kernel around an op.
int64_t getNumThreads(mlir::Operation *op);

/// What the schedule of the kernel around an op keeps in registers.
tile::Addressing getAddressing(mlir::Operation *op);

/// Where chunk `chunk` (16 bytes) of row `row` of a tile lies, in bytes.
mlir::Value getChunkOffset(ThreadBuilder &b, tile::SmemType tile,
                           mlir::Value row, mlir::Value chunk);

/// Addresses of chunks (row + constant, chunk + constant) of a tile, where row
/// and chunk depend on the thread, the row constants are multiples of 8, the
/// chunk constants even, and chunk is 0 or 1: one register for each pair of
/// chunks of a panel, the rest in the instruction.
class ChunkAddresses {
public:
  ChunkAddresses(ThreadBuilder &b, tile::SmemType tile, mlir::Value base,
                 mlir::Value row, mlir::Value chunk);
  mlir::Value get(int64_t row, int64_t chunk);

private:
  ThreadBuilder &b;
  tile::SmemType tile;
  mlir::Value base, first;
  llvm::SmallVector<mlir::Value> pairs;
};

/// Loads the left operand's register blocks [row block][16 columns][4] of a
/// tile in shared memory, one column block at a time.
class OperandLoader {
public:
  OperandLoader(ThreadBuilder &b, tile::SmemType tile, mlir::Value base,
                int64_t rowsPerWarp);
  /// Four registers of a 16 x 16 block.
  llvm::SmallVector<mlir::Value, 4> get(int64_t rowBlock, int64_t columnBlock);

private:
  ThreadBuilder &b;
  ChunkAddresses addresses;
};

/// ldmatrix.x4.
llvm::SmallVector<mlir::Value, 4>
loadMatrices(ThreadBuilder &b, mlir::Value address, bool transpose);

void populateDotPatterns(const ThreadTypeConverter &converter,
                         mlir::RewritePatternSet &patterns);
void populateMemoryPatterns(const ThreadTypeConverter &converter,
                            mlir::RewritePatternSet &patterns);
void populateNonFinitePatterns(const ThreadTypeConverter &converter,
                               mlir::RewritePatternSet &patterns);

/// The row (or column) that each element of a thread's part of a slice is.
llvm::SmallVector<mlir::Value> getIndices(ThreadBuilder &b,
                                          mlir::RankedTensorType slice);

/// The rows of a tile, from the values that stand for them.
class RowReader {
public:
  RowReader(ThreadBuilder &b, tile::RowsType type, mlir::ValueRange values)
      : b(b), type(type), values(values) {}

  mlir::Value count() const { return values[1]; }
  mlir::Value exists(mlir::Value row) { return b.less(row, count()); }
  /// The token of a row; of the last one for rows that do not exist.
  mlir::Value token(mlir::Value row);

  bool isBox() const { return type.getAccess() == tile::Access::Box; }
  /// Of a box: the token of row 0, and what is added for row `more`. The
  /// distance of a row is the sum of those of its bits.
  mlir::Value origin() const { return values[0]; }
  mlir::Value distance(mlir::Value more);

private:
  ThreadBuilder &b;
  tile::RowsType type;
  mlir::ValueRange values;
};

} // namespace hilbert

#endif // HILBERT_LIB_CONVERSION_HILBERTGPUTONVVM_LOWERING_H
