// RUN: hilbert-opt %s -split-input-file -verify-diagnostics

#h = #hilbert.order<hilbert, [4, 4]>
func.func @reorder_c1_dim(%x: tensor<2x16x4xf32>) {
  // expected-error@+1 {{'hilbert.reorder' op dim must be less than the source's rank (3), but got 3}}
  %0 = hilbert.reorder %x dim 3 order(#h) : tensor<2x16x4xf32>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @reorder_c2_attribute(%x: tensor<2x15x4xf32>) {
  // expected-error@+1 {{'hilbert.reorder' op order must have as many entries as tokens (15), but has 16}}
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<2x15x4xf32>
  return
}

// -----

func.func @reorder_c3_rows(%x: tensor<2x16x4xf32>, %t: tensor<3x16xi32>) {
  // expected-error@+1 {{'hilbert.reorder' op order must have one row for each batch item (2), but has 3}}
  %0 = hilbert.reorder %x dim 1 order(%t : tensor<3x16xi32>) : tensor<2x16x4xf32>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @reorder_c4_no_outs(%x: memref<2x16x4xf32>) {
  // expected-error@+1 {{'hilbert.reorder' op needs 'outs' if and only if the source is a memref, but the source is 'memref<2x16x4xf32>'}}
  hilbert.reorder %x dim 1 order(#h) : memref<2x16x4xf32>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @restore_c1_dim(%x: tensor<2x16x4xf32>) {
  // expected-error@+1 {{'hilbert.restore' op dim must be less than the source's rank (3), but got 3}}
  %0 = hilbert.restore %x dim 3 order(#h) : tensor<2x16x4xf32>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @restore_c2_attribute(%x: tensor<2x15x4xf32>) {
  // expected-error@+1 {{'hilbert.restore' op order must have as many entries as tokens (15), but has 16}}
  %0 = hilbert.restore %x dim 1 order(#h) : tensor<2x15x4xf32>
  return
}

// -----

func.func @restore_c3_rows(%x: tensor<2x16x4xf32>, %t: tensor<3x16xi32>) {
  // expected-error@+1 {{'hilbert.restore' op order must have one row for each batch item (2), but has 3}}
  %0 = hilbert.restore %x dim 1 order(%t : tensor<3x16xi32>) : tensor<2x16x4xf32>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @restore_c4_no_outs(%x: memref<2x16x4xf32>) {
  // expected-error@+1 {{'hilbert.restore' op needs 'outs' if and only if the source is a memref, but the source is 'memref<2x16x4xf32>'}}
  hilbert.restore %x dim 1 order(#h) : memref<2x16x4xf32>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @reorder_c1_huge_dim(%x: tensor<16xf32>) {
  // expected-error@+1 {{dim must be less than the source's rank (1), but got 9223372036854775807}}
  %0 = hilbert.reorder %x dim 9223372036854775807 order(#h) : tensor<16xf32>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @reorder_c1_negative_dim(%x: tensor<16xf32>) {
  // expected-error@+1 {{attribute 'dim' failed to satisfy constraint: 64-bit signless integer attribute whose value is non-negative}}
  %0 = hilbert.reorder %x dim -1 order(#h) : tensor<16xf32>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @reorder_c1_rank_0(%x: tensor<f32>) {
  // expected-error@+1 {{dim must be less than the source's rank (0), but got 0}}
  %0 = hilbert.reorder %x dim 0 order(#h) : tensor<f32>
  return
}

// -----

func.func @reorder_c2_table(%x: tensor<2x16x4xf32>, %t: tensor<15xi32>) {
  // expected-error@+1 {{order must have as many entries as tokens (16), but has 15}}
  %0 = hilbert.reorder %x dim 1 order(%t : tensor<15xi32>) : tensor<2x16x4xf32>
  return
}

// -----

func.func @reorder_c2_batched_table(%x: tensor<2x16x4xf32>, %t: tensor<?x15xi32>) {
  // expected-error@+1 {{order must have as many entries as tokens (16), but has 15}}
  %0 = hilbert.reorder %x dim 1 order(%t : tensor<?x15xi32>) : tensor<2x16x4xf32>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @reorder_c2_no_tokens(%x: tensor<2x0x4xf32>) {
  // expected-error@+1 {{order must have as many entries as tokens (0), but has 16}}
  %0 = hilbert.reorder %x dim 1 order(#h) : tensor<2x0x4xf32>
  return
}

// -----

func.func @reorder_c3_dim_0(%x: tensor<16x16xf32>, %t: tensor<16x16xi32>) {
  // expected-error@+1 {{dim must not be 0 with one order for each item of dimension 0}}
  %0 = hilbert.reorder %x dim 0 order(%t : tensor<16x16xi32>) : tensor<16x16xf32>
  return
}

// -----

func.func @reorder_c3_rank_1(%x: tensor<?xf32>, %t: tensor<?x?xi32>) {
  // expected-error@+1 {{dim must not be 0 with one order for each item of dimension 0}}
  %0 = hilbert.reorder %x dim 0 order(%t : tensor<?x?xi32>) : tensor<?xf32>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @reorder_c4_outs_of_tensor(%x: tensor<2x16x4xf32>, %y: memref<2x16x4xf32>) {
  // expected-error@+1 {{needs 'outs' if and only if the source is a memref, but the source is 'tensor<2x16x4xf32>'}}
  %0 = hilbert.reorder %x dim 1 order(#h) outs(%y : memref<2x16x4xf32>) : tensor<2x16x4xf32>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @reorder_c4_shape(%x: memref<2x16x4xf32>, %y: memref<2x16x5xf32>) {
  // expected-error@+1 {{'outs' must have the source's shape and element type ('memref<2x16x4xf32>'), but is 'memref<2x16x5xf32>'}}
  hilbert.reorder %x dim 1 order(#h) outs(%y : memref<2x16x5xf32>) : memref<2x16x4xf32>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @reorder_c4_rank(%x: memref<2x16x4xf32>, %y: memref<2x16xf32>) {
  // expected-error@+1 {{'outs' must have the source's shape and element type ('memref<2x16x4xf32>'), but is 'memref<2x16xf32>'}}
  hilbert.reorder %x dim 1 order(#h) outs(%y : memref<2x16xf32>) : memref<2x16x4xf32>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @reorder_c4_element_type(%x: memref<2x16x4xf32>, %y: memref<2x16x4xi32>) {
  // expected-error@+1 {{'outs' must have the source's shape and element type ('memref<2x16x4xf32>'), but is 'memref<2x16x4xi32>'}}
  hilbert.reorder %x dim 1 order(#h) outs(%y : memref<2x16x4xi32>) : memref<2x16x4xf32>
  return
}

// -----

func.func @reorder_table_memref(%x: tensor<2x16x4xf32>, %t: memref<16xi32>) {
  // expected-error@+1 {{operands must be all tensors or all memrefs, but the table is 'memref<16xi32>'}}
  %0 = hilbert.reorder %x dim 1 order(%t : memref<16xi32>) : tensor<2x16x4xf32>
  return
}

// -----

func.func @reorder_table_tensor(%x: memref<2x16x4xf32>, %t: tensor<16xi32>) {
  // expected-error@+1 {{operands must be all tensors or all memrefs, but the table is 'tensor<16xi32>'}}
  hilbert.reorder %x dim 1 order(%t : tensor<16xi32>) outs(%x : memref<2x16x4xf32>) : memref<2x16x4xf32>
  return
}

// -----

func.func @reorder_table_type(%x: tensor<2x16x4xf32>, %t: tensor<16xi64>) {
  // expected-error@+1 {{operand #1 must be 1D or 2D tensor or memref of i32, but got 'tensor<16xi64>'}}
  %0 = hilbert.reorder %x dim 1 order(%t : tensor<16xi64>) : tensor<2x16x4xf32>
  return
}

// -----

func.func @reorder_table_rank(%x: tensor<2x16x4xf32>, %t: tensor<2x16x4xi32>) {
  // expected-error@+1 {{operand #1 must be 1D or 2D tensor or memref of i32, but got 'tensor<2x16x4xi32>'}}
  %0 = hilbert.reorder %x dim 1 order(%t : tensor<2x16x4xi32>) : tensor<2x16x4xf32>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @reorder_unranked(%x: tensor<*xf32>) {
  // expected-error@+1 {{operand #0 must be ranked tensor or strided memref, but got 'tensor<*xf32>'}}
  %0 = hilbert.reorder %x dim 0 order(#h) : tensor<*xf32>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @reorder_scalar(%x: f32) {
  // expected-error@+1 {{invalid kind of type specified}}
  %0 = hilbert.reorder %x dim 0 order(#h) : f32
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @reorder_both_orders(%x: tensor<2x16x4xf32>, %t: tensor<16xi32>) {
  // expected-error@+1 {{order must be an attribute or a table, but got both}}
  %0 = "hilbert.reorder"(%x, %t) <{dim = 1 : i64, order = #h,
      operandSegmentSizes = array<i32: 1, 1, 0>}>
      : (tensor<2x16x4xf32>, tensor<16xi32>) -> tensor<2x16x4xf32>
  return
}

// -----

func.func @restore_no_order(%x: tensor<2x16x4xf32>) {
  // expected-error@+1 {{order must be an attribute or a table, but got neither}}
  %0 = "hilbert.restore"(%x) <{dim = 1 : i64,
      operandSegmentSizes = array<i32: 1, 0, 0>}>
      : (tensor<2x16x4xf32>) -> tensor<2x16x4xf32>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @reorder_result_type(%x: tensor<2x16x4xf32>) {
  // expected-error@+2 {{inferred type(s) 'tensor<2x16x4xf32>' are incompatible with return type(s) of operation 'tensor<2x16x4xf16>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = "hilbert.reorder"(%x) <{dim = 1 : i64, order = #h,
      operandSegmentSizes = array<i32: 1, 0, 0>}>
      : (tensor<2x16x4xf32>) -> tensor<2x16x4xf16>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @reorder_memref_result(%x: memref<2x16x4xf32>, %y: memref<2x16x4xf32>) {
  // expected-error@+2 {{inferred type(s)}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = "hilbert.reorder"(%x, %y) <{dim = 1 : i64, order = #h,
      operandSegmentSizes = array<i32: 1, 0, 1>}>
      : (memref<2x16x4xf32>, memref<2x16x4xf32>) -> tensor<2x16x4xf32>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @reorder_c4_in_place(%x: memref<2x16x4xf32>) {
  // expected-error@+1 {{'outs' must not be the source}}
  hilbert.reorder %x dim 1 order(#h) outs(%x : memref<2x16x4xf32>) : memref<2x16x4xf32>
  return
}

// -----

func.func @reorder_no_keyword(%x: tensor<16xf32>) {
  // expected-error@+1 {{expected 'order'}}
  %0 = hilbert.reorder %x dim 0 : tensor<16xf32>
  return
}

// -----

func.func @reorder_empty_order(%x: tensor<16xf32>) {
  // expected-error@+1 {{expected attribute value}}
  %0 = hilbert.reorder %x dim 0 order() : tensor<16xf32>
  return
}

// -----

func.func @reorder_table_without_type(%x: tensor<16xf32>, %t: tensor<16xi32>) {
  // expected-error@+1 {{expected ':'}}
  %0 = hilbert.reorder %x dim 0 order(%t) : tensor<16xf32>
  return
}

// -----

func.func @reorder_other_attribute(%x: tensor<16xf32>) {
  // expected-error@+1 {{invalid kind of attribute specified}}
  %0 = hilbert.reorder %x dim 0 order(#hilbert.branch<segment = 4>) : tensor<16xf32>
  return
}
