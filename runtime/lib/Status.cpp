//===- Status.cpp - Errors as values --------------------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert-runtime/Status.h"

#include <new>

using namespace hilbert;

const char *rt::name(StatusCode code) {
  switch (code) {
  case StatusCode::Ok:
    return "Ok";
  case StatusCode::InvalidArgument:
    return "InvalidArgument";
  case StatusCode::Unsupported:
    return "Unsupported";
  case StatusCode::NotFound:
    return "NotFound";
  case StatusCode::OutOfMemory:
    return "OutOfMemory";
  case StatusCode::DriverError:
    return "DriverError";
  }
  return "unknown";
}

rt::Status rt::Status::noHostMemory() noexcept {
  Status status;
  status.statusCode = StatusCode::OutOfMemory;
  return status;
}

/// Needs no memory, and is never destroyed: a status may be looked at until the
/// process ends.
template <const char *Text> static const std::string &constant() {
  alignas(std::string) static char storage[sizeof(std::string)];
  static const std::string &text = *new (storage) std::string(Text);
  return text;
}

// Short enough for the string's own storage in every standard library.
static constexpr char kNothing[] = "";
static constexpr char kNoMemory[] = "no host memory";

const std::string &rt::Status::message() const {
  if (text)
    return *text;
  return ok() ? constant<kNothing>() : constant<kNoMemory>();
}
