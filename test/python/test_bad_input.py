# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Bad input: an error that names the argument, the constraint and the value."""

import numpy as np
import pytest
import torch
from torch import nn

import hilbert_attention as ha
from devices import DEVICE, ON_GPU
from hilbert_attention import Branch, HilbertAttentionCore, HilbertAttentionMixin, Order, create_hilbert_mapping

NAN, INF = float("nan"), float("inf")


def tensor(*shape, dtype=torch.float32):
    return torch.zeros(shape or (2, 16, 4, 8), dtype=dtype)


def numpy_array(*shape, dtype=np.float32):
    return np.zeros(shape or (2, 16, 4, 8), dtype)


def raises(error, match, call):
    with pytest.raises(error, match=match) as info:
        call()
    # Ours, not one that a framework wrapped into its own.
    assert type(info.value) is error


# ===----------------------------------------------------------------------===
# Order and Branch
# ===----------------------------------------------------------------------===

MOST = 2**31 - 1
OFFSETS = "offset must be zero, head, longnet or a list of integers"
KINDS = "q, k and v must all be torch tensors, NumPy arrays or JAX arrays"


@pytest.mark.parametrize(
    "arguments,error,match",
    [
        ((0,), ValueError, "extents must be at least 1, but is 0"),
        ((-4,), ValueError, "extents must be at least 1, but is -4"),
        ((2**31,), ValueError, f"extents must be at most {MOST}, but is {2**31}"),
        ((2.5,), TypeError, r"extents must be an integer, but is 2\.5"),
        (("64",), TypeError, "extents must be an integer, but is '64'"),
        ((None,), TypeError, "extents must be an integer, but is None"),
        ((True,), TypeError, "extents must be an integer, but is True"),
        ((torch.arange(3),), TypeError, r"extents must be an integer, but is tensor\(\[0, 1, 2\]"),
        (((),), ValueError, "extents must have 1 to 3 sizes, but has 0"),
        (((2, 2, 2, 2),), ValueError, "extents must have 1 to 3 sizes, but has 4"),
        (((8, 0),), ValueError, r"extents\[1\] must be at least 1, but is 0"),
        (((8, 8.0),), TypeError, r"extents\[1\] must be an integer, but is 8\.0"),
        (((2**20, 2**20),), ValueError, f"the product of extents must be at most {MOST}, but is {2**40}"),
        ((64, "peano"), ValueError, "curve must be hilbert, morton, snake or raster, but is 'peano'"),
        ((64, ["hilbert"]), ValueError, r"curve must be hilbert, morton, snake or raster, but is \['hilbert'\]"),
        (((8, 8), "hilbert", (4,)), ValueError, "tile must have a size for each of 2 axes, but has 1"),
        (((8, 8), "hilbert", (4, 0)), ValueError, r"tile\[1\] must be at least 1, but is 0"),
        (((8, 8), "hilbert", (4, "4")), TypeError, r"tile\[1\] must be an integer, but is '4'"),
        (((8, 8), "hilbert", 4), TypeError, "tile must be a tuple of integers, but is 4"),
    ],
)
def test_order(arguments, error, match):
    raises(error, match, lambda: Order(*arguments))
    raises(error, match, lambda: create_hilbert_mapping(*arguments))


@pytest.mark.parametrize(
    "arguments,error,match",
    [
        ((0,), ValueError, "segment must be at least 1, but is 0"),
        ((2**63,), ValueError, f"segment must be at most {2**63 - 1}, but is {2**63}"),
        ((64.0,), TypeError, r"segment must be an integer, but is 64\.0"),
        ((True,), TypeError, "segment must be an integer, but is True"),
        (("dense",), TypeError, "segment must be an integer, but is 'dense'"),
        ((64, 0), ValueError, "dilation must be at least 1, but is 0"),
        ((64, -2), ValueError, "dilation must be at least 1, but is -2"),
        ((64, 1.5), TypeError, r"dilation must be an integer, but is 1\.5"),
        ((64, 2, "key"), ValueError, "mode must be keys, both or residues, but is 'key'"),
        ((64, 2, None), ValueError, "mode must be keys, both or residues, but is None"),
        ((64, 2, "keys", "heads"), ValueError, f"{OFFSETS}, but is 'heads'"),
        ((64, 2, "keys", 1), ValueError, f"{OFFSETS}, but is 1"),
        ((64, 2, "keys", np.array([0, 1])), ValueError, OFFSETS + r", but is array\(\[0, 1\]\)"),
        ((64, 2, "keys", []), ValueError, r"offset must list one value for each query head, but is \[\]"),
        ((64, 2, "keys", [0, 2]), ValueError, r"offset\[1\] must be at most 1, but is 2"),
        ((64, 2, "both", [0, -1]), ValueError, r"offset\[1\] must be at least 0, but is -1"),
        ((64, 2, "both", [0, 0.5]), TypeError, r"offset\[1\] must be an integer, but is 0\.5"),
        ((64, 2, "residues", "head"), ValueError, "offset must be zero where mode is residues, but is 'head'"),
        ((64, 2, "residues", [1, 1]), ValueError, r"offset must be zero where mode is residues, but is \(1, 1\)"),
    ],
)
def test_branch(arguments, error, match):
    raises(error, match, lambda: Branch(*arguments))
    if arguments[0] is not None:
        keywords = dict(zip(("segment", "dilation", "mode", "offset"), arguments))
        q = tensor()
        raises(error, match, lambda: ha.attention(q, q, q, **keywords))


# ===----------------------------------------------------------------------===
# attention()
# ===----------------------------------------------------------------------===


@pytest.mark.parametrize("make", [tensor, numpy_array])
@pytest.mark.parametrize(
    "keywords,error,match",
    [
        ({"branches": []}, ValueError, "branches must have at least one Branch, but is empty"),
        ({"branches": Branch(8)}, TypeError, r"branches must be a list of Branch, but is Branch\(segment=8"),
        ({"branches": [Branch(8), 16]}, TypeError, r"branches\[1\] must be a Branch, but is 16"),
        (
            {"branches": [Branch(8)], "segment": 16},
            ValueError,
            r"branches exclude segment, dilation, mode and offset, but these are \(segment = 16\)",
        ),
        ({"branches": [Branch(8)], "dilation": 2}, ValueError, "branches exclude .* dilation = 2"),
        ({"causal": "tokens"}, ValueError, "causal must be None, \"token\" or \"position\", but is 'tokens'"),
        ({"causal": True}, ValueError, 'causal must be None, "token" or "position", but is True'),
        ({"layout": "nbhd"}, ValueError, "layout must be \"bnhd\" or \"bhnd\", but is 'nbhd'"),
        ({"layout": 1}, ValueError, 'layout must be "bnhd" or "bhnd", but is 1'),
        ({"scale": NAN}, ValueError, "scale must be finite in float32, but is nan"),
        ({"scale": -INF}, ValueError, "scale must be finite in float32, but is -inf"),
        ({"scale": 1e39}, ValueError, r"scale must be finite in float32, but is 1e\+39"),
        ({"scale": "1"}, TypeError, "scale must be a number, but is '1'"),
        ({"scale": torch.ones(())}, TypeError, r"scale must be a number, but is tensor\(1\."),
        ({"order": (4, 0)}, ValueError, r"extents\[1\] must be at least 1, but is 0"),
        ({"order": "hilbert"}, TypeError, "order must be an Order, extents .*, but is str"),
        ({"order": 16.0}, TypeError, "order must be an Order, extents .*, but is float"),
        ({"kv_order": {}}, TypeError, "kv_order must be an Order, extents .*, but is dict"),
        ({"out_order": 1j}, TypeError, "out_order must be an Order, extents .*, but is complex"),
        # What the library says.
        ({"order": 15}, ValueError, "order must have as many tokens .*, 16, but has 15"),
        ({"kv_order": (3, 5)}, ValueError, "kv_order must have as many tokens .*, 16, but has 15"),
        ({"out_order": Order((3, 5))}, ValueError, "out_order must have as many tokens .*, 16, but has 15"),
        ({"causal": "position", "order": 16, "kv_order": (2, 8)}, ValueError, "position needs equal order and kv_order"),
        ({"segment": 8, "offset": [0, 0]}, ValueError, "offset must list one .* for each of q's 4 heads, but lists 2"),
    ],
)
def test_arguments(make, keywords, error, match):
    q = make()
    raises(error, match, lambda: ha.attention(q, q, q, **keywords))


def test_unknown_keyword():
    q = tensor()
    raises(TypeError, "attn_mask", lambda: ha.attention(q, q, q, attn_mask=None))
    raises(TypeError, "dropout_p", lambda: ha.attention(q, q, q, dropout_p=0.1))
    raises(TypeError, "positional", lambda: ha.attention(q, q, q, Order(16)))


@pytest.mark.parametrize(
    "q,k,v,error,match",
    [
        ([[1.0]], None, None, TypeError, f"{KINDS}, but q is builtins.list"),
        (None, None, None, TypeError, "but q is builtins.NoneType"),
        (tensor(), numpy_array(), tensor(), TypeError, "k must be a torch.Tensor like q, but is numpy.ndarray"),
        (tensor(), tensor(), None, TypeError, "v must be a torch.Tensor like q, but is builtins.NoneType"),
        (numpy_array(), numpy_array(), tensor(), TypeError, "must all be .*, but v is torch.Tensor"),
        (tensor(dtype=torch.float64),) * 3
        + (TypeError, r"q must be float16, bfloat16 or float32, but is torch.float64; convert it with .float\(\)"),
        (tensor(), tensor(dtype=torch.int32), tensor(), TypeError, "k must be float16, .*, but is torch.int32"),
        (numpy_array(dtype=np.float64),) * 3
        + (TypeError, r"q must be float16 or float32, but is float64; convert it with .astype\(numpy.float32\)"),
        (numpy_array(dtype=">f4"),) * 3 + (TypeError, "q must be float16 or float32, but is >f4"),
        (tensor(2, 16, 32), tensor(), tensor(), ValueError, r"q must have 4 dimensions, but has shape \(2, 16, 32\)"),
        (tensor(), tensor(), tensor(16), ValueError, r"v must have 4 dimensions, but has shape \(16,\)"),
        (numpy_array(2, 16, 32),) * 3 + (ValueError, r"q must have 4 dimensions, but has shape \(2, 16, 32\)"),
    ],
)
def test_kinds(q, k, v, error, match):
    raises(error, match, lambda: ha.attention(q, k, v))


@pytest.mark.parametrize("make", [tensor, numpy_array])
@pytest.mark.parametrize(
    "q,k,v,match",
    [
        # What the library says: the argument or dimension, and the value.
        ((2, 16, 4, 12), (2, 16, 4, 12), (2, 16, 4, 12), "q's head dimension must be a multiple of 8 .*, but is 12"),
        ((2, 16, 4, 264), (2, 16, 4, 264), (2, 16, 4, 264), "256.*264"),
        ((2, 16, 4, 0), (2, 16, 4, 0), (2, 16, 4, 0), "multiple of 8.*0"),
        ((2, 16, 4, 8), (2, 16, 4, 16), (2, 16, 4, 16), "k must have q's head dimension, 8, but has 16"),
        ((2, 16, 4, 8), (3, 16, 4, 8), (3, 16, 4, 8), "k must have q's batch size, 2, but has 3"),
        ((2, 16, 4, 8), (2, 16, 3, 8), (2, 16, 3, 8), "q's heads must be a multiple of k's, but are 4 and 3"),
        ((2, 16, 4, 8), (2, 16, 0, 8), (2, 16, 0, 8), "q's heads must be a multiple of k's, but are 4 and 0"),
        ((2, 16, 4, 8), (2, 16, 4, 8), (2, 16, 2, 8), "v must have k's shape, .*, but has .*2, 16, 2, 8"),
        ((2, 16, 4, 8), (2, 16, 4, 8), (2, 15, 4, 8), "v must have k's shape, .*, but has .*2, 15, 4, 8"),
    ],
)
def test_shapes(make, q, k, v, match):
    raises(ValueError, match, lambda: ha.attention(make(*q), make(*k), make(*v)))


@pytest.mark.parametrize("make", [tensor, numpy_array])
def test_more_keys_need_long_segments(make):
    q, k = make(2, 16, 4, 8), make(2, 20, 4, 8)
    raises(ValueError, "equally many tokens unless every segment covers both, but have 16 and 20", lambda: ha.attention(q, k, k, segment=8))


def test_tile_of_a_bare_length():
    """A tile needs a whole grid; 13 tokens lack some of theirs."""
    match = "length must be 16 .* where a tile is given, but is 13"
    raises(ValueError, match, lambda: Order(13, tile=(2, 2)).permutation())
    raises(ValueError, match, lambda: Order(13, tile=(2, 2)).extents)


def test_mixed_dtypes():
    q, k = tensor(), tensor(dtype=torch.float16)
    raises(TypeError, "k must have q's element type, f32, but has f16", lambda: ha.attention(q, k, k))
    raises(TypeError, "v must have q's element type, f32, but has f16", lambda: ha.attention(q, q, k))


@pytest.mark.parametrize("name", ["order", "kv_order", "out_order"])
@pytest.mark.parametrize("library", [torch, np])
def test_runtime_orders(library, name, monkeypatch):
    if ON_GPU:  # Where looking at entries takes time, so it is done on request.
        monkeypatch.setenv("HILBERT_CHECK_ORDERS", "1")
    q = tensor() if library is torch else numpy_array()
    kind = "torch.float32" if library is torch else "float32"

    def call(order):
        return lambda: ha.attention(q, q, q, **{name: order})

    raises(TypeError, f"{name} must be int32 or int64, but is {kind}", call(library.ones(16, dtype=library.float32)))
    raises(TypeError, f"{name} must be int32 or int64, but is .*bool", call(library.arange(16) > 3))
    other = np.arange(16) if library is torch else torch.arange(16)
    raises(TypeError, f"{name} must be an Order, extents .*, but is (Tensor|ndarray)", call(other))
    raises(TypeError, "order must have rank 1.*, but has 3", call(library.zeros((2, 16, 1), dtype=library.int32)))
    for shape in ((15,), (3, 16), (2, 15)):
        raises(ValueError, r"order must have shape \[tokens\] or \[batch, tokens\].*, but has \[", call(library.zeros(shape, dtype=library.int32)))
    for wrong in (16, -1, 2**31, 2**32, -(2**40)):
        table = library.arange(16)
        table[5] = wrong
        raises(ValueError, "order must be a permutation of 0..15, but entry 5 is", call(table))


def test_repeated_tokens_are_checked_on_request(monkeypatch):
    q = tensor()
    table = torch.arange(16)
    table[5] = 4
    monkeypatch.setenv("HILBERT_CHECK_ORDERS", "1")
    raises(ValueError, "4 occurs twice", lambda: ha.attention(q, q, q, order=table))


@pytest.mark.parametrize("name", ["k", "v", "order", "kv_order", "out_order"])
def test_devices(name):
    """One argument elsewhere; "meta", which has no data, stands for every other device."""
    arguments = dict.fromkeys("qkv", tensor()) | {"order": torch.arange(16)}
    arguments[name] = (tensor() if name in "kv" else torch.arange(16)).to("meta")
    match = f"{name} must be on the device of q, {tensor().device}, but is on meta"
    raises(ValueError, match, lambda: ha.attention(**arguments))


def test_indices_have_no_gradient():
    table = torch.arange(16.0, requires_grad=True)
    match = "order must be int32 or int64, but is torch.float32"
    raises(TypeError, match, lambda: ha.attention(*[tensor()] * 3, order=table))


def test_mixed_layouts():
    """q by token and head, k and v by head and token."""
    q, k = tensor(), tensor().transpose(1, 2)
    raises(ValueError, "q's heads must be a multiple of k's, but are 4 and 16", lambda: ha.attention(q, k, k))
    raises(ValueError, "v must have k's shape, .*2, 16, 4, 8.*, but has .*2, 4, 16, 8", lambda: ha.attention(q, q, k))


def test_sparse():
    q = tensor().to_sparse()
    with pytest.raises(TypeError, match="q must be strided, but is torch.sparse_coo"):
        ha.attention(q, q, q)


# ===----------------------------------------------------------------------===
# Modules
# ===----------------------------------------------------------------------===


class Layer(HilbertAttentionMixin, nn.Module):
    pass


@pytest.mark.parametrize("core", [True, False])
@pytest.mark.parametrize(
    "arguments,error,match",
    [
        ({"segment_size": 0}, ValueError, "segment_size must be at least 1, but is 0"),
        ({"segment_size": 8.0}, TypeError, r"segment_size must be an integer, but is 8\.0"),
        ({"dilation_rate": 0}, ValueError, "dilation_rate must be at least 1, but is 0"),
        ({"hidden_dim": 0}, ValueError, "hidden_dim must be at least 1, but is 0"),
        ({"num_heads": 0}, ValueError, "num_heads must be at least 1, but is 0"),
        ({"num_heads": 3}, ValueError, "hidden_dim must be a multiple of num_heads, 3, but is 32"),
        ({"num_heads": 8}, ValueError, "hidden_dim / num_heads must be a multiple of 8 .*, but is 32 / 8 = 4"),
        ({"hidden_dim": 528, "num_heads": 2}, ValueError, "at most 256, but is 528 / 2 = 264"),
        ({"dropout": 1.5}, ValueError, r"dropout must be from 0 to 1, but is 1\.5"),
        ({"dropout": NAN}, ValueError, "dropout must be from 0 to 1, but is nan"),
        ({"order": (4, 0)}, ValueError, r"extents\[1\] must be at least 1, but is 0"),
        ({"order": torch.arange(16)}, TypeError, "order must be an Order, .*, but is Tensor"),
    ],
)
def test_setup(core, arguments, error, match):
    arguments = {"hidden_dim": 32, "num_heads": 2, **arguments}
    if core:
        raises(error, match, lambda: HilbertAttentionCore(**arguments))
    else:
        raises(error, match, lambda: Layer().setup_hilbert_attention(use_hilbert_core=True, **arguments))


def test_core_input():
    core = HilbertAttentionCore(32, 2)
    raises(ValueError, r"x must be \[B, N, 32\], but has shape \(2, 16\)", lambda: core(tensor(2, 16)))
    raises(ValueError, r"x must be \[B, N, 32\], but has shape \(2, 16, 31\)", lambda: core(tensor(2, 16, 31)))
    match = "order must have as many tokens as the input, 16, but has 15"
    raises(ValueError, match, lambda: core(tensor(2, 16, 32), order=(3, 5)))
    raises(ValueError, match, lambda: HilbertAttentionCore(32, 2, order=15)(tensor(2, 16, 32)))


def test_mixin_before_setup():
    q = tensor()
    for call in (
        lambda: Layer().compute_hilbert_attention(q, q, q),
        lambda: Layer().apply_hilbert_ordering(q),
        lambda: Layer().get_hilbert_indices(16, DEVICE),
        lambda: Layer().get_inverse_hilbert_indices(16, DEVICE),
    ):
        raises(RuntimeError, "setup_hilbert_attention must be called before", call)


@pytest.mark.parametrize("core", [True, False])
def test_mixin_input(core):
    layer = Layer()
    layer.setup_hilbert_attention(32, 2, use_hilbert_core=core)
    match = r"v must be \[B, N, H, D\] or \[B, N, H \* 16\], but has shape \(2, 16, 31\)"
    q = tensor(2, 16, 32)
    raises(ValueError, match, lambda: layer.compute_hilbert_attention(q, q, tensor(2, 16, 31)))
    raises(ValueError, "extents must be at least 1, but is 0", lambda: layer.get_hilbert_indices(0, DEVICE))
