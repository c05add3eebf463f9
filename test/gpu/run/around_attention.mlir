// hilbert-run: --grad
// A residual, a weight and a gate around attention, and reorders that meet no
// attention of their order.

#h = #hilbert.order<hilbert, [16, 16]>
#s = #hilbert.order<snake, [16, 16]>
!t = tensor<2x256x2x64xbf16>

func.func @around(%x: !t, %w: !t, %k: !t, %v: !t) -> !t {
  %xs = hilbert.reorder %x dim 1 order(#s) : !t
  %q = arith.mulf %xs, %w : !t
  %kc = hilbert.reorder %k dim 1 order(#h) : !t
  %vc = hilbert.reorder %v dim 1 order(#h) : !t
  %0 = tensor.empty() : !t
  %1 = tensor.empty() : tensor<2x2x256xf32>
  %r:2 = hilbert.attention ins(%q, %kc, %vc : !t, !t, !t)
      outs(%0, %1 : !t, tensor<2x2x256xf32>) pattern<(segment = 64)>
  %g = arith.mulf %r#0, %w : !t
  %o = arith.addf %g, %xs : !t
  %y = hilbert.restore %o dim 1 order(#s) : !t
  return %y : !t
}
