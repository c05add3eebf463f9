//===- DeviceTest.cpp - Tests of CUDA devices and contexts ----------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestSupport.h"

#include <thread>

using namespace hilbert;
using namespace hilbert::test;

namespace {

using CudaDevice = CudaTest;

TEST_F(CudaDevice, CountsAndQueries) {
  EXPECT_EQ(get(Device::count()), int(kNumDevices));
  DeviceProperties hopper = get(Device::query(kHopper));
  EXPECT_EQ(hopper.ordinal, kHopper);
  EXPECT_EQ(hopper.name, "Fake Hopper");
  EXPECT_EQ(hopper.computeCapability, 90);
  EXPECT_EQ(hopper.multiprocessors, 132);
  EXPECT_EQ(hopper.maxSharedBytes, 227 << 10);
  EXPECT_EQ(hopper.maxThreadsPerBlock, 1024);
  EXPECT_EQ(hopper.maxBlock.x, 1024u);
  EXPECT_EQ(hopper.maxBlock.y, 1024u);
  EXPECT_EQ(hopper.maxBlock.z, 64u);
  EXPECT_EQ(hopper.maxGrid.x, 2147483647u);
  EXPECT_EQ(hopper.maxGrid.y, 65535u);
  EXPECT_EQ(hopper.maxGrid.z, 65535u);
  EXPECT_EQ(hopper.memoryBytes, uint64_t(1) << 30);
  EXPECT_EQ(hopper.l2Bytes, 50 << 20);
  EXPECT_TRUE(hopper.hasMemoryPools);
  DeviceProperties poolless = get(Device::query(kPoolless));
  EXPECT_EQ(poolless.computeCapability, 86);
  EXPECT_FALSE(poolless.hasMemoryPools);
}

TEST_F(CudaDevice, SameEachTime) {
  const Device &ampere = device(kAmpere);
  EXPECT_EQ(&ampere, &device(kAmpere));
  EXPECT_NE(&ampere, &device(kHopper));
  EXPECT_EQ(ampere.ordinal(), kAmpere);
  EXPECT_EQ(ampere.properties().name, "Fake Ampere");
  EXPECT_EQ(fake::allCalls(), 0);
}

TEST_F(CudaDevice, OutOfRange) {
  for (int ordinal : {-1, int(kNumDevices), 1000}) {
    std::string expected = "InvalidArgument: there is no device " +
                           std::to_string(ordinal) +
                           ": the CUDA driver has 4 devices, counted from 0";
    EXPECT_STATUS(Device::get(ordinal), expected);
    EXPECT_STATUS(Device::query(ordinal), expected);
  }
}

TEST_F(CudaDevice, TooOld) {
  // It can be looked at, but not used; and there is no context afterwards.
  EXPECT_EQ(get(Device::query(kTuring)).name, "Fake Turing");
  EXPECT_STATUS(Device::get(kTuring),
                "Unsupported: device 2 (Fake Turing, sm_75) is too old: sm_80 "
                "or newer is needed");
}

const RegisterScenario noDevices("zero-devices", [](const std::string &) {
  fake::setDevices({});
  return text(Device::count()) + "; " + text(Device::get(0));
});
const RegisterScenario oneDevice("one-device", [](const std::string &) {
  fake::setDevices({{}});
  return text(Device::get(0)) + "; " + text(Device::get(1));
});

TEST(CudaDevices, FewOrNone) {
  EXPECT_EQ(run("zero-devices"),
            "NotFound: the CUDA driver has no devices; NotFound: the CUDA "
            "driver has no devices");
  EXPECT_EQ(run("one-device"),
            "Ok; InvalidArgument: there is no device 1: the CUDA driver has 1 "
            "device, counted from 0");
}

TEST_F(CudaDevice, GuardsNest) {
  ContextGuard outer(device(kAmpere));
  ASSERT_OK(outer.status());
  EXPECT_EQ(fake::contextDepth(), 1);
  EXPECT_EQ(fake::currentContext(), device(kAmpere).context());
  {
    ContextGuard inner(device(kHopper));
    ASSERT_OK(inner.status());
    EXPECT_EQ(fake::currentContext(), device(kHopper).context());
    // Already there.
    ContextGuard again(device(kHopper));
    ASSERT_OK(again.status());
    EXPECT_EQ(fake::contextDepth(), 2);
    EXPECT_OK(again.leave());
    EXPECT_EQ(fake::currentContext(), device(kHopper).context());
  }
  EXPECT_EQ(fake::currentContext(), device(kAmpere).context());
  EXPECT_OK(outer.leave());
  EXPECT_OK(outer.leave());
  EXPECT_EQ(fake::contextDepth(), 0);
}

TEST_F(CudaDevice, CurrentContextIsUntouched) {
  ContextGuard application(device(kAmpere));
  ASSERT_OK(application.status());
  const Device &other = device(kHopper);
  // A success, an error of the driver, an error of ours.
  EXPECT_OK(Buffer::allocate(other, 64).status());
  EXPECT_EQ(fake::currentContext(), device(kAmpere).context());
  EXPECT_FALSE(Buffer::allocate(other, size_t(1) << 40).ok());
  EXPECT_EQ(fake::currentContext(), device(kAmpere).context());
  EXPECT_FALSE(checkPointer(other, 64, "q").ok());
  EXPECT_EQ(fake::currentContext(), device(kAmpere).context());
  EXPECT_EQ(fake::contextDepth(), 1);
}

TEST_F(CudaDevice, ContextsAreOfThreads) {
  ContextGuard guard(device(kAmpere));
  std::thread([] {
    EXPECT_EQ(fake::contextDepth(), 0);
    EXPECT_OK(Buffer::allocate(device(kHopper), 64).status());
    EXPECT_EQ(fake::contextDepth(), 0);
  }).join();
  EXPECT_EQ(fake::contextDepth(), 1);
}

} // namespace
