//===- HilbertCanonicalization.cpp - Folders and canonicalisers -----------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Dialect/Hilbert/IR/Hilbert.h"
#include "hilbert/Dialect/Hilbert/IR/Orders.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace hilbert;

//===----------------------------------------------------------------------===//
// Arithmetic on orders
//===----------------------------------------------------------------------===//

static Value getTable(OpBuilder &builder, Location loc, OrderRef order) {
  if (order.table)
    return order.table;
  return PermutationOp::create(builder, loc, order.attr).getResult();
}

/// True for one order a batch item.
static bool isBatched(OrderRef order) {
  return order.table && cast<ShapedType>(order.table.getType()).getRank() == 2;
}

/// The dimension of a table that runs over positions.
static int64_t getPositionDim(Value table) {
  return cast<ShapedType>(table.getType()).getRank() - 1;
}

FailureOr<OrderRef> hilbert::composeOrders(OpBuilder &builder, Location loc,
                                           OrderRef first, OrderRef second) {
  if (first.isIdentity())
    return second;
  if (second.isIdentity())
    return first;
  if (isBatched(second) && !isBatched(first))
    return failure();
  Value table = getTable(builder, loc, first);
  auto composed =
      ReorderOp::create(builder, loc, table, getPositionDim(table), second);
  return OrderRef(nullptr, composed.getResult());
}

FailureOr<OrderRef> hilbert::composeWithInverse(OpBuilder &builder,
                                                Location loc, OrderRef first,
                                                OrderRef second) {
  if (second.isIdentity())
    return first;
  if (isBatched(second) && !isBatched(first))
    return failure();
  if (!first.attr && !first.table)
    return failure(); // The identity of unknown length has no table.
  // restore(first, second)[second(p)] = first(p).
  Value table = getTable(builder, loc, first);
  auto composed =
      RestoreOp::create(builder, loc, table, getPositionDim(table), second);
  return OrderRef(nullptr, composed.getResult());
}

// Not by m_Constant: it asks for a trait, and GCC and Clang (which may have
// built libMLIR) give the identifiers of traits different names.
bool hilbert::isPureElementwise(Operation *op) {
  return OpTrait::hasElementwiseMappableTraits(op) &&
         op->getNumResults() == 1 && isMemoryEffectFree(op);
}

bool hilbert::isSplat(Value value) {
  auto constant = value.getDefiningOp<arith::ConstantOp>();
  return constant && isa<SplatElementsAttr>(constant.getValue());
}

//===----------------------------------------------------------------------===//
// Folders
//===----------------------------------------------------------------------===//

/// `Inverse` is the op that undoes `OpTy`.
template <typename Inverse, typename OpTy>
static LogicalResult foldPermute(OpTy op,
                                 SmallVectorImpl<OpFoldResult> &results) {
  if (!op.hasPureTensorSemantics())
    return failure();
  // reorder(x, identity) -> x
  if (op.getOrderRef().isIdentity()) {
    results.push_back(op.getSource());
    return success();
  }
  // reorder(splat) -> splat
  if (isSplat(op.getSource())) {
    results.push_back(op.getSource());
    return success();
  }
  // restore(reorder(x, o), o) -> x
  auto inverse = op.getSource().template getDefiningOp<Inverse>();
  if (inverse && inverse.getDim() == op.getDim() &&
      inverse.getOrderRef() == op.getOrderRef()) {
    results.push_back(inverse.getSource());
    return success();
  }
  return failure();
}

LogicalResult ReorderOp::fold(FoldAdaptor,
                              SmallVectorImpl<OpFoldResult> &results) {
  return foldPermute<RestoreOp>(*this, results);
}

LogicalResult RestoreOp::fold(FoldAdaptor,
                              SmallVectorImpl<OpFoldResult> &results) {
  return foldPermute<ReorderOp>(*this, results);
}

//===----------------------------------------------------------------------===//
// Canonicalisers
//===----------------------------------------------------------------------===//

namespace {
/// Two passes over a tensor become one, by composing the (small) tables:
///   reorder(reorder(x, a), b) -> reorder(x, p -> a(b(p)))
///   restore(restore(x, a), b) -> restore(x, p -> b(a(p)))
///   restore(reorder(x, a), b) -> reorder(x, p -> a(b^-1(p)))
///   reorder(restore(x, a), b) -> restore(x, p -> b^-1(a(p))): not done, it
///     takes two table ops
/// Not for tables themselves: composing a table is what builds one.
template <typename Outer, typename Inner>
struct ComposePermutes : public OpRewritePattern<Outer> {
  using OpRewritePattern<Outer>::OpRewritePattern;

  LogicalResult matchAndRewrite(Outer outer,
                                PatternRewriter &rewriter) const override {
    auto inner = outer.getSource().template getDefiningOp<Inner>();
    if (!inner || !outer.hasPureTensorSemantics() ||
        inner.getDim() != outer.getDim() || !inner.getResult().hasOneUse() ||
        inner.getSource().getType().getRank() < 3)
      return failure();
    constexpr bool outerRestores = std::is_same_v<Outer, RestoreOp>;
    constexpr bool innerRestores = std::is_same_v<Inner, RestoreOp>;
    OrderRef a = inner.getOrderRef(), b = outer.getOrderRef();
    if (a.isIdentity() || b.isIdentity() ||
        (outerRestores != innerRestores && a == b))
      return failure(); // Folds.
    FailureOr<OrderRef> order;
    if constexpr (outerRestores && innerRestores)
      order = composeOrders(rewriter, outer.getLoc(), b, a);
    else if constexpr (outerRestores)
      order = composeWithInverse(rewriter, outer.getLoc(), a, b);
    else
      order = composeOrders(rewriter, outer.getLoc(), a, b);
    if (failed(order))
      return rewriter.notifyMatchFailure(outer, "orders do not compose");
    rewriter.replaceOpWithNewOp<Inner>(outer, inner.getSource(),
                                       inner.getDimIndex(), *order);
    return success();
  }
};

/// Elementwise ops commute with orders; reorders sink below them so that they
/// meet the op that undoes or fuses them, and so that two become one:
///   add(reorder(x, o), reorder(y, o)) -> reorder(add(x, y), o)
///   add(reorder(x, o), splat) -> reorder(add(x, splat), o)
template <typename OpTy>
struct SinkBelowElementwise : public OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    if (!op.hasPureTensorSemantics() || op.getResult().use_empty())
      return failure();
    Operation *user = *op.getResult().getUsers().begin();
    if (!isPureElementwise(user))
      return failure();
    auto resultType = dyn_cast<RankedTensorType>(user->getResult(0).getType());
    if (!resultType)
      return failure();
    SmallVector<Value> operands;
    for (Value operand : user->getOperands()) {
      auto permute = operand.getDefiningOp<OpTy>();
      if (permute && permute.hasPureTensorSemantics() &&
          permute.getDim() == op.getDim() &&
          permute.getOrderRef() == op.getOrderRef() &&
          llvm::all_of(operand.getUsers(),
                       [&](Operation *other) { return other == user; })) {
        operands.push_back(permute.getSource());
        continue;
      }
      if (isa<ShapedType>(operand.getType()) && !isSplat(operand))
        return rewriter.notifyMatchFailure(user, "operand has another order");
      operands.push_back(operand);
    }
    rewriter.setInsertionPoint(user);
    Operation *moved = rewriter.clone(*user);
    moved->setOperands(operands);
    rewriter.replaceOpWithNewOp<OpTy>(user, moved->getResult(0),
                                      op.getDimIndex(), op.getOrderRef());
    return success();
  }
};
} // namespace

void ReorderOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                            MLIRContext *context) {
  patterns.add<ComposePermutes<ReorderOp, ReorderOp>,
               SinkBelowElementwise<ReorderOp>>(context);
}

void RestoreOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                            MLIRContext *context) {
  patterns.add<ComposePermutes<RestoreOp, RestoreOp>,
               ComposePermutes<RestoreOp, ReorderOp>,
               SinkBelowElementwise<RestoreOp>>(context);
}
