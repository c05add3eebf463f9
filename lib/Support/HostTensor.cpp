//===- HostTensor.cpp - Values of tensors on the host ---------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Support/HostTensor.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/Support/ErrorHandling.h"

#include <cmath>
#include <cstring>
#include <numeric>
#include <random>

using namespace hilbert;
using llvm::APFloat;
using llvm::ArrayRef;

static const llvm::fltSemantics &getSemantics(NpyType type) {
  return type == NpyType::F16 ? APFloat::IEEEhalf() : APFloat::BFloat();
}

/// Calls `body(i, element)` with the elements as T.
template <typename T, typename Body>
static void forEach(const NpyArray &array, Body body) {
  int64_t count = array.numElements();
  for (int64_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, array.data.data() + i * sizeof(T), sizeof(T));
    body(i, value);
  }
}

std::vector<double> hilbert::toDoubles(const NpyArray &array) {
  std::vector<double> values(array.numElements());
  auto assign = [&](int64_t i, auto value) { values[i] = value; };
  switch (array.type) {
  case NpyType::F16:
  case NpyType::BF16:
    forEach<uint16_t>(array, [&](int64_t i, uint16_t bits) {
      APFloat value(getSemantics(array.type), llvm::APInt(16, bits));
      bool lost = false;
      value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
      values[i] = value.convertToDouble();
    });
    break;
  case NpyType::F32:
    forEach<float>(array, assign);
    break;
  case NpyType::F64:
    forEach<double>(array, assign);
    break;
  case NpyType::I32:
    forEach<int32_t>(array, assign);
    break;
  case NpyType::I64:
    forEach<int64_t>(array, assign);
    break;
  }
  return values;
}

/// Writes the elements of `values` as T.
template <typename T, typename Convert>
static void fill(NpyArray &array, ArrayRef<double> values, Convert convert) {
  for (size_t i = 0; i < values.size(); ++i) {
    T value = convert(values[i]);
    std::memcpy(array.data.data() + i * sizeof(T), &value, sizeof(T));
  }
}

NpyArray hilbert::fromDoubles(NpyType type, ArrayRef<int64_t> shape,
                              ArrayRef<double> values) {
  NpyArray array;
  array.type = type;
  array.shape.assign(shape.begin(), shape.end());
  array.data.resize(values.size() * npyTypeSize(type));
  switch (type) {
  case NpyType::F16:
  case NpyType::BF16:
    fill<uint16_t>(array, values, [&](double value) {
      APFloat rounded(value);
      bool lost = false;
      rounded.convert(getSemantics(type), APFloat::rmNearestTiesToEven, &lost);
      return rounded.bitcastToAPInt().getZExtValue();
    });
    break;
  case NpyType::F32:
    fill<float>(array, values, [](double v) { return static_cast<float>(v); });
    break;
  case NpyType::F64:
    fill<double>(array, values, [](double v) { return v; });
    break;
  case NpyType::I32:
    fill<int32_t>(array, values, [](double v) { return std::lrint(v); });
    break;
  case NpyType::I64:
    fill<int64_t>(array, values, [](double v) { return std::lrint(v); });
    break;
  }
  return array;
}

/// Uniform in (0, 1), from the high bits of a generator whose sequence the C++
/// standard fixes; the standard's distributions are not fixed.
static double uniform(std::mt19937_64 &generator) {
  return (static_cast<double>(generator() >> 11) + 0.5) * 0x1p-53;
}

static int64_t countOf(ArrayRef<int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1),
                         std::multiplies<>());
}

NpyArray hilbert::randomNormal(NpyType type, ArrayRef<int64_t> shape,
                               uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::vector<double> values(countOf(shape));
  // Box and Muller's transform gives them in pairs.
  for (size_t i = 0; i < values.size(); i += 2) {
    double radius = std::sqrt(-2 * std::log(uniform(generator)));
    double angle = 2 * M_PI * uniform(generator);
    values[i] = radius * std::cos(angle);
    if (i + 1 < values.size())
      values[i + 1] = radius * std::sin(angle);
  }
  return fromDoubles(type, shape, values);
}

NpyArray hilbert::randomPermutation(ArrayRef<int64_t> shape, uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::vector<double> values(countOf(shape));
  size_t length = shape.empty() ? 1 : shape.back();
  for (size_t row = 0; row < values.size(); row += length) {
    std::iota(values.begin() + row, values.begin() + row + length, 0);
    for (size_t i = length; i > 1; --i)
      std::swap(values[row + i - 1],
                values[row + static_cast<size_t>(uniform(generator) * i)]);
  }
  return fromDoubles(NpyType::I32, shape, values);
}
