//===- OutlineParallel.cpp - Parallel loops to host kernels ---------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Conversion/Passes.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace hilbert;

namespace hilbert {
#define GEN_PASS_DEF_HILBERTOUTLINEPARALLEL
#include "hilbert/Conversion/Passes.h.inc"
} // namespace hilbert

/// Moves stack buffers to the entry: a kernel runs many items on one stack.
static void hoistAllocas(func::FuncOp kernel) {
  Block &entry = kernel.getBody().front();
  SmallVector<memref::AllocaOp> allocas;
  kernel.walk([&](memref::AllocaOp op) {
    if (op.getType().hasStaticShape())
      allocas.push_back(op);
  });
  for (memref::AllocaOp op : llvm::reverse(allocas))
    op->moveBefore(&entry, entry.begin());
}

static void outline(scf::ParallelOp loop, func::FuncOp parent,
                    SymbolTable &symbols) {
  SetVector<Value> captured;
  getUsedValuesDefinedAbove(loop.getRegion(), captured);
  SmallVector<Value> captures, constants;
  for (Value value : captured)
    (matchPattern(value, m_Constant()) ? constants : captures).push_back(value);

  ImplicitLocOpBuilder b(loop.getLoc(), parent->getContext());
  SmallVector<Type> types(2, b.getIndexType());
  llvm::append_range(types, ValueRange(captures).getTypes());
  std::string name = (parent.getName() + "_kernel").str();
  b.setInsertionPoint(parent);
  auto kernel = func::FuncOp::create(b, name, b.getFunctionType(types, {}));
  kernel.setPrivate();
  kernel->remove();
  symbols.insert(kernel, std::next(parent->getIterator()));

  Block *entry = kernel.addEntryBlock();
  b.setInsertionPointToStart(entry);
  IRMapping mapping;
  for (Value constant : constants)
    mapping.map(constant, b.clone(*constant.getDefiningOp())->getResult(0));
  mapping.map(captures, entry->getArguments().drop_front(2));
  Value one = arith::ConstantIndexOp::create(b, 1);
  auto items =
      scf::ForOp::create(b, entry->getArgument(0), entry->getArgument(1), one);
  func::ReturnOp::create(b);
  mapping.map(loop.getInductionVars()[0], items.getInductionVar());
  b.setInsertionPointToStart(items.getBody());
  for (Operation &op : loop.getBody()->without_terminator())
    b.clone(op, mapping);
  hoistAllocas(kernel);

  b.setInsertionPoint(loop);
  HostLaunchOp::create(b, kernel.getName(), loop.getUpperBound()[0], captures);
  loop.erase();
}

namespace {
struct HilbertOutlineParallel
    : public hilbert::impl::HilbertOutlineParallelBase<HilbertOutlineParallel> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    SmallVector<scf::ParallelOp> loops;
    getOperation().walk<WalkOrder::PreOrder>([&](scf::ParallelOp loop) {
      loops.push_back(loop);
      return WalkResult::skip();
    });
    for (scf::ParallelOp loop : loops) {
      if (loop.getNumLoops() != 1 || !loop.getInitVals().empty() ||
          !isConstantIntValue(loop.getLowerBound()[0], 0) ||
          !isConstantIntValue(loop.getStep()[0], 1)) {
        remark::missed(
            loop.getLoc(),
            remark::RemarkOpts::name("OutlineParallel").category(getArgument()))
            << remark::reason("only loops over one dimension from 0 by 1 "
                              "without reductions run in parallel");
        continue;
      }
      outline(loop, loop->getParentOfType<func::FuncOp>(), symbols);
    }
  }
};
} // namespace
