//===- Reference.h - Executable semantics in float64 ------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An interpreter of what a frontend writes (hilbert, func.return, and the
// tensor and arith ops that the gradient generator differentiates), straight
// from the definitions and independent of every pass and lowering: what
// compiled programs are checked against.
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_REFERENCE_REFERENCE_H
#define HILBERT_REFERENCE_REFERENCE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <vector>

namespace hilbert {

/// A dense tensor in row-major order; a scalar has rank 0. Integers are held
/// exactly.
struct ReferenceTensor {
  std::vector<int64_t> shape;
  std::vector<double> data;
};

using ReferenceTensors = std::vector<ReferenceTensor>;

/// The arguments that `function` writes: memrefs, in order.
llvm::SmallVector<unsigned> getWrittenArguments(mlir::func::FuncOp function);

/// The results of `function`, and then the arguments that it writes. All
/// arithmetic is in float64: casts between float types do not round.
llvm::Expected<ReferenceTensors>
evaluate(mlir::func::FuncOp function, llvm::ArrayRef<ReferenceTensor> inputs);

/// The gradients of sum over results of <result, cotangent> with respect to
/// every argument that is a float tensor and not only a destination, in order:
/// the results of the function that hilbert-generate-gradients makes.
/// `cotangents` holds one tensor for each result that is a float tensor.
llvm::Expected<ReferenceTensors>
differentiate(mlir::func::FuncOp function,
              llvm::ArrayRef<ReferenceTensor> inputs,
              llvm::ArrayRef<ReferenceTensor> cotangents);

/// Floating-point operations of the attentions that one call of `function`
/// computes: 4 * D for each (query, key) pair forward, and 10 * D for
/// hilbert.attention_grad (design: recomputed scores not counted twice).
/// Pairs are counted exactly, with pattern, causality and multiplicity.
llvm::Expected<double> countFlops(mlir::func::FuncOp function,
                                  llvm::ArrayRef<ReferenceTensor> inputs);

} // namespace hilbert

#endif // HILBERT_REFERENCE_REFERENCE_H
