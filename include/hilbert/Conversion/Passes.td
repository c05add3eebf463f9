//===- Passes.td - Conversions to the host -----------------*- tablegen -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_CONVERSION_PASSES
#define HILBERT_CONVERSION_PASSES

include "mlir/Pass/PassBase.td"

def ConvertHilbertToLoops : Pass<"convert-hilbert-to-loops", "::mlir::func::FuncOp"> {
  let summary = "Lower hilbert ops on memrefs to scf, vector and memref";
  let description = [{
    Each branch of an op becomes one or two parallel loops over independent work
    items.

    An attention's work item is a block of `columns` queries of one segment and
    head. Its queries lie transposed in the lanes of vectors, so that every
    product is a broadcast scalar of the other side times a vector of lanes, and
    the softmax of a query never leaves its lane. The other side is walked in
    tiles of `rows` with an online softmax (Milakov and Gimelshein,
    arXiv:1805.02867): no more than a tile of scores exists at any time. Gradients
    take two such loops, over blocks of queries for dq and over blocks of keys
    for dk and dv; no two items write the same element, and sums have one order,
    so results are race-free and deterministic.

    Mask code is emitted only for tiles that causality cuts.

    Every branch of every head group has its own loops. The next branch of the
    same heads resumes the online softmax from out and lse, and adds to dq, dk
    and dv; these are kept in f32 until the last has done so.

    Needs memrefs with a unit innermost stride, orders as tables, and a
    `#hilbert.host_schedule`. Sizes that are dynamic are checked by `cf.assert`.

    Example:

    ```mlir
    hilbert.attention ins(%q, %k, %v : ...) outs(%out, %lse : ...)
        pattern<(segment = 256)>
        schedule(#hilbert.host_schedule<lanes = 16, columns = 64, rows = 64>)
    // becomes
    scf.parallel (%item) = (%c0) to (%items) step (%c1) { ... }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::cf::ControlFlowDialect", "::mlir::math::MathDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::mlir::vector::VectorDialect"];
}

def HilbertExpandCopies : Pass<"hilbert-expand-copies", "::mlir::func::FuncOp"> {
  let summary = "Turn strided copies into linalg ops";
  let description = [{
    A `memref.copy` between contiguous buffers becomes a call of memcpy; any
    other would become a call of a library that is not there. This pass turns
    those into `linalg.generic`, which is lowered to loops.

    Example:

    ```mlir
    memref.copy %a, %b : memref<4x8xf32> to memref<4x8xf32, strided<[16, 1]>>
    // becomes
    linalg.generic ... ins(%a : ...) outs(%b : ...) { linalg.yield ... }
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def HilbertVerifyLoops : Pass<"hilbert-verify-loops", "::mlir::ModuleOp"> {
  let summary = "Contract: what the loop level may hold";
  let description = [{
    Fails, naming the op, if anything is left but func, cf, scf, arith, math,
    vector, memref and ub ops on memrefs, vectors and scalars, and
    `hilbert.permutation`.
  }];
}

def HilbertOutlineParallel : Pass<"hilbert-outline-parallel", "::mlir::ModuleOp"> {
  let summary = "Outline parallel loops into kernels for the host's thread pool";
  let description = [{
    Every outermost one-dimensional `scf.parallel` without reductions becomes a
    private function kernel(begin, end, captures…) and a `hilbert.host_launch`.
    Constants are cloned into the kernel; stack buffers of the loop body are
    hoisted to the kernel's entry, one set for each thread.

    Example:

    ```mlir
    scf.parallel (%i) = (%c0) to (%n) step (%c1) { ... }
    // becomes
    hilbert.host_launch @main_kernel_0(%n) captures(...)
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::func::FuncDialect", "::mlir::scf::SCFDialect",
    "::hilbert::HilbertDialect"];
}

def HilbertApproximateMath : Pass<"hilbert-approximate-math"> {
  let summary = "Expand exp and log into polynomials";
  let description = [{
    LLVM turns `math.exp` and `math.log` on vectors into one library call for
    each element, and a GPU has no library. This pass replaces them by the
    polynomial approximations of the math dialect, accurate to a few units in
    the last place of f32.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::math::MathDialect", "::mlir::vector::VectorDialect"];
}

def ConvertHilbertHostToLLVM : Pass<"convert-hilbert-host-to-llvm", "::mlir::ModuleOp"> {
  let summary = "Lower the host level to the llvm dialect";
  let description = [{
    Converts func, cf, arith, math, memref, vector and index together with
    `hilbert.host_launch` and `hilbert.permutation`:

    - a launch packs its captures into a struct on the stack and calls
      `hilbert_rt_parallel_for` with a thunk that unpacks them;
    - a permutation calls `hilbert_rt_order`, which returns a table that is
      shared by the process;
    - `cf.assert` records its message with `hilbert_rt_fail` and returns from the
      function; nothing aborts.

    Public functions get a C interface (`_mlir_ciface_f`) and, so that a caller
    needs no more than its address, an entry `hilbert_entry_f(args)`: args[i] is
    the i-th argument of the C interface where that is a pointer, and points at
    its value otherwise. Results are not passed on, except for memrefs, which the
    C interface writes through its first argument.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def HilbertVerifyLLVM : Pass<"hilbert-verify-llvm", "::mlir::ModuleOp"> {
  let summary = "Contract: only the llvm dialect remains";
  let description = [{
    Fails, naming the op, if anything but `builtin.module` and llvm ops is left.
  }];
}

def HilbertSelectGPUSchedule
    : Pass<"hilbert-select-gpu-schedule", "::mlir::func::FuncOp"> {
  let summary = "Choose the tile sizes of GPU kernels";
  let description = [{
    Gives every attention without a schedule a `#hilbert_gpu.schedule`, every
    gradient a `#hilbert_gpu.grad_schedule`, by head dimension and by the shared
    memory of the target. An analysis remark names the choice.
  }];
  let options = [
    Option<"chip", "chip", "std::string", "\"sm_80\"",
           "The target: sm_80, sm_86, sm_87, sm_89, sm_90 or sm_90a">
  ];
  let dependentDialects = ["::hilbert::tile::HilbertGPUDialect"];
}

def HilbertClassifyTiles : Pass<"hilbert-classify-tiles", "::mlir::func::FuncOp"> {
  let summary = "Find which tiles of static orders are boxes";
  let description = [{
    Says for the queries and for the keys of every attention how kernels find the
    tokens of a tile: `hilbert_gpu.query_access` and `hilbert_gpu.key_access`.
    `box`, where every tile of a static order fills a box of the grid whose sides
    are powers of two: always on grids whose extents are, and for full tiles of
    tiled orders. Otherwise `table`: through the table of the order. Orders that
    are the raster need neither.

    A remark tells which it is, of how many tiles, or why not.

    Example:

    ```mlir
    hilbert.attention ... order(#hilbert_64x64) schedule(#s)
    // becomes
    hilbert.attention ... order(#hilbert_64x64) schedule(#s)
        {hilbert_gpu.key_access = #hilbert_gpu.access<box>,
         hilbert_gpu.query_access = #hilbert_gpu.access<box>}
    ```
  }];
  let dependentDialects = ["::hilbert::tile::HilbertGPUDialect"];
}

def ConvertHilbertToGPU : Pass<"convert-hilbert-to-gpu", "::mlir::ModuleOp"> {
  let summary = "Build the tile programs of attentions";
  let description = [{
    For every attention, a `gpu.module` with its kernels at level C1: `_forward`;
    or `_dq` and then `_dkv` for a gradient (`_dk` and `_dv` apart where both
    accumulators do not fit registers). The op stays and names the module.

    A kernel's arguments have names (`hilbert_gpu.arguments`): pointers and strides of
    the tensors, sizes, the scale, tables of orders. Nothing of them is compiled
    in; what is, is the element type, D, the branch, causality, how rows are
    found, and the schedule.

    Needs f16 or bf16, one branch for all heads, and a `#hilbert_gpu.schedule`
    (gradients: `#hilbert_gpu.grad_schedule`).
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::gpu::GPUDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect", "::hilbert::tile::HilbertGPUDialect"];
}

def ConvertHilbertElementwiseToGPU
    : Pass<"convert-hilbert-elementwise-to-gpu", "::mlir::ModuleOp"> {
  let summary = "Build GPU kernels of what goes through tensors element by element";
  let description = [{
    For every elementwise op, every reorder and restore by a table, and every
    `tensor.insert_slice`, a `gpu.module` with one kernel whose threads go through
    the elements of a tensor. The op stays and names the module. What was not
    fused into an attention runs so.

    A kernel's arguments have names (`hilbert_gpu.arguments`):

    - `threads`, the number of all threads of the grid;
    - `size0`, `size1`, ..., by which an element's indices are counted;
    - pointers `in0`, `in1`, ... and `out`, each with its strides (`in0_stride0`,
      ...), in elements;
    - for orders `table` and `table_batch_stride`, which is 0 if one order is for
      all items of dimension 0.

    So sizes and strides are no part of the code, views are read and written
    where they are, and indices have 64 bits. The kernel of an insertion copies
    the source to `out`, the slice.

    Elementwise are, on 16-bit floats, f32, f64 and integers of 32 and 64 bits:
    `arith.addf`, `subf`, `mulf`, `divf`, `negf`, `extf`, `truncf`, `addi`, `subi`,
    `muli`, `sitofp`, `fptosi`, and `math.exp`, not of f64. 16-bit floats are
    computed in f32 and rounded once. Any other op stays as it is.

    Example:

    ```mlir
    %0 = arith.negf %x : tensor<?xf32>
    // becomes
    %0 = arith.negf %x {hilbert_gpu.kernels = @f_kernels} : tensor<?xf32>
    // and
    gpu.func @f_negf(%threads: i64, %size0: i64,
                     %in0: !llvm.ptr<1>, %in0_stride0: i64,
                     %out: !llvm.ptr<1>, %out_stride0: i64) kernel {
      ...
      scf.for %i = %first to %size0 step %threads : i64 { ... }
      gpu.return
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::gpu::GPUDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
    "::hilbert::tile::HilbertGPUDialect"];
}

def ConvertHilbertGPUToNVVM
    : Pass<"convert-hilbert-gpu-to-nvvm", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Give each thread its part of a tile program (level C2 to nvvm)";
  let description = [{
    Tiles in registers become the elements that a thread holds; matrix products
    become `ldmatrix` and `mma.sync.m16n8k16`, copies `cp.async` of 16 bytes,
    reductions shuffles. Everything about fragment layouts, swizzles and
    addresses is in this pass and nowhere else.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect",
    "::mlir::scf::SCFDialect"];
}

#endif // HILBERT_CONVERSION_PASSES
