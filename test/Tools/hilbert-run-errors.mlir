// What hilbert-run refuses: a message, exit code 1, no crash.

// RUN: rm -rf %t && split-file %s %t && mkdir -p %t/save

//===----------------------------------------------------------------------===//
// Programs and functions
//===----------------------------------------------------------------------===//

// RUN: not hilbert-run %t/none.mlir 2>&1 | FileCheck %s --check-prefix=FILE
// FILE: hilbert-run: cannot open input file '{{.*}}none.mlir': No such file or directory
// RUN: not hilbert-run %t/syntax.mlir 2>&1 | FileCheck %s --check-prefix=SYNTAX
// SYNTAX: syntax.mlir:{{[0-9:]+}}: error:
// RUN: not hilbert-run %t/program.mlir --function=nowhere 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: hilbert-run: there is no function 'nowhere'
// RUN: not hilbert-run %t/program.mlir --function=declared 2>&1 | FileCheck %s --check-prefix=DECLARED
// DECLARED: hilbert-run: there is no function 'declared'
// RUN: not hilbert-run %t/program.mlir 2>&1 | FileCheck %s --check-prefix=SEVERAL
// SEVERAL: hilbert-run: there are several functions: choose one by --function
// RUN: not hilbert-run %t/private.mlir 2>&1 | FileCheck %s --check-prefix=PRIVATE
// PRIVATE: hilbert-run: there is no public function to run
// RUN: not hilbert-run %t/plain.mlir --grad 2>&1 | FileCheck %s --check-prefix=PLAIN
// PLAIN: hilbert-run: 'plain' has no attention to differentiate
// RUN: not hilbert-run %t/program.mlir --function=scalar 2>&1 | FileCheck %s --check-prefix=SCALAR
// SCALAR: hilbert-run: result 0 must be a tensor
// RUN: not hilbert-run %t/program.mlir --function=index 2>&1 | FileCheck %s --check-prefix=INDEX
// INDEX: hilbert-run: argument 0 must be a scalar or tensor of f16, bf16, f32, f64, i32 or i64, but is index
// RUN: not hilbert-run %t/program.mlir --function=double 2>&1 | FileCheck %s --check-prefix=DOUBLE
// DOUBLE: hilbert-run: there is no random value for argument 0 of type tensor<4xf64>: give it by --input
// RUN: not hilbert-run %t/program.mlir --unknown 2>&1 | FileCheck %s --check-prefix=OPTION
// OPTION: Unknown command line argument '--unknown'

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

// RUN: not hilbert-run %t/program.mlir --function=attention --check --tolerance=1e-12 2>&1 \
// RUN:   | FileCheck %s --check-prefix=TOLERANCE
// TOLERANCE: out0 {{.*}} FAILED
// TOLERANCE: hilbert-run: an error is beyond the tolerance
// RUN: not hilbert-run %t/program.mlir --function=attention --grad --check --tolerance=1e-12 2>&1 \
// RUN:   | FileCheck %s --check-prefix=GRADIENT
// GRADIENT: out0 {{.*}} FAILED
// GRADIENT: grad0 {{.*}} FAILED
// GRADIENT: hilbert-run: an error is beyond the tolerance
// RUN: hilbert-run %t/program.mlir --function=attention --grad --check --tolerance=1e-3 \
// RUN:   | FileCheck %s --check-prefix=LOOSE --implicit-check-not=FAILED
// LOOSE: grad0 {{.*}} ok

//===----------------------------------------------------------------------===//
// Compilation
//===----------------------------------------------------------------------===//

// The line that is printed shows the same error. (Its file and the quotes are
// for a shell.)
// RUN: not hilbert-run %t/schedule.mlir > %t/first.txt 2>&1
// RUN: FileCheck %s --check-prefixes=SCHEDULE,REPRODUCER < %t/first.txt
// RUN: sed -n 's/.*to reproduce: //p' %t/first.txt > %t/command
// RUN: not sh %t/command 2>&1 | FileCheck %s --check-prefix=SCHEDULE
// SCHEDULE: error: 'hilbert.attention' op host lowering needs a #hilbert.host_schedule: run hilbert-select-host-schedule first
// REPRODUCER: remark: to reproduce: hilbert-opt {{.*}}.mlir --pass-pipeline='builtin.module(hilbert-to-llvm{lanes={{[0-9]+}}})'
// REPRODUCER: hilbert-run: compilation failed

// What the reference does not know cannot be checked, which is said before that;
// without --check it runs, and nobody knows its operations.
// RUN: not hilbert-run %t/level.mlir --check 2>&1 | FileCheck %s --check-prefix=LEVEL
// LEVEL-NOT: compiled
// LEVEL: hilbert-run: 'scf.for': is not an op that is evaluated
// RUN: hilbert-run %t/level.mlir | FileCheck %s --check-prefix=RUNS --implicit-check-not=FLOP
// RUNS: f: {{[0-9.]+}} ms, {{[0-9]+}} threads,
// RUNS-NEXT: out0 4xf32

//===----------------------------------------------------------------------===//
// Arrays
//===----------------------------------------------------------------------===//

// RUN: hilbert-run %t/arrays.mlir --save=%t/save
// out0: 1x20x2x8xf32, out1: 20x2x8xf32, out2: 1x21x2x8xf32, out3: 1x20x2x8xf16,
// out4: 20xi32 with 3 twice, out5: 20xi32 with 20, out6: with -1, out7: 19xi32,
// out8: 2x20xi32, the second row with 0 twice.

// RUN: not hilbert-run %t/program.mlir --function=attention --input=%t/none.npy 2>&1 \
// RUN:   | FileCheck %s --check-prefix=MISSING
// MISSING: hilbert-run: {{.*}}none.npy: No such file or directory
// RUN: not hilbert-run %t/program.mlir --function=attention --input=%t 2>&1 \
// RUN:   | FileCheck %s --check-prefix=FOLDER
// FOLDER: hilbert-run: {{.*}}: the input must be a regular file, got a directory
// RUN: not hilbert-run %t/program.mlir --function=attention --input=%t/program.mlir 2>&1 \
// RUN:   | FileCheck %s --check-prefix=MAGIC
// MAGIC: hilbert-run: {{.*}}program.mlir: the file must begin with '\93NUMPY', got
// RUN: printf '\223NUMPY' > %t/short.npy
// RUN: not hilbert-run %t/program.mlir --function=attention --input=%t/short.npy 2>&1 \
// RUN:   | FileCheck %s --check-prefix=SHORT
// SHORT: hilbert-run: {{.*}}short.npy: the file must have at least 10 bytes, got 6
// RUN: head -c 1000 %t/save/out0.npy > %t/cut.npy
// RUN: not hilbert-run %t/program.mlir --function=attention --input=%t/cut.npy 2>&1 \
// RUN:   | FileCheck %s --check-prefix=CUT
// CUT: hilbert-run: {{.*}}cut.npy: the data must have 1280 bytes for shape (1, 20, 2, 8) of f32, got 872
// RUN: sed 's/<f4/<c8/' %t/save/out0.npy > %t/complex.npy
// RUN: not hilbert-run %t/program.mlir --function=attention --input=%t/complex.npy 2>&1 \
// RUN:   | FileCheck %s --check-prefix=COMPLEX
// COMPLEX: hilbert-run: {{.*}}complex.npy: 'descr' must be '<f2', '<V2' (bf16), '<f4', '<f8', '<i4' or '<i8', got '<c8'
// RUN: sed 's/<f4/>f4/' %t/save/out0.npy > %t/big.npy
// RUN: not hilbert-run %t/program.mlir --function=attention --input=%t/big.npy 2>&1 \
// RUN:   | FileCheck %s --check-prefix=BIG
// BIG: hilbert-run: {{.*}}big.npy: 'descr' must be little-endian, got '>f4'

// RUN: not hilbert-run %t/program.mlir --function=attention --input=%t/save/out3.npy 2>&1 \
// RUN:   | FileCheck %s --check-prefix=TYPE
// TYPE: hilbert-run: argument 0 must have elements of type f32, but the array has f16
// RUN: not hilbert-run %t/program.mlir --function=attention --input=%t/save/out1.npy 2>&1 \
// RUN:   | FileCheck %s --check-prefix=RANK
// RANK: hilbert-run: argument 0 must have rank 4, but the array has 3
// RUN: not hilbert-run %t/program.mlir --function=attention --input=%t/save/out2.npy 2>&1 \
// RUN:   | FileCheck %s --check-prefix=SIZE
// SIZE: hilbert-run: argument 0 must have size 20 in dimension 1, but the array has 21
// RUN: not hilbert-run %t/program.mlir --function=attention --input=%t/save/out0.npy \
// RUN:   --input=%t/save/out0.npy 2>&1 | FileCheck %s --check-prefix=SECOND
// SECOND: hilbert-run: argument 1 must have elements of type i32, but the array has f32
// All that comes before the compilation, and before --check.
// RUN: not hilbert-run %t/schedule.mlir --check --input=%t/save/out2.npy 2>&1 \
// RUN:   | FileCheck %s --check-prefix=BEFORE --implicit-check-not=error
// BEFORE: hilbert-run: argument 0 must have size 20 in dimension 1, but the array has 21
// RUN: not hilbert-run %t/program.mlir --function=attention --input=%t/save/out0.npy \
// RUN:   --input=%t/save/out0.npy --input=%t/save/out0.npy 2>&1 | FileCheck %s --check-prefix=MANY
// MANY: hilbert-run: there are 3 --input, but 'attention' takes 2 arguments
// RUN: not hilbert-run %t/program.mlir --function=attention --save=%t/nowhere 2>&1 \
// RUN:   | FileCheck %s --check-prefix=SAVE
// SAVE: hilbert-run: {{.*}}nowhere/out0.npy: No such file or directory

// Kernels trust their tables, so tables are checked.
// RUN: not hilbert-run %t/program.mlir --function=attention --input=%t/save/out0.npy \
// RUN:   --input=%t/save/out4.npy 2>&1 | FileCheck %s --check-prefix=TWICE
// TWICE: hilbert-run: argument 1: order must be a permutation of 0..19, but 3 occurs twice (entries 3 and 4)
// RUN: not hilbert-run %t/program.mlir --function=attention --input=%t/save/out0.npy \
// RUN:   --input=%t/save/out5.npy 2>&1 | FileCheck %s --check-prefix=ABOVE
// ABOVE: hilbert-run: argument 1: order must be a permutation of 0..19, but entry 19 is 20
// RUN: not hilbert-run %t/program.mlir --function=attention --input=%t/save/out0.npy \
// RUN:   --input=%t/save/out6.npy 2>&1 | FileCheck %s --check-prefix=BELOW
// BELOW: hilbert-run: argument 1: order must be a permutation of 0..19, but entry 0 is -1
// RUN: not hilbert-run %t/program.mlir --function=attention --input=%t/save/out0.npy \
// RUN:   --input=%t/save/out7.npy 2>&1 | FileCheck %s --check-prefix=LENGTH
// LENGTH: hilbert-run: argument 1 must have size 20 in dimension 0, but the array has 19
// RUN: not hilbert-run %t/program.mlir --function=batched --input=%t/save/out8.npy 2>&1 \
// RUN:   | FileCheck %s --check-prefix=ROW
// ROW: hilbert-run: argument 0: order must be a permutation of 0..19, but 0 occurs twice (entries 0 and 1)

//--- program.mlir
!t = tensor<1x20x2x8xf32>
!l = tensor<1x2x20xf32>

func.func @attention(%q: !t, %p: tensor<20xi32>) -> (!t, !l) {
  %0 = tensor.empty() : !t
  %1 = tensor.empty() : !l
  %2, %3 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%0, %1 : !t, !l)
      order(%p : tensor<20xi32>) pattern<(segment = 7)>
  return %2, %3 : !t, !l
}

func.func @batched(%p: tensor<2x20xi32>, %x: tensor<2x20x3xf32>)
    -> tensor<2x20x3xf32> {
  %0 = hilbert.reorder %x dim 1 order(%p : tensor<2x20xi32>) : tensor<2x20x3xf32>
  return %0 : tensor<2x20x3xf32>
}

func.func private @declared(!t) -> !t

func.func @scalar(%x: f32) -> f32 {
  return %x : f32
}

func.func @double(%x: tensor<4xf64>) -> tensor<4xf64> {
  return %x : tensor<4xf64>
}
func.func @index(%x: index) {
  return
}

//--- private.mlir
func.func private @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
func.func private @g()

//--- syntax.mlir
func.func @f( {

//--- schedule.mlir
!t = tensor<1x20x2x8xf32>
!l = tensor<1x2x20xf32>
func.func @f(%q: !t) -> (!t, !l) {
  %0 = tensor.empty() : !t
  %1 = tensor.empty() : !l
  %2, %3 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%0, %1 : !t, !l)
      schedule("foreign")
  return %2, %3 : !t, !l
}

//--- level.mlir
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %0 = scf.for %i = %c0 to %c1 step %c1 iter_args(%a = %x) -> tensor<4xf32> {
    %1 = arith.addf %a, %x : tensor<4xf32>
    scf.yield %1 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

//--- plain.mlir
!t = tensor<1x20x2x8xf32>
func.func @plain(%x: !t) -> !t {
  %0 = arith.negf %x : !t
  return %0 : !t
}

//--- arrays.mlir
!t = tensor<1x20x2x8xf32>
func.func @arrays() -> (!t, tensor<20x2x8xf32>, tensor<1x21x2x8xf32>,
    tensor<1x20x2x8xf16>, tensor<20xi32>, tensor<20xi32>, tensor<20xi32>,
    tensor<19xi32>, tensor<2x20xi32>) {
  %0 = arith.constant dense<1.0> : !t
  %1 = arith.constant dense<1.0> : tensor<20x2x8xf32>
  %2 = arith.constant dense<1.0> : tensor<1x21x2x8xf32>
  %3 = arith.constant dense<1.0> : tensor<1x20x2x8xf16>
  %4 = arith.constant dense<[0, 1, 2, 3, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
      15, 16, 17, 18, 19]> : tensor<20xi32>
  %5 = arith.constant dense<[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
      15, 16, 17, 18, 20]> : tensor<20xi32>
  %6 = arith.constant dense<[-1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
      15, 16, 17, 18, 19]> : tensor<20xi32>
  %7 = arith.constant dense<[18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
      15, 16, 17, 0]> : tensor<19xi32>
  %8 = arith.constant dense<[[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
      15, 16, 17, 18, 19], [0, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
      15, 16, 17, 18, 19]]> : tensor<2x20xi32>
  return %0, %1, %2, %3, %4, %5, %6, %7, %8 : !t, tensor<20x2x8xf32>,
      tensor<1x21x2x8xf32>, tensor<1x20x2x8xf16>, tensor<20xi32>,
      tensor<20xi32>, tensor<20xi32>, tensor<19xi32>, tensor<2x20xi32>
}
