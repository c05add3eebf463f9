//===- FakeDriver.h - A CUDA driver over host memory ------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A shared library that stands in for libcuda: it has exactly the functions of
// Symbols.def. Device memory is host memory, and what is enqueued is done at
// once, except that a launch only tells a test's callback. It checks handles,
// contexts and the rules of stream capture, and it counts what is alive. Like
// the real one it must not be used in a forked child: it aborts.
//
// What the fake's assembler takes: text with ".entry NAME(" for each kernel,
// and "static BYTES" for shared memory. Text with "INVALID" fails, with a log
// that ends in what follows it.
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_RUNTIME_UNITTESTS_CUDA_FAKEDRIVER_H
#define HILBERT_RUNTIME_UNITTESTS_CUDA_FAKEDRIVER_H

#include "hilbert-runtime/Cuda/ABI.h"

#include <cstddef>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#define HILBERT_FAKE_EXPORT __attribute__((visibility("default")))

namespace hilbert::fake {

using namespace hilbert::rt::cuda;

struct FakeDevice {
  std::string name = "Fake GPU";
  int computeCapability = 90;
  int multiprocessors = 132;
  int maxSharedBytes = 227 << 10;
  size_t memoryBytes = size_t(1) << 30;
  int l2Bytes = 50 << 20;
  bool hasMemoryPools = true;
};

/// What exists now.
struct Live {
  int retainedContexts = 0;
  int modules = 0;
  int allocations = 0;
  int streams = 0;
  int events = 0;

  friend bool operator==(const Live &a, const Live &b) {
    return a.retainedContexts == b.retainedContexts && a.modules == b.modules &&
           a.allocations == b.allocations && a.streams == b.streams &&
           a.events == b.events;
  }
  friend std::ostream &operator<<(std::ostream &stream, const Live &live) {
    return stream << live.retainedContexts << " contexts, " << live.modules
                  << " modules, " << live.allocations << " allocations, "
                  << live.streams << " streams, " << live.events << " events";
  }
};

struct Launch {
  std::string kernel;
  int device = 0;
  unsigned grid[3] = {};
  unsigned block[3] = {};
  unsigned sharedBytes = 0;
  CUstream stream = nullptr;
  bool wasCaptured = false;
  /// Only during the callback.
  void **parameters = nullptr;
};

/// Makes these the devices. A device that was used must stay as it was.
HILBERT_FAKE_EXPORT void setDevices(std::vector<FakeDevice> devices);
/// As cuDriverGetVersion counts.
HILBERT_FAKE_EXPORT void setVersion(int version);

/// The n-th call of `symbol` from now on (1: the next) fails with `result`, and
/// does nothing.
HILBERT_FAKE_EXPORT void failCall(const std::string &symbol, int n,
                                  CUresult result);
/// Forgets what failCall and failAll said, and the counts of calls.
HILBERT_FAKE_EXPORT void resetCalls();
/// The number of calls of `symbol` since resetCalls().
HILBERT_FAKE_EXPORT int calls(const std::string &symbol);
/// The number of calls of all symbols since resetCalls().
HILBERT_FAKE_EXPORT int allCalls();

HILBERT_FAKE_EXPORT Live live();
/// The contexts on the calling thread's stack.
HILBERT_FAKE_EXPORT int contextDepth();
/// The top of it, or null.
HILBERT_FAKE_EXPORT CUcontext currentContext();
/// Whether the calling thread is in a function of the driver.
HILBERT_FAKE_EXPORT bool isInsideDriver();
/// Whether the calling thread is in the relaxed capture mode.
HILBERT_FAKE_EXPORT bool isRelaxed();

/// Runs with each launch.
HILBERT_FAKE_EXPORT void
setLaunchCallback(std::function<void(const Launch &)> callback);
/// The launches since the last call.
HILBERT_FAKE_EXPORT std::vector<Launch> takeLaunches();

/// Pretends that `stream` is being captured in the global mode, or no longer.
HILBERT_FAKE_EXPORT void beginCapture(CUstream stream);
/// Returns whether it is still valid: an illegal call invalidates all captures.
HILBERT_FAKE_EXPORT bool endCapture(CUstream stream);

/// Page-locked and managed memory, which the runtime has no functions for.
HILBERT_FAKE_EXPORT CUdeviceptr allocateHost(size_t bytes);
HILBERT_FAKE_EXPORT CUdeviceptr allocateManaged(size_t bytes);
HILBERT_FAKE_EXPORT void release(CUdeviceptr address);

} // namespace hilbert::fake

#endif // HILBERT_RUNTIME_UNITTESTS_CUDA_FAKEDRIVER_H
