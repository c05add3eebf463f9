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
/// mma.sync.m16n8k16 with f32 accumulators.
class Multiplier {
public:
  Multiplier(ThreadBuilder &b, Type elementType)
      : b(b), isBF16(elementType.isBF16()) {}

  void accumulate(ArrayRef<Value> a, ArrayRef<Value> bOperand,
                  MutableArrayRef<Value> acc) {
    Type f32 = b.getF32Type();
    auto type =
        LLVM::LLVMStructType::getLiteral(b.getContext(), {f32, f32, f32, f32});
    auto kind = isBF16 ? NVVM::MMATypes::bf16 : NVVM::MMATypes::f16;
    SmallVector<Value> left = cast(a), right = cast(bOperand);
    SmallVector<Value> sum(acc.begin(), acc.end());
    Value result = NVVM::MmaOp::create(
        b, type, left, right, sum, ArrayRef<int64_t>{16, 8, 16},
        /*b1Op=*/std::nullopt, /*intOverflow=*/std::nullopt,
        std::array<NVVM::MMATypes, 2>{kind, kind},
        std::array<NVVM::MMALayout, 2>{NVVM::MMALayout::row,
                                       NVVM::MMALayout::col});
    for (int64_t i = 0; i < 4; ++i)
      acc[i] = LLVM::ExtractValueOp::create(b, result, ArrayRef<int64_t>{i});
  }

private:
  SmallVector<Value> cast(ArrayRef<Value> registers) {
    SmallVector<Value> result(registers);
    if (!isBF16)
      for (Value &value : result)
        value = LLVM::BitcastOp::create(b, VectorType::get({2}, b.getF16Type()),
                                        value);
    return result;
  }

  ThreadBuilder &b;
  bool isBF16;
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
    auto getA = [&](int64_t rowBlock, int64_t k) -> SmallVector<Value, 4> {
      if (loader)
        return loader->get(rowBlock, k);
      auto first = adaptor.getA().begin() + (rowBlock * (depth / 16) + k) * 4;
      return SmallVector<Value, 4>(first, first + 4);
    };

    // A block of B: 16 of depth by 16 columns. Lanes 0-7, 8-15, ... address the
    // rows of one 8 x 8 matrix each.
    Value lane = b.lane();
    Value low = b.rem(lane, 8), second = b.rem(b.div(lane, 8), 2),
          upper = b.div(lane, 16);
    bool isTransposed = op.getTransposeB();
    // [N, K]: matrices (n, k), (n, k + 8), (n + 8, k), (n + 8, k + 8).
    // [K, N]: matrices (k, n), (k + 8, n), (k, n + 8), (k + 8, n + 8).
    Value row = b.add(low, b.mul(isTransposed ? upper : second, b.i32(8)));
    Value chunk = isTransposed ? second : upper;
    ChunkAddresses addresses(b, tile, adaptor.getB()[0], row, chunk);
    auto getB = [&](int64_t k, int64_t columns) {
      return isTransposed
                 ? loadMatrices(b, addresses.get(columns * 16, k * 2), false)
                 : loadMatrices(b, addresses.get(k * 16, columns * 2), true);
    };

    SmallVector<Value> acc(adaptor.getAcc());
    Multiplier multiplier(b, tile.getElementType());
    for (int64_t k = 0; k < depth / 16; ++k) {
      SmallVector<SmallVector<Value, 4>> a;
      for (int64_t rowBlock = 0; rowBlock < rowBlocks; ++rowBlock)
        a.push_back(getA(rowBlock, k));
      for (int64_t columns = 0; columns < columnBlocks / 2; ++columns) {
        SmallVector<Value, 4> right = getB(k, columns);
        for (int64_t rowBlock = 0; rowBlock < rowBlocks; ++rowBlock)
          for (int64_t half = 0; half < 2; ++half) {
            int64_t block = rowBlock * columnBlocks + columns * 2 + half;
            multiplier.accumulate(a[rowBlock],
                                  ArrayRef(right).slice(half * 2, 2),
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
