//===- ArtifactAssemble.cpp - Machine code by NVIDIA's assembler ----------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Target/Artifact.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Regex.h"

using namespace mlir;
using namespace hilbert;
using llvm::createStringError;

namespace {
/// Files that go when they are no longer needed.
class TemporaryFile {
public:
  explicit TemporaryFile(StringRef suffix) {
    if (!llvm::sys::fs::createTemporaryFile("hilbert", suffix, path))
      remover.setFile(path);
  }
  StringRef str() const { return path; }
  llvm::Expected<std::string> read() const {
    auto buffer = llvm::MemoryBuffer::getFile(path);
    if (!buffer)
      return createStringError(buffer.getError(), "cannot read " + path);
    return (*buffer)->getBuffer().str();
  }

private:
  SmallString<128> path;
  llvm::FileRemover remover;
};
} // namespace

/// Runs a program; what it prints.
static llvm::Expected<std::string> run(StringRef program,
                                       ArrayRef<StringRef> arguments) {
  TemporaryFile printed("txt");
  SmallVector<StringRef> command{program};
  llvm::append_range(command, arguments);
  std::optional<StringRef> redirects[] = {StringRef(""), printed.str(),
                                          printed.str()};
  std::string error;
  int status = llvm::sys::ExecuteAndWait(program, command, std::nullopt,
                                         redirects, 0, 0, &error);
  auto text = printed.read();
  if (!text)
    return text.takeError();
  if (status)
    return createStringError(program + " failed: " + error + *text);
  return text;
}

llvm::Expected<std::string> GPUArtifact::assemble(StringRef ptxas) {
  auto version = run(ptxas, {"--version"});
  if (!version)
    return version.takeError();
  // "Cuda compilation tools, release 13.0, V13.0.88". A driver takes machine
  // code of the assemblers up to its own CUDA version.
  SmallVector<StringRef> matches;
  int64_t major, minor;
  if (!llvm::Regex("release ([0-9]+)\\.([0-9]+)").match(*version, &matches) ||
      matches[1].getAsInteger(10, major) || matches[2].getAsInteger(10, minor))
    return createStringError(ptxas +
                             " must say its release, but says: " + *version);
  TemporaryFile input("ptx"), output("cubin");
  std::error_code code;
  {
    llvm::raw_fd_ostream os(input.str(), code);
    os << ptx;
  }
  if (code)
    return createStringError(code, "cannot write " + input.str());
  auto messages = run(ptxas, {"--warn-on-spills", "--gpu-name", target.chip,
                              input.str(), "--output-file", output.str()});
  if (!messages)
    return messages.takeError();
  auto machineCode = output.read();
  if (!machineCode)
    return machineCode.takeError();
  cubin = std::move(*machineCode);
  cubinDriver = major * 1000 + minor * 10;
  return messages;
}
