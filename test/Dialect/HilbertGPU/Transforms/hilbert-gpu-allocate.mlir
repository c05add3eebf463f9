// RUN: hilbert-opt %s --hilbert-gpu-allocate | FileCheck %s
// RUN: not hilbert-opt %s --hilbert-gpu-allocate=limit=10239 2>&1 | FileCheck %s --check-prefix=LIMIT
// RUN: hilbert-opt %s --hilbert-gpu-allocate=limit=10240 -o /dev/null

// Buffers follow one another from multiples of 1024 bytes, which the swizzle
// of a row of 128 bytes repeats after; slots from multiples of 128.
gpu.module @kernels {
  // CHECK-LABEL: gpu.func @several(
  // CHECK-SAME: hilbert_gpu.shared_bytes = 10240 : i32
  // LIMIT: error: kernel 'several' needs 10240 bytes of shared memory, but a CTA may have 10239: choose fewer stages or smaller tiles
  gpu.func @several(%b: i1) kernel {
    // CHECK: hilbert_gpu.alloc {offset = 0 : i32} : <3, <16xf32>>
    %0 = hilbert_gpu.alloc : !hilbert_gpu.ring<3, !hilbert_gpu.smem<16xf32>>
    // CHECK: hilbert_gpu.alloc {offset = 1024 : i32} : <2, <64x16xbf16>>
    %1 = hilbert_gpu.alloc : !hilbert_gpu.ring<2, !hilbert_gpu.smem<64x16xbf16>>
    // Wherever they stand, and whatever they said before.
    // CHECK: scf.if
    // CHECK: hilbert_gpu.alloc {offset = 5120 : i32} : <1, <160x16xf16>>
    scf.if %b {
      %2 = hilbert_gpu.alloc {offset = 7 : i32} : !hilbert_gpu.ring<1, !hilbert_gpu.smem<160x16xf16>>
    }
    gpu.return
  }

  // Kernels do not share.
  // CHECK-LABEL: gpu.func @one(
  // CHECK-SAME: hilbert_gpu.shared_bytes = 128 : i32
  // CHECK: hilbert_gpu.alloc {offset = 0 : i32} : <1, <1xf32>>
  gpu.func @one() kernel {
    %0 = hilbert_gpu.alloc : !hilbert_gpu.ring<1, !hilbert_gpu.smem<1xf32>>
    gpu.return
  }

  // CHECK-LABEL: gpu.func @none(
  // CHECK-SAME: hilbert_gpu.shared_bytes = 0 : i32
  gpu.func @none() kernel {
    gpu.return
  }
}
