//===- DeviceCalls.cpp - Attention on a GPU in one call -------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DeviceCalls.h"

#include "Error.h"
#include "Orders.h"
#include "Tensors.h"

#include "hilbert/ExecutionEngine/DeviceAttention.h"

#include "llvm/ADT/bit.h"
#include "llvm/Support/JSON.h"

#include <mutex>

using namespace hilbert;
using namespace hilbert::rt::cuda;
using llvm::ArrayRef;
using llvm::StringRef;
using llvm::Twine;

static HilbertStatus report(const rt::Status &status) {
  auto code = [&] {
    switch (status.code()) {
    case rt::StatusCode::Ok:
      return HILBERT_OK;
    case rt::StatusCode::InvalidArgument:
      return HILBERT_INVALID_ARGUMENT;
    case rt::StatusCode::Unsupported:
    case rt::StatusCode::NotFound:
      return HILBERT_UNSUPPORTED;
    case rt::StatusCode::OutOfMemory:
      return HILBERT_OUT_OF_MEMORY;
    case rt::StatusCode::DriverError:
      return HILBERT_DRIVER_FAILED;
    }
    llvm_unreachable("all codes are handled");
  }();
  return fail(code, status.message());
}

#define TRY(expression)                                                        \
  if (HilbertStatus tried = (expression))                                      \
  return tried
#define TRY_RUNTIME(expression)                                                \
  if (rt::Status tried = (expression); !tried.ok())                            \
  return report(tried)

//===----------------------------------------------------------------------===//
// Plans
//===----------------------------------------------------------------------===//

namespace {
/// What was prepared for calls of this process, by all that they had in common.
/// Leaked: kernels may run until the process is gone.
class Plans {
public:
  static Plans &get() {
    static auto *plans = new Plans;
    return *plans;
  }

  std::optional<DeviceAttention> find(StringRef key) {
    std::lock_guard<std::mutex> lock(mutex);
    auto found = plans.find(key);
    if (found == plans.end())
      return std::nullopt;
    return found->second;
  }
  void insert(StringRef key, const DeviceAttention &plan) {
    std::lock_guard<std::mutex> lock(mutex);
    // Many sizes in turn: plans are cheap to make again, kernels stay.
    if (plans.size() >= kMaxPlans)
      plans.clear();
    plans.try_emplace(key, plan);
  }

private:
  static constexpr unsigned kMaxPlans = 1024;

  std::mutex mutex;
  llvm::StringMap<DeviceAttention> plans;
};

/// The arguments of a call: a key of its plan, and addresses.
class DeviceCall {
public:
  HilbertStatus gather(const HilbertAttention &attention,
                       const HilbertAttentionGrad *grad);
  HilbertStatus run();
  HilbertStatus getWorkspaceBytes(size_t &bytes);
  HilbertStatus explain(std::string &json);

private:
  HilbertStatus add(DeviceOperand operand, StringRef name,
                    const HilbertTensor &tensor, HilbertDType dtype,
                    int32_t rank);
  HilbertStatus addMatrix(DeviceOperand operand, StringRef name,
                          const HilbertTensor &tensor);
  HilbertStatus addStats(DeviceOperand operand, StringRef name,
                         const HilbertTensor &tensor) {
    return add(operand, name, tensor, HILBERT_F32, 3);
  }
  HilbertStatus add(StringRef name, const HilbertOrder &order);
  HilbertStatus addTable(StringRef name, const HilbertTensor &table);
  HilbertStatus getOrder(StringRef name, const HilbertOrder &order, int number,
                         int64_t tokens, DeviceOrder &result) const;
  HilbertStatus getProblem(DeviceAttentionProblem &problem) const;
  HilbertStatus getPlan(std::optional<DeviceAttention> &plan);
  HilbertStatus checkTables(const Device &device) const;

  void addWords(ArrayRef<int64_t> words) {
    key.append(reinterpret_cast<const char *>(words.begin()),
               reinterpret_cast<const char *>(words.end()));
  }

  const HilbertAttention *a = nullptr;
  bool isGradient = false;
  std::array<const HilbertTensor *, kWorkspace> tensors = {};
  /// Of the three orders: which of kTable0 to kTable2, or -1.
  std::array<int, 3> tableNumbers = {-1, -1, -1};
  int numTables = 0, numOrders = 0;
  DeviceAddresses addresses = {};
  llvm::SmallString<1536> key;
};
} // namespace

/// Types and ranks are checked here, and all else where plans are made.
HilbertStatus DeviceCall::add(DeviceOperand operand, StringRef name,
                              const HilbertTensor &tensor, HilbertDType dtype,
                              int32_t rank) {
  TRY(checkTypeAndRank(name, tensor, rank));
  if (rank == 4)
    TRY(checkTypeOfQ(name, tensor, dtype));
  if (tensor.dtype != dtype)
    return fail(HILBERT_INVALID_TYPE, name + " must be " + nameOf(dtype) +
                                          ", but is " + nameOf(tensor.dtype));
  if (tensor.deviceType != a->q.deviceType || tensor.deviceId != a->q.deviceId)
    return fail(HILBERT_INVALID_TYPE,
                name + " must be on q's device, " + Twine(a->q.deviceId) +
                    " of type " + Twine(a->q.deviceType) + ", but is on " +
                    Twine(tensor.deviceId) + " of type " +
                    Twine(tensor.deviceType));
  tensors[operand] = &tensor;
  addresses[operand] = reinterpret_cast<CUdeviceptr>(tensor.data);
  addWords({operand, tensor.dtype, tensor.rank});
  addWords(ArrayRef(tensor.shape, tensor.rank));
  addWords(ArrayRef(tensor.strides, tensor.rank));
  return HILBERT_OK;
}

HilbertStatus DeviceCall::addMatrix(DeviceOperand operand, StringRef name,
                                    const HilbertTensor &tensor) {
  return add(operand, name, tensor, a->q.dtype, 4);
}

HilbertStatus DeviceCall::addTable(StringRef name, const HilbertTensor &table) {
  if (table.rank != 1 && table.rank != 2)
    return fail(HILBERT_INVALID_TYPE,
                name + " must have rank 1 or 2, but has " + Twine(table.rank));
  int number = 0;
  for (; number < numTables; ++number) {
    const HilbertTensor &other = *tensors[kTable0 + number];
    if (other.data == table.data && other.rank == table.rank &&
        ArrayRef(other.shape, other.rank) == ArrayRef(table.shape, table.rank))
      break;
  }
  if (number == numTables) {
    TRY(add(DeviceOperand(kTable0 + number), name, table, HILBERT_I32,
            table.rank));
    ++numTables;
  }
  tableNumbers[numOrders] = number;
  addWords({number});
  return HILBERT_OK;
}

HilbertStatus DeviceCall::add(StringRef name, const HilbertOrder &order) {
  addWords({order.kind});
  switch (order.kind) {
  case HILBERT_ORDER_RASTER:
    break;
  case HILBERT_ORDER_STATIC: {
    const HilbertOrderSpec &spec = order.spec;
    addWords({spec.curve, spec.rank, spec.extents[0], spec.extents[1],
              spec.extents[2], spec.tile[0], spec.tile[1], spec.tile[2],
              spec.length});
    break;
  }
  case HILBERT_ORDER_TABLE:
    TRY(addTable(name, order.table));
    break;
  default:
    return fail(HILBERT_INVALID_ARGUMENT,
                name + "'s kind must be 0 to 2, but is " +
                    Twine(int(order.kind)));
  }
  ++numOrders;
  return HILBERT_OK;
}

HilbertStatus DeviceCall::gather(const HilbertAttention &attention,
                                 const HilbertAttentionGrad *grad) {
  a = &attention;
  isGradient = grad != nullptr;
  addWords({isGradient, a->q.deviceId, a->causal, a->layout, a->allowTf32 != 0,
            llvm::bit_cast<int32_t>(a->scale)});
  TRY(addMatrix(kQ, "q", a->q));
  TRY(addMatrix(kK, "k", a->k));
  TRY(addMatrix(kV, "v", a->v));
  TRY(addMatrix(kOut, "out", a->out));
  TRY(addStats(kLse, "lse", a->lse));
  if (grad) {
    TRY(addMatrix(kDout, "dout", grad->dout));
    if (grad->dlse.rank)
      TRY(addStats(kDlse, "dlse", grad->dlse));
    TRY(addMatrix(kDq, "dq", grad->dq));
    TRY(addMatrix(kDk, "dk", grad->dk));
    TRY(addMatrix(kDv, "dv", grad->dv));
  }
  TRY(add("order", a->qOrder));
  TRY(add("kv_order", a->kvOrder));
  TRY(add("out_order", a->outOrder));
  if (a->pattern)
    key += a->pattern;
  addresses[kWorkspace] = reinterpret_cast<CUdeviceptr>(a->workspace);
  return HILBERT_OK;
}

HilbertStatus DeviceCall::getOrder(StringRef name, const HilbertOrder &order,
                                   int number, int64_t tokens,
                                   DeviceOrder &result) const {
  if (number >= 0) {
    result = DeviceOrder::ofTable(number);
  } else if (order.kind == HILBERT_ORDER_STATIC) {
    curve::OrderSpec spec;
    TRY(resolveOrder(name, order.spec, tokens, spec));
    result = DeviceOrder::of(std::move(spec));
  }
  return HILBERT_OK;
}

HilbertStatus DeviceCall::getProblem(DeviceAttentionProblem &problem) const {
  problem.isGradient = isGradient;
  for (auto [tensor, from] : llvm::zip_equal(problem.tensors, tensors)) {
    if (!from)
      continue;
    tensor.type = static_cast<NpyType>(from->dtype);
    tensor.shape.assign(from->shape, from->shape + from->rank);
    tensor.strides.assign(from->strides, from->strides + from->rank);
  }
  problem.causal = static_cast<Causality>(a->causal);
  problem.layout = a->layout == HILBERT_BNHD ? Layout::BNHD : Layout::BHND;
  problem.scale = a->scale;
  problem.allowTF32 = a->allowTf32 != 0;
  if (a->pattern)
    problem.pattern = a->pattern;
  // Ranks are checked with the rest; orders need the sizes before.
  int tokenDim = int(problem.tokenDim());
  auto tokensOf = [&](const HilbertTensor &tensor) {
    return tensor.rank > tokenDim ? tensor.shape[tokenDim] : 0;
  };
  int64_t queries = tokensOf(a->q), keys = tokensOf(a->k);
  TRY(getOrder("order", a->qOrder, tableNumbers[0], queries, problem.qOrder));
  TRY(getOrder("kv_order", a->kvOrder, tableNumbers[1], keys, problem.kvOrder));
  return getOrder("out_order", a->outOrder, tableNumbers[2], queries,
                  problem.outOrder);
}

HilbertStatus DeviceCall::getPlan(std::optional<DeviceAttention> &plan) {
  plan = Plans::get().find(key);
  if (plan)
    return HILBERT_OK;
  auto device = Device::get(a->q.deviceId);
  if (!device.ok())
    return report(device.status());
  DeviceAttentionProblem problem;
  TRY(getProblem(problem));
  auto made =
      DeviceAttention::create(**device, DeviceKernelCache::get(), problem);
  if (!made.ok())
    return report(made.status());
  plan = *std::move(made);
  Plans::get().insert(key, *plan);
  return HILBERT_OK;
}

HilbertStatus DeviceCall::checkTables(const Device &device) const {
  static constexpr StringRef names[] = {"order", "kv_order", "out_order"};
  for (auto [name, number] : llvm::zip_equal(names, tableNumbers)) {
    if (number < 0)
      continue;
    const HilbertTensor &table = *tensors[kTable0 + number];
    int64_t tokens = table.shape[table.rank - 1];
    int64_t rows = table.rank == 2 ? table.shape[0] : 1;
    std::vector<int32_t> entries(size_t(rows * tokens));
    TRY_RUNTIME(copyToHost(device, entries.data(), addresses[kTable0 + number],
                           entries.size() * sizeof(int32_t),
                           static_cast<CUstream>(a->stream)));
    TRY(checkEntries(name, entries.data(), rows, tokens, /*isFull=*/true));
  }
  return HILBERT_OK;
}

HilbertStatus DeviceCall::run() {
  std::optional<DeviceAttention> plan;
  TRY(getPlan(plan));
  if (a->workspace && a->workspaceBytes < plan->workspaceBytes())
    return fail(HILBERT_INVALID_ARGUMENT, "workspaceBytes must be at least " +
                                              Twine(plan->workspaceBytes()) +
                                              ", but is " +
                                              Twine(a->workspaceBytes));
  // Entered once for all that follows.
  ContextGuard guard(plan->device());
  TRY_RUNTIME(guard.status());
  TRY_RUNTIME(plan->check(addresses));
  if (numTables && checksOrders())
    TRY(checkTables(plan->device()));
  TRY_RUNTIME(plan->launch(addresses, static_cast<CUstream>(a->stream)));
  return HILBERT_OK;
}

HilbertStatus DeviceCall::getWorkspaceBytes(size_t &bytes) {
  std::optional<DeviceAttention> plan;
  TRY(getPlan(plan));
  bytes = plan->workspaceBytes();
  return HILBERT_OK;
}

static StringRef getAccess(bool isBoxed, int order) {
  return isBoxed ? "box" : order < 0 ? "run" : "table";
}

HilbertStatus DeviceCall::explain(std::string &json) {
  std::optional<DeviceAttention> plan;
  TRY(getPlan(plan));
  const DeviceKernelSpec &spec = plan->spec();
  const DeviceProperties &device = plan->device().properties();
  llvm::json::Array kernels;
  for (size_t i = 0; i < plan->numKernels(); ++i) {
    const KernelInfo &info = plan->kernelInfo(i);
    const KernelAttributes &attributes = plan->kernel(i).attributes();
    kernels.push_back(
        llvm::json::Object{{"name", info.name},
                           {"role", info.role},
                           {"schedule", info.schedule},
                           {"tile", info.tile},
                           {"other_tile", info.otherTile},
                           {"blocks", plan->numBlocks(i)},
                           {"threads", info.threads},
                           {"shared_bytes", info.sharedBytes},
                           {"registers", attributes.registersPerThread},
                           {"local_bytes", attributes.localBytes}});
  }
  llvm::raw_string_ostream(json) << llvm::json::Value(llvm::json::Object{
      {"device", device.name},
      {"target", getTargetFor(device)},
      {"multiprocessors", device.multiprocessors},
      {"queries", getAccess(spec.queryBoxes, spec.orders[0])},
      {"keys", getAccess(spec.keyBoxes, spec.orders[1])},
      {"workspace_bytes", int64_t(plan->workspaceBytes())},
      {"kernels", std::move(kernels)}});
  return HILBERT_OK;
}

//===----------------------------------------------------------------------===//
// Entry points
//===----------------------------------------------------------------------===//

HilbertStatus hilbert::runOnDevice(const HilbertAttention &attention) {
  DeviceCall call;
  TRY(call.gather(attention, nullptr));
  return call.run();
}

HilbertStatus hilbert::runOnDevice(const HilbertAttentionGrad &grad) {
  DeviceCall call;
  TRY(call.gather(grad.forward, &grad));
  return call.run();
}

HilbertStatus hilbert::getWorkspaceBytes(const HilbertAttentionGrad &grad,
                                         size_t &bytes) {
  DeviceCall call;
  TRY(call.gather(grad.forward, &grad));
  return call.getWorkspaceBytes(bytes);
}

HilbertStatus hilbert::explainOnDevice(const HilbertAttention &attention,
                                       const HilbertAttentionGrad *grad,
                                       std::string &json) {
  DeviceCall call;
  TRY(call.gather(attention, grad));
  return call.explain(json);
}
