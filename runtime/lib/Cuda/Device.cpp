//===- Device.cpp - CUDA devices and their contexts -----------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert-runtime/Cuda/Device.h"

#include "Cuda/Call.h"

#include <map>
#include <memory>
#include <mutex>
#include <new>

using namespace hilbert::rt;
using namespace hilbert::rt::cuda;

/// An int where an attribute goes.
static Status getAttribute(const Driver &driver, CUdevice device, int ordinal,
                           CUdevice_attribute attribute, int &value) {
  HILBERT_CUDA_CALL(driver, cuDeviceGetAttribute, (&value, attribute, device),
                    concat("asking for attribute ", unsigned(attribute),
                           " of device ", ordinal));
  return Status();
}

static Status countDevices(const Driver &driver, int &count) {
  HILBERT_CUDA_CALL(driver, cuDeviceGetCount, (&count), "counting the devices");
  if (count == 0)
    return Status(StatusCode::NotFound, "the CUDA driver has no devices");
  return Status();
}

static Status queryDevice(const Driver &driver, int ordinal, CUdevice &device,
                          DeviceProperties &properties) {
  int count = 0;
  if (Status status = countDevices(driver, count); !status.ok())
    return status;
  if (ordinal < 0 || ordinal >= count)
    return Status(StatusCode::InvalidArgument,
                  concat("there is no device ", ordinal, ": the CUDA driver ",
                         "has ", count, count == 1 ? " device" : " devices",
                         ", counted from 0"));

  properties.ordinal = ordinal;
  HILBERT_CUDA_CALL(driver, cuDeviceGet, (&device, ordinal),
                    concat("looking up device ", ordinal));
  char name[256] = "";
  HILBERT_CUDA_CALL(driver, cuDeviceGetName, (name, int(sizeof(name)), device),
                    concat("asking for the name of device ", ordinal));
  properties.name = name;
  size_t bytes = 0;
  HILBERT_CUDA_CALL(driver, cuDeviceTotalMem_v2, (&bytes, device),
                    concat("asking for the memory of device ", ordinal));
  properties.memoryBytes = bytes;

  int major = 0;
  int minor = 0;
  int pools = 0;
  int block[3] = {};
  int grid[3] = {};
  const std::pair<CUdevice_attribute, int *> attributes[] = {
      {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, &major},
      {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, &minor},
      {CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, &properties.multiprocessors},
      {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN,
       &properties.maxSharedBytes},
      {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK,
       &properties.maxThreadsPerBlock},
      {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X, &block[0]},
      {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y, &block[1]},
      {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z, &block[2]},
      {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X, &grid[0]},
      {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y, &grid[1]},
      {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z, &grid[2]},
      {CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, &properties.l2Bytes},
      {CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED, &pools},
  };
  for (const auto &[attribute, value] : attributes)
    if (Status status =
            getAttribute(driver, device, ordinal, attribute, *value);
        !status.ok())
      return status;
  properties.computeCapability = 10 * major + minor;
  properties.hasMemoryPools = pools != 0;
  properties.maxBlock = {unsigned(block[0]), unsigned(block[1]),
                         unsigned(block[2])};
  properties.maxGrid = {unsigned(grid[0]), unsigned(grid[1]),
                        unsigned(grid[2])};
  return Status();
}

Result<int> Device::count() try {
  Result<const Driver *> driver = Driver::get();
  if (!driver.ok())
    return driver.status();
  int count = 0;
  if (Status status = countDevices(**driver, count); !status.ok())
    return status;
  return count;
} catch (const std::bad_alloc &) {
  return Status::noHostMemory();
}

Result<DeviceProperties> Device::query(int ordinal) try {
  Result<const Driver *> driver = Driver::get();
  if (!driver.ok())
    return driver.status();
  CUdevice device = 0;
  DeviceProperties properties;
  if (Status status = queryDevice(**driver, ordinal, device, properties);
      !status.ok())
    return status;
  return properties;
} catch (const std::bad_alloc &) {
  return Status::noHostMemory();
}

namespace {
/// The devices that were asked for. Leaked on purpose: see Device::get.
struct Devices {
  std::mutex mutex;
  std::map<int, std::unique_ptr<Device>> byOrdinal;
};
} // namespace

Result<const Device *> Device::get(int ordinal) try {
  // A forked child returns here: it never waits for the mutex.
  Result<const Driver *> driver = Driver::get();
  if (!driver.ok())
    return driver.status();
  static Devices &devices = *new Devices;
  std::lock_guard<std::mutex> lock(devices.mutex);
  auto known = devices.byOrdinal.find(ordinal);
  if (known != devices.byOrdinal.end())
    return known->second.get();

  CUdevice handle = 0;
  DeviceProperties properties;
  if (Status status = queryDevice(**driver, ordinal, handle, properties);
      !status.ok())
    return status;
  if (properties.computeCapability < kMinComputeCapability)
    return Status(StatusCode::Unsupported,
                  concat("device ", ordinal, " (", properties.name, ", sm_",
                         properties.computeCapability, ") is too old: sm_",
                         kMinComputeCapability, " or newer is needed"));
  std::unique_ptr<Device> device(new Device(**driver, std::move(properties)));
  HILBERT_CUDA_CALL(
      **driver, cuDevicePrimaryCtxRetain, (&device->primaryContext, handle),
      concat("retaining the primary context of device ", ordinal));
  return (devices.byOrdinal[ordinal] = std::move(device)).get();
} catch (const std::bad_alloc &) {
  return Status::noHostMemory();
}

//===----------------------------------------------------------------------===//
// The current context
//===----------------------------------------------------------------------===//

/// Enters the context of a device, unless the thread is in it: usually a
/// framework's thread is, and that is cheaper.
static Status enter(const Device &device, bool &isInside) {
  if (Status status = Driver::checkProcess(); !status.ok())
    return status;
  CUcontext current = nullptr;
  HILBERT_CUDA_CALL(device.driver(), cuCtxGetCurrent, (&current),
                    "asking for the current context");
  if (current == device.context())
    return Status();
  HILBERT_CUDA_CALL(
      device.driver(), cuCtxPushCurrent_v2, (device.context()),
      concat("entering the context of device ", device.ordinal()));
  isInside = true;
  return Status();
}

ContextGuard::ContextGuard(const Device &device) : device(device) {
  entered = catching([&] { return enter(device, isInside); });
}

ContextGuard::~ContextGuard() {
  if (isInside) {
    CUcontext popped = nullptr;
    device.driver().cuCtxPopCurrent_v2(&popped);
  }
}

Status ContextGuard::leave() {
  if (!isInside)
    return Status();
  isInside = false;
  return catching([&]() -> Status {
    CUcontext popped = nullptr;
    HILBERT_CUDA_CALL(
        device.driver(), cuCtxPopCurrent_v2, (&popped),
        concat("leaving the context of device ", device.ordinal()));
    return Status();
  });
}
