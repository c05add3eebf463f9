//===- Kernel.h - Compiled code on a CUDA device ----------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_RUNTIME_CUDA_KERNEL_H
#define HILBERT_RUNTIME_CUDA_KERNEL_H

#include "hilbert-runtime/Cuda/Device.h"

#include <string>
#include <string_view>

namespace hilbert::rt::cuda {

/// What the driver's assembler made of a kernel.
struct KernelAttributes {
  int registersPerThread = 0;
  /// Spilled registers and arrays on the stack, per thread.
  int localBytes = 0;
  int staticSharedBytes = 0;
  int maxThreadsPerBlock = 0;
};

/// What changes from launch to launch, beside the parameters.
struct LaunchShape {
  Dim3 grid;
  Dim3 block;
  /// Dynamic shared memory per block.
  unsigned sharedBytes = 0;
  /// Null: the legacy default stream; perThreadStream(): the thread's.
  CUstream stream = nullptr;
};

/// A function of a Module. A copy is as good, and all are valid as long as the
/// module is. Thread-safe.
class Kernel {
public:
  const std::string &name() const { return theName; }
  const KernelAttributes &attributes() const { return theAttributes; }
  const Device &device() const { return *theDevice; }

  /// Enqueues it. `parameters` points to one pointer per parameter, which are
  /// read before this returns. Works while the stream is being captured; a
  /// success allocates nothing. InvalidArgument for an empty grid or block, for
  /// one that exceeds the device's limits, and for more shared memory than
  /// Module::kernel was told of. Errors of work that ran earlier may be
  /// reported here.
  Status launch(const LaunchShape &shape, void **parameters) const;

private:
  friend class Module;
  Kernel(const Device &device, std::string name)
      : theDevice(&device), theName(std::move(name)) {}
  Status checkShape(const LaunchShape &shape) const;

  const Device *theDevice;
  std::string theName;
  CUfunction function = nullptr;
  KernelAttributes theAttributes;
  unsigned maxDynamicBytes = 0;
};

/// Code loaded onto one device.
class Module {
public:
  /// Loads PTX text, a cubin or a fatbin. `name` is for messages. A failure
  /// carries what the driver's assembler says. Works while a stream is being
  /// captured.
  static Result<Module> load(const Device &device, std::string_view image,
                             std::string_view name);

  Module(Module &&other) noexcept;
  Module &operator=(Module &&other) noexcept;
  ~Module();

  /// The kernel of this name, which may be launched with up to
  /// `dynamicSharedBytes` of dynamic shared memory. Unsupported if the device
  /// has less. Works while a stream is being captured.
  Result<Kernel> kernel(std::string_view name,
                        unsigned dynamicSharedBytes = 0) const;

  /// What the driver's assembler had to say: registers, spills, warnings. Empty
  /// for a cubin.
  const std::string &log() const { return assemblerLog; }

  /// Does early what the destructor does, and tells about errors: on one, the
  /// code stays loaded. No launch of its kernels may be running, no graph with
  /// them be launched later.
  Status unload();

private:
  Module(const Device &device, std::string_view name)
      : device(&device), name(name) {}

  const Device *device;
  std::string name;
  std::string assemblerLog;
  CUmodule handle = nullptr;
};

/// A kernel with the module that it needs.
struct LoadedKernel {
  /// Loads the module `image` and looks up its kernel `name`: see Module.
  static Result<LoadedKernel> load(const Device &device, std::string_view image,
                                   std::string_view name,
                                   unsigned dynamicSharedBytes = 0);

  Module module;
  Kernel kernel;
};

} // namespace hilbert::rt::cuda

#endif // HILBERT_RUNTIME_CUDA_KERNEL_H
