// Compiling, running, checking, saving.

// RUN: rm -rf %t && mkdir -p %t/a %t/b %t/c %t/d %t/e %t/f
// RUN: split-file %s %t/files

// RUN: hilbert-run %t/files/all.mlir --function=attention --check | FileCheck %s --check-prefix=CHECKED
// RUN: hilbert-run %t/files/all.mlir --function=attention --check --grad \
// RUN:   | FileCheck %s --check-prefixes=CHECKED,GRAD
// RUN: hilbert-run %t/files/all.mlir --function=half --check --grad | FileCheck %s --check-prefix=HALF
// RUN: hilbert-run %t/files/all.mlir --function=brain --check --grad | FileCheck %s --check-prefix=BRAIN

// CHECKED: compiled in {{[0-9]+}} ms
// CHECKED-NEXT: attention: {{[0-9.]+}} ms, {{[0-9.]+}} GFLOP/s, {{[0-9]+}} threads, 0.00 MiB beyond the results
// CHECKED-NEXT: out0 1x100x2x16xf32 max error {{[0-9.e-]+}} relative {{[0-9.e-]+}} ok
// CHECKED-NEXT: out1 1x2x100xf32 max error {{[0-9.e-]+}} relative {{[0-9.e-]+}} ok
// GRAD-NEXT: attention_grad: {{[0-9.]+}} ms, {{[0-9.]+}} GFLOP/s, {{[0-9]+}} threads, 0.00 MiB beyond the results
// GRAD-NEXT: grad0 1x100x2x16xf32 max error {{[0-9.e-]+}} relative {{[0-9.e-]+}} ok
// GRAD-NEXT: grad1 1x100x2x16xf32 max error {{[0-9.e-]+}} relative {{[0-9.e-]+}} ok
// GRAD-NEXT: grad2 1x100x2x16xf32 max error {{[0-9.e-]+}} relative {{[0-9.e-]+}} ok
// GRAD-NOT: {{.}}

// HALF-COUNT-5: {{(out|grad)[0-2] .* ok}}
// HALF-NOT: {{out|grad}}
// BRAIN-COUNT-5: {{(out|grad)[0-2] .* ok}}
// BRAIN-NOT: {{out|grad}}

// Without --check there are shapes only; the reference does not run.
// RUN: hilbert-run %t/files/all.mlir --function=attention | FileCheck %s --check-prefix=PLAIN
// PLAIN: out0 1x100x2x16xf32
// PLAIN-NOT: error
// PLAIN-NOT: ok

// What runs, after fusion.
// RUN: hilbert-run %t/files/all.mlir --function=brain --print-fused --grad | FileCheck %s --check-prefix=FUSED
// Only of the function that runs, and its gradient.
// FUSED-NOT: hilbert.attention
// FUSED: hilbert.attention ins(%arg0, %arg1, %arg2 : tensor<1x100x2x16xbf16>,
// FUSED-SAME: order(#{{.*}}) pattern<(segment = 16, dilation = 2)>
// FUSED-NOT: hilbert.attention ins
// FUSED: hilbert.attention_grad ins({{.*}} : tensor<1x100x2x16xbf16>,
// FUSED-SAME: order(#{{.*}}) pattern<(segment = 16, dilation = 2)>
// FUSED-NOT: hilbert.attention
// FUSED: compiled in

// The same seed gives the same bytes, another gives others.
// RUN: hilbert-run %t/files/all.mlir --function=attention --grad --seed=3 --save=%t/a --num-threads=1 \
// RUN:   | FileCheck %s --check-prefix=ONE
// RUN: hilbert-run %t/files/all.mlir --function=attention --grad --seed=3 --save=%t/b --num-threads=2 \
// RUN:   | FileCheck %s --check-prefix=TWO
// RUN: hilbert-run %t/files/all.mlir --function=attention --grad --seed=3 --save=%t/c --repeat=4
// RUN: hilbert-run %t/files/all.mlir --function=attention --grad --seed=4 --save=%t/d
// RUN: diff -r %t/a %t/b
// RUN: diff -r %t/a %t/c
// RUN: not diff -q %t/a/out0.npy %t/d/out0.npy
// RUN: not diff -q %t/a/grad2.npy %t/d/grad2.npy
// ONE: 1 threads
// TWO: 2 threads

// What was saved can be read: the same results from the same inputs. Arguments
// without an input are random.
// RUN: hilbert-run %t/files/values.mlir --function=sum --input=%t/a/out0.npy --input=%t/d/out0.npy \
// RUN:   --save=%t/e --check
// RUN: hilbert-run %t/files/values.mlir --function=sum --input=%t/d/out0.npy --input=%t/a/out0.npy \
// RUN:   --save=%t/f --check
// RUN: diff -r %t/e %t/f
// RUN: hilbert-run %t/files/values.mlir --function=sum --input=%t/a/out0.npy --seed=7 --save=%t/f
// RUN: not diff -q %t/e/out0.npy %t/f/out0.npy

// A saved table is an order.
// RUN: hilbert-run %t/files/values.mlir --function=table --save=%t/e --check
// RUN: hilbert-run %t/files/all.mlir --function=ordered --input=%t/a/out0.npy --input=%t/e/out0.npy --check \
// RUN:   | FileCheck %s --check-prefix=ORDERED
// ORDERED: out0 1x100x2x16xf32 {{.*}} ok

// A file is replaced.
// RUN: hilbert-run %t/files/all.mlir --function=attention --seed=3 --save=%t/d
// RUN: diff %t/a/out0.npy %t/d/out0.npy

// From standard input, where there is one function.
// RUN: hilbert-run --check < %t/files/single.mlir | FileCheck %s --check-prefix=SINGLE
// RUN: hilbert-run %t/files/single.mlir --check | FileCheck %s --check-prefix=SINGLE
// SINGLE: single:
// SINGLE: out0 4xf32 {{.*}} ok

// Repeated calls do not disturb one another.
// RUN: hilbert-run %t/files/values.mlir --function=sum --check --repeat=3

// Nothing to return.
// RUN: hilbert-run %t/files/all.mlir --function=nothing --check | FileCheck %s --check-prefix=NOTHING
// NOTHING: nothing:
// NOTHING-NOT: out

//--- single.mlir
func.func private @helper(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = arith.negf %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}
func.func @single(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = arith.addf %x, %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}

//--- all.mlir
#h = #hilbert.order<hilbert, [10, 10]>
!t = tensor<1x100x2x16xf32>
!l = tensor<1x2x100xf32>

func.func @attention(%q: !t, %k: !t, %v: !t) -> (!t, !l) {
  %0 = tensor.empty() : !t
  %1 = tensor.empty() : !l
  %2, %3 = hilbert.attention ins(%q, %k, %v : !t, !t, !t) outs(%0, %1 : !t, !l)
      order(#h) pattern<(segment = 30)> causal<token>
  return %2, %3 : !t, !l
}

!f = tensor<2x100x4x8xf16>
!g = tensor<2x100x2x8xf16>
!m = tensor<2x4x100xf32>
func.func @half(%q: !f, %k: !g, %v: !g) -> (!f, !m) {
  %0 = tensor.empty() : !f
  %1 = tensor.empty() : !m
  %2, %3 = hilbert.attention ins(%q, %k, %v : !f, !g, !g) outs(%0, %1 : !f, !m)
      pattern<(segment = 30, dilation = 3, mode = residues)>
  return %2, %3 : !f, !m
}

!b = tensor<1x100x2x16xbf16>
func.func @brain(%q: !b, %k: !b, %v: !b) -> (!b, !l) {
  %qc = hilbert.reorder %q dim 1 order(#h) : !b
  %kc = hilbert.reorder %k dim 1 order(#h) : !b
  %vc = hilbert.reorder %v dim 1 order(#h) : !b
  %0 = tensor.empty() : !b
  %1 = tensor.empty() : !l
  %2, %3 = hilbert.attention ins(%qc, %kc, %vc : !b, !b, !b)
      outs(%0, %1 : !b, !l) pattern<(segment = 16, dilation = 2)>
  %4 = hilbert.restore %2 dim 1 order(#h) : !b
  %5 = hilbert.restore %3 dim 2 order(#h) : !l
  return %4, %5 : !b, !l
}

func.func @ordered(%x: !t, %p: tensor<100xi32>) -> !t {
  %0 = hilbert.reorder %x dim 1 order(%p : tensor<100xi32>) : !t
  return %0 : !t
}

func.func @nothing(%x: !t) {
  return
}

//--- values.mlir
#h = #hilbert.order<hilbert, [10, 10]>
!t = tensor<1x100x2x16xf32>

func.func @sum(%x: !t, %y: !t) -> !t {
  %0 = arith.addf %x, %y : !t
  return %0 : !t
}

func.func @table() -> tensor<100xi32> {
  %0 = hilbert.permutation order(#h) : tensor<100xi32>
  return %0 : tensor<100xi32>
}
