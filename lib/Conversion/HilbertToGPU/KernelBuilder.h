//===- KernelBuilder.h - Arguments and geometry of GPU kernels --*- C++ -*-===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef HILBERT_LIB_CONVERSION_HILBERTTOGPU_KERNELBUILDER_H
#define HILBERT_LIB_CONVERSION_HILBERTTOGPU_KERNELBUILDER_H

#include "TileBuilder.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace hilbert {

/// What a kernel is specialised for.
struct KernelKey {
  mlir::Type elementType;
  int64_t depth;
  BranchAttr branch;
  Causality causal;
  tile::Access queryAccess, keyAccess, outAccess;
  /// Whether queries and results have one order.
  bool outOrderIsQueryOrder;
  bool hasDlse;
};

/// The positions first, first + step, ... of a class of a segment.
struct ClassRange {
  mlir::Value first, count;
  int64_t step;
};

/// A gpu.func under construction. Arguments are named; their order is that of
/// the calls of `argument`, and a manifest lists them.
class KernelBuilder : public TileBuilder {
public:
  /// `side` is what the kernel's own tiles are of.
  enum class Side { Queries, Keys };
  KernelBuilder(mlir::OpBuilder &at, mlir::Location loc, llvm::StringRef base,
                llvm::StringRef role, const KernelKey &key,
                tile::ScheduleAttr schedule, Side side);

  /// Closes the function.
  void finish();

  // Layouts and tile types.
  tile::MmaAttr layout() const { return mma; }
  mlir::RankedTensorType f32Tile(int64_t rows, int64_t columns);
  mlir::RankedTensorType rowVector(mlir::Type elementType);
  mlir::RankedTensorType columnVector(mlir::Type elementType);
  int64_t m() const { return schedule.getM(); }
  int64_t n() const { return schedule.getN(); }
  int64_t depthInTiles() const { return tile::getTileColumns(key.depth); }

  /// An argument of the kernel, declared where it is first asked for.
  mlir::Value argument(llvm::StringRef name, mlir::Type type);
  mlir::Value i32Argument(llvm::StringRef name);
  mlir::Value f32Argument(llvm::StringRef name);
  /// Declares what every kernel has, in the order of its interface.
  void declare(llvm::ArrayRef<llvm::StringRef> matrices,
               llvm::ArrayRef<llvm::StringRef> stats);

  /// One head of a tensor argument: its pointer and three strides.
  mlir::Value matrix(llvm::StringRef name, mlir::Value head);
  /// One head of a statistic, f32 [B, H, N].
  mlir::Value stats(llvm::StringRef name, mlir::Value head);

  // The work item.
  mlir::Value batch, head, segment, residue, tileIndex;
  /// Decodes the block index. Classes of the side are `classes()`.
  /// Again, after a loop: into equal values that no register had during it.
  void decode(bool isAgain = false);
  int64_t classes() const;

  /// The query class of this item, or of a residue of it (keys' items).
  ClassRange queriesOf(mlir::Value residue);
  /// The keys of residue `residue`.
  ClassRange keyClass(mlir::Value residue);
  /// The keys that this item's queries meet.
  ClassRange keysOfItem();
  /// The queries of `queryHead` that this item's keys meet.
  ClassRange queriesOfItem(mlir::Value queryHead);

  /// The rows of a tile of `size` members from `start`.
  enum class Operand { Queries, Keys, Outs };
  mlir::Value rows(Operand operand, const ClassRange &range, mlir::Value start,
                   int64_t size);
  /// What causality compares, of rows from member `start`: an i32 row vector.
  mlir::Value ranks(const ClassRange &range, mlir::Value start,
                    mlir::Value rows);
  /// The position of member `i`, a scalar or a vector of them.
  mlir::Value position(const ClassRange &range, mlir::Value i);

  const KernelKey key;
  const tile::ScheduleAttr schedule;
  const Side side;

private:
  mlir::Value dilationOffset(mlir::Value queryHead);
  ClassRange classOf(mlir::Value residue, int64_t step, mlir::Value tokens);
  tile::Access accessOf(Operand operand) const;

  mlir::gpu::GPUFuncOp function;
  mlir::Value block;
  tile::MmaAttr mma;
  llvm::StringMap<mlir::Value> arguments;
  llvm::SmallVector<mlir::Attribute> names;
};

/// Emit the kernels of an attention into a gpu.module at `at`.
void emitForward(mlir::OpBuilder &at, mlir::Location loc, llvm::StringRef base,
                 const KernelKey &key, tile::ScheduleAttr schedule);
void emitQueryGradient(mlir::OpBuilder &at, mlir::Location loc,
                       llvm::StringRef base, const KernelKey &key,
                       tile::ScheduleAttr schedule);
/// dk, dv, or both.
void emitKeyGradients(mlir::OpBuilder &at, mlir::Location loc,
                      llvm::StringRef base, const KernelKey &key,
                      tile::ScheduleAttr schedule, bool wantsDk, bool wantsDv);

/// The mask of a tile: which of its pairs of a query and a key exist.
class TileMask {
public:
  /// Rows of tiles are the builder's own side, from member `start`.
  TileMask(KernelBuilder &b, const ClassRange &own, mlir::Value start,
           mlir::Value ownRows, const ClassRange &other);

  /// Members of the other side before which, and from which on, no own member
  /// meets one; multiples of the tile size where that is exact.
  mlir::Value firstOther();
  mlir::Value endOther();
  /// Keys' gradients without causality: queries beyond the end read as zero,
  /// and so is what they add.
  bool isNeverNeeded() const {
    return !ownsQueries() && b.key.causal == Causality::None;
  }
  /// Whether a tile from member `first` needs a mask; null: always.
  mlir::Value isNeeded(mlir::Value first);
  /// The mask, an i1 tile.
  mlir::Value get(mlir::Value first, mlir::Value otherRows);
  /// Rows whose tokens are the ranks of the other side.
  mlir::Value otherRanks(mlir::Value first, mlir::Value otherRows);

private:
  bool ownsQueries() const { return b.side == KernelBuilder::Side::Queries; }

  KernelBuilder &b;
  ClassRange own, other;
  mlir::Value start, ownEnd, ownRows;
};

/// What is not finite in tiles of the other side, where causality may hide some
/// of it: what a mask excludes is 0 in a product, but 0 · NaN is NaN. It is
/// taken out of tiles, and given back to the sum of their products. Without
/// causality all is empty.
class HiddenNonFinite {
public:
  explicit HiddenNonFinite(KernelBuilder &b);

  /// What loops carry, at first: whether anything was taken.
  TileBuilder::Values begin();
  /// Takes it out of a tile from member `first`; what loops carry next.
  TileBuilder::Values take(TileMask &mask, mlir::Value tile, mlir::Value first,
                           mlir::Value otherRows, mlir::ValueRange found);
  /// Adds it to the sum of all products. `ownRanks` are those of its rows.
  mlir::Value giveBack(mlir::ValueRange found, mlir::Value sum,
                       llvm::function_ref<mlir::Value()> ownRanks);

private:
  KernelBuilder &b;
  bool latest;
  mlir::Value bounds;
};

} // namespace hilbert

#endif // HILBERT_LIB_CONVERSION_HILBERTTOGPU_KERNELBUILDER_H
