//===- CancelReorders.cpp - Cancel, compose and sink reorders -------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Dialect/Hilbert/Transforms/Passes.h"

#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace hilbert;

namespace hilbert {
#define GEN_PASS_DEF_HILBERTCANCELREORDERS
#include "hilbert/Dialect/Hilbert/Transforms/Passes.h.inc"
} // namespace hilbert

/// Reorders and restores of tensors other than tables: what costs memory
/// traffic.
static SmallVector<Operation *> getPermutes(Operation *root) {
  SmallVector<Operation *> permutes;
  root->walk([&](Operation *op) {
    if (isa<ReorderOp, RestoreOp>(op) &&
        cast<ShapedType>(op->getOperand(0).getType()).getRank() >= 3)
      permutes.push_back(op);
  });
  return permutes;
}

namespace {
struct HilbertCancelReorders
    : public hilbert::impl::HilbertCancelReordersBase<HilbertCancelReorders> {
  void runOnOperation() override {
    Operation *root = getOperation();
    MLIRContext *context = &getContext();
    size_t before = getPermutes(root).size();
    RewritePatternSet patterns(context);
    ReorderOp::getCanonicalizationPatterns(patterns, context);
    RestoreOp::getCanonicalizationPatterns(patterns, context);
    if (failed(applyPatternsGreedily(root, std::move(patterns))))
      return signalPassFailure();

    SmallVector<Operation *> left = getPermutes(root);
    auto options =
        remark::RemarkOpts::name("CancelReorders").category(getArgument());
    if (left.size() < before)
      remark::passed(root->getLoc(), options) << remark::add(
          "{0} of {1} reorders cancelled", before - left.size(), before);
    for (Operation *op : left)
      if (isa_and_nonnull<ReorderOp, RestoreOp>(
              op->getOperand(0).getDefiningOp()))
        remark::missed(op->getLoc(), options) << remark::reason(
            "'{0}' follows '{1}' and was not combined with it",
            op->getName().getStringRef(),
            op->getOperand(0).getDefiningOp()->getName().getStringRef());
  }
};
} // namespace
