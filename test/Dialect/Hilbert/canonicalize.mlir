// RUN: hilbert-opt %s -canonicalize | FileCheck %s

// Each fold and each canonicaliser, followed by what must not fire.

#h = #hilbert.order<hilbert, [4, 4]>
#m = #hilbert.order<morton, [4, 4]>
#raster = #hilbert.order<raster, [4, 4]>
#line = #hilbert.order<hilbert, [16]>

//===----------------------------------------------------------------------===//
// reorder(x, identity) -> x
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func @identity(
// CHECK-SAME: %[[X:.*]]: tensor<2x16x4xf32>)
// CHECK-NEXT: return %[[X]], %[[X]], %[[X]] :
func.func @identity(%x: tensor<2x16x4xf32>)
    -> (tensor<2x16x4xf32>, tensor<2x16x4xf32>, tensor<2x16x4xf32>) {
  %0 = hilbert.reorder %x dim 1 order(#raster) : tensor<2x16x4xf32>
  %1 = hilbert.restore %x dim 1 order(#raster) : tensor<2x16x4xf32>
  // Every curve over a line is the line.
  %2 = hilbert.reorder %x dim 1 order(#line) : tensor<2x16x4xf32>
  return %0, %1, %2 : tensor<2x16x4xf32>, tensor<2x16x4xf32>, tensor<2x16x4xf32>
}

// A raster order in tiles is not the identity, and a table may be anything.
// CHECK-LABEL: func @not_identity(
// CHECK: hilbert.reorder %{{.*}} order(#raster_4x4_tile_2x2)
// CHECK: hilbert.reorder %{{.*}} order(%{{.*}} : tensor<16xi32>)
func.func @not_identity(%x: tensor<2x16x4xf32>, %t: tensor<16xi32>)
    -> (tensor<2x16x4xf32>, tensor<2x16x4xf32>) {
  %0 = hilbert.reorder %x dim 1 order(#hilbert.order<raster, [4, 4], tile = [2, 2]>)
      : tensor<2x16x4xf32>
  %1 = hilbert.reorder %x dim 1 order(%t : tensor<16xi32>) : tensor<2x16x4xf32>
  return %0, %1 : tensor<2x16x4xf32>, tensor<2x16x4xf32>
}

// On memrefs the op is a copy.
// CHECK-LABEL: func @not_identity_memref(
// CHECK: hilbert.reorder
func.func @not_identity_memref(%x: memref<2x16x4xf32>, %y: memref<2x16x4xf32>) {
  hilbert.reorder %x dim 1 order(#raster) outs(%y : memref<2x16x4xf32>)
      : memref<2x16x4xf32>
  return
}

//===----------------------------------------------------------------------===//
// reorder(splat) -> splat
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func @splat(
// CHECK-NEXT: %[[C:.*]] = arith.constant dense<1.000000e+00>
// CHECK-NEXT: return %[[C]], %[[C]] :
func.func @splat() -> (tensor<2x16x4xf32>, tensor<2x16x4xf32>) {
  %c = arith.constant dense<1.0> : tensor<2x16x4xf32>
  %0 = hilbert.reorder %c dim 1 order(#h) : tensor<2x16x4xf32>
  %1 = hilbert.restore %c dim 1 order(#h) : tensor<2x16x4xf32>
  return %0, %1 : tensor<2x16x4xf32>, tensor<2x16x4xf32>
}

// CHECK-LABEL: func @not_splat(
// CHECK: hilbert.reorder
func.func @not_splat() -> tensor<4xi32> {
  %c = arith.constant dense<[1, 2, 3, 3]> : tensor<4xi32>
  %0 = hilbert.reorder %c dim 0 order(#hilbert.order<hilbert, [2, 2]>) : tensor<4xi32>
  return %0 : tensor<4xi32>
}

//===----------------------------------------------------------------------===//
// restore(reorder(x, o), o) -> x; reorder(restore(x, o), o) -> x
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func @inverse(
// CHECK-SAME: %[[X:[^:]*]]: tensor<2x16x4xf32>
// CHECK-NEXT: return %[[X]], %[[X]], %[[X]] :
func.func @inverse(%x: tensor<2x16x4xf32>, %t: tensor<2x16xi32>)
    -> (tensor<2x16x4xf32>, tensor<2x16x4xf32>, tensor<2x16x4xf32>) {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<2x16x4xf32>
  %1 = hilbert.restore %0 dim 1 order(#h) : tensor<2x16x4xf32>
  %2 = hilbert.restore %x dim 1 order(#h) : tensor<2x16x4xf32>
  %3 = hilbert.reorder %2 dim 1 order(#h) : tensor<2x16x4xf32>
  %4 = hilbert.reorder %x dim 1 order(%t : tensor<2x16xi32>) : tensor<2x16x4xf32>
  %5 = hilbert.restore %4 dim 1 order(%t : tensor<2x16xi32>) : tensor<2x16x4xf32>
  return %1, %3, %5 : tensor<2x16x4xf32>, tensor<2x16x4xf32>, tensor<2x16x4xf32>
}

// The inverse folds for each user.
// CHECK-LABEL: func @inverse_several_uses(
// CHECK-SAME: %[[X:.*]]: tensor<2x16x4xf32>)
// CHECK-NEXT: %[[R:.*]] = hilbert.reorder %[[X]]
// CHECK-NEXT: return %[[R]], %[[X]] :
func.func @inverse_several_uses(%x: tensor<2x16x4xf32>)
    -> (tensor<2x16x4xf32>, tensor<2x16x4xf32>) {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<2x16x4xf32>
  %1 = hilbert.restore %0 dim 1 order(#h) : tensor<2x16x4xf32>
  return %0, %1 : tensor<2x16x4xf32>, tensor<2x16x4xf32>
}

// CHECK-LABEL: func @not_inverse_other_dim(
// CHECK-NEXT: hilbert.reorder {{.*}} dim 1
// CHECK-NEXT: hilbert.restore {{.*}} dim 2
func.func @not_inverse_other_dim(%x: tensor<2x16x16xf32>) -> tensor<2x16x16xf32> {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<2x16x16xf32>
  %1 = hilbert.restore %0 dim 2 order(#h) : tensor<2x16x16xf32>
  return %1 : tensor<2x16x16xf32>
}

// Of two reorders none is the inverse of the other, even in an order that is.
// CHECK-LABEL: func @not_inverse_same_op(
// CHECK: %[[T:.*]] = hilbert.permutation order(#hilbert_4x4)
// CHECK: %[[TT:.*]] = hilbert.reorder %[[T]] dim 0 order(#hilbert_4x4) : tensor<16xi32>
// CHECK: hilbert.reorder %{{.*}} dim 1 order(%[[TT]] : tensor<16xi32>)
func.func @not_inverse_same_op(%x: tensor<2x16x4xf32>) -> tensor<2x16x4xf32> {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<2x16x4xf32>
  %1 = hilbert.reorder %0 dim 1 order(#h) : tensor<2x16x4xf32>
  return %1 : tensor<2x16x4xf32>
}

//===----------------------------------------------------------------------===//
// reorder(reorder(x, a), b) -> reorder(x, p -> a(b(p)))
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func @reorder_of_reorder(
// CHECK-SAME: %[[X:.*]]: tensor<2x16x4xf32>)
// CHECK-DAG: %[[A:.*]] = hilbert.permutation order(#hilbert_4x4) : tensor<16xi32>
// CHECK: %[[AB:.*]] = hilbert.reorder %[[A]] dim 0 order(#morton_4x4) : tensor<16xi32>
// CHECK: %[[R:.*]] = hilbert.reorder %[[X]] dim 1 order(%[[AB]] : tensor<16xi32>) : tensor<2x16x4xf32>
// CHECK: return %[[R]]
func.func @reorder_of_reorder(%x: tensor<2x16x4xf32>) -> tensor<2x16x4xf32> {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<2x16x4xf32>
  %1 = hilbert.reorder %0 dim 1 order(#m) : tensor<2x16x4xf32>
  return %1 : tensor<2x16x4xf32>
}

// restore(restore(x, a), b) -> restore(x, p -> b(a(p)))
// CHECK-LABEL: func @restore_of_restore(
// CHECK-SAME: %[[X:.*]]: tensor<2x16x4xf32>)
// CHECK: %[[B:.*]] = hilbert.permutation order(#morton_4x4) : tensor<16xi32>
// CHECK: %[[BA:.*]] = hilbert.reorder %[[B]] dim 0 order(#hilbert_4x4) : tensor<16xi32>
// CHECK: %[[R:.*]] = hilbert.restore %[[X]] dim 1 order(%[[BA]] : tensor<16xi32>) : tensor<2x16x4xf32>
// CHECK: return %[[R]]
func.func @restore_of_restore(%x: tensor<2x16x4xf32>) -> tensor<2x16x4xf32> {
  %0 = hilbert.restore %x dim 1 order(#h) : tensor<2x16x4xf32>
  %1 = hilbert.restore %0 dim 1 order(#m) : tensor<2x16x4xf32>
  return %1 : tensor<2x16x4xf32>
}

// restore(reorder(x, a), b) -> reorder(x, p -> a(b^-1(p)))
// CHECK-LABEL: func @restore_of_reorder(
// CHECK-SAME: %[[X:.*]]: tensor<2x16x4xf32>)
// CHECK: %[[A:.*]] = hilbert.permutation order(#hilbert_4x4) : tensor<16xi32>
// CHECK: %[[AB:.*]] = hilbert.restore %[[A]] dim 0 order(#morton_4x4) : tensor<16xi32>
// CHECK: %[[R:.*]] = hilbert.reorder %[[X]] dim 1 order(%[[AB]] : tensor<16xi32>) : tensor<2x16x4xf32>
// CHECK: return %[[R]]
func.func @restore_of_reorder(%x: tensor<2x16x4xf32>) -> tensor<2x16x4xf32> {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<2x16x4xf32>
  %1 = hilbert.restore %0 dim 1 order(#m) : tensor<2x16x4xf32>
  return %1 : tensor<2x16x4xf32>
}

// Tables for each batch item compose along their last dimension.
// CHECK-LABEL: func @compose_batched(
// CHECK-SAME: %[[X:[^:]*]]: tensor<2x?x4xf32>, %[[A:[^:]*]]: tensor<2x?xi32>, %[[B:[^:]*]]: tensor<?x?xi32>, %[[C:[^:]*]]: tensor<?xi32>)
// CHECK: %[[AB:.*]] = hilbert.reorder %[[A]] dim 1 order(%[[B]] : tensor<?x?xi32>) : tensor<2x?xi32>
// CHECK: %[[ABC:.*]] = hilbert.restore %[[AB]] dim 1 order(%[[C]] : tensor<?xi32>) : tensor<2x?xi32>
// CHECK: hilbert.reorder %[[X]] dim 1 order(%[[ABC]] : tensor<2x?xi32>) : tensor<2x?x4xf32>
func.func @compose_batched(%x: tensor<2x?x4xf32>, %a: tensor<2x?xi32>,
    %b: tensor<?x?xi32>, %c: tensor<?xi32>) -> tensor<2x?x4xf32> {
  %0 = hilbert.reorder %x dim 1 order(%a : tensor<2x?xi32>) : tensor<2x?x4xf32>
  %1 = hilbert.reorder %0 dim 1 order(%b : tensor<?x?xi32>) : tensor<2x?x4xf32>
  %2 = hilbert.restore %1 dim 1 order(%c : tensor<?xi32>) : tensor<2x?x4xf32>
  return %2 : tensor<2x?x4xf32>
}

// One table for all batch items cannot take a table for each.
// CHECK-LABEL: func @not_composed_batched(
// CHECK-NEXT: hilbert.reorder
// CHECK-NEXT: hilbert.reorder
// CHECK-NEXT: return
func.func @not_composed_batched(%x: tensor<2x16x4xf32>, %t: tensor<2x16xi32>)
    -> tensor<2x16x4xf32> {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<2x16x4xf32>
  %1 = hilbert.reorder %0 dim 1 order(%t : tensor<2x16xi32>) : tensor<2x16x4xf32>
  return %1 : tensor<2x16x4xf32>
}

// CHECK-LABEL: func @not_composed_batched_inverse(
// CHECK-NEXT: hilbert.reorder
// CHECK-NEXT: hilbert.restore
// CHECK-NEXT: return
func.func @not_composed_batched_inverse(%x: tensor<2x16x4xf32>, %t: tensor<2x16xi32>)
    -> tensor<2x16x4xf32> {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<2x16x4xf32>
  %1 = hilbert.restore %0 dim 1 order(%t : tensor<2x16xi32>) : tensor<2x16x4xf32>
  return %1 : tensor<2x16x4xf32>
}

// CHECK-LABEL: func @not_composed_other_dim(
// CHECK-NEXT: hilbert.reorder {{.*}} dim 1
// CHECK-NEXT: hilbert.reorder {{.*}} dim 2
// CHECK-NEXT: return
func.func @not_composed_other_dim(%x: tensor<2x16x16xf32>) -> tensor<2x16x16xf32> {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<2x16x16xf32>
  %1 = hilbert.reorder %0 dim 2 order(#m) : tensor<2x16x16xf32>
  return %1 : tensor<2x16x16xf32>
}

// The first is needed anyway: nothing would be saved.
// CHECK-LABEL: func @not_composed_several_uses(
// CHECK-NEXT: hilbert.reorder
// CHECK-NEXT: hilbert.reorder
// CHECK-NEXT: return
func.func @not_composed_several_uses(%x: tensor<2x16x4xf32>)
    -> (tensor<2x16x4xf32>, tensor<2x16x4xf32>) {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<2x16x4xf32>
  %1 = hilbert.reorder %0 dim 1 order(#m) : tensor<2x16x4xf32>
  return %0, %1 : tensor<2x16x4xf32>, tensor<2x16x4xf32>
}

// It would take two table ops.
// CHECK-LABEL: func @not_composed_reorder_of_restore(
// CHECK-NEXT: hilbert.restore
// CHECK-NEXT: hilbert.reorder
// CHECK-NEXT: return
func.func @not_composed_reorder_of_restore(%x: tensor<2x16x4xf32>) -> tensor<2x16x4xf32> {
  %0 = hilbert.restore %x dim 1 order(#h) : tensor<2x16x4xf32>
  %1 = hilbert.reorder %0 dim 1 order(#m) : tensor<2x16x4xf32>
  return %1 : tensor<2x16x4xf32>
}

// Tables: composing is what makes them.
// CHECK-LABEL: func @not_composed_tables(
// CHECK-NEXT: hilbert.reorder
// CHECK-NEXT: hilbert.reorder
// CHECK-NEXT: return
func.func @not_composed_tables(%t: tensor<16xi32>) -> tensor<16xi32> {
  %0 = hilbert.reorder %t dim 0 order(#h) : tensor<16xi32>
  %1 = hilbert.reorder %0 dim 0 order(#m) : tensor<16xi32>
  return %1 : tensor<16xi32>
}

//===----------------------------------------------------------------------===//
// f(reorder(x, o), reorder(y, o)) -> reorder(f(x, y), o), f elementwise
//===----------------------------------------------------------------------===//

// CHECK-LABEL: func @sink(
// CHECK-SAME: %[[X:.*]]: tensor<2x16x4xf32>, %[[Y:.*]]: tensor<2x16x4xf32>)
// CHECK-NEXT: %[[S:.*]] = arith.addf %[[X]], %[[Y]]
// CHECK-NEXT: %[[R:.*]] = hilbert.reorder %[[S]] dim 1 order(#hilbert_4x4)
// CHECK-NEXT: return %[[R]]
func.func @sink(%x: tensor<2x16x4xf32>, %y: tensor<2x16x4xf32>) -> tensor<2x16x4xf32> {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<2x16x4xf32>
  %1 = hilbert.reorder %y dim 1 order(#h) : tensor<2x16x4xf32>
  %2 = arith.addf %0, %1 : tensor<2x16x4xf32>
  return %2 : tensor<2x16x4xf32>
}

// A splat has every order, and attributes stay.
// CHECK-LABEL: func @sink_splat(
// CHECK-SAME: %[[X:.*]]: tensor<2x16x4xf32>)
// CHECK-NEXT: %[[C:.*]] = arith.constant dense<2.0
// CHECK-NEXT: %[[S:.*]] = arith.mulf %[[X]], %[[C]] fastmath<nnan>
// CHECK-NEXT: %[[R:.*]] = hilbert.restore %[[S]]
// CHECK-NEXT: return %[[R]]
func.func @sink_splat(%x: tensor<2x16x4xf32>) -> tensor<2x16x4xf32> {
  %c = arith.constant dense<2.0> : tensor<2x16x4xf32>
  %0 = hilbert.restore %x dim 1 order(#h) : tensor<2x16x4xf32>
  %1 = arith.mulf %c, %0 fastmath<nnan> : tensor<2x16x4xf32>
  return %1 : tensor<2x16x4xf32>
}

// An operand used twice; a chain; a change of the element type; a scalar
// operand.
// CHECK-LABEL: func @sink_chain(
// CHECK-SAME: %[[X:.*]]: tensor<2x16x4xf16>, %[[B:.*]]: i1)
// CHECK-NEXT: %[[E:.*]] = arith.extf %[[X]]
// CHECK-NEXT: %[[M:.*]] = arith.mulf %[[E]], %[[E]]
// CHECK-NEXT: %[[S:.*]] = arith.negf %[[M]]
// CHECK-NEXT: %[[R:.*]] = hilbert.reorder %[[S]] dim 1 order(#hilbert_4x4) : tensor<2x16x4xf32>
// CHECK-NEXT: return %[[R]]
func.func @sink_chain(%x: tensor<2x16x4xf16>, %b: i1) -> tensor<2x16x4xf32> {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<2x16x4xf16>
  %1 = arith.extf %0 : tensor<2x16x4xf16> to tensor<2x16x4xf32>
  %2 = arith.mulf %1, %1 : tensor<2x16x4xf32>
  %3 = arith.negf %2 : tensor<2x16x4xf32>
  return %3 : tensor<2x16x4xf32>
}

// CHECK-LABEL: func @sink_scalar_operand(
// CHECK-SAME: %[[X:[^:]*]]: tensor<2x16x4xf32>, %[[Y:[^:]*]]: tensor<2x16x4xf32>, %[[B:[^:]*]]: i1)
// CHECK-NEXT: %[[S:.*]] = arith.select %[[B]], %[[X]], %[[Y]]
// CHECK-NEXT: hilbert.reorder %[[S]]
func.func @sink_scalar_operand(%x: tensor<2x16x4xf32>, %y: tensor<2x16x4xf32>, %b: i1)
    -> tensor<2x16x4xf32> {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<2x16x4xf32>
  %1 = hilbert.reorder %y dim 1 order(#h) : tensor<2x16x4xf32>
  %2 = arith.select %b, %0, %1 : tensor<2x16x4xf32>
  return %2 : tensor<2x16x4xf32>
}

// It meets its inverse below.
// CHECK-LABEL: func @sink_and_cancel(
// CHECK-SAME: %[[X:.*]]: tensor<2x16x4xf32>)
// CHECK-NEXT: %[[N:.*]] = arith.negf %[[X]]
// CHECK-NEXT: return %[[N]]
func.func @sink_and_cancel(%x: tensor<2x16x4xf32>) -> tensor<2x16x4xf32> {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<2x16x4xf32>
  %1 = arith.negf %0 : tensor<2x16x4xf32>
  %2 = hilbert.restore %1 dim 1 order(#h) : tensor<2x16x4xf32>
  return %2 : tensor<2x16x4xf32>
}

// CHECK-LABEL: func @not_sunk_other_order(
// CHECK-NEXT: hilbert.reorder
// CHECK-NEXT: hilbert.reorder
// CHECK-NEXT: arith.addf
// CHECK-NEXT: return
func.func @not_sunk_other_order(%x: tensor<2x16x4xf32>, %y: tensor<2x16x4xf32>)
    -> tensor<2x16x4xf32> {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<2x16x4xf32>
  %1 = hilbert.reorder %y dim 1 order(#m) : tensor<2x16x4xf32>
  %2 = arith.addf %0, %1 : tensor<2x16x4xf32>
  return %2 : tensor<2x16x4xf32>
}

// CHECK-LABEL: func @not_sunk_other_dim(
// CHECK-NEXT: hilbert.reorder
// CHECK-NEXT: hilbert.reorder
// CHECK-NEXT: arith.addf
// CHECK-NEXT: return
func.func @not_sunk_other_dim(%x: tensor<2x16x16xf32>, %y: tensor<2x16x16xf32>)
    -> tensor<2x16x16xf32> {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<2x16x16xf32>
  %1 = hilbert.reorder %y dim 2 order(#h) : tensor<2x16x16xf32>
  %2 = arith.addf %0, %1 : tensor<2x16x16xf32>
  return %2 : tensor<2x16x16xf32>
}

// CHECK-LABEL: func @not_sunk_reorder_and_restore(
// CHECK-NEXT: hilbert.reorder
// CHECK-NEXT: hilbert.restore
// CHECK-NEXT: arith.addf
// CHECK-NEXT: return
func.func @not_sunk_reorder_and_restore(%x: tensor<2x16x4xf32>, %y: tensor<2x16x4xf32>)
    -> tensor<2x16x4xf32> {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<2x16x4xf32>
  %1 = hilbert.restore %y dim 1 order(#h) : tensor<2x16x4xf32>
  %2 = arith.addf %0, %1 : tensor<2x16x4xf32>
  return %2 : tensor<2x16x4xf32>
}

// An operand in raster order.
// CHECK-LABEL: func @not_sunk_raster_operand(
// CHECK-NEXT: hilbert.reorder
// CHECK-NEXT: arith.addf
// CHECK-NEXT: return
func.func @not_sunk_raster_operand(%x: tensor<2x16x4xf32>, %y: tensor<2x16x4xf32>)
    -> tensor<2x16x4xf32> {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<2x16x4xf32>
  %1 = arith.addf %0, %y : tensor<2x16x4xf32>
  return %1 : tensor<2x16x4xf32>
}

// A constant that is no splat.
// CHECK-LABEL: func @not_sunk_constant(
// CHECK: hilbert.reorder
// CHECK-NEXT: arith.addf
// CHECK-NEXT: return
func.func @not_sunk_constant(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c = arith.constant dense<[1.0, 2.0, 3.0, 3.0]> : tensor<4xf32>
  %0 = hilbert.reorder %x dim 0 order(#hilbert.order<hilbert, [2, 2]>) : tensor<4xf32>
  %1 = arith.addf %0, %c : tensor<4xf32>
  return %1 : tensor<4xf32>
}

// The reordered tensor is needed anyway.
// CHECK-LABEL: func @not_sunk_several_users(
// CHECK-NEXT: hilbert.reorder
// CHECK-NEXT: arith.negf
// CHECK-NEXT: return
func.func @not_sunk_several_users(%x: tensor<2x16x4xf32>)
    -> (tensor<2x16x4xf32>, tensor<2x16x4xf32>) {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<2x16x4xf32>
  %1 = arith.negf %0 : tensor<2x16x4xf32>
  return %0, %1 : tensor<2x16x4xf32>, tensor<2x16x4xf32>
}

// CHECK-LABEL: func @not_sunk_not_elementwise(
// CHECK-NEXT: hilbert.reorder
// CHECK-NEXT: tensor.extract_slice
// CHECK-NEXT: return
func.func @not_sunk_not_elementwise(%x: tensor<2x16x4xf32>) -> tensor<2x8x4xf32> {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<2x16x4xf32>
  %1 = tensor.extract_slice %0[0, 0, 0] [2, 8, 4] [1, 1, 1]
      : tensor<2x16x4xf32> to tensor<2x8x4xf32>
  return %1 : tensor<2x8x4xf32>
}

//===----------------------------------------------------------------------===//
// Effects
//===----------------------------------------------------------------------===//

// Ops on tensors have none: unused ones vanish.
// CHECK-LABEL: func @dead(
// CHECK-NEXT: return
func.func @dead(%x: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<2x16x4x8xf32>
  %1:2 = hilbert.attention
      ins(%x, %x, %x : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%x, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
  %2 = hilbert.permutation order(#h) : tensor<16xi32>
  return
}

// Ops on memrefs write.
// CHECK-LABEL: func @not_dead(
// CHECK-NEXT: hilbert.reorder
// CHECK-NEXT: hilbert.attention
// CHECK-NEXT: return
func.func @not_dead(%x: memref<2x16x4x8xf32>, %y: memref<2x16x4x8xf32>,
    %l: memref<2x4x16xf32>) {
  hilbert.reorder %x dim 1 order(#h) outs(%y : memref<2x16x4x8xf32>)
      : memref<2x16x4x8xf32>
  hilbert.attention
      ins(%x, %x, %x : memref<2x16x4x8xf32>, memref<2x16x4x8xf32>, memref<2x16x4x8xf32>)
      outs(%y, %l : memref<2x16x4x8xf32>, memref<2x4x16xf32>)
  return
}
