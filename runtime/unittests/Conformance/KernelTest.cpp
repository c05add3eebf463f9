//===- KernelTest.cpp - Kernels on a real device --------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support.h"

#include <algorithm>
#include <chrono>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace hilbert;
using namespace hilbert::conformance;

namespace {

bool contains(const std::string &text, const std::string &piece) {
  return text.find(piece) != std::string::npos;
}

TEST(Devices, Properties) {
  EXPECT_GE(get(Device::count()), 1);
  const DeviceProperties &properties = device().properties();
  EXPECT_FALSE(properties.name.empty());
  EXPECT_GE(properties.computeCapability, kMinComputeCapability);
  EXPECT_GE(properties.multiprocessors, 1);
  EXPECT_GE(properties.maxSharedBytes, 99 << 10);
  EXPECT_EQ(properties.maxThreadsPerBlock, 1024);
  EXPECT_EQ(properties.maxGrid.x, 2147483647u);
  EXPECT_EQ(properties.maxGrid.y, 65535u);
  EXPECT_GE(properties.memoryBytes, uint64_t(1) << 30);
  EXPECT_GE(properties.l2Bytes, 1 << 20);
  EXPECT_EQ(Device::get(1000).status().code(), StatusCode::InvalidArgument);
}

TEST(Devices, CurrentContextIsUntouched) {
  CUcontext before = nullptr;
  CUcontext after = nullptr;
  ASSERT_EQ(MoreDriver::get().cuCtxGetCurrent(&before), CUDA_SUCCESS);
  Floats values(device(), ramp(10, 0, 1));
  EXPECT_FALSE(Buffer::allocate(device(), size_t(1) << 60).ok());
  ASSERT_EQ(MoreDriver::get().cuCtxGetCurrent(&after), CUDA_SUCCESS);
  EXPECT_EQ(after, before);
}

TEST(Devices, ForkedChild) {
  pid_t child = fork();
  if (child == 0) {
    alarm(60);
    bool isRefused = !Device::get(0).ok() && !Driver::get().ok() &&
                     !Buffer::allocate(device(), 16).ok();
    _exit(isRefused ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(Modules, AssemblersLog) {
  Module module = get(Module::load(device(), kPtx, "kernels"));
  std::printf("log of the assembler: %s\n", module.log().c_str());
  Kernel kernel = get(module.kernel("reverse"));
  EXPECT_GT(kernel.attributes().registersPerThread, 0);
  EXPECT_EQ(kernel.attributes().localBytes, 0);
  EXPECT_EQ(kernel.attributes().staticSharedBytes, 0);
  EXPECT_EQ(kernel.attributes().maxThreadsPerBlock, 1024);
}

TEST(Modules, InvalidText) {
  std::string broken(kPtx);
  size_t where = broken.find("add.f32");
  broken.replace(where, 7, "bad.f32");
  Status status = Module::load(device(), broken, "broken").status();
  std::printf("invalid PTX: %s\n", status.message().c_str());
  EXPECT_EQ(status.message().find("cuModuleLoadDataEx failed with "
                                  "CUDA_ERROR_INVALID_PTX (218) while loading "
                                  "'broken' on device 0: "),
            0u);
  EXPECT_TRUE(contains(status.message(), "line"));
  EXPECT_FALSE(Module::load(device(), "no PTX at all", "none").ok());
  // The next one loads.
  EXPECT_OK(Module::load(device(), kPtx, "kernels").status());
}

TEST(Modules, VersionOfTheFuture) {
  std::string text(kPtx);
  text.replace(text.find("7.0"), 3, "99.9");
  Status status = Module::load(device(), text, "future").status();
  std::printf("PTX 99.9: %s\n", status.message().c_str());
  EXPECT_FALSE(status.ok());
  EXPECT_TRUE(contains(status.message(), "while loading 'future'"));
}

TEST(Modules, UnknownKernel) {
  Status status = LoadedKernel::load(device(), kPtx, "subtract").status();
  EXPECT_EQ(status.message(),
            "cuModuleGetFunction failed with CUDA_ERROR_NOT_FOUND (500) while "
            "looking up kernel 'subtract' of 'subtract'");
}

/// The machine code of kPtx for device 0.
std::string makeCubin() {
  const MoreDriver &more = MoreDriver::get();
  ContextGuard guard(device());
  MoreDriver::LinkState state = nullptr;
  void *cubin = nullptr;
  size_t bytes = 0;
  std::string ptx(kPtx);
  const unsigned typePtx = 1;
  EXPECT_EQ(more.cuLinkCreate_v2(0, nullptr, nullptr, &state), CUDA_SUCCESS);
  EXPECT_EQ(more.cuLinkAddData_v2(state, typePtx, ptx.data(), ptx.size() + 1,
                                  "kernels", 0, nullptr, nullptr),
            CUDA_SUCCESS);
  EXPECT_EQ(more.cuLinkComplete(state, &cubin, &bytes), CUDA_SUCCESS);
  std::string copy(static_cast<const char *>(cubin), bytes);
  EXPECT_EQ(more.cuLinkDestroy(state), CUDA_SUCCESS);
  return copy;
}

TEST(Modules, Cubin) {
  std::string cubin = makeCubin();
  LoadedKernel add = get(LoadedKernel::load(device(), cubin, "add"));
  Floats a(device(), ramp(100, 0, 1));
  Floats b(device(), ramp(100, 0, 2));
  EXPECT_OK(launchAdd(add.kernel, a.address(), a.address(), b.address(), 100,
                      nullptr));
  EXPECT_EQ(a.read(nullptr), ramp(100, 0, 3));

  Status status =
      Module::load(device(), cubin.substr(0, cubin.size() / 2), "half")
          .status();
  EXPECT_EQ(status.code(), StatusCode::InvalidArgument);
  EXPECT_TRUE(contains(status.message(), "'half' is cut off"));
}

TEST(Kernels, EveryKindOfStream) {
  LoadedKernel add = get(LoadedKernel::load(device(), kPtx, "add"));
  Stream own = get(Stream::create(device()));
  const unsigned count = 100003;
  for (CUstream stream : {own.handle(), CUstream(nullptr), perThreadStream()}) {
    Floats a(device(), ramp(count, 0.5f, 1));
    Floats b(device(), ramp(count, 0, 2));
    Floats out(device(), std::vector<float>(count, -1));
    EXPECT_OK(launchAdd(add.kernel, out.address(), a.address(), b.address(),
                        count, stream));
    EXPECT_EQ(out.read(stream), ramp(count, 0.5f, 3));
  }
}

TEST(Kernels, LargeSharedMemory) {
  const unsigned count = 24000;
  const unsigned bytes = count * sizeof(float);
  LoadedKernel reverse =
      get(LoadedKernel::load(device(), kPtx, "reverse", bytes));
  std::vector<float> values = ramp(count, 0, 1);
  Floats in(device(), values);
  Floats out(device(), std::vector<float>(count, -1));
  CUdeviceptr to = out.address();
  CUdeviceptr from = in.address();
  unsigned length = count;
  void *parameters[] = {&to, &from, &length};
  EXPECT_OK(reverse.kernel.launch({{1}, {1024}, bytes, nullptr}, parameters));
  std::reverse(values.begin(), values.end());
  EXPECT_EQ(out.read(nullptr), values);
}

TEST(Kernels, AllSharedMemory) {
  unsigned most = device().properties().maxSharedBytes;
  Module module = get(Module::load(device(), kPtx, "kernels"));
  EXPECT_OK(module.kernel("reverse", most).status());
  Status status = module.kernel("reverse", most + 4).status();
  EXPECT_EQ(status.code(), StatusCode::Unsupported);
  EXPECT_TRUE(contains(status.message(), std::to_string(most + 4)));
  EXPECT_TRUE(contains(status.message(), std::to_string(most)));
  // A second look-up that needs less takes nothing from the first.
  Kernel large = get(module.kernel("reverse", most));
  get(module.kernel("reverse", 64 << 10));
  CUdeviceptr none = 0;
  unsigned length = 0;
  void *parameters[] = {&none, &none, &length};
  EXPECT_OK(large.launch({{}, {}, most, nullptr}, parameters));
  EXPECT_OK(synchronize(device(), nullptr));
}

TEST(Kernels, ShapeLimits) {
  LoadedKernel add = get(LoadedKernel::load(device(), kPtx, "add"));
  for (LaunchShape shape : {LaunchShape{{0}, {1}, 0, nullptr},
                            LaunchShape{{1, 65536}, {1}, 0, nullptr},
                            LaunchShape{{1}, {1025}, 0, nullptr},
                            LaunchShape{{1}, {1}, 16, nullptr}})
    EXPECT_EQ(add.kernel.launch(shape, nullptr).code(),
              StatusCode::InvalidArgument);
}

TEST(Kernels, Threads) {
  KernelCache cache;
  auto work = [&](int seed) {
    Stream stream = get(Stream::create(device()));
    auto add = get(cache.get(device(), "add", [] {
      return LoadedKernel::load(device(), kPtx, "add");
    }));
    const unsigned count = 5000;
    Floats sum(device(), ramp(count, 0, 0));
    Floats step(device(), ramp(count, float(seed), 1));
    for (int i = 0; i < 100; ++i)
      EXPECT_OK(launchAdd(add->kernel, sum.address(), sum.address(),
                          step.address(), count, stream.handle()));
    EXPECT_EQ(sum.read(stream.handle()), ramp(count, 100 * float(seed), 100));
  };
  std::thread first(work, 1);
  std::thread second(work, 2);
  first.join();
  second.join();
  EXPECT_EQ(cache.size(), 1u);
}

TEST(Kernels, EveryDevice) {
  for (int ordinal = 0; ordinal < get(Device::count()); ++ordinal) {
    Result<const Device *> found = Device::get(ordinal);
    if (found.status().code() == StatusCode::Unsupported)
      continue;
    const Device &other = *get(std::move(found));
    LoadedKernel add = get(LoadedKernel::load(other, kPtx, "add"));
    Floats a(other, ramp(1000, 0, 1));
    EXPECT_OK(launchAdd(add.kernel, a.address(), a.address(), a.address(), 1000,
                        nullptr));
    EXPECT_EQ(a.read(nullptr), ramp(1000, 0, 2));
  }
}

TEST(Kernels, LaunchIsCheap) {
  LoadedKernel delay = get(LoadedKernel::load(device(), kPtx, "delay"));
  Stream stream = get(Stream::create(device()));
  const int count = 1000;
  double best = 1e9;
  for (int round = 0; round < 5; ++round) {
    // The stream is busy, and does not hold so many launches that one waits.
    EXPECT_OK(launchDelay(delay.kernel, 20, stream.handle()));
    auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < count / 2; ++i)
      EXPECT_OK(launchDelay(delay.kernel, 0, stream.handle()));
    std::chrono::duration<double, std::micro> time =
        std::chrono::steady_clock::now() - begin;
    best = std::min(best, time.count() / (count / 2));
    EXPECT_OK(synchronize(device(), stream.handle()));
  }
  std::printf("a launch takes the caller %.2f microseconds\n", best);
  EXPECT_LT(best, 20);
}

} // namespace
