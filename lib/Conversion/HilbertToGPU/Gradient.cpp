//===- Gradient.cpp - The kernels of hilbert.attention_grad ---------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// Two kernels, of which each writes what no other does: sums have one order, so
// results are the same in every run, and there are no atomics and no
// accumulators in global memory. Each recomputes P = exp(S - lse).
//
//   dq     CTAs own queries and walk keys: 3 products. It also writes
//          delta = rowsum(dout ∘ out) - dlse, which the other reads
//   dkv    CTAs own keys and walk queries: 4 products
//
// Probabilities and their gradients go from one product into the next in
// registers: the side that a CTA owns is the rows of every accumulator.
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace hilbert;
using Side = KernelBuilder::Side;
using Operand = KernelBuilder::Operand;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

static tile::SmemType getSmem(KernelBuilder &b, int64_t rows) {
  return tile::SmemType::get(b.getContext(), {rows, b.depthInTiles()},
                             b.key.elementType);
}

static Value toOperand(KernelBuilder &b, Value tile) {
  auto type = cast<RankedTensorType>(tile.getType());
  return tile::ToOperandOp::create(
      b,
      RankedTensorType::get(type.getShape(), b.key.elementType,
                            tile::OperandAttr::get(b.getContext(), b.layout())),
      tile);
}

/// -lse / ln 2 of queries that have keys, and -inf of those without, so that
/// exp2 gives them P = 0.
static Value getShift(KernelBuilder &b, Value lse) {
  auto type = cast<RankedTensorType>(lse.getType());
  Value shift = b.mulf(lse, b.splat(type, -1.0 / llvm::numbers::ln2));
  Value isEmpty = b.equalf(lse, b.splat(type, -kInfinity));
  return b.select(isEmpty, b.splat(type, -kInfinity), shift);
}

/// P = exp2(S · scale / ln 2 + shift).
static Value getWeights(KernelBuilder &b, Value score, Value shift) {
  auto type = cast<RankedTensorType>(score.getType());
  Value scale = b.mulf(b.f32Argument("scale"), b.f32(1.0 / llvm::numbers::ln2));
  return b.exp2(b.fma(score, b.splat(type, scale), b.broadcast(shift, type)));
}

namespace {
/// A gradient of the builder's own side: the sum of weights · tile over tiles
/// of the other side. Loops carry it, and whether causality hid what is not
/// finite.
class GradientSum {
public:
  explicit GradientSum(KernelBuilder &b)
      : b(b), type(b.f32Tile(b.m(), b.depthInTiles())), hidden(b) {}

  TileBuilder::Values begin() {
    TileBuilder::Values values{b.splat(type, 0)};
    llvm::append_range(values, hidden.begin());
    return values;
  }
  /// Adds a product. Its own are the first of `carried`, and are dropped there.
  TileBuilder::Values add(TileMask &mask, Value weights, Value tile,
                          Value first, Value rows, ValueRange &carried) {
    Value a = toOperand(b, weights);
    ValueRange mine = takeMine(carried);
    TileBuilder::Values found =
        hidden.take(mask, tile, first, rows, mine.drop_front());
    TileBuilder::Values values{
        tile::DotOp::create(b, a, tile, mine.front(), /*transpose_b=*/false)};
    llvm::append_range(values, found);
    return values;
  }
  /// factor · sum, to the rows of a matrix.
  void store(ValueRange &carried, Value factor, StringRef matrix,
             const ClassRange &own, Value start, Value rows) {
    ValueRange mine = takeMine(carried);
    Value sum = hidden.giveBack(mine.drop_front(), mine.front(),
                                [&] { return b.ranks(own, start, rows); });
    if (factor)
      sum = b.mulf(sum, b.splat(type, factor));
    tile::StoreOp::create(b, toOperand(b, sum), b.matrix(matrix, b.head), rows);
  }

private:
  ValueRange takeMine(ValueRange &carried) {
    size_t count = b.key.causal == Causality::None ? 1 : 2;
    ValueRange mine = carried.take_front(count);
    carried = carried.drop_front(count);
    return mine;
  }

  KernelBuilder &b;
  RankedTensorType type;
  HiddenNonFinite hidden;
};
} // namespace

/// rowsum(dout ∘ out) - dlse of a tile of queries.
static Value emitDelta(KernelBuilder &b, Value dout, Value outRows) {
  Value out = tile::LoadOp::create(b, getSmem(b, b.m()),
                                   b.matrix("out", b.head), outRows);
  auto type =
      RankedTensorType::get({b.m(), b.depthInTiles()}, b.key.elementType,
                            tile::OperandAttr::get(b.getContext(), b.layout()));
  auto widen = [&](Value source) -> Value {
    Value operand = tile::LocalLoadOp::create(b, type, source);
    if (b.key.elementType.isF32())
      return operand;
    return arith::ExtFOp::create(b,
                                 RankedTensorType::get(type.getShape(),
                                                       b.getF32Type(),
                                                       type.getEncoding()),
                                 operand);
  };
  Value delta = tile::ReduceOp::create(b, tile::Reduction::Sum,
                                       b.mulf(widen(out), widen(dout)));
  if (!b.key.hasDlse)
    return delta;
  return b.subf(delta,
                tile::GatherOp::create(b, b.rowVector(b.getF32Type()),
                                       b.stats("dlse", b.head), outRows));
}

/// After a loop that has no registers to spare. Elements of 16 bits leave some.
static void decodeAgain(KernelBuilder &b) {
  if (b.key.elementType.isF32() &&
      b.schedule.getAddresses() == tile::Addressing::Again)
    b.decode(/*isAgain=*/true);
}

void hilbert::emitQueryGradient(OpBuilder &at, Location loc, StringRef base,
                                const KernelKey &key,
                                tile::ScheduleAttr schedule) {
  KernelBuilder b(at, loc, base, "dq", key, schedule, Side::Queries);
  b.declare({"q", "k", "v", "out", "dout", "dq"}, {"lse", "delta"});
  b.decode();
  ClassRange queries = b.queriesOf(b.residue), keys = b.keysOfItem();
  Value start = b.mul(b.tileIndex, b.i32(b.m()));
  b.when(b.less(start, queries.count), [&] {
    RankedTensorType scores = b.f32Tile(b.m(), b.n());
    RankedTensorType rowType = b.rowVector(b.getF32Type());

    Value rows = b.rows(Operand::Queries, queries, start, b.m());
    Value outRows = key.outOrderIsQueryOrder
                        ? rows
                        : b.rows(Operand::Outs, queries, start, b.m());
    Value keyHead = b.div(b.head, b.div(b.i32Argument("query_heads"),
                                        b.i32Argument("key_heads")));
    Value kMatrix = b.matrix("k", keyHead), vMatrix = b.matrix("v", keyHead);
    TileMask mask(b, queries, start, rows, keys);
    Value tiles = b.ceilDiv(mask.endOther(), b.i32(b.n()));
    Value q =
        tile::LoadOp::create(b, getSmem(b, b.m()), b.matrix("q", b.head), rows);
    Value dout = tile::LoadOp::create(b, getSmem(b, b.m()),
                                      b.matrix("dout", b.head), outRows);
    Value delta = emitDelta(b, dout, outRows);
    tile::StoreOp::create(b, delta, b.stats("delta", b.head), outRows);
    Value shift = getShift(
        b, tile::GatherOp::create(b, rowType, b.stats("lse", b.head), outRows));

    GradientSum dq(b);
    auto results = b.loop(
        b.i32(0), tiles, dq.begin(),
        [&](Value i, ValueRange carried) -> TileBuilder::Values {
          Value first = b.mul(i, b.i32(b.n()));
          Value keyRows = b.rows(Operand::Keys, keys, first, b.n());
          Value k =
              tile::LoadOp::create(b, getSmem(b, b.n()), kMatrix, keyRows);
          Value v =
              tile::LoadOp::create(b, getSmem(b, b.n()), vMatrix, keyRows);
          Value score = tile::DotOp::create(b, q, k, b.splat(scores, 0), true);
          Value dp = tile::DotOp::create(b, dout, v, b.splat(scores, 0), true);
          Value weight = getWeights(b, score, shift);
          Value ds = b.mulf(weight, b.subf(dp, b.broadcast(delta, scores)));
          auto masked = [&]() -> TileBuilder::Values {
            return {b.select(mask.get(first, keyRows), ds, b.splat(scores, 0))};
          };
          if (Value isNeeded = mask.isNeeded(first))
            ds = b.choose(isNeeded, {scores}, masked,
                          [&] { return TileBuilder::Values{ds}; })[0];
          else
            ds = masked()[0];
          return dq.add(mask, ds, k, first, keyRows, carried);
        });
    decodeAgain(b);
    ValueRange carried = results;
    dq.store(carried, b.f32Argument("scale"), "dq", queries, start, rows);
  });
  b.finish();
}

void hilbert::emitKeyGradients(OpBuilder &at, Location loc, StringRef base,
                               const KernelKey &key,
                               tile::ScheduleAttr schedule, bool wantsDk,
                               bool wantsDv) {
  StringRef role = wantsDk && wantsDv ? "dkv" : wantsDk ? "dk" : "dv";
  KernelBuilder b(at, loc, base, role, key, schedule, Side::Keys);
  SmallVector<StringRef> matrices{"q", "k"};
  if (wantsDk)
    matrices.push_back("v");
  matrices.push_back("dout");
  if (wantsDk)
    matrices.push_back("dk");
  if (wantsDv)
    matrices.push_back("dv");
  SmallVector<StringRef> stats{"lse"};
  if (wantsDk)
    stats.push_back("delta");
  b.declare(matrices, stats);
  b.decode();
  ClassRange keys = b.keyClass(b.residue);
  Value start = b.mul(b.tileIndex, b.i32(b.m()));
  b.when(b.less(start, keys.count), [&] {
    RankedTensorType scores = b.f32Tile(b.m(), b.n());
    auto vectorSmem =
        tile::SmemType::get(b.getContext(), {b.n()}, b.getF32Type());
    RankedTensorType columnType = b.columnVector(b.getF32Type());

    Value rows = b.rows(Operand::Keys, keys, start, b.m());
    Value k =
        tile::LoadOp::create(b, getSmem(b, b.m()), b.matrix("k", b.head), rows);
    Value v;
    if (wantsDk)
      v = tile::LoadOp::create(b, getSmem(b, b.m()), b.matrix("v", b.head),
                               rows);

    // Every query head that uses this key head, one after the other.
    Value group =
        b.div(b.i32Argument("query_heads"), b.i32Argument("key_heads"));
    Value firstHead = b.mul(b.head, group);
    std::optional<GradientSum> dk, dv;
    TileBuilder::Values init;
    if (wantsDk)
      llvm::append_range(init, dk.emplace(b).begin());
    if (wantsDv)
      llvm::append_range(init, dv.emplace(b).begin());
    auto results = b.loop(
        b.i32(0), group, init,
        [&](Value member, ValueRange outer) -> TileBuilder::Values {
          Value queryHead = b.add(firstHead, member);
          ClassRange queries = b.queriesOfItem(queryHead);
          Value qMatrix = b.matrix("q", queryHead);
          Value doutMatrix = b.matrix("dout", queryHead);
          Value lseMatrix = b.stats("lse", queryHead);
          Value deltaMatrix = wantsDk ? b.stats("delta", queryHead) : Value();
          TileMask mask(b, keys, start, rows, queries);
          Value firstTile = b.div(mask.firstOther(), b.i32(b.n()));
          Value tiles = b.ceilDiv(mask.endOther(), b.i32(b.n()));
          return b.loop(
              firstTile, tiles, outer,
              [&](Value i, ValueRange carried) -> TileBuilder::Values {
                Value first = b.mul(i, b.i32(b.n()));
                Value queryRows =
                    b.rows(Operand::Queries, queries, first, b.n());
                Value outRows =
                    key.outOrderIsQueryOrder
                        ? queryRows
                        : b.rows(Operand::Outs, queries, first, b.n());
                Value q = tile::LoadOp::create(b, getSmem(b, b.n()), qMatrix,
                                               queryRows);
                Value dout = tile::LoadOp::create(b, getSmem(b, b.n()),
                                                  doutMatrix, outRows);
                auto column = [&](Value matrix) -> Value {
                  return tile::LocalLoadOp::create(
                      b, columnType,
                      tile::LoadOp::create(b, vectorSmem, matrix, outRows));
                };
                Value shift = getShift(b, column(lseMatrix));
                Value score =
                    tile::DotOp::create(b, k, q, b.splat(scores, 0), true);
                Value weight = getWeights(b, score, shift);
                Value ds;
                if (wantsDk) {
                  Value delta = column(deltaMatrix);
                  Value dp =
                      tile::DotOp::create(b, v, dout, b.splat(scores, 0), true);
                  ds = b.mulf(weight, b.subf(dp, b.broadcast(delta, scores)));
                }
                SmallVector<Value> plain{weight};
                if (ds)
                  plain.push_back(ds);
                auto masked = [&]() -> TileBuilder::Values {
                  Value visible = mask.get(first, queryRows);
                  TileBuilder::Values values;
                  for (Value value : plain)
                    values.push_back(
                        b.select(visible, value, b.splat(scores, 0)));
                  return values;
                };
                TileBuilder::Values chosen = plain;
                if (!mask.isNeverNeeded()) {
                  Value isNeeded = mask.isNeeded(first);
                  chosen = isNeeded ? b.choose(isNeeded,
                                               ValueRange(plain).getTypes(),
                                               masked, [&] { return plain; })
                                    : masked();
                }
                TileBuilder::Values next;
                if (dk)
                  next = dk->add(mask, chosen[1], q, first, queryRows, carried);
                if (dv)
                  llvm::append_range(next, dv->add(mask, chosen[0], dout, first,
                                                   queryRows, carried));
                return next;
              });
        });
    if (wantsDk != wantsDv)
      decodeAgain(b);
    ValueRange sums = results;
    if (dk)
      dk->store(sums, b.f32Argument("scale"), "dk", keys, start, rows);
    if (dv)
      dv->store(sums, Value(), "dv", keys, start, rows);
  });
  b.finish();
}
