//===- HostCode.cpp - Machine code of programs for this host --------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/ExecutionEngine/HostCode.h"

#include "hilbert/Pipelines/Compile.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

#include <chrono>
#include <link.h>
#include <unistd.h>

using namespace mlir;
using namespace hilbert;
using llvm::createStringError;

//===----------------------------------------------------------------------===//
// Target
//===----------------------------------------------------------------------===//

int64_t hilbert::getHostLanes() {
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  int64_t width = 4; // SSE, NEON.
  if (features.lookup("avx512f"))
    width = 16;
  else if (features.lookup("avx"))
    width = 8;
  return 2 * width;
}

/// The linker's hash of the program or library that holds this function: it
/// changes whenever the compiler does.
static std::string getBuildId() {
  std::string id;
  auto visit = [](dl_phdr_info *object, size_t, void *result) -> int {
    auto self = reinterpret_cast<uintptr_t>(&getBuildId);
    ArrayRef headers(object->dlpi_phdr, object->dlpi_phnum);
    auto covers = [&](const ElfW(Phdr) & header) {
      uintptr_t begin = object->dlpi_addr + header.p_vaddr;
      return header.p_type == PT_LOAD && self >= begin &&
             self < begin + header.p_memsz;
    };
    if (llvm::none_of(headers, covers))
      return 0;
    for (const ElfW(Phdr) &header : headers) {
      if (header.p_type != PT_NOTE)
        continue;
      StringRef notes(
          reinterpret_cast<const char *>(object->dlpi_addr + header.p_vaddr),
          header.p_memsz);
      while (notes.size() >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) note;
        std::memcpy(&note, notes.data(), sizeof(note));
        size_t nameSize = llvm::alignTo(note.n_namesz, 4);
        notes = notes.drop_front(sizeof(note));
        if (note.n_type == NT_GNU_BUILD_ID)
          *static_cast<std::string *>(result) =
              notes.substr(nameSize, note.n_descsz).str();
        notes =
            notes.substr(nameSize + llvm::alignTo(size_t(note.n_descsz), 4));
      }
    }
    return 1;
  };
  dl_iterate_phdr(visit, &id);
  // Without one, code is good for this process only.
  if (id.empty())
    id = std::to_string(getpid()) + "." +
         std::to_string(
             std::chrono::steady_clock::now().time_since_epoch().count());
  return llvm::toHex(id, /*LowerCase=*/true);
}

static llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createTargetMachine() {
  static bool initialized = [] {
    return !llvm::InitializeNativeTarget() &&
           !llvm::InitializeNativeTargetAsmPrinter();
  }();
  if (!initialized)
    return createStringError("LLVM has no code generator for this machine");
  auto builder = llvm::orc::JITTargetMachineBuilder::detectHost();
  if (!builder)
    return builder.takeError();
  builder->setCodeGenOptLevel(llvm::CodeGenOptLevel::Aggressive);
  // Loaded anywhere.
  builder->setRelocationModel(llvm::Reloc::PIC_);
  builder->setCodeModel(llvm::CodeModel::Small);
  return builder->createTargetMachine();
}

const std::string &hilbert::getHostTarget() {
  static const auto *target = new std::string([] {
    std::string text =
        llvm::sys::getProcessTriple() + " " + llvm::sys::getHostCPUName().str();
    std::vector<std::string> enabled;
    for (const auto &feature : llvm::sys::getHostCPUFeatures())
      if (feature.getValue())
        enabled.push_back(feature.getKey().str());
    llvm::sort(enabled);
    for (const std::string &feature : enabled)
      text += " +" + feature;
    return text + " hilbert " + getBuildId();
  }());
  return *target;
}

//===----------------------------------------------------------------------===//
// Compilation
//===----------------------------------------------------------------------===//

/// An object file of a module in the llvm dialect.
static llvm::Expected<std::string> emitObject(ModuleOp module) {
  auto machine = createTargetMachine();
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code = translateModuleToLLVMIR(module, context);
  if (!code)
    return createStringError("the program could not be translated to LLVM IR");
  code->setDataLayout((*machine)->createDataLayout());
  code->setTargetTriple((*machine)->getTargetTriple());
  auto optimize = makeOptimizingTransformer(/*optLevel=*/3, /*sizeLevel=*/0,
                                            machine->get());
  if (llvm::Error error = optimize(code.get()))
    return error;
  SmallString<0> object;
  llvm::raw_svector_ostream os(object);
  llvm::legacy::PassManager passes;
  if ((*machine)->addPassesToEmitFile(passes, os, nullptr,
                                      llvm::CodeGenFileType::ObjectFile))
    return createStringError("LLVM cannot write object files for this machine");
  passes.run(*code);
  return object.str().str();
}

llvm::Expected<HostCode> hilbert::compileForHost(ModuleOp module) {
  HostCode code;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (!function.isPublic() || function.isDeclaration())
      continue;
    if (auto signature = HostSignature::of(function))
      code.functions.push_back(std::move(*signature));
    else
      llvm::consumeError(signature.takeError());
  }
  if (failed(compile(module, "hilbert-to-llvm{lanes=" +
                                 std::to_string(getHostLanes()) + "}")))
    return createStringError("compilation failed");
  auto object = emitObject(module);
  if (!object)
    return object.takeError();
  code.object = std::move(*object);
  return code;
}

//===----------------------------------------------------------------------===//
// Bytes
//===----------------------------------------------------------------------===//

// A magic word, the SHA-256 of all that follows, the size of the manifest as
// eight little-endian bytes, the manifest, the object.
static constexpr llvm::StringLiteral kMagic = "hilbert1";
static constexpr size_t kDigestSize = 32, kSizeSize = 8;

static std::string digestOf(StringRef bytes) {
  auto digest = llvm::SHA256::hash(llvm::arrayRefFromStringRef(bytes));
  return llvm::toStringRef(digest).str();
}

std::string HostCode::serialize() const {
  std::string manifest;
  llvm::raw_string_ostream(manifest) << llvm::json::Value(
      llvm::json::Object{{"target", getHostTarget()},
                         {"functions", llvm::json::Array(functions)}});
  std::string payload(kSizeSize, '\0');
  llvm::support::endian::write64le(payload.data(), manifest.size());
  payload += manifest;
  payload += object;
  return kMagic.str() + digestOf(payload) + payload;
}

llvm::Expected<HostCode> HostCode::deserialize(StringRef bytes) {
  StringRef payload = bytes;
  if (!payload.consume_front(kMagic) ||
      payload.size() < kDigestSize + kSizeSize)
    return createStringError("an artefact must begin with '" + kMagic +
                             "' and a checksum, but these " +
                             Twine(bytes.size()) + " bytes do not");
  StringRef digest = payload.take_front(kDigestSize);
  payload = payload.drop_front(kDigestSize);
  if (digestOf(payload) != digest)
    return createStringError("the artefact is damaged: its checksum differs");
  size_t size = llvm::support::endian::read64le(payload.data());
  payload = payload.drop_front(kSizeSize);
  if (size > payload.size())
    return createStringError("the artefact's manifest is longer than it");
  auto manifest = llvm::json::parse(payload.take_front(size));
  if (!manifest)
    return manifest.takeError();
  HostCode code;
  code.object = payload.drop_front(size).str();
  std::string target;
  llvm::json::Path::Root root("manifest");
  llvm::json::ObjectMapper map(*manifest, root);
  if (!map || !map.map("target", target) ||
      !map.map("functions", code.functions))
    return root.getError();
  if (target != getHostTarget())
    return createStringError("the artefact is for '" + target +
                             "', but this is '" + getHostTarget() + "'");
  return code;
}
