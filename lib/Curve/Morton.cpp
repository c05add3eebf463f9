//===- Morton.cpp - Z-order -----------------------------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The enclosing power-of-two grid is halved along one axis at a time, in the
// order of the interleaved coordinate bits from the highest down. At a given
// level all blocks have one size, so that two blocks which are cut off by the
// grid along the same axes hold translated copies of one list of tokens.
//
//===----------------------------------------------------------------------===//

#include "Generators.h"

using namespace hilbert::curve;
using namespace hilbert::curve::detail;

namespace {

/// Three axes of at most 31 bits each; the extents of a valid grid have far
/// fewer in total.
constexpr int kMaxLevels = 3 * 31 + 1;
/// Larger blocks are not copied: their source would have left the cache.
constexpr int kMaxCopyLevel = 12;

class MortonWriter {
public:
  MortonWriter(const Grid &grid, int64_t length, int32_t *out)
      : grid(grid), length(length), out(out) {
    for (int64_t bit = 1; bit < kMaxTokens; bit *= 2) {
      for (int axis = 2; axis >= 0; --axis) {
        if (bit >= grid.extent[axis])
          continue;
        halved[levels] = axis;
        ++levels;
        for (int other = 0; other < 3; ++other)
          size[levels][other] = size[levels - 1][other];
        size[levels][axis] = 2 * bit;
      }
    }
  }

  int32_t *write() {
    const int64_t origin[3] = {0, 0, 0};
    writeBlock(levels, origin);
    return out;
  }

private:
  void writeBlock(int level, const int64_t (&origin)[3]);

  /// Where a block of one level and one kind of cut was written first.
  struct Source {
    const int32_t *begin = nullptr;
    int64_t count = 0;
    int64_t token = 0;
  };

  const Grid &grid;
  const int64_t length;
  int32_t *out;
  int levels = 0;
  /// The axis along which a block of level i + 1 is halved.
  int halved[kMaxLevels] = {};
  /// The size of the blocks of a level.
  int64_t size[kMaxLevels + 1][3] = {{1, 1, 1}};
  Source sources[kMaxCopyLevel + 1][8];
};

void MortonWriter::writeBlock(int level, const int64_t (&origin)[3]) {
  int64_t first = 0, last = 0;
  unsigned cut = 0;
  for (int axis = 0; axis < 3; ++axis) {
    int64_t end = origin[axis] + size[level][axis];
    if (end > grid.extent[axis]) {
      end = grid.extent[axis];
      cut |= 1u << axis;
    }
    first += origin[axis] * grid.stride[axis];
    last += (end - 1) * grid.stride[axis];
  }
  if (first >= length)
    return;
  if (level == 0) {
    *out++ = static_cast<int32_t>(first);
    return;
  }

  const bool copies = level <= kMaxCopyLevel && last < length;
  if (copies) {
    const Source &source = sources[level][cut];
    if (source.begin) {
      out = translate(source.begin, source.count,
                      static_cast<int32_t>(first - source.token), out);
      return;
    }
  }

  const int32_t *begin = out;
  const int axis = halved[level - 1];
  writeBlock(level - 1, origin);
  int64_t upper[3] = {origin[0], origin[1], origin[2]};
  upper[axis] += size[level - 1][axis];
  if (upper[axis] < grid.extent[axis])
    writeBlock(level - 1, upper);
  if (copies)
    sources[level][cut] = {begin, out - begin, first};
}

} // namespace

int32_t *detail::writeMorton(const Grid &grid, int64_t length, int32_t *out) {
  return MortonWriter(grid, length, out).write();
}
