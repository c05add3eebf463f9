// RUN: hilbert-opt %s -split-input-file -verify-diagnostics

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

func.func @attention_c11(%x: memref<2x16x4x8xf32>, %l: memref<2x4x16xf32>) {
  // expected-error@+1 {{a memref that is written must not be an operand twice, but operand 3 is}}
  hilbert.attention ins(%x, %x, %x : memref<2x16x4x8xf32>, memref<2x16x4x8xf32>, memref<2x16x4x8xf32>)
      outs(%x, %l : memref<2x16x4x8xf32>, memref<2x4x16xf32>)
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
