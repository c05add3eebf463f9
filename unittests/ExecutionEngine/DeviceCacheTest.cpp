//===- DeviceCacheTest.cpp - The cache of GPU kernels
//-------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DeviceTestSupport.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <set>

using namespace hilbert;
using namespace hilbert::test;

namespace {

DeviceKernelSpec makeSpec(const char *pattern = "(segment = 320)") {
  DeviceKernelSpec spec;
  spec.depth = 32;
  spec.pattern = pattern;
  return spec;
}

std::vector<std::string> listFiles() {
  std::vector<std::string> files;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator file(getCacheFolder(), error), end;
       file != end && !error; file.increment(error))
    files.push_back(file->path());
  return files;
}

std::string readFile(const std::string &path) {
  return (*llvm::MemoryBuffer::getFile(path))->getBuffer().str();
}

void writeFile(const std::string &path, llvm::StringRef bytes) {
  std::error_code error;
  llvm::raw_fd_ostream(path, error) << bytes;
  ASSERT_FALSE(error);
}

class Cache : public DeviceTest {
protected:
  void SetUp() override {
    DeviceTest::SetUp();
    for (const std::string &file : listFiles())
      llvm::sys::fs::remove(file);
  }
};

TEST_F(Cache, FindsCodeInMemoryThenInTheFolder) {
  DeviceKernelSpec spec = makeSpec();
  auto first = get(cache->getCode("sm_80", spec));
  EXPECT_EQ(get(cache->getCode("sm_80", spec)), first);
  EXPECT_EQ(cache->compilations, 1);
  EXPECT_EQ(cache->memoryHits, 1);

  DeviceKernelCache other;
  auto second = get(other.getCode("sm_80", spec));
  EXPECT_EQ(other.compilations, 0);
  EXPECT_EQ(other.diskHits, 1);
  EXPECT_EQ(second->ptx, first->ptx);
  ASSERT_EQ(second->kernels.size(), first->kernels.size());
  for (auto [a, b] : llvm::zip_equal(first->kernels, second->kernels)) {
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.role, b.role);
    EXPECT_EQ(a.threads, b.threads);
    EXPECT_EQ(a.sharedBytes, b.sharedBytes);
    EXPECT_EQ(a.ownsQueries, b.ownsQueries);
    EXPECT_EQ(a.tile, b.tile);
    EXPECT_EQ(a.otherTile, b.otherTile);
    EXPECT_EQ(a.segment, b.segment);
    EXPECT_EQ(a.classes, b.classes);
    ASSERT_EQ(a.arguments.size(), b.arguments.size());
    for (auto [x, y] : llvm::zip_equal(a.arguments, b.arguments)) {
      EXPECT_EQ(x.name, y.name);
      EXPECT_EQ(x.type, y.type);
    }
  }
}

TEST_F(Cache, KeysAreWhatCodeDependsOn) {
  (void)get(cache->getCode("sm_80", makeSpec()));
  (void)get(cache->getCode("sm_90", makeSpec()));
  (void)get(cache->getCode("sm_80", makeSpec("(segment = 321)")));
  EXPECT_EQ(cache->compilations, 3);
  EXPECT_EQ(listFiles().size(), 3u);
}

TEST_F(Cache, DamagedEntriesAreMadeAgain) {
  auto code = get(cache->getCode("sm_80", makeSpec()));
  ASSERT_EQ(listFiles().size(), 1u);
  std::string path = listFiles()[0], good = readFile(path);
  std::string flipped = good;
  flipped[good.size() / 2] ^= 1;
  for (const std::string &bad :
       {std::string(), std::string("hilbertgpu1"), good.substr(0, 60),
        good.substr(0, good.size() - 1), flipped, "x" + good}) {
    writeFile(path, bad);
    DeviceKernelCache other;
    EXPECT_EQ(get(other.getCode("sm_80", makeSpec()))->ptx, code->ptx);
    EXPECT_EQ(other.compilations, 1);
    EXPECT_EQ(readFile(path), good);
  }
}

TEST_F(Cache, AnErrorIsNotKept) {
  DeviceKernelSpec bad = makeSpec("(segment = 8) + (segment = 9)");
  EXPECT_FALSE(cache->getCode("sm_80", bad).ok());
  EXPECT_STATUS(cache->getCode("sm_80", bad).status(),
                text(cache->getCode("sm_80", bad).status()));
  EXPECT_STATUS(cache->getCode("sm_75", makeSpec()).status(),
                "Unsupported: target must be sm_80, sm_86, sm_87, sm_89, sm_90 "
                "or sm_90a, but is 'sm_75'");
  EXPECT_TRUE(listFiles().empty());
}

const RegisterScenario compiling("compile", []() -> std::string {
  DeviceKernelCache cache;
  auto code = cache.getCode("sm_80", makeSpec());
  if (!code.ok())
    return text(code.status());
  return std::to_string(std::hash<std::string>()((*code)->ptx));
});

TEST_F(Cache, ProcessesShareAFolder) {
  std::set<std::string> outputs;
  for (const std::string &output : runProcesses("compile", 8))
    outputs.insert(output);
  EXPECT_EQ(outputs.size(), 1u) << *outputs.begin();
  // No temporary file is left.
  EXPECT_EQ(listFiles().size(), 1u);
  auto code = get(cache->getCode("sm_80", makeSpec()));
  EXPECT_EQ(cache->diskHits, 1);
  EXPECT_EQ(std::to_string(std::hash<std::string>()(code->ptx)),
            *outputs.begin());
}

} // namespace
