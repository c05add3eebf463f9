//===- Order.h - Token orders along space-filling curves --------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An order is a permutation pi of the tokens 0..N-1 of a 1-, 2- or 3-D grid in
// row-major numbering: the token at curve position p is pi(p). This library is
// plain C++17 (no LLVM, no MLIR): the compiler, the runtime and the language
// bindings share it.
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_CURVE_ORDER_H
#define HILBERT_CURVE_ORDER_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hilbert::curve {

/// The space-filling curves.
enum class Curve : uint32_t {
  /// Row-major: the identity.
  Raster = 0,
  /// Boustrophedon: every other row (and, in 3-D, plane) runs backwards, so
  /// that consecutive tokens are always grid neighbours.
  Snake = 1,
  /// Z-order: bit-interleaved coordinates (last axis in the lowest bit) over
  /// the enclosing power-of-two grid; missing cells are skipped.
  Morton = 2,
  /// The generalised Hilbert curve: any extents, 1 to 3 dimensions. In 2-D,
  /// consecutive tokens are grid neighbours, except that one step is a diagonal
  /// one if the longer extent is odd and the shorter one even; in 3-D, they are
  /// if all extents are even, and a few steps are diagonal ones otherwise. If
  /// all extents are powers of two, every aligned run of 2^m positions is a
  /// box. The curve starts at token 0 and runs along the longest axis (the last
  /// one of equally long ones), at whose end it ends if parity permits.
  Hilbert = 3,
};

/// "raster", "snake", "morton" or "hilbert".
std::string_view curveName(Curve curve);
/// The inverse of curveName; nullopt for any other name.
std::optional<Curve> curveByName(std::string_view name);

/// The largest number of tokens of an order: tables are int32.
constexpr int64_t kMaxTokens = INT32_MAX;
/// The largest rank of a grid.
constexpr int64_t kMaxRank = 3;

/// A static order. `extents` is the grid, slowest axis first ([H, W] or
/// [T, H, W]). With a non-empty `tile` (same rank) the order is tiled: full
/// tiles first, along `curve` over the grid of full tiles; then the clipped
/// tiles in row-major order; inside every tile the same curve over a full
/// tile, in one fixed orientation, of which a clipped tile keeps the cells
/// that exist. Cells whose row-major index is >= `length` are left out.
struct OrderSpec {
  Curve curve = Curve::Raster;
  std::vector<int64_t> extents;
  std::vector<int64_t> tile;
  int64_t length = 0;

  bool operator==(const OrderSpec &other) const {
    return curve == other.curve && extents == other.extents &&
           tile == other.tile && length == other.length;
  }
};

/// A spec over a whole grid (length = product of the extents). The result is
/// not validated.
OrderSpec gridOrder(Curve curve, std::vector<int64_t> extents,
                    std::vector<int64_t> tile = {});

/// The grid of a bare length n >= 1: [h, w] with h * w = n and h <= w <= 2h if
/// such a grid exists (one whose sides are both powers of two if there is one,
/// else the most nearly square); otherwise a grid ceil(sqrt(n)) wide and
/// ceil(n / width) high, of which the cells >= n are to be left out.
std::vector<int64_t> gridForLength(int64_t length);

/// The order of a bare length n: gridForLength(n) with `length` = n.
OrderSpec lengthOrder(Curve curve, int64_t length,
                      std::vector<int64_t> tile = {});

/// Checks the curve, rank 1..3, extents and tile sizes in 1..kMaxTokens (a tile
/// may be larger than the grid), equal ranks, a product of the extents of at
/// most kMaxTokens, 1 <= length <= product, length = product where a tile is
/// given. Returns nullopt if the spec is valid, else a
/// message that names the constraint and the value, for example "extents must
/// be positive, but extent 1 is 0" (lower case, no trailing period).
std::optional<std::string> validate(const OrderSpec &spec);

/// True if the order is the identity whatever the extents say: raster without a
/// tile, and any curve or tiling that degenerates to it (for example a 1-D
/// grid). Cheap: never builds the table. May return false for an order that
/// happens to be the identity. The spec must be valid.
bool isIdentity(const OrderSpec &spec);

/// Writes the order: out[p] = token at position p, for spec.length positions.
/// Needs no memory besides the table. The spec must be valid.
void permutation(const OrderSpec &spec, int32_t *out);
std::vector<int32_t> permutation(const OrderSpec &spec);

/// Writes the inverse: out[t] = position of token t. The spec must be valid.
void inversePermutation(const OrderSpec &spec, int32_t *out);
std::vector<int32_t> inversePermutation(const OrderSpec &spec);

/// Inverts a table that is known to be a permutation of 0..n-1.
void invert(const int32_t *permutation, int64_t n, int32_t *out);

/// Checks a runtime order: every entry in 0..n-1, each once. Returns nullopt,
/// or a message such as "order must be a permutation of 0..7, but entry 3 is
/// 9" / "..., but 5 occurs twice (entries 1 and 4)".
std::optional<std::string> validatePermutation(const int32_t *permutation,
                                               int64_t n);

/// An axis-aligned box of grid cells. Axes as in the extents of the grid; those
/// that it lacks are the last ones.
struct Box {
  int64_t origin[kMaxRank] = {0, 0, 0};
  int64_t size[kMaxRank] = {1, 1, 1};
};

/// The box that the `count` tokens of `tokens` fill exactly (each cell once),
/// or nullopt if they do not fill one. `extents` is the grid of the tokens.
std::optional<Box> boxOf(const int32_t *tokens, int64_t count,
                         const std::vector<int64_t> &extents);

} // namespace hilbert::curve

#endif // HILBERT_CURVE_ORDER_H
