// 64 rows of 256 columns in each warp: more accumulators than registers.
!m = tensor<1x?x2x256xbf16>
!s = tensor<1x2x?xf32>
func.func @f(%q: !m, %k: !m, %v: !m, %o: !m, %l: !s) -> (!m, !s) {
  %r:2 = hilbert.attention ins(%q, %k, %v : !m, !m, !m) outs(%o, %l : !m, !s)
    schedule(#hilbert_gpu.schedule<m = 64, n = 32, warps = 1, stages = 1, ctas = 1>)
  return %r#0, %r#1 : !m, !s
}
