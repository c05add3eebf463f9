// RUN: hilbert-opt %s --hilbert-outline-parallel | FileCheck %s
// RUN: hilbert-opt %s --hilbert-outline-parallel --remark-format=emitRemark \
// RUN:   --remarks-filter='hilbert.*' -o /dev/null 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REMARK

// Only loops that are left are reported.
// REMARK-COUNT-5: remark: [Missed] {{.*}}only loops over one dimension from 0 by 1 without reductions run in parallel
// REMARK-NOT: remark:

// Values from outside are captured, constants are cloned.
// CHECK-LABEL: func @simple(
// CHECK-SAME: %[[X:.*]]: memref<?xf32>, %[[N:.*]]: index, %[[F:.*]]: f32)
// CHECK-NOT: scf.parallel
// CHECK: hilbert.host_launch @simple_kernel(%[[N]])
// CHECK-SAME: captures(%{{.*}}, %{{.*}} : {{(f32, memref<\?xf32>|memref<\?xf32>, f32)}})
// CHECK-NEXT: return
// CHECK: func private @simple_kernel(%[[BEGIN:.*]]: index, %[[END:.*]]: index, %{{[^,]*}}, %{{[^,]*}}) {
// CHECK-DAG: %[[TWO:.*]] = arith.constant 2.000000e+00 : f32
// CHECK-DAG: %[[ONE:.*]] = arith.constant 1 : index
// CHECK: scf.for %[[I:.*]] = %[[BEGIN]] to %[[END]] step %[[ONE]] {
// CHECK: arith.mulf %{{.*}}, %[[TWO]] : f32
// CHECK: memref.store %{{.*}}, %{{.*}}[%[[I]]]
// CHECK: return
func.func @simple(%x: memref<?xf32>, %n: index, %f: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %two = arith.constant 2.0 : f32
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %0 = arith.mulf %f, %two : f32
    memref.store %0, %x[%i] : memref<?xf32>
  }
  return
}

// Two loops, two kernels, in order; each has what it uses, even nothing.
// CHECK-LABEL: func @two(
// CHECK: hilbert.host_launch @[[FIRST:.*]](%{{[^)]*}}) captures(%{{.*}} : memref<4xf32>)
// CHECK: hilbert.host_launch @[[SECOND:.*]](%{{[^)]*}}){{$}}
// CHECK: return
// CHECK-DAG: func private @[[FIRST]](%{{[^,]*}}: index, %{{[^,]*}}: index, %{{[^,]*}}: memref<4xf32>)
// CHECK-DAG: func private @[[SECOND]](%{{[^,]*}}: index, %{{[^,]*}}: index) {
func.func @two(%x: memref<4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %f = arith.constant 1.0 : f32
  scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
    memref.store %f, %x[%i] : memref<4xf32>
  }
  scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
  }
  return
}

// Every thread has one set of stack buffers, made before its first item, even
// if only some items use them; what depends on the item stays.
// CHECK-LABEL: func @buffers(
// CHECK: func private @buffers_kernel(
// CHECK: memref.alloca() {alignment = 64 : i64} : memref<8xf32>
// CHECK: memref.alloca() : memref<4xf32>
// CHECK: scf.for
// CHECK-NOT: memref<8xf32>{{$}}
// CHECK: memref.alloca(%{{.*}}) : memref<?xf32>
// CHECK: scf.if
// CHECK-NOT: memref.alloca
// CHECK: memref.store
func.func @buffers(%n: index, %b: i1, %f: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %0 = memref.alloca() {alignment = 64 : i64} : memref<8xf32>
    %1 = memref.alloca(%i) : memref<?xf32>
    scf.if %b {
      %2 = memref.alloca() : memref<4xf32>
      memref.store %f, %2[%c0] : memref<4xf32>
      memref.store %f, %0[%c0] : memref<8xf32>
      memref.store %f, %1[%c0] : memref<?xf32>
    }
  }
  return
}

// A parallel loop in another runs with the items of that.
// CHECK-LABEL: func @nested(
// CHECK: hilbert.host_launch @nested_kernel(
// CHECK: func private @nested_kernel(
// CHECK: scf.for
// CHECK: scf.parallel
// CHECK-NOT: hilbert.host_launch
// CHECK-LABEL: func @in_loop(
func.func @nested(%x: memref<?x?xf32>, %n: index, %f: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    scf.parallel (%j) = (%c0) to (%n) step (%c1) {
      memref.store %f, %x[%i, %j] : memref<?x?xf32>
    }
  }
  return
}

// Inside of a sequential loop: launched in each of its iterations.
// CHECK: scf.for %[[I:.*]] =
// CHECK: hilbert.host_launch @in_loop_kernel(%[[I]])
// CHECK: return
// CHECK: func private @in_loop_kernel(
func.func @in_loop(%x: memref<?xf32>, %n: index, %f: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    scf.parallel (%j) = (%c0) to (%i) step (%c1) {
      memref.store %f, %x[%j] : memref<?xf32>
    }
  }
  return
}

// A name that is taken gives another.
// CHECK-LABEL: func @taken(
// CHECK: hilbert.host_launch @taken_kernel_[[NUMBER:[0-9]+]](
// CHECK: func private @taken_kernel_[[NUMBER]](%{{[^,]*}}: index, %{{[^,]*}}: index) {
func.func @taken(%n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
  }
  return
}
func.func private @taken_kernel()

//===----------------------------------------------------------------------===//
// What stays
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func @left(
// CHECK-NOT: hilbert.host_launch
// CHECK-COUNT-5: scf.parallel
// CHECK-NOT: hilbert.host_launch
// CHECK: return
func.func @left(%x: memref<?xf32>, %n: index, %f: f32) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  // Two dimensions.
  scf.parallel (%i, %j) = (%c0, %c0) to (%n, %n) step (%c1, %c1) {
    memref.store %f, %x[%i] : memref<?xf32>
  }
  // Not from 0.
  scf.parallel (%i) = (%c1) to (%n) step (%c1) {
    memref.store %f, %x[%i] : memref<?xf32>
  }
  // Not by 1.
  scf.parallel (%i) = (%c0) to (%n) step (%c2) {
    memref.store %f, %x[%i] : memref<?xf32>
  }
  // By a step that is not known.
  scf.parallel (%i) = (%c0) to (%n) step (%n) {
    memref.store %f, %x[%i] : memref<?xf32>
  }
  // A reduction.
  %0 = scf.parallel (%i) = (%c0) to (%n) step (%c1) init(%f) -> f32 {
    %1 = memref.load %x[%i] : memref<?xf32>
    scf.reduce(%1 : f32) {
    ^bb0(%a: f32, %b: f32):
      %2 = arith.addf %a, %b : f32
      scf.reduce.return %2 : f32
    }
  }
  return %0 : f32
}
