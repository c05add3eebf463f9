//===- ArtifactTest.cpp - Tests of artefacts ------------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Target/Artifact.h"

#include "hilbert/InitAll.h"
#include "hilbert/Pipelines/Compile.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace hilbert;

// Two attentions of one function, in boxes and by a table, and a gradient.
static constexpr const char *kProgram = R"(
!m = tensor<1x?x2x64xbf16>
!s = tensor<1x2x?xf32>
func.func @f(%q: !m, %k: !m, %v: !m, %o: !m, %l: !s, %t: tensor<?xi32>,
             %dout: !m) -> (!m, !m, !m) {
  %a:2 = hilbert.attention ins(%q, %k, %v : !m, !m, !m) outs(%o, %l : !m, !s)
    order(q = %t : tensor<?xi32>, kv = %t : tensor<?xi32>,
          out = %t : tensor<?xi32>)
    pattern<(segment = 256)> causal<token>
  %b:2 = hilbert.attention ins(%a#0, %k, %v : !m, !m, !m)
    outs(%o, %l : !m, !s)
  %g:3 = hilbert.attention_grad
    ins(%q, %k, %v, %b#0, %b#1, %dout : !m, !m, !m, !m, !s, !m)
    outs(%q, %k, %v : !m, !m, !m)
  return %g#0, %g#1, %g#2 : !m, !m, !m
}
)";

namespace {
class ArtifactTest : public testing::Test {
protected:
  static void SetUpTestSuite() {
    DialectRegistry registry;
    registerAllDialects(registry);
    registerAllPasses();
    MLIRContext context(registry, MLIRContext::Threading::DISABLED);
    auto module = parseSourceString<ModuleOp>(kProgram, &context);
    ASSERT_TRUE(module);
    ASSERT_TRUE(succeeded(compile(*module, "hilbert-to-nvvm{chip=sm_90}")));
    auto made =
        GPUArtifact::create(llvm::to_vector(module->getOps<gpu::GPUModuleOp>()),
                            llvm::cantFail(PTXTarget::get("sm_90")));
    ASSERT_TRUE(bool(made)) << llvm::toString(made.takeError());
    artifact = new GPUArtifact(std::move(*made));
  }
  static void TearDownTestSuite() { delete artifact; }

  static std::string getManifest() {
    return llvm::formatv("{0}", artifact->getManifest());
  }
  /// What parsing says after `before` in the manifest has become `after`.
  static std::string parseWith(StringRef before, StringRef after) {
    return parse(replace(getManifest(), before, after), artifact->ptx);
  }
  /// The same of the PTX.
  static std::string parseWithPTX(StringRef before, StringRef after) {
    return parse(getManifest(), replace(artifact->ptx, before, after));
  }
  static std::string parse(StringRef manifest, StringRef ptx) {
    auto parsed = GPUArtifact::parse(manifest, ptx);
    return parsed ? "" : llvm::toString(parsed.takeError());
  }

  static GPUArtifact *artifact;

private:
  static std::string replace(std::string text, StringRef before,
                             StringRef after) {
    size_t at = text.find(before.str());
    EXPECT_NE(at, std::string::npos) << before.str();
    return at == std::string::npos
               ? text
               : text.replace(at, before.size(), after.str());
  }
};
GPUArtifact *ArtifactTest::artifact = nullptr;
} // namespace

TEST_F(ArtifactTest, WhatIsWrittenIsRead) {
  auto parsed = GPUArtifact::parse(getManifest(), artifact->ptx);
  ASSERT_TRUE(bool(parsed)) << llvm::toString(parsed.takeError());
  EXPECT_EQ(llvm::formatv("{0}", parsed->getManifest()).str(), getManifest());
  EXPECT_EQ(parsed->ptx, artifact->ptx);
  EXPECT_EQ(parsed->getHeader(), artifact->getHeader());
}

TEST_F(ArtifactTest, AllKernelsAreInOneArtifact) {
  std::vector<std::string> names, launched;
  for (const KernelInfo &kernel : artifact->kernels)
    names.push_back(kernel.name);
  for (const AttentionInfo &attention : artifact->attentions)
    llvm::append_range(launched, attention.kernels);
  EXPECT_EQ(names, launched);
  for (StringRef name : {"f_forward", "f_1_forward", "f_2_dq", "f_2_dkv"})
    EXPECT_TRUE(llvm::is_contained(names, name)) << name.str();
  EXPECT_EQ(artifact->attentions[2].kernels.back(), "f_2_dkv");
  for (const std::string &name : names)
    EXPECT_NE(artifact->ptx.find(".visible .entry " + name + "("),
              std::string::npos)
        << name;
}

TEST_F(ArtifactTest, ElementwiseKernelsBelongToNoAttention) {
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  auto module = parseSourceString<ModuleOp>(R"(
    func.func @f(%x: tensor<?xf32>) -> tensor<?xbf16> {
      %0 = arith.truncf %x : tensor<?xf32> to tensor<?xbf16>
      return %0 : tensor<?xbf16>
    })",
                                            &context);
  ASSERT_TRUE(module);
  ASSERT_TRUE(
      succeeded(compile(*module, "hilbert-elementwise-to-nvvm{chip=sm_90}")));
  auto made =
      GPUArtifact::create(llvm::to_vector(module->getOps<gpu::GPUModuleOp>()),
                          llvm::cantFail(PTXTarget::get("sm_90")));
  ASSERT_TRUE(bool(made)) << llvm::toString(made.takeError());
  std::string manifest = llvm::formatv("{0}", made->getManifest());
  auto read = GPUArtifact::parse(manifest, made->ptx);
  ASSERT_TRUE(bool(read)) << llvm::toString(read.takeError());
  EXPECT_EQ(llvm::formatv("{0}", read->getManifest()).str(), manifest);
  EXPECT_TRUE(read->attentions.empty());
  const KernelInfo &kernel = read->kernels.at(0);
  EXPECT_TRUE(kernel.isElementwise());
  EXPECT_EQ(kernel.name, "f_truncf");
  EXPECT_EQ(kernel.role, "truncf");
  EXPECT_EQ(kernel.arguments[2].element, "f32");
  EXPECT_EQ(kernel.arguments[2].use, KernelArgument::Use::Input);
  EXPECT_EQ(kernel.arguments[4].element, "bf16");
  EXPECT_EQ(kernel.arguments[4].use, KernelArgument::Use::Output);
  size_t rows = manifest.find("\"elements\"");
  ASSERT_NE(rows, std::string::npos);
  EXPECT_EQ(parse(manifest.replace(rows, 10, "\"queries\""), made->ptx),
            "kernels[0].grid.rows must be one of elements, but is \"queries\"");
}

TEST_F(ArtifactTest, SpecialisationKey) {
  const AttentionInfo &first = artifact->attentions[0];
  EXPECT_EQ(first.dtype, "bf16");
  EXPECT_EQ(first.depth, 64);
  EXPECT_NE(first.pattern.find("segment = 256"), std::string::npos);
  EXPECT_EQ(first.causal, "token");
  EXPECT_EQ(first.queryAccess, "table");
  EXPECT_EQ(first.keyAccess, "table");
  EXPECT_EQ(first.outAccess, "table");
  const AttentionInfo &second = artifact->attentions[1];
  EXPECT_EQ(second.pattern, "dense");
  EXPECT_EQ(second.causal, "none");
  EXPECT_EQ(second.keyAccess, "run");
}

TEST_F(ArtifactTest, DeltaIsWrittenOnceAndThenRead) {
  std::vector<KernelArgument::Use> uses;
  for (const KernelInfo &kernel : artifact->kernels)
    for (const KernelArgument &argument : kernel.arguments)
      if (argument.name == "delta")
        uses.push_back(argument.use);
  ASSERT_GE(uses.size(), 2u);
  EXPECT_EQ(uses[0], KernelArgument::Use::Output);
  for (size_t i = 1; i < uses.size(); ++i)
    EXPECT_EQ(uses[i], KernelArgument::Use::Input);
}

TEST_F(ArtifactTest, MinimumDriverIsThatOfThePTXVersion) {
  EXPECT_EQ(GPUArtifact::getMinimumDriver(70), 11000);
  EXPECT_EQ(GPUArtifact::getMinimumDriver(78), 11080);
  EXPECT_EQ(GPUArtifact::getMinimumDriver(80), 12000);
}

TEST_F(ArtifactTest, RejectsAnotherSchema) {
  EXPECT_EQ(parseWith("\"schema\":1", "\"schema\":2"),
            "schema must be 1, but is 2: this version of hilbert reads no "
            "other");
  // Even if nothing else is as it was.
  EXPECT_EQ(parse("{\"schema\":7}", ""),
            "schema must be 1, but is 7: this version of hilbert reads no "
            "other");
}

TEST_F(ArtifactTest, RejectsDamagedManifests) {
  EXPECT_EQ(parse("[]", ""), "manifest must be an object, but is []");
  EXPECT_EQ(parse("{}", ""), "schema is missing");
  EXPECT_NE(parse("{\"schema\":1,", "").find("manifest must be JSON, but: "),
            std::string::npos);
  EXPECT_EQ(parseWith("\"threads\":128", "\"threads\":0"),
            "kernels[0].threads must be an integer of at least 1, but is 0");
  EXPECT_EQ(parseWith("\"threads\":128", "\"threads\":\"many\""),
            "kernels[0].threads must be an integer of at least 1, but is "
            "\"many\"");
  EXPECT_EQ(parseWith("\"threads\":128", "\"strands\":128"),
            "kernels[0].threads is missing");
  EXPECT_EQ(parseWith("\"rows\":\"queries\"", "\"rows\":\"columns\""),
            "kernels[0].grid.rows must be one of queries, keys, but is "
            "\"columns\"");
  EXPECT_EQ(parseWith("\"dlse\":false", "\"dlse\":0"),
            "attentions[0].key.dlse must be true or false, but is 0");
  EXPECT_EQ(parseWith("\"target\":\"sm_90\"", "\"target\":\"sm_9\""),
            "target must be sm_80, sm_86, sm_87, sm_89, sm_90 or sm_90a, but "
            "is 'sm_9'");
  EXPECT_EQ(
      parseWith("\"launch\":[\"f_forward\"]", "\"launch\":[\"g_forward\"]"),
      "attention 'f' must launch kernels of its own, but 'g_forward' is "
      "not one");
  EXPECT_EQ(parseWith("\"launch\":[\"f_forward\"]", "\"launch\":[]"),
            llvm::formatv("attentions must launch each of {0} kernels once, "
                          "but launch {1}",
                          artifact->kernels.size(),
                          artifact->kernels.size() - 1)
                .str());
}

TEST_F(ArtifactTest, RejectsPTXOfAnotherManifest) {
  EXPECT_EQ(parseWithPTX(".version 7.8", ".version 8.0"),
            "PTX must have version 7.8, but has '8.0'");
  EXPECT_EQ(parseWithPTX(".target sm_90", ".target sm_80"),
            "PTX must be for sm_90, but is for 'sm_80'");
  EXPECT_EQ(parse(getManifest(), ""), "PTX must have version 7.8, but has ''");
  EXPECT_EQ(parseWithPTX(".entry f_forward(", ".entry g_forward("),
            "PTX must have kernel 'f_forward', but has not");
  EXPECT_EQ(parseWithPTX("\t.param .u64 f_forward_param_1,\n", ""),
            llvm::formatv("kernel 'f_forward' must have {0} parameters in "
                          "PTX, but has {1}",
                          artifact->kernels[0].arguments.size(),
                          artifact->kernels[0].arguments.size() - 1)
                .str());
  EXPECT_EQ(parseWithPTX(".param .u64 f_forward_param_1,",
                         ".param .u32 f_forward_param_1,"),
            "argument 'q_batch_stride' of kernel 'f_forward' must be .u64 in "
            "PTX, but is .u32");
}

TEST_F(ArtifactTest, RejectsPTXThatIsCutOff) {
  StringRef ptx = artifact->ptx;
  std::string error = parse(getManifest(), ptx.take_front(ptx.size() / 2));
  EXPECT_NE(error.find("PTX must close the "), std::string::npos) << error;
}

TEST_F(ArtifactTest, AssemblerThatIsNotThere) {
  GPUArtifact copy = *artifact;
  auto messages = copy.assemble("/nowhere/ptxas");
  ASSERT_FALSE(bool(messages));
  EXPECT_NE(llvm::toString(messages.takeError()).find("/nowhere/ptxas"),
            std::string::npos);
}
