//===- Call.h - Calls into the driver ---------------------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_RUNTIME_LIB_CUDA_CALL_H
#define HILBERT_RUNTIME_LIB_CUDA_CALL_H

#include "hilbert-runtime/Cuda/Device.h"

#include <new>
#include <string>
#include <string_view>
#include <type_traits>

namespace hilbert::rt::cuda {

inline void appendTo(std::string &text, std::string_view piece) {
  text += piece;
}
template <typename T, std::enable_if_t<std::is_integral_v<T>, int> = 0>
void appendTo(std::string &text, T number) {
  text += std::to_string(number);
}

/// The text of all `pieces`, which are strings and integers. (Streams would
/// write numbers as the host application's locale does.)
template <typename... Pieces> std::string concat(const Pieces &...pieces) {
  std::string text;
  (appendTo(text, pieces), ...);
  return text;
}

/// Calls `name` of the driver with the parenthesised `args`; returns its error
/// from the function around it. `attempt` is evaluated only then.
#define HILBERT_CUDA_CALL(driver, name, args, attempt)                         \
  do {                                                                         \
    if (CUresult callResult = (driver).name args)                              \
      return (driver).error(callResult, #name, attempt);                       \
  } while (false)

/// The Status that `body` returns, or what stands for its std::bad_alloc.
template <typename Body> Status catching(Body &&body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc &) {
    return Status::noHostMemory();
  }
}

/// Runs `body`, which returns a Status, with the context of `device` as the
/// current one. Its error comes before one of leaving the context.
template <typename Body> Status inContext(const Device &device, Body body) {
  ContextGuard guard(device);
  if (!guard.status().ok())
    return guard.status();
  Status status = catching(body);
  Status left = guard.leave();
  return status.ok() ? left : status;
}

/// The same for a body that does what the driver forbids while any stream of
/// the process is being captured, for it could mean to synchronise with the
/// captured work: to load code, and to allocate or free memory. In the relaxed
/// mode the calling thread vouches that it does not mean to.
template <typename Body>
Status inRelaxedContext(const Device &device, Body body) {
  return inContext(device, [&]() -> Status {
    const Driver &driver = device.driver();
    CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_RELAXED;
    HILBERT_CUDA_CALL(driver, cuThreadExchangeStreamCaptureMode, (&mode),
                      "relaxing the capture mode of this thread");
    Status status = catching(body);
    CUresult result = driver.cuThreadExchangeStreamCaptureMode(&mode);
    if (result != CUDA_SUCCESS && status.ok())
      status = driver.error(result, "cuThreadExchangeStreamCaptureMode",
                            "restoring the capture mode of this thread");
    return status;
  });
}

} // namespace hilbert::rt::cuda

#endif // HILBERT_RUNTIME_LIB_CUDA_CALL_H
