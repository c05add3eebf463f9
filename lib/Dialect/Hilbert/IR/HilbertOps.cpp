//===- HilbertOps.cpp - hilbert ops ---------------------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Verifiers, type inference, effects and assembly. (Cn) in a comment is the
// label of the constraint in the op's description.
//
//===----------------------------------------------------------------------===//

#include "hilbert/Dialect/Hilbert/IR/Hilbert.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/Support/InterleavedRange.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace hilbert;

//===----------------------------------------------------------------------===//
// Helpers
//===----------------------------------------------------------------------===//

/// True unless both sizes are static and differ.
static bool compatible(int64_t a, int64_t b) {
  return ShapedType::isDynamic(a) || ShapedType::isDynamic(b) || a == b;
}

/// A size in a message: `?` if dynamic.
static std::string sizeText(int64_t size) {
  return ShapedType::isDynamic(size) ? "?" : std::to_string(size);
}

/// Reads the memref operands of an op that writes only its inits.
static void addMemRefEffects(
    Operation *op, llvm::function_ref<bool(OpOperand &)> isInit,
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    MemoryEffects::Effect *effect = MemoryEffects::Read::get();
    if (isInit(operand))
      effect = MemoryEffects::Write::get();
    effects.emplace_back(effect, &operand, /*stage=*/0,
                         /*effectOnFullRegion=*/true,
                         SideEffects::DefaultResource::get());
  }
}

/// Checks an order against a size: the entries of the attribute or table.
static LogicalResult verifyOrder(Operation *op, StringRef name, OrderRef order,
                                 int64_t tokens, int64_t batch) {
  if (order.attr && order.table)
    return op->emitOpError()
           << name << " must be an attribute or a table, but got both";
  if (order.attr && !compatible(order.attr.getLength(), tokens))
    return op->emitOpError()
           << name << " must have as many entries as tokens (" << tokens
           << "), but has " << order.attr.getLength();
  if (!order.table)
    return success();
  auto type = cast<ShapedType>(order.table.getType());
  if (!compatible(type.getShape().back(), tokens))
    return op->emitOpError()
           << name << " must have as many entries as tokens (" << tokens
           << "), but has " << type.getShape().back();
  if (type.getRank() == 2 && !compatible(type.getDimSize(0), batch))
    return op->emitOpError()
           << name << " must have one row for each batch item (" << batch
           << "), but has " << type.getDimSize(0);
  return success();
}

//===----------------------------------------------------------------------===//
// ReorderOp, RestoreOp
//===----------------------------------------------------------------------===//

template <typename OpTy> static LogicalResult verifyPermute(OpTy op) {
  ShapedType source = op.getSource().getType();
  int64_t rank = source.getRank();
  int64_t dim = op.getDimIndex();
  // (C1)
  if (dim >= rank)
    return op.emitOpError() << "dim must be less than the source's rank ("
                            << rank << "), but got " << dim;
  // (C2)
  OrderRef order = op.getOrderRef();
  if (!order.attr && !order.table)
    return op.emitOpError()
           << "order must be an attribute or a table, but got neither";
  if (failed(verifyOrder(op, "order", order, source.getDimSize(dim),
                         source.getDimSize(0))))
    return failure();
  // (C3)
  if (order.table && cast<ShapedType>(order.table.getType()).getRank() == 2 &&
      dim == 0)
    return op.emitOpError()
           << "dim must not be 0 with one order for each item of dimension 0";
  // (C4)
  bool isMemRef = isa<MemRefType>(source);
  if (isMemRef != static_cast<bool>(op.getInit()))
    return op.emitOpError() << "needs 'outs' if and only if the source is a "
                               "memref, but the source is "
                            << op.getSource().getType();
  if (order.table && isa<MemRefType>(order.table.getType()) != isMemRef)
    return op.emitOpError() << "operands must be all tensors or all memrefs, "
                               "but the table is "
                            << order.table.getType();
  if (!isMemRef)
    return success();
  auto init = cast<MemRefType>(op.getInit().getType());
  if (failed(verifyCompatibleShape(init, source)) ||
      init.getElementType() != source.getElementType())
    return op.emitOpError()
           << "'outs' must have the source's shape and element type ("
           << op.getSource().getType() << "), but is " << init;
  if (op.getInit() == op.getSource())
    return op.emitOpError("'outs' must not be the source");
  return success();
}

LogicalResult ReorderOp::verify() { return verifyPermute(*this); }
LogicalResult RestoreOp::verify() { return verifyPermute(*this); }

static LogicalResult inferPermuteTypes(ValueRange operands,
                                       SmallVectorImpl<Type> &types) {
  // Other types than memrefs give a result, for the verifier to report.
  if (!operands.empty() && !isa<BaseMemRefType>(operands.front().getType()))
    types.push_back(operands.front().getType());
  return success();
}

LogicalResult ReorderOp::inferReturnTypes(MLIRContext *,
                                          std::optional<Location>,
                                          ValueRange operands, DictionaryAttr,
                                          OpaqueProperties, RegionRange,
                                          SmallVectorImpl<Type> &types) {
  return inferPermuteTypes(operands, types);
}

LogicalResult RestoreOp::inferReturnTypes(MLIRContext *,
                                          std::optional<Location>,
                                          ValueRange operands, DictionaryAttr,
                                          OpaqueProperties, RegionRange,
                                          SmallVectorImpl<Type> &types) {
  return inferPermuteTypes(operands, types);
}

template <typename OpTy>
static void getPermuteEffects(
    OpTy op, SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
                 &effects) {
  addMemRefEffects(
      op,
      [&](OpOperand &operand) {
        return op.getInit() &&
               operand.getOperandNumber() == op->getNumOperands() - 1;
      },
      effects);
}

void ReorderOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  getPermuteEffects(*this, effects);
}
void RestoreOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  getPermuteEffects(*this, effects);
}

Speculation::Speculatability ReorderOp::getSpeculatability() {
  return getInit() ? Speculation::NotSpeculatable : Speculation::Speculatable;
}
Speculation::Speculatability RestoreOp::getSpeculatability() {
  return getInit() ? Speculation::NotSpeculatable : Speculation::Speculatable;
}

void ReorderOp::build(OpBuilder &builder, OperationState &state, Value source,
                      int64_t dim, OrderRef order) {
  build(builder, state, source.getType(), source,
        builder.getI64IntegerAttr(dim), order.attr, order.table, Value());
}
void RestoreOp::build(OpBuilder &builder, OperationState &state, Value source,
                      int64_t dim, OrderRef order) {
  build(builder, state, source.getType(), source,
        builder.getI64IntegerAttr(dim), order.attr, order.table, Value());
}

//===----------------------------------------------------------------------===//
// PermutationOp
//===----------------------------------------------------------------------===//

void PermutationOp::build(OpBuilder &builder, OperationState &state,
                          OrderAttr order) {
  build(builder, state,
        RankedTensorType::get({order.getLength()}, builder.getI32Type()),
        order);
}

LogicalResult PermutationOp::verify() {
  // (C1)
  auto type = cast<ShapedType>(getResult().getType());
  if (type.getDimSize(0) != getOrder().getLength())
    return emitOpError() << "result must have the order's length ("
                         << getOrder().getLength() << "), but has "
                         << sizeText(type.getDimSize(0));
  // (C2)
  auto memref = dyn_cast<MemRefType>(type);
  if (memref && !memref.getLayout().isIdentity())
    return emitOpError() << "result must have the identity layout, but is "
                         << memref;
  return success();
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// The smallest segment over all branches of all heads; no pattern is dense.
static int64_t getSmallestSegment(PatternAttr pattern) {
  int64_t smallest = BranchAttr::kDense;
  auto visit = [&](ArrayRef<BranchAttr> branches) {
    for (BranchAttr branch : branches)
      smallest = std::min(smallest, branch.getSegment());
  };
  if (pattern) {
    visit(pattern.getBranches());
    for (HeadGroupAttr group : pattern.getGroups())
      visit(group.getBranches());
  }
  return smallest;
}

/// (C1)..(C11) of hilbert.attention.
static LogicalResult verifyAttention(AttentionInterface op) {
  Operation *operation = op.getOperation();
  ShapedType q = op.getQ().getType(), k = op.getK().getType(),
             v = op.getV().getType(), out = op.getOut().getType(),
             lse = op.getLse().getType();
  // (C1)
  bool isMemRef = isa<MemRefType>(q);
  for (Value operand : operation->getOperands())
    if (isa<ShapedType>(operand.getType()) &&
        isa<MemRefType>(operand.getType()) != isMemRef)
      return operation->emitOpError()
             << "operands must be all tensors or all memrefs, but got "
             << op.getQ().getType() << " and " << operand.getType();
  struct Named {
    StringRef name;
    ShapedType type;
  };
  Named others[] = {{"k", k}, {"v", v}, {"out", out}};
  // (C2)
  for (auto [name, type] : others)
    if (type.getElementType() != q.getElementType())
      return operation->emitOpError()
             << "q, k, v and out must have one element type, but q has "
             << q.getElementType() << " and " << name << " has "
             << type.getElementType();
  // (C3)
  int64_t batch = q.getDimSize(0);
  for (auto [name, type] : {others[0], others[1], others[2], Named{"lse", lse}})
    if (!compatible(type.getDimSize(0), batch))
      return operation->emitOpError()
             << "batch sizes must be equal, but q has " << batch << " and "
             << name << " has " << type.getDimSize(0);
  // (C4)
  int64_t depth = op.getDepth();
  if (ShapedType::isDynamic(depth) || depth < 8 || depth > 256 || depth % 8)
    return operation->emitOpError()
           << "head dimension must be static, a multiple of 8 and at most 256, "
              "but got "
           << sizeText(depth);
  for (auto [name, type] : others)
    if (type.getDimSize(3) != depth)
      return operation->emitOpError()
             << "head dimensions must be equal, but q has " << depth << " and "
             << name << " has " << sizeText(type.getDimSize(3));
  // (C5)
  int64_t headDim = op.getHeadDim(), tokenDim = op.getTokenDim();
  int64_t heads = op.getNumQueryHeads(), keyHeads = op.getNumKeyHeads();
  if (!compatible(v.getDimSize(headDim), keyHeads))
    return operation->emitOpError()
           << "v must have the heads of k (" << keyHeads << "), but has "
           << v.getDimSize(headDim);
  if (!ShapedType::isDynamic(heads) && !ShapedType::isDynamic(keyHeads) &&
      (keyHeads == 0 ? heads != 0 : heads % keyHeads != 0))
    return operation->emitOpError()
           << "query heads must be a multiple of key heads (" << keyHeads
           << "), but got " << heads;
  if (!compatible(out.getDimSize(headDim), heads))
    return operation->emitOpError() << "out must have the heads of q (" << heads
                                    << "), but has " << out.getDimSize(headDim);
  if (!compatible(lse.getDimSize(1), heads))
    return operation->emitOpError() << "lse must have the heads of q (" << heads
                                    << "), but has " << lse.getDimSize(1);
  // (C6)
  int64_t queries = op.getNumQueries(), keys = op.getNumKeys();
  if (!compatible(v.getDimSize(tokenDim), keys))
    return operation->emitOpError() << "v must have the tokens of k (" << keys
                                    << "), but has " << v.getDimSize(tokenDim);
  if (!compatible(out.getDimSize(tokenDim), queries))
    return operation->emitOpError()
           << "out must have the tokens of q (" << queries << "), but has "
           << out.getDimSize(tokenDim);
  if (!compatible(lse.getDimSize(2), queries))
    return operation->emitOpError()
           << "lse must have the tokens of q (" << queries << "), but has "
           << lse.getDimSize(2);
  // (C7)
  PatternAttr pattern = op.getPatternAttr();
  int64_t segment = getSmallestSegment(pattern);
  if (!compatible(queries, keys) && segment < std::max(queries, keys))
    return operation->emitOpError()
           << "queries and keys must be equally many unless every segment "
              "covers both, but there are "
           << queries << " queries, " << keys << " keys and a segment of "
           << segment;
  // (C8)
  OrderRef queryOrder = op.getQueryOrderRef(), keyOrder = op.getKeyOrderRef();
  if (failed(verifyOrder(operation, "q order", queryOrder, queries, batch)) ||
      failed(verifyOrder(operation, "kv order", keyOrder, keys, batch)) ||
      failed(verifyOrder(operation, "out order", op.getOutOrderRef(), queries,
                         batch)))
    return failure();
  // (C9)
  if (op.getCausal() == Causality::Position && queryOrder != keyOrder)
    return operation->emitOpError()
           << "causality position needs equal query and key orders";
  // (C11)
  if (isMemRef)
    for (OpOperand &init :
         cast<DestinationStyleOpInterface>(operation).getDpsInitsMutable())
      if (llvm::count(operation->getOperands(), init.get()) != 1)
        return operation->emitOpError()
               << "a memref that is written must not be an operand twice, but "
                  "operand "
               << init.getOperandNumber() << " is";
  // (C10)
  if (!pattern)
    return success();
  if (!pattern.getGroups().empty() && !ShapedType::isDynamic(heads)) {
    uint64_t covered = 0;
    for (HeadGroupAttr group : pattern.getGroups())
      covered = llvm::SaturatingAdd<uint64_t>(covered, group.getHeads());
    if (covered != static_cast<uint64_t>(heads))
      return operation->emitOpError()
             << "head groups must cover the query heads (" << heads
             << "), but cover " << covered;
  }
  auto verifyOffsets = [&](ArrayRef<BranchAttr> branches) -> LogicalResult {
    for (BranchAttr branch : branches)
      if (branch.getOffsetRule() == OffsetRule::List &&
          !compatible(heads, branch.getOffsets().size()))
        return operation->emitOpError()
               << "offsets must be one for each query head (" << heads
               << "), but there are " << branch.getOffsets().size();
    return success();
  };
  if (failed(verifyOffsets(pattern.getBranches())))
    return failure();
  for (HeadGroupAttr group : pattern.getGroups())
    if (failed(verifyOffsets(group.getBranches())))
      return failure();
  return success();
}

template <typename OpTy>
static void setOrdersOf(OpTy op, OrderRef query, OrderRef key, OrderRef out) {
  auto assign = [](MutableOperandRange range, Value value) {
    value ? range.assign(value) : range.clear();
  };
  op.setQOrderAttr(query.attr);
  op.setKvOrderAttr(key.attr);
  op.setOutOrderAttr(out.attr);
  assign(op.getQTableMutable(), query.table);
  assign(op.getKvTableMutable(), key.table);
  assign(op.getOutTableMutable(), out.table);
}

/// The results of a destination-style op on tensors are its inits' types.
static LogicalResult inferInitTypes(ValueRange inits,
                                    SmallVectorImpl<Type> &types) {
  for (Value init : inits)
    if (!isa<BaseMemRefType>(init.getType()))
      types.push_back(init.getType());
  return success();
}

template <typename OpTy>
static void getInitEffects(
    OpTy op, SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
                 &effects) {
  addMemRefEffects(
      op, [&](OpOperand &operand) { return op.isDpsInit(&operand); }, effects);
}

LogicalResult AttentionOp::verify() { return verifyAttention(*this); }

MutableOperandRange AttentionOp::getDpsInitsMutable() {
  return MutableOperandRange(*this, getOutMutable().getOperandNumber(), 2);
}

void AttentionOp::setOrders(OrderRef query, OrderRef key, OrderRef out) {
  setOrdersOf(*this, query, key, out);
}

LogicalResult AttentionOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> location, ValueRange operands,
    DictionaryAttr attributes, OpaqueProperties properties, RegionRange regions,
    SmallVectorImpl<Type> &types) {
  Adaptor adaptor(operands, attributes, properties, regions);
  return inferInitTypes({adaptor.getOut(), adaptor.getLse()}, types);
}

void AttentionOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  getInitEffects(*this, effects);
}

Speculation::Speculatability AttentionOp::getSpeculatability() {
  return hasPureTensorSemantics() ? Speculation::Speculatable
                                  : Speculation::NotSpeculatable;
}

LogicalResult AttentionGradOp::verify() {
  if (failed(verifyAttention(*this)))
    return failure();
  // (C12)
  auto same = [&](StringRef name, Value gradient, StringRef ofName,
                  Value of) -> LogicalResult {
    auto type = cast<ShapedType>(gradient.getType());
    auto ofType = cast<ShapedType>(of.getType());
    if (succeeded(verifyCompatibleShape(type, ofType)) &&
        type.getElementType() == ofType.getElementType())
      return success();
    return emitOpError() << name << " must have the type of " << ofName << " ("
                         << of.getType() << "), but is " << gradient.getType();
  };
  if (failed(same("dout", getDout(), "out", getOut())) ||
      failed(same("dq", getDq(), "q", getQ())) ||
      failed(same("dk", getDk(), "k", getK())) ||
      failed(same("dv", getDv(), "v", getV())))
    return failure();
  return getDlse() ? same("dlse", getDlse(), "lse", getLse()) : success();
}

MutableOperandRange AttentionGradOp::getDpsInitsMutable() {
  return MutableOperandRange(*this, getDqMutable().getOperandNumber(), 3);
}

void AttentionGradOp::setOrders(OrderRef query, OrderRef key, OrderRef out) {
  setOrdersOf(*this, query, key, out);
}

LogicalResult AttentionGradOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> location, ValueRange operands,
    DictionaryAttr attributes, OpaqueProperties properties, RegionRange regions,
    SmallVectorImpl<Type> &types) {
  Adaptor adaptor(operands, attributes, properties, regions);
  return inferInitTypes({adaptor.getDq(), adaptor.getDk(), adaptor.getDv()},
                        types);
}

void AttentionGradOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  getInitEffects(*this, effects);
}

Speculation::Speculatability AttentionGradOp::getSpeculatability() {
  return hasPureTensorSemantics() ? Speculation::Speculatable
                                  : Speculation::NotSpeculatable;
}

//===----------------------------------------------------------------------===//
// HostLaunchOp
//===----------------------------------------------------------------------===//

LogicalResult HostLaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // (C1)
  auto callee = symbols.lookupNearestSymbolFrom<FunctionOpInterface>(
      *this, getCalleeAttr());
  if (!callee)
    return emitOpError() << "callee must be a function, but " << getCalleeAttr()
                         << " is none";
  SmallVector<Type> expected(2, IndexType::get(getContext()));
  llvm::append_range(expected, getCaptures().getTypes());
  if (!llvm::equal(callee.getArgumentTypes(), expected) ||
      !callee.getResultTypes().empty())
    return emitOpError() << "callee " << getCalleeAttr() << " must take ("
                         << llvm::interleaved(expected)
                         << ") and return nothing, but is "
                         << callee.getFunctionType();
  return success();
}

//===----------------------------------------------------------------------===//
// Assembly
//===----------------------------------------------------------------------===//

/// `#order` or `%table : type`.
static ParseResult
parseOrderBody(OpAsmParser &parser, OrderAttr &order,
               std::optional<OpAsmParser::UnresolvedOperand> &table,
               Type &tableType) {
  OpAsmParser::UnresolvedOperand operand;
  OptionalParseResult parsed = parser.parseOptionalOperand(operand);
  if (!parsed.has_value())
    return parser.parseAttribute(order);
  table = operand;
  return failure(failed(*parsed) || parser.parseColonType(tableType));
}

static void printOrderBody(OpAsmPrinter &printer, OrderRef order) {
  if (order.table)
    printer << order.table << " : " << order.table.getType();
  else
    printer.printAttribute(order.attr);
}

/// `order(…)` of reorder and restore.
static ParseResult
parseOrder(OpAsmParser &parser, OrderAttr &order,
           std::optional<OpAsmParser::UnresolvedOperand> &table,
           Type &tableType) {
  return failure(parser.parseKeyword("order") || parser.parseLParen() ||
                 parseOrderBody(parser, order, table, tableType) ||
                 parser.parseRParen());
}

static void printOrder(OpAsmPrinter &printer, Operation *, OrderAttr order,
                       Value table, Type) {
  printer << "order(";
  printOrderBody(printer, OrderRef(order, table));
  printer << ')';
}

using OptionalOperand = std::optional<OpAsmParser::UnresolvedOperand>;

/// Nothing, `order(#o)` for three equal orders, or `order(q = #o, kv = …)`.
static ParseResult parseOrders(OpAsmParser &parser, OrderAttr &qOrder,
                               OrderAttr &kvOrder, OrderAttr &outOrder,
                               OptionalOperand &qTable,
                               OptionalOperand &kvTable,
                               OptionalOperand &outTable, Type &qType,
                               Type &kvType, Type &outType) {
  if (failed(parser.parseOptionalKeyword("order")))
    return success();
  if (parser.parseLParen())
    return failure();
  SMLoc loc = parser.getCurrentLocation();
  StringRef key;
  if (failed(parser.parseOptionalKeyword(&key))) {
    if (parseOrderBody(parser, qOrder, qTable, qType))
      return failure();
    kvOrder = outOrder = qOrder;
    kvTable = outTable = qTable;
    kvType = outType = qType;
    return parser.parseRParen();
  }
  while (true) {
    bool isQ = key == "q" && !qOrder && !qTable;
    bool isKv = key == "kv" && !kvOrder && !kvTable;
    bool isOut = key == "out" && !outOrder && !outTable;
    if (!isQ && !isKv && !isOut)
      return parser.emitError(loc) << "expected 'q', 'kv' or 'out', each at "
                                      "most once, but got '"
                                   << key << "'";
    if (parser.parseEqual() ||
        parseOrderBody(parser, isQ ? qOrder : (isKv ? kvOrder : outOrder),
                       isQ ? qTable : (isKv ? kvTable : outTable),
                       isQ ? qType : (isKv ? kvType : outType)))
      return failure();
    if (failed(parser.parseOptionalComma()))
      return parser.parseRParen();
    loc = parser.getCurrentLocation();
    if (parser.parseKeyword(&key))
      return failure();
  }
}

static void printOrders(OpAsmPrinter &printer, Operation *, OrderAttr qOrder,
                        OrderAttr kvOrder, OrderAttr outOrder, Value qTable,
                        Value kvTable, Value outTable, Type, Type, Type) {
  std::pair<StringRef, OrderRef> orders[] = {
      {"q", OrderRef(qOrder, qTable)},
      {"kv", OrderRef(kvOrder, kvTable)},
      {"out", OrderRef(outOrder, outTable)}};
  auto isSet = [](OrderRef order) { return order.attr || order.table; };
  if (llvm::none_of(llvm::make_second_range(orders), isSet))
    return;
  printer << " order(";
  if (qOrder == kvOrder && qOrder == outOrder && qTable == kvTable &&
      qTable == outTable) {
    printOrderBody(printer, orders[0].second);
  } else {
    bool first = true;
    for (auto &[name, order] : orders) {
      if (!isSet(order))
        continue;
      if (!first)
        printer << ", ";
      first = false;
      printer << name << " = ";
      printOrderBody(printer, order);
    }
  }
  printer << ')';
}

#define GET_OP_CLASSES
#include "hilbert/Dialect/Hilbert/IR/HilbertOps.cpp.inc"
