//===- TilesTest.cpp - How GPU kernels reach tiles of an order ------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Curve/Tiles.h"

#include "CurveTestUtil.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

using namespace hilbert::curve;

namespace {

std::ostream &print(std::ostream &os, const Tiling &tiling) {
  os << " tokens " << tiling.tokens << " segment " << tiling.segment
     << " dilation " << tiling.dilation << " offset ";
  if (tiling.offset)
    os << *tiling.offset;
  else
    os << "any";
  return os << " tile size " << tiling.tileSize;
}

/// What is tested, for messages.
struct Subject {
  OrderSpec spec;
  Tiling tiling;
};

std::ostream &operator<<(std::ostream &os, const Subject &subject) {
  return print(os << subject.spec, subject.tiling);
}

Tiling dense(int64_t tokens, int64_t tileSize) {
  Tiling tiling;
  tiling.tokens = tokens;
  tiling.tileSize = tileSize;
  return tiling;
}

//===----------------------------------------------------------------------===//
// Tiles from the definition
//===----------------------------------------------------------------------===//

/// The tokens of each slot, position by position.
std::vector<Table> bruteTiles(const Table &table, const Tiling &tiling) {
  std::map<std::pair<int64_t, int64_t>, Table> members;
  int64_t segments = 0, classes = 1, longest = 0;
  for (int64_t p = 0; p < tiling.tokens; ++p) {
    const int64_t s = p / tiling.segment;
    const int64_t residue = (p - s * tiling.segment) % tiling.dilation;
    segments = s + 1;
    if (tiling.offset && *tiling.offset != residue)
      continue;
    const int64_t c = tiling.offset ? 0 : residue;
    Table &list = members[{s, c}];
    list.push_back(table[p]);
    classes = std::max(classes, c + 1);
    longest = std::max(longest, static_cast<int64_t>(list.size()));
  }
  const int64_t perClass = (longest + tiling.tileSize - 1) / tiling.tileSize;
  std::vector<Table> tiles(segments * classes * perClass);
  for (const auto &entry : members) {
    const int64_t first =
        (entry.first.first * classes + entry.first.second) * perClass;
    for (size_t i = 0; i < entry.second.size(); ++i)
      tiles[first + i / tiling.tileSize].push_back(entry.second[i]);
  }
  return tiles;
}

size_t largest(const std::vector<Table> &tiles) {
  size_t rows = 0;
  for (const Table &tile : tiles)
    rows = std::max(rows, tile.size());
  return rows;
}

//===----------------------------------------------------------------------===//
// Boxes from the definition
//===----------------------------------------------------------------------===//

/// The tokens of the first `count` rows of a box, by the documented formula,
/// sorted; none if the rows wrap around the end of a row or plane of the grid.
Table walk(int64_t token, const Extents &shape, const Extents &grid,
           int64_t count) {
  const Cell size = padded(shape), extents = padded(grid);
  const Cell origin = cellOf(static_cast<int32_t>(token), extents);
  const int64_t bh = size[1], bw = size[2], height = extents[1],
                width = extents[2];
  Table tokens;
  for (int64_t i = 0; i < count; ++i) {
    if (origin[1] + i / bw % bh >= height || origin[2] + i % bw >= width)
      return {};
    tokens.push_back(static_cast<int32_t>(
        token + i / (bh * bw) * height * width + i / bw % bh * width + i % bw));
  }
  std::sort(tokens.begin(), tokens.end());
  return tokens;
}

/// Some tokens of a tile, sorted.
Table part(const Table &tile, size_t first, size_t count) {
  Table tokens(tile.begin() + first,
               tile.begin() + std::min(tile.size(), first + count));
  std::sort(tokens.begin(), tokens.end());
  return tokens;
}

/// The sizes of the box that the tokens fill, or none: their bounds hold no
/// other cell. The tokens are sorted.
Extents bruteShape(const Table &tokens, const Extents &grid) {
  const Cell extents = padded(grid);
  Cell low = cellOf(tokens[0], extents), high = low;
  for (int32_t token : tokens) {
    const Cell cell = cellOf(token, extents);
    for (int axis = 0; axis < 3; ++axis) {
      low[axis] = std::min(low[axis], cell[axis]);
      high[axis] = std::max(high[axis], cell[axis]);
    }
  }
  for (int64_t z = low[0]; z <= high[0]; ++z)
    for (int64_t y = low[1]; y <= high[1]; ++y)
      for (int64_t x = low[2]; x <= high[2]; ++x)
        if (!std::binary_search(tokens.begin(), tokens.end(),
                                tokenOf({z, y, x}, extents)))
          return {};
  Extents shape;
  for (size_t i = 3 - grid.size(); i < 3; ++i)
    shape.push_back(high[i] - low[i] + 1);
  return shape;
}

Extents sortedShape(Extents shape) {
  std::sort(shape.begin(), shape.end());
  return shape;
}

/// How many full tiles consist of boxes of `rows` rows and of one shape, at
/// most, on this grid.
int64_t bruteServed(const std::vector<Table> &tiles, size_t rows,
                    const Extents &grid) {
  std::map<Extents, int64_t> served;
  for (const Table &tile : tiles) {
    if (tile.size() != largest(tiles))
      continue;
    std::set<Extents> shapes;
    for (size_t i = 0; i < tile.size(); i += rows)
      shapes.insert(sortedShape(bruteShape(part(tile, i, rows), grid)));
    if (shapes.size() == 1 && !shapes.begin()->empty())
      ++served[*shapes.begin()];
  }
  int64_t result = 0;
  for (const auto &entry : served)
    result = std::max(result, entry.second);
  return result;
}

/// The fewest boxes that consecutive runs of the tile fill.
int64_t bruteFewest(const Table &tile, const Extents &grid) {
  std::vector<int64_t> fewest(tile.size() + 1, 0);
  for (size_t end = 1; end <= tile.size(); ++end) {
    fewest[end] = static_cast<int64_t>(end);
    for (size_t begin = 0; begin < end; ++begin)
      if (!bruteShape(part(tile, begin, end - begin), grid).empty())
        fewest[end] = std::min(fewest[end], fewest[begin] + 1);
  }
  return fewest[tile.size()];
}

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

/// Checks that the boxes are those of the tiles, and the counts theirs.
void checkBoxes(const Subject &subject, const std::vector<Table> &tiles,
                const TileClasses &classes) {
  SCOPED_TRACE(testing::Message() << subject << ": " << classes.summary());
  const int64_t n = classes.boxesPerTile, rows = classes.boxRows;
  ASSERT_EQ(classes.boxes.size(), tiles.size() * n);
  ASSERT_EQ(classes.tileRows, static_cast<int64_t>(largest(tiles)));
  ASSERT_EQ(n * rows, n ? classes.tileRows : 0);

  int64_t full = 0, fullBoxed = 0, ragged = 0, raggedBoxed = 0, exception = -1;
  std::set<int32_t> orientations;
  for (size_t t = 0; t < tiles.size(); ++t) {
    const Table &tile = tiles[t];
    const bool isFull =
        !tile.empty() && tile.size() == static_cast<size_t>(classes.tileRows);
    const bool isBoxed = n && classes.boxes[t * n].origin >= 0;
    ASSERT_EQ(classes.accessOf(t), isBoxed ? classes.access : TileAccess::Rows);
    full += isFull;
    fullBoxed += isFull && isBoxed;
    ragged += !isFull && !tile.empty();
    raggedBoxed += !isFull && isBoxed;
    if (isFull && !isBoxed && exception < 0 && n)
      exception = static_cast<int64_t>(t);
    for (int64_t i = 0; i < n; ++i) {
      const BoxEntry entry = classes.boxes[t * n + i];
      const auto first = static_cast<size_t>(i * rows);
      if (!isBoxed || first >= tile.size()) {
        ASSERT_EQ(entry.origin, -1);
        continue;
      }
      ASSERT_GE(entry.orientation, 0);
      ASSERT_LT(entry.orientation, int64_t(classes.shapes.size()));
      const Extents &shape = classes.shapes[entry.orientation];
      const Table tokens = part(tile, first, rows);
      ASSERT_EQ(walk(entry.origin, shape, classes.grid, tokens.size()), tokens);
      if (isFull)
        orientations.insert(entry.orientation);
    }
  }
  ASSERT_EQ(classes.fullTiles, full);
  ASSERT_EQ(classes.fullBoxed, fullBoxed);
  ASSERT_EQ(classes.raggedTiles, ragged);
  ASSERT_EQ(classes.raggedBoxed, raggedBoxed);
  ASSERT_EQ(classes.isUniform(), fullBoxed == full || !n);
  ASSERT_EQ(classes.needsTable(), fullBoxed + raggedBoxed < full + ragged);
  if (n)
    ASSERT_EQ(classes.exception, exception);

  // The orientations: all occur, of one shape, the longest rows first.
  ASSERT_EQ(orientations.size(), classes.shapes.size());
  for (size_t i = 1; i < classes.shapes.size(); ++i) {
    Extents longer = classes.shapes[i - 1], shorter = classes.shapes[i];
    ASSERT_EQ(sortedShape(longer), sortedShape(shorter));
    std::reverse(longer.begin(), longer.end());
    std::reverse(shorter.begin(), shorter.end());
    ASSERT_GT(longer, shorter);
  }
}

/// Checks that a kernel gets the best boxes that there are.
void checkChoice(const Subject &subject, const std::vector<Table> &tiles,
                 const TileClasses &classes, int64_t maxBoxes) {
  SCOPED_TRACE(testing::Message() << subject << " at most " << maxBoxes << ": "
                                  << classes.summary());
  const auto tileRows = static_cast<int64_t>(largest(tiles));
  if (tileRows == 0) {
    ASSERT_EQ(classes.access, TileAccess::Rows);
    ASSERT_EQ(classes.fullTiles, 0);
    return;
  }
  const Tiling &tiling = subject.tiling;
  Extents line = {tiling.tokens};
  if (tiling.dilation > 1)
    line = {(tiling.tokens + tiling.dilation - 1) / tiling.dilation,
            tiling.dilation};

  int64_t boxRows = 0, served = 0;
  Extents grid = subject.spec.extents;
  for (int64_t rows = tileRows; rows > 0; --rows) {
    const bool isPowerOfTwo = (rows & (rows - 1)) == 0;
    if (tileRows % rows || tileRows / rows > maxBoxes ||
        (rows < tileRows && !isPowerOfTwo))
      continue;
    const int64_t alongLine = bruteServed(tiles, rows, line);
    const int64_t onGrid = bruteServed(tiles, rows, subject.spec.extents);
    const int64_t best = std::max(alongLine, onGrid);
    const bool isFirst = 2 * best >= classes.fullTiles && !boxRows;
    const bool isUniform =
        best == classes.fullTiles && served < classes.fullTiles;
    if (isFirst || isUniform) {
      boxRows = rows;
      served = best;
      grid = alongLine >= onGrid ? line : subject.spec.extents;
    }
  }
  ASSERT_EQ(classes.boxRows, boxRows);
  ASSERT_EQ(classes.fullBoxed, served);
  ASSERT_EQ(classes.grid, grid);
  ASSERT_EQ(classes.access, !boxRows              ? TileAccess::Rows
                            : boxRows == tileRows ? TileAccess::Box
                                                  : TileAccess::BoxList);

  // Without boxes, those of most tiles are the measure.
  if (!boxRows) {
    ASSERT_GE(classes.exception, 0);
    const int64_t alongLine = bruteServed(tiles, tileRows, line);
    if (alongLine > 0 &&
        alongLine >= bruteServed(tiles, tileRows, subject.spec.extents))
      grid = line;
  }
  // Cubic.
  if (classes.exception >= 0 && tileRows <= 32) {
    const Table &tile = tiles[classes.exception];
    ASSERT_EQ(static_cast<int64_t>(tile.size()), tileRows);
    ASSERT_EQ(classes.exceptionBoxes, bruteFewest(tile, grid));
  }

  // No ragged tile of boxes is missed.
  for (size_t t = 0; t < tiles.size() && classes.boxesPerTile; ++t) {
    const Table &tile = tiles[t];
    if (tile.empty() || tile.size() == static_cast<size_t>(tileRows))
      continue;
    bool isBoxed = true;
    for (size_t i = 0; i < tile.size(); i += boxRows) {
      const Table run = part(tile, i, boxRows);
      isBoxed &= std::any_of(classes.shapes.begin(), classes.shapes.end(),
                             [&](const Extents &s) {
                               return walk(run[0], s, grid, run.size()) == run;
                             });
    }
    ASSERT_EQ(classes.accessOf(t), isBoxed ? classes.access : TileAccess::Rows);
  }
}

void checkTiling(const Table &table, const std::vector<Table> &tiles,
                 const Subject &subject) {
  const Tiling &tiling = subject.tiling;
  SCOPED_TRACE(testing::Message() << subject);
  ASSERT_EQ(validate(tiling), std::nullopt);
  ASSERT_EQ(tiling.tiles(), static_cast<int64_t>(tiles.size()));
  ASSERT_EQ(tiling.fullTile(), static_cast<int64_t>(largest(tiles)));
  const std::vector<TokenBounds> bounds = tokenBounds(table.data(), tiling);
  ASSERT_EQ(bounds.size(), tiles.size());
  for (size_t t = 0; t < tiles.size(); ++t) {
    const TileRange range = tiling.range(static_cast<int64_t>(t));
    ASSERT_EQ(range.count, static_cast<int64_t>(tiles[t].size()));
    for (int64_t i = 0; i < range.count; ++i)
      ASSERT_EQ(table[range.first + i * tiling.dilation], tiles[t][i]);
    if (tiles[t].empty()) {
      ASSERT_GT(bounds[t].min, bounds[t].max);
      continue;
    }
    ASSERT_EQ(bounds[t].min,
              *std::min_element(tiles[t].begin(), tiles[t].end()));
    ASSERT_EQ(bounds[t].max,
              *std::max_element(tiles[t].begin(), tiles[t].end()));
  }
}

void checkAll(const Table &table, const Subject &subject, int64_t maxBoxes) {
  const std::vector<Table> tiles = bruteTiles(table, subject.tiling);
  checkTiling(table, tiles, subject);
  const TileClasses classes = classifyTiles(table.data(), subject.spec.extents,
                                            subject.tiling, maxBoxes);
  checkBoxes(subject, tiles, classes);
  checkChoice(subject, tiles, classes, maxBoxes);
}

//===----------------------------------------------------------------------===//
// Anything
//===----------------------------------------------------------------------===//

OrderSpec randomSpec(std::mt19937 &random) {
  const Curve curve = kAllCurves[random() % 4];
  if (random() % 4 == 0)
    return lengthOrder(curve, 1 + random() % 400);
  const size_t rank = 1 + random() % 3;
  Extents extents = randomExtents(random, rank, rank == 1 ? 400 : 40, 400),
          tile;
  // As often extents with many boxes.
  if (random() % 2)
    for (int64_t &extent : extents)
      while (extent & (extent - 1))
        ++extent;
  if (random() % 2)
    for (size_t i = 0; i < rank; ++i)
      tile.push_back(random() % 2 ? int64_t(1) << random() % 4
                                  : 1 + random() % 6);
  return gridOrder(curve, extents, tile);
}

Tiling randomTiling(std::mt19937 &random, int64_t tokens) {
  Tiling tiling = dense(tokens, random() % 2 ? int64_t(1) << random() % 7
                                             : 1 + random() % 40);
  if (random() % 3)
    tiling.segment = 1 + random() % (tokens + tokens / 2);
  if (random() % 3 == 0)
    tiling.segment = tiling.tileSize * (1 + random() % 4);
  if (random() % 2)
    tiling.dilation = 1 + random() % (random() % 4 ? 5 : 2 * tokens);
  tiling.offset = random() % tiling.dilation;
  if (random() % 2)
    tiling.offset.reset();
  return tiling;
}

TEST(Tiles, RandomTilings) {
  std::mt19937 random(11);
  int64_t seen[3] = {0, 0, 0}, mixed = 0, ragged = 0, empty = 0;
  for (int i = 0; i < 12000; ++i) {
    const OrderSpec spec = randomSpec(random);
    const Subject subject = {spec, randomTiling(random, spec.length)};
    Table table = permutation(spec);
    const int64_t maxBoxes = 1 + random() % 6;
    ASSERT_NO_FATAL_FAILURE(checkAll(table, subject, maxBoxes));
    const TileClasses classes =
        classifyTiles(table.data(), spec.extents, subject.tiling, maxBoxes);
    ++seen[static_cast<uint32_t>(classes.access)];
    mixed += !classes.isUniform();
    ragged += classes.raggedBoxed > 0;
    empty += classes.tileRows == 0;
  }
  // All kinds of results occur often.
  EXPECT_GT(seen[0], 1000);
  EXPECT_GT(seen[1], 300);
  EXPECT_GT(seen[2], 1000);
  EXPECT_GT(mixed, 300);
  EXPECT_GT(ragged, 300);
  EXPECT_GT(empty, 30);
}

TEST(Tiles, RandomPermutationsAreRows) {
  std::mt19937 random(12);
  for (int i = 0; i < 300; ++i) {
    const Extents extents = {8 + int64_t(random() % 9),
                             8 + int64_t(random() % 9)};
    const Subject subject = {gridOrder(Curve::Raster, extents),
                             randomTiling(random, product(extents))};
    Table table = permutation(subject.spec);
    std::shuffle(table.begin(), table.end(), random);
    ASSERT_NO_FATAL_FAILURE(checkAll(table, subject, 4));
    // Single tokens are boxes.
    if (subject.tiling.fullTile() < 16 || subject.tiling.tiles() < 3)
      continue;
    const TileClasses classes =
        classifyTiles(table.data(), extents, subject.tiling);
    EXPECT_EQ(classes.access, TileAccess::Rows) << subject;
    EXPECT_FALSE(classes.isUniform() && classes.exception < 0) << subject;
  }
}

//===----------------------------------------------------------------------===//
// Guarantees
//===----------------------------------------------------------------------===//

/// All power-of-two grids of a rank with at most `maxTokens` tokens.
std::vector<Extents> powerOfTwoGrids(size_t rank, int64_t maxTokens) {
  std::vector<Extents> grids = {{}};
  for (size_t axis = 0; axis < rank; ++axis) {
    std::vector<Extents> longer;
    for (const Extents &grid : grids) {
      for (int64_t extent = 1; product(grid) * extent <= maxTokens;
           extent *= 2) {
        longer.push_back(grid);
        longer.back().push_back(extent);
      }
    }
    grids = std::move(longer);
  }
  return grids;
}

TEST(Tiles, PowerOfTwoGridsAreBoxes) {
  int64_t tilings = 0;
  for (Curve curve : kAllCurves) {
    for (size_t rank = 1; rank <= 3; ++rank) {
      for (const Extents &extents : powerOfTwoGrids(rank, 1 << 10)) {
        const OrderSpec spec = gridOrder(curve, extents);
        const Table table = permutation(spec);
        for (int64_t tileSize = 1; tileSize <= kMaxTileSize; tileSize *= 2) {
          for (int64_t multiple : {0, 1, 2, 3, 5}) {
            Subject subject = {spec, dense(spec.length, tileSize)};
            if (multiple)
              subject.tiling.segment = multiple * tileSize;
            const TileClasses classes =
                classifyTiles(table.data(), extents, subject.tiling);
            ASSERT_EQ(classes.access, TileAccess::Box) << subject;
            ASSERT_TRUE(classes.isUniform()) << subject;
            ASSERT_FALSE(classes.needsTable()) << subject;
            ASSERT_EQ(classes.raggedTiles, 0) << subject;
            ASSERT_NO_FATAL_FAILURE(checkBoxes(
                subject, bruteTiles(table, subject.tiling), classes));
            ++tilings;
          }
        }
      }
    }
  }
  EXPECT_EQ(tilings, 79860);
}

TEST(Tiles, FullTilesOfTiledOrdersAreBoxes) {
  std::mt19937 random(13);
  int64_t tilings = 0;
  for (int i = 0; i < 1500; ++i) {
    const size_t rank = 1 + random() % 3;
    Extents tile, extents;
    for (size_t axis = 0; axis < rank; ++axis) {
      tile.push_back(int64_t(1) << random() % 4);
      extents.push_back(tile.back() + random() % (rank == 3 ? 20 : 60));
    }
    const OrderSpec spec = gridOrder(kAllCurves[random() % 4], extents, tile);
    int64_t inTiles = 1;
    for (size_t axis = 0; axis < rank; ++axis)
      inTiles *= extents[axis] / tile[axis] * tile[axis];
    const Table table = permutation(spec);
    for (int64_t tileSize = product(tile); tileSize > 0; tileSize /= 2) {
      Subject subject = {spec, dense(spec.length, tileSize)};
      subject.tiling.segment =
          random() % 2 ? kMaxTokens : tileSize * (1 + random() % 5);
      // Fewer are not worth it.
      if (2 * inTiles < spec.length)
        continue;
      const TileClasses classes =
          classifyTiles(table.data(), extents, subject.tiling);
      ASSERT_NO_FATAL_FAILURE(
          checkBoxes(subject, bruteTiles(table, subject.tiling), classes));
      ASSERT_NE(classes.access, TileAccess::Rows) << subject;
      int64_t position = 0;
      for (int64_t t = 0; t < subject.tiling.tiles(); ++t) {
        const int64_t count = subject.tiling.range(t).count;
        position += count;
        if (position > inTiles || !count)
          break;
        ASSERT_EQ(classes.accessOf(t), classes.access)
            << subject << ": tile " << t << ", " << classes.summary();
      }
      ++tilings;
    }
  }
  EXPECT_GT(tilings, 5000);
}

TEST(Tiles, RasterIsALine) {
  // Whatever the grid, the segments and the dilation: ragged tiles too.
  std::mt19937 random(14);
  for (int i = 0; i < 3000; ++i) {
    const Extents extents = randomExtents(random, 1 + random() % 3, 60, 2000);
    const OrderSpec spec = gridOrder(Curve::Raster, extents);
    const Subject subject = {spec, randomTiling(random, spec.length)};
    const Table table = permutation(spec);
    const TileClasses classes =
        classifyTiles(table.data(), extents, subject.tiling);
    ASSERT_NO_FATAL_FAILURE(
        checkBoxes(subject, bruteTiles(table, subject.tiling), classes));
    if (!classes.tileRows)
      continue;
    ASSERT_EQ(classes.access, TileAccess::Box) << subject;
    ASSERT_FALSE(classes.needsTable()) << subject;
    ASSERT_EQ(classes.shapes.size(), 1u) << subject;
    const Extents line = subject.tiling.dilation == 1
                             ? Extents{classes.tileRows}
                             : Extents{classes.tileRows, 1};
    ASSERT_EQ(classes.shapes[0], line) << subject;
  }
}

TEST(Tiles, SnakeRunsWithinRowsOrOverWholeRows) {
  for (int64_t height = 1; height <= 20; ++height) {
    for (int64_t width = 1; width <= 40; ++width) {
      const OrderSpec spec = gridOrder(Curve::Snake, {height, width});
      const Table table = permutation(spec);
      for (int64_t tileSize = 1; tileSize <= 80; ++tileSize) {
        if (width % tileSize && tileSize % width)
          continue;
        const TileClasses classes = classifyTiles(table.data(), spec.extents,
                                                  dense(spec.length, tileSize));
        ASSERT_EQ(classes.access, TileAccess::Box) << spec << tileSize;
        ASSERT_FALSE(classes.needsTable()) << spec << tileSize;
      }
    }
  }
}

TEST(Tiles, MortonBlocks) {
  // Of grids whose extents are multiples of the block's.
  for (int bits = 0; bits <= 8; ++bits) {
    const int64_t tileSize = int64_t(1) << bits;
    const int64_t rows = int64_t(1) << bits / 2, columns = tileSize / rows;
    for (int64_t height = 1; height <= 12; ++height) {
      for (int64_t width = 1; width <= 6; ++width) {
        const OrderSpec spec =
            gridOrder(Curve::Morton, {rows * height, columns * width});
        const Table table = permutation(spec);
        const TileClasses classes = classifyTiles(table.data(), spec.extents,
                                                  dense(spec.length, tileSize));
        ASSERT_EQ(classes.access, TileAccess::Box) << spec << tileSize;
        ASSERT_FALSE(classes.needsTable()) << spec << tileSize;
      }
    }
  }
}

TEST(Tiles, TwoBlocksOfAHilbertCubeAreABox) {
  // Aligned runs of 4^j (8^j) positions are squares (cubes), and consecutive
  // ones are neighbours: segments need not be multiples of a tile of two.
  for (int64_t rank = 2; rank <= 3; ++rank) {
    for (int64_t side = 2; side <= (rank == 2 ? 64 : 16); side *= 2) {
      const OrderSpec spec = gridOrder(Curve::Hilbert, Extents(rank, side));
      const Table table = permutation(spec);
      for (int64_t block = 1; 2 * block <= spec.length && 2 * block <= 512;
           block <<= rank) {
        for (int64_t multiple = 2; multiple <= 9; ++multiple) {
          Subject subject = {spec, dense(spec.length, 2 * block)};
          subject.tiling.segment = multiple * block;
          const TileClasses classes =
              classifyTiles(table.data(), spec.extents, subject.tiling);
          ASSERT_EQ(classes.access, TileAccess::Box) << subject;
          ASSERT_TRUE(classes.isUniform()) << subject;
          ASSERT_NO_FATAL_FAILURE(
              checkBoxes(subject, bruteTiles(table, subject.tiling), classes));
        }
      }
    }
  }
}

//===----------------------------------------------------------------------===//
// Examples
//===----------------------------------------------------------------------===//

std::string summaryOf(const OrderSpec &spec, const Tiling &tiling) {
  const Table table = permutation(spec);
  return classifyTiles(table.data(), spec.extents, tiling).summary();
}

std::string summaryOf(const OrderSpec &spec, int64_t tileSize = 128) {
  return summaryOf(spec, dense(spec.length, tileSize));
}

TEST(Tiles, Summaries) {
  // Quoted in docs/tiles.md.
  const auto hilbert = [](Extents extents, Extents tile = {}) {
    return gridOrder(Curve::Hilbert, std::move(extents), std::move(tile));
  };
  EXPECT_EQ(summaryOf(hilbert({128, 128})),
            "128 tiles of 128 tokens: box 8x16 (2 orientations)");
  EXPECT_EQ(summaryOf(hilbert({16, 64, 64})),
            "512 tiles of 128 tokens: box 4x4x8 (3 orientations)");
  EXPECT_EQ(summaryOf(hilbert({96, 96})),
            "72 tiles of 128 tokens: rows (tile 0 needs 3 boxes)");
  EXPECT_EQ(summaryOf(hilbert({96, 96}, {8, 16})),
            "72 tiles of 128 tokens: box 8x16");
  EXPECT_EQ(summaryOf(hilbert({45, 80})),
            "28 tiles of 128 tokens: rows (tile 0 needs 2 boxes); 1 ragged "
            "tile by rows");
  EXPECT_EQ(summaryOf(hilbert({45, 80}, {8, 16})),
            "28 tiles of 128 tokens: box 8x16, but 3 by rows (tile 25 needs 2 "
            "boxes); 1 ragged tile by rows");
  EXPECT_EQ(summaryOf(hilbert({80, 45})),
            "28 tiles of 128 tokens: rows (tile 0 needs 2 boxes); 1 ragged "
            "tile by rows");
  EXPECT_EQ(summaryOf(hilbert({80, 45}, {8, 16})),
            "28 tiles of 128 tokens: box 8x16, but 8 by rows (tile 20 needs 3 "
            "boxes); 1 ragged tile by rows");
  EXPECT_EQ(summaryOf(hilbert({80, 45}, {16, 8})),
            "28 tiles of 128 tokens: box 16x8, but 3 by rows (tile 25 needs 2 "
            "boxes); 1 ragged tile by rows");
  EXPECT_EQ(summaryOf(hilbert({56, 56})),
            "24 tiles of 128 tokens: rows (tile 0 needs 3 boxes); 1 ragged "
            "tile by rows");
  EXPECT_EQ(summaryOf(hilbert({56, 56}, {8, 16})),
            "24 tiles of 128 tokens: box 8x16 (2 orientations); 1 ragged tile");
  EXPECT_EQ(summaryOf(hilbert({14, 14})),
            "1 tile of 128 tokens: rows (tile 0 needs 3 boxes); 1 ragged tile "
            "by rows");
  EXPECT_EQ(summaryOf(hilbert({14, 14}, {8, 16})),
            "1 tile of 128 tokens: rows (tile 0 needs 2 boxes); 1 ragged tile "
            "by rows");
  EXPECT_EQ(summaryOf(hilbert({14, 14}), 256), "1 tile of 196 tokens: box 196");
  EXPECT_EQ(summaryOf(hilbert({1024, 768})),
            "6144 tiles of 128 tokens: rows (tile 0 needs 3 boxes)");
  EXPECT_EQ(summaryOf(hilbert({1024, 768}, {8, 16})),
            "6144 tiles of 128 tokens: box 8x16");
  EXPECT_EQ(summaryOf(hilbert({33, 90, 160}, {4, 4, 8})),
            "3712 tiles of 128 tokens: box 4x4x8, but 192 by rows (tile 3520 "
            "is a box of another shape); 1 ragged tile by rows");
  EXPECT_EQ(summaryOf(gridOrder(Curve::Snake, {96, 96})),
            "72 tiles of 128 tokens: 4 boxes 32");
  EXPECT_EQ(summaryOf(gridOrder(Curve::Raster, {45, 80})),
            "28 tiles of 128 tokens: box 128; 1 ragged tile");
  EXPECT_EQ(summaryOf(gridOrder(Curve::Morton, {56, 56})),
            "24 tiles of 128 tokens: box 8x16 (2 orientations); 1 ragged tile");

  // Dilation: every residue.
  Tiling tiling = dense(4096, 128);
  tiling.dilation = 4;
  tiling.offset.reset();
  EXPECT_EQ(summaryOf(gridOrder(Curve::Raster, {4096}), tiling),
            "32 tiles of 128 tokens: box 128x1");
  EXPECT_EQ(summaryOf(hilbert({64, 64}), tiling),
            "32 tiles of 128 tokens: rows (tile 0 needs 128 boxes)");

  // Segments that are no multiples of a tile.
  tiling = dense(3136, 128);
  tiling.segment = 192;
  EXPECT_EQ(summaryOf(hilbert({56, 56}, {8, 16}), tiling),
            "16 tiles of 128 tokens: 2 boxes 8x8; 17 ragged tiles");
  tiling = dense(4096, 128);
  tiling.segment = 192;
  EXPECT_EQ(
      summaryOf(hilbert({64, 64}), tiling),
      "21 tiles of 128 tokens: box 8x16 (2 orientations); 22 ragged tiles");
  tiling.segment = 240;
  EXPECT_EQ(
      summaryOf(hilbert({64, 64}), tiling),
      "17 tiles of 128 tokens: 4 boxes 4x8 (2 orientations); 18 ragged tiles");
  EXPECT_EQ(summaryOf(gridOrder(Curve::Snake, {64, 64}), tiling),
            "17 tiles of 128 tokens: box 128, but 6 by rows (tile 2 needs 3 "
            "boxes); 18 ragged tiles, 9 by rows");
}

TEST(Tiles, WindowsAreWholeBoxes) {
  // 7x7 windows: segments shorter than a tile.
  const OrderSpec spec = gridOrder(Curve::Hilbert, {56, 56}, {7, 7});
  Tiling tiling = dense(spec.length, 64);
  tiling.segment = 49;
  const Table table = permutation(spec);
  const TileClasses classes = classifyTiles(table.data(), {56, 56}, tiling);
  EXPECT_EQ(classes.access, TileAccess::Box);
  EXPECT_EQ(classes.tileRows, 49);
  EXPECT_EQ(classes.shapes, (std::vector<Extents>{{7, 7}}));
  EXPECT_EQ(classes.boxes.size(), 64u);
  EXPECT_EQ(classes.boxes[0], (BoxEntry{0, 0}));
}

TEST(Tiles, Names) {
  EXPECT_EQ(tileAccessName(TileAccess::Box), "box");
  EXPECT_EQ(tileAccessName(TileAccess::BoxList), "box list");
  EXPECT_EQ(tileAccessName(TileAccess::Rows), "rows");
}

TEST(Tiles, Messages) {
  const auto message = [](auto change) {
    Tiling tiling = dense(100, 16);
    change(tiling);
    return validate(tiling).value_or("");
  };
  EXPECT_EQ(message([](Tiling &) {}), "");
  EXPECT_EQ(message([](Tiling &t) { t.segment = INT64_MAX; }), "");
  EXPECT_EQ(message([](Tiling &t) { t.tokens = 0; }),
            "tokens must be 1 to 2147483647, but is 0");
  EXPECT_EQ(message([](Tiling &t) { t.dilation = 0; }),
            "dilation must be 1 to 2147483647, but is 0");
  EXPECT_EQ(message([](Tiling &t) { t.offset = 1; }),
            "offset must be 0 to 0, but is 1");
  EXPECT_EQ(message([](Tiling &t) { t.tileSize = 1025; }),
            "tile size must be 1 to 1024, but is 1025");
  EXPECT_EQ(message([](Tiling &t) { t.segment = 0; }),
            "segment must be positive, but is 0");
}

TEST(Tiles, HugeTilings) {
  // Bounds of the fields, not of the tokens.
  Tiling tiling = dense(100, kMaxTileSize);
  tiling.segment = INT64_MAX;
  tiling.dilation = kMaxTokens;
  tiling.offset.reset();
  EXPECT_EQ(summaryOf(gridOrder(Curve::Hilbert, {10, 10}), tiling),
            "100 tiles of 1 token: box 1x1");
  tiling.offset = kMaxTokens - 1;
  EXPECT_EQ(tiling.tiles(), 0);
  EXPECT_EQ(summaryOf(gridOrder(Curve::Hilbert, {10, 10}), tiling),
            "0 tiles of 0 tokens: rows");
}

} // namespace
