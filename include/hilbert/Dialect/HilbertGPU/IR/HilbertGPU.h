//===- HilbertGPU.h - The hilbert_gpu dialect -------------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_DIALECT_HILBERTGPU_IR_HILBERTGPU_H
#define HILBERT_DIALECT_HILBERTGPU_IR_HILBERTGPU_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMTypes.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "hilbert/Dialect/HilbertGPU/IR/HilbertGPUDialect.h.inc"
#include "hilbert/Dialect/HilbertGPU/IR/HilbertGPUEnums.h.inc"
#include "hilbert/Dialect/HilbertGPU/IR/HilbertGPUInterfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "hilbert/Dialect/HilbertGPU/IR/HilbertGPUAttributes.h.inc"

#define GET_TYPEDEF_CLASSES
#include "hilbert/Dialect/HilbertGPU/IR/HilbertGPUTypes.h.inc"

namespace hilbert::tile {

/// True for a tensor whose encoding is a layout that can hold it.
bool isFragment(mlir::Type type);
/// The layout of a fragment.
LayoutInterface getLayout(mlir::Type fragment);

/// Columns of a tile of a matrix: a multiple of 16, of which matrix
/// instructions take 16 at a time.
inline int64_t getTileColumns(int64_t columns) {
  return (columns + 15) / 16 * 16;
}

/// Whether each of `threads` threads, which take turns at the 16-byte chunks of
/// a tile, meets one column of chunks only.
inline bool hasOneChunkColumn(int64_t rowBytes, int64_t threads) {
  return threads * 16 % rowBytes == 0;
}

} // namespace hilbert::tile

#define GET_OP_CLASSES
#include "hilbert/Dialect/HilbertGPU/IR/HilbertGPUOps.h.inc"

#endif // HILBERT_DIALECT_HILBERTGPU_IR_HILBERTGPU_H
