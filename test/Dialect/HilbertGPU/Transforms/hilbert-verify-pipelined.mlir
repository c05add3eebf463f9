// RUN: hilbert-opt %s --hilbert-verify-pipelined --split-input-file --verify-diagnostics

!m = !hilbert_gpu.matrix<16xf16>
!l = !hilbert_gpu.matrix<1xf32>
!r = !hilbert_gpu.rows<16, run>
!s = !hilbert_gpu.smem<16x16xf16>
#acc = #hilbert_gpu.mma<warps = 1>
!o = tensor<16x16xf16, #hilbert_gpu.operand<#acc>>
!v = tensor<16xf32, #hilbert_gpu.slice<1, #acc>>
!ranks = tensor<16xi32, #hilbert_gpu.slice<1, #acc>>
!acc = tensor<16x16xf32, #acc>
!bounds = !hilbert_gpu.smem<48xi32>

gpu.module @fine {
  gpu.func @f(%m: !m, %l: !l, %rows: !r, %v: !v, %b: i1, %sum: !acc) kernel attributes {hilbert_gpu.shared_bytes = 1216 : i32} {
    %c0 = arith.constant 0 : i32
    %ring = hilbert_gpu.alloc {offset = 0 : i32} : !hilbert_gpu.ring<1, !s>
    %tile = hilbert_gpu.slot %ring[%c0] : !hilbert_gpu.ring<1, !s>
    scf.if %b {
      hilbert_gpu.async_load %m[%rows], %tile : !m, !r, !s
    }
    hilbert_gpu.commit
    hilbert_gpu.wait 0
    %lost = hilbert_gpu.alloc {offset = 1024 : i32} : !hilbert_gpu.ring<1, !bounds>
    %bounds = hilbert_gpu.slot %lost[%c0] : !hilbert_gpu.ring<1, !bounds>
    hilbert_gpu.fill %bounds, 2147483647 : !bounds
    %found = hilbert_gpu.take_non_finite %tile, %rows, %bounds if %b : !s, !r, !bounds
    %ranks = hilbert_gpu.tokens %rows : !r -> !ranks
    %poisoned = hilbert_gpu.poison %sum, %bounds, %ranks : !acc, !bounds, !ranks
    %o = hilbert_gpu.local_load %tile : !s -> !o
    hilbert_gpu.local_store %o, %tile : !o, !s
    hilbert_gpu.copy_out %tile, %m[%rows] : !s, !m, !r
    hilbert_gpu.store %v, %l[%rows] : !v, !l, !r
    gpu.return
  }
}

// -----

!m = !hilbert_gpu.matrix<16xf16>
!r = !hilbert_gpu.rows<16, run>

// Such as a load in an scf.if in a loop, which hilbert-gpu-pipeline leaves.
gpu.module @load {
  gpu.func @f(%m: !m, %rows: !r, %b: i1) kernel attributes {hilbert_gpu.shared_bytes = 0 : i32} {
    scf.if %b {
      // expected-error@+1 {{level C2 brings tiles into buffers, but got 'hilbert_gpu.load'}}
      %0 = hilbert_gpu.load %m[%rows] : !m, !r -> !hilbert_gpu.smem<16x16xf16>
    }
    gpu.return
  }
}

// -----

!m = !hilbert_gpu.matrix<16xf16>
!r = !hilbert_gpu.rows<16, run>
!o = tensor<16x16xf16, #hilbert_gpu.operand<#hilbert_gpu.mma<warps = 1>>>

gpu.module @bounds {
  gpu.func @f() kernel attributes {hilbert_gpu.shared_bytes = 0 : i32} {
    // expected-error@+1 {{level C2 gives bounds a buffer, but got 'hilbert_gpu.bounds'}}
    %0 = hilbert_gpu.bounds : !hilbert_gpu.smem<48xi32>
    gpu.return
  }
}

// -----

!m = !hilbert_gpu.matrix<16xf16>
!r = !hilbert_gpu.rows<16, run>
!o = tensor<16x16xf16, #hilbert_gpu.operand<#hilbert_gpu.mma<warps = 1>>>

gpu.module @store {
  gpu.func @f(%m: !m, %rows: !r, %o: !o) kernel attributes {hilbert_gpu.shared_bytes = 0 : i32} {
    // expected-error@+1 {{level C2 stores matrices through a buffer, but got 'hilbert_gpu.store' of 'tensor<16x16xf16, #hilbert_gpu.operand<<warps = 1>>>'}}
    hilbert_gpu.store %o, %m[%rows] : !o, !m, !r
    gpu.return
  }
}

// -----

gpu.module @offset {
  gpu.func @f() kernel attributes {hilbert_gpu.shared_bytes = 0 : i32} {
    // expected-error@+1 {{level C2 says where each buffer lies, but this 'hilbert_gpu.alloc' has no offset}}
    %0 = hilbert_gpu.alloc : !hilbert_gpu.ring<1, !hilbert_gpu.smem<16xf32>>
    gpu.return
  }
}

// -----

gpu.module @shared_bytes {
  // expected-error@+1 {{level C2 says how much shared memory a launch needs, but this kernel has no hilbert_gpu.shared_bytes}}
  gpu.func @f() kernel {
    gpu.return
  }
}

// -----

gpu.module @other {
  gpu.func @f() kernel attributes {hilbert_gpu.shared_bytes = 0 : i32} {
    // expected-error@+1 {{level C2 holds hilbert_gpu, arith, math and scf ops, gpu.block_id, tensor.splat and loads of scalars in gpu.funcs, but got 'nvvm.barrier0'}}
    nvvm.barrier0
    gpu.return
  }
}
