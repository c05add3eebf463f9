// hilbert-run --device=cuda where it cannot run, and over a driver whose
// launches do nothing.

// RUN: rm -rf %t && split-file %s %t && mkdir %t/cache

// RUN: not env HILBERT_CUDA_DRIVER=%t/nothing hilbert-run %t/good.mlir --device=cuda 2>&1 \
// RUN:   | FileCheck %s --check-prefix=DRIVER
// DRIVER: hilbert-run: cannot load the CUDA driver: {{.*}}nothing: cannot open
// RUN: not env HILBERT_CUDA_DRIVER=%fake_cuda hilbert-run %t/good.mlir --device=cuda:1 2>&1 \
// RUN:   | FileCheck %s --check-prefix=ORDINAL
// ORDINAL: hilbert-run: there is no device 1
// RUN: not hilbert-run %t/good.mlir --device=cuda:-1 2>&1 | FileCheck %s --check-prefix=NAME -DGOT=cuda:-1
// RUN: not hilbert-run %t/good.mlir --device=cuda:x 2>&1 | FileCheck %s --check-prefix=NAME -DGOT=cuda:x
// RUN: not hilbert-run %t/good.mlir --device=cudax 2>&1 | FileCheck %s --check-prefix=NAME -DGOT=cudax
// RUN: not hilbert-run %t/good.mlir --device=gpu 2>&1 | FileCheck %s --check-prefix=NAME -DGOT=gpu
// NAME: hilbert-run: --device must be host, cuda or cuda:<number>, but is '[[GOT]]'

// RUN: not env HILBERT_CUDA_DRIVER=%fake_cuda hilbert-run %t/f32.mlir --device=cuda 2>&1 \
// RUN:   | FileCheck %s --check-prefix=F32
// F32: hilbert-run: q is f32, which a GPU multiplies in tf32, with 10 bits of fraction: allow it (--allow-tf32), or use f16 or bf16
// RUN: env HILBERT_CUDA_DRIVER=%fake_cuda hilbert-run %t/f32.mlir --device=cuda --allow-tf32 --grad \
// RUN:   | FileCheck %s --check-prefix=TF32
// TF32: forward 0.2500 ms
// TF32: dkv 0.2500 ms
// RUN: not env HILBERT_CUDA_DRIVER=%fake_cuda hilbert-run %t/tanh.mlir --device=cuda 2>&1 \
// RUN:   | FileCheck %s --check-prefix=TANH
// TANH: hilbert-run: the GPU back end has no kernel for 'math.tanh'

// Nothing is written, so everything is still NaN.
// RUN: not env HILBERT_CUDA_DRIVER=%fake_cuda HILBERT_CACHE_DIR=%t/cache \
// RUN:   hilbert-run %t/good.mlir --device=cuda --check --grad > %t/log 2>&1
// RUN: FileCheck %s --check-prefixes=NAN,FIRST < %t/log
// RUN: not env HILBERT_CUDA_DRIVER=%fake_cuda HILBERT_CACHE_DIR=%t/cache \
// RUN:   hilbert-run %t/good.mlir --device=cuda:0 --check --grad 2>&1 | FileCheck %s --check-prefixes=NAN,SECOND
// FIRST: prepared in {{[0-9]+}} ms, 1 compilations
// SECOND: prepared in {{[0-9]+}} ms, 0 compilations
// NAN: f: 0.2500 ms, {{[0-9.]+}} GFLOP/s, Fake GPU, sm_90
// NAN-NEXT: forward 0.2500 ms, 96 registers, 8 bytes of stack, {{[0-9]+}} bytes of shared memory
// NAN-NEXT: out0 1x64x2x64xbf16 max error inf relative inf FAILED
// NAN-NEXT: out1 1x2x64xf32 max error inf relative inf FAILED
// NAN: f_grad: 0.2500 ms
// NAN: dq 0.2500 ms
// NAN: dkv 0.2500 ms
// NAN: grad0 1x64x2x64xbf16 max error inf relative inf FAILED
// NAN: grad2 1x64x2x64xbf16 max error inf relative inf FAILED
// NAN: hilbert-run: an error is beyond the tolerance

// Results that are views come back as they are.
// RUN: env HILBERT_CUDA_DRIVER=%fake_cuda hilbert-run %t/same.mlir --device=cuda --check \
// RUN:   | FileCheck %s --check-prefix=SAME
// SAME: out0 3x5xbf16 max error 0.00e+00 relative 0.00e+00 ok
// SAME: out1 2x5xbf16 max error 0.00e+00 relative 0.00e+00 ok

//--- good.mlir
func.func @f(%q: tensor<1x64x2x64xbf16>, %k: tensor<1x64x2x64xbf16>, %v: tensor<1x64x2x64xbf16>)
    -> (tensor<1x64x2x64xbf16>, tensor<1x2x64xf32>) {
  %0 = tensor.empty() : tensor<1x64x2x64xbf16>
  %1 = tensor.empty() : tensor<1x2x64xf32>
  %r:2 = hilbert.attention
      ins(%q, %k, %v : tensor<1x64x2x64xbf16>, tensor<1x64x2x64xbf16>, tensor<1x64x2x64xbf16>)
      outs(%0, %1 : tensor<1x64x2x64xbf16>, tensor<1x2x64xf32>)
  return %r#0, %r#1 : tensor<1x64x2x64xbf16>, tensor<1x2x64xf32>
}
//--- f32.mlir
func.func @f(%q: tensor<1x64x2x64xf32>) -> tensor<1x64x2x64xf32> {
  %0 = tensor.empty() : tensor<1x64x2x64xf32>
  %1 = tensor.empty() : tensor<1x2x64xf32>
  %r:2 = hilbert.attention
      ins(%q, %q, %q : tensor<1x64x2x64xf32>, tensor<1x64x2x64xf32>, tensor<1x64x2x64xf32>)
      outs(%0, %1 : tensor<1x64x2x64xf32>, tensor<1x2x64xf32>)
  return %r#0 : tensor<1x64x2x64xf32>
}
//--- tanh.mlir
func.func @f(%x: tensor<4xbf16>) -> tensor<4xbf16> {
  %y = math.tanh %x : tensor<4xbf16>
  return %y : tensor<4xbf16>
}
//--- same.mlir
// Views: a returned argument, and a slice that is not contiguous.
func.func @f(%x: tensor<3x5xbf16>) -> (tensor<3x5xbf16>, tensor<2x5xbf16>) {
  %y = tensor.extract_slice %x[0, 0][2, 5][2, 1] : tensor<3x5xbf16> to tensor<2x5xbf16>
  return %x, %y : tensor<3x5xbf16>, tensor<2x5xbf16>
}
