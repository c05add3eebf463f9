// RUN: hilbert-opt %s --hilbert-select-host-schedule | FileCheck %s
// RUN: hilbert-opt %s --hilbert-select-host-schedule=lanes=4 | FileCheck %s --check-prefix=LANES4
// RUN: hilbert-opt %s --hilbert-select-host-schedule -o /dev/null --mlir-disable-threading \
// RUN:   --remark-format=emitRemark --remarks-filter='hilbert.*' 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REMARK --implicit-check-not=remark:
// RUN: not hilbert-opt %s --hilbert-select-host-schedule=lanes=12 2>&1 | FileCheck %s --check-prefix=LANES12
// RUN: not hilbert-opt %s --hilbert-select-host-schedule=lanes=0 2>&1 | FileCheck %s --check-prefix=LANES0
// RUN: not hilbert-opt %s --hilbert-select-host-schedule=lanes=-16 2>&1 | FileCheck %s --check-prefix=LANESNEG

// LANES12: error: lanes must be a power of two from 4 to 64, but got 12
// LANES0: error: lanes must be a power of two from 4 to 64, but got 0
// LANESNEG: error: lanes must be a power of two from 4 to 64, but got -16

// CHECK-LABEL: func @dense(
// CHECK: schedule(#hilbert.host_schedule<lanes = 16, columns = 64, rows = 64>)
// LANES4-LABEL: func @dense(
// LANES4: schedule(#hilbert.host_schedule<lanes = 4, columns = 64, rows = 64>)
// REMARK: remark: [Analysis] HostSchedule | Category:hilbert-select-host-schedule | Columns=64, Lanes=16, Rows=64
func.func @dense(%x: tensor<1x96x2x8xf32>, %l: tensor<1x2x96xf32>) -> tensor<1x96x2x8xf32> {
  %0:2 = hilbert.attention
      ins(%x, %x, %x : tensor<1x96x2x8xf32>, tensor<1x96x2x8xf32>, tensor<1x96x2x8xf32>)
      outs(%x, %l : tensor<1x96x2x8xf32>, tensor<1x2x96xf32>)
  return %0#0 : tensor<1x96x2x8xf32>
}

// Blocks no wider than a segment, in whole vectors.
// CHECK-LABEL: func @short_segments(
// CHECK: columns = 32, rows = 64>
// LANES4-LABEL: func @short_segments(
// LANES4: columns = 20, rows = 64>
// REMARK: remark: [Analysis] HostSchedule | Category:hilbert-select-host-schedule | Columns=32, Lanes=16, Rows=64
func.func @short_segments(%x: tensor<1x96x2x8xf32>, %l: tensor<1x2x96xf32>) -> tensor<1x96x2x8xf32> {
  %0:2 = hilbert.attention
      ins(%x, %x, %x : tensor<1x96x2x8xf32>, tensor<1x96x2x8xf32>, tensor<1x96x2x8xf32>)
      outs(%x, %l : tensor<1x96x2x8xf32>, tensor<1x2x96xf32>)
      pattern<(segment = 17)>
  return %0#0 : tensor<1x96x2x8xf32>
}

// With `both` and `residues` a class has every r-th query of its segment; the
// longest class of all branches and head groups counts.
// CHECK-LABEL: func @classes(
// CHECK: columns = 16, rows = 64>
// CHECK: columns = 48, rows = 64>
// LANES4-LABEL: func @classes(
// LANES4: columns = 12, rows = 64>
// LANES4: columns = 44, rows = 64>
// REMARK: remark: [Analysis] HostSchedule | Category:hilbert-select-host-schedule | Columns=16
// REMARK: remark: [Missed] OneKernel | Category:hilbert-select-host-schedule | Loops=2, Reason="a host kernel walks the keys of one branch", Remark="branches and head groups take a loop each"
// REMARK: remark: [Analysis] HostSchedule | Category:hilbert-select-host-schedule | Columns=48
// REMARK: remark: [Missed] OneKernel | Category:hilbert-select-host-schedule | Loops=2
func.func @classes(%x: tensor<1x96x2x8xf32>, %l: tensor<1x2x96xf32>)
    -> (tensor<1x96x2x8xf32>, tensor<1x96x2x8xf32>) {
  %0:2 = hilbert.attention
      ins(%x, %x, %x : tensor<1x96x2x8xf32>, tensor<1x96x2x8xf32>, tensor<1x96x2x8xf32>)
      outs(%x, %l : tensor<1x96x2x8xf32>, tensor<1x2x96xf32>)
      pattern<(segment = 41, dilation = 4, mode = residues) + (segment = 40, dilation = 8, mode = both)>
  %1:2 = hilbert.attention
      ins(%x, %x, %x : tensor<1x96x2x8xf32>, tensor<1x96x2x8xf32>, tensor<1x96x2x8xf32>)
      outs(%x, %l : tensor<1x96x2x8xf32>, tensor<1x2x96xf32>)
      pattern<heads 1: (segment = 4), heads 1: (segment = 42, dilation = 8)>
  return %0#0, %1#0 : tensor<1x96x2x8xf32>, tensor<1x96x2x8xf32>
}

// Gradients too; a schedule that is there stays.
// CHECK-LABEL: func @grad_and_chosen(
// CHECK: hilbert.attention ins
// CHECK-SAME: schedule(#hilbert.host_schedule<lanes = 8, columns = 8, rows = 4>)
// CHECK: hilbert.attention_grad
// CHECK-SAME: schedule(#hilbert.host_schedule<lanes = 16, columns = 64, rows = 64>)
// REMARK: remark: [Analysis] HostSchedule | Category:hilbert-select-host-schedule | Columns=64
func.func @grad_and_chosen(%x: tensor<1x96x2x8xf32>, %l: tensor<1x2x96xf32>) -> tensor<1x96x2x8xf32> {
  %0:2 = hilbert.attention
      ins(%x, %x, %x : tensor<1x96x2x8xf32>, tensor<1x96x2x8xf32>, tensor<1x96x2x8xf32>)
      outs(%x, %l : tensor<1x96x2x8xf32>, tensor<1x2x96xf32>)
      schedule(#hilbert.host_schedule<lanes = 8, columns = 8, rows = 4>)
  %1:3 = hilbert.attention_grad
      ins(%x, %x, %x, %0#0, %0#1, %x : tensor<1x96x2x8xf32>, tensor<1x96x2x8xf32>,
          tensor<1x96x2x8xf32>, tensor<1x96x2x8xf32>, tensor<1x2x96xf32>,
          tensor<1x96x2x8xf32>)
      outs(%x, %x, %x : tensor<1x96x2x8xf32>, tensor<1x96x2x8xf32>, tensor<1x96x2x8xf32>)
  return %1#0 : tensor<1x96x2x8xf32>
}
