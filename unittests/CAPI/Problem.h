//===- Problem.h - A small attention and its numbers ------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_UNITTESTS_CAPI_PROBLEM_H
#define HILBERT_UNITTESTS_CAPI_PROBLEM_H

#include "hilbert-c/Attention.h"

#include "gtest/gtest.h"

#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace capi {

/// Row-major on the host.
inline HilbertTensor describe(void *data, HilbertDType dtype,
                              const std::vector<int64_t> &shape) {
  HilbertTensor tensor = {};
  tensor.data = data;
  tensor.dtype = dtype;
  tensor.deviceType = HILBERT_CPU;
  tensor.rank = static_cast<int32_t>(shape.size());
  int64_t stride = 1;
  for (size_t d = shape.size(); d-- > 0; stride *= shape[d]) {
    tensor.shape[d] = shape[d];
    tensor.strides[d] = stride;
  }
  return tensor;
}

/// f32 elements whose address is a multiple of 16.
class Array {
public:
  Array() = default;
  /// Poison, or random numbers.
  Array(std::vector<int64_t> shape, bool isRandom) : shape(std::move(shape)) {
    int64_t size = 1;
    for (int64_t extent : this->shape)
      size *= extent;
    storage.assign(size + 4, std::numeric_limits<float>::quiet_NaN());
    static std::mt19937 generator{std::random_device{}()};
    std::normal_distribution<float> normal;
    if (isRandom)
      for (int64_t i = 0; i < size; ++i)
        data()[i] = normal(generator);
  }
  float *data() {
    auto address = reinterpret_cast<uintptr_t>(storage.data());
    return storage.data() + (16 - address % 16) % 16 / sizeof(float);
  }
  HilbertTensor get() { return describe(data(), HILBERT_F32, shape); }

private:
  std::vector<int64_t> shape;
  std::vector<float> storage;
};

/// A dense f32 problem in [B, N, H, D], whose tensors `call` and `grad` have.
struct Problem {
  Problem(int64_t batch = 2, int64_t tokens = 7, int64_t heads = 3,
          int64_t depth = 8)
      : batch(batch), tokens(tokens), heads(heads), depth(depth) {
    std::vector<int64_t> matrix = {batch, tokens, heads, depth};
    std::vector<int64_t> stats = {batch, heads, tokens};
    for (Array *array : {&q, &k, &v, &dout})
      *array = Array(matrix, /*isRandom=*/true);
    for (Array *array : {&out, &dq, &dk, &dv})
      *array = Array(matrix, /*isRandom=*/false);
    lse = Array(stats, /*isRandom=*/false);
    dlse = Array(stats, /*isRandom=*/true);
    grad.structSize = sizeof(grad);
    call.structSize = sizeof(call);
    call.q = q.get(), call.k = k.get(), call.v = v.get();
    call.out = out.get(), call.lse = lse.get();
    call.scale = 0.4f;
    grad.dout = dout.get(), grad.dlse = dlse.get();
    grad.dq = dq.get(), grad.dk = dk.get(), grad.dv = dv.get();
  }
  Problem(const Problem &) = delete;

  int64_t at(int64_t b, int64_t n, int64_t h, int64_t d) const {
    return ((b * tokens + n) * heads + h) * depth + d;
  }

  /// By the definition, in float64. `meets` says which keys a query has.
  void check(
      const std::function<bool(int64_t, int64_t)> &meets =
          [](int64_t, int64_t) { return true; },
      bool withGradient = false) {
    std::vector<double> wantedQ(batch * tokens * heads * depth),
        wantedK = wantedQ, wantedV = wantedQ;
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t h = 0; h < heads; ++h)
        for (int64_t i = 0; i < tokens; ++i)
          checkQuery(b, h, i, meets, wantedQ, wantedK, wantedV);
    if (!withGradient)
      return;
    for (size_t i = 0; i < wantedQ.size(); ++i) {
      ASSERT_NEAR(dq.data()[i], wantedQ[i], 2e-5);
      ASSERT_NEAR(dk.data()[i], wantedK[i], 2e-5);
      ASSERT_NEAR(dv.data()[i], wantedV[i], 2e-5);
    }
  }

  int64_t batch, tokens, heads, depth;
  Array q, k, v, out, lse, dout, dlse, dq, dk, dv;
  HilbertAttentionGrad grad = {};
  HilbertAttention &call = grad.forward;

private:
  void checkQuery(int64_t b, int64_t h, int64_t i,
                  const std::function<bool(int64_t, int64_t)> &meets,
                  std::vector<double> &wantedQ, std::vector<double> &wantedK,
                  std::vector<double> &wantedV) {
    std::vector<double> weights(tokens), wanted(depth);
    double sum = 0;
    for (int64_t j = 0; j < tokens; ++j) {
      double score = 0;
      for (int64_t d = 0; d < depth; ++d)
        score += double(q.data()[at(b, i, h, d)]) * k.data()[at(b, j, h, d)];
      sum += weights[j] = meets(i, j) ? std::exp(call.scale * score) : 0;
    }
    int64_t stat = (b * heads + h) * tokens + i;
    ASSERT_NEAR(lse.data()[stat], std::log(sum), 1e-5);
    double delta = -double(dlse.data()[stat]);
    for (int64_t j = 0; j < tokens; ++j)
      for (int64_t d = 0; d < depth; ++d)
        wanted[d] += weights[j] / sum * v.data()[at(b, j, h, d)];
    for (int64_t d = 0; d < depth; ++d) {
      ASSERT_NEAR(out.data()[at(b, i, h, d)], wanted[d], 1e-5);
      delta += wanted[d] * dout.data()[at(b, i, h, d)];
    }
    for (int64_t j = 0; j < tokens; ++j) {
      double p = weights[j] / sum, dp = 0;
      for (int64_t d = 0; d < depth; ++d)
        dp += double(dout.data()[at(b, i, h, d)]) * v.data()[at(b, j, h, d)];
      double ds = call.scale * p * (dp - delta);
      for (int64_t d = 0; d < depth; ++d) {
        wantedQ[at(b, i, h, d)] += ds * k.data()[at(b, j, h, d)];
        wantedK[at(b, j, h, d)] += ds * q.data()[at(b, i, h, d)];
        wantedV[at(b, j, h, d)] += p * dout.data()[at(b, i, h, d)];
      }
    }
  }
};

/// That a call failed, and how.
inline void expectError(HilbertStatus status, HilbertStatus wanted,
                        const std::string &message) {
  EXPECT_EQ(status, wanted) << hilbertGetErrorMessage();
  EXPECT_NE(std::string(hilbertGetErrorMessage()).find(message),
            std::string::npos)
      << hilbertGetErrorMessage() << "\nand not\n"
      << message;
}

} // namespace capi

#endif // HILBERT_UNITTESTS_CAPI_PROBLEM_H
