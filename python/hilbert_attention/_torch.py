# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""attention() of torch tensors: custom ops over the extension.

  hilbert::attention       forward; differentiable, once
  hilbert::attention_grad  its gradients
  hilbert::permutation     the table of an order

An order is a static one (`*_order`, nine integers as in Order.spec), a table
(`*_table`, int32 [N] or [B, N]) or, with neither, row-major. Kernels for another
device are further implementations of the same ops.
"""

import functools
import math
import warnings

import torch

from hilbert_attention import _C
from hilbert_attention._checks import CAUSALITIES, LAYOUTS, PerformanceWarning, checked_scale, warn_of_copy
from hilbert_attention.order import MAX_TOKENS, Order, as_order

_DTYPES = (torch.float16, torch.bfloat16, torch.float32)
_DEVICES = ("cpu", "cuda", "meta")
# Of operands and orders that need no dispatcher.
_PLAIN_TYPES = frozenset((torch.Tensor, Order, tuple, list, int, type(None)))

_FORWARD = (
    "Tensor q, Tensor k, Tensor v, Tensor? q_table, Tensor? kv_table, Tensor? out_table, "
    "SymInt[] q_order, SymInt[] kv_order, SymInt[] out_order, "
    "str pattern, str causal, str layout, float scale"
)
_library = torch.library.Library("hilbert", "DEF")
_tags = (torch.Tag.pt2_compliant_tag,)
_library.define(f"attention({_FORWARD}) -> (Tensor out, Tensor lse)", tags=_tags)
_library.define(
    f"attention_grad({_FORWARD}, Tensor out, Tensor lse, Tensor dout, Tensor? dlse) "
    "-> (Tensor dq, Tensor dk, Tensor dv)",
    tags=_tags,
)
_library.define("permutation(SymInt[] order, bool inverse, Device device) -> Tensor", tags=_tags)

_attention = torch.ops.hilbert.attention.default
_attention_grad = torch.ops.hilbert.attention_grad.default


# ===----------------------------------------------------------------------===
# The call
# ===----------------------------------------------------------------------===


def attention(q, k, v, orders, pattern, causal, layout, scale):
    """(out, lse); orders as attention() takes them, the rest as the op does."""
    device = q.device
    kind = device.type
    if _is_plain(kind, q, k, v, *orders):
        try:
            arguments = _arguments(q, k, v, orders, pattern, causal, layout, scale)
            if torch.is_grad_enabled() and (q.requires_grad or k.requires_grad or v.requires_grad):
                return _PlainFunction.apply(*arguments[:6], arguments[6:])
            return _KERNELS[kind][0](*arguments)
        except Exception:
            # Kernels refuse what the checks do, which take a third of the time of a small call.
            _check_operands(q, k, v)
            raise
    _check_operands(q, k, v)
    if kind != "meta" and torch.is_autocast_enabled(kind):
        dtype = torch.get_autocast_dtype(kind)
        q, k, v = q.to(dtype), k.to(dtype), v.to(dtype)
    arguments = _arguments(q, k, v, orders, pattern, causal, layout, scale)
    if not torch.compiler.is_compiling() and _is_transformed():
        return _Function.apply(*arguments)
    return _attention(*arguments)


def _arguments(q, k, v, orders, pattern, causal, layout, scale):
    """Those of the op."""
    order, kv_order, out_order = orders
    q_order, q_table = kv = out = _order("order", order, q.device)
    if kv_order is not None:
        kv = _order("kv_order", kv_order, q.device)
    if out_order is not None:
        out = _order("out_order", out_order, q.device)
    scale = checked_scale(scale, q.shape[3])
    return q, k, v, q_table, kv[1], out[1], q_order, kv[0], out[0], pattern, causal, layout, scale


def _is_transformed():
    """Whether torch.func or forward-mode differentiation is at work."""
    return torch._C._are_functorch_transforms_active() or torch.autograd.forward_ad._current_level >= 0


def _is_plain(kind, *arguments):
    """Whether a kernel can be called without torch's dispatcher, which takes longer than a small one."""
    return (
        not torch.compiler.is_compiling()
        and kind in _KERNELS
        and _PLAIN_TYPES.issuperset(map(type, arguments))
        and not torch._C._len_torch_dispatch_stack()
        and not torch.is_autocast_enabled(kind)
        and not _is_transformed()
    )


def _check_operands(q, k, v):
    for name, tensor in (("q", q), ("k", k), ("v", v)):
        _check(name, tensor, q.device)


def _check(name, tensor, device):
    if not isinstance(tensor, torch.Tensor):
        kind = f"{type(tensor).__module__}.{type(tensor).__qualname__}"
        raise TypeError(f"{name} must be a torch.Tensor like q, but is {kind}")
    if tensor.dtype not in _DTYPES:
        hint = "; convert it with .float()" if tensor.dtype == torch.float64 else ""
        raise TypeError(f"{name} must be float16, bfloat16 or float32, but is {tensor.dtype}{hint}")
    if tensor.layout is not torch.strided:
        raise TypeError(f"{name} must be strided, but is {tensor.layout}")
    if tensor.dim() != 4:
        raise ValueError(f"{name} must have 4 dimensions, but has shape {tuple(tensor.shape)}")
    if tensor.device.type not in _DEVICES:
        raise ValueError(f"{name} must be on the CPU or a CUDA device, which have kernels, but is on {tensor.device}")
    _check_device(name, tensor, device)


def _check_device(name, tensor, device):
    if tensor.device != device:
        raise ValueError(f"{name} must be on the device of q, {device}, but is on {tensor.device}")


def _order(name, order, device):
    """(static order, table) of an argument, each empty or None where absent."""
    if order is None:
        return (), None
    if not isinstance(order, torch.Tensor):
        return as_order(name, order).spec, None
    if order.dtype == torch.int64:
        # What int32 cannot hold stays out of range.
        order = order.clamp(-1, MAX_TOKENS).to(torch.int32)
    elif order.dtype != torch.int32:
        raise TypeError(f"{name} must be int32 or int64, but is {order.dtype}")
    _check_device(name, order, device)
    return (), order.contiguous()


# ===----------------------------------------------------------------------===
# Kernels, and what they return
# ===----------------------------------------------------------------------===


def _like(tensor):
    """An empty tensor of the same shape and, unless D is strided, dimension order."""
    return torch.empty_like(tensor) if tensor.stride(3) == 1 else tensor.new_empty(tensor.shape)


def _results(q, k, v, *arguments):
    """(out, lse), not yet written."""
    batch, first, second = q.shape[:3]
    stats = (batch, second, first) if arguments[-2] == "bnhd" else (batch, first, second)
    return _like(q), q.new_empty(stats, dtype=torch.float32)


def _gradients(q, k, v, *arguments):
    """(dq, dk, dv), not yet written."""
    return _like(q), _like(k), _like(v)


def _readable(name, tensor):
    """An argument as the extension takes it, or its copy, which is announced."""
    # The dispatcher's part: memory may hold the negative.
    if tensor.is_neg():
        tensor = tensor.resolve_neg()
    address = tensor.data_ptr()
    if address % 16 or not tensor.is_contiguous():
        size = tensor.element_size()
        strides = [stride * size for stride in tensor.stride()]
        if warn_of_copy(name, address, tensor.shape, strides, size):
            tensor = tensor.clone(memory_format=torch.contiguous_format)
    return _exported(tensor)


if hasattr(torch.Tensor, "__dlpack_c_exchange_api__"):

    def _exported(tensor):
        """What the extension takes: it asks torch, without a capsule."""
        return tensor

else:

    def _exported(tensor):
        """What the extension takes: a DLPack capsule."""
        return None if tensor is None else torch._C._to_dlpack(tensor)


def _tail(q_table, kv_table, out_table, q_order, kv_order, out_order, pattern, causal, layout, scale):
    """The last arguments of the extension's functions."""
    return (
        tuple(q_order) or _exported(q_table),
        tuple(kv_order) or _exported(kv_table),
        tuple(out_order) or _exported(out_table),
        pattern or None,
        CAUSALITIES[causal],
        LAYOUTS[layout],
        scale,
    )


def _run(q, k, v, *arguments, on_device=()):
    out, lse = _results(q, k, v, *arguments)
    _C.attention(
        _readable("q", q),
        _readable("k", k),
        _readable("v", v),
        _exported(out),
        _exported(lse),
        *_tail(*arguments),
        *on_device,
    )
    return out, lse


def _run_grad(q, k, v, *arguments, on_device=()):
    *arguments, out, lse, dout, dlse = arguments
    gradients = _gradients(q, k, v)
    _C.attention_grad(
        _readable("q", q),
        _readable("k", k),
        _readable("v", v),
        _readable("out", out),
        _exported(lse.contiguous()),
        _readable("the gradient of out", dout),
        None if dlse is None else _exported(dlse.resolve_neg().contiguous()),
        *map(_exported, gradients),
        *_tail(*arguments),
        *on_device,
    )
    return gradients


def _launch_settings(q):
    """(the current stream of q's device, whether products of f32 may be in TF32)"""
    allow_tf32 = q.dtype is torch.float32 and torch.get_float32_matmul_precision() != "highest"
    if q.dtype is torch.float32 and not allow_tf32:
        raise TypeError(
            "q must be float16 or bfloat16 on a GPU, but is torch.float32: its products would be in TF32, which "
            'torch.set_float32_matmul_precision("high") allows'
        )
    return torch._C._cuda_getCurrentRawStream(q.device.index), allow_tf32


def _run_cuda(q, k, v, *arguments):
    patterns = arguments[_PATTERN].split(_UNION)
    if len(patterns) == 1:
        return _run(q, k, v, *arguments, on_device=_launch_settings(q))
    warnings.warn(
        f"{len(patterns)} branches run one after the other on a GPU, and torch mixes them", PerformanceWarning, 2
    )
    # Partial softmaxes, mixed by their shares of the sum of exponentials.
    parts = [_run_cuda(q, k, v, *_with_pattern(arguments, pattern)) for pattern in patterns]
    stats = torch.stack([lse for _, lse in parts])
    lse = stats.logsumexp(0)
    shares = (stats - lse).exp().where(lse > -math.inf, 0).unsqueeze(-1)
    if arguments[-2] == "bnhd":
        shares = shares.transpose(2, 3)
    out = sum(out * share for (out, _), share in zip(parts, shares))
    return _like(q).copy_(out), lse


def _run_grad_cuda(q, k, v, *arguments):
    *arguments, out, lse, dout, dlse = arguments
    results = out, lse, dout, dlse
    patterns = arguments[_PATTERN].split(_UNION)
    if len(patterns) > 1:
        # P = exp(S - lse) needs no mixing: only lse and out are of all branches.
        parts = [_run_grad_cuda(q, k, v, *_with_pattern(arguments, pattern), *results) for pattern in patterns]
        return tuple([_like(t).copy_(sum([g.float() for g in grads])) for t, grads in zip((q, k, v), zip(*parts))])
    # Of this stream, like all that torch allocates: it may go when kernels are enqueued.
    workspace = torch.empty_like(lse)
    on_device = *_launch_settings(q), workspace.data_ptr(), 4 * workspace.numel()
    return _run_grad(q, k, v, *arguments, *results, on_device=on_device)


# Of the arguments after v; how pattern_text joins branches.
_PATTERN = 6
_UNION = " + "


def _with_pattern(arguments, pattern):
    """A kernel for GPUs has one branch."""
    return *arguments[:_PATTERN], pattern, *arguments[_PATTERN + 1 :]


# The kernels of each kind of device.
_KERNELS = {"cpu": (_run, _run_grad), "cuda": (_run_cuda, _run_grad_cuda)}
for _kind, (_forward, _gradient) in _KERNELS.items():
    _library.impl("attention", _forward, _kind.upper())
    _library.impl("attention_grad", _gradient, _kind.upper())
torch.library.register_fake(_attention, _results, lib=_library)
torch.library.register_fake(_attention_grad, _gradients, lib=_library)


# ===----------------------------------------------------------------------===
# Derivatives
# ===----------------------------------------------------------------------===


def _without_derivative(op):
    def call(*arguments):
        with torch._C._AutoDispatchBelowAutograd():
            return op(*arguments)

    return call


def _save(ctx, inputs, output):
    ctx.save_for_backward(*inputs[:6], *output)
    ctx.arguments = inputs[6:]
    ctx.set_materialize_grads(False)


def _differentiate(ctx, dout, dlse):
    """(dq, dk, dv)"""
    *tensors, out, lse = ctx.saved_tensors
    if dout is None:
        dout = torch.zeros_like(out)
    if torch._C._are_functorch_transforms_active():
        gradient = _Gradient.apply
    elif torch.is_grad_enabled() or not _is_plain(out.device.type, *tensors, dout, dlse):
        gradient = _attention_grad
    else:
        gradient = _KERNELS[out.device.type][1]
    return gradient(*tensors, *ctx.arguments, out, lse, dout, dlse)


def _backward(ctx, dout, dlse):
    return *_differentiate(ctx, dout, dlse), *(None,) * 10


def _no_second_derivative(ctx, *gradients):
    raise RuntimeError("hilbert_attention.attention has no second derivative")


def _no_vmap(info, in_dims, *arguments):
    raise RuntimeError("hilbert_attention.attention has no vmap: put the mapped dimension into the batch")


# The ops' derivatives again: in the form that is cheapest, which has few arguments, ...
class _PlainFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, q, k, v, q_table, kv_table, out_table, rest):
        arguments = q, k, v, q_table, kv_table, out_table, *rest
        output = _KERNELS[q.device.type][0](*arguments)
        _save(ctx, arguments, output)
        return output

    @staticmethod
    def backward(ctx, dout, dlse):
        return *_differentiate(ctx, dout, dlse), None, None, None, None


# ... and in the one that torch.func takes.
class _Function(torch.autograd.Function):
    forward = staticmethod(_without_derivative(_attention))
    setup_context = staticmethod(_save)
    backward = staticmethod(_backward)
    vmap = staticmethod(_no_vmap)


class _Gradient(torch.autograd.Function):
    forward = staticmethod(_without_derivative(_attention_grad))
    setup_context = staticmethod(lambda ctx, inputs, output: None)
    backward = staticmethod(_no_second_derivative)
    vmap = staticmethod(_no_vmap)


torch.library.register_autograd(_attention, _backward, setup_context=_save, lib=_library)
torch.library.register_autograd(_attention_grad, _no_second_derivative, lib=_library)
torch.library.register_vmap(_attention, _no_vmap, lib=_library)
torch.library.register_vmap(_attention_grad, _no_vmap, lib=_library)


# ===----------------------------------------------------------------------===
# Tables of orders
# ===----------------------------------------------------------------------===


@functools.lru_cache(maxsize=16)
def _table(order, inverse, device):
    return torch.from_numpy(_C.order_table(order, inverse)).to(device, torch.int64)


def _permutation(order, inverse, device):
    # A copy: the caller may write to it, or train with what inference mode made.
    return _table(tuple(order), inverse, device).clone()


_library.impl("permutation", _permutation, "CompositeExplicitAutograd")


@torch.library.register_fake("hilbert::permutation", lib=_library)
def _(order, inverse, device):
    return torch.empty(order[8], dtype=torch.int64, device=device)


def permutation(order, inverse, device=None):
    """A fresh int64 [N]: the table of an Order.spec, or its inverse."""
    # Where a factory function would put it; Dynamo does not trace get_default_device.
    device = torch.empty(0).device if device is None else torch.device(device)
    return torch.ops.hilbert.permutation(order, inverse, device)
