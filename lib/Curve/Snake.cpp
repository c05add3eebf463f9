//===- Snake.cpp - Raster and boustrophedon order -------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Generators.h"

using namespace hilbert::curve;
using namespace hilbert::curve::detail;

int32_t *detail::writeRaster(const Grid &grid, int64_t length, int32_t *out) {
  for (int64_t z = 0; z < grid.extent[0]; ++z)
    for (int64_t y = 0; y < grid.extent[1]; ++y)
      out = writeLine(z * grid.stride[0] + y * grid.stride[1], grid.stride[2],
                      grid.extent[2], length, out);
  return out;
}

int32_t *detail::writeSnake(const Grid &grid, int64_t length, int32_t *out) {
  const int64_t height = grid.extent[1], width = grid.extent[2];
  const int64_t end = (width - 1) * grid.stride[2];
  for (int64_t z = 0; z < grid.extent[0]; ++z) {
    for (int64_t i = 0; i < height; ++i) {
      // An odd plane is an even one read backwards: its last row first, and
      // every row the other way round.
      const int64_t y = z % 2 ? height - 1 - i : i;
      const bool backwards = (z + y) % 2;
      const int64_t row = z * grid.stride[0] + y * grid.stride[1];
      out = writeLine(backwards ? row + end : row,
                      backwards ? -grid.stride[2] : grid.stride[2], width,
                      length, out);
    }
  }
  return out;
}
