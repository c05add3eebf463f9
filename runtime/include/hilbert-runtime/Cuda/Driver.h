//===- Driver.h - The CUDA driver -------------------------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_RUNTIME_CUDA_DRIVER_H
#define HILBERT_RUNTIME_CUDA_DRIVER_H

#include "hilbert-runtime/Cuda/ABI.h"
#include "hilbert-runtime/Status.h"

#include <cstddef>
#include <string>

namespace hilbert::rt::cuda {

/// The oldest driver that is used, as cuDriverGetVersion counts: CUDA 12.0, the
/// first that takes PTX 8.0, which is what kernels for Hopper (sm_90a) are
/// written in. It has every function of Symbols.def.
constexpr int kMinDriverVersion = 12000;

/// The functions of the driver library, which is loaded when it is first asked
/// for and stays until the process ends.
class Driver {
public:
  /// The driver, loaded and initialised once: libcuda.so.1, or the file that
  /// the environment variable HILBERT_CUDA_DRIVER names. Later calls return the
  /// same driver, or the same error: NotFound without a library or a device,
  /// Unsupported if it is older than kMinDriverVersion or lacks a function. In
  /// the forked child of a process that had initialised the driver it is
  /// checkProcess(). Thread-safe.
  static Result<const Driver *> get();

  /// Ok, or a DriverError in the forked child of a process that had initialised
  /// the driver: CUDA does not work there, in no library. Takes no lock, so
  /// whatever could wait for another thread asks this first.
  static Status checkProcess();

  /// As cuDriverGetVersion counts: 12040 is CUDA 12.4.
  int version() const { return driverVersion; }
  /// The library, as it was named to the dynamic linker.
  const std::string &file() const { return libraryFile; }

  /// The error for a `result` of the function `call` that was called while
  /// `attempt`, as in "cuMemAlloc_v2 failed with CUDA_ERROR_OUT_OF_MEMORY (2)
  /// while allocating 16 bytes on device 0".
  Status error(CUresult result, const char *call,
               const std::string &attempt) const;

#define HILBERT_CUDA_SYMBOL(name, ...) CUresult (*name)(__VA_ARGS__) = nullptr;
#include "hilbert-runtime/Cuda/Symbols.def"

private:
  Driver() = default;
  Status load();

  std::string libraryFile;
  int driverVersion = 0;
};

} // namespace hilbert::rt::cuda

#endif // HILBERT_RUNTIME_CUDA_DRIVER_H
