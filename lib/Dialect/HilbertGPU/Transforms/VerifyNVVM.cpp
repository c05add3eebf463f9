//===- VerifyNVVM.cpp - Contract of level D -------------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// LLVM ends the process when it has no instruction for an intrinsic, and a
// driver rejects PTX that it does not know or cannot link. So what may reach
// them is a list of what is known to work, not of what is known to fail.
//
//===----------------------------------------------------------------------===//

#include "VerifyOps.h"

#include "hilbert/Dialect/HilbertGPU/Transforms/Passes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace hilbert;

namespace hilbert {
#define GEN_PASS_DEF_HILBERTVERIFYNVVM
#include "hilbert/Dialect/HilbertGPU/Transforms/Passes.h.inc"
} // namespace hilbert

/// The targets. Each has the instructions of those before it, for what PTX
/// version it is compiled with rises along with the chip.
static constexpr StringLiteral kChips[] = {"sm_80", "sm_86", "sm_87",
                                           "sm_89", "sm_90", "sm_90a"};

static std::optional<size_t> getIndex(StringRef chip) {
  const StringLiteral *found = llvm::find(kChips, chip);
  if (found == std::end(kChips))
    return std::nullopt;
  return found - std::begin(kChips);
}

/// The first target that has what an nvvm op becomes (PTX ISA, "Target ISA
/// Notes" of each instruction); empty if that is not known.
static StringRef getFirstChip(StringRef op) {
  op.consume_front("nvvm.");
  if (op.starts_with("wgmma.") || op.starts_with("cp.async.bulk."))
    return "sm_90a"; // PTX 8.0.
  return llvm::StringSwitch<StringRef>(op)
      .Cases({"barrier", "barrier0", "bar.warp.sync", "shfl.sync"}, "sm_80")
      .Cases({"read.ptx.sreg.tid.x", "read.ptx.sreg.ctaid.x"}, "sm_80")
      .Cases({"cp.async.shared.global", "cp.async.commit.group",
              "cp.async.wait.group"},
             "sm_80")
      .Cases({"ldmatrix", "mma.sync", "convert.float.to.tf32"}, "sm_80")
      .Cases({"mbarrier.init", "mbarrier.inval"}, "sm_80")
      .Cases({"stmatrix", "mbarrier.try_wait.parity"}, "sm_90")
      .Cases({"mbarrier.arrive.expect_tx", "fence.proxy", "setmaxregister"},
             "sm_90a") // PTX 8.0.
      .Default("");
}

/// Intrinsics of LLVM that are instructions and not functions of a library.
static bool isInstruction(StringRef intrinsic) {
  return llvm::StringSwitch<bool>(intrinsic)
      .Cases({"llvm.intr.fma", "llvm.intr.maximum", "llvm.intr.maxnum",
              "llvm.intr.minnum"},
             true)
      .Cases({"llvm.intr.smax", "llvm.intr.smin"}, true)
      .Cases({"llvm.nvvm.ex2.approx.ftz.f", "llvm.nvvm.lg2.approx.ftz.f"}, true)
      .Default(false);
}

namespace {
struct HilbertVerifyNVVM
    : public hilbert::impl::HilbertVerifyNVVMBase<HilbertVerifyNVVM> {
  using Base::Base;

  void runOnOperation() override {
    std::optional<size_t> target = getIndex(chip);
    if (!target) {
      getOperation().emitError()
          << "target must be sm_80, sm_86, sm_87, sm_89, sm_90 or sm_90a, but "
             "is "
          << chip;
      return signalPassFailure();
    }
    if (failed(verifyOpsOf(getOperation(), [&](Operation *op) {
          return verifyOp(op, *target);
        })))
      signalPassFailure();
    markAllAnalysesPreserved();
  }

private:
  LogicalResult verifyOp(Operation *op, size_t target) {
    StringRef name = op->getName().getStringRef();
    if (isa<NVVM::NVVMDialect>(op->getDialect())) {
      StringRef first = getFirstChip(name);
      if (first.empty())
        return op->emitError()
               << "'" << name
               << "' is not among the instructions that targets are known to "
                  "have";
      if (*getIndex(first) > target)
        return op->emitError() << "'" << name << "' needs " << first
                               << ", but the target is " << chip;
      return success();
    }
    if (!isa<LLVM::LLVMDialect>(op->getDialect()))
      return op->emitError() << "only llvm and nvvm ops may remain in kernels, "
                                "but got '"
                             << name << "'";
    if (auto function = dyn_cast<LLVM::LLVMFuncOp>(op);
        function && function.isExternal())
      return op->emitError() << "kernels are linked with nothing, but function "
                                "'"
                             << function.getName() << "' has no body";
    StringRef intrinsic = name;
    if (auto call = dyn_cast<LLVM::CallIntrinsicOp>(op))
      intrinsic = call.getIntrin();
    else if (!name.starts_with("llvm.intr."))
      return success();
    if (!isInstruction(intrinsic))
      return op->emitError()
             << "intrinsic '" << intrinsic
             << "' is not among those that targets are known to have";
    return success();
  }
};
} // namespace
