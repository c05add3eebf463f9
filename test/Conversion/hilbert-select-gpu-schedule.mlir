// RUN: split-file %s %t
// RUN: hilbert-opt %t/chosen.mlir --hilbert-select-gpu-schedule | FileCheck %t/chosen.mlir
// RUN: hilbert-opt %t/chosen.mlir --hilbert-select-gpu-schedule -o /dev/null --mlir-disable-threading \
// RUN:   --remark-format=emitRemark --remarks-filter='hilbert.*' 2>&1 \
// RUN:   | FileCheck %t/chosen.mlir --check-prefix=REMARK --implicit-check-not=remark:

// Every target; those with less shared memory keep fewer tiles in it.
// RUN: hilbert-opt %t/wide.mlir --hilbert-select-gpu-schedule=chip=sm_80 | FileCheck %t/wide.mlir --check-prefixes=CHECK,LARGE
// RUN: hilbert-opt %t/wide.mlir --hilbert-select-gpu-schedule=chip=sm_86 | FileCheck %t/wide.mlir --check-prefixes=CHECK,SMALL
// RUN: hilbert-opt %t/wide.mlir --hilbert-select-gpu-schedule=chip=sm_87 | FileCheck %t/wide.mlir --check-prefixes=CHECK,LARGE
// RUN: hilbert-opt %t/wide.mlir --hilbert-select-gpu-schedule=chip=sm_89 | FileCheck %t/wide.mlir --check-prefixes=CHECK,SMALL
// RUN: hilbert-opt %t/wide.mlir --hilbert-select-gpu-schedule=chip=sm_90 | FileCheck %t/wide.mlir --check-prefixes=CHECK,LARGE
// RUN: hilbert-opt %t/wide.mlir --hilbert-select-gpu-schedule=chip=sm_90a | FileCheck %t/wide.mlir --check-prefixes=CHECK,LARGE

// RUN: not hilbert-opt %t/wide.mlir --hilbert-select-gpu-schedule=chip=sm_75 2>&1 | FileCheck %t/wide.mlir --check-prefix=CHIP
// RUN: hilbert-opt %t/ctas.mlir --hilbert-select-gpu-schedule=chip=sm_80 | FileCheck %t/ctas.mlir --check-prefix=SM80
// RUN: hilbert-opt %t/ctas.mlir --hilbert-select-gpu-schedule=chip=sm_86 | FileCheck %t/ctas.mlir --check-prefix=SM86
// RUN: hilbert-opt %t/ctas.mlir --hilbert-select-gpu-schedule=chip=sm_90 | FileCheck %t/ctas.mlir --check-prefix=SM90
// RUN: hilbert-opt %t/widest.mlir --hilbert-select-gpu-schedule=chip=sm_86 | FileCheck %t/widest.mlir
// RUN: hilbert-opt %t/orders.mlir --hilbert-select-gpu-schedule=chip=sm_90 | FileCheck %t/orders.mlir --check-prefixes=CHECK,SM90
// RUN: hilbert-opt %t/orders.mlir --hilbert-select-gpu-schedule=chip=sm_80 | FileCheck %t/orders.mlir --check-prefixes=CHECK,SM80
// RUN: hilbert-opt %t/tf32.mlir --hilbert-select-gpu-schedule=chip=sm_90 | FileCheck %t/tf32.mlir --check-prefixes=CHECK,LARGE
// RUN: hilbert-opt %t/tf32.mlir --hilbert-select-gpu-schedule=chip=sm_86 | FileCheck %t/tf32.mlir --check-prefix=SMALL

//--- chosen.mlir

!t = tensor<1x?x4x64xf16>
!l = tensor<1x4x?xf32>

// Sizes are the outcome of measurements, and not tested.
// CHECK-LABEL: func @forward(
// CHECK: hilbert.attention ins{{.*}} schedule(#hilbert_gpu.schedule<m = {{[0-9]+}}, n = {{[0-9]+}}, warps = {{[0-9]+}}, stages = {{[0-9]+}}, ctas = {{[0-9]+}}{{.*}}>)
// REMARK: remark: [Analysis] GPUSchedule | Category:hilbert-select-gpu-schedule | Schedule="#hilbert_gpu.schedule<m = {{.*}}>"
func.func @forward(%q: !t, %lse: !l) -> !t {
  %r:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l)
  return %r#0 : !t
}

// CHECK-LABEL: func @gradient(
// CHECK: hilbert.attention_grad ins{{.*}} schedule(#hilbert_gpu.grad_schedule<dq = <m = {{.*}}>, dkv = <m = {{.*}}>>)
// REMARK: remark: {{.*}} Schedule="#hilbert_gpu.grad_schedule<dq = <m = {{.*}}>, dkv = <m = {{.*}}>>"
func.func @gradient(%q: !t, %lse: !l) -> !t {
  %r:3 = hilbert.attention_grad ins(%q, %q, %q, %q, %lse, %q : !t, !t, !t, !t, !l, !t)
    outs(%q, %q, %q : !t, !t, !t)
  return %r#0 : !t
}

// A schedule that is there stays, whatever it is.
// CHECK-LABEL: func @kept(
// CHECK: schedule(#hilbert_gpu.schedule<m = 16, n = 16, warps = 1, stages = 8, ctas = 8>)
// CHECK: schedule(#hilbert.host_schedule<lanes = 16, columns = 64, rows = 64>)
func.func @kept(%q: !t, %lse: !l) -> !t {
  %r:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l)
    schedule(#hilbert_gpu.schedule<m = 16, n = 16, warps = 1, stages = 8, ctas = 8>)
  %s:2 = hilbert.attention ins(%r#0, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l)
    schedule(#hilbert.host_schedule<lanes = 16, columns = 64, rows = 64>)
  return %s#0 : !t
}

//--- wide.mlir

!t = tensor<1x?x4x256xf16>
!l = tensor<1x4x?xf32>

// CHIP: error: target must be sm_80, sm_86, sm_87, sm_89, sm_90 or sm_90a, but is sm_75
// CHECK-LABEL: func @wide(
// LARGE: stages = 2,
// SMALL: stages = 1,
func.func @wide(%q: !t, %lse: !l) -> !t {
  %r:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l)
  return %r#0 : !t
}

//--- ctas.mlir

!t = tensor<1x?x4x128xf16>
!l = tensor<1x4x?xf32>

// Two CTAs share a multiprocessor: fewer stages are preferred to fewer CTAs, and
// one CTA of all their warps to one of half as many.
// SM80-LABEL: func @forward(
// SM80: warps = 4, stages = 1, ctas = 2>
// SM86-LABEL: func @forward(
// SM86: warps = 8, stages = 2, ctas = 1, addresses = thread>
// SM90-LABEL: func @forward(
// SM90: warps = 4, stages = 2, ctas = 2>
func.func @forward(%q: !t, %lse: !l) -> !t {
  %r:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l)
  return %r#0 : !t
}

// Under causality, what it hides takes some of the memory, too.
// SM80-LABEL: func @causal_gradient(
// SM80: dq = <m = 128, n = 64, warps = 8, stages = 2, ctas = 1, addresses = again>
// SM86-LABEL: func @causal_gradient(
// SM86: dq = <m = 64, n = 64, warps = 4, stages = 1, ctas = 1, addresses = again>
// SM90-LABEL: func @causal_gradient(
// SM90: dq = <m = 64, n = 64, warps = 4, stages = 1, ctas = 2, addresses = again>
func.func @causal_gradient(%q: !t, %lse: !l) -> !t {
  %r:3 = hilbert.attention_grad ins(%q, %q, %q, %q, %lse, %q : !t, !t, !t, !t, !l, !t)
    outs(%q, %q, %q : !t, !t, !t) causal<position>
  return %r#0 : !t
}

// Where two CTAs have no room at all, one of their warps with as many rows each
// still leaves more registers to a row.
// SM80-LABEL: func @wide_elements(
// SM80: m = 128, n = 64, warps = 8, stages = 1, ctas = 1,
// SM86-LABEL: func @wide_elements(
// SM86: m = 128, n = 32, warps = 8, stages = 1, ctas = 1,
// SM90-LABEL: func @wide_elements(
// SM90: m = 128, n = 64, warps = 8, stages = 2, ctas = 1,
func.func @wide_elements(%q: tensor<1x?x4x128xf32>, %lse: !l) -> tensor<1x?x4x128xf32> {
  %r:2 = hilbert.attention ins(%q, %q, %q : tensor<1x?x4x128xf32>, tensor<1x?x4x128xf32>, tensor<1x?x4x128xf32>)
    outs(%q, %lse : tensor<1x?x4x128xf32>, !l) {hilbert_gpu.allow_tf32}
  return %r#0 : tensor<1x?x4x128xf32>
}

// ptxas has no registers for 64 rows of so many columns, but for sm_90.
// SM80-LABEL: func @nearly_128(
// SM80: dkv = <m = 128, n = 32, warps = 8, stages = 2, ctas = 1,
// SM86-LABEL: func @nearly_128(
// SM86: dkv = <m = {{[0-9]+}}, n = {{16|32}}, warps
// SM90-LABEL: func @nearly_128(
// SM90: dkv = <m = 128, n = 64, warps = 8, stages = 2, ctas = 1,
func.func @nearly_128(%q: tensor<1x?x4x120xf16>, %lse: !l) -> tensor<1x?x4x120xf16> {
  %r:3 = hilbert.attention_grad ins(%q, %q, %q, %q, %lse, %q : tensor<1x?x4x120xf16>, tensor<1x?x4x120xf16>,
      tensor<1x?x4x120xf16>, tensor<1x?x4x120xf16>, !l, tensor<1x?x4x120xf16>)
    outs(%q, %q, %q : tensor<1x?x4x120xf16>, tensor<1x?x4x120xf16>, tensor<1x?x4x120xf16>)
  return %r#0 : tensor<1x?x4x120xf16>
}

//--- widest.mlir

!t = tensor<1x?x4x256xf16>
!l = tensor<1x4x?xf32>

// The widest tiles there are: the least shared memory has room for some.
// CHECK-LABEL: func @widest(
// CHECK: dq = <m = {{[0-9]+}}, n = 32, warps = {{[0-9]+}}, stages = 1, {{.*}}dkv = <m = {{[0-9]+}}, n = 32, warps = {{[0-9]+}}, stages = 1,
func.func @widest(%q: !t, %lse: !l) -> !t {
  %r:3 = hilbert.attention_grad ins(%q, %q, %q, %q, %lse, %q : !t, !t, !t, !t, !l, !t)
    outs(%q, %q, %q : !t, !t, !t)
  return %r#0 : !t
}

//--- orders.mlir

!t = tensor<1x?x4x128xbf16>
!l = tensor<1x4x?xf32>
!i = tensor<?xi32>

// Dilated positions, and several orders, take registers.
// CHECK-LABEL: func @position(
// SM90: n = 64, warps = 4, stages = 2, ctas = 2, addresses = thread
// SM80: n = 64, warps = 4, stages = 1, ctas = 2, addresses = thread
// CHECK-LABEL: func @dilated_position(
// SM90: m = 128, n = 32, warps = 4, stages = 2, ctas = 2, addresses = thread
// SM80: m = 64, n = 64, warps = 4,
// CHECK-LABEL: func @token_is_position(
// SM90: m = 128, n = 32, warps = 4, stages = 2, ctas = 2, addresses = thread
func.func @position(%q: !t, %lse: !l) -> !t {
  %r:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l)
    pattern<(segment = 256)> causal<position>
  return %r#0 : !t
}
func.func @dilated_position(%q: !t, %lse: !l) -> !t {
  %r:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l)
    pattern<(segment = 256, dilation = 2, mode = both)> causal<position>
  return %r#0 : !t
}
func.func @token_is_position(%q: !t, %lse: !l) -> !t {
  %r:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l)
    pattern<(segment = 256, dilation = 2, mode = both)> causal<token>
  return %r#0 : !t
}

// CHECK-LABEL: func @dilation_4(
// CHECK: dkv = <m = 64, n = 64,
// CHECK-LABEL: func @dilation_3(
// CHECK: dkv = <m = 64, n = 32,
// CHECK-LABEL: func @two_orders(
// CHECK: dkv = <m = 64, n = 32,
// By token, addresses of keys are computed again, too.
// CHECK-LABEL: func @two_orders_by_token(
// CHECK: dkv = <m = 128, n = 32, warps = 8, stages = 2, ctas = 1, addresses = again>
func.func @dilation_4(%q: !t, %lse: !l) -> !t {
  %r:3 = hilbert.attention_grad ins(%q, %q, %q, %q, %lse, %q : !t, !t, !t, !t, !l, !t)
    outs(%q, %q, %q : !t, !t, !t) pattern<(segment = 256, dilation = 4, mode = both)>
  return %r#0 : !t
}
func.func @dilation_3(%q: !t, %lse: !l) -> !t {
  %r:3 = hilbert.attention_grad ins(%q, %q, %q, %q, %lse, %q : !t, !t, !t, !t, !l, !t)
    outs(%q, %q, %q : !t, !t, !t) pattern<(segment = 256, dilation = 3, mode = both)>
  return %r#0 : !t
}
func.func @two_orders(%q: !t, %lse: !l, %o: !i) -> !t {
  %r:3 = hilbert.attention_grad ins(%q, %q, %q, %q, %lse, %q : !t, !t, !t, !t, !l, !t)
    outs(%q, %q, %q : !t, !t, !t) order(out = %o : !i) pattern<(segment = 256)>
  return %r#0 : !t
}
func.func @two_orders_by_token(%q: !t, %lse: !l, %o: !i) -> !t {
  %r:3 = hilbert.attention_grad ins(%q, %q, %q, %q, %lse, %q : !t, !t, !t, !t, !l, !t)
    outs(%q, %q, %q : !t, !t, !t) order(q = %o : !i) pattern<(segment = 256)> causal<token>
  return %r#0 : !t
}

//--- tf32.mlir

!l = tensor<1x4x?xf32>
!s = tensor<1x?x4x168xf32>
!a = tensor<1x?x4x176xf32>
!b = tensor<1x?x4x184xf32>
!c = tensor<1x?x4x192xf32>
!d = tensor<1x?x4x240xf32>
!e = tensor<1x?x4x256xf32>

// Wide f32 leaves few registers: tiles of the other side are smaller, and
// addresses are computed again. 192 columns that all exist leave more than 184.
// CHECK-LABEL: func @forward_184(
// CHECK: n = 32, warps = 4, stages = 2, ctas = 1, addresses = again
func.func @forward_184(%q: !b, %lse: !l) -> !b {
  %r:2 = hilbert.attention ins(%q, %q, %q : !b, !b, !b) outs(%q, %lse : !b, !l) {hilbert_gpu.allow_tf32}
  return %r#0 : !b
}

// CHECK-LABEL: func @forward_192(
// CHECK: n = 64, warps = 4,
func.func @forward_192(%q: !c, %lse: !l) -> !c {
  %r:2 = hilbert.attention ins(%q, %q, %q : !c, !c, !c) outs(%q, %lse : !c, !l) {hilbert_gpu.allow_tf32}
  return %r#0 : !c
}

// CHECK-LABEL: func @causal_256(
// CHECK: n = 32, warps = 4, stages = 2, ctas = 1, addresses = again
func.func @causal_256(%q: !e, %lse: !l) -> !e {
  %r:2 = hilbert.attention ins(%q, %q, %q : !e, !e, !e) outs(%q, %lse : !e, !l) causal<position>
    {hilbert_gpu.allow_tf32}
  return %r#0 : !e
}

// CHECK-LABEL: func @token_240(
// CHECK: n = 16, warps = 4, stages = 2, ctas = 1, addresses = again
func.func @token_240(%q: !d, %lse: !l, %o: tensor<?xi32>) -> !d {
  %r:2 = hilbert.attention ins(%q, %q, %q : !d, !d, !d) outs(%q, %lse : !d, !l) order(%o : tensor<?xi32>)
    causal<token> {hilbert_gpu.allow_tf32}
  return %r#0 : !d
}

// Of dense gradients, one stage leaves room for another CTA.
// CHECK-LABEL: func @dense_gradient_176(
// CHECK: dkv = <m = 64, n = 32, warps = 4, stages = 1, ctas = 1, addresses = again>
func.func @dense_gradient_176(%q: !a, %lse: !l) -> !a {
  %r:3 = hilbert.attention_grad ins(%q, %q, %q, %q, %lse, %q : !a, !a, !a, !a, !l, !a)
    outs(%q, %q, %q : !a, !a, !a) {hilbert_gpu.allow_tf32}
  return %r#0 : !a
}

// CHECK-LABEL: func @gradient_176(
// CHECK: dkv = <m = 64, n = 32, warps = 4, stages = 2,
func.func @gradient_176(%q: !a, %lse: !l) -> !a {
  %r:3 = hilbert.attention_grad ins(%q, %q, %q, %q, %lse, %q : !a, !a, !a, !a, !l, !a)
    outs(%q, %q, %q : !a, !a, !a) pattern<(segment = 256)> {hilbert_gpu.allow_tf32}
  return %r#0 : !a
}

// CHECK-LABEL: func @gradient_240(
// CHECK: dq = <m = 64, n = 16, {{.*}} addresses = again>, dkv = <m = 64, n = 16, {{.*}} addresses = again>
func.func @gradient_240(%q: !d, %lse: !l) -> !d {
  %r:3 = hilbert.attention_grad ins(%q, %q, %q, %q, %lse, %q : !d, !d, !d, !d, !l, !d)
    outs(%q, %q, %q : !d, !d, !d) pattern<(segment = 256)> {hilbert_gpu.allow_tf32}
  return %r#0 : !d
}

// ptxas has no registers for 32 rows where the target's shared memory leaves
// room for two warps only.
// LARGE-LABEL: func @gradient_168(
// LARGE: dkv = <m = 64, n = 32, warps = 4, stages = 2,
// SMALL-LABEL: func @gradient_168(
// SMALL: dkv = <m = 32, n = 16, warps = 2,
func.func @gradient_168(%q: !s, %lse: !l) -> !s {
  %r:3 = hilbert.attention_grad ins(%q, %q, %q, %q, %lse, %q : !s, !s, !s, !s, !l, !s)
    outs(%q, %q, %q : !s, !s, !s) pattern<(segment = 256)> {hilbert_gpu.allow_tf32}
  return %r#0 : !s
}

// A dilation takes more of them, by position.
// LARGE-LABEL: func @dilated_position_256(
// LARGE: n = 16, warps = 4, stages = 1, ctas = 1, addresses = again
func.func @dilated_position_256(%q: !e, %lse: !l) -> !e {
  %r:2 = hilbert.attention ins(%q, %q, %q : !e, !e, !e) outs(%q, %lse : !e, !l)
    pattern<(segment = 256, dilation = 2, mode = both)> causal<position> {hilbert_gpu.allow_tf32}
  return %r#0 : !e
}

// The columns beyond 168 do, by token.
// LARGE-LABEL: func @token_168(
// LARGE: n = 32, warps = 4, stages = 2, ctas = 1, addresses = again
// LARGE-LABEL: func @token_gradient_168(
// LARGE: dq = <m = 64, n = 16,
func.func @token_168(%q: !s, %lse: !l, %o: tensor<?xi32>) -> !s {
  %r:2 = hilbert.attention ins(%q, %q, %q : !s, !s, !s) outs(%q, %lse : !s, !l) order(%o : tensor<?xi32>)
    causal<token> {hilbert_gpu.allow_tf32}
  return %r#0 : !s
}
func.func @token_gradient_168(%q: !s, %lse: !l, %o: tensor<?xi32>) -> !s {
  %r:3 = hilbert.attention_grad ins(%q, %q, %q, %q, %lse, %q : !s, !s, !s, !s, !l, !s)
    outs(%q, %q, %q : !s, !s, !s) order(%o : tensor<?xi32>) causal<token> {hilbert_gpu.allow_tf32}
  return %r#0 : !s
}

// LARGE-LABEL: func @dilated_gradient_128(
// LARGE: dkv = <m = 64, n = 32,
// LARGE-LABEL: func @dilated_position_gradient_128(
// LARGE: dkv = <m = 64, n = 16,
!f = tensor<1x?x4x128xf32>
func.func @dilated_gradient_128(%q: !f, %lse: !l) -> !f {
  %r:3 = hilbert.attention_grad ins(%q, %q, %q, %q, %lse, %q : !f, !f, !f, !f, !l, !f)
    outs(%q, %q, %q : !f, !f, !f) pattern<(segment = 256, dilation = 3)> {hilbert_gpu.allow_tf32}
  return %r#0 : !f
}
func.func @dilated_position_gradient_128(%q: !f, %lse: !l) -> !f {
  %r:3 = hilbert.attention_grad ins(%q, %q, %q, %q, %lse, %q : !f, !f, !f, !f, !l, !f)
    outs(%q, %q, %q : !f, !f, !f) pattern<(segment = 256, dilation = 3)> causal<position> {hilbert_gpu.allow_tf32}
  return %r#0 : !f
}

// A warp that copies alone does so in loops.
// SMALL-LABEL: func @gradient_256(
// SMALL: dq = <m = 16, n = 16, warps = 1, stages = 1, ctas = 1, addresses = thread>, dkv = <m = 16, n = 16, warps = 1, stages = 1, ctas = 1, addresses = again>
func.func @gradient_256(%q: !e, %lse: !l) -> !e {
  %r:3 = hilbert.attention_grad ins(%q, %q, %q, %q, %lse, %q : !e, !e, !e, !e, !l, !e)
    outs(%q, %q, %q : !e, !e, !e) pattern<(segment = 256)> {hilbert_gpu.allow_tf32}
  return %r#0 : !e
}
