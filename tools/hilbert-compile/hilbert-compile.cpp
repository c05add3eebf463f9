//===- hilbert-compile.cpp - Compile programs to GPU kernels --------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Dialect/Hilbert/IR/Hilbert.h"
#include "hilbert/InitAll.h"
#include "hilbert/Pipelines/Compile.h"
#include "hilbert/Target/Artifact.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;
namespace cl = llvm::cl;
namespace path = llvm::sys::path;

static constexpr const char *kOverview = R"(Compiles attentions to GPU kernels.

All attentions and gradients of a program become kernels of one module of PTX;
a manifest (JSON) and a C header say how to launch them, for any number of
tokens, heads and batch items.

  hilbert-compile program.mlir --target=sm_90 -o program.ptx \
    --manifest=program.json --header=program.h
  hilbert-compile program.mlir --target=sm_80,sm_90 -o folder
      writes folder/program.sm_80.ptx, .json and .h, and so for sm_90

-o names a folder if there are several targets, if it ends with a slash, or if
it is one. Names in the headers of a folder begin with the target.
)";

static cl::OptionCategory category("hilbert-compile");
static cl::opt<bool> allowTF32(
    "allow-tf32",
    cl::desc("Multiply f32 elements in tf32, which has 10 bits of fraction"),
    cl::cat(category));
static cl::opt<std::string> inputFile(cl::Positional,
                                      cl::desc("<program.mlir>"), cl::init("-"),
                                      cl::cat(category));
static cl::opt<std::string>
    outputFile("o", cl::desc("Where to write code, or the folder of all files"),
               cl::value_desc("file or folder"), cl::init("-"),
               cl::cat(category));
static cl::opt<std::string>
    manifestFile("manifest",
                 cl::desc("Where to write how the kernels are launched (JSON)"),
                 cl::value_desc("file"), cl::cat(category));
static cl::opt<std::string>
    headerFile("header", cl::desc("Where to write the same as a C header"),
               cl::value_desc("file"), cl::cat(category));
static cl::opt<std::string>
    prefix("prefix", cl::desc("What names in the C header begin with"),
           cl::value_desc("text"), cl::cat(category));
static cl::list<std::string>
    chips("target",
          cl::desc("sm_80 (default), sm_86, sm_87, sm_89, sm_90, sm_90a; "
                   "several with commas"),
          cl::CommaSeparated, cl::value_desc("names"), cl::cat(category));
enum class Emit { PTX, Cubin, All };
static cl::opt<Emit> emit(
    "emit", cl::desc("What code to write:"), cl::init(Emit::PTX),
    cl::values(clEnumValN(Emit::PTX, "ptx", "PTX, for all drivers"),
               clEnumValN(Emit::Cubin, "cubin", "machine code, made by ptxas"),
               clEnumValN(Emit::All, "all",
                          "PTX at -o, and machine code beside it, with "
                          "the extension .cubin")),
    cl::cat(category));
static cl::opt<std::string>
    assembler("ptxas",
              cl::desc("The ptxas to use; otherwise the one in PATH, then the "
                       "one in CUDA_HOME/bin"),
              cl::value_desc("file"), cl::cat(category));

static int fail(const llvm::Twine &message) {
  llvm::errs() << "hilbert-compile: error: " << message << '\n';
  return 1;
}

static int write(StringRef file, const llvm::Twine &text) {
  std::string error;
  auto output = openOutputFile(file, &error);
  if (!output)
    return fail(error);
  output->os() << text;
  output->keep();
  return 0;
}

static llvm::Expected<std::string> findAssembler() {
  if (!assembler.empty())
    return assembler;
  if (auto found = llvm::sys::findProgramByName("ptxas"))
    return *found;
  if (auto home = llvm::sys::Process::GetEnv("CUDA_HOME"))
    if (auto found = llvm::sys::findProgramByName("ptxas", {*home + "/bin"}))
      return *found;
  return llvm::createStringError(
      "machine code needs ptxas: give --ptxas=FILE, or have it in PATH or in "
      "CUDA_HOME/bin");
}

namespace {
/// Where the files of one target go; empty: nowhere.
struct Outputs {
  std::string ptx, cubin, manifest, header, prefix;
};
} // namespace

static Outputs getOutputs() {
  Outputs outputs{"", "", manifestFile, headerFile, prefix};
  if (emit == Emit::Cubin) {
    outputs.cubin = outputFile;
    return outputs;
  }
  outputs.ptx = outputFile;
  if (emit == Emit::All) {
    SmallString<128> beside(outputFile);
    path::replace_extension(beside, "cubin");
    outputs.cubin = beside.str();
  }
  return outputs;
}

/// A program's set of files in a folder: NAME.TARGET.EXTENSION.
static Outputs getOutputsInFolder(StringRef chip) {
  StringRef stem = inputFile == "-" ? "kernels" : path::stem(inputFile);
  auto file = [&](StringRef extension) {
    SmallString<128> name(outputFile);
    path::append(name, stem + "." + chip + "." + extension);
    return name.str().str();
  };
  return {emit == Emit::Cubin ? "" : file("ptx"),
          emit == Emit::PTX ? "" : file("cubin"), file("json"), file("h"),
          (prefix + chip + "_").str()};
}

static int compile(ModuleOp program, const hilbert::PTXTarget &target,
                   const Outputs &outputs) {
  OwningOpRef<ModuleOp> module(program.clone());
  if (allowTF32)
    module->walk([](hilbert::AttentionInterface op) {
      op->setAttr("hilbert_gpu.allow_tf32", UnitAttr::get(op->getContext()));
    });
  if (failed(hilbert::compile(*module,
                              "hilbert-to-nvvm{chip=" + target.chip + "}")))
    return 1;
  auto artifact = hilbert::GPUArtifact::create(
      llvm::to_vector(module->getOps<gpu::GPUModuleOp>()), target);
  if (!artifact)
    return fail(llvm::toString(artifact.takeError()));
  if (!outputs.cubin.empty()) {
    auto program = findAssembler();
    if (!program)
      return fail(llvm::toString(program.takeError()));
    auto messages = artifact->assemble(*program);
    if (!messages)
      return fail(llvm::toString(messages.takeError()));
    llvm::errs() << *messages;
  }
  std::string manifest =
      llvm::formatv("{0:2}\n", artifact->getManifest()).str();
  const std::pair<StringRef, std::string> files[] = {
      {outputs.ptx, artifact->ptx},
      {outputs.cubin, artifact->cubin},
      {outputs.manifest, manifest},
      {outputs.header, artifact->getHeader(outputs.prefix)}};
  for (const auto &[file, text] : files)
    if (!file.empty())
      if (int status = write(file, text))
        return status;
  return 0;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, kOverview);
  if (chips.empty())
    chips.push_back("sm_80");
  std::vector<hilbert::PTXTarget> targets;
  for (const std::string &chip : chips) {
    auto target = hilbert::PTXTarget::get(chip);
    if (!target)
      return fail(llvm::toString(target.takeError()));
    targets.push_back(*target);
  }
  bool isFolder = targets.size() > 1 || StringRef(outputFile).ends_with("/") ||
                  llvm::sys::fs::is_directory(outputFile);
  if (isFolder) {
    if (outputFile == "-")
      return fail("several targets need a folder: give -o");
    if (!manifestFile.empty() || !headerFile.empty())
      return fail("a folder gets a manifest and a header for each target: "
                  "--manifest and --header are for one target and a file");
    if (std::error_code code = llvm::sys::fs::create_directories(outputFile))
      return fail("cannot make folder '" + outputFile + "': " + code.message());
  } else if (emit == Emit::All && outputFile == "-") {
    return fail("--emit=all needs -o");
  }

  DialectRegistry registry;
  hilbert::registerAllDialects(registry);
  hilbert::registerAllPasses();
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  auto module = parseSourceFile<ModuleOp>(inputFile, &context);
  if (!module)
    return 1;
  for (const hilbert::PTXTarget &target : targets)
    if (int status =
            compile(*module, target,
                    isFolder ? getOutputsInFolder(target.chip) : getOutputs()))
      return status;
  return 0;
}
