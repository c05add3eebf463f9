//===- HilbertToGPU.cpp - Build the tile programs of attentions -----------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"

#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace hilbert;
using tile::Access;

namespace hilbert {
#define GEN_PASS_DEF_CONVERTHILBERTTOGPU
#include "hilbert/Conversion/Passes.h.inc"
} // namespace hilbert

/// How a kernel finds the tokens of an order: as said by the attribute `name`
/// of the op, or as is always possible.
static Access getAccess(AttentionInterface op, StringRef name, OrderRef order) {
  if (auto access = op->getAttrOfType<tile::AccessAttr>(name))
    return access.getValue();
  return order.isIdentity() ? Access::Run : Access::Table;
}

static FailureOr<KernelKey> getKey(AttentionInterface op) {
  KernelKey key;
  key.elementType = op.getQ().getType().getElementType();
  if (key.elementType.isF32() && !op->hasAttr("hilbert_gpu.allow_tf32"))
    return op->emitOpError("GPU lowering multiplies f32 elements in tf32, with "
                           "10 bits of fraction: allow it, or use f16 or bf16");
  if (!key.elementType.isF16() && !key.elementType.isBF16() &&
      !key.elementType.isF32())
    return op->emitOpError("GPU lowering needs f16, bf16 or f32 elements, but "
                           "got ")
           << key.elementType;
  key.depth = op.getDepth();
  PatternAttr pattern = op.getPatternAttr();
  if (pattern &&
      (!pattern.getGroups().empty() || pattern.getBranches().size() != 1))
    return op->emitOpError("GPU lowering takes one branch for all heads, but "
                           "got ")
           << pattern;
  key.branch = pattern ? pattern.getBranches()[0]
                       : BranchAttr::get(op->getContext(), BranchAttr::kDense,
                                         1, Mode::Keys, OffsetRule::Zero, {});
  key.causal = op.getCausalityOfPositions();
  key.queryAccess =
      getAccess(op, "hilbert_gpu.query_access", op.getQueryOrderRef());
  key.keyAccess = getAccess(op, "hilbert_gpu.key_access", op.getKeyOrderRef());
  key.outOrderIsQueryOrder = op.getOutOrderRef() == op.getQueryOrderRef();
  key.outAccess = key.outOrderIsQueryOrder
                      ? key.queryAccess
                      : getAccess(op, "", op.getOutOrderRef());
  // The rows of a box are not in the order of positions.
  bool needsPositions =
      key.causal == Causality::Position || !key.outOrderIsQueryOrder;
  if (needsPositions && key.queryAccess == Access::Box)
    return op->emitOpError("queries in boxes need an equal order of the result "
                           "and no causality by position");
  if (key.causal == Causality::Position && key.keyAccess == Access::Box)
    return op->emitOpError("keys in boxes need no causality by position");
  if (auto grad = dyn_cast<AttentionGradOp>(op.getOperation()))
    key.hasDlse = bool(grad.getDlse());
  else
    key.hasDlse = false;
  return key;
}

/// Gradients of keys whose accumulators do not fit registers together take a
/// kernel each.
static bool takesOneKernel(const KernelKey &key) {
  return tile::getTileColumns(key.depth) <= 128;
}

static LogicalResult lower(AttentionInterface op, StringRef name,
                           OpBuilder &at) {
  FailureOr<KernelKey> key = getKey(op);
  if (failed(key))
    return failure();
  Location loc = op.getLoc();
  if (isa<AttentionOp>(op.getOperation())) {
    auto schedule = dyn_cast_or_null<tile::ScheduleAttr>(op.getScheduleAttr());
    if (!schedule)
      return op->emitOpError("GPU lowering needs a #hilbert_gpu.schedule: run "
                             "hilbert-select-gpu-schedule first");
    emitForward(at, loc, name, *key, schedule);
    return success();
  }
  auto schedule =
      dyn_cast_or_null<tile::GradScheduleAttr>(op.getScheduleAttr());
  if (!schedule)
    return op->emitOpError("GPU lowering needs a #hilbert_gpu.grad_schedule: "
                           "run hilbert-select-gpu-schedule first");
  emitQueryGradient(at, loc, name, *key, schedule.getDq());
  if (takesOneKernel(*key)) {
    emitKeyGradients(at, loc, name, *key, schedule.getDkv(),
                     /*wantsDk=*/true, /*wantsDv=*/true);
  } else {
    emitKeyGradients(at, loc, name, *key, schedule.getDkv(),
                     /*wantsDk=*/true, /*wantsDv=*/false);
    emitKeyGradients(at, loc, name, *key, schedule.getDkv(),
                     /*wantsDk=*/false, /*wantsDv=*/true);
  }
  return success();
}

namespace {
struct ConvertHilbertToGPU
    : public hilbert::impl::ConvertHilbertToGPUBase<ConvertHilbertToGPU> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    SmallVector<AttentionInterface> ops;
    module.walk([&](AttentionInterface op) { ops.push_back(op); });
    for (AttentionInterface op : ops) {
      auto function = op->getParentOfType<func::FuncOp>();
      std::string base = function ? function.getName().str() : "attention";
      OpBuilder builder(&getContext());
      auto kernels =
          gpu::GPUModuleOp::create(builder, op.getLoc(), base + "_kernels");
      symbols.insert(kernels, module.getBody()->end());
      builder.setInsertionPointToEnd(kernels.getBody());
      if (failed(lower(op, base, builder)))
        return signalPassFailure();
      op->setAttr("hilbert_gpu.kernels",
                  FlatSymbolRefAttr::get(kernels.getNameAttr()));
    }
    if (!ops.empty())
      module->setAttr(gpu::GPUDialect::getContainerModuleAttrName(),
                      UnitAttr::get(&getContext()));
  }
};
} // namespace
