//===- Error.h - Status and message of the C API ----------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_LIB_CAPI_ERROR_H
#define HILBERT_LIB_CAPI_ERROR_H

#include "hilbert-c/Base.h"

#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"

namespace hilbert {

/// Records the message for hilbertGetErrorMessage and returns the status.
HilbertStatus fail(HilbertStatus status, const llvm::Twine &message);
HilbertStatus fail(HilbertStatus status, llvm::Error error);

} // namespace hilbert

#endif // HILBERT_LIB_CAPI_ERROR_H
