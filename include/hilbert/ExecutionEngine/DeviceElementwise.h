//===- DeviceElementwise.h - What goes through elements, on a GPU -*- C++ -*-=//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_EXECUTIONENGINE_DEVICEELEMENTWISE_H
#define HILBERT_EXECUTIONENGINE_DEVICEELEMENTWISE_H

#include "hilbert/ExecutionEngine/DeviceAttention.h"

namespace hilbert {

/// A tensor in the memory of a device.
struct DeviceView {
  DeviceTensor tensor;
  rt::cuda::CUdeviceptr address = 0;
};

/// An elementwise op, a copy, a reorder or a restore of tensors of one shape.
/// Strides may be any; those of the result must not make elements meet.
struct DeviceElementwiseProblem {
  DeviceElementwiseSpec::Kind kind = DeviceElementwiseSpec::Copy;
  /// Of an elementwise op: its name, and its properties as text.
  std::string op, properties;
  llvm::SmallVector<DeviceView, 2> operands;
  DeviceView result;
  /// The order of dimension `dim`: i32 [size], or [size of dimension 0, size].
  /// Entries are not checked: they must be a permutation.
  DeviceView table;
  int64_t dim = 0;
};

/// A prepared kernel with its arguments. Constant, so thread-safe.
class DeviceElementwise {
public:
  /// Checks, finds the fewest dimensions that say where elements are, and
  /// compiles what is not compiled.
  static rt::Result<DeviceElementwise>
  create(const rt::cuda::Device &device, DeviceKernelCache &cache,
         const DeviceElementwiseProblem &problem);

  /// Enqueues it. Allocates nothing; can be captured.
  rt::Status launch(rt::cuda::CUstream stream) const;

  const KernelInfo &kernelInfo() const { return kernels->code->kernels[0]; }
  const rt::cuda::Kernel &kernel() const { return kernels->kernels[0]; }

private:
  class Planner;

  std::shared_ptr<const DeviceKernels> kernels;
  /// In the order of the kernel's; all have 64 bits.
  llvm::SmallVector<uint64_t, 0> arguments;
  /// 0: there are no elements.
  unsigned blocks = 0;
};

} // namespace hilbert

#endif // HILBERT_EXECUTIONENGINE_DEVICEELEMENTWISE_H
