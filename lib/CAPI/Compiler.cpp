//===- Compiler.cpp - Compilation inside a host application ---------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Compiler.h"

#include "hilbert/InitAll.h"
#include "hilbert/Pipelines/Compile.h"

#include "mlir/Parser/Parser.h"

#include <pthread.h>

using namespace mlir;
using namespace hilbert;

Locks &Locks::get() {
  static Locks *locks = [] {
    auto unlock = [] {
      get().kernels.unlock();
      get().llvm.unlock();
    };
    pthread_atfork(
        [] {
          get().llvm.lock();
          get().kernels.lock();
        },
        unlock, unlock);
    return new Locks;
  }();
  return *locks;
}

static const DialectRegistry &getRegistry() {
  static const DialectRegistry *registry = [] {
    hilbert::registerAllPasses();
    auto *registry = new DialectRegistry;
    hilbert::registerAllDialects(*registry);
    return registry;
  }();
  return *registry;
}

Compiler::Compiler()
    : context(getRegistry(), MLIRContext::Threading::DISABLED),
      handler(&context, [this](Diagnostic &diagnostic) {
        llvm::raw_string_ostream os(diagnostics);
        auto append = [&](Diagnostic &line) {
          if (!diagnostics.empty())
            os << '\n';
          if (isa<FileLineColLoc>(line.getLocation()))
            os << line.getLocation() << ": ";
          os << line;
        };
        append(diagnostic);
        for (Diagnostic &note : diagnostic.getNotes())
          append(note);
      }) {}

OwningOpRef<ModuleOp> Compiler::parse(StringRef text) {
  return parseSourceString<ModuleOp>(text, &context, "program");
}

llvm::Expected<HostCode> Compiler::compile(ModuleOp module,
                                           bool withGradients) {
  if (withGradients && failed(hilbert::compile(module, "hilbert-grad")))
    return llvm::createStringError(diagnostics);
  auto code = compileForHost(module);
  if (code || diagnostics.empty())
    return code;
  llvm::consumeError(code.takeError());
  return llvm::createStringError(diagnostics);
}
