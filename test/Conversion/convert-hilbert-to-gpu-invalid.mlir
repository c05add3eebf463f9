// RUN: hilbert-opt %s --convert-hilbert-to-gpu --split-input-file --verify-diagnostics

#s = #hilbert_gpu.schedule<m = 64, n = 32, warps = 4, stages = 2, ctas = 1>
!t = tensor<1x?x4x16xf32>
!l = tensor<1x4x?xf32>
func.func @element(%q: !t, %lse: !l) -> !t {
  // expected-error@+1 {{GPU lowering multiplies f32 elements in tf32, with 10 bits of fraction: allow it, or use f16 or bf16}}
  %r:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l) schedule(#s)
  return %r#0 : !t
}

// -----

#s = #hilbert_gpu.schedule<m = 64, n = 32, warps = 4, stages = 2, ctas = 1>
!t = tensor<1x?x4x16xf16>
!l = tensor<1x4x?xf32>
func.func @branches(%q: !t, %lse: !l) -> !t {
  // expected-error@+1 {{GPU lowering takes one branch for all heads, but got #hilbert.pattern<(segment = 32) + (segment = 64, dilation = 2)>}}
  %r:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l)
    pattern<(segment = 32) + (segment = 64, dilation = 2)> schedule(#s)
  return %r#0 : !t
}

// -----

#s = #hilbert_gpu.schedule<m = 64, n = 32, warps = 4, stages = 2, ctas = 1>
!t = tensor<1x?x4x16xf16>
!l = tensor<1x4x?xf32>
func.func @head_groups(%q: !t, %lse: !l) -> !t {
  // expected-error@+1 {{GPU lowering takes one branch for all heads, but got}}
  %r:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l)
    pattern<heads 2: (segment = 32), heads 2: (segment = 64)> schedule(#s)
  return %r#0 : !t
}

// -----

!t = tensor<1x?x4x16xf16>
!l = tensor<1x4x?xf32>
func.func @no_schedule(%q: !t, %lse: !l) -> !t {
  // expected-error@+1 {{GPU lowering needs a #hilbert_gpu.schedule: run hilbert-select-gpu-schedule first}}
  %r:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l)
  return %r#0 : !t
}

// -----

!t = tensor<1x?x4x16xf16>
!l = tensor<1x4x?xf32>
func.func @host_schedule(%q: !t, %lse: !l) -> !t {
  // expected-error@+1 {{GPU lowering needs a #hilbert_gpu.schedule: run hilbert-select-gpu-schedule first}}
  %r:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l)
    schedule(#hilbert.host_schedule<lanes = 16, columns = 64, rows = 64>)
  return %r#0 : !t
}

// -----

#s = #hilbert_gpu.schedule<m = 64, n = 32, warps = 4, stages = 2, ctas = 1>
!t = tensor<1x?x4x16xf16>
!l = tensor<1x4x?xf32>
func.func @grad_schedule(%q: !t, %lse: !l) -> !t {
  // expected-error@+1 {{GPU lowering needs a #hilbert_gpu.grad_schedule: run hilbert-select-gpu-schedule first}}
  %r:3 = hilbert.attention_grad ins(%q, %q, %q, %q, %lse, %q : !t, !t, !t, !t, !l, !t)
    outs(%q, %q, %q : !t, !t, !t) schedule(#s)
  return %r#0 : !t
}

// -----

// Rows of a box are not in the order of positions.
#s = #hilbert_gpu.schedule<m = 64, n = 32, warps = 4, stages = 2, ctas = 1>
!t = tensor<1x?x4x16xf16>
!l = tensor<1x4x?xf32>
!i = tensor<?xi32>
func.func @query_boxes(%q: !t, %lse: !l, %o: !i) -> !t {
  // expected-error@+1 {{queries in boxes need an equal order of the result and no causality by position}}
  %r:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l)
    order(%o : !i) causal<position> schedule(#s) {hilbert_gpu.query_access = #hilbert_gpu.access<box>}
  return %r#0 : !t
}

// -----

#s = #hilbert_gpu.schedule<m = 64, n = 32, warps = 4, stages = 2, ctas = 1>
!t = tensor<1x?x4x16xf16>
!l = tensor<1x4x?xf32>
!i = tensor<?xi32>
func.func @query_boxes_out_order(%q: !t, %lse: !l, %o: !i) -> !t {
  // expected-error@+1 {{queries in boxes need an equal order of the result and no causality by position}}
  %r:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l)
    order(q = %o : !i) schedule(#s) {hilbert_gpu.query_access = #hilbert_gpu.access<box>}
  return %r#0 : !t
}

// -----

#s = #hilbert_gpu.schedule<m = 64, n = 32, warps = 4, stages = 2, ctas = 1>
!t = tensor<1x?x4x16xf16>
!l = tensor<1x4x?xf32>
!i = tensor<?xi32>
func.func @key_boxes(%q: !t, %lse: !l, %o: !i) -> !t {
  // expected-error@+1 {{keys in boxes need no causality by position}}
  %r:2 = hilbert.attention ins(%q, %q, %q : !t, !t, !t) outs(%q, %lse : !t, !l)
    order(%o : !i) causal<position> schedule(#s) {hilbert_gpu.key_access = #hilbert_gpu.access<box>}
  return %r#0 : !t
}
