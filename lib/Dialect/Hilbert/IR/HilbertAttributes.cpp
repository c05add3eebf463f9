//===- HilbertAttributes.cpp - hilbert attributes -------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Dialect/Hilbert/IR/Hilbert.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/OpImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/InterleavedRange.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace hilbert;
using curve::Curve;
using curve::OrderSpec;

#include "hilbert/Dialect/Hilbert/IR/HilbertEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "hilbert/Dialect/Hilbert/IR/HilbertAttributes.cpp.inc"

void HilbertDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "hilbert/Dialect/Hilbert/IR/HilbertAttributes.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// Parsing helpers
//===----------------------------------------------------------------------===//

/// `[1, 2, 3]`.
static ParseResult parseIntegers(AsmParser &parser,
                                 SmallVectorImpl<int64_t> &values) {
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&] {
    return parser.parseInteger(values.emplace_back());
  });
}

static void printIntegers(raw_ostream &os, ArrayRef<int64_t> values) {
  os << '[' << llvm::interleaved(values) << ']';
}

/// A keyword of an enum; the error lists the names that exist.
template <typename Enum>
static ParseResult parseEnum(AsmParser &parser, Enum &value, StringRef what,
                             std::optional<Enum> (*symbolize)(StringRef),
                             StringRef names) {
  SMLoc loc = parser.getCurrentLocation();
  StringRef keyword;
  if (parser.parseKeyword(&keyword))
    return failure();
  std::optional<Enum> parsed = symbolize(keyword);
  if (!parsed)
    return parser.emitError(loc)
           << what << " must be " << names << ", but got '" << keyword << "'";
  value = *parsed;
  return success();
}

//===----------------------------------------------------------------------===//
// OrderAttr
//===----------------------------------------------------------------------===//

static std::vector<int64_t> toVector(ArrayRef<int64_t> values) {
  return std::vector<int64_t>(values.begin(), values.end());
}

OrderAttr OrderAttr::get(MLIRContext *context, const OrderSpec &spec) {
  return get(context, spec.curve, spec.extents, spec.tile, spec.length);
}

OrderSpec OrderAttr::getSpec() const {
  return OrderSpec{getCurve(), toVector(getExtents()), toVector(getTile()),
                   getLength()};
}

int64_t OrderAttr::getNumCells() const {
  int64_t cells = 1;
  for (int64_t extent : getExtents())
    cells *= extent;
  return cells;
}

bool OrderAttr::isIdentity() const { return curve::isIdentity(getSpec()); }

LogicalResult OrderAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                Curve curve, ArrayRef<int64_t> extents,
                                ArrayRef<int64_t> tile, int64_t length) {
  OrderSpec spec{curve, toVector(extents), toVector(tile), length};
  if (std::optional<std::string> message = curve::validate(spec))
    return emitError() << *message;
  return success();
}

Attribute OrderAttr::parse(AsmParser &parser, Type) {
  Curve curve = Curve::Raster;
  auto symbolize = +[](StringRef name) {
    return curve::curveByName(std::string_view(name.data(), name.size()));
  };
  if (parser.parseLess() ||
      parseEnum(parser, curve, "curve", symbolize,
                "hilbert, morton, snake or raster") ||
      parser.parseComma())
    return {};

  SmallVector<int64_t> extents, tile;
  std::optional<int64_t> length;
  SMLoc loc = parser.getCurrentLocation();
  int64_t bareLength = 0;
  OptionalParseResult bare = parser.parseOptionalInteger(bareLength);
  if (bare.has_value()) {
    if (failed(*bare))
      return {};
    if (bareLength < 1 || bareLength > curve::kMaxTokens) {
      parser.emitError(loc) << "length must be from 1 to " << curve::kMaxTokens
                            << ", but got " << bareLength;
      return {};
    }
    length = bareLength;
    llvm::append_range(extents, curve::gridForLength(bareLength));
  } else if (parseIntegers(parser, extents)) {
    return {};
  }

  while (succeeded(parser.parseOptionalComma())) {
    SMLoc keyLoc = parser.getCurrentLocation();
    StringRef key;
    if (parser.parseKeyword(&key) || parser.parseEqual())
      return {};
    if (key == "tile" && tile.empty()) {
      if (parseIntegers(parser, tile))
        return {};
      if (tile.empty()) {
        parser.emitError(keyLoc) << "tile must have a size for each extent, "
                                    "but got []";
        return {};
      }
    } else if (key == "length" && !length) {
      if (parser.parseInteger(length.emplace()))
        return {};
    } else {
      parser.emitError(keyLoc)
          << "expected 'tile' or 'length', each at most once, but got '" << key
          << "'";
      return {};
    }
  }
  if (parser.parseGreater())
    return {};

  if (!length) {
    // The verifier reports extents that have no product.
    length = 1;
    for (int64_t extent : extents)
      if (llvm::MulOverflow(*length, extent, *length))
        break;
  }
  return parser.getChecked<OrderAttr>(loc, parser.getContext(), curve, extents,
                                      tile, *length);
}

void OrderAttr::print(AsmPrinter &printer) const {
  raw_ostream &os = printer.getStream();
  StringRef name = curve::curveName(getCurve());
  os << '<' << name << ", ";
  printIntegers(os, getExtents());
  if (!getTile().empty()) {
    os << ", tile = ";
    printIntegers(os, getTile());
  }
  if (getLength() != getNumCells())
    os << ", length = " << getLength();
  os << '>';
}

//===----------------------------------------------------------------------===//
// BranchAttr
//===----------------------------------------------------------------------===//

LogicalResult BranchAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 int64_t segment, int64_t dilation, Mode mode,
                                 OffsetRule rule, ArrayRef<int64_t> offsets) {
  if (segment < 1)
    return emitError() << "segment must be positive, but got " << segment;
  if (dilation < 1)
    return emitError() << "dilation must be positive, but got " << dilation;
  if (dilation > curve::kMaxTokens)
    return emitError() << "dilation must be at most " << curve::kMaxTokens
                       << ", but got " << dilation;
  if (mode == Mode::Residues && rule != OffsetRule::Zero)
    return emitError() << "mode residues takes no offset, but got "
                       << stringifyOffsetRule(rule);
  if (rule == OffsetRule::List && offsets.empty())
    return emitError() << "offset must list one value for each head, but got "
                          "[]";
  if (rule != OffsetRule::List && !offsets.empty())
    return emitError() << "offset rule " << stringifyOffsetRule(rule)
                       << " takes no list, but got ["
                       << llvm::interleaved(offsets) << "]";
  for (int64_t offset : offsets)
    if (offset < 0 || offset >= dilation)
      return emitError() << "offset must be from 0 to dilation - 1 = "
                         << dilation - 1 << ", but got " << offset;
  return success();
}

int64_t BranchAttr::getOffset(int64_t head, int64_t heads) const {
  switch (getOffsetRule()) {
  case OffsetRule::Zero:
    return 0;
  case OffsetRule::Head:
    return head % getDilation();
  case OffsetRule::LongNet:
    return head / llvm::divideCeil(heads, getDilation());
  case OffsetRule::List:
    return getOffsets()[head];
  }
  llvm_unreachable("unknown offset rule");
}

/// `segment = 256, dilation = 2, mode = both, offset = head`.
static FailureOr<BranchAttr> parseBranchBody(AsmParser &parser) {
  SMLoc loc = parser.getCurrentLocation();
  std::optional<int64_t> segment, dilation;
  std::optional<Mode> mode;
  std::optional<OffsetRule> rule;
  SmallVector<int64_t> offsets;
  auto parseKey = [&]() -> ParseResult {
    SMLoc keyLoc = parser.getCurrentLocation();
    StringRef key;
    if (parser.parseKeyword(&key) || parser.parseEqual())
      return failure();
    if (key == "segment" && !segment) {
      segment = BranchAttr::kDense;
      if (succeeded(parser.parseOptionalKeyword("dense")))
        return success();
      return parser.parseInteger(*segment);
    }
    if (key == "dilation" && !dilation)
      return parser.parseInteger(dilation.emplace());
    if (key == "mode" && !mode)
      return parseEnum(parser, mode.emplace(), "mode", symbolizeMode,
                       "keys, both or residues");
    if (key == "offset" && !rule) {
      auto symbolize = +[](StringRef name) -> std::optional<OffsetRule> {
        std::optional<OffsetRule> rule = symbolizeOffsetRule(name);
        return rule == OffsetRule::List ? std::nullopt : rule;
      };
      SMLoc listLoc = parser.getCurrentLocation();
      if (succeeded(parser.parseOptionalLSquare())) {
        rule = OffsetRule::List;
        if (succeeded(parser.parseOptionalRSquare()))
          return parser.emitError(listLoc)
                 << "offset must list one value for each head, but got []";
        if (parser.parseCommaSeparatedList(
                [&] { return parser.parseInteger(offsets.emplace_back()); }))
          return failure();
        return parser.parseRSquare();
      }
      return parseEnum(parser, rule.emplace(), "offset", symbolize,
                       "zero, head, longnet or a list");
    }
    return parser.emitError(keyLoc)
           << "expected 'segment', 'dilation', 'mode' or 'offset', each at "
              "most once, but got '"
           << key << "'";
  };
  if (parser.parseCommaSeparatedList(parseKey))
    return failure();
  if (!segment) {
    parser.emitError(loc) << "a branch needs 'segment'";
    return failure();
  }
  auto branch = parser.getChecked<BranchAttr>(
      loc, parser.getContext(), *segment, dilation.value_or(1),
      mode.value_or(Mode::Keys), rule.value_or(OffsetRule::Zero), offsets);
  if (!branch)
    return failure();
  return branch;
}

Attribute BranchAttr::parse(AsmParser &parser, Type) {
  if (parser.parseLess())
    return {};
  FailureOr<BranchAttr> branch = parseBranchBody(parser);
  if (failed(branch) || parser.parseGreater())
    return {};
  return *branch;
}

void BranchAttr::printBody(raw_ostream &os) const {
  os << "segment = ";
  if (isDense())
    os << "dense";
  else
    os << getSegment();
  if (getDilation() != 1)
    os << ", dilation = " << getDilation();
  if (getMode() != Mode::Keys)
    os << ", mode = " << stringifyMode(getMode());
  if (getOffsetRule() == OffsetRule::List) {
    os << ", offset = ";
    printIntegers(os, getOffsets());
  } else if (getOffsetRule() != OffsetRule::Zero) {
    os << ", offset = " << stringifyOffsetRule(getOffsetRule());
  }
}

void BranchAttr::print(AsmPrinter &printer) const {
  printer << '<';
  printBody(printer.getStream());
  printer << '>';
}

//===----------------------------------------------------------------------===//
// HeadGroupAttr and PatternAttr
//===----------------------------------------------------------------------===//

/// `(segment = 256) + (segment = 1024, dilation = 4)`.
static ParseResult parseBranches(AsmParser &parser,
                                 SmallVectorImpl<BranchAttr> &branches) {
  do {
    if (parser.parseLParen())
      return failure();
    FailureOr<BranchAttr> branch = parseBranchBody(parser);
    if (failed(branch) || parser.parseRParen())
      return failure();
    branches.push_back(*branch);
  } while (succeeded(parser.parseOptionalPlus()));
  return success();
}

static void printBranches(raw_ostream &os, ArrayRef<BranchAttr> branches) {
  llvm::interleave(
      branches, os,
      [&](BranchAttr branch) {
        os << '(';
        branch.printBody(os);
        os << ')';
      },
      " + ");
}

LogicalResult
HeadGroupAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                      int64_t heads, ArrayRef<BranchAttr> branches) {
  if (heads < 1)
    return emitError() << "a head group's heads must be positive, but got "
                       << heads;
  if (branches.empty())
    return emitError() << "a head group needs at least one branch";
  return success();
}

Attribute HeadGroupAttr::parse(AsmParser &parser, Type) {
  SMLoc loc = parser.getCurrentLocation();
  int64_t heads = 0;
  SmallVector<BranchAttr> branches;
  if (parser.parseLess() || parser.parseInteger(heads) || parser.parseComma() ||
      parseBranches(parser, branches) || parser.parseGreater())
    return {};
  return parser.getChecked<HeadGroupAttr>(loc, parser.getContext(), heads,
                                          branches);
}

void HeadGroupAttr::print(AsmPrinter &printer) const {
  printer << '<' << getHeads() << ", ";
  printBranches(printer.getStream(), getBranches());
  printer << '>';
}

LogicalResult PatternAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                  ArrayRef<BranchAttr> branches,
                                  ArrayRef<HeadGroupAttr> groups) {
  if (branches.empty() == groups.empty())
    return emitError() << "a pattern needs branches or head groups, but got "
                       << branches.size() << " branches and " << groups.size()
                       << " head groups";
  return success();
}

Attribute PatternAttr::parse(AsmParser &parser, Type) {
  SMLoc loc = parser.getCurrentLocation();
  SmallVector<BranchAttr> branches;
  SmallVector<HeadGroupAttr> groups;
  if (parser.parseLess())
    return {};
  if (succeeded(parser.parseOptionalKeyword("heads"))) {
    do {
      SMLoc groupLoc = parser.getCurrentLocation();
      int64_t heads = 0;
      SmallVector<BranchAttr> groupBranches;
      if (parser.parseInteger(heads) || parser.parseColon() ||
          parseBranches(parser, groupBranches))
        return {};
      auto group = parser.getChecked<HeadGroupAttr>(
          groupLoc, parser.getContext(), heads, groupBranches);
      if (!group)
        return {};
      groups.push_back(group);
      if (failed(parser.parseOptionalComma()))
        break;
      if (parser.parseKeyword("heads"))
        return {};
    } while (true);
  } else if (parseBranches(parser, branches)) {
    return {};
  }
  if (parser.parseGreater())
    return {};
  return parser.getChecked<PatternAttr>(loc, parser.getContext(), branches,
                                        groups);
}

void PatternAttr::print(AsmPrinter &printer) const {
  raw_ostream &os = printer.getStream();
  os << '<';
  printBranches(os, getBranches());
  llvm::interleaveComma(getGroups(), os, [&](HeadGroupAttr group) {
    os << "heads " << group.getHeads() << ": ";
    printBranches(os, group.getBranches());
  });
  os << '>';
}

ArrayRef<BranchAttr> PatternAttr::getBranchesOf(int64_t head) const {
  for (HeadGroupAttr group : getGroups()) {
    if (head < group.getHeads())
      return group.getBranches();
    head -= group.getHeads();
  }
  return getBranches();
}

//===----------------------------------------------------------------------===//
// HostScheduleAttr
//===----------------------------------------------------------------------===//

LogicalResult
HostScheduleAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                         int64_t lanes, int64_t columns, int64_t rows) {
  if (lanes < 4 || lanes > 64 || !llvm::isPowerOf2_64(lanes))
    return emitError() << "lanes must be a power of two from 4 to 64, but got "
                       << lanes;
  if (columns < 1 || columns % lanes != 0)
    return emitError() << "columns must be a positive multiple of lanes = "
                       << lanes << ", but got " << columns;
  if (rows < 1 || rows % 4 != 0)
    return emitError() << "rows must be a positive multiple of 4, but got "
                       << rows;
  return success();
}
