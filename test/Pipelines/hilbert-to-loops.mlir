// RUN: hilbert-opt %s --hilbert-fuse --hilbert-to-loops \
// RUN:   | FileCheck %s --implicit-check-not='hilbert.attention ins' \
// RUN:       --implicit-check-not='= hilbert.reorder' \
// RUN:       --implicit-check-not='= hilbert.restore' --implicit-check-not='tensor<'
// RUN: hilbert-opt %s --hilbert-fuse --hilbert-to-loops='lanes=4' \
// RUN:   | FileCheck %s --check-prefix=LANES
// RUN: hilbert-opt %s --hilbert-grad --hilbert-to-loops \
// RUN:   | FileCheck %s --check-prefix=GRAD

// The pipeline ends in its contract.
// RUN: echo 'func.func @f() -> i64 { %%0 = llvm.mlir.constant(0 : i64) : i64 return %%0 : i64 }' \
// RUN:   | not hilbert-opt --hilbert-to-loops 2>&1 | FileCheck %s --check-prefix=CONTRACT
// CONTRACT: error: the loop level holds {{.*}} on memrefs, vectors and scalars, but got 'llvm.mlir.constant'

// From tensors to loops over memrefs. Reorders cost nothing but a table.

#h = #hilbert.order<hilbert, [8, 8]>
!t = tensor<1x64x2x16xf16>
!l = tensor<1x2x64xf32>

// CHECK-LABEL: func @static(
// CHECK-SAME: memref<1x64x2x16xf16>
// CHECK-SAME: -> (memref<1x64x2x16xf16>, memref<1x2x64xf32>)
// CHECK-NOT: cf.assert
// CHECK-DAG: %[[TABLE:.*]] = hilbert.permutation order(#{{.*}}) : memref<64xi32>
// CHECK-DAG: %[[OUT:.*]] = memref.alloc() {{.*}}: memref<1x64x2x16xf16>
// CHECK-DAG: %[[LSE:.*]] = memref.alloc() {{.*}}: memref<1x2x64xf32>
// CHECK-NOT: memref.alloc(
// CHECK: scf.parallel
// CHECK: memref.load %[[TABLE]]
// CHECK: vector<8xf16> to vector<8xf32>
// CHECK: vector.store %{{.*}}, %[[OUT]]
// CHECK: memref.store %{{.*}}, %[[LSE]]
// CHECK-NOT: memref.copy
// CHECK-NOT: memref.dealloc
// CHECK: return %[[OUT]], %[[LSE]]

// LANES-LABEL: func @static(
// LANES: vector<4xf32>
// LANES-NOT: vector<16xf32>

// The gradient has its own two loops.
// GRAD-LABEL: func @static(
// GRAD-COUNT-1: scf.parallel
// GRAD-LABEL: func @static_grad(
// GRAD-COUNT-2: scf.parallel
// GRAD-NOT: scf.parallel
// GRAD-LABEL: func @dynamic(
func.func @static(%q: !t, %k: !t, %v: !t) -> (!t, !l) {
  %qc = hilbert.reorder %q dim 1 order(#h) : !t
  %kc = hilbert.reorder %k dim 1 order(#h) : !t
  %vc = hilbert.reorder %v dim 1 order(#h) : !t
  %0 = tensor.empty() : !t
  %1 = tensor.empty() : !l
  %2, %3 = hilbert.attention ins(%qc, %kc, %vc : !t, !t, !t)
      outs(%0, %1 : !t, !l) pattern<(segment = 16)>
  %4 = hilbert.restore %2 dim 1 order(#h) : !t
  %5 = hilbert.restore %3 dim 2 order(#h) : !l
  return %4, %5 : !t, !l
}

// Sizes and the table come when the program runs.
// CHECK-LABEL: func @dynamic(
// CHECK-SAME: memref<?x?x?x16xbf16>
// CHECK-SAME: %[[TABLE:[^: ,]*]]: memref<?xi32>)
// CHECK: cf.assert %{{.*}}, "hilbert.attention: k's batch must be equal to q's batch"
// CHECK: cf.assert %{{.*}}, "hilbert.attention: q order's entries must be equal to q's tokens"
// CHECK: scf.parallel
// CHECK: memref.load %[[TABLE]]
// CHECK: vector<8xbf16> to vector<8xf32>
// CHECK: return
!d = tensor<?x?x?x16xbf16>
!e = tensor<?x?x?xf32>
func.func @dynamic(%q: !d, %k: !d, %v: !d, %t: tensor<?xi32>) -> (!d, !e) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %q, %c0 : !d
  %n = tensor.dim %q, %c1 : !d
  %h = tensor.dim %q, %c2 : !d
  %0 = tensor.empty(%b, %n, %h) : !d
  %1 = tensor.empty(%b, %h, %n) : !e
  %2, %3 = hilbert.attention ins(%q, %k, %v : !d, !d, !d) outs(%0, %1 : !d, !e)
      order(%t : tensor<?xi32>) pattern<(segment = 16)> causal<token>
  return %2, %3 : !d, !e
}

// A reorder that nothing takes is a loop, and so is arithmetic; a buffer that is
// no result is freed.
// CHECK-LABEL: func @remains(
// CHECK: %[[MOVED:.*]] = memref.alloc() {{.*}}: memref<3x64xf32>
// CHECK: scf.parallel
// CHECK: memref.store %{{.*}}, %[[MOVED]]
// CHECK: scf.for
// CHECK: arith.addf
// CHECK: return
func.func @remains(%x: tensor<3x64xf32>, %y: tensor<3x64xf32>)
    -> tensor<3x64xf32> {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<3x64xf32>
  %1 = arith.addf %0, %y : tensor<3x64xf32>
  return %1 : tensor<3x64xf32>
}

// Arguments are the caller's: what would be written in place is written into a
// buffer of its own.
// CHECK-LABEL: func @arguments(
// CHECK-SAME: %[[X:[^: ,]*]]: memref<3x64xf32>, %[[Y:[^: ,]*]]: memref<3x64xf32>)
// CHECK-NOT: memref.store %{{.*}}, %[[X]][
// CHECK-NOT: memref.store %{{.*}}, %[[Y]][
// CHECK: %[[SUM:.*]] = memref.alloc()
// CHECK: memref.store %{{.*}}, %[[SUM]][
// CHECK: %[[COPY:.*]] = memref.alloc()
// CHECK-NEXT: memref.copy %[[Y]], %[[COPY]] :
// CHECK-NEXT: memref.store %{{.*}}, %[[COPY]][
// CHECK-NOT: memref.store
// CHECK-NOT: memref.copy
// CHECK: return %[[SUM]], %[[COPY]]
func.func @arguments(%x: tensor<3x64xf32>, %y: tensor<3x64xf32>)
    -> (tensor<3x64xf32>, tensor<3x64xf32>) {
  %c0 = arith.constant 0 : index
  %f = arith.constant 1.0 : f32
  %0 = arith.addf %x, %y : tensor<3x64xf32>
  %1 = tensor.insert %f into %y[%c0, %c0] : tensor<3x64xf32>
  return %0, %1 : tensor<3x64xf32>, tensor<3x64xf32>
}

// So it is where attention's destinations are arguments.
// CHECK-LABEL: func @arguments_attention(
// CHECK-SAME: %[[Q:[^: ,]*]]: memref<1x64x2x16xf16>, %[[O:[^: ,]*]]: memref<1x64x2x16xf16>, %[[L:[^: ,]*]]: memref<1x2x64xf32>)
// CHECK-NOT: store %{{.*}}, %[[O]][
// CHECK-NOT: store %{{.*}}, %[[L]][
// CHECK-DAG: %[[OUT:.*]] = memref.alloc() {{.*}}: memref<1x64x2x16xf16>
// CHECK-DAG: %[[LSE:.*]] = memref.alloc() {{.*}}: memref<1x2x64xf32>
// CHECK-NOT: store %{{.*}}, %[[O]][
// CHECK-NOT: store %{{.*}}, %[[L]][
// CHECK: return %[[OUT]], %[[LSE]]
func.func @arguments_attention(%q: !t, %o: !t, %l: !l) -> (!t, !l) {
  %0, %1 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%o, %l : !t, !l)
  return %0, %1 : !t, !l
}

// A destination that the caller hands over is written in place. (The result is
// still a buffer of its own.)
// CHECK-LABEL: func @destination(
// CHECK-SAME: %[[X:[^: ,]*]]: memref<3x64xf32>
// CHECK-NOT: memref.alloc
// CHECK: memref.store %{{.*}}, %[[X]][
// CHECK: %[[RESULT:.*]] = memref.alloc()
// CHECK-NEXT: memref.copy %[[X]], %[[RESULT]] :
// CHECK-NEXT: return %[[RESULT]]
func.func @destination(%x: tensor<3x64xf32> {bufferization.writable = true})
    -> tensor<3x64xf32> {
  %0 = arith.negf %x : tensor<3x64xf32>
  return %0 : tensor<3x64xf32>
}
