//===- Pipeline.cpp - Turn loads into copies ahead of time ----------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Dialect/HilbertGPU/Transforms/Passes.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace hilbert;
using namespace hilbert::tile;

namespace hilbert {
#define GEN_PASS_DEF_HILBERTGPUPIPELINE
#include "hilbert/Dialect/HilbertGPU/Transforms/Passes.h.inc"
} // namespace hilbert

namespace {
/// The rewriting of one kernel.
class Pipeliner {
public:
  Pipeliner(gpu::GPUFuncOp function, ScheduleAttr schedule)
      : function(function), stages(schedule.getStages()) {}

  LogicalResult run();
  /// Bytes of tiles that are on their way or in use at a time.
  int64_t getBytesInRings() const { return bytesInRings; }

private:
  Value constant(ImplicitLocOpBuilder &b, int64_t value) {
    return arith::ConstantIntOp::create(b, value, 32);
  }
  RingType ringOf(SmemType tile, int64_t slots) {
    return RingType::get(tile.getContext(), slots, tile);
  }
  /// Buffers at the function's entry.
  Value allocate(SmemType tile, int64_t slots);

  void makeResident(LoadOp load);
  LogicalResult pipeline(scf::ForOp loop);
  void stage(StoreOp store);
  void giveBuffer(BoundsOp op);
  /// Makes what was copied visible before what reads it outside of loops.
  void waitBefore(Operation *op);
  void startEarly(scf::ForOp loop, const SetVector<Operation *> &slice,
                  ImplicitLocOpBuilder &b);

  gpu::GPUFuncOp function;
  int64_t stages;
  int64_t bytesInRings = 0;
  /// Buffers of resident tiles, which results may pass through.
  SmallVector<Value> residents;
  size_t nextStaging = 0;
  /// Groups of copies that loops began before resident tiles are waited for.
  int64_t groupsInFlight = 0;
};
} // namespace

Value Pipeliner::allocate(SmemType tile, int64_t slots) {
  ImplicitLocOpBuilder b(function.getLoc(), &function.getBody().front(),
                         function.getBody().front().begin());
  bytesInRings += slots * tile.getSizeInBytes();
  return AllocOp::create(b, ringOf(tile, slots), IntegerAttr());
}

void Pipeliner::waitBefore(Operation *op) {
  ImplicitLocOpBuilder b(op->getLoc(), op);
  WaitOp::create(b, groupsInFlight);
}

void Pipeliner::makeResident(LoadOp load) {
  Value ring = allocate(load.getType(), 1);
  residents.push_back(ring);
  ImplicitLocOpBuilder b(load.getLoc(), load);
  Value slot = SlotOp::create(b, ring, constant(b, 0));
  AsyncLoadOp::create(b, load.getMatrix(), load.getRows(), slot);
  CommitOp::create(b);
  load.replaceAllUsesWith(slot);
  load.erase();
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

/// What a load of a loop's body is computed from within the body; fails if
/// that is more than the induction variable.
static LogicalResult getSlice(scf::ForOp loop, LoadOp load,
                              SetVector<Operation *> &slice) {
  BackwardSliceOptions options;
  options.inclusive = false;
  options.omitBlockArguments = true;
  // What ops with regions use is not all among their operands.
  options.omitUsesFromAbove = false;
  options.filter = [&](Operation *op) {
    return op->getBlock() == loop.getBody();
  };
  if (failed(getBackwardSlice(load.getOperation(), &slice, options)))
    return failure();
  auto isCarried = [&](Value value) {
    auto argument = dyn_cast<BlockArgument>(value);
    return argument && argument.getOwner() == loop.getBody() &&
           argument != loop.getInductionVar();
  };
  auto isBad = [&](Operation *op) {
    return op
        ->walk([&](Operation *nested) {
          return WalkResult(
              failure(llvm::any_of(nested->getOperands(), isCarried)));
        })
        .wasInterrupted();
  };
  if (isBad(load) || llvm::any_of(slice, isBad))
    return load.emitOpError("depends on a value that its loop carries, so it "
                            "cannot be made ahead of time");
  return success();
}

/// Moves `b` from a loop to before the first reads of resident tiles, if what
/// the loop's copies need is known there: these copies then overlap the wait.
void Pipeliner::startEarly(scf::ForOp loop, const SetVector<Operation *> &slice,
                           ImplicitLocOpBuilder &b) {
  Operation *first = nullptr;
  for (auto load : loop->getBlock()->getOps<LocalLoadOp>())
    if (load->isBeforeInBlock(loop) && (!first || load->isBeforeInBlock(first)))
      first = load;
  if (!first)
    return;
  // Their groups must be older than those of the loop.
  for (auto load : loop->getBlock()->getOps<AsyncLoadOp>())
    if (!load->isBeforeInBlock(first) && load->isBeforeInBlock(loop))
      return;
  auto isKnown = [&](Value value) {
    Operation *definition = value.getDefiningOp();
    return !definition || definition->getBlock() != first->getBlock() ||
           definition->isBeforeInBlock(first);
  };
  bool areKnown =
      isKnown(loop.getLowerBound()) && isKnown(loop.getUpperBound());
  for (Operation *op : slice)
    areKnown &= llvm::all_of(op->getOperands(), isKnown);
  for (auto load : loop.getBody()->getOps<LoadOp>())
    areKnown &= llvm::all_of(load->getOperands(), isKnown);
  if (!areKnown)
    return;
  b.setInsertionPoint(first);
  groupsInFlight = stages - 1;
}

LogicalResult Pipeliner::pipeline(scf::ForOp loop) {
  SmallVector<LoadOp> loads(loop.getBody()->getOps<LoadOp>());
  if (loads.empty())
    return success();
  SetVector<Operation *> slice;
  for (LoadOp load : loads)
    if (failed(getSlice(loop, load, slice)))
      return failure();
  slice = topologicalSort(slice);

  SmallVector<Value> rings;
  for (LoadOp load : loads)
    rings.push_back(allocate(load.getType(), stages));
  ImplicitLocOpBuilder b(loop.getLoc(), loop);
  auto slotOf = [&](Value ring, Value iteration) -> Value {
    Value index =
        stages == 1 ? constant(b, 0)
                    : arith::RemUIOp::create(b, iteration, constant(b, stages))
                          .getResult();
    return SlotOp::create(b, ring, index);
  };
  // The copies for an iteration, if it exists.
  auto issue = [&](Value iteration, bool mayNotExist) {
    OpBuilder::InsertionGuard guard(b);
    if (mayNotExist) {
      Value exists = arith::CmpIOp::create(b, arith::CmpIPredicate::slt,
                                           iteration, loop.getUpperBound());
      auto branch = scf::IfOp::create(b, exists, /*withElseRegion=*/false);
      b.setInsertionPointToStart(branch.thenBlock());
    }
    IRMapping mapping;
    mapping.map(loop.getInductionVar(), iteration);
    for (Operation *op : slice)
      b.clone(*op, mapping);
    for (auto [load, ring] : llvm::zip_equal(loads, rings))
      AsyncLoadOp::create(b, mapping.lookupOrDefault(load.getMatrix()),
                          mapping.lookupOrDefault(load.getRows()),
                          slotOf(ring, iteration));
  };

  // A loop within a loop: the buffers may still be read.
  if (loop->getParentOfType<scf::ForOp>() && stages > 1)
    WaitOp::create(b, 0);
  else
    startEarly(loop, slice, b);
  for (int64_t s = 0; s + 1 < stages; ++s) {
    issue(arith::AddIOp::create(b, loop.getLowerBound(), constant(b, s)), true);
    CommitOp::create(b);
  }
  b.setInsertionPointToStart(loop.getBody());
  Value iteration = loop.getInductionVar();
  if (stages == 1) {
    WaitOp::create(b, 0);
    issue(iteration, false);
    CommitOp::create(b);
    WaitOp::create(b, 0);
  } else {
    WaitOp::create(b, stages - 2);
    issue(arith::AddIOp::create(b, iteration, constant(b, stages - 1)), true);
    CommitOp::create(b);
  }
  for (auto [load, ring] : llvm::zip_equal(loads, rings)) {
    load.replaceAllUsesWith(slotOf(ring, iteration));
    load.erase();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Stores
//===----------------------------------------------------------------------===//

void Pipeliner::stage(StoreOp store) {
  RankedTensorType type = store.getTile().getType();
  auto tile =
      SmemType::get(type.getContext(), type.getShape(), type.getElementType());
  // A resident tile that has been read for the last time.
  Value ring;
  while (!ring && nextStaging < residents.size()) {
    Value candidate = residents[nextStaging++];
    if (cast<RingType>(candidate.getType()).getTile() == tile)
      ring = candidate;
  }
  if (!ring)
    ring = allocate(tile, 1);
  ImplicitLocOpBuilder b(store.getLoc(), store);
  WaitOp::create(b, 0);
  Value slot = SlotOp::create(b, ring, constant(b, 0));
  LocalStoreOp::create(b, store.getTile(), slot);
  WaitOp::create(b, 0);
  CopyOutOp::create(b, slot, store.getMatrix(), store.getRows());
  store.erase();
}

void Pipeliner::giveBuffer(BoundsOp op) {
  Value ring = allocate(op.getType(), 1);
  ImplicitLocOpBuilder b(op.getLoc(), op);
  Value slot = SlotOp::create(b, ring, constant(b, 0));
  FillOp::create(b, slot, op.getLatest() ? INT32_MIN : INT32_MAX);
  op.replaceAllUsesWith(slot);
  op.erase();
}

LogicalResult Pipeliner::run() {
  SmallVector<LoadOp> resident;
  SmallVector<scf::ForOp> loops;
  SmallVector<StoreOp> stores;
  function.walk([&](Operation *op) {
    if (auto load = dyn_cast<LoadOp>(op);
        load && !load->getParentOfType<scf::ForOp>())
      resident.push_back(load);
    else if (auto loop = dyn_cast<scf::ForOp>(op))
      loops.push_back(loop);
    else if (auto store = dyn_cast<StoreOp>(op);
             store && store.getTile().getType().getRank() == 2)
      stores.push_back(store);
  });
  for (LoadOp load : resident)
    makeResident(load);
  for (scf::ForOp loop : loops)
    if (failed(pipeline(loop)))
      return failure();
  // Whatever else reads a resident tile has no loop's wait before it.
  function.walk([&](LocalLoadOp op) {
    if (!op->getParentOfType<scf::ForOp>())
      waitBefore(op);
  });
  function.walk([&](BoundsOp op) { giveBuffer(op); });
  for (StoreOp store : stores)
    stage(store);
  return success();
}

namespace {
struct HilbertGPUPipeline
    : public hilbert::impl::HilbertGPUPipelineBase<HilbertGPUPipeline> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<gpu::GPUFuncOp>()) {
      auto schedule =
          function->getAttrOfType<ScheduleAttr>("hilbert_gpu.schedule");
      if (!schedule)
        continue;
      Pipeliner pipeliner(function, schedule);
      if (failed(pipeliner.run()))
        return signalPassFailure();
      remark::analysis(
          function.getLoc(),
          remark::RemarkOpts::name("Pipeline").category("hilbert-gpu-pipeline"))
          << remark::metric("Kernel", function.getName().str())
          << remark::metric("Stages", schedule.getStages())
          << remark::metric("SharedBytes", pipeliner.getBytesInRings());
    }
  }
};
} // namespace
