// hilbert-run: --shape=3:3x77x2x8 --shape=4:77 --shape=5:3x77
// The inverse of what reorder.mlir does, and the table of an order.

#h = #hilbert.order<hilbert, [12, 10]>
#v = #hilbert.order<morton, [4, 4, 8]>

func.func @restore(%a: tensor<120x33xbf16>, %b: tensor<3x128x5xf32>, %c: tensor<2x3x120x8xf16>,
                   %d: tensor<?x?x2x8xbf16>, %t: tensor<?xi32>, %u: tensor<?x?xi32>)
    -> (tensor<120x33xbf16>, tensor<3x128x5xf32>, tensor<2x3x120x8xf16>,
        tensor<?x?x2x8xbf16>, tensor<?x?x2x8xbf16>, tensor<128xi32>) {
  %0 = hilbert.restore %a dim 0 order(#h) : tensor<120x33xbf16>
  %1 = hilbert.restore %b dim 1 order(#v) : tensor<3x128x5xf32>
  %2 = hilbert.restore %c dim 2 order(#h) : tensor<2x3x120x8xf16>
  %3 = hilbert.restore %d dim 1 order(%t : tensor<?xi32>) : tensor<?x?x2x8xbf16>
  %4 = hilbert.restore %d dim 1 order(%u : tensor<?x?xi32>) : tensor<?x?x2x8xbf16>
  %5 = hilbert.permutation order(#v) : tensor<128xi32>
  return %0, %1, %2, %3, %4, %5 : tensor<120x33xbf16>, tensor<3x128x5xf32>,
      tensor<2x3x120x8xf16>, tensor<?x?x2x8xbf16>, tensor<?x?x2x8xbf16>, tensor<128xi32>
}
