//===- DeviceElementwise.cpp - What goes through elements, on a GPU -------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/ExecutionEngine/DeviceElementwise.h"

#include "DeviceAttentionCheck.h"
#include "Try.h"

#include "llvm/Support/MathExtras.h"

using namespace hilbert;
using namespace hilbert::rt;
using namespace hilbert::rt::cuda;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

/// Enough for every multiprocessor to have several; beyond, threads take more
/// than one element.
static constexpr int64_t kMaxBlocks = 1 << 20;
static constexpr size_t kMaxArguments = 128;

class DeviceElementwise::Planner {
public:
  Planner(const Device &device, DeviceKernelCache &cache,
          const DeviceElementwiseProblem &problem)
      : device(device), cache(cache), p(problem) {}

  Result<DeviceElementwise> run();

private:
  bool isPermutation() const {
    return p.kind == DeviceElementwiseSpec::Reorder ||
           p.kind == DeviceElementwiseSpec::Restore;
  }
  /// What the user calls it.
  std::string getName() const;
  Status checkView(const DeviceView &view, const Twine &name,
                   bool isEmpty) const;
  Status check() const;
  void simplify();
  DeviceElementwiseSpec getSpec() const;
  Status bind(DeviceElementwise &into);

  SmallVector<DeviceTensor *, 3> getTensors() {
    SmallVector<DeviceTensor *, 3> tensors{&p.result.tensor};
    for (DeviceView &operand : p.operands)
      tensors.push_back(&operand.tensor);
    return tensors;
  }

  const Device &device;
  DeviceKernelCache &cache;
  /// The problem, in the end with fewer dimensions.
  DeviceElementwiseProblem p;
};

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

std::string DeviceElementwise::Planner::getName() const {
  switch (p.kind) {
  case DeviceElementwiseSpec::Elementwise:
    return p.op;
  case DeviceElementwiseSpec::Copy:
    return "a copy";
  case DeviceElementwiseSpec::Reorder:
    return "hilbert.reorder";
  case DeviceElementwiseSpec::Restore:
    return "hilbert.restore";
  }
  llvm_unreachable("all kinds are handled");
}

static std::string describe(ArrayRef<int64_t> shape) {
  std::string text;
  for (int64_t size : shape)
    text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "[" + text + "]";
}

Status DeviceElementwise::Planner::checkView(const DeviceView &view,
                                             const Twine &name,
                                             bool isEmpty) const {
  if (isEmpty)
    return Status();
  int64_t size = npyTypeSize(view.tensor.type);
  if (view.address % size)
    return invalid(name + " must be " + Twine(size) +
                   "-byte aligned, but its address is " +
                   Twine(view.address % size) + " beyond a multiple");
  return checkPointer(device, view.address, name.str().c_str());
}

Status DeviceElementwise::Planner::check() const {
  ArrayRef<int64_t> shape = p.result.tensor.shape;
  bool isEmpty = p.result.tensor.isEmpty();
  for (auto [i, operand] : llvm::enumerate(p.operands)) {
    if (ArrayRef(operand.tensor.shape) != shape)
      return invalid("operand " + Twine(i) + " of " + getName() +
                     " must have the shape " + describe(shape) + ", but has " +
                     describe(operand.tensor.shape));
    TRY(checkView(operand, "operand " + Twine(i) + " of " + getName(),
                  isEmpty));
  }
  TRY(checkView(p.result, "the result of " + getName(), isEmpty));
  if (!isPermutation())
    return Status();
  const DeviceTensor &table = p.table.tensor;
  SmallVector<int64_t, 2> wanted{shape[p.dim]};
  if (table.shape.size() == 2)
    wanted.insert(wanted.begin(), shape[0]);
  if (ArrayRef(table.shape) != ArrayRef(wanted))
    return invalid("the order of " + getName() + " must have the shape " +
                   describe(wanted) + ", but has " + describe(table.shape));
  return checkView(p.table, "the order of " + getName(), isEmpty);
}

//===----------------------------------------------------------------------===//
// Dimensions
//===----------------------------------------------------------------------===//

/// Drops dimensions of one element and joins those that are one run in every
/// tensor. An order keeps its own, and, if items have one each, dimension 0.
void DeviceElementwise::Planner::simplify() {
  SmallVector<DeviceTensor *, 3> tensors = getTensors();
  bool hasOrders = p.table.tensor.shape.size() == 2;
  auto isKept = [&](int64_t d) {
    return isPermutation() && (d == p.dim || (hasOrders && d == 0));
  };
  auto remove = [&](int64_t d) {
    for (DeviceTensor *tensor : tensors) {
      tensor->shape.erase(tensor->shape.begin() + d);
      tensor->strides.erase(tensor->strides.begin() + d);
    }
    if (d < p.dim)
      --p.dim;
  };
  ArrayRef<int64_t> shape = p.result.tensor.shape;
  for (int64_t d = shape.size() - 1; d >= 0; --d) {
    shape = p.result.tensor.shape;
    if (shape[d] == 1 && !isKept(d))
      remove(d);
  }
  shape = p.result.tensor.shape;
  for (int64_t d = int64_t(shape.size()) - 2; d >= 0; --d) {
    bool isRun = llvm::all_of(tensors, [&](const DeviceTensor *tensor) {
      return tensor->strides[d] ==
             tensor->strides[d + 1] * tensor->shape[d + 1];
    });
    if (!isRun || isKept(d) || isKept(d + 1))
      continue;
    for (DeviceTensor *tensor : tensors) {
      tensor->shape[d] *= tensor->shape[d + 1];
      tensor->strides[d] = tensor->strides[d + 1];
    }
    remove(d + 1);
  }
  // A number is a row of one.
  if (p.result.tensor.shape.empty())
    for (DeviceTensor *tensor : tensors) {
      tensor->shape = {1};
      tensor->strides = {1};
    }
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

DeviceElementwiseSpec DeviceElementwise::Planner::getSpec() const {
  DeviceElementwiseSpec spec;
  spec.kind = p.kind;
  spec.op = p.op;
  spec.properties = p.properties;
  spec.rank = p.result.tensor.shape.size();
  spec.dim = p.dim;
  auto getElement = [&](NpyType type) {
    if (p.kind == DeviceElementwiseSpec::Elementwise)
      return npyTypeName(type).str();
    return "i" + std::to_string(8 * npyTypeSize(type));
  };
  for (const DeviceView &operand : p.operands)
    spec.operands.push_back(getElement(operand.tensor.type));
  spec.result = getElement(p.result.tensor.type);
  return spec;
}

/// Finds the kernel's arguments by their names.
Status DeviceElementwise::Planner::bind(DeviceElementwise &into) {
  const KernelInfo &info = into.kernelInfo();
  int64_t count = 1;
  for (int64_t size : p.result.tensor.shape)
    count *= size;
  into.blocks = unsigned(std::min<int64_t>(
      llvm::divideCeil(count, uint64_t(info.tile)), kMaxBlocks));

  llvm::StringMap<uint64_t> values;
  auto set = [&](const Twine &name, uint64_t value) {
    values[name.str()] = value;
  };
  auto setView = [&](const Twine &name, const DeviceView &view) {
    set(name, view.address);
    for (auto [d, stride] : llvm::enumerate(view.tensor.strides))
      set(name + "_stride" + Twine(d), stride);
  };
  set("threads", uint64_t(into.blocks) * info.threads);
  for (auto [d, size] : llvm::enumerate(p.result.tensor.shape))
    set("size" + Twine(d), size);
  for (auto [i, operand] : llvm::enumerate(p.operands))
    setView("in" + Twine(i), operand);
  setView("out", p.result);
  setView("table", p.table);
  set("table_batch_stride",
      p.table.tensor.shape.size() == 2 ? p.table.tensor.strides[0] : 0);
  if (info.arguments.size() > kMaxArguments)
    return invalid("kernel '" + info.name + "' has " +
                   Twine(info.arguments.size()) + " arguments, but at most " +
                   Twine(kMaxArguments) + " are supported");
  for (const KernelArgument &argument : info.arguments) {
    auto value = values.find(argument.name);
    if (value == values.end())
      return invalid("kernel '" + info.name + "' takes an argument '" +
                     argument.name + "', which this call does not have");
    into.arguments.push_back(value->second);
  }
  return Status();
}

Result<DeviceElementwise> DeviceElementwise::Planner::run() {
  TRY(check());
  simplify();
  auto kernels = cache.getKernels(device, getSpec());
  if (!kernels.ok())
    return kernels.status();
  DeviceElementwise result;
  result.kernels = *kernels;
  TRY(bind(result));
  return result;
}

Result<DeviceElementwise>
DeviceElementwise::create(const Device &device, DeviceKernelCache &cache,
                          const DeviceElementwiseProblem &problem) {
  return Planner(device, cache, problem).run();
}

Status DeviceElementwise::launch(CUstream stream) const {
  if (blocks == 0)
    return Status();
  // On the stack: any number of threads may launch.
  std::array<uint64_t, kMaxArguments> values;
  std::array<void *, kMaxArguments> parameters;
  for (auto [i, argument] : llvm::enumerate(arguments)) {
    values[i] = argument;
    parameters[i] = &values[i];
  }
  LaunchShape shape;
  shape.grid.x = blocks;
  shape.block.x = unsigned(kernelInfo().threads);
  shape.sharedBytes = unsigned(kernelInfo().sharedBytes);
  shape.stream = stream;
  return kernel().launch(shape, parameters.data());
}
