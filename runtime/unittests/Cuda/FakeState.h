//===- FakeState.h - The inside of the fake CUDA driver ---------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_RUNTIME_UNITTESTS_CUDA_FAKESTATE_H
#define HILBERT_RUNTIME_UNITTESTS_CUDA_FAKESTATE_H

#include "FakeDriver.h"

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <sys/types.h>

namespace hilbert::rt::cuda {
// The real one's handles are as opaque.
struct CUctx_st {
  int device;
  int retains = 0;
};
struct CUmod_st {
  int device;
  std::string image;
  std::vector<std::unique_ptr<CUfunc_st>> functions;
};
struct CUfunc_st {
  CUmod_st *module;
  std::string name;
  int staticSharedBytes;
  int maxDynamicBytes;
};
struct CUstream_st {
  int device;
};
struct CUevent_st {
  int device;
  bool isRecorded = false;
};
} // namespace hilbert::rt::cuda

namespace hilbert::fake {

enum class Kind { Plain, Pooled, Host, Managed };

struct Allocation {
  size_t bytes;
  int device;
  Kind kind;
  CUstream stream;
};

struct Injection {
  int calls = 0;
  int failingCall = 0;
  CUresult result = CUDA_SUCCESS;
};

struct State {
  std::recursive_mutex mutex;
  std::vector<FakeDevice> devices = {FakeDevice()};
  std::vector<size_t> usedBytes;
  int version = 13000;
  pid_t initialisedIn = 0;
  std::map<std::string, Injection> injections;
  std::map<int, CUctx_st> contexts;
  std::set<CUmodule> modules;
  std::set<CUstream> streams;
  std::set<CUevent> events;
  std::map<CUdeviceptr, Allocation> allocations;
  std::function<void(const Launch &)> callback;
  std::vector<Launch> launches;
  std::map<CUstream, bool> captures;
};

State &state();
using Lock = std::lock_guard<std::recursive_mutex>;

/// Of the calling thread. Trivially destructible: static objects call the
/// driver after the main thread's variables are gone.
struct ThreadState {
  /// The current context is the last one.
  CUcontext contexts[16] = {};
  int depth = 0;
  CUstreamCaptureMode captureMode = CU_STREAM_CAPTURE_MODE_GLOBAL;
  bool isInsideDriver = false;
};
ThreadState &threadState();

/// For the duration of a call.
struct InsideDriver {
  InsideDriver() { threadState().isInsideDriver = true; }
  ~InsideDriver() { threadState().isInsideDriver = false; }
};

/// Counts a call, and returns the error that a test wants from it.
CUresult enter(const char *symbol);

#define ENTER(symbol)                                                          \
  const InsideDriver inside;                                                   \
  State &s = state();                                                          \
  Lock lock(s.mutex);                                                          \
  if (CUresult injected = enter(#symbol))                                      \
  return injected

/// The device of the current context; -1: there is none.
int currentDevice();

#define NEED_CONTEXT()                                                         \
  const int device = currentDevice();                                          \
  if (device < 0)                                                              \
  return CUDA_ERROR_INVALID_CONTEXT

/// Whether it is a stream of this device.
bool isValid(State &s, CUstream stream, int device);
bool isCaptured(State &s, CUstream stream);
CUresult invalidateCaptures(State &s, CUresult result);
/// For calls that a capture in the global mode forbids to threads that did not
/// relax their own mode.
CUresult checkUnsafeCall(State &s);
/// For work on a stream: on the legacy default one it would wait for captures.
CUresult checkStream(State &s, CUstream stream, int device);

CUdeviceptr allocate(State &s, Allocation allocation);
void deallocate(State &s, CUdeviceptr address);
bool hasRoom(State &s, size_t bytes, int device);
/// The allocation that [address, address + bytes) lies in, or null.
const Allocation *find(State &s, CUdeviceptr address, size_t bytes);

inline void *toHost(CUdeviceptr address) {
  return reinterpret_cast<void *>(static_cast<size_t>(address));
}

} // namespace hilbert::fake

#endif // HILBERT_RUNTIME_UNITTESTS_CUDA_FAKESTATE_H
