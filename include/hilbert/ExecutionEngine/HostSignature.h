//===- HostSignature.h - What compiled functions take -----------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_EXECUTIONENGINE_HOSTSIGNATURE_H
#define HILBERT_EXECUTIONENGINE_HOSTSIGNATURE_H

#include "hilbert/Support/Npy.h"

#include "mlir/IR/Types.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/JSON.h"

#include <optional>

namespace hilbert {

/// Tensor memory of a caller: a scalar has rank 0. Strides are in elements.
struct HostView {
  void *data = nullptr;
  NpyType type = NpyType::F32;
  llvm::SmallVector<int64_t, 4> shape, strides;

  /// Over an array in row-major order, which is not written to if it is an
  /// input.
  static HostView of(const NpyArray &array);
  bool isRowMajor() const;
  int64_t numElements() const;
};

/// The type of an argument or result before lowering, free of any context.
struct HostType {
  enum Kind { Scalar, Tensor, Memref };
  static constexpr int64_t kDynamic = -1;

  Kind kind = Tensor;
  NpyType element = NpyType::F32;
  /// True if any strides will do as long as the innermost one is 1.
  bool isStrided = false;
  llvm::SmallVector<int64_t, 4> shape;

  /// None of a type that the host cannot take.
  static std::optional<HostType> of(mlir::Type type);

  bool operator==(const HostType &other) const;
  /// Checks a view; `what` begins the message.
  llvm::Error check(const llvm::Twine &what, const HostView &view) const;
};

/// A function of a program before lowering.
struct HostSignature {
  std::string name;
  std::vector<HostType> arguments, results;

  /// An error names what the host cannot take, such as "argument 0 must be a
  /// scalar or tensor of f16, bf16, f32, f64, i32 or i64, but is 'i1'".
  static llvm::Expected<HostSignature> of(mlir::FunctionOpInterface function);

  /// Checks the number, element types and static sizes of arguments.
  llvm::Error check(llvm::ArrayRef<HostView> inputs) const;
  llvm::Error check(llvm::ArrayRef<NpyArray> inputs) const;
};

llvm::json::Value toJSON(const HostType &type);
llvm::json::Value toJSON(const HostSignature &signature);
bool fromJSON(const llvm::json::Value &value, HostType &type,
              llvm::json::Path path);
bool fromJSON(const llvm::json::Value &value, HostSignature &signature,
              llvm::json::Path path);

} // namespace hilbert

#endif // HILBERT_EXECUTIONENGINE_HOSTSIGNATURE_H
