//===- HilbertInterfaces.td - hilbert op interfaces --------*- tablegen -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_DIALECT_HILBERT_IR_HILBERTINTERFACES
#define HILBERT_DIALECT_HILBERT_IR_HILBERTINTERFACES

include "hilbert/Dialect/Hilbert/IR/HilbertBase.td"

class Hilbert_Getter<string doc, string type, string name>
    : InterfaceMethod<doc, type, name, (ins)>;

def Hilbert_AttentionInterface : OpInterface<"AttentionInterface"> {
  let cppNamespace = "::hilbert";
  let description = [{
    What `hilbert.attention` and `hilbert.attention_grad` share: the operands
    q, k and v, the three orders, the pattern, and the rest of the semantics.
    Passes and lowerings that treat both alike work on this interface.
  }];
  let methods = [
    Hilbert_Getter<"Queries.",
        "::mlir::TypedValue<::mlir::ShapedType>", "getQ">,
    Hilbert_Getter<"Keys.",
        "::mlir::TypedValue<::mlir::ShapedType>", "getK">,
    Hilbert_Getter<"Values.",
        "::mlir::TypedValue<::mlir::ShapedType>", "getV">,
    Hilbert_Getter<"Attention's result; the forward's init, the gradient's input.",
        "::mlir::TypedValue<::mlir::ShapedType>", "getOut">,
    Hilbert_Getter<"Log-sum-exp, f32 [batch, heads, tokens].",
        "::mlir::TypedValue<::mlir::ShapedType>", "getLse">,
    Hilbert_Getter<"The pattern; null is dense.",
        "::hilbert::PatternAttr", "getPatternAttr">,
    Hilbert_Getter<"Causality.", "::hilbert::Causality", "getCausal">,
    Hilbert_Getter<"Layout of q, k, v, out.", "::hilbert::Layout", "getLayout">,
    Hilbert_Getter<"The scale, f32; null is 1/sqrt(head dimension).",
        "::mlir::Value", "getScale">,
    Hilbert_Getter<"The tile sizes chosen for the op, if any.",
        "::mlir::Attribute", "getScheduleAttr">,
    InterfaceMethod<"Sets the tile sizes.", "void", "setScheduleAttr",
        (ins "::mlir::Attribute":$schedule)>,
    Hilbert_Getter<"Order of the queries.", "::hilbert::OrderRef", "getQueryOrderRef">,
    Hilbert_Getter<"Order of the keys and values.", "::hilbert::OrderRef",
        "getKeyOrderRef">,
    Hilbert_Getter<"Order of out and lse.", "::hilbert::OrderRef", "getOutOrderRef">,
    InterfaceMethod<"Sets the three orders.", "void", "setOrders",
        (ins "::hilbert::OrderRef":$query, "::hilbert::OrderRef":$key,
             "::hilbert::OrderRef":$out)>
  ];
  let extraSharedClassDeclaration = [{
    /// Dimension of the tokens in q, k, v and out.
    int64_t getTokenDim() {
      return $_op.getLayout() == ::hilbert::Layout::BNHD ? 1 : 2;
    }
    /// Dimension of the heads in q, k, v and out.
    int64_t getHeadDim() { return 3 - getTokenDim(); }
    int64_t getNumQueries() {
      return $_op.getQ().getType().getDimSize(getTokenDim());
    }
    int64_t getNumKeys() {
      return $_op.getK().getType().getDimSize(getTokenDim());
    }
    int64_t getNumQueryHeads() {
      return $_op.getQ().getType().getDimSize(getHeadDim());
    }
    int64_t getNumKeyHeads() {
      return $_op.getK().getType().getDimSize(getHeadDim());
    }
    int64_t getDepth() { return $_op.getQ().getType().getDimSize(3); }
    /// The causality, by position where every token is its position: positions
    /// are compared without a table, and tell which tiles are needed.
    ::hilbert::Causality getCausalityOfPositions() {
      bool isByPosition = $_op.getCausal() == ::hilbert::Causality::Token &&
                          $_op.getQueryOrderRef().isIdentity() &&
                          $_op.getKeyOrderRef().isIdentity();
      return isByPosition ? ::hilbert::Causality::Position : $_op.getCausal();
    }
  }];
}

#endif // HILBERT_DIALECT_HILBERT_IR_HILBERTINTERFACES
