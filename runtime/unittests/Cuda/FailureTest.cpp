//===- FailureTest.cpp - Every driver function fails once -----------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestSupport.h"

#include <cstdlib>

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

bool isOnlyCalledOnce(const std::string &symbol) {
  return symbol == "cuInit" || symbol == "cuDriverGetVersion";
}

const RegisterScenario counting("count", [](const std::string &symbol) {
  TableCache tables;
  Status status = exercise(tables);
  return status.ok() ? std::to_string(fake::calls(symbol)) : text(status);
});

/// "<symbol> <n>": in a process in which nothing was called yet.
const RegisterScenario failing("fail", [](const std::string &argument) {
  size_t space = argument.find(' ');
  const std::string symbol = argument.substr(0, space);
  fake::failCall(symbol, std::stoi(argument.substr(space)), CUDA_ERROR_UNKNOWN);
  {
    TableCache tables;
    Status status = exercise(tables);
    if (status.code() != StatusCode::DriverError ||
        status.message().find(symbol + " failed with CUDA_ERROR_UNKNOWN (999) "
                                       "while ") != 0)
      return "unexpected: " + text(status);
  }
  fake::Live expected;
  fake::Live after = fake::live();
  // The context of a device stays once it was made.
  expected.retainedContexts = after.retainedContexts;
  if (!(after == expected) || after.retainedContexts > 1)
    return std::string("something leaked");
  if (leavesThreadState(symbol))
    resetThread();
  if (fake::contextDepth() != 0 || fake::isRelaxed())
    return std::string("the thread's state changed");

  TableCache tables;
  Status next = exercise(tables);
  if (isOnlyCalledOnce(symbol))
    return std::string(next.message().find(symbol + " failed with ") == 0
                           ? "repeated"
                           : "unexpected: " + text(next));
  if (fake::live().retainedContexts != 1)
    return std::string("a context leaked");
  return next.ok() ? std::string("recovered") : "not over: " + text(next);
});

class CudaFailure : public testing::TestWithParam<const char *> {};

TEST_P(CudaFailure, OfEachCall) {
  std::string symbol = GetParam();
  std::string count = run("count", symbol);
  int calls = std::atoi(count.c_str());
  ASSERT_GT(calls, 0) << count;
  for (int n = 1; n <= calls; ++n)
    EXPECT_EQ(run("fail", symbol + " " + std::to_string(n)),
              isOnlyCalledOnce(symbol) ? "repeated" : "recovered")
        << "call " << n;
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

} // namespace
