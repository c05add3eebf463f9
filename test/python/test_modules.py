# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""HilbertAttentionCore and HilbertAttentionMixin."""

import copy
import io
import pickle

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

import hilbert_attention as ha
import reference
from devices import DEVICE, to_numpy, tolerance
from hilbert_attention import HilbertAttentionCore, HilbertAttentionMixin


def assert_close(actual, wanted, limit=1e-5):
    reference.assert_close(to_numpy(actual), wanted, tolerance(limit))


def assert_same(actual, wanted, limit):
    """Tensors, of sums over tokens and channels."""
    torch.testing.assert_close(actual, wanted, rtol=tolerance(limit, 2e-2), atol=tolerance(limit, 2e-2))


def expected(core, x, order, segment, dilation):
    """The layer in float64, from its weights; `order` is a table or None."""
    x, w_qkv, w_out = (t.detach().double() for t in (x, core.qkv_proj.weight, core.out_proj.weight))
    batch, tokens, channels = x.shape
    heads = core.heads_of_test
    qkv = (x @ w_qkv.T).view(batch, tokens, 3, heads, channels // heads)
    table = None if order is None else order.cpu()
    out, *_ = reference.attention(
        *map(to_numpy, qkv.unbind(2)),
        q_order=table,
        kv_order=table,
        out_order=table,
        branches=[(segment, dilation, "keys", "zero")],
    )
    return torch.from_numpy(out).flatten(2).numpy() @ to_numpy(w_out.T)


def layer(channels=48, heads=3, **arguments):
    core = HilbertAttentionCore(channels, heads, **arguments)
    core.heads_of_test = heads
    return core


# ===----------------------------------------------------------------------===
# HilbertAttentionCore
# ===----------------------------------------------------------------------===


@pytest.mark.parametrize("custom", [True, False])
@pytest.mark.parametrize("tokens", [1, 64, 97])
def test_core(custom, tokens):
    """Any number of tokens; along the curve and row by row."""
    core = layer(segment_size=20, dilation_rate=3, use_custom_backward=custom)
    x = torch.randn(2, tokens, 48)
    wanted = expected(core, x, ha.Order(tokens).permutation(), 20, 3)
    assert_close(core(x), wanted, 2e-5)
    assert_close(core(x, use_hilbert=False), expected(core, x, None, 20, 3), 2e-5)


def test_core_of_an_image():
    order = ha.Order((6, 10), "morton")
    x = torch.randn(2, 60, 48)
    for core, arguments in ((layer(order=order, segment_size=16), {}), (layer(segment_size=16), {"order": order})):
        assert_close(core(x, **arguments), expected(core, x, order.permutation(), 16, 1), 2e-5)
    extents = layer(order=(6, 10), segment_size=16)
    wanted = expected(extents, x, ha.Order((6, 10)).permutation(), 16, 1)
    assert_close(extents(x), wanted, 2e-5)
    # The call's order comes before the layer's.
    y = torch.randn(1, 21, 48)
    assert_close(extents(y, order=(3, 7)), expected(extents, y, ha.Order((3, 7)).permutation(), 16, 1), 2e-5)


def test_core_is_seed_compatible():
    """Names and shapes of published checkpoints; defaults of the arguments."""
    core = HilbertAttentionCore(64, 4)
    shapes = {name: tuple(t.shape) for name, t in core.state_dict().items()}
    assert shapes == {"qkv_proj.weight": (192, 64), "out_proj.weight": (64, 64)}
    x = torch.randn(1, 300, 64)
    same = HilbertAttentionCore(64, 4, segment_size=128, dilation_rate=1, dropout=0.0, use_custom_backward=True)
    same.load_state_dict(core.state_dict(), strict=True)
    assert torch.equal(core(x), same(x))


def parameter_gradients(core, x, run=None):
    core.zero_grad()
    x = x.detach().requires_grad_()
    (run or core)(x).square().sum().backward()
    return [x.grad, core.qkv_proj.weight.grad.clone(), core.out_proj.weight.grad.clone()]


@pytest.mark.parametrize("segment,dilation,tokens", [(20, 3, 97), (200, 1, 50)])
def test_custom_backward_is_the_composites(segment, dilation, tokens):
    """Gradients of the kernel and of torch ops; the composite has second derivatives."""
    core = layer(segment_size=segment, dilation_rate=dilation)
    other = layer(segment_size=segment, dilation_rate=dilation, use_custom_backward=False)
    other.load_state_dict(core.state_dict())
    x = torch.randn(2, tokens, 48)
    for a, b in zip(parameter_gradients(core, x), parameter_gradients(other, x)):
        assert_same(a, b, 1e-4)
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(other(x).square().sum(), x, create_graph=True)
    gradient.square().sum().backward()
    assert x.grad.abs().max() > 0
    (gradient,) = torch.autograd.grad(core(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="no second derivative"):
        gradient.square().sum().backward()


def test_dropout_follows_out_proj():
    core = layer(dropout=0.5)
    x = torch.randn(2, 40, 48)
    core.eval()
    wanted = core(x)
    core.train()
    actual = core(x)
    dropped = actual == 0
    assert 0.3 < dropped.float().mean() < 0.7
    torch.testing.assert_close(actual[~dropped], 2 * wanted[~dropped])


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_core_checkpoint(use_reentrant):
    core = layer(segment_size=16, dropout=0.3)
    x = torch.randn(2, 50, 48)
    torch.manual_seed(1)
    wanted = parameter_gradients(core, x)
    torch.manual_seed(1)
    actual = parameter_gradients(core, x, lambda x: checkpoint(core, x, use_reentrant=use_reentrant))
    for a, b in zip(actual, wanted):
        assert torch.equal(a, b)


def test_core_copies():
    core = layer(segment_size=16, order=(5, 10))
    x = torch.randn(2, 50, 48)
    buffer = io.BytesIO()
    torch.save(core, buffer)
    buffer.seek(0)
    for other in (copy.deepcopy(core), pickle.loads(pickle.dumps(core)), torch.load(buffer, weights_only=False)):
        assert torch.equal(other(x), core(x))
        with torch.no_grad():
            other.qkv_proj.weight.zero_()
        assert not torch.equal(other(x), core(x))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_core_dtypes(dtype):
    core = layer(segment_size=16)
    x = torch.randn(2, 50, 48)
    wanted = core(x)
    with torch.autocast(DEVICE.type, dtype=dtype):
        assert core(x).dtype == dtype
    actual = core.to(dtype)(x.to(dtype))
    assert actual.dtype == dtype
    torch.testing.assert_close(actual.float(), wanted, rtol=0.05, atol=0.03)
    with pytest.raises(TypeError, match="float64; convert it with .float()"):
        core.double()(x.double())


@pytest.mark.parametrize("custom", [True, False])
def test_core_compiles(custom):
    torch._dynamo.reset()
    core = layer(segment_size=16, use_custom_backward=custom)
    compiled = torch.compile(core, fullgraph=True, backend="aot_eager")
    for tokens, arguments in ((50, {}), (63, {"order": (7, 9)})):
        x = torch.randn(2, tokens, 48)
        actual = parameter_gradients(core, x, lambda x: compiled(x, **arguments))
        for a, b in zip(actual, parameter_gradients(core, x, lambda x: core(x, **arguments))):
            assert_same(a, b, 1e-4)


def test_core_learns():
    torch.manual_seed(0)
    core = layer(segment_size=16)
    x, target = torch.randn(8, 49, 48), torch.randn(8, 49, 48)
    optimizer = torch.optim.Adam(core.parameters(), 3e-3)
    losses = []
    for _ in range(60):
        loss = F.mse_loss(core(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


# ===----------------------------------------------------------------------===
# HilbertAttentionMixin
# ===----------------------------------------------------------------------===


class Layer(HilbertAttentionMixin, nn.Module):
    def __init__(self, *arguments, **keywords):
        super().__init__()
        self.setup_hilbert_attention(*arguments, **keywords)


class OwnAttention(Layer):
    """Sees tokens by position; its result says what it saw."""

    def _compute_attention(self, q, k, v, bias=0.0):
        self.seen = q, k, v
        return q + 10 * k.flip(1) + v + bias


def qkv(tokens=35, keys=35, heads=2, flat=False):
    tensors = [torch.randn(2, n, heads, 16) for n in (tokens, keys, keys)]
    return [t.flatten(2) for t in tensors] if flat else tensors


@pytest.mark.parametrize("flat", [False, True])
def test_full_mode(flat):
    """q, k and v are used as given; nothing is projected, no parameters."""
    module = Layer(32, 2, segment_size=10, dilation_rate=2, use_hilbert_core=True)
    assert not list(module.parameters()) and not module.state_dict()
    q, k, v = qkv(flat=flat)
    heads = [to_numpy(t.view(2, 35, 2, 16)) for t in (q, k, v)]
    for use, table in ((True, ha.Order(35).permutation("cpu")), (False, None)):
        orders = {"q_order": table, "kv_order": table, "out_order": table}
        wanted, *_ = reference.attention(*heads, branches=[(10, 2, "keys", "zero")], **orders)
        actual = module.compute_hilbert_attention(q, k, v, use_hilbert_ordering=use)
        assert actual.shape == q.shape
        assert_close(actual.view(2, 35, 2, 16), wanted)


def test_full_mode_passes_arguments_on():
    module = Layer(32, 2, segment_size=10, use_hilbert_core=True)
    q, k, v = qkv()
    arguments = {"mode": "both", "dilation": 2, "offset": "head", "causal": "token", "scale": 0.4}
    assert torch.equal(
        module.compute_hilbert_attention(q, k, v, order=(5, 7), **arguments),
        ha.attention(q, k, v, order=(5, 7), segment=10, **arguments),
    )
    with pytest.raises(TypeError, match="colour"):
        module.compute_hilbert_attention(q, k, v, colour=1)


def test_full_mode_composite():
    arguments = (32, 2, 10, 2, 0.0, True)
    a, b = Layer(*arguments), Layer(*arguments, use_custom_backward=False)
    q, k, v = qkv()
    # Grouped heads, too.
    k, v = k[:, :, :1], v[:, :, :1]
    assert_close(b.compute_hilbert_attention(q, k, v), to_numpy(a.compute_hilbert_attention(q, k, v)))


def test_cross_attention():
    q, k, v = qkv(tokens=20, keys=35)
    module = Layer(32, 2, segment_size=50, use_hilbert_core=True)
    wanted, *_ = reference.attention(*map(to_numpy, (q, k, v)))
    assert_close(module.compute_hilbert_attention(q, k, v), wanted)
    assert_close(Layer(32, 2).compute_hilbert_attention(q, k, v), wanted)


@pytest.mark.parametrize("flat", [False, True])
def test_ordering_only_mode(flat):
    """The user's attention sees tokens by position; the result is by token."""
    module = OwnAttention(32, 2)
    q, k, v = qkv(flat=flat)
    table, inverse = ha.Order(35).permutation(), ha.Order(35).inverse()
    actual = module.compute_hilbert_attention(q, k, v, bias=0.5)
    for seen, given in zip(module.seen, (q, k, v)):
        assert torch.equal(seen, given[:, table])
    assert torch.equal(actual, (q[:, table] + 10 * k[:, table].flip(1) + v[:, table] + 0.5)[:, inverse])
    assert torch.equal(module.compute_hilbert_attention(q, k, v, False), q + 10 * k.flip(1) + v)
    assert module.seen[0] is q


@pytest.mark.parametrize("flat", [False, True])
def test_ordering_only_mode_without_an_attention(flat):
    """scaled_dot_product_attention of the heads; causality is by position then."""
    q, k, v = qkv(flat=flat)
    module = Layer(32, 2)
    heads = [to_numpy(t.view(2, 35, 2, 16)) for t in (q, k, v)]
    table = ha.Order(35).permutation("cpu")
    for arguments, causal in (({}, None), ({"is_causal": True}, "position")):
        orders = {"q_order": table, "kv_order": table, "out_order": table}
        wanted, *_ = reference.attention(*heads, causal=causal, **orders)
        actual = module.compute_hilbert_attention(q, k, v, **arguments)
        assert actual.shape == q.shape
        assert_close(actual.view(2, 35, 2, 16), wanted)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_ordering(dim):
    module = Layer(32, 2, order=ha.Order((5, 7), "snake"))
    table = ha.Order((5, 7), "snake").permutation()
    assert torch.equal(module.get_hilbert_indices(35, DEVICE), table)
    assert torch.equal(module.get_inverse_hilbert_indices(35, DEVICE)[table], torch.arange(35))
    t = torch.randn(35, 35, 35)
    ordered = module.apply_hilbert_ordering(t, dim=dim)
    assert torch.equal(ordered, t.index_select(dim, table)) and not torch.equal(ordered, t)
    assert torch.equal(module.apply_hilbert_ordering(ordered, inverse=True, dim=dim), t)


@pytest.mark.parametrize("core", [True, False])
def test_mixin_dropout(core):
    module = Layer(32, 2, dropout=0.5, use_hilbert_core=core)
    q, k, v = qkv()
    dropped = module.compute_hilbert_attention(q, k, v) == 0
    assert 0.3 < dropped.float().mean() < 0.7
    module.eval()
    assert (module.compute_hilbert_attention(q, k, v) != 0).all()


def test_mixin_in_a_model():
    """Trains, compiles and copies as part of a user's module."""

    class Block(HilbertAttentionMixin, nn.Module):
        def __init__(self):
            super().__init__()
            self.project = nn.Linear(32, 96)
            self.setup_hilbert_attention(32, 2, segment_size=10, use_hilbert_core=True)

        def forward(self, x):
            return self.compute_hilbert_attention(*self.project(x).chunk(3, dim=-1))

    torch._dynamo.reset()
    block, x = Block(), torch.randn(2, 35, 32)
    assert set(block.state_dict()) == {"project.weight", "project.bias"}
    block(x).square().sum().backward()
    wanted = block.project.weight.grad.clone()
    block.zero_grad()
    torch.compile(block, fullgraph=True, backend="aot_eager")(x).square().sum().backward()
    assert_same(block.project.weight.grad, wanted, 1e-5)
    assert torch.equal(copy.deepcopy(block)(x), block(x))
