/*===- hilbert-c/Program.h - Compile, load, plan, launch ------------------===*\
|*
|* Part of the hilbert project, under the Apache License v2.0 with LLVM
|* Exceptions. See LICENSE for license information.
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
|*
\*===----------------------------------------------------------------------===*/

#ifndef HILBERT_C_PROGRAM_H
#define HILBERT_C_PROGRAM_H

#include "hilbert-c/Base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A compiled program: machine code and what its functions take. It depends on
 * the machine, not on the process, and can be kept. */
typedef struct HilbertArtifact HilbertArtifact;
/* An artefact in this process, ready to run. */
typedef struct HilbertProgram HilbertProgram;
/* A function of a program for tensors of given types, shapes and strides. */
typedef struct HilbertPlan HilbertPlan;

/* Compiles MLIR text for this machine: functions on tensors, memrefs and
 * scalars with ops of the hilbert, arith, math and tensor dialects. With
 * `withGradients`, each public function @f that has an attention gets a
 * gradient function
 * @f_grad(arguments, results, gradients of the results). If a pass fails, what
 * it was given is left as hilbert-reproducer-*.mlir in the folder for temporary
 * files, and the message says how to run it. */
HILBERT_API HilbertStatus hilbertCompile(const char *text, size_t length,
                                         int32_t withGradients,
                                         HilbertArtifact **artifact);

/* The bytes of an artefact, which live as long as it does. */
HILBERT_API HilbertStatus hilbertArtifactGetBytes(
    const HilbertArtifact *artifact, const char **bytes, size_t *length);
/* An artefact from such bytes. Bytes of another version of the library, of
 * another kind of machine, or damaged ones are an error. */
HILBERT_API HilbertStatus hilbertArtifactFromBytes(const char *bytes,
                                                   size_t length,
                                                   HilbertArtifact **artifact);
/* Null is allowed. */
HILBERT_API void hilbertArtifactDestroy(HilbertArtifact *artifact);

HILBERT_API HilbertStatus hilbertProgramLoad(const HilbertArtifact *artifact,
                                             HilbertProgram **program);
/* Null is allowed. Plans of the program must be gone. */
HILBERT_API void hilbertProgramDestroy(HilbertProgram *program);

/* Checks the tensors against the signature of a function. `data` is ignored.
 * Inputs are the arguments in order, outputs the results. Innermost strides are
 * 1; arguments and results that are tensors in the program are row-major. */
HILBERT_API HilbertStatus hilbertPlanCreate(
    const HilbertProgram *program, const char *function,
    const HilbertTensor *inputs, size_t numInputs, const HilbertTensor *outputs,
    size_t numOutputs, HilbertPlan **plan);

/* Runs a plan: one pointer for each input and output, to the data of a tensor
 * or the value of a scalar. May be called by several threads at once. */
HILBERT_API HilbertStatus hilbertPlanLaunch(const HilbertPlan *plan,
                                            const void *const *inputs,
                                            void *const *outputs);
/* Null is allowed. */
HILBERT_API void hilbertPlanDestroy(HilbertPlan *plan);

#ifdef __cplusplus
}
#endif

#endif /* HILBERT_C_PROGRAM_H */
