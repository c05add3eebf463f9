//===- Kernels.cpp - Attention kernels, compiled once ---------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Kernels.h"

#include "Compiler.h"
#include "Error.h"

#include "hilbert/Dialect/Hilbert/IR/Hilbert.h"
#include "hilbert/ExecutionEngine/DeviceKernels.h"
#include "hilbert/Support/DiskCache.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <atomic>

using namespace mlir;
using namespace hilbert;

static constexpr llvm::StringLiteral kFunction = "attention";

std::string KernelSpec::getKey() const {
  std::string key;
  llvm::raw_string_ostream os(key);
  os << isGradient << ' ' << hasDlse << ' ' << int(dtype) << ' ' << depth << ' '
     << int(causal) << ' ' << int(layout);
  for (int order : orders)
    os << ' ' << order;
  for (int rank : tableRanks)
    os << " t" << rank;
  os << ' ' << pattern;
  return key;
}

//===----------------------------------------------------------------------===//
// The program
//===----------------------------------------------------------------------===//

static Type getElementType(MLIRContext *context, HilbertDType dtype) {
  switch (dtype) {
  case HILBERT_F16:
    return Float16Type::get(context);
  case HILBERT_BF16:
    return BFloat16Type::get(context);
  default:
    return Float32Type::get(context);
  }
}

/// The attribute of a pattern; null, with a diagnostic, if it is not valid.
static PatternAttr parsePattern(Compiler &compiler, StringRef text) {
  // A closing bracket must not end the attribute early.
  std::string attribute = ("#hilbert.pattern<" + text + ">").str();
  return dyn_cast_or_null<PatternAttr>(
      parseAttribute(attribute, &compiler.getContext()));
}

/// A function over memrefs of the caller around one attention.
static OwningOpRef<ModuleOp>
buildProgram(Compiler &compiler, const KernelSpec &spec, PatternAttr pattern) {
  MLIRContext *context = &compiler.getContext();
  Location loc = UnknownLoc::get(context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  ImplicitLocOpBuilder b(loc, context);
  constexpr int64_t any = ShapedType::kDynamic;

  auto strided = StridedLayoutAttr::get(context, 0, {any, any, any, 1});
  Type matrix = MemRefType::get({any, any, any, spec.depth},
                                getElementType(context, spec.dtype), strided);
  Type stats = MemRefType::get({any, any, any}, b.getF32Type());
  SmallVector<Type> types(3, matrix);
  for (int rank : spec.tableRanks)
    types.push_back(
        MemRefType::get(SmallVector<int64_t>(rank, any), b.getI32Type()));
  types.push_back(b.getF32Type());
  llvm::append_values(types, matrix, stats);
  if (spec.isGradient) {
    types.push_back(matrix);
    if (spec.hasDlse)
      types.push_back(stats);
    types.append(3, matrix);
  }
  b.setInsertionPointToStart(module->getBody());
  auto function =
      func::FuncOp::create(b, kFunction, b.getFunctionType(types, {}));
  Block *body = function.addEntryBlock();
  b.setInsertionPointToStart(body);

  // The arguments as tensors; those at the end are written.
  size_t numWritten = spec.isGradient ? 3 : 2;
  SmallVector<Value> values;
  for (BlockArgument argument : body->getArguments()) {
    auto memref = dyn_cast<MemRefType>(argument.getType());
    if (!memref) {
      values.push_back(argument);
      continue;
    }
    bool isWritten =
        argument.getArgNumber() + numWritten >= body->getNumArguments();
    values.push_back(bufferization::ToTensorOp::create(
        b, RankedTensorType::get(memref.getShape(), memref.getElementType()),
        argument,
        /*restrict=*/true, /*writable=*/isWritten));
  }
  size_t next = 3 + spec.tableRanks.size();
  auto tableOf = [&](int which) {
    int number = spec.orders[which];
    return number < 0 ? Value() : values[3 + number];
  };
  Value scale = values[next++], out = values[next++], lse = values[next++];
  auto causal =
      CausalityAttr::get(context, static_cast<Causality>(spec.causal));
  auto layout = LayoutAttr::get(context, static_cast<Layout>(spec.layout));
  Operation *attention;
  if (spec.isGradient) {
    Value dout = values[next++];
    Value dlse = spec.hasDlse ? values[next++] : Value();
    ArrayRef<Value> inits = ArrayRef(values).take_back(3);
    attention = AttentionGradOp::create(
        b, ValueRange(inits).getTypes(), values[0], values[1], values[2], out,
        lse, dout, dlse, inits[0], inits[1], inits[2], nullptr, nullptr,
        nullptr, tableOf(0), tableOf(1), tableOf(2), scale, pattern, causal,
        layout, /*schedule=*/nullptr);
  } else {
    attention = AttentionOp::create(
        b, TypeRange{out.getType(), lse.getType()}, values[0], values[1],
        values[2], out, lse, nullptr, nullptr, nullptr, tableOf(0), tableOf(1),
        tableOf(2), scale, pattern, causal, layout, /*schedule=*/nullptr);
  }
  for (auto [result, memref] :
       llvm::zip_equal(attention->getResults(),
                       body->getArguments().take_back(numWritten))) {
    auto store = bufferization::MaterializeInDestinationOp::create(
        b, /*result=*/Type(), result, memref);
    store.setRestrict(true);
    store.setWritable(true);
  }
  func::ReturnOp::create(b);
  return module;
}

//===----------------------------------------------------------------------===//
// The library
//===----------------------------------------------------------------------===//

namespace {
/// Leaked on purpose: kernels may run until the process is gone.
class KernelLibrary {
public:
  static KernelLibrary &get() {
    static auto *library = new KernelLibrary;
    return *library;
  }

  const Kernel *find(StringRef key) {
    std::lock_guard<std::mutex> lock(Locks::get().kernels);
    auto found = kernels.find(key);
    return found == kernels.end() ? nullptr : &found->second.kernel;
  }

  const Kernel *create(const KernelSpec &spec, StringRef key,
                       HilbertStatus &status);

  std::atomic<int64_t> compilations{0}, diskHits{0}, memoryHits{0};

private:
  struct Entry {
    Kernel kernel;
    std::unique_ptr<HostProgram> program;
  };

  llvm::StringMap<Entry> kernels;
};
} // namespace

/// Code of the cache folder, or new code, which is put there.
static llvm::Expected<std::unique_ptr<HostProgram>>
loadOrCompile(KernelLibrary &library, Compiler &compiler,
              const KernelSpec &spec, PatternAttr pattern, StringRef key) {
  DiskCache cache = DiskCache::fromEnvironment();
  std::string file = DiskCache::keyOf(getHostTarget() + '\n' + key.str());
  if (std::optional<std::string> bytes = cache.load(file)) {
    auto code = HostCode::deserialize(*bytes);
    if (code)
      if (auto program = HostProgram::load(*code)) {
        ++library.diskHits;
        return program;
      } else {
        llvm::consumeError(program.takeError());
      }
    else // Damaged: made again, and replaced.
      llvm::consumeError(code.takeError());
  }
  OwningOpRef<ModuleOp> module = buildProgram(compiler, spec, pattern);
  auto code = compiler.compile(*module, /*withGradients=*/false);
  if (!code)
    return code.takeError();
  ++library.compilations;
  cache.store(file, code->serialize());
  return HostProgram::load(*code);
}

const Kernel *KernelLibrary::create(const KernelSpec &spec, StringRef key,
                                    HilbertStatus &status) {
  std::lock_guard<std::mutex> lock(Locks::get().llvm);
  if (const Kernel *kernel = find(key))
    return kernel;
  Compiler compiler;
  compiler.getContext()
      .loadDialect<HilbertDialect, func::FuncDialect,
                   bufferization::BufferizationDialect>();
  Entry entry;
  PatternAttr pattern;
  if (!spec.pattern.empty()) {
    pattern = parsePattern(compiler, spec.pattern);
    if (!pattern) {
      status = fail(HILBERT_INVALID_ARGUMENT,
                    "pattern '" + spec.pattern +
                        "' is not valid: " + compiler.getDiagnostics());
      return nullptr;
    }
    auto visit = [&](ArrayRef<BranchAttr> branches) {
      for (BranchAttr branch : branches) {
        entry.kernel.shortestSegment =
            std::min(entry.kernel.shortestSegment, branch.getSegment());
        if (branch.getOffsetRule() == OffsetRule::List)
          entry.kernel.listedOffsets.push_back(branch.getOffsets().size());
      }
    };
    visit(pattern.getBranches());
    for (HeadGroupAttr group : pattern.getGroups())
      visit(group.getBranches());
  }
  auto program = loadOrCompile(*this, compiler, spec, pattern, key);
  if (!program) {
    status = fail(HILBERT_COMPILE_FAILED, program.takeError());
    return nullptr;
  }
  entry.program = std::move(*program);
  entry.kernel.function = entry.program->lookup(kFunction);
  std::lock_guard<std::mutex> insertion(Locks::get().kernels);
  return &kernels.try_emplace(key, std::move(entry)).first->second.kernel;
}

const Kernel *hilbert::getKernel(const KernelSpec &spec,
                                 HilbertStatus &status) {
  KernelLibrary &library = KernelLibrary::get();
  std::string key = spec.getKey();
  if (const Kernel *kernel = library.find(key)) {
    ++library.memoryHits;
    return kernel;
  }
  return library.create(spec, key, status);
}

void hilbertGetStatistics(HilbertStatistics *statistics) {
  KernelLibrary &host = KernelLibrary::get();
  DeviceKernelCache &device = DeviceKernelCache::get();
  if (statistics)
    *statistics = {host.compilations + device.compilations,
                   host.diskHits + device.diskHits,
                   host.memoryHits + device.memoryHits};
}
