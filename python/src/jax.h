//===- jax.h - Handlers for JAX ---------------------------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_PYTHON_JAX_H
#define HILBERT_PYTHON_JAX_H

#include <nanobind/nanobind.h>

/// XLA FFI handlers by the name of their target.
nanobind::dict ffiHandlers();

#endif // HILBERT_PYTHON_JAX_H
