//===- AttentionTest.cpp - Attention against brute force ------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ReferenceTestUtil.h"

#include <cmath>
#include <limits>

using namespace hilbert;
using namespace hilbert::test;

static ReferenceTensors makeInputs(const TestAttention &a, Random &random) {
  ReferenceTensors inputs = {
      randomTensor(random, a.queryShape()), randomTensor(random, a.keyShape()),
      randomTensor(random, a.keyShape()), poisoned(a.queryShape()),
      poisoned(a.statsShape())};
  for (ReferenceTensor &tensor : a.extraInputs())
    inputs.push_back(std::move(tensor));
  return inputs;
}

TEST(ReferenceAttention, BruteForce) {
  for (unsigned number = 0; number < 400; ++number) {
    Random random(number);
    TestAttention a = randomAttention(random);
    std::string text = a.forwardText();
    Program program(text);
    ReferenceTensors inputs = makeInputs(a, random);
    ReferenceTensors results = program.evaluate(inputs);
    ReferenceTensors expected = a.bruteForce(inputs[0], inputs[1], inputs[2]);
    ASSERT_EQ(results.size(), 2u) << text;
    ASSERT_NO_FATAL_FAILURE(expectNear(results[0], expected[0], 1e-11, text));
    ASSERT_NO_FATAL_FAILURE(expectNear(results[1], expected[1], 1e-11, text));
    ASSERT_EQ(program.countFlops(inputs),
              double(4 * a.depth * a.bruteForcePairs()))
        << text;
  }
}

TEST(ReferenceAttention, FlopsOfGradients) {
  for (unsigned number = 0; number < 50; ++number) {
    Random random(number);
    TestAttention a = randomAttention(random);
    Program program(a.gradientText());
    ReferenceTensors inputs = makeInputs(a, random);
    for (const std::vector<int64_t> &shape :
         {a.keyShape(), a.keyShape(), a.queryShape(), a.statsShape(),
          a.queryShape()})
      inputs.insert(inputs.begin() + 5, poisoned(shape));
    ASSERT_EQ(program.countFlops(inputs),
              double(10 * a.depth * a.bruteForcePairs()))
        << a.gradientText();
  }
}

/// Problems whose pairs are too many to enumerate.
TEST(ReferenceAttention, FlopsOfLongSequences) {
  TestAttention a;
  a.batch = 4;
  a.queryHeads = a.keyHeads = 16;
  a.queries = a.keys = int64_t(1) << 20;
  a.depth = 128;
  auto flops = [&]() {
    ReferenceTensors inputs = {{a.queryShape(), {}},
                               {a.keyShape(), {}},
                               {a.keyShape(), {}},
                               {a.queryShape(), {}},
                               {a.statsShape(), {}}};
    return Program(a.forwardText()).countFlops(inputs);
  };
  double n = double(a.keys), heads = 64, perPair = 512;
  EXPECT_EQ(flops(), perPair * heads * n * n);
  a.causal = "position";
  EXPECT_EQ(flops(), perPair * heads * (n * (n + 1) / 2));
  TestBranch branch;
  branch.segment = 1000;
  branch.dilation = 2;
  a.groups = {{16, {branch}}};
  a.causal = "none";
  // 1048 full segments and one of 576.
  EXPECT_EQ(flops(), perPair * heads * (1048. * 1000 * 500 + 576. * 288));
}

TEST(ReferenceAttention, KeysOutsideTheSet) {
  // The second half and the odd positions hold no key of queries 0 to 3.
  TestAttention a;
  a.queries = a.keys = 8;
  a.queryOrder.entries = a.keyOrder.entries =
      a.outOrder.entries = {{0, 1, 2, 3, 4, 5, 6, 7}};
  TestBranch branch;
  branch.segment = 4;
  branch.dilation = 2;
  a.groups = {{1, {branch}}};
  Random random(1);
  ReferenceTensors inputs = makeInputs(a, random);
  ReferenceTensors clean = Program(a.forwardText()).evaluate(inputs);
  double bad[] = {std::numeric_limits<double>::quiet_NaN(),
                  std::numeric_limits<double>::infinity()};
  for (int64_t token : {1, 3, 5, 7})
    for (int64_t d = 0; d < 8; ++d) {
      inputs[1].data[token * 8 + d] = bad[d % 2];
      inputs[2].data[token * 8 + d] = bad[d % 2];
    }
  Program program(a.forwardText());
  ReferenceTensors results = program.evaluate(inputs);
  expectNear(results[0], clean[0], 0, "out");
  expectNear(results[1], clean[1], 0, "lse");

  ReferenceTensors gradients =
      program.differentiate(inputs, {randomTensor(random, a.queryShape()),
                                     randomTensor(random, a.statsShape())});
  ASSERT_EQ(gradients.size(), 3u);
  for (const ReferenceTensor &gradient : gradients)
    for (double x : gradient.data)
      EXPECT_TRUE(std::isfinite(x));
  for (int64_t token : {1, 3, 5, 7})
    for (int64_t d = 0; d < 8; ++d) {
      EXPECT_EQ(gradients[1].data[token * 8 + d], 0);
      EXPECT_EQ(gradients[2].data[token * 8 + d], 0);
    }
}

TEST(ReferenceAttention, EmptySets) {
  // Positions of odd residue take no part.
  TestAttention a;
  a.queries = a.keys = 4;
  TestBranch branch;
  branch.dilation = 2;
  branch.mode = "both";
  a.groups = {{1, {branch}}};
  Random random(2);
  ReferenceTensors inputs = makeInputs(a, random);
  Program program(a.forwardText());
  ReferenceTensors results = program.evaluate(inputs);
  // Not even what comes from outside reaches a query without keys.
  ReferenceTensors cotangents = {poisoned(a.queryShape()),
                                 poisoned(a.statsShape())};
  for (int64_t token : {0, 2}) {
    cotangents[1].data[token] = 1;
    std::fill_n(cotangents[0].data.begin() + token * 8, 8, 1.0);
  }
  ReferenceTensors gradients = program.differentiate(inputs, cotangents);
  for (int64_t token : {1, 3}) {
    EXPECT_EQ(results[1].data[token], -std::numeric_limits<double>::infinity());
    for (int64_t d = 0; d < 8; ++d) {
      EXPECT_EQ(results[0].data[token * 8 + d], 0);
      for (const ReferenceTensor &gradient : gradients)
        EXPECT_EQ(gradient.data[token * 8 + d], 0);
    }
  }
}

TEST(ReferenceAttention, LargeScores) {
  TestAttention a;
  a.queries = a.keys = 4;
  a.hasScale = true;
  a.scale = 1e4;
  Random random(3);
  ReferenceTensors inputs = makeInputs(a, random);
  ReferenceTensors results = Program(a.forwardText()).evaluate(inputs);
  for (double x : results[0].data)
    EXPECT_TRUE(std::isfinite(x));
}

TEST(ReferenceAttention, NoTokens) {
  TestAttention a;
  a.queries = a.keys = 0;
  Random random(4);
  for (int64_t batch : {0, 1}) {
    a.batch = batch;
    a.queries = a.keys = batch ? 0 : 5;
    Program program(a.forwardText());
    ReferenceTensors inputs = makeInputs(a, random);
    ReferenceTensors results = program.evaluate(inputs);
    EXPECT_EQ(results[0].shape, a.queryShape());
    EXPECT_EQ(results[1].shape, a.statsShape());
    EXPECT_EQ(program.countFlops(inputs), 0);
    EXPECT_EQ(program.differentiate(inputs, results).size(), 3u);
  }
  // Queries without a single key.
  a.batch = 1;
  a.queries = 3;
  a.keys = 0;
  ReferenceTensors results =
      Program(a.forwardText()).evaluate(makeInputs(a, random));
  for (double x : results[0].data)
    EXPECT_EQ(x, 0);
  for (double x : results[1].data)
    EXPECT_EQ(x, -std::numeric_limits<double>::infinity());
}
