//===- Interpreter.h - Evaluates the ops of a function ----------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_LIB_REFERENCE_INTERPRETER_H
#define HILBERT_LIB_REFERENCE_INTERPRETER_H

#include "Attention.h"
#include "Tensors.h"
#include "hilbert/Dialect/Hilbert/IR/Hilbert.h"

#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/DenseMap.h"

#include <deque>

namespace hilbert::reference {

/// An error about an op, which the message names.
llvm::Error makeError(mlir::Operation *op, const llvm::Twine &message);

/// True for float tensors, which have gradients.
bool isDifferentiable(mlir::Type type);

/// Evaluates a function of one block and knows all its values afterwards.
class Interpreter {
public:
  /// With `shapesOnly` floats are not computed, only sizes and integers.
  explicit Interpreter(bool shapesOnly = false) : shapesOnly(shapesOnly) {}

  /// The inputs must outlive the interpreter.
  llvm::Error run(mlir::func::FuncOp function,
                  llvm::ArrayRef<ReferenceTensor> inputs);

  const ReferenceTensor &get(mlir::Value value) const {
    return *values.at(value);
  }

  llvm::Expected<Slice> getSlice(mlir::OffsetSizeAndStrideOpInterface op,
                                 const ReferenceTensor &whole) const;

  /// The entries of an order of `tokens` tokens, checked.
  llvm::Expected<Order> getOrder(mlir::Operation *op, llvm::StringRef name,
                                 OrderRef order, int64_t tokens,
                                 int64_t batch) const;

  /// An attention's sizes, orders and pattern, checked.
  llvm::Expected<Problem> getProblem(AttentionInterface op) const;

private:
  llvm::Error bindInputs(mlir::func::FuncOp function,
                         llvm::ArrayRef<ReferenceTensor> inputs);
  llvm::Error define(mlir::Value value, ReferenceTensor tensor);
  ReferenceTensor fill(mlir::Type type, llvm::ArrayRef<int64_t> shape,
                       double value) const;
  int64_t getInteger(mlir::OpFoldResult value) const;
  std::vector<int64_t> getSizes(mlir::RankedTensorType type,
                                mlir::ValueRange dynamicSizes) const;

  llvm::Error visit(mlir::Operation *op);
  llvm::Error visitConstant(mlir::Operation *op, mlir::Attribute value);
  llvm::Error visitElementwise(mlir::Operation *op);
  llvm::Error visitTensorOp(mlir::Operation *op);
  llvm::Error visitDim(mlir::Operation *op);
  llvm::Error visitWrite(mlir::Operation *op);
  llvm::Error visitExtractSlice(mlir::Operation *op);
  llvm::Error visitInsertSlice(mlir::Operation *op);
  llvm::Error visitPermute(mlir::Operation *op, mlir::Value source, int64_t dim,
                           OrderRef order, bool isRestore);
  llvm::Error visitAttention(AttentionOp op);
  llvm::Error visitAttentionGrad(AttentionGradOp op);

  llvm::Error getBranches(AttentionInterface op, Problem &problem) const;
  llvm::Error checkSizes(AttentionInterface op, const Problem &problem) const;

  bool shapesOnly;
  llvm::DenseMap<mlir::Value, const ReferenceTensor *> values;
  std::deque<ReferenceTensor> storage;
};

} // namespace hilbert::reference

#endif // HILBERT_LIB_REFERENCE_INTERPRETER_H
