// RUN: hilbert-opt %s --hilbert-cancel-reorders | FileCheck %s
// RUN: hilbert-opt %s --hilbert-cancel-reorders -o %t \
// RUN:   --remark-format=emitRemark --remarks-filter='hilbert.*' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REMARK

#h = #hilbert.order<hilbert, [4, 4]>
#m = #hilbert.order<morton, [4, 4]>

// Reorders of tables do not count.
// REMARK: remark: [Passed] CancelReorders | Category:hilbert-cancel-reorders | Remark="5 of 9 reorders cancelled"

// CHECK-LABEL: func @cancel(
// CHECK-SAME: %[[X:.*]]: tensor<1x16x2x8xf32>)
// CHECK-NEXT: %[[N:.*]] = arith.negf %[[X]]
// CHECK-NEXT: return %[[N]]
func.func @cancel(%x: tensor<1x16x2x8xf32>) -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1 = arith.negf %0 : tensor<1x16x2x8xf32>
  %2 = hilbert.restore %1 dim 1 order(#h) : tensor<1x16x2x8xf32>
  return %2 : tensor<1x16x2x8xf32>
}

// CHECK-LABEL: func @compose(
// CHECK: %[[S:.*]] = arith.addf
// CHECK: %[[T:.*]] = hilbert.permutation order(#hilbert_4x4) : tensor<16xi32>
// CHECK: %[[O:.*]] = hilbert.reorder %[[T]] dim 0 order(#morton_4x4) : tensor<16xi32>
// CHECK: hilbert.reorder %[[S]] dim 1 order(%[[O]] : tensor<16xi32>)
// CHECK-NEXT: return
func.func @compose(%x: tensor<1x16x2x8xf32>) -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1 = arith.addf %0, %0 : tensor<1x16x2x8xf32>
  %2 = hilbert.reorder %1 dim 1 order(#m) : tensor<1x16x2x8xf32>
  return %2 : tensor<1x16x2x8xf32>
}

// Fusing is another pass.
// CHECK-LABEL: func @not_fused(
// CHECK-NEXT: %[[R:.*]] = hilbert.reorder
// CHECK-NEXT: hilbert.attention ins(%[[R]], %[[R]], %[[R]] :
// CHECK-NOT: order
// CHECK: return
func.func @not_fused(%x: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> tensor<1x16x2x8xf32> {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1:2 = hilbert.attention
      ins(%0, %0, %0 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%x, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  return %1#0 : tensor<1x16x2x8xf32>
}

// CHECK-LABEL: func @missed(
// CHECK: hilbert.restore
// CHECK: hilbert.reorder
// REMARK: remark: [Missed] CancelReorders | Category:hilbert-cancel-reorders | Reason="'hilbert.reorder' follows 'hilbert.restore' and was not combined with it"
func.func @missed(%x: tensor<1x16x2x8xf32>) -> tensor<1x16x2x8xf32> {
  %0 = hilbert.restore %x dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1 = hilbert.reorder %0 dim 1 order(#m) : tensor<1x16x2x8xf32>
  return %1 : tensor<1x16x2x8xf32>
}

// CHECK-LABEL: func @tables(
// CHECK: hilbert.reorder
// CHECK: hilbert.reorder
// REMARK-NOT: remark: [Missed]
func.func @tables(%t: tensor<16xi32>) -> tensor<16xi32> {
  %0 = hilbert.reorder %t dim 0 order(#h) : tensor<16xi32>
  %1 = hilbert.reorder %0 dim 0 order(#m) : tensor<16xi32>
  return %1 : tensor<16xi32>
}

// CHECK-LABEL: func @splat(
// CHECK: %[[C:.*]] = arith.constant dense<0.0
// CHECK-NEXT: return %[[C]]
func.func @splat() -> tensor<1x16x2xf32> {
  %c = arith.constant dense<0.0> : tensor<1x16x2xf32>
  %0 = hilbert.reorder %c dim 1 order(#h) : tensor<1x16x2xf32>
  %1 = hilbert.reorder %0 dim 1 order(#m) : tensor<1x16x2xf32>
  return %1 : tensor<1x16x2xf32>
}
