// RUN: hilbert-opt %s -split-input-file -verify-diagnostics

//===----------------------------------------------------------------------===//
// reorder, restore
//===----------------------------------------------------------------------===//

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

func.func @permutation_c2() {
  // expected-error@+1 {{result must have the identity layout, but is 'memref<16xi32, strided<[2]>>'}}
  %0 = hilbert.permutation order(#hilbert.order<hilbert, [4, 4]>) : memref<16xi32, strided<[2]>>
  return
}

// -----

func.func @attention_c11(%x: memref<2x16x4x8xf32>, %l: memref<2x4x16xf32>) {
  // expected-error@+1 {{a memref that is written must not be an operand twice, but operand 3 is}}
  hilbert.attention ins(%x, %x, %x : memref<2x16x4x8xf32>, memref<2x16x4x8xf32>, memref<2x16x4x8xf32>)
      outs(%x, %l : memref<2x16x4x8xf32>, memref<2x4x16xf32>)
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

// -----

//===----------------------------------------------------------------------===//
// permutation
//===----------------------------------------------------------------------===//

#h = #hilbert.order<hilbert, [4, 4]>
func.func @permutation_c1_length() {
  // expected-error@+1 {{'hilbert.permutation' op result must have the order's length (16), but has 15}}
  %0 = hilbert.permutation order(#h) : tensor<15xi32>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @permutation_c1_dynamic() {
  // expected-error@+1 {{'hilbert.permutation' op result must have the order's length (16), but has ?}}
  %0 = hilbert.permutation order(#h) : tensor<?xi32>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @permutation_c1_rank() {
  // expected-error@+1 {{result #0 must be 1D tensor or memref of i32, but got 'tensor<1x16xi32>'}}
  %0 = hilbert.permutation order(#h) : tensor<1x16xi32>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @permutation_c1_element_type() {
  // expected-error@+1 {{result #0 must be 1D tensor or memref of i32, but got 'tensor<16xindex>'}}
  %0 = hilbert.permutation order(#h) : tensor<16xindex>
  return
}

// -----

//===----------------------------------------------------------------------===//
// attention
//===----------------------------------------------------------------------===//

func.func @attention_c1_mixed(%q: tensor<2x16x4x8xf32>, %k: memref<2x16x4x8xf32>, %v: memref<2x16x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op operands must be all tensors or all memrefs, but got 'tensor<2x16x4x8xf32>' and 'memref<2x16x4x8xf32>'}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, memref<2x16x4x8xf32>, memref<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
  return
}

// -----

func.func @attention_c1_table(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>, %t: memref<16xi32>) {
  // expected-error@+1 {{'hilbert.attention' op operands must be all tensors or all memrefs, but got 'tensor<2x16x4x8xf32>' and 'memref<16xi32>'}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      order(q = %t : memref<16xi32>)
  return
}

// -----

func.func @attention_c2_k(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf16>, %v: tensor<2x16x4x8xf16>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op q, k, v and out must have one element type, but q has 'f32' and k has 'f16'}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf16>, tensor<2x16x4x8xf16>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
  return
}

// -----

func.func @attention_c2_v(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xbf16>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op q, k, v and out must have one element type, but q has 'f32' and v has 'bf16'}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xbf16>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
  return
}

// -----

func.func @attention_c2_out(%q: tensor<2x16x4x8xf16>, %k: tensor<2x16x4x8xf16>, %v: tensor<2x16x4x8xf16>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op q, k, v and out must have one element type, but q has 'f16' and out has 'f32'}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf16>, tensor<2x16x4x8xf16>, tensor<2x16x4x8xf16>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
  return
}

// -----

func.func @attention_c3_k(%q: tensor<2x16x4x8xf32>, %k: tensor<3x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op batch sizes must be equal, but q has 2 and k has 3}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<3x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
  return
}

// -----

func.func @attention_c3_v(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<3x16x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op batch sizes must be equal, but q has 2 and v has 3}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<3x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
  return
}

// -----

func.func @attention_c3_out(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<3x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op batch sizes must be equal, but q has 2 and out has 3}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<3x16x4x8xf32>, tensor<2x4x16xf32>)
  return
}

// -----

func.func @attention_c3_lse(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<3x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op batch sizes must be equal, but q has 2 and lse has 3}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<3x4x16xf32>)
  return
}

// -----

func.func @attention_c4_not_multiple_of_8(%q: tensor<2x16x4x12xf32>, %k: tensor<2x16x4x12xf32>, %v: tensor<2x16x4x12xf32>,
    %o: tensor<2x16x4x12xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op head dimension must be static, a multiple of 8 and at most 256, but got 12}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x12xf32>, tensor<2x16x4x12xf32>, tensor<2x16x4x12xf32>)
      outs(%o, %l : tensor<2x16x4x12xf32>, tensor<2x4x16xf32>)
  return
}

// -----

func.func @attention_c4_zero(%q: tensor<2x16x4x0xf32>, %k: tensor<2x16x4x0xf32>, %v: tensor<2x16x4x0xf32>,
    %o: tensor<2x16x4x0xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op head dimension must be static, a multiple of 8 and at most 256, but got 0}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x0xf32>, tensor<2x16x4x0xf32>, tensor<2x16x4x0xf32>)
      outs(%o, %l : tensor<2x16x4x0xf32>, tensor<2x4x16xf32>)
  return
}

// -----

func.func @attention_c4_too_large(%q: tensor<2x16x4x264xf32>, %k: tensor<2x16x4x264xf32>, %v: tensor<2x16x4x264xf32>,
    %o: tensor<2x16x4x264xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op head dimension must be static, a multiple of 8 and at most 256, but got 264}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x264xf32>, tensor<2x16x4x264xf32>, tensor<2x16x4x264xf32>)
      outs(%o, %l : tensor<2x16x4x264xf32>, tensor<2x4x16xf32>)
  return
}

// -----

func.func @attention_c4_dynamic(%q: tensor<2x16x4x?xf32>, %k: tensor<2x16x4x?xf32>, %v: tensor<2x16x4x?xf32>,
    %o: tensor<2x16x4x?xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op head dimension must be static, a multiple of 8 and at most 256, but got ?}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x?xf32>, tensor<2x16x4x?xf32>, tensor<2x16x4x?xf32>)
      outs(%o, %l : tensor<2x16x4x?xf32>, tensor<2x4x16xf32>)
  return
}

// -----

func.func @attention_c4_k(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x16xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op head dimensions must be equal, but q has 8 and k has 16}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x16xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
  return
}

// -----

func.func @attention_c4_v(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x16xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op head dimensions must be equal, but q has 8 and v has 16}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x16xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
  return
}

// -----

func.func @attention_c4_out_dynamic(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x16x4x?xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op head dimensions must be equal, but q has 8 and out has ?}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x?xf32>, tensor<2x4x16xf32>)
  return
}

// -----

func.func @attention_c5_v(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x2x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op v must have the heads of k (4), but has 2}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
  return
}

// -----

func.func @attention_c5_not_a_multiple(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x3x8xf32>, %v: tensor<2x16x3x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op query heads must be a multiple of key heads (3), but got 4}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x3x8xf32>, tensor<2x16x3x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
  return
}

// -----

func.func @attention_c5_fewer_query_heads(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x8x8xf32>, %v: tensor<2x16x8x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op query heads must be a multiple of key heads (8), but got 4}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x8x8xf32>, tensor<2x16x8x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
  return
}

// -----

func.func @attention_c5_no_key_heads(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x0x8xf32>, %v: tensor<2x16x0x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op query heads must be a multiple of key heads (0), but got 4}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x0x8xf32>, tensor<2x16x0x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
  return
}

// -----

func.func @attention_c5_out(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x16x2x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op out must have the heads of q (4), but has 2}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x2x8xf32>, tensor<2x4x16xf32>)
  return
}

// -----

func.func @attention_c5_lse(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x16x4xf32>) {
  // expected-error@+1 {{'hilbert.attention' op lse must have the heads of q (4), but has 16}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x16x4xf32>)
  return
}

// -----

func.func @attention_c5_bhnd(%q: tensor<2x16x4x8xf32>, %k: tensor<2x3x4x8xf32>, %v: tensor<2x3x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x16x4xf32>) {
  // expected-error@+1 {{'hilbert.attention' op query heads must be a multiple of key heads (3), but got 16}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x3x4x8xf32>, tensor<2x3x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x16x4xf32>)
      layout<bhnd>
  return
}

// -----

func.func @attention_c6_v(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x15x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op v must have the tokens of k (16), but has 15}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x15x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
  return
}

// -----

func.func @attention_c6_out(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x15x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op out must have the tokens of q (16), but has 15}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x15x4x8xf32>, tensor<2x4x16xf32>)
  return
}

// -----

func.func @attention_c6_lse(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x15xf32>) {
  // expected-error@+1 {{'hilbert.attention' op lse must have the tokens of q (16), but has 15}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x15xf32>)
  return
}

// -----

func.func @attention_c7_short_segment(%q: tensor<2x16x4x8xf32>, %k: tensor<2x5x4x8xf32>, %v: tensor<2x5x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op queries and keys must be equally many unless every segment covers both, but there are 16 queries, 5 keys and a segment of 15}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x5x4x8xf32>, tensor<2x5x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      pattern<(segment = 15)>
  return
}

// -----

func.func @attention_c7_more_keys(%q: tensor<2x16x4x8xf32>, %k: tensor<2x17x4x8xf32>, %v: tensor<2x17x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op queries and keys must be equally many unless every segment covers both, but there are 16 queries, 17 keys and a segment of 16}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x17x4x8xf32>, tensor<2x17x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      pattern<(segment = dense) + (segment = 16)>
  return
}

// -----

func.func @attention_c7_head_group(%q: tensor<2x16x4x8xf32>, %k: tensor<2x17x4x8xf32>, %v: tensor<2x17x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op queries and keys must be equally many unless every segment covers both, but there are 16 queries, 17 keys and a segment of 8}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x17x4x8xf32>, tensor<2x17x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      pattern<heads 2: (segment = dense), heads 2: (segment = 8)>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @attention_c8_q(%q: tensor<2x15x4x8xf32>, %k: tensor<2x15x4x8xf32>, %v: tensor<2x15x4x8xf32>,
    %o: tensor<2x15x4x8xf32>, %l: tensor<2x4x15xf32>) {
  // expected-error@+1 {{'hilbert.attention' op q order must have as many entries as tokens (15), but has 16}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x15x4x8xf32>, tensor<2x15x4x8xf32>, tensor<2x15x4x8xf32>)
      outs(%o, %l : tensor<2x15x4x8xf32>, tensor<2x4x15xf32>)
      order(#h)
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @attention_c8_kv(%q: tensor<2x16x4x8xf32>, %k: tensor<2x15x4x8xf32>, %v: tensor<2x15x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op kv order must have as many entries as tokens (15), but has 16}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x15x4x8xf32>, tensor<2x15x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      order(#h)
  return
}

// -----

func.func @attention_c8_out_table(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>, %t: tensor<15xi32>) {
  // expected-error@+1 {{'hilbert.attention' op out order must have as many entries as tokens (16), but has 15}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      order(out = %t : tensor<15xi32>)
  return
}

// -----

func.func @attention_c8_batch(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>, %t: tensor<3x16xi32>) {
  // expected-error@+1 {{'hilbert.attention' op kv order must have one row for each batch item (2), but has 3}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      order(kv = %t : tensor<3x16xi32>)
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @attention_c9_query_only(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op causality position needs equal query and key orders}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      order(q = #h) causal<position>
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @attention_c9_table_and_attribute(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>, %t: tensor<16xi32>) {
  // expected-error@+1 {{'hilbert.attention' op causality position needs equal query and key orders}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      order(q = #h, kv = %t : tensor<16xi32>) causal<position>
  return
}

// -----

func.func @attention_c9_two_tables(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>, %s: tensor<16xi32>, %t: tensor<16xi32>) {
  // expected-error@+1 {{'hilbert.attention' op causality position needs equal query and key orders}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      order(q = %s : tensor<16xi32>, kv = %t : tensor<16xi32>) causal<position>
  return
}

// -----

func.func @attention_c10_offsets(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op offsets must be one for each query head (4), but there are 3}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      pattern<(segment = 4, dilation = 2, offset = [0, 1, 0])>
  return
}

// -----

func.func @attention_c10_group_offsets(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op offsets must be one for each query head (4), but there are 2}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      pattern<heads 2: (segment = 4), heads 2: (segment = 4, dilation = 2, offset = [0, 1])>
  return
}

// -----

func.func @attention_c10_too_few_heads(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op head groups must cover the query heads (4), but cover 3}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      pattern<heads 1: (segment = 4), heads 2: (segment = 8)>
  return
}

// -----

func.func @attention_c10_too_many_heads(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op head groups must cover the query heads (4), but cover 5}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      pattern<heads 5: (segment = 4)>
  return
}

// -----

func.func @attention_c10_overflow(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention' op head groups must cover the query heads (4), but cover 18446744073709551615}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      pattern<heads 9223372036854775807: (segment = 4), heads 9223372036854775807: (segment = 4), heads 6: (segment = 4)>
  return
}

// -----

func.func @attention_element_type(%q: tensor<2x16x4x8xf64>, %k: tensor<2x16x4x8xf64>, %v: tensor<2x16x4x8xf64>,
    %o: tensor<2x16x4x8xf64>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{operand #0 must be 4D tensor or memref of f16, bf16 or f32, but got 'tensor<2x16x4x8xf64>'}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf64>, tensor<2x16x4x8xf64>, tensor<2x16x4x8xf64>)
      outs(%o, %l : tensor<2x16x4x8xf64>, tensor<2x4x16xf32>)
  return
}

// -----

func.func @attention_rank(%q: tensor<16x4x8xf32>, %k: tensor<16x4x8xf32>, %v: tensor<16x4x8xf32>,
    %o: tensor<16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{operand #0 must be 4D tensor or memref of f16, bf16 or f32, but got 'tensor<16x4x8xf32>'}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<16x4x8xf32>, tensor<16x4x8xf32>, tensor<16x4x8xf32>)
      outs(%o, %l : tensor<16x4x8xf32>, tensor<2x4x16xf32>)
  return
}

// -----

func.func @attention_unranked(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<*xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{operand #3 must be 4D tensor or memref of f16, bf16 or f32, but got 'tensor<*xf32>'}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<*xf32>, tensor<2x4x16xf32>)
  return
}

// -----

func.func @attention_lse_type(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf16>) {
  // expected-error@+1 {{operand #4 must be 3D tensor or memref of f32, but got 'tensor<2x4x16xf16>'}}
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf16>)
  return
}

// -----

func.func @attention_not_strided(%q: memref<2x16x4x8xf32, affine_map<(a, b, c, d) -> (a, b floordiv 2, c, d)>>, %k: memref<2x16x4x8xf32, affine_map<(a, b, c, d) -> (a, b floordiv 2, c, d)>>, %v: memref<2x16x4x8xf32, affine_map<(a, b, c, d) -> (a, b floordiv 2, c, d)>>,
    %o: memref<2x16x4x8xf32, affine_map<(a, b, c, d) -> (a, b floordiv 2, c, d)>>, %l: memref<2x4x16xf32>) {
  // expected-error@+1 {{operand #0 must be 4D tensor or memref of f16, bf16 or f32}}
  hilbert.attention ins(%q, %k, %v : memref<2x16x4x8xf32, affine_map<(a, b, c, d) -> (a, b floordiv 2, c, d)>>, memref<2x16x4x8xf32, affine_map<(a, b, c, d) -> (a, b floordiv 2, c, d)>>, memref<2x16x4x8xf32, affine_map<(a, b, c, d) -> (a, b floordiv 2, c, d)>>)
      outs(%o, %l : memref<2x16x4x8xf32, affine_map<(a, b, c, d) -> (a, b floordiv 2, c, d)>>, memref<2x4x16xf32>)
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @attention_order_twice(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      // expected-error@+1 {{expected 'q', 'kv' or 'out', each at most once, but got 'q'}}
      order(q = #h, q = #h)
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @attention_table_twice(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>, %t: tensor<16xi32>) {
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      // expected-error@+1 {{expected 'q', 'kv' or 'out', each at most once, but got 'kv'}}
      order(kv = %t : tensor<16xi32>, kv = #h)
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @attention_order_unknown(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      // expected-error@+1 {{expected 'q', 'kv' or 'out', each at most once, but got 'k'}}
      order(k = #h)
  return
}

// -----

func.func @attention_order_empty(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      // expected-error@+1 {{expected attribute value}}
      order()
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @attention_order_trailing_comma(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      // expected-error@+1 {{expected valid keyword}}
      order(q = #h, )
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @attention_order_two(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      // expected-error@+1 {{expected ')'}}
      order(#h, #h)
  return
}

// -----

func.func @attention_pattern_branch(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      // expected-error@+1 {{a branch needs 'segment'}}
      pattern<(dilation = 2)>
  return
}

// -----

func.func @attention_scale_type(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x4x8xf32>, %v: tensor<2x16x4x8xf32>,
    // expected-note@+1 {{prior use here}}
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>, %s: f64) {
  %0:2 = hilbert.attention ins(%q, %k, %v : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>)
      outs(%o, %l : tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      // expected-error@+1 {{expects different type than prior uses: 'f32' vs 'f64'}}
      scale(%s)
  return
}

// -----

func.func @attention_result_type(%x: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>) {
  // expected-error@+1 {{expected type of operand #4 ('tensor<2x4x16xf32>') to match type of corresponding result ('tensor<2x16x4xf32>')}}
  %0:2 = "hilbert.attention"(%x, %x, %x, %x, %l) <{
      operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0, 0, 0, 0>}>
      : (tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>,
         tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
      -> (tensor<2x16x4x8xf32>, tensor<2x16x4xf32>)
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @attention_both_orders(%x: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>, %t: tensor<16xi32>) {
  // expected-error@+1 {{'hilbert.attention' op kv order must be an attribute or a table, but got both}}
  %0:2 = "hilbert.attention"(%x, %x, %x, %x, %l, %t) <{kv_order = #h,
      operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0, 1, 0, 0>}>
      : (tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>,
         tensor<2x16x4x8xf32>, tensor<2x4x16xf32>, tensor<16xi32>)
      -> (tensor<2x16x4x8xf32>, tensor<2x4x16xf32>)
  return
}

// -----

//===----------------------------------------------------------------------===//
// attention_grad
//===----------------------------------------------------------------------===//

func.func @attention_grad_c4(%q: tensor<2x16x4x4xf32>, %k: tensor<2x16x4x4xf32>, %v: tensor<2x16x4x4xf32>,
    %o: tensor<2x16x4x4xf32>, %l: tensor<2x4x16xf32>, %do: tensor<2x16x4x4xf32>,
    %dq: tensor<2x16x4x4xf32>, %dk: tensor<2x16x4x4xf32>, %dv: tensor<2x16x4x4xf32>) {
  // expected-error@+1 {{'hilbert.attention_grad' op head dimension must be static, a multiple of 8 and at most 256, but got 4}}
  %0:3 = hilbert.attention_grad ins(%q, %k, %v, %o, %l, %do
          : tensor<2x16x4x4xf32>, tensor<2x16x4x4xf32>, tensor<2x16x4x4xf32>,
          tensor<2x16x4x4xf32>, tensor<2x4x16xf32>, tensor<2x16x4x4xf32>)
      outs(%dq, %dk, %dv : tensor<2x16x4x4xf32>, tensor<2x16x4x4xf32>, tensor<2x16x4x4xf32>)
  return
}

// -----

#h = #hilbert.order<hilbert, [4, 4]>
func.func @attention_grad_c9(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x2x8xf32>, %v: tensor<2x16x2x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>, %do: tensor<2x16x4x8xf32>,
    %dq: tensor<2x16x4x8xf32>, %dk: tensor<2x16x2x8xf32>, %dv: tensor<2x16x2x8xf32>) {
  // expected-error@+1 {{'hilbert.attention_grad' op causality position needs equal query and key orders}}
  %0:3 = hilbert.attention_grad ins(%q, %k, %v, %o, %l, %do
          : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>,
          tensor<2x16x4x8xf32>, tensor<2x4x16xf32>, tensor<2x16x4x8xf32>)
      outs(%dq, %dk, %dv : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>)
      order(kv = #h) causal<position>
  return
}

// -----

func.func @attention_grad_c1_dlse(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x2x8xf32>, %v: tensor<2x16x2x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>, %do: tensor<2x16x4x8xf32>,
    %dq: tensor<2x16x4x8xf32>, %dk: tensor<2x16x2x8xf32>, %dv: tensor<2x16x2x8xf32>, %dl: memref<2x4x16xf32>) {
  // expected-error@+1 {{'hilbert.attention_grad' op operands must be all tensors or all memrefs, but got 'tensor<2x16x4x8xf32>' and 'memref<2x4x16xf32>'}}
  %0:3 = hilbert.attention_grad ins(%q, %k, %v, %o, %l, %do
          : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>,
          tensor<2x16x4x8xf32>, tensor<2x4x16xf32>, tensor<2x16x4x8xf32>) dlse(%dl : memref<2x4x16xf32>)
      outs(%dq, %dk, %dv : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>)
  return
}

// -----

func.func @attention_grad_c12_dout_shape(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x2x8xf32>, %v: tensor<2x16x2x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>, %do: tensor<2x16x2x8xf32>,
    %dq: tensor<2x16x4x8xf32>, %dk: tensor<2x16x2x8xf32>, %dv: tensor<2x16x2x8xf32>) {
  // expected-error@+1 {{'hilbert.attention_grad' op dout must have the type of out ('tensor<2x16x4x8xf32>'), but is 'tensor<2x16x2x8xf32>'}}
  %0:3 = hilbert.attention_grad ins(%q, %k, %v, %o, %l, %do
          : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>,
          tensor<2x16x4x8xf32>, tensor<2x4x16xf32>, tensor<2x16x2x8xf32>)
      outs(%dq, %dk, %dv : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>)
  return
}

// -----

func.func @attention_grad_c12_dout_element_type(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x2x8xf32>, %v: tensor<2x16x2x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>, %do: tensor<2x16x4x8xbf16>,
    %dq: tensor<2x16x4x8xf32>, %dk: tensor<2x16x2x8xf32>, %dv: tensor<2x16x2x8xf32>) {
  // expected-error@+1 {{'hilbert.attention_grad' op dout must have the type of out ('tensor<2x16x4x8xf32>'), but is 'tensor<2x16x4x8xbf16>'}}
  %0:3 = hilbert.attention_grad ins(%q, %k, %v, %o, %l, %do
          : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>,
          tensor<2x16x4x8xf32>, tensor<2x4x16xf32>, tensor<2x16x4x8xbf16>)
      outs(%dq, %dk, %dv : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>)
  return
}

// -----

func.func @attention_grad_c12_dq(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x2x8xf32>, %v: tensor<2x16x2x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>, %do: tensor<2x16x4x8xf32>,
    %dq: tensor<2x15x4x8xf32>, %dk: tensor<2x16x2x8xf32>, %dv: tensor<2x16x2x8xf32>) {
  // expected-error@+1 {{'hilbert.attention_grad' op dq must have the type of q ('tensor<2x16x4x8xf32>'), but is 'tensor<2x15x4x8xf32>'}}
  %0:3 = hilbert.attention_grad ins(%q, %k, %v, %o, %l, %do
          : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>,
          tensor<2x16x4x8xf32>, tensor<2x4x16xf32>, tensor<2x16x4x8xf32>)
      outs(%dq, %dk, %dv : tensor<2x15x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>)
  return
}

// -----

func.func @attention_grad_c12_dk(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x2x8xf32>, %v: tensor<2x16x2x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>, %do: tensor<2x16x4x8xf32>,
    %dq: tensor<2x16x4x8xf32>, %dk: tensor<2x16x4x8xf32>, %dv: tensor<2x16x2x8xf32>) {
  // expected-error@+1 {{'hilbert.attention_grad' op dk must have the type of k ('tensor<2x16x2x8xf32>'), but is 'tensor<2x16x4x8xf32>'}}
  %0:3 = hilbert.attention_grad ins(%q, %k, %v, %o, %l, %do
          : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>,
          tensor<2x16x4x8xf32>, tensor<2x4x16xf32>, tensor<2x16x4x8xf32>)
      outs(%dq, %dk, %dv : tensor<2x16x4x8xf32>, tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>)
  return
}

// -----

func.func @attention_grad_c12_dv(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x2x8xf32>, %v: tensor<2x16x2x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>, %do: tensor<2x16x4x8xf32>,
    %dq: tensor<2x16x4x8xf32>, %dk: tensor<2x16x2x8xf32>, %dv: tensor<2x16x4x8xf32>) {
  // expected-error@+1 {{'hilbert.attention_grad' op dv must have the type of v ('tensor<2x16x2x8xf32>'), but is 'tensor<2x16x4x8xf32>'}}
  %0:3 = hilbert.attention_grad ins(%q, %k, %v, %o, %l, %do
          : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>,
          tensor<2x16x4x8xf32>, tensor<2x4x16xf32>, tensor<2x16x4x8xf32>)
      outs(%dq, %dk, %dv : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x4x8xf32>)
  return
}

// -----

func.func @attention_grad_c12_dlse(%q: tensor<2x16x4x8xf32>, %k: tensor<2x16x2x8xf32>, %v: tensor<2x16x2x8xf32>,
    %o: tensor<2x16x4x8xf32>, %l: tensor<2x4x16xf32>, %do: tensor<2x16x4x8xf32>,
    %dq: tensor<2x16x4x8xf32>, %dk: tensor<2x16x2x8xf32>, %dv: tensor<2x16x2x8xf32>, %dl: tensor<2x16x4xf32>) {
  // expected-error@+1 {{'hilbert.attention_grad' op dlse must have the type of lse ('tensor<2x4x16xf32>'), but is 'tensor<2x16x4xf32>'}}
  %0:3 = hilbert.attention_grad ins(%q, %k, %v, %o, %l, %do
          : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>,
          tensor<2x16x4x8xf32>, tensor<2x4x16xf32>, tensor<2x16x4x8xf32>) dlse(%dl : tensor<2x16x4xf32>)
      outs(%dq, %dk, %dv : tensor<2x16x4x8xf32>, tensor<2x16x2x8xf32>, tensor<2x16x2x8xf32>)
  return
}

// -----

//===----------------------------------------------------------------------===//
// host_launch
//===----------------------------------------------------------------------===//

func.func @host_launch_c1_unknown(%n: index) {
  // expected-error@+1 {{'hilbert.host_launch' op callee must be a function, but @nothing is none}}
  hilbert.host_launch @nothing(%n)
  return
}

// -----

func.func @host_launch_c1_no_captures(%n: index) {
  // expected-error@+1 {{'hilbert.host_launch' op callee @host_launch_c1_no_captures must take ('index', 'index') and return nothing, but is '(index) -> ()'}}
  hilbert.host_launch @host_launch_c1_no_captures(%n)
  return
}

// -----

func.func private @kernel(index, index, f64)

func.func @host_launch_c1_captures(%n: index, %s: f32) {
  // expected-error@+1 {{callee @kernel must take ('index', 'index', 'f32') and return nothing, but is '(index, index, f64) -> ()'}}
  hilbert.host_launch @kernel(%n) captures(%s : f32)
  return
}

// -----

func.func private @kernel(index, index) -> i32

func.func @host_launch_c1_result(%n: index) {
  // expected-error@+1 {{callee @kernel must take ('index', 'index') and return nothing, but is '(index, index) -> i32'}}
  hilbert.host_launch @kernel(%n)
  return
}

// -----

module @nested {}

func.func @host_launch_c1_not_a_function(%n: index) {
  // expected-error@+1 {{callee must be a function, but @nested is none}}
  hilbert.host_launch @nested(%n)
  return
}
