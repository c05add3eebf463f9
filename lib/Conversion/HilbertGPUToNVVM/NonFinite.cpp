//===- NonFinite.cpp - Elements that are infinite or NaN ------------------===//
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

namespace {
/// The kinds of elements, in the order of bounds.
enum Kind { kNaN, kPositive, kNegative, kNumKinds };

/// Bits of floats, zero-extended to 32.
class FloatBits {
public:
  FloatBits(ThreadBuilder &b, Type elementType)
      : b(b), bits(elementType.getIntOrFloatBitWidth()),
        fractionBits(cast<FloatType>(elementType).getFPMantissaWidth() - 1) {}

  /// Of a register of one or two: not 0 if one is infinite or NaN.
  Value findNonFinite(Value word) {
    // The exponent overflows into the sign.
    Value exponents = b.land(word, all(infinity()));
    return b.land(b.add(exponents, all(int64_t(1) << fractionBits)),
                  all(sign()));
  }
  Value isNonFinite(Value element) {
    return b.less(b.i32(infinity() - 1), getAbsolute(element));
  }
  /// The kind of one that is not finite.
  Value getKind(Value element) {
    Value isNaN = b.less(b.i32(infinity()), getAbsolute(element));
    Value isNegative =
        LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::ne,
                             b.land(element, b.i32(int32_t(sign()))), b.i32(0));
    return b.select(isNaN, b.i32(kNaN),
                    b.select(isNegative, b.i32(kNegative), b.i32(kPositive)));
  }

private:
  int64_t sign() const { return int64_t(1) << (bits - 1); }
  int64_t infinity() const {
    return (sign() - 1) >> fractionBits << fractionBits;
  }
  Value getAbsolute(Value element) {
    return b.land(element, b.i32(sign() - 1));
  }
  /// In every element of a register.
  Value all(int64_t element) {
    return b.i32(int32_t(bits == 16 ? element << 16 | element : element));
  }

  ThreadBuilder &b;
  int64_t bits, fractionBits;
};

Value isNonZero(ThreadBuilder &b, Value bits) {
  return LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::ne, bits, b.i32(0));
}

struct LowerFill : public OpConversionPattern<FillOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(FillOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    ThreadBuilder b(op.getLoc(), rewriter);
    Value buffer = adaptor.getBuffer()[0], value = b.i32(op.getValue());
    b.loop(b.thread(), op.getBuffer().getType().getShape()[0],
           getNumThreads(op), [&](Value i) {
             b.store(value, b.offset(buffer, b.mul(i, b.i32(4))), 4);
           });
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerTakeNonFinite : public OpConversionPattern<TakeNonFiniteOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(TakeNonFiniteOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    ThreadBuilder b(op.getLoc(), rewriter);
    Value found = find(b, op, adaptor.getTile()[0]);
    b.when(found, [&] { clean(b, op, adaptor); });
    rewriter.replaceOp(op, found);
    return success();
  }

private:
  static int64_t getChunks(TakeNonFiniteOp op) {
    return op.getTile().getType().getSizeInBytes() / 16;
  }
  static Value loadChunk(ThreadBuilder &b, Value address) {
    return b.load(VectorType::get({4}, b.getI32Type()), address, 16);
  }

  /// Whether the condition holds and any thread finds an element in its part.
  static Value find(ThreadBuilder &b, TakeNonFiniteOp op, Value tile) {
    FloatBits floats(b, op.getTile().getType().getElementType());
    // No branch around it: what lives across one takes more registers.
    Value chunks = b.select(op.getCondition(), b.i32(getChunks(op)), b.i32(0));
    auto loop = scf::ForOp::create(
        b, b.thread(), chunks, b.i32(getNumThreads(op)), ValueRange{b.i32(0)});
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      Value chunk = loadChunk(
          b, b.offset(tile, b.mul(loop.getInductionVar(), b.i32(16))));
      Value bits = loop.getRegionIterArg(0);
      for (int64_t i = 0; i < 4; ++i)
        bits = LLVM::OrOp::create(
            b, bits,
            floats.findNonFinite(
                LLVM::ExtractElementOp::create(b, chunk, b.i32(i))));
      scf::YieldOp::create(b, bits);
    }
    Value own = LLVM::ZExtOp::create(b, b.getI32Type(),
                                     isNonZero(b, loop.getResult(0)));
    Value any =
        NVVM::BarrierOp::create(b, b.getI32Type(), /*barrierId=*/Value(),
                                /*numberOfThreads=*/Value(),
                                NVVM::BarrierReductionAttr::get(
                                    b.getContext(), NVVM::BarrierReduction::OR),
                                own)
            .getResult(0);
    return isNonZero(b, any);
  }

  static void clean(ThreadBuilder &b, TakeNonFiniteOp op,
                    OneToNOpAdaptor adaptor) {
    SmemType tile = op.getTile().getType();
    int64_t columns = tile.getShape()[1], threads = getNumThreads(op);
    Value bounds = adaptor.getBounds()[0], thread = b.threadAgain();
    // One element after the other: this is rare, and its code must not take
    // registers from what is not.
    FloatBits floats(b, tile.getElementType());
    int64_t bytes = tile.getElementType().getIntOrFloatBitWidth() / 8;
    int64_t inChunk = 16 / bytes;
    Type word = b.getIntegerType(8 * bytes);
    RowReader ranks(b, op.getRanks().getType(), adaptor.getRanks());
    b.loop(thread, tile.getShape()[0] * columns, threads, [&](Value flat) {
      Value row = b.div(flat, columns), column = b.rem(flat, columns);
      Value address = b.offset(
          b.offset(adaptor.getTile()[0],
                   getChunkOffset(b, tile, row, b.div(column, inChunk))),
          b.mul(b.rem(column, inChunk), b.i32(bytes)));
      Value element = b.load(word, address, bytes);
      if (bytes < 4)
        element = LLVM::ZExtOp::create(b, b.getI32Type(), element);
      b.when(floats.isNonFinite(element), [&] {
        Value index =
            b.add(column, b.mul(floats.getKind(element), b.i32(columns)));
        LLVM::AtomicRMWOp::create(
            b, op.getLatest() ? LLVM::AtomicBinOp::max : LLVM::AtomicBinOp::min,
            b.offset(bounds, b.mul(index, b.i32(4))), ranks.token(row),
            LLVM::AtomicOrdering::monotonic, "block");
        b.store(LLVM::ConstantOp::create(b, b.getIntegerAttr(word, 0)), address,
                bytes);
      });
    });
    NVVM::Barrier0Op::create(b);
  }
};

struct LowerPoison : public OpConversionPattern<PoisonOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(PoisonOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    ThreadBuilder b(op.getLoc(), rewriter);
    RankedTensorType type = op.getType(), rankType = op.getRanks().getType();
    LayoutInterface layout = getLayout(type), slice = getLayout(rankType);
    ArrayRef<int64_t> shape = type.getShape();
    llvm::DenseMap<int64_t, Value> ranks;
    for (auto [i, rank] : llvm::enumerate(adaptor.getRanks()))
      ranks[slice.getOffset(rankType.getShape(), i)[0]] = rank;
    Value column = b.apply(layout.getThreadMap(shape).getResult(1));
    Value first = b.offset(adaptor.getBounds()[0], b.mul(column, b.i32(4)));
    auto f32 = [&](double value) -> Value {
      return LLVM::ConstantOp::create(b, b.getF32FloatAttr(value));
    };
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const double numbers[] = {std::numeric_limits<double>::quiet_NaN(),
                              infinity, -infinity};
    // Where registers are short, bounds are read in order, not many at once.
    bool isTight = getAddressing(op) != Addressing::Thread;
    SmallVector<Value> values(adaptor.getSource());
    for (auto [i, value] : llvm::enumerate(values)) {
      SmallVector<int64_t> at = layout.getOffset(shape, i);
      for (int kind = 0; kind < kNumKinds; ++kind) {
        Value bound =
            b.load(b.getI32Type(),
                   b.offset(first, Value(), 4 * (kind * shape[1] + at[1])), 4);
        bound.getDefiningOp<LLVM::LoadOp>().setVolatile_(isTight);
        Value rank = ranks.lookup(at[0]);
        Value isHidden =
            op.getLatest() ? b.less(bound, rank) : b.less(rank, bound);
        value = LLVM::FAddOp::create(
            b, value, b.select(isHidden, f32(0), f32(numbers[kind])));
      }
    }
    rewriter.replaceOpWithMultiple(op, {values});
    return success();
  }
};
} // namespace

void hilbert::populateNonFinitePatterns(const ThreadTypeConverter &converter,
                                        RewritePatternSet &patterns) {
  patterns.add<LowerFill, LowerTakeNonFinite, LowerPoison>(
      converter, patterns.getContext());
}
