// hilbert-run --device=cuda on real devices.

// REQUIRES: cuda
// RUN: rm -rf %t && split-file %s %t

// RUN: hilbert-run %t/programs.mlir --function=dense --device=cuda --check --grad --repeat=3 | FileCheck %s
// RUN: hilbert-run %t/programs.mlir --function=boxes --device=cuda:0 --check --grad | FileCheck %s
// RUN: hilbert-run %t/programs.mlir --function=tables --device=cuda --check --grad | FileCheck %s
// RUN: hilbert-run %t/programs.mlir --function=packed --device=cuda --check | FileCheck %s --check-prefix=FORWARD

// Everything else that the host runs, and the examples.
// RUN: %python %source/test/gpu/run_programs.py --runner=hilbert-run

// CHECK: prepared in {{[0-9]+}} ms, {{[01]}} compilations
// CHECK-NEXT: {{[a-z]+}}: {{[0-9.]+}} ms, {{[0-9.]+}} GFLOP/s, {{.*}}, sm_{{[0-9]+}}
// CHECK-NEXT: forward {{[0-9.]+}} ms, {{[0-9]+}} registers, {{[0-9]+}} bytes of stack, {{[0-9]+}} bytes of shared memory
// CHECK-NEXT: out0 {{.*}} ok
// CHECK-NEXT: out1 {{.*}} ok
// CHECK-NEXT: prepared in {{[0-9]+}} ms, {{[01]}} compilations
// CHECK-NEXT: {{[a-z]+}}_grad: {{[0-9.]+}} ms, {{[0-9.]+}} GFLOP/s
// CHECK: dkv {{[0-9.]+}} ms
// CHECK: grad0 {{.*}} ok
// FORWARD: out0 {{.*}} ok

//--- programs.mlir
func.func @dense(%q: tensor<2x777x4x64xbf16>, %k: tensor<2x500x2x64xbf16>, %v: tensor<2x500x2x64xbf16>)
    -> (tensor<2x777x4x64xbf16>, tensor<2x4x777xf32>) {
  %0 = tensor.empty() : tensor<2x777x4x64xbf16>
  %1 = tensor.empty() : tensor<2x4x777xf32>
  %r:2 = hilbert.attention
      ins(%q, %k, %v : tensor<2x777x4x64xbf16>, tensor<2x500x2x64xbf16>, tensor<2x500x2x64xbf16>)
      outs(%0, %1 : tensor<2x777x4x64xbf16>, tensor<2x4x777xf32>)
  return %r#0, %r#1 : tensor<2x777x4x64xbf16>, tensor<2x4x777xf32>
}
func.func @boxes(%q: tensor<1x4096x2x128xf16>, %k: tensor<1x4096x2x128xf16>, %v: tensor<1x4096x2x128xf16>)
    -> (tensor<1x4096x2x128xf16>, tensor<1x2x4096xf32>) {
  %0 = tensor.empty() : tensor<1x4096x2x128xf16>
  %1 = tensor.empty() : tensor<1x2x4096xf32>
  %r:2 = hilbert.attention
      ins(%q, %k, %v : tensor<1x4096x2x128xf16>, tensor<1x4096x2x128xf16>, tensor<1x4096x2x128xf16>)
      outs(%0, %1 : tensor<1x4096x2x128xf16>, tensor<1x2x4096xf32>)
      order(#hilbert.order<hilbert, [64, 64]>) pattern<(segment = 256)> causal<token>
  return %r#0, %r#1 : tensor<1x4096x2x128xf16>, tensor<1x2x4096xf32>
}
func.func @tables(%q: tensor<2x2x300x40xbf16>, %k: tensor<2x2x300x40xbf16>, %v: tensor<2x2x300x40xbf16>,
                  %t: tensor<2x300xi32>)
    -> (tensor<2x2x300x40xbf16>, tensor<2x2x300xf32>) {
  %0 = tensor.empty() : tensor<2x2x300x40xbf16>
  %1 = tensor.empty() : tensor<2x2x300xf32>
  %r:2 = hilbert.attention
      ins(%q, %k, %v : tensor<2x2x300x40xbf16>, tensor<2x2x300x40xbf16>, tensor<2x2x300x40xbf16>)
      outs(%0, %1 : tensor<2x2x300x40xbf16>, tensor<2x2x300xf32>)
      order(%t : tensor<2x300xi32>)
      pattern<(segment = 100, dilation = 3, mode = both, offset = head)> causal<position> layout<bhnd>
  return %r#0, %r#1 : tensor<2x2x300x40xbf16>, tensor<2x2x300xf32>
}
func.func @packed(%qkv: tensor<2x77x3x4x64xf16>) -> (tensor<2x77x4x64xf16>, tensor<2x4x77xf32>) {
  %q = tensor.extract_slice %qkv[0, 0, 0, 0, 0][2, 77, 1, 4, 64][1, 1, 1, 1, 1]
      : tensor<2x77x3x4x64xf16> to tensor<2x77x4x64xf16>
  %k = tensor.extract_slice %qkv[0, 0, 1, 0, 0][2, 77, 1, 4, 64][1, 1, 1, 1, 1]
      : tensor<2x77x3x4x64xf16> to tensor<2x77x4x64xf16>
  %v = tensor.extract_slice %qkv[0, 0, 2, 0, 0][2, 77, 1, 4, 64][1, 1, 1, 1, 1]
      : tensor<2x77x3x4x64xf16> to tensor<2x77x4x64xf16>
  %0 = tensor.empty() : tensor<2x77x4x64xf16>
  %1 = tensor.empty() : tensor<2x4x77xf32>
  %r:2 = hilbert.attention
      ins(%q, %k, %v : tensor<2x77x4x64xf16>, tensor<2x77x4x64xf16>, tensor<2x77x4x64xf16>)
      outs(%0, %1 : tensor<2x77x4x64xf16>, tensor<2x4x77xf32>)
  return %r#0, %r#1 : tensor<2x77x4x64xf16>, tensor<2x4x77xf32>
}
