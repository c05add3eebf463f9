//===- DeviceProgramTest.cpp - Programs on a GPU
//------------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DeviceProgramSupport.h"

#include <thread>

using namespace hilbert;
using namespace hilbert::test;

namespace {

const char *const kPlain = R"(
func.func @f(%q: tensor<1x256x2x64xbf16>, %k: tensor<1x256x2x64xbf16>,
             %v: tensor<1x256x2x64xbf16>)
    -> (tensor<1x256x2x64xbf16>, tensor<1x2x256xf32>) {
  %0 = tensor.empty() : tensor<1x256x2x64xbf16>
  %1 = tensor.empty() : tensor<1x2x256xf32>
  %a = hilbert.reorder %q dim 1 order(#hilbert.order<hilbert, [16, 16]>) : tensor<1x256x2x64xbf16>
  %b = hilbert.reorder %k dim 1 order(#hilbert.order<hilbert, [16, 16]>) : tensor<1x256x2x64xbf16>
  %c = hilbert.reorder %v dim 1 order(#hilbert.order<hilbert, [16, 16]>) : tensor<1x256x2x64xbf16>
  %r:2 = hilbert.attention
      ins(%a, %b, %c : tensor<1x256x2x64xbf16>, tensor<1x256x2x64xbf16>, tensor<1x256x2x64xbf16>)
      outs(%0, %1 : tensor<1x256x2x64xbf16>, tensor<1x2x256xf32>)
      pattern<(segment = 128)>
  %o = hilbert.restore %r#0 dim 1 order(#hilbert.order<hilbert, [16, 16]>) : tensor<1x256x2x64xbf16>
  %l = hilbert.restore %r#1 dim 2 order(#hilbert.order<hilbert, [16, 16]>) : tensor<1x2x256xf32>
  return %o, %l : tensor<1x256x2x64xbf16>, tensor<1x2x256xf32>
}
)";

std::vector<std::string> launch(const DeviceCall &call) {
  fake::takeLaunches();
  EXPECT_OK(call.launch(nullptr));
  std::vector<std::string> kernels;
  for (const fake::Launch &launch : fake::takeLaunches())
    kernels.push_back(launch.kernel);
  return kernels;
}

TEST_F(Programs, ForwardAndGradient) {
  DeviceProgram program = compile(kPlain);
  const DeviceFunction *forward = get(program.lookup("f"));
  std::vector<DeviceValue> arguments;
  for (int i = 0; i < 3; ++i)
    arguments.push_back(argument(NpyType::BF16, {1, 256, 2, 64}));
  DeviceCall call = get(forward->prepare(device(), *cache, arguments));
  EXPECT_EQ(launch(call), std::vector<std::string>{"attention_forward"});
  ASSERT_EQ(call.results().size(), 2u);
  EXPECT_EQ(call.results()[0].tensor.type, NpyType::BF16);
  EXPECT_EQ(call.results()[1].tensor.type, NpyType::F32);
  EXPECT_EQ(call.results()[1].tensor.shape,
            (llvm::SmallVector<int64_t, 4>{1, 2, 256}));

  const DeviceFunction *gradient = get(program.lookup("f_grad"));
  llvm::append_range(arguments, call.results());
  arguments.push_back(argument(NpyType::BF16, {1, 256, 2, 64}));
  arguments.push_back(argument(NpyType::F32, {1, 2, 256}));
  DeviceCall backward = get(gradient->prepare(device(), *cache, arguments));
  std::vector<std::string> launched = launch(backward);
  ASSERT_EQ(launched.size(), backward.numKernels());
  for (auto [i, name] : llvm::enumerate(launched)) {
    EXPECT_EQ(name, backward.kernelInfo(i).name);
    EXPECT_EQ(name, backward.kernel(i).name());
  }
  EXPECT_EQ(launched.back(), "attention_grad_dkv");
  // The IR has one empty tensor for all three.
  ASSERT_EQ(backward.results().size(), 3u);
  std::set<CUdeviceptr> addresses;
  for (const DeviceValue &result : backward.results())
    addresses.insert(result.address);
  EXPECT_EQ(addresses.size(), 3u);
}

TEST_F(Programs, PoisonIsNaNInAllThatIsWritten) {
  DeviceProgram program = compile(kPlain);
  std::vector<DeviceValue> arguments;
  for (int i = 0; i < 3; ++i) {
    arguments.push_back(argument(NpyType::BF16, {1, 256, 2, 64}));
    std::memset(reinterpret_cast<void *>(arguments.back().address), 0,
                size_t(arguments.back().tensor.bytes()));
  }
  DeviceCall call =
      get(get(program.lookup("f"))->prepare(device(), *cache, arguments));
  EXPECT_OK(call.poison(nullptr));
  for (const DeviceValue &result : call.results())
    for (int64_t i = 0; i < result.tensor.bytes(); ++i)
      ASSERT_EQ(reinterpret_cast<const uint8_t *>(result.address)[i], 0xff);
  for (const DeviceValue &value : arguments)
    for (int64_t i = 0; i < value.tensor.bytes(); ++i)
      ASSERT_EQ(reinterpret_cast<const uint8_t *>(value.address)[i], 0);
}

TEST_F(Programs, PackedArgumentsAreViews) {
  DeviceProgram program = compile(R"(
    func.func @packed(%qkv: tensor<2x?x3x4x64xf16>, %scale: f32) -> (tensor<2x?x4x64xf16>, tensor<2x4x?xf32>) {
      %c1 = arith.constant 1 : index
      %n = tensor.dim %qkv, %c1 : tensor<2x?x3x4x64xf16>
      %q = tensor.extract_slice %qkv[0, 0, 0, 0, 0][2, %n, 1, 4, 64][1, 1, 1, 1, 1]
          : tensor<2x?x3x4x64xf16> to tensor<2x?x4x64xf16>
      %k = tensor.extract_slice %qkv[0, 0, 1, 0, 0][2, %n, 1, 4, 64][1, 1, 1, 1, 1]
          : tensor<2x?x3x4x64xf16> to tensor<2x?x4x64xf16>
      %v = tensor.extract_slice %qkv[0, 0, 2, 0, 0][2, %n, 1, 4, 64][1, 1, 1, 1, 1]
          : tensor<2x?x3x4x64xf16> to tensor<2x?x4x64xf16>
      %0 = tensor.empty(%n) : tensor<2x?x4x64xf16>
      %1 = tensor.empty(%n) : tensor<2x4x?xf32>
      %r:2 = hilbert.attention
          ins(%q, %k, %v : tensor<2x?x4x64xf16>, tensor<2x?x4x64xf16>, tensor<2x?x4x64xf16>)
          outs(%0, %1 : tensor<2x?x4x64xf16>, tensor<2x4x?xf32>) scale(%scale)
      return %r#0, %r#1 : tensor<2x?x4x64xf16>, tensor<2x4x?xf32>
    })");
  DeviceValue qkv = argument(NpyType::F16, {2, 77, 3, 4, 64}), scale;
  scale.scalar = 0.5;
  DeviceCall call = get(
      get(program.lookup("packed"))->prepare(device(), *cache, {qkv, scale}));
  std::map<std::string, uint64_t> seen;
  fake::setLaunchCallback([&](const fake::Launch &launch) {
    for (auto [i, argument] : llvm::enumerate(call.kernelInfo(0).arguments)) {
      bool isWide = argument.type == KernelArgument::Type::Pointer ||
                    argument.type == KernelArgument::Type::I64;
      std::memcpy(&seen[argument.name], launch.parameters[i], isWide ? 8 : 4);
    }
  });
  EXPECT_OK(call.launch(nullptr));
  fake::setLaunchCallback(nullptr);
  int64_t row = 4 * 64;
  const char *const names[] = {"q", "k", "v"};
  for (auto [i, name] : llvm::enumerate(names)) {
    EXPECT_EQ(seen.at(name), qkv.address + i * row * 2);
    EXPECT_EQ(seen.at(std::string(name) + "_token_stride"), uint64_t(3 * row));
    EXPECT_EQ(seen.at(std::string(name) + "_head_stride"), 64u);
    EXPECT_EQ(seen.at(std::string(name) + "_batch_stride"),
              uint64_t(77 * 3 * row));
  }
  EXPECT_EQ(seen.at("queries"), 77u);
  EXPECT_EQ(llvm::bit_cast<float>(uint32_t(seen.at("scale"))), 0.5f);
  EXPECT_EQ(call.results()[0].tensor.shape,
            (llvm::SmallVector<int64_t, 4>{2, 77, 4, 64}));
}

TEST_F(Programs, RuntimeOrdersAndReturnedArguments) {
  DeviceProgram program = compile(R"(
    func.func @f(%q: tensor<2x64x1x32xbf16>, %t: tensor<2x64xi32>)
        -> (tensor<2x64x1x32xbf16>, tensor<2x64x1x32xbf16>) {
      %0 = tensor.empty() : tensor<2x64x1x32xbf16>
      %1 = tensor.empty() : tensor<2x1x64xf32>
      %r:2 = hilbert.attention
          ins(%q, %q, %q : tensor<2x64x1x32xbf16>, tensor<2x64x1x32xbf16>, tensor<2x64x1x32xbf16>)
          outs(%0, %1 : tensor<2x64x1x32xbf16>, tensor<2x1x64xf32>)
          order(%t : tensor<2x64xi32>) causal<position>
      return %r#0, %q : tensor<2x64x1x32xbf16>, tensor<2x64x1x32xbf16>
    })");
  DeviceValue q = argument(NpyType::BF16, {2, 64, 1, 32});
  DeviceValue table = argument(NpyType::I32, {2, 64});
  DeviceCall call =
      get(get(program.lookup("f"))->prepare(device(), *cache, {q, table}));
  EXPECT_EQ(launch(call).size(), 1u);
  EXPECT_EQ(call.results()[1].address, q.address);
}

TEST_F(Programs, SchedulesOfThePrograms) {
  std::string program(kPlain), pattern = "pattern<(segment = 128)>";
  auto prepare = [&](const std::string &schedule) {
    std::string scheduled = program;
    scheduled.insert(program.find(pattern) + pattern.size(),
                     " schedule(" + schedule + ")");
    std::vector<DeviceValue> arguments;
    for (int i = 0; i < 3; ++i)
      arguments.push_back(argument(NpyType::BF16, {1, 256, 2, 64}));
    return get(compile(scheduled).lookup("f"))
        ->prepare(device(), *cache, arguments);
  };
  DeviceCall call = get(prepare("#hilbert_gpu.schedule<m = 64, n = 32, warps = "
                                "4, stages = 2, ctas = 1>"));
  EXPECT_EQ(call.kernelInfo(0).tile, 64);
  EXPECT_EQ(call.kernelInfo(0).otherTile, 32);
  EXPECT_STATUS(
      prepare("#hilbert.host_schedule<lanes = 16, columns = 64, rows = 64>")
          .status(),
      "Unsupported: the schedule must be a #hilbert_gpu.schedule on a GPU, but "
      "is '#hilbert.host_schedule<lanes = 16, columns = 64, rows = 64>'");
}

TEST_F(Programs, ErrorsOfFunctions) {
  DeviceProgram program = compile(R"(
    func.func @tanh(%x: tensor<4xf16>) -> tensor<4xf16> {
      %y = math.tanh %x : tensor<4xf16>
      return %y : tensor<4xf16>
    }
    func.func @double(%x: tensor<4xf64>) -> tensor<4xf64> {
      %y = math.exp %x : tensor<4xf64>
      return %y : tensor<4xf64>
    }
    func.func @bits(%x: tensor<4xf16>, %w: tensor<4xf16>) -> tensor<4xf16> {
      %y = arith.cmpf olt, %x, %w : tensor<4xf16>
      %z = arith.select %y, %x, %w : tensor<4xi1>, tensor<4xf16>
      return %z : tensor<4xf16>
    }
    func.func @call(%x: tensor<2xf16>) {
      call @call(%x) : (tensor<2xf16>) -> ()
      return
    }
    func.func @extract(%x: tensor<2xf16>) -> tensor<2xf16> {
      %c = arith.constant 0 : index
      %y = tensor.extract %x[%c] : tensor<2xf16>
      %z = tensor.splat %y : tensor<2xf16>
      return %z : tensor<2xf16>
    }
    func.func @scalar(%x: f32) -> tensor<2xf32> {
      %y = math.tanh %x : f32
      %z = tensor.splat %y : tensor<2xf32>
      return %z : tensor<2xf32>
    }
    func.func @empty() -> tensor<2xf16> {
      %0 = tensor.empty() : tensor<2xf16>
      return %0 : tensor<2xf16>
    }
    func.func @good(%x: tensor<2xf16>) -> tensor<2xf16> {
      return %x : tensor<2xf16>
    })");
  auto lookUp = [&](const char *name) {
    return text(program.lookup(name).status());
  };
  const std::pair<const char *, const char *> unknown[] = {
      {"tanh", "math.tanh"},         {"double", "math.exp"},
      {"bits", "arith.cmpf"},        {"call", "func.call"},
      {"extract", "tensor.extract"}, {"scalar", "math.tanh"}};
  for (auto [function, op] : unknown)
    EXPECT_EQ(lookUp(function),
              std::string("Unsupported: the GPU back end has no kernel for '") +
                  op + "'");
  EXPECT_EQ(lookUp("nowhere"), "NotFound: there is no function 'nowhere'");
  const DeviceFunction *empty = get(program.lookup("empty"));
  EXPECT_STATUS(empty->prepare(device(), *cache, {}).status(),
                "InvalidArgument: result 0 is a tensor that nothing writes");
  const DeviceFunction *good = get(program.lookup("good"));
  EXPECT_STATUS(good->prepare(device(), *cache, {}).status(),
                "InvalidArgument: 'good' takes 1 arguments, but got 0");
  EXPECT_STATUS(
      good->prepare(device(), *cache, argument(NpyType::F16, {3})).status(),
      "InvalidArgument: argument 0 must have size 2 in dimension 0, "
      "but the array has 3");
  EXPECT_STATUS(
      good->prepare(device(), *cache, argument(NpyType::F32, {2})).status(),
      "InvalidArgument: argument 0 must have elements of type f16, "
      "but the array has f32");
}

TEST_F(Programs, SlicesAndCastsAreChecked) {
  DeviceProgram program = compile(R"(
    func.func @slice(%x: tensor<?xf16>) -> tensor<4xf16> {
      %y = tensor.extract_slice %x[2][4][2] : tensor<?xf16> to tensor<4xf16>
      return %y : tensor<4xf16>
    }
    func.func @cast(%x: tensor<?xf16>) -> tensor<4xf16> {
      %y = tensor.cast %x : tensor<?xf16> to tensor<4xf16>
      return %y : tensor<4xf16>
    })");
  auto run = [&](const char *name, int64_t size) {
    return get(program.lookup(name))
        ->prepare(device(), *cache, argument(NpyType::F16, {size}));
  };
  DeviceCall slice = get(run("slice", 9));
  EXPECT_EQ(slice.results()[0].tensor.strides[0], 2);
  EXPECT_STATUS(run("slice", 8).status(),
                "InvalidArgument: a slice must lie within its tensor, but has "
                "offset 2, size 4 and stride 2 in dimension 0 of size 8");
  EXPECT_OK(run("cast", 4).status());
  EXPECT_STATUS(run("cast", 5).status(),
                "InvalidArgument: a tensor is cast to size 4 in dimension 0, "
                "but has 5");
}

TEST_F(Programs, ThreadsShareAProgram) {
  DeviceProgram program = compile(kPlain);
  const DeviceFunction *function = get(program.lookup("f"));
  std::vector<DeviceValue> arguments;
  for (int i = 0; i < 3; ++i)
    arguments.push_back(argument(NpyType::BF16, {1, 256, 2, 64}));
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        DeviceCall call = get(function->prepare(device(), *cache, arguments));
        EXPECT_OK(call.launch(nullptr));
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(cache->compilations + cache->diskHits, 1);
  EXPECT_EQ(fake::takeLaunches().size(), 160u);
}

} // namespace
