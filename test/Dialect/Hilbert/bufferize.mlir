// RUN: hilbert-opt %s -split-input-file \
// RUN:   --one-shot-bufferize='bufferize-function-boundaries=true function-boundary-type-conversion=identity-layout-map' \
// RUN:   | FileCheck %s

// Attention writes its inits in place.
// CHECK-LABEL: func @attention(
// CHECK-SAME: %[[X:[^:]*]]: memref<2x16x4x8xf32>, %[[O:[^:]*]]: memref<2x16x4x8xf32>, %[[L:[^:]*]]: memref<2x4x16xf32>
// CHECK-SAME: %[[T:[^:]*]]: memref<2x16xi32>, %[[S:[^:]*]]: f32)
// CHECK-NOT: alloc
// CHECK: hilbert.attention ins(%[[X]], %[[X]], %[[X]] : memref<2x16x4x8xf32>, memref<2x16x4x8xf32>, memref<2x16x4x8xf32>) outs(%[[O]], %[[L]] : memref<2x16x4x8xf32>, memref<2x4x16xf32>)
// CHECK-SAME: order(q = %[[T]] : memref<2x16xi32>, kv = #hilbert_4x4) pattern<(segment = 8)> causal<token> scale(%[[S]]) {note}
// CHECK-NOT: copy
// CHECK: return %[[O]], %[[L]]
#h = #hilbert.order<hilbert, [4, 4]>
func.func @attention(%x: tensor<2x16x4x8xf32>, %o: tensor<2x16x4x8xf32>,
    %l: tensor<2x4x16xf32>, %t: tensor<2x16xi32>, %s: f32)
    -> (tensor<2x16x4x8xf32>, tensor<2x4x16xf32>) {
  %0:2 = hilbert.attention
      ins(%x, %x, %x : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      order(q = %t : tensor<2x16xi32>, kv = #h) pattern<(segment = 8)>
      causal<token> scale(%s) {note}
  return %0#0, %0#1 : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>
}

// -----

// The init's old contents are not read: a fresh buffer is not filled.
// CHECK-LABEL: func @attention_init_not_read(
// CHECK: %[[A:.*]] = memref.alloc() {{.*}} : memref<2x16x4x8xf32>
// CHECK-NOT: copy
// CHECK: hilbert.attention {{.*}} outs(%[[A]],
// CHECK: return %[[A]]
func.func @attention_init_not_read(%x: tensor<2x16x4x8xf32>, %o: tensor<2x16x4x8xf32>,
    %l: tensor<2x4x16xf32>)
    -> (tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>) {
  %0:2 = hilbert.attention
      ins(%x, %x, %x : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
  return %0#0, %o : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>
}

// -----

// Queries are read while out is written: they cannot share a buffer.
// CHECK-LABEL: func @attention_out_is_q(
// CHECK-SAME: %[[X:[^:]*]]: memref<2x16x4x8xf32>
// CHECK: %[[A:.*]] = memref.alloc()
// CHECK: hilbert.attention ins(%[[X]], %[[X]], %[[X]] : {{.*}}) outs(%[[A]],
func.func @attention_out_is_q(%x: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>)
    -> tensor<2x16x4x8xf32> {
  %0:2 = hilbert.attention
      ins(%x, %x, %x : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%x, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
  return %0#0 : tensor<2x16x4x8xf32>
}

// -----

// Inputs may be views: packed q, k and v are not copied.
// CHECK-LABEL: func @attention_packed(
// CHECK: %[[Q:.*]] = memref.subview
// CHECK: %[[K:.*]] = memref.subview
// CHECK: %[[V:.*]] = memref.subview
// CHECK-NOT: copy
// CHECK: hilbert.attention ins(%[[Q]], %[[K]], %[[V]] : memref<2x16x4x8xf32, strided<[1536, 96, 8, 1]>>, memref<2x16x4x8xf32, strided<[1536, 96, 8, 1], offset: 32>>,
func.func @attention_packed(%x: tensor<2x16x12x8xf32>, %o: tensor<2x16x4x8xf32>,
    %l: tensor<2x4x16xf32>) -> (tensor<2x16x4x8xf32>, tensor<2x4x16xf32>) {
  %q = tensor.extract_slice %x[0, 0, 0, 0] [2, 16, 4, 8] [1, 1, 1, 1]
      : tensor<2x16x12x8xf32> to tensor<2x16x4x8xf32>
  %k = tensor.extract_slice %x[0, 0, 4, 0] [2, 16, 4, 8] [1, 1, 1, 1]
      : tensor<2x16x12x8xf32> to tensor<2x16x4x8xf32>
  %v = tensor.extract_slice %x[0, 0, 8, 0] [2, 16, 4, 8] [1, 1, 1, 1]
      : tensor<2x16x12x8xf32> to tensor<2x16x4x8xf32>
  %0:2 = hilbert.attention
      ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
  return %0#0, %0#1 : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>
}

// -----

// CHECK-LABEL: func @attention_grad(
// CHECK-SAME: %[[X:[^:]*]]: memref<?x16x4x8xf32>, %[[L:[^:]*]]: memref<?x4x16xf32>, %[[D:[^:]*]]: memref<?x16x4x8xf32>)
// CHECK-DAG: %[[DK:.*]] = memref.alloc(
// CHECK-DAG: %[[DV:.*]] = memref.alloc(
// CHECK: hilbert.attention_grad ins(%[[X]], %[[X]], %[[X]], %[[X]], %[[L]], %[[X]] : {{.*}}) dlse(%[[L]] : memref<?x4x16xf32>)
// CHECK-SAME: outs(%[[D]], %[[DK]], %[[DV]] :
func.func @attention_grad(%x: tensor<?x16x4x8xf32>, %l: tensor<?x4x16xf32>,
    %d: tensor<?x16x4x8xf32>)
    -> (tensor<?x16x4x8xf32>, tensor<?x16x4x8xf32>, tensor<?x16x4x8xf32>) {
  %c0 = arith.constant 0 : index
  %b = tensor.dim %x, %c0 : tensor<?x16x4x8xf32>
  %dk = tensor.empty(%b) : tensor<?x16x4x8xf32>
  %dv = tensor.empty(%b) : tensor<?x16x4x8xf32>
  %0:3 = hilbert.attention_grad
      ins(%x, %x, %x, %x, %l, %x : tensor<?x16x4x8xf32>, tensor<?x16x4x8xf32>,
          tensor<?x16x4x8xf32>, tensor<?x16x4x8xf32>, tensor<?x4x16xf32>,
          tensor<?x16x4x8xf32>) dlse(%l : tensor<?x4x16xf32>)
      outs(%d, %dk, %dv : tensor<?x16x4x8xf32>, tensor<?x16x4x8xf32>, tensor<?x16x4x8xf32>)
  return %0#0, %0#1, %0#2 : tensor<?x16x4x8xf32>, tensor<?x16x4x8xf32>, tensor<?x16x4x8xf32>
}

// -----

// Reorder and restore fill a new buffer.
// CHECK-LABEL: func @reorder(
// CHECK-SAME: %[[X:[^:]*]]: memref<2x?x4x8xf32>, %[[T:[^:]*]]: memref<?xi32>)
// CHECK: %[[N:.*]] = memref.dim %[[X]]
// CHECK: %[[A:.*]] = memref.alloc(%[[N]]) {{.*}} : memref<2x?x4x8xf32>
// CHECK: hilbert.reorder %[[X]] dim 1 order(%[[T]] : memref<?xi32>) outs(%[[A]] : memref<2x?x4x8xf32>) : memref<2x?x4x8xf32>
// CHECK: return %[[A]]
func.func @reorder(%x: tensor<2x?x4x8xf32>, %t: tensor<?xi32>) -> tensor<2x?x4x8xf32> {
  %0 = hilbert.reorder %x dim 1 order(%t : tensor<?xi32>) : tensor<2x?x4x8xf32>
  return %0 : tensor<2x?x4x8xf32>
}

// -----

// CHECK-LABEL: func @restore_static(
// CHECK: %[[A:.*]] = memref.alloc() {{.*}} : memref<16x4xf16>
// CHECK: hilbert.restore %{{.*}} dim 0 order(#hilbert_4x4) outs(%[[A]] : memref<16x4xf16>) : memref<16x4xf16>
// CHECK: return %[[A]]
#h = #hilbert.order<hilbert, [4, 4]>
func.func @restore_static(%x: tensor<16x4xf16>) -> tensor<16x4xf16> {
  %0 = hilbert.restore %x dim 0 order(#h) : tensor<16x4xf16>
  return %0 : tensor<16x4xf16>
}

// -----

// A reorder of a view reads the view.
// CHECK-LABEL: func @reorder_view(
// CHECK: %[[V:.*]] = memref.subview
// CHECK-NOT: copy
// CHECK: hilbert.reorder %[[V]] dim 0 order(#hilbert_4x4) outs(%{{.*}} : memref<16x4xf32>) : memref<16x4xf32, strided<[8, 1], offset: 4>>
#h = #hilbert.order<hilbert, [4, 4]>
func.func @reorder_view(%x: tensor<16x8xf32>) -> tensor<16x4xf32> {
  %v = tensor.extract_slice %x[0, 4] [16, 4] [1, 1] : tensor<16x8xf32> to tensor<16x4xf32>
  %0 = hilbert.reorder %v dim 0 order(#h) : tensor<16x4xf32>
  return %0 : tensor<16x4xf32>
}

// -----

// The table of a static order is shared: a write to it copies it, even where
// nothing else reads it.
// CHECK-LABEL: func @permutation_written(
// CHECK-NEXT: %[[P:.*]] = hilbert.permutation order(#hilbert_4x4) : memref<16xi32>
// CHECK-NEXT: %[[A:.*]] = memref.alloc()
// CHECK-NEXT: memref.copy %[[P]], %[[A]]
// CHECK-NEXT: memref.store %{{.*}}, %[[A]]
// CHECK-NEXT: return %[[A]]
#h = #hilbert.order<hilbert, [4, 4]>
func.func @permutation_written(%i: index, %v: i32) -> tensor<16xi32> {
  %0 = hilbert.permutation order(#h) : tensor<16xi32>
  %1 = tensor.insert %v into %0[%i] : tensor<16xi32>
  return %1 : tensor<16xi32>
}

// -----

// A read does not.
// CHECK-LABEL: func @permutation_read(
// CHECK-NEXT: %[[P:.*]] = hilbert.permutation
// CHECK-NEXT: %[[V:.*]] = memref.load %[[P]]
// CHECK-NEXT: return %[[V]]
#h = #hilbert.order<hilbert, [4, 4]>
func.func @permutation_read(%i: index) -> i32 {
  %0 = hilbert.permutation order(#h) : tensor<16xi32>
  %1 = tensor.extract %0[%i] : tensor<16xi32>
  return %1 : i32
}
