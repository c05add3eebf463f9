//===- HostProgram.cpp - Run machine code in this process -----------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/ExecutionEngine/HostProgram.h"

#include "hilbert-runtime/HostSymbols.h"
#include "hilbert-runtime/ThreadPool.h"

#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/TargetSelect.h"

#include <atomic>
#include <chrono>

using namespace hilbert;
using llvm::ArrayRef;
using llvm::createStringError;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

static std::atomic<int64_t> currentBytes{0}, peakBytes{0};
static std::atomic<bool> poisonMemory{false};

/// Room before each allocation for its size; keeps the alignment of malloc.
static constexpr size_t kHeader = 64;

static void *allocate(size_t size) {
  char *block = static_cast<char *>(std::malloc(size + kHeader));
  if (!block)
    llvm::report_bad_alloc_error("no memory for a tensor");
  *reinterpret_cast<size_t *>(block) = size;
  if (poisonMemory)
    std::memset(block + kHeader, 0xff, size);
  int64_t now = currentBytes += size;
  int64_t before = peakBytes;
  while (now > before && !peakBytes.compare_exchange_weak(before, now))
    ;
  return block + kHeader;
}

static void release(void *pointer) {
  if (!pointer)
    return;
  char *block = static_cast<char *>(pointer) - kHeader;
  currentBytes -= *reinterpret_cast<size_t *>(block);
  std::free(block);
}

int64_t HostMemory::current() { return currentBytes; }
int64_t HostMemory::peak() { return peakBytes; }
void HostMemory::resetPeak() { peakBytes = currentBytes.load(); }
void HostMemory::setPoison(bool poison) { poisonMemory = poison; }

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

/// Words of a memref descriptor: two pointers, an offset, sizes, strides.
static size_t descriptorWords(int64_t rank) { return 3 + 2 * rank; }

llvm::Error HostFunction::call(
    ArrayRef<HostView> inputs,
    llvm::function_ref<llvm::Error(size_t, const HostView &)> takeResult,
    double *milliseconds) const {
  size_t words = 0;
  for (const HostType &type : signature.results)
    words += descriptorWords(type.shape.size());
  size_t resultWords = words;
  for (const HostType &type : signature.arguments)
    if (type.kind != HostType::Scalar)
      words += descriptorWords(type.shape.size());

  // Never grows: the descriptors are pointed at.
  SmallVector<int64_t, 160> storage(words);
  SmallVector<void *, 16> arguments;
  int64_t *next = storage.data();
  if (resultWords)
    arguments.push_back(next);
  next += resultWords;
  for (auto [type, view] : llvm::zip_equal(signature.arguments, inputs)) {
    if (type.kind == HostType::Scalar) {
      arguments.push_back(view.data);
      continue;
    }
    arguments.push_back(next);
    *next++ = reinterpret_cast<int64_t>(view.data);
    *next++ = reinterpret_cast<int64_t>(view.data);
    *next++ = 0;
    next = llvm::copy(view.shape, next);
    next = llvm::copy(view.strides, next);
  }
  auto begin = std::chrono::steady_clock::now();
  entry(arguments.data());
  if (milliseconds)
    *milliseconds = std::chrono::duration<double, std::milli>(
                        std::chrono::steady_clock::now() - begin)
                        .count();
  if (std::optional<std::string> failure = rt::takeFailure())
    return createStringError(*failure);

  llvm::Error error = llvm::Error::success();
  const int64_t *result = storage.data();
  for (auto [index, type] : llvm::enumerate(signature.results)) {
    size_t rank = type.shape.size();
    HostView view;
    view.type = type.element;
    view.data = reinterpret_cast<char *>(result[1]) +
                result[2] * npyTypeSize(type.element);
    view.shape.assign(result + 3, result + 3 + rank);
    view.strides.assign(result + 3 + rank, result + 3 + 2 * rank);
    if (!error)
      error = takeResult(index, view);
    release(reinterpret_cast<void *>(result[0]));
    result += descriptorWords(rank);
  }
  return error;
}

llvm::Expected<std::vector<NpyArray>>
HostFunction::run(ArrayRef<NpyArray> inputs, double *milliseconds) const {
  if (llvm::Error error = signature.check(inputs))
    return error;
  std::vector<NpyArray> outputs;
  auto take = [&](size_t, const HostView &result) {
    NpyArray &array = outputs.emplace_back();
    array.type = result.type;
    array.shape.assign(result.shape.begin(), result.shape.end());
    const char *data = static_cast<const char *>(result.data);
    array.data.assign(data,
                      data + array.numElements() * npyTypeSize(array.type));
    return llvm::Error::success();
  };
  if (llvm::Error error =
          call(llvm::map_to_vector(inputs, HostView::of), take, milliseconds))
    return error;
  return outputs;
}

//===----------------------------------------------------------------------===//
// HostProgram
//===----------------------------------------------------------------------===//

/// The linker of all programs, with what they may call. Leaked on purpose:
/// kernels may run until the process is gone.
static llvm::Expected<llvm::orc::LLJIT *> getLinker() {
  auto create = []() -> llvm::Expected<llvm::orc::LLJIT *> {
    llvm::InitializeNativeTarget();
    auto linker = llvm::orc::LLJITBuilder()
                      .setPlatformSetUp(llvm::orc::setUpInactivePlatform)
                      .setLinkProcessSymbolsByDefault(false)
                      .create();
    if (!linker)
      return linker.takeError();
    llvm::orc::SymbolMap symbols;
    auto add = [&](const char *name, void *address) {
      symbols[(*linker)->mangleAndIntern(name)] = {
          llvm::orc::ExecutorAddr::fromPtr(address),
          llvm::JITSymbolFlags::Exported};
    };
    for (const rt::HostSymbol &symbol : rt::hostSymbols())
      add(symbol.name, symbol.address);
    add("malloc", reinterpret_cast<void *>(&allocate));
    add("free", reinterpret_cast<void *>(&release));
    llvm::orc::JITDylib &library = (*linker)->getMainJITDylib();
    if (llvm::Error error =
            library.define(llvm::orc::absoluteSymbols(std::move(symbols))))
      return error;
    // libc's and libm's.
    auto process =
        llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(
            (*linker)->getDataLayout().getGlobalPrefix());
    if (!process)
      return process.takeError();
    library.addGenerator(std::move(*process));
    return linker->release();
  };
  static auto *linker = new llvm::Expected<llvm::orc::LLJIT *>(create());
  if (!*linker)
    return createStringError("LLVM's linker cannot run here");
  return **linker;
}

llvm::Expected<std::unique_ptr<HostProgram>>
HostProgram::load(const HostCode &code) {
  static std::atomic<uint64_t> counter{0};
  auto linker = getLinker();
  if (!linker)
    return linker.takeError();
  std::unique_ptr<HostProgram> program(new HostProgram);
  auto library =
      (*linker)->createJITDylib("hilbert" + std::to_string(counter++));
  if (!library)
    return library.takeError();
  program->library = &*library;
  library->addToLinkOrder((*linker)->getMainJITDylib());
  if (llvm::Error error = (*linker)->addObjectFile(
          *library, llvm::MemoryBuffer::getMemBufferCopy(code.object)))
    return error;
  for (const HostSignature &signature : code.functions) {
    auto entry = (*linker)->lookup(*library, "hilbert_entry_" + signature.name);
    if (!entry)
      return entry.takeError();
    HostFunction &function = program->functions[signature.name];
    function.signature = signature;
    function.entry = entry->toPtr<void (*)(void **)>();
  }
  return program;
}

HostProgram::~HostProgram() {
  if (!library)
    return;
  auto linker = getLinker();
  if (llvm::Error error =
          (*linker)->getExecutionSession().removeJITDylib(*library))
    llvm::consumeError(std::move(error));
}

const HostFunction *HostProgram::lookup(StringRef name) const {
  auto found = functions.find(name);
  return found == functions.end() ? nullptr : &found->second;
}
