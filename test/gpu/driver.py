# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Launching artefacts by what their manifests say: the CUDA driver and torch, nothing of ours."""

import ctypes
import json
import pathlib

import torch

_cuda = ctypes.CDLL("libcuda.so.1")
_TYPES = {"pointer": ctypes.c_uint64, "i32": ctypes.c_int32, "i64": ctypes.c_int64, "f32": ctypes.c_float}
_MAX_DYNAMIC_SHARED_BYTES = 8  # CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES


def _check(status, call):
    if status:
        text = ctypes.c_char_p()
        _cuda.cuGetErrorName(status, ctypes.byref(text))
        raise RuntimeError(f"{call} failed with {text.value.decode() if text.value else status}")


def ceil_div(a, b):
    return -(-a // b)


class Artefact:
    """The kernels of a .ptx or .cubin file, by role."""

    def __init__(self, code, manifest):
        torch.cuda.current_stream()  # Makes the primary context current.
        torch.zeros(1, device="cuda")
        manifest = json.loads(pathlib.Path(manifest).read_text())
        assert manifest["schema"] == 1
        self.kernels = {kernel["role"]: kernel for kernel in manifest["kernels"]}
        self._module = ctypes.c_void_p()
        data = pathlib.Path(code).read_bytes() + b"\0"
        _check(_cuda.cuModuleLoadData(ctypes.byref(self._module), data), "cuModuleLoadData")
        self._functions = {}
        for role, kernel in self.kernels.items():
            function = ctypes.c_void_p()
            name = kernel["name"].encode()
            _check(_cuda.cuModuleGetFunction(ctypes.byref(function), self._module, name), "cuModuleGetFunction")
            status = _cuda.cuFuncSetAttribute(function, _MAX_DYNAMIC_SHARED_BYTES, kernel["shared_bytes"])
            _check(status, "cuFuncSetAttribute")
            self._functions[role] = function

    def __del__(self):
        if self._module:
            _cuda.cuModuleUnload(self._module)

    def plan(self, role, values):
        """A launch of the kernel: values by argument name. Returns a function."""
        kernel = self.kernels[role]
        grid = kernel["grid"]
        tokens, heads = (
            (values["queries"], values["query_heads"])
            if grid["rows"] == "queries"
            else (values["keys"], values["key_heads"])
        )
        segment = grid["segment"] or tokens
        tiles = ceil_div(ceil_div(min(segment, tokens), grid["classes"]), grid["tile"])
        blocks = tiles * grid["classes"] * ceil_div(tokens, segment) * heads * values["batch"]
        arguments = [_TYPES[a["type"]](values[a["name"]]) for a in kernel["arguments"]]
        pointers = (ctypes.c_void_p * len(arguments))(*[ctypes.addressof(a) for a in arguments])
        function, threads, shared = self._functions[role], kernel["threads"], kernel["shared_bytes"]

        def launch(keep=(arguments, pointers)):
            stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
            status = _cuda.cuLaunchKernel(function, blocks, 1, 1, threads, 1, 1, shared, stream, pointers, None)
            _check(status, f"cuLaunchKernel of {kernel['name']}")

        return launch


def strides(name, tensor, layout):
    """The arguments of a tensor."""
    token, head = (1, 2) if layout == "bnhd" else (2, 1)
    return {
        name: tensor.data_ptr(),
        f"{name}_batch_stride": tensor.stride(0),
        f"{name}_token_stride": tensor.stride(token),
        f"{name}_head_stride": tensor.stride(head),
    }
