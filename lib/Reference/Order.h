//===- Order.h - Orders with their entries known ----------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_LIB_REFERENCE_ORDER_H
#define HILBERT_LIB_REFERENCE_ORDER_H

#include <cstdint>
#include <vector>

namespace hilbert::reference {

/// An order of `length` tokens: the token of every position, for all batch
/// items or for each.
struct Order {
  std::vector<int32_t> entries;
  int64_t length = 0;
  bool perItem = false;

  const int32_t *of(int64_t item) const {
    return entries.data() + (perItem ? item * length : 0);
  }
};

} // namespace hilbert::reference

#endif // HILBERT_LIB_REFERENCE_ORDER_H
