//===- ProtectArguments.cpp - Arguments belong to the caller --------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Dialect/Hilbert/Transforms/Passes.h"

using namespace mlir;
using bufferization::BufferizationDialect;

namespace hilbert {
#define GEN_PASS_DEF_HILBERTPROTECTARGUMENTS
#include "hilbert/Dialect/Hilbert/Transforms/Passes.h.inc"
} // namespace hilbert

namespace {
struct HilbertProtectArguments
    : public hilbert::impl::HilbertProtectArgumentsBase<
          HilbertProtectArguments> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (!function.isPublic())
      return;
    StringRef name = BufferizationDialect::kWritableAttrName;
    for (auto [index, type] : llvm::enumerate(function.getArgumentTypes()))
      if (isa<TensorType>(type) && !function.getArgAttr(index, name))
        function.setArgAttr(index, name, BoolAttr::get(&getContext(), false));
  }
};
} // namespace
