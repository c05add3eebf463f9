//===- HilbertGPUInterfaces.td - Interfaces of layouts -----*- tablegen -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_DIALECT_HILBERTGPU_IR_HILBERTGPUINTERFACES
#define HILBERT_DIALECT_HILBERTGPU_IR_HILBERTGPUINTERFACES

include "hilbert/Dialect/HilbertGPU/IR/HilbertGPUBase.td"

def HilbertGPU_LayoutInterface : AttrInterface<"LayoutInterface"> {
  let cppNamespace = "::hilbert::tile";
  let description = [{
    Which elements of a tile a thread holds. The coordinates of element `i` of a
    thread are the sum of a part that depends on the thread and a constant that
    depends on `i`. Masks, loads, stores and conversions of tiles are generic
    over this.
  }];
  let methods = [
    InterfaceMethod<"Fails, saying why, unless tiles of the shape can be held.",
        "::llvm::LogicalResult", "verifyShape",
        (ins "::llvm::ArrayRef<int64_t>":$shape,
             "::llvm::function_ref<::mlir::InFlightDiagnostic()>":$emitError)>,
    InterfaceMethod<"How many elements a thread holds.", "int64_t", "getNumElements",
        (ins "::llvm::ArrayRef<int64_t>":$shape)>,
    InterfaceMethod<"(lane, warp) -> coordinates of a thread's first element.",
        "::mlir::AffineMap", "getThreadMap", (ins "::llvm::ArrayRef<int64_t>":$shape)>,
    InterfaceMethod<"Coordinates of an element relative to the first.",
        "::llvm::SmallVector<int64_t>", "getOffset",
        (ins "::llvm::ArrayRef<int64_t>":$shape, "int64_t":$element)>
  ];
}

#endif // HILBERT_DIALECT_HILBERTGPU_IR_HILBERTGPUINTERFACES
