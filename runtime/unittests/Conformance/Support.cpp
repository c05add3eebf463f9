//===- Support.cpp - What the conformance tests share ---------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support.h"

#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>

using namespace hilbert;
using namespace hilbert::conformance;

const Device &conformance::device() {
  static const Device &theDevice = *get(Device::get(0));
  return theDevice;
}

template <typename Function>
static void lookUp(void *library, const char *name, Function &function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (!function) {
    std::fprintf(stderr, "fatal: the driver has no function %s\n", name);
    std::abort();
  }
}

const MoreDriver &MoreDriver::get() {
  static const MoreDriver theDriver = [] {
    MoreDriver more;
    void *library =
        dlopen(device().driver().file().c_str(), RTLD_NOW | RTLD_LOCAL);
#define LOOK_UP(name) lookUp(library, #name, more.name)
    LOOK_UP(cuCtxGetCurrent);
    LOOK_UP(cuStreamBeginCapture_v2);
    LOOK_UP(cuStreamEndCapture);
    LOOK_UP(cuGraphInstantiateWithFlags);
    LOOK_UP(cuGraphLaunch);
    LOOK_UP(cuGraphExecDestroy);
    LOOK_UP(cuGraphDestroy);
    LOOK_UP(cuMemAllocManaged);
    LOOK_UP(cuMemHostAlloc);
    LOOK_UP(cuMemFreeHost);
    LOOK_UP(cuLinkCreate_v2);
    LOOK_UP(cuLinkAddData_v2);
    LOOK_UP(cuLinkComplete);
    LOOK_UP(cuLinkDestroy);
#undef LOOK_UP
    return more;
  }();
  return theDriver;
}

std::vector<float> conformance::ramp(size_t count, float start, float step) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] = start + step * float(i);
  return values;
}

Status conformance::launchAdd(const Kernel &kernel, CUdeviceptr out,
                              CUdeviceptr a, CUdeviceptr b, unsigned count,
                              CUstream stream) {
  void *parameters[] = {&out, &a, &b, &count};
  return kernel.launch({{(count + 255) / 256}, {256}, 0, stream}, parameters);
}

Status conformance::launchDelay(const Kernel &kernel, double milliseconds,
                                CUstream stream) {
  auto nanoseconds = static_cast<unsigned long long>(milliseconds * 1e6);
  void *parameters[] = {&nanoseconds};
  return kernel.launch({{}, {}, 0, stream}, parameters);
}

int main(int argc, char **argv) {
  testing::InitGoogleTest(&argc, argv);
  Result<const Device *> found = Device::get(0);
  if (!found.ok()) {
    bool isAbsent = found.status().code() == StatusCode::NotFound;
    std::printf("%s: %s\n", isAbsent ? "skipped" : "failed",
                found.status().message().c_str());
    return isAbsent ? kSkipped : 1;
  }
  const DeviceProperties &properties = found->properties();
  int version = found->driver().version();
  std::printf("device 0: %s, sm_%d, %d multiprocessors, %d bytes of shared "
              "memory per block, %.1f GiB, %.1f MiB of L2; driver for CUDA "
              "%d.%d\n",
              properties.name.c_str(), properties.computeCapability,
              properties.multiprocessors, properties.maxSharedBytes,
              double(properties.memoryBytes) / (1 << 30),
              double(properties.l2Bytes) / (1 << 20), version / 1000,
              version % 1000 / 10);
  return RUN_ALL_TESTS();
}

const char *const conformance::kPtx = R"ptx(.version 7.0
.target sm_80
.address_size 64

.extern .shared .align 16 .b8 scratch[];

// out[i] = a[i] + b[i] for i < count
.visible .entry add(.param .u64 out, .param .u64 a, .param .u64 b,
                    .param .u32 count)
{
  .reg .pred %p;
  .reg .b32 %r<6>;
  .reg .b64 %rd<8>;
  .reg .f32 %f<4>;
  mov.u32 %r1, %ctaid.x;
  mov.u32 %r2, %ntid.x;
  mov.u32 %r3, %tid.x;
  mad.lo.u32 %r4, %r1, %r2, %r3;
  ld.param.u32 %r5, [count];
  setp.ge.u32 %p, %r4, %r5;
  @%p bra done;
  ld.param.u64 %rd1, [out];
  ld.param.u64 %rd2, [a];
  ld.param.u64 %rd3, [b];
  cvta.to.global.u64 %rd1, %rd1;
  cvta.to.global.u64 %rd2, %rd2;
  cvta.to.global.u64 %rd3, %rd3;
  mul.wide.u32 %rd4, %r4, 4;
  add.u64 %rd5, %rd2, %rd4;
  add.u64 %rd6, %rd3, %rd4;
  add.u64 %rd7, %rd1, %rd4;
  ld.global.f32 %f1, [%rd5];
  ld.global.f32 %f2, [%rd6];
  add.f32 %f3, %f1, %f2;
  st.global.f32 [%rd7], %f3;
done:
  ret;
}

// out[count - 1 - i] = in[i] for i < count, by one block, through count * 4
// bytes of dynamic shared memory
.visible .entry reverse(.param .u64 out, .param .u64 in, .param .u32 count)
{
  .reg .pred %p;
  .reg .b32 %r<10>;
  .reg .b64 %rd<6>;
  ld.param.u64 %rd1, [out];
  ld.param.u64 %rd2, [in];
  ld.param.u32 %r1, [count];
  cvta.to.global.u64 %rd1, %rd1;
  cvta.to.global.u64 %rd2, %rd2;
  mov.u32 %r2, scratch;
  mov.u32 %r3, %ntid.x;
  mov.u32 %r4, %tid.x;
load:
  setp.ge.u32 %p, %r4, %r1;
  @%p bra loaded;
  mul.wide.u32 %rd3, %r4, 4;
  add.u64 %rd4, %rd2, %rd3;
  ld.global.b32 %r5, [%rd4];
  shl.b32 %r6, %r4, 2;
  add.u32 %r6, %r6, %r2;
  st.shared.b32 [%r6], %r5;
  add.u32 %r4, %r4, %r3;
  bra load;
loaded:
  bar.sync 0;
  mov.u32 %r4, %tid.x;
store:
  setp.ge.u32 %p, %r4, %r1;
  @%p bra stored;
  sub.u32 %r7, %r1, %r4;
  sub.u32 %r7, %r7, 1;
  shl.b32 %r8, %r7, 2;
  add.u32 %r8, %r8, %r2;
  ld.shared.b32 %r9, [%r8];
  mul.wide.u32 %rd3, %r4, 4;
  add.u64 %rd4, %rd1, %rd3;
  st.global.b32 [%rd4], %r9;
  add.u32 %r4, %r4, %r3;
  bra store;
stored:
  ret;
}

// returns after this many nanoseconds
.visible .entry delay(.param .u64 nanoseconds)
{
  .reg .pred %p;
  .reg .b64 %rd<4>;
  ld.param.u64 %rd1, [nanoseconds];
  mov.u64 %rd2, %globaltimer;
wait:
  nanosleep.u32 1000;
  mov.u64 %rd3, %globaltimer;
  sub.u64 %rd3, %rd3, %rd2;
  setp.lt.u64 %p, %rd3, %rd1;
  @%p bra wait;
  ret;
}
)ptx";
