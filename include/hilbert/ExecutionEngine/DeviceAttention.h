//===- DeviceAttention.h - Attention on a GPU -------------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A plan knows everything about an attention but addresses: shapes, strides,
// orders. Making one checks, compiles what is not compiled and uploads tables.
// Launching one fills in addresses.
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_EXECUTIONENGINE_DEVICEATTENTION_H
#define HILBERT_EXECUTIONENGINE_DEVICEATTENTION_H

#include "hilbert/ExecutionEngine/DeviceKernels.h"

#include <optional>

namespace hilbert {

/// What an attention or its gradient is given.
enum DeviceOperand : unsigned {
  kQ,
  kK,
  kV,
  kOut,
  kLse,
  kDout,
  /// May be absent: a tensor without dimensions.
  kDlse,
  kDq,
  kDk,
  kDv,
  /// Runtime orders: see DeviceOrder.
  kTable0,
  kTable1,
  kTable2,
  /// Scratch memory of the gradient.
  kWorkspace,
  kNumDeviceOperands
};

/// Everything about a tensor but its address. Strides are in elements.
struct DeviceTensor {
  NpyType type = NpyType::F32;
  llvm::SmallVector<int64_t, 4> shape, strides;

  /// In row-major order.
  static DeviceTensor contiguous(NpyType type, llvm::ArrayRef<int64_t> shape);
  bool isContiguous() const;
  bool isEmpty() const { return llvm::is_contained(shape, 0); }
  int64_t bytes() const;
};

struct DeviceOrder {
  enum Kind { Raster, Static, Table };
  Kind kind = Raster;
  curve::OrderSpec spec;
  /// Which of kTable0 to kTable2: i32 [N], or [B, N]. Orders of one number are
  /// equal. Entries are not checked: they must be a permutation of 0..N-1.
  int table = 0;

  static DeviceOrder of(curve::OrderSpec spec);
  static DeviceOrder ofTable(int table);
  bool isEqual(const DeviceOrder &other) const;
};

/// Everything about a call but addresses.
struct DeviceAttentionProblem {
  bool isGradient = false;
  /// Up to kTable2; those that there are not have rank 0.
  std::array<DeviceTensor, kWorkspace> tensors;
  DeviceOrder qOrder, kvOrder, outOrder;
  Causality causal = Causality::None;
  Layout layout = Layout::BNHD;
  /// What is between the brackets of #hilbert.pattern<...>; empty: dense.
  std::string pattern;
  /// 1 / sqrt(D) if there is none.
  std::optional<float> scale;
  /// A #hilbert_gpu.schedule, or grad_schedule of a gradient; empty: chosen for
  /// the target.
  std::string schedule;
  /// Whether f32 is multiplied in tf32, with 10 bits of fraction. Without it
  /// f32 is an error.
  bool allowTF32 = false;
  /// False: tables even where boxes would do.
  bool allowBoxes = true;

  DeviceTensor &operator[](DeviceOperand operand) { return tensors[operand]; }
  const DeviceTensor &operator[](DeviceOperand operand) const {
    return tensors[operand];
  }

  int64_t batch() const { return tensors[kQ].shape[0]; }
  int64_t queryHeads() const { return tensors[kQ].shape[headDim()]; }
  int64_t keyHeads() const { return tensors[kK].shape[headDim()]; }
  int64_t queries() const { return tensors[kQ].shape[tokenDim()]; }
  int64_t keys() const { return tensors[kK].shape[tokenDim()]; }
  int64_t depth() const { return tensors[kQ].shape[3]; }
  unsigned headDim() const { return layout == Layout::BNHD ? 2 : 1; }
  unsigned tokenDim() const { return 3 - headDim(); }

  /// Checks all that does not depend on the pattern. Messages state the
  /// constraint and then the offending value.
  rt::Status check() const;
};

/// Device addresses by operand; those that there are not are 0. Without a
/// workspace, launches take one from the device's memory pool.
using DeviceAddresses = std::array<rt::cuda::CUdeviceptr, kNumDeviceOperands>;

/// A prepared attention or gradient. Constant, so thread-safe; a copy is cheap.
class DeviceAttention {
public:
  /// Checks the problem, chooses boxes or tables, compiles, uploads. Works
  /// while a stream is being captured.
  static rt::Result<DeviceAttention> create(const rt::cuda::Device &device,
                                            DeviceKernelCache &cache,
                                            const DeviceAttentionProblem &call);

  /// Checks addresses, which launches trust: on this device, aligned, and those
  /// that are written not among the others.
  rt::Status check(const DeviceAddresses &addresses) const;

  /// Enqueues all kernels on `stream`. Allocates nothing if a workspace is
  /// given or none is needed. Can be captured.
  rt::Status launch(const DeviceAddresses &addresses,
                    rt::cuda::CUstream stream) const;

  /// Bytes at kWorkspace.
  size_t workspaceBytes() const { return plan->workspaceBytes; }

  const rt::cuda::Device &device() const { return *plan->device; }
  const DeviceKernelSpec &spec() const { return plan->spec; }
  size_t numKernels() const { return plan->launches.size(); }
  const KernelInfo &kernelInfo(size_t index) const {
    return *plan->launches[index].info;
  }
  int64_t numBlocks(size_t index) const { return plan->launches[index].blocks; }
  const rt::cuda::Kernel &kernel(size_t index) const {
    return *plan->launches[index].kernel;
  }
  /// Enqueues one of them, to time it. A workspace that is needed must be
  /// given.
  rt::Status launchKernel(size_t index, const DeviceAddresses &addresses,
                          rt::cuda::CUstream stream) const;

  /// The most arguments of a kernel.
  static constexpr size_t kMaxArguments = 64;

private:
  /// An argument: the address of an operand, or the bytes of a number.
  struct Argument {
    DeviceOperand operand = kNumDeviceOperands;
    uint64_t bytes = 0;
  };
  struct Launch {
    const KernelInfo *info = nullptr;
    const rt::cuda::Kernel *kernel = nullptr;
    unsigned blocks = 0;
    llvm::SmallVector<Argument, 0> arguments;
  };
  struct Plan {
    DeviceAttentionProblem problem;
    DeviceKernelSpec spec;
    std::shared_ptr<const DeviceGeometry> geometry;
    std::shared_ptr<const DeviceKernels> kernels;
    /// What arguments point at.
    std::vector<std::shared_ptr<const rt::cuda::Buffer>> tables;
    std::vector<Launch> launches;
    size_t workspaceBytes = 0;
    const rt::cuda::Device *device = nullptr;
  };
  class Planner;

  explicit DeviceAttention(std::shared_ptr<const Plan> plan)
      : plan(std::move(plan)) {}

  std::shared_ptr<const Plan> plan;
};

} // namespace hilbert

#endif // HILBERT_EXECUTIONENGINE_DEVICEATTENTION_H
