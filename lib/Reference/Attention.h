//===- Attention.h - Attention from its definition --------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Attention, its gradient and the number of its pairs in plain C++: what is
// left of an op when its operands, orders and pattern are known.
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_LIB_REFERENCE_ATTENTION_H
#define HILBERT_LIB_REFERENCE_ATTENTION_H

#include "Order.h"
#include "hilbert/Reference/Reference.h"

#include <optional>

namespace hilbert::reference {

/// One branch as one query head sees it: a query of position p meets the keys
/// of its segment whose residue is `keyResidue` (none: the query's own), if its
/// own residue is `queryResidue` (none: any).
struct Branch {
  int64_t segment = INT64_MAX;
  int64_t dilation = 1;
  std::optional<int64_t> keyResidue;
  std::optional<int64_t> queryResidue;
};

enum class Precedence { None, Token, Position };

/// An attention without its data.
struct Problem {
  int64_t batch = 0, queryHeads = 0, keyHeads = 0;
  int64_t queries = 0, keys = 0, depth = 0;
  bool headsFirst = false;
  double scale = 0;
  Precedence precedence = Precedence::None;
  /// Of each query head.
  std::vector<std::vector<Branch>> branches;
  Order queryOrder, keyOrder, outOrder;
};

/// What a gradient starts from. Without `out` and `lse` the softmax is computed
/// anew, and its Jacobian applied as the definition has it; null `dout` and
/// `dlse` are zeros.
struct GradientInputs {
  const ReferenceTensor *q = nullptr, *k = nullptr, *v = nullptr;
  const ReferenceTensor *out = nullptr, *lse = nullptr;
  const ReferenceTensor *dout = nullptr, *dlse = nullptr;
};

struct AttentionResults {
  ReferenceTensor out, lse;
};
struct AttentionGradients {
  ReferenceTensor dq, dk, dv;
};

AttentionResults computeAttention(const Problem &problem,
                                  const ReferenceTensor &q,
                                  const ReferenceTensor &k,
                                  const ReferenceTensor &v);

AttentionGradients computeGradients(const Problem &problem,
                                    const GradientInputs &inputs);

/// The (query, key) pairs of all heads and batch items, with multiplicity.
double countPairs(const Problem &problem);

} // namespace hilbert::reference

#endif // HILBERT_LIB_REFERENCE_ATTENTION_H
