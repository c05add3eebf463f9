//===- TestSupport.cpp - What the CUDA tests share ------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestSupport.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace hilbert;
using namespace hilbert::test;

const char *const test::kPtx = "// for the fake assembler\n"
                               ".entry add(\n"
                               ".entry big(\n";

std::string test::text(const Status &status) {
  if (status.ok())
    return "Ok";
  return std::string(name(status.code())) + ": " + status.message();
}

void test::setDefaultDevices() {
  std::vector<fake::FakeDevice> devices(kNumDevices);
  devices[kHopper].name = "Fake Hopper";
  devices[kAmpere].name = "Fake Ampere";
  devices[kAmpere].computeCapability = 80;
  devices[kAmpere].maxSharedBytes = 163 << 10;
  devices[kTuring].name = "Fake Turing";
  devices[kTuring].computeCapability = 75;
  devices[kPoolless].name = "Fake Poolless";
  devices[kPoolless].computeCapability = 86;
  devices[kPoolless].maxSharedBytes = 99 << 10;
  devices[kPoolless].memoryBytes = 1 << 20;
  devices[kPoolless].hasMemoryPools = false;
  fake::setDevices(std::move(devices));
}

const Device &test::device(int ordinal) {
  Result<const Device *> result = Device::get(ordinal);
  if (!result.ok()) {
    std::fprintf(stderr, "no device %d: %s\n", ordinal, text(result).c_str());
    std::abort();
  }
  return **result;
}

void CudaTest::SetUp() {
  // So that their contexts do not count as left behind.
  for (int ordinal : {kHopper, kAmpere, kPoolless})
    device(ordinal);
  fake::resetCalls();
  before = fake::live();
}

void CudaTest::TearDown() {
  EXPECT_EQ(fake::live(), before);
  EXPECT_EQ(fake::contextDepth(), 0);
  EXPECT_FALSE(fake::isRelaxed());
  fake::takeLaunches();
}

//===----------------------------------------------------------------------===//
// One of everything
//===----------------------------------------------------------------------===//

#define TRY(status)                                                            \
  if (Status tried = (status); !tried.ok())                                    \
  return tried
#define TRY_GET(variable, result)                                              \
  auto variable##Result = (result);                                            \
  if (!variable##Result.ok())                                                  \
    return variable##Result.status();                                          \
  auto &variable = *variable##Result

Status test::exercise(TableCache &tables) {
  char bytes[64] = {};
  TRY(Device::count().status());
  TRY(Device::query(kHopper).status());
  TRY_GET(devicePointer, Device::get(kHopper));
  const Device &device = *devicePointer;

  TRY_GET(stream, Stream::create(device));
  TRY_GET(begin, Event::create(device));
  TRY_GET(end, Event::create(device));
  TRY_GET(module, Module::load(device, kPtx, "kernels"));
  TRY_GET(kernel, module.kernel("big", 100 << 10));
  TRY(isCapturing(device, stream.handle()).status());
  TRY(begin.record(stream.handle()));
  TRY(kernel.launch({{}, {}, 100 << 10, stream.handle()}, nullptr));
  TRY(end.record(stream.handle()));
  TRY(end.makeWait(stream.handle()));
  TRY(end.synchronize());
  TRY(end.millisecondsSince(begin).status());
  TRY(module.unload());
  TRY(begin.destroy());
  TRY(end.destroy());

  TRY_GET(buffer, Buffer::allocate(device, sizeof(bytes)));
  TRY(copyToDevice(device, buffer.address(), bytes, sizeof(bytes)));
  TRY(fillAsync(device, buffer.address(), 1, 8, nullptr));
  TRY(copyToHost(device, bytes, buffer.address(), sizeof(bytes)));
  TRY(checkPointer(device, buffer.address(), "q"));
  TRY(buffer.free());
  TRY_GET(workspace, Workspace::allocate(device, 64, stream.handle()));
  TRY(workspace.free());
  TRY(tables.get(device, "table", bytes, sizeof(bytes)).status());
  TRY(stream.destroy());
  return Status();
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

/// What comes out of `readEnd` until the process ends.
static std::string await(pid_t child, int readEnd) {
  std::string output;
  char buffer[4096];
  for (ssize_t bytes; (bytes = read(readEnd, buffer, sizeof(buffer))) > 0;)
    output.append(buffer, size_t(bytes));
  close(readEnd);
  int status = 0;
  if (waitpid(child, &status, 0) != child)
    return output + "no such process";
  if (WIFSIGNALED(status))
    output += "signal " + std::to_string(WTERMSIG(status));
  else if (WEXITSTATUS(status) != 0)
    output += "exit status " + std::to_string(WEXITSTATUS(status));
  return output;
}

/// The output of `arguments[0]` with this value of HILBERT_CUDA_DRIVER.
static std::string spawn(std::vector<std::string> arguments,
                         const char *driver) {
  int ends[2];
  if (pipe(ends) != 0)
    return "no pipe";
  const std::string variable = "HILBERT_CUDA_DRIVER=";
  std::string setting = variable + (driver ? driver : "");
  std::vector<char *> environment;
  if (driver)
    environment.push_back(setting.data());
  for (char **entry = environ; *entry; ++entry)
    if (std::strncmp(*entry, variable.c_str(), variable.size()) != 0)
      environment.push_back(*entry);
  environment.push_back(nullptr);
  std::vector<char *> pointers;
  for (std::string &argument : arguments)
    pointers.push_back(argument.data());
  pointers.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  posix_spawn_file_actions_addclose(&actions, ends[1]);
  pid_t child = 0;
  int error = posix_spawn(&child, pointers[0], &actions, nullptr,
                          pointers.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error != 0) {
    close(ends[0]);
    return std::strerror(error);
  }
  return await(child, ends[0]);
}

std::string test::run(const char *scenario, const std::string &argument,
                      const char *driver) {
  return spawn(
      {"/proc/self/exe", std::string("--scenario=") + scenario, argument},
      driver);
}

std::string test::runProgram(const char *program, const char *driver) {
  return spawn({program}, driver);
}

std::string test::inChild(const std::function<std::string()> &body) {
  int ends[2];
  if (pipe(ends) != 0)
    return "no pipe";
  pid_t child = fork();
  if (child == 0) {
    alarm(60);
    close(ends[0]);
    std::string output = body();
    bool isWritten =
        write(ends[1], output.data(), output.size()) == ssize_t(output.size());
    _exit(isWritten ? 0 : 1);
  }
  close(ends[1]);
  return await(child, ends[0]);
}

int main(int argc, char **argv) {
  const char flag[] = "--scenario=";
  if (argc == 3 && std::strncmp(argv[1], flag, sizeof(flag) - 1) == 0) {
    alarm(120);
    setDefaultDevices();
    std::string output = scenarios().at(argv[1] + sizeof(flag) - 1)(argv[2]);
    std::fputs(output.c_str(), stdout);
    return 0;
  }
  setenv("HILBERT_CUDA_DRIVER", FAKE_DRIVER, 1);
  setDefaultDevices();
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
