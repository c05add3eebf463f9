//===- HilbertAttributes.td - hilbert attributes -----------*- tablegen -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_DIALECT_HILBERT_IR_HILBERTATTRIBUTES
#define HILBERT_DIALECT_HILBERT_IR_HILBERTATTRIBUTES

include "hilbert/Dialect/Hilbert/IR/HilbertBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

//===----------------------------------------------------------------------===//
// Enums
//===----------------------------------------------------------------------===//

class Hilbert_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::hilbert";
  let genSpecializedAttr = 0;
}

class Hilbert_EnumAttr<EnumInfo info, string mnemonic, string doc>
    : EnumAttr<Hilbert_Dialect, info, mnemonic> {
  let description = doc;
  let assemblyFormat = "`<` $value `>`";
}

def Hilbert_Mode : Hilbert_Enum<"Mode", "Which keys of its segment a query meets", [
    I32EnumAttrCase<"Keys", 0, "keys">,
    I32EnumAttrCase<"Both", 1, "both">,
    I32EnumAttrCase<"Residues", 2, "residues">]>;

def Hilbert_OffsetRule : Hilbert_Enum<"OffsetRule",
    "How a query head's dilation offset follows from its index", [
    I32EnumAttrCase<"Zero", 0, "zero">,
    I32EnumAttrCase<"Head", 1, "head">,
    I32EnumAttrCase<"LongNet", 2, "longnet">,
    I32EnumAttrCase<"List", 3, "list">]>;

def Hilbert_Causality : Hilbert_Enum<"Causality", "Which keys precede a query", [
    I32EnumAttrCase<"None", 0, "none">,
    I32EnumAttrCase<"Token", 1, "token">,
    I32EnumAttrCase<"Position", 2, "position">]>;

def Hilbert_Layout : Hilbert_Enum<"Layout",
    "Dimensions of q, k, v, out: batch, tokens, heads, head dimension", [
    I32EnumAttrCase<"BNHD", 0, "bnhd">,
    I32EnumAttrCase<"BHND", 1, "bhnd">]>;

def Hilbert_CausalityAttr : Hilbert_EnumAttr<Hilbert_Causality, "causality", [{
  `none`: every key of the set. `token`: keys whose token index is at most the
  query's (π_kv(p') ≤ π_q(p)). `position`: keys whose curve position is at most
  the query's (p' ≤ p); needs equal query and key orders.

  Example: `#hilbert.causality<position>`
}]>;

def Hilbert_LayoutAttr : Hilbert_EnumAttr<Hilbert_Layout, "layout", [{
  `bnhd`: [batch, tokens, heads, head dimension]; `bhnd`: [batch, heads, tokens,
  head dimension].

  Example: `#hilbert.layout<bhnd>`
}]>;

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

class Hilbert_Attr<string name, string attrMnemonic>
    : AttrDef<Hilbert_Dialect, name> {
  let mnemonic = attrMnemonic;
  let genVerifyDecl = 1;
}

def Hilbert_OrderAttr : Hilbert_Attr<"Order", "order"> {
  let summary = "A static order: the tokens of a grid along a curve";
  let description = [{
    A permutation π of the tokens 0…N-1 of a 1-, 2- or 3-D grid in row-major
    numbering: the token at curve position p is π(p).

    The curve is `hilbert` (generalised to any extents), `morton`, `snake` or
    `raster` (the identity). The grid is written slowest axis first. With a
    `tile` the curve visits full tiles first, along the same curve over the grid
    of full tiles, then clipped tiles in row-major order; every full tile is an
    aligned run of positions and a box of the grid.

    A bare length stands for the most nearly square grid; it is resolved when
    parsed, so that equal orders are equal attributes. `length` says that the
    grid's last cells are left out.

    Constraints:
    - (C1) 1 to 3 extents, each positive, with a product of at most 2147483647.
    - (C2) `tile`, if given, has as many sizes as the grid, each positive.
    - (C3) 1 ≤ `length` ≤ product of the extents; with a `tile` they are equal.

    Examples:

    ```mlir
    #hilbert.order<hilbert, [64, 64]>
    #hilbert.order<hilbert, [96, 96], tile = [16, 16]>
    #hilbert.order<snake, [30, 45, 80]>
    #hilbert.order<hilbert, 4096>   // = #hilbert.order<hilbert, [64, 64]>
    #hilbert.order<hilbert, 1009>   // = #hilbert.order<hilbert, [32, 32], length = 1009>
    ```
  }];
  let parameters = (ins
    "::hilbert::curve::Curve":$curve,
    ArrayRefParameter<"int64_t">:$extents,
    ArrayRefParameter<"int64_t">:$tile,
    "int64_t":$length);
  let builders = [
    AttrBuilder<(ins "const ::hilbert::curve::OrderSpec &":$spec)>
  ];
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    /// The product of the extents.
    int64_t getNumCells() const;
    /// The order as the curve library takes it.
    ::hilbert::curve::OrderSpec getSpec() const;
    /// True if π is the identity (conservative: cheap, never builds the table).
    bool isIdentity() const;
  }];
}

def Hilbert_BranchAttr : Hilbert_Attr<"Branch", "branch"> {
  let summary = "One branch of a pattern: segments of w positions, dilation r";
  let description = [{
    Cuts the positions into segments of `segment` = w (the last may be short)
    and gives position p the residue res(p) = (p mod w) mod r, r = `dilation`.
    A query p of head h meets the positions p' of its own segment where

    - `keys`: res(p') = o_h, for all queries;
    - `both`: res(p') = o_h, and only queries with res(p) = o_h take part
      (LongNet, arXiv:2307.02486);
    - `residues`: res(p') = res(p), for all queries (OctFormer's dilated
      windows, DiNAT).

    The offset o_h of query head h of H is 0 (`zero`), h mod r (`head`), h div
    ceil(H/r) (`longnet`) or listed per head. `segment = dense` is one segment
    whatever the length.

    Constraints:
    - (C1) `segment` is positive or `dense`.
    - (C2) `dilation` is positive and at most 2^31 - 1, the largest number of
      tokens.
    - (C3) mode `residues` takes no offset.
    - (C4) every listed offset o satisfies 0 ≤ o < dilation.

    Examples:

    ```mlir
    #hilbert.branch<segment = 256>
    #hilbert.branch<segment = 256, dilation = 2, mode = both, offset = head>
    #hilbert.branch<segment = dense, dilation = 4, offset = [0, 1, 2, 3]>
    ```
  }];
  let parameters = (ins
    "int64_t":$segment,
    "int64_t":$dilation,
    "::hilbert::Mode":$mode,
    "::hilbert::OffsetRule":$offsetRule,
    ArrayRefParameter<"int64_t">:$offsets);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    /// The segment length that stands for one segment over all positions.
    static constexpr int64_t kDense = INT64_MAX;
    bool isDense() const { return getSegment() == kDense; }
    /// o_h of query head `head` of `heads`.
    int64_t getOffset(int64_t head, int64_t heads) const;
    /// Prints `segment = 256, dilation = 2` without brackets.
    void printBody(::llvm::raw_ostream &os) const;
  }];
}

def Hilbert_HeadGroupAttr : Hilbert_Attr<"HeadGroup", "head_group"> {
  let summary = "The branches of a run of consecutive query heads";
  let description = [{
    `heads` consecutive query heads that share a list of branches. A query's
    keys are the multiset union of its branches' sets: one softmax, in which a
    key reached by m branches counts m times.

    Constraints:
    - (C1) `heads` is positive.
    - (C2) there is at least one branch.

    Example:

    ```mlir
    #hilbert.head_group<4, (segment = 256) + (segment = 1024, dilation = 4)>
    ```
  }];
  let parameters = (ins
    "int64_t":$heads,
    ArrayRefParameter<"::hilbert::BranchAttr">:$branches);
  let hasCustomAssemblyFormat = 1;
}

def Hilbert_PatternAttr : Hilbert_Attr<"Pattern", "pattern"> {
  let summary = "Which keys every query of every head meets";
  let description = [{
    Either the branches of all heads, or a list of head groups that cover the
    query heads in order. Branches are joined by `+`, the union of multisets.
    An attention without a pattern is dense.

    Constraints:
    - (C1) there is at least one branch, or at least one head group, not both.

    Examples:

    ```mlir
    #hilbert.pattern<(segment = 256, dilation = 2)>
    #hilbert.pattern<(segment = 256) + (segment = 1024, dilation = 4, mode = both)>
    #hilbert.pattern<heads 4: (segment = 256), heads 4: (segment = dense)>
    ```
  }];
  let parameters = (ins
    ArrayRefParameter<"::hilbert::BranchAttr">:$branches,
    ArrayRefParameter<"::hilbert::HeadGroupAttr">:$groups);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    /// The branches of query head `head`.
    ::llvm::ArrayRef<::hilbert::BranchAttr> getBranchesOf(int64_t head) const;
  }];
}

def Hilbert_HostScheduleAttr : Hilbert_Attr<"HostSchedule", "host_schedule"> {
  let summary = "Tile sizes of the host lowering";
  let description = [{
    `lanes` consecutive queries (keys, where keys' gradients are computed) are
    one vector; a work item holds `columns` of them, a multiple of `lanes`, and
    walks the other side in tiles of `rows`.

    Constraints:
    - (C1) `lanes` is a power of two from 4 to 64.
    - (C2) `columns` is a positive multiple of `lanes`.
    - (C3) `rows` is a positive multiple of 4, the number of rows that the inner
      kernel keeps in registers.

    Example: `#hilbert.host_schedule<lanes = 16, columns = 64, rows = 64>`
  }];
  let parameters = (ins "int64_t":$lanes, "int64_t":$columns, "int64_t":$rows);
  let assemblyFormat = "`<` struct(params) `>`";
}

#endif // HILBERT_DIALECT_HILBERT_IR_HILBERTATTRIBUTES
