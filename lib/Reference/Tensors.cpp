//===- Tensors.cpp - Operations on reference tensors ----------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Tensors.h"

#include "llvm/Support/InterleavedRange.h"
#include "llvm/Support/raw_ostream.h"

using namespace hilbert;
using namespace hilbert::reference;
using llvm::ArrayRef;

int64_t reference::countElements(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

std::string reference::shapeText(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::interleaved_array(shape);
  return text;
}

ReferenceTensor reference::filled(ArrayRef<int64_t> shape, double value) {
  return {shape.vec(), std::vector<double>(countElements(shape), value)};
}

bool reference::isShapeOnly(const ReferenceTensor &tensor) {
  return tensor.data.empty() && countElements(tensor.shape) != 0;
}

ReferenceTensor reference::permute(const ReferenceTensor &source, int64_t dim,
                                   const Order &order, bool isRestore) {
  ReferenceTensor result{source.shape, std::vector<double>(source.data.size())};
  if (source.data.empty())
    return result;
  ArrayRef<int64_t> shape = source.shape;
  int64_t outer = countElements(shape.take_front(dim));
  int64_t inner = countElements(shape.drop_front(dim + 1));
  int64_t tokens = shape[dim];
  for (int64_t o = 0; o < outer; ++o) {
    // With an order for each item, dim is not 0 and dimension 0 is an outer
    // one.
    const int32_t *entries =
        order.of(order.perItem ? o / (outer / shape[0]) : 0);
    for (int64_t p = 0; p < tokens; ++p) {
      int64_t from = o * tokens + (isRestore ? p : entries[p]);
      int64_t to = o * tokens + (isRestore ? entries[p] : p);
      std::copy_n(source.data.data() + from * inner, inner,
                  result.data.data() + to * inner);
    }
  }
  return result;
}

/// Calls body(index in the tensor, index in the slice) for every element.
static void forEachInSlice(ArrayRef<int64_t> shape, const Slice &slice,
                           llvm::function_ref<void(int64_t, int64_t)> body) {
  int64_t count = countElements(slice.sizes);
  for (int64_t i = 0; i < count; ++i) {
    int64_t index = 0, rest = i, stride = 1;
    for (size_t d = shape.size(); d-- > 0;) {
      int64_t coordinate = rest % slice.sizes[d];
      rest /= slice.sizes[d];
      index += stride * (slice.offsets[d] + coordinate * slice.strides[d]);
      stride *= shape[d];
    }
    body(index, i);
  }
}

ReferenceTensor reference::extractSlice(const ReferenceTensor &source,
                                        const Slice &slice,
                                        ArrayRef<int64_t> shape) {
  if (isShapeOnly(source))
    return {shape.vec(), {}};
  ReferenceTensor result = filled(shape, 0);
  forEachInSlice(source.shape, slice, [&](int64_t from, int64_t to) {
    result.data[to] = source.data[from];
  });
  return result;
}

ReferenceTensor reference::insertSlice(const ReferenceTensor &source,
                                       ReferenceTensor destination,
                                       const Slice &slice) {
  if (isShapeOnly(source) || isShapeOnly(destination))
    return {std::move(destination.shape), {}};
  forEachInSlice(destination.shape, slice, [&](int64_t to, int64_t from) {
    destination.data[to] = source.data[from];
  });
  return destination;
}

ReferenceTensor reference::map(const ReferenceTensor &a,
                               llvm::function_ref<double(double)> function) {
  ReferenceTensor result = a;
  for (double &x : result.data)
    x = function(x);
  return result;
}

ReferenceTensor
reference::map(const ReferenceTensor &a, const ReferenceTensor &b,
               llvm::function_ref<double(double, double)> function) {
  assert(a.shape == b.shape && "shapes must be equal");
  ReferenceTensor result{a.shape, {}};
  if (isShapeOnly(a) || isShapeOnly(b))
    return result;
  result.data.resize(a.data.size());
  for (size_t i = 0; i < a.data.size(); ++i)
    result.data[i] = function(a.data[i], b.data[i]);
  return result;
}
