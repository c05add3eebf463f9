//===- StreamTest.cpp - Tests of CUDA streams and events ------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestSupport.h"

using namespace hilbert;
using namespace hilbert::test;

namespace {

using CudaStream = CudaTest;
using CudaEvent = CudaTest;

TEST_F(CudaStream, Lifetime) {
  Stream stream = get(Stream::create(device(kAmpere)));
  EXPECT_NE(stream.handle(), nullptr);
  Stream other = std::move(stream);
  EXPECT_EQ(stream.handle(), nullptr);
  EXPECT_OK(synchronize(device(kAmpere), other.handle()));
  EXPECT_OK(other.destroy());
  EXPECT_EQ(fake::live().streams, 0);
  EXPECT_OK(other.destroy());
  other = get(Stream::create(device(kHopper)));
  EXPECT_EQ(fake::live().streams, 1);
}

TEST_F(CudaStream, Synchronizes) {
  EXPECT_OK(synchronize(device(), nullptr));
  EXPECT_OK(synchronize(device(), perThreadStream()));
  Stream ofAnother = get(Stream::create(device(kAmpere)));
  EXPECT_STATUS(synchronize(device(), ofAnother.handle()),
                "DriverError: cuStreamSynchronize failed with "
                "CUDA_ERROR_INVALID_HANDLE (400) while waiting for a stream of "
                "device 0");
}

TEST_F(CudaStream, Captures) {
  Stream stream = get(Stream::create(device()));
  Stream other = get(Stream::create(device()));
  EXPECT_FALSE(get(isCapturing(device(), stream.handle())));
  fake::beginCapture(stream.handle());
  EXPECT_TRUE(get(isCapturing(device(), stream.handle())));
  EXPECT_FALSE(get(isCapturing(device(), other.handle())));
  EXPECT_OK(synchronize(device(), other.handle()));
  EXPECT_TRUE(fake::endCapture(stream.handle()));

  fake::beginCapture(stream.handle());
  EXPECT_STATUS(synchronize(device(), stream.handle()),
                "DriverError: cuStreamSynchronize failed with "
                "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED (900) while waiting for "
                "a stream of device 0");
  EXPECT_TRUE(get(isCapturing(device(), stream.handle())));
  EXPECT_FALSE(fake::endCapture(stream.handle()));
}

TEST_F(CudaEvent, MeasuresTime) {
  Stream stream = get(Stream::create(device()));
  Event begin = get(Event::create(device()));
  Event end = get(Event::create(device()));
  EXPECT_NE(begin.handle(), end.handle());
  EXPECT_STATUS(end.millisecondsSince(begin),
                "DriverError: cuEventElapsedTime failed with "
                "CUDA_ERROR_INVALID_HANDLE (400) while measuring the time "
                "between two events of device 0");
  EXPECT_OK(begin.record(stream.handle()));
  EXPECT_OK(end.record(stream.handle()));
  EXPECT_OK(end.synchronize());
  EXPECT_EQ(get(end.millisecondsSince(begin)), 0.25f);
}

TEST_F(CudaEvent, Lifetime) {
  Event event = get(Event::create(device()));
  Event other = std::move(event);
  EXPECT_EQ(event.handle(), nullptr);
  EXPECT_OK(other.record(nullptr));
  EXPECT_OK(other.makeWait(perThreadStream()));
  EXPECT_OK(other.destroy());
  EXPECT_EQ(fake::live().events, 0);
  EXPECT_OK(other.destroy());
  other = get(Event::create(device(kAmpere)));
  EXPECT_EQ(fake::live().events, 1);
}

} // namespace
