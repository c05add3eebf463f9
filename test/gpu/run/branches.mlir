// hilbert-run: --grad
// A union of branches, with grouped queries.
func.func @union(%q: tensor<2x1000x6x40xbf16>, %k: tensor<2x1000x2x40xbf16>, %v: tensor<2x1000x2x40xbf16>)
    -> (tensor<2x1000x6x40xbf16>, tensor<2x6x1000xf32>) {
  %0 = tensor.empty() : tensor<2x1000x6x40xbf16>
  %1 = tensor.empty() : tensor<2x6x1000xf32>
  // Of mode both, some queries take part in no branch.
  %out, %lse = hilbert.attention
      ins(%q, %k, %v : tensor<2x1000x6x40xbf16>, tensor<2x1000x2x40xbf16>, tensor<2x1000x2x40xbf16>)
      outs(%0, %1 : tensor<2x1000x6x40xbf16>, tensor<2x6x1000xf32>)
      order(#hilbert.order<hilbert, [25, 40]>)
      pattern<(segment = 100, dilation = 3, mode = both, offset = head) + (segment = 256, dilation = 4, mode = both)
              + (segment = dense, dilation = 5, mode = both, offset = longnet)>
  return %out, %lse : tensor<2x1000x6x40xbf16>, tensor<2x6x1000xf32>
}
