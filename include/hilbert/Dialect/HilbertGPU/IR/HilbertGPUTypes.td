//===- HilbertGPUTypes.td - Types of tile programs ---------*- tablegen -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_DIALECT_HILBERTGPU_IR_HILBERTGPUTYPES
#define HILBERT_DIALECT_HILBERTGPU_IR_HILBERTGPUTYPES

include "hilbert/Dialect/HilbertGPU/IR/HilbertGPUBase.td"
include "hilbert/Dialect/HilbertGPU/IR/HilbertGPUAttributes.td"

class HilbertGPU_Type<string name, string typeMnemonic>
    : TypeDef<HilbertGPU_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def HilbertGPU_MatrixType : HilbertGPU_Type<"Matrix", "matrix"> {
  let summary = "One head of one batch item in global memory";
  let description = [{
    A base address and the distance between tokens; `columns` contiguous elements
    for each token.

    Example: `!hilbert_gpu.matrix<128xbf16>`
  }];
  let parameters = (ins "int64_t":$columns, "::mlir::Type":$elementType);
  let assemblyFormat = "`<` custom<Columns>($columns, $elementType) `>`";
}

def HilbertGPU_RowsType : HilbertGPU_Type<"Rows", "rows"> {
  let summary = "The tokens of a tile";
  let description = [{
    At most `size` tokens: fewer where a tile is ragged. What is beyond reads as
    zero and is never written.

    Example: `!hilbert_gpu.rows<64, box>`
  }];
  let parameters = (ins "int64_t":$size,
                        EnumParameter<HilbertGPU_Access>:$access);
  let assemblyFormat = "`<` params `>`";
}

def HilbertGPU_SmemType : HilbertGPU_Type<"Smem", "smem"> {
  let summary = "A tile in shared memory";
  let description = [{
    A matrix, or a vector of f32 or i32. A matrix is stored in panels of 64, 32 or 16
    columns, the widest that divides its width; within a panel of P bytes a row,
    the 16-byte chunk c of row r lies at c xor (r / (128 / P) mod (P / 16)): eight
    rows of a chunk fall into different banks. (This is also how TMA stores a box
    with a swizzle of 128, 64 or 32 bytes.)

    Example: `!hilbert_gpu.smem<64x128xbf16>`
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape,
                        "::mlir::Type":$elementType);
  let assemblyFormat = "`<` custom<Shape>($shape, $elementType) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Bytes of the tile; a multiple of 128.
    int64_t getSizeInBytes() const;
    /// Bytes of a row of a panel: 128, 64 or 32. Matrices only.
    int64_t getPanelBytes() const;
    bool isMatrix() const { return getShape().size() == 2; }
  }];
}

def HilbertGPU_RingType : HilbertGPU_Type<"Ring", "ring"> {
  let summary = "Buffers for a stream of tiles";
  let description = [{
    Example: `!hilbert_gpu.ring<2, !hilbert_gpu.smem<64x128xbf16>>`
  }];
  let parameters = (ins "int64_t":$slots, "::hilbert::tile::SmemType":$tile);
  let assemblyFormat = "`<` $slots `,` $tile `>`";
}

#endif // HILBERT_DIALECT_HILBERTGPU_IR_HILBERTGPUTYPES
