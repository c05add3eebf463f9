// RUN: hilbert-draw %s | FileCheck %s
// RUN: hilbert-draw %s --query=0 | FileCheck %s --check-prefix=FIRST
// RUN: hilbert-draw %s --function=branches --head=1 --query=0 \
// RUN:   | FileCheck %s --check-prefix=BRANCHES
// RUN: hilbert-draw %s --function=both --head=1 --query=3 \
// RUN:   | FileCheck %s --check-prefix=BOTH
// RUN: hilbert-draw %s --function=both --head=1 --query=2 \
// RUN:   | FileCheck %s --check-prefix=NONE
// RUN: hilbert-draw %s --function=volume | FileCheck %s --check-prefix=VOLUME
// RUN: hilbert-draw %s --function=hidden | FileCheck %s --check-prefix=HIDDEN

// RUN: not hilbert-draw %s --function=none 2>&1 \
// RUN:   | FileCheck %s --check-prefix=ERR-NONE
// RUN: not hilbert-draw %s --query=64 2>&1 | FileCheck %s --check-prefix=ERR-QUERY
// RUN: not hilbert-draw %s --query=-1 2>&1 | FileCheck %s --check-prefix=ERR-QUERY1
// RUN: not hilbert-draw %s --head=2 2>&1 | FileCheck %s --check-prefix=ERR-HEAD
// RUN: not hilbert-draw %s --function=table 2>&1 \
// RUN:   | FileCheck %s --check-prefix=ERR-TABLE
// RUN: not hilbert-draw %s --function=large 2>&1 \
// RUN:   | FileCheck %s --check-prefix=ERR-LARGE

// ERR-NONE: error: no attention found in a function 'none'
// ERR-QUERY: error: query must be in 0..63, but it is 64
// ERR-QUERY1: error: query must be in 0..63, but it is -1
// ERR-HEAD: error: head must be in 0..1, but it is 2
// ERR-TABLE: error: order of the queries must be static, but it is a runtime table, which cannot be drawn
// ERR-LARGE: error: extents must be at most 256 to be drawn, but extent 1 is 512

#h = #hilbert.order<hilbert, [8, 8]>
!t = tensor<1x64x2x8xf32>
!l = tensor<1x2x64xf32>

// A private function is drawn only on request.
// HIDDEN: query {{[0-9]+}}, head 0: 64 keys</text>
func.func private @hidden(%q: !t, %o: !t, %l: !l) -> !t {
  %0:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%o, %l : !t, !l)
  return %0#0 : !t
}

// Reorders are fused before drawing. The query is token 4 * 8 + 4, its segment
// a 4x4 box.
// CHECK: <svg xmlns="http://www.w3.org/2000/svg"
// CHECK: >Hilbert order of 8 × 8 tokens</text>
// CHECK: >4 segments of 16</text>
// CHECK: >One query and the 8 keys it meets</text>
// CHECK: <path class="inside" d="M4 4h4v1h-4zM4 5h4v1h-4zM4 6h4v1h-4zM4 7h4v1h-4z"/>
// CHECK: <path class="key"
// CHECK-SAME: d="M4 4h1v1h-1zM6 4h1v1h-1zM5 5h1v1h-1zM7 5h1v1h-1zM4 6h1v1h-1zM6 6h1v1h-1zM5 7h1v1h-1zM7 7h1v1h-1z"/>
// CHECK: <circle class="query" cx="4.5" cy="4.5"
// CHECK: >order hilbert [8, 8] · pattern (segment = 16, dilation = 2) · query 36, head 0: 8 keys</text>
// CHECK: </svg>
// FIRST: <path class="key"
// FIRST-SAME: d="M0 0h1v1h-1zM2 0h1v1h-1z
// FIRST: query 0, head 0: 8 keys</text>
func.func @image(%q: !t, %k: !t, %v: !t, %o: !t, %l: !l) -> !t {
  %qh = hilbert.reorder %q dim 1 order(#h) : !t
  %kh = hilbert.reorder %k dim 1 order(#h) : !t
  %vh = hilbert.reorder %v dim 1 order(#h) : !t
  %0:2 = hilbert.attention ins(%qh, %kh, %vh : !t, !t, !t) outs(%o, %l : !t, !l)
      pattern<(segment = 16, dilation = 2)>
  %1 = hilbert.restore %0#0 dim 1 order(#h) : !t
  return %1 : !t
}

// Positions 0 to 3 and 1, 5, 9, 13: position 1 counts twice.
// BRANCHES: >One query and the 7 keys it meets</text>
// BRANCHES: <path class="key" fill="[[ONCE:#[0-9a-f]+]]"
// BRANCHES: <path class="key" fill="[[TWICE:#[0-9a-f]+]]"
// BRANCHES-SAME: d="M0 1h1v1h-1z"/>
// BRANCHES: fill="[[TWICE]]"
// BRANCHES: >× 2</text>
// BRANCHES: 7 keys, 8 with multiplicity</text>
func.func @branches(%q: !t, %o: !t, %l: !l) -> !t {
  %0:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%o, %l : !t, !l)
      order(#h)
      pattern<(segment = 4) + (segment = 16, dilation = 4, offset = head)>
  return %0#0 : !t
}

// Without an order: raster, in lines. Token 3 meets 1 and 3; token 2 has no
// part in it.
// BOTH: order raster [64] · pattern (segment = 8, dilation = 2, mode = both, offset = head) · causal position
// BOTH: query 3, head 1: 2 keys</text>
// NONE-NOT: class="key"
// NONE: query 2, head 1: 0 keys</text>
func.func @both(%q: !t, %o: !t, %l: !l) -> !t {
  %0:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%o, %l : !t, !l)
      pattern<(segment = 8, dilation = 2, mode = both, offset = head)>
      causal<position>
  return %0#0 : !t
}

// Of the query's cube, token 2 * 16 + 2 * 4 + 2 is the first.
// VOLUME: >Hilbert order of 4 × 4 × 4 tokens</text>
// VOLUME: order hilbert [4, 4, 4] · pattern (segment = 8) · causal token · query 42, head 0: 1 key</text>
func.func @volume(%q: !t, %o: !t, %l: !l) -> !t {
  %0:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%o, %l : !t, !l)
      order(#hilbert.order<hilbert, [4, 4, 4]>) pattern<(segment = 8)>
      causal<token>
  return %0#0 : !t
}

func.func @none(%q: !t) -> !t {
  return %q : !t
}

func.func @table(%q: !t, %o: !t, %l: !l, %p: tensor<64xi32>) -> !t {
  %0:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%o, %l : !t, !l)
      order(%p : tensor<64xi32>)
  return %0#0 : !t
}

!wide = tensor<1x1024x2x8xf32>
func.func @large(%q: !wide, %o: !wide, %l: tensor<1x2x1024xf32>) -> !wide {
  %0:2 = hilbert.attention ins(%q, %q, %q : !wide, !wide, !wide)
      outs(%o, %l : !wide, tensor<1x2x1024xf32>)
      order(#hilbert.order<hilbert, [2, 512]>)
  return %0#0 : !wide
}
