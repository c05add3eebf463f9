//===- Pipelines.cpp - Named pass pipelines -------------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Pipelines/Pipelines.h"
#include "hilbert/Conversion/Passes.h"
#include "hilbert/Dialect/Hilbert/Transforms/Passes.h"
#include "hilbert/Dialect/HilbertGPU/Transforms/Passes.h"

#include "mlir/Conversion/BufferizationToMemRef/BufferizationToMemRef.h"
#include "mlir/Conversion/GPUToNVVM/GPUToNVVMPass.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Pipelines/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace hilbert;

void hilbert::buildFusePipeline(OpPassManager &pm) {
  pm.addPass(createCSEPass());
  pm.addPass(createHilbertCancelReorders());
  pm.addNestedPass<func::FuncOp>(createHilbertFuseReorders());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addNestedPass<func::FuncOp>(createHilbertVerifyFused());
}

void hilbert::buildGradPipeline(OpPassManager &pm) {
  buildFusePipeline(pm);
  pm.addPass(createHilbertGenerateGradients());
  buildFusePipeline(pm);
}

void hilbert::buildToLoopsPipeline(OpPassManager &pm,
                                   const HostPipelineOptions &options) {
  HilbertSelectHostScheduleOptions schedule;
  schedule.lanes = options.lanes;
  pm.addNestedPass<func::FuncOp>(createHilbertSelectHostSchedule(schedule));
  pm.addNestedPass<func::FuncOp>(createHilbertMaterializeOrders());

  pm.addNestedPass<func::FuncOp>(createHilbertProtectArguments());
  pm.addNestedPass<func::FuncOp>(createConvertElementwiseToLinalgPass());
  bufferization::OneShotBufferizePassOptions bufferize;
  bufferize.bufferizeFunctionBoundaries = true;
  bufferize.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  pm.addPass(bufferization::createOneShotBufferizePass(bufferize));
  bufferization::buildBufferDeallocationPipeline(pm);
  pm.addPass(createConvertBufferizationToMemRefPass());
  pm.addPass(createCanonicalizerPass());

  pm.addNestedPass<func::FuncOp>(createConvertHilbertToLoops());
  pm.addNestedPass<func::FuncOp>(createHilbertExpandCopies());
  pm.addNestedPass<func::FuncOp>(createConvertLinalgToLoopsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createHilbertVerifyLoops());
}

void hilbert::buildToLLVMPipeline(OpPassManager &pm,
                                  const HostPipelineOptions &options) {
  buildFusePipeline(pm);
  buildToLoopsPipeline(pm, options);
  pm.addPass(createHilbertOutlineParallel());
  pm.addNestedPass<func::FuncOp>(createHilbertApproximateMath());
  arith::ArithExpandOpsPassOptions expand;
  expand.includeBf16 = true;
  pm.addNestedPass<func::FuncOp>(arith::createArithExpandOpsPass(expand));
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertHilbertHostToLLVM());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createHilbertVerifyLLVM());
}

void hilbert::buildToGPUPipeline(OpPassManager &pm,
                                 const GPUPipelineOptions &options) {
  HilbertSelectGPUScheduleOptions schedule;
  schedule.chip = options.chip;
  pm.addNestedPass<func::FuncOp>(createHilbertSelectGPUSchedule(schedule));
  pm.addNestedPass<func::FuncOp>(createHilbertClassifyTiles());
  pm.addPass(createConvertHilbertToGPU());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addNestedPass<gpu::GPUModuleOp>(createHilbertVerifyTiles());
}

/// From scf, arith, gpu and the like to the nvvm dialect.
static void addKernelsToNVVM(OpPassManager &kernels,
                             const GPUPipelineOptions &options) {
  kernels.addPass(createCSEPass());
  kernels.addPass(createSCFToControlFlowPass());
  ConvertGpuOpsToNVVMOpsOptions nvvm;
  kernels.addPass(createConvertGpuOpsToNVVMOps(nvvm));
  kernels.addPass(createReconcileUnrealizedCastsPass());
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
  HilbertVerifyNVVMOptions contract;
  contract.chip = options.chip;
  kernels.addPass(createHilbertVerifyNVVM(contract));
}

void hilbert::buildToNVVMPipeline(OpPassManager &pm,
                                  const GPUPipelineOptions &options) {
  buildFusePipeline(pm);
  buildToGPUPipeline(pm, options);
  OpPassManager &kernels = pm.nest<gpu::GPUModuleOp>();
  kernels.addPass(createHilbertGPUPipeline());
  kernels.addPass(createCSEPass());
  HilbertGPUAllocateOptions allocate;
  if (auto limit = getSharedMemory(options.chip.getValue()))
    allocate.limit = *limit;
  kernels.addPass(createHilbertGPUAllocate(allocate));
  kernels.addPass(createHilbertVerifyPipelined());
  kernels.addPass(createConvertHilbertGPUToNVVM());
  addKernelsToNVVM(kernels, options);
}

void hilbert::buildElementwiseToNVVMPipeline(
    OpPassManager &pm, const GPUPipelineOptions &options) {
  pm.addNestedPass<func::FuncOp>(createHilbertMaterializeOrders());
  pm.addPass(createConvertHilbertElementwiseToGPU());
  // Not of the functions, whose ops have their kernels.
  OpPassManager &kernels = pm.nest<gpu::GPUModuleOp>();
  kernels.addPass(createHilbertApproximateMath());
  // Not to functions of a library: kernels are linked with nothing.
  kernels.addPass(createConvertMathToLLVMPass());
  kernels.addPass(createCanonicalizerPass());
  addKernelsToNVVM(kernels, options);
}

void hilbert::registerPipelines() {
  PassPipelineRegistration<GPUPipelineOptions>(
      "hilbert-to-gpu",
      "From the fused level to tile programs (levels B to C1)",
      buildToGPUPipeline);
  PassPipelineRegistration<GPUPipelineOptions>(
      "hilbert-to-nvvm", "All the way to the nvvm dialect for a GPU",
      buildToNVVMPipeline);
  PassPipelineRegistration<GPUPipelineOptions>(
      "hilbert-elementwise-to-nvvm",
      "What is not fused into attentions, to the nvvm dialect for a GPU",
      buildElementwiseToNVVMPipeline);
  PassPipelineRegistration<>("hilbert-fuse",
                             "Fuse reorders into attention (levels A to B)",
                             buildFusePipeline);
  PassPipelineRegistration<>("hilbert-grad",
                             "Fuse, and add the gradient functions",
                             buildGradPipeline);
  PassPipelineRegistration<HostPipelineOptions>(
      "hilbert-to-loops",
      "From the fused level to scf, vector and memref (levels B to A')",
      buildToLoopsPipeline);
  PassPipelineRegistration<HostPipelineOptions>(
      "hilbert-to-llvm", "All the way to the llvm dialect for the host",
      buildToLLVMPipeline);
}
