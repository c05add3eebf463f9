//===- ClassifyTiles.cpp - Which tiles of an order are boxes --------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Conversion/Passes.h"
#include "hilbert/Curve/Tiles.h"

#include "mlir/IR/Remarks.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace hilbert;
using tile::Access;

namespace hilbert {
#define GEN_PASS_DEF_HILBERTCLASSIFYTILES
#include "hilbert/Conversion/Passes.h.inc"
} // namespace hilbert

static remark::RemarkOpts remarkOptions() {
  return remark::RemarkOpts::name("Tiles").category("hilbert-classify-tiles");
}

/// Sides that are powers of two: kernels find a row by shifts.
static bool isPowerOfTwoBox(ArrayRef<int64_t> shape) {
  return llvm::all_of(shape, [](int64_t side) {
    return llvm::isPowerOf2_64(static_cast<uint64_t>(side));
  });
}

namespace {
/// One side of an attention.
struct Side {
  StringRef name;
  OrderRef order;
  /// The dilation of its classes.
  int64_t dilation;
  /// The sizes of the tiles that its kernels take.
  SmallVector<int64_t> tileSizes;
};
} // namespace

/// Why the tiles of a side cannot be boxes, or how they are.
static std::pair<bool, std::string> classify(const Side &side,
                                             int64_t segment) {
  if (side.order.table)
    return {false, "the order is known at run time only"};
  if (side.dilation > 1)
    return {false, "positions of a curve that are " +
                       std::to_string(side.dilation) + " apart fill no box"};
  std::vector<int32_t> table = curve::permutation(side.order.attr.getSpec());
  std::string summary;
  for (int64_t size : side.tileSizes) {
    if (size > curve::kMaxTileSize)
      return {false, "tiles of " + std::to_string(size) + " tokens, of which " +
                         std::to_string(curve::kMaxTileSize) +
                         " are looked at, are too large"};
    curve::Tiling tiling;
    // The tensor's own number may be known at run time only.
    tiling.tokens = side.order.attr.getLength();
    tiling.segment = std::min(segment, curve::kMaxTokens);
    tiling.tileSize = size;
    curve::TileClasses tiles = curve::classifyTiles(
        table.data(), side.order.attr.getExtents().vec(), tiling);
    if (!summary.empty())
      summary += "; ";
    summary += tiles.summary();
    if (tiles.access != curve::TileAccess::Box || tiles.needsTable())
      return {false, summary};
    if (!llvm::all_of(tiles.shapes, isPowerOfTwoBox))
      return {false, summary + ", whose sides are not powers of two"};
  }
  return {true, summary};
}

static void classify(AttentionInterface op) {
  SmallVector<int64_t> queryTiles, keyTiles;
  if (auto schedule = dyn_cast<tile::ScheduleAttr>(op.getScheduleAttr())) {
    queryTiles = {schedule.getM()};
    keyTiles = {schedule.getN()};
  } else {
    auto grad = cast<tile::GradScheduleAttr>(op.getScheduleAttr());
    queryTiles = {grad.getDq().getM(), grad.getDkv().getN()};
    keyTiles = {grad.getDq().getN(), grad.getDkv().getM()};
  }
  PatternAttr pattern = op.getPatternAttr();
  if (pattern &&
      (pattern.getBranches().size() != 1 || !pattern.getGroups().empty()))
    return; // The lowering says so.
  BranchAttr branch;
  if (pattern)
    branch = pattern.getBranches()[0];
  int64_t segment = branch ? branch.getSegment() : BranchAttr::kDense;
  int64_t dilation = branch ? branch.getDilation() : 1;
  bool isKeysMode = !branch || branch.getMode() == Mode::Keys;
  Side sides[] = {
      {"query", op.getQueryOrderRef(), isKeysMode ? 1 : dilation, queryTiles},
      {"key", op.getKeyOrderRef(), dilation, keyTiles}};
  // Causality by position needs the position of each row.
  bool isByPosition = op.getCausal() == Causality::Position;
  bool isOutOther = op.getOutOrderRef() != op.getQueryOrderRef();
  for (const Side &side : sides) {
    std::string attribute = ("hilbert_gpu." + side.name + "_access").str();
    if (side.order.isIdentity() || op->hasAttr(attribute))
      continue;
    bool isBox = false;
    std::string why;
    if (isByPosition)
      why = "causality by position needs the position of each row";
    else if (isOutOther && side.name == "query")
      why = "the result has another order than the queries";
    else
      std::tie(isBox, why) = classify(side, segment);
    op->setAttr(attribute,
                tile::AccessAttr::get(op->getContext(),
                                      isBox ? Access::Box : Access::Table));
    if (isBox)
      remark::passed(op->getLoc(), remarkOptions())
          << remark::add("{0} tiles are boxes", side.name)
          << remark::metric("Tiles", why);
    else
      remark::missed(op->getLoc(), remarkOptions())
          << remark::add("{0} tiles are rows", side.name)
          << remark::reason("{0}", why);
  }
}

namespace {
struct HilbertClassifyTiles
    : public hilbert::impl::HilbertClassifyTilesBase<HilbertClassifyTiles> {
  void runOnOperation() override {
    auto result = getOperation().walk([&](AttentionInterface op) {
      if (!isa_and_nonnull<tile::ScheduleAttr, tile::GradScheduleAttr>(
              op.getScheduleAttr())) {
        op->emitOpError("tiles are not known yet: run "
                        "hilbert-select-gpu-schedule first");
        return WalkResult::interrupt();
      }
      classify(op);
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
