//===- Order.cpp - Token orders along space-filling curves ----------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Curve/Order.h"

#include "Generators.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

using namespace hilbert::curve;
using namespace hilbert::curve::detail;

//===----------------------------------------------------------------------===//
// Names and specs
//===----------------------------------------------------------------------===//

static constexpr Curve kCurves[] = {Curve::Raster, Curve::Snake, Curve::Morton,
                                    Curve::Hilbert};

std::string_view hilbert::curve::curveName(Curve curve) {
  switch (curve) {
  case Curve::Raster:
    return "raster";
  case Curve::Snake:
    return "snake";
  case Curve::Morton:
    return "morton";
  case Curve::Hilbert:
    return "hilbert";
  }
  return "unknown";
}

std::optional<Curve> hilbert::curve::curveByName(std::string_view name) {
  for (Curve curve : kCurves)
    if (name == curveName(curve))
      return curve;
  return std::nullopt;
}

OrderSpec hilbert::curve::gridOrder(Curve curve, std::vector<int64_t> extents,
                                    std::vector<int64_t> tile) {
  // Unsigned, so that extents that are not valid wrap around.
  uint64_t length = 1;
  for (int64_t extent : extents)
    length *= static_cast<uint64_t>(extent);
  return {curve, std::move(extents), std::move(tile),
          static_cast<int64_t>(length)};
}

/// The largest r with r * r <= n, for 0 <= n <= 2^52.
static int64_t floorSqrt(int64_t n) {
  auto root = static_cast<int64_t>(std::sqrt(static_cast<double>(n)));
  while (root * root > n)
    --root;
  while ((root + 1) * (root + 1) <= n)
    ++root;
  return root;
}

std::vector<int64_t> hilbert::curve::gridForLength(int64_t length) {
  assert(length >= 1 && length <= kMaxTokens && "no grid for this length");
  // The first divisor from the root down is the height of the most nearly
  // square grid; of a power of two, it is one itself.
  const int64_t root = floorSqrt(length);
  for (int64_t height = root; 2 * height * height >= length; --height)
    if (length % height == 0)
      return {height, length / height};
  const int64_t width = root * root == length ? root : root + 1;
  return {(length + width - 1) / width, width};
}

OrderSpec hilbert::curve::lengthOrder(Curve curve, int64_t length,
                                      std::vector<int64_t> tile) {
  // A length that is out of range is left to validate.
  if (length < 1 || length > kMaxTokens)
    return {curve, {1, 1}, std::move(tile), length};
  return {curve, gridForLength(length), std::move(tile), length};
}

//===----------------------------------------------------------------------===//
// Validation
//===----------------------------------------------------------------------===//

/// "3 x 4 x 5".
static std::string product(const std::vector<int64_t> &factors) {
  std::string text;
  for (int64_t factor : factors)
    text += (text.empty() ? "" : " x ") + std::to_string(factor);
  return text;
}

/// The message about the first of some sizes that is not in 1..kMaxTokens.
static std::optional<std::string>
validateSizes(const char *sizes, const char *size,
              const std::vector<int64_t> &values) {
  for (size_t i = 0; i < values.size(); ++i) {
    const std::string value = std::string(", but ") + size + " " +
                              std::to_string(i) + " is " +
                              std::to_string(values[i]);
    if (values[i] <= 0)
      return std::string(sizes) + " must be positive" + value;
    if (values[i] > kMaxTokens)
      return std::string(sizes) + " must be at most " +
             std::to_string(kMaxTokens) + value;
  }
  return std::nullopt;
}

std::optional<std::string> hilbert::curve::validate(const OrderSpec &spec) {
  if (std::find(std::begin(kCurves), std::end(kCurves), spec.curve) ==
      std::end(kCurves))
    return "curve must be raster, snake, morton or hilbert (0 to 3), but is " +
           std::to_string(static_cast<uint32_t>(spec.curve));

  const auto rank = static_cast<int64_t>(spec.extents.size());
  if (rank < 1 || rank > kMaxRank)
    return "rank must be 1 to " + std::to_string(kMaxRank) + ", but is " +
           std::to_string(rank);
  if (auto message = validateSizes("extents", "extent", spec.extents))
    return message;
  if (!spec.tile.empty() && spec.tile.size() != spec.extents.size())
    return "tile must have one size per extent, " + std::to_string(rank) +
           ", but has " + std::to_string(spec.tile.size());
  if (auto message = validateSizes("tile sizes", "size", spec.tile))
    return message;

  // At most 2^31 times at most 2^31: cannot overflow.
  int64_t tokens = 1;
  for (int64_t extent : spec.extents) {
    tokens *= extent;
    if (tokens > kMaxTokens)
      return "the product of the extents must be at most " +
             std::to_string(kMaxTokens) + ", but is " + product(spec.extents);
  }
  if (spec.length < 1 || spec.length > tokens)
    return "length must be 1 to " + std::to_string(tokens) +
           " (the product of the extents), but is " +
           std::to_string(spec.length);
  if (!spec.tile.empty() && spec.length != tokens)
    return "length must be " + std::to_string(tokens) +
           " (the product of the extents) where a tile is given, but is " +
           std::to_string(spec.length);
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

Grid detail::rowMajorGrid(const std::vector<int64_t> &extents) {
  Grid grid;
  int64_t stride = 1;
  for (size_t i = extents.size(), axis = 3; i-- > 0;) {
    --axis;
    grid.extent[axis] = extents[i];
    grid.stride[axis] = stride;
    // Tile sizes have a product that need not fit, and no use for it.
    stride = stride > kMaxTokens ? stride : stride * extents[i];
  }
  return grid;
}

int32_t *detail::writeCurve(Curve curve, const Grid &grid, int64_t length,
                            int32_t *out) {
  switch (curve) {
  case Curve::Raster:
    return writeRaster(grid, length, out);
  case Curve::Snake:
    return writeSnake(grid, length, out);
  case Curve::Morton:
    return writeMorton(grid, length, out);
  case Curve::Hilbert:
    return writeHilbert(grid, length, out);
  }
  return out;
}

/// Whether the tiles of a raster order follow each other in memory.
static bool isIdentityTiledRaster(const OrderSpec &spec) {
  // A tile is a run of consecutive tokens if it is one cell thick up to some
  // axis and as wide as the grid after it.
  const size_t rank = spec.extents.size();
  size_t axis = 0;
  while (axis < rank && (spec.tile[axis] == 1 || spec.extents[axis] == 1))
    ++axis;
  for (size_t i = axis + 1; i < rank; ++i)
    if (spec.tile[i] < spec.extents[i])
      return false;

  // Such tiles are numbered in row-major order unless clipped ones, which come
  // last, alternate with full ones.
  bool allClipped = false, someClipped = false, isFirst = true;
  for (size_t i = 0; i < rank; ++i) {
    allClipped |= spec.tile[i] > spec.extents[i];
    someClipped |= spec.extents[i] % spec.tile[i] != 0;
    isFirst &= i >= axis || spec.extents[i] == 1;
  }
  return allClipped || !someClipped || isFirst;
}

bool hilbert::curve::isIdentity(const OrderSpec &spec) {
  if (spec.curve == Curve::Raster)
    return spec.tile.empty() || isIdentityTiledRaster(spec);

  // All curves follow a grid with a single axis.
  size_t axes = 0;
  for (int64_t extent : spec.extents)
    axes += extent > 1;
  if (axes > 1)
    return false;
  // So do tiles, thicker ones than the grid too: snake, Morton and the Hilbert
  // curve in 2-D visit the cells on each axis through the origin from one end
  // to the other. In 3-D, the Hilbert curve need not.
  size_t tileAxes = 0;
  for (int64_t size : spec.tile)
    tileAxes += size > 1;
  return spec.curve != Curve::Hilbert || tileAxes < 3;
}

void hilbert::curve::permutation(const OrderSpec &spec, int32_t *out) {
  assert(!validate(spec) && "the order is not valid");
  int32_t *end = out + spec.length;
  if (isIdentity(spec)) {
    std::iota(out, end, 0);
    return;
  }
  int32_t *written =
      spec.tile.empty()
          ? writeCurve(spec.curve, rowMajorGrid(spec.extents), spec.length, out)
          : writeTiled(spec, out);
  assert(written == end && "a curve visits every cell once");
  (void)written;
}

std::vector<int32_t> hilbert::curve::permutation(const OrderSpec &spec) {
  std::vector<int32_t> table(static_cast<size_t>(spec.length));
  permutation(spec, table.data());
  return table;
}

void hilbert::curve::inversePermutation(const OrderSpec &spec, int32_t *out) {
  if (isIdentity(spec)) {
    std::iota(out, out + spec.length, 0);
    return;
  }
  const std::vector<int32_t> table = permutation(spec);
  invert(table.data(), spec.length, out);
}

std::vector<int32_t> hilbert::curve::inversePermutation(const OrderSpec &spec) {
  std::vector<int32_t> table(static_cast<size_t>(spec.length));
  inversePermutation(spec, table.data());
  return table;
}

void hilbert::curve::invert(const int32_t *permutation, int64_t n,
                            int32_t *out) {
  for (int64_t p = 0; p < n; ++p)
    out[permutation[p]] = static_cast<int32_t>(p);
}
