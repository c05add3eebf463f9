// RUN: hilbert-opt %s --hilbert-verify-tiles --split-input-file --verify-diagnostics

!m = !hilbert_gpu.matrix<16xf16>
!r = !hilbert_gpu.rows<16, run>
!s = !hilbert_gpu.smem<16x16xf16>
#acc = #hilbert_gpu.mma<warps = 1>
!acc = tensor<16x16xf32, #acc>
!o = tensor<16x16xf16, #hilbert_gpu.operand<#acc>>
!v = tensor<16xi32, #hilbert_gpu.slice<1, #acc>>

// All that may be there.
gpu.module @fine {
  gpu.func @f(%p: !llvm.ptr<1>, %x: i64, %n: i32, %a: f32, %b: i1) kernel {
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %block = gpu.block_id x
    %entry = llvm.getelementptr %p[%n] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
    %offset = llvm.load %entry : !llvm.ptr<1> -> i32
    %m = hilbert_gpu.matrix %p[%x] stride %x : !m
    %rows = hilbert_gpu.run_rows %offset, %n step 1 : !r
    %zero = tensor.splat %a : !acc
    %q = hilbert_gpu.load %m[%rows] : !m, !r -> !s
    %bounds = hilbert_gpu.bounds : !hilbert_gpu.smem<48xi32>
    %sum = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %zero) -> !acc : i32 {
      %found = hilbert_gpu.take_non_finite %q, %rows, %bounds if %b : !s, !r, !hilbert_gpu.smem<48xi32>
      %0 = hilbert_gpu.dot %q, %q, %acc : !s, !s, !acc
      %ranks = hilbert_gpu.tokens %rows : !r -> !v
      %poisoned = hilbert_gpu.poison %0, %bounds, %ranks : !acc, !hilbert_gpu.smem<48xi32>, !v
      %1 = math.exp2 %poisoned : !acc
      scf.yield %1 : !acc
    }
    %o = hilbert_gpu.to_operand %sum : !acc -> !o
    hilbert_gpu.store %o, %m[%rows] : !o, !m, !r
    gpu.return
  }
}

// -----

gpu.module @empty {
}

// -----

gpu.module @alloc {
  gpu.func @f() kernel {
    // expected-error@+1 {{level C1 says nothing of buffers and their filling, but got 'hilbert_gpu.alloc'}}
    %0 = hilbert_gpu.alloc : !hilbert_gpu.ring<1, !hilbert_gpu.smem<16xf32>>
    gpu.return
  }
}

// -----

gpu.module @wait {
  gpu.func @f(%b: i1) kernel {
    scf.if %b {
      // expected-error@+1 {{level C1 says nothing of buffers and their filling, but got 'hilbert_gpu.wait'}}
      hilbert_gpu.wait 0
    }
    gpu.return
  }
}

// -----

gpu.module @commit {
  gpu.func @f() kernel {
    // expected-error@+1 {{but got 'hilbert_gpu.commit'}}
    hilbert_gpu.commit
    gpu.return
  }
}

// -----

gpu.module @slot {
  gpu.func @f(%ring: !hilbert_gpu.ring<1, !hilbert_gpu.smem<16xf32>>, %i: i32) kernel {
    // expected-error@+1 {{but got 'hilbert_gpu.slot'}}
    %0 = hilbert_gpu.slot %ring[%i] : !hilbert_gpu.ring<1, !hilbert_gpu.smem<16xf32>>
    gpu.return
  }
}

// -----

gpu.module @async_load {
  gpu.func @f(%m: !hilbert_gpu.matrix<1xf32>, %r: !hilbert_gpu.rows<16, run>,
      %s: !hilbert_gpu.smem<16xf32>) kernel {
    // expected-error@+1 {{but got 'hilbert_gpu.async_load'}}
    hilbert_gpu.async_load %m[%r], %s : !hilbert_gpu.matrix<1xf32>,
      !hilbert_gpu.rows<16, run>, !hilbert_gpu.smem<16xf32>
    gpu.return
  }
}

// -----

gpu.module @copy_out {
  gpu.func @f(%m: !hilbert_gpu.matrix<1xf32>, %r: !hilbert_gpu.rows<16, run>,
      %s: !hilbert_gpu.smem<16xf32>) kernel {
    // expected-error@+1 {{but got 'hilbert_gpu.copy_out'}}
    hilbert_gpu.copy_out %s, %m[%r] : !hilbert_gpu.smem<16xf32>,
      !hilbert_gpu.matrix<1xf32>, !hilbert_gpu.rows<16, run>
    gpu.return
  }
}

// -----

#operand = #hilbert_gpu.operand<#hilbert_gpu.mma<warps = 1>>
gpu.module @local_store {
  gpu.func @f(%t: tensor<16x16xf16, #operand>, %s: !hilbert_gpu.smem<16x16xf16>) kernel {
    // expected-error@+1 {{but got 'hilbert_gpu.local_store'}}
    hilbert_gpu.local_store %t, %s : tensor<16x16xf16, #operand>, !hilbert_gpu.smem<16x16xf16>
    gpu.return
  }
}

// -----

gpu.module @fill {
  gpu.func @f(%bounds: !hilbert_gpu.smem<48xi32>) kernel {
    // expected-error@+1 {{level C1 says nothing of buffers and their filling, but got 'hilbert_gpu.fill'}}
    hilbert_gpu.fill %bounds, 0 : !hilbert_gpu.smem<48xi32>
    gpu.return
  }
}

// -----

gpu.module @barrier {
  gpu.func @f() kernel {
    // expected-error@+1 {{level C1 holds hilbert_gpu, arith, math and scf ops, gpu.block_id, tensor.splat and loads of scalars in gpu.funcs, but got 'gpu.barrier'}}
    gpu.barrier
    gpu.return
  }
}

// -----

gpu.module @thread {
  gpu.func @f() kernel {
    // expected-error@+1 {{but got 'gpu.thread_id'}}
    %0 = gpu.thread_id x
    gpu.return
  }
}

// -----

gpu.module @vector_load {
  gpu.func @f(%p: !llvm.ptr<1>) kernel {
    // expected-error@+1 {{but got 'llvm.load'}}
    %0 = llvm.load %p : !llvm.ptr<1> -> vector<4xi32>
    gpu.return
  }
}

// -----

gpu.module @llvm_store {
  gpu.func @f(%p: !llvm.ptr<1>, %x: i32) kernel {
    // expected-error@+1 {{but got 'llvm.store'}}
    llvm.store %x, %p : i32, !llvm.ptr<1>
    gpu.return
  }
}

// -----

gpu.module @function {
  // expected-error@+1 {{but got 'func.func'}}
  func.func @f() {
    return
  }
}
