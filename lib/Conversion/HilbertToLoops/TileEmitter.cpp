//===- TileEmitter.cpp - Building blocks of the host kernels --------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TileEmitter.h"

using namespace mlir;
using namespace hilbert;

/// Rows that the inner kernels keep in registers: with two vector registers of
/// lanes each they hide the latency of a fused multiply-add.
static constexpr int64_t kRowUnroll = 4;
/// Elements of a row that are moved at once; every head dimension is a
/// multiple.
static constexpr int64_t kRowVector = 8;

//===----------------------------------------------------------------------===//
// Emitter
//===----------------------------------------------------------------------===//

Value Emitter::index(int64_t value) {
  return arith::ConstantIndexOp::create(*this, value);
}
Value Emitter::f32(double value) {
  return arith::ConstantOp::create(*this, getF32FloatAttr(value));
}
Value Emitter::boolean(bool value) {
  return arith::ConstantOp::create(*this, getBoolAttr(value));
}
Value Emitter::add(Value a, Value b) {
  return createOrFold<arith::AddIOp>(a, b);
}
Value Emitter::sub(Value a, Value b) {
  return createOrFold<arith::SubIOp>(a, b);
}
Value Emitter::mul(Value a, Value b) {
  return createOrFold<arith::MulIOp>(a, b);
}
Value Emitter::div(Value a, Value b) {
  return createOrFold<arith::DivUIOp>(a, b);
}
Value Emitter::rem(Value a, Value b) {
  return createOrFold<arith::RemUIOp>(a, b);
}
Value Emitter::ceilDiv(Value a, Value b) {
  return div(add(a, sub(b, index(1))), b);
}
Value Emitter::min(Value a, Value b) {
  return createOrFold<arith::MinSIOp>(a, b);
}
Value Emitter::max(Value a, Value b) {
  return createOrFold<arith::MaxSIOp>(a, b);
}
Value Emitter::less(Value a, Value b) {
  return createOrFold<arith::CmpIOp>(arith::CmpIPredicate::slt, a, b);
}
Value Emitter::equal(Value a, Value b) {
  return createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq, a, b);
}
Value Emitter::select(Value condition, Value a, Value b) {
  return createOrFold<arith::SelectOp>(condition, a, b);
}
Value Emitter::peel(Value &flat, Value size) {
  Value low = rem(flat, size);
  flat = div(flat, size);
  return low;
}

void Emitter::loop(Value lower, Value upper, int64_t step, LoopBody body) {
  auto op = scf::ForOp::create(*this, lower, upper, index(step));
  InsertionGuard guard(*this);
  setInsertionPointToStart(op.getBody());
  body(op.getInductionVar());
}

SmallVector<Value> Emitter::loopCarried(
    Value lower, Value upper, int64_t step, ValueRange init,
    llvm::function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  auto op = scf::ForOp::create(*this, lower, upper, index(step), init);
  InsertionGuard guard(*this);
  setInsertionPointToStart(op.getBody());
  SmallVector<Value> next = body(op.getInductionVar(), op.getRegionIterArgs());
  scf::YieldOp::create(*this, next);
  return llvm::to_vector_of<Value>(op.getResults());
}

void Emitter::when(Value condition, Body body) {
  if (!condition)
    return body();
  auto op = scf::IfOp::create(*this, condition, /*withElseRegion=*/false);
  InsertionGuard guard(*this);
  setInsertionPointToStart(op.thenBlock());
  body();
}

void Emitter::branch(Value condition, Body then, Body otherwise) {
  auto op = scf::IfOp::create(*this, condition, /*withElseRegion=*/true);
  InsertionGuard guard(*this);
  setInsertionPointToStart(op.thenBlock());
  then();
  setInsertionPointToStart(op.elseBlock());
  otherwise();
}

//===----------------------------------------------------------------------===//
// Geometry
//===----------------------------------------------------------------------===//

Value Class::position(Emitter &e, Value i) const {
  return e.add(first, e.mul(i, e.index(step)));
}

Geometry::Geometry(Emitter &e, AttentionInterface op, const Part &part)
    : dilation(part.branch.getDilation()), mode(part.branch.getMode()),
      causal(op.getCausalityOfPositions()), part(part) {
  auto dim = [&](Value value, int64_t index) {
    return e.createOrFold<memref::DimOp>(value, index);
  };
  batch = dim(op.getQ(), 0);
  heads = dim(op.getQ(), op.getHeadDim());
  Value keyHeads = dim(op.getK(), op.getHeadDim());
  queries = dim(op.getQ(), op.getTokenDim());
  keys = dim(op.getK(), op.getTokenDim());
  Value one = e.index(1);
  group = e.div(heads, e.max(keyHeads, one));
  firstHead = e.index(part.firstHead);
  if (part.endHead) {
    endHead = e.index(*part.endHead);
    firstKeyHead = e.div(firstHead, group);
    endKeyHead = e.ceilDiv(endHead, group);
  } else {
    endHead = heads;
    firstKeyHead = firstHead;
    endKeyHead = keyHeads;
  }
  // One segment that covers both sides where the pattern's is longer.
  segment = e.max(e.max(queries, keys), one);
  if (!part.branch.isDense())
    segment = e.min(segment, e.index(part.branch.getSegment()));
}

int64_t Geometry::queryClasses() const {
  return mode == Mode::Keys ? 1 : dilation;
}
Value Geometry::querySegments(Emitter &e) const {
  return e.ceilDiv(queries, segment);
}
Value Geometry::keySegments(Emitter &e) const {
  return e.ceilDiv(keys, segment);
}
Value Geometry::maxClassQueries(Emitter &e) const {
  return e.ceilDiv(segment, e.index(queryClasses()));
}
Value Geometry::maxClassKeys(Emitter &e) const {
  return e.ceilDiv(segment, e.index(keyClasses()));
}

Class Geometry::classOf(Emitter &e, Value s, Value residue, int64_t step,
                        Value tokens) const {
  Value start = e.mul(s, segment);
  Value length = e.min(segment, e.sub(tokens, start));
  // ceil((length - residue) / step), 0 where the segment is shorter than that.
  Value rest = e.max(e.sub(length, residue), e.index(0));
  return Class{e.add(start, residue), step, e.ceilDiv(rest, e.index(step))};
}

Class Geometry::queryClass(Emitter &e, Value s, Value residue) const {
  return classOf(e, s, residue, queryClasses(), queries);
}

Class Geometry::keyClass(Emitter &e, Value s, Value residue) const {
  return classOf(e, s, residue, keyClasses(), keys);
}

Value Geometry::offsetOf(Emitter &e, Value head) const {
  switch (part.branch.getOffsetRule()) {
  case OffsetRule::Zero:
    return e.index(0);
  case OffsetRule::Head:
    return e.rem(head, e.index(dilation));
  case OffsetRule::LongNet:
    return e.div(head, e.max(e.ceilDiv(heads, e.index(dilation)), e.index(1)));
  case OffsetRule::List: {
    Value offset = e.index(0);
    for (auto [index, value] : llvm::enumerate(part.branch.getOffsets()))
      offset = e.select(e.equal(head, e.index(index)), e.index(value), offset);
    return offset;
  }
  }
  llvm_unreachable("unknown offset rule");
}

Class Geometry::keysOf(Emitter &e, Value s, Value residue, Value head) const {
  if (mode == Mode::Residues)
    return keyClass(e, s, residue);
  Value offset = offsetOf(e, head);
  Class result = keyClass(e, s, offset);
  if (mode == Mode::Both)
    result.count = e.select(e.equal(residue, offset), result.count, e.index(0));
  return result;
}

Class Geometry::queriesOf(Emitter &e, Value s, Value residue,
                          Value head) const {
  Class result = queryClass(e, s, mode == Mode::Keys ? e.index(0) : residue);
  if (mode != Mode::Residues)
    result.count =
        e.select(e.equal(residue, offsetOf(e, head)), result.count, e.index(0));
  return result;
}

std::pair<Value, Value> Geometry::membersOf(Emitter &e, Value keyHead) const {
  if (!part.endHead)
    return {e.index(0), group};
  Value first = e.mul(keyHead, group);
  return {e.max(e.sub(firstHead, first), e.index(0)),
          e.min(e.sub(endHead, first), group)};
}

Value Geometry::resumesQueries(Emitter &e) const {
  return part.resumes ? e.boolean(true) : Value();
}

Value Geometry::resumesKeys(Emitter &e, Value keyHead) const {
  if (part.resumes || part.firstHead == 0)
    return resumesQueries(e);
  // Parts before this one have the first of the key head's query heads.
  return e.less(e.mul(keyHead, group), firstHead);
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

SmallVector<Value> HeadView::at(Value row, Value column) const {
  if (layout == Layout::BNHD)
    return {batch, row, head, column};
  return {batch, head, row, column};
}

Value HeadView::loadStat(Emitter &e, Value row) const {
  return memref::LoadOp::create(e, memref, ValueRange{batch, head, row});
}

void HeadView::storeStat(Emitter &e, Value value, Value row) const {
  memref::StoreOp::create(e, value, memref, ValueRange{batch, head, row});
}

Value hilbert::tokenAt(Emitter &e, Value table, Value batch, Value position) {
  if (!table)
    return position;
  SmallVector<Value> indices;
  if (cast<MemRefType>(table.getType()).getRank() == 2)
    indices.push_back(batch);
  indices.push_back(position);
  Value token = memref::LoadOp::create(e, table, indices);
  return arith::IndexCastOp::create(e, e.getIndexType(), token);
}

Value hilbert::emitScale(Emitter &e, AttentionInterface op) {
  if (op.getScale())
    return op.getScale();
  return e.f32(1.0 / std::sqrt(static_cast<double>(op.getDepth())));
}

//===----------------------------------------------------------------------===//
// TileEmitter
//===----------------------------------------------------------------------===//

TileEmitter::TileEmitter(Emitter &e, HostScheduleAttr schedule, int64_t depth)
    : e(e), schedule(schedule), depth(depth),
      lanes(VectorType::get({schedule.getLanes()}, e.getF32Type())) {}

Value TileEmitter::buffer(ArrayRef<int64_t> shape, bool i32) {
  auto type =
      MemRefType::get(shape, i32 ? Type(e.getI32Type()) : Type(e.getF32Type()));
  return memref::AllocaOp::create(e, type, e.getI64IntegerAttr(64));
}
Value TileEmitter::laneMatrix() { return buffer({depth, columns()}); }
Value TileEmitter::rowMatrix() { return buffer({rowsPerTile(), depth}); }
Value TileEmitter::scores() { return buffer({rowsPerTile(), columns()}); }
Value TileEmitter::laneStats(bool i32) { return buffer({columns()}, i32); }
Value TileEmitter::rowStats(bool i32) { return buffer({rowsPerTile()}, i32); }

/// Eight elements of a row, as f32.
Value TileEmitter::load8(const HeadView &view, Value row, Value column) {
  Type element = cast<MemRefType>(view.memref.getType()).getElementType();
  auto type = VectorType::get({kRowVector}, element);
  Value value =
      vector::LoadOp::create(e, type, view.memref, view.at(row, column));
  if (element.isF32())
    return value;
  return arith::ExtFOp::create(e, type.clone(e.getF32Type()), value);
}

void TileEmitter::packLanes(Value buffer, const HeadView &view, Value count,
                            RowOf rowOf, Value scale) {
  Value zero = e.index(0);
  auto wide = VectorType::get({kRowVector}, e.getF32Type());
  Value factor =
      scale ? Value(vector::BroadcastOp::create(e, wide, scale)) : Value();
  e.loop(zero, count, 1, [&](Value j) {
    Value row = rowOf(j);
    e.loop(zero, e.index(depth), kRowVector, [&](Value d) {
      Value value = load8(view, row, d);
      if (factor)
        value = arith::MulFOp::create(e, value, factor);
      for (int64_t u = 0; u < kRowVector; ++u)
        memref::StoreOp::create(e, vector::ExtractOp::create(e, value, u),
                                buffer, ValueRange{e.add(d, e.index(u)), j});
    });
  });
  Value none = e.f32(0);
  e.loop(count, e.index(columns()), 1, [&](Value j) {
    e.loop(zero, e.index(depth), 1, [&](Value d) {
      memref::StoreOp::create(e, none, buffer, ValueRange{d, j});
    });
  });
}

void TileEmitter::resumeLanes(Value buffer, const HeadView &view, Value count,
                              RowOf rowOf, Value resumes) {
  if (!resumes)
    return fill(buffer, 0);
  e.branch(
      resumes, [&] { packLanes(buffer, view, count, rowOf, Value()); },
      [&] { fill(buffer, 0); });
}

void TileEmitter::unpackLanes(Value buffer, const HeadView &view, Value count,
                              RowOf rowOf) {
  Type element = cast<MemRefType>(view.memref.getType()).getElementType();
  auto wide = VectorType::get({kRowVector}, e.getF32Type());
  Value zero = e.index(0);
  e.loop(zero, count, 1, [&](Value j) {
    Value row = rowOf(j);
    e.loop(zero, e.index(depth), kRowVector, [&](Value d) {
      SmallVector<Value> elements;
      for (int64_t u = 0; u < kRowVector; ++u)
        elements.push_back(memref::LoadOp::create(
            e, buffer, ValueRange{e.add(d, e.index(u)), j}));
      Value value = vector::FromElementsOp::create(e, wide, elements);
      if (!element.isF32())
        value = arith::TruncFOp::create(e, wide.clone(element), value);
      vector::StoreOp::create(e, value, view.memref, view.at(row, d));
    });
  });
}

void TileEmitter::packRows(Value buffer, const HeadView &view, Value count,
                           RowOf rowOf, Value scale) {
  Value zero = e.index(0);
  auto wide = VectorType::get({kRowVector}, e.getF32Type());
  Value factor =
      scale ? Value(vector::BroadcastOp::create(e, wide, scale)) : Value();
  e.loop(zero, count, 1, [&](Value i) {
    Value row = rowOf(i);
    e.loop(zero, e.index(depth), kRowVector, [&](Value d) {
      Value value = load8(view, row, d);
      if (factor)
        value = arith::MulFOp::create(e, value, factor);
      vector::StoreOp::create(e, value, buffer, ValueRange{i, d});
    });
  });
}

Value TileEmitter::dot(const HeadView &a, Value rowA, const HeadView &b,
                       Value rowB) {
  auto wide = VectorType::get({kRowVector}, e.getF32Type());
  Value init = arith::ConstantOp::create(e, wide, e.getZeroAttr(wide));
  SmallVector<Value> sum =
      e.loopCarried(e.index(0), e.index(depth), kRowVector, {init},
                    [&](Value d, ValueRange carried) -> SmallVector<Value> {
                      return {vector::FMAOp::create(
                          e, load8(a, rowA, d), load8(b, rowB, d), carried[0])};
                    });
  return vector::ReductionOp::create(e, vector::CombiningKind::ADD, sum[0]);
}

void TileEmitter::fill(Value buffer, double value) {
  auto type = cast<MemRefType>(buffer.getType());
  Value fill = splat(value), count = e.index(columns());
  if (type.getRank() == 1)
    return strips(count, [&](Value strip) { storeLanes(fill, buffer, strip); });
  e.loop(e.index(0), e.index(type.getDimSize(0)), 1, [&](Value row) {
    strips(count, [&](Value strip) { storeScore(fill, buffer, row, strip); });
  });
}

void TileEmitter::strips(Value count, Emitter::LoopBody body) {
  e.loop(e.index(0), count, schedule.getLanes(), body);
}

Value TileEmitter::loadLanes(Value stats, Value strip) {
  Type element = cast<MemRefType>(stats.getType()).getElementType();
  return vector::LoadOp::create(e, lanes.clone(element), stats,
                                ValueRange{strip});
}
void TileEmitter::storeLanes(Value value, Value stats, Value strip) {
  vector::StoreOp::create(e, value, stats, ValueRange{strip});
}
Value TileEmitter::loadScore(Value scores, Value row, Value strip) {
  return vector::LoadOp::create(e, lanes, scores, ValueRange{row, strip});
}
void TileEmitter::storeScore(Value value, Value scores, Value row,
                             Value strip) {
  vector::StoreOp::create(e, value, scores, ValueRange{row, strip});
}
Value TileEmitter::broadcastRow(Value stats, Value row) {
  Type element = cast<MemRefType>(stats.getType()).getElementType();
  Value value = memref::LoadOp::create(e, stats, ValueRange{row});
  return vector::BroadcastOp::create(e, lanes.clone(element), value);
}
Value TileEmitter::splat(double value) {
  return arith::ConstantOp::create(
      e, lanes,
      DenseElementsAttr::get(lanes, e.getF32FloatAttr(value).getValue()));
}

/// A scalar of a row matrix as a vector of equal lanes.
static Value broadcastElement(Emitter &e, VectorType lanes, Value matrix,
                              Value row, Value column) {
  Value value = memref::LoadOp::create(e, matrix, ValueRange{row, column});
  return vector::BroadcastOp::create(e, lanes, value);
}

void TileEmitter::multiplyDepth(Value scores, Value rows, Value lanesMatrix,
                                Value count, Value strip) {
  // Rows from count to the next multiple of the unrolling hold garbage that
  // nobody reads.
  SmallVector<Value> zeros(kRowUnroll, splat(0));
  e.loop(e.index(0), count, kRowUnroll, [&](Value i) {
    SmallVector<Value> row;
    for (int64_t u = 0; u < kRowUnroll; ++u)
      row.push_back(e.add(i, e.index(u)));
    SmallVector<Value> sums = e.loopCarried(
        e.index(0), e.index(depth), 1, zeros, [&](Value d, ValueRange carried) {
          SmallVector<Value> next;
          Value lane = loadScore(lanesMatrix, d, strip);
          for (int64_t u = 0; u < kRowUnroll; ++u)
            next.push_back(vector::FMAOp::create(
                e, broadcastElement(e, lanes, rows, row[u], d), lane,
                carried[u]));
          return next;
        });
    for (int64_t u = 0; u < kRowUnroll; ++u)
      storeScore(sums[u], scores, row[u], strip);
  });
}

void TileEmitter::accumulate(Value lanesMatrix, Value rows, Value scores,
                             Value count, Value strip, Value factor,
                             Mask mask) {
  e.loop(e.index(0), e.index(depth), kRowUnroll, [&](Value d) {
    SmallVector<Value> column, init;
    for (int64_t u = 0; u < kRowUnroll; ++u) {
      column.push_back(e.add(d, e.index(u)));
      Value value = loadScore(lanesMatrix, column[u], strip);
      init.push_back(
          factor ? arith::MulFOp::create(e, value, factor).getResult() : value);
    }
    SmallVector<Value> sums = e.loopCarried(
        e.index(0), count, 1, init, [&](Value i, ValueRange carried) {
          SmallVector<Value> next;
          Value score = loadScore(scores, i, strip);
          Value seen = mask ? mask(i, strip) : Value();
          for (int64_t u = 0; u < kRowUnroll; ++u) {
            Value sum = vector::FMAOp::create(
                e, broadcastElement(e, lanes, rows, i, column[u]), score,
                carried[u]);
            next.push_back(seen ? e.select(seen, sum, carried[u]) : sum);
          }
          return next;
        });
    for (int64_t u = 0; u < kRowUnroll; ++u)
      storeScore(sums[u], lanesMatrix, column[u], strip);
  });
}
