// RUN: hilbert-opt %s --split-input-file --hilbert-generate-gradients --canonicalize | FileCheck %s
// RUN: hilbert-opt %s --split-input-file --hilbert-generate-gradients -o /dev/null \
// RUN:   --remark-format=emitRemark --remarks-filter='hilbert.*' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REMARK --implicit-check-not=remark:

// out and lse are results: the gradient takes them as arguments and does not
// run the forward. Destinations have no gradient.

// CHECK-LABEL: func @saved(
// CHECK-LABEL: func @saved_grad(
// CHECK-SAME: %[[Q:[^:]*]]: tensor<1x16x4x8xf32>, %[[K:[^:]*]]: tensor<1x16x2x8xf32>, %[[V:[^:]*]]: tensor<1x16x2x8xf32>,
// CHECK-SAME: %{{[^:]*}}: tensor<1x16x4x8xf32>, %{{[^:]*}}: tensor<1x4x16xf32>, %[[S:[^:]*]]: f32, %[[T:[^:]*]]: tensor<16xi32>,
// CHECK-SAME: %[[OUT:[^:]*]]: tensor<1x16x4x8xf32>, %[[LSE:[^:]*]]: tensor<1x4x16xf32>, %[[DOUT:[^:]*]]: tensor<1x16x4x8xf32>, %[[DLSE:[^:]*]]: tensor<1x4x16xf32>)
// CHECK-SAME: -> (tensor<1x16x4x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
// CHECK-NOT: hilbert.attention ins
// CHECK: %[[G:.*]]:3 = hilbert.attention_grad ins(%[[Q]], %[[K]], %[[V]], %[[OUT]], %[[LSE]], %[[DOUT]] :
// CHECK-SAME: dlse(%[[DLSE]] :
// CHECK-SAME: order(q = #hilbert_4x4, kv = %[[T]] : tensor<16xi32>) pattern<(segment = 8, dilation = 2)> causal<token> scale(%[[S]]){{$}}
// CHECK-NEXT: return %[[G]]#0, %[[G]]#1, %[[G]]#2
#h = #hilbert.order<hilbert, [4, 4]>
func.func @saved(%q: tensor<1x16x4x8xf32>, %k: tensor<1x16x2x8xf32>,
    %v: tensor<1x16x2x8xf32>, %o: tensor<1x16x4x8xf32>, %l: tensor<1x4x16xf32>,
    %s: f32, %t: tensor<16xi32>) -> (tensor<1x16x4x8xf32>, tensor<1x4x16xf32>) {
  %0:2 = hilbert.attention
      ins(%q, %k, %v : tensor<1x16x4x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x4x8xf32>, tensor<1x4x16xf32>)
      order(q = #h, kv = %t : tensor<16xi32>) pattern<(segment = 8, dilation = 2)>
      causal<token> scale(%s)
      schedule(#hilbert.host_schedule<lanes = 16, columns = 64, rows = 64>)
  return %0#0, %0#1 : tensor<1x16x4x8xf32>, tensor<1x4x16xf32>
}

// -----

// Without lse the forward runs again; a value used several times sums its
// gradients; lse has no gradient.

// CHECK-LABEL: func @recomputed_grad(
// CHECK-SAME: %[[X:[^:]*]]: tensor<1x16x2x8xf32>,
// CHECK-SAME: %[[OUT:[^:]*]]: tensor<1x16x2x8xf32>, %[[DOUT:[^:]*]]: tensor<1x16x2x8xf32>)
// CHECK-SAME: -> tensor<1x16x2x8xf32>
// CHECK: %[[A:.*]]:2 = hilbert.attention ins(%[[X]], %[[X]], %[[X]] :
// CHECK: %[[G:.*]]:3 = hilbert.attention_grad ins(%[[X]], %[[X]], %[[X]], %[[OUT]], %[[A]]#1, %[[DOUT]] :
// CHECK-NOT: dlse
// CHECK: %[[S:.*]] = arith.addf %[[G]]#0, %[[G]]#1
// CHECK: %[[R:.*]] = arith.addf %[[S]], %[[G]]#2
// CHECK: return %[[R]]
// REMARK: remark: [Missed] SavedResults | Category:hilbert-generate-gradients | Reason="out and lse are not both results of the function", Remark="the forward is computed again in its gradient"
func.func @recomputed(%x: tensor<1x16x2x8xf32>, %o: tensor<1x16x2x8xf32>,
    %l: tensor<1x2x16xf32>) -> tensor<1x16x2x8xf32> {
  %0:2 = hilbert.attention
      ins(%x, %x, %x : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  return %0#0 : tensor<1x16x2x8xf32>
}

// -----

// Only lse has a gradient: out's is zero.

// CHECK-LABEL: func @lse_only_grad(
// CHECK-SAME: %[[DLSE:[^:,(]*]]: tensor<1x2x16xf32>) -> tensor<1x16x2x8xf32>
// CHECK: %[[Z:.*]] = arith.constant dense<0.0{{.*}}> : tensor<1x16x2x8xf32>
// CHECK: hilbert.attention_grad ins({{.*}}, %[[Z]] : {{.*}}) dlse(%[[DLSE]] :
// REMARK: remark: [Missed] SavedResults
func.func @lse_only(%x: tensor<1x16x2x8xf32>) -> tensor<1x2x16xf32> {
  %o = tensor.empty() : tensor<1x16x2x8xf32>
  %l = tensor.empty() : tensor<1x2x16xf32>
  %0:2 = hilbert.attention
      ins(%x, %x, %x : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  return %0#1 : tensor<1x2x16xf32>
}

// -----

// Reorder and restore are each other's gradients.

// CHECK-LABEL: func @reorders_grad(
// CHECK-SAME: %{{[^:]*}}: tensor<1x16x2x8xf32>, %[[T:[^:]*]]: tensor<16xi32>,
// CHECK: %[[D:.*]] = hilbert.reorder %{{.*}} dim 1 order(%[[T]] : tensor<16xi32>)
// CHECK: %[[G:.*]]:3 = hilbert.attention_grad ins({{.*}}, %[[D]] : {{.*}})
// CHECK: %[[R:.*]] = hilbert.restore %{{.*}} dim 1 order(#hilbert_4x4)
// CHECK-NEXT: return %[[R]]
// REMARK: remark: [Missed] SavedResults
#h = #hilbert.order<hilbert, [4, 4]>
func.func @reorders(%x: tensor<1x16x2x8xf32>, %t: tensor<16xi32>) -> tensor<1x16x2x8xf32> {
  %o = tensor.empty() : tensor<1x16x2x8xf32>
  %l = tensor.empty() : tensor<1x2x16xf32>
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<1x16x2x8xf32>
  %1:2 = hilbert.attention
      ins(%0, %0, %0 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  %2 = hilbert.restore %1#0 dim 1 order(%t : tensor<16xi32>) : tensor<1x16x2x8xf32>
  return %2 : tensor<1x16x2x8xf32>
}

// -----

// Packed q, k and v: each slice's gradient goes to its place.

// CHECK-LABEL: func @packed_grad(
// CHECK: %[[Z:.*]] = arith.constant dense<0.0{{.*}}> : tensor<1x16x3x2x8xf32>
// CHECK: %[[G:.*]]:3 = hilbert.attention_grad
// CHECK: %[[DV:.*]] = tensor.insert_slice %[[G]]#2 into %[[Z]][0, 0, 2, 0, 0] [1, 16, 1, 2, 8] [1, 1, 1, 1, 1] : tensor<1x16x2x8xf32> into tensor<1x16x3x2x8xf32>
// CHECK: %[[DK:.*]] = tensor.insert_slice %[[G]]#1 into %[[Z]][0, 0, 1, 0, 0]
// CHECK: %[[S:.*]] = arith.addf %[[DV]], %[[DK]]
// CHECK: %[[DQ:.*]] = tensor.insert_slice %[[G]]#0 into %[[Z]][0, 0, 0, 0, 0]
// CHECK: %[[R:.*]] = arith.addf %[[S]], %[[DQ]]
// CHECK: return %[[R]]
func.func @packed(%x: tensor<1x16x3x2x8xf32>, %o: tensor<1x16x2x8xf32>,
    %l: tensor<1x2x16xf32>) -> (tensor<1x16x2x8xf32>, tensor<1x2x16xf32>) {
  %q = tensor.extract_slice %x[0, 0, 0, 0, 0] [1, 16, 1, 2, 8] [1, 1, 1, 1, 1]
      : tensor<1x16x3x2x8xf32> to tensor<1x16x2x8xf32>
  %k = tensor.extract_slice %x[0, 0, 1, 0, 0] [1, 16, 1, 2, 8] [1, 1, 1, 1, 1]
      : tensor<1x16x3x2x8xf32> to tensor<1x16x2x8xf32>
  %v = tensor.extract_slice %x[0, 0, 2, 0, 0] [1, 16, 1, 2, 8] [1, 1, 1, 1, 1]
      : tensor<1x16x3x2x8xf32> to tensor<1x16x2x8xf32>
  %0:2 = hilbert.attention
      ins(%q, %k, %v : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  return %0#0, %0#1 : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>
}

// -----

// Sizes at run time; shape ops; an argument whose sizes are read is a
// destination nevertheless.

// CHECK-LABEL: func @dynamic_grad(
// CHECK-SAME: %[[X:[^:]*]]: tensor<?x?x16xf32>, %{{[^:]*}}: tensor<?x?x2x8xf32>, %{{[^:]*}}: tensor<?x2x?xf32>,
// CHECK-SAME: -> tensor<?x?x16xf32> {
// CHECK: %[[G:.*]]:3 = hilbert.attention_grad
// CHECK: %[[C:.*]] = tensor.collapse_shape %{{.*}} {{\[\[}}0], [1], [2, 3]] : tensor<?x?x2x8xf32> into tensor<?x?x16xf32>
// CHECK: return %[[C]]
func.func @dynamic(%x: tensor<?x?x16xf32>, %o: tensor<?x?x2x8xf32>, %l: tensor<?x2x?xf32>)
    -> (tensor<?x?x16xf32>, tensor<?x2x?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = tensor.dim %o, %c0 : tensor<?x?x2x8xf32>
  %n = tensor.dim %o, %c1 : tensor<?x?x2x8xf32>
  %q = tensor.expand_shape %x [[0], [1], [2, 3]] output_shape [%b, %n, 2, 8]
      : tensor<?x?x16xf32> into tensor<?x?x2x8xf32>
  %0:2 = hilbert.attention
      ins(%q, %q, %q : tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>)
      outs(%o, %l : tensor<?x?x2x8xf32>, tensor<?x2x?xf32>)
  %1 = tensor.collapse_shape %0#0 [[0], [1], [2, 3]]
      : tensor<?x?x2x8xf32> into tensor<?x?x16xf32>
  return %1, %0#1 : tensor<?x?x16xf32>, tensor<?x2x?xf32>
}

// REMARK: remark: [Missed] SavedResults

// -----

// Elementwise ops: w = (x + y) * z / y + x. dw/dx = z / y + 1,
// dw/dy = z / y - (x + y) * z / y / y, dw/dz = (x + y) / y.

// CHECK-LABEL: func @elementwise_grad(
// CHECK-SAME: %[[X:[^:]*]]: tensor<1x16x2x8xf32>, %[[Y:[^:]*]]: tensor<1x16x2x8xf32>, %[[Z:[^:]*]]: tensor<1x16x2x8xf16>,
// CHECK: %[[ZZ:.*]] = arith.extf %[[Z]]
// CHECK: %[[SUM:.*]] = arith.addf %[[X]], %[[Y]]
// CHECK: %[[PRODUCT:.*]] = arith.mulf %[[SUM]], %[[ZZ]]
// CHECK: %[[RATIO:.*]] = arith.divf %[[PRODUCT]], %[[Y]]
// CHECK: %[[G:.*]]:3 = hilbert.attention_grad
// CHECK-NEXT: %[[DWQK:.*]] = arith.addf %[[G]]#0, %[[G]]#1
// CHECK-NEXT: %[[DW:.*]] = arith.addf %[[DWQK]], %[[G]]#2
// CHECK-NEXT: %[[DWY:.*]] = arith.divf %[[DW]], %[[Y]]
// CHECK-NEXT: %[[M:.*]] = arith.mulf %[[DWY]], %[[RATIO]]
// CHECK-NEXT: %[[N:.*]] = arith.negf %[[M]]
// CHECK-NEXT: %[[DSUM:.*]] = arith.mulf %[[DWY]], %[[ZZ]]
// CHECK-NEXT: %[[DZZ:.*]] = arith.mulf %[[DWY]], %[[SUM]]
// CHECK-NEXT: %[[DX:.*]] = arith.addf %[[DW]], %[[DSUM]]
// CHECK-NEXT: %[[DY:.*]] = arith.addf %[[N]], %[[DSUM]]
// CHECK-NEXT: %[[DZ:.*]] = arith.truncf %[[DZZ]] : tensor<1x16x2x8xf32> to tensor<1x16x2x8xf16>
// CHECK-NEXT: return %[[DX]], %[[DY]], %[[DZ]] : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf16>
func.func @elementwise(%x: tensor<1x16x2x8xf32>, %y: tensor<1x16x2x8xf32>,
    %z: tensor<1x16x2x8xf16>, %o: tensor<1x16x2x8xf32>, %l: tensor<1x2x16xf32>)
    -> (tensor<1x16x2x8xf32>, tensor<1x2x16xf32>) {
  %zz = arith.extf %z : tensor<1x16x2x8xf16> to tensor<1x16x2x8xf32>
  %0 = arith.addf %x, %y : tensor<1x16x2x8xf32>
  %1 = arith.mulf %0, %zz : tensor<1x16x2x8xf32>
  %2 = arith.divf %1, %y : tensor<1x16x2x8xf32>
  %3 = arith.negf %x : tensor<1x16x2x8xf32>
  %4 = arith.subf %2, %3 : tensor<1x16x2x8xf32>
  %5:2 = hilbert.attention
      ins(%4, %4, %4 : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  return %5#0, %5#1 : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>
}

// -----

// An argument that is a result; one that nothing uses; one result twice.

// CHECK-LABEL: func @borders_grad(
// CHECK-SAME: %{{[^:]*}}: tensor<1x16x2x8xf32>, %{{[^:]*}}: tensor<4xf32>, %{{[^:]*}}: tensor<7xf16>, %{{[^:]*}}: tensor<3xi32>,
// CHECK-SAME: %[[D0:[^:,]*]]: tensor<1x16x2x8xf32>, %[[D1:[^:,]*]]: tensor<1x16x2x8xf32>, %[[D2:[^:,]*]]: tensor<4xf32>, %{{[^:,]*}}: tensor<1x2x16xf32>)
// CHECK-SAME: -> (tensor<1x16x2x8xf32>, tensor<4xf32>, tensor<7xf16>) {
// CHECK: %[[Z:.*]] = arith.constant dense<0.0{{.*}}> : tensor<7xf16>
// CHECK: %[[S:.*]] = arith.addf %[[D0]], %[[D1]]
// CHECK: hilbert.attention_grad ins({{.*}}, %[[S]] :
// CHECK: return %{{.*}}, %[[D2]], %[[Z]] :
func.func @borders(%x: tensor<1x16x2x8xf32>, %y: tensor<4xf32>, %z: tensor<7xf16>,
    %i: tensor<3xi32>)
    -> (tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<4xf32>, tensor<1x2x16xf32>, tensor<3xi32>) {
  %o = tensor.empty() : tensor<1x16x2x8xf32>
  %l = tensor.empty() : tensor<1x2x16xf32>
  %0:2 = hilbert.attention
      ins(%x, %x, %x : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  return %0#0, %0#0, %y, %0#1, %i : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<4xf32>, tensor<1x2x16xf32>, tensor<3xi32>
}

// -----

// By default: public functions with an attention, and no others.

// CHECK-NOT: func {{.*}}_grad
// CHECK-LABEL: func @plain(
// CHECK-NOT: func {{.*}}_grad
func.func @plain(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = arith.negf %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}
func.func private @hidden(%x: tensor<1x16x2x8xf32>, %o: tensor<1x16x2x8xf32>,
    %l: tensor<1x2x16xf32>) -> tensor<1x16x2x8xf32> {
  %0:2 = hilbert.attention
      ins(%x, %x, %x : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  return %0#0 : tensor<1x16x2x8xf32>
}
