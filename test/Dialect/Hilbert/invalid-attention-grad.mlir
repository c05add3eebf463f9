// RUN: hilbert-opt %s -split-input-file -verify-diagnostics

func.func @attention_grad_c4(%q: tensor<2x16x4x4xf32>, %k: tensor<2x16x4x4xf32>, %v: tensor<2x16x4x4xf32>,
    %o: tensor<2x16x4x4xf32>, %l: tensor<2x4x16xf32>, %do: tensor<2x16x4x4xf32>,
    %dq: tensor<2x16x4x4xf32>, %dk: tensor<2x16x4x4xf32>, %dv: tensor<2x16x4x4xf32>) {
  // expected-error@+1 {{'hilbert.attention_grad' op head dimension must be static, a multiple of 8 and at most 256, but got 4}}
  %0:3 = hilbert.attention_grad ins(%q, %k, %v, %o, %l, %do
          : tensor<2x16x4x4xf32>, tensor<2x16x4x4xf32>, tensor<2x16x4x4xf32>,
          tensor<2x16x4x4xf32>, tensor<2x4x16xf32>, tensor<2x16x4x4xf32>)
      outs(%dq, %dk, %dv : tensor<2x16x4x4xf32>, tensor<2x16x4x4xf32>, tensor<2x16x4x4xf32>)
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @attention_grad_c9(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x2x8xf32>, %v: tensor<2x16x2x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>, %do: tensor<2x16x4x8xf32>,
    %dq: tensor<2x16x4x8xf32>, %dk: tensor<2x16x2x8xf32>, %dv: tensor<2x16x2x8xf32>) {
  // expected-error@+1 {{'hilbert.attention_grad' op causality position needs equal query and key orders}}
  %0:3 = hilbert.attention_grad ins(%q, %k, %v, %o, %l, %do
          : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>,
          tensor<2x16x4x8xf32>, tensor<2x4x16xf32>, tensor<2x16x4x8xf32>)
      outs(%dq, %dk, %dv : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>)
      order(kv = #h) causal<position>
  return
}

// -----

func.func @attention_grad_c1_dlse(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x2x8xf32>, %v: tensor<2x16x2x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>, %do: tensor<2x16x4x8xf32>,
    %dq: tensor<2x16x4x8xf32>, %dk: tensor<2x16x2x8xf32>, %dv: tensor<2x16x2x8xf32>, %dl: memref<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention_grad' op operands must be all tensors or all memrefs, but got 'tensor<2x16x4x8xf32>' and 'memref<2x4x16xf32>'}}
  %0:3 = hilbert.attention_grad ins(%q, %k, %v, %o, %l, %do
          : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>,
          tensor<2x16x4x8xf32>, tensor<2x4x16xf32>, tensor<2x16x4x8xf32>) dlse(%dl : memref<2x4x16xf32>)
      outs(%dq, %dk, %dv : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>)
  return
}

// -----

!m = memref<2x16x4x8xf32>
!l = memref<2x4x16xf32>
func.func @attention_grad_c11_input(%q: !m, %k: !m, %v: !m, %o: !m, %l: !l, %do: !m,
    %dq: !m, %dk: !m) {
  // expected-error@+1 {{'hilbert.attention_grad' op a memref that is written must not be an operand twice, but operand 6 is}}
  hilbert.attention_grad ins(%q, %k, %v, %o, %l, %do : !m, !m, !m, !m, !l, !m)
      outs(%do, %dk, %dq : !m, !m, !m)
  return
}

// -----

!m = memref<2x16x4x8xf32>
!l = memref<2x4x16xf32>
func.func @attention_grad_c11_output(%q: !m, %k: !m, %v: !m, %o: !m, %l: !l, %do: !m,
    %dq: !m, %dk: !m) {
  // expected-error@+1 {{'hilbert.attention_grad' op a memref that is written must not be an operand twice, but operand 7 is}}
  hilbert.attention_grad ins(%q, %k, %v, %o, %l, %do : !m, !m, !m, !m, !l, !m)
      outs(%dq, %dk, %dk : !m, !m, !m)
  return
}

// -----

func.func @attention_grad_c12_dout_shape(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x2x8xf32>, %v: tensor<2x16x2x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>, %do: tensor<2x16x2x8xf32>,
    %dq: tensor<2x16x4x8xf32>, %dk: tensor<2x16x2x8xf32>, %dv: tensor<2x16x2x8xf32>) {
  // expected-error@+1 {{'hilbert.attention_grad' op dout must have the type of out ('tensor<2x16x4x8xf32>'), but is 'tensor<2x16x2x8xf32>'}}
  %0:3 = hilbert.attention_grad ins(%q, %k, %v, %o, %l, %do
          : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>,
          tensor<2x16x4x8xf32>, tensor<2x4x16xf32>, tensor<2x16x2x8xf32>)
      outs(%dq, %dk, %dv : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>)
  return
}

// -----

func.func @attention_grad_c12_dout_element_type(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x2x8xf32>, %v: tensor<2x16x2x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>, %do: tensor<2x16x4x8xbf16>,
    %dq: tensor<2x16x4x8xf32>, %dk: tensor<2x16x2x8xf32>, %dv: tensor<2x16x2x8xf32>) {
  // expected-error@+1 {{'hilbert.attention_grad' op dout must have the type of out ('tensor<2x16x4x8xf32>'), but is 'tensor<2x16x4x8xbf16>'}}
  %0:3 = hilbert.attention_grad ins(%q, %k, %v, %o, %l, %do
          : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>,
          tensor<2x16x4x8xf32>, tensor<2x4x16xf32>, tensor<2x16x4x8xbf16>)
      outs(%dq, %dk, %dv : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>)
  return
}

// -----

func.func @attention_grad_c12_dq(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x2x8xf32>, %v: tensor<2x16x2x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>, %do: tensor<2x16x4x8xf32>,
    %dq: tensor<2x15x4x8xf32>, %dk: tensor<2x16x2x8xf32>, %dv: tensor<2x16x2x8xf32>) {
  // expected-error@+1 {{'hilbert.attention_grad' op dq must have the type of q ('tensor<2x16x4x8xf32>'), but is 'tensor<2x15x4x8xf32>'}}
  %0:3 = hilbert.attention_grad ins(%q, %k, %v, %o, %l, %do
          : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>,
          tensor<2x16x4x8xf32>, tensor<2x4x16xf32>, tensor<2x16x4x8xf32>)
      outs(%dq, %dk, %dv : tensor<2x15x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>)
  return
}

// -----

func.func @attention_grad_c12_dk(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x2x8xf32>, %v: tensor<2x16x2x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>, %do: tensor<2x16x4x8xf32>,
    %dq: tensor<2x16x4x8xf32>, %dk: tensor<2x16x4x8xf32>, %dv: tensor<2x16x2x8xf32>) {
  // expected-error@+1 {{'hilbert.attention_grad' op dk must have the type of k ('tensor<2x16x2x8xf32>'), but is 'tensor<2x16x4x8xf32>'}}
  %0:3 = hilbert.attention_grad ins(%q, %k, %v, %o, %l, %do
          : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>,
          tensor<2x16x4x8xf32>, tensor<2x4x16xf32>, tensor<2x16x4x8xf32>)
      outs(%dq, %dk, %dv : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>)
  return
}

// -----

func.func @attention_grad_c12_dv(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x2x8xf32>, %v: tensor<2x16x2x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>, %do: tensor<2x16x4x8xf32>,
    %dq: tensor<2x16x4x8xf32>, %dk: tensor<2x16x2x8xf32>, %dv: tensor<2x16x4x8xf32>) {
  // expected-error@+1 {{'hilbert.attention_grad' op dv must have the type of v ('tensor<2x16x2x8xf32>'), but is 'tensor<2x16x4x8xf32>'}}
  %0:3 = hilbert.attention_grad ins(%q, %k, %v, %o, %l, %do
          : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>,
          tensor<2x16x4x8xf32>, tensor<2x4x16xf32>, tensor<2x16x4x8xf32>)
      outs(%dq, %dk, %dv : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x4x8xf32>)
  return
}

// -----

func.func @attention_grad_c12_dlse(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x2x8xf32>, %v: tensor<2x16x2x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>, %do: tensor<2x16x4x8xf32>,
    %dq: tensor<2x16x4x8xf32>, %dk: tensor<2x16x2x8xf32>, %dv: tensor<2x16x2x8xf32>, %dl: tensor<2x16x4xf32>) {
  // expected-error@+1 {{'hilbert.attention_grad' op dlse must have the type of lse ('tensor<2x4x16xf32>'), but is 'tensor<2x16x4xf32>'}}
  %0:3 = hilbert.attention_grad ins(%q, %k, %v, %o, %l, %do
          : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>,
          tensor<2x16x4x8xf32>, tensor<2x4x16xf32>, tensor<2x16x4x8xf32>) dlse(%dl : tensor<2x16x4xf32>)
      outs(%dq, %dk, %dv : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>)
  return
}
