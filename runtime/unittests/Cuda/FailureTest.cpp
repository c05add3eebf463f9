//===- FailureTest.cpp - Every driver function fails once -----------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestSupport.h"

#include <optional>

using namespace hilbert;
using namespace hilbert::test;

namespace {

/// What a failed pop or a failed change of the capture mode leaves behind: the
/// driver's state is not ours to mend.
void resetThread() {
  const Driver &driver = *get(Driver::get());
  CUcontext popped = nullptr;
  while (fake::contextDepth() > 0)
    driver.cuCtxPopCurrent_v2(&popped);
  CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_GLOBAL;
  driver.cuThreadExchangeStreamCaptureMode(&mode);
}

bool leavesThreadState(const std::string &symbol) {
  return symbol == "cuCtxPopCurrent_v2" ||
         symbol == "cuThreadExchangeStreamCaptureMode";
}

/// Lets the n-th call of `symbol` fail; returns what went wrong.
std::string failOnce(const std::string &symbol, int n, fake::Live &before) {
  TableCache tables;
  fake::resetCalls();
  fake::failCall(symbol, n, CUDA_ERROR_UNKNOWN);
  Status status = exercise(tables);
  tables.clear();
  const std::string message =
      symbol + " failed with CUDA_ERROR_UNKNOWN (999) while ";
  if (status.code() != StatusCode::DriverError ||
      status.message().find(message) != 0)
    return "unexpected: " + text(status);

  fake::Live after = fake::live();
  // The context of a device stays once it was made.
  after.retainedContexts = before.retainedContexts;
  if (!(after == before))
    return "something leaked after: " + text(status);
  if (leavesThreadState(symbol))
    resetThread();
  if (fake::contextDepth() != 0 || fake::isRelaxed())
    return "the thread's state changed after: " + text(status);
  return "";
}

const RegisterScenario failing("fail", [](const std::string &symbol) {
  fake::Live nothing;
  // The first time in a process in which nothing was called yet.
  std::string problem = failOnce(symbol, 1, nothing);
  if (!problem.empty())
    return problem;
  Status next;
  int calls = 0;
  // The second run makes no device.
  for (int i = 0; i < 2; ++i) {
    TableCache tables;
    fake::resetCalls();
    next = exercise(tables);
    calls = fake::calls(symbol);
  }
  if (symbol == "cuInit" || symbol == "cuDriverGetVersion")
    return std::string(next.message().find(symbol + " failed with ") == 0
                           ? "repeated"
                           : "unexpected: " + text(next));
  if (!next.ok())
    return "not over: " + text(next);

  for (int n = 2; n <= calls; ++n) {
    problem = failOnce(symbol, n, nothing);
    if (!problem.empty())
      return "call " + std::to_string(n) + ": " + problem;
  }
  fake::resetCalls();
  TableCache tables;
  next = exercise(tables);
  fake::Live live = fake::live();
  if (live.retainedContexts != 1)
    return std::to_string(live.retainedContexts) + " contexts";
  return next.ok() ? std::string("recovered") : "not over: " + text(next);
});

class CudaFailure : public testing::TestWithParam<const char *> {};

TEST_P(CudaFailure, OfOneCall) {
  std::string symbol = GetParam();
  bool isRepeated = symbol == "cuInit" || symbol == "cuDriverGetVersion";
  EXPECT_EQ(run("fail", symbol), isRepeated ? "repeated" : "recovered");
}

const char *const symbols[] = {
#define HILBERT_CUDA_SYMBOL(name, ...) #name,
#include "hilbert-runtime/Cuda/Symbols.def"
};

std::vector<const char *> symbolsOfWork() {
  std::vector<const char *> result;
  for (const char *symbol : symbols)
    if (symbol != std::string("cuGetErrorName"))
      result.push_back(symbol);
  return result;
}

INSTANTIATE_TEST_SUITE_P(AllSymbols, CudaFailure,
                         testing::ValuesIn(symbolsOfWork()),
                         [](const testing::TestParamInfo<const char *> &info) {
                           return std::string(info.param);
                         });

const RegisterScenario nameless("fail-name", [](const std::string &) {
  TableCache tables;
  fake::failCall("cuMemAlloc_v2", 1, CUDA_ERROR_OUT_OF_MEMORY);
  fake::failCall("cuGetErrorName", 1, CUDA_ERROR_UNKNOWN);
  Status first = exercise(tables);
  Status next = exercise(tables);
  tables.clear();
  return text(first) + "; " + text(next);
});

TEST(CudaFailures, OfTheNameOfAnError) {
  EXPECT_EQ(run("fail-name"),
            "OutOfMemory: cuMemAlloc_v2 failed with an unnamed error (2) while "
            "allocating 64 bytes on device 0; Ok");
}

const RegisterScenario covered("coverage", [](const std::string &) {
  TableCache tables;
  fake::resetCalls();
  Status status = exercise(tables);
  std::string unused;
  for (const char *symbol : symbolsOfWork())
    if (fake::calls(symbol) == 0)
      unused += std::string(symbol) + " ";
  return text(status) + "; unused: " + unused;
});

TEST(CudaFailures, NoFunctionIsUnused) {
  EXPECT_EQ(run("coverage"), "Ok; unused: ");
}

} // namespace
