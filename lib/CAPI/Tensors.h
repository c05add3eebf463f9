//===- Tensors.h - Tensors of the C API -------------------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_LIB_CAPI_TENSORS_H
#define HILBERT_LIB_CAPI_TENSORS_H

#include "hilbert-c/Base.h"
#include "hilbert/ExecutionEngine/HostSignature.h"

#include "llvm/Support/MathExtras.h"

namespace hilbert {

static_assert(int(NpyType::F16) == HILBERT_F16 &&
              int(NpyType::BF16) == HILBERT_BF16 &&
              int(NpyType::F32) == HILBERT_F32 &&
              int(NpyType::F64) == HILBERT_F64 &&
              int(NpyType::I32) == HILBERT_I32 &&
              int(NpyType::I64) == HILBERT_I64);

inline bool isValidType(HilbertDType type) {
  return type >= HILBERT_F16 && type <= HILBERT_I64;
}

/// False if a size is negative, or if so many elements could not be counted.
inline bool hasValidSizes(const HilbertTensor &tensor) {
  int64_t elements = 1;
  for (int64_t size : llvm::ArrayRef(tensor.shape, tensor.rank))
    if (size < 0 ||
        llvm::MulOverflow(elements, std::max<int64_t>(size, 1), elements))
      return false;
  return true;
}

/// Whether it has one of the element types, and the rank; `name` is what errors
/// call it.
HilbertStatus checkTypeAndRank(llvm::StringRef name,
                               const HilbertTensor &tensor, int32_t rank);
/// Whether it has the element type of q.
HilbertStatus checkTypeOfQ(llvm::StringRef name, const HilbertTensor &tensor,
                           HilbertDType ofQ);

inline llvm::StringRef nameOf(HilbertDType dtype) {
  return npyTypeName(static_cast<NpyType>(dtype));
}

inline HostView getView(const HilbertTensor &tensor) {
  HostView view;
  view.data = tensor.data;
  view.type = static_cast<NpyType>(tensor.dtype);
  view.shape.assign(tensor.shape, tensor.shape + tensor.rank);
  view.strides.assign(tensor.strides, tensor.strides + tensor.rank);
  return view;
}

} // namespace hilbert

#endif // HILBERT_LIB_CAPI_TENSORS_H
