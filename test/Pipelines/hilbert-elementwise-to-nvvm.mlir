// RUN: hilbert-opt %s --hilbert-elementwise-to-nvvm | FileCheck %s --implicit-check-not='gpu.func' \
// RUN:   --implicit-check-not='builtin.unrealized_conversion_cast' --implicit-check-not='scf.' --implicit-check-not='math.fma'
// RUN: hilbert-opt %s --hilbert-elementwise-to-nvvm=chip=sm_90a -o /dev/null
// RUN: not hilbert-opt %s --hilbert-elementwise-to-nvvm=chip=gfx90a 2>&1 | FileCheck %s --check-prefix=CHIP
// CHIP: error: target must be sm_80, sm_86, sm_87, sm_89, sm_90 or sm_90a, but is gfx90a

// Static orders become tables, and what is left of a kernel are instructions.
// CHECK-LABEL: func.func @f(
// CHECK: %[[TABLE:.*]] = hilbert.permutation order(
// CHECK: hilbert.reorder %{{.*}} dim 1 order(%[[TABLE]] : tensor<64xi32>) {hilbert_gpu.kernels = @f_kernels}
// CHECK: math.exp %{{.*}} {hilbert_gpu.kernels = @f_kernels_0}
// CHECK: gpu.module @f_kernels {
// CHECK: llvm.func @f_reorder(
// CHECK-SAME: hilbert_gpu.grid = {{{.*}}rows = "elements"
// CHECK-SAME: nvvm.kernel
// CHECK-SAME: nvvm.maxntid = array<i32: 256, 1, 1>
// CHECK: nvvm.read.ptx.sreg.ctaid.x
// CHECK: nvvm.read.ptx.sreg.tid.x
// CHECK: llvm.cond_br
// CHECK: gpu.module @f_kernels_0 {
// CHECK: llvm.intr.fma
func.func @f(%x: tensor<2x64x8xf32>) -> tensor<2x64x8xf32> {
  %0 = hilbert.reorder %x dim 1 order(#hilbert.order<hilbert, [8, 8]>) : tensor<2x64x8xf32>
  %1 = math.exp %0 : tensor<2x64x8xf32>
  return %1 : tensor<2x64x8xf32>
}
