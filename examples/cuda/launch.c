/*===- launch.c - Run a compiled attention without this library
 * --------------===
 *
 * Part of the hilbert project, under the Apache License v2.0 with LLVM
 * Exceptions. See LICENSE for license information.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 *   hilbert-compile attention.mlir --target=sm_80 -o attention.ptx \
 *     --header=attention.h
 *   cc -std=c99 launch.c -ldl -lm -o launch
 *   ./launch attention.ptx
 *
 * Loads the PTX once and runs it on images of several sizes, of which some
 * results are compared with a loop on the CPU. It uses the CUDA driver, which
 * it finds at run time, and the header that hilbert-compile wrote. Exits with
 * 77 if there is no driver, or no GPU that can run the PTX.
 *
 *===------------------------------------------------------------------------===
 */

#include "attention.h"

#include <dlfcn.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 64, SEGMENT = 256, BATCH = 2, HEADS = 4, ROUNDS = 20 };
enum { EXIT_SKIPPED = 77 };

/*===------------------------------------------------------------------------===
 * The driver. With <cuda.h> and -lcuda, none of this is needed.
 *===------------------------------------------------------------------------===
 */

typedef int CUresult;
typedef int CUdevice;
typedef uint64_t CUdeviceptr;
typedef void *CUcontext, *CUmodule, *CUfunction, *CUstream, *CUevent;

enum {
  CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8,
  CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR = 75
};

#define FOR_EACH_FUNCTION(X)                                                   \
  X(cuInit, "cuInit", (unsigned))                                              \
  X(cuDriverGetVersion, "cuDriverGetVersion", (int *))                         \
  X(cuGetErrorString, "cuGetErrorString", (CUresult, const char **))           \
  X(cuDeviceGet, "cuDeviceGet", (CUdevice *, int))                             \
  X(cuDeviceGetAttribute, "cuDeviceGetAttribute", (int *, int, CUdevice))      \
  X(cuCtxRetain, "cuDevicePrimaryCtxRetain", (CUcontext *, CUdevice))          \
  X(cuCtxRelease, "cuDevicePrimaryCtxRelease_v2", (CUdevice))                  \
  X(cuCtxSetCurrent, "cuCtxSetCurrent", (CUcontext))                           \
  X(cuCtxSynchronize, "cuCtxSynchronize", (void))                              \
  X(cuModuleLoadData, "cuModuleLoadData", (CUmodule *, const void *))          \
  X(cuModuleUnload, "cuModuleUnload", (CUmodule))                              \
  X(cuModuleGetFunction, "cuModuleGetFunction",                                \
    (CUfunction *, CUmodule, const char *))                                    \
  X(cuFuncSetAttribute, "cuFuncSetAttribute", (CUfunction, int, int))          \
  X(cuMemAlloc, "cuMemAlloc_v2", (CUdeviceptr *, size_t))                      \
  X(cuMemFree, "cuMemFree_v2", (CUdeviceptr))                                  \
  X(cuMemcpyHtoD, "cuMemcpyHtoD_v2", (CUdeviceptr, const void *, size_t))      \
  X(cuMemcpyDtoH, "cuMemcpyDtoH_v2", (void *, CUdeviceptr, size_t))            \
  X(cuEventCreate, "cuEventCreate", (CUevent *, unsigned))                     \
  X(cuEventDestroy, "cuEventDestroy_v2", (CUevent))                            \
  X(cuEventRecord, "cuEventRecord", (CUevent, CUstream))                       \
  X(cuEventSynchronize, "cuEventSynchronize", (CUevent))                       \
  X(cuEventElapsedTime, "cuEventElapsedTime", (float *, CUevent, CUevent))     \
  X(cuLaunchKernel, "cuLaunchKernel",                                          \
    (CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,   \
     unsigned, CUstream, void **, void **))

#define DECLARE(name, symbol, parameters) static CUresult(*name) parameters;
FOR_EACH_FUNCTION(DECLARE)
#undef DECLARE

static void skip(const char *reason) {
  fprintf(stderr, "launch: skipped: %s\n", reason);
  exit(EXIT_SKIPPED);
}

static void load_driver(void) {
  void *library = dlopen("libcuda.so.1", RTLD_NOW), *address;
  if (!library)
    skip("there is no CUDA driver (libcuda.so.1)");
#define LOAD(name, symbol, parameters)                                         \
  if (!(address = dlsym(library, symbol)))                                     \
    skip("the CUDA driver is too old: it has no " symbol);                     \
  memcpy(&name, &address, sizeof address);
  FOR_EACH_FUNCTION(LOAD)
#undef LOAD
}

static void check(CUresult status, const char *call) {
  const char *text = NULL;
  if (status == 0)
    return;
  cuGetErrorString(status, &text);
  fprintf(stderr, "launch: error: %s: %s\n", call, text ? text : "unknown");
  exit(EXIT_FAILURE);
}
#define CHECK(call) check(call, #call)

/* Memory on the GPU, with contents if there are any. */
static CUdeviceptr allocate(const void *contents, size_t bytes) {
  CUdeviceptr pointer = 0;
  CHECK(cuMemAlloc(&pointer, bytes));
  if (contents)
    CHECK(cuMemcpyHtoD(pointer, contents, bytes));
  return pointer;
}

/*===------------------------------------------------------------------------===
 * Data on the CPU
 *===------------------------------------------------------------------------===
 */

static void *reserve(size_t bytes) {
  void *pointer = malloc(bytes);
  if (!pointer) {
    fprintf(stderr, "launch: error: out of memory\n");
    exit(EXIT_FAILURE);
  }
  return pointer;
}

static float from_bf16(uint16_t value) {
  uint32_t bits = (uint32_t)value << 16;
  float result;
  memcpy(&result, &bits, sizeof result);
  return result;
}

static uint16_t to_bf16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* Numbers in [-2, 2), the same ones in every run. */
static uint16_t *make_matrix(size_t size, uint64_t seed) {
  uint16_t *matrix = reserve(size * sizeof *matrix);
  size_t i;
  for (i = 0; i < size; ++i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    matrix[i] = to_bf16((float)(seed >> 40) / (1 << 22) - 2);
  }
  return matrix;
}

/* The tokens of a row-major image along the Hilbert curve of a square around
 * it. */
static int32_t *make_order(int32_t height, int32_t width) {
  int32_t *order = reserve((size_t)height * width * sizeof *order);
  int32_t side = 1, d, count = 0;
  while (side < height || side < width)
    side *= 2;
  for (d = 0; d < side * side; ++d) {
    int32_t x = 0, y = 0, s, rest = d;
    for (s = 1; s < side; s *= 2, rest /= 4) {
      int32_t rx = rest / 2 & 1, ry = (rest ^ rx) & 1;
      if (!ry) {
        int32_t old = x;
        x = rx ? s - 1 - y : y;
        y = rx ? s - 1 - old : old;
      }
      x += s * rx;
      y += s * ry;
    }
    if (x < width && y < height)
      order[count++] = y * width + x;
  }
  return order;
}

/* One row of out, and its lse, from the definition. Matrices are
 * [BATCH, tokens, HEADS, DEPTH]. */
static double attend(const uint16_t *q, const uint16_t *k, const uint16_t *v,
                     const int32_t *order, int32_t tokens, int32_t item,
                     int32_t head, int32_t position, float scale,
                     double out[DEPTH]) {
  const int32_t begin = position / SEGMENT * SEGMENT;
  const int32_t end = begin + SEGMENT < tokens ? begin + SEGMENT : tokens;
  double total = 0;
  int32_t p, i;
#define ROW(matrix, at)                                                        \
  ((matrix) + (((size_t)item * tokens + order[at]) * HEADS + head) * DEPTH)
  memset(out, 0, DEPTH * sizeof *out);
  for (p = begin; p < end; ++p) {
    double score = 0, weight;
    for (i = 0; i < DEPTH; ++i)
      score += (double)from_bf16(ROW(q, position)[i]) * from_bf16(ROW(k, p)[i]);
    weight = exp(score * scale);
    total += weight;
    for (i = 0; i < DEPTH; ++i)
      out[i] += weight * from_bf16(ROW(v, p)[i]);
  }
#undef ROW
  for (i = 0; i < DEPTH; ++i)
    out[i] /= total;
  return log(total);
}

/*===------------------------------------------------------------------------===
 * The kernel
 *===------------------------------------------------------------------------===
 */

static void launch(CUfunction function,
                   struct attention_forward_arguments *arguments) {
  void *parameters[attention_forward_argument_count];
  attention_forward_fill(arguments, parameters);
  CHECK(cuLaunchKernel(function,
                       (unsigned)attention_forward_ctas(arguments, BATCH), 1, 1,
                       attention_forward_threads, 1, 1,
                       attention_forward_shared_bytes, NULL, parameters, NULL));
}

static float get_milliseconds(CUfunction function,
                              struct attention_forward_arguments *arguments) {
  CUevent begin, end;
  float milliseconds = 0;
  int i;
  CHECK(cuEventCreate(&begin, 0));
  CHECK(cuEventCreate(&end, 0));
  CHECK(cuEventRecord(begin, NULL));
  for (i = 0; i < ROUNDS; ++i)
    launch(function, arguments);
  CHECK(cuEventRecord(end, NULL));
  CHECK(cuEventSynchronize(end));
  CHECK(cuEventElapsedTime(&milliseconds, begin, end));
  CHECK(cuEventDestroy(begin));
  CHECK(cuEventDestroy(end));
  return milliseconds / ROUNDS;
}

/* Returns whether results are right. */
static int run(CUfunction function, int32_t height, int32_t width) {
  const int32_t tokens = height * width;
  const size_t size = (size_t)BATCH * tokens * HEADS * DEPTH;
  const size_t bytes = size * sizeof(uint16_t);
  const size_t stats_bytes = (size_t)BATCH * HEADS * tokens * sizeof(float);
  uint16_t *q = make_matrix(size, 1), *k = make_matrix(size, 2);
  uint16_t *v = make_matrix(size, 3), *out = reserve(bytes);
  float *lse = reserve(stats_bytes);
  int32_t *order = make_order(height, width);
  struct attention_forward_arguments a;
  double largest_out = 0, largest_lse = 0;
  int32_t sample, i;
  int is_right;

  memset(&a, 0, sizeof a);
  a.q = allocate(q, bytes);
  a.k = allocate(k, bytes);
  a.v = allocate(v, bytes);
  a.out = allocate(NULL, bytes);
  a.lse = allocate(NULL, stats_bytes);
  a.q_table = a.kv_table = allocate(order, tokens * sizeof *order);
  a.q_batch_stride = (int64_t)tokens * HEADS * DEPTH;
  a.q_token_stride = HEADS * DEPTH;
  a.q_head_stride = DEPTH;
  a.k_batch_stride = a.v_batch_stride = a.out_batch_stride = a.q_batch_stride;
  a.k_token_stride = a.v_token_stride = a.out_token_stride = a.q_token_stride;
  a.k_head_stride = a.v_head_stride = a.out_head_stride = a.q_head_stride;
  a.queries = a.keys = tokens;
  a.query_heads = a.key_heads = HEADS;
  a.scale = 0.125f; /* 1 / sqrt(DEPTH) */

  launch(function, &a);
  CHECK(cuCtxSynchronize());
  CHECK(cuMemcpyDtoH(out, a.out, bytes));
  CHECK(cuMemcpyDtoH(lse, a.lse, stats_bytes));
  for (sample = 0; sample < 64; ++sample) {
    int32_t item = sample % BATCH, head = sample / BATCH % HEADS;
    /* The last position is one of them. */
    int32_t position = (int32_t)((int64_t)(tokens - 1) * sample / 63);
    int32_t token = order[position];
    double expected[DEPTH];
    double expected_lse =
        attend(q, k, v, order, tokens, item, head, position, a.scale, expected);
    for (i = 0; i < DEPTH; ++i) {
      size_t at = (((size_t)item * tokens + token) * HEADS + head) * DEPTH + i;
      /* fmax would lose a NaN. */
      double error = fabs(from_bf16(out[at]) - expected[i]);
      if (!(error <= largest_out))
        largest_out = error;
    }
    {
      double error = fabs(lse[((size_t)item * HEADS + head) * tokens + token] -
                          expected_lse);
      if (!(error <= largest_lse))
        largest_lse = error;
    }
  }
  is_right = largest_out < 0.02 && largest_lse < 1e-3;
  printf("%3d x %3d tokens: %.3f ms, largest error of out %.1e, of lse %.1e: "
         "%s\n",
         height, width, get_milliseconds(function, &a), largest_out,
         largest_lse, is_right ? "right" : "WRONG");

  CHECK(cuMemFree(a.q));
  CHECK(cuMemFree(a.k));
  CHECK(cuMemFree(a.v));
  CHECK(cuMemFree(a.out));
  CHECK(cuMemFree(a.lse));
  CHECK(cuMemFree(a.q_table));
  free(q);
  free(k);
  free(v);
  free(out);
  free(lse);
  free(order);
  return is_right;
}

/* A file as text, as cuModuleLoadData wants PTX. */
static char *read_text(const char *path) {
  FILE *file = fopen(path, "rb");
  long size = -1;
  char *text;
  if (file && fseek(file, 0, SEEK_END) == 0)
    size = ftell(file);
  if (size < 0) {
    fprintf(stderr, "launch: error: cannot read '%s'\n", path);
    exit(EXIT_FAILURE);
  }
  rewind(file);
  text = reserve((size_t)size + 1);
  text[fread(text, 1, (size_t)size, file)] = '\0';
  fclose(file);
  return text;
}

int main(int argc, char **argv) {
  static const int32_t sizes[][2] = {{32, 32}, {25, 40}, {7, 9}, {128, 128}};
  CUdevice device = 0;
  CUcontext context;
  CUmodule module;
  CUfunction function;
  char *ptx;
  int major = 0, is_right = 1;
  size_t i;
  if (argc != 2) {
    fprintf(stderr, "usage: launch attention.ptx\n");
    return EXIT_FAILURE;
  }
  ptx = read_text(argv[1]);
  load_driver();
  if (cuInit(0) != 0 || cuDeviceGet(&device, 0) != 0)
    skip("there is no CUDA device");
  CHECK(cuDeviceGetAttribute(
      &major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device));
  if (major < 8)
    skip("the CUDA device is older than compute capability 8.0");
  CHECK(cuCtxRetain(&context, device));
  CHECK(cuCtxSetCurrent(context));
  CHECK(cuModuleLoadData(&module, ptx));
  CHECK(cuModuleGetFunction(&function, module, attention_forward_name));
  CHECK(cuFuncSetAttribute(function,
                           CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                           attention_forward_shared_bytes));
  for (i = 0; i < sizeof sizes / sizeof *sizes; ++i)
    is_right &= run(function, sizes[i][0], sizes[i][1]);
  CHECK(cuModuleUnload(module));
  CHECK(cuCtxRelease(device));
  free(ptx);
  return is_right ? EXIT_SUCCESS : EXIT_FAILURE;
}
