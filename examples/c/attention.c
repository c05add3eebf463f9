/*===- attention.c - The C API: attention over an image -------------------===*\
|*
|* Part of the hilbert project, under the Apache License v2.0 with LLVM
|* Exceptions. See LICENSE for license information.
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
|*
\*===----------------------------------------------------------------------===*/

/* First in one call, along a Hilbert curve; then the same as a program in the
 * dialect that is compiled, loaded, planned and launched. Both give the same
 * numbers. */

#include "hilbert-c/Attention.h"
#include "hilbert-c/Program.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { B = 1, HEIGHT = 24, WIDTH = 40, N = HEIGHT * WIDTH, H = 4, D = 32 };
enum { SIZE = B * N * H * D, STATS = B * H * N };

static void check(HilbertStatus status) {
  if (status != HILBERT_OK) {
    fprintf(stderr, "status %d: %s\n", (int)status, hilbertGetErrorMessage());
    exit(1);
  }
}

/* A row-major f32 tensor. */
static HilbertTensor tensor(float *data, int rank, const int64_t *shape) {
  HilbertTensor result;
  int64_t stride = 1;
  int d;
  memset(&result, 0, sizeof(result));
  result.data = data;
  result.dtype = HILBERT_F32;
  result.deviceType = HILBERT_CPU;
  result.rank = rank;
  for (d = rank - 1; d >= 0; --d) {
    result.shape[d] = shape[d];
    result.strides[d] = stride;
    stride *= shape[d];
  }
  return result;
}

static float *randomFloats(void) {
  float *data = malloc(SIZE * sizeof(float));
  int i;
  if (!data)
    exit(1);
  for (i = 0; i < SIZE; ++i)
    data[i] = (float)rand() / (float)RAND_MAX * 4 - 2;
  return data;
}

static const char program[] =
    "!t = tensor<1x960x4x32xf32>\n"
    "#curve = #hilbert.order<hilbert, [24, 40]>\n"
    "func.func @f(%q: !t, %k: !t, %v: !t) -> (!t, tensor<1x4x960xf32>) {\n"
    "  %0 = tensor.empty() : !t\n"
    "  %1 = tensor.empty() : tensor<1x4x960xf32>\n"
    "  %2 = hilbert.reorder %q dim 1 order(#curve) : !t\n"
    "  %3 = hilbert.reorder %k dim 1 order(#curve) : !t\n"
    "  %4 = hilbert.reorder %v dim 1 order(#curve) : !t\n"
    "  %5:2 = hilbert.attention ins(%2, %3, %4 : !t, !t, !t)\n"
    "      outs(%0, %1 : !t, tensor<1x4x960xf32>) pattern<(segment = 128)>\n"
    "  %6 = hilbert.restore %5#0 dim 1 order(#curve) : !t\n"
    "  %7 = hilbert.restore %5#1 dim 2 order(#curve) : tensor<1x4x960xf32>\n"
    "  return %6, %7 : !t, tensor<1x4x960xf32>\n"
    "}\n";

int main(void) {
  const int64_t shape[4] = {B, N, H, D}, statsShape[3] = {B, H, N};
  float *q = randomFloats(), *k = randomFloats(), *v = randomFloats();
  float *out = randomFloats(), *lse = randomFloats();
  float *again = randomFloats(), *lseAgain = randomFloats();
  const void *arguments[3];
  void *results[2];
  HilbertTensor inputs[3], outputs[2];
  HilbertAttention attention;
  HilbertArtifact *artifact;
  HilbertProgram *loaded;
  HilbertPlan *plan;
  double difference = 0;
  int i;

  memset(&attention, 0, sizeof(attention));
  attention.structSize = sizeof(attention);
  attention.q = tensor(q, 4, shape);
  attention.k = tensor(k, 4, shape);
  attention.v = tensor(v, 4, shape);
  attention.out = tensor(out, 4, shape);
  attention.lse = tensor(lse, 3, statsShape);
  attention.qOrder.kind = HILBERT_ORDER_STATIC;
  attention.qOrder.spec.curve = HILBERT_CURVE_HILBERT;
  attention.qOrder.spec.rank = 2;
  attention.qOrder.spec.extents[0] = HEIGHT;
  attention.qOrder.spec.extents[1] = WIDTH;
  attention.kvOrder = attention.outOrder = attention.qOrder;
  attention.pattern = "(segment = 128)";
  attention.scale = 1 / sqrtf((float)D);
  check(hilbertAttention(&attention));

  check(hilbertCompile(program, strlen(program), 0, &artifact));
  check(hilbertProgramLoad(artifact, &loaded));
  inputs[0] = attention.q;
  inputs[1] = attention.k;
  inputs[2] = attention.v;
  outputs[0] = tensor(again, 4, shape);
  outputs[1] = tensor(lseAgain, 3, statsShape);
  check(hilbertPlanCreate(loaded, "f", inputs, 3, outputs, 2, &plan));
  arguments[0] = q;
  arguments[1] = k;
  arguments[2] = v;
  results[0] = again;
  results[1] = lseAgain;
  check(hilbertPlanLaunch(plan, arguments, results));

  for (i = 0; i < SIZE; ++i)
    difference = fmax(difference, fabs((double)out[i] - again[i]));
  for (i = 0; i < STATS; ++i)
    difference = fmax(difference, fabs((double)lse[i] - lseAgain[i]));
  printf("hilbert %s: attention over %d tokens, out[0] = %f, lse[0] = %f\n",
         hilbertGetVersion(), N, (double)out[0], (double)lse[0]);
  printf("a call and a program differ by at most %.1e\n", difference);

  hilbertPlanDestroy(plan);
  hilbertProgramDestroy(loaded);
  hilbertArtifactDestroy(artifact);
  free(q), free(k), free(v), free(out), free(lse), free(again), free(lseAgain);
  /* NaN, too, is a failure. */
  return difference < 1e-5 ? 0 : 1;
}
