//===- DiskCache.h - A folder of files named by content keys ----*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_SUPPORT_DISKCACHE_H
#define HILBERT_SUPPORT_DISKCACHE_H

#include "llvm/ADT/StringRef.h"

#include <optional>
#include <string>

namespace hilbert {

/// A cache that several processes share. An entry appears complete or not at
/// all; what it holds is for the reader to check. Nothing here fails: a folder
/// that cannot be read or written is an empty cache.
class DiskCache {
public:
  /// The folder that HILBERT_CACHE_DIR names, else `hilbert` in the user's
  /// folder for caches; no cache if the variable is set to nothing, or if what
  /// is compiled is to be seen (getDumpFolder).
  static DiskCache fromEnvironment();

  explicit DiskCache(std::string folder) : folder(std::move(folder)) {}

  /// The file name of an entry: the SHA-256 of all that it depends on.
  static std::string keyOf(llvm::StringRef text);

  std::optional<std::string> load(llvm::StringRef key) const;
  /// Replaces the entry. False if it could not be written.
  bool store(llvm::StringRef key, llvm::StringRef bytes) const;

private:
  std::string pathOf(llvm::StringRef key) const;

  std::string folder;
};

/// Where compilations leave their IR: HILBERT_DUMP, or nothing.
std::string getDumpFolder();

} // namespace hilbert

#endif // HILBERT_SUPPORT_DISKCACHE_H
