// RUN: hilbert-opt %s -split-input-file -verify-diagnostics

//===----------------------------------------------------------------------===//
// MmaAttr, SliceAttr
//===----------------------------------------------------------------------===//

// expected-error@+1 {{(C1) warps must be positive, but got 0}}
func.func private @mma_c1() attributes {a = #hilbert_gpu.mma<warps = 0>}

// -----

// expected-error@+1 {{(C1) dim must be 0 or 1, but got 2}}
func.func private @slice_c1() attributes {a = #hilbert_gpu.slice<2, #hilbert_gpu.mma<warps = 4>>}

// -----

// expected-error@+1 {{(C1) dim must be 0 or 1, but got -1}}
func.func private @slice_c1_negative() attributes {a = #hilbert_gpu.slice<-1, #hilbert_gpu.mma<warps = 4>>}

// -----

//===----------------------------------------------------------------------===//
// AccessAttr
//===----------------------------------------------------------------------===//

// expected-error@+2 {{to be one of: run, table, box}}
// expected-error@+1 {{failed to parse HilbertGPU_AccessAttr parameter 'value'}}
func.func private @access() attributes {a = #hilbert_gpu.access<rows>}

// -----

//===----------------------------------------------------------------------===//
// ScheduleAttr
//===----------------------------------------------------------------------===//

// expected-error@+1 {{(C1) m must be a positive multiple of 16 for each of 4 warps, but is 96}}
func.func private @schedule_c1() attributes {a = #hilbert_gpu.schedule<m = 96, n = 64, warps = 4, stages = 2, ctas = 1>}

// -----

// expected-error@+1 {{(C1) m must be a positive multiple of 16 for each of 4 warps, but is 0}}
func.func private @schedule_c1_zero() attributes {a = #hilbert_gpu.schedule<m = 0, n = 64, warps = 4, stages = 2, ctas = 1>}

// -----

// expected-error@+1 {{(C2) n must be a positive multiple of 16, but is 40}}
func.func private @schedule_c2() attributes {a = #hilbert_gpu.schedule<m = 64, n = 40, warps = 4, stages = 2, ctas = 1>}

// -----

// expected-error@+1 {{(C2) n must be a positive multiple of 16, but is 0}}
func.func private @schedule_c2_zero() attributes {a = #hilbert_gpu.schedule<m = 64, n = 0, warps = 4, stages = 2, ctas = 1>}

// -----

// expected-error@+1 {{(C3) warps must be from 1 to 16, but is 17}}
func.func private @schedule_c3_warps() attributes {a = #hilbert_gpu.schedule<m = 272, n = 64, warps = 17, stages = 2, ctas = 1>}

// -----

// Before m mod (16 · warps) is asked for.
// expected-error@+1 {{(C3) warps must be from 1 to 16, but is 0}}
func.func private @schedule_c3_no_warps() attributes {a = #hilbert_gpu.schedule<m = 64, n = 64, warps = 0, stages = 2, ctas = 1>}

// -----

// expected-error@+1 {{(C3) stages must be from 1 to 8, but is 9}}
func.func private @schedule_c3_stages() attributes {a = #hilbert_gpu.schedule<m = 64, n = 64, warps = 4, stages = 9, ctas = 1>}

// -----

// expected-error@+1 {{(C3) ctas must be from 1 to 8, but is 0}}
func.func private @schedule_c3_ctas() attributes {a = #hilbert_gpu.schedule<m = 64, n = 64, warps = 4, stages = 2, ctas = 0>}

// -----

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

// expected-error@+1 {{a vector in shared memory must be of f32 or i32 and not empty, but got 64 of 'f16'}}
func.func private @smem_vector(!hilbert_gpu.smem<64xf16>)

// -----

// expected-error@+1 {{a vector in shared memory must be of f32 or i32 and not empty, but got 64 of 'i64'}}
func.func private @smem_vector_wide(!hilbert_gpu.smem<64xi64>)

// -----

// expected-error@+1 {{a vector in shared memory must be of f32 or i32 and not empty, but got 0 of 'f32'}}
func.func private @smem_vector_empty(!hilbert_gpu.smem<0xf32>)

// -----

// expected-error@+1 {{a vector in shared memory must be of f32 or i32 and not empty, but got 0 of 'i32'}}
func.func private @smem_vector_empty_i32(!hilbert_gpu.smem<0xi32>)

// -----

// expected-error@+1 {{a tile in shared memory must be of f16, bf16 or f32, but got 'i32'}}
func.func private @smem_element(!hilbert_gpu.smem<64x16xi32>)

// -----

// expected-error@+1 {{a tile in shared memory must have a multiple of 8 rows and of 16 columns, but got [64, 24]}}
func.func private @smem_columns(!hilbert_gpu.smem<64x24xf16>)

// -----

// expected-error@+1 {{a tile in shared memory must have a multiple of 8 rows and of 16 columns, but got [12, 16]}}
func.func private @smem_rows(!hilbert_gpu.smem<12x16xf16>)

// -----

// expected-error@+1 {{a tile in shared memory must have a multiple of 8 rows and of 16 columns, but got [0, 16]}}
func.func private @smem_empty(!hilbert_gpu.smem<0x16xf16>)

// -----

// expected-error@+1 {{a tile in shared memory must have a multiple of 8 rows and of 16 columns, but got [2, 8, 16]}}
func.func private @smem_rank(!hilbert_gpu.smem<2x8x16xf16>)

// -----

// expected-error@+1 {{expected one dimension}}
func.func private @matrix_rank(!hilbert_gpu.matrix<2x8xf16>)

// -----

// expected-error@+2 {{to be one of: run, table, box}}
// expected-error@+1 {{failed to parse HilbertGPU_RowsType parameter 'access'}}
func.func private @rows_access(!hilbert_gpu.rows<64, list>)
