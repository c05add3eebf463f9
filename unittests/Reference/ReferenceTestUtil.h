//===- ReferenceTestUtil.h - Programs, data, brute force --------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Random attentions as MLIR text, and what they compute by the membership rule
// alone: every pair of positions is asked for.
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_UNITTESTS_REFERENCE_REFERENCETESTUTIL_H
#define HILBERT_UNITTESTS_REFERENCE_REFERENCETESTUTIL_H

#include "hilbert/Curve/Order.h"
#include "hilbert/Reference/Reference.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include "gtest/gtest.h"

#include <random>
#include <string>

namespace hilbert::test {

using Random = std::mt19937;

/// A number in low..high.
int64_t pick(Random &random, int64_t low, int64_t high);
ReferenceTensor randomTensor(Random &random, std::vector<int64_t> shape);
/// A tensor that an op is to overwrite.
ReferenceTensor poisoned(std::vector<int64_t> shape);
int64_t count(const std::vector<int64_t> &shape);
/// sum of a[i] * b[i].
double inner(const ReferenceTensors &a, const ReferenceTensors &b);

void expectNear(const ReferenceTensor &actual, const ReferenceTensor &expected,
                double tolerance, const std::string &what);

/// A parsed module; its first function is the program.
class Program {
public:
  explicit Program(const std::string &text);

  ReferenceTensors evaluate(const ReferenceTensors &inputs);
  ReferenceTensors differentiate(const ReferenceTensors &inputs,
                                 const ReferenceTensors &cotangents);
  double countFlops(const ReferenceTensors &inputs);
  mlir::func::FuncOp function();

  /// The message of what must fail.
  std::string evaluationError(const ReferenceTensors &inputs);
  std::string differentiationError(const ReferenceTensors &inputs,
                                   const ReferenceTensors &cotangents);

private:
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

struct TestBranch {
  int64_t segment = 0; // 0 is dense
  int64_t dilation = 1;
  std::string mode = "keys", offset = "zero";
  std::vector<int64_t> list;
};

struct TestGroup {
  int64_t heads = 0;
  std::vector<TestBranch> branches;
};

/// Absent, static or a table; the entries of every batch item.
struct TestOrder {
  std::string attr;
  bool isTable = false, isPerItem = false;
  std::vector<std::vector<int32_t>> entries;
};

struct TestAttention {
  int64_t batch = 1, queryHeads = 1, keyHeads = 1, queries = 1, keys = 1;
  int64_t depth = 8;
  bool headsFirst = false, hasScale = false;
  std::string causal = "none";
  /// Empty is dense; one group is written without a head count.
  std::vector<TestGroup> groups;
  TestOrder queryOrder, keyOrder, outOrder;
  double scale = 0;

  std::vector<int64_t> queryShape() const;
  std::vector<int64_t> keyShape() const;
  std::vector<int64_t> statsShape() const;
  /// The element of [item, head, token, d] in a tensor.
  int64_t index(int64_t item, int64_t heads, int64_t head, int64_t tokens,
                int64_t token, int64_t d) const;

  /// f(q, k, v, out, lse, tables..., scale) -> (out, lse).
  std::string forwardText() const;
  /// f(q, k, v, out, lse, dout, dlse, dq, dk, dv, tables..., scale)
  /// -> (dq, dk, dv).
  std::string gradientText() const;
  /// Tables and scale.
  ReferenceTensors extraInputs() const;

  /// How often the query at position p meets the key at `key`.
  int64_t multiplicity(int64_t item, int64_t head, int64_t p,
                       int64_t key) const;
  /// out and lse.
  ReferenceTensors bruteForce(const ReferenceTensor &q,
                              const ReferenceTensor &k,
                              const ReferenceTensor &v) const;
  int64_t bruteForcePairs() const;

private:
  std::string semanticsText() const;
  std::string extraArguments() const;
};

TestAttention randomAttention(Random &random);

} // namespace hilbert::test

#endif // HILBERT_UNITTESTS_REFERENCE_REFERENCETESTUTIL_H
