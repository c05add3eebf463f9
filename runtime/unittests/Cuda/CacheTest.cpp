//===- CacheTest.cpp - Tests of the caches of kernels and tables ----------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestSupport.h"

#include <atomic>
#include <chrono>
#include <thread>

using namespace hilbert;
using namespace hilbert::test;

namespace {

using CudaKernelCache = CudaTest;
using CudaTableCache = CudaTest;

/// Runs `body(i)` for i in [0, count), each on a thread.
template <typename Body> void onThreads(int count, Body body) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i)
    threads.emplace_back(body, i);
  for (std::thread &thread : threads)
    thread.join();
}

/// Long enough for others to come and wait.
void dawdle() { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }

TEST_F(CudaKernelCache, KeysAndDevices) {
  KernelCache cache;
  int created = 0;
  auto getKernel = [&](int ordinal, const char *key) {
    return get(cache.get(device(ordinal), key, [&] {
      ++created;
      return LoadedKernel::load(device(ordinal), kPtx, "add");
    }));
  };
  auto first = getKernel(kHopper, "a");
  EXPECT_EQ(getKernel(kHopper, "a"), first);
  EXPECT_EQ(created, 1);
  EXPECT_NE(getKernel(kHopper, "b"), first);
  EXPECT_NE(getKernel(kAmpere, "a"), first);
  EXPECT_EQ(created, 3);
  EXPECT_EQ(cache.size(), 3u);
  EXPECT_EQ(getKernel(kAmpere, "a")->kernel.device().ordinal(), kAmpere);
  EXPECT_EQ(fake::live().modules, 3);
  EXPECT_OK(first->kernel.launch({}, nullptr));
}

TEST_F(CudaKernelCache, HitCallsNothing) {
  KernelCache cache;
  auto load = [] { return LoadedKernel::load(device(), kPtx, "add"); };
  get(cache.get(device(), "a", load));
  fake::resetCalls();
  get(cache.get(device(), "a", load));
  EXPECT_EQ(fake::allCalls(), 0);
}

TEST_F(CudaKernelCache, ClearKeepsWhatIsShared) {
  KernelCache cache;
  auto load = [] { return LoadedKernel::load(device(), kPtx, "add"); };
  auto kept = get(cache.get(device(), "a", load));
  get(cache.get(device(), "b", load));
  cache.clear();
  EXPECT_EQ(cache.size(), 0u);
  EXPECT_EQ(fake::live().modules, 1);
  EXPECT_OK(kept->kernel.launch({}, nullptr));
  EXPECT_NE(get(cache.get(device(), "a", load)), kept);
}

TEST_F(CudaKernelCache, FailureIsNotKept) {
  KernelCache cache;
  EXPECT_STATUS(cache.get(device(), "a",
                          []() -> Result<LoadedKernel> {
                            return Status(StatusCode::Unsupported, "not yet");
                          }),
                "Unsupported: not yet");
  EXPECT_EQ(cache.size(), 0u);
  EXPECT_OK(cache
                .get(device(), "a",
                     [] { return LoadedKernel::load(device(), kPtx, "add"); })
                .status());
}

TEST_F(CudaKernelCache, NoHostMemory) {
  KernelCache cache;
  EXPECT_STATUS(
      cache.get(device(), "a",
                []() -> Result<LoadedKernel> { throw std::bad_alloc(); }),
      "OutOfMemory: no host memory");
  EXPECT_EQ(cache.size(), 0u);
}

TEST_F(CudaKernelCache, OneThreadCreates) {
  KernelCache cache;
  std::atomic<int> created{0};
  std::vector<KernelCache::Pointer> kernels(16);
  onThreads(16, [&](int i) {
    kernels[i] = get(cache.get(device(), "a", [&] {
      ++created;
      dawdle();
      return LoadedKernel::load(device(), kPtx, "add");
    }));
    EXPECT_OK(kernels[i]->kernel.launch({}, nullptr));
  });
  EXPECT_EQ(created, 1);
  for (const auto &kernel : kernels)
    EXPECT_EQ(kernel, kernels[0]);
  EXPECT_EQ(fake::takeLaunches().size(), 16u);
}

TEST_F(CudaKernelCache, AllWaitersGetTheFailure) {
  KernelCache cache;
  const int count = 8;
  std::atomic<int> asking{0};
  std::atomic<int> created{0};
  std::atomic<int> failed{0};
  onThreads(count, [&](int) {
    ++asking;
    Status status = cache
                        .get(device(), "a",
                             [&]() -> Result<LoadedKernel> {
                               ++created;
                               while (asking != count)
                                 std::this_thread::yield();
                               dawdle();
                               return Status(StatusCode::Unsupported, "never");
                             })
                        .status();
    failed += text(status) == "Unsupported: never";
  });
  EXPECT_EQ(failed, count);
  // A thread that was late for the first try made one of its own.
  EXPECT_LT(created, count);
  EXPECT_EQ(cache.size(), 0u);
}

TEST_F(CudaKernelCache, KeysDoNotWaitForEachOther) {
  KernelCache cache;
  std::atomic<bool> isSecondDone{false};
  onThreads(2, [&](int i) {
    get(cache.get(device(), i == 0 ? "slow" : "fast", [&] {
      // Ends only if the other key does not wait for this one.
      while (i == 0 && !isSecondDone)
        std::this_thread::yield();
      return LoadedKernel::load(device(), kPtx, "add");
    }));
    if (i == 1)
      isSecondDone = true;
  });
  EXPECT_EQ(cache.size(), 2u);
}

TEST_F(CudaKernelCache, CreatorMayUseOtherKeys) {
  KernelCache cache;
  auto load = [] { return LoadedKernel::load(device(), kPtx, "add"); };
  EXPECT_OK(cache
                .get(device(), "outer",
                     [&] {
                       get(cache.get(device(), "inner", load));
                       return load();
                     })
                .status());
  EXPECT_EQ(cache.size(), 2u);
}

TEST_F(CudaKernelCache, ManyThreadsAndKeys) {
  KernelCache cache;
  TableCache tables;
  const int rounds = HILBERT_UNDER_TSAN ? 20 : 200;
  std::atomic<int> wrong{0};
  onThreads(8, [&](int thread) {
    for (int i = 0; i < rounds; ++i) {
      int ordinal = (thread + i) % 2 ? kHopper : kAmpere;
      std::string key = "key" + std::to_string(i % 7);
      auto kernel = get(cache.get(device(ordinal), key, [&] {
        return LoadedKernel::load(device(ordinal), kPtx, "add");
      }));
      wrong += kernel->kernel.device().ordinal() != ordinal;
      wrong += !kernel->kernel.launch({}, nullptr).ok();
      auto table =
          get(tables.get(device(ordinal), key, key.data(), key.size()));
      std::string back(key.size(), ' ');
      wrong += !copyToHost(device(ordinal), back.data(), table->address(),
                           back.size(), perThreadStream())
                    .ok();
      wrong += back != key;
      if (thread == 0 && i % 10 == 9) {
        cache.clear();
        tables.clear();
      }
    }
  });
  EXPECT_EQ(wrong, 0);
}

TEST_F(CudaTableCache, UploadsOnce) {
  TableCache tables;
  int numbers[] = {3, 1, 2};
  auto table = get(tables.get(device(), "order", numbers, sizeof(numbers)));
  EXPECT_EQ(table->bytes(), sizeof(numbers));
  int back[3] = {};
  EXPECT_OK(copyToHost(device(), back, table->address(), sizeof(back)));
  EXPECT_TRUE(std::equal(back, back + 3, numbers));

  fake::resetCalls();
  EXPECT_EQ(get(tables.get(device(), "order", numbers, sizeof(numbers))),
            table);
  EXPECT_EQ(fake::allCalls(), 0);
  EXPECT_NE(get(tables.get(device(kAmpere), "order", numbers, 4)), table);
  EXPECT_EQ(tables.size(), 2u);
}

TEST_F(CudaTableCache, StaysUntilCleared) {
  TableCache tables;
  CUdeviceptr address = get(tables.get(device(), "t", "abc", 4))->address();
  EXPECT_EQ(get(tables.get(device(), "t", "abc", 4))->address(), address);
  EXPECT_EQ(fake::live().allocations, 1);
  tables.clear();
  EXPECT_EQ(fake::live().allocations, 0);
  EXPECT_EQ(tables.size(), 0u);
}

TEST_F(CudaTableCache, UploadsDuringACapture) {
  TableCache tables;
  Stream stream = get(Stream::create(device()));
  for (CUstream captured : {stream.handle(), perThreadStream()}) {
    fake::beginCapture(captured);
    auto table = get(tables.get(device(), "t", "abc", 4));
    char back[4] = {};
    EXPECT_OK(copyToHost(device(), back, table->address(), 4,
                         captured == stream.handle() ? perThreadStream()
                                                     : stream.handle()));
    EXPECT_STREQ(back, "abc");
    table.reset();
    tables.clear();
    EXPECT_TRUE(fake::endCapture(captured));
  }
}

TEST_F(CudaTableCache, OutOfMemory) {
  TableCache tables;
  std::vector<char> bytes((1 << 20) + 1);
  EXPECT_STATUS(
      tables.get(device(kPoolless), "t", bytes.data(), bytes.size()),
      "OutOfMemory: cuMemAlloc_v2 failed with CUDA_ERROR_OUT_OF_MEMORY (2) "
      "while allocating 1048577 bytes on device 3");
  EXPECT_OK(tables.get(device(kPoolless), "t", bytes.data(), 16).status());
}

} // namespace
