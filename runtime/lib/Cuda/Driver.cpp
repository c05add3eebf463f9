//===- Driver.cpp - The CUDA driver ---------------------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert-runtime/Cuda/Driver.h"

#include "Cuda/Call.h"

#include <atomic>
#include <cstdlib>
#include <dlfcn.h>
#include <new>
#include <pthread.h>

using namespace hilbert::rt;
using namespace hilbert::rt::cuda;

namespace {
/// What a fork finds.
enum class Phase {
  /// Nobody has asked for the driver: a child may.
  Idle,
  /// The driver may have been initialised: a child must not touch it.
  Started,
  /// It was not: a child sees the same error.
  Failed,
  /// This process is such a child.
  Lost,
};
} // namespace

static std::atomic<Phase> phase{Phase::Idle};

// Async-signal-safe, as the child of a threaded process must be.
[[maybe_unused]] static const int forkHandler =
    pthread_atfork(nullptr, nullptr, [] {
      if (phase.load(std::memory_order_relaxed) == Phase::Started)
        phase.store(Phase::Lost, std::memory_order_relaxed);
    });

static std::string versionText(int version) {
  return concat(version / 1000, ".", version % 1000 / 10);
}

static StatusCode codeOf(CUresult result) {
  switch (result) {
  case CUDA_ERROR_OUT_OF_MEMORY:
    return StatusCode::OutOfMemory;
  case CUDA_ERROR_NO_DEVICE:
    return StatusCode::NotFound;
  case CUDA_ERROR_NO_BINARY_FOR_GPU:
  case CUDA_ERROR_UNSUPPORTED_PTX_VERSION:
  case CUDA_ERROR_NOT_SUPPORTED:
    return StatusCode::Unsupported;
  default:
    return StatusCode::DriverError;
  }
}

Status Driver::error(CUresult result, const char *call,
                     const std::string &attempt) const try {
  const char *name = nullptr;
  // A newer driver's error in an older one's table has no name.
  if (cuGetErrorName(result, &name) != CUDA_SUCCESS || !name)
    name = "an unnamed error";
  return Status(codeOf(result), concat(call, " failed with ", name, " (",
                                       unsigned(result), ") while ", attempt));
} catch (const std::bad_alloc &) {
  return Status::noHostMemory();
}

Status Driver::load() {
  const char *file = std::getenv("HILBERT_CUDA_DRIVER");
  libraryFile = file && *file ? file : "libcuda.so.1";
  // Never closed: kernels and other users of it may run until the process ends.
  void *library = dlopen(libraryFile.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *reason = dlerror();
    return Status(StatusCode::NotFound,
                  concat("cannot load the CUDA driver: ",
                         reason ? reason : libraryFile.c_str()));
  }

  // An old driver lacks functions, but its age is the better explanation.
  const char *missing = nullptr;
#define HILBERT_CUDA_SYMBOL(name, ...)                                         \
  this->name = reinterpret_cast<decltype(this->name)>(dlsym(library, #name));  \
  if (!this->name && !missing)                                                 \
    missing = #name;
#include "hilbert-runtime/Cuda/Symbols.def"
  if (cuDriverGetVersion && cuGetErrorName) {
    HILBERT_CUDA_CALL(*this, cuDriverGetVersion, (&driverVersion),
                      "asking for the version of the CUDA driver");
    if (driverVersion < kMinDriverVersion)
      return Status(StatusCode::Unsupported,
                    concat("the CUDA driver is too old: it is for CUDA ",
                           versionText(driverVersion), ", but ",
                           versionText(kMinDriverVersion),
                           " or newer is needed"));
  }
  if (missing)
    return Status(
        StatusCode::Unsupported,
        concat("the CUDA driver ", libraryFile, " has no function ", missing));

  HILBERT_CUDA_CALL(*this, cuInit, (0), "initialising the CUDA driver");
  return Status();
}

Result<const Driver *> Driver::get() try {
  if (Status status = checkProcess(); !status.ok())
    return status;
  // Before the lock of the initialisation: a fork that finds it held must find
  // this, too.
  Phase idle = Phase::Idle;
  phase.compare_exchange_strong(idle, Phase::Started);
  struct Loaded {
    Driver driver;
    Status status = driver.load();
  };
  // Leaked on purpose: see dlopen.
  static const Loaded &loaded = *new Loaded;
  if (loaded.status.ok())
    return &loaded.driver;
  phase.store(Phase::Failed, std::memory_order_relaxed);
  return loaded.status;
} catch (const std::bad_alloc &) {
  return Status::noHostMemory();
}

Status Driver::checkProcess() try {
  if (phase.load(std::memory_order_relaxed) != Phase::Lost)
    return Status();
  return Status(StatusCode::DriverError,
                "CUDA does not work in this process: it was forked from one "
                "that had initialised the CUDA driver (start it with spawn or "
                "forkserver instead, or fork before the first use of CUDA)");
} catch (const std::bad_alloc &) {
  return Status::noHostMemory();
}
