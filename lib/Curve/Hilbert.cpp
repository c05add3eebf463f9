//===- Hilbert.cpp - The generalised Hilbert curve ------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A block is a box of cells seen in its own frame: an origin in a corner, and
// the steps along its major axis a, its minor axis b and, in 3-D, c. The curve
// of a block starts at the origin and, parity permitting, ends at the far end
// of a. It is made of the curves of up to five smaller blocks, after
//
//   J. Cerveny, "gilbert: space-filling curve for rectangular domains of
//   arbitrary size", https://github.com/jakubcerveny/gilbert
//
// with two differences:
//
// - The halves of a length do not depend on the sign of its step (the original
//   rounds towards negative infinity). So the curve of a block is a function of
//   its lengths in its frame, and blocks with equal lengths and steps are
//   translated copies of each other.
// - A 3 x 2 block ends at the far end of a, and blocks that are one cell thick
//   in 3-D follow the 2-D curve.
//
// What holds, and is tested for all small grids:
//
// 2-D: consecutive cells are neighbours, except that exactly one step is a
//   diagonal one if the longer extent is odd and the shorter one even. The
//   curve ends at the far end of the longer axis (the last axis if the extents
//   are equal). On 2^k squares it is the classic curve; on grids with sides of
//   2^i and 2^j, every aligned run of 2^m positions is a box.
// 3-D: an extent of 1 gives the 2-D curve of the others. If all extents are
//   even, consecutive cells are neighbours. Otherwise some steps are diagonal
//   ones (one cell along each of two axes): at most one in twelve, and fewer on
//   larger grids: one in 106 on 13 x 45 x 80, one in 514 on 129 x 129 x 129. On
//   grids whose extents are powers of two, every aligned run of 2^m positions
//   is a box; on 2^k cubes, a cube if m is a multiple of three.
//
//===----------------------------------------------------------------------===//

#include "Generators.h"

#include <algorithm>
#include <cassert>

using namespace hilbert::curve;
using namespace hilbert::curve::detail;

namespace {

/// The position type of blocks that have to know where in the grid they are;
/// for all others a position is a token.
struct Cell {
  int64_t at[3];

  friend Cell operator+(Cell x, Cell y) {
    return {{x.at[0] + y.at[0], x.at[1] + y.at[1], x.at[2] + y.at[2]}};
  }
  friend Cell operator*(Cell x, int64_t factor) {
    return {{x.at[0] * factor, x.at[1] * factor, x.at[2] * factor}};
  }
  friend Cell operator-(Cell x) { return x * -1; }
};

/// One axis of a block: the difference of neighbouring positions, and how many
/// cells there are.
template <typename Position> struct Axis {
  Position step;
  int64_t length;

  /// The axis in the other direction.
  Axis operator-() const { return {-step, length}; }
  /// The same direction with another length.
  Axis of(int64_t newLength) const { return {step, newLength}; }
  /// The distance from the first cell to the last one.
  Position span() const { return step * (length - 1); }
};

/// A box of cells and the frame of its curve, major axis first.
template <typename Position, int Rank> struct Block {
  Position origin;
  Axis<Position> axis[Rank];
};
template <typename P> using Block2 = Block<P, 2>;
template <typename P> using Block3 = Block<P, 3>;

/// The first half of a length: even if possible, because the curve of a block
/// with an even side can end where the next one begins.
int64_t evenHalf(int64_t length) {
  const int64_t half = length / 2;
  return half % 2 && length > 2 ? half + 1 : half;
}

/// Visits the blocks that a 2-D block with both lengths above 1 is made of.
template <typename P, typename Visitor>
void split(const Block2<P> &block, Visitor &&visit) {
  const P o = block.origin;
  const auto &[a, b] = block.axis;

  // The general rule would return to the middle of the block, one step short
  // of its end. This is where the diagonal step of odd by even grids is.
  const bool isThreeByTwo = a.length == 3 && b.length == 2;
  if (isThreeByTwo || 2 * a.length > 3 * b.length) {
    const int64_t half = isThreeByTwo ? 1 : evenHalf(a.length);
    visit(Block2<P>{o, {a.of(half), b}});
    visit(Block2<P>{o + a.step * half, {a.of(a.length - half), b}});
    return;
  }

  // Up along b, all the way along a, and down again.
  const int64_t a1 = a.length / 2, a2 = a.length - a1;
  const int64_t b1 = evenHalf(b.length), b2 = b.length - b1;
  visit(Block2<P>{o, {b.of(b1), a.of(a1)}});
  visit(Block2<P>{o + b.step * b1, {a, b.of(b2)}});
  visit(Block2<P>{o + a.span() + b.of(b1).span(), {-b.of(b1), -a.of(a2)}});
}

/// Visits the blocks that a 3-D block with all lengths above 1 is made of.
template <typename P, typename Visitor>
void split(const Block3<P> &block, Visitor &&visit) {
  const P o = block.origin;
  const auto &[a, b, c] = block.axis;
  assert(a.length > 1 && b.length > 1 && c.length > 1 && "nothing to split");
  const int64_t a1 = evenHalf(a.length), a2 = a.length - a1;
  const int64_t b1 = evenHalf(b.length), b2 = b.length - b1;
  const int64_t c1 = evenHalf(c.length), c2 = c.length - c1;

  if (2 * a.length > 3 * b.length && 2 * a.length > 3 * c.length) {
    visit(Block3<P>{o, {a.of(a1), b, c}});
    visit(Block3<P>{o + a.step * a1, {a.of(a2), b, c}});
    return;
  }
  if (3 * b.length > 4 * c.length) { // c is short: as in 2-D along a and b.
    visit(Block3<P>{o, {b.of(b1), c, a.of(a1)}});
    visit(Block3<P>{o + b.step * b1, {a, b.of(b2), c}});
    visit(Block3<P>{o + a.span() + b.of(b1).span(), {-b.of(b1), c, -a.of(a2)}});
    return;
  }
  if (3 * c.length > 4 * b.length) { // b is short: as in 2-D along a and c.
    visit(Block3<P>{o, {c.of(c1), a.of(a1), b}});
    visit(Block3<P>{o + c.step * c1, {a, b, c.of(c2)}});
    visit(Block3<P>{o + a.span() + c.of(c1).span(), {-c.of(c1), -a.of(a2), b}});
    return;
  }

  const P b1End = b.of(b1).span();
  visit(Block3<P>{o, {b.of(b1), c.of(c1), a.of(a1)}});
  visit(Block3<P>{o + b.step * b1, {c, a.of(a1), b.of(b2)}});
  visit(Block3<P>{o + b1End + c.span(), {a, -b.of(b1), -c.of(c2)}});
  visit(Block3<P>{o + a.span() + b.step * b1 + c.span(),
                  {-c, -a.of(a2), b.of(b2)}});
  visit(Block3<P>{o + a.span() + b1End, {-b.of(b1), c.of(c1), -a.of(a2)}});
}

/// Writes a block with the help of smaller ones.
template <typename P, typename Writer>
void descend(const Block2<P> &block, Writer &writer) {
  const auto &[a, b] = block.axis;
  if (b.length == 1)
    writer.line(block.origin, a);
  else if (a.length == 1)
    writer.line(block.origin, b);
  else
    split(block, [&](const Block2<P> &part) { writer.write(part); });
}

template <typename P, typename Writer>
void descend(const Block3<P> &block, Writer &writer) {
  const auto &[a, b, c] = block.axis;
  if (c.length == 1)
    writer.write(Block2<P>{block.origin, {a, b}});
  else if (b.length == 1)
    writer.write(Block2<P>{block.origin, {a, c}});
  else // No rule leaves a major axis of 1 beside two longer ones.
    split(block, [&](const Block3<P> &part) { writer.write(part); });
}

/// Writes the curve of a whole grid.
template <typename P, typename Writer>
void writeGrid(const Grid &grid, P origin, const P (&step)[3], Writer &writer) {
  // Extents of 1 are dropped: a flat grid has the curve of its other axes.
  Axis<P> axes[3];
  int rank = 0;
  for (int axis = 2; axis >= 0; --axis)
    if (grid.extent[axis] > 1)
      axes[rank++] = {step[axis], grid.extent[axis]};

  // The longest axis is the major one, the last of equally long ones; the
  // others follow from the last to the first.
  int major = 0;
  for (int axis = 1; axis < rank; ++axis)
    if (axes[axis].length > axes[major].length)
      major = axis;
  std::rotate(axes, axes + major, axes + major + 1);

  if (rank == 0)
    writer.line(origin, {step[2], 1});
  else if (rank == 1)
    writer.line(origin, axes[0]);
  else if (rank == 2)
    writer.write(Block2<P>{origin, {axes[0], axes[1]}});
  else
    writer.write(Block3<P>{origin, {axes[0], axes[1], axes[2]}});
}

/// Writes blocks of tokens.
class TokenWriter {
public:
  TokenWriter(const Grid &grid, int64_t length, int32_t *out)
      : isCut(grid.lastToken() >= length), length(length), out(out) {}

  void line(int64_t origin, Axis<int64_t> axis) {
    out = writeLine(origin, axis.step, axis.length, length, out);
  }

  template <int Rank> void write(const Block<int64_t, Rank> &block);

  int32_t *end() const { return out; }

private:
  /// Blocks of fewer cells are written faster than found, and sources of more
  /// cells would no longer be in the cache.
  static constexpr int64_t kMinCopy = 8, kMaxCopy = 2048;

  /// A block that has been written, but for its origin: what its copies share.
  struct Source {
    int32_t step[3] = {0, 0, 0};
    int32_t length[3] = {0, 0, 0};
    int64_t token = 0;
    const int32_t *begin = nullptr;
  };

  template <int Rank>
  static Source sourceOf(const Block<int64_t, Rank> &block) {
    Source source;
    for (int axis = 0; axis < Rank; ++axis) {
      source.step[axis] = static_cast<int32_t>(block.axis[axis].step);
      source.length[axis] = static_cast<int32_t>(block.axis[axis].length);
    }
    source.token = block.origin;
    return source;
  }

  /// The place of a source, which it may have to leave to another one: that
  /// costs time, nothing else.
  Source &placeOf(const Source &source) {
    uint64_t hash = 0;
    for (int axis = 0; axis < 3; ++axis) {
      hash = (hash + static_cast<uint32_t>(source.step[axis])) *
             UINT64_C(0x9E3779B97F4A7C15);
      hash = (hash + static_cast<uint32_t>(source.length[axis])) *
             UINT64_C(0xD1B54A32D192ED03);
      hash ^= hash >> 32;
    }
    return sources[hash % kSources];
  }

  static bool isCopy(const Source &x, const Source &y) {
    return std::equal(x.step, x.step + 3, y.step) &&
           std::equal(x.length, x.length + 3, y.length);
  }

  /// Whether tokens of the grid have to be left out.
  const bool isCut;
  const int64_t length;
  int32_t *out;
  static constexpr int kSources = 512;
  Source sources[kSources];
};

template <int Rank> void TokenWriter::write(const Block<int64_t, Rank> &block) {
  int64_t cells = 1;
  for (const Axis<int64_t> &axis : block.axis)
    cells *= axis.length;

  bool copies = cells >= kMinCopy && cells <= kMaxCopy;
  if (isCut) {
    int64_t first = block.origin, last = block.origin;
    for (const Axis<int64_t> &axis : block.axis)
      (axis.step < 0 ? first : last) += axis.span();
    if (first >= length)
      return;
    copies &= last < length;
  }
  if (!copies)
    return descend(block, *this);

  Source source = sourceOf(block);
  Source &place = placeOf(source);
  if (isCopy(source, place)) {
    out = translate(place.begin, cells,
                    static_cast<int32_t>(source.token - place.token), out);
    return;
  }
  source.begin = out;
  descend(block, *this);
  // Only now: the parts of the block may have used the place.
  place = source;
}

/// Writes the cells of a tile that lie in its clipped part.
class ClippedWriter {
public:
  ClippedWriter(const Grid &clipped, int32_t *out)
      : clipped(clipped), out(out) {}

  void line(Cell origin, Axis<Cell> axis) {
    // The part of the line inside, without a walk along the rest of it.
    int64_t begin = 0, end = axis.length, token = 0, step = 0;
    for (int i = 0; i < 3; ++i) {
      const int64_t at = origin.at[i], extent = clipped.extent[i];
      if (axis.step.at[i] > 0) {
        end = std::min(end, extent - at);
      } else if (axis.step.at[i] < 0) {
        begin = std::max(begin, at - extent + 1);
      } else if (at >= extent) {
        return;
      }
      token += at * clipped.stride[i];
      step += axis.step.at[i] * clipped.stride[i];
    }
    if (begin < end)
      out = writeLine(token + begin * step, step, end - begin, kWhole, out);
  }

  template <int Rank> void write(const Block<Cell, Rank> &block) {
    Cell first = block.origin;
    for (const Axis<Cell> &axis : block.axis) {
      const Cell span = axis.span();
      for (int i = 0; i < 3; ++i)
        first.at[i] += std::min<int64_t>(span.at[i], 0);
    }
    for (int i = 0; i < 3; ++i)
      if (first.at[i] >= clipped.extent[i])
        return;
    descend(block, *this);
  }

  int32_t *end() const { return out; }

private:
  const Grid &clipped;
  int32_t *out;
};

} // namespace

int32_t *detail::writeHilbert(const Grid &grid, int64_t length, int32_t *out) {
  TokenWriter writer(grid, length, out);
  writeGrid<int64_t>(grid, 0, grid.stride, writer);
  return writer.end();
}

int32_t *detail::writeClippedHilbert(const Grid &tile, const Grid &clipped,
                                     int32_t *out) {
  const Cell step[3] = {{{1, 0, 0}}, {{0, 1, 0}}, {{0, 0, 1}}};
  ClippedWriter writer(clipped, out);
  writeGrid<Cell>(tile, Cell{{0, 0, 0}}, step, writer);
  return writer.end();
}
