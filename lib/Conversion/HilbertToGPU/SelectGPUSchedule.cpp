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
using tile::Addressing;
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

/// What the system takes of a multiprocessor's shared memory for each CTA.
static constexpr int64_t kReservedShared = 1024;

namespace {
/// Tile sizes before the target's limits.
struct Wish {
  int64_t m, n, warps, stages, ctas;
  /// Beside tiles.
  int64_t moreBytes = 0;
};
} // namespace

/// Of a row in shared memory.
static int64_t getRowBytes(AttentionInterface op) {
  return tile::getTileColumns(op.getDepth()) *
         op.getQ().getType().getElementTypeBitWidth() / 8;
}

/// Shrinks a wish until `resident` tiles of m rows and `streamed` ones of n fit
/// shared memory, of which a CTA may have `limit` bytes.
static FailureOr<Wish> fit(AttentionInterface op, Wish wish, int64_t resident,
                           int64_t streamed, int64_t limit) {
  int64_t rowBytes = getRowBytes(op);
  // Where causality hides what is not finite.
  if (op.getCausal() != Causality::None)
    wish.moreBytes += 12 * tile::getTileColumns(op.getDepth());
  auto bytes = [&](const Wish &wish) {
    return rowBytes * (resident * wish.m + streamed * wish.stages * wish.n) +
           wish.moreBytes;
  };
  auto fits = [&](const Wish &wish) {
    return wish.ctas * (bytes(wish) + kReservedShared) <=
           limit + kReservedShared;
  };
  auto withFewerStages = [&](Wish wish) {
    while (!fits(wish) && wish.stages > 1)
      --wish.stages;
    return wish;
  };
  // A second CTA hides more than early copies do. Where there is no room for
  // it, one CTA has the warps of both.
  if (wish.ctas > 1 && !fits(withFewerStages(wish))) {
    Wish wide = wish;
    wide.warps *= wish.ctas;
    wide.m = std::max(wide.m, 16 * wide.warps);
    wide.ctas = wish.ctas = 1;
    // More warps cost no room where they have the same rows.
    if (fits(wide) || wide.m == wish.m)
      wish = wide;
  }
  wish = withFewerStages(wish);
  // At least 32 rows of either side, if that suffices.
  for (int64_t least : {32, 16}) {
    while (!fits(wish) && wish.n > least)
      wish.n /= 2;
    while (!fits(wish) && wish.m > least) {
      wish.m /= 2;
      wish.warps = std::min(wish.warps, wish.m / 16);
    }
  }
  if (!fits(wish))
    return op->emitOpError("no schedule fits: tiles need ")
           << bytes(wish) << " bytes of shared memory, but a CTA of the target "
           << "may have " << limit;
  return wish;
}

static ScheduleAttr getSchedule(MLIRContext *context, const Wish &wish,
                                Addressing addresses) {
  return ScheduleAttr::get(context, wish.m, wish.n, wish.warps, wish.stages,
                           wish.ctas, addresses);
}

/// Whether columns beyond the depth take registers, too.
static bool isPadded(AttentionInterface op) {
  return op.getDepth() != tile::getTileColumns(op.getDepth());
}

/// Whether all 16-byte chunks that a thread copies are in one column.
static bool hasOneColumn(AttentionInterface op, const Wish &wish) {
  return tile::hasOneChunkColumn(getRowBytes(op), 32 * wish.warps);
}

/// Whether operands take twice the registers of 16-bit elements.
static bool isF32(AttentionInterface op) {
  return op.getQ().getType().getElementType().isF32();
}

/// Whether an accumulator of 16 rows leaves a warp few registers: 192 columns
/// do where some are beyond the depth.
static bool isWide(AttentionInterface op) {
  return isF32(op) && op.getDepth() > 176 && op.getDepth() != 192;
}

/// Whether it has none for 32 rows of 60 chunks of the other side.
static bool isWidest(AttentionInterface op) {
  return isWide(op) && tile::getTileColumns(op.getDepth()) == 240;
}

/// Whether an accumulator leaves few, and some are of columns beyond the depth.
static bool isCrowded(AttentionInterface op) {
  return isF32(op) && op.getDepth() == 168;
}

/// The one branch of a kernel, if it has a pattern.
static BranchAttr getBranch(AttentionInterface op) {
  PatternAttr pattern = op.getPatternAttr();
  return pattern ? pattern.getBranchesOf(0)[0] : BranchAttr();
}

static int64_t getDilation(AttentionInterface op) {
  BranchAttr branch = getBranch(op);
  return branch ? branch.getDilation() : 1;
}

/// Whether every query has all keys.
static bool isFull(AttentionInterface op) {
  BranchAttr branch = getBranch(op);
  return op.getCausal() == Causality::None && (!branch || branch.isDense());
}

/// Whether tokens take more registers than those of one order do.
static bool hasManyOrders(AttentionInterface op) {
  OrderRef order = op.getQueryOrderRef();
  return op.getKeyOrderRef() != order || op.getOutOrderRef() != order;
}

// What measurements favoured: accumulators of a warp are 32 rows where they
// fit registers (each fragment of the other side is then used twice), else 16.
// Addresses are as fast as they can be without spills (test/Target/PTX).

static FailureOr<ScheduleAttr> selectForward(AttentionOp attention,
                                             StringRef chip, int64_t limit) {
  AttentionInterface op = attention;
  int64_t depth = op.getDepth();
  Causality causal = op.getCausalityOfPositions();
  bool isByPosition = causal == Causality::Position;
  bool isByToken = causal == Causality::Token;
  // Rows are found with more registers than those of plain segments.
  bool isScattered = getDilation(op) > 1 || hasManyOrders(op);
  Wish wish = depth > 128 ? Wish{64, 64, 4, 2, 1} : Wish{128, 64, 4, 2, 2};
  if (depth > 64 && depth <= 128) {
    // Without registers to spare for 32 rows, or for rows of 14 chunks.
    if (isPadded(op) || depth == 112)
      wish = {128, 64, 8, 2, 1};
    else if (isByToken)
      wish = {64, 64, 4, 2, 2};
    else if (depth == 128 && !isF32(op) && isByPosition && isScattered)
      wish = chip.starts_with("sm_90") ? Wish{128, 32, 4, 2, 2}
                                       : Wish{64, 64, 4, 2, 2};
  }
  if (isWide(op) || (depth > 192 && causal != Causality::None) ||
      (isCrowded(op) && isByToken))
    wish.n = 32;
  if (isWidest(op) && isByToken)
    wish.n = 16;
  bool isWideAndScattered = depth > 224 && isByPosition && isScattered;
  if (isWideAndScattered) {
    wish.stages = 1;
    wish.n = isF32(op) ? 16 : 32;
  }
  FailureOr<Wish> fitting = fit(op, wish, 1, 2, limit);
  if (failed(fitting))
    return failure();
  bool isTight = fitting->m / fitting->warps * depth > 16 * 128;
  bool isWideAndCausal = isWide(op) && causal != Causality::None;
  Addressing addresses = Addressing::Uniform;
  if (isTight && (isWideAndCausal || !hasOneColumn(op, *fitting)))
    addresses = Addressing::Again;
  else if (!isTight || (isByPosition && !isWideAndScattered))
    addresses = Addressing::Thread;
  return getSchedule(op->getContext(), *fitting, addresses);
}

/// Whether the products of addresses take more than those of plain segments:
/// powers of two are shifts.
static bool hasMoreToAdd(AttentionInterface op) {
  return !llvm::isPowerOf2_64(getDilation(op)) || hasManyOrders(op);
}

/// The most rows of queries for which ptxas finds registers beside dk and dv:
/// found by trying, of those that `fit` does not make fewer.
static int64_t getMostQueries(AttentionInterface op, StringRef chip) {
  int64_t depth = op.getDepth();
  Causality causal = op.getCausalityOfPositions();
  bool isByToken = causal == Causality::Token;
  bool hasMore = hasMoreToAdd(op);
  if ((depth > 192 && isByToken) || isWidest(op) ||
      (isCrowded(op) && (chip == "sm_86" || chip == "sm_89")) ||
      (isF32(op) && hasMore && causal != Causality::None && depth >= 104 &&
       depth <= 128))
    return 16;
  if ((depth == 120 && !chip.starts_with("sm_90")) ||
      (depth >= 104 && isPadded(op) && isByToken && getDilation(op) > 1))
    return 32;
  if (isF32(op))
    return hasMore ? 32 : 64;
  return depth >= 104 && hasMore && (!isByToken || hasManyOrders(op)) ? 32 : 64;
}

static FailureOr<GradScheduleAttr>
selectGradient(AttentionGradOp gradient, StringRef chip, int64_t limit) {
  AttentionInterface op = gradient;
  int64_t depth = op.getDepth();
  Causality causal = op.getCausalityOfPositions();
  bool isByPosition = causal == Causality::Position;
  bool isByToken = causal == Causality::Token;
  Wish dq = depth <= 128 ? Wish{64, 64, 4, 2, 2} : Wish{64, 32, 4, 2, 1};
  Wish dkv = depth > 128                               ? Wish{64, 32, 4, 2, 1}
             : isFull(op) || isPadded(op) || isByToken ? Wish{128, 64, 8, 2, 1}
                                                       : Wish{64, 64, 4, 2, 2};
  dkv.n = std::min(dkv.n, getMostQueries(op, chip));
  if (isWide(op) || (isCrowded(op) && isByToken))
    dq.n = 16;
  // One stage leaves registers, and shared memory for another CTA of dv.
  bool hasTwoOfDv = isFull(op) && depth > 128 && depth <= 176;
  if (isF32(op) && (isByToken || hasTwoOfDv))
    dkv.stages = 1;
  // Statistics of queries, and alignment.
  dkv.moreBytes = 8192;
  FailureOr<Wish> first = fit(op, dq, 3, 2, limit);
  FailureOr<Wish> second = fit(op, dkv, 2, 2, limit);
  if (failed(first) || failed(second))
    return failure();
  auto isTight = [&](const Wish &wish) {
    return isWide(op) || isByPosition || wish.stages == 1 ||
           !hasOneColumn(op, wish);
  };
  auto schedule = [&](const Wish &wish, bool isTight) {
    return getSchedule(op->getContext(), wish,
                       isTight ? Addressing::Again : Addressing::Thread);
  };
  // A warp that copies alone does so in loops, which leave registers to dq.
  bool isTightInDq = first->warps > 1 && isTight(*first);
  bool isTightInDkv = (isByToken && hasManyOrders(op)) ||
                      (hasMoreToAdd(op) && depth > 128) || isTight(*second);
  return GradScheduleAttr::get(op->getContext(), schedule(*first, isTightInDq),
                               schedule(*second, isTightInDkv));
}

static FailureOr<Attribute> select(AttentionInterface op, StringRef chip,
                                   int64_t limit) {
  if (auto attention = dyn_cast<AttentionOp>(op.getOperation()))
    return selectForward(attention, chip, limit);
  return selectGradient(cast<AttentionGradOp>(op.getOperation()), chip, limit);
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
      FailureOr<Attribute> schedule = ::select(op, chip.getValue(), *limit);
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
