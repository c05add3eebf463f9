//===- Attention.cpp - Attention in one call ------------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert-c/Attention.h"

#include "DeviceCalls.h"
#include "Error.h"
#include "Kernels.h"
#include "Orders.h"
#include "Tensors.h"

#include "llvm/Support/JSON.h"

#include <cmath>

using namespace hilbert;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

static constexpr int64_t kMaxDepth = 256;
static constexpr int64_t kAlignment = 16;

static std::string describeShape(const HilbertTensor &tensor) {
  std::string text = "[";
  for (int32_t d = 0; d < tensor.rank; ++d)
    text += (d ? ", " : "") + std::to_string(tensor.shape[d]);
  return text + "]";
}

static bool isEmpty(const HilbertTensor &tensor) {
  return llvm::is_contained(ArrayRef(tensor.shape, tensor.rank), 0);
}

namespace {
struct Named {
  StringRef name;
  const HilbertTensor &tensor;
};
} // namespace

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

static HilbertStatus checkAlignment(Named operand, int64_t alignment) {
  auto address = reinterpret_cast<uintptr_t>(operand.tensor.data);
  if (address % alignment == 0)
    return HILBERT_OK;
  return fail(HILBERT_INVALID_ARGUMENT,
              operand.name + "'s data must be " + Twine(alignment) +
                  "-byte aligned, but its address is " +
                  Twine(address % alignment) + " beyond a multiple");
}

/// What any tensor must be.
static HilbertStatus checkTensor(Named operand, int32_t rank) {
  auto [name, tensor] = operand;
  if (HilbertStatus status = checkTypeAndRank(name, tensor, rank))
    return status;
  if (tensor.deviceType != HILBERT_CPU)
    return fail(HILBERT_UNSUPPORTED,
                name + " must be in the CPU's memory, but is on device " +
                    Twine(tensor.deviceId) + " of type " +
                    Twine(tensor.deviceType));
  if (!hasValidSizes(tensor))
    return fail(HILBERT_INVALID_ARGUMENT,
                name +
                    " must have sizes that are not negative and whose "
                    "product fits 64 bits, but has shape " +
                    describeShape(tensor));
  if (!tensor.data && !isEmpty(tensor))
    return fail(HILBERT_INVALID_ARGUMENT, name + " must not be null");
  return HILBERT_OK;
}

/// q, k, v, out or one of their gradients.
static HilbertStatus checkMatrix(Named operand, const HilbertTensor &q,
                                 bool isWritten) {
  auto [name, tensor] = operand;
  if (HilbertStatus status = checkTensor(operand, 4))
    return status;
  if (HilbertStatus status = checkTypeOfQ(name, tensor, q.dtype))
    return status;
  if (tensor.shape[3] != q.shape[3])
    return fail(HILBERT_INVALID_ARGUMENT,
                name + " must have q's head dimension, " + Twine(q.shape[3]) +
                    ", but has " + Twine(tensor.shape[3]));
  if (isEmpty(tensor))
    return HILBERT_OK;
  if (tensor.strides[3] != 1)
    return fail(HILBERT_INVALID_ARGUMENT,
                name + "'s head dimension must have stride 1, but has " +
                    Twine(tensor.strides[3]));
  int64_t size = npyTypeSize(static_cast<NpyType>(tensor.dtype));
  for (int d = 0; d < 3; ++d) {
    if (tensor.shape[d] == 1)
      continue;
    if (tensor.strides[d] % (kAlignment / size))
      return fail(HILBERT_INVALID_ARGUMENT,
                  name +
                      "'s strides must be multiples of 16 bytes, but that "
                      "of dimension " +
                      Twine(d) + " is " + Twine(tensor.strides[d]) +
                      " elements of " + Twine(size) + " bytes");
    if (isWritten && tensor.strides[d] == 0)
      return fail(HILBERT_INVALID_ARGUMENT,
                  name +
                      " is written, so it must have no stride of 0, but "
                      "that of dimension " +
                      Twine(d) + " is");
  }
  return checkAlignment(operand, kAlignment);
}

static HilbertStatus checkShape(Named operand, ArrayRef<int64_t> shape,
                                StringRef meaning) {
  auto [name, tensor] = operand;
  if (ArrayRef(tensor.shape, tensor.rank) == shape)
    return HILBERT_OK;
  HilbertTensor wanted = {};
  wanted.rank = shape.size();
  llvm::copy(shape, wanted.shape);
  return fail(HILBERT_INVALID_ARGUMENT,
              name + " must have " + meaning + ", " + describeShape(wanted) +
                  ", but has " + describeShape(tensor));
}

/// lse or its gradient.
static HilbertStatus checkStats(Named operand, ArrayRef<int64_t> shape) {
  auto [name, tensor] = operand;
  if (HilbertStatus status = checkTensor(operand, 3))
    return status;
  if (tensor.dtype != HILBERT_F32)
    return fail(HILBERT_INVALID_TYPE,
                name + " must be f32, but is " + nameOf(tensor.dtype));
  if (HilbertStatus status =
          checkShape(operand, shape, "shape [batch, heads, tokens]"))
    return status;
  if (!getView(tensor).isRowMajor())
    return fail(HILBERT_INVALID_ARGUMENT, name + " must be contiguous");
  return checkAlignment(operand, sizeof(float));
}

//===----------------------------------------------------------------------===//
// Orders
//===----------------------------------------------------------------------===//

namespace {
/// The distinct tables of the three orders, as they go to a kernel.
struct OrderTables {
  SmallVector<HilbertTensor, 3> tables;
  std::array<int, 3> numbers = {-1, -1, -1};

  HilbertStatus add(int which, StringRef name, const HilbertOrder &order,
                    int64_t batch, int64_t tokens);

private:
  void use(int which, const HilbertTensor &table);
};
} // namespace

void OrderTables::use(int which, const HilbertTensor &table) {
  for (auto [number, other] : llvm::enumerate(tables))
    if (other.data == table.data && other.rank == table.rank &&
        ArrayRef(other.shape, other.rank) ==
            ArrayRef(table.shape, table.rank)) {
      numbers[which] = number;
      return;
    }
  numbers[which] = tables.size();
  tables.push_back(table);
}

HilbertStatus OrderTables::add(int which, StringRef name,
                               const HilbertOrder &order, int64_t batch,
                               int64_t tokens) {
  if (order.kind == HILBERT_ORDER_RASTER)
    return HILBERT_OK;
  if (order.kind == HILBERT_ORDER_STATIC) {
    curve::OrderSpec resolved;
    if (HilbertStatus status = resolveOrder(name, order.spec, tokens, resolved))
      return status;
    if (curve::isIdentity(resolved))
      return HILBERT_OK;
    HilbertTensor table = {};
    const int32_t *entries;
    if (HilbertStatus status =
            hilbertOrderGetTable(&order.spec, &entries, &table.shape[0]))
      return status;
    table.data = const_cast<int32_t *>(entries);
    table.dtype = HILBERT_I32;
    table.deviceType = HILBERT_CPU;
    table.rank = 1;
    table.strides[0] = 1;
    use(which, table);
    return HILBERT_OK;
  }
  if (order.kind != HILBERT_ORDER_TABLE)
    return fail(HILBERT_INVALID_ARGUMENT, name +
                                              "'s kind must be 0 to 2, but "
                                              "is " +
                                              Twine(int(order.kind)));
  const HilbertTensor &table = order.table;
  if (table.rank != 1 && table.rank != 2)
    return fail(HILBERT_INVALID_TYPE,
                name + " must have rank 1 or 2, but has " + Twine(table.rank));
  if (HilbertStatus status = checkTensor({name, table}, table.rank))
    return status;
  if (table.dtype != HILBERT_I32)
    return fail(HILBERT_INVALID_TYPE,
                name + " must be i32, but is " + nameOf(table.dtype));
  SmallVector<int64_t, 2> shape{tokens};
  if (table.rank == 2)
    shape.insert(shape.begin(), batch);
  if (HilbertStatus status =
          checkShape({name, table}, shape, "shape [tokens] or [batch, tokens]"))
    return status;
  if (!getView(table).isRowMajor())
    return fail(HILBERT_INVALID_ARGUMENT, name + " must be contiguous");
  if (HilbertStatus status = checkAlignment({name, table}, sizeof(int32_t)))
    return status;
  // Kernels trust their tables: an entry outside would be an address outside.
  if (HilbertStatus status =
          checkEntries(name, static_cast<const int32_t *>(table.data),
                       table.rank == 2 ? table.shape[0] : 1,
                       table.shape[table.rank - 1], checksOrders()))
    return status;
  use(which, table);
  return HILBERT_OK;
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

namespace {
/// Both directions: what was checked, and how a kernel gets it.
class Call {
public:
  /// Checks what forward and gradient have in common. The forward writes out
  /// and lse.
  HilbertStatus check(const HilbertAttention &attention, bool isGradient);
  HilbertStatus checkGrad(const HilbertAttentionGrad &grad);
  HilbertStatus run();

private:
  HilbertStatus checkSizes(const HilbertAttention &a);
  HilbertStatus checkDisjoint(ArrayRef<Named> written, ArrayRef<Named> read);

  KernelSpec spec;
  SmallVector<int64_t, 3> statsShape;
  int64_t queries = 0, keys = 0, heads = 0;
  SmallVector<HostView, 16> arguments;
  float scale = 0;
};
} // namespace

HilbertStatus Call::checkSizes(const HilbertAttention &a) {
  int headDim = a.layout == HILBERT_BNHD ? 2 : 1;
  int tokenDim = 3 - headDim;
  int64_t batch = a.q.shape[0], keyHeads = a.k.shape[headDim];
  heads = a.q.shape[headDim];
  queries = a.q.shape[tokenDim];
  keys = a.k.shape[tokenDim];
  statsShape = {batch, heads, queries};
  if (a.k.shape[0] != batch)
    return fail(HILBERT_INVALID_ARGUMENT, "k must have q's batch size, " +
                                              Twine(batch) + ", but has " +
                                              Twine(a.k.shape[0]));
  if (keyHeads ? heads % keyHeads != 0 : heads != 0)
    return fail(HILBERT_INVALID_ARGUMENT,
                "q's heads must be a multiple of k's, but are " + Twine(heads) +
                    " and " + Twine(keyHeads));
  if (HilbertStatus status =
          checkShape({"v", a.v}, ArrayRef(a.k.shape, 4), "k's shape"))
    return status;
  if (HilbertStatus status =
          checkShape({"out", a.out}, ArrayRef(a.q.shape, 4), "q's shape"))
    return status;
  return checkStats({"lse", a.lse}, statsShape);
}

/// Not a proof: what is easily got wrong.
HilbertStatus Call::checkDisjoint(ArrayRef<Named> written,
                                  ArrayRef<Named> read) {
  for (auto [index, output] : llvm::enumerate(written)) {
    if (isEmpty(output.tensor))
      continue;
    auto isSame = [&, output = output](const Named &other) {
      return other.tensor.data == output.tensor.data && !isEmpty(other.tensor);
    };
    for (ArrayRef<Named> others : {read, written.take_front(index)})
      if (const Named *same = llvm::find_if(others, isSame);
          same != others.end())
        return fail(HILBERT_INVALID_ARGUMENT,
                    output.name +
                        " is written, so it must not share memory "
                        "with " +
                        same->name);
  }
  return HILBERT_OK;
}

/// What does not depend on the device.
static HilbertStatus checkSettings(const HilbertAttention &a) {
  if (a.structSize != sizeof(HilbertAttention))
    return fail(HILBERT_INVALID_ARGUMENT,
                "structSize of HilbertAttention must be " +
                    Twine(sizeof(HilbertAttention)) + ", but is " +
                    Twine(a.structSize));
  if (a.causal < HILBERT_CAUSAL_NONE || a.causal > HILBERT_CAUSAL_POSITION)
    return fail(HILBERT_INVALID_ARGUMENT,
                "causal must be 0 to 2, but is " + Twine(int(a.causal)));
  if (a.layout < HILBERT_BNHD || a.layout > HILBERT_BHND)
    return fail(HILBERT_INVALID_ARGUMENT,
                "layout must be 0 or 1, but is " + Twine(int(a.layout)));
  if (!std::isfinite(a.scale))
    return fail(HILBERT_INVALID_ARGUMENT, "scale must be finite, but is " +
                                              Twine(std::isnan(a.scale) ? "nan"
                                                    : a.scale > 0 ? "inf"
                                                                  : "-inf"));
  return HILBERT_OK;
}

static HilbertStatus checkSettings(const HilbertAttentionGrad &grad) {
  if (grad.structSize != sizeof(HilbertAttentionGrad))
    return fail(HILBERT_INVALID_ARGUMENT,
                "structSize of HilbertAttentionGrad must be " +
                    Twine(sizeof(HilbertAttentionGrad)) + ", but is " +
                    Twine(grad.structSize));
  return checkSettings(grad.forward);
}

HilbertStatus Call::check(const HilbertAttention &a, bool isGradient) {
  if (HilbertStatus status = checkTensor({"q", a.q}, 4))
    return status;
  if (a.q.dtype != HILBERT_F16 && a.q.dtype != HILBERT_BF16 &&
      a.q.dtype != HILBERT_F32)
    return fail(HILBERT_INVALID_TYPE,
                "q must be f16, bf16 or f32, but is " + nameOf(a.q.dtype));
  int64_t depth = a.q.shape[3];
  if (depth < 8 || depth > kMaxDepth || depth % 8)
    return fail(
        HILBERT_INVALID_ARGUMENT,
        "q's head dimension must be a multiple of 8 up to 256, but is " +
            Twine(depth));
  for (Named operand : {Named{"q", a.q}, Named{"k", a.k}, Named{"v", a.v}})
    if (HilbertStatus status = checkMatrix(operand, a.q, /*isWritten=*/false))
      return status;
  if (HilbertStatus status = checkMatrix({"out", a.out}, a.q, !isGradient))
    return status;
  if (HilbertStatus status = checkSizes(a))
    return status;
  if (!isGradient)
    if (HilbertStatus status =
            checkDisjoint({{"out", a.out}, {"lse", a.lse}},
                          {{"q", a.q}, {"k", a.k}, {"v", a.v}}))
      return status;

  OrderTables orders;
  int64_t batch = a.q.shape[0];
  if (HilbertStatus status = orders.add(0, "order", a.qOrder, batch, queries))
    return status;
  if (HilbertStatus status = orders.add(1, "kv_order", a.kvOrder, batch, keys))
    return status;
  if (HilbertStatus status =
          orders.add(2, "out_order", a.outOrder, batch, queries))
    return status;
  if (a.causal == HILBERT_CAUSAL_POSITION &&
      orders.numbers[0] != orders.numbers[1])
    return fail(HILBERT_INVALID_ARGUMENT,
                "causal by position needs equal order and kv_order, but they "
                "differ");

  spec.isGradient = isGradient;
  spec.dtype = a.q.dtype;
  spec.depth = depth;
  spec.causal = a.causal;
  spec.layout = a.layout;
  spec.orders = orders.numbers;
  if (a.pattern)
    spec.pattern = a.pattern;
  scale = a.scale;
  for (const HilbertTensor *tensor : {&a.q, &a.k, &a.v})
    arguments.push_back(getView(*tensor));
  for (const HilbertTensor &table : orders.tables) {
    spec.tableRanks.push_back(table.rank);
    arguments.push_back(getView(table));
  }
  HostView scalar;
  scalar.data = &scale;
  arguments.push_back(scalar);
  arguments.push_back(getView(a.out));
  arguments.push_back(getView(a.lse));
  return HILBERT_OK;
}

HilbertStatus Call::checkGrad(const HilbertAttentionGrad &grad) {
  const HilbertAttention &a = grad.forward;
  if (HilbertStatus status = check(a, /*isGradient=*/true))
    return status;
  const Named written[] = {{"dq", grad.dq}, {"dk", grad.dk}, {"dv", grad.dv}};
  const Named like[] = {{"q", a.q}, {"k", a.k}, {"v", a.v}};
  const Named dout = {"dout", grad.dout}, dlse = {"dlse", grad.dlse};
  if (HilbertStatus status = checkMatrix(dout, a.q, /*isWritten=*/false))
    return status;
  if (HilbertStatus status =
          checkShape(dout, ArrayRef(a.q.shape, 4), "out's shape"))
    return status;
  arguments.push_back(getView(grad.dout));
  spec.hasDlse = grad.dlse.rank != 0;
  if (spec.hasDlse) {
    if (HilbertStatus status = checkStats(dlse, statsShape))
      return status;
    arguments.push_back(getView(grad.dlse));
  }
  for (auto [output, input] : llvm::zip_equal(written, like)) {
    if (HilbertStatus status = checkMatrix(output, a.q, /*isWritten=*/true))
      return status;
    if (HilbertStatus status =
            checkShape(output, ArrayRef(input.tensor.shape, 4),
                       (input.name + "'s shape").str()))
      return status;
    arguments.push_back(getView(output.tensor));
  }
  return checkDisjoint(written,
                       {like[0], like[1], like[2], {"out", a.out}, dout});
}

HilbertStatus Call::run() {
  HilbertStatus status = HILBERT_OK;
  const Kernel *kernel = getKernel(spec, status);
  if (!kernel)
    return status;
  if (queries != keys && std::max(queries, keys) > kernel->shortestSegment)
    return fail(HILBERT_INVALID_ARGUMENT,
                "q and k must have equally many tokens unless every segment "
                "covers both, but have " +
                    Twine(queries) + " and " + Twine(keys) +
                    " and the shortest segment is " +
                    Twine(kernel->shortestSegment));
  for (int64_t listed : kernel->listedOffsets)
    if (listed != heads)
      return fail(HILBERT_INVALID_ARGUMENT,
                  "offset must list one offset for each of q's " +
                      Twine(heads) + " heads, but lists " + Twine(listed));
  auto take = [](size_t, const HostView &) { return llvm::Error::success(); };
  if (llvm::Error error = kernel->function->call(arguments, take))
    return fail(HILBERT_INVALID_ARGUMENT, std::move(error));
  return HILBERT_OK;
}

HilbertStatus hilbertAttention(const HilbertAttention *attention) {
  if (!attention)
    return fail(HILBERT_INVALID_ARGUMENT, "attention must not be null");
  if (HilbertStatus status = checkSettings(*attention))
    return status;
  if (attention->q.deviceType == HILBERT_CUDA)
    return runOnDevice(*attention);
  Call call;
  if (HilbertStatus status = call.check(*attention, /*isGradient=*/false))
    return status;
  return call.run();
}

HilbertStatus hilbertAttentionGrad(const HilbertAttentionGrad *grad) {
  if (!grad)
    return fail(HILBERT_INVALID_ARGUMENT, "grad must not be null");
  if (HilbertStatus status = checkSettings(*grad))
    return status;
  if (grad->forward.q.deviceType == HILBERT_CUDA)
    return runOnDevice(*grad);
  Call call;
  if (HilbertStatus status = call.checkGrad(*grad))
    return status;
  return call.run();
}

HilbertStatus
hilbertAttentionGradGetWorkspaceBytes(const HilbertAttentionGrad *grad,
                                      size_t *bytes) {
  if (!grad || !bytes)
    return fail(HILBERT_INVALID_ARGUMENT,
                Twine(grad ? "bytes" : "grad") + " must not be null");
  if (HilbertStatus status = checkSettings(*grad))
    return status;
  *bytes = 0;
  if (grad->forward.q.deviceType == HILBERT_CUDA)
    return getWorkspaceBytes(*grad, *bytes);
  return HILBERT_OK;
}

HilbertStatus hilbertAttentionExplain(const HilbertAttention *attention,
                                      const HilbertAttentionGrad *grad,
                                      const char **json) {
  if (grad)
    attention = &grad->forward;
  if (!attention || !json)
    return fail(HILBERT_INVALID_ARGUMENT,
                Twine(attention ? "json" : "attention") + " must not be null");
  if (HilbertStatus status =
          grad ? checkSettings(*grad) : checkSettings(*attention))
    return status;
  // Leaked with its thread, as error messages are.
  static thread_local auto *text = new std::string;
  text->clear();
  if (attention->q.deviceType == HILBERT_CUDA) {
    if (HilbertStatus status = explainOnDevice(*attention, grad, *text))
      return status;
  } else {
    Call call;
    // Nothing is written: what is may be anywhere.
    if (HilbertStatus status = call.check(*attention, /*isGradient=*/true))
      return status;
    llvm::raw_string_ostream(*text) << llvm::json::Value(llvm::json::Object{
        {"device", "cpu"}, {"threads", hilbertGetNumThreads()}});
  }
  *json = text->c_str();
  return HILBERT_OK;
}
