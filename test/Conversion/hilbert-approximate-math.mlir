// RUN: hilbert-opt %s --hilbert-approximate-math | FileCheck %s

// CHECK-LABEL: func @exp(
// CHECK-NOT: math.exp
// CHECK: math.fma {{.*}} : vector<16xf32>
// CHECK-NOT: math.exp
// CHECK: return
func.func @exp(%x: vector<16xf32>) -> vector<16xf32> {
  %0 = math.exp %x : vector<16xf32>
  return %0 : vector<16xf32>
}

// CHECK-LABEL: func @log(
// CHECK-NOT: math.log
// CHECK: math.fma {{.*}} : vector<8xf32>
// CHECK-NOT: math.log
// CHECK: return
func.func @log(%x: vector<8xf32>) -> vector<8xf32> {
  %0 = math.log %x : vector<8xf32>
  return %0 : vector<8xf32>
}

// Only what the kernels use.
// CHECK-LABEL: func @others(
// CHECK: math.sin %{{.*}} : vector<8xf32>
// CHECK: math.tanh %{{.*}} : vector<8xf32>
// CHECK: math.exp2 %{{.*}} : vector<8xf32>
// CHECK: math.log1p %{{.*}} : vector<8xf32>
func.func @others(%x: vector<8xf32>) -> vector<8xf32> {
  %0 = math.sin %x : vector<8xf32>
  %1 = math.tanh %0 : vector<8xf32>
  %2 = math.exp2 %1 : vector<8xf32>
  %3 = math.log1p %2 : vector<8xf32>
  return %3 : vector<8xf32>
}

// More than f32 can give.
// CHECK-LABEL: func @f64(
// CHECK: math.exp %{{.*}} : vector<8xf64>
func.func @f64(%x: vector<8xf64>) -> vector<8xf64> {
  %0 = math.exp %x : vector<8xf64>
  return %0 : vector<8xf64>
}

// Kernels for GPUs have scalars.
// CHECK-LABEL: gpu.func @kernel(
// CHECK-NOT: math.log
// CHECK: math.fma {{.*}} : f32
// CHECK: gpu.return
gpu.module @kernels {
  gpu.func @kernel(%x: f32, %p: !llvm.ptr<1>) kernel {
    %0 = math.log %x : f32
    llvm.store %0, %p : f32, !llvm.ptr<1>
    gpu.return
  }
}
