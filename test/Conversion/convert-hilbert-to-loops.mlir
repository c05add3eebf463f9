// RUN: hilbert-opt %s --convert-hilbert-to-loops --canonicalize \
// RUN:   --split-input-file --verify-diagnostics | FileCheck %s

//===----------------------------------------------------------------------===//
// Forward
//===----------------------------------------------------------------------===//

#s = #hilbert.host_schedule<lanes = 16, columns = 32, rows = 24>
!m = memref<1x64x2x16xf32>
!l = memref<1x2x64xf32>

// Two heads of two blocks of 32 queries each. Nothing beyond a tile is stored,
// and there is no code for masks.
// CHECK-LABEL: func @dense(
// CHECK-SAME: %[[Q:[^: ,]*]]: memref<1x64x2x16xf32>, %[[K:[^: ,]*]]: memref<1x64x2x16xf32>,
// CHECK-SAME: %[[V:[^: ,]*]]: memref<1x64x2x16xf32>, %[[OUT:[^: ,]*]]: memref<1x64x2x16xf32>,
// CHECK-SAME: %[[LSE:[^: ,]*]]: memref<1x2x64xf32>)
// CHECK-DAG: %[[SCALE:.*]] = arith.constant dense<2.500000e-01> : vector<8xf32>
// CHECK-NOT: cf.assert
// CHECK: scf.parallel (%[[ITEM:.*]]) = (%c0) to (%c4) step (%c1) {
// CHECK-NOT: scf.parallel
// CHECK-NOT: memref.alloc(
// CHECK-NOT: vector<16xi32>
// CHECK-NOT: } else {
// Queries lie transposed in lanes, keys and values in rows.
// CHECK-DAG: memref.alloca() {alignment = 64 : i64} : memref<16x32xf32>
// CHECK-DAG: memref.alloca() {alignment = 64 : i64} : memref<24x16xf32>
// CHECK-DAG: memref.alloca() {alignment = 64 : i64} : memref<24x32xf32>
// The scale is applied once, to the queries.
// CHECK: vector.load %[[Q]]
// CHECK-NEXT: arith.mulf %{{.*}}, %[[SCALE]] : vector<8xf32>
// CHECK: scf.for %{{.*}} = %c0 to %c64 step %c24 {
// CHECK: vector.load %[[K]]
// CHECK-NEXT: vector.store
// CHECK: vector.load %[[V]]
// CHECK-NEXT: vector.store
// CHECK: scf.for %{{.*}} = %c0 to %{{.*}} step %c16 {
// CHECK: vector.fma
// CHECK: arith.cmpf ogt
// CHECK: math.exp %{{.*}} : vector<16xf32>
// CHECK: math.exp %{{.*}} : vector<16xf32>
// CHECK: vector.fma
// CHECK: math.log %{{.*}} : vector<16xf32>
// CHECK: vector.store %{{.*}}, %[[OUT]]
// CHECK: memref.store %{{.*}}, %[[LSE]]
// CHECK: scf.reduce
// CHECK-NOT: hilbert.
// CHECK: return
func.func @dense(%q: !m, %k: !m, %v: !m, %o: !m, %l: !l) {
  hilbert.attention ins(%q, %k, %v : !m, !m, !m) outs(%o, %l : !m, !l)
      schedule(#s)
  return
}

// A given scale.
// CHECK-LABEL: func @scale(
// CHECK-SAME: %[[SCALE:[^:]*]]: f32)
// CHECK: vector.broadcast %[[SCALE]] : f32 to vector<8xf32>
func.func @scale(%q: !m, %k: !m, %v: !m, %o: !m, %l: !l, %s: f32) {
  hilbert.attention ins(%q, %k, %v : !m, !m, !m) outs(%o, %l : !m, !l)
      scale(%s) schedule(#s)
  return
}

// Two segments of two heads, one class of 32 queries; 16 keys of every second
// position.
// CHECK-LABEL: func @keys(
// CHECK: scf.parallel (%{{.*}}) = (%c0) to (%c4) step (%c1) {
// CHECK: scf.for %[[TILE:.*]] = %c0 to %{{.*}} step %c24 {
// CHECK: arith.muli %{{.*}}, %c2 : index
func.func @keys(%q: !m, %k: !m, %v: !m, %o: !m, %l: !l) {
  hilbert.attention ins(%q, %k, %v : !m, !m, !m) outs(%o, %l : !m, !l)
      pattern<(segment = 32, dilation = 2)> schedule(#s)
  return
}

// Two classes of 16 queries in each segment.
// CHECK-LABEL: func @both(
// CHECK: scf.parallel (%{{.*}}) = (%c0) to (%c8) step (%c1) {
// Queries of a class that the head does not select meet no keys.
// CHECK: arith.cmpi eq
// CHECK: arith.select %{{.*}}, %{{.*}}, %c0 : index
func.func @both(%q: !m, %k: !m, %v: !m, %o: !m, %l: !l) {
  hilbert.attention ins(%q, %k, %v : !m, !m, !m) outs(%o, %l : !m, !l)
      pattern<(segment = 32, dilation = 2, mode = both, offset = head)>
      schedule(#s)
  return
}

// CHECK-LABEL: func @residues(
// CHECK: scf.parallel (%{{.*}}) = (%c0) to (%c8) step (%c1) {
func.func @residues(%q: !m, %k: !m, %v: !m, %o: !m, %l: !l) {
  hilbert.attention ins(%q, %k, %v : !m, !m, !m) outs(%o, %l : !m, !l)
      pattern<(segment = 32, dilation = 2, mode = residues)> schedule(#s)
  return
}

// Layout bhnd: [batch, head, token, depth].
// CHECK-LABEL: func @bhnd(
// CHECK-SAME: %[[Q:[^: ,]*]]: memref<1x2x64x16xf32>, %[[O:[^: ,]*]]: memref<1x2x64x16xf32>,
// CHECK: scf.parallel (%{{.*}}) = (%c0) to (%c4) step (%c1) {
// CHECK: vector.load %[[Q]][%[[B:.*]], %[[H:.*]], %[[N:.*]], %[[D:.*]]]
// CHECK: vector.store %{{.*}}, %[[O]][%[[B]], %[[H]], %{{.*}}, %{{.*}}]
func.func @bhnd(%q: memref<1x2x64x16xf32>, %o: memref<1x2x64x16xf32>, %l: !l) {
  hilbert.attention ins(%q, %q, %q : memref<1x2x64x16xf32>,
      memref<1x2x64x16xf32>, memref<1x2x64x16xf32>)
      outs(%o, %l : memref<1x2x64x16xf32>, !l) layout<bhnd> schedule(#s)
  return
}

// Eight elements at a time to f32 and back.
// CHECK-LABEL: func @bf16(
// CHECK: vector.load {{.*}} : memref<1x64x2x16xbf16>, vector<8xbf16>
// CHECK-NEXT: arith.extf %{{.*}} : vector<8xbf16> to vector<8xf32>
// CHECK: arith.truncf %{{.*}} : vector<8xf32> to vector<8xbf16>
// CHECK-NEXT: vector.store {{.*}} : memref<1x64x2x16xbf16>, vector<8xbf16>
!h = memref<1x64x2x16xbf16>
func.func @bf16(%q: !h, %o: !h, %l: !l) {
  hilbert.attention ins(%q, %q, %q : !h, !h, !h) outs(%o, %l : !h, !l)
      schedule(#s)
  return
}

// Slices of a packed tensor are read where they are.
// CHECK-LABEL: func @strided(
// CHECK-SAME: %[[Q:[^: ,]*]]: memref<1x64x2x16xf32, strided<[6144, 96, 16, 1], offset: 32>>,
// CHECK: vector.load %[[Q]]
// CHECK-SAME: strided<[6144, 96, 16, 1], offset: 32>>, vector<8xf32>
!p = memref<1x64x2x16xf32, strided<[6144, 96, 16, 1], offset: 32>>
func.func @strided(%q: !p, %o: !m, %l: !l) {
  hilbert.attention ins(%q, %q, %q : !p, !p, !p) outs(%o, %l : !m, !l)
      schedule(#s)
  return
}

// -----

//===----------------------------------------------------------------------===//
// Orders
//===----------------------------------------------------------------------===//

#s = #hilbert.host_schedule<lanes = 16, columns = 32, rows = 24>
!m = memref<2x64x2x16xf32>
!l = memref<2x2x64xf32>

// Each side through its own table; one has a row for each batch item.
// CHECK-LABEL: func @orders(
// CHECK-SAME: %[[QT:[^: ,]*]]: memref<64xi32>, %[[KT:[^: ,]*]]: memref<2x64xi32>, %[[OT:[^: ,]*]]: memref<64xi32>)
// CHECK: scf.parallel (%[[ITEM:.*]]) =
// CHECK: memref.load %[[QT]][%{{[^,]*}}] : memref<64xi32>
// CHECK: vector.load %{{.*}} : memref<2x64x2x16xf32>, vector<8xf32>
// CHECK: memref.load %[[KT]][%[[BATCH:.*]], %{{.*}}] : memref<2x64xi32>
// CHECK: vector.load %{{.*}}[%[[BATCH]],
// CHECK: memref.load %[[KT]][%[[BATCH]], %{{.*}}] : memref<2x64xi32>
// CHECK: vector.load %{{.*}}[%[[BATCH]],
// CHECK: memref.load %[[OT]][%{{[^,]*}}] : memref<64xi32>
// CHECK: vector.store {{.*}} : memref<2x64x2x16xf32>, vector<8xf32>
// CHECK: memref.load %[[OT]][%{{[^,]*}}] : memref<64xi32>
// CHECK: memref.store {{.*}} : memref<2x2x64xf32>
func.func @orders(%q: !m, %o: !m, %l: !l, %a: memref<64xi32>,
    %b: memref<2x64xi32>, %c: memref<64xi32>) {
  hilbert.attention ins(%q, %q, %q : !m, !m, !m) outs(%o, %l : !m, !l)
      order(q = %a : memref<64xi32>, kv = %b : memref<2x64xi32>,
            out = %c : memref<64xi32>)
      schedule(#s)
  return
}

// The identity needs no table.
// CHECK-LABEL: func @raster(
// CHECK-NOT: xi32>
// CHECK: return
func.func @raster(%q: !m, %o: !m, %l: !l) {
  hilbert.attention ins(%q, %q, %q : !m, !m, !m) outs(%o, %l : !m, !l)
      order(#hilbert.order<raster, [8, 8]>) schedule(#s)
  return
}

// An item is a row: it moves as a whole.
// CHECK-LABEL: func @reorder(
// CHECK-SAME: %[[X:[^: ,]*]]: memref<2x64x2x16xf32>, %[[Y:[^: ,]*]]: memref<2x64x2x16xf32>, %[[T:[^: ,]*]]: memref<64xi32>)
// CHECK-NOT: cf.assert
// CHECK: scf.parallel (%{{.*}}) = (%c0) to (%c128) step (%c1) {
// CHECK-DAG: %[[P:.*]] = arith.remui
// CHECK-DAG: %[[ENTRY:.*]] = memref.load %[[T]][%[[P]]]
// CHECK-DAG: %[[TOKEN:.*]] = arith.index_cast %[[ENTRY]] : i32 to index
// CHECK: %[[VALUE:.*]] = memref.load %[[X]][%[[B:.*]], %[[TOKEN]], %[[H:.*]], %[[D:.*]]]
// CHECK: memref.store %[[VALUE]], %[[Y]][%[[B]], %[[P]], %[[H]], %[[D]]]
// CHECK: return
func.func @reorder(%x: !m, %y: !m, %t: memref<64xi32>) {
  hilbert.reorder %x dim 1 order(%t : memref<64xi32>) outs(%y : !m) : !m
  return
}

// CHECK-LABEL: func @restore(
// CHECK-SAME: %[[X:[^: ,]*]]: memref<2x2x64xf32>, %[[Y:[^: ,]*]]: memref<2x2x64xf32>, %[[T:[^: ,]*]]: memref<2x64xi32>)
// CHECK: scf.parallel (%{{.*}}) = (%c0) to (%c256) step (%c1) {
// CHECK: %[[P:.*]] = arith.remui %{{.*}}, %c64
// CHECK: %[[ENTRY:.*]] = memref.load %[[T]][%[[B:.*]], %[[P]]]
// CHECK: %[[TOKEN:.*]] = arith.index_cast %[[ENTRY]] : i32 to index
// CHECK: %[[VALUE:.*]] = memref.load %[[X]][%[[B]], %[[H:.*]], %[[P]]]
// CHECK: memref.store %[[VALUE]], %[[Y]][%[[B]], %[[H]], %[[TOKEN]]]
func.func @restore(%x: !l, %y: !l, %t: memref<2x64xi32>) {
  hilbert.restore %x dim 2 order(%t : memref<2x64xi32>) outs(%y : !l) : !l
  return
}

// Tables stay: the host level has them.
// CHECK-LABEL: func @permutation(
// CHECK: hilbert.permutation order(#{{.*}}) : memref<64xi32>
func.func @permutation() -> memref<64xi32> {
  %0 = hilbert.permutation order(#hilbert.order<hilbert, [8, 8]>) : memref<64xi32>
  return %0 : memref<64xi32>
}

// -----

//===----------------------------------------------------------------------===//
// Causality
//===----------------------------------------------------------------------===//

#s = #hilbert.host_schedule<lanes = 16, columns = 32, rows = 24>
!m = memref<1x64x2x16xf32>
!l = memref<1x2x64xf32>

// A tile is masked where its last key comes after the block's first query.
// CHECK-LABEL: func @position(
// CHECK: scf.parallel
// CHECK: scf.if %{{.*}} {
// CHECK-NOT: vector<16xi32>
// CHECK: %[[CUT:.*]] = arith.cmpi s{{[lg]}}t, %{{.*}}, %{{.*}} : index
// CHECK: scf.if %[[CUT]] {
// CHECK: %[[SEEN:.*]] = arith.cmpi sle, %{{.*}}, %{{.*}} : vector<16xi32>
// CHECK: arith.select %[[SEEN]], %{{.*}}, %{{.*}} : vector<16xi1>, vector<16xf32>
// CHECK: } else {
// CHECK-NOT: vector<16xi32>
// CHECK: math.log
// CHECK: return
func.func @position(%q: !m, %o: !m, %l: !l, %t: memref<64xi32>) {
  hilbert.attention ins(%q, %q, %q : !m, !m, !m) outs(%o, %l : !m, !l)
      order(%t : memref<64xi32>) causal<position> schedule(#s)
  return
}

// Tokens without an order are positions.
// CHECK-LABEL: func @token_raster(
// CHECK: scf.if %{{.*}} {
// CHECK: scf.if %{{.*}} {
// CHECK: arith.cmpi sle, %{{.*}}, %{{.*}} : vector<16xi32>
// CHECK: } else {
// CHECK-NOT: vector<16xi32>
// CHECK: math.log
// CHECK: return
func.func @token_raster(%q: !m, %o: !m, %l: !l) {
  hilbert.attention ins(%q, %q, %q : !m, !m, !m) outs(%o, %l : !m, !l)
      causal<token> schedule(#s)
  return
}

// Any tile may be cut.
// CHECK-LABEL: func @token_order(
// CHECK: scf.parallel
// CHECK: scf.if %{{.*}} {
// CHECK-NOT: scf.if
// CHECK: arith.cmpi sle, %{{.*}}, %{{.*}} : vector<16xi32>
// CHECK-NOT: scf.if
// CHECK: math.log
// CHECK-NOT: } else {
// CHECK: return
func.func @token_order(%q: !m, %o: !m, %l: !l, %t: memref<64xi32>) {
  hilbert.attention ins(%q, %q, %q : !m, !m, !m) outs(%o, %l : !m, !l)
      order(%t : memref<64xi32>) causal<token> schedule(#s)
  return
}

// One side with a table is enough for that.
// CHECK-LABEL: func @token_one_order(
// CHECK: scf.if %{{.*}} {
// CHECK-NOT: scf.if
// CHECK: arith.cmpi sle, %{{.*}}, %{{.*}} : vector<16xi32>
// CHECK-NOT: scf.if
// CHECK: return
func.func @token_one_order(%q: !m, %o: !m, %l: !l, %t: memref<64xi32>) {
  hilbert.attention ins(%q, %q, %q : !m, !m, !m) outs(%o, %l : !m, !l)
      order(kv = %t : memref<64xi32>) causal<token> schedule(#s)
  return
}

// -----

//===----------------------------------------------------------------------===//
// Gradients
//===----------------------------------------------------------------------===//

#s = #hilbert.host_schedule<lanes = 16, columns = 32, rows = 24>
!m = memref<1x64x4x16xf32>
!k = memref<1x64x2x16xf32>
!l = memref<1x4x64xf32>

// Blocks of queries of four heads write dq, blocks of keys of two heads dk and
// dv.
// CHECK-LABEL: func @grad(
// CHECK-SAME: %[[DQ:[^: ,]*]]: memref<1x64x4x16xf32>, %[[DK:[^: ,]*]]: memref<1x64x2x16xf32>, %[[DV:[^: ,]*]]: memref<1x64x2x16xf32>)
// CHECK: scf.parallel (%{{.*}}) = (%c0) to (%c8) step (%c1) {
// CHECK-NOT: vector<16xi32>
// CHECK-NOT: scf.parallel
// CHECK: math.exp
// CHECK: vector.store %{{.*}}, %[[DQ]]
// CHECK: scf.parallel (%{{.*}}) = (%c0) to (%c4) step (%c1) {
// CHECK-NOT: vector<16xi32>
// CHECK-NOT: scf.parallel
// CHECK-NOT: , %[[DQ]]
// The query heads of a key head, one after the other.
// CHECK: scf.for %{{.*}} = %c0 to %c2 step %c1 {
// CHECK: math.exp
// CHECK: vector.store %{{.*}}, %[[DK]]
// CHECK: vector.store %{{.*}}, %[[DV]]
// CHECK-NOT: scf.parallel
// CHECK-NOT: hilbert.
// CHECK: return
func.func @grad(%q: !m, %k: !k, %l: !l, %dq: !m, %dk: !k, %dv: !k) {
  hilbert.attention_grad ins(%q, %k, %k, %q, %l, %q : !m, !k, !k, !m, !l, !m)
      outs(%dq, %dk, %dv : !m, !k, !k) schedule(#s)
  return
}

// The gradient of lse is subtracted from each query's delta.
// CHECK-LABEL: func @grad_lse(
// CHECK-SAME: memref<1x4x64xf32>, %[[DLSE:[^: ,]*]]: memref<1x4x64xf32>,
// CHECK: %[[SUM:.*]] = vector.reduction <add>
// CHECK: %[[GRADIENT:.*]] = memref.load %[[DLSE]]
// CHECK-NEXT: arith.subf %[[SUM]], %[[GRADIENT]] : f32
// CHECK: scf.parallel
// CHECK: vector.reduction <add>
// CHECK: memref.load %[[DLSE]]
// CHECK: arith.subf
func.func @grad_lse(%q: !m, %k: !k, %l: !l, %dl: !l, %dq: !m, %dk: !k,
    %dv: !k) {
  hilbert.attention_grad ins(%q, %k, %k, %q, %l, %q : !m, !k, !k, !m, !l, !m)
      dlse(%dl : !l) outs(%dq, %dk, %dv : !m, !k, !k) schedule(#s)
  return
}

// Keys are rows of the first loop, lanes of the second.
// CHECK-LABEL: func @grad_position(
// CHECK: scf.parallel
// CHECK: arith.cmpi sle, %{{.*}}, %{{.*}} : vector<16xi32>
// CHECK: } else {
// CHECK-NOT: vector<16xi32>
// CHECK: scf.parallel
// CHECK: arith.cmpi sge, %{{.*}}, %{{.*}} : vector<16xi32>
// CHECK: } else {
// CHECK-NOT: vector<16xi32>
// CHECK: return
func.func @grad_position(%q: !m, %k: !k, %l: !l, %dq: !m, %dk: !k, %dv: !k) {
  hilbert.attention_grad ins(%q, %k, %k, %q, %l, %q : !m, !k, !k, !m, !l, !m)
      outs(%dq, %dk, %dv : !m, !k, !k) causal<position> schedule(#s)
  return
}

// -----

//===----------------------------------------------------------------------===//
// Branches and head groups
//===----------------------------------------------------------------------===//

#s = #hilbert.host_schedule<lanes = 16, columns = 32, rows = 24>
!m = memref<1x64x4x16xf32>
!k = memref<1x64x2x16xf32>
!l = memref<1x4x64xf32>

// The second branch goes on from the results of the first, where it has keys.
// CHECK-LABEL: func @branches(
// CHECK-SAME: %[[O:[^: ,]*]]: memref<1x64x4x16xf32>, %[[L:[^: ,]*]]: memref<1x4x64xf32>)
// CHECK-NOT: memref.alloc(
// CHECK: scf.parallel (%{{.*}}) = (%c0) to (%c8) step (%c1) {
// CHECK-NOT: vector.load %[[O]]
// CHECK-NOT: memref.load %[[L]]
// CHECK: vector.store %{{.*}}, %[[O]]
// CHECK: memref.store %{{.*}}, %[[L]]
// CHECK: scf.parallel (%{{.*}}) = (%c0) to (%c8) step (%c1) {
// CHECK: %[[KEYS:.*]] = arith.select %{{.*}}, %c32, %c0 : index
// CHECK: %[[BUSY:.*]] = arith.minsi %{{.*}}, %[[KEYS]] : index
// CHECK: %[[IS_BUSY:.*]] = arith.cmpi sgt, %[[BUSY]], %c0 : index
// CHECK: scf.if %[[IS_BUSY]] {
// CHECK: vector.load %[[O]]
// CHECK: %[[LSE:.*]] = memref.load %[[L]]
// CHECK-NEXT: memref.store %[[LSE]], %{{.*}} : memref<32xf32>
// CHECK: vector.store %{{.*}}, %[[O]]
// CHECK: memref.store %{{.*}}, %[[L]]
// CHECK-NOT: scf.parallel
// CHECK: return
func.func @branches(%q: !m, %k: !k, %o: !m, %l: !l) {
  hilbert.attention ins(%q, %k, %k : !m, !k, !k) outs(%o, %l : !m, !l)
      pattern<(segment = 32) + (segment = 64, dilation = 2, mode = both)>
      schedule(#s)
  return
}

// bf16 is rounded when all branches are done.
// CHECK-LABEL: func @branches_bf16(
// CHECK-SAME: %[[O:[^: ,]*]]: memref<1x?x4x16xbf16>, %{{[^: ,]*}}: memref<1x4x?xf32>)
// CHECK: %[[SUM:.*]] = memref.alloc(%{{.*}}) {alignment = 64 : i64} : memref<1x?x4x16xf32>
// CHECK: scf.parallel
// CHECK-NOT: arith.truncf
// CHECK: vector.store %{{.*}}, %[[SUM]]
// CHECK: scf.parallel
// CHECK-NOT: arith.truncf
// CHECK: vector.load %[[SUM]]
// CHECK: vector.store %{{.*}}, %[[SUM]]
// CHECK: scf.parallel
// CHECK: %[[WIDE:.*]] = vector.load %[[SUM]][%[[I:.*]], %[[J:.*]], %[[H:.*]], %[[D:.*]]]
// CHECK-NEXT: %[[NARROW:.*]] = arith.truncf %[[WIDE]] : vector<8xf32> to vector<8xbf16>
// CHECK-NEXT: vector.store %[[NARROW]], %[[O]][%[[I]], %[[J]], %[[H]], %[[D]]]
// CHECK-NOT: scf.parallel
// CHECK: memref.dealloc %[[SUM]]
// CHECK-NEXT: return
!n = memref<1x?x4x16xbf16>
func.func @branches_bf16(%q: !n, %o: !n, %l: memref<1x4x?xf32>) {
  hilbert.attention ins(%q, %q, %q : !n, !n, !n)
      outs(%o, %l : !n, memref<1x4x?xf32>)
      pattern<(segment = dense, dilation = 2) + (segment = 64)> schedule(#s)
  return
}

// One branch for each group: every out is written once, so none is kept in f32.
// CHECK-LABEL: func @groups_bf16(
// CHECK-NOT: memref.alloc(
// CHECK-COUNT-2: arith.truncf
// CHECK: return
func.func @groups_bf16(%q: memref<1x64x4x16xbf16>, %o: memref<1x64x4x16xbf16>,
    %l: !l) {
  hilbert.attention ins(%q, %q, %q : memref<1x64x4x16xbf16>,
      memref<1x64x4x16xbf16>, memref<1x64x4x16xbf16>)
      outs(%o, %l : memref<1x64x4x16xbf16>, !l)
      pattern<heads 1: (segment = 64), heads 3: (segment = 32)> schedule(#s)
  return
}

// Query heads 0 and 1 to 3, two to a key head: the second group's dk and dv add
// to what the first has left for key head 0, and start anew for key head 1.
// CHECK-LABEL: func @groups(
// CHECK-SAME: %[[DQ:[^: ,]*]]: memref<1x64x4x16xf32>, %[[DK:[^: ,]*]]: memref<1x64x2x16xf32>, %[[DV:[^: ,]*]]: memref<1x64x2x16xf32>)
// CHECK-NOT: memref.alloc(
// CHECK: scf.parallel (%{{.*}}) = (%c0) to (%c2) step (%c1) {
// CHECK: vector.store %{{.*}}, %[[DQ]][%{{.*}}, %{{.*}}, %c0, %{{.*}}]
// CHECK: scf.parallel (%{{.*}}) = (%c0) to (%c2) step (%c1) {
// CHECK-NOT: vector.load %[[DK]]
// CHECK: vector.store %{{.*}}, %[[DK]][%{{.*}}, %{{.*}}, %c0, %{{.*}}]
// CHECK: vector.store %{{.*}}, %[[DV]][%{{.*}}, %{{.*}}, %c0, %{{.*}}]
// CHECK: scf.parallel (%{{.*}}) = (%c0) to (%c6) step (%c1) {
// CHECK: %[[PEELED:.*]] = arith.remui %{{.*}}, %c3 : index
// CHECK: %[[HEAD:.*]] = arith.addi %[[PEELED]], %c1 : index
// CHECK-NOT: vector.load %[[DQ]]
// CHECK: vector.store %{{.*}}, %[[DQ]][%{{.*}}, %{{.*}}, %[[HEAD]], %{{.*}}]
// CHECK: scf.parallel (%{{.*}}) = (%c0) to (%c4) step (%c1) {
// CHECK: %[[FIRST:.*]] = arith.muli %{{.*}}, %c2 : index
// CHECK: %[[RESUMES:.*]] = arith.cmpi slt, %[[FIRST]], %c1 : index
// CHECK: scf.if %[[RESUMES]] {
// CHECK: vector.load %[[DK]]
// CHECK: vector.load %[[DV]]
// CHECK: } else {
// CHECK: %[[SKIPPED:.*]] = arith.subi %c1, %{{.*}} : index
// CHECK: %[[BEGIN:.*]] = arith.maxsi %[[SKIPPED]], %c0 : index
// CHECK: %[[REST:.*]] = arith.subi %c4, %{{.*}} : index
// CHECK: %[[END:.*]] = arith.minsi %[[REST]], %c2 : index
// CHECK: scf.for %{{.*}} = %[[BEGIN]] to %[[END]] step %c1 {
// CHECK: vector.store %{{.*}}, %[[DK]]
// CHECK: vector.store %{{.*}}, %[[DV]]
// CHECK-NOT: scf.parallel
// CHECK: return
func.func @groups(%q: !m, %k: !k, %l: !l, %dq: !m, %dk: !k, %dv: !k) {
  hilbert.attention_grad ins(%q, %k, %k, %q, %l, %q : !m, !k, !k, !m, !l, !m)
      outs(%dq, %dk, %dv : !m, !k, !k)
      pattern<heads 1: (segment = 32), heads 3: (segment = 64)> schedule(#s)
  return
}

// Every branch and group is checked where heads and tokens are dynamic.
// CHECK-LABEL: func @branches_dynamic(
// CHECK: cf.assert %{{.*}}, "hilbert.attention: query heads must be a multiple of key heads"
// CHECK: %[[COVERED:.*]] = arith.cmpi eq, %{{.*}}, %c3 : index
// CHECK: cf.assert %[[COVERED]], "hilbert.attention: q's heads must be the 3 that the head groups cover"
// The shortest segment counts.
// CHECK: arith.cmpi {{sgt|slt}}, %{{.*}}, %c17 : index
// CHECK: cf.assert %{{.*}}, "hilbert.attention: queries and keys must be equally many unless the segment covers both"
// CHECK: cf.assert %{{.*}}, "hilbert.attention: offsets must be one for each query head"
// CHECK-NOT: cf.assert
// CHECK: scf.parallel
!d = memref<?x?x?x16xf32>
func.func @branches_dynamic(%q: !d, %k: !d, %o: !d, %l: memref<?x?x?xf32>) {
  hilbert.attention ins(%q, %k, %k : !d, !d, !d)
      outs(%o, %l : !d, memref<?x?x?xf32>)
      pattern<heads 2: (segment = 32) + (segment = 16, dilation = 2, offset = [0, 1, 0]), heads 1: (segment = dense)>
      schedule(#s)
  return
}

// -----

//===----------------------------------------------------------------------===//
// Dynamic sizes
//===----------------------------------------------------------------------===//

#s = #hilbert.host_schedule<lanes = 16, columns = 32, rows = 24>
!m = memref<?x?x?x16xf32>
!l = memref<?x?x?xf32>

// CHECK-LABEL: func @dynamic(
// CHECK: cf.assert %{{.*}}, "hilbert.attention: k's batch must be equal to q's batch"
// CHECK: cf.assert %{{.*}}, "hilbert.attention: v's batch must be equal to q's batch"
// CHECK: cf.assert %{{.*}}, "hilbert.attention: v's heads must be equal to k's heads"
// CHECK: cf.assert %{{.*}}, "hilbert.attention: v's tokens must be equal to k's tokens"
// CHECK: cf.assert %{{.*}}, "hilbert.attention: out's batch must be equal to q's batch"
// CHECK: cf.assert %{{.*}}, "hilbert.attention: out's heads must be equal to q's heads"
// CHECK: cf.assert %{{.*}}, "hilbert.attention: out's tokens must be equal to q's tokens"
// CHECK: cf.assert %{{.*}}, "hilbert.attention: lse's batch must be equal to q's batch"
// CHECK: cf.assert %{{.*}}, "hilbert.attention: lse's heads must be equal to q's heads"
// CHECK: cf.assert %{{.*}}, "hilbert.attention: lse's tokens must be equal to q's tokens"
// CHECK: cf.assert %{{.*}}, "hilbert.attention: query heads must be a multiple of key heads"
// CHECK: cf.assert %{{.*}}, "hilbert.attention: queries and keys must be equally many unless the segment covers both"
// CHECK: cf.assert %{{.*}}, "hilbert.attention: offsets must be one for each query head"
// CHECK: cf.assert %{{.*}}, "hilbert.attention: q order's entries must be equal to q's tokens"
// CHECK: cf.assert %{{.*}}, "hilbert.attention: kv order's entries must be equal to k's tokens"
// CHECK: cf.assert %{{.*}}, "hilbert.attention: kv order's rows must be equal to q's batch"
// CHECK: cf.assert %{{.*}}, "hilbert.attention: out order's entries must be equal to q's tokens"
// CHECK-NOT: cf.assert
// CHECK: scf.parallel
func.func @dynamic(%q: !m, %k: !m, %v: !m, %o: !m, %l: !l, %a: memref<?xi32>,
    %b: memref<?x?xi32>, %c: memref<64xi32>) {
  hilbert.attention ins(%q, %k, %v : !m, !m, !m) outs(%o, %l : !m, !l)
      order(q = %a : memref<?xi32>, kv = %b : memref<?x?xi32>,
            out = %c : memref<64xi32>)
      pattern<(segment = 16, dilation = 2, offset = [0, 1])> schedule(#s)
  return
}

// Only what is not known: one size here.
// CHECK-LABEL: func @mostly_static(
// CHECK: cf.assert %{{.*}}, "hilbert.attention: k's batch must be equal to q's batch"
// CHECK-NOT: cf.assert
// CHECK: scf.parallel
!f = memref<2x64x2x16xf32>
func.func @mostly_static(%q: !f, %k: memref<?x64x2x16xf32>, %o: !f,
    %l: memref<2x2x64xf32>) {
  hilbert.attention ins(%q, %k, %q : !f, memref<?x64x2x16xf32>, !f)
      outs(%o, %l : !f, memref<2x2x64xf32>)
      pattern<(segment = 16)> schedule(#s)
  return
}

// A dense pattern takes any number of keys.
// CHECK-LABEL: func @dense_keys(
// CHECK-NOT: queries and keys
// CHECK: scf.parallel
func.func @dense_keys(%q: !m, %k: !m, %o: !m, %l: !l) {
  hilbert.attention ins(%q, %k, %k : !m, !m, !m) outs(%o, %l : !m, !l)
      schedule(#s)
  return
}

// CHECK-LABEL: func @grad_dynamic(
// CHECK: cf.assert %{{.*}}, "hilbert.attention_grad: dout's batch must be equal to q's batch"
// CHECK: cf.assert %{{.*}}, "hilbert.attention_grad: dlse's tokens must be equal to q's tokens"
// CHECK: cf.assert %{{.*}}, "hilbert.attention_grad: dq's heads must be equal to q's heads"
// CHECK: cf.assert %{{.*}}, "hilbert.attention_grad: dk's heads must be equal to k's heads"
// CHECK: cf.assert %{{.*}}, "hilbert.attention_grad: dv's tokens must be equal to k's tokens"
// CHECK: scf.parallel
func.func @grad_dynamic(%q: !m, %k: !m, %l: !l, %dq: !m, %dk: !m, %dv: !m) {
  hilbert.attention_grad ins(%q, %k, %k, %q, %l, %q : !m, !m, !m, !m, !l, !m)
      dlse(%l : !l) outs(%dq, %dk, %dv : !m, !m, !m) schedule(#s)
  return
}

// CHECK-LABEL: func @reorder_dynamic(
// CHECK: cf.assert %{{.*}}, "hilbert.reorder: order's entries must be equal to source's tokens"
// CHECK: cf.assert %{{.*}}, "hilbert.reorder: order's rows must be equal to source's batch"
// CHECK: scf.parallel
func.func @reorder_dynamic(%x: !m, %y: !m, %t: memref<?x?xi32>) {
  hilbert.reorder %x dim 1 order(%t : memref<?x?xi32>) outs(%y : !m) : !m
  return
}

// -----

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

#s = #hilbert.host_schedule<lanes = 16, columns = 32, rows = 24>
!t = tensor<1x64x2x16xf32>
!l = tensor<1x2x64xf32>
func.func @attention_tensor(%q: !t, %l: !l) {
  // expected-error @below {{'hilbert.attention' op must be on memrefs: bufferize first}}
  %0:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%q, %l : !t, !l)
      schedule(#s)
  return
}

// -----

func.func @reorder_tensor(%x: tensor<4x8xf32>, %t: tensor<8xi32>) {
  // expected-error @below {{'hilbert.reorder' op must be on memrefs: bufferize first}}
  %0 = hilbert.reorder %x dim 1 order(%t : tensor<8xi32>) : tensor<4x8xf32>
  return
}

// -----

#s = #hilbert.host_schedule<lanes = 16, columns = 32, rows = 24>
!m = memref<1x64x2x16xf32, strided<[4096, 64, 32, 2]>>
!o = memref<1x64x2x16xf32>
!l = memref<1x2x64xf32>
func.func @stride(%q: !m, %k: !o, %o: !o, %l: !l) {
  // expected-error @below {{'hilbert.attention' op host lowering needs a unit innermost stride, but got 'memref<1x64x2x16xf32, strided<[4096, 64, 32, 2]>>'}}
  hilbert.attention ins(%q, %k, %k : !m, !o, !o) outs(%o, %l : !o, !l)
      schedule(#s)
  return
}

// -----

// A stride that is not known might be any.
!m = memref<4x8xf32, strided<[?, ?], offset: ?>>
func.func @dynamic_stride(%x: !m, %y: memref<4x8xf32>, %t: memref<8xi32>) {
  // expected-error @below {{'hilbert.restore' op host lowering needs a unit innermost stride, but got 'memref<4x8xf32, strided<[?, ?], offset: ?>>'}}
  hilbert.restore %x dim 1 order(%t : memref<8xi32>)
      outs(%y : memref<4x8xf32>) : !m
  return
}

// -----

#s = #hilbert.host_schedule<lanes = 16, columns = 32, rows = 24>
!m = memref<1x64x2x16xf32>
!l = memref<1x2x64xf32>
func.func @order(%q: !m, %o: !m, %l: !l) {
  // expected-error @below {{'hilbert.attention' op host lowering needs orders as tables, but got #hilbert.order<hilbert, [8, 8]>: run hilbert-materialize-orders first}}
  hilbert.attention ins(%q, %q, %q : !m, !m, !m) outs(%o, %l : !m, !l)
      order(out = #hilbert.order<hilbert, [8, 8]>) schedule(#s)
  return
}

// -----

func.func @reorder_order(%x: memref<4x8xf32>, %y: memref<4x8xf32>) {
  // expected-error @below {{'hilbert.reorder' op host lowering needs orders as tables, but got #hilbert.order<morton, [2, 4]>: run hilbert-materialize-orders first}}
  hilbert.reorder %x dim 1 order(#hilbert.order<morton, [2, 4]>)
      outs(%y : memref<4x8xf32>) : memref<4x8xf32>
  return
}

// -----

!m = memref<1x64x2x16xf32>
!l = memref<1x2x64xf32>
func.func @schedule(%q: !m, %o: !m, %l: !l) {
  // expected-error @below {{'hilbert.attention' op host lowering needs a #hilbert.host_schedule: run hilbert-select-host-schedule first}}
  hilbert.attention ins(%q, %q, %q : !m, !m, !m) outs(%o, %l : !m, !l)
  return
}

// -----

!m = memref<1x64x2x16xf32>
!l = memref<1x2x64xf32>
func.func @other_schedule(%q: !m, %l: !l, %dq: !m, %dk: !m, %dv: !m) {
  // expected-error @below {{'hilbert.attention_grad' op host lowering needs a #hilbert.host_schedule: run hilbert-select-host-schedule first}}
  hilbert.attention_grad ins(%q, %q, %q, %q, %l, %q : !m, !m, !m, !m, !l, !m)
      outs(%dq, %dk, %dv : !m, !m, !m) schedule("fast")
  return
}
