//===- OnceCache.h - Caches that make each value once -----------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_RUNTIME_CUDA_ONCECACHE_H
#define HILBERT_RUNTIME_CUDA_ONCECACHE_H

#include "hilbert-runtime/Cuda/Kernel.h"
#include "hilbert-runtime/Cuda/Memory.h"

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace hilbert::rt::cuda {

/// Values by device and key. Thread-safe; a hit takes one lock and allocates
/// nothing.
template <typename Value> class OnceCache {
public:
  using Pointer = std::shared_ptr<const Value>;

  /// The value of `key` on `device`. If there is none, `create()`, which
  /// returns a Result<Value>, makes it; threads that ask for it meanwhile wait,
  /// and share its success or its error. An error is not kept: the next call
  /// tries again. `create` must not ask the cache for the same key, and must
  /// throw nothing but std::bad_alloc.
  template <typename Create>
  Result<Pointer> get(const Device &device, std::string_view key,
                      Create &&create) try {
    // Another thread of the parent may have held the lock at a fork.
    if (Status status = Driver::checkProcess(); !status.ok())
      return status;
    auto [entry, isMine] = find(device.ordinal(), key);
    if (isMine)
      finish(*entry, device.ordinal(), key, make(create));
    if (!entry->status.ok())
      return entry->status;
    return entry->value;
  } catch (const std::bad_alloc &) {
    return Status::noHostMemory();
  }

  /// Forgets all values. Each is destroyed when nobody else shares it.
  void clear() {
    if (!Driver::checkProcess().ok())
      return;
    Entries dropped;
    std::lock_guard<std::mutex> lock(mutex);
    dropped.swap(entries);
  }

  /// The number of values, those in the making included.
  size_t size() const {
    std::lock_guard<std::mutex> lock(mutex);
    size_t count = 0;
    for (const auto &[ordinal, ofDevice] : entries)
      count += ofDevice.size();
    return count;
  }

private:
  /// What was made: constant once it is done.
  struct Entry {
    bool isDone = false;
    Status status;
    Pointer value;
  };
  using EntryPointer = std::shared_ptr<Entry>;
  using EntriesOfDevice = std::map<std::string, EntryPointer, std::less<>>;
  using Entries = std::map<int, EntriesOfDevice>;

  /// The entry of another thread, which is done, or a fresh one of the caller,
  /// which must finish it.
  std::pair<EntryPointer, bool> find(int ordinal, std::string_view key) {
    std::unique_lock<std::mutex> lock(mutex);
    EntriesOfDevice &ofDevice = entries[ordinal];
    auto known = ofDevice.find(key);
    if (known != ofDevice.end()) {
      EntryPointer entry = known->second;
      done.wait(lock, [&] { return entry->isDone; });
      return {entry, false};
    }
    auto entry = std::make_shared<Entry>();
    ofDevice.emplace(key, entry);
    return {entry, true};
  }

  template <typename Create>
  static Result<Pointer> make(Create &create) noexcept {
    try {
      Result<Value> value = create();
      if (!value.ok())
        return value.status();
      return Pointer(std::make_shared<const Value>(*std::move(value)));
    } catch (const std::bad_alloc &) {
      return Status::noHostMemory();
    }
  }

  /// Throws nothing: others wait for it.
  void finish(Entry &entry, int ordinal, std::string_view key,
              Result<Pointer> made) noexcept {
    std::lock_guard<std::mutex> lock(mutex);
    if (made.ok()) {
      entry.value = *std::move(made);
    } else {
      entry.status = made.status();
      // Unless a clear() came first.
      if (auto ofDevice = entries.find(ordinal); ofDevice != entries.end())
        if (auto mine = ofDevice->second.find(key);
            mine != ofDevice->second.end() && mine->second.get() == &entry)
          ofDevice->second.erase(mine);
    }
    entry.isDone = true;
    done.notify_all();
  }

  mutable std::mutex mutex;
  std::condition_variable done;
  Entries entries;
};

/// Compiled kernels, ready to launch.
using KernelCache = OnceCache<LoadedKernel>;

/// Constant tables in device memory, such as orders and tile origins. Each is
/// uploaded once and stays at its address until clear(): graphs may hold it.
class TableCache {
public:
  using Pointer = OnceCache<Buffer>::Pointer;

  /// The table of `key` on `device`; the first time the `bytes` at `data`.
  /// Works while a stream is being captured.
  Result<Pointer> get(const Device &device, std::string_view key,
                      const void *data, size_t bytes) {
    return tables.get(device, key, [&] { return upload(device, data, bytes); });
  }

  /// Frees all tables that nobody else shares. No work that uses them may be
  /// running, no graph with their addresses be launched later.
  void clear() { tables.clear(); }

  size_t size() const { return tables.size(); }

private:
  OnceCache<Buffer> tables;
};

} // namespace hilbert::rt::cuda

#endif // HILBERT_RUNTIME_CUDA_ONCECACHE_H
