// Dynamic sizes, and sizes that are 0.

// RUN: rm -rf %t && split-file %s %t

// RUN: hilbert-run %t/dynamic.mlir --shape=0:2x50x4x8 --shape=1:2x50x2x8 \
// RUN:   --shape=2:2x50x2x8 --shape=3:50 --check --grad | FileCheck %s
// CHECK: out0 2x50x4x8xf32 {{.*}} ok
// CHECK-NEXT: out1 2x4x50xf32 {{.*}} ok
// CHECK: grad0 2x50x4x8xf32 {{.*}} ok
// CHECK-NEXT: grad1 2x50x2x8xf32 {{.*}} ok
// CHECK-NEXT: grad2 2x50x2x8xf32 {{.*}} ok

// No tokens, no batch, no heads: results are empty, and nothing fails.
// RUN: hilbert-run %t/dynamic.mlir --shape=0:2x0x4x8 --shape=1:2x0x2x8 \
// RUN:   --shape=2:2x0x2x8 --shape=3:0 --check --grad | FileCheck %s --check-prefix=NONE
// RUN: hilbert-run %t/dynamic.mlir --shape=0:0x50x4x8 --shape=1:0x50x2x8 \
// RUN:   --shape=2:0x50x2x8 --shape=3:50 --check --grad | FileCheck %s --check-prefix=NONE
// RUN: hilbert-run %t/dynamic.mlir --shape=0:2x50x0x8 --shape=1:2x50x0x8 \
// RUN:   --shape=2:2x50x0x8 --shape=3:50 --check --grad | FileCheck %s --check-prefix=NONE
// RUN: hilbert-run %t/dynamic.mlir --shape=0:2x0x4x8 --shape=1:2x0x2x8 \
// RUN:   --shape=2:2x0x2x8 --shape=3:0 --check | FileCheck %s --check-prefix=FORWARD
// RUN: hilbert-run %t/no_tokens.mlir --check | FileCheck %s --check-prefix=FORWARD
// RUN: hilbert-run %t/no_tokens.mlir --check --grad | FileCheck %s --check-prefix=NONE
// RUN: hilbert-run %t/no_batch.mlir --check | FileCheck %s --check-prefix=FORWARD
// RUN: hilbert-run %t/no_batch.mlir --check --grad | FileCheck %s --check-prefix=NONE
// FORWARD: out0 {{[0-9x]*}}xf32 max error 0.00e+00 relative 0.00e+00 ok
// FORWARD-NEXT: out1 {{[0-9x]*}}xf32 max error 0.00e+00 relative 0.00e+00 ok
// FORWARD-NOT: {{.}}
// NONE-COUNT-5: {{(out|grad)[0-2] .* max error 0.00e\+00 relative 0.00e\+00 ok}}

// Queries without keys are no error either: their results are 0 and -inf.
// RUN: mkdir -p %t/save
// RUN: hilbert-run %t/no_keys.mlir --check --grad --save=%t/save | FileCheck %s --check-prefix=KEYS
// KEYS: out0 1x20x2x8xf32 max error 0.00e+00 relative 0.00e+00 ok
// KEYS: out1 1x2x20xf32 max error 0.00e+00 relative 0.00e+00 ok
// KEYS: grad0 1x20x2x8xf32 max error 0.00e+00 relative 0.00e+00 ok
// KEYS: grad1 1x0x2x8xf32 max error 0.00e+00 relative 0.00e+00 ok
// KEYS: grad2 1x0x2x8xf32 max error 0.00e+00 relative 0.00e+00 ok

// Empty arrays can be saved and read.
// RUN: hilbert-run %t/no_keys.mlir --input=%t/save/out0.npy --input=%t/save/grad1.npy \
// RUN:   --input=%t/save/grad2.npy --check

// Sizes that do not fit are errors, not crashes: the reference says so before
// the program is compiled.
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x50x4x8 --shape=1:2x50x2x8 \
// RUN:   --shape=2:2x50x2x8 --shape=3:50 --check 2>&1 | FileCheck %s --check-prefix=BATCH
// BATCH-NOT: compiled
// BATCH: hilbert-run: 'hilbert.attention': k has the shape [2, 50, 2, 8] for q of [1, 50, 4, 8]
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x50x3x8 --shape=1:1x50x2x8 \
// RUN:   --shape=2:1x50x2x8 --shape=3:50 --check 2>&1 | FileCheck %s --check-prefix=HEADS
// HEADS-NOT: compiled
// HEADS: hilbert-run: 'hilbert.attention': 3 query heads are not a multiple of 2 key heads
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x50x2x8 --shape=1:1x51x2x8 \
// RUN:   --shape=2:1x51x2x8 --shape=3:50 --check 2>&1 | FileCheck %s --check-prefix=TOKENS
// TOKENS-NOT: compiled
// TOKENS: hilbert-run: 'hilbert.attention': a segment of 16 does not cover the 50 queries and 51 keys
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x50x2x8 --shape=1:1x50x2x8 \
// RUN:   --shape=2:1x50x1x8 --shape=3:50 --check 2>&1 | FileCheck %s --check-prefix=VALUES
// VALUES-NOT: compiled
// VALUES: hilbert-run: 'hilbert.attention': v has the shape [1, 50, 1, 8], but must have [1, 50, 2, 8]
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x50x2x8 --shape=1:1x50x2x8 \
// RUN:   --shape=2:1x50x2x8 --shape=3:49 --check 2>&1 | FileCheck %s --check-prefix=TABLE
// TABLE-NOT: compiled
// TABLE: hilbert-run: 'hilbert.attention': q order has the shape [49] for 50 tokens and a batch of 1

// Without it the program does; so it does around ops that the reference does
// not know.
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x50x4x8 --shape=1:2x50x2x8 \
// RUN:   --shape=2:2x50x2x8 --shape=3:50 2>&1 | FileCheck %s --check-prefix=ASSERT-BATCH
// RUN: not hilbert-run %t/unknown.mlir --function=attention --shape=0:1x50x4x8 --shape=1:2x50x2x8 \
// RUN:   --shape=2:2x50x2x8 --shape=3:50 2>&1 | FileCheck %s --check-prefix=ASSERT-BATCH
// ASSERT-BATCH: compiled in
// ASSERT-BATCH-NEXT: hilbert-run: hilbert.attention: k's batch must be equal to q's batch
// ASSERT-BATCH-NOT: {{.}}
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x50x3x8 --shape=1:1x50x2x8 \
// RUN:   --shape=2:1x50x2x8 --shape=3:50 2>&1 | FileCheck %s --check-prefix=ASSERT-HEADS
// RUN: not hilbert-run %t/unknown.mlir --function=attention --shape=0:1x50x3x8 --shape=1:1x50x2x8 \
// RUN:   --shape=2:1x50x2x8 --shape=3:50 2>&1 | FileCheck %s --check-prefix=ASSERT-HEADS
// ASSERT-HEADS: compiled in
// ASSERT-HEADS-NEXT: hilbert-run: hilbert.attention: query heads must be a multiple of key heads
// ASSERT-HEADS-NOT: {{.}}
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x50x2x8 --shape=1:1x51x2x8 \
// RUN:   --shape=2:1x51x2x8 --shape=3:50 2>&1 | FileCheck %s --check-prefix=ASSERT-TOKENS
// RUN: not hilbert-run %t/unknown.mlir --function=attention --shape=0:1x50x2x8 --shape=1:1x51x2x8 \
// RUN:   --shape=2:1x51x2x8 --shape=3:50 2>&1 | FileCheck %s --check-prefix=ASSERT-TOKENS
// ASSERT-TOKENS: compiled in
// ASSERT-TOKENS-NEXT: hilbert-run: hilbert.attention: queries and keys must be equally many unless the segment covers both
// ASSERT-TOKENS-NOT: {{.}}
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x50x2x8 --shape=1:1x50x2x8 \
// RUN:   --shape=2:1x50x1x8 --shape=3:50 2>&1 | FileCheck %s --check-prefix=ASSERT-VALUES
// RUN: not hilbert-run %t/unknown.mlir --function=attention --shape=0:1x50x2x8 --shape=1:1x50x2x8 \
// RUN:   --shape=2:1x50x1x8 --shape=3:50 2>&1 | FileCheck %s --check-prefix=ASSERT-VALUES
// ASSERT-VALUES: compiled in
// ASSERT-VALUES-NEXT: hilbert-run: hilbert.attention: v's heads must be equal to k's heads
// ASSERT-VALUES-NOT: {{.}}
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x50x2x8 --shape=1:1x50x2x8 \
// RUN:   --shape=2:1x50x2x8 --shape=3:49 2>&1 | FileCheck %s --check-prefix=ASSERT-TABLE
// RUN: not hilbert-run %t/unknown.mlir --function=attention --shape=0:1x50x2x8 --shape=1:1x50x2x8 \
// RUN:   --shape=2:1x50x2x8 --shape=3:49 2>&1 | FileCheck %s --check-prefix=ASSERT-TABLE
// ASSERT-TABLE: compiled in
// ASSERT-TABLE-NEXT: hilbert-run: hilbert.attention: q order's entries must be equal to q's tokens
// ASSERT-TABLE-NOT: {{.}}
// RUN: not hilbert-run %t/unknown.mlir --function=reorder --shape=0:2x5 --shape=1:4 2>&1 \
// RUN:   | FileCheck %s --check-prefix=ASSERT-REORDER
// ASSERT-REORDER: compiled in
// ASSERT-REORDER-NEXT: hilbert-run: hilbert.reorder: order's entries must be equal to source's tokens
// ASSERT-REORDER-NOT: {{.}}

// Head groups: as many query heads as they cover, on any number of key heads.
// RUN: hilbert-run %t/groups.mlir --shape=0:2x50x6x8 --shape=1:2x50x2x8 \
// RUN:   --shape=2:2x50x2x8 --check --grad | FileCheck %s --check-prefix=GROUPS
// RUN: hilbert-run %t/groups.mlir --shape=0:1x33x6x8 --shape=1:1x33x6x8 \
// RUN:   --shape=2:1x33x6x8 --check --grad | FileCheck %s --check-prefix=GROUPS
// GROUPS-COUNT-5: relative {{.*}} ok
// RUN: hilbert-run %t/groups.mlir --shape=0:2x0x6x8 --shape=1:2x0x2x8 \
// RUN:   --shape=2:2x0x2x8 --check --grad | FileCheck %s --check-prefix=NONE
// RUN: hilbert-run %t/groups.mlir --shape=0:0x50x6x8 --shape=1:0x50x2x8 \
// RUN:   --shape=2:0x50x2x8 --check --grad | FileCheck %s --check-prefix=NONE
// RUN: not hilbert-run %t/groups.mlir --shape=0:1x50x4x8 --shape=1:1x50x2x8 \
// RUN:   --shape=2:1x50x2x8 2>&1 | FileCheck %s --check-prefix=ASSERT-GROUPS
// RUN: not hilbert-run %t/groups.mlir --shape=0:1x50x0x8 --shape=1:1x50x2x8 \
// RUN:   --shape=2:1x50x2x8 2>&1 | FileCheck %s --check-prefix=ASSERT-GROUPS
// RUN: not hilbert-run %t/groups.mlir --shape=0:1x50x0x8 --shape=1:1x50x0x8 \
// RUN:   --shape=2:1x50x0x8 2>&1 | FileCheck %s --check-prefix=ASSERT-GROUPS
// ASSERT-GROUPS: compiled in
// ASSERT-GROUPS-NEXT: hilbert-run: hilbert.attention: q's heads must be the 6 that the head groups cover
// ASSERT-GROUPS-NOT: {{.}}

// A program with ops that the reference does not know runs with sizes that fit,
// without a rate; only --check needs the reference.
// RUN: hilbert-run %t/unknown.mlir --function=attention --shape=0:1x50x4x8 --shape=1:1x50x2x8 \
// RUN:   --shape=2:1x50x2x8 --shape=3:50 2>&1 \
// RUN:   | FileCheck %s --check-prefix=FITS --implicit-check-not=FLOP
// FITS: compiled in
// FITS-NEXT: attention: {{[0-9.]+}} ms, {{[0-9]+}} threads,
// FITS-NEXT: out0 1x50x4x8xf32
// FITS-NEXT: out1 1x4x50xf32
// FITS-NOT: {{[^[:space:]]}}
// RUN: not hilbert-run %t/unknown.mlir --function=attention --shape=0:1x50x4x8 --shape=1:1x50x2x8 \
// RUN:   --shape=2:1x50x2x8 --shape=3:50 --check 2>&1 | FileCheck %s --check-prefix=REFERENCE
// REFERENCE-NOT: compiled
// REFERENCE: hilbert-run: 'math.tanh': is not an op that is evaluated

// RUN: not hilbert-run %t/dynamic.mlir 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: hilbert-run: argument 0 is tensor<?x?x?x8xf32>: give its sizes by --shape=0:<size>x<size>...
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x5x2x8 2>&1 | FileCheck %s --check-prefix=MISSING1
// MISSING1: hilbert-run: argument 1 is tensor<?x?x?x8xf32>: give its sizes by --shape=1:<size>x<size>...
// RUN: not hilbert-run %t/dynamic.mlir --shape=1x5x2x8 2>&1 | FileCheck %s --check-prefix=FORM
// FORM: hilbert-run: --shape must be <argument>:<size>x<size>..., but got '1x5x2x8'
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x5xax8 2>&1 | FileCheck %s --check-prefix=LETTER
// LETTER: hilbert-run: sizes of --shape must be whole numbers from 0, but got 'a' in '0:1x5xax8'
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x-5x2x8 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// NEGATIVE: hilbert-run: sizes of --shape must be whole numbers from 0, but got '-5' in '0:1x-5x2x8'
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x5x2x --shape=1:1 2>&1 | FileCheck %s --check-prefix=EMPTY
// EMPTY: hilbert-run: sizes of --shape must be whole numbers from 0, but got '' in '0:1x5x2x'
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x5x2x8 --shape=1:1x5x2x8 \
// RUN:   --shape=2:1x5x2x8 --shape=3:5 --shape=4:5 2>&1 | FileCheck %s --check-prefix=BEYOND
// BEYOND: hilbert-run: --shape must name each of the 4 arguments at most once, but got '4:5'
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x5x2x8 --shape=1:1x5x2x8 \
// RUN:   --shape=0:1x5x2x8 2>&1 | FileCheck %s --check-prefix=AGAIN
// AGAIN: hilbert-run: --shape must name each of the 4 arguments at most once, but got '0:1x5x2x8'

// All are checked, those of other arguments first, and those that an input
// makes needless.
// RUN: not hilbert-run %t/dynamic.mlir --shape=3:-1 2>&1 | FileCheck %s --check-prefix=FRONT
// FRONT: hilbert-run: sizes of --shape must be whole numbers from 0, but got '-1' in '3:-1'
// RUN: not hilbert-run %t/no_keys.mlir --input=%t/save/out0.npy --shape=3:1 2>&1 \
// RUN:   | FileCheck %s --check-prefix=STATIC-BEYOND
// STATIC-BEYOND: hilbert-run: --shape must name each of the 3 arguments at most once, but got '3:1'
// RUN: not hilbert-run %t/no_keys.mlir --input=%t/save/out0.npy --shape=0:a 2>&1 \
// RUN:   | FileCheck %s --check-prefix=NEEDLESS
// NEEDLESS: hilbert-run: sizes of --shape must be whole numbers from 0, but got 'a' in '0:a'

// Of a static argument, other than its own; of another rank; beyond memory.
// RUN: not hilbert-run %t/no_keys.mlir --shape=0:1x21x2x8 2>&1 | FileCheck %s --check-prefix=STATIC
// STATIC: hilbert-run: argument 0 must have size 20 in dimension 1, but the array has 21
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x5x2 --shape=1:1x5x2x8 \
// RUN:   --shape=2:1x5x2x8 --shape=3:5 2>&1 | FileCheck %s --check-prefix=RANK
// RANK: hilbert-run: argument 0 must have rank 4, but the array has 3
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:99999999x99999999x99999999x8 2>&1 \
// RUN:   | FileCheck %s --check-prefix=HUGE
// HUGE-NOT: Stack dump
// HUGE: hilbert-run: a random argument has at most 1073741824 elements, but got '0:99999999x99999999x99999999x8'
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1073741825x1x1x1 2>&1 \
// RUN:   | FileCheck %s --check-prefix=LARGE
// LARGE: hilbert-run: a random argument has at most 1073741824 elements, but got '0:1073741825x1x1x1'

//--- dynamic.mlir
!q = tensor<?x?x?x8xf32>
!l = tensor<?x?x?xf32>
func.func @f(%q: !q, %k: !q, %v: !q, %t: tensor<?xi32>) -> (!q, !l) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %q, %c0 : !q
  %n = tensor.dim %q, %c1 : !q
  %h = tensor.dim %q, %c2 : !q
  %0 = tensor.empty(%b, %n, %h) : !q
  %1 = tensor.empty(%b, %h, %n) : !l
  %2, %3 = hilbert.attention ins(%q, %k, %v : !q, !q, !q) outs(%0, %1 : !q, !l)
      order(%t : tensor<?xi32>)
      pattern<(segment = 16, dilation = 2, offset = head)> causal<token>
  return %2, %3 : !q, !l
}

//--- groups.mlir
!q = tensor<?x?x?x8xbf16>
!l = tensor<?x?x?xf32>
func.func @f(%q: !q, %k: !q, %v: !q) -> (!q, !l) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %q, %c0 : !q
  %n = tensor.dim %q, %c1 : !q
  %h = tensor.dim %q, %c2 : !q
  %0 = tensor.empty(%b, %n, %h) : !q
  %1 = tensor.empty(%b, %h, %n) : !l
  %2, %3 = hilbert.attention ins(%q, %k, %v : !q, !q, !q) outs(%0, %1 : !q, !l)
      pattern<heads 1: (segment = 16) + (segment = dense, dilation = 3, mode = both, offset = [2, 1, 0, 2, 1, 0]),
              heads 5: (segment = 20, dilation = 2, offset = head)>
  return %2, %3 : !q, !l
}

//--- unknown.mlir
!q = tensor<?x?x?x8xf32>
!l = tensor<?x?x?xf32>
func.func @attention(%q: !q, %k: !q, %v: !q, %t: tensor<?xi32>) -> (!q, !l) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %q, %c0 : !q
  %n = tensor.dim %q, %c1 : !q
  %h = tensor.dim %q, %c2 : !q
  %0 = tensor.empty(%b, %n, %h) : !q
  %1 = tensor.empty(%b, %h, %n) : !l
  %2 = math.tanh %q : !q
  %3, %4 = hilbert.attention ins(%2, %k, %v : !q, !q, !q) outs(%0, %1 : !q, !l)
      order(%t : tensor<?xi32>)
      pattern<(segment = 16, dilation = 2, offset = head)> causal<token>
  %5 = math.tanh %3 : !q
  return %5, %4 : !q, !l
}

func.func @reorder(%x: tensor<?x?xf32>, %t: tensor<?xi32>) -> tensor<?x?xf32> {
  %0 = math.sqrt %x : tensor<?x?xf32>
  %1 = hilbert.reorder %0 dim 1 order(%t : tensor<?xi32>) : tensor<?x?xf32>
  %2 = math.sqrt %1 : tensor<?x?xf32>
  return %2 : tensor<?x?xf32>
}

//--- no_tokens.mlir
!t = tensor<1x0x2x8xf32>
!l = tensor<1x2x0xf32>
func.func @f(%q: !t, %k: !t, %v: !t) -> (!t, !l) {
  %0 = tensor.empty() : !t
  %1 = tensor.empty() : !l
  %2, %3 = hilbert.attention ins(%q, %k, %v : !t, !t, !t) outs(%0, %1 : !t, !l)
      pattern<(segment = 4, dilation = 2, mode = both)>
  return %2, %3 : !t, !l
}

//--- no_batch.mlir
!t = tensor<0x20x2x8xf32>
!l = tensor<0x2x20xf32>
func.func @f(%q: !t, %k: !t, %v: !t) -> (!t, !l) {
  %0 = tensor.empty() : !t
  %1 = tensor.empty() : !l
  %2, %3 = hilbert.attention ins(%q, %k, %v : !t, !t, !t) outs(%0, %1 : !t, !l)
      order(#hilbert.order<hilbert, [4, 5]>) causal<token>
  return %2, %3 : !t, !l
}

//--- no_keys.mlir
!q = tensor<1x20x2x8xf32>
!k = tensor<1x0x2x8xf32>
!l = tensor<1x2x20xf32>
func.func @f(%q: !q, %k: !k, %v: !k) -> (!q, !l) {
  %0 = tensor.empty() : !q
  %1 = tensor.empty() : !l
  %2, %3 = hilbert.attention ins(%q, %k, %v : !q, !k, !k) outs(%0, %1 : !q, !l)
  return %2, %3 : !q, !l
}
