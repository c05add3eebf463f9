//===- ProgramTest.cpp - Tests of hilbert-c/Program.h ---------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert-c/Program.h"
#include "Problem.h"

#include <cstring>

using namespace capi;

static constexpr char kProgram[] = R"(
func.func @attend(%q: tensor<?x?x?x8xf32>, %k: tensor<?x?x?x8xf32>,
                  %v: tensor<?x?x?x8xf32>, %scale: f32)
    -> (tensor<?x?x?x8xf32>, tensor<?x?x?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %q, %c0 : tensor<?x?x?x8xf32>
  %n = tensor.dim %q, %c1 : tensor<?x?x?x8xf32>
  %h = tensor.dim %q, %c2 : tensor<?x?x?x8xf32>
  %o = tensor.empty(%b, %n, %h) : tensor<?x?x?x8xf32>
  %l = tensor.empty(%b, %h, %n) : tensor<?x?x?xf32>
  %out, %lse = hilbert.attention
      ins(%q, %k, %v : tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>,
                       tensor<?x?x?x8xf32>)
      outs(%o, %l : tensor<?x?x?x8xf32>, tensor<?x?x?xf32>)
      scale(%scale)
  return %out, %lse : tensor<?x?x?x8xf32>, tensor<?x?x?xf32>
}
)";

namespace {
/// The program, compiled once for all tests.
struct Program : testing::Test {
  static void SetUpTestSuite() {
    ASSERT_EQ(hilbertCompile(kProgram, std::strlen(kProgram),
                             /*withGradients=*/1, &artifact),
              HILBERT_OK)
        << hilbertGetErrorMessage();
    const char *begin;
    size_t length;
    ASSERT_EQ(hilbertArtifactGetBytes(artifact, &begin, &length), HILBERT_OK);
    bytes.assign(begin, length);
    ASSERT_EQ(hilbertProgramLoad(artifact, &program), HILBERT_OK)
        << hilbertGetErrorMessage();
  }
  static void TearDownTestSuite() {
    hilbertProgramDestroy(program);
    hilbertArtifactDestroy(artifact);
  }

  static HilbertStatus fromBytes(const std::string &bytes) {
    HilbertArtifact *made = nullptr;
    HilbertStatus status =
        hilbertArtifactFromBytes(bytes.data(), bytes.size(), &made);
    EXPECT_EQ(made != nullptr, status == HILBERT_OK);
    hilbertArtifactDestroy(made);
    return status;
  }

  /// Plans and launches @attend of a program on a problem.
  static void attend(const HilbertProgram *program, Problem &p) {
    HilbertTensor scale = describe(nullptr, HILBERT_F32, {});
    HilbertTensor in[] = {p.call.q, p.call.k, p.call.v, scale};
    HilbertTensor out[] = {p.call.out, p.call.lse};
    HilbertPlan *plan = nullptr;
    ASSERT_EQ(hilbertPlanCreate(program, "attend", in, 4, out, 2, &plan),
              HILBERT_OK)
        << hilbertGetErrorMessage();
    const void *inputs[] = {p.q.data(), p.k.data(), p.v.data(), &p.call.scale};
    void *outputs[] = {p.out.data(), p.lse.data()};
    EXPECT_EQ(hilbertPlanLaunch(plan, inputs, outputs), HILBERT_OK)
        << hilbertGetErrorMessage();
    hilbertPlanDestroy(plan);
  }

  static HilbertArtifact *artifact;
  static HilbertProgram *program;
  static std::string bytes;
};
HilbertArtifact *Program::artifact = nullptr;
HilbertProgram *Program::program = nullptr;
std::string Program::bytes;
} // namespace

TEST_F(Program, Forward) {
  Problem p;
  attend(program, p);
  p.check();
}

TEST_F(Program, Gradient) {
  Problem p;
  attend(program, p);
  HilbertTensor scale = describe(nullptr, HILBERT_F32, {});
  HilbertTensor in[] = {p.call.q,   p.call.k,   p.call.v,    scale,
                        p.call.out, p.call.lse, p.grad.dout, p.grad.dlse};
  HilbertTensor out[] = {p.grad.dq, p.grad.dk, p.grad.dv};
  HilbertPlan *plan = nullptr;
  ASSERT_EQ(hilbertPlanCreate(program, "attend_grad", in, 8, out, 3, &plan),
            HILBERT_OK)
      << hilbertGetErrorMessage();
  const void *inputs[] = {p.q.data(),    p.k.data(),   p.v.data(),
                          &p.call.scale, p.out.data(), p.lse.data(),
                          p.dout.data(), p.dlse.data()};
  void *outputs[] = {p.dq.data(), p.dk.data(), p.dv.data()};
  ASSERT_EQ(hilbertPlanLaunch(plan, inputs, outputs), HILBERT_OK)
      << hilbertGetErrorMessage();
  hilbertPlanDestroy(plan);
  p.check([](int64_t, int64_t) { return true; }, /*withGradient=*/true);
}

TEST_F(Program, BytesMakeTheSameProgram) {
  HilbertArtifact *copy = nullptr;
  ASSERT_EQ(hilbertArtifactFromBytes(bytes.data(), bytes.size(), &copy),
            HILBERT_OK)
      << hilbertGetErrorMessage();
  HilbertProgram *loaded = nullptr;
  ASSERT_EQ(hilbertProgramLoad(copy, &loaded), HILBERT_OK);
  hilbertArtifactDestroy(copy);
  Problem p;
  attend(loaded, p);
  p.check();
  hilbertProgramDestroy(loaded);
}

TEST_F(Program, DamagedBytes) {
  // Before, in and after the magic word, the checksum, the manifest's size, the
  // manifest and the object.
  for (size_t length : {size_t(0), size_t(1), size_t(7), size_t(8), size_t(9),
                        size_t(39), size_t(40), size_t(47), size_t(48),
                        size_t(100), bytes.size() / 2, bytes.size() - 1})
    expectError(fromBytes(bytes.substr(0, length)), HILBERT_INVALID_ARGUMENT,
                length < 48 ? "must begin with 'hilbert1'" : "is damaged");
  std::mt19937 generator{std::random_device{}()};
  for (int i = 0; i < 50; ++i) {
    std::string flipped = bytes;
    flipped[8 + generator() % (bytes.size() - 8)] ^= 1 << generator() % 8;
    expectError(fromBytes(flipped), HILBERT_INVALID_ARGUMENT, "is damaged");
  }
  expectError(fromBytes("H" + bytes.substr(1)), HILBERT_INVALID_ARGUMENT,
              "must begin with 'hilbert1'");
  expectError(fromBytes(bytes + '\0'), HILBERT_INVALID_ARGUMENT, "is damaged");
}

TEST_F(Program, CompileErrors) {
  auto compile = [](const std::string &text) {
    HilbertArtifact *made = nullptr;
    HilbertStatus status = hilbertCompile(text.data(), text.size(), 0, &made);
    EXPECT_EQ(made, nullptr);
    return status;
  };
  expectError(compile("func.func @f("), HILBERT_COMPILE_FAILED, "1:");
  expectError(compile("func.func @f() -> i32 { return }"),
              HILBERT_COMPILE_FAILED, "return");
  expectError(compile("func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> { "
                      "%y = hilbert.reorder %x dim 1 "
                      "order(#hilbert.order<hilbert, [2, 2]>) "
                      ": tensor<4xf32> return %y : tensor<4xf32> }"),
              HILBERT_COMPILE_FAILED, "dim");
}

TEST_F(Program, PlanErrors) {
  Problem p;
  auto create = [&](std::function<void(std::vector<HilbertTensor> &,
                                       std::vector<HilbertTensor> &)>
                        change,
                    const char *function = "attend") {
    std::vector<HilbertTensor> in = {p.call.q, p.call.k, p.call.v,
                                     describe(nullptr, HILBERT_F32, {})};
    std::vector<HilbertTensor> out = {p.call.out, p.call.lse};
    change(in, out);
    HilbertPlan *plan = nullptr;
    HilbertStatus status = hilbertPlanCreate(
        program, function, in.data(), in.size(), out.data(), out.size(), &plan);
    EXPECT_EQ(plan, nullptr);
    return status;
  };
  expectError(create([](auto &, auto &) {}, "none"), HILBERT_INVALID_ARGUMENT,
              "there is no public function 'none'");
  expectError(create([](auto &in, auto &) { in.pop_back(); }),
              HILBERT_INVALID_ARGUMENT, "has 4 arguments, but got 3");
  expectError(create([](auto &, auto &out) { out.push_back(out[0]); }),
              HILBERT_INVALID_ARGUMENT, "has 2 results, but got 3");
  expectError(create([](auto &in, auto &) { in[1].rank = -1; }),
              HILBERT_INVALID_TYPE, "argument 1");
  expectError(create([](auto &in, auto &) { in[2].dtype = HilbertDType(6); }),
              HILBERT_INVALID_TYPE, "but has 6 and 4");
  expectError(create([](auto &in, auto &) { in[0].deviceType = 2; }),
              HILBERT_UNSUPPORTED, "on a device of type 2");
  expectError(create([](auto &, auto &out) { out[1].shape[2] = -7; }),
              HILBERT_INVALID_ARGUMENT,
              "result 1 must have sizes that are not negative");
  expectError(create([](auto &in, auto &) { in[3].dtype = HILBERT_F64; }),
              HILBERT_INVALID_ARGUMENT,
              "argument 3 must have elements of type "
              "f32, but the array has f64");
  expectError(create([](auto &in, auto &) { in[3].rank = 1; }),
              HILBERT_INVALID_ARGUMENT, "argument 3 must have rank 0");
  expectError(create([](auto &in, auto &) { in[0].shape[3] = 16; }),
              HILBERT_INVALID_ARGUMENT,
              "must have size 8 in dimension 3, but "
              "the array has 16");
  expectError(create([](auto &in, auto &) { in[1].strides[0] += 8; }),
              HILBERT_INVALID_ARGUMENT,
              "argument 1 must be in row-major order");
}

TEST_F(Program, LaunchErrors) {
  Problem p;
  HilbertTensor in[] = {p.call.q, p.call.k, p.call.v,
                        describe(nullptr, HILBERT_F32, {})};
  HilbertTensor out[] = {p.call.out, p.call.lse};
  auto launch = [&](size_t nullInput, size_t nullOutput) {
    HilbertPlan *plan = nullptr;
    EXPECT_EQ(hilbertPlanCreate(program, "attend", in, 4, out, 2, &plan),
              HILBERT_OK);
    const void *inputs[] = {p.q.data(), p.k.data(), p.v.data(), &p.call.scale};
    void *outputs[] = {p.out.data(), p.lse.data(), nullptr};
    if (nullInput < 4)
      inputs[nullInput] = nullptr;
    outputs[nullOutput] = nullptr;
    HilbertStatus status = hilbertPlanLaunch(plan, inputs, outputs);
    hilbertPlanDestroy(plan);
    return status;
  };
  expectError(launch(0, 2), HILBERT_INVALID_ARGUMENT,
              "argument 0 must not be null");
  expectError(launch(3, 2), HILBERT_INVALID_ARGUMENT,
              "argument 3 must not be null");
  expectError(launch(4, 1), HILBERT_INVALID_ARGUMENT,
              "result 1 must not be null");
  // Sizes that only the program relates to each other.
  in[2] = describe(nullptr, HILBERT_F32, {2, 5, 3, 8});
  expectError(launch(4, 2), HILBERT_INVALID_ARGUMENT,
              "v's tokens must be equal to k's tokens");
  EXPECT_TRUE(std::isnan(*p.out.data()));
}

TEST_F(Program, NullArguments) {
  HilbertArtifact *made = nullptr;
  HilbertProgram *loaded = nullptr;
  HilbertPlan *plan = nullptr;
  const char *begin;
  size_t length;
  HilbertTensor tensor = {};
  for (HilbertStatus status : {
           hilbertCompile(nullptr, 0, 0, &made),
           hilbertCompile("", 0, 0, nullptr),
           hilbertArtifactGetBytes(nullptr, &begin, &length),
           hilbertArtifactGetBytes(artifact, nullptr, &length),
           hilbertArtifactGetBytes(artifact, &begin, nullptr),
           hilbertArtifactFromBytes(nullptr, 0, &made),
           hilbertArtifactFromBytes("", 0, nullptr),
           hilbertProgramLoad(nullptr, &loaded),
           hilbertProgramLoad(artifact, nullptr),
           hilbertPlanCreate(nullptr, "f", &tensor, 1, &tensor, 1, &plan),
           hilbertPlanCreate(program, nullptr, &tensor, 1, &tensor, 1, &plan),
           hilbertPlanCreate(program, "f", nullptr, 1, &tensor, 1, &plan),
           hilbertPlanCreate(program, "f", &tensor, 1, nullptr, 1, &plan),
           hilbertPlanCreate(program, "f", &tensor, 1, &tensor, 1, nullptr),
           hilbertPlanLaunch(nullptr, nullptr, nullptr),
       })
    expectError(status, HILBERT_INVALID_ARGUMENT, "must not be null");
  hilbertArtifactDestroy(nullptr);
  hilbertProgramDestroy(nullptr);
  hilbertPlanDestroy(nullptr);
}

static constexpr char kTwice[] = R"(
func.func @twice(%a: memref<?x?xf32, strided<[?, 1]>>,
                 %b: memref<?x?xf32, strided<[?, 1]>>) {
  %x = bufferization.to_tensor %a restrict
      : memref<?x?xf32, strided<[?, 1]>> to tensor<?x?xf32>
  %y = arith.addf %x, %x : tensor<?x?xf32>
  bufferization.materialize_in_destination %y in restrict writable %b
      : (tensor<?x?xf32>, memref<?x?xf32, strided<[?, 1]>>) -> ()
  return
}
)";

TEST(Memref, StridedArgumentsAreWrittenInPlace) {
  HilbertArtifact *artifact = nullptr;
  ASSERT_EQ(hilbertCompile(kTwice, std::strlen(kTwice), 0, &artifact),
            HILBERT_OK)
      << hilbertGetErrorMessage();
  HilbertProgram *program = nullptr;
  ASSERT_EQ(hilbertProgramLoad(artifact, &program), HILBERT_OK);
  hilbertArtifactDestroy(artifact);
  for (int64_t rows : {0, 1, 5}) {
    Array from({rows, 11}, true), to({rows, 13}, false);
    HilbertTensor in[] = {from.get(), to.get()};
    in[0].shape[1] = in[1].shape[1] = 7;
    HilbertPlan *plan = nullptr;
    ASSERT_EQ(hilbertPlanCreate(program, "twice", in, 2, nullptr, 0, &plan),
              HILBERT_OK)
        << hilbertGetErrorMessage();
    const void *data[] = {from.data(), to.data()};
    ASSERT_EQ(hilbertPlanLaunch(plan, data, nullptr), HILBERT_OK)
        << hilbertGetErrorMessage();
    hilbertPlanDestroy(plan);
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < 13; ++j)
        if (j < 7)
          EXPECT_EQ(to.data()[i * 13 + j], 2 * from.data()[i * 11 + j]);
        else // Between the rows.
          EXPECT_TRUE(std::isnan(to.data()[i * 13 + j]));
  }
  Array a({5, 11}, true);
  HilbertTensor in[] = {a.get(), a.get()};
  in[0].shape[1] = 4, in[0].strides[1] = 2;
  HilbertPlan *plan = nullptr;
  expectError(hilbertPlanCreate(program, "twice", in, 2, nullptr, 0, &plan),
              HILBERT_INVALID_ARGUMENT,
              "argument 0 must have an innermost stride of 1, but the array "
              "has 2");
  EXPECT_EQ(plan, nullptr);
  hilbertProgramDestroy(program);
}
