//===- DeviceProgram.cpp - Run programs on a GPU --------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/ExecutionEngine/DeviceProgram.h"

#include "DeviceAttentionCheck.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace hilbert;
using namespace hilbert::rt;
using namespace hilbert::rt::cuda;

#define TRY(expression)                                                        \
  if (Status tried = (expression); !tried.ok())                                \
  return tried

//===----------------------------------------------------------------------===//
// From IR
//===----------------------------------------------------------------------===//

namespace hilbert {
/// Numbers the values of a function, and takes its ops apart.
class DeviceFunctionBuilder {
public:
  using Step = DeviceFunction::Step;
  using Size = DeviceFunction::Size;

  Status run(func::FuncOp op, DeviceFunction &into);

private:
  int numberOf(Value value) { return numbers.lookup(value); }
  Size sizeOf(OpFoldResult size) {
    if (auto value = dyn_cast<Value>(size))
      return {0, numberOf(value)};
    return {cast<IntegerAttr>(cast<Attribute>(size)).getInt(), -1};
  }

  Status visit(Operation *op, Step &step);
  Status visit(arith::ConstantOp op, Step &step);
  Status visit(tensor::ExtractSliceOp op, Step &step);
  Status visit(AttentionInterface op, Step &step);
  DeviceOrder addOrder(OrderRef order, Step &step);

  DenseMap<Value, int> numbers;
};
} // namespace hilbert

static Status noKernel(Operation *op) {
  return Status(StatusCode::Unsupported,
                ("the GPU back end has no kernel for '" +
                 op->getName().getStringRef() + "'")
                    .str());
}

Status DeviceFunctionBuilder::visit(arith::ConstantOp op, Step &step) {
  step.kind = Step::Number;
  if (auto integer = dyn_cast<IntegerAttr>(op.getValue()))
    step.number = double(integer.getInt());
  else if (auto real = dyn_cast<FloatAttr>(op.getValue()))
    step.number = real.getValueAsDouble();
  else
    return noKernel(op);
  return Status();
}

Status DeviceFunctionBuilder::visit(tensor::ExtractSliceOp op, Step &step) {
  step.kind = Step::Slice;
  step.operands = {numberOf(op.getSource())};
  for (OpFoldResult offset : op.getMixedOffsets())
    step.offsets.push_back(sizeOf(offset));
  for (OpFoldResult size : op.getMixedSizes())
    step.sizes.push_back(sizeOf(size));
  for (OpFoldResult stride : op.getMixedStrides())
    step.strides.push_back(sizeOf(stride));
  llvm::SmallBitVector dropped = op.getDroppedDims();
  for (unsigned d = 0; d < dropped.size(); ++d)
    step.isDropped.push_back(dropped[d]);
  return Status();
}

DeviceOrder DeviceFunctionBuilder::addOrder(OrderRef order, Step &step) {
  if (order.attr)
    return DeviceOrder::of(order.attr.getSpec());
  if (!order.table)
    return DeviceOrder();
  int value = numberOf(order.table);
  for (int table = 0; table < 3; ++table) {
    int &operand = step.operands[kTable0 + table];
    if (operand >= 0 && operand != value)
      continue;
    operand = value;
    return DeviceOrder::ofTable(table);
  }
  llvm_unreachable("there are three orders");
}

Status DeviceFunctionBuilder::visit(AttentionInterface op, Step &step) {
  step.kind = Step::Attention;
  step.operands.assign(kWorkspace, -1);
  step.operands[kQ] = numberOf(op.getQ());
  step.operands[kK] = numberOf(op.getK());
  step.operands[kV] = numberOf(op.getV());
  DeviceAttentionProblem &problem = step.problem;
  if (auto grad = dyn_cast<AttentionGradOp>(op.getOperation())) {
    problem.isGradient = true;
    step.operands[kOut] = numberOf(grad.getOut());
    step.operands[kLse] = numberOf(grad.getLse());
    step.operands[kDout] = numberOf(grad.getDout());
    if (grad.getDlse())
      step.operands[kDlse] = numberOf(grad.getDlse());
  }
  problem.qOrder = addOrder(op.getQueryOrderRef(), step);
  problem.kvOrder = addOrder(op.getKeyOrderRef(), step);
  problem.outOrder = addOrder(op.getOutOrderRef(), step);
  problem.causal = op.getCausal();
  problem.layout = op.getLayout();
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
    step.scale = numberOf(op.getScale());
  return Status();
}

Status DeviceFunctionBuilder::visit(Operation *op, Step &step) {
  return llvm::TypeSwitch<Operation *, Status>(op)
      .Case<arith::ConstantOp, tensor::ExtractSliceOp>(
          [&](auto op) { return visit(op, step); })
      .Case<AttentionOp, AttentionGradOp>([&](auto op) {
        return visit(cast<AttentionInterface>(op.getOperation()), step);
      })
      .Case([&](tensor::DimOp op) {
        step.kind = Step::Dim;
        step.operands = {numberOf(op.getSource()), numberOf(op.getIndex())};
        return Status();
      })
      .Case([&](tensor::EmptyOp op) {
        // What is written gets memory of its own: an op may write several
        // results to one empty tensor.
        step.kind = Step::Empty;
        return Status();
      })
      .Case([&](tensor::CastOp op) {
        auto type = dyn_cast<RankedTensorType>(op.getType());
        if (!type)
          return noKernel(op);
        step.kind = Step::Cast;
        step.operands = {numberOf(op.getSource())};
        for (int64_t size : type.getShape())
          step.sizes.push_back({ShapedType::isDynamic(size) ? -1 : size, -1});
        return Status();
      })
      .Default([](Operation *op) { return noKernel(op); });
}

Status DeviceFunctionBuilder::run(func::FuncOp op, DeviceFunction &into) {
  auto signature = HostSignature::of(op);
  if (!signature)
    return Status(StatusCode::Unsupported, toString(signature.takeError()));
  into.signature = std::move(*signature);
  for (auto [index, type] : llvm::enumerate(into.signature.arguments))
    if (type.kind == HostType::Memref)
      return Status(StatusCode::Unsupported,
                    "the GPU back end takes tensors, but argument " +
                        std::to_string(index) + " is a memref");
  if (!op.getBody().hasOneBlock())
    return Status(StatusCode::Unsupported,
                  "the GPU back end takes functions of one block, but '" +
                      into.signature.name + "' has " +
                      std::to_string(op.getBody().getBlocks().size()));
  Block &body = op.getBody().front();
  for (BlockArgument argument : body.getArguments())
    numbers[argument] = into.numValues++;
  for (Operation &inner : body.without_terminator()) {
    Step step;
    TRY(visit(&inner, step));
    for (Value result : inner.getResults()) {
      step.results.push_back(into.numValues);
      numbers[result] = into.numValues++;
    }
    into.steps.push_back(std::move(step));
  }
  for (Value value : body.getTerminator()->getOperands())
    into.returned.push_back(numberOf(value));
  return Status();
}

Result<DeviceFunction> DeviceFunction::create(func::FuncOp function) {
  DeviceFunction result;
  TRY(DeviceFunctionBuilder().run(function, result));
  return result;
}

DeviceProgram DeviceProgram::create(ModuleOp module) {
  DeviceProgram program;
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isDeclaration())
      program.functions.try_emplace(function.getName(),
                                    DeviceFunction::create(function));
  return program;
}

Result<const DeviceFunction *> DeviceProgram::lookup(StringRef name) const {
  auto found = functions.find(name);
  if (found == functions.end())
    return Status(StatusCode::NotFound,
                  ("there is no function '" + name + "'").str());
  if (!found->second.ok())
    return found->second.status();
  return &*found->second;
}

//===----------------------------------------------------------------------===//
// Evaluation
//===----------------------------------------------------------------------===//

namespace hilbert {
/// Goes through a function with its arguments, and makes a call of it.
class DeviceEvaluation {
public:
  using Step = DeviceFunction::Step;
  using Size = DeviceFunction::Size;

  DeviceEvaluation(const DeviceFunction &function, const Device &device,
                   DeviceKernelCache &cache)
      : function(function), device(device), cache(cache),
        values(function.numValues) {
    call.device = &device;
  }

  Result<DeviceCall> run(ArrayRef<DeviceValue> arguments);

private:
  struct Slot : DeviceValue {
    /// False of what nothing writes.
    bool isDefined = false;
  };

  int64_t get(const Size &size) const {
    return size.value < 0 ? size.number : int64_t(values[size.value].scalar);
  }
  Result<CUdeviceptr> allocate(size_t bytes);
  Status evaluate(const Step &step);
  Status evaluateCast(const Step &step);
  Status evaluateSlice(const Step &step);
  Status evaluateAttention(const Step &step);
  Status finish();

  const DeviceFunction &function;
  const Device &device;
  DeviceKernelCache &cache;
  std::vector<Slot> values;
  DeviceCall call;
};
} // namespace hilbert

Result<CUdeviceptr> DeviceEvaluation::allocate(size_t bytes) {
  auto buffer = Buffer::allocate(device, bytes);
  if (!buffer.ok())
    return buffer.status();
  call.buffers.push_back(*std::move(buffer));
  return call.buffers.back().address();
}

Status DeviceEvaluation::evaluateCast(const Step &step) {
  const Slot &source = values[step.operands[0]];
  for (auto [d, size] : llvm::enumerate(step.sizes))
    if (size.number >= 0 && source.tensor.shape[d] != size.number)
      return invalid("a tensor is cast to size " + Twine(size.number) +
                     " in dimension " + Twine(d) + ", but has " +
                     Twine(source.tensor.shape[d]));
  values[step.results[0]] = source;
  return Status();
}

Status DeviceEvaluation::evaluateSlice(const Step &step) {
  Slot slice = values[step.operands[0]];
  const DeviceTensor source = slice.tensor;
  slice.tensor.shape.clear();
  slice.tensor.strides.clear();
  int64_t offset = 0;
  for (size_t d = 0; d < source.shape.size(); ++d) {
    int64_t first = get(step.offsets[d]), size = get(step.sizes[d]),
            stride = get(step.strides[d]);
    int64_t last = first + std::max<int64_t>(size - 1, 0) * stride;
    if (first < 0 || size < 0 || stride < 1 ||
        (size > 0 && last >= source.shape[d]))
      return invalid("a slice must lie within its tensor, but has offset " +
                     Twine(first) + ", size " + Twine(size) + " and stride " +
                     Twine(stride) + " in dimension " + Twine(d) + " of size " +
                     Twine(source.shape[d]));
    offset += first * source.strides[d];
    if (step.isDropped[d])
      continue;
    slice.tensor.shape.push_back(size);
    slice.tensor.strides.push_back(source.strides[d] * stride);
  }
  slice.address += offset * npyTypeSize(source.type);
  values[step.results[0]] = std::move(slice);
  return Status();
}

Status DeviceEvaluation::evaluateAttention(const Step &step) {
  DeviceAttentionProblem problem = step.problem;
  DeviceAddresses addresses = {};
  for (auto [operand, value] : llvm::enumerate(step.operands)) {
    if (value < 0)
      continue;
    const Slot &slot = values[value];
    if (!slot.isDefined)
      return invalid(getOperandName(operand) +
                     " of an attention is a tensor that nothing writes");
    problem.tensors[operand] = slot.tensor;
    addresses[operand] = slot.address;
  }
  if (step.scale >= 0)
    problem.scale = float(values[step.scale].scalar);

  SmallVector<std::pair<DeviceOperand, DeviceTensor>, 3> outputs;
  auto addOutput = [&](DeviceOperand operand, DeviceOperand like) {
    const DeviceTensor &tensor = problem[like];
    outputs.push_back(
        {operand, DeviceTensor::contiguous(tensor.type, tensor.shape)});
  };
  if (problem.isGradient) {
    addOutput(kDq, kQ);
    addOutput(kDk, kK);
    addOutput(kDv, kV);
  } else {
    addOutput(kOut, kQ);
    outputs.push_back(
        {kLse, DeviceTensor::contiguous(NpyType::F32,
                                        {problem.batch(), problem.queryHeads(),
                                         problem.queries()})});
  }
  for (auto [output, result] : llvm::zip_equal(outputs, step.results)) {
    auto &[operand, tensor] = output;
    auto address = allocate(size_t(tensor.bytes()));
    if (!address.ok())
      return address.status();
    addresses[operand] = *address;
    problem.tensors[operand] = tensor;
    Slot &slot = values[result];
    slot.tensor = tensor;
    slot.address = *address;
    slot.isDefined = true;
  }
  auto attention = DeviceAttention::create(device, cache, problem);
  if (!attention.ok())
    return attention.status();
  if (size_t bytes = attention->workspaceBytes()) {
    auto workspace = allocate(bytes);
    if (!workspace.ok())
      return workspace.status();
    addresses[kWorkspace] = *workspace;
  }
  TRY(attention->check(addresses));
  for (size_t i = 0; i < attention->numKernels(); ++i)
    call.kernels.emplace_back(call.steps.size(), i);
  call.steps.push_back({*std::move(attention), addresses});
  return Status();
}

Status DeviceEvaluation::evaluate(const Step &step) {
  switch (step.kind) {
  case Step::Number:
    values[step.results[0]].scalar = step.number;
    return Status();
  case Step::Dim: {
    const DeviceTensor &tensor = values[step.operands[0]].tensor;
    auto d = size_t(values[step.operands[1]].scalar);
    if (d >= tensor.shape.size())
      return invalid("a tensor of rank " + Twine(tensor.shape.size()) +
                     " has no dimension " + Twine(d));
    values[step.results[0]].scalar = double(tensor.shape[d]);
    return Status();
  }
  case Step::Empty:
    return Status();
  case Step::Cast:
    return evaluateCast(step);
  case Step::Slice:
    return evaluateSlice(step);
  case Step::Attention:
    return evaluateAttention(step);
  }
  llvm_unreachable("all kinds are handled");
}

Status DeviceEvaluation::finish() {
  for (auto [index, value] : llvm::enumerate(function.returned)) {
    if (!values[value].isDefined)
      return invalid("result " + Twine(index) +
                     " is a tensor that nothing writes");
    call.outputs.push_back(values[value]);
  }
  return Status();
}

Result<DeviceCall> DeviceEvaluation::run(ArrayRef<DeviceValue> arguments) {
  for (auto [slot, argument] : llvm::zip(values, arguments)) {
    static_cast<DeviceValue &>(slot) = argument;
    slot.isDefined = true;
  }
  for (const Step &step : function.steps)
    TRY(evaluate(step));
  TRY(finish());
  return std::move(call);
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
DeviceFunction::prepare(const Device &device, DeviceKernelCache &cache,
                        ArrayRef<DeviceValue> arguments) const {
  TRY(checkArguments(signature, arguments));
  return DeviceEvaluation(*this, device, cache).run(arguments);
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

Status DeviceCall::launch(CUstream stream) const {
  for (const Step &step : steps)
    TRY(step.attention.launch(step.addresses, stream));
  return Status();
}

Status DeviceCall::poison(CUstream stream) const {
  for (const Buffer &buffer : buffers)
    TRY(fillAsync(*device, buffer.address(), 0xff, buffer.bytes(), stream));
  return Status();
}

const KernelInfo &DeviceCall::kernelInfo(size_t index) const {
  auto [step, kernel] = kernels[index];
  return steps[step].attention.kernelInfo(kernel);
}

const Kernel &DeviceCall::kernel(size_t index) const {
  auto [step, kernel] = kernels[index];
  return steps[step].attention.kernel(kernel);
}

Status DeviceCall::launchKernel(size_t index, CUstream stream) const {
  auto [step, kernel] = kernels[index];
  return steps[step].attention.launchKernel(kernel, steps[step].addresses,
                                            stream);
}
