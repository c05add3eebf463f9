//===- Passes.td - Passes on the hilbert dialect -----------*- tablegen -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_DIALECT_HILBERT_TRANSFORMS_PASSES
#define HILBERT_DIALECT_HILBERT_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def HilbertCancelReorders : Pass<"hilbert-cancel-reorders"> {
  let summary = "Cancel, compose and sink reorders";
  let description = [{
    Applies the folders and canonicalisers of `hilbert.reorder` and
    `hilbert.restore` (and removes what they leave dead): inverse pairs vanish,
    two orders in a row become one, and reorders sink below elementwise ops so
    that they meet what undoes or fuses them. Remarks say how many passes over a
    tensor were saved, and which neighbours could not be combined.

    Example:

    ```mlir
    %0 = hilbert.reorder %x dim 1 order(#h) : tensor<1x64x2x8xf32>
    %1 = arith.negf %0 : tensor<1x64x2x8xf32>
    %2 = hilbert.restore %1 dim 1 order(#h) : tensor<1x64x2x8xf32>
    // becomes
    %2 = arith.negf %x : tensor<1x64x2x8xf32>
    ```
  }];
  let dependentDialects = ["::hilbert::HilbertDialect"];
}

def HilbertFuseReorders : Pass<"hilbert-fuse-reorders", "::mlir::func::FuncOp"> {
  let summary = "Fuse reorders into attention as its orders";
  let description = [{
    Reorders of q, of k and v together, and restores of the result become the
    orders of `hilbert.attention`; likewise for `hilbert.attention_grad`, whose
    results are then reordered in turn, to cancel with the restores that follow.
    A fused attention reads and writes tensors in their original token order: no
    reordered copy is made.

    Causality `token` over raster orders becomes `position` when both sides are
    fused by one order.

    Remarks: one `FuseReorder` for each fusion, one `FuseReorder` missed, with
    the reason, for each reorder that stays next to an attention.

    Example: see the dialect's description.
  }];
  let dependentDialects = ["::hilbert::HilbertDialect"];
}

def HilbertGenerateGradients : Pass<"hilbert-generate-gradients", "::mlir::ModuleOp"> {
  let summary = "Generate gradient functions of forward ones";
  let description = [{
    For every public function f that holds an attention, adds a function f_grad:

        f(x…) -> y…     gives     f_grad(x…, y…, dy…) -> dx…

    with a dy for every result that is a float tensor and a dx for every
    argument that is one, in order. Arguments that serve only as destinations
    have no gradient. Passing the results back saves the forward's work: an
    attention whose out and lse are both results of f is not computed again; a
    remark says where it is.

    Differentiates through reorder, restore, attention, tensor.cast,
    tensor.extract_slice, expand_shape and collapse_shape, and elementwise
    arith.addf, subf, mulf, divf, negf, extf and truncf. Any other op on the way
    from an argument to a result is an error. The scale has no gradient.
  }];
  let options = [
    ListOption<"functions", "functions", "std::string",
               "Names of the functions to differentiate (default: every public "
               "function with an attention)">
  ];
  let dependentDialects = ["::hilbert::HilbertDialect",
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::tensor::TensorDialect"];
}

def HilbertSplitBranches
    : Pass<"hilbert-split-branches", "::mlir::func::FuncOp"> {
  let summary = "One attention for each branch, and what mixes them";
  let description = [{
    For back ends whose kernels take one branch for all heads. Head groups become
    attentions of slices. The results (out_i, lse_i) of a union's branches are
    mixed by their shares exp(lse_i - lse) of the sum of exponentials, where
    lse = log Σ exp(lse_i); gradients, which take the union's out and lse, are
    added. Sums are in f32; every out_i is rounded to the element type before.

    A missed remark says how many attentions took the place of one.

    Head groups need static numbers of heads.

    Example:

    ```mlir
    %o, %l = hilbert.attention ins(%q, %k, %v : …) outs(%0, %1 : …)
        pattern<(segment = 256) + (segment = 1024, dilation = 4)>
    // becomes
    %o0, %l0 = hilbert.attention ins(%q, %k, %v : …) outs(%0, %1 : …)
        pattern<(segment = 256)>
    %o1, %l1 = hilbert.attention ins(%q, %k, %v : …) outs(%0, %1 : …)
        pattern<(segment = 1024, dilation = 4)>
    // … and arith, math and linalg.broadcast of %l0 and %l1, by which %o0 and
    // %o1 are weighted and added.
    ```
  }];
  let dependentDialects = ["::hilbert::HilbertDialect",
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"];
}

def HilbertSelectHostSchedule
    : Pass<"hilbert-select-host-schedule", "::mlir::func::FuncOp"> {
  let summary = "Choose the host lowering's tile sizes";
  let description = [{
    Gives every attention without a schedule a `#hilbert.host_schedule`: the
    lanes from the option, blocks of 64 lanes (fewer where a class of a segment
    is shorter), and tiles of 64 rows. An analysis remark names the choice. A
    missed one counts the loops where branches and head groups take one each.
  }];
  let options = [
    Option<"lanes", "lanes", "int64_t", "16",
           "f32 lanes of a vector: twice the target's vector width">
  ];
  let dependentDialects = ["::hilbert::HilbertDialect"];
}

def HilbertMaterializeOrders
    : Pass<"hilbert-materialize-orders", "::mlir::func::FuncOp"> {
  let summary = "Turn static orders into tables";
  let description = [{
    Replaces the order attributes of hilbert ops by `hilbert.permutation`
    tables, one for each order of a function; identity orders are dropped.

    Example:

    ```mlir
    %0 = hilbert.reorder %x dim 1 order(#h) : tensor<1x64x2x8xf32>
    // becomes
    %t = hilbert.permutation order(#h) : tensor<64xi32>
    %0 = hilbert.reorder %x dim 1 order(%t : tensor<64xi32>) : tensor<1x64x2x8xf32>
    ```
  }];
  let dependentDialects = ["::hilbert::HilbertDialect"];
}

def HilbertProtectArguments
    : Pass<"hilbert-protect-arguments", "::mlir::func::FuncOp"> {
  let summary = "Keep bufferization from writing into arguments";
  let description = [{
    The buffers of a public function's arguments belong to its caller: marks the
    tensors among them `bufferization.writable = false`, unless the attribute is
    already there. A frontend that passes destinations marks those writable.
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect"];
}

def HilbertVerifyFused : Pass<"hilbert-verify-fused", "::mlir::func::FuncOp"> {
  let summary = "Contract: what the fused level may hold";
  let description = [{
    Fails, naming the op, unless the function holds only hilbert, func, tensor,
    arith and math ops, and hilbert ops are on tensors: what the gradient
    generator and the back ends take. `bufferization.to_tensor` and
    `bufferization.materialize_in_destination` may connect them to memrefs;
    `linalg.broadcast` and `linalg.transpose` are what hilbert-split-branches
    adds.
    Reorders may remain; the fusion's remarks say why.
  }];
}

#endif // HILBERT_DIALECT_HILBERT_TRANSFORMS_PASSES
