//===- Support.h - What the conformance tests share -------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_RUNTIME_UNITTESTS_CONFORMANCE_SUPPORT_H
#define HILBERT_RUNTIME_UNITTESTS_CONFORMANCE_SUPPORT_H

#include "hilbert-runtime/Cuda/OnceCache.h"
#include "hilbert-runtime/Cuda/Stream.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace hilbert::conformance {

using namespace hilbert::rt;
using namespace hilbert::rt::cuda;

/// The exit status without a driver or a device to test: the convention of
/// Automake and Meson for a skipped test.
constexpr int kSkipped = 77;

/// PTX 7.0 for sm_80 with these kernels:
///   add(out, a, b, count)      out[i] = a[i] + b[i], floats
///   reverse(out, in, count)    out[count - 1 - i] = in[i], in one block,
///   through
///                              4 * count bytes of dynamic shared memory
///   delay(nanoseconds)         returns after this time
extern const char *const kPtx;

/// Device 0.
const Device &device();

/// The value of a result; the process ends without it.
template <typename T> T get(Result<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "fatal: %s\n", result.status().message().c_str());
    std::abort();
  }
  return *std::move(result);
}

#define EXPECT_OK(status) EXPECT_EQ((status).message(), "")

/// Functions of the driver that the runtime does not call.
struct MoreDriver {
  using Graph = struct GraphStruct *;
  using GraphExec = struct GraphExecStruct *;
  using LinkState = struct LinkStateStruct *;

  CUresult (*cuCtxGetCurrent)(CUcontext *);
  CUresult (*cuStreamBeginCapture_v2)(CUstream, unsigned mode);
  CUresult (*cuStreamEndCapture)(CUstream, Graph *);
  CUresult (*cuGraphInstantiateWithFlags)(GraphExec *, Graph,
                                          unsigned long long flags);
  CUresult (*cuGraphLaunch)(GraphExec, CUstream);
  CUresult (*cuGraphExecDestroy)(GraphExec);
  CUresult (*cuGraphDestroy)(Graph);
  CUresult (*cuMemAllocManaged)(CUdeviceptr *, size_t, unsigned flags);
  CUresult (*cuMemHostAlloc)(void **, size_t, unsigned flags);
  CUresult (*cuMemFreeHost)(void *);
  CUresult (*cuLinkCreate_v2)(unsigned, CUjit_option *, void **, LinkState *);
  CUresult (*cuLinkAddData_v2)(LinkState, unsigned type, void *data,
                               size_t bytes, const char *name, unsigned,
                               CUjit_option *, void **);
  CUresult (*cuLinkComplete)(LinkState, void **cubin, size_t *bytes);
  CUresult (*cuLinkDestroy)(LinkState);

  static const MoreDriver &get();
};

/// Floats on the host and on the device.
class Floats {
public:
  Floats(const Device &device, std::vector<float> values)
      : device(device), values(std::move(values)),
        buffer(conformance::get(upload(device, this->values.data(), bytes()))) {
  }

  size_t bytes() const { return values.size() * sizeof(float); }
  CUdeviceptr address() const { return buffer.address(); }
  /// What is on the device after the work on `stream`.
  std::vector<float> read(CUstream stream) {
    EXPECT_OK(
        copyToHost(device, values.data(), buffer.address(), bytes(), stream));
    return values;
  }

private:
  const Device &device;
  std::vector<float> values;
  Buffer buffer;
};

/// start, start + step, …
std::vector<float> ramp(size_t count, float start, float step);

/// Launches add(out, a, b, count).
Status launchAdd(const Kernel &kernel, CUdeviceptr out, CUdeviceptr a,
                 CUdeviceptr b, unsigned count, CUstream stream);

/// Launches delay().
Status launchDelay(const Kernel &kernel, double milliseconds, CUstream stream);

} // namespace hilbert::conformance

#endif // HILBERT_RUNTIME_UNITTESTS_CONFORMANCE_SUPPORT_H
