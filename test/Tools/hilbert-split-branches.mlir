// What hilbert-split-branches makes of unions and of groups of heads computes
// what the host's kernels of the whole do.
//
// RUN: hilbert-opt %s --hilbert-grad -o %t.whole.mlir
// RUN: hilbert-opt %t.whole.mlir --hilbert-split-branches -o %t.split.mlir
// RUN: not diff -q %t.whole.mlir %t.split.mlir
// RUN: rm -rf %t && mkdir %t
// RUN: mkdir %t/a %t/b %t/c %t/d
// RUN: hilbert-run %t.whole.mlir --function=f --save=%t/a
// RUN: hilbert-run %t.split.mlir --function=f --save=%t/b
// RUN: %python %S/Inputs/compare_npy.py %t/a %t/b
// RUN: hilbert-run %t.whole.mlir --function=f_grad --save=%t/c
// RUN: hilbert-run %t.split.mlir --function=f_grad --save=%t/d
// RUN: %python %S/Inputs/compare_npy.py %t/c %t/d
//
// The comparison can fail.
// RUN: cp %t/a/out3.npy %t/b/out1.npy
// RUN: not %python %S/Inputs/compare_npy.py %t/a %t/b | FileCheck %s
// CHECK: out1.npy (1, 6, 300): {{.*}} differ

func.func @f(%q: tensor<1x300x6x16xf32>, %k: tensor<1x300x2x16xf32>,
             %v: tensor<1x300x2x16xf32>, %p: tensor<1x6x300x16xf32>,
             %l: tensor<1x2x300x16xf32>, %w: tensor<1x2x300x16xf32>)
    -> (tensor<1x300x6x16xf32>, tensor<1x6x300xf32>, tensor<1x6x300x16xf32>,
        tensor<1x6x300xf32>) {
  %0 = tensor.empty() : tensor<1x300x6x16xf32>
  %1 = tensor.empty() : tensor<1x6x300xf32>
  %2 = tensor.empty() : tensor<1x6x300x16xf32>
  // Some queries take part in no branch.
  %out, %lse = hilbert.attention
      ins(%q, %k, %v : tensor<1x300x6x16xf32>, tensor<1x300x2x16xf32>,
                       tensor<1x300x2x16xf32>)
      outs(%0, %1 : tensor<1x300x6x16xf32>, tensor<1x6x300xf32>)
      order(#hilbert.order<hilbert, [15, 20]>)
      pattern<(segment = 40, dilation = 3, mode = both, offset = head)
              + (segment = 70, dilation = 4, mode = both)
              + (segment = dense, dilation = 5, mode = both, offset = longnet)>
  // Groups end within the query heads of a key head.
  %out2, %lse2 = hilbert.attention
      ins(%p, %l, %w : tensor<1x6x300x16xf32>, tensor<1x2x300x16xf32>,
                       tensor<1x2x300x16xf32>)
      outs(%2, %1 : tensor<1x6x300x16xf32>, tensor<1x6x300xf32>)
      order(#hilbert.order<hilbert, [15, 20]>)
      pattern<heads 1: (segment = 32) + (segment = 200, dilation = 2, offset = head),
              heads 1: (segment = dense),
              heads 4: (segment = 60, dilation = 4, offset = [0, 0, 3, 2, 1, 0])>
      causal<position> layout<bhnd>
  return %out, %lse, %out2, %lse2 : tensor<1x300x6x16xf32>, tensor<1x6x300xf32>,
      tensor<1x6x300x16xf32>, tensor<1x6x300xf32>
}
