//===- Check.cpp - Checks of tables of tokens -----------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Curve/Order.h"

#include <algorithm>

using namespace hilbert::curve;

std::optional<std::string>
hilbert::curve::validatePermutation(const int32_t *permutation, int64_t n) {
  const auto message = [n](const std::string &what) {
    return "order must be a permutation of 0.." + std::to_string(n - 1) +
           ", but " + what;
  };
  std::vector<bool> seen(static_cast<size_t>(n));
  for (int64_t p = 0; p < n; ++p) {
    const int32_t token = permutation[p];
    if (token < 0 || token >= n)
      return message("entry " + std::to_string(p) + " is " +
                     std::to_string(token));
    if (seen[token]) {
      const int64_t first =
          std::find(permutation, permutation + p, token) - permutation;
      return message(std::to_string(token) + " occurs twice (entries " +
                     std::to_string(first) + " and " + std::to_string(p) + ")");
    }
    seen[token] = true;
  }
  return std::nullopt;
}

std::optional<Box> hilbert::curve::boxOf(const int32_t *tokens, int64_t count,
                                         const std::vector<int64_t> &extents) {
  const size_t rank = extents.size();
  if (count <= 0 || rank == 0 || rank > kMaxRank)
    return std::nullopt;

  // Axes as in the box, whose missing axes are the last ones. Unsigned 32-bit
  // numbers hold all tokens and divide much faster than 64-bit ones.
  uint32_t extent[kMaxRank] = {1, 1, 1};
  int64_t cells = 1;
  for (size_t i = 0; i < rank; ++i) {
    extent[i] = static_cast<uint32_t>(extents[i]);
    cells *= extents[i];
  }
  const auto cellOf = [&](int32_t token, uint32_t (&cell)[kMaxRank]) {
    auto rest = static_cast<uint32_t>(token);
    for (int i = kMaxRank - 1; i > 0; --i) {
      cell[i] = extent[i] == 1 ? 0 : rest % extent[i];
      rest = extent[i] == 1 ? rest : rest / extent[i];
    }
    cell[0] = rest;
  };

  uint32_t low[kMaxRank] = {UINT32_MAX, UINT32_MAX, UINT32_MAX};
  uint32_t high[kMaxRank] = {0, 0, 0};
  for (int64_t i = 0; i < count; ++i) {
    if (tokens[i] < 0 || tokens[i] >= cells)
      return std::nullopt;
    uint32_t cell[kMaxRank];
    cellOf(tokens[i], cell);
    for (int axis = 0; axis < kMaxRank; ++axis) {
      low[axis] = std::min(low[axis], cell[axis]);
      high[axis] = std::max(high[axis], cell[axis]);
    }
  }

  Box box;
  int64_t volume = 1;
  for (int axis = 0; axis < kMaxRank; ++axis) {
    box.origin[axis] = low[axis];
    box.size[axis] = int64_t(high[axis]) - low[axis] + 1;
    volume *= box.size[axis];
  }
  if (volume != count)
    return std::nullopt;

  // As many tokens as cells: they fill the box unless one occurs twice.
  std::vector<bool> seen(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    uint32_t cell[kMaxRank];
    cellOf(tokens[i], cell);
    int64_t at = 0;
    for (int axis = 0; axis < kMaxRank; ++axis)
      at = at * box.size[axis] + (cell[axis] - low[axis]);
    if (seen[at])
      return std::nullopt;
    seen[at] = true;
  }
  return box;
}
