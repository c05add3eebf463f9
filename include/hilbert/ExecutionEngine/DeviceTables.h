//===- DeviceTables.h - The tables that GPU kernels read --------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_EXECUTIONENGINE_DEVICETABLES_H
#define HILBERT_EXECUTIONENGINE_DEVICETABLES_H

#include "hilbert/Curve/Order.h"

#include <memory>
#include <string>

namespace hilbert {

/// Where the tiles of an order are, as hilbert_gpu.box_rows reads it.
struct DeviceBoxes {
  /// For each tile: the token at its origin, log2 of its width, log2 of its
  /// height, 0. Tiles are in the order (segment, class, tile).
  std::vector<int32_t> entries;
  /// The distance of tokens that are neighbours in the second-to-last and in
  /// the first axis of the grid.
  int32_t width = 0, plane = 0;
};

/// How positions are cut into the tiles of one side of an attention.
struct DeviceTiling {
  /// INT64_MAX: one segment.
  int64_t segment = INT64_MAX;
  /// The number of classes of a segment.
  int64_t step = 1;
  int64_t rows = 0;
};

/// The boxes of an order; none unless every tile is one, with a width and a
/// height that are powers of two. Computed once per process and kept.
std::shared_ptr<const DeviceBoxes> getDeviceBoxes(const curve::OrderSpec &order,
                                                  const DeviceTiling &tiling);

/// The table of an order, computed once per process and kept. Null: there is no
/// memory for it.
const int32_t *getOrderTable(const curve::OrderSpec &order);

/// Equal for equal orders only.
std::string getOrderKey(const curve::OrderSpec &order);

} // namespace hilbert

#endif // HILBERT_EXECUTIONENGINE_DEVICETABLES_H
