//===- Attributes.cpp - Fuzzer of the dialect's attributes ----------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Bytes are the text of an attribute. What parses is printed and must parse to
// the same attribute again. The first byte chooses the attribute, so that few
// bytes go a long way and upstream's parser sees little of them.
//
//===----------------------------------------------------------------------===//

#include "hilbert/Dialect/Hilbert/IR/Hilbert.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"

using namespace mlir;

static constexpr llvm::StringLiteral kMnemonics[] = {
    "order", "pattern", "branch", "head_group", "host_schedule"};

/// Attributes live as long as their context: a fresh one now and then.
static MLIRContext &getContext() {
  static std::unique_ptr<MLIRContext> context;
  static int uses = 0;
  if (uses++ % 4096 == 0) {
    context = std::make_unique<MLIRContext>(MLIRContext::Threading::DISABLED);
    context->loadDialect<hilbert::HilbertDialect>();
    context->getDiagEngine().registerHandler([](Diagnostic &) {});
  }
  return *context;
}

static void check(bool condition, const Twine &message) {
  if (condition)
    return;
  llvm::errs() << message << '\n';
  std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1)
    return -1;
  StringRef body(reinterpret_cast<const char *>(data + 1), size - 1);
  std::string text =
      ("#hilbert." + kMnemonics[data[0] % std::size(kMnemonics)] + "<" + body +
       ">")
          .str();
  MLIRContext &context = getContext();
  Attribute attribute = parseAttribute(text, &context);
  // Text such as "0>, ..." can end early and be another attribute's.
  if (!attribute || !isa<hilbert::HilbertDialect>(attribute.getDialect()))
    return 0;
  std::string printed;
  llvm::raw_string_ostream(printed) << attribute;
  check(parseAttribute(printed, &context) == attribute,
        text + "\nprints as\n" + printed +
            "\nwhich is another attribute, or none");
  return 0;
}
