//===- HostProgram.h - Run machine code in this process ---------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_EXECUTIONENGINE_HOSTPROGRAM_H
#define HILBERT_EXECUTIONENGINE_HOSTPROGRAM_H

#include "hilbert/ExecutionEngine/HostCode.h"

#include "llvm/ADT/StringMap.h"

#include <memory>

namespace llvm::orc {
class JITDylib;
} // namespace llvm::orc

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

/// A function of a loaded program.
struct HostFunction {
  HostSignature signature;
  /// Takes the arguments of the C interface; see convert-hilbert-host-to-llvm.
  void (*entry)(void **arguments) = nullptr;

  /// Calls the function. The inputs must have been checked. Results are tensors
  /// in row-major order that outlive the call in memory of the program:
  /// `takeResult` gets each of them once. Sizes that the program finds
  /// inconsistent are an error, and there is no partial result. `milliseconds`
  /// is set to the time of the call alone.
  llvm::Error
  call(llvm::ArrayRef<HostView> inputs,
       llvm::function_ref<llvm::Error(size_t, const HostView &)> takeResult,
       double *milliseconds = nullptr) const;

  /// Checks the inputs, calls, and copies the results.
  llvm::Expected<std::vector<NpyArray>>
  run(llvm::ArrayRef<NpyArray> inputs, double *milliseconds = nullptr) const;
};

/// Code in this process. Unloaded with the object.
class HostProgram {
public:
  static llvm::Expected<std::unique_ptr<HostProgram>>
  load(const HostCode &code);
  ~HostProgram();

  /// Null if there is no such function.
  const HostFunction *lookup(llvm::StringRef name) const;

private:
  HostProgram() = default;

  llvm::orc::JITDylib *library = nullptr;
  llvm::StringMap<HostFunction> functions;
};

} // namespace hilbert

#endif // HILBERT_EXECUTIONENGINE_HOSTPROGRAM_H
