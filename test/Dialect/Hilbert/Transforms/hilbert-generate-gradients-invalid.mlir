// RUN: hilbert-opt %s --split-input-file --verify-diagnostics --hilbert-generate-gradients

func.func private @name_taken_grad()

// expected-error@+1 {{the name of the gradient function is taken: 'name_taken_grad'}}
func.func @name_taken(%x: tensor<1x16x2x8xf32>, %o: tensor<1x16x2x8xf32>,
    %l: tensor<1x2x16xf32>) -> tensor<1x16x2x8xf32> {
  %0:2 = hilbert.attention
      ins(%x, %x, %x : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  return %0#0 : tensor<1x16x2x8xf32>
}

// -----

func.func @not_differentiable(%x: tensor<1x16x2x8xf32>, %o: tensor<1x16x2x8xf32>,
    %l: tensor<1x2x16xf32>) -> tensor<1x16x2x8xf32> {
  // expected-error@+1 {{cannot differentiate 'arith.maximumf'}}
  %m = arith.maximumf %x, %x : tensor<1x16x2x8xf32>
  %0:2 = hilbert.attention
      ins(%m, %m, %m : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  return %0#0 : tensor<1x16x2x8xf32>
}

// -----

func.func @second_derivative(%x: tensor<1x16x2x8xf32>, %o: tensor<1x16x2x8xf32>,
    %l: tensor<1x2x16xf32>) -> tensor<1x16x2x8xf32> {
  %0:2 = hilbert.attention
      ins(%x, %x, %x : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  // expected-error@+1 {{cannot differentiate 'hilbert.attention_grad'}}
  %1:3 = hilbert.attention_grad
      ins(%x, %x, %x, %0#0, %0#1, %x : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>,
          tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x2x16xf32>,
          tensor<1x16x2x8xf32>)
      outs(%o, %o, %o : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
  return %1#0 : tensor<1x16x2x8xf32>
}

// -----

func.func private @other(tensor<1x16x2x8xf32>) -> tensor<1x16x2x8xf32>

func.func @call(%x: tensor<1x16x2x8xf32>, %o: tensor<1x16x2x8xf32>,
    %l: tensor<1x2x16xf32>) -> tensor<1x16x2x8xf32> {
  // expected-error@+1 {{cannot differentiate 'func.call'}}
  %c = call @other(%x) : (tensor<1x16x2x8xf32>) -> tensor<1x16x2x8xf32>
  %0:2 = hilbert.attention
      ins(%c, %c, %c : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  return %0#0 : tensor<1x16x2x8xf32>
}

// -----

// expected-error@+1 {{cannot differentiate a function with 2 blocks}}
func.func @two_blocks(%x: tensor<1x16x2x8xf32>, %o: tensor<1x16x2x8xf32>,
    %l: tensor<1x2x16xf32>) -> tensor<1x16x2x8xf32> {
  cf.br ^body
^body:
  %0:2 = hilbert.attention
      ins(%x, %x, %x : tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>, tensor<1x16x2x8xf32>)
      outs(%o, %l : tensor<1x16x2x8xf32>, tensor<1x2x16xf32>)
  return %0#0 : tensor<1x16x2x8xf32>
}

// -----

func.func @memrefs(%x: memref<1x16x2x8xf32>, %o: memref<1x16x2x8xf32>,
    %l: memref<1x2x16xf32>) {
  // expected-error@+1 {{cannot differentiate 'hilbert.attention' on memrefs}}
  hilbert.attention
      ins(%x, %x, %x : memref<1x16x2x8xf32>, memref<1x16x2x8xf32>, memref<1x16x2x8xf32>)
      outs(%o, %l : memref<1x16x2x8xf32>, memref<1x2x16xf32>)
  return
}
