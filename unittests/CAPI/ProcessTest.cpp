//===- ProcessTest.cpp - Threads, forks and the cache folder --------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Problem.h"
#include "hilbert-c/Program.h"

#include <atomic>
#include <cstdlib>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace capi;

namespace {
/// Kernels are compiled, whatever other tests left in the user's folder.
struct NoCache : testing::Environment {
  void SetUp() override { setenv("HILBERT_CACHE_DIR", "", 1); }
};
} // namespace
static testing::Environment *const noCache =
    testing::AddGlobalTestEnvironment(new NoCache);

/// f(0), …, f(7) at once.
static void inThreads(const std::function<void(int)> &f) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back(f, i);
  for (std::thread &thread : threads)
    thread.join();
}

/// A segment that no other test has.
static std::string newPattern() {
  static std::atomic<int> next{1000};
  return "(segment = " + std::to_string(next++) + ")";
}

static bool attend(const std::string &pattern) {
  Problem p;
  p.call.pattern = pattern.c_str();
  if (hilbertAttention(&p.call) != HILBERT_OK)
    return false;
  p.check();
  return !testing::Test::HasFailure();
}

TEST(Process, ThreadsShareAKernel) {
  HilbertStatistics before, after;
  hilbertGetStatistics(&before);
  std::string pattern = newPattern();
  inThreads([&](int) {
    for (int i = 0; i < 20; ++i)
      EXPECT_TRUE(attend(pattern));
  });
  hilbertGetStatistics(&after);
  EXPECT_EQ(after.compilations, before.compilations + 1);
}

TEST(Process, ThreadsCompile) {
  HilbertStatistics before, after;
  hilbertGetStatistics(&before);
  inThreads([](int) { EXPECT_TRUE(attend(newPattern())); });
  hilbertGetStatistics(&after);
  EXPECT_EQ(after.compilations, before.compilations + 8);
}

TEST(Process, MessagesAreOfTheirThread) {
  inThreads([](int i) {
    EXPECT_STREQ(hilbertGetErrorMessage(), "");
    for (int round = 0; round < 200; ++round) {
      HilbertOrderSpec spec = {HILBERT_CURVE_RASTER, 10 + i, {}, {}, 0};
      expectError(hilbertOrderResolve(&spec, &spec), HILBERT_INVALID_ARGUMENT,
                  "but is " + std::to_string(10 + i));
    }
  });
}

/// Makes one of a few tables, or finds it: tables are kept, so that new ones
/// without end would take all memory.
static bool makeTable() {
  static std::atomic<int64_t> calls{0};
  HilbertOrderSpec spec = {
      HILBERT_CURVE_HILBERT, 2, {500, 1000 + calls++ % 64}, {}, 0};
  const int32_t *table;
  int64_t length;
  return hilbertOrderGetTable(&spec, &table, &length) == HILBERT_OK;
}

/// Forks while `busy` runs in other threads. The child must be able to work.
static void forkWhile(const std::function<void()> &busy) {
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&] {
      while (!done)
        busy();
    });
  // A child inherits failures.
  for (int round = 0; round < 10 && !testing::Test::HasFailure(); ++round) {
    usleep(30000);
    pid_t child = fork();
    if (child == 0) {
      alarm(30); // A deadlock ends here.
      _exit(makeTable() && attend(newPattern()) ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0)
        << "status " << status;
  }
  done = true;
  for (std::thread &thread : threads)
    thread.join();
}

TEST(Process, ForkWhileKernelsCompile) {
  forkWhile([] { EXPECT_TRUE(attend(newPattern())); });
}

TEST(Process, ForkWhileTablesAreMade) {
  forkWhile([] { EXPECT_TRUE(makeTable()); });
}

TEST(Process, ForkWhileProgramsCompile) {
  forkWhile([] {
    std::string text = "func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {"
                       " return %x : tensor<4xf32> }";
    HilbertArtifact *artifact = nullptr;
    HilbertProgram *program = nullptr;
    EXPECT_EQ(hilbertCompile(text.data(), text.size(), 0, &artifact),
              HILBERT_OK);
    EXPECT_EQ(hilbertProgramLoad(artifact, &program), HILBERT_OK);
    hilbertProgramDestroy(program);
    hilbertArtifactDestroy(artifact);
  });
}
