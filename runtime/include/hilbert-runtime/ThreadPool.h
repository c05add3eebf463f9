//===- ThreadPool.h - The threads of host kernels ---------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One pool per process, shared by all callers. Workers start with the first
// work that can use them, block asynchronous signals (an application's handlers
// run on its own threads) and are never joined, so process exit cannot hang on
// them. A forked child forgets its parent's workers and starts its own.
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_RUNTIME_THREADPOOL_H
#define HILBERT_RUNTIME_THREADPOOL_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace hilbert::rt {

/// The largest number of threads of a parallel_for.
constexpr int kMaxThreads = 1024;

/// The least stack of a worker: kernels keep their tiles on it. The calling
/// thread takes part on the stack that the application gave it.
constexpr size_t kWorkerStackBytes = size_t(16) << 20;

/// How many threads a parallel_for uses, the calling one included: what
/// setNumThreads said, else the environment variable HILBERT_NUM_THREADS, else
/// the number of CPUs that this process may run on.
int numThreads();

/// Sets numThreads() to `n` (at most kMaxThreads) from the next parallel_for
/// on; surplus workers end when they are idle. n < 1 restores the default and
/// reads the environment again.
void setNumThreads(int n);

/// Runs `body` over [0, count) in ranges of dynamic size; nothing if count <=
/// 0. Any number of threads may call it at once. A call from inside a body runs
/// inline as the single range [0, count). What bodies wrote is visible to the
/// caller afterwards; the first failure that one of them recorded becomes a
/// failure of the caller. A body must not throw; one that forks must exec or
/// _exit in the child, for the ranges of other threads do not finish there.
void parallelFor(void (*body)(void *context, int64_t begin, int64_t end),
                 void *context, int64_t count) noexcept;

/// The failure that hilbert_rt_fail recorded on this thread, which is then
/// forgotten.
std::optional<std::string> takeFailure();

} // namespace hilbert::rt

#endif // HILBERT_RUNTIME_THREADPOOL_H
