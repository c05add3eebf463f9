//===- DeviceProgramSupport.h - Programs for a fake driver ------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_UNITTESTS_EXECUTIONENGINE_DEVICEPROGRAMSUPPORT_H
#define HILBERT_UNITTESTS_EXECUTIONENGINE_DEVICEPROGRAMSUPPORT_H

#include "DeviceTestSupport.h"

#include "hilbert/ExecutionEngine/DeviceProgram.h"
#include "hilbert/InitAll.h"
#include "hilbert/Pipelines/Pipelines.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

namespace hilbert::test {

class Programs : public DeviceTest {
protected:
  Programs() : context(getRegistry(), mlir::MLIRContext::Threading::DISABLED) {}

  mlir::OwningOpRef<mlir::ModuleOp> parse(const std::string &program) {
    return mlir::parseSourceString<mlir::ModuleOp>(program, &context,
                                                   "program");
  }

  /// Parses, fuses, adds gradients.
  DeviceProgram compile(const std::string &program) {
    auto module = parse(program);
    mlir::PassManager passes(&context);
    buildGradPipeline(passes);
    EXPECT_TRUE(module && succeeded(passes.run(*module)));
    return DeviceProgram::create(*module);
  }

  /// An argument in fresh memory.
  DeviceValue argument(NpyType type, llvm::ArrayRef<int64_t> shape) {
    DeviceValue value;
    value.tensor = DeviceTensor::contiguous(type, shape);
    buffers.push_back(
        get(Buffer::allocate(device(), size_t(value.tensor.bytes()))));
    value.address = buffers.back().address();
    return value;
  }

  void TearDown() override {
    buffers.clear();
    DeviceTest::TearDown();
  }

private:
  static const mlir::DialectRegistry &getRegistry() {
    static const auto *registry = [] {
      auto *registry = new mlir::DialectRegistry;
      registerAllDialects(*registry);
      return registry;
    }();
    return *registry;
  }

  mlir::MLIRContext context;
  std::vector<Buffer> buffers;
};

} // namespace hilbert::test

#endif // HILBERT_UNITTESTS_EXECUTIONENGINE_DEVICEPROGRAMSUPPORT_H
