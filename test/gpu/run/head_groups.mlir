// hilbert-run: --grad
// Groups of heads that end within the query heads of a key head: 6 query heads, 2 key heads, groups of 2 and 4.
func.func @head_groups(%q: tensor<1x6x700x64xf16>, %k: tensor<1x2x700x64xf16>, %v: tensor<1x2x700x64xf16>)
    -> (tensor<1x6x700x64xf16>, tensor<1x6x700xf32>) {
  %0 = tensor.empty() : tensor<1x6x700x64xf16>
  %1 = tensor.empty() : tensor<1x6x700xf32>
  %out, %lse = hilbert.attention
      ins(%q, %k, %v : tensor<1x6x700x64xf16>, tensor<1x2x700x64xf16>, tensor<1x2x700x64xf16>)
      outs(%0, %1 : tensor<1x6x700x64xf16>, tensor<1x6x700xf32>)
      order(#hilbert.order<hilbert, [20, 35]>)
      pattern<heads 2: (segment = 64) + (segment = 300, dilation = 2, offset = head),
              heads 4: (segment = 200, dilation = 4, offset = [0, 0, 3, 2, 1, 0])> causal<position> layout<bhnd>
  return %out, %lse : tensor<1x6x700x64xf16>, tensor<1x6x700xf32>
}
