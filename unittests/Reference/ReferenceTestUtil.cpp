//===- ReferenceTestUtil.cpp - Programs, data, brute force ----------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ReferenceTestUtil.h"
#include "hilbert/InitAll.h"

#include "mlir/Parser/Parser.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <sstream>

using namespace hilbert;
using namespace hilbert::test;

//===----------------------------------------------------------------------===//
// Data
//===----------------------------------------------------------------------===//

int64_t test::pick(Random &random, int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(random);
}

int64_t test::count(const std::vector<int64_t> &shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1),
                         std::multiplies<>());
}

ReferenceTensor test::randomTensor(Random &random, std::vector<int64_t> shape) {
  std::normal_distribution<double> normal;
  ReferenceTensor tensor = poisoned(std::move(shape));
  for (double &x : tensor.data)
    x = normal(random);
  return tensor;
}

ReferenceTensor test::poisoned(std::vector<int64_t> shape) {
  int64_t elements = count(shape);
  return {
      std::move(shape),
      std::vector<double>(elements, std::numeric_limits<double>::quiet_NaN())};
}

double test::inner(const ReferenceTensors &a, const ReferenceTensors &b) {
  double sum = 0;
  for (size_t t = 0; t < a.size(); ++t)
    for (size_t i = 0; i < a[t].data.size(); ++i)
      // A query without keys has lse = -inf, and no weight in a loss.
      if (b[t].data[i] != 0)
        sum += a[t].data[i] * b[t].data[i];
  return sum;
}

void test::expectNear(const ReferenceTensor &actual,
                      const ReferenceTensor &expected, double tolerance,
                      const std::string &what) {
  ASSERT_EQ(actual.shape, expected.shape) << what;
  ASSERT_EQ(actual.data.size(), expected.data.size()) << what;
  for (size_t i = 0; i < actual.data.size(); ++i) {
    double a = actual.data[i], e = expected.data[i];
    bool isNear = a == e || std::abs(a - e) <= tolerance * (1 + std::abs(e));
    ASSERT_TRUE(isNear) << "element " << i << " is " << a << ", not " << e
                        << "\n"
                        << what;
  }
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

Program::Program(const std::string &text) {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  context.appendDialectRegistry(registry);
  context.disableMultithreading();
  module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  EXPECT_TRUE(module) << text;
}

mlir::func::FuncOp Program::function() {
  return *module->getOps<mlir::func::FuncOp>().begin();
}

template <typename T> static T unwrap(llvm::Expected<T> result) {
  if (result)
    return std::move(*result);
  ADD_FAILURE() << llvm::toString(result.takeError());
  return T();
}

template <typename T> static std::string messageOf(llvm::Expected<T> result) {
  return result ? "no error" : llvm::toString(result.takeError());
}

ReferenceTensors Program::evaluate(const ReferenceTensors &inputs) {
  return unwrap(hilbert::evaluate(function(), inputs));
}
ReferenceTensors Program::differentiate(const ReferenceTensors &inputs,
                                        const ReferenceTensors &cotangents) {
  return unwrap(hilbert::differentiate(function(), inputs, cotangents));
}
double Program::countFlops(const ReferenceTensors &inputs) {
  return unwrap(hilbert::countFlops(function(), inputs));
}
std::string Program::evaluationError(const ReferenceTensors &inputs) {
  return messageOf(hilbert::evaluate(function(), inputs));
}
std::string Program::differentiationError(const ReferenceTensors &inputs,
                                          const ReferenceTensors &cotangents) {
  return messageOf(hilbert::differentiate(function(), inputs, cotangents));
}

//===----------------------------------------------------------------------===//
// Attentions as text
//===----------------------------------------------------------------------===//

static std::string typeText(const std::vector<int64_t> &shape,
                            const std::string &element) {
  std::ostringstream os;
  os << "tensor<";
  for (int64_t size : shape)
    os << size << 'x';
  os << element << '>';
  return os.str();
}

static void printBranches(std::ostream &os,
                          const std::vector<TestBranch> &branches) {
  const char *separator = "";
  for (const TestBranch &branch : branches) {
    os << separator << "(segment = ";
    if (branch.segment)
      os << branch.segment;
    else
      os << "dense";
    os << ", dilation = " << branch.dilation << ", mode = " << branch.mode;
    if (!branch.list.empty()) {
      for (size_t i = 0; i < branch.list.size(); ++i)
        os << (i ? ", " : ", offset = [") << branch.list[i];
      os << ']';
    } else if (branch.mode != "residues") {
      os << ", offset = " << branch.offset;
    }
    os << ')';
    separator = " + ";
  }
}

/// One order of `order(...)`.
static void printOrder(std::ostream &os, const char *key,
                       const TestOrder &order, bool &isFirst) {
  if (order.attr.empty() && !order.isTable)
    return;
  os << (isFirst ? "order(" : ", ") << key << " = ";
  isFirst = false;
  if (!order.isTable) {
    os << order.attr;
    return;
  }
  std::vector<int64_t> shape = {int64_t(order.entries.front().size())};
  if (order.isPerItem)
    shape.insert(shape.begin(), int64_t(order.entries.size()));
  os << '%' << key << "_table : " << typeText(shape, "i32");
}

std::string TestAttention::semanticsText() const {
  std::ostringstream os;
  bool isFirst = true;
  printOrder(os, "q", queryOrder, isFirst);
  // Causality `position` needs the query's and the key's table to be one.
  if (causal == "position" && queryOrder.isTable) {
    std::ostringstream shared;
    bool isSharedFirst = true;
    printOrder(shared, "q", queryOrder, isSharedFirst);
    os << ", kv = " << shared.str().substr(std::string("order(q = ").size());
  } else {
    printOrder(os, "kv", keyOrder, isFirst);
  }
  printOrder(os, "out", outOrder, isFirst);
  os << (isFirst ? "" : ") ");
  if (!groups.empty()) {
    os << "pattern<";
    for (size_t i = 0; i < groups.size(); ++i) {
      if (groups.size() > 1)
        os << (i ? ", " : "") << "heads " << groups[i].heads << ": ";
      printBranches(os, groups[i].branches);
    }
    os << "> ";
  }
  if (causal != "none")
    os << "causal<" << causal << "> ";
  if (hasScale)
    os << "scale(%scale) ";
  if (headsFirst)
    os << "layout<bhnd> ";
  return os.str();
}

std::string TestAttention::extraArguments() const {
  std::ostringstream os;
  auto add = [&](const char *key, const TestOrder &order) {
    if (!order.isTable)
      return;
    std::vector<int64_t> shape = {int64_t(order.entries.front().size())};
    if (order.isPerItem)
      shape.insert(shape.begin(), batch);
    os << ", %" << key << "_table: " << typeText(shape, "i32");
  };
  add("q", queryOrder);
  add("kv", keyOrder);
  add("out", outOrder);
  if (hasScale)
    os << ", %scale: f32";
  return os.str();
}

ReferenceTensors TestAttention::extraInputs() const {
  ReferenceTensors inputs;
  for (const TestOrder *order : {&queryOrder, &keyOrder, &outOrder}) {
    if (!order->isTable)
      continue;
    ReferenceTensor table;
    for (int64_t item = 0; item < (order->isPerItem ? batch : 1); ++item)
      table.data.insert(table.data.end(), order->entries[item].begin(),
                        order->entries[item].end());
    table.shape = {int64_t(order->entries.front().size())};
    if (order->isPerItem)
      table.shape.insert(table.shape.begin(), batch);
    inputs.push_back(table);
  }
  if (hasScale)
    inputs.push_back({{}, {scale}});
  return inputs;
}

std::vector<int64_t> TestAttention::queryShape() const {
  if (headsFirst)
    return {batch, queryHeads, queries, depth};
  return {batch, queries, queryHeads, depth};
}
std::vector<int64_t> TestAttention::keyShape() const {
  if (headsFirst)
    return {batch, keyHeads, keys, depth};
  return {batch, keys, keyHeads, depth};
}
std::vector<int64_t> TestAttention::statsShape() const {
  return {batch, queryHeads, queries};
}

std::string TestAttention::forwardText() const {
  std::string q = typeText(queryShape(), "f32"),
              k = typeText(keyShape(), "f32"),
              l = typeText(statsShape(), "f32");
  return "func.func @f(%q: " + q + ", %k: " + k + ", %v: " + k + ", %o: " + q +
         ", %l: " + l + extraArguments() + ") -> (" + q + ", " + l +
         ") {\n  %r:2 = hilbert.attention ins(%q, %k, %v : " + q + ", " + k +
         ", " + k + ") outs(%o, %l : " + q + ", " + l + ") " + semanticsText() +
         "\n  return %r#0, %r#1 : " + q + ", " + l + "\n}\n";
}

std::string TestAttention::gradientText() const {
  std::string q = typeText(queryShape(), "f32"),
              k = typeText(keyShape(), "f32"),
              l = typeText(statsShape(), "f32");
  std::string qkk = q + ", " + k + ", " + k;
  return "func.func @f(%q: " + q + ", %k: " + k + ", %v: " + k + ", %o: " + q +
         ", %l: " + l + ", %do: " + q + ", %dl: " + l + ", %dq: " + q +
         ", %dk: " + k + ", %dv: " + k + extraArguments() + ") -> (" + qkk +
         ") {\n  %r:3 = hilbert.attention_grad ins(%q, %k, %v, %o, %l, %do : " +
         qkk + ", " + q + ", " + l + ", " + q + ") dlse(%dl : " + l +
         ") outs(%dq, %dk, %dv : " + qkk + ") " + semanticsText() +
         "\n  return %r#0, %r#1, %r#2 : " + qkk + "\n}\n";
}

//===----------------------------------------------------------------------===//
// Brute force
//===----------------------------------------------------------------------===//

int64_t TestAttention::index(int64_t item, int64_t heads, int64_t head,
                             int64_t tokens, int64_t token, int64_t d) const {
  if (headsFirst)
    return ((item * heads + head) * tokens + token) * depth + d;
  return ((item * tokens + token) * heads + head) * depth + d;
}

/// The membership rule of one branch, as the design states it.
static bool meets(const TestBranch &branch, int64_t head, int64_t heads,
                  int64_t p, int64_t key) {
  int64_t w = branch.segment ? branch.segment : 1000000, r = branch.dilation;
  if (p / w != key / w)
    return false;
  int64_t queryResidue = p % w % r, keyResidue = key % w % r;
  if (branch.mode == "residues")
    return queryResidue == keyResidue;
  int64_t offset = 0;
  if (!branch.list.empty())
    offset = branch.list[head];
  else if (branch.offset == "head")
    offset = head % r;
  else if (branch.offset == "longnet")
    offset = head / ((heads + r - 1) / r);
  if (branch.mode == "both" && queryResidue != offset)
    return false;
  return keyResidue == offset;
}

int64_t TestAttention::multiplicity(int64_t item, int64_t head, int64_t p,
                                    int64_t key) const {
  if (causal == "position" && key > p)
    return 0;
  if (causal == "token" &&
      keyOrder.entries[item][key] > queryOrder.entries[item][p])
    return 0;
  if (groups.empty())
    return 1;
  int64_t first = 0;
  for (const TestGroup &group : groups) {
    if (head < first + group.heads)
      return std::count_if(group.branches.begin(), group.branches.end(),
                           [&](const TestBranch &branch) {
                             return meets(branch, head, queryHeads, p, key);
                           });
    first += group.heads;
  }
  ADD_FAILURE() << "groups must cover the heads";
  return 0;
}

int64_t TestAttention::bruteForcePairs() const {
  int64_t pairs = 0;
  for (int64_t item = 0; item < batch; ++item)
    for (int64_t head = 0; head < queryHeads; ++head)
      for (int64_t p = 0; p < queries; ++p)
        for (int64_t key = 0; key < keys; ++key)
          pairs += multiplicity(item, head, p, key);
  return pairs;
}

ReferenceTensors TestAttention::bruteForce(const ReferenceTensor &q,
                                           const ReferenceTensor &k,
                                           const ReferenceTensor &v) const {
  ReferenceTensor out = poisoned(queryShape()), lse = poisoned(statsShape());
  double factor = hasScale ? scale : 1 / std::sqrt(double(depth));
  for (int64_t item = 0; item < batch; ++item)
    for (int64_t head = 0; head < queryHeads; ++head)
      for (int64_t p = 0; p < queries; ++p) {
        int64_t keyHead = head / (queryHeads / keyHeads);
        double sum = 0;
        std::vector<double> row(depth, 0);
        for (int64_t key = 0; key < keys; ++key) {
          int64_t times = multiplicity(item, head, p, key);
          if (times == 0)
            continue;
          int64_t kRow = index(item, keyHeads, keyHead, keys,
                               keyOrder.entries[item][key], 0);
          int64_t qRow = index(item, queryHeads, head, queries,
                               queryOrder.entries[item][p], 0);
          double score = 0;
          for (int64_t d = 0; d < depth; ++d)
            score += q.data[qRow + d] * k.data[kRow + d];
          double weight = times * std::exp(factor * score);
          sum += weight;
          for (int64_t d = 0; d < depth; ++d)
            row[d] += weight * v.data[kRow + d];
        }
        int64_t token = outOrder.entries[item][p];
        for (int64_t d = 0; d < depth; ++d)
          out.data[index(item, queryHeads, head, queries, token, d)] =
              sum == 0 ? 0 : row[d] / sum;
        lse.data[(item * queryHeads + head) * queries + token] = std::log(sum);
      }
  return {out, lse};
}

//===----------------------------------------------------------------------===//
// Random attentions
//===----------------------------------------------------------------------===//

static std::string orderText(const curve::OrderSpec &spec) {
  std::ostringstream os;
  auto list = [&](const std::vector<int64_t> &values) {
    for (size_t i = 0; i < values.size(); ++i)
      os << (i ? ", " : "[") << values[i];
    os << ']';
  };
  os << "#hilbert.order<" << curve::curveName(spec.curve) << ", ";
  list(spec.extents);
  if (!spec.tile.empty()) {
    os << ", tile = ";
    list(spec.tile);
  } else {
    os << ", length = " << spec.length;
  }
  os << '>';
  return os.str();
}

static TestOrder randomOrder(Random &random, int64_t batch, int64_t tokens) {
  TestOrder order;
  std::vector<int32_t> raster(tokens);
  std::iota(raster.begin(), raster.end(), 0);
  order.entries.assign(batch, raster);
  int64_t kind = tokens == 0 ? 0 : pick(random, 0, 3);
  if (kind == 1) {
    curve::OrderSpec spec;
    spec.curve = curve::Curve(pick(random, 0, 3));
    int64_t width = pick(random, 1, tokens);
    spec.extents = {(tokens + width - 1) / width, width};
    spec.length = tokens;
    if (spec.extents[0] * width == tokens && pick(random, 0, 1))
      spec.tile = {pick(random, 1, 3), pick(random, 1, 3)};
    order.attr = orderText(spec);
    order.entries.assign(batch, curve::permutation(spec));
  } else if (kind > 1) {
    order.isTable = true;
    order.isPerItem = kind == 3 && batch > 0;
    for (std::vector<int32_t> &entries : order.entries)
      std::shuffle(entries.begin(), entries.end(), random);
    if (!order.isPerItem)
      order.entries.assign(batch, order.entries.front());
  }
  return order;
}

static TestBranch randomBranch(Random &random, int64_t heads, int64_t longest,
                               bool mustCover) {
  TestBranch branch;
  branch.segment =
      mustCover ? longest + pick(random, 0, 2) : pick(random, 1, longest + 2);
  if (pick(random, 0, 3) == 0)
    branch.segment = 0;
  branch.dilation =
      pick(random, 0, 1) ? pick(random, 1, 4) : pick(random, 1, longest + 3);
  const char *modes[] = {"keys", "both", "residues"};
  const char *offsets[] = {"zero", "head", "longnet"};
  branch.mode = modes[pick(random, 0, 2)];
  if (branch.mode == "residues")
    return branch;
  int64_t rule = pick(random, 0, 3);
  if (rule < 3)
    branch.offset = offsets[rule];
  else
    for (int64_t head = 0; head < heads; ++head)
      branch.list.push_back(pick(random, 0, branch.dilation - 1));
  return branch;
}

TestAttention test::randomAttention(Random &random) {
  TestAttention a;
  a.batch = pick(random, 1, 2);
  a.keyHeads = pick(random, 1, 2);
  a.queryHeads = a.keyHeads * pick(random, 1, 3);
  a.queries = a.keys = pick(random, 1, 14);
  if (pick(random, 0, 3) == 0)
    a.keys = pick(random, 1, 14);
  a.depth = 8 * pick(random, 1, 2);
  a.headsFirst = pick(random, 0, 1);
  a.hasScale = pick(random, 0, 1);
  a.scale = 0.4;
  a.queryOrder = randomOrder(random, a.batch, a.queries);
  a.keyOrder = randomOrder(random, a.batch, a.keys);
  a.outOrder = randomOrder(random, a.batch, a.queries);
  int64_t causality = pick(random, 0, 2);
  if (causality == 1)
    a.causal = "token";
  if (causality == 2 && a.queries == a.keys) {
    a.causal = "position";
    a.keyOrder = a.queryOrder;
  }
  if (pick(random, 0, 5) == 0)
    return a;
  for (int64_t left = a.queryHeads; left > 0;) {
    TestGroup group;
    group.heads = pick(random, 0, 1) ? left : pick(random, 1, left);
    for (int64_t n = pick(random, 1, 3); n > 0; --n)
      group.branches.push_back(randomBranch(random, a.queryHeads,
                                            std::max(a.queries, a.keys),
                                            a.queries != a.keys));
    left -= group.heads;
    a.groups.push_back(group);
  }
  return a;
}
