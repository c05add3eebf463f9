//===- HostTensor.h - Values of tensors on the host -------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_SUPPORT_HOSTTENSOR_H
#define HILBERT_SUPPORT_HOSTTENSOR_H

#include "hilbert/Support/Npy.h"

#include "llvm/ADT/ArrayRef.h"

namespace hilbert {

/// The elements of an array, exactly (i64: rounded to nearest).
std::vector<double> toDoubles(const NpyArray &array);

/// An array of the given elements, rounded to nearest even.
NpyArray fromDoubles(NpyType type, llvm::ArrayRef<int64_t> shape,
                     llvm::ArrayRef<double> values);

/// Standard normal elements; the same on every machine for one seed. `type`
/// must be a float type.
NpyArray randomNormal(NpyType type, llvm::ArrayRef<int64_t> shape,
                      uint64_t seed);

/// i32, each row of the last dimension a random permutation of 0…N-1: runtime
/// orders.
NpyArray randomPermutation(llvm::ArrayRef<int64_t> shape, uint64_t seed);

} // namespace hilbert

#endif // HILBERT_SUPPORT_HOSTTENSOR_H
