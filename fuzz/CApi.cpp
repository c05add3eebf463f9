//===- CApi.cpp - Fuzzer of the C API -------------------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Bytes choose one call. An attention begins as a valid one and may get faults:
// each says whether the call must fail, must still succeed, or may do either.
// Compiled code is not instrumented, so tensors end at an unreadable page, and
// what lies between their elements is checked after the call. Kernels are few,
// because each takes as long to compile as thousands of calls.
//
//===----------------------------------------------------------------------===//

#include "Problem.h"

#include "hilbert-c/Program.h"

#include <algorithm>

using namespace fuzz;

//===----------------------------------------------------------------------===//
// Orders
//===----------------------------------------------------------------------===//

HilbertOrderSpec fuzz::anySpec(Input &input) {
  HilbertOrderSpec spec = {};
  spec.curve = static_cast<HilbertCurve>(input.any(0, 3));
  spec.rank = static_cast<int32_t>(input.any(0, 3));
  for (int64_t &extent : spec.extents)
    extent = input.any(0, 9);
  if (input.bits.ConsumeBool())
    for (int64_t &size : spec.tile)
      size = input.any(0, 4);
  spec.length = input.any(0, 200);
  return spec;
}

static void fuzzOrders(Input &input) {
  HilbertOrderSpec spec = anySpec(input), resolved, again;
  if (expect(hilbertOrderResolve(&spec, &resolved)))
    return;
  require(hilbertOrderResolve(&resolved, &again) == HILBERT_OK &&
              std::memcmp(&resolved, &again, sizeof(again)) == 0,
          "what was resolved resolves to itself");
  if (resolved.length > 5000)
    return;
  const int32_t *table;
  int64_t length;
  require(hilbertOrderGetTable(&spec, &table, &length) == HILBERT_OK &&
              length == resolved.length,
          "a valid order has a table");
  std::vector<int32_t> inverse(length, -1);
  require(hilbertOrderInvert(table, length, inverse.data()) == HILBERT_OK,
          "a table is a permutation");
  for (int64_t p = 0; p < length; ++p)
    require(inverse[table[p]] == p, "inverse[table[p]] = p");
}

static void fuzzInvert(Input &input) {
  int64_t length = input.any(0, 12);
  std::vector<int32_t> table(12), inverse(12, -1);
  for (int32_t &entry : table)
    entry = static_cast<int32_t>(input.any(0, 11));
  if (length > 12) // More than we have: let it be more than may be.
    length = std::max<int64_t>(length, int64_t(INT32_MAX) + 1);
  if (!expect(hilbertOrderInvert(table.data(), length, inverse.data())))
    for (int64_t p = 0; p < length; ++p)
      require(inverse[table[p]] == p, "inverse[table[p]] = p");
  else
    for (int32_t entry : inverse)
      require(entry == -1, "a call that fails writes nothing");
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

static constexpr char kProgram[] = R"(
func.func @tensors(%a: tensor<?x4xf32>, %s: f32, %b: tensor<?xi64>)
    -> (tensor<?x4xf32>, tensor<?xi64>) {
  %sum = arith.addf %a, %a : tensor<?x4xf32>
  return %sum, %b : tensor<?x4xf32>, tensor<?xi64>
}
func.func @memrefs(%a: memref<?x?xf32, strided<[?, 1]>>, %b: memref<3x?xf32>) {
  return
}
)";

static const HilbertArtifact *getArtifact() {
  static HilbertArtifact *artifact = [] {
    HilbertArtifact *artifact = nullptr;
    require(hilbertCompile(kProgram, std::strlen(kProgram), 0, &artifact) ==
                HILBERT_OK,
            hilbertGetErrorMessage());
    return artifact;
  }();
  return artifact;
}

static void fuzzArtifact(Input &input) {
  const char *original;
  size_t length;
  require(hilbertArtifactGetBytes(getArtifact(), &original, &length) ==
              HILBERT_OK,
          "an artefact has bytes");
  std::string bytes(original, length);
  if (input.bits.ConsumeBool())
    bytes.resize(input.bits.ConsumeIntegralInRange<size_t>(0, length));
  if (input.bits.ConsumeBool() && !bytes.empty()) {
    size_t at = input.bits.ConsumeIntegralInRange<size_t>(0, bytes.size() - 1);
    bytes[at] ^= input.bits.ConsumeIntegral<uint8_t>();
  }
  if (input.bits.ConsumeBool())
    bytes += input.bits.ConsumeRandomLengthString(64);
  if (input.bits.ConsumeBool())
    bytes = input.bits.ConsumeRemainingBytesAsString();
  bool isSame = bytes == std::string(original, length);
  HilbertArtifact *artifact = nullptr;
  HilbertStatus status =
      hilbertArtifactFromBytes(bytes.data(), bytes.size(), &artifact);
  require((status == HILBERT_OK) == isSame, "only whole artefacts are taken");
  hilbertArtifactDestroy(artifact);
}

static HilbertTensor anyTensor(Input &input) {
  HilbertTensor tensor = {};
  tensor.dtype = static_cast<HilbertDType>(input.any(0, 5));
  tensor.deviceType = static_cast<int32_t>(input.any(1, 1));
  tensor.rank = static_cast<int32_t>(input.any(0, 2));
  for (int d = 0; d < 2; ++d) {
    tensor.shape[d] = input.any(0, 5);
    tensor.strides[d] = input.any(0, 5);
  }
  return tensor;
}

static void fuzzPlan(Input &input) {
  static HilbertProgram *program = [] {
    HilbertProgram *program = nullptr;
    require(hilbertProgramLoad(getArtifact(), &program) == HILBERT_OK,
            hilbertGetErrorMessage());
    return program;
  }();
  std::string name =
      input.bits.PickValueInArray({"tensors", "memrefs", "none"});
  HilbertTensor inputs[4], outputs[4];
  for (HilbertTensor &tensor : inputs)
    tensor = anyTensor(input);
  for (HilbertTensor &tensor : outputs)
    tensor = anyTensor(input);
  // Few random bytes are a signature: begin with the right one.
  if (name == "tensors" && input.bits.ConsumeBool()) {
    int64_t n = input.bits.ConsumeIntegralInRange(0, 5);
    int64_t m = input.bits.ConsumeIntegralInRange(0, 5);
    inputs[0] = outputs[0] = describe(HILBERT_F32, {n, 4});
    inputs[1] = describe(HILBERT_F32, {});
    inputs[2] = outputs[1] = describe(HILBERT_I64, {m});
    if (input.bits.ConsumeBool())
      outputs[0].shape[0] = input.any(0, 5);
  }
  size_t numInputs = input.bits.ConsumeIntegralInRange(0, 4);
  size_t numOutputs = input.bits.ConsumeIntegralInRange(0, 4);
  HilbertPlan *plan = nullptr;
  if (expect(hilbertPlanCreate(program, name.c_str(), inputs, numInputs,
                               outputs, numOutputs, &plan))) {
    require(!plan, "a call that fails writes nothing");
    return;
  }
  std::vector<const void *> in;
  std::vector<void *> out;
  for (size_t i = 0; i < numInputs; ++i)
    if (!fits(inputs[i]))
      return hilbertPlanDestroy(plan);
    else
      in.push_back(Memory::of(i).place(inputs[i], input.bits.ConsumeBool()));
  for (size_t i = 0; i < numOutputs; ++i)
    if (!fits(outputs[i]))
      return hilbertPlanDestroy(plan);
    else
      out.push_back(Memory::of(4 + i).place(outputs[i], false));
  HilbertStatus status = hilbertPlanLaunch(plan, in.data(), out.data());
  if (!expect(status))
    for (size_t i = 0; i < numOutputs; ++i)
      Memory::of(4 + i).checkGaps();
  hilbertPlanDestroy(plan);
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

static void fuzzAttention(Input &input, bool isGradient) {
  Problem problem(input, isGradient);
  Fault fault = problem.damage(input);
  HilbertStatus status = isGradient ? hilbertAttentionGrad(&problem.grad)
                                    : hilbertAttention(&problem.forward());
  expect(status);
  require(status != HILBERT_INTERNAL_ERROR, hilbertGetErrorMessage());
  if (fault != Fault::Any)
    require((status != HILBERT_OK) == (fault == Fault::Fatal),
            fault == Fault::Fatal ? "this call must fail"
                                  : hilbertGetErrorMessage());
  problem.checkMemory(status == HILBERT_OK);
  if (fault == Fault::None || fault == Fault::Harmless)
    problem.checkResults();
}

extern "C" int LLVMFuzzerInitialize(int *, char ***) {
  hilbertSetNumThreads(1);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Input input(data, size);
  switch (input.bits.ConsumeIntegralInRange(0, 9)) {
  case 0:
    fuzzOrders(input);
    break;
  case 1:
    fuzzInvert(input);
    break;
  case 2:
    fuzzArtifact(input);
    break;
  case 3:
  case 4:
    fuzzPlan(input);
    break;
  case 5:
  case 6:
  case 7:
    fuzzAttention(input, /*isGradient=*/false);
    break;
  default:
    fuzzAttention(input, /*isGradient=*/true);
  }
  return 0;
}
