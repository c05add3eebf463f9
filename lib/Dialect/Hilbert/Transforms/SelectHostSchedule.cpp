//===- SelectHostSchedule.cpp - Tile sizes of the host lowering
//-----------------===//
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

/// The longest run of queries that one block can hold: a class of a segment.
static int64_t getLongestClass(AttentionInterface op) {
  PatternAttr pattern = op.getPatternAttr();
  int64_t longest = 0;
  auto visit = [&](ArrayRef<BranchAttr> branches) {
    for (BranchAttr branch : branches) {
      int64_t classes =
          branch.getMode() == Mode::Keys ? 1 : branch.getDilation();
      longest = std::max<int64_t>(
          longest, llvm::divideCeil(branch.getSegment(), classes));
    }
  };
  if (!pattern)
    return BranchAttr::kDense;
  visit(pattern.getBranches());
  for (HeadGroupAttr group : pattern.getGroups())
    visit(group.getBranches());
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
      int64_t columns = llvm::alignTo(std::min(getLongestClass(op), kColumns),
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
    });
    if (failed)
      signalPassFailure();
  }
};
} // namespace
