//===- HilbertDialect.cpp - The hilbert dialect ---------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Dialect/Hilbert/IR/Hilbert.h"

#include "llvm/Support/InterleavedRange.h"

using namespace mlir;
using namespace hilbert;

#include "hilbert/Dialect/Hilbert/IR/HilbertDialect.cpp.inc"
#include "hilbert/Dialect/Hilbert/IR/HilbertInterfaces.cpp.inc"

namespace {
/// Names orders after their curve and grid: #hilbert_64x64.
struct HilbertAsmInterface : public OpAsmDialectInterface {
  using OpAsmDialectInterface::OpAsmDialectInterface;

  AliasResult getAlias(Attribute attr, raw_ostream &os) const final {
    auto order = dyn_cast<OrderAttr>(attr);
    if (!order)
      return AliasResult::NoAlias;
    StringRef name = curve::curveName(order.getCurve());
    os << name << '_' << llvm::interleaved(order.getExtents(), "x");
    if (!order.getTile().empty())
      os << "_tile_" << llvm::interleaved(order.getTile(), "x");
    if (order.getLength() != order.getNumCells())
      os << "_length_" << order.getLength();
    return AliasResult::OverridableAlias;
  }
};
} // namespace

void HilbertDialect::initialize() {
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "hilbert/Dialect/Hilbert/IR/HilbertOps.cpp.inc"
      >();
  addInterfaces<HilbertAsmInterface>();
}
