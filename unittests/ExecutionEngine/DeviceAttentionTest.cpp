//===- DeviceAttentionTest.cpp - Arguments and grids of GPU kernels -------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DeviceTestSupport.h"

#include "hilbert-runtime/Cuda/Stream.h"

#include <cmath>
#include <numeric>
#include <random>
#include <set>

using namespace hilbert;
using namespace hilbert::test;

namespace {

/// What kernels are specialised for, apart from orders.
struct Kind {
  const char *pattern;
  int64_t segment, dilation;
  bool hasQueryClasses;
  Causality causal;
  NpyType type;
  int64_t depth;
};

constexpr int64_t kDense = int64_t(1) << 40;
const Kind kKinds[] = {
    {"", kDense, 1, false, Causality::None, NpyType::BF16, 64},
    {"(segment = 256)", 256, 1, false, Causality::Token, NpyType::F16, 128},
    {"(segment = 100, dilation = 3, offset = head)", 100, 3, false,
     Causality::None, NpyType::BF16, 40},
    {"(segment = 64, dilation = 2, mode = both, offset = [0, 1, 1, 0])", 64, 2,
     true, Causality::Position, NpyType::BF16, 64},
    {"(segment = dense, dilation = 4, mode = residues)", kDense, 4, true,
     Causality::None, NpyType::F16, 256},
};

class Random {
public:
  explicit Random(uint64_t seed) : engine(seed) {}
  int64_t operator()(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(engine);
  }

private:
  std::mt19937_64 engine;
};

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// The positions of tile `index` of a side, as kernels number them: tiles of
/// the longest class, classes, segments.
std::vector<int64_t> getPositions(const Kind &kind, int64_t tokens,
                                  int64_t step, int64_t rows, int64_t index) {
  int64_t width = std::min(kind.segment, tokens);
  int64_t tiles = ceilDiv(ceilDiv(width, step), rows);
  int64_t tile = index % tiles, residue = index / tiles % step,
          segment = index / tiles / step;
  std::vector<int64_t> positions;
  int64_t member = 0;
  for (int64_t p = segment * width; p < std::min(tokens, (segment + 1) * width);
       ++p)
    if ((p - segment * width) % step == residue && member++ / rows == tile)
      positions.push_back(p);
  return positions;
}

const int32_t *toHost(uint64_t address) {
  return reinterpret_cast<const int32_t *>(address);
}

/// Every box of a table holds the tokens of its tile.
void expectBoxes(const Kind &kind, const Arguments &arguments,
                 const std::string &prefix, const std::vector<int32_t> &order,
                 int64_t step, int64_t rows) {
  auto tokens = int64_t(order.size());
  const int32_t *entry = toHost(arguments.at(prefix + "_boxes"));
  int64_t width = arguments.at(prefix + "_width"),
          plane = arguments.at(prefix + "_plane");
  int64_t segment = std::min(kind.segment, tokens);
  int64_t count =
      ceilDiv(ceilDiv(segment, step), rows) * step * ceilDiv(tokens, segment);
  for (int64_t tile = 0; tile < count; ++tile, entry += 4) {
    std::set<int64_t> expected, actual;
    for (int64_t p : getPositions(kind, tokens, step, rows, tile))
      expected.insert(order[p]);
    for (int64_t i = 0; i < int64_t(expected.size()); ++i)
      actual.insert(entry[0] + i % (1 << entry[1]) +
                    (i >> entry[1]) % (1 << entry[2]) * width +
                    (i >> entry[1] >> entry[2]) * plane);
    EXPECT_EQ(actual, expected) << prefix << " tile " << tile;
    EXPECT_EQ(entry[3], 0);
  }
}

/// The blocks that cover all work items, counted one by one.
int64_t countBlocks(const Kind &kind, const Sizes &s, const KernelInfo &info) {
  int64_t tokens = info.ownsQueries ? s.queries : s.keys;
  int64_t heads = info.ownsQueries ? s.heads : s.keyHeads;
  int64_t step = info.ownsQueries && !kind.hasQueryClasses ? 1 : kind.dilation;
  int64_t blocks = 0;
  for (int64_t begin = 0; begin < tokens;
       begin += std::min(kind.segment, tokens)) {
    int64_t longest = 0;
    for (int64_t p = 0; p < std::min(kind.segment, tokens); p += step)
      ++longest;
    int64_t tiles = 0;
    for (int64_t i = 0; i < longest; i += info.tile)
      ++tiles;
    blocks += tiles * step;
  }
  return blocks * heads * s.batch;
}

void expectMatrix(const Arguments &arguments, const Memory &memory,
                  DeviceOperand operand, const std::string &name) {
  auto found = arguments.find(name);
  if (found == arguments.end())
    return;
  const DeviceTensor &tensor = memory.problem[operand];
  bool isBNHD = memory.problem.layout == Layout::BNHD;
  EXPECT_EQ(found->second, memory.addresses[operand]) << name;
  EXPECT_EQ(arguments.at(name + "_batch_stride"), uint64_t(tensor.strides[0]));
  EXPECT_EQ(arguments.at(name + "_token_stride"),
            uint64_t(tensor.strides[isBNHD ? 1 : 2]));
  EXPECT_EQ(arguments.at(name + "_head_stride"),
            uint64_t(tensor.strides[isBNHD ? 2 : 1]));
}

/// The tokens of an order; empty: they are in a runtime table.
std::vector<int32_t> getTokens(const DeviceOrder &order, int64_t tokens) {
  if (order.kind == DeviceOrder::Table)
    return {};
  if (order.kind == DeviceOrder::Static)
    return curve::permutation(order.spec);
  std::vector<int32_t> raster(tokens);
  std::iota(raster.begin(), raster.end(), 0);
  return raster;
}

void expectOrder(const Kind &kind, const Memory &memory, const Recorded &r,
                 const KernelInfo &info, const std::string &prefix,
                 const DeviceOrder &order, int64_t tokens) {
  bool isKeys = prefix == "kv";
  bool isOwn = info.ownsQueries != isKeys;
  int64_t step = isKeys || kind.hasQueryClasses ? kind.dilation : 1;
  if (r.arguments.count(prefix + "_boxes"))
    expectBoxes(kind, r.arguments, prefix, getTokens(order, tokens), step,
                isOwn ? info.tile : info.otherTile);
  auto table = r.arguments.find(prefix + "_table");
  if (table == r.arguments.end())
    return;
  uint64_t stride = r.arguments.at(prefix + "_table_batch_stride");
  if (order.kind == DeviceOrder::Table) {
    auto operand = static_cast<DeviceOperand>(kTable0 + order.table);
    EXPECT_EQ(table->second, memory.addresses[operand]) << prefix;
    bool isPerItem = memory.problem[operand].shape.size() == 2;
    EXPECT_EQ(stride, uint64_t(isPerItem ? tokens : 0));
    return;
  }
  EXPECT_EQ(stride, 0u);
  std::vector<int32_t> expected = getTokens(order, tokens);
  EXPECT_EQ(llvm::ArrayRef(toHost(table->second), tokens),
            llvm::ArrayRef(expected));
}

/// Launches, and compares everything that every kernel gets.
void expectLaunches(const Kind &kind, const Sizes &s, const Memory &memory,
                    const DeviceAttention &attention, float scale) {
  std::vector<Recorded> all = record(attention, memory.addresses);
  ASSERT_EQ(all.size(), attention.numKernels());
  std::vector<std::string> roles;
  for (auto [i, r] : llvm::enumerate(all)) {
    const KernelInfo &info = attention.kernelInfo(i);
    roles.push_back(info.role);
    SCOPED_TRACE(info.name);
    EXPECT_EQ(r.launch.grid[0], countBlocks(kind, s, info));
    EXPECT_EQ(r.launch.grid[1] * r.launch.grid[2], 1u);
    EXPECT_EQ(r.launch.block[0], info.threads);
    EXPECT_EQ(r.launch.block[1] * r.launch.block[2], 1u);
    EXPECT_EQ(r.launch.sharedBytes, info.sharedBytes);
    const Arguments &a = r.arguments;
    for (auto [operand, name] : {std::pair(kQ, "q"),
                                 {kK, "k"},
                                 {kV, "v"},
                                 {kOut, "out"},
                                 {kDout, "dout"},
                                 {kDq, "dq"},
                                 {kDk, "dk"},
                                 {kDv, "dv"}})
      expectMatrix(a, memory, operand, name);
    EXPECT_EQ(int64_t(a.at("queries")), s.queries);
    EXPECT_EQ(int64_t(a.at("keys")), s.keys);
    EXPECT_EQ(int64_t(a.at("query_heads")), s.heads);
    EXPECT_EQ(int64_t(a.at("key_heads")), s.keyHeads);
    EXPECT_EQ(llvm::bit_cast<float>(uint32_t(a.at("scale"))), scale);
    if (a.count("lse"))
      EXPECT_EQ(a.at("lse"), memory.addresses[kLse]);
    if (a.count("dlse"))
      EXPECT_EQ(a.at("dlse"), memory.addresses[kDlse]);
    if (a.count("delta"))
      EXPECT_EQ(a.at("delta"), memory.addresses[kWorkspace]);
    if (a.count("offsets"))
      EXPECT_EQ(llvm::ArrayRef(toHost(a.at("offsets")), 4),
                llvm::ArrayRef<int32_t>({0, 1, 1, 0}));
    const DeviceAttentionProblem &p = memory.problem;
    expectOrder(kind, memory, r, info, "q", p.qOrder, s.queries);
    expectOrder(kind, memory, r, info, "kv", p.kvOrder, s.keys);
    expectOrder(kind, memory, r, info, "out", p.outOrder, s.queries);
  }
  // Where delta has no kernel, dq writes it.
  llvm::erase(roles, "delta");
  std::vector<std::string> expected{"forward"};
  if (memory.problem.isGradient) {
    expected = {"dq", "dkv"};
    if (kind.depth > 128)
      expected = {"dq", "dk", "dv"};
  }
  EXPECT_EQ(roles, expected);
}

class Kinds : public DeviceTest, public testing::WithParamInterface<int> {};

/// One of the few ways in which the three orders are specialised: compilation
/// is what takes the time of this test.
void makeOrders(Random &random, int way, Sizes &s, Memory &memory) {
  DeviceAttentionProblem &p = memory.problem;
  if (way == 1) {
    std::vector<int64_t> shape{s.queries};
    if (random(0, 1))
      shape.insert(shape.begin(), s.batch);
    memory.addTable(1, shape);
    p.qOrder = p.kvOrder = p.outOrder = DeviceOrder::ofTable(1);
  }
  if (way == 2)
    p.qOrder = p.kvOrder = p.outOrder =
        DeviceOrder::of(curve::lengthOrder(curve::Curve::Hilbert, s.queries));
}

TEST_P(Kinds, ArgumentsAndGridsOfRandomProblems) {
  const Kind &kind = kKinds[GetParam()];
  Random random(GetParam() + 1);
  int boxed = 0;
  for (int round = 0; round < 60; ++round) {
    Sizes s;
    s.depth = kind.depth;
    s.type = kind.type;
    s.batch = random(1, 3);
    s.heads = 4;
    s.keyHeads = int64_t(1) << random(0, 2);
    s.layout = random(0, 1) ? Layout::BNHD : Layout::BHND;
    int way = int(random(0, 2));
    s.queries = way == 2 && random(0, 1) ? 1024 : random(1, 1500);
    bool isDense = kind.segment == kDense && kind.causal == Causality::None;
    s.keys = isDense && way == 0 ? random(1, 1500) : s.queries;
    bool isGradient = random(0, 1);
    Memory memory(s, isGradient, isGradient && way == 0);
    DeviceAttentionProblem &p = memory.problem;
    p.causal = kind.causal;
    p.pattern = kind.pattern;
    makeOrders(random, way, s, memory);
    float scale = 1 / std::sqrt(float(s.depth));
    if (random(0, 1))
      p.scale = scale = -0.25f;
    SCOPED_TRACE(testing::Message()
                 << "round " << round << ": " << s.batch << " x " << s.queries
                 << ", " << s.keys << " way " << way);
    DeviceAttention attention =
        get(DeviceAttention::create(device(), *cache, p));
    Buffer workspace =
        get(Buffer::allocate(device(), attention.workspaceBytes()));
    EXPECT_EQ(int64_t(workspace.bytes()),
              isGradient ? s.batch * s.heads * s.queries * 4 : 0);
    memory.addresses[kWorkspace] = workspace.address();
    EXPECT_OK(attention.check(memory.addresses));
    expectLaunches(kind, s, memory, attention, scale);
    boxed += attention.spec().queryBoxes && attention.spec().keyBoxes;
  }
  // Sizes never compile: that is, three ways of orders and boxes, twice.
  EXPECT_LE(cache->compilations + cache->diskHits, 8);
  bool canBeBoxed = kind.causal != Causality::Position && kind.dilation == 1;
  EXPECT_EQ(boxed > 0, canBeBoxed);
}

INSTANTIATE_TEST_SUITE_P(All, Kinds, testing::Range(0, int(std::size(kKinds))));

class Attentions : public DeviceTest {};

TEST_F(Attentions, EqualOrdersShareKernelsAndTables) {
  Sizes s;
  s.queries = s.keys = 1024;
  Memory memory(s);
  auto hilbert =
      DeviceOrder::of(curve::gridOrder(curve::Curve::Hilbert, {32, 32}));
  auto snake = DeviceOrder::of(curve::gridOrder(curve::Curve::Snake, {32, 32}));
  DeviceAttentionProblem &p = memory.problem;
  p.qOrder = p.outOrder = hilbert;
  p.kvOrder = snake;
  p.allowBoxes = false;
  DeviceAttention attention = get(DeviceAttention::create(device(), *cache, p));
  EXPECT_EQ(attention.spec().orders, (std::array<int, 3>{0, 1, 0}));
  EXPECT_FALSE(attention.spec().queryBoxes || attention.spec().keyBoxes);
  Arguments a = record(attention, memory.addresses)[0].arguments;
  EXPECT_NE(a.at("q_table"), a.at("kv_table"));
  EXPECT_EQ(a.count("out_table"), 0u);

  p.outOrder = snake;
  DeviceAttention other = get(DeviceAttention::create(device(), *cache, p));
  Arguments b = record(other, memory.addresses)[0].arguments;
  EXPECT_EQ(b.at("out_table"), a.at("kv_table"));
  EXPECT_EQ(b.at("q_table"), a.at("q_table"));
}

TEST_F(Attentions, BoxesOnlyWhereRowsNeedNoPositions) {
  Sizes s;
  s.queries = s.keys = 1024;
  Memory memory(s);
  DeviceAttentionProblem &p = memory.problem;
  p.qOrder = p.kvOrder = p.outOrder =
      DeviceOrder::of(curve::gridOrder(curve::Curve::Hilbert, {32, 32}));
  auto specOf = [&] {
    return get(DeviceAttention::create(device(), *cache, p)).spec();
  };
  EXPECT_TRUE(specOf().queryBoxes && specOf().keyBoxes);
  p.outOrder = DeviceOrder();
  EXPECT_FALSE(specOf().queryBoxes);
  EXPECT_TRUE(specOf().keyBoxes);
  p.causal = Causality::Position;
  EXPECT_FALSE(specOf().keyBoxes);
}

TEST_F(Attentions, EmptyTensorsLaunchWhatWrites) {
  Sizes s;
  s.keys = 0;
  Memory memory(s, /*isGradient=*/true);
  DeviceAttention attention =
      get(DeviceAttention::create(device(), *cache, memory.problem));
  fake::setLaunchCallback(nullptr);
  EXPECT_OK(attention.check(memory.addresses));
  EXPECT_OK(attention.launch(memory.addresses, nullptr));
  std::vector<std::string> launched, expected;
  for (const fake::Launch &launch : fake::takeLaunches())
    launched.push_back(launch.kernel);
  // No key has a gradient.
  for (size_t i = 0; i < attention.numKernels(); ++i)
    if (attention.kernelInfo(i).ownsQueries)
      expected.push_back(attention.kernelInfo(i).name);
  EXPECT_EQ(launched, expected);
  EXPECT_LT(expected.size(), attention.numKernels());
  EXPECT_FALSE(expected.empty());

  s.batch = 0;
  Memory nothing(s, /*isGradient=*/true);
  DeviceAttention none =
      get(DeviceAttention::create(device(), *cache, nothing.problem));
  EXPECT_OK(none.check(nothing.addresses));
  EXPECT_OK(none.launch(nothing.addresses, nullptr));
  EXPECT_TRUE(fake::takeLaunches().empty());
}

TEST_F(Attentions, LaunchesAllocateOnlyAMissingWorkspace) {
  Sizes s;
  Memory memory(s, /*isGradient=*/true);
  DeviceAttention attention =
      get(DeviceAttention::create(device(), *cache, memory.problem));
  Buffer workspace =
      get(Buffer::allocate(device(), attention.workspaceBytes()));
  auto others = [] {
    return fake::allCalls() - 4 * fake::calls("cuLaunchKernel");
  };
  fake::resetCalls();
  DeviceAddresses given = memory.addresses;
  given[kWorkspace] = workspace.address();
  EXPECT_OK(attention.launch(given, nullptr));
  EXPECT_EQ(fake::calls("cuLaunchKernel"), int(attention.numKernels()));
  // A context is asked for, pushed and popped around each.
  EXPECT_EQ(others(), 0);

  fake::resetCalls();
  uint64_t address = 0;
  for (const Recorded &r : record(attention, memory.addresses)) {
    EXPECT_TRUE(!address || address == r.arguments.at("delta"));
    address = r.arguments.at("delta");
  }
  EXPECT_NE(address, 0u);
  EXPECT_EQ(fake::calls("cuMemAllocAsync"), 1);
  EXPECT_EQ(fake::calls("cuMemFreeAsync"), 1);
}

TEST_F(Attentions, AreCaptured) {
  Sizes s;
  Memory memory(s, /*isGradient=*/true);
  Stream stream = get(Stream::create(device()));
  fake::beginCapture(stream.handle());
  DeviceAttention attention =
      get(DeviceAttention::create(device(), *cache, memory.problem));
  EXPECT_OK(attention.launch(memory.addresses, stream.handle()));
  EXPECT_TRUE(fake::endCapture(stream.handle()));
  for (const fake::Launch &launch : fake::takeLaunches())
    EXPECT_TRUE(launch.wasCaptured);
}

TEST_F(Attentions, SmallerDevicesTakeSmallerTiles) {
  auto sharedBytes = [&](int ordinal) {
    Sizes s;
    s.depth = 128;
    Memory memory(s, /*isGradient=*/true, false, ordinal);
    DeviceAttention attention =
        get(DeviceAttention::create(device(ordinal), *cache, memory.problem));
    int64_t most = 0;
    for (size_t i = 0; i < attention.numKernels(); ++i)
      most = std::max(most, attention.kernelInfo(i).sharedBytes);
    return most;
  };
  EXPECT_LE(sharedBytes(kPoolless), 99 << 10);
  EXPECT_GT(sharedBytes(kAmpere), 99 << 10);
  EXPECT_LE(sharedBytes(kAmpere), 163 << 10);
}

TEST_F(Attentions, TargetsOfDevices) {
  auto target = [](int capability, int kibibytes) {
    DeviceProperties properties;
    properties.computeCapability = capability;
    properties.maxSharedBytes = kibibytes << 10;
    return getTargetFor(properties);
  };
  EXPECT_EQ(target(80, 163), "sm_80");
  EXPECT_EQ(target(86, 99), "sm_86");
  EXPECT_EQ(target(87, 163), "sm_87");
  EXPECT_EQ(target(89, 99), "sm_89");
  EXPECT_EQ(target(90, 227), "sm_90");
  // Newer ones, with as much shared memory and with less.
  EXPECT_EQ(target(100, 227), "sm_90");
  EXPECT_EQ(target(120, 99), "sm_89");
}

} // namespace
