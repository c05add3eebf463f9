//===- MemoryTest.cpp - Tests of the memory of CUDA devices ---------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestSupport.h"

#include <numeric>

using namespace hilbert;
using namespace hilbert::test;

namespace {

using CudaBuffer = CudaTest;
using CudaWorkspace = CudaTest;
using CudaCopy = CudaTest;
using CudaPointer = CudaTest;

TEST_F(CudaBuffer, Lifetime) {
  Buffer buffer = get(Buffer::allocate(device(), 1000));
  EXPECT_NE(buffer.address(), 0u);
  EXPECT_EQ(buffer.bytes(), 1000u);
  Buffer other = std::move(buffer);
  EXPECT_EQ(buffer.address(), 0u);
  EXPECT_EQ(fake::live().allocations, 1);
  EXPECT_OK(other.free());
  EXPECT_EQ(other.address(), 0u);
  EXPECT_EQ(fake::live().allocations, 0);
  EXPECT_OK(other.free());
  other = get(Buffer::allocate(device(kAmpere), 10));
  EXPECT_EQ(fake::live().allocations, 1);
}

TEST_F(CudaBuffer, Empty) {
  Buffer buffer = get(Buffer::allocate(device(), 0));
  EXPECT_EQ(buffer.address(), 0u);
  EXPECT_EQ(fake::allCalls(), 0);
  EXPECT_EQ(get(upload(device(), nullptr, 0)).address(), 0u);
}

TEST_F(CudaBuffer, OutOfMemory) {
  EXPECT_STATUS(Buffer::allocate(device(kPoolless), (1 << 20) + 1),
                "OutOfMemory: cuMemAlloc_v2 failed with "
                "CUDA_ERROR_OUT_OF_MEMORY (2) while allocating 1048577 bytes "
                "on device 3");
  EXPECT_OK(Buffer::allocate(device(kPoolless), 1 << 20).status());
}

TEST_F(CudaBuffer, CaptureStaysValid) {
  Stream stream = get(Stream::create(device()));
  fake::beginCapture(stream.handle());
  Buffer buffer = get(upload(device(), "bytes", 5));
  EXPECT_OK(buffer.free());
  EXPECT_TRUE(fake::endCapture(stream.handle()));
}

TEST_F(CudaWorkspace, FromThePool) {
  Stream stream = get(Stream::create(device()));
  Workspace workspace =
      get(Workspace::allocate(device(), 1000, stream.handle()));
  EXPECT_EQ(workspace.address() % kWorkspaceAlignment, 0u);
  EXPECT_EQ(workspace.bytes(), 1000u);
  EXPECT_EQ(fake::calls("cuMemAllocAsync"), 1);
  Workspace other = std::move(workspace);
  EXPECT_EQ(workspace.address(), 0u);
  EXPECT_OK(workspace.free());
  EXPECT_EQ(fake::live().allocations, 1);
  EXPECT_OK(other.free());
  EXPECT_EQ(fake::calls("cuMemFreeAsync"), 1);
  EXPECT_OK(other.free());
  EXPECT_EQ(fake::calls("cuMemFreeAsync"), 1);
  // Freed by its destructor.
  other = get(Workspace::allocate(device(), 10, perThreadStream()));
}

TEST_F(CudaWorkspace, WithinACapture) {
  Stream stream = get(Stream::create(device()));
  fake::beginCapture(stream.handle());
  {
    get(Workspace::allocate(device(), 1000, stream.handle()));
  }
  EXPECT_TRUE(fake::endCapture(stream.handle()));
}

TEST_F(CudaWorkspace, Empty) {
  EXPECT_EQ(get(Workspace::allocate(device(), 0, nullptr)).address(), 0u);
  // Even where there are no pools.
  EXPECT_OK(Workspace::allocate(device(kPoolless), 0, nullptr).status());
  EXPECT_EQ(get(Workspace::borrow(device(), 3, 0, 0)).address(), 0u);
  EXPECT_EQ(fake::allCalls(), 0);
}

TEST_F(CudaWorkspace, NoPools) {
  EXPECT_STATUS(Workspace::allocate(device(kPoolless), 1000, nullptr),
                "Unsupported: device 3 (Fake Poolless) has no memory pools: a "
                "workspace of 1000 bytes must be provided by the caller");
}

TEST_F(CudaWorkspace, OutOfMemory) {
  EXPECT_STATUS(Workspace::allocate(device(), size_t(2) << 30, nullptr),
                "OutOfMemory: cuMemAllocAsync failed with "
                "CUDA_ERROR_OUT_OF_MEMORY (2) while allocating a workspace of "
                "2147483648 bytes on device 0");
}

TEST_F(CudaWorkspace, OfTheCaller) {
  Buffer buffer = get(Buffer::allocate(device(), 4096));
  Workspace workspace =
      get(Workspace::borrow(device(), buffer.address() + 256, 3840, 3000));
  EXPECT_EQ(workspace.address(), buffer.address() + 256);
  EXPECT_EQ(workspace.bytes(), 3840u);
  EXPECT_OK(workspace.free());
  EXPECT_EQ(workspace.address(), 0u);
  EXPECT_EQ(fake::live().allocations, 1);
}

TEST_F(CudaWorkspace, OfTheCallerIsUnfit) {
  Buffer buffer = get(Buffer::allocate(device(kAmpere), 4096));
  CUdeviceptr address = buffer.address();
  const Device &ampere = device(kAmpere);
  EXPECT_STATUS(Workspace::borrow(ampere, address, 4096, 4097),
                "InvalidArgument: the workspace has 4096 bytes, but 4097 are "
                "needed");
  EXPECT_STATUS(Workspace::borrow(ampere, address + 16, 4000, 1000),
                "InvalidArgument: the address of the workspace, " +
                    std::to_string(address + 16) +
                    ", is not a multiple of 256");
  EXPECT_STATUS(Workspace::borrow(device(kHopper), address, 4096, 1000),
                "InvalidArgument: the workspace is on device 1, but the launch "
                "is on device 0");
  EXPECT_STATUS(Workspace::borrow(ampere, 0, 4096, 1000),
                "InvalidArgument: the workspace is null");
}

TEST_F(CudaCopy, BothWays) {
  std::vector<int> numbers(1000);
  std::iota(numbers.begin(), numbers.end(), 5);
  std::vector<int> back(1000);
  size_t bytes = numbers.size() * sizeof(int);
  Stream stream = get(Stream::create(device()));
  Buffer buffer = get(Buffer::allocate(device(), bytes));
  EXPECT_OK(copyToDevice(device(), buffer.address(), numbers.data(), bytes));
  EXPECT_OK(copyToHost(device(), back.data(), buffer.address(), bytes,
                       stream.handle()));
  EXPECT_EQ(back, numbers);
  EXPECT_EQ(fake::calls("cuStreamSynchronize"), 2);

  EXPECT_OK(
      fillAsync(device(), buffer.address() + 4, 0xff, 8, stream.handle()));
  EXPECT_OK(copyToHostAsync(device(), back.data(), buffer.address(), 20,
                            stream.handle()));
  EXPECT_EQ(back[0], 5);
  EXPECT_EQ(back[1], -1);
  EXPECT_EQ(back[2], -1);
  EXPECT_EQ(back[3], 8);
  EXPECT_EQ(fake::calls("cuStreamSynchronize"), 2);
}

TEST_F(CudaCopy, NoBytes) {
  EXPECT_OK(copyToDevice(device(), 0, nullptr, 0, perThreadStream()));
  EXPECT_OK(copyToHostAsync(device(), nullptr, 0, 0, perThreadStream()));
  EXPECT_OK(copyToDeviceAsync(device(), 0, nullptr, 0, perThreadStream()));
  EXPECT_OK(fillAsync(device(), 0, 0, 0, perThreadStream()));
  EXPECT_EQ(fake::allCalls(),
            fake::calls("cuStreamSynchronize") +
                fake::calls("cuCtxGetCurrent") +
                fake::calls("cuCtxPushCurrent_v2") +
                fake::calls("cuCtxPopCurrent_v2") +
                fake::calls("cuThreadExchangeStreamCaptureMode"));
}

TEST_F(CudaCopy, OutsideOfMemory) {
  char bytes[64] = {};
  Buffer buffer = get(Buffer::allocate(device(), 63));
  EXPECT_STATUS(copyToDevice(device(), buffer.address(), bytes, 64),
                "DriverError: cuMemcpyHtoDAsync_v2 failed with "
                "CUDA_ERROR_INVALID_VALUE (1) while copying 64 bytes to device "
                "0");
  EXPECT_STATUS(copyToHost(device(), bytes, buffer.address(), 64),
                "DriverError: cuMemcpyDtoHAsync_v2 failed with "
                "CUDA_ERROR_INVALID_VALUE (1) while copying 64 bytes from "
                "device 0");
}

TEST_F(CudaPointer, OfThisDevice) {
  Buffer buffer = get(Buffer::allocate(device(kAmpere), 64));
  EXPECT_OK(checkPointer(device(kAmpere), buffer.address(), "q"));
  EXPECT_OK(checkPointer(device(kAmpere), buffer.address() + 63, "q"));
  Workspace pooled = get(Workspace::allocate(device(), 64, nullptr));
  EXPECT_OK(checkPointer(device(), pooled.address(), "q"));
}

TEST_F(CudaPointer, OfNoOrAnotherDevice) {
  Buffer buffer = get(Buffer::allocate(device(kAmpere), 64));
  EXPECT_STATUS(
      checkPointer(device(kHopper), buffer.address(), "q"),
      "InvalidArgument: q is on device 1, but the launch is on device 0");
  char onHost = 0;
  EXPECT_STATUS(
      checkPointer(device(), reinterpret_cast<size_t>(&onHost), "dout"),
      "InvalidArgument: dout is not device memory");
  EXPECT_STATUS(checkPointer(device(), 0, "k"), "InvalidArgument: k is null");
}

TEST_F(CudaPointer, PageLockedAndManaged) {
  CUdeviceptr host = fake::allocateHost(64);
  CUdeviceptr managed = fake::allocateManaged(64);
  EXPECT_STATUS(checkPointer(device(), host, "v"),
                "InvalidArgument: v is not device memory");
  EXPECT_OK(checkPointer(device(kHopper), managed, "v"));
  EXPECT_OK(checkPointer(device(kAmpere), managed, "v"));
  fake::release(host);
  fake::release(managed);
}

} // namespace
