// RUN: split-file %s %t
// RUN: hilbert-opt %t/tiles.mlir --hilbert-classify-tiles | FileCheck %t/tiles.mlir
// RUN: hilbert-opt %t/tiles.mlir --hilbert-classify-tiles -o /dev/null --mlir-disable-threading \
// RUN:   --remark-format=emitRemark --remarks-filter='hilbert.*' 2>&1 \
// RUN:   | FileCheck %t/tiles.mlir --check-prefix=REMARK --implicit-check-not=remark:
// RUN: hilbert-opt %t/errors.mlir --hilbert-classify-tiles --split-input-file --verify-diagnostics

// The kernels of what is classified so are in convert-hilbert-to-gpu.mlir.

//--- tiles.mlir

#s = #hilbert_gpu.schedule<m = 64, n = 32, warps = 4, stages = 2, ctas = 1>
#h64 = #hilbert.order<hilbert, [64, 64]>
#h96 = #hilbert.order<hilbert, [96, 96]>
#t96 = #hilbert.order<hilbert, [96, 96], tile = [8, 16]>
#w56 = #hilbert.order<hilbert, [56, 56], tile = [7, 7]>
#raster = #hilbert.order<raster, [64, 64]>
!t = tensor<1x4096x4x64xbf16>
!l = tensor<1x4x4096xf32>
!u = tensor<1x9216x4x64xbf16>
!m = tensor<1x4x9216xf32>
!i = tensor<4096xi32>

// Grids whose extents are powers of two: tiles of m queries and of n keys.
// CHECK-LABEL: func @grid(
// CHECK: hilbert.attention {{.*}} {hilbert_gpu.key_access = #hilbert_gpu.access<box>, hilbert_gpu.query_access = #hilbert_gpu.access<box>}
// REMARK: remark: [Passed] Tiles | Category:hilbert-classify-tiles | Remark="query tiles are boxes", Tiles="64 tiles of 64 tokens: box 8x8"
// REMARK: remark: [Passed] Tiles | Category:hilbert-classify-tiles | Remark="key tiles are boxes", Tiles="128 tiles of 32 tokens: box 4x8 (2 orientations)"
func.func @grid(%q: !t, %lse: !l) -> !t {
  %r:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l)
    order(#h64) schedule(#s)
  return %r#0 : !t
}

// Full tiles of a tiled order, on a grid that is no power of two.
// CHECK-LABEL: func @tiled(
// CHECK: {hilbert_gpu.key_access = #hilbert_gpu.access<box>, hilbert_gpu.query_access = #hilbert_gpu.access<box>}
// REMARK: remark: {{.*}} Remark="query tiles are boxes", Tiles="144 tiles of 64 tokens: box 8x8"
// REMARK: remark: {{.*}} Remark="key tiles are boxes", Tiles="288 tiles of 32 tokens: box 8x4"
func.func @tiled(%q: !u, %lse: !m) -> !u {
  %r:2 = hilbert.attention ins(%q, %q, %q : !u, !u, !u) outs(%q, %lse : !u, !m)
    order(#t96) schedule(#s)
  return %r#0 : !u
}

// The plain curve on it: the remark says how far the first tile is from a box.
// CHECK-LABEL: func @plain(
// CHECK: {hilbert_gpu.key_access = #hilbert_gpu.access<table>, hilbert_gpu.query_access = #hilbert_gpu.access<table>}
// REMARK: remark: [Missed] Tiles | Category:hilbert-classify-tiles | Reason="144 tiles of 64 tokens: rows (tile 0 needs 4 boxes)", Remark="query tiles are rows"
// REMARK: remark: [Missed] Tiles | Category:hilbert-classify-tiles | Reason="288 tiles of 32 tokens: rows (tile 0 needs 3 boxes)", Remark="key tiles are rows"
func.func @plain(%q: !u, %lse: !m) -> !u {
  %r:2 = hilbert.attention ins(%q, %q, %q : !u, !u, !u) outs(%q, %lse : !u, !m)
    order(#h96) schedule(#s)
  return %r#0 : !u
}

// Each side by itself: segments of 96 end within a tile of 64, but not of 32.
// CHECK-LABEL: func @segments(
// CHECK: {hilbert_gpu.key_access = #hilbert_gpu.access<box>, hilbert_gpu.query_access = #hilbert_gpu.access<table>}
// REMARK: remark: {{.*}} Reason="43 tiles of 64 tokens: 2 boxes 4x8 (2 orientations); 42 ragged tiles", Remark="query tiles are rows"
// REMARK: remark: {{.*}} Remark="key tiles are boxes", Tiles="128 tiles of 32 tokens: box 4x8 (2 orientations)"
func.func @segments(%q: !t, %lse: !l) -> !t {
  %r:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l)
    order(#h64) pattern<(segment = 96)> schedule(#s)
  return %r#0 : !t
}

// Boxes whose sides are no powers of two have no shifts.
// CHECK-LABEL: func @window(
// CHECK: {hilbert_gpu.key_access = #hilbert_gpu.access<table>, hilbert_gpu.query_access = #hilbert_gpu.access<table>}
// REMARK: remark: {{.*}} Reason="64 tiles of 49 tokens: box 7x7, whose sides are not powers of two", Remark="query tiles are rows"
// REMARK: remark: {{.*}} Reason="64 tiles of 49 tokens: box 7x7, whose sides are not powers of two", Remark="key tiles are rows"
func.func @window(%q: tensor<1x3136x4x64xbf16>, %lse: tensor<1x4x3136xf32>) -> tensor<1x3136x4x64xbf16> {
  %r:2 = hilbert.attention ins(%q, %q, %q : tensor<1x3136x4x64xbf16>, tensor<1x3136x4x64xbf16>, tensor<1x3136x4x64xbf16>)
    outs(%q, %lse : tensor<1x3136x4x64xbf16>, tensor<1x4x3136xf32>)
    order(#w56) pattern<(segment = 49)> schedule(#hilbert_gpu.schedule<m = 64, n = 64, warps = 4, stages = 2, ctas = 1>)
  return %r#0 : tensor<1x3136x4x64xbf16>
}

// Dilation: in mode `keys` all queries are there, in `residues` none are neighbours.
// CHECK-LABEL: func @dilated(
// CHECK: mode = residues{{.*}} {hilbert_gpu.key_access = #hilbert_gpu.access<table>, hilbert_gpu.query_access = #hilbert_gpu.access<table>}
// CHECK: dilation = 4{{.*}} {hilbert_gpu.key_access = #hilbert_gpu.access<table>, hilbert_gpu.query_access = #hilbert_gpu.access<box>}
// REMARK: remark: {{.*}} Reason="positions of a curve that are 4 apart fill no box", Remark="query tiles are rows"
// REMARK: remark: {{.*}} Reason="positions of a curve that are 4 apart fill no box", Remark="key tiles are rows"
// REMARK: remark: {{.*}} Remark="query tiles are boxes", Tiles="64 tiles of 64 tokens: box 8x8"
// REMARK: remark: {{.*}} Reason="positions of a curve that are 4 apart fill no box", Remark="key tiles are rows"
func.func @dilated(%q: !t, %lse: !l) -> !t {
  %r:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l)
    order(#h64) pattern<(segment = 256, dilation = 4, mode = residues)> schedule(#s)
  %s:2 = hilbert.attention ins(%r#0, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l)
    order(#h64) pattern<(segment = 256, dilation = 4)> schedule(#s)
  return %s#0 : !t
}

// Tables of the run time.
// CHECK-LABEL: func @runtime(
// CHECK: {hilbert_gpu.key_access = #hilbert_gpu.access<table>, hilbert_gpu.query_access = #hilbert_gpu.access<table>}
// REMARK: remark: {{.*}} Reason="the order is known at run time only", Remark="query tiles are rows"
// REMARK: remark: {{.*}} Reason="the order is known at run time only", Remark="key tiles are rows"
func.func @runtime(%q: !t, %lse: !l, %o: !i) -> !t {
  %r:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l)
    order(%o : !i) schedule(#s)
  return %r#0 : !t
}

// Causality by position compares positions, which rows of a box do not have;
// causality by token compares what they are.
// CHECK-LABEL: func @causal(
// CHECK: causal<position>{{.*}} {hilbert_gpu.key_access = #hilbert_gpu.access<table>, hilbert_gpu.query_access = #hilbert_gpu.access<table>}
// CHECK: causal<token>{{.*}} {hilbert_gpu.key_access = #hilbert_gpu.access<box>, hilbert_gpu.query_access = #hilbert_gpu.access<box>}
// REMARK: remark: {{.*}} Reason="causality by position needs the position of each row", Remark="query tiles are rows"
// REMARK: remark: {{.*}} Reason="causality by position needs the position of each row", Remark="key tiles are rows"
// REMARK: remark: {{.*}} Remark="query tiles are boxes"
// REMARK: remark: {{.*}} Remark="key tiles are boxes"
func.func @causal(%q: !t, %lse: !l) -> !t {
  %r:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l)
    order(#h64) causal<position> schedule(#s)
  %s:2 = hilbert.attention ins(%r#0, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l)
    order(#h64) causal<token> schedule(#s)
  return %s#0 : !t
}

// A result in another order has a row for each position of the queries.
// CHECK-LABEL: func @out_order(
// CHECK: {hilbert_gpu.key_access = #hilbert_gpu.access<box>, hilbert_gpu.query_access = #hilbert_gpu.access<table>}
// REMARK: remark: {{.*}} Reason="the result has another order than the queries", Remark="query tiles are rows"
// REMARK: remark: {{.*}} Remark="key tiles are boxes"
func.func @out_order(%q: !t, %lse: !l) -> !t {
  %r:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l)
    order(q = #h64, kv = #h64) schedule(#s)
  return %r#0 : !t
}

// The raster has no table; a side that has been classified stays so.
// CHECK-LABEL: func @neither(
// CHECK: hilbert.attention
// CHECK-NOT: hilbert_gpu.{{key|query}}_access
// CHECK: hilbert.attention {{.*}} {hilbert_gpu.key_access = #hilbert_gpu.access<box>, hilbert_gpu.query_access = #hilbert_gpu.access<table>}
// REMARK: remark: {{.*}} Remark="key tiles are boxes"
func.func @neither(%q: !t, %lse: !l) -> !t {
  %r:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l)
    order(#raster) schedule(#s)
  %s:2 = hilbert.attention ins(%r#0, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l)
    order(#h64) schedule(#s) {hilbert_gpu.query_access = #hilbert_gpu.access<table>}
  return %s#0 : !t
}

// Gradients: dq has tiles of m queries and n keys, dkv of n queries and m keys.
// All must be boxes.
#both = #hilbert_gpu.grad_schedule<dq = <m = 64, n = 64, warps = 4, stages = 2, ctas = 1>,
                                   dkv = <m = 32, n = 16, warps = 2, stages = 2, ctas = 1>>
#notdkv = #hilbert_gpu.grad_schedule<dq = <m = 64, n = 64, warps = 4, stages = 2, ctas = 1>,
                                     dkv = <m = 48, n = 16, warps = 1, stages = 2, ctas = 1>>
#notdq = #hilbert_gpu.grad_schedule<dq = <m = 48, n = 64, warps = 1, stages = 2, ctas = 1>,
                                    dkv = <m = 32, n = 16, warps = 2, stages = 2, ctas = 1>>
// CHECK-LABEL: func @gradient(
// CHECK: {hilbert_gpu.key_access = #hilbert_gpu.access<box>, hilbert_gpu.query_access = #hilbert_gpu.access<box>}
// CHECK: {hilbert_gpu.key_access = #hilbert_gpu.access<table>, hilbert_gpu.query_access = #hilbert_gpu.access<box>}
// CHECK: {hilbert_gpu.key_access = #hilbert_gpu.access<box>, hilbert_gpu.query_access = #hilbert_gpu.access<table>}
// REMARK: remark: {{.*}} Remark="query tiles are boxes", Tiles="64 tiles of 64 tokens: box 8x8; 256 tiles of 16 tokens: box 4x4"
// REMARK: remark: {{.*}} Remark="key tiles are boxes", Tiles="64 tiles of 64 tokens: box 8x8; 128 tiles of 32 tokens: box 4x8 (2 orientations)"
// REMARK: remark: {{.*}} Remark="query tiles are boxes"
// REMARK: remark: {{.*}} Reason="64 tiles of 64 tokens: box 8x8; 85 tiles of 48 tokens: {{.*}}", Remark="key tiles are rows"
// REMARK: remark: {{.*}} Reason="85 tiles of 48 tokens: {{.*}}", Remark="query tiles are rows"
// REMARK: remark: {{.*}} Remark="key tiles are boxes"
func.func @gradient(%q: !t, %lse: !l) -> !t {
  %r:3 = hilbert.attention_grad ins(%q, %q, %q, %q, %lse, %q : !t, !t, !t, !t, !l, !t)
    outs(%q, %q, %q : !t, !t, !t) order(#h64) schedule(#both)
  %s:3 = hilbert.attention_grad ins(%r#0, %q, %q, %q, %lse, %q : !t, !t, !t, !t, !l, !t)
    outs(%q, %q, %q : !t, !t, !t) order(#h64) schedule(#notdkv)
  %u:3 = hilbert.attention_grad ins(%s#0, %q, %q, %q, %lse, %q : !t, !t, !t, !t, !l, !t)
    outs(%q, %q, %q : !t, !t, !t) order(#h64) schedule(#notdq)
  return %u#0 : !t
}

//--- errors.mlir

#h64 = #hilbert.order<hilbert, [64, 64]>
!t = tensor<1x4096x4x64xbf16>
!l = tensor<1x4x4096xf32>

func.func @no_schedule(%q: !t, %lse: !l) -> !t {
  // expected-error@+1 {{'hilbert.attention' op tiles are not known yet: run hilbert-select-gpu-schedule first}}
  %r:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l)
    order(#h64)
  return %r#0 : !t
}

// -----

!t = tensor<1x64x4x64xbf16>
!l = tensor<1x4x64xf32>

func.func @other_schedule(%q: !t, %lse: !l) -> !t {
  // expected-error@+1 {{'hilbert.attention_grad' op tiles are not known yet: run hilbert-select-gpu-schedule first}}
  %r:3 = hilbert.attention_grad ins(%q, %q, %q, %q, %lse, %q : !t, !t, !t, !t, !l, !t)
    outs(%q, %q, %q : !t, !t, !t) schedule(#hilbert.host_schedule<lanes = 16, columns = 64, rows = 64>)
  return %r#0 : !t
}
