//===- CurveTestUtil.h - Helpers of the curve tests -------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_UNITTESTS_CURVE_CURVETESTUTIL_H
#define HILBERT_UNITTESTS_CURVE_CURVETESTUTIL_H

#include "hilbert/Curve/Order.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <ostream>
#include <random>
#include <string>
#include <vector>

namespace hilbert::curve {

constexpr Curve kAllCurves[] = {Curve::Raster, Curve::Snake, Curve::Morton,
                                Curve::Hilbert};

using Extents = std::vector<int64_t>;
using Table = std::vector<int32_t>;
/// Coordinates, slowest axis first; of a grid of lower rank, the last ones.
using Cell = std::array<int64_t, 3>;

inline std::string toString(const Extents &extents) {
  std::string text = "[";
  for (int64_t extent : extents)
    text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  return text + "]";
}

inline std::ostream &operator<<(std::ostream &os, const OrderSpec &spec) {
  return os << curveName(spec.curve) << " " << toString(spec.extents)
            << " tile " << toString(spec.tile) << " length " << spec.length;
}

inline int64_t product(const Extents &extents) {
  int64_t result = 1;
  for (int64_t extent : extents)
    result *= extent;
  return result;
}

/// The extents with leading ones up to rank 3.
inline Cell padded(const Extents &extents) {
  Cell result = {1, 1, 1};
  for (size_t i = 0; i < extents.size(); ++i)
    result[3 - extents.size() + i] = extents[i];
  return result;
}

inline Cell cellOf(int32_t token, const Cell &extents) {
  const auto t = static_cast<uint32_t>(token);
  const auto h = static_cast<uint32_t>(extents[1]);
  const auto w = static_cast<uint32_t>(extents[2]);
  return {t / w / h, t / w % h, t % w};
}

inline int32_t tokenOf(const Cell &cell, const Cell &extents) {
  return static_cast<int32_t>((cell[0] * extents[1] + cell[1]) * extents[2] +
                              cell[2]);
}

inline bool isIdentityTable(const Table &table) {
  for (size_t p = 0; p < table.size(); ++p)
    if (table[p] != static_cast<int32_t>(p))
      return false;
  return true;
}

/// Whether every value below the size of the table occurs once. Does not use
/// the library.
inline bool isBijective(const Table &table) {
  std::vector<char> seen(table.size());
  for (int32_t token : table) {
    if (token < 0 || static_cast<size_t>(token) >= table.size() || seen[token])
      return false;
    seen[token] = 1;
  }
  return true;
}

/// The steps between consecutive positions that do not lead to a neighbour.
struct Steps {
  int64_t diagonal = 0; ///< One cell along each of two axes.
  int64_t longer = 0;   ///< All others.

  int64_t total() const { return diagonal + longer; }
};

inline Steps countSteps(const Table &table, const Extents &extents) {
  const Cell grid = padded(extents);
  Steps steps;
  Cell last = cellOf(table[0], grid);
  for (size_t p = 1; p < table.size(); ++p) {
    const Cell cell = cellOf(table[p], grid);
    int64_t distance = 0, longest = 0;
    for (int axis = 0; axis < 3; ++axis) {
      const int64_t d = std::abs(cell[axis] - last[axis]);
      distance += d;
      longest = std::max(longest, d);
    }
    if (distance == 2 && longest == 1)
      ++steps.diagonal;
    else if (distance != 1)
      ++steps.longer;
    last = cell;
  }
  return steps;
}

/// The tiled order put together cell by cell from untiled ones.
inline Table tiledReference(const OrderSpec &spec) {
  const Cell grid = padded(spec.extents), tile = padded(spec.tile);
  Cell full, all;
  for (int i = 0; i < 3; ++i) {
    full[i] = grid[i] / tile[i];
    all[i] = (grid[i] + tile[i] - 1) / tile[i];
  }
  std::vector<Cell> tiles;
  const Extents fullExtents(full.begin(), full.end());
  if (product(fullExtents) > 0)
    for (int32_t t : permutation(gridOrder(spec.curve, fullExtents)))
      tiles.push_back(cellOf(t, full));
  for (int64_t t = 0; t < all[0] * all[1] * all[2]; ++t) {
    const Cell at = cellOf(static_cast<int32_t>(t), all);
    if (at[0] >= full[0] || at[1] >= full[1] || at[2] >= full[2])
      tiles.push_back(at);
  }

  const Table inside = permutation(gridOrder(spec.curve, spec.tile));
  Table table;
  for (const Cell &at : tiles) {
    for (int32_t token : inside) {
      Cell cell = cellOf(token, tile);
      bool exists = true;
      for (int i = 0; i < 3; ++i) {
        cell[i] += at[i] * tile[i];
        exists &= cell[i] < grid[i];
      }
      if (exists)
        table.push_back(tokenOf(cell, grid));
    }
  }
  return table;
}

/// Random extents of some rank with a product of at most `maxTokens`.
inline Extents randomExtents(std::mt19937 &random, size_t rank,
                             int64_t maxExtent, int64_t maxTokens) {
  Extents extents;
  do {
    extents.clear();
    for (size_t i = 0; i < rank; ++i) {
      // Small extents as often as large ones.
      const int64_t bound = 1 + random() % maxExtent;
      extents.push_back(1 + random() % bound);
    }
  } while (product(extents) > maxTokens);
  return extents;
}

} // namespace hilbert::curve

#endif // HILBERT_UNITTESTS_CURVE_CURVETESTUTIL_H
