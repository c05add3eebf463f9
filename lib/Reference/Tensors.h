//===- Tensors.h - Operations on reference tensors --------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A tensor with a shape but no data stands for any tensor of that shape; so
// does every result that depends on it. countFlops runs on such tensors.
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_LIB_REFERENCE_TENSORS_H
#define HILBERT_LIB_REFERENCE_TENSORS_H

#include "Order.h"
#include "hilbert/Reference/Reference.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace hilbert::reference {

/// Offsets, sizes and strides of a slice, one for each dimension.
struct Slice {
  std::vector<int64_t> offsets, sizes, strides;
};

int64_t countElements(llvm::ArrayRef<int64_t> shape);

/// `[2, 4096]`.
std::string shapeText(llvm::ArrayRef<int64_t> shape);

ReferenceTensor filled(llvm::ArrayRef<int64_t> shape, double value);

/// True if the data is not known.
bool isShapeOnly(const ReferenceTensor &tensor);

/// result[p] = source[order(p)] along `dim`, or the inverse.
ReferenceTensor permute(const ReferenceTensor &source, int64_t dim,
                        const Order &order, bool isRestore);

/// The slice of a tensor, as `shape`, which may lack unit dimensions.
ReferenceTensor extractSlice(const ReferenceTensor &source, const Slice &slice,
                             llvm::ArrayRef<int64_t> shape);

/// `destination` with a slice replaced.
ReferenceTensor insertSlice(const ReferenceTensor &source,
                            ReferenceTensor destination, const Slice &slice);

/// function(a[i]), function(a[i], b[i]): shapes are equal.
ReferenceTensor map(const ReferenceTensor &a,
                    llvm::function_ref<double(double)> function);
ReferenceTensor map(const ReferenceTensor &a, const ReferenceTensor &b,
                    llvm::function_ref<double(double, double)> function);

} // namespace hilbert::reference

#endif // HILBERT_LIB_REFERENCE_TENSORS_H
