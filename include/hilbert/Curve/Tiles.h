//===- Tiles.h - How GPU kernels reach tiles of an order --------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A kernel walks the positions of an order in tiles. Attention does not care
// about the order of keys inside a tile, nor of queries: a tile whose tokens
// fill a box of the grid is loaded as one, from the token at its origin, and
// needs no index per row. This file says which tiles of an order do.
// docs/tiles.md has the guarantees.
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_CURVE_TILES_H
#define HILBERT_CURVE_TILES_H

#include "hilbert/Curve/Order.h"

namespace hilbert::curve {

/// The largest tile size.
constexpr int64_t kMaxTileSize = 1024;

/// The positions first, first + dilation, ... of one tile.
struct TileRange {
  int64_t first = 0;
  int64_t count = 0;
};

/// How positions 0..tokens-1 are cut into tiles. Segment s has the positions
/// from s * segment up to the next segment or the end; class c of it those
/// whose residue, (p - s * segment) mod dilation, is c, or `offset` where there
/// is one; tile t of the class those of its members from t * tileSize on.
///
/// Tiles are numbered by slots, (s * classes() + c) * tilesPerClass() + t, so
/// that a kernel computes the number. Slots past the end of a class that is
/// shorter than the longest are empty tiles.
struct Tiling {
  /// N, at most kMaxTokens.
  int64_t tokens = 0;
  /// w; N or more is dense.
  int64_t segment = kMaxTokens;
  /// r, at most kMaxTokens.
  int64_t dilation = 1;
  /// The only class that exists, in 0..r-1; every residue is one without it,
  /// as for heads with offsets of their own.
  std::optional<int64_t> offset = 0;
  /// T, at most kMaxTileSize.
  int64_t tileSize = 128;

  int64_t segments() const;
  /// The classes that have members in a whole segment, or 1.
  int64_t classes() const;
  int64_t tilesPerClass() const;
  /// The slots of all tiles.
  int64_t tiles() const { return segments() * classes() * tilesPerClass(); }
  /// The most tokens that a tile has: T, or fewer if no class has so many
  /// members. Tiles with fewer tokens are ragged.
  int64_t fullTile() const;
  /// The positions of a tile.
  TileRange range(int64_t tile) const;

private:
  /// Members of the longest class.
  int64_t longestClass() const;
};

/// Checks the bounds that Tiling names. Returns nullopt, or a message like
/// those of validate(OrderSpec).
std::optional<std::string> validate(const Tiling &tiling);

enum class TileAccess : uint32_t {
  /// One box a tile.
  Box = 0,
  /// A few boxes a tile, all with the same number of rows.
  BoxList = 1,
  /// A table look-up for each row.
  Rows = 2,
};

/// "box", "box list" or "rows".
std::string_view tileAccessName(TileAccess access);

/// A box: the first token of its row-major walk (the smallest) and the index of
/// its sizes in TileClasses::shapes. An origin of -1 stands for no box.
struct BoxEntry {
  int32_t origin = -1;
  int32_t orientation = 0;

  bool operator==(const BoxEntry &other) const {
    return origin == other.origin && orientation == other.orientation;
  }
};
static_assert(sizeof(BoxEntry) == 8, "kernels read pairs of int32");

/// How the tiles of an order are reached.
///
/// With grid [D, H, W] and sizes (bd, bh, bw), row i of a box at token t is
///
///     t + (i / (bh * bw)) * H * W + (i / bw % bh) * W + i % bw
///
/// (missing axes are leading ones of size 1). Row i of a tile is row
/// i % boxRows of its box i / boxRows. A ragged tile has boxes if its tokens
/// are the first ones of such a walk: rows from its count on, which may be
/// other tokens' or outside of the grid, are not the tile's.
struct TileClasses {
  /// Of all full tiles if isUniform(), else of those that have boxes. Rows if
  /// fewer than half of the full tiles would have boxes.
  TileAccess access = TileAccess::Rows;
  /// Tiling::fullTile().
  int64_t tileRows = 0;
  /// Boxes of a full tile: 1 (Box), 2 or more (BoxList), or 0 (Rows).
  int64_t boxesPerTile = 0;
  /// Rows of a box: tileRows / boxesPerTile, or 0.
  int64_t boxRows = 0;
  /// The grid of the boxes: the extents of the order, or, if the tokens of
  /// every box are consecutive, [N], or, if they are as far apart as the
  /// dilation r, [ceil(N / r), r].
  std::vector<int64_t> grid;
  /// The sizes of a box along the axes of `grid`, one entry for each
  /// orientation that occurs: permutations of each other, those with the
  /// longest rows first.
  std::vector<std::vector<int64_t>> shapes;
  /// boxesPerTile entries for each slot. If a tile has no boxes, all its
  /// origins are -1; so are those past the end of a ragged tile.
  std::vector<BoxEntry> boxes;

  /// Tiles with as many tokens as the largest, and those of them with boxes.
  int64_t fullTiles = 0, fullBoxed = 0;
  /// Other tiles that are not empty, and those of them with boxes.
  int64_t raggedTiles = 0, raggedBoxed = 0;

  /// The first full tile without boxes, or -1; into how many runs of
  /// consecutive members it can be cut, at least, so that each of them fills a
  /// box of any shape. With Rows, without the box that most tiles are.
  int64_t exception = -1, exceptionBoxes = 0;

  /// Whether all full tiles are reached the same way.
  bool isUniform() const { return fullBoxed == fullTiles || !boxesPerTile; }
  /// Whether some tile needs the table of the order.
  bool needsTable() const {
    return fullBoxed + raggedBoxed < fullTiles + raggedTiles;
  }
  TileAccess accessOf(int64_t tile) const {
    return boxesPerTile && boxes[tile * boxesPerTile].origin >= 0
               ? access
               : TileAccess::Rows;
  }

  /// For remarks: "128 tiles of 128 tokens: box 8x16 (2 orientations)", "72
  /// tiles of 128 tokens: rows (tile 0 needs 3 boxes)".
  std::string summary() const;
};

/// Classifies the tiles of `table`, a permutation of the tiling's tokens, over
/// a grid of at least as many cells. The boxes of a list are aligned runs of
/// one power-of-two length, at most `maxBoxes` of them in a tile. Takes the
/// longest boxes of one shape that all full tiles consist of; if there are
/// none, the longest ones of at least half of the full tiles; of several shapes
/// of one length, the one of most tiles. The tiling must be valid, and maxBoxes
/// positive.
TileClasses classifyTiles(const int32_t *table,
                          const std::vector<int64_t> &extents,
                          const Tiling &tiling, int64_t maxBoxes = 4);

/// The smallest and the largest token of a tile.
struct TokenBounds {
  int32_t min = INT32_MAX;
  int32_t max = -1;
};

/// The bounds of each slot's tokens (min > max for an empty tile): under token
/// causality, a kernel skips keys whose smallest is past the queries' largest,
/// and masks none whose largest is not past the queries' smallest.
std::vector<TokenBounds> tokenBounds(const int32_t *table,
                                     const Tiling &tiling);

} // namespace hilbert::curve

#endif // HILBERT_CURVE_TILES_H
