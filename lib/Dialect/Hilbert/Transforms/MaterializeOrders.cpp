//===- MaterializeOrders.cpp - Static orders to tables --------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Dialect/Hilbert/Transforms/Passes.h"

using namespace mlir;
using namespace hilbert;

namespace hilbert {
#define GEN_PASS_DEF_HILBERTMATERIALIZEORDERS
#include "hilbert/Dialect/Hilbert/Transforms/Passes.h.inc"
} // namespace hilbert

namespace {
struct HilbertMaterializeOrders
    : public hilbert::impl::HilbertMaterializeOrdersBase<
          HilbertMaterializeOrders> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isDeclaration())
      return;
    OpBuilder builder(&getContext());
    DenseMap<OrderAttr, Value> tables;
    auto materialize = [&](OrderRef order) {
      if (!order.attr)
        return order;
      if (order.isIdentity())
        return OrderRef();
      Value &table = tables[order.attr];
      if (!table) {
        builder.setInsertionPointToStart(&function.getBody().front());
        table = PermutationOp::create(builder, function.getLoc(), order.attr)
                    .getResult();
      }
      return OrderRef(nullptr, table);
    };
    auto visit = [&](auto op) {
      OrderRef order = op.getOrderRef();
      if (!order.attr || order.isIdentity())
        return; // An identity folds.
      op.getTableMutable().assign(materialize(order).table);
      op.removeOrderAttr();
    };
    function.walk([&](Operation *op) {
      if (auto reorder = dyn_cast<ReorderOp>(op))
        visit(reorder);
      else if (auto restore = dyn_cast<RestoreOp>(op))
        visit(restore);
      else if (auto attention = dyn_cast<AttentionInterface>(op))
        attention.setOrders(materialize(attention.getQueryOrderRef()),
                            materialize(attention.getKeyOrderRef()),
                            materialize(attention.getOutOrderRef()));
    });
  }
};
} // namespace
