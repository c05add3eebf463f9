// RUN: hilbert-opt %s --convert-hilbert-to-gpu --cse | FileCheck %s

// The tile program of the forward pass. Names of values follow the comments of
// docs/gpu.md. (--cse only so that a constant has one name.)

#s = #hilbert_gpu.schedule<m = 64, n = 32, warps = 4, stages = 2, ctas = 1>
!t = tensor<1x?x4x16xbf16>
!kv = tensor<1x?x2x16xbf16>
!l = tensor<1x4x?xf32>
!i = tensor<?xi32>

//===----------------------------------------------------------------------===//
// The algorithm
//===----------------------------------------------------------------------===//

// CHECK: module attributes {gpu.container_module}
// CHECK-LABEL: func.func @dense(
// CHECK: hilbert.attention ins{{.*}} {hilbert_gpu.kernels = @dense_kernels}
// CHECK-LABEL: gpu.module @dense_kernels
// CHECK: gpu.func @dense_forward(
// CHECK-SAME: %[[Q:[^:]*]]: !llvm.ptr<1>, %[[QB:[^:]*]]: i64, %[[QH:[^:]*]]: i64, %[[QT:[^:]*]]: i64,
// CHECK-SAME: %[[K:[^:]*]]: !llvm.ptr<1>, %[[KB:[^:]*]]: i64, %[[KH:[^:]*]]: i64, %[[KT:[^:]*]]: i64,
// CHECK-SAME: %[[V:[^:]*]]: !llvm.ptr<1>, %{{[^:]*}}: i64, %{{[^:]*}}: i64, %[[VT:[^:]*]]: i64,
// CHECK-SAME: %[[O:[^:]*]]: !llvm.ptr<1>, %{{[^:]*}}: i64, %[[OH:[^:]*]]: i64, %[[OT:[^:]*]]: i64,
// CHECK-SAME: %[[LSE:[^:]*]]: !llvm.ptr<1>, %[[NQ:[^:]*]]: i32, %[[NK:[^:]*]]: i32, %[[HQ:[^:]*]]: i32, %[[HK:[^:]*]]: i32, %[[SCALE:[^:]*]]: f32) kernel
// CHECK-SAME: hilbert_gpu.arguments = ["q", "q_batch_stride", "q_head_stride", "q_token_stride", "k", "k_batch_stride", "k_head_stride", "k_token_stride", "v", "v_batch_stride", "v_head_stride", "v_token_stride", "out", "out_batch_stride", "out_head_stride", "out_token_stride", "lse", "queries", "keys", "query_heads", "key_heads", "scale"]
// CHECK-SAME: hilbert_gpu.grid = {classes = 1 : i64, other_tile = 32 : i64, role = "forward", rows = "queries", segment = 0 : i64, threads = 128 : i64, tile = 64 : i64}
// CHECK-SAME: known_block_size = array<i32: 128, 1, 1>
// CHECK-SAME: nvvm.minctasm = 1 : i32
//
// The work item: tile, then head, then batch item.
// CHECK: %[[BLOCK:.*]] = gpu.block_id x
// CHECK: %[[FLAT:.*]] = arith.index_castui %[[BLOCK]]
// CHECK: %[[TILE:.*]] = arith.remui %[[FLAT]], %[[TILES:.*]] : i32
// CHECK: %[[REST:.*]] = arith.divui %[[FLAT]], %[[TILES]] : i32
// CHECK: %[[HEAD:.*]] = arith.remui %[[REST]], %[[HQ]] : i32
// CHECK: %[[BATCH:.*]] = arith.divui %[[REST]], %[[HQ]] : i32
// CHECK: %[[START:.*]] = arith.muli %[[TILE]], %[[C64:.*]] : i32
// CHECK: %[[EXISTS:.*]] = arith.cmpi slt, %[[START]]
// CHECK: scf.if %[[EXISTS]] {
// CHECK:   %[[QROWS:.*]] = hilbert_gpu.run_rows %[[START]], %{{.*}} step 1 : <64, run>
//
// A key head serves a group of query heads. Offsets have 64 bits.
// CHECK:   %[[GROUP:.*]] = arith.divui %[[HQ]], %[[HK]] : i32
// CHECK:   %[[KEYHEAD:.*]] = arith.divui %[[HEAD]], %[[GROUP]] : i32
// CHECK:   %[[BATCH64:.*]] = arith.extsi %[[BATCH]] : i32 to i64
// CHECK:   %[[BOFF:.*]] = arith.muli %[[BATCH64]], %[[KB]] : i64
// CHECK:   %[[KEYHEAD64:.*]] = arith.extsi %[[KEYHEAD]] : i32 to i64
// CHECK:   %[[HOFF:.*]] = arith.muli %[[KEYHEAD64]], %[[KH]] : i64
// CHECK:   %[[OFF:.*]] = arith.addi %[[BOFF]], %[[HOFF]] : i64
// CHECK:   %[[KM:.*]] = hilbert_gpu.matrix %[[K]][%[[OFF]]] stride %[[KT]] : <16xbf16>
// CHECK:   %[[VM:.*]] = hilbert_gpu.matrix %[[V]][%{{.*}}] stride %[[VT]] : <16xbf16>
//
// Negative scales negate the queries; zero is told apart from none.
// CHECK:   %[[NEGATIVE:.*]] = arith.cmpf olt, %[[SCALE]], %[[F0:.*]] : f32
// CHECK:   %[[LOG2:.*]] = arith.mulf %[[SCALE]], %{{.*}} : f32
// CHECK:   %[[MINUS:.*]] = arith.subf %[[F0]], %[[LOG2]] : f32
// CHECK:   %[[ABS:.*]] = arith.select %[[NEGATIVE]], %[[MINUS]], %[[LOG2]] : f32
// CHECK:   %[[ISZERO:.*]] = arith.cmpf oeq, %[[ABS]], %[[F0]] : f32
// CHECK:   %[[FACTOR:.*]] = arith.select %[[ISZERO]], %{{.*}}, %[[ABS]] : f32
// CHECK:   %[[ROWSCALE:.*]] = tensor.splat %[[FACTOR]]
// CHECK:   %[[TILESCALE:.*]] = hilbert_gpu.broadcast %[[ROWSCALE]]
// CHECK:   %[[HEAD64:.*]] = arith.extsi %[[HEAD]] : i32 to i64
// CHECK:   %[[QHOFF:.*]] = arith.muli %[[HEAD64]], %[[QH]] : i64
// CHECK:   %[[QOFF:.*]] = arith.addi %{{.*}}, %[[QHOFF]] : i64
// CHECK:   %[[QM:.*]] = hilbert_gpu.matrix %[[Q]][%[[QOFF]]] stride %[[QT]]
// CHECK:   %[[QT0:.*]] = hilbert_gpu.load %[[QM]][%[[QROWS]]] : <16xbf16>, <64, run> -> <64x16xbf16>
// CHECK:   %[[QTILE:.*]] = hilbert_gpu.flip_sign %[[QT0]] if %[[NEGATIVE]]
//
// Online softmax over the tiles of keys: maximum, sum of weights, sum of values.
// CHECK:   %[[R:.*]]:3 = scf.for %[[I:.*]] = %[[C0:[^ ]*]] to %{{.*}} step %{{.*}} iter_args(%[[MAX:.*]] = %[[NONE:.*]], %[[SUM:.*]] = %[[ZERO:.*]], %[[ACC:.*]] = %{{.*}})
// CHECK:     %[[FIRST:.*]] = arith.muli %[[I]], %[[C32:.*]] : i32
// CHECK:     %[[LEFT:.*]] = arith.subi %[[KEYS:.*]], %[[FIRST]] : i32
// CHECK:     %[[COUNT:.*]] = arith.minsi %[[LEFT]], %[[C32]] : i32
// CHECK:     %[[KROWS:.*]] = hilbert_gpu.run_rows %[[FIRST]], %[[COUNT]] step 1 : <32, run>
// CHECK:     %[[KTILE:.*]] = hilbert_gpu.load %[[KM]][%[[KROWS]]]
// CHECK:     %[[VTILE:.*]] = hilbert_gpu.load %[[VM]][%[[KROWS]]]
// CHECK:     %[[S0:.*]] = hilbert_gpu.dot %[[QTILE]], %[[KTILE]], %{{.*}} {transpose_b}
//
// Only the last tile of a row of them may need a mask.
// CHECK:     %[[END:.*]] = arith.addi %[[FIRST]], %[[C32]] : i32
// CHECK:     %[[RAGGED:.*]] = arith.cmpi slt, %[[KEYS]], %[[END]] : i32
// CHECK:     %[[S:.*]] = scf.if %[[RAGGED]]
// CHECK:       %[[INDICES:.*]] = hilbert_gpu.indices : tensor<32xi32, #hilbert_gpu.slice<0, <warps = 4>>>
// CHECK:       %[[BEGIN:.*]] = tensor.splat %[[FIRST]]
// CHECK:       %[[MEMBER:.*]] = arith.addi %[[INDICES]], %[[BEGIN]]
// CHECK:       %[[LIMIT:.*]] = tensor.splat %[[KEYS]]
// CHECK:       %[[INSIDE:.*]] = arith.cmpi slt, %[[MEMBER]], %[[LIMIT]]
// CHECK:       %[[MASK:.*]] = hilbert_gpu.broadcast %[[INSIDE]]
// CHECK:       %[[MASKED:.*]] = arith.select %[[MASK]], %[[S0]], %{{.*}}
// CHECK:       scf.yield %[[MASKED]]
// CHECK:     } else {
// CHECK:       scf.yield %[[S0]]
//
// CHECK:     %[[TILEMAX:.*]] = hilbert_gpu.reduce max %[[S]]
// CHECK:     %[[NEXT:.*]] = arith.maxnumf %[[MAX]], %[[TILEMAX]]
// CHECK:     %[[EMPTY:.*]] = arith.cmpf oeq, %[[NEXT]], %[[NONE]]
// CHECK:     %[[REF:.*]] = arith.select %[[EMPTY]], %[[ZERO]], %[[NEXT]]
// CHECK:     %[[NEGREF:.*]] = arith.subf %[[ZERO]], %[[REF]]
// CHECK:     %[[SHIFT:.*]] = arith.mulf %[[NEGREF]], %[[ROWSCALE]]
// CHECK:     %[[SHIFTS:.*]] = hilbert_gpu.broadcast %[[SHIFT]]
// CHECK:     %[[EXP:.*]] = math.fma %[[S]], %[[TILESCALE]], %[[SHIFTS]]
// CHECK:     %[[W:.*]] = math.exp2 %[[EXP]]
// CHECK:     %[[OLD:.*]] = math.fma %[[MAX]], %[[ROWSCALE]], %[[SHIFT]]
// CHECK:     %[[RESCALE:.*]] = math.exp2 %[[OLD]]
// CHECK:     %[[TILESUM:.*]] = hilbert_gpu.reduce sum %[[W]]
// CHECK:     %[[TOTAL:.*]] = math.fma %[[SUM]], %[[RESCALE]], %[[TILESUM]]
// CHECK:     %[[RESCALES:.*]] = hilbert_gpu.broadcast %[[RESCALE]]
// CHECK:     %[[SCALED:.*]] = arith.mulf %[[ACC]], %[[RESCALES]]
// CHECK:     %[[P:.*]] = hilbert_gpu.to_operand %[[W]]
// CHECK:     %[[PV:.*]] = hilbert_gpu.dot %[[P]], %[[VTILE]], %[[SCALED]] :
// CHECK:     scf.yield %[[NEXT]], %[[TOTAL]], %[[PV]]
//
// Queries without keys: out = 0, lse = -inf.
// CHECK:   %[[NOKEYS:.*]] = arith.cmpf oeq, %[[R]]#1, %[[ZERO]]
// CHECK:   %[[INVERSE:.*]] = arith.divf %{{.*}}, %[[R]]#1
// CHECK:   %[[FACTORS:.*]] = arith.select %[[NOKEYS]], %[[ZERO]], %[[INVERSE]]
// CHECK:   %[[FACTORTILE:.*]] = hilbert_gpu.broadcast %[[FACTORS]]
// CHECK:   %[[OUT:.*]] = arith.mulf %[[R]]#2, %[[FACTORTILE]]
// CHECK:   %[[OUT16:.*]] = hilbert_gpu.to_operand %[[OUT]]
// CHECK:   %[[OHOFF:.*]] = arith.muli %[[HEAD64]], %[[OH]] : i64
// CHECK:   %[[OOFF:.*]] = arith.addi %{{.*}}, %[[OHOFF]] : i64
// CHECK:   %[[OM:.*]] = hilbert_gpu.matrix %[[O]][%[[OOFF]]] stride %[[OT]]
// CHECK:   hilbert_gpu.store %[[OUT16]], %[[OM]][%[[QROWS]]]
// CHECK:   %[[LOG:.*]] = math.log2 %[[R]]#1
// CHECK:   %[[LSE2:.*]] = math.fma %[[R]]#0, %[[ROWSCALE]], %[[LOG]]
// CHECK:   %[[LSEN:.*]] = arith.mulf %[[LSE2]], %{{.*}}
// CHECK:   %[[LSER:.*]] = arith.select %[[NOKEYS]], %[[NONE]], %[[LSEN]]
// CHECK:   %[[ROWOFHEADS:.*]] = arith.addi %{{.*}}, %[[HEAD64]] : i64
// CHECK:   %[[QUERIES64:.*]] = arith.extsi %[[NQ]] : i32 to i64
// CHECK:   %[[LOFF:.*]] = arith.muli %[[ROWOFHEADS]], %[[QUERIES64]] : i64
// CHECK:   %[[LM:.*]] = hilbert_gpu.matrix %[[LSE]][%[[LOFF]]] stride %{{.*}} : <1xf32>
// CHECK:   hilbert_gpu.store %[[LSER]], %[[LM]][%[[QROWS]]]
func.func @dense(%q: !t, %k: !kv, %v: !kv, %out: !t, %lse: !l) -> (!t, !l) {
  %r:2 = hilbert.attention ins(%q, %k, %v : !t, !kv, !kv) outs(%out, %lse : !t, !l)
    schedule(#s)
  return %r#0, %r#1 : !t, !l
}

// Tiles have the next multiple of 16 columns.
// CHECK-LABEL: gpu.module @depth_kernels
// CHECK: hilbert_gpu.matrix {{.*}} : <24xf16>
// CHECK: hilbert_gpu.load {{.*}} : <24xf16>, <64, run> -> <64x32xf16>
// CHECK: hilbert_gpu.load {{.*}} : <24xf16>, <32, run> -> <32x32xf16>
// CHECK: hilbert_gpu.store {{.*}} : tensor<64x32xf16, {{.*}}>, <24xf16>
func.func @depth(%q: tensor<1x?x4x24xf16>, %lse: !l) -> (tensor<1x?x4x24xf16>, !l) {
  %r:2 = hilbert.attention ins(%q, %q, %q : tensor<1x?x4x24xf16>, tensor<1x?x4x24xf16>, tensor<1x?x4x24xf16>)
    outs(%q, %lse : tensor<1x?x4x24xf16>, !l) schedule(#s)
  return %r#0, %r#1 : tensor<1x?x4x24xf16>, !l
}

//===----------------------------------------------------------------------===//
// Segments, modes and offsets
//===----------------------------------------------------------------------===//

// A segment is part of the work item; its keys begin where it does, and there
// may be fewer at the end.
// CHECK-LABEL: gpu.module @segments_kernels
// CHECK: segment = 100 : i64
// CHECK-DAG: %[[W:.*]] = arith.constant 100 : i32
// CHECK: gpu.block_id
// CHECK: arith.remui
// CHECK: %[[HEAD:.*]] = arith.remui %[[REST:.*]], %[[HQ:.*]] : i32
// CHECK: %[[ITEM:.*]] = arith.divui %[[REST]], %[[HQ]] : i32
// CHECK: %[[SEGMENT:.*]] = arith.remui %[[ITEM]], %[[SEGMENTS:.*]] : i32
// CHECK: arith.divui %[[ITEM]], %[[SEGMENTS]] : i32
// CHECK: %[[BEGIN:.*]] = arith.muli %[[SEGMENT]], %[[W]] : i32
// CHECK: %[[LEFT:.*]] = arith.subi %{{.*}}, %[[BEGIN]] : i32
// CHECK: arith.minsi %[[LEFT]], %[[W]] : i32
// CHECK: %[[LEFTK:.*]] = arith.subi %{{.*}}, %[[BEGIN]] : i32
// CHECK: arith.minsi %[[LEFTK]], %[[W]] : i32
// CHECK: scf.for
// CHECK: %[[KEY:.*]] = arith.addi %[[BEGIN]]
// CHECK: hilbert_gpu.run_rows %[[KEY]], %{{.*}} step 1 : <32, run>
func.func @segments(%q: !t, %k: !kv, %v: !kv, %out: !t, %lse: !l) -> (!t, !l) {
  %r:2 = hilbert.attention ins(%q, %k, %v : !t, !kv, !kv) outs(%out, %lse : !t, !l)
    pattern<(segment = 100)> schedule(#s)
  return %r#0, %r#1 : !t, !l
}

// `keys`: all queries of a segment are one class; every fourth key.
// CHECK-LABEL: gpu.module @keys_kernels
// CHECK: classes = 1 : i64
// CHECK: hilbert_gpu.run_rows %{{.*}} step 1 : <64, run>
// CHECK: hilbert_gpu.run_rows %{{.*}} step 4 : <32, run>
func.func @keys(%q: !t, %k: !kv, %v: !kv, %out: !t, %lse: !l) -> (!t, !l) {
  %r:2 = hilbert.attention ins(%q, %k, %v : !t, !kv, !kv) outs(%out, %lse : !t, !l)
    pattern<(segment = 64, dilation = 4)> schedule(#s)
  return %r#0, %r#1 : !t, !l
}

// ... from the residue that the head has.
// CHECK-LABEL: gpu.module @keys_head_kernels
// CHECK: %[[HEAD:.*]] = arith.remui %{{.*}}, %{{arg[0-9]+}} : i32
// CHECK: %[[C3:.*]] = arith.constant 3 : i32
// CHECK: %[[OFFSET:.*]] = arith.remui %[[HEAD]], %[[C3]] : i32
// CHECK: %[[FIRST:.*]] = arith.addi %{{.*}}, %[[OFFSET]] : i32
// CHECK: scf.for
// CHECK: %[[KEY:.*]] = arith.addi %[[FIRST]]
// CHECK: hilbert_gpu.run_rows %[[KEY]], %{{.*}} step 3 : <32, run>
func.func @keys_head(%q: !t, %k: !kv, %v: !kv, %out: !t, %lse: !l) -> (!t, !l) {
  %r:2 = hilbert.attention ins(%q, %k, %v : !t, !kv, !kv) outs(%out, %lse : !t, !l)
    pattern<(segment = 64, dilation = 3, offset = head)> schedule(#s)
  return %r#0, %r#1 : !t, !l
}

// `longnet`: heads in 3 groups of ceil(H / 3).
// CHECK-LABEL: gpu.module @keys_longnet_kernels
// CHECK: gpu.func @keys_longnet_forward({{.*}} %[[HQ:[^:]*]]: i32, %{{[^:]*}}: i32, %{{[^:]*}}: f32)
// CHECK: %[[HEAD:.*]] = arith.remui %{{.*}}, %[[HQ]] : i32
// CHECK: %[[C3:.*]] = arith.constant 3 : i32
// CHECK: %[[LESS:.*]] = arith.subi %[[HQ]], %{{.*}} : i32
// CHECK: %[[FLOOR:.*]] = arith.divui %[[LESS]], %[[C3]] : i32
// CHECK: %[[CEIL:.*]] = arith.addi %[[FLOOR]], %{{.*}} : i32
// CHECK: %[[GROUP:.*]] = arith.select %{{.*}}, %[[CEIL]], %{{.*}} : i32
// CHECK: %[[OFFSET:.*]] = arith.divui %[[HEAD]], %[[GROUP]] : i32
// CHECK: arith.addi %{{.*}}, %[[OFFSET]] : i32
func.func @keys_longnet(%q: !t, %k: !kv, %v: !kv, %out: !t, %lse: !l) -> (!t, !l) {
  %r:2 = hilbert.attention ins(%q, %k, %v : !t, !kv, !kv) outs(%out, %lse : !t, !l)
    pattern<(segment = 64, dilation = 3, offset = longnet)> schedule(#s)
  return %r#0, %r#1 : !t, !l
}

// A list is an argument: lists of other heads need no other kernel.
// CHECK-LABEL: gpu.module @keys_list_kernels
// CHECK: gpu.func @keys_list_forward({{.*}}, %[[LIST:[^:]*]]: !llvm.ptr<1>)
// CHECK-SAME: "scale", "offsets"]
// CHECK: %[[HEAD:.*]] = arith.remui
// CHECK: %[[ENTRY:.*]] = llvm.getelementptr %[[LIST]][%[[HEAD:.*]]] : {{.*}}, i32
// CHECK: %[[OFFSET:.*]] = llvm.load %[[ENTRY]] : !llvm.ptr<1> -> i32
// CHECK: arith.addi %{{.*}}, %[[OFFSET]] : i32
func.func @keys_list(%q: !t, %k: !kv, %v: !kv, %out: !t, %lse: !l) -> (!t, !l) {
  %r:2 = hilbert.attention ins(%q, %k, %v : !t, !kv, !kv) outs(%out, %lse : !t, !l)
    pattern<(segment = 64, dilation = 3, offset = [0, 2, 1, 1])> schedule(#s)
  return %r#0, %r#1 : !t, !l
}

// `both`: queries of other residues than the head's have no keys.
// CHECK-LABEL: gpu.module @both_kernels
// CHECK: classes = 4 : i64
// CHECK: %[[C4:.*]] = arith.constant 4 : i32
// CHECK: gpu.block_id
// CHECK: %[[HEAD:.*]] = arith.remui %{{.*}}, %{{arg[0-9]+}} : i32
// CHECK: %[[RESIDUE:.*]] = arith.remui %{{.*}}, %[[C4]] : i32
// CHECK: %[[OFFSET:.*]] = arith.remui %[[HEAD]], %[[C4]] : i32
// CHECK: %[[SAME:.*]] = arith.cmpi eq, %[[RESIDUE]], %[[OFFSET]] : i32
// CHECK: %[[KEYS:.*]] = arith.select %[[SAME]], %{{.*}}, %{{.*}} : i32
// CHECK: hilbert_gpu.run_rows %{{.*}} step 4 : <64, run>
// CHECK: scf.for
// CHECK: arith.subi %[[KEYS]]
// CHECK: hilbert_gpu.run_rows %{{.*}} step 4 : <32, run>
func.func @both(%q: !t, %k: !kv, %v: !kv, %out: !t, %lse: !l) -> (!t, !l) {
  %r:2 = hilbert.attention ins(%q, %k, %v : !t, !kv, !kv) outs(%out, %lse : !t, !l)
    pattern<(segment = 64, dilation = 4, mode = both, offset = head)> schedule(#s)
  return %r#0, %r#1 : !t, !l
}

// `residues`: queries and keys of one residue, and nothing to compare.
// CHECK-LABEL: gpu.module @residues_kernels
// CHECK: classes = 4 : i64
// CHECK: %[[C4:.*]] = arith.constant 4 : i32
// CHECK: gpu.block_id
// CHECK: %[[RESIDUE:.*]] = arith.remui %{{.*}}, %[[C4]] : i32
// CHECK: %[[FIRST:.*]] = arith.addi %{{.*}}, %[[RESIDUE]] : i32
// CHECK-NOT: arith.cmpi eq
// CHECK: hilbert_gpu.run_rows %{{.*}} step 4 : <64, run>
// CHECK: scf.for
// CHECK: %[[KEY:.*]] = arith.addi %[[FIRST]]
// CHECK: hilbert_gpu.run_rows %[[KEY]], %{{.*}} step 4 : <32, run>
func.func @residues(%q: !t, %k: !kv, %v: !kv, %out: !t, %lse: !l) -> (!t, !l) {
  %r:2 = hilbert.attention ins(%q, %k, %v : !t, !kv, !kv) outs(%out, %lse : !t, !l)
    pattern<(segment = 64, dilation = 4, mode = residues)> schedule(#s)
  return %r#0, %r#1 : !t, !l
}

//===----------------------------------------------------------------------===//
// Causality
//===----------------------------------------------------------------------===//

// By position: the last tile first, tiles of keys up to the last query, and masks
// where a tile reaches beyond the first query.
// CHECK-LABEL: gpu.module @position_kernels
// CHECK: %[[INDEX:.*]] = arith.remui %{{.*}}, %[[TILES:.*]] : i32
// CHECK: %[[LAST:.*]] = arith.subi %[[TILES]], %{{.*}} : i32
// CHECK: %[[TILE:.*]] = arith.subi %[[LAST]], %[[INDEX]] : i32
// CHECK: %[[START:.*]] = arith.muli %[[TILE]]
// CHECK: hilbert_gpu.table_rows
// CHECK: %[[LIMIT:.*]] = arith.addi %[[START]], %{{.*}} : i32
// CHECK: %[[END:.*]] = arith.minsi %[[LIMIT]], %{{.*}} : i32
// CHECK: %[[BOUNDS:.*]] = hilbert_gpu.bounds : <48xi32>
// CHECK: %[[NOTHING:.*]] = arith.constant false
// CHECK: %[[LASTQ:.*]] = arith.subi %[[END]], %{{.*}} : i32
// CHECK: %[[REACHED:.*]] = arith.addi %[[LASTQ]], %{{.*}} : i32
// CHECK: %[[KEYS:.*]] = arith.minsi
// CHECK: %[[ALL:.*]]:4 = scf.for {{.*}} iter_args(%{{.*}}, %[[BEFORE:.*]] = %[[NOTHING]])
// CHECK:   %[[ENDK:.*]] = arith.addi %[[FIRST:.*]], %[[C32:.*]] : i32
// CHECK:   %[[RAGGED:.*]] = arith.cmpi slt, %{{.*}}, %[[ENDK]] : i32
// CHECK:   %[[LASTK:.*]] = arith.subi %[[ENDK]], %{{.*}} : i32
// CHECK:   %[[BEYOND:.*]] = arith.cmpi slt, %[[START]], %[[LASTK]] : i32
// CHECK:   %[[NEEDED:.*]] = arith.ori %[[RAGGED]], %[[BEYOND]] : i1
//
// Values that are hidden and not finite stay out of the product: 0 * NaN is NaN.
// Ranks are positions, whatever the order.
// CHECK:   %[[RANKS:.*]] = hilbert_gpu.run_rows %[[FIRST]], %{{.*}} step 1 : <32, run>
// CHECK:   %[[NOW:.*]] = hilbert_gpu.take_non_finite %[[V:.*]], %[[RANKS]], %[[BOUNDS]] if %[[NEEDED]] : <32x16xbf16>, <32, run>, <48xi32>
// CHECK:   %[[FOUND:.*]] = arith.ori %[[BEFORE]], %[[NOW]] : i1
// CHECK:   scf.if %[[NEEDED]]
// CHECK:     arith.cmpi slt, {{.*}} : tensor<32xi32
// CHECK:     %[[KRANK:.*]] = hilbert_gpu.tokens %[[RANKS]]
// CHECK:     %[[KRANKS:.*]] = hilbert_gpu.broadcast %[[KRANK]]
// CHECK:     %[[VISIBLE:.*]] = arith.cmpi sle, %[[KRANKS]], {{.*}} : tensor<64x32xi32
// CHECK:     arith.andi %{{.*}}, %[[VISIBLE]]
// CHECK:   %[[SUM:.*]] = hilbert_gpu.dot %{{.*}}, %[[V]], %{{.*}} : tensor<64x32xbf16
// CHECK:   scf.yield %{{.*}}, %{{.*}}, %[[SUM]], %[[FOUND]]
// Head and batch item are found again: no register had them in the loop.
// CHECK: %[[BLOCK:.*]] = hilbert_gpu.opaque %{{.*}} : i32
// CHECK: arith.remui %[[BLOCK]]
// After all tiles the queries that see them get them back.
// CHECK: scf.if %[[ALL]]#3
// CHECK:   %[[POISONED:.*]] = hilbert_gpu.poison %[[ALL]]#2, %[[BOUNDS]], %{{[0-9]+}} : tensor<64x16xf32
// CHECK:   scf.yield %[[POISONED]]
// CHECK:   scf.yield %[[ALL]]#2
func.func @position(%q: !t, %k: !kv, %v: !kv, %out: !t, %lse: !l, %o: !i) -> (!t, !l) {
  %r:2 = hilbert.attention ins(%q, %k, %v : !t, !kv, !kv) outs(%out, %lse : !t, !l)
    order(%o : !i) causal<position> schedule(#s)
  return %r#0, %r#1 : !t, !l
}

// By token: every tile has a mask, for tokens of a tile may be anywhere.
// CHECK-LABEL: gpu.module @token_kernels
// CHECK-NOT: scf.if %{{.*}} -> (tensor<64x32xf32
// CHECK: %[[BOUNDS:.*]] = hilbert_gpu.bounds
// CHECK: %[[ALL:.*]]:4 = scf.for
// CHECK:   %[[KROWS:.*]] = hilbert_gpu.table_rows
// CHECK:   hilbert_gpu.take_non_finite %{{.*}}, %[[KROWS]], %[[BOUNDS]] if %[[TRUE:.*]] : <32x16xbf16>, <32, table>, <48xi32>
// CHECK:   %[[S:.*]] = hilbert_gpu.dot
// CHECK:   %[[TQ:.*]] = hilbert_gpu.tokens %{{.*}} : <64, table> -> tensor<64xi32, #hilbert_gpu.slice<1
// CHECK:   %[[TQS:.*]] = hilbert_gpu.broadcast %[[TQ]]
// CHECK:   %[[TK:.*]] = hilbert_gpu.tokens %[[KROWS]] : <32, table> -> tensor<32xi32, #hilbert_gpu.slice<0
// CHECK:   %[[TKS:.*]] = hilbert_gpu.broadcast %[[TK]]
// CHECK:   arith.cmpi sle, %[[TKS]], %[[TQS]]
// CHECK:   arith.select %{{.*}}, %[[S]]
// CHECK: scf.if %[[ALL]]#3
// CHECK:   %[[RANK:.*]] = hilbert_gpu.tokens %{{.*}} : <64, table> -> tensor<64xi32, #hilbert_gpu.slice<1
// CHECK:   hilbert_gpu.poison %[[ALL]]#2, %[[BOUNDS]], %[[RANK]] :
func.func @token(%q: !t, %k: !kv, %v: !kv, %out: !t, %lse: !l, %o: !i) -> (!t, !l) {
  %r:2 = hilbert.attention ins(%q, %k, %v : !t, !kv, !kv) outs(%out, %lse : !t, !l)
    order(%o : !i) causal<token> schedule(#s)
  return %r#0, %r#1 : !t, !l
}

// In raster order a token is its position.
// CHECK-LABEL: gpu.module @token_raster_kernels
// CHECK: %[[NEEDED:.*]] = arith.ori
// CHECK: hilbert_gpu.take_non_finite %{{.*}}, %{{.*}}, %{{.*}} if %[[NEEDED]]
// CHECK: scf.if %[[NEEDED]] -> (tensor<64x32xf32
// CHECK: arith.cmpi sle, {{.*}} : tensor<64x32xi32
func.func @token_raster(%q: !t, %k: !kv, %v: !kv, %out: !t, %lse: !l) -> (!t, !l) {
  %r:2 = hilbert.attention ins(%q, %k, %v : !t, !kv, !kv) outs(%out, %lse : !t, !l)
    causal<token> schedule(#s)
  return %r#0, %r#1 : !t, !l
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

// Each side has its own order. Tables are arguments, with a stride of 0 for one
// that all batch items share.
// CHECK-LABEL: gpu.module @tables_kernels
// CHECK: gpu.func @tables_forward({{.*}}, %[[KV:[^:]*]]: !llvm.ptr<1>, %[[KVB:[^:]*]]: i64, %[[OUT:[^:]*]]: !llvm.ptr<1>, %{{[^:]*}}: i64) kernel
// CHECK-SAME: "scale", "kv_table", "kv_table_batch_stride", "out_table", "out_table_batch_stride"]
// CHECK: %[[QROWS:.*]] = hilbert_gpu.run_rows %{{.*}} : <64, run>
// CHECK: hilbert_gpu.load %{{.*}}[%[[QROWS]]]
// CHECK: scf.for
// CHECK:   %[[SKIP:.*]] = arith.muli %{{.*}}, %[[KVB]] : i64
// CHECK:   %[[ROW:.*]] = llvm.getelementptr %[[KV]][%[[SKIP]]] : {{.*}}, i32
// CHECK:   hilbert_gpu.table_rows %[[ROW]][%{{.*}}], %{{.*}} step 1 : <32, table>
// CHECK: llvm.getelementptr %[[OUT]]
// CHECK: %[[OROWS:.*]] = hilbert_gpu.table_rows %{{.*}} : <64, table>
// CHECK: hilbert_gpu.store %{{.*}}[%[[OROWS]]] : tensor<64x16xbf16
// CHECK: hilbert_gpu.store %{{.*}}[%[[OROWS]]] : tensor<64xf32
func.func @tables(%q: !t, %k: !kv, %v: !kv, %out: !t, %lse: !l, %o: !i, %p: !i) -> (!t, !l) {
  %r:2 = hilbert.attention ins(%q, %k, %v : !t, !kv, !kv) outs(%out, %lse : !t, !l)
    order(kv = %o : !i, out = %p : !i) schedule(#s)
  return %r#0, %r#1 : !t, !l
}

// Boxes: one entry of a table for a tile. Of dense positions, that of the tile.
// CHECK-LABEL: gpu.module @boxes_kernels
// CHECK: gpu.func @boxes_forward({{.*}}: f32, %[[QB:[^:]*]]: !llvm.ptr<1>, %[[QW:[^:]*]]: i32, %[[QP:[^:]*]]: i32, %[[KB:[^:]*]]: !llvm.ptr<1>, %[[KW:[^:]*]]: i32, %[[KP:[^:]*]]: i32) kernel
// CHECK-SAME: "scale", "q_boxes", "q_width", "q_plane", "kv_boxes", "kv_width", "kv_plane"]
// CHECK: %[[START:.*]] = arith.muli %{{.*}}, %[[C64:.*]] : i32
// CHECK: %[[QENTRY:.*]] = arith.divui %[[START]], %[[C64]] : i32
// CHECK: hilbert_gpu.box_rows %[[QB]][%[[QENTRY]]], %{{.*}} strides %[[QW]], %[[QP]] : <64, box>
// CHECK: scf.for %[[I:[^ ]*]] =
// CHECK:   %[[FIRST:.*]] = arith.muli %[[I]], %[[C32:.*]] : i32
// CHECK:   %[[KENTRY:.*]] = arith.divui %[[FIRST]], %[[C32]] : i32
// CHECK:   hilbert_gpu.box_rows %[[KB]][%[[KENTRY]]], %{{.*}} strides %[[KW]], %[[KP]] : <32, box>
func.func @boxes(%q: !t, %k: !kv, %v: !kv, %out: !t, %lse: !l, %o: !i) -> (!t, !l) {
  %r:2 = hilbert.attention ins(%q, %k, %v : !t, !kv, !kv) outs(%out, %lse : !t, !l)
    order(%o : !i) schedule(#s)
    {hilbert_gpu.query_access = #hilbert_gpu.access<box>, hilbert_gpu.key_access = #hilbert_gpu.access<box>}
  return %r#0, %r#1 : !t, !l
}

// In general (segment * classes + class) * tiles of a class + tile.
// CHECK-LABEL: gpu.module @box_classes_kernels
// CHECK: %[[C256:.*]] = arith.constant 256 : i32
// CHECK: %[[C2:.*]] = arith.constant 2 : i32
// CHECK: gpu.block_id
// CHECK: %[[RESIDUE:.*]] = arith.remui %{{.*}}, %[[C2]] : i32
// CHECK: %[[SEGMENT:.*]] = arith.remui
// CHECK: %[[BEGIN:.*]] = arith.muli %[[SEGMENT]], %[[C256]] : i32
// CHECK: %[[FIRST:.*]] = arith.addi %[[BEGIN]], %[[RESIDUE]] : i32
// CHECK: %[[SEGMENTS:.*]] = arith.muli %[[SEGMENT]], %[[C2]] : i32
// CHECK: %[[CLASS:.*]] = arith.remui %[[FIRST]], %[[C256]] : i32
// CHECK: %[[INDEX:.*]] = arith.addi %[[SEGMENTS]], %[[CLASS]] : i32
// CHECK: %[[SKIPPED:.*]] = arith.muli %[[INDEX]], %{{.*}} : i32
// CHECK: %[[TILE:.*]] = arith.divui %{{.*}}, %{{.*}} : i32
// CHECK: %[[ENTRY:.*]] = arith.addi %[[SKIPPED]], %[[TILE]] : i32
// CHECK: hilbert_gpu.box_rows %{{.*}}[%[[ENTRY]]], {{.*}} : <64, box>
// CHECK: scf.for
// CHECK: %[[KSKIPPED:.*]] = arith.muli %[[INDEX]], %{{.*}} : i32
// CHECK: %[[KTILE:.*]] = arith.divui %{{.*}}, %{{.*}} : i32
// CHECK: %[[KENTRY:.*]] = arith.addi %[[KSKIPPED]], %[[KTILE]] : i32
// CHECK: hilbert_gpu.box_rows %{{.*}}[%[[KENTRY]]], {{.*}} : <32, box>
func.func @box_classes(%q: !t, %k: !kv, %v: !kv, %out: !t, %lse: !l, %o: !i) -> (!t, !l) {
  %r:2 = hilbert.attention ins(%q, %k, %v : !t, !kv, !kv) outs(%out, %lse : !t, !l)
    order(%o : !i) pattern<(segment = 256, dilation = 2, mode = residues)> schedule(#s)
    {hilbert_gpu.query_access = #hilbert_gpu.access<box>, hilbert_gpu.key_access = #hilbert_gpu.access<box>}
  return %r#0, %r#1 : !t, !l
}
