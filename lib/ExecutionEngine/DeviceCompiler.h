//===- DeviceCompiler.h - One compilation for a GPU -------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_LIB_EXECUTIONENGINE_DEVICECOMPILER_H
#define HILBERT_LIB_EXECUTIONENGINE_DEVICECOMPILER_H

#include "hilbert/ExecutionEngine/DeviceKernels.h"
#include "hilbert/Pipelines/Pipelines.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

namespace hilbert {

/// A context of its own, without threads. Diagnostics are collected, not
/// printed.
class DeviceCompiler {
public:
  DeviceCompiler();

  llvm::Expected<DeviceGeometry> getGeometry(const DeviceKernelSpec &spec,
                                             llvm::StringRef target);
  llvm::Expected<GPUArtifact> compile(const DeviceKernelSpec &spec,
                                      llvm::StringRef target);
  llvm::Expected<GPUArtifact> compile(const DeviceElementwiseSpec &spec,
                                      llvm::StringRef target);

private:
  /// The attention of a spec's program, in a module of its own.
  llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>>
  parse(const DeviceKernelSpec &spec);
  llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>>
  parse(const DeviceElementwiseSpec &spec);
  /// The same for all kinds of specs; `build` fills the named pipeline.
  template <typename Spec>
  llvm::Expected<GPUArtifact>
  compile(const Spec &spec, llvm::StringRef target, llvm::StringRef pipeline,
          void (*build)(mlir::OpPassManager &, const GPUPipelineOptions &));
  llvm::Error takeDiagnostics();

  mlir::MLIRContext context;
  std::string diagnostics;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace hilbert

#endif // HILBERT_LIB_EXECUTIONENGINE_DEVICECOMPILER_H
