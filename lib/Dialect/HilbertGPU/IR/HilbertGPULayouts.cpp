//===- HilbertGPULayouts.cpp - Which thread holds which element -----------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Dialect/HilbertGPU/IR/HilbertGPU.h"

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace hilbert::tile;

#define GET_ATTRDEF_CLASSES
#include "hilbert/Dialect/HilbertGPU/IR/HilbertGPUAttributes.cpp.inc"

void HilbertGPUDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "hilbert/Dialect/HilbertGPU/IR/HilbertGPUAttributes.cpp.inc"
      >();
}

namespace {
/// Says why, if someone listens.
LogicalResult complain(function_ref<InFlightDiagnostic()> emitError,
                       const Twine &message) {
  if (emitError)
    emitError() << message;
  return failure();
}

/// The part of a coordinate that depends on the thread, for rows and columns
/// of matrix instructions: rows are 4 lanes apart, columns in pairs.
AffineExpr rowOf(MLIRContext *context, int64_t rowsPerWarp) {
  AffineExpr lane = getAffineDimExpr(0, context);
  AffineExpr warp = getAffineDimExpr(1, context);
  return warp * rowsPerWarp + lane.floorDiv(4);
}
AffineExpr columnOf(MLIRContext *context) {
  return getAffineDimExpr(0, context) % 4 * 2;
}
} // namespace

//===----------------------------------------------------------------------===//
// mma
//===----------------------------------------------------------------------===//

LogicalResult MmaAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                              int64_t warps) {
  if (warps < 1)
    return emitError() << "(C1) warps must be positive, but got " << warps;
  return success();
}

LogicalResult
MmaAttr::verifyShape(ArrayRef<int64_t> shape,
                     function_ref<InFlightDiagnostic()> emitError) const {
  if (shape.size() != 2)
    return complain(emitError, "an mma layout holds matrices, but got rank " +
                                   Twine(shape.size()));
  if (shape[0] < 1 || shape[0] % (16 * getWarps()))
    return complain(emitError,
                    "rows must be a multiple of 16 for each of the " +
                        Twine(getWarps()) + " warps, but are " +
                        Twine(shape[0]));
  if (shape[1] < 1 || shape[1] % 8)
    return complain(emitError, "columns must be a multiple of 8, but are " +
                                   Twine(shape[1]));
  return success();
}

int64_t MmaAttr::getNumElements(ArrayRef<int64_t> shape) const {
  return shape[0] * shape[1] / (32 * getWarps());
}

AffineMap MmaAttr::getThreadMap(ArrayRef<int64_t> shape) const {
  MLIRContext *context = getContext();
  return AffineMap::get(
      2, 0, {rowOf(context, shape[0] / getWarps()), columnOf(context)},
      context);
}

SmallVector<int64_t> MmaAttr::getOffset(ArrayRef<int64_t> shape,
                                        int64_t element) const {
  // [row block][column block][half of the rows][one of two columns]
  int64_t column = element % 2, half = element / 2 % 2;
  int64_t blocks = shape[1] / 8, block = element / 4;
  return {block / blocks * 16 + half * 8, block % blocks * 8 + column};
}

//===----------------------------------------------------------------------===//
// operand
//===----------------------------------------------------------------------===//

LogicalResult
OperandAttr::verifyShape(ArrayRef<int64_t> shape,
                         function_ref<InFlightDiagnostic()> emitError) const {
  if (failed(getParent().verifyShape(shape, emitError)))
    return failure();
  if (shape[1] % 16)
    return complain(emitError,
                    "columns of an operand must be a multiple of 16, but are " +
                        Twine(shape[1]));
  return success();
}

int64_t OperandAttr::getNumElements(ArrayRef<int64_t> shape) const {
  return getParent().getNumElements(shape);
}

AffineMap OperandAttr::getThreadMap(ArrayRef<int64_t> shape) const {
  return getParent().getThreadMap(shape);
}

SmallVector<int64_t> OperandAttr::getOffset(ArrayRef<int64_t> shape,
                                            int64_t element) const {
  // [row block][column block][half of the columns][half of the rows][pair]
  int64_t column = element % 2, half = element / 2 % 2, right = element / 4 % 2;
  int64_t blocks = shape[1] / 16, block = element / 8;
  return {block / blocks * 16 + half * 8,
          block % blocks * 16 + right * 8 + column};
}

//===----------------------------------------------------------------------===//
// slice
//===----------------------------------------------------------------------===//

LogicalResult SliceAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                int64_t dim, MmaAttr parent) {
  if (dim != 0 && dim != 1)
    return emitError() << "(C1) dim must be 0 or 1, but got " << dim;
  return success();
}

/// A matrix of the parent whose slice has this shape.
static SmallVector<int64_t> getMatrixShape(SliceAttr slice,
                                           ArrayRef<int64_t> shape) {
  if (slice.getDim() == 1)
    return {shape[0], 8};
  return {16 * slice.getParent().getWarps(), shape[0]};
}

LogicalResult
SliceAttr::verifyShape(ArrayRef<int64_t> shape,
                       function_ref<InFlightDiagnostic()> emitError) const {
  if (shape.size() != 1)
    return complain(emitError, "a slice holds vectors, but got rank " +
                                   Twine(shape.size()));
  return getParent().verifyShape(getMatrixShape(*this, shape), emitError);
}

int64_t SliceAttr::getNumElements(ArrayRef<int64_t> shape) const {
  // Two of each block of 16 rows, or of 8 columns.
  return getDim() == 1 ? shape[0] / getParent().getWarps() / 8 : shape[0] / 4;
}

AffineMap SliceAttr::getThreadMap(ArrayRef<int64_t> shape) const {
  AffineMap map = getParent().getThreadMap(getMatrixShape(*this, shape));
  return map.getSubMap(static_cast<unsigned>(1 - getDim()));
}

SmallVector<int64_t> SliceAttr::getOffset(ArrayRef<int64_t> shape,
                                          int64_t element) const {
  return {getDim() == 1 ? element * 8 : element / 2 * 8 + element % 2};
}

//===----------------------------------------------------------------------===//
// Schedules
//===----------------------------------------------------------------------===//

LogicalResult ScheduleAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                   int64_t m, int64_t n, int64_t warps,
                                   int64_t stages, int64_t ctas, Addressing) {
  auto checkRange = [&](StringRef name, int64_t value, int64_t most) {
    if (value >= 1 && value <= most)
      return success();
    return LogicalResult(emitError() << "(C3) " << name << " must be from 1 to "
                                     << most << ", but is " << value);
  };
  if (failed(checkRange("warps", warps, 16)) ||
      failed(checkRange("stages", stages, 8)) ||
      failed(checkRange("ctas", ctas, 8)))
    return failure();
  if (m < 1 || m % (16 * warps))
    return emitError()
           << "(C1) m must be a positive multiple of 16 for each of " << warps
           << " warps, but is " << m;
  if (n < 1 || n % 16)
    return emitError() << "(C2) n must be a positive multiple of 16, but is "
                       << n;
  return success();
}
