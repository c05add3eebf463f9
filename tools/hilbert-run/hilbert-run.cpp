//===- hilbert-run.cpp - Compile, run and check a program -----------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Compare.h"
#include "RunOnDevice.h"

#include "hilbert/Dialect/Hilbert/IR/Hilbert.h"
#include "hilbert/ExecutionEngine/HostProgram.h"
#include "hilbert/InitAll.h"
#include "hilbert/Pipelines/Compile.h"
#include "hilbert/Reference/Reference.h"
#include "hilbert/Support/HostTensor.h"

#include "hilbert-runtime/ThreadPool.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AsmState.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

#include <chrono>

using namespace mlir;
using namespace hilbert;
using llvm::createStringError;
namespace cl = llvm::cl;

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

static cl::OptionCategory category("hilbert-run options");
static cl::opt<std::string> inputFile(cl::Positional,
                                      cl::desc("<program.mlir>"), cl::init("-"),
                                      cl::cat(category));
static cl::opt<std::string>
    functionName("function", cl::cat(category),
                 cl::desc("Function to run (default: the only public one)"));
static cl::opt<std::string>
    deviceName("device", cl::init("host"), cl::cat(category),
               cl::desc("Where to run: host, cuda or cuda:<number>"));
static cl::opt<bool>
    allowTF32("allow-tf32", cl::cat(category),
              cl::desc("Multiply f32 elements of attentions in tf32, which has "
                       "10 bits of fraction, on a GPU: without it, f32 is an "
                       "error there"));
static cl::list<std::string>
    inputPaths("input", cl::cat(category),
               cl::desc(".npy file of the next argument; arguments without one "
                        "are random"));
static cl::list<std::string>
    shapes("shape", cl::cat(category),
           cl::desc("<argument>:<size>x<size>...: sizes of a random argument "
                    "with dynamic sizes, such as 0:1x4096x8x64"));
static cl::opt<unsigned long long> seed("seed", cl::init(0), cl::cat(category),
                                        cl::desc("Seed of random arguments"));
static cl::opt<bool> grad("grad", cl::cat(category),
                          cl::desc("Also run the gradient function"));
static cl::opt<bool>
    check("check", cl::cat(category),
          cl::desc("Compare with the float64 reference; exit code 1 beyond the "
                   "tolerance"));
static cl::opt<double>
    tolerance("tolerance", cl::init(0), cl::cat(category),
              cl::desc("Largest relative error (L2 norm) that passes (default: "
                       "1e-5 for f32, 2e-3 for f16 and f32 with "
                       "--allow-tf32, 1e-2 for bf16)"));
static cl::opt<unsigned>
    repeat("repeat", cl::init(1), cl::cat(category),
           cl::desc("Timed calls; the median is reported"));
static cl::opt<unsigned> threads("num-threads", cl::init(0), cl::cat(category),
                                 cl::desc("Threads (default: all cores)"));
static cl::opt<std::string> saveFolder(
    "save", cl::cat(category),
    cl::desc("Folder for the results as .npy: out0.npy, … grad0.npy"));
static cl::opt<bool> printFused("print-fused", cl::cat(category),
                                cl::desc("Print the fused attentions"));

//===----------------------------------------------------------------------===//
// Helpers
//===----------------------------------------------------------------------===//

/// 8 GiB as the float64 that the reference computes in.
static constexpr int64_t kMaxRandomElements = int64_t(1) << 30;

using Arrays = std::vector<NpyArray>;
using Clock = std::chrono::steady_clock;

static double milliseconds(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double, std::milli>(end - begin).count();
}

/// "1x4096x8x64xf32".
static std::string describe(const NpyArray &array) {
  std::string text;
  for (int64_t size : array.shape)
    text += std::to_string(size) + "x";
  return text + npyTypeName(array.type).str();
}

/// "tensor<1x?xf32>", "f32".
static std::string describe(const HostType &type) {
  std::string text;
  for (int64_t size : type.shape)
    text += (size == HostType::kDynamic ? "?" : std::to_string(size)) + "x";
  text += npyTypeName(type.element);
  if (type.kind == HostType::Scalar)
    return text;
  return (type.kind == HostType::Tensor ? "tensor<" : "memref<") + text + ">";
}

static bool isFloat(NpyType type) {
  return type != NpyType::I32 && type != NpyType::I64;
}

/// For the reference; what only counts operations needs no float values.
static ReferenceTensors toReference(llvm::ArrayRef<NpyArray> arrays,
                                    bool withFloats = true) {
  ReferenceTensors tensors;
  for (const NpyArray &array : arrays) {
    bool needed = withFloats || !isFloat(array.type);
    tensors.push_back(
        {array.shape, needed ? toDoubles(array) : std::vector<double>()});
  }
  return tensors;
}

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

using Shape = std::vector<int64_t>;

/// One --shape: the argument and its sizes.
static llvm::Expected<std::pair<size_t, Shape>> parseShape(StringRef option) {
  auto [argument, text] = option.split(':');
  std::pair<size_t, Shape> result;
  if (argument.getAsInteger(10, result.first))
    return createStringError("--shape must be <argument>:<size>x<size>..., "
                             "but got '" +
                             option + "'");
  SmallVector<StringRef> parts;
  text.split(parts, 'x');
  int64_t elements = 1;
  for (StringRef part : parts) {
    int64_t size = 0;
    if (part.getAsInteger(10, size) || size < 0)
      return createStringError("sizes of --shape must be whole numbers from 0, "
                               "but got '" +
                               part + "' in '" + option + "'");
    if (llvm::MulOverflow(elements, size, elements) ||
        elements > kMaxRandomElements)
      return createStringError("a random argument has at most " +
                               Twine(kMaxRandomElements) +
                               " elements, but got '" + option + "'");
    result.second.push_back(size);
  }
  return result;
}

/// What --shape says of each of `count` arguments.
static llvm::Expected<std::vector<std::optional<Shape>>>
parseShapes(size_t count) {
  std::vector<std::optional<Shape>> result(count);
  for (const std::string &option : shapes) {
    auto parsed = parseShape(option);
    if (!parsed)
      return parsed.takeError();
    auto &[index, shape] = *parsed;
    if (index >= count || result[index])
      return createStringError("--shape must name each of the " + Twine(count) +
                               " arguments at most once, but got '" + option +
                               "'");
    result[index] = std::move(shape);
  }
  return result;
}

/// A random value for an argument: normal floats, permutations for i32 tensors.
static llvm::Expected<NpyArray> makeRandom(size_t index, const HostType &type,
                                           const std::optional<Shape> &given) {
  bool isScalar = type.kind == HostType::Scalar;
  Shape shape;
  if (given && !isScalar)
    shape = *given;
  else if (llvm::is_contained(type.shape, HostType::kDynamic))
    return createStringError(
        "argument " + Twine(index) + " is " + describe(type) +
        ": give its sizes by --shape=" + Twine(index) + ":<size>x<size>...");
  else
    shape.assign(type.shape.begin(), type.shape.end());
  uint64_t mixed = seed * 1000003 + index;
  if (type.element == NpyType::I32 && !shape.empty())
    return randomPermutation(shape, mixed);
  if (!isFloat(type.element) || type.element == NpyType::F64)
    return createStringError("there is no random value for argument " +
                             Twine(index) + " of type " + describe(type) +
                             ": give it by --input");
  return randomNormal(type.element, shape, mixed);
}

/// Checks what is read as a runtime order: kernels trust their tables.
static llvm::Error checkOrders(const HostSignature &signature,
                               const Arrays &inputs) {
  for (auto [index, input] : llvm::enumerate(inputs)) {
    if (input.type != NpyType::I32 || input.shape.empty() ||
        input.shape.size() > 2)
      continue;
    int64_t length = input.shape.back();
    for (int64_t row = 0; length && row < input.numElements(); row += length)
      if (auto message = curve::validatePermutation(
              reinterpret_cast<const int32_t *>(input.data.data()) + row,
              length))
        return createStringError("argument " + Twine(index) + ": " + *message);
  }
  return llvm::Error::success();
}

static llvm::Expected<Arrays> getInputs(const HostSignature &signature) {
  Arrays inputs;
  if (inputPaths.size() > signature.arguments.size())
    return createStringError("there are " + Twine(inputPaths.size()) +
                             " --input, but '" + signature.name + "' takes " +
                             Twine(signature.arguments.size()) + " arguments");
  auto givenShapes = parseShapes(signature.arguments.size());
  if (!givenShapes)
    return givenShapes.takeError();
  for (auto [index, type] : llvm::enumerate(signature.arguments)) {
    auto input = index < inputPaths.size()
                     ? readNpy(inputPaths[index])
                     : makeRandom(index, type, (*givenShapes)[index]);
    if (!input)
      return input.takeError();
    inputs.push_back(std::move(*input));
  }
  if (llvm::Error error = signature.check(inputs))
    return error;
  if (llvm::Error error = checkOrders(signature, inputs))
    return error;
  return inputs;
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

static double getTolerance(NpyType type) {
  if (tolerance > 0)
    return tolerance;
  // tf32 has the fraction of f16.
  bool isTF32 = type == NpyType::F32 && allowTF32 && deviceName != "host";
  if (type == NpyType::F16 || isTF32)
    return 2e-3;
  return type == NpyType::BF16 ? 1e-2 : 1e-5;
}

/// Prints a row for each result; false if one is beyond the tolerance.
static llvm::Expected<bool> report(StringRef prefix, const Arrays &results,
                                   const ReferenceTensors *expected) {
  bool passed = true;
  for (auto [index, result] : llvm::enumerate(results)) {
    std::string name = (prefix + Twine(index)).str();
    llvm::outs() << llvm::format("  %-7s %-22s", name.c_str(),
                                 describe(result).c_str());
    if (expected) {
      if (result.shape != (*expected)[index].shape)
        return createStringError(name + " has shape " + describe(result) +
                                 ", which is not the reference's");
      Errors errors = compare(result, (*expected)[index]);
      bool good = errors.relative <= getTolerance(result.type);
      passed &= good;
      llvm::outs() << llvm::format("  max error %.2e  relative %.2e  %s",
                                   errors.largest, errors.relative,
                                   good ? "ok" : "FAILED");
    }
    llvm::outs() << '\n';
    if (!saveFolder.empty()) {
      SmallString<128> path(saveFolder);
      llvm::sys::path::append(path, name + ".npy");
      if (llvm::Error error = writeNpy(path, result))
        return error;
    }
  }
  return passed;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

/// Calls a function and prints what it took. Gives its results, and then the
/// arguments that it writes.
using Runner = llvm::function_ref<llvm::Expected<Arrays>(
    StringRef name, const Arrays &inputs, ArrayRef<unsigned> written,
    std::optional<double> flops)>;

/// The same on the host, --repeat times.
static llvm::Expected<Arrays> runTimed(const HostProgram &program,
                                       StringRef name, const Arrays &inputs,
                                       ArrayRef<unsigned> written,
                                       std::optional<double> flops) {
  Arrays results, arguments = inputs;
  std::vector<double> times;
  int64_t resultBytes = 0;
  HostMemory::resetPeak();
  int64_t before = HostMemory::current();
  for (unsigned i = 0; i < std::max(1u, repeat.getValue()); ++i) {
    for (unsigned index : written)
      arguments[index] = inputs[index];
    auto outputs = program.lookup(name)->run(arguments, &times.emplace_back());
    if (!outputs)
      return outputs.takeError();
    results = std::move(*outputs);
  }
  for (const NpyArray &result : results)
    resultBytes += result.data.size();
  std::sort(times.begin(), times.end());
  double median = times[times.size() / 2];
  int64_t extra = HostMemory::peak() - before - resultBytes;
  llvm::outs() << llvm::format("%s: %.2f ms", name.str().c_str(), median);
  if (flops)
    llvm::outs() << llvm::format(", %.1f GFLOP/s", *flops / median * 1e-6);
  llvm::outs() << llvm::format(", %d threads, %.2f MiB beyond the results\n",
                               rt::numThreads(),
                               static_cast<double>(extra) / (1 << 20));
  for (unsigned index : written)
    results.push_back(std::move(arguments[index]));
  return results;
}

static llvm::Expected<func::FuncOp> chooseFunction(ModuleOp module) {
  if (!functionName.empty()) {
    auto function = module.lookupSymbol<func::FuncOp>(functionName);
    if (function && !function.isDeclaration())
      return function;
    return createStringError("there is no function '" + functionName + "'");
  }
  func::FuncOp chosen;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (!function.isPublic() || function.isDeclaration())
      continue;
    if (chosen)
      return createStringError("there are several functions: choose one by "
                               "--function");
    chosen = function;
  }
  if (!chosen)
    return createStringError("there is no public function to run");
  return chosen;
}

static void printFusedOps(func::FuncOp function) {
  if (!function)
    return;
  AsmState state(function);
  function.walk([&](AttentionInterface op) {
    op->print(llvm::outs(), state);
    llvm::outs() << '\n';
  });
}

/// Checks, runs and reports the forward and, if it is wanted, the gradient.
static llvm::Expected<bool> runAndReport(func::FuncOp reference,
                                         const Arrays &inputs,
                                         std::optional<double> flops,
                                         Runner runner) {
  std::string forward = reference.getName().str();
  ReferenceTensors referenceInputs = toReference(inputs, check);
  auto outputs = runner(forward, inputs, getWrittenArguments(reference), flops);
  if (!outputs)
    return outputs.takeError();
  std::optional<ReferenceTensors> expected;
  if (check) {
    auto evaluated = evaluate(reference, referenceInputs);
    if (!evaluated)
      return evaluated.takeError();
    expected = std::move(*evaluated);
  }
  auto passed = report("out", *outputs, expected ? &*expected : nullptr);
  if (!passed || !grad)
    return passed;

  Arrays gradInputs = inputs, cotangents;
  llvm::append_range(gradInputs, *outputs);
  for (auto [index, output] : llvm::enumerate(*outputs))
    if (isFloat(output.type))
      cotangents.push_back(randomNormal(output.type, output.shape,
                                        seed * 1000003 + 1000 + index));
  llvm::append_range(gradInputs, cotangents);
  if (flops)
    *flops *= 2.5;
  auto gradients = runner(forward + "_grad", gradInputs, {}, flops);
  if (!gradients)
    return gradients.takeError();
  if (check) {
    auto differentiated =
        differentiate(reference, referenceInputs, toReference(cotangents));
    if (!differentiated)
      return differentiated.takeError();
    expected = std::move(*differentiated);
  }
  auto gradPassed = report("grad", *gradients, expected ? &*expected : nullptr);
  if (!gradPassed)
    return gradPassed.takeError();
  return *passed && *gradPassed;
}

/// Runs everything that was asked for; true if all checks passed.
static llvm::Expected<bool> run(ModuleOp module) {
  std::optional<DeviceRunner> device;
  if (deviceName != "host") {
    auto created = DeviceRunner::create(deviceName);
    if (!created)
      return created.takeError();
    device.emplace(std::move(*created));
  }
  auto chosen = chooseFunction(module);
  if (!chosen)
    return chosen.takeError();
  auto forward = HostSignature::of(*chosen);
  if (!forward)
    return forward.takeError();
  auto inputs = getInputs(*forward);
  if (!inputs)
    return inputs.takeError();

  // The reference runs what the user wrote.
  OwningOpRef<ModuleOp> original(module.clone());
  auto reference = original->lookupSymbol<func::FuncOp>(forward->name);
  std::optional<double> flops;
  if (auto counted = countFlops(reference, toReference(*inputs, false)))
    flops = *counted;
  else if (check)
    return counted.takeError();
  else // The reference does not know every op; the compiler may.
    llvm::consumeError(counted.takeError());

  auto begin = Clock::now();
  std::string fuse = grad ? "hilbert-grad" : "hilbert-fuse";
  if (failed(compile(module, fuse)))
    return createStringError("compilation failed");
  if (printFused)
    for (StringRef suffix : {"", "_grad"})
      printFusedOps(
          module.lookupSymbol<func::FuncOp>((forward->name + suffix).str()));
  if (grad && !module.lookupSymbol(forward->name + "_grad"))
    return createStringError("'" + forward->name +
                             "' has no attention to differentiate");
  if (device) {
    if (allowTF32)
      module.walk([](AttentionInterface op) {
        op->setAttr("hilbert_gpu.allow_tf32", UnitAttr::get(op->getContext()));
      });
    if (llvm::Error error = device->setProgram(module))
      return std::move(error);
    return runAndReport(
        reference, *inputs, flops,
        [&](StringRef name, const Arrays &arguments, ArrayRef<unsigned> written,
            std::optional<double> work) {
          return device->run(name, arguments, written, repeat, work);
        });
  }
  auto code = compileForHost(module);
  if (!code)
    return code.takeError();
  auto program = HostProgram::load(*code);
  if (!program)
    return program.takeError();
  llvm::outs() << llvm::format("compiled in %.0f ms\n",
                               milliseconds(begin, Clock::now()));
  HostMemory::setPoison(check);
  return runAndReport(
      reference, *inputs, flops,
      [&](StringRef name, const Arrays &arguments, ArrayRef<unsigned> written,
          std::optional<double> work) {
        return runTimed(**program, name, arguments, written, work);
      });
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions(category);
  registerAsmPrinterCLOptions();
  cl::ParseCommandLineOptions(
      argc, argv, "hilbert-run: compile, run and check a program\n");
  if (threads)
    rt::setNumThreads(threads);

  DialectRegistry registry;
  registerAllDialects(registry);
  hilbert::registerAllPasses();
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  std::string message;
  auto file = openInputFile(inputFile, &message);
  if (!file) {
    llvm::errs() << "hilbert-run: " << message << '\n';
    return 1;
  }
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(file), llvm::SMLoc());
  SourceMgrDiagnosticHandler handler(sources, &context);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, &context);
  if (!module)
    return 1;
  auto passed = run(*module);
  if (!passed) {
    llvm::outs().flush();
    llvm::errs() << "hilbert-run: " << toString(passed.takeError()) << '\n';
    return 1;
  }
  if (!*passed) {
    llvm::outs().flush();
    llvm::errs() << "hilbert-run: an error is beyond the tolerance\n";
    return 1;
  }
  return 0;
}
