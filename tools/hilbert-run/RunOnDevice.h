//===- RunOnDevice.h - Run functions on a GPU -------------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_TOOLS_HILBERT_RUN_RUNONDEVICE_H
#define HILBERT_TOOLS_HILBERT_RUN_RUNONDEVICE_H

#include "hilbert/ExecutionEngine/DeviceProgram.h"

#include "hilbert-runtime/Cuda/Stream.h"

namespace hilbert {

/// A device, and a program that runs on it.
class DeviceRunner {
public:
  /// `device` is "cuda" or "cuda:N". An error says that there is no driver, no
  /// such device, or that it is too old.
  static llvm::Expected<DeviceRunner> create(llvm::StringRef device);

  /// Takes a module at the fused level. What has several branches is split.
  llvm::Error setProgram(mlir::ModuleOp module);

  /// Runs a function once and then `repeat` times, prints what it took (medians
  /// of events), and returns its results, and then the arguments `written`,
  /// which are memrefs. What it writes is NaN before each run, but for
  /// these, which are the inputs again.
  llvm::Expected<std::vector<NpyArray>> run(llvm::StringRef name,
                                            llvm::ArrayRef<NpyArray> inputs,
                                            llvm::ArrayRef<unsigned> written,
                                            unsigned repeat,
                                            std::optional<double> flops);

private:
  DeviceRunner(const rt::cuda::Device &device, rt::cuda::Stream stream)
      : device(&device), stream(std::move(stream)) {}

  rt::Result<DeviceValue> upload(const NpyArray &array, const HostType &type);
  /// Makes everything that a call writes what it is before a run.
  rt::Status reset(const DeviceCall &call) const;
  rt::Result<NpyArray> download(const DeviceValue &value) const;
  /// The median time of `launch` in milliseconds; `before` runs before it.
  rt::Result<float> time(unsigned repeat,
                         llvm::function_ref<rt::Status()> before,
                         llvm::function_ref<rt::Status()> launch) const;
  rt::Status report(const DeviceCall &call, llvm::StringRef name,
                    unsigned repeat, std::optional<double> flops) const;
  rt::Result<std::vector<NpyArray>> runChecked(llvm::StringRef name,
                                               llvm::ArrayRef<NpyArray> inputs,
                                               llvm::ArrayRef<unsigned> written,
                                               unsigned repeat,
                                               std::optional<double> flops);

  const rt::cuda::Device *device;
  rt::cuda::Stream stream;
  DeviceProgram program;
  /// Arguments of the function that runs.
  std::vector<rt::cuda::Buffer> buffers;
  /// Those that it writes, and what they are before.
  std::vector<std::pair<DeviceValue, const NpyArray *>> inPlace;
};

} // namespace hilbert

#endif // HILBERT_TOOLS_HILBERT_RUN_RUNONDEVICE_H
