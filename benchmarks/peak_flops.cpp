//===- peak_flops.cpp - The machine's own f32 peak ------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Prints the GFLOP/s of fused multiply-adds that touch no memory, on all
// threads: the ceiling that host kernels are compared with. Compiled for the
// machine that it runs on.
//
//===----------------------------------------------------------------------===//

#include "hilbert-runtime/ThreadPool.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>

#if defined(__AVX512F__)
constexpr int kWidth = 16;
#elif defined(__AVX__)
constexpr int kWidth = 8;
#else
constexpr int kWidth = 4;
#endif
typedef float Vector __attribute__((vector_size(kWidth * sizeof(float))));

/// Enough independent sums to hide the latency of two pipelines.
constexpr int kSums = 10;
constexpr long kIterations = 20000000;

static volatile float sink;

static void multiplyAdd(void *, int64_t begin, int64_t end) {
  for (int64_t item = begin; item < end; ++item) {
    Vector sums[kSums], a, b;
    for (int lane = 0; lane < kWidth; ++lane) {
      a[lane] = 0.999f + 1e-4f * lane;
      b[lane] = 1e-3f * (item + 1);
      for (Vector &sum : sums)
        sum[lane] = b[lane];
    }
    for (long i = 0; i < kIterations; ++i)
      for (Vector &sum : sums)
        sum = sum * a + b;
    float total = 0;
    for (const Vector &sum : sums)
      for (int lane = 0; lane < kWidth; ++lane)
        total += sum[lane];
    sink = total;
  }
}

int main() {
  int threads = hilbert::rt::numThreads();
  double best = 0;
  for (int run = 0; run < 3; ++run) {
    auto begin = std::chrono::steady_clock::now();
    hilbert::rt::parallelFor(multiplyAdd, nullptr, threads);
    std::chrono::duration<double> seconds =
        std::chrono::steady_clock::now() - begin;
    double flops = 2.0 * threads * kIterations * kSums * kWidth;
    best = std::max(best, flops / seconds.count() * 1e-9);
  }
  std::printf("%.1f GFLOP/s f32 peak, %d threads\n", best, threads);
  return 0;
}
