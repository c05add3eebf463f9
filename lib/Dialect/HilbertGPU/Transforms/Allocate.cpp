//===- Allocate.cpp - Place buffers in shared memory ----------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Dialect/HilbertGPU/Transforms/Passes.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace hilbert;
using namespace hilbert::tile;

namespace hilbert {
#define GEN_PASS_DEF_HILBERTGPUALLOCATE
#include "hilbert/Dialect/HilbertGPU/Transforms/Passes.h.inc"
} // namespace hilbert

/// The pattern of a 128-byte swizzle repeats after 8 rows.
static constexpr int64_t kAlignment = 1024;

namespace {
struct HilbertGPUAllocate
    : public hilbert::impl::HilbertGPUAllocateBase<HilbertGPUAllocate> {
  using Base::Base;

  void runOnOperation() override {
    Builder builder(&getContext());
    for (auto function : getOperation().getOps<gpu::GPUFuncOp>()) {
      int64_t bytes = 0;
      function.walk([&](AllocOp op) {
        RingType ring = op.getType();
        int64_t slot = llvm::alignTo(ring.getTile().getSizeInBytes(), 128);
        bytes = llvm::alignTo(bytes, kAlignment);
        op.setOffsetAttr(builder.getI32IntegerAttr(bytes));
        bytes += ring.getSlots() * slot;
      });
      if (bytes > limit) {
        function.emitError()
            << "kernel '" << function.getName() << "' needs " << bytes
            << " bytes of shared memory, but a CTA may have "
            << limit.getValue() << ": choose fewer stages or smaller tiles";
        return signalPassFailure();
      }
      function->setAttr("hilbert_gpu.shared_bytes",
                        builder.getI32IntegerAttr(bytes));
    }
  }
};
} // namespace
