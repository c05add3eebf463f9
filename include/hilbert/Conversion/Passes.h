//===- Passes.h - Conversions to the host -----------------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_CONVERSION_PASSES_H
#define HILBERT_CONVERSION_PASSES_H

#include "hilbert/Dialect/Hilbert/IR/Hilbert.h"
#include "hilbert/Dialect/HilbertGPU/IR/HilbertGPU.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/Pass.h"

namespace hilbert {

/// Bytes of shared memory that a CTA may have (CUDA C++ Programming Guide,
/// "Compute Capabilities": a multiprocessor's, of which 1 KiB is the system's);
/// none for an unknown chip.
std::optional<int64_t> getSharedMemory(llvm::StringRef chip);

/// Whether an op on tensors computes each element of its result from the same
/// element of its operands, and GPU kernels can.
bool isElementwiseOnGPU(mlir::Operation *op);

#define GEN_PASS_DECL
#include "hilbert/Conversion/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "hilbert/Conversion/Passes.h.inc"

} // namespace hilbert

#endif // HILBERT_CONVERSION_PASSES_H
