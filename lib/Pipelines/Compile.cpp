//===- Compile.cpp - Run a pipeline, with a reproducer on failure
//---------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Pipelines/Compile.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

/// Saves `text` and returns its path; empty if that fails.
static std::string saveReproducer(StringRef text) {
  SmallString<128> path;
  int file = -1;
  if (llvm::sys::fs::createTemporaryFile("hilbert-reproducer", "mlir", file,
                                         path))
    return "";
  llvm::raw_fd_ostream os(file, /*shouldClose=*/true);
  os << text;
  os.close();
  if (!os.has_error())
    return path.str().str();
  os.clear_error();
  return "";
}

LogicalResult hilbert::compile(ModuleOp module, StringRef pipeline) {
  std::string before;
  llvm::raw_string_ostream(before) << module;

  PassManager pm(module.getContext());
  std::string message;
  llvm::raw_string_ostream errors(message);
  if (failed(parsePassPipeline(pipeline, pm, errors)))
    return module.emitError()
           << "bad pass pipeline '" << pipeline << "': " << message;
  if (succeeded(pm.run(module)))
    return success();
  std::string path = saveReproducer(before);
  if (path.empty())
    mlir::emitRemark(module.getLoc(), "the reproducer could not be saved");
  else
    mlir::emitRemark(module.getLoc())
        << "to reproduce: hilbert-opt " << path
        << " --pass-pipeline='builtin.module(" << pipeline << ")'";
  return failure();
}
