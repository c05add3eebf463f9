//===- HostCode.h - Machine code of programs for this host ------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_EXECUTIONENGINE_HOSTCODE_H
#define HILBERT_EXECUTIONENGINE_HOSTCODE_H

#include "hilbert/ExecutionEngine/HostSignature.h"

#include "mlir/IR/BuiltinOps.h"

namespace hilbert {

/// The f32 lanes that kernels for this machine work with: twice its vector
/// width.
int64_t getHostLanes();

/// What machine code depends on besides the program: the processor with its
/// features, and this very build of the compiler.
const std::string &getHostTarget();

/// An object file and the functions that it defines: what a cache keeps.
struct HostCode {
  std::vector<HostSignature> functions;
  std::string object;

  /// With the target and a checksum.
  std::string serialize() const;
  /// Fails for another target, and for bytes that serialize did not write.
  static llvm::Expected<HostCode> deserialize(llvm::StringRef bytes);
};

/// Lowers a module at the fused level or above (hilbert-to-llvm) and compiles
/// it for this machine. `functions` are those public ones that can be called.
llvm::Expected<HostCode> compileForHost(mlir::ModuleOp module);

} // namespace hilbert

#endif // HILBERT_EXECUTIONENGINE_HOSTCODE_H
