//===- jax.cpp - Attention as XLA FFI handlers ----------------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What jitted JAX programs call. XLA decodes operands and attributes; here they
// become the structs of hilbert-c. Handlers run on XLA's threads, without the
// GIL.
//
//===----------------------------------------------------------------------===//

#include "jax.h"

#include "hilbert-c/Attention.h"
#include "xla/ffi/api/ffi.h"

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace nb = nanobind;
namespace ffi = xla::ffi;

namespace {

using Buffer = ffi::AnyBuffer;
using Output = ffi::Result<Buffer>;
using Scalar = ffi::BufferR0<ffi::F32>;

/// An order: nothing (raster), the index of a table among the remaining
/// operands, or the nine numbers of a spec.
using Order = ffi::Span<const int64_t>;

/// Thrown below, returned by the handlers.
using ffi::Error;

HilbertDType getDType(ffi::DataType type) {
  switch (type) {
  case ffi::F16:
    return HILBERT_F16;
  case ffi::BF16:
    return HILBERT_BF16;
  case ffi::F32:
    return HILBERT_F32;
  case ffi::S32:
    return HILBERT_I32;
  default:
    throw Error::InvalidArgument(
        "operands must be f16, bf16, f32 or s32, but one is XLA type " +
        std::to_string(int(type)));
  }
}

/// Where a call runs.
struct Place {
  HilbertDeviceType deviceType = HILBERT_CPU;
  int32_t ordinal = 0;
  void *stream = nullptr;
};

/// XLA hands over row-major buffers.
HilbertTensor getTensor(const Buffer &buffer, const Place &place) {
  auto shape = buffer.dimensions();
  if (shape.size() > HILBERT_MAX_RANK)
    throw Error::InvalidArgument("ranks must be at most 8, but one is " +
                                 std::to_string(shape.size()));
  HilbertTensor tensor{};
  tensor.data = buffer.untyped_data();
  tensor.dtype = getDType(buffer.element_type());
  tensor.deviceType = place.deviceType;
  tensor.deviceId = place.ordinal;
  tensor.rank = int32_t(shape.size());
  int64_t stride = 1;
  for (size_t dim = shape.size(); dim-- > 0; stride *= shape[dim]) {
    tensor.shape[dim] = shape[dim];
    tensor.strides[dim] = stride;
  }
  return tensor;
}

HilbertOrder getOrder(Order order, const ffi::RemainingArgs &tables,
                      const Place &place) {
  HilbertOrder result{};
  if (order.size() == 0) {
    result.kind = HILBERT_ORDER_RASTER;
  } else if (order.size() == 1) {
    auto table = tables.get<Buffer>(order[0]);
    if (!table)
      throw table.error();
    result.kind = HILBERT_ORDER_TABLE;
    result.table = getTensor(*table, place);
  } else if (order.size() == 9) {
    result.kind = HILBERT_ORDER_STATIC;
    result.spec = {HilbertCurve(order[0]),
                   int32_t(order[1]),
                   {order[2], order[3], order[4]},
                   {order[5], order[6], order[7]},
                   order[8]};
  } else {
    throw Error::InvalidArgument(
        "an order has 0, 1 or 9 numbers, but one has " +
        std::to_string(order.size()));
  }
  return result;
}

Error getError(HilbertStatus status) {
  switch (status) {
  case HILBERT_OK:
    return Error::Success();
  case HILBERT_INVALID_ARGUMENT:
  case HILBERT_INVALID_TYPE:
    return Error::InvalidArgument(hilbertGetErrorMessage());
  case HILBERT_UNSUPPORTED:
    return Error(ffi::ErrorCode::kUnimplemented, hilbertGetErrorMessage());
  case HILBERT_OUT_OF_MEMORY:
    return Error(ffi::ErrorCode::kResourceExhausted, hilbertGetErrorMessage());
  case HILBERT_COMPILE_FAILED:
  case HILBERT_INTERNAL_ERROR:
  case HILBERT_DRIVER_FAILED:
    break;
  }
  return Error::Internal(hilbertGetErrorMessage());
}

/// The attributes, which all handlers share.
struct Settings {
  Order qOrder, kvOrder, outOrder;
  std::string pattern;
  HilbertCausality causal;
  HilbertLayout layout;
  /// NaN: traced, so an operand only.
  float scale;
  bool allowTf32;

  Settings(Order qOrder, Order kvOrder, Order outOrder,
           std::string_view pattern, int32_t causal, int32_t layout,
           float scale, bool allowTf32)
      : qOrder(qOrder), kvOrder(kvOrder), outOrder(outOrder), pattern(pattern),
        causal(HilbertCausality(causal)), layout(HilbertLayout(layout)),
        scale(scale), allowTf32(allowTf32) {}
};

float getScale(Scalar operand, const Settings &settings, const Place &place) {
  if (place.deviceType == HILBERT_CPU)
    return *operand.typed_data();
  if (std::isnan(settings.scale))
    throw Error(ffi::ErrorCode::kUnimplemented,
                "on a GPU, scale must be a number when the program is traced: "
                "multiply q by it, and give scale=1");
  return settings.scale;
}

HilbertAttention getAttention(Buffer q, Buffer k, Buffer v, Buffer out,
                              Buffer lse, Scalar scale,
                              const ffi::RemainingArgs &tables,
                              const Settings &settings, const Place &place) {
  HilbertAttention attention{};
  attention.structSize = sizeof(attention);
  attention.q = getTensor(q, place);
  attention.k = getTensor(k, place);
  attention.v = getTensor(v, place);
  attention.out = getTensor(out, place);
  attention.lse = getTensor(lse, place);
  attention.qOrder = getOrder(settings.qOrder, tables, place);
  attention.kvOrder = getOrder(settings.kvOrder, tables, place);
  attention.outOrder = getOrder(settings.outOrder, tables, place);
  attention.pattern =
      settings.pattern.empty() ? nullptr : settings.pattern.c_str();
  attention.causal = settings.causal;
  attention.layout = settings.layout;
  attention.scale = getScale(scale, settings, place);
  attention.allowTf32 = settings.allowTf32;
  attention.stream = place.stream;
  return attention;
}

Error runAttention(const Place &place, Buffer q, Buffer k, Buffer v,
                   Scalar scale, ffi::RemainingArgs tables, Output out,
                   Output lse, const Settings &settings) {
  HilbertAttention attention =
      getAttention(q, k, v, *out, *lse, scale, tables, settings, place);
  return getError(hilbertAttention(&attention));
}

/// `scratch` is null on the host.
Error runAttentionGrad(const Place &place, ffi::ScratchAllocator *scratch,
                       Buffer q, Buffer k, Buffer v, Scalar scale, Buffer out,
                       Buffer lse, Buffer dout, Buffer dlse,
                       ffi::RemainingArgs tables, Output dq, Output dk,
                       Output dv, const Settings &settings) {
  HilbertAttentionGrad grad{};
  grad.structSize = sizeof(grad);
  grad.forward =
      getAttention(q, k, v, out, lse, scale, tables, settings, place);
  grad.dout = getTensor(dout, place);
  grad.dlse = getTensor(dlse, place);
  grad.dq = getTensor(*dq, place);
  grad.dk = getTensor(*dk, place);
  grad.dv = getTensor(*dv, place);
  if (scratch) {
    constexpr size_t kAlignment = 256;
    size_t bytes = 0;
    if (HilbertStatus status =
            hilbertAttentionGradGetWorkspaceBytes(&grad, &bytes))
      return getError(status);
    if (bytes) {
      // XLA gives no more alignment than 16.
      size_t space = bytes + kAlignment;
      std::optional<void *> workspace = scratch->Allocate(space);
      if (!workspace)
        return Error(ffi::ErrorCode::kResourceExhausted,
                     "no memory for a workspace of " + std::to_string(space) +
                         " bytes");
      grad.forward.workspace = std::align(kAlignment, bytes, *workspace, space);
      grad.forward.workspaceBytes = bytes;
    }
  }
  return getError(hilbertAttentionGrad(&grad));
}

template <typename Body> Error returnErrors(Body body) {
  try {
    return body();
  } catch (const Error &error) {
    return error;
  }
}

constexpr auto attentionOnHost = [](Buffer q, Buffer k, Buffer v, Scalar scale,
                                    ffi::RemainingArgs tables, Output out,
                                    Output lse, auto... attributes) {
  return returnErrors([&] {
    return runAttention(Place(), q, k, v, scale, tables, out, lse,
                        Settings(attributes...));
  });
};

constexpr auto attentionOnCuda = [](void *stream, int32_t ordinal, Buffer q,
                                    Buffer k, Buffer v, Scalar scale,
                                    ffi::RemainingArgs tables, Output out,
                                    Output lse, auto... attributes) {
  return returnErrors([&] {
    return runAttention({HILBERT_CUDA, ordinal, stream}, q, k, v, scale, tables,
                        out, lse, Settings(attributes...));
  });
};

constexpr auto attentionGradOnHost =
    [](Buffer q, Buffer k, Buffer v, Scalar scale, Buffer out, Buffer lse,
       Buffer dout, Buffer dlse, ffi::RemainingArgs tables, Output dq,
       Output dk, Output dv, auto... attributes) {
      return returnErrors([&] {
        return runAttentionGrad(Place(), nullptr, q, k, v, scale, out, lse,
                                dout, dlse, tables, dq, dk, dv,
                                Settings(attributes...));
      });
    };

constexpr auto attentionGradOnCuda =
    [](void *stream, int32_t ordinal, ffi::ScratchAllocator scratch, Buffer q,
       Buffer k, Buffer v, Scalar scale, Buffer out, Buffer lse, Buffer dout,
       Buffer dlse, ffi::RemainingArgs tables, Output dq, Output dk, Output dv,
       auto... attributes) {
      return returnErrors([&] {
        return runAttentionGrad({HILBERT_CUDA, ordinal, stream}, &scratch, q, k,
                                v, scale, out, lse, dout, dlse, tables, dq, dk,
                                dv, Settings(attributes...));
      });
    };

auto bindPlace() {
  return ffi::Ffi::Bind()
      .Ctx<ffi::PlatformStream<void *>>()
      .Ctx<ffi::DeviceOrdinal>();
}

template <typename Binding> auto bindAttributes(Binding binding) {
  return std::move(binding)
      .template Attr<Order>("q_order")
      .template Attr<Order>("kv_order")
      .template Attr<Order>("out_order")
      .template Attr<std::string_view>("pattern")
      .template Attr<int32_t>("causal")
      .template Attr<int32_t>("layout")
      .template Attr<float>("scale")
      .template Attr<bool>("allow_tf32");
}

template <typename Binding> auto bindAttention(Binding binding) {
  return bindAttributes(std::move(binding)
                            .template Arg<Buffer>() // q
                            .template Arg<Buffer>() // k
                            .template Arg<Buffer>() // v
                            .template Arg<Scalar>() // scale
                            .RemainingArgs()        // tables
                            .template Ret<Buffer>() // out
                            .template Ret<Buffer>() // lse
  );
}

template <typename Binding> auto bindAttentionGrad(Binding binding) {
  return bindAttributes(std::move(binding)
                            .template Arg<Buffer>() // q
                            .template Arg<Buffer>() // k
                            .template Arg<Buffer>() // v
                            .template Arg<Scalar>() // scale
                            .template Arg<Buffer>() // out
                            .template Arg<Buffer>() // lse
                            .template Arg<Buffer>() // dout
                            .template Arg<Buffer>() // dlse
                            .RemainingArgs()        // tables
                            .template Ret<Buffer>() // dq
                            .template Ret<Buffer>() // dk
                            .template Ret<Buffer>() // dv
  );
}

XLA_FFI_DEFINE_HANDLER(hostHandler, attentionOnHost,
                       bindAttention(ffi::Ffi::Bind()));
XLA_FFI_DEFINE_HANDLER(hostGradHandler, attentionGradOnHost,
                       bindAttentionGrad(ffi::Ffi::Bind()));
XLA_FFI_DEFINE_HANDLER(cudaHandler, attentionOnCuda,
                       bindAttention(bindPlace()));
XLA_FFI_DEFINE_HANDLER(
    cudaGradHandler, attentionGradOnCuda,
    bindAttentionGrad(bindPlace().Ctx<ffi::ScratchAllocator>()));

} // namespace

nb::dict ffiHandlers() {
  auto capsule = [](XLA_FFI_Handler *handler) {
    return nb::capsule(reinterpret_cast<void *>(handler));
  };
  nb::dict cpu, cuda, handlers;
  cpu["hilbert_attention"] = capsule(hostHandler);
  cpu["hilbert_attention_grad"] = capsule(hostGradHandler);
  cuda["hilbert_attention"] = capsule(cudaHandler);
  cuda["hilbert_attention_grad"] = capsule(cudaGradHandler);
  handlers["cpu"] = cpu;
  handlers["CUDA"] = cuda;
  return handlers;
}
