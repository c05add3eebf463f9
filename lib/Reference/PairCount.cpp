//===- PairCount.cpp - How many keys all queries meet ---------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Closed forms, except where causality compares tokens in curve order: there
// both sides of a segment are sorted and merged.
//
//===----------------------------------------------------------------------===//

#include "Attention.h"

#include <algorithm>
#include <map>
#include <tuple>

using namespace hilbert;
using namespace hilbert::reference;

namespace {
/// How the pairs of a set of queries and a set of keys are restricted.
enum class Counting { All, Position };
} // namespace

/// How many of 0..size-1 have residue `residue` modulo `dilation`.
static int64_t countResidue(int64_t size, int64_t dilation, int64_t residue) {
  return size / dilation + (residue < size % dilation ? 1 : 0);
}

/// Pairs of `queries` and `keys` that lie at the same steps 0, 1, ...
static double countAligned(int64_t queries, int64_t keys, Counting counting) {
  if (counting == Counting::All)
    return double(queries) * double(keys);
  // The key of step j meets the queries from step j on.
  double met = double(std::min(queries, keys));
  return met * double(queries) - met * (met - 1) / 2;
}

/// Pairs of all queries with the keys of one residue.
static double countKeysMode(int64_t queries, int64_t keys, int64_t dilation,
                            int64_t residue, Counting counting) {
  if (counting == Counting::All)
    return double(queries) * double(countResidue(keys, dilation, residue));
  // The key at residue + j * dilation meets the queries from there on.
  double met = double(countResidue(std::min(queries, keys), dilation, residue));
  if (met == 0)
    return 0;
  return met * double(queries - residue) -
         double(dilation) * (met * (met - 1) / 2);
}

/// Pairs with equal residues: residues with equal counts on both sides form at
/// most three runs.
static double countResiduesMode(int64_t queries, int64_t keys, int64_t dilation,
                                Counting counting) {
  int64_t ends[] = {std::min(queries % dilation, keys % dilation),
                    std::max(queries % dilation, keys % dilation), dilation};
  double pairs = 0;
  int64_t begin = 0;
  for (int64_t end : ends) {
    if (begin < end)
      pairs += double(end - begin) *
               countAligned(countResidue(queries, dilation, begin),
                            countResidue(keys, dilation, begin), counting);
    begin = end;
  }
  return pairs;
}

/// Pairs of a branch in one segment of so many queries and keys.
static double countSegment(const Branch &branch, int64_t queries, int64_t keys,
                           Counting counting) {
  int64_t dilation = branch.dilation;
  if (!branch.keyResidue)
    return countResiduesMode(queries, keys, dilation, counting);
  if (!branch.queryResidue)
    return countKeysMode(queries, keys, dilation, *branch.keyResidue, counting);
  return countAligned(countResidue(queries, dilation, *branch.queryResidue),
                      countResidue(keys, dilation, *branch.keyResidue),
                      counting);
}

/// Pairs of a branch in all segments. There are several only if there are as
/// many keys as queries.
static double countClosed(const Problem &problem, const Branch &branch,
                          Counting counting) {
  int64_t full = problem.queries / branch.segment;
  int64_t rest = problem.queries % branch.segment;
  if (full == 0 || problem.queries != problem.keys)
    return countSegment(branch, problem.queries, problem.keys, counting);
  return double(full) *
             countSegment(branch, branch.segment, branch.segment, counting) +
         countSegment(branch, rest, rest, counting);
}

//===----------------------------------------------------------------------===//
// Causality by tokens
//===----------------------------------------------------------------------===//

namespace {
/// A query or key: sorted by residue (where they must be equal), then token.
struct Entry {
  int64_t residue;
  int32_t token;
  bool operator<(const Entry &other) const {
    return std::tie(residue, token) < std::tie(other.residue, other.token);
  }
};
} // namespace

/// The entries of one side of a segment. `residue` selects one; with
/// `keepResidue` entries of different residues are kept apart.
static void collectEntries(const int32_t *order, int64_t begin, int64_t end,
                           int64_t dilation, std::optional<int64_t> residue,
                           bool keepResidue, std::vector<Entry> &entries) {
  entries.clear();
  for (int64_t p = begin; p < end; ++p) {
    int64_t own = (p - begin) % dilation;
    if (!residue || own == *residue)
      entries.push_back({keepResidue ? own : 0, order[p]});
  }
  std::sort(entries.begin(), entries.end());
}

/// Pairs of equal residue whose key is not after the query.
static double countMerged(const std::vector<Entry> &queries,
                          const std::vector<Entry> &keys) {
  double pairs = 0;
  size_t groupBegin = 0, key = 0;
  for (const Entry &query : queries) {
    while (groupBegin < keys.size() && keys[groupBegin].residue < query.residue)
      ++groupBegin;
    key = std::max(key, groupBegin);
    while (key < keys.size() && !(query < keys[key]))
      ++key;
    pairs += double(key - groupBegin);
  }
  return pairs;
}

/// Pairs of a branch in one batch item.
static double countSorted(const Problem &problem, const Branch &branch,
                          int64_t item) {
  std::vector<Entry> queries, keys;
  double pairs = 0;
  bool keepResidue = !branch.keyResidue;
  for (int64_t begin = 0; begin < problem.queries;) {
    int64_t size = std::min(branch.segment, problem.queries - begin);
    int64_t keySize = std::min(branch.segment, problem.keys - begin);
    collectEntries(problem.queryOrder.of(item), begin, begin + size,
                   branch.dilation, branch.queryResidue, keepResidue, queries);
    collectEntries(problem.keyOrder.of(item), begin, begin + keySize,
                   branch.dilation, branch.keyResidue, keepResidue, keys);
    pairs += countMerged(queries, keys);
    begin += size;
  }
  return pairs;
}

/// True if both sides hold the same tokens at the same positions.
static bool hasEqualOrders(const Problem &problem) {
  return problem.queries == problem.keys &&
         problem.queryOrder.perItem == problem.keyOrder.perItem &&
         problem.queryOrder.entries == problem.keyOrder.entries;
}

static bool isRaster(const Order &order) {
  if (order.perItem)
    return false;
  for (int64_t p = 0; p < order.length; ++p)
    if (order.entries[p] != p)
      return false;
  return true;
}

/// Pairs of a branch in all batch items.
static double countBranch(const Problem &problem, const Branch &branch,
                          bool equalOrders, bool raster) {
  double batch = double(problem.batch);
  if (problem.precedence == Precedence::None)
    return batch * countClosed(problem, branch, Counting::All);
  // Among n tokens on both sides n * (n + 1) / 2 pairs are left by whatever
  // total order, so positions may stand for tokens.
  bool isSameSet =
      !branch.keyResidue || branch.queryResidue || branch.dilation == 1;
  if (problem.precedence == Precedence::Position || raster ||
      (equalOrders && isSameSet))
    return batch * countClosed(problem, branch, Counting::Position);
  if (!problem.queryOrder.perItem && !problem.keyOrder.perItem)
    return problem.batch ? batch * countSorted(problem, branch, 0) : 0;
  double pairs = 0;
  for (int64_t item = 0; item < problem.batch; ++item)
    pairs += countSorted(problem, branch, item);
  return pairs;
}

double reference::countPairs(const Problem &problem) {
  using Key = std::tuple<int64_t, int64_t, std::optional<int64_t>,
                         std::optional<int64_t>>;
  std::map<Key, double> known;
  bool equalOrders = hasEqualOrders(problem);
  bool raster = isRaster(problem.queryOrder) && isRaster(problem.keyOrder);
  double pairs = 0;
  for (const std::vector<Branch> &branches : problem.branches)
    for (const Branch &branch : branches) {
      auto [entry, isNew] =
          known.try_emplace({branch.segment, branch.dilation, branch.keyResidue,
                             branch.queryResidue});
      if (isNew)
        entry->second = countBranch(problem, branch, equalOrders, raster);
      pairs += entry->second;
    }
  return pairs;
}
