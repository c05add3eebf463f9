//===- ArtifactReader.cpp - Artefacts from JSON ---------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ArtifactNames.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace hilbert;
using llvm::createStringError;
using llvm::formatv;
namespace json = llvm::json;

namespace {
/// A value of a manifest, with its path, for messages. Reading goes on after an
/// error with empty values; the first error is kept.
class Node {
public:
  Node(const json::Value *value, std::string path, std::string &error)
      : value(value), path(std::move(path)), error(error) {}

  Node operator[](StringRef key) const {
    const json::Object *object = value ? value->getAsObject() : nullptr;
    if (value && !object)
      expect("an object");
    std::string inner = path.empty() ? key.str() : path + "." + key.str();
    const json::Value *member = object ? object->get(key) : nullptr;
    if (object && !member)
      fail(formatv("{0} is missing", inner));
    return Node(member, std::move(inner), error);
  }

  std::vector<Node> list() const {
    std::vector<Node> nodes;
    const json::Array *array = value ? value->getAsArray() : nullptr;
    if (value && !array)
      expect("a list");
    for (size_t i = 0; array && i < array->size(); ++i)
      nodes.emplace_back(&(*array)[i], formatv("{0}[{1}]", path, i), error);
    return nodes;
  }

  std::string string() const {
    if (auto text = value ? value->getAsString() : std::nullopt)
      return text->str();
    expect("a string");
    return "";
  }
  int64_t integer(int64_t least) const {
    auto number = value ? value->getAsInteger() : std::nullopt;
    if (number && *number >= least)
      return *number;
    expect("an integer of at least " + std::to_string(least));
    return least;
  }
  bool boolean() const {
    if (auto truth = value ? value->getAsBoolean() : std::nullopt)
      return *truth;
    expect("true or false");
    return false;
  }
  /// The index of one of several words.
  unsigned oneOf(ArrayRef<const char *> words) const {
    std::string word = string();
    for (auto [i, each] : llvm::enumerate(words))
      if (word == each)
        return i;
    expect("one of " + llvm::join(words, ", "));
    return 0;
  }
  std::string wordOf(ArrayRef<const char *> words) const {
    return words[oneOf(words)];
  }

  bool has(StringRef key) const {
    const json::Object *object = value ? value->getAsObject() : nullptr;
    return object && object->get(key);
  }
  void fail(std::string message) const {
    if (error.empty())
      error = std::move(message);
  }

private:
  void expect(const std::string &what) const {
    if (value)
      fail(formatv("{0} must be {1}, but is {2}",
                   path.empty() ? "manifest" : path, what, *value));
  }

  const json::Value *value;
  std::string path;
  std::string &error;
};
} // namespace

static KernelInfo readKernel(const Node &node) {
  KernelInfo kernel;
  kernel.name = node["name"].string();
  kernel.attention = node["attention"].string();
  kernel.role = kernel.isElementwise()
                    ? node["role"].string()
                    : node["role"].wordOf({"forward", "dq", "dkv", "dk", "dv"});
  for (const Node &each : node["arguments"].list()) {
    KernelArgument argument;
    argument.name = each["name"].string();
    argument.type = KernelArgument::Type(each["type"].oneOf(kArgumentTypes));
    argument.use = KernelArgument::Use(each["use"].oneOf(kArgumentUses));
    if (argument.type == KernelArgument::Type::Pointer)
      argument.element =
          kernel.isElementwise()
              ? each["element"].wordOf(
                    {"f16", "bf16", "f32", "f64", "i16", "i32", "i64"})
              : each["element"].wordOf({"f16", "bf16", "f32", "i32"});
    kernel.arguments.push_back(std::move(argument));
  }
  kernel.schedule = node["schedule"].string();
  kernel.threads = node["threads"].integer(1);
  kernel.sharedBytes = node["shared_bytes"].integer(0);
  kernel.otherTile = node["other_tile"].integer(1);
  Node grid = node["grid"];
  if (kernel.isElementwise())
    (void)grid["rows"].wordOf({"elements"});
  else
    kernel.ownsQueries = grid["rows"].oneOf({"queries", "keys"}) == 0;
  kernel.tile = grid["tile"].integer(1);
  kernel.segment = grid["segment"].integer(0);
  kernel.classes = grid["classes"].integer(1);
  return kernel;
}

static AttentionInfo readAttention(const Node &node) {
  AttentionInfo attention;
  attention.name = node["name"].string();
  attention.isGradient = node["op"].oneOf({"attention", "attention_grad"}) == 1;
  Node key = node["key"];
  attention.dtype = key["dtype"].wordOf({"f16", "bf16", "f32"});
  attention.depth = key["depth"].integer(1);
  attention.pattern = key["pattern"].string();
  attention.causal = key["causal"].wordOf({"none", "token", "position"});
  for (auto [name, access] : {std::pair("query_access", &attention.queryAccess),
                              std::pair("key_access", &attention.keyAccess),
                              std::pair("out_access", &attention.outAccess)})
    *access = key[name].wordOf({"run", "table", "box"});
  attention.hasDlse = key["dlse"].boolean();
  for (const Node &name : node["launch"].list())
    attention.kernels.push_back(name.string());
  return attention;
}

/// Whether every attention launches its own kernels, each of which exists.
static llvm::Error checkNames(const GPUArtifact &artifact) {
  llvm::StringMap<StringRef> attentionOf;
  for (const KernelInfo &kernel : artifact.kernels)
    if (!attentionOf.try_emplace(kernel.name, kernel.attention).second)
      return createStringError("kernels must have names of their own, but '" +
                               kernel.name + "' is there twice");
  size_t launched = 0, launchable = 0;
  for (const KernelInfo &kernel : artifact.kernels)
    launchable += !kernel.isElementwise();
  for (const AttentionInfo &attention : artifact.attentions)
    for (const std::string &name : attention.kernels) {
      auto found = attentionOf.find(name);
      if (found == attentionOf.end() || found->second != attention.name)
        return createStringError("attention '" + attention.name +
                                 "' must launch kernels of its own, but '" +
                                 name + "' is not one");
      ++launched;
    }
  if (launched != launchable)
    return createStringError(
        formatv("attentions must launch each of {0} kernels once, but launch "
                "{1}",
                launchable, launched));
  return llvm::Error::success();
}

/// The type of a parameter in PTX. Signs are not in it.
static StringRef getPTXType(KernelArgument::Type type) {
  switch (type) {
  case KernelArgument::Type::Pointer:
  case KernelArgument::Type::I64:
    return ".u64";
  case KernelArgument::Type::I32:
    return ".u32";
  case KernelArgument::Type::F32:
    return ".f32";
  }
  llvm_unreachable("all types are handled");
}

/// Whether the PTX has the kernels of the manifest, for its target, and is all
/// there. The assembler does the rest.
static llvm::Error checkPTX(const GPUArtifact &artifact) {
  StringRef ptx = artifact.ptx;
  auto directive = [&](StringRef name) {
    StringRef rest = ptx.substr(std::min(ptx.find(name), ptx.size()));
    return rest.drop_front(std::min(name.size(), rest.size()))
        .take_until([](char c) { return c == '\n'; })
        .trim();
  };
  int version = artifact.target.ptxVersion;
  std::string wanted = formatv("{0}.{1}", version / 10, version % 10);
  if (directive("\n.version") != wanted)
    return createStringError("PTX must have version " + wanted + ", but has '" +
                             directive("\n.version") + "'");
  if (directive("\n.target") != artifact.target.chip)
    return createStringError("PTX must be for " + artifact.target.chip +
                             ", but is for '" + directive("\n.target") + "'");
  if (ptx.count('{') != ptx.count('}'))
    return createStringError(formatv("PTX must close the {0} blocks that it "
                                     "opens, but closes {1}",
                                     ptx.count('{'), ptx.count('}')));
  for (const KernelInfo &kernel : artifact.kernels) {
    size_t at = ptx.find(".entry " + kernel.name + "(");
    if (at == StringRef::npos)
      return createStringError("PTX must have kernel '" + kernel.name +
                               "', but has not");
    StringRef list = ptx.substr(at).take_until([](char c) { return c == ')'; });
    SmallVector<StringRef> parameters;
    list.split(parameters, ".param ");
    if (parameters.size() - 1 != kernel.arguments.size())
      return createStringError(
          formatv("kernel '{0}' must have {1} parameters in PTX, but has {2}",
                  kernel.name, kernel.arguments.size(), parameters.size() - 1));
    for (auto [argument, parameter] :
         llvm::zip_equal(kernel.arguments, ArrayRef(parameters).drop_front()))
      if (!parameter.starts_with(getPTXType(argument.type)))
        return createStringError(
            formatv("argument '{0}' of kernel '{1}' must be {2} in PTX, but is "
                    "{3}",
                    argument.name, kernel.name, getPTXType(argument.type),
                    parameter.take_until([](char c) { return c == ' '; })));
  }
  return llvm::Error::success();
}

llvm::Expected<GPUArtifact> GPUArtifact::parse(StringRef manifest,
                                               StringRef ptx) {
  llvm::Expected<json::Value> value = json::parse(manifest);
  if (!value)
    return createStringError("manifest must be JSON, but: " +
                             llvm::toString(value.takeError()));
  std::string error;
  Node root(&*value, "", error);
  // First of all: another schema may have other fields.
  int64_t schema = root["schema"].integer(0);
  if (error.empty() && schema != kSchema)
    return createStringError(formatv("schema must be {0}, but is {1}: this "
                                     "version of hilbert reads no other",
                                     kSchema, schema));
  GPUArtifact artifact;
  artifact.compiler = root["compiler"]["version"].string();
  artifact.llvm = root["compiler"]["llvm"].string();
  std::string chip = root["target"].string();
  int64_t version = root["ptx_version"].integer(0);
  for (const Node &node : root["kernels"].list())
    artifact.kernels.push_back(readKernel(node));
  for (const Node &node : root["attentions"].list())
    artifact.attentions.push_back(readAttention(node));
  if (root.has("cubin_minimum_driver"))
    artifact.cubinDriver = root["cubin_minimum_driver"].integer(1);
  if (!error.empty())
    return createStringError(error);
  auto target = PTXTarget::get(chip);
  if (!target)
    return target.takeError();
  artifact.target = *target;
  artifact.target.ptxVersion = version;
  artifact.ptx = ptx.str();
  if (llvm::Error wrong = checkNames(artifact))
    return wrong;
  if (llvm::Error wrong = checkPTX(artifact))
    return wrong;
  return artifact;
}
