//===- ErrorTest.cpp - Bad arguments of hilbertAttention ------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Problem.h"

#include <cstdlib>

using namespace capi;

namespace {
/// A change to a valid call, and what it is told.
struct Bad {
  std::function<void(Problem &)> change;
  HilbertStatus status;
  const char *message;
};

HilbertOrder tableOrder(int32_t *entries, std::vector<int64_t> shape) {
  HilbertOrder order = {};
  order.kind = HILBERT_ORDER_TABLE;
  order.table = describe(entries, HILBERT_I32, shape);
  return order;
}

int32_t outside[] = {0, 1, 2, 7, 4, 5, 6}, twice[] = {0, 1, 2, 2, 4, 5, 6};
} // namespace

/// B = 2, N = 7, H = 3, D = 8.
static const Bad kBad[] = {
    {[](Problem &p) { p.call.structSize = 8; }, HILBERT_INVALID_ARGUMENT,
     "structSize of HilbertAttention must be"},
    {[](Problem &p) { p.call.causal = HilbertCausality(3); },
     HILBERT_INVALID_ARGUMENT, "causal must be 0 to 2, but is 3"},
    {[](Problem &p) { p.call.layout = HilbertLayout(-1); },
     HILBERT_INVALID_ARGUMENT, "layout must be 0 or 1, but is -1"},
    {[](Problem &p) { p.call.scale = NAN; }, HILBERT_INVALID_ARGUMENT,
     "scale must be finite, but is nan"},
    {[](Problem &p) { p.call.scale = -INFINITY; }, HILBERT_INVALID_ARGUMENT,
     "scale must be finite, but is -inf"},
    {[](Problem &p) { p.call.q.rank = 3; }, HILBERT_INVALID_TYPE,
     "q must have rank 4, but has 3"},
    {[](Problem &p) { p.call.k.rank = 9; }, HILBERT_INVALID_TYPE,
     "k must have rank 4, but has 9"},
    {[](Problem &p) { p.call.q.shape[0] = p.call.q.shape[1] = INT64_MAX; },
     HILBERT_INVALID_ARGUMENT, "whose product fits 64 bits"},
    {[](Problem &p) { p.call.v.dtype = HilbertDType(99); },
     HILBERT_INVALID_TYPE, "v's dtype must be 0 to 5, but is 99"},
    {[](Problem &p) { p.call.q.dtype = HILBERT_F64; }, HILBERT_INVALID_TYPE,
     "q must be f16, bf16 or f32, but is f64"},
    {[](Problem &p) { p.call.v.dtype = HILBERT_F16; }, HILBERT_INVALID_TYPE,
     "v must have q's element type, f32, but has f16"},
    {[](Problem &p) { p.call.lse.dtype = HILBERT_F64; }, HILBERT_INVALID_TYPE,
     "lse must be f32, but is f64"},
    {[](Problem &p) { p.call.k.deviceType = HILBERT_CUDA; },
     HILBERT_UNSUPPORTED,
     "k must be in the CPU's memory, but is on device 0 of type 2"},
    {[](Problem &p) { p.call.q.shape[1] = -7; }, HILBERT_INVALID_ARGUMENT,
     "q must have sizes that are not negative and whose product fits 64 bits, "
     "but has shape [2, -7, 3, 8]"},
    {[](Problem &p) { p.call.q.data = nullptr; }, HILBERT_INVALID_ARGUMENT,
     "q must not be null"},
    {[](Problem &p) { p.call.lse.data = nullptr; }, HILBERT_INVALID_ARGUMENT,
     "lse must not be null"},
    {[](Problem &p) { p.call.q.shape[3] = 12; }, HILBERT_INVALID_ARGUMENT,
     "head dimension must be a multiple of 8 up to 256, but is 12"},
    {[](Problem &p) { p.call.q.shape[3] = 264; }, HILBERT_INVALID_ARGUMENT,
     "but is 264"},
    {[](Problem &p) { p.call.q.shape[3] = 0; }, HILBERT_INVALID_ARGUMENT,
     "but is 0"},
    {[](Problem &p) { p.call.k.shape[3] = 16; }, HILBERT_INVALID_ARGUMENT,
     "k must have q's head dimension, 8, but has 16"},
    {[](Problem &p) { p.call.v.strides[3] = 2; }, HILBERT_INVALID_ARGUMENT,
     "v's head dimension must have stride 1, but has 2"},
    {[](Problem &p) { p.call.q.strides[1] = 26; }, HILBERT_INVALID_ARGUMENT,
     "that of dimension 1 is 26 elements of 4 bytes"},
    {[](Problem &p) { p.call.out.strides[0] = 0; }, HILBERT_INVALID_ARGUMENT,
     "out is written, so it must have no stride of 0"},
    {[](Problem &p) { p.call.q.data = p.q.data() + 1; },
     HILBERT_INVALID_ARGUMENT,
     "q's data must be 16-byte aligned, but its address is 4 beyond"},
    {[](Problem &p) {
       p.call.lse.data = reinterpret_cast<char *>(p.lse.data()) + 2;
     },
     HILBERT_INVALID_ARGUMENT, "lse's data must be 4-byte aligned"},
    {[](Problem &p) { p.call.k.shape[0] = 1; }, HILBERT_INVALID_ARGUMENT,
     "k must have q's batch size, 2, but has 1"},
    {[](Problem &p) { p.call.k.shape[2] = p.call.v.shape[2] = 2; },
     HILBERT_INVALID_ARGUMENT, "multiple of k's, but are 3 and 2"},
    {[](Problem &p) { p.call.v.shape[1] = 6; }, HILBERT_INVALID_ARGUMENT,
     "v must have k's shape, [2, 7, 3, 8], but has [2, 6, 3, 8]"},
    {[](Problem &p) { p.call.out.shape[2] = 2; }, HILBERT_INVALID_ARGUMENT,
     "out must have q's shape"},
    {[](Problem &p) { p.call.lse.shape[1] = 7; }, HILBERT_INVALID_ARGUMENT,
     "lse must have shape [batch, heads, tokens], [2, 3, 7]"},
    {[](Problem &p) { p.call.lse.strides[1] = 8; }, HILBERT_INVALID_ARGUMENT,
     "lse must be contiguous"},
    {[](Problem &p) { p.call.out.data = p.call.k.data; },
     HILBERT_INVALID_ARGUMENT,
     "out is written, so it must not share memory "
     "with k"},
    // Orders.
    {[](Problem &p) { p.call.kvOrder.kind = HilbertOrderKind(3); },
     HILBERT_INVALID_ARGUMENT, "kv_order's kind must be 0 to 2, but is 3"},
    {[](Problem &p) {
       p.call.outOrder.kind = HILBERT_ORDER_STATIC;
       p.call.outOrder.spec = {HILBERT_CURVE_HILBERT, 2, {2, 3}, {}, 0};
     },
     HILBERT_INVALID_ARGUMENT,
     "out_order must have as many tokens as its "
     "tensor, 7, but has 6"},
    // Must not make the table, which has 8 GiB.
    {[](Problem &p) {
       p.call.qOrder.kind = HILBERT_ORDER_STATIC;
       p.call.qOrder.spec = {HILBERT_CURVE_MORTON, 1, {INT32_MAX}, {}, 0};
     },
     HILBERT_INVALID_ARGUMENT, "7, but has 2147483647"},
    {[](Problem &p) { p.call.kvOrder = tableOrder(outside, {6}); },
     HILBERT_INVALID_ARGUMENT, "[7], but has [6]"},
    {[](Problem &p) { p.call.kvOrder = tableOrder(outside, {1, 7}); },
     HILBERT_INVALID_ARGUMENT, "[2, 7], but has [1, 7]"},
    {[](Problem &p) { p.call.kvOrder = tableOrder(nullptr, {7}); },
     HILBERT_INVALID_ARGUMENT, "kv_order must not be null"},
    {[](Problem &p) { p.call.kvOrder = tableOrder(outside, {7}); },
     HILBERT_INVALID_ARGUMENT, "entry 3 is 7"},
    {[](Problem &p) {
       p.call.kvOrder = tableOrder(twice, {7});
       p.call.kvOrder.table.dtype = HILBERT_I64;
     },
     HILBERT_INVALID_TYPE, "kv_order must be i32, but is i64"},
    {[](Problem &p) {
       p.call.kvOrder = tableOrder(twice, {7});
       p.call.causal = HILBERT_CAUSAL_POSITION;
     },
     HILBERT_INVALID_ARGUMENT, "causal by position needs equal"},
    // Patterns.
    {[](Problem &p) { p.call.pattern = "segment = 4"; },
     HILBERT_INVALID_ARGUMENT, "pattern 'segment = 4' is not valid"},
    {[](Problem &p) { p.call.pattern = "(segment = 0)"; },
     HILBERT_INVALID_ARGUMENT, "segment must be positive, but got 0"},
    {[](Problem &p) {
       p.call.pattern = "(segment = 4, dilation = 2147483648)";
     },
     HILBERT_INVALID_ARGUMENT, "dilation must be at most 2147483647"},
    {[](Problem &p) { p.call.pattern = "(segment = 4)> : i32"; },
     HILBERT_INVALID_ARGUMENT, "is not valid"},
    {[](Problem &p) {
       p.call.pattern = "(segment = 4, dilation = 2, offset = [0, 1])";
     },
     HILBERT_INVALID_ARGUMENT, "each of q's 3 heads, but lists 2"},
    {[](Problem &p) { p.call.pattern = "heads 2: (segment = 4)"; },
     HILBERT_INVALID_ARGUMENT,
     "q's heads must be the 2 that the head groups cover"},
    {[](Problem &p) {
       p.call.pattern = "(segment = 4)";
       p.call.k.shape[1] = p.call.v.shape[1] = 5;
       p.grad.dk.shape[1] = p.grad.dv.shape[1] = 5;
     },
     HILBERT_INVALID_ARGUMENT, "have 7 and 5 and the shortest segment is 4"},
};

/// A call that fails must not write.
static void expectUntouched(Problem &p) {
  for (Array *array : {&p.out, &p.lse, &p.dq, &p.dk, &p.dv})
    EXPECT_TRUE(std::isnan(*array->data()));
}

TEST(Error, Forward) {
  for (const Bad &bad : kBad) {
    Problem p;
    bad.change(p);
    expectError(hilbertAttention(&p.call), bad.status, bad.message);
    expectUntouched(p);
  }
}

TEST(Error, Gradient) {
  for (const Bad &bad : kBad) {
    // The gradient only reads out.
    if (std::string(bad.message).find("out is written") == 0)
      continue;
    Problem p;
    bad.change(p);
    expectError(hilbertAttentionGrad(&p.grad), bad.status, bad.message);
    expectUntouched(p);
  }
  const Bad more[] = {
      {[](Problem &p) { p.grad.structSize = 1; }, HILBERT_INVALID_ARGUMENT,
       "structSize of HilbertAttentionGrad must be"},
      {[](Problem &p) { p.grad.dout.shape[1] = 6; }, HILBERT_INVALID_ARGUMENT,
       "dout must have out's shape"},
      {[](Problem &p) { p.grad.dlse.shape[0] = 1; }, HILBERT_INVALID_ARGUMENT,
       "dlse must have shape [batch, heads, tokens]"},
      {[](Problem &p) { p.grad.dk.shape[1] = 8; }, HILBERT_INVALID_ARGUMENT,
       "dk must have k's shape"},
      {[](Problem &p) { p.grad.dv.strides[1] = 0; }, HILBERT_INVALID_ARGUMENT,
       "dv is written, so it must have no stride of 0"},
      {[](Problem &p) { p.grad.dq.dtype = HILBERT_BF16; }, HILBERT_INVALID_TYPE,
       "dq must have q's element type, f32, but has bf16"},
      {[](Problem &p) { p.grad.dv.data = p.grad.dq.data; },
       HILBERT_INVALID_ARGUMENT,
       "dv is written, so it must not share memory "
       "with dq"},
      {[](Problem &p) { p.grad.dq.data = p.grad.dout.data; },
       HILBERT_INVALID_ARGUMENT,
       "dq is written, so it must not share memory "
       "with dout"},
  };
  for (const Bad &bad : more) {
    Problem p;
    bad.change(p);
    expectError(hilbertAttentionGrad(&p.grad), bad.status, bad.message);
    expectUntouched(p);
  }
}

TEST(Error, DuplicatesInTablesAreCheckedOnRequest) {
  Problem p;
  p.call.kvOrder = tableOrder(twice, {7});
  EXPECT_EQ(hilbertAttention(&p.call), HILBERT_OK) << hilbertGetErrorMessage();
  setenv("HILBERT_CHECK_ORDERS", "1", 1);
  expectError(hilbertAttention(&p.call), HILBERT_INVALID_ARGUMENT,
              "2 occurs twice");
  unsetenv("HILBERT_CHECK_ORDERS");
}

TEST(Error, NullArguments) {
  expectError(hilbertAttention(nullptr), HILBERT_INVALID_ARGUMENT,
              "attention must not be null");
  expectError(hilbertAttentionGrad(nullptr), HILBERT_INVALID_ARGUMENT,
              "grad must not be null");
  hilbertGetStatistics(nullptr);
}
