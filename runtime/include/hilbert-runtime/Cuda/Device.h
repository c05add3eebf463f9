//===- Device.h - CUDA devices and their contexts ---------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_RUNTIME_CUDA_DEVICE_H
#define HILBERT_RUNTIME_CUDA_DEVICE_H

#include "hilbert-runtime/Cuda/Driver.h"

#include <cstdint>

namespace hilbert::rt::cuda {

/// The least compute capability that is used: sm_80, the first with bf16 and
/// cp.async.
constexpr int kMinComputeCapability = 80;

/// Three sizes of a grid or a block.
struct Dim3 {
  unsigned x = 1;
  unsigned y = 1;
  unsigned z = 1;
};

struct DeviceProperties {
  int ordinal = 0;
  std::string name;
  /// 90 is sm_90.
  int computeCapability = 0;
  int multiprocessors = 0;
  /// The most shared memory of a block, in bytes, for a kernel that opts in.
  int maxSharedBytes = 0;
  int maxThreadsPerBlock = 0;
  Dim3 maxBlock;
  Dim3 maxGrid;
  uint64_t memoryBytes = 0;
  int l2Bytes = 0;
  /// Whether it has stream-ordered allocation.
  bool hasMemoryPools = false;
};

/// A device with its primary context, which all libraries of the process share.
class Device {
public:
  /// The number of devices: NotFound if there is none, or no driver.
  static Result<int> count();

  /// The properties of any device, old ones included, without making a context.
  /// InvalidArgument if `ordinal` is not in [0, count()).
  static Result<DeviceProperties> query(int ordinal);

  /// The device with this ordinal; the same one each time. The first time its
  /// primary context is retained. It is never released, and the device never
  /// destroyed: at the end of the process the driver may be gone before we are.
  /// InvalidArgument as in query(), Unsupported if it is older than
  /// kMinComputeCapability. A failure is not remembered. Thread-safe.
  static Result<const Device *> get(int ordinal);

  const Driver &driver() const { return theDriver; }
  const DeviceProperties &properties() const { return theProperties; }
  int ordinal() const { return theProperties.ordinal; }
  CUcontext context() const { return primaryContext; }

private:
  Device(const Driver &driver, DeviceProperties properties)
      : theDriver(driver), theProperties(std::move(properties)) {}

  const Driver &theDriver;
  const DeviceProperties theProperties;
  CUcontext primaryContext = nullptr;
};

/// While it lives, the device's context is the calling thread's current one;
/// then the one before is again.
class ContextGuard {
public:
  /// status() tells whether it worked. In a forked child it is
  /// Driver::checkProcess(), and the driver is not called.
  explicit ContextGuard(const Device &device);
  ~ContextGuard();
  ContextGuard(const ContextGuard &) = delete;
  ContextGuard &operator=(const ContextGuard &) = delete;

  const Status &status() const { return entered; }

  /// Does early, once, what the destructor does, and tells about errors.
  Status leave();

private:
  const Device &device;
  Status entered;
  /// Whether there is a context to return to.
  bool isInside = false;
};

} // namespace hilbert::rt::cuda

#endif // HILBERT_RUNTIME_CUDA_DEVICE_H
