//===- HostABITest.cpp - Tests of the host ABI ----------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert-runtime/HostABI.h"
#include "hilbert-runtime/HostSymbols.h"

#include "hilbert-runtime/ThreadPool.h"

#include "gtest/gtest.h"

#include <pthread.h>

using namespace hilbert;

namespace {

TEST(HostABI, SymbolsNameTheFunctions) {
  const auto &symbols = rt::hostSymbols();
  ASSERT_EQ(symbols.size(), 2u);
  EXPECT_STREQ(symbols[0].name, "hilbert_rt_parallel_for");
  EXPECT_EQ(symbols[0].address,
            reinterpret_cast<void *>(&hilbert_rt_parallel_for));
  EXPECT_STREQ(symbols[1].name, "hilbert_rt_fail");
  EXPECT_EQ(symbols[1].address, reinterpret_cast<void *>(&hilbert_rt_fail));
}

TEST(HostABI, KernelCanBeCalledThroughTheSymbol) {
  auto parallelFor = reinterpret_cast<decltype(&hilbert_rt_parallel_for)>(
      rt::hostSymbols()[0].address);
  int64_t out[100] = {};
  parallelFor(
      [](void *context, int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
          static_cast<int64_t *>(context)[i] += i;
      },
      out, 100);
  for (int64_t i = 0; i < 100; ++i)
    EXPECT_EQ(out[i], i);
}

TEST(HostABI, FirstFailureIsKeptUntilTaken) {
  EXPECT_EQ(rt::takeFailure(), std::nullopt);
  hilbert_rt_fail("first");
  hilbert_rt_fail("second");
  EXPECT_EQ(rt::takeFailure(), "first");
  EXPECT_EQ(rt::takeFailure(), std::nullopt);
  hilbert_rt_fail("third");
  EXPECT_EQ(rt::takeFailure(), "third");
}

TEST(HostABI, FailureWithoutMessage) {
  hilbert_rt_fail(nullptr);
  EXPECT_EQ(rt::takeFailure(), "unknown failure");
}

TEST(HostABI, FailureBelongsToTheThread) {
  hilbert_rt_fail("here");
  pthread_t thread;
  ASSERT_EQ(pthread_create(
                &thread, nullptr,
                [](void *) -> void * {
                  EXPECT_EQ(rt::takeFailure(), std::nullopt);
                  hilbert_rt_fail("there");
                  EXPECT_EQ(rt::takeFailure(), "there");
                  return nullptr;
                },
                nullptr),
            0);
  pthread_join(thread, nullptr);
  EXPECT_EQ(rt::takeFailure(), "here");
}

} // namespace
