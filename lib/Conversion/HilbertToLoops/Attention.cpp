//===- Attention.cpp - The host kernel of hilbert.attention ---------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A work item is a block of queries of one class of a segment, for one head and
// batch item. Queries are lanes, keys are rows. Where there are several
// branches, their loops follow one another: each goes on with the online
// softmax from the results of the one before.
//
//===----------------------------------------------------------------------===//

#include "Kernel.h"

using namespace mlir;
using namespace hilbert;

void hilbert::emitForward(Emitter &e, AttentionOp op, const Part &part,
                          Value result) {
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
    // Without keys, earlier results stay.
    Value busy =
        part.resumes ? e.min(queries.count, keys.count) : queries.count;
    e.when(e.less(e.index(0), busy), [&] {
      HeadView q{op.getQ(), op.getLayout(), batch, head};
      HeadView k{op.getK(), op.getLayout(), batch, keyHead};
      HeadView v{op.getV(), op.getLayout(), batch, keyHead};
      HeadView out{result, op.getLayout(), batch, head};
      HeadView lse{op.getLse(), op.getLayout(), batch, head};
      auto queryRow = [&](Value j) {
        return tokenAt(e, op.getQTable(), batch, queries.position(e, j));
      };
      auto outRow = [&](Value j) {
        return tokenAt(e, op.getOutTable(), batch, queries.position(e, j));
      };

      Value qLanes = t.laneMatrix(), outLanes = t.laneMatrix();
      Value kRows = t.rowMatrix(), vRows = t.rowMatrix();
      Value scores = t.scores();
      Value maximum = t.laneStats(), sum = t.laneStats();
      const double infinity = std::numeric_limits<double>::infinity();
      t.packLanes(qLanes, q, queries.count, queryRow, scale);
      t.resumeLanes(outLanes, out, queries.count, outRow, g.resumesQueries(e));
      t.fill(maximum, -infinity);
      t.fill(sum, part.resumes ? 1 : 0);
      if (part.resumes)
        // All earlier keys are one, with the score lse and the value out.
        e.loop(e.index(0), queries.count, 1, [&](Value j) {
          memref::StoreOp::create(e, lse.loadStat(e, outRow(j)), maximum,
                                  ValueRange{j});
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
          mask.dispatch([&](TileEmitter::Mask visible) {
            Value previous = t.loadLanes(maximum, strip);
            Value next = e.loopCarried(
                e.index(0), rows.count, 1, {previous},
                [&](Value i, ValueRange carried) -> SmallVector<Value> {
                  Value score = t.loadScore(scores, i, strip);
                  if (visible) {
                    score =
                        e.select(visible(i, strip), score, t.splat(-infinity));
                    t.storeScore(score, scores, i, strip);
                  }
                  // NaN scores do not become the maximum; they reach the
                  // result through their exponential.
                  Value greater = arith::CmpFOp::create(
                      e, arith::CmpFPredicate::OGT, score, carried[0]);
                  return {e.select(greater, score, carried[0])};
                })[0];
            // No key so far: any finite reference gives exp(-inf) = 0.
            Value none = arith::CmpFOp::create(e, arith::CmpFPredicate::OEQ,
                                               next, t.splat(-infinity));
            Value reference = e.select(none, t.splat(0), next);
            Value rescale = math::ExpOp::create(
                e, arith::SubFOp::create(e, previous, reference));
            Value tileSum = e.loopCarried(
                e.index(0), rows.count, 1, {t.splat(0)},
                [&](Value i, ValueRange carried) -> SmallVector<Value> {
                  Value weight = math::ExpOp::create(
                      e, arith::SubFOp::create(e, t.loadScore(scores, i, strip),
                                               reference));
                  t.storeScore(weight, scores, i, strip);
                  return {arith::AddFOp::create(e, carried[0], weight)};
                })[0];
            t.storeLanes(next, maximum, strip);
            t.storeLanes(vector::FMAOp::create(e, t.loadLanes(sum, strip),
                                               rescale, tileSum),
                         sum, strip);
            t.accumulate(outLanes, vRows, scores, rows.count, strip, rescale,
                         visible);
          });
        });
      });

      // out = sum / total, 0 without keys; lse = maximum + log(total).
      t.strips(queries.count, [&](Value strip) {
        Value total = t.loadLanes(sum, strip);
        Value empty = arith::CmpFOp::create(e, arith::CmpFPredicate::OEQ, total,
                                            t.splat(0));
        Value inverse = e.select(empty, t.splat(0),
                                 arith::DivFOp::create(e, t.splat(1), total));
        Value logarithm = arith::AddFOp::create(e, t.loadLanes(maximum, strip),
                                                math::LogOp::create(e, total));
        t.storeLanes(e.select(empty, t.splat(-infinity), logarithm), sum,
                     strip);
        e.loop(e.index(0), e.index(op.getDepth()), 1, [&](Value d) {
          Value value = t.loadScore(outLanes, d, strip);
          t.storeScore(arith::MulFOp::create(e, value, inverse), outLanes, d,
                       strip);
        });
      });
      t.unpackLanes(outLanes, out, queries.count, outRow);
      e.loop(e.index(0), queries.count, 1, [&](Value j) {
        lse.storeStat(e, memref::LoadOp::create(e, sum, ValueRange{j}),
                      outRow(j));
      });
    });
  });
}
