//===- module.cpp - The extension hilbert_attention._C --------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// hilbert-c for Python. Tensors come as DLPack capsules, or as objects that
// make one; they are borrowed, not consumed: the caller holds them through the
// call.
//
//===----------------------------------------------------------------------===//

#include "jax.h"

#include "hilbert-c/Attention.h"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace nb = nanobind;
using namespace nanobind::literals;
using std::to_string;

#ifndef HILBERT_XLA_FFI
nb::dict ffiHandlers() { return nb::dict(); }
#endif

namespace {

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

[[noreturn]] void raise(PyObject *type, const std::string &message) {
  PyErr_SetString(type, message.c_str());
  throw nb::python_error();
}

PyObject *getExceptionType(HilbertStatus status) {
  switch (status) {
  case HILBERT_INVALID_ARGUMENT:
    return PyExc_ValueError;
  case HILBERT_INVALID_TYPE:
    return PyExc_TypeError;
  case HILBERT_UNSUPPORTED:
    return PyExc_NotImplementedError;
  case HILBERT_OUT_OF_MEMORY:
    return PyExc_MemoryError;
  case HILBERT_OK:
  case HILBERT_COMPILE_FAILED:
  case HILBERT_INTERNAL_ERROR:
  case HILBERT_DRIVER_FAILED:
    break;
  }
  return PyExc_RuntimeError;
}

void check(HilbertStatus status) {
  if (status != HILBERT_OK)
    raise(getExceptionType(status), hilbertGetErrorMessage());
}

std::string getTypeName(nb::handle value) {
  return nb::type_name(value.type()).c_str();
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

using DType = nb::dlpack::dtype;
using DTypeCode = nb::dlpack::dtype_code;

/// DLPack's DLManagedTensorVersioned, major version 1. (The older
/// DLManagedTensor begins with its tensor.)
struct VersionedTensor {
  static constexpr uint64_t kReadOnly = 1;
  uint32_t major, minor;
  void *context;
  void (*deleter)(VersionedTensor *);
  uint64_t flags;
  nb::dlpack::dltensor tensor;
};

/// DLPack's DLPackExchangeAPI, major version 1: what a framework's type offers,
/// so that a tensor can be looked at without a capsule.
struct ExchangeAPI {
  uint32_t major, minor;
  ExchangeAPI *older;
  void *allocate, *exportManaged, *importManaged;
  /// 0, or -1 with a Python exception. May be null.
  int (*view)(void *object, nb::dlpack::dltensor *tensor);

  /// That of an object's type, or null.
  static const ExchangeAPI *of(nb::handle value) {
    nb::object capsule =
        nb::getattr(value.type(), "__dlpack_c_exchange_api__", nb::none());
    constexpr const char *kName = "dlpack_exchange_api";
    if (!PyCapsule_IsValid(capsule.ptr(), kName))
      return nullptr;
    auto *api = static_cast<const ExchangeAPI *>(
        PyCapsule_GetPointer(capsule.ptr(), kName));
    while (api && api->major != 1)
      api = api->older;
    return api && api->view ? api : nullptr;
  }
};

/// "bool", "uint8", "complex64".
std::string describe(DType type) {
  static constexpr const char *kNames[] = {
      "int", "uint", "float", "opaque", "bfloat", "complex", "bool"};
  if (type.code == uint8_t(DTypeCode::Bool))
    return "bool";
  if (type.code >= std::size(kNames))
    return "of DLPack type code " + to_string(type.code) + " with " +
           to_string(type.bits) + " bits";
  return kNames[type.code] + to_string(type.bits);
}

HilbertDType getDType(const char *name, DType type) {
  if (type.lanes != 1)
    raise(PyExc_TypeError, std::string(name) +
                               " must have 1 lane in an element, but has " +
                               to_string(type.lanes));
  switch (DTypeCode(type.code)) {
  case DTypeCode::Float:
    if (type.bits == 16)
      return HILBERT_F16;
    if (type.bits == 32)
      return HILBERT_F32;
    if (type.bits == 64)
      return HILBERT_F64;
    break;
  case DTypeCode::Bfloat:
    if (type.bits == 16)
      return HILBERT_BF16;
    break;
  case DTypeCode::Int:
    if (type.bits == 32)
      return HILBERT_I32;
    if (type.bits == 64)
      return HILBERT_I64;
    break;
  default:
    break;
  }
  raise(PyExc_TypeError, std::string(name) +
                             " must be float16, bfloat16, float32, float64, "
                             "int32 or int64, but is " +
                             describe(type));
}

HilbertTensor getTensor(const char *name, const nb::dlpack::dltensor &source) {
  if (source.device.device_type != HILBERT_CPU &&
      source.device.device_type != HILBERT_CUDA)
    raise(PyExc_TypeError,
          std::string(name) +
              " must be on the CPU or a CUDA device, but is on DLPack device " +
              to_string(source.device.device_type));
  if (source.ndim > HILBERT_MAX_RANK)
    raise(PyExc_TypeError, std::string(name) +
                               " must have at most 8 dimensions, but has " +
                               to_string(source.ndim));
  HilbertTensor tensor{};
  tensor.data = static_cast<char *>(source.data) + source.byte_offset;
  tensor.dtype = getDType(name, source.dtype);
  tensor.deviceType = source.device.device_type;
  tensor.deviceId = source.device.device_id;
  tensor.rank = source.ndim;
  int64_t rowMajor = 1;
  for (int32_t dim = source.ndim; dim-- > 0; rowMajor *= source.shape[dim]) {
    tensor.shape[dim] = source.shape[dim];
    tensor.strides[dim] = source.strides ? source.strides[dim] : rowMajor;
  }
  return tensor;
}

//===----------------------------------------------------------------------===//
// Orders
//===----------------------------------------------------------------------===//

/// A spec: (curve, rank, 3 extents, 3 tile sizes, length).
HilbertOrderSpec getSpec(const char *name, nb::handle value) {
  constexpr size_t kSize = 9;
  if (!nb::isinstance<nb::tuple>(value))
    raise(PyExc_TypeError, std::string(name) +
                               " must be a tuple of 9 integers, but is " +
                               getTypeName(value));
  auto numbers = nb::borrow<nb::tuple>(value);
  if (numbers.size() != kSize)
    raise(PyExc_ValueError, std::string(name) +
                                " must have 9 integers, but has " +
                                to_string(numbers.size()));
  int64_t n[kSize];
  for (size_t i = 0; i < kSize; ++i) {
    n[i] = PyLong_AsLongLong(numbers[i].ptr());
    if (n[i] == -1 && PyErr_Occurred()) {
      PyErr_Clear();
      raise(PyExc_TypeError, std::string(name) +
                                 " must hold 64-bit integers, but holds " +
                                 nb::repr(numbers[i]).c_str());
    }
  }
  if (n[0] < HILBERT_CURVE_RASTER || n[0] > HILBERT_CURVE_HILBERT)
    raise(PyExc_ValueError, std::string(name) +
                                " must have a curve from 0 to 3, but has " +
                                to_string(n[0]));
  if (n[1] < 0 || n[1] > 3)
    raise(PyExc_ValueError, std::string(name) +
                                " must have a rank from 0 to 3, but has " +
                                to_string(n[1]));
  return {HilbertCurve(n[0]),
          int32_t(n[1]),
          {n[2], n[3], n[4]},
          {n[5], n[6], n[7]},
          n[8]};
}

nb::tuple orderResolve(nb::handle value) {
  HilbertOrderSpec spec = getSpec("spec", value);
  check(hilbertOrderResolve(&spec, &spec));
  return nb::make_tuple(int(spec.curve), spec.rank, spec.extents[0],
                        spec.extents[1], spec.extents[2], spec.tile[0],
                        spec.tile[1], spec.tile[2], spec.length);
}

nb::ndarray<nb::numpy, int32_t, nb::ndim<1>> orderTable(nb::handle value,
                                                        bool inverse) {
  HilbertOrderSpec spec = getSpec("spec", value);
  std::unique_ptr<int32_t[]> copy;
  int64_t length = 0;
  HilbertStatus status;
  {
    nb::gil_scoped_release release;
    const int32_t *table = nullptr;
    status = hilbertOrderGetTable(&spec, &table, &length);
    if (status == HILBERT_OK) {
      copy.reset(new int32_t[length]);
      if (inverse)
        status = hilbertOrderInvert(table, length, copy.get());
      else
        std::copy_n(table, length, copy.get());
    }
  }
  check(status);
  int32_t *data = copy.release();
  nb::capsule owner(data, [](void *pointer) noexcept {
    delete[] static_cast<int32_t *>(pointer);
  });
  return {data, {size_t(length)}, owner};
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// Arguments as hilbert-c takes them; what it makes of them lives as long as
/// it.
class Borrowed {
public:
  HilbertTensor read(const char *name, nb::handle value) {
    return get(name, value, /*write=*/false);
  }
  HilbertTensor write(const char *name, nb::handle value) {
    return get(name, value, /*write=*/true);
  }
  /// None, a spec or a table.
  HilbertOrder order(const char *name, nb::handle value) {
    HilbertOrder order{};
    if (nb::isinstance<nb::tuple>(value)) {
      order.kind = HILBERT_ORDER_STATIC;
      order.spec = getSpec(name, value);
    } else if (!value.is_none()) {
      order.kind = HILBERT_ORDER_TABLE;
      order.table = read(name, value);
    }
    return order;
  }

private:
  HilbertTensor get(const char *name, nb::handle value, bool write) {
    if (value.is_none())
      raise(PyExc_TypeError,
            std::string(name) + " must be a tensor, but is None");
    nb::handle capsule = value;
    bool isCapsule = PyCapsule_CheckExact(value.ptr());
    if (const ExchangeAPI *api = isCapsule ? nullptr : ExchangeAPI::of(value)) {
      nb::dlpack::dltensor tensor;
      if (api->view(value.ptr(), &tensor)) {
        nb::python_error error;
        raiseFrom(error, name);
      }
      return getTensor(name, tensor);
    }
    if (!isCapsule)
      capsule = owners.emplace_back(exportTensor(name, value));
    if (PyCapsule_IsValid(capsule.ptr(), "dltensor"))
      return getTensor(name,
                       *static_cast<nb::dlpack::dltensor *>(
                           PyCapsule_GetPointer(capsule.ptr(), "dltensor")));
    if (!PyCapsule_IsValid(capsule.ptr(), "dltensor_versioned"))
      raise(PyExc_TypeError,
            std::string(name) +
                " must be a DLPack capsule that is unused, but "
                "its name is " +
                describeName(capsule));
    auto *versioned = static_cast<VersionedTensor *>(
        PyCapsule_GetPointer(capsule.ptr(), "dltensor_versioned"));
    if (versioned->major != 1)
      raise(PyExc_TypeError, std::string(name) +
                                 " must be of DLPack version 1, but is of " +
                                 to_string(versioned->major));
    if (write && (versioned->flags & VersionedTensor::kReadOnly))
      raise(PyExc_ValueError,
            std::string(name) + " must be writable, but is read-only");
    return getTensor(name, versioned->tensor);
  }

  static std::string describeName(nb::handle capsule) {
    const char *name = PyCapsule_GetName(capsule.ptr());
    return name ? "'" + std::string(name) + "'" : "empty";
  }

  [[noreturn]] static void raiseFrom(nb::python_error &error,
                                     const char *name) {
    nb::raise_from(error, PyExc_TypeError,
                   "%s cannot be handed over by DLPack: %s", name,
                   nb::str(error.value()).c_str());
    throw nb::python_error();
  }

  /// What value.__dlpack__() returns.
  static nb::object exportTensor(const char *name, nb::handle value) {
    nb::object method = nb::getattr(value, "__dlpack__", nb::none());
    if (method.is_none())
      raise(PyExc_TypeError,
            std::string(name) +
                " must be a tensor (a DLPack capsule or an object with "
                "__dlpack__), but is " +
                getTypeName(value));
    try {
      nb::object capsule = method("max_version"_a = nb::make_tuple(1, 0));
      if (PyCapsule_CheckExact(capsule.ptr()))
        return capsule;
      raise(PyExc_TypeError, "its __dlpack__ returns " + getTypeName(capsule));
    } catch (nb::python_error &error) {
      raiseFrom(error, name);
    }
  }

  std::vector<nb::object> owners;
};

/// None or text, which lives as long as the argument.
const char *getPattern(nb::handle value) {
  if (value.is_none())
    return nullptr;
  if (!nb::isinstance<nb::str>(value))
    raise(PyExc_TypeError,
          "pattern must be a str or None, but is " + getTypeName(value));
  Py_ssize_t size = 0;
  const char *text = PyUnicode_AsUTF8AndSize(value.ptr(), &size);
  if (!text)
    nb::raise_python_error();
  if (std::strlen(text) != size_t(size))
    raise(PyExc_ValueError, "pattern must have no NUL, but has one at " +
                                to_string(std::strlen(text)));
  return text;
}

void checkEnums(int causal, int layout) {
  if (causal < HILBERT_CAUSAL_NONE || causal > HILBERT_CAUSAL_POSITION)
    raise(PyExc_ValueError,
          "causal must be 0 (none), 1 (token) or 2 (position), but is " +
              to_string(causal));
  if (layout < HILBERT_BNHD || layout > HILBERT_BHND)
    raise(PyExc_ValueError,
          "layout must be 0 (bnhd) or 1 (bhnd), but is " + to_string(layout));
}

void *getPointer(uint64_t address) { return reinterpret_cast<void *>(address); }

/// What attention, its gradient and explain have in common; the forward writes
/// out and lse.
HilbertAttention getAttention(Borrowed &borrowed, bool isForward, nb::handle q,
                              nb::handle k, nb::handle v, nb::handle out,
                              nb::handle lse, nb::handle qOrder,
                              nb::handle kvOrder, nb::handle outOrder,
                              nb::handle pattern, int causal, int layout,
                              float scale, bool allowTf32) {
  checkEnums(causal, layout);
  auto getResult = [&](const char *name, nb::handle value) {
    return isForward ? borrowed.write(name, value) : borrowed.read(name, value);
  };
  HilbertAttention call{};
  call.structSize = sizeof(call);
  call.q = borrowed.read("q", q);
  call.k = borrowed.read("k", k);
  call.v = borrowed.read("v", v);
  call.out = getResult("out", out);
  call.lse = getResult("lse", lse);
  call.qOrder = borrowed.order("q_order", qOrder);
  call.kvOrder = borrowed.order("kv_order", kvOrder);
  call.outOrder = borrowed.order("out_order", outOrder);
  call.pattern = getPattern(pattern);
  call.causal = HilbertCausality(causal);
  call.layout = HilbertLayout(layout);
  call.scale = scale;
  call.allowTf32 = allowTf32;
  return call;
}

void attention(nb::handle q, nb::handle k, nb::handle v, nb::handle out,
               nb::handle lse, nb::handle qOrder, nb::handle kvOrder,
               nb::handle outOrder, nb::handle pattern, int causal, int layout,
               float scale, uint64_t stream, bool allowTf32) {
  Borrowed borrowed;
  HilbertAttention call = getAttention(
      borrowed, /*isForward=*/true, q, k, v, out, lse, qOrder, kvOrder,
      outOrder, pattern, causal, layout, scale, allowTf32);
  call.stream = getPointer(stream);
  HilbertStatus status;
  {
    nb::gil_scoped_release release;
    status = hilbertAttention(&call);
  }
  check(status);
}

void attentionGrad(nb::handle q, nb::handle k, nb::handle v, nb::handle out,
                   nb::handle lse, nb::handle dout, nb::handle dlse,
                   nb::handle dq, nb::handle dk, nb::handle dv,
                   nb::handle qOrder, nb::handle kvOrder, nb::handle outOrder,
                   nb::handle pattern, int causal, int layout, float scale,
                   uint64_t stream, bool allowTf32, uint64_t workspace,
                   size_t workspaceBytes) {
  Borrowed borrowed;
  HilbertAttentionGrad call{
      sizeof(HilbertAttentionGrad),
      getAttention(borrowed, /*isForward=*/false, q, k, v, out, lse, qOrder,
                   kvOrder, outOrder, pattern, causal, layout, scale,
                   allowTf32),
      borrowed.read("dout", dout),
      dlse.is_none() ? HilbertTensor{} : borrowed.read("dlse", dlse),
      borrowed.write("dq", dq),
      borrowed.write("dk", dk),
      borrowed.write("dv", dv)};
  call.forward.stream = getPointer(stream);
  call.forward.workspace = getPointer(workspace);
  call.forward.workspaceBytes = workspaceBytes;
  HilbertStatus status;
  {
    nb::gil_scoped_release release;
    status = hilbertAttentionGrad(&call);
  }
  check(status);
}

nb::str explain(nb::handle q, nb::handle k, nb::handle v, nb::handle out,
                nb::handle lse, nb::handle qOrder, nb::handle kvOrder,
                nb::handle outOrder, nb::handle pattern, int causal, int layout,
                float scale, bool gradient, bool allowTf32) {
  Borrowed borrowed;
  HilbertAttention a = getAttention(borrowed, /*isForward=*/false, q, k, v, out,
                                    lse, qOrder, kvOrder, outOrder, pattern,
                                    causal, layout, scale, allowTf32);
  // Of the gradient's tensors only shapes matter.
  HilbertAttentionGrad grad{sizeof(grad), a, a.out, {}, a.q, a.k, a.v};
  HilbertStatus status;
  const char *json = nullptr;
  {
    nb::gil_scoped_release release;
    status = hilbertAttentionExplain(&a, gradient ? &grad : nullptr, &json);
  }
  check(status);
  return nb::str(json);
}

nb::dict statistics() {
  HilbertStatistics counts{};
  hilbertGetStatistics(&counts);
  nb::dict result;
  result["compilations"] = counts.compilations;
  result["disk_hits"] = counts.diskHits;
  result["memory_hits"] = counts.memoryHits;
  return result;
}

} // namespace

NB_MODULE(_C, m) {
  m.doc() = "hilbert-c for Python: what hilbert_attention is built on.\n\n"
            "A tensor is a DLPack capsule or an object with __dlpack__; a spec "
            "is a tuple of\n9 integers: (curve, rank, e0, e1, e2, t0, t1, t2, "
            "length); an order is None\n(raster), a spec, or an int32 tensor "
            "[N] or [B, N].";
  m.def("version", &hilbertGetVersion, "The version of the library.");
  m.def("order_resolve", &orderResolve, "spec"_a,
        nb::sig("def order_resolve(spec: tuple[int, ...]) -> tuple[int, ...]"),
        "Checks a spec and returns it with its grid and length.");
  m.def("order_table", &orderTable, "spec"_a, "inverse"_a = false,
        nb::sig("def order_table(spec: tuple[int, ...], inverse: bool = False) "
                "-> numpy.ndarray"),
        "A new int32 array [N]: table[p] is the token at position p; "
        "inverse[token] = p.");
  // All take None, to name the argument where it is wrong.
  m.def("attention", &attention, "q"_a.none(), "k"_a.none(), "v"_a.none(),
        "out"_a.none(), "lse"_a.none(), "q_order"_a.none(), "kv_order"_a.none(),
        "out_order"_a.none(), "pattern"_a.none(), "causal"_a, "layout"_a,
        "scale"_a, "stream"_a = 0, "allow_tf32"_a = false,
        nb::sig("def attention(q: object, k: object, v: object, out: object, "
                "lse: object, q_order: object | None, kv_order: object | None, "
                "out_order: object | None, pattern: str | None, causal: int, "
                "layout: int, scale: float, stream: int = 0, "
                "allow_tf32: bool = False) -> None"),
        "Writes out and lse; as hilbertAttention of hilbert-c/Attention.h.");
  m.def("attention_grad", &attentionGrad, "q"_a.none(), "k"_a.none(),
        "v"_a.none(), "out"_a.none(), "lse"_a.none(), "dout"_a.none(),
        "dlse"_a.none(), "dq"_a.none(), "dk"_a.none(), "dv"_a.none(),
        "q_order"_a.none(), "kv_order"_a.none(), "out_order"_a.none(),
        "pattern"_a.none(), "causal"_a, "layout"_a, "scale"_a, "stream"_a = 0,
        "allow_tf32"_a = false, "workspace"_a = 0, "workspace_bytes"_a = 0,
        nb::sig("def attention_grad(q: object, k: object, v: object, "
                "out: object, lse: object, dout: object, dlse: object | None, "
                "dq: object, dk: object, dv: object, q_order: object | None, "
                "kv_order: object | None, out_order: object | None, "
                "pattern: str | None, causal: int, layout: int, scale: float, "
                "stream: int = 0, allow_tf32: bool = False, "
                "workspace: int = 0, workspace_bytes: int = 0) -> None"),
        "Writes dq, dk and dv; as hilbertAttentionGrad.");
  m.def("explain", &explain, "q"_a.none(), "k"_a.none(), "v"_a.none(),
        "out"_a.none(), "lse"_a.none(), "q_order"_a.none(), "kv_order"_a.none(),
        "out_order"_a.none(), "pattern"_a.none(), "causal"_a, "layout"_a,
        "scale"_a, "gradient"_a = false, "allow_tf32"_a = false,
        nb::sig("def explain(q: object, k: object, v: object, out: object, "
                "lse: object, q_order: object | None, kv_order: object | None, "
                "out_order: object | None, pattern: str | None, causal: int, "
                "layout: int, scale: float, gradient: bool = False, "
                "allow_tf32: bool = False) -> str"),
        "How a call runs, as JSON; as hilbertAttentionExplain.");
  m.def("statistics", &statistics,
        nb::sig("def statistics() -> dict[str, int]"),
        "How many kernels this process compiled, and found in the cache folder "
        "and in memory.");
  m.def("num_threads", &hilbertGetNumThreads,
        "How many threads kernels on the CPU use.");
  m.def("set_num_threads", &hilbertSetNumThreads, "n"_a,
        "n < 1 restores the default.");
  m.def("ffi_handlers", &ffiHandlers,
        nb::sig("def ffi_handlers() -> dict[str, dict[str, object]]"),
        "XLA FFI handlers for JAX by platform and name; none without XLA's "
        "headers.");
}
