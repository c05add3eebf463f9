//===- Artifact.h - Kernels, and how to launch them -------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_TARGET_ARTIFACT_H
#define HILBERT_TARGET_ARTIFACT_H

#include "hilbert/Target/PTX.h"

#include "llvm/Support/JSON.h"

#include <vector>

namespace hilbert {

/// An argument of a kernel.
struct KernelArgument {
  enum class Type { Pointer, I32, I64, F32 };
  std::string name;
  Type type;
};

/// What a launch of a kernel needs to know.
struct KernelInfo {
  std::string name;
  /// What it computes: "forward", "delta", "dq", "dkv", "dk" or "dv".
  std::string role;
  std::vector<KernelArgument> arguments;
  int64_t threads = 0;
  int64_t sharedBytes = 0;
  // The grid is one-dimensional, with tiles · classes · segments · heads ·
  // batch CTAs, where tiles = ceil(ceil(min(segment, tokens) / classes) / tile)
  // and segments = ceil(tokens / segment).
  /// Whether tokens and heads are the queries' or the keys'.
  bool ownsQueries = true;
  int64_t tile = 0;
  /// Rows of a tile of the side that a CTA walks.
  int64_t otherTile = 0;
  /// 0: one segment covers all tokens.
  int64_t segment = 0;
  int64_t classes = 1;
};

/// The kernels of a program for one target.
struct GPUArtifact {
  static constexpr int kSchema = 1;

  PTXTarget target;
  std::string ptx;
  std::vector<KernelInfo> kernels;

  /// Emits the PTX of a gpu.module in the nvvm dialect, and describes it.
  static llvm::Expected<GPUArtifact> create(mlir::gpu::GPUModuleOp module,
                                            const PTXTarget &target);
  /// docs/artifacts.md says what is in it.
  llvm::json::Value getManifest() const;
};

} // namespace hilbert

#endif // HILBERT_TARGET_ARTIFACT_H
