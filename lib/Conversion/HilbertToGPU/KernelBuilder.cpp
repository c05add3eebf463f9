//===- KernelBuilder.cpp - Arguments and geometry of GPU kernels ----------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"

using namespace mlir;
using namespace hilbert;
using tile::Access;

static Type getPointer(MLIRContext *context) {
  return LLVM::LLVMPointerType::get(context, 1);
}

KernelBuilder::KernelBuilder(OpBuilder &at, Location loc, StringRef base,
                             StringRef role, const KernelKey &key,
                             tile::ScheduleAttr schedule, Side side)
    : TileBuilder(loc, at), key(key), schedule(schedule), side(side),
      mma(tile::MmaAttr::get(getContext(), schedule.getWarps())) {
  function = gpu::GPUFuncOp::create(*this, (base + "_" + role).str(),
                                    getFunctionType({}, {}));
  function->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), getUnitAttr());
  function.setKnownBlockSizeAttr(
      getDenseI32ArrayAttr({int32_t(32 * schedule.getWarps()), 1, 1}));
  function->setAttr("hilbert_gpu.schedule", schedule);
  // What a launch must know besides the arguments.
  bool ownsQueries = side == Side::Queries;
  auto number = [&](StringRef name, int64_t value) {
    return getNamedAttr(name, getI64IntegerAttr(value));
  };
  function->setAttr(
      "hilbert_gpu.grid",
      getDictionaryAttr(
          {getNamedAttr("role", getStringAttr(role)),
           getNamedAttr("rows",
                        getStringAttr(ownsQueries ? "queries" : "keys")),
           number("tile", schedule.getM()),
           number("other_tile", schedule.getN()),
           number("threads", 32 * schedule.getWarps()),
           number("segment",
                  key.branch.isDense() ? 0 : key.branch.getSegment()),
           number("classes", classes())}));
  function->setAttr("nvvm.minctasm", getI32IntegerAttr(schedule.getCtas()));
  setInsertionPointToStart(&function.getBody().front());
}

void KernelBuilder::finish() {
  gpu::ReturnOp::create(*this);
  function->setAttr("hilbert_gpu.arguments", getArrayAttr(names));
}

RankedTensorType KernelBuilder::f32Tile(int64_t rows, int64_t columns) {
  return RankedTensorType::get({rows, columns}, getF32Type(), mma);
}
RankedTensorType KernelBuilder::rowVector(Type elementType) {
  return RankedTensorType::get({m()}, elementType,
                               tile::SliceAttr::get(getContext(), 1, mma));
}
RankedTensorType KernelBuilder::columnVector(Type elementType) {
  return RankedTensorType::get({n()}, elementType,
                               tile::SliceAttr::get(getContext(), 0, mma));
}

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

Value KernelBuilder::argument(StringRef name, Type type) {
  Value &value = arguments[name];
  if (!value) {
    unsigned index = function.getNumArguments();
    (void)function.insertArgument(index, type, {}, getLoc());
    value = function.getArgument(index);
    names.push_back(getStringAttr(name));
  }
  return value;
}
Value KernelBuilder::i32Argument(StringRef name) {
  return argument(name, getI32Type());
}
Value KernelBuilder::f32Argument(StringRef name) {
  return argument(name, getF32Type());
}

void KernelBuilder::declare(ArrayRef<StringRef> matrices,
                            ArrayRef<StringRef> stats) {
  for (StringRef name : matrices) {
    argument(name, getPointer(getContext()));
    for (StringRef stride : {"batch", "head", "token"})
      argument((name + "_" + stride + "_stride").str(), getI64Type());
  }
  for (StringRef name : stats)
    argument(name, getPointer(getContext()));
  for (StringRef name : {"queries", "keys", "query_heads", "key_heads"})
    i32Argument(name);
  f32Argument("scale");
}

Value KernelBuilder::matrix(StringRef name, Value head) {
  auto stride = [&](StringRef of) {
    return argument((name + "_" + of + "_stride").str(), getI64Type());
  };
  Value offset =
      add(mul(i64(batch), stride("batch")), mul(i64(head), stride("head")));
  return tile::MatrixOp::create(
      *this, tile::MatrixType::get(getContext(), key.depth, key.elementType),
      argument(name, getPointer(getContext())), offset, stride("token"));
}

Value KernelBuilder::stats(StringRef name, Value head) {
  Value index =
      add(mul(i64(batch), i64(i32Argument("query_heads"))), i64(head));
  Value offset = mul(index, i64(i32Argument("queries")));
  Value one = arith::ConstantIntOp::create(*this, 1, 64);
  return tile::MatrixOp::create(
      *this, tile::MatrixType::get(getContext(), 1, getF32Type()),
      argument(name, getPointer(getContext())), offset, one);
}

//===----------------------------------------------------------------------===//
// Geometry
//===----------------------------------------------------------------------===//

int64_t KernelBuilder::classes() const {
  bool isOne = side == Side::Queries && key.branch.getMode() == Mode::Keys;
  // A segment has no more residues than positions.
  return isOne ? 1
               : std::min(key.branch.getDilation(), key.branch.getSegment());
}

void KernelBuilder::decode(bool isAgain) {
  bool ownsQueries = side == Side::Queries;
  Value tokens = i32Argument(ownsQueries ? "queries" : "keys");
  Value heads = i32Argument(ownsQueries ? "query_heads" : "key_heads");
  Value width = i32(key.branch.getSegment());
  Value tiles = ceilDiv(ceilDiv(min(width, tokens), i32(classes())), i32(m()));
  if (isAgain)
    block = tile::OpaqueOp::create(*this, block);
  else
    block = arith::IndexCastUIOp::create(
        *this, getI32Type(), gpu::BlockIdOp::create(*this, gpu::Dimension::x));
  Value flat = block;
  // Tiles that share the other side run at the same time; then heads, whose
  // tokens are neighbours in memory.
  tileIndex = peel(flat, tiles);
  if (ownsQueries && key.causal == Causality::Position)
    tileIndex = sub(sub(tiles, i32(1)), tileIndex); // Longest first.
  head = peel(flat, heads);
  residue = peel(flat, i32(classes()));
  if (key.branch.isDense()) {
    segment = i32(0);
    batch = flat;
  } else {
    segment = peel(flat, ceilDiv(tokens, width));
    batch = flat;
  }
}

ClassRange KernelBuilder::classOf(Value residue, int64_t step, Value tokens) {
  Value width = i32(key.branch.getSegment());
  Value begin = key.branch.isDense() ? i32(0) : mul(segment, width);
  Value length = min(width, sub(tokens, begin));
  return {add(begin, residue), ceilDiv(sub(length, residue), i32(step)), step};
}

ClassRange KernelBuilder::queriesOf(Value residue) {
  Value tokens = i32Argument("queries");
  if (key.branch.getMode() == Mode::Keys)
    return classOf(i32(0), 1, tokens);
  return classOf(residue, key.branch.getDilation(), tokens);
}

ClassRange KernelBuilder::keyClass(Value residue) {
  return classOf(residue, key.branch.getDilation(), i32Argument("keys"));
}

Value KernelBuilder::dilationOffset(Value queryHead) {
  int64_t dilation = key.branch.getDilation();
  if (dilation == 1)
    return i32(0);
  switch (key.branch.getOffsetRule()) {
  case OffsetRule::Zero:
    return i32(0);
  case OffsetRule::Head:
    return rem(queryHead, i32(dilation));
  case OffsetRule::LongNet:
    return div(queryHead, ceilDiv(i32Argument("query_heads"), i32(dilation)));
  case OffsetRule::List: {
    Value table = argument("offsets", getPointer(getContext()));
    Value address =
        LLVM::GEPOp::create(*this, table.getType(), getI32Type(), table,
                            ArrayRef<LLVM::GEPArg>{queryHead});
    return LLVM::LoadOp::create(*this, getI32Type(), address);
  }
  }
  llvm_unreachable("all offset rules are handled");
}

ClassRange KernelBuilder::keysOfItem() {
  if (key.branch.getMode() == Mode::Residues)
    return keyClass(residue);
  Value offset = dilationOffset(head);
  ClassRange keys = keyClass(offset);
  if (key.branch.getMode() == Mode::Both)
    keys.count = select(equal(residue, offset), keys.count, i32(0));
  return keys;
}

ClassRange KernelBuilder::queriesOfItem(Value queryHead) {
  ClassRange queries = queriesOf(residue);
  if (key.branch.getMode() != Mode::Residues)
    queries.count = select(equal(residue, dilationOffset(queryHead)),
                           queries.count, i32(0));
  return queries;
}

Value KernelBuilder::position(const ClassRange &range, Value i) {
  auto type = dyn_cast<RankedTensorType>(i.getType());
  auto same = [&](Value scalar) { return type ? splat(type, scalar) : scalar; };
  return add(same(range.first), mul(same(i32(range.step)), i));
}

Access KernelBuilder::accessOf(Operand operand) const {
  return operand == Operand::Queries ? key.queryAccess
         : operand == Operand::Keys  ? key.keyAccess
                                     : key.outAccess;
}

Value KernelBuilder::rows(Operand operand, const ClassRange &range, Value start,
                          int64_t size) {
  StringRef prefix = operand == Operand::Queries ? "q"
                     : operand == Operand::Keys  ? "kv"
                                                 : "out";
  Access access = accessOf(operand);
  auto type = tile::RowsType::get(getContext(), size, access);
  Value count = min(sub(range.count, start), i32(size));
  Type pointer = getPointer(getContext());
  auto stepAttr = getI32IntegerAttr(range.step);
  switch (access) {
  case Access::Run:
    return tile::RunRowsOp::create(*this, type, position(range, start), count,
                                   stepAttr);
  case Access::Table: {
    Value table = argument((prefix + "_table").str(), pointer);
    // 0 where all batch items share one order.
    Value stride =
        argument((prefix + "_table_batch_stride").str(), getI64Type());
    Value row =
        LLVM::GEPOp::create(*this, pointer, getI32Type(), table,
                            ArrayRef<LLVM::GEPArg>{mul(i64(batch), stride)});
    return tile::TableRowsOp::create(*this, type, row, position(range, start),
                                     count, stepAttr);
  }
  case Access::Box: {
    // Tables are in the order (segment, class, tile).
    bool isQuerySide = operand != Operand::Keys;
    Value tokens = i32Argument(isQuerySide ? "queries" : "keys");
    bool isClassed = !isQuerySide || key.branch.getMode() != Mode::Keys;
    int64_t step = isClassed ? key.branch.getDilation() : 1;
    Value width = i32(key.branch.getSegment());
    Value tiles = ceilDiv(ceilDiv(min(width, tokens), i32(step)), i32(size));
    Value first = range.first;
    Value classIndex = key.branch.isDense()
                           ? first
                           : add(mul(segment, i32(step)), rem(first, width));
    if (step == 1)
      classIndex = key.branch.isDense() ? i32(0) : segment;
    Value index = add(mul(classIndex, tiles), div(start, i32(size)));
    return tile::BoxRowsOp::create(
        *this, type, argument((prefix + "_boxes").str(), pointer), index, count,
        i32Argument((prefix + "_width").str()),
        i32Argument((prefix + "_plane").str()));
  }
  }
  llvm_unreachable("all accesses are handled");
}

Value KernelBuilder::ranks(const ClassRange &range, Value start, Value rows) {
  RankedTensorType type = rowVector(getI32Type());
  if (key.causal == Causality::Token)
    return tile::TokensOp::create(*this, type, rows);
  Value members = add(tile::IndicesOp::create(*this, type), splat(type, start));
  return position(range, members);
}

//===----------------------------------------------------------------------===//
// Masks
//===----------------------------------------------------------------------===//

TileMask::TileMask(KernelBuilder &b, const ClassRange &own, Value start,
                   Value ownRows, const ClassRange &other)
    : b(b), own(own), other(other), start(start),
      ownEnd(b.min(b.add(start, b.i32(b.m())), own.count)), ownRows(ownRows) {}

Value TileMask::firstOther() {
  if (ownsQueries() || b.key.causal != Causality::Position)
    return b.i32(0);
  // The first query at or after the first key, in whole tiles.
  Value distance = b.sub(b.position(own, start), other.first);
  Value first = b.ceilDiv(distance, b.i32(other.step));
  return b.mul(b.div(first, b.i32(b.n())), b.i32(b.n()));
}

Value TileMask::endOther() {
  if (!ownsQueries() || b.key.causal != Causality::Position)
    return other.count;
  // The keys up to the last query.
  Value last = b.position(own, b.sub(ownEnd, b.i32(1)));
  Value reached =
      b.ceilDiv(b.add(b.sub(last, other.first), b.i32(1)), b.i32(other.step));
  return b.min(other.count, reached);
}

Value TileMask::isNeeded(Value first) {
  if (b.key.causal == Causality::Token)
    return Value();
  Value end = b.add(first, b.i32(b.n()));
  if (!ownsQueries())
    return b.less(b.position(other, first),
                  b.position(own, b.sub(ownEnd, b.i32(1))));
  Value isRagged = b.less(other.count, end);
  if (b.key.causal == Causality::None)
    return isRagged;
  return b.lor(isRagged, b.less(b.position(own, start),
                                b.position(other, b.sub(end, b.i32(1)))));
}

Value TileMask::otherRanks(Value first, Value otherRows) {
  if (b.key.causal == Causality::Token)
    return otherRows;
  Value count = b.min(b.sub(other.count, first), b.i32(b.n()));
  return tile::RunRowsOp::create(
      b, tile::RowsType::get(b.getContext(), b.n(), Access::Run),
      b.position(other, first), count, b.getI32IntegerAttr(other.step));
}

Value TileMask::get(Value first, Value otherRows) {
  RankedTensorType tileType = b.f32Tile(b.m(), b.n());
  RankedTensorType columnType = b.columnVector(b.getI32Type());
  Value mask;
  auto require = [&](Value condition) {
    mask = mask ? b.land(mask, condition) : condition;
  };
  if (ownsQueries()) {
    Value columns = b.add(tile::IndicesOp::create(b, columnType),
                          b.splat(columnType, first));
    require(b.broadcast(b.less(columns, b.splat(columnType, other.count)),
                        tileType));
  }
  if (b.key.causal != Causality::None) {
    Value ownTile = b.broadcast(b.ranks(own, start, ownRows), tileType);
    Value otherTile = b.broadcast(
        tile::TokensOp::create(b, columnType, otherRanks(first, otherRows)),
        tileType);
    require(ownsQueries() ? b.lessEqual(otherTile, ownTile)
                          : b.lessEqual(ownTile, otherTile));
  }
  return mask;
}

//===----------------------------------------------------------------------===//
// What causality hides
//===----------------------------------------------------------------------===//

HiddenNonFinite::HiddenNonFinite(KernelBuilder &b)
    : b(b), latest(b.side == KernelBuilder::Side::Keys) {
  // Rows beyond the end are zero: only causality excludes what is there.
  if (b.key.causal == Causality::None)
    return;
  auto type = tile::SmemType::get(b.getContext(), {3 * b.depthInTiles()},
                                  b.getI32Type());
  bounds = tile::BoundsOp::create(b, type, latest);
}

TileBuilder::Values HiddenNonFinite::begin() {
  if (!bounds)
    return {};
  return {arith::ConstantIntOp::create(b, 0, 1)};
}

TileBuilder::Values HiddenNonFinite::take(TileMask &mask, Value tile,
                                          Value first, Value otherRows,
                                          ValueRange found) {
  if (!bounds)
    return {};
  Value isCut = mask.isNeeded(first);
  if (!isCut)
    isCut = arith::ConstantIntOp::create(b, 1, 1);
  Value taken = tile::TakeNonFiniteOp::create(
      b, tile, mask.otherRanks(first, otherRows), bounds, isCut, latest);
  return {b.lor(found.front(), taken)};
}

Value HiddenNonFinite::giveBack(ValueRange found, Value sum,
                                function_ref<Value()> ownRanks) {
  if (!bounds)
    return sum;
  return b.choose(
      found.front(), {sum.getType()},
      [&]() -> TileBuilder::Values {
        return {tile::PoisonOp::create(b, sum, bounds, ownRanks(), latest)};
      },
      [&]() -> TileBuilder::Values { return {sum}; })[0];
}
