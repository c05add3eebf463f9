//===- Compile.cpp - Run a pipeline, with a reproducer on failure ---------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Pipelines/Compile.h"

#include "hilbert/Pipelines/Dump.h"

#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

/// Saves a module and returns its path; empty if that fails.
static std::string saveReproducer(ModuleOp module) {
  SmallString<128> path;
  int file = -1;
  if (llvm::sys::fs::createTemporaryFile("hilbert-reproducer", "mlir", file,
                                         path))
    return "";
  llvm::raw_fd_ostream os(file, /*shouldClose=*/true);
  os << module;
  os.close();
  if (!os.has_error())
    return path.str().str();
  os.clear_error();
  return "";
}

LogicalResult hilbert::compile(ModuleOp module, StringRef pipeline) {
  // Printed only if it is needed.
  OwningOpRef<ModuleOp> before(module.clone());
  PassManager pm(module.getContext());
  std::string message;
  llvm::raw_string_ostream errors(message);
  if (failed(parsePassPipeline(pipeline, pm, errors)))
    return module.emitError()
           << "bad pass pipeline '" << pipeline << "': " << message;
  auto dump = Dump::begin(module, StringRef(pipeline).split('{').first);
  if (!dump)
    return mlir::emitError(module.getLoc(), toString(dump.takeError()));
  dump->watch(pm);
  if (succeeded(pm.run(module)))
    return success();
  std::string path = saveReproducer(*before);
  if (path.empty())
    mlir::emitRemark(module.getLoc(), "the reproducer could not be saved");
  else
    mlir::emitRemark(module.getLoc())
        << "to reproduce: hilbert-opt " << path
        << " --pass-pipeline='builtin.module(" << pipeline << ")'";
  return failure();
}
