//===- Memory.cpp - Global and shared memory of tile programs -------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"

using namespace mlir;
using namespace hilbert;
using namespace hilbert::tile;

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

// What stands for rows: a number, the count, and
//   run    the first token; step
//   table  the first index; step, table
//   box    the origin; log width, log height, width, plane

Value RowReader::distance(Value more) {
  assert(type.getAccess() == Access::Box);
  auto low = [&](Value value, Value bits) {
    Value mask = b.add(b.shl(b.i32(1), bits), b.i32(-1));
    return b.land(value, mask);
  };
  Value x = low(more, values[2]), rest = b.shr(more, values[2]);
  Value y = low(rest, values[3]), z = b.shr(rest, values[3]);
  return b.add(x, b.add(b.mul(y, values[4]), b.mul(z, values[5])));
}

Value RowReader::token(Value row) {
  row = b.min(row, b.add(count(), b.i32(-1)));
  switch (type.getAccess()) {
  case Access::Run:
    return b.add(values[0], b.mul(row, values[2]));
  case Access::Table: {
    Value index = b.add(values[0], b.mul(row, values[2]));
    Value address =
        LLVM::GEPOp::create(b, values[3].getType(), b.getI32Type(), values[3],
                            ArrayRef<LLVM::GEPArg>{index});
    return b.load(b.getI32Type(), address, 4);
  }
  case Access::Box:
    return b.add(origin(), distance(row));
  }
  llvm_unreachable("all accesses are handled");
}

//===----------------------------------------------------------------------===//
// Tiles of a matrix, one 16-byte chunk after the other
//===----------------------------------------------------------------------===//

namespace {
/// Where chunks are in a matrix. A token's stride has less than 2^31 bytes
/// (DeviceAttentionProblem::check): products are of 32 bits, sums of 64.
class GlobalAddresses {
public:
  GlobalAddresses(ThreadBuilder &b, MatrixType matrix, ValueRange values,
                  RowReader rows, Addressing addressing)
      : b(b), elementType(matrix.getElementType()),
        bytes(elementType.getIntOrFloatBitWidth() / 8), base(values[0]),
        stride(LLVM::TruncOp::create(b, b.getI32Type(), values[1])), rows(rows),
        addressing(addressing) {}

  /// The address of a row's column.
  Value get(Value row, Value column) {
    return getOfToken(rows.token(row), column);
  }
  /// Of a box: the address of a column of row `first`, which may not exist.
  Value startBox(Value first, Value column) {
    return getOfToken(b.add(rows.origin(), rows.distance(first)), column);
  }
  /// Of a box: `more` rows beyond an address of a row that has none of the bits
  /// of `more`.
  Value getInBox(Value address, int64_t more) {
    if (more == 0)
      return address;
    // Bit by bit: rows share what belongs to a bit.
    int64_t rest = more & (more - 1);
    return advance(getInBox(address, rest), rows.distance(b.i32(more - rest)));
  }

private:
  Value getOfToken(Value token, Value column) {
    if (addressing != Addressing::Uniform)
      return advance(b.offset(base, b.mul(column, b.i32(bytes))), token);
    Value element =
        LLVM::AddOp::create(b, b.mulWide(token, stride),
                            LLVM::ZExtOp::create(b, b.getI64Type(), column));
    return LLVM::GEPOp::create(b, base.getType(), elementType, base,
                               ArrayRef<LLVM::GEPArg>{element});
  }
  Value advance(Value address, Value tokens) {
    return b.offset(address, b.mulWide(tokens, b.mul(stride, b.i32(bytes))));
  }

  ThreadBuilder &b;
  Type elementType;
  int64_t bytes;
  Value base, stride;
  RowReader rows;
  Addressing addressing;
};

/// A chunk of a tile as a thread moves it.
struct Chunk {
  /// Whether it is in the matrix.
  Value exists;
  /// Readable of one that exists.
  Value globalAddress;
  Value sharedAddress;
};
} // namespace

Addressing hilbert::getAddressing(Operation *op) {
  auto schedule =
      op->getParentOfType<gpu::GPUFuncOp>()->getAttrOfType<ScheduleAttr>(
          "hilbert_gpu.schedule");
  return schedule ? schedule.getAddresses() : Addressing::Uniform;
}

/// Emits `move` for each chunk of a tile of a matrix that this thread moves.
template <typename CopyOp>
static void
forEachChunk(ThreadBuilder &b, CopyOp op,
             typename OpConversionPattern<CopyOp>::OneToNOpAdaptor operands,
             function_ref<void(const Chunk &)> move) {
  constexpr bool isLoad = std::is_same_v<CopyOp, AsyncLoadOp>;
  SmemType tile = op.getTile().getType();
  MatrixType matrix = op.getMatrix().getType();
  RowReader rows(b, op.getRows().getType(), operands.getRows());
  Addressing addressing = getAddressing(op);
  GlobalAddresses addresses(b, matrix, operands.getMatrix(), rows, addressing);
  int64_t threads = getNumThreads(op);
  // The tile that is written has the rows of one that was read. What is known
  // of them is not kept meanwhile: registers are short in between.
  Value thread =
      isLoad && addressing != Addressing::Again ? b.thread() : b.threadAgain();
  int64_t bytes = tile.getElementType().getIntOrFloatBitWidth() / 8;
  int64_t columns = tile.getShape()[1] * bytes / 16;
  int64_t stored = matrix.getColumns() * bytes / 16;
  int64_t total = tile.getShape()[0] * columns;
  auto elementOf = [&](Value column) {
    return b.mul(column, b.i32(16 / bytes));
  };
  // Then a thread's rows differ by constants.
  bool isRegular = hasOneChunkColumn(columns * 16, threads);
  // Chunks first, first + threads, … < first + count.
  auto emit = [&](Value first, int64_t count) {
    // Loads repeat in loops, and stores come when registers are short: each
    // shares what costs it fewest of them.
    Value startOfBox, firstShared;
    if (isRegular && isLoad && rows.isBox())
      startOfBox = addresses.startBox(b.div(first, columns),
                                      elementOf(b.rem(first, columns)));
    for (int64_t begin = 0; begin < count; begin += threads) {
      Value row, column;
      int64_t more = begin / columns;
      if (isRegular) {
        row = b.add(b.div(first, columns), b.i32(more));
        column = b.rem(first, columns);
      } else {
        Value flat = b.add(first, b.i32(begin));
        row = b.div(flat, columns);
        column = b.rem(flat, columns);
      }
      auto body = [&] {
        Chunk chunk;
        chunk.exists = rows.exists(row);
        if (stored < columns)
          chunk.exists = b.land(chunk.exists, b.less(column, b.i32(stored)));
        chunk.globalAddress = startOfBox
                                  ? addresses.getInBox(startOfBox, more)
                                  : addresses.get(row, elementOf(column));
        // The swizzle repeats after 8 rows.
        if (firstShared && more % 8 == 0)
          chunk.sharedAddress =
              b.offset(firstShared, Value(), more * tile.getPanelBytes());
        else
          chunk.sharedAddress = b.offset(operands.getTile()[0],
                                         getChunkOffset(b, tile, row, column));
        if (begin == 0 && isRegular && !isLoad)
          firstShared = chunk.sharedAddress;
        move(chunk);
      };
      if (begin + threads <= count)
        body();
      else
        b.when(b.less(thread, b.i32(count - begin)), body);
    }
  };
  // Many at once take many registers.
  int64_t step = 16 * threads;
  int64_t looped = total > 24 * threads ? total / step * step : 0;
  if (looped)
    b.loop(thread, looped, step, [&](Value first) { emit(first, step); });
  if (looped < total)
    emit(looped ? b.add(thread, b.i32(looped)) : thread, total - looped);
}

SmallVector<Value> hilbert::getIndices(ThreadBuilder &b,
                                       RankedTensorType slice) {
  auto layout = cast<LayoutInterface>(slice.getEncoding());
  ArrayRef<int64_t> shape = slice.getShape();
  Value base = b.apply(layout.getThreadMap(shape).getResult(0));
  SmallVector<Value> indices;
  for (int64_t i = 0; i < layout.getNumElements(shape); ++i)
    indices.push_back(b.add(base, b.i32(layout.getOffset(shape, i)[0])));
  return indices;
}

namespace {
/// The address of a row's number.
Value getStatAddress(ThreadBuilder &b, ValueRange matrix, RowReader &rows,
                     Value row, Type elementType) {
  Value token = LLVM::SExtOp::create(b, b.getI64Type(), rows.token(row));
  return LLVM::GEPOp::create(b, matrix[0].getType(), elementType, matrix[0],
                             ArrayRef<LLVM::GEPArg>{token});
}

struct LowerAsyncLoad : public OpConversionPattern<AsyncLoadOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(AsyncLoadOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    ThreadBuilder b(op.getLoc(), rewriter);
    SmemType tile = op.getTile().getType();
    if (tile.isMatrix()) {
      Value full = b.i32(16), empty = b.i32(0);
      forEachChunk(b, op, adaptor, [&](const Chunk &chunk) {
        NVVM::CpAsyncOp::create(b, chunk.sharedAddress, chunk.globalAddress, 16,
                                NVVM::LoadCacheModifierKind::CG,
                                b.select(chunk.exists, full, empty));
      });
      rewriter.eraseOp(op);
      return success();
    }
    // A vector: a number for each row.
    RowReader rows(b, op.getRows().getType(), adaptor.getRows());
    int64_t threads = getNumThreads(op);
    Value full = b.i32(4), empty = b.i32(0);
    for (int64_t begin = 0; begin < tile.getShape()[0]; begin += threads) {
      Value row = b.add(b.thread(), b.i32(begin));
      b.when(b.less(row, b.i32(tile.getShape()[0])), [&] {
        Value address = getStatAddress(b, adaptor.getMatrix(), rows, row,
                                       tile.getElementType());
        NVVM::CpAsyncOp::create(
            b, b.offset(adaptor.getTile()[0], b.mul(row, b.i32(4))), address, 4,
            NVVM::LoadCacheModifierKind::CA,
            b.select(rows.exists(row), full, empty));
      });
    }
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerCopyOut : public OpConversionPattern<CopyOutOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(CopyOutOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    ThreadBuilder b(op.getLoc(), rewriter);
    Type vector = VectorType::get({4}, b.getI32Type());
    forEachChunk(b, op, adaptor, [&](const Chunk &chunk) {
      Value value = b.load(vector, chunk.sharedAddress, 16);
      b.when(chunk.exists, [&] { b.store(value, chunk.globalAddress, 16); });
    });
    rewriter.eraseOp(op);
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Numbers for each row
//===----------------------------------------------------------------------===//

struct LowerGather : public OpConversionPattern<GatherOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(GatherOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    ThreadBuilder b(op.getLoc(), rewriter);
    RowReader rows(b, op.getRows().getType(), adaptor.getRows());
    Type type = op.getType().getElementType();
    Value zero = LLVM::ConstantOp::create(b, b.getZeroAttr(type));
    SmallVector<Value> values;
    for (Value row : getIndices(b, op.getType())) {
      Value address = getStatAddress(b, adaptor.getMatrix(), rows, row, type);
      values.push_back(b.select(rows.exists(row), b.load(type, address), zero));
    }
    rewriter.replaceOpWithMultiple(op, {values});
    return success();
  }
};

struct LowerStore : public OpConversionPattern<StoreOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(StoreOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    RankedTensorType type = op.getTile().getType();
    if (type.getRank() != 1)
      return rewriter.notifyMatchFailure(op, "goes through shared memory");
    ThreadBuilder b(op.getLoc(), rewriter);
    RowReader rows(b, op.getRows().getType(), adaptor.getRows());
    // The four lanes of a row have the same number.
    Value isFirst = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::eq,
                                         b.rem(b.lane(), 4), b.i32(0));
    for (auto [row, value] :
         llvm::zip_equal(getIndices(b, type), adaptor.getTile()))
      b.when(b.land(isFirst, rows.exists(row)), [&, row = row, value = value] {
        b.store(value, getStatAddress(b, adaptor.getMatrix(), rows, row,
                                      type.getElementType()));
      });
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerTokens : public OpConversionPattern<TokensOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(TokensOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    ThreadBuilder b(op.getLoc(), rewriter);
    RowReader rows(b, op.getRows().getType(), adaptor.getRows());
    SmallVector<Value> tokens;
    for (Value row : getIndices(b, op.getType()))
      tokens.push_back(rows.token(row));
    rewriter.replaceOpWithMultiple(op, {tokens});
    return success();
  }
};

struct LowerIndices : public OpConversionPattern<IndicesOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(IndicesOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    ThreadBuilder b(op.getLoc(), rewriter);
    rewriter.replaceOpWithMultiple(op, {getIndices(b, op.getType())});
    return success();
  }
};

//===----------------------------------------------------------------------===//
// What stands for matrices and rows
//===----------------------------------------------------------------------===//

struct LowerMatrix : public OpConversionPattern<MatrixOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(MatrixOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Value base =
        LLVM::GEPOp::create(rewriter, op.getLoc(), op.getBase().getType(),
                            op.getType().getElementType(), op.getBase(),
                            ArrayRef<LLVM::GEPArg>{op.getOffset()});
    rewriter.replaceOpWithMultiple(op,
                                   {SmallVector<Value>{base, op.getStride()}});
    return success();
  }
};

struct LowerRunRows : public OpConversionPattern<RunRowsOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(RunRowsOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    ThreadBuilder b(op.getLoc(), rewriter);
    rewriter.replaceOpWithMultiple(
        op, {SmallVector<Value>{op.getFirst(), op.getCount(),
                                b.i32(op.getStep())}});
    return success();
  }
};

struct LowerTableRows : public OpConversionPattern<TableRowsOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(TableRowsOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    ThreadBuilder b(op.getLoc(), rewriter);
    rewriter.replaceOpWithMultiple(
        op, {SmallVector<Value>{op.getFirst(), op.getCount(),
                                b.i32(op.getStep()), op.getTable()}});
    return success();
  }
};

struct LowerBoxRows : public OpConversionPattern<BoxRowsOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(BoxRowsOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    ThreadBuilder b(op.getLoc(), rewriter);
    Type vector = VectorType::get({4}, b.getI32Type());
    Value address =
        LLVM::GEPOp::create(b, op.getBoxes().getType(), vector, op.getBoxes(),
                            ArrayRef<LLVM::GEPArg>{op.getIndex()});
    Value entry = b.load(vector, address, 16);
    auto get = [&](int64_t i) -> Value {
      return LLVM::ExtractElementOp::create(b, entry, b.i32(i));
    };
    rewriter.replaceOpWithMultiple(
        op, {SmallVector<Value>{get(0), op.getCount(), get(1), get(2),
                                op.getWidth(), op.getPlane()}});
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

struct LowerAlloc : public OpConversionPattern<AllocOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(AllocOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    if (!op.getOffset())
      return op.emitOpError("has no offset: run hilbert-gpu-allocate first");
    ThreadBuilder b(op.getLoc(), rewriter);
    auto module = op->getParentOfType<gpu::GPUModuleOp>();
    auto memory = module.lookupSymbol<LLVM::GlobalOp>("hilbert_shared");
    auto pointer = LLVM::LLVMPointerType::get(
        getContext(), unsigned(NVVM::NVVMMemorySpace::Shared));
    Value base = LLVM::AddressOfOp::create(b, pointer, memory.getSymName());
    rewriter.replaceOp(op, b.offset(base, Value(), *op.getOffset()));
    return success();
  }
};

struct LowerSlot : public OpConversionPattern<SlotOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(SlotOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    ThreadBuilder b(op.getLoc(), rewriter);
    int64_t bytes = op.getType().getSizeInBytes();
    rewriter.replaceOp(
        op, b.offset(adaptor.getRing()[0], b.mul(op.getIndex(), b.i32(bytes))));
    return success();
  }
};

struct LowerCommit : public OpConversionPattern<CommitOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(CommitOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<NVVM::CpAsyncCommitGroupOp>(op);
    return success();
  }
};

struct LowerWait : public OpConversionPattern<WaitOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(WaitOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    NVVM::CpAsyncWaitGroupOp::create(rewriter, op.getLoc(), op.getPending());
    rewriter.replaceOpWithNewOp<NVVM::Barrier0Op>(op);
    return success();
  }
};

struct LowerFlipSign : public OpConversionPattern<FlipSignOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(FlipSignOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    ThreadBuilder b(op.getLoc(), rewriter);
    Value shared = adaptor.getSource()[0];
    int64_t threads = getNumThreads(op);
    int64_t chunks = op.getType().getSizeInBytes() / 16;
    VectorType vector = VectorType::get({4}, b.getI32Type());
    b.when(op.getCondition(), [&] {
      NVVM::CpAsyncWaitGroupOp::create(b, 0);
      NVVM::Barrier0Op::create(b);
      Value signs = LLVM::ConstantOp::create(
          b, DenseElementsAttr::get(
                 vector, APInt(32, op.getType().getElementType().isF32()
                                       ? 0x80000000
                                       : 0x80008000)));
      for (int64_t begin = 0; begin < chunks; begin += threads) {
        Value index = b.add(b.thread(), b.i32(begin));
        b.when(b.less(index, b.i32(chunks)), [&] {
          Value address = b.offset(shared, b.mul(index, b.i32(16)));
          b.store(b.xori(b.load(vector, address, 16), signs), address, 16);
        });
      }
      NVVM::Barrier0Op::create(b);
    });
    rewriter.replaceOp(op, shared);
    return success();
  }
};

/// The addresses in a tile of each two neighbours that a thread holds of an
/// operand, in order.
void forEachElementPair(ThreadBuilder &b, RankedTensorType fragment,
                        SmemType tile, Value shared,
                        function_ref<void(Value)> body) {
  auto layout = cast<LayoutInterface>(fragment.getEncoding());
  ArrayRef<int64_t> shape = fragment.getShape();
  AffineMap map = layout.getThreadMap(shape);
  int64_t bytes = tile.getElementType().getIntOrFloatBitWidth() / 8;
  Value row = b.apply(map.getResult(0));
  // Within 8 columns: one chunk of 16-bit elements, two of f32.
  Value byte = b.mul(b.apply(map.getResult(1)), b.i32(bytes));
  Value chunk = b.div(byte, 16);
  Value inChunk = b.offset(shared, b.rem(byte, 16));
  for (int64_t i = 0; i < layout.getNumElements(shape); i += 2) {
    SmallVector<int64_t> at = layout.getOffset(shape, i);
    Value offset = getChunkOffset(b, tile, b.add(row, b.i32(at[0])),
                                  b.add(chunk, b.i32(at[1] * bytes / 16)));
    body(b.offset(inChunk, offset));
  }
}

struct LowerLocalLoad : public OpConversionPattern<LocalLoadOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(LocalLoadOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    ThreadBuilder b(op.getLoc(), rewriter);
    RankedTensorType type = op.getType();
    SmemType tile = op.getSource().getType();
    Value shared = adaptor.getSource()[0];
    SmallVector<Value> values;
    if (tile.isMatrix() && tile.getElementType().isF32()) {
      forEachElementPair(b, type, tile, shared, [&](Value address) {
        Value pair = b.load(VectorType::get({2}, b.getF32Type()), address, 8);
        for (int64_t i = 0; i < 2; ++i)
          values.push_back(LLVM::ExtractElementOp::create(b, pair, b.i32(i)));
      });
    } else if (tile.isMatrix()) {
      int64_t warps = getNumThreads(op) / 32;
      int64_t rowsPerWarp = type.getDimSize(0) / warps;
      OperandLoader loader(b, tile, shared, rowsPerWarp);
      for (int64_t row = 0; row < rowsPerWarp / 16; ++row)
        for (int64_t column = 0; column < type.getDimSize(1) / 16; ++column)
          llvm::append_range(values, loader.get(row, column));
    } else {
      for (Value index : getIndices(b, type))
        values.push_back(b.load(b.getF32Type(),
                                b.offset(shared, b.mul(index, b.i32(4))), 4));
    }
    rewriter.replaceOpWithMultiple(op, {values});
    return success();
  }
};

struct LowerLocalStore : public OpConversionPattern<LocalStoreOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(LocalStoreOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    ThreadBuilder b(op.getLoc(), rewriter);
    RankedTensorType type = op.getSource().getType();
    SmemType tile = op.getTile().getType();
    if (!tile.isMatrix())
      return rewriter.notifyMatchFailure(op, "vectors are stored directly");
    ValueRange values = adaptor.getSource();
    size_t next = 0;
    forEachElementPair(b, type, tile, adaptor.getTile()[0], [&](Value address) {
      if (isPacked(type)) {
        b.store(values[next++], address, 4);
        return;
      }
      Value pair =
          LLVM::PoisonOp::create(b, VectorType::get({2}, b.getF32Type()));
      for (int64_t i = 0; i < 2; ++i)
        pair = LLVM::InsertElementOp::create(b, pair, values[next++], b.i32(i));
      b.store(pair, address, 8);
    });
    rewriter.eraseOp(op);
    return success();
  }
};
} // namespace

void hilbert::populateMemoryPatterns(const ThreadTypeConverter &converter,
                                     RewritePatternSet &patterns) {
  patterns.add<LowerAlloc, LowerAsyncLoad, LowerBoxRows, LowerCommit,
               LowerCopyOut, LowerFlipSign, LowerGather, LowerIndices,
               LowerLocalLoad, LowerLocalStore, LowerMatrix, LowerRunRows,
               LowerSlot, LowerStore, LowerTableRows, LowerTokens, LowerWait>(
      converter, patterns.getContext());
}
