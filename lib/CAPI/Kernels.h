//===- Kernels.h - Attention kernels, compiled once -------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_LIB_CAPI_KERNELS_H
#define HILBERT_LIB_CAPI_KERNELS_H

#include "hilbert-c/Attention.h"
#include "hilbert/ExecutionEngine/HostProgram.h"

#include <array>

namespace hilbert {

/// What a kernel is specialised for. Everything else is an argument of it.
struct KernelSpec {
  bool isGradient = false;
  bool hasDlse = false;
  HilbertDType dtype = HILBERT_F32;
  int64_t depth = 0;
  HilbertCausality causal = HILBERT_CAUSAL_NONE;
  HilbertLayout layout = HILBERT_BNHD;
  /// The ranks of the distinct order tables.
  llvm::SmallVector<int, 3> tableRanks;
  /// For q, k and v, and out: the number of its table, or -1 for raster.
  std::array<int, 3> orders = {-1, -1, -1};
  /// Empty: dense.
  std::string pattern;

  std::string getKey() const;
};

/// A function of
///   forward: q, k, v, tables…, scale, out, lse
///   gradient: q, k, v, tables…, scale, out, lse, dout, [dlse,] dq, dk, dv
/// which writes the last two, or three.
struct Kernel {
  const HostFunction *function = nullptr;
  /// The shortest segment of a branch: more queries or keys than this must be
  /// equally many.
  int64_t shortestSegment = INT64_MAX;
  /// The lists of offsets of branches: how long each is.
  llvm::SmallVector<int64_t, 0> listedOffsets;
};

/// The kernel for a spec: from memory, from the cache folder, or compiled.
/// Lives as long as the process. On failure sets the status of the C API and
/// returns null.
const Kernel *getKernel(const KernelSpec &spec, HilbertStatus &status);

} // namespace hilbert

#endif // HILBERT_LIB_CAPI_KERNELS_H
