// The host benchmark: B = 1, H = 8, N = 16384, D = 64, f32, segments of 1024 on
// a 128x128 Hilbert grid.
#h = #hilbert.order<hilbert, [128, 128]>
!t = tensor<1x16384x8x64xf32>
!s = tensor<1x8x16384xf32>
func.func @host_attention(%q: !t, %k: !t, %v: !t) -> (!t, !s) {
  %0 = tensor.empty() : !t
  %1 = tensor.empty() : !s
  %out, %lse = hilbert.attention ins(%q, %k, %v : !t, !t, !t)
      outs(%0, %1 : !t, !s) order(#h) pattern<(segment = 1024)>
  return %out, %lse : !t, !s
}
