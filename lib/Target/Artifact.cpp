//===- Artifact.cpp - Kernels, and how to launch them ---------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Target/Artifact.h"

#include "hilbert/Dialect/Hilbert/IR/Hilbert.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Config/llvm-config.h"

using namespace mlir;
using namespace hilbert;
using llvm::createStringError;

static KernelArgument::Type getType(Type type) {
  if (isa<LLVM::LLVMPointerType>(type))
    return KernelArgument::Type::Pointer;
  if (type.isF32())
    return KernelArgument::Type::F32;
  return type.isInteger(32) ? KernelArgument::Type::I32
                            : KernelArgument::Type::I64;
}

static StringRef getElement(StringRef name, StringRef dtype) {
  if (name == "lse" || name == "delta" || name == "dlse")
    return "f32";
  if (name == "offsets" || name.ends_with("_table") || name.ends_with("_boxes"))
    return "i32";
  return dtype;
}

static KernelInfo getInfo(LLVM::LLVMFuncOp function,
                          const AttentionInfo &attention) {
  KernelInfo info;
  auto grid = function->getAttrOfType<DictionaryAttr>("hilbert_gpu.grid");
  auto number = [&](StringRef name) {
    return grid.getAs<IntegerAttr>(name).getInt();
  };
  info.role = grid.getAs<StringAttr>("role").str();
  info.attention = attention.name;
  info.name = attention.name + "_" + info.role;
  auto elements =
      function->getAttrOfType<DictionaryAttr>("hilbert_gpu.elements");
  auto names = function->getAttrOfType<ArrayAttr>("hilbert_gpu.arguments")
                   .getAsRange<StringAttr>();
  for (auto [name, type] :
       llvm::zip_equal(names, function.getArgumentTypes())) {
    KernelArgument argument{name.str(), getType(type)};
    if (argument.type == KernelArgument::Type::Pointer && elements)
      llvm::raw_string_ostream(argument.element)
          << elements.getAs<TypeAttr>(name).getValue();
    else if (argument.type == KernelArgument::Type::Pointer)
      argument.element = getElement(name, attention.dtype);
    info.arguments.push_back(std::move(argument));
  }
  if (Attribute schedule = function->getAttr("hilbert_gpu.schedule"))
    llvm::raw_string_ostream(info.schedule) << schedule;
  info.ownsQueries = grid.getAs<StringAttr>("rows").getValue() == "queries";
  info.threads = number("threads");
  info.tile = number("tile");
  info.otherTile = number("other_tile");
  info.segment = number("segment");
  info.classes = number("classes");
  info.sharedBytes =
      function->getAttrOfType<IntegerAttr>("hilbert_gpu.shared_bytes").getInt();
  return info;
}

/// Sets what is an output: of gradients, out and lse are the forward's, and
/// delta is what the first kernel with it writes for the others.
static void setUses(MutableArrayRef<KernelInfo> kernels, bool isGradient) {
  bool isDeltaWritten = false;
  for (KernelInfo &kernel : kernels)
    for (KernelArgument &argument : kernel.arguments) {
      if (argument.type != KernelArgument::Type::Pointer)
        continue;
      StringRef name = argument.name;
      bool isWritten = isGradient
                           ? name == "dq" || name == "dk" || name == "dv" ||
                                 (name == "delta" && !isDeltaWritten)
                           : name == "out" || name == "lse";
      isDeltaWritten |= name == "delta";
      argument.use =
          isWritten ? KernelArgument::Use::Output : KernelArgument::Use::Input;
    }
}

/// The attention whose kernels a module has. It stays in the program.
static AttentionInterface getAttention(gpu::GPUModuleOp module) {
  AttentionInterface found;
  module->getParentOfType<ModuleOp>().walk([&](AttentionInterface op) {
    auto kernels = op->getAttrOfType<FlatSymbolRefAttr>("hilbert_gpu.kernels");
    if (kernels && kernels.getAttr() == module.getNameAttr())
      found = op;
  });
  return found;
}

static AttentionInfo getInfo(AttentionInterface op) {
  AttentionInfo info;
  info.isGradient = isa<AttentionGradOp>(op.getOperation());
  llvm::raw_string_ostream(info.dtype) << op.getQ().getType().getElementType();
  info.depth = op.getDepth();
  if (PatternAttr pattern = op.getPatternAttr())
    llvm::raw_string_ostream(info.pattern) << pattern;
  else
    info.pattern = "dense";
  info.causal = stringifyCausality(op.getCausal()).str();
  if (auto grad = dyn_cast<AttentionGradOp>(op.getOperation()))
    info.hasDlse = bool(grad.getDlse());
  return info;
}

/// How the rows of a side are found: kernels ask for what they need for it.
static std::string getAccess(ArrayRef<KernelInfo> kernels, StringRef side) {
  for (const KernelInfo &kernel : kernels)
    for (const KernelArgument &argument : kernel.arguments)
      for (StringRef access : {"table", "box"})
        if (argument.name == (side + "_" + access).str() ||
            argument.name == (side + "_" + access + "es").str())
          return access.str();
  return "run";
}

/// A name that is none of the used ones, and valid in PTX and in C.
static std::string makeName(StringRef base, llvm::StringSet<> &used) {
  std::string name;
  for (char c : base)
    name += llvm::isAlnum(c) ? c : '_';
  if (llvm::isDigit(name[0]))
    name.insert(name.begin(), '_');
  std::string valid = name;
  for (unsigned i = 1; !used.insert(name).second; ++i)
    name = valid + "_" + std::to_string(i);
  return name;
}

/// The kernel of a module that goes through elements; null in one of an
/// attention.
static LLVM::LLVMFuncOp getElementwiseKernel(gpu::GPUModuleOp module) {
  for (auto function : module.getOps<LLVM::LLVMFuncOp>())
    if (auto grid = function->getAttrOfType<DictionaryAttr>("hilbert_gpu.grid"))
      if (grid.getAs<StringAttr>("rows") == "elements")
        return function;
  return nullptr;
}

llvm::Expected<GPUArtifact>
GPUArtifact::create(ArrayRef<gpu::GPUModuleOp> modules,
                    const PTXTarget &target) {
  if (modules.empty())
    return createStringError(
        "the program must have an attention, but has none");
  GPUArtifact artifact;
  artifact.target = target;
  artifact.compiler = HILBERT_VERSION;
  artifact.llvm = LLVM_VERSION_STRING;
  // One module with the kernels of all.
  gpu::GPUModuleOp first = modules.front();
  OpBuilder builder(first.getContext());
  OwningOpRef<gpu::GPUModuleOp> all =
      gpu::GPUModuleOp::create(builder, first.getLoc(), "kernels");
  builder.setInsertionPointToEnd(all->getBody());
  llvm::StringSet<> usedNames;
  SymbolTable symbols(*all);
  for (gpu::GPUModuleOp module : modules) {
    if (LLVM::LLVMFuncOp function = getElementwiseKernel(module)) {
      KernelInfo kernel = getInfo(function, AttentionInfo());
      kernel.name = makeName(function.getName(), usedNames);
      for (KernelArgument &argument : kernel.arguments)
        if (argument.type == KernelArgument::Type::Pointer)
          argument.use = argument.name == "out" ? KernelArgument::Use::Output
                                                : KernelArgument::Use::Input;
      auto copy = cast<LLVM::LLVMFuncOp>(builder.clone(*function));
      copy.setName(kernel.name);
      artifact.kernels.push_back(std::move(kernel));
      continue;
    }
    AttentionInterface op = getAttention(module);
    if (!op)
      return createStringError("kernels must belong to an attention, but @" +
                               module.getName() + " belong to none");
    AttentionInfo info = getInfo(op);
    std::vector<KernelInfo> kernels;
    for (Operation &member : *module.getBody()) {
      auto function = dyn_cast<LLVM::LLVMFuncOp>(member);
      if (!function || !function->hasAttr("hilbert_gpu.grid")) {
        // Shared memory, and intrinsics, are the same ones everywhere.
        auto symbol = dyn_cast<SymbolOpInterface>(member);
        if (symbol && !symbols.lookup(symbol.getName()))
          symbols.insert(member.clone());
        continue;
      }
      if (kernels.empty()) {
        auto grid = function->getAttrOfType<DictionaryAttr>("hilbert_gpu.grid");
        StringRef base = function.getName();
        base.consume_back(grid.getAs<StringAttr>("role").getValue());
        base.consume_back("_");
        info.name = makeName(base, usedNames);
      }
      kernels.push_back(getInfo(function, info));
      info.kernels.push_back(kernels.back().name);
      auto copy = cast<LLVM::LLVMFuncOp>(builder.clone(member));
      copy.setName(kernels.back().name);
    }
    setUses(kernels, info.isGradient);
    info.queryAccess = getAccess(kernels, "q");
    info.keyAccess = getAccess(kernels, "kv");
    info.outAccess = op.getOutOrderRef() == op.getQueryOrderRef()
                         ? info.queryAccess
                         : getAccess(kernels, "out");
    llvm::append_range(artifact.kernels, std::move(kernels));
    artifact.attentions.push_back(std::move(info));
  }
  auto ptx = emitPTX(*all, target);
  if (!ptx)
    return ptx.takeError();
  artifact.ptx = std::move(*ptx);
  return artifact;
}
