//===- TileBuilder.h - Arithmetic on scalars and tiles ----------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_LIB_CONVERSION_HILBERTTOGPU_TILEBUILDER_H
#define HILBERT_LIB_CONVERSION_HILBERTTOGPU_TILEBUILDER_H

#include "hilbert/Conversion/Passes.h"
#include "hilbert/Dialect/HilbertGPU/IR/HilbertGPU.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace hilbert {

/// i32 arithmetic, f32 and i32 tiles, and control flow, in few characters.
class TileBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;
  using Value = mlir::Value;
  using Values = llvm::SmallVector<Value>;

  /// Scalars: constants, clamped to what an i32 holds.
  Value i32(int64_t value);
  Value f32(double value);
  Value i64(Value value);

  // Of scalars or tiles alike.
  Value add(Value a, Value b);
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  Value min(Value a, Value b);
  Value land(Value a, Value b);
  Value lor(Value a, Value b);
  Value less(Value a, Value b);
  Value lessEqual(Value a, Value b);
  Value equal(Value a, Value b);
  Value select(Value condition, Value a, Value b);

  // Of scalars that are not negative.
  Value div(Value a, Value b);
  Value rem(Value a, Value b);
  Value ceilDiv(Value a, Value b);
  /// Splits `flat` into flat mod size and flat div size, which it becomes.
  Value peel(Value &flat, Value size);

  // Of f32 scalars and tiles.
  Value subf(Value a, Value b);
  Value mulf(Value a, Value b);
  Value divf(Value a, Value b);
  Value maxf(Value a, Value b);
  Value fma(Value a, Value b, Value c);
  Value exp2(Value a);
  Value log2(Value a);
  Value equalf(Value a, Value b);

  /// A tile of equal elements.
  Value splat(mlir::RankedTensorType type, double value);
  Value splat(mlir::RankedTensorType type, Value scalar);
  /// A row vector (`dim` 1) or column vector (`dim` 0) as a matrix.
  Value broadcast(Value vector, mlir::RankedTensorType type);

  void when(Value condition, llvm::function_ref<void()> body);
  /// Values of one branch or the other.
  Values choose(Value condition, mlir::TypeRange types,
                llvm::function_ref<Values()> then,
                llvm::function_ref<Values()> otherwise);
  /// A loop that carries values: the body returns the next ones.
  Values loop(Value lower, Value upper, mlir::ValueRange init,
              llvm::function_ref<Values(Value, mlir::ValueRange)> body);

private:
  Value compare(mlir::arith::CmpIPredicate predicate, Value a, Value b);
};

} // namespace hilbert

#endif // HILBERT_LIB_CONVERSION_HILBERTTOGPU_TILEBUILDER_H
