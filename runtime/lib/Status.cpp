//===- Status.cpp - Errors as values --------------------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert-runtime/Status.h"

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
  // Short enough for the string's own storage in every standard library.
  return Status(StatusCode::OutOfMemory, "no host memory");
}
