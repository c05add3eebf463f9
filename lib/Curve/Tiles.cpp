//===- Tiles.cpp - How GPU kernels reach tiles of an order ----------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Curve/Tiles.h"

#include "Cells.h"

#include <cassert>
#include <functional>
#include <map>
#include <set>

using namespace hilbert::curve;
using namespace hilbert::curve::detail;

//===----------------------------------------------------------------------===//
// Tilings
//===----------------------------------------------------------------------===//

static int64_t ceilDiv(int64_t a, int64_t b) { return a / b + (a % b != 0); }

/// The members of the class of `residue` among the first `length` positions of
/// a segment.
static int64_t classLength(int64_t length, int64_t residue, int64_t dilation) {
  return length <= residue ? 0 : ceilDiv(length - residue, dilation);
}

int64_t Tiling::segments() const { return ceilDiv(tokens, segment); }

int64_t Tiling::classes() const {
  return offset ? 1 : std::min({dilation, segment, tokens});
}

int64_t Tiling::longestClass() const {
  return classLength(std::min(segment, tokens), offset.value_or(0), dilation);
}

int64_t Tiling::tilesPerClass() const {
  return ceilDiv(longestClass(), tileSize);
}

int64_t Tiling::fullTile() const { return std::min(tileSize, longestClass()); }

TileRange Tiling::range(int64_t tile) const {
  const int64_t t = tile % tilesPerClass(), c = tile / tilesPerClass();
  const int64_t start = c / classes() * segment;
  const int64_t residue = offset.value_or(c % classes());
  const int64_t members =
      classLength(std::min(segment, tokens - start), residue, dilation);
  const int64_t before = t * tileSize;
  return {start + residue + before * dilation,
          std::clamp<int64_t>(members - before, 0, tileSize)};
}

std::optional<std::string> hilbert::curve::validate(const Tiling &tiling) {
  const auto outside = [](const char *what, int64_t low, int64_t high,
                          int64_t value) -> std::optional<std::string> {
    if (value >= low && value <= high)
      return std::nullopt;
    return std::string(what) + " must be " + std::to_string(low) + " to " +
           std::to_string(high) + ", but is " + std::to_string(value);
  };
  if (auto message = outside("tokens", 1, kMaxTokens, tiling.tokens))
    return message;
  if (auto message = outside("dilation", 1, kMaxTokens, tiling.dilation))
    return message;
  if (tiling.offset)
    if (auto message =
            outside("offset", 0, tiling.dilation - 1, *tiling.offset))
      return message;
  if (auto message = outside("tile size", 1, kMaxTileSize, tiling.tileSize))
    return message;
  if (tiling.segment < 1)
    return "segment must be positive, but is " + std::to_string(tiling.segment);
  return std::nullopt;
}

namespace {

/// The tokens of the tiles of a table.
class Tokens {
public:
  Tokens(const int32_t *table, const Tiling &tiling)
      : table(table), dilation(tiling.dilation),
        buffer(static_cast<size_t>(dilation == 1 ? 0 : tiling.fullTile())) {}

  /// Valid until the next call.
  const int32_t *of(const TileRange &range) {
    if (dilation == 1)
      return table + range.first;
    for (int64_t i = 0; i < range.count; ++i)
      buffer[i] = table[range.first + i * dilation];
    return buffer.data();
  }

private:
  const int32_t *table;
  int64_t dilation;
  std::vector<int32_t> buffer;
};

//===----------------------------------------------------------------------===//
// Surveys
//===----------------------------------------------------------------------===//

/// Sizes that are equal up to orientation have the same sorted ones.
Cell sorted(Cell sizes) {
  std::sort(sizes.begin(), sizes.end());
  return sizes;
}

Bounds boundsOf(const int32_t *tokens, int64_t count, const CellMap &map) {
  Bounds bounds;
  for (int64_t i = 0; i < count; ++i)
    bounds.add(map.cellOf(tokens[i]));
  return bounds;
}

/// Boxes of `rows` rows and of one shape, and the full tiles that consist of
/// them.
struct Choice {
  int64_t rows = 0;
  std::vector<int64_t> grid;
  /// The orientations that occur, the longest rows first.
  std::vector<Cell> shapes;
  int64_t tiles = 0;
};

/// Counts how many full tiles boxes of each length and shape serve on one grid.
class Survey {
public:
  Survey(const std::vector<int64_t> &grid, const std::vector<int64_t> &lengths)
      : grid(grid), map(grid), tallies(lengths.size()),
        leafRows(lengths.back()),
        leaves(static_cast<size_t>(lengths.front() / leafRows)) {
    for (size_t i = 0; i < lengths.size(); ++i)
      tallies[i].rows = lengths[i];
  }

  void add(const int32_t *tokens) {
    for (size_t i = 0; i < leaves.size(); ++i)
      leaves[i] = boundsOf(tokens + i * leafRows, leafRows, map);
    for (Tally &tally : tallies)
      count(tally);
  }

  /// The best choice of the length with index `length`.
  Choice best(size_t length) const {
    Choice choice{tallies[length].rows, grid, {}, 0};
    for (const auto &entry : tallies[length].shapes) {
      const Served &served = entry.second;
      if (served.tiles > choice.tiles) {
        choice.tiles = served.tiles;
        choice.shapes.assign(served.shapes.begin(), served.shapes.end());
      }
    }
    return choice;
  }

private:
  /// From the last axis to the first: the longest rows first.
  struct LongRowsFirst {
    bool operator()(const Cell &a, const Cell &b) const {
      return std::lexicographical_compare(a.rbegin(), a.rend(), b.rbegin(),
                                          b.rend(), std::greater<>());
    }
  };
  struct Served {
    int64_t tiles = 0;
    std::set<Cell, LongRowsFirst> shapes;
  };
  struct Tally {
    int64_t rows = 0;
    std::map<Cell, Served> shapes;
  };

  /// Counts the tile of `leaves`. Tokens are distinct, so that they fill a box
  /// if they are as many as its cells.
  void count(Tally &tally) {
    const size_t step = static_cast<size_t>(tally.rows / leafRows);
    sizes.clear();
    for (size_t i = 0; i < leaves.size(); i += step) {
      Bounds bounds = leaves[i];
      for (size_t j = i + 1; j < i + step; ++j)
        bounds.add(leaves[j]);
      sizes.push_back(bounds.size());
      if (bounds.volume() != tally.rows ||
          sorted(sizes.back()) != sorted(sizes.front()))
        return;
    }
    Served &served = tally.shapes[sorted(sizes.front())];
    ++served.tiles;
    served.shapes.insert(sizes.begin(), sizes.end());
  }

  std::vector<int64_t> grid;
  CellMap map;
  std::vector<Tally> tallies;
  int64_t leafRows;
  std::vector<Bounds> leaves;
  std::vector<Cell> sizes;
};

/// The number of rows that a box may have, from the tile's down.
std::vector<int64_t> boxLengths(int64_t tileRows, int64_t maxBoxes) {
  std::vector<int64_t> lengths = {tileRows};
  for (int64_t rows = kMaxTileSize; rows > 0; rows /= 2)
    if (rows < tileRows && tileRows % rows == 0 && tileRows / rows <= maxBoxes)
      lengths.push_back(rows);
  return lengths;
}

/// The grids whose boxes a kernel can load: a line of the tokens, as wide as
/// the dilation, and the order's own.
std::vector<std::vector<int64_t>> gridsOf(const std::vector<int64_t> &extents,
                                          const Tiling &tiling) {
  std::vector<std::vector<int64_t>> grids = {{tiling.tokens}};
  if (tiling.dilation > 1)
    grids[0] = {ceilDiv(tiling.tokens, tiling.dilation), tiling.dilation};
  if (extents != grids[0])
    grids.push_back(extents);
  return grids;
}

/// Whether a choice is worth a second way through the kernel, for other tiles.
bool isWorthwhile(int64_t served, int64_t fullTiles) {
  return 2 * served >= fullTiles;
}

/// The longest boxes that serve all full tiles, or else the longest worthwhile
/// ones, or else those that serve most tiles as one box.
Choice choose(Tokens &tokens, const std::vector<int64_t> &extents,
              const Tiling &tiling, int64_t maxBoxes) {
  const std::vector<int64_t> lengths = boxLengths(tiling.fullTile(), maxBoxes);
  std::vector<Survey> surveys;
  for (const std::vector<int64_t> &grid : gridsOf(extents, tiling))
    surveys.emplace_back(grid, lengths);
  int64_t fullTiles = 0;
  for (int64_t tile = 0, e = tiling.tiles(); tile < e; ++tile) {
    const TileRange range = tiling.range(tile);
    if (range.count != tiling.fullTile())
      continue;
    const int32_t *run = tokens.of(range);
    for (Survey &survey : surveys)
      survey.add(run);
    ++fullTiles;
  }

  Choice result;
  for (size_t length = 0; length < lengths.size(); ++length) {
    Choice best{lengths[length], extents, {}, 0};
    for (const Survey &survey : surveys)
      if (Choice choice = survey.best(length); choice.tiles > best.tiles)
        best = std::move(choice);
    if (best.tiles == fullTiles)
      return best;
    if (length == 0 || (isWorthwhile(best.tiles, fullTiles) &&
                        !isWorthwhile(result.tiles, fullTiles)))
      result = std::move(best);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Entries
//===----------------------------------------------------------------------===//

/// Finds the boxes of tiles.
class BoxFinder {
public:
  explicit BoxFinder(const Choice &choice) : choice(choice), map(choice.grid) {}

  /// The entries of a tile, or none if it has no boxes.
  std::vector<BoxEntry> boxesOf(const int32_t *tokens, int64_t count) const {
    std::vector<BoxEntry> entries;
    for (int64_t i = 0; i < count; i += choice.rows) {
      entries.push_back(boxOf(tokens + i, std::min(choice.rows, count - i)));
      if (entries.back().origin < 0)
        return {};
    }
    return entries;
  }

private:
  /// The box whose walk begins with the tokens.
  BoxEntry boxOf(const int32_t *tokens, int64_t count) const {
    const Bounds bounds = boundsOf(tokens, count, map);
    for (size_t i = 0; i < choice.shapes.size(); ++i)
      if (isFirstOf(choice.shapes[i], tokens, count, bounds))
        return {map.tokenOf(bounds.low), static_cast<int32_t>(i)};
    return {};
  }

  bool isFirstOf(const Cell &shape, const int32_t *tokens, int64_t count,
                 const Bounds &bounds) const {
    for (int axis = 0; axis < kMaxRank; ++axis)
      if (bounds.size()[axis] > shape[axis])
        return false;
    // A whole box; otherwise, a walk of `count` distinct cells that are all
    // among the first `count` ones.
    if (count == choice.rows)
      return true;
    return std::all_of(tokens, tokens + count, [&](int32_t token) {
      const Cell cell = map.cellOf(token);
      int64_t at = 0;
      for (int axis = 0; axis < kMaxRank; ++axis)
        at = at * shape[axis] + (cell[axis] - bounds.low[axis]);
      return at < count;
    });
  }

  const Choice &choice;
  CellMap map;
};

/// The fewest runs of consecutive tokens that fill boxes, of any shape.
int64_t fewestBoxes(const int32_t *tokens, int64_t count, const CellMap &map) {
  std::vector<int64_t> fewest(static_cast<size_t>(count) + 1, count);
  fewest[0] = 0;
  for (int64_t i = 0; i < count; ++i) {
    Bounds bounds;
    for (int64_t end = i + 1; end <= count; ++end) {
      bounds.add(map.cellOf(tokens[end - 1]));
      if (bounds.volume() == end - i)
        fewest[end] = std::min(fewest[end], fewest[i] + 1);
    }
  }
  return fewest[count];
}

} // namespace

/// Enters the boxes of all tiles.
static void enter(TileClasses &result, const Choice &choice, Tokens &tokens,
                  const Tiling &tiling) {
  const BoxFinder finder(choice);
  result.boxes.resize(
      static_cast<size_t>(tiling.tiles() * result.boxesPerTile));
  for (int64_t tile = 0, e = tiling.tiles(); tile < e; ++tile) {
    const TileRange range = tiling.range(tile);
    if (range.count == 0)
      continue;
    const int32_t *run = tokens.of(range);
    const std::vector<BoxEntry> entries = finder.boxesOf(run, range.count);
    std::copy(entries.begin(), entries.end(),
              result.boxes.begin() + tile * result.boxesPerTile);
    const bool isFull = range.count == result.tileRows;
    ++(isFull ? result.fullTiles : result.raggedTiles);
    if (!entries.empty())
      ++(isFull ? result.fullBoxed : result.raggedBoxed);
    else if (isFull && result.exception < 0) {
      result.exception = tile;
      result.exceptionBoxes =
          fewestBoxes(run, range.count, CellMap(choice.grid));
    }
  }
}

TileClasses hilbert::curve::classifyTiles(const int32_t *table,
                                          const std::vector<int64_t> &extents,
                                          const Tiling &tiling,
                                          int64_t maxBoxes) {
  assert(!validate(tiling) && "the tiling is not valid");
  assert(maxBoxes > 0 && "a tile is at least one box");
  TileClasses result;
  result.tileRows = tiling.fullTile();
  result.grid = extents;
  // An offset past the end of all segments.
  if (result.tileRows == 0)
    return result;

  Tokens tokens(table, tiling);
  const Choice choice = choose(tokens, extents, tiling, maxBoxes);
  result.grid = choice.grid;
  result.boxRows = choice.rows;
  result.boxesPerTile = result.tileRows / choice.rows;
  for (const Cell &shape : choice.shapes)
    result.shapes.emplace_back(shape.begin(),
                               shape.begin() + choice.grid.size());
  enter(result, choice, tokens, tiling);

  if (isWorthwhile(result.fullBoxed, result.fullTiles)) {
    result.access =
        result.boxesPerTile == 1 ? TileAccess::Box : TileAccess::BoxList;
    return result;
  }
  result.grid = extents;
  result.boxRows = result.boxesPerTile = 0;
  result.fullBoxed = result.raggedBoxed = 0;
  result.shapes.clear();
  result.boxes.clear();
  return result;
}

std::vector<TokenBounds> hilbert::curve::tokenBounds(const int32_t *table,
                                                     const Tiling &tiling) {
  assert(!validate(tiling) && "the tiling is not valid");
  std::vector<TokenBounds> result(static_cast<size_t>(tiling.tiles()));
  Tokens tokens(table, tiling);
  for (size_t tile = 0; tile < result.size(); ++tile) {
    const TileRange range = tiling.range(static_cast<int64_t>(tile));
    if (range.count == 0)
      continue;
    const int32_t *run = tokens.of(range);
    for (int64_t i = 0; i < range.count; ++i) {
      result[tile].min = std::min(result[tile].min, run[i]);
      result[tile].max = std::max(result[tile].max, run[i]);
    }
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Summaries
//===----------------------------------------------------------------------===//

std::string_view hilbert::curve::tileAccessName(TileAccess access) {
  switch (access) {
  case TileAccess::Box:
    return "box";
  case TileAccess::BoxList:
    return "box list";
  case TileAccess::Rows:
    return "rows";
  }
  return "unknown";
}

/// "1 tile", "2 tiles".
static std::string counted(int64_t count, const std::string &noun,
                           const char *plural) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : plural);
}

/// "box 8x16 (2 orientations)", "4 boxes 4x8".
static std::string describeBoxes(const TileClasses &classes) {
  std::string text = classes.boxesPerTile == 1
                         ? "box "
                         : counted(classes.boxesPerTile, "box", "es") + " ";
  for (size_t i = 0; i < classes.grid.size(); ++i)
    text += (i ? "x" : "") + std::to_string(classes.shapes[0][i]);
  if (classes.shapes.size() > 1)
    text += " (" + std::to_string(classes.shapes.size()) + " orientations)";
  return text;
}

/// " (tile 3 needs 5 boxes)".
static std::string describeException(const TileClasses &classes) {
  const std::string tile = " (tile " + std::to_string(classes.exception);
  if (classes.exceptionBoxes == 1)
    return tile + " is a box of another shape)";
  return tile + " needs " + std::to_string(classes.exceptionBoxes) + " boxes)";
}

/// "; 3 ragged tiles, 1 by rows".
static std::string describeRagged(const TileClasses &classes) {
  const int64_t byRows = classes.raggedTiles - classes.raggedBoxed;
  std::string text = "; " + counted(classes.raggedTiles, "ragged tile", "s");
  if (byRows == classes.raggedTiles)
    return text + " by rows";
  return byRows ? text + ", " + std::to_string(byRows) + " by rows" : text;
}

std::string TileClasses::summary() const {
  std::string text = counted(fullTiles, "tile", "s") + " of " +
                     counted(tileRows, "token", "s") + ": ";
  text += boxesPerTile ? describeBoxes(*this) : "rows";
  if (!isUniform())
    text += ", but " + std::to_string(fullTiles - fullBoxed) + " by rows";
  if (exception >= 0)
    text += describeException(*this);
  if (raggedTiles)
    text += describeRagged(*this);
  return text;
}
