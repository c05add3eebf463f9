//===- DeviceProgram.cpp - Run programs on a GPU --------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/ExecutionEngine/DeviceProgram.h"

#include "Try.h"

using namespace mlir;
using namespace hilbert;
using namespace hilbert::rt;
using namespace hilbert::rt::cuda;

DeviceProgram DeviceProgram::create(ModuleOp module) {
  DeviceProgram program;
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isDeclaration())
      program.functions.try_emplace(function.getName(),
                                    DeviceFunction::create(function));
  return program;
}

Result<const DeviceFunction *> DeviceProgram::lookup(StringRef name) const {
  auto found = functions.find(name);
  if (found == functions.end())
    return Status(StatusCode::NotFound,
                  ("there is no function '" + name + "'").str());
  if (!found->second.ok())
    return found->second.status();
  return &*found->second;
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

Status DeviceCall::launch(CUstream stream) const {
  for (const Step &step : steps) {
    if (auto *kernel = std::get_if<DeviceElementwise>(&step)) {
      TRY(kernel->launch(stream));
      continue;
    }
    const auto &[attention, addresses] = std::get<Attention>(step);
    TRY(attention.launch(addresses, stream));
  }
  return Status();
}

Status DeviceCall::poison(CUstream stream) const {
  for (const Buffer &buffer : buffers)
    TRY(fillAsync(*device, buffer.address(), 0xff, buffer.bytes(), stream));
  return Status();
}

const KernelInfo &DeviceCall::kernelInfo(size_t index) const {
  auto [step, kernel] = kernels[index];
  if (auto *elementwise = std::get_if<DeviceElementwise>(&steps[step]))
    return elementwise->kernelInfo();
  return std::get<Attention>(steps[step]).attention.kernelInfo(kernel);
}

const Kernel &DeviceCall::kernel(size_t index) const {
  auto [step, kernel] = kernels[index];
  if (auto *elementwise = std::get_if<DeviceElementwise>(&steps[step]))
    return elementwise->kernel();
  return std::get<Attention>(steps[step]).attention.kernel(kernel);
}

Status DeviceCall::launchKernel(size_t index, CUstream stream) const {
  auto [step, kernel] = kernels[index];
  if (auto *elementwise = std::get_if<DeviceElementwise>(&steps[step]))
    return elementwise->launch(stream);
  const auto &[attention, addresses] = std::get<Attention>(steps[step]);
  return attention.launchKernel(kernel, addresses, stream);
}
