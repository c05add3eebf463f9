//===- Npy.cpp - NumPy's .npy files ---------------------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A file is: the magic string, the version (2 bytes), the header's length
// (little-endian, 2 bytes in version 1.0 and 4 after it), the header (a Python
// dict literal), the data. Nothing is allocated on the word of a header: the
// length of the file must agree first.
//
//===----------------------------------------------------------------------===//

#include "hilbert/Support/Npy.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InterleavedRange.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

#include <atomic>
#include <cstring>
#include <optional>

using namespace hilbert;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

namespace fs = llvm::sys::fs;

static_assert(llvm::endianness::native == llvm::endianness::little,
              "arrays are little-endian in memory");

static constexpr StringRef kMagic("\x93NUMPY", 6);
/// Ours are below 2 KiB, and so are NumPy's without structured types.
static constexpr uint64_t kMaxHeaderBytes = uint64_t(1) << 20;

//===----------------------------------------------------------------------===//
// Types and shapes
//===----------------------------------------------------------------------===//

StringRef hilbert::npyTypeName(NpyType type) {
  switch (type) {
  case NpyType::F16:
    return "f16";
  case NpyType::BF16:
    return "bf16";
  case NpyType::F32:
    return "f32";
  case NpyType::F64:
    return "f64";
  case NpyType::I32:
    return "i32";
  case NpyType::I64:
    return "i64";
  }
  llvm_unreachable("not an NpyType");
}

int64_t hilbert::npyTypeSize(NpyType type) {
  switch (type) {
  case NpyType::F16:
  case NpyType::BF16:
    return 2;
  case NpyType::F32:
  case NpyType::I32:
    return 4;
  case NpyType::F64:
  case NpyType::I64:
    return 8;
  }
  llvm_unreachable("not an NpyType");
}

/// NumPy's name of a type, without the byte order.
static StringRef typeCode(NpyType type) {
  switch (type) {
  case NpyType::F16:
    return "f2";
  case NpyType::BF16:
    return "V2";
  case NpyType::F32:
    return "f4";
  case NpyType::F64:
    return "f8";
  case NpyType::I32:
    return "i4";
  case NpyType::I64:
    return "i8";
  }
  llvm_unreachable("not an NpyType");
}

int64_t NpyArray::numElements() const {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}

/// The bytes of an array; nullopt if they overflow. As in NumPy the product
/// without the zeros must fit, too.
static std::optional<int64_t> numBytes(llvm::ArrayRef<int64_t> shape,
                                       NpyType type) {
  int64_t bytes = npyTypeSize(type);
  bool isEmpty = false;
  for (int64_t extent : shape) {
    if (extent == 0)
      isEmpty = true;
    else if (llvm::MulOverflow(bytes, extent, bytes))
      return std::nullopt;
  }
  return isEmpty ? 0 : bytes;
}

/// As Python writes a tuple.
static std::string formatShape(llvm::ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << '(' << llvm::interleaved(shape) << (shape.size() == 1 ? ",)" : ")");
  return text;
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

static Error failure(StringRef path, const Twine &message) {
  return llvm::createStringError(Twine(path) + ": " + message);
}

static Error failure(StringRef path, std::error_code code) {
  return llvm::createStringError(code, Twine(path) + ": " + code.message());
}

/// Quoted, printable, and short enough for a message.
static std::string quote(StringRef text) {
  constexpr size_t kLongest = 40;
  std::string result;
  llvm::raw_string_ostream os(result);
  os << '\'';
  llvm::printEscapedString(text.take_front(kLongest), os);
  os << (text.size() > kLongest ? "...'" : "'");
  return result;
}

//===----------------------------------------------------------------------===//
// The header
//===----------------------------------------------------------------------===//

namespace {

struct Header {
  NpyType type = NpyType::F32;
  bool fortranOrder = false;
  std::vector<int64_t> shape;
};

/// Of Python's literals, what a header may hold:
///   {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class HeaderParser {
public:
  HeaderParser(StringRef path, StringRef text) : path(path), rest(text) {}

  Expected<Header> parse();

private:
  void skipSpace() { rest = rest.ltrim(" \t\r\n\f\v"); }
  /// Skips space and the token, if it comes next.
  bool consume(StringRef token) {
    skipSpace();
    return rest.consume_front(token);
  }
  Error expected(const Twine &what) {
    return failure(path, what + ", got " +
                             (rest.empty() ? "the end of the header"
                                           : quote(rest.rtrim())));
  }
  /// A string literal; nullopt if there is none.
  std::optional<StringRef> string();
  Error parseDescr();
  Error parseFortranOrder();
  Error parseShape();

  StringRef path;
  StringRef rest;
  Header header;
};

} // namespace

std::optional<StringRef> HeaderParser::string() {
  skipSpace();
  if (!rest.starts_with("'") && !rest.starts_with("\""))
    return std::nullopt;
  size_t end = rest.find(rest.front(), 1);
  if (end == StringRef::npos)
    return std::nullopt;
  StringRef value = rest.slice(1, end);
  rest = rest.drop_front(end + 1);
  return value;
}

Error HeaderParser::parseDescr() {
  std::optional<StringRef> descr = string();
  if (!descr)
    return expected("'descr' must be a string, for structured types are not "
                    "supported");
  if (*descr == "bfloat16") {
    header.type = NpyType::BF16;
    return Error::success();
  }
  StringRef code = *descr;
  if (code.starts_with(">"))
    return failure(path, "'descr' must be little-endian, got " + quote(*descr));
  if (!code.empty() && StringRef("<|=").contains(code.front()))
    code = code.drop_front();
  if (code == "O")
    return failure(path, "'descr' must be a numeric type, for arrays of Python "
                         "objects are not supported, got " +
                             quote(*descr));
  for (NpyType type : {NpyType::F16, NpyType::BF16, NpyType::F32, NpyType::F64,
                       NpyType::I32, NpyType::I64})
    if (code == typeCode(type)) {
      header.type = type;
      return Error::success();
    }
  return failure(path, "'descr' must be '<f2', '<V2' (bf16), '<f4', '<f8', "
                       "'<i4' or '<i8', got " +
                           quote(*descr));
}

Error HeaderParser::parseFortranOrder() {
  header.fortranOrder = consume("True");
  if (header.fortranOrder || consume("False"))
    return Error::success();
  return expected("'fortran_order' must be True or False");
}

Error HeaderParser::parseShape() {
  if (!consume("("))
    return expected("'shape' must be a tuple of integers");
  bool hasComma = true;
  while (!consume(")")) {
    if (!hasComma)
      return expected("extents of 'shape' must be separated by ','");
    int64_t dim = header.shape.size();
    if (dim == kMaxNpyRank)
      return failure(path, "'shape' must have at most " + Twine(kMaxNpyRank) +
                               " dimensions, got more");
    size_t digits = rest.starts_with("-") ? 1 : 0;
    while (digits < rest.size() && llvm::isDigit(rest[digits]))
      ++digits;
    StringRef number = rest.take_front(digits);
    if (number.empty() || number == "-")
      return expected("dimension " + Twine(dim) +
                      " of 'shape' must be an "
                      "integer");
    if (number.starts_with("-"))
      return failure(path, "dimension " + Twine(dim) +
                               " of 'shape' must be at least 0, got " +
                               number.take_front(40));
    int64_t extent;
    if (number.getAsInteger(10, extent))
      return failure(path, "dimension " + Twine(dim) +
                               " of 'shape' must be less than 2^63, got " +
                               number.take_front(40));
    rest = rest.drop_front(digits);
    // Python 2 wrote long integers so.
    rest.consume_front("L");
    header.shape.push_back(extent);
    hasComma = consume(",");
  }
  if (header.shape.size() == 1 && !hasComma)
    return failure(path, "'shape' must be a tuple of integers, got '(" +
                             Twine(header.shape.front()) + ")'");
  return Error::success();
}

Expected<Header> HeaderParser::parse() {
  using Member = Error (HeaderParser::*)();
  struct Key {
    StringRef name;
    Member parse;
    bool seen;
  } keys[] = {{"descr", &HeaderParser::parseDescr, false},
              {"fortran_order", &HeaderParser::parseFortranOrder, false},
              {"shape", &HeaderParser::parseShape, false}};

  if (!consume("{"))
    return expected("the header must be a dict");
  bool hasComma = true;
  while (!consume("}")) {
    if (!hasComma)
      return expected("entries of the header must be separated by ','");
    std::optional<StringRef> name = string();
    if (!name)
      return expected("keys of the header must be strings");
    Key *key =
        llvm::find_if(keys, [&](const Key &key) { return key.name == *name; });
    if (key == std::end(keys))
      return failure(path, "keys of the header must be 'descr', "
                           "'fortran_order' and 'shape', got " +
                               quote(*name));
    if (key->seen)
      return failure(path, "keys of the header must be unique, got " +
                               quote(*name) + " twice");
    key->seen = true;
    if (!consume(":"))
      return expected("key '" + key->name + "' must be followed by ':'");
    if (Error error = (this->*key->parse)())
      return error;
    hasComma = consume(",");
  }
  skipSpace();
  if (!rest.empty())
    return expected("the header must end after its dict");
  for (const Key &key : keys)
    if (!key.seen)
      return failure(path, "the header must have the keys 'descr', "
                           "'fortran_order' and 'shape', got none named '" +
                               key.name + "'");
  return header;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// Reads exactly `size` bytes at `offset`.
static Error readExactly(StringRef path, fs::file_t file, uint64_t offset,
                         char *data, uint64_t size) {
  while (size) {
    Expected<size_t> count = fs::readNativeFileSlice(
        file, llvm::MutableArrayRef<char>(data, size), offset);
    if (!count)
      return failure(path, llvm::toString(count.takeError()));
    // Only if the file shrinks while it is read.
    if (*count == 0)
      return failure(path, "the file must not change while it is read, got " +
                               Twine(size) + " bytes less");
    data += *count;
    offset += *count;
    size -= *count;
  }
  return Error::success();
}

/// Fortran order is the C order of the reversed shape.
static std::vector<char> toCOrder(const std::vector<char> &data,
                                  llvm::ArrayRef<int64_t> shape,
                                  int64_t elementSize) {
  std::vector<char> result(data.size());
  size_t rank = shape.size();
  // Of the source, in bytes.
  std::vector<int64_t> strides(rank);
  int64_t stride = elementSize;
  for (size_t dim = 0; dim < rank; ++dim) {
    strides[dim] = stride;
    stride *= shape[dim];
  }
  std::vector<int64_t> index(rank, 0);
  const char *source = data.data();
  for (size_t at = 0; at < data.size(); at += elementSize) {
    std::memcpy(result.data() + at, source, elementSize);
    for (size_t dim = rank; dim-- > 0;) {
      source += strides[dim];
      if (++index[dim] < shape[dim])
        break;
      source -= strides[dim] * shape[dim];
      index[dim] = 0;
    }
  }
  return result;
}

Expected<NpyArray> hilbert::readNpy(StringRef path) {
  fs::file_status status;
  // Before opening: to open a pipe may block.
  if (std::error_code code = fs::status(path, status))
    return failure(path, code);
  if (!fs::is_regular_file(status))
    return failure(path, Twine("the input must be a regular file, got ") +
                             (fs::is_directory(status) ? "a directory"
                                                       : "a special file"));
  Expected<fs::file_t> opened = fs::openNativeFileForRead(path);
  if (!opened)
    return failure(path, llvm::toString(opened.takeError()));
  fs::file_t file = *opened;
  llvm::scope_exit close([&] { (void)fs::closeFile(file); });
  if (std::error_code code = fs::status(file, status))
    return failure(path, code);
  const uint64_t fileBytes = status.getSize();

  // The magic string, the version and the header's length.
  char prefix[12];
  uint64_t available = std::min<uint64_t>(fileBytes, sizeof(prefix));
  if (Error error = readExactly(path, file, 0, prefix, available))
    return error;
  StringRef begin(prefix, available);
  if (!begin.starts_with(kMagic))
    return failure(path, "the file must begin with '\\93NUMPY', got " +
                             quote(begin.take_front(kMagic.size())));
  if (available < 10)
    return failure(path, "the file must have at least 10 bytes, got " +
                             Twine(fileBytes));
  unsigned major = uint8_t(prefix[6]), minor = uint8_t(prefix[7]);
  if (major < 1 || major > 3 || minor != 0)
    return failure(path, "the format version must be 1.0, 2.0 or 3.0, got " +
                             Twine(major) + "." + Twine(minor));
  const uint64_t prefixBytes = major == 1 ? 10 : 12;
  if (fileBytes < prefixBytes)
    return failure(path, "the file must have at least " + Twine(prefixBytes) +
                             " bytes, got " + Twine(fileBytes));
  const uint64_t headerBytes =
      major == 1 ? llvm::support::endian::read16le(prefix + 8)
                 : llvm::support::endian::read32le(prefix + 8);
  if (headerBytes > fileBytes - prefixBytes)
    return failure(path, "the header must have " + Twine(headerBytes) +
                             " bytes, got " + Twine(fileBytes - prefixBytes));
  if (headerBytes > kMaxHeaderBytes)
    return failure(path, "the header must have at most " +
                             Twine(kMaxHeaderBytes) + " bytes, got " +
                             Twine(headerBytes));

  std::string text(headerBytes, '\0');
  if (Error error =
          readExactly(path, file, prefixBytes, text.data(), headerBytes))
    return error;
  Expected<Header> header = HeaderParser(path, text).parse();
  if (!header)
    return header.takeError();

  std::optional<int64_t> bytes = numBytes(header->shape, header->type);
  if (!bytes)
    return failure(path, "the data must have less than 2^63 bytes, got shape " +
                             formatShape(header->shape) + " of " +
                             npyTypeName(header->type));
  const uint64_t dataOffset = prefixBytes + headerBytes;
  const uint64_t dataBytes = fileBytes - dataOffset;
  if (uint64_t(*bytes) != dataBytes)
    return failure(path, "the data must have " + Twine(*bytes) +
                             " bytes for shape " + formatShape(header->shape) +
                             " of " + npyTypeName(header->type) + ", got " +
                             Twine(dataBytes));

  NpyArray array;
  array.type = header->type;
  array.shape = std::move(header->shape);
  array.data.resize(dataBytes);
  if (Error error =
          readExactly(path, file, dataOffset, array.data.data(), dataBytes))
    return error;
  if (header->fortranOrder && array.shape.size() > 1)
    array.data = toCOrder(array.data, array.shape, npyTypeSize(array.type));
  return array;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

static std::string formatHeader(const NpyArray &array) {
  std::string dict =
      ("{'descr': '<" + typeCode(array.type) +
       "', 'fortran_order': False, 'shape': " + formatShape(array.shape) +
       ", }")
          .str();
  // Spaces and a newline, so that the data is aligned to 64 bytes.
  constexpr size_t kPrefixBytes = 10;
  size_t total = llvm::alignTo(kPrefixBytes + dict.size() + 1, 64);
  dict.resize(total - kPrefixBytes - 1, ' ');
  dict += '\n';
  // 64 extents of 19 digits are far below the 65535 bytes of version 1.0.
  std::string header = (kMagic + StringRef("\x01\x00", 2)).str();
  header += char(dict.size() & 0xff);
  header += char(dict.size() >> 8);
  return header + dict;
}

Error hilbert::writeNpy(StringRef path, const NpyArray &array) {
  if (array.shape.size() > size_t(kMaxNpyRank))
    return failure(path, "the shape must have at most " + Twine(kMaxNpyRank) +
                             " dimensions, got " + Twine(array.shape.size()));
  for (int64_t extent : array.shape)
    if (extent < 0)
      return failure(path, "extents must be at least 0, got shape " +
                               formatShape(array.shape));
  std::optional<int64_t> bytes = numBytes(array.shape, array.type);
  if (!bytes)
    return failure(path, "the data must have less than 2^63 bytes, got shape " +
                             formatShape(array.shape) + " of " +
                             npyTypeName(array.type));
  if (uint64_t(*bytes) != array.data.size())
    return failure(path, "the data must have " + Twine(*bytes) +
                             " bytes for shape " + formatShape(array.shape) +
                             " of " + npyTypeName(array.type) + ", got " +
                             Twine(array.data.size()));

  // The file itself is replaced, not a link to it, and never a device.
  llvm::SmallString<256> target(path);
  fs::file_status status;
  if (!fs::status(path, status)) {
    if (!fs::is_regular_file(status))
      return failure(path, Twine("the output must be a regular file, got ") +
                               (fs::is_directory(status) ? "a directory"
                                                         : "a special file"));
    if (std::error_code code = fs::real_path(path, target))
      return failure(path, code);
  }

  // In the same directory, for rename does not cross file systems. Not
  // fs::TempFile, which installs signal handlers.
  static std::atomic<unsigned> counter{0};
  int descriptor = -1;
  std::string temporary;
  std::error_code code;
  do {
    temporary =
        (Twine(target) + ".tmp-" + Twine(llvm::sys::Process::getProcessId()) +
         "-" + Twine(counter++))
            .str();
    code = fs::openFileForWrite(temporary, descriptor, fs::CD_CreateNew);
  } while (code == std::errc::file_exists);
  if (code)
    return failure(path, code);
  llvm::scope_exit remove([&] { (void)fs::remove(temporary); });

  {
    llvm::raw_fd_ostream os(descriptor, /*shouldClose=*/true,
                            /*unbuffered=*/true);
    os << formatHeader(array);
    os.write(array.data.data(), array.data.size());
    os.close();
    code = os.error();
    // An error that is not cleared ends the process.
    os.clear_error();
  }
  if (code)
    return failure(path, code);
  if (std::error_code renamed = fs::rename(temporary, target))
    return failure(path, renamed);
  remove.release();
  return Error::success();
}
