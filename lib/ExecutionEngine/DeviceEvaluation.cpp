//===- DeviceEvaluation.cpp - From arguments to a call on a GPU -----------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DeviceEvaluation.h"

#include "DeviceAttentionCheck.h"
#include "Try.h"

#include "hilbert/Support/HostTensor.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/SHA256.h"

using namespace hilbert;
using namespace hilbert::rt;
using namespace hilbert::rt::cuda;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Arguments and results
//===----------------------------------------------------------------------===//

void DeviceEvaluation::bind(ArrayRef<DeviceValue> arguments) {
  for (auto [slot, argument] : llvm::zip(values, arguments)) {
    static_cast<DeviceValue &>(slot) = argument;
    slot.isDefined = true;
  }
}

Result<DeviceCall> DeviceEvaluation::finish(ArrayRef<int> returned) {
  for (auto [index, value] : llvm::enumerate(returned)) {
    if (!values[value].isDefined)
      return invalid("result " + Twine(index) +
                     " is a tensor that nothing writes");
    call.outputs.push_back(values[value]);
  }
  return std::move(call);
}

void DeviceEvaluation::defineScalar(int result, double scalar) {
  values[result].scalar = scalar;
  values[result].isDefined = true;
}

SmallVector<int64_t, 4> DeviceEvaluation::get(ArrayRef<Size> sizes) const {
  SmallVector<int64_t, 4> numbers;
  for (const Size &size : sizes)
    numbers.push_back(get(size));
  return numbers;
}

Status DeviceEvaluation::checkShape(ArrayRef<int64_t> shape) const {
  // Bytes are counted in 64 bits, and elements have up to eight.
  int64_t bytes = 8;
  for (int64_t size : shape)
    if (size < 0 || llvm::MulOverflow(bytes, std::max<int64_t>(size, 1), bytes))
      return invalid("a tensor must have sizes that are not negative and whose "
                     "product fits 64 bits, but one is " +
                     Twine(size));
  return Status();
}

Status DeviceEvaluation::checkDefined(const Slot &slot,
                                      const Twine &user) const {
  if (slot.isDefined)
    return Status();
  return invalid(user + " is a tensor that nothing writes");
}

Result<DeviceEvaluation::Slot>
DeviceEvaluation::allocate(NpyType type, ArrayRef<int64_t> shape) {
  TRY(checkShape(shape));
  Slot slot;
  slot.tensor = DeviceTensor::contiguous(type, shape);
  slot.isDefined = true;
  auto buffer = Buffer::allocate(device, size_t(slot.tensor.bytes()));
  if (!buffer.ok())
    return buffer.status();
  slot.address = buffer->address();
  call.buffers.push_back(*std::move(buffer));
  return slot;
}

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

Status DeviceEvaluation::dim(int source, int index, int result) {
  const DeviceTensor &tensor = values[source].tensor;
  auto d = size_t(values[index].scalar);
  if (d >= tensor.shape.size())
    return invalid("a tensor of rank " + Twine(tensor.shape.size()) +
                   " has no dimension " + Twine(d));
  defineScalar(result, double(tensor.shape[d]));
  return Status();
}

Status DeviceEvaluation::cast(int source, ArrayRef<int64_t> shape, int result) {
  for (auto [d, size] : llvm::enumerate(shape))
    if (size >= 0 && values[source].tensor.shape[d] != size)
      return invalid("a tensor is cast to size " + Twine(size) +
                     " in dimension " + Twine(d) + ", but has " +
                     Twine(values[source].tensor.shape[d]));
  alias(source, result);
  return Status();
}

Result<DeviceView> DeviceEvaluation::getSlice(const DeviceView &source,
                                              const Slice &slice) const {
  DeviceView view;
  view.tensor.type = source.tensor.type;
  int64_t offset = 0;
  for (size_t d = 0; d < source.tensor.shape.size(); ++d) {
    int64_t first = get(slice.offsets[d]), size = get(slice.sizes[d]),
            stride = get(slice.strides[d]);
    // Checked by division: the last index could overflow.
    int64_t extent = source.tensor.shape[d];
    bool isInside = first >= 0 && size >= 0 && stride >= 1 &&
                    (size == 0 || (first < extent &&
                                   size - 1 <= (extent - 1 - first) / stride));
    if (!isInside)
      return invalid("a slice must lie within its tensor, but has offset " +
                     Twine(first) + ", size " + Twine(size) + " and stride " +
                     Twine(stride) + " in dimension " + Twine(d) + " of size " +
                     Twine(extent));
    offset += first * source.tensor.strides[d];
    if (slice.isDropped[d])
      continue;
    view.tensor.shape.push_back(size);
    view.tensor.strides.push_back(source.tensor.strides[d] * stride);
  }
  view.address = source.address + offset * npyTypeSize(view.tensor.type);
  return view;
}

Status DeviceEvaluation::slice(int source, const Slice &slice, int result) {
  auto view = getSlice(values[source], slice);
  if (!view.ok())
    return view.status();
  static_cast<DeviceView &>(values[result]) = *view;
  values[result].isDefined = values[source].isDefined;
  return Status();
}

void DeviceEvaluation::transpose(int source, ArrayRef<int64_t> permutation,
                                 int result) {
  Slot slot = values[source];
  for (auto [d, from] : llvm::enumerate(permutation)) {
    slot.tensor.shape[d] = values[source].tensor.shape[from];
    slot.tensor.strides[d] = values[source].tensor.strides[from];
  }
  values[result] = std::move(slot);
}

Status DeviceEvaluation::broadcast(int source, int like,
                                   ArrayRef<int64_t> added, int result) {
  Slot slot = values[source];
  ArrayRef<int64_t> shape = values[like].tensor.shape;
  slot.tensor.shape.assign(shape.begin(), shape.end());
  slot.tensor.strides.assign(shape.size(), 0);
  size_t from = 0;
  for (auto [d, size] : llvm::enumerate(shape)) {
    if (llvm::is_contained(added, int64_t(d)))
      continue;
    const DeviceTensor &tensor = values[source].tensor;
    if (tensor.shape[from] != size)
      return invalid("dimension " + Twine(from) + " of size " +
                     Twine(tensor.shape[from]) + " is broadcast to dimension " +
                     Twine(d) + " of size " + Twine(size));
    slot.tensor.strides[d] = tensor.strides[from++];
  }
  values[result] = std::move(slot);
  return Status();
}

/// Whether dimensions from `first` to `last` of a tensor are one run, so that
/// one stride says where their elements are.
static bool isRun(const DeviceTensor &tensor, size_t first, size_t last) {
  std::optional<int64_t> expected;
  for (size_t d = last; d-- > first;) {
    if (tensor.shape[d] == 1)
      continue;
    if (expected && tensor.strides[d] != *expected)
      return false;
    expected = tensor.strides[d] * tensor.shape[d];
  }
  return true;
}

Status DeviceEvaluation::collapse(int source, ArrayRef<size_t> groups,
                                  int result) {
  Slot slot = values[source];
  bool isView = slot.tensor.isEmpty() || !slot.isDefined;
  if (!isView) {
    size_t first = 0;
    isView = llvm::all_of(groups, [&](size_t length) {
      bool good = isRun(slot.tensor, first, first + length);
      first += length;
      return good;
    });
  }
  if (!isView)
    TRY(makeContiguous(slot));
  DeviceTensor tensor;
  tensor.type = slot.tensor.type;
  size_t d = 0;
  for (size_t length : groups) {
    int64_t size = 1, stride = 1;
    for (size_t end = d + length; d < end; ++d) {
      size *= slot.tensor.shape[d];
      if (slot.tensor.shape[d] != 1)
        stride = slot.tensor.strides[d];
    }
    tensor.shape.push_back(size);
    tensor.strides.push_back(stride);
  }
  slot.tensor = std::move(tensor);
  values[result] = std::move(slot);
  return Status();
}

Status DeviceEvaluation::expand(int source, ArrayRef<size_t> groups,
                                ArrayRef<Size> shape, int result) {
  Slot slot = values[source];
  const DeviceTensor whole = slot.tensor;
  SmallVector<int64_t, 4> sizes = get(shape);
  TRY(checkShape(sizes));
  slot.tensor.shape = sizes;
  slot.tensor.strides.resize(sizes.size());
  size_t end = 0;
  for (auto [d, length] : llvm::enumerate(groups)) {
    size_t begin = end;
    end += length;
    int64_t stride = whole.strides[d], product = 1;
    for (size_t i = end; i-- > begin;) {
      slot.tensor.strides[i] = stride * product;
      product *= sizes[i];
    }
    if (product != whole.shape[d])
      return invalid("dimension " + Twine(d) + " of size " +
                     Twine(whole.shape[d]) + " is expanded to " +
                     Twine(product) + " elements");
  }
  // The dimensions of a number, which has none.
  for (; end < sizes.size(); ++end) {
    slot.tensor.strides[end] = 1;
    if (sizes[end] != 1)
      return invalid("one element is expanded to size " + Twine(sizes[end]));
  }
  values[result] = std::move(slot);
  return Status();
}

//===----------------------------------------------------------------------===//
// Tensors that are not computed
//===----------------------------------------------------------------------===//

Status DeviceEvaluation::empty(NpyType type, ArrayRef<Size> shape, int result) {
  // What is written gets memory of its own: an op may write several results to
  // one empty tensor.
  SmallVector<int64_t, 4> sizes = get(shape);
  TRY(checkShape(sizes));
  values[result].tensor = DeviceTensor::contiguous(type, sizes);
  return Status();
}

/// All elements are one.
static void setStridesToZero(DeviceTensor &tensor) {
  tensor.strides.assign(tensor.shape.size(), 0);
}

Status DeviceEvaluation::constant(const Constant &constant, int result) {
  Slot &slot = values[result];
  slot.tensor = DeviceTensor::contiguous(constant.type, constant.shape);
  auto digest = llvm::SHA256::hash(llvm::arrayRefFromStringRef(constant.bytes));
  auto table =
      cache.getTable(device, ("constant " + llvm::toStringRef(digest)).str(),
                     constant.bytes.data(), constant.bytes.size());
  if (!table.ok())
    return table.status();
  slot.address = (*table)->address();
  slot.isDefined = true;
  if (int64_t(constant.bytes.size()) < slot.tensor.bytes())
    setStridesToZero(slot.tensor);
  call.constants.push_back(*table);
  return Status();
}

Status DeviceEvaluation::splat(int value, NpyType type, ArrayRef<Size> shape,
                               int result) {
  SmallVector<int64_t, 4> sizes = get(shape);
  TRY(checkShape(sizes));
  NpyArray element = fromDoubles(type, {1}, {values[value].scalar});
  auto buffer = upload(device, element.data.data(), element.data.size());
  if (!buffer.ok())
    return buffer.status();
  Slot &slot = values[result];
  slot.tensor = DeviceTensor::contiguous(type, sizes);
  setStridesToZero(slot.tensor);
  slot.address = buffer->address();
  slot.isDefined = true;
  call.constants.push_back(std::make_shared<const Buffer>(*std::move(buffer)));
  return Status();
}

Result<DeviceView> DeviceEvaluation::getTable(int value,
                                              const curve::OrderSpec &order) {
  if (value >= 0) {
    Slot table = values[value];
    TRY(checkDefined(table, "an order"));
    if (!table.tensor.isContiguous())
      TRY(makeContiguous(table));
    return DeviceView(table);
  }
  if (auto message = curve::validate(order))
    return invalid("order: " + *message);
  auto table = cache.getOrder(device, order);
  if (!table.ok())
    return table.status();
  call.constants.push_back(*table);
  DeviceView view;
  view.tensor = DeviceTensor::contiguous(NpyType::I32, {order.length});
  view.address = (*table)->address();
  return view;
}

Status DeviceEvaluation::order(const curve::OrderSpec &order, int result) {
  auto table = getTable(-1, order);
  if (!table.ok())
    return table.status();
  static_cast<DeviceView &>(values[result]) = *table;
  values[result].isDefined = true;
  return Status();
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

Status DeviceEvaluation::launch(DeviceElementwiseProblem problem) {
  auto kernel = DeviceElementwise::create(device, cache, problem);
  if (!kernel.ok())
    return kernel.status();
  call.kernels.emplace_back(call.steps.size(), 0);
  call.steps.push_back(*std::move(kernel));
  return Status();
}

Status DeviceEvaluation::launchCopy(const DeviceView &from,
                                    const DeviceView &to) {
  DeviceElementwiseProblem problem;
  problem.operands = {from};
  problem.result = to;
  return launch(std::move(problem));
}

Status DeviceEvaluation::makeContiguous(Slot &slot) {
  auto memory = allocate(slot.tensor.type, slot.tensor.shape);
  if (!memory.ok())
    return memory.status();
  TRY(launchCopy(slot, *memory));
  slot = *memory;
  return Status();
}

Status DeviceEvaluation::elementwise(DeviceElementwiseProblem problem,
                                     ArrayRef<int> operands, NpyType type,
                                     int result) {
  for (auto [i, operand] : llvm::enumerate(operands)) {
    TRY(checkDefined(values[operand],
                     "operand " + Twine(i) + " of " + problem.op));
    problem.operands.push_back(values[operand]);
  }
  auto memory = allocate(type, values[operands[0]].tensor.shape);
  if (!memory.ok())
    return memory.status();
  values[result] = *memory;
  problem.result = *memory;
  return launch(std::move(problem));
}

Status DeviceEvaluation::permute(DeviceElementwiseProblem problem, int source,
                                 int table, const curve::OrderSpec &order,
                                 int result) {
  TRY(checkDefined(values[source], "what is ordered"));
  problem.operands = {values[source]};
  auto entries = getTable(table, order);
  if (!entries.ok())
    return entries.status();
  problem.table = *entries;
  const DeviceTensor &tensor = values[source].tensor;
  auto memory = allocate(tensor.type, tensor.shape);
  if (!memory.ok())
    return memory.status();
  values[result] = *memory;
  problem.result = *memory;
  return launch(std::move(problem));
}

Status DeviceEvaluation::insertSlice(int source, int destination,
                                     const Slice &slice, int result) {
  TRY(checkDefined(values[source], "an inserted slice"));
  const Slot &whole = values[destination];
  auto memory = allocate(whole.tensor.type, whole.tensor.shape);
  if (!memory.ok())
    return memory.status();
  auto view = getSlice(*memory, slice);
  if (!view.ok())
    return view.status();
  if (whole.isDefined)
    TRY(launchCopy(whole, *memory));
  TRY(launchCopy(values[source], *view));
  values[result] = *memory;
  return Status();
}

Status DeviceEvaluation::copy(int source, int result) {
  values[result] = values[source];
  return makeContiguous(values[result]);
}

Status DeviceEvaluation::write(int source, int destination) {
  TRY(checkDefined(values[source], "what is written to a memref"));
  return launchCopy(values[source], values[destination]);
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// Whether kernels of attentions can read it where it is.
static bool isReadable(const DeviceView &view) {
  const DeviceTensor &tensor = view.tensor;
  if (tensor.isEmpty())
    return true;
  if (tensor.shape.size() != 4)
    return tensor.isContiguous();
  if (tensor.strides[3] != 1 || view.address % kMatrixAlignment)
    return false;
  int64_t size = npyTypeSize(tensor.type);
  for (unsigned d = 0; d < 3; ++d)
    if (tensor.shape[d] != 1 &&
        tensor.strides[d] * size % kMatrixAlignment != 0)
      return false;
  return true;
}

Status DeviceEvaluation::attention(const Attention &attention,
                                   ArrayRef<int> results) {
  DeviceAttentionProblem problem = attention.problem;
  DeviceAddresses addresses = {};
  for (auto [operand, value] : llvm::enumerate(attention.operands)) {
    if (value < 0)
      continue;
    Slot slot = values[value];
    TRY(checkDefined(slot, getOperandName(operand) + " of an attention"));
    if (!isReadable(slot))
      TRY(makeContiguous(slot));
    problem.tensors[operand] = slot.tensor;
    addresses[operand] = slot.address;
  }
  if (attention.scale >= 0)
    problem.scale = float(values[attention.scale].scalar);

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
  for (auto [output, result] : llvm::zip_equal(outputs, results)) {
    auto &[operand, tensor] = output;
    auto memory = allocate(tensor.type, tensor.shape);
    if (!memory.ok())
      return memory.status();
    addresses[operand] = memory->address;
    problem.tensors[operand] = tensor;
    values[result] = *memory;
  }
  auto plan = DeviceAttention::create(device, cache, problem);
  if (!plan.ok())
    return plan.status();
  if (size_t bytes = plan->workspaceBytes()) {
    auto workspace = Buffer::allocate(device, bytes);
    if (!workspace.ok())
      return workspace.status();
    addresses[kWorkspace] = workspace->address();
    call.buffers.push_back(*std::move(workspace));
  }
  TRY(plan->check(addresses));
  for (size_t i = 0; i < plan->numKernels(); ++i)
    call.kernels.emplace_back(call.steps.size(), i);
  call.steps.push_back(DeviceCall::Attention{*std::move(plan), addresses});
  return Status();
}
