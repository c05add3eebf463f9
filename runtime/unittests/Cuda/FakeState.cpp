//===- FakeState.cpp - The inside of the fake CUDA driver -----------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FakeState.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>
#include <utility>

using namespace hilbert;
using namespace hilbert::fake;

/// Leaked: used until the process ends.
State &fake::state() {
  static State *theState = new State;
  return *theState;
}

CUresult fake::enter(const char *symbol) {
  State &s = state();
  if (s.initialisedIn != 0 && s.initialisedIn != getpid()) {
    std::fprintf(stderr, "fake driver: %s in a forked child\n", symbol);
    std::abort();
  }
  Injection &injection = s.injections[symbol];
  if (++injection.calls == injection.failingCall)
    return injection.result;
  bool isBeforeInit = !std::strcmp(symbol, "cuInit") ||
                      !std::strcmp(symbol, "cuDriverGetVersion") ||
                      !std::strcmp(symbol, "cuGetErrorName");
  if (s.initialisedIn == 0 && !isBeforeInit)
    return CUDA_ERROR_NOT_INITIALIZED;
  return CUDA_SUCCESS;
}

int fake::currentDevice() {
  CUcontext context = currentContext();
  return context ? context->device : -1;
}

static bool isDefault(CUstream stream) {
  return reinterpret_cast<size_t>(stream) <= 2;
}

bool fake::isValid(State &s, CUstream stream, int device) {
  return isDefault(stream) ||
         (s.streams.count(stream) && stream->device == device);
}

bool fake::isCaptured(State &s, CUstream stream) {
  return s.captures.count(stream) != 0;
}

CUresult fake::invalidateCaptures(State &s, CUresult result) {
  for (auto &[stream, isCaptureValid] : s.captures)
    isCaptureValid = false;
  return result;
}

CUresult fake::checkUnsafeCall(State &s) {
  if (s.captures.empty() ||
      threadState().captureMode == CU_STREAM_CAPTURE_MODE_RELAXED)
    return CUDA_SUCCESS;
  return invalidateCaptures(s, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
}

CUresult fake::checkStream(State &s, CUstream stream, int device) {
  if (!isValid(s, stream, device))
    return CUDA_ERROR_INVALID_HANDLE;
  if (!stream && !s.captures.empty())
    return invalidateCaptures(s, CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
  return CUDA_SUCCESS;
}

CUdeviceptr fake::allocate(State &s, Allocation allocation) {
  size_t bytes = allocation.bytes;
  size_t padded = (bytes + 255) / 256 * 256;
  void *memory = std::aligned_alloc(256, padded);
  auto address = static_cast<CUdeviceptr>(reinterpret_cast<size_t>(memory));
  s.allocations[address] = std::move(allocation);
  s.usedBytes.resize(s.devices.size());
  s.usedBytes[allocation.device] += bytes;
  return address;
}

void fake::deallocate(State &s, CUdeviceptr address) {
  const Allocation &allocation = s.allocations.at(address);
  s.usedBytes[allocation.device] -= allocation.bytes;
  s.allocations.erase(address);
  std::free(reinterpret_cast<void *>(address));
}

bool fake::hasRoom(State &s, size_t bytes, int device) {
  s.usedBytes.resize(s.devices.size());
  return bytes <= s.devices[device].memoryBytes - s.usedBytes[device];
}

const Allocation *fake::find(State &s, CUdeviceptr address, size_t bytes) {
  auto after = s.allocations.upper_bound(address);
  if (after == s.allocations.begin())
    return nullptr;
  auto it = std::prev(after);
  return address + bytes <= it->first + it->second.bytes ? &it->second
                                                         : nullptr;
}

ThreadState &fake::threadState() {
  static thread_local ThreadState theState;
  return theState;
}

//===----------------------------------------------------------------------===//
// What tests set and see
//===----------------------------------------------------------------------===//

void fake::setDevices(std::vector<FakeDevice> devices) {
  Lock lock(state().mutex);
  state().devices = std::move(devices);
}

void fake::setVersion(int version) {
  Lock lock(state().mutex);
  state().version = version;
}

void fake::failCall(const std::string &symbol, int n, CUresult result) {
  Lock lock(state().mutex);
  Injection &injection = state().injections[symbol];
  injection.failingCall = injection.calls + n;
  injection.result = result;
}

void fake::resetCalls() {
  Lock lock(state().mutex);
  state().injections.clear();
}

int fake::calls(const std::string &symbol) {
  Lock lock(state().mutex);
  return state().injections[symbol].calls;
}

int fake::allCalls() {
  Lock lock(state().mutex);
  int sum = 0;
  for (const auto &[symbol, injection] : state().injections)
    sum += injection.calls;
  return sum;
}

Live fake::live() {
  State &s = state();
  Lock lock(s.mutex);
  Live result;
  for (const auto &[device, context] : s.contexts)
    result.retainedContexts += context.retains;
  result.modules = int(s.modules.size());
  result.allocations = int(s.allocations.size());
  result.streams = int(s.streams.size());
  result.events = int(s.events.size());
  return result;
}

int fake::contextDepth() { return threadState().depth; }

CUcontext fake::currentContext() {
  const ThreadState &thread = threadState();
  return thread.depth == 0 ? nullptr : thread.contexts[thread.depth - 1];
}

bool fake::isInsideDriver() { return threadState().isInsideDriver; }

bool fake::isRelaxed() {
  return threadState().captureMode == CU_STREAM_CAPTURE_MODE_RELAXED;
}

void fake::setLaunchCallback(std::function<void(const Launch &)> callback) {
  Lock lock(state().mutex);
  state().callback = std::move(callback);
}

std::vector<Launch> fake::takeLaunches() {
  Lock lock(state().mutex);
  return std::exchange(state().launches, {});
}

void fake::beginCapture(CUstream stream) {
  Lock lock(state().mutex);
  state().captures[stream] = true;
}

bool fake::endCapture(CUstream stream) {
  Lock lock(state().mutex);
  bool isCaptureValid = state().captures.at(stream);
  state().captures.erase(stream);
  return isCaptureValid;
}

CUdeviceptr fake::allocateHost(size_t bytes) {
  Lock lock(state().mutex);
  return allocate(state(), {bytes, 0, Kind::Host, nullptr});
}

CUdeviceptr fake::allocateManaged(size_t bytes) {
  Lock lock(state().mutex);
  return allocate(state(), {bytes, 0, Kind::Managed, nullptr});
}

void fake::release(CUdeviceptr address) {
  Lock lock(state().mutex);
  deallocate(state(), address);
}
