//===- TestSupport.h - What the CUDA tests share ----------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The driver and its devices are set up once per process, so tests of that run
// a scenario: a function of this program in a process of its own.
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_RUNTIME_UNITTESTS_CUDA_TESTSUPPORT_H
#define HILBERT_RUNTIME_UNITTESTS_CUDA_TESTSUPPORT_H

#include "FakeDriver.h"
#include "hilbert-runtime/Cuda/OnceCache.h"
#include "hilbert-runtime/Cuda/Stream.h"

#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#if defined(__SANITIZE_THREAD__)
#define HILBERT_UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HILBERT_UNDER_TSAN 1
#endif
#endif
#ifndef HILBERT_UNDER_TSAN
#define HILBERT_UNDER_TSAN 0
#endif

namespace hilbert::test {

using namespace hilbert::rt;
using namespace hilbert::rt::cuda;

/// The devices of the tests' own process, by ordinal.
enum : int { kHopper, kAmpere, kTuring, kPoolless, kNumDevices };
void setDefaultDevices();

/// "Ok", or the code and the message.
std::string text(const Status &status);
template <typename T> std::string text(const Result<T> &result) {
  return text(result.status());
}

/// The device; the test fails without it.
const Device &device(int ordinal = kHopper);

/// The value of a result; the test fails without it.
template <typename T> T get(Result<T> result) {
  if (!result.ok())
    ADD_FAILURE() << text(result);
  return *std::move(result);
}

/// For the fake's assembler: kernels `add` and `big`.
extern const char *const kPtx;

/// Checks at the end of each test that it left nothing behind.
class CudaTest : public testing::Test {
protected:
  void SetUp() override;
  void TearDown() override;

private:
  fake::Live before;
};

/// Calls every function of the runtime, and of the driver; returns the first
/// error.
Status exercise(TableCache &tables);

/// Compares the text of a status.
#define EXPECT_STATUS(status, expected)                                        \
  EXPECT_EQ(hilbert::test::text(status), expected)
#define EXPECT_OK(status) EXPECT_STATUS(status, "Ok")
#define ASSERT_OK(status) ASSERT_EQ(hilbert::test::text(status), "Ok")

/// A function that runs in a process of its own, and what it is to print.
using Scenario = std::string (*)(const std::string &argument);
struct RegisterScenario {
  RegisterScenario(const char *name, Scenario body);
};

/// The output of a scenario, with "exit status N" or "signal N" behind it if
/// that is not 0. `driver` is the value of HILBERT_CUDA_DRIVER; null: it is
/// unset.
std::string run(const char *scenario, const std::string &argument = "",
                const char *driver = FAKE_DRIVER);

/// The same for another program, without arguments.
std::string runProgram(const char *program, const char *driver);

/// What `body` returns in a forked child of this process, or "exit status N" or
/// "signal N".
std::string inChild(const std::function<std::string()> &body);

} // namespace hilbert::test

#endif // HILBERT_RUNTIME_UNITTESTS_CUDA_TESTSUPPORT_H
