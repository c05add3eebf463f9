// RUN: split-file %s %t
// RUN: hilbert-opt %t/kernels.mlir --hilbert-to-nvvm | FileCheck %t/kernels.mlir --implicit-check-not='= hilbert_gpu.' \
// RUN:   --implicit-check-not='builtin.unrealized_conversion_cast' --implicit-check-not='scf.'
// RUN: hilbert-opt %t/kernels.mlir --hilbert-to-nvvm=chip=sm_86 -o /dev/null
// RUN: hilbert-opt %t/kernels.mlir --hilbert-to-nvvm=chip=sm_90a -o /dev/null
// RUN: not hilbert-opt %t/kernels.mlir --hilbert-to-nvvm=chip=gfx90a 2>&1 | FileCheck %t/kernels.mlir --check-prefix=CHIP
// RUN: hilbert-opt %t/contracts.mlir --hilbert-to-nvvm --split-input-file --verify-diagnostics

//--- kernels.mlir

// CHIP: error: target must be sm_80, sm_86, sm_87, sm_89, sm_90 or sm_90a, but is gfx90a

!t = tensor<1x?x2x64xbf16>
!l = tensor<1x2x?xf32>

// What remains of a kernel: tensor cores, copies ahead of time, shuffles within
// rows, and what its launch must know.
// CHECK: gpu.module @attention_kernels
// CHECK: llvm.mlir.global external @hilbert_shared()
// CHECK: llvm.func @attention_forward(
// CHECK-SAME: hilbert_gpu.arguments = ["q", {{.*}}"scale"]
// CHECK-SAME: hilbert_gpu.grid = {{{.*}}role = "forward"
// CHECK-SAME: hilbert_gpu.shared_bytes = {{[1-9][0-9]*}} : i32
// CHECK-SAME: nvvm.kernel
// CHECK-SAME: nvvm.maxntid = array<i32: {{[0-9]+}}, 1, 1>
// CHECK-SAME: nvvm.minctasm
// CHECK: nvvm.cp.async.shared.global
// CHECK: nvvm.cp.async.commit.group
// CHECK: nvvm.cp.async.wait.group
// CHECK: nvvm.ldmatrix
// CHECK: nvvm.mma.sync
// CHECK: nvvm.shfl.sync
// CHECK: llvm.nvvm.ex2.approx.ftz.f
// CHECK: nvvm.mma.sync
func.func @attention(%q: !t, %k: !t, %v: !t, %out: !t, %lse: !l) -> (!t, !l) {
  %r:2 = hilbert.attention ins(%q, %k, %v : !t, !t, !t) outs(%out, %lse : !t, !l)
    pattern<(segment = 256)>
  return %r#0, %r#1 : !t, !l
}

// CHECK: gpu.module @gradient_kernels
// CHECK: llvm.func @gradient_dq(
// CHECK: llvm.func @gradient_dkv(
func.func @gradient(%q: !t, %k: !t, %v: !t, %out: !t, %lse: !l, %dout: !t) -> (!t, !t, !t) {
  %r:3 = hilbert.attention_grad ins(%q, %k, %v, %out, %lse, %dout : !t, !t, !t, !t, !l, !t)
    outs(%q, %k, %v : !t, !t, !t) causal<token>
  return %r#0, %r#1, %r#2 : !t, !t, !t
}

//--- contracts.mlir

// Each level ends in its contract. C1:
gpu.module @tiles {
  gpu.func @f() kernel {
    // expected-error@+1 {{level C1 says nothing of buffers and their filling, but got 'hilbert_gpu.commit'}}
    hilbert_gpu.commit
    gpu.return
  }
}

// -----

// C2: the pipeline pass does not look into an scf.if in a loop.
!m = !hilbert_gpu.matrix<16xf16>
!r = !hilbert_gpu.rows<16, run>
#acc = #hilbert_gpu.mma<warps = 1>
!acc = tensor<16x16xf32, #acc>
!v = tensor<16xf32, #hilbert_gpu.slice<1, #acc>>

gpu.module @pipelined {
  gpu.func @f(%p: !llvm.ptr<1>, %x: i64, %i: i32, %b: i1) kernel attributes {hilbert_gpu.schedule = #hilbert_gpu.schedule<m = 16, n = 16, warps = 1, stages = 2, ctas = 1>, known_block_size = array<i32: 32, 1, 1>} {
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %zero = arith.constant dense<0.0> : !acc
    %m = hilbert_gpu.matrix %p[%x] stride %x : !m
    %l = hilbert_gpu.matrix %p[%x] stride %x : !hilbert_gpu.matrix<1xf32>
    %rows = hilbert_gpu.run_rows %i, %i step 1 : !r
    %sum = scf.for %j = %c0 to %i step %c1 iter_args(%acc = %zero) -> !acc : i32 {
      %next = scf.if %b -> !acc {
        // expected-error@+1 {{level C2 brings tiles into buffers, but got 'hilbert_gpu.load'}}
        %tile = hilbert_gpu.load %m[%rows] : !m, !r -> !hilbert_gpu.smem<16x16xf16>
        %0 = hilbert_gpu.dot %tile, %tile, %acc : !hilbert_gpu.smem<16x16xf16>, !hilbert_gpu.smem<16x16xf16>, !acc
        scf.yield %0 : !acc
      } else {
        scf.yield %acc : !acc
      }
      scf.yield %next : !acc
    }
    %v = hilbert_gpu.reduce sum %sum : !acc
    hilbert_gpu.store %v, %l[%rows] : !v, !hilbert_gpu.matrix<1xf32>, !r
    gpu.return
  }
}

// -----

// D: the sine of a scalar is a function of libdevice.
gpu.module @nvvm {
  gpu.func @f(%p: !llvm.ptr<1>, %x: i64, %i: i32, %f: f32) kernel attributes {hilbert_gpu.schedule = #hilbert_gpu.schedule<m = 16, n = 16, warps = 1, stages = 2, ctas = 1>, known_block_size = array<i32: 32, 1, 1>} {
    %m = hilbert_gpu.matrix %p[%x] stride %x : !hilbert_gpu.matrix<1xf32>
    %rows = hilbert_gpu.run_rows %i, %i step 1 : !hilbert_gpu.rows<16, run>
    // expected-error@+1 {{kernels are linked with nothing, but function '__nv_sinf' has no body}}
    %sine = math.sin %f : f32
    %v = tensor.splat %sine : tensor<16xf32, #hilbert_gpu.slice<1, #hilbert_gpu.mma<warps = 1>>>
    hilbert_gpu.store %v, %m[%rows] : tensor<16xf32, #hilbert_gpu.slice<1, #hilbert_gpu.mma<warps = 1>>>, !hilbert_gpu.matrix<1xf32>, !hilbert_gpu.rows<16, run>
    gpu.return
  }
}
