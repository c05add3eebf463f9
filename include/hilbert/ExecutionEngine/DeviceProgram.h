//===- DeviceProgram.h - Run programs on a GPU ------------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Programs at the fused level (after hilbert-fuse or hilbert-grad). Attentions
// run on the device; casts and slices are views. Every other op that computes
// is an error: nothing runs on the host behind its user's back.
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_EXECUTIONENGINE_DEVICEPROGRAM_H
#define HILBERT_EXECUTIONENGINE_DEVICEPROGRAM_H

#include "hilbert/ExecutionEngine/DeviceAttention.h"
#include "hilbert/ExecutionEngine/HostSignature.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace hilbert {

/// A tensor in the memory of a device, or a scalar.
struct DeviceValue {
  DeviceTensor tensor;
  rt::cuda::CUdeviceptr address = 0;
  double scalar = 0;
};

/// A function with its arguments: ready to run any number of times. It owns its
/// results and all other memory that it writes, so one launch of it runs at a
/// time. The arguments are the caller's.
class DeviceCall {
public:
  /// Enqueues everything. Allocates nothing; can be captured.
  rt::Status launch(rt::cuda::CUstream stream) const;

  llvm::ArrayRef<DeviceValue> results() const { return outputs; }

  /// Fills results and other memory that launches write with bytes that are NaN
  /// in every float type, so that what is read or returned without being
  /// written shows.
  rt::Status poison(rt::cuda::CUstream stream) const;

  // The kernels, in order, one by one.
  size_t numKernels() const { return kernels.size(); }
  const KernelInfo &kernelInfo(size_t index) const;
  const rt::cuda::Kernel &kernel(size_t index) const;
  rt::Status launchKernel(size_t index, rt::cuda::CUstream stream) const;

private:
  friend class DeviceFunction;
  friend class DeviceEvaluation;
  struct Step {
    DeviceAttention attention;
    DeviceAddresses addresses;
  };

  const rt::cuda::Device *device = nullptr;
  std::vector<rt::cuda::Buffer> buffers;
  std::vector<Step> steps;
  /// Step, and index of the kernel in it.
  std::vector<std::pair<size_t, size_t>> kernels;
  std::vector<DeviceValue> outputs;
};

/// A function, apart from the IR that it was made of. Constant, so thread-safe.
class DeviceFunction {
public:
  /// Unsupported if an op has no kernel, such as "the GPU back end has no
  /// kernel for 'arith.negf'".
  static rt::Result<DeviceFunction> create(mlir::func::FuncOp function);

  const HostSignature &getSignature() const { return signature; }

  /// Checks the arguments, compiles for the device what is not compiled yet,
  /// and allocates. Tensors may have strides if the innermost is 1.
  rt::Result<DeviceCall> prepare(const rt::cuda::Device &device,
                                 DeviceKernelCache &cache,
                                 llvm::ArrayRef<DeviceValue> arguments) const;

private:
  friend class DeviceFunctionBuilder;
  friend class DeviceEvaluation;

  /// A size or an offset: a number, or a value of the function.
  struct Size {
    int64_t number = 0;
    int value = -1;
  };
  /// An op. Values of the function are numbered, arguments first.
  struct Step {
    enum Kind { Number, Dim, Empty, Cast, Slice, Attention };
    Kind kind = Number;
    llvm::SmallVector<int, 4> operands, results;
    double number = 0;
    /// Of casts and empty tensors.
    NpyType type = NpyType::F32;
    llvm::SmallVector<Size, 4> offsets, sizes, strides;
    llvm::SmallVector<bool, 4> isDropped;
    /// Attentions: everything but the tensors. Operands are by DeviceOperand
    /// (-1: none), results in their order.
    DeviceAttentionProblem problem;
    /// The value that is the scale, or -1.
    int scale = -1;
  };

  HostSignature signature;
  std::vector<Step> steps;
  int numValues = 0;
  llvm::SmallVector<int, 4> returned;
};

/// The functions of a module.
class DeviceProgram {
public:
  /// Functions with something that cannot run are errors where they are looked
  /// up.
  static DeviceProgram create(mlir::ModuleOp module);

  /// Valid as long as the program is. NotFound if there is no such function.
  rt::Result<const DeviceFunction *> lookup(llvm::StringRef name) const;

private:
  llvm::StringMap<rt::Result<DeviceFunction>> functions;
};

} // namespace hilbert

#endif // HILBERT_EXECUTIONENGINE_DEVICEPROGRAM_H
