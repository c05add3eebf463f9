//===- Status.h - Errors as values ------------------------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_RUNTIME_STATUS_H
#define HILBERT_RUNTIME_STATUS_H

#include <cassert>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace hilbert::rt {

enum class StatusCode {
  Ok,
  /// The caller asked for something that no machine can do.
  InvalidArgument,
  /// This driver or device cannot do it; another may.
  Unsupported,
  /// There is no driver or no device.
  NotFound,
  /// Not enough device or host memory.
  OutOfMemory,
  /// The driver failed in another way.
  DriverError,
};

/// "Ok", "InvalidArgument", …
const char *name(StatusCode code);

/// Success, or what went wrong: a code to act on and a message for people, in
/// lower case and without a trailing period. Copies are cheap and cannot fail.
class [[nodiscard]] Status {
public:
  Status() = default;
  /// May throw std::bad_alloc.
  Status(StatusCode code, std::string message)
      : statusCode(code),
        text(std::make_shared<const std::string>(std::move(message))) {
    assert(code != StatusCode::Ok && "success has no message");
  }

  /// What an operation returns that could not allocate host memory: an
  /// OutOfMemory, which allocates nothing itself.
  static Status noHostMemory() noexcept;

  bool ok() const { return statusCode == StatusCode::Ok; }
  StatusCode code() const { return statusCode; }
  /// Empty if ok().
  const std::string &message() const;

private:
  StatusCode statusCode = StatusCode::Ok;
  /// Null of a success, and of noHostMemory().
  std::shared_ptr<const std::string> text;
};

/// A T, or the error that prevented it.
template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : content(std::move(value)) {}
  Result(Status error) : error(std::move(error)) {
    assert(!this->error.ok() && "a result without a value is an error");
  }

  bool ok() const { return content.has_value(); }
  const Status &status() const { return error; }

  T &operator*() & { return value(); }
  const T &operator*() const & { return value(); }
  T &&operator*() && { return std::move(value()); }
  /// Reaches through a pointer, so that a Result<T *> reads like a T *.
  auto operator->() {
    if constexpr (std::is_pointer_v<T>)
      return value();
    else
      return &value();
  }

private:
  T &value() {
    assert(ok() && "the value of a failed result");
    return *content;
  }
  const T &value() const {
    assert(ok() && "the value of a failed result");
    return *content;
  }

  Status error;
  std::optional<T> content;
};

} // namespace hilbert::rt

#endif // HILBERT_RUNTIME_STATUS_H
