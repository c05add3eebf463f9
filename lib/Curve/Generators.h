//===- Generators.h - Writers of the single curves --------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Private to the curve library. A writer appends the tokens of one curve over
// one strided grid; Order.cpp and Tile.cpp put orders together from them.
//
// Nothing here builds a table besides the output. The curves are self-similar,
// so most blocks of a curve are translated copies of a block that was written
// before: a writer remembers where, and copies.
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_LIB_CURVE_GENERATORS_H
#define HILBERT_LIB_CURVE_GENERATORS_H

#include "hilbert/Curve/Order.h"

#include <cstdint>
#include <limits>

namespace hilbert::curve::detail {

/// A grid of three axes, slowest first; missing axes have extent 1. Cell c is
/// the token sum(c[i] * stride[i]). Strides are positive where an extent is
/// above 1, and all tokens fit an int32_t.
struct Grid {
  int64_t extent[3] = {1, 1, 1};
  int64_t stride[3] = {0, 0, 0};

  int64_t cells() const { return extent[0] * extent[1] * extent[2]; }
  int64_t lastToken() const {
    int64_t token = 0;
    for (int axis = 0; axis < 3; ++axis)
      token += (extent[axis] - 1) * stride[axis];
    return token;
  }
};

/// A length that leaves no token out.
constexpr int64_t kWhole = std::numeric_limits<int64_t>::max();

/// Each writer appends the tokens below `length` in the order of its curve and
/// returns the end of what it wrote.
int32_t *writeRaster(const Grid &grid, int64_t length, int32_t *out);
int32_t *writeSnake(const Grid &grid, int64_t length, int32_t *out);
int32_t *writeMorton(const Grid &grid, int64_t length, int32_t *out);
int32_t *writeHilbert(const Grid &grid, int64_t length, int32_t *out);
int32_t *writeCurve(Curve curve, const Grid &grid, int64_t length,
                    int32_t *out);

/// Appends the cells of `clipped` (same strides, no extent above the one of
/// `tile`) in the order in which the curve over the whole of `tile` visits
/// them. The time depends on the cells written, hardly on the size of the tile.
int32_t *writeClipped(Curve curve, const Grid &tile, const Grid &clipped,
                      int32_t *out);
int32_t *writeClippedHilbert(const Grid &tile, const Grid &clipped,
                             int32_t *out);

/// The tiled order of a valid spec.
int32_t *writeTiled(const OrderSpec &spec, int32_t *out);

/// The grid of a list of extents, in row-major numbering.
Grid rowMajorGrid(const std::vector<int64_t> &extents);

/// Appends the `count` tokens at `from`, each plus `delta`. The ranges do not
/// overlap.
inline int32_t *translate(const int32_t *from, int64_t count, int32_t delta,
                          int32_t *out) {
  // Through a local array of fixed size, so that every compiler sees that the
  // two ranges may be moved in vectors.
  constexpr int64_t kChunk = 16;
  int64_t i = 0;
  for (; i + kChunk <= count; i += kChunk) {
    int32_t chunk[kChunk];
    for (int64_t j = 0; j < kChunk; ++j)
      chunk[j] = from[i + j] + delta;
    for (int64_t j = 0; j < kChunk; ++j)
      out[i + j] = chunk[j];
  }
  for (; i < count; ++i)
    out[i] = from[i] + delta;
  return out + count;
}

/// Appends `count` tokens from `first` on, `step` apart, leaving out those of
/// `length` and above.
inline int32_t *writeLine(int64_t first, int64_t step, int64_t count,
                          int64_t length, int32_t *out) {
  const int64_t last = first + (count - 1) * step;
  if ((first > last ? first : last) < length) {
    for (int64_t i = 0; i < count; ++i)
      out[i] = static_cast<int32_t>(first + i * step);
    return out + count;
  }
  for (int64_t i = 0; i < count; ++i)
    if (first + i * step < length)
      *out++ = static_cast<int32_t>(first + i * step);
  return out;
}

} // namespace hilbert::curve::detail

#endif // HILBERT_LIB_CURVE_GENERATORS_H
