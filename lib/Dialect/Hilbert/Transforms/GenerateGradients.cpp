//===- GenerateGradients.cpp - Gradient functions of forward ones ---------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Dialect/Hilbert/Transforms/Passes.h"

#include "mlir/Dialect/Tensor/Utils/Utils.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace hilbert;

namespace hilbert {
#define GEN_PASS_DEF_HILBERTGENERATEGRADIENTS
#include "hilbert/Dialect/Hilbert/Transforms/Passes.h.inc"
} // namespace hilbert

static bool isDifferentiable(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && isa<FloatType>(tensor.getElementType());
}

/// A tensor of `like`'s type and sizes.
static Value createEmptyLike(OpBuilder &builder, Location loc, Value like) {
  return tensor::EmptyOp::create(
      builder, loc, like.getType(),
      tensor::createDynamicDimValues(builder, loc, like));
}

static Value createZerosLike(OpBuilder &builder, Location loc, Value like) {
  auto type = cast<RankedTensorType>(like.getType());
  if (type.hasStaticShape())
    return arith::ConstantOp::create(builder, loc, type,
                                     builder.getZeroAttr(type));
  Value zero = arith::ConstantOp::create(
      builder, loc, builder.getZeroAttr(type.getElementType()));
  return tensor::SplatOp::create(
      builder, loc, type, zero,
      tensor::createDynamicDimValues(builder, loc, like));
}

/// True for an argument that is only written (its sizes may be read): no
/// gradient flows to it.
static bool isDestination(BlockArgument argument) {
  bool isWritten = false;
  for (OpOperand &use : argument.getUses()) {
    if (isa<tensor::DimOp>(use.getOwner()))
      continue;
    auto op = dyn_cast<DestinationStyleOpInterface>(use.getOwner());
    if (!op || !op.isDpsInit(&use))
      return false;
    isWritten = true;
  }
  return isWritten;
}

//===----------------------------------------------------------------------===//
// Reverse mode
//===----------------------------------------------------------------------===//

namespace {
/// Walks a block backwards and builds, at its end, the gradients of values.
class ReverseMode {
public:
  /// Differentiates with respect to the block's arguments.
  ReverseMode(OpBuilder &builder, Block &block) : builder(builder) {
    for (BlockArgument argument : block.getArguments())
      if (isDifferentiable(argument.getType()))
        active.insert(argument);
    for (Operation &op : block)
      if (llvm::any_of(op.getOperands(),
                       [&](Value operand) { return active.contains(operand); }))
        for (Value result : op.getResults())
          if (isDifferentiable(result.getType()))
            active.insert(result);
  }

  void add(Value value, Value gradient) {
    if (!active.contains(value))
      return;
    Value &sum = gradients[value];
    sum = sum ? arith::AddFOp::create(builder, gradient.getLoc(), sum, gradient)
              : gradient;
  }

  /// The gradient of a value, null if none flows to it.
  Value get(Value value) const { return gradients.lookup(value); }

  /// Distributes the gradients of an op's results to its operands.
  LogicalResult visit(Operation *op);

private:
  void visit(AttentionOp op);
  LogicalResult visitElementwise(Operation *op, Value gradient);

  OpBuilder &builder;
  /// The values that depend on arguments: no other has a gradient.
  DenseSet<Value> active;
  DenseMap<Value, Value> gradients;
};
} // namespace

void ReverseMode::visit(AttentionOp op) {
  Location loc = op.getLoc();
  Value dout = get(op.getResult(0)), dlse = get(op.getResult(1));
  if (!dout)
    dout = createZerosLike(builder, loc, op.getResult(0));
  SmallVector<Value> inits;
  for (Value input : {op.getQ(), op.getK(), op.getV()})
    inits.push_back(createEmptyLike(builder, loc, input));
  auto gradient = AttentionGradOp::create(
      builder, loc, ValueRange(inits).getTypes(), op.getQ(), op.getK(),
      op.getV(), op.getResult(0), op.getResult(1), dout, dlse, inits[0],
      inits[1], inits[2], op.getQOrderAttr(), op.getKvOrderAttr(),
      op.getOutOrderAttr(), op.getQTable(), op.getKvTable(), op.getOutTable(),
      op.getScale(), op.getPatternAttr(), op.getCausalAttr(),
      op.getLayoutAttr(), /*schedule=*/nullptr);
  add(op.getQ(), gradient.getResult(0));
  add(op.getK(), gradient.getResult(1));
  add(op.getV(), gradient.getResult(2));
}

LogicalResult ReverseMode::visitElementwise(Operation *op, Value g) {
  Location loc = op->getLoc();
  auto mul = [&](Value a, Value b) -> Value {
    return arith::MulFOp::create(builder, loc, a, b);
  };
  auto neg = [&](Value a) -> Value {
    return arith::NegFOp::create(builder, loc, a);
  };
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](arith::AddFOp op) {
        add(op.getLhs(), g);
        add(op.getRhs(), g);
        return success();
      })
      .Case([&](arith::SubFOp op) {
        add(op.getLhs(), g);
        add(op.getRhs(), neg(g));
        return success();
      })
      .Case([&](arith::MulFOp op) {
        add(op.getLhs(), mul(g, op.getRhs()));
        add(op.getRhs(), mul(g, op.getLhs()));
        return success();
      })
      .Case([&](arith::DivFOp op) {
        Value quotient = arith::DivFOp::create(builder, loc, g, op.getRhs());
        add(op.getLhs(), quotient);
        add(op.getRhs(), neg(mul(quotient, op.getResult())));
        return success();
      })
      .Case([&](arith::NegFOp op) {
        add(op.getOperand(), neg(g));
        return success();
      })
      .Case([&](arith::ExtFOp op) {
        add(op.getIn(),
            arith::TruncFOp::create(builder, loc, op.getIn().getType(), g));
        return success();
      })
      .Case([&](arith::TruncFOp op) {
        add(op.getIn(),
            arith::ExtFOp::create(builder, loc, op.getIn().getType(), g));
        return success();
      })
      .Default([](Operation *op) {
        return op->emitError()
               << "cannot differentiate '" << op->getName() << "'";
      });
}

LogicalResult ReverseMode::visit(Operation *op) {
  if (llvm::none_of(op->getResults(),
                    [&](Value result) { return get(result); }))
    return success();
  Location loc = op->getLoc();
  if (auto attention = dyn_cast<AttentionOp>(op)) {
    visit(attention);
    return success();
  }
  if (isa<arith::ConstantOp, tensor::EmptyOp>(op))
    return success();
  if (op->getNumResults() != 1)
    return op->emitError() << "cannot differentiate '" << op->getName() << "'";
  Value g = get(op->getResult(0));
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](ReorderOp op) {
        add(op.getSource(), RestoreOp::create(builder, loc, g, op.getDimIndex(),
                                              op.getOrderRef())
                                .getResult());
        return success();
      })
      .Case([&](RestoreOp op) {
        add(op.getSource(), ReorderOp::create(builder, loc, g, op.getDimIndex(),
                                              op.getOrderRef())
                                .getResult());
        return success();
      })
      .Case([&](tensor::CastOp op) {
        add(op.getSource(),
            tensor::CastOp::create(builder, loc, op.getSource().getType(), g));
        return success();
      })
      .Case([&](tensor::ExtractSliceOp op) {
        Value zeros = createZerosLike(builder, loc, op.getSource());
        add(op.getSource(), tensor::InsertSliceOp::create(
                                builder, loc, g, zeros, op.getMixedOffsets(),
                                op.getMixedSizes(), op.getMixedStrides()));
        return success();
      })
      .Case([&](tensor::ExpandShapeOp op) {
        add(op.getSrc(),
            tensor::CollapseShapeOp::create(builder, loc, op.getSrcType(), g,
                                            op.getReassociationIndices()));
        return success();
      })
      .Case([&](tensor::CollapseShapeOp op) {
        add(op.getSrc(),
            tensor::ExpandShapeOp::create(
                builder, loc, op.getSrcType(), g, op.getReassociationIndices(),
                tensor::getMixedSizes(builder, loc, op.getSrc())));
        return success();
      })
      .Default([&](Operation *op) { return visitElementwise(op, g); });
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// Adds f_grad behind f.
static LogicalResult generateGradient(func::FuncOp forward,
                                      SymbolTable &symbols) {
  std::string name = (forward.getName() + "_grad").str();
  if (symbols.lookup(name))
    return forward.emitError()
           << "the name of the gradient function is taken: '" << name << "'";
  if (!forward.getBody().hasOneBlock())
    return forward.emitError()
           << "cannot differentiate a function with "
           << forward.getBody().getBlocks().size() << " blocks";
  WalkResult onTensors = forward.walk([](AttentionOp op) {
    if (isa<RankedTensorType>(op.getQ().getType()))
      return WalkResult::advance();
    op.emitError() << "cannot differentiate '" << op->getName()
                   << "' on memrefs";
    return WalkResult::interrupt();
  });
  if (onTensors.wasInterrupted())
    return failure();

  ImplicitLocOpBuilder b(forward.getLoc(), forward.getContext());
  auto gradient = cast<func::FuncOp>(forward->clone());
  gradient.setName(name);
  symbols.insert(gradient, std::next(forward->getIterator()));
  Block &body = gradient.getBody().front();
  auto terminator = cast<func::ReturnOp>(body.getTerminator());
  SmallVector<Value> inputs = llvm::to_vector_of<Value>(body.getArguments());
  SmallVector<Value> outputs = llvm::to_vector(terminator.getOperands());

  // Arguments: the forward's, its results, and their gradients.
  SmallVector<Value> saved, seeds;
  for (Value output : outputs)
    saved.push_back(body.addArgument(output.getType(), b.getLoc()));
  for (Value output : outputs)
    seeds.push_back(isDifferentiable(output.getType())
                        ? Value(body.addArgument(output.getType(), b.getLoc()))
                        : Value());

  b.setInsertionPoint(terminator);
  ReverseMode reverse(b, body);
  for (auto [output, seed] : llvm::zip_equal(outputs, seeds))
    if (seed)
      reverse.add(output, seed);
  SmallVector<Operation *> ops;
  for (Operation &op : body.without_terminator())
    ops.push_back(&op);
  for (Operation *op : llvm::reverse(ops))
    if (failed(reverse.visit(op)))
      return failure();

  SmallVector<Value> results;
  for (Value input : inputs) {
    if (!isDifferentiable(input.getType()) ||
        isDestination(cast<BlockArgument>(input)))
      continue;
    Value result = reverse.get(input);
    results.push_back(result ? result : createZerosLike(b, b.getLoc(), input));
  }
  terminator->setOperands(results);

  // What the forward returned need not be computed again.
  for (auto [output, value] : llvm::zip_equal(outputs, saved))
    if (output.getDefiningOp())
      output.replaceAllUsesWith(value);
  for (Operation *op : llvm::reverse(ops))
    if (isOpTriviallyDead(op))
      op->erase();
  gradient.walk([](AttentionOp op) {
    remark::missed(op.getLoc(), remark::RemarkOpts::name("SavedResults")
                                    .category("hilbert-generate-gradients"))
        << remark::add("the forward is computed again in its gradient")
        << remark::reason("out and lse are not both results of the function");
  });

  gradient.setFunctionType(b.getFunctionType(body.getArgumentTypes(),
                                             ValueRange(results).getTypes()));
  gradient.setAllArgAttrs(ArrayRef<DictionaryAttr>(SmallVector<DictionaryAttr>(
      body.getNumArguments(), b.getDictionaryAttr({}))));
  gradient.setAllResultAttrs(ArrayRef<DictionaryAttr>(
      SmallVector<DictionaryAttr>(results.size(), b.getDictionaryAttr({}))));
  return success();
}

namespace {
struct HilbertGenerateGradients
    : public hilbert::impl::HilbertGenerateGradientsBase<
          HilbertGenerateGradients> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    SmallVector<func::FuncOp> chosen;
    for (const std::string &name : functions) {
      auto function = symbols.lookup<func::FuncOp>(name);
      if (!function || function.isDeclaration()) {
        module.emitError() << "no function '" << name
                           << "' with a body to differentiate";
        return signalPassFailure();
      }
      chosen.push_back(function);
    }
    if (functions.empty())
      for (auto function : module.getOps<func::FuncOp>())
        if (function.isPublic() &&
            function.walk([](AttentionOp) { return WalkResult::interrupt(); })
                .wasInterrupted())
          chosen.push_back(function);
    for (func::FuncOp function : chosen)
      if (failed(generateGradient(function, symbols)))
        return signalPassFailure();
  }
};
} // namespace
