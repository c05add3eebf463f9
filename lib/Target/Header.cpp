//===- Header.cpp - Artefacts as C ----------------------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Target/Artifact.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace hilbert;
using llvm::formatv;

static StringRef getCType(KernelArgument::Type type) {
  switch (type) {
  case KernelArgument::Type::Pointer:
    return "uint64_t";
  case KernelArgument::Type::I32:
    return "int32_t";
  case KernelArgument::Type::I64:
    return "int64_t";
  case KernelArgument::Type::F32:
    return "float";
  }
  llvm_unreachable("all types are handled");
}

/// What a name means, wherever it occurs.
static std::string getMeaning(const KernelArgument &argument) {
  StringRef name = argument.name;
  if (name.ends_with("_table_batch_stride"))
    return "elements; 0 if all batch items share the table";
  if (name.ends_with("_stride"))
    return "elements";
  if (name.ends_with("_table"))
    return "i32 [1 or batch, tokens], read: the token at each position";
  if (name.ends_with("_boxes"))
    return "i32 [tiles, 4], read: origin, log2 width, log2 height, 0";
  if (name.ends_with("_width"))
    return "tokens in a row of the grid";
  if (name.ends_with("_plane"))
    return "tokens in a plane of the grid; any number in 2-D";
  StringRef shape =
      llvm::StringSwitch<StringRef>(name)
          .Cases({"lse", "delta", "dlse"}, " [batch, query_heads, queries]")
          .Case("offsets", " [query_heads]")
          .Cases({"k", "v", "dk", "dv"}, " of batch, key_heads, keys, depth")
          .Default(" of batch, query_heads, queries, depth");
  switch (argument.use) {
  case KernelArgument::Use::Input:
    return argument.element + shape.str() + ", read";
  case KernelArgument::Use::Output:
    return argument.element + shape.str() + ", written";
  case KernelArgument::Use::Value:
    return llvm::StringSwitch<std::string>(name)
        .Cases({"queries", "keys"}, "tokens")
        .Cases({"query_heads", "key_heads"}, "heads")
        .Case("scale", "of scores, such as 1 / sqrt(depth)")
        .Default("");
  }
  llvm_unreachable("all uses are handled");
}

static void writeGrid(raw_ostream &os, const KernelInfo &kernel,
                      StringRef name) {
  StringRef rows = kernel.ownsQueries ? "queries" : "keys";
  StringRef heads = kernel.ownsQueries ? "query_heads" : "key_heads";
  os << "/* The size of the one-dimensional grid. 0: there is nothing to do. "
        "*/\n"
     << "static inline int64_t " << name << "_ctas(const struct " << name
     << "_arguments *arguments,\n"
     << "    int64_t batch) {\n"
     << "  const int64_t tokens = arguments->" << rows << ";\n";
  if (kernel.segment)
    os << formatv("  const int64_t segment = tokens < {0} ? tokens : {0};\n"
                  "  const int64_t segments = (tokens + {1}) / {0};\n",
                  kernel.segment, kernel.segment - 1);
  else
    os << "  const int64_t segment = tokens;\n"
       << "  const int64_t segments = 1;\n";
  os << formatv("  const int64_t members = (segment + {0}) / {1};\n"
                "  const int64_t tiles = (members + {2}) / {3};\n",
                kernel.classes - 1, kernel.classes, kernel.tile - 1,
                kernel.tile);
  os << "  return tiles * " << kernel.classes << " * segments * arguments->"
     << heads << " * batch;\n}\n\n";
}

static void writeKernel(raw_ostream &os, const KernelInfo &kernel,
                        StringRef name) {
  os << formatv("/* {0}: the {1} kernel of attention {2}. */\n"
                "#define {3}_name \"{0}\"\n"
                "enum {{\n"
                "  {3}_threads = {4},      /* of a CTA */\n"
                "  {3}_shared_bytes = {5}, /* dynamic, of a CTA */\n"
                "  {3}_tile = {6},         /* {7} of a CTA */\n"
                "  {3}_other_tile = {8},   /* {9} that it takes at a time */\n"
                "  {3}_argument_count = {10}\n"
                "};\n\n",
                kernel.name, kernel.role, kernel.attention, name,
                kernel.threads, kernel.sharedBytes, kernel.tile,
                kernel.ownsQueries ? "queries" : "keys", kernel.otherTile,
                kernel.ownsQueries ? "keys" : "queries",
                kernel.arguments.size());
  os << "struct " << name << "_arguments {\n";
  for (const KernelArgument &argument : kernel.arguments)
    os << "  " << getCType(argument.type) << ' ' << argument.name << "; /* "
       << getMeaning(argument) << " */\n";
  os << "};\n\n"
     << "/* The `kernelParams` of cuLaunchKernel: pointers to the arguments. "
        "*/\n"
     << "static inline void " << name << "_fill(struct " << name
     << "_arguments *arguments,\n"
     << "    void *parameters[" << name << "_argument_count]) {\n";
  for (auto [i, argument] : llvm::enumerate(kernel.arguments))
    os << "  parameters[" << i << "] = &arguments->" << argument.name << ";\n";
  os << "}\n\n";
  writeGrid(os, kernel, name);
}

static void writeAttention(raw_ostream &os, const AttentionInfo &attention,
                           StringRef name) {
  os << formatv("/* {0} {1}: {2}, depth {3}, {4}, causal {5}; rows of q by "
                "{6}, of k and v by\n   {7}, of out by {8}. Kernels, in the "
                "order in which they run: {9}. */\n\n",
                attention.isGradient ? "The gradient" : "Attention",
                attention.name, attention.dtype, attention.depth,
                attention.pattern, attention.causal, attention.queryAccess,
                attention.keyAccess, attention.outAccess,
                llvm::join(attention.kernels, ", "));
  if (attention.isGradient)
    os << "/* Bytes of delta, which its first kernel writes for the others. "
          "*/\n"
       << "static inline int64_t " << name
       << "_workspace_bytes(int64_t batch, int64_t query_heads,\n"
       << "    int64_t queries) {\n"
       << "  return 4 * batch * query_heads * queries;\n}\n\n";
}

std::string GPUArtifact::getHeader(StringRef prefix) const {
  std::string text;
  llvm::raw_string_ostream os(text);
  std::string guard = "HILBERT_" + prefix.upper();
  for (const AttentionInfo &attention : attentions)
    guard += StringRef(attention.name).upper() + "_";
  guard += StringRef(target.chip).upper() + "_H";
  os << formatv("/* Written by hilbert-compile {0} for {1}: how to launch the "
                "kernels of the PTX\n   beside it. docs/artifacts.md explains "
                "it. C99; needs a driver for CUDA {2}.{3}. */\n\n",
                compiler, target.chip,
                getMinimumDriver(target.ptxVersion) / 1000,
                getMinimumDriver(target.ptxVersion) % 1000 / 10)
     << "#ifndef " << guard << "\n#define " << guard << "\n\n"
     << "#include <stdint.h>\n\n"
     << "/* Pointers are the driver's CUdeviceptr. */\n\n";
  for (const AttentionInfo &attention : attentions) {
    writeAttention(os, attention, (prefix + attention.name).str());
    for (const KernelInfo &kernel : kernels)
      if (kernel.attention == attention.name)
        writeKernel(os, kernel, (prefix + kernel.name).str());
  }
  os << "#endif /* " << guard << " */\n";
  return text;
}
