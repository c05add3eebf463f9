//===- Kernel.h - Work items, blocks and causality of kernels ---*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_LIB_CONVERSION_HILBERTTOLOOPS_KERNEL_H
#define HILBERT_LIB_CONVERSION_HILBERTTOLOOPS_KERNEL_H

#include "TileEmitter.h"

namespace hilbert {

/// A parallel loop over work items.
void parallelItems(Emitter &e, mlir::Value items, Emitter::LoopBody body);

/// What a work item of an attention is: block number `block` of a class of a
/// segment, for one head and batch item.
struct WorkItem {
  mlir::Value batch, head, segment, residue, block;
};

/// Parallel loops over all blocks of `size` queries, or keys, of a part; `head`
/// is a query head, or a key head.
void parallelQueryBlocks(Emitter &e, const Geometry &g, int64_t size,
                         llvm::function_ref<void(const WorkItem &)> body);
void parallelKeyBlocks(Emitter &e, const Geometry &g, int64_t size,
                       llvm::function_ref<void(const WorkItem &)> body);

/// A run of `count` members of a class, from `start`.
struct Run {
  Class members;
  mlir::Value start;
  mlir::Value count;

  /// Run number `block` of `size` members; the last may be short or empty.
  static Run of(Emitter &e, const Class &members, mlir::Value block,
                int64_t size);
  /// At most `size` members from `start`, before `end`.
  static Run tile(Emitter &e, const Class &members, mlir::Value start,
                  mlir::Value end, int64_t size);
  mlir::Value position(Emitter &e, mlir::Value i) const;
};

/// Causality between the lanes and the rows of a kernel. Either side may be
/// the queries. Compares positions, or tokens through the order tables.
class CausalMask {
public:
  CausalMask(Emitter &e, TileEmitter &t, const Geometry &g,
             bool lanesAreQueries, mlir::Value laneTable, mlir::Value rowTable,
             mlir::Value batch);

  /// Emits what a new block of lanes or rows needs.
  void setLanes(const Run &lanes);
  void setRows(const Run &rows);

  /// The rows [start, end) of a class that any of the lanes may meet.
  mlir::Value firstRow(const Class &rows);
  mlir::Value lastRow(const Class &rows);

  /// Emits `body` without a mask, and with one under the condition that the
  /// tile is cut.
  void dispatch(llvm::function_ref<void(TileEmitter::Mask)> body);

private:
  mlir::Value rank(const Run &block, mlir::Value i, mlir::Value table);

  Emitter &e;
  TileEmitter &t;
  Causality causal;
  bool lanesAreQueries;
  mlir::Value laneTable, rowTable, batch;
  mlir::Value laneRanks, rowRanks;
  Run lanes, rows;
};

} // namespace hilbert

#endif // HILBERT_LIB_CONVERSION_HILBERTTOLOOPS_KERNEL_H
