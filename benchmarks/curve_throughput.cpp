//===- curve_throughput.cpp - How fast orders are written -----------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Prints the speed of permutation() on one core for all curves and several
// grids, in millions of tokens per second: the median of several runs into one
// table that has been written before. Then that of classifyTiles(), for dense
// attention in tiles of 128.
//
//===----------------------------------------------------------------------===//

#include "hilbert/Curve/Order.h"
#include "hilbert/Curve/Tiles.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

using namespace hilbert::curve;

namespace {

struct Case {
  std::vector<int64_t> extents;
  std::vector<int64_t> tile;
  /// Tokens left out at the end of the grid.
  int64_t missing = 0;
};

std::string label(const Case &test) {
  const auto join = [](const std::vector<int64_t> &sizes) {
    std::string text;
    for (int64_t size : sizes)
      text += (text.empty() ? "" : "x") + std::to_string(size);
    return text;
  };
  std::string text = join(test.extents);
  if (!test.tile.empty())
    text += " tile " + join(test.tile);
  if (test.missing)
    text += " less " + std::to_string(test.missing);
  return text;
}

/// The median of several runs of `work`, which goes over `tokens` tokens.
template <typename Work>
double tokensPerSecond(int64_t tokens, int runs, const Work &work) {
  using Clock = std::chrono::steady_clock;
  // Enough calls per run that the clock does not matter.
  const int64_t calls = std::max<int64_t>(1, (1 << 20) / tokens);
  std::vector<double> seconds;
  for (int run = 0; run < runs; ++run) {
    const auto start = Clock::now();
    for (int64_t call = 0; call < calls; ++call)
      work();
    seconds.push_back(
        std::chrono::duration<double>(Clock::now() - start).count());
  }
  std::nth_element(seconds.begin(), seconds.begin() + runs / 2, seconds.end());
  return double(calls) * double(tokens) / seconds[runs / 2];
}

using Table = std::vector<int32_t>;

double writing(const OrderSpec &spec, Table &table, int runs) {
  return tokensPerSecond(spec.length, runs,
                         [&] { permutation(spec, table.data()); });
}

double classifying(const OrderSpec &spec, Table &table, int runs) {
  Tiling tiling;
  tiling.tokens = spec.length;
  return tokensPerSecond(spec.length, runs, [&] {
    classifyTiles(table.data(), spec.extents, tiling);
  });
}

/// Prints a table of one speed; returns whether all cases are valid.
bool print(const char *title, const std::vector<Case> &cases, int runs,
           double (*speed)(const OrderSpec &, Table &, int)) {
  const Curve curves[] = {Curve::Raster, Curve::Snake, Curve::Morton,
                          Curve::Hilbert};
  std::printf("%-28s", title);
  for (Curve curve : curves)
    std::printf("%10s", std::string(curveName(curve)).c_str());
  std::printf("\n");
  Table table;
  for (const Case &test : cases) {
    std::printf("%-28s", label(test).c_str());
    for (Curve curve : curves) {
      OrderSpec spec = gridOrder(curve, test.extents, test.tile);
      spec.length -= test.missing;
      if (auto message = validate(spec)) {
        std::fprintf(stderr, "error: %s\n", message->c_str());
        return false;
      }
      table.resize(static_cast<size_t>(spec.length));
      permutation(spec, table.data());
      std::printf("%10.0f", speed(spec, table, runs) / 1e6);
      std::fflush(stdout);
    }
    std::printf("\n");
  }
  return true;
}

} // namespace

int main(int argc, char **argv) {
  const int runs = argc > 1 ? std::max(1, std::atoi(argv[1])) : 11;
  const std::vector<Case> cases = {
      {{32, 32}, {}},           {{64, 64}, {}},      {{96, 96}, {}},
      {{1024, 1024}, {}},       {{4096, 4096}, {}},  {{2048, 4096}, {}},
      {{1081, 1921}, {}},       {{3000, 5000}, {}},  {{7, 100003}, {}},
      {{1000, 1000}, {}, 613},  {{16, 64, 64}, {}},  {{128, 128, 128}, {}},
      {{150, 170, 200}, {}},    {{13, 91, 161}, {}}, {{1080, 1920}, {8, 16}},
      {{1080, 1920}, {16, 16}}, {{45, 80}, {8, 16}}, {{33, 90, 160}, {4, 8, 8}},
  };
  if (!print("M tokens/s", cases, runs, writing))
    return 1;

  const std::vector<Case> tiled = {
      {{64, 64}, {}},          {{96, 96}, {}},
      {{4096, 4096}, {}},      {{1080, 1920}, {}},
      {{1080, 1920}, {8, 16}}, {{256, 256, 256}, {}},
      {{45, 80}, {8, 16}},     {{33, 90, 160}, {4, 4, 8}},
  };
  std::printf("\n");
  return print("M tokens/s into tiles", tiled, runs, classifying) ? 0 : 1;
}
