// RUN: hilbert-opt %s -split-input-file -verify-diagnostics

//===----------------------------------------------------------------------===//
// matrix
//===----------------------------------------------------------------------===//

func.func @matrix_c1(%p: !llvm.ptr<1>, %x: i64) {
  // expected-error@+1 {{(C1) matrix must have a positive number of columns, but has 0}}
  %0 = hilbert_gpu.matrix %p[%x] stride %x : !hilbert_gpu.matrix<0xbf16>
  return
}

// -----

func.func @matrix_pointer(%p: !llvm.ptr, %x: i64) {
  // expected-error@+1 {{operand #0 must be LLVM pointer in address space 1, but got '!llvm.ptr'}}
  %0 = "hilbert_gpu.matrix"(%p, %x, %x) : (!llvm.ptr, i64, i64) -> !hilbert_gpu.matrix<8xbf16>
  return
}

// -----

//===----------------------------------------------------------------------===//
// run_rows, table_rows, box_rows
//===----------------------------------------------------------------------===//

func.func @run_rows_c1(%x: i32) {
  // expected-error@+1 {{(C1) step must be positive, but is 0}}
  %0 = hilbert_gpu.run_rows %x, %x step 0 : !hilbert_gpu.rows<64, run>
  return
}

// -----

func.func @run_rows_c2(%x: i32) {
  // expected-error@+1 {{(C2) access must be run, but is table}}
  %0 = hilbert_gpu.run_rows %x, %x step 1 : !hilbert_gpu.rows<64, table>
  return
}

// -----

func.func @table_rows_c1(%p: !llvm.ptr<1>, %x: i32) {
  // expected-error@+1 {{(C1) step must be positive, but is -2}}
  %0 = hilbert_gpu.table_rows %p[%x], %x step -2 : !hilbert_gpu.rows<64, table>
  return
}

// -----

func.func @table_rows_c2(%p: !llvm.ptr<1>, %x: i32) {
  // expected-error@+1 {{(C2) access must be table, but is box}}
  %0 = hilbert_gpu.table_rows %p[%x], %x step 1 : !hilbert_gpu.rows<64, box>
  return
}

// -----

func.func @box_rows_c2(%p: !llvm.ptr<1>, %x: i32) {
  // expected-error@+1 {{(C2) access must be box, but is run}}
  %0 = hilbert_gpu.box_rows %p[%x], %x strides %x, %x : !hilbert_gpu.rows<64, run>
  return
}

// -----

//===----------------------------------------------------------------------===//
// tokens, gather
//===----------------------------------------------------------------------===//

#acc = #hilbert_gpu.mma<warps = 4>
func.func @tokens_c1_layout(%rows: !hilbert_gpu.rows<64, run>) {
  // expected-error@+1 {{(C1) vector must be a slice of 64 entries, but is 'tensor<64x8xi32, #hilbert_gpu.mma<warps = 4>>'}}
  %0 = hilbert_gpu.tokens %rows : !hilbert_gpu.rows<64, run> -> tensor<64x8xi32, #acc>
  return
}

// -----

#rows = #hilbert_gpu.slice<1, #hilbert_gpu.mma<warps = 4>>
func.func @tokens_c1_size(%rows: !hilbert_gpu.rows<64, run>) {
  // expected-error@+1 {{(C1) vector must be a slice of 64 entries, but is 'tensor<128xi32, #hilbert_gpu.slice<1, <warps = 4>>>'}}
  %0 = hilbert_gpu.tokens %rows : !hilbert_gpu.rows<64, run> -> tensor<128xi32, #rows>
  return
}

// -----

#rows = #hilbert_gpu.slice<1, #hilbert_gpu.mma<warps = 4>>
func.func @tokens_c2(%rows: !hilbert_gpu.rows<64, run>) {
  // expected-error@+1 {{(C2) vector must be of 'i32', but is of 'f32'}}
  %0 = hilbert_gpu.tokens %rows : !hilbert_gpu.rows<64, run> -> tensor<64xf32, #rows>
  return
}

// -----

#rows = #hilbert_gpu.slice<1, #hilbert_gpu.mma<warps = 4>>
func.func @gather_c1(%x: !hilbert_gpu.matrix<1xf32>, %rows: !hilbert_gpu.rows<64, run>) {
  // expected-error@+1 {{(C1) vector must be a slice of 64 entries, but is 'tensor<128xf32, #hilbert_gpu.slice<1, <warps = 4>>>'}}
  %0 = hilbert_gpu.gather %x[%rows] : !hilbert_gpu.matrix<1xf32>,
    !hilbert_gpu.rows<64, run> -> tensor<128xf32, #rows>
  return
}

// -----

#rows = #hilbert_gpu.slice<1, #hilbert_gpu.mma<warps = 4>>
func.func @gather_c2_columns(%x: !hilbert_gpu.matrix<2xf32>, %rows: !hilbert_gpu.rows<64, run>) {
  // expected-error@+1 {{(C2) matrix must have one column, but has 2}}
  %0 = hilbert_gpu.gather %x[%rows] : !hilbert_gpu.matrix<2xf32>,
    !hilbert_gpu.rows<64, run> -> tensor<64xf32, #rows>
  return
}

// -----

#rows = #hilbert_gpu.slice<1, #hilbert_gpu.mma<warps = 4>>
func.func @gather_c2_element(%x: !hilbert_gpu.matrix<1xf32>, %rows: !hilbert_gpu.rows<64, run>) {
  // expected-error@+1 {{(C2) vector must be of 'f32', but is of 'i32'}}
  %0 = hilbert_gpu.gather %x[%rows] : !hilbert_gpu.matrix<1xf32>,
    !hilbert_gpu.rows<64, run> -> tensor<64xi32, #rows>
  return
}

// -----

//===----------------------------------------------------------------------===//
// load, flip_sign
//===----------------------------------------------------------------------===//

func.func @load_c1(%x: !hilbert_gpu.matrix<16xf16>, %rows: !hilbert_gpu.rows<64, run>) {
  // expected-error@+1 {{(C1) tile must have 64 rows, but has 32}}
  %0 = hilbert_gpu.load %x[%rows] : !hilbert_gpu.matrix<16xf16>,
    !hilbert_gpu.rows<64, run> -> !hilbert_gpu.smem<32x16xf16>
  return
}

// -----

func.func @load_c2(%x: !hilbert_gpu.matrix<16xf16>, %rows: !hilbert_gpu.rows<64, run>) {
  // expected-error@+1 {{(C2) tile must be of 'f16', but is of 'bf16'}}
  %0 = hilbert_gpu.load %x[%rows] : !hilbert_gpu.matrix<16xf16>,
    !hilbert_gpu.rows<64, run> -> !hilbert_gpu.smem<64x16xbf16>
  return
}

// -----

func.func @load_c3_columns(%x: !hilbert_gpu.matrix<24xf16>, %rows: !hilbert_gpu.rows<64, run>) {
  // expected-error@+1 {{(C3) tile must have the 24 columns of the matrix, in multiples of 16, but has shape [64, 16]}}
  %0 = hilbert_gpu.load %x[%rows] : !hilbert_gpu.matrix<24xf16>,
    !hilbert_gpu.rows<64, run> -> !hilbert_gpu.smem<64x16xf16>
  return
}

// -----

func.func @load_c3_not_a_vector(%x: !hilbert_gpu.matrix<1xf32>, %rows: !hilbert_gpu.rows<64, run>) {
  // expected-error@+1 {{(C3) tile must have the 1 columns of the matrix, in multiples of 16, but has shape [64, 16]}}
  %0 = hilbert_gpu.load %x[%rows] : !hilbert_gpu.matrix<1xf32>,
    !hilbert_gpu.rows<64, run> -> !hilbert_gpu.smem<64x16xf32>
  return
}

// -----

func.func @load_c3_vector(%x: !hilbert_gpu.matrix<16xf32>, %rows: !hilbert_gpu.rows<64, run>) {
  // expected-error@+1 {{(C3) tile must have the 16 columns of the matrix, in multiples of 16, but has shape [64]}}
  %0 = hilbert_gpu.load %x[%rows] : !hilbert_gpu.matrix<16xf32>,
    !hilbert_gpu.rows<64, run> -> !hilbert_gpu.smem<64xf32>
  return
}

// -----

func.func @flip_sign_c1_vector(%x: !hilbert_gpu.smem<64xf32>, %b: i1) {
  // expected-error@+1 {{(C1) tile must be a matrix, but is '!hilbert_gpu.smem<64xf32>'}}
  %0 = hilbert_gpu.flip_sign %x if %b : !hilbert_gpu.smem<64xf32>
  return
}

// -----

//===----------------------------------------------------------------------===//
// store
//===----------------------------------------------------------------------===//

#operand = #hilbert_gpu.operand<#hilbert_gpu.mma<warps = 4>>
func.func @store_c1(%t: tensor<64x16xf16, #operand>, %x: !hilbert_gpu.matrix<16xf16>,
    %rows: !hilbert_gpu.rows<128, run>) {
  // expected-error@+1 {{(C1) tile must have 128 rows, but has 64}}
  hilbert_gpu.store %t, %x[%rows] : tensor<64x16xf16, #operand>,
    !hilbert_gpu.matrix<16xf16>, !hilbert_gpu.rows<128, run>
  return
}

// -----

#operand = #hilbert_gpu.operand<#hilbert_gpu.mma<warps = 4>>
func.func @store_c2(%t: tensor<64x16xf16, #operand>, %x: !hilbert_gpu.matrix<16xbf16>,
    %rows: !hilbert_gpu.rows<64, run>) {
  // expected-error@+1 {{(C2) tile must be of 'bf16', but is of 'f16'}}
  hilbert_gpu.store %t, %x[%rows] : tensor<64x16xf16, #operand>,
    !hilbert_gpu.matrix<16xbf16>, !hilbert_gpu.rows<64, run>
  return
}

// -----

#operand = #hilbert_gpu.operand<#hilbert_gpu.mma<warps = 4>>
func.func @store_c3(%t: tensor<64x16xf16, #operand>, %x: !hilbert_gpu.matrix<24xf16>,
    %rows: !hilbert_gpu.rows<64, run>) {
  // expected-error@+1 {{(C3) tile must have the 24 columns of the matrix, in multiples of 16, but has shape [64, 16]}}
  hilbert_gpu.store %t, %x[%rows] : tensor<64x16xf16, #operand>,
    !hilbert_gpu.matrix<24xf16>, !hilbert_gpu.rows<64, run>
  return
}

// -----

#columns = #hilbert_gpu.slice<0, #hilbert_gpu.mma<warps = 4>>
func.func @store_c3_slice(%t: tensor<64xf32, #columns>, %x: !hilbert_gpu.matrix<1xf32>,
    %rows: !hilbert_gpu.rows<64, run>) {
  // expected-error@+1 {{(C3) vector must be a slice of rows, but is 'tensor<64xf32, #hilbert_gpu.slice<0, <warps = 4>>>'}}
  hilbert_gpu.store %t, %x[%rows] : tensor<64xf32, #columns>,
    !hilbert_gpu.matrix<1xf32>, !hilbert_gpu.rows<64, run>
  return
}

// -----

// A tensor that its layout cannot hold is no tile.
#acc = #hilbert_gpu.mma<warps = 4>
func.func @fragment(%t: tensor<32x16xf32, #acc>, %x: !hilbert_gpu.matrix<16xf32>,
    %rows: !hilbert_gpu.rows<32, run>) {
  // expected-error@+1 {{operand #0 must be tensor with a layout, but got 'tensor<32x16xf32, #hilbert_gpu.mma<warps = 4>>'}}
  hilbert_gpu.store %t, %x[%rows] : tensor<32x16xf32, #acc>,
    !hilbert_gpu.matrix<16xf32>, !hilbert_gpu.rows<32, run>
  return
}

// -----

func.func @fragment_without_layout(%t: tensor<64x16xf32>, %x: !hilbert_gpu.matrix<16xf32>,
    %rows: !hilbert_gpu.rows<64, run>) {
  // expected-error@+1 {{operand #0 must be tensor with a layout, but got 'tensor<64x16xf32>'}}
  hilbert_gpu.store %t, %x[%rows] : tensor<64x16xf32>,
    !hilbert_gpu.matrix<16xf32>, !hilbert_gpu.rows<64, run>
  return
}

// -----

//===----------------------------------------------------------------------===//
// dot
//===----------------------------------------------------------------------===//

#acc = #hilbert_gpu.mma<warps = 4>
func.func @dot_c1_element(%a: !hilbert_gpu.smem<64x16xf16>, %b: !hilbert_gpu.smem<16x16xf16>,
    %c: tensor<64x16xf16, #acc>) {
  // expected-error@+1 {{(C1) accumulator must be f32 with an mma layout, but is 'tensor<64x16xf16, #hilbert_gpu.mma<warps = 4>>'}}
  %0 = hilbert_gpu.dot %a, %b, %c : !hilbert_gpu.smem<64x16xf16>,
    !hilbert_gpu.smem<16x16xf16>, tensor<64x16xf16, #acc>
  return
}

// -----

#operand = #hilbert_gpu.operand<#hilbert_gpu.mma<warps = 4>>
func.func @dot_c1_layout(%a: !hilbert_gpu.smem<64x16xf16>, %b: !hilbert_gpu.smem<16x16xf16>,
    %c: tensor<64x16xf32, #operand>) {
  // expected-error@+1 {{(C1) accumulator must be f32 with an mma layout, but is}}
  %0 = hilbert_gpu.dot %a, %b, %c : !hilbert_gpu.smem<64x16xf16>,
    !hilbert_gpu.smem<16x16xf16>, tensor<64x16xf32, #operand>
  return
}

// -----

#acc = #hilbert_gpu.mma<warps = 4>
func.func @dot_c2_vector(%a: !hilbert_gpu.smem<64x16xf16>, %b: !hilbert_gpu.smem<16xf32>,
    %c: tensor<64x16xf32, #acc>) {
  // expected-error@+1 {{(C2) b must be a matrix, but is '!hilbert_gpu.smem<16xf32>'}}
  %0 = hilbert_gpu.dot %a, %b, %c : !hilbert_gpu.smem<64x16xf16>,
    !hilbert_gpu.smem<16xf32>, tensor<64x16xf32, #acc>
  return
}

// -----

#acc = #hilbert_gpu.mma<warps = 4>
func.func @dot_c2_depth(%a: !hilbert_gpu.smem<64x32xf16>, %b: !hilbert_gpu.smem<16x32xf16>,
    %c: tensor<64x32xf32, #acc>) {
  // expected-error@+1 {{(C2) sizes must agree, but are [64, 32], [16, 32] and [64, 32]}}
  %0 = hilbert_gpu.dot %a, %b, %c : !hilbert_gpu.smem<64x32xf16>,
    !hilbert_gpu.smem<16x32xf16>, tensor<64x32xf32, #acc>
  return
}

// -----

#acc = #hilbert_gpu.mma<warps = 4>
func.func @dot_c2_transposed(%a: !hilbert_gpu.smem<64x32xf16>, %b: !hilbert_gpu.smem<32x16xf16>,
    %c: tensor<64x16xf32, #acc>) {
  // expected-error@+1 {{(C2) sizes must agree, but are [64, 32], [32, 16] transposed and [64, 16]}}
  %0 = hilbert_gpu.dot %a, %b, %c {transpose_b} : !hilbert_gpu.smem<64x32xf16>,
    !hilbert_gpu.smem<32x16xf16>, tensor<64x16xf32, #acc>
  return
}

// -----

#acc = #hilbert_gpu.mma<warps = 4>
func.func @dot_c2_rows(%a: !hilbert_gpu.smem<128x16xf16>, %b: !hilbert_gpu.smem<16x16xf16>,
    %c: tensor<64x16xf32, #acc>) {
  // expected-error@+1 {{(C2) sizes must agree, but are [128, 16], [16, 16] and [64, 16]}}
  %0 = hilbert_gpu.dot %a, %b, %c : !hilbert_gpu.smem<128x16xf16>,
    !hilbert_gpu.smem<16x16xf16>, tensor<64x16xf32, #acc>
  return
}

// -----

#acc = #hilbert_gpu.mma<warps = 4>
func.func @dot_c3_mixed(%a: !hilbert_gpu.smem<64x16xf16>, %b: !hilbert_gpu.smem<16x16xbf16>,
    %c: tensor<64x16xf32, #acc>) {
  // expected-error@+1 {{(C3) a and b must both be f16, bf16 or f32, but are 'f16' and 'bf16'}}
  %0 = hilbert_gpu.dot %a, %b, %c : !hilbert_gpu.smem<64x16xf16>,
    !hilbert_gpu.smem<16x16xbf16>, tensor<64x16xf32, #acc>
  return
}

// -----

#acc = #hilbert_gpu.mma<warps = 4>
#other = #hilbert_gpu.operand<#hilbert_gpu.mma<warps = 2>>
func.func @dot_c4(%a: tensor<64x16xf16, #other>, %b: !hilbert_gpu.smem<16x16xf16>,
    %c: tensor<64x16xf32, #acc>) {
  // expected-error@+1 {{(C4) a must have the operand layout of the accumulator, but is 'tensor<64x16xf16, #hilbert_gpu.operand<<warps = 2>>>'}}
  %0 = hilbert_gpu.dot %a, %b, %c : tensor<64x16xf16, #other>,
    !hilbert_gpu.smem<16x16xf16>, tensor<64x16xf32, #acc>
  return
}

// -----

#acc = #hilbert_gpu.mma<warps = 4>
#operand = #hilbert_gpu.operand<#acc>
func.func @dot_c5_registers(%a: tensor<64x16xf32, #operand>,
    %b: !hilbert_gpu.smem<16x16xf32>, %c: tensor<64x16xf32, #acc>) {
  // expected-error@+1 {{(C5) f32 in shared memory must be multiplied by a transposed b, f32 in registers by b as it is}}
  %0 = hilbert_gpu.dot %a, %b, %c {transpose_b} : tensor<64x16xf32, #operand>,
    !hilbert_gpu.smem<16x16xf32>, tensor<64x16xf32, #acc>
  return
}

// -----

#acc = #hilbert_gpu.mma<warps = 4>
func.func @dot_c5_shared(%a: !hilbert_gpu.smem<64x16xf32>,
    %b: !hilbert_gpu.smem<16x16xf32>, %c: tensor<64x16xf32, #acc>) {
  // expected-error@+1 {{(C5) f32 in shared memory must be multiplied by a transposed b, f32 in registers by b as it is}}
  %0 = hilbert_gpu.dot %a, %b, %c : !hilbert_gpu.smem<64x16xf32>,
    !hilbert_gpu.smem<16x16xf32>, tensor<64x16xf32, #acc>
  return
}

// -----

//===----------------------------------------------------------------------===//
// Registers
//===----------------------------------------------------------------------===//

#acc = #hilbert_gpu.mma<warps = 4>
func.func @reduce_c1_element(%s: tensor<64x16xi32, #acc>) {
  // expected-error@+1 {{(C1) source must be an f32 matrix, but is 'tensor<64x16xi32, #hilbert_gpu.mma<warps = 4>>'}}
  %0 = hilbert_gpu.reduce max %s : tensor<64x16xi32, #acc>
  return
}

// -----

#rows = #hilbert_gpu.slice<1, #hilbert_gpu.mma<warps = 4>>
func.func @reduce_c1_vector(%s: tensor<64xf32, #rows>) {
  // expected-error@+1 {{(C1) source must be an f32 matrix, but is 'tensor<64xf32, #hilbert_gpu.slice<1, <warps = 4>>>'}}
  %0 = hilbert_gpu.reduce sum %s : tensor<64xf32, #rows>
  return
}

// -----

#acc = #hilbert_gpu.mma<warps = 4>
#columns = #hilbert_gpu.slice<0, #acc>
func.func @broadcast_c1_size(%s: tensor<64xf32, #columns>) {
  // expected-error@+1 {{(C1) source must be a slice of the result, but they are 'tensor<64xf32, #hilbert_gpu.slice<0, <warps = 4>>>' and 'tensor<64x32xf32, #hilbert_gpu.mma<warps = 4>>'}}
  %0 = hilbert_gpu.broadcast %s : tensor<64xf32, #columns> -> tensor<64x32xf32, #acc>
  return
}

// -----

#acc = #hilbert_gpu.mma<warps = 4>
#rows = #hilbert_gpu.slice<1, #hilbert_gpu.mma<warps = 2>>
func.func @broadcast_c1_parent(%s: tensor<64xf32, #rows>) {
  // expected-error@+1 {{(C1) source must be a slice of the result, but they are}}
  %0 = hilbert_gpu.broadcast %s : tensor<64xf32, #rows> -> tensor<64x32xf32, #acc>
  return
}

// -----

#acc = #hilbert_gpu.mma<warps = 4>
#rows = #hilbert_gpu.slice<1, #acc>
func.func @broadcast_c1_element(%s: tensor<64xf32, #rows>) {
  // expected-error@+1 {{(C1) source must be a slice of the result, but they are}}
  %0 = hilbert_gpu.broadcast %s : tensor<64xf32, #rows> -> tensor<64x32xi32, #acc>
  return
}

// -----

#rows = #hilbert_gpu.slice<1, #hilbert_gpu.mma<warps = 4>>
func.func @indices_c1_element() {
  // expected-error@+1 {{(C1) result must be a slice of i32, but is 'tensor<64xf32, #hilbert_gpu.slice<1, <warps = 4>>>'}}
  %0 = hilbert_gpu.indices : tensor<64xf32, #rows>
  return
}

// -----

#acc = #hilbert_gpu.mma<warps = 4>
func.func @indices_c1_layout() {
  // expected-error@+1 {{(C1) result must be a slice of i32, but is 'tensor<64x8xi32, #hilbert_gpu.mma<warps = 4>>'}}
  %0 = hilbert_gpu.indices : tensor<64x8xi32, #acc>
  return
}

// -----

#acc = #hilbert_gpu.mma<warps = 4>
#operand = #hilbert_gpu.operand<#acc>
func.func @to_operand_c1_source(%s: tensor<64x16xf16, #acc>) {
  // expected-error@+1 {{(C1) result must be the operand of the f32 source, but they are 'tensor<64x16xf16, #hilbert_gpu.mma<warps = 4>>' and 'tensor<64x16xf16, #hilbert_gpu.operand<<warps = 4>>>'}}
  %0 = hilbert_gpu.to_operand %s : tensor<64x16xf16, #acc> -> tensor<64x16xf16, #operand>
  return
}

// -----

#acc = #hilbert_gpu.mma<warps = 4>
#operand = #hilbert_gpu.operand<#acc>
func.func @to_operand_c1_shape(%s: tensor<64x16xf32, #acc>) {
  // expected-error@+1 {{(C1) result must be the operand of the f32 source, but they are}}
  %0 = hilbert_gpu.to_operand %s : tensor<64x16xf32, #acc> -> tensor<64x32xf16, #operand>
  return
}

// -----

#acc = #hilbert_gpu.mma<warps = 4>
#operand = #hilbert_gpu.operand<#acc>
func.func @to_operand_c1_element(%s: tensor<64x16xf32, #acc>) {
  // expected-error@+1 {{(C1) result must be the operand of the f32 source, but they are}}
  %0 = hilbert_gpu.to_operand %s : tensor<64x16xf32, #acc> -> tensor<64x16xi32, #operand>
  return
}

// -----

#acc = #hilbert_gpu.mma<warps = 4>
func.func @local_load_c1(%x: !hilbert_gpu.smem<64x16xf32>) {
  // expected-error@+1 {{(C1) registers and shared memory must hold the same operand or slice, but are 'tensor<64x16xf32, #hilbert_gpu.mma<warps = 4>>' and '!hilbert_gpu.smem<64x16xf32>'}}
  %0 = hilbert_gpu.local_load %x : !hilbert_gpu.smem<64x16xf32> -> tensor<64x16xf32, #acc>
  return
}

// -----

#rows = #hilbert_gpu.slice<1, #hilbert_gpu.mma<warps = 4>>
func.func @local_load_c1_size(%x: !hilbert_gpu.smem<128xf32>) {
  // expected-error@+1 {{(C1) registers and shared memory must hold the same operand or slice, but are 'tensor<64xf32, #hilbert_gpu.slice<1, <warps = 4>>>' and '!hilbert_gpu.smem<128xf32>'}}
  %0 = hilbert_gpu.local_load %x : !hilbert_gpu.smem<128xf32> -> tensor<64xf32, #rows>
  return
}

// -----

//===----------------------------------------------------------------------===//
// What is not finite
//===----------------------------------------------------------------------===//

func.func @bounds_c1_size() {
  // expected-error@+1 {{(C1) bounds must be three i32 for each of 10 columns, but are '!hilbert_gpu.smem<32xi32>'}}
  %0 = hilbert_gpu.bounds : !hilbert_gpu.smem<32xi32>
  return
}

// -----

func.func @bounds_c1_element() {
  // expected-error@+1 {{(C1) bounds must be three i32 for each of 16 columns, but are '!hilbert_gpu.smem<48xf32>'}}
  %0 = hilbert_gpu.bounds : !hilbert_gpu.smem<48xf32>
  return
}

// -----

func.func @bounds_c1_matrix() {
  // expected-error@+1 {{(C1) bounds must be three i32 for each of 16 columns, but are '!hilbert_gpu.smem<48x16xf16>'}}
  %0 = hilbert_gpu.bounds : !hilbert_gpu.smem<48x16xf16>
  return
}

// -----

func.func @take_non_finite_c1_vector(%v: !hilbert_gpu.smem<64xf32>, %ranks: !hilbert_gpu.rows<64, run>,
    %bounds: !hilbert_gpu.smem<48xi32>, %cut: i1) {
  // expected-error@+1 {{(C1) tile must be a matrix, but is '!hilbert_gpu.smem<64xf32>'}}
  %0 = hilbert_gpu.take_non_finite %v, %ranks, %bounds if %cut : !hilbert_gpu.smem<64xf32>,
    !hilbert_gpu.rows<64, run>, !hilbert_gpu.smem<48xi32>
  return
}

// -----

func.func @take_non_finite_c2(%v: !hilbert_gpu.smem<64x16xf16>, %ranks: !hilbert_gpu.rows<32, run>,
    %bounds: !hilbert_gpu.smem<48xi32>, %cut: i1) {
  // expected-error@+1 {{(C2) ranks must have 64 rows, but have 32}}
  %0 = hilbert_gpu.take_non_finite %v, %ranks, %bounds if %cut : !hilbert_gpu.smem<64x16xf16>,
    !hilbert_gpu.rows<32, run>, !hilbert_gpu.smem<48xi32>
  return
}

// -----

func.func @take_non_finite_c3_size(%v: !hilbert_gpu.smem<64x16xf16>, %ranks: !hilbert_gpu.rows<64, run>,
    %bounds: !hilbert_gpu.smem<32xi32>, %cut: i1) {
  // expected-error@+1 {{(C3) bounds must be three i32 for each of 16 columns, but are '!hilbert_gpu.smem<32xi32>'}}
  %0 = hilbert_gpu.take_non_finite %v, %ranks, %bounds if %cut : !hilbert_gpu.smem<64x16xf16>,
    !hilbert_gpu.rows<64, run>, !hilbert_gpu.smem<32xi32>
  return
}

// -----

func.func @take_non_finite_c3_element(%v: !hilbert_gpu.smem<64x16xf16>, %ranks: !hilbert_gpu.rows<64, run>,
    %bounds: !hilbert_gpu.smem<48xf32>, %cut: i1) {
  // expected-error@+1 {{(C3) bounds must be three i32 for each of 16 columns, but are '!hilbert_gpu.smem<48xf32>'}}
  %0 = hilbert_gpu.take_non_finite %v, %ranks, %bounds if %cut : !hilbert_gpu.smem<64x16xf16>,
    !hilbert_gpu.rows<64, run>, !hilbert_gpu.smem<48xf32>
  return
}

// -----

func.func @take_non_finite_c3_matrix(%v: !hilbert_gpu.smem<64x16xf16>, %ranks: !hilbert_gpu.rows<64, run>,
    %bounds: !hilbert_gpu.smem<8x16xf16>, %cut: i1) {
  // expected-error@+1 {{(C3) bounds must be three i32 for each of 16 columns, but are '!hilbert_gpu.smem<8x16xf16>'}}
  %0 = hilbert_gpu.take_non_finite %v, %ranks, %bounds if %cut : !hilbert_gpu.smem<64x16xf16>,
    !hilbert_gpu.rows<64, run>, !hilbert_gpu.smem<8x16xf16>
  return
}

// -----

#acc = #hilbert_gpu.mma<warps = 4>
#rows = #hilbert_gpu.slice<1, #acc>
func.func @poison_c1_element(%o: tensor<64x16xf16, #acc>, %bounds: !hilbert_gpu.smem<48xi32>, %rank: tensor<64xi32, #rows>) {
  // expected-error@+1 {{(C1) ranks must be the i32 slice of rows of an f32 accumulator, but they are 'tensor<64xi32, #hilbert_gpu.slice<1, <warps = 4>>>' and 'tensor<64x16xf16, #hilbert_gpu.mma<warps = 4>>'}}
  %0 = hilbert_gpu.poison %o, %bounds, %rank : tensor<64x16xf16, #acc>, !hilbert_gpu.smem<48xi32>, tensor<64xi32, #rows>
  return
}

// -----

#acc = #hilbert_gpu.mma<warps = 4>
#rows = #hilbert_gpu.slice<1, #acc>
#operand = #hilbert_gpu.operand<#acc>
func.func @poison_c1_layout(%o: tensor<64x16xf32, #operand>, %bounds: !hilbert_gpu.smem<48xi32>, %rank: tensor<64xi32, #rows>) {
  // expected-error@+1 {{(C1) ranks must be the i32 slice of rows of an f32 accumulator, but they are 'tensor<64xi32, #hilbert_gpu.slice<1, <warps = 4>>>' and 'tensor<64x16xf32, #hilbert_gpu.operand<<warps = 4>>>'}}
  %0 = hilbert_gpu.poison %o, %bounds, %rank : tensor<64x16xf32, #operand>, !hilbert_gpu.smem<48xi32>, tensor<64xi32, #rows>
  return
}

// -----

#acc = #hilbert_gpu.mma<warps = 4>
#columns = #hilbert_gpu.slice<0, #acc>
func.func @poison_c1_slice(%o: tensor<64x16xf32, #acc>, %bounds: !hilbert_gpu.smem<48xi32>, %rank: tensor<64xi32, #columns>) {
  // expected-error@+1 {{(C1) ranks must be the i32 slice of rows of an f32 accumulator, but they are 'tensor<64xi32, #hilbert_gpu.slice<0, <warps = 4>>>'}}
  %0 = hilbert_gpu.poison %o, %bounds, %rank : tensor<64x16xf32, #acc>, !hilbert_gpu.smem<48xi32>, tensor<64xi32, #columns>
  return
}

// -----

#acc = #hilbert_gpu.mma<warps = 4>
#rows = #hilbert_gpu.slice<1, #acc>
func.func @poison_c1_ranks(%o: tensor<64x16xf32, #acc>, %bounds: !hilbert_gpu.smem<48xi32>, %rank: tensor<64xf32, #rows>) {
  // expected-error@+1 {{(C1) ranks must be the i32 slice of rows of an f32 accumulator, but they are 'tensor<64xf32, #hilbert_gpu.slice<1, <warps = 4>>>'}}
  %0 = hilbert_gpu.poison %o, %bounds, %rank : tensor<64x16xf32, #acc>, !hilbert_gpu.smem<48xi32>, tensor<64xf32, #rows>
  return
}

// -----

#acc = #hilbert_gpu.mma<warps = 4>
#rows = #hilbert_gpu.slice<1, #acc>
func.func @poison_c1_size(%o: tensor<64x16xf32, #acc>, %bounds: !hilbert_gpu.smem<48xi32>, %rank: tensor<128xi32, #rows>) {
  // expected-error@+1 {{(C1) ranks must be the i32 slice of rows of an f32 accumulator, but they are 'tensor<128xi32, #hilbert_gpu.slice<1, <warps = 4>>>'}}
  %0 = hilbert_gpu.poison %o, %bounds, %rank : tensor<64x16xf32, #acc>, !hilbert_gpu.smem<48xi32>, tensor<128xi32, #rows>
  return
}

// -----

#acc = #hilbert_gpu.mma<warps = 4>
#rows = #hilbert_gpu.slice<1, #hilbert_gpu.mma<warps = 2>>
func.func @poison_c1_parent(%o: tensor<64x16xf32, #acc>, %bounds: !hilbert_gpu.smem<48xi32>, %rank: tensor<64xi32, #rows>) {
  // expected-error@+1 {{(C1) ranks must be the i32 slice of rows of an f32 accumulator, but they are 'tensor<64xi32, #hilbert_gpu.slice<1, <warps = 2>>>'}}
  %0 = hilbert_gpu.poison %o, %bounds, %rank : tensor<64x16xf32, #acc>, !hilbert_gpu.smem<48xi32>, tensor<64xi32, #rows>
  return
}

// -----

#acc = #hilbert_gpu.mma<warps = 4>
#rows = #hilbert_gpu.slice<1, #acc>
func.func @poison_c2_size(%o: tensor<64x16xf32, #acc>, %bounds: !hilbert_gpu.smem<16xi32>, %rank: tensor<64xi32, #rows>) {
  // expected-error@+1 {{(C2) bounds must be three i32 for each of 16 columns, but are '!hilbert_gpu.smem<16xi32>'}}
  %0 = hilbert_gpu.poison %o, %bounds, %rank : tensor<64x16xf32, #acc>, !hilbert_gpu.smem<16xi32>, tensor<64xi32, #rows>
  return
}

// -----

#acc = #hilbert_gpu.mma<warps = 4>
#rows = #hilbert_gpu.slice<1, #acc>
func.func @poison_c2_element(%o: tensor<64x16xf32, #acc>, %bounds: !hilbert_gpu.smem<48xf32>, %rank: tensor<64xi32, #rows>) {
  // expected-error@+1 {{(C2) bounds must be three i32 for each of 16 columns, but are '!hilbert_gpu.smem<48xf32>'}}
  %0 = hilbert_gpu.poison %o, %bounds, %rank : tensor<64x16xf32, #acc>, !hilbert_gpu.smem<48xf32>, tensor<64xi32, #rows>
  return
}

// -----

//===----------------------------------------------------------------------===//
// Level C2
//===----------------------------------------------------------------------===//

func.func @fill_c1_element(%b: !hilbert_gpu.smem<64xf32>) {
  // expected-error@+1 {{(C1) the buffer must be i32 with one dimension, but is '!hilbert_gpu.smem<64xf32>'}}
  hilbert_gpu.fill %b, 0 : !hilbert_gpu.smem<64xf32>
  return
}

// -----

func.func @fill_c1_matrix(%b: !hilbert_gpu.smem<8x16xf16>) {
  // expected-error@+1 {{(C1) the buffer must be i32 with one dimension, but is '!hilbert_gpu.smem<8x16xf16>'}}
  hilbert_gpu.fill %b, 0 : !hilbert_gpu.smem<8x16xf16>
  return
}

// -----

func.func @async_load_c1(%x: !hilbert_gpu.matrix<16xf16>, %rows: !hilbert_gpu.rows<64, run>,
    %t: !hilbert_gpu.smem<32x16xf16>) {
  // expected-error@+1 {{(C1) tile must have 64 rows, but has 32}}
  hilbert_gpu.async_load %x[%rows], %t : !hilbert_gpu.matrix<16xf16>,
    !hilbert_gpu.rows<64, run>, !hilbert_gpu.smem<32x16xf16>
  return
}

// -----

func.func @copy_out_c2(%x: !hilbert_gpu.matrix<16xf16>, %rows: !hilbert_gpu.rows<64, run>,
    %t: !hilbert_gpu.smem<64x16xbf16>) {
  // expected-error@+1 {{(C2) tile must be of 'f16', but is of 'bf16'}}
  hilbert_gpu.copy_out %t, %x[%rows] : !hilbert_gpu.smem<64x16xbf16>,
    !hilbert_gpu.matrix<16xf16>, !hilbert_gpu.rows<64, run>
  return
}

// -----

#operand = #hilbert_gpu.operand<#hilbert_gpu.mma<warps = 4>>
func.func @local_store_c1(%x: tensor<64x16xf16, #operand>, %t: !hilbert_gpu.smem<64x16xbf16>) {
  // expected-error@+1 {{(C1) registers and shared memory must hold the same operand or slice, but are 'tensor<64x16xf16, #hilbert_gpu.operand<<warps = 4>>>' and '!hilbert_gpu.smem<64x16xbf16>'}}
  hilbert_gpu.local_store %x, %t : tensor<64x16xf16, #operand>, !hilbert_gpu.smem<64x16xbf16>
  return
}

// -----

func.func @wait_negative() {
  // expected-error@+1 {{attribute 'pending' failed to satisfy constraint: 32-bit signless integer attribute whose value is non-negative}}
  hilbert_gpu.wait -1
  return
}
