//===- Problem.cpp - Attention calls out of bytes -------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Problem.h"

#include <algorithm>
#include <array>
#include <cmath>

using namespace fuzz;

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

namespace {
enum Rule { Zero, Head, LongNet };
struct Branch {
  int64_t segment, dilation = 1;
  char mode = 'k';
  Rule rule = Zero;

  bool meets(int64_t h, int64_t heads, int64_t p, int64_t other) const {
    if (p / segment != other / segment)
      return false;
    int64_t r = dilation, offset = 0;
    int64_t res = p % segment % r, otherRes = other % segment % r;
    if (mode == 'r')
      return res == otherRes;
    if (rule == Head)
      offset = h % r;
    else if (rule == LongNet)
      offset = h / ((heads + r - 1) / r);
    return otherRes == offset && (mode == 'k' || res == offset);
  }
};
/// Head h has the branches of list min(h, size - 1).
struct Pattern {
  const char *text;
  std::vector<std::vector<Branch>> lists;
};
} // namespace

static constexpr int64_t kDense = INT64_MAX;

static const Pattern &patternAt(int index) {
  static const std::vector<Pattern> *patterns = new std::vector<Pattern>{
      {nullptr, {{{kDense}}}},
      {"(segment = 5)", {{{5}}}},
      {"(segment = 4, dilation = 3, offset = head)", {{{4, 3, 'k', Head}}}},
      {"(segment = 6, dilation = 2, mode = both, offset = longnet) + "
       "(segment = dense, dilation = 4)",
       {{{6, 2, 'b', LongNet}, {kDense, 4}}}},
      {"(segment = 7, dilation = 3, mode = residues)", {{{7, 3, 'r'}}}},
      {"heads 1: (segment = 3), heads 1: (segment = 4, dilation = 2, mode = "
       "both) + (segment = 4)",
       {{{3}}, {{4, 2, 'b'}, {4}}}}};
  return (*patterns)[index];
}

//===----------------------------------------------------------------------===//
// Valid calls
//===----------------------------------------------------------------------===//

void Problem::addOperand(HilbertTensor &tensor, bool isWritten) {
  tensor.data = Memory::of(operands.size()).place(tensor, !isWritten);
  operands.push_back({&tensor, isWritten});
}

/// Padded, in any order of dimensions, some of them backwards.
HilbertTensor Problem::matrix(Input &input, int64_t tokens, int64_t h) {
  bool isBHND = forward().layout == HILBERT_BHND;
  HilbertTensor tensor =
      describe(dtype, {batch, isBHND ? h : tokens, isBHND ? tokens : h, depth});
  int64_t unit = 16 / static_cast<int64_t>(sizeOf(dtype));
  int64_t stride = depth + unit * input.bits.ConsumeIntegralInRange(0, 2);
  int dims[] = {2, 1, 0};
  if (input.bits.ConsumeBool())
    std::swap(dims[0], dims[1]);
  for (int d : dims) {
    bool isBackwards = input.bits.ConsumeIntegralInRange(0, 9) == 9;
    tensor.strides[d] = isBackwards ? -stride : stride;
    stride *= std::max<int64_t>(tensor.shape[d], 1);
    stride += unit * input.bits.ConsumeIntegralInRange(0, 1);
  }
  return tensor;
}

void Problem::addTable(Input &input, HilbertOrder &order, int64_t tokens,
                       bool isBatched) {
  order.kind = HILBERT_ORDER_TABLE;
  order.table = isBatched ? describe(HILBERT_I32, {batch, tokens})
                          : describe(HILBERT_I32, {tokens});
  addOperand(order.table, /*isWritten=*/false);
  auto *row = static_cast<int32_t *>(order.table.data);
  for (int64_t b = 0; b < (isBatched ? batch : 1); ++b, row += tokens)
    for (int64_t i = 0; i < tokens; ++i) {
      row[i] = static_cast<int32_t>(i);
      std::swap(row[i], row[input.bits.ConsumeIntegralInRange<int64_t>(0, i)]);
    }
  Memory::of(operands.size() - 1).remember();
}

/// A curve over a grid of so many tokens, or raster if there are none.
static HilbertOrder staticOrder(Input &input, int64_t tokens) {
  HilbertOrder order = {};
  if (tokens == 0)
    return order;
  order.kind = HILBERT_ORDER_STATIC;
  order.spec.curve =
      static_cast<HilbertCurve>(input.bits.ConsumeIntegralInRange(0, 3));
  int64_t height = input.bits.ConsumeIntegralInRange<int64_t>(1, 5);
  if (tokens % height == 0) {
    order.spec.rank = 2;
    order.spec.extents[0] = height;
    order.spec.extents[1] = tokens / height;
  } else {
    order.spec.length = tokens;
  }
  return order;
}

Problem::Problem(Input &input, bool isGradient) : isGradient(isGradient) {
  HilbertAttention &a = forward();
  auto number = [&](int low, int high) {
    return input.bits.ConsumeIntegralInRange(low, high);
  };
  // What a kernel is specialised for.
  int kind = number(0, 11);
  pattern = kind % 6;
  dtype = kind % 4 == 1   ? HILBERT_BF16
          : kind % 4 == 2 ? HILBERT_F16
                          : HILBERT_F32;
  depth = kind % 4 == 3 ? 24 : 8;
  a.causal = static_cast<HilbertCausality>(kind / 2 % 3);
  a.layout = static_cast<HilbertLayout>(kind % 2);
  a.pattern = patternAt(pattern).text;
  int orders = kind % 5;
  if (a.causal == HILBERT_CAUSAL_POSITION && (orders == 2 || orders == 4))
    orders = 3;

  batch = number(0, 3);
  keyHeads = number(0, 2);
  heads = pattern == 5 ? (keyHeads = number(1, 2), 2) : keyHeads * number(0, 2);
  queries = keys = number(0, 37);
  if (pattern == 0 && orders % 2 == 0)
    keys = number(0, 37);
  static constexpr float kScales[] = {0.35f, 1, -0.5f, 0, 20};
  // Gradients get an lse that is not the scores': large ones would overflow.
  a.scale = kScales[number(0, isGradient ? 3 : 4)];
  a.structSize = sizeof(HilbertAttention);
  grad.structSize = sizeof(HilbertAttentionGrad);

  a.q = matrix(input, queries, heads);
  a.k = matrix(input, keys, keyHeads);
  a.v = matrix(input, keys, keyHeads);
  a.out = matrix(input, queries, heads);
  a.lse = describe(HILBERT_F32, {batch, heads, queries});
  for (HilbertTensor *tensor : {&a.q, &a.k, &a.v})
    addOperand(*tensor, /*isWritten=*/false);
  for (HilbertTensor *tensor : {&a.out, &a.lse})
    addOperand(*tensor, /*isWritten=*/!isGradient);
  if (isGradient) {
    grad.dout = matrix(input, queries, heads);
    grad.dq = matrix(input, queries, heads);
    grad.dk = matrix(input, keys, keyHeads);
    grad.dv = matrix(input, keys, keyHeads);
    addOperand(grad.dout, /*isWritten=*/false);
    for (HilbertTensor *tensor : {&grad.dq, &grad.dk, &grad.dv})
      addOperand(*tensor, /*isWritten=*/true);
    if (input.bits.ConsumeBool()) {
      grad.dlse = describe(HILBERT_F32, {batch, heads, queries});
      addOperand(grad.dlse, /*isWritten=*/false);
    }
  }
  switch (orders) {
  case 1:
    a.qOrder = a.kvOrder = a.outOrder = staticOrder(input, queries);
    break;
  case 2:
    addTable(input, a.qOrder, queries, /*isBatched=*/false);
    addTable(input, a.kvOrder, keys, /*isBatched=*/true);
    addTable(input, a.outOrder, queries, /*isBatched=*/false);
    break;
  case 3:
    addTable(input, a.qOrder, queries, /*isBatched=*/true);
    a.kvOrder = a.outOrder = a.qOrder;
    break;
  case 4:
    a.kvOrder = staticOrder(input, keys);
    break;
  }
}

//===----------------------------------------------------------------------===//
// Faults
//===----------------------------------------------------------------------===//

/// A number that differs from the present one.
template <typename T> static Fault replace(T &member, int64_t value) {
  T replacement = static_cast<T>(value);
  if (replacement == member)
    return Fault::None;
  member = replacement;
  return Fault::Fatal;
}

Fault Problem::damageTensor(Input &input) {
  auto [tensor, isWritten] = operands[input.bits.ConsumeIntegralInRange<size_t>(
      0, operands.size() - 1)];
  bool isMatrix = tensor->rank == 4;
  int d = input.bits.ConsumeIntegralInRange(0, tensor->rank - 1);
  switch (input.bits.ConsumeIntegralInRange(0, 7)) {
  case 0:
    return replace(tensor->dtype, static_cast<int32_t>(input.any(0, 5)));
  case 1: {
    bool mayHaveAnother = tensor == &grad.dlse || tensor->dtype == HILBERT_I32;
    Fault fault = replace(tensor->rank, input.any(0, 8));
    return fault == Fault::Fatal && mayHaveAnother ? Fault::Any : fault;
  }
  case 2:
    return replace(tensor->deviceType, input.any(0, 3));
  case 3:
    return replace(tensor->shape[d], input.any(0, 40));
  case 4:
    if (isEmpty(*tensor) || tensor->shape[d] == 1) {
      tensor->strides[d] = input.any(0, 64);
      return Fault::Harmless;
    }
    // Not 1 in the last dimension, odd in others.
    return replace(tensor->strides[d],
                   isMatrix ? input.any(0, 64) / 2 * 2 + (d == 3 ? 0 : 1)
                            : input.any(0, 64));
  case 5:
    tensor->data = nullptr;
    return isEmpty(*tensor) ? Fault::Harmless : Fault::Fatal;
  case 6:
    if (isEmpty(*tensor))
      return Fault::None;
    tensor->data = static_cast<char *>(tensor->data) -
                   input.bits.ConsumeIntegralInRange(1, isMatrix ? 15 : 3);
    return Fault::Fatal;
  default:
    if (!isMatrix || !isWritten || isEmpty(*tensor) || tensor->shape[d] == 1)
      return Fault::None;
    tensor->strides[d] = 0;
    return Fault::Fatal;
  }
}

/// Text that is nearly a pattern.
static std::string anyPattern(Input &input) {
  if (input.bits.ConsumeBool())
    return input.bits.ConsumeRandomLengthString(60);
  std::string text;
  do {
    text += "(segment = " + std::to_string(input.any(1, 40)) +
            ", dilation = " + std::to_string(input.any(1, 40));
    text += input.bits.PickValueInArray(
        {"", ", mode = keys", ", mode = both", ", mode = residues"});
    text += input.bits.PickValueInArray({"", ", offset = head",
                                         ", offset = longnet", ", offset = [0]",
                                         ", offset = [1, 0]"});
    text += ")";
  } while (input.bits.ConsumeIntegralInRange(0, 3) == 3 &&
           !(text += " + ").empty());
  return text;
}

Fault Problem::damageCall(Input &input) {
  HilbertAttention &a = forward();
  HilbertOrder *order =
      input.bits.PickValueInArray({&a.qOrder, &a.kvOrder, &a.outOrder});
  switch (input.bits.ConsumeIntegralInRange(0, 8)) {
  case 0:
    return replace(isGradient && input.bits.ConsumeBool() ? grad.structSize
                                                          : a.structSize,
                   input.any(0, 4096));
  case 1:
    a.causal = static_cast<HilbertCausality>(
        input.bits.PickValueInArray({-1, 3, INT32_MIN}));
    return Fault::Fatal;
  case 2:
    a.layout = static_cast<HilbertLayout>(
        input.bits.PickValueInArray({-1, 2, INT32_MAX}));
    return Fault::Fatal;
  case 3:
    a.scale = input.bits.PickValueInArray({NAN, HUGE_VALF, -HUGE_VALF});
    return Fault::Fatal;
  case 4:
    order->kind = static_cast<HilbertOrderKind>(
        input.bits.PickValueInArray({-1, 3, INT32_MAX}));
    return Fault::Fatal;
  case 5:
    *order = {};
    order->kind = HILBERT_ORDER_STATIC;
    order->spec = anySpec(input);
    return Fault::Any;
  case 6: {
    if (order->kind != HILBERT_ORDER_TABLE || isEmpty(order->table))
      return Fault::None;
    int64_t tokens = order->table.shape[order->table.rank - 1];
    auto &entry = *static_cast<int32_t *>(order->table.data);
    entry = static_cast<int32_t>(input.bits.ConsumeBool() ? tokens : INT32_MIN);
    for (size_t i = 0; i < operands.size(); ++i)
      Memory::of(i).remember();
    return Fault::Fatal;
  }
  case 7: {
    size_t last = operands.size() - 1;
    auto written = operands[input.bits.ConsumeIntegralInRange<size_t>(0, last)];
    auto other = operands[input.bits.ConsumeIntegralInRange<size_t>(0, last)];
    if (!written.isWritten || written.tensor == other.tensor ||
        written.tensor->rank != 4 || other.tensor->rank != 4 ||
        isEmpty(*written.tensor) || isEmpty(*other.tensor))
      return Fault::None;
    written.tensor->data = other.tensor->data;
    return Fault::Fatal;
  }
  default: {
    HilbertStatistics statistics;
    hilbertGetStatistics(&statistics);
    if (statistics.compilations > 300)
      return Fault::None;
    text = anyPattern(input);
    a.pattern = text.c_str();
    return Fault::Any;
  }
  }
}

Fault Problem::damage(Input &input) {
  switch (input.bits.ConsumeIntegralInRange(0, 3)) {
  case 0:
    return Fault::None;
  case 1:
    return damageCall(input);
  default:
    return damageTensor(input);
  }
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

void Problem::checkMemory(bool succeeded) const {
  for (size_t i = 0; i < operands.size(); ++i)
    if (succeeded && operands[i].isWritten)
      Memory::of(i).checkGaps();
    else
      Memory::of(i).checkAll();
}

static double at(const HilbertTensor &tensor, std::array<int64_t, 4> index) {
  int64_t offset = 0;
  for (int d = 0; d < tensor.rank; ++d)
    if (index[d])
      offset += index[d] * tensor.strides[d];
  int64_t size = static_cast<int64_t>(sizeOf(tensor.dtype));
  return load(static_cast<char *>(tensor.data) + offset * size, tensor.dtype);
}

/// The token at a position.
static int64_t tokenAt(const HilbertOrder &order, int64_t b, int64_t p) {
  if (order.kind == HILBERT_ORDER_RASTER)
    return p;
  const auto *table = static_cast<const int32_t *>(order.table.data);
  if (order.kind == HILBERT_ORDER_TABLE)
    return table[order.table.rank == 2 ? b * order.table.shape[1] + p : p];
  int64_t length;
  require(hilbertOrderGetTable(&order.spec, &table, &length) == HILBERT_OK,
          "a valid order has a table");
  return table[p];
}

void Problem::checkQuery(int64_t b, int64_t h, int64_t p) const {
  const HilbertAttention &a = grad.forward;
  bool isBHND = a.layout == HILBERT_BHND;
  auto get = [&](const HilbertTensor &t, int64_t token, int64_t head,
                 int64_t d) {
    return at(t, {b, isBHND ? head : token, isBHND ? token : head, d});
  };
  const auto &lists = patternAt(pattern).lists;
  const auto &branches = lists[std::min<size_t>(h, lists.size() - 1)];
  int64_t token = tokenAt(a.qOrder, b, p), kvHead = h / (heads / keyHeads);
  double sum = 0;
  std::vector<double> wanted(depth);
  for (int64_t other = 0; other < keys; ++other) {
    int64_t key = tokenAt(a.kvOrder, b, other);
    if ((a.causal == HILBERT_CAUSAL_TOKEN && key > token) ||
        (a.causal == HILBERT_CAUSAL_POSITION && other > p))
      continue;
    auto times = std::count_if(
        branches.begin(), branches.end(),
        [&](const Branch &branch) { return branch.meets(h, heads, p, other); });
    if (times == 0)
      continue;
    double score = 0;
    for (int64_t d = 0; d < depth; ++d)
      score += get(a.q, token, h, d) * get(a.k, key, kvHead, d);
    double weight = times * std::exp(a.scale * score);
    sum += weight;
    for (int64_t d = 0; d < depth; ++d)
      wanted[d] += weight * get(a.v, key, kvHead, d);
  }
  int64_t target = tokenAt(a.outOrder, b, p);
  double lse = at(a.lse, {b, h, target, 0});
  require(sum == 0 ? lse == -INFINITY
                   : std::abs(lse - std::log(sum)) <
                         1e-4 * (1 + std::abs(std::log(sum))),
          "lse is that of the definition");
  double tolerance = dtype == HILBERT_F32 ? 2e-4 : 2e-2;
  for (int64_t d = 0; d < depth; ++d)
    require(std::abs(get(a.out, target, h, d) - (sum ? wanted[d] / sum : 0)) <
                tolerance,
            "out is that of the definition");
}

void Problem::checkResults() const {
  for (const Operand &operand : operands)
    if (operand.isWritten)
      forEach(*operand.tensor, [&](int64_t offset) {
        int64_t size = static_cast<int64_t>(sizeOf(operand.tensor->dtype));
        const char *data = static_cast<const char *>(operand.tensor->data);
        require(!std::isnan(load(data + offset * size, operand.tensor->dtype)),
                "everything is written");
      });
  if (!isGradient)
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t h = 0; h < heads; ++h)
        for (int64_t p = 0; p < queries; ++p)
          checkQuery(b, h, p);
}
