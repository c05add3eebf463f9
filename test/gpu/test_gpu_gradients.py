# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Gradients on a GPU against torch's autograd through a composite in float64."""

import math
import warnings

import pytest
import torch

import calls
import hilbert_attention as ha
from calls import Kernel

KERNELS = [
    Kernel(torch.bfloat16, 64, ha.Branch(100, 3), order="static"),
    Kernel(torch.float16, 64, ha.Branch(64, 2, "both", "head"), "token", order="table"),
    Kernel(torch.float16, 40, ha.Branch(128, 4, "residues"), "position", order="bare"),
    Kernel(torch.float32, 64, ha.Branch(90), "token", order="tables", out_order="raster"),
    Kernel(torch.bfloat16, 128, ha.Branch(None), order="static", kv_order="table"),
    Kernel(torch.float16, 256, ha.Branch(77), order="tiled"),
]


def finite(lse):
    return torch.where(lse.isfinite(), lse, torch.zeros_like(lse))


# Each takes (out, lse, weights of out, weights of lse).
LOSSES = {
    "out": lambda out, lse, w, u: (out * w).sum(),
    "lse": lambda out, lse, w, u: (finite(lse) * u).sum(),
    "both": lambda out, lse, w, u: (out * w).sum() + (finite(lse) * u).sum(),
    "square": lambda out, lse, w, u: out.square().sum() + finite(lse).square().mean(),
    "entropy": lambda out, lse, w, u: torch.tanh(out).sum() - torch.sigmoid(finite(lse)).sum(),
    "one row": lambda out, lse, w, u: (out[:, 0, -1] * w[:, 0, -1]).sum(),
    "mixed": lambda out, lse, w, u: (out * w * torch.sigmoid(lse / 9).mean()).sum(),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: f"{k.branch}-{k.causal}".replace(" ", ""))
def test_autograd(kernel, loss, rng):
    """dq, dk and dv of a loss, as autograd hands the gradients of out and lse over."""
    call = calls.random_call(kernel, rng, most=300)
    call.scale = rng.choice([None, 0.2])
    q, k, v, w, u = call.tensors()
    leaves = [t.detach().requires_grad_() for t in (q, k, v)]
    with calls.poisoned():
        out, lse = ha.attention(*leaves, return_lse=True, **call.arguments())
        # The loss in float64: only the kernels round.
        LOSSES[loss](out.double(), lse.double(), w.double(), u.double()).backward()
    doubles = [t.detach().double().requires_grad_() for t in (q, k, v)]
    wanted_out, wanted_lse = calls.composite(call, *doubles)
    LOSSES[loss](wanted_out, wanted_lse, w.double(), u.double()).backward()
    tolerance = calls.TOLERANCES[kernel.dtype]
    note = f"HILBERT_TEST_SEED={calls.SEED}: {call}"
    assert calls.distance(out.detach(), wanted_out.detach()) < tolerance, note
    for name, leaf, double in zip("qkv", leaves, doubles):
        assert leaf.grad.dtype == kernel.dtype and leaf.grad.isfinite().all(), f"d{name}, {note}"
        # Where softmax has one key, gradients are differences of what is rounded.
        error = calls.distance(leaf.grad, torch.zeros_like(double) if double.grad is None else double.grad)
        assert error < 3 * tolerance, f"d{name} is wrong by {error}, {note}"


@pytest.mark.parametrize("which", ["q", "k", "v", "qk", "kv"])
def test_some_inputs_have_gradients(which):
    tensors = dict(zip("qkv", calls.small()))
    leaves = {name: t.clone().requires_grad_() for name, t in tensors.items()}
    out = calls.attend(**leaves)
    dout = torch.randn_like(out)
    wanted = dict(zip("qkv", torch.autograd.grad(out, list(leaves.values()), dout)))
    some = {name: leaves[name] if name in which else tensors[name] for name in "qkv"}
    actual = torch.autograd.grad(calls.attend(**some), [some[name] for name in which], dout)
    for name, gradient in zip(which, actual):
        assert torch.equal(gradient, wanted[name]), name


def test_expanded_gradient():
    """That of a sum: copied, and said so."""
    leaves = [t.requires_grad_() for t in calls.small()]
    out = calls.attend(*leaves)
    wanted = torch.autograd.grad(out, leaves, torch.ones_like(out), retain_graph=True)
    # Autograd's threads warn, too.
    with pytest.warns(ha.CopyWarning, match="the gradient of out is copied"):
        actual = torch.autograd.grad(out.sum(), leaves)
    assert all(map(torch.equal, actual, wanted))


@pytest.mark.parametrize("layout", ["bnhd", "bhnd"])
def test_transposed_gradient(layout):
    """A gradient in the other memory order is read as it is."""
    leaves = [t.requires_grad_() for t in calls.small(tokens=128)]
    order = (8, 16) if layout == "bnhd" else 2
    out = calls.attend(*leaves, layout=layout, order=order)
    dout = torch.randn_like(out)
    other = dout.transpose(1, 2).contiguous().transpose(1, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ha.CopyWarning)
        actual = torch.autograd.grad(out, leaves, other, retain_graph=True)
    assert all(map(torch.equal, actual, torch.autograd.grad(out, leaves, dout)))


def test_accumulation():
    """Two backward passes through one graph; gradients add."""
    leaves = [t.requires_grad_() for t in calls.small(torch.float16)]
    out, lse = calls.attend(*leaves, return_lse=True)
    first = torch.autograd.grad((out, lse), leaves, (torch.ones_like(out), torch.ones_like(lse)), retain_graph=True)
    (out * torch.ones_like(out)).sum().backward(retain_graph=True)
    (lse * 1.0).sum().backward()
    for leaf, wanted in zip(leaves, first):
        assert calls.distance(leaf.grad, wanted) < 4e-3


def test_finite_differences():
    """Along a direction, where rounding allows it: of lse, which is float32, in exact products."""
    q, k, v = (torch.randint(-4, 5, (1, 64, 2, 32), device=calls.DEVICE).half() / 4 for _ in range(3))
    direction = torch.randint(-1, 2, q.shape, device=calls.DEVICE).half() / 4
    q.requires_grad_()
    lse = ha.attention(q, k, v, order=64, segment=16, return_lse=True)[1]
    (gradient,) = torch.autograd.grad(lse.sum(), q)
    moved = (q.detach() + s * direction for s in (0.5, -0.5))
    ends = [ha.attention(x, k, v, order=64, segment=16, return_lse=True)[1] for x in moved]
    slope = (ends[0].double() - ends[1].double()).sum().item()
    expected = (gradient.double() * direction.double()).sum().item()
    size = math.sqrt((gradient.double() * direction.double()).square().sum().item())
    assert abs(slope - expected) < 0.05 * size + 0.02 * abs(slope), (slope, expected)
