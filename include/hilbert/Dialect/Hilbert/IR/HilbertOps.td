//===- HilbertOps.td - hilbert ops -------------------------*- tablegen -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_DIALECT_HILBERT_IR_HILBERTOPS
#define HILBERT_DIALECT_HILBERT_IR_HILBERTOPS

include "hilbert/Dialect/Hilbert/IR/HilbertAttributes.td"
include "hilbert/Dialect/Hilbert/IR/HilbertInterfaces.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

class Hilbert_Shaped<Type shaped, string description>
    : Type<shaped.predicate, description, "::mlir::ShapedType">;

class Hilbert_StridedMemRef<list<Type> elements, list<int> ranks>
    : ConfinedType<MemRefRankOf<elements, ranks>, [HasStridesPred]>;

/// Any ranked tensor or memref.
def Hilbert_Tensor : Hilbert_Shaped<
    AnyTypeOf<[AnyRankedTensor, AnyStridedMemRef]>,
    "ranked tensor or strided memref">;
/// q, k, v, out and their gradients.
def Hilbert_Tensor4D : Hilbert_Shaped<
    AnyTypeOf<[TensorRankOf<[F16, BF16, F32], [4]>,
               Hilbert_StridedMemRef<[F16, BF16, F32], [4]>]>,
    "4D tensor or memref of f16, bf16 or f32">;
/// lse and its gradient.
def Hilbert_RowStats : Hilbert_Shaped<
    AnyTypeOf<[TensorRankOf<[F32], [3]>, Hilbert_StridedMemRef<[F32], [3]>]>,
    "3D tensor or memref of f32">;
/// A runtime order: [N], or [B, N] for one order a batch item.
def Hilbert_Table : Hilbert_Shaped<
    AnyTypeOf<[TensorRankOf<[I32], [1, 2]>, Hilbert_StridedMemRef<[I32], [1, 2]>]>,
    "1D or 2D tensor or memref of i32">;

class Hilbert_Op<string mnemonic, list<Trait> traits = []>
    : Op<Hilbert_Dialect, mnemonic, traits>;

//===----------------------------------------------------------------------===//
// Orders
//===----------------------------------------------------------------------===//

class Hilbert_PermuteOp<string mnemonic> : Hilbert_Op<mnemonic, [
    DeclareOpInterfaceMethods<InferTypeOpInterface>,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    DeclareOpInterfaceMethods<ConditionallySpeculatable>,
    AttrSizedOperandSegments]> {
  let arguments = (ins Hilbert_Tensor:$source,
                       ConfinedAttr<I64Attr, [IntNonNegative]>:$dim,
                       OptionalAttr<Hilbert_OrderAttr>:$order,
                       Optional<Hilbert_Table>:$table,
                       Optional<AnyStridedMemRef>:$init);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    $source `dim` $dim custom<Order>($order, $table, type($table))
    (`outs` `(` $init^ `:` type($init) `)`)? attr-dict `:` type($source)
  }];
  let builders = [
    OpBuilder<(ins "::mlir::Value":$source, "int64_t":$dim,
                   "::hilbert::OrderRef":$order)>
  ];
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
  let extraClassDeclaration = [{
    /// The order, static or at run time.
    ::hilbert::OrderRef getOrderRef() {
      return ::hilbert::OrderRef(getOrderAttr(), getTable());
    }
    int64_t getDimIndex() { return static_cast<int64_t>(getDim()); }
    /// True of the op on tensors: no effects.
    bool hasPureTensorSemantics() { return !getInit(); }
  }];
}

def Hilbert_ReorderOp : Hilbert_PermuteOp<"reorder"> {
  let summary = "Puts tokens into the order of a curve";
  let description = [{
    result[…, p, …] = source[…, π(p), …] along dimension `dim`: position p of
    the result holds token π(p) of the source. The order π is a static
    attribute or an i32 table (one for all, or one for each item of dimension
    0). On memrefs the result is written to `outs`.

    Constraints:
    - (C1) `dim` is a dimension of the source.
    - (C2) the order's length is the size of that dimension.
    - (C3) a 2D table has the size of dimension 0 as its first size, and `dim`
      is not 0.
    - (C4) `outs` is given if and only if the source is a memref, has its
      shape and element type, and is not the source.

    A table's entries are not checked: an entry outside 0…N-1 is undefined
    behaviour, a repeated one gives a gather.

    Example:

    ```mlir
    %0 = hilbert.reorder %x dim 1 order(#hilbert.order<hilbert, [64, 64]>)
        : tensor<2x4096x8x64xf32>
    %1 = hilbert.reorder %x dim 1 order(%table : tensor<?xi32>)
        : tensor<2x4096x8x64xf32>
    ```
  }];
}

def Hilbert_RestoreOp : Hilbert_PermuteOp<"restore"> {
  let summary = "Puts tokens back from the order of a curve";
  let description = [{
    result[…, π(p), …] = source[…, p, …] along dimension `dim`: the inverse of
    `hilbert.reorder` with the same order. Operands and constraints are those
    of `hilbert.reorder`; a table must be a permutation.

    Example:

    ```mlir
    %0 = hilbert.restore %x dim 1 order(#hilbert.order<hilbert, [64, 64]>)
        : tensor<2x4096x8x64xf32>
    ```
  }];
}

def Hilbert_PermutationOp : Hilbert_Op<"permutation", [Pure]> {
  let summary = "The table of a static order";
  let description = [{
    result[p] = π(p). As a memref the result is a read-only table that lives as
    long as the process; equal orders share one.

    Constraints:
    - (C1) the result has one dimension, i32, of the order's length.
    - (C2) a memref has the identity layout: the table is contiguous.

    Example:

    ```mlir
    %t = hilbert.permutation order(#hilbert.order<hilbert, [64, 64]>) : tensor<4096xi32>
    ```
  }];
  let arguments = (ins Hilbert_OrderAttr:$order);
  let results = (outs Hilbert_Shaped<
      AnyTypeOf<[TensorRankOf<[I32], [1]>, Hilbert_StridedMemRef<[I32], [1]>]>,
      "1D tensor or memref of i32">:$result);
  let assemblyFormat = "`order` `(` qualified($order) `)` attr-dict `:` type($result)";
  let builders = [OpBuilder<(ins "::hilbert::OrderAttr":$order)>];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

class Hilbert_AttentionBase<string mnemonic> : Hilbert_Op<mnemonic, [
    AttrSizedOperandSegments,
    Hilbert_AttentionInterface,
    DeclareOpInterfaceMethods<DestinationStyleOpInterface>,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    DeclareOpInterfaceMethods<ConditionallySpeculatable>,
    DeclareOpInterfaceMethods<InferTypeOpInterface>]> {
  dag semantics = (ins
    OptionalAttr<Hilbert_OrderAttr>:$q_order,
    OptionalAttr<Hilbert_OrderAttr>:$kv_order,
    OptionalAttr<Hilbert_OrderAttr>:$out_order,
    Optional<Hilbert_Table>:$q_table,
    Optional<Hilbert_Table>:$kv_table,
    Optional<Hilbert_Table>:$out_table,
    Optional<F32>:$scale,
    OptionalAttr<Hilbert_PatternAttr>:$pattern,
    DefaultValuedAttr<Hilbert_CausalityAttr, "::hilbert::Causality::None">:$causal,
    DefaultValuedAttr<Hilbert_LayoutAttr, "::hilbert::Layout::BNHD">:$layout,
    OptionalAttr<AnyAttr>:$schedule);
  string semanticsFormat = [{
    `` custom<Orders>($q_order, $kv_order, $out_order, $q_table, $kv_table,
                   $out_table, type($q_table), type($kv_table),
                   type($out_table))
    (`pattern` `` $pattern^)? (`causal` `` $causal^)?
    (`scale` `(` $scale^ `)`)? (`layout` `` $layout^)?
    (`schedule` `(` $schedule^ `)`)? attr-dict
  }];
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::hilbert::OrderRef getQueryOrderRef() {
      return ::hilbert::OrderRef(getQOrderAttr(), getQTable());
    }
    ::hilbert::OrderRef getKeyOrderRef() {
      return ::hilbert::OrderRef(getKvOrderAttr(), getKvTable());
    }
    ::hilbert::OrderRef getOutOrderRef() {
      return ::hilbert::OrderRef(getOutOrderAttr(), getOutTable());
    }
    void setOrders(::hilbert::OrderRef query, ::hilbert::OrderRef key,
                   ::hilbert::OrderRef out);
  }];
}

def Hilbert_AttentionOp : Hilbert_AttentionBase<"attention"> {
  let summary = "Attention within (dilated) segments along a curve";
  let description = [{
    out = softmax(scale · QKᵀ) · V over the keys that `pattern` gives each
    query, and lse = the natural logarithm of the sum of exponentials.

    Position p of the queries is row q_order(p) of q; position p of the keys is
    row kv_order(p) of k and v; the result of the query at position p is row
    out_order(p) of out and lse. An absent order is raster, so row p.
    `order(#o)` stands for three equal orders, `order(q = #o, kv = #p)` for
    single ones.

    A query at position p meets keys of the segment with the same index; see
    `#hilbert.pattern`. Sets are formed first, then intersected with causality.
    A query whose set is empty gives out = 0 and lse = -inf. Keys outside a
    query's set never influence it, even if they are NaN or infinite. Products
    and sums are in f32 for f16 and bf16 inputs.

    Query head h uses key head h div (Hq / Hkv).

    Constraints:
    - (C1) all operands are tensors, or all are memrefs.
    - (C2) q, k, v and out have one element type.
    - (C3) q, k, v, out and lse have one batch size.
    - (C4) q, k, v and out have one static head dimension, a multiple of 8 and
      at most 256.
    - (C5) k and v have the same heads; the query heads are a multiple of them;
      out and lse have the query heads.
    - (C6) k and v have the same tokens; out and lse have the queries' tokens.
    - (C7) there are as many keys as queries, unless every segment covers both.
    - (C8) an order has as many entries as its tensor has tokens; a 2D table has
      the batch size first.
    - (C9) causality `position` needs equal query and key orders.
    - (C10) listed offsets are one for each query head; head groups cover the
      query heads.
    - (C11) a memref that is written is not an operand twice.

    Sizes that are dynamic are checked when the program runs.

    Example:

    ```mlir
    %out, %lse = hilbert.attention
        ins(%q, %k, %v : tensor<1x4096x8x64xf32>, tensor<1x4096x2x64xf32>,
                         tensor<1x4096x2x64xf32>)
        outs(%0, %1 : tensor<1x4096x8x64xf32>, tensor<1x8x4096xf32>)
        order(#hilbert.order<hilbert, [64, 64]>)
        pattern<(segment = 256, dilation = 2)> causal<token>
    ```
  }];
  let arguments = !con((ins Hilbert_Tensor4D:$q, Hilbert_Tensor4D:$k,
                            Hilbert_Tensor4D:$v, Hilbert_Tensor4D:$out,
                            Hilbert_RowStats:$lse), semantics);
  let assemblyFormat = [{
    `ins` `(` $q `,` $k `,` $v `:` type($q) `,` type($k) `,` type($v) `)`
    `outs` `(` $out `,` $lse `:` type($out) `,` type($lse) `)`
  }] # semanticsFormat;
}

def Hilbert_AttentionGradOp : Hilbert_AttentionBase<"attention_grad"> {
  let summary = "Gradients of an attention with respect to q, k and v";
  let description = [{
    dq, dk and dv from q, k, v, the forward's out and lse, the gradient `dout`
    of out, and optionally the gradient `dlse` of lse. The probabilities are
    recomputed: P = exp(scale · QKᵀ - lse), 0 where lse = -inf;
    delta = rowsum(dout ∘ out) - dlse; dS = P ∘ (dout · Vᵀ - delta);
    dq = scale · dS · K, dk = scale · dSᵀ · Q, dv = Pᵀ · dout
    (FlashAttention-2, arXiv:2307.08691, algorithm 2). Keys that no query meets
    get gradient 0.

    dq has the order of q; dk and dv that of k and v; dout and dlse that of out
    and lse.

    Constraints: those of `hilbert.attention`, and
    - (C12) dq, dk and dv have the types of q, k and v (up to memref layout);
      dout that of out; dlse that of lse.

    Example:

    ```mlir
    %dq, %dk, %dv = hilbert.attention_grad
        ins(%q, %k, %v, %out, %lse, %dout : tensor<1x4096x8x64xf32>,
            tensor<1x4096x8x64xf32>, tensor<1x4096x8x64xf32>,
            tensor<1x4096x8x64xf32>, tensor<1x8x4096xf32>,
            tensor<1x4096x8x64xf32>)
        outs(%0, %1, %2 : tensor<1x4096x8x64xf32>, tensor<1x4096x8x64xf32>,
             tensor<1x4096x8x64xf32>)
        order(#hilbert.order<hilbert, [64, 64]>) pattern<(segment = 256)>
    ```
  }];
  let arguments = !con((ins Hilbert_Tensor4D:$q, Hilbert_Tensor4D:$k,
                            Hilbert_Tensor4D:$v, Hilbert_Tensor4D:$out,
                            Hilbert_RowStats:$lse, Hilbert_Tensor4D:$dout,
                            Optional<Hilbert_RowStats>:$dlse,
                            Hilbert_Tensor4D:$dq, Hilbert_Tensor4D:$dk,
                            Hilbert_Tensor4D:$dv), semantics);
  let assemblyFormat = [{
    `ins` `(` $q `,` $k `,` $v `,` $out `,` $lse `,` $dout
    `:` type($q) `,` type($k) `,` type($v) `,` type($out) `,` type($lse) `,`
    type($dout) `)` (`dlse` `(` $dlse^ `:` type($dlse) `)`)?
    `outs` `(` $dq `,` $dk `,` $dv `:` type($dq) `,` type($dk) `,` type($dv) `)`
  }] # semanticsFormat;
}

//===----------------------------------------------------------------------===//
// Host execution
//===----------------------------------------------------------------------===//

def Hilbert_HostLaunchOp : Hilbert_Op<"host_launch", [
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Runs a kernel over work items on the host's cores";
  let description = [{
    Calls `callee`(begin, end, captures…) on disjoint ranges that cover 0…count-1
    from the threads of the host pool, and returns when all are done.

    Constraints:
    - (C1) `callee` is a function that takes (index, index, the captures' types)
      and returns nothing.

    Example:

    ```mlir
    hilbert.host_launch @main_kernel_0(%items) captures(%q, %k : memref<?xf32>,
        memref<?xf32>)
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$callee, Index:$count,
                       Variadic<AnyType>:$captures);
  let assemblyFormat = [{
    $callee `(` $count `)` (`captures` `(` $captures^ `:` type($captures) `)`)?
    attr-dict
  }];
}

#endif // HILBERT_DIALECT_HILBERT_IR_HILBERTOPS
