//===- Check.cpp - Checks of tables of tokens -----------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Curve/Order.h"

#include "Cells.h"

#include <algorithm>

using namespace hilbert::curve;
using namespace hilbert::curve::detail;

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
  if (count <= 0 || extents.empty() || extents.size() > kMaxRank)
    return std::nullopt;

  const CellMap grid(extents);
  Bounds bounds;
  for (int64_t i = 0; i < count; ++i) {
    if (!grid.contains(tokens[i]))
      return std::nullopt;
    bounds.add(grid.cellOf(tokens[i]));
  }
  if (bounds.volume() != count)
    return std::nullopt;

  Box box;
  for (int axis = 0; axis < kMaxRank; ++axis) {
    box.origin[axis] = bounds.low[axis];
    box.size[axis] = bounds.size()[axis];
  }

  // As many tokens as cells: they fill the box unless one occurs twice.
  std::vector<bool> seen(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const Cell cell = grid.cellOf(tokens[i]);
    int64_t at = 0;
    for (int axis = 0; axis < kMaxRank; ++axis)
      at = at * box.size[axis] + (cell[axis] - bounds.low[axis]);
    if (seen[at])
      return std::nullopt;
    seen[at] = true;
  }
  return box;
}
