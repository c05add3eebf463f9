//===- Artifact.h - Kernels, and how to launch them -------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// docs/artifacts.md is the documentation for those who launch kernels without
// this library: what a manifest says is defined there.
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_TARGET_ARTIFACT_H
#define HILBERT_TARGET_ARTIFACT_H

#include "hilbert/Target/PTX.h"

#include "llvm/Support/JSON.h"

#include <vector>

namespace hilbert {

/// An argument of a kernel.
struct KernelArgument {
  enum class Type { Pointer, I32, I64, F32 };
  enum class Use { Value, Input, Output };
  std::string name;
  Type type;
  Use use = Use::Value;
  /// What a pointer points to: "f16", "bf16", "f32" or "i32"; of elementwise
  /// kernels also "f64", "i16" or "i64".
  std::string element = {};
};

/// What a launch of a kernel needs to know.
struct KernelInfo {
  std::string name;
  /// The attention that it is a kernel of; empty: it is elementwise.
  std::string attention;
  /// What it computes: "forward", "dq", "dkv", "dk" or "dv". An elementwise one
  /// has the name of its op, such as "addf".
  std::string role;
  std::vector<KernelArgument> arguments;
  /// The attribute that its tile sizes come from, as text.
  std::string schedule;
  int64_t threads = 0;
  int64_t sharedBytes = 0;
  // The grid is one-dimensional, with tiles · classes · segments · heads ·
  // batch CTAs, where tiles = ceil(ceil(min(segment, tokens) / classes) / tile)
  // and segments = ceil(tokens / segment). An elementwise kernel takes any
  // grid: the number of its threads is an argument.
  /// Whether tokens and heads are the queries' or the keys'.
  bool ownsQueries = true;
  int64_t tile = 0;
  /// Rows of a tile of the side that a CTA walks.
  int64_t otherTile = 0;
  /// 0: one segment covers all tokens.
  int64_t segment = 0;
  int64_t classes = 1;

  bool isElementwise() const { return attention.empty(); }
};

/// An attention of a program, or a gradient: what its kernels are specialised
/// for, and in which order they run.
struct AttentionInfo {
  std::string name;
  bool isGradient = false;
  // The specialisation key. The rest of a call is arguments.
  /// "f16", "bf16", or, multiplied in tf32, "f32".
  std::string dtype;
  int64_t depth = 0;
  /// As the program writes it; "dense" if it has none.
  std::string pattern;
  /// "none", "token" or "position".
  std::string causal;
  /// How rows of q, of k and v, and of out are found: "run", "table", "box".
  std::string queryAccess, keyAccess, outAccess;
  bool hasDlse = false;
  /// Names, in the order in which they run.
  std::vector<std::string> kernels;
};

/// The kernels of a program for one target.
struct GPUArtifact {
  /// Grows when a manifest means something else than it did.
  static constexpr int kSchema = 1;

  PTXTarget target;
  std::string ptx;
  std::vector<KernelInfo> kernels;
  std::vector<AttentionInfo> attentions;
  /// The compiler's version, and LLVM's.
  std::string compiler, llvm;
  /// Machine code, and the CUDA version that a driver must have for it, as
  /// cuDriverGetVersion writes it; empty and 0 without.
  std::string cubin;
  int64_t cubinDriver = 0;

  /// Emits the PTX of gpu.modules in the nvvm dialect, together, and describes
  /// it. A module has the kernels of an attention or an elementwise one.
  /// Attentions of one name, in several modules, get names of their own.
  static llvm::Expected<GPUArtifact>
  create(llvm::ArrayRef<mlir::gpu::GPUModuleOp> modules,
         const PTXTarget &target);

  /// Reads what was written. An error says what is wrong with which value, and
  /// whether manifest and PTX belong together.
  static llvm::Expected<GPUArtifact> parse(llvm::StringRef manifest,
                                           llvm::StringRef ptx);

  /// Makes machine code of the PTX with the program `ptxas`; returns what it
  /// has to say about it.
  llvm::Expected<std::string> assemble(llvm::StringRef ptxas);

  llvm::json::Value getManifest() const;
  /// The manifest as C99: arguments as structs, and what a launch needs as
  /// constants and functions. `prefix` begins every name.
  std::string getHeader(llvm::StringRef prefix = "") const;

  /// The CUDA version that a driver must have to take PTX of a version.
  static int64_t getMinimumDriver(int ptxVersion);
};

} // namespace hilbert

#endif // HILBERT_TARGET_ARTIFACT_H
