// The PTX of the forward, for each target: what its speed depends on, and what
// old drivers take. Blocks are in no order that matters, hence CHECK-DAG.
//
// DEFINE: %{target} = sm_80
// DEFINE: %{prefix} = SM80
// DEFINE: %{check} = FileCheck %s --check-prefixes=CHECK,%{prefix} \
// DEFINE:   --implicit-check-not=.local --implicit-check-not=.func \
// DEFINE:   --implicit-check-not=__nv_ --implicit-check-not=call
// DEFINE: %{run} = hilbert-compile %s --target=%{target} | %{check}
//
// RUN: %{run}
// REDEFINE: %{target} = sm_86
// REDEFINE: %{prefix} = SM86
// RUN: %{run}
// REDEFINE: %{target} = sm_87
// REDEFINE: %{prefix} = SM87
// RUN: %{run}
// REDEFINE: %{target} = sm_89
// REDEFINE: %{prefix} = SM89
// RUN: %{run}
// REDEFINE: %{target} = sm_90
// REDEFINE: %{prefix} = SM90
// RUN: %{run}
// REDEFINE: %{target} = sm_90a
// REDEFINE: %{prefix} = SM90A
// RUN: %{run}

// SM80:  .version 7.0
// SM80:  .target sm_80{{$}}
// SM86:  .version 7.1
// SM86:  .target sm_86{{$}}
// SM87:  .version 7.4
// SM87:  .target sm_87{{$}}
// SM89:  .version 7.8
// SM89:  .target sm_89{{$}}
// SM90:  .version 7.8
// SM90:  .target sm_90{{$}}
// SM90A: .version 8.0
// SM90A: .target sm_90a{{$}}

// Shared memory is that of the launch.
// CHECK: .extern .shared .align 1024 .b8 hilbert_shared[];

!b = tensor<1x?x2x128xbf16>
!h = tensor<1x?x2x128xf16>
!s = tensor<1x2x?xf32>

// CHECK-LABEL: .visible .entry bf16_forward(
// CHECK:       .maxntid 128, 1, 1
// CHECK-NEXT:  .minnctapersm 2
// Copies of 16 bytes into shared memory, past L1, with zeros beyond the rows.
// CHECK-DAG:   cp.async.cg.shared.global [{{.+}}], [{{.+}}], 16, %r{{[0-9]+}};
// CHECK-DAG:   cp.async.commit_group;
// CHECK-DAG:   cp.async.wait_group
// S = Q K^T from fragments of whole 16x16 blocks, accumulated in f32.
// CHECK-DAG:   ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK-DAG:   mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// Weights, and their way into the next product within registers.
// CHECK-DAG:   shfl.sync.bfly.b32
// CHECK-DAG:   ex2.approx.ftz.f32
// CHECK-DAG:   cvt.rn.bf16x2.f32
// CHECK-DAG:   ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// CHECK-DAG:   mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// CHECK-DAG:   lg2.approx.ftz.f32
// Results leave 16 bytes at a time.
// CHECK-DAG:   st.global.v4.b32
// CHECK:       ret;
func.func @bf16(%q: !b, %k: !b, %v: !b, %o: !b, %l: !s) -> (!b, !s) {
  %r:2 = hilbert.attention ins(%q, %k, %v : !b, !b, !b) outs(%o, %l : !b, !s)
    schedule(#hilbert_gpu.schedule<m = 128, n = 64, warps = 4, stages = 2, ctas = 2>)
  return %r#0, %r#1 : !b, !s
}

// CHECK-LABEL: .visible .entry f16_forward(
// CHECK:       .maxntid 256, 1, 1
// CHECK-NEXT:  .minnctapersm 1
// CHECK-DAG:   cp.async.cg.shared.global [{{.+}}], [{{.+}}], 16, %r{{[0-9]+}};
// CHECK-DAG:   ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK-DAG:   mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// CHECK-DAG:   ex2.approx.ftz.f32
// CHECK-DAG:   cvt.rn.f16x2.f32
// CHECK-DAG:   ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// CHECK-DAG:   mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// CHECK:       ret;
func.func @f16(%q: !h, %k: !h, %v: !h, %o: !h, %l: !s) -> (!h, !s) {
  %r:2 = hilbert.attention ins(%q, %k, %v : !h, !h, !h) outs(%o, %l : !h, !s)
    schedule(#hilbert_gpu.schedule<m = 128, n = 64, warps = 8, stages = 2, ctas = 1>)
  return %r#0, %r#1 : !h, !s
}

// A table is read once for each row, not for each column.
// CHECK-LABEL: .visible .entry table_forward(
// CHECK-DAG:   ld.global.b32
// CHECK-DAG:   cp.async.cg.shared.global [{{.+}}], [{{.+}}], 16, %r{{[0-9]+}};
// CHECK-DAG:   mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// CHECK:       ret;
func.func @table(%q: !b, %k: !b, %v: !b, %o: !b, %l: !s, %t: tensor<?xi32>) -> (!b, !s) {
  %r:2 = hilbert.attention ins(%q, %k, %v : !b, !b, !b) outs(%o, %l : !b, !s)
    order(q = %t : tensor<?xi32>, kv = %t : tensor<?xi32>, out = %t : tensor<?xi32>)
    causal<token>
  return %r#0, %r#1 : !b, !s
}
