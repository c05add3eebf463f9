//===- hilbert-compile.cpp - Compile programs to GPU kernels --------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/InitAll.h"
#include "hilbert/Pipelines/Compile.h"
#include "hilbert/Target/Artifact.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;
namespace cl = llvm::cl;

static cl::OptionCategory category("hilbert-compile");
static cl::opt<std::string> inputFile(cl::Positional,
                                      cl::desc("<program.mlir>"), cl::init("-"),
                                      cl::cat(category));
static cl::opt<std::string> outputFile("o", cl::desc("Output file"),
                                       cl::value_desc("file"), cl::init("-"),
                                       cl::cat(category));
static cl::opt<std::string>
    manifestFile("manifest",
                 cl::desc("Where to write how the kernels are launched (JSON)"),
                 cl::value_desc("file"), cl::cat(category));
static cl::opt<std::string>
    chip("target", cl::desc("sm_80, sm_86, sm_87, sm_89, sm_90 or sm_90a"),
         cl::init("sm_80"), cl::cat(category));

static int fail(const llvm::Twine &message) {
  llvm::errs() << "hilbert-compile: error: " << message << '\n';
  return 1;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, "Compiles attentions to PTX.\n");
  auto target = hilbert::PTXTarget::get(chip);
  if (!target)
    return fail(llvm::toString(target.takeError()));
  DialectRegistry registry;
  hilbert::registerAllDialects(registry);
  hilbert::registerAllPasses();
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  auto module = parseSourceFile<ModuleOp>(inputFile, &context);
  if (!module ||
      failed(hilbert::compile(*module, "hilbert-to-nvvm{chip=" + chip + "}")))
    return 1;
  auto write = [](StringRef file, const llvm::Twine &text) {
    std::string error;
    auto output = openOutputFile(file, &error);
    if (!output)
      return fail(error);
    output->os() << text;
    output->keep();
    return 0;
  };
  auto modules = llvm::to_vector(module->getOps<gpu::GPUModuleOp>());
  if (modules.size() != 1)
    return fail("the program must have one attention, but has " +
                llvm::Twine(modules.size()));
  auto artifact = hilbert::GPUArtifact::create(modules[0], *target);
  if (!artifact)
    return fail(llvm::toString(artifact.takeError()));
  if (int status = write(outputFile, artifact->ptx))
    return status;
  if (manifestFile.empty())
    return 0;
  return write(manifestFile,
               llvm::formatv("{0:2}\n", artifact->getManifest()).str());
}
