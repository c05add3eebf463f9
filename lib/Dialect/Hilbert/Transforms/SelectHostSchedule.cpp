//===- SelectHostSchedule.cpp - Tile sizes of the host lowering -----------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Dialect/Hilbert/Transforms/Passes.h"

#include "mlir/IR/Remarks.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace hilbert;

namespace hilbert {
#define GEN_PASS_DEF_HILBERTSELECTHOSTSCHEDULE
#include "hilbert/Dialect/Hilbert/Transforms/Passes.h.inc"
} // namespace hilbert

/// Queries of a block and rows of a tile: large enough to amortise packing,
/// small enough for the second-level cache.
static constexpr int64_t kColumns = 64, kRows = 64;

/// The branches of all heads or of each group: none without a pattern.
static SmallVector<BranchAttr> getBranches(AttentionInterface op) {
  PatternAttr pattern = op.getPatternAttr();
  if (!pattern)
    return {};
  auto branches = llvm::to_vector(pattern.getBranches());
  for (HeadGroupAttr group : pattern.getGroups())
    llvm::append_range(branches, group.getBranches());
  return branches;
}

/// The longest run of queries that one block can hold: a class of a segment.
static int64_t getLongestClass(ArrayRef<BranchAttr> branches) {
  if (branches.empty())
    return BranchAttr::kDense;
  int64_t longest = 0;
  for (BranchAttr branch : branches) {
    int64_t classes = branch.getMode() == Mode::Keys ? 1 : branch.getDilation();
    longest = std::max<int64_t>(longest,
                                llvm::divideCeil(branch.getSegment(), classes));
  }
  return longest;
}

namespace {
struct HilbertSelectHostSchedule
    : public hilbert::impl::HilbertSelectHostScheduleBase<
          HilbertSelectHostSchedule> {
  using Base::Base;

  void runOnOperation() override {
    bool failed = false;
    getOperation().walk([&](AttentionInterface op) {
      if (op.getScheduleAttr())
        return;
      // At least one vector; the attribute's verifier rejects lanes < 1.
      SmallVector<BranchAttr> branches = getBranches(op);
      int64_t columns =
          llvm::alignTo(std::min(getLongestClass(branches), kColumns),
                        std::max<int64_t>(lanes, 1));
      auto schedule = HostScheduleAttr::getChecked(
          [&] { return op->emitError(); }, &getContext(), lanes.getValue(),
          columns, kRows);
      if (!schedule) {
        failed = true;
        return;
      }
      op.setScheduleAttr(schedule);
      remark::analysis(op->getLoc(),
                       remark::RemarkOpts::name("HostSchedule")
                           .category("hilbert-select-host-schedule"))
          << remark::metric("Lanes", int64_t(lanes))
          << remark::metric("Columns", columns)
          << remark::metric("Rows", kRows);
      if (branches.size() > 1)
        remark::missed(op->getLoc(),
                       remark::RemarkOpts::name("OneKernel")
                           .category("hilbert-select-host-schedule"))
            << remark::add("branches and head groups take a loop each")
            << remark::metric("Loops", int64_t(branches.size()))
            << remark::reason("a host kernel walks the keys of one branch");
    });
    if (failed)
      signalPassFailure();
  }
};
} // namespace
