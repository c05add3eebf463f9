//===- ThreadPool.cpp - The threads of host kernels -----------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A parallel_for is a Job on its caller's stack. The caller links it into the
// pool's list, works on it, unlinks it and waits for the workers that joined
// it. Workers join the linked job that has the fewest helpers, so concurrent
// callers share them.
//
// Fork: the child's only thread is the one that forked, and the pool's mutex
// may be held by a thread that no longer exists. So the child drops the whole
// pool without touching it (it leaks) and makes a new one when it needs it.
//
//===----------------------------------------------------------------------===//

#include "hilbert-runtime/ThreadPool.h"

#include "hilbert-runtime/HostABI.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <pthread.h>
#include <thread>

#ifdef __linux__
#include <sched.h>
#endif

using namespace hilbert;

/// glibc takes thread-local storage and the guard page out of the stack that is
/// asked for.
static constexpr size_t kStackSlack = size_t(1) << 20;
/// How often an idle thread looks for news before it sleeps: some 10 to 50
/// microseconds, about the price of a sleep and a wake-up.
static constexpr int kSpins = 1000;

using Body = void (*)(void *, int64_t, int64_t);

//===----------------------------------------------------------------------===//
// The number of threads
//===----------------------------------------------------------------------===//

/// The number of CPUs in the affinity mask.
static int numCPUs() {
#ifdef __linux__
  // The kernel rejects a mask smaller than its own, whose size it does not
  // tell.
  for (int limit = 1024; limit <= (1 << 20); limit *= 4) {
    cpu_set_t *set = CPU_ALLOC(limit);
    if (!set)
      break;
    size_t bytes = CPU_ALLOC_SIZE(limit);
    CPU_ZERO_S(bytes, set);
    int count =
        sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (count > 0)
      return count;
  }
#endif
  return std::max(1u, std::thread::hardware_concurrency());
}

static int defaultNumThreads() {
  int cpus = std::min(numCPUs(), rt::kMaxThreads);
  const char *text = std::getenv("HILBERT_NUM_THREADS");
  if (!text || !*text)
    return cpus;
  int value = 0;
  const char *end = text + std::strlen(text);
  std::from_chars_result parsed = std::from_chars(text, end, value);
  if (parsed.ec == std::errc() && parsed.ptr == end && value >= 1 &&
      value <= rt::kMaxThreads)
    return value;
  static std::atomic<bool> warned{false};
  if (!warned.exchange(true))
    std::fprintf(stderr,
                 "hilbert: warning: HILBERT_NUM_THREADS must be an integer "
                 "from 1 to %d, got '%s'; using %d\n",
                 rt::kMaxThreads, text, cpus);
  return cpus;
}

/// 0 until it is first asked for.
static std::atomic<int> configuredThreads{0};

//===----------------------------------------------------------------------===//
// Jobs
//===----------------------------------------------------------------------===//

/// Whether this thread is running a body.
static thread_local bool insideBody = false;

static void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Polls for a short while.
template <typename Predicate> static void spinUntil(Predicate predicate) {
  for (int i = 0; i < kSpins && !predicate(); ++i)
    relax();
}

namespace {

struct Job {
  Job(Body body, void *context, int64_t count, int threads)
      : body(body), context(context), count(count), threads(threads) {}

  bool hasWork() const { return next.load(std::memory_order_relaxed) < count; }

  /// Takes ranges until none is left. They shrink with what remains: few visits
  /// to the counter first, an even end afterwards.
  void work() {
    int64_t begin = next.load(std::memory_order_relaxed);
    while (begin < count) {
      int64_t size =
          std::max<int64_t>(1, (count - begin) / (4 * int64_t(threads)));
      if (!next.compare_exchange_weak(begin, begin + size,
                                      std::memory_order_relaxed))
        continue;
      body(context, begin, begin + size);
      begin = next.load(std::memory_order_relaxed);
    }
  }

  const Body body;
  void *const context;
  const int64_t count;
  const int threads;
  std::atomic<int64_t> next{0};

  // Guarded by Pool::mutex (the caller polls `helpers` without it).
  std::atomic<int> helpers{0};
  std::optional<std::string> failure;
  Job *previous = nullptr;
  Job *following = nullptr;
};

//===----------------------------------------------------------------------===//
// The pool
//===----------------------------------------------------------------------===//

/// Never destroyed: workers may use it until the process ends.
class Pool {
public:
  void run(Job &job);
  /// Makes idle workers look at numThreads() again.
  void resize();

private:
  static void *workerMain(void *pool);
  void workerLoop();
  bool startWorker();
  Job *pick();
  bool hasTooManyWorkers() const { return workers > rt::numThreads() - 1; }

  std::mutex mutex;
  std::condition_variable news;
  std::condition_variable helperLeft;
  /// Changes with every event that idle workers must see.
  std::atomic<uint64_t> generation{0};
  Job *jobs = nullptr;
  int workers = 0;
  int sleepers = 0;
};

} // namespace

void *Pool::workerMain(void *pool) {
  // Born with every signal blocked; faults are the thread's own and must reach
  // the application's crash handler.
  sigset_t faults;
  sigemptyset(&faults);
  for (int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS})
    sigaddset(&faults, number);
  pthread_sigmask(SIG_UNBLOCK, &faults, nullptr);
#ifdef __linux__
  pthread_setname_np(pthread_self(), "hilbert-worker");
#endif
  insideBody = true;
  static_cast<Pool *>(pool)->workerLoop();
  return nullptr;
}

/// Needs the mutex. A thread that cannot be had is no error: the others do its
/// share.
bool Pool::startWorker() {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0)
    return false;
  size_t stackBytes = 0;
  pthread_attr_getstacksize(&attributes, &stackBytes);
  stackBytes = std::max(stackBytes, rt::kWorkerStackBytes + kStackSlack);
  sigset_t all, previous;
  sigfillset(&all);
  pthread_t thread;
  bool started = false;
  if (pthread_attr_setstacksize(&attributes, stackBytes) == 0 &&
      pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0 &&
      pthread_sigmask(SIG_SETMASK, &all, &previous) == 0) {
    started = pthread_create(&thread, &attributes, &workerMain, this) == 0;
    pthread_sigmask(SIG_SETMASK, &previous, nullptr);
  }
  pthread_attr_destroy(&attributes);
  return started;
}

/// Needs the mutex.
Job *Pool::pick() {
  Job *best = nullptr;
  for (Job *job = jobs; job; job = job->following)
    if (job->hasWork() && (!best || job->helpers.load() < best->helpers.load()))
      best = job;
  return best;
}

void Pool::workerLoop() {
  std::unique_lock<std::mutex> lock(mutex);
  while (!hasTooManyWorkers()) {
    if (Job *job = pick()) {
      ++job->helpers;
      lock.unlock();
      job->work();
      std::optional<std::string> failure = rt::takeFailure();
      lock.lock();
      if (failure && !job->failure)
        job->failure = std::move(failure);
      // The last use of the job: its caller may return once it has the mutex.
      if (--job->helpers == 0)
        helperLeft.notify_all();
      continue;
    }
    uint64_t seen = generation.load(std::memory_order_relaxed);
    auto hasNews = [&] {
      return generation.load(std::memory_order_relaxed) != seen;
    };
    lock.unlock();
    spinUntil(hasNews);
    lock.lock();
    if (hasNews())
      continue;
    ++sleepers;
    news.wait(lock, hasNews);
    --sleepers;
  }
  --workers;
}

void Pool::run(Job &job) {
  int wanted = job.threads - 1;
  int asleep;
  {
    std::lock_guard<std::mutex> lock(mutex);
    while (workers < wanted && startWorker())
      ++workers;
    job.following = jobs;
    if (jobs)
      jobs->previous = &job;
    jobs = &job;
    generation.fetch_add(1, std::memory_order_relaxed);
    asleep = std::min(sleepers, wanted);
  }
  for (int i = 0; i < asleep; ++i)
    news.notify_one();

  insideBody = true;
  job.work();
  insideBody = false;

  std::unique_lock<std::mutex> lock(mutex);
  (job.previous ? job.previous->following : jobs) = job.following;
  if (job.following)
    job.following->previous = job.previous;
  auto isAlone = [&] { return job.helpers.load() == 0; };
  if (!isAlone()) {
    lock.unlock();
    spinUntil(isAlone);
    lock.lock();
    helperLeft.wait(lock, isAlone);
  }
  lock.unlock();
  if (job.failure)
    hilbert_rt_fail(job.failure->c_str());
}

void Pool::resize() {
  std::lock_guard<std::mutex> lock(mutex);
  generation.fetch_add(1, std::memory_order_relaxed);
  news.notify_all();
}

//===----------------------------------------------------------------------===//
// The process's pool
//===----------------------------------------------------------------------===//

static std::atomic<Pool *> processPool{nullptr};

// Before any thread can fork with a pool, and once. Async-signal-safe, as the
// child of a threaded process must be.
[[maybe_unused]] static const int forkHandler =
    pthread_atfork(nullptr, nullptr, [] {
      processPool.store(nullptr, std::memory_order_relaxed);
    });

/// Lock-free: a lock could be held by another thread at the time of a fork.
static Pool &getPool() {
  Pool *pool = processPool.load(std::memory_order_acquire);
  if (!pool) {
    Pool *fresh = new Pool;
    if (processPool.compare_exchange_strong(pool, fresh,
                                            std::memory_order_acq_rel))
      pool = fresh;
    else
      delete fresh;
  }
  return *pool;
}

int rt::numThreads() {
  int threads = configuredThreads.load(std::memory_order_relaxed);
  if (threads == 0) {
    int computed = defaultNumThreads();
    // Another thread's setNumThreads wins.
    if (configuredThreads.compare_exchange_strong(threads, computed))
      threads = computed;
  }
  return threads;
}

void rt::setNumThreads(int n) {
  configuredThreads.store(n < 1 ? defaultNumThreads()
                                : std::min(n, kMaxThreads));
  if (Pool *pool = processPool.load(std::memory_order_acquire))
    pool->resize();
}

void rt::parallelFor(Body body, void *context, int64_t count) noexcept {
  if (count <= 0)
    return;
  int threads = int(std::min<int64_t>(numThreads(), count));
  if (threads == 1 || insideBody) {
    body(context, 0, count);
    return;
  }
  Job job(body, context, count, threads);
  getPool().run(job);
}
