//===- HostSignature.cpp - What compiled functions take -------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "hilbert/ExecutionEngine/HostSignature.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace hilbert;
using llvm::createStringError;

//===----------------------------------------------------------------------===//
// HostView
//===----------------------------------------------------------------------===//

HostView HostView::of(const NpyArray &array) {
  HostView view;
  view.data = const_cast<char *>(array.data.data());
  view.type = array.type;
  view.shape.assign(array.shape.begin(), array.shape.end());
  view.strides.resize(array.shape.size());
  int64_t stride = 1;
  for (int64_t d = array.shape.size() - 1; d >= 0; --d) {
    view.strides[d] = stride;
    stride *= array.shape[d];
  }
  return view;
}

bool HostView::isRowMajor() const {
  if (llvm::is_contained(shape, 0))
    return true;
  int64_t stride = 1;
  for (int64_t d = shape.size() - 1; d >= 0; --d) {
    if (shape[d] != 1 && strides[d] != stride)
      return false;
    stride *= shape[d];
  }
  return true;
}

int64_t HostView::numElements() const {
  int64_t elements = 1;
  for (int64_t size : shape)
    elements *= size;
  return elements;
}

//===----------------------------------------------------------------------===//
// HostType
//===----------------------------------------------------------------------===//

bool HostType::operator==(const HostType &other) const {
  return kind == other.kind && element == other.element &&
         isStrided == other.isStrided && shape == other.shape;
}

llvm::Error HostType::check(const Twine &what, const HostView &view) const {
  if (view.type != element)
    return createStringError(what + " must have elements of type " +
                             npyTypeName(element) + ", but the array has " +
                             npyTypeName(view.type));
  if (view.shape.size() != shape.size())
    return createStringError(what + " must have rank " + Twine(shape.size()) +
                             ", but the array has " + Twine(view.shape.size()));
  for (auto [dim, size] : llvm::enumerate(shape))
    if (size != kDynamic && view.shape[dim] != size)
      return createStringError(what + " must have size " + Twine(size) +
                               " in dimension " + Twine(dim) +
                               ", but the array has " + Twine(view.shape[dim]));
  if (!isStrided && !view.isRowMajor())
    return createStringError(what + " must be in row-major order");
  if (isStrided && !shape.empty() && view.shape.back() > 1 &&
      view.strides.back() != 1)
    return createStringError(what +
                             " must have an innermost stride of 1, but "
                             "the array has " +
                             Twine(view.strides.back()));
  return llvm::Error::success();
}

static std::optional<NpyType> getNpyType(Type type) {
  if (type.isF16())
    return NpyType::F16;
  if (type.isBF16())
    return NpyType::BF16;
  if (type.isF32())
    return NpyType::F32;
  if (type.isF64())
    return NpyType::F64;
  if (type.isInteger(32))
    return NpyType::I32;
  if (type.isInteger(64))
    return NpyType::I64;
  return std::nullopt;
}

/// A memref with the identity layout, or strided with a unit innermost stride
/// and no offset.
static bool isLayoutSupported(MemRefType type) {
  if (type.getLayout().isIdentity())
    return true;
  SmallVector<int64_t> strides;
  int64_t offset;
  return succeeded(type.getStridesAndOffset(strides, offset)) && offset == 0 &&
         type.getRank() > 0 && strides.back() == 1 &&
         llvm::all_of(ArrayRef(strides).drop_back(), ShapedType::isDynamic);
}

std::optional<HostType> HostType::of(Type type) {
  HostType host;
  Type element = type;
  if (auto tensor = dyn_cast<RankedTensorType>(type)) {
    host.kind = HostType::Tensor;
    element = tensor.getElementType();
  } else if (auto memref = dyn_cast<MemRefType>(type)) {
    if (!isLayoutSupported(memref))
      return std::nullopt;
    host.kind = HostType::Memref;
    host.isStrided = !memref.getLayout().isIdentity();
    element = memref.getElementType();
  } else {
    host.kind = HostType::Scalar;
  }
  if (auto shaped = dyn_cast<ShapedType>(type))
    for (int64_t size : shaped.getShape())
      host.shape.push_back(ShapedType::isDynamic(size) ? HostType::kDynamic
                                                       : size);
  std::optional<NpyType> npy = getNpyType(element);
  if (!npy)
    return std::nullopt;
  host.element = *npy;
  return host;
}

//===----------------------------------------------------------------------===//
// HostSignature
//===----------------------------------------------------------------------===//

llvm::Expected<HostSignature> HostSignature::of(FunctionOpInterface function) {
  HostSignature signature;
  signature.name = function.getName().str();
  auto append = [](StringRef what, ArrayRef<Type> types,
                   std::vector<HostType> &into) -> llvm::Error {
    for (auto [index, type] : llvm::enumerate(types)) {
      if (auto host = HostType::of(type)) {
        into.push_back(*host);
        continue;
      }
      std::string text;
      llvm::raw_string_ostream(text) << type;
      return createStringError(what + " " + Twine(index) +
                               " must be a scalar or tensor of f16, bf16, "
                               "f32, f64, i32 or i64, but is " +
                               text);
    }
    return llvm::Error::success();
  };
  if (llvm::Error error =
          append("argument", function.getArgumentTypes(), signature.arguments))
    return error;
  if (llvm::Error error =
          append("result", function.getResultTypes(), signature.results))
    return error;
  for (auto [index, type] : llvm::enumerate(signature.results))
    if (type.kind != HostType::Tensor)
      return createStringError("result " + Twine(index) + " must be a tensor");
  return signature;
}

llvm::Error HostSignature::check(ArrayRef<HostView> inputs) const {
  if (inputs.size() != arguments.size())
    return createStringError("'" + name + "' takes " + Twine(arguments.size()) +
                             " arguments, but got " + Twine(inputs.size()));
  for (auto [index, type] : llvm::enumerate(arguments))
    if (llvm::Error error =
            type.check("argument " + Twine(index), inputs[index]))
      return error;
  return llvm::Error::success();
}

llvm::Error HostSignature::check(ArrayRef<NpyArray> inputs) const {
  return check(llvm::map_to_vector(inputs, HostView::of));
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

static constexpr llvm::StringLiteral kKinds[] = {"scalar", "tensor", "memref"};

llvm::json::Value hilbert::toJSON(const HostType &type) {
  return llvm::json::Object{{"kind", kKinds[type.kind]},
                            {"element", npyTypeName(type.element)},
                            {"strided", type.isStrided},
                            {"shape", llvm::json::Array(type.shape)}};
}

llvm::json::Value hilbert::toJSON(const HostSignature &signature) {
  return llvm::json::Object{
      {"name", signature.name},
      {"arguments", llvm::json::Array(signature.arguments)},
      {"results", llvm::json::Array(signature.results)}};
}

bool hilbert::fromJSON(const llvm::json::Value &value, HostType &type,
                       llvm::json::Path path) {
  llvm::json::ObjectMapper map(value, path);
  std::string kind, element;
  std::vector<int64_t> shape;
  if (!map || !map.map("kind", kind) || !map.map("element", element) ||
      !map.map("strided", type.isStrided) || !map.map("shape", shape))
    return false;
  const auto *found = llvm::find(kKinds, kind);
  if (found == std::end(kKinds)) {
    path.field("kind").report("unknown kind");
    return false;
  }
  type.kind = static_cast<HostType::Kind>(found - std::begin(kKinds));
  type.shape.assign(shape.begin(), shape.end());
  for (NpyType npy : {NpyType::F16, NpyType::BF16, NpyType::F32, NpyType::F64,
                      NpyType::I32, NpyType::I64})
    if (npyTypeName(npy) == element) {
      type.element = npy;
      return true;
    }
  path.field("element").report("unknown element type");
  return false;
}

bool hilbert::fromJSON(const llvm::json::Value &value, HostSignature &signature,
                       llvm::json::Path path) {
  llvm::json::ObjectMapper map(value, path);
  return map && map.map("name", signature.name) &&
         map.map("arguments", signature.arguments) &&
         map.map("results", signature.results);
}
