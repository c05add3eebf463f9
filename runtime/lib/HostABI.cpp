//===- HostABI.cpp - What compiled host kernels call ----------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert-runtime/HostABI.h"

#include "hilbert-runtime/HostSymbols.h"
#include "hilbert-runtime/ThreadPool.h"
#include "hilbert/Curve/Order.h"

#include <map>
#include <mutex>
#include <new>
#include <pthread.h>
#include <tuple>
#include <utility>

using namespace hilbert;

/// Trivially destructible: nothing is registered with the threads of the host
/// application. (One that ends with an untaken failure leaks it.)
static thread_local std::string *firstFailure = nullptr;

void hilbert_rt_parallel_for(void (*body)(void *context, int64_t begin,
                                          int64_t end),
                             void *context, int64_t count) {
  rt::parallelFor(body, context, count);
}

void hilbert_rt_fail(const char *message) {
  if (!firstFailure)
    firstFailure = new std::string(message ? message : "unknown failure");
}

std::optional<std::string> rt::takeFailure() {
  if (!firstFailure)
    return std::nullopt;
  std::optional<std::string> failure(std::move(*firstFailure));
  delete firstFailure;
  firstFailure = nullptr;
  return failure;
}

namespace {
struct SpecLess {
  static auto key(const curve::OrderSpec &spec) {
    return std::tie(spec.curve, spec.extents, spec.tile, spec.length);
  }
  bool operator()(const curve::OrderSpec &a, const curve::OrderSpec &b) const {
    return key(a) < key(b);
  }
};

/// Leaked on purpose: kernels may run until the process is gone. A fork takes
/// the lock, so that a child finds it free.
struct OrderTables {
  std::mutex mutex;
  std::map<curve::OrderSpec, std::vector<int32_t>, SpecLess> tables;

  static OrderTables &get() {
    static OrderTables *cache = [] {
      auto unlock = [] { get().mutex.unlock(); };
      pthread_atfork([] { get().mutex.lock(); }, unlock, unlock);
      return new OrderTables;
    }();
    return *cache;
  }
};
} // namespace

const int32_t *hilbert_rt_order(int64_t curve, int64_t rank, int64_t extent0,
                                int64_t extent1, int64_t extent2, int64_t tile0,
                                int64_t tile1, int64_t tile2,
                                int64_t length) try {
  OrderTables &cache = OrderTables::get();
  const int64_t extents[] = {extent0, extent1, extent2};
  const int64_t tile[] = {tile0, tile1, tile2};
  curve::OrderSpec spec;
  spec.curve = static_cast<curve::Curve>(curve);
  spec.extents.assign(extents, extents + rank);
  if (tile0 != 0)
    spec.tile.assign(tile, tile + rank);
  spec.length = length;
  std::lock_guard<std::mutex> lock(cache.mutex);
  auto entry = cache.tables.find(spec);
  if (entry == cache.tables.end())
    entry = cache.tables.emplace(spec, curve::permutation(spec)).first;
  return entry->second.data();
} catch (const std::bad_alloc &) {
  hilbert_rt_fail("no memory for the table of an order");
  return nullptr;
}

const std::array<rt::HostSymbol, 3> &rt::hostSymbols() {
  static const std::array<HostSymbol, 3> symbols = {{
      {"hilbert_rt_parallel_for",
       reinterpret_cast<void *>(&hilbert_rt_parallel_for)},
      {"hilbert_rt_fail", reinterpret_cast<void *>(&hilbert_rt_fail)},
      {"hilbert_rt_order", reinterpret_cast<void *>(&hilbert_rt_order)},
  }};
  return symbols;
}
