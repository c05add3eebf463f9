// Attention of bf16 heads of depth 64, in segments of 256 positions along an
// order that each call brings along as a table. Nothing else is fixed: tokens,
// heads, batch and strides are arguments of the kernel.
//
//   hilbert-compile attention.mlir --target=sm_80 -o attention.ptx \
//     --manifest=attention.json --header=attention.h
!matrix = tensor<?x?x?x64xbf16>
!stats = tensor<?x?x?xf32>
!table = tensor<?xi32>

func.func @attention(%q: !matrix, %k: !matrix, %v: !matrix, %order: !table,
                     %out: !matrix, %lse: !stats) -> (!matrix, !stats) {
  %0:2 = hilbert.attention ins(%q, %k, %v : !matrix, !matrix, !matrix)
    outs(%out, %lse : !matrix, !stats)
    order(q = %order : !table, kv = %order : !table, out = %order : !table)
    pattern<(segment = 256)>
  return %0#0, %0#1 : !matrix, !stats
}
