# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""HilbertAttentionCore beside layers with the same weights; and what a call costs on the host."""

import dataclasses
import functools
import importlib.util
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.attention import sdpa_kernel

from torch_cuda.checks import TOLERANCES, Wrong, relative_error
from torch_cuda.measure import reason, synchronize
from torch_cuda.peers import BACKENDS, Gather, by_rows


@dataclasses.dataclass(frozen=True)
class Layer:
    """x is [batch, tokens, dim]; forward and backward include the projections."""

    batch: int
    tokens: int
    dim: int
    heads: int
    segment: int
    dtype: str = "float16"

    @property
    def name(self):
        return (
            f"HilbertAttentionCore B={self.batch} N={self.tokens} dim={self.dim} H={self.heads} "
            f"w={self.segment} {self.dtype}"
        )

    def options(self):
        """Arguments of a HilbertAttentionCore."""
        return {"hidden_dim": self.dim, "num_heads": self.heads, "segment_size": self.segment}

    def record(self):
        return {"name": self.name, **dataclasses.asdict(self)}


def layers(tiny):
    if tiny:
        return [Layer(1, 64, 32, 2, 16, "float32"), Layer(1, 32, 32, 2, 16, "float32")]
    return [Layer(2, 4096, 1024, 16, 256), Layer(4, 1024, 512, 8, 128)]


# ===----------------------------------------------------------------------===
# Layers
# ===----------------------------------------------------------------------===


class Projected(nn.Module):
    """Projections around attend(q, k, v) of [B, N, H, D]; x is gathered once, before them."""

    def __init__(self, layer, attend, order=None):
        super().__init__()
        self.heads, self.attend = layer.heads, attend
        self.qkv_proj = nn.Linear(layer.dim, 3 * layer.dim, bias=False)
        self.out_proj = nn.Linear(layer.dim, layer.dim, bias=False)
        if order is not None:
            self.register_buffer("forward_table", order.permutation(), persistent=False)
            self.register_buffer("inverse_table", order.inverse(), persistent=False)
        self.reorders = order is not None

    def forward(self, x):
        if self.reorders:
            x = Gather.apply(x, 1, self.forward_table, self.inverse_table, by_rows)
        qkv = self.qkv_proj(x).unflatten(2, (3, self.heads, -1))
        out = self.out_proj(self.attend(*qkv.unbind(2)).flatten(2))
        if self.reorders:
            out = Gather.apply(out, 1, self.inverse_table, self.forward_table, by_rows)
        return out


def softmax_matrix(q, k, v):
    """Attention of all tokens, as written in textbooks: the matrix is in memory."""
    q, k, v = (t.transpose(1, 2) for t in (q, k, v))
    scores = (q @ k.transpose(-1, -2)) * q.shape[-1] ** -0.5
    return (scores.softmax(-1) @ v).transpose(1, 2)


def fused(backend, width, q, k, v):
    """torch's attention of segments of `width`."""
    folded = (t.reshape(-1, width, *t.shape[2:]).transpose(1, 2) for t in (q, k, v))
    with sdpa_kernel(backend):
        out = F.scaled_dot_product_attention(*folded)
    return out.transpose(1, 2).reshape(q.shape)


def triton_layer(layer, path):
    spec = importlib.util.spec_from_file_location("triton_hilbert", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.HilbertAttentionCore(**layer.options())


def contestants(layer, device, triton_module=None):
    """name -> (function that makes the module, whether it attends to segments or to all)."""
    from hilbert_attention import HilbertAttentionCore, Order

    order = Order(layer.tokens)
    result = {
        "hilbert": (lambda: HilbertAttentionCore(**layer.options()), "segments"),
        "hilbert, use_custom_backward=False": (
            lambda: HilbertAttentionCore(**layer.options(), use_custom_backward=False),
            "segments",
        ),
        "softmax matrix, all tokens": (lambda: Projected(layer, softmax_matrix), "all"),
    }
    for name, backend in BACKENDS[device].items():
        segments = functools.partial(fused, backend, layer.segment)
        everything = functools.partial(fused, backend, layer.tokens)
        result[f"{name}, x gathered once"] = (functools.partial(Projected, layer, segments, order), "segments")
        result[f"{name}, all tokens"] = (functools.partial(Projected, layer, everything), "all")
    if triton_module:
        result["Triton module"] = (functools.partial(triton_layer, layer, triton_module), "segments")
    return result


class LayerReference:
    """Weights and an input, and their results in float32: of segments, or of all tokens."""

    def __init__(self, layer, device):
        from hilbert_attention import HilbertAttentionCore

        self.layer, self.device = layer, device
        dtype = getattr(torch, layer.dtype)
        self.x = torch.randn(layer.batch, layer.tokens, layer.dim, device=device, dtype=dtype)
        self.dout = torch.randn_like(self.x)
        self.weights, self.wanted = None, {}
        for what, segment in (("segments", layer.segment), ("all", layer.tokens)):
            options = {**layer.options(), "segment_size": segment, "use_custom_backward": False}
            exact = HilbertAttentionCore(**options).to(device, dtype)
            if self.weights is None:
                self.weights = exact.state_dict()
            exact.load_state_dict(self.weights)
            self.wanted[what] = self._run(exact.float(), self.x.float(), self.dout.float())

    def _run(self, module, x, dout):
        x = x.detach().requires_grad_()
        out = module(x)
        return out.detach(), torch.autograd.grad(out, x, dout)[0]

    def prepare(self, make):
        module = make().to(self.device, self.x.dtype)
        module.load_state_dict(self.weights)
        return module

    def compare(self, module, what):
        """The relative error of a module's output and of its gradient."""
        errors = [
            relative_error(wanted, actual, actual)
            for wanted, actual in zip(self.wanted[what], self._run(module, self.x, self.dout))
        ]
        if max(errors) > 2 * TOLERANCES[self.layer.dtype]:
            raise Wrong(f"differs from the definition by {max(errors):.1e} of its norm")
        return max(errors)

    def calls(self, module, clock):
        """phase -> function that times it once."""
        x = self.x.detach().requires_grad_()
        leaves = [x, *module.parameters()]

        def forward():
            with torch.no_grad():
                return clock(lambda: module(x))

        def backward():
            out = module(x)
            return clock(lambda: torch.autograd.grad(out, leaves, self.dout))

        def both():
            return clock(lambda: torch.autograd.grad(module(x), leaves, self.dout))

        def in_a_row():
            """The longer of host's and device's: of one of ten steps that follow each other."""
            synchronize(self.device)
            begin = time.perf_counter()
            for _ in range(10):
                torch.autograd.grad(module(x), leaves, self.dout)
            synchronize(self.device)
            return 1e3 * (time.perf_counter() - begin) / 10

        return {"forward": forward, "backward": backward, "both": both, "in a row": in_a_row}


# ===----------------------------------------------------------------------===
# Host time of a call
# ===----------------------------------------------------------------------===


def _floor_library():
    """torch's own cost of an op with our tensor arguments and results, which computes nothing."""
    library = torch.library.Library("hilbert_bench", "DEF")
    library.define("floor(Tensor q, Tensor k, Tensor v, Tensor? a, Tensor? b, Tensor? c) -> (Tensor, Tensor)")

    def run(q, k, v, a, b, c):
        return torch.empty_like(q), q.new_empty(q.shape[:3], dtype=torch.float32)

    def backward(ctx, dout, dlse):
        return tuple(torch.empty_like(t) for t in ctx.saved_tensors[:3]) + (None,) * 3

    def save(ctx, inputs, output):
        ctx.save_for_backward(*inputs[:3], *output)

    library.impl("floor", run, "CompositeExplicitAutograd")
    torch.library.register_autograd("hilbert_bench::floor", backward, setup_context=save, lib=library)
    return library


def host_functions(device):
    """name -> function of q, k, v."""
    from hilbert_attention import Order, attention

    order, library = Order((4, 4)), _floor_library()
    floor = torch.ops.hilbert_bench.floor.default

    def scaled(q, k, v):
        return F.scaled_dot_product_attention(*(t.transpose(1, 2) for t in (q, k, v)))

    return library, {
        "hilbert_attention.attention": lambda q, k, v: attention(q, k, v, order=order, segment=16),
        "a custom op that does nothing": lambda q, k, v: floor(q, k, v, None, None, None)[0],
        "scaled_dot_product_attention": scaled,
    }


def _microseconds(function, device, calls):
    synchronize(device)
    begin = time.perf_counter()
    for _ in range(calls):
        function()
    elapsed = time.perf_counter() - begin
    synchronize(device)
    return 1e6 * elapsed / calls


def host_times(device, tiny=False):
    """Microseconds of host time a call on 16 tokens: [{name, forward, recording, both, reason}].

    forward: without gradients. recording: forward of a training step. both: forward
    and backward. Medians of batches of calls, which do not wait for the device.
    """
    batches, calls = (3, 5) if tiny else (15, 200)
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    library, functions = host_functions(device)
    result = {name: {"name": name} for name in functions}
    ready = {}
    for name, function in functions.items():
        leaves = [torch.randn(1, 16, 1, 64, device=device, dtype=dtype, requires_grad=True) for _ in range(3)]

        def forward(function=function, leaves=leaves):
            with torch.no_grad():
                function(*leaves)

        def recording(function=function, leaves=leaves):
            function(*leaves)

        def both(function=function, leaves=leaves):
            out = function(*leaves)
            torch.autograd.grad(out, leaves, torch.empty_like(out))

        for phase, call in (("forward", forward), ("recording", recording), ("both", both)):
            try:
                call()
                ready[name, phase] = call
            except Exception as error:
                result[name]["reason"] = f"{phase}: {reason(error)}"
    times = {key: [] for key in ready}
    for _ in range(batches):
        for key, call in ready.items():
            times[key].append(_microseconds(call, device, calls))
    for (name, phase), values in times.items():
        result[name][phase] = statistics.median(values)
    del library
    return list(result.values())
