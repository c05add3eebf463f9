//===- SilenceTest.cpp - Failures print nothing ---------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Problem.h"
#include "hilbert-c/Program.h"

#include <cstring>

using namespace capi;

/// The library lives in other people's processes: what is wrong is in the
/// message.
TEST(Silence, FailuresPrintNothing) {
  struct Bad {
    const char *text, *message;
  };
  const Bad bad[] = {
      {"func.func @f(", "\"program\":1:13"},
      {"func.func @f() -> i32 { return }", "return"},
      // Valid, but nothing lowers it.
      {"func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> { %y = linalg.exp "
       "ins(%x : tensor<4xf32>) outs(%x : tensor<4xf32>) -> tensor<4xf32> "
       "return %y : tensor<4xf32> }",
       "linalg.exp"},
  };
  for (const Bad &entry : bad) {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    HilbertArtifact *made = nullptr;
    HilbertStatus status =
        hilbertCompile(entry.text, std::strlen(entry.text), 0, &made);
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
    expectError(status, HILBERT_COMPILE_FAILED, entry.message);
    EXPECT_EQ(made, nullptr);
  }
}
