//===- NpyTest.cpp - Tests of .npy files ----------------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/Support/Npy.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include "gtest/gtest.h"

#include <cstring>
#include <random>
#include <sys/stat.h>
#include <unistd.h>

using namespace hilbert;
using llvm::StringRef;

namespace fs = llvm::sys::fs;

namespace {

/// A directory of its own for each test.
struct Npy : testing::Test {
  void SetUp() override {
    ASSERT_FALSE(fs::createUniqueDirectory("hilbert-npy", directory));
  }
  void TearDown() override { fs::remove_directories(directory); }

  std::string path(StringRef name) {
    llvm::SmallString<128> result(directory);
    llvm::sys::path::append(result, name);
    return std::string(result);
  }
  std::string write(StringRef bytes, StringRef name = "a.npy") {
    std::error_code code;
    llvm::raw_fd_ostream os(path(name), code);
    EXPECT_FALSE(code);
    os << bytes;
    return path(name);
  }
  int countFiles() {
    int count = 0;
    std::error_code code;
    for (fs::directory_iterator it(directory, code), end; it != end && !code;
         it.increment(code))
      ++count;
    return count;
  }
  /// The message of reading these bytes, without "<path>: "; "" for success.
  std::string readError(StringRef bytes) { return errorOf(write(bytes)); }
  std::string errorOf(const std::string &file) {
    llvm::Expected<NpyArray> array = readNpy(file);
    if (array)
      return "";
    std::string message = llvm::toString(array.takeError());
    StringRef rest = message;
    EXPECT_TRUE(rest.consume_front(file + ": ")) << message;
    return rest.str();
  }
  std::string writeError(const NpyArray &array) {
    std::string file = path("out.npy");
    std::string message = llvm::toString(writeNpy(file, array));
    StringRef rest = message;
    EXPECT_TRUE(message.empty() || rest.consume_front(file + ": ")) << message;
    return rest.str();
  }

  llvm::SmallString<128> directory;
};

std::string contents(const std::string &file) {
  auto buffer = llvm::MemoryBuffer::getFile(file);
  return buffer ? (*buffer)->getBuffer().str() : "unreadable";
}

template <typename T>
NpyArray makeArray(NpyType type, std::vector<int64_t> shape,
                   const std::vector<T> &values) {
  NpyArray array{type, std::move(shape), {}};
  array.data.resize(values.size() * sizeof(T));
  // memcpy takes no null pointer.
  if (!values.empty())
    std::memcpy(array.data.data(), values.data(), array.data.size());
  return array;
}

template <typename T> std::vector<T> valuesOf(const NpyArray &array) {
  std::vector<T> values(array.data.size() / sizeof(T));
  if (!values.empty())
    std::memcpy(values.data(), array.data.data(), array.data.size());
  return values;
}

std::string file(StringRef header, size_t dataBytes = 0, int major = 1) {
  std::string bytes("\x93NUMPY", 6);
  bytes += char(major);
  bytes += char(0);
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i)
    bytes += char(header.size() >> (8 * i) & 0xff);
  return bytes + header.str() + std::string(dataBytes, '\0');
}

/// A header with one part of one's choice.
std::string withDescr(StringRef descr) {
  return file(
      ("{'descr': " + descr + ", 'fortran_order': False, 'shape': (2,), }\n")
          .str(),
      8);
}
std::string withOrder(StringRef order) {
  return file(
      ("{'descr': '<f4', 'fortran_order': " + order + ", 'shape': (2,), }\n")
          .str(),
      8);
}
std::string withShape(StringRef shape, size_t dataBytes = 0) {
  return file(
      ("{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }\n")
          .str(),
      dataBytes);
}

//===----------------------------------------------------------------------===//
// Round trips
//===----------------------------------------------------------------------===//

TEST_F(Npy, RoundTrip) {
  for (NpyType type : {NpyType::F16, NpyType::BF16, NpyType::F32, NpyType::F64,
                       NpyType::I32, NpyType::I64})
    for (std::vector<int64_t> shape :
         std::vector<std::vector<int64_t>>{{},
                                           {1},
                                           {7},
                                           {0},
                                           {2, 3},
                                           {4, 0, 5},
                                           {1, 2, 3, 4},
                                           std::vector<int64_t>(64, 1)}) {
      NpyArray array{type, shape, {}};
      array.data.resize(array.numElements() * npyTypeSize(type));
      for (size_t i = 0; i < array.data.size(); ++i)
        array.data[i] = char(i * 37 + 11);
      std::string name = path("round.npy");
      ASSERT_EQ(llvm::toString(writeNpy(name, array)), "");
      llvm::Expected<NpyArray> read = readNpy(name);
      ASSERT_TRUE(bool(read)) << llvm::toString(read.takeError());
      EXPECT_EQ(read->type, type);
      EXPECT_EQ(read->shape, shape);
      EXPECT_EQ(read->data, array.data);
      // The data begins at a multiple of 64.
      EXPECT_EQ((contents(name).size() - array.data.size()) % 64, 0u);
    }
}

TEST_F(Npy, NumElements) {
  EXPECT_EQ(NpyArray().numElements(), 1);
  EXPECT_EQ((NpyArray{NpyType::F32, {2, 3, 4}, {}}).numElements(), 24);
  EXPECT_EQ((NpyArray{NpyType::F32, {2, 0}, {}}).numElements(), 0);
}

TEST_F(Npy, TypeNames) {
  EXPECT_EQ(npyTypeName(NpyType::BF16), "bf16");
  EXPECT_EQ(npyTypeSize(NpyType::BF16), 2);
  EXPECT_EQ(npyTypeName(NpyType::I64), "i64");
  EXPECT_EQ(npyTypeSize(NpyType::I64), 8);
}

//===----------------------------------------------------------------------===//
// NumPy's own files
//===----------------------------------------------------------------------===//

// Written by NumPy 2.4 and ml_dtypes 0.6.

// clang-format off
const unsigned char kFloat32[] = {
    0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 0x01, 0x00, 0x76, 0x00, 0x7b, 0x27,
    0x64, 0x65, 0x73, 0x63, 0x72, 0x27, 0x3a, 0x20, 0x27, 0x3c, 0x66, 0x34,
    0x27, 0x2c, 0x20, 0x27, 0x66, 0x6f, 0x72, 0x74, 0x72, 0x61, 0x6e, 0x5f,
    0x6f, 0x72, 0x64, 0x65, 0x72, 0x27, 0x3a, 0x20, 0x46, 0x61, 0x6c, 0x73,
    0x65, 0x2c, 0x20, 0x27, 0x73, 0x68, 0x61, 0x70, 0x65, 0x27, 0x3a, 0x20,
    0x28, 0x32, 0x2c, 0x20, 0x33, 0x29, 0x2c, 0x20, 0x7d, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x0a, 0x00, 0x00, 0xc0, 0x3f,
    0x00, 0x00, 0x00, 0xc0, 0x00, 0x00, 0x40, 0x40, 0x00, 0x00, 0x80, 0x40,
    0x00, 0x00, 0xa0, 0x40, 0xca, 0xf2, 0x49, 0x71};
const unsigned char kFortranInt32[] = {
    0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 0x01, 0x00, 0x76, 0x00, 0x7b, 0x27,
    0x64, 0x65, 0x73, 0x63, 0x72, 0x27, 0x3a, 0x20, 0x27, 0x3c, 0x69, 0x34,
    0x27, 0x2c, 0x20, 0x27, 0x66, 0x6f, 0x72, 0x74, 0x72, 0x61, 0x6e, 0x5f,
    0x6f, 0x72, 0x64, 0x65, 0x72, 0x27, 0x3a, 0x20, 0x54, 0x72, 0x75, 0x65,
    0x2c, 0x20, 0x27, 0x73, 0x68, 0x61, 0x70, 0x65, 0x27, 0x3a, 0x20, 0x28,
    0x31, 0x2c, 0x20, 0x32, 0x2c, 0x20, 0x33, 0x29, 0x2c, 0x20, 0x7d, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x0a, 0x00, 0x00, 0x00, 0x00,
    0x03, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00,
    0x02, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00};
const unsigned char kBFloat16Version2[] = {
    0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 0x02, 0x00, 0x74, 0x00, 0x00, 0x00,
    0x7b, 0x27, 0x64, 0x65, 0x73, 0x63, 0x72, 0x27, 0x3a, 0x20, 0x27, 0x3c,
    0x56, 0x32, 0x27, 0x2c, 0x20, 0x27, 0x66, 0x6f, 0x72, 0x74, 0x72, 0x61,
    0x6e, 0x5f, 0x6f, 0x72, 0x64, 0x65, 0x72, 0x27, 0x3a, 0x20, 0x46, 0x61,
    0x6c, 0x73, 0x65, 0x2c, 0x20, 0x27, 0x73, 0x68, 0x61, 0x70, 0x65, 0x27,
    0x3a, 0x20, 0x28, 0x33, 0x2c, 0x29, 0x2c, 0x20, 0x7d, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x0a, 0x80, 0x3f, 0x00, 0xbf,
    0x40, 0x40};
const unsigned char kScalarFloat64Version3[] = {
    0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 0x03, 0x00, 0x74, 0x00, 0x00, 0x00,
    0x7b, 0x27, 0x64, 0x65, 0x73, 0x63, 0x72, 0x27, 0x3a, 0x20, 0x27, 0x3c,
    0x66, 0x38, 0x27, 0x2c, 0x20, 0x27, 0x66, 0x6f, 0x72, 0x74, 0x72, 0x61,
    0x6e, 0x5f, 0x6f, 0x72, 0x64, 0x65, 0x72, 0x27, 0x3a, 0x20, 0x46, 0x61,
    0x6c, 0x73, 0x65, 0x2c, 0x20, 0x27, 0x73, 0x68, 0x61, 0x70, 0x65, 0x27,
    0x3a, 0x20, 0x28, 0x29, 0x2c, 0x20, 0x7d, 0x20, 0x20, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x0a, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x04, 0x40};
const unsigned char kEmptyInt64[] = {
    0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 0x01, 0x00, 0x76, 0x00, 0x7b, 0x27,
    0x64, 0x65, 0x73, 0x63, 0x72, 0x27, 0x3a, 0x20, 0x27, 0x3c, 0x69, 0x38,
    0x27, 0x2c, 0x20, 0x27, 0x66, 0x6f, 0x72, 0x74, 0x72, 0x61, 0x6e, 0x5f,
    0x6f, 0x72, 0x64, 0x65, 0x72, 0x27, 0x3a, 0x20, 0x46, 0x61, 0x6c, 0x73,
    0x65, 0x2c, 0x20, 0x27, 0x73, 0x68, 0x61, 0x70, 0x65, 0x27, 0x3a, 0x20,
    0x28, 0x30, 0x2c, 0x20, 0x33, 0x29, 0x2c, 0x20, 0x7d, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x0a};
const unsigned char kFloat16[] = {
    0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 0x01, 0x00, 0x76, 0x00, 0x7b, 0x27,
    0x64, 0x65, 0x73, 0x63, 0x72, 0x27, 0x3a, 0x20, 0x27, 0x3c, 0x66, 0x32,
    0x27, 0x2c, 0x20, 0x27, 0x66, 0x6f, 0x72, 0x74, 0x72, 0x61, 0x6e, 0x5f,
    0x6f, 0x72, 0x64, 0x65, 0x72, 0x27, 0x3a, 0x20, 0x46, 0x61, 0x6c, 0x73,
    0x65, 0x2c, 0x20, 0x27, 0x73, 0x68, 0x61, 0x70, 0x65, 0x27, 0x3a, 0x20,
    0x28, 0x32, 0x2c, 0x29, 0x2c, 0x20, 0x7d, 0x20, 0x20, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
    0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x0a, 0x00, 0x3c, 0x00, 0x40};
// clang-format on

template <size_t N> StringRef bytesOf(const unsigned char (&bytes)[N]) {
  return StringRef(reinterpret_cast<const char *>(bytes), N);
}

struct NumPy : Npy {
  NpyArray read(StringRef bytes) {
    llvm::Expected<NpyArray> array = readNpy(write(bytes));
    if (array)
      return *array;
    ADD_FAILURE() << llvm::toString(array.takeError());
    return {};
  }
};

using Shape = std::vector<int64_t>;

TEST_F(NumPy, Float32) {
  NpyArray array = read(bytesOf(kFloat32));
  EXPECT_EQ(array.type, NpyType::F32);
  EXPECT_EQ(array.shape, Shape({2, 3}));
  EXPECT_EQ(valuesOf<float>(array),
            std::vector<float>({1.5f, -2, 3, 4, 5, 1e30f}));
}

TEST_F(NumPy, FortranOrderIsConverted) {
  NpyArray array = read(bytesOf(kFortranInt32));
  EXPECT_EQ(array.type, NpyType::I32);
  EXPECT_EQ(array.shape, Shape({1, 2, 3}));
  EXPECT_EQ(valuesOf<int32_t>(array), std::vector<int32_t>({0, 1, 2, 3, 4, 5}));
}

TEST_F(NumPy, BFloat16InVersion2) {
  NpyArray array = read(bytesOf(kBFloat16Version2));
  EXPECT_EQ(array.type, NpyType::BF16);
  EXPECT_EQ(array.shape, Shape({3}));
  EXPECT_EQ(valuesOf<uint16_t>(array),
            std::vector<uint16_t>({0x3f80, 0xbf00, 0x4040}));
}

TEST_F(NumPy, ScalarInVersion3) {
  NpyArray array = read(bytesOf(kScalarFloat64Version3));
  EXPECT_EQ(array.type, NpyType::F64);
  EXPECT_EQ(array.shape, Shape());
  EXPECT_EQ(valuesOf<double>(array), std::vector<double>({2.5}));
}

TEST_F(NumPy, Empty) {
  NpyArray array = read(bytesOf(kEmptyInt64));
  EXPECT_EQ(array.type, NpyType::I64);
  EXPECT_EQ(array.shape, Shape({0, 3}));
  EXPECT_TRUE(array.data.empty());
}

TEST_F(NumPy, Float16) {
  NpyArray array = read(bytesOf(kFloat16));
  EXPECT_EQ(array.type, NpyType::F16);
  EXPECT_EQ(valuesOf<uint16_t>(array), std::vector<uint16_t>({0x3c00, 0x4000}));
}

TEST_F(NumPy, WeWriteTheSameBytes) {
  std::string name = path("same.npy");
  ASSERT_FALSE(writeNpy(name, read(bytesOf(kFloat32))));
  EXPECT_EQ(contents(name), bytesOf(kFloat32));
  ASSERT_FALSE(writeNpy(name, read(bytesOf(kEmptyInt64))));
  EXPECT_EQ(contents(name), bytesOf(kEmptyInt64));
}

//===----------------------------------------------------------------------===//
// Other spellings
//===----------------------------------------------------------------------===//

TEST_F(Npy, OtherSpellings) {
  for (StringRef descr : {"'<f4'", "'=f4'", "'|f4'", "'f4'", "\"<f4\""})
    EXPECT_EQ(readError(withDescr(descr)), "") << descr.str();
  for (StringRef descr : {"'<V2'", "'|V2'", "'bfloat16'"}) {
    llvm::Expected<NpyArray> array = readNpy(write(
        file(("{'descr': " + descr + ", 'fortran_order': False, 'shape': (4,)}")
                 .str(),
             8)));
    ASSERT_TRUE(bool(array)) << llvm::toString(array.takeError());
    EXPECT_EQ(array->type, NpyType::BF16);
  }
  // Any order of the keys and any space; long integers of Python 2.
  EXPECT_EQ(readError(file("{ 'shape' :( 2L ,1 ) ,'fortran_order':True,\n"
                           "'descr':'<i4'}",
                           8)),
            "");
}

TEST_F(Npy, FortranOrder) {
  // [2, 3, 2] with the value 100 i + 10 j + k at (i, j, k).
  std::vector<int32_t> fortran, c;
  for (int k = 0; k < 2; ++k)
    for (int j = 0; j < 3; ++j)
      for (int i = 0; i < 2; ++i)
        fortran.push_back(100 * i + 10 * j + k);
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 2; ++k)
        c.push_back(100 * i + 10 * j + k);
  std::string bytes =
      file("{'descr': '<i4', 'fortran_order': True, 'shape': (2, 3, 2), }");
  bytes.append(reinterpret_cast<char *>(fortran.data()), fortran.size() * 4);
  llvm::Expected<NpyArray> array = readNpy(write(bytes));
  ASSERT_TRUE(bool(array)) << llvm::toString(array.takeError());
  EXPECT_EQ(valuesOf<int32_t>(*array), c);

  EXPECT_EQ(readError(file("{'descr': '<i4', 'fortran_order': True, 'shape': "
                           "(2, 0, 2), }")),
            "");
}

//===----------------------------------------------------------------------===//
// Malformed files
//===----------------------------------------------------------------------===//

TEST_F(Npy, Malformed) {
  const StringRef good =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n";
  const std::string types =
      "'descr' must be '<f2', '<V2' (bf16), '<f4', '<f8', '<i4' or '<i8', got ";
  const std::string keys =
      "keys of the header must be 'descr', 'fortran_order' and 'shape', got ";
  const std::string missing = "the header must have the keys 'descr', "
                              "'fortran_order' and 'shape', got none named ";
  struct {
    std::string bytes, message;
  } table[] = {
      // The prefix.
      {"", "the file must begin with '\\93NUMPY', got ''"},
      {"\x93NUM", "the file must begin with '\\93NUMPY', got '\\93NUM'"},
      {"PK\x03\x04 a zip archive",
       "the file must begin with '\\93NUMPY', got 'PK\\03\\04 a'"},
      {"\x93NUMPY", "the file must have at least 10 bytes, got 6"},
      {file(good, 8).substr(0, 9),
       "the file must have at least 10 bytes, got 9"},
      {file(good, 8, 2).substr(0, 11),
       "the file must have at least 12 bytes, got 11"},
      {file(good, 8, 4), "the format version must be 1.0, 2.0 or 3.0, got 4.0"},
      {file(good, 8, 0), "the format version must be 1.0, 2.0 or 3.0, got 0.0"},
      {file(good, 8).substr(0, 40), "the header must have 58 bytes, got 30"},
      {std::string("\x93NUMPY\x02\x00\xff\xff\xff\xff{}", 14),
       "the header must have 4294967295 bytes, got 2"},
      {file(std::string((1 << 20) + 1, ' '), 0, 3),
       "the header must have at most 1048576 bytes, got 1048577"},
      // The dict.
      {file(""), "the header must be a dict, got the end of the header"},
      {file("[1, 2]\n"), "the header must be a dict, got '[1, 2]'"},
      {file("{"),
       "keys of the header must be strings, got the end of the header"},
      {file("{1: 2}"), "keys of the header must be strings, got '1: 2}'"},
      {file("{'descr"), "keys of the header must be strings, got ''descr'"},
      {file("{'descr'}"), "key 'descr' must be followed by ':', got '}'"},
      {file("{'descr': '<f4' 'shape': ()}"),
       "entries of the header must be separated by ',', got ''shape': ()}'"},
      {file((good + "x").str(), 8),
       "the header must end after its dict, got 'x'"},
      {file("{}"), missing + "'descr'"},
      {file("{'descr': '<f4', 'shape': (2,), }", 8),
       missing + "'fortran_order'"},
      {file("{'descr': '<f4', 'fortran_order': False}", 8),
       missing + "'shape'"},
      {file("{'descr': '<f4', 'order': 'C'}", 8), keys + "'order'"},
      {file("{'descr': '<f4', 'descr': '<f4'}", 8),
       "keys of the header must be unique, got 'descr' twice"},
      // descr.
      {withDescr("'>f4'"), "'descr' must be little-endian, got '>f4'"},
      {withDescr("'|u1'"), types + "'|u1'"},
      {withDescr("'<c8'"), types + "'<c8'"},
      {withDescr("'<f4 '"), types + "'<f4 '"},
      {withDescr("'<V4'"), types + "'<V4'"},
      {withDescr("'<'"), types + "'<'"},
      {withDescr("''"), types + "''"},
      {withDescr("'|O'"), "'descr' must be a numeric type, for arrays of "
                          "Python objects are not supported, got '|O'"},
      {withDescr("[('x', '<f4')]"),
       "'descr' must be a string, for structured types are not supported, got "
       "'[('x', '<f4')], 'fortran_order': False, ...'"},
      // fortran_order.
      {withOrder("1"), "'fortran_order' must be True or False, got '1, "
                       "'shape': (2,), }'"},
      // shape.
      {withShape("3"), "'shape' must be a tuple of integers, got '3, }'"},
      {withShape("[2]"), "'shape' must be a tuple of integers, got '[2], }'"},
      {withShape("(2)"), "'shape' must be a tuple of integers, got '(2)'"},
      {withShape("(2 3)"),
       "extents of 'shape' must be separated by ',', got '3), }'"},
      {withShape("(,)"),
       "dimension 0 of 'shape' must be an integer, got ',), }'"},
      {withShape("(2, 1.5)"),
       "extents of 'shape' must be separated by ',', got '.5), }'"},
      {withShape("(2, 'x')"),
       "dimension 1 of 'shape' must be an integer, got ''x'), }'"},
      {withShape("(-)"),
       "dimension 0 of 'shape' must be an integer, got '-), }'"},
      {withShape("(4, -3)"),
       "dimension 1 of 'shape' must be at least 0, got -3"},
      {withShape("(9223372036854775808,)"),
       "dimension 0 of 'shape' must be less than 2^63, got "
       "9223372036854775808"},
      {withShape("(" + std::string(1000, '9') + ",)"),
       "dimension 0 of 'shape' must be less than 2^63, got " +
           std::string(40, '9')},
      {withShape("(2"), "dimension 1 of 'shape' must be an integer, got '}'"},
      {file("{'shape': (2,"),
       "dimension 1 of 'shape' must be an integer, got the end of the header"},
      {withShape("(" +
                 [] {
                   std::string ones;
                   for (int i = 0; i < 65; ++i)
                     ones += "1,";
                   return ones;
                 }() +
                 ")"),
       "'shape' must have at most 64 dimensions, got more"},
      // The data.
      {withShape("(4294967296, 4294967296)"),
       "the data must have less than 2^63 bytes, got shape (4294967296, "
       "4294967296) of f32"},
      {withShape("(2305843009213693952,)"),
       "the data must have less than 2^63 bytes, got shape "
       "(2305843009213693952,) of f32"},
      {withShape("(0, 4294967296, 4294967296)"),
       "the data must have less than 2^63 bytes, got shape (0, 4294967296, "
       "4294967296) of f32"},
      {withShape("(1000000000000,)", 100),
       "the data must have 4000000000000 bytes for shape (1000000000000,) of "
       "f32, got 100"},
      {withShape("(2, 3)", 23),
       "the data must have 24 bytes for shape (2, 3) of f32, got 23"},
      {withShape("(2, 3)", 25),
       "the data must have 24 bytes for shape (2, 3) of f32, got 25"},
      {withShape("()", 0),
       "the data must have 4 bytes for shape () of f32, got 0"},
      {withShape("(0,)", 4),
       "the data must have 0 bytes for shape (0,) of f32, got 4"},
  };
  for (auto &entry : table)
    EXPECT_EQ(readError(entry.bytes), entry.message);
}

TEST_F(Npy, NotARegularFile) {
  EXPECT_EQ(errorOf(path("absent.npy")), "No such file or directory");
  EXPECT_EQ(errorOf(std::string(directory)),
            "the input must be a regular file, got a directory");
  EXPECT_EQ(errorOf("/dev/zero"),
            "the input must be a regular file, got a special file");
  ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(errorOf(path("fifo")),
            "the input must be a regular file, got a special file");
}

// Every prefix and several thousand damaged headers: an error or an array
// that is consistent, never a crash.
TEST_F(Npy, Mutations) {
  const std::string seeds[] = {
      bytesOf(kFloat32).str(), bytesOf(kFortranInt32).str(),
      bytesOf(kBFloat16Version2).str(), bytesOf(kScalarFloat64Version3).str()};
  int accepted = 0;
  auto check = [&](StringRef bytes) {
    llvm::Expected<NpyArray> array = readNpy(write(bytes));
    if (!array) {
      EXPECT_NE(llvm::toString(array.takeError()), "");
      return;
    }
    ++accepted;
    EXPECT_EQ(array->data.size(),
              size_t(array->numElements() * npyTypeSize(array->type)));
  };
  for (const std::string &seed : seeds)
    for (size_t length = 0; length <= seed.size(); ++length)
      check(StringRef(seed).take_front(length));
  EXPECT_EQ(accepted, 4);

  const StringRef alphabet = "'\"{}()[],:-+0123456789LTF<>|=V \n\\\0\xff";
  std::mt19937 random(2024);
  auto below = [&](size_t bound) { return size_t(random() % bound); };
  for (int round = 0; round < 4000; ++round) {
    std::string bytes = seeds[below(4)];
    // Mostly in the dict, which the padding follows.
    size_t end = bytes.find('}') + 2;
    for (size_t edits = 1 + below(3); edits > 0; --edits) {
      size_t at = below(end);
      switch (below(5)) {
      case 0:
        bytes[at] = char(random());
        break;
      case 1:
        bytes[at] = alphabet[below(alphabet.size())];
        break;
      case 2:
        bytes.insert(at, 1, alphabet[below(alphabet.size())]);
        break;
      case 3:
        bytes.erase(at, 1);
        break;
      case 4:
        bytes.insert(at, bytes.substr(below(end), below(12)));
        break;
      }
    }
    check(bytes);
  }
  // Some edits do no harm.
  EXPECT_GT(accepted, 4);
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

TEST_F(Npy, WriteRejectsInconsistentArrays) {
  EXPECT_EQ(writeError({NpyType::F32, {2, 3}, std::vector<char>(23)}),
            "the data must have 24 bytes for shape (2, 3) of f32, got 23");
  EXPECT_EQ(writeError({NpyType::F32, {-1}, {}}),
            "extents must be at least 0, got shape (-1,)");
  EXPECT_EQ(
      writeError({NpyType::I64, {int64_t(1) << 32, int64_t(1) << 32}, {}}),
      "the data must have less than 2^63 bytes, got shape (4294967296, "
      "4294967296) of i64");
  EXPECT_EQ(writeError({NpyType::F16, Shape(65, 1), std::vector<char>(2)}),
            "the shape must have at most 64 dimensions, got 65");
  EXPECT_EQ(countFiles(), 0);
}

TEST_F(Npy, WriteIsAtomic) {
  NpyArray array = makeArray<float>(NpyType::F32, {2}, {1, 2});
  std::string name = path("a.npy");
  ASSERT_FALSE(writeNpy(name, array));
  // A reader that has the old file open keeps it.
  uint64_t before, after;
  struct stat status;
  ASSERT_EQ(stat(name.c_str(), &status), 0);
  before = status.st_ino;
  ASSERT_FALSE(writeNpy(name, array));
  ASSERT_EQ(stat(name.c_str(), &status), 0);
  after = status.st_ino;
  EXPECT_NE(before, after);
  // Nothing else is left behind.
  EXPECT_EQ(countFiles(), 1);
}

TEST_F(Npy, WriteFollowsLinks) {
  NpyArray array = makeArray<float>(NpyType::F32, {2}, {1, 2});
  std::string name = path("a.npy"), link = path("link.npy");
  write("old");
  ASSERT_EQ(symlink(name.c_str(), link.c_str()), 0);
  ASSERT_FALSE(writeNpy(link, array));
  EXPECT_TRUE(fs::is_symlink_file(link));
  EXPECT_EQ(errorOf(name), "");
}

TEST_F(Npy, WriteFailures) {
  NpyArray array = makeArray<float>(NpyType::F32, {2}, {1, 2});
  auto error = [&](const std::string &name) {
    return llvm::toString(writeNpy(name, array));
  };
  std::string absent = path("absent/a.npy");
  EXPECT_EQ(error(absent), absent + ": No such file or directory");
  EXPECT_EQ(error("/dev/null"),
            "/dev/null: the output must be a regular file, got a special file");
  EXPECT_EQ(error(std::string(directory)),
            std::string(directory) +
                ": the output must be a regular file, got a directory");
  EXPECT_EQ(countFiles(), 0);
}

} // namespace
