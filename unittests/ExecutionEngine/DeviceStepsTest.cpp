//===- DeviceStepsTest.cpp - What programs do beside attention, on a GPU --===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The fake driver's launches are done here, as the documentation of the
// kernels' arguments says; results are compared with the reference.
//
//===----------------------------------------------------------------------===//

#include "DeviceProgramSupport.h"

#include "hilbert/Reference/Reference.h"
#include "hilbert/Support/HostTensor.h"

#include <cmath>
#include <random>

using namespace hilbert;
using namespace hilbert::test;

namespace {

/// Does what an elementwise kernel would.
void emulate(const KernelInfo &info, void **parameters) {
  std::map<std::string, uint64_t> values;
  for (auto [i, argument] : llvm::enumerate(info.arguments))
    std::memcpy(&values[argument.name], parameters[i], 8);
  std::vector<int64_t> sizes, index;
  while (values.count("size" + std::to_string(sizes.size())))
    sizes.push_back(values["size" + std::to_string(sizes.size())]);
  int64_t count = 1;
  for (int64_t size : sizes)
    count *= size;
  EXPECT_GT(values["threads"], 0u);
  auto bytes = [&](llvm::StringRef name) -> int64_t {
    for (const KernelArgument &argument : info.arguments)
      if (argument.name == name)
        return argument.element == "i16"   ? 2
               : argument.element == "i64" ? 8
                                           : 4;
    return 0;
  };
  auto address = [&](const std::string &name) {
    int64_t offset = 0;
    for (auto [d, i] : llvm::enumerate(index))
      offset += i * int64_t(values.at(name + "_stride" + std::to_string(d)));
    return reinterpret_cast<char *>(values.at(name)) + offset * bytes(name);
  };
  auto f32 = [&](const std::string &name) {
    float value;
    std::memcpy(&value, address(name), 4);
    return value;
  };
  // The dimension of the order is not in the arguments: it is in the program
  // that the kernel was made of. Tests with orders have it in the middle, or
  // have no other.
  size_t dim = sizes.size() / 2;
  for (int64_t i = 0; i < count; ++i) {
    index.assign(sizes.size(), 0);
    for (int64_t d = sizes.size() - 1, rest = i; d >= 0; rest /= sizes[d--])
      index[d] = rest % sizes[d];
    char *to = address("out");
    const char *from = address("in0");
    if (info.role == "reorder" || info.role == "restore") {
      auto *table = reinterpret_cast<const int32_t *>(values.at("table"));
      int64_t token =
          table[index[0] * values.at("table_batch_stride") + index[dim]];
      index[dim] = token;
      if (info.role == "reorder")
        from = address("in0");
      else
        to = address("out");
    }
    if (info.role == "copy" || info.role == "reorder" ||
        info.role == "restore") {
      std::memcpy(to, from, bytes("out"));
      continue;
    }
    float x = f32("in0"), y = values.count("in1") ? f32("in1") : 0;
    float result = info.role == "addf"   ? x + y
                   : info.role == "subf" ? x - y
                   : info.role == "mulf" ? x * y
                   : info.role == "divf" ? x / y
                   : info.role == "negf" ? -x
                                         : std::nanf("");
    std::memcpy(to, &result, 4);
  }
}

class Steps : public Programs {
protected:
  using Shape = llvm::SmallVector<int64_t, 4>;

  /// Random numbers, or a permutation for each row of integers.
  DeviceValue fill(NpyType type, const Shape &shape) {
    DeviceValue value = argument(type, shape);
    auto *floats = reinterpret_cast<float *>(value.address);
    auto *integers = reinterpret_cast<int32_t *>(value.address);
    int64_t count = value.tensor.bytes() / 4;
    std::normal_distribution<float> normal;
    for (int64_t i = 0; i < count; ++i)
      if (type == NpyType::F32)
        floats[i] = normal(random);
      else
        integers[i] = int32_t(i % shape.back());
    if (type == NpyType::I32)
      for (int64_t row = 0; row < count; row += shape.back())
        std::shuffle(integers + row, integers + row + shape.back(), random);
    return value;
  }

  static ReferenceTensor read(const DeviceView &view) {
    ReferenceTensor tensor;
    tensor.shape.assign(view.tensor.shape.begin(), view.tensor.shape.end());
    int64_t count = 1;
    for (int64_t size : tensor.shape)
      count *= size;
    for (int64_t i = 0; i < count; ++i) {
      int64_t offset = 0, rest = i;
      for (int64_t d = tensor.shape.size() - 1; d >= 0; --d) {
        offset += rest % tensor.shape[d] * view.tensor.strides[d];
        rest /= tensor.shape[d];
      }
      const char *at =
          reinterpret_cast<const char *>(view.address) + 4 * offset;
      float number;
      int32_t integer;
      std::memcpy(&number, at, 4);
      std::memcpy(&integer, at, 4);
      tensor.data.push_back(view.tensor.type == NpyType::F32 ? number
                                                             : integer);
    }
    return tensor;
  }

  DeviceCall prepare(const std::string &program,
                     llvm::ArrayRef<DeviceValue> arguments) {
    return get(get(compile(program).lookup("f"))
                   ->prepare(device(), *cache, arguments));
  }

  /// Launches, with kernels that work, and gives their roles.
  std::vector<std::string> launch(const DeviceCall &call) {
    std::vector<std::string> roles;
    EXPECT_OK(call.poison(nullptr));
    fake::setLaunchCallback([&](const fake::Launch &launch) {
      const KernelInfo &info = call.kernelInfo(roles.size());
      roles.push_back(info.role);
      emulate(info, launch.parameters);
    });
    EXPECT_OK(call.launch(nullptr));
    fake::setLaunchCallback(nullptr);
    fake::takeLaunches();
    return roles;
  }

  /// Runs a program, compares everything with the reference, and gives the
  /// roles of the kernels.
  std::vector<std::string> check(const std::string &program,
                                 llvm::ArrayRef<DeviceValue> arguments) {
    auto module = parse(program);
    auto function = module->lookupSymbol<mlir::func::FuncOp>("f");
    ReferenceTensors inputs;
    for (const DeviceValue &value : arguments)
      inputs.push_back(value.address ? read(value)
                                     : ReferenceTensor{{}, {value.scalar}});
    auto expected = evaluate(function, inputs);
    if (!expected) {
      ADD_FAILURE() << toString(expected.takeError());
      return {};
    }
    DeviceCall call = prepare(program, arguments);
    std::vector<std::string> roles = launch(call);
    std::vector<DeviceValue> results(call.results());
    for (unsigned index : getWrittenArguments(function))
      results.push_back(arguments[index]);
    EXPECT_EQ(results.size(), expected->size());
    for (auto [i, result] : llvm::enumerate(results)) {
      ReferenceTensor actual = read(result);
      EXPECT_EQ(actual.shape, (*expected)[i].shape) << "result " << i;
      for (auto [a, e] : llvm::zip_equal(actual.data, (*expected)[i].data))
        EXPECT_NEAR(a, e, 1e-5 * std::abs(e) + 1e-6) << "result " << i;
    }
    return roles;
  }

  std::mt19937 random{42};
};

using Roles = std::vector<std::string>;

TEST_F(Steps, ReordersAndRestores) {
  const char *program = R"(
    #h = #hilbert.order<hilbert, [4, 5]>
    func.func @f(%x: tensor<2x20x3xf32>, %t: tensor<20xi32>, %u: tensor<2x20xi32>)
        -> (tensor<2x20x3xf32>, tensor<2x20x3xf32>, tensor<2x20x3xf32>, tensor<2x20x3xf32>,
            tensor<20xi32>, tensor<20xi32>) {
      %0 = hilbert.reorder %x dim 1 order(#h) : tensor<2x20x3xf32>
      %1 = hilbert.restore %x dim 1 order(%t : tensor<20xi32>) : tensor<2x20x3xf32>
      %2 = hilbert.reorder %x dim 1 order(%u : tensor<2x20xi32>) : tensor<2x20x3xf32>
      %3 = hilbert.restore %x dim 1 order(%u : tensor<2x20xi32>) : tensor<2x20x3xf32>
      %4 = hilbert.permutation order(#h) : tensor<20xi32>
      %5 = hilbert.reorder %t dim 0 order(%4 : tensor<20xi32>) : tensor<20xi32>
      return %0, %1, %2, %3, %4, %5 : tensor<2x20x3xf32>, tensor<2x20x3xf32>, tensor<2x20x3xf32>,
          tensor<2x20x3xf32>, tensor<20xi32>, tensor<20xi32>
    })";
  Roles roles =
      check(program, {fill(NpyType::F32, {2, 20, 3}), fill(NpyType::I32, {20}),
                      fill(NpyType::I32, {2, 20})});
  EXPECT_EQ(roles,
            (Roles{"reorder", "restore", "reorder", "restore", "reorder"}));
}

TEST_F(Steps, ElementwiseOpsConstantsAndScalars) {
  const char *program = R"(
    func.func @f(%x: tensor<?x4xf32>, %y: tensor<?x4xf32>, %s: f32)
        -> (tensor<?x4xf32>, tensor<2x2xf32>, tensor<3x3xf32>, tensor<?x4xf32>) {
      %0 = arith.addf %x, %y : tensor<?x4xf32>
      %1 = arith.mulf %0, %x : tensor<?x4xf32>
      %2 = arith.divf %1, %y : tensor<?x4xf32>
      %3 = arith.negf %2 : tensor<?x4xf32>
      %4 = arith.subf %3, %y : tensor<?x4xf32>
      %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
      %h = arith.constant dense<0.5> : tensor<2x2xf32>
      %z = tensor.extract_slice %x[0, 0][2, 2][1, 1] : tensor<?x4xf32> to tensor<2x2xf32>
      %v = arith.mulf %w, %z : tensor<2x2xf32>
      %5 = arith.subf %v, %h : tensor<2x2xf32>
      %half = arith.constant 0.5 : f32
      %t = arith.mulf %s, %half : f32
      %u = arith.negf %t : f32
      %6 = tensor.splat %u : tensor<3x3xf32>
      %c0 = arith.constant 0 : index
      %n = tensor.dim %x, %c0 : tensor<?x4xf32>
      %7 = tensor.splat %s[%n] : tensor<?x4xf32>
      return %4, %5, %6, %7 : tensor<?x4xf32>, tensor<2x2xf32>, tensor<3x3xf32>, tensor<?x4xf32>
    })";
  DeviceValue scale;
  scale.scalar = 0.75;
  Roles roles = check(
      program, {fill(NpyType::F32, {7, 4}), fill(NpyType::F32, {7, 4}), scale});
  EXPECT_EQ(roles,
            (Roles{"addf", "mulf", "divf", "negf", "subf", "mulf", "subf"}));
}

TEST_F(Steps, BroadcastsAndTransposesAreViews) {
  const char *program = R"(
    func.func @f(%x: tensor<2x3xf32>, %y: tensor<3x4x2xf32>) -> (tensor<3x4x2xf32>, tensor<?x3xf32>) {
      %0 = tensor.empty() : tensor<2x3x4xf32>
      %1 = linalg.broadcast ins(%x : tensor<2x3xf32>) outs(%0 : tensor<2x3x4xf32>) dimensions = [2]
      %2 = tensor.empty() : tensor<3x4x2xf32>
      %3 = linalg.transpose ins(%1 : tensor<2x3x4xf32>) outs(%2 : tensor<3x4x2xf32>) permutation = [1, 2, 0]
      %4 = arith.addf %3, %y : tensor<3x4x2xf32>
      %c5 = arith.constant 5 : index
      %5 = tensor.empty(%c5) : tensor<?x3xf32>
      %6 = tensor.extract_slice %x[0, 0] [1, 3] [1, 1] : tensor<2x3xf32> to tensor<3xf32>
      %7 = linalg.broadcast ins(%6 : tensor<3xf32>) outs(%5 : tensor<?x3xf32>) dimensions = [0]
      return %4, %7 : tensor<3x4x2xf32>, tensor<?x3xf32>
    })";
  DeviceValue x = fill(NpyType::F32, {2, 3}), y = fill(NpyType::F32, {3, 4, 2});
  DeviceCall call = prepare(program, {x, y});
  EXPECT_EQ(launch(call), Roles{"addf"});
  ReferenceTensor sum = read(call.results()[0]), rows = read(call.results()[1]);
  std::vector<double> xs = read(x).data, ys = read(y).data;
  ASSERT_EQ(sum.shape, (std::vector<int64_t>{3, 4, 2}));
  ASSERT_EQ(rows.shape, (std::vector<int64_t>{5, 3}));
  for (int64_t i = 0; i < 24; ++i)
    EXPECT_FLOAT_EQ(sum.data[i], ys[i] + xs[i % 2 * 3 + i / 8]);
  for (int64_t i = 0; i < 15; ++i)
    EXPECT_EQ(rows.data[i], xs[i % 3]);
}

TEST_F(Steps, SlicesAreInserted) {
  const char *program = R"(
    func.func @f(%x: tensor<6x8xf32>, %y: tensor<?x8xf32>) -> (tensor<9x8xf32>, tensor<6x8xf32>, tensor<2x3xf32>) {
      %c0 = arith.constant 0 : index
      %n = tensor.dim %y, %c0 : tensor<?x8xf32>
      %0 = tensor.empty() : tensor<9x8xf32>
      %1 = tensor.insert_slice %x into %0[0, 0][6, 8][1, 1] : tensor<6x8xf32> into tensor<9x8xf32>
      %2 = tensor.insert_slice %y into %1[6, 0][%n, 8][1, 1] : tensor<?x8xf32> into tensor<9x8xf32>
      %row = tensor.extract_slice %x[1, 0][1, 4][1, 2] : tensor<6x8xf32> to tensor<4xf32>
      %3 = tensor.insert_slice %row into %x[3, 1][1, 4][1, 2] : tensor<4xf32> into tensor<6x8xf32>
      %4 = tensor.extract_slice %3[2, 1][2, 3][2, 2] : tensor<6x8xf32> to tensor<2x3xf32>
      return %2, %3, %4 : tensor<9x8xf32>, tensor<6x8xf32>, tensor<2x3xf32>
    })";
  Roles roles =
      check(program, {fill(NpyType::F32, {6, 8}), fill(NpyType::F32, {3, 8})});
  // Nothing is copied from an empty tensor.
  EXPECT_EQ(roles.size(), 5u);
}

TEST_F(Steps, ReshapesAreViewsWhereStridesAllowIt) {
  const char *program = R"(
    func.func @f(%x: tensor<?x6x8xf32>) -> (tensor<?x48xf32>, tensor<?x2x3x8xf32>, tensor<?x24xf32>) {
      %c0 = arith.constant 0 : index
      %n = tensor.dim %x, %c0 : tensor<?x6x8xf32>
      %0 = tensor.collapse_shape %x [[0], [1, 2]] : tensor<?x6x8xf32> into tensor<?x48xf32>
      %1 = tensor.expand_shape %x [[0], [1, 2], [3]] output_shape [%n, 2, 3, 8]
          : tensor<?x6x8xf32> into tensor<?x2x3x8xf32>
      %2 = tensor.extract_slice %x[0, 0, 0][%n, 6, 4][1, 1, 1] : tensor<?x6x8xf32> to tensor<?x6x4xf32>
      %3 = tensor.collapse_shape %2 [[0], [1, 2]] : tensor<?x6x4xf32> into tensor<?x24xf32>
      return %0, %1, %3 : tensor<?x48xf32>, tensor<?x2x3x8xf32>, tensor<?x24xf32>
    })";
  // Half of each row is no run.
  EXPECT_EQ(check(program, {fill(NpyType::F32, {5, 6, 8})}), Roles{"copy"});
  DeviceProgram expand = compile(R"(
    func.func @f(%x: tensor<?xf32>, %s: i64) -> tensor<2x?xf32> {
      %n = arith.index_cast %s : i64 to index
      %0 = tensor.expand_shape %x [[0, 1]] output_shape [2, %n] : tensor<?xf32> into tensor<2x?xf32>
      return %0 : tensor<2x?xf32>
    })");
  DeviceValue columns;
  columns.scalar = 3;
  auto run = [&](int64_t size) {
    return get(expand.lookup("f"))
        ->prepare(device(), *cache, {argument(NpyType::F32, {size}), columns})
        .status();
  };
  EXPECT_STATUS(run(6), "Ok");
  EXPECT_STATUS(run(7), "InvalidArgument: dimension 0 of size 7 is expanded to "
                        "6 elements");
}

TEST_F(Steps, MemrefsAreWrittenInPlace) {
  const char *program = R"(
    !m = memref<?x4xf32, strided<[?, 1]>>
    !t = tensor<?x4xf32>
    func.func @f(%a: !m, %b: !m, %c: memref<4xf32>) -> !t {
      %0 = bufferization.to_tensor %a restrict : !m to !t
      %1 = bufferization.to_tensor %b restrict writable : !m to !t
      %2 = arith.addf %0, %1 : !t
      bufferization.materialize_in_destination %2 in restrict writable %b : (!t, !m) -> ()
      %3 = arith.subf %1, %0 : !t
      bufferization.materialize_in_destination %3 in restrict writable %a : (!t, !m) -> ()
      %4 = bufferization.to_tensor %b restrict : !m to !t
      return %4 : !t
    })";
  DeviceValue a = fill(NpyType::F32, {5, 4}), c = fill(NpyType::F32, {4});
  // Rows of b are apart, and what is between them stays.
  DeviceValue b = fill(NpyType::F32, {5, 10});
  DeviceValue rest = b;
  rest.tensor.shape = {5, 6};
  rest.address += 16;
  ReferenceTensor before = read(rest);
  b.tensor.shape = {5, 4};
  check(program, {a, b, c});
  EXPECT_EQ(read(rest).data, before.data);
}

TEST_F(Steps, MemrefsAreViewsWhereNothingWritesThem) {
  DeviceValue in = argument(NpyType::BF16, {1, 64, 2, 64});
  DeviceValue out = argument(NpyType::BF16, {1, 64, 2, 64});
  DeviceCall call = prepare(R"(
    !m = memref<1x64x2x64xbf16>
    !t = tensor<1x64x2x64xbf16>
    func.func @f(%a: !m, %out: !m) {
      %0 = bufferization.to_tensor %a restrict : !m to !t
      %1 = bufferization.to_tensor %out restrict writable : !m to !t
      %2 = tensor.empty() : tensor<1x2x64xf32>
      %r:2 = hilbert.attention ins(%0, %0, %0 : !t, !t, !t) outs(%1, %2 : !t, tensor<1x2x64xf32>)
      bufferization.materialize_in_destination %r#0 in restrict writable %out : (!t, !m) -> ()
      return
    })",
                            {in, out});
  ASSERT_EQ(call.numKernels(), 2u);
  EXPECT_EQ(call.kernelInfo(0).role, "forward");
  EXPECT_EQ(call.kernelInfo(1).role, "copy");
}

TEST_F(Steps, WhatAttentionCannotReadIsCopied) {
  const std::string program = R"(
    func.func @f(%x: tensor<1x64x2x129xbf16>, %t: tensor<64x2xi32>) -> tensor<1x64x2x64xbf16> {
      %q = tensor.extract_slice %x[0, 0, 0, 0][1, 64, 2, 64][1, 1, 1, 2]
          : tensor<1x64x2x129xbf16> to tensor<1x64x2x64xbf16>
      %p = tensor.extract_slice %t[0, 1][64, 1][1, 1] : tensor<64x2xi32> to tensor<64xi32>
      %4 = tensor.empty() : tensor<1x64x2x64xbf16>
      %5 = tensor.empty() : tensor<1x2x64xf32>
      %r:2 = hilbert.attention ins(%q, %q, %q : tensor<1x64x2x64xbf16>, tensor<1x64x2x64xbf16>, tensor<1x64x2x64xbf16>)
          outs(%4, %5 : tensor<1x64x2x64xbf16>, tensor<1x2x64xf32>) order(%p : tensor<64xi32>)
      return %r#0 : tensor<1x64x2x64xbf16>
    })";
  DeviceCall call = prepare(program, {argument(NpyType::BF16, {1, 64, 2, 129}),
                                      argument(NpyType::I32, {64, 2})});
  Roles roles;
  for (size_t i = 0; i < call.numKernels(); ++i)
    roles.push_back(call.kernelInfo(i).role);
  EXPECT_EQ(roles, (Roles{"copy", "copy", "copy", "copy", "forward"}));
}

TEST_F(Steps, NewSizesCompileNothing) {
  DeviceProgram program = compile(R"(
    func.func @f(%x: tensor<?x?x8xf32>, %t: tensor<?xi32>) -> tensor<?x?x8xf32> {
      %0 = hilbert.reorder %x dim 1 order(%t : tensor<?xi32>) : tensor<?x?x8xf32>
      %1 = arith.addf %0, %x : tensor<?x?x8xf32>
      %2 = arith.mulf %1, %1 : tensor<?x?x8xf32>
      %s = tensor.extract_slice %2[0, 0, 0][1, 1, 8][1, 1, 1] : tensor<?x?x8xf32> to tensor<1x1x8xf32>
      %3 = tensor.insert_slice %s into %x[1, 0, 0][1, 1, 8][1, 1, 1] : tensor<1x1x8xf32> into tensor<?x?x8xf32>
      return %3 : tensor<?x?x8xf32>
    })");
  const DeviceFunction *function = get(program.lookup("f"));
  auto run = [&](int64_t batch, int64_t tokens) {
    return get(function->prepare(device(), *cache,
                                 {argument(NpyType::F32, {batch, tokens, 8}),
                                  argument(NpyType::I32, {tokens})}));
  };
  DeviceCall first = run(2, 30);
  int64_t made = cache->compilations + cache->diskHits;
  EXPECT_EQ(made, 4);
  for (int64_t tokens : {1, 2, 31, 4096})
    EXPECT_EQ(run(3, tokens).numKernels(), 5u);
  EXPECT_EQ(cache->compilations + cache->diskHits, made);
}

TEST_F(Steps, TF32IsAllowedByTheProgram) {
  const std::string program = R"(
    func.func @f(%q: tensor<1x64x2x64xf32>) -> tensor<1x64x2x64xf32> {
      %0 = tensor.empty() : tensor<1x64x2x64xf32>
      %1 = tensor.empty() : tensor<1x2x64xf32>
      %r:2 = hilbert.attention ins(%q, %q, %q : tensor<1x64x2x64xf32>, tensor<1x64x2x64xf32>, tensor<1x64x2x64xf32>)
          outs(%0, %1 : tensor<1x64x2x64xf32>, tensor<1x2x64xf32>) FLAG
      return %r#0 : tensor<1x64x2x64xf32>
    })";
  auto run = [&](const char *flag) {
    std::string text = program;
    text.replace(text.find("FLAG"), 4, flag);
    return get(compile(text).lookup("f"))
        ->prepare(device(), *cache, argument(NpyType::F32, {1, 64, 2, 64}));
  };
  EXPECT_STATUS(run("").status(),
                "InvalidArgument: q is f32, which a GPU multiplies in tf32, "
                "with 10 bits of fraction: allow it (--allow-tf32), or use f16 "
                "or bf16");
  DeviceCall call = get(run("{hilbert_gpu.allow_tf32}"));
  EXPECT_EQ(call.kernelInfo(0).arguments.front().element, "f32");
}

TEST_F(Steps, ErrorsOfTensors) {
  auto prepareWith = [&](const char *program, DeviceValue argument) {
    return get(compile(program).lookup("f"))
        ->prepare(device(), *cache, argument)
        .status();
  };
  EXPECT_STATUS(prepareWith(R"(
      func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
        %0 = tensor.empty() : tensor<4xf32>
        %1 = arith.addf %x, %0 : tensor<4xf32>
        return %1 : tensor<4xf32>
      })",
                            argument(NpyType::F32, {4})),
                "InvalidArgument: operand 1 of arith.addf is a tensor that "
                "nothing writes");
  EXPECT_STATUS(prepareWith(R"(
      func.func @f(%x: tensor<?xf32>) -> tensor<2x?xf32> {
        %c0 = arith.constant 0 : index
        %n = tensor.dim %x, %c0 : tensor<?xf32>
        %twice = arith.addi %n, %n : index
        %0 = tensor.empty(%twice) : tensor<2x?xf32>
        %1 = linalg.broadcast ins(%x : tensor<?xf32>) outs(%0 : tensor<2x?xf32>) dimensions = [0]
        return %1 : tensor<2x?xf32>
      })",
                            argument(NpyType::F32, {4})),
                "InvalidArgument: dimension 0 of size 4 is broadcast to "
                "dimension 1 of size 8");
  DeviceValue size;
  size.scalar = -1;
  EXPECT_STATUS(prepareWith(R"(
      func.func @f(%s: i64) -> tensor<?xf32> {
        %n = arith.index_cast %s : i64 to index
        %c = arith.constant 1.0 : f32
        %0 = tensor.splat %c[%n] : tensor<?xf32>
        return %0 : tensor<?xf32>
      })",
                            size),
                "InvalidArgument: a tensor must have sizes that are not "
                "negative and whose product fits 64 bits, but one is -1");
}

} // namespace
