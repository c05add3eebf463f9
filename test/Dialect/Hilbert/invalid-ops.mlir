// RUN: hilbert-opt %s -split-input-file -verify-diagnostics

//===----------------------------------------------------------------------===//
// permutation
//===----------------------------------------------------------------------===//

func.func @permutation_c2() {
  // expected-error@+1 {{result must have the identity layout, but is 'memref<16xi32, strided<[2]>>'}}
  %0 = hilbert.permutation order(#hilbert.order<hilbert, [4, 4]>) : memref<16xi32, strided<[2]>>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @permutation_c1_length() {
  // expected-error@+1 {{'hilbert.permutation' op result must have the order's length (16), but has 15}}
  %0 = hilbert.permutation order(#h) : tensor<15xi32>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @permutation_c1_dynamic() {
  // expected-error@+1 {{'hilbert.permutation' op result must have the order's length (16), but has ?}}
  %0 = hilbert.permutation order(#h) : tensor<?xi32>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @permutation_c1_rank() {
  // expected-error@+1 {{result #0 must be 1D tensor or memref of i32, but got 'tensor<1x16xi32>'}}
  %0 = hilbert.permutation order(#h) : tensor<1x16xi32>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @permutation_c1_element_type() {
  // expected-error@+1 {{result #0 must be 1D tensor or memref of i32, but got 'tensor<16xindex>'}}
  %0 = hilbert.permutation order(#h) : tensor<16xindex>
  return
}

// -----

//===----------------------------------------------------------------------===//
// host_launch
//===----------------------------------------------------------------------===//

func.func @host_launch_c1_unknown(%n: index) {
  // expected-error@+1 {{'hilbert.host_launch' op callee must be a function, but @nothing is none}}
  hilbert.host_launch @nothing(%n)
  return
}

// -----

func.func @host_launch_c1_no_captures(%n: index) {
  // expected-error@+1 {{'hilbert.host_launch' op callee @host_launch_c1_no_captures must take ('index', 'index') and return nothing, but is '(index) -> ()'}}
  hilbert.host_launch @host_launch_c1_no_captures(%n)
  return
}

// -----

func.func private @kernel(index, index, f64)

func.func @host_launch_c1_captures(%n: index, %s: f32) {
  // expected-error@+1 {{callee @kernel must take ('index', 'index', 'f32') and return nothing, but is '(index, index, f64) -> ()'}}
  hilbert.host_launch @kernel(%n) captures(%s : f32)
  return
}

// -----

func.func private @kernel(index, index) -> i32

func.func @host_launch_c1_result(%n: index) {
  // expected-error@+1 {{callee @kernel must take ('index', 'index') and return nothing, but is '(index, index) -> i32'}}
  hilbert.host_launch @kernel(%n)
  return
}

// -----

module @nested {}

func.func @host_launch_c1_not_a_function(%n: index) {
  // expected-error@+1 {{callee must be a function, but @nested is none}}
  hilbert.host_launch @nested(%n)
  return
}
