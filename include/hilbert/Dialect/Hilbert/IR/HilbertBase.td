//===- HilbertBase.td - The hilbert dialect ----------------*- tablegen -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_DIALECT_HILBERT_IR_HILBERTBASE
#define HILBERT_DIALECT_HILBERT_IR_HILBERTBASE

include "mlir/IR/OpBase.td"

def Hilbert_Dialect : Dialect {
  let name = "hilbert";
  let cppNamespace = "::hilbert";
  let summary = "Attention over tokens laid out on a space-filling curve";
  let description = [{
    The `hilbert` dialect says what an attention layer computes when its tokens
    lie on a grid that is walked along a space-filling curve: the **order** of
    the tokens (`#hilbert.order`), the **pattern** of keys that a query meets
    (`#hilbert.pattern`: segments, dilation, several branches), and the ops that
    use them (`hilbert.reorder`, `hilbert.restore`, `hilbert.attention`,
    `hilbert.attention_grad`).

    A frontend writes reorders around a plain attention; passes fuse them into
    the attention as its orders, so that no reordered copy of a tensor is ever
    made:

    ```mlir
    #h = #hilbert.order<hilbert, [64, 64]>
    %qh = hilbert.reorder %q dim 1 order(#h) : tensor<1x4096x8x64xf32>
    %kh = hilbert.reorder %k dim 1 order(#h) : tensor<1x4096x8x64xf32>
    %vh = hilbert.reorder %v dim 1 order(#h) : tensor<1x4096x8x64xf32>
    %oh, %lse = hilbert.attention ins(%qh, %kh, %vh : ...) outs(%0, %1 : ...)
        pattern<(segment = 256, dilation = 2)>
    %o = hilbert.restore %oh dim 1 order(#h) : tensor<1x4096x8x64xf32>
    ```

    becomes one line:

    ```mlir
    %o, %lse = hilbert.attention ins(%q, %k, %v : ...) outs(%0, %1 : ...)
        order(#h) pattern<(segment = 256, dilation = 2)>
    ```

    Ops take tensors or, after bufferization, memrefs. An op's constraints are
    labelled (C1), (C2), …; the verifier names them in the same order.
  }];
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    void registerAttributes();
  }];
}

#endif // HILBERT_DIALECT_HILBERT_IR_HILBERTBASE
