//===- DeviceErrorTest.cpp - What GPU attentions refuse
//-----------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DeviceTestSupport.h"

#include <cmath>

using namespace hilbert;
using namespace hilbert::test;

namespace {

/// A change of a good problem, and what is said of it.
struct Case {
  const char *name;
  std::function<void(DeviceAttentionProblem &)> change;
  const char *message;
};

std::ostream &operator<<(std::ostream &os, const Case &c) {
  return os << c.name;
}

using Problem = DeviceAttentionProblem;

curve::OrderSpec grid(std::vector<int64_t> extents) {
  return curve::gridOrder(curve::Curve::Hilbert, std::move(extents));
}

// A gradient with dlse: q [2, 100, 4, 64], k and v [2, 100, 2, 64], bf16.
const Case kCases[] = {
    {"F32", [](Problem &p) { p[kQ].type = NpyType::F32; },
     "q is f32, which a GPU multiplies in tf32, with 10 bits of fraction: "
     "allow it (--allow-tf32), or use f16 or bf16"},
    {"F64", [](Problem &p) { p[kQ].type = NpyType::F64; },
     "q must be f16, bf16 or f32 on a GPU, but is f64"},
    {"Rank", [](Problem &p) { p[kQ].shape.pop_back(); },
     "q must have rank 4, but has 3"},
    {"Negative", [](Problem &p) { p[kQ].shape[1] = -1; },
     "q must have sizes that are not negative and whose product fits 64 bits, "
     "but has shape [2, -1, 4, 64]"},
    {"Product",
     [](Problem &p) { p[kK].shape[0] = p[kK].shape[1] = int64_t(1) << 40; },
     "k must have sizes that are not negative and whose product fits 64 bits, "
     "but has shape [1099511627776, 1099511627776, 2, 64]"},
    {"Depth", [](Problem &p) { p[kQ].shape[3] = 20; },
     "q's head dimension must be a multiple of 8 up to 256, but is 20"},
    {"LargeDepth", [](Problem &p) { p[kQ].shape[3] = 264; },
     "q's head dimension must be a multiple of 8 up to 256, but is 264"},
    {"OtherType", [](Problem &p) { p[kV].type = NpyType::F16; },
     "v must have q's element type, bf16, but has f16"},
    {"OtherDepth", [](Problem &p) { p[kDk].shape[3] = 32; },
     "dk must have q's head dimension, 64, but has 32"},
    {"InnerStride", [](Problem &p) { p[kK].strides[3] = 2; },
     "k's head dimension must have stride 1, but has 2"},
    {"Stride", [](Problem &p) { p[kV].strides[1] = 132; },
     "v's strides must be multiples of 16 bytes, but that of dimension 1 is "
     "132 elements of 2 bytes"},
    {"FarTokens", [](Problem &p) { p[kK].strides[1] = int64_t(1) << 30; },
     "k's tokens must be less than 2^31 bytes apart, but their stride is "
     "1073741824 elements of 2 bytes"},
    {"StrideOfResult", [](Problem &p) { p[kDq].strides[0] = 0; },
     "dq is written, so it must have no stride of 0, but that of dimension 0 "
     "is"},
    {"Batch", [](Problem &p) { p[kK].shape[0] = 3; },
     "k must have q's batch size, 2, but has 3"},
    {"Heads", [](Problem &p) { p[kK].shape[2] = 3; },
     "q's heads must be a multiple of k's, but are 4 and 3"},
    {"ShapeOfV", [](Problem &p) { p[kV].shape[1] = 99; },
     "v must have k's shape, [2, 100, 2, 64], but has [2, 99, 2, 64]"},
    {"ShapeOfOut", [](Problem &p) { p[kOut].shape[2] = 2; },
     "out must have q's shape, [2, 100, 4, 64], but has [2, 100, 2, 64]"},
    {"ShapeOfDout", [](Problem &p) { p[kDout].shape[1] = 1; },
     "dout must have out's shape, [2, 100, 4, 64], but has [2, 1, 4, 64]"},
    {"ShapeOfDv", [](Problem &p) { p[kDv].shape[1] = 1; },
     "dv must have v's shape, [2, 100, 2, 64], but has [2, 1, 2, 64]"},
    {"Large",
     [](Problem &p) {
       for (DeviceOperand operand : {kQ, kOut})
         p[operand].shape[1] = INT32_MAX;
     },
     "q's sizes must be at most 2147482623 on a GPU, but that of dimension 1 "
     "is 2147483647"},
    {"TypeOfLse", [](Problem &p) { p[kLse].type = NpyType::BF16; },
     "lse must be f32, but is bf16"},
    {"ShapeOfDlse", [](Problem &p) { p[kDlse].shape[2] = 5; },
     "dlse must have shape [batch, heads, tokens], [2, 4, 100], but has [2, 4, "
     "5]"},
    {"StridesOfLse", [](Problem &p) { p[kLse].strides[0] = 1000; },
     "lse must be contiguous"},
    {"Scale", [](Problem &p) { p.scale = -INFINITY; },
     "scale must be finite, but is -inf"},
    {"ScaleNaN", [](Problem &p) { p.scale = NAN; },
     "scale must be finite, but is nan"},
    {"OrderLength",
     [](Problem &p) { p.qOrder = DeviceOrder::of(grid({8, 8})); },
     "order must have as many tokens as its tensor, 100, but has 64"},
    {"OrderExtents",
     [](Problem &p) { p.kvOrder = DeviceOrder::of(grid({0, 8})); },
     "kv_order: extents must be positive, but extent 0 is 0"},
    {"OrderTable", [](Problem &p) { p.outOrder = DeviceOrder::ofTable(3); },
     "out_order's table must be 0 to 2, but is 3"},
    {"TableRank", [](Problem &p) { p.outOrder = DeviceOrder::ofTable(0); },
     "out_order must have rank 1 or 2, but has 0"},
    {"TableType",
     [](Problem &p) {
       p.qOrder = DeviceOrder::ofTable(0);
       p[kTable0] = DeviceTensor::contiguous(NpyType::I64, {100});
     },
     "order must be i32, but is i64"},
    {"TableShape",
     [](Problem &p) {
       p.qOrder = DeviceOrder::ofTable(2);
       p[kTable2] = DeviceTensor::contiguous(NpyType::I32, {1, 100});
     },
     "order must have shape [tokens] or [batch, tokens], [2, 100], but has [1, "
     "100]"},
    {"TableStrides",
     [](Problem &p) {
       p.qOrder = DeviceOrder::ofTable(0);
       p[kTable0] = DeviceTensor::contiguous(NpyType::I32, {100});
       p[kTable0].strides[0] = 2;
     },
     "order must be contiguous"},
    {"CausalByPosition",
     [](Problem &p) {
       p.causal = Causality::Position;
       p.kvOrder = DeviceOrder::of(grid({10, 10}));
     },
     "causal by position needs equal order and kv_order, but they differ"},
    {"Offsets",
     [](Problem &p) {
       p.pattern = "(segment = 64, dilation = 2, offset = [0, 1])";
     },
     "offset must list one offset for each of q's 4 heads, but lists 2"},
    {"Segment",
     [](Problem &p) {
       p.pattern = "(segment = 64)";
       for (DeviceOperand operand : {kK, kV, kDk, kDv})
         p[operand].shape[1] = 50;
     },
     "q and k must have equally many tokens unless every segment covers both, "
     "but have 100 and 50 and the shortest segment is 64"},
    {"Blocks",
     [](Problem &p) { p.pattern = "(segment = dense, dilation = 2147483647)"; },
     "kernel 'attention_grad_dkv' needs 8589934588 blocks, but a grid has at "
     "most 2147483647"},
};

class Refused : public DeviceTest, public testing::WithParamInterface<Case> {};

TEST_P(Refused, IsExplained) {
  Memory memory(Sizes(), /*isGradient=*/true, /*hasDlse=*/true);
  GetParam().change(memory.problem);
  auto result = DeviceAttention::create(device(), *cache, memory.problem);
  EXPECT_STATUS(result.status(),
                std::string("InvalidArgument: ") + GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(All, Refused, testing::ValuesIn(kCases),
                         [](const testing::TestParamInfo<Case> &info) {
                           return std::string(info.param.name);
                         });

class Errors : public DeviceTest {};

TEST_F(Errors, OfTheForwardsResult) {
  Memory memory{Sizes()};
  memory.problem[kOut].strides[1] = 0;
  EXPECT_STATUS(
      DeviceAttention::create(device(), *cache, memory.problem).status(),
      "InvalidArgument: out is written, so it must have no stride of 0, but "
      "that of dimension 1 is");
  // Which a gradient only reads.
  Memory gradient(Sizes(), /*isGradient=*/true);
  gradient.problem[kOut].strides[1] = 0;
  EXPECT_OK(
      DeviceAttention::create(device(), *cache, gradient.problem).status());
}

TEST_F(Errors, OfPatterns) {
  auto create = [&](const char *pattern) {
    Memory memory{Sizes()};
    memory.problem.pattern = pattern;
    return text(
        DeviceAttention::create(device(), *cache, memory.problem).status());
  };
  EXPECT_EQ(create("(segment = 0)"),
            "Unsupported: pattern '(segment = 0)' is not valid: segment must "
            "be positive, but got 0");
  EXPECT_EQ(create("(segment = 8) + (segment = 16)"),
            "Unsupported: the GPU back end takes one branch for all heads, but "
            "the pattern is '(segment = 8) + (segment = 16)'");
  // Text after the pattern is not a part of the program.
  std::string result = create("(segment = 8)> causal<token");
  EXPECT_EQ(result.find("Unsupported: pattern '(segment = 8)> causal<token' is "
                        "not valid: "),
            0u)
      << result;
}

TEST_F(Errors, OfAddresses) {
  Memory memory(Sizes(), /*isGradient=*/true, /*hasDlse=*/true);
  memory.addTable(0, {100});
  memory.problem.qOrder = memory.problem.kvOrder = memory.problem.outOrder =
      DeviceOrder::ofTable(0);
  DeviceAttention attention =
      get(DeviceAttention::create(device(), *cache, memory.problem));
  auto check = [&](auto change) {
    DeviceAddresses addresses = memory.addresses;
    change(addresses);
    return text(attention.check(addresses));
  };
  EXPECT_EQ(check([](DeviceAddresses &) {}), "Ok");
  EXPECT_EQ(check([](DeviceAddresses &a) { a[kK] += 8; }),
            "InvalidArgument: k's data must be 16-byte aligned, but its "
            "address is 8 beyond a multiple");
  EXPECT_EQ(check([](DeviceAddresses &a) { a[kDlse] += 2; }),
            "InvalidArgument: dlse's data must be 4-byte aligned, but its "
            "address is 2 beyond a multiple");
  EXPECT_EQ(check([](DeviceAddresses &a) { a[kV] = 0; }),
            "InvalidArgument: v is null");
  EXPECT_EQ(check([](DeviceAddresses &a) { a[kTable0] = 0; }),
            "InvalidArgument: table 0 is null");
  EXPECT_EQ(check([](DeviceAddresses &a) { a[kTable1] = 7; }), "Ok");
  EXPECT_EQ(check([](DeviceAddresses &a) { a[kDq] = a[kDk]; }),
            "InvalidArgument: dq is written, so it must not share memory with "
            "dk");
  EXPECT_EQ(check([](DeviceAddresses &a) { a[kDv] = a[kV]; }),
            "InvalidArgument: dv is written, so it must not share memory with "
            "v");
  // What is read may be read twice.
  EXPECT_EQ(check([](DeviceAddresses &a) { a[kK] = a[kV]; }), "Ok");
  static char host[64];
  auto onHost = [](DeviceAddresses &a) {
    a[kDout] = (reinterpret_cast<uint64_t>(host) + 15) / 16 * 16;
  };
  EXPECT_EQ(check(onHost), "InvalidArgument: dout is not device memory");
  Buffer elsewhere = get(Buffer::allocate(device(kAmpere), 1 << 20));
  EXPECT_EQ(check([&](DeviceAddresses &a) { a[kQ] = elsewhere.address(); }),
            "InvalidArgument: q is on device 1, but the launch is on device 0");
  EXPECT_EQ(check([&](DeviceAddresses &a) {
              a[kWorkspace] = elsewhere.address();
            }).find("InvalidArgument: "),
            0u);
}

TEST_F(Errors, OfDevices) {
  EXPECT_EQ(text(Device::get(kTuring).status()).find("Unsupported: "), 0u);
  // Without memory pools, the caller brings the workspace.
  Memory memory(Sizes(), /*isGradient=*/true, false, kPoolless);
  DeviceAttention attention =
      get(DeviceAttention::create(device(kPoolless), *cache, memory.problem));
  EXPECT_EQ(attention.launch(memory.addresses, nullptr).code(),
            StatusCode::Unsupported);
  EXPECT_TRUE(fake::takeLaunches().empty());
  Buffer workspace =
      get(Buffer::allocate(device(kPoolless), attention.workspaceBytes()));
  memory.addresses[kWorkspace] = workspace.address();
  EXPECT_OK(attention.check(memory.addresses));
  EXPECT_OK(attention.launch(memory.addresses, nullptr));
}

//===----------------------------------------------------------------------===//
// The driver fails
//===----------------------------------------------------------------------===//

/// Everything once, with tables, boxes, offsets and a workspace.
Status exercise() {
  DeviceKernelCache cache;
  Sizes s;
  s.queries = s.keys = 256;
  DeviceTensor matrix =
      DeviceTensor::contiguous(NpyType::BF16, {1, 256, 4, 64});
  DeviceTensor stats = DeviceTensor::contiguous(NpyType::F32, {1, 4, 256});
  DeviceAttentionProblem problem;
  problem.isGradient = true;
  for (DeviceOperand operand : {kQ, kK, kV, kOut, kDout, kDq, kDk, kDv})
    problem[operand] = matrix;
  problem[kLse] = stats;
  problem.pattern = "(segment = 128, dilation = 2, offset = [0, 1, 1, 0])";
  problem.qOrder = problem.kvOrder = problem.outOrder =
      DeviceOrder::of(grid({16, 16}));
  auto attention = DeviceAttention::create(device(), cache, problem);
  if (!attention.ok())
    return attention.status();
  auto memory = Buffer::allocate(device(), 16 * size_t(matrix.bytes()));
  if (!memory.ok())
    return memory.status();
  DeviceAddresses addresses = {};
  for (unsigned operand = kQ; operand <= kDv; ++operand)
    addresses[operand] = memory->address() + operand * matrix.bytes();
  if (Status status = attention->check(addresses); !status.ok())
    return status;
  return attention->launch(addresses, nullptr);
}

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

/// Destructors do not tell about errors, and cannot release what they could
/// not.
bool isForReleases(const std::string &symbol) {
  return symbol == "cuModuleUnload" || symbol == "cuMemFree_v2" ||
         symbol == "cuMemFreeAsync" || symbol == "cuStreamDestroy_v2" ||
         symbol == "cuCtxPopCurrent_v2" || symbol == "cuCtxPushCurrent_v2" ||
         symbol == "cuCtxGetCurrent" ||
         symbol == "cuThreadExchangeStreamCaptureMode";
}

int countLive() {
  fake::Live live = fake::live();
  return live.modules + live.allocations + live.streams + live.events;
}

/// Fails the n-th call of a symbol; tells what is wrong then.
std::string fail(const std::string &symbol, int n) {
  int before = countLive();
  fake::resetCalls();
  fake::failCall(symbol, n, CUDA_ERROR_UNKNOWN);
  Status status = exercise();
  fake::resetCalls();
  resetThread();
  int leaked = countLive() - before;
  bool isReported =
      text(status).find("DriverError: " + symbol +
                        " failed with CUDA_ERROR_UNKNOWN (999) ") == 0;
  bool isRelease = isForReleases(symbol);
  if ((isReported || (isRelease && status.ok())) && leaked <= int(isRelease))
    return "";
  return symbol + " " + std::to_string(n) + ": " + text(status) + ", " +
         std::to_string(leaked) + " leaked\n";
}

/// In a process of its own, which may keep what could not be released.
const RegisterScenario failing("fail", []() -> std::string {
  std::string problems = text(exercise());
  if (problems != "Ok")
    return problems;
  int failures = 0;
  for (const char *symbol : {
#define HILBERT_CUDA_SYMBOL(name, ...) #name,
#include "hilbert-runtime/Cuda/Symbols.def"
       }) {
    fake::resetCalls();
    if (!exercise().ok())
      problems += std::string("not over after ") + symbol;
    int calls = fake::calls(symbol);
    for (int n = 1; n <= calls; ++n, ++failures)
      problems += fail(symbol, n);
  }
  return problems + (failures > 100 ? "" : ", but called too little");
});

TEST(DeviceFailures, OfEachCallAreToldAndLeakNothing) {
  EXPECT_EQ(runProcesses("fail", 1)[0], "Ok");
}

} // namespace
