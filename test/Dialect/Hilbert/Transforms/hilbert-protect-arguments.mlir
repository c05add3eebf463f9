// RUN: hilbert-opt %s --hilbert-protect-arguments | FileCheck %s

// The caller owns what a public function takes.
// CHECK-LABEL: func @public(
// CHECK-SAME: %{{[^: ,]*}}: tensor<4xf32> {bufferization.writable = false},
// CHECK-SAME: %{{[^: ,]*}}: tensor<?x4xi32> {bufferization.writable = false},
// CHECK-SAME: %{{[^: ,]*}}: tensor<*xf32> {bufferization.writable = false})
func.func @public(%x: tensor<4xf32>, %y: tensor<?x4xi32>, %z: tensor<*xf32>)
    -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// What a frontend has decided stays, either way; so do other attributes.
// CHECK-LABEL: func @decided(
// CHECK-SAME: %{{[^: ,]*}}: tensor<4xf32> {bufferization.writable = true},
// CHECK-SAME: %{{[^: ,]*}}: tensor<4xf32> {bufferization.writable = false},
// CHECK-SAME: %{{[^: ,]*}}: tensor<4xf32> {bufferization.writable = false, test.name = "z"})
func.func @decided(%x: tensor<4xf32> {bufferization.writable = true},
    %y: tensor<4xf32> {bufferization.writable = false},
    %z: tensor<4xf32> {test.name = "z"}) {
  return
}

// Only tensors are bufferized.
// CHECK-LABEL: func @others(
// CHECK-SAME: %{{[^: ,]*}}: f32, %{{[^: ,]*}}: index, %{{[^: ,]*}}: memref<4xf32>,
// CHECK-SAME: %{{[^: ,]*}}: vector<4xf32>,
// CHECK-SAME: %{{[^: ,]*}}: tensor<4xf32> {bufferization.writable = false})
func.func @others(%a: f32, %b: index, %c: memref<4xf32>, %d: vector<4xf32>,
    %e: tensor<4xf32>) {
  return
}

// CHECK-LABEL: func @no_arguments()
func.func @no_arguments() {
  return
}

// The bufferization sees every caller of a private function.
// CHECK-LABEL: func private @private(
// CHECK-SAME: %{{[^: ,]*}}: tensor<4xf32>) -> tensor<4xf32>
func.func private @private(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// CHECK-LABEL: func private @private_decided(
// CHECK-SAME: %{{[^: ,]*}}: tensor<4xf32> {bufferization.writable = true})
func.func private @private_decided(
    %x: tensor<4xf32> {bufferization.writable = true}) {
  return
}

// CHECK-LABEL: func private @declared(tensor<4xf32>)
func.func private @declared(tensor<4xf32>)
