//===- Attention.cpp - Attention from its definition ----------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Attention.h"
#include "hilbert-runtime/ThreadPool.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

using namespace hilbert;
using namespace hilbert::reference;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

//===----------------------------------------------------------------------===//
// Helpers
//===----------------------------------------------------------------------===//

/// body(begin, end) over ranges that cover 0..count-1, on all threads.
template <typename Body>
static void parallelRanges(int64_t count, const Body &body) {
  rt::parallelFor(
      [](void *context, int64_t begin, int64_t end) {
        (*static_cast<const Body *>(context))(begin, end);
      },
      const_cast<Body *>(&body), count);
}

/// Eight sums, so that no addition waits for the one before: head dimensions
/// are multiples of 8.
static double dot(const double *a, const double *b, int64_t depth) {
  assert(depth % 8 == 0 && "head dimensions are multiples of 8");
  double sums[8] = {};
  for (int64_t d = 0; d < depth; d += 8)
    for (int64_t i = 0; i < 8; ++i)
      sums[i] += a[d + i] * b[d + i];
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) +
         ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

/// to += factor * from.
static void accumulate(double *to, double factor, const double *from,
                       int64_t depth) {
  for (int64_t d = 0; d < depth; d += 8)
    for (int64_t i = 0; i < 8; ++i)
      to[d + i] += factor * from[d + i];
}

namespace {
/// Rows as the definition counts them: [batch, heads, positions, depth].
struct Rows {
  Rows(int64_t batch, int64_t heads, int64_t count, int64_t depth)
      : heads(heads), count(count), depth(depth),
        data(batch * heads * count * depth) {}

  double *row(int64_t item, int64_t head, int64_t position) {
    return data.data() + ((item * heads + head) * count + position) * depth;
  }
  const double *row(int64_t item, int64_t head, int64_t position) const {
    return const_cast<Rows *>(this)->row(item, head, position);
  }

  int64_t heads, count, depth;
  std::vector<double> data;
};
} // namespace

/// Calls body(row in the tensor, item, head, position) for all rows.
template <typename Body>
static void forEachRow(const Rows &rows, int64_t batch, bool headsFirst,
                       const Order &order, Body body) {
  for (int64_t item = 0; item < batch; ++item)
    for (int64_t head = 0; head < rows.heads; ++head)
      for (int64_t p = 0; p < rows.count; ++p) {
        int64_t token = order.of(item)[p];
        int64_t row = headsFirst
                          ? (item * rows.heads + head) * rows.count + token
                          : (item * rows.count + token) * rows.heads + head;
        body(row, item, head, p);
      }
}

/// The rows of a tensor in the order of positions.
static Rows toPositions(const ReferenceTensor &tensor, int64_t batch,
                        int64_t heads, int64_t depth, bool headsFirst,
                        const Order &order) {
  Rows rows(batch, heads, order.length, depth);
  forEachRow(rows, batch, headsFirst, order,
             [&](int64_t row, int64_t item, int64_t head, int64_t p) {
               std::copy_n(tensor.data.data() + row * depth, depth,
                           rows.row(item, head, p));
             });
  return rows;
}

/// The inverse of toPositions.
static ReferenceTensor toTokens(const Rows &rows, std::vector<int64_t> shape,
                                int64_t batch, bool headsFirst,
                                const Order &order) {
  ReferenceTensor tensor{std::move(shape),
                         std::vector<double>(rows.data.size())};
  forEachRow(rows, batch, headsFirst, order,
             [&](int64_t row, int64_t item, int64_t head, int64_t p) {
               std::copy_n(rows.row(item, head, p), rows.depth,
                           tensor.data.data() + row * rows.depth);
             });
  return tensor;
}

/// True if the query at position p may see the key at position `key` at all.
static bool precedes(const Problem &problem, int64_t item, int64_t key,
                     int64_t p) {
  switch (problem.precedence) {
  case Precedence::None:
    return true;
  case Precedence::Token:
    return problem.keyOrder.of(item)[key] <= problem.queryOrder.of(item)[p];
  case Precedence::Position:
    return key <= p;
  }
  return false;
}

/// The multiset of keys that the query at position p meets, by position.
static void collectKeys(const Problem &problem, int64_t item, int64_t head,
                        int64_t p, std::vector<int64_t> &keys) {
  keys.clear();
  for (const Branch &branch : problem.branches[head]) {
    int64_t begin = p / branch.segment * branch.segment;
    int64_t size = std::min(branch.segment, problem.keys - begin);
    int64_t residue = (p - begin) % branch.dilation;
    if (branch.queryResidue && residue != *branch.queryResidue)
      continue;
    // The smaller step visits the same keys and cannot overflow.
    int64_t step = std::min(branch.dilation, problem.keys);
    for (int64_t i = branch.keyResidue.value_or(residue); i < size; i += step)
      if (precedes(problem, item, begin + i, p))
        keys.push_back(begin + i);
  }
}

//===----------------------------------------------------------------------===//
// The softmax of a query
//===----------------------------------------------------------------------===//

namespace {
/// The keys of one query, and a number for each.
struct Softmax {
  std::vector<int64_t> keys;
  /// Scores, then probabilities.
  std::vector<double> p;
  double lse = -kInfinity;

  /// Finds the keys of a query and their scores.
  void score(const Problem &problem, const Rows &q, const Rows &k, int64_t item,
             int64_t head, int64_t position);
  /// Turns scores into probabilities, and computes lse.
  void normalize();
  /// Turns scores into probabilities, for a given lse.
  void normalize(double givenLse);
};
} // namespace

/// The key head of a query head.
static int64_t getKeyHead(const Problem &problem, int64_t head) {
  return head / (problem.queryHeads / problem.keyHeads);
}

void Softmax::score(const Problem &problem, const Rows &q, const Rows &k,
                    int64_t item, int64_t head, int64_t position) {
  collectKeys(problem, item, head, position, keys);
  int64_t keyHead = getKeyHead(problem, head);
  const double *query = q.row(item, head, position);
  p.resize(keys.size());
  for (size_t i = 0; i < keys.size(); ++i)
    p[i] = problem.scale *
           dot(query, k.row(item, keyHead, keys[i]), problem.depth);
}

void Softmax::normalize() {
  double maximum = -kInfinity;
  bool isNaN = false;
  for (double s : p) {
    maximum = std::max(maximum, s);
    isNaN |= std::isnan(s);
  }
  if (maximum == -kInfinity && !isNaN) {
    normalize(-kInfinity);
    return;
  }
  double sum = 0;
  for (double &s : p) {
    s = std::exp(s - maximum);
    sum += s;
  }
  for (double &s : p)
    s /= sum;
  lse = maximum + std::log(sum);
}

void Softmax::normalize(double givenLse) {
  lse = givenLse;
  if (lse == -kInfinity) {
    // No weight anywhere, and no 0 * NaN either.
    keys.clear();
    p.clear();
    return;
  }
  for (double &s : p)
    s = std::exp(s - lse);
}

//===----------------------------------------------------------------------===//
// Forward
//===----------------------------------------------------------------------===//

AttentionResults reference::computeAttention(const Problem &problem,
                                             const ReferenceTensor &qTensor,
                                             const ReferenceTensor &kTensor,
                                             const ReferenceTensor &vTensor) {
  int64_t batch = problem.batch, depth = problem.depth;
  Rows q = toPositions(qTensor, batch, problem.queryHeads, depth,
                       problem.headsFirst, problem.queryOrder);
  Rows k = toPositions(kTensor, batch, problem.keyHeads, depth,
                       problem.headsFirst, problem.keyOrder);
  Rows v = toPositions(vTensor, batch, problem.keyHeads, depth,
                       problem.headsFirst, problem.keyOrder);
  Rows out(batch, problem.queryHeads, problem.queries, depth);
  Rows lse(batch, problem.queryHeads, problem.queries, 1);

  int64_t rows = batch * problem.queryHeads * problem.queries;
  parallelRanges(rows, [&](int64_t begin, int64_t end) {
    Softmax softmax;
    for (int64_t row = begin; row < end; ++row) {
      int64_t position = row % problem.queries;
      int64_t head = row / problem.queries % problem.queryHeads;
      int64_t item = row / problem.queries / problem.queryHeads;
      softmax.score(problem, q, k, item, head, position);
      softmax.normalize();
      *lse.row(item, head, position) = softmax.lse;
      for (size_t i = 0; i < softmax.keys.size(); ++i)
        accumulate(out.row(item, head, position), softmax.p[i],
                   v.row(item, getKeyHead(problem, head), softmax.keys[i]),
                   depth);
    }
  });

  AttentionResults results;
  results.out =
      toTokens(out, qTensor.shape, batch, problem.headsFirst, problem.outOrder);
  results.lse =
      toTokens(lse, {batch, problem.queryHeads, problem.queries}, batch,
               /*headsFirst=*/true, problem.outOrder);
  return results;
}

//===----------------------------------------------------------------------===//
// Gradient
//===----------------------------------------------------------------------===//

namespace {
/// The gradient with everything in the order of positions. Empty rows stand for
/// absent inputs.
class Backward {
public:
  Backward(const Problem &problem, const GradientInputs &inputs);

  /// Adds what the query heads of one key head contribute.
  void runKeyHead(int64_t item, int64_t keyHead);
  AttentionGradients takeResults(const GradientInputs &inputs) const;

private:
  struct Scratch {
    Softmax softmax;
    std::vector<double> dp;
  };
  Rows load(const ReferenceTensor *tensor, int64_t heads, const Order &order);
  Rows loadStats(const ReferenceTensor *tensor);
  void runQuery(int64_t item, int64_t head, int64_t position, Scratch &scratch);
  double getDelta(int64_t item, int64_t head, int64_t position,
                  const Scratch &scratch) const;

  const Problem &problem;
  bool isForwardGiven;
  Rows q, k, v, out, dout, lse, dlse;
  Rows dq, dk, dv;
};
} // namespace

Backward::Backward(const Problem &problem, const GradientInputs &inputs)
    : problem(problem), isForwardGiven(inputs.lse),
      q(load(inputs.q, problem.queryHeads, problem.queryOrder)),
      k(load(inputs.k, problem.keyHeads, problem.keyOrder)),
      v(load(inputs.v, problem.keyHeads, problem.keyOrder)),
      out(load(inputs.out, problem.queryHeads, problem.outOrder)),
      dout(load(inputs.dout, problem.queryHeads, problem.outOrder)),
      lse(loadStats(inputs.lse)), dlse(loadStats(inputs.dlse)),
      dq(problem.batch, problem.queryHeads, problem.queries, problem.depth),
      dk(problem.batch, problem.keyHeads, problem.keys, problem.depth),
      dv(problem.batch, problem.keyHeads, problem.keys, problem.depth) {}

Rows Backward::load(const ReferenceTensor *tensor, int64_t heads,
                    const Order &order) {
  if (!tensor)
    return Rows(problem.batch, heads, order.length, problem.depth);
  return toPositions(*tensor, problem.batch, heads, problem.depth,
                     problem.headsFirst, order);
}

Rows Backward::loadStats(const ReferenceTensor *tensor) {
  if (!tensor)
    return Rows(problem.batch, problem.queryHeads, problem.queries, 1);
  return toPositions(*tensor, problem.batch, problem.queryHeads, 1,
                     /*headsFirst=*/true, problem.outOrder);
}

/// What dP loses in dS = P * (dP - delta): with P_i = exp(s_i - lse),
/// dP_i/ds_j = P_i ([i = j] - P_j) and dlse/ds_i = P_i.
double Backward::getDelta(int64_t item, int64_t head, int64_t position,
                          const Scratch &scratch) const {
  double delta = -*dlse.row(item, head, position);
  if (isForwardGiven)
    return delta + dot(dout.row(item, head, position),
                       out.row(item, head, position), problem.depth);
  for (size_t i = 0; i < scratch.dp.size(); ++i)
    delta += scratch.softmax.p[i] * scratch.dp[i];
  return delta;
}

void Backward::runQuery(int64_t item, int64_t head, int64_t position,
                        Scratch &scratch) {
  Softmax &softmax = scratch.softmax;
  softmax.score(problem, q, k, item, head, position);
  if (isForwardGiven)
    softmax.normalize(*lse.row(item, head, position));
  else
    softmax.normalize();
  if (softmax.keys.empty())
    return;

  int64_t keyHead = getKeyHead(problem, head), depth = problem.depth;
  const double *query = q.row(item, head, position);
  const double *gradient = dout.row(item, head, position);
  scratch.dp.resize(softmax.keys.size());
  for (size_t i = 0; i < softmax.keys.size(); ++i)
    scratch.dp[i] = dot(gradient, v.row(item, keyHead, softmax.keys[i]), depth);
  double delta = getDelta(item, head, position, scratch);
  for (size_t i = 0; i < softmax.keys.size(); ++i) {
    int64_t key = softmax.keys[i];
    double ds = softmax.p[i] * (scratch.dp[i] - delta) * problem.scale;
    accumulate(dv.row(item, keyHead, key), softmax.p[i], gradient, depth);
    accumulate(dk.row(item, keyHead, key), ds, query, depth);
    accumulate(dq.row(item, head, position), ds, k.row(item, keyHead, key),
               depth);
  }
}

void Backward::runKeyHead(int64_t item, int64_t keyHead) {
  int64_t group = problem.queryHeads / problem.keyHeads;
  Scratch scratch;
  for (int64_t head = keyHead * group; head < (keyHead + 1) * group; ++head)
    for (int64_t position = 0; position < problem.queries; ++position)
      runQuery(item, head, position, scratch);
}

AttentionGradients Backward::takeResults(const GradientInputs &inputs) const {
  auto store = [&](const Rows &rows, const ReferenceTensor *like,
                   const Order &order) {
    return toTokens(rows, like->shape, problem.batch, problem.headsFirst,
                    order);
  };
  return {store(dq, inputs.q, problem.queryOrder),
          store(dk, inputs.k, problem.keyOrder),
          store(dv, inputs.v, problem.keyOrder)};
}

AttentionGradients reference::computeGradients(const Problem &problem,
                                               const GradientInputs &inputs) {
  Backward backward(problem, inputs);
  // The rows of dk and dv belong to one key head, so no two threads meet.
  parallelRanges(
      problem.batch * problem.keyHeads, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
          backward.runKeyHead(i / problem.keyHeads, i % problem.keyHeads);
      });
  return backward.takeResults(inputs);
}
