//===- RunOnDevice.cpp - Run functions on a GPU ---------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RunOnDevice.h"

#include "hilbert/Pipelines/Compile.h"
#include "hilbert/Support/HostTensor.h"

#include "llvm/Support/Format.h"

#include <chrono>

using namespace hilbert;
using namespace hilbert::rt;
using namespace hilbert::rt::cuda;
using llvm::ArrayRef;
using llvm::createStringError;
using llvm::StringRef;

#define TRY(expression)                                                        \
  if (Status tried = (expression); !tried.ok())                                \
  return tried

llvm::Expected<DeviceRunner> DeviceRunner::create(StringRef name) {
  StringRef number = name;
  int ordinal = 0;
  if (!number.consume_front("cuda") ||
      (!number.empty() && (!number.consume_front(":") ||
                           number.getAsInteger(10, ordinal) || ordinal < 0)))
    return createStringError("--device must be host, cuda or cuda:<number>, "
                             "but is '" +
                             name + "'");
  auto device = Device::get(ordinal);
  if (!device.ok())
    return createStringError(device.status().message());
  auto stream = Stream::create(**device);
  if (!stream.ok())
    return createStringError(stream.status().message());
  return DeviceRunner(**device, *std::move(stream));
}

llvm::Error DeviceRunner::setProgram(mlir::ModuleOp module) {
  if (failed(compile(module, "func.func(hilbert-split-branches)")))
    return createStringError("compilation failed");
  program = DeviceProgram::create(module);
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

Result<DeviceValue> DeviceRunner::upload(const NpyArray &array,
                                         const HostType &type) {
  DeviceValue value;
  if (type.kind == HostType::Scalar) {
    value.scalar = toDoubles(array).front();
    return value;
  }
  value.tensor = DeviceTensor::contiguous(array.type, array.shape);
  auto buffer = Buffer::allocate(*device, array.data.size());
  if (!buffer.ok())
    return buffer.status();
  value.address = buffer->address();
  buffers.push_back(*std::move(buffer));
  TRY(copyToDevice(*device, value.address, array.data.data(), array.data.size(),
                   stream.handle()));
  return value;
}

Status DeviceRunner::reset(const DeviceCall &call) const {
  TRY(call.poison(stream.handle()));
  for (const auto &[value, array] : inPlace)
    TRY(copyToDeviceAsync(*device, value.address, array->data.data(),
                          array->data.size(), stream.handle()));
  return Status();
}

/// Copies the elements of a strided tensor whose first one is at `from`.
static char *gather(const DeviceTensor &tensor, size_t d, const char *from,
                    char *to) {
  int64_t size = npyTypeSize(tensor.type);
  if (d == tensor.shape.size()) {
    std::memcpy(to, from, size);
    return to + size;
  }
  for (int64_t i = 0; i < tensor.shape[d]; ++i)
    to = gather(tensor, d + 1, from + i * tensor.strides[d] * size, to);
  return to;
}

Result<NpyArray> DeviceRunner::download(const DeviceValue &value) const {
  const DeviceTensor &tensor = value.tensor;
  NpyArray array;
  array.type = tensor.type;
  array.shape.assign(tensor.shape.begin(), tensor.shape.end());
  array.data.resize(tensor.bytes());
  if (tensor.isEmpty())
    return array;
  int64_t elements = 1;
  for (auto [size, stride] : llvm::zip_equal(tensor.shape, tensor.strides))
    elements += (size - 1) * stride;
  std::vector<char> bytes(elements * npyTypeSize(tensor.type));
  TRY(copyToHost(*device, bytes.data(), value.address, bytes.size(),
                 stream.handle()));
  gather(tensor, 0, bytes.data(), array.data.data());
  return array;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

Result<float> DeviceRunner::time(unsigned repeat,
                                 llvm::function_ref<Status()> before,
                                 llvm::function_ref<Status()> launch) const {
  auto begin = Event::create(*device), end = Event::create(*device);
  if (!begin.ok())
    return begin.status();
  if (!end.ok())
    return end.status();
  std::vector<float> times;
  for (unsigned i = 0; i < std::max(1u, repeat); ++i) {
    TRY(before());
    TRY(begin->record(stream.handle()));
    TRY(launch());
    TRY(end->record(stream.handle()));
    TRY(end->synchronize());
    auto elapsed = end->millisecondsSince(*begin);
    if (!elapsed.ok())
      return elapsed.status();
    times.push_back(*elapsed);
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

/// Prints what a call takes, as a whole and kernel by kernel.
Status DeviceRunner::report(const DeviceCall &call, StringRef name,
                            unsigned repeat,
                            std::optional<double> flops) const {
  CUstream on = stream.handle();
  auto total = time(
      repeat, [&] { return reset(call); }, [&] { return call.launch(on); });
  if (!total.ok())
    return total.status();
  const DeviceProperties &properties = device->properties();
  llvm::outs() << llvm::format("%s: %.4f ms", name.str().c_str(), *total);
  if (flops)
    llvm::outs() << llvm::format(", %.1f GFLOP/s", *flops / *total * 1e-6);
  llvm::outs() << ", " << properties.name << ", " << getTargetFor(properties)
               << '\n';
  for (size_t i = 0; i < call.numKernels(); ++i) {
    // The kernels before it were run: it reads what they wrote.
    auto part = time(
        repeat, [] { return Status(); },
        [&] { return call.launchKernel(i, on); });
    if (!part.ok())
      return part.status();
    const KernelAttributes &attributes = call.kernel(i).attributes();
    llvm::outs() << llvm::format(
        "  %-7s %.4f ms, %d registers, %d bytes of stack, %d bytes of shared "
        "memory\n",
        call.kernelInfo(i).role.c_str(), *part, attributes.registersPerThread,
        attributes.localBytes, int(call.kernelInfo(i).sharedBytes));
  }
  return Status();
}

Result<std::vector<NpyArray>>
DeviceRunner::runChecked(StringRef name, ArrayRef<NpyArray> inputs,
                         ArrayRef<unsigned> written, unsigned repeat,
                         std::optional<double> flops) {
  auto function = program.lookup(name);
  if (!function.ok())
    return function.status();
  std::vector<DeviceValue> arguments;
  buffers.clear();
  const HostSignature &signature = (*function)->getSignature();
  for (auto [input, type] : llvm::zip_equal(inputs, signature.arguments)) {
    auto value = upload(input, type);
    if (!value.ok())
      return value.status();
    arguments.push_back(*std::move(value));
  }
  inPlace.clear();
  for (unsigned index : written)
    inPlace.emplace_back(arguments[index], &inputs[index]);
  DeviceKernelCache &cache = DeviceKernelCache::get();
  int64_t compilations = cache.compilations;
  auto begin = std::chrono::steady_clock::now();
  auto call = (*function)->prepare(*device, cache, arguments);
  if (!call.ok())
    return call.status();
  double milliseconds = std::chrono::duration<double, std::milli>(
                            std::chrono::steady_clock::now() - begin)
                            .count();
  llvm::outs() << llvm::format("prepared in %.0f ms, %d compilations\n",
                               milliseconds,
                               int(cache.compilations - compilations));
  // Not timed: the driver loads code when it first runs.
  TRY(call->launch(stream.handle()));
  TRY(report(*call, name, repeat, flops));
  TRY(reset(*call));
  TRY(call->launch(stream.handle()));
  TRY(synchronize(*device, stream.handle()));
  std::vector<NpyArray> results;
  std::vector<DeviceValue> outputs(call->results());
  for (const auto &[value, array] : inPlace)
    outputs.push_back(value);
  for (const DeviceValue &output : outputs) {
    auto array = download(output);
    if (!array.ok())
      return array.status();
    results.push_back(*std::move(array));
  }
  return results;
}

llvm::Expected<std::vector<NpyArray>>
DeviceRunner::run(StringRef name, ArrayRef<NpyArray> inputs,
                  ArrayRef<unsigned> written, unsigned repeat,
                  std::optional<double> flops) {
  auto results = runChecked(name, inputs, written, repeat, flops);
  if (!results.ok())
    return createStringError(results.status().message());
  return *std::move(results);
}
