// RUN: hilbert-opt %s | hilbert-opt | FileCheck %s
// RUN: hilbert-opt %s -mlir-print-op-generic | hilbert-opt | FileCheck %s
// RUN: hilbert-opt %s -emit-bytecode | hilbert-opt | FileCheck %s

#h = #hilbert.order<hilbert, [4, 4]>
#m = #hilbert.order<morton, [4, 4]>
#s = #hilbert.order<snake, [4, 4]>

//===----------------------------------------------------------------------===//
// reorder, restore, permutation
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func @reorder(
// CHECK-SAME: %[[X:.*]]: tensor<2x16x4x8xf32>, %[[T:.*]]: tensor<16xi32>,
// CHECK-SAME: %[[B:.*]]: tensor<2x16xi32>)
func.func @reorder(%x: tensor<2x16x4x8xf32>, %t: tensor<16xi32>,
    %b: tensor<2x16xi32>) {
  // CHECK: hilbert.reorder %[[X]] dim 1 order(#hilbert_4x4) : tensor<2x16x4x8xf32>
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<2x16x4x8xf32>
  // CHECK: hilbert.reorder %[[X]] dim 1 order(%[[T]] : tensor<16xi32>) : tensor<2x16x4x8xf32>
  %1 = hilbert.reorder %x dim 1 order(%t : tensor<16xi32>) : tensor<2x16x4x8xf32>
  // CHECK: hilbert.reorder %[[X]] dim 1 order(%[[B]] : tensor<2x16xi32>) {note} : tensor<2x16x4x8xf32>
  %2 = hilbert.reorder %x dim 1 order(%b : tensor<2x16xi32>) {note} : tensor<2x16x4x8xf32>
  return
}

// Any rank, dimension and element type.
// CHECK-LABEL: func @reorder_shapes(
func.func @reorder_shapes(%a: tensor<16xi32>, %b: tensor<3x16xi1>,
    %c: tensor<16x2x2x2x2xbf16>, %d: tensor<0x5xf64>, %t: tensor<0xi32>) {
  // CHECK: hilbert.reorder %{{.*}} dim 0 order(#hilbert_4x4) : tensor<16xi32>
  %0 = hilbert.reorder %a dim 0 order(#h) : tensor<16xi32>
  // CHECK: hilbert.reorder %{{.*}} dim 1 order(#morton_4x4) : tensor<3x16xi1>
  %1 = hilbert.reorder %b dim 1 order(#m) : tensor<3x16xi1>
  // CHECK: hilbert.reorder %{{.*}} dim 0 order(#snake_4x4) : tensor<16x2x2x2x2xbf16>
  %2 = hilbert.reorder %c dim 0 order(#s) : tensor<16x2x2x2x2xbf16>
  // CHECK: hilbert.reorder %{{.*}} dim 0 order(%{{.*}} : tensor<0xi32>) : tensor<0x5xf64>
  %3 = hilbert.reorder %d dim 0 order(%t : tensor<0xi32>) : tensor<0x5xf64>
  return
}

// CHECK-LABEL: func @reorder_dynamic(
func.func @reorder_dynamic(%x: tensor<?x?x?x?xf16>, %y: tensor<?x16x?xf32>,
    %t: tensor<?xi32>, %b: tensor<?x?xi32>) {
  // CHECK: hilbert.reorder %{{.*}} dim 2 order(#hilbert_4x4) : tensor<?x?x?x?xf16>
  %0 = hilbert.reorder %x dim 2 order(#h) : tensor<?x?x?x?xf16>
  // CHECK: hilbert.reorder %{{.*}} dim 3 order(%{{.*}} : tensor<?x?xi32>) : tensor<?x?x?x?xf16>
  %1 = hilbert.reorder %x dim 3 order(%b : tensor<?x?xi32>) : tensor<?x?x?x?xf16>
  // CHECK: hilbert.reorder %{{.*}} dim 1 order(%{{.*}} : tensor<?xi32>) : tensor<?x16x?xf32>
  %2 = hilbert.reorder %y dim 1 order(%t : tensor<?xi32>) : tensor<?x16x?xf32>
  return
}

// CHECK-LABEL: func @reorder_memref(
func.func @reorder_memref(%x: memref<2x16x4x8xf32, strided<[?, 32, 8, 1], offset: ?>>,
    %y: memref<2x16x4x8xf32>, %t: memref<?xi32>) {
  // CHECK: hilbert.reorder %{{.*}} dim 1 order(#hilbert_4x4) outs(%{{.*}} : memref<2x16x4x8xf32>) : memref<2x16x4x8xf32, strided<[?, 32, 8, 1], offset: ?>>
  hilbert.reorder %x dim 1 order(#h) outs(%y : memref<2x16x4x8xf32>)
      : memref<2x16x4x8xf32, strided<[?, 32, 8, 1], offset: ?>>
  // CHECK: hilbert.reorder %{{.*}} dim 1 order(%{{.*}} : memref<?xi32>) outs(%{{.*}} : memref<2x16x4x8xf32, {{.*}}>) : memref<2x16x4x8xf32>
  hilbert.reorder %y dim 1 order(%t : memref<?xi32>)
      outs(%x : memref<2x16x4x8xf32, strided<[?, 32, 8, 1], offset: ?>>)
      : memref<2x16x4x8xf32>
  return
}

// CHECK-LABEL: func @restore(
func.func @restore(%x: tensor<2x16x4x8xf32>, %t: tensor<16xi32>,
    %m: memref<2x16x4x8xf32>, %n: memref<2x16x4x8xf32>, %b: memref<2x16xi32>) {
  // CHECK: hilbert.restore %{{.*}} dim 1 order(#hilbert_4x4) : tensor<2x16x4x8xf32>
  %0 = hilbert.restore %x dim 1 order(#h) : tensor<2x16x4x8xf32>
  // CHECK: hilbert.restore %{{.*}} dim 1 order(%{{.*}} : tensor<16xi32>) : tensor<2x16x4x8xf32>
  %1 = hilbert.restore %x dim 1 order(%t : tensor<16xi32>) : tensor<2x16x4x8xf32>
  // CHECK: hilbert.restore %{{.*}} dim 1 order(%{{.*}} : memref<2x16xi32>) outs(%{{.*}} : memref<2x16x4x8xf32>) : memref<2x16x4x8xf32>
  hilbert.restore %m dim 1 order(%b : memref<2x16xi32>)
      outs(%n : memref<2x16x4x8xf32>) : memref<2x16x4x8xf32>
  return
}

// CHECK-LABEL: func @permutation(
func.func @permutation() {
  // CHECK: hilbert.permutation order(#hilbert_4x4) : tensor<16xi32>
  %0 = hilbert.permutation order(#h) : tensor<16xi32>
  // CHECK: hilbert.permutation order(#hilbert_4x4) : memref<16xi32>
  %1 = hilbert.permutation order(#h) : memref<16xi32>
  return
}

//===----------------------------------------------------------------------===//
// attention
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func @attention_dense(
// CHECK-SAME: %[[X:.*]]: tensor<2x16x4x8xf32>, %[[L:.*]]: tensor<2x4x16xf32>)
func.func @attention_dense(%x: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // CHECK: %{{.*}}:2 = hilbert.attention
  // CHECK-SAME: ins(%[[X]], %[[X]], %[[X]] : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
  // CHECK-SAME: outs(%[[X]], %[[L]] : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>){{$}}
  %0:2 = hilbert.attention
      ins(%x, %x, %x : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%x, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
  // Defaults are not printed.
  // CHECK: tensor<2x4x16xf32>){{$}}
  %1:2 = hilbert.attention
      ins(%x, %x, %x : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%x, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      causal<none> layout<bnhd>
  return
}

// CHECK-LABEL: func @attention_everything(
// CHECK-SAME: %[[S:[^,]*]]: f32)
func.func @attention_everything(%x: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>,
    %s: f32) {
  // CHECK: order(#hilbert_4x4) pattern<(segment = 8, dilation = 2)> causal<position> scale(%[[S]])
  // CHECK-SAME: schedule(#hilbert.host_schedule<lanes = 16, columns = 64, rows = 64>) {note = 1 : i64}
  %0:2 = hilbert.attention
      ins(%x, %x, %x : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%x, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      order(#h) pattern<(segment = 8, dilation = 2)> causal<position> scale(%s)
      layout<bnhd>
      schedule(#hilbert.host_schedule<lanes = 16, columns = 64, rows = 64>) {note = 1}
  return
}

// Grouped query heads, layout bhnd, f16.
// CHECK-LABEL: func @attention_gqa_bhnd_f16(
func.func @attention_gqa_bhnd_f16(%q: tensor<2x6x16x256xf16>,
    %k: tensor<2x2x16x256xf16>, %l: tensor<2x6x16xf32>) {
  // CHECK: outs(%{{.*}}, %{{.*}} : tensor<2x6x16x256xf16>, tensor<2x6x16xf32>) layout<bhnd>
  %0:2 = hilbert.attention
      ins(%q, %k, %k : tensor<2x6x16x256xf16>, tensor<2x2x16x256xf16>, tensor<2x2x16x256xf16>)
      outs(%q, %l : tensor<2x6x16x256xf16>, tensor<2x6x16xf32>) layout<bhnd>
  return
}

// CHECK-LABEL: func @attention_dynamic_bf16(
func.func @attention_dynamic_bf16(%q: tensor<?x?x?x40xbf16>,
    %k: tensor<2x16x?x40xbf16>, %o: tensor<?x16x4x40xbf16>,
    %l: tensor<?x?x?xf32>) {
  // CHECK: ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<?x?x?x40xbf16>, tensor<2x16x?x40xbf16>, tensor<2x16x?x40xbf16>)
  // CHECK-SAME: outs(%{{.*}}, %{{.*}} : tensor<?x16x4x40xbf16>, tensor<?x?x?xf32>) order(#hilbert_4x4)
  %0:2 = hilbert.attention
      ins(%q, %k, %k : tensor<?x?x?x40xbf16>, tensor<2x16x?x40xbf16>, tensor<2x16x?x40xbf16>)
      outs(%o, %l : tensor<?x16x4x40xbf16>, tensor<?x?x?xf32>) order(#h)
      pattern<heads 3: (segment = 4), heads 9: (segment = 4, dilation = 4, offset = [1, 2, 3])>
  return
}

// CHECK-LABEL: func @attention_orders(
// CHECK-SAME: %[[T:[^:]*]]: tensor<16xi32>, %[[B:[^:]*]]: tensor<2x?xi32>)
func.func @attention_orders(%x: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>,
    %t: tensor<16xi32>, %b: tensor<2x?xi32>) {
  // CHECK: order(q = #hilbert_4x4){{$}}
  %0:2 = hilbert.attention
      ins(%x, %x, %x : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%x, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>) order(q = #h)
  // CHECK: order(q = #hilbert_4x4, kv = #morton_4x4, out = #snake_4x4){{$}}
  %1:2 = hilbert.attention
      ins(%x, %x, %x : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%x, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      order(out = #s, q = #h, kv = #m)
  // CHECK: order(q = #hilbert_4x4, kv = #hilbert_4x4){{$}}
  %2:2 = hilbert.attention
      ins(%x, %x, %x : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%x, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      order(q = #h, kv = #h)
  // Three equal orders are one.
  // CHECK: order(%[[T]] : tensor<16xi32>){{$}}
  %3:2 = hilbert.attention
      ins(%x, %x, %x : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%x, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      order(q = %t : tensor<16xi32>, kv = %t : tensor<16xi32>, out = %t : tensor<16xi32>)
  // CHECK: order(%[[B]] : tensor<2x?xi32>){{$}}
  %4:2 = hilbert.attention
      ins(%x, %x, %x : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%x, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      order(%b : tensor<2x?xi32>)
  // CHECK: order(q = %[[T]] : tensor<16xi32>, kv = #hilbert_4x4, out = %[[B]] : tensor<2x?xi32>){{$}}
  %5:2 = hilbert.attention
      ins(%x, %x, %x : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%x, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      order(q = %t : tensor<16xi32>, kv = #h, out = %b : tensor<2x?xi32>)
  return
}

// CHECK-LABEL: func @attention_patterns(
func.func @attention_patterns(%x: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // CHECK: pattern<(segment = 5, mode = both, offset = [0, 0, 0, 0])>
  %0:2 = hilbert.attention
      ins(%x, %x, %x : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%x, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      pattern<(segment = 5, mode = both, offset = [0, 0, 0, 0])>
  // CHECK: pattern<(segment = 4) + (segment = 4) + (segment = dense, dilation = 7, offset = longnet)>
  %1:2 = hilbert.attention
      ins(%x, %x, %x : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%x, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      pattern<(segment = 4) + (segment = 4) + (segment = dense, dilation = 7, offset = longnet)>
  // CHECK: pattern<heads 1: (segment = 4) + (segment = 8, dilation = 2, mode = residues), heads 3: (segment = dense)>
  %2:2 = hilbert.attention
      ins(%x, %x, %x : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%x, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      pattern<heads 1: (segment = 4) + (segment = 8, dilation = 2, mode = residues), heads 3: (segment = dense)>
  return
}

// Fewer keys than queries where every segment covers both; no tokens; causality
// over orders that are both known to be raster.
// CHECK-LABEL: func @attention_borders(
func.func @attention_borders(%q: tensor<1x16x4x8xf32>, %k: tensor<1x5x2x8xf32>,
    %l: tensor<1x4x16xf32>, %e: tensor<0x0x0x8xf32>, %f: tensor<0x0x0xf32>) {
  // CHECK: pattern<(segment = 16)>
  %0:2 = hilbert.attention
      ins(%q, %k, %k : tensor<1x16x4x8xf32>, tensor<1x5x2x8xf32>, tensor<1x5x2x8xf32>)
      outs(%q, %l : tensor<1x16x4x8xf32>, tensor<1x4x16xf32>)
      pattern<(segment = 16)>
  // CHECK: tensor<0x0x0xf32>) pattern<(segment = 1)>
  %1:2 = hilbert.attention
      ins(%e, %e, %e : tensor<0x0x0x8xf32>, tensor<0x0x0x8xf32>, tensor<0x0x0x8xf32>)
      outs(%e, %f : tensor<0x0x0x8xf32>, tensor<0x0x0xf32>)
      pattern<(segment = 1)>
  // CHECK: order(q = #raster_16) causal<position>
  %2:2 = hilbert.attention
      ins(%q, %q, %q : tensor<1x16x4x8xf32>, tensor<1x16x4x8xf32>, tensor<1x16x4x8xf32>)
      outs(%q, %l : tensor<1x16x4x8xf32>, tensor<1x4x16xf32>)
      order(q = #hilbert.order<raster, [16]>) causal<position>
  return
}

// CHECK-LABEL: func @attention_memref(
func.func @attention_memref(
    %q: memref<2x16x4x8xf32, strided<[?, 96, 8, 1], offset: ?>>,
    %o: memref<2x16x4x8xf32>, %l: memref<2x4x16xf32>, %t: memref<16xi32>) {
  // CHECK: {{^ *}}hilbert.attention ins(
  // CHECK-SAME: order(%{{.*}} : memref<16xi32>)
  hilbert.attention
      ins(%q, %q, %q : memref<2x16x4x8xf32, strided<[?, 96, 8, 1], offset: ?>>,
          memref<2x16x4x8xf32, strided<[?, 96, 8, 1], offset: ?>>,
          memref<2x16x4x8xf32, strided<[?, 96, 8, 1], offset: ?>>)
      outs(%o, %l : memref<2x16x4x8xf32>, memref<2x4x16xf32>)
      order(%t : memref<16xi32>)
  return
}

//===----------------------------------------------------------------------===//
// attention_grad
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func @attention_grad(
// CHECK-SAME: %[[Q:.*]]: tensor<2x16x4x8xf32>, %[[K:.*]]: tensor<2x16x2x8xf32>,
// CHECK-SAME: %[[L:.*]]: tensor<2x4x16xf32>)
func.func @attention_grad(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x2x8xf32>,
    %l: tensor<2x4x16xf32>) {
  // CHECK: %{{.*}}:3 = hilbert.attention_grad
  // CHECK-SAME: ins(%[[Q]], %[[K]], %[[K]], %[[Q]], %[[L]], %[[Q]] :
  // CHECK-SAME: outs(%[[Q]], %[[K]], %[[K]] : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>){{$}}
  %0:3 = hilbert.attention_grad
      ins(%q, %k, %k, %q, %l, %q : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>,
          tensor<2x16x2x8xf32>, tensor<2x16x4x8xf32>, tensor<2x4x16xf32>,
          tensor<2x16x4x8xf32>)
      outs(%q, %k, %k : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>)
  // CHECK: %{{.*}}:3 = hilbert.attention_grad
  // CHECK-SAME: dlse(%[[L]] : tensor<2x4x16xf32>) outs(
  // CHECK-SAME: order(q = #hilbert_4x4, kv = #hilbert_4x4, out = #morton_4x4) pattern<(segment = 4)> causal<token>
  %1:3 = hilbert.attention_grad
      ins(%q, %k, %k, %q, %l, %q : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>,
          tensor<2x16x2x8xf32>, tensor<2x16x4x8xf32>, tensor<2x4x16xf32>,
          tensor<2x16x4x8xf32>) dlse(%l : tensor<2x4x16xf32>)
      outs(%q, %k, %k : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>)
      order(q = #h, kv = #h, out = #m) pattern<(segment = 4)> causal<token>
  return
}

// CHECK-LABEL: func @attention_grad_memref(
func.func @attention_grad_memref(%q: memref<?x?x?x8xf32>, %l: memref<?x?x?xf32>,
    %d: memref<?x?x?x8xf32, strided<[?, ?, ?, 1]>>,
    %dq: memref<?x?x?x8xf32>, %dv: memref<?x?x?x8xf32>) {
  // CHECK: {{^ *}}hilbert.attention_grad ins(
  hilbert.attention_grad
      ins(%q, %q, %q, %q, %l, %q : memref<?x?x?x8xf32>, memref<?x?x?x8xf32>,
          memref<?x?x?x8xf32>, memref<?x?x?x8xf32>, memref<?x?x?xf32>,
          memref<?x?x?x8xf32>)
      outs(%dq, %d, %dv : memref<?x?x?x8xf32>, memref<?x?x?x8xf32, strided<[?, ?, ?, 1]>>,
           memref<?x?x?x8xf32>) layout<bhnd>
  return
}

//===----------------------------------------------------------------------===//
// host_launch
//===----------------------------------------------------------------------===//

func.func private @kernel0(%begin: index, %end: index) {
  return
}
func.func private @kernel1(%begin: index, %end: index, %m: memref<?xf32>, %s: f32)

// CHECK-LABEL: func @host_launch(
// CHECK-SAME: %[[N:.*]]: index, %[[M:.*]]: memref<?xf32>, %[[S:.*]]: f32)
func.func @host_launch(%n: index, %m: memref<?xf32>, %s: f32) {
  // CHECK: hilbert.host_launch @kernel0(%[[N]]){{$}}
  hilbert.host_launch @kernel0(%n)
  // CHECK: hilbert.host_launch @kernel1(%[[N]]) captures(%[[M]], %[[S]] : memref<?xf32>, f32)
  hilbert.host_launch @kernel1(%n) captures(%m, %s : memref<?xf32>, f32)
  return
}
