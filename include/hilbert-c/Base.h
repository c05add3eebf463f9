/*===- hilbert-c/Base.h - Status, tensors, settings ---------------*- C -*-===*\
|*
|* Part of the hilbert project, under the Apache License v2.0 with LLVM
|* Exceptions. See LICENSE for license information.
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
|*
\*===----------------------------------------------------------------------===*/

#ifndef HILBERT_C_BASE_H
#define HILBERT_C_BASE_H

#include <stddef.h>
#include <stdint.h>

/* What a function of this library never does: throw, abort on bad input, change
 * the caller's signal handlers, or print. All functions may be called from any
 * thread. */

#if defined(_WIN32)
#define HILBERT_API
#else
#define HILBERT_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The result of a call. Any but HILBERT_OK leaves a message for
 * hilbertGetErrorMessage and no other effect. */
typedef enum HilbertStatus {
  HILBERT_OK = 0,
  /* A value breaks a constraint; the message names argument, constraint and
   * value. */
  HILBERT_INVALID_ARGUMENT = 1,
  /* An element type, rank or device is not the one that is needed. */
  HILBERT_INVALID_TYPE = 2,
  /* Valid, but this target cannot do it. */
  HILBERT_UNSUPPORTED = 3,
  /* A program does not parse, verify or lower; the message holds the compiler's
   * diagnostics. */
  HILBERT_COMPILE_FAILED = 4,
  HILBERT_OUT_OF_MEMORY = 5,
  /* A bug of the library. */
  HILBERT_INTERNAL_ERROR = 6,
  /* The GPU's driver failed; the message has its words. */
  HILBERT_DRIVER_FAILED = 7
} HilbertStatus;

/* The message of the last call of this thread that failed; never null. Valid
 * until the next call that fails. */
HILBERT_API const char *hilbertGetErrorMessage(void);

/* "0.1.0". */
HILBERT_API const char *hilbertGetVersion(void);

typedef enum HilbertDType {
  HILBERT_F16 = 0,
  HILBERT_BF16 = 1,
  HILBERT_F32 = 2,
  HILBERT_F64 = 3,
  HILBERT_I32 = 4,
  HILBERT_I64 = 5
} HilbertDType;

/* Values as in DLPack. */
typedef enum HilbertDeviceType {
  HILBERT_CPU = 1,
  HILBERT_CUDA = 2
} HilbertDeviceType;

#define HILBERT_MAX_RANK 8

/* A tensor of the caller. Rank 0 is a scalar; `data` points at its value.
 * Strides are in elements. An optional tensor that is absent is all zeros. */
typedef struct HilbertTensor {
  void *data;
  HilbertDType dtype;
  int32_t deviceType;
  int32_t deviceId;
  int32_t rank;
  int64_t shape[HILBERT_MAX_RANK];
  int64_t strides[HILBERT_MAX_RANK];
} HilbertTensor;

/* How many threads kernels on the host use, the calling one included. */
HILBERT_API int32_t hilbertGetNumThreads(void);
/* n < 1 restores the default: HILBERT_NUM_THREADS, or the CPUs that the process
 * may run on. */
HILBERT_API void hilbertSetNumThreads(int32_t n);

#ifdef __cplusplus
}
#endif

#endif /* HILBERT_C_BASE_H */
