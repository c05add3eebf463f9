//===- Cells.h - Cells of a grid and their bounds ---------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Private to the curve library: from tokens to coordinates and boxes. Axes are
// as in Box: those of the grid, and missing ones at the end.
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_LIB_CURVE_CELLS_H
#define HILBERT_LIB_CURVE_CELLS_H

#include "hilbert/Curve/Order.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace hilbert::curve::detail {

/// One number for each axis. Unsigned 32-bit numbers hold all tokens and divide
/// much faster than 64-bit ones.
using Cell = std::array<uint32_t, kMaxRank>;

/// The coordinates of the tokens of a grid.
class CellMap {
public:
  explicit CellMap(const std::vector<int64_t> &extents) {
    for (size_t i = 0; i < extents.size(); ++i) {
      extent[i] = static_cast<uint32_t>(extents[i]);
      count *= extents[i];
    }
  }

  bool contains(int32_t token) const { return token >= 0 && token < count; }

  Cell cellOf(int32_t token) const {
    Cell cell;
    auto rest = static_cast<uint32_t>(token);
    for (int i = kMaxRank - 1; i > 0; --i) {
      cell[i] = extent[i] == 1 ? 0 : rest % extent[i];
      rest = extent[i] == 1 ? rest : rest / extent[i];
    }
    cell[0] = rest;
    return cell;
  }

  int32_t tokenOf(const Cell &cell) const {
    int64_t token = 0;
    for (int i = 0; i < kMaxRank; ++i)
      token = token * extent[i] + cell[i];
    return static_cast<int32_t>(token);
  }

private:
  Cell extent = {1, 1, 1};
  int64_t count = 1;
};

/// The smallest box around some cells.
struct Bounds {
  Cell low = {UINT32_MAX, UINT32_MAX, UINT32_MAX};
  Cell high = {0, 0, 0};

  void add(const Cell &cell) {
    for (int axis = 0; axis < kMaxRank; ++axis) {
      low[axis] = std::min(low[axis], cell[axis]);
      high[axis] = std::max(high[axis], cell[axis]);
    }
  }

  void add(const Bounds &other) {
    add(other.low);
    add(other.high);
  }

  Cell size() const {
    Cell result;
    for (int axis = 0; axis < kMaxRank; ++axis)
      result[axis] = high[axis] - low[axis] + 1;
    return result;
  }

  int64_t volume() const {
    int64_t result = 1;
    for (uint32_t side : size())
      result *= side;
    return result;
  }
};

} // namespace hilbert::curve::detail

#endif // HILBERT_LIB_CURVE_CELLS_H
