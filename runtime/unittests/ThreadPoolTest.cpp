//===- ThreadPoolTest.cpp - Tests of the thread pool ----------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert-runtime/ThreadPool.h"

#include "hilbert-runtime/HostABI.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <numeric>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace hilbert;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HILBERT_UNDER_SANITIZER 1
#else
#define HILBERT_UNDER_SANITIZER 0
#endif

namespace {

using Range = std::function<void(int64_t begin, int64_t end)>;

void parallelFor(int64_t count, Range body) {
  rt::parallelFor(
      [](void *context, int64_t begin, int64_t end) {
        (*static_cast<Range *>(context))(begin, end);
      },
      &body, count);
}

/// Whether a parallel_for visits each of [0, count) exactly once.
bool coversOnce(int64_t count) {
  std::vector<std::atomic<int>> visits(count);
  std::atomic<bool> rangesAreValid{true};
  parallelFor(count, [&](int64_t begin, int64_t end) {
    if (begin < 0 || begin >= end || end > count) {
      rangesAreValid = false;
      return;
    }
    for (int64_t i = begin; i < end; ++i)
      ++visits[i];
  });
  for (auto &visit : visits)
    if (visit != 1)
      return false;
  return rangesAreValid;
}

/// The exit status of a forked child that runs `body`; 128 and more: a signal.
int inChild(const std::function<int()> &body) {
  pid_t child = fork();
  if (child == 0) {
    alarm(60);
    _exit(body());
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child)
    return -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/// All of `threads` threads at once: none returns before the last has come.
void meet(int threads) {
  std::atomic<int> here{0};
  parallelFor(threads, [&](int64_t begin, int64_t end) {
    here += int(end - begin);
    while (here != threads)
      std::this_thread::yield();
  });
}

int countThreads() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("Threads:", 0) == 0)
      return std::atoi(line.c_str() + 8);
  return -1;
}

struct ThreadPool : testing::Test {
  void SetUp() override { rt::setNumThreads(4); }
  void TearDown() override {
    EXPECT_EQ(rt::takeFailure(), std::nullopt);
    // The next test may fork, and a thread that is ending meanwhile may hold
    // AddressSanitizer's locks, which would stay held in the child. (Sanitizers
    // may have a thread of their own.)
    rt::setNumThreads(1);
    for (int i = 0; i < 1000 && countThreads() > threadsBefore; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    threadsBefore = std::max(threadsBefore, countThreads());
  }

  static int threadsBefore;
};

int ThreadPool::threadsBefore = countThreads();

TEST_F(ThreadPool, EveryIndexOnce) {
  for (int threads : {1, 2, 3, 4, 7, 16}) {
    rt::setNumThreads(threads);
    for (int64_t count : {1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 100, 127, 1000,
                          4096, 10007, 100000})
      EXPECT_TRUE(coversOnce(count)) << count << " on " << threads;
  }
}

TEST_F(ThreadPool, ManySmallCalls) {
  std::atomic<int64_t> sum{0};
  for (int i = 0; i < 3000; ++i)
    parallelFor(i % 9, [&](int64_t begin, int64_t end) { sum += end - begin; });
  int64_t expected = 0;
  for (int i = 0; i < 3000; ++i)
    expected += i % 9;
  EXPECT_EQ(sum, expected);
}

TEST_F(ThreadPool, HugeCountDoesNotOverflow) {
  std::atomic<int64_t> last{0};
  std::atomic<int64_t> sum{0};
  parallelFor(INT64_MAX, [&](int64_t begin, int64_t end) {
    sum += end - begin;
    if (end == INT64_MAX)
      ++last;
  });
  EXPECT_EQ(last, 1);
  EXPECT_EQ(sum, INT64_MAX);
}

TEST_F(ThreadPool, NoOpCounts) {
  for (int64_t count : {int64_t(0), int64_t(-1), int64_t(-1000), INT64_MIN})
    parallelFor(count, [&](int64_t, int64_t) { ADD_FAILURE() << count; });
  rt::parallelFor(nullptr, nullptr, 0);
}

TEST_F(ThreadPool, AllThreadsTakePart) {
  for (int threads : {2, 4, 9}) {
    rt::setNumThreads(threads);
    meet(threads);
  }
}

TEST_F(ThreadPool, WritesAreVisibleToTheCaller) {
  std::vector<int64_t> values(10000);
  for (int round = 0; round < 20; ++round) {
    parallelFor(int64_t(values.size()), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        values[i] += i;
    });
    EXPECT_EQ(std::accumulate(values.begin(), values.end(), int64_t(0)),
              int64_t(round + 1) * 9999 * 10000 / 2);
  }
}

TEST_F(ThreadPool, NestedCallsRunInline) {
  std::atomic<int64_t> total{0};
  parallelFor(64, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      std::thread::id outer = std::this_thread::get_id();
      int calls = 0;
      parallelFor(100, [&](int64_t innerBegin, int64_t innerEnd) {
        ++calls;
        EXPECT_EQ(std::this_thread::get_id(), outer);
        EXPECT_EQ(innerBegin, 0);
        EXPECT_EQ(innerEnd, 100);
        // And once more, from inside.
        parallelFor(10, [&](int64_t b, int64_t e) { total += e - b; });
      });
      EXPECT_EQ(calls, 1);
    }
  });
  EXPECT_EQ(total, 640);
  // The thread is outside again.
  meet(4);
}

TEST_F(ThreadPool, ConcurrentCallers) {
  std::atomic<int> bad{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 8; ++caller)
    callers.emplace_back([&, caller] {
      for (int round = 0; round < 60; ++round)
        if (!coversOnce(1 + (caller * 131 + round * 17) % 3000))
          ++bad;
      if (rt::takeFailure())
        ++bad;
    });
  // Resizing meanwhile changes nothing but speed.
  for (int threads : {1, 8, 2, 5, 3, 4}) {
    rt::setNumThreads(threads);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  for (std::thread &caller : callers)
    caller.join();
  EXPECT_EQ(bad, 0);
}

TEST_F(ThreadPool, FailureOfAnyThreadReachesTheCaller) {
  for (int64_t failing : {0, 1, 2, 3}) {
    std::atomic<int> here{0};
    // Four ranges on four threads, one of which fails.
    parallelFor(4, [&](int64_t begin, int64_t end) {
      ASSERT_EQ(end, begin + 1);
      ++here;
      while (here != 4)
        std::this_thread::yield();
      if (begin == failing)
        hilbert_rt_fail(("item " + std::to_string(begin)).c_str());
    });
    EXPECT_EQ(rt::takeFailure(), "item " + std::to_string(failing));
    // Workers have nothing left over.
    meet(4);
    EXPECT_EQ(rt::takeFailure(), std::nullopt);
  }
}

TEST_F(ThreadPool, FailuresDoNotStopTheOthers) {
  std::atomic<int64_t> done{0};
  parallelFor(1000, [&](int64_t begin, int64_t end) {
    hilbert_rt_fail("no");
    done += end - begin;
  });
  EXPECT_EQ(done, 1000);
  EXPECT_EQ(rt::takeFailure(), "no");
}

TEST_F(ThreadPool, EarlierFailureOfTheCallerWins) {
  hilbert_rt_fail("before");
  parallelFor(100, [](int64_t, int64_t) { hilbert_rt_fail("inside"); });
  EXPECT_EQ(rt::takeFailure(), "before");
}

TEST_F(ThreadPool, FailuresOfConcurrentCallersDoNotMix) {
  std::atomic<int> bad{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 8; ++caller)
    callers.emplace_back([&, caller] {
      std::string own = "caller " + std::to_string(caller);
      for (int round = 0; round < 50; ++round) {
        bool fails = (round + caller) % 2;
        parallelFor(50, [&](int64_t, int64_t) {
          if (fails)
            hilbert_rt_fail(own.c_str());
        });
        if (rt::takeFailure() !=
            (fails ? std::optional<std::string>(own) : std::nullopt))
          ++bad;
      }
    });
  for (std::thread &caller : callers)
    caller.join();
  EXPECT_EQ(bad, 0);
}

TEST_F(ThreadPool, ForkedChildStartsItsOwnWorkers) {
  meet(4);
  EXPECT_EQ(inChild([] {
              meet(4);
              if (!coversOnce(1000))
                return 1;
              // And the child's child.
              return inChild([] {
                meet(4);
                return coversOnce(1000) ? 0 : 2;
              });
            }),
            0);
  meet(4);
}

TEST_F(ThreadPool, ForkWhileAnotherThreadIsBusy) {
  meet(4);
  std::atomic<bool> stop{false};
  std::atomic<int> running{0};
  std::vector<std::thread> busy;
  for (int i = 0; i < 2; ++i)
    busy.emplace_back([&] {
      ++running;
      while (!stop)
        parallelFor(64, [](int64_t, int64_t) {});
    });
  while (running != 2)
    std::this_thread::yield();
  int forks = HILBERT_UNDER_SANITIZER ? 10 : 50;
  for (int i = 0; i < forks; ++i)
    EXPECT_EQ(inChild([] {
                meet(4);
                rt::setNumThreads(3);
                return coversOnce(500) ? 0 : 1;
              }),
              0);
  stop = true;
  for (std::thread &thread : busy)
    thread.join();
  EXPECT_TRUE(coversOnce(500));
}

// exit, unlike _exit, runs destructors and handlers.
TEST_F(ThreadPool, ExitWithSleepingWorkers) {
  EXPECT_EQ(inChild([]() -> int {
              meet(4);
              std::exit(7);
            }),
            7);
}

TEST_F(ThreadPool, ExitWithBusyWorkers) {
  EXPECT_EQ(inChild([]() -> int {
              static std::atomic<int> busy{0};
              std::thread([] {
                parallelFor(4, [](int64_t, int64_t) {
                  ++busy;
                  std::this_thread::sleep_for(std::chrono::seconds(120));
                });
              }).detach();
              while (busy != 4)
                std::this_thread::yield();
              std::exit(8);
            }),
            8);
}

TEST_F(ThreadPool, Resize) {
  // Threads of the parent are gone in a child, so the count is exact.
  EXPECT_EQ(inChild([] {
              int before = countThreads();
              rt::setNumThreads(9);
              if (countThreads() != before)
                return 1; // Lazy.
              meet(9);
              if (countThreads() != before + 8)
                return 2;
              rt::setNumThreads(3);
              for (int i = 0; i < 5000 && countThreads() > before + 2; ++i)
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
              if (countThreads() != before + 2)
                return 3;
              meet(3);
              rt::setNumThreads(6);
              meet(6);
              if (countThreads() != before + 5)
                return 4;
              rt::setNumThreads(1);
              std::thread::id self = std::this_thread::get_id();
              bool inlined = true;
              parallelFor(100, [&](int64_t begin, int64_t end) {
                inlined &= begin == 0 && end == 100 &&
                           std::this_thread::get_id() == self;
              });
              return inlined ? 0 : 5;
            }),
            0);
}

TEST_F(ThreadPool, NumThreads) {
  rt::setNumThreads(3);
  EXPECT_EQ(rt::numThreads(), 3);
  rt::setNumThreads(rt::kMaxThreads + 1);
  EXPECT_EQ(rt::numThreads(), rt::kMaxThreads);
}

TEST_F(ThreadPool, SmallWorkStartsFewWorkers) {
  EXPECT_EQ(inChild([] {
              int before = countThreads();
              rt::setNumThreads(rt::kMaxThreads);
              meet(2);
              return countThreads() - before;
            }),
            1);
}

TEST_F(ThreadPool, WorkersHaveLargeStacks) {
  std::thread::id caller = std::this_thread::get_id();
  std::atomic<int> here{0};
  std::atomic<int> workers{0};
  parallelFor(2, [&](int64_t begin, int64_t end) {
    here += int(end - begin);
    while (here != 2)
      std::this_thread::yield();
    if (std::this_thread::get_id() == caller)
      return;
    ++workers;
    pthread_attr_t attributes;
    ASSERT_EQ(pthread_getattr_np(pthread_self(), &attributes), 0);
    size_t bytes = 0;
    void *address = nullptr;
    EXPECT_EQ(pthread_attr_getstack(&attributes, &address, &bytes), 0);
    pthread_attr_destroy(&attributes);
    // From the lowest address up to here.
    char local;
    EXPECT_GE(size_t(&local - static_cast<char *>(address)),
              rt::kWorkerStackBytes);
  });
  EXPECT_EQ(workers, 1);
}

TEST_F(ThreadPool, WorkersBlockAsynchronousSignals) {
  std::thread::id caller = std::this_thread::get_id();
  std::atomic<int> here{0};
  parallelFor(4, [&](int64_t begin, int64_t end) {
    here += int(end - begin);
    while (here != 4)
      std::this_thread::yield();
    sigset_t mask;
    ASSERT_EQ(pthread_sigmask(SIG_BLOCK, nullptr, &mask), 0);
    bool isWorker = std::this_thread::get_id() != caller;
    for (int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGALRM, SIGCHLD})
      EXPECT_EQ(sigismember(&mask, number), isWorker) << number;
    for (int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
      EXPECT_EQ(sigismember(&mask, number), 0) << number;
  });
}

TEST_F(ThreadPool, WorksWithoutMemoryForWorkers) {
  if (HILBERT_UNDER_SANITIZER)
    GTEST_SKIP() << "sanitizers need the address space";
  EXPECT_EQ(inChild([] {
              rlimit limit = {size_t(64) << 20, size_t(64) << 20};
              if (setrlimit(RLIMIT_AS, &limit) != 0)
                return 1;
              rt::setNumThreads(64);
              return coversOnce(10000) ? 0 : 2;
            }),
            0);
}

//===----------------------------------------------------------------------===//
// HILBERT_NUM_THREADS
//===----------------------------------------------------------------------===//

/// What numThreads() is in a child with this value, and what the child writes
/// to stderr. (An exit status is too small for the number.)
int threadsFor(const char *value, std::string *errors = nullptr) {
  int *threads =
      static_cast<int *>(mmap(nullptr, sizeof(int), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (threads == MAP_FAILED)
    return -1;
  testing::internal::CaptureStderr();
  int status = inChild([&] {
    if (value)
      setenv("HILBERT_NUM_THREADS", value, 1);
    else
      unsetenv("HILBERT_NUM_THREADS");
    rt::setNumThreads(0);
    *threads = rt::numThreads();
    // Read again: a warning is given once.
    rt::setNumThreads(0);
    return *threads == rt::numThreads() ? 0 : 1;
  });
  std::string text = testing::internal::GetCapturedStderr();
  if (errors)
    *errors = text;
  else
    EXPECT_EQ(text, "");
  int result = status == 0 ? *threads : -1;
  munmap(threads, sizeof(int));
  return result;
}

TEST_F(ThreadPool, EnvironmentSetsTheNumber) {
  EXPECT_EQ(threadsFor("1"), 1);
  EXPECT_EQ(threadsFor("3"), 3);
  EXPECT_EQ(threadsFor("100"), 100);
  EXPECT_EQ(threadsFor("007"), 7);
}

TEST_F(ThreadPool, EnvironmentUnsetOrEmptyIsTheAffinityMask) {
  cpu_set_t set;
  ASSERT_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
  EXPECT_EQ(threadsFor(nullptr), CPU_COUNT(&set));
  EXPECT_EQ(threadsFor(""), CPU_COUNT(&set));
  // One CPU of the mask only.
  EXPECT_EQ(inChild([&] {
              cpu_set_t one;
              CPU_ZERO(&one);
              for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
                if (CPU_ISSET(cpu, &set)) {
                  CPU_SET(cpu, &one);
                  break;
                }
              sched_setaffinity(0, sizeof(one), &one);
              unsetenv("HILBERT_NUM_THREADS");
              rt::setNumThreads(0);
              return rt::numThreads();
            }),
            1);
}

TEST_F(ThreadPool, InvalidEnvironmentWarnsOnce) {
  int cpus = threadsFor(nullptr);
  for (std::string value : {"0", "-1", "abc", "4x", " 4", "4 ", "+4", "2.5",
                            "1025", "99999999999999999999"}) {
    std::string errors;
    EXPECT_EQ(threadsFor(value.c_str(), &errors), cpus) << value;
    EXPECT_EQ(errors, "hilbert: warning: HILBERT_NUM_THREADS must be an "
                      "integer from 1 to 1024, got '" +
                          value + "'; using " + std::to_string(cpus) + "\n");
  }
}

} // namespace
