//===- ABITest.cpp - Our declarations beside cuda.h -----------------------===//
//
// Part of the hilbert project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Ours first: cuda.h renames functions by macros.
#include "hilbert-runtime/Cuda/Driver.h"

#include <cuda.h>
#include <gtest/gtest.h>
#include <type_traits>

namespace ours = hilbert::rt::cuda;

namespace {

//===----------------------------------------------------------------------===//
// Signatures
//===----------------------------------------------------------------------===//

/// What the calling convention sees of a type.
template <size_t Bytes> struct Integer {};
struct Nothing {};
struct Opaque {};
template <typename Pointee> struct Pointer {};

template <typename T> constexpr auto seen() {
  if constexpr (std::is_void_v<T>)
    return Nothing();
  else if constexpr (std::is_pointer_v<T>)
    return Pointer<
        decltype(seen<std::remove_cv_t<std::remove_pointer_t<T>>>())>();
  else if constexpr (std::is_class_v<T>)
    return Opaque();
  else if constexpr (std::is_floating_point_v<T>)
    return T();
  else
    return Integer<sizeof(T)>();
}

template <typename> struct Signature;
template <typename R, typename... Ps> struct Signature<R (*)(Ps...)> {
  using Type = void (*)(decltype(seen<R>()), decltype(seen<Ps>())...);
};

template <typename A, typename B>
constexpr bool haveSameABI =
    std::is_same_v<typename Signature<A>::Type, typename Signature<B>::Type>;

static_assert(!haveSameABI<int (*)(int), int (*)(long)>);
static_assert(!haveSameABI<int (*)(int *), int (*)(int)>);
static_assert(!haveSameABI<int (*)(void **), int (*)(void *)>);
static_assert(!haveSameABI<int (*)(int), int (*)(int, int)>);

} // namespace

#define HILBERT_CUDA_SYMBOL(name, ...)                                         \
  static_assert(                                                               \
      haveSameABI<ours::CUresult (*)(__VA_ARGS__), decltype(&::name)>);
namespace hilbert::rt::cuda {
#include "hilbert-runtime/Cuda/Symbols.def"
} // namespace hilbert::rt::cuda

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

#define SAME(name)                                                             \
  static_assert(unsigned(ours::name) == unsigned(::name), #name)

SAME(CUDA_SUCCESS);
SAME(CUDA_ERROR_INVALID_VALUE);
SAME(CUDA_ERROR_OUT_OF_MEMORY);
SAME(CUDA_ERROR_NOT_INITIALIZED);
SAME(CUDA_ERROR_NO_DEVICE);
SAME(CUDA_ERROR_INVALID_DEVICE);
SAME(CUDA_ERROR_INVALID_CONTEXT);
SAME(CUDA_ERROR_NO_BINARY_FOR_GPU);
SAME(CUDA_ERROR_INVALID_PTX);
SAME(CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
SAME(CUDA_ERROR_INVALID_HANDLE);
SAME(CUDA_ERROR_NOT_FOUND);
SAME(CUDA_ERROR_NOT_SUPPORTED);
SAME(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
SAME(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
SAME(CUDA_ERROR_UNKNOWN);

SAME(CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK);
SAME(CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X);
SAME(CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y);
SAME(CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z);
SAME(CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X);
SAME(CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y);
SAME(CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z);
SAME(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
SAME(CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE);
SAME(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
SAME(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
SAME(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
SAME(CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED);

SAME(CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK);
SAME(CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES);
SAME(CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES);
SAME(CU_FUNC_ATTRIBUTE_NUM_REGS);
SAME(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);

SAME(CU_POINTER_ATTRIBUTE_MEMORY_TYPE);
SAME(CU_POINTER_ATTRIBUTE_IS_MANAGED);
SAME(CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL);
SAME(CU_MEMORYTYPE_HOST);
SAME(CU_MEMORYTYPE_DEVICE);

SAME(CU_JIT_INFO_LOG_BUFFER);
SAME(CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES);
SAME(CU_JIT_ERROR_LOG_BUFFER);
SAME(CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES);
SAME(CU_JIT_LOG_VERBOSE);

SAME(CU_STREAM_NON_BLOCKING);
SAME(CU_EVENT_DEFAULT);
SAME(CU_STREAM_CAPTURE_MODE_GLOBAL);
SAME(CU_STREAM_CAPTURE_MODE_RELAXED);
SAME(CU_STREAM_CAPTURE_STATUS_NONE);
SAME(CU_STREAM_CAPTURE_STATUS_ACTIVE);
SAME(CU_STREAM_CAPTURE_STATUS_INVALIDATED);

static_assert(sizeof(ours::CUresult) == sizeof(::CUresult));
static_assert(sizeof(ours::CUdeviceptr) == sizeof(::CUdeviceptr));
static_assert(sizeof(ours::CUdevice) == sizeof(::CUdevice));

TEST(CudaABI, PerThreadStream) {
  EXPECT_EQ(reinterpret_cast<size_t>(ours::perThreadStream()),
            reinterpret_cast<size_t>(CU_STREAM_PER_THREAD));
}

TEST(CudaABI, HeaderIsNotOlderThanTheOldestDriver) {
  EXPECT_GE(CUDA_VERSION, ours::kMinDriverVersion);
}
