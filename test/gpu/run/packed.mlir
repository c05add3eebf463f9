// hilbert-run: --grad
// Packed q, k and v are views; their gradients are inserted into one tensor.

!p = tensor<2x77x3x4x64xf16>
!t = tensor<2x77x4x64xf16>

func.func @packed(%qkv: !p) -> (!t, tensor<2x4x77xf32>) {
  %q = tensor.extract_slice %qkv[0, 0, 0, 0, 0][2, 77, 1, 4, 64][1, 1, 1, 1, 1] : !p to !t
  %k = tensor.extract_slice %qkv[0, 0, 1, 0, 0][2, 77, 1, 4, 64][1, 1, 1, 1, 1] : !p to !t
  %v = tensor.extract_slice %qkv[0, 0, 2, 0, 0][2, 77, 1, 4, 64][1, 1, 1, 1, 1] : !p to !t
  %0 = tensor.empty() : !t
  %1 = tensor.empty() : tensor<2x4x77xf32>
  %r:2 = hilbert.attention ins(%q, %k, %v : !t, !t, !t) outs(%0, %1 : !t, tensor<2x4x77xf32>)
  return %r#0, %r#1 : !t, tensor<2x4x77xf32>
}
