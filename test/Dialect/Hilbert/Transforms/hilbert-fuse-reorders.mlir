// RUN: hilbert-opt %s --hilbert-fuse-reorders | FileCheck %s
// RUN: hilbert-opt %s --hilbert-fuse-reorders -o /dev/null --mlir-disable-threading \
// RUN:   --remark-format=emitRemark --remarks-filter='hilbert.*' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REMARK --implicit-check-not=remark:

// The remarks of a function are checked in order, and no others may come.

#h = #hilbert.order<hilbert, [4, 4]>
#m = #hilbert.order<morton, [4, 4]>

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func @query_only(
// CHECK-SAME: %[[Q:[^:]*]]: tensor<1x16x2x8xf32>, %[[K:[^:]*]]: tensor<1x16x2x8xf32>, %[[V:[^:]*]]: tensor<1x16x2x8xf32>
// CHECK-NEXT: hilbert.attention ins(%[[Q]], %[[K]], %[[V]] :
// CHECK-SAME: order(q = #hilbert_4x4){{$}}
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="q's reorder fused"
func.func @query_only(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %q dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1:2 = hilbert.attention
      ins(%0, %k, %v : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  return %1#0 : tensor<1x16x2x8xf32>
}

// CHECK-LABEL: func @keys_only(
// CHECK-SAME: %[[Q:[^:]*]]: tensor<1x16x2x8xf32>, %[[K:[^:]*]]: tensor<1x16x2x8xf32>, %[[V:[^:]*]]: tensor<1x16x2x8xf32>
// CHECK-NEXT: hilbert.attention ins(%[[Q]], %[[K]], %[[V]] :
// CHECK-SAME: order(kv = #hilbert_4x4) pattern<(segment = 8, dilation = 2)>{{$}}
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="k's and v's reorder fused"
func.func @keys_only(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %k dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1 = hilbert.reorder %v dim 1 order(#h) : tensor<1x16x2x8xf32>
  %2:2 = hilbert.attention
      ins(%q, %0, %1 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
      pattern<(segment = 8, dilation = 2)>
  return %2#0 : tensor<1x16x2x8xf32>
}

// Queries and keys may have different orders.
// CHECK-LABEL: func @query_and_keys(
// CHECK-SAME: %[[Q:[^:]*]]: tensor<1x16x2x8xf32>, %[[K:[^:]*]]: tensor<1x16x2x8xf32>, %[[V:[^:]*]]: tensor<1x16x2x8xf32>
// CHECK-NEXT: hilbert.attention ins(%[[Q]], %[[K]], %[[V]] :
// CHECK-SAME: order(q = #morton_4x4, kv = #hilbert_4x4){{$}}
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="q's reorder fused"
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="k's and v's reorder fused"
func.func @query_and_keys(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %q dim 1 order(#m) : tensor<1x16x2x8xf32>
  %1 = hilbert.reorder %k dim 1 order(#h) : tensor<1x16x2x8xf32>
  %2 = hilbert.reorder %v dim 1 order(#h) : tensor<1x16x2x8xf32>
  %3:2 = hilbert.attention
      ins(%0, %1, %2 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  return %3#0 : tensor<1x16x2x8xf32>
}

// What a frontend writes. lse is in the order of out.
// CHECK-LABEL: func @all(
// CHECK-SAME: %[[Q:[^:]*]]: tensor<1x16x2x8xf32>, %[[K:[^:]*]]: tensor<1x16x2x8xf32>, %[[V:[^:]*]]: tensor<1x16x2x8xf32>
// CHECK-NEXT: %[[A:.*]]:2 = hilbert.attention ins(%[[Q]], %[[K]], %[[V]] :
// CHECK-SAME: order(#hilbert_4x4){{$}}
// CHECK-NEXT: return %[[A]]#0 :
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="q's reorder fused"
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="k's and v's reorder fused"
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="out's restore fused"
func.func @all(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %q dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1 = hilbert.reorder %k dim 1 order(#h) : tensor<1x16x2x8xf32>
  %2 = hilbert.reorder %v dim 1 order(#h) : tensor<1x16x2x8xf32>
  %3:2 = hilbert.attention
      ins(%0, %1, %2 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  %4 = hilbert.restore %3#0 dim 1 order(#h) : tensor<1x16x2x8xf32>
  return %4 : tensor<1x16x2x8xf32>
}

// k and v are one value.
// CHECK-LABEL: func @keys_are_values(
// CHECK-SAME: %[[Q:[^:]*]]: tensor<1x16x2x8xf32>, %[[K:[^:]*]]: tensor<1x16x2x8xf32>, %[[V:[^:]*]]: tensor<1x16x2x8xf32>
// CHECK-NEXT: hilbert.attention ins(%[[Q]], %[[K]], %[[K]] :
// CHECK-SAME: order(kv = #hilbert_4x4){{$}}
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="k's and v's reorder fused"
func.func @keys_are_values(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %k dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1:2 = hilbert.attention
      ins(%q, %0, %0 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  return %1#0 : tensor<1x16x2x8xf32>
}

// Other users of a reordered tensor keep it.
// CHECK-LABEL: func @input_with_other_users(
// CHECK-SAME: %[[Q:[^:]*]]: tensor<1x16x2x8xf32>, %[[K:[^:]*]]: tensor<1x16x2x8xf32>, %[[V:[^:]*]]: tensor<1x16x2x8xf32>
// CHECK-NEXT: %[[R:.*]] = hilbert.reorder %[[Q]]
// CHECK-NEXT: %[[A:.*]]:2 = hilbert.attention ins(%[[Q]], %[[K]], %[[V]] :
// CHECK-SAME: order(q = #hilbert_4x4){{$}}
// CHECK-NEXT: return %[[A]]#0, %[[R]]
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="q's reorder fused"
func.func @input_with_other_users(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> (tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>) {
  %0 = hilbert.reorder %q dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1:2 = hilbert.attention
      ins(%0, %k, %v : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  return %1#0, %0 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>
}

// Layout bhnd: tokens are dimension 2.
// CHECK-LABEL: func @bhnd(
// CHECK: hilbert.attention ins(%arg0, %arg0, %arg0 :
// CHECK-SAME: order(#hilbert_4x4) layout<bhnd>
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="q's reorder fused"
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="k's and v's reorder fused"
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="out's restore fused"
func.func @bhnd(%x: tensor<1x2x16x8xf32>, %l: tensor<1x2x16xf32>)
    -> tensor<1x2x16x8xf32> {
  %0 = hilbert.reorder %x dim 2 order(#h) : tensor<1x2x16x8xf32>
  %1:2 = hilbert.attention
      ins(%0, %0, %0 : tensor<1x2x16x8xf32>, tensor<1x2x16x8xf32>, tensor<1x2x16x8xf32>)
      outs(%x, %l : tensor<1x2x16x8xf32>, tensor<1x2x16xf32>) layout<bhnd>
  %2 = hilbert.restore %1#0 dim 2 order(#h) : tensor<1x2x16x8xf32>
  return %2 : tensor<1x2x16x8xf32>
}

// Reorders of other dimensions are not orders of tokens.
// CHECK-LABEL: func @other_dim(
// CHECK: hilbert.reorder %{{.*}} dim 2
// CHECK-NEXT: hilbert.attention
// CHECK-NOT: order(q
// CHECK: return
func.func @other_dim(%x: tensor<1x16x16x8xf32>, %l: tensor<1x16x16xf32>)
    -> tensor<1x16x16x8xf32> {
  %0 = hilbert.reorder %x dim 2 order(#h) : tensor<1x16x16x8xf32>
  %1:2 = hilbert.attention
      ins(%0, %x, %x : tensor<1x16x16x8xf32>, tensor<1x16x16x8xf32>, tensor<1x16x16x8xf32>)
      outs(%x, %l : tensor<1x16x16x8xf32>, tensor<1x16x16xf32>)
  return %1#0 : tensor<1x16x16x8xf32>
}

// CHECK-LABEL: func @memref(
// CHECK: hilbert.reorder
// CHECK-NEXT: hilbert.attention
func.func @memref(%x: memref<1x16x2x8xf32>, %y: memref<1x16x2x8xf32>, %l: memref<1x2x16xf32>)
    {
  hilbert.reorder %x dim 1 order(#h) outs(%y : memref<1x16x2x8xf32>) : memref<1x16x2x8xf32>
  hilbert.attention
      ins(%y, %y, %y : memref<1x16x2x8xf32>, memref<1x16x2x8xf32>, memref<1x16x2x8xf32>)
      outs(%x, %l : memref<1x16x2x8xf32>, memref<1x2x16xf32>)
  return
}

// CHECK-LABEL: func @missed_keys_only(
// CHECK-SAME: %[[Q:[^:]*]]: tensor<1x16x2x8xf32>, %[[K:[^:]*]]: tensor<1x16x2x8xf32>, %[[V:[^:]*]]: tensor<1x16x2x8xf32>
// CHECK: hilbert.reorder
// CHECK-NEXT: hilbert.attention
// CHECK-NOT: order(
// CHECK: return
// REMARK: remark: [Missed] FuseReorder | Category:hilbert-fuse-reorders | Reason="k and v do not have one order", Remark="k's and v's reorder not fused"
func.func @missed_keys_only(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %k dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1:2 = hilbert.attention
      ins(%q, %0, %v : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  return %1#0 : tensor<1x16x2x8xf32>
}

// CHECK-LABEL: func @missed_values_only(
// CHECK: hilbert.reorder
// CHECK-NEXT: hilbert.attention
// CHECK-NOT: order(
// CHECK: return
// REMARK: remark: [Missed] FuseReorder | Category:hilbert-fuse-reorders | Reason="k and v do not have one order", Remark="k's and v's reorder not fused"
func.func @missed_values_only(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %v dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1:2 = hilbert.attention
      ins(%q, %k, %0 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  return %1#0 : tensor<1x16x2x8xf32>
}

// The query's still is fused.
// CHECK-LABEL: func @missed_keys_and_values_differ(
// CHECK-SAME: %[[Q:[^:]*]]: tensor<1x16x2x8xf32>, %[[K:[^:]*]]: tensor<1x16x2x8xf32>, %[[V:[^:]*]]: tensor<1x16x2x8xf32>
// CHECK-NEXT: hilbert.reorder %[[K]]
// CHECK-NEXT: hilbert.reorder %[[V]]
// CHECK-NEXT: hilbert.attention ins(%[[Q]],
// CHECK-SAME: order(q = #hilbert_4x4){{$}}
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="q's reorder fused"
// REMARK: remark: [Missed] FuseReorder | Category:hilbert-fuse-reorders | Reason="k and v do not have one order", Remark="k's and v's reorder not fused"
func.func @missed_keys_and_values_differ(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %q dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1 = hilbert.reorder %k dim 1 order(#h) : tensor<1x16x2x8xf32>
  %2 = hilbert.reorder %v dim 1 order(#m) : tensor<1x16x2x8xf32>
  %3:2 = hilbert.attention
      ins(%0, %1, %2 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  return %3#0 : tensor<1x16x2x8xf32>
}

//===----------------------------------------------------------------------===//
// Orders that are there already; runtime orders
//===----------------------------------------------------------------------===//

// Position p holds the reordered tensor's row m(p), the tensor's row h(m(p)).
// CHECK-LABEL: func @compose(
// CHECK-SAME: %[[Q:[^:]*]]: tensor<1x16x2x8xf32>, %[[K:[^:]*]]: tensor<1x16x2x8xf32>, %[[V:[^:]*]]: tensor<1x16x2x8xf32>
// CHECK: %[[T:.*]] = hilbert.permutation order(#hilbert_4x4) : tensor<16xi32>
// CHECK: %[[C:.*]] = hilbert.reorder %[[T]] dim 0 order(#morton_4x4) : tensor<16xi32>
// CHECK: hilbert.attention ins(%[[Q]], %[[K]], %[[V]] :
// CHECK-SAME: order(q = %[[C]] : tensor<16xi32>, kv = #morton_4x4, out = #morton_4x4)
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="q's reorder fused"
func.func @compose(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %q dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1:2 = hilbert.attention
      ins(%0, %k, %v : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
      order(#m)
  return %1#0 : tensor<1x16x2x8xf32>
}

// Row m(p) of the result goes to row h(m(p)) of the restored one.
// CHECK-LABEL: func @compose_out(
// CHECK: %[[T:.*]] = hilbert.permutation order(#hilbert_4x4) : tensor<16xi32>
// CHECK: %[[C:.*]] = hilbert.reorder %[[T]] dim 0 order(#morton_4x4) : tensor<16xi32>
// CHECK: hilbert.attention
// CHECK-SAME: order(out = %[[C]] : tensor<16xi32>)
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="out's restore fused"
func.func @compose_out(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> tensor<1x16x2x8xf32> {
  %0:2 = hilbert.attention
      ins(%q, %k, %v : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
      order(out = #m)
  %1 = hilbert.restore %0#0 dim 1 order(#h) : tensor<1x16x2x8xf32>
  return %1 : tensor<1x16x2x8xf32>
}

// CHECK-LABEL: func @runtime(
// CHECK-SAME: %[[Q:[^:]*]]: tensor<1x16x2x8xf32>, %[[K:[^:]*]]: tensor<1x16x2x8xf32>, %[[V:[^:]*]]: tensor<1x16x2x8xf32>
// CHECK-SAME: %[[T:[^:]*]]: tensor<16xi32>)
// CHECK-NEXT: hilbert.attention ins(%[[Q]], %[[K]], %[[V]] :
// CHECK-SAME: order(%[[T]] : tensor<16xi32>){{$}}
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="q's reorder fused"
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="k's and v's reorder fused"
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="out's restore fused"
func.func @runtime(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>, %t: tensor<16xi32>)
    -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %q dim 1 order(%t : tensor<16xi32>) : tensor<1x16x2x8xf32>
  %1 = hilbert.reorder %k dim 1 order(%t : tensor<16xi32>) : tensor<1x16x2x8xf32>
  %2 = hilbert.reorder %v dim 1 order(%t : tensor<16xi32>) : tensor<1x16x2x8xf32>
  %3:2 = hilbert.attention
      ins(%0, %1, %2 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  %4 = hilbert.restore %3#0 dim 1 order(%t : tensor<16xi32>) : tensor<1x16x2x8xf32>
  return %4 : tensor<1x16x2x8xf32>
}

// One order for each batch item.
// CHECK-LABEL: func @runtime_batched(
// CHECK-SAME: %[[Q:[^:]*]]: tensor<1x16x2x8xf32>, %[[K:[^:]*]]: tensor<1x16x2x8xf32>, %[[V:[^:]*]]: tensor<1x16x2x8xf32>
// CHECK-SAME: %[[T:[^:]*]]: tensor<1x?xi32>)
// CHECK-NEXT: hilbert.attention ins(%[[Q]], %[[K]], %[[V]] :
// CHECK-SAME: order(%[[T]] : tensor<1x?xi32>){{$}}
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="q's reorder fused"
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="k's and v's reorder fused"
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="out's restore fused"
func.func @runtime_batched(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>, %t: tensor<1x?xi32>)
    -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %q dim 1 order(%t : tensor<1x?xi32>) : tensor<1x16x2x8xf32>
  %1 = hilbert.reorder %k dim 1 order(%t : tensor<1x?xi32>) : tensor<1x16x2x8xf32>
  %2 = hilbert.reorder %v dim 1 order(%t : tensor<1x?xi32>) : tensor<1x16x2x8xf32>
  %3:2 = hilbert.attention
      ins(%0, %1, %2 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  %4 = hilbert.restore %3#0 dim 1 order(%t : tensor<1x?xi32>) : tensor<1x16x2x8xf32>
  return %4 : tensor<1x16x2x8xf32>
}

// A table that is made after the attention cannot be its operand.
// CHECK-LABEL: func @missed_table_defined_later(
// CHECK: hilbert.attention
// CHECK-NOT: order(
// CHECK: hilbert.restore
// REMARK: remark: [Missed] FuseReorder | Category:hilbert-fuse-reorders | Reason="the table is defined later", Remark="out's restore not fused"
func.func @missed_table_defined_later(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>, %t: tensor<16xi64>)
    -> tensor<1x16x2x8xf32> {
  %0:2 = hilbert.attention
      ins(%q, %k, %v : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  %1 = arith.trunci %t : tensor<16xi64> to tensor<16xi32>
  %2 = hilbert.restore %0#0 dim 1 order(%1 : tensor<16xi32>) : tensor<1x16x2x8xf32>
  return %2 : tensor<1x16x2x8xf32>
}

// One order for all batch items does not compose with one for each. What does is fused.
// CHECK-LABEL: func @missed_compose(
// CHECK-SAME: %[[Q:[^:]*]]: tensor<1x16x2x8xf32>, %[[K:[^:]*]]: tensor<1x16x2x8xf32>, %[[V:[^:]*]]: tensor<1x16x2x8xf32>
// CHECK-SAME: %[[T:[^:]*]]: tensor<1x16xi32>)
// CHECK-NEXT: %[[R:.*]] = hilbert.reorder %[[K]]
// CHECK-NEXT: hilbert.attention ins(%[[Q]], %[[R]], %[[R]] :
// CHECK-SAME: order(q = #morton_4x4, kv = %[[T]] : tensor<1x16xi32>)
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="q's reorder fused"
// REMARK: remark: [Missed] FuseReorder | Category:hilbert-fuse-reorders | Reason="the orders do not compose", Remark="k's and v's reorder not fused"
func.func @missed_compose(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>, %t: tensor<1x16xi32>)
    -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %q dim 1 order(#m) : tensor<1x16x2x8xf32>
  %1 = hilbert.reorder %k dim 1 order(#h) : tensor<1x16x2x8xf32>
  %2:2 = hilbert.attention
      ins(%0, %1, %1 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
      order(kv = %t : tensor<1x16xi32>)
  return %2#0 : tensor<1x16x2x8xf32>
}

// CHECK-LABEL: func @missed_compose_out(
// CHECK: hilbert.attention
// CHECK-NEXT: hilbert.restore
// REMARK: remark: [Missed] FuseReorder | Category:hilbert-fuse-reorders | Reason="the orders do not compose", Remark="out's restore not fused"
func.func @missed_compose_out(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>, %t: tensor<1x16xi32>)
    -> tensor<1x16x2x8xf32> {
  %0:2 = hilbert.attention
      ins(%q, %k, %v : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
      order(out = %t : tensor<1x16xi32>)
  %1 = hilbert.restore %0#0 dim 1 order(#h) : tensor<1x16x2x8xf32>
  return %1 : tensor<1x16x2x8xf32>
}

//===----------------------------------------------------------------------===//
// Causality
//===----------------------------------------------------------------------===//

// Over raster orders a token is a position, and stays one.
// CHECK-LABEL: func @token_becomes_position(
// CHECK-SAME: %[[Q:[^:]*]]: tensor<1x16x2x8xf32>, %[[K:[^:]*]]: tensor<1x16x2x8xf32>, %[[V:[^:]*]]: tensor<1x16x2x8xf32>
// CHECK-NEXT: hilbert.attention ins(%[[Q]], %[[K]], %[[V]] :
// CHECK-SAME: order(q = #hilbert_4x4, kv = #hilbert_4x4) causal<position>
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="q's reorder fused"
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="k's and v's reorder fused"
func.func @token_becomes_position(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %q dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1 = hilbert.reorder %k dim 1 order(#h) : tensor<1x16x2x8xf32>
  %2 = hilbert.reorder %v dim 1 order(#h) : tensor<1x16x2x8xf32>
  %3:2 = hilbert.attention
      ins(%0, %1, %2 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
      causal<token>
  return %3#0 : tensor<1x16x2x8xf32>
}

// CHECK-LABEL: func @position_stays(
// CHECK: hilbert.attention
// CHECK-SAME: order(q = #hilbert_4x4, kv = #hilbert_4x4) causal<position>
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="q's reorder fused"
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="k's and v's reorder fused"
func.func @position_stays(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %q dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1 = hilbert.reorder %k dim 1 order(#h) : tensor<1x16x2x8xf32>
  %2 = hilbert.reorder %v dim 1 order(#h) : tensor<1x16x2x8xf32>
  %3:2 = hilbert.attention
      ins(%0, %1, %2 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
      causal<position>
  return %3#0 : tensor<1x16x2x8xf32>
}

// Orders that compose to one are one value.
// CHECK-LABEL: func @position_composed(
// CHECK: %[[C:.*]] = hilbert.reorder %{{.*}} dim 0 order(#morton_4x4) : tensor<16xi32>
// CHECK-NEXT: hilbert.attention
// CHECK-SAME: order(q = %[[C]] : tensor<16xi32>, kv = %[[C]] : tensor<16xi32>) causal<position>
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="q's reorder fused"
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="k's and v's reorder fused"
func.func @position_composed(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %q dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1 = hilbert.reorder %k dim 1 order(#h) : tensor<1x16x2x8xf32>
  %2 = hilbert.reorder %v dim 1 order(#h) : tensor<1x16x2x8xf32>
  %3:2 = hilbert.attention
      ins(%0, %1, %2 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
      order(q = #m, kv = #m) causal<position>
  return %3#0 : tensor<1x16x2x8xf32>
}

// The order of the result does not matter.
// CHECK-LABEL: func @token_out(
// CHECK: hilbert.attention
// CHECK-SAME: order(out = #hilbert_4x4) causal<token>
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="out's restore fused"
func.func @token_out(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> tensor<1x16x2x8xf32> {
  %0:2 = hilbert.attention
      ins(%q, %k, %v : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
      causal<token>
  %1 = hilbert.restore %0#0 dim 1 order(#h) : tensor<1x16x2x8xf32>
  return %1 : tensor<1x16x2x8xf32>
}

// CHECK-LABEL: func @missed_token_query_only(
// CHECK: hilbert.reorder
// CHECK-NEXT: hilbert.attention
// CHECK-NOT: order(
// CHECK-SAME: causal<token>
// REMARK: remark: [Missed] FuseReorder | Category:hilbert-fuse-reorders | Reason="causality needs q and k to have one order", Remark="q's reorder not fused"
func.func @missed_token_query_only(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %q dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1:2 = hilbert.attention
      ins(%0, %k, %v : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
      causal<token>
  return %1#0 : tensor<1x16x2x8xf32>
}

// CHECK-LABEL: func @missed_position_two_orders(
// CHECK-COUNT-2: hilbert.reorder
// CHECK-NEXT: hilbert.attention
// CHECK-NOT: order(
// CHECK-SAME: causal<position>
// REMARK: remark: [Missed] FuseReorder | Category:hilbert-fuse-reorders | Reason="causality needs q and k to have one order", Remark="q's reorder not fused"
// REMARK: remark: [Missed] FuseReorder | Category:hilbert-fuse-reorders | Reason="causality needs q and k to have one order", Remark="k's and v's reorder not fused"
func.func @missed_position_two_orders(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %q dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1 = hilbert.reorder %k dim 1 order(#m) : tensor<1x16x2x8xf32>
  %2:2 = hilbert.attention
      ins(%0, %1, %1 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
      causal<position>
  return %2#0 : tensor<1x16x2x8xf32>
}

// CHECK-LABEL: func @missed_token_with_orders(
// CHECK: hilbert.reorder
// CHECK-NEXT: hilbert.attention
// CHECK-SAME: order(#morton_4x4) causal<token>
// REMARK: remark: [Missed] FuseReorder | Category:hilbert-fuse-reorders | Reason="token causality would compare other tokens", Remark="q's reorder not fused"
// REMARK: remark: [Missed] FuseReorder | Category:hilbert-fuse-reorders | Reason="token causality would compare other tokens", Remark="k's and v's reorder not fused"
func.func @missed_token_with_orders(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %q dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1:2 = hilbert.attention
      ins(%0, %0, %0 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
      order(#m) causal<token>
  return %1#0 : tensor<1x16x2x8xf32>
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

// lse is restored with out.
// CHECK-LABEL: func @lse_restored(
// CHECK-NEXT: %[[A:.*]]:2 = hilbert.attention
// CHECK-SAME: order(out = #hilbert_4x4){{$}}
// CHECK-NEXT: return %[[A]]#0, %[[A]]#1 :
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="out's restore fused"
func.func @lse_restored(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> (tensor<1x16x2x8xf32>, tensor<1x2x16xf32>) {
  %0:2 = hilbert.attention
      ins(%q, %k, %v : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  %1 = hilbert.restore %0#0 dim 1 order(#h) : tensor<1x16x2x8xf32>
  %2 = hilbert.restore %0#1 dim 2 order(#h) : tensor<1x2x16xf32>
  return %1, %2 : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>
}

// lse alone is reordered back: it is small.
// CHECK-LABEL: func @lse_not_restored(
// CHECK-NEXT: %[[A:.*]]:2 = hilbert.attention
// CHECK-SAME: order(out = #hilbert_4x4){{$}}
// CHECK-NEXT: %[[L:.*]] = hilbert.reorder %[[A]]#1 dim 2 order(#hilbert_4x4) : tensor<1x2x16xf32>
// CHECK-NEXT: return %[[A]]#0, %[[L]] :
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="out's restore fused"
func.func @lse_not_restored(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> (tensor<1x16x2x8xf32>, tensor<1x2x16xf32>) {
  %0:2 = hilbert.attention
      ins(%q, %k, %v : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  %1 = hilbert.restore %0#0 dim 1 order(#h) : tensor<1x16x2x8xf32>
  return %1, %0#1 : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>
}

// CHECK-LABEL: func @through_elementwise(
// CHECK: %[[A:.*]]:2 = hilbert.attention
// CHECK-SAME: order(out = #hilbert_4x4){{$}}
// CHECK-NEXT: %[[S:.*]] = arith.mulf %[[A]]#0, %cst
// CHECK-NEXT: %[[F:.*]] = arith.truncf %[[S]]
// CHECK-NEXT: return %[[F]]
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="out's restore fused"
func.func @through_elementwise(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> tensor<1x16x2x8xbf16> {
  %c = arith.constant dense<2.0> : tensor<1x16x2x8xf32>
  %0:2 = hilbert.attention
      ins(%q, %k, %v : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  %1 = arith.mulf %0#0, %c : tensor<1x16x2x8xf32>
  %2 = arith.truncf %1 : tensor<1x16x2x8xf32> to tensor<1x16x2x8xbf16>
  %3 = hilbert.restore %2 dim 1 order(#h) : tensor<1x16x2x8xbf16>
  return %3 : tensor<1x16x2x8xbf16>
}

// The elementwise op uses out twice.
// CHECK-LABEL: func @through_square(
// CHECK-NEXT: %[[A:.*]]:2 = hilbert.attention
// CHECK-SAME: order(out = #hilbert_4x4){{$}}
// CHECK-NEXT: %[[S:.*]] = arith.mulf %[[A]]#0, %[[A]]#0
// CHECK-NEXT: return %[[S]]
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="out's restore fused"
func.func @through_square(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> tensor<1x16x2x8xf32> {
  %0:2 = hilbert.attention
      ins(%q, %k, %v : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  %1 = arith.mulf %0#0, %0#0 : tensor<1x16x2x8xf32>
  %2 = hilbert.restore %1 dim 1 order(#h) : tensor<1x16x2x8xf32>
  return %2 : tensor<1x16x2x8xf32>
}

// Every user restores out by one order.
// CHECK-LABEL: func @several_restores(
// CHECK-NEXT: %[[A:.*]]:2 = hilbert.attention
// CHECK-SAME: order(out = #hilbert_4x4){{$}}
// CHECK-NEXT: %[[N:.*]] = arith.negf %[[A]]#0
// CHECK-NEXT: return %[[A]]#0, %[[N]]
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="out's restore fused"
func.func @several_restores(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> (tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>) {
  %0:2 = hilbert.attention
      ins(%q, %k, %v : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  %1 = hilbert.restore %0#0 dim 1 order(#h) : tensor<1x16x2x8xf32>
  %2 = arith.negf %0#0 : tensor<1x16x2x8xf32>
  %3 = hilbert.restore %2 dim 1 order(#h) : tensor<1x16x2x8xf32>
  return %1, %3 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>
}

// CHECK-LABEL: func @missed_out_with_other_user(
// CHECK: hilbert.attention
// CHECK-NOT: order(
// CHECK: hilbert.restore
// REMARK: remark: [Missed] FuseReorder | Category:hilbert-fuse-reorders | Reason="out has users with other orders", Remark="out's restore not fused"
func.func @missed_out_with_other_user(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> (tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>) {
  %0:2 = hilbert.attention
      ins(%q, %k, %v : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  %1 = hilbert.restore %0#0 dim 1 order(#h) : tensor<1x16x2x8xf32>
  return %1, %0#0 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>
}

// CHECK-LABEL: func @missed_two_restores_differ(
// CHECK: hilbert.attention
// CHECK-NEXT: hilbert.restore
// CHECK-NEXT: hilbert.restore
// REMARK: remark: [Missed] FuseReorder | Category:hilbert-fuse-reorders | Reason="out has users with other orders", Remark="out's restore not fused"
// REMARK: remark: [Missed] FuseReorder | Category:hilbert-fuse-reorders | Reason="out has users with other orders", Remark="out's restore not fused"
func.func @missed_two_restores_differ(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> (tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>) {
  %0:2 = hilbert.attention
      ins(%q, %k, %v : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  %1 = hilbert.restore %0#0 dim 1 order(#h) : tensor<1x16x2x8xf32>
  %2 = hilbert.restore %0#0 dim 1 order(#m) : tensor<1x16x2x8xf32>
  return %1, %2 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>
}

// An elementwise op with an operand in another order stands between.
// CHECK-LABEL: func @not_through_other_operand(
// CHECK: hilbert.attention
// CHECK-NOT: order(
// CHECK: arith.addf
// CHECK-NEXT: hilbert.restore
func.func @not_through_other_operand(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> tensor<1x16x2x8xf32> {
  %0:2 = hilbert.attention
      ins(%q, %k, %v : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  %1 = arith.addf %0#0, %q : tensor<1x16x2x8xf32>
  %2 = hilbert.restore %1 dim 1 order(#h) : tensor<1x16x2x8xf32>
  return %2 : tensor<1x16x2x8xf32>
}

// Two layers in one order: nothing between them is reordered.
// CHECK-LABEL: func @two_layers(
// CHECK-NEXT: %[[A:.*]]:2 = hilbert.attention
// CHECK-SAME: order(#hilbert_4x4){{$}}
// CHECK-NEXT: hilbert.attention ins(%[[A]]#0, %[[A]]#0, %[[A]]#0
// CHECK-SAME: order(#hilbert_4x4){{$}}
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="q's reorder fused"
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="k's and v's reorder fused"
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="out's restore fused"
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="q's reorder fused"
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="k's and v's reorder fused"
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="out's restore fused"
func.func @two_layers(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %q dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1:2 = hilbert.attention
      ins(%0, %0, %0 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  %2 = hilbert.restore %1#0 dim 1 order(#h) : tensor<1x16x2x8xf32>
  %3 = hilbert.reorder %2 dim 1 order(#h) : tensor<1x16x2x8xf32>
  %4:2 = hilbert.attention
      ins(%3, %3, %3 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  %5 = hilbert.restore %4#0 dim 1 order(#h) : tensor<1x16x2x8xf32>
  return %5 : tensor<1x16x2x8xf32>
}

//===----------------------------------------------------------------------===//
// attention_grad
//===----------------------------------------------------------------------===//

// Gradients are in the order of what they are gradients of.
// CHECK-LABEL: func @grad_query_only(
// CHECK-SAME: %[[Q:[^:]*]]: tensor<1x16x2x8xf32>, %[[K:[^:]*]]: tensor<1x16x2x8xf32>, %[[V:[^:]*]]: tensor<1x16x2x8xf32>
// CHECK-NEXT: %[[G:.*]]:3 = hilbert.attention_grad ins(%[[Q]], %[[K]], %[[V]],
// CHECK-SAME: order(q = #hilbert_4x4){{$}}
// CHECK-NEXT: %[[DQ:.*]] = hilbert.reorder %[[G]]#0 dim 1 order(#hilbert_4x4)
// CHECK-NEXT: return %[[DQ]], %[[G]]#1, %[[G]]#2 :
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="q's reorder fused"
func.func @grad_query_only(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>, %d: tensor<1x16x2x8xf32>)
    -> (tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>) {
  %0 = hilbert.reorder %q dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1:3 = hilbert.attention_grad
      ins(%0, %k, %v, %o, %l, %d : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>,
          tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x2x16xf32>, tensor<1x16x2x8xf32>)
      outs(%q, %k, %v : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
  return %1#0, %1#1, %1#2 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>
}

// What the generator writes for reordered inputs and a restored output.
// CHECK-LABEL: func @grad_all(
// CHECK-SAME: %[[Q:[^:]*]]: tensor<1x16x2x8xf32>, %[[K:[^:]*]]: tensor<1x16x2x8xf32>, %[[V:[^:]*]]: tensor<1x16x2x8xf32>
// CHECK-SAME: %[[O:[^:]*]]: tensor<1x16x2x8xf32>, %[[L:[^:]*]]: tensor<1x2x16xf32>, %[[D:[^:]*]]: tensor<1x16x2x8xf32>
// CHECK-NEXT: %[[G:.*]]:3 = hilbert.attention_grad ins(%[[Q]], %[[K]], %[[V]], %[[O]], %[[L]], %[[D]] :
// CHECK-SAME: order(#hilbert_4x4){{$}}
// CHECK-NEXT: return %[[G]]#0, %[[G]]#1, %[[G]]#2 :
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="q's reorder fused"
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="k's and v's reorder fused"
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="out's and dout's reorder fused"
func.func @grad_all(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>, %d: tensor<1x16x2x8xf32>)
    -> (tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>) {
  %0 = hilbert.reorder %q dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1 = hilbert.reorder %k dim 1 order(#h) : tensor<1x16x2x8xf32>
  %2 = hilbert.reorder %v dim 1 order(#h) : tensor<1x16x2x8xf32>
  %3 = hilbert.reorder %o dim 1 order(#h) : tensor<1x16x2x8xf32>
  %4 = hilbert.reorder %d dim 1 order(#h) : tensor<1x16x2x8xf32>
  %5 = hilbert.reorder %l dim 2 order(#h) : tensor<1x2x16xf32>
  %6:3 = hilbert.attention_grad
      ins(%0, %1, %2, %3, %5, %4 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>,
          tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x2x16xf32>, tensor<1x16x2x8xf32>)
      outs(%q, %k, %v : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
  %7 = hilbert.restore %6#0 dim 1 order(#h) : tensor<1x16x2x8xf32>
  %8 = hilbert.restore %6#1 dim 1 order(#h) : tensor<1x16x2x8xf32>
  %9 = hilbert.restore %6#2 dim 1 order(#h) : tensor<1x16x2x8xf32>
  return %7, %8, %9 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>
}

// lse and dlse are small: where they are not reordered they are put back.
// CHECK-LABEL: func @grad_out_without_lse(
// CHECK-SAME: %[[O:[^:]*]]: tensor<1x16x2x8xf32>, %[[L:[^:]*]]: tensor<1x2x16xf32>, %[[D:[^:]*]]: tensor<1x16x2x8xf32>
// CHECK-NEXT: %[[R:.*]] = hilbert.restore %[[L]] dim 2 order(#hilbert_4x4)
// CHECK: hilbert.attention_grad ins(%{{.*}}, %{{.*}}, %{{.*}}, %[[O]], %[[R]], %[[D]] :
// CHECK-SAME: dlse(%{{.*}} : tensor<1x2x16xf32>)
// CHECK-SAME: order(out = #hilbert_4x4){{$}}
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="out's and dout's reorder fused"
func.func @grad_out_without_lse(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>, %d: tensor<1x16x2x8xf32>)
    -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %o dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1 = hilbert.reorder %d dim 1 order(#h) : tensor<1x16x2x8xf32>
  %2:3 = hilbert.attention_grad
      ins(%q, %k, %v, %0, %l, %1 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>,
          tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x2x16xf32>, tensor<1x16x2x8xf32>) dlse(%l : tensor<1x2x16xf32>)
      outs(%q, %k, %v : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
  return %2#0 : tensor<1x16x2x8xf32>
}

// CHECK-LABEL: func @grad_causal(
// CHECK: hilbert.attention_grad
// CHECK-SAME: order(q = #hilbert_4x4, kv = #hilbert_4x4) causal<position>
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="q's reorder fused"
// REMARK: remark: [Passed] FuseReorder | Category:hilbert-fuse-reorders | Remark="k's and v's reorder fused"
func.func @grad_causal(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>, %d: tensor<1x16x2x8xf32>)
    -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %q dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1 = hilbert.reorder %k dim 1 order(#h) : tensor<1x16x2x8xf32>
  %2:3 = hilbert.attention_grad
      ins(%0, %1, %1, %o, %l, %d : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>,
          tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x2x16xf32>, tensor<1x16x2x8xf32>)
      outs(%q, %k, %v : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      causal<token>
  return %2#0 : tensor<1x16x2x8xf32>
}

// CHECK-LABEL: func @missed_grad_out(
// CHECK-NEXT: hilbert.reorder
// CHECK-NEXT: hilbert.attention_grad
// CHECK-NOT: order(
// CHECK: return
// REMARK: remark: [Missed] FuseReorder | Category:hilbert-fuse-reorders | Reason="out and dout do not have one order", Remark="out's reorder not fused"
func.func @missed_grad_out(%q: tensor<1x16x2x8xf32>, %k: tensor<1x16x2x8xf32>, %v: tensor<1x16x2x8xf32>,
    %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>, %d: tensor<1x16x2x8xf32>)
    -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %d dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1:3 = hilbert.attention_grad
      ins(%q, %k, %v, %o, %l, %0 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>,
          tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x2x16xf32>, tensor<1x16x2x8xf32>)
      outs(%q, %k, %v : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
  return %1#0 : tensor<1x16x2x8xf32>
}
