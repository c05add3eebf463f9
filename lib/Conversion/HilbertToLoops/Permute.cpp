//===- Permute.cpp - Host loops that move rows ----------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Kernel.h"

using namespace mlir;
using namespace hilbert;

template <typename OpTy> static void emitPermuteLoops(Emitter &e, OpTy op) {
  constexpr bool restores = std::is_same_v<OpTy, RestoreOp>;
  int64_t rank = op.getSource().getType().getRank(), dim = op.getDimIndex();
  SmallVector<Value> sizes;
  for (int64_t d = 0; d < rank; ++d)
    sizes.push_back(e.createOrFold<memref::DimOp>(op.getSource(), d));
  Value items = e.index(1);
  for (int64_t d = 0; d <= dim; ++d)
    items = e.mul(items, sizes[d]);

  // An item is a row: everything behind the reordered dimension.
  parallelItems(e, items, [&](Value item) {
    SmallVector<Value> position(rank);
    for (int64_t d = dim; d >= 0; --d)
      position[d] = e.peel(item, sizes[d]);
    Value token = tokenAt(e, op.getTable(), position[0], position[dim]);
    std::function<void(int64_t)> copy = [&](int64_t d) {
      if (d < rank)
        return e.loop(e.index(0), sizes[d], 1, [&](Value i) {
          position[d] = i;
          copy(d + 1);
        });
      SmallVector<Value> permuted = position;
      permuted[dim] = token;
      Value value = memref::LoadOp::create(e, op.getSource(),
                                           restores ? position : permuted);
      memref::StoreOp::create(e, value, op.getInit(),
                              restores ? permuted : position);
    };
    copy(dim + 1);
  });
}

void hilbert::emitPermute(Emitter &e, ReorderOp op) { emitPermuteLoops(e, op); }
void hilbert::emitPermute(Emitter &e, RestoreOp op) { emitPermuteLoops(e, op); }

void hilbert::emitRounding(Emitter &e, Value from, Value to) {
  // Every head dimension is a multiple of eight.
  constexpr int64_t step = 8;
  auto type = cast<MemRefType>(to.getType());
  SmallVector<Value> sizes;
  for (int64_t d = 0; d < 3; ++d)
    sizes.push_back(e.createOrFold<memref::DimOp>(to, d));
  Value items = e.mul(e.mul(sizes[0], sizes[1]), sizes[2]);
  parallelItems(e, items, [&](Value item) {
    Value k = e.peel(item, sizes[2]), j = e.peel(item, sizes[1]);
    e.loop(e.index(0), e.index(type.getDimSize(3)), step, [&](Value d) {
      SmallVector<Value> indices = {item, j, k, d};
      Value value = vector::LoadOp::create(
          e, VectorType::get({step}, e.getF32Type()), from, indices);
      value = arith::TruncFOp::create(
          e, VectorType::get({step}, type.getElementType()), value);
      vector::StoreOp::create(e, value, to, indices);
    });
  });
}
