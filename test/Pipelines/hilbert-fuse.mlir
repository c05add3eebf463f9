// RUN: hilbert-opt %s --hilbert-fuse | FileCheck %s
// RUN: hilbert-opt %s --hilbert-fuse | hilbert-opt --hilbert-fuse | FileCheck %s
// RUN: not hilbert-opt %s --hilbert-fuse --hilbert-fuse --convert-elementwise-to-linalg --hilbert-fuse 2>&1 \
// RUN:   | FileCheck %s --check-prefix=CONTRACT

#h = #hilbert.order<hilbert, [64, 64]>

// Reorders around a plain attention become one op.
// CHECK-LABEL: func @forward(
// CHECK-SAME: %[[Q:[^:]*]]: tensor<1x4096x8x64xf32>, %[[K:[^:]*]]: tensor<1x4096x2x64xf32>, %[[V:[^:]*]]: tensor<1x4096x2x64xf32>)
// CHECK-NEXT: %[[O:.*]] = tensor.empty() : tensor<1x4096x8x64xf32>
// CHECK-NEXT: %[[L:.*]] = tensor.empty() : tensor<1x8x4096xf32>
// CHECK-NEXT: %[[A:.*]]:2 = hilbert.attention ins(%[[Q]], %[[K]], %[[V]] :
// CHECK-SAME: outs(%[[O]], %[[L]] :
// CHECK-SAME: order(#hilbert_64x64) pattern<(segment = 256, dilation = 2)>{{$}}
// CHECK-NEXT: return %[[A]]#0, %[[A]]#1
func.func @forward(%q: tensor<1x4096x8x64xf32>, %k: tensor<1x4096x2x64xf32>,
    %v: tensor<1x4096x2x64xf32>) -> (tensor<1x4096x8x64xf32>, tensor<1x8x4096xf32>) {
  %o = tensor.empty() : tensor<1x4096x8x64xf32>
  %l = tensor.empty() : tensor<1x8x4096xf32>
  %0 = hilbert.reorder %q dim 1 order(#hilbert.order<hilbert, 4096>) : tensor<1x4096x8x64xf32>
  %1 = hilbert.reorder %k dim 1 order(#h) : tensor<1x4096x2x64xf32>
  %2 = hilbert.reorder %v dim 1 order(#h) : tensor<1x4096x2x64xf32>
  %3:2 = hilbert.attention
      ins(%0, %1, %2 : tensor<1x4096x8x64xf32>, tensor<1x4096x2x64xf32>, tensor<1x4096x2x64xf32>)
      outs(%o, %l : tensor<1x4096x8x64xf32>, tensor<1x8x4096xf32>)
      pattern<(segment = 256, dilation = 2)>
  %4 = hilbert.restore %3#0 dim 1 order(#h) : tensor<1x4096x8x64xf32>
  %5 = hilbert.restore %3#1 dim 2 order(#h) : tensor<1x8x4096xf32>
  return %4, %5 : tensor<1x4096x8x64xf32>, tensor<1x8x4096xf32>
}

// Between the layers of a network no reorder is left, and each table of a
// composed order is made once.
// CHECK-LABEL: func @layers(
// CHECK-NOT: hilbert.reorder
// CHECK-NOT: hilbert.restore
// CHECK: return
// CONTRACT: error: the fused level holds hilbert, func, tensor, arith and math ops, but got 'linalg.generic'
func.func @layers(%x: tensor<1x4096x8x64xf32>, %o: tensor<1x4096x8x64xf32>,
    %l: tensor<1x8x4096xf32>) -> tensor<1x4096x8x64xf32> {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<1x4096x8x64xf32>
  %1:2 = hilbert.attention
      ins(%0, %0, %0 : tensor<1x4096x8x64xf32>, tensor<1x4096x8x64xf32>, tensor<1x4096x8x64xf32>)
      outs(%o, %l : tensor<1x4096x8x64xf32>, tensor<1x8x4096xf32>) causal<token>
  %2 = hilbert.restore %1#0 dim 1 order(#h) : tensor<1x4096x8x64xf32>
  %3 = arith.addf %2, %x : tensor<1x4096x8x64xf32>
  %4 = hilbert.reorder %3 dim 1 order(#h) : tensor<1x4096x8x64xf32>
  %5:2 = hilbert.attention
      ins(%4, %4, %4 : tensor<1x4096x8x64xf32>, tensor<1x4096x8x64xf32>, tensor<1x4096x8x64xf32>)
      outs(%o, %l : tensor<1x4096x8x64xf32>, tensor<1x8x4096xf32>) causal<token>
  %6 = hilbert.restore %5#0 dim 1 order(#h) : tensor<1x4096x8x64xf32>
  return %6 : tensor<1x4096x8x64xf32>
}
