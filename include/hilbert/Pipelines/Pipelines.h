//===- Pipelines.h - Named pass pipelines -----------------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_PIPELINES_PIPELINES_H
#define HILBERT_PIPELINES_PIPELINES_H

#include "mlir/Pass/PassOptions.h"

#include <cstdint>

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace hilbert {

/// Options of the pipelines that end on the host.
struct HostPipelineOptions
    : public mlir::PassPipelineOptions<HostPipelineOptions> {
  Option<int64_t> lanes{
      *this, "lanes",
      llvm::cl::desc("f32 lanes of a vector: twice the target's vector width"),
      llvm::cl::init(16)};
};

/// Options of the pipelines that end on a GPU.
struct GPUPipelineOptions
    : public mlir::PassPipelineOptions<GPUPipelineOptions> {
  Option<std::string> chip{*this, "chip",
                           llvm::cl::desc("The target, such as sm_80"),
                           llvm::cl::init("sm_80")};
};

/// `hilbert-fuse`: from what a frontend writes to the fused level. Cancels
/// reorders and fuses them into attention; ends with hilbert-verify-fused.
void buildFusePipeline(mlir::OpPassManager &pm);

/// `hilbert-grad`: hilbert-fuse, then gradient functions, fused in turn.
void buildGradPipeline(mlir::OpPassManager &pm);

/// `hilbert-to-loops`: from the fused level to scf, vector and memref; ends
/// with hilbert-verify-loops.
void buildToLoopsPipeline(mlir::OpPassManager &pm,
                          const HostPipelineOptions &options);

/// `hilbert-to-llvm`: from what a frontend writes to the llvm dialect; ends
/// with hilbert-verify-llvm.
void buildToLLVMPipeline(mlir::OpPassManager &pm,
                         const HostPipelineOptions &options);

/// `hilbert-to-gpu`: from the fused level to tile programs (C1).
void buildToGPUPipeline(mlir::OpPassManager &pm,
                        const GPUPipelineOptions &options);

/// `hilbert-to-nvvm`: from what a frontend writes to gpu.modules in the nvvm
/// dialect.
void buildToNVVMPipeline(mlir::OpPassManager &pm,
                         const GPUPipelineOptions &options);

/// `hilbert-elementwise-to-nvvm`: from reorders, elementwise ops and insertions
/// of slices that no attention took to gpu.modules in the nvvm dialect.
void buildElementwiseToNVVMPipeline(mlir::OpPassManager &pm,
                                    const GPUPipelineOptions &options);

/// Registers the pipelines under their names.
void registerPipelines();

} // namespace hilbert

#endif // HILBERT_PIPELINES_PIPELINES_H
