//===- ArtifactManifest.cpp - Artefacts as JSON ---------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ArtifactNames.h"

#include "llvm/ADT/STLExtras.h"

using namespace hilbert;
using llvm::json::Array;
using llvm::json::Object;

int64_t GPUArtifact::getMinimumDriver(int ptxVersion) {
  // PTX ISA, "Release Notes": the CUDA version that brought each.
  if (ptxVersion <= 70)
    return 11000;
  if (ptxVersion <= 71)
    return 11010;
  if (ptxVersion <= 74)
    return 11040;
  if (ptxVersion <= 78)
    return 11080;
  return 12000;
}

static Object getArgument(const KernelArgument &argument) {
  Object object{{"name", argument.name},
                {"type", getName(argument.type)},
                {"use", getName(argument.use)}};
  if (argument.type == KernelArgument::Type::Pointer)
    object["element"] = argument.element;
  return object;
}

static const char *getRows(const KernelInfo &kernel) {
  if (kernel.isElementwise())
    return "elements";
  return kernel.ownsQueries ? "queries" : "keys";
}

static Object getKernel(const KernelInfo &kernel) {
  Array arguments;
  for (const KernelArgument &argument : kernel.arguments)
    arguments.push_back(getArgument(argument));
  return Object{{"name", kernel.name},
                {"attention", kernel.attention},
                {"role", kernel.role},
                {"arguments", std::move(arguments)},
                {"schedule", kernel.schedule},
                {"threads", kernel.threads},
                {"shared_bytes", kernel.sharedBytes},
                {"other_tile", kernel.otherTile},
                {"grid", Object{{"rows", getRows(kernel)},
                                {"tile", kernel.tile},
                                {"segment", kernel.segment},
                                {"classes", kernel.classes}}}};
}

static Object getAttention(const AttentionInfo &attention) {
  Array workspace;
  // What one kernel writes for the next.
  if (attention.isGradient)
    workspace.push_back(
        Object{{"name", "delta"},
               {"element", "f32"},
               {"element_bytes", 4},
               {"shape", Array{"batch", "query_heads", "queries"}}});
  return Object{{"name", attention.name},
                {"op", attention.isGradient ? "attention_grad" : "attention"},
                {"key", Object{{"dtype", attention.dtype},
                               {"depth", attention.depth},
                               {"pattern", attention.pattern},
                               {"causal", attention.causal},
                               {"query_access", attention.queryAccess},
                               {"key_access", attention.keyAccess},
                               {"out_access", attention.outAccess},
                               {"dlse", attention.hasDlse}}},
                {"launch", Array(attention.kernels)},
                {"workspace", std::move(workspace)}};
}

llvm::json::Value GPUArtifact::getManifest() const {
  Array attentionList, kernelList;
  for (const AttentionInfo &attention : attentions)
    attentionList.push_back(getAttention(attention));
  for (const KernelInfo &kernel : kernels)
    kernelList.push_back(getKernel(kernel));
  Object manifest{{"schema", kSchema},
                  {"compiler", Object{{"version", compiler}, {"llvm", llvm}}},
                  {"target", target.chip},
                  {"ptx_version", target.ptxVersion},
                  {"minimum_driver", getMinimumDriver(target.ptxVersion)},
                  {"attentions", std::move(attentionList)},
                  {"kernels", std::move(kernelList)}};
  if (cubinDriver)
    manifest["cubin_minimum_driver"] = cubinDriver;
  return manifest;
}
