//===- Try.h - Return early from what fails ---------------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_LIB_EXECUTIONENGINE_TRY_H
#define HILBERT_LIB_EXECUTIONENGINE_TRY_H

#include "hilbert-runtime/Status.h"

/// Evaluates a Status, and returns it from the function around unless it is ok.
#define TRY(expression)                                                        \
  if (hilbert::rt::Status tried = (expression); !tried.ok())                   \
  return tried

#endif // HILBERT_LIB_EXECUTIONENGINE_TRY_H
