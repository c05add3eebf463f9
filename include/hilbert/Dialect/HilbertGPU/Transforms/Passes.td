//===- Passes.td - Passes on tile programs -----------------*- tablegen -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_DIALECT_HILBERTGPU_TRANSFORMS_PASSES
#define HILBERT_DIALECT_HILBERTGPU_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def HilbertGPUPipeline : Pass<"hilbert-gpu-pipeline", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Turn loads into copies ahead of time (level C1 to C2)";
  let description = [{
    Tiles that a loop loads go through a ring of as many buffers as the schedule
    has stages: in each iteration the copy for `stages` - 1 iterations later
    begins, and one wait makes the current tiles visible and the oldest buffers
    free. Loads outside of loops get a buffer of their own. Tiles are stored
    through such a buffer, so that threads write whole rows.

    Works on kernels with a `hilbert_gpu.schedule`. A remark says how many bytes
    are in flight. A load in a loop must depend on nothing that the loop carries.

    Example:

    ```mlir
    scf.for %i = %c0 to %n step %c1 : i32 {
      %rows = hilbert_gpu.run_rows %first, %count step 1 : ...
      %k = hilbert_gpu.load %K[%rows] : ...
    }
    // becomes, with two stages,
    %ring = hilbert_gpu.alloc : !hilbert_gpu.ring<2, ...>
    ... hilbert_gpu.async_load of the first tile, hilbert_gpu.commit
    scf.for %i = %c0 to %n step %c1 : i32 {
      hilbert_gpu.wait 0
      ... hilbert_gpu.async_load of tile %i + 1, hilbert_gpu.commit
      %k = hilbert_gpu.slot %ring[%slot] : ...
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
    "::mlir::scf::SCFDialect", "::hilbert::tile::HilbertGPUDialect"];
}

def HilbertGPUAllocate : Pass<"hilbert-gpu-allocate", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Place buffers in shared memory";
  let description = [{
    Gives every `hilbert_gpu.alloc` an offset and the kernel
    `hilbert_gpu.shared_bytes`, the dynamic shared memory of a launch. Fails,
    naming both numbers, if a CTA of the target may not have so much.

    Example:

    ```mlir
    %q = hilbert_gpu.alloc : !hilbert_gpu.ring<1, !hilbert_gpu.smem<128x128xbf16>>
    // becomes
    %q = hilbert_gpu.alloc {offset = 0 : i32} : ...
    ```
  }];
  let options = [
    Option<"limit", "limit", "int64_t", "232448",
           "Bytes of shared memory that a CTA may have (default: sm_90)">
  ];
}

def HilbertVerifyTiles : Pass<"hilbert-verify-tiles", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Contract: a tile program without a schedule (level C1)";
  let description = [{
    Fails, naming the op, unless kernels hold no more than `hilbert_gpu`, `arith`,
    `math` and `scf` ops, `gpu.block_id`, `tensor.splat`, and `llvm.getelementptr`
    and `llvm.load` of scalars (entries of tables); and nothing that says when
    tiles move: `alloc`, `slot`, `async_load`, `commit`, `wait`, `local_store` and
    `copy_out` are of level C2.

    Example:

    ```mlir
    hilbert_gpu.wait 0
    // error: level C1 says nothing of buffers and their filling, but got
    // 'hilbert_gpu.wait'
    ```
  }];
}

def HilbertVerifyPipelined
    : Pass<"hilbert-verify-pipelined", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Contract: a tile program with its schedule (level C2)";
  let description = [{
    Fails, naming the op, if a `hilbert_gpu.load` or a `hilbert_gpu.store` of a
    matrix is left, if a buffer has no offset, or if a kernel does not say how much
    shared memory its launch needs. Beside `hilbert_gpu` ops there is what level C1
    has.

    Example:

    ```mlir
    scf.if %exists {
      %k = hilbert_gpu.load %K[%rows] : ...
      // error: level C2 brings tiles into buffers, but got 'hilbert_gpu.load'
    }
    ```
  }];
}

def HilbertVerifyNVVM : Pass<"hilbert-verify-nvvm", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Contract: only instructions that the target has (level D)";
  let description = [{
    Fails, naming the op, unless kernels hold llvm and nvvm ops only, and of the
    nvvm ops and intrinsics only those that the target is known to have at the PTX
    version that it is compiled with: LLVM ends the process when it cannot select
    an instruction. Functions without a body are not allowed either (libdevice,
    say): nothing is linked.

    Example, with `chip=sm_80`:

    ```mlir
    nvvm.stmatrix %p, %r {...} : ...
    // error: 'nvvm.stmatrix' needs sm_90, but the target is sm_80
    ```
  }];
  let options = [
    Option<"chip", "chip", "std::string", "\"sm_80\"",
           "The target: sm_80, sm_86, sm_87, sm_89, sm_90 or sm_90a">
  ];
}

#endif // HILBERT_DIALECT_HILBERTGPU_TRANSFORMS_PASSES
