//===- DeviceElementwiseTest.cpp - What goes through elements, on a GPU ---===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DeviceTestSupport.h"

#include "hilbert/ExecutionEngine/DeviceElementwise.h"

using namespace hilbert;
using namespace hilbert::test;

namespace {

using Spec = DeviceElementwiseSpec;
using Shape = llvm::SmallVector<int64_t, 4>;

class Elementwise : public DeviceTest {
protected:
  DeviceView make(NpyType type, const Shape &shape) {
    DeviceView view;
    view.tensor = DeviceTensor::contiguous(type, shape);
    buffers.push_back(
        get(Buffer::allocate(device(), size_t(view.tensor.bytes()))));
    view.address = buffers.back().address();
    return view;
  }

  /// Of tensors of one type and shape.
  DeviceElementwiseProblem makeProblem(Spec::Kind kind, NpyType type,
                                       const Shape &shape) {
    DeviceElementwiseProblem problem;
    problem.kind = kind;
    problem.operands = {make(type, shape)};
    problem.result = make(type, shape);
    return problem;
  }

  Result<DeviceElementwise> create(const DeviceElementwiseProblem &problem) {
    return DeviceElementwise::create(device(), *cache, problem);
  }

  /// The one launch of a problem.
  Recorded record(const DeviceElementwiseProblem &problem) {
    DeviceElementwise kernel = get(create(problem));
    Recorded recorded;
    fake::setLaunchCallback([&](const fake::Launch &launch) {
      EXPECT_EQ(launch.kernel, kernel.kernelInfo().name);
      recorded.launch = launch;
      const auto &arguments = kernel.kernelInfo().arguments;
      for (auto [i, argument] : llvm::enumerate(arguments))
        std::memcpy(&recorded.arguments[argument.name], launch.parameters[i],
                    8);
    });
    EXPECT_OK(kernel.launch(nullptr));
    fake::setLaunchCallback(nullptr);
    EXPECT_EQ(fake::takeLaunches().size(), 1u);
    return recorded;
  }

  void TearDown() override {
    buffers.clear();
    DeviceTest::TearDown();
  }

  std::vector<Buffer> buffers;
};

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

// LLVM ends the process where it has no instruction: every op and type, for the
// oldest and the newest target.
TEST_F(Elementwise, EveryOpOfEveryTypeHasCode) {
  std::vector<Spec> specs;
  auto add = [&](const char *op, std::vector<std::string> operands,
                 const char *result) {
    Spec spec;
    spec.kind = Spec::Elementwise;
    spec.op = op;
    spec.operands.assign(operands.begin(), operands.end());
    spec.result = result;
    specs.push_back(spec);
  };
  for (const char *type : {"f16", "bf16", "f32", "f64"}) {
    for (const char *op :
         {"arith.addf", "arith.subf", "arith.mulf", "arith.divf"})
      add(op, {type, type}, type);
    add("arith.negf", {type}, type);
    for (const char *integer : {"i32", "i64"}) {
      add("arith.sitofp", {integer}, type);
      add("arith.fptosi", {type}, integer);
    }
    if (llvm::StringRef(type) != "f64")
      add("math.exp", {type}, type);
    for (const char *other : {"f16", "bf16", "f32", "f64"}) {
      auto width = [](llvm::StringRef type) {
        return type == "f64" ? 64 : type == "f32" ? 32 : 16;
      };
      if (width(type) < width(other))
        add("arith.extf", {type}, other);
      if (width(type) > width(other))
        add("arith.truncf", {type}, other);
    }
  }
  for (const char *type : {"i32", "i64"})
    for (const char *op : {"arith.addi", "arith.subi", "arith.muli"})
      add(op, {type, type}, type);
  for (Spec::Kind kind : {Spec::Copy, Spec::Reorder, Spec::Restore})
    for (const char *type : {"i16", "i32", "i64"}) {
      add("", {type}, type);
      specs.back().kind = kind;
      specs.back().rank = 3;
      specs.back().dim = 1;
    }
  for (const char *target : {"sm_80", "sm_90"})
    for (const Spec &spec : specs) {
      auto code = get(cache->getCode(target, spec));
      ASSERT_EQ(code->kernels.size(), 1u) << spec.getProgram();
      EXPECT_TRUE(code->kernels[0].isElementwise());
      EXPECT_EQ(code->kernels[0].sharedBytes, 0);
      EXPECT_NE(code->ptx.find(".entry " + code->kernels[0].name + "("),
                std::string::npos);
    }
  EXPECT_EQ(cache->compilations, 2 * int64_t(specs.size()));
}

TEST_F(Elementwise, CodeIsFoundInTheFolder) {
  Spec spec;
  spec.operands = {"i16"};
  spec.result = "i16";
  spec.rank = 5;
  auto first = get(cache->getCode("sm_80", spec));
  DeviceKernelCache other;
  auto second = get(other.getCode("sm_80", spec));
  EXPECT_EQ(cache->compilations, 1);
  EXPECT_EQ(other.compilations, 0);
  EXPECT_EQ(other.diskHits, 1);
  EXPECT_EQ(second->ptx, first->ptx);
  const KernelInfo &kernel = second->kernels.at(0);
  EXPECT_TRUE(kernel.isElementwise());
  EXPECT_EQ(kernel.role, "copy");
  EXPECT_EQ(kernel.arguments.size(), first->kernels[0].arguments.size());
  EXPECT_EQ(kernel.arguments.back().name, "out_stride4");
  for (const KernelArgument &argument : kernel.arguments)
    if (argument.type == KernelArgument::Type::Pointer) {
      EXPECT_EQ(argument.element, "i16");
      EXPECT_EQ(argument.use, argument.name == "out"
                                  ? KernelArgument::Use::Output
                                  : KernelArgument::Use::Input);
    }
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

TEST_F(Elementwise, TensorsWithoutGapsAreOneRow) {
  DeviceElementwiseProblem problem =
      makeProblem(Spec::Elementwise, NpyType::F32, {3, 1, 100, 7});
  problem.op = "arith.addf";
  problem.operands.push_back(make(NpyType::F32, {3, 1, 100, 7}));
  Recorded recorded = record(problem);
  EXPECT_EQ(recorded.launch.kernel, "elementwise_addf");
  EXPECT_EQ(recorded.launch.block[0], 256u);
  EXPECT_EQ(recorded.launch.grid[0], 9u);
  Arguments expected = {{"threads", 9 * 256},
                        {"size0", 2100},
                        {"in0", problem.operands[0].address},
                        {"in0_stride0", 1},
                        {"in1", problem.operands[1].address},
                        {"in1_stride0", 1},
                        {"out", problem.result.address},
                        {"out_stride0", 1}};
  EXPECT_EQ(recorded.arguments, expected);
}

TEST_F(Elementwise, ViewsAreReadAndWrittenWhereTheyAre) {
  // Every second row of [6, 4, 5]; its rows and columns stay one run. The other
  // operand is one element.
  DeviceElementwiseProblem problem =
      makeProblem(Spec::Elementwise, NpyType::BF16, {3, 4, 5});
  problem.op = "arith.mulf";
  problem.operands[0].tensor.strides = {40, 5, 1};
  problem.operands.push_back(make(NpyType::BF16, {1}));
  problem.operands[1].tensor = problem.result.tensor;
  problem.operands[1].tensor.strides = {0, 0, 0};
  Recorded recorded = record(problem);
  Arguments expected = {{"threads", 256},
                        {"size0", 3},
                        {"size1", 20},
                        {"in0", problem.operands[0].address},
                        {"in0_stride0", 40},
                        {"in0_stride1", 1},
                        {"in1", problem.operands[1].address},
                        {"in1_stride0", 0},
                        {"in1_stride1", 0},
                        {"out", problem.result.address},
                        {"out_stride0", 20},
                        {"out_stride1", 1}};
  EXPECT_EQ(recorded.arguments, expected);
}

TEST_F(Elementwise, OrdersKeepTheirDimension) {
  DeviceElementwiseProblem problem =
      makeProblem(Spec::Reorder, NpyType::F16, {2, 3, 50, 4});
  problem.dim = 2;
  problem.table = make(NpyType::I32, {50});
  Recorded recorded = record(problem);
  Arguments expected = {{"threads", 5 * 256},
                        {"size0", 6},
                        {"size1", 50},
                        {"size2", 4},
                        {"in0", problem.operands[0].address},
                        {"in0_stride0", 200},
                        {"in0_stride1", 4},
                        {"in0_stride2", 1},
                        {"out", problem.result.address},
                        {"out_stride0", 200},
                        {"out_stride1", 4},
                        {"out_stride2", 1},
                        {"table", problem.table.address},
                        {"table_batch_stride", 0}};
  EXPECT_EQ(recorded.arguments, expected);

  // One order for each item: dimension 0 says which, even if there is one.
  for (int64_t batch : {2, 1}) {
    problem = makeProblem(Spec::Restore, NpyType::F16, {batch, 3, 50, 4});
    problem.dim = 2;
    problem.table = make(NpyType::I32, {batch, 50});
    recorded = record(problem);
    EXPECT_EQ(recorded.launch.kernel, "elementwise_restore");
    EXPECT_EQ(recorded.arguments.at("size0"), uint64_t(batch));
    EXPECT_EQ(recorded.arguments.at("size1"), 3u);
    EXPECT_EQ(recorded.arguments.at("size2"), 50u);
    EXPECT_EQ(recorded.arguments.at("table_batch_stride"), 50u);
  }
}

TEST_F(Elementwise, SizesAndStridesCompileNothing) {
  DeviceElementwiseProblem problem =
      makeProblem(Spec::Reorder, NpyType::BF16, {2, 30, 4, 8});
  problem.dim = 1;
  problem.table = make(NpyType::I32, {30});
  (void)get(create(problem));
  EXPECT_EQ(cache->compilations + cache->diskHits, 1);
  for (const Shape &shape : {Shape{7, 11, 4, 8}, Shape{5, 11, 3}}) {
    DeviceElementwiseProblem other =
        makeProblem(Spec::Reorder, NpyType::F16, shape);
    other.dim = 1;
    other.table = make(NpyType::I32, {11});
    Recorded recorded = record(other);
    EXPECT_EQ(recorded.arguments.at("size1"), 11u);
  }
  EXPECT_EQ(cache->compilations + cache->diskHits, 1);
  // Elements of another size have other code.
  DeviceElementwiseProblem wide =
      makeProblem(Spec::Reorder, NpyType::F32, {5, 11, 3});
  wide.dim = 1;
  wide.table = make(NpyType::I32, {11});
  (void)get(create(wide));
  EXPECT_EQ(cache->compilations + cache->diskHits, 2);
}

TEST_F(Elementwise, LargeTensorsHaveSeveralElementsPerThread) {
  // Never touched: launches do nothing here.
  DeviceElementwiseProblem problem = makeProblem(Spec::Copy, NpyType::F16, {1});
  for (DeviceView *view : {&problem.operands[0], &problem.result})
    view->tensor =
        DeviceTensor::contiguous(NpyType::F16, {int64_t(1) << 20, 1 << 16});
  Recorded recorded = record(problem);
  EXPECT_EQ(recorded.launch.grid[0], 1u << 20);
  EXPECT_EQ(recorded.arguments.at("threads"), 1u << 28);
  EXPECT_EQ(recorded.arguments.at("size0"), uint64_t(1) << 36);
}

TEST_F(Elementwise, NothingToDo) {
  DeviceElementwiseProblem problem =
      makeProblem(Spec::Copy, NpyType::F16, {3, 0});
  EXPECT_OK(get(create(problem)).launch(nullptr));
  EXPECT_TRUE(fake::takeLaunches().empty());
  // A number is a row of one.
  Recorded recorded = record(makeProblem(Spec::Copy, NpyType::F32, {}));
  EXPECT_EQ(recorded.arguments.at("size0"), 1u);
}

TEST_F(Elementwise, Errors) {
  DeviceElementwiseProblem problem =
      makeProblem(Spec::Elementwise, NpyType::F32, {4, 5});
  problem.op = "arith.addf";
  problem.operands.push_back(make(NpyType::F32, {4, 6}));
  EXPECT_STATUS(create(problem).status(),
                "InvalidArgument: operand 1 of arith.addf must have the shape "
                "[4, 5], but has [4, 6]");
  problem.operands[1] = problem.operands[0];
  problem.operands[1].address += 2;
  EXPECT_STATUS(create(problem).status(),
                "InvalidArgument: operand 1 of arith.addf must be 4-byte "
                "aligned, but its address is 2 beyond a multiple");
  problem.operands[1].address = 0;
  EXPECT_STATUS(create(problem).status(),
                "InvalidArgument: operand 1 of arith.addf is null");
  problem = makeProblem(Spec::Restore, NpyType::F32, {4, 5});
  problem.dim = 1;
  problem.table = make(NpyType::I32, {4});
  EXPECT_STATUS(create(problem).status(),
                "InvalidArgument: the order of hilbert.restore must have the "
                "shape [5], but has [4]");
  problem.table = make(NpyType::I32, {3, 5});
  EXPECT_STATUS(create(problem).status(),
                "InvalidArgument: the order of hilbert.restore must have the "
                "shape [4, 5], but has [3, 5]");
}

} // namespace
