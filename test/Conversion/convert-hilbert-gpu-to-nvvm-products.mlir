// RUN: hilbert-opt %s --convert-hilbert-gpu-to-nvvm --cse | FileCheck %s --implicit-check-not=hilbert_gpu

#acc = #hilbert_gpu.mma<warps = 1>
#operand = #hilbert_gpu.operand<#acc>
!m = !hilbert_gpu.matrix<1xf32>
!r = !hilbert_gpu.rows<16, run>
!v = tensor<16xf32, #hilbert_gpu.slice<1, #acc>>

// CHECK: llvm.mlir.global external @hilbert_shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>

gpu.module @products {
  // 16x16x16: A in one ldmatrix.x4; B [N, K] in another, not transposed; two
  // products of 16x8x16, of the first and the last two registers of B.
  // CHECK-LABEL: gpu.func @transposed(
  // CHECK: %[[SHARED:.*]] = llvm.mlir.addressof @hilbert_shared : !llvm.ptr<3>
  // CHECK: llvm.getelementptr %[[SHARED]][1024]
  // Lanes 8 to 15 address the second half of the depth, 16 to 31 more columns.
  // CHECK: %[[LANE:.*]] = arith.remui
  // CHECK: %[[UPPER:.*]] = arith.divui %[[LANE]], %[[C16:.*]] : i32
  // CHECK: %[[C8:.*]] = llvm.mlir.constant(8 : i32)
  // CHECK: %[[EIGHTH:.*]] = arith.divui %[[LANE]], %[[C8]] : i32
  // CHECK: %[[LOW:.*]] = arith.remui %[[LANE]], %[[C8]] : i32
  // CHECK: %[[MORE:.*]] = arith.muli %[[UPPER]], %[[C8]] : i32
  // CHECK: %[[ROW:.*]] = arith.addi %[[LOW]], %[[MORE]] : i32
  // CHECK: %[[SECOND:.*]] = arith.remui %[[EIGHTH]], %{{.*}} : i32
  // CHECK: arith.xori %[[SECOND]], %{{.*}} : i32
  // CHECK: %[[A:.*]] = nvvm.ldmatrix %{{.*}} {{{.*}}layout = #nvvm.mma_layout<row>, num = 4 : i32
  // CHECK: %[[A0:.*]] = llvm.extractvalue %[[A]][0]
  // CHECK: %[[A1:.*]] = llvm.extractvalue %[[A]][1]
  // CHECK: %[[A2:.*]] = llvm.extractvalue %[[A]][2]
  // CHECK: %[[A3:.*]] = llvm.extractvalue %[[A]][3]
  // CHECK: %[[B:.*]] = nvvm.ldmatrix %{{.*}} {{{.*}}layout = #nvvm.mma_layout<row>, num = 4 : i32
  // CHECK: %[[B0:.*]] = llvm.extractvalue %[[B]][0]
  // CHECK: %[[B1:.*]] = llvm.extractvalue %[[B]][1]
  // CHECK: %[[B2:.*]] = llvm.extractvalue %[[B]][2]
  // CHECK: %[[B3:.*]] = llvm.extractvalue %[[B]][3]
  // CHECK-NOT: nvvm.ldmatrix
  // CHECK: nvvm.mma.sync A[%[[A0]], %[[A1]], %[[A2]], %[[A3]]]  B[%[[B0]], %[[B1]]]
  // CHECK-SAME: layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, multiplicandAPtxType = #nvvm.mma_type<bf16>, multiplicandBPtxType = #nvvm.mma_type<bf16>, shape = #nvvm.shape<m = 16, n = 8, k = 16>
  // CHECK: nvvm.mma.sync A[%[[A0]], %[[A1]], %[[A2]], %[[A3]]]  B[%[[B2]], %[[B3]]]
  // CHECK-NOT: nvvm.mma.sync
  // CHECK: gpu.return
  gpu.func @transposed(%base: !llvm.ptr<1>, %long: i64, %int: i32) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %x = hilbert_gpu.matrix %base[%long] stride %long : !m
    %r = hilbert_gpu.run_rows %int, %int step 1 : !r
    %c0 = arith.constant 0 : i32
    %ra = hilbert_gpu.alloc {offset = 0 : i32} : !hilbert_gpu.ring<1, !hilbert_gpu.smem<16x16xbf16>>
    %rb = hilbert_gpu.alloc {offset = 1024 : i32} : !hilbert_gpu.ring<1, !hilbert_gpu.smem<16x16xbf16>>
    %a = hilbert_gpu.slot %ra[%c0] : !hilbert_gpu.ring<1, !hilbert_gpu.smem<16x16xbf16>>
    %b = hilbert_gpu.slot %rb[%c0] : !hilbert_gpu.ring<1, !hilbert_gpu.smem<16x16xbf16>>
    %zero = arith.constant dense<0.0> : tensor<16x16xf32, #acc>
    %s = hilbert_gpu.dot %a, %b, %zero {transpose_b} : !hilbert_gpu.smem<16x16xbf16>, !hilbert_gpu.smem<16x16xbf16>, tensor<16x16xf32, #acc>
    %v = hilbert_gpu.reduce max %s : tensor<16x16xf32, #acc>
    hilbert_gpu.store %v, %x[%r] : !v, !m, !r
    gpu.return
  }

  // B [K, N] is transposed on the way, and f16 products take pairs of f16.
  // CHECK-LABEL: gpu.func @plain(
  // CHECK: nvvm.ldmatrix %{{.*}} {{{.*}}layout = #nvvm.mma_layout<row>, num = 4 : i32
  // CHECK: nvvm.ldmatrix %{{.*}} {{{.*}}layout = #nvvm.mma_layout<col>, num = 4 : i32
  // CHECK-COUNT-4: llvm.bitcast %{{.*}} : i32 to vector<2xf16>
  // CHECK: nvvm.mma.sync
  // CHECK-SAME: (vector<2xf16>, vector<2xf16>, f32)
  gpu.func @plain(%base: !llvm.ptr<1>, %long: i64, %int: i32) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %x = hilbert_gpu.matrix %base[%long] stride %long : !m
    %r = hilbert_gpu.run_rows %int, %int step 1 : !r
    %c0 = arith.constant 0 : i32
    %ra = hilbert_gpu.alloc {offset = 0 : i32} : !hilbert_gpu.ring<1, !hilbert_gpu.smem<16x16xf16>>
    %a = hilbert_gpu.slot %ra[%c0] : !hilbert_gpu.ring<1, !hilbert_gpu.smem<16x16xf16>>
    %zero = arith.constant dense<0.0> : tensor<16x16xf32, #acc>
    %s = hilbert_gpu.dot %a, %a, %zero : !hilbert_gpu.smem<16x16xf16>, !hilbert_gpu.smem<16x16xf16>, tensor<16x16xf32, #acc>
    %v = hilbert_gpu.reduce max %s : tensor<16x16xf32, #acc>
    hilbert_gpu.store %v, %x[%r] : !v, !m, !r
    gpu.return
  }

  // A in registers needs no load: probabilities are rounded in pairs and are the
  // operand at once. Depth 32, 16 columns: 2 loads of B, 4 products.
  // CHECK-LABEL: gpu.func @in_registers(
  // CHECK: %[[S:.*]] = nvvm.mma.sync
  // CHECK: %[[S0:.*]] = llvm.extractvalue %[[S]][0]
  // CHECK: %[[S1:.*]] = llvm.extractvalue %[[S]][1]
  // CHECK: %[[HALF:.*]] = llvm.insertelement %[[S0]], %{{.*}}[%[[I0:.*]] : i32]
  // CHECK: %[[PAIR:.*]] = llvm.insertelement %[[S1]], %[[HALF]][%[[I1:.*]] : i32]
  // CHECK: llvm.fptrunc %[[PAIR]] : vector<2xf32> to vector<2xbf16>
  // CHECK-COUNT-7: llvm.fptrunc %{{.*}} : vector<2xf32> to vector<2xbf16>
  // CHECK-NOT: {{llvm.fptrunc|nvvm.mma.sync}}
  // CHECK: nvvm.ldmatrix
  // CHECK-COUNT-2: nvvm.mma.sync
  // CHECK: nvvm.ldmatrix
  // CHECK-COUNT-2: nvvm.mma.sync
  // CHECK-NOT: {{nvvm.ldmatrix|nvvm.mma.sync}}
  // CHECK: gpu.return
  gpu.func @in_registers(%base: !llvm.ptr<1>, %long: i64, %int: i32) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %x = hilbert_gpu.matrix %base[%long] stride %long : !m
    %r = hilbert_gpu.run_rows %int, %int step 1 : !r
    %c0 = arith.constant 0 : i32
    %ra = hilbert_gpu.alloc {offset = 2048 : i32} : !hilbert_gpu.ring<1, !hilbert_gpu.smem<16x16xbf16>>
    %rb = hilbert_gpu.alloc {offset = 0 : i32} : !hilbert_gpu.ring<1, !hilbert_gpu.smem<32x16xbf16>>
    %a = hilbert_gpu.slot %ra[%c0] : !hilbert_gpu.ring<1, !hilbert_gpu.smem<16x16xbf16>>
    %b = hilbert_gpu.slot %rb[%c0] : !hilbert_gpu.ring<1, !hilbert_gpu.smem<32x16xbf16>>
    %none = arith.constant dense<0.0> : tensor<16x32xf32, #acc>
    %w = hilbert_gpu.dot %a, %b, %none {transpose_b} : !hilbert_gpu.smem<16x16xbf16>, !hilbert_gpu.smem<32x16xbf16>, tensor<16x32xf32, #acc>
    %p = hilbert_gpu.to_operand %w : tensor<16x32xf32, #acc> -> tensor<16x32xbf16, #operand>
    %zero = arith.constant dense<0.0> : tensor<16x16xf32, #acc>
    %s = hilbert_gpu.dot %p, %b, %zero : tensor<16x32xbf16, #operand>, !hilbert_gpu.smem<32x16xbf16>, tensor<16x16xf32, #acc>
    %v = hilbert_gpu.reduce max %s : tensor<16x16xf32, #acc>
    hilbert_gpu.store %v, %x[%r] : !v, !m, !r
    gpu.return
  }

  // Two blocks of 16 rows for each warp: a fragment of B serves both.
  // CHECK-LABEL: gpu.func @two_blocks(
  // CHECK-COUNT-3: nvvm.ldmatrix
  // CHECK-COUNT-4: nvvm.mma.sync
  // CHECK-NOT: {{nvvm.ldmatrix|nvvm.mma.sync}}
  // CHECK: gpu.return
  gpu.func @two_blocks(%base: !llvm.ptr<1>, %long: i64, %int: i32) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %x = hilbert_gpu.matrix %base[%long] stride %long : !m
    %r = hilbert_gpu.run_rows %int, %int step 1 : !hilbert_gpu.rows<32, run>
    %c0 = arith.constant 0 : i32
    %ra = hilbert_gpu.alloc {offset = 0 : i32} : !hilbert_gpu.ring<1, !hilbert_gpu.smem<32x16xbf16>>
    %rb = hilbert_gpu.alloc {offset = 1024 : i32} : !hilbert_gpu.ring<1, !hilbert_gpu.smem<16x16xbf16>>
    %a = hilbert_gpu.slot %ra[%c0] : !hilbert_gpu.ring<1, !hilbert_gpu.smem<32x16xbf16>>
    %b = hilbert_gpu.slot %rb[%c0] : !hilbert_gpu.ring<1, !hilbert_gpu.smem<16x16xbf16>>
    %zero = arith.constant dense<0.0> : tensor<32x16xf32, #acc>
    %s = hilbert_gpu.dot %a, %b, %zero {transpose_b} : !hilbert_gpu.smem<32x16xbf16>, !hilbert_gpu.smem<16x16xbf16>, tensor<32x16xf32, #acc>
    %v = hilbert_gpu.reduce max %s : tensor<32x16xf32, #acc>
    hilbert_gpu.store %v, %x[%r] : tensor<32xf32, #hilbert_gpu.slice<1, #acc>>, !m, !hilbert_gpu.rows<32, run>
    gpu.return
  }

  // A row of 64 columns is a panel of 128 bytes: chunk c of row r at c xor r mod
  // 8. Of a lane's address only bits 5 and 6 depend on the pair of chunks.
  // CHECK-LABEL: gpu.func @swizzle(
  // CHECK: %[[C32:.*]] = llvm.mlir.constant(32 : i32)
  // CHECK: %[[LANE:.*]] = arith.remui %{{.*}}, %[[C32]] : i32
  // CHECK: %[[C8:.*]] = llvm.mlir.constant(8 : i32)
  // CHECK: %[[EIGHTH:.*]] = arith.divui %[[LANE]], %[[C8]] : i32
  // CHECK: %[[SECOND:.*]] = arith.remui %[[EIGHTH]], %{{.*}} : i32
  // CHECK: %[[C16:.*]] = llvm.mlir.constant(16 : i32)
  // CHECK: %[[LOW:.*]] = arith.remui %[[LANE]], %[[C8]] : i32
  // CHECK: %[[MORE:.*]] = arith.muli %[[SECOND]], %[[C8]] : i32
  // CHECK: %[[ROW:.*]] = arith.addi %[[LOW]], %[[MORE]] : i32
  // CHECK: %[[CHUNK:.*]] = arith.divui %[[LANE]], %[[C16]] : i32
  // CHECK: %[[XOR:.*]] = arith.remui %[[ROW]], %[[C8]] : i32
  // CHECK: %[[C128:.*]] = llvm.mlir.constant(128 : i32)
  // CHECK: %[[LINE:.*]] = arith.muli %[[ROW]], %[[C128]] : i32
  // CHECK: %[[AT:.*]] = arith.xori %[[CHUNK]], %[[XOR]] : i32
  // CHECK: %[[BYTES:.*]] = arith.muli %[[AT]], %[[C16]] : i32
  // CHECK: %[[FIRST:.*]] = arith.addi %[[LINE]], %[[BYTES]] : i32
  // CHECK: %[[P0:.*]] = llvm.getelementptr %[[BASE:.*]][%[[FIRST]]]
  // CHECK: nvvm.ldmatrix %[[P0]]
  // CHECK: %[[SECOND:.*]] = arith.xori %[[FIRST]], %[[C32]] : i32
  // CHECK: %[[P1:.*]] = llvm.getelementptr %[[BASE]][%[[SECOND]]]
  // CHECK: nvvm.ldmatrix %[[P1]]
  // CHECK: %[[C64:.*]] = llvm.mlir.constant(64 : i32)
  // CHECK: %[[THIRD:.*]] = arith.xori %[[FIRST]], %[[C64]] : i32
  // CHECK: %[[C96:.*]] = llvm.mlir.constant(96 : i32)
  // CHECK: %[[FOURTH:.*]] = arith.xori %[[FIRST]], %[[C96]] : i32
  gpu.func @swizzle(%base: !llvm.ptr<1>, %long: i64, %int: i32) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %x = hilbert_gpu.matrix %base[%long] stride %long : !m
    %r = hilbert_gpu.run_rows %int, %int step 1 : !r
    %c0 = arith.constant 0 : i32
    %rb = hilbert_gpu.alloc {offset = 0 : i32} : !hilbert_gpu.ring<1, !hilbert_gpu.smem<16x64xbf16>>
    %b = hilbert_gpu.slot %rb[%c0] : !hilbert_gpu.ring<1, !hilbert_gpu.smem<16x64xbf16>>
    %f = arith.constant 1.0 : f32
    %w = tensor.splat %f : tensor<16x16xf32, #acc>
    %p = hilbert_gpu.to_operand %w : tensor<16x16xf32, #acc> -> tensor<16x16xbf16, #operand>
    %zero = arith.constant dense<0.0> : tensor<16x64xf32, #acc>
    %s = hilbert_gpu.dot %p, %b, %zero : tensor<16x16xbf16, #operand>, !hilbert_gpu.smem<16x64xbf16>, tensor<16x64xf32, #acc>
    %v = hilbert_gpu.reduce max %s : tensor<16x64xf32, #acc>
    hilbert_gpu.store %v, %x[%r] : !v, !m, !r
    gpu.return
  }

  // f32 in tf32: 8 of the depth in a product, operands rounded before it. B [N, K]
  // as 16-bit elements have it.
  // CHECK-LABEL: gpu.func @tf32_transposed(
  // CHECK-COUNT-2: nvvm.ldmatrix %{{.*}} {{{.*}}layout = #nvvm.mma_layout<row>, num = 4 : i32
  // CHECK-NOT: nvvm.ldmatrix
  // CHECK-COUNT-6: nvvm.convert.float.to.tf32
  // CHECK: nvvm.mma.sync
  // CHECK-SAME: multiplicandAPtxType = #nvvm.mma_type<tf32>, multiplicandBPtxType = #nvvm.mma_type<tf32>, shape = #nvvm.shape<m = 16, n = 8, k = 8>
  // CHECK: nvvm.mma.sync
  // CHECK-COUNT-2: nvvm.ldmatrix
  // CHECK-COUNT-2: nvvm.mma.sync
  // CHECK-NOT: {{nvvm.ldmatrix|nvvm.mma.sync}}
  // CHECK: gpu.return
  gpu.func @tf32_transposed(%base: !llvm.ptr<1>, %long: i64, %int: i32) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %x = hilbert_gpu.matrix %base[%long] stride %long : !m
    %r = hilbert_gpu.run_rows %int, %int step 1 : !r
    %c0 = arith.constant 0 : i32
    %ra = hilbert_gpu.alloc {offset = 0 : i32} : !hilbert_gpu.ring<1, !hilbert_gpu.smem<16x16xf32>>
    %a = hilbert_gpu.slot %ra[%c0] : !hilbert_gpu.ring<1, !hilbert_gpu.smem<16x16xf32>>
    %zero = arith.constant dense<0.0> : tensor<16x16xf32, #acc>
    %s = hilbert_gpu.dot %a, %a, %zero {transpose_b} : !hilbert_gpu.smem<16x16xf32>, !hilbert_gpu.smem<16x16xf32>, tensor<16x16xf32, #acc>
    %v = hilbert_gpu.reduce max %s : tensor<16x16xf32, #acc>
    hilbert_gpu.store %v, %x[%r] : !v, !m, !r
    gpu.return
  }

  // B [K, N]: each lane loads its own elements, four for 16 columns.
  // CHECK-LABEL: gpu.func @tf32_plain(
  // CHECK-NOT: nvvm.ldmatrix
  // CHECK-COUNT-4: llvm.load %{{.*}} : !llvm.ptr<3> -> f32
  // CHECK-NOT: llvm.load
  // CHECK: nvvm.convert.float.to.tf32
  // CHECK: nvvm.mma.sync
  // CHECK-SAME: multiplicandAPtxType = #nvvm.mma_type<tf32>, multiplicandBPtxType = #nvvm.mma_type<tf32>, shape = #nvvm.shape<m = 16, n = 8, k = 8>
  // CHECK: gpu.return
  gpu.func @tf32_plain(%base: !llvm.ptr<1>, %long: i64, %int: i32) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %x = hilbert_gpu.matrix %base[%long] stride %long : !m
    %r = hilbert_gpu.run_rows %int, %int step 1 : !r
    %c0 = arith.constant 0 : i32
    %ra = hilbert_gpu.alloc {offset = 0 : i32} : !hilbert_gpu.ring<1, !hilbert_gpu.smem<16x16xf32>>
    %a = hilbert_gpu.slot %ra[%c0] : !hilbert_gpu.ring<1, !hilbert_gpu.smem<16x16xf32>>
    %zero = arith.constant dense<0.0> : tensor<16x16xf32, #acc>
    %f = arith.constant 1.0 : f32
    %w = tensor.splat %f : tensor<16x16xf32, #acc>
    %p = hilbert_gpu.to_operand %w : tensor<16x16xf32, #acc> -> tensor<16x16xf32, #operand>
    %s = hilbert_gpu.dot %p, %a, %zero : tensor<16x16xf32, #operand>, !hilbert_gpu.smem<16x16xf32>, tensor<16x16xf32, #acc>
    %v = hilbert_gpu.reduce max %s : tensor<16x16xf32, #acc>
    hilbert_gpu.store %v, %x[%r] : !v, !m, !r
    gpu.return
  }
}
