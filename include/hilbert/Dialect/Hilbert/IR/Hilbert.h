//===- Hilbert.h - The hilbert dialect --------------------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Everything that a user of the dialect needs: attributes, ops, interfaces.
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_DIALECT_HILBERT_IR_HILBERT_H
#define HILBERT_DIALECT_HILBERT_IR_HILBERT_H

#include "hilbert/Curve/Order.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "hilbert/Dialect/Hilbert/IR/HilbertDialect.h.inc"
#include "hilbert/Dialect/Hilbert/IR/HilbertEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "hilbert/Dialect/Hilbert/IR/HilbertAttributes.h.inc"

namespace hilbert {

/// An order as an op has it: a static attribute, a runtime table, or neither
/// (raster). Never both.
struct OrderRef {
  OrderRef() = default;
  explicit OrderRef(OrderAttr attr) : attr(attr) {}
  OrderRef(OrderAttr attr, mlir::Value table) : attr(attr), table(table) {}

  OrderAttr attr;
  mlir::Value table;

  /// True if the order is known to be the identity.
  bool isIdentity() const { return !table && (!attr || attr.isIdentity()); }
  /// True if both are known to be the same permutation.
  bool operator==(const OrderRef &other) const {
    if (isIdentity() || other.isIdentity())
      return isIdentity() && other.isIdentity();
    return attr == other.attr && table == other.table;
  }
  bool operator!=(const OrderRef &other) const { return !(*this == other); }
};

} // namespace hilbert

#include "hilbert/Dialect/Hilbert/IR/HilbertInterfaces.h.inc"

#define GET_OP_CLASSES
#include "hilbert/Dialect/Hilbert/IR/HilbertOps.h.inc"

#endif // HILBERT_DIALECT_HILBERT_IR_HILBERT_H
