//===- GradientTest.cpp - Gradients against differences -------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ReferenceTestUtil.h"

#include <cmath>

using namespace hilbert;
using namespace hilbert::test;

/// Cotangents; an lse of -inf gets none.
static ReferenceTensors makeCotangents(const ReferenceTensors &results,
                                       Random &random) {
  ReferenceTensors cotangents;
  for (const ReferenceTensor &result : results) {
    cotangents.push_back(randomTensor(random, result.shape));
    for (size_t i = 0; i < result.data.size(); ++i)
      if (!std::isfinite(result.data[i]))
        cotangents.back().data[i] = 0;
  }
  return cotangents;
}

/// Compares the gradients of `arguments` with central differences of the loss
/// sum of <result, cotangent>, at some elements.
static void checkGradients(const std::string &text, ReferenceTensors inputs,
                           const std::vector<size_t> &arguments,
                           Random &random) {
  Program program(text);
  ReferenceTensors cotangents =
      makeCotangents(program.evaluate(inputs), random);
  ReferenceTensors gradients = program.differentiate(inputs, cotangents);
  ASSERT_EQ(gradients.size(), arguments.size()) << text;
  constexpr double kStep = 1e-5;
  for (size_t i = 0; i < arguments.size(); ++i) {
    ReferenceTensor &input = inputs[arguments[i]];
    ASSERT_EQ(gradients[i].shape, input.shape) << text;
    for (int n = 0; n < 12 && !input.data.empty(); ++n) {
      int64_t element = pick(random, 0, input.data.size() - 1);
      double value = input.data[element];
      input.data[element] = value + kStep;
      double above = inner(program.evaluate(inputs), cotangents);
      input.data[element] = value - kStep;
      double below = inner(program.evaluate(inputs), cotangents);
      input.data[element] = value;
      double difference = (above - below) / (2 * kStep);
      ASSERT_NEAR(gradients[i].data[element], difference,
                  1e-6 * (1 + std::abs(difference)))
          << "argument " << arguments[i] << ", element " << element << "\n"
          << text;
    }
  }
}

TEST(ReferenceGradient, Attention) {
  for (unsigned number = 0; number < 120; ++number) {
    Random random(1000 + number);
    TestAttention a = randomAttention(random);
    ReferenceTensors inputs = {
        randomTensor(random, a.queryShape()),
        randomTensor(random, a.keyShape()), randomTensor(random, a.keyShape()),
        poisoned(a.queryShape()), poisoned(a.statsShape())};
    for (ReferenceTensor &tensor : a.extraInputs())
      inputs.push_back(std::move(tensor));
    ASSERT_NO_FATAL_FAILURE(
        checkGradients(a.forwardText(), inputs, {0, 1, 2}, random));
  }
}

TEST(ReferenceGradient, AttentionGradAgrees) {
  for (unsigned number = 0; number < 200; ++number) {
    Random random(2000 + number);
    TestAttention a = randomAttention(random);
    ReferenceTensors inputs = {
        randomTensor(random, a.queryShape()),
        randomTensor(random, a.keyShape()), randomTensor(random, a.keyShape()),
        poisoned(a.queryShape()), poisoned(a.statsShape())};
    ReferenceTensors extra = a.extraInputs();
    inputs.insert(inputs.end(), extra.begin(), extra.end());
    Program program(a.forwardText());
    ReferenceTensors results = program.evaluate(inputs);
    ReferenceTensors cotangents = {randomTensor(random, a.queryShape()),
                                   randomTensor(random, a.statsShape())};
    ReferenceTensors expected = program.differentiate(inputs, cotangents);

    ReferenceTensors gradientInputs = {inputs[0],
                                       inputs[1],
                                       inputs[2],
                                       results[0],
                                       results[1],
                                       cotangents[0],
                                       cotangents[1],
                                       poisoned(a.queryShape()),
                                       poisoned(a.keyShape()),
                                       poisoned(a.keyShape())};
    gradientInputs.insert(gradientInputs.end(), extra.begin(), extra.end());
    ReferenceTensors actual =
        Program(a.gradientText()).evaluate(gradientInputs);
    ASSERT_EQ(actual.size(), 3u);
    ASSERT_EQ(expected.size(), 3u);
    for (size_t i = 0; i < 3; ++i)
      ASSERT_NO_FATAL_FAILURE(
          expectNear(actual[i], expected[i], 1e-10, a.gradientText()));
  }
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

/// A chain of random elementwise ops on values of one type. Only `other`, which
/// is not near zero, is divided by, and there is one exponential at most, so
/// that differences remain meaningful.
static std::string randomElementwise(Random &random, std::string &value,
                                     const std::string &prefix,
                                     const std::string &other,
                                     const std::string &type) {
  static const char *const ops[] = {"arith.addf", "arith.subf", "arith.mulf",
                                    "arith.divf", "arith.negf", "math.exp"};
  std::string text;
  bool hasExp = false;
  for (int64_t n = pick(random, 0, 3); n > 0; --n) {
    int64_t kind = pick(random, 0, hasExp ? 4 : 5);
    std::string operands = value;
    if (kind < 4)
      operands = kind < 3 && pick(random, 0, 1) ? other + ", " + value
                                                : value + ", " + other;
    hasExp |= kind == 5;
    value = prefix + std::to_string(n);
    text +=
        "  " + value + " = " + ops[kind] + " " + operands + " : " + type + "\n";
  }
  return text;
}

/// Reorders q and k by a static and a runtime order, k and v are slices of
/// one tensor, q is used twice, and the result is restored.
static std::string randomProgram(Random &random) {
  const std::string t = "tensor<2x6x2x8xf32>", kv = "tensor<2x12x2x8xf32>";
  const std::string lt = "tensor<2x2x6xf32>";
  std::string q = "%qr", k = "%kr", out = "%p";
  int64_t stride = pick(random, 1, 2);
  int64_t offset = pick(random, 0, 12 - 1 - 5 * stride);
  std::string slice = "[0, " + std::to_string(offset) +
                      ", 0, 0] [2, 6, 2, 8]"
                      " [1, " +
                      std::to_string(stride) + ", 1, 1]";
  std::string text =
      "#h = #hilbert.order<hilbert, [2, 3]>\n"
      "func.func @f(%x: " +
      t + ", %kv: " + kv + ", %z: " + t +
      ", %table: tensor<2x6xi32>, %do: " + t + ", %dl: " + lt +
      ", %unused: tensor<3xf32>) -> (" + t + ", " + lt + ", " + t +
      ") {\n"
      "  %qr = hilbert.reorder %x dim 1 order(#h) : " +
      t +
      "\n"
      "  %k0 = tensor.extract_slice %kv" +
      slice + " : " + kv + " to " + t +
      "\n  %v0 = tensor.extract_slice %kv[0, 6, 0, 0] [2, 6, 2, 8]"
      " [1, 1, 1, 1] : " +
      kv + " to " + t +
      "\n"
      "  %kr = hilbert.restore %k0 dim 1 order(%table : tensor<2x6xi32>) : " +
      t + "\n";
  text += randomElementwise(random, q, "%qe", "%x", t);
  text += randomElementwise(random, k, "%ke", "%z", t);
  static const char *const patterns[] = {
      "", "pattern<(segment = 4, dilation = 2, offset = head)>",
      "pattern<(segment = 3) + (segment = dense, dilation = 2, mode = both)>",
      ("pattern<heads 1: (segment = 2), heads 1: (segment = 5, dilation = 3,"
       " mode = residues)> causal<token>")};
  text += "  %a:2 = hilbert.attention ins(" + q + ", " + k + ", %v0 : " + t +
          ", " + t + ", " + t + ") outs(%do, %dl : " + t + ", " + lt +
          ") order(out = #h) " + patterns[pick(random, 0, 3)] +
          "\n"
          "  %o = hilbert.restore %a#0 dim 1 order(#h) : " +
          t +
          "\n"
          "  %p = arith.mulf %o, %a#0 : " +
          t + "\n";
  text += randomElementwise(random, out, "%oe", "%x", t);
  text += "  %c = tensor.cast " + out + " : " + t +
          " to tensor<?x6x?x8xf32>\n"
          "  %i = tensor.insert_slice %k0 into %kv" +
          slice + " : " + t + " into " + kv +
          "\n"
          "  %j = tensor.extract_slice %i[0, 3, 0, 0] [2, 6, 2, 8]"
          " [1, 1, 1, 1] : " +
          kv + " to " + t +
          "\n"
          "  %m = tensor.collapse_shape %j [[0, 1], [2, 3]] : " +
          t +
          " into tensor<12x16xf32>\n"
          "  %n = tensor.expand_shape %m [[0, 1], [2, 3]] output_shape"
          " [2, 6, 2, 8] : tensor<12x16xf32> into " +
          t +
          "\n"
          "  %d = tensor.cast %c : tensor<?x6x?x8xf32> to " +
          t +
          "\n"
          "  return %d, %a#1, %n : " +
          t + ", " + lt + ", " + t + "\n}\n";
  return text;
}

TEST(ReferenceGradient, Programs) {
  for (unsigned number = 0; number < 60; ++number) {
    Random random(3000 + number);
    std::string text = randomProgram(random);
    ReferenceTensors inputs = {randomTensor(random, {2, 6, 2, 8}),
                               randomTensor(random, {2, 12, 2, 8}),
                               randomTensor(random, {2, 6, 2, 8}),
                               {{2, 6}, {5, 0, 3, 1, 4, 2, 1, 2, 0, 5, 3, 4}},
                               poisoned({2, 6, 2, 8}),
                               poisoned({2, 2, 6}),
                               randomTensor(random, {3})};
    // Away from zero, so that quotients and exponentials stay moderate.
    for (size_t i : {0, 1, 2})
      for (double &x : inputs[i].data)
        x = (x < 0 ? -1 : 1) * (1 + 0.3 * std::tanh(x));
    ASSERT_NO_FATAL_FAILURE(checkGradients(text, inputs, {0, 1, 2, 6}, random));
  }
}

TEST(ReferenceGradient, SumsAndZeros) {
  Program program("func.func @f(%x: tensor<2xf32>, %u: tensor<2xf32>,"
                  " %i: tensor<1xi32>, %s: f32) -> (tensor<2xf32>,"
                  " tensor<1xi32>, tensor<2xf32>) {\n"
                  "  %0 = arith.mulf %x, %x : tensor<2xf32>\n"
                  "  return %0, %i, %x : tensor<2xf32>, tensor<1xi32>,"
                  " tensor<2xf32>\n}\n");
  ReferenceTensors gradients = program.differentiate(
      {{{2}, {3, 5}}, {{2}, {1, 1}}, {{1}, {7}}, {{}, {2}}},
      {{{2}, {1, 10}}, {{2}, {100, 200}}});
  ASSERT_EQ(gradients.size(), 2u);
  EXPECT_EQ(gradients[0].data, (std::vector<double>{106, 300}));
  EXPECT_EQ(gradients[1].data, (std::vector<double>{0, 0}));
}
