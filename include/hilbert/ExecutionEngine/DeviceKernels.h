//===- DeviceKernels.h - Attention kernels for GPUs, compiled once --------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_EXECUTIONENGINE_DEVICEKERNELS_H
#define HILBERT_EXECUTIONENGINE_DEVICEKERNELS_H

#include "hilbert/Dialect/Hilbert/IR/Hilbert.h"
#include "hilbert/Support/Npy.h"
#include "hilbert/Target/Artifact.h"

#include "hilbert-runtime/Cuda/Kernel.h"
#include "hilbert-runtime/Cuda/Memory.h"

#include "llvm/ADT/StringMap.h"

#include <array>
#include <atomic>
#include <memory>
#include <mutex>

namespace hilbert {

/// What the kernels of an attention, or of its gradient, are specialised for.
/// Everything else is an argument of theirs: a new size compiles nothing.
struct DeviceKernelSpec {
  bool isGradient = false;
  bool hasDlse = false;
  /// F16, BF16, or, multiplied in tf32, F32.
  NpyType type = NpyType::BF16;
  bool allowTF32 = false;
  int64_t depth = 0;
  Causality causal = Causality::None;
  /// For q, k and v, and out: the number of its order, or -1 for raster. Equal
  /// numbers are equal orders.
  std::array<int, 3> orders = {-1, -1, -1};
  /// Whether tiles of queries and of keys are loaded as boxes. Else through
  /// tables, where there is an order.
  bool queryBoxes = false, keyBoxes = false;
  /// What is between the brackets of #hilbert.pattern<...>; empty: dense.
  std::string pattern;
  /// A #hilbert_gpu.schedule or grad_schedule; empty: chosen for the target.
  std::string schedule;

  /// One function with one attention, over sizes that are not known.
  std::string getProgram() const;
};

/// What a kernel that goes through tensors element by element is specialised
/// for. Sizes and strides are arguments of it.
struct DeviceElementwiseSpec {
  enum Kind { Elementwise, Copy, Reorder, Restore };
  Kind kind = Copy;
  /// Of an elementwise op: its name, and its properties as text.
  std::string op, properties;
  /// Element types. What is only moved has integers of its size.
  llvm::SmallVector<std::string, 2> operands;
  std::string result;
  /// At least 1.
  int64_t rank = 1;
  /// The dimension of an order. With dimension 0 of one for each item.
  int64_t dim = 0;

  /// One function with one op, over sizes that are not known.
  std::string getProgram() const;
};

/// What a pattern and a schedule say about how positions are cut.
struct DeviceGeometry {
  /// w; INT64_MAX is dense.
  int64_t segment = INT64_MAX;
  /// r
  int64_t dilation = 1;
  /// Whether queries are cut into r classes, too.
  bool hasQueryClasses = false;
  /// One per query head, if they are listed.
  std::vector<int32_t> offsets;
  /// The rows of tiles of queries, and of keys, of all kernels.
  std::vector<int64_t> queryTiles, keyTiles;

  int64_t queryStep() const { return hasQueryClasses ? dilation : 1; }
};

/// The kernels of a spec on one device, in the order of their launches.
struct DeviceKernels {
  std::shared_ptr<const GPUArtifact> code;
  rt::cuda::Module module;
  /// In the order of code->kernels.
  std::vector<rt::cuda::Kernel> kernels;
};

/// The target whose code runs best on a device: the newest that is not newer,
/// and whose schedules fit its shared memory. (The driver compiles PTX of an
/// older target for a newer device.)
llvm::StringRef getTargetFor(const rt::cuda::DeviceProperties &properties);

/// All kernels and tables that were made. Thread-safe.
class DeviceKernelCache {
public:
  DeviceKernelCache();
  ~DeviceKernelCache();

  /// The one of this process. Never destroyed: kernels may run until the
  /// process is gone.
  static DeviceKernelCache &get();

  /// Cheap: nothing is compiled. Boxes and the schedule of the spec do not
  /// matter.
  rt::Result<std::shared_ptr<const DeviceGeometry>>
  getGeometry(const rt::cuda::Device &device, const DeviceKernelSpec &spec);

  /// From memory, from the cache folder (see DiskCache), or compiled.
  rt::Result<std::shared_ptr<const DeviceKernels>>
  getKernels(const rt::cuda::Device &device, const DeviceKernelSpec &spec);
  rt::Result<std::shared_ptr<const DeviceKernels>>
  getKernels(const rt::cuda::Device &device, const DeviceElementwiseSpec &spec);

  /// The code alone. A damaged entry of the cache folder is made again. A child
  /// that was forked while another thread was in here must not call it.
  rt::Result<std::shared_ptr<const GPUArtifact>>
  getCode(llvm::StringRef target, const DeviceKernelSpec &spec);
  rt::Result<std::shared_ptr<const GPUArtifact>>
  getCode(llvm::StringRef target, const DeviceElementwiseSpec &spec);

  /// A constant table in device memory: the one of `key`, or, the first time,
  /// the `bytes` at `data`. See rt::cuda::TableCache.
  rt::Result<std::shared_ptr<const rt::cuda::Buffer>>
  getTable(const rt::cuda::Device &device, llvm::StringRef key,
           const void *data, size_t bytes);

  /// The table of a static order in device memory.
  rt::Result<std::shared_ptr<const rt::cuda::Buffer>>
  getOrder(const rt::cuda::Device &device, const curve::OrderSpec &order);

  /// Where code came from, of calls of getCode.
  std::atomic<int64_t> compilations{0}, diskHits{0}, memoryHits{0};

private:
  template <typename Spec>
  rt::Result<std::shared_ptr<const DeviceKernels>>
  getKernelsOf(const rt::cuda::Device &device, const Spec &spec);
  template <typename Spec>
  rt::Result<std::shared_ptr<const GPUArtifact>>
  getCodeOf(llvm::StringRef target, const Spec &spec);

  /// The runtime's caches, whose header needs exceptions, unlike LLVM's.
  struct OnDevices;
  std::unique_ptr<OnDevices> onDevices;
  /// Of what follows. Held while code is compiled, so that it is once.
  std::mutex mutex;
  llvm::StringMap<std::shared_ptr<const GPUArtifact>> codes;
  llvm::StringMap<std::shared_ptr<const DeviceGeometry>> geometries;
};

} // namespace hilbert

#endif // HILBERT_EXECUTIONENGINE_DEVICEKERNELS_H
