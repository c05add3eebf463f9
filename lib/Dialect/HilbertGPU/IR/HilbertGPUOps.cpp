//===- HilbertGPUOps.cpp - Verifiers and inference of tile ops ------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Dialect/HilbertGPU/IR/HilbertGPU.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace hilbert::tile;

#define GET_OP_CLASSES
#include "hilbert/Dialect/HilbertGPU/IR/HilbertGPUOps.cpp.inc"

/// The constraint that does not hold, and where.
static InFlightDiagnostic violates(Operation *op, StringRef label) {
  return op->emitOpError() << "(" << label << ") ";
}

//===----------------------------------------------------------------------===//
// Global memory
//===----------------------------------------------------------------------===//

LogicalResult MatrixOp::verify() {
  if (getType().getColumns() < 1)
    return violates(*this, "C1")
           << "matrix must have a positive number of columns, but has "
           << getType().getColumns();
  return success();
}

static LogicalResult verifyAccess(Operation *op, RowsType type, Access wanted) {
  if (type.getAccess() == wanted)
    return success();
  return violates(op, "C2") << "access must be " << stringifyAccess(wanted)
                            << ", but is " << stringifyAccess(type.getAccess());
}

static LogicalResult verifyStep(Operation *op, int32_t step) {
  if (step > 0)
    return success();
  return violates(op, "C1") << "step must be positive, but is " << step;
}

LogicalResult RunRowsOp::verify() {
  if (failed(verifyStep(*this, getStep())))
    return failure();
  return verifyAccess(*this, getType(), Access::Run);
}

LogicalResult TableRowsOp::verify() {
  if (failed(verifyStep(*this, getStep())))
    return failure();
  return verifyAccess(*this, getType(), Access::Table);
}

LogicalResult BoxRowsOp::verify() {
  return verifyAccess(*this, getType(), Access::Box);
}

/// What a vector with a number for each row must be.
static LogicalResult verifyRowVector(Operation *op, RankedTensorType type,
                                     RowsType rows, Type elementType) {
  if (!isa<SliceAttr>(type.getEncoding()) ||
      type.getShape() != ArrayRef(rows.getSize()))
    return violates(op, "C1") << "vector must be a slice of " << rows.getSize()
                              << " entries, but is " << type;
  if (type.getElementType() != elementType)
    return violates(op, "C2") << "vector must be of " << elementType
                              << ", but is of " << type.getElementType();
  return success();
}

LogicalResult TokensOp::verify() {
  return verifyRowVector(*this, getType(), getRows().getType(),
                         IntegerType::get(getContext(), 32));
}

LogicalResult GatherOp::verify() {
  MatrixType matrix = getMatrix().getType();
  if (matrix.getColumns() != 1)
    return violates(*this, "C2")
           << "matrix must have one column, but has " << matrix.getColumns();
  return verifyRowVector(*this, getType(), getRows().getType(),
                         matrix.getElementType());
}

/// A tile in shared memory or registers against the rows of a matrix.
static LogicalResult verifyTile(Operation *op, ArrayRef<int64_t> shape,
                                Type elementType, MatrixType matrix,
                                RowsType rows) {
  if (shape[0] != rows.getSize())
    return violates(op, "C1") << "tile must have " << rows.getSize()
                              << " rows, but has " << shape[0];
  if (elementType != matrix.getElementType())
    return violates(op, "C2") << "tile must be of " << matrix.getElementType()
                              << ", but is of " << elementType;
  bool isVector = shape.size() == 1;
  if (isVector != (matrix.getColumns() == 1) ||
      (!isVector && shape[1] != getTileColumns(matrix.getColumns())))
    return violates(op, "C3")
           << "tile must have the " << matrix.getColumns()
           << " columns of the matrix, in multiples of 16, but has shape ["
           << shape << "]";
  return success();
}

LogicalResult LoadOp::verify() {
  return verifyTile(*this, getType().getShape(), getType().getElementType(),
                    getMatrix().getType(), getRows().getType());
}

static LogicalResult verifyIsMatrix(Operation *op, SmemType tile) {
  if (tile.isMatrix())
    return success();
  return violates(op, "C1") << "tile must be a matrix, but is " << tile;
}

LogicalResult FlipSignOp::verify() { return verifyIsMatrix(*this, getType()); }

LogicalResult AsyncLoadOp::verify() {
  SmemType tile = getTile().getType();
  return verifyTile(*this, tile.getShape(), tile.getElementType(),
                    getMatrix().getType(), getRows().getType());
}

LogicalResult CopyOutOp::verify() {
  SmemType tile = getTile().getType();
  return verifyTile(*this, tile.getShape(), tile.getElementType(),
                    getMatrix().getType(), getRows().getType());
}

LogicalResult StoreOp::verify() {
  RankedTensorType tile = getTile().getType();
  if (failed(verifyTile(*this, tile.getShape(), tile.getElementType(),
                        getMatrix().getType(), getRows().getType())))
    return failure();
  auto slice = dyn_cast<SliceAttr>(tile.getEncoding());
  if (slice && slice.getDim() != 1)
    return violates(*this, "C3")
           << "vector must be a slice of rows, but is " << tile;
  return success();
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

LogicalResult DotOp::verify() {
  auto layout = dyn_cast<MmaAttr>(getType().getEncoding());
  if (!layout || !getType().getElementType().isF32())
    return violates(*this, "C1")
           << "accumulator must be f32 with an mma layout, but is "
           << getType();
  SmemType b = getB().getType();
  if (!b.isMatrix())
    return violates(*this, "C2") << "b must be a matrix, but is " << b;
  ArrayRef<int64_t> shapeA;
  Type elementType;
  if (auto smem = dyn_cast<SmemType>(getA().getType())) {
    shapeA = smem.getShape();
    elementType = smem.getElementType();
  } else {
    auto fragment = cast<RankedTensorType>(getA().getType());
    if (fragment.getEncoding() != OperandAttr::get(getContext(), layout))
      return violates(*this, "C4")
             << "a must have the operand layout of the accumulator, but is "
             << fragment;
    shapeA = fragment.getShape();
    elementType = fragment.getElementType();
  }
  ArrayRef<int64_t> shape = getType().getShape();
  int64_t columns = b.getShape()[getTransposeB() ? 0 : 1];
  int64_t depth = b.getShape()[getTransposeB() ? 1 : 0];
  if (shapeA.size() != 2 || shapeA[0] != shape[0] || columns != shape[1] ||
      shapeA[1] != depth)
    return violates(*this, "C2")
           << "sizes must agree, but are [" << shapeA << "], [" << b.getShape()
           << "]" << (getTransposeB() ? " transposed" : "") << " and [" << shape
           << "]";
  if (elementType != b.getElementType())
    return violates(*this, "C3")
           << "a and b must both be f16, bf16 or f32, but are " << elementType
           << " and " << b.getElementType();
  // Lanes have 32-bit elements of a in another order in registers than in
  // shared memory, and those of b follow.
  if (elementType.isF32() && isa<SmemType>(getA().getType()) != getTransposeB())
    return violates(*this, "C5")
           << "f32 in shared memory must be multiplied by a transposed b, f32 "
              "in registers by b as it is";
  return success();
}

static LogicalResult verifyBounds(Operation *op, StringRef label,
                                  SmemType bounds, int64_t columns) {
  if (bounds.getShape() == ArrayRef<int64_t>{3 * columns} &&
      bounds.getElementType().isInteger(32))
    return success();
  return violates(op, label) << "bounds must be three i32 for each of "
                             << columns << " columns, but are " << bounds;
}

LogicalResult BoundsOp::verify() {
  SmemType bounds = getBounds().getType();
  return verifyBounds(*this, "C1", bounds, bounds.getShape()[0] / 3);
}

LogicalResult TakeNonFiniteOp::verify() {
  SmemType tile = getTile().getType();
  RowsType ranks = getRanks().getType();
  if (failed(verifyIsMatrix(*this, tile)))
    return failure();
  if (ranks.getSize() != tile.getShape()[0])
    return violates(*this, "C2") << "ranks must have " << tile.getShape()[0]
                                 << " rows, but have " << ranks.getSize();
  return verifyBounds(*this, "C3", getBounds().getType(), tile.getShape()[1]);
}

LogicalResult FillOp::verify() {
  SmemType buffer = getBuffer().getType();
  if (buffer.getShape().size() != 1 || !buffer.getElementType().isInteger(32))
    return violates(*this, "C1")
           << "the buffer must be i32 with one dimension, but is " << buffer;
  return success();
}

LogicalResult PoisonOp::verify() {
  auto layout = dyn_cast<MmaAttr>(getType().getEncoding());
  RankedTensorType ranks = getRanks().getType();
  if (!layout || !getType().getElementType().isF32() ||
      ranks != RankedTensorType::get({getType().getDimSize(0)},
                                     IntegerType::get(getContext(), 32),
                                     SliceAttr::get(getContext(), 1, layout)))
    return violates(*this, "C1")
           << "ranks must be the i32 slice of rows of an f32 accumulator, but "
              "they are "
           << ranks << " and " << getType();
  return verifyBounds(*this, "C2", getBounds().getType(),
                      getType().getDimSize(1));
}

LogicalResult ReduceOp::inferReturnTypes(MLIRContext *context,
                                         std::optional<Location> location,
                                         ReduceOp::Adaptor adaptor,
                                         SmallVectorImpl<Type> &inferred) {
  auto source = cast<RankedTensorType>(adaptor.getSource().getType());
  auto layout = dyn_cast<MmaAttr>(source.getEncoding());
  if (auto operand = dyn_cast<OperandAttr>(source.getEncoding()))
    layout = operand.getParent();
  if (!layout || !source.getElementType().isF32())
    return emitOptionalError(
        location, "(C1) source must be an f32 matrix, but is ", source);
  inferred.push_back(RankedTensorType::get({source.getDimSize(0)},
                                           source.getElementType(),
                                           SliceAttr::get(context, 1, layout)));
  return success();
}

LogicalResult BroadcastOp::verify() {
  RankedTensorType source = getSource().getType(), result = getType();
  auto slice = dyn_cast<SliceAttr>(source.getEncoding());
  if (!slice || slice.getParent() != result.getEncoding() ||
      source.getElementType() != result.getElementType() ||
      source.getDimSize(0) != result.getDimSize(1 - slice.getDim()))
    return violates(*this, "C1")
           << "source must be a slice of the result, but they are " << source
           << " and " << result;
  return success();
}

LogicalResult IndicesOp::verify() {
  if (!isa<SliceAttr>(getType().getEncoding()) ||
      !getType().getElementType().isInteger(32))
    return violates(*this, "C1")
           << "result must be a slice of i32, but is " << getType();
  return success();
}

LogicalResult ToOperandOp::verify() {
  RankedTensorType source = getSource().getType(), result = getType();
  auto layout = dyn_cast<MmaAttr>(source.getEncoding());
  if (!layout || !source.getElementType().isF32() ||
      result.getEncoding() != OperandAttr::get(getContext(), layout) ||
      result.getShape() != source.getShape() ||
      !isa<FloatType>(result.getElementType()))
    return violates(*this, "C1")
           << "result must be the operand of the f32 source, but they are "
           << source << " and " << result;
  return success();
}

/// A fragment against a tile of the same elements.
static LogicalResult verifyLocal(Operation *op, RankedTensorType fragment,
                                 SmemType tile) {
  bool isKept = tile.isMatrix() ? isa<OperandAttr>(fragment.getEncoding())
                                : isa<SliceAttr>(fragment.getEncoding());
  if (fragment.getShape() == tile.getShape() && isKept &&
      fragment.getElementType() == tile.getElementType())
    return success();
  return violates(op, "C1")
         << "registers and shared memory must hold the same operand or slice, "
            "but are "
         << fragment << " and " << tile;
}

LogicalResult LocalLoadOp::verify() {
  return verifyLocal(*this, getType(), getSource().getType());
}

LogicalResult LocalStoreOp::verify() {
  return verifyLocal(*this, getSource().getType(), getTile().getType());
}

//===----------------------------------------------------------------------===//
// Level C2
//===----------------------------------------------------------------------===//

LogicalResult SlotOp::inferReturnTypes(MLIRContext *context,
                                       std::optional<Location> location,
                                       SlotOp::Adaptor adaptor,
                                       SmallVectorImpl<Type> &inferred) {
  inferred.push_back(cast<RingType>(adaptor.getRing().getType()).getTile());
  return success();
}
