//===- Dump.cpp - Every level of IR, for people ---------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Pipelines/Dump.h"

#include "hilbert/Support/DiskCache.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

#include <atomic>

using namespace mlir;
using namespace hilbert;
using llvm::createStringError;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

llvm::Expected<Dump> Dump::begin(ModuleOp module, const llvm::Twine &name) {
  std::string root = getDumpFolder();
  if (root.empty())
    return Dump("");
  static std::atomic<int> count{0};
  SmallString<128> folder(root);
  path::append(folder, llvm::Twine(llvm::sys::Process::getProcessId()) + "-" +
                           llvm::Twine(++count) + "-" + name);
  if (std::error_code error = fs::create_directories(folder))
    return createStringError(error, "HILBERT_DUMP: cannot make the folder '%s'",
                             folder.c_str());
  Dump dump(folder.str().str());
  std::string text;
  llvm::raw_string_ostream(text) << module;
  if (llvm::Error error = dump.write("input.mlir", text))
    return error;
  return dump;
}

void Dump::watch(PassManager &passes) const {
  if (folder.empty())
    return;
  auto never = [](Pass *, Operation *) { return false; };
  auto always = [](Pass *, Operation *) { return true; };
  passes.enableIRPrintingToFileTree(never, always, /*printModuleScope=*/true,
                                    /*printAfterOnlyOnChange=*/true,
                                    /*printAfterOnlyOnFailure=*/false, folder);
}

llvm::Error Dump::write(StringRef file, StringRef contents) const {
  if (folder.empty())
    return llvm::Error::success();
  SmallString<128> name(folder);
  path::append(name, file);
  std::error_code error;
  llvm::raw_fd_ostream os(name, error);
  if (!error) {
    os << contents;
    os.close();
    error = os.error();
    os.clear_error();
  }
  if (error)
    return createStringError(error, "HILBERT_DUMP: cannot write '%s'",
                             name.c_str());
  return llvm::Error::success();
}
