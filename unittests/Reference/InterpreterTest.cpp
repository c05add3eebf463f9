//===- InterpreterTest.cpp - Single ops and errors ------------------------===//
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

TEST(ReferenceOps, Orders) {
  Program program(
      "#s = #hilbert.order<snake, [2, 2]>\n"
      "func.func @f(%x: tensor<4x2xf32>, %y: tensor<2x3xi32>,"
      " %t: tensor<2x3xi32>) -> (tensor<4x2xf32>, tensor<4x2xf32>,"
      " tensor<2x3xi32>, tensor<2x3xi32>, tensor<4xi32>) {\n"
      "  %0 = hilbert.reorder %x dim 0 order(#s) : tensor<4x2xf32>\n"
      "  %1 = hilbert.restore %0 dim 0 order(#s) : tensor<4x2xf32>\n"
      "  %2 = hilbert.reorder %y dim 1 order(%t : tensor<2x3xi32>)"
      " : tensor<2x3xi32>\n"
      "  %3 = hilbert.restore %y dim 1 order(%t : tensor<2x3xi32>)"
      " : tensor<2x3xi32>\n"
      "  %4 = hilbert.permutation order(#s) : tensor<4xi32>\n"
      "  return %0, %1, %2, %3, %4 : tensor<4x2xf32>, tensor<4x2xf32>,"
      " tensor<2x3xi32>, tensor<2x3xi32>, tensor<4xi32>\n}\n");
  ReferenceTensor x{{4, 2}, {0, 1, 10, 11, 20, 21, 30, 31}};
  ReferenceTensors results = program.evaluate(
      {x, {{2, 3}, {0, 1, 2, 3, 4, 5}}, {{2, 3}, {1, 2, 0, 0, 2, 1}}});
  ASSERT_EQ(results.size(), 5u);
  EXPECT_EQ(results[0].data,
            (std::vector<double>{0, 1, 10, 11, 30, 31, 20, 21}));
  EXPECT_EQ(results[1].data, x.data);
  EXPECT_EQ(results[2].data, (std::vector<double>{1, 2, 0, 3, 5, 4}));
  EXPECT_EQ(results[3].data, (std::vector<double>{2, 0, 1, 3, 5, 4}));
  EXPECT_EQ(results[4].data, (std::vector<double>{0, 1, 3, 2}));
}

TEST(ReferenceOps, Tensors) {
  Program program(
      "func.func @f(%x: tensor<?x4xf32>, %s: f32, %n: index)"
      " -> (tensor<?xf32>, tensor<2xf32>, tensor<?x4xf32>, tensor<?xf32>,"
      " tensor<2x2x4xf32>, index) {\n"
      "  %c0 = arith.constant 0 : index\n"
      "  %d = tensor.dim %x, %c0 : tensor<?x4xf32>\n"
      "  %e = tensor.empty(%n) : tensor<?xf32>\n"
      "  %row = tensor.extract_slice %x[2, 1] [1, 2] [1, 2]"
      " : tensor<?x4xf32> to tensor<2xf32>\n"
      "  %i = tensor.insert_slice %row into %x[0, 0] [1, 2] [1, 1]"
      " : tensor<2xf32> into tensor<?x4xf32>\n"
      "  %two = arith.constant 2.0 : f32\n"
      "  %t = arith.mulf %s, %two : f32\n"
      "  %p = tensor.splat %t[%n] : tensor<?xf32>\n"
      "  %st = tensor.cast %x : tensor<?x4xf32> to tensor<4x4xf32>\n"
      "  %b = tensor.expand_shape %st [[0, 1], [2]] output_shape [2, 2, 4]"
      " : tensor<4x4xf32> into tensor<2x2x4xf32>\n"
      "  return %e, %row, %i, %p, %b, %d : tensor<?xf32>, tensor<2xf32>,"
      " tensor<?x4xf32>, tensor<?xf32>, tensor<2x2x4xf32>, index\n}\n");
  ReferenceTensor x{{4, 4}, {}};
  for (int i = 0; i < 16; ++i)
    x.data.push_back(i);
  ReferenceTensors results = program.evaluate({x, {{}, {3}}, {{}, {2}}});
  ASSERT_EQ(results.size(), 6u);
  EXPECT_EQ(results[0].shape, (std::vector<int64_t>{2}));
  EXPECT_TRUE(std::isnan(results[0].data[0]));
  EXPECT_EQ(results[1].data, (std::vector<double>{9, 11}));
  EXPECT_EQ(results[2].data[0], 9);
  EXPECT_EQ(results[2].data[1], 11);
  EXPECT_EQ(results[2].data[2], 2);
  EXPECT_EQ(results[3].data, (std::vector<double>{6, 6}));
  EXPECT_EQ(results[4].data, x.data);
  EXPECT_EQ(results[4].shape, (std::vector<int64_t>{2, 2, 4}));
  EXPECT_EQ(results[5].data, (std::vector<double>{4}));
}

TEST(ReferenceOps, ArithmeticAndConstants) {
  Program program(
      "func.func @f(%x: tensor<2xf16>) -> (tensor<2xf16>, tensor<2xi64>,"
      " tensor<2xi1>, tensor<2xf32>) {\n"
      "  %w = arith.extf %x : tensor<2xf16> to tensor<2xf32>\n"
      "  %c = arith.constant dense<[0.5, 4.0]> : tensor<2xf32>\n"
      "  %s = arith.subf %w, %c : tensor<2xf32>\n"
      "  %q = arith.divf %s, %c : tensor<2xf32>\n"
      "  %n = arith.negf %q : tensor<2xf32>\n"
      "  %r = arith.truncf %n : tensor<2xf32> to tensor<2xf16>\n"
      "  %i = arith.constant dense<[-3, 5]> : tensor<2xi64>\n"
      "  %b = arith.constant dense<[true, false]> : tensor<2xi1>\n"
      "  %z = arith.constant dense<0.0> : tensor<2xf32>\n"
      "  %e = math.exp %z : tensor<2xf32>\n"
      "  return %r, %i, %b, %e : tensor<2xf16>, tensor<2xi64>, tensor<2xi1>,"
      " tensor<2xf32>\n}\n");
  // Casts do not round: 1/3 stays what it is.
  double third = 1.0 / 3;
  ReferenceTensors results = program.evaluate({{{2}, {third, 1}}});
  EXPECT_EQ(results[0].data,
            (std::vector<double>{-((third - 0.5) / 0.5), 0.75}));
  EXPECT_EQ(results[1].data, (std::vector<double>{-3, 5}));
  EXPECT_EQ(results[2].data, (std::vector<double>{1, 0}));
  EXPECT_EQ(results[3].data, (std::vector<double>{1, 1}));
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

static void expectContains(const std::string &text, const std::string &part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

// A tensor keeps what its memref was when it was read.
TEST(ReferenceOps, Memrefs) {
  Program program(
      "func.func @f(%a: memref<2xf32>, %b: memref<2xf32>, %c: memref<2xf32>)"
      " -> tensor<2xf32> {\n"
      "  %x = bufferization.to_tensor %a : memref<2xf32> to tensor<2xf32>\n"
      "  %y = arith.addf %x, %x : tensor<2xf32>\n"
      "  bufferization.materialize_in_destination %y in restrict writable %a"
      " : (tensor<2xf32>, memref<2xf32>) -> ()\n"
      "  %z = bufferization.to_tensor %a : memref<2xf32> to tensor<2xf32>\n"
      "  %w = arith.subf %z, %x : tensor<2xf32>\n"
      "  bufferization.materialize_in_destination %z in restrict writable %c"
      " : (tensor<2xf32>, memref<2xf32>) -> ()\n"
      "  return %w : tensor<2xf32>\n}\n");
  ReferenceTensors results =
      program.evaluate({{{2}, {1, 2}}, {{2}, {7, 7}}, {{2}, {8, 8}}});
  // The result, then a and c, which are written; not b.
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0].data, (std::vector<double>{1, 2}));
  EXPECT_EQ(results[1].data, (std::vector<double>{2, 4}));
  EXPECT_EQ(results[2].data, (std::vector<double>{2, 4}));
}

TEST(ReferenceErrors, Inputs) {
  Program program("func.func @f(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {\n"
                  "  return %x : tensor<?x2xf32>\n}\n");
  expectContains(program.evaluationError({}), "takes 1 inputs, but got 0");
  expectContains(program.evaluationError({{{2}, {0, 0}}}),
                 "input 0 has the shape [2]");
  expectContains(program.evaluationError({{{1, 3}, {0, 0, 0}}}),
                 "input 0 has the shape [1, 3]");
  expectContains(program.evaluationError({{{1, 2}, {0}}}),
                 "input 0 has 1 elements");
  ReferenceTensor x{{1, 2}, {1, 2}};
  expectContains(program.differentiationError({x}, {}), "got 0 cotangents");
  expectContains(program.differentiationError({x}, {x, x}), "got 2 cotangents");
  expectContains(program.differentiationError({x}, {{{2, 1}, {1, 2}}}),
                 "cotangent 0 has the shape [2, 1]");
}

TEST(ReferenceErrors, UnknownOps) {
  Program unknown("func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {\n"
                  "  %0 = math.sqrt %x : tensor<2xf32>\n"
                  "  return %0 : tensor<2xf32>\n}\n");
  expectContains(unknown.evaluationError({{{2}, {1, 2}}}), "'math.sqrt'");
  Program declaration("func.func private @f(tensor<2xf32>)\n");
  expectContains(declaration.evaluationError({{{2}, {1, 2}}}), "one block");
}

TEST(ReferenceErrors, AttentionGradHasNoGradient) {
  Program program(TestAttention().gradientText());
  TestAttention a;
  ReferenceTensor q = poisoned(a.queryShape()), l = poisoned(a.statsShape());
  expectContains(
      program.differentiationError({q, q, q, q, l, q, l, q, q, q}, {q, q, q}),
      "'hilbert.attention_grad'");
}

TEST(ReferenceErrors, Tables) {
  Program program("func.func @f(%x: tensor<2x?xf32>, %t: tensor<?x?xi32>)"
                  " -> tensor<2x?xf32> {\n"
                  "  %0 = hilbert.reorder %x dim 1 order(%t : tensor<?x?xi32>)"
                  " : tensor<2x?xf32>\n"
                  "  return %0 : tensor<2x?xf32>\n}\n");
  ReferenceTensor x{{2, 3}, {1, 2, 3, 4, 5, 6}};
  std::string message =
      program.evaluationError({x, {{2, 3}, {0, 1, 2, 2, 3, 0}}});
  expectContains(message, "'hilbert.reorder'");
  expectContains(message, "order of batch item 1");
  expectContains(message, "entry 1 is 3");
  expectContains(program.evaluationError({x, {{2, 3}, {0, 1, 1, 0, 1, 2}}}),
                 "occurs twice");
  expectContains(program.evaluationError({x, {{2, 3}, {0, 1, .5, 0, 1, 2}}}),
                 "not an i32");
  expectContains(program.evaluationError({x, {{2, 2}, {0, 1, 0, 1}}}),
                 "has the shape [2, 2]");

  TestAttention a;
  a.queries = a.keys = 3;
  a.keyOrder.isTable = true;
  a.keyOrder.entries = {{0, 7, 1}};
  ReferenceTensor q = poisoned(a.queryShape()), l = poisoned(a.statsShape());
  message = Program(a.forwardText())
                .evaluationError({q, q, q, q, l, a.extraInputs().front()});
  expectContains(message, "'hilbert.attention': kv order");
  expectContains(message, "entry 1 is 7");
}

TEST(ReferenceErrors, DynamicSizes) {
  const std::string t = "tensor<?x?x?x8xf32>", l = "tensor<?x?x?xf32>";
  Program program(
      "func.func @f(%q: " + t + ", %k: " + t + ", %v: " + t + ", %o: " + t +
      ", %l: " + l + ") -> " + t +
      " {\n"
      "  %r:2 = hilbert.attention ins(%q, %k, %v : " +
      t + ", " + t + ", " + t + ") outs(%o, %l : " + t + ", " + l +
      ") pattern<heads 2: (segment = 2),"
      " heads 1: (segment = dense, dilation = 4, offset = [0, 1, 2])>\n"
      "  return %r#0 : " +
      t + "\n}\n");
  auto run = [&](std::vector<int64_t> q, std::vector<int64_t> k,
                 std::vector<int64_t> v, std::vector<int64_t> stats) {
    return program.evaluationError(
        {poisoned(q), poisoned(k), poisoned(v), poisoned(q), poisoned(stats)});
  };
  EXPECT_EQ(run({1, 4, 3, 8}, {1, 4, 3, 8}, {1, 4, 3, 8}, {1, 3, 4}),
            "no error");
  expectContains(run({1, 4, 3, 8}, {2, 4, 3, 8}, {2, 4, 3, 8}, {1, 3, 4}),
                 "k has the shape");
  expectContains(run({1, 4, 3, 8}, {1, 4, 2, 8}, {1, 4, 2, 8}, {1, 3, 4}),
                 "not a multiple of 2 key heads");
  expectContains(run({1, 4, 3, 8}, {1, 4, 3, 8}, {1, 5, 3, 8}, {1, 3, 4}),
                 "v has the shape");
  expectContains(run({1, 4, 3, 8}, {1, 4, 3, 8}, {1, 4, 3, 8}, {1, 4, 3}),
                 "lse has the shape");
  expectContains(run({1, 4, 3, 8}, {1, 5, 3, 8}, {1, 5, 3, 8}, {1, 3, 4}),
                 "a segment of 2 does not cover");
  expectContains(run({1, 4, 4, 8}, {1, 4, 4, 8}, {1, 4, 4, 8}, {1, 4, 4}),
                 "head groups cover 3 of 4");
}

TEST(ReferenceErrors, Shapes) {
  Program slice(
      "func.func @f(%x: tensor<?xf32>, %n: index) -> tensor<?xf32> {\n"
      "  %0 = tensor.extract_slice %x[%n] [%n] [1]"
      " : tensor<?xf32> to tensor<?xf32>\n"
      "  return %0 : tensor<?xf32>\n}\n");
  expectContains(slice.evaluationError({{{3}, {1, 2, 3}}, {{}, {2}}}),
                 "'tensor.extract_slice'");
  Program add("func.func @f(%x: tensor<?xf32>, %y: tensor<?xf32>)"
              " -> tensor<?xf32> {\n"
              "  %0 = arith.addf %x, %y : tensor<?xf32>\n"
              "  return %0 : tensor<?xf32>\n}\n");
  expectContains(add.evaluationError({{{2}, {1, 2}}, {{1}, {2}}}),
                 "'arith.addf': operands have the shapes [2] and [1]");
  Program cast("func.func @f(%x: tensor<?xf32>) -> tensor<2xf32> {\n"
               "  %0 = tensor.cast %x : tensor<?xf32> to tensor<2xf32>\n"
               "  return %0 : tensor<2xf32>\n}\n");
  expectContains(cast.evaluationError({{{1}, {1}}}), "'tensor.cast'");
}
