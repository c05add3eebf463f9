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

// Sizes that do not fit are errors, not crashes.
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x50x4x8 --shape=1:2x50x2x8 \
// RUN:   --shape=2:2x50x2x8 --shape=3:50 2>&1 | FileCheck %s --check-prefix=BATCH
// BATCH: hilbert-run: 'hilbert.attention': {{.*}}
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x50x3x8 --shape=1:1x50x2x8 \
// RUN:   --shape=2:1x50x2x8 --shape=3:50 2>&1 | FileCheck %s --check-prefix=HEADS
// HEADS: hilbert-run: 'hilbert.attention': 3 query heads are not a multiple of 2 key heads
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x50x2x8 --shape=1:1x51x2x8 \
// RUN:   --shape=2:1x51x2x8 --shape=3:50 2>&1 | FileCheck %s --check-prefix=TOKENS
// TOKENS: hilbert-run: 'hilbert.attention': {{.*}}50{{.*}}51
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x50x2x8 --shape=1:1x50x2x8 \
// RUN:   --shape=2:1x50x1x8 --shape=3:50 2>&1 | FileCheck %s --check-prefix=VALUES
// VALUES: hilbert-run: 'hilbert.attention': v has the shape [1, 50, 1, 8], but must have [1, 50, 2, 8]
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x50x2x8 --shape=1:1x50x2x8 \
// RUN:   --shape=2:1x50x2x8 --shape=3:49 2>&1 | FileCheck %s --check-prefix=TABLE
// TABLE: hilbert-run: 'hilbert.attention': {{.*}}49

// RUN: not hilbert-run %t/dynamic.mlir 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: hilbert-run: argument 0 is tensor<?x?x?x8xf32>: give its sizes by --shape=0:<size>x<size>...
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x5x2x8 2>&1 | FileCheck %s --check-prefix=MISSING1
// MISSING1: hilbert-run: argument 1 is tensor<?x?x?x8xf32>: give its sizes by --shape=1:<size>x<size>...
// RUN: not hilbert-run %t/dynamic.mlir --shape=1x5x2x8 2>&1 | FileCheck %s --check-prefix=FORM
// FORM: hilbert-run: --shape must be <argument>:<size>x<size>..., but got '1x5x2x8'
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x5xax8 2>&1 | FileCheck %s --check-prefix=LETTER
// LETTER: hilbert-run: sizes of --shape must not be negative, but got 'a' in '0:1x5xax8'
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x-5x2x8 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// NEGATIVE: hilbert-run: sizes of --shape must not be negative, but got '-5' in '0:1x-5x2x8'
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x5x2x --shape=1:1 2>&1 | FileCheck %s --check-prefix=EMPTY
// EMPTY: hilbert-run: sizes of --shape must not be negative, but got '' in '0:1x5x2x'
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x5x2x8 --shape=1:1x5x2x8 \
// RUN:   --shape=2:1x5x2x8 --shape=3:5 --shape=4:5 2>&1 | FileCheck %s --check-prefix=BEYOND
// BEYOND: hilbert-run: {{.*}}--shape{{.*}}4

// Of a static argument, other than its own; of another rank; beyond memory.
// RUN: not hilbert-run %t/no_keys.mlir --shape=0:1x21x2x8 2>&1 | FileCheck %s --check-prefix=STATIC
// STATIC: hilbert-run: {{.*}}1, 21, 2, 8
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:1x5x2 --shape=1:1x5x2x8 \
// RUN:   --shape=2:1x5x2x8 --shape=3:5 2>&1 | FileCheck %s --check-prefix=RANK
// RANK: hilbert-run: {{.*}}1, 5, 2
// RUN: not hilbert-run %t/dynamic.mlir --shape=0:99999999x99999999x99999999x8 2>&1 \
// RUN:   | FileCheck %s --check-prefix=HUGE
// HUGE-NOT: Stack dump
// HUGE: hilbert-run: {{.*}}99999999

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
