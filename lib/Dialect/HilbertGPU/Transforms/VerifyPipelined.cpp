//===- VerifyPipelined.cpp - Contract of level C2 -------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "VerifyOps.h"

#include "hilbert/Dialect/HilbertGPU/Transforms/Passes.h"

using namespace mlir;
using namespace hilbert;
using namespace hilbert::tile;

namespace hilbert {
#define GEN_PASS_DEF_HILBERTVERIFYPIPELINED
#include "hilbert/Dialect/HilbertGPU/Transforms/Passes.h.inc"
} // namespace hilbert

static LogicalResult verifyOp(Operation *op) {
  if (isa<LoadOp>(op))
    return op->emitError()
           << "level C2 brings tiles into buffers, but got 'hilbert_gpu.load'";
  if (isa<BoundsOp>(op))
    return op->emitError()
           << "level C2 gives bounds a buffer, but got 'hilbert_gpu.bounds'";
  if (auto store = dyn_cast<StoreOp>(op);
      store && store.getTile().getType().getRank() != 1)
    return op->emitError() << "level C2 stores matrices through a buffer, but "
                              "got 'hilbert_gpu.store' of "
                           << store.getTile().getType();
  if (auto alloc = dyn_cast<AllocOp>(op); alloc && !alloc.getOffset())
    return op->emitError() << "level C2 says where each buffer lies, but this "
                              "'hilbert_gpu.alloc' has no offset";
  if (isa<gpu::GPUFuncOp>(op) && !op->hasAttr("hilbert_gpu.shared_bytes"))
    return op->emitError() << "level C2 says how much shared memory a launch "
                              "needs, but this kernel has no "
                              "hilbert_gpu.shared_bytes";
  if (isTileProgramOp(op) || isa<HilbertGPUDialect>(op->getDialect()))
    return success();
  return op->emitError()
         << "level C2 holds hilbert_gpu, arith, math and scf ops, "
            "gpu.block_id, tensor.splat and loads of scalars in gpu.funcs, but "
            "got '"
         << op->getName() << "'";
}

namespace {
struct HilbertVerifyPipelined
    : public hilbert::impl::HilbertVerifyPipelinedBase<HilbertVerifyPipelined> {
  void runOnOperation() override {
    if (failed(verifyOpsOf(getOperation(), verifyOp)))
      signalPassFailure();
    markAllAnalysesPreserved();
  }
};
} // namespace
