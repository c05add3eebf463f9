//===- SplitBranches.cpp - One attention for each branch ------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Dialect/Hilbert/Transforms/Passes.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace hilbert;

namespace hilbert {
#define GEN_PASS_DEF_HILBERTSPLITBRANCHES
#include "hilbert/Dialect/Hilbert/Transforms/Passes.h.inc"
} // namespace hilbert

namespace {
/// A run of heads.
struct HeadRange {
  int64_t first = 0, count = 0;
};

/// Query heads that have the same branches, and their key heads: whole groups
/// of query heads, or some of one group.
struct Piece {
  HeadRange queries, keys;
  ArrayRef<BranchAttr> branches;
};

/// Rewrites one attention or its gradient.
class Splitter : public ImplicitLocOpBuilder {
public:
  explicit Splitter(AttentionInterface op)
      : ImplicitLocOpBuilder(op.getLoc(), op), op(op) {}

  LogicalResult run();

private:
  SmallVector<Piece> getPieces();
  BranchAttr getBranch(BranchAttr branch, const Piece &piece);
  /// The op's results for a branch of a piece.
  SmallVector<Value> attend(const Piece &piece, BranchAttr branch);

  // Heads. All of them, if patterns have no groups.
  bool isWhole() { return op.getPatternAttr().getGroups().empty(); }
  int64_t getHeadDim(Value tensor) {
    return cast<ShapedType>(tensor.getType()).getRank() == 4 ? op.getHeadDim()
                                                             : 1;
  }
  struct Slice {
    SmallVector<OpFoldResult> offsets, sizes, strides;
  };
  Slice getSlice(Value tensor, HeadRange heads);
  Value slice(Value tensor, HeadRange heads);
  Value insert(Value piece, Value tensor, HeadRange heads);

  // Arithmetic in f32.
  Value toF32(Value tensor);
  Value fromF32(Value tensor, Type like);
  Value splat(double value, Value like);
  /// To [batch, heads, tokens] the head dimension is added, in the layout.
  Value broadcast(Value stats, Value like);
  SmallVector<Value> mix(ArrayRef<SmallVector<Value>> parts);

  void splitForward(ArrayRef<Piece> pieces);
  void splitGradient(ArrayRef<Piece> pieces);

  AttentionInterface op;
};
} // namespace

//===----------------------------------------------------------------------===//
// Heads
//===----------------------------------------------------------------------===//

SmallVector<Piece> Splitter::getPieces() {
  PatternAttr pattern = op.getPatternAttr();
  if (isWhole())
    return {{{}, {}, pattern.getBranches()}};
  int64_t ratio = op.getNumQueryHeads() / op.getNumKeyHeads();
  SmallVector<Piece> pieces;
  int64_t head = 0;
  for (HeadGroupAttr group : pattern.getGroups()) {
    for (int64_t end = head + group.getHeads(); head < end;) {
      // To the end of a key head, or as many whole ones as there are.
      int64_t rest = end - head, into = head % ratio;
      int64_t count = into            ? std::min(rest, ratio - into)
                      : rest >= ratio ? rest - rest % ratio
                                      : rest;
      pieces.push_back({{head, count},
                        {head / ratio, (count + ratio - 1) / ratio},
                        group.getBranches()});
      head += count;
    }
  }
  return pieces;
}

/// The offsets of heads that are no longer all heads are listed.
BranchAttr Splitter::getBranch(BranchAttr branch, const Piece &piece) {
  if (isWhole() || branch.getOffsetRule() == OffsetRule::Zero)
    return branch;
  SmallVector<int64_t> offsets;
  for (int64_t i = 0; i < piece.queries.count; ++i)
    offsets.push_back(
        branch.getOffset(piece.queries.first + i, op.getNumQueryHeads()));
  return BranchAttr::get(getContext(), branch.getSegment(),
                         branch.getDilation(), branch.getMode(),
                         OffsetRule::List, offsets);
}

Splitter::Slice Splitter::getSlice(Value tensor, HeadRange heads) {
  Slice slice;
  slice.sizes = tensor::getMixedSizes(*this, getLoc(), tensor);
  slice.offsets.assign(slice.sizes.size(), getIndexAttr(0));
  slice.strides.assign(slice.sizes.size(), getIndexAttr(1));
  slice.offsets[getHeadDim(tensor)] = getIndexAttr(heads.first);
  slice.sizes[getHeadDim(tensor)] = getIndexAttr(heads.count);
  return slice;
}

Value Splitter::slice(Value tensor, HeadRange heads) {
  if (isWhole())
    return tensor;
  Slice slice = getSlice(tensor, heads);
  return tensor::ExtractSliceOp::create(*this, tensor, slice.offsets,
                                        slice.sizes, slice.strides);
}

Value Splitter::insert(Value piece, Value tensor, HeadRange heads) {
  if (isWhole())
    return piece;
  Slice slice = getSlice(tensor, heads);
  return tensor::InsertSliceOp::create(*this, piece, tensor, slice.offsets,
                                       slice.sizes, slice.strides);
}

SmallVector<Value> Splitter::attend(const Piece &piece, BranchAttr branch) {
  auto pattern =
      PatternAttr::get(getContext(), getBranch(branch, piece), /*groups=*/{});
  SmallVector<Value> operands(op->getOperands());
  // Tables and the scale are of all heads.
  for (auto [index, operand] : llvm::enumerate(operands)) {
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    if (!type || type.getRank() < 3)
      continue;
    // k, v, and in a gradient dk and dv, which are the last tensors.
    bool isKey = index == 1 || index == 2;
    if (auto gradient = dyn_cast<AttentionGradOp>(op.getOperation()))
      isKey |= index == gradient.getDkMutable().getOperandNumber() ||
               index == gradient.getDvMutable().getOperandNumber();
    operand = slice(operand, isKey ? piece.keys : piece.queries);
  }
  Operation *clone = this->clone(*op);
  clone->setOperands(operands);
  clone->setAttr("pattern", pattern);
  auto inits = cast<DestinationStyleOpInterface>(clone).getDpsInits();
  for (auto [result, init] : llvm::zip_equal(clone->getResults(), inits))
    result.setType(init.getType());
  return llvm::to_vector_of<Value>(clone->getResults());
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

static RankedTensorType withElement(Value tensor, Type element) {
  return cast<RankedTensorType>(tensor.getType()).clone(element);
}

Value Splitter::toF32(Value tensor) {
  RankedTensorType type = withElement(tensor, getF32Type());
  if (type == tensor.getType())
    return tensor;
  return arith::ExtFOp::create(*this, type, tensor);
}

Value Splitter::fromF32(Value tensor, Type element) {
  RankedTensorType type = withElement(tensor, element);
  if (type == tensor.getType())
    return tensor;
  return createOrFold<arith::TruncFOp>(type, tensor);
}

Value Splitter::splat(double value, Value like) {
  auto type = cast<RankedTensorType>(like.getType());
  Value scalar = arith::ConstantFloatOp::create(*this, getF32Type(),
                                                APFloat(float(value)));
  SmallVector<Value> sizes;
  for (int64_t d = 0; d < type.getRank(); ++d)
    if (type.isDynamicDim(d))
      sizes.push_back(tensor::DimOp::create(*this, like, d));
  return tensor::SplatOp::create(*this, scalar, type, sizes);
}

Value Splitter::broadcast(Value stats, Value like) {
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(*this, getLoc(), stats);
  sizes.push_back(getIndexAttr(op.getDepth()));
  Value init = tensor::EmptyOp::create(*this, sizes, getF32Type());
  Value byHead =
      linalg::BroadcastOp::create(*this, stats, init, 3)->getResult(0);
  if (op.getLayout() == Layout::BHND)
    return byHead;
  std::swap(sizes[1], sizes[2]);
  init = tensor::EmptyOp::create(*this, sizes, getF32Type());
  return linalg::TransposeOp::create(*this, byHead, init,
                                     ArrayRef<int64_t>{0, 2, 1, 3})
      ->getResult(0);
}

/// Partial softmaxes (out, lse), mixed by their shares of the sum of
/// exponentials. A lse of -inf has share 0; where all are, so is the result.
SmallVector<Value> Splitter::mix(ArrayRef<SmallVector<Value>> parts) {
  if (parts.size() == 1)
    return parts[0];
  Value like = parts[0][1];
  // Finite, so that no difference is one of infinities.
  Value largest = splat(-std::numeric_limits<float>::max(), like);
  for (const auto &part : parts)
    largest = arith::MaximumFOp::create(*this, largest, part[1]);
  SmallVector<Value> exponentials;
  Value sum;
  for (const auto &part : parts) {
    Value difference = arith::SubFOp::create(*this, part[1], largest);
    Value exponential = math::ExpOp::create(*this, difference);
    exponentials.push_back(exponential);
    sum = sum ? arith::AddFOp::create(*this, sum, exponential) : exponential;
  }
  // At least one exponential is 1, unless all are 0.
  Value divisor = arith::MaximumFOp::create(*this, sum, splat(1, like));
  Value out;
  for (auto [part, exponential] : llvm::zip_equal(parts, exponentials)) {
    Value share = arith::DivFOp::create(*this, exponential, divisor);
    Value term =
        arith::MulFOp::create(*this, toF32(part[0]), broadcast(share, part[0]));
    out = out ? arith::AddFOp::create(*this, out, term) : term;
  }
  Value lse =
      arith::AddFOp::create(*this, largest, math::LogOp::create(*this, sum));
  return {fromF32(out, getElementTypeOrSelf(parts[0][0])), lse};
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

void Splitter::splitForward(ArrayRef<Piece> pieces) {
  Value out = op.getOut(), lse = op.getLse();
  for (const Piece &piece : pieces) {
    SmallVector<SmallVector<Value>> parts;
    for (BranchAttr branch : piece.branches)
      parts.push_back(attend(piece, branch));
    SmallVector<Value> mixed = mix(parts);
    out = insert(mixed[0], out, piece.queries);
    lse = insert(mixed[1], lse, piece.queries);
  }
  op->replaceAllUsesWith(ValueRange{out, lse});
}

/// P = exp(S - lse) needs no mixing: only out and lse are of all branches.
void Splitter::splitGradient(ArrayRef<Piece> pieces) {
  auto gradient = cast<AttentionGradOp>(op.getOperation());
  Value inits[] = {gradient.getDq(), gradient.getDk(), gradient.getDv()};
  // In f32. Pieces may share key heads, all of them.
  using Sums = llvm::MapVector<int64_t, std::pair<HeadRange, Value>>;
  Sums sums[3];
  auto add = [&](Sums &into, HeadRange heads, Value part) {
    auto &[range, sum] = into[heads.first];
    range = heads;
    part = toF32(part);
    sum = sum ? arith::AddFOp::create(*this, sum, part) : part;
  };
  for (const Piece &piece : pieces)
    for (BranchAttr branch : piece.branches) {
      SmallVector<Value> parts = attend(piece, branch);
      add(sums[0], piece.queries, parts[0]);
      add(sums[1], piece.keys, parts[1]);
      add(sums[2], piece.keys, parts[2]);
    }
  Type element = op.getQ().getType().getElementType();
  SmallVector<Value> results;
  for (auto [init, parts] : llvm::zip_equal(inits, sums)) {
    Value result = init;
    for (const auto &[first, part] : parts)
      result = insert(fromF32(part.second, element), result, part.first);
    results.push_back(result);
  }
  op->replaceAllUsesWith(results);
}

LogicalResult Splitter::run() {
  PatternAttr pattern = op.getPatternAttr();
  if (!isWhole() && (ShapedType::isDynamic(op.getNumQueryHeads()) ||
                     ShapedType::isDynamic(op.getNumKeyHeads())))
    return op->emitOpError(
               "head groups are split where numbers of heads are static, but "
               "q is ")
           << op.getQ().getType() << " and k is " << op.getK().getType();
  SmallVector<Piece> pieces = getPieces();
  size_t count = 0;
  for (const Piece &piece : pieces)
    count += piece.branches.size();
  if (isWhole() && count == 1)
    return success();
  auto options = remark::RemarkOpts::name("SplitBranches")
                     .category("hilbert-split-branches");
  remark::missed(getLoc(), options) << remark::reason(
      "one kernel for {0} became {1} attentions, each with its own results",
      pattern, count);
  if (isa<AttentionOp>(op.getOperation()))
    splitForward(pieces);
  else
    splitGradient(pieces);
  op->erase();
  return success();
}

namespace {
struct HilbertSplitBranches
    : public hilbert::impl::HilbertSplitBranchesBase<HilbertSplitBranches> {
  void runOnOperation() override {
    SmallVector<AttentionInterface> ops;
    getOperation().walk([&](AttentionInterface op) {
      if (op.getPatternAttr() && isa<RankedTensorType>(op.getQ().getType()))
        ops.push_back(op);
    });
    for (AttentionInterface op : ops)
      if (failed(Splitter(op).run()))
        return signalPassFailure();
  }
};
} // namespace
