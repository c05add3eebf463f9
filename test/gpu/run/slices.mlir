// Pieces that are put together, steps, and slices that kernels of attentions
// cannot read where they are.

func.func @slices(%a: tensor<6x8xf32>, %b: tensor<3x8xf32>, %x: tensor<1x64x2x129xbf16>)
    -> (tensor<9x8xf32>, tensor<6x8xf32>, tensor<1x64x2x64xbf16>) {
  %0 = tensor.empty() : tensor<9x8xf32>
  %1 = tensor.insert_slice %a into %0[0, 0][6, 8][1, 1] : tensor<6x8xf32> into tensor<9x8xf32>
  %2 = tensor.insert_slice %b into %1[6, 0][3, 8][1, 1] : tensor<3x8xf32> into tensor<9x8xf32>
  %row = tensor.extract_slice %a[1, 0][1, 4][1, 2] : tensor<6x8xf32> to tensor<4xf32>
  %3 = tensor.insert_slice %row into %a[3, 1][1, 4][1, 2] : tensor<4xf32> into tensor<6x8xf32>
  %q = tensor.extract_slice %x[0, 0, 0, 1][1, 64, 2, 64][1, 1, 1, 1]
      : tensor<1x64x2x129xbf16> to tensor<1x64x2x64xbf16>
  %k = tensor.extract_slice %x[0, 0, 0, 3][1, 64, 2, 64][1, 1, 1, 1]
      : tensor<1x64x2x129xbf16> to tensor<1x64x2x64xbf16>
  %4 = tensor.empty() : tensor<1x64x2x64xbf16>
  %5 = tensor.empty() : tensor<1x2x64xf32>
  %r:2 = hilbert.attention ins(%q, %k, %q : tensor<1x64x2x64xbf16>, tensor<1x64x2x64xbf16>, tensor<1x64x2x64xbf16>)
      outs(%4, %5 : tensor<1x64x2x64xbf16>, tensor<1x2x64xf32>)
  return %2, %3, %r#0 : tensor<9x8xf32>, tensor<6x8xf32>, tensor<1x64x2x64xbf16>
}
