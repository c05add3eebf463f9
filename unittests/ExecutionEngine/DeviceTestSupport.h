//===- DeviceTestSupport.h - Problems for a fake driver ---------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_UNITTESTS_EXECUTIONENGINE_DEVICETESTSUPPORT_H
#define HILBERT_UNITTESTS_EXECUTIONENGINE_DEVICETESTSUPPORT_H

#include "FakeDriver.h"

#include "hilbert/ExecutionEngine/DeviceAttention.h"

#include <gtest/gtest.h>
#include <map>

namespace hilbert::test {

using namespace hilbert::rt;
using namespace hilbert::rt::cuda;

/// The devices of the fake driver.
enum : int { kHopper, kAmpere, kTuring, kPoolless };

/// The device; the test ends without it.
const Device &device(int ordinal = kHopper);

/// "Ok", or the code and the message.
std::string text(const Status &status);

/// The value of a result; the test ends without it.
template <typename T> T get(Result<T> result) {
  if (!result.ok()) {
    ADD_FAILURE() << text(result.status());
    std::abort();
  }
  return *std::move(result);
}

/// Sizes of an attention.
struct Sizes {
  int64_t batch = 2, queries = 100, keys = 100, heads = 4, keyHeads = 2,
          depth = 64;
  Layout layout = Layout::BNHD;
  NpyType type = NpyType::BF16;
};

/// Row-major tensors of these sizes, and device memory for each of them.
struct Memory {
  explicit Memory(const Sizes &sizes, bool isGradient = false,
                  bool hasDlse = false, int ordinal = kHopper);

  /// Adds a runtime order.
  void addTable(int number, llvm::ArrayRef<int64_t> shape);

  DeviceAttentionProblem problem;
  DeviceAddresses addresses = {};

private:
  void add(DeviceOperand operand, DeviceTensor tensor);

  int ordinal;
  std::vector<Buffer> buffers;
};

/// The arguments of a launch by name, as the kernel reads them.
using Arguments = std::map<std::string, uint64_t>;

struct Recorded {
  fake::Launch launch;
  Arguments arguments;
};

/// What a launch of an attention does, kernel by kernel.
std::vector<Recorded> record(const DeviceAttention &attention,
                             const DeviceAddresses &addresses);

/// Checks at the end of each test that it left nothing behind but what the
/// process-wide cache keeps, and that the thread's state is as it was.
class DeviceTest : public testing::Test {
protected:
  void SetUp() override;
  void TearDown() override;

  /// Lives as long as a test.
  std::unique_ptr<DeviceKernelCache> cache;

private:
  fake::Live before;
};

/// Compares the text of a status.
#define EXPECT_STATUS(status, expected)                                        \
  EXPECT_EQ(hilbert::test::text(status), expected)
#define EXPECT_OK(status) EXPECT_STATUS(status, "Ok")
#define ASSERT_OK(status) ASSERT_EQ(hilbert::test::text(status), "Ok")

/// A function that runs in processes of its own, with the same cache folder.
using Scenario = std::string (*)();
/// What `count` processes print that run it at the same time.
std::vector<std::string> runProcesses(const char *scenario, int count);
struct RegisterScenario {
  RegisterScenario(const char *name, Scenario body);
};

/// The cache folder of the tests.
const std::string &getCacheFolder();

} // namespace hilbert::test

#endif // HILBERT_UNITTESTS_EXECUTIONENGINE_DEVICETESTSUPPORT_H
