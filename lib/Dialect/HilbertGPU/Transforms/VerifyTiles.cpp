//===- VerifyTiles.cpp - Contract of level C1 -----------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "VerifyOps.h"

#include "hilbert/Dialect/HilbertGPU/Transforms/Passes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace hilbert;

namespace hilbert {
#define GEN_PASS_DEF_HILBERTVERIFYTILES
#include "hilbert/Dialect/HilbertGPU/Transforms/Passes.h.inc"
} // namespace hilbert

bool hilbert::isTileProgramOp(Operation *op) {
  // Tables of offsets are read an entry at a time; everything else of global
  // memory goes through matrices and rows.
  if (auto load = dyn_cast<LLVM::LoadOp>(op))
    return load.getType().isIntOrFloat();
  return isa<gpu::GPUFuncOp, gpu::ReturnOp, gpu::BlockIdOp, tensor::SplatOp,
             LLVM::GEPOp>(op) ||
         isa<arith::ArithDialect, math::MathDialect, scf::SCFDialect>(
             op->getDialect());
}

namespace {
struct HilbertVerifyTiles
    : public hilbert::impl::HilbertVerifyTilesBase<HilbertVerifyTiles> {
  void runOnOperation() override {
    auto verify = [](Operation *op) -> LogicalResult {
      if (isScheduleOp(op))
        return op->emitError()
               << "level C1 says nothing of buffers and their filling, but got "
                  "'"
               << op->getName() << "'";
      if (isTileProgramOp(op) || isa<tile::HilbertGPUDialect>(op->getDialect()))
        return success();
      return op->emitError()
             << "level C1 holds hilbert_gpu, arith, math and scf ops, "
                "gpu.block_id, tensor.splat and loads of scalars in gpu.funcs, "
                "but got '"
             << op->getName() << "'";
    };
    if (failed(verifyOpsOf(getOperation(), verify)))
      signalPassFailure();
    markAllAnalysesPreserved();
  }
};
} // namespace
