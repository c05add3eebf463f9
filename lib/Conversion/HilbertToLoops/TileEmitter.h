//===- TileEmitter.h - Building blocks of the host kernels ------*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A host kernel has two sides. The lane side (queries, or keys where their
// gradients are computed) is a block of `columns` tokens, one a vector lane;
// its matrices are stored transposed, [D][columns]. The row side is walked in
// tiles of `rows` tokens; its matrices are stored [rows][D]. Scores are
// [rows][columns]. Both products then are a broadcast scalar times a vector of
// lanes, whatever the permutation and dilation of either side.
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_LIB_CONVERSION_HILBERTTOLOOPS_TILEEMITTER_H
#define HILBERT_LIB_CONVERSION_HILBERTTOLOOPS_TILEEMITTER_H

#include "hilbert/Conversion/Passes.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace hilbert {

/// Index arithmetic and structured control flow, in few characters.
class Emitter : public mlir::ImplicitLocOpBuilder {
public:
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;
  using Value = mlir::Value;
  using Body = llvm::function_ref<void()>;
  using LoopBody = llvm::function_ref<void(Value)>;

  Value index(int64_t value);
  Value f32(double value);
  Value boolean(bool value);
  Value add(Value a, Value b);
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  Value div(Value a, Value b);
  Value rem(Value a, Value b);
  Value ceilDiv(Value a, Value b);
  Value min(Value a, Value b);
  Value max(Value a, Value b);
  Value less(Value a, Value b);
  Value equal(Value a, Value b);
  Value select(Value condition, Value a, Value b);
  /// Splits `flat` into (flat mod size) and flat div size, which it becomes.
  Value peel(Value &flat, Value size);

  void loop(Value lower, Value upper, int64_t step, LoopBody body);
  /// A loop that carries values: the body returns their next ones.
  llvm::SmallVector<Value> loopCarried(
      Value lower, Value upper, int64_t step, mlir::ValueRange init,
      llvm::function_ref<llvm::SmallVector<Value>(Value, mlir::ValueRange)>
          body);
  /// Emits `body` under `condition`; a null condition is true.
  void when(Value condition, Body body);
  void branch(Value condition, Body then, Body otherwise);
};

/// The positions of one class of a segment: first, first + step, …
struct Class {
  mlir::Value first;
  int64_t step = 1;
  mlir::Value count;

  mlir::Value position(Emitter &e, mlir::Value i) const;
};

/// What one loop computes of an attention: one branch, for a run of query
/// heads.
struct Part {
  BranchAttr branch;
  /// The query heads [firstHead, endHead); to the last without an end.
  int64_t firstHead = 0;
  std::optional<int64_t> endHead;
  /// Goes on from the results of the same heads' branches before it.
  bool resumes = false;
};

/// What the work items of a part have in common.
class Geometry {
public:
  Geometry(Emitter &e, AttentionInterface op, const Part &part);

  /// Classes of queries (keys) in a segment.
  int64_t queryClasses() const;
  int64_t keyClasses() const { return dilation; }
  /// Segments that hold queries (keys).
  mlir::Value querySegments(Emitter &e) const;
  mlir::Value keySegments(Emitter &e) const;
  /// The most members that a class of queries (keys) has.
  mlir::Value maxClassQueries(Emitter &e) const;
  mlir::Value maxClassKeys(Emitter &e) const;
  /// The queries of class `residue` of a segment.
  Class queryClass(Emitter &e, mlir::Value segment, mlir::Value residue) const;
  /// The keys of class `residue` of a segment.
  Class keyClass(Emitter &e, mlir::Value segment, mlir::Value residue) const;
  /// The keys that query class `residue` of `head` meets.
  Class keysOf(Emitter &e, mlir::Value segment, mlir::Value residue,
               mlir::Value head) const;
  /// The queries of `head` that key class `residue` meets.
  Class queriesOf(Emitter &e, mlir::Value segment, mlir::Value residue,
                  mlir::Value head) const;
  /// The range, in the group of query heads that use a key head, of the part's.
  std::pair<mlir::Value, mlir::Value> membersOf(Emitter &e,
                                                mlir::Value keyHead) const;
  /// Whether the part goes on from earlier results: of queries, and of the
  /// gradients of a key head. Null is no.
  mlir::Value resumesQueries(Emitter &e) const;
  mlir::Value resumesKeys(Emitter &e, mlir::Value keyHead) const;

  mlir::Value batch, heads, group, queries, keys, segment;
  /// The part's query heads and the key heads that they use.
  mlir::Value firstHead, endHead, firstKeyHead, endKeyHead;
  int64_t dilation;
  Mode mode;
  /// Token causality over two identity orders is by position.
  Causality causal;

private:
  Class classOf(Emitter &e, mlir::Value segment, mlir::Value residue,
                int64_t step, mlir::Value tokens) const;
  mlir::Value offsetOf(Emitter &e, mlir::Value head) const;

  Part part;
};

/// The rows of one head of one batch item of a 4-D tensor, or of row
/// statistics.
struct HeadView {
  mlir::Value memref;
  Layout layout;
  mlir::Value batch, head;

  mlir::SmallVector<mlir::Value> at(mlir::Value row, mlir::Value column) const;
  mlir::Value loadStat(Emitter &e, mlir::Value row) const;
  void storeStat(Emitter &e, mlir::Value value, mlir::Value row) const;
};

/// The token at a position: through the table, or the position itself.
mlir::Value tokenAt(Emitter &e, mlir::Value table, mlir::Value batch,
                    mlir::Value position);

/// Tiles of one kernel.
class TileEmitter {
public:
  TileEmitter(Emitter &e, HostScheduleAttr schedule, int64_t depth);

  using RowOf = llvm::function_ref<mlir::Value(mlir::Value)>;

  /// Stack buffers: f32 unless said otherwise.
  mlir::Value laneMatrix();                ///< [D][columns]
  mlir::Value rowMatrix();                 ///< [rows][D]
  mlir::Value scores();                    ///< [rows][columns]
  mlir::Value laneStats(bool i32 = false); ///< [columns]
  mlir::Value rowStats(bool i32 = false);  ///< [rows]

  /// buffer[d][j] = scale * view[rowOf(j)][d] for j < count, 0 beyond.
  void packLanes(mlir::Value buffer, const HeadView &view, mlir::Value count,
                 RowOf rowOf, mlir::Value scale);
  /// The same without a scale, where a loop resumes; 0 where it does not.
  void resumeLanes(mlir::Value buffer, const HeadView &view, mlir::Value count,
                   RowOf rowOf, mlir::Value resumes);
  /// view[rowOf(j)][d] = buffer[d][j] for j < count.
  void unpackLanes(mlir::Value buffer, const HeadView &view, mlir::Value count,
                   RowOf rowOf);
  /// buffer[i][d] = scale * view[rowOf(i)][d] for i < count.
  void packRows(mlir::Value buffer, const HeadView &view, mlir::Value count,
                RowOf rowOf, mlir::Value scale);
  /// Sum over d of a[rowA][d] * b[rowB][d].
  mlir::Value dot(const HeadView &a, mlir::Value rowA, const HeadView &b,
                  mlir::Value rowB);
  void fill(mlir::Value buffer, double value);

  /// Emits `body` for each vector of the block's first `count` lanes.
  void strips(mlir::Value count, Emitter::LoopBody body);
  mlir::Value loadLanes(mlir::Value stats, mlir::Value strip);
  void storeLanes(mlir::Value value, mlir::Value stats, mlir::Value strip);
  mlir::Value loadScore(mlir::Value scores, mlir::Value row, mlir::Value strip);
  void storeScore(mlir::Value value, mlir::Value scores, mlir::Value row,
                  mlir::Value strip);
  /// rows[i] as a vector of equal lanes.
  mlir::Value broadcastRow(mlir::Value stats, mlir::Value row);
  mlir::Value splat(double value);

  /// The lanes that meet a row: null where all do.
  using Mask =
      llvm::function_ref<mlir::Value(mlir::Value row, mlir::Value strip)>;

  /// scores[i][strip] = sum over d of rows[i][d] * lanes[d][strip], i < count.
  void multiplyDepth(mlir::Value scores, mlir::Value rows, mlir::Value lanes,
                     mlir::Value count, mlir::Value strip);
  /// lanes[d][strip] = factor * lanes[d][strip] + sum over i < count of
  /// rows[i][d] * scores[i][strip]. Lanes that `mask` leaves out do not see the
  /// row at all, even if it holds NaN. A null factor is 1.
  void accumulate(mlir::Value lanes, mlir::Value rows, mlir::Value scores,
                  mlir::Value count, mlir::Value strip, mlir::Value factor,
                  Mask mask);

  int64_t columns() const { return schedule.getColumns(); }
  int64_t rowsPerTile() const { return schedule.getRows(); }
  int64_t getDepth() const { return depth; }

private:
  mlir::Value buffer(mlir::ArrayRef<int64_t> shape, bool i32 = false);
  mlir::Value load8(const HeadView &view, mlir::Value row, mlir::Value column);

  Emitter &e;
  HostScheduleAttr schedule;
  int64_t depth;
  mlir::VectorType lanes;
};

/// Emits the parallel loop of a part of an op at the builder's insertion point.
/// Results go to the given memrefs, which may be wider than the op's.
void emitForward(Emitter &e, AttentionOp op, const Part &part, mlir::Value out);
void emitQueryGradient(Emitter &e, AttentionGradOp op, const Part &part,
                       mlir::Value dq);
void emitKeyGradients(Emitter &e, AttentionGradOp op, const Part &part,
                      mlir::Value dk, mlir::Value dv);
/// Emits the parallel loop of to = from, rounded to its element type.
void emitRounding(Emitter &e, mlir::Value from, mlir::Value to);
void emitPermute(Emitter &e, ReorderOp op);
void emitPermute(Emitter &e, RestoreOp op);

/// The scale of an op, f32.
mlir::Value emitScale(Emitter &e, AttentionInterface op);

} // namespace hilbert

#endif // HILBERT_LIB_CONVERSION_HILBERTTOLOOPS_TILEEMITTER_H
