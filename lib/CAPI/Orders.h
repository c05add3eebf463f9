//===- Orders.h - Orders of an attention ------------------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_LIB_CAPI_ORDERS_H
#define HILBERT_LIB_CAPI_ORDERS_H

#include "hilbert-c/Attention.h"
#include "hilbert/Curve/Order.h"

#include "llvm/ADT/StringRef.h"

namespace hilbert {

/// A static order of `tokens` tokens; `name` is what errors call it.
HilbertStatus resolveOrder(llvm::StringRef name, const HilbertOrderSpec &spec,
                           int64_t tokens, curve::OrderSpec &order);

/// Whether the environment asks for tables to be checked in full.
bool checksOrders();

/// Each of `rows` rows of a table must be a permutation of 0..tokens-1; if not
/// `isFull` only entries outside are told.
HilbertStatus checkEntries(llvm::StringRef name, const int32_t *entries,
                           int64_t rows, int64_t tokens, bool isFull);

} // namespace hilbert

#endif // HILBERT_LIB_CAPI_ORDERS_H
