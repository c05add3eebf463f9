//===- Stream.h - Streams and events of a CUDA device -----------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernels run on streams of the application, which come as plain handles. What
// is here is for tools that time and test, and for private streams.
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_RUNTIME_CUDA_STREAM_H
#define HILBERT_RUNTIME_CUDA_STREAM_H

#include "hilbert-runtime/Cuda/Device.h"

namespace hilbert::rt::cuda {

/// Waits for all work on `stream`, which may be a default one. Errors of that
/// work are reported here.
Status synchronize(const Device &device, CUstream stream);

/// Whether work on `stream` is recorded into a graph instead of run.
Result<bool> isCapturing(const Device &device, CUstream stream);

/// A stream that does not wait for the legacy default stream.
class Stream {
public:
  static Result<Stream> create(const Device &device);

  Stream(Stream &&other) noexcept;
  Stream &operator=(Stream &&other) noexcept;
  ~Stream();

  CUstream handle() const { return stream; }

  /// Does early what the destructor does, and tells about errors: on one, the
  /// stream stays. Work on it goes on until it is done.
  Status destroy();

private:
  explicit Stream(const Device &device) : device(&device) {}

  const Device *device;
  CUstream stream = nullptr;
};

/// A point in the work of a stream, with its time.
class Event {
public:
  static Result<Event> create(const Device &device);

  Event(Event &&other) noexcept;
  Event &operator=(Event &&other) noexcept;
  ~Event();

  CUevent handle() const { return event; }

  /// Moves it to the end of what is on `stream` now.
  Status record(CUstream stream) const;
  /// Lets what comes to `stream` from now on wait for it.
  Status makeWait(CUstream stream) const;
  /// Waits for it.
  Status synchronize() const;
  /// The time from `begin` to this event in milliseconds. Both must have been
  /// recorded and reached: synchronize() first.
  Result<float> millisecondsSince(const Event &begin) const;

  /// Does early what the destructor does, and tells about errors: on one, the
  /// event stays.
  Status destroy();

private:
  explicit Event(const Device &device) : device(&device) {}

  const Device *device;
  CUevent event = nullptr;
};

} // namespace hilbert::rt::cuda

#endif // HILBERT_RUNTIME_CUDA_STREAM_H
