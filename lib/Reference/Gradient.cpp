//===- Gradient.cpp - Vector-Jacobian products ----------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Interpreter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace hilbert;
using namespace hilbert::reference;
using llvm::Error;
using llvm::Expected;

namespace {
/// Goes backwards through a function that an interpreter has evaluated.
class Differentiator {
public:
  explicit Differentiator(const Interpreter &forward) : forward(forward) {}

  /// Adds to the gradient of a value, if it can have one.
  void add(Value value, ReferenceTensor gradient);
  /// The gradient of a value, null if nothing flows to it.
  const ReferenceTensor *get(Value value) const;
  /// Distributes the gradients of an op's results to its operands.
  Error visit(Operation *op);

private:
  Error visitAttention(AttentionOp op);
  Error visitPermute(Operation *op, Value source, int64_t dim, OrderRef order,
                     bool isRestore);
  Error visitExtractSlice(tensor::ExtractSliceOp op);
  Error visitInsertSlice(tensor::InsertSliceOp op);
  void visitUnary(Operation *op);
  void visitBinary(Operation *op);

  const Interpreter &forward;
  llvm::DenseMap<Value, ReferenceTensor> gradients;
};
} // namespace

static ReferenceTensor multiply(const ReferenceTensor &a,
                                const ReferenceTensor &b) {
  return map(a, b, [](double x, double y) { return x * y; });
}
static ReferenceTensor negate(const ReferenceTensor &a) {
  return map(a, [](double x) { return -x; });
}

void Differentiator::add(Value value, ReferenceTensor gradient) {
  if (!isDifferentiable(value.getType()))
    return;
  auto [entry, isNew] = gradients.try_emplace(value);
  if (isNew)
    entry->second = std::move(gradient);
  else
    entry->second =
        map(entry->second, gradient, [](double x, double y) { return x + y; });
}

const ReferenceTensor *Differentiator::get(Value value) const {
  auto entry = gradients.find(value);
  return entry == gradients.end() ? nullptr : &entry->second;
}

Error Differentiator::visitAttention(AttentionOp op) {
  Expected<Problem> problem = forward.getProblem(op);
  if (!problem)
    return problem.takeError();
  GradientInputs inputs;
  inputs.q = &forward.get(op.getQ());
  inputs.k = &forward.get(op.getK());
  inputs.v = &forward.get(op.getV());
  inputs.dout = get(op.getResult(0));
  inputs.dlse = get(op.getResult(1));
  AttentionGradients results = computeGradients(*problem, inputs);
  add(op.getQ(), std::move(results.dq));
  add(op.getK(), std::move(results.dk));
  add(op.getV(), std::move(results.dv));
  return Error::success();
}

Error Differentiator::visitPermute(Operation *op, Value source, int64_t dim,
                                   OrderRef order, bool isRestore) {
  const ReferenceTensor &g = *get(op->getResult(0));
  Expected<Order> entries =
      forward.getOrder(op, "order", order, g.shape[dim], g.shape[0]);
  if (!entries)
    return entries.takeError();
  add(source, permute(g, dim, *entries, !isRestore));
  return Error::success();
}

Error Differentiator::visitExtractSlice(tensor::ExtractSliceOp op) {
  const ReferenceTensor &source = forward.get(op.getSource());
  Expected<Slice> slice = forward.getSlice(op, source);
  if (!slice)
    return slice.takeError();
  add(op.getSource(),
      insertSlice(*get(op.getResult()), filled(source.shape, 0), *slice));
  return Error::success();
}

Error Differentiator::visitInsertSlice(tensor::InsertSliceOp op) {
  // A copy: adding may move the gradients.
  ReferenceTensor g = *get(op.getResult());
  const ReferenceTensor &source = forward.get(op.getSource());
  Expected<Slice> slice = forward.getSlice(op, g);
  if (!slice)
    return slice.takeError();
  add(op.getSource(), extractSlice(g, *slice, source.shape));
  add(op.getDest(), insertSlice(filled(source.shape, 0), g, *slice));
  return Error::success();
}

/// Ops whose gradient has the same elements, up to a factor.
void Differentiator::visitUnary(Operation *op) {
  Value source = op->getOperand(0);
  const ReferenceTensor &g = *get(op->getResult(0));
  if (isa<arith::NegFOp>(op))
    add(source, negate(g));
  else if (isa<math::ExpOp>(op))
    add(source, multiply(g, forward.get(op->getResult(0))));
  else
    add(source, {forward.get(source).shape, g.data});
}

void Differentiator::visitBinary(Operation *op) {
  // A copy: adding may move the gradients.
  ReferenceTensor g = *get(op->getResult(0));
  Value lhs = op->getOperand(0), rhs = op->getOperand(1);
  if (isa<arith::AddFOp, arith::SubFOp>(op)) {
    add(lhs, g);
    add(rhs, isa<arith::SubFOp>(op) ? negate(g) : g);
    return;
  }
  if (isa<arith::MulFOp>(op)) {
    add(lhs, multiply(g, forward.get(rhs)));
    add(rhs, multiply(g, forward.get(lhs)));
    return;
  }
  ReferenceTensor quotient =
      map(g, forward.get(rhs), [](double x, double y) { return x / y; });
  add(rhs, negate(multiply(quotient, forward.get(op->getResult(0)))));
  add(lhs, std::move(quotient));
}

Error Differentiator::visit(Operation *operation) {
  if (llvm::none_of(operation->getResults(),
                    [&](Value result) { return get(result); }))
    return Error::success();
  return llvm::TypeSwitch<Operation *, Error>(operation)
      .Case([&](AttentionOp op) { return visitAttention(op); })
      .Case([&](ReorderOp op) {
        return visitPermute(op, op.getSource(), op.getDimIndex(),
                            op.getOrderRef(), /*isRestore=*/false);
      })
      .Case([&](RestoreOp op) {
        return visitPermute(op, op.getSource(), op.getDimIndex(),
                            op.getOrderRef(), /*isRestore=*/true);
      })
      .Case([&](tensor::ExtractSliceOp op) { return visitExtractSlice(op); })
      .Case([&](tensor::InsertSliceOp op) { return visitInsertSlice(op); })
      .Case<arith::NegFOp, math::ExpOp, arith::ExtFOp, arith::TruncFOp,
            tensor::CastOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp>(
          [&](Operation *op) {
            visitUnary(op);
            return Error::success();
          })
      .Case<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp>(
          [&](Operation *op) {
            visitBinary(op);
            return Error::success();
          })
      // Constants, and scalars that have no gradient.
      .Case<arith::ConstantOp, tensor::EmptyOp, tensor::SplatOp>(
          [](Operation *) { return Error::success(); })
      .Default([](Operation *op) {
        return makeError(op, "is not an op that is differentiated");
      });
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

/// True for an argument that attentions only write to. What tensor.insert_slice
/// leaves of its destination is a value, so that one does not count.
static bool isDestination(BlockArgument argument) {
  return !argument.use_empty() &&
         llvm::all_of(argument.getUses(), [](OpOperand &use) {
           auto op = dyn_cast<DestinationStyleOpInterface>(use.getOwner());
           return op && isa<AttentionInterface>(use.getOwner()) &&
                  op.isDpsInit(&use);
         });
}

/// Gives the results of a function their cotangents.
static Error seed(func::FuncOp function, const Interpreter &forward,
                  ArrayRef<ReferenceTensor> cotangents,
                  Differentiator &backward) {
  Operation *terminator = function.getBody().front().getTerminator();
  size_t used = 0;
  for (Value value : terminator->getOperands()) {
    if (!isDifferentiable(value.getType()))
      continue;
    size_t index = used++;
    if (index >= cotangents.size())
      continue;
    const ReferenceTensor &cotangent = cotangents[index];
    if (cotangent.shape != forward.get(value).shape ||
        int64_t(cotangent.data.size()) != countElements(cotangent.shape))
      return makeError(function,
                       "cotangent " + Twine(index) + " has the shape " +
                           shapeText(cotangent.shape) + ", but its result " +
                           shapeText(forward.get(value).shape));
    backward.add(value, cotangent);
  }
  if (used != cotangents.size())
    return makeError(function, "has " + Twine(used) +
                                   " results that are float tensors, but got " +
                                   Twine(cotangents.size()) + " cotangents");
  return Error::success();
}

Expected<ReferenceTensors>
hilbert::differentiate(func::FuncOp function, ArrayRef<ReferenceTensor> inputs,
                       ArrayRef<ReferenceTensor> cotangents) {
  Interpreter forward;
  if (Error error = forward.run(function, inputs))
    return error;
  Differentiator backward(forward);
  if (Error error = seed(function, forward, cotangents, backward))
    return error;
  Block &body = function.getBody().front();
  for (Operation &op : llvm::reverse(body))
    if (!op.hasTrait<OpTrait::IsTerminator>())
      if (Error error = backward.visit(&op))
        return error;

  ReferenceTensors results;
  for (BlockArgument argument : body.getArguments()) {
    if (!isDifferentiable(argument.getType()) || isDestination(argument))
      continue;
    const ReferenceTensor *gradient = backward.get(argument);
    results.push_back(gradient ? *gradient
                               : filled(forward.get(argument).shape, 0));
  }
  return results;
}
