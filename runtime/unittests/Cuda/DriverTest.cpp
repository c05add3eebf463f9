//===- DriverTest.cpp - Tests of loading the CUDA driver ------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestSupport.h"

#include <atomic>
#include <set>
#include <thread>

using namespace hilbert;
using namespace hilbert::test;

namespace {

/// The same outcome twice.
std::string twice(const Status &first, const Status &second) {
  return text(first) == text(second)
             ? text(first)
             : text(first) + ", and then " + text(second);
}

std::string getDriver() {
  return twice(Driver::get().status(), Driver::get().status());
}

const RegisterScenario driver("driver",
                              [](const std::string &) { return getDriver(); });

TEST(CudaDriver, LoadsOnce) {
  EXPECT_EQ(run("driver"), "Ok");
  Result<const Driver *> first = Driver::get();
  ASSERT_OK(first);
  EXPECT_EQ(*first, get(Driver::get()));
  EXPECT_EQ(first->version(), 13000);
  EXPECT_EQ(first->file(), FAKE_DRIVER);
}

TEST(CudaDriver, NamedLibraryIsMissing) {
  std::string output = run("driver", "", "/nonexistent/libcuda.so");
  EXPECT_EQ(output, "NotFound: cannot load the CUDA driver: "
                    "/nonexistent/libcuda.so: cannot open shared object file: "
                    "No such file or directory");
}

TEST(CudaDriver, NamedLibraryIsNone) {
  std::string output = run("driver", "", "/proc/self/cmdline");
  EXPECT_EQ(output.find("NotFound: cannot load the CUDA driver: "
                        "/proc/self/cmdline: "),
            0u)
      << output;
}

TEST(CudaDriver, DefaultLibrary) {
  // This machine may have one.
  for (const char *driver : {"", static_cast<const char *>(nullptr)}) {
    std::string output = run("driver", "", driver);
    EXPECT_TRUE(output.find("NotFound: cannot load the CUDA driver: "
                            "libcuda.so.1: ") == 0 ||
                output.find("cuInit failed") != output.npos || output == "Ok")
        << output;
  }
}

TEST(CudaDriver, FunctionIsMissing) {
  EXPECT_EQ(run("driver", "", INCOMPLETE_DRIVER),
            std::string("Unsupported: the CUDA driver ") + INCOMPLETE_DRIVER +
                " has no function cuMemAllocAsync");
}

const RegisterScenario versionScenario("version", [](const std::string &v) {
  fake::setVersion(std::stoi(v));
  return getDriver();
});

TEST(CudaDriver, TooOld) {
  EXPECT_EQ(run("version", "11080"),
            "Unsupported: the CUDA driver is too old: it is for CUDA 11.8, but "
            "12.0 or newer is needed");
  EXPECT_EQ(run("version", "12000"), "Ok");
  EXPECT_EQ(run("version", "12090"), "Ok");
}

const RegisterScenario noDevice("no-device", [](const std::string &) {
  fake::failCall("cuInit", 1, CUDA_ERROR_NO_DEVICE);
  std::string first = text(Device::get(0));
  std::string second = text(Device::count());
  return first == second ? first : first + ", and then " + second;
});

TEST(CudaDriver, NoDevice) {
  EXPECT_EQ(run("no-device"),
            "NotFound: cuInit failed with CUDA_ERROR_NO_DEVICE (100) while "
            "initialising the CUDA driver");
}

const RegisterScenario manyThreads("many-threads", [](const std::string &) {
  const int count = 8;
  std::atomic<int> ready{0};
  std::vector<const Driver *> drivers(count);
  std::vector<const Device *> devices(count);
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i)
    threads.emplace_back([&, i] {
      ++ready;
      while (ready != count)
        std::this_thread::yield();
      drivers[i] = get(Driver::get());
      devices[i] = get(Device::get(i % 2));
    });
  for (std::thread &thread : threads)
    thread.join();
  for (int i = 0; i < count; ++i)
    if (drivers[i] != drivers[0] || devices[i] != devices[i % 2])
      return std::string("different ones");
  return std::to_string(fake::calls("cuInit")) + " init, " +
         std::to_string(fake::live().retainedContexts) + " contexts";
});

TEST(CudaDriver, ThreadsShareOne) {
  EXPECT_EQ(run("many-threads"), "1 init, 2 contexts");
}

/// Destroyed after main, when a real driver may be gone.
struct Leftovers {
  std::vector<Buffer> buffers;
  std::vector<Stream> streams;
  std::vector<LoadedKernel> kernels;
  KernelCache kernelCache;
  TableCache tables;
};
Leftovers leftovers;

const RegisterScenario atExit("at-exit", [](const std::string &) {
  const Device &device = test::device();
  leftovers.buffers.push_back(get(Buffer::allocate(device, 16)));
  leftovers.streams.push_back(get(Stream::create(device)));
  leftovers.kernels.push_back(get(LoadedKernel::load(device, kPtx, "add")));
  get(leftovers.tables.get(device, "table", "bytes", 5));
  get(leftovers.kernelCache.get(
      device, "add", [&] { return LoadedKernel::load(device, kPtx, "add"); }));
  return std::string("done");
});

TEST(CudaDriver, ProcessEndsWithObjectsAlive) {
  EXPECT_EQ(run("at-exit"), "done");
}

TEST(CudaDriver, UnnamedErrors) {
  const Driver &driver = *get(Driver::get());
  EXPECT_STATUS(driver.error(static_cast<CUresult>(12345), "cuFoo", "trying"),
                "DriverError: cuFoo failed with an unnamed error (12345) while "
                "trying");
}

TEST(CudaDriver, CodesOfErrors) {
  const Driver &driver = *get(Driver::get());
  auto code = [&](CUresult result) {
    return std::string(name(driver.error(result, "cuFoo", "trying").code()));
  };
  EXPECT_EQ(code(CUDA_ERROR_OUT_OF_MEMORY), "OutOfMemory");
  EXPECT_EQ(code(CUDA_ERROR_NO_DEVICE), "NotFound");
  EXPECT_EQ(code(CUDA_ERROR_NOT_SUPPORTED), "Unsupported");
  EXPECT_EQ(code(CUDA_ERROR_UNSUPPORTED_PTX_VERSION), "Unsupported");
  EXPECT_EQ(code(CUDA_ERROR_NO_BINARY_FOR_GPU), "Unsupported");
  EXPECT_EQ(code(CUDA_ERROR_INVALID_VALUE), "DriverError");
  EXPECT_EQ(code(CUDA_ERROR_INVALID_PTX), "DriverError");
}

TEST(CudaConformance, SkipsWithoutDriver) {
  EXPECT_EQ(runProgram(CONFORMANCE_PROGRAM, "/nonexistent/libcuda.so"),
            "skipped: cannot load the CUDA driver: /nonexistent/libcuda.so: "
            "cannot open shared object file: No such file or directory\n"
            "exit status 77");
}

TEST(CudaConformance, FailsWithAnIncompleteDriver) {
  EXPECT_EQ(runProgram(CONFORMANCE_PROGRAM, INCOMPLETE_DRIVER),
            std::string("failed: the CUDA driver ") + INCOMPLETE_DRIVER +
                " has no function cuMemAllocAsync\nexit status 1");
}

TEST(Status, NamesOfCodes) {
  std::set<std::string> names;
  for (StatusCode code :
       {StatusCode::Ok, StatusCode::InvalidArgument, StatusCode::Unsupported,
        StatusCode::NotFound, StatusCode::OutOfMemory, StatusCode::DriverError})
    names.insert(name(code));
  EXPECT_EQ(names.size(), 6u);
  EXPECT_STATUS(Status(), "Ok");
  EXPECT_STATUS(Status::noHostMemory(), "OutOfMemory: no host memory");
}

} // namespace
