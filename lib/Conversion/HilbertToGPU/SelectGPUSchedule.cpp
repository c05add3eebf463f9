//===- SelectGPUSchedule.cpp - Tile sizes of GPU kernels ------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Conversion/Passes.h"

#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace hilbert;
using tile::GradScheduleAttr;
using tile::ScheduleAttr;

namespace hilbert {
#define GEN_PASS_DEF_HILBERTSELECTGPUSCHEDULE
#include "hilbert/Conversion/Passes.h.inc"
} // namespace hilbert

std::optional<int64_t> hilbert::getSharedMemory(StringRef chip) {
  return llvm::StringSwitch<std::optional<int64_t>>(chip)
      .Cases({"sm_80", "sm_87"}, 163 * 1024)
      .Cases({"sm_86", "sm_89"}, 99 * 1024)
      .Cases({"sm_90", "sm_90a"}, 227 * 1024)
      .Default(std::nullopt);
}

/// What chips for data centers have, and others do not.
static constexpr int64_t kLargeShared = 128 * 1024;

namespace {
/// Tile sizes before the target's limits: fewer stages, then narrower tiles,
/// then fewer warps, until `resident` tiles of m rows and `streamed` ones of n
/// fit.
struct Wish {
  int64_t m, n, warps, stages, ctas;
};
} // namespace

static FailureOr<ScheduleAttr> fit(AttentionInterface op, Wish wish,
                                   int64_t resident, int64_t streamed,
                                   int64_t limit) {
  int64_t rowBytes = tile::getTileColumns(op.getDepth()) *
                     op.getQ().getType().getElementTypeBitWidth() / 8;
  // Where causality hides what is not finite.
  int64_t boundsBytes = op.getCausal() == Causality::None
                            ? 0
                            : 12 * tile::getTileColumns(op.getDepth());
  auto bytes = [&] {
    return rowBytes * (resident * wish.m + streamed * wish.stages * wish.n) +
           boundsBytes;
  };
  while (bytes() > limit && wish.stages > 1)
    --wish.stages;
  while (bytes() > limit && wish.n > 32)
    wish.n /= 2;
  while (bytes() > limit && wish.m > 16) {
    wish.m /= 2;
    wish.warps = std::min(wish.warps, wish.m / 16);
  }
  while (bytes() > limit && wish.n > 16)
    wish.n /= 2;
  if (bytes() > limit)
    return op->emitOpError("no schedule fits: tiles need ")
           << bytes() << " bytes of shared memory, but a CTA of the target may "
           << "have " << limit;
  return ScheduleAttr::get(op->getContext(), wish.m, wish.n, wish.warps,
                           wish.stages, wish.ctas);
}

/// Whether columns beyond the depth take registers, too.
static bool isPadded(AttentionInterface op) {
  return op.getDepth() != tile::getTileColumns(op.getDepth());
}

/// Whether every query has all keys.
static bool isFull(AttentionInterface op) {
  PatternAttr pattern = op.getPatternAttr();
  return op.getCausal() == Causality::None &&
         (!pattern || pattern.getBranchesOf(0)[0].isDense());
}

/// What measurements favoured: accumulators of a warp are 32 rows where they
/// fit registers (each fragment of the other side is then used twice), else 16.
static FailureOr<Attribute> select(AttentionInterface op, int64_t limit) {
  int64_t depth = op.getDepth();
  if (isa<AttentionOp>(op.getOperation())) {
    Wish wish = depth > 128 ? Wish{64, 64, 4, 2, 1} : Wish{128, 64, 4, 2, 2};
    if (depth > 64 && depth <= 128) {
      // Without registers to spare for 32 rows: ranks are tokens, or the chip's
      // assembler keeps more addresses.
      if (isPadded(op) ||
          (op.getCausal() == Causality::Position && limit < kLargeShared))
        wish = {128, 64, 8, 2, 1};
      else if (op.getCausal() == Causality::Token)
        wish = {64, 64, 4, 2, 2};
    }
    if (depth > 192 && op.getCausal() != Causality::None)
      wish.n = 32;
    FailureOr<ScheduleAttr> schedule = fit(op, wish, 1, 2, limit);
    if (failed(schedule))
      return failure();
    return Attribute(*schedule);
  }
  Wish dq = depth <= 128 ? Wish{64, 64, 4, 2, 2} : Wish{64, 32, 4, 2, 1};
  Wish dkv = depth > 128 ? Wish{64, 32, 4, 2, 1}
             : isFull(op) || isPadded(op) || op.getCausal() == Causality::Token
                 ? Wish{128, 64, 8, 2, 1}
                 : Wish{64, 64, 4, 2, 2};
  if (depth > 192 && op.getCausal() == Causality::Token)
    dkv.n = 16;
  FailureOr<ScheduleAttr> first = fit(op, dq, 3, 2, limit);
  FailureOr<ScheduleAttr> second = fit(op, dkv, 2, 2, limit - 8192);
  if (failed(first) || failed(second))
    return failure();
  return Attribute(GradScheduleAttr::get(op->getContext(), *first, *second));
}

namespace {
struct HilbertSelectGPUSchedule
    : public hilbert::impl::HilbertSelectGPUScheduleBase<
          HilbertSelectGPUSchedule> {
  using Base::Base;

  void runOnOperation() override {
    std::optional<int64_t> limit = getSharedMemory(chip.getValue());
    if (!limit) {
      getOperation().emitError()
          << "target must be sm_80, sm_86, sm_87, sm_89, sm_90 or sm_90a, but "
             "is "
          << chip;
      return signalPassFailure();
    }
    auto result = getOperation().walk([&](AttentionInterface op) {
      if (op.getScheduleAttr())
        return WalkResult::advance();
      FailureOr<Attribute> schedule = ::select(op, *limit);
      if (failed(schedule))
        return WalkResult::interrupt();
      op.setScheduleAttr(*schedule);
      std::string text;
      llvm::raw_string_ostream(text) << *schedule;
      remark::analysis(op->getLoc(),
                       remark::RemarkOpts::name("GPUSchedule")
                           .category("hilbert-select-gpu-schedule"))
          << remark::metric("Schedule", text);
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
