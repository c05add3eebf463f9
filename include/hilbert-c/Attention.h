/*===- hilbert-c/Attention.h - Attention in one call --------------*- C -*-===*\
|*
|* Part of the hilbert project, under the Apache License v2.0 with LLVM
|* Exceptions. See LICENSE for license information.
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
|*
\*===----------------------------------------------------------------------===*/

#ifndef HILBERT_C_ATTENTION_H
#define HILBERT_C_ATTENTION_H

#include "hilbert-c/Order.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum HilbertOrderKind {
  /* Row-major. */
  HILBERT_ORDER_RASTER = 0,
  /* `spec`. */
  HILBERT_ORDER_STATIC = 1,
  /* `table`: i32 [N], or [B, N] for one order a batch item. On the host,
   * entries outside of 0..N-1 are an error. That it is a permutation is checked
   * if the environment variable HILBERT_CHECK_ORDERS is 1; on a GPU that waits
   * for the stream, and without it nothing is checked. */
  HILBERT_ORDER_TABLE = 2
} HilbertOrderKind;

typedef struct HilbertOrder {
  HilbertOrderKind kind;
  HilbertOrderSpec spec;
  HilbertTensor table;
} HilbertOrder;

typedef enum HilbertCausality {
  HILBERT_CAUSAL_NONE = 0,
  HILBERT_CAUSAL_TOKEN = 1,
  HILBERT_CAUSAL_POSITION = 2
} HilbertCausality;

typedef enum HilbertLayout { HILBERT_BNHD = 0, HILBERT_BHND = 1 } HilbertLayout;

/* out = softmax(scale * q k^T) v over the keys that the pattern gives each
 * query, and lse, the natural logarithm of the sum of exponentials; see
 * docs/semantics.md. All tensors are on one device, the host or a GPU. */
typedef struct HilbertAttention {
  /* sizeof(HilbertAttention): later versions may append members. */
  size_t structSize;
  /* f16, bf16 or f32, all alike; [B, N, H, D] or [B, H, N, D] by `layout`; H of
   * k and v may divide that of q. D is a multiple of 8 up to 256 and
   * contiguous; other strides are multiples of 16 bytes; data is 16-byte
   * aligned. out is written and has the shape of q. */
  HilbertTensor q, k, v, out;
  /* f32 [B, H, N], contiguous; written; by token, like out. */
  HilbertTensor lse;
  HilbertOrder qOrder, kvOrder, outOrder;
  /* The branches, as the dialect writes them: "(segment = 256, dilation = 2,
   * mode = both, offset = head)", several joined by " + ". Null: dense. */
  const char *pattern;
  HilbertCausality causal;
  HilbertLayout layout;
  /* Finite. */
  float scale;
  /* What follows is for GPUs, and ignored on the host. */
  /* Not 0: products of f32 are in tf32. Otherwise a GPU does not take f32. */
  int32_t allowTf32;
  /* The CUstream (cudaStream_t) that kernels are enqueued on; null is the
   * legacy default stream. It may be being captured. */
  void *stream;
  /* Device memory for the gradient, 256-byte aligned, as much as
   * hilbertAttentionGradGetWorkspaceBytes says, until the kernels are done.
   * Null: from the device's memory pool, in the order of the stream. */
  void *workspace;
  size_t workspaceBytes;
} HilbertAttention;

/* Runs the forward; on a GPU, enqueues it. The first call for a combination of
 * element type, D, pattern, causality, layout and kinds of orders compiles a
 * kernel; others find it in memory, or in the cache folder (HILBERT_CACHE_DIR;
 * see docs/environment.md). */
HILBERT_API HilbertStatus hilbertAttention(const HilbertAttention *attention);

/* Gradients of q, k and v. */
typedef struct HilbertAttentionGrad {
  size_t structSize;
  /* The forward's arguments and results; out and lse are read. */
  HilbertAttention forward;
  /* The gradient of out; like out. */
  HilbertTensor dout;
  /* The gradient of lse; like lse, or absent. */
  HilbertTensor dlse;
  /* Written; shapes of q, k and v. */
  HilbertTensor dq, dk, dv;
} HilbertAttentionGrad;

HILBERT_API HilbertStatus
hilbertAttentionGrad(const HilbertAttentionGrad *grad);

/* How many bytes of workspace the gradient needs: none on the host. */
HILBERT_API HilbertStatus hilbertAttentionGradGetWorkspaceBytes(
    const HilbertAttentionGrad *grad, size_t *bytes);

/* How a call runs, as JSON, without running it; kernels are compiled. Of the
 * gradient where `grad` is not null, else of `attention`. Valid until the next
 * call of this thread.
 *   {"device": "cpu", "threads": 8} on the host, or
 *   {"device": "NVIDIA H100 80GB HBM3", "target": "sm_90",
 *    "multiprocessors": 132, "queries": "box", "keys": "box",
 *    "workspace_bytes": 0, "kernels": [{"name": "attention_forward",
 *      "role": "forward", "schedule": "#hilbert_gpu.schedule<...>",
 *      "tile": 128, "other_tile": 64, "blocks": 4096, "threads": 128,
 *      "shared_bytes": 98304, "registers": 255, "local_bytes": 0}]}
 * where queries and keys tell how rows are found: by "run" (row-major), "box"
 * or "table". */
HILBERT_API HilbertStatus
hilbertAttentionExplain(const HilbertAttention *attention,
                        const HilbertAttentionGrad *grad, const char **json);

/* What happened to kernels in this process so far. */
typedef struct HilbertStatistics {
  /* Compiled from scratch. */
  int64_t compilations;
  /* Found in the cache folder. */
  int64_t diskHits;
  /* Found in memory. */
  int64_t memoryHits;
} HilbertStatistics;

HILBERT_API void hilbertGetStatistics(HilbertStatistics *statistics);

#ifdef __cplusplus
}
#endif

#endif /* HILBERT_C_ATTENTION_H */
