//===- BufferizableOpInterfaceImpl.cpp - Bufferize hilbert ops ------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Dialect/Hilbert/Transforms/Passes.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace hilbert;

/// Operands with tensors replaced by their buffers.
static LogicalResult getBuffers(RewriterBase &rewriter, ValueRange operands,
                                const BufferizationOptions &options,
                                BufferizationState &state,
                                SmallVectorImpl<Value> &buffers) {
  for (Value operand : operands) {
    if (!isa<TensorType>(operand.getType())) {
      buffers.push_back(operand);
      continue;
    }
    FailureOr<Value> buffer = getBuffer(rewriter, operand, options, state);
    if (failed(buffer))
      return failure();
    buffers.push_back(*buffer);
  }
  return success();
}

namespace {
/// Attention ops write their inits and do not read them.
template <typename OpTy>
struct AttentionModel
    : public DstBufferizableOpInterfaceExternalModel<AttentionModel<OpTy>,
                                                     OpTy> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    return !cast<OpTy>(op).isDpsInit(&operand);
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    SmallVector<Value> buffers;
    if (failed(
            getBuffers(rewriter, op->getOperands(), options, state, buffers)))
      return failure();
    SmallVector<Value> inits;
    for (OpOperand &init : cast<OpTy>(op).getDpsInitsMutable())
      inits.push_back(buffers[init.getOperandNumber()]);
    mlir::clone(rewriter, op, TypeRange{}, buffers);
    replaceOpWithBufferizedValues(rewriter, op, inits);
    return success();
  }
};

/// Reorders read their source and fill a new buffer.
template <typename OpTy>
struct PermuteModel
    : public BufferizableOpInterface::ExternalModel<PermuteModel<OpTy>, OpTy> {
  bool bufferizesToAllocation(Operation *, Value) const { return true; }
  bool bufferizesToMemoryRead(Operation *, OpOperand &,
                              const AnalysisState &) const {
    return true;
  }
  bool bufferizesToMemoryWrite(Operation *, OpOperand &,
                               const AnalysisState &) const {
    return false;
  }
  AliasingValueList getAliasingValues(Operation *, OpOperand &,
                                      const AnalysisState &) const {
    return {};
  }
  FailureOr<BufferLikeType> getBufferType(Operation *, Value value,
                                          const BufferizationOptions &,
                                          const BufferizationState &,
                                          SmallVector<Value> &) const {
    return cast<BufferLikeType>(getMemRefTypeWithStaticIdentityLayout(
        cast<TensorType>(value.getType())));
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto permute = cast<OpTy>(op);
    SmallVector<Value> buffers;
    if (failed(
            getBuffers(rewriter, op->getOperands(), options, state, buffers)))
      return failure();
    Location loc = op->getLoc();
    auto type = cast<MemRefType>(getMemRefTypeWithStaticIdentityLayout(
        cast<TensorType>(permute.getResult().getType())));
    SmallVector<Value> sizes;
    for (int64_t d = 0; d < type.getRank(); ++d)
      if (type.isDynamicDim(d))
        sizes.push_back(memref::DimOp::create(rewriter, loc, buffers[0], d));
    FailureOr<Value> init = options.createAlloc(rewriter, loc, type, sizes);
    if (failed(init))
      return failure();
    OpTy::create(rewriter, loc, TypeRange{}, buffers[0], permute.getDimAttr(),
                 permute.getOrderAttr(),
                 permute.getTable() ? buffers[1] : Value(), *init);
    replaceOpWithBufferizedValues(rewriter, op, *init);
    return success();
  }
};

/// The table of a static order is shared and must not be written.
struct PermutationModel
    : public BufferizableOpInterface::ExternalModel<PermutationModel,
                                                    PermutationOp> {
  bool isWritable(Operation *, Value, const AnalysisState &) const {
    return false;
  }
  FailureOr<BufferLikeType> getBufferType(Operation *, Value value,
                                          const BufferizationOptions &,
                                          const BufferizationState &,
                                          SmallVector<Value> &) const {
    return cast<BufferLikeType>(getMemRefTypeWithStaticIdentityLayout(
        cast<TensorType>(value.getType())));
  }
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &,
                          BufferizationState &) const {
    auto permutation = cast<PermutationOp>(op);
    Type type = getMemRefTypeWithStaticIdentityLayout(
        cast<TensorType>(permutation.getResult().getType()));
    Value table = PermutationOp::create(rewriter, op->getLoc(), type,
                                        permutation.getOrder());
    replaceOpWithBufferizedValues(rewriter, op, table);
    return success();
  }
};
} // namespace

void hilbert::registerBufferizableOpInterfaceExternalModels(
    DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, HilbertDialect *) {
    AttentionOp::attachInterface<AttentionModel<AttentionOp>>(*context);
    AttentionGradOp::attachInterface<AttentionModel<AttentionGradOp>>(*context);
    ReorderOp::attachInterface<PermuteModel<ReorderOp>>(*context);
    RestoreOp::attachInterface<PermuteModel<RestoreOp>>(*context);
    PermutationOp::attachInterface<PermutationModel>(*context);
  });
}
