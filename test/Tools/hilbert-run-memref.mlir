// Memref arguments are written in place, and compared after the results.

// RUN: hilbert-run %s --check --repeat=3 --shape=0:5x4 --shape=1:5x4 | FileCheck %s
// CHECK: out0 5x4xf32 {{.*}} ok
// CHECK-NEXT: out1 5x4xf32 {{.*}} ok
// CHECK-NEXT: out2 5x4xf32 {{.*}} ok
// CHECK-NOT: out

// Each run starts from the same arguments, so repetition changes nothing.
// RUN: rm -rf %t && mkdir -p %t/once %t/often
// RUN: hilbert-run %s --save=%t/once --shape=0:5x4 --shape=1:5x4
// RUN: hilbert-run %s --save=%t/often --repeat=5 --shape=0:5x4 --shape=1:5x4
// RUN: diff -r %t/once %t/often

!m = memref<?x4xf32, strided<[?, 1]>>
!t = tensor<?x4xf32>
func.func @f(%a: !m, %b: !m, %c: memref<4xf32>) -> !t {
  %0 = bufferization.to_tensor %a restrict : !m to !t
  %1 = bufferization.to_tensor %b restrict writable : !m to !t
  %2 = arith.addf %0, %1 : !t
  bufferization.materialize_in_destination %2 in restrict writable %b : (!t, !m) -> ()
  %3 = arith.negf %0 : !t
  bufferization.materialize_in_destination %3 in restrict writable %a : (!t, !m) -> ()
  %4 = arith.mulf %2, %2 : !t
  return %4 : !t
}
