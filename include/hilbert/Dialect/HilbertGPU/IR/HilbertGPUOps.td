//===- HilbertGPUOps.td - Ops of tile programs -------------*- tablegen -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_DIALECT_HILBERTGPU_IR_HILBERTGPUOPS
#define HILBERT_DIALECT_HILBERTGPU_IR_HILBERTGPUOPS

include "hilbert/Dialect/HilbertGPU/IR/HilbertGPUBase.td"
include "hilbert/Dialect/HilbertGPU/IR/HilbertGPUTypes.td"
include "mlir/Dialect/LLVMIR/LLVMTypes.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class HilbertGPU_Op<string mnemonic, list<Trait> traits = []>
    : Op<HilbertGPU_Dialect, mnemonic, traits>;

/// A tile in registers: a tensor with a layout.
def HilbertGPU_Fragment : Type<
    And<[StaticShapeTensorOf<[F32, F16, BF16, I32, I1]>.predicate,
         CPred<"::hilbert::tile::isFragment($_self)">]>,
    "tensor with a layout", "::mlir::RankedTensorType">;

def GlobalPointer : LLVM_PointerInAddressSpace<1>;

//===----------------------------------------------------------------------===//
// Global memory
//===----------------------------------------------------------------------===//

def HilbertGPU_MatrixOp : HilbertGPU_Op<"matrix", [Pure]> {
  let summary = "One head of one batch item";
  let description = [{
    The matrix that begins `offset` elements after `base` and whose tokens are
    `stride` elements apart. Both are 64 bits wide: tensors may have more than
    2^31 elements.

    Constraints:
    - (C1) the matrix has a positive number of columns.

    Example:

    ```mlir
    %Q = hilbert_gpu.matrix %q[%offset] stride %s : !hilbert_gpu.matrix<128xbf16>
    ```
  }];
  let arguments = (ins GlobalPointer:$base, I64:$offset, I64:$stride);
  let results = (outs HilbertGPU_MatrixType:$result);
  let assemblyFormat = [{
    $base `[` $offset `]` `stride` $stride attr-dict `:` type($result)
  }];
  let hasVerifier = 1;
}

class HilbertGPU_RowsOp<string mnemonic> : HilbertGPU_Op<mnemonic, [Pure]> {
  let results = (outs HilbertGPU_RowsType:$result);
  let hasVerifier = 1;
}

def HilbertGPU_RunRowsOp : HilbertGPU_RowsOp<"run_rows"> {
  let summary = "Rows that are evenly spaced tokens";
  let description = [{
    Row i < `count` is token `first` + `step` · i: positions of the raster order.

    Constraints:
    - (C1) `step` is positive.
    - (C2) the access of the result is `run`.

    Example:

    ```mlir
    %rows = hilbert_gpu.run_rows %first, %count step 1 : !hilbert_gpu.rows<64, run>
    ```
  }];
  let arguments = (ins I32:$first, I32:$count, I32Attr:$step);
  let assemblyFormat = [{
    $first `,` $count `step` $step attr-dict `:` type($result)
  }];
}

def HilbertGPU_TableRowsOp : HilbertGPU_RowsOp<"table_rows"> {
  let summary = "Rows that are tokens of a table";
  let description = [{
    Row i < `count` is token table[`first` + `step` · i], an i32.

    Constraints:
    - (C1) `step` is positive.
    - (C2) the access of the result is `table`.

    Example:

    ```mlir
    %rows = hilbert_gpu.table_rows %t[%first], %count step 2 : !hilbert_gpu.rows<64, table>
    ```
  }];
  let arguments = (ins GlobalPointer:$table, I32:$first, I32:$count, I32Attr:$step);
  let assemblyFormat = [{
    $table `[` $first `]` `,` $count `step` $step attr-dict `:` type($result)
  }];
}

def HilbertGPU_BoxRowsOp : HilbertGPU_RowsOp<"box_rows"> {
  let summary = "Rows that fill a box of the grid";
  let description = [{
    Entry `index` of the table `boxes` is four i32: the token `origin` and two
    numbers lw and lh (and one that is not used). Row i < `count` is token origin
    + x + y · `width` + z · `plane`, where x is the lowest lw bits of i, y the lh
    bits above, z the rest: a walk through a box whose sides are powers of two.
    Attention does not depend on the order of the keys of a tile, nor of its
    queries, so this is as good as the walk along the curve, and needs no table
    with an entry for each row.

    Constraints:
    - (C2) the access of the result is `box`.

    Example:

    ```mlir
    %rows = hilbert_gpu.box_rows %boxes[%i], %count strides %w, %p
        : !hilbert_gpu.rows<64, box>
    ```
  }];
  let arguments = (ins GlobalPointer:$boxes, I32:$index, I32:$count, I32:$width,
                       I32:$plane);
  let assemblyFormat = [{
    $boxes `[` $index `]` `,` $count `strides` $width `,` $plane attr-dict
    `:` type($result)
  }];
}

def HilbertGPU_TokensOp : HilbertGPU_Op<"tokens", [Pure]> {
  let summary = "The token of each row";
  let description = [{
    An i32 vector; rows beyond the count have some token of the tile.

    Constraints:
    - (C1) the result is a slice of i32 with as many entries as there are rows.

    Example:

    ```mlir
    %t = hilbert_gpu.tokens %rows : !hilbert_gpu.rows<64, box>
        -> tensor<64xi32, #hilbert_gpu.slice<0, #acc>>
    ```
  }];
  let arguments = (ins HilbertGPU_RowsType:$rows);
  let results = (outs HilbertGPU_Fragment:$result);
  let assemblyFormat = "$rows attr-dict `:` type($rows) `->` type($result)";
  let hasVerifier = 1;
}

def HilbertGPU_LoadOp : HilbertGPU_Op<"load", [
    MemoryEffects<[MemRead]>]> {
  let summary = "Bring rows of a matrix into shared memory";
  let description = [{
    Columns that the matrix lacks, and rows beyond the count, are zero. (Effects:
    only reads, since the tile is a value.)

    Constraints:
    - (C1) tile and rows have as many rows.
    - (C2) tile and matrix have one element type.
    - (C3) the tile has the matrix's columns, rounded up to a multiple of 16; it
      is a vector if the matrix has one column.

    Example:

    ```mlir
    %k = hilbert_gpu.load %K[%rows] : !hilbert_gpu.matrix<128xbf16>,
        !hilbert_gpu.rows<64, box> -> !hilbert_gpu.smem<64x128xbf16>
    ```
  }];
  let arguments = (ins HilbertGPU_MatrixType:$matrix, HilbertGPU_RowsType:$rows);
  let results = (outs HilbertGPU_SmemType:$result);
  let assemblyFormat = [{
    $matrix `[` $rows `]` attr-dict `:` type($matrix) `,` type($rows) `->` type($result)
  }];
  let hasVerifier = 1;
}

def HilbertGPU_OpaqueOp : HilbertGPU_Op<"opaque", [
    MemoryEffects<[MemWrite]>, SameOperandsAndResultType]> {
  let summary = "An equal value that optimisations do not know";
  let description = [{
    What is computed from it is computed again, not kept in registers since the
    same was computed from the operand. (The effect is on nothing, and keeps
    the op where it is.)

    Example:

    ```mlir
    %again = hilbert_gpu.opaque %block : i32
    ```
  }];
  let arguments = (ins I32:$source);
  let results = (outs I32:$result);
  let assemblyFormat = "$source attr-dict `:` type($result)";
}

def HilbertGPU_FlipSignOp : HilbertGPU_Op<"flip_sign", [Pure,
    AllTypesMatch<["source", "result"]>]> {
  let summary = "A tile, or its negative";
  let description = [{
    -`source` if the condition, which is the same for all threads, holds. Scores
    of a negative scale are those of its absolute value and of negated queries:
    so the loop over keys needs a maximum only.

    Constraints:
    - (C1) the tile is a matrix.

    Example:

    ```mlir
    %q2 = hilbert_gpu.flip_sign %q if %negative : !hilbert_gpu.smem<128x128xbf16>
    ```
  }];
  let arguments = (ins HilbertGPU_SmemType:$source, I1:$condition);
  let results = (outs HilbertGPU_SmemType:$result);
  let assemblyFormat = "$source `if` $condition attr-dict `:` type($source)";
  let hasVerifier = 1;
}

def HilbertGPU_GatherOp : HilbertGPU_Op<"gather", [MemoryEffects<[MemRead]>]> {
  let summary = "Load one number for each row into registers";
  let description = [{
    Rows beyond the count give 0.

    Constraints:
    - (C1) the result is a slice with as many entries as there are rows.
    - (C2) the matrix has one column of the result's element type.

    Example:

    ```mlir
    %l = hilbert_gpu.gather %lse[%rows] : !hilbert_gpu.matrix<1xf32>,
        !hilbert_gpu.rows<128, run> -> tensor<128xf32, #hilbert_gpu.slice<1, #acc>>
    ```
  }];
  let arguments = (ins HilbertGPU_MatrixType:$matrix, HilbertGPU_RowsType:$rows);
  let results = (outs HilbertGPU_Fragment:$result);
  let assemblyFormat = [{
    $matrix `[` $rows `]` attr-dict `:` type($matrix) `,` type($rows) `->` type($result)
  }];
  let hasVerifier = 1;
}

def HilbertGPU_StoreOp : HilbertGPU_Op<"store", [MemoryEffects<[MemWrite]>]> {
  let summary = "Write a tile, or a number for each row";
  let description = [{
    Rows beyond the count and columns that the matrix lacks are not written.

    Constraints:
    - (C1) tile and rows have as many rows.
    - (C2) tile and matrix have one element type.
    - (C3) the tile has the matrix's columns, rounded up to a multiple of 16; it
      is a slice of rows if the matrix has one column.

    Example:

    ```mlir
    hilbert_gpu.store %o, %O[%rows] : tensor<128x128xbf16, #a>,
        !hilbert_gpu.matrix<128xbf16>, !hilbert_gpu.rows<128, box>
    ```
  }];
  let arguments = (ins HilbertGPU_Fragment:$tile, HilbertGPU_MatrixType:$matrix,
                       HilbertGPU_RowsType:$rows);
  let assemblyFormat = [{
    $tile `,` $matrix `[` $rows `]` attr-dict
    `:` type($tile) `,` type($matrix) `,` type($rows)
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

def HilbertGPU_DotOp : HilbertGPU_Op<"dot", [
    MemoryEffects<[MemRead]>, AllTypesMatch<["acc", "result"]>]> {
  let summary = "acc + a b";
  let description = [{
    acc [M, N] + a [M, K] · b, where b in shared memory is [K, N], or [N, K] with
    `transpose_b`. a is in shared memory, or in registers as an operand.

    Constraints:
    - (C1) acc is f32 with an `mma` layout.
    - (C2) the sizes agree.
    - (C3) a and b have one element type, f16, bf16 or f32. f32 is rounded to
      tf32, which has 10 bits of fraction.
    - (C4) a in registers has the operand layout of acc.
    - (C5) of f32, b is transposed if and only if a is in shared memory.

    Example:

    ```mlir
    %s = hilbert_gpu.dot %q, %k, %zero {transpose_b} : !hilbert_gpu.smem<128x128xbf16>,
        !hilbert_gpu.smem<64x128xbf16>, tensor<128x64xf32, #acc>
    ```
  }];
  let arguments = (ins AnyTypeOf<[HilbertGPU_SmemType, HilbertGPU_Fragment]>:$a,
                       HilbertGPU_SmemType:$b, HilbertGPU_Fragment:$acc,
                       UnitAttr:$transpose_b);
  let results = (outs HilbertGPU_Fragment:$result);
  let assemblyFormat = [{
    $a `,` $b `,` $acc attr-dict `:` type($a) `,` type($b) `,` type($acc)
  }];
  let hasVerifier = 1;
}

def HilbertGPU_BoundsOp : HilbertGPU_Op<"bounds", [
    MemoryEffects<[MemAlloc, MemWrite]>]> {
  let summary = "Where to write what is taken out of tiles";
  let description = [{
    Memory for what `hilbert_gpu.take_non_finite` tells, of tiles with the same
    columns: for NaN, for +inf and for -inf, a number for each column, which
    excludes all rows at first.

    Constraints:
    - (C1) `bounds` are i32, three for each column.

    Example:

    ```mlir
    %bounds = hilbert_gpu.bounds : !hilbert_gpu.smem<384xi32>
    ```
  }];
  let arguments = (ins UnitAttr:$latest);
  let results = (outs HilbertGPU_SmemType:$bounds);
  let assemblyFormat = "attr-dict `:` type($bounds)";
  let hasVerifier = 1;
}

def HilbertGPU_TakeNonFiniteOp : HilbertGPU_Op<"take_non_finite", [
    MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "Clean a tile, and tell where it was not finite";
  let description = [{
    If `condition`, which is the same for all threads, holds and a tile has
    elements that are infinite or NaN: replaces these by 0 and returns true.
    The `bounds` of their columns then are at most the rank of their row (at
    least, with `latest`). `ranks` are rows whose token is the rank.

    A key that causality hides from a query has the weight 0, but 0 · NaN is NaN:
    so what is not finite is taken out of the product, and `hilbert_gpu.poison`
    adds it, after all tiles, to the rows that do see it, which the bounds tell.

    Constraints:
    - (C1) the tile is a matrix.
    - (C2) `ranks` has as many rows.
    - (C3) `bounds` are i32, three for each column.

    Example:

    ```mlir
    %found = hilbert_gpu.take_non_finite %v, %ranks, %bounds if %cut
        : !hilbert_gpu.smem<64x128xbf16>, !hilbert_gpu.rows<64, run>,
          !hilbert_gpu.smem<384xi32>
    ```
  }];
  let arguments = (ins HilbertGPU_SmemType:$tile, HilbertGPU_RowsType:$ranks,
                       HilbertGPU_SmemType:$bounds, I1:$condition,
                       UnitAttr:$latest);
  let results = (outs I1:$found);
  let assemblyFormat = [{
    $tile `,` $ranks `,` $bounds `if` $condition attr-dict
    `:` type($tile) `,` type($ranks) `,` type($bounds)
  }];
  let hasVerifier = 1;
}

def HilbertGPU_PoisonOp : HilbertGPU_Op<"poison", [
    MemoryEffects<[MemRead]>, AllTypesMatch<["source", "result"]>]> {
  let summary = "Add what cleaned tiles lost";
  let description = [{
    Adds NaN, +inf and -inf to the elements of a column whose row has a rank of
    at least the column's bound (at most with `latest`).

    Constraints:
    - (C1) source is f32 with an `mma` layout, and `ranks` its slice of rows.
    - (C2) `bounds` are three for each column.

    Example:

    ```mlir
    %o2 = hilbert_gpu.poison %o, %bounds, %rank : tensor<128x128xf32, #acc>,
        !hilbert_gpu.smem<384xi32>, tensor<128xi32, #hilbert_gpu.slice<1, #acc>>
    ```
  }];
  let arguments = (ins HilbertGPU_Fragment:$source, HilbertGPU_SmemType:$bounds,
                       HilbertGPU_Fragment:$ranks, UnitAttr:$latest);
  let results = (outs HilbertGPU_Fragment:$result);
  let assemblyFormat = [{
    $source `,` $bounds `,` $ranks attr-dict
    `:` type($source) `,` type($bounds) `,` type($ranks)
  }];
  let hasVerifier = 1;
}

def HilbertGPU_Reduction : I32EnumAttr<"Reduction", "How a row is reduced", [
    I32EnumAttrCase<"Max", 0, "max">, I32EnumAttrCase<"Min", 1, "min">,
    I32EnumAttrCase<"Sum", 2, "sum">]> {
  let cppNamespace = "::hilbert::tile";
}

def HilbertGPU_ReduceOp : HilbertGPU_Op<"reduce", [Pure, InferTypeOpAdaptor]> {
  let summary = "Reduce the rows of a matrix";
  let description = [{
    The maximum or minimum, which NaN is not unless all are, or the sum of each
    row.

    Constraints:
    - (C1) the source is an f32 matrix.

    Example:

    ```mlir
    %m = hilbert_gpu.reduce max %s : tensor<128x64xf32, #acc>
    ```
  }];
  let arguments = (ins HilbertGPU_Reduction:$kind, HilbertGPU_Fragment:$source);
  let results = (outs HilbertGPU_Fragment:$result);
  let assemblyFormat = "$kind $source attr-dict `:` type($source)";
}

def HilbertGPU_BroadcastOp : HilbertGPU_Op<"broadcast", [Pure]> {
  let summary = "A matrix of equal rows or columns";
  let description = [{
    A slice of dimension 1 gives each row its entry, one of dimension 0 each
    column.

    Constraints:
    - (C1) the source's layout is the slice of the result's layout, and sizes and
      element types agree.

    Example:

    ```mlir
    %b = hilbert_gpu.broadcast %m : tensor<128xf32, #hilbert_gpu.slice<1, #acc>>
        -> tensor<128x64xf32, #acc>
    ```
  }];
  let arguments = (ins HilbertGPU_Fragment:$source);
  let results = (outs HilbertGPU_Fragment:$result);
  let assemblyFormat = "$source attr-dict `:` type($source) `->` type($result)";
  let hasVerifier = 1;
}

def HilbertGPU_IndicesOp : HilbertGPU_Op<"indices", [Pure]> {
  let summary = "0, 1, 2, ...";
  let description = [{
    Constraints:
    - (C1) the result is a slice of i32.

    Example:

    ```mlir
    %j = hilbert_gpu.indices : tensor<64xi32, #hilbert_gpu.slice<0, #acc>>
    ```
  }];
  let results = (outs HilbertGPU_Fragment:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def HilbertGPU_ToOperandOp : HilbertGPU_Op<"to_operand", [Pure]> {
  let summary = "Round an accumulator to the left operand of a product";
  let description = [{
    Constraints:
    - (C1) the source is f32 with an `mma` layout; the result has the same shape,
      the operand layout of it, and the element type f16, bf16 or f32.

    Example:

    ```mlir
    %p = hilbert_gpu.to_operand %e : tensor<128x64xf32, #acc>
        -> tensor<128x64xbf16, #hilbert_gpu.operand<#acc>>
    ```
  }];
  let arguments = (ins HilbertGPU_Fragment:$source);
  let results = (outs HilbertGPU_Fragment:$result);
  let assemblyFormat = "$source attr-dict `:` type($source) `->` type($result)";
  let hasVerifier = 1;
}

def HilbertGPU_LocalLoadOp : HilbertGPU_Op<"local_load", [MemoryEffects<[MemRead]>]> {
  let summary = "A tile from shared memory to registers";
  let description = [{
    A matrix becomes an operand, a vector a slice.

    Constraints:
    - (C1) shapes and element types agree.

    Example:

    ```mlir
    %l = hilbert_gpu.local_load %v : !hilbert_gpu.smem<64xf32>
        -> tensor<64xf32, #hilbert_gpu.slice<0, #acc>>
    ```
  }];
  let arguments = (ins HilbertGPU_SmemType:$source);
  let results = (outs HilbertGPU_Fragment:$result);
  let assemblyFormat = "$source attr-dict `:` type($source) `->` type($result)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Level C2
//===----------------------------------------------------------------------===//

def HilbertGPU_AllocOp : HilbertGPU_Op<"alloc", [MemoryEffects<[MemAlloc]>]> {
  let summary = "Buffers in shared memory";
  let description = [{
    `offset` is where they begin, in bytes, once `hilbert-gpu-allocate` has said
    so.

    Example:

    ```mlir
    %ring = hilbert_gpu.alloc {offset = 0 : i32}
        : !hilbert_gpu.ring<2, !hilbert_gpu.smem<64x128xbf16>>
    ```
  }];
  let arguments = (ins OptionalAttr<I32Attr>:$offset);
  let results = (outs HilbertGPU_RingType:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}

def HilbertGPU_SlotOp : HilbertGPU_Op<"slot", [Pure, InferTypeOpAdaptor]> {
  let summary = "One buffer of a ring";
  let description = [{
    Example:

    ```mlir
    %k = hilbert_gpu.slot %ring[%i] : !hilbert_gpu.ring<2, !hilbert_gpu.smem<64x128xbf16>>
    ```
  }];
  let arguments = (ins HilbertGPU_RingType:$ring, I32:$index);
  let results = (outs HilbertGPU_SmemType:$result);
  let assemblyFormat = "$ring `[` $index `]` attr-dict `:` type($ring)";
}

def HilbertGPU_AsyncLoadOp : HilbertGPU_Op<"async_load", [
    MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "Begin to bring rows of a matrix into a buffer";
  let description = [{
    As `load`, into a given tile; the copy is part of the next `commit`.

    Example:

    ```mlir
    hilbert_gpu.async_load %K[%rows], %slot : !hilbert_gpu.matrix<128xbf16>,
        !hilbert_gpu.rows<64, box>, !hilbert_gpu.smem<64x128xbf16>
    ```
  }];
  let arguments = (ins HilbertGPU_MatrixType:$matrix, HilbertGPU_RowsType:$rows,
                       HilbertGPU_SmemType:$tile);
  let assemblyFormat = [{
    $matrix `[` $rows `]` `,` $tile attr-dict
    `:` type($matrix) `,` type($rows) `,` type($tile)
  }];
  let hasVerifier = 1;
}

def HilbertGPU_FillOp : HilbertGPU_Op<"fill", [MemoryEffects<[MemWrite]>]> {
  let summary = "Give all elements of a buffer one value";
  let description = [{
    Other threads see it after the next barrier.

    Constraints:
    - (C1) the buffer is i32, with one dimension.

    Example:

    ```mlir
    hilbert_gpu.fill %bounds, 2147483647 : !hilbert_gpu.smem<384xi32>
    ```
  }];
  let arguments = (ins HilbertGPU_SmemType:$buffer, I32Attr:$value);
  let assemblyFormat = "$buffer `,` $value attr-dict `:` type($buffer)";
  let hasVerifier = 1;
}

def HilbertGPU_CommitOp : HilbertGPU_Op<"commit"> {
  let summary = "Close a group of copies";
  let description = [{
    Example: `hilbert_gpu.commit`
  }];
  let assemblyFormat = "attr-dict";
}

def HilbertGPU_WaitOp : HilbertGPU_Op<"wait"> {
  let summary = "Wait for copies, and for all threads of the CTA";
  let description = [{
    Returns when all but the last `pending` groups of copies of all threads of
    the CTA are done; buffers that any thread has read before may be written
    after it.

    Example: `hilbert_gpu.wait 1`
  }];
  let arguments = (ins ConfinedAttr<I32Attr, [IntNonNegative]>:$pending);
  let assemblyFormat = "$pending attr-dict";
}

def HilbertGPU_LocalStoreOp : HilbertGPU_Op<"local_store", [MemoryEffects<[MemWrite]>]> {
  let summary = "A tile from registers to shared memory";
  let description = [{
    Constraints:
    - (C1) shapes and element types agree.

    Example:

    ```mlir
    hilbert_gpu.local_store %o, %tile : tensor<128x128xbf16, #a>,
        !hilbert_gpu.smem<128x128xbf16>
    ```
  }];
  let arguments = (ins HilbertGPU_Fragment:$source, HilbertGPU_SmemType:$tile);
  let assemblyFormat = "$source `,` $tile attr-dict `:` type($source) `,` type($tile)";
  let hasVerifier = 1;
}

def HilbertGPU_CopyOutOp : HilbertGPU_Op<"copy_out", [
    MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "A tile from shared memory to rows of a matrix";
  let description = [{
    Rows beyond the count and columns that the matrix lacks are not written.

    Example:

    ```mlir
    hilbert_gpu.copy_out %tile, %O[%rows] : !hilbert_gpu.smem<128x128xbf16>,
        !hilbert_gpu.matrix<128xbf16>, !hilbert_gpu.rows<128, box>
    ```
  }];
  let arguments = (ins HilbertGPU_SmemType:$tile, HilbertGPU_MatrixType:$matrix,
                       HilbertGPU_RowsType:$rows);
  let assemblyFormat = [{
    $tile `,` $matrix `[` $rows `]` attr-dict
    `:` type($tile) `,` type($matrix) `,` type($rows)
  }];
  let hasVerifier = 1;
}

#endif // HILBERT_DIALECT_HILBERTGPU_IR_HILBERTGPUOPS
