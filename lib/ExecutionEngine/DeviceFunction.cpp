//===- DeviceFunction.cpp - From IR to steps of a call on a GPU -----------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DeviceAttentionCheck.h"
#include "DeviceEvaluation.h"
#include "Try.h"

#include "hilbert/Conversion/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace hilbert;
using namespace hilbert::rt;

namespace hilbert {
/// Numbers the values of a function, and takes its ops apart.
class DeviceFunctionBuilder {
public:
  using Evaluation = DeviceEvaluation;
  using Step = DeviceFunction::Step;

  Status run(func::FuncOp op, DeviceFunction &into);

private:
  int get(Value value) { return numbers.lookup(value); }
  Evaluation::Size getSize(OpFoldResult size);
  SmallVector<Evaluation::Size, 4> getSizes(ArrayRef<OpFoldResult> sizes);
  template <typename OpTy> Evaluation::Slice getSlice(OpTy op);

  // Null: there is no kernel. Results are numbered already.
  Step visit(Operation *op);
  Step visitConstant(arith::ConstantOp op);
  Step visitScalar(Operation *op);
  Step visitElementwise(Operation *op);
  template <typename OpTy> Step visitPermute(OpTy op);
  Step visitView(Operation *op);
  Step visitMemref(Operation *op);
  Step visitAttention(AttentionInterface op);
  DeviceOrder addOrder(OrderRef order, Evaluation::Attention &attention);

  DenseMap<Value, int> numbers;
  /// Memrefs that the function writes.
  DenseSet<Value> written;
};
} // namespace hilbert

static Status noKernel(Operation *op) {
  return Status(StatusCode::Unsupported,
                ("the GPU back end has no kernel for '" +
                 op->getName().getStringRef() + "'")
                    .str());
}

DeviceEvaluation::Size DeviceFunctionBuilder::getSize(OpFoldResult size) {
  if (auto value = dyn_cast<Value>(size))
    return {0, get(value)};
  return {cast<IntegerAttr>(cast<Attribute>(size)).getInt(), -1};
}

SmallVector<DeviceEvaluation::Size, 4>
DeviceFunctionBuilder::getSizes(ArrayRef<OpFoldResult> sizes) {
  return llvm::map_to_vector<4>(
      sizes, [&](OpFoldResult size) { return getSize(size); });
}

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

/// A function of doubles, for an op on one or two scalars; null for others.
static std::function<double(double, double)> getFunction(Operation *op) {
  using Function = std::function<double(double, double)>;
  return llvm::TypeSwitch<Operation *, Function>(op)
      .Case<arith::AddFOp, arith::AddIOp>(
          [](auto) { return [](double a, double b) { return a + b; }; })
      .Case<arith::SubFOp, arith::SubIOp>(
          [](auto) { return [](double a, double b) { return a - b; }; })
      .Case<arith::MulFOp, arith::MulIOp>(
          [](auto) { return [](double a, double b) { return a * b; }; })
      .Case<arith::DivFOp>(
          [](auto) { return [](double a, double b) { return a / b; }; })
      .Case<arith::NegFOp>(
          [](auto) { return [](double a, double) { return -a; }; })
      .Case<math::ExpOp>(
          [](auto) { return [](double a, double) { return std::exp(a); }; })
      .Case<math::LogOp>(
          [](auto) { return [](double a, double) { return std::log(a); }; })
      .Case<arith::ExtFOp, arith::TruncFOp, arith::IndexCastOp,
            arith::SIToFPOp>(
          [](auto) { return [](double a, double) { return a; }; })
      .Default([](Operation *) { return Function(); });
}

/// Rounds to a type of floats.
static double roundTo(const llvm::fltSemantics *semantics, double value) {
  if (!semantics)
    return value;
  APFloat number(value);
  bool losesInfo;
  number.convert(*semantics, APFloat::rmNearestTiesToEven, &losesInfo);
  number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                 &losesInfo);
  return number.convertToDouble();
}

DeviceFunctionBuilder::Step DeviceFunctionBuilder::visitScalar(Operation *op) {
  auto function = getFunction(op);
  if (!function)
    return nullptr;
  const llvm::fltSemantics *semantics = nullptr;
  if (auto type = dyn_cast<FloatType>(op->getResult(0).getType()))
    semantics = &type.getFloatSemantics();
  int a = get(op->getOperand(0)), result = get(op->getResult(0));
  int b = op->getNumOperands() > 1 ? get(op->getOperand(1)) : a;
  return [=](Evaluation &e) {
    e.defineScalar(
        result, roundTo(semantics, function(e.getScalar(a), e.getScalar(b))));
    return Status();
  };
}

DeviceFunctionBuilder::Step
DeviceFunctionBuilder::visitConstant(arith::ConstantOp op) {
  int result = get(op.getResult());
  std::optional<double> number;
  if (auto integer = dyn_cast<IntegerAttr>(op.getValue()))
    number = double(integer.getInt());
  else if (auto real = dyn_cast<FloatAttr>(op.getValue()))
    number = real.getValueAsDouble();
  if (number)
    return [=](Evaluation &e) {
      e.defineScalar(result, *number);
      return Status();
    };
  auto dense = dyn_cast<DenseElementsAttr>(op.getValue());
  auto type = HostType::of(op.getType());
  if (!dense || !type)
    return nullptr;
  Evaluation::Constant constant{
      type->element, type->shape,
      StringRef(dense.getRawData().data(), dense.getRawData().size()).str()};
  return [=](Evaluation &e) { return e.constant(constant, result); };
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

DeviceFunctionBuilder::Step
DeviceFunctionBuilder::visitElementwise(Operation *op) {
  if (!isElementwiseOnGPU(op))
    return nullptr;
  auto type = HostType::of(op->getResult(0).getType());
  auto isTyped = [](Type type) { return HostType::of(type).has_value(); };
  if (!type || !llvm::all_of(op->getOperandTypes(), isTyped))
    return nullptr;
  DeviceElementwiseProblem problem;
  problem.kind = DeviceElementwiseSpec::Elementwise;
  problem.op = op->getName().getStringRef();
  if (Attribute properties = op->getPropertiesAsAttribute())
    llvm::raw_string_ostream(problem.properties) << properties;
  SmallVector<int, 2> operands;
  for (Value operand : op->getOperands())
    operands.push_back(get(operand));
  int result = get(op->getResult(0));
  return [=, element = type->element](Evaluation &e) {
    return e.elementwise(problem, operands, element, result);
  };
}

template <typename OpTy>
DeviceFunctionBuilder::Step DeviceFunctionBuilder::visitPermute(OpTy op) {
  if (!HostType::of(op.getSource().getType()))
    return nullptr;
  DeviceElementwiseProblem problem;
  problem.kind = std::is_same_v<OpTy, ReorderOp>
                     ? DeviceElementwiseSpec::Reorder
                     : DeviceElementwiseSpec::Restore;
  problem.dim = op.getDimIndex();
  curve::OrderSpec order;
  if (op.getOrderAttr())
    order = op.getOrderAttr().getSpec();
  int source = get(op.getSource()), result = get(op.getResult());
  int table = op.getTable() ? get(op.getTable()) : -1;
  return [=](Evaluation &e) {
    return e.permute(problem, source, table, order, result);
  };
}

template <typename OpTy>
DeviceEvaluation::Slice DeviceFunctionBuilder::getSlice(OpTy op) {
  Evaluation::Slice slice{getSizes(op.getMixedOffsets()),
                          getSizes(op.getMixedSizes()),
                          getSizes(op.getMixedStrides()),
                          {}};
  llvm::SmallBitVector dropped = op.getDroppedDims();
  for (unsigned d = 0; d < dropped.size(); ++d)
    slice.isDropped.push_back(dropped[d]);
  return slice;
}

static SmallVector<size_t> getGroups(ArrayRef<ReassociationIndices> groups) {
  return llvm::map_to_vector(
      groups, [](const ReassociationIndices &group) { return group.size(); });
}

/// Ops that compute nothing.
DeviceFunctionBuilder::Step DeviceFunctionBuilder::visitView(Operation *op) {
  int result = get(op->getResult(0));
  auto type = HostType::of(op->getResult(0).getType());
  if (auto dim = dyn_cast<tensor::DimOp>(op))
    return [=, source = get(dim.getSource()), index = get(dim.getIndex())](
               Evaluation &e) { return e.dim(source, index, result); };
  if (!type || type->kind != HostType::Tensor)
    return nullptr;
  return llvm::TypeSwitch<Operation *, Step>(op)
      .Case([&](tensor::CastOp op) {
        return [=, source = get(op.getSource()), shape = type->shape](
                   Evaluation &e) { return e.cast(source, shape, result); };
      })
      .Case([&](tensor::ExtractSliceOp op) {
        return [=, source = get(op.getSource()), slice = getSlice(op)](
                   Evaluation &e) { return e.slice(source, slice, result); };
      })
      .Case([&](tensor::InsertSliceOp op) {
        return
            [=, source = get(op.getSource()), destination = get(op.getDest()),
             slice = getSlice(op)](Evaluation &e) {
              return e.insertSlice(source, destination, slice, result);
            };
      })
      .Case([&](tensor::ExpandShapeOp op) {
        return [=, source = get(op.getSrc()),
                groups = getGroups(op.getReassociationIndices()),
                shape = getSizes(op.getMixedOutputShape())](Evaluation &e) {
          return e.expand(source, groups, shape, result);
        };
      })
      .Case([&](tensor::CollapseShapeOp op) {
        return
            [=, source = get(op.getSrc()),
             groups = getGroups(op.getReassociationIndices())](Evaluation &e) {
              return e.collapse(source, groups, result);
            };
      })
      .Case([&](tensor::EmptyOp op) {
        return [=, element = type->element,
                shape = getSizes(op.getMixedSizes())](Evaluation &e) {
          return e.empty(element, shape, result);
        };
      })
      .Case([&](tensor::SplatOp op) {
        SmallVector<OpFoldResult> sizes;
        ValueRange dynamic = op.getDynamicSizes();
        Builder b(op.getContext());
        for (int64_t size : op.getType().getShape()) {
          if (!ShapedType::isDynamic(size)) {
            sizes.push_back(b.getIndexAttr(size));
            continue;
          }
          sizes.push_back(dynamic.front());
          dynamic = dynamic.drop_front();
        }
        return [=, value = get(op.getInput()), element = type->element,
                shape = getSizes(sizes)](Evaluation &e) {
          return e.splat(value, element, shape, result);
        };
      })
      .Case([&](linalg::TransposeOp op) {
        return [=, source = get(op.getInput()),
                permutation =
                    SmallVector<int64_t>(op.getPermutation())](Evaluation &e) {
          e.transpose(source, permutation, result);
          return Status();
        };
      })
      .Case([&](linalg::BroadcastOp op) {
        return
            [=, source = get(op.getInput()), like = get(op.getInit()),
             added = SmallVector<int64_t>(op.getDimensions())](Evaluation &e) {
              return e.broadcast(source, like, added, result);
            };
      })
      .Case([&](PermutationOp op) {
        return [=, order = op.getOrder().getSpec()](Evaluation &e) {
          return e.order(order, result);
        };
      })
      .Default([](Operation *) { return nullptr; });
}

/// Whether the elements of a tensor count, and not only its sizes.
static bool isRead(Value tensor) {
  return llvm::any_of(tensor.getUses(), [](OpOperand &use) {
    auto op = dyn_cast<DestinationStyleOpInterface>(use.getOwner());
    return !isa<tensor::DimOp>(use.getOwner()) && !(op && op.isDpsInit(&use));
  });
}

/// How arguments that are memrefs enter and leave.
DeviceFunctionBuilder::Step DeviceFunctionBuilder::visitMemref(Operation *op) {
  if (auto read = dyn_cast<bufferization::ToTensorOp>(op)) {
    int source = get(read.getBuffer()), result = get(read.getResult());
    // A tensor does not change when its memref is written.
    if (written.contains(read.getBuffer()) && isRead(read.getResult()))
      return [=](Evaluation &e) { return e.copy(source, result); };
    return [=](Evaluation &e) {
      e.alias(source, result);
      return Status();
    };
  }
  auto write = cast<bufferization::MaterializeInDestinationOp>(op);
  int source = get(write.getSource()), destination = get(write.getDest());
  if (isa<MemRefType>(write.getDest().getType()))
    return [=](Evaluation &e) { return e.write(source, destination); };
  int result = get(write.getResult());
  return [=](Evaluation &e) {
    e.alias(source, result);
    return Status();
  };
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

DeviceOrder DeviceFunctionBuilder::addOrder(OrderRef order,
                                            Evaluation::Attention &attention) {
  if (order.attr)
    return DeviceOrder::of(order.attr.getSpec());
  if (!order.table)
    return DeviceOrder();
  int value = get(order.table);
  for (int table = 0; table < 3; ++table) {
    int &operand = attention.operands[kTable0 + table];
    if (operand >= 0 && operand != value)
      continue;
    operand = value;
    return DeviceOrder::ofTable(table);
  }
  llvm_unreachable("there are three orders");
}

DeviceFunctionBuilder::Step
DeviceFunctionBuilder::visitAttention(AttentionInterface op) {
  Evaluation::Attention attention;
  attention.operands.assign(kWorkspace, -1);
  attention.operands[kQ] = get(op.getQ());
  attention.operands[kK] = get(op.getK());
  attention.operands[kV] = get(op.getV());
  DeviceAttentionProblem &problem = attention.problem;
  if (auto grad = dyn_cast<AttentionGradOp>(op.getOperation())) {
    problem.isGradient = true;
    attention.operands[kOut] = get(grad.getOut());
    attention.operands[kLse] = get(grad.getLse());
    attention.operands[kDout] = get(grad.getDout());
    if (grad.getDlse())
      attention.operands[kDlse] = get(grad.getDlse());
  }
  problem.qOrder = addOrder(op.getQueryOrderRef(), attention);
  problem.kvOrder = addOrder(op.getKeyOrderRef(), attention);
  problem.outOrder = addOrder(op.getOutOrderRef(), attention);
  problem.causal = op.getCausal();
  problem.layout = op.getLayout();
  problem.allowTF32 = op->hasAttr("hilbert_gpu.allow_tf32");
  if (PatternAttr pattern = op.getPatternAttr()) {
    std::string text;
    llvm::raw_string_ostream(text) << pattern;
    StringRef body = text;
    body.consume_front("#hilbert.pattern<");
    body.consume_back(">");
    problem.pattern = body.str();
  }
  if (Attribute schedule = op.getScheduleAttr())
    llvm::raw_string_ostream(problem.schedule) << schedule;
  if (op.getScale())
    attention.scale = get(op.getScale());
  SmallVector<int, 3> results;
  for (Value result : op->getResults())
    results.push_back(get(result));
  return [=](Evaluation &e) { return e.attention(attention, results); };
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

DeviceFunctionBuilder::Step DeviceFunctionBuilder::visit(Operation *op) {
  bool isScalar = op->getNumResults() == 1 &&
                  op->getResult(0).getType().isIntOrIndexOrFloat() &&
                  llvm::all_of(op->getOperandTypes(), [](Type type) {
                    return type.isIntOrIndexOrFloat();
                  });
  return llvm::TypeSwitch<Operation *, Step>(op)
      .Case([&](arith::ConstantOp op) { return visitConstant(op); })
      .Case<AttentionOp, AttentionGradOp>([&](auto op) {
        return visitAttention(cast<AttentionInterface>(op.getOperation()));
      })
      .Case<ReorderOp, RestoreOp>([&](auto op) { return visitPermute(op); })
      .Case<bufferization::ToTensorOp,
            bufferization::MaterializeInDestinationOp>(
          [&](auto op) { return visitMemref(op); })
      .Case<PermutationOp, linalg::TransposeOp, linalg::BroadcastOp>(
          [&](auto op) { return visitView(op); })
      .Default([&](Operation *op) -> Step {
        if (isa<tensor::TensorDialect>(op->getDialect()) &&
            op->getNumResults() == 1)
          return visitView(op);
        return isScalar ? visitScalar(op) : visitElementwise(op);
      });
}

Status DeviceFunctionBuilder::run(func::FuncOp op, DeviceFunction &into) {
  auto signature = HostSignature::of(op);
  if (!signature)
    return Status(StatusCode::Unsupported, toString(signature.takeError()));
  into.signature = std::move(*signature);
  if (!op.getBody().hasOneBlock())
    return Status(StatusCode::Unsupported,
                  "the GPU back end takes functions of one block, but '" +
                      into.signature.name + "' has " +
                      std::to_string(op.getBody().getBlocks().size()));
  Block &body = op.getBody().front();
  for (BlockArgument argument : body.getArguments())
    numbers[argument] = into.numValues++;
  for (auto write : body.getOps<bufferization::MaterializeInDestinationOp>())
    written.insert(write.getDest());
  for (Operation &inner : body.without_terminator()) {
    for (Value result : inner.getResults())
      numbers[result] = into.numValues++;
    Step step = visit(&inner);
    if (!step)
      return noKernel(&inner);
    into.steps.push_back(std::move(step));
  }
  for (Value value : body.getTerminator()->getOperands())
    into.returned.push_back(get(value));
  return Status();
}

Result<DeviceFunction> DeviceFunction::create(func::FuncOp function) {
  DeviceFunction result;
  TRY(DeviceFunctionBuilder().run(function, result));
  return result;
}

/// Checks arguments by number, type and static sizes.
static Status checkArguments(const HostSignature &signature,
                             ArrayRef<DeviceValue> arguments) {
  if (signature.arguments.size() != arguments.size())
    return invalid("'" + signature.name + "' takes " +
                   Twine(signature.arguments.size()) + " arguments, but got " +
                   Twine(arguments.size()));
  for (auto [index, declared] : llvm::enumerate(signature.arguments)) {
    if (declared.kind == HostType::Scalar)
      continue;
    const DeviceTensor &tensor = arguments[index].tensor;
    HostType type = declared;
    type.isStrided = true; // Views are as good.
    HostView view;
    view.type = tensor.type;
    view.shape = tensor.shape;
    view.strides = tensor.strides;
    if (llvm::Error error = type.check("argument " + Twine(index), view))
      return invalid(toString(std::move(error)));
  }
  return Status();
}

Result<DeviceCall>
DeviceFunction::prepare(const cuda::Device &device, DeviceKernelCache &cache,
                        ArrayRef<DeviceValue> arguments) const {
  TRY(checkArguments(signature, arguments));
  DeviceEvaluation evaluation(device, cache, numValues);
  evaluation.bind(arguments);
  for (const Step &step : steps)
    TRY(step(evaluation));
  return evaluation.finish(returned);
}
