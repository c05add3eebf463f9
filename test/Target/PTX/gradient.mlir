// The PTX of the gradient. Sums are in registers: no atomics, no reductions in
// memory, so that results are the same in every run.
//
// RUN: hilbert-compile %s --target=sm_80 -o %t.ptx
// RUN: FileCheck %s --input-file=%t.ptx --implicit-check-not=atom. \
// RUN:   --implicit-check-not='{{[[:space:]]}}red.' --implicit-check-not=.local \
// RUN:   --implicit-check-not=__nv_ --implicit-check-not=call
// RUN: hilbert-compile %s --target=sm_89 -o %t.ptx
// RUN: FileCheck %s --input-file=%t.ptx --implicit-check-not=atom. \
// RUN:   --implicit-check-not='{{[[:space:]]}}red.' --implicit-check-not=.local \
// RUN:   --implicit-check-not=__nv_ --implicit-check-not=call
// RUN: hilbert-compile %s --target=sm_90 -o %t.ptx
// RUN: FileCheck %s --input-file=%t.ptx --implicit-check-not=atom. \
// RUN:   --implicit-check-not='{{[[:space:]]}}red.' --implicit-check-not=.local \
// RUN:   --implicit-check-not=__nv_ --implicit-check-not=call

!m = tensor<1x?x2x128xbf16>
!s = tensor<1x2x?xf32>

// CHECK-LABEL: .visible .entry g_dq(
// CHECK:       .maxntid 128, 1, 1
// CHECK-NEXT:  .minnctapersm 1
// CHECK-DAG:   cp.async.cg.shared.global [{{.+}}], [{{.+}}], 16, %r{{[0-9]+}};
// S and dP, then dQ = dS K with dS from registers.
// CHECK-DAG:   ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK-DAG:   mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// CHECK-DAG:   ex2.approx.ftz.f32
// CHECK-DAG:   cvt.rn.bf16x2.f32
// CHECK-DAG:   ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// CHECK-DAG:   mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// CHECK-DAG:   st.global.v4.b32
// CHECK:       ret;

// CHECK-LABEL: .visible .entry g_dkv(
// CHECK:       .maxntid 128, 1, 1
// CHECK-NEXT:  .minnctapersm 1
// Rows 16 bytes at a time; lse and delta, of one f32 a row, 4.
// CHECK-DAG:   cp.async.cg.shared.global [{{.+}}], [{{.+}}], 16, %r{{[0-9]+}};
// CHECK-DAG:   cp.async.ca.shared.global [{{.+}}], [{{.+}}], 4, %r{{[0-9]+}};
// CHECK-DAG:   mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// CHECK-DAG:   ex2.approx.ftz.f32
// CHECK-DAG:   cvt.rn.bf16x2.f32
// CHECK-DAG:   ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// CHECK-DAG:   mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// CHECK-DAG:   st.global.v4.b32
// CHECK:       ret;
func.func @g(%q: !m, %k: !m, %v: !m, %o: !m, %l: !s, %dout: !m, %dq: !m,
             %dk: !m, %dv: !m) -> (!m, !m, !m) {
  %r:3 = hilbert.attention_grad
    ins(%q, %k, %v, %o, %l, %dout : !m, !m, !m, !m, !s, !m)
    outs(%dq, %dk, %dv : !m, !m, !m)
    schedule(#hilbert_gpu.grad_schedule<
      dq = <m = 64, n = 32, warps = 4, stages = 2, ctas = 1>,
      dkv = <m = 64, n = 32, warps = 4, stages = 2, ctas = 1>>)
  return %r#0, %r#1, %r#2 : !m, !m, !m
}
