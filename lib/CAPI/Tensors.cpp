//===- Tensors.cpp - What every tensor of a caller must be ----------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Tensors.h"

#include "Error.h"

using namespace hilbert;
using llvm::StringRef;
using llvm::Twine;

HilbertStatus hilbert::checkTypeAndRank(StringRef name,
                                        const HilbertTensor &tensor,
                                        int32_t rank) {
  if (!isValidType(tensor.dtype))
    return fail(HILBERT_INVALID_TYPE, name +
                                          "'s dtype must be 0 to 5, but is " +
                                          Twine(int(tensor.dtype)));
  if (tensor.rank != rank)
    return fail(HILBERT_INVALID_TYPE, name + " must have rank " + Twine(rank) +
                                          ", but has " + Twine(tensor.rank));
  return HILBERT_OK;
}

HilbertStatus hilbert::checkTypeOfQ(StringRef name, const HilbertTensor &tensor,
                                    HilbertDType ofQ) {
  if (tensor.dtype == ofQ)
    return HILBERT_OK;
  return fail(HILBERT_INVALID_TYPE, name + " must have q's element type, " +
                                        nameOf(ofQ) + ", but has " +
                                        nameOf(tensor.dtype));
}
