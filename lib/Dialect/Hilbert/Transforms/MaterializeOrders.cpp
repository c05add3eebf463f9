//===- MaterializeOrders.cpp - Static orders to tables --------------------===//
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
    DenseMap<std::pair<OrderAttr, Type>, Value> tables;
    auto materialize = [&](OrderRef order, Type user) {
      if (!order.attr)
        return order;
      if (order.isIdentity())
        return OrderRef();
      // Ops on memrefs take tables in memrefs.
      int64_t length = order.attr.getLength();
      Type type = RankedTensorType::get({length}, builder.getI32Type());
      if (isa<MemRefType>(user))
        type = MemRefType::get({length}, builder.getI32Type());
      Value &table = tables[{order.attr, type}];
      if (!table) {
        builder.setInsertionPointToStart(&function.getBody().front());
        table =
            PermutationOp::create(builder, function.getLoc(), type, order.attr)
                .getResult();
      }
      return OrderRef(nullptr, table);
    };
    auto visit = [&](auto op) {
      OrderRef order = op.getOrderRef();
      if (!order.attr || order.isIdentity())
        return; // An identity folds.
      op.getTableMutable().assign(
          materialize(order, op.getSource().getType()).table);
      op.removeOrderAttr();
    };
    function.walk([&](Operation *op) {
      if (auto reorder = dyn_cast<ReorderOp>(op))
        visit(reorder);
      else if (auto restore = dyn_cast<RestoreOp>(op))
        visit(restore);
      else if (auto attention = dyn_cast<AttentionInterface>(op)) {
        Type type = attention.getQ().getType();
        attention.setOrders(materialize(attention.getQueryOrderRef(), type),
                            materialize(attention.getKeyOrderRef(), type),
                            materialize(attention.getOutOrderRef(), type));
      }
    });
  }
};
} // namespace
