//===- DiskCache.cpp - A folder of files named by content keys ------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Support/DiskCache.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>

using namespace hilbert;
using llvm::SmallString;
using llvm::StringRef;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

std::string hilbert::getDumpFolder() {
  const char *folder = std::getenv("HILBERT_DUMP");
  return folder ? folder : "";
}

DiskCache DiskCache::fromEnvironment() {
  if (!getDumpFolder().empty())
    return DiskCache("");
  if (const char *folder = std::getenv("HILBERT_CACHE_DIR"))
    return DiskCache(folder);
  SmallString<128> folder;
  if (!path::cache_directory(folder))
    return DiskCache("");
  path::append(folder, "hilbert");
  return DiskCache(folder.str().str());
}

std::string DiskCache::keyOf(StringRef text) {
  auto digest = llvm::SHA256::hash(llvm::arrayRefFromStringRef(text));
  return llvm::toHex(digest, /*LowerCase=*/true);
}

std::string DiskCache::pathOf(StringRef key) const {
  SmallString<128> file(folder);
  path::append(file, key);
  return file.str().str();
}

std::optional<std::string> DiskCache::load(StringRef key) const {
  if (folder.empty())
    return std::nullopt;
  // Read, not mapped: another process may replace it.
  auto buffer = llvm::MemoryBuffer::getFile(pathOf(key), /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false,
                                            /*IsVolatile=*/true);
  if (!buffer)
    return std::nullopt;
  return (*buffer)->getBuffer().str();
}

bool DiskCache::store(StringRef key, StringRef bytes) const {
  // Machine code: nobody else may write it.
  if (folder.empty() ||
      fs::create_directories(folder, /*IgnoreExisting=*/true, fs::owner_all))
    return false;
  std::string target = pathOf(key);
  SmallString<128> temporary;
  int file = -1;
  if (fs::createUniqueFile(target + ".%%%%%%%%.tmp", file, temporary,
                           fs::OF_None, fs::owner_read | fs::owner_write))
    return false;
  llvm::raw_fd_ostream os(file, /*shouldClose=*/true);
  os << bytes;
  os.close();
  bool written = !os.has_error();
  // Else the stream's destructor ends the process.
  os.clear_error();
  if (written && !fs::rename(temporary, target))
    return true;
  fs::remove(temporary);
  return false;
}
