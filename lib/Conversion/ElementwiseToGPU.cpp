//===- ElementwiseToGPU.cpp - GPU kernels over elements -------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Conversion/Passes.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/STLFunctionalExtras.h"

using namespace mlir;
using namespace hilbert;

namespace hilbert {
#define GEN_PASS_DEF_CONVERTHILBERTELEMENTWISETOGPU
#include "hilbert/Conversion/Passes.h.inc"
} // namespace hilbert

/// Threads of a CTA.
static constexpr int32_t kThreads = 256;

bool hilbert::isElementwiseOnGPU(Operation *op) {
  if (!isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp,
           arith::NegFOp, arith::MaximumFOp, arith::ExtFOp, arith::TruncFOp,
           arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::SIToFPOp,
           arith::FPToSIOp, math::ExpOp, math::LogOp>(op))
    return false;
  // Their instructions and polynomials are of f32.
  Type type = getElementTypeOrSelf(op->getResult(0).getType());
  if (isa<arith::MaximumFOp, math::ExpOp, math::LogOp>(op) && type.isF64())
    return false;
  auto isTensor = llvm::IsaPred<RankedTensorType>;
  return llvm::all_of(op->getOperandTypes(), isTensor) &&
         llvm::all_of(op->getResultTypes(), isTensor);
}

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

/// exp(x) as 2^t by the instruction for it. t = x · log2(e) is rounded, so what
/// was lost is made good by the first two terms of the series of 2^lost.
static Value emitExp(ImplicitLocOpBuilder &b, Value x) {
  auto constant = [&](double value) -> Value {
    return arith::ConstantFloatOp::create(b, b.getF32Type(),
                                          APFloat(float(value)));
  };
  auto fma = [&](Value a, Value m, Value c) -> Value {
    return LLVM::FMAOp::create(b, a, m, c);
  };
  constexpr double kLog2E = 1.4426950408889634;
  Value factor = constant(kLog2E);
  Value t = arith::MulFOp::create(b, x, factor);
  Value minus = arith::NegFOp::create(b, t);
  Value lost = fma(x, factor, minus);
  lost = fma(x, constant(kLog2E - double(float(kLog2E))), lost);
  Value power =
      LLVM::CallIntrinsicOp::create(
          b, b.getF32Type(), b.getStringAttr("llvm.nvvm.ex2.approx.ftz.f"), t)
          .getResults();
  // Beyond the range of floats the power is 0 or infinite, and stays so: the
  // product with what was lost may be no number.
  Value isInRange =
      arith::CmpFOp::create(b, arith::CmpFPredicate::OLT,
                            LLVM::MaxNumOp::create(b, t, minus), constant(128));
  Value correction =
      arith::MulFOp::create(b, lost, constant(0.6931471805599453));
  return arith::SelectOp::create(b, isInRange, fma(power, correction, power),
                                 power);
}

/// The op on the elements of its tensors. Arithmetic on 16-bit floats is in f32
/// and rounded once: a sum, difference, product or quotient is then what an
/// instruction for these types would give, which not every target has.
static Value emitScalar(ImplicitLocOpBuilder &b, Operation *op,
                        ArrayRef<Value> operands) {
  Type type = getElementTypeOrSelf(op->getResult(0).getType());
  if (isa<arith::NegFOp>(op) ||
      getElementTypeOrSelf(op->getOperand(0).getType()) != type)
    return b
        .create(OperationState(b.getLoc(), op->getName(), operands, {type},
                               op->getAttrs()))
        ->getResult(0);
  bool isShort = isa<FloatType>(type) && type.getIntOrFloatBitWidth() < 32;
  Type wide = isShort ? b.getF32Type() : type;
  SmallVector<Value> values(operands);
  if (isShort)
    for (Value &value : values)
      value = arith::ExtFOp::create(b, wide, value);
  Value result = isa<math::ExpOp>(op)
                     ? emitExp(b, values[0])
                     : b.create(OperationState(b.getLoc(), op->getName(),
                                               values, {wide}, op->getAttrs()))
                           ->getResult(0);
  return isShort ? arith::TruncFOp::create(b, type, result) : result;
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

namespace {
/// Builds a kernel whose threads go through the elements of a tensor.
class ElementKernel : public ImplicitLocOpBuilder {
public:
  ElementKernel(OpBuilder &at, Location loc, StringRef base, StringRef role,
                int64_t rank);

  /// An argument that points to elements.
  void addPointer(StringRef name, Type element);
  /// The same, with a stride for each dimension.
  void addTensor(StringRef name, Type element);
  Value addNumber(const Twine &name) { return argument(name, getI64Type()); }

  /// Emits the loop; `body` is given the indices of an element.
  void loop(function_ref<void(ArrayRef<Value>)> body);
  void finish();

  Value load(StringRef name, ArrayRef<Value> indices);
  void store(Value value, StringRef name, ArrayRef<Value> indices);
  /// An element of a pointer.
  Value loadAt(StringRef name, Value offset);

  Value add(Value a, Value b) { return arith::AddIOp::create(*this, a, b); }
  Value mul(Value a, Value b) { return arith::MulIOp::create(*this, a, b); }

private:
  Value argument(const Twine &name, Type type);
  Value get(const Twine &name) { return arguments.lookup(name.str()); }
  Value getAddress(StringRef name, Value offset);
  /// The distance of an element from the first.
  Value getOffset(StringRef name, ArrayRef<Value> indices);

  int64_t rank;
  gpu::GPUFuncOp function;
  llvm::StringMap<Value> arguments;
  llvm::StringMap<Type> elements;
  SmallVector<Attribute> names;
};
} // namespace

ElementKernel::ElementKernel(OpBuilder &at, Location loc, StringRef base,
                             StringRef role, int64_t rank)
    : ImplicitLocOpBuilder(loc, at), rank(rank) {
  function = gpu::GPUFuncOp::create(*this, (base + "_" + role).str(),
                                    getFunctionType({}, {}));
  function->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), getUnitAttr());
  function.setKnownBlockSizeAttr(getDenseI32ArrayAttr({kThreads, 1, 1}));
  auto number = [&](StringRef name, int64_t value) {
    return getNamedAttr(name, getI64IntegerAttr(value));
  };
  function->setAttr(
      "hilbert_gpu.grid",
      getDictionaryAttr({getNamedAttr("role", getStringAttr(role)),
                         getNamedAttr("rows", getStringAttr("elements")),
                         number("tile", kThreads), number("other_tile", 1),
                         number("threads", kThreads), number("segment", 0),
                         number("classes", 1)}));
  function->setAttr("hilbert_gpu.shared_bytes", getI32IntegerAttr(0));
  setInsertionPointToStart(&function.getBody().front());
  addNumber("threads");
  for (int64_t d = 0; d < rank; ++d)
    addNumber("size" + Twine(d));
}

Value ElementKernel::argument(const Twine &name, Type type) {
  unsigned index = function.getNumArguments();
  (void)function.insertArgument(index, type, {}, getLoc());
  names.push_back(getStringAttr(name));
  return arguments[name.str()] = function.getArgument(index);
}

void ElementKernel::addPointer(StringRef name, Type element) {
  argument(name, LLVM::LLVMPointerType::get(getContext(), 1));
  elements[name] = element;
}

void ElementKernel::addTensor(StringRef name, Type element) {
  addPointer(name, element);
  for (int64_t d = 0; d < rank; ++d)
    addNumber(name + "_stride" + Twine(d));
}

void ElementKernel::loop(function_ref<void(ArrayRef<Value>)> body) {
  auto wide = [&](Value index) -> Value {
    return arith::IndexCastUIOp::create(*this, getI64Type(), index);
  };
  Value one = arith::ConstantIntOp::create(*this, 1, 64), count = one;
  for (int64_t d = 0; d < rank; ++d)
    count = mul(count, get("size" + Twine(d)));
  Value block = wide(gpu::BlockIdOp::create(*this, gpu::Dimension::x));
  Value thread = wide(gpu::ThreadIdOp::create(*this, gpu::Dimension::x));
  Value first = add(
      mul(block, arith::ConstantIntOp::create(*this, kThreads, 64)), thread);
  auto loop = scf::ForOp::create(*this, first, count, get("threads"));
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  SmallVector<Value> indices(rank);
  Value rest = loop.getInductionVar();
  for (int64_t d = rank - 1; d > 0; --d) {
    Value size = get("size" + Twine(d));
    indices[d] = arith::RemUIOp::create(*this, rest, size);
    rest = arith::DivUIOp::create(*this, rest, size);
  }
  if (rank > 0)
    indices[0] = rest;
  body(indices);
}

void ElementKernel::finish() {
  gpu::ReturnOp::create(*this);
  function->setAttr("hilbert_gpu.arguments", getArrayAttr(names));
  SmallVector<NamedAttribute> types;
  for (const auto &entry : elements)
    types.push_back(getNamedAttr(entry.getKey(), TypeAttr::get(entry.second)));
  function->setAttr("hilbert_gpu.elements", getDictionaryAttr(types));
}

Value ElementKernel::getAddress(StringRef name, Value offset) {
  Value base = get(name);
  return LLVM::GEPOp::create(*this, base.getType(), elements.lookup(name), base,
                             offset);
}

Value ElementKernel::getOffset(StringRef name, ArrayRef<Value> indices) {
  Value offset = arith::ConstantIntOp::create(*this, 0, 64);
  for (auto [d, index] : llvm::enumerate(indices))
    offset = add(offset, mul(index, get(name + "_stride" + Twine(d))));
  return offset;
}

Value ElementKernel::loadAt(StringRef name, Value offset) {
  return LLVM::LoadOp::create(*this, elements.lookup(name),
                              getAddress(name, offset));
}
Value ElementKernel::load(StringRef name, ArrayRef<Value> indices) {
  return loadAt(name, getOffset(name, indices));
}
void ElementKernel::store(Value value, StringRef name,
                          ArrayRef<Value> indices) {
  LLVM::StoreOp::create(*this, value,
                        getAddress(name, getOffset(name, indices)));
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

/// What is between the dialect's name and the end: "addf".
static StringRef getRole(Operation *op) {
  return op->getName().getStringRef().split('.').second;
}

static std::string getInputName(size_t index) {
  return ("in" + Twine(index)).str();
}

static void emitElementwise(OpBuilder &at, StringRef base, Operation *op) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  ElementKernel b(at, op->getLoc(), base, getRole(op), type.getRank());
  for (auto [i, operand] : llvm::enumerate(op->getOperandTypes()))
    b.addTensor(getInputName(i), getElementTypeOrSelf(operand));
  b.addTensor("out", type.getElementType());
  b.loop([&](ArrayRef<Value> indices) {
    SmallVector<Value> operands;
    for (size_t i = 0; i < op->getNumOperands(); ++i)
      operands.push_back(b.load(getInputName(i), indices));
    b.store(emitScalar(b, op, operands), "out", indices);
  });
  b.finish();
}

/// The kernel copies the source to the slice: `out` is the slice's first
/// element. The rest of the result is a copy, too, of the destination.
static void emitCopy(OpBuilder &at, StringRef base, tensor::InsertSliceOp op) {
  RankedTensorType type = op.getSourceType();
  ElementKernel b(at, op.getLoc(), base, "copy", type.getRank());
  b.addTensor(getInputName(0), type.getElementType());
  b.addTensor("out", type.getElementType());
  b.loop([&](ArrayRef<Value> indices) {
    b.store(b.load(getInputName(0), indices), "out", indices);
  });
  b.finish();
}

template <typename OpTy>
static void emitPermute(OpBuilder &at, StringRef base, OpTy op) {
  constexpr bool isRestore = std::is_same_v<OpTy, RestoreOp>;
  auto type = cast<RankedTensorType>(op.getSource().getType());
  int64_t dim = op.getDimIndex();
  ElementKernel b(at, op.getLoc(), base, getRole(op), type.getRank());
  b.addTensor(getInputName(0), type.getElementType());
  b.addTensor("out", type.getElementType());
  b.addPointer("table", b.getI32Type());
  Value batchStride = b.addNumber("table_batch_stride");
  b.loop([&](ArrayRef<Value> indices) {
    Value offset = b.add(b.mul(indices[0], batchStride), indices[dim]);
    Value token = b.loadAt("table", offset);
    SmallVector<Value> permuted(indices);
    permuted[dim] = arith::ExtSIOp::create(b, b.getI64Type(), token);
    b.store(b.load(getInputName(0), isRestore ? indices : permuted), "out",
            isRestore ? permuted : indices);
  });
  b.finish();
}

/// Memory holds whole bytes, and no more than a register of them.
static bool hasElementsInMemory(Operation *op) {
  auto isInMemory = [](Type type) {
    Type element = getElementTypeOrSelf(type);
    if (!element.isIntOrFloat())
      return false;
    unsigned width = element.getIntOrFloatBitWidth();
    return width == 16 || width == 32 || width == 64;
  };
  return llvm::all_of(op->getOperandTypes(),
                      [&](Type type) {
                        return !isa<RankedTensorType>(type) || isInMemory(type);
                      }) &&
         llvm::all_of(op->getResultTypes(), isInMemory);
}

/// Whether the op gets a kernel. An order must be a table: see
/// hilbert-materialize-orders.
static bool isConverted(Operation *op) {
  if (!hasElementsInMemory(op))
    return false;
  if (auto reorder = dyn_cast<ReorderOp>(op))
    return reorder.getTable() && !reorder.getInit();
  if (auto restore = dyn_cast<RestoreOp>(op))
    return restore.getTable() && !restore.getInit();
  return isa<tensor::InsertSliceOp>(op) || isElementwiseOnGPU(op);
}

namespace {
struct ConvertHilbertElementwiseToGPU
    : public hilbert::impl::ConvertHilbertElementwiseToGPUBase<
          ConvertHilbertElementwiseToGPU> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    SmallVector<Operation *> ops;
    module.walk([&](Operation *op) {
      if (isConverted(op))
        ops.push_back(op);
    });
    for (Operation *op : ops) {
      auto function = op->getParentOfType<func::FuncOp>();
      std::string base = function ? function.getName().str() : "elementwise";
      OpBuilder builder(&getContext());
      auto kernels =
          gpu::GPUModuleOp::create(builder, op->getLoc(), base + "_kernels");
      symbols.insert(kernels, module.getBody()->end());
      builder.setInsertionPointToEnd(kernels.getBody());
      if (auto slice = dyn_cast<tensor::InsertSliceOp>(op))
        emitCopy(builder, base, slice);
      else if (auto reorder = dyn_cast<ReorderOp>(op))
        emitPermute(builder, base, reorder);
      else if (auto restore = dyn_cast<RestoreOp>(op))
        emitPermute(builder, base, restore);
      else
        emitElementwise(builder, base, op);
      op->setAttr("hilbert_gpu.kernels",
                  FlatSymbolRefAttr::get(kernels.getNameAttr()));
    }
    if (!ops.empty())
      module->setAttr(gpu::GPUDialect::getContainerModuleAttrName(),
                      UnitAttr::get(&getContext()));
  }
};
} // namespace
