//===- HilbertGPUBase.td - The hilbert_gpu dialect ---------*- tablegen -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_DIALECT_HILBERTGPU_IR_HILBERTGPUBASE
#define HILBERT_DIALECT_HILBERTGPU_IR_HILBERTGPUBASE

include "mlir/IR/OpBase.td"

def HilbertGPU_Dialect : Dialect {
  let name = "hilbert_gpu";
  let cppNamespace = "::hilbert::tile";
  let summary = "Tile programs of attention kernels";
  let description = [{
    A kernel as the program of one block of threads (a CTA) over tiles. There are
    two levels in the same dialect.

    **C1, the algorithm.** A `gpu.func` with structured control flow, index
    arithmetic and tiles. A *matrix* is one head of one batch item in global
    memory; *rows* say which of its tokens a tile has: this is the only place
    where curves and dilation are. `load` brings rows into shared memory, `dot`
    multiplies on the tensor cores, `store` writes a tile back. Tiles in
    registers are tensors whose encoding says which thread holds which element,
    so that `arith` and `math` ops apply to them. There are no barriers, no
    buffers and no roles.

    **C2, the schedule.** `hilbert-gpu-pipeline` turns loads into copies ahead of
    time: rings of buffers (`alloc`, `slot`), `async_load`, `commit`, `wait`,
    barriers. A back end with other engines (TMA, mbarriers, warp roles) replaces
    this step and the lowering of the tiles, not the algorithm.

    `convert-hilbert-gpu-to-nvvm` then gives each thread its part.

    ```mlir
    scf.for %t = %c0 to %tiles step %c1 iter_args(%acc = %zero) -> (...) : i32 {
      %rows = hilbert_gpu.table_rows %table[%first], %count step 1 : rows<64>
      %k = hilbert_gpu.load %K[%rows] : ... -> !hilbert_gpu.smem<64x128xbf16>
      %s = hilbert_gpu.dot %q, %k, %zero_s {transpose_b} : ...
      ...
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let extraClassDeclaration = [{
    void registerAttributes();
    void registerTypes();
  }];
}

#endif // HILBERT_DIALECT_HILBERTGPU_IR_HILBERTGPUBASE
