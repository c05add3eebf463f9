//===- HostJIT.cpp - Run lowered programs in this process
//-----------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/ExecutionEngine/HostJIT.h"

#include "hilbert-runtime/HostSymbols.h"
#include "hilbert-runtime/ThreadPool.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/ExecutionEngine/ExecutionEngine.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"

#include <atomic>
#include <chrono>

using namespace mlir;
using namespace hilbert;
using llvm::createStringError;

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
// Types
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

HostSignature HostSignature::of(FunctionOpInterface function) {
  return HostSignature{function.getName().str(),
                       llvm::to_vector(function.getArgumentTypes()),
                       llvm::to_vector(function.getResultTypes())};
}

std::optional<NpyType> hilbert::getNpyType(Type type) {
  if (type.isF16())
    return NpyType::F16;
  if (type.isBF16())
    return NpyType::BF16;
  if (type.isF32())
    return NpyType::F32;
  if (type.isF64())
    return NpyType::F64;
  if (type.isInteger(32))
    return NpyType::I32;
  if (type.isInteger(64))
    return NpyType::I64;
  return std::nullopt;
}

static llvm::Error checkType(const Twine &what, Type type) {
  Type element = type;
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    element = tensor.getElementType();
  if (getNpyType(element))
    return llvm::Error::success();
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return createStringError(what +
                           " must be a scalar or tensor of f16, bf16, "
                           "f32, f64, i32 or i64, but is " +
                           text);
}

/// Checks an input against its argument.
static llvm::Error checkInput(size_t index, Type type, const NpyArray &input) {
  std::string what = ("argument " + Twine(index)).str();
  if (llvm::Error error = checkType(what, type))
    return error;
  auto tensor = dyn_cast<RankedTensorType>(type);
  Type element = tensor ? tensor.getElementType() : type;
  ArrayRef<int64_t> shape = tensor ? tensor.getShape() : ArrayRef<int64_t>();
  if (input.type != *getNpyType(element))
    return createStringError(Twine(what) + " must have elements of type " +
                             npyTypeName(*getNpyType(element)) +
                             ", but the array has " + npyTypeName(input.type));
  if (input.shape.size() != shape.size())
    return createStringError(Twine(what) + " must have rank " +
                             Twine(shape.size()) + ", but the array has " +
                             Twine(input.shape.size()));
  for (auto [dim, size] : llvm::enumerate(shape))
    if (!ShapedType::isDynamic(size) && input.shape[dim] != size)
      return createStringError(
          Twine(what) + " must have size " + Twine(size) + " in dimension " +
          Twine(dim) + ", but the array has " + Twine(input.shape[dim]));
  return llvm::Error::success();
}

llvm::Error HostSignature::check(ArrayRef<NpyArray> inputs) const {
  if (inputs.size() != arguments.size())
    return createStringError("'" + name + "' takes " + Twine(arguments.size()) +
                             " arguments, but got " + Twine(inputs.size()));
  for (auto [index, type] : llvm::enumerate(arguments))
    if (llvm::Error error = checkInput(index, type, inputs[index]))
      return error;
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Descriptors
//===----------------------------------------------------------------------===//

/// Words of a memref descriptor: two pointers, an offset, sizes, strides.
static size_t descriptorWords(int64_t rank) { return 3 + 2 * rank; }

/// The descriptor of a row-major array.
static std::vector<int64_t> makeDescriptor(const NpyArray &array) {
  int64_t rank = array.shape.size();
  std::vector<int64_t> words(descriptorWords(rank));
  words[0] = words[1] = reinterpret_cast<int64_t>(array.data.data());
  int64_t stride = 1;
  for (int64_t d = rank - 1; d >= 0; --d) {
    words[3 + d] = array.shape[d];
    words[3 + rank + d] = stride;
    stride *= array.shape[d];
  }
  return words;
}

/// Copies a row-major result out of its buffer and frees that.
static NpyArray takeResult(Type type, const int64_t *words) {
  auto tensor = cast<RankedTensorType>(type);
  int64_t rank = tensor.getRank();
  NpyArray array;
  array.type = *getNpyType(tensor.getElementType());
  array.shape.assign(words + 3, words + 3 + rank);
  const char *data = reinterpret_cast<const char *>(words[1]) +
                     words[2] * npyTypeSize(array.type);
  array.data.assign(data, data + array.numElements() * npyTypeSize(array.type));
  release(reinterpret_cast<void *>(words[0]));
  return array;
}

//===----------------------------------------------------------------------===//
// HostJIT
//===----------------------------------------------------------------------===//

HostJIT::HostJIT() = default;
HostJIT::~HostJIT() = default;

llvm::Expected<std::unique_ptr<HostJIT>> HostJIT::create(ModuleOp module) {
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
  auto machine = builder->createTargetMachine();
  if (!machine)
    return machine.takeError();

  auto optimize = makeOptimizingTransformer(/*optLevel=*/3, /*sizeLevel=*/0,
                                            machine->get());
  ExecutionEngineOptions options;
  options.transformer = optimize;
  options.jitCodeGenOptLevel = llvm::CodeGenOptLevel::Aggressive;
  options.enableGDBNotificationListener = false;
  options.enablePerfNotificationListener = false;
  auto engine = ExecutionEngine::create(module, options, std::move(*machine));
  if (!engine)
    return engine.takeError();
  (*engine)->registerSymbols([](llvm::orc::MangleAndInterner mangle) {
    llvm::orc::SymbolMap symbols;
    auto add = [&](const char *name, void *address) {
      symbols[mangle(name)] = {llvm::orc::ExecutorAddr::fromPtr(address),
                               llvm::JITSymbolFlags::Exported};
    };
    for (const rt::HostSymbol &symbol : rt::hostSymbols())
      add(symbol.name, symbol.address);
    add("malloc", reinterpret_cast<void *>(&allocate));
    add("free", reinterpret_cast<void *>(&release));
    return symbols;
  });
  // The first look-up compiles the module; do it here rather than in a call.
  for (auto function : module.getOps<LLVM::LLVMFuncOp>())
    if (!function.isExternal() &&
        function.getLinkage() == LLVM::Linkage::External)
      if (auto address = (*engine)->lookup(function.getName()); !address)
        return address.takeError();
  std::unique_ptr<HostJIT> jit(new HostJIT);
  jit->engine = std::move(*engine);
  return jit;
}

llvm::Expected<std::vector<NpyArray>>
HostJIT::run(const HostSignature &signature, ArrayRef<NpyArray> inputs,
             double *milliseconds) {
  if (llvm::Error error = signature.check(inputs))
    return error;
  size_t resultWords = 0;
  for (auto [index, type] : llvm::enumerate(signature.results)) {
    if (!isa<RankedTensorType>(type))
      return createStringError("result " + Twine(index) + " must be a tensor");
    if (llvm::Error error = checkType("result " + Twine(index), type))
      return error;
    resultWords += descriptorWords(cast<RankedTensorType>(type).getRank());
  }
  auto function = engine->lookupPacked("_mlir_ciface_" + signature.name);
  if (!function)
    return function.takeError();

  // The C interface takes pointers to descriptors, the results' first.
  std::vector<int64_t> results(resultWords);
  std::vector<std::vector<int64_t>> descriptors;
  for (const NpyArray &input : inputs)
    descriptors.push_back(makeDescriptor(input));
  std::vector<void *> pointers;
  if (resultWords)
    pointers.push_back(results.data());
  for (auto &descriptor : descriptors)
    pointers.push_back(descriptor.data());
  std::vector<void *> arguments;
  size_t next = 0;
  if (resultWords)
    arguments.push_back(&pointers[next++]);
  for (auto [index, type] : llvm::enumerate(signature.arguments)) {
    void *&pointer = pointers[next++];
    arguments.push_back(isa<RankedTensorType>(type)
                            ? static_cast<void *>(&pointer)
                            : const_cast<char *>(inputs[index].data.data()));
  }
  auto begin = std::chrono::steady_clock::now();
  (*function)(arguments.data());
  if (milliseconds)
    *milliseconds = std::chrono::duration<double, std::milli>(
                        std::chrono::steady_clock::now() - begin)
                        .count();
  if (std::optional<std::string> failure = rt::takeFailure())
    return createStringError(*failure);

  std::vector<NpyArray> outputs;
  const int64_t *words = results.data();
  for (Type type : signature.results) {
    outputs.push_back(takeResult(type, words));
    words += descriptorWords(cast<RankedTensorType>(type).getRank());
  }
  return outputs;
}
