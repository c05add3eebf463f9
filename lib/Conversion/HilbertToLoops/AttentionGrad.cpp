//===- AttentionGrad.cpp - The host kernels of hilbert.attention_grad -----===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Two loops, each with its own outputs: blocks of queries (lanes) give dq,
// blocks of keys (lanes) give dk and dv, summed over the query heads of a key
// head. The probabilities are recomputed in both. Gradients of several branches
// are sums: the loop of each adds to what the ones before have written.
//
//===----------------------------------------------------------------------===//

#include "Kernel.h"

using namespace mlir;
using namespace hilbert;

namespace {
/// The tensors that belong to one query head.
struct QueryViews {
  QueryViews(AttentionGradOp op, Value batch, Value head)
      : q{op.getQ(), op.getLayout(), batch, head},
        out{op.getOut(), op.getLayout(), batch, head},
        dout{op.getDout(), op.getLayout(), batch, head},
        lse{op.getLse(), op.getLayout(), batch, head},
        dlse{op.getDlse(), op.getLayout(), batch, head} {}

  HeadView q, out, dout, lse, dlse;

  /// delta = rowsum(dout * out) - dlse.
  Value delta(Emitter &e, TileEmitter &t, Value row) const {
    Value sum = t.dot(dout, row, out, row);
    if (!dlse.memref)
      return sum;
    return arith::SubFOp::create(e, sum, dlse.loadStat(e, row));
  }
};
} // namespace

/// True where a query has no keys: lse = -inf.
static Value isEmpty(Emitter &e, Value lse) {
  return arith::CmpFOp::create(e, arith::CmpFPredicate::OEQ, lse,
                               e.f32(-std::numeric_limits<double>::infinity()));
}

/// An lse of +inf makes every probability exp(s - lse) zero.
static Value emptyToInfinity(Emitter &e, Value lse) {
  return e.select(isEmpty(e, lse),
                  e.f32(std::numeric_limits<double>::infinity()), lse);
}

/// P = exp(S - lse) and dS = P * (dP - delta), in place of S and dP; both 0
/// where the mask says so.
static void emitScoreGradients(Emitter &e, TileEmitter &t, Value scores,
                               Value gradients, Value count, Value strip,
                               TileEmitter::Mask visible,
                               llvm::function_ref<Value(Value)> lse,
                               llvm::function_ref<Value(Value)> delta) {
  e.loop(e.index(0), count, 1, [&](Value i) {
    Value weight = math::ExpOp::create(
        e, arith::SubFOp::create(e, t.loadScore(scores, i, strip), lse(i)));
    Value gradient = arith::MulFOp::create(
        e, weight,
        arith::SubFOp::create(e, t.loadScore(gradients, i, strip), delta(i)));
    if (visible) {
      Value seen = visible(i, strip);
      weight = e.select(seen, weight, t.splat(0));
      gradient = e.select(seen, gradient, t.splat(0));
    }
    t.storeScore(weight, scores, i, strip);
    t.storeScore(gradient, gradients, i, strip);
  });
}

void hilbert::emitQueryGradient(Emitter &e, AttentionGradOp op,
                                const Part &part, Value result) {
  AttentionInterface attention(op);
  Geometry g(e, attention, part);
  auto schedule = cast<HostScheduleAttr>(op.getScheduleAttr());
  int64_t columns = schedule.getColumns();
  Value scale = emitScale(e, attention);
  parallelQueryBlocks(e, g, columns, [&](const WorkItem &item) {
    Value batch = item.batch, head = item.head, s = item.segment;
    Value residue = item.residue, block = item.block;
    Value keyHead = e.div(head, g.group);
    TileEmitter t(e, schedule, op.getDepth());

    Run queries = Run::of(e, g.queryClass(e, s, residue), block, columns);
    Class keys = g.keysOf(e, s, residue, head);
    // Without keys, earlier sums stay.
    Value busy =
        part.resumes ? e.min(queries.count, keys.count) : queries.count;
    e.when(e.less(e.index(0), busy), [&] {
      QueryViews query(op, batch, head);
      HeadView k{op.getK(), op.getLayout(), batch, keyHead};
      HeadView v{op.getV(), op.getLayout(), batch, keyHead};
      HeadView dq{result, op.getLayout(), batch, head};
      auto queryRow = [&](Value j) {
        return tokenAt(e, op.getQTable(), batch, queries.position(e, j));
      };
      auto outRow = [&](Value j) {
        return tokenAt(e, op.getOutTable(), batch, queries.position(e, j));
      };

      Value qLanes = t.laneMatrix(), doutLanes = t.laneMatrix(),
            dqLanes = t.laneMatrix();
      Value kRows = t.rowMatrix(), vRows = t.rowMatrix();
      Value scores = t.scores(), gradients = t.scores();
      Value lse = t.laneStats(), delta = t.laneStats();
      t.packLanes(qLanes, query.q, queries.count, queryRow, scale);
      // dS is linear in dout and delta: scaling both saves scaling dq.
      t.packLanes(doutLanes, query.dout, queries.count, outRow, scale);
      t.resumeLanes(dqLanes, dq, queries.count, queryRow, g.resumesQueries(e));
      t.fill(lse, 0);
      t.fill(delta, 0);
      e.loop(e.index(0), queries.count, 1, [&](Value j) {
        Value row = outRow(j);
        Value rowLse = query.lse.loadStat(e, row);
        memref::StoreOp::create(e, emptyToInfinity(e, rowLse), lse,
                                ValueRange{j});
        // A query without keys has gradient 0 whatever its dout.
        Value rowDelta =
            e.select(isEmpty(e, rowLse), e.f32(0),
                     arith::MulFOp::create(e, query.delta(e, t, row), scale));
        memref::StoreOp::create(e, rowDelta, delta, ValueRange{j});
      });

      CausalMask mask(e, t, g, /*lanesAreQueries=*/true, op.getQTable(),
                      op.getKvTable(), batch);
      mask.setLanes(queries);
      Value lastKey = mask.lastRow(keys);
      e.loop(e.index(0), lastKey, t.rowsPerTile(), [&](Value tile) {
        Run rows = Run::tile(e, keys, tile, lastKey, t.rowsPerTile());
        auto keyRow = [&](Value i) {
          return tokenAt(e, op.getKvTable(), batch, rows.position(e, i));
        };
        t.packRows(kRows, k, rows.count, keyRow, Value());
        t.packRows(vRows, v, rows.count, keyRow, Value());
        mask.setRows(rows);
        t.strips(queries.count, [&](Value strip) {
          t.multiplyDepth(scores, kRows, qLanes, rows.count, strip);
          t.multiplyDepth(gradients, vRows, doutLanes, rows.count, strip);
          mask.dispatch([&](TileEmitter::Mask visible) {
            Value stripLse = t.loadLanes(lse, strip);
            Value stripDelta = t.loadLanes(delta, strip);
            emitScoreGradients(
                e, t, scores, gradients, rows.count, strip, visible,
                [&](Value) { return stripLse; },
                [&](Value) { return stripDelta; });
            t.accumulate(dqLanes, kRows, gradients, rows.count, strip, Value(),
                         visible);
          });
        });
      });

      t.unpackLanes(dqLanes, dq, queries.count, queryRow);
    });
  });
}

void hilbert::emitKeyGradients(Emitter &e, AttentionGradOp op, const Part &part,
                               Value keyResult, Value valueResult) {
  AttentionInterface attention(op);
  Geometry g(e, attention, part);
  auto schedule = cast<HostScheduleAttr>(op.getScheduleAttr());
  int64_t columns = schedule.getColumns();
  Value scale = emitScale(e, attention);
  parallelKeyBlocks(e, g, columns, [&](const WorkItem &item) {
    Value batch = item.batch, keyHead = item.head, s = item.segment;
    Value residue = item.residue, block = item.block;
    TileEmitter t(e, schedule, op.getDepth());

    Run keys = Run::of(e, g.keyClass(e, s, residue), block, columns);
    e.when(e.less(e.index(0), keys.count), [&] {
      HeadView k{op.getK(), op.getLayout(), batch, keyHead};
      HeadView v{op.getV(), op.getLayout(), batch, keyHead};
      HeadView dk{keyResult, op.getLayout(), batch, keyHead};
      HeadView dv{valueResult, op.getLayout(), batch, keyHead};
      auto keyRow = [&](Value j) {
        return tokenAt(e, op.getKvTable(), batch, keys.position(e, j));
      };

      Value kLanes = t.laneMatrix(), vLanes = t.laneMatrix();
      Value dkLanes = t.laneMatrix(), dvLanes = t.laneMatrix();
      Value qRows = t.rowMatrix(), doutRows = t.rowMatrix();
      Value scores = t.scores(), gradients = t.scores();
      Value lse = t.rowStats(), delta = t.rowStats();
      t.packLanes(kLanes, k, keys.count, keyRow, Value());
      t.packLanes(vLanes, v, keys.count, keyRow, Value());
      Value resumes = g.resumesKeys(e, keyHead);
      t.resumeLanes(dkLanes, dk, keys.count, keyRow, resumes);
      t.resumeLanes(dvLanes, dv, keys.count, keyRow, resumes);
      CausalMask mask(e, t, g, /*lanesAreQueries=*/false, op.getKvTable(),
                      op.getQTable(), batch);
      mask.setLanes(keys);

      auto [firstMember, endMember] = g.membersOf(e, keyHead);
      e.loop(firstMember, endMember, 1, [&](Value member) {
        Value head = e.add(e.mul(keyHead, g.group), member);
        QueryViews query(op, batch, head);
        Class queries = g.queriesOf(e, s, residue, head);
        Value firstQuery = mask.firstRow(queries);
        e.loop(firstQuery, queries.count, t.rowsPerTile(), [&](Value tile) {
          Run rows =
              Run::tile(e, queries, tile, queries.count, t.rowsPerTile());
          auto queryRow = [&](Value i) {
            return tokenAt(e, op.getQTable(), batch, rows.position(e, i));
          };
          auto outRow = [&](Value i) {
            return tokenAt(e, op.getOutTable(), batch, rows.position(e, i));
          };
          t.packRows(qRows, query.q, rows.count, queryRow, scale);
          t.packRows(doutRows, query.dout, rows.count, outRow, Value());
          e.loop(e.index(0), rows.count, 1, [&](Value i) {
            Value row = outRow(i);
            Value rowLse = query.lse.loadStat(e, row);
            memref::StoreOp::create(e, emptyToInfinity(e, rowLse), lse,
                                    ValueRange{i});
            memref::StoreOp::create(e, query.delta(e, t, row), delta,
                                    ValueRange{i});
            // A query without keys must not reach dk and dv, even through
            // 0 * NaN.
            e.when(isEmpty(e, rowLse), [&] {
              Value zero = e.f32(0);
              memref::StoreOp::create(e, zero, delta, ValueRange{i});
              e.loop(e.index(0), e.index(op.getDepth()), 1, [&](Value d) {
                memref::StoreOp::create(e, zero, qRows, ValueRange{i, d});
                memref::StoreOp::create(e, zero, doutRows, ValueRange{i, d});
              });
            });
          });
          mask.setRows(rows);
          t.strips(keys.count, [&](Value strip) {
            t.multiplyDepth(scores, qRows, kLanes, rows.count, strip);
            t.multiplyDepth(gradients, doutRows, vLanes, rows.count, strip);
            mask.dispatch([&](TileEmitter::Mask visible) {
              emitScoreGradients(
                  e, t, scores, gradients, rows.count, strip, visible,
                  [&](Value i) { return t.broadcastRow(lse, i); },
                  [&](Value i) { return t.broadcastRow(delta, i); });
              t.accumulate(dvLanes, doutRows, scores, rows.count, strip,
                           Value(), visible);
              t.accumulate(dkLanes, qRows, gradients, rows.count, strip,
                           Value(), visible);
            });
          });
        });
      });
      t.unpackLanes(dkLanes, dk, keys.count, keyRow);
      t.unpackLanes(dvLanes, dv, keys.count, keyRow);
    });
  });
}
