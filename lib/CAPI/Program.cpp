//===- Program.cpp - Compile, load, plan, launch --------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert-c/Program.h"

#include "Compiler.h"
#include "Error.h"
#include "Tensors.h"

#include "hilbert/ExecutionEngine/HostProgram.h"

using namespace hilbert;
using llvm::ArrayRef;
using llvm::StringRef;
using llvm::Twine;

struct HilbertArtifact {
  HostCode code;
  std::string bytes;
};

struct HilbertProgram {
  std::unique_ptr<HostProgram> program;
};

struct HilbertPlan {
  const HostFunction *function;
  std::vector<HostView> inputs, outputs;
};

//===----------------------------------------------------------------------===//
// Artefacts
//===----------------------------------------------------------------------===//

HilbertStatus hilbertCompile(const char *text, size_t length,
                             int32_t withGradients,
                             HilbertArtifact **artifact) {
  if (!text || !artifact)
    return fail(HILBERT_INVALID_ARGUMENT, "text and artifact must not be null");
  std::lock_guard<std::mutex> lock(Locks::get().llvm);
  Compiler compiler;
  auto module = compiler.parse(StringRef(text, length));
  if (!module)
    return fail(HILBERT_COMPILE_FAILED, compiler.getDiagnostics());
  auto code = compiler.compile(*module, withGradients);
  if (!code)
    return fail(HILBERT_COMPILE_FAILED, code.takeError());
  std::string bytes = code->serialize();
  *artifact = new HilbertArtifact{std::move(*code), std::move(bytes)};
  return HILBERT_OK;
}

HilbertStatus hilbertArtifactGetBytes(const HilbertArtifact *artifact,
                                      const char **bytes, size_t *length) {
  if (!artifact || !bytes || !length)
    return fail(HILBERT_INVALID_ARGUMENT,
                "artifact, bytes and length must not be null");
  *bytes = artifact->bytes.data();
  *length = artifact->bytes.size();
  return HILBERT_OK;
}

HilbertStatus hilbertArtifactFromBytes(const char *bytes, size_t length,
                                       HilbertArtifact **artifact) {
  if (!bytes || !artifact)
    return fail(HILBERT_INVALID_ARGUMENT,
                "bytes and artifact must not be null");
  StringRef text(bytes, length);
  auto code = HostCode::deserialize(text);
  if (!code)
    return fail(HILBERT_INVALID_ARGUMENT, code.takeError());
  *artifact = new HilbertArtifact{std::move(*code), text.str()};
  return HILBERT_OK;
}

void hilbertArtifactDestroy(HilbertArtifact *artifact) { delete artifact; }

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

HilbertStatus hilbertProgramLoad(const HilbertArtifact *artifact,
                                 HilbertProgram **program) {
  if (!artifact || !program)
    return fail(HILBERT_INVALID_ARGUMENT,
                "artifact and program must not be null");
  std::lock_guard<std::mutex> lock(Locks::get().llvm);
  auto loaded = HostProgram::load(artifact->code);
  if (!loaded)
    return fail(HILBERT_INTERNAL_ERROR, loaded.takeError());
  *program = new HilbertProgram{std::move(*loaded)};
  return HILBERT_OK;
}

void hilbertProgramDestroy(HilbertProgram *program) {
  std::lock_guard<std::mutex> lock(Locks::get().llvm);
  delete program;
}

//===----------------------------------------------------------------------===//
// Plans
//===----------------------------------------------------------------------===//

/// Checks tensors against types and appends their views.
static HilbertStatus plan(const char *what, ArrayRef<HostType> types,
                          ArrayRef<HilbertTensor> tensors,
                          std::vector<HostView> &views) {
  if (types.size() != tensors.size())
    return fail(HILBERT_INVALID_ARGUMENT,
                "the function has " + Twine(types.size()) + " " + what +
                    "s, but got " + Twine(tensors.size()));
  for (auto [index, tensor] : llvm::enumerate(tensors)) {
    std::string name = (Twine(what) + " " + Twine(index)).str();
    if (!isValidType(tensor.dtype) || tensor.rank < 0 ||
        tensor.rank > HILBERT_MAX_RANK)
      return fail(HILBERT_INVALID_TYPE,
                  name +
                      " must have a dtype from 0 to 5 and a rank from 0 to "
                      "8, but has " +
                      Twine(int(tensor.dtype)) + " and " + Twine(tensor.rank));
    if (tensor.deviceType != HILBERT_CPU)
      return fail(HILBERT_UNSUPPORTED,
                  name +
                      " must be in the host's memory, but is on a device "
                      "of type " +
                      Twine(tensor.deviceType));
    if (!hasValidSizes(tensor))
      return fail(HILBERT_INVALID_ARGUMENT,
                  name + " must have sizes that are not negative and whose "
                         "product fits 64 bits");
    views.push_back(getView(tensor));
    if (llvm::Error error = types[index].check(name, views.back()))
      return fail(HILBERT_INVALID_ARGUMENT, std::move(error));
  }
  return HILBERT_OK;
}

HilbertStatus hilbertPlanCreate(const HilbertProgram *program,
                                const char *function,
                                const HilbertTensor *inputs, size_t numInputs,
                                const HilbertTensor *outputs, size_t numOutputs,
                                HilbertPlan **plan) {
  if (!program || !function || !plan || (numInputs && !inputs) ||
      (numOutputs && !outputs))
    return fail(HILBERT_INVALID_ARGUMENT,
                "program, function, inputs, outputs and plan must not be null");
  const HostFunction *found = program->program->lookup(function);
  if (!found)
    return fail(HILBERT_INVALID_ARGUMENT, "there is no public function '" +
                                              Twine(function) +
                                              "' that can be called");
  auto result = std::make_unique<HilbertPlan>();
  result->function = found;
  if (HilbertStatus status =
          ::plan("argument", found->signature.arguments,
                 ArrayRef(inputs, numInputs), result->inputs))
    return status;
  if (HilbertStatus status =
          ::plan("result", found->signature.results,
                 ArrayRef(outputs, numOutputs), result->outputs))
    return status;
  *plan = result.release();
  return HILBERT_OK;
}

HilbertStatus hilbertPlanLaunch(const HilbertPlan *plan,
                                const void *const *inputs,
                                void *const *outputs) {
  if (!plan || (!plan->inputs.empty() && !inputs) ||
      (!plan->outputs.empty() && !outputs))
    return fail(HILBERT_INVALID_ARGUMENT,
                "plan, inputs and outputs must not be null");
  std::vector<HostView> views = plan->inputs;
  for (auto [index, view] : llvm::enumerate(views)) {
    view.data = const_cast<void *>(inputs[index]);
    if (!view.data && view.numElements())
      return fail(HILBERT_INVALID_ARGUMENT,
                  "argument " + Twine(index) + " must not be null");
  }
  for (auto [index, view] : llvm::enumerate(plan->outputs))
    if (!outputs[index] && view.numElements())
      return fail(HILBERT_INVALID_ARGUMENT,
                  "result " + Twine(index) + " must not be null");
  auto take = [&](size_t index, const HostView &result) -> llvm::Error {
    const HostView &output = plan->outputs[index];
    if (result.shape != output.shape)
      return llvm::createStringError("result " + Twine(index) +
                                     " has other sizes than the plan's tensor");
    if (size_t bytes = result.numElements() * npyTypeSize(result.type))
      std::memcpy(outputs[index], result.data, bytes);
    return llvm::Error::success();
  };
  if (llvm::Error error = plan->function->call(views, take))
    return fail(HILBERT_INVALID_ARGUMENT, std::move(error));
  return HILBERT_OK;
}

void hilbertPlanDestroy(HilbertPlan *plan) { delete plan; }
