//===- Stream.cpp - Streams and events of a CUDA device -------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert-runtime/Cuda/Stream.h"

#include "Cuda/Call.h"

using namespace hilbert::rt;
using namespace hilbert::rt::cuda;

Status cuda::synchronize(const Device &device, CUstream stream) {
  return inRelaxedContext(device, [&]() -> Status {
    HILBERT_CUDA_CALL(
        device.driver(), cuStreamSynchronize, (stream),
        concat("waiting for a stream of device ", device.ordinal()));
    return Status();
  });
}

Result<bool> cuda::isCapturing(const Device &device, CUstream stream) {
  CUstreamCaptureStatus capture = CU_STREAM_CAPTURE_STATUS_NONE;
  Status status = inContext(device, [&]() -> Status {
    HILBERT_CUDA_CALL(device.driver(), cuStreamIsCapturing, (stream, &capture),
                      concat("asking whether a stream of device ",
                             device.ordinal(), " is being captured"));
    return Status();
  });
  if (!status.ok())
    return status;
  return capture != CU_STREAM_CAPTURE_STATUS_NONE;
}

//===----------------------------------------------------------------------===//
// Stream
//===----------------------------------------------------------------------===//

Result<Stream> Stream::create(const Device &device) {
  Stream result(device);
  Status status = inContext(device, [&]() -> Status {
    HILBERT_CUDA_CALL(device.driver(), cuStreamCreate,
                      (&result.stream, CU_STREAM_NON_BLOCKING),
                      concat("creating a stream on device ", device.ordinal()));
    return Status();
  });
  if (!status.ok())
    return status;
  return result;
}

Stream::Stream(Stream &&other) noexcept
    : device(other.device), stream(std::exchange(other.stream, nullptr)) {}

Stream &Stream::operator=(Stream &&other) noexcept {
  std::swap(device, other.device);
  std::swap(stream, other.stream);
  return *this;
}

Stream::~Stream() { (void)destroy(); }

Status Stream::destroy() {
  if (!stream)
    return Status();
  return inContext(*device, [&]() -> Status {
    HILBERT_CUDA_CALL(
        device->driver(), cuStreamDestroy_v2, (stream),
        concat("destroying a stream of device ", device->ordinal()));
    stream = nullptr;
    return Status();
  });
}

//===----------------------------------------------------------------------===//
// Event
//===----------------------------------------------------------------------===//

Result<Event> Event::create(const Device &device) {
  Event result(device);
  Status status = inContext(device, [&]() -> Status {
    HILBERT_CUDA_CALL(device.driver(), cuEventCreate,
                      (&result.event, CU_EVENT_DEFAULT),
                      concat("creating an event on device ", device.ordinal()));
    return Status();
  });
  if (!status.ok())
    return status;
  return result;
}

Event::Event(Event &&other) noexcept
    : device(other.device), event(std::exchange(other.event, nullptr)) {}

Event &Event::operator=(Event &&other) noexcept {
  std::swap(device, other.device);
  std::swap(event, other.event);
  return *this;
}

Event::~Event() { (void)destroy(); }

Status Event::record(CUstream stream) const {
  return inContext(*device, [&]() -> Status {
    HILBERT_CUDA_CALL(
        device->driver(), cuEventRecord, (event, stream),
        concat("recording an event on device ", device->ordinal()));
    return Status();
  });
}

Status Event::makeWait(CUstream stream) const {
  return inContext(*device, [&]() -> Status {
    HILBERT_CUDA_CALL(device->driver(), cuStreamWaitEvent, (stream, event, 0),
                      concat("making a stream wait for an event of device ",
                             device->ordinal()));
    return Status();
  });
}

Status Event::synchronize() const {
  return inRelaxedContext(*device, [&]() -> Status {
    HILBERT_CUDA_CALL(
        device->driver(), cuEventSynchronize, (event),
        concat("waiting for an event of device ", device->ordinal()));
    return Status();
  });
}

Result<float> Event::millisecondsSince(const Event &begin) const {
  float milliseconds = 0;
  Status status = inContext(*device, [&]() -> Status {
    HILBERT_CUDA_CALL(device->driver(), cuEventElapsedTime,
                      (&milliseconds, begin.event, event),
                      concat("measuring the time between two events of device ",
                             device->ordinal()));
    return Status();
  });
  if (!status.ok())
    return status;
  return milliseconds;
}

Status Event::destroy() {
  if (!event)
    return Status();
  return inContext(*device, [&]() -> Status {
    HILBERT_CUDA_CALL(
        device->driver(), cuEventDestroy_v2, (event),
        concat("destroying an event of device ", device->ordinal()));
    event = nullptr;
    return Status();
  });
}
