//===- VerifyFused.cpp - Contract of the fused level ----------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Dialect/Hilbert/Transforms/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace hilbert;

namespace hilbert {
#define GEN_PASS_DEF_HILBERTVERIFYFUSED
#include "hilbert/Dialect/Hilbert/Transforms/Passes.h.inc"
} // namespace hilbert

namespace {
struct HilbertVerifyFused
    : public hilbert::impl::HilbertVerifyFusedBase<HilbertVerifyFused> {
  void runOnOperation() override {
    // An op before what it holds: the message names the outermost one.
    WalkResult result =
        getOperation().walk<WalkOrder::PreOrder>([](Operation *op) {
          // Arguments that are memrefs enter and leave by these two.
          if (isa<bufferization::ToTensorOp,
                  bufferization::MaterializeInDestinationOp>(op))
            return WalkResult::advance();
          // The element that they copy is in a region.
          if (isa<linalg::BroadcastOp, linalg::TransposeOp>(op))
            return WalkResult::skip();
          if (!isa_and_nonnull<HilbertDialect, func::FuncDialect,
                               tensor::TensorDialect, arith::ArithDialect,
                               math::MathDialect>(op->getDialect())) {
            op->emitError()
                << "the fused level holds hilbert, func, tensor, arith "
                   "and math ops, but got '"
                << op->getName() << "'";
            return WalkResult::interrupt();
          }
          if (!isa<HilbertDialect>(op->getDialect()))
            return WalkResult::advance();
          SmallVector<Type> types(op->getOperandTypes());
          llvm::append_range(types, op->getResultTypes());
          for (Type type : types)
            if (isa<BaseMemRefType>(type)) {
              op->emitError()
                  << "hilbert ops are on tensors at the fused level, "
                     "but got "
                  << type;
              return WalkResult::interrupt();
            }
          return WalkResult::advance();
        });
    if (result.wasInterrupted())
      signalPassFailure();
    markAllAnalysesPreserved();
  }
};
} // namespace
