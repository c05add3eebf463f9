//===- VerifyContracts.cpp - What may remain after a lowering -------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Conversion/Passes.h"

#include "mlir/Dialect/UB/IR/UBOps.h"

using namespace mlir;
using namespace hilbert;

namespace hilbert {
#define GEN_PASS_DEF_HILBERTVERIFYLOOPS
#define GEN_PASS_DEF_HILBERTVERIFYLLVM
#include "hilbert/Conversion/Passes.h.inc"
} // namespace hilbert

/// Reports the first op below `module` that is not allowed.
static LogicalResult
verifyOps(ModuleOp module, StringRef contract,
          llvm::function_ref<bool(Operation *)> isAllowed) {
  WalkResult result =
      module.walk<WalkOrder::PreOrder>([&](Operation *op) -> WalkResult {
        if (isa<ModuleOp>(op) || isAllowed(op))
          return WalkResult::advance();
        return op->emitError()
               << contract << ", but got '" << op->getName() << "'";
      });
  return failure(result.wasInterrupted());
}

/// True if the op takes, gives or, a function, declares a tensor.
static bool hasTensors(Operation *op) {
  auto isTensor = llvm::IsaPred<TensorType>;
  if (llvm::any_of(op->getOperandTypes(), isTensor) ||
      llvm::any_of(op->getResultTypes(), isTensor))
    return true;
  auto function = dyn_cast<FunctionOpInterface>(op);
  return function && (llvm::any_of(function.getArgumentTypes(), isTensor) ||
                      llvm::any_of(function.getResultTypes(), isTensor));
}

namespace {
struct HilbertVerifyLoops
    : public hilbert::impl::HilbertVerifyLoopsBase<HilbertVerifyLoops> {
  void runOnOperation() override {
    if (failed(verifyOps(
            getOperation(),
            "the loop level holds func, cf, scf, arith, math, vector, memref "
            "and ub ops on memrefs, vectors and scalars",
            [&](Operation *op) {
              return (isa<PermutationOp>(op) ||
                      isa_and_nonnull<func::FuncDialect, cf::ControlFlowDialect,
                                      scf::SCFDialect, arith::ArithDialect,
                                      math::MathDialect, vector::VectorDialect,
                                      memref::MemRefDialect, ub::UBDialect>(
                          op->getDialect())) &&
                     !hasTensors(op);
            })))
      signalPassFailure();
    markAllAnalysesPreserved();
  }
};

struct HilbertVerifyLLVM
    : public hilbert::impl::HilbertVerifyLLVMBase<HilbertVerifyLLVM> {
  void runOnOperation() override {
    if (failed(verifyOps(
            getOperation(), "only llvm ops may remain after lowering to llvm",
            [](Operation *op) {
              return isa_and_nonnull<LLVM::LLVMDialect>(op->getDialect());
            })))
      signalPassFailure();
    markAllAnalysesPreserved();
  }
};
} // namespace
