//===- DeviceTables.cpp - The tables that GPU kernels read ----------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/ExecutionEngine/DeviceTables.h"

#include "hilbert-runtime/HostABI.h"
#include "hilbert-runtime/ThreadPool.h"
#include "hilbert/Curve/Tiles.h"

#include "llvm/Support/MathExtras.h"

#include <map>
#include <mutex>
#include <pthread.h>

using namespace hilbert;

const int32_t *hilbert::getOrderTable(const curve::OrderSpec &order) {
  auto padded = [](const std::vector<int64_t> &sizes, size_t i) {
    return i < sizes.size() ? sizes[i] : int64_t(0);
  };
  const int32_t *table = hilbert_rt_order(
      int64_t(order.curve), int64_t(order.extents.size()),
      padded(order.extents, 0), padded(order.extents, 1),
      padded(order.extents, 2), padded(order.tile, 0), padded(order.tile, 1),
      padded(order.tile, 2), order.length);
  if (!table) // The caller tells.
    (void)rt::takeFailure();
  return table;
}

std::string hilbert::getOrderKey(const curve::OrderSpec &order) {
  std::string key(curve::curveName(order.curve));
  for (int64_t extent : order.extents)
    key += "x" + std::to_string(extent);
  for (int64_t size : order.tile)
    key += "t" + std::to_string(size);
  return key + "n" + std::to_string(order.length);
}

/// The most tiles of a table of boxes: 256 MiB.
static constexpr int64_t kMaxTiles = int64_t(1) << 24;

static std::shared_ptr<const DeviceBoxes>
computeBoxes(const curve::OrderSpec &order, const DeviceTiling &sides) {
  curve::Tiling tiling;
  tiling.tokens = order.length;
  tiling.segment = sides.segment;
  tiling.dilation = sides.step;
  tiling.offset = std::nullopt;
  tiling.tileSize = sides.rows;
  const int32_t *table = getOrderTable(order);
  int64_t classes = tiling.classes(), perClass = tiling.tilesPerClass();
  if (!table || curve::validate(tiling) ||
      tiling.segments() > kMaxTiles / sides.step / perClass)
    return nullptr;
  curve::TileClasses found = curve::classifyTiles(table, order.extents, tiling);
  if (found.access != curve::TileAccess::Box || found.needsTable())
    return nullptr;
  auto axis = [](const std::vector<int64_t> &sizes, size_t fromLast) {
    return fromLast < sizes.size() ? sizes[sizes.size() - 1 - fromLast]
                                   : int64_t(1);
  };
  for (const std::vector<int64_t> &shape : found.shapes)
    if (!llvm::isPowerOf2_64(axis(shape, 0)) ||
        !llvm::isPowerOf2_64(axis(shape, 1)))
      return nullptr;

  auto boxes = std::make_shared<DeviceBoxes>();
  boxes->width = int32_t(axis(found.grid, 0));
  boxes->plane = int32_t(axis(found.grid, 0) * axis(found.grid, 1));
  boxes->entries.resize(4 * tiling.segments() * sides.step * perClass);
  // Kernels count classes of residues that no segment has, too.
  int64_t slot = 0;
  for (int64_t segment = 0; segment < tiling.segments(); ++segment)
    for (int64_t residue = 0; residue < classes; ++residue)
      for (int64_t tile = 0; tile < perClass; ++tile, ++slot) {
        const curve::BoxEntry &box = found.boxes[slot];
        if (box.origin < 0) // An empty tile, whose entry no kernel uses.
          continue;
        const std::vector<int64_t> &shape = found.shapes[box.orientation];
        int32_t *entry =
            &boxes->entries[4 * ((segment * sides.step + residue) * perClass +
                                 tile)];
        entry[0] = box.origin;
        entry[1] = int32_t(llvm::Log2_64(axis(shape, 0)));
        entry[2] = int32_t(llvm::Log2_64(axis(shape, 1)));
      }
  return boxes;
}

namespace {
/// Leaked on purpose. A fork takes the lock, so that a child finds it free.
struct BoxTables {
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<const DeviceBoxes>> tables;

  static BoxTables &get() {
    static BoxTables *theTables = [] {
      auto unlock = [] { get().mutex.unlock(); };
      pthread_atfork([] { get().mutex.lock(); }, unlock, unlock);
      return new BoxTables;
    }();
    return *theTables;
  }
};
} // namespace

std::shared_ptr<const DeviceBoxes>
hilbert::getDeviceBoxes(const curve::OrderSpec &order,
                        const DeviceTiling &tiling) {
  std::string key = getOrderKey(order) + " w" + std::to_string(tiling.segment) +
                    " r" + std::to_string(tiling.step) + " m" +
                    std::to_string(tiling.rows);
  BoxTables &known = BoxTables::get();
  {
    std::lock_guard<std::mutex> lock(known.mutex);
    if (auto found = known.tables.find(key); found != known.tables.end())
      return found->second;
  }
  auto boxes = computeBoxes(order, tiling);
  std::lock_guard<std::mutex> lock(known.mutex);
  return known.tables.emplace(key, std::move(boxes)).first->second;
}
