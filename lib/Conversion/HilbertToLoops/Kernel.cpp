//===- Kernel.cpp - Work items, blocks and causality of host kernels ------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Kernel.h"

using namespace mlir;
using namespace hilbert;

void hilbert::parallelItems(Emitter &e, Value items, Emitter::LoopBody body) {
  auto loop = scf::ParallelOp::create(
      e, ValueRange{e.index(0)}, ValueRange{items}, ValueRange{e.index(1)});
  OpBuilder::InsertionGuard guard(e);
  e.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVars()[0]);
}

/// Blocks of `size` members of classes of at most `longest`.
static void parallelBlocks(Emitter &e, Value batch, Value firstHead,
                           Value endHead, Value segments, Value segment,
                           int64_t classes, Value longest, int64_t size,
                           llvm::function_ref<void(const WorkItem &)> body) {
  Value heads = e.sub(endHead, firstHead);
  Value blocks = e.ceilDiv(longest, e.index(size));
  Value classCount = e.index(classes);
  if (classes > 1) // Residues beyond the segment have no members.
    classCount = e.min(classCount, segment);
  Value items =
      e.mul(e.mul(e.mul(batch, heads), segments), e.mul(classCount, blocks));
  parallelItems(e, items, [&](Value rest) {
    WorkItem item;
    item.block = e.peel(rest, blocks);
    item.residue = e.peel(rest, classCount);
    item.segment = e.peel(rest, segments);
    item.head = e.add(e.peel(rest, heads), firstHead);
    item.batch = rest;
    body(item);
  });
}

void hilbert::parallelQueryBlocks(
    Emitter &e, const Geometry &g, int64_t size,
    llvm::function_ref<void(const WorkItem &)> body) {
  parallelBlocks(e, g.batch, g.firstHead, g.endHead, g.querySegments(e),
                 g.segment, g.queryClasses(), g.maxClassQueries(e), size, body);
}

void hilbert::parallelKeyBlocks(
    Emitter &e, const Geometry &g, int64_t size,
    llvm::function_ref<void(const WorkItem &)> body) {
  parallelBlocks(e, g.batch, g.firstKeyHead, g.endKeyHead, g.keySegments(e),
                 g.segment, g.keyClasses(), g.maxClassKeys(e), size, body);
}

//===----------------------------------------------------------------------===//
// Run
//===----------------------------------------------------------------------===//

Run Run::of(Emitter &e, const Class &members, Value block, int64_t size) {
  Value start = e.mul(block, e.index(size));
  Value rest = e.max(e.sub(members.count, start), e.index(0));
  return Run{members, start, e.min(rest, e.index(size))};
}

Run Run::tile(Emitter &e, const Class &members, Value start, Value end,
              int64_t size) {
  return Run{members, start, e.min(e.index(size), e.sub(end, start))};
}

Value Run::position(Emitter &e, Value i) const {
  return members.position(e, e.add(start, i));
}

//===----------------------------------------------------------------------===//
// CausalMask
//===----------------------------------------------------------------------===//

CausalMask::CausalMask(Emitter &e, TileEmitter &t, const Geometry &g,
                       bool lanesAreQueries, Value laneTable, Value rowTable,
                       Value batch)
    : e(e), t(t), causal(g.causal), lanesAreQueries(lanesAreQueries),
      batch(batch) {
  if (causal == Causality::None)
    return;
  if (causal == Causality::Token) {
    this->laneTable = laneTable;
    this->rowTable = rowTable;
  }
  laneRanks = t.laneStats(/*i32=*/true);
  rowRanks = t.rowStats(/*i32=*/true);
}

/// What is compared: the token or the position, as i32.
Value CausalMask::rank(const Run &block, Value i, Value table) {
  Value token = tokenAt(e, table, batch, block.position(e, i));
  return arith::IndexCastOp::create(e, e.getI32Type(), token);
}

void CausalMask::setLanes(const Run &block) {
  lanes = block;
  if (causal == Causality::None)
    return;
  e.loop(e.index(0), lanes.count, 1, [&](Value j) {
    memref::StoreOp::create(e, rank(lanes, j, laneTable), laneRanks,
                            ValueRange{j});
  });
}

void CausalMask::setRows(const Run &block) {
  rows = block;
  if (causal == Causality::None)
    return;
  e.loop(e.index(0), rows.count, 1, [&](Value i) {
    memref::StoreOp::create(e, rank(rows, i, rowTable), rowRanks,
                            ValueRange{i});
  });
}

Value CausalMask::lastRow(const Class &members) {
  if (causal != Causality::Position || !lanesAreQueries)
    return members.count;
  // Keys at positions up to the last query's.
  Value last = lanes.position(e, e.sub(lanes.count, e.index(1)));
  Value span = e.max(e.sub(e.add(last, e.index(members.step)), members.first),
                     e.index(0));
  return e.min(members.count, e.div(span, e.index(members.step)));
}

Value CausalMask::firstRow(const Class &members) {
  if (causal != Causality::Position || lanesAreQueries)
    return e.index(0);
  // Queries at positions from the first key's.
  Value first = lanes.position(e, e.index(0));
  Value span = e.max(e.sub(first, members.first), e.index(0));
  return e.ceilDiv(span, e.index(members.step));
}

void CausalMask::dispatch(llvm::function_ref<void(TileEmitter::Mask)> body) {
  if (causal == Causality::None)
    return body(nullptr);
  auto masked = [&] {
    body([&](Value row, Value strip) -> Value {
      Value lane = t.loadLanes(laneRanks, strip);
      Value other = t.broadcastRow(rowRanks, row);
      return arith::CmpIOp::create(e,
                                   lanesAreQueries ? arith::CmpIPredicate::sle
                                                   : arith::CmpIPredicate::sge,
                                   other, lane);
    });
  };
  if (causal == Causality::Token)
    return masked();
  // A tile is cut if its last key comes after its first query.
  const Run &keys = lanesAreQueries ? rows : lanes;
  const Run &queries = lanesAreQueries ? lanes : rows;
  Value lastKey = keys.position(e, e.sub(keys.count, e.index(1)));
  Value isCut = e.less(queries.position(e, e.index(0)), lastKey);
  e.branch(isCut, masked, [&] { body(nullptr); });
}
