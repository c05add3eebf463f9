// RUN: split-file %s %t
// RUN: hilbert-opt %t/copies.mlir --convert-hilbert-gpu-to-nvvm --cse | FileCheck %t/copies.mlir --implicit-check-not=hilbert_gpu
// RUN: hilbert-opt %t/registers.mlir --convert-hilbert-gpu-to-nvvm --cse | FileCheck %t/registers.mlir --implicit-check-not=hilbert_gpu
// RUN: hilbert-opt %t/non_finite.mlir --convert-hilbert-gpu-to-nvvm --cse | FileCheck %t/non_finite.mlir --implicit-check-not=hilbert_gpu
// RUN: hilbert-opt %t/errors.mlir --convert-hilbert-gpu-to-nvvm --split-input-file --verify-diagnostics

// Products have a file of their own; layouts and swizzles are tested in
// unittests/GPU.

//--- copies.mlir

#acc = #hilbert_gpu.mma<warps = 1>
!s = !hilbert_gpu.smem<16x32xbf16>
!ring = !hilbert_gpu.ring<2, !s>
!m = !hilbert_gpu.matrix<32xbf16>

gpu.module @copies {
  // 64 chunks of 16 bytes, two for each of 32 threads; rows that do not exist
  // are filled with zeros, and no address goes beyond the last row.
  // CHECK-LABEL: gpu.func @run(
  // CHECK-SAME: %[[P:[^:]*]]: !llvm.ptr<1>, %[[STRIDE:[^:]*]]: i64, %[[FIRST:[^:]*]]: i32, %[[COUNT:[^:]*]]: i32
  // CHECK-DAG: %[[BASE:.*]] = llvm.getelementptr %[[P]][%{{.*}}] : (!llvm.ptr<1>, i64) -> !llvm.ptr<1>, bf16
  // CHECK-DAG: %[[STEP:.*]] = llvm.mlir.constant(3 : i32)
  // CHECK: %[[NARROW:.*]] = llvm.trunc %[[STRIDE]] : i64 to i32
  // CHECK: %[[TID:.*]] = nvvm.read.ptx.sreg.tid.x
  // CHECK: %[[ROW:.*]] = arith.divui %[[TID]], %[[C4:.*]] : i32
  // CHECK: %[[CHUNK:.*]] = arith.remui %[[TID]], %[[C4]] : i32
  // CHECK: %[[EXISTS:.*]] = arith.cmpi slt, %[[ROW]], %[[COUNT]] : i32
  // CHECK: %[[LAST:.*]] = arith.addi %[[COUNT]], %{{.*}} : i32
  // CHECK: %[[SAFE:.*]] = arith.minsi %[[ROW]], %[[LAST]] : i32
  // CHECK: %[[SKIP:.*]] = arith.muli %[[SAFE]], %[[STEP]] : i32
  // CHECK: %[[TOKEN:.*]] = arith.addi %[[FIRST]], %[[SKIP]] : i32
  // CHECK: %[[OFFSET:.*]] = llvm.inline_asm "mul.wide.s32 $0, $1, $2;", "=l,r,r" %[[TOKEN]], %[[NARROW]] : (i32, i32) -> i64
  // CHECK: %[[ELEMENT:.*]] = llvm.add %[[OFFSET]], %{{.*}} : i64
  // CHECK: %[[FROM:.*]] = llvm.getelementptr %[[BASE]][%[[ELEMENT]]] : {{.*}}, bf16
  // 64-byte panels: chunk c of row r at c xor r / 2 mod 4.
  // CHECK: %[[HALF:.*]] = arith.divui %[[ROW]], %{{.*}} : i32
  // CHECK: %[[XOR:.*]] = arith.remui %[[HALF]], %[[C4]] : i32
  // CHECK: %[[AT:.*]] = arith.xori %{{.*}}, %[[XOR]] : i32
  // CHECK: %[[TO:.*]] = llvm.getelementptr
  // CHECK: %[[BYTES:.*]] = arith.select %[[EXISTS]], %{{.*}}, %{{.*}} : i32
  // CHECK: nvvm.cp.async.shared.global %[[TO]], %[[FROM]], 16, cache = {{ *}}cg, %[[BYTES]]
  // CHECK: nvvm.cp.async.shared.global
  // CHECK-NOT: nvvm.cp.async.shared.global
  // CHECK: nvvm.cp.async.commit.group
  // CHECK-NEXT: nvvm.cp.async.wait.group 1
  // CHECK-NEXT: nvvm.barrier0
  gpu.func @run(%p: !llvm.ptr<1>, %stride: i64, %first: i32, %count: i32) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %ring = hilbert_gpu.alloc {offset = 0 : i32} : !ring
    %x = hilbert_gpu.matrix %p[%stride] stride %stride : !m
    %rows = hilbert_gpu.run_rows %first, %count step 3 : !hilbert_gpu.rows<16, run>
    %slot = hilbert_gpu.slot %ring[%first] : !ring
    hilbert_gpu.async_load %x[%rows], %slot : !m, !hilbert_gpu.rows<16, run>, !s
    hilbert_gpu.commit
    hilbert_gpu.wait 1
    gpu.return
  }

  // A thread may keep the address of its column: with what a token adds to it, an
  // address is one instruction.
  // CHECK-LABEL: gpu.func @thread_addresses(
  // CHECK-SAME: hilbert_gpu.schedule = #hilbert_gpu.schedule<{{.*}}>
  // CHECK: %[[COLUMN:.*]] = llvm.getelementptr %{{.*}}[%{{.*}}] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i8
  // CHECK: %[[OFFSET:.*]] = llvm.inline_asm "mul.wide.s32 $0, $1, $2;"
  // CHECK: %[[FROM:.*]] = llvm.getelementptr %[[COLUMN]][%[[OFFSET]]] : (!llvm.ptr<1>, i64) -> !llvm.ptr<1>, i8
  // CHECK: nvvm.cp.async.shared.global %{{.*}}, %[[FROM]], 16
  // CHECK: %[[MORE:.*]] = llvm.inline_asm "mul.wide.s32 $0, $1, $2;"
  // CHECK: %[[NEXT:.*]] = llvm.getelementptr %[[COLUMN]][%[[MORE]]]
  // CHECK: nvvm.cp.async.shared.global %{{.*}}, %[[NEXT]], 16
  // CHECK-NOT: mov.u32
  // CHECK: gpu.return
  gpu.func @thread_addresses(%p: !llvm.ptr<1>, %stride: i64, %i: i32) kernel attributes {
      known_block_size = array<i32: 32, 1, 1>,
      hilbert_gpu.schedule = #hilbert_gpu.schedule<m = 16, n = 16, warps = 1, stages = 2, ctas = 1, addresses = thread>} {
    %ring = hilbert_gpu.alloc {offset = 0 : i32} : !ring
    %x = hilbert_gpu.matrix %p[%stride] stride %stride : !m
    %rows = hilbert_gpu.run_rows %i, %i step 3 : !hilbert_gpu.rows<16, run>
    %slot = hilbert_gpu.slot %ring[%i] : !ring
    hilbert_gpu.async_load %x[%rows], %slot : !m, !hilbert_gpu.rows<16, run>, !s
    gpu.return
  }

  // Or find it anew for each tile.
  // CHECK-LABEL: gpu.func @addresses_again(
  // CHECK-SAME: hilbert_gpu.schedule = #hilbert_gpu.schedule<{{.*}}>
  // CHECK: %[[TID:.*]] = nvvm.read.ptx.sreg.tid.x
  // CHECK: %[[AGAIN:.*]] = llvm.inline_asm has_side_effects "mov.u32 $0, $1;", "=r,r" %[[TID]] : (i32) -> i32
  // CHECK: arith.divui %[[AGAIN]]
  // CHECK: nvvm.cp.async.shared.global
  gpu.func @addresses_again(%p: !llvm.ptr<1>, %stride: i64, %i: i32) kernel attributes {
      known_block_size = array<i32: 32, 1, 1>,
      hilbert_gpu.schedule = #hilbert_gpu.schedule<m = 16, n = 16, warps = 1, stages = 2, ctas = 1, addresses = again>} {
    %ring = hilbert_gpu.alloc {offset = 0 : i32} : !ring
    %x = hilbert_gpu.matrix %p[%stride] stride %stride : !m
    %rows = hilbert_gpu.run_rows %i, %i step 3 : !hilbert_gpu.rows<16, run>
    %slot = hilbert_gpu.slot %ring[%i] : !ring
    hilbert_gpu.async_load %x[%rows], %slot : !m, !hilbert_gpu.rows<16, run>, !s
    gpu.return
  }

  // 27 chunks for each thread: a loop of 16 at a time, from the thread, and then
  // the other 11.
  // CHECK-LABEL: gpu.func @many_chunks(
  // CHECK-NOT: nvvm.cp.async.shared.global
  // CHECK: %[[TID:.*]] = nvvm.read.ptx.sreg.tid.x
  // CHECK: %[[END:.*]] = llvm.mlir.constant(512 : i32) : i32
  // CHECK: scf.for %[[FLAT:.*]] = %[[TID]] to %[[END]] step %[[END]] : i32 {
  // CHECK: arith.divui %[[FLAT]]
  // CHECK-COUNT-16: nvvm.cp.async.shared.global
  // CHECK-NOT: nvvm.cp.async.shared.global
  // CHECK: }
  // CHECK: %[[REST:.*]] = arith.addi %[[TID]], %[[END]] : i32
  // CHECK: arith.divui %[[REST]]
  // CHECK-COUNT-11: nvvm.cp.async.shared.global
  // CHECK-NOT: nvvm.cp.async.shared.global
  // CHECK: gpu.return
  gpu.func @many_chunks(%p: !llvm.ptr<1>, %stride: i64, %i: i32) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %ring = hilbert_gpu.alloc {offset = 0 : i32} : !hilbert_gpu.ring<1, !hilbert_gpu.smem<16x432xbf16>>
    %x = hilbert_gpu.matrix %p[%stride] stride %stride : !hilbert_gpu.matrix<432xbf16>
    %rows = hilbert_gpu.run_rows %i, %i step 1 : !hilbert_gpu.rows<16, run>
    %slot = hilbert_gpu.slot %ring[%i] : !hilbert_gpu.ring<1, !hilbert_gpu.smem<16x432xbf16>>
    hilbert_gpu.async_load %x[%rows], %slot : !hilbert_gpu.matrix<432xbf16>, !hilbert_gpu.rows<16, run>, !hilbert_gpu.smem<16x432xbf16>
    gpu.return
  }

  // A slot is so many bytes after the one before.
  // CHECK-LABEL: gpu.func @slots(
  // CHECK-SAME: %[[I:[^:]*]]: i32
  // CHECK: %[[SHARED:.*]] = llvm.mlir.addressof @hilbert_shared
  // CHECK: %[[RING:.*]] = llvm.getelementptr %[[SHARED]][2048]
  // CHECK: %[[SIZE:.*]] = llvm.mlir.constant(1024 : i32)
  // CHECK: %[[AT:.*]] = arith.muli %[[I]], %[[SIZE]] : i32
  // CHECK: llvm.getelementptr %[[RING]][%[[AT]]] : {{.*}}, i8
  gpu.func @slots(%i: i32, %base: !llvm.ptr<1>, %long: i64, %int: i32) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %x = hilbert_gpu.matrix %base[%long] stride %long : !m
    %rows = hilbert_gpu.run_rows %int, %int step 1 : !hilbert_gpu.rows<16, run>
    %ring = hilbert_gpu.alloc {offset = 2048 : i32} : !ring
    %slot = hilbert_gpu.slot %ring[%i] : !ring
    hilbert_gpu.async_load %x[%rows], %slot : !m, !hilbert_gpu.rows<16, run>, !s
    gpu.return
  }

  // Columns that the matrix lacks are zero, too: the fourth chunk of 24 columns.
  // CHECK-LABEL: gpu.func @columns(
  // CHECK: %[[CHUNK:.*]] = arith.remui
  // CHECK: %[[ROWEXISTS:.*]] = arith.cmpi slt
  // CHECK: %[[C3:.*]] = llvm.mlir.constant(3 : i32)
  // CHECK: %[[STORED:.*]] = arith.cmpi slt, %[[CHUNK]], %[[C3]] : i32
  // CHECK: %[[EXISTS:.*]] = arith.andi %[[ROWEXISTS]], %[[STORED]] : i1
  // CHECK: arith.select %[[EXISTS]]
  // CHECK: nvvm.cp.async.shared.global
  gpu.func @columns(%i: i32, %base: !llvm.ptr<1>, %long: i64, %int: i32) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %x = hilbert_gpu.matrix %base[%long] stride %long : !hilbert_gpu.matrix<24xbf16>
    %rows = hilbert_gpu.run_rows %int, %int step 1 : !hilbert_gpu.rows<16, run>
    %ring = hilbert_gpu.alloc {offset = 0 : i32} : !ring
    %slot = hilbert_gpu.slot %ring[%i] : !ring
    hilbert_gpu.async_load %x[%rows], %slot : !hilbert_gpu.matrix<24xbf16>, !hilbert_gpu.rows<16, run>, !s
    gpu.return
  }

  // More threads than chunks: some have nothing to do.
  // CHECK-LABEL: gpu.func @idle(
  // CHECK: %[[TID:.*]] = nvvm.read.ptx.sreg.tid.x
  // CHECK: %[[C64:.*]] = llvm.mlir.constant(64 : i32)
  // CHECK: %[[BUSY:.*]] = arith.cmpi slt, %[[TID]], %[[C64]] : i32
  // CHECK: scf.if %[[BUSY]] {
  // CHECK: nvvm.cp.async.shared.global
  // CHECK-NOT: nvvm.cp.async.shared.global
  // CHECK: gpu.return
  gpu.func @idle(%i: i32, %base: !llvm.ptr<1>, %long: i64, %int: i32) kernel attributes {known_block_size = array<i32: 128, 1, 1>} {
    %x = hilbert_gpu.matrix %base[%long] stride %long : !m
    %rows = hilbert_gpu.run_rows %int, %int step 1 : !hilbert_gpu.rows<16, run>
    %ring = hilbert_gpu.alloc {offset = 0 : i32} : !ring
    %slot = hilbert_gpu.slot %ring[%i] : !ring
    hilbert_gpu.async_load %x[%rows], %slot : !m, !hilbert_gpu.rows<16, run>, !s
    gpu.return
  }

  // A table has the token of a row.
  // CHECK-LABEL: gpu.func @table(
  // CHECK-SAME: %[[TABLE:[^:]*]]: !llvm.ptr<1>
  // CHECK: %[[SAFE:.*]] = arith.minsi
  // CHECK: %[[SKIP:.*]] = arith.muli %[[SAFE]], %{{.*}} : i32
  // CHECK: %[[INDEX:.*]] = arith.addi %{{.*}}, %[[SKIP]] : i32
  // CHECK: %[[ENTRY:.*]] = llvm.getelementptr %[[TABLE]][%[[INDEX]]] : {{.*}}, i32
  // CHECK: %[[TOKEN:.*]] = llvm.load %[[ENTRY]] {alignment = 4 : i64} : !llvm.ptr<1> -> i32
  // CHECK: llvm.inline_asm "mul.wide.s32 {{.*}} %[[TOKEN]], %{{.*}} : (i32, i32) -> i64
  // CHECK: nvvm.cp.async.shared.global
  gpu.func @table(%p: !llvm.ptr<1>, %i: i32, %base: !llvm.ptr<1>, %long: i64) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %x = hilbert_gpu.matrix %base[%long] stride %long : !m
    %ring = hilbert_gpu.alloc {offset = 0 : i32} : !ring
    %slot = hilbert_gpu.slot %ring[%i] : !ring
    %rows = hilbert_gpu.table_rows %p[%i], %i step 2 : !hilbert_gpu.rows<16, table>
    hilbert_gpu.async_load %x[%rows], %slot : !m, !hilbert_gpu.rows<16, table>, !s
    gpu.return
  }

  // A box has one entry for all rows: the rest is shifts. The second of a
  // thread's rows, 8 further, is at a distance that is the same for all threads.
  // CHECK-LABEL: gpu.func @box(
  // CHECK-SAME: %[[BOXES:[^:]*]]: !llvm.ptr<1>, %[[INDEX:[^:]*]]: i32, %{{[^:]*}}: i32, %[[WIDTH:[^:]*]]: i32, %[[PLANE:[^:]*]]: i32
  // CHECK: %[[AT:.*]] = llvm.getelementptr %[[BOXES]][%[[INDEX]]] : {{.*}}, vector<4xi32>
  // CHECK: %[[ENTRY:.*]] = llvm.load %[[AT]] {alignment = 16 : i64}
  // CHECK-NOT: llvm.load
  // CHECK: %[[ORIGIN:.*]] = llvm.extractelement %[[ENTRY]]
  // CHECK: %[[LW:.*]] = llvm.extractelement %[[ENTRY]]
  // CHECK: %[[LH:.*]] = llvm.extractelement %[[ENTRY]]
  // CHECK: %[[NARROW:.*]] = llvm.trunc
  // CHECK: %[[FIRST:.*]] = arith.divui
  // CHECK: %[[POWERW:.*]] = arith.shli %{{.*}}, %[[LW]] : i32
  // CHECK: %[[MASKW:.*]] = arith.addi %[[POWERW]], %{{.*}} : i32
  // CHECK: %[[X:.*]] = arith.andi %[[FIRST]], %[[MASKW]] : i32
  // CHECK: %[[REST:.*]] = arith.shrui %[[FIRST]], %[[LW]] : i32
  // CHECK: %[[POWERH:.*]] = arith.shli %{{.*}}, %[[LH]] : i32
  // CHECK: %[[MASKH:.*]] = arith.addi %[[POWERH]], %{{.*}} : i32
  // CHECK: %[[Y:.*]] = arith.andi %[[REST]], %[[MASKH]] : i32
  // CHECK: %[[Z:.*]] = arith.shrui %[[REST]], %[[LH]] : i32
  // CHECK: %[[LINES:.*]] = arith.muli %[[Y]], %[[WIDTH]] : i32
  // CHECK: %[[PLANES:.*]] = arith.muli %[[Z]], %[[PLANE]] : i32
  // CHECK: %[[OUTER:.*]] = arith.addi %[[LINES]], %[[PLANES]] : i32
  // CHECK: %[[DISTANCE:.*]] = arith.addi %[[X]], %[[OUTER]] : i32
  // CHECK: %[[TOKEN:.*]] = arith.addi %[[ORIGIN]], %[[DISTANCE]] : i32
  // CHECK: %[[ELEMENTS:.*]] = llvm.inline_asm "mul.wide.s32 {{.*}} %[[TOKEN]], %[[NARROW]]
  // CHECK: %[[ELEMENT:.*]] = llvm.add %[[ELEMENTS]], %{{.*}} : i64
  // CHECK: %[[START:.*]] = llvm.getelementptr %{{.*}}[%[[ELEMENT]]]
  // CHECK: nvvm.cp.async.shared.global %{{.*}}, %[[START]], 16
  // CHECK: arith.andi %[[C8:.*]], %{{.*}} : i32
  // CHECK: %[[BYTES:.*]] = arith.muli %[[NARROW]], %{{.*}} : i32
  // CHECK: %[[FURTHER:.*]] = llvm.inline_asm "mul.wide.s32 {{.*}}, %[[BYTES]]
  // CHECK: %[[SECOND:.*]] = llvm.getelementptr %[[START]][%[[FURTHER]]]
  // CHECK: nvvm.cp.async.shared.global %{{.*}}, %[[SECOND]], 16
  gpu.func @box(%p: !llvm.ptr<1>, %i: i32, %count: i32, %width: i32, %plane: i32, %base: !llvm.ptr<1>, %long: i64) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %x = hilbert_gpu.matrix %base[%long] stride %long : !m
    %ring = hilbert_gpu.alloc {offset = 0 : i32} : !ring
    %slot = hilbert_gpu.slot %ring[%i] : !ring
    %rows = hilbert_gpu.box_rows %p[%i], %count strides %width, %plane : !hilbert_gpu.rows<16, box>
    hilbert_gpu.async_load %x[%rows], %slot : !m, !hilbert_gpu.rows<16, box>, !s
    gpu.return
  }

  // A number for each row.
  // CHECK-LABEL: gpu.func @vector(
  // CHECK: %[[TID:.*]] = nvvm.read.ptx.sreg.tid.x
  // CHECK: %[[BUSY:.*]] = arith.cmpi slt, %[[TID]]
  // CHECK: scf.if %[[BUSY]] {
  // CHECK: nvvm.cp.async.shared.global %{{.*}}, %{{.*}}, 4, cache = {{ *}}ca, %{{.*}}
  gpu.func @vector(%i: i32, %base: !llvm.ptr<1>, %long: i64, %int: i32) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %x = hilbert_gpu.matrix %base[%long] stride %long : !hilbert_gpu.matrix<1xf32>
    %rows = hilbert_gpu.run_rows %int, %int step 1 : !hilbert_gpu.rows<16, run>
    %ring = hilbert_gpu.alloc {offset = 0 : i32} : !hilbert_gpu.ring<1, !hilbert_gpu.smem<16xf32>>
    %slot = hilbert_gpu.slot %ring[%i] : !hilbert_gpu.ring<1, !hilbert_gpu.smem<16xf32>>
    hilbert_gpu.async_load %x[%rows], %slot : !hilbert_gpu.matrix<1xf32>, !hilbert_gpu.rows<16, run>, !hilbert_gpu.smem<16xf32>
    gpu.return
  }

  // Back: pairs of a fragment, then whole chunks of existing rows. The second of
  // a thread's chunks, 8 rows further, is 512 bytes further.
  // CHECK-LABEL: gpu.func @out(
  // CHECK-COUNT-8: llvm.store %{{.*}} {alignment = 4 : i64} : i32, !llvm.ptr<3>
  // CHECK-NOT: alignment = 4
  // CHECK: %[[CHUNK:.*]] = llvm.load %[[FIRST:.*]] {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xi32>
  // CHECK: scf.if
  // CHECK: llvm.store %[[CHUNK]], %{{.*}} {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<1>
  // CHECK: %[[SECOND:.*]] = llvm.getelementptr %[[FIRST]][512] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
  // CHECK: llvm.load %[[SECOND]] {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xi32>
  // CHECK: scf.if
  // CHECK: llvm.store
  // CHECK: gpu.return
  gpu.func @out(%i: i32, %f: f32, %base: !llvm.ptr<1>, %long: i64, %int: i32) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %x = hilbert_gpu.matrix %base[%long] stride %long : !m
    %rows = hilbert_gpu.run_rows %int, %int step 1 : !hilbert_gpu.rows<16, run>
    %ring = hilbert_gpu.alloc {offset = 0 : i32} : !ring
    %slot = hilbert_gpu.slot %ring[%i] : !ring
    %w = tensor.splat %f : tensor<16x32xf32, #acc>
    %o = hilbert_gpu.to_operand %w : tensor<16x32xf32, #acc> -> tensor<16x32xbf16, #hilbert_gpu.operand<#acc>>
    hilbert_gpu.local_store %o, %slot : tensor<16x32xbf16, #hilbert_gpu.operand<#acc>>, !s
    hilbert_gpu.copy_out %slot, %x[%rows] : !s, !m, !hilbert_gpu.rows<16, run>
    gpu.return
  }

  // Both signs of a pair at once, after the tile has come and before anyone reads.
  // CHECK-LABEL: gpu.func @flip_sign(
  // CHECK-SAME: %[[B:[^:]*]]: i1
  // CHECK: scf.if %[[B]] {
  // CHECK-NEXT: nvvm.cp.async.wait.group 0
  // CHECK-NEXT: nvvm.barrier0
  // CHECK: %[[SIGNS:.*]] = llvm.mlir.constant(dense<-2147450880> : vector<4xi32>)
  // CHECK: %[[OLD:.*]] = llvm.load %[[AT:.*]] {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xi32>
  // CHECK: %[[NEW:.*]] = arith.xori %[[OLD]], %[[SIGNS]]
  // CHECK: llvm.store %[[NEW]], %[[AT]]
  // CHECK: nvvm.barrier0
  gpu.func @flip_sign(%b: i1, %i: i32, %base: !llvm.ptr<1>, %long: i64, %int: i32) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %x = hilbert_gpu.matrix %base[%long] stride %long : !m
    %rows = hilbert_gpu.run_rows %int, %int step 1 : !hilbert_gpu.rows<16, run>
    %ring = hilbert_gpu.alloc {offset = 0 : i32} : !ring
    %slot = hilbert_gpu.slot %ring[%i] : !ring
    %0 = hilbert_gpu.flip_sign %slot if %b : !s
    hilbert_gpu.copy_out %0, %x[%rows] : !s, !m, !hilbert_gpu.rows<16, run>
    gpu.return
  }
}

//--- registers.mlir

#acc = #hilbert_gpu.mma<warps = 2>
#rows = #hilbert_gpu.slice<1, #acc>
#columns = #hilbert_gpu.slice<0, #acc>
!l = !hilbert_gpu.matrix<1xf32>
!r = !hilbert_gpu.rows<32, run>
!v = tensor<32xf32, #rows>
!t = tensor<32x8xf32, #acc>

gpu.module @registers {
  // What is computed from the copy is not what was computed before.
  // CHECK-LABEL: gpu.func @opaque(
  // CHECK-SAME: %[[X:[^:]*]]: i32
  // CHECK: arith.muli %[[X]], %[[X]] : i32
  // CHECK: %[[COPY:.*]] = llvm.inline_asm has_side_effects "mov.u32 $0, $1;", "=r,r" %[[X]] : (i32) -> i32
  // CHECK: arith.muli %[[COPY]], %[[COPY]] : i32
  gpu.func @opaque(%x: i32, %p: !llvm.ptr<1>) kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %0 = arith.muli %x, %x : i32
    %y = hilbert_gpu.opaque %x : i32
    %1 = arith.muli %y, %y : i32
    llvm.store %0, %p : i32, !llvm.ptr<1>
    llvm.store %1, %p : i32, !llvm.ptr<1>
    gpu.return
  }

  // A thread has two rows; the other lanes of a row are 1 and 2 away.
  // CHECK-LABEL: gpu.func @reduce(
  // CHECK: %[[FULL:.*]] = llvm.mlir.constant(-1 : i32)
  // CHECK: %[[C1:.*]] = llvm.mlir.constant(1 : i32)
  // CHECK: %[[A:.*]] = nvvm.shfl.sync {{ *}}bfly %[[FULL]], %[[V:.*]], %[[C1]], %{{.*}} : f32 -> f32
  // CHECK: %[[B:.*]] = arith.addf %[[V]], %[[A]] : f32
  // CHECK: %[[C2:.*]] = llvm.mlir.constant(2 : i32)
  // CHECK: %[[C:.*]] = nvvm.shfl.sync {{ *}}bfly %[[FULL]], %[[B]], %[[C2]], %{{.*}} : f32 -> f32
  // CHECK: arith.addf %[[B]], %[[C]] : f32
  // CHECK-COUNT-2: nvvm.shfl.sync
  // CHECK-NOT: nvvm.shfl.sync
  // One lane of four stores, if the row exists.
  // CHECK: %[[LEADS:.*]] = llvm.icmp "eq"
  // CHECK: %[[EXISTS:.*]] = arith.cmpi slt
  // CHECK: %[[BOTH:.*]] = arith.andi %[[LEADS]], %[[EXISTS]] : i1
  // CHECK: scf.if %[[BOTH]] {
  // CHECK: llvm.store %{{.*}} : f32, !llvm.ptr<1>
  gpu.func @reduce(%f: f32, %base: !llvm.ptr<1>, %long: i64, %int: i32) kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %x = hilbert_gpu.matrix %base[%long] stride %long : !l
    %r = hilbert_gpu.run_rows %int, %int step 1 : !r
    %t = tensor.splat %f : !t
    %0 = hilbert_gpu.reduce sum %t : !t
    hilbert_gpu.store %0, %x[%r] : !v, !l, !r
    gpu.return
  }

  // Minima and maxima ignore NaN.
  // CHECK-LABEL: gpu.func @extremes(
  // CHECK: llvm.intr.maxnum
  // CHECK: llvm.intr.minnum
  // CHECK-NOT: llvm.intr.maximum
  gpu.func @extremes(%f: f32, %base: !llvm.ptr<1>, %long: i64, %int: i32) kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %x = hilbert_gpu.matrix %base[%long] stride %long : !l
    %r = hilbert_gpu.run_rows %int, %int step 1 : !r
    %t = tensor.splat %f : !t
    %0 = hilbert_gpu.reduce max %t : !t
    hilbert_gpu.store %0, %x[%r] : !v, !l, !r
    %1 = hilbert_gpu.reduce min %t : !t
    hilbert_gpu.store %1, %x[%r] : !v, !l, !r
    gpu.return
  }

  // Elementwise ops are scalar ones: a thread has two of the 32 rows, and two of
  // the 8 columns of each. Broadcasts cost nothing.
  // CHECK-LABEL: gpu.func @elementwise(
  // CHECK: %[[G0:.*]] = arith.select %{{.*}}, %{{.*}}, %{{.*}} : f32
  // CHECK: %[[G1:.*]] = arith.select %{{.*}}, %{{.*}}, %{{.*}} : f32
  // CHECK: %[[E0:.*]] = llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz.f"(%[[G0]])
  // CHECK: %[[E1:.*]] = llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz.f"(%[[G1]])
  // CHECK: %[[L0:.*]] = llvm.call_intrinsic "llvm.nvvm.lg2.approx.ftz.f"(%[[G0]])
  // CHECK: %[[L1:.*]] = llvm.call_intrinsic "llvm.nvvm.lg2.approx.ftz.f"(%[[G1]])
  // CHECK: %[[M0:.*]] = llvm.intr.fma(%[[E0]], %[[L0]], %[[G0]])
  // CHECK: %[[M1:.*]] = llvm.intr.fma(%[[E1]], %[[L1]], %[[G1]])
  // CHECK: %[[N0:.*]] = llvm.intr.maxnum(%[[M0]], %[[G0]])
  // CHECK: %[[N1:.*]] = llvm.intr.maxnum(%[[M1]], %[[G1]])
  // CHECK: arith.addf %[[N0]], %[[N0]]
  // CHECK: arith.addf %[[N1]], %[[N1]]
  gpu.func @elementwise(%base: !llvm.ptr<1>, %long: i64, %int: i32) kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %x = hilbert_gpu.matrix %base[%long] stride %long : !l
    %r = hilbert_gpu.run_rows %int, %int step 1 : !r
    %g = hilbert_gpu.gather %x[%r] : !l, !r -> !v
    %b = hilbert_gpu.broadcast %g : !v -> !t
    %e = math.exp2 %g : !v
    %l = math.log2 %g : !v
    %eb = hilbert_gpu.broadcast %e : !v -> !t
    %lb = hilbert_gpu.broadcast %l : !v -> !t
    %m = math.fma %eb, %lb, %b : !t
    %n = arith.maxnumf %m, %b : !t
    %s = hilbert_gpu.reduce sum %n : !t
    hilbert_gpu.store %s, %x[%r] : !v, !l, !r
    gpu.return
  }

  // One condition for all elements, and one for each.
  // CHECK-LABEL: gpu.func @select(
  // CHECK-SAME: %[[B:[^:]*]]: i1
  // CHECK-COUNT-2: arith.select %[[B]], %{{.*}}, %{{.*}} : f32
  // CHECK: %[[C:.*]] = arith.cmpf oeq, %{{.*}} : f32
  // CHECK: arith.select %[[C]], %{{.*}}, %{{.*}} : f32
  gpu.func @select(%b: i1, %base: !llvm.ptr<1>, %long: i64, %int: i32) kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %x = hilbert_gpu.matrix %base[%long] stride %long : !l
    %r = hilbert_gpu.run_rows %int, %int step 1 : !r
    %c1 = arith.constant dense<1.0> : !v
    %g = hilbert_gpu.gather %x[%r] : !l, !r -> !v
    %s = arith.select %b, %g, %c1 : !v
    %isOne = arith.cmpf oeq, %s, %c1 : !v
    %t = arith.select %isOne, %g, %s : tensor<32xi1, #rows>, !v
    hilbert_gpu.store %t, %x[%r] : !v, !l, !r
    gpu.return
  }

  // Numbers of any type.
  // CHECK-LABEL: gpu.func @types(
  // CHECK: llvm.getelementptr %{{.*}} -> !llvm.ptr<1>, bf16
  // CHECK: llvm.load %{{.*}} : !llvm.ptr<1> -> bf16
  // CHECK: llvm.getelementptr %{{.*}} -> !llvm.ptr<1>, bf16
  // CHECK: llvm.store %{{.*}} : bf16, !llvm.ptr<1>
  gpu.func @types(%base: !llvm.ptr<1>, %long: i64, %int: i32) kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %x = hilbert_gpu.matrix %base[%long] stride %long : !hilbert_gpu.matrix<1xbf16>
    %r = hilbert_gpu.run_rows %int, %int step 1 : !r
    %g = hilbert_gpu.gather %x[%r] : !hilbert_gpu.matrix<1xbf16>, !r -> tensor<32xbf16, #rows>
    hilbert_gpu.store %g, %x[%r] : tensor<32xbf16, #rows>, !hilbert_gpu.matrix<1xbf16>, !r
    gpu.return
  }

  // Operands from shared memory, in pairs, widened.
  // CHECK-LABEL: gpu.func @local_load(
  // CHECK: nvvm.ldmatrix
  // CHECK-NOT: nvvm.ldmatrix
  // CHECK: %[[PAIR:.*]] = llvm.bitcast %{{.*}} : i32 to vector<2xbf16>
  // CHECK: %[[X0:.*]] = llvm.extractelement %[[PAIR]]
  // CHECK: llvm.fpext %[[X0]] : bf16 to f32
  // CHECK: %[[X1:.*]] = llvm.extractelement %[[PAIR]]
  // CHECK: llvm.fpext %[[X1]] : bf16 to f32
  // CHECK-COUNT-6: llvm.fpext
  // A vector of columns is read by every thread that has one of them.
  // CHECK-COUNT-4: llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr<3> -> f32
  gpu.func @local_load(%base: !llvm.ptr<1>, %long: i64, %int: i32) kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %x = hilbert_gpu.matrix %base[%long] stride %long : !l
    %r = hilbert_gpu.run_rows %int, %int step 1 : !r
    %ring = hilbert_gpu.alloc {offset = 0 : i32} : !hilbert_gpu.ring<1, !hilbert_gpu.smem<32x16xbf16>>
    %slot = hilbert_gpu.slot %ring[%int] : !hilbert_gpu.ring<1, !hilbert_gpu.smem<32x16xbf16>>
    %o = hilbert_gpu.local_load %slot : !hilbert_gpu.smem<32x16xbf16> -> tensor<32x16xbf16, #hilbert_gpu.operand<#acc>>
    %w = arith.extf %o : tensor<32x16xbf16, #hilbert_gpu.operand<#acc>> to tensor<32x16xf32, #hilbert_gpu.operand<#acc>>
    %s = hilbert_gpu.reduce sum %w : tensor<32x16xf32, #hilbert_gpu.operand<#acc>>
    hilbert_gpu.store %s, %x[%r] : !v, !l, !r
    %vectors = hilbert_gpu.alloc {offset = 1024 : i32} : !hilbert_gpu.ring<1, !hilbert_gpu.smem<16xf32>>
    %vector = hilbert_gpu.slot %vectors[%int] : !hilbert_gpu.ring<1, !hilbert_gpu.smem<16xf32>>
    %c = hilbert_gpu.local_load %vector : !hilbert_gpu.smem<16xf32> -> tensor<16xf32, #columns>
    %t = hilbert_gpu.broadcast %c : tensor<16xf32, #columns> -> tensor<32x16xf32, #acc>
    %u = hilbert_gpu.reduce sum %t : tensor<32x16xf32, #acc>
    hilbert_gpu.store %u, %x[%r] : !v, !l, !r
    gpu.return
  }
}

//--- non_finite.mlir

#acc = #hilbert_gpu.mma<warps = 1>
!s = !hilbert_gpu.smem<16x32xbf16>
!ring = !hilbert_gpu.ring<1, !s>
!half = !hilbert_gpu.smem<16x32xf16>
!bounds = !hilbert_gpu.smem<96xi32>
!r = !hilbert_gpu.rows<16, run>
!t = tensor<16x8xf32, #acc>
!ranks = tensor<16xi32, #hilbert_gpu.slice<1, #acc>>

gpu.module @non_finite {
  // Each thread looks at chunks of 16 bytes, two elements at a time: exponents of
  // all ones overflow into the sign. No chunk if the condition does not hold.
  // CHECK-LABEL: gpu.func @take_non_finite(
  // CHECK-SAME: %[[CUT:[^:]*]]: i1, %[[FIRST:[^:]*]]: i32, %[[COUNT:[^:]*]]: i32
  // CHECK-DAG: %[[STEP:.*]] = llvm.mlir.constant(3 : i32)
  // CHECK-DAG: %[[C64:.*]] = llvm.mlir.constant(64 : i32)
  // CHECK: %[[CHUNKS:.*]] = arith.select %[[CUT]], %[[C64]], %[[C0:.*]] : i32
  // CHECK: %[[TID:.*]] = nvvm.read.ptx.sreg.tid.x
  // CHECK: %[[C32:.*]] = llvm.mlir.constant(32 : i32)
  // CHECK: %[[BITS:.*]] = scf.for %{{.*}} = %[[TID]] to %[[CHUNKS]] step %[[C32]] iter_args(%[[BEFORE:.*]] = %[[C0]])
  // CHECK:   %[[CHUNK:.*]] = llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xi32>
  // CHECK:   %[[PAIR:.*]] = llvm.extractelement %[[CHUNK]]
  // CHECK:   %[[MASK:.*]] = llvm.mlir.constant(2139127680 : i32)
  // CHECK:   %[[EXPONENTS:.*]] = arith.andi %[[PAIR]], %[[MASK]]
  // CHECK:   %[[ONE:.*]] = llvm.mlir.constant(8388736 : i32)
  // CHECK:   %[[SUM:.*]] = arith.addi %[[EXPONENTS]], %[[ONE]]
  // CHECK:   %[[SIGNS:.*]] = llvm.mlir.constant(-2147450880 : i32)
  // CHECK:   %[[FOUND0:.*]] = arith.andi %[[SUM]], %[[SIGNS]]
  // CHECK:   llvm.or %[[BEFORE]], %[[FOUND0]]
  // CHECK-COUNT-3: llvm.extractelement %[[CHUNK]]
  // CHECK:   scf.yield
  //
  // All threads learn what any has found. This is also the barrier after which
  // nobody reads the tile, and all have filled the bounds.
  // CHECK: %[[OWN:.*]] = llvm.icmp "ne" %[[BITS]], %[[C0]] : i32
  // CHECK: %[[OWN32:.*]] = llvm.zext %[[OWN]] : i1 to i32
  // CHECK: %[[ANY:.*]] = nvvm.barrier #nvvm.reduction<or> %[[OWN32]] -> i32
  // CHECK: %[[FOUND:.*]] = llvm.icmp "ne" %[[ANY]], %[[C0]] : i32
  // CHECK: scf.if %[[FOUND]] {
  //
  // Then one number after the other, of 16 x 32: kind 0 for NaN, 1 for +inf, 2
  // for -inf.
  // CHECK:   %[[C512:.*]] = llvm.mlir.constant(512 : i32)
  // CHECK:   scf.for %[[FLAT:.*]] = %{{.*}} to %[[C512]] step %[[C32]]
  // CHECK:     %[[ROW:.*]] = arith.divui %[[FLAT]], %[[C32]]
  // CHECK:     %[[COLUMN:.*]] = arith.remui %[[FLAT]], %[[C32]]
  // CHECK:     %[[OLD:.*]] = llvm.load %[[AT:.*]] {alignment = 2 : i64} : !llvm.ptr<3> -> i16
  // CHECK:     %[[HALF:.*]] = llvm.zext %[[OLD]] : i16 to i32
  // CHECK:     %[[FINITE:.*]] = llvm.mlir.constant(32639 : i32)
  // CHECK:     %[[NOSIGN:.*]] = llvm.mlir.constant(32767 : i32)
  // CHECK:     %[[ABS:.*]] = arith.andi %[[HALF]], %[[NOSIGN]]
  // CHECK:     %[[BAD:.*]] = arith.cmpi sgt, %[[ABS]], %[[FINITE]]
  // CHECK:     scf.if %[[BAD]] {
  // CHECK:       %[[INFINITY:.*]] = llvm.mlir.constant(32640 : i32)
  // CHECK:       %[[ISNAN:.*]] = arith.cmpi sgt, %[[ABS]], %[[INFINITY]]
  // CHECK:       %[[SIGNBIT:.*]] = arith.andi %[[HALF]], %{{.*}} : i32
  // CHECK:       %[[ISNEGATIVE:.*]] = llvm.icmp "ne" %[[SIGNBIT]], %[[C0]]
  // CHECK:       %[[SIGN:.*]] = arith.select %[[ISNEGATIVE]], %[[C2:.*]], %[[C1:.*]] : i32
  // CHECK:       %[[KIND:.*]] = arith.select %[[ISNAN]], %[[C0]], %[[SIGN]] : i32
  // CHECK:       %[[SKIP:.*]] = arith.muli %[[KIND]], %[[C32]]
  // CHECK:       %[[INDEX:.*]] = arith.addi %[[COLUMN]], %[[SKIP]]
  // CHECK:       %[[BYTES:.*]] = arith.muli %[[INDEX]], %{{.*}}
  // CHECK:       %[[BOUND:.*]] = llvm.getelementptr %{{.*}}[%[[BYTES]]] : {{.*}}, i8
  // CHECK:       %[[SAFE:.*]] = arith.minsi %[[ROW]], %{{.*}}
  // CHECK:       %[[FAR:.*]] = arith.muli %[[SAFE]], %[[STEP]]
  // CHECK:       %[[RANK:.*]] = arith.addi %[[FIRST]], %[[FAR]]
  // CHECK:       llvm.atomicrmw min %[[BOUND]], %[[RANK]] syncscope("block") monotonic : !llvm.ptr<3>, i32
  // CHECK:       %[[ZERO:.*]] = llvm.mlir.constant(0 : i16)
  // CHECK:       llvm.store %[[ZERO]], %[[AT]] {alignment = 2 : i64} : i16, !llvm.ptr<3>
  // CHECK:   nvvm.barrier0
  // CHECK: scf.if %[[FOUND]]
  // CHECK-NEXT: llvm.store %[[FIRST]]
  gpu.func @take_non_finite(%cut: i1, %first: i32, %count: i32, %out: !llvm.ptr<1>) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %ring = hilbert_gpu.alloc {offset = 0 : i32} : !ring
    %tile = hilbert_gpu.slot %ring[%first] : !ring
    %lost = hilbert_gpu.alloc {offset = 1024 : i32} : !hilbert_gpu.ring<1, !bounds>
    %bounds = hilbert_gpu.slot %lost[%first] : !hilbert_gpu.ring<1, !bounds>
    %ranks = hilbert_gpu.run_rows %first, %count step 3 : !r
    %found = hilbert_gpu.take_non_finite %tile, %ranks, %bounds if %cut : !s, !r, !bounds
    scf.if %found {
      llvm.store %first, %out : i32, !llvm.ptr<1>
    }
    gpu.return
  }

  // The latest row: a maximum. f16 has 10 bits of mantissa: infinity is 0x7c00.
  // CHECK-LABEL: gpu.func @take_non_finite_latest(
  // CHECK: llvm.mlir.constant(2080406528 : i32)
  // CHECK: llvm.mlir.constant(67109888 : i32)
  // CHECK: nvvm.barrier #nvvm.reduction<or>
  // CHECK: llvm.mlir.constant(31743 : i32)
  // CHECK: llvm.mlir.constant(31744 : i32)
  // CHECK: llvm.atomicrmw max
  gpu.func @take_non_finite_latest(%cut: i1, %i: i32) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %ring = hilbert_gpu.alloc {offset = 0 : i32} : !hilbert_gpu.ring<1, !half>
    %tile = hilbert_gpu.slot %ring[%i] : !hilbert_gpu.ring<1, !half>
    %lost = hilbert_gpu.alloc {offset = 1024 : i32} : !hilbert_gpu.ring<1, !bounds>
    %bounds = hilbert_gpu.slot %lost[%i] : !hilbert_gpu.ring<1, !bounds>
    %ranks = hilbert_gpu.run_rows %i, %i step 1 : !r
    %found = hilbert_gpu.take_non_finite %tile, %ranks, %bounds if %cut {latest} : !half, !r, !bounds
    gpu.return
  }

  // Threads take turns.
  // CHECK-LABEL: gpu.func @fill(
  // CHECK: %[[VALUE:.*]] = llvm.mlir.constant(-2147483648 : i32)
  // CHECK: %[[TID:.*]] = nvvm.read.ptx.sreg.tid.x
  // CHECK: %[[C96:.*]] = llvm.mlir.constant(96 : i32)
  // CHECK: %[[C32:.*]] = llvm.mlir.constant(32 : i32)
  // CHECK: scf.for %[[I:.*]] = %[[TID]] to %[[C96]] step %[[C32]]
  // CHECK:   %[[BYTES:.*]] = arith.muli %[[I]], %{{.*}} : i32
  // CHECK:   %[[AT:.*]] = llvm.getelementptr %{{.*}}[%[[BYTES]]] : {{.*}}, i8
  // CHECK:   llvm.store %[[VALUE]], %[[AT]] {alignment = 4 : i64} : i32, !llvm.ptr<3>
  gpu.func @fill(%i: i32) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %lost = hilbert_gpu.alloc {offset = 1024 : i32} : !hilbert_gpu.ring<1, !bounds>
    %bounds = hilbert_gpu.slot %lost[%i] : !hilbert_gpu.ring<1, !bounds>
    hilbert_gpu.fill %bounds, -2147483648 : !bounds
    gpu.return
  }

  // A thread has two rows and two columns of each; bounds of NaN, +inf and -inf
  // are 8 columns apart. What a row with a rank before the bound gets is 0.
  // CHECK-LABEL: gpu.func @poison(
  // CHECK-SAME: %[[F:[^:]*]]: f32
  // CHECK-SAME: hilbert_gpu.schedule = #hilbert_gpu.schedule<{{.*}}>
  // CHECK: %[[B0:.*]] = llvm.load %[[AT:.*]] {alignment = 4 : i64} : !llvm.ptr<3> -> i32
  // CHECK: %[[H0:.*]] = arith.cmpi slt, %[[RANK:.*]], %[[B0]] : i32
  // CHECK: %[[ZERO:.*]] = llvm.mlir.constant(0.000000e+00 : f32)
  // CHECK: %[[NAN:.*]] = llvm.mlir.constant(0x7FC00000 : f32)
  // CHECK: %[[A0:.*]] = arith.select %[[H0]], %[[ZERO]], %[[NAN]] : f32
  // CHECK: %[[S0:.*]] = llvm.fadd %[[F]], %[[A0]]
  // CHECK: %[[AT1:.*]] = llvm.getelementptr %[[AT]][32]
  // CHECK: %[[B1:.*]] = llvm.load %[[AT1]]
  // CHECK: %[[H1:.*]] = arith.cmpi slt, %[[RANK]], %[[B1]] : i32
  // CHECK: %[[POSITIVE:.*]] = llvm.mlir.constant(0x7F800000 : f32)
  // CHECK: %[[A1:.*]] = arith.select %[[H1]], %[[ZERO]], %[[POSITIVE]] : f32
  // CHECK: %[[S1:.*]] = llvm.fadd %[[S0]], %[[A1]]
  // CHECK: %[[AT2:.*]] = llvm.getelementptr %[[AT]][64]
  // CHECK: %[[B2:.*]] = llvm.load %[[AT2]]
  // CHECK: %[[H2:.*]] = arith.cmpi slt, %[[RANK]], %[[B2]] : i32
  // CHECK: %[[NEGATIVE:.*]] = llvm.mlir.constant(0xFF800000 : f32)
  // CHECK: %[[A2:.*]] = arith.select %[[H2]], %[[ZERO]], %[[NEGATIVE]] : f32
  // CHECK: llvm.fadd %[[S1]], %[[A2]]
  // The next column, then the other row with the same bounds.
  // CHECK: llvm.getelementptr %[[AT]][4]
  // CHECK: %[[H3:.*]] = arith.cmpi slt, %[[OTHER:.*]], %[[B0]] : i32
  // CHECK: arith.select %[[H3]], %[[ZERO]], %[[NAN]] : f32
  gpu.func @poison(%f: f32, %base: !llvm.ptr<1>, %long: i64, %int: i32) kernel attributes {
      known_block_size = array<i32: 32, 1, 1>,
      hilbert_gpu.schedule = #hilbert_gpu.schedule<m = 16, n = 16, warps = 1, stages = 1, ctas = 1, addresses = thread>} {
    %x = hilbert_gpu.matrix %base[%long] stride %long : !hilbert_gpu.matrix<1xf32>
    %rows = hilbert_gpu.run_rows %int, %int step 1 : !r
    %lost = hilbert_gpu.alloc {offset = 0 : i32} : !hilbert_gpu.ring<1, !hilbert_gpu.smem<24xi32>>
    %bounds = hilbert_gpu.slot %lost[%int] : !hilbert_gpu.ring<1, !hilbert_gpu.smem<24xi32>>
    %ranks = hilbert_gpu.tokens %rows : !r -> !ranks
    %o = tensor.splat %f : !t
    %p = hilbert_gpu.poison %o, %bounds, %ranks : !t, !hilbert_gpu.smem<24xi32>, !ranks
    %s = hilbert_gpu.reduce sum %p : !t
    hilbert_gpu.store %s, %x[%rows] : tensor<16xf32, #hilbert_gpu.slice<1, #acc>>, !hilbert_gpu.matrix<1xf32>, !r
    gpu.return
  }

  // Rows after the bound get 0. Where registers are short, as by default, bounds
  // are read in order.
  // CHECK-LABEL: gpu.func @poison_latest(
  // CHECK: %[[B0:.*]] = llvm.load volatile %{{.*}} {alignment = 4 : i64} : !llvm.ptr<3> -> i32
  // CHECK: arith.cmpi slt, %[[B0]], %{{.*}} : i32
  gpu.func @poison_latest(%f: f32, %base: !llvm.ptr<1>, %long: i64, %int: i32) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %x = hilbert_gpu.matrix %base[%long] stride %long : !hilbert_gpu.matrix<1xf32>
    %rows = hilbert_gpu.run_rows %int, %int step 1 : !r
    %lost = hilbert_gpu.alloc {offset = 0 : i32} : !hilbert_gpu.ring<1, !hilbert_gpu.smem<24xi32>>
    %bounds = hilbert_gpu.slot %lost[%int] : !hilbert_gpu.ring<1, !hilbert_gpu.smem<24xi32>>
    %ranks = hilbert_gpu.tokens %rows : !r -> !ranks
    %o = tensor.splat %f : !t
    %p = hilbert_gpu.poison %o, %bounds, %ranks {latest} : !t, !hilbert_gpu.smem<24xi32>, !ranks
    %s = hilbert_gpu.reduce sum %p : !t
    hilbert_gpu.store %s, %x[%rows] : tensor<16xf32, #hilbert_gpu.slice<1, #acc>>, !hilbert_gpu.matrix<1xf32>, !r
    gpu.return
  }
}

//--- errors.mlir

gpu.module @no_offset {
  gpu.func @f(%i: i32, %base: !llvm.ptr<1>, %long: i64, %int: i32) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %x = hilbert_gpu.matrix %base[%long] stride %long : !hilbert_gpu.matrix<1xf32>
    %r = hilbert_gpu.run_rows %int, %int step 1 : !hilbert_gpu.rows<16, run>
    // expected-error@+2 {{has no offset: run hilbert-gpu-allocate first}}
    // expected-error@+1 {{failed to legalize operation 'hilbert_gpu.alloc'}}
    %ring = hilbert_gpu.alloc : !hilbert_gpu.ring<1, !hilbert_gpu.smem<16xf32>>
    gpu.return
  }
}

// -----

gpu.module @no_block_size {
  // expected-error@+1 {{kernel 'f' must have a known_block_size}}
  gpu.func @f() kernel {
    gpu.return
  }
}

// -----

// Level C1 does not convert.
gpu.module @load {
  gpu.func @f(%p: !llvm.ptr<1>, %x: i64, %i: i32) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %m = hilbert_gpu.matrix %p[%x] stride %x : !hilbert_gpu.matrix<16xbf16>
    %r = hilbert_gpu.run_rows %i, %i step 1 : !hilbert_gpu.rows<16, run>
    // expected-error@+1 {{failed to legalize operation 'hilbert_gpu.load'}}
    %0 = hilbert_gpu.load %m[%r] : !hilbert_gpu.matrix<16xbf16>, !hilbert_gpu.rows<16, run> -> !hilbert_gpu.smem<16x16xbf16>
    gpu.return
  }
}

// -----

gpu.module @bounds {
  gpu.func @f() kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    // expected-error@+1 {{failed to legalize operation 'hilbert_gpu.bounds'}}
    %0 = hilbert_gpu.bounds : !hilbert_gpu.smem<48xi32>
    gpu.return
  }
}
