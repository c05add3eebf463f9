//===- Order.cpp - Orders of the C API ------------------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert-c/Order.h"

#include "Error.h"
#include "Orders.h"

#include "hilbert-runtime/HostABI.h"
#include "hilbert-runtime/ThreadPool.h"

#include <cstdlib>

using namespace hilbert;
using llvm::StringRef;
using llvm::Twine;

HilbertStatus hilbert::resolveOrder(StringRef name,
                                    const HilbertOrderSpec &spec,
                                    int64_t tokens, curve::OrderSpec &order) {
  HilbertOrderSpec resolved;
  if (HilbertStatus status = hilbertOrderResolve(&spec, &resolved))
    return fail(status, name + ": " + hilbertGetErrorMessage());
  if (resolved.length != tokens)
    return fail(HILBERT_INVALID_ARGUMENT,
                name + " must have as many tokens as its tensor, " +
                    Twine(tokens) + ", but has " + Twine(resolved.length));
  order = {static_cast<curve::Curve>(resolved.curve),
           {resolved.extents, resolved.extents + resolved.rank},
           {},
           resolved.length};
  if (resolved.tile[0])
    order.tile.assign(resolved.tile, resolved.tile + resolved.rank);
  return HILBERT_OK;
}

bool hilbert::checksOrders() {
  const char *setting = std::getenv("HILBERT_CHECK_ORDERS");
  return setting && StringRef(setting) == "1";
}

HilbertStatus hilbert::checkEntries(StringRef name, const int32_t *entries,
                                    int64_t rows, int64_t tokens, bool isFull) {
  for (int64_t row = 0; row < rows; ++row, entries += tokens) {
    uint32_t largest = 0;
    for (int64_t i = 0; i < tokens; ++i)
      largest = std::max(largest, static_cast<uint32_t>(entries[i]));
    if (tokens == 0 || (largest < tokens && !isFull))
      continue;
    if (auto message = curve::validatePermutation(entries, tokens))
      return fail(HILBERT_INVALID_ARGUMENT,
                  name + (rows > 1 ? "'s row " + Twine(row) : Twine("")) +
                      ": " + *message);
  }
  return HILBERT_OK;
}

HilbertStatus hilbertOrderResolve(const HilbertOrderSpec *spec,
                                  HilbertOrderSpec *resolved) {
  if (!spec || !resolved)
    return fail(HILBERT_INVALID_ARGUMENT, "spec and resolved must not be null");
  if (spec->rank < 0 || spec->rank > curve::kMaxRank)
    return fail(HILBERT_INVALID_ARGUMENT,
                "rank must be 0 to 3, but is " + llvm::Twine(spec->rank));
  bool isTiled = llvm::any_of(spec->tile, [](int64_t t) { return t != 0; });
  curve::OrderSpec order;
  order.curve = static_cast<curve::Curve>(spec->curve);
  if (spec->rank == 0) {
    if (spec->length < 1 || spec->length > curve::kMaxTokens)
      return fail(HILBERT_INVALID_ARGUMENT,
                  "length must be 1 to " + llvm::Twine(curve::kMaxTokens) +
                      ", but is " + llvm::Twine(spec->length));
    order.extents = curve::gridForLength(spec->length);
  } else {
    order.extents.assign(spec->extents, spec->extents + spec->rank);
  }
  if (isTiled)
    order.tile.assign(spec->tile, spec->tile + order.extents.size());
  order.length = spec->length;
  if (order.length == 0)
    // A product that overflows is what validate rejects.
    order.length = curve::gridOrder(order.curve, order.extents).length;
  if (auto message = curve::validate(order))
    return fail(HILBERT_INVALID_ARGUMENT, *message);
  HilbertOrderSpec result = {
      spec->curve, int32_t(order.extents.size()), {}, {}, order.length};
  llvm::copy(order.extents, result.extents);
  llvm::copy(order.tile, result.tile);
  *resolved = result;
  return HILBERT_OK;
}

HilbertStatus hilbertOrderGetTable(const HilbertOrderSpec *spec,
                                   const int32_t **table, int64_t *length) {
  if (!table || !length)
    return fail(HILBERT_INVALID_ARGUMENT, "table and length must not be null");
  HilbertOrderSpec order;
  if (HilbertStatus status = hilbertOrderResolve(spec, &order))
    return status;
  const int32_t *entries =
      hilbert_rt_order(order.curve, order.rank, order.extents[0],
                       order.extents[1], order.extents[2], order.tile[0],
                       order.tile[1], order.tile[2], order.length);
  if (!entries)
    return fail(HILBERT_OUT_OF_MEMORY, *rt::takeFailure());
  *table = entries;
  *length = order.length;
  return HILBERT_OK;
}

HilbertStatus hilbertOrderInvert(const int32_t *table, int64_t length,
                                 int32_t *inverse) {
  if (length < 0 || length > curve::kMaxTokens)
    return fail(HILBERT_INVALID_ARGUMENT,
                "length must be 0 to " + llvm::Twine(curve::kMaxTokens) +
                    ", but is " + llvm::Twine(length));
  if (length == 0)
    return HILBERT_OK;
  if (!table || !inverse)
    return fail(HILBERT_INVALID_ARGUMENT, "table and inverse must not be null");
  if (auto message = curve::validatePermutation(table, length))
    return fail(HILBERT_INVALID_ARGUMENT, *message);
  curve::invert(table, length, inverse);
  return HILBERT_OK;
}
