//===- Npy.h - NumPy's .npy files -------------------------------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Tensors in and out of the command-line tools. Format versions 1.0, 2.0 and
// 3.0 are read, 1.0 is written.
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_SUPPORT_NPY_H
#define HILBERT_SUPPORT_NPY_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <vector>

namespace hilbert {

/// The element types that have a tensor type here.
enum class NpyType { F16, BF16, F32, F64, I32, I64 };

/// "f16", "bf16", "f32", "f64", "i32" or "i64".
llvm::StringRef npyTypeName(NpyType type);
/// In bytes.
int64_t npyTypeSize(NpyType type);

/// The largest rank of an array, which is NumPy's.
constexpr int64_t kMaxNpyRank = 64;

/// A dense array, little-endian and in C order.
struct NpyArray {
  NpyType type = NpyType::F32;
  std::vector<int64_t> shape;
  std::vector<char> data;

  /// The product of the extents: 1 for rank 0.
  int64_t numElements() const;
};

/// Reads a file. One in Fortran order is converted. bf16, which NumPy does not
/// have, is what ml_dtypes writes: the descr '<V2'. Errors name the file.
llvm::Expected<NpyArray> readNpy(llvm::StringRef path);

/// Writes a file so that numpy.load reads it (bf16: as dtype V2, to be viewed
/// as ml_dtypes.bfloat16). The file appears complete, under its name, or not at
/// all.
llvm::Error writeNpy(llvm::StringRef path, const NpyArray &array);

} // namespace hilbert

#endif // HILBERT_SUPPORT_NPY_H
