//===- Problem.cpp - Orders and attentions with their operands ------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Interpreter.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace hilbert;
using namespace hilbert::reference;
using llvm::Error;
using llvm::Expected;

//===----------------------------------------------------------------------===//
// Orders
//===----------------------------------------------------------------------===//

/// Reads the entries of a table, which must be i32.
static Error readEntries(Operation *op, StringRef name,
                         const ReferenceTensor &table, Order &order) {
  order.entries.reserve(table.data.size());
  for (auto [i, value] : llvm::enumerate(table.data)) {
    // The comparisons are false for NaN.
    if (!(value >= INT32_MIN && value <= INT32_MAX) ||
        value != std::floor(value))
      return makeError(op, name + ": entry " + Twine(i) + " is " +
                               std::to_string(value) + ", which is not an i32");
    order.entries.push_back(static_cast<int32_t>(value));
  }
  return Error::success();
}

Expected<Order> Interpreter::getOrder(Operation *op, StringRef name,
                                      OrderRef ref, int64_t tokens,
                                      int64_t batch) const {
  Order order;
  order.length = tokens;
  if (ref.table) {
    const ReferenceTensor &table = get(ref.table);
    order.perItem = table.shape.size() == 2;
    if (table.shape.back() != tokens ||
        (order.perItem && table.shape.front() != batch))
      return makeError(op, name + " has the shape " + shapeText(table.shape) +
                               " for " + Twine(tokens) +
                               " tokens and a batch "
                               "of " +
                               Twine(batch));
    if (Error error = readEntries(op, name, table, order))
      return error;
    for (int64_t item = 0; item < (order.perItem ? batch : 1); ++item)
      if (auto message = curve::validatePermutation(order.of(item), tokens)) {
        std::string where =
            order.perItem ? " of batch item " + std::to_string(item) : "";
        return makeError(op, name + where + ": " + *message);
      }
    return order;
  }
  order.entries.resize(tokens);
  if (!ref.attr) {
    std::iota(order.entries.begin(), order.entries.end(), 0);
    return order;
  }
  if (ref.attr.getLength() != tokens)
    return makeError(op, name + " has " + Twine(ref.attr.getLength()) +
                             " entries for " + Twine(tokens) + " tokens");
  curve::permutation(ref.attr.getSpec(), order.entries.data());
  return order;
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

static Branch makeBranch(BranchAttr attr, int64_t head, int64_t heads) {
  Branch branch;
  branch.segment = attr.getSegment();
  branch.dilation = attr.getDilation();
  if (attr.getMode() == Mode::Residues)
    return branch;
  branch.keyResidue = attr.getOffset(head, heads);
  if (attr.getMode() == Mode::Both)
    branch.queryResidue = branch.keyResidue;
  return branch;
}

Error Interpreter::getBranches(AttentionInterface op, Problem &problem) const {
  PatternAttr pattern = op.getPatternAttr();
  problem.branches.resize(problem.queryHeads);
  if (!pattern) {
    for (std::vector<Branch> &branches : problem.branches)
      branches.emplace_back();
    return Error::success();
  }
  if (!pattern.getGroups().empty()) {
    int64_t covered = 0;
    for (HeadGroupAttr group : pattern.getGroups())
      covered += group.getHeads();
    if (covered != problem.queryHeads)
      return makeError(op, "head groups cover " + Twine(covered) + " of " +
                               Twine(problem.queryHeads) + " query heads");
  }
  for (int64_t head = 0; head < problem.queryHeads; ++head)
    for (BranchAttr attr : pattern.getBranchesOf(head)) {
      if (attr.getOffsetRule() == OffsetRule::List &&
          int64_t(attr.getOffsets().size()) != problem.queryHeads)
        return makeError(op, "there are " + Twine(attr.getOffsets().size()) +
                                 " offsets for " + Twine(problem.queryHeads) +
                                 " query heads");
      if (problem.queries != problem.keys &&
          attr.getSegment() < std::max(problem.queries, problem.keys))
        return makeError(op, "a segment of " + Twine(attr.getSegment()) +
                                 " does not cover the " +
                                 Twine(problem.queries) + " queries and " +
                                 Twine(problem.keys) + " keys");
      problem.branches[head].push_back(
          makeBranch(attr, head, problem.queryHeads));
    }
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

Error Interpreter::checkSizes(AttentionInterface op,
                              const Problem &problem) const {
  auto expect = [&](StringRef name, Value value,
                    ArrayRef<int64_t> shape) -> Error {
    if (ArrayRef<int64_t>(get(value).shape) == shape)
      return Error::success();
    return makeError(op, name + " has the shape " +
                             shapeText(get(value).shape) + ", but must have " +
                             shapeText(shape));
  };
  const ReferenceTensor &k = get(op.getK());
  if (k.shape[0] != problem.batch || k.shape[3] != problem.depth)
    return makeError(op, "k has the shape " + shapeText(k.shape) +
                             " for q of " + shapeText(get(op.getQ()).shape));
  if (problem.keyHeads == 0 ? problem.queryHeads != 0
                            : problem.queryHeads % problem.keyHeads != 0)
    return makeError(op, Twine(problem.queryHeads) +
                             " query heads are not a multiple of " +
                             Twine(problem.keyHeads) + " key heads");
  if (Error error = expect("v", op.getV(), k.shape))
    return error;
  if (Error error = expect("out", op.getOut(), get(op.getQ()).shape))
    return error;
  return expect("lse", op.getLse(),
                {problem.batch, problem.queryHeads, problem.queries});
}

static Precedence getPrecedence(Causality causality) {
  switch (causality) {
  case Causality::None:
    return Precedence::None;
  case Causality::Token:
    return Precedence::Token;
  case Causality::Position:
    return Precedence::Position;
  }
  llvm_unreachable("unknown causality");
}

Expected<Problem> Interpreter::getProblem(AttentionInterface op) const {
  const ReferenceTensor &q = get(op.getQ()), &k = get(op.getK());
  Problem problem;
  problem.batch = q.shape[0];
  problem.queryHeads = q.shape[op.getHeadDim()];
  problem.keyHeads = k.shape[op.getHeadDim()];
  problem.queries = q.shape[op.getTokenDim()];
  problem.keys = k.shape[op.getTokenDim()];
  problem.depth = q.shape[3];
  problem.headsFirst = op.getLayout() == Layout::BHND;
  problem.precedence = getPrecedence(op.getCausal());
  problem.scale = 1 / std::sqrt(double(problem.depth));
  if (Value scale = op.getScale(); scale && !shapesOnly)
    problem.scale = get(scale).data.front();
  if (Error error = checkSizes(op, problem))
    return error;
  if (Error error = getBranches(op, problem))
    return error;

  auto resolve = [&](StringRef name, OrderRef ref, int64_t tokens,
                     Order &order) -> Error {
    Expected<Order> resolved = getOrder(op, name, ref, tokens, problem.batch);
    if (!resolved)
      return resolved.takeError();
    order = std::move(*resolved);
    return Error::success();
  };
  if (Error error = resolve("q order", op.getQueryOrderRef(), problem.queries,
                            problem.queryOrder))
    return error;
  if (Error error = resolve("kv order", op.getKeyOrderRef(), problem.keys,
                            problem.keyOrder))
    return error;
  if (Error error = resolve("out order", op.getOutOrderRef(), problem.queries,
                            problem.outOrder))
    return error;
  return problem;
}
