// RUN: hilbert-opt %s --hilbert-fuse --hilbert-to-gpu | FileCheck %s
// RUN: hilbert-opt %s --hilbert-fuse --hilbert-to-gpu \
// RUN:   | hilbert-opt --pass-pipeline='builtin.module(gpu.module(hilbert-verify-tiles))' -o /dev/null
// RUN: hilbert-opt %s --hilbert-grad --hilbert-to-gpu=chip=sm_90 | FileCheck %s --check-prefix=GRAD
// RUN: not hilbert-opt %s --hilbert-fuse --hilbert-to-gpu=chip=sm_70 2>&1 | FileCheck %s --check-prefix=CHIP

// The pipeline ends in its contract.
// RUN: echo 'gpu.module @k { gpu.func @f() kernel { gpu.barrier gpu.return } }' \
// RUN:   | not hilbert-opt --hilbert-to-gpu 2>&1 | FileCheck %s --check-prefix=CONTRACT
// CONTRACT: error: level C1 holds {{.*}}, but got 'gpu.barrier'

// CHIP: error: target must be sm_80, sm_86, sm_87, sm_89, sm_90 or sm_90a, but is sm_70

!t = tensor<1x?x2x64xbf16>
!l = tensor<1x2x?xf32>
!i = tensor<?xi32>

// From an attention in an order to a tile program that reads and writes in that
// order: nothing is moved.
// CHECK-LABEL: func @attention(
// CHECK-NOT: hilbert.reorder
// CHECK: hilbert.attention ins{{.*}} schedule(#hilbert_gpu.schedule<{{.*}}>) {{.*}}hilbert_gpu.kernels = @attention_kernels
// CHECK-LABEL: func.func @grid(
// CHECK: hilbert_gpu.key_access = #hilbert_gpu.access<box>, hilbert_gpu.query_access = #hilbert_gpu.access<box>
// CHECK: gpu.module @attention_kernels
// CHECK: gpu.func @attention_forward(
// CHECK: %[[QROWS:.*]] = hilbert_gpu.table_rows
// CHECK: scf.for
// CHECK:   %[[KROWS:.*]] = hilbert_gpu.table_rows
// CHECK:   hilbert_gpu.load %{{.*}}[%[[KROWS]]]
// CHECK:   hilbert_gpu.load %{{.*}}[%[[KROWS]]]
// CHECK: hilbert_gpu.store %{{.*}}[%[[QROWS]]] : tensor<{{[0-9]+}}x64xbf16
// CHECK: hilbert_gpu.store %{{.*}}[%[[QROWS]]] : tensor<{{[0-9]+}}xf32
// GRAD: gpu.func @attention_forward(
// GRAD: gpu.func @attention_grad_dq(
// GRAD: hilbert_gpu.table_rows
// GRAD: gpu.func @attention_grad_dkv(
// GRAD: hilbert_gpu.table_rows
func.func @attention(%q: !t, %k: !t, %v: !t, %o: !i, %out: !t, %lse: !l) -> (!t, !l) {
  %0 = hilbert.reorder %q dim 1 order(%o : !i) : !t
  %1 = hilbert.reorder %k dim 1 order(%o : !i) : !t
  %2 = hilbert.reorder %v dim 1 order(%o : !i) : !t
  %r:2 = hilbert.attention ins(%0, %1, %2 : !t, !t, !t) outs(%out, %lse : !t, !l)
    pattern<(segment = 256)>
  %3 = hilbert.restore %r#0 dim 1 order(%o : !i) : !t
  %4 = hilbert.restore %r#1 dim 2 order(%o : !i) : !l
  return %3, %4 : !t, !l
}

// Tiles of a static order on a grid of powers of two are boxes, in every kernel.
// CHECK-LABEL: gpu.func @grid_forward(
// CHECK-SAME: "q_boxes", "q_width", "q_plane", "kv_boxes", "kv_width", "kv_plane"]
// CHECK-NOT: hilbert_gpu.{{run|table}}_rows
// CHECK: hilbert_gpu.box_rows
// CHECK-NOT: hilbert_gpu.{{run|table}}_rows
// CHECK: scf.for
// CHECK: hilbert_gpu.box_rows
// GRAD-LABEL: gpu.func @grid_grad_dq(
// GRAD-NOT: hilbert_gpu.{{run|table}}_rows
// GRAD: hilbert_gpu.box_rows
// GRAD: scf.for
// GRAD-NOT: hilbert_gpu.{{run|table}}_rows
// GRAD: hilbert_gpu.box_rows
// GRAD-LABEL: gpu.func @grid_grad_dkv(
// GRAD-NOT: hilbert_gpu.{{run|table}}_rows
// GRAD: hilbert_gpu.box_rows
// GRAD: scf.for
// GRAD-NOT: hilbert_gpu.{{run|table}}_rows
// GRAD: hilbert_gpu.box_rows
#grid = #hilbert.order<hilbert, [64, 64]>
!s = tensor<1x4096x2x64xbf16>
!sl = tensor<1x2x4096xf32>
func.func @grid(%q: !s, %k: !s, %v: !s, %out: !s, %lse: !sl) -> (!s, !sl) {
  %r:2 = hilbert.attention ins(%q, %k, %v : !s, !s, !s) outs(%out, %lse : !s, !sl)
    order(#grid)
  return %r#0, %r#1 : !s, !sl
}
