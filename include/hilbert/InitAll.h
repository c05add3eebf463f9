//===- InitAll.h - Register everything --------------------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_INITALL_H
#define HILBERT_INITALL_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace hilbert {

/// Registers our dialects, the upstream ones that our passes take and make, and
/// the interfaces and translations that the pipelines need.
void registerAllDialects(mlir::DialectRegistry &registry);

/// Registers our passes and pipelines, and the upstream passes that go with
/// them.
void registerAllPasses();

} // namespace hilbert

#endif // HILBERT_INITALL_H
