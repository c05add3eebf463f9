// hilbert-run: --grad --shape=0:2x12x10x128 --shape=1:2x12x10x128 --shape=2:2x12x10x128
// Images of channels: expanded to tokens and heads, collapsed afterwards. Heads
// that lie apart are no view.

func.func @shapes(%a: tensor<?x12x10x128xbf16>, %b: tensor<?x12x10x128xbf16>, %c: tensor<?x12x10x128xbf16>,
                  %d: tensor<2x120x128xbf16>)
    -> (tensor<?x120x128xbf16>, tensor<?x2x120xf32>, tensor<240x64xbf16>) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %a, %c0 : tensor<?x12x10x128xbf16>
  %a1 = tensor.collapse_shape %a [[0], [1, 2], [3]] : tensor<?x12x10x128xbf16> into tensor<?x120x128xbf16>
  %b1 = tensor.collapse_shape %b [[0], [1, 2], [3]] : tensor<?x12x10x128xbf16> into tensor<?x120x128xbf16>
  %c1 = tensor.collapse_shape %c [[0], [1, 2], [3]] : tensor<?x12x10x128xbf16> into tensor<?x120x128xbf16>
  %q = tensor.expand_shape %a1 [[0], [1], [2, 3]] output_shape [%n, 120, 2, 64]
      : tensor<?x120x128xbf16> into tensor<?x120x2x64xbf16>
  %k = tensor.expand_shape %b1 [[0], [1], [2, 3]] output_shape [%n, 120, 2, 64]
      : tensor<?x120x128xbf16> into tensor<?x120x2x64xbf16>
  %v = tensor.expand_shape %c1 [[0], [1], [2, 3]] output_shape [%n, 120, 2, 64]
      : tensor<?x120x128xbf16> into tensor<?x120x2x64xbf16>
  %0 = tensor.empty(%n) : tensor<?x120x2x64xbf16>
  %1 = tensor.empty(%n) : tensor<?x2x120xf32>
  %r:2 = hilbert.attention ins(%q, %k, %v : tensor<?x120x2x64xbf16>, tensor<?x120x2x64xbf16>, tensor<?x120x2x64xbf16>)
      outs(%0, %1 : tensor<?x120x2x64xbf16>, tensor<?x2x120xf32>)
  %o = tensor.collapse_shape %r#0 [[0], [1], [2, 3]] : tensor<?x120x2x64xbf16> into tensor<?x120x128xbf16>
  %half = tensor.extract_slice %d[0, 0, 0][2, 120, 64][1, 1, 1] : tensor<2x120x128xbf16> to tensor<2x120x64xbf16>
  %flat = tensor.collapse_shape %half [[0, 1, 2]] : tensor<2x120x64xbf16> into tensor<15360xbf16>
  %rows = tensor.expand_shape %flat [[0, 1]] output_shape [240, 64] : tensor<15360xbf16> into tensor<240x64xbf16>
  return %o, %r#1, %rows : tensor<?x120x128xbf16>, tensor<?x2x120xf32>, tensor<240x64xbf16>
}
