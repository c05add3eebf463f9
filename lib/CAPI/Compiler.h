//===- Compiler.h - Compilation inside a host application -------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_LIB_CAPI_COMPILER_H
#define HILBERT_LIB_CAPI_COMPILER_H

#include "hilbert/ExecutionEngine/HostCode.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <mutex>

namespace hilbert {

/// The locks of the library, in the order in which they are taken. A fork takes
/// them, too, so that a child finds them free. Leaked on purpose.
struct Locks {
  /// Held while LLVM compiles, links or unloads.
  std::mutex llvm;
  /// Of the kernels in memory.
  std::mutex kernels;

  static Locks &get();
};

/// One compilation: a context of its own, without threads. Diagnostics are
/// collected, not printed.
class Compiler {
public:
  Compiler();

  mlir::MLIRContext &getContext() { return context; }

  /// Null, with diagnostics, if the text does not parse or verify.
  mlir::OwningOpRef<mlir::ModuleOp> parse(llvm::StringRef text);

  /// Fuses, adds gradient functions if they are wanted, and compiles for this
  /// machine. An error holds the diagnostics.
  llvm::Expected<HostCode> compile(mlir::ModuleOp module, bool withGradients);

  /// What was reported so far, a line each.
  const std::string &getDiagnostics() const { return diagnostics; }

private:
  mlir::MLIRContext context;
  std::string diagnostics;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace hilbert

#endif // HILBERT_LIB_CAPI_COMPILER_H
