//===- DeviceProgram.h - Run programs on a GPU ------------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Programs at the fused level (after hilbert-fuse or hilbert-grad). What
// computes or moves elements runs on the device; casts, slices and most
// reshapes are views. An op without a kernel is an error: nothing runs on the
// host behind its user's back.
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_EXECUTIONENGINE_DEVICEPROGRAM_H
#define HILBERT_EXECUTIONENGINE_DEVICEPROGRAM_H

#include "hilbert/ExecutionEngine/DeviceElementwise.h"
#include "hilbert/ExecutionEngine/HostSignature.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <functional>
#include <variant>

namespace hilbert {

class DeviceEvaluation;

/// A tensor in the memory of a device, or a scalar.
struct DeviceValue : DeviceView {
  double scalar = 0;
};

/// A function with its arguments: ready to run any number of times. It owns its
/// results and all other memory that it writes but for memrefs, so one launch
/// of it runs at a time. The arguments are the caller's.
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
  friend class DeviceEvaluation;
  struct Attention {
    DeviceAttention attention;
    DeviceAddresses addresses;
  };
  using Step = std::variant<Attention, DeviceElementwise>;

  const rt::cuda::Device *device = nullptr;
  std::vector<rt::cuda::Buffer> buffers;
  /// What no launch writes.
  std::vector<std::shared_ptr<const rt::cuda::Buffer>> constants;
  std::vector<Step> steps;
  /// Step, and index of the kernel in it.
  std::vector<std::pair<size_t, size_t>> kernels;
  std::vector<DeviceValue> outputs;
};

/// A function, apart from the IR that it was made of. Constant, so thread-safe.
class DeviceFunction {
public:
  /// Unsupported if an op has no kernel, such as "the GPU back end has no
  /// kernel for 'math.tanh'".
  static rt::Result<DeviceFunction> create(mlir::func::FuncOp function);

  const HostSignature &getSignature() const { return signature; }

  /// Checks the arguments, compiles for the device what is not compiled yet,
  /// and allocates. Tensors and memrefs may have strides if the innermost is 1.
  rt::Result<DeviceCall> prepare(const rt::cuda::Device &device,
                                 DeviceKernelCache &cache,
                                 llvm::ArrayRef<DeviceValue> arguments) const;

private:
  friend class DeviceFunctionBuilder;
  friend class DeviceEvaluation;

  /// What an op does with the values of a call, which are numbered, arguments
  /// first.
  using Step = std::function<rt::Status(DeviceEvaluation &)>;

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
