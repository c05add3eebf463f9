//===- HilbertGPUDialect.cpp - The hilbert_gpu dialect --------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Dialect/HilbertGPU/IR/HilbertGPU.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace hilbert::tile;

#include "hilbert/Dialect/HilbertGPU/IR/HilbertGPUDialect.cpp.inc"
#include "hilbert/Dialect/HilbertGPU/IR/HilbertGPUEnums.cpp.inc"
#include "hilbert/Dialect/HilbertGPU/IR/HilbertGPUInterfaces.cpp.inc"

void HilbertGPUDialect::initialize() {
  registerAttributes();
  registerTypes();
  addOperations<
#define GET_OP_LIST
#include "hilbert/Dialect/HilbertGPU/IR/HilbertGPUOps.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

/// `128xbf16`.
static ParseResult parseColumns(AsmParser &parser, int64_t &columns,
                                Type &elementType) {
  SmallVector<int64_t> shape;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseDimensionList(shape, /*allowDynamic=*/false))
    return failure();
  if (shape.size() != 1)
    return parser.emitError(loc, "expected one dimension");
  columns = shape[0];
  return parser.parseType(elementType);
}

static void printColumns(AsmPrinter &printer, int64_t columns,
                         Type elementType) {
  printer << columns << 'x' << elementType;
}

static ParseResult parseShape(AsmParser &parser, SmallVector<int64_t> &shape,
                              Type &elementType) {
  return failure(parser.parseDimensionList(shape, /*allowDynamic=*/false) ||
                 parser.parseType(elementType));
}

static void printShape(AsmPrinter &printer, ArrayRef<int64_t> shape,
                       Type elementType) {
  for (int64_t size : shape)
    printer << size << 'x';
  printer << elementType;
}

#define GET_TYPEDEF_CLASSES
#include "hilbert/Dialect/HilbertGPU/IR/HilbertGPUTypes.cpp.inc"

void HilbertGPUDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "hilbert/Dialect/HilbertGPU/IR/HilbertGPUTypes.cpp.inc"
      >();
}

LogicalResult SmemType::verify(function_ref<InFlightDiagnostic()> emitError,
                               ArrayRef<int64_t> shape, Type elementType) {
  if (shape.size() == 1) {
    if (shape[0] < 1 || (!elementType.isF32() && !elementType.isInteger(32)))
      return emitError() << "a vector in shared memory must be of f32 or i32 "
                            "and not empty, but got "
                         << shape[0] << " of " << elementType;
    return success();
  }
  if (!elementType.isF16() && !elementType.isBF16() && !elementType.isF32())
    return emitError() << "a tile in shared memory must be of f16, bf16 or "
                          "f32, but got "
                       << elementType;
  if (shape.size() != 2 || shape[0] < 1 || shape[0] % 8 || shape[1] < 1 ||
      shape[1] % 16)
    return emitError() << "a tile in shared memory must have a multiple of 8 "
                          "rows and of 16 columns, but got ["
                       << shape << "]";
  return success();
}

int64_t SmemType::getPanelBytes() const {
  int64_t rowBytes =
      getShape()[1] * getElementType().getIntOrFloatBitWidth() / 8;
  for (int64_t bytes : {128, 64})
    if (rowBytes % bytes == 0)
      return bytes;
  return 32;
}

int64_t SmemType::getSizeInBytes() const {
  int64_t bytes = getElementType().getIntOrFloatBitWidth() / 8;
  for (int64_t size : getShape())
    bytes *= size;
  return llvm::alignTo(bytes, 128);
}

bool hilbert::tile::isFragment(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return false;
  auto layout = dyn_cast_or_null<LayoutInterface>(tensor.getEncoding());
  // Only whether it can: who asks for more gets a diagnostic.
  return layout && succeeded(layout.verifyShape(tensor.getShape(), {}));
}

LayoutInterface hilbert::tile::getLayout(Type fragment) {
  return cast<LayoutInterface>(cast<RankedTensorType>(fragment).getEncoding());
}
