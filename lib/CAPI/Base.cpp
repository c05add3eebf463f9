//===- Base.cpp - Status, version, threads --------------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert-c/Base.h"

#include "Error.h"

#include "hilbert-runtime/ThreadPool.h"

using namespace hilbert;

/// Leaked with its thread: nothing is registered with the threads of the host
/// application.
static thread_local std::string *lastMessage = nullptr;

HilbertStatus hilbert::fail(HilbertStatus status, const llvm::Twine &message) {
  std::string text = message.str();
  if (!lastMessage)
    lastMessage = new std::string;
  *lastMessage = std::move(text);
  return status;
}

HilbertStatus hilbert::fail(HilbertStatus status, llvm::Error error) {
  return fail(status, llvm::toString(std::move(error)));
}

const char *hilbertGetErrorMessage(void) {
  return lastMessage ? lastMessage->c_str() : "";
}

const char *hilbertGetVersion(void) { return HILBERT_VERSION; }

int32_t hilbertGetNumThreads(void) { return rt::numThreads(); }

void hilbertSetNumThreads(int32_t n) { rt::setNumThreads(n); }
