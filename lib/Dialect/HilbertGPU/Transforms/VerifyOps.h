//===- VerifyOps.h - What contracts of the levels share ---------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_LIB_DIALECT_HILBERTGPU_TRANSFORMS_VERIFYOPS_H
#define HILBERT_LIB_DIALECT_HILBERTGPU_TRANSFORMS_VERIFYOPS_H

#include "hilbert/Dialect/HilbertGPU/IR/HilbertGPU.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace hilbert {

/// Fails at the first op within a module that `verify` does not take; it has
/// said why. The module itself is not asked about.
inline mlir::LogicalResult
verifyOpsOf(mlir::gpu::GPUModuleOp module,
            llvm::function_ref<mlir::LogicalResult(mlir::Operation *)> verify) {
  mlir::WalkResult result = module.walk<mlir::WalkOrder::PreOrder>(
      [&](mlir::Operation *op) -> mlir::WalkResult {
        if (op == module || mlir::succeeded(verify(op)))
          return mlir::WalkResult::advance();
        return mlir::WalkResult::interrupt();
      });
  return mlir::failure(result.wasInterrupted());
}

/// Kernels, index arithmetic, control flow and arithmetic of tiles: what both
/// levels of tile programs have beside `hilbert_gpu` ops.
bool isTileProgramOp(mlir::Operation *op);

/// The ops that say when tiles move, and through which buffers.
inline bool isScheduleOp(mlir::Operation *op) {
  return mlir::isa<tile::AllocOp, tile::SlotOp, tile::AsyncLoadOp,
                   tile::CommitOp, tile::WaitOp, tile::LocalStoreOp,
                   tile::CopyOutOp, tile::FillOp>(op);
}

} // namespace hilbert

#endif // HILBERT_LIB_DIALECT_HILBERTGPU_TRANSFORMS_VERIFYOPS_H
