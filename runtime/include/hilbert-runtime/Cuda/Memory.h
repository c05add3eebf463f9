//===- Memory.h - Memory of CUDA devices ------------------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_RUNTIME_CUDA_MEMORY_H
#define HILBERT_RUNTIME_CUDA_MEMORY_H

#include "hilbert-runtime/Cuda/Device.h"

namespace hilbert::rt::cuda {

/// Workspaces start at multiples of this many bytes, as the driver's
/// allocations do.
constexpr size_t kWorkspaceAlignment = 256;

/// Device memory of its own, for tools and for what lives long: an allocation
/// may wait for the device. Works while a stream is being captured.
class Buffer {
public:
  /// No bytes: a buffer at address 0.
  static Result<Buffer> allocate(const Device &device, size_t bytes);

  Buffer(Buffer &&other) noexcept;
  Buffer &operator=(Buffer &&other) noexcept;
  ~Buffer();

  CUdeviceptr address() const { return pointer; }
  size_t bytes() const { return length; }

  /// Does early what the destructor does, and tells about errors: on one, the
  /// memory stays allocated. No work that uses it may be running, no graph with
  /// its address be launched later.
  Status free();

private:
  explicit Buffer(const Device &device) : device(&device) {}

  const Device *device;
  CUdeviceptr pointer = 0;
  size_t length = 0;
};

/// A buffer with the `bytes` at `data`, which the device sees from now on.
/// Works while a stream is being captured.
Result<Buffer> upload(const Device &device, const void *data, size_t bytes);

/// Scratch memory of the launches that follow on one stream.
class Workspace {
public:
  /// Takes memory from the device's default pool, in the order of `stream`: no
  /// wait. Unsupported if the device has no pools. While `stream` is being
  /// captured the memory belongs to the graph, and must be freed within the
  /// same capture. No bytes: a workspace at address 0.
  static Result<Workspace> allocate(const Device &device, size_t bytes,
                                    CUstream stream);

  /// Uses the caller's memory, which stays the caller's. InvalidArgument if it
  /// has fewer than `needed` bytes, is not a multiple of kWorkspaceAlignment,
  /// or is not memory of this device (see checkPointer). None needed: any
  /// address will do.
  static Result<Workspace> borrow(const Device &device, CUdeviceptr address,
                                  size_t bytes, size_t needed);

  Workspace(Workspace &&other) noexcept;
  Workspace &operator=(Workspace &&other) noexcept;
  ~Workspace();

  CUdeviceptr address() const { return pointer; }
  size_t bytes() const { return length; }

  /// Does early what the destructor does, and tells about errors: on one, the
  /// memory stays allocated. The memory is free for others after what is on the
  /// stream now: launches need not be done.
  Status free();

private:
  explicit Workspace(const Device &device) : device(&device) {}

  const Device *device;
  CUdeviceptr pointer = 0;
  size_t length = 0;
  CUstream stream = nullptr;
  bool isOwned = false;
};

/// Copies enqueued on `stream`. Host memory that is not page-locked may be
/// reused when copyToDeviceAsync returns, unless the copy was captured: then it
/// is read by each launch of the graph. All other host memory must stay until
/// the copy is done. No bytes: nothing happens.
Status copyToDeviceAsync(const Device &device, CUdeviceptr to, const void *from,
                         size_t bytes, CUstream stream);
Status copyToHostAsync(const Device &device, void *to, CUdeviceptr from,
                       size_t bytes, CUstream stream);

/// The same, and then they wait for all work on `stream`, which must not be
/// being captured.
Status copyToDevice(const Device &device, CUdeviceptr to, const void *from,
                    size_t bytes, CUstream stream = nullptr);
Status copyToHost(const Device &device, void *to, CUdeviceptr from,
                  size_t bytes, CUstream stream = nullptr);

/// Sets `bytes` bytes to `value`, enqueued on `stream`.
Status fillAsync(const Device &device, CUdeviceptr to, unsigned char value,
                 size_t bytes, CUstream stream);

/// Ok if kernels on `device` may use the address: it is memory of this device,
/// or managed memory. Otherwise InvalidArgument, as in "q is on device 1, but
/// the launch is on device 0", "q is not device memory", "q is null". `name` is
/// what the caller calls it.
Status checkPointer(const Device &device, CUdeviceptr address,
                    const char *name);

} // namespace hilbert::rt::cuda

#endif // HILBERT_RUNTIME_CUDA_MEMORY_H
