//===- Tile.cpp - Tiled orders --------------------------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Generators.h"

#include <algorithm>

using namespace hilbert::curve;
using namespace hilbert::curve::detail;

int32_t *detail::writeClipped(Curve curve, const Grid &tile,
                              const Grid &clipped, int32_t *out) {
  // Whether a cell comes before another one does not depend on the extents in
  // any order but Hilbert's.
  if (curve == Curve::Hilbert)
    return writeClippedHilbert(tile, clipped, out);
  return writeCurve(curve, clipped, kWhole, out);
}

/// Appends all full tiles.
static int32_t *writeFullTiles(Curve curve, const Grid &tile,
                               const Grid &fullTiles, int32_t *out) {
  const int64_t cells = tile.cells(), count = fullTiles.cells();
  if (count == 0)
    return out;

  // The first tokens of the tiles, in the last entries of the part of the table
  // that the tiles will fill. Entry i is read before tile i is written, and
  // tile i ends at or before entry i + 1, since
  // (i + 1) * cells <= count * cells - count + i + 1 for all i < count.
  const int32_t *first = out + count * (cells - 1);
  writeCurve(curve, fullTiles, kWhole, out + count * (cells - 1));

  // All curves start at token 0, so the first tile is the pattern of the rest.
  const int32_t *pattern = out;
  out = writeCurve(curve, tile, kWhole, out);
  for (int64_t i = 1; i < count; ++i)
    out = translate(pattern, cells, first[i], out);
  return out;
}

int32_t *detail::writeTiled(const OrderSpec &spec, int32_t *out) {
  const Grid grid = rowMajorGrid(spec.extents);
  Grid tile = rowMajorGrid(spec.tile);
  Grid fullTiles, allTiles;
  for (int axis = 0; axis < 3; ++axis) {
    const int64_t extent = grid.extent[axis], size = tile.extent[axis];
    tile.stride[axis] = grid.stride[axis];
    fullTiles.extent[axis] = extent / size;
    fullTiles.stride[axis] = size * grid.stride[axis];
    allTiles.extent[axis] = extent / size + (extent % size != 0);
  }
  out = writeFullTiles(spec.curve, tile, fullTiles, out);

  // The clipped tiles. Those that are clipped along the same axes are
  // translated copies of each other.
  struct Source {
    const int32_t *begin = nullptr;
    int64_t count = 0;
    int64_t token = 0;
  } sources[8];
  int64_t at[3];
  for (at[0] = 0; at[0] < allTiles.extent[0]; ++at[0]) {
    for (at[1] = 0; at[1] < allTiles.extent[1]; ++at[1]) {
      const bool rowIsFull =
          at[0] < fullTiles.extent[0] && at[1] < fullTiles.extent[1];
      at[2] = rowIsFull ? fullTiles.extent[2] : 0;
      for (; at[2] < allTiles.extent[2]; ++at[2]) {
        Grid clipped = tile;
        unsigned cut = 0;
        int64_t token = 0;
        for (int axis = 0; axis < 3; ++axis) {
          if (at[axis] == fullTiles.extent[axis]) {
            cut |= 1u << axis;
            clipped.extent[axis] = grid.extent[axis] % tile.extent[axis];
          }
          token += at[axis] * fullTiles.stride[axis];
        }
        Source &source = sources[cut];
        if (source.begin) {
          out = translate(source.begin, source.count,
                          static_cast<int32_t>(token - source.token), out);
          continue;
        }
        int32_t *end = writeClipped(spec.curve, tile, clipped, out);
        for (int32_t *entry = out; entry != end; ++entry)
          *entry += static_cast<int32_t>(token);
        source = {out, end - out, token};
        out = end;
      }
    }
  }
  return out;
}
