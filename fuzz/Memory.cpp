//===- Memory.cpp - Tensors of fuzzed calls -------------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Problem.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <sys/mman.h>

using namespace fuzz;

void fuzz::require(bool condition, const char *message) {
  if (condition)
    return;
  std::fprintf(stderr, "fuzz: not so: %s\n", message);
  std::abort();
}

bool fuzz::expect(HilbertStatus status) {
  require(status >= HILBERT_OK && status <= HILBERT_INTERNAL_ERROR,
          "a status is one of HilbertStatus");
  require(status == HILBERT_OK || *hilbertGetErrorMessage(),
          "a call that fails leaves a message");
  return status != HILBERT_OK;
}

int64_t Input::any(int64_t low, int64_t high) {
  uint8_t choice = bits.ConsumeIntegral<uint8_t>();
  if (choice < 240)
    return bits.ConsumeIntegralInRange(low, high);
  if (choice < 248)
    return bits.ConsumeIntegral<int64_t>();
  return bits.PickValueInArray<int64_t>(
      {-1, INT64_MIN, INT64_MAX, int64_t(1) << 62, int64_t(1) << 32,
       int64_t(1) << 31, INT32_MAX, INT32_MIN});
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

size_t fuzz::sizeOf(HilbertDType dtype) {
  switch (dtype) {
  case HILBERT_F16:
  case HILBERT_BF16:
    return 2;
  case HILBERT_F32:
  case HILBERT_I32:
    return 4;
  default:
    return 8;
  }
}

HilbertTensor fuzz::describe(HilbertDType dtype, std::vector<int64_t> shape) {
  HilbertTensor tensor = {};
  tensor.dtype = dtype;
  tensor.deviceType = HILBERT_CPU;
  tensor.rank = static_cast<int32_t>(shape.size());
  int64_t stride = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    tensor.shape[d] = shape[d];
    tensor.strides[d] = stride;
    stride *= std::max<int64_t>(shape[d], 1);
  }
  return tensor;
}

static constexpr int64_t kPage = 4096, kBytes = 64 * kPage;

bool fuzz::isEmpty(const HilbertTensor &tensor) {
  return std::count(tensor.shape, tensor.shape + tensor.rank, 0) != 0;
}

/// The offsets of the first and the last element, in elements.
static std::pair<int64_t, int64_t> spanOf(const HilbertTensor &tensor) {
  int64_t low = 0, high = 0;
  for (int d = 0; d < tensor.rank; ++d)
    if (tensor.shape[d] > 1) {
      int64_t reach = (tensor.shape[d] - 1) * tensor.strides[d];
      (reach < 0 ? low : high) += reach;
    }
  return {low, high};
}

bool fuzz::fits(const HilbertTensor &tensor) {
  if (isEmpty(tensor))
    return true;
  int64_t reach = 1, elements = 1;
  for (int d = 0; d < tensor.rank; ++d) {
    if (tensor.shape[d] == 1)
      continue;
    // Small enough for products.
    if (tensor.shape[d] > kBytes || tensor.strides[d] > kBytes ||
        tensor.strides[d] < -kBytes)
      return false;
    reach += (tensor.shape[d] - 1) * std::abs(tensor.strides[d]);
    elements *= tensor.shape[d];
    if (reach > kBytes / 16 || elements > kBytes)
      return false;
  }
  return true;
}

void fuzz::forEach(const HilbertTensor &tensor,
                   const std::function<void(int64_t offset)> &body) {
  if (isEmpty(tensor))
    return;
  int64_t index[HILBERT_MAX_RANK] = {};
  while (true) {
    int64_t offset = 0;
    for (int d = 0; d < tensor.rank; ++d)
      if (index[d])
        offset += index[d] * tensor.strides[d];
    body(offset);
    int d = tensor.rank - 1;
    while (d >= 0 && ++index[d] == tensor.shape[d])
      index[d--] = 0;
    if (d < 0)
      return;
  }
}

Memory::Memory() {
  void *pages = mmap(nullptr, kBytes + 2 * kPage, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  require(pages != MAP_FAILED, "there is memory");
  begin = static_cast<char *>(pages) + kPage;
  end = begin + kBytes;
  require(mprotect(begin, kBytes, PROT_READ | PROT_WRITE) == 0,
          "there is memory");
}

Memory &Memory::of(size_t operand) {
  static std::vector<Memory *> all;
  while (all.size() <= operand)
    all.push_back(new Memory);
  return *all[operand];
}

/// A small number, the same for the same place.
static double valueAt(size_t i) {
  return double((i * 2654435761u >> 7) % 2001) / 1000 - 1;
}

static void store(char *at, HilbertDType dtype, double value) {
  auto write = [&](auto bits) { std::memcpy(at, &bits, sizeof(bits)); };
  float narrow = static_cast<float>(value);
  uint32_t word;
  std::memcpy(&word, &narrow, 4);
  switch (dtype) {
  case HILBERT_F16:
    return write(static_cast<_Float16>(narrow));
  case HILBERT_BF16:
    return write(static_cast<uint16_t>(word >> 16));
  case HILBERT_F32:
    return write(narrow);
  case HILBERT_F64:
    return write(value);
  case HILBERT_I32:
    return write(static_cast<int32_t>(value * 1000));
  case HILBERT_I64:
    return write(static_cast<int64_t>(value * 1000));
  }
}

double fuzz::load(const char *at, HilbertDType dtype) {
  if (dtype == HILBERT_F16) {
    _Float16 value;
    std::memcpy(&value, at, 2);
    return value;
  }
  uint32_t word = 0;
  std::memcpy(dtype == HILBERT_BF16 ? reinterpret_cast<char *>(&word) + 2
                                    : reinterpret_cast<char *>(&word),
              at, sizeOf(dtype));
  float value;
  std::memcpy(&value, &word, 4);
  return value;
}

void *Memory::place(const HilbertTensor &tensor, bool isInput) {
  require(fits(tensor), "the fuzzer's tensors fit");
  int64_t size = static_cast<int64_t>(sizeOf(tensor.dtype));
  auto [low, high] =
      isEmpty(tensor) ? std::pair<int64_t, int64_t>(0, -1) : spanOf(tensor);
  // NaN in every float type.
  size_t used = (high - low + 1) * size + 128;
  used = std::min<size_t>(used, kBytes);
  std::memset(end - used, 0xff, used);
  char *data = end - (high + 1) * size;
  isElement.assign(used, false);
  size_t count = 0;
  forEach(tensor, [&, high = high](int64_t offset) {
    char *at = data + offset * size;
    if (isInput)
      store(at, tensor.dtype, valueAt(count++));
    std::fill_n(isElement.begin() + (at - (end - used)), size, true);
  });
  before.resize(used);
  remember();
  return data;
}

void Memory::remember() { before.assign(end - before.size(), end); }

void Memory::checkGaps() const {
  const char *now = end - before.size();
  for (size_t i = 0; i < before.size(); ++i)
    require(isElement[i] || now[i] == before[i],
            "nothing but elements is written");
}

void Memory::checkAll() const {
  require(std::memcmp(end - before.size(), before.data(), before.size()) == 0,
          "only outputs of a call that succeeds are written");
}
