//===- Artifact.cpp - Kernels, and how to launch them ---------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Target/Artifact.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace hilbert;

static StringRef getTypeName(KernelArgument::Type type) {
  switch (type) {
  case KernelArgument::Type::Pointer:
    return "pointer";
  case KernelArgument::Type::I32:
    return "i32";
  case KernelArgument::Type::I64:
    return "i64";
  case KernelArgument::Type::F32:
    return "f32";
  }
  llvm_unreachable("all types are handled");
}

static KernelArgument::Type getType(Type type) {
  if (isa<LLVM::LLVMPointerType>(type))
    return KernelArgument::Type::Pointer;
  if (type.isF32())
    return KernelArgument::Type::F32;
  return type.isInteger(32) ? KernelArgument::Type::I32
                            : KernelArgument::Type::I64;
}

static KernelInfo getInfo(LLVM::LLVMFuncOp function) {
  KernelInfo info;
  info.name = function.getName().str();
  auto names = function->getAttrOfType<ArrayAttr>("hilbert_gpu.arguments")
                   .getAsRange<StringAttr>();
  for (auto [name, type] : llvm::zip_equal(names, function.getArgumentTypes()))
    info.arguments.push_back({name.str(), getType(type)});
  auto grid = function->getAttrOfType<DictionaryAttr>("hilbert_gpu.grid");
  auto number = [&](StringRef name) {
    return grid.getAs<IntegerAttr>(name).getInt();
  };
  info.role = grid.getAs<StringAttr>("role").str();
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

llvm::Expected<GPUArtifact> GPUArtifact::create(gpu::GPUModuleOp module,
                                                const PTXTarget &target) {
  auto ptx = emitPTX(module, target);
  if (!ptx)
    return ptx.takeError();
  GPUArtifact artifact{target, std::move(*ptx), {}};
  for (auto function : module.getOps<LLVM::LLVMFuncOp>())
    if (function->hasAttr("hilbert_gpu.grid"))
      artifact.kernels.push_back(getInfo(function));
  return artifact;
}

llvm::json::Value GPUArtifact::getManifest() const {
  llvm::json::Array list;
  for (const KernelInfo &kernel : kernels) {
    llvm::json::Array arguments;
    for (const KernelArgument &argument : kernel.arguments)
      arguments.push_back(llvm::json::Object{
          {"name", argument.name}, {"type", getTypeName(argument.type)}});
    list.push_back(llvm::json::Object{
        {"name", kernel.name},
        {"role", kernel.role},
        {"arguments", std::move(arguments)},
        {"threads", kernel.threads},
        {"shared_bytes", kernel.sharedBytes},
        {"other_tile", kernel.otherTile},
        {"grid",
         llvm::json::Object{{"rows", kernel.ownsQueries ? "queries" : "keys"},
                            {"tile", kernel.tile},
                            {"segment", kernel.segment},
                            {"classes", kernel.classes}}}});
  }
  return llvm::json::Object{{"schema", kSchema},
                            {"target", target.chip},
                            {"ptx_version", target.ptxVersion},
                            {"kernels", std::move(list)}};
}
