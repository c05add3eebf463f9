// Causal attention over a video of 8 frames of 30x40 patches, in bf16, with
// grouped queries: 8 query heads share 2 key and value heads.
//
//   hilbert-opt examples/video_attention.mlir --hilbert-fuse
//   hilbert-run examples/video_attention.mlir --grad --check
//   hilbert-draw examples/video_attention.mlir -o video_attention.svg

// 30 and 40 are no powers of two. Tiles keep the runs of the curve compact all
// the same: a tile is 4 frames x 8 rows x 8 columns, 256 consecutive tokens.
// The tiles that the lower edge clips (30 = 3 * 8 + 6) come last.
#curve = #hilbert.order<hilbert, [8, 30, 40], tile = [4, 8, 8]>

func.func @video_attention(%q: tensor<1x9600x8x64xbf16>,
                           %k: tensor<1x9600x2x64xbf16>,
                           %v: tensor<1x9600x2x64xbf16>)
    -> tensor<1x9600x8x64xbf16> {
  %out_init = tensor.empty() : tensor<1x9600x8x64xbf16>
  %lse_init = tensor.empty() : tensor<1x8x9600xf32>
  // Every query meets all tokens of its own tile, and every fourth one of a run
  // of eight tiles, in one softmax.
  //
  // Here the order is given to the attention instead of reordering its
  // operands, so that tokens keep their numbers: `causal<token>` leaves out
  // those that come later in the video, in later frames or later in the query's
  // own. On reordered operands it would mean those that come later on the curve
  // (which is `causal<position>` with an order).
  %out, %lse = hilbert.attention
      ins(%q, %k, %v : tensor<1x9600x8x64xbf16>, tensor<1x9600x2x64xbf16>,
                       tensor<1x9600x2x64xbf16>)
      outs(%out_init, %lse_init : tensor<1x9600x8x64xbf16>,
                                  tensor<1x8x9600xf32>)
      order(#curve)
      pattern<(segment = 256) + (segment = 2048, dilation = 4)> causal<token>
  return %out : tensor<1x9600x8x64xbf16>
}
