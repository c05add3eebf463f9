// RUN: hilbert-opt %s | hilbert-opt | FileCheck %s
// RUN: hilbert-opt %s -mlir-print-op-generic | hilbert-opt | FileCheck %s
// RUN: hilbert-opt %s -emit-bytecode | hilbert-opt | FileCheck %s
// RUN: hilbert-opt %s --verify-roundtrip -o /dev/null

#acc = #hilbert_gpu.mma<warps = 4>
#rows = #hilbert_gpu.slice<1, #acc>
#columns = #hilbert_gpu.slice<0, #acc>
#operand = #hilbert_gpu.operand<#acc>

//===----------------------------------------------------------------------===//
// Attributes and types
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func private @layouts(
// CHECK-SAME: tensor<64x8xf32, #hilbert_gpu.mma<warps = 4>>
// CHECK-SAME: tensor<64x16xbf16, #hilbert_gpu.operand<<warps = 4>>>
// CHECK-SAME: tensor<64xi32, #hilbert_gpu.slice<1, <warps = 4>>>
// CHECK-SAME: tensor<24xi1, #hilbert_gpu.slice<0, <warps = 4>>>
func.func private @layouts(tensor<64x8xf32, #acc>, tensor<64x16xbf16, #operand>,
    tensor<64xi32, #rows>, tensor<24xi1, #columns>)

// CHECK-LABEL: func private @types(
// CHECK-SAME: !hilbert_gpu.matrix<128xbf16>, !hilbert_gpu.matrix<1xf32>
// CHECK-SAME: !hilbert_gpu.rows<64, run>, !hilbert_gpu.rows<64, table>, !hilbert_gpu.rows<64, box>
// CHECK-SAME: !hilbert_gpu.smem<64x128xbf16>, !hilbert_gpu.smem<64xf32>, !hilbert_gpu.smem<384xi32>
// CHECK-SAME: !hilbert_gpu.ring<3, <64x128xf16>>, !hilbert_gpu.ring<1, <384xi32>>
func.func private @types(!hilbert_gpu.matrix<128xbf16>, !hilbert_gpu.matrix<1xf32>,
    !hilbert_gpu.rows<64, run>, !hilbert_gpu.rows<64, table>,
    !hilbert_gpu.rows<64, box>, !hilbert_gpu.smem<64x128xbf16>,
    !hilbert_gpu.smem<64xf32>, !hilbert_gpu.smem<384xi32>,
    !hilbert_gpu.ring<3, !hilbert_gpu.smem<64x128xf16>>,
    !hilbert_gpu.ring<1, !hilbert_gpu.smem<384xi32>>)

// CHECK-LABEL: func private @attributes()
// CHECK-DAG: box = #hilbert_gpu.access<box>
// CHECK-DAG: run = #hilbert_gpu.access<run>
// CHECK-DAG: table = #hilbert_gpu.access<table>
// CHECK-DAG: schedule = #hilbert_gpu.schedule<m = 128, n = 64, warps = 4, stages = 2, ctas = 1>
// CHECK-DAG: uniform = #hilbert_gpu.schedule<m = 16, n = 16, warps = 1, stages = 1, ctas = 1>
// CHECK-DAG: thread = #hilbert_gpu.schedule<m = 16, n = 16, warps = 1, stages = 1, ctas = 1, addresses = thread>
// CHECK-DAG: again = #hilbert_gpu.schedule<m = 16, n = 16, warps = 1, stages = 1, ctas = 1, addresses = again>
// CHECK-DAG: grad = #hilbert_gpu.grad_schedule<dq = <m = 16, n = 16, warps = 1, stages = 1, ctas = 8>, dkv = <m = 256, n = 48, warps = 16, stages = 8, ctas = 1>>
func.func private @attributes() attributes {
  box = #hilbert_gpu.access<box>, run = #hilbert_gpu.access<run>,
  table = #hilbert_gpu.access<table>,
  schedule = #hilbert_gpu.schedule<m = 128, n = 64, warps = 4, stages = 2, ctas = 1>,
  uniform = #hilbert_gpu.schedule<m = 16, n = 16, warps = 1, stages = 1, ctas = 1, addresses = uniform>,
  thread = #hilbert_gpu.schedule<m = 16, n = 16, warps = 1, stages = 1, ctas = 1, addresses = thread>,
  again = #hilbert_gpu.schedule<m = 16, n = 16, warps = 1, stages = 1, ctas = 1, addresses = again>,
  grad = #hilbert_gpu.grad_schedule<
    dq = <m = 16, n = 16, warps = 1, stages = 1, ctas = 8>,
    dkv = <m = 256, n = 48, warps = 16, stages = 8, ctas = 1>>}

//===----------------------------------------------------------------------===//
// Global memory
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func @matrix(
// CHECK-SAME: %[[P:.*]]: !llvm.ptr<1>, %[[O:.*]]: i64, %[[S:.*]]: i64
func.func @matrix(%p: !llvm.ptr<1>, %offset: i64, %stride: i64) {
  // CHECK: hilbert_gpu.matrix %[[P]][%[[O]]] stride %[[S]] : <128xbf16>
  %0 = hilbert_gpu.matrix %p[%offset] stride %stride : !hilbert_gpu.matrix<128xbf16>
  // CHECK: hilbert_gpu.matrix %[[P]][%[[O]]] stride %[[S]] {note} : <1xf32>
  %1 = hilbert_gpu.matrix %p[%offset] stride %stride {note} : !hilbert_gpu.matrix<1xf32>
  return
}

// CHECK-LABEL: func @rows(
// CHECK-SAME: %[[P:.*]]: !llvm.ptr<1>, %[[F:.*]]: i32, %[[C:.*]]: i32, %[[W:.*]]: i32
func.func @rows(%p: !llvm.ptr<1>, %first: i32, %count: i32, %w: i32) {
  // CHECK: hilbert_gpu.run_rows %[[F]], %[[C]] step 3 : <64, run>
  %0 = hilbert_gpu.run_rows %first, %count step 3 : !hilbert_gpu.rows<64, run>
  // CHECK: hilbert_gpu.table_rows %[[P]][%[[F]]], %[[C]] step 2 : <64, table>
  %1 = hilbert_gpu.table_rows %p[%first], %count step 2 : !hilbert_gpu.rows<64, table>
  // CHECK: hilbert_gpu.box_rows %[[P]][%[[F]]], %[[C]] strides %[[W]], %[[W]] : <64, box>
  %2 = hilbert_gpu.box_rows %p[%first], %count strides %w, %w : !hilbert_gpu.rows<64, box>
  // CHECK: hilbert_gpu.tokens %{{.*}} : <64, box> -> tensor<64xi32, #hilbert_gpu.slice<1, <warps = 4>>>
  %3 = hilbert_gpu.tokens %2 : !hilbert_gpu.rows<64, box> -> tensor<64xi32, #rows>
  return
}

// It stays, though the result is not used.
// CHECK-LABEL: func @opaque(
// CHECK: hilbert_gpu.opaque %{{.*}} : i32
func.func @opaque(%x: i32) {
  %0 = hilbert_gpu.opaque %x : i32
  return
}

// CHECK-LABEL: func @memory(
// CHECK-SAME: %[[X:.*]]: !hilbert_gpu.matrix<120xbf16>, %[[L:.*]]: !hilbert_gpu.matrix<1xf32>, %[[R:.*]]: !hilbert_gpu.rows<64, run>
// CHECK-SAME: %[[T:.*]]: tensor<64x128xbf16, {{[^%]*}}>, %[[V:.*]]: tensor<64xf32, {{[^%]*}}>, %[[B:.*]]: i1
func.func @memory(%x: !hilbert_gpu.matrix<120xbf16>, %l: !hilbert_gpu.matrix<1xf32>,
    %rows: !hilbert_gpu.rows<64, run>, %tile: tensor<64x128xbf16, #operand>,
    %vector: tensor<64xf32, #rows>, %b: i1) {
  // Tiles have multiples of 16 columns.
  // CHECK: %[[Q:.*]] = hilbert_gpu.load %[[X]][%[[R]]] : <120xbf16>, <64, run> -> <64x128xbf16>
  %0 = hilbert_gpu.load %x[%rows] : !hilbert_gpu.matrix<120xbf16>,
    !hilbert_gpu.rows<64, run> -> !hilbert_gpu.smem<64x128xbf16>
  // CHECK: hilbert_gpu.load %[[L]][%[[R]]] : <1xf32>, <64, run> -> <64xf32>
  %1 = hilbert_gpu.load %l[%rows] : !hilbert_gpu.matrix<1xf32>,
    !hilbert_gpu.rows<64, run> -> !hilbert_gpu.smem<64xf32>
  // CHECK: hilbert_gpu.flip_sign %[[Q]] if %[[B]] : <64x128xbf16>
  %2 = hilbert_gpu.flip_sign %0 if %b : !hilbert_gpu.smem<64x128xbf16>
  // CHECK: hilbert_gpu.gather %[[L]][%[[R]]] : <1xf32>, <64, run> -> tensor<64xf32, #hilbert_gpu.slice<1, <warps = 4>>>
  %3 = hilbert_gpu.gather %l[%rows] : !hilbert_gpu.matrix<1xf32>,
    !hilbert_gpu.rows<64, run> -> tensor<64xf32, #rows>
  // CHECK: hilbert_gpu.store %[[T]], %[[X]][%[[R]]] : tensor<64x128xbf16, #hilbert_gpu.operand<<warps = 4>>>, <120xbf16>, <64, run>
  hilbert_gpu.store %tile, %x[%rows] : tensor<64x128xbf16, #operand>,
    !hilbert_gpu.matrix<120xbf16>, !hilbert_gpu.rows<64, run>
  // CHECK: hilbert_gpu.store %[[V]], %[[L]][%[[R]]] : tensor<64xf32, #hilbert_gpu.slice<1, <warps = 4>>>, <1xf32>, <64, run>
  hilbert_gpu.store %vector, %l[%rows] : tensor<64xf32, #rows>,
    !hilbert_gpu.matrix<1xf32>, !hilbert_gpu.rows<64, run>
  return
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func @dot(
// CHECK-SAME: %[[A:.*]]: !hilbert_gpu.smem<64x32xf16>, %[[P:.*]]: tensor<64x32xf16, {{[^%]*}}>, %[[B:.*]]: !hilbert_gpu.smem<32x48xf16>, %[[T:.*]]: !hilbert_gpu.smem<48x32xf16>, %[[C:.*]]: tensor<64x48xf32, {{.*}}>)
func.func @dot(%a: !hilbert_gpu.smem<64x32xf16>, %p: tensor<64x32xf16, #operand>,
    %b: !hilbert_gpu.smem<32x48xf16>, %t: !hilbert_gpu.smem<48x32xf16>,
    %acc: tensor<64x48xf32, #acc>) {
  // CHECK: hilbert_gpu.dot %[[A]], %[[B]], %[[C]] : !hilbert_gpu.smem<64x32xf16>, <32x48xf16>, tensor<64x48xf32, #hilbert_gpu.mma<warps = 4>>
  %0 = hilbert_gpu.dot %a, %b, %acc : !hilbert_gpu.smem<64x32xf16>,
    !hilbert_gpu.smem<32x48xf16>, tensor<64x48xf32, #acc>
  // CHECK: hilbert_gpu.dot %[[A]], %[[T]], %[[C]] {transpose_b}
  %1 = hilbert_gpu.dot %a, %t, %acc {transpose_b} : !hilbert_gpu.smem<64x32xf16>,
    !hilbert_gpu.smem<48x32xf16>, tensor<64x48xf32, #acc>
  // CHECK: hilbert_gpu.dot %[[P]], %[[B]], %[[C]] : tensor<64x32xf16, #hilbert_gpu.operand<<warps = 4>>>, <32x48xf16>, tensor<64x48xf32, #hilbert_gpu.mma<warps = 4>>
  %2 = hilbert_gpu.dot %p, %b, %acc : tensor<64x32xf16, #operand>,
    !hilbert_gpu.smem<32x48xf16>, tensor<64x48xf32, #acc>
  return
}

// CHECK-LABEL: func @registers(
// CHECK-SAME: %[[S:.*]]: tensor<64x32xf32, {{[^%]*}}>, %[[O:.*]]: tensor<64x32xf32, {{[^%]*}}>, %[[M:.*]]: !hilbert_gpu.smem<64x32xf16>, %[[V:.*]]: !hilbert_gpu.smem<32xf32>
func.func @registers(%s: tensor<64x32xf32, #acc>, %o: tensor<64x32xf32, #operand>,
    %m: !hilbert_gpu.smem<64x32xf16>, %v: !hilbert_gpu.smem<32xf32>) {
  // Reductions say what they give.
  // CHECK: %[[MAX:.*]] = hilbert_gpu.reduce max %[[S]] : tensor<64x32xf32, #hilbert_gpu.mma<warps = 4>>
  %0 = hilbert_gpu.reduce max %s : tensor<64x32xf32, #acc>
  // CHECK: hilbert_gpu.reduce min %[[S]]
  %1 = hilbert_gpu.reduce min %s : tensor<64x32xf32, #acc>
  // CHECK: hilbert_gpu.reduce sum %[[O]] : tensor<64x32xf32, #hilbert_gpu.operand<<warps = 4>>>
  %2 = hilbert_gpu.reduce sum %o : tensor<64x32xf32, #operand>
  // CHECK: hilbert_gpu.broadcast %[[MAX]] : tensor<64xf32, #hilbert_gpu.slice<1, <warps = 4>>> -> tensor<64x32xf32, #hilbert_gpu.mma<warps = 4>>
  %3 = hilbert_gpu.broadcast %0 : tensor<64xf32, #rows> -> tensor<64x32xf32, #acc>
  // CHECK: %[[I:.*]] = hilbert_gpu.indices : tensor<32xi32, #hilbert_gpu.slice<0, <warps = 4>>>
  %4 = hilbert_gpu.indices : tensor<32xi32, #columns>
  // CHECK: hilbert_gpu.broadcast %[[I]] : tensor<32xi32, #hilbert_gpu.slice<0, <warps = 4>>> -> tensor<64x32xi32, #hilbert_gpu.mma<warps = 4>>
  %5 = hilbert_gpu.broadcast %4 : tensor<32xi32, #columns> -> tensor<64x32xi32, #acc>
  // CHECK: hilbert_gpu.to_operand %[[S]] : tensor<64x32xf32, #hilbert_gpu.mma<warps = 4>> -> tensor<64x32xf16, #hilbert_gpu.operand<<warps = 4>>>
  %6 = hilbert_gpu.to_operand %s : tensor<64x32xf32, #acc> -> tensor<64x32xf16, #operand>
  // CHECK: hilbert_gpu.local_load %[[M]] : <64x32xf16> -> tensor<64x32xf16, #hilbert_gpu.operand<<warps = 4>>>
  %7 = hilbert_gpu.local_load %m : !hilbert_gpu.smem<64x32xf16> -> tensor<64x32xf16, #operand>
  // CHECK: hilbert_gpu.local_load %[[V]] : <32xf32> -> tensor<32xf32, #hilbert_gpu.slice<0, <warps = 4>>>
  %8 = hilbert_gpu.local_load %v : !hilbert_gpu.smem<32xf32> -> tensor<32xf32, #columns>
  return
}

// CHECK-LABEL: func @non_finite(
// CHECK-SAME: %[[V:[^:]*]]: !hilbert_gpu.smem<64x32xf16>, %[[R:[^:]*]]: !hilbert_gpu.rows<64, run>, %[[C:[^:]*]]: i1
// CHECK-SAME: %[[O:[^:]*]]: tensor<64x32xf32, {{[^%]*}}>, %[[RANK:[^:]*]]: tensor<64xi32,
func.func @non_finite(%v: !hilbert_gpu.smem<64x32xf16>, %ranks: !hilbert_gpu.rows<64, run>,
    %cut: i1, %o: tensor<64x32xf32, #acc>, %rank: tensor<64xi32, #rows>,
    %w: !hilbert_gpu.smem<16x16xbf16>, %tokens: !hilbert_gpu.rows<16, table>) {
  // CHECK: %[[BOUNDS:.*]] = hilbert_gpu.bounds : <96xi32>
  %bounds = hilbert_gpu.bounds : !hilbert_gpu.smem<96xi32>
  // CHECK: %[[FOUND:.*]] = hilbert_gpu.take_non_finite %[[V]], %[[R]], %[[BOUNDS]] if %[[C]] : <64x32xf16>, <64, run>, <96xi32>
  %found = hilbert_gpu.take_non_finite %v, %ranks, %bounds if %cut
    : !hilbert_gpu.smem<64x32xf16>, !hilbert_gpu.rows<64, run>, !hilbert_gpu.smem<96xi32>
  // CHECK: hilbert_gpu.poison %[[O]], %[[BOUNDS]], %[[RANK]] : tensor<64x32xf32, #hilbert_gpu.mma<warps = 4>>, <96xi32>, tensor<64xi32, #hilbert_gpu.slice<1, <warps = 4>>>
  %0 = hilbert_gpu.poison %o, %bounds, %rank : tensor<64x32xf32, #acc>,
    !hilbert_gpu.smem<96xi32>, tensor<64xi32, #rows>
  // Bounds from above; whatever way ranks are found.
  // CHECK: %[[LATEST:.*]] = hilbert_gpu.bounds {latest} : <48xi32>
  %bounds2 = hilbert_gpu.bounds {latest} : !hilbert_gpu.smem<48xi32>
  // CHECK: hilbert_gpu.take_non_finite %{{.*}}, %{{.*}}, %[[LATEST]] if %[[FOUND]] {latest} : <16x16xbf16>, <16, table>, <48xi32>
  %found2 = hilbert_gpu.take_non_finite %w, %tokens, %bounds2 if %found {latest}
    : !hilbert_gpu.smem<16x16xbf16>, !hilbert_gpu.rows<16, table>, !hilbert_gpu.smem<48xi32>
  // CHECK: hilbert_gpu.poison %[[O]], %[[BOUNDS]], %[[RANK]] {latest} :
  %1 = hilbert_gpu.poison %o, %bounds, %rank {latest} : tensor<64x32xf32, #acc>,
    !hilbert_gpu.smem<96xi32>, tensor<64xi32, #rows>
  return
}

//===----------------------------------------------------------------------===//
// Level C2
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func @fill(
// CHECK-SAME: %[[B:[^:]*]]: !hilbert_gpu.smem<96xi32>
func.func @fill(%bounds: !hilbert_gpu.smem<96xi32>) {
  // CHECK: hilbert_gpu.fill %[[B]], -2147483648 : <96xi32>
  hilbert_gpu.fill %bounds, -2147483648 : !hilbert_gpu.smem<96xi32>
  return
}

// CHECK-LABEL: func @schedule(
// CHECK-SAME: %[[X:.*]]: !hilbert_gpu.matrix<32xf16>, %[[R:.*]]: !hilbert_gpu.rows<64, table>, %[[I:.*]]: i32, %[[T:.*]]: tensor<64x32xf16, {{.*}}>)
func.func @schedule(%x: !hilbert_gpu.matrix<32xf16>, %rows: !hilbert_gpu.rows<64, table>,
    %i: i32, %t: tensor<64x32xf16, #operand>) {
  // CHECK: %[[RING:.*]] = hilbert_gpu.alloc : <3, <64x32xf16>>
  %ring = hilbert_gpu.alloc : !hilbert_gpu.ring<3, !hilbert_gpu.smem<64x32xf16>>
  // CHECK: hilbert_gpu.alloc {offset = 1024 : i32} : <1, <64xf32>>
  %placed = hilbert_gpu.alloc {offset = 1024 : i32}
    : !hilbert_gpu.ring<1, !hilbert_gpu.smem<64xf32>>
  // CHECK: %[[SLOT:.*]] = hilbert_gpu.slot %[[RING]][%[[I]]] : <3, <64x32xf16>>
  %slot = hilbert_gpu.slot %ring[%i] : !hilbert_gpu.ring<3, !hilbert_gpu.smem<64x32xf16>>
  // CHECK: hilbert_gpu.async_load %[[X]][%[[R]]], %[[SLOT]] : <32xf16>, <64, table>, <64x32xf16>
  hilbert_gpu.async_load %x[%rows], %slot : !hilbert_gpu.matrix<32xf16>,
    !hilbert_gpu.rows<64, table>, !hilbert_gpu.smem<64x32xf16>
  // CHECK: hilbert_gpu.commit
  hilbert_gpu.commit
  // CHECK: hilbert_gpu.wait 1
  hilbert_gpu.wait 1
  // CHECK: hilbert_gpu.local_store %[[T]], %[[SLOT]] : tensor<64x32xf16, #hilbert_gpu.operand<<warps = 4>>>, <64x32xf16>
  hilbert_gpu.local_store %t, %slot : tensor<64x32xf16, #operand>,
    !hilbert_gpu.smem<64x32xf16>
  // CHECK: hilbert_gpu.copy_out %[[SLOT]], %[[X]][%[[R]]] : <64x32xf16>, <32xf16>, <64, table>
  hilbert_gpu.copy_out %slot, %x[%rows] : !hilbert_gpu.smem<64x32xf16>,
    !hilbert_gpu.matrix<32xf16>, !hilbert_gpu.rows<64, table>
  return
}
