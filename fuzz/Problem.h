//===- Problem.h - Attention calls out of bytes -----------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_FUZZ_PROBLEM_H
#define HILBERT_FUZZ_PROBLEM_H

#include "hilbert-c/Attention.h"

#include <fuzzer/FuzzedDataProvider.h>

#include <cstring>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

namespace fuzz {

/// Ends the process with a message unless the condition holds.
void require(bool condition, const char *message);
/// True if a call failed, which must leave a message.
bool expect(HilbertStatus status);

struct Input {
  Input(const uint8_t *data, size_t size) : bits(data, size) {}

  /// Mostly a number from the range, else a hostile one.
  int64_t any(int64_t low, int64_t high);

  FuzzedDataProvider bits;
};

/// An order of a few tokens, or something that is none.
HilbertOrderSpec anySpec(Input &input);
/// A row-major tensor on the host, without data.
HilbertTensor describe(HilbertDType dtype, std::vector<int64_t> shape);
size_t sizeOf(HilbertDType dtype);
bool isEmpty(const HilbertTensor &tensor);
/// Calls `body` with the offset of every element, in elements.
void forEach(const HilbertTensor &tensor,
             const std::function<void(int64_t offset)> &body);
/// The value of an element of f16, bf16 or f32.
double load(const char *at, HilbertDType dtype);
/// Whether Memory has room for what the tensor describes.
bool fits(const HilbertTensor &tensor);

/// Memory of a tensor: ends at a page that cannot be read.
class Memory {
public:
  /// One for each operand of a call.
  static Memory &of(size_t operand);

  /// Room for the elements of a tensor, the last one at the end. Inputs are
  /// random numbers with NaN between them, outputs poison.
  void *place(const HilbertTensor &tensor, bool isInput);
  /// Takes what is there now for what was there before the call.
  void remember();
  /// Nothing but elements may have been written.
  void checkGaps() const;
  /// Nothing at all may have been written.
  void checkAll() const;

private:
  Memory();

  char *begin, *end;
  std::vector<char> before;
  std::vector<bool> isElement;
};

/// What a fault means for a call.
enum class Fault { None, Harmless, Any, Fatal };

class Problem {
public:
  Problem(Input &input, bool isGradient);

  HilbertAttention &forward() { return grad.forward; }
  /// Damages the call, or not.
  Fault damage(Input &input);
  void checkMemory(bool succeeded) const;
  /// Of a call without faults: everything is written, and the forward's numbers
  /// are those of the definition.
  void checkResults() const;

  HilbertAttentionGrad grad = {};

private:
  struct Operand {
    HilbertTensor *tensor;
    bool isWritten;
  };

  void addOperand(HilbertTensor &tensor, bool isWritten);
  void addTable(Input &input, HilbertOrder &order, int64_t tokens,
                bool isBatched);
  HilbertTensor matrix(Input &input, int64_t tokens, int64_t h);
  Fault damageTensor(Input &input);
  Fault damageCall(Input &input);
  void checkQuery(int64_t b, int64_t h, int64_t p) const;

  bool isGradient;
  HilbertDType dtype;
  int pattern;
  int64_t batch, queries, keys, heads, keyHeads, depth;
  std::vector<Operand> operands;
  /// Of a damaged pattern.
  std::string text;
};

} // namespace fuzz

#endif // HILBERT_FUZZ_PROBLEM_H
