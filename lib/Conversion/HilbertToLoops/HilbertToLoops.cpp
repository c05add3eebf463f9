//===- HilbertToLoops.cpp - Lower hilbert ops to loops --------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TileEmitter.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace hilbert;

namespace hilbert {
#define GEN_PASS_DEF_CONVERTHILBERTTOLOOPS
#include "hilbert/Conversion/Passes.h.inc"
} // namespace hilbert

//===----------------------------------------------------------------------===//
// Sizes that are known only at run time
//===----------------------------------------------------------------------===//

namespace {
/// A size of an operand, with the name that messages use.
struct NamedSize {
  std::string name;
  Value memref;
  int64_t dim;

  bool isStatic() const {
    return !cast<MemRefType>(memref.getType()).isDynamicDim(dim);
  }
  Value get(Emitter &e) const {
    return e.createOrFold<memref::DimOp>(memref, dim);
  }
};

/// Emits asserts for the constraints of an op that its verifier could not
/// decide.
class SizeChecks {
public:
  SizeChecks(Emitter &e, Operation *op) : e(e), op(op) {}

  void check(Value holds, const Twine &message) {
    cf::AssertOp::create(e, holds,
                         (op->getName().getStringRef() + ": " + message).str());
  }
  void equal(const NamedSize &a, const NamedSize &b) {
    if (!a.isStatic() || !b.isStatic())
      check(e.equal(a.get(e), b.get(e)),
            a.name + " must be equal to " + b.name);
  }
  void order(StringRef name, Value table, const NamedSize &tokens,
             const NamedSize &batch) {
    if (!table)
      return;
    int64_t rank = cast<MemRefType>(table.getType()).getRank();
    equal({(name + "'s entries").str(), table, rank - 1}, tokens);
    if (rank == 2)
      equal({(name + "'s rows").str(), table, 0}, batch);
  }

private:
  Emitter &e;
  Operation *op;
};
} // namespace

static void emitSizeChecks(Emitter &e, AttentionInterface op,
                           ArrayRef<Part> parts) {
  SizeChecks checks(e, op);
  int64_t tokenDim = op.getTokenDim(), headDim = op.getHeadDim();
  NamedSize batch{"q's batch", op.getQ(), 0};
  NamedSize heads{"q's heads", op.getQ(), headDim};
  NamedSize keyHeads{"k's heads", op.getK(), headDim};
  NamedSize queries{"q's tokens", op.getQ(), tokenDim};
  NamedSize keys{"k's tokens", op.getK(), tokenDim};

  auto like = [&](StringRef name, Value tensor, const NamedSize &headsOf,
                  const NamedSize &tokensOf) {
    if (!tensor)
      return;
    bool isStats = cast<MemRefType>(tensor.getType()).getRank() == 3;
    checks.equal({(name + "'s batch").str(), tensor, 0}, batch);
    checks.equal({(name + "'s heads").str(), tensor, isStats ? 1 : headDim},
                 headsOf);
    checks.equal({(name + "'s tokens").str(), tensor, isStats ? 2 : tokenDim},
                 tokensOf);
  };
  checks.equal({"k's batch", op.getK(), 0}, batch);
  like("v", op.getV(), keyHeads, keys);
  like("out", op.getOut(), heads, queries);
  like("lse", op.getLse(), heads, queries);
  if (auto grad = dyn_cast<AttentionGradOp>(op.getOperation())) {
    like("dout", grad.getDout(), heads, queries);
    like("dlse", grad.getDlse(), heads, queries);
    like("dq", grad.getDq(), heads, queries);
    like("dk", grad.getDk(), keyHeads, keys);
    like("dv", grad.getDv(), keyHeads, keys);
  }

  if (!heads.isStatic() || !keyHeads.isStatic()) {
    // With no key heads there may be no query heads either.
    Value group = e.div(heads.get(e), e.max(keyHeads.get(e), e.index(1)));
    checks.check(e.equal(e.mul(group, keyHeads.get(e)), heads.get(e)),
                 "query heads must be a multiple of key heads");
  }
  if (parts.back().endHead && !heads.isStatic())
    checks.check(e.equal(heads.get(e), e.index(*parts.back().endHead)),
                 "q's heads must be the " + Twine(*parts.back().endHead) +
                     " that the head groups cover");
  int64_t shortest = BranchAttr::kDense;
  for (const Part &part : parts)
    shortest = std::min(shortest, part.branch.getSegment());
  if ((!queries.isStatic() || !keys.isStatic()) &&
      shortest != BranchAttr::kDense) {
    Value same = e.equal(queries.get(e), keys.get(e));
    Value longest = e.max(queries.get(e), keys.get(e));
    Value covered = e.less(longest, e.add(e.index(shortest), e.index(1)));
    checks.check(arith::OrIOp::create(e, same, covered),
                 "queries and keys must be equally many unless the segment "
                 "covers both");
  }
  for (const Part &part : parts)
    if (part.branch.getOffsetRule() == OffsetRule::List && !heads.isStatic())
      checks.check(
          e.equal(heads.get(e), e.index(part.branch.getOffsets().size())),
          "offsets must be one for each query head");
  checks.order("q order", op.getQueryOrderRef().table, queries, batch);
  checks.order("kv order", op.getKeyOrderRef().table, keys, batch);
  checks.order("out order", op.getOutOrderRef().table, queries, batch);
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// What every op needs: memrefs with a unit innermost stride, orders as tables.
static LogicalResult checkOperands(Operation *op) {
  if (llvm::any_of(op->getResultTypes(), llvm::IsaPred<RankedTensorType>))
    return op->emitOpError("must be on memrefs: bufferize first");
  for (Value operand : op->getOperands()) {
    auto type = dyn_cast<MemRefType>(operand.getType());
    if (type && !type.isLastDimUnitStride())
      return op->emitOpError()
             << "host lowering needs a unit innermost stride, but got " << type;
  }
  return success();
}

static LogicalResult checkOrder(Operation *op, OrderRef order) {
  if (order.attr && !order.isIdentity())
    return op->emitOpError()
           << "host lowering needs orders as tables, but got " << order.attr
           << ": run hilbert-materialize-orders first";
  return success();
}

/// One part for each branch of each head group.
static SmallVector<Part> getParts(AttentionInterface op) {
  PatternAttr pattern = op.getPatternAttr();
  SmallVector<Part> parts;
  auto append = [&](ArrayRef<BranchAttr> branches, int64_t firstHead,
                    std::optional<int64_t> endHead) {
    for (auto [index, branch] : llvm::enumerate(branches))
      parts.push_back({branch, firstHead, endHead, /*resumes=*/index > 0});
  };
  if (!pattern) {
    append(BranchAttr::get(op->getContext(), BranchAttr::kDense, 1, Mode::Keys,
                           OffsetRule::Zero, {}),
           0, std::nullopt);
    return parts;
  }
  append(pattern.getBranches(), 0, std::nullopt);
  int64_t head = 0;
  for (HeadGroupAttr group : pattern.getGroups()) {
    // Dynamic heads never are so many that the sum overflows.
    int64_t end = std::min<uint64_t>(uint64_t(head) + group.getHeads(),
                                     std::numeric_limits<int64_t>::max());
    append(group.getBranches(), head, end);
    head = end;
  }
  return parts;
}

namespace {
/// Results that loops add to, one after the other: of f16 and bf16 in f32 until
/// all have, so that they are rounded once.
class Sums {
public:
  explicit Sums(Emitter &e) : e(e) {}

  /// The memref that stands for a result until `close`.
  Value open(Value result) {
    auto type = cast<MemRefType>(result.getType());
    if (type.getElementType().isF32())
      return result;
    SmallVector<Value> sizes;
    for (int64_t d = 0; d < type.getRank(); ++d)
      if (type.isDynamicDim(d))
        sizes.push_back(e.createOrFold<memref::DimOp>(result, d));
    Value sum = memref::AllocOp::create(
        e, MemRefType::get(type.getShape(), e.getF32Type()), sizes,
        e.getI64IntegerAttr(64));
    opened.emplace_back(sum, result);
    return sum;
  }
  /// Rounds what was opened.
  void close() {
    for (auto [sum, result] : opened) {
      emitRounding(e, sum, result);
      memref::DeallocOp::create(e, sum);
    }
  }

private:
  Emitter &e;
  SmallVector<std::pair<Value, Value>> opened;
};
} // namespace

static LogicalResult lowerAttention(AttentionInterface op) {
  if (failed(checkOperands(op)) ||
      failed(checkOrder(op, op.getQueryOrderRef())) ||
      failed(checkOrder(op, op.getKeyOrderRef())) ||
      failed(checkOrder(op, op.getOutOrderRef())))
    return failure();
  if (!isa_and_nonnull<HostScheduleAttr>(op.getScheduleAttr()))
    return op->emitOpError("host lowering needs a #hilbert.host_schedule: run "
                           "hilbert-select-host-schedule first");
  SmallVector<Part> parts = getParts(op);
  Emitter e(op.getLoc(), op.getOperation());
  emitSizeChecks(e, op, parts);
  Sums sums(e);
  // Loops share queries if there are branches, and keys if there are groups.
  bool shareQueries = llvm::any_of(parts, std::mem_fn(&Part::resumes));
  bool shareKeys = parts.size() > 1;
  auto open = [&](Value result, bool shared) {
    return shared ? sums.open(result) : result;
  };
  if (auto forward = dyn_cast<AttentionOp>(op.getOperation())) {
    Value out = open(forward.getOut(), shareQueries);
    for (const Part &part : parts)
      emitForward(e, forward, part, out);
  } else {
    auto gradient = cast<AttentionGradOp>(op.getOperation());
    Value dq = open(gradient.getDq(), shareQueries);
    Value dk = open(gradient.getDk(), shareKeys);
    Value dv = open(gradient.getDv(), shareKeys);
    for (const Part &part : parts) {
      emitQueryGradient(e, gradient, part, dq);
      emitKeyGradients(e, gradient, part, dk, dv);
    }
  }
  sums.close();
  op->erase();
  return success();
}

template <typename OpTy> static LogicalResult lowerPermute(OpTy op) {
  if (failed(checkOperands(op)) || failed(checkOrder(op, op.getOrderRef())))
    return failure();
  Emitter e(op.getLoc(), op);
  SizeChecks checks(e, op);
  int64_t dim = op.getDimIndex();
  checks.order("order", op.getTable(), {"source's tokens", op.getSource(), dim},
               {"source's batch", op.getSource(), 0});
  emitPermute(e, op);
  op->erase();
  return success();
}

namespace {
struct ConvertHilbertToLoops
    : public hilbert::impl::ConvertHilbertToLoopsBase<ConvertHilbertToLoops> {
  void runOnOperation() override {
    SmallVector<Operation *> ops;
    getOperation().walk([&](Operation *op) {
      if (isa<AttentionInterface, ReorderOp, RestoreOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : ops) {
      LogicalResult lowered =
          llvm::TypeSwitch<Operation *, LogicalResult>(op)
              .Case<ReorderOp, RestoreOp>(
                  [](auto op) { return lowerPermute(op); })
              .Default([](Operation *op) {
                return lowerAttention(cast<AttentionInterface>(op));
              });
      if (failed(lowered))
        return signalPassFailure();
    }
  }
};
} // namespace
