// RUN: hilbert-opt %s --hilbert-generate-gradients=functions=f,h | FileCheck %s
// RUN: not hilbert-opt %s --hilbert-generate-gradients=functions=f,f 2>&1 \
// RUN:   | FileCheck %s --check-prefix=TWICE
// RUN: not hilbert-opt %s --hilbert-generate-gradients=functions=nothing 2>&1 \
// RUN:   | FileCheck %s --check-prefix=UNKNOWN
// RUN: not hilbert-opt %s --hilbert-generate-gradients=functions=declared 2>&1 \
// RUN:   | FileCheck %s --check-prefix=DECLARED

// The named functions, and no others, even without an attention or public.

// TWICE: error: the name of the gradient function is taken: 'f_grad'
// UNKNOWN: error: no function 'nothing' with a body to differentiate
// DECLARED: error: no function 'declared' with a body to differentiate

// CHECK-LABEL: func @f(
// CHECK-LABEL: func @f_grad(
// CHECK-SAME: tensor<4xf32>, %{{.*}}: tensor<4xf32>, %[[D:.*]]: tensor<4xf32>) -> tensor<4xf32>
// CHECK: %[[R:.*]] = arith.negf %[[D]]
// CHECK: return %[[R]]
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = arith.negf %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// CHECK-LABEL: func @g(
// CHECK-NOT: func @g_grad
func.func @g(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = arith.negf %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// CHECK-LABEL: func private @h(
// CHECK-LABEL: func private @h_grad(
func.func private @h(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

func.func private @declared(tensor<4xf32>) -> tensor<4xf32>
