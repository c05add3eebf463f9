//===- PTX.h - PTX of GPU kernels -------------------------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_TARGET_PTX_H
#define HILBERT_TARGET_PTX_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "llvm/Support/Error.h"

#include <string>

namespace hilbert {

/// An NVIDIA architecture that kernels are compiled for.
struct PTXTarget {
  /// "sm_80", "sm_90a", ...
  std::string chip;
  /// The version of the PTX ISA, times ten: the lowest that has what kernels
  /// use, so that old drivers take it.
  int ptxVersion;

  /// The target of a name; an error lists the names that there are.
  static llvm::Expected<PTXTarget> get(llvm::StringRef chip);
};

/// The PTX of a gpu.module in the nvvm dialect. No GPU and no CUDA toolkit is
/// needed.
llvm::Expected<std::string> emitPTX(mlir::gpu::GPUModuleOp module,
                                    const PTXTarget &target);

} // namespace hilbert

#endif // HILBERT_TARGET_PTX_H
