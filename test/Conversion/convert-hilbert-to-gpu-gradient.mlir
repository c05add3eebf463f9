// RUN: hilbert-opt %s --convert-hilbert-to-gpu --cse | FileCheck %s

// The tile programs of gradients: each result has one writer, so that sums have
// one order.

#s = #hilbert_gpu.schedule<m = 64, n = 32, warps = 4, stages = 2, ctas = 1>
#g = #hilbert_gpu.grad_schedule<dq = #s, dkv = #s>
!t = tensor<1x?x4x16xbf16>
!kv = tensor<1x?x2x16xbf16>
!l = tensor<1x4x?xf32>
!i = tensor<?xi32>

//===----------------------------------------------------------------------===//
// dq, and delta = rowsum(dout * out) - dlse
//===----------------------------------------------------------------------===//

// CHECK-LABEL: gpu.module @grad_kernels
// CHECK: gpu.func @grad_dq(
// CHECK-SAME: "q", {{.*}}"k", {{.*}}"v", {{.*}}"out", {{.*}}"dout", {{.*}}"dq", {{.*}}"lse", "delta", "queries", "keys", "query_heads", "key_heads", "scale", "dlse"]
// CHECK-SAME: classes = 1 : i64, other_tile = 32 : i64, role = "dq", rows = "queries"
// CHECK: %[[QROWS:.*]] = hilbert_gpu.run_rows {{.*}} : <64, run>
// CHECK: %[[Q:.*]] = hilbert_gpu.load %{{.*}}[%[[QROWS]]] : <16xbf16>, <64, run>
// CHECK: %[[DO:.*]] = hilbert_gpu.load %{{.*}}[%[[QROWS]]] : <16xbf16>, <64, run>
// CHECK: %[[OUT:.*]] = hilbert_gpu.load %{{.*}}[%[[QROWS]]] : <16xbf16>, <64, run>
// CHECK: %[[OUT16:.*]] = hilbert_gpu.local_load %[[OUT]]
// CHECK: %[[OUT32:.*]] = arith.extf %[[OUT16]]
// CHECK: %[[DO16:.*]] = hilbert_gpu.local_load %[[DO]]
// CHECK: %[[DO32:.*]] = arith.extf %[[DO16]]
// CHECK: %[[PRODUCTS:.*]] = arith.mulf %[[OUT32]], %[[DO32]]
// CHECK: %[[SUM:.*]] = hilbert_gpu.reduce sum %[[PRODUCTS]]
// CHECK: %[[DLSE:.*]] = hilbert_gpu.gather %{{.*}}[%[[QROWS]]] : <1xf32>
// CHECK: %[[DELTA:.*]] = arith.subf %[[SUM]], %[[DLSE]]
// CHECK: hilbert_gpu.store %[[DELTA]], %{{.*}}[%[[QROWS]]] : tensor<64xf32
//
// Queries without keys have lse = -inf, and P = exp2(-inf) = 0.
// CHECK: %[[LSE:.*]] = hilbert_gpu.gather %{{.*}}[%[[QROWS]]] : <1xf32>
// CHECK: %[[LSE2:.*]] = arith.mulf %[[LSE]], %{{.*}}
// CHECK: %[[NOKEYS:.*]] = arith.cmpf oeq, %[[LSE]], %[[NONE:.*]] : tensor<64xf32
// CHECK: %[[SHIFT:.*]] = arith.select %[[NOKEYS]], %[[NONE]], %[[LSE2]]
//
// Three products for each tile of keys.
// CHECK: %[[DQ:.*]] = scf.for {{.*}} iter_args(%[[ACC:.*]] = %{{.*}})
// CHECK:   %[[KROWS:.*]] = hilbert_gpu.run_rows {{.*}} : <32, run>
// CHECK:   %[[K:.*]] = hilbert_gpu.load %{{.*}}[%[[KROWS]]]
// CHECK:   %[[V:.*]] = hilbert_gpu.load %{{.*}}[%[[KROWS]]]
// CHECK:   %[[S:.*]] = hilbert_gpu.dot %[[Q]], %[[K]], %{{.*}} {transpose_b}
// CHECK:   %[[DP:.*]] = hilbert_gpu.dot %[[DO]], %[[V]], %{{.*}} {transpose_b}
// CHECK:   %[[SHIFTS:.*]] = hilbert_gpu.broadcast %[[SHIFT]]
// CHECK:   %[[EXP:.*]] = math.fma %[[S]], %{{.*}}, %[[SHIFTS]]
// CHECK:   %[[P:.*]] = math.exp2 %[[EXP]]
// CHECK:   %[[DELTAS:.*]] = hilbert_gpu.broadcast %[[DELTA]]
// CHECK:   %[[DIFF:.*]] = arith.subf %[[DP]], %[[DELTAS]]
// CHECK:   %[[DS0:.*]] = arith.mulf %[[P]], %[[DIFF]]
// CHECK:   %[[DS:.*]] = scf.if
// CHECK:     %[[MASKED:.*]] = arith.select %{{.*}}, %[[DS0]], %{{.*}}
// CHECK:     scf.yield %[[MASKED]]
// CHECK:     scf.yield %[[DS0]]
// CHECK:   %[[DS16:.*]] = hilbert_gpu.to_operand %[[DS]]
// CHECK:   %[[NEXT:.*]] = hilbert_gpu.dot %[[DS16]], %[[K]], %[[ACC]] :
// CHECK-NOT: hilbert_gpu.dot
// CHECK:   scf.yield %[[NEXT]]
// CHECK: %[[SCALED:.*]] = arith.mulf %[[DQ]], %{{.*}}
// CHECK: %[[DQ16:.*]] = hilbert_gpu.to_operand %[[SCALED]]
// CHECK: hilbert_gpu.store %[[DQ16]], %{{.*}}[%[[QROWS]]] : tensor<64x16xbf16

//===----------------------------------------------------------------------===//
// dk and dv
//===----------------------------------------------------------------------===//

// CHECK: gpu.func @grad_dkv(
// CHECK-SAME: %[[HQ:[^:]*]]: i32, %[[HK:[^:]*]]: i32, %[[SCALE:[^:]*]]: f32) kernel
// CHECK-SAME: "q", {{.*}}"k", {{.*}}"v", {{.*}}"dout", {{.*}}"dk", {{.*}}"dv", {{.*}}"lse", "delta", "queries", "keys", "query_heads", "key_heads", "scale"]
// CHECK-SAME: role = "dkv", rows = "keys"
// CHECK: %[[HEAD:.*]] = arith.remui %{{.*}}, %[[HK]] : i32
// CHECK: %[[KROWS:.*]] = hilbert_gpu.run_rows {{.*}} : <64, run>
// CHECK: %[[K:.*]] = hilbert_gpu.load %{{.*}}[%[[KROWS]]]
// CHECK: %[[V:.*]] = hilbert_gpu.load %{{.*}}[%[[KROWS]]]
//
// The query heads of this key head, one after the other.
// CHECK: %[[GROUP:.*]] = arith.divui %[[HQ]], %[[HK]] : i32
// CHECK: %[[FIRSTHEAD:.*]] = arith.muli %[[HEAD]], %[[GROUP]] : i32
// CHECK: %[[R:.*]]:2 = scf.for %[[MEMBER:.*]] = %{{.*}} to %[[GROUP]] step %{{.*}} iter_args(%[[DK0:.*]] = %{{.*}}, %[[DV0:.*]] = %{{.*}})
// CHECK:   %[[QUERYHEAD:.*]] = arith.addi %[[FIRSTHEAD]], %[[MEMBER]] : i32
// CHECK:   arith.extsi %[[QUERYHEAD]] : i32 to i64
// CHECK:   %[[T:.*]]:2 = scf.for {{.*}} iter_args(%[[DK:.*]] = %[[DK0]], %[[DV:.*]] = %[[DV0]])
// CHECK:     %[[QROWS:.*]] = hilbert_gpu.run_rows {{.*}} : <32, run>
// CHECK:     %[[Q:.*]] = hilbert_gpu.load %{{.*}}[%[[QROWS]]]
// CHECK:     %[[DO:.*]] = hilbert_gpu.load %{{.*}}[%[[QROWS]]]
// CHECK:     %[[LSE:.*]] = hilbert_gpu.load %{{.*}}[%[[QROWS]]] : <1xf32>, <32, run> -> <32xf32>
// CHECK:     hilbert_gpu.local_load %[[LSE]] : <32xf32> -> tensor<32xf32, #hilbert_gpu.slice<0
// CHECK:     %[[S:.*]] = hilbert_gpu.dot %[[K]], %[[Q]], %{{.*}} {transpose_b}
// CHECK:     %[[P:.*]] = math.exp2
// CHECK:     %[[DELTA:.*]] = hilbert_gpu.load %{{.*}}[%[[QROWS]]] : <1xf32>
// CHECK:     hilbert_gpu.local_load %[[DELTA]]
// CHECK:     %[[DP:.*]] = hilbert_gpu.dot %[[V]], %[[DO]], %{{.*}} {transpose_b}
// CHECK:     %[[DIFF:.*]] = arith.subf %[[DP]]
// CHECK:     %[[DS:.*]] = arith.mulf %[[P]], %[[DIFF]]
// No masks: queries that do not exist read as zero, and add nothing.
// CHECK-NOT: {{scf.if|arith.select|indices}}
// CHECK:     %[[DS16:.*]] = hilbert_gpu.to_operand %[[DS]]
// CHECK:     %[[DKN:.*]] = hilbert_gpu.dot %[[DS16]], %[[Q]], %[[DK]] :
// CHECK:     %[[P16:.*]] = hilbert_gpu.to_operand %[[P]]
// CHECK:     %[[DVN:.*]] = hilbert_gpu.dot %[[P16]], %[[DO]], %[[DV]] :
// CHECK:     scf.yield %[[DKN]], %[[DVN]]
// CHECK:   scf.yield %[[T]]#0, %[[T]]#1
// CHECK: %[[FACTOR:.*]] = tensor.splat %[[SCALE]]
// CHECK: %[[SCALED:.*]] = arith.mulf %[[R]]#0, %[[FACTOR]]
// CHECK: %[[DK16:.*]] = hilbert_gpu.to_operand %[[SCALED]]
// CHECK: hilbert_gpu.store %[[DK16]], %{{.*}}[%[[KROWS]]]
// CHECK: %[[DV16:.*]] = hilbert_gpu.to_operand %[[R]]#1
// CHECK: hilbert_gpu.store %[[DV16]], %{{.*}}[%[[KROWS]]]
// CHECK-NOT: gpu.func
func.func @grad(%q: !t, %k: !kv, %v: !kv, %out: !t, %lse: !l, %dout: !t, %dlse: !l) -> (!t, !kv, !kv) {
  %r:3 = hilbert.attention_grad ins(%q, %k, %v, %out, %lse, %dout : !t, !kv, !kv, !t, !l, !t)
    dlse(%dlse : !l) outs(%q, %k, %v : !t, !kv, !kv) schedule(#g)
  return %r#0, %r#1, %r#2 : !t, !kv, !kv
}

// Without dlse nothing is subtracted, and there is no such argument.
// CHECK-LABEL: gpu.module @no_dlse_kernels
// CHECK: gpu.func @no_dlse_dq(
// CHECK-NOT: "dlse"
// CHECK: %[[DELTA:.*]] = hilbert_gpu.reduce sum
// CHECK-NOT: hilbert_gpu.gather
// CHECK: hilbert_gpu.store %[[DELTA]]
// CHECK: gpu.func @no_dlse_dkv(
func.func @no_dlse(%q: !t, %k: !kv, %v: !kv, %out: !t, %lse: !l, %dout: !t) -> (!t, !kv, !kv) {
  %r:3 = hilbert.attention_grad ins(%q, %k, %v, %out, %lse, %dout : !t, !kv, !kv, !t, !l, !t)
    outs(%q, %k, %v : !t, !kv, !kv) schedule(#g)
  return %r#0, %r#1, %r#2 : !t, !kv, !kv
}

//===----------------------------------------------------------------------===//
// Causality
//===----------------------------------------------------------------------===//

// Queries by position: keys that are hidden and not finite stay out of dq.
// CHECK-LABEL: gpu.module @causal_kernels
// CHECK: gpu.func @causal_dq(
// CHECK: %[[BOUNDS:.*]] = hilbert_gpu.bounds : <48xi32>
// CHECK: %[[ALL:.*]]:2 = scf.for
// CHECK: %[[K:.*]] = hilbert_gpu.load {{.*}} -> <32x16xbf16>
// CHECK: hilbert_gpu.load {{.*}} -> <32x16xbf16>
// CHECK: hilbert_gpu.take_non_finite %[[K]], %{{.*}}, %[[BOUNDS]] if %{{[0-9]+}} : <32x16xbf16>, <32, run>, <48xi32>
// CHECK: hilbert_gpu.dot %{{.*}}, %[[K]],
// CHECK: scf.if %[[ALL]]#1
// CHECK:   hilbert_gpu.poison %[[ALL]]#0, %[[BOUNDS]], %{{[0-9]+}} :
//
// Keys by position: the queries from the first key on, in whole tiles, with a mask
// for tiles before the last key.
// CHECK: gpu.func @causal_dkv(
// CHECK: hilbert_gpu.run_rows %[[START:[^,]*]], {{.*}} : <64, run>
// CHECK: %[[BQ:.*]] = hilbert_gpu.bounds {latest} : <48xi32>
// CHECK: %[[BD:.*]] = hilbert_gpu.bounds {latest} : <48xi32>
// CHECK: %[[ALL:.*]]:4 = scf.for
// CHECK:   %[[ANY:.*]] = arith.cmpi sgt, %[[START]], %{{.*}} : i32
// CHECK:   %[[BEFORE:.*]] = arith.subi %[[START]], %{{.*}} : i32
// CHECK:   %[[QUERY:.*]] = arith.select %[[ANY]], %{{.*}}, %{{.*}} : i32
// CHECK:   %[[C32:.*]] = arith.constant 32 : i32
// CHECK:   %[[FULL:.*]] = arith.divui %[[QUERY]], %[[C32]] : i32
// CHECK:   %[[WHOLE:.*]] = arith.muli %[[FULL]], %[[C32]] : i32
// CHECK:   %[[TILE:.*]] = arith.divui %[[WHOLE]], %[[C32]] : i32
// CHECK:   scf.for %{{.*}} = %[[TILE]] to
// CHECK:     %[[FIRST:.*]] = arith.muli %{{.*}}, %[[C32]] : i32
// CHECK:     hilbert_gpu.dot
// CHECK:     hilbert_gpu.dot
// CHECK:     %[[NEEDED:.*]] = arith.cmpi slt, %[[FIRST]], %{{.*}} : i32
// CHECK:     scf.if %[[NEEDED]] -> (tensor<64x32xf32, {{.*}}>, tensor<64x32xf32, {{.*}}>)
// Rows are keys: a key is not past the query.
// CHECK:       %[[VISIBLE:.*]] = arith.cmpi sle, %[[KEY:.*]], %[[QUERY:.*]] : tensor<64x32xi32
// CHECK-NEXT:  arith.select %[[VISIBLE]]
// CHECK-NEXT:  arith.select %[[VISIBLE]]
// Queries and dout that are not finite reach the keys up to the latest such row.
// CHECK:     %[[FQ:.*]] = hilbert_gpu.take_non_finite %[[QTILE:.*]], %[[RANKS:.*]], %[[BQ]] if %{{.*}} {latest} : <32x16xbf16>, <32, run>, <48xi32>
// CHECK:     %[[NEXTQ:.*]] = arith.ori %{{.*}}, %[[FQ]] : i1
// CHECK:     %[[DK:.*]] = hilbert_gpu.dot %{{.*}}, %[[QTILE]],
// CHECK:     %[[FD:.*]] = hilbert_gpu.take_non_finite %[[DTILE:.*]], %[[RANKS:.*]], %[[BD]] if %{{.*}} {latest}
// CHECK:     %[[NEXTD:.*]] = arith.ori %{{.*}}, %[[FD]] : i1
// CHECK:     %[[DV:.*]] = hilbert_gpu.dot %{{.*}}, %[[DTILE]],
// CHECK:     scf.yield %[[DK]], %[[NEXTQ]], %[[DV]], %[[NEXTD]]
// CHECK: scf.if %[[ALL]]#1
// CHECK:   hilbert_gpu.poison %[[ALL]]#0, %[[BQ]], %{{[0-9]+}} {latest} :
// CHECK: scf.if %[[ALL]]#3
// CHECK:   hilbert_gpu.poison %[[ALL]]#2, %[[BD]], %{{[0-9]+}} {latest} :
func.func @causal(%q: !t, %k: !kv, %v: !kv, %out: !t, %lse: !l, %dout: !t) -> (!t, !kv, !kv) {
  %r:3 = hilbert.attention_grad ins(%q, %k, %v, %out, %lse, %dout : !t, !kv, !kv, !t, !l, !t)
    outs(%q, %k, %v : !t, !kv, !kv) causal<position> schedule(#g)
  return %r#0, %r#1, %r#2 : !t, !kv, !kv
}

// CHECK-LABEL: gpu.module @token_kernels
// CHECK: gpu.func @token_dkv(
// CHECK: hilbert_gpu.tokens %{{.*}} : <64, table> -> tensor<64xi32, #hilbert_gpu.slice<1
// CHECK: hilbert_gpu.tokens %{{.*}} : <32, table> -> tensor<32xi32, #hilbert_gpu.slice<0
// CHECK: arith.cmpi sle
func.func @token(%q: !t, %k: !kv, %v: !kv, %out: !t, %lse: !l, %dout: !t, %o: !i) -> (!t, !kv, !kv) {
  %r:3 = hilbert.attention_grad ins(%q, %k, %v, %out, %lse, %dout : !t, !kv, !kv, !t, !l, !t)
    outs(%q, %k, %v : !t, !kv, !kv) order(%o : !i) causal<token> schedule(#g)
  return %r#0, %r#1, %r#2 : !t, !kv, !kv
}

//===----------------------------------------------------------------------===//
// Modes
//===----------------------------------------------------------------------===//

// Keys that no query of the head meets: their gradients are zero, so that a class
// of every residue is a work item.
// CHECK-LABEL: gpu.module @keys_kernels
// CHECK: gpu.func @keys_dkv(
// CHECK-SAME: classes = 4 : i64
// CHECK: %[[C4:.*]] = arith.constant 4 : i32
// CHECK: gpu.block_id
// CHECK: %[[RESIDUE:.*]] = arith.remui %{{.*}}, %[[C4]] : i32
// CHECK: hilbert_gpu.run_rows {{.*}} step 4 : <64, run>
// CHECK: scf.for %[[MEMBER:.*]] = %{{.*}} to
// CHECK:   %[[QUERYHEAD:.*]] = arith.addi %{{.*}}, %[[MEMBER]] : i32
// CHECK:   %[[OFFSET:.*]] = arith.remui %[[QUERYHEAD]], %[[C4]] : i32
// CHECK:   %[[MEETS:.*]] = arith.cmpi eq, %[[RESIDUE]], %[[OFFSET]] : i32
// CHECK:   %[[QUERIES:.*]] = arith.select %[[MEETS]], %{{.*}}, %{{.*}} : i32
// CHECK:   scf.for
// CHECK:     hilbert_gpu.run_rows {{.*}} step 1 : <32, run>
func.func @keys(%q: !t, %k: !kv, %v: !kv, %out: !t, %lse: !l, %dout: !t) -> (!t, !kv, !kv) {
  %r:3 = hilbert.attention_grad ins(%q, %k, %v, %out, %lse, %dout : !t, !kv, !kv, !t, !l, !t)
    outs(%q, %k, %v : !t, !kv, !kv) pattern<(segment = 64, dilation = 4, offset = head)> schedule(#g)
  return %r#0, %r#1, %r#2 : !t, !kv, !kv
}

// CHECK-LABEL: gpu.module @residues_kernels
// CHECK: gpu.func @residues_dkv(
// CHECK: hilbert_gpu.run_rows {{.*}} step 4 : <64, run>
// CHECK: scf.for
// CHECK-NOT: arith.cmpi eq
// CHECK:   hilbert_gpu.run_rows {{.*}} step 4 : <32, run>
func.func @residues(%q: !t, %k: !kv, %v: !kv, %out: !t, %lse: !l, %dout: !t) -> (!t, !kv, !kv) {
  %r:3 = hilbert.attention_grad ins(%q, %k, %v, %out, %lse, %dout : !t, !kv, !kv, !t, !l, !t)
    outs(%q, %k, %v : !t, !kv, !kv) pattern<(segment = 64, dilation = 4, mode = residues)> schedule(#g)
  return %r#0, %r#1, %r#2 : !t, !kv, !kv
}

//===----------------------------------------------------------------------===//
// Orders
//===----------------------------------------------------------------------===//

// What belongs to the result is found in the result's order.
// CHECK-LABEL: gpu.module @out_order_kernels
// CHECK: gpu.func @out_order_dq(
// CHECK: %[[QROWS:.*]] = hilbert_gpu.run_rows {{.*}} : <64, run>
// CHECK: %[[OUTROWS:.*]] = hilbert_gpu.table_rows {{.*}} : <64, table>
// CHECK: hilbert_gpu.load %{{.*}}[%[[QROWS]]]
// CHECK: hilbert_gpu.load %{{.*}}[%[[OUTROWS]]]
// CHECK: hilbert_gpu.load %{{.*}}[%[[OUTROWS]]]
// CHECK: hilbert_gpu.store %{{.*}}[%[[OUTROWS]]] : tensor<64xf32
// CHECK: hilbert_gpu.gather %{{.*}}[%[[OUTROWS]]]
// CHECK: hilbert_gpu.store %{{.*}}[%[[QROWS]]] : tensor<64x16xbf16
// CHECK: gpu.func @out_order_dkv(
// CHECK: %[[QROWS:.*]] = hilbert_gpu.run_rows {{.*}} : <32, run>
// CHECK: %[[OUTROWS:.*]] = hilbert_gpu.table_rows {{.*}} : <32, table>
// CHECK: hilbert_gpu.load %{{.*}}[%[[QROWS]]] : <16xbf16>
// CHECK: hilbert_gpu.load %{{.*}}[%[[OUTROWS]]] : <16xbf16>
// CHECK: hilbert_gpu.load %{{.*}}[%[[OUTROWS]]] : <1xf32>
// CHECK: hilbert_gpu.load %{{.*}}[%[[OUTROWS]]] : <1xf32>
func.func @out_order(%q: !t, %k: !kv, %v: !kv, %out: !t, %lse: !l, %dout: !t, %o: !i) -> (!t, !kv, !kv) {
  %r:3 = hilbert.attention_grad ins(%q, %k, %v, %out, %lse, %dout : !t, !kv, !kv, !t, !l, !t)
    outs(%q, %k, %v : !t, !kv, !kv) order(out = %o : !i) schedule(#g)
  return %r#0, %r#1, %r#2 : !t, !kv, !kv
}

//===----------------------------------------------------------------------===//
// D > 128: dk and dv in kernels of their own
//===----------------------------------------------------------------------===//

// CHECK-LABEL: gpu.module @wide_kernels
// CHECK: gpu.func @wide_dq(
// CHECK: gpu.func @wide_dk(
// CHECK-SAME: "q", {{.*}}"k", {{.*}}"v", {{.*}}"dout", {{.*}}"dk", {{.*}}"lse", "delta", "queries"
// CHECK-SAME: role = "dk"
// CHECK: scf.for
// CHECK: scf.for
// CHECK-COUNT-3: hilbert_gpu.dot
// CHECK-NOT: hilbert_gpu.dot
// CHECK: hilbert_gpu.store
// CHECK-NOT: hilbert_gpu.store
// CHECK: gpu.func @wide_dv(
// dv needs neither v nor delta.
// CHECK-SAME: "q", {{.*}}"k", "k_batch_stride", "k_head_stride", "k_token_stride", "dout", {{.*}}"dv", "dv_batch_stride", "dv_head_stride", "dv_token_stride", "lse", "queries"
// CHECK-SAME: role = "dv"
// CHECK-COUNT-2: hilbert_gpu.dot
// CHECK-NOT: hilbert_gpu.dot
// CHECK: hilbert_gpu.store
// CHECK-NOT: hilbert_gpu.store
// CHECK: gpu.return
!w = tensor<1x?x4x136xbf16>
func.func @wide(%q: !w, %lse: !l) -> (!w, !w, !w) {
  %r:3 = hilbert.attention_grad ins(%q, %q, %q, %q, %lse, %q : !w, !w, !w, !w, !l, !w)
    outs(%q, %q, %q : !w, !w, !w) schedule(#g)
  return %r#0, %r#1, %r#2 : !w, !w, !w
}

//===----------------------------------------------------------------------===//
// f32, and addresses that are computed again
//===----------------------------------------------------------------------===//

// Head and batch item are found again after loops: no register had them.
// CHECK-LABEL: gpu.module @again_kernels
// CHECK: gpu.func @again_dq(
// CHECK: scf.for
// CHECK: %[[BLOCK:.*]] = hilbert_gpu.opaque %{{.*}} : i32
// CHECK: arith.divui %[[BLOCK]]
// CHECK: hilbert_gpu.store
// CHECK: gpu.func @again_dk(
// CHECK: scf.for
// CHECK: %[[BLOCK:.*]] = hilbert_gpu.opaque %{{.*}} : i32
// CHECK: arith.divui %[[BLOCK]]
// CHECK: hilbert_gpu.store
// CHECK: gpu.func @again_dv(
// CHECK: scf.for
// CHECK: %[[BLOCK:.*]] = hilbert_gpu.opaque %{{.*}} : i32
// CHECK: arith.divui %[[BLOCK]]
// CHECK: hilbert_gpu.store
#again = #hilbert_gpu.schedule<m = 64, n = 32, warps = 4, stages = 2, ctas = 1, addresses = again>
!f = tensor<1x?x4x136xf32>
func.func @again(%q: !f, %lse: !l) -> (!f, !f, !f) {
  %r:3 = hilbert.attention_grad ins(%q, %q, %q, %q, %lse, %q : !f, !f, !f, !f, !l, !f)
    outs(%q, %q, %q : !f, !f, !f) schedule(#hilbert_gpu.grad_schedule<dq = #again, dkv = #again>)
    {hilbert_gpu.allow_tf32}
  return %r#0, %r#1, %r#2 : !f, !f, !f
}

// A kernel of both dk and dv, and elements of 16 bits, have the registers.
// CHECK-LABEL: gpu.module @narrow_kernels
// CHECK: gpu.func @narrow_dkv(
// CHECK-NOT: hilbert_gpu.opaque
// CHECK: gpu.return
!n = tensor<1x?x4x64xf32>
func.func @narrow(%q: !n, %lse: !l) -> (!n, !n, !n) {
  %r:3 = hilbert.attention_grad ins(%q, %q, %q, %q, %lse, %q : !n, !n, !n, !n, !l, !n)
    outs(%q, %q, %q : !n, !n, !n) schedule(#hilbert_gpu.grad_schedule<dq = #again, dkv = #again>)
    {hilbert_gpu.allow_tf32}
  return %r#0, %r#1, %r#2 : !n, !n, !n
}

// CHECK-LABEL: gpu.module @short_kernels
// CHECK-NOT: hilbert_gpu.opaque
// CHECK: gpu.func @short_dv(
// CHECK-NOT: hilbert_gpu.opaque
func.func @short(%q: !w, %lse: !l) -> (!w, !w, !w) {
  %r:3 = hilbert.attention_grad ins(%q, %q, %q, %q, %lse, %q : !w, !w, !w, !w, !l, !w)
    outs(%q, %q, %q : !w, !w, !w) schedule(#hilbert_gpu.grad_schedule<dq = #again, dkv = #again>)
  return %r#0, %r#1, %r#2 : !w, !w, !w
}
