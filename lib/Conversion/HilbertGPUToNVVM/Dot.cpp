//===- Dot.cpp - Products of tiles on the tensor cores --------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"

using namespace mlir;
using namespace hilbert;
using namespace hilbert::tile;

SmallVector<Value, 4> hilbert::loadMatrices(ThreadBuilder &b, Value address,
                                            bool transpose) {
  Type i32 = b.getI32Type();
  auto type =
      LLVM::LLVMStructType::getLiteral(b.getContext(), {i32, i32, i32, i32});
  auto layout = transpose ? NVVM::MMALayout::col : NVVM::MMALayout::row;
  Value loaded = NVVM::LdMatrixOp::create(
      b, type, address, /*num=*/4, layout,
      NVVM::LdStMatrixShapeAttr::get(b.getContext(), 8, 8),
      NVVM::LdStMatrixEltType::B16);
  SmallVector<Value, 4> registers;
  for (int64_t i = 0; i < 4; ++i)
    registers.push_back(
        LLVM::ExtractValueOp::create(b, loaded, ArrayRef<int64_t>{i}));
  return registers;
}

//===----------------------------------------------------------------------===//
// Addresses
//===----------------------------------------------------------------------===//

ChunkAddresses::ChunkAddresses(ThreadBuilder &b, SmemType tile, Value base,
                               Value row, Value chunk)
    : b(b), tile(tile), base(base) {
  int64_t panel = tile.getPanelBytes(), chunks = panel / 16;
  // chunk xor swizzle; even constants only change higher bits than it has.
  Value swizzle = b.rem(b.div(row, 128 / panel), chunks);
  first =
      b.add(b.mul(row, b.i32(panel)), b.mul(b.xori(chunk, swizzle), b.i32(16)));
  pairs.resize(chunks / 2);
}

Value ChunkAddresses::get(int64_t row, int64_t chunk) {
  int64_t panel = tile.getPanelBytes(), chunks = panel / 16;
  Value &pair = pairs[chunk % chunks / 2];
  if (!pair)
    pair = b.offset(base, b.xori(first, b.i32(chunk % chunks * 16)));
  int64_t constant = chunk / chunks * tile.getShape()[0] * panel + row * panel;
  return b.offset(pair, Value(), constant);
}

OperandLoader::OperandLoader(ThreadBuilder &b, SmemType tile, Value base,
                             int64_t rowsPerWarp)
    : b(b),
      addresses(b, tile, base,
                b.add(b.mul(b.warp(), b.i32(rowsPerWarp)), b.rem(b.lane(), 16)),
                b.div(b.lane(), 16)) {}

SmallVector<Value, 4> OperandLoader::get(int64_t rowBlock,
                                         int64_t columnBlock) {
  return loadMatrices(b, addresses.get(rowBlock * 16, columnBlock * 2),
                      /*transpose=*/false);
}

//===----------------------------------------------------------------------===//
// The product
//===----------------------------------------------------------------------===//

namespace {
/// mma.sync.m16n8k16 of f16 or bf16, or m16n8k8 of tf32, with f32 accumulators.
class Multiplier {
public:
  Multiplier(ThreadBuilder &b, Type elementType)
      : b(b), elementType(elementType) {}

  /// Columns of a, and rows of b, in one instruction.
  int64_t depth() const { return elementType.isF32() ? 8 : 16; }

  void accumulate(ArrayRef<Value> a, ArrayRef<Value> bOperand,
                  MutableArrayRef<Value> acc) {
    Type f32 = b.getF32Type();
    auto type =
        LLVM::LLVMStructType::getLiteral(b.getContext(), {f32, f32, f32, f32});
    auto kind = elementType.isF32()    ? NVVM::MMATypes::tf32
                : elementType.isBF16() ? NVVM::MMATypes::bf16
                                       : NVVM::MMATypes::f16;
    SmallVector<Value> left = convert(a), right = convert(bOperand);
    SmallVector<Value> sum(acc.begin(), acc.end());
    Value result = NVVM::MmaOp::create(
        b, type, left, right, sum, ArrayRef<int64_t>{16, 8, depth()},
        /*b1Op=*/std::nullopt, /*intOverflow=*/std::nullopt,
        std::array<NVVM::MMATypes, 2>{kind, kind},
        std::array<NVVM::MMALayout, 2>{NVVM::MMALayout::row,
                                       NVVM::MMALayout::col});
    for (int64_t i = 0; i < 4; ++i)
      acc[i] = LLVM::ExtractValueOp::create(b, result, ArrayRef<int64_t>{i});
  }

private:
  /// Registers as the instruction's operands have them.
  SmallVector<Value> convert(ArrayRef<Value> registers) {
    SmallVector<Value> result(registers);
    for (Value &value : result) {
      if (elementType.isF16())
        value = LLVM::BitcastOp::create(b, VectorType::get({2}, b.getF16Type()),
                                        value);
      else if (elementType.isF32())
        value = roundToTF32(value);
    }
    return result;
  }
  /// To nearest: the instruction itself would cut bits off.
  Value roundToTF32(Value value) {
    if (!value.getType().isF32())
      value = LLVM::BitcastOp::create(b, b.getF32Type(), value);
    return NVVM::ConvertFloatToTF32Op::create(b, b.getI32Type(), value,
                                              NVVM::FPRoundingMode::RNA);
  }

  ThreadBuilder &b;
  Type elementType;
};

/// Fragments of b in shared memory, for 16 of its columns at a time.
class RightLoader {
public:
  RightLoader(ThreadBuilder &b, SmemType tile, Value base, bool isTransposed)
      : b(b), isTransposed(isTransposed), isF32(tile.getElementType().isF32()),
        addresses(b, tile, base, getRow(b, isTransposed, isF32),
                  getChunk(b, isTransposed, isF32)) {
    // ldmatrix does not transpose elements of 32 bits: each lane loads its own.
    if (isF32 && !isTransposed)
      odd.emplace(b, tile, base,
                  b.add(getRow(b, isTransposed, isF32), b.i32(1)),
                  getChunk(b, isTransposed, isF32));
  }

  /// Two registers for each of two blocks of 8 columns.
  SmallVector<Value, 4> get(int64_t k, int64_t columns) {
    if (isTransposed)
      return loadMatrices(b, addresses.get(columns * 16, k * 2), false);
    if (!isF32)
      return loadMatrices(b, addresses.get(k * 16, columns * 2), true);
    SmallVector<Value, 4> registers;
    Value inChunk = b.mul(b.rem(b.div(b.lane(), 4), 4), b.i32(4));
    for (int64_t block = 0; block < 2; ++block)
      for (ChunkAddresses *rows : {&addresses, &*odd})
        registers.push_back(b.load(
            b.getF32Type(),
            b.offset(rows->get(k * 8, columns * 4 + block * 2), inChunk), 4));
    return registers;
  }

private:
  // Lanes 0-7, 8-15, ... address the rows of one 8 x 8 matrix each.
  // [N, K]: matrices (n, k), (n, k + 8), (n + 8, k), (n + 8, k + 8).
  // [K, N]: matrices (k, n), (k + 8, n), (k, n + 8), (k + 8, n + 8).
  // f32 [K, N]: rows 2 (lane mod 4) and the next, which is the order in which
  // a's registers have them, column lane / 4.
  static Value getRow(ThreadBuilder &b, bool isTransposed, bool isF32) {
    Value lane = b.lane();
    if (isF32 && !isTransposed)
      return b.mul(b.rem(lane, 4), b.i32(2));
    Value second = b.rem(b.div(lane, 8), 2), upper = b.div(lane, 16);
    return b.add(b.rem(lane, 8),
                 b.mul(isTransposed ? upper : second, b.i32(8)));
  }
  static Value getChunk(ThreadBuilder &b, bool isTransposed, bool isF32) {
    Value lane = b.lane();
    if (isTransposed)
      return b.rem(b.div(lane, 8), 2);
    return b.div(lane, 16);
  }

  ThreadBuilder &b;
  bool isTransposed, isF32;
  ChunkAddresses addresses;
  std::optional<ChunkAddresses> odd;
};

struct LowerDot : public OpConversionPattern<DotOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(DotOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    ThreadBuilder b(op.getLoc(), rewriter);
    SmemType tile = op.getB().getType();
    ArrayRef<int64_t> shape = op.getType().getShape();
    auto layout = ::cast<MmaAttr>(op.getType().getEncoding());
    int64_t rowsPerWarp = shape[0] / layout.getWarps();
    int64_t rowBlocks = rowsPerWarp / 16, columnBlocks = shape[1] / 8;
    int64_t depth = tile.getShape()[op.getTransposeB() ? 1 : 0];

    std::optional<OperandLoader> loader;
    if (auto smem = dyn_cast<SmemType>(op.getA().getType()))
      loader.emplace(b, smem, adaptor.getA()[0], rowsPerWarp);
    Multiplier multiplier(b, tile.getElementType());
    // A block of a in registers: four, or in f32 four of the eight elements of
    // 16 columns, first those of even columns.
    auto getA = [&](int64_t rowBlock, int64_t k) -> SmallVector<Value, 4> {
      if (loader)
        return loader->get(rowBlock, k);
      auto first = adaptor.getA().begin() +
                   (rowBlock * (depth / multiplier.depth()) + k) * 4;
      if (tile.getElementType().isF32())
        return {first[0], first[2], first[1], first[3]};
      return SmallVector<Value, 4>(first, first + 4);
    };
    RightLoader right(b, tile, adaptor.getB()[0], op.getTransposeB());

    SmallVector<Value> acc(adaptor.getAcc());
    for (int64_t k = 0; k < depth / multiplier.depth(); ++k) {
      SmallVector<SmallVector<Value, 4>> a;
      for (int64_t rowBlock = 0; rowBlock < rowBlocks; ++rowBlock)
        a.push_back(getA(rowBlock, k));
      for (int64_t columns = 0; columns < columnBlocks / 2; ++columns) {
        SmallVector<Value, 4> registers = right.get(k, columns);
        for (int64_t rowBlock = 0; rowBlock < rowBlocks; ++rowBlock)
          for (int64_t half = 0; half < 2; ++half) {
            int64_t block = rowBlock * columnBlocks + columns * 2 + half;
            multiplier.accumulate(a[rowBlock],
                                  ArrayRef(registers).slice(half * 2, 2),
                                  MutableArrayRef(acc).slice(block * 4, 4));
          }
      }
    }
    rewriter.replaceOpWithMultiple(op, {acc});
    return success();
  }
};
} // namespace

void hilbert::populateDotPatterns(const ThreadTypeConverter &converter,
                                  RewritePatternSet &patterns) {
  patterns.add<LowerDot>(converter, patterns.getContext());
}
