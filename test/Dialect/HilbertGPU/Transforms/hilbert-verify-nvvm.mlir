// RUN: split-file %s %t
// RUN: hilbert-opt %t/sm_80.mlir --hilbert-verify-nvvm --split-input-file --verify-diagnostics
// RUN: hilbert-opt %t/sm_90.mlir --hilbert-verify-nvvm=chip=sm_90 --split-input-file --verify-diagnostics
// RUN: hilbert-opt %t/sm_90a.mlir --hilbert-verify-nvvm=chip=sm_90a --split-input-file --verify-diagnostics
// RUN: not hilbert-opt %t/chip.mlir --hilbert-verify-nvvm=chip=sm_75 2>&1 | FileCheck %t/chip.mlir

//--- chip.mlir

// CHECK: error: target must be sm_80, sm_86, sm_87, sm_89, sm_90 or sm_90a, but is sm_75
gpu.module @kernels {
}

//--- sm_80.mlir

// What tile programs become.
gpu.module @fine {
  llvm.mlir.global external @hilbert_shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
  llvm.func @f(%s: !llvm.ptr<3>, %g: !llvm.ptr<1>, %x: f32, %i: i32) attributes {nvvm.kernel} {
    %tid = nvvm.read.ptx.sreg.tid.x : i32
    %cta = nvvm.read.ptx.sreg.ctaid.x : i32
    nvvm.cp.async.shared.global %s, %g, 16, cache = cg : !llvm.ptr<3>, !llvm.ptr<1>
    nvvm.cp.async.commit.group
    nvvm.cp.async.wait.group 0
    nvvm.barrier0
    %l = nvvm.ldmatrix %s {num = 1 : i32, layout = #nvvm.mma_layout<row>, eltType = #nvvm.ld_st_matrix_elt_type<b16>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>} : (!llvm.ptr<3>) -> i32
    %y = nvvm.shfl.sync bfly %i, %x, %i, %i : f32 -> f32
    %e = llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz.f"(%y) : (f32) -> f32
    %m = llvm.intr.maxnum(%e, %x) : (f32, f32) -> f32
    %n = llvm.intr.fma(%m, %x, %x) : (f32, f32, f32) -> f32
    llvm.return
  }
}

// -----

gpu.module @empty {
}

// -----

gpu.module @other_dialect {
  llvm.func @f(%i: i32) {
    // expected-error@+1 {{only llvm and nvvm ops may remain in kernels, but got 'arith.addi'}}
    %0 = arith.addi %i, %i : i32
    llvm.return
  }
}

// -----

gpu.module @kernel {
  // expected-error@+1 {{only llvm and nvvm ops may remain in kernels, but got 'gpu.func'}}
  gpu.func @f() kernel {
    gpu.return
  }
}

// -----

gpu.module @cast {
  llvm.func @f(%i: i32) {
    // expected-error@+1 {{only llvm and nvvm ops may remain in kernels, but got 'builtin.unrealized_conversion_cast'}}
    %0 = builtin.unrealized_conversion_cast %i : i32 to index
    llvm.return
  }
}

// -----

// A function of libdevice, which the conversion of scalar math calls.
gpu.module @declaration {
  // expected-error@+1 {{kernels are linked with nothing, but function '__nv_exp2f' has no body}}
  llvm.func @__nv_exp2f(f32) -> f32
}

// -----

// LLVM has no function for it: "no libcall available for fexp".
gpu.module @library_function {
  llvm.func @f(%x: f32) {
    // expected-error@+1 {{intrinsic 'llvm.intr.exp' is not among those that targets are known to have}}
    %0 = llvm.intr.exp(%x) : (f32) -> f32
    llvm.return
  }
}

// -----

gpu.module @intrinsic {
  llvm.func @f(%x: f32) {
    // expected-error@+1 {{intrinsic 'llvm.nvvm.tanh.approx.f32' is not among those that targets are known to have}}
    %0 = llvm.call_intrinsic "llvm.nvvm.tanh.approx.f32"(%x) : (f32) -> f32
    llvm.return
  }
}

// -----

gpu.module @unknown {
  llvm.func @f() {
    // expected-error@+1 {{'nvvm.griddepcontrol' is not among the instructions that targets are known to have}}
    nvvm.griddepcontrol wait
    llvm.return
  }
}

// -----

gpu.module @stmatrix {
  llvm.func @f(%s: !llvm.ptr<3>, %r: i32) {
    // expected-error@+1 {{'nvvm.stmatrix' needs sm_90, but the target is sm_80}}
    nvvm.stmatrix %s, %r {layout = #nvvm.mma_layout<row>, eltType = #nvvm.ld_st_matrix_elt_type<b16>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>} : !llvm.ptr<3>, i32
    llvm.return
  }
}

// -----

gpu.module @mbarrier {
  llvm.func @f(%s: !llvm.ptr<3>, %r: i32) {
    nvvm.mbarrier.init %s, %r : !llvm.ptr<3>, i32
    // expected-error@+1 {{'nvvm.mbarrier.try_wait.parity' needs sm_90, but the target is sm_80}}
    nvvm.mbarrier.try_wait.parity %s, %r, %r : !llvm.ptr<3>, i32, i32
    llvm.return
  }
}

// -----

gpu.module @tma {
  llvm.func @f(%m: !llvm.ptr, %s: !llvm.ptr<7>, %b: !llvm.ptr<3>, %x: i32) {
    // expected-error@+1 {{'nvvm.cp.async.bulk.tensor.shared.cluster.global' needs sm_90a, but the target is sm_80}}
    nvvm.cp.async.bulk.tensor.shared.cluster.global %s, %m, %b, box[%x, %x] : !llvm.ptr<7>, !llvm.ptr
    llvm.return
  }
}

// -----

gpu.module @wgmma {
  llvm.func @f() {
    // expected-error@+1 {{'nvvm.wgmma.fence.aligned' needs sm_90a, but the target is sm_80}}
    nvvm.wgmma.fence.aligned
    llvm.return
  }
}

//--- sm_90.mlir

gpu.module @fine {
  llvm.func @f(%s: !llvm.ptr<3>, %r: i32) {
    nvvm.stmatrix %s, %r {layout = #nvvm.mma_layout<row>, eltType = #nvvm.ld_st_matrix_elt_type<b16>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>} : !llvm.ptr<3>, i32
    nvvm.mbarrier.try_wait.parity %s, %r, %r : !llvm.ptr<3>, i32, i32
    llvm.return
  }
}

// -----

gpu.module @wgmma {
  llvm.func @f() {
    // expected-error@+1 {{'nvvm.wgmma.fence.aligned' needs sm_90a, but the target is sm_90}}
    nvvm.wgmma.fence.aligned
    llvm.return
  }
}

// -----

// Any chip of compute capability 9.0 has it, but sm_90 is compiled with PTX 7.8.
gpu.module @ptx {
  llvm.func @f(%b: !llvm.ptr<3>, %x: i32) {
    // expected-error@+1 {{'nvvm.mbarrier.arrive.expect_tx' needs sm_90a, but the target is sm_90}}
    nvvm.mbarrier.arrive.expect_tx %b, %x : !llvm.ptr<3>, i32
    llvm.return
  }
}

//--- sm_90a.mlir

gpu.module @fine {
  llvm.func @f(%m: !llvm.ptr, %s: !llvm.ptr<7>, %b: !llvm.ptr<3>, %x: i32) {
    nvvm.mbarrier.init %b, %x : !llvm.ptr<3>, i32
    nvvm.mbarrier.try_wait.parity %b, %x, %x : !llvm.ptr<3>, i32, i32
    nvvm.mbarrier.arrive.expect_tx %b, %x : !llvm.ptr<3>, i32
    nvvm.cp.async.bulk.tensor.shared.cluster.global %s, %m, %b, box[%x, %x] : !llvm.ptr<7>, !llvm.ptr
    nvvm.wgmma.fence.aligned
    nvvm.setmaxregister increase 232
    llvm.return
  }
}
