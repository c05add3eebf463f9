//===- Passes.h - Passes on tile programs -----------------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_DIALECT_HILBERTGPU_TRANSFORMS_PASSES_H
#define HILBERT_DIALECT_HILBERTGPU_TRANSFORMS_PASSES_H

#include "hilbert/Dialect/HilbertGPU/IR/HilbertGPU.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Pass/Pass.h"

namespace hilbert {

#define GEN_PASS_DECL
#include "hilbert/Dialect/HilbertGPU/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "hilbert/Dialect/HilbertGPU/Transforms/Passes.h.inc"

} // namespace hilbert

#endif // HILBERT_DIALECT_HILBERTGPU_TRANSFORMS_PASSES_H
