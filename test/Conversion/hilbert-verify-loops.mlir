// RUN: hilbert-opt %s --hilbert-verify-loops --split-input-file --verify-diagnostics

// All that may remain.
func.func private @callee(memref<4xf32>)
func.func @fine(%x: memref<?xf32>, %y: memref<4xf32>, %f: f32, %b: i1) -> f32 {
  cf.assert %b, "message"
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %t = hilbert.permutation order(#hilbert.order<hilbert, [2, 2]>) : memref<4xi32>
  %p = ub.poison : f32
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %0 = math.exp %f : f32
    %1 = vector.broadcast %0 : f32 to vector<4xf32>
    vector.store %1, %y[%c0] : memref<4xf32>, vector<4xf32>
    scf.reduce
  }
  call @callee(%y) : (memref<4xf32>) -> ()
  return %p : f32
}

// -----

module @empty {
}

// -----

module @inner {
  func.func @fine() {
    return
  }
}

// -----

func.func @reorder(%x: memref<2x4xf32>, %y: memref<2x4xf32>, %t: memref<4xi32>) {
  // expected-error @below {{the loop level holds func, cf, scf, arith, math, vector, memref and ub ops on memrefs, vectors and scalars, but got 'hilbert.reorder'}}
  hilbert.reorder %x dim 1 order(%t : memref<4xi32>) outs(%y : memref<2x4xf32>)
      : memref<2x4xf32>
  return
}

// -----

func.func @attention(%q: memref<1x4x2x8xf32>, %o: memref<1x4x2x8xf32>,
    %l: memref<1x2x4xf32>) {
  // expected-error @below {{but got 'hilbert.attention'}}
  hilbert.attention ins(%q, %q, %q : memref<1x4x2x8xf32>, memref<1x4x2x8xf32>,
      memref<1x4x2x8xf32>) outs(%o, %l : memref<1x4x2x8xf32>, memref<1x2x4xf32>)
  return
}

// -----

// Launches are a level below.
func.func @launch(%n: index) {
  // expected-error @below {{but got 'hilbert.host_launch'}}
  hilbert.host_launch @kernel(%n)
  return
}
func.func private @kernel(%begin: index, %end: index) {
  return
}

// -----

func.func @linalg(%x: memref<4xf32>, %f: f32) {
  // expected-error @below {{but got 'linalg.fill'}}
  linalg.fill ins(%f : f32) outs(%x : memref<4xf32>)
  return
}

// -----

func.func @tensor() {
  // expected-error @below {{but got 'tensor.empty'}}
  %0 = tensor.empty() : tensor<4xf32>
  return
}

// -----

func.func @bufferization(%x: memref<4xf32>) {
  // expected-error @below {{but got 'bufferization.to_tensor'}}
  %0 = bufferization.to_tensor %x restrict : memref<4xf32> to tensor<4xf32>
  return
}

// -----

// A dialect that is allowed, on tensors.
func.func @arith_tensor() {
  // expected-error @below {{but got 'arith.constant'}}
  %0 = arith.constant dense<0.0> : tensor<4xf32>
  return
}

// -----

func.func @permutation_tensor() {
  // expected-error @below {{but got 'hilbert.permutation'}}
  %0 = hilbert.permutation order(#hilbert.order<hilbert, [2, 2]>) : tensor<4xi32>
  return
}

// -----

func.func @call_tensor() {
  // expected-error @below {{but got 'func.call'}}
  %0 = call @callee() : () -> tensor<4xf32>
  return
}
func.func private @callee() -> tensor<4xf32>

// -----

func.func @llvm() {
  // expected-error @below {{but got 'llvm.mlir.constant'}}
  %0 = llvm.mlir.constant(0 : i64) : i64
  return
}

// -----

func.func @cast(%x: index) {
  // expected-error @below {{but got 'builtin.unrealized_conversion_cast'}}
  %0 = builtin.unrealized_conversion_cast %x : index to i64
  return
}

// -----

// In regions as well; the outer op comes before what it holds, and the first
// is enough.
func.func @nested(%n: index, %x: memref<4xf32>, %f: f32) {
  scf.for %i = %n to %n step %n {
    // expected-error @below {{but got 'linalg.generic'}}
    linalg.generic {indexing_maps = [affine_map<(i) -> (i)>],
                    iterator_types = ["parallel"]} outs(%x : memref<4xf32>) {
    ^bb0(%out: f32):
      linalg.yield %f : f32
    }
    linalg.fill ins(%f : f32) outs(%x : memref<4xf32>)
  }
  return
}

// -----

// What a function takes and returns is no exception.
// expected-error @below {{but got 'func.func'}}
func.func @argument(%x: tensor<4xf32>) {
  return
}
