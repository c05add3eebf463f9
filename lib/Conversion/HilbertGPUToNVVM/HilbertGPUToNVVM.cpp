//===- HilbertGPUToNVVM.cpp - Give each thread its part of a tile program -===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"

#include "mlir/Dialect/SCF/Transforms/Patterns.h"

using namespace mlir;
using namespace hilbert;
using namespace hilbert::tile;

namespace hilbert {
#define GEN_PASS_DEF_CONVERTHILBERTGPUTONVVM
#include "hilbert/Conversion/Passes.h.inc"
} // namespace hilbert

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

bool hilbert::isPacked(RankedTensorType fragment) {
  return isa<OperandAttr>(fragment.getEncoding()) &&
         fragment.getElementTypeBitWidth() == 16;
}

ThreadTypeConverter::ThreadTypeConverter(MLIRContext *context) {
  using Types = SmallVectorImpl<Type>;
  Type i32 = IntegerType::get(context, 32), i64 = IntegerType::get(context, 64);
  Type global = LLVM::LLVMPointerType::get(context, 1);
  Type shared = LLVM::LLVMPointerType::get(
      context, unsigned(NVVM::NVVMMemorySpace::Shared));
  addConversion([](Type type) { return type; });
  addConversion([=](RankedTensorType type, Types &types) -> LogicalResult {
    if (!isFragment(type))
      return failure();
    int64_t elements = cast<LayoutInterface>(type.getEncoding())
                           .getNumElements(type.getShape());
    if (isPacked(type))
      types.append(elements / 2, i32);
    else
      types.append(elements, type.getElementType());
    return success();
  });
  addConversion([=](MatrixType type, Types &types) -> LogicalResult {
    llvm::append_values(types, global, i64);
    return success();
  });
  addConversion([=](RowsType type, Types &types) -> LogicalResult {
    types.append(type.getAccess() == Access::Box ? 6 : 3, i32);
    if (type.getAccess() == Access::Table)
      types.push_back(global);
    return success();
  });
  addConversion([=](SmemType) { return shared; });
  addConversion([=](RingType) { return shared; });
}

//===----------------------------------------------------------------------===//
// ThreadBuilder
//===----------------------------------------------------------------------===//

/// A PTX instruction of one result.
static Value createAsm(ThreadBuilder &b, Type type, ValueRange operands,
                       StringRef text, StringRef constraints,
                       bool hasSideEffects) {
  return LLVM::InlineAsmOp::create(b, type, operands, text, constraints,
                                   hasSideEffects, /*is_align_stack=*/false,
                                   LLVM::TailCallKind::None,
                                   LLVM::AsmDialectAttr(), ArrayAttr())
      .getResult(0);
}

Value ThreadBuilder::i32(int64_t value) {
  return LLVM::ConstantOp::create(*this, getI32Type(),
                                  getI32IntegerAttr(value));
}
Value ThreadBuilder::add(Value a, Value b) {
  return createOrFold<arith::AddIOp>(a, b);
}
Value ThreadBuilder::mul(Value a, Value b) {
  return createOrFold<arith::MulIOp>(a, b);
}
Value ThreadBuilder::mulWide(Value a, Value c) {
  return createAsm(*this, getI64Type(), {a, c}, "mul.wide.s32 $0, $1, $2;",
                   "=l,r,r", /*hasSideEffects=*/false);
}
Value ThreadBuilder::min(Value a, Value b) {
  return createOrFold<arith::MinSIOp>(a, b);
}
Value ThreadBuilder::xori(Value a, Value b) {
  return createOrFold<arith::XOrIOp>(a, b);
}
Value ThreadBuilder::land(Value a, Value b) {
  return createOrFold<arith::AndIOp>(a, b);
}
Value ThreadBuilder::shl(Value a, Value b) {
  return createOrFold<arith::ShLIOp>(a, b);
}
Value ThreadBuilder::shr(Value a, Value b) {
  return createOrFold<arith::ShRUIOp>(a, b);
}
Value ThreadBuilder::div(Value a, int64_t b) {
  return b == 1 ? a : createOrFold<arith::DivUIOp>(a, i32(b));
}
Value ThreadBuilder::rem(Value a, int64_t b) {
  return createOrFold<arith::RemUIOp>(a, i32(b));
}
Value ThreadBuilder::less(Value a, Value b) {
  return createOrFold<arith::CmpIOp>(arith::CmpIPredicate::slt, a, b);
}
Value ThreadBuilder::select(Value condition, Value a, Value b) {
  return createOrFold<arith::SelectOp>(condition, a, b);
}
void ThreadBuilder::when(Value condition, function_ref<void()> body) {
  auto branch = scf::IfOp::create(*this, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  body();
}
void ThreadBuilder::loop(Value first, int64_t end, int64_t step,
                         function_ref<void(Value)> body) {
  auto loop = scf::ForOp::create(*this, first, i32(end), i32(step));
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

Value ThreadBuilder::thread() {
  return NVVM::ThreadIdXOp::create(*this, getI32Type());
}
Value ThreadBuilder::opaque(Value value) {
  return createAsm(*this, getI32Type(), value, "mov.u32 $0, $1;", "=r,r",
                   /*hasSideEffects=*/true);
}
Value ThreadBuilder::threadAgain() { return opaque(thread()); }
Value ThreadBuilder::lane() { return rem(thread(), 32); }
Value ThreadBuilder::warp() { return div(thread(), 32); }

Value ThreadBuilder::apply(AffineExpr expr) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return i32(constant.getValue());
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dim.getPosition() == 0 ? lane() : warp();
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Value left = apply(binary.getLHS());
  auto constant = [&] {
    return cast<AffineConstantExpr>(binary.getRHS()).getValue();
  };
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return add(left, apply(binary.getRHS()));
  case AffineExprKind::Mul:
    return mul(left, apply(binary.getRHS()));
  case AffineExprKind::FloorDiv:
    return div(left, constant());
  case AffineExprKind::Mod:
    return rem(left, constant());
  default:
    llvm_unreachable("layouts have no other expressions");
  }
}

Value ThreadBuilder::offset(Value pointer, Value bytes, int64_t constant) {
  Type i8 = getI8Type();
  if (bytes)
    pointer = LLVM::GEPOp::create(*this, pointer.getType(), i8, pointer,
                                  ArrayRef<LLVM::GEPArg>{bytes});
  if (constant)
    pointer = LLVM::GEPOp::create(*this, pointer.getType(), i8, pointer,
                                  ArrayRef<LLVM::GEPArg>{int32_t(constant)});
  return pointer;
}
Value ThreadBuilder::load(Type type, Value pointer, unsigned alignment) {
  return LLVM::LoadOp::create(*this, type, pointer, alignment);
}
void ThreadBuilder::store(Value value, Value pointer, unsigned alignment) {
  LLVM::StoreOp::create(*this, value, pointer, alignment);
}

int64_t hilbert::getNumThreads(Operation *op) {
  auto function = op->getParentOfType<gpu::GPUFuncOp>();
  return function.getKnownBlockSizeAttr()[0];
}

Value hilbert::getChunkOffset(ThreadBuilder &b, SmemType tile, Value row,
                              Value chunk) {
  int64_t panel = tile.getPanelBytes(), chunks = panel / 16;
  Value swizzle = b.rem(b.div(row, 128 / panel), chunks);
  Value inPanel = b.xori(b.rem(chunk, chunks), swizzle);
  Value bytes = b.add(b.mul(row, b.i32(panel)), b.mul(inPanel, b.i32(16)));
  if (tile.getShape()[1] ==
      panel * 8 / tile.getElementType().getIntOrFloatBitWidth())
    return bytes;
  return b.add(bytes,
               b.mul(b.div(chunk, chunks), b.i32(panel * tile.getShape()[0])));
}

//===----------------------------------------------------------------------===//
// Elementwise ops
//===----------------------------------------------------------------------===//

namespace {
/// An intrinsic of one f32: exp2 and log2 without denormals.
Value callIntrinsic(ThreadBuilder &b, StringRef name, Value operand) {
  return LLVM::CallIntrinsicOp::create(b, b.getF32Type(), b.getStringAttr(name),
                                       ValueRange{operand})
      ->getResult(0);
}

/// One op of scalars for each element that a thread holds.
struct LowerElementwise : public ConversionPattern {
  LowerElementwise(const TypeConverter &converter, MLIRContext *context)
      : ConversionPattern(converter, MatchAnyOpTypeTag(), /*benefit=*/1,
                          context) {}

  LogicalResult
  matchAndRewrite(Operation *op, ArrayRef<ValueRange> operands,
                  ConversionPatternRewriter &rewriter) const override {
    if (op->getNumResults() != 1 || !isFragment(op->getResult(0).getType()) ||
        !OpTrait::hasElementwiseMappableTraits(op))
      return failure();
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    if (isPacked(type))
      return rewriter.notifyMatchFailure(op, "16-bit operands are only made");
    ThreadBuilder b(op->getLoc(), rewriter);
    size_t elements = getLayout(type).getNumElements(type.getShape());
    SmallVector<Value> results;
    for (size_t i = 0; i < elements; ++i) {
      SmallVector<Value> scalars;
      // The condition of a select may be one for all elements.
      for (auto [operand, type] :
           llvm::zip_equal(operands, op->getOperandTypes()))
        scalars.push_back(isFragment(type) ? operand[i] : operand[0]);
      results.push_back(lowerScalar(b, op, scalars, type.getElementType()));
    }
    rewriter.replaceOpWithMultiple(op, {results});
    return success();
  }

private:
  static Value lowerScalar(ThreadBuilder &b, Operation *op,
                           ArrayRef<Value> scalars, Type type) {
    if (isa<math::Exp2Op>(op))
      return callIntrinsic(b, "llvm.nvvm.ex2.approx.ftz.f", scalars[0]);
    if (isa<math::Log2Op>(op))
      return callIntrinsic(b, "llvm.nvvm.lg2.approx.ftz.f", scalars[0]);
    if (isa<math::FmaOp>(op))
      return LLVM::FMAOp::create(b, scalars[0], scalars[1], scalars[2]);
    // Not functions of libdevice, as the conversion of scalars would have it.
    if (isa<arith::MaxNumFOp>(op))
      return LLVM::MaxNumOp::create(b, scalars[0], scalars[1]);
    OperationState state(op->getLoc(), op->getName(), scalars, type,
                         llvm::to_vector(op->getDiscardableAttrs()));
    state.propertiesAttr = op->getPropertiesAsAttribute();
    return b.create(state)->getResult(0);
  }
};

/// The two halves of each register, widened.
struct LowerExtF : public OpConversionPattern<arith::ExtFOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(arith::ExtFOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto source = dyn_cast<RankedTensorType>(op.getIn().getType());
    if (!source || !isFragment(source) || !isPacked(source))
      return failure();
    ThreadBuilder b(op.getLoc(), rewriter);
    auto pair = VectorType::get({2}, source.getElementType());
    SmallVector<Value> results;
    for (Value packed : adaptor.getIn()) {
      Value halves = LLVM::BitcastOp::create(b, pair, packed);
      for (int64_t i = 0; i < 2; ++i)
        results.push_back(LLVM::FPExtOp::create(
            b, b.getF32Type(),
            LLVM::ExtractElementOp::create(b, halves, b.i32(i))));
    }
    rewriter.replaceOpWithMultiple(op, {results});
    return success();
  }
};

struct LowerOpaque : public OpConversionPattern<OpaqueOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(OpaqueOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    ThreadBuilder b(op.getLoc(), rewriter);
    rewriter.replaceOp(op, b.opaque(adaptor.getSource()[0]));
    return success();
  }
};

struct LowerConstant : public OpConversionPattern<arith::ConstantOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(arith::ConstantOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = dyn_cast<RankedTensorType>(op.getType());
    auto value = dyn_cast<SplatElementsAttr>(op.getValue());
    if (!type || !isFragment(type) || !value || isPacked(type))
      return failure();
    Value scalar = arith::ConstantOp::create(
        rewriter, op.getLoc(),
        cast<TypedAttr>(value.getSplatValue<Attribute>()));
    SmallVector<Value> values(getLayout(type).getNumElements(type.getShape()),
                              scalar);
    rewriter.replaceOpWithMultiple(op, {values});
    return success();
  }
};

struct LowerSplat : public OpConversionPattern<tensor::SplatOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(tensor::SplatOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getType());
    if (!isFragment(type) || isPacked(type))
      return failure();
    SmallVector<Value> values(getLayout(type).getNumElements(type.getShape()),
                              op.getInput());
    rewriter.replaceOpWithMultiple(op, {values});
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Layouts
//===----------------------------------------------------------------------===//

struct LowerBroadcast : public OpConversionPattern<BroadcastOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(BroadcastOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    RankedTensorType source = op.getSource().getType(), result = op.getType();
    int64_t kept = 1 - cast<SliceAttr>(source.getEncoding()).getDim();
    LayoutInterface slice = getLayout(source), layout = getLayout(result);
    llvm::DenseMap<int64_t, Value> entries;
    for (auto [i, value] : llvm::enumerate(adaptor.getSource()))
      entries[slice.getOffset(source.getShape(), i)[0]] = value;
    SmallVector<Value> values;
    for (int64_t i = 0; i < layout.getNumElements(result.getShape()); ++i)
      values.push_back(
          entries.lookup(layout.getOffset(result.getShape(), i)[kept]));
    rewriter.replaceOpWithMultiple(op, {values});
    return success();
  }
};

struct LowerReduce : public OpConversionPattern<ReduceOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(ReduceOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    ThreadBuilder b(op.getLoc(), rewriter);
    RankedTensorType source = op.getSource().getType(), result = op.getType();
    LayoutInterface layout = getLayout(source), slice = getLayout(result);
    auto combine = [&](Value x, Value y) -> Value {
      switch (op.getKind()) {
      case Reduction::Max:
        return LLVM::MaxNumOp::create(b, x, y);
      case Reduction::Min:
        return LLVM::MinNumOp::create(b, x, y);
      case Reduction::Sum:
        return arith::AddFOp::create(b, x, y);
      }
      llvm_unreachable("all reductions are handled");
    };
    // Within the thread, then between the four lanes of a row.
    llvm::DenseMap<int64_t, Value> rows;
    for (auto [i, value] : llvm::enumerate(adaptor.getSource())) {
      Value &row = rows[layout.getOffset(source.getShape(), i)[0]];
      row = row ? combine(row, value) : value;
    }
    SmallVector<Value> values;
    for (int64_t i = 0; i < slice.getNumElements(result.getShape()); ++i) {
      Value value = rows.lookup(slice.getOffset(result.getShape(), i)[0]);
      for (int64_t distance : {1, 2}) {
        Value other = NVVM::ShflOp::create(b, b.getF32Type(), b.i32(-1), value,
                                           b.i32(distance), b.i32(31),
                                           NVVM::ShflKind::bfly, UnitAttr());
        value = combine(value, other);
      }
      values.push_back(value);
    }
    rewriter.replaceOpWithMultiple(op, {values});
    return success();
  }
};

struct LowerToOperand : public OpConversionPattern<ToOperandOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(ToOperandOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    ThreadBuilder b(op.getLoc(), rewriter);
    RankedTensorType source = op.getSource().getType(), result = op.getType();
    LayoutInterface from = getLayout(source), to = getLayout(result);
    llvm::DenseMap<std::pair<int64_t, int64_t>, Value> elements;
    for (auto [i, value] : llvm::enumerate(adaptor.getSource())) {
      SmallVector<int64_t> at = from.getOffset(source.getShape(), i);
      elements[{at[0], at[1]}] = value;
    }
    auto pair = VectorType::get({2}, result.getElementType());
    SmallVector<Value> values;
    for (int64_t i = 0; i < to.getNumElements(result.getShape()); i += 2) {
      SmallVector<int64_t> at = to.getOffset(result.getShape(), i);
      Value low = elements.lookup({at[0], at[1]});
      Value high = elements.lookup({at[0], at[1] + 1});
      if (!isPacked(result)) {
        // Rounded where it is multiplied.
        llvm::append_values(values, low, high);
        continue;
      }
      Value both =
          LLVM::PoisonOp::create(b, VectorType::get({2}, b.getF32Type()));
      both = LLVM::InsertElementOp::create(b, both, low, b.i32(0));
      both = LLVM::InsertElementOp::create(b, both, high, b.i32(1));
      Value packed = LLVM::FPTruncOp::create(b, pair, both);
      values.push_back(LLVM::BitcastOp::create(b, b.getI32Type(), packed));
    }
    rewriter.replaceOpWithMultiple(op, {values});
    return success();
  }
};

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// The dynamic shared memory of a launch.
void declareSharedMemory(gpu::GPUModuleOp module) {
  ImplicitLocOpBuilder b(module.getLoc(), module.getBody(),
                         module.getBody()->begin());
  LLVM::GlobalOp::create(
      b, LLVM::LLVMArrayType::get(b.getI8Type(), 0), /*isConstant=*/false,
      LLVM::Linkage::External, "hilbert_shared", Attribute(),
      /*alignment=*/1024, unsigned(NVVM::NVVMMemorySpace::Shared));
}

struct ConvertHilbertGPUToNVVM
    : public hilbert::impl::ConvertHilbertGPUToNVVMBase<
          ConvertHilbertGPUToNVVM> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<gpu::GPUFuncOp>())
      if (!function.getKnownBlockSizeAttr()) {
        function.emitError() << "kernel '" << function.getName()
                             << "' must have a known_block_size";
        return signalPassFailure();
      }
    MLIRContext *context = &getContext();
    ThreadTypeConverter converter(context);
    RewritePatternSet patterns(context);
    patterns.add<LowerBroadcast, LowerConstant, LowerOpaque, LowerElementwise,
                 LowerExtF, LowerReduce, LowerSplat, LowerToOperand>(converter,
                                                                     context);
    populateDotPatterns(converter, patterns);
    populateMemoryPatterns(converter, patterns);
    populateNonFinitePatterns(converter, patterns);
    ConversionTarget target(*context);
    target.addIllegalDialect<HilbertGPUDialect>();
    target.addLegalDialect<LLVM::LLVMDialect, NVVM::NVVMDialect,
                           gpu::GPUDialect>();
    target.addDynamicallyLegalDialect<arith::ArithDialect, math::MathDialect,
                                      tensor::TensorDialect>(
        [&](Operation *op) { return converter.isLegal(op); });
    scf::populateSCFStructuralTypeConversionsAndLegality(converter, patterns,
                                                         target);
    declareSharedMemory(getOperation());
    if (failed(applyPartialConversion(getOperation(), target,
                                      std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
