//===- DeviceKernels.cpp - Attention kernels for GPUs, compiled once ------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/ExecutionEngine/DeviceKernels.h"

#include "DeviceCompiler.h"

#include "hilbert/ExecutionEngine/DeviceTables.h"
#include "hilbert/ExecutionEngine/HostCode.h"
#include "hilbert/Support/DiskCache.h"

#include "hilbert-runtime/Cuda/OnceCache.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/SHA256.h"

using namespace hilbert;
using namespace hilbert::rt;
using namespace hilbert::rt::cuda;
using llvm::ArrayRef;
using llvm::createStringError;
using llvm::StringRef;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

namespace {
/// Operands of an op, printed with their types.
class OperandList {
public:
  OperandList &add(StringRef name, StringRef type) {
    names.push_back(("%" + name).str());
    types.push_back(type.str());
    return *this;
  }
  std::string text() const {
    return llvm::join(names, ", ") + " : " + llvm::join(types, ", ");
  }
  std::string parameters() const {
    std::vector<std::string> list;
    for (auto [name, type] : llvm::zip_equal(names, types))
      list.push_back(name + ": " + type);
    return llvm::join(list, ", ");
  }
  const std::vector<std::string> &getTypes() const { return types; }

private:
  std::vector<std::string> names, types;
};
} // namespace

static std::string getAttributes(const DeviceKernelSpec &spec) {
  std::vector<std::string> list;
  if (spec.allowTF32)
    list.push_back("hilbert_gpu.allow_tf32");
  if (spec.queryBoxes)
    list.push_back("hilbert_gpu.query_access = #hilbert_gpu.access<box>");
  if (spec.keyBoxes)
    list.push_back("hilbert_gpu.key_access = #hilbert_gpu.access<box>");
  return list.empty() ? "" : " {" + llvm::join(list, ", ") + "}";
}

std::string DeviceKernelSpec::getProgram() const {
  // Layouts differ by strides, which are arguments.
  std::string matrix =
      ("tensor<?x?x?x" + Twine(depth) + "x" + npyTypeName(type) + ">").str();
  StringRef stats = "tensor<?x?x?xf32>", table = "tensor<?xi32>";
  OperandList parameters, ins, outs;
  for (StringRef name : {"q", "k", "v"}) {
    ins.add(name, matrix);
    parameters.add(name, matrix);
  }
  if (isGradient) {
    ins.add("out", matrix).add("lse", stats).add("dout", matrix);
    parameters.add("out", matrix).add("lse", stats).add("dout", matrix);
    if (hasDlse)
      parameters.add("dlse", stats);
    for (StringRef name : {"dq", "dk", "dv"})
      outs.add(name, matrix);
    parameters.add("dq", matrix).add("dk", matrix).add("dv", matrix);
  } else {
    outs.add("out", matrix).add("lse", stats);
    parameters.add("out", matrix).add("lse", stats);
  }
  int numOrders = *llvm::max_element(orders) + 1;
  for (int i = 0; i < numOrders; ++i)
    parameters.add(("order" + Twine(i)).str(), table);

  std::vector<std::string> clauses;
  constexpr StringRef sides[] = {"q", "kv", "out"};
  for (auto [side, number] : llvm::zip_equal(sides, orders))
    if (number >= 0)
      clauses.push_back(
          (side + " = %order" + Twine(number) + " : " + table).str());
  std::string results = llvm::join(outs.getTypes(), ", ");
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "func.func @attention" << (isGradient ? "_grad" : "") << "("
     << parameters.parameters() << ") -> (" << results << ") {\n"
     << "  %results:" << outs.getTypes().size() << " = hilbert.attention"
     << (isGradient ? "_grad" : "") << " ins(" << ins.text() << ")";
  if (hasDlse)
    os << " dlse(%dlse : " << stats << ")";
  os << " outs(" << outs.text() << ")";
  if (!clauses.empty())
    os << " order(" << llvm::join(clauses, ", ") << ")";
  if (!pattern.empty())
    os << " pattern<" << pattern << ">";
  if (causal != Causality::None)
    os << " causal<" << stringifyCausality(causal) << ">";
  if (!schedule.empty())
    os << " schedule(" << schedule << ")";
  os << getAttributes(*this) << "\n  return ";
  for (size_t i = 0; i < outs.getTypes().size(); ++i)
    os << (i ? ", " : "") << "%results#" << i;
  os << " : " << results << "\n}\n";
  return text;
}

/// "tensor<?x?xf32>".
static std::string getTensorType(int64_t rank, StringRef element) {
  std::string text = "tensor<";
  for (int64_t d = 0; d < rank; ++d)
    text += "?x";
  return text + element.str() + ">";
}

static std::string repeat(StringRef text, int64_t times) {
  return llvm::join(std::vector<StringRef>(times, text), ", ");
}

std::string DeviceElementwiseSpec::getProgram() const {
  std::string resultType = getTensorType(rank, result);
  OperandList ins, parameters;
  for (auto [i, element] : llvm::enumerate(operands))
    ins.add(("in" + Twine(i)).str(), getTensorType(rank, element));
  parameters = ins;
  std::string text;
  llvm::raw_string_ostream os(text);
  switch (kind) {
  case Elementwise:
    os << '"' << op << "\"(";
    for (size_t i = 0; i < operands.size(); ++i)
      os << (i ? ", " : "") << "%in" << i;
    os << ')';
    if (!properties.empty())
      os << " <" << properties << '>';
    os << " : (" << llvm::join(ins.getTypes(), ", ") << ") -> " << resultType;
    break;
  case Copy:
    parameters.add("to", resultType).add("size", "index");
    os << "tensor.insert_slice %in0 into %to[" << repeat("0", rank) << "] ["
       << repeat("%size", rank) << "] [" << repeat("1", rank)
       << "] : " << resultType << " into " << resultType;
    break;
  case Reorder:
  case Restore:
    // A table of one order has the stride 0.
    StringRef table = dim > 0 ? "tensor<?x?xi32>" : "tensor<?xi32>";
    parameters.add("table", table);
    os << (kind == Reorder ? "hilbert.reorder" : "hilbert.restore")
       << " %in0 dim " << dim << " order(%table : " << table
       << ") : " << resultType;
    break;
  }
  return "func.func @elementwise(" + parameters.parameters() + ") -> " +
         resultType + " {\n  %result = " + text +
         "\n  return %result : " + resultType + "\n}\n";
}

//===----------------------------------------------------------------------===//
// Bytes
//===----------------------------------------------------------------------===//

// A magic word, the SHA-256 of all that follows, the size of the manifest as
// eight little-endian bytes, the manifest, the PTX.
static constexpr llvm::StringLiteral kMagic = "hilbertgpu1";
static constexpr size_t kDigestSize = 32, kSizeSize = 8;

static std::string digestOf(StringRef bytes) {
  auto digest = llvm::SHA256::hash(llvm::arrayRefFromStringRef(bytes));
  return llvm::toStringRef(digest).str();
}

static std::string serialize(const GPUArtifact &code) {
  std::string manifest;
  llvm::raw_string_ostream(manifest) << code.getManifest();
  std::string payload(kSizeSize, '\0');
  llvm::support::endian::write64le(payload.data(), manifest.size());
  payload += manifest;
  payload += code.ptx;
  return kMagic.str() + digestOf(payload) + payload;
}

/// Fails for bytes that serialize did not write.
static llvm::Expected<GPUArtifact> deserialize(StringRef bytes) {
  StringRef payload = bytes;
  if (!payload.consume_front(kMagic) ||
      payload.size() < kDigestSize + kSizeSize)
    return createStringError("GPU code must begin with '" + kMagic + "'");
  StringRef digest = payload.take_front(kDigestSize);
  payload = payload.drop_front(kDigestSize);
  if (digestOf(payload) != digest)
    return createStringError("the GPU code is damaged: its checksum differs");
  size_t size = llvm::support::endian::read64le(payload.data());
  payload = payload.drop_front(kSizeSize);
  if (size > payload.size())
    return createStringError("the GPU code's manifest is longer than it");
  return GPUArtifact::parse(payload.take_front(size), payload.drop_front(size));
}

//===----------------------------------------------------------------------===//
// The cache
//===----------------------------------------------------------------------===//

struct DeviceKernelCache::OnDevices {
  OnceCache<DeviceKernels> kernels;
  TableCache tables;
};

DeviceKernelCache::DeviceKernelCache()
    : onDevices(std::make_unique<OnDevices>()) {}
DeviceKernelCache::~DeviceKernelCache() = default;

DeviceKernelCache &DeviceKernelCache::get() {
  static auto *cache = new DeviceKernelCache;
  return *cache;
}

StringRef hilbert::getTargetFor(const DeviceProperties &properties) {
  struct Target {
    int computeCapability;
    /// What a CTA of its schedules may need.
    int sharedBytes;
    StringRef name;
  };
  static constexpr Target targets[] = {{90, 227 << 10, "sm_90"},
                                       {89, 99 << 10, "sm_89"},
                                       {87, 163 << 10, "sm_87"},
                                       {86, 99 << 10, "sm_86"},
                                       {80, 163 << 10, "sm_80"}};
  for (const Target &target : targets)
    if (properties.computeCapability >= target.computeCapability &&
        properties.maxSharedBytes >= target.sharedBytes)
      return target.name;
  // The driver says that the kernels need too much shared memory, if so.
  return "sm_80";
}

/// What no machine can do, or we do not.
static Status getStatus(llvm::Error error) {
  return Status(StatusCode::Unsupported, toString(std::move(error)));
}

Result<std::shared_ptr<const DeviceGeometry>>
DeviceKernelCache::getGeometry(const Device &device,
                               const DeviceKernelSpec &spec) {
  // A child of a process that used CUDA would wait for a thread that is not.
  if (Status status = Driver::checkProcess(); !status.ok())
    return status;
  DeviceKernelSpec plain = spec;
  plain.queryBoxes = plain.keyBoxes = false;
  std::string target = getTargetFor(device.properties()).str();
  std::string key = target + '\n' + plain.getProgram();
  std::lock_guard<std::mutex> lock(mutex);
  auto &entry = geometries[key];
  if (entry)
    return entry;
  DeviceCompiler compiler;
  auto geometry = compiler.getGeometry(plain, target);
  if (!geometry)
    return getStatus(geometry.takeError());
  entry = std::make_shared<const DeviceGeometry>(std::move(*geometry));
  return entry;
}

template <typename Spec>
Result<std::shared_ptr<const GPUArtifact>>
DeviceKernelCache::getCodeOf(StringRef target, const Spec &spec) {
  if (Status status = Driver::checkProcess(); !status.ok())
    return status;
  std::string key = (target + "\n" + spec.getProgram()).str();
  std::lock_guard<std::mutex> lock(mutex);
  auto &entry = codes[key];
  if (entry) {
    ++memoryHits;
    return entry;
  }
  DiskCache folder = DiskCache::fromEnvironment();
  std::string file = DiskCache::keyOf("cuda " + getHostTarget() + '\n' + key);
  if (std::optional<std::string> bytes = folder.load(file)) {
    auto code = deserialize(*bytes);
    if (code) {
      ++diskHits;
      entry = std::make_shared<const GPUArtifact>(std::move(*code));
      return entry;
    }
    // Damaged: made again, and replaced.
    llvm::consumeError(code.takeError());
  }
  DeviceCompiler compiler;
  auto code = compiler.compile(spec, target);
  if (!code)
    return getStatus(code.takeError());
  ++compilations;
  folder.store(file, serialize(*code));
  entry = std::make_shared<const GPUArtifact>(std::move(*code));
  return entry;
}

Result<std::shared_ptr<const GPUArtifact>>
DeviceKernelCache::getCode(StringRef target, const DeviceKernelSpec &spec) {
  return getCodeOf(target, spec);
}
Result<std::shared_ptr<const GPUArtifact>>
DeviceKernelCache::getCode(StringRef target,
                           const DeviceElementwiseSpec &spec) {
  return getCodeOf(target, spec);
}

static Result<DeviceKernels> load(const Device &device,
                                  std::shared_ptr<const GPUArtifact> code) {
  auto module = Module::load(device, code->ptx, code->kernels.front().name);
  if (!module.ok())
    return module.status();
  DeviceKernels loaded{std::move(code), *std::move(module), {}};
  for (const KernelInfo &info : loaded.code->kernels) {
    auto kernel = loaded.module.kernel(info.name, unsigned(info.sharedBytes));
    if (!kernel.ok())
      return kernel.status();
    loaded.kernels.push_back(*std::move(kernel));
  }
  return loaded;
}

template <typename Spec>
Result<std::shared_ptr<const DeviceKernels>>
DeviceKernelCache::getKernelsOf(const Device &device, const Spec &spec) {
  return onDevices->kernels.get(
      device, spec.getProgram(), [&]() -> Result<DeviceKernels> {
        auto code = getCode(getTargetFor(device.properties()), spec);
        if (!code.ok())
          return code.status();
        return load(device, *code);
      });
}

Result<std::shared_ptr<const DeviceKernels>>
DeviceKernelCache::getKernels(const Device &device,
                              const DeviceKernelSpec &spec) {
  return getKernelsOf(device, spec);
}
Result<std::shared_ptr<const DeviceKernels>>
DeviceKernelCache::getKernels(const Device &device,
                              const DeviceElementwiseSpec &spec) {
  return getKernelsOf(device, spec);
}

Result<std::shared_ptr<const Buffer>>
DeviceKernelCache::getTable(const Device &device, StringRef key,
                            const void *data, size_t bytes) {
  return onDevices->tables.get(device, key, data, bytes);
}

Result<std::shared_ptr<const Buffer>>
DeviceKernelCache::getOrder(const Device &device,
                            const curve::OrderSpec &order) {
  const int32_t *entries = getOrderTable(order);
  if (!entries)
    return Status::noHostMemory();
  return getTable(device, "order " + getOrderKey(order), entries,
                  size_t(order.length) * sizeof(int32_t));
}
