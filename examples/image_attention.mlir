// Attention over a 64x64 image, in segments along a Hilbert curve.
//
//   hilbert-opt examples/image_attention.mlir --hilbert-fuse
//   hilbert-draw examples/image_attention.mlir -o image_attention.svg
//
// q, k and v are [batch, tokens, heads, head dimension]. The 4096 tokens are
// the image's pixels (or patches), row by row.

// The order in which a Hilbert curve visits the image: neighbours along the
// curve are neighbours in the image.
#curve = #hilbert.order<hilbert, [64, 64]>

func.func @image_attention(%q: tensor<1x4096x8x64xf32>,
                           %k: tensor<1x4096x8x64xf32>,
                           %v: tensor<1x4096x8x64xf32>)
    -> (tensor<1x4096x8x64xf32>, tensor<1x8x4096xf32>) {
  // 1. Put the tokens (dimension 1) into the order of the curve.
  %qc = hilbert.reorder %q dim 1 order(#curve) : tensor<1x4096x8x64xf32>
  %kc = hilbert.reorder %k dim 1 order(#curve) : tensor<1x4096x8x64xf32>
  %vc = hilbert.reorder %v dim 1 order(#curve) : tensor<1x4096x8x64xf32>

  // 2. Attend within segments of 256 consecutive tokens, which are 16x16 boxes
  //    of the image, to every second one of them. `lse`, the logarithm of each
  //    softmax's denominator, is what the backward pass needs. The two empty
  //    tensors say where results go.
  %out_init = tensor.empty() : tensor<1x4096x8x64xf32>
  %lse_init = tensor.empty() : tensor<1x8x4096xf32>
  %outc, %lsec = hilbert.attention
      ins(%qc, %kc, %vc : tensor<1x4096x8x64xf32>, tensor<1x4096x8x64xf32>,
                          tensor<1x4096x8x64xf32>)
      outs(%out_init, %lse_init : tensor<1x4096x8x64xf32>, tensor<1x8x4096xf32>)
      pattern<(segment = 256, dilation = 2)>

  // 3. Put the results back into the order of the image. The tokens of `lse`,
  //    [batch, heads, tokens], are dimension 2.
  %out = hilbert.restore %outc dim 1 order(#curve) : tensor<1x4096x8x64xf32>
  %lse = hilbert.restore %lsec dim 2 order(#curve) : tensor<1x8x4096xf32>

  // `--hilbert-fuse` makes one op of all this: an attention that reads and
  // writes the tokens along the curve where they are. Nothing is moved.
  return %out, %lse : tensor<1x4096x8x64xf32>, tensor<1x8x4096xf32>
}
