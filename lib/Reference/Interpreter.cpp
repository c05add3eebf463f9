//===- Interpreter.cpp - Evaluates the ops of a function ------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Interpreter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace hilbert;
using namespace hilbert::reference;
using llvm::Error;

Error reference::makeError(Operation *op, const Twine &message) {
  return llvm::createStringError("'" + op->getName().getStringRef() +
                                 "': " + message);
}

bool reference::isDifferentiable(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && isa<FloatType>(tensor.getElementType());
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// The shape of a type: of a scalar, that of rank 0.
static ArrayRef<int64_t> getTypeShape(Type type) {
  if (isa<RankedTensorType, MemRefType>(type))
    return cast<ShapedType>(type).getShape();
  return {};
}

static bool fits(ArrayRef<int64_t> shape, Type type) {
  ArrayRef<int64_t> sizes = getTypeShape(type);
  return shape.size() == sizes.size() &&
         llvm::all_of(llvm::zip(shape, sizes), [](auto pair) {
           auto [actual, size] = pair;
           return ShapedType::isDynamic(size) ? actual >= 0 : actual == size;
         });
}

static std::string typeText(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

ReferenceTensor Interpreter::fill(Type type, ArrayRef<int64_t> shape,
                                  double value) const {
  if (shapesOnly && isa<FloatType>(getElementTypeOrSelf(type)))
    return {shape.vec(), {}};
  return filled(shape, value);
}

Error Interpreter::define(Value value, ReferenceTensor tensor) {
  if (!fits(tensor.shape, value.getType()))
    return makeError(value.getDefiningOp(),
                     "result has the shape " + shapeText(tensor.shape) +
                         ", which is not one of " + typeText(value.getType()));
  storage.push_back(std::move(tensor));
  values[value] = &storage.back();
  return Error::success();
}

Error Interpreter::bindInputs(func::FuncOp function,
                              ArrayRef<ReferenceTensor> inputs) {
  Block &body = function.getBody().front();
  if (inputs.size() != body.getNumArguments())
    return makeError(function, "takes " + Twine(body.getNumArguments()) +
                                   " inputs, but got " + Twine(inputs.size()));
  for (auto [argument, input] : llvm::zip_equal(body.getArguments(), inputs)) {
    Type type = argument.getType();
    Type element = getElementTypeOrSelf(type);
    if (!isa<RankedTensorType, MemRefType, FloatType, IntegerType, IndexType>(
            type) ||
        !isa<FloatType, IntegerType, IndexType>(element))
      return makeError(function, "input " + Twine(argument.getArgNumber()) +
                                     " has the type " + typeText(type) +
                                     ", which is not evaluated");
    if (!fits(input.shape, type))
      return makeError(function, "input " + Twine(argument.getArgNumber()) +
                                     " has the shape " +
                                     shapeText(input.shape) +
                                     ", which is not one of " + typeText(type));
    bool needsData = !shapesOnly || !isa<FloatType>(element);
    if (!needsData) {
      storage.push_back({input.shape, {}});
      values[argument] = &storage.back();
      continue;
    }
    if (int64_t(input.data.size()) != countElements(input.shape))
      return makeError(function, "input " + Twine(argument.getArgNumber()) +
                                     " has " + Twine(input.data.size()) +
                                     " elements for the shape " +
                                     shapeText(input.shape));
    values[argument] = &input;
  }
  return Error::success();
}

int64_t Interpreter::getInteger(OpFoldResult value) const {
  if (auto attr = dyn_cast<Attribute>(value))
    return cast<IntegerAttr>(attr).getInt();
  return static_cast<int64_t>(get(cast<Value>(value)).data.front());
}

std::vector<int64_t> Interpreter::getSizes(RankedTensorType type,
                                           ValueRange dynamicSizes) const {
  std::vector<int64_t> sizes = type.getShape().vec();
  for (int64_t &size : sizes)
    if (ShapedType::isDynamic(size)) {
      size = getInteger(dynamicSizes.front());
      dynamicSizes = dynamicSizes.drop_front();
    }
  return sizes;
}

//===----------------------------------------------------------------------===//
// arith, math
//===----------------------------------------------------------------------===//

/// The value of a float or integer attribute; nothing for an integer that
/// float64 does not hold.
static std::optional<double> getNumber(APInt value, bool isBool) {
  int64_t integer = isBool ? value.getZExtValue() : value.getSExtValue();
  double number = static_cast<double>(integer);
  constexpr double kLimit = 9007199254740992.0;
  return std::abs(number) <= kLimit ? std::optional(number) : std::nullopt;
}
static double getNumber(APFloat value) {
  bool losesInfo;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                &losesInfo);
  return value.convertToDouble();
}

Error Interpreter::visitConstant(Operation *op, Attribute value) {
  Type type = op->getResult(0).getType(), element = getElementTypeOrSelf(type);
  ReferenceTensor tensor{getTypeShape(type).vec(), {}};
  auto addInteger = [&](const APInt &integer) {
    std::optional<double> number = getNumber(integer, element.isInteger(1));
    tensor.data.push_back(number.value_or(0));
    return number.has_value();
  };
  bool isExact = true;
  if (shapesOnly && isa<FloatType>(element)) {
    // Nothing but the shape counts.
  } else if (auto number = dyn_cast<FloatAttr>(value)) {
    tensor.data.push_back(getNumber(number.getValue()));
  } else if (auto integer = dyn_cast<IntegerAttr>(value)) {
    isExact = addInteger(integer.getValue());
  } else if (auto dense = dyn_cast<DenseFPElementsAttr>(value)) {
    for (APFloat number : dense.getValues<APFloat>())
      tensor.data.push_back(getNumber(number));
  } else if (auto dense = dyn_cast<DenseIntElementsAttr>(value)) {
    for (APInt integer : dense.getValues<APInt>())
      isExact &= addInteger(integer);
  } else {
    return makeError(op, "only integers, floats and dense tensors of them are "
                         "evaluated");
  }
  if (!isExact)
    return makeError(op, "an integer is too large for float64");
  return define(op->getResult(0), std::move(tensor));
}

Error Interpreter::visitElementwise(Operation *op) {
  if (!isa<RankedTensorType, FloatType>(op->getResult(0).getType()))
    return makeError(op, "is evaluated on tensors and scalars only");
  Value result = op->getResult(0);
  const ReferenceTensor &a = get(op->getOperand(0));
  if (isa<arith::ExtFOp, arith::TruncFOp>(op))
    return define(result, a);
  if (isa<arith::NegFOp>(op))
    return define(result, map(a, [](double x) { return -x; }));
  if (isa<math::ExpOp>(op))
    return define(result, map(a, [](double x) { return std::exp(x); }));
  if (isa<math::LogOp>(op))
    return define(result, map(a, [](double x) { return std::log(x); }));

  const ReferenceTensor &b = get(op->getOperand(1));
  if (a.shape != b.shape)
    return makeError(op, "operands have the shapes " + shapeText(a.shape) +
                             " and " + shapeText(b.shape));
  auto apply = [&](llvm::function_ref<double(double, double)> function) {
    return define(result, map(a, b, function));
  };
  if (isa<arith::AddFOp>(op))
    return apply([](double x, double y) { return x + y; });
  if (isa<arith::SubFOp>(op))
    return apply([](double x, double y) { return x - y; });
  if (isa<arith::MulFOp>(op))
    return apply([](double x, double y) { return x * y; });
  if (isa<arith::MaximumFOp>(op))
    // Of a number and NaN it is NaN.
    return apply([](double x, double y) { return x > y || x != x ? x : y; });
  return apply([](double x, double y) { return x / y; });
}

//===----------------------------------------------------------------------===//
// tensor
//===----------------------------------------------------------------------===//

llvm::Expected<Slice>
Interpreter::getSlice(OffsetSizeAndStrideOpInterface op,
                      const ReferenceTensor &whole) const {
  Slice slice;
  for (OpFoldResult offset : op.getMixedOffsets())
    slice.offsets.push_back(getInteger(offset));
  for (OpFoldResult size : op.getMixedSizes())
    slice.sizes.push_back(getInteger(size));
  for (OpFoldResult stride : op.getMixedStrides())
    slice.strides.push_back(getInteger(stride));
  for (size_t d = 0; d < whole.shape.size(); ++d) {
    int64_t offset = slice.offsets[d], size = slice.sizes[d],
            stride = slice.strides[d];
    // Checked by division: the last index could overflow.
    bool isInside =
        offset >= 0 && offset <= whole.shape[d] && size >= 0 && stride >= 1 &&
        (size == 0 || (offset < whole.shape[d] &&
                       size - 1 <= (whole.shape[d] - 1 - offset) / stride));
    if (!isInside)
      return makeError(op, "offset " + Twine(offset) + ", size " + Twine(size) +
                               " and stride " + Twine(stride) +
                               " do not lie in dimension " + Twine(d) + " of " +
                               shapeText(whole.shape));
  }
  return slice;
}

/// The sizes of a slice without the unit dimensions that its type lacks.
static std::vector<int64_t> dropDims(ArrayRef<int64_t> sizes,
                                     const llvm::SmallBitVector &dropped) {
  std::vector<int64_t> shape;
  for (auto [d, size] : llvm::enumerate(sizes))
    if (!dropped.test(d))
      shape.push_back(size);
  return shape;
}

Error Interpreter::visitExtractSlice(Operation *operation) {
  auto op = cast<tensor::ExtractSliceOp>(operation);
  const ReferenceTensor &source = get(op.getSource());
  llvm::Expected<Slice> slice = getSlice(op, source);
  if (!slice)
    return slice.takeError();
  return define(op.getResult(),
                extractSlice(source, *slice,
                             dropDims(slice->sizes, op.getDroppedDims())));
}

Error Interpreter::visitInsertSlice(Operation *operation) {
  auto op = cast<tensor::InsertSliceOp>(operation);
  const ReferenceTensor &source = get(op.getSource());
  const ReferenceTensor &destination = get(op.getDest());
  llvm::Expected<Slice> slice = getSlice(op, destination);
  if (!slice)
    return slice.takeError();
  if (countElements(source.shape) != countElements(slice->sizes))
    return makeError(op, "source has the shape " + shapeText(source.shape) +
                             ", but the slice " + shapeText(slice->sizes));
  return define(op.getResult(), insertSlice(source, destination, *slice));
}

Error Interpreter::visitDim(Operation *operation) {
  auto op = cast<tensor::DimOp>(operation);
  const ReferenceTensor &source = get(op.getSource());
  int64_t dim = getInteger(op.getIndex());
  if (dim < 0 || dim >= int64_t(source.shape.size()))
    return makeError(op, "there is no dimension " + Twine(dim) + " in " +
                             shapeText(source.shape));
  return define(op.getResult(), filled({}, double(source.shape[dim])));
}

/// A memref is the tensor that was last written to it.
Error Interpreter::visitWrite(Operation *operation) {
  auto op = cast<bufferization::MaterializeInDestinationOp>(operation);
  const ReferenceTensor &source = get(op.getSource());
  if (source.shape != get(op.getDest()).shape)
    return makeError(op, "source has the shape " + shapeText(source.shape) +
                             ", but the destination " +
                             shapeText(get(op.getDest()).shape));
  values[op.getNumResults() ? Value(op.getResult()) : op.getDest()] = &source;
  return Error::success();
}

/// Ops that change shapes only, and those that make tensors.
Error Interpreter::visitTensorOp(Operation *op) {
  Value result = op->getResult(0);
  auto type = dyn_cast<RankedTensorType>(result.getType());
  if (!type)
    return makeError(op, "is evaluated on ranked tensors only");
  std::vector<int64_t> shape;
  if (auto empty = dyn_cast<tensor::EmptyOp>(op))
    shape = getSizes(type, empty.getDynamicSizes());
  else if (auto splat = dyn_cast<tensor::SplatOp>(op))
    shape = getSizes(type, splat.getDynamicSizes());
  else if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
    for (OpFoldResult size : expand.getMixedOutputShape())
      shape.push_back(getInteger(size));
  else if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op))
    for (const ReassociationIndices &group :
         collapse.getReassociationIndices()) {
      shape.push_back(1);
      for (int64_t d : group)
        shape.back() *= get(collapse.getSrc()).shape[d];
    }
  else
    shape = get(op->getOperand(0)).shape;

  if (llvm::any_of(shape, [](int64_t size) { return size < 0; }))
    return makeError(op,
                     "sizes must not be negative, but are " + shapeText(shape));
  // Whatever reads an element that nothing has written shows it.
  if (isa<tensor::EmptyOp>(op))
    return define(result,
                  fill(type, shape, std::numeric_limits<double>::quiet_NaN()));
  const ReferenceTensor &source = get(op->getOperand(0));
  if (isa<tensor::SplatOp>(op))
    return define(result, source.data.empty()
                              ? ReferenceTensor{shape, {}}
                              : filled(shape, source.data.front()));
  if (countElements(shape) != countElements(source.shape))
    return makeError(op, "cannot reshape " + shapeText(source.shape) + " to " +
                             shapeText(shape));
  return define(result, {shape, source.data});
}

//===----------------------------------------------------------------------===//
// hilbert
//===----------------------------------------------------------------------===//

Error Interpreter::visitPermute(Operation *op, Value source, int64_t dim,
                                OrderRef order, bool isRestore) {
  const ReferenceTensor &tensor = get(source);
  llvm::Expected<Order> entries =
      getOrder(op, "order", order, tensor.shape[dim], tensor.shape[0]);
  if (!entries)
    return entries.takeError();
  return define(op->getResult(0), permute(tensor, dim, *entries, isRestore));
}

Error Interpreter::visitAttention(AttentionOp op) {
  llvm::Expected<Problem> problem = getProblem(op);
  if (!problem)
    return problem.takeError();
  AttentionResults results;
  if (shapesOnly)
    results = {{get(op.getOut()).shape, {}}, {get(op.getLse()).shape, {}}};
  else
    results = computeAttention(*problem, get(op.getQ()), get(op.getK()),
                               get(op.getV()));
  if (Error error = define(op.getResult(0), std::move(results.out)))
    return error;
  return define(op.getResult(1), std::move(results.lse));
}

Error Interpreter::visitAttentionGrad(AttentionGradOp op) {
  llvm::Expected<Problem> problem = getProblem(op);
  if (!problem)
    return problem.takeError();
  GradientInputs inputs;
  inputs.q = &get(op.getQ());
  inputs.k = &get(op.getK());
  inputs.v = &get(op.getV());
  inputs.out = &get(op.getOut());
  inputs.lse = &get(op.getLse());
  inputs.dout = &get(op.getDout());
  if (op.getDlse())
    inputs.dlse = &get(op.getDlse());
  if (inputs.dout->shape != inputs.out->shape ||
      (inputs.dlse && inputs.dlse->shape != inputs.lse->shape))
    return makeError(op, "dout and dlse must have the shapes of out and lse");

  AttentionGradients gradients;
  if (shapesOnly)
    gradients = {
        {inputs.q->shape, {}}, {inputs.k->shape, {}}, {inputs.v->shape, {}}};
  else
    gradients = computeGradients(*problem, inputs);
  if (Error error = define(op.getResult(0), std::move(gradients.dq)))
    return error;
  if (Error error = define(op.getResult(1), std::move(gradients.dk)))
    return error;
  return define(op.getResult(2), std::move(gradients.dv));
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

Error Interpreter::visit(Operation *operation) {
  return llvm::TypeSwitch<Operation *, Error>(operation)
      .Case([&](ReorderOp op) {
        return visitPermute(op, op.getSource(), op.getDimIndex(),
                            op.getOrderRef(), /*isRestore=*/false);
      })
      .Case([&](RestoreOp op) {
        return visitPermute(op, op.getSource(), op.getDimIndex(),
                            op.getOrderRef(), /*isRestore=*/true);
      })
      .Case([&](PermutationOp op) {
        std::vector<int32_t> entries =
            curve::permutation(op.getOrder().getSpec());
        return define(op.getResult(),
                      {{int64_t(entries.size())},
                       std::vector<double>(entries.begin(), entries.end())});
      })
      .Case([&](AttentionOp op) { return visitAttention(op); })
      .Case([&](AttentionGradOp op) { return visitAttentionGrad(op); })
      .Case([&](arith::ConstantOp op) {
        return visitConstant(op, op.getValue());
      })
      .Case<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp,
            arith::NegFOp, arith::MaximumFOp, arith::ExtFOp, arith::TruncFOp,
            math::ExpOp, math::LogOp>(
          [&](Operation *op) { return visitElementwise(op); })
      .Case([&](bufferization::ToTensorOp op) {
        return define(op.getResult(), get(op.getBuffer()));
      })
      .Case([&](bufferization::MaterializeInDestinationOp op) {
        return visitWrite(op);
      })
      .Case([&](tensor::DimOp op) { return visitDim(op); })
      .Case([&](tensor::ExtractSliceOp op) { return visitExtractSlice(op); })
      .Case([&](tensor::InsertSliceOp op) { return visitInsertSlice(op); })
      .Case<tensor::EmptyOp, tensor::SplatOp, tensor::CastOp,
            tensor::ExpandShapeOp, tensor::CollapseShapeOp>(
          [&](Operation *op) { return visitTensorOp(op); })
      .Default([](Operation *op) {
        return makeError(op, "is not an op that is evaluated");
      });
}

Error Interpreter::run(func::FuncOp function,
                       ArrayRef<ReferenceTensor> inputs) {
  if (!function.getBody().hasOneBlock())
    return makeError(function,
                     "only a function of one block is evaluated, "
                     "but this one has " +
                         Twine(function.getBody().getBlocks().size()));
  if (Error error = bindInputs(function, inputs))
    return error;
  Block &body = function.getBody().front();
  for (Operation &op : body.without_terminator()) {
    // Memrefs would be read and written in place.
    if (llvm::any_of(op.getResultTypes(), llvm::IsaPred<MemRefType>))
      return makeError(&op, "is evaluated on tensors only");
    if (Error error = visit(&op))
      return error;
  }
  if (!isa<func::ReturnOp>(body.getTerminator()))
    return makeError(body.getTerminator(), "is not an op that is evaluated");
  return Error::success();
}
