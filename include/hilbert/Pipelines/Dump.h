//===- Dump.h - Every level of IR, for people -------------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_PIPELINES_DUMP_H
#define HILBERT_PIPELINES_DUMP_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/Error.h"

#include <string>

namespace hilbert {

/// What a compilation leaves in the folder that HILBERT_DUMP names, if it does:
/// a folder of its own, with input.mlir, a tree of the IR after each pass that
/// changed it (as mlir-opt --mlir-print-ir-tree-dir writes it), and what else
/// is given.
class Dump {
public:
  /// Begins one for a compilation of `module`; `name` is part of the folder's
  /// name. Fails if files cannot be written.
  static llvm::Expected<Dump> begin(mlir::ModuleOp module,
                                    const llvm::Twine &name);

  /// Has the passes leave what they make. Call it before they run; the context
  /// must not be multithreaded.
  void watch(mlir::PassManager &passes) const;

  llvm::Error write(llvm::StringRef file, llvm::StringRef contents) const;

private:
  explicit Dump(std::string folder) : folder(std::move(folder)) {}

  /// Empty: nothing is dumped.
  std::string folder;
};

} // namespace hilbert

#endif // HILBERT_PIPELINES_DUMP_H
