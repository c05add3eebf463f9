// RUN: hilbert-opt %s --hilbert-materialize-orders | FileCheck %s

#h = #hilbert.order<hilbert, [4, 4]>
#m = #hilbert.order<morton, [4, 4]>
#raster = #hilbert.order<raster, [16]>

// One table for each order of a function.
// CHECK-LABEL: func @attention(
// CHECK-DAG: %[[H:.*]] = hilbert.permutation order(#hilbert_4x4) : tensor<16xi32>
// CHECK-DAG: %[[M:.*]] = hilbert.permutation order(#morton_4x4) : tensor<16xi32>
// CHECK-NOT: hilbert.permutation
// CHECK: hilbert.reorder %{{.*}} dim 1 order(%[[H]] : tensor<16xi32>) : tensor<1x16x2x8xf32>
// CHECK: hilbert.attention
// CHECK-SAME: order(q = %[[H]] : tensor<16xi32>, kv = %[[H]] : tensor<16xi32>, out = %[[M]] : tensor<16xi32>) pattern<(segment = 4)>{{$}}
// CHECK: hilbert.restore %{{.*}} dim 1 order(%[[M]] : tensor<16xi32>)
func.func @attention(%x: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>) -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1:2 = hilbert.attention
      ins(%0, %x, %x : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%x, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
      order(q = #h, kv = #h, out = #m) pattern<(segment = 4)>
  %2 = hilbert.restore %1#0 dim 1 order(#m) : tensor<1x16x2x8xf32>
  return %2 : tensor<1x16x2x8xf32>
}

// Every function has its own.
// CHECK-LABEL: func @attention_grad(
// CHECK-NEXT: %[[H:.*]] = hilbert.permutation order(#hilbert_4x4)
// CHECK-NEXT: hilbert.attention_grad
// CHECK-SAME: order(%[[H]] : tensor<16xi32>)
func.func @attention_grad(%x: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>) -> tensor<1x16x2x8xf32> {
  %0:3 = hilbert.attention_grad
      ins(%x, %x, %x, %x, %l, %x : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>,
          tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x2x16xf32>,
          tensor<1x16x2x8xf32>)
      outs(%x, %x, %x : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      order(#h)
  return %0#0 : tensor<1x16x2x8xf32>
}

// Identity orders of attention are dropped; those of reorders fold elsewhere.
// CHECK-LABEL: func @identity(
// CHECK-NOT: hilbert.permutation
// CHECK: hilbert.reorder %{{.*}} dim 1 order(#raster_16)
// CHECK: hilbert.attention
// CHECK-NOT: order(
// CHECK: return
func.func @identity(%x: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>) -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %x dim 1 order(#raster) : tensor<1x16x2x8xf32>
  %1:2 = hilbert.attention
      ins(%0, %x, %x : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%x, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
      order(q = #raster, kv = #hilbert.order<hilbert, [16]>)
  return %1#0 : tensor<1x16x2x8xf32>
}

// Tables stay as they are. So do sizes at run time: the order knows its own.
// CHECK-LABEL: func @tables(
// CHECK-SAME: %[[T:[^:,]*]]: tensor<1x?xi32>)
// CHECK: %[[H:.*]] = hilbert.permutation order(#hilbert_4x4) : tensor<16xi32>
// CHECK: hilbert.attention
// CHECK-SAME: order(q = %[[T]] : tensor<1x?xi32>, kv = %[[H]] : tensor<16xi32>)
func.func @tables(%x: tensor<1x?x2x8xf32>, %l: tensor<1x2x?xf32>, %t: tensor<1x?xi32>)
    -> tensor<1x?x2x8xf32> {
  %0:2 = hilbert.attention
      ins(%x, %x, %x : tensor<1x?x2x8xf32>, tensor<1x?x2x8xf32>, tensor<1x?x2x8xf32>)
      outs(%x, %l : tensor<1x?x2x8xf32>, tensor<1x2x?xf32>)
      order(q = %t : tensor<1x?xi32>, kv = #h)
  return %0#0 : tensor<1x?x2x8xf32>
}

// The table dominates uses in every block and region.
// CHECK-LABEL: func @blocks(
// CHECK-NEXT: %[[H:.*]] = hilbert.permutation order(#hilbert_4x4)
// CHECK: hilbert.restore %{{.*}} dim 0 order(%[[H]] : tensor<16xi32>)
// CHECK: hilbert.reorder %{{.*}} dim 0 order(%[[H]] : tensor<16xi32>)
func.func @blocks(%c: i1, %x: tensor<16xf32>) -> tensor<16xf32> {
  cf.cond_br %c, ^a, ^b
^a:
  %0 = hilbert.restore %x dim 0 order(#h) : tensor<16xf32>
  return %0 : tensor<16xf32>
^b:
  %1 = hilbert.reorder %x dim 0 order(#h) : tensor<16xf32>
  return %1 : tensor<16xf32>
}

// Ops on memrefs take tables in memrefs.
// CHECK-LABEL: func @memrefs(
// CHECK-NEXT: %[[H:.*]] = hilbert.permutation order(#hilbert_4x4) : memref<16xi32>
// CHECK-NEXT: hilbert.reorder %{{.*}} dim 1 order(%[[H]] : memref<16xi32>) outs(
// CHECK-NEXT: hilbert.attention
// CHECK-SAME: order(%[[H]] : memref<16xi32>)
func.func @memrefs(%x: memref<1x16x2x8xf32>, %y: memref<1x16x2x8xf32>,
    %l: memref<1x2x16xf32>) {
  hilbert.reorder %x dim 1 order(#h) outs(%y : memref<1x16x2x8xf32>) : memref<1x16x2x8xf32>
  hilbert.attention
      ins(%x, %x, %x : memref<1x16x2x8xf32>, memref<1x16x2x8xf32>, memref<1x16x2x8xf32>)
      outs(%y, %l : memref<1x16x2x8xf32>, memref<1x2x16xf32>) order(#h)
  return
}

// CHECK-LABEL: func private @declaration
func.func private @declaration(tensor<16xf32>)
