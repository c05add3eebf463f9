//===- DeviceAllocationTest.cpp - Launches without host memory ------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DeviceTestSupport.h"

#include "hilbert/ExecutionEngine/DeviceElementwise.h"

#include <cstdlib>
#include <new>

// Sanitizers have operators of their own.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define HILBERT_HAS_OWN_OPERATORS 1
#endif
#endif
#ifndef HILBERT_HAS_OWN_OPERATORS

using namespace hilbert;
using namespace hilbert::test;

/// Of this thread, outside of the fake driver.
static thread_local int allocations = 0;

static void *allocate(size_t bytes) {
  if (!fake::isInsideDriver())
    ++allocations;
  if (void *memory = std::malloc(bytes == 0 ? 1 : bytes))
    return memory;
  std::abort();
}

void *operator new(size_t bytes) { return allocate(bytes); }
void *operator new[](size_t bytes) { return allocate(bytes); }
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete[](void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, size_t) noexcept { std::free(memory); }
void operator delete[](void *memory, size_t) noexcept { std::free(memory); }

namespace {

class Allocations : public DeviceTest {};

TEST_F(Allocations, LaunchesNeedNoHostMemory) {
  for (bool isGradient : {false, true}) {
    Memory memory(Sizes(), isGradient);
    int before = allocations;
    DeviceAttention attention =
        get(DeviceAttention::create(device(), *cache, memory.problem));
    EXPECT_GT(allocations, before) << "allocations are not counted";
    // With the device's memory pool, too.
    before = allocations;
    Status status = attention.launch(memory.addresses, nullptr);
    int after = allocations;
    EXPECT_OK(status);
    EXPECT_EQ(after, before);
  }
}

TEST_F(Allocations, ElementwiseLaunchesNeedNoHostMemory) {
  Buffer memory = get(Buffer::allocate(device(), 1024));
  DeviceElementwiseProblem problem;
  problem.result = {DeviceTensor::contiguous(NpyType::F32, {4, 5, 6}),
                    memory.address()};
  problem.operands = {problem.result};
  problem.operands[0].tensor.strides = {1, 4, 20};
  DeviceElementwise kernel =
      get(DeviceElementwise::create(device(), *cache, problem));
  int before = allocations;
  Status status = kernel.launch(nullptr);
  int after = allocations;
  EXPECT_OK(status);
  EXPECT_EQ(after, before);
}

} // namespace

#endif
