//===- Forward.cpp - The kernel of hilbert.attention ----------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A CTA owns a tile of queries of one class of a segment and walks the keys
// that they meet with an online softmax (Milakov and Gimelshein,
// arXiv:1805.02867; Dao, arXiv:2307.08691).
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace hilbert;
using Side = KernelBuilder::Side;
using Operand = KernelBuilder::Operand;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// |scale| / ln 2, for exp2. A scale of 0 becomes one that cannot be told from
/// it: 0 times the -inf of a masked score would be NaN.
static Value getScaleLog2(TileBuilder &b, Value scale, Value isNegative) {
  Value log2 = b.mulf(scale, b.f32(1.0 / llvm::numbers::ln2));
  log2 = b.select(isNegative, b.subf(b.f32(0), log2), log2);
  return b.select(b.equalf(log2, b.f32(0)), b.f32(1e-37), log2);
}

void hilbert::emitForward(OpBuilder &at, Location loc, StringRef base,
                          const KernelKey &key, tile::ScheduleAttr schedule) {
  KernelBuilder b(at, loc, base, "forward", key, schedule, Side::Queries);
  b.declare({"q", "k", "v", "out"}, {"lse"});
  b.decode();
  ClassRange queries = b.queriesOf(b.residue), keys = b.keysOfItem();
  Value start = b.mul(b.tileIndex, b.i32(b.m()));
  b.when(b.less(start, queries.count), [&] {
    int64_t depth = b.depthInTiles();
    auto smem = [&](int64_t rows) {
      return tile::SmemType::get(b.getContext(), {rows, depth},
                                 key.elementType);
    };
    RankedTensorType scores = b.f32Tile(b.m(), b.n());
    RankedTensorType sums = b.f32Tile(b.m(), depth);
    RankedTensorType rowType = b.rowVector(b.getF32Type());
    auto operand = [&](RankedTensorType type) {
      return RankedTensorType::get(
          type.getShape(), key.elementType,
          tile::OperandAttr::get(b.getContext(), b.layout()));
    };

    Value queryRows = b.rows(Operand::Queries, queries, start, b.m());
    Value keyHead = b.div(b.head, b.div(b.i32Argument("query_heads"),
                                        b.i32Argument("key_heads")));
    Value kMatrix = b.matrix("k", keyHead), vMatrix = b.matrix("v", keyHead);
    Value isNegative = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT,
                                             b.f32Argument("scale"), b.f32(0));
    Value scale =
        b.splat(rowType, getScaleLog2(b, b.f32Argument("scale"), isNegative));
    Value scaleTile = b.broadcast(scale, scores);
    Value q =
        tile::LoadOp::create(b, smem(b.m()), b.matrix("q", b.head), queryRows);
    q = tile::FlipSignOp::create(b, q, isNegative);
    Value none = b.splat(rowType, -kInfinity), zero = b.splat(rowType, 0);

    TileMask mask(b, queries, start, queryRows, keys);
    HiddenNonFinite hidden(b);
    TileBuilder::Values init{none, zero, b.splat(sums, 0)};
    llvm::append_range(init, hidden.begin());
    Value tiles = b.ceilDiv(mask.endOther(), b.i32(b.n()));
    auto results = b.loop(
        b.i32(0), tiles, init,
        [&](Value i, ValueRange carried) -> TileBuilder::Values {
          Value maximum = carried[0], total = carried[1], sum = carried[2];
          Value first = b.mul(i, b.i32(b.n()));
          Value keyRows = b.rows(Operand::Keys, keys, first, b.n());
          Value k = tile::LoadOp::create(b, smem(b.n()), kMatrix, keyRows);
          Value v = tile::LoadOp::create(b, smem(b.n()), vMatrix, keyRows);
          TileBuilder::Values found =
              hidden.take(mask, v, first, keyRows, carried.drop_front(3));
          Value score = tile::DotOp::create(b, q, k, b.splat(scores, 0),
                                            /*transpose_b=*/true);
          auto masked = [&]() -> TileBuilder::Values {
            return {b.select(mask.get(first, keyRows), score,
                             b.splat(scores, -kInfinity))};
          };
          if (Value isNeeded = mask.isNeeded(first))
            score = b.choose(isNeeded, {scores}, masked,
                             [&] { return TileBuilder::Values{score}; })[0];
          else
            score = masked()[0];
          // Before a row's first key, any finite reference gives exp2(-inf) =
          // 0.
          Value next = b.maxf(
              maximum, tile::ReduceOp::create(b, tile::Reduction::Max, score));
          Value reference = b.select(b.equalf(next, none), zero, next);
          Value negated = b.mulf(b.subf(zero, reference), scale);
          Value weight =
              b.exp2(b.fma(score, scaleTile, b.broadcast(negated, scores)));
          Value rescale = b.exp2(b.fma(maximum, scale, negated));
          total =
              b.fma(total, rescale,
                    tile::ReduceOp::create(b, tile::Reduction::Sum, weight));
          sum = b.mulf(sum, b.broadcast(rescale, sums));
          Value p = tile::ToOperandOp::create(b, operand(scores), weight);
          sum = tile::DotOp::create(b, p, v, sum, /*transpose_b=*/false);
          TileBuilder::Values values{next, total, sum};
          llvm::append_range(values, found);
          return values;
        });

    // Causal loops have no registers to spare.
    if (key.causal == Causality::Position)
      b.decode(/*isAgain=*/true);
    Value maximum = results[0], total = results[1];
    Value sum =
        hidden.giveBack(ValueRange(results).drop_front(3), results[2],
                        [&] { return b.ranks(queries, start, queryRows); });
    Value isEmpty = b.equalf(total, zero);
    Value inverse = b.select(isEmpty, zero, b.divf(b.splat(rowType, 1), total));
    Value out = b.mulf(sum, b.broadcast(inverse, sums));
    Value outRows = key.outOrderIsQueryOrder
                        ? queryRows
                        : b.rows(Operand::Outs, queries, start, b.m());
    tile::StoreOp::create(b, tile::ToOperandOp::create(b, operand(sums), out),
                          b.matrix("out", b.head), outRows);
    Value lse = b.mulf(b.fma(maximum, scale, b.log2(total)),
                       b.splat(rowType, llvm::numbers::ln2));
    tile::StoreOp::create(b, b.select(isEmpty, none, lse),
                          b.stats("lse", b.head), outRows);
  });
  b.finish();
}
