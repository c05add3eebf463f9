//===- Compare.h - Results against the reference -----------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_TOOLS_HILBERT_RUN_COMPARE_H
#define HILBERT_TOOLS_HILBERT_RUN_COMPARE_H

#include "hilbert/Reference/Reference.h"
#include "hilbert/Support/Npy.h"

namespace hilbert {

/// The largest absolute error of an element, and the relative one of all (L2
/// norms).
struct Errors {
  double largest = 0;
  double relative = 0;
};

/// Infinities must be equal; a NaN on one side only is an infinite error.
Errors compare(const NpyArray &actual, const ReferenceTensor &expected);

} // namespace hilbert

#endif // HILBERT_TOOLS_HILBERT_RUN_COMPARE_H
