//===- Kernel.cpp - Compiled code on a CUDA device ------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert-runtime/Cuda/Kernel.h"

#include "Cuda/Call.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <elf.h>
#include <iterator>
#include <new>
#include <vector>

using namespace hilbert::rt;
using namespace hilbert::rt::cuda;

/// A block may use this much shared memory, static and dynamic, without opting
/// in.
static constexpr unsigned kDefaultSharedBytes = 48 << 10;
/// Enough for the errors of a kernel; the driver cuts off what is longer.
static constexpr size_t kLogBytes = 16 << 10;

static std::string text(const Dim3 &size) {
  return concat(size.x, " x ", size.y, " x ", size.z);
}

static std::string text(const DeviceProperties &properties) {
  return concat("device ", properties.ordinal, " (", properties.name, ", sm_",
                properties.computeCapability, ")");
}

//===----------------------------------------------------------------------===//
// Kernel
//===----------------------------------------------------------------------===//

static bool isEmpty(const Dim3 &size) {
  return size.x == 0 || size.y == 0 || size.z == 0;
}

static bool exceeds(const Dim3 &size, const Dim3 &limit) {
  return size.x > limit.x || size.y > limit.y || size.z > limit.z;
}

Status Kernel::checkShape(const LaunchShape &shape) const {
  const DeviceProperties &properties = theDevice->properties();
  auto invalid = [&](std::string why) {
    return Status(StatusCode::InvalidArgument,
                  concat("cannot launch '", theName, "': ", why));
  };
  if (isEmpty(shape.grid))
    return invalid(concat("its grid of ", text(shape.grid), " is empty"));
  if (isEmpty(shape.block))
    return invalid(concat("its block of ", text(shape.block), " is empty"));
  if (exceeds(shape.grid, properties.maxGrid))
    return invalid(concat("its grid of ", text(shape.grid),
                          " exceeds the limit of ", text(properties),
                          ", which is ", text(properties.maxGrid)));
  if (exceeds(shape.block, properties.maxBlock))
    return invalid(concat("its block of ", text(shape.block),
                          " exceeds the limit of ", text(properties),
                          ", which is ", text(properties.maxBlock)));
  uint64_t threads = uint64_t(shape.block.x) * shape.block.y * shape.block.z;
  if (threads > uint64_t(theAttributes.maxThreadsPerBlock))
    return invalid(concat("its block of ", text(shape.block), " has ", threads,
                          " threads, but its code allows ",
                          theAttributes.maxThreadsPerBlock));
  if (shape.sharedBytes > maxDynamicBytes)
    return invalid(concat("it asks for ", shape.sharedBytes,
                          " bytes of dynamic shared memory, but it was loaded "
                          "for ",
                          maxDynamicBytes));
  return Status();
}

Status Kernel::launch(const LaunchShape &shape, void **parameters) const try {
  if (Status status = checkShape(shape); !status.ok())
    return status;
  return inContext(*theDevice, [&]() -> Status {
    const Dim3 &grid = shape.grid;
    const Dim3 &block = shape.block;
    HILBERT_CUDA_CALL(
        theDevice->driver(), cuLaunchKernel,
        (function, grid.x, grid.y, grid.z, block.x, block.y, block.z,
         shape.sharedBytes, shape.stream, parameters, nullptr),
        concat("launching '", theName, "' on device ", theDevice->ordinal(),
               " (grid ", text(grid), ", block ", text(block), ", ",
               shape.sharedBytes, " bytes of dynamic shared memory)"));
    return Status();
  });
} catch (const std::bad_alloc &) {
  return Status::noHostMemory();
}

//===----------------------------------------------------------------------===//
// Module
//===----------------------------------------------------------------------===//

/// The driver does not know where an image ends: it must not be sent to read
/// beyond a file that was cut off.
static Status checkImage(const std::string &image, std::string_view name) {
  if (image.empty())
    return Status(StatusCode::InvalidArgument,
                  concat("the code of '", name, "' is empty"));
  if (image.compare(0, SELFMAG, ELFMAG) != 0)
    return Status();
  Elf64_Ehdr header = {};
  std::memcpy(&header, image.data(), std::min(image.size(), sizeof(header)));
  uint64_t tables[] = {
      sizeof(header),
      header.e_shoff + uint64_t(header.e_shnum) * header.e_shentsize,
      header.e_phoff + uint64_t(header.e_phnum) * header.e_phentsize,
  };
  for (uint64_t end : tables)
    if (end > image.size())
      return Status(StatusCode::InvalidArgument,
                    concat("the code of '", name, "' is cut off: it has ",
                           image.size(), " bytes of at least ", end));
  return Status();
}

/// Without the line breaks at its end.
static std::string_view textOf(const std::vector<char> &log) {
  std::string_view text(log.data(), strnlen(log.data(), log.size()));
  return text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
}

template <typename T> static void *optionValue(T value) {
  return reinterpret_cast<void *>(uintptr_t(value));
}

Result<Module> Module::load(const Device &device, std::string_view image,
                            std::string_view name) try {
  // Terminated, as PTX must be, and aligned.
  const std::string copy(image);
  if (Status status = checkImage(copy, name); !status.ok())
    return status;
  Module module(device, name);
  std::vector<char> errors(kLogBytes);
  std::vector<char> infos(kLogBytes);
  CUjit_option options[] = {
      CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES,
      CU_JIT_INFO_LOG_BUFFER, CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES,
      CU_JIT_LOG_VERBOSE};
  // The driver overwrites the sizes.
  void *values[] = {errors.data(), optionValue(kLogBytes), infos.data(),
                    optionValue(kLogBytes), optionValue(1)};
  Status status = inRelaxedContext(device, [&]() -> Status {
    HILBERT_CUDA_CALL(
        device.driver(), cuModuleLoadDataEx,
        (&module.handle, copy.c_str(), unsigned(std::size(values)), options,
         values),
        concat("loading '", name, "' on device ", device.ordinal(),
               textOf(errors).empty() ? "" : ": ", textOf(errors)));
    return Status();
  });
  if (!status.ok())
    return status;
  module.assemblerLog = textOf(infos);
  return module;
} catch (const std::bad_alloc &) {
  return Status::noHostMemory();
}

Module::Module(Module &&other) noexcept
    : device(other.device), name(std::move(other.name)),
      assemblerLog(std::move(other.assemblerLog)),
      handle(std::exchange(other.handle, nullptr)) {}

Module &Module::operator=(Module &&other) noexcept {
  std::swap(device, other.device);
  std::swap(name, other.name);
  std::swap(assemblerLog, other.assemblerLog);
  std::swap(handle, other.handle);
  return *this;
}

Module::~Module() { (void)unload(); }

Status Module::unload() {
  if (!handle)
    return Status();
  return inRelaxedContext(*device, [&]() -> Status {
    HILBERT_CUDA_CALL(
        device->driver(), cuModuleUnload, (handle),
        concat("unloading '", name, "' from device ", device->ordinal()));
    handle = nullptr;
    return Status();
  });
}

Result<Kernel> Module::kernel(std::string_view kernelName,
                              unsigned dynamicSharedBytes) const try {
  Kernel kernel(*device, std::string(kernelName));
  KernelAttributes &attributes = kernel.theAttributes;
  kernel.maxDynamicBytes = dynamicSharedBytes;
  Status status = inRelaxedContext(*device, [&]() -> Status {
    const Driver &driver = device->driver();
    HILBERT_CUDA_CALL(
        driver, cuModuleGetFunction,
        (&kernel.function, handle, kernel.theName.c_str()),
        concat("looking up kernel '", kernelName, "' of '", name, "'"));
    int allowedBytes = 0;
    const std::pair<CUfunction_attribute, int *> queries[] = {
        {CU_FUNC_ATTRIBUTE_NUM_REGS, &attributes.registersPerThread},
        {CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES, &attributes.localBytes},
        {CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, &attributes.staticSharedBytes},
        {CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK,
         &attributes.maxThreadsPerBlock},
        {CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, &allowedBytes},
    };
    for (const auto &[attribute, value] : queries)
      HILBERT_CUDA_CALL(driver, cuFuncGetAttribute,
                        (value, attribute, kernel.function),
                        concat("asking for attribute ", unsigned(attribute),
                               " of kernel '", kernelName, "'"));

    const DeviceProperties &properties = device->properties();
    uint64_t sharedBytes =
        uint64_t(dynamicSharedBytes) + attributes.staticSharedBytes;
    if (sharedBytes > uint64_t(properties.maxSharedBytes))
      return Status(StatusCode::Unsupported,
                    concat("kernel '", kernelName, "' needs ", sharedBytes,
                           " bytes of shared memory per block, but ",
                           text(properties), " has ",
                           properties.maxSharedBytes));
    // The limit belongs to the function: another Kernel of it may need more.
    if (sharedBytes > kDefaultSharedBytes)
      HILBERT_CUDA_CALL(
          driver, cuFuncSetAttribute,
          (kernel.function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
           std::max(int(dynamicSharedBytes), allowedBytes)),
          concat("setting the dynamic shared memory of kernel '", kernelName,
                 "' to ", dynamicSharedBytes, " bytes"));
    return Status();
  });
  if (!status.ok())
    return status;
  return kernel;
} catch (const std::bad_alloc &) {
  return Status::noHostMemory();
}

Result<LoadedKernel> LoadedKernel::load(const Device &device,
                                        std::string_view image,
                                        std::string_view name,
                                        unsigned dynamicSharedBytes) try {
  Result<Module> module = Module::load(device, image, name);
  if (!module.ok())
    return module.status();
  Result<Kernel> kernel = module->kernel(name, dynamicSharedBytes);
  if (!kernel.ok())
    return kernel.status();
  return LoadedKernel{*std::move(module), *std::move(kernel)};
} catch (const std::bad_alloc &) {
  return Status::noHostMemory();
}
