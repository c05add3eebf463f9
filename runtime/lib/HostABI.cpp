//===- HostABI.cpp - What compiled host kernels call ----------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert-runtime/HostABI.h"

#include "hilbert-runtime/ThreadPool.h"

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

const std::array<rt::HostSymbol, 2> &rt::hostSymbols() {
  static const std::array<HostSymbol, 2> symbols = {{
      {"hilbert_rt_parallel_for",
       reinterpret_cast<void *>(&hilbert_rt_parallel_for)},
      {"hilbert_rt_fail", reinterpret_cast<void *>(&hilbert_rt_fail)},
  }};
  return symbols;
}
