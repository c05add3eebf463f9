//===- Compile.h - Run a pipeline, with a reproducer on failure -*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_PIPELINES_COMPILE_H
#define HILBERT_PIPELINES_COMPILE_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LLVM.h"

namespace hilbert {

/// Runs a textual pass pipeline, such as "hilbert-to-llvm{lanes=16}", on a
/// module. If it fails, saves the module as it was in the folder for temporary
/// files and says in a note how to run the same passes with hilbert-opt.
mlir::LogicalResult compile(mlir::ModuleOp module, llvm::StringRef pipeline);

} // namespace hilbert

#endif // HILBERT_PIPELINES_COMPILE_H
