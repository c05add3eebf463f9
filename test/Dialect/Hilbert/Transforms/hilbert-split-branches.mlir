// RUN: hilbert-opt %s --hilbert-split-branches --cse --split-input-file --verify-diagnostics | FileCheck %s
// RUN: not hilbert-opt %s --hilbert-split-branches --split-input-file \
// RUN:   --remark-format=emitRemark --remarks-filter='hilbert.*' 2>&1 | FileCheck %s --check-prefix=REMARK

// Partial softmaxes are mixed by their shares. Branch results are of all heads.
// REMARK: [Missed] SplitBranches {{.*}}Reason="one kernel for #hilbert.pattern<(segment = 16) + (segment = 64, dilation = 4, offset = head)> became 2 attentions, each with its own results"
// CHECK-LABEL: func.func @union(
// CHECK-SAME: %[[Q:[^:]*]]: tensor<?x64x4x8xbf16>
func.func @union(%q: tensor<?x64x4x8xbf16>, %k: tensor<?x64x2x8xbf16>, %v: tensor<?x64x2x8xbf16>,
                 %o: tensor<?x64x4x8xbf16>, %l: tensor<?x4x64xf32>)
    -> (tensor<?x64x4x8xbf16>, tensor<?x4x64xf32>) {
  // CHECK: %[[A:.*]]:2 = hilbert.attention ins(%[[Q]], {{.*}} order(#hilbert_8x8) pattern<(segment = 16)> causal<token> {tag}
  // CHECK: %[[B:.*]]:2 = hilbert.attention ins(%[[Q]], {{.*}} order(#hilbert_8x8) pattern<(segment = 64, dilation = 4, offset = head)> causal<token> {tag}
  // CHECK: %[[LOWEST:.*]] = tensor.splat %{{.*}}[%{{.*}}] : tensor<?x4x64xf32>
  // CHECK: %[[MAX0:.*]] = arith.maximumf %[[LOWEST]], %[[A]]#1
  // CHECK: %[[MAX:.*]] = arith.maximumf %[[MAX0]], %[[B]]#1
  // CHECK: %[[D0:.*]] = arith.subf %[[A]]#1, %[[MAX]]
  // CHECK: %[[E0:.*]] = math.exp %[[D0]]
  // CHECK: %[[D1:.*]] = arith.subf %[[B]]#1, %[[MAX]]
  // CHECK: %[[E1:.*]] = math.exp %[[D1]]
  // CHECK: %[[SUM:.*]] = arith.addf %[[E0]], %[[E1]]
  // CHECK: %[[DIVISOR:.*]] = arith.maximumf %[[SUM]], %{{.*}}
  // CHECK: %[[S0:.*]] = arith.divf %[[E0]], %[[DIVISOR]]
  // CHECK: %[[F0:.*]] = arith.extf %[[A]]#0
  // CHECK: %[[W0:.*]] = linalg.broadcast ins(%[[S0]] : {{.*}} dimensions = [3]
  // CHECK: %[[T0:.*]] = linalg.transpose ins(%[[W0]] : {{.*}} permutation = [0, 2, 1, 3]
  // CHECK: %[[O0:.*]] = arith.mulf %[[F0]], %[[T0]]
  // CHECK: %[[O1:.*]] = arith.mulf
  // CHECK: %[[OUT:.*]] = arith.addf %[[O0]], %[[O1]]
  // CHECK: %[[LOG:.*]] = math.log %[[SUM]]
  // CHECK: %[[LSE:.*]] = arith.addf %[[MAX]], %[[LOG]]
  // CHECK: %[[ROUNDED:.*]] = arith.truncf %[[OUT]]
  // CHECK: return %[[ROUNDED]], %[[LSE]]
  %out, %lse = hilbert.attention ins(%q, %k, %v : tensor<?x64x4x8xbf16>, tensor<?x64x2x8xbf16>, tensor<?x64x2x8xbf16>)
      outs(%o, %l : tensor<?x64x4x8xbf16>, tensor<?x4x64xf32>)
      order(#hilbert.order<hilbert, [8, 8]>)
      pattern<(segment = 16) + (segment = 64, dilation = 4, offset = head)> causal<token> {tag}
  return %out, %lse : tensor<?x64x4x8xbf16>, tensor<?x4x64xf32>
}

// -----

// Gradients take the union's out and lse, and are added in f32.
// CHECK-LABEL: func.func @gradient(
// CHECK-SAME: %arg2: tensor<1x64x2x8xf16>, %[[O:[^:]*]]: tensor<1x64x2x8xf16>, %[[L:[^:]*]]: tensor<1x2x64xf32>
func.func @gradient(%q: tensor<1x64x2x8xf16>, %k: tensor<1x64x2x8xf16>, %v: tensor<1x64x2x8xf16>,
                    %o: tensor<1x64x2x8xf16>, %l: tensor<1x2x64xf32>) -> tensor<1x64x2x8xf16> {
  // CHECK: %[[A:.*]]:3 = hilbert.attention_grad {{.*}} %[[O]], %[[L]], {{.*}} pattern<(segment = 16)>
  // CHECK: %[[FA:.*]] = arith.extf %[[A]]#1
  // CHECK: %[[B:.*]]:3 = hilbert.attention_grad {{.*}} %[[O]], %[[L]], {{.*}} pattern<(segment = 64)>
  // CHECK: %[[FB:.*]] = arith.extf %[[B]]#1
  // CHECK: %[[SUM:.*]] = arith.addf %[[FA]], %[[FB]] : tensor<1x64x2x8xf32>
  // CHECK: %[[DK:.*]] = arith.truncf %[[SUM]]
  // CHECK: return %[[DK]]
  %dq, %dk, %dv = hilbert.attention_grad ins(%q, %k, %v, %o, %l, %q : tensor<1x64x2x8xf16>, tensor<1x64x2x8xf16>,
      tensor<1x64x2x8xf16>, tensor<1x64x2x8xf16>, tensor<1x2x64xf32>, tensor<1x64x2x8xf16>)
      outs(%q, %k, %v : tensor<1x64x2x8xf16>, tensor<1x64x2x8xf16>, tensor<1x64x2x8xf16>)
      pattern<(segment = 16) + (segment = 64)>
  return %dk : tensor<1x64x2x8xf16>
}

// -----

// 3 query heads a key head: the second group is cut at head 3, and offsets are those of the whole.
// REMARK: became 3 attentions
// CHECK-LABEL: func.func @groups(
func.func @groups(%q: tensor<1x6x64x8xf32>, %k: tensor<1x2x64x8xf32>, %v: tensor<1x2x64x8xf32>,
                  %o: tensor<1x6x64x8xf32>, %l: tensor<1x6x64xf32>) -> (tensor<1x6x64x8xf32>, tensor<1x6x64xf32>) {
  // CHECK-DAG: %[[Q0:.*]] = tensor.extract_slice %arg0[0, 0, 0, 0] [1, 2, 64, 8]
  // CHECK-DAG: %[[K0:.*]] = tensor.extract_slice %arg1[0, 0, 0, 0] [1, 1, 64, 8]
  // CHECK: hilbert.attention ins(%[[Q0]], %[[K0]], {{.*}} pattern<(segment = 16)> layout<bhnd>
  // CHECK: tensor.insert_slice {{.*}} into %arg4[0, 0, 0] [1, 2, 64]
  // CHECK: %[[Q1:.*]] = tensor.extract_slice %arg0[0, 2, 0, 0] [1, 1, 64, 8]
  // CHECK: hilbert.attention ins(%[[Q1]], %[[K0]], {{.*}} pattern<(segment = 64, dilation = 4, offset = [2])>
  // CHECK: %[[Q2:.*]] = tensor.extract_slice %arg0[0, 3, 0, 0] [1, 3, 64, 8]
  // CHECK: %[[K1:.*]] = tensor.extract_slice %arg1[0, 1, 0, 0] [1, 1, 64, 8]
  // CHECK: hilbert.attention ins(%[[Q2]], %[[K1]], {{.*}} pattern<(segment = 64, dilation = 4, offset = [3, 0, 1])>
  // CHECK-NOT: math.exp
  // CHECK: return
  %out, %lse = hilbert.attention ins(%q, %k, %v : tensor<1x6x64x8xf32>, tensor<1x2x64x8xf32>, tensor<1x2x64x8xf32>)
      outs(%o, %l : tensor<1x6x64x8xf32>, tensor<1x6x64xf32>)
      pattern<heads 2: (segment = 16), heads 4: (segment = 64, dilation = 4, offset = head)> layout<bhnd>
  return %out, %lse : tensor<1x6x64x8xf32>, tensor<1x6x64xf32>
}

// -----

// One branch, or none: nothing to split.
// REMARK-NOT: SplitBranches
// REMARK: error: {{.*}}numbers of heads are static
// CHECK-LABEL: func.func @one(
func.func @one(%q: tensor<1x64x2x8xf32>, %o: tensor<1x64x2x8xf32>, %l: tensor<1x2x64xf32>) -> tensor<1x64x2x8xf32> {
  // CHECK: hilbert.attention {{.*}} pattern<(segment = 16)>
  %0, %1 = hilbert.attention ins(%q, %q, %q : tensor<1x64x2x8xf32>, tensor<1x64x2x8xf32>, tensor<1x64x2x8xf32>)
      outs(%o, %l : tensor<1x64x2x8xf32>, tensor<1x2x64xf32>) pattern<(segment = 16)>
  // CHECK: hilbert.attention
  // CHECK-NOT: pattern
  // CHECK: return
  %2, %3 = hilbert.attention ins(%0, %q, %q : tensor<1x64x2x8xf32>, tensor<1x64x2x8xf32>, tensor<1x64x2x8xf32>)
      outs(%o, %l : tensor<1x64x2x8xf32>, tensor<1x2x64xf32>)
  return %2 : tensor<1x64x2x8xf32>
}

// -----

func.func @dynamic(%q: tensor<1x64x?x8xf32>, %o: tensor<1x64x?x8xf32>, %l: tensor<1x?x64xf32>) -> tensor<1x64x?x8xf32> {
  // expected-error@+1 {{head groups are split where numbers of heads are static, but q is 'tensor<1x64x?x8xf32>' and k is 'tensor<1x64x?x8xf32>'}}
  %0, %1 = hilbert.attention ins(%q, %q, %q : tensor<1x64x?x8xf32>, tensor<1x64x?x8xf32>, tensor<1x64x?x8xf32>)
      outs(%o, %l : tensor<1x64x?x8xf32>, tensor<1x?x64xf32>)
      pattern<heads 2: (segment = 16), heads 2: (segment = 64)>
  return %0 : tensor<1x64x?x8xf32>
}
