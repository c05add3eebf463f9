//===- DeviceAttentionCheck.h - What a GPU attention takes ------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_LIB_EXECUTIONENGINE_DEVICEATTENTIONCHECK_H
#define HILBERT_LIB_EXECUTIONENGINE_DEVICEATTENTIONCHECK_H

#include "hilbert/ExecutionEngine/DeviceAttention.h"

namespace hilbert {

/// Of q, k, v, out and their gradients, in bytes.
constexpr int64_t kMatrixAlignment = 16;

/// An InvalidArgument.
rt::Status invalid(const llvm::Twine &message);

/// "q", "dlse", ...
llvm::StringRef getOperandName(unsigned operand);

/// Checks what depends on the pattern.
rt::Status checkGeometry(const DeviceAttentionProblem &problem,
                         const DeviceGeometry &geometry);

/// Checks addresses of everything but the workspace.
rt::Status checkAddresses(const rt::cuda::Device &device,
                          const DeviceAttentionProblem &problem,
                          const DeviceAddresses &addresses);

} // namespace hilbert

#endif // HILBERT_LIB_EXECUTIONENGINE_DEVICEATTENTIONCHECK_H
