// RUN: hilbert-opt %s -split-input-file | hilbert-opt -split-input-file | FileCheck %s
// RUN: hilbert-opt %s -split-input-file | FileCheck %s

// Orders get aliases of their curve, grid and tile.
// CHECK: #hilbert_16 = #hilbert.order<hilbert, [16]>
// CHECK-DAG: #hilbert_64x64 = #hilbert.order<hilbert, [64, 64]>
// CHECK-DAG: #morton_96x96_tile_16x32 = #hilbert.order<morton, [96, 96], tile = [16, 32]>
// CHECK-DAG: #snake_30x45x80 = #hilbert.order<snake, [30, 45, 80]>
// CHECK-DAG: #raster_2147483647 = #hilbert.order<raster, [2147483647]>
// CHECK-LABEL: func private @aliases
// CHECK-SAME: a = #hilbert_64x64
// CHECK-SAME: b = #morton_96x96_tile_16x32
// CHECK-SAME: c = #snake_30x45x80
// CHECK-SAME: d = #hilbert_16
// CHECK-SAME: e = #raster_2147483647
func.func private @aliases() attributes {
  a = #hilbert.order<hilbert, [64, 64]>,
  b = #hilbert.order<morton, [96, 96], tile = [16, 32]>,
  c = #hilbert.order<snake, [30, 45, 80]>,
  d = #hilbert.order<hilbert, [16]>,
  e = #hilbert.order<raster, [2147483647]>
}

// -----

// A bare length is the most nearly square grid of that many cells.
// CHECK: #hilbert_64x64 = #hilbert.order<hilbert, [64, 64]>
// CHECK-LABEL: func private @bare_length_grid
// CHECK-SAME: a = #hilbert_64x64, b = #hilbert_64x64, c = #hilbert_64x64
func.func private @bare_length_grid() attributes {
  a = #hilbert.order<hilbert, 4096>, b = #hilbert.order<hilbert, [64, 64]>,
  c = #hilbert.order<hilbert, [64, 64], length = 4096>
}

// -----

// Powers of two are preferred.
// CHECK: #hilbert_32x64 = #hilbert.order<hilbert, [32, 64]>
// CHECK-LABEL: func private @bare_length_powers_of_two
func.func private @bare_length_powers_of_two() attributes {
  a = #hilbert.order<hilbert, 2048>
}

// -----

// Without such a grid its last cells are left out.
// CHECK: #hilbert.order<hilbert, [32, 32], length = 1009>
// CHECK-LABEL: func private @bare_length_prime
func.func private @bare_length_prime() attributes {
  a = #hilbert.order<hilbert, 1009>
}

// -----

// CHECK: #hilbert_1x1 = #hilbert.order<hilbert, [1, 1]>
// CHECK-LABEL: func private @bare_length_one
func.func private @bare_length_one() attributes {
  a = #hilbert.order<hilbert, 1>
}

// -----

// A bare length may be tiled where it has a grid.
// CHECK: #hilbert_8x8_tile_2x4 = #hilbert.order<hilbert, [8, 8], tile = [2, 4]>
// CHECK-LABEL: func private @bare_length_tile
func.func private @bare_length_tile() attributes {
  a = #hilbert.order<hilbert, 64, tile = [2, 4]>
}

// -----

// Keys in any order; tiles may be larger than the grid; sizes may be
// hexadecimal.
// CHECK-DAG: #hilbert.order<hilbert, [4, 4], tile = [2147483647, 1]>
// CHECK-DAG: #hilbert.order<morton, [4, 4], length = 13>
// CHECK-DAG: #hilbert.order<snake, [16, 1]>
// CHECK-LABEL: func private @order_forms
func.func private @order_forms() attributes {
  a = #hilbert.order<hilbert, [4, 4], length = 16, tile = [2147483647, 1]>,
  b = #hilbert.order<morton, [4, 4], length = 13>,
  c = #hilbert.order<snake, [0x10, 1]>
}

// -----

// CHECK-LABEL: func private @branches
// CHECK-SAME: a = #hilbert.branch<segment = 256>
// CHECK-SAME: b = #hilbert.branch<segment = 256>
// CHECK-SAME: c = #hilbert.branch<segment = dense, dilation = 4, offset = [0, 1, 2, 3]>
// CHECK-SAME: d = #hilbert.branch<segment = 256, dilation = 2, mode = both, offset = head>
// CHECK-SAME: e = #hilbert.branch<segment = 10, dilation = 3, mode = residues>
// CHECK-SAME: f = #hilbert.branch<segment = dense>
// CHECK-SAME: g = #hilbert.branch<segment = 1, dilation = 2147483647, offset = longnet>
func.func private @branches() attributes {
  a = #hilbert.branch<segment = 256>,
  b = #hilbert.branch<offset = zero, mode = keys, dilation = 1, segment = 256>,
  c = #hilbert.branch<segment = dense, dilation = 4, offset = [0, 1, 2, 3]>,
  d = #hilbert.branch<segment = 256, dilation = 2, mode = both, offset = head>,
  e = #hilbert.branch<segment = 10, dilation = 3, mode = residues, offset = zero>,
  f = #hilbert.branch<segment = 9223372036854775807>,
  g = #hilbert.branch<segment = 1, dilation = 2147483647, offset = longnet>
}

// -----

// CHECK-LABEL: func private @patterns
// CHECK-SAME: a = #hilbert.pattern<(segment = 256, dilation = 2)>
// CHECK-SAME: b = #hilbert.pattern<(segment = 256) + (segment = 1024, dilation = 4, mode = both)>
// CHECK-SAME: c = #hilbert.pattern<heads 4: (segment = 256) + (segment = 8), heads 2: (segment = dense)>
// CHECK-SAME: d = #hilbert.head_group<4, (segment = 256) + (segment = 1024, dilation = 4)>
func.func private @patterns() attributes {
  a = #hilbert.pattern<(segment = 256, dilation = 2)>,
  b = #hilbert.pattern<(segment = 256) + (segment = 1024, dilation = 4, mode = both)>,
  c = #hilbert.pattern<heads 4: (segment = 256) + (segment = 8), heads 2: (segment = dense)>,
  d = #hilbert.head_group<4, (segment = 256) + (segment = 1024, dilation = 4)>
}

// -----

// CHECK-LABEL: func private @enums_and_schedule
// CHECK-SAME: a = #hilbert.causality<none>
// CHECK-SAME: b = #hilbert.causality<token>
// CHECK-SAME: c = #hilbert.causality<position>
// CHECK-SAME: d = #hilbert.layout<bnhd>
// CHECK-SAME: e = #hilbert.layout<bhnd>
// CHECK-SAME: f = #hilbert.host_schedule<lanes = 4, columns = 12, rows = 4>
func.func private @enums_and_schedule() attributes {
  a = #hilbert.causality<none>, b = #hilbert.causality<token>,
  c = #hilbert.causality<position>, d = #hilbert.layout<bnhd>,
  e = #hilbert.layout<bhnd>,
  f = #hilbert.host_schedule<rows = 4, lanes = 4, columns = 12>
}
