// RUN: split-file --leading-lines %s %t
// RUN: hilbert-opt %t/fine.mlir --hilbert-to-llvm \
// RUN:   | FileCheck %s --implicit-check-not='{{(func|arith|memref|scf|vector|math|cf|linalg|hilbert|bufferization|affine|ub)\.[a-z_]+[ (]}}' \
// RUN:       --implicit-check-not=unrealized
// RUN: hilbert-opt %t/fine.mlir --hilbert-grad --hilbert-to-llvm='lanes=4' \
// RUN:   | FileCheck %s --check-prefix=GRAD
// RUN: not hilbert-opt %t/contract.mlir --hilbert-to-llvm \
// RUN:     --allow-unregistered-dialect 2>&1 \
// RUN:   | FileCheck %s --check-prefix=CONTRACT
// RUN: not hilbert-opt %t/left.mlir --hilbert-to-llvm 2>&1 \
// RUN:   | FileCheck %s --check-prefix=LEFT

// All the way: nothing but the llvm dialect remains, and calls into the host
// runtime.

// Polynomials take the place of exp and log: no library call an element.
// CHECK-NOT: llvm.intr.exp
// CHECK-NOT: llvm.intr.log
// CHECK-DAG: llvm.func @hilbert_rt_parallel_for(
// CHECK-DAG: llvm.func @hilbert_rt_order(
// CHECK-DAG: llvm.func @hilbert_rt_fail(
// CHECK-DAG: llvm.func @static_f32(
// CHECK-DAG: llvm.func @_mlir_ciface_static_f32(
// CHECK-DAG: llvm.func internal @static_f32_kernel(
// CHECK-DAG: llvm.func internal @static_f32_kernel_thunk(
// CHECK-DAG: llvm.func @_mlir_ciface_static_f16(
// CHECK-DAG: llvm.func internal @static_f16_kernel(
// CHECK-DAG: llvm.func @_mlir_ciface_dynamic_bf16(
// CHECK-DAG: llvm.func internal @dynamic_bf16_kernel(
// CHECK-DAG: llvm.mlir.global internal constant @hilbert_message_0("hilbert.attention: k's batch must be equal to q's batch\00")

// GRAD-DAG: llvm.func @_mlir_ciface_static_f32_grad(
// GRAD-DAG: llvm.func internal @static_f32_grad_kernel(
// GRAD-DAG: llvm.func internal @static_f32_grad_kernel_{{[0-9]+}}(
// GRAD-DAG: llvm.func @_mlir_ciface_dynamic_bf16_grad(
// GRAD: vector<4xf32>
// GRAD-NOT: vector<16xf32>

//--- fine.mlir
#h = #hilbert.order<hilbert, [8, 8]>
!l = tensor<1x2x64xf32>

!t = tensor<1x64x2x16xf32>
func.func @static_f32(%q: !t, %k: !t, %v: !t) -> (!t, !l) {
  %0 = tensor.empty() : !t
  %1 = tensor.empty() : !l
  %2, %3 = hilbert.attention ins(%q, %k, %v : !t, !t, !t) outs(%0, %1 : !t, !l)
      order(#h) pattern<(segment = 16)>
  return %2, %3 : !t, !l
}

!s = tensor<1x64x2x16xf16>
func.func @static_f16(%q: !s, %k: !s, %v: !s) -> (!s, !l) {
  %0 = tensor.empty() : !s
  %1 = tensor.empty() : !l
  %2, %3 = hilbert.attention ins(%q, %k, %v : !s, !s, !s) outs(%0, %1 : !s, !l)
      causal<position>
  return %2, %3 : !s, !l
}

!d = tensor<?x?x?x16xbf16>
!e = tensor<?x?x?xf32>
func.func @dynamic_bf16(%q: !d, %k: !d, %v: !d) -> (!d, !e) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %b = tensor.dim %q, %c0 : !d
  %n = tensor.dim %q, %c1 : !d
  %h = tensor.dim %q, %c2 : !d
  %0 = tensor.empty(%b, %n, %h) : !d
  %1 = tensor.empty(%b, %h, %n) : !e
  %2, %3 = hilbert.attention ins(%q, %k, %v : !d, !d, !d) outs(%0, %1 : !d, !e)
      pattern<(segment = 16, dilation = 3, mode = both, offset = longnet)>
  return %2, %3 : !d, !e
}

//--- contract.mlir
// An op that no pass knows.
// CONTRACT: contract.mlir:[[#@LINE+2]]:8: error: the fused level holds hilbert, func, tensor, arith and math ops, but got 'unknown.op'
func.func @f(%x: vector<4xf32>) -> vector<4xf32> {
  %0 = "unknown.op"(%x) : (vector<4xf32>) -> vector<4xf32>
  return %0 : vector<4xf32>
}

//--- left.mlir
// A schedule of another target.
// LEFT: left.mlir:[[#@LINE+6]]:12: error: 'hilbert.attention' op host lowering needs a #hilbert.host_schedule: run hilbert-select-host-schedule first
!t = tensor<1x64x2x16xf32>
!l = tensor<1x2x64xf32>
func.func @f(%q: !t) -> (!t, !l) {
  %0 = tensor.empty() : !t
  %1 = tensor.empty() : !l
  %2, %3 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%0, %1 : !t, !l)
      schedule("foreign")
  return %2, %3 : !t, !l
}
