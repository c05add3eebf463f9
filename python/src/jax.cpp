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

/// XLA hands over row-major buffers.
HilbertTensor getTensor(const Buffer &buffer) {
  auto shape = buffer.dimensions();
  if (shape.size() > HILBERT_MAX_RANK)
    throw Error::InvalidArgument("ranks must be at most 8, but one is " +
                                 std::to_string(shape.size()));
  HilbertTensor tensor{};
  tensor.data = buffer.untyped_data();
  tensor.dtype = getDType(buffer.element_type());
  tensor.deviceType = HILBERT_CPU;
  tensor.rank = int32_t(shape.size());
  int64_t stride = 1;
  for (size_t dim = shape.size(); dim-- > 0; stride *= shape[dim]) {
    tensor.shape[dim] = shape[dim];
    tensor.strides[dim] = stride;
  }
  return tensor;
}

HilbertOrder getOrder(Order order, const ffi::RemainingArgs &tables) {
  HilbertOrder result{};
  if (order.size() == 0) {
    result.kind = HILBERT_ORDER_RASTER;
  } else if (order.size() == 1) {
    auto table = tables.get<Buffer>(order[0]);
    if (!table)
      throw table.error();
    result.kind = HILBERT_ORDER_TABLE;
    result.table = getTensor(*table);
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
    break;
  }
  return Error::Internal(hilbertGetErrorMessage());
}

HilbertAttention getAttention(Buffer q, Buffer k, Buffer v, Buffer out,
                              Buffer lse, Scalar scale,
                              const ffi::RemainingArgs &tables, Order qOrder,
                              Order kvOrder, Order outOrder,
                              const std::string &pattern, int32_t causal,
                              int32_t layout) {
  HilbertAttention attention{};
  attention.structSize = sizeof(attention);
  attention.q = getTensor(q);
  attention.k = getTensor(k);
  attention.v = getTensor(v);
  attention.out = getTensor(out);
  attention.lse = getTensor(lse);
  attention.qOrder = getOrder(qOrder, tables);
  attention.kvOrder = getOrder(kvOrder, tables);
  attention.outOrder = getOrder(outOrder, tables);
  attention.pattern = pattern.empty() ? nullptr : pattern.c_str();
  attention.causal = HilbertCausality(causal);
  attention.layout = HilbertLayout(layout);
  attention.scale = *scale.typed_data();
  return attention;
}

Error runAttention(Buffer q, Buffer k, Buffer v, Scalar scale,
                   ffi::RemainingArgs tables, Output out, Output lse,
                   Order qOrder, Order kvOrder, Order outOrder,
                   std::string_view pattern, int32_t causal, int32_t layout) {
  try {
    std::string text(pattern);
    HilbertAttention attention =
        getAttention(q, k, v, *out, *lse, scale, tables, qOrder, kvOrder,
                     outOrder, text, causal, layout);
    return getError(hilbertAttention(&attention));
  } catch (const Error &error) {
    return error;
  }
}

Error runAttentionGrad(Buffer q, Buffer k, Buffer v, Scalar scale, Buffer out,
                       Buffer lse, Buffer dout, Buffer dlse,
                       ffi::RemainingArgs tables, Output dq, Output dk,
                       Output dv, Order qOrder, Order kvOrder, Order outOrder,
                       std::string_view pattern, int32_t causal,
                       int32_t layout) {
  try {
    std::string text(pattern);
    HilbertAttentionGrad grad{};
    grad.structSize = sizeof(grad);
    grad.forward = getAttention(q, k, v, out, lse, scale, tables, qOrder,
                                kvOrder, outOrder, text, causal, layout);
    grad.dout = getTensor(dout);
    grad.dlse = getTensor(dlse);
    grad.dq = getTensor(*dq);
    grad.dk = getTensor(*dk);
    grad.dv = getTensor(*dv);
    return getError(hilbertAttentionGrad(&grad));
  } catch (const Error &error) {
    return error;
  }
}

/// The attributes, which both handlers share.
template <typename Binding> auto bindAttributes(Binding binding) {
  return std::move(binding)
      .template Attr<Order>("q_order")
      .template Attr<Order>("kv_order")
      .template Attr<Order>("out_order")
      .template Attr<std::string_view>("pattern")
      .template Attr<int32_t>("causal")
      .template Attr<int32_t>("layout");
}

XLA_FFI_DEFINE_HANDLER(attentionHandler, runAttention,
                       bindAttributes(ffi::Ffi::Bind()
                                          .Arg<Buffer>()   // q
                                          .Arg<Buffer>()   // k
                                          .Arg<Buffer>()   // v
                                          .Arg<Scalar>()   // scale
                                          .RemainingArgs() // tables
                                          .Ret<Buffer>()   // out
                                          .Ret<Buffer>()   // lse
                                      ));

XLA_FFI_DEFINE_HANDLER(attentionGradHandler, runAttentionGrad,
                       bindAttributes(ffi::Ffi::Bind()
                                          .Arg<Buffer>()   // q
                                          .Arg<Buffer>()   // k
                                          .Arg<Buffer>()   // v
                                          .Arg<Scalar>()   // scale
                                          .Arg<Buffer>()   // out
                                          .Arg<Buffer>()   // lse
                                          .Arg<Buffer>()   // dout
                                          .Arg<Buffer>()   // dlse
                                          .RemainingArgs() // tables
                                          .Ret<Buffer>()   // dq
                                          .Ret<Buffer>()   // dk
                                          .Ret<Buffer>()   // dv
                                      ));

} // namespace

nb::dict ffiHandlers() {
  nb::dict handlers;
  handlers["hilbert_attention"] =
      nb::capsule(reinterpret_cast<void *>(attentionHandler));
  handlers["hilbert_attention_grad"] =
      nb::capsule(reinterpret_cast<void *>(attentionGradHandler));
  return handlers;
}
