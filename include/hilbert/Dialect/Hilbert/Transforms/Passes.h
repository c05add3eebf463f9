//===- Passes.h - Passes on the hilbert dialect -----------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_DIALECT_HILBERT_TRANSFORMS_PASSES_H
#define HILBERT_DIALECT_HILBERT_TRANSFORMS_PASSES_H

#include "hilbert/Dialect/Hilbert/IR/Hilbert.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/Pass.h"

namespace hilbert {

#define GEN_PASS_DECL
#include "hilbert/Dialect/Hilbert/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "hilbert/Dialect/Hilbert/Transforms/Passes.h.inc"

/// Makes the hilbert ops bufferizable.
void registerBufferizableOpInterfaceExternalModels(
    mlir::DialectRegistry &registry);

} // namespace hilbert

#endif // HILBERT_DIALECT_HILBERT_TRANSFORMS_PASSES_H
