// RUN: hilbert-opt %s --split-input-file --verify-diagnostics --hilbert-verify-fused

// Everything that may remain.
#h = #hilbert.order<hilbert, [4, 4]>
func.func @valid(%x: tensor<1x16x2x8xf32>, %t: tensor<16xi32>) -> tensor<1x16x2x8xf32> {
  %o = tensor.empty() : tensor<1x16x2x8xf32>
  %l = tensor.empty() : tensor<1x2x16xf32>
  %p = hilbert.permutation order(#h) : tensor<16xi32>
  %0 = hilbert.reorder %x dim 1 order(%t : tensor<16xi32>) : tensor<1x16x2x8xf32>
  %1:2 = hilbert.attention
      ins(%0, %x, %x : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
      order(q = %p : tensor<16xi32>)
  %2 = math.exp %1#0 : tensor<1x16x2x8xf32>
  %3 = arith.addf %2, %x : tensor<1x16x2x8xf32>
  %4 = call @declared(%3) : (tensor<1x16x2x8xf32>) -> tensor<1x16x2x8xf32>
  return %4 : tensor<1x16x2x8xf32>
}
func.func private @declared(tensor<1x16x2x8xf32>) -> tensor<1x16x2x8xf32>

// -----

// What hilbert-split-branches adds.
func.func @views(%x: tensor<2x3xf32>) -> tensor<3x2x8xf32> {
  %0 = tensor.empty() : tensor<3x2xf32>
  %1 = linalg.transpose ins(%x : tensor<2x3xf32>) outs(%0 : tensor<3x2xf32>) permutation = [1, 0]
  %2 = tensor.empty() : tensor<3x2x8xf32>
  %3 = linalg.broadcast ins(%1 : tensor<3x2xf32>) outs(%2 : tensor<3x2x8xf32>) dimensions = [2]
  return %3 : tensor<3x2x8xf32>
}

// -----

// Memrefs of the caller.
func.func @memrefs(%x: memref<?x4xf32, strided<[?, 1]>>, %y: memref<?x4xf32>) {
  %0 = bufferization.to_tensor %x restrict : memref<?x4xf32, strided<[?, 1]>> to tensor<?x4xf32>
  %1 = math.exp %0 : tensor<?x4xf32>
  bufferization.materialize_in_destination %1 in restrict writable %y
      : (tensor<?x4xf32>, memref<?x4xf32>) -> ()
  return
}

// -----

func.func @other_dialect(%x: memref<4xf32>, %i: index) -> f32 {
  // expected-error@+1 {{the fused level holds hilbert, func, tensor, arith and math ops, but got 'memref.load'}}
  %0 = memref.load %x[%i] : memref<4xf32>
  return %0 : f32
}

// -----

func.func @control_flow(%n: index) {
  %c0 = arith.constant 0 : index
  // expected-error@+1 {{the fused level holds hilbert, func, tensor, arith and math ops, but got 'scf.for'}}
  scf.for %i = %c0 to %n step %n {
  }
  return
}

// -----

// Nested in an op that may remain.
func.func @nested(%n: index) -> tensor<?xf32> {
  %0 = tensor.generate %n {
  ^bb0(%i: index):
    // expected-error@+1 {{the fused level holds hilbert, func, tensor, arith and math ops, but got 'vector.broadcast'}}
    %v = vector.broadcast %i : index to vector<4xindex>
    %c = arith.constant 0.0 : f32
    tensor.yield %c : f32
  } : tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

func.func @memref_operand(%x: memref<1x16x2x8xf32>, %y: memref<1x16x2x8xf32>, %t: memref<16xi32>) {
  // expected-error@+1 {{hilbert ops are on tensors at the fused level, but got 'memref<1x16x2x8xf32>'}}
  hilbert.reorder %x dim 1 order(%t : memref<16xi32>) outs(%y : memref<1x16x2x8xf32>)
      : memref<1x16x2x8xf32>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @memref_result() {
  // expected-error@+1 {{hilbert ops are on tensors at the fused level, but got 'memref<16xi32>'}}
  %0 = hilbert.permutation order(#h) : memref<16xi32>
  return
}
