//===- DeviceAttention.cpp - Attention on a GPU ---------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/ExecutionEngine/DeviceAttention.h"

#include "DeviceAttentionCheck.h"
#include "Try.h"

#include "hilbert/ExecutionEngine/DeviceTables.h"

#include "llvm/ADT/APInt.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace hilbert;
using namespace hilbert::rt;
using namespace hilbert::rt::cuda;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Planning
//===----------------------------------------------------------------------===//

class DeviceAttention::Planner {
public:
  Planner(const Device &device, DeviceKernelCache &cache,
          const DeviceAttentionProblem &problem)
      : device(device), cache(cache), plan(std::make_shared<Plan>()),
        p(plan->problem) {
    plan->problem = problem;
    plan->device = &device;
  }

  Result<DeviceAttention> run();

private:
  enum Side { Queries, Keys, Outs };

  void makeSpec();
  void chooseBoxes();
  DeviceTiling getTiling(Side side, int64_t rows) const;

  /// Adds a table of the cache, and gives its address.
  Result<CUdeviceptr> upload(const Twine &key, const void *data, size_t bytes);
  Status addTable(Side side);
  Status addBoxes(Side side, const KernelInfo &info);
  Status addOffsets();
  Status addLaunch(size_t index);

  const DeviceOrder &getOrder(Side side) const {
    return side == Queries ? p.qOrder : side == Keys ? p.kvOrder : p.outOrder;
  }
  void set(const Twine &name, int64_t value) {
    values[name.str()] = {kNumDeviceOperands, uint64_t(value)};
  }
  void set(const Twine &name, DeviceOperand operand) {
    values[name.str()] = {operand, 0};
  }
  void setMatrix(DeviceOperand operand);

  const Device &device;
  DeviceKernelCache &cache;
  std::shared_ptr<Plan> plan;
  DeviceAttentionProblem &p;
  /// By the names that kernels give their arguments.
  llvm::StringMap<Argument> values;
};

void DeviceAttention::Planner::makeSpec() {
  DeviceKernelSpec &spec = plan->spec;
  spec.isGradient = p.isGradient;
  spec.hasDlse = p.isGradient && !p[kDlse].shape.empty();
  spec.type = p[kQ].type;
  spec.allowTF32 = spec.type == NpyType::F32;
  spec.depth = p.depth();
  spec.causal = p.causal;
  spec.pattern = p.pattern;
  spec.schedule = p.schedule;
  SmallVector<const DeviceOrder *, 3> distinct;
  constexpr Side sides[] = {Queries, Keys, Outs};
  for (auto [number, side] : llvm::zip_equal(spec.orders, sides)) {
    const DeviceOrder &order = getOrder(side);
    number = -1;
    if (order.kind == DeviceOrder::Raster)
      continue;
    const auto *same = llvm::find_if(distinct, [&](const DeviceOrder *other) {
      return other->isEqual(order);
    });
    number = int(same - distinct.begin());
    if (same == distinct.end())
      distinct.push_back(&order);
  }
}

DeviceTiling DeviceAttention::Planner::getTiling(Side side,
                                                 int64_t rows) const {
  const DeviceGeometry &geometry = *plan->geometry;
  return {geometry.segment,
          side == Keys ? geometry.dilation : geometry.queryStep(), rows};
}

void DeviceAttention::Planner::chooseBoxes() {
  // Rows of a box are not in the order of positions.
  if (!p.allowBoxes || p.causal == Causality::Position)
    return;
  auto isBoxed = [&](Side side, ArrayRef<int64_t> tiles) {
    const DeviceOrder &order = getOrder(side);
    return order.kind == DeviceOrder::Static &&
           llvm::all_of(tiles, [&](int64_t rows) {
             return getDeviceBoxes(order.spec, getTiling(side, rows));
           });
  };
  plan->spec.queryBoxes = p.outOrder.isEqual(p.qOrder) &&
                          isBoxed(Queries, plan->geometry->queryTiles);
  plan->spec.keyBoxes = isBoxed(Keys, plan->geometry->keyTiles);
}

Result<CUdeviceptr> DeviceAttention::Planner::upload(const Twine &key,
                                                     const void *data,
                                                     size_t bytes) {
  auto table = cache.getTable(device, key.str(), data, bytes);
  if (!table.ok())
    return table.status();
  plan->tables.push_back(*table);
  return (*table)->address();
}

static StringRef getPrefix(int side) {
  static constexpr StringRef prefixes[] = {"q", "kv", "out"};
  return prefixes[side];
}

Status DeviceAttention::Planner::addTable(Side side) {
  const DeviceOrder &order = getOrder(side);
  if (order.kind == DeviceOrder::Raster)
    return Status();
  std::string name = (getPrefix(side) + "_table").str();
  if (order.kind == DeviceOrder::Table) {
    auto operand = static_cast<DeviceOperand>(kTable0 + order.table);
    const DeviceTensor &table = p[operand];
    set(name, operand);
    set(name + "_batch_stride", table.shape.size() == 2 ? table.shape[1] : 0);
    return Status();
  }
  auto table = cache.getOrder(device, order.spec);
  if (!table.ok())
    return table.status();
  plan->tables.push_back(*table);
  set(name, int64_t((*table)->address()));
  set(name + "_batch_stride", 0);
  return Status();
}

Status DeviceAttention::Planner::addBoxes(Side side, const KernelInfo &info) {
  bool isOwn = info.ownsQueries == (side != Keys);
  DeviceTiling tiling = getTiling(side, isOwn ? info.tile : info.otherTile);
  const curve::OrderSpec &order = getOrder(side).spec;
  auto boxes = getDeviceBoxes(order, tiling);
  if (!boxes)
    return invalid("kernel '" + info.name + "' takes boxes of " +
                   Twine(tiling.rows) + " tokens, but the order has others");
  auto address =
      upload("boxes " + getOrderKey(order) + " w" + Twine(tiling.segment) +
                 " r" + Twine(tiling.step) + " m" + Twine(tiling.rows),
             boxes->entries.data(), boxes->entries.size() * sizeof(int32_t));
  if (!address.ok())
    return address.status();
  StringRef prefix = getPrefix(side);
  set(prefix + "_boxes", int64_t(*address));
  set(prefix + "_width", boxes->width);
  set(prefix + "_plane", boxes->plane);
  return Status();
}

Status DeviceAttention::Planner::addOffsets() {
  const std::vector<int32_t> &offsets = plan->geometry->offsets;
  if (offsets.empty())
    return Status();
  std::string key = "offsets";
  for (int32_t offset : offsets)
    key += " " + std::to_string(offset);
  auto address = upload(key, offsets.data(), offsets.size() * sizeof(int32_t));
  if (!address.ok())
    return address.status();
  set("offsets", int64_t(*address));
  return Status();
}

void DeviceAttention::Planner::setMatrix(DeviceOperand operand) {
  StringRef name = getOperandName(operand);
  ArrayRef<int64_t> strides = p[operand].strides;
  set(name, operand);
  set(name + "_batch_stride", strides[0]);
  set(name + "_head_stride", strides[p.headDim()]);
  set(name + "_token_stride", strides[p.tokenDim()]);
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

/// tiles · classes · segments · heads · batch, however large.
static llvm::APInt countBlocks(const DeviceAttentionProblem &p,
                               const KernelInfo &info) {
  int64_t tokens = info.ownsQueries ? p.queries() : p.keys();
  int64_t heads = info.ownsQueries ? p.queryHeads() : p.keyHeads();
  if (tokens == 0)
    return llvm::APInt(320, 0);
  int64_t segment = info.segment ? std::min(info.segment, tokens) : tokens;
  int64_t tiles = llvm::divideCeil(llvm::divideCeil(segment, info.classes),
                                   uint64_t(info.tile));
  llvm::APInt count(320, tiles);
  for (int64_t factor :
       {info.classes, int64_t(llvm::divideCeil(tokens, segment)), heads,
        p.batch()})
    count *= llvm::APInt(320, factor);
  return count;
}

/// What fits the register that a kernel's argument has.
static bool fits(KernelArgument::Type type, int64_t value) {
  return type != KernelArgument::Type::I32 || llvm::isInt<32>(value);
}

Status DeviceAttention::Planner::addLaunch(size_t index) {
  const KernelInfo &info = plan->kernels->code->kernels[index];
  if (plan->spec.queryBoxes) {
    TRY(addBoxes(Queries, info));
    TRY(addBoxes(Outs, info));
  }
  if (plan->spec.keyBoxes)
    TRY(addBoxes(Keys, info));

  Launch launch;
  launch.info = &info;
  launch.kernel = &plan->kernels->kernels[index];
  llvm::APInt blocks = countBlocks(p, info);
  int64_t most = launch.kernel->device().properties().maxGrid.x;
  if (blocks.ugt(most))
    return invalid("kernel '" + info.name + "' needs " +
                   toString(blocks, 10, /*Signed=*/false) +
                   " blocks, but a grid has at most " + Twine(most));
  launch.blocks = unsigned(blocks.getZExtValue());
  if (info.arguments.size() > kMaxArguments)
    return invalid("kernel '" + info.name + "' has " +
                   Twine(info.arguments.size()) + " arguments, but at most " +
                   Twine(kMaxArguments) + " are supported");
  for (const KernelArgument &argument : info.arguments) {
    auto value = values.find(argument.name);
    if (value == values.end())
      return invalid("kernel '" + info.name + "' takes an argument '" +
                     argument.name + "', which this call does not have");
    bool isNumber = value->second.operand == kNumDeviceOperands;
    if (isNumber && !fits(argument.type, int64_t(value->second.bytes)))
      return invalid("argument '" + argument.name + "' of kernel '" +
                     info.name + "' must fit 32 bits, but is " +
                     Twine(int64_t(value->second.bytes)));
    launch.arguments.push_back(value->second);
  }
  plan->launches.push_back(std::move(launch));
  return Status();
}

Result<DeviceAttention> DeviceAttention::Planner::run() {
  TRY(p.check());
  makeSpec();
  auto geometry = cache.getGeometry(device, plan->spec);
  if (!geometry.ok())
    return geometry.status();
  plan->geometry = *geometry;
  TRY(checkGeometry(p, *plan->geometry));
  chooseBoxes();
  auto kernels = cache.getKernels(device, plan->spec);
  if (!kernels.ok())
    return kernels.status();
  plan->kernels = *kernels;

  for (unsigned operand = kQ; operand <= kDv; ++operand) {
    auto which = static_cast<DeviceOperand>(operand);
    size_t rank = p[which].shape.size();
    if (rank == 4)
      setMatrix(which);
    else if (rank == 3)
      set(getOperandName(operand), which);
  }
  set("delta", kWorkspace);
  set("batch", p.batch());
  set("queries", p.queries());
  set("keys", p.keys());
  set("query_heads", p.queryHeads());
  set("key_heads", p.keyHeads());
  float scale = p.scale.value_or(1.0f / std::sqrt(float(p.depth())));
  set("scale", int64_t(llvm::bit_cast<uint32_t>(scale)));
  for (Side side : {Queries, Keys, Outs})
    TRY(addTable(side));
  TRY(addOffsets());
  for (size_t i = 0; i < plan->kernels->kernels.size(); ++i)
    TRY(addLaunch(i));
  if (p.isGradient)
    plan->workspaceBytes = size_t(p[kLse].bytes());
  return DeviceAttention(std::move(plan));
}

Result<DeviceAttention>
DeviceAttention::create(const Device &device, DeviceKernelCache &cache,
                        const DeviceAttentionProblem &problem) {
  return Planner(device, cache, problem).run();
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

Status DeviceAttention::check(const DeviceAddresses &addresses) const {
  TRY(checkAddresses(*plan->device, plan->problem, addresses));
  if (addresses[kWorkspace] && plan->workspaceBytes)
    return Workspace::borrow(*plan->device, addresses[kWorkspace],
                             plan->workspaceBytes, plan->workspaceBytes)
        .status();
  return Status();
}

Status DeviceAttention::launchKernel(size_t index,
                                     const DeviceAddresses &addresses,
                                     CUstream stream) const {
  const Launch &launch = plan->launches[index];
  if (launch.blocks == 0)
    return Status();
  // On the stack: any number of threads may launch.
  std::array<uint64_t, kMaxArguments> values;
  std::array<void *, kMaxArguments> parameters;
  for (auto [i, argument] : llvm::enumerate(launch.arguments)) {
    values[i] = argument.operand == kNumDeviceOperands
                    ? argument.bytes
                    : addresses[argument.operand];
    parameters[i] = &values[i];
  }
  LaunchShape shape;
  shape.grid.x = launch.blocks;
  shape.block.x = unsigned(launch.info->threads);
  shape.sharedBytes = unsigned(launch.info->sharedBytes);
  shape.stream = stream;
  return launch.kernel->launch(shape, parameters.data());
}

Status DeviceAttention::launch(const DeviceAddresses &addresses,
                               CUstream stream) const {
  auto launchAll = [&](const DeviceAddresses &all) -> Status {
    for (size_t i = 0; i < plan->launches.size(); ++i)
      TRY(launchKernel(i, all, stream));
    return Status();
  };
  if (addresses[kWorkspace] || plan->workspaceBytes == 0)
    return launchAll(addresses);
  auto workspace =
      Workspace::allocate(*plan->device, plan->workspaceBytes, stream);
  if (!workspace.ok())
    return workspace.status();
  DeviceAddresses all = addresses;
  all[kWorkspace] = workspace->address();
  TRY(launchAll(all));
  return workspace->free();
}
