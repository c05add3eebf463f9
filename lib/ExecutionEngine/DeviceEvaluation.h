//===- DeviceEvaluation.h - From arguments to a call on a GPU ---*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_LIB_EXECUTIONENGINE_DEVICEEVALUATION_H
#define HILBERT_LIB_EXECUTIONENGINE_DEVICEEVALUATION_H

#include "hilbert/ExecutionEngine/DeviceProgram.h"

namespace hilbert {

/// Goes through a function with its arguments, and makes a call of it. Values
/// are meant by their numbers; those that a step defines are its results.
class DeviceEvaluation {
public:
  /// A size or an offset: a number, or a value.
  struct Size {
    int64_t number = 0;
    int value = -1;
  };
  struct Slice {
    llvm::SmallVector<Size, 4> offsets, sizes, strides;
    llvm::SmallVector<bool, 4> isDropped;
  };
  struct Constant {
    NpyType type = NpyType::F32;
    llvm::SmallVector<int64_t, 4> shape;
    /// Of all elements, or of one that they all equal.
    std::string bytes;
  };
  struct Attention {
    /// Everything but the tensors and the scale.
    DeviceAttentionProblem problem;
    /// By DeviceOperand; -1: none.
    llvm::SmallVector<int, kWorkspace> operands;
    int scale = -1;
  };

  DeviceEvaluation(const rt::cuda::Device &device, DeviceKernelCache &cache,
                   int numValues)
      : device(device), cache(cache), values(numValues) {
    call.device = &device;
  }

  void bind(llvm::ArrayRef<DeviceValue> arguments);
  rt::Result<DeviceCall> finish(llvm::ArrayRef<int> returned);

  double getScalar(int value) const { return values[value].scalar; }
  void defineScalar(int result, double scalar);

  // Views.
  rt::Status dim(int source, int index, int result);
  rt::Status cast(int source, llvm::ArrayRef<int64_t> shape, int result);
  rt::Status slice(int source, const Slice &slice, int result);
  void alias(int source, int result) { values[result] = values[source]; }
  /// Groups are numbers of dimensions.
  rt::Status expand(int source, llvm::ArrayRef<size_t> groups,
                    llvm::ArrayRef<Size> shape, int result);
  /// Dimension d of the result is dimension permutation[d] of the source.
  void transpose(int source, llvm::ArrayRef<int64_t> permutation, int result);
  /// The result has the shape of `like`, and at `added` dimensions that the
  /// source does not have.
  rt::Status broadcast(int source, int like, llvm::ArrayRef<int64_t> added,
                       int result);
  /// A copy if strides do not allow a view.
  rt::Status collapse(int source, llvm::ArrayRef<size_t> groups, int result);

  // Tensors that are not computed.
  rt::Status empty(NpyType type, llvm::ArrayRef<Size> shape, int result);
  rt::Status constant(const Constant &constant, int result);
  rt::Status splat(int value, NpyType type, llvm::ArrayRef<Size> shape,
                   int result);
  rt::Status order(const curve::OrderSpec &order, int result);

  // What computes.
  /// Of `problem` the kind, the op and its properties are given.
  rt::Status elementwise(DeviceElementwiseProblem problem,
                         llvm::ArrayRef<int> operands, NpyType type,
                         int result);
  /// Of `problem` the kind and the dimension. The order is a value, or, if that
  /// is negative, `order`.
  rt::Status permute(DeviceElementwiseProblem problem, int source, int table,
                     const curve::OrderSpec &order, int result);
  rt::Status insertSlice(int source, int destination, const Slice &slice,
                         int result);
  rt::Status copy(int source, int result);
  /// Writes memory of an argument.
  rt::Status write(int source, int destination);
  rt::Status attention(const Attention &attention, llvm::ArrayRef<int> results);

private:
  struct Slot : DeviceValue {
    /// False of what nothing writes.
    bool isDefined = false;
  };

  int64_t get(const Size &size) const {
    return size.value < 0 ? size.number : int64_t(values[size.value].scalar);
  }
  llvm::SmallVector<int64_t, 4> get(llvm::ArrayRef<Size> sizes) const;
  rt::Status checkShape(llvm::ArrayRef<int64_t> shape) const;
  rt::Status checkDefined(const Slot &slot, const llvm::Twine &user) const;

  rt::Result<Slot> allocate(NpyType type, llvm::ArrayRef<int64_t> shape);
  rt::Result<DeviceView> getSlice(const DeviceView &source,
                                  const Slice &slice) const;
  rt::Status launch(DeviceElementwiseProblem problem);
  rt::Status launchCopy(const DeviceView &from, const DeviceView &to);
  rt::Status makeContiguous(Slot &slot);
  rt::Result<DeviceView> getTable(int value, const curve::OrderSpec &order);

  const rt::cuda::Device &device;
  DeviceKernelCache &cache;
  std::vector<Slot> values;
  DeviceCall call;
};

} // namespace hilbert

#endif // HILBERT_LIB_EXECUTIONENGINE_DEVICEEVALUATION_H
