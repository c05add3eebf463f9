//===- PTX.cpp - PTX of GPU kernels ---------------------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Target/PTX.h"

#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/InstCombine/InstCombine.h"
#include "llvm/Transforms/Scalar/ADCE.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/SimplifyCFG.h"

using namespace mlir;
using namespace hilbert;
using llvm::createStringError;

llvm::Expected<PTXTarget> PTXTarget::get(StringRef chip) {
  // cp.async and mma.sync of bf16 are in PTX 7.0; sm_89 and sm_90 in 7.8,
  // sm_90a in 8.0.
  static const PTXTarget targets[] = {{"sm_80", 70}, {"sm_86", 71},
                                      {"sm_87", 74}, {"sm_89", 78},
                                      {"sm_90", 78}, {"sm_90a", 80}};
  for (const PTXTarget &target : targets)
    if (target.chip == chip)
      return target;
  return createStringError("target must be sm_80, sm_86, sm_87, sm_89, sm_90 "
                           "or sm_90a, but is '" +
                           chip + "'");
}

static llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createTargetMachine(const PTXTarget &target) {
  static bool initialized = [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
    return true;
  }();
  (void)initialized;
  llvm::Triple triple("nvptx64-nvidia-cuda");
  std::string error;
  const llvm::Target *found = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!found)
    return createStringError(error);
  return std::unique_ptr<llvm::TargetMachine>(found->createTargetMachine(
      triple, target.chip, "+ptx" + std::to_string(target.ptxVersion), {},
      std::nullopt, std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

/// Cleans up. Nothing is moved out of loops: ptxas does that as far as there
/// are registers, and cannot undo it.
static void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::PassBuilder builder(&machine);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager callGraph;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(callGraph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, callGraph, modules);
  llvm::FunctionPassManager passes;
  passes.addPass(llvm::InstCombinePass());
  passes.addPass(llvm::SimplifyCFGPass());
  passes.addPass(llvm::EarlyCSEPass());
  passes.addPass(llvm::ADCEPass());
  llvm::ModulePassManager all;
  all.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(passes)));
  all.run(module, modules);
}

llvm::Expected<std::string> hilbert::emitPTX(gpu::GPUModuleOp module,
                                             const PTXTarget &target) {
  auto machine = createTargetMachine(target);
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code =
      translateModuleToLLVMIR(module, context, module.getName());
  if (!code)
    return createStringError("the kernels could not be translated to LLVM IR");
  code->setDataLayout((*machine)->createDataLayout());
  code->setTargetTriple((*machine)->getTargetTriple());
  optimize(*code, **machine);
  llvm::SmallString<0> text;
  llvm::raw_svector_ostream os(text);
  llvm::legacy::PassManager passes;
  if ((*machine)->addPassesToEmitFile(passes, os, nullptr,
                                      llvm::CodeGenFileType::AssemblyFile))
    return createStringError("LLVM cannot emit PTX for " + target.chip);
  passes.run(*code);
  return text.str().str();
}
