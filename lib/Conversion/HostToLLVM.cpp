//===- HostToLLVM.cpp - Lower the host level to the llvm dialect ----------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Conversion/Passes.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/LLVMIR/FunctionCallUtils.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace hilbert;

namespace hilbert {
#define GEN_PASS_DEF_CONVERTHILBERTHOSTTOLLVM
#include "hilbert/Conversion/Passes.h.inc"
} // namespace hilbert

// The host runtime's entry points (hilbert-runtime/HostABI.h).
static constexpr llvm::StringLiteral kParallelFor = "hilbert_rt_parallel_for";
static constexpr llvm::StringLiteral kOrder = "hilbert_rt_order";
static constexpr llvm::StringLiteral kFail = "hilbert_rt_fail";

static LLVM::LLVMFuncOp declare(OpBuilder &builder, Operation *module,
                                StringRef name, ArrayRef<Type> arguments,
                                Type result) {
  // Only a name that is taken makes this fail: see isReserved.
  return *LLVM::lookupOrCreateFn(builder, module, name, arguments, result);
}

/// Names that lowered programs and their thunks need for themselves.
static bool isReserved(StringRef name) {
  return name.starts_with("hilbert_") || name.starts_with("_mlir_") ||
         name.ends_with("_thunk") ||
         llvm::is_contained({"malloc", "free", "memcpy", "memset", "memmove"},
                            name);
}

//===----------------------------------------------------------------------===//
// Assertions
//===----------------------------------------------------------------------===//

/// A null-terminated string constant in a symbol of its own.
static Value createMessage(OpBuilder &builder, Location loc, ModuleOp module,
                           StringRef message, unsigned number) {
  auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), message.size() + 1);
  std::string text = message.str() + '\0';
  LLVM::GlobalOp global;
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(module.getBody());
    global = LLVM::GlobalOp::create(builder, loc, type, /*isConstant=*/true,
                                    LLVM::Linkage::Internal,
                                    ("hilbert_message_" + Twine(number)).str(),
                                    builder.getStringAttr(text));
  }
  return LLVM::AddressOfOp::create(builder, loc, global);
}

/// assert(condition) becomes: if (!condition) { record the message; return; }
static void lowerAssert(cf::AssertOp op, ModuleOp module,
                        const LLVMTypeConverter &types, unsigned number) {
  Location loc = op.getLoc();
  OpBuilder builder(op);
  auto parent = op->getParentOfType<func::FuncOp>();
  Block *block = op->getBlock();
  Block *rest = block->splitBlock(std::next(op->getIterator()));
  Block *fail = builder.createBlock(&parent.getBody());
  Value message = createMessage(builder, loc, module, op.getMsg(), number);
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
  LLVM::LLVMFuncOp callee =
      declare(builder, module, kFail, {pointer},
              LLVM::LLVMVoidType::get(builder.getContext()));
  LLVM::CallOp::create(builder, loc, callee, message);
  SmallVector<Value> results;
  for (Type type : parent.getResultTypes()) {
    Value zero = LLVM::ZeroOp::create(builder, loc, types.convertType(type));
    results.push_back(
        UnrealizedConversionCastOp::create(builder, loc, type, zero)
            .getResult(0));
  }
  func::ReturnOp::create(builder, loc, results);
  builder.setInsertionPointToEnd(block);
  cf::CondBranchOp::create(builder, loc, op.getArg(), rest, fail);
  op.erase();
}

//===----------------------------------------------------------------------===//
// hilbert ops
//===----------------------------------------------------------------------===//

namespace {
struct LowerHostLaunch : public ConvertOpToLLVMPattern<HostLaunchOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult
  matchAndRewrite(HostLaunchOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto module = op->getParentOfType<ModuleOp>();
    MLIRContext *context = rewriter.getContext();
    auto pointer = LLVM::LLVMPointerType::get(context);
    auto nothing = LLVM::LLVMVoidType::get(context);
    Type word = rewriter.getI64Type();

    // What the kernel takes once its memrefs are unpacked.
    SmallVector<Value> captures = getTypeConverter()->promoteOperands(
        loc, op.getCaptures(), adaptor.getCaptures(), rewriter);
    auto closure = LLVM::LLVMStructType::getLiteral(
        context, llvm::to_vector(ValueRange(captures).getTypes()));

    LLVM::LLVMFuncOp thunk =
        getThunk(rewriter, loc, module, op.getCallee(), closure);
    Value slot;
    {
      // On the stack of the function, not of a loop around the launch.
      OpBuilder::InsertionGuard guard(rewriter);
      auto parent = op->getParentOfType<FunctionOpInterface>();
      rewriter.setInsertionPointToStart(&parent.getFunctionBody().front());
      Value one = LLVM::ConstantOp::create(rewriter, loc, word, 1);
      slot = LLVM::AllocaOp::create(rewriter, loc, pointer, closure, one);
    }
    Value packed = LLVM::PoisonOp::create(rewriter, loc, closure);
    for (auto [i, value] : llvm::enumerate(captures))
      packed = LLVM::InsertValueOp::create(rewriter, loc, packed, value, i);
    LLVM::StoreOp::create(rewriter, loc, packed, slot);
    Value body = LLVM::AddressOfOp::create(rewriter, loc, thunk);
    LLVM::LLVMFuncOp parallelFor = declare(rewriter, module, kParallelFor,
                                           {pointer, pointer, word}, nothing);
    LLVM::CallOp::create(rewriter, loc, parallelFor,
                         ValueRange{body, slot, adaptor.getCount()});
    rewriter.eraseOp(op);
    return success();
  }

private:
  /// thunk(closure, begin, end): callee(begin, end, captures...). One for each
  /// kernel, however often it is launched.
  static LLVM::LLVMFuncOp getThunk(OpBuilder &builder, Location loc,
                                   ModuleOp module, StringRef callee,
                                   LLVM::LLVMStructType closure) {
    std::string name = (callee + "_thunk").str();
    if (auto thunk = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
      return thunk;
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToEnd(module.getBody());
    auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
    Type word = builder.getI64Type();
    auto thunk = LLVM::LLVMFuncOp::create(
        builder, loc, name,
        LLVM::LLVMFunctionType::get(
            LLVM::LLVMVoidType::get(builder.getContext()),
            {pointer, word, word}),
        LLVM::Linkage::Internal);
    Block *entry = thunk.addEntryBlock(builder);
    builder.setInsertionPointToStart(entry);
    SmallVector<Value> arguments{entry->getArgument(1), entry->getArgument(2)};
    Value captures =
        LLVM::LoadOp::create(builder, loc, closure, entry->getArgument(0));
    for (size_t i = 0; i < closure.getBody().size(); ++i)
      arguments.push_back(
          LLVM::ExtractValueOp::create(builder, loc, captures, i));
    LLVM::CallOp::create(builder, loc, TypeRange{}, callee, arguments);
    LLVM::ReturnOp::create(builder, loc, ValueRange{});
    return thunk;
  }
};

struct LowerPermutation : public ConvertOpToLLVMPattern<PermutationOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult
  matchAndRewrite(PermutationOp op, OpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = dyn_cast<MemRefType>(op.getResult().getType());
    if (!type)
      return rewriter.notifyMatchFailure(op, "must be bufferized");
    Location loc = op.getLoc();
    OrderAttr order = op.getOrder();
    auto pointer = LLVM::LLVMPointerType::get(rewriter.getContext());
    Type word = rewriter.getI64Type();
    SmallVector<Value> arguments;
    auto pass = [&](int64_t value) {
      arguments.push_back(LLVM::ConstantOp::create(rewriter, loc, word, value));
    };
    pass(static_cast<int64_t>(order.getCurve()));
    pass(order.getExtents().size());
    for (int64_t i = 0; i < curve::kMaxRank; ++i)
      pass(i < (int64_t)order.getExtents().size() ? order.getExtents()[i] : 0);
    for (int64_t i = 0; i < curve::kMaxRank; ++i)
      pass(i < (int64_t)order.getTile().size() ? order.getTile()[i] : 0);
    pass(order.getLength());
    LLVM::LLVMFuncOp callee =
        declare(rewriter, op->getParentOfType<ModuleOp>(), kOrder,
                SmallVector<Type>(arguments.size(), word), pointer);
    Value table =
        LLVM::CallOp::create(rewriter, loc, callee, arguments).getResult();
    rewriter.replaceOp(op,
                       {MemRefDescriptor::fromStaticShape(
                           rewriter, loc, *getTypeConverter(), type, table)});
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Entries
//===----------------------------------------------------------------------===//

/// hilbert_entry_f(args): _mlir_ciface_f(args[0], *args[1], …).
void createEntry(LLVM::LLVMFuncOp interface, StringRef name) {
  Location loc = interface.getLoc();
  auto builder = OpBuilder::atBlockEnd(interface->getBlock());
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
  auto type = LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(builder.getContext()), {pointer});
  auto entry = LLVM::LLVMFuncOp::create(builder, loc,
                                        ("hilbert_entry_" + name).str(), type);
  Block *block = entry.addEntryBlock(builder);
  builder.setInsertionPointToStart(block);
  SmallVector<Value> arguments;
  for (auto [i, type] : llvm::enumerate(interface.getArgumentTypes())) {
    Value slot =
        LLVM::GEPOp::create(builder, loc, pointer, pointer,
                            block->getArgument(0), LLVM::GEPArg(int32_t(i)));
    Value argument = LLVM::LoadOp::create(builder, loc, pointer, slot);
    if (!isa<LLVM::LLVMPointerType>(type))
      argument = LLVM::LoadOp::create(builder, loc, type, argument);
    arguments.push_back(argument);
  }
  LLVM::CallOp::create(builder, loc, interface, arguments);
  LLVM::ReturnOp::create(builder, loc, ValueRange{});
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

struct ConvertHilbertHostToLLVM
    : public hilbert::impl::ConvertHilbertHostToLLVMBase<
          ConvertHilbertHostToLLVM> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    MLIRContext *context = &getContext();
    LLVMTypeConverter types(context, LowerToLLVMOptions(context));

    for (auto function : module.getOps<func::FuncOp>()) {
      if (isReserved(function.getName())) {
        function.emitError() << "the name '" << function.getName()
                             << "' is reserved for the host runtime";
        return signalPassFailure();
      }
      if (function.isDeclaration())
        continue;
      if (function.isPublic())
        function->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(),
                          UnitAttr::get(context));
      else
        function->setAttr(
            "llvm.linkage",
            LLVM::LinkageAttr::get(context, LLVM::Linkage::Internal));
    }
    SmallVector<cf::AssertOp> asserts;
    module.walk([&](cf::AssertOp op) { asserts.push_back(op); });
    for (auto [number, op] : llvm::enumerate(asserts))
      lowerAssert(op, module, types, number);

    RewritePatternSet patterns(context);
    populateFuncToLLVMConversionPatterns(types, patterns);
    cf::populateControlFlowToLLVMConversionPatterns(types, patterns);
    arith::populateArithToLLVMConversionPatterns(types, patterns);
    populateMathToLLVMConversionPatterns(types, patterns);
    populateFinalizeMemRefToLLVMConversionPatterns(types, patterns);
    vector::populateVectorRankReducingFMAPattern(patterns);
    populateVectorToLLVMConversionPatterns(types, patterns);
    index::populateIndexToLLVMConversionPatterns(types, patterns);
    ub::populateUBToLLVMConversionPatterns(types, patterns);
    patterns.add<LowerHostLaunch, LowerPermutation>(types);
    LLVMConversionTarget target(*context);
    target.addLegalOp<ModuleOp>();
    if (failed(applyFullConversion(module, target, std::move(patterns))))
      return signalPassFailure();

    for (auto function : llvm::to_vector(module.getOps<LLVM::LLVMFuncOp>())) {
      StringRef name = function.getName();
      if (name.consume_front("_mlir_ciface_") && !function.isExternal())
        createEntry(function, name);
    }
  }
};
} // namespace
