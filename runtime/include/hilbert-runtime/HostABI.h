//===- HostABI.h - What compiled host kernels call --------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The C ABI between JIT-compiled host kernels and this library. A JIT registers
// the functions explicitly (hilbert::rt::hostSymbols): they are not looked up
// in the process.
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_RUNTIME_HOSTABI_H
#define HILBERT_RUNTIME_HOSTABI_H

// C99 includes this header, too.
#include <stdint.h> // NOLINT(modernize-deprecated-headers)

#ifdef __cplusplus
extern "C" {
#endif

/// Calls `body(context, begin, end)` for disjoint ranges that cover
/// [0, count), on the calling thread and on the workers of the pool; returns
/// when all of it is done. See hilbert::rt::parallelFor.
void hilbert_rt_parallel_for(void (*body)(void *context, int64_t begin,
                                          int64_t end),
                             void *context, int64_t count);

/// Records a failure of the calling thread (inside a parallel_for: of its
/// caller). The first one is kept until hilbert::rt::takeFailure takes it;
/// later ones are dropped. Returns: the kernel decides how to go on.
void hilbert_rt_fail(const char *message);

/// The table of a static order: table[p] is the token at position p. `curve`
/// is a hilbert::curve::Curve, the extents and the tile are padded with zeros
/// to three sizes, a tile of zeros is none. The order must be valid. Equal
/// orders share one table, which is read-only and lives as long as the process.
/// Returns null, after hilbert_rt_fail, if there is no memory for it.
const int32_t *hilbert_rt_order(int64_t curve, int64_t rank, int64_t extent0,
                                int64_t extent1, int64_t extent2, int64_t tile0,
                                int64_t tile1, int64_t tile2, int64_t length);

#ifdef __cplusplus
}
#endif

#endif // HILBERT_RUNTIME_HOSTABI_H
