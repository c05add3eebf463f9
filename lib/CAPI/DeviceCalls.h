//===- DeviceCalls.h - Attention on a GPU in one call -----------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_LIB_CAPI_DEVICECALLS_H
#define HILBERT_LIB_CAPI_DEVICECALLS_H

#include "hilbert-c/Attention.h"

#include <string>

namespace hilbert {

// Of calls whose settings were checked and whose q is on a GPU.
HilbertStatus runOnDevice(const HilbertAttention &attention);
HilbertStatus runOnDevice(const HilbertAttentionGrad &grad);
HilbertStatus getWorkspaceBytes(const HilbertAttentionGrad &grad,
                                size_t &bytes);
/// As JSON. Of the gradient unless `grad` is null.
HilbertStatus explainOnDevice(const HilbertAttention &attention,
                              const HilbertAttentionGrad *grad,
                              std::string &json);

} // namespace hilbert

#endif // HILBERT_LIB_CAPI_DEVICECALLS_H
