//===- Orders.h - Arithmetic on orders in the IR ----------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_DIALECT_HILBERT_IR_ORDERS_H
#define HILBERT_DIALECT_HILBERT_IR_ORDERS_H

#include "hilbert/Dialect/Hilbert/IR/Hilbert.h"

namespace hilbert {

/// The order p -> first(second(p)), built as a table of which one is reordered
/// by the other unless one of them is the identity. Fails, and builds nothing,
/// where that is not possible: `first` is one table for all batch items and
/// `second` one for each.
mlir::FailureOr<OrderRef> composeOrders(mlir::OpBuilder &builder,
                                        mlir::Location loc, OrderRef first,
                                        OrderRef second);

/// The order p -> first(inverse of second (p)). Fails as composeOrders does.
mlir::FailureOr<OrderRef> composeWithInverse(mlir::OpBuilder &builder,
                                             mlir::Location loc, OrderRef first,
                                             OrderRef second);

/// True for an elementwise op with one result and no effects: if all its
/// operands are reordered alike, so is its result.
bool isPureElementwise(mlir::Operation *op);

/// True for a constant of equal elements: every order leaves it as it is.
bool isSplat(mlir::Value value);

} // namespace hilbert

#endif // HILBERT_DIALECT_HILBERT_IR_ORDERS_H
