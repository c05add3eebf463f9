//===- Memory.cpp - Memory of CUDA devices --------------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert-runtime/Cuda/Memory.h"

#include "Cuda/Call.h"
#include "hilbert-runtime/Cuda/Stream.h"

#include <iterator>
#include <new>

using namespace hilbert::rt;
using namespace hilbert::rt::cuda;

//===----------------------------------------------------------------------===//
// Buffer
//===----------------------------------------------------------------------===//

Result<Buffer> Buffer::allocate(const Device &device, size_t bytes) {
  Buffer buffer(device);
  if (bytes == 0)
    return buffer;
  Status status = inRelaxedContext(device, [&]() -> Status {
    HILBERT_CUDA_CALL(
        device.driver(), cuMemAlloc_v2, (&buffer.pointer, bytes),
        concat("allocating ", bytes, " bytes on device ", device.ordinal()));
    return Status();
  });
  if (!status.ok())
    return status;
  buffer.length = bytes;
  return buffer;
}

Buffer::Buffer(Buffer &&other) noexcept
    : device(other.device), pointer(std::exchange(other.pointer, 0)),
      length(std::exchange(other.length, 0)) {}

Buffer &Buffer::operator=(Buffer &&other) noexcept {
  std::swap(device, other.device);
  std::swap(pointer, other.pointer);
  std::swap(length, other.length);
  return *this;
}

Buffer::~Buffer() { (void)free(); }

Status Buffer::free() {
  if (pointer == 0)
    return Status();
  return inRelaxedContext(*device, [&]() -> Status {
    HILBERT_CUDA_CALL(
        device->driver(), cuMemFree_v2, (pointer),
        concat("freeing ", length, " bytes on device ", device->ordinal()));
    pointer = 0;
    length = 0;
    return Status();
  });
}

Result<Buffer> cuda::upload(const Device &device, const void *data,
                            size_t bytes) {
  Result<Buffer> buffer = Buffer::allocate(device, bytes);
  if (!buffer.ok() || bytes == 0)
    return buffer;
  // Not the legacy default stream: a captured stream may not come to depend on
  // it.
  Result<Stream> stream = Stream::create(device);
  if (!stream.ok())
    return stream.status();
  Status status =
      copyToDevice(device, buffer->address(), data, bytes, stream->handle());
  if (status.ok())
    status = stream->destroy();
  if (!status.ok())
    return status;
  return buffer;
}

//===----------------------------------------------------------------------===//
// Workspace
//===----------------------------------------------------------------------===//

Result<Workspace> Workspace::allocate(const Device &device, size_t bytes,
                                      CUstream stream) try {
  Workspace workspace(device);
  if (bytes == 0)
    return workspace;
  const DeviceProperties &properties = device.properties();
  if (!properties.hasMemoryPools)
    return Status(StatusCode::Unsupported,
                  concat("device ", properties.ordinal, " (", properties.name,
                         ") has no memory pools: a workspace of ", bytes,
                         " bytes must be provided by the caller"));
  Status status = inContext(device, [&]() -> Status {
    HILBERT_CUDA_CALL(device.driver(), cuMemAllocAsync,
                      (&workspace.pointer, bytes, stream),
                      concat("allocating a workspace of ", bytes,
                             " bytes on device ", device.ordinal()));
    workspace.isOwned = true;
    return Status();
  });
  workspace.stream = stream;
  workspace.length = bytes;
  if (!status.ok())
    return status;
  return workspace;
} catch (const std::bad_alloc &) {
  return Status::noHostMemory();
}

Result<Workspace> Workspace::borrow(const Device &device, CUdeviceptr address,
                                    size_t bytes, size_t needed) try {
  Workspace workspace(device);
  if (needed == 0)
    return workspace;
  if (bytes < needed)
    return Status(StatusCode::InvalidArgument,
                  concat("the workspace has ", bytes, " bytes, but ", needed,
                         " are needed"));
  if (address % kWorkspaceAlignment != 0)
    return Status(StatusCode::InvalidArgument,
                  concat("the address of the workspace, ", address,
                         ", is not a multiple of ", kWorkspaceAlignment));
  if (Status status = checkPointer(device, address, "the workspace");
      !status.ok())
    return status;
  workspace.pointer = address;
  workspace.length = bytes;
  return workspace;
} catch (const std::bad_alloc &) {
  return Status::noHostMemory();
}

Workspace::Workspace(Workspace &&other) noexcept
    : device(other.device), pointer(std::exchange(other.pointer, 0)),
      length(std::exchange(other.length, 0)), stream(other.stream),
      isOwned(std::exchange(other.isOwned, false)) {}

Workspace &Workspace::operator=(Workspace &&other) noexcept {
  std::swap(device, other.device);
  std::swap(pointer, other.pointer);
  std::swap(length, other.length);
  std::swap(stream, other.stream);
  std::swap(isOwned, other.isOwned);
  return *this;
}

Workspace::~Workspace() { (void)free(); }

Status Workspace::free() {
  auto forget = [this] {
    pointer = 0;
    length = 0;
    isOwned = false;
  };
  if (!isOwned) {
    forget();
    return Status();
  }
  return inContext(*device, [&]() -> Status {
    HILBERT_CUDA_CALL(device->driver(), cuMemFreeAsync, (pointer, stream),
                      concat("freeing a workspace of ", length,
                             " bytes on device ", device->ordinal()));
    forget();
    return Status();
  });
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

Status cuda::copyToDeviceAsync(const Device &device, CUdeviceptr to,
                               const void *from, size_t bytes,
                               CUstream stream) {
  if (bytes == 0)
    return Status();
  return inRelaxedContext(device, [&]() -> Status {
    HILBERT_CUDA_CALL(
        device.driver(), cuMemcpyHtoDAsync_v2, (to, from, bytes, stream),
        concat("copying ", bytes, " bytes to device ", device.ordinal()));
    return Status();
  });
}

Status cuda::copyToHostAsync(const Device &device, void *to, CUdeviceptr from,
                             size_t bytes, CUstream stream) {
  if (bytes == 0)
    return Status();
  return inRelaxedContext(device, [&]() -> Status {
    HILBERT_CUDA_CALL(
        device.driver(), cuMemcpyDtoHAsync_v2, (to, from, bytes, stream),
        concat("copying ", bytes, " bytes from device ", device.ordinal()));
    return Status();
  });
}

Status cuda::copyToDevice(const Device &device, CUdeviceptr to,
                          const void *from, size_t bytes, CUstream stream) {
  Status status = copyToDeviceAsync(device, to, from, bytes, stream);
  return status.ok() ? synchronize(device, stream) : status;
}

Status cuda::copyToHost(const Device &device, void *to, CUdeviceptr from,
                        size_t bytes, CUstream stream) {
  Status status = copyToHostAsync(device, to, from, bytes, stream);
  return status.ok() ? synchronize(device, stream) : status;
}

Status cuda::fillAsync(const Device &device, CUdeviceptr to,
                       unsigned char value, size_t bytes, CUstream stream) {
  if (bytes == 0)
    return Status();
  return inContext(device, [&]() -> Status {
    HILBERT_CUDA_CALL(
        device.driver(), cuMemsetD8Async, (to, value, bytes, stream),
        concat("filling ", bytes, " bytes on device ", device.ordinal()));
    return Status();
  });
}

//===----------------------------------------------------------------------===//
// Pointers
//===----------------------------------------------------------------------===//

static Status invalidPointer(const char *name, std::string why) {
  return Status(StatusCode::InvalidArgument, concat(name, " ", why));
}

Status cuda::checkPointer(const Device &device, CUdeviceptr address,
                          const char *name) try {
  if (address == 0)
    return invalidPointer(name, "is null");
  // Unlike the function for a single attribute, this one succeeds for an
  // address that the driver does not know, with zeros.
  CUmemorytype type = {};
  unsigned isManaged = 0;
  int ordinal = 0;
  CUpointer_attribute attributes[] = {CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
                                      CU_POINTER_ATTRIBUTE_IS_MANAGED,
                                      CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL};
  void *values[] = {&type, &isManaged, &ordinal};
  Status status = inContext(device, [&]() -> Status {
    HILBERT_CUDA_CALL(
        device.driver(), cuPointerGetAttributes,
        (unsigned(std::size(attributes)), attributes, values, address),
        concat("asking where ", name, " is"));
    return Status();
  });
  if (!status.ok())
    return status;
  if (isManaged != 0)
    return Status();
  if (type != CU_MEMORYTYPE_DEVICE)
    return invalidPointer(name, "is not device memory");
  if (ordinal != device.ordinal())
    return invalidPointer(name, concat("is on device ", ordinal,
                                       ", but the launch is on device ",
                                       device.ordinal()));
  return Status();
} catch (const std::bad_alloc &) {
  return Status::noHostMemory();
}
