// hilbert-run: --grad --allow-tf32
// Multiplied in tf32, by explicit choice.

#h = #hilbert.order<hilbert, [16, 20]>
!t = tensor<2x320x2x64xf32>

func.func @f32(%q: !t, %k: !t, %v: !t) -> (!t, tensor<2x2x320xf32>) {
  %0 = tensor.empty() : !t
  %1 = tensor.empty() : tensor<2x2x320xf32>
  %r:2 = hilbert.attention ins(%q, %k, %v : !t, !t, !t) outs(%0, %1 : !t, tensor<2x2x320xf32>)
      order(#h) pattern<(segment = 80)> causal<token>
  return %r#0, %r#1 : !t, tensor<2x2x320xf32>
}
