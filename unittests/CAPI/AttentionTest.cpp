//===- AttentionTest.cpp - Tests of hilbertAttention ----------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Problem.h"

using namespace capi;

TEST(Attention, Dense) {
  Problem p;
  ASSERT_EQ(hilbertAttention(&p.call), HILBERT_OK) << hilbertGetErrorMessage();
  p.check();
}

TEST(Attention, Gradient) {
  Problem p;
  ASSERT_EQ(hilbertAttention(&p.call), HILBERT_OK) << hilbertGetErrorMessage();
  ASSERT_EQ(hilbertAttentionGrad(&p.grad), HILBERT_OK)
      << hilbertGetErrorMessage();
  p.check([](int64_t, int64_t) { return true; }, /*withGradient=*/true);
}

TEST(Attention, SegmentsOfAStaticOrder) {
  Problem p(1, 35);
  p.call.pattern = "(segment = 8, dilation = 3)";
  HilbertOrder order = {};
  order.kind = HILBERT_ORDER_STATIC;
  order.spec = {HILBERT_CURVE_SNAKE, 2, {5, 7}, {}, 0};
  p.call.qOrder = p.call.kvOrder = p.call.outOrder = order;
  ASSERT_EQ(hilbertAttention(&p.call), HILBERT_OK) << hilbertGetErrorMessage();
  // Odd rows run backwards.
  auto position = [](int64_t token) {
    int64_t row = token / 7, column = token % 7;
    return row * 7 + (row % 2 ? 6 - column : column);
  };
  p.check([&](int64_t query, int64_t key) {
    int64_t a = position(query), b = position(key);
    return a / 8 == b / 8 && b % 8 % 3 == 0;
  });
}

TEST(Attention, TableForEachBatchItem) {
  Problem p(2, 9);
  p.call.pattern = "(segment = 4)";
  p.call.causal = HILBERT_CAUSAL_POSITION;
  // Both rows are the order in which p.check sees positions: backwards.
  std::vector<int32_t> table;
  for (int i = 0; i < 18; ++i)
    table.push_back(8 - i % 9);
  HilbertOrder order = {};
  order.kind = HILBERT_ORDER_TABLE;
  order.table = describe(table.data(), HILBERT_I32, {2, 9});
  p.call.qOrder = p.call.kvOrder = p.call.outOrder = order;
  ASSERT_EQ(hilbertAttention(&p.call), HILBERT_OK) << hilbertGetErrorMessage();
  p.check([](int64_t query, int64_t key) {
    return (8 - query) / 4 == (8 - key) / 4 && 8 - key <= 8 - query;
  });
}

TEST(Attention, DilationsBeyondTheSegment) {
  for (const char *mode : {"keys", "residues"}) {
    Problem p;
    std::string pattern = std::string("(segment = dense, dilation = "
                                      "2147483647, mode = ") +
                          mode + ")";
    p.call.pattern = pattern.c_str();
    ASSERT_EQ(hilbertAttention(&p.call), HILBERT_OK)
        << hilbertGetErrorMessage();
    ASSERT_EQ(hilbertAttentionGrad(&p.grad), HILBERT_OK)
        << hilbertGetErrorMessage();
    bool isKeys = *mode == 'k';
    p.check([&](int64_t i, int64_t j) { return j == (isKeys ? 0 : i); },
            /*withGradient=*/true);
  }
}

TEST(Attention, LayoutByStrides) {
  // The memory of [B, N, H, D], described as [B, H, N, D].
  Problem p;
  for (HilbertTensor *tensor : {&p.call.q, &p.call.k, &p.call.v, &p.call.out}) {
    std::swap(tensor->shape[1], tensor->shape[2]);
    std::swap(tensor->strides[1], tensor->strides[2]);
  }
  p.call.layout = HILBERT_BHND;
  ASSERT_EQ(hilbertAttention(&p.call), HILBERT_OK) << hilbertGetErrorMessage();
  p.check();
}

TEST(Attention, StridesOfSingleElementsDoNotMatter) {
  Problem p(1, 5, 1);
  for (HilbertTensor *tensor : {&p.call.q, &p.call.k, &p.call.v, &p.call.out})
    tensor->strides[0] = INT64_MAX, tensor->strides[2] = -3;
  ASSERT_EQ(hilbertAttention(&p.call), HILBERT_OK) << hilbertGetErrorMessage();
  p.check();
}

TEST(Attention, Empty) {
  for (auto [batch, tokens, heads] :
       {std::tuple{0, 7, 3}, std::tuple{2, 0, 3}, std::tuple{2, 7, 0}}) {
    Problem p(batch, tokens, heads);
    for (HilbertTensor *tensor : {&p.call.q, &p.call.out, &p.call.lse})
      tensor->data = nullptr;
    EXPECT_EQ(hilbertAttention(&p.call), HILBERT_OK)
        << hilbertGetErrorMessage();
    EXPECT_EQ(hilbertAttentionGrad(&p.grad), HILBERT_OK)
        << hilbertGetErrorMessage();
  }
}

TEST(Attention, QueriesWithoutKeys) {
  Problem p(1, 3, 1);
  p.call.k.shape[1] = p.call.v.shape[1] = 0;
  ASSERT_EQ(hilbertAttention(&p.call), HILBERT_OK) << hilbertGetErrorMessage();
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(p.lse.data()[i], -INFINITY);
  for (int i = 0; i < 24; ++i)
    EXPECT_EQ(p.out.data()[i], 0);
}

TEST(Attention, KeysWithoutQueries) {
  Problem p(1, 3, 1);
  for (HilbertTensor *tensor :
       {&p.call.q, &p.call.out, &p.grad.dout, &p.grad.dq})
    tensor->shape[1] = 0;
  p.call.lse.shape[2] = p.grad.dlse.shape[2] = 0;
  ASSERT_EQ(hilbertAttentionGrad(&p.grad), HILBERT_OK)
      << hilbertGetErrorMessage();
  for (int i = 0; i < 24; ++i) {
    EXPECT_EQ(p.dk.data()[i], 0);
    EXPECT_EQ(p.dv.data()[i], 0);
  }
}

TEST(Attention, SizesAndScalesDoNotCompile) {
  auto run = [](Problem &p, const char *pattern) {
    p.call.pattern = pattern;
    EXPECT_EQ(hilbertAttention(&p.call), HILBERT_OK)
        << hilbertGetErrorMessage();
    HilbertStatistics now;
    hilbertGetStatistics(&now);
    return now;
  };
  Problem first, longer(1, 33), wider(5, 7, 2), other;
  const char *pattern = "(segment = 5)";
  int64_t made = run(first, pattern).compilations;
  other.call.scale = 3;
  for (Problem *p : {&longer, &wider, &other}) {
    HilbertStatistics before, after;
    hilbertGetStatistics(&before);
    after = run(*p, pattern);
    EXPECT_EQ(after.compilations, made);
    EXPECT_EQ(after.memoryHits, before.memoryHits + 1);
    p->check([](int64_t i, int64_t j) { return i / 5 == j / 5; });
  }
  // The test runs without a cache folder.
  EXPECT_EQ(run(first, "(segment = 6)").compilations, made + 1);
  Problem deeper(1, 7, 1, 16);
  EXPECT_EQ(run(deeper, pattern).compilations, made + 2);
}
