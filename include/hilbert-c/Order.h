/*===- hilbert-c/Order.h - Orders along space-filling curves ------*- C -*-===*\
|*
|* Part of the hilbert project, under the Apache License v2.0 with LLVM
|* Exceptions. See LICENSE for license information.
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
|*
\*===----------------------------------------------------------------------===*/

#ifndef HILBERT_C_ORDER_H
#define HILBERT_C_ORDER_H

#include "hilbert-c/Base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum HilbertCurve {
  HILBERT_CURVE_RASTER = 0,
  HILBERT_CURVE_SNAKE = 1,
  HILBERT_CURVE_MORTON = 2,
  HILBERT_CURVE_HILBERT = 3
} HilbertCurve;

/* A static order of the tokens of a 1-, 2- or 3-D grid, which are numbered row
 * by row; see docs/semantics.md. */
typedef struct HilbertOrderSpec {
  HilbertCurve curve;
  /* The axes of the grid. 0: a bare length, whose grid is chosen by the library
   * (hilbertOrderResolve tells which). */
  int32_t rank;
  /* Slowest axis first; unused ones are 0. */
  int64_t extents[3];
  /* All 0: not tiled. */
  int64_t tile[3];
  /* The number of tokens. May be 0 for a whole grid. */
  int64_t length;
} HilbertOrderSpec;

/* Checks a spec and writes it with its grid and length. `resolved` may be
 * `spec`. */
HILBERT_API HilbertStatus hilbertOrderResolve(const HilbertOrderSpec *spec,
                                              HilbertOrderSpec *resolved);

/* The table of an order: table[p] is the token at position p. Equal orders
 * share one table, which is read-only and lives as long as the process. */
HILBERT_API HilbertStatus hilbertOrderGetTable(const HilbertOrderSpec *spec,
                                               const int32_t **table,
                                               int64_t *length);

/* Inverts a table: inverse[table[p]] = p. Fails unless `table` is a permutation
 * of 0..length-1. */
HILBERT_API HilbertStatus hilbertOrderInvert(const int32_t *table,
                                             int64_t length, int32_t *inverse);

#ifdef __cplusplus
}
#endif

#endif /* HILBERT_C_ORDER_H */
