//===- ArtifactNames.h - The words of a manifest ----------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_LIB_TARGET_ARTIFACTNAMES_H
#define HILBERT_LIB_TARGET_ARTIFACTNAMES_H

#include "hilbert/Target/Artifact.h"

namespace hilbert {

// In the order of the enumerations: writer and reader share them.
inline constexpr const char *kArgumentTypes[] = {"pointer", "i32", "i64",
                                                 "f32"};
inline constexpr const char *kArgumentUses[] = {"value", "input", "output"};

inline const char *getName(KernelArgument::Type type) {
  return kArgumentTypes[unsigned(type)];
}
inline const char *getName(KernelArgument::Use use) {
  return kArgumentUses[unsigned(use)];
}

} // namespace hilbert

#endif // HILBERT_LIB_TARGET_ARTIFACTNAMES_H
