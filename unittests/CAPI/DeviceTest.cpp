//===- DeviceTest.cpp - Attention on a GPU through the C API --------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Over the fake driver: what is launched, and what is refused.
//
//===----------------------------------------------------------------------===//

#include "FakeDriver.h"
#include "Problem.h"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

using namespace hilbert;

namespace {
/// Memory that the fake devices may use, and the host, too.
class DeviceArray {
public:
  explicit DeviceArray(size_t bytes) : address(fake::allocateManaged(bytes)) {}
  ~DeviceArray() { fake::release(address); }
  DeviceArray(const DeviceArray &) = delete;
  void *data() const { return reinterpret_cast<void *>(address); }

private:
  fake::CUdeviceptr address;
};

/// Streams are only passed on.
void *const kStream = rt::cuda::perThreadStream();

class Device : public ::testing::Test {
protected:
  void SetUp() override { fake::resetCalls(); }
  void TearDown() override {
    fake::takeLaunches();
    EXPECT_EQ(fake::contextDepth(), 0);
    unsetenv("HILBERT_CHECK_ORDERS");
  }

  HilbertTensor tensor(HilbertDType dtype, const std::vector<int64_t> &shape) {
    size_t elements = 1;
    for (int64_t size : shape)
      elements *= size_t(size);
    arrays.push_back(std::make_unique<DeviceArray>(8 * elements + 256));
    HilbertTensor result = capi::describe(arrays.back()->data(), dtype, shape);
    result.deviceType = HILBERT_CUDA;
    return result;
  }

  /// [2, tokens, 4, 64] bf16, and half as many heads of keys.
  HilbertAttention attention(int64_t tokens = 100,
                             HilbertDType dtype = HILBERT_BF16) {
    HilbertAttention a = {};
    a.structSize = sizeof(a);
    a.q = tensor(dtype, {2, tokens, 4, 64});
    a.k = tensor(dtype, {2, tokens, 2, 64});
    a.v = tensor(dtype, {2, tokens, 2, 64});
    a.out = tensor(dtype, {2, tokens, 4, 64});
    a.lse = tensor(HILBERT_F32, {2, 4, tokens});
    a.pattern = "(segment = 32)";
    a.scale = 0.125f;
    a.stream = kStream;
    return a;
  }
  HilbertAttentionGrad gradient(int64_t tokens = 100) {
    HilbertAttentionGrad grad = {};
    grad.structSize = sizeof(grad);
    grad.forward = attention(tokens);
    grad.dout = tensor(HILBERT_BF16, {2, tokens, 4, 64});
    grad.dq = tensor(HILBERT_BF16, {2, tokens, 4, 64});
    grad.dk = tensor(HILBERT_BF16, {2, tokens, 2, 64});
    grad.dv = tensor(HILBERT_BF16, {2, tokens, 2, 64});
    return grad;
  }
  HilbertOrder table(int64_t tokens) {
    HilbertOrder order = {};
    order.kind = HILBERT_ORDER_TABLE;
    order.table = tensor(HILBERT_I32, {tokens});
    auto *entries = static_cast<int32_t *>(order.table.data);
    for (int64_t i = 0; i < tokens; ++i)
      entries[i] = int32_t(tokens - 1 - i);
    return order;
  }

  static int64_t compilations() {
    HilbertStatistics counts = {};
    hilbertGetStatistics(&counts);
    return counts.compilations;
  }

  std::vector<std::unique_ptr<DeviceArray>> arrays;
};

#define EXPECT_FAILS(status, message, call)                                    \
  do {                                                                         \
    EXPECT_EQ(call, status);                                                   \
    EXPECT_STREQ(hilbertGetErrorMessage(), message);                           \
  } while (false)

TEST_F(Device, ForwardIsOneLaunch) {
  HilbertAttention a = attention();
  ASSERT_EQ(hilbertAttention(&a), HILBERT_OK) << hilbertGetErrorMessage();
  auto launches = fake::takeLaunches();
  ASSERT_EQ(launches.size(), 1u);
  EXPECT_EQ(launches[0].stream, kStream);
  // 4 segments, the last one with 4 tokens, of 4 heads and 2 batch items.
  EXPECT_EQ(launches[0].grid[0], 32u);
}

TEST_F(Device, GradientHasAWorkspace) {
  HilbertAttentionGrad grad = gradient();
  size_t bytes = 0;
  ASSERT_EQ(hilbertAttentionGradGetWorkspaceBytes(&grad, &bytes), HILBERT_OK);
  EXPECT_EQ(bytes, 2u * 4 * 100 * sizeof(float));
  HilbertTensor memory = tensor(HILBERT_F32, {2, 4, 100});
  grad.forward.workspace = memory.data;
  grad.forward.workspaceBytes = bytes;
  ASSERT_EQ(hilbertAttentionGrad(&grad), HILBERT_OK)
      << hilbertGetErrorMessage();
  EXPECT_EQ(fake::takeLaunches().size(), 2u);
  EXPECT_EQ(fake::calls("cuMemAllocAsync"), 0);

  grad.forward.workspaceBytes = bytes - 1;
  EXPECT_FAILS(HILBERT_INVALID_ARGUMENT,
               "workspaceBytes must be at least 3200, but is 3199",
               hilbertAttentionGrad(&grad));
  EXPECT_TRUE(fake::takeLaunches().empty());

  grad.forward.workspace = nullptr;
  ASSERT_EQ(hilbertAttentionGrad(&grad), HILBERT_OK);
  EXPECT_EQ(fake::calls("cuMemAllocAsync"), 1);
  EXPECT_EQ(fake::calls("cuMemFreeAsync"), 1);
}

TEST_F(Device, HostNeedsNoWorkspace) {
  HilbertAttentionGrad grad = gradient();
  grad.forward.q.deviceType = HILBERT_CPU;
  size_t bytes = 1;
  ASSERT_EQ(hilbertAttentionGradGetWorkspaceBytes(&grad, &bytes), HILBERT_OK);
  EXPECT_EQ(bytes, 0u);
}

TEST_F(Device, SizesScalesAndOrdersDoNotCompile) {
  HilbertAttention a = attention();
  a.qOrder = a.kvOrder = a.outOrder = table(100);
  ASSERT_EQ(hilbertAttention(&a), HILBERT_OK) << hilbertGetErrorMessage();
  int64_t before = compilations();
  for (int64_t tokens : {1, 77, 4096}) {
    HilbertAttention other = attention(tokens);
    other.qOrder = other.kvOrder = other.outOrder = table(tokens);
    other.scale = float(tokens);
    ASSERT_EQ(hilbertAttention(&other), HILBERT_OK);
  }
  EXPECT_EQ(compilations(), before);
  EXPECT_EQ(fake::takeLaunches().size(), 4u);
}

TEST_F(Device, DilationBeyondTheSegment) {
  HilbertAttention a = attention();
  a.pattern = "(segment = 32, dilation = 2147483647, mode = residues)";
  ASSERT_EQ(hilbertAttention(&a), HILBERT_OK) << hilbertGetErrorMessage();
  auto launches = fake::takeLaunches();
  ASSERT_EQ(launches.size(), 1u);
  // 32 classes of a position each, in 4 segments of 4 heads and 2 batch items.
  EXPECT_EQ(launches[0].grid[0], 32u * 4 * 4 * 2);
}

TEST_F(Device, EqualTablesAreOne) {
  HilbertAttention a = attention();
  a.causal = HILBERT_CAUSAL_POSITION;
  a.qOrder = a.kvOrder = a.outOrder = table(100);
  EXPECT_EQ(hilbertAttention(&a), HILBERT_OK) << hilbertGetErrorMessage();
  a.kvOrder = table(100);
  EXPECT_FAILS(HILBERT_INVALID_ARGUMENT,
               "causal by position needs equal order and kv_order, but they "
               "differ",
               hilbertAttention(&a));
}

TEST_F(Device, StaticOrders) {
  HilbertAttention a = attention(128);
  a.qOrder.kind = HILBERT_ORDER_STATIC;
  a.qOrder.spec = {HILBERT_CURVE_HILBERT, 2, {8, 16, 0}, {}, 0};
  a.kvOrder = a.outOrder = a.qOrder;
  EXPECT_EQ(hilbertAttention(&a), HILBERT_OK) << hilbertGetErrorMessage();
  a.qOrder.spec.extents[0] = 9;
  EXPECT_FAILS(HILBERT_INVALID_ARGUMENT,
               "order must have as many tokens as its tensor, 128, but has 144",
               hilbertAttention(&a));
}

TEST_F(Device, Capture) {
  HilbertAttention a = attention(90);
  a.pattern = "(segment = 33)"; // Not yet compiled.
  fake::beginCapture(static_cast<fake::CUstream>(kStream));
  EXPECT_EQ(hilbertAttention(&a), HILBERT_OK) << hilbertGetErrorMessage();
  EXPECT_TRUE(fake::endCapture(static_cast<fake::CUstream>(kStream)));
  auto launches = fake::takeLaunches();
  ASSERT_EQ(launches.size(), 1u);
  EXPECT_TRUE(launches[0].wasCaptured);
}

TEST_F(Device, TablesAreCheckedOnRequest) {
  HilbertAttention a = attention();
  a.qOrder = a.kvOrder = a.outOrder = table(100);
  static_cast<int32_t *>(a.qOrder.table.data)[3] = 7;
  EXPECT_EQ(hilbertAttention(&a), HILBERT_OK);
  fake::takeLaunches();
  setenv("HILBERT_CHECK_ORDERS", "1", 1);
  EXPECT_EQ(hilbertAttention(&a), HILBERT_INVALID_ARGUMENT);
  EXPECT_NE(std::strstr(hilbertGetErrorMessage(), "order: "), nullptr)
      << hilbertGetErrorMessage();
  EXPECT_TRUE(fake::takeLaunches().empty());
}

TEST_F(Device, Devices) {
  HilbertAttention a = attention();
  a.k.deviceId = 1;
  EXPECT_FAILS(HILBERT_INVALID_TYPE,
               "k must be on q's device, 0 of type 2, but is on 1 of type 2",
               hilbertAttention(&a));
  a = attention();
  a.v.deviceType = HILBERT_CPU;
  EXPECT_FAILS(HILBERT_INVALID_TYPE,
               "v must be on q's device, 0 of type 2, but is on 0 of type 1",
               hilbertAttention(&a));
  a = attention();
  a.q.deviceType = HILBERT_CPU;
  EXPECT_FAILS(HILBERT_UNSUPPORTED,
               "k must be in the CPU's memory, but is on device 0 of type 2",
               hilbertAttention(&a));
  a = attention();
  for (HilbertTensor *t : {&a.q, &a.k, &a.v, &a.out, &a.lse})
    t->deviceId = 99;
  EXPECT_EQ(hilbertAttention(&a), HILBERT_INVALID_ARGUMENT);
  EXPECT_NE(std::strstr(hilbertGetErrorMessage(), "99"), nullptr)
      << hilbertGetErrorMessage();
}

TEST_F(Device, BadTensors) {
  HilbertAttention a = attention();
  a.lse.rank = 99;
  EXPECT_FAILS(HILBERT_INVALID_TYPE, "lse must have rank 3, but has 99",
               hilbertAttention(&a));
  a = attention();
  a.q.rank = 3;
  EXPECT_FAILS(HILBERT_INVALID_TYPE, "q must have rank 4, but has 3",
               hilbertAttention(&a));
  a = attention();
  a.v.dtype = HilbertDType(17);
  EXPECT_FAILS(HILBERT_INVALID_TYPE, "v's dtype must be 0 to 5, but is 17",
               hilbertAttention(&a));
  a = attention();
  a.k.dtype = HILBERT_F16;
  EXPECT_FAILS(HILBERT_INVALID_TYPE,
               "k must have q's element type, bf16, but has f16",
               hilbertAttention(&a));
  a = attention();
  a.qOrder = table(100);
  a.qOrder.table.rank = 3;
  EXPECT_FAILS(HILBERT_INVALID_TYPE, "order must have rank 1 or 2, but has 3",
               hilbertAttention(&a));
  a.qOrder.table.rank = 1;
  a.qOrder.table.dtype = HILBERT_I64;
  EXPECT_FAILS(HILBERT_INVALID_TYPE, "order must be i32, but is i64",
               hilbertAttention(&a));
  a = attention();
  a.k.data = static_cast<char *>(a.k.data) + 8;
  EXPECT_FAILS(HILBERT_INVALID_ARGUMENT,
               "k's data must be 16-byte aligned, but its address is 8 beyond "
               "a multiple",
               hilbertAttention(&a));
  a = attention();
  a.out.data = a.q.data;
  EXPECT_FAILS(HILBERT_INVALID_ARGUMENT,
               "out is written, so it must not share memory with q",
               hilbertAttention(&a));
  a = attention();
  a.qOrder.kind = HilbertOrderKind(5);
  EXPECT_FAILS(HILBERT_INVALID_ARGUMENT,
               "order's kind must be 0 to 2, but is 5", hilbertAttention(&a));
  a = attention();
  float host = 0;
  a.v.data = &host;
  EXPECT_EQ(hilbertAttention(&a), HILBERT_INVALID_ARGUMENT);
  EXPECT_TRUE(fake::takeLaunches().empty());
}

TEST_F(Device, BadSettings) {
  HilbertAttention a = attention();
  a.scale = NAN;
  EXPECT_FAILS(HILBERT_INVALID_ARGUMENT, "scale must be finite, but is nan",
               hilbertAttention(&a));
  a = attention();
  a.structSize -= 8;
  EXPECT_EQ(hilbertAttention(&a), HILBERT_INVALID_ARGUMENT);
  a = attention();
  a.pattern = "(segment = -1)";
  EXPECT_NE(hilbertAttention(&a), HILBERT_OK);
  EXPECT_NE(std::strstr(hilbertGetErrorMessage(), "segment"), nullptr)
      << hilbertGetErrorMessage();
}

TEST_F(Device, DriverFailures) {
  HilbertAttention a = attention();
  ASSERT_EQ(hilbertAttention(&a), HILBERT_OK);
  fake::takeLaunches();
  fake::failCall("cuLaunchKernel", 1, fake::CUresult(719));
  EXPECT_EQ(hilbertAttention(&a), HILBERT_DRIVER_FAILED);
  EXPECT_NE(std::strstr(hilbertGetErrorMessage(), "cuLaunchKernel"), nullptr)
      << hilbertGetErrorMessage();
  fake::resetCalls();
  EXPECT_EQ(hilbertAttention(&a), HILBERT_OK);

  HilbertAttentionGrad grad = gradient();
  ASSERT_EQ(hilbertAttentionGrad(&grad), HILBERT_OK);
  fake::resetCalls();
  fake::failCall("cuMemAllocAsync", 1, fake::CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(hilbertAttentionGrad(&grad), HILBERT_OUT_OF_MEMORY);
}

TEST_F(Device, Explain) {
  HilbertAttention a = attention(128);
  a.qOrder.kind = HILBERT_ORDER_STATIC;
  a.qOrder.spec = {HILBERT_CURVE_HILBERT, 2, {8, 16, 0}, {}, 0};
  a.outOrder = a.qOrder;
  a.kvOrder = table(128);
  const char *json = nullptr;
  ASSERT_EQ(hilbertAttentionExplain(&a, nullptr, &json), HILBERT_OK)
      << hilbertGetErrorMessage();
  for (const char *part : {"\"device\":\"Fake GPU\"", "\"target\":\"sm_90\"",
                           "\"queries\":\"box\"", "\"keys\":\"table\"",
                           "\"role\":\"forward\"", "\"blocks\":32"})
    EXPECT_NE(std::strstr(json, part), nullptr) << part << " in " << json;
  HilbertAttentionGrad grad = gradient();
  ASSERT_EQ(hilbertAttentionExplain(nullptr, &grad, &json), HILBERT_OK);
  for (const char *part :
       {"\"workspace_bytes\":3200", "\"role\":\"dq\"", "\"role\":\"dkv\""})
    EXPECT_NE(std::strstr(json, part), nullptr) << part << " in " << json;
  EXPECT_TRUE(fake::takeLaunches().empty());
  EXPECT_FAILS(HILBERT_INVALID_ARGUMENT, "attention must not be null",
               hilbertAttentionExplain(nullptr, nullptr, &json));
}

TEST_F(Device, Dump) {
  std::string folder = ::testing::TempDir() + "hilbert-dump-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  setenv("HILBERT_DUMP", folder.c_str(), 1);
  HilbertAttention a = attention();
  a.pattern = "(segment = 31)"; // Not yet compiled.
  EXPECT_EQ(hilbertAttention(&a), HILBERT_OK) << hilbertGetErrorMessage();
  unsetenv("HILBERT_DUMP");
  std::string ptx;
  for (const auto &entry :
       std::filesystem::recursive_directory_iterator(folder))
    if (entry.path().filename() == "kernels.ptx") {
      std::ifstream file(entry.path());
      ptx.assign(std::istreambuf_iterator<char>(file), {});
    }
  EXPECT_NE(ptx.find(".entry attention_forward"), std::string::npos);
  std::filesystem::remove_all(folder);
}

TEST_F(Device, Threads) {
  HilbertAttention first = attention(100), second = attention(200);
  auto repeat = [](const HilbertAttention *a) {
    for (int i = 0; i < 50; ++i)
      EXPECT_EQ(hilbertAttention(a), HILBERT_OK);
  };
  std::thread one(repeat, &first), other(repeat, &second);
  one.join();
  other.join();
  EXPECT_EQ(fake::takeLaunches().size(), 100u);
}

TEST(NoDriver, IsUnsupported) {
  GTEST_FLAG_SET(death_test_style, "threadsafe"); // A new process.
  auto run = [] {
    setenv("HILBERT_CUDA_DRIVER", "/nowhere/libcuda.so.1", 1);
    std::vector<float> memory(4096);
    HilbertAttention a = {};
    a.structSize = sizeof(a);
    a.q = capi::describe(memory.data(), HILBERT_BF16, {1, 16, 1, 64});
    a.q.deviceType = HILBERT_CUDA;
    a.k = a.v = a.out = a.q;
    a.lse = capi::describe(memory.data(), HILBERT_F32, {1, 1, 16});
    a.lse.deviceType = HILBERT_CUDA;
    a.scale = 1;
    HilbertStatus status = hilbertAttention(&a);
    std::fprintf(stderr, "%s\n", hilbertGetErrorMessage());
    std::_Exit(status);
  };
  EXPECT_EXIT(run(), ::testing::ExitedWithCode(HILBERT_UNSUPPORTED),
              "/nowhere/libcuda.so.1");
}
} // namespace

int main(int argc, char **argv) {
  ::testing::InitGoogleTest(&argc, argv);
  setenv("HILBERT_CUDA_DRIVER", FAKE_DRIVER, 1);
  setenv("HILBERT_CACHE_DIR", "", 1);
  return RUN_ALL_TESTS();
}
