//===- HilbertGPUAttributes.td - Layouts and schedules -----*- tablegen -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_DIALECT_HILBERTGPU_IR_HILBERTGPUATTRIBUTES
#define HILBERT_DIALECT_HILBERTGPU_IR_HILBERTGPUATTRIBUTES

include "hilbert/Dialect/HilbertGPU/IR/HilbertGPUBase.td"
include "hilbert/Dialect/HilbertGPU/IR/HilbertGPUInterfaces.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class HilbertGPU_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<HilbertGPU_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

//===----------------------------------------------------------------------===//
// Layouts
//===----------------------------------------------------------------------===//

def HilbertGPU_MmaAttr : HilbertGPU_Attr<"Mma", "mma", [
    DeclareAttrInterfaceMethods<HilbertGPU_LayoutInterface>]> {
  let summary = "Accumulators of warp-level matrix instructions";
  let description = [{
    A matrix of M rows, of which each of `warps` warps holds M / warps
    consecutive ones, in blocks of 16 x 8 as `mma.sync.m16n8` accumulates them
    (PTX ISA, "Matrix Fragments for mma.m16n8k16"): lane l holds rows l / 4 and
    l / 4 + 8, columns 2 (l mod 4) and the next.

    Constraints:
    - (C1) `warps` is positive.

    Example: `tensor<128x64xf32, #hilbert_gpu.mma<warps = 4>>`
  }];
  let parameters = (ins "int64_t":$warps);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def HilbertGPU_OperandAttr : HilbertGPU_Attr<"Operand", "operand", [
    DeclareAttrInterfaceMethods<HilbertGPU_LayoutInterface>]> {
  let summary = "Left operands of warp-level matrix instructions";
  let description = [{
    A matrix of 16-bit elements in blocks of 16 x 16 as `mma.sync.m16n8k16` takes
    its left operand: two elements in a register. Two blocks of an accumulator
    side by side become one such block without any exchange between lanes, which
    is why probabilities never leave registers.

    Example:
    `tensor<128x64xbf16, #hilbert_gpu.operand<#hilbert_gpu.mma<warps = 4>>>`
  }];
  let parameters = (ins "::hilbert::tile::MmaAttr":$parent);
  let assemblyFormat = "`<` $parent `>`";
}

def HilbertGPU_SliceAttr : HilbertGPU_Attr<"Slice", "slice", [
    DeclareAttrInterfaceMethods<HilbertGPU_LayoutInterface>]> {
  let summary = "A row or column vector of a matrix's layout";
  let description = [{
    The matrix without dimension `dim`: threads hold the entries of the rows
    (`dim` = 1) or columns (`dim` = 0) that they hold of the matrix.

    Constraints:
    - (C1) `dim` is 0 or 1.

    Example: `tensor<128xf32, #hilbert_gpu.slice<1, #hilbert_gpu.mma<warps = 4>>>`
  }];
  let parameters = (ins "int64_t":$dim, "::hilbert::tile::MmaAttr":$parent);
  let assemblyFormat = "`<` $dim `,` $parent `>`";
  let genVerifyDecl = 1;
}

//===----------------------------------------------------------------------===//
// Schedules
//===----------------------------------------------------------------------===//

def HilbertGPU_Access : I32EnumAttr<"Access", "How the rows of a tile are found", [
    I32EnumAttrCase<"Run", 0, "run">,
    I32EnumAttrCase<"Table", 1, "table">,
    I32EnumAttrCase<"Box", 2, "box">]> {
  let cppNamespace = "::hilbert::tile";
  let genSpecializedAttr = 0;
}

def HilbertGPU_AccessAttr
    : EnumAttr<HilbertGPU_Dialect, HilbertGPU_Access, "access"> {
  let description = [{
    `run`: evenly spaced tokens; `table`: through an index table; `box`: boxes of
    the grid, one table entry for each tile.

    Example: `#hilbert_gpu.access<box>`
  }];
  let assemblyFormat = "`<` $value `>`";
}

def HilbertGPU_Addressing : I32EnumAttr<"Addressing", "What threads keep of a matrix's address", [
    I32EnumAttrCase<"Uniform", 0, "uniform">,
    I32EnumAttrCase<"Thread", 1, "thread">,
    I32EnumAttrCase<"Again", 2, "again">]> {
  let cppNamespace = "::hilbert::tile";
  let genSpecializedAttr = 0;
}

def HilbertGPU_ScheduleAttr : HilbertGPU_Attr<"Schedule", "schedule"> {
  let summary = "Tile sizes of a kernel";
  let description = [{
    A CTA of `warps` warps holds a tile of `m` rows (queries, or keys where
    their gradients are computed) and walks the other side in tiles of `n`, of
    which `stages` are in shared memory at a time. `ctas` is how many CTAs must
    fit into a multiprocessor: the register budget follows from it.

    `addresses` is what of matrices' addresses stays in registers between
    tiles: `uniform`, the matrix alone, which all threads share: an address
    then takes three instructions; `thread`, a pair of registers for each
    matrix: one instruction; `again`, as `thread`, but what depends on the
    thread is computed again for each tile.

    Constraints:
    - (C1) `m` is a positive multiple of 16 · `warps`.
    - (C2) `n` is a positive multiple of 16.
    - (C3) `warps` is from 1 to 16, `stages` from 1 to 8, `ctas` from 1 to 8.

    Example: `#hilbert_gpu.schedule<m = 128, n = 64, warps = 4, stages = 2, ctas = 2, addresses = thread>`
  }];
  let parameters = (ins "int64_t":$m, "int64_t":$n, "int64_t":$warps,
                        "int64_t":$stages, "int64_t":$ctas,
                        DefaultValuedParameter<"::hilbert::tile::Addressing",
                          "::hilbert::tile::Addressing::Uniform">:$addresses);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def HilbertGPU_GradScheduleAttr : HilbertGPU_Attr<"GradSchedule", "grad_schedule"> {
  let summary = "Schedules of the two kernels of a gradient";
  let description = [{
    `dq`: the kernel whose CTAs own queries. `dkv`: the one whose CTAs own keys.

    Example:

    ```mlir
    #hilbert_gpu.grad_schedule<
      dq = <m = 128, n = 64, warps = 8, stages = 2, ctas = 1>,
      dkv = <m = 128, n = 64, warps = 8, stages = 2, ctas = 1>>
    ```
  }];
  let parameters = (ins "::hilbert::tile::ScheduleAttr":$dq,
                        "::hilbert::tile::ScheduleAttr":$dkv);
  let assemblyFormat = "`<` struct(params) `>`";
}

#endif // HILBERT_DIALECT_HILBERTGPU_IR_HILBERTGPUATTRIBUTES
