// RUN: hilbert-opt %s --hilbert-grad | FileCheck %s
// RUN: hilbert-opt %s --hilbert-grad --remark-format=emitRemark --remarks-filter='hilbert.*' \
// RUN:   -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// The forward is fused first: its gradient holds one attention_grad, with the
// forward's orders, on the forward's arguments and results.

// CHECK-LABEL: func @f(
// CHECK: hilbert.attention ins
// CHECK-SAME: order(#hilbert_4x4) pattern<(segment = 8)> causal<position>
// CHECK: return

// CHECK-LABEL: func @f_grad(
// CHECK-SAME: %[[X:[^:]*]]: tensor<1x16x2x8xf32>, %[[OUT:[^:]*]]: tensor<1x16x2x8xf32>, %[[LSE:[^:]*]]: tensor<1x2x16xf32>, %[[DOUT:[^:]*]]: tensor<1x16x2x8xf32>, %[[DLSE:[^:]*]]: tensor<1x2x16xf32>)
// CHECK-NOT: hilbert.reorder
// CHECK-NOT: hilbert.restore
// CHECK-NOT: hilbert.attention ins
// CHECK: %[[G:.*]]:3 = hilbert.attention_grad ins(%[[X]], %[[X]], %[[X]], %[[OUT]], %[[LSE]], %[[DOUT]] :
// CHECK-SAME: dlse(%[[DLSE]] :
// CHECK-SAME: order(#hilbert_4x4) pattern<(segment = 8)> causal<position>{{$}}
// CHECK-NEXT: %[[S:.*]] = arith.addf %[[G]]#0, %[[G]]#1
// CHECK-NEXT: %[[R:.*]] = arith.addf %[[S]], %[[G]]#2
// CHECK-NEXT: return %[[R]]
// REMARK-NOT: [Missed]
#h = #hilbert.order<hilbert, [4, 4]>
func.func @f(%x: tensor<1x16x2x8xf32>) -> (tensor<1x16x2x8xf32>, tensor<1x2x16xf32>) {
  %o = tensor.empty() : tensor<1x16x2x8xf32>
  %l = tensor.empty() : tensor<1x2x16xf32>
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1:2 = hilbert.attention
      ins(%0, %0, %0 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
      pattern<(segment = 8)> causal<token>
  %2 = hilbert.restore %1#0 dim 1 order(#h) : tensor<1x16x2x8xf32>
  %3 = hilbert.restore %1#1 dim 2 order(#h) : tensor<1x2x16xf32>
  return %2, %3 : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>
}
