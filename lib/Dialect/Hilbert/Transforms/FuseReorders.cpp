//===- FuseReorders.cpp - Fuse reorders into attention --------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Dialect/Hilbert/IR/Orders.h"
#include "hilbert/Dialect/Hilbert/Transforms/Passes.h"

#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace hilbert;

namespace hilbert {
#define GEN_PASS_DEF_HILBERTFUSEREORDERS
#include "hilbert/Dialect/Hilbert/Transforms/Passes.h.inc"
} // namespace hilbert

static remark::RemarkOpts remarkOptions() {
  return remark::RemarkOpts::name("FuseReorder")
      .category("hilbert-fuse-reorders");
}

/// The reorder along `dim` that makes a value, if any.
static ReorderOp getReorder(Value value, int64_t dim) {
  auto op = value.getDefiningOp<ReorderOp>();
  return op && op.getDimIndex() == dim ? op : ReorderOp();
}

/// True if both exist and have the same order.
static bool haveOneOrder(ReorderOp a, ReorderOp b) {
  return a && b && a.getOrderRef() == b.getOrderRef();
}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

namespace {
/// Which of the inputs' reorders become orders, and why the others do not.
struct FusionPlan {
  ReorderOp q, k;
  bool fuseQuery = false, fuseKey = false;
  std::string queryReason, keyReason;
};
} // namespace

/// Decides which of the query's and the keys' reorders become orders.
static FusionPlan planInputs(AttentionInterface op) {
  FusionPlan plan;
  int64_t dim = op.getTokenDim();
  plan.q = getReorder(op.getQ(), dim);
  plan.k = getReorder(op.getK(), dim);
  ReorderOp v = getReorder(op.getV(), dim);
  plan.fuseQuery = static_cast<bool>(plan.q);
  plan.fuseKey = haveOneOrder(plan.k, v);
  if ((plan.k || v) && !plan.fuseKey)
    plan.keyReason = "k and v do not have one order";

  auto refuse = [&](StringRef reason) {
    if (plan.fuseQuery)
      plan.queryReason = reason;
    if (plan.fuseKey)
      plan.keyReason = reason;
    plan.fuseQuery = plan.fuseKey = false;
  };
  switch (op.getCausal()) {
  case Causality::None:
    break;
  case Causality::Token:
    // Over raster orders a token is a position, and stays one.
    if (!op.getQueryOrderRef().isIdentity() ||
        !op.getKeyOrderRef().isIdentity()) {
      refuse("token causality would compare other tokens");
      break;
    }
    [[fallthrough]];
  case Causality::Position:
    if (!plan.fuseQuery || !plan.fuseKey || !haveOneOrder(plan.q, plan.k))
      refuse("causality needs q and k to have one order");
    break;
  }
  return plan;
}

/// Fuses reorders of q, or of k and v.
static LogicalResult fuseInputs(AttentionInterface op,
                                PatternRewriter &rewriter) {
  if (!isa<RankedTensorType>(op.getQ().getType()))
    return failure();
  FusionPlan plan = planInputs(op);
  if (!plan.fuseQuery && !plan.fuseKey)
    return failure();
  Location loc = op.getLoc();
  OrderRef query = op.getQueryOrderRef(), key = op.getKeyOrderRef();
  if (plan.fuseQuery) {
    FailureOr<OrderRef> order =
        composeOrders(rewriter, loc, plan.q.getOrderRef(), query);
    if (succeeded(order))
      query = *order;
    plan.fuseQuery = succeeded(order);
  }
  if (plan.fuseKey) {
    // Equal orders stay one value, as position causality needs.
    bool same = plan.fuseQuery && haveOneOrder(plan.q, plan.k) &&
                op.getQueryOrderRef() == key;
    FailureOr<OrderRef> order =
        same ? FailureOr<OrderRef>(query)
             : composeOrders(rewriter, loc, plan.k.getOrderRef(), key);
    if (succeeded(order))
      key = *order;
    plan.fuseKey = succeeded(order);
  }
  // Causality has one order for both: both composed, or neither.
  if (!plan.fuseQuery && !plan.fuseKey)
    return failure();

  ReorderOp v = getReorder(op.getV(), op.getTokenDim());
  rewriter.modifyOpInPlace(op, [&] {
    Operation *operation = op.getOperation();
    // q, k and v are the first operands of both ops.
    if (plan.fuseQuery)
      operation->setOperand(0, plan.q.getSource());
    if (plan.fuseKey) {
      operation->setOperand(1, plan.k.getSource());
      operation->setOperand(2, v.getSource());
    }
    op.setOrders(query, key, op.getOutOrderRef());
    if (op.getCausal() == Causality::Token)
      operation->setAttr(
          "causal", CausalityAttr::get(op->getContext(), Causality::Position));
  });
  if (plan.fuseQuery)
    remark::passed(loc, remarkOptions()) << remark::add("q's reorder fused");
  if (plan.fuseKey)
    remark::passed(loc, remarkOptions())
        << remark::add("k's and v's reorder fused");

  // A gradient has the order of what it is the gradient of.
  if (auto grad = dyn_cast<AttentionGradOp>(op.getOperation())) {
    rewriter.setInsertionPointAfter(op);
    auto reorderResult = [&](unsigned index, OrderRef order) {
      Value result = grad.getResults()[index];
      auto reordered =
          ReorderOp::create(rewriter, loc, result, op.getTokenDim(), order);
      rewriter.replaceAllUsesExcept(result, reordered.getResult(), reordered);
    };
    if (plan.fuseQuery)
      reorderResult(0, plan.q.getOrderRef());
    if (plan.fuseKey) {
      reorderResult(1, plan.k.getOrderRef());
      reorderResult(2, plan.k.getOrderRef());
    }
  }
  return success();
}

namespace {
template <typename OpTy> struct FuseInputs : public OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    return fuseInputs(AttentionInterface(op), rewriter);
  }
};

/// attention_grad(out = reorder(out', o), dout = reorder(dout', o), lse)
///   -> attention_grad(out', dout', restore(lse, o)) with out order o
/// lse and dlse are small: where they are not reordered they are put back.
struct FuseGradientOut : public OpRewritePattern<AttentionGradOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AttentionGradOp op,
                                PatternRewriter &rewriter) const override {
    AttentionInterface attention(op);
    int64_t dim = attention.getTokenDim();
    ReorderOp out = getReorder(op.getOut(), dim);
    ReorderOp dout = getReorder(op.getDout(), dim);
    if (!haveOneOrder(out, dout))
      return rewriter.notifyMatchFailure(op, "out and dout lack one order");
    OrderRef order = out.getOrderRef();
    FailureOr<OrderRef> composed =
        composeOrders(rewriter, op.getLoc(), order, attention.getOutOrderRef());
    if (failed(composed))
      return failure();
    auto putBack = [&](Value stats) -> Value {
      ReorderOp reorder = getReorder(stats, 2);
      if (reorder && reorder.getOrderRef() == order)
        return reorder.getSource();
      return RestoreOp::create(rewriter, op.getLoc(), stats, 2, order)
          .getResult();
    };
    Value lse = putBack(op.getLse());
    Value dlse = op.getDlse() ? putBack(op.getDlse()) : Value();
    rewriter.modifyOpInPlace(op, [&] {
      op.getOutMutable().assign(out.getSource());
      op.getDoutMutable().assign(dout.getSource());
      op.getLseMutable().assign(lse);
      if (dlse)
        op.getDlseMutable().assign(dlse);
      op.setOrders(attention.getQueryOrderRef(), attention.getKeyOrderRef(),
                   *composed);
    });
    remark::passed(op.getLoc(), remarkOptions())
        << remark::add("out's and dout's reorder fused");
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

/// True for an elementwise op of which `value` is the only operand that is not
/// the same for all tokens: it commutes with orders of `value`.
static bool isElementwiseOf(Operation *op, Value value) {
  return isPureElementwise(op) &&
         llvm::all_of(op->getOperands(), [&](Value operand) {
           return operand == value || !isa<ShapedType>(operand.getType()) ||
                  isSplat(operand);
         });
}

/// Collects the restores that everything made of `value` goes through, possibly
/// behind elementwise ops. Fails if something else sees it, or the restores
/// differ.
static LogicalResult collectRestores(Value value, int64_t dim,
                                     SmallVectorImpl<RestoreOp> &restores) {
  // An op that uses the value twice is one user.
  llvm::SmallSetVector<Operation *, 4> users(value.user_begin(),
                                             value.user_end());
  for (Operation *user : users) {
    auto restore = dyn_cast<RestoreOp>(user);
    if (restore && restore.getDimIndex() == dim &&
        (restores.empty() ||
         restore.getOrderRef() == restores.front().getOrderRef())) {
      restores.push_back(restore);
      continue;
    }
    if (!isElementwiseOf(user, value) ||
        failed(collectRestores(user->getResult(0), dim, restores)))
      return failure();
  }
  return success();
}

/// True if a runtime order can be an operand of `op`.
static bool isAvailableAt(OrderRef order, Operation *op) {
  Operation *table = order.table ? order.table.getDefiningOp() : nullptr;
  return !table ||
         (table->getBlock() == op->getBlock() && table->isBeforeInBlock(op));
}

/// restore(f(attention.out), o) -> f(attention.out) with o as the last of the
/// attention's out order, f elementwise or nothing; lse, which follows out, is
/// reordered for its users (which cancels with their restores).
struct FuseRestoreOfResult : public OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AttentionOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getResults().empty())
      return failure();
    AttentionInterface attention(op);
    SmallVector<RestoreOp> restores;
    if (failed(collectRestores(op.getResult(0), attention.getTokenDim(),
                               restores)) ||
        restores.empty())
      return rewriter.notifyMatchFailure(op, "out has other users");
    OrderRef order = restores.front().getOrderRef();
    if (!isAvailableAt(order, op))
      return rewriter.notifyMatchFailure(op, "the table is defined later");
    FailureOr<OrderRef> composed =
        composeOrders(rewriter, op.getLoc(), order, attention.getOutOrderRef());
    if (failed(composed))
      return failure();
    rewriter.modifyOpInPlace(op, [&] {
      op.setOrders(attention.getQueryOrderRef(), attention.getKeyOrderRef(),
                   *composed);
    });
    for (RestoreOp restore : restores)
      rewriter.replaceOp(restore, restore.getSource());
    if (Value lse = op.getResult(1); !lse.use_empty()) {
      rewriter.setInsertionPointAfter(op);
      auto reordered = ReorderOp::create(rewriter, op.getLoc(), lse, 2, order);
      rewriter.replaceAllUsesExcept(lse, reordered.getResult(), reordered);
    }
    remark::passed(op.getLoc(), remarkOptions())
        << remark::add("out's restore fused");
    return success();
  }
};

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

struct HilbertFuseReorders
    : public hilbert::impl::HilbertFuseReordersBase<HilbertFuseReorders> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    RewritePatternSet patterns(context);
    ReorderOp::getCanonicalizationPatterns(patterns, context);
    RestoreOp::getCanonicalizationPatterns(patterns, context);
    patterns.add<FuseInputs<AttentionOp>, FuseInputs<AttentionGradOp>,
                 FuseGradientOut, FuseRestoreOfResult>(context);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
    getOperation().walk([](AttentionInterface op) { reportMissed(op); });
  }

private:
  /// Says why a reorder stays next to an attention.
  static void reportMissed(AttentionInterface op) {
    auto missed = [&](StringRef what, StringRef reason) {
      remark::missed(op->getLoc(), remarkOptions())
          << remark::add("{0} not fused", what)
          << remark::reason("{0}", reason);
    };
    FusionPlan plan = planInputs(op);
    StringRef unknown = "the orders do not compose";
    if (plan.q)
      missed("q's reorder",
             plan.queryReason.empty() ? unknown : StringRef(plan.queryReason));
    if (plan.k || getReorder(op.getV(), op.getTokenDim()))
      missed("k's and v's reorder",
             plan.keyReason.empty() ? unknown : StringRef(plan.keyReason));
    if (auto grad = dyn_cast<AttentionGradOp>(op.getOperation())) {
      if (getReorder(grad.getOut(), op.getTokenDim()) ||
          getReorder(grad.getDout(), op.getTokenDim()))
        missed("out's reorder", "out and dout do not have one order");
      return;
    }
    if (op->getNumResults() == 0)
      return;
    Value out = op->getResult(0);
    for (Operation *user : out.getUsers()) {
      auto restore = dyn_cast<RestoreOp>(user);
      if (!restore || restore.getDimIndex() != op.getTokenDim())
        continue;
      StringRef reason = unknown;
      if (!out.hasOneUse())
        reason = "out has users with other orders";
      else if (!isAvailableAt(restore.getOrderRef(), op))
        reason = "the table is defined later";
      missed("out's restore", reason);
    }
  }
};
} // namespace
