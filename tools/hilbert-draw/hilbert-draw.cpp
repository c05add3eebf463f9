//===- hilbert-draw.cpp - Draw which keys a query meets -------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Fuses a program and draws its first attention as an SVG: the tokens along the
// curve, cut into segments, and the keys of one query.
//
//===----------------------------------------------------------------------===//

#include "hilbert/Dialect/Hilbert/IR/Hilbert.h"
#include "hilbert/InitAll.h"
#include "hilbert/Pipelines/Pipelines.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"

#include <cmath>
#include <optional>

using namespace hilbert;
using llvm::formatv;
using llvm::StringRef;
using llvm::Twine;

namespace cl = llvm::cl;

static cl::OptionCategory category("Drawing options");
static cl::opt<std::string> inputName(cl::Positional, cl::desc("<program>"),
                                      cl::init("-"), cl::cat(category));
static cl::opt<std::string> outputName("o", cl::desc("The SVG to write"),
                                       cl::init("-"), cl::cat(category));
static cl::opt<std::string>
    functionName("function", cl::cat(category),
                 cl::desc("The function whose first attention is drawn "
                          "(default: the first public one that has one)"));
static cl::opt<int64_t>
    queryOption("query", cl::cat(category),
                cl::desc("The query's token (default: one near the middle)"));
static cl::opt<int64_t> headOption("head", cl::desc("The query's head"),
                                   cl::init(0), cl::cat(category));

/// The largest drawing.
static constexpr int64_t kMaxSide = 256, kMaxCells = 65536;

/// A number for each token.
using Labels = std::vector<int64_t>;

//===----------------------------------------------------------------------===//
// What is drawn
//===----------------------------------------------------------------------===//

namespace {
/// One query of one attention.
struct Scene {
  curve::OrderSpec order, keyOrder;
  std::vector<int32_t> tokens, keyTokens, keyPositions;
  std::vector<BranchAttr> branches;
  Causality causality;
  int64_t heads, query = 0, position = 0;
  Labels counts; // How often the query meets each token as a key.

  std::optional<std::string> read(AttentionOp op);
  void meet(int64_t position);
  int64_t size() const { return order.length; }
  int64_t width(BranchAttr branch) const {
    return std::min(branch.getSegment(), size());
  }
};
} // namespace

/// Makes the token at `position` the query and counts its keys.
void Scene::meet(int64_t queryPosition) {
  position = queryPosition;
  query = tokens[position];
  counts.assign(size(), 0);
  for (BranchAttr branch : branches) {
    int64_t begin = position / width(branch) * width(branch);
    int64_t end = std::min(begin + width(branch), size());
    int64_t residue = (position - begin) % branch.getDilation();
    int64_t offset = branch.getMode() == Mode::Residues
                         ? residue
                         : branch.getOffset(headOption, heads);
    if (branch.getMode() == Mode::Both && residue != offset)
      continue;
    for (int64_t p = begin + offset; p < end; p += branch.getDilation())
      counts[keyTokens[p]] +=
          (causality != Causality::Token || keyTokens[p] <= query) &&
          (causality != Causality::Position || p <= position);
  }
}

static std::string extentsText(llvm::ArrayRef<int64_t> extents,
                               StringRef separator = ", ") {
  auto text = [](int64_t extent) { return std::to_string(extent); };
  return llvm::join(llvm::map_range(extents, text), separator);
}

/// True unless cells are left out.
static bool isWhole(const curve::OrderSpec &spec) {
  int64_t cells = 1;
  for (int64_t extent : spec.extents)
    cells *= extent;
  return cells == spec.length;
}

static std::string plural(int64_t n, StringRef noun) {
  return formatv("{0} {1}{2}", n, noun, n == 1 ? "" : "s");
}

static std::string sizeText(int64_t size) {
  return mlir::ShapedType::isDynamic(size) ? "?" : std::to_string(size);
}

/// Reads an attention. Returns a message if it cannot be drawn.
std::optional<std::string> Scene::read(AttentionOp op) {
  OrderRef refs[] = {op.getQueryOrderRef(), op.getKeyOrderRef()};
  int64_t sizes[] = {op.getNumQueries(), op.getNumKeys()};
  curve::OrderSpec *specs[] = {&order, &keyOrder};
  heads = op.getNumQueryHeads();
  for (int i : {0, 1}) {
    if (refs[i].table)
      return formatv("order of the {0} must be static, but it is a runtime "
                     "table, which cannot be drawn",
                     i ? "keys" : "queries");
    // An absent order is raster, on the grid of the other one.
    if (OrderAttr attr = refs[i].attr ? refs[i].attr : refs[1 - i].attr)
      *specs[i] = attr.getSpec();
    else
      *specs[i] = curve::gridOrder(curve::Curve::Raster, {sizes[i]});
    if (!refs[i].attr)
      specs[i]->curve = curve::Curve::Raster, specs[i]->tile.clear();
    if (mlir::ShapedType::isDynamic(sizes[i]))
      sizes[i] = specs[i]->length;
    if (sizes[i] < 1 || heads < 1) // Dynamic sizes are negative.
      return formatv("numbers of tokens and heads must be static and positive "
                     "to be drawn, but they are {0} and {1}",
                     sizeText(sizes[i]), sizeText(heads));
  }
  if (sizes[0] != sizes[1] || order.extents != keyOrder.extents)
    return formatv("queries and keys must share a grid to be drawn, but there "
                   "are {0} queries on [{1}] and {2} keys on [{3}]",
                   sizes[0], extentsText(order.extents), sizes[1],
                   extentsText(keyOrder.extents));
  for (auto [i, extent] : llvm::enumerate(order.extents))
    if (order.extents.size() > 1 && extent > kMaxSide)
      return formatv("extents must be at most {0} to be drawn, but extent {1} "
                     "is {2}",
                     kMaxSide, i, extent);
  if (size() > kMaxCells)
    return formatv("number of tokens must be at most {0} to be drawn, but it is"
                   " {1}",
                   kMaxCells, size());
  if (headOption < 0 || headOption >= heads)
    return formatv("head must be in 0..{0}, but it is {1}", heads - 1,
                   int64_t(headOption));
  bool chosen = queryOption.getNumOccurrences();
  if (chosen && (queryOption < 0 || queryOption >= size()))
    return formatv("query must be in 0..{0}, but it is {1}", size() - 1,
                   int64_t(queryOption));

  causality = op.getCausal();
  if (PatternAttr pattern = op.getPatternAttr())
    branches = pattern.getBranchesOf(headOption).vec();
  else
    branches = {BranchAttr::get(op.getContext(), BranchAttr::kDense, 1,
                                Mode::Keys, OffsetRule::Zero, {})};
  tokens = curve::permutation(order);
  keyTokens = curve::permutation(keyOrder);
  keyPositions = curve::inversePermutation(keyOrder);
  // By default off the centre, where segments end, and with keys if possible.
  int64_t token = 0;
  for (int64_t extent : order.extents)
    token = token * extent + extent * 3 / 5;
  if (chosen)
    token = queryOption;
  int64_t first = llvm::find(tokens, token % size()) - tokens.begin();
  meet(first);
  for (int64_t i = 1; i < size() && !chosen; ++i) {
    if (llvm::any_of(counts, [](int64_t count) { return count; }))
      break;
    meet((first + i) % size());
  }
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Paths
//===----------------------------------------------------------------------===//

namespace {
/// Where tokens lie, in units of cells: the slices of a 3-D grid side by side,
/// a 1-D one in lines. Makes path data.
struct Sheet {
  bool lines;
  int64_t length, slices, height, width, columns = 1, gap;

  explicit Sheet(const curve::OrderSpec &spec)
      : lines(spec.extents.size() == 1), length(spec.length) {
    std::vector<int64_t> grid =
        lines ? curve::gridForLength(length) : spec.extents;
    width = grid.back();
    height = grid[grid.size() - 2];
    slices = grid.size() == 3 ? grid[0] : 1;
    gap = std::max<int64_t>(1, width / 12);
  }
  int64_t slice(int64_t token) const { return token / (height * width); }
  int64_t x(int64_t token) const {
    return slice(token) % columns * (width + gap) + token % width;
  }
  int64_t y(int64_t token) const {
    return slice(token) / columns * (height + gap) + token / width % height;
  }
  int64_t totalWidth() const { return columns * (width + gap) - gap; }
  int64_t totalHeight() const {
    return llvm::divideCeil(slices, columns) * (height + gap) - gap;
  }
  double fit(double maxWidth, double maxHeight);
  std::string cells(const Labels &labels, int64_t label, int64_t maxRun) const;
  std::string outline(const Labels &labels) const;
  std::string line(const std::vector<int32_t> &tokens, int64_t begin,
                   int64_t end, bool jumps) const;
};
} // namespace

/// Chooses the columns that allow the largest cells, and returns their size.
double Sheet::fit(double maxWidth, double maxHeight) {
  std::pair<double, int64_t> best;
  for (columns = 1; columns <= slices; ++columns)
    best = std::max(
        best, {std::min(maxWidth / totalWidth(), maxHeight / totalHeight()),
               columns});
  columns = best.second;
  return std::min(best.first < 4 ? best.first : std::floor(best.first), 40.0);
}

/// The cells of the tokens with a label, up to `maxRun` in one rectangle.
std::string Sheet::cells(const Labels &labels, int64_t label,
                         int64_t maxRun = kMaxSide) const {
  std::string path;
  for (int64_t t = 0, run; t < length; t += std::max<int64_t>(run, 1)) {
    int64_t limit = std::min({maxRun, width - t % width, length - t});
    for (run = 0; run < limit && labels[t + run] == label;)
      ++run;
    if (run)
      path += formatv("M{0} {1}h{2}v1h-{2}z", x(t), y(t), run);
  }
  return path;
}

/// The boundaries between tokens of different labels. Label -1 is outside.
std::string Sheet::outline(const Labels &labels) const {
  std::string path;
  for (int64_t first = 0; first < length; first += height * width)
    for (bool down : {false, true}) {
      auto label = [&](int64_t line, int64_t i) -> int64_t {
        int64_t row = down ? i : line, column = down ? line : i;
        int64_t t = first + row * width + column;
        bool inside = row >= 0 && row < height && column >= 0 && column < width;
        return inside && t < length ? labels[t] : -1;
      };
      for (int64_t line = 0; line <= (down ? width : height); ++line)
        for (int64_t i = 0, run, e = down ? height : width; i < e;
             i += run + 1) {
          for (run = 0;
               i + run < e && label(line - 1, i + run) != label(line, i + run);)
            ++run;
          if (run)
            path +=
                formatv("M{0} {1}{2}{3}", x(first) + (down ? line : i),
                        y(first) + (down ? i : line), down ? "v" : "h", run);
        }
    }
  return path;
}

/// The curve from position `begin` to `end`: its steps between neighbours, or
/// its jumps. What leaves a slice, or a line of a 1-D grid, is neither.
std::string Sheet::line(const std::vector<int32_t> &tokens, int64_t begin,
                        int64_t end, bool jumps) const {
  std::string path;
  bool down = false; // True while the pen is down.
  for (int64_t p = begin; p < end; ++p) {
    int64_t fromX = x(tokens[p]), fromY = y(tokens[p]);
    int64_t dx = x(tokens[p + 1]) - fromX, dy = y(tokens[p + 1]) - fromY;
    bool isJump = std::max(std::abs(dx), std::abs(dy)) > 1;
    bool drawn = isJump == jumps && !(isJump && (slices > 1 || lines));
    if (!down && (drawn || !jumps)) // Single tokens are dots.
      path += formatv(drawn ? "M{0} {1}" : "M{0} {1}h0", fromX, fromY);
    if (drawn)
      path += !dy   ? formatv("h{0}", dx).str()
              : !dx ? formatv("v{0}", dy).str()
                    : formatv("l{0} {1}", dx, dy).str();
    down = drawn;
  }
  return path;
}

//===----------------------------------------------------------------------===//
// The picture
//===----------------------------------------------------------------------===//

/// Evenly spaced samples of matplotlib's plasma, without its light end.
static constexpr uint32_t kCurveColours[] = {
    0x0d0887, 0x4903a0, 0x7801a8, 0xa31d9a, 0xc5407e, 0xe16462, 0xf58b47};
/// Keys, from those that count least.
static constexpr uint32_t kKeyColours[] = {0x98a8fa, 0x6366f1, 0x312e81};

/// The colour at 0 <= at <= 1 between those of `stops`.
static std::string mix(llvm::ArrayRef<uint32_t> stops, double at) {
  double scaled = at * (stops.size() - 1);
  size_t i = std::min<size_t>(scaled, stops.size() - 2);
  uint32_t colour = 1u << 24;
  for (int shift : {16, 8, 0}) {
    double a = (stops[i] >> shift) & 255, b = (stops[i + 1] >> shift) & 255;
    colour |= uint32_t(std::lround(a + (b - a) * (scaled - i))) << shift;
  }
  return "#" + llvm::utohexstr(colour, /*LowerCase=*/true).substr(1);
}

static constexpr double kWidth = 900, kTop = 48, kBelow = 38;
static constexpr const char *kHeader =
    R"(<svg xmlns="http://www.w3.org/2000/svg"
 viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img">
<title>Attention along a space-filling curve</title>
<style>
text {{ font: 12.5px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial,
 sans-serif; fill: #6b7280 }
.title {{ font-size: 16px; font-weight: 600; fill: #1f2937 }
.legend {{ font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
 text-anchor: middle }
.tint0 {{ fill: #f5f6fa }
.tint1 {{ fill: #e7eaf3 }
.segments {{ fill: none; stroke: #c3c9d8 }
.inside {{ fill: #fff }
.faint {{ fill: none; stroke: #c9cfdf; stroke-linecap: round }
.segment {{ fill: none; stroke: #1f2937; stroke-linecap: square }
.curve {{ fill: none; stroke-linecap: round; stroke-linejoin: round }
.query {{ fill: #f97316; stroke: #fff }
.card {{ fill: #fff; stroke: #d8dce6 }
</style>
<rect class="card" x=".5" y=".5" width="{2}" height="{3}" rx="12"/>)";

namespace {
class Picture {
public:
  Picture(llvm::raw_ostream &os, const Scene &scene)
      : os(os), scene(scene), sheet(scene.order) {}
  void draw();

private:
  template <typename... Args> void put(const char *format, Args &&...args) {
    os << formatv(format, std::forward<Args>(args)...) << "\n";
  }
  void text(double x, double y, const Twine &content, StringRef more = "") {
    os << formatv("<text x=\"{0}\" y=\"{1}\"{2}>", x, y, more);
    llvm::printHTMLEscaped(content.str(), os);
    os << "</text>\n";
  }
  void path(StringRef name, const std::string &data, const Twine &more = "") {
    if (!data.empty())
      put("<path class=\"{0}\"{1} d=\"{2}\"/>", name, more.str(), data);
  }
  /// An attribute with a width of `pixels` in a panel.
  std::string stroke(double pixels) {
    return formatv(" stroke-width=\"{0:f3}\"", pixels / cell);
  }
  /// A legend entry at `x`, which is moved on.
  void entry(double &x, double y, const Twine &look, StringRef label) {
    put("<rect x=\"{0}\" y=\"{1}\" width=\"11\" height=\"11\" rx=\"2\" {2}/>",
        x, y - 10, look.str());
    text(x + 17, y, label);
    x += 34 + 6.6 * label.size();
  }
  std::string shade(int64_t count) {
    return mix(kKeyColours, most > 1 ? double(count - 1) / (most - 1) : 0.8);
  }
  void beginPanel(double x, double y, const std::vector<int32_t> &positions,
                  const Twine &title, const Twine &note);
  void curvePanel(double x, double y);
  void keysPanel(double x, double y);
  llvm::SmallVector<std::string> legend();

  llvm::raw_ostream &os;
  const Scene &scene;
  Sheet sheet;
  std::vector<int64_t> widths; // Of segments, longest first.
  double cell = 0, panelWidth = 0, panelHeight = 0;
  int64_t most = 0, distinct = 0, total = 0;
};
} // namespace

/// Titles, and the grid in alternating tints of its shortest segments.
void Picture::beginPanel(double x, double y,
                         const std::vector<int32_t> &positions,
                         const Twine &title, const Twine &note) {
  text(x, y - 16, title, " class=\"title\"");
  text(x + panelWidth, y - 16, note, " text-anchor=\"end\"");
  put("<g transform=\"translate({0} {1}) scale({2:f4})\">", x, y, cell);
  Labels segments, parities;
  for (int32_t position : positions) {
    segments.push_back(position / widths.back());
    parities.push_back(segments.back() % 2);
  }
  path("tint0", sheet.cells(parities, 0));
  path("tint1", sheet.cells(parities, 1));
  path("segments", sheet.outline(segments), stroke(1));
}

void Picture::curvePanel(double x, double y) {
  std::string name(curve::curveName(scene.order.curve));
  name[0] = llvm::toUpper(name[0]);
  int64_t segments = llvm::divideCeil(scene.size(), widths.back());
  beginPanel(x, y, curve::inversePermutation(scene.order),
             name + " order of " +
                 (isWhole(scene.order) ? extentsText(scene.order.extents, " × ")
                                       : std::to_string(scene.size())) +
                 " tokens",
             plural(segments, "segment") + " of " + Twine(widths.back()));
  double line = std::clamp(0.3 * cell, 0.7, 5.0);
  os << "<g transform=\"translate(.5 .5)\"" << stroke(line) << ">\n";
  int64_t steps = scene.size() - 1, pieces = std::min<int64_t>(steps, 160);
  for (bool jumps : {true, false})
    for (int64_t i = 0; i < pieces; ++i)
      path("curve",
           sheet.line(scene.tokens, i * steps / pieces,
                      (i + 1) * steps / pieces, jumps),
           " stroke=\"" + mix(kCurveColours, (i + 0.5) / pieces) + "\"" +
               (jumps ? " opacity=\".35\"" : ""));
  for (int end : {0, 1}) {
    int64_t token = end ? scene.tokens.back() : scene.tokens.front();
    put("<circle cx=\"{0}\" cy=\"{1}\" r=\"{2:f3}\" fill=\"{3}\" "
        "stroke=\"#fff\"{4}/>",
        sheet.x(token), sheet.y(token), std::clamp(0.6 * cell, 3.0, 9.0) / cell,
        mix(kCurveColours, end), stroke(1));
  }
  os << "</g>\n</g>\n<linearGradient id=\"along\">";
  for (double at = 0; at <= 1; at += 0.125)
    put("<stop offset=\"{0:f3}\" stop-color=\"{1}\"/>", at,
        mix(kCurveColours, at));
  os << "</linearGradient>\n";
  y += panelHeight + 24;
  text(x, y, "position 0");
  put("<rect x=\"{0}\" y=\"{1}\" width=\"96\" height=\"8\" rx=\"4\" "
      "fill=\"url(#along)\"/>",
      x + 70, y - 8);
  text(x + 174, y, Twine(steps));
}

void Picture::keysPanel(double x, double y) {
  beginPanel(x, y, scene.keyPositions,
             "One query and the " + plural(distinct, "key") + " it meets",
             "token " + Twine(scene.query));
  std::vector<Labels> within; // 0 in the query's segment, -1 elsewhere.
  for (int64_t width : widths) {
    Labels &labels = within.emplace_back();
    for (int32_t position : scene.keyPositions)
      labels.push_back(position / width == scene.position / width ? 0 : -1);
  }
  path("faint", sheet.line(scene.keyTokens, 0, scene.size() - 1, false),
       " transform=\"translate(.5 .5)\"" + stroke(std::min(0.15 * cell, 2.0)));
  path("inside", sheet.cells(within[0], 0));
  // Single cells, a little apart, unless there are too many of them.
  bool apart = distinct <= 4096 && cell >= 3;
  for (int64_t count = 1; count <= most; ++count)
    path("key", sheet.cells(scene.counts, count, apart ? 1 : kMaxSide),
         " fill=\"" + shade(count) + "\"" +
             (apart ? " stroke=\"#fff\" stroke-width=\".14\"" : ""));
  for (const Labels &labels : within)
    path("segment", sheet.outline(labels), stroke(1.5));
  put("<circle class=\"query\" cx=\"{0}.5\" cy=\"{1}.5\" "
      "r=\"{2:f3}\"{3}/>\n</g>",
      sheet.x(scene.query), sheet.y(scene.query),
      std::clamp(0.3 * cell, 4.5, 9.0) / cell, stroke(1.5));
  y += panelHeight + 24;
  entry(x, y, "class=\"query\"", "query");
  for (int64_t count = 1; count <= most; ++count)
    entry(x, y, "fill=\"" + shade(count) + "\"",
          count == 1 ? "key" : formatv("× {0}", count).str());
  entry(x, y, "class=\"segment\" stroke-width=\"1.5\"",
        widths.size() > 1 ? "its segments" : "its segment");
}

/// The order, the pattern, and the number of keys, in lines.
llvm::SmallVector<std::string> Picture::legend() {
  auto orderText = [](const curve::OrderSpec &spec) {
    std::string text(curve::curveName(spec.curve));
    text += " [" + extentsText(spec.extents) + "]";
    if (!isWhole(spec))
      text += " length = " + std::to_string(spec.length);
    if (!spec.tile.empty())
      text += " tile = [" + extentsText(spec.tile) + "]";
    return text;
  };
  llvm::SmallVector<std::string> parts(2), lines;
  parts[0] = "order " + orderText(scene.order);
  if (!(scene.order == scene.keyOrder))
    parts[0] += ", of keys " + orderText(scene.keyOrder);
  llvm::raw_string_ostream pattern(parts[1]);
  for (auto [i, branch] : llvm::enumerate(scene.branches)) {
    pattern << (i ? " + (" : "pattern (");
    branch.printBody(pattern);
    pattern << ")";
  }
  if (scene.causality != Causality::None)
    parts.push_back("causal " + stringifyCausality(scene.causality).str());
  parts.push_back(formatv("query {0}, head {1}: {2}", scene.query,
                          int64_t(headOption), plural(distinct, "key")));
  if (total != distinct)
    parts.back() += formatv(", {0} with multiplicity", total);
  for (const std::string &part : parts)
    if (lines.empty() || lines.back().size() + part.size() > 112)
      lines.push_back(part);
    else
      lines.back() += " · " + part;
  return lines;
}

void Picture::draw() {
  for (int64_t count : scene.counts) {
    most = std::max(most, count);
    distinct += count > 0;
    total += count;
  }
  for (BranchAttr branch : scene.branches)
    widths.push_back(scene.width(branch));
  llvm::sort(widths, std::greater<>());
  widths.erase(llvm::unique(widths), widths.end());

  // 3-D grids are wide: their panels lie one below the other.
  bool stacked = sheet.slices > 1;
  cell = stacked ? sheet.fit(828, 400) : sheet.fit(396, 396);
  panelWidth = cell * sheet.totalWidth();
  panelHeight = cell * sheet.totalHeight();
  double step = kTop + panelHeight + kBelow; // From panel to panel.
  llvm::SmallVector<std::string> lines = legend();
  double legendTop = std::ceil((stacked ? 2 : 1) * step + 14);
  double height = legendTop + 18 * lines.size() - 2;
  double margin = (kWidth - (stacked ? 1 : 2) * panelWidth) / (stacked ? 2 : 3);
  put(kHeader, kWidth, height, kWidth - 1, height - 1);
  curvePanel(margin, kTop);
  keysPanel(stacked ? margin : 2 * margin + panelWidth,
            stacked ? kTop + step : kTop);
  for (auto [i, line] : llvm::enumerate(lines))
    text(kWidth / 2, legendTop + 18 * i, line,
         formatv(" class=\"legend\" style=\"font-size: {0}px\"",
                 std::min(12.0, (kWidth - 48) / (0.61 * line.size())))
             .str());
  os << "</svg>\n";
}

//===----------------------------------------------------------------------===//
// The program
//===----------------------------------------------------------------------===//

static int fail(const Twine &message) {
  llvm::errs() << "hilbert-draw: error: " << message << "\n";
  return 1;
}

int main(int argc, char **argv) {
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(
      argc, argv, "hilbert-draw: a picture of a program's first attention\n");
  std::string message;
  std::unique_ptr<llvm::MemoryBuffer> input =
      mlir::openInputFile(inputName, &message);
  if (!input)
    return fail(message);
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(input), llvm::SMLoc());
  mlir::SourceMgrDiagnosticHandler diagnostics(sources, &context);
  auto module = mlir::parseSourceFile<mlir::ModuleOp>(sources, &context);
  mlir::PassManager passes(&context);
  buildFusePipeline(passes);
  if (!module || failed(passes.run(*module)))
    return 1;

  AttentionOp attention;
  for (auto function : module->getOps<mlir::func::FuncOp>())
    if (functionName.empty() ? function.isPublic()
                             : function.getName() == functionName)
      function.walk<mlir::WalkOrder::PreOrder>(
          [&](AttentionOp op) { attention = attention ? attention : op; });
  if (!attention)
    return fail("no attention found in " +
                (functionName.empty() ? Twine("a public function")
                                      : "a function '" + functionName + "'"));
  Scene scene;
  if (std::optional<std::string> error = scene.read(attention))
    return fail(*error);
  std::unique_ptr<llvm::ToolOutputFile> output =
      mlir::openOutputFile(outputName, &message);
  if (!output)
    return fail(message);
  Picture(output->os(), scene).draw();
  output->keep();
  return 0;
}
