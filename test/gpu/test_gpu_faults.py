# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Bad input on a GPU: an error that names the argument, the constraint and the
value, and a process that goes on. (test/python/test_bad_input.py has what is the
same on every device.)"""

import warnings

import pytest
import torch

import calls
import hilbert_attention as ha
from hilbert_attention import _C


@pytest.fixture(autouse=True)
def goes_on():
    """After each test the next call works, on all streams."""
    q, k, v = calls.small()
    wanted = calls.attend(q, k, v)
    yield
    assert torch.equal(calls.attend(q, k, v), wanted)
    torch.cuda.synchronize()


def raises(error, match, call):
    with pytest.raises(error, match=match) as info:
        call()
    assert type(info.value) in (error if isinstance(error, tuple) else (error,))
    # An error of ours, not one that CUDA will tell later.
    torch.cuda.synchronize()


# ===----------------------------------------------------------------------===
# Types and devices
# ===----------------------------------------------------------------------===


@pytest.mark.parametrize("name", ["k", "v", "order", "kv_order", "out_order"])
def test_host_arguments(name):
    """One argument in host memory beside a q on the GPU."""
    q, k, v = calls.small()
    arguments = {"q": q, "k": k, "v": v, "order": torch.arange(128, device=calls.DEVICE)}
    arguments[name] = arguments[name].cpu() if name in arguments else torch.arange(128)
    match = f"{name} must be on the device of q, cuda:0, but is on cpu"
    raises(ValueError, match, lambda: ha.attention(**arguments))


@pytest.mark.parametrize("name", ["k", "v", "order"])
def test_host_queries(name):
    """The other way round."""
    q, k, v = (t.cpu() for t in calls.small())
    arguments = {"q": q, "k": k, "v": v, "order": torch.arange(128)}
    arguments[name] = arguments[name].to(calls.DEVICE)
    raises(ValueError, f"{name} must be on the device of q, cpu, but is on cuda:0", lambda: ha.attention(**arguments))


def test_other_gradient_device():
    leaves = [t.requires_grad_() for t in calls.small()]
    out = calls.attend(*leaves)
    with pytest.raises(RuntimeError, match="cpu|device"):
        torch.autograd.grad(out, leaves, torch.ones(out.shape, dtype=out.dtype))


@pytest.mark.parametrize("dtype", [torch.float64, torch.int32, torch.complex64, torch.float8_e4m3fn])
def test_dtypes(dtype):
    q, k, v = (t.to(dtype) for t in calls.small())
    raises(TypeError, f"q must be float16, bfloat16 or float32, but is {dtype}", lambda: ha.attention(q, k, v))


def test_mixed_dtypes():
    q, k, v = calls.small(torch.bfloat16)
    raises(TypeError, "k must have q's element type, bf16, but has f16", lambda: calls.attend(q, k.half(), v))
    raises(TypeError, "v must have q's element type, bf16, but has f16", lambda: calls.attend(q, k, v.half()))


def test_float32_needs_tf32():
    """Nobody gets ten bits of fraction without asking."""
    leaves = [t.requires_grad_() for t in calls.small(torch.float32)]
    torch.set_float32_matmul_precision("highest")
    match = r"q must be float16 or bfloat16 on a GPU, .*torch\.set_float32_matmul_precision"
    raises(TypeError, match, lambda: calls.attend(*leaves))
    for setting in ("high", "medium"):
        torch.set_float32_matmul_precision(setting)
        out = calls.attend(*leaves)
        assert out.dtype == torch.float32
        torch.autograd.grad(out.square().sum(), leaves)
    # With autocast it is no float32.
    torch.set_float32_matmul_precision("highest")
    for dtype in (torch.float16, torch.bfloat16):
        with torch.autocast("cuda", dtype=dtype):
            assert calls.attend(*leaves).dtype == dtype


# ===----------------------------------------------------------------------===
# Values and sizes
# ===----------------------------------------------------------------------===


@pytest.mark.parametrize(
    "arguments,match",
    [
        ({"scale": float("nan")}, "scale must be finite in float32, but is nan"),
        ({"scale": float("inf")}, "scale must be finite in float32, but is inf"),
        ({"scale": 1e39}, r"scale must be finite in float32, but is 1e\+39"),
        ({"order": (8, 15)}, "order must have as many tokens .*, 128, but has 120"),
        ({"kv_order": 127}, "kv_order must have as many tokens .*, 128, but has 127"),
        ({"out_order": ha.Order((2, 2))}, "out_order must have as many tokens .*, 128, but has 4"),
        ({"causal": "position", "kv_order": (4, 32)}, "position needs equal order and kv_order"),
        ({"offset": [0, 1, 0]}, "offset must list one .* for each of q's 2 heads, but lists 3"),
    ],
)
def test_arguments(arguments, match):
    q, k, v = calls.small()
    raises(ValueError, match, lambda: calls.attend(q, k, v, **arguments))


@pytest.mark.parametrize(
    "q,k,v,match",
    [
        ((2, 16, 4, 12), (2, 16, 4, 12), (2, 16, 4, 12), "q's head dimension must be a multiple of 8 .*, but is 12"),
        ((2, 16, 4, 264), (2, 16, 4, 264), (2, 16, 4, 264), "up to 256, but is 264"),
        ((2, 16, 4, 8), (2, 16, 4, 16), (2, 16, 4, 16), "k must have q's head dimension, 8, but has 16"),
        ((2, 16, 4, 8), (3, 16, 4, 8), (3, 16, 4, 8), "k must have q's batch size, 2, but has 3"),
        ((2, 16, 4, 8), (2, 16, 3, 8), (2, 16, 3, 8), "q's heads must be a multiple of k's, but are 4 and 3"),
        ((2, 16, 4, 8), (2, 16, 4, 8), (2, 15, 4, 8), "v must have k's shape, .*, but has .*2, 15, 4, 8"),
        ((2, 16, 4, 8), (2, 20, 4, 8), (2, 20, 4, 8), "equally many tokens .*, but have 16 and 20"),
    ],
)
def test_shapes(q, k, v, match):
    q, k, v = (torch.zeros(shape, device=calls.DEVICE, dtype=torch.float16) for shape in (q, k, v))
    raises(ValueError, match, lambda: ha.attention(q, k, v, segment=8))


def test_too_many_blocks():
    """More work than a launch can have: said before anything is enqueued."""
    q = torch.zeros(65, 8, 4, 8, device=calls.DEVICE, dtype=torch.float16)
    try:
        out = ha.attention(q, q, q, segment=4, dilation=2**31 - 1, mode="residues")
    except ValueError as error:
        assert "blocks, but a grid has at most 2147483647" in str(error)
    else:  # Residues beyond the segment need no blocks.
        assert torch.equal(out, q)


@pytest.mark.parametrize("shape", [(0, 128, 2, 32), (2, 0, 2, 32), (2, 128, 0, 32)])
def test_nothing(shape):
    leaves = [torch.zeros(shape, device=calls.DEVICE, dtype=torch.float16, requires_grad=True) for _ in range(3)]
    out, lse = ha.attention(*leaves, segment=8, return_lse=True)
    gradients = torch.autograd.grad((out, lse), leaves, (out.detach(), lse.detach()))
    assert out.shape == shape and all(g.shape == shape for g in gradients)
    torch.cuda.synchronize()


def test_no_keys():
    q, k = (torch.randn(2, n, 2, 32, device=calls.DEVICE, dtype=torch.float16) for n in (128, 0))
    with calls.poisoned():
        out, lse = ha.attention(q, k, k, return_lse=True)
    assert (out == 0).all() and torch.isneginf(lse).all()


# ===----------------------------------------------------------------------===
# Memory
# ===----------------------------------------------------------------------===


def strided(t):
    return t.movedim(3, 0).contiguous().movedim(0, 3), r"head dimension has a stride of \d+ bytes, not 2"


def ragged(t):
    return torch.nn.functional.pad(t, (0, 1))[..., :-1], r"stride 2 is 66 bytes, not a multiple of 16"


def misaligned(t):
    return torch.empty(t.numel() + 1, device=t.device, dtype=t.dtype)[1:].view(t.shape).copy_(t), "16-byte aligned"


@pytest.mark.parametrize("spoil", [strided, ragged, misaligned])
@pytest.mark.parametrize("name", ["q", "k", "v", "the gradient of out"])
def test_copies_are_announced(spoil, name):
    tensors = dict(zip("qkv", calls.small()))
    dout = torch.randn_like(tensors["q"])

    def run(dout, **tensors):
        leaves = [t.detach().requires_grad_() for t in tensors.values()]
        out = calls.attend(*leaves)
        return [out.detach(), *torch.autograd.grad(out, leaves, dout)]

    wanted = run(dout, **tensors)
    if name in tensors:
        tensors[name], reason = spoil(tensors[name])
    else:
        dout, reason = spoil(dout)
    with pytest.warns(ha.CopyWarning, match=f"^{name} is copied: .*{reason}"):
        actual = run(dout, **tensors)
    assert all(map(torch.equal, actual, wanted))


def test_suitable_memory_is_not_copied():
    qkv = torch.randn(2, 128, 3, 2, 32, device=calls.DEVICE, dtype=torch.bfloat16)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        calls.attend(*qkv.unbind(2))
        calls.attend(*qkv.transpose(1, 3).unbind(2), layout="bhnd")
        calls.attend(*(t[:1].expand(3, -1, -1, -1) for t in qkv.unbind(2)))


def test_extension_checks_for_itself():
    """What torch's front end makes right is an error one level below."""
    q, k, v = calls.small(torch.float16)
    out, lse = torch.empty_like(q), torch.empty(2, 2, 128, device=calls.DEVICE)
    stream = torch.cuda.current_stream().cuda_stream

    def call(q=q, k=k, v=v, out=out, lse=lse, table=None):
        _C.attention(q, k, v, out, lse, table, table, table, "(segment = 32)", 0, 0, 0.1, stream)

    call()
    match = "q's data must be 16-byte aligned, but its address is 2 beyond"
    raises(ValueError, match, lambda: call(q=misaligned(q)[0]))
    raises(ValueError, "k's head dimension must have stride 1, but has", lambda: call(k=strided(k)[0]))
    raises(ValueError, "v's strides must be multiples of 16 bytes", lambda: call(v=ragged(v)[0]))
    raises(ValueError, "out is written, so it must not share memory with q", lambda: call(out=q))
    raises(ValueError, "out is written, .* stride of 0", lambda: call(out=out[:1].expand(2, -1, -1, -1)))
    raises(ValueError, "lse must have shape .*2, 2, 128.*, but has .*2, 2, 127", lambda: call(lse=lse[:, :, 1:]))
    raises((TypeError, ValueError), "k must be on q's device", lambda: call(k=k.cpu()))
    raises((TypeError, ValueError), "lse must be f32, but is f64", lambda: call(lse=lse.double()))
    table = torch.arange(128, device=calls.DEVICE)
    raises((TypeError, ValueError), "order must be i32, but is i64", lambda: call(table=table))
    raises(ValueError, r"order must have shape .*128.*, but has .*127", lambda: call(table=table[1:].int()))


# ===----------------------------------------------------------------------===
# Orders
# ===----------------------------------------------------------------------===


@pytest.mark.parametrize("name", ["order", "kv_order", "out_order"])
def test_orders_are_checked_on_request(name, monkeypatch):
    """Tables on the device, copied back to look at them: for tests, not for every day."""
    monkeypatch.setenv("HILBERT_CHECK_ORDERS", "1")
    q, k, v = calls.small()

    def call(table):
        return lambda: calls.attend(q, k, v, **{"order": (8, 16), name: table})

    good = torch.randperm(128, device=calls.DEVICE)
    call(good)()
    for wrong in (128, -1, 2**31, -(2**40)):
        table = good.clone()
        table[5] = wrong
        raises(ValueError, rf"{name}.* must be a permutation of 0\.\.127, but entry 5 is", call(table))
    table = torch.arange(128, device=calls.DEVICE)
    table[5] = 4
    raises(ValueError, "4 occurs twice", call(table.int()))
    tables = torch.stack([good, table])
    raises(ValueError, "4 occurs twice", call(tables))
    call(torch.stack([good, good.flip(0)]))()


def test_checked_orders_wait_for_their_stream(monkeypatch):
    """A table that the stream is still to write is looked at afterwards."""
    monkeypatch.setenv("HILBERT_CHECK_ORDERS", "1")
    q, k, v = calls.small()
    table = torch.full((128,), -1, device=calls.DEVICE, dtype=torch.int32)
    torch.cuda.synchronize()
    with torch.cuda.stream(torch.cuda.Stream()):
        torch.cuda._sleep(50_000_000)
        table.copy_(torch.arange(128, device=calls.DEVICE))
        out = calls.attend(q, k, v, order=table)
        torch.cuda.current_stream().synchronize()
    assert torch.equal(out, calls.attend(q, k, v, order=torch.arange(128, device=calls.DEVICE)))


@pytest.mark.parametrize("bad", ["(8, 0)", "'hilbert'", "1.5", "torch.ones(128, device='cuda')"])
def test_kinds_of_orders(bad):
    q, k, v = calls.small()
    raises((TypeError, ValueError), "order|extents", lambda: calls.attend(q, k, v, order=eval(bad)))


def test_order_shapes():
    q, k, v = calls.small()
    for shape in ((127,), (3, 128), (2, 127)):
        table = torch.zeros(shape, device=calls.DEVICE, dtype=torch.int32)
        raises(ValueError, "order must have shape .*, but has", lambda: calls.attend(q, k, v, order=table))
