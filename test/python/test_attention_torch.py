# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""hilbert_attention.attention() of torch tensors against the definition."""

import math
import dataclasses
import os
import random
import warnings

import numpy as np
import pytest
import torch

import hilbert_attention as ha
import reference
from devices import DEVICE, ON_GPU, TOLERANCES, representable, to_numpy, tolerance
from hilbert_attention import _C
from problems import SEED

COUNT = int(os.environ.get("HILBERT_TEST_COUNT", 60)) // 2  # Each makes two kernels.
NAMES = ("out", "lse", "dq", "dk", "dv")


@pytest.fixture(autouse=True)
def poison():
    """Fresh memory is NaN, so that what a kernel does not write shows."""
    torch.use_deterministic_algorithms(True)
    assert torch.empty(3).isnan().all()
    yield
    torch.use_deterministic_algorithms(False)


@dataclasses.dataclass
class Case:
    """Sizes and arguments of one call."""

    batch: int = 2
    queries: int = 45
    keys: int = 45
    heads: int = 2
    key_heads: int = 2
    depth: int = 16
    dtype: torch.dtype = torch.float32
    arguments: dict = dataclasses.field(default_factory=dict)  # Of attention().

    def shape(self, tokens, heads):
        middle = (tokens, heads) if self.arguments.get("layout", "bnhd") == "bnhd" else (heads, tokens)
        return (self.batch, *middle, self.depth)

    def tensors(self, seed=0):
        """q, k, v, dout, dlse."""
        generator = torch.Generator(DEVICE).manual_seed(seed)
        q, k = self.shape(self.queries, self.heads), self.shape(self.keys, self.key_heads)
        tensors = [representable(torch.randn(shape, generator=generator).to(self.dtype)) for shape in (q, k, k, q)]
        return [*tensors, torch.randn((self.batch, self.heads, self.queries), generator=generator)]


def table(order):
    """The order of an argument as a table on the CPU, or None."""
    if order is None or isinstance(order, torch.Tensor):
        return order if order is None else order.cpu()
    order = order if isinstance(order, ha.Order) else ha.Order(order)
    return order.permutation("cpu")


def assert_close(actual, wanted, limit=1e-5, name=""):
    reference.assert_close(to_numpy(actual), wanted, tolerance(limit), name)


def expected(case, q, k, v, dout, dlse):
    """(out, lse, dq, dk, dv) by the definition."""
    a = dict(case.arguments)
    order = a.pop("order", None)
    orders = [order, a.pop("kv_order", None), a.pop("out_order", None)]
    orders = [table(order if o is None else o) for o in orders]
    branches = a.pop("branches", None) or [
        ha.Branch(a.pop("segment", None), a.pop("dilation", 1), a.pop("mode", "keys"), a.pop("offset", "zero"))
    ]
    return reference.attention(
        *map(to_numpy, (q, k, v)),
        q_order=orders[0],
        kv_order=orders[1],
        out_order=orders[2],
        branches=[dataclasses.astuple(branch) for branch in branches],
        dout=to_numpy(dout),
        dlse=to_numpy(dlse),
        **a,
    )


def attend(case, q, k, v, dout, dlse):
    """The same from the library, as tensors."""
    q, k, v = (t.detach().requires_grad_() for t in (q, k, v))
    out, lse = ha.attention(q, k, v, return_lse=True, **case.arguments)
    assert out.dtype == q.dtype and lse.dtype == torch.float32
    # Where lse is -inf its gradient means nothing.
    dlse = dlse.where(lse.isfinite(), torch.zeros(()))
    return (out.detach(), lse.detach(), *torch.autograd.grad([out, lse], [q, k, v], [dout, dlse]))


def check(case, tensors=None):
    tensors = case.tensors() if tensors is None else tensors
    actual = attend(case, *tensors)
    wanted = expected(case, *tensors)
    for name, a, w in zip(NAMES, actual, wanted, strict=True):
        reference.assert_close(to_numpy(a), w, TOLERANCES[case.dtype], f"{name} of {case}")
    return wanted


# ===----------------------------------------------------------------------===
# Any configuration
# ===----------------------------------------------------------------------===


def random_order(rng, grid, tokens, batch):
    kind = rng.choice(["order", "order", "extents", "table", "tables"])
    if kind == "order":
        tile = [rng.randint(1, s + 1) for s in grid] if rng.random() < 0.3 else None
        return ha.Order(tuple(grid), rng.choice(["hilbert", "morton", "snake"]), tile)
    if kind == "extents":
        return tokens if rng.random() < 0.5 else tuple(grid)
    seeds = torch.Generator(DEVICE).manual_seed(rng.randrange(10**9))
    dtype = rng.choice([torch.int32, torch.int64])
    if kind == "table":
        return torch.randperm(tokens, generator=seeds, dtype=dtype)
    return torch.stack([torch.randperm(tokens, generator=seeds, dtype=dtype) for _ in range(batch)])


def random_branch(rng, heads):
    dilation = rng.choice([1, 1, 2, 3, 7])
    mode = rng.choice(["keys", "both", "residues"])
    offsets = ["zero", "head", "longnet", [rng.randrange(dilation) for _ in range(heads)]]
    offset = "zero" if mode == "residues" else rng.choice(offsets)
    return ha.Branch(rng.choice([rng.randint(1, 40), 64, None]), dilation, mode, offset)


def random_case(rng):
    case = Case(batch=rng.choice([1, 2, 3]), key_heads=rng.choice([1, 2, 3]))
    case.heads = case.key_heads * rng.choice([1, 1, 2, 3])
    case.depth = 8 * rng.choice([1, 2, 3, 5, 7, 8, 10, 16, 25, 32])
    case.dtype = rng.choice([torch.float32, torch.float32, torch.float16, torch.bfloat16])
    grid = rng.choice([[rng.randint(1, 150)], [rng.randint(1, 12), rng.randint(1, 12)], [8, 16], [3, 5, 7]])
    case.queries = case.keys = int(np.prod(grid))
    a = case.arguments
    if rng.random() < 0.8:
        a["order"] = random_order(rng, grid, case.queries, case.batch)
    if rng.random() < 0.3:
        a["kv_order"] = random_order(rng, grid, case.keys, case.batch)
    if rng.random() < 0.3:
        a["out_order"] = random_order(rng, grid, case.queries, case.batch)
    if rng.random() < 0.25:
        a["branches"] = [random_branch(rng, case.heads) for _ in range(rng.choice([1, 2, 3]))]
    elif rng.random() < 0.9:
        a.update(dataclasses.asdict(random_branch(rng, case.heads)))
    causal = [None, None, "token"] + ([] if "kv_order" in a else ["position"])
    a["causal"] = rng.choice(causal)
    a["layout"] = rng.choice(["bnhd", "bhnd"])
    if rng.random() < 0.3:
        a["scale"] = rng.uniform(0.05, 1.0)
    return case


@pytest.mark.parametrize("index", range(COUNT))
def test_random(index):
    case = random_case(random.Random(SEED * 1000 + index))
    try:
        check(case, case.tensors(index))
    except Exception as error:
        error.add_note(f"HILBERT_TEST_SEED={SEED}, index {index}: {case}")
        raise


# ===----------------------------------------------------------------------===
# Sets of keys
# ===----------------------------------------------------------------------===

TWO = [ha.Branch(9, 2, "both", [1, 0]), ha.Branch(20, 3, "keys", "head")]


@pytest.mark.parametrize(
    "arguments",
    [
        {"segment": 17, "dilation": 3, "order": 45, "causal": "token"},
        {"segment": 17, "dilation": 3, "order": (5, 9), "mode": "both", "offset": [2, 1]},
        {"branches": TWO, "order": (5, 9)},
    ],
    ids=["keys", "both", "branches"],
)
def test_foreign_keys(arguments):
    """Keys that a query does not meet do not exist for it, even NaN."""
    case = Case(batch=1, arguments=arguments)
    tensors = case.tensors(1)
    clean = attend(case, *tensors)
    # A key whose gradient is exactly zero is met by nobody that has a gradient.
    dout = torch.zeros_like(tensors[3])
    rows = [3, 20, 31]
    dout[:, rows] = tensors[3][:, rows]
    dlse = torch.zeros_like(tensors[4])
    met = attend(case, *tensors[:3], dout, dlse)[4].abs().sum(-1) > 0
    wanted = expected(case, *tensors[:3], dout, dlse)[4]
    assert (met.cpu().numpy() == (np.abs(wanted).sum(-1) > 0)).all() and met.any() and not met.all()
    poisoned = [tensors[0], *(t.masked_fill(~met[..., None], float("nan")) for t in tensors[1:3])]
    out = ha.attention(*poisoned, **arguments)
    assert torch.equal(out[:, rows], clean[0][:, rows])


@pytest.mark.parametrize("count", [1, 2])
def test_empty_sets(count):
    """out = 0, lse = -inf and no gradient from or to a query without keys."""
    branches = [ha.Branch(17, 3, "both", [2, 1]), ha.Branch(9, 2, "both", [1, 0])][:count]
    case = Case(queries=36, keys=36, arguments={"branches": branches, "order": 36})
    tensors = case.tensors(2)
    wanted = expected(case, *tensors)
    empty = np.isneginf(wanted[1])
    assert empty.any() and not empty.all()
    rows = torch.from_numpy(empty.transpose(0, 2, 1)).to(DEVICE)
    tensors[0][rows] = float("nan")
    tensors[3][rows] = float("nan")
    actual = attend(case, *tensors)
    for name, a, w in zip(NAMES, actual, wanted):
        assert_close(a, w, name=name)
    assert (actual[0][rows] == 0).all() and (actual[2][rows] == 0).all()


def test_several_branches_count_keys():
    """A key that two branches reach counts twice."""
    case = Case(arguments={"branches": [ha.Branch(15), ha.Branch(15, 2)], "order": 45})
    wanted = check(case)
    single = expected(dataclasses.replace(case, arguments={"segment": 15, "order": 45}), *case.tensors())
    assert np.abs(wanted[0] - single[0]).max() > 0.1


def test_more_keys_than_queries():
    """The segment covers both; each side has its own order."""
    arguments = {"order": (4, 5), "kv_order": ha.Order((7, 11), "morton"), "segment": 100, "causal": "token"}
    check(Case(queries=20, keys=77, arguments=arguments))
    check(Case(queries=77, keys=20, arguments={}))


# ===----------------------------------------------------------------------===
# Orders
# ===----------------------------------------------------------------------===


def test_kinds_of_orders_agree():
    case = Case(queries=48, keys=48, arguments={"segment": 10, "causal": "position"})
    q, k, v, *_ = case.tensors(3)
    order = ha.Order((6, 8))
    table = order.permutation()
    kinds = [order, (6, 8), [6, 8], 48, table, table.int(), table.expand(2, 48), table.repeat_interleave(2)[::2]]
    outs = [ha.attention(q, k, v, order=o, **case.arguments) for o in kinds]
    for o, out in zip(kinds, outs):
        assert torch.equal(out, outs[0]), o


def test_orders_are_independent():
    """Each order alone; a result can be row-major while q, k and v are not."""
    raster = ha.Order(45, curve="raster")
    for arguments in (
        {"order": (5, 9), "out_order": raster},
        {"kv_order": torch.randperm(45)},
        {"order": raster, "out_order": ha.Order((5, 9), "snake")},
    ):
        check(Case(batch=1, arguments={"segment": 12, "causal": "token", **arguments}))


def test_a_result_is_not_an_input():
    """Arguments are left as they are."""
    case = Case(arguments={"segment": 10, "order": torch.randperm(45)})
    tensors = case.tensors(4)
    before = [t.clone() for t in tensors]
    order = case.arguments["order"].clone()
    attend(case, *tensors)
    assert all(map(torch.equal, tensors, before))
    assert torch.equal(order, case.arguments["order"])


# ===----------------------------------------------------------------------===
# Memory
# ===----------------------------------------------------------------------===


def test_packed_qkv_is_not_copied():
    qkv = representable(torch.randn(2, 45, 3, 4, 24)).requires_grad_()
    case = Case(heads=4, key_heads=4, depth=24, arguments={"segment": 16, "order": 45})
    *_, dout, dlse = case.tensors(5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        q, k, v = qkv.unbind(2)
        assert not q.is_contiguous()
        out, lse = ha.attention(q, k, v, return_lse=True, **case.arguments)
        (gradient,) = torch.autograd.grad([out, lse], qkv, [dout, dlse])
    wanted = expected(case, *qkv.detach().unbind(2), dout, dlse)
    for name, a, w in zip(NAMES, (out.detach(), lse.detach(), *gradient.unbind(2)), wanted):
        assert_close(a, w, 2e-5, name)


def test_strides_of_results():
    """out has the memory order of q, so that heads merge without a copy."""
    q = torch.randn(2, 45, 4, 16).transpose(1, 2)
    assert ha.attention(q, q, q, layout="bhnd").stride() == q.stride()
    assert ha.attention(q, q, q, layout="bhnd").transpose(1, 2).is_contiguous()


def strided(t):
    return t.movedim(3, 0).contiguous().movedim(0, 3), r"head dimension has a stride of \d+ bytes, not 4"


def ragged(t):
    return torch.nn.functional.pad(t, (0, 1))[..., :-1], r"stride 2 is 68 bytes, not a multiple of 16"


def misaligned(t):
    return torch.empty(t.numel() + 1)[1:].view(t.shape).copy_(t), "not 16-byte aligned"


@pytest.mark.parametrize("spoil", [strided, ragged, misaligned])
@pytest.mark.parametrize("name", ["q", "k", "v"])
def test_copies_are_announced(spoil, name):
    case = Case(arguments={"segment": 16, "order": 45})
    q, k, v, *gradients = case.tensors(6)
    tensors = {"q": q, "k": k, "v": v}
    wanted = attend(case, q, k, v, *gradients)
    tensors[name], reason = spoil(tensors[name])
    with pytest.warns(ha.CopyWarning, match=f"^{name} is copied: .*{reason}"):
        actual = attend(case, *tensors.values(), *gradients)
    assert all(map(torch.equal, actual, wanted))


@pytest.mark.parametrize("name", ["q", "k", "v", "dout"])
def test_negative_views(name):
    """Memory of such a view holds the negative of what it stands for."""
    case = Case(arguments={"segment": 16, "order": 45})
    tensors = dict(zip(("q", "k", "v", "dout", "dlse"), case.tensors(6)))
    wanted = attend(case, *tensors.values())
    tensors[name] = torch._neg_view(-tensors[name])
    assert tensors[name].is_neg()
    assert all(map(torch.equal, attend(case, *tensors.values()), wanted))


def test_expanded_batch():
    """Strides of 0 are multiples of 16, too."""
    case = Case(batch=3, arguments={"segment": 16})
    q, k, v, dout, dlse = case.tensors(7)
    k = k[:1].expand(3, -1, -1, -1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(case, [q, k, v, dout, dlse])


def test_strides_of_single_elements():
    """A dimension of size 1 may have any stride."""
    q = torch.randn(2000).as_strided((1, 45, 1, 16), (7, 32, 3, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = ha.attention(q, q, q, order=45, segment=16)
        if not ON_GPU:
            assert np.array_equal(ha.attention(q.numpy(), q.numpy(), q.numpy(), order=45, segment=16), out.numpy())
    assert torch.equal(out, ha.attention(*(q.clone(),) * 3, order=45, segment=16))


@pytest.mark.parametrize("shape", [(0, 45), (2, 0)])
def test_no_queries(shape):
    q = torch.randn(*shape, 2, 16, requires_grad=True)
    out, lse = ha.attention(q, q, q, segment=16, return_lse=True)
    assert out.shape == q.shape and lse.shape == (shape[0], 2, shape[1])
    out.sum().backward()
    assert q.grad.shape == q.shape


def test_no_keys():
    q, k = torch.randn(2, 5, 2, 16), torch.randn(2, 0, 2, 16)
    out, lse = ha.attention(q, k, k, return_lse=True)
    assert (out == 0).all() and torch.isneginf(lse).all()


# ===----------------------------------------------------------------------===
# Kernels
# ===----------------------------------------------------------------------===


def test_sizes_and_scale_do_not_compile():
    """Another batch, number of heads or tokens, order of a kind, or scale: one kernel."""
    depth = 8 * random.randint(1, 32)

    def call(batch, grid, heads, **arguments):
        q, k, v = (torch.randn(batch, grid[0] * grid[1], heads, depth, requires_grad=True) for _ in range(3))
        out = ha.attention(q, k, v, order=grid, segment=50, dilation=3, causal="token", **arguments)
        torch.autograd.grad(out, [q, k, v], torch.randn_like(out))

    call(1, (6, 8), 2)
    before = _C.statistics()
    call(3, (5, 9), 2)
    call(2, (16, 16), 1)
    call(1, (6, 8), 3, scale=0.7)
    after = _C.statistics()
    assert after["compilations"] == before["compilations"]
    assert after["disk_hits"] == before["disk_hits"]
    # What a GPU prepared for these sizes is found without a look at its code.
    assert ON_GPU or after["memory_hits"] > before["memory_hits"]


def test_deterministic():
    case = Case(queries=300, keys=300, arguments={"segment": 100, "order": 300, "deterministic": True})
    tensors = case.tensors(8)
    first = attend(case, *tensors)
    threads = _C.num_threads()
    try:
        for count in (1, 2, 3):
            _C.set_num_threads(count)
            assert all(map(torch.equal, attend(case, *tensors), first))
    finally:
        _C.set_num_threads(threads)


@pytest.mark.parametrize("dilation", [7, 8, 1000, 2**31 - 1])
@pytest.mark.parametrize("mode", ["keys", "both", "residues"])
def test_dilation_from_the_segment_on(mode, dilation):
    """A residue has one member: everything is known, whatever q and k are."""
    q, k, v = (representable(torch.randn(2, 17, 2, 8)).requires_grad_() for _ in range(3))
    try:
        out, lse = ha.attention(q, k, v, segment=7, dilation=dilation, mode=mode, return_lse=True)
    except ValueError as error:
        assert ON_GPU and dilation > 2**29 and "blocks, but a grid has at most" in str(error)
        pytest.skip(str(error))
    dout = representable(torch.randn_like(out))
    dq, dk, dv = torch.autograd.grad(out, (q, k, v), dout)
    first = torch.tensor([p - p % 7 for p in range(17)])
    scores = (q * (k if mode == "residues" else k[:, first])).sum(-1) * 8**-0.5
    if mode == "residues":
        wanted, wanted_dv = v, dout
    else:
        wanted = v[:, first]
        taken = dout.clone()
        if mode == "both":
            others = first != torch.arange(17)
            wanted[:, others], taken[:, others], scores[:, others] = 0, 0, -math.inf
        wanted_dv = torch.zeros_like(v).index_add(1, first, taken)
    torch.testing.assert_close(out, wanted, rtol=0, atol=1e-6)
    torch.testing.assert_close(lse, scores.transpose(1, 2), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(dv, wanted_dv)
    for gradient in (dq, dk):
        torch.testing.assert_close(gradient, torch.zeros_like(gradient), rtol=0, atol=tolerance(1e-5, 1e-4))
