//===- AllocationTest.cpp - Tests without host memory ---------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestSupport.h"

#include <cstdlib>
#include <new>

// ThreadSanitizer has operators of its own, which cannot be replaced.
#if !HILBERT_UNDER_TSAN

using namespace hilbert;
using namespace hilbert::test;

/// How many more allocations of this thread succeed; negative: all.
static thread_local int allocationsLeft = -1;

static void *allocate(size_t bytes) {
  // The fake driver's own memory is not the runtime's.
  if (allocationsLeft >= 0 && !fake::isInsideDriver())
    if (allocationsLeft-- == 0)
      throw std::bad_alloc();
  if (void *memory = std::malloc(bytes == 0 ? 1 : bytes))
    return memory;
  throw std::bad_alloc();
}

void *operator new(size_t bytes) { return allocate(bytes); }
void *operator new[](size_t bytes) { return allocate(bytes); }
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete[](void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, size_t) noexcept { std::free(memory); }
void operator delete[](void *memory, size_t) noexcept { std::free(memory); }

namespace {

class CudaAllocation : public CudaTest {
protected:
  /// Lets the first allocation of `body` fail, then the second, … until it ends
  /// without one that failed; returns how often that was.
  template <typename Body> int failEach(Body body) {
    fake::Live before = fake::live();
    for (int n = 0;; ++n) {
      allocationsLeft = n;
      Status status = body();
      bool isOver = allocationsLeft >= 0;
      allocationsLeft = -1;
      if (isOver)
        return n;
      EXPECT_STATUS(status, "OutOfMemory: no host memory");
      EXPECT_EQ(fake::live(), before);
      EXPECT_EQ(fake::contextDepth(), 0);
      EXPECT_FALSE(fake::isRelaxed());
      if (HasFailure())
        return n;
    }
  }
};

TEST_F(CudaAllocation, FailsAnywhere) {
  int failures = failEach([] {
    TableCache tables;
    return exercise(tables);
  });
  EXPECT_GT(failures, 5);
}

TEST_F(CudaAllocation, FailsInErrors) {
  // The message of an error of the driver, and one of ours.
  EXPECT_GT(failEach([] {
              return Buffer::allocate(device(), size_t(1) << 50).status();
            }),
            1);
  EXPECT_GT(
      failEach([] {
        return Workspace::allocate(device(kPoolless), 1, nullptr).status();
      }),
      1);
  EXPECT_GT(failEach([] {
              return Module::load(device(), "INVALID op", "attention").status();
            }),
            1);
  EXPECT_GT(failEach([] {
              return checkPointer(device(), 0,
                                  "the tensor with the longest name");
            }),
            1);
  EXPECT_GT(failEach([] { return Device::get(kTuring).status(); }), 1);
  EXPECT_GT(failEach([] { return Device::query(99).status(); }), 1);
}

TEST_F(CudaAllocation, LaunchMakesNone) {
  LoadedKernel add = get(LoadedKernel::load(device(), kPtx, "add", 1024));
  KernelCache cache;
  TableCache tables;
  std::string longKey(100, 'k');
  auto load = [] { return LoadedKernel::load(device(), kPtx, "add"); };
  get(cache.get(device(), longKey, load));
  get(tables.get(device(), longKey, "bytes", 5));
  int failures = failEach([&] {
    Status status =
        add.kernel.launch({{7}, {32}, 1024, perThreadStream()}, nullptr);
    if (!cache.get(device(), longKey, load).ok() ||
        !tables.get(device(), longKey, "bytes", 5).ok())
      return Status::noHostMemory();
    return status;
  });
  EXPECT_EQ(failures, 0);
}

} // namespace

#endif // !HILBERT_UNDER_TSAN
