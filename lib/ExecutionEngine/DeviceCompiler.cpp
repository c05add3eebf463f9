//===- DeviceCompiler.cpp - One compilation for a GPU ---------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DeviceCompiler.h"

#include "hilbert/Conversion/Passes.h"
#include "hilbert/Dialect/HilbertGPU/IR/HilbertGPU.h"
#include "hilbert/InitAll.h"
#include "hilbert/Pipelines/Dump.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;
using namespace hilbert;
using llvm::createStringError;

static const DialectRegistry &getRegistry() {
  static const DialectRegistry *registry = [] {
    auto *registry = new DialectRegistry;
    hilbert::registerAllDialects(*registry);
    return registry;
  }();
  return *registry;
}

DeviceCompiler::DeviceCompiler()
    : context(getRegistry(), MLIRContext::Threading::DISABLED),
      handler(&context, [this](Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
          return;
        llvm::raw_string_ostream os(diagnostics);
        if (!diagnostics.empty())
          os << '\n';
        os << diagnostic;
      }) {}

llvm::Error DeviceCompiler::takeDiagnostics() {
  return createStringError(diagnostics.empty() ? "compilation failed"
                                               : diagnostics);
}

llvm::Expected<OwningOpRef<ModuleOp>>
DeviceCompiler::parse(const DeviceKernelSpec &spec) {
  if (!spec.pattern.empty()) {
    context.loadDialect<HilbertDialect>();
    // A closing bracket must not end the attribute early.
    std::string text = "#hilbert.pattern<" + spec.pattern + ">";
    if (!isa_and_nonnull<PatternAttr>(parseAttribute(text, &context)))
      return createStringError("pattern '" + spec.pattern +
                               "' is not valid: " + diagnostics);
  }
  auto module =
      parseSourceString<ModuleOp>(spec.getProgram(), &context, "attention");
  if (!module)
    return takeDiagnostics();
  return module;
}

llvm::Expected<OwningOpRef<ModuleOp>>
DeviceCompiler::parse(const DeviceElementwiseSpec &spec) {
  auto module =
      parseSourceString<ModuleOp>(spec.getProgram(), &context, "elementwise");
  if (!module)
    return takeDiagnostics();
  return module;
}

llvm::Expected<DeviceGeometry>
DeviceCompiler::getGeometry(const DeviceKernelSpec &spec, StringRef target) {
  auto module = parse(spec);
  if (!module)
    return module.takeError();
  PassManager passes(&context);
  HilbertSelectGPUScheduleOptions options;
  options.chip = target.str();
  passes.addNestedPass<func::FuncOp>(createHilbertSelectGPUSchedule(options));
  if (failed(passes.run(**module)))
    return takeDiagnostics();
  AttentionInterface op;
  (*module)->walk([&](AttentionInterface found) { op = found; });

  DeviceGeometry geometry;
  if (PatternAttr pattern = op.getPatternAttr()) {
    if (!pattern.getGroups().empty() || pattern.getBranches().size() != 1)
      return createStringError("the GPU back end takes one branch for all "
                               "heads, but the pattern is '" +
                               spec.pattern + "'");
    BranchAttr branch = pattern.getBranches()[0];
    geometry.segment = branch.getSegment();
    geometry.dilation = branch.getDilation();
    geometry.hasQueryClasses = branch.getMode() != Mode::Keys;
    if (branch.getOffsetRule() == OffsetRule::List)
      geometry.offsets.assign(branch.getOffsets().begin(),
                              branch.getOffsets().end());
  }
  Attribute schedule = op.getScheduleAttr();
  auto single = dyn_cast<tile::ScheduleAttr>(schedule);
  auto both = dyn_cast<tile::GradScheduleAttr>(schedule);
  if (spec.isGradient ? !both : !single)
    return createStringError(
        "the schedule must be a #hilbert_gpu." +
        StringRef(spec.isGradient ? "grad_schedule" : "schedule") +
        " on a GPU, but is '" + spec.schedule + "'");
  if (single) {
    geometry.queryTiles = {single.getM()};
    geometry.keyTiles = {single.getN()};
  } else {
    geometry.queryTiles = {both.getDq().getM(), both.getDkv().getN()};
    geometry.keyTiles = {both.getDq().getN(), both.getDkv().getM()};
  }
  return geometry;
}

template <typename Spec>
llvm::Expected<GPUArtifact> DeviceCompiler::compile(
    const Spec &spec, StringRef target, StringRef pipeline,
    void (*build)(OpPassManager &, const GPUPipelineOptions &)) {
  auto ptxTarget = PTXTarget::get(target);
  if (!ptxTarget)
    return ptxTarget.takeError();
  llvm::Expected<OwningOpRef<ModuleOp>> module = parse(spec);
  if (!module)
    return module.takeError();
  PassManager passes(&context);
  GPUPipelineOptions options;
  options.chip = target.str();
  build(passes, options);
  auto dump = Dump::begin(**module, pipeline + "-" + target);
  if (!dump)
    return dump.takeError();
  dump->watch(passes);
  if (failed(passes.run(**module)))
    return takeDiagnostics();
  auto modules = llvm::to_vector((*module)->getOps<gpu::GPUModuleOp>());
  auto artifact = GPUArtifact::create(modules, *ptxTarget);
  if (artifact)
    if (llvm::Error error = dump->write("kernels.ptx", artifact->ptx))
      return error;
  return artifact;
}

llvm::Expected<GPUArtifact>
DeviceCompiler::compile(const DeviceKernelSpec &spec, StringRef target) {
  return compile(spec, target, "hilbert-to-nvvm", buildToNVVMPipeline);
}

llvm::Expected<GPUArtifact>
DeviceCompiler::compile(const DeviceElementwiseSpec &spec, StringRef target) {
  return compile(spec, target, "hilbert-elementwise-to-nvvm",
                 buildElementwiseToNVVMPipeline);
}
