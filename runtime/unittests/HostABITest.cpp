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

#include "hilbert/Curve/Order.h"

#include <pthread.h>
#include <thread>
#include <vector>

using namespace hilbert;

namespace {

TEST(HostABI, SymbolsNameTheFunctions) {
  const auto &symbols = rt::hostSymbols();
  ASSERT_EQ(symbols.size(), 3u);
  EXPECT_STREQ(symbols[0].name, "hilbert_rt_parallel_for");
  EXPECT_EQ(symbols[0].address,
            reinterpret_cast<void *>(&hilbert_rt_parallel_for));
  EXPECT_STREQ(symbols[1].name, "hilbert_rt_fail");
  EXPECT_EQ(symbols[1].address, reinterpret_cast<void *>(&hilbert_rt_fail));
  EXPECT_STREQ(symbols[2].name, "hilbert_rt_order");
  EXPECT_EQ(symbols[2].address, reinterpret_cast<void *>(&hilbert_rt_order));
}

TEST(HostABI, OrdersAreSharedAndRight) {
  curve::OrderSpec spec =
      curve::gridOrder(curve::Curve::Hilbert, {24, 40}, {8, 8});
  auto order = [](int64_t length) {
    return hilbert_rt_order(int64_t(curve::Curve::Hilbert), 2, 24, 40, 0, 8, 8,
                            0, length);
  };
  const int32_t *table = order(960);
  EXPECT_EQ(std::vector<int32_t>(table, table + 960), curve::permutation(spec));
  EXPECT_EQ(order(960), table);

  // Another order is another table, and leaves the first where it was.
  const int32_t *other =
      hilbert_rt_order(int64_t(curve::Curve::Snake), 1, 5, 0, 0, 0, 0, 0, 5);
  EXPECT_NE(other, table);
  EXPECT_EQ(other[4], 4);
  EXPECT_EQ(order(960), table);
}

TEST(HostABI, OrdersFromManyThreads) {
  std::vector<std::thread> threads;
  std::vector<const int32_t *> tables(8);
  for (auto &table : tables)
    threads.emplace_back([&table] {
      table = hilbert_rt_order(int64_t(curve::Curve::Hilbert), 2, 100, 100, 0,
                               0, 0, 0, 10000);
    });
  for (std::thread &thread : threads)
    thread.join();
  for (const int32_t *table : tables)
    EXPECT_EQ(table, tables[0]);
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
