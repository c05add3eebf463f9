//===- MemoryTest.cpp - Memory, streams and graphs on a real device -------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support.h"

#include <chrono>

using namespace hilbert;
using namespace hilbert::conformance;

namespace {

TEST(Streams, EventsMeasureTime) {
  LoadedKernel delay = get(LoadedKernel::load(device(), kPtx, "delay"));
  Stream stream = get(Stream::create(device()));
  Event begin = get(Event::create(device()));
  Event end = get(Event::create(device()));
  EXPECT_OK(begin.record(stream.handle()));
  EXPECT_OK(launchDelay(delay.kernel, 20, stream.handle()));
  EXPECT_OK(end.record(stream.handle()));
  EXPECT_OK(end.synchronize());
  float milliseconds = get(end.millisecondsSince(begin));
  EXPECT_GE(milliseconds, 19.f);
  EXPECT_LE(milliseconds, 200.f);
}

TEST(Streams, WaitForEvents) {
  LoadedKernel delay = get(LoadedKernel::load(device(), kPtx, "delay"));
  LoadedKernel add = get(LoadedKernel::load(device(), kPtx, "add"));
  Stream producer = get(Stream::create(device()));
  Stream consumer = get(Stream::create(device()));
  Event ready = get(Event::create(device()));
  Floats a(device(), ramp(1000, 1, 0));
  Floats b(device(), ramp(1000, 0, 0));
  EXPECT_OK(launchDelay(delay.kernel, 30, producer.handle()));
  EXPECT_OK(launchAdd(add.kernel, b.address(), a.address(), a.address(), 1000,
                      producer.handle()));
  EXPECT_OK(ready.record(producer.handle()));
  EXPECT_OK(ready.makeWait(consumer.handle()));
  EXPECT_OK(launchAdd(add.kernel, b.address(), b.address(), b.address(), 1000,
                      consumer.handle()));
  EXPECT_EQ(b.read(consumer.handle()), ramp(1000, 4, 0));
}

TEST(Memory, CopiesAndFills) {
  const size_t bytes = size_t(64) << 20;
  std::vector<unsigned> values(bytes / 4);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = unsigned(i) * 2654435761u;
  Buffer buffer = get(Buffer::allocate(device(), bytes));
  std::vector<unsigned> back(values.size());
  EXPECT_OK(copyToDevice(device(), buffer.address(), values.data(), bytes));
  EXPECT_OK(copyToHost(device(), back.data(), buffer.address(), bytes));
  EXPECT_TRUE(back == values);
  EXPECT_OK(fillAsync(device(), buffer.address() + 8, 0xff, 4, nullptr));
  EXPECT_OK(copyToHost(device(), back.data(), buffer.address(), 16));
  EXPECT_EQ(back[1], values[1]);
  EXPECT_EQ(back[2], 0xffffffffu);
  EXPECT_EQ(back[3], values[3]);
}

TEST(Memory, OutOfMemory) {
  EXPECT_EQ(Buffer::allocate(device(), size_t(1) << 50).status().code(),
            StatusCode::OutOfMemory);
  EXPECT_OK(Buffer::allocate(device(), 1 << 20).status());
}

TEST(Memory, Pointers) {
  const MoreDriver &more = MoreDriver::get();
  Buffer plain = get(Buffer::allocate(device(), 4096));
  Workspace pooled = get(Workspace::allocate(device(), 4096, nullptr));
  EXPECT_OK(checkPointer(device(), plain.address(), "q"));
  EXPECT_OK(checkPointer(device(), plain.address() + 4095, "q"));
  EXPECT_OK(checkPointer(device(), pooled.address(), "q"));
  EXPECT_EQ(checkPointer(device(), 0, "q").message(), "q is null");

  int onStack = 0;
  std::vector<int> onHeap(100);
  void *locked = nullptr;
  CUdeviceptr managed = 0;
  {
    ContextGuard guard(device());
    ASSERT_EQ(more.cuMemHostAlloc(&locked, 4096, 0), CUDA_SUCCESS);
    const unsigned attachGlobal = 1;
    ASSERT_EQ(more.cuMemAllocManaged(&managed, 4096, attachGlobal),
              CUDA_SUCCESS);
  }
  for (void *host : {static_cast<void *>(&onStack),
                     static_cast<void *>(onHeap.data()), locked})
    EXPECT_EQ(
        checkPointer(device(), reinterpret_cast<size_t>(host), "q").message(),
        "q is not device memory");
  EXPECT_OK(checkPointer(device(), managed, "q"));
  {
    ContextGuard guard(device());
    EXPECT_EQ(more.cuMemFreeHost(locked), CUDA_SUCCESS);
    EXPECT_EQ(device().driver().cuMemFree_v2(managed), CUDA_SUCCESS);
  }
}

TEST(Memory, PointerOfAnotherDevice) {
  if (get(Device::count()) < 2)
    GTEST_SKIP() << "there is one device only";
  const Device &other = *get(Device::get(1));
  Buffer buffer = get(Buffer::allocate(other, 4096));
  EXPECT_EQ(checkPointer(device(), buffer.address(), "q").message(),
            "q is on device 1, but the launch is on device 0");
}

TEST(Workspaces, FreedInStreamOrder) {
  LoadedKernel delay = get(LoadedKernel::load(device(), kPtx, "delay"));
  LoadedKernel add = get(LoadedKernel::load(device(), kPtx, "add"));
  Stream stream = get(Stream::create(device()));
  const unsigned count = 100000;
  Floats a(device(), ramp(count, 0, 1));
  for (int i = 0; i < 10; ++i) {
    // Freed while its kernels are still waiting.
    Workspace workspace =
        get(Workspace::allocate(device(), a.bytes(), stream.handle()));
    EXPECT_EQ(workspace.address() % kWorkspaceAlignment, 0u);
    EXPECT_OK(launchDelay(delay.kernel, 2, stream.handle()));
    EXPECT_OK(launchAdd(add.kernel, workspace.address(), a.address(),
                        a.address(), count, stream.handle()));
    EXPECT_OK(fillAsync(device(), a.address(), 0, a.bytes(), stream.handle()));
    EXPECT_OK(launchAdd(add.kernel, a.address(), a.address(),
                        workspace.address(), count, stream.handle()));
  }
  EXPECT_EQ(a.read(stream.handle()), ramp(count, 0, 1024));
}

TEST(Workspaces, OfTheCaller) {
  Buffer buffer = get(Buffer::allocate(device(), 4096));
  CUdeviceptr address = buffer.address();
  EXPECT_OK(Workspace::borrow(device(), address, 4096, 4096).status());
  EXPECT_FALSE(Workspace::borrow(device(), address, 4096, 4097).ok());
  EXPECT_FALSE(Workspace::borrow(device(), address + 8, 4088, 100).ok());
  EXPECT_FALSE(Workspace::borrow(device(), 256, 4096, 4096).ok());
}

TEST(Workspaces, OutOfMemory) {
  EXPECT_EQ(
      Workspace::allocate(device(), size_t(1) << 45, nullptr).status().code(),
      StatusCode::OutOfMemory);
}

/// A graph of what `body` enqueues on `stream`, in the strictest capture mode.
template <typename Body>
MoreDriver::GraphExec capture(CUstream stream, Body body) {
  const MoreDriver &more = MoreDriver::get();
  MoreDriver::Graph graph = nullptr;
  MoreDriver::GraphExec exec = nullptr;
  {
    ContextGuard guard(device());
    EXPECT_EQ(
        more.cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL),
        CUDA_SUCCESS);
  }
  EXPECT_TRUE(get(isCapturing(device(), stream)));
  body();
  ContextGuard guard(device());
  EXPECT_EQ(more.cuStreamEndCapture(stream, &graph), CUDA_SUCCESS);
  EXPECT_EQ(more.cuGraphInstantiateWithFlags(&exec, graph, 0), CUDA_SUCCESS);
  EXPECT_EQ(more.cuGraphDestroy(graph), CUDA_SUCCESS);
  return exec;
}

TEST(Graphs, EverythingHappensDuringTheCapture) {
  const MoreDriver &more = MoreDriver::get();
  Stream stream = get(Stream::create(device()));
  const unsigned count = 10000;
  Floats a(device(), ramp(count, 0, 1));
  std::vector<float> ones = ramp(count, 1, 0);
  KernelCache kernels;
  TableCache tables;
  // A kernel that was never loaded, a table that was never uploaded, memory
  // that is allocated and freed, and a workspace of the graph.
  MoreDriver::GraphExec graph = capture(stream.handle(), [&] {
    auto add = get(kernels.get(device(), "add", [] {
      return LoadedKernel::load(device(), kPtx, "add");
    }));
    get(LoadedKernel::load(device(), kPtx, "reverse", 96 << 10));
    get(Buffer::allocate(device(), 12345));
    auto table = get(
        tables.get(device(), "ones", ones.data(), ones.size() * sizeof(float)));
    Workspace workspace =
        get(Workspace::allocate(device(), a.bytes(), stream.handle()));
    EXPECT_OK(launchAdd(add->kernel, workspace.address(), a.address(),
                        table->address(), count, stream.handle()));
    EXPECT_OK(launchAdd(add->kernel, a.address(), workspace.address(),
                        table->address(), count, stream.handle()));
    EXPECT_OK(workspace.free());
  });
  ASSERT_NE(graph, nullptr);
  EXPECT_EQ(a.read(stream.handle()), ramp(count, 0, 1));
  for (int i = 1; i <= 5; ++i) {
    {
      ContextGuard guard(device());
      EXPECT_EQ(more.cuGraphLaunch(graph, stream.handle()), CUDA_SUCCESS);
    }
    EXPECT_EQ(a.read(stream.handle()), ramp(count, 2 * float(i), 1));
  }
  ContextGuard guard(device());
  EXPECT_EQ(more.cuGraphExecDestroy(graph), CUDA_SUCCESS);
}

TEST(Graphs, LaunchWithWhatIsThere) {
  const MoreDriver &more = MoreDriver::get();
  Stream stream = get(Stream::create(device()));
  LoadedKernel add = get(LoadedKernel::load(device(), kPtx, "add"));
  const unsigned count = 1000;
  Floats a(device(), ramp(count, 0, 1));
  MoreDriver::GraphExec graph = capture(stream.handle(), [&] {
    for (int i = 0; i < 3; ++i)
      EXPECT_OK(launchAdd(add.kernel, a.address(), a.address(), a.address(),
                          count, stream.handle()));
  });
  ASSERT_NE(graph, nullptr);
  {
    ContextGuard guard(device());
    EXPECT_EQ(more.cuGraphLaunch(graph, stream.handle()), CUDA_SUCCESS);
    EXPECT_EQ(more.cuGraphLaunch(graph, stream.handle()), CUDA_SUCCESS);
  }
  EXPECT_EQ(a.read(stream.handle()), ramp(count, 0, 64));
  ContextGuard guard(device());
  EXPECT_EQ(more.cuGraphExecDestroy(graph), CUDA_SUCCESS);
}

TEST(Tables, StayAtTheirAddress) {
  TableCache tables;
  std::vector<float> values = ramp(5000, 7, 3);
  const size_t bytes = values.size() * sizeof(float);
  auto table = get(tables.get(device(), "t", values.data(), bytes));
  std::vector<float> back(values.size());
  EXPECT_OK(copyToHost(device(), back.data(), table->address(), bytes));
  EXPECT_EQ(back, values);
  EXPECT_EQ(get(tables.get(device(), "t", nullptr, bytes)), table);
}

} // namespace
