//===- Reference.cpp - Executable semantics in float64 --------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Reference/Reference.h"
#include "Interpreter.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"

using namespace mlir;
using namespace hilbert;
using namespace hilbert::reference;
using llvm::Error;
using llvm::Expected;

SmallVector<unsigned> hilbert::getWrittenArguments(func::FuncOp function) {
  SmallVector<unsigned> written;
  for (BlockArgument argument : function.getArguments())
    if (isa<MemRefType>(argument.getType()) &&
        llvm::any_of(argument.getUsers(),
                     llvm::IsaPred<bufferization::MaterializeInDestinationOp>))
      written.push_back(argument.getArgNumber());
  return written;
}

Expected<ReferenceTensors> hilbert::evaluate(func::FuncOp function,
                                             ArrayRef<ReferenceTensor> inputs) {
  Interpreter interpreter;
  if (Error error = interpreter.run(function, inputs))
    return error;
  ReferenceTensors results;
  for (Value value : function.getBody().front().getTerminator()->getOperands())
    results.push_back(interpreter.get(value));
  for (unsigned index : getWrittenArguments(function))
    results.push_back(interpreter.get(function.getArgument(index)));
  return results;
}

Expected<double> hilbert::countFlops(func::FuncOp function,
                                     ArrayRef<ReferenceTensor> inputs) {
  Interpreter interpreter(/*shapesOnly=*/true);
  if (Error error = interpreter.run(function, inputs))
    return error;
  double flops = 0;
  for (auto op : function.getBody().front().getOps<AttentionInterface>()) {
    Expected<Problem> problem = interpreter.getProblem(op);
    if (!problem)
      return problem.takeError();
    double perPair = isa<AttentionGradOp>(op.getOperation()) ? 10 : 4;
    flops += perPair * double(problem->depth) * countPairs(*problem);
  }
  return flops;
}
