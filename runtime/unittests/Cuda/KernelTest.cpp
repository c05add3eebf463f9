//===- KernelTest.cpp - Tests of modules, kernels and launches ------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestSupport.h"

#include <cstring>
#include <elf.h>

using namespace hilbert;
using namespace hilbert::test;

namespace {

using CudaModule = CudaTest;
using CudaKernel = CudaTest;

TEST_F(CudaModule, LoadsText) {
  // Without a terminator where it ends.
  std::string text = std::string(kPtx) + "INVALID";
  Module module =
      get(Module::load(device(), {text.data(), std::strlen(kPtx)}, "kernels"));
  EXPECT_EQ(module.log(), "ptxas info: loaded");
  EXPECT_EQ(fake::live().modules, 1);
  EXPECT_OK(module.unload());
  EXPECT_EQ(fake::live().modules, 0);
  EXPECT_OK(module.unload());
}

TEST_F(CudaModule, Moves) {
  Module first = get(Module::load(device(kHopper), kPtx, "first"));
  Module second = get(Module::load(device(kAmpere), kPtx, "second"));
  Module third = std::move(first);
  EXPECT_EQ(fake::live().modules, 2);
  third = std::move(second);
  second = get(Module::load(device(kAmpere), kPtx, "again"));
  EXPECT_OK(third.kernel("add").status());
  EXPECT_OK(third.unload());
  EXPECT_OK(second.unload());
}

TEST_F(CudaModule, InvalidCode) {
  EXPECT_STATUS(
      Module::load(device(), "INVALIDptxas fatal: line 3: no such op\n\n",
                   "attention"),
      "DriverError: cuModuleLoadDataEx failed with CUDA_ERROR_INVALID_PTX "
      "(218) while loading 'attention' on device 0: ptxas fatal: line 3: no "
      "such op");
  EXPECT_STATUS(Module::load(device(kAmpere), "INVALID", "attention"),
                "DriverError: cuModuleLoadDataEx failed with "
                "CUDA_ERROR_INVALID_PTX (218) while loading 'attention' on "
                "device 1");
  EXPECT_STATUS(Module::load(device(), "", "attention"),
                "InvalidArgument: the code of 'attention' is empty");
}

TEST_F(CudaModule, LongLogIsCutOff) {
  Result<Module> module =
      Module::load(device(), "INVALID" + std::string(100000, 'x'), "attention");
  EXPECT_GT(module.status().message().size(), 10000u);
  EXPECT_LT(module.status().message().size(), 20000u);
}

TEST_F(CudaModule, UnsupportedCode) {
  fake::failCall("cuModuleLoadDataEx", 1, CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
  EXPECT_STATUS(Module::load(device(), kPtx, "attention"),
                "Unsupported: cuModuleLoadDataEx failed with "
                "CUDA_ERROR_UNSUPPORTED_PTX_VERSION (222) while loading "
                "'attention' on device 0");
}

/// A cubin's frame, of 1024 bytes, with 2 section headers at the end.
std::string makeCubin() {
  Elf64_Ehdr header = {};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_shnum = 2;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shoff = 1024 - 2 * sizeof(Elf64_Shdr);
  std::string cubin(1024, '\0');
  std::memcpy(cubin.data(), &header, sizeof(header));
  return cubin;
}

TEST_F(CudaModule, Cubin) {
  EXPECT_OK(Module::load(device(), makeCubin(), "attention").status());
}

TEST_F(CudaModule, CubinIsCutOff) {
  EXPECT_STATUS(Module::load(device(), makeCubin().substr(0, 1023), "k"),
                "InvalidArgument: the code of 'k' is cut off: it has 1023 "
                "bytes of at least 1024");
  EXPECT_STATUS(Module::load(device(), makeCubin().substr(0, 9), "k"),
                "InvalidArgument: the code of 'k' is cut off: it has 9 bytes "
                "of at least 64");
  EXPECT_EQ(fake::calls("cuModuleLoadDataEx"), 0);
}

TEST_F(CudaModule, CaptureStaysValid) {
  CUstream captured = perThreadStream();
  fake::beginCapture(captured);
  {
    LoadedKernel big =
        get(LoadedKernel::load(device(), kPtx, "big", 100 << 10));
    EXPECT_FALSE(fake::isRelaxed());
    EXPECT_OK(big.kernel.launch({{}, {}, 100 << 10, captured}, nullptr));
    EXPECT_OK(big.module.unload());
  }
  EXPECT_TRUE(fake::endCapture(captured));
}

TEST_F(CudaKernel, Attributes) {
  Module module =
      get(Module::load(device(), ".entry add(\nstatic 1024", "kernels"));
  Kernel kernel = get(module.kernel("add"));
  EXPECT_EQ(kernel.name(), "add");
  EXPECT_EQ(&kernel.device(), &device());
  EXPECT_EQ(kernel.attributes().registersPerThread, 96);
  EXPECT_EQ(kernel.attributes().localBytes, 8);
  EXPECT_EQ(kernel.attributes().staticSharedBytes, 1024);
  EXPECT_EQ(kernel.attributes().maxThreadsPerBlock, 512);
}

TEST_F(CudaKernel, UnknownName) {
  Module module = get(Module::load(device(), kPtx, "kernels"));
  EXPECT_STATUS(module.kernel("subtract"),
                "DriverError: cuModuleGetFunction failed with "
                "CUDA_ERROR_NOT_FOUND (500) while looking up kernel 'subtract' "
                "of 'kernels'");
  EXPECT_STATUS(LoadedKernel::load(device(), kPtx, "subtract"),
                "DriverError: cuModuleGetFunction failed with "
                "CUDA_ERROR_NOT_FOUND (500) while looking up kernel 'subtract' "
                "of 'subtract'");
}

TEST_F(CudaKernel, SharedMemory) {
  Module module = get(Module::load(device(kAmpere), kPtx, "kernels"));
  EXPECT_OK(module.kernel("big", 163 << 10).status());
  EXPECT_STATUS(module.kernel("big", (163 << 10) + 1),
                "Unsupported: kernel 'big' needs 166913 bytes of shared memory "
                "per block, but device 1 (Fake Ampere, sm_80) has 166912");
  EXPECT_STATUS(module.kernel("big", ~0u),
                "Unsupported: kernel 'big' needs 4294967295 bytes of shared "
                "memory per block, but device 1 (Fake Ampere, sm_80) has "
                "166912");
}

TEST_F(CudaKernel, StaticSharedMemoryCounts) {
  Module module = get(
      Module::load(device(kPoolless), ".entry add(\nstatic 40960", "kernels"));
  EXPECT_OK(module.kernel("add", 8 << 10).status());
  EXPECT_EQ(fake::calls("cuFuncSetAttribute"), 0);
  Kernel kernel = get(module.kernel("add", 9 << 10));
  EXPECT_EQ(fake::calls("cuFuncSetAttribute"), 1);
  EXPECT_OK(kernel.launch({{}, {}, 9 << 10, nullptr}, nullptr));
  EXPECT_STATUS(module.kernel("add", 60 << 10),
                "Unsupported: kernel 'add' needs 102400 bytes of shared memory "
                "per block, but device 3 (Fake Poolless, sm_86) has 101376");
}

TEST_F(CudaKernel, SecondLookupKeepsTheFirstOne) {
  Module module = get(Module::load(device(), kPtx, "kernels"));
  Kernel large = get(module.kernel("big", 200 << 10));
  Kernel small = get(module.kernel("big", 64 << 10));
  EXPECT_OK(large.launch({{}, {}, 200 << 10, nullptr}, nullptr));
  EXPECT_OK(small.launch({{}, {}, 64 << 10, nullptr}, nullptr));
}

TEST_F(CudaKernel, Launches) {
  LoadedKernel add =
      get(LoadedKernel::load(device(kAmpere), kPtx, "add", 1000));
  Stream stream = get(Stream::create(device(kAmpere)));
  int number = 42;
  float factor = 0.5f;
  void *parameters[] = {&number, &factor};
  int callbacks = 0;
  fake::setLaunchCallback([&](const fake::Launch &launch) {
    ++callbacks;
    EXPECT_EQ(*static_cast<int *>(launch.parameters[0]), 42);
    EXPECT_EQ(*static_cast<float *>(launch.parameters[1]), 0.5f);
  });
  EXPECT_OK(add.kernel.launch({{7, 8, 9}, {32, 4, 2}, 1000, stream.handle()},
                              parameters));
  EXPECT_OK(add.kernel.launch({{1}, {1}, 0, nullptr}, parameters));
  EXPECT_OK(add.kernel.launch({{1}, {1}, 0, perThreadStream()}, parameters));
  fake::setLaunchCallback(nullptr);
  EXPECT_EQ(callbacks, 3);
  std::vector<fake::Launch> launches = fake::takeLaunches();
  ASSERT_EQ(launches.size(), 3u);
  const fake::Launch &launch = launches[0];
  EXPECT_EQ(launch.kernel, "add");
  EXPECT_EQ(launch.device, kAmpere);
  EXPECT_TRUE(
      std::equal(launch.grid, launch.grid + 3, std::begin({7u, 8u, 9u})));
  EXPECT_TRUE(
      std::equal(launch.block, launch.block + 3, std::begin({32u, 4u, 2u})));
  EXPECT_EQ(launch.sharedBytes, 1000u);
  EXPECT_EQ(launch.stream, stream.handle());
  EXPECT_FALSE(launch.wasCaptured);
  EXPECT_EQ(launches[1].stream, nullptr);
  EXPECT_EQ(launches[2].stream, perThreadStream());
}

TEST_F(CudaKernel, LaunchIsFewCalls) {
  LoadedKernel add = get(LoadedKernel::load(device(), kPtx, "add"));
  fake::resetCalls();
  EXPECT_OK(add.kernel.launch({}, nullptr));
  EXPECT_EQ(fake::allCalls(), 4);
  // As usual for a thread of a framework, which is in the context.
  ContextGuard guard(device());
  fake::resetCalls();
  EXPECT_OK(add.kernel.launch({}, nullptr));
  EXPECT_EQ(fake::allCalls(), 2);
}

TEST_F(CudaKernel, LaunchIsCaptured) {
  LoadedKernel add = get(LoadedKernel::load(device(), kPtx, "add"));
  Stream stream = get(Stream::create(device()));
  fake::beginCapture(stream.handle());
  EXPECT_OK(add.kernel.launch({{1}, {1}, 0, stream.handle()}, nullptr));
  EXPECT_TRUE(fake::endCapture(stream.handle()));
  std::vector<fake::Launch> launches = fake::takeLaunches();
  ASSERT_EQ(launches.size(), 1u);
  EXPECT_TRUE(launches[0].wasCaptured);
}

TEST_F(CudaKernel, ShapeLimits) {
  LoadedKernel add = get(LoadedKernel::load(device(), kPtx, "add", 100));
  auto launch = [&](Dim3 grid, Dim3 block, unsigned sharedBytes = 0) {
    return text(
        add.kernel.launch({grid, block, sharedBytes, nullptr}, nullptr));
  };
  const std::string prefix = "InvalidArgument: cannot launch 'add': ";
  EXPECT_EQ(launch({1, 0, 3}, {1}), prefix + "its grid of 1 x 0 x 3 is empty");
  EXPECT_EQ(launch({1}, {0, 2, 3}), prefix + "its block of 0 x 2 x 3 is empty");
  EXPECT_EQ(launch({1, 65536, 1}, {1}),
            prefix + "its grid of 1 x 65536 x 1 exceeds the limit of device 0 "
                     "(Fake Hopper, sm_90), which is 2147483647 x 65535 x "
                     "65535");
  EXPECT_EQ(launch({1, 1, 65536}, {1}).find(prefix + "its grid of 1 x 1 x 6"),
            0u);
  EXPECT_EQ(launch({2147483648u}, {1}).find(prefix + "its grid of 2147483648"),
            0u);
  EXPECT_EQ(launch({2147483647u, 65535, 65535}, {512}), "Ok");
  EXPECT_EQ(launch({1}, {1, 1, 65}),
            prefix + "its block of 1 x 1 x 65 exceeds the limit of device 0 "
                     "(Fake Hopper, sm_90), which is 1024 x 1024 x 64");
  EXPECT_EQ(launch({1}, {1024}),
            prefix + "its block of 1024 x 1 x 1 has 1024 threads, but its code "
                     "allows 512");
  EXPECT_EQ(launch({1}, {1024, 1024, 64}),
            prefix + "its block of 1024 x 1024 x 64 has 67108864 threads, but "
                     "its code allows 512");
  EXPECT_EQ(launch({1}, {1}, 101),
            prefix + "it asks for 101 bytes of dynamic shared memory, but it "
                     "was loaded for 100");
  EXPECT_EQ(fake::takeLaunches().size(), 1u);
}

TEST_F(CudaKernel, LaunchFails) {
  LoadedKernel add = get(LoadedKernel::load(device(), kPtx, "add", 64));
  fake::failCall("cuLaunchKernel", 1, static_cast<CUresult>(719));
  EXPECT_STATUS(
      add.kernel.launch({{2, 3, 4}, {32}, 64, nullptr}, nullptr),
      "DriverError: cuLaunchKernel failed with an unnamed error (719) while "
      "launching 'add' on device 0 (grid 2 x 3 x 4, block 32 x 1 x 1, 64 bytes "
      "of dynamic shared memory)");
}

TEST_F(CudaKernel, StreamOfAnotherDevice) {
  LoadedKernel add = get(LoadedKernel::load(device(), kPtx, "add"));
  Stream stream = get(Stream::create(device(kAmpere)));
  Status status = add.kernel.launch({{}, {}, 0, stream.handle()}, nullptr);
  EXPECT_NE(status.message().find("CUDA_ERROR_INVALID_HANDLE (400)"),
            std::string::npos);
}

} // namespace
