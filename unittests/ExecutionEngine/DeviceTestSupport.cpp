//===- DeviceTestSupport.cpp - Problems for a fake driver -----------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DeviceTestSupport.h"

#include "llvm/Support/FileSystem.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

using namespace hilbert;
using namespace hilbert::test;

const Device &test::device(int ordinal) { return *get(Device::get(ordinal)); }

std::string test::text(const Status &status) {
  if (status.ok())
    return "Ok";
  return std::string(name(status.code())) + ": " + status.message();
}

//===----------------------------------------------------------------------===//
// Problems
//===----------------------------------------------------------------------===//

void Memory::add(DeviceOperand operand, DeviceTensor tensor) {
  Buffer buffer =
      get(Buffer::allocate(device(ordinal), size_t(tensor.bytes())));
  addresses[operand] = buffer.address();
  buffers.push_back(std::move(buffer));
  problem[operand] = std::move(tensor);
}

Memory::Memory(const Sizes &s, bool isGradient, bool hasDlse, int ordinal)
    : ordinal(ordinal) {
  problem.isGradient = isGradient;
  problem.layout = s.layout;
  auto matrix = [&](int64_t tokens, int64_t heads) {
    llvm::SmallVector<int64_t> shape{s.batch, tokens, heads, s.depth};
    if (s.layout == Layout::BHND)
      std::swap(shape[1], shape[2]);
    return DeviceTensor::contiguous(s.type, shape);
  };
  DeviceTensor queries = matrix(s.queries, s.heads);
  DeviceTensor keys = matrix(s.keys, s.keyHeads);
  DeviceTensor stats =
      DeviceTensor::contiguous(NpyType::F32, {s.batch, s.heads, s.queries});
  add(kQ, queries);
  add(kK, keys);
  add(kV, keys);
  add(kOut, queries);
  add(kLse, stats);
  if (!isGradient)
    return;
  add(kDout, queries);
  if (hasDlse)
    add(kDlse, stats);
  add(kDq, queries);
  add(kDk, keys);
  add(kDv, keys);
}

void Memory::addTable(int number, llvm::ArrayRef<int64_t> shape) {
  add(static_cast<DeviceOperand>(kTable0 + number),
      DeviceTensor::contiguous(NpyType::I32, shape));
}

std::vector<Recorded> test::record(const DeviceAttention &attention,
                                   const DeviceAddresses &addresses) {
  std::vector<Recorded> recorded;
  fake::setLaunchCallback([&](const fake::Launch &launch) {
    const KernelInfo &info = attention.kernelInfo(recorded.size());
    EXPECT_EQ(launch.kernel, info.name);
    Arguments arguments;
    for (auto [i, argument] : llvm::enumerate(info.arguments)) {
      bool isWide = argument.type == KernelArgument::Type::Pointer ||
                    argument.type == KernelArgument::Type::I64;
      uint64_t value = 0;
      std::memcpy(&value, launch.parameters[i], isWide ? 8 : 4);
      arguments[argument.name] = value;
    }
    recorded.push_back({launch, std::move(arguments)});
  });
  EXPECT_OK(attention.launch(addresses, nullptr));
  fake::setLaunchCallback(nullptr);
  fake::takeLaunches();
  return recorded;
}

void DeviceTest::SetUp() {
  // So that their contexts do not count as left behind.
  for (int ordinal : {kHopper, kAmpere, kPoolless})
    device(ordinal);
  fake::resetCalls();
  before = fake::live();
  cache = std::make_unique<DeviceKernelCache>();
}

void DeviceTest::TearDown() {
  cache.reset();
  EXPECT_EQ(fake::live(), before);
  EXPECT_EQ(fake::contextDepth(), 0);
  EXPECT_FALSE(fake::isRelaxed());
  fake::takeLaunches();
}

//===----------------------------------------------------------------------===//
// Other processes
//===----------------------------------------------------------------------===//

static std::map<std::string, Scenario> &scenarios() {
  static std::map<std::string, Scenario> theScenarios;
  return theScenarios;
}

RegisterScenario::RegisterScenario(const char *name, Scenario body) {
  scenarios()[name] = body;
}

std::vector<std::string> test::runProcesses(const char *scenario, int count) {
  char self[4096] = {};
  if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
    return {"no program"};
  std::string command = std::string(self) + " --scenario=" + scenario;
  std::vector<FILE *> processes;
  for (int i = 0; i < count; ++i)
    processes.push_back(popen(command.c_str(), "r"));
  std::vector<std::string> outputs;
  for (FILE *process : processes) {
    std::string output;
    char buffer[4096];
    for (size_t bytes; (bytes = fread(buffer, 1, sizeof(buffer), process)) > 0;)
      output.append(buffer, bytes);
    if (int status = pclose(process))
      output += " (status " + std::to_string(status) + ")";
    outputs.push_back(std::move(output));
  }
  return outputs;
}

static std::string &cacheFolder() {
  static auto *folder = new std::string;
  return *folder;
}

const std::string &test::getCacheFolder() { return cacheFolder(); }

static void setDevices() {
  std::vector<fake::FakeDevice> devices(4);
  devices[kHopper].name = "Fake Hopper";
  devices[kAmpere].name = "Fake Ampere";
  devices[kAmpere].computeCapability = 80;
  devices[kAmpere].maxSharedBytes = 163 << 10;
  devices[kTuring].name = "Fake Turing";
  devices[kTuring].computeCapability = 75;
  devices[kPoolless].name = "Fake Poolless";
  devices[kPoolless].computeCapability = 86;
  devices[kPoolless].maxSharedBytes = 99 << 10;
  devices[kPoolless].hasMemoryPools = false;
  fake::setDevices(std::move(devices));
}

int main(int argc, char **argv) {
  setenv("HILBERT_CUDA_DRIVER", FAKE_DRIVER, 1);
  setDevices();
  const char flag[] = "--scenario=";
  if (argc == 2 && std::strncmp(argv[1], flag, sizeof(flag) - 1) == 0) {
    alarm(300);
    std::string output = scenarios().at(argv[1] + sizeof(flag) - 1)();
    std::fputs(output.c_str(), stdout);
    return 0;
  }
  // Kernels are compiled, whatever other tests left in the user's folder.
  llvm::SmallString<128> folder;
  if (llvm::sys::fs::createUniqueDirectory("hilbert-device-tests", folder))
    return 1;
  cacheFolder() = folder.str().str();
  setenv("HILBERT_CACHE_DIR", folder.c_str(), 1);
  testing::InitGoogleTest(&argc, argv);
  int status = RUN_ALL_TESTS();
  llvm::sys::fs::remove_directories(folder);
  return status;
}
