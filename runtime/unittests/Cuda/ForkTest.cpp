//===- ForkTest.cpp - Tests of CUDA in forked processes -------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The fake driver aborts when a child calls it, and a child that waits for a
// lock is ended by its alarm.
//
//===----------------------------------------------------------------------===//

#include "TestSupport.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

using namespace hilbert;
using namespace hilbert::test;

namespace {

const char kLost[] =
    "DriverError: CUDA does not work in this process: it was forked from one "
    "that had initialised the CUDA driver (start it with spawn or forkserver "
    "instead, or fork before the first use of CUDA)";

const RegisterScenario fresh("fork-before-driver", [](const std::string &) {
  std::string child = inChild([] {
    return text(Device::get(0)) + ", " + text(Buffer::allocate(device(), 16));
  });
  return child + "; " + text(Device::get(0));
});

TEST(CudaFork, BeforeTheDriverIsLoaded) {
  EXPECT_EQ(run("fork-before-driver"), "Ok, Ok; Ok");
}

const RegisterScenario failed("fork-without-driver", [](const std::string &) {
  std::string parent = text(Device::get(0));
  std::string child = inChild([] { return text(Device::get(0)); });
  return parent == child ? std::string("same error") : parent + "; " + child;
});

TEST(CudaFork, WithoutDriver) {
  EXPECT_EQ(run("fork-without-driver", "", "/nonexistent/libcuda.so"),
            "same error");
}

/// One of everything.
struct Objects {
  explicit Objects(const Device &device)
      : kernel(get(LoadedKernel::load(device, kPtx, "add"))),
        buffer(get(Buffer::allocate(device, 64))),
        stream(get(Stream::create(device))), event(get(Event::create(device))),
        workspace(get(Workspace::allocate(device, 64, stream.handle()))) {
    get(tables.get(device, "known", "bytes", 5));
  }

  LoadedKernel kernel;
  Buffer buffer;
  Stream stream;
  Event event;
  Workspace workspace;
  TableCache tables;
};

/// What happens to each function in a child.
std::string useAll(const Device &device, std::optional<Objects> &objects) {
  char bytes[64] = {};
  CUdeviceptr address = objects->buffer.address();
  CUstream stream = objects->stream.handle();
  const Status statuses[] = {
      Driver::get().status(),
      Driver::checkProcess(),
      Device::count().status(),
      Device::query(0).status(),
      Device::get(0).status(),
      ContextGuard(device).status(),
      Module::load(device, kPtx, "kernels").status(),
      objects->kernel.module.kernel("add").status(),
      objects->kernel.kernel.launch({}, nullptr),
      objects->kernel.module.unload(),
      Buffer::allocate(device, 16).status(),
      objects->buffer.free(),
      Workspace::allocate(device, 16, nullptr).status(),
      Workspace::borrow(device, address, 64, 64).status(),
      objects->workspace.free(),
      upload(device, bytes, 64).status(),
      copyToDevice(device, address, bytes, 64),
      copyToHost(device, bytes, address, 64),
      fillAsync(device, address, 0, 64, nullptr),
      checkPointer(device, address, "q"),
      synchronize(device, stream),
      isCapturing(device, stream).status(),
      Stream::create(device).status(),
      objects->stream.destroy(),
      Event::create(device).status(),
      objects->event.record(stream),
      objects->event.makeWait(stream),
      objects->event.synchronize(),
      objects->event.millisecondsSince(objects->event).status(),
      objects->event.destroy(),
      objects->tables.get(device, "known", bytes, 5).status(),
      objects->tables.get(device, "new", bytes, 5).status(),
  };
  std::string output;
  for (const Status &status : statuses)
    if (text(status) != kLost)
      output += "[" + std::to_string(&status - statuses) + "] " + text(status);
  objects->tables.clear();
  objects.reset();
  return output.empty() ? kLost : output;
}

const RegisterScenario used("fork-after-driver", [](const std::string &) {
  const Device &device = test::device();
  std::optional<Objects> objects(device);
  auto body = [&] { return useAll(device, objects); };
  std::string child = inChild(body);
  std::string grandchild = inChild([&] { return inChild(body); });
  Status parent = objects->kernel.kernel.launch({}, nullptr);
  return child + "\n" + grandchild + "\n" + text(parent);
});

TEST(CudaFork, AfterTheDriverWasInitialised) {
  EXPECT_EQ(run("fork-after-driver"),
            std::string(kLost) + "\n" + kLost + "\nOk");
}

const RegisterScenario busy("fork-while-busy", [](const std::string &) {
  const Device &device = test::device();
  TableCache tables;
  KernelCache kernels;
  std::mutex mutex;
  std::condition_variable news;
  bool isInside = false;
  bool mayLeave = false;
  std::thread other([&] {
    (void)kernels.get(device, "add", [&] {
      std::unique_lock<std::mutex> lock(mutex);
      isInside = true;
      news.notify_all();
      news.wait(lock, [&] { return mayLeave; });
      return LoadedKernel::load(device, kPtx, "add");
    });
  });
  std::unique_lock<std::mutex> lock(mutex);
  news.wait(lock, [&] { return isInside; });
  std::string child = inChild([&] {
    return text(kernels.get(device, "add", [&] {
      return LoadedKernel::load(device, kPtx, "add");
    }));
  });
  mayLeave = true;
  news.notify_all();
  lock.unlock();
  other.join();
  return child;
});

TEST(CudaFork, WhileAnotherThreadIsCreating) {
  EXPECT_EQ(run("fork-while-busy"), kLost);
}

} // namespace
