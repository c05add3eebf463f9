// RUN: hilbert-opt %s --convert-hilbert-host-to-llvm --split-input-file \
// RUN:   --verify-diagnostics | FileCheck %s

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

// Captures travel in a struct on the stack; its address, a thunk and the number
// of items go to the thread pool.
// CHECK: llvm.func @hilbert_rt_parallel_for(!llvm.ptr, !llvm.ptr, i64)
// CHECK-LABEL: llvm.func @launch(
// CHECK-SAME: %[[N:.*]]: i64, %[[F:.*]]: f32,
// CHECK: %[[SLOT:.*]] = llvm.alloca %{{.*}} x !llvm.struct<(f32, ptr, ptr, i64, i64, i64)>
// CHECK: %[[PACKED:.*]] = llvm.insertvalue %[[F]], %{{.*}}[0] : !llvm.struct<(f32, ptr, ptr, i64, i64, i64)>
// CHECK: %[[ALL:.*]] = llvm.insertvalue %{{.*}}, %{{.*}}[5] : !llvm.struct<(f32, ptr, ptr, i64, i64, i64)>
// CHECK: llvm.store %[[ALL]], %[[SLOT]]
// CHECK: %[[THUNK:.*]] = llvm.mlir.addressof @launch_kernel_thunk : !llvm.ptr
// CHECK: llvm.call @hilbert_rt_parallel_for(%[[THUNK]], %[[SLOT]], %[[N]]) : (!llvm.ptr, !llvm.ptr, i64) -> ()
// CHECK: llvm.return

// Kernels are internal and have no C interface.
// CHECK-NOT: @_mlir_ciface_launch_kernel
// CHECK: llvm.func internal @launch_kernel(

// CHECK: llvm.func internal @launch_kernel_thunk(%[[CLOSURE:.*]]: !llvm.ptr, %[[BEGIN:.*]]: i64, %[[END:.*]]: i64)
// CHECK: %[[LOADED:.*]] = llvm.load %[[CLOSURE]] : !llvm.ptr -> !llvm.struct<(f32, ptr, ptr, i64, i64, i64)>
// CHECK: %[[FIRST:.*]] = llvm.extractvalue %[[LOADED]][0]
// CHECK: %[[LAST:.*]] = llvm.extractvalue %[[LOADED]][5]
// CHECK: llvm.call @launch_kernel(%[[BEGIN]], %[[END]], %[[FIRST]], %{{.*}}, %[[LAST]]) :
// CHECK-NEXT: llvm.return
func.func @launch(%n: index, %f: f32, %x: memref<?xf32>) {
  hilbert.host_launch @launch_kernel(%n) captures(%f, %x : f32, memref<?xf32>)
  return
}
func.func private @launch_kernel(%begin: index, %end: index, %f: f32,
    %x: memref<?xf32>) {
  memref.store %f, %x[%begin] : memref<?xf32>
  return
}

// -----

// Nothing to capture, twice: one thunk.
// CHECK-LABEL: llvm.func @nothing(
// CHECK: llvm.mlir.addressof @nothing_kernel_thunk
// CHECK: llvm.call @hilbert_rt_parallel_for(
// CHECK: llvm.mlir.addressof @nothing_kernel_thunk
// CHECK: llvm.call @hilbert_rt_parallel_for(
// CHECK: llvm.return
// CHECK-COUNT-1: llvm.func internal @nothing_kernel_thunk
// CHECK-NOT: _thunk{{.*}}(
func.func @nothing(%n: index) {
  hilbert.host_launch @nothing_kernel(%n)
  hilbert.host_launch @nothing_kernel(%n)
  return
}
func.func private @nothing_kernel(%begin: index, %end: index) {
  return
}

// -----

// Functions that launch one kernel with captures of their own share its thunk as well.
// CHECK-LABEL: llvm.func @one(
// CHECK: llvm.mlir.addressof @shared_kernel_thunk
// CHECK-LABEL: llvm.func @other(
// CHECK: llvm.mlir.addressof @shared_kernel_thunk
// CHECK-COUNT-1: llvm.func internal @shared_kernel_thunk
// CHECK-NOT: _thunk{{.*}}(
func.func @one(%n: index, %f: f32) {
  hilbert.host_launch @shared_kernel(%n) captures(%f : f32)
  return
}
func.func @other(%n: index, %f: f32, %g: f32) {
  hilbert.host_launch @shared_kernel(%n) captures(%g : f32)
  return
}
func.func private @shared_kernel(%begin: index, %end: index, %f: f32) {
  return
}

// -----

// A launch in a loop takes no more of the stack in each iteration: the slot is
// the entry block's.
// CHECK-LABEL: llvm.func @loop(
// CHECK-NOT: ^bb
// CHECK: %[[SLOT:.*]] = llvm.alloca %{{.*}} x !llvm.struct<(f32)>
// CHECK: llvm.br ^bb1
// CHECK: ^bb1
// CHECK-NOT: llvm.alloca
// CHECK: ^bb2:
// CHECK-NOT: llvm.alloca
// CHECK: llvm.store %{{.*}}, %[[SLOT]]
// CHECK: llvm.call @hilbert_rt_parallel_for(%{{.*}}, %[[SLOT]], %{{.*}})
// CHECK-NOT: llvm.alloca
// CHECK: llvm.func internal @loop_kernel(
func.func @loop(%n: index, %f: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  cf.br ^header(%c0 : index)
^header(%i: index):
  %more = arith.cmpi slt, %i, %n : index
  cf.cond_br %more, ^body, ^end
^body:
  hilbert.host_launch @loop_kernel(%n) captures(%f : f32)
  %next = arith.addi %i, %c1 : index
  cf.br ^header(%next : index)
^end:
  return
}
func.func private @loop_kernel(%begin: index, %end: index, %f: f32) {
  return
}

// -----

//===----------------------------------------------------------------------===//
// Orders
//===----------------------------------------------------------------------===//

// hilbert_rt_order(curve, rank, 3 extents, 3 tile sizes, length), 0 where there
// is none.
// CHECK: llvm.func @hilbert_rt_order(i64, i64, i64, i64, i64, i64, i64, i64, i64) -> !llvm.ptr
// CHECK-LABEL: llvm.func @order(
// CHECK: %[[CURVE:.*]] = llvm.mlir.constant({{[0-9]+}} : i64) : i64
// CHECK-NEXT: %[[RANK:.*]] = llvm.mlir.constant(2 : i64) : i64
// CHECK-NEXT: %[[ROWS:.*]] = llvm.mlir.constant(6 : i64) : i64
// CHECK-NEXT: %[[COLUMNS:.*]] = llvm.mlir.constant(10 : i64) : i64
// CHECK-NEXT: %[[NO_DEPTH:.*]] = llvm.mlir.constant(0 : i64) : i64
// CHECK-NEXT: %[[TILE_ROWS:.*]] = llvm.mlir.constant(3 : i64) : i64
// CHECK-NEXT: %[[TILE_COLUMNS:.*]] = llvm.mlir.constant(5 : i64) : i64
// CHECK-NEXT: %[[NO_TILE_DEPTH:.*]] = llvm.mlir.constant(0 : i64) : i64
// CHECK-NEXT: %[[LENGTH:.*]] = llvm.mlir.constant(60 : i64) : i64
// CHECK-NEXT: %[[TABLE:.*]] = llvm.call @hilbert_rt_order(%[[CURVE]], %[[RANK]],
// CHECK-SAME: %[[ROWS]], %[[COLUMNS]], %[[NO_DEPTH]], %[[TILE_ROWS]], %[[TILE_COLUMNS]],
// CHECK-SAME: %[[NO_TILE_DEPTH]], %[[LENGTH]])
// CHECK: llvm.insertvalue %[[TABLE]], %{{.*}}[0]
// CHECK: llvm.insertvalue %[[TABLE]], %{{.*}}[1]
func.func @order(%i: index) -> i32 {
  %0 = hilbert.permutation order(#hilbert.order<hilbert, [6, 10], tile = [3, 5]>)
      : memref<60xi32>
  %1 = memref.load %0[%i] : memref<60xi32>
  return %1 : i32
}

// -----

func.func @order_tensor(%i: index) -> i32 {
  // expected-error @below {{failed to legalize operation 'hilbert.permutation'}}
  %0 = hilbert.permutation order(#hilbert.order<hilbert, [2, 2]>) : tensor<4xi32>
  %1 = tensor.extract %0[%i] : tensor<4xi32>
  return %1 : i32
}

// -----

//===----------------------------------------------------------------------===//
// Assertions
//===----------------------------------------------------------------------===//

// The message is recorded and the function returns zeros; nothing aborts.
// CHECK-DAG: llvm.func @hilbert_rt_fail(!llvm.ptr)
// CHECK-DAG: llvm.mlir.global internal constant @[[$FIRST:hilbert_message_[0-9]+]]("first \22message\22\00")
// CHECK-DAG: llvm.mlir.global internal constant @[[$SECOND:hilbert_message_[0-9]+]]("second message\00")
// CHECK-NOT: @abort
// CHECK-NOT: @puts
// CHECK-LABEL: llvm.func @assert(
// CHECK-SAME: %[[A:.*]]: i1, %[[B:.*]]: i1
// CHECK: llvm.cond_br %[[A]], ^[[REST:bb[0-9]+]], ^[[FAIL1:bb[0-9]+]]
// CHECK: ^[[REST]]:
// CHECK: llvm.cond_br %[[B]], ^[[END:bb[0-9]+]], ^[[FAIL2:bb[0-9]+]]
// CHECK: ^[[END]]:
// CHECK: llvm.return
// CHECK: ^[[FAIL1]]:
// CHECK: %[[TEXT1:.*]] = llvm.mlir.addressof @[[$FIRST]]
// CHECK: llvm.call @hilbert_rt_fail(%[[TEXT1]]) : (!llvm.ptr) -> ()
// CHECK: llvm.mlir.zero
// CHECK: llvm.return
// CHECK: ^[[FAIL2]]:
// CHECK: %[[TEXT2:.*]] = llvm.mlir.addressof @[[$SECOND]]
// CHECK: llvm.call @hilbert_rt_fail(%[[TEXT2]]) : (!llvm.ptr) -> ()
// CHECK: llvm.return
func.func @assert(%a: i1, %b: i1, %x: memref<?xf32>, %y: f32)
    -> (memref<?xf32>, f32) {
  cf.assert %a, "first \"message\""
  cf.assert %b, "second message"
  return %x, %y : memref<?xf32>, f32
}

// -----

// Without results.
// CHECK-LABEL: llvm.func @assert_nothing(
// CHECK: llvm.call @hilbert_rt_fail(
// CHECK-NEXT: llvm.return
func.func @assert_nothing(%a: i1) {
  cf.assert %a, "message"
  return
}

// -----

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

// Public functions can be called from C: descriptors by pointer, the result's
// first.
// CHECK-DAG: llvm.func @public(%{{.*}}) -> !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)> attributes {llvm.emit_c_interface}
// CHECK-DAG: llvm.func @_mlir_ciface_public(%{{[^:]*}}: !llvm.ptr, %{{[^:]*}}: !llvm.ptr, %{{[^:]*}}: f32)
// CHECK-DAG: llvm.func internal @private(
// CHECK-DAG: llvm.func @declared(f32){{.*}}
// CHECK-NOT: @_mlir_ciface_private
// CHECK-NOT: @_mlir_ciface_declared

// And by address alone: pointers are passed on, values are loaded.
// CHECK: llvm.func @hilbert_entry_public(%[[ARGS:.*]]: !llvm.ptr) {
// CHECK: %[[SLOT0:.*]] = llvm.getelementptr %[[ARGS]][0]
// CHECK: %[[RESULT:.*]] = llvm.load %[[SLOT0]] : !llvm.ptr -> !llvm.ptr
// CHECK: %[[SLOT1:.*]] = llvm.getelementptr %[[ARGS]][1]
// CHECK: %[[X:.*]] = llvm.load %[[SLOT1]] : !llvm.ptr -> !llvm.ptr
// CHECK: %[[SLOT2:.*]] = llvm.getelementptr %[[ARGS]][2]
// CHECK: %[[AT:.*]] = llvm.load %[[SLOT2]] : !llvm.ptr -> !llvm.ptr
// CHECK: %[[Y:.*]] = llvm.load %[[AT]] : !llvm.ptr -> f32
// CHECK: llvm.call @_mlir_ciface_public(%[[RESULT]], %[[X]], %[[Y]])
// CHECK: llvm.return
// CHECK-NOT: @hilbert_entry_
func.func @public(%x: memref<?xf32>, %y: f32) -> memref<?xf32> {
  call @private(%y) : (f32) -> ()
  return %x : memref<?xf32>
}
func.func private @private(%y: f32) {
  call @declared(%y) : (f32) -> ()
  return
}
func.func private @declared(f32)

// -----

//===----------------------------------------------------------------------===//
// Reserved names
//===----------------------------------------------------------------------===//

// Only whole names, beginnings or ends: these are free.
// CHECK-DAG: llvm.func @my_malloc(
// CHECK-DAG: llvm.func @free_all(
// CHECK-DAG: llvm.func @hilbert(
// CHECK-DAG: llvm.func @a_hilbert_curve(
// CHECK-DAG: llvm.func @mlir_f(
// CHECK-DAG: llvm.func @thunk(
// CHECK-DAG: llvm.func @a_thunk_of(
func.func @my_malloc() {
  return
}
func.func @free_all() {
  return
}
func.func @hilbert() {
  return
}
func.func @a_hilbert_curve() {
  return
}
func.func @mlir_f() {
  return
}
func.func @thunk() {
  return
}
func.func @a_thunk_of() {
  return
}

// -----

// expected-error @below {{the name 'malloc' is reserved for the host runtime}}
func.func @malloc() {
  return
}

// -----

// expected-error @below {{the name 'free' is reserved for the host runtime}}
func.func private @free(i64)

// -----

// expected-error @below {{the name 'memcpy' is reserved for the host runtime}}
func.func private @memcpy(i64)

// -----

// expected-error @below {{the name 'memset' is reserved for the host runtime}}
func.func @memset() {
  return
}

// -----

// expected-error @below {{the name 'memmove' is reserved for the host runtime}}
func.func private @memmove() {
  return
}

// -----

// expected-error @below {{the name 'hilbert_rt_parallel_for' is reserved for the host runtime}}
func.func private @hilbert_rt_parallel_for(i64)

// -----

// expected-error @below {{the name 'hilbert_message_0' is reserved for the host runtime}}
func.func @hilbert_message_0() {
  return
}

// -----

// expected-error @below {{the name '_mlir_ciface_f' is reserved for the host runtime}}
func.func @_mlir_ciface_f() {
  return
}

// -----

// expected-error @below {{the name 'f_kernel_thunk' is reserved for the host runtime}}
func.func private @f_kernel_thunk() {
  return
}

// -----

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

// Nothing else may be left.
func.func @left(%n: index) {
  %c0 = arith.constant 0 : index
  // expected-error @below {{failed to legalize operation 'scf.for'}}
  scf.for %i = %c0 to %n step %n {
  }
  return
}
