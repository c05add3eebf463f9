//===- HostJIT.h - Run lowered programs in this process
//-------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_EXECUTIONENGINE_HOSTJIT_H
#define HILBERT_EXECUTIONENGINE_HOSTJIT_H

#include "hilbert/Support/Npy.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

#include <memory>
#include <optional>

namespace mlir {
class ExecutionEngine;
} // namespace mlir

namespace hilbert {

/// What compiled programs allocate on the heap: results and temporaries.
struct HostMemory {
  /// Bytes in use by compiled programs of this process, and the most since the
  /// last reset.
  static int64_t current();
  static int64_t peak();
  static void resetPeak();
  /// From now on fills new memory with bytes that are NaN in every float type,
  /// so that what a program reads or returns without writing it shows.
  static void setPoison(bool poison);
};

/// The f32 lanes that kernels for this machine work with: twice its vector
/// width.
int64_t getHostLanes();

/// The array type of an element type; nullopt where there is none.
std::optional<NpyType> getNpyType(mlir::Type type);

/// A function of a program before lowering: what its arguments and results are.
struct HostSignature {
  std::string name;
  llvm::SmallVector<mlir::Type> arguments, results;

  static HostSignature of(mlir::FunctionOpInterface function);

  /// Checks the number, element types and static sizes of arguments.
  llvm::Error check(llvm::ArrayRef<NpyArray> inputs) const;
};

/// Machine code of a module in the llvm dialect, for this machine.
class HostJIT {
public:
  /// Compiles; `module` must come from the hilbert-to-llvm pipeline.
  static llvm::Expected<std::unique_ptr<HostJIT>> create(mlir::ModuleOp module);
  ~HostJIT();

  /// Calls a function on tensors in row-major order. Inputs must have the
  /// element types and static sizes of the signature; sizes that the program
  /// finds inconsistent are an error, and there is no partial result.
  /// `milliseconds` is set to the time of the call alone.
  llvm::Expected<std::vector<NpyArray>> run(const HostSignature &signature,
                                            llvm::ArrayRef<NpyArray> inputs,
                                            double *milliseconds = nullptr);

private:
  HostJIT();
  std::unique_ptr<mlir::ExecutionEngine> engine;
};

} // namespace hilbert

#endif // HILBERT_EXECUTIONENGINE_HOSTJIT_H
