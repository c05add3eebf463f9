//===- TileBuilder.cpp - Arithmetic on scalars and tiles ------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TileBuilder.h"

using namespace mlir;
using namespace hilbert;

Value TileBuilder::i32(int64_t value) {
  return arith::ConstantIntOp::create(*this,
                                      std::min<int64_t>(value, INT32_MAX), 32);
}
Value TileBuilder::f32(double value) {
  return arith::ConstantFloatOp::create(*this, getF32Type(),
                                        APFloat(float(value)));
}
Value TileBuilder::i64(Value value) {
  return createOrFold<arith::ExtSIOp>(getI64Type(), value);
}

Value TileBuilder::add(Value a, Value b) {
  return createOrFold<arith::AddIOp>(a, b);
}
Value TileBuilder::sub(Value a, Value b) {
  return createOrFold<arith::SubIOp>(a, b);
}
Value TileBuilder::mul(Value a, Value b) {
  return createOrFold<arith::MulIOp>(a, b);
}
Value TileBuilder::min(Value a, Value b) {
  return createOrFold<arith::MinSIOp>(a, b);
}
Value TileBuilder::land(Value a, Value b) {
  return createOrFold<arith::AndIOp>(a, b);
}
Value TileBuilder::lor(Value a, Value b) {
  return createOrFold<arith::OrIOp>(a, b);
}
Value TileBuilder::compare(arith::CmpIPredicate predicate, Value a, Value b) {
  return createOrFold<arith::CmpIOp>(predicate, a, b);
}
Value TileBuilder::less(Value a, Value b) {
  return compare(arith::CmpIPredicate::slt, a, b);
}
Value TileBuilder::lessEqual(Value a, Value b) {
  return compare(arith::CmpIPredicate::sle, a, b);
}
Value TileBuilder::equal(Value a, Value b) {
  return compare(arith::CmpIPredicate::eq, a, b);
}
Value TileBuilder::select(Value condition, Value a, Value b) {
  return createOrFold<arith::SelectOp>(condition, a, b);
}

Value TileBuilder::div(Value a, Value b) {
  return createOrFold<arith::DivUIOp>(a, b);
}
Value TileBuilder::rem(Value a, Value b) {
  return createOrFold<arith::RemUIOp>(a, b);
}
Value TileBuilder::ceilDiv(Value a, Value b) {
  // Without a + b - 1, which may overflow.
  Value isPositive = less(i32(0), a);
  Value rounded = add(div(sub(a, i32(1)), b), i32(1));
  return select(isPositive, rounded, i32(0));
}
Value TileBuilder::peel(Value &flat, Value size) {
  Value rest = rem(flat, size);
  flat = div(flat, size);
  return rest;
}

Value TileBuilder::subf(Value a, Value b) {
  return createOrFold<arith::SubFOp>(a, b);
}
Value TileBuilder::mulf(Value a, Value b) {
  return createOrFold<arith::MulFOp>(a, b);
}
Value TileBuilder::divf(Value a, Value b) {
  return createOrFold<arith::DivFOp>(a, b);
}
Value TileBuilder::maxf(Value a, Value b) {
  return createOrFold<arith::MaxNumFOp>(a, b);
}
Value TileBuilder::fma(Value a, Value b, Value c) {
  return createOrFold<math::FmaOp>(a, b, c);
}
Value TileBuilder::exp2(Value a) { return createOrFold<math::Exp2Op>(a); }
Value TileBuilder::log2(Value a) { return createOrFold<math::Log2Op>(a); }
Value TileBuilder::equalf(Value a, Value b) {
  return createOrFold<arith::CmpFOp>(arith::CmpFPredicate::OEQ, a, b);
}

Value TileBuilder::splat(RankedTensorType type, double value) {
  return arith::ConstantOp::create(
      *this,
      DenseElementsAttr::get(type, getFloatAttr(type.getElementType(), value)));
}
Value TileBuilder::splat(RankedTensorType type, Value scalar) {
  return tensor::SplatOp::create(*this, type, scalar);
}
Value TileBuilder::broadcast(Value vector, RankedTensorType type) {
  Type elementType = cast<RankedTensorType>(vector.getType()).getElementType();
  return tile::BroadcastOp::create(
      *this,
      RankedTensorType::get(type.getShape(), elementType, type.getEncoding()),
      vector);
}

void TileBuilder::when(Value condition, function_ref<void()> body) {
  auto branch = scf::IfOp::create(*this, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  body();
}

TileBuilder::Values TileBuilder::choose(Value condition, TypeRange types,
                                        function_ref<Values()> then,
                                        function_ref<Values()> otherwise) {
  auto branch =
      scf::IfOp::create(*this, types, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(*this, then());
  setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(*this, otherwise());
  return Values(branch.getResults());
}

TileBuilder::Values
TileBuilder::loop(Value lower, Value upper, ValueRange init,
                  function_ref<Values(Value, ValueRange)> body) {
  auto loop = scf::ForOp::create(*this, lower, upper, i32(1), init);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  Values next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  // A loop that carries nothing has its yield already.
  if (!init.empty())
    scf::YieldOp::create(*this, next);
  return Values(loop.getResults());
}
