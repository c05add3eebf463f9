# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""explain() on the CPU; what it tells of a GPU is tested on one."""

import dataclasses

import numpy as np
import pytest
import torch

import hilbert_attention as ha
import reference
from hilbert_attention import Branch, _C

BRANCHES = [
    Branch(None),
    Branch(16),
    Branch(17, 3),
    Branch(17, 3, "keys", "head"),
    Branch(100, 4, "both", "longnet"),
    Branch(16, 5, "residues"),
    Branch(20, 3, "both", [0, 2, 1, 1]),
]


def tensors(queries=45, keys=45):
    shapes = (2, queries, 4, 16), (2, keys, 2, 16), (2, keys, 2, 16)
    return [torch.randn(shape) for shape in shapes]


def count(branches, queries, keys):
    """Pairs by the definition: a key whose value is 1 adds exp(0) = 1 to a query's sum."""
    q, k, v = (np.zeros(t.shape) for t in tensors(queries, keys))
    lse = reference.attention(q, k, v, branches=[dataclasses.astuple(b) for b in branches])[1]
    return np.exp(lse).sum()


@pytest.mark.parametrize("branch", BRANCHES, ids=str)
def test_pairs(branch):
    q, k, v = tensors()
    told = ha.explain(q, k, v, branches=[branch])
    assert told.pairs == pytest.approx(count([branch], 45, 45))
    assert told.flops == told.pairs * 4 * 16
    assert ha.explain(q, k, v, branches=[branch], causal="position").pairs == told.pairs / 2
    assert ha.explain(q, k, v, branches=[branch], gradient=True).flops == told.pairs * 10 * 16


def test_pairs_of_several_branches_and_unequal_lengths():
    branches = [Branch(None, 3, "residues"), Branch(None, 2, "both", "head")]
    assert ha.explain(*tensors(45, 30), branches=branches).pairs == pytest.approx(count(branches, 45, 30))


def test_text_and_bytes():
    q, k, v = tensors()
    compilations = _C.statistics()["compilations"]
    told = ha.explain(q, k, v, segment=16, order=(5, 9))
    assert told.bytes == 2 * q.nbytes + 2 * k.nbytes + 2 * 4 * 45 * 4
    assert told.device == "cpu" and told.target is None and told.floor_ms is None
    assert str(told).startswith("device     cpu\nwork       ")
    assert _C.statistics()["compilations"] == compilations


def test_errors():
    q, k, v = tensors()
    with pytest.raises(ValueError, match="order must have as many tokens as its tensor, 45, but has 64"):
        ha.explain(q, k, v, order=(8, 8))
    with pytest.raises(TypeError, match="v must be a torch.Tensor"):
        ha.explain(q, k, None)
    with pytest.raises(ValueError, match="causal must be"):
        ha.explain(q, k, v, causal="no")
