//===- DeviceAttentionCheck.cpp - What a GPU attention takes --------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DeviceAttentionCheck.h"
#include "Try.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace hilbert;
using namespace hilbert::rt;
using namespace hilbert::rt::cuda;
using llvm::ArrayRef;
using llvm::StringRef;
using llvm::Twine;

static constexpr int64_t kMaxDepth = 256;
/// Kernels count tokens, heads and batch items in 32 bits, and add tiles.
static constexpr int64_t kMaxSize = INT32_MAX - 1024;

Status hilbert::invalid(const Twine &message) {
  return Status(StatusCode::InvalidArgument, message.str());
}

StringRef hilbert::getOperandName(unsigned operand) {
  static constexpr StringRef names[kNumDeviceOperands] = {
      "q",  "k",  "v",  "out",     "lse",     "dout",    "dlse",
      "dq", "dk", "dv", "table 0", "table 1", "table 2", "workspace"};
  return names[operand];
}

static std::string describe(ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (auto [d, size] : llvm::enumerate(shape))
    text += (d ? ", " : "") + std::to_string(size);
  return text + "]";
}

//===----------------------------------------------------------------------===//
// DeviceTensor, DeviceOrder
//===----------------------------------------------------------------------===//

DeviceTensor DeviceTensor::contiguous(NpyType type, ArrayRef<int64_t> shape) {
  DeviceTensor tensor;
  tensor.type = type;
  tensor.shape.assign(shape.begin(), shape.end());
  tensor.strides.resize(shape.size());
  int64_t stride = 1;
  for (size_t d = shape.size(); d-- > 0; stride *= shape[d])
    tensor.strides[d] = stride;
  return tensor;
}

bool DeviceTensor::isContiguous() const {
  if (isEmpty())
    return true;
  int64_t stride = 1;
  for (size_t d = shape.size(); d-- > 0; stride *= shape[d])
    if (shape[d] != 1 && strides[d] != stride)
      return false;
  return true;
}

int64_t DeviceTensor::bytes() const {
  int64_t elements = 1;
  for (int64_t size : shape)
    elements *= size;
  return elements * npyTypeSize(type);
}

DeviceOrder DeviceOrder::of(curve::OrderSpec spec) {
  DeviceOrder order;
  // What is invalid is told by the check.
  if (!curve::validate(spec) && curve::isIdentity(spec))
    return order;
  order.kind = Static;
  order.spec = std::move(spec);
  return order;
}

DeviceOrder DeviceOrder::ofTable(int table) {
  DeviceOrder order;
  order.kind = Table;
  order.table = table;
  return order;
}

bool DeviceOrder::isEqual(const DeviceOrder &other) const {
  if (kind != other.kind)
    return false;
  return kind == Raster ||
         (kind == Static ? spec == other.spec : table == other.table);
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

namespace {
/// The checks of a problem.
class Checker {
public:
  explicit Checker(const DeviceAttentionProblem &problem) : p(problem) {}

  Status check() const;

private:
  Status checkTensor(DeviceOperand operand, size_t rank) const;
  Status checkMatrix(DeviceOperand operand, bool isWritten) const;
  Status checkShape(DeviceOperand operand, ArrayRef<int64_t> shape,
                    StringRef meaning) const;
  Status checkStats(DeviceOperand operand) const;
  Status checkSizes() const;
  Status checkOrder(StringRef name, const DeviceOrder &order,
                    int64_t tokens) const;
  Status checkGradient() const;

  const DeviceAttentionProblem &p;
};
} // namespace

Status Checker::checkTensor(DeviceOperand operand, size_t rank) const {
  StringRef name = getOperandName(operand);
  const DeviceTensor &tensor = p[operand];
  if (tensor.shape.size() != rank || tensor.strides.size() != rank)
    return invalid(name + " must have rank " + Twine(rank) + ", but has " +
                   Twine(tensor.shape.size()));
  int64_t elements = 1;
  for (int64_t size : tensor.shape)
    if (size < 0 ||
        llvm::MulOverflow(elements, std::max<int64_t>(size, 1), elements))
      return invalid(name +
                     " must have sizes that are not negative and whose "
                     "product fits 64 bits, but has shape " +
                     describe(tensor.shape));
  return Status();
}

Status Checker::checkMatrix(DeviceOperand operand, bool isWritten) const {
  TRY(checkTensor(operand, 4));
  StringRef name = getOperandName(operand);
  const DeviceTensor &tensor = p[operand], &q = p[kQ];
  if (tensor.type != q.type)
    return invalid(name + " must have q's element type, " +
                   npyTypeName(q.type) + ", but has " +
                   npyTypeName(tensor.type));
  if (tensor.shape[3] != q.shape[3])
    return invalid(name + " must have q's head dimension, " +
                   Twine(q.shape[3]) + ", but has " + Twine(tensor.shape[3]));
  if (tensor.isEmpty())
    return Status();
  if (tensor.strides[3] != 1)
    return invalid(name + "'s head dimension must have stride 1, but has " +
                   Twine(tensor.strides[3]));
  int64_t size = npyTypeSize(tensor.type);
  for (unsigned d = 0; d < 3; ++d) {
    if (tensor.shape[d] == 1)
      continue;
    if (tensor.strides[d] % (kMatrixAlignment / size))
      return invalid(name +
                     "'s strides must be multiples of 16 bytes, but that of "
                     "dimension " +
                     Twine(d) + " is " + Twine(tensor.strides[d]) +
                     " elements of " + Twine(size) + " bytes");
    // Kernels multiply it by 32-bit tokens.
    if (d == p.tokenDim() && (!llvm::isInt<32>(tensor.strides[d]) ||
                              !llvm::isInt<32>(tensor.strides[d] * size)))
      return invalid(name +
                     "'s tokens must be less than 2^31 bytes apart, but their "
                     "stride is " +
                     Twine(tensor.strides[d]) + " elements of " + Twine(size) +
                     " bytes");
    if (isWritten && tensor.strides[d] == 0)
      return invalid(name +
                     " is written, so it must have no stride of 0, but that "
                     "of dimension " +
                     Twine(d) + " is");
  }
  return Status();
}

Status Checker::checkShape(DeviceOperand operand, ArrayRef<int64_t> shape,
                           StringRef meaning) const {
  if (ArrayRef(p[operand].shape) == shape)
    return Status();
  return invalid(getOperandName(operand) + " must have " + meaning + ", " +
                 describe(shape) + ", but has " + describe(p[operand].shape));
}

Status Checker::checkStats(DeviceOperand operand) const {
  TRY(checkTensor(operand, 3));
  StringRef name = getOperandName(operand);
  if (p[operand].type != NpyType::F32)
    return invalid(name + " must be f32, but is " +
                   npyTypeName(p[operand].type));
  TRY(checkShape(operand, {p.batch(), p.queryHeads(), p.queries()},
                 "shape [batch, heads, tokens]"));
  if (!p[operand].isContiguous())
    return invalid(name + " must be contiguous");
  return Status();
}

Status Checker::checkSizes() const {
  int64_t batch = p.batch(), heads = p.queryHeads(), keyHeads = p.keyHeads();
  if (p[kK].shape[0] != batch)
    return invalid("k must have q's batch size, " + Twine(batch) +
                   ", but has " + Twine(p[kK].shape[0]));
  if (keyHeads ? heads % keyHeads != 0 : heads != 0)
    return invalid("q's heads must be a multiple of k's, but are " +
                   Twine(heads) + " and " + Twine(keyHeads));
  TRY(checkShape(kV, p[kK].shape, "k's shape"));
  TRY(checkShape(kOut, p[kQ].shape, "q's shape"));
  for (DeviceOperand operand : {kQ, kK})
    for (unsigned d = 0; d < 3; ++d)
      if (p[operand].shape[d] > kMaxSize)
        return invalid(getOperandName(operand) + "'s sizes must be at most " +
                       Twine(kMaxSize) + " on a GPU, but that of dimension " +
                       Twine(d) + " is " + Twine(p[operand].shape[d]));
  return checkStats(kLse);
}

Status Checker::checkOrder(StringRef name, const DeviceOrder &order,
                           int64_t tokens) const {
  if (order.kind == DeviceOrder::Raster)
    return Status();
  if (order.kind == DeviceOrder::Static) {
    if (auto message = curve::validate(order.spec))
      return invalid(name + ": " + *message);
    if (order.spec.length != tokens)
      return invalid(name + " must have as many tokens as its tensor, " +
                     Twine(tokens) + ", but has " + Twine(order.spec.length));
    return Status();
  }
  if (order.table < 0 || order.table > 2)
    return invalid(name + "'s table must be 0 to 2, but is " +
                   Twine(order.table));
  auto operand = static_cast<DeviceOperand>(kTable0 + order.table);
  const DeviceTensor &table = p[operand];
  size_t rank = table.shape.size();
  if (rank != 1 && rank != 2)
    return invalid(name + " must have rank 1 or 2, but has " + Twine(rank));
  TRY(checkTensor(operand, rank));
  if (table.type != NpyType::I32)
    return invalid(name + " must be i32, but is " + npyTypeName(table.type));
  llvm::SmallVector<int64_t, 2> shape{tokens};
  if (rank == 2)
    shape.insert(shape.begin(), p.batch());
  if (ArrayRef(table.shape) != ArrayRef(shape))
    return invalid(name + " must have shape [tokens] or [batch, tokens], " +
                   describe(shape) + ", but has " + describe(table.shape));
  if (!table.isContiguous())
    return invalid(name + " must be contiguous");
  return Status();
}

Status Checker::checkGradient() const {
  TRY(checkMatrix(kDout, /*isWritten=*/false));
  TRY(checkShape(kDout, p[kQ].shape, "out's shape"));
  if (!p[kDlse].shape.empty())
    TRY(checkStats(kDlse));
  const std::pair<DeviceOperand, DeviceOperand> written[] = {
      {kDq, kQ}, {kDk, kK}, {kDv, kV}};
  for (auto [output, input] : written) {
    TRY(checkMatrix(output, /*isWritten=*/true));
    TRY(checkShape(output, p[input].shape,
                   (getOperandName(input) + "'s shape").str()));
  }
  return Status();
}

Status Checker::check() const {
  TRY(checkTensor(kQ, 4));
  const DeviceTensor &q = p[kQ];
  bool isFloat = q.type == NpyType::F16 || q.type == NpyType::BF16 ||
                 q.type == NpyType::F32;
  if (!isFloat)
    return invalid("q must be f16, bf16 or f32 on a GPU, but is " +
                   npyTypeName(q.type));
  if (q.type == NpyType::F32 && !p.allowTF32)
    return invalid("q is f32, which a GPU multiplies in tf32, with 10 bits of "
                   "fraction: allow it (--allow-tf32), or use f16 or bf16");
  if (p.depth() < 8 || p.depth() > kMaxDepth || p.depth() % 8)
    return invalid(
        "q's head dimension must be a multiple of 8 up to 256, but is " +
        Twine(p.depth()));
  if (p.scale && !std::isfinite(*p.scale))
    return invalid("scale must be finite, but is " +
                   Twine(std::isnan(*p.scale) ? "nan"
                         : *p.scale > 0       ? "inf"
                                              : "-inf"));
  for (DeviceOperand operand : {kQ, kK, kV})
    TRY(checkMatrix(operand, /*isWritten=*/false));
  TRY(checkMatrix(kOut, /*isWritten=*/!p.isGradient));
  TRY(checkSizes());
  TRY(checkOrder("order", p.qOrder, p.queries()));
  TRY(checkOrder("kv_order", p.kvOrder, p.keys()));
  TRY(checkOrder("out_order", p.outOrder, p.queries()));
  if (p.causal == Causality::Position && !p.qOrder.isEqual(p.kvOrder))
    return invalid("causal by position needs equal order and kv_order, but "
                   "they differ");
  return p.isGradient ? checkGradient() : Status();
}

Status DeviceAttentionProblem::check() const { return Checker(*this).check(); }

Status hilbert::checkGeometry(const DeviceAttentionProblem &p,
                              const DeviceGeometry &geometry) {
  if (p.queries() != p.keys() &&
      std::max(p.queries(), p.keys()) > geometry.segment)
    return invalid("q and k must have equally many tokens unless every segment "
                   "covers both, but have " +
                   Twine(p.queries()) + " and " + Twine(p.keys()) +
                   " and the shortest segment is " + Twine(geometry.segment));
  if (!geometry.offsets.empty() &&
      int64_t(geometry.offsets.size()) != p.queryHeads())
    return invalid("offset must list one offset for each of q's " +
                   Twine(p.queryHeads()) + " heads, but lists " +
                   Twine(geometry.offsets.size()));
  return Status();
}

//===----------------------------------------------------------------------===//
// Addresses
//===----------------------------------------------------------------------===//

/// Whether an operand of this problem is read or written.
static bool isUsed(const DeviceAttentionProblem &p, unsigned operand) {
  if (operand >= kTable0) {
    for (const DeviceOrder *order : {&p.qOrder, &p.kvOrder, &p.outOrder})
      if (order->kind == DeviceOrder::Table &&
          kTable0 + unsigned(order->table) == operand)
        return true;
    return false;
  }
  return !p.tensors[operand].shape.empty() && (p.isGradient || operand <= kLse);
}

Status hilbert::checkAddresses(const Device &device,
                               const DeviceAttentionProblem &p,
                               const DeviceAddresses &addresses) {
  auto isWritten = [&](unsigned operand) {
    return p.isGradient ? operand >= kDq && operand <= kDv
                        : operand == kOut || operand == kLse;
  };
  for (unsigned operand = 0; operand < kWorkspace; ++operand) {
    if (!isUsed(p, operand) || p.tensors[operand].isEmpty())
      continue;
    std::string name = getOperandName(operand).str();
    CUdeviceptr address = addresses[operand];
    bool isMatrix = p.tensors[operand].shape.size() == 4;
    unsigned alignment = isMatrix ? kMatrixAlignment : 4;
    if (address % alignment)
      return invalid(name + "'s data must be " + Twine(alignment) +
                     "-byte aligned, but its address is " +
                     Twine(address % alignment) + " beyond a multiple");
    TRY(checkPointer(device, address, name.c_str()));
    if (!isWritten(operand))
      continue;
    // Not a proof: what is easily got wrong.
    for (unsigned other = 0; other < kWorkspace; ++other)
      if (other != operand && isUsed(p, other) && !p.tensors[other].isEmpty() &&
          addresses[other] == address)
        return invalid(name + " is written, so it must not share memory with " +
                       getOperandName(other));
  }
  return Status();
}
