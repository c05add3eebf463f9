// RUN: split-file %s %t
// RUN: hilbert-opt %t/loops.mlir --hilbert-gpu-pipeline | FileCheck %t/loops.mlir --implicit-check-not='hilbert_gpu.load'
// RUN: hilbert-opt %t/loops.mlir --hilbert-gpu-pipeline -o /dev/null --mlir-disable-threading \
// RUN:   --remark-format=emitRemark --remarks-filter='hilbert.*' 2>&1 \
// RUN:   | FileCheck %t/loops.mlir --check-prefix=REMARK --implicit-check-not=remark:
// RUN: hilbert-opt %t/outside.mlir --hilbert-gpu-pipeline | FileCheck %t/outside.mlir --implicit-check-not='hilbert_gpu.load'
// RUN: hilbert-opt %t/early.mlir --hilbert-gpu-pipeline | FileCheck %t/early.mlir --implicit-check-not='hilbert_gpu.load'
// RUN: hilbert-opt %t/errors.mlir --hilbert-gpu-pipeline --split-input-file --verify-diagnostics

//--- loops.mlir

!m = !hilbert_gpu.matrix<16xf16>
!r = !hilbert_gpu.rows<32, run>
!s = !hilbert_gpu.smem<32x16xf16>
#acc = #hilbert_gpu.mma<warps = 1>
!acc = tensor<16x32xf32, #acc>
!q = tensor<16x16xf16, #hilbert_gpu.operand<#acc>>
!p = tensor<16x32xf16, #hilbert_gpu.operand<#acc>>
!sum = tensor<16x16xf32, #acc>
!rank = tensor<16xi32, #hilbert_gpu.slice<1, #acc>>

gpu.module @kernels {
  // Two stages: the copy for the next tile begins before this one is used.
  // CHECK-LABEL: gpu.func @two(
  // CHECK-SAME: %[[K:[^:]*]]: !hilbert_gpu.matrix<16xf16>, %[[N:[^:]*]]: i32
  // CHECK: %[[RING:.*]] = hilbert_gpu.alloc : <2, <32x16xf16>>
  // CHECK: %[[P0:.*]] = arith.addi %[[C0:.*]], %{{.*}} : i32
  // CHECK: %[[HAS0:.*]] = arith.cmpi slt, %[[P0]], %[[N]] : i32
  // CHECK: scf.if %[[HAS0]] {
  // CHECK:   %[[FIRST0:.*]] = arith.muli %[[P0]], %[[C32:.*]] : i32
  // CHECK:   %[[R0:.*]] = hilbert_gpu.run_rows %[[FIRST0]], %[[C32]] step 1
  // CHECK:   %[[I0:.*]] = arith.remui %[[P0]], %{{.*}} : i32
  // CHECK:   %[[S0:.*]] = hilbert_gpu.slot %[[RING]][%[[I0]]]
  // CHECK:   hilbert_gpu.async_load %[[K]][%[[R0]]], %[[S0]]
  // CHECK: }
  // CHECK-NEXT: hilbert_gpu.commit
  // CHECK-NEXT: scf.for %[[I:.*]] = %[[C0]] to %[[N]]
  // CHECK-NEXT: hilbert_gpu.wait 0
  // CHECK:   %[[NEXT:.*]] = arith.addi %[[I]], %{{.*}} : i32
  // CHECK:   %[[HAS:.*]] = arith.cmpi slt, %[[NEXT]], %[[N]] : i32
  // CHECK:   scf.if %[[HAS]] {
  // CHECK:     %[[FIRST:.*]] = arith.muli %[[NEXT]], %[[C32]] : i32
  // CHECK:     %[[R:.*]] = hilbert_gpu.run_rows %[[FIRST]]
  // CHECK:     %[[IN:.*]] = arith.remui %[[NEXT]], %{{.*}} : i32
  // CHECK:     %[[SN:.*]] = hilbert_gpu.slot %[[RING]][%[[IN]]]
  // CHECK:     hilbert_gpu.async_load %[[K]][%[[R]]], %[[SN]]
  // CHECK:   }
  // CHECK-NEXT: hilbert_gpu.commit
  // CHECK:   %[[IC:.*]] = arith.remui %[[I]], %{{.*}} : i32
  // CHECK:   %[[S:.*]] = hilbert_gpu.slot %[[RING]][%[[IC]]]
  // CHECK-NOT: hilbert_gpu.wait
  // CHECK:   hilbert_gpu.dot %{{.*}}, %[[S]]
  // REMARK: remark: [Analysis] Pipeline | Category:hilbert-gpu-pipeline | Kernel=two, SharedBytes=2048, Stages=2
  gpu.func @two(%k: !m, %n: i32, %q: !q, %init: !acc) kernel attributes {hilbert_gpu.schedule = #hilbert_gpu.schedule<m = 16, n = 32, warps = 1, stages = 2, ctas = 1>} {
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %c32 = arith.constant 32 : i32
    %0 = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %init) -> !acc : i32 {
      %first = arith.muli %i, %c32 : i32
      %rows = hilbert_gpu.run_rows %first, %c32 step 1 : !r
      %tile = hilbert_gpu.load %k[%rows] : !m, !r -> !s
      %1 = hilbert_gpu.dot %q, %tile, %acc {transpose_b} : !q, !s, !acc
      scf.yield %1 : !acc
    }
    gpu.return
  }

  // One: nothing is ahead of time, and the buffer is free before it is filled.
  // CHECK-LABEL: gpu.func @one(
  // CHECK: %[[RING:.*]] = hilbert_gpu.alloc : <1, <32x16xf16>>
  // CHECK-NOT: hilbert_gpu.async_load
  // CHECK: scf.for
  // CHECK-NEXT: hilbert_gpu.wait 0
  // CHECK-NOT: scf.if
  // CHECK: hilbert_gpu.async_load
  // CHECK-NEXT: hilbert_gpu.commit
  // CHECK-NEXT: hilbert_gpu.wait 0
  // CHECK: %[[ZERO:.*]] = arith.constant 0 : i32
  // CHECK: %[[S:.*]] = hilbert_gpu.slot %[[RING]][%[[ZERO]]]
  // CHECK: hilbert_gpu.dot %{{.*}}, %[[S]]
  // REMARK: remark: {{.*}} Kernel=one, SharedBytes=1024, Stages=1
  gpu.func @one(%k: !m, %n: i32, %q: !q, %init: !acc) kernel attributes {hilbert_gpu.schedule = #hilbert_gpu.schedule<m = 16, n = 32, warps = 1, stages = 1, ctas = 1>} {
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %c32 = arith.constant 32 : i32
    %0 = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %init) -> !acc : i32 {
      %rows = hilbert_gpu.run_rows %i, %c32 step 1 : !r
      %tile = hilbert_gpu.load %k[%rows] : !m, !r -> !s
      %1 = hilbert_gpu.dot %q, %tile, %acc {transpose_b} : !q, !s, !acc
      scf.yield %1 : !acc
    }
    gpu.return
  }

  // Three, of two tensors: two groups are in flight before the loop, and one
  // may stay so while a tile is used. A group has the tiles of all tensors.
  // CHECK-LABEL: gpu.func @three(
  // CHECK-SAME: %[[K:[^:]*]]: !hilbert_gpu.matrix<16xf16>, %[[V:[^:]*]]: !hilbert_gpu.matrix<16xf16>
  // CHECK-COUNT-2: hilbert_gpu.alloc : <3, <32x16xf16>>
  // CHECK: hilbert_gpu.async_load %[[K]]
  // CHECK: hilbert_gpu.async_load %[[V]]
  // CHECK: hilbert_gpu.commit
  // CHECK: hilbert_gpu.async_load %[[K]]
  // CHECK: hilbert_gpu.async_load %[[V]]
  // CHECK: hilbert_gpu.commit
  // CHECK-NOT: hilbert_gpu.commit
  // CHECK: scf.for %[[I:[^ ]*]] =
  // CHECK-NEXT: hilbert_gpu.wait 1
  // CHECK: %[[C2:.*]] = arith.constant 2 : i32
  // CHECK: arith.addi %[[I]], %[[C2]] : i32
  // CHECK: hilbert_gpu.async_load %[[K]]
  // CHECK: hilbert_gpu.async_load %[[V]]
  // CHECK: hilbert_gpu.commit
  // CHECK: %[[C3:.*]] = arith.constant 3 : i32
  // CHECK: arith.remui %[[I]], %[[C3]] : i32
  // REMARK: remark: {{.*}} Kernel=three, SharedBytes=6144, Stages=3
  gpu.func @three(%k: !m, %v: !m, %n: i32, %q: !q, %init: !acc) kernel attributes {hilbert_gpu.schedule = #hilbert_gpu.schedule<m = 16, n = 32, warps = 1, stages = 3, ctas = 1>} {
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %c32 = arith.constant 32 : i32
    %0 = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %init) -> !acc : i32 {
      %rows = hilbert_gpu.run_rows %i, %c32 step 1 : !r
      %a = hilbert_gpu.load %k[%rows] : !m, !r -> !s
      %b = hilbert_gpu.load %v[%rows] : !m, !r -> !s
      %1 = hilbert_gpu.dot %q, %a, %acc {transpose_b} : !q, !s, !acc
      %2 = hilbert_gpu.dot %q, %b, %1 {transpose_b} : !q, !s, !acc
      scf.yield %2 : !acc
    }
    gpu.return
  }

  // A loop in a loop: its first copies wait until the buffers, which it has used
  // before, have been read. What the outer loop carries is known to them.
  // CHECK-LABEL: gpu.func @nested(
  // CHECK: %[[RING:.*]] = hilbert_gpu.alloc : <2, <32x16xf16>>
  // CHECK: scf.for %[[J:[^ ]*]] =
  // CHECK: %[[BEGIN:.*]] = arith.muli %[[J]]
  // CHECK: hilbert_gpu.wait 0
  // CHECK: scf.if
  // CHECK:   arith.addi %[[BEGIN]]
  // CHECK:   hilbert_gpu.async_load
  // CHECK: hilbert_gpu.commit
  // CHECK-NEXT: scf.for
  // CHECK-NEXT: hilbert_gpu.wait 0
  // REMARK: remark: {{.*}} Kernel=nested, SharedBytes=2048, Stages=2
  gpu.func @nested(%k: !m, %n: i32, %q: !q, %init: !acc) kernel attributes {hilbert_gpu.schedule = #hilbert_gpu.schedule<m = 16, n = 32, warps = 1, stages = 2, ctas = 1>} {
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %c32 = arith.constant 32 : i32
    %0 = scf.for %j = %c0 to %n step %c1 iter_args(%outer = %init) -> !acc : i32 {
      %begin = arith.muli %j, %n : i32
      %1 = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %outer) -> !acc : i32 {
        %first = arith.addi %begin, %i : i32
        %rows = hilbert_gpu.run_rows %first, %c32 step 1 : !r
        %tile = hilbert_gpu.load %k[%rows] : !m, !r -> !s
        %2 = hilbert_gpu.dot %q, %tile, %acc {transpose_b} : !q, !s, !acc
        scf.yield %2 : !acc
      }
      scf.yield %1 : !acc
    }
    gpu.return
  }

  // Cleaned tiles use their bounds one after the other: all have one buffer.
  // CHECK-LABEL: gpu.func @bounds(
  // CHECK: %[[LOST1:.*]] = hilbert_gpu.alloc : <1, <48xi32>>
  // CHECK: %[[LOST0:.*]] = hilbert_gpu.alloc : <1, <48xi32>>
  // CHECK: %[[RING:.*]] = hilbert_gpu.alloc : <2, <32x16xf16>>
  // CHECK: %[[B0:.*]] = hilbert_gpu.slot %[[LOST0]][%{{.*}}] : <1, <48xi32>>
  // CHECK: hilbert_gpu.fill %[[B0]], 2147483647 : <48xi32>
  // CHECK: %[[B1:.*]] = hilbert_gpu.slot %[[LOST1]][%{{.*}}] : <1, <48xi32>>
  // CHECK: hilbert_gpu.fill %[[B1]], -2147483648 : <48xi32>
  // CHECK: scf.for
  // CHECK:   hilbert_gpu.async_load
  // CHECK:   %[[T:.*]] = hilbert_gpu.slot %[[RING]]
  // CHECK:   hilbert_gpu.take_non_finite %[[T]], %[[R:.*]], %[[B0]] if %[[CUT:.*]] : <32x16xf16>, <32, run>, <48xi32>
  // CHECK:   hilbert_gpu.take_non_finite %[[T]], %[[R]], %[[B1]] if %[[CUT]] {latest}
  // CHECK: hilbert_gpu.poison %{{.*}}, %[[B0]], %{{.*}} : tensor<16x16xf32
  // CHECK: hilbert_gpu.poison %{{.*}}, %[[B1]], %{{.*}} {latest} :
  // Bytes of the ring and of the bounds, in multiples of 128.
  // REMARK: remark: {{.*}} Kernel=bounds, SharedBytes=2560, Stages=2
  gpu.func @bounds(%k: !m, %n: i32, %p: !p, %init: !sum, %rank: !rank, %cut: i1) kernel attributes {hilbert_gpu.schedule = #hilbert_gpu.schedule<m = 16, n = 32, warps = 1, stages = 2, ctas = 1>} {
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %c32 = arith.constant 32 : i32
    %bounds = hilbert_gpu.bounds : !hilbert_gpu.smem<48xi32>
    %bounds2 = hilbert_gpu.bounds {latest} : !hilbert_gpu.smem<48xi32>
    %0 = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %init) -> !sum : i32 {
      %rows = hilbert_gpu.run_rows %i, %c32 step 1 : !r
      %tile = hilbert_gpu.load %k[%rows] : !m, !r -> !s
      %found = hilbert_gpu.take_non_finite %tile, %rows, %bounds if %cut : !s, !r, !hilbert_gpu.smem<48xi32>
      %found2 = hilbert_gpu.take_non_finite %tile, %rows, %bounds2 if %cut {latest} : !s, !r, !hilbert_gpu.smem<48xi32>
      %1 = hilbert_gpu.dot %p, %tile, %acc : !p, !s, !sum
      scf.yield %1 : !sum
    }
    %2 = hilbert_gpu.poison %0, %bounds, %rank : !sum, !hilbert_gpu.smem<48xi32>, !rank
    %3 = hilbert_gpu.poison %2, %bounds2, %rank {latest} : !sum, !hilbert_gpu.smem<48xi32>, !rank
    gpu.return
  }

  // No schedule, no change.
  // CHECK-LABEL: gpu.func @unscheduled(
  // CHECK-NEXT: gpu.return
  gpu.func @unscheduled() kernel {
    gpu.return
  }
}

//--- outside.mlir

!q = !hilbert_gpu.matrix<16xf16>
!l = !hilbert_gpu.matrix<1xf32>
!r = !hilbert_gpu.rows<16, run>
!s = !hilbert_gpu.smem<16x16xf16>
#acc = #hilbert_gpu.mma<warps = 1>
!o = tensor<16x16xf16, #hilbert_gpu.operand<#acc>>
!v = tensor<16xf32, #hilbert_gpu.slice<1, #acc>>

gpu.module @kernels {
  // A tile that no loop loads is resident: it has a buffer, through which a
  // matrix of its shape is stored later, by whole rows. A second matrix takes
  // the next buffer; vectors are stored as they are.
  // CHECK-LABEL: gpu.func @resident(
  // CHECK-SAME: %[[Q:[^:]*]]: !hilbert_gpu.matrix<16xf16>, %[[L:[^:]*]]: !hilbert_gpu.matrix<1xf32>, %[[R:[^:]*]]: !hilbert_gpu.rows<16, run>
  // CHECK-SAME: %[[O:[^:]*]]: tensor<16x16xf16,
  // CHECK-SAME: %[[V:[^:]*]]: tensor<16xf32,
  // CHECK: %[[MORE:.*]] = hilbert_gpu.alloc : <1, <16x16xf16>>
  // CHECK: %[[OWN:.*]] = hilbert_gpu.alloc : <1, <16x16xf16>>
  // CHECK-NOT: hilbert_gpu.alloc
  // CHECK: %[[S:.*]] = hilbert_gpu.slot %[[OWN]]
  // CHECK-NEXT: hilbert_gpu.async_load %[[Q]][%[[R]]], %[[S]]
  // CHECK-NEXT: hilbert_gpu.commit
  // CHECK-NEXT: hilbert_gpu.wait 0
  // CHECK-NEXT: hilbert_gpu.local_load %[[S]]
  // CHECK: hilbert_gpu.wait 0
  // CHECK: %[[T:.*]] = hilbert_gpu.slot %[[OWN]]
  // CHECK: hilbert_gpu.local_store %[[O]], %[[T]]
  // CHECK-NEXT: hilbert_gpu.wait 0
  // CHECK-NEXT: hilbert_gpu.copy_out %[[T]], %[[Q]][%[[R]]]
  // CHECK: hilbert_gpu.wait 0
  // CHECK: %[[U:.*]] = hilbert_gpu.slot %[[MORE]]
  // CHECK: hilbert_gpu.local_store %{{.*}}, %[[U]]
  // CHECK-NEXT: hilbert_gpu.wait 0
  // CHECK-NEXT: hilbert_gpu.copy_out %[[U]], %[[Q]][%[[R]]]
  // CHECK-NEXT: hilbert_gpu.store %[[V]], %[[L]][%[[R]]]
  gpu.func @resident(%q: !q, %l: !l, %rows: !r, %o: !o, %v: !v) kernel attributes {hilbert_gpu.schedule = #hilbert_gpu.schedule<m = 16, n = 32, warps = 1, stages = 2, ctas = 1>} {
    %tile = hilbert_gpu.load %q[%rows] : !q, !r -> !s
    %0 = hilbert_gpu.local_load %tile : !s -> !o
    hilbert_gpu.store %o, %q[%rows] : !o, !q, !r
    hilbert_gpu.store %0, %q[%rows] : !o, !q, !r
    hilbert_gpu.store %v, %l[%rows] : !v, !l, !r
    gpu.return
  }

  // A resident tile of another shape is no buffer for a store.
  // CHECK-LABEL: gpu.func @other_shape(
  // CHECK-DAG: %[[BUFFER:.*]] = hilbert_gpu.alloc : <1, <16x16xf16>>
  // CHECK-DAG: hilbert_gpu.alloc : <1, <16x32xf16>>
  // CHECK: %[[T:.*]] = hilbert_gpu.slot %[[BUFFER]]
  // CHECK: hilbert_gpu.local_store %{{.*}}, %[[T]]
  gpu.func @other_shape(%w: !hilbert_gpu.matrix<32xf16>, %q: !q, %rows: !r, %o: !o) kernel attributes {hilbert_gpu.schedule = #hilbert_gpu.schedule<m = 16, n = 32, warps = 1, stages = 2, ctas = 1>} {
    %tile = hilbert_gpu.load %w[%rows] : !hilbert_gpu.matrix<32xf16>, !r -> !hilbert_gpu.smem<16x32xf16>
    hilbert_gpu.store %o, %q[%rows] : !o, !q, !r
    gpu.return
  }
}

//--- early.mlir

!m = !hilbert_gpu.matrix<16xf16>
!r = !hilbert_gpu.rows<16, run>
!s = !hilbert_gpu.smem<16x16xf16>
#acc = #hilbert_gpu.mma<warps = 1>
!acc = tensor<16x16xf32, #acc>
!o = tensor<16x16xf16, #hilbert_gpu.operand<#acc>>

gpu.module @kernels {
  // The first copies of a loop begin before resident tiles are waited for, which
  // leaves their groups in flight: two of three stages.
  // CHECK-LABEL: gpu.func @early(
  // CHECK-SAME: %[[K:[^:]*]]: !hilbert_gpu.matrix<16xf16>, %[[Q:[^:]*]]: !hilbert_gpu.matrix<16xf16>, %[[OWN:[^:]*]]: !hilbert_gpu.rows
  // CHECK: hilbert_gpu.async_load %[[Q]][%[[OWN]]], %[[A:.*]] :
  // CHECK-NEXT: hilbert_gpu.commit
  // CHECK: hilbert_gpu.async_load %[[Q]][%[[OWN]]], %[[B:.*]] :
  // CHECK-NEXT: hilbert_gpu.commit
  // CHECK-NOT: hilbert_gpu.wait
  // CHECK: hilbert_gpu.async_load %[[K]]
  // CHECK: hilbert_gpu.commit
  // CHECK-NOT: hilbert_gpu.wait
  // CHECK: hilbert_gpu.async_load %[[K]]
  // CHECK: hilbert_gpu.commit
  // CHECK-NEXT: hilbert_gpu.wait 2
  // CHECK-NEXT: hilbert_gpu.local_load %[[A]]
  // CHECK-NEXT: hilbert_gpu.wait 2
  // CHECK-NEXT: hilbert_gpu.local_load %[[B]]
  // CHECK-NOT: hilbert_gpu.{{commit|async_load}}
  // CHECK: scf.for
  // CHECK-NEXT: hilbert_gpu.wait 1
  gpu.func @early(%k: !m, %q: !m, %own: !r, %n: i32, %init: !acc) kernel attributes {hilbert_gpu.schedule = #hilbert_gpu.schedule<m = 16, n = 16, warps = 1, stages = 3, ctas = 1>} {
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %a = hilbert_gpu.load %q[%own] : !m, !r -> !s
    %b = hilbert_gpu.load %q[%own] : !m, !r -> !s
    %x = hilbert_gpu.local_load %a : !s -> !o
    %y = hilbert_gpu.local_load %b : !s -> !o
    %z = arith.addf %x, %y : !o
    %0 = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %init) -> !acc : i32 {
      %rows = hilbert_gpu.run_rows %i, %n step 1 : !r
      %tile = hilbert_gpu.load %k[%rows] : !m, !r -> !s
      %1 = hilbert_gpu.dot %z, %tile, %acc : !o, !s, !acc
      scf.yield %1 : !acc
    }
    gpu.return
  }

  // Not if a bound of the loop, or what its copies need, is computed only after
  // the resident tiles have been read; then these have nothing else in flight.
  // CHECK-LABEL: gpu.func @late_bound(
  // CHECK: hilbert_gpu.commit
  // CHECK-NEXT: hilbert_gpu.wait 0
  // CHECK-NEXT: hilbert_gpu.local_load
  // CHECK: %[[END:.*]] = arith.addi
  // CHECK: hilbert_gpu.async_load
  // CHECK: scf.for %{{.*}} = %{{.*}} to %[[END]]
  gpu.func @late_bound(%k: !m, %q: !m, %own: !r, %n: i32, %init: !acc) kernel attributes {hilbert_gpu.schedule = #hilbert_gpu.schedule<m = 16, n = 16, warps = 1, stages = 3, ctas = 1>} {
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %a = hilbert_gpu.load %q[%own] : !m, !r -> !s
    %x = hilbert_gpu.local_load %a : !s -> !o
    %end = arith.addi %n, %c1 : i32
    %0 = scf.for %i = %c0 to %end step %c1 iter_args(%acc = %init) -> !acc : i32 {
      %rows = hilbert_gpu.run_rows %i, %n step 1 : !r
      %tile = hilbert_gpu.load %k[%rows] : !m, !r -> !s
      %1 = hilbert_gpu.dot %x, %tile, %acc : !o, !s, !acc
      scf.yield %1 : !acc
    }
    gpu.return
  }

  // CHECK-LABEL: gpu.func @late_rows(
  // CHECK: hilbert_gpu.wait 0
  // CHECK-NEXT: hilbert_gpu.local_load
  // CHECK: %[[COUNT:.*]] = arith.addi
  // CHECK: hilbert_gpu.run_rows %{{.*}}, %[[COUNT]]
  // CHECK: scf.for
  gpu.func @late_rows(%k: !m, %q: !m, %own: !r, %n: i32, %init: !acc) kernel attributes {hilbert_gpu.schedule = #hilbert_gpu.schedule<m = 16, n = 16, warps = 1, stages = 3, ctas = 1>} {
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %a = hilbert_gpu.load %q[%own] : !m, !r -> !s
    %x = hilbert_gpu.local_load %a : !s -> !o
    %count = arith.addi %n, %c1 : i32
    %0 = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %init) -> !acc : i32 {
      %rows = hilbert_gpu.run_rows %i, %count step 1 : !r
      %tile = hilbert_gpu.load %k[%rows] : !m, !r -> !s
      %1 = hilbert_gpu.dot %x, %tile, %acc : !o, !s, !acc
      scf.yield %1 : !acc
    }
    gpu.return
  }
}

//--- errors.mlir

!m = !hilbert_gpu.matrix<16xf16>
!r = !hilbert_gpu.rows<32, run>
!s = !hilbert_gpu.smem<32x16xf16>

gpu.module @carried {
  gpu.func @f(%k: !m, %n: i32) kernel attributes {hilbert_gpu.schedule = #hilbert_gpu.schedule<m = 16, n = 32, warps = 1, stages = 2, ctas = 1>} {
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %0 = scf.for %i = %c0 to %n step %c1 iter_args(%first = %c0) -> i32 : i32 {
      %next = arith.addi %first, %n : i32
      %rows = hilbert_gpu.run_rows %next, %n step 1 : !r
      // expected-error@+1 {{'hilbert_gpu.load' op depends on a value that its loop carries, so it cannot be made ahead of time}}
      %tile = hilbert_gpu.load %k[%rows] : !m, !r -> !s
      scf.yield %next : i32
    }
    gpu.return
  }
}

// -----

!m = !hilbert_gpu.matrix<16xf16>
!r = !hilbert_gpu.rows<32, run>
!s = !hilbert_gpu.smem<32x16xf16>

// Also through what a region uses.
gpu.module @carried_into_region {
  gpu.func @f(%k: !m, %n: i32, %b: i1) kernel attributes {hilbert_gpu.schedule = #hilbert_gpu.schedule<m = 16, n = 32, warps = 1, stages = 2, ctas = 1>} {
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %0 = scf.for %i = %c0 to %n step %c1 iter_args(%first = %c0) -> i32 : i32 {
      %next = scf.if %b -> i32 {
        %sum = arith.addi %first, %n : i32
        scf.yield %sum : i32
      } else {
        scf.yield %c0 : i32
      }
      %rows = hilbert_gpu.run_rows %next, %n step 1 : !r
      // expected-error@+1 {{'hilbert_gpu.load' op depends on a value that its loop carries, so it cannot be made ahead of time}}
      %tile = hilbert_gpu.load %k[%rows] : !m, !r -> !s
      scf.yield %next : i32
    }
    gpu.return
  }
}

// -----

!m = !hilbert_gpu.matrix<16xf16>
!r = !hilbert_gpu.rows<32, run>
!s = !hilbert_gpu.smem<32x16xf16>

// Values of the body that only a region uses are computed ahead of time as well;
// without that, the IR would not verify.
gpu.module @region {
  gpu.func @f(%k: !m, %n: i32, %b: i1) kernel attributes {hilbert_gpu.schedule = #hilbert_gpu.schedule<m = 16, n = 32, warps = 1, stages = 2, ctas = 1>} {
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    scf.for %i = %c0 to %n step %c1 : i32 {
      %far = arith.muli %i, %n : i32
      %first = scf.if %b -> i32 {
        scf.yield %far : i32
      } else {
        scf.yield %c0 : i32
      }
      %rows = hilbert_gpu.run_rows %first, %n step 1 : !r
      %tile = hilbert_gpu.load %k[%rows] : !m, !r -> !s
    }
    gpu.return
  }
}
