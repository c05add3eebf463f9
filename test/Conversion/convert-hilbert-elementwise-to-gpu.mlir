// RUN: hilbert-opt %s --pass-pipeline='builtin.module(convert-hilbert-elementwise-to-gpu,gpu.module(canonicalize,cse))' \
// RUN:   | FileCheck %s

// The op stays and names its kernel, which has sizes and strides as arguments.
// 16-bit floats are computed in f32, and rounded once.
// CHECK: module attributes {gpu.container_module}
// CHECK-LABEL: func.func @add(
// CHECK: arith.addf %{{.*}}, %{{.*}} {hilbert_gpu.kernels = @add_kernels} : tensor<?x8xbf16>
func.func @add(%x: tensor<?x8xbf16>, %y: tensor<?x8xbf16>) -> tensor<?x8xbf16> {
  %0 = arith.addf %x, %y : tensor<?x8xbf16>
  return %0 : tensor<?x8xbf16>
}

// CHECK-LABEL: func.func @order(
// CHECK: hilbert.reorder {{.*}} {hilbert_gpu.kernels = @order_kernels}
// CHECK: hilbert.restore {{.*}} {hilbert_gpu.kernels = @order_kernels_0}
func.func @order(%x: tensor<2x?x3xi16>, %t: tensor<2x?xi32>) -> (tensor<2x?x3xi16>, tensor<2x?x3xi16>) {
  %0 = hilbert.reorder %x dim 1 order(%t : tensor<2x?xi32>) : tensor<2x?x3xi16>
  %1 = hilbert.restore %x dim 1 order(%t : tensor<2x?xi32>) : tensor<2x?x3xi16>
  return %0, %1 : tensor<2x?x3xi16>, tensor<2x?x3xi16>
}

// CHECK-LABEL: func.func @insert(
// CHECK: tensor.insert_slice {{.*}} {hilbert_gpu.kernels = @insert_kernels}
func.func @insert(%x: tensor<4xf32>, %y: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %0 = tensor.insert_slice %x into %y[3, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<8x4xf32>
  return %0 : tensor<8x4xf32>
}

// An accurate exponential of an instruction that is not, at whose limits nothing
// is corrected.
// CHECK-LABEL: func.func @exp(
func.func @exp(%x: tensor<5xf32>) -> tensor<5xf32> {
  %0 = math.exp %x : tensor<5xf32>
  return %0 : tensor<5xf32>
}

// Logarithms are left to polynomials, in f32.
// CHECK-LABEL: func.func @log(
func.func @log(%x: tensor<5xbf16>, %y: tensor<5xbf16>) -> tensor<5xbf16> {
  %0 = arith.maximumf %x, %y : tensor<5xbf16>
  %1 = math.log %0 : tensor<5xbf16>
  return %1 : tensor<5xbf16>
}

// What changes the type is done as it is, and so is what has no rounding.
// CHECK-LABEL: func.func @convert(
func.func @convert(%x: tensor<5xf16>) -> (tensor<5xf32>, tensor<5xf16>) {
  %0 = arith.extf %x : tensor<5xf16> to tensor<5xf32>
  %1 = arith.negf %x : tensor<5xf16>
  return %0, %1 : tensor<5xf32>, tensor<5xf16>
}

// What has no kernel: static orders, ops on scalars, of other types, and other
// ops.
// CHECK-LABEL: func.func @others(
// CHECK-NOT: hilbert_gpu.kernels
// CHECK: return
func.func @others(%x: tensor<4xf32>, %s: f32, %d: tensor<4xf64>, %b: tensor<4xi8>)
    -> (tensor<4xf32>, f32, tensor<4xf64>, tensor<4xi8>, tensor<4xf32>) {
  %0 = hilbert.reorder %x dim 0 order(#hilbert.order<hilbert, [2, 2]>) : tensor<4xf32>
  %1 = arith.negf %s : f32
  %2 = math.exp %d : tensor<4xf64>
  %3 = arith.addi %b, %b : tensor<4xi8>
  %4 = math.tanh %x : tensor<4xf32>
  return %0, %1, %2, %3, %4 : tensor<4xf32>, f32, tensor<4xf64>, tensor<4xi8>, tensor<4xf32>
}

// CHECK: gpu.module @add_kernels {
// CHECK: gpu.func @add_addf(%[[THREADS:[^:]*]]: i64, %[[SIZE0:[^:]*]]: i64, %[[SIZE1:[^:]*]]: i64,
// CHECK-SAME: %[[IN0:[^:]*]]: !llvm.ptr<1>, %[[I0:[^:]*]]: i64, %[[I1:[^:]*]]: i64,
// CHECK-SAME: %[[IN1:[^:]*]]: !llvm.ptr<1>, %{{[^:]*}}: i64, %{{[^:]*}}: i64,
// CHECK-SAME: %[[OUT:[^:]*]]: !llvm.ptr<1>, %[[O0:[^:]*]]: i64, %[[O1:[^:]*]]: i64) kernel
// CHECK-SAME: hilbert_gpu.arguments = ["threads", "size0", "size1", "in0", "in0_stride0", "in0_stride1", "in1", "in1_stride0", "in1_stride1", "out", "out_stride0", "out_stride1"]
// CHECK-SAME: hilbert_gpu.elements = {in0 = bf16, in1 = bf16, out = bf16}
// CHECK-SAME: role = "addf", rows = "elements"
// CHECK-SAME: known_block_size = array<i32: 256, 1, 1>
// CHECK: %[[COUNT:.*]] = arith.muli %[[SIZE0]], %[[SIZE1]] : i64
// CHECK: scf.for %[[I:.*]] = %{{.*}} to %[[COUNT]] step %[[THREADS]] : i64 {
// CHECK: %[[COLUMN:.*]] = arith.remui %[[I]], %[[SIZE1]]
// CHECK: %[[ROW:.*]] = arith.divui %[[I]], %[[SIZE1]]
// CHECK: %[[A:.*]] = arith.muli %[[ROW]], %[[I0]]
// CHECK: %[[B:.*]] = arith.muli %[[COLUMN]], %[[I1]]
// CHECK: %[[OFFSET:.*]] = arith.addi %[[A]], %[[B]]
// CHECK: %[[ADDRESS:.*]] = llvm.getelementptr %[[IN0]][%[[OFFSET]]] : {{.*}}, bf16
// CHECK: %[[X:.*]] = llvm.load %[[ADDRESS]]
// CHECK: llvm.getelementptr %[[IN1]]
// CHECK: %[[Y:.*]] = llvm.load
// CHECK: %[[XW:.*]] = arith.extf %[[X]] : bf16 to f32
// CHECK: %[[YW:.*]] = arith.extf %[[Y]] : bf16 to f32
// CHECK: %[[SUM:.*]] = arith.addf %[[XW]], %[[YW]] : f32
// CHECK: %[[ROUNDED:.*]] = arith.truncf %[[SUM]] : f32 to bf16
// CHECK: %[[TO:.*]] = llvm.getelementptr %[[OUT]]
// CHECK: llvm.store %[[ROUNDED]], %[[TO]] : bf16
// CHECK: gpu.return

// A reorder reads at the token, a restore writes there.
// CHECK: gpu.module @order_kernels {
// CHECK: gpu.func @order_reorder(
// CHECK-SAME: !llvm.ptr<1>, %{{[^:]*}}: i64, %[[FROM:[^:]*]]: i64, %{{[^:]*}}: i64, %{{[^:]*}}: !llvm.ptr<1>, %{{[^:]*}}: i64, %[[UNTIL:[^:]*]]: i64, %{{[^:]*}}: i64, %[[TABLE:[^:]*]]: !llvm.ptr<1>, %[[BATCH:[^:]*]]: i64) kernel
// CHECK-SAME: "table", "table_batch_stride"]
// CHECK-SAME: table = i32
// CHECK: %[[ITEM:.*]] = arith.muli %{{.*}}, %[[BATCH]]
// CHECK: %[[AT:.*]] = arith.addi %[[ITEM]], %[[POSITION:.*]] : i64
// CHECK: llvm.getelementptr %[[TABLE]][%[[AT]]]
// CHECK: %[[ENTRY:.*]] = llvm.load
// CHECK: %[[TOKEN:.*]] = arith.extsi %[[ENTRY]] : i32 to i64
// CHECK: arith.muli %[[TOKEN]], %[[FROM]]
// CHECK: arith.muli %[[POSITION]], %[[UNTIL]]
// CHECK: gpu.module @order_kernels_0 {
// CHECK: gpu.func @order_restore(
// CHECK-SAME: !llvm.ptr<1>, %{{[^:]*}}: i64, %[[FROM:[^:]*]]: i64, %{{[^:]*}}: i64, %{{[^:]*}}: !llvm.ptr<1>, %{{[^:]*}}: i64, %[[UNTIL:[^:]*]]: i64, %{{[^:]*}}: i64, %[[TABLE:[^:]*]]: !llvm.ptr<1>, %[[BATCH:[^:]*]]: i64) kernel
// CHECK: %[[TOKEN:.*]] = arith.extsi
// CHECK-NOT: arith.muli %[[TOKEN]], %[[FROM]]
// CHECK: arith.muli %[[TOKEN]], %[[UNTIL]]

// The slice has the rank of the source.
// CHECK: gpu.module @insert_kernels {
// CHECK: gpu.func @insert_copy(
// CHECK-SAME: hilbert_gpu.arguments = ["threads", "size0", "in0", "in0_stride0", "out", "out_stride0"]
// CHECK-NOT: arith.remui
// CHECK: %[[X:.*]] = llvm.load
// CHECK: llvm.store %[[X]]

// CHECK: gpu.module @exp_kernels {
// CHECK-DAG: %[[LOG2E:.*]] = arith.constant 1.44269502 : f32
// CHECK-DAG: %[[LIMIT:.*]] = arith.constant 1.280000e+02 : f32
// CHECK: %[[X:.*]] = llvm.load
// CHECK: %[[T:.*]] = arith.mulf %[[X]], %[[LOG2E]]
// CHECK: %[[POWER:.*]] = llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz.f"(%[[T]])
// CHECK: %[[IN:.*]] = arith.cmpf olt, %{{.*}}, %[[LIMIT]]
// CHECK: %[[BETTER:.*]] = llvm.intr.fma(%[[POWER]], %{{.*}}, %[[POWER]])
// CHECK: %[[RESULT:.*]] = arith.select %[[IN]], %[[BETTER]], %[[POWER]]
// CHECK: llvm.store %[[RESULT]]

// CHECK: gpu.module @log_kernels {
// CHECK: arith.maximumf %{{.*}}, %{{.*}} : f32
// CHECK: gpu.module @log_kernels_{{[0-9]+}} {
// CHECK: %[[X:.*]] = arith.extf
// CHECK: %[[LOG:.*]] = math.log %[[X]] : f32
// CHECK: arith.truncf %[[LOG]] : f32 to bf16

// CHECK: gpu.module @convert_kernels {
// CHECK: arith.extf %{{.*}} : f16 to f32
// CHECK-NEXT: arith.muli
// CHECK: gpu.module @convert_kernels_{{[0-9]+}} {
// CHECK-NOT: arith.extf
// CHECK: arith.negf %{{.*}} : f16
// CHECK-NOT: gpu.module
