//===- NumbersTest.cpp - Orders, patterns and layouts by the definition ---===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Problem.h"

#include <algorithm>
#include <cstring>
#include <numeric>

using namespace capi;

namespace {
struct Branch {
  int64_t segment, dilation;
  const char *mode = "keys", *offset = "zero";

  /// The offset of a head of `heads`; listed ones are h + 1 modulo the
  /// dilation.
  int64_t offsetOf(int64_t h, int64_t heads) const {
    std::string rule = offset;
    return rule == "head"      ? h % dilation
           : rule == "longnet" ? h / ((heads + dilation - 1) / dilation)
           : rule == "list"    ? (h + 1) % dilation
                               : 0;
  }
  bool meets(int64_t h, int64_t heads, int64_t p, int64_t other) const {
    if (p / segment != other / segment)
      return false;
    int64_t a = p % segment % dilation, b = other % segment % dilation;
    if (*mode == 'r')
      return a == b;
    int64_t o = offsetOf(h, heads);
    return b == o && (*mode == 'k' || a == o);
  }
  std::string text(int64_t heads) const {
    std::string list = offset;
    if (list == "list") {
      list = "[";
      for (int64_t h = 0; h < heads; ++h)
        list += (h ? ", " : "") + std::to_string(offsetOf(h, heads));
      list += "]";
    }
    return "(segment = " + std::to_string(segment) +
           ", dilation = " + std::to_string(dilation) + ", mode = " + mode +
           (*mode == 'r' ? "" : ", offset = " + list) + ")";
  }
};

/// Row-major; a curve; a table for all batch items, for each, or for the
/// queries alone.
enum Tables { None, Static, Shared, Batched, QueriesOnly };

struct Case {
  int64_t batch, tokens, heads, keyHeads, depth;
  HilbertDType dtype;
  HilbertLayout layout;
  HilbertCausality causal;
  Tables tables;
  bool hasDlse;
  std::vector<Branch> branches;
};

using Values = std::vector<double>;

float fromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

/// A [B, N, H, D] part of a packed buffer [B, N, all heads, D], and what it
/// must hold.
class Part {
public:
  Part(const Case &c, HilbertTensor packed, int64_t first, int64_t heads)
      : heads(heads), tensor(packed) {
    tensor.data = static_cast<char *>(packed.data) +
                  first * c.depth * (c.dtype == HILBERT_F32 ? 4 : 2);
    tensor.shape[2] = heads;
    wanted.resize(c.batch * c.tokens * heads * c.depth);
    if (c.layout == HILBERT_BHND) {
      std::swap(tensor.shape[1], tensor.shape[2]);
      std::swap(tensor.strides[1], tensor.strides[2]);
    }
    headDim = c.layout == HILBERT_BHND ? 1 : 2;
  }
  double get(int64_t b, int64_t n, int64_t h, int64_t d) const {
    int64_t at = b * tensor.strides[0] + n * tensor.strides[3 - headDim] +
                 h * tensor.strides[headDim] + d;
    if (tensor.dtype == HILBERT_F32)
      return static_cast<const float *>(tensor.data)[at];
    if (tensor.dtype == HILBERT_F16)
      return static_cast<const _Float16 *>(tensor.data)[at];
    return fromBits(uint32_t(static_cast<uint16_t *>(tensor.data)[at]) << 16);
  }
  double &want(int64_t b, int64_t n, int64_t h, int64_t d) {
    return wanted[((b * tensor.shape[3 - headDim] + n) * heads + h) *
                      tensor.shape[3] +
                  d];
  }
  void check(const char *name, double tolerance) {
    for (int64_t b = 0; b < tensor.shape[0]; ++b)
      for (int64_t n = 0; n < tensor.shape[3 - headDim]; ++n)
        for (int64_t h = 0; h < heads; ++h)
          for (int64_t d = 0; d < tensor.shape[3]; ++d)
            ASSERT_NEAR(get(b, n, h, d), want(b, n, h, d),
                        tolerance * (1 + std::abs(want(b, n, h, d))))
                << name << " at " << b << ' ' << n << ' ' << h << ' ' << d;
  }

  int64_t heads;
  int headDim;
  HilbertTensor tensor;
  Values wanted;
};

std::mt19937 generator;

/// [B, N, heads, D] of a type; poison, or random.
class Packed {
public:
  Packed(const Case &c, int64_t heads, bool isRandom)
      : storage(c.batch * c.tokens * heads * c.depth * 4 + 16, char(0xff)) {
    auto begin = (reinterpret_cast<uintptr_t>(storage.data()) + 15) & ~15ull;
    tensor = describe(reinterpret_cast<void *>(begin), c.dtype,
                      {c.batch, c.tokens, heads, c.depth});
    std::normal_distribution<float> normal;
    for (int64_t i = 0; isRandom && i < c.batch * tensor.strides[0]; ++i) {
      float value = normal(generator);
      uint32_t bits;
      std::memcpy(&bits, &value, 4);
      if (c.dtype == HILBERT_F32)
        static_cast<float *>(tensor.data)[i] = value;
      else if (c.dtype == HILBERT_F16)
        static_cast<_Float16 *>(tensor.data)[i] = value;
      else
        static_cast<uint16_t *>(tensor.data)[i] = bits >> 16;
    }
  }
  HilbertTensor tensor;

private:
  std::vector<char> storage;
};
} // namespace

/// Runs the forward and the gradient of random arguments, and compares all
/// results with the definition in float64.
static void run(const Case &c) {
  Packed in(c, c.heads + 2 * c.keyHeads, true), dOut(c, c.heads, true);
  Packed outs(c, c.heads, false), grads(c, c.heads + 2 * c.keyHeads, false);
  auto part = [&](Packed &packed, int which) {
    int64_t first = which == 0 ? 0 : c.heads + (which - 1) * c.keyHeads;
    return Part(c, packed.tensor, first, which == 0 ? c.heads : c.keyHeads);
  };
  Part q = part(in, 0), k = part(in, 1), v = part(in, 2), out = part(outs, 0);
  Part dq = part(grads, 0), dk = part(grads, 1), dv = part(grads, 2);
  Part dout = part(dOut, 0);
  Array lse({c.batch, c.heads, c.tokens}, false);
  Array dlse({c.batch, c.heads, c.tokens}, true);

  // π of each batch item: random, or a curve whose table the library gives.
  std::vector<int32_t> table;
  for (int64_t b = 0; b < c.batch; ++b) {
    std::vector<int32_t> row(c.tokens);
    std::iota(row.begin(), row.end(), 0);
    if (c.tables > Static)
      std::shuffle(row.begin(), row.end(), generator);
    if (b && c.tables != Batched)
      row.assign(table.begin(), table.begin() + c.tokens);
    table.insert(table.end(), row.begin(), row.end());
  }
  HilbertOrder order = {};
  if (c.tables == Static) {
    order.kind = HILBERT_ORDER_STATIC;
    order.spec = {HILBERT_CURVE_HILBERT, 0, {}, {}, c.tokens};
    const int32_t *entries;
    int64_t length;
    ASSERT_EQ(hilbertOrderGetTable(&order.spec, &entries, &length), HILBERT_OK);
    for (int64_t b = 0; b < c.batch; ++b)
      std::copy_n(entries, length, table.begin() + b * length);
  } else if (c.tables != None) {
    order.kind = HILBERT_ORDER_TABLE;
    order.table = c.tables == Batched
                      ? describe(table.data(), HILBERT_I32, {c.batch, c.tokens})
                      : describe(table.data(), HILBERT_I32, {c.tokens});
  }
  std::string pattern;
  for (const Branch &branch : c.branches)
    pattern += (pattern.empty() ? "" : " + ") + branch.text(c.heads);
  HilbertAttentionGrad grad = {};
  grad.structSize = sizeof(grad);
  HilbertAttention &call = grad.forward;
  call.structSize = sizeof(call);
  call.q = q.tensor, call.k = k.tensor, call.v = v.tensor;
  call.out = out.tensor, call.lse = lse.get();
  call.qOrder = call.outOrder = order;
  if (c.tables != QueriesOnly)
    call.kvOrder = order;
  call.pattern = pattern.empty() ? nullptr : pattern.c_str();
  call.causal = c.causal, call.layout = c.layout, call.scale = 0.3f;
  grad.dout = dout.tensor;
  if (c.hasDlse)
    grad.dlse = dlse.get();
  grad.dq = dq.tensor, grad.dk = dk.tensor, grad.dv = dv.tensor;
  ASSERT_EQ(hilbertAttention(&call), HILBERT_OK) << hilbertGetErrorMessage();
  ASSERT_EQ(hilbertAttentionGrad(&grad), HILBERT_OK)
      << hilbertGetErrorMessage();

  double tolerance = c.dtype == HILBERT_F32   ? 3e-5
                     : c.dtype == HILBERT_F16 ? 4e-3
                                              : 3e-2;
  for (int64_t b = 0; b < c.batch; ++b)
    for (int64_t h = 0; h < c.heads; ++h)
      for (int64_t p = 0; p < c.tokens; ++p) {
        const int32_t *row = table.data() + b * c.tokens;
        int64_t i = row[p], g = h / (c.heads / c.keyHeads);
        Values weights(c.tokens), wanted(c.depth);
        double sum = 0;
        for (int64_t o = 0; o < c.tokens; ++o) {
          int64_t j = c.tables == QueriesOnly ? o : row[o];
          int64_t count = c.branches.empty();
          for (const Branch &branch : c.branches)
            count += branch.meets(h, c.heads, p, o);
          if ((c.causal == HILBERT_CAUSAL_TOKEN && j > i) ||
              (c.causal == HILBERT_CAUSAL_POSITION && o > p))
            count = 0;
          double score = 0;
          for (int64_t d = 0; d < c.depth; ++d)
            score += q.get(b, i, h, d) * k.get(b, j, g, d);
          sum += weights[j] = count * std::exp(call.scale * score);
        }
        int64_t stat = (b * c.heads + h) * c.tokens + i;
        if (sum == 0)
          ASSERT_EQ(lse.data()[stat], -INFINITY);
        else
          ASSERT_NEAR(lse.data()[stat], std::log(sum), 1e-4);
        double delta = c.hasDlse ? -double(dlse.data()[stat]) : 0;
        for (int64_t d = 0; d < c.depth; ++d) {
          for (int64_t j = 0; sum && j < c.tokens; ++j)
            out.want(b, i, h, d) += weights[j] / sum * v.get(b, j, g, d);
          delta += out.want(b, i, h, d) * dout.get(b, i, h, d);
        }
        for (int64_t j = 0; sum && j < c.tokens; ++j) {
          double weight = weights[j] / sum, dp = 0;
          for (int64_t d = 0; d < c.depth; ++d)
            dp += dout.get(b, i, h, d) * v.get(b, j, g, d);
          double ds = call.scale * weight * (dp - delta);
          for (int64_t d = 0; d < c.depth; ++d) {
            dq.want(b, i, h, d) += ds * k.get(b, j, g, d);
            dk.want(b, j, g, d) += ds * q.get(b, i, h, d);
            dv.want(b, j, g, d) += weight * dout.get(b, i, h, d);
          }
        }
      }
  out.check("out", tolerance);
  dq.check("dq", tolerance);
  dk.check("dk", tolerance);
  dv.check("dv", tolerance);
}

TEST(Numbers, ByTheDefinition) {
  const auto f32 = HILBERT_F32, f16 = HILBERT_F16, bf16 = HILBERT_BF16;
  const auto bnhd = HILBERT_BNHD, bhnd = HILBERT_BHND;
  const auto all = HILBERT_CAUSAL_NONE, token = HILBERT_CAUSAL_TOKEN,
             position = HILBERT_CAUSAL_POSITION;
  const std::vector<Branch> dense,
      two = {{7, 2, "both", "list"}, {11, 1}},
      twice = {{10, 3, "residues"}, {10, 3, "residues"}};
  // clang-format off
  const Case cases[] = {
      // B, N, H, H of k and v, D
      {2, 37, 4, 2, 8,  f32,  bnhd, token,    None,        true,  dense},
      {2, 35, 3, 3, 8,  f32,  bhnd, token,    Static,      false, {{9, 2, "keys", "head"}}},
      {1, 29, 6, 2, 16, f32,  bnhd, all,      Shared,      true,  {{8, 3, "both", "longnet"}}},
      {3, 23, 2, 1, 8,  f32,  bhnd, token,    Batched,     true,  two},
      {3, 26, 2, 2, 24, f32,  bnhd, position, Batched,     false, twice},
      {2, 31, 2, 1, 8,  f32,  bnhd, token,    QueriesOnly, true,  {{12, 2, "keys", "list"}}},
      {2, 33, 4, 1, 8,  f16,  bnhd, token,    Shared,      false, {{16, 2, "keys", "head"}}},
      {2, 27, 2, 2, 16, bf16, bhnd, all,      Static,      true,  {{8, 1}}},
  };
  // clang-format on
  for (const Case &c : cases) {
    unsigned seed = std::random_device{}();
    SCOPED_TRACE("case " + std::to_string(&c - cases) + ", seed " +
                 std::to_string(seed));
    generator.seed(seed);
    run(c);
  }
}
