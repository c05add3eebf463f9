// RUN: hilbert-opt %s --hilbert-expand-copies | FileCheck %s

!c = memref<4x8xf32>
!s = memref<4x8xf32, strided<[16, 1]>>
!o = memref<4x8xf32, strided<[8, 1], offset: 32>>
!d = memref<?x?xf32, strided<[?, ?], offset: ?>>

// Contiguous buffers are copied by memcpy, which there is.
// CHECK-LABEL: func @contiguous(
// CHECK-SAME: %[[A:[^: ,]*]]: memref<4x8xf32>, %[[B:[^: ,]*]]: memref<4x8xf32>)
// CHECK-NOT: linalg
// CHECK: memref.copy %[[A]], %[[B]] : memref<4x8xf32> to memref<4x8xf32>
// CHECK-NOT: linalg
// CHECK: return
func.func @contiguous(%a: !c, %b: !c) {
  memref.copy %a, %b : !c to !c
  return
}

// CHECK-LABEL: func @contiguous_dynamic(
// CHECK-NOT: linalg
// CHECK: memref.copy
// CHECK: return
func.func @contiguous_dynamic(%a: memref<?x8xf32>, %b: memref<?x8xf32>) {
  memref.copy %a, %b : memref<?x8xf32> to memref<?x8xf32>
  return
}

// CHECK-LABEL: func @target(
// CHECK-SAME: %[[A:[^: ,]*]]: memref<4x8xf32>, %[[B:[^: ,]*]]: memref<4x8xf32, strided<[16, 1]>>)
// CHECK-NOT: memref.copy
// CHECK: linalg.generic
// CHECK-SAME: iterator_types = ["parallel", "parallel"]
// CHECK-SAME: ins(%[[A]] : memref<4x8xf32>)
// CHECK-SAME: outs(%[[B]] : memref<4x8xf32, strided<[16, 1]>>)
// CHECK-NEXT: ^bb0(%[[IN:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: linalg.yield %[[IN]] : f32
// CHECK-NOT: memref.copy
// CHECK: return
func.func @target(%a: !c, %b: !s) {
  memref.copy %a, %b : !c to !s
  return
}

// CHECK-LABEL: func @source(
// CHECK-SAME: %[[A:[^: ,]*]]: memref<4x8xf32, strided<[16, 1]>>, %[[B:[^: ,]*]]: memref<4x8xf32>)
// CHECK-NOT: memref.copy
// CHECK: linalg.generic
// CHECK-SAME: ins(%[[A]] : memref<4x8xf32, strided<[16, 1]>>)
// CHECK-SAME: outs(%[[B]] : memref<4x8xf32>)
// CHECK-NOT: memref.copy
// CHECK: return
func.func @source(%a: !s, %b: !c) {
  memref.copy %a, %b : !s to !c
  return
}

// CHECK-LABEL: func @both(
// CHECK-NOT: memref.copy
// CHECK: linalg.generic
// CHECK-NOT: memref.copy
// CHECK: return
func.func @both(%a: !s, %b: !o) {
  memref.copy %a, %b : !s to !o
  return
}

// Strides that are not known might be any.
// CHECK-LABEL: func @dynamic(
// CHECK-SAME: %[[A:[^: ,]*]]: memref<?x?xf32, strided<[?, ?], offset: ?>>, %[[B:[^: ,]*]]: memref<?x?xf32>)
// CHECK-NOT: memref.copy
// CHECK: linalg.generic
// CHECK-SAME: ins(%[[A]] :
// CHECK-SAME: outs(%[[B]] :
// CHECK-NOT: memref.copy
// CHECK: return
func.func @dynamic(%a: !d, %b: memref<?x?xf32>) {
  memref.copy %a, %b : !d to memref<?x?xf32>
  return
}

// Copies in regions, each for itself.
// CHECK-LABEL: func @loop(
// CHECK: scf.for
// CHECK-NEXT: memref.copy
// CHECK-NOT: memref.copy
// CHECK: linalg.generic
// CHECK: linalg.yield
// CHECK-NEXT: }
// CHECK-NEXT: }
// CHECK-NEXT: return
func.func @loop(%n: index, %a: !c, %b: !c, %s: !s) {
  scf.for %i = %n to %n step %n {
    memref.copy %a, %b : !c to !c
    memref.copy %a, %s : !c to !s
  }
  return
}
