# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Order and create_hilbert_mapping: tables, values, copies."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

import hilbert_attention as ha
from hilbert_attention import Order, create_hilbert_mapping

ORDERS = [
    Order(1),
    Order(64),
    Order(1009),
    Order((7, 12)),
    Order((4, 6, 10), "morton"),
    Order((9, 5), "snake"),
    Order((30, 45), "hilbert", (8, 16)),
    Order([96], "raster"),
]


@pytest.mark.parametrize("order", ORDERS, ids=repr)
def test_tables(order):
    table, inverse = order.permutation(), order.inverse()
    assert table.dtype == inverse.dtype == torch.int64 and table.device.type == "cpu"
    assert sorted(table.tolist()) == list(range(len(order)))
    assert torch.equal(inverse[table], torch.arange(len(order)))


def test_classic_curve():
    """Four boxes of four, from (0, 0) along the rows."""
    wanted = [0, 1, 5, 4, 8, 12, 13, 9, 10, 14, 15, 11, 7, 6, 2, 3]
    assert create_hilbert_mapping((4, 4)).tolist() == wanted
    assert create_hilbert_mapping(16).tolist() == wanted
    assert create_hilbert_mapping((4, 4), "snake").tolist() == [0, 1, 2, 3, 7, 6, 5, 4, 8, 9, 10, 11, 15, 14, 13, 12]
    assert create_hilbert_mapping((2, 4), curve="morton").tolist() == [0, 1, 4, 5, 2, 3, 6, 7]
    assert create_hilbert_mapping((2, 3), curve="raster").tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("extents", [(8, 8), (6, 10), (7, 9), (8, 6, 4)])
def test_neighbours(extents):
    """Consecutive positions are neighbours on the grid."""
    cells = np.stack(np.unravel_index(create_hilbert_mapping(extents).numpy(), extents), 1)
    assert (np.abs(np.diff(cells, axis=0)).sum(1) == 1).all()


def test_tiles():
    """Every full tile is an aligned run of positions and a box of the grid."""
    table = create_hilbert_mapping((30, 45), tile=(8, 16)).numpy()
    boxes = set()
    for run in table[: 3 * 2 * 128].reshape(-1, 128):
        rows, columns = np.unravel_index(run, (30, 45))
        assert rows.max() - rows.min() == 7 and columns.max() - columns.min() == 15
        boxes.add((rows.min() // 8, columns.min() // 16))
    assert len(boxes) == 6


@pytest.mark.parametrize("length,grid", [(64, (8, 8)), (128, (8, 16)), (12, (3, 4)), (1009, (32, 32)), (7, (3, 3))])
def test_bare_length(length, grid):
    """The most nearly square grid, or one that lacks its last cells."""
    assert Order(length).extents == grid and len(Order(length)) == length
    cells = create_hilbert_mapping(grid)
    assert torch.equal(create_hilbert_mapping(length), cells[cells < length])


def test_results_are_the_callers():
    """Writing to a table changes no later one, nor attention."""
    order = Order((5, 9))
    q = torch.randn(1, 45, 1, 8)
    wanted, out = order.permutation(), ha.attention(q, q, q, order=order, segment=7)
    for call in (order.permutation, order.inverse, lambda: create_hilbert_mapping((5, 9))):
        table = call()
        kept = table.clone()
        table.zero_()
        assert torch.equal(call(), kept)
    assert torch.equal(order.permutation(), wanted)
    assert torch.equal(ha.attention(q, q, q, order=order, segment=7), out)


def test_device():
    assert Order(64).permutation("meta").device.type == "meta"
    with torch.device("meta"):
        assert Order(64).permutation().device.type == "meta"
        assert create_hilbert_mapping(64).device.type == "cpu"


def test_values():
    order = Order((8, 16), "morton", (4, 4))
    same = [Order([8, 16], curve="morton", tile=[4, 4]), Order((np.int64(8), 16), "morton", (np.int32(4), 4))]
    same += [copy.copy(order), copy.deepcopy(order), pickle.loads(pickle.dumps(order)), eval(repr(order))]
    for other in same:
        assert other == order and hash(other) == hash(order) and len({other, order}) == 1
    for other in (Order((8, 16), "morton"), Order((16, 8), "morton", (4, 4)), Order((8, 16), tile=(4, 4)), Order(128)):
        assert other != order
    assert (order.extents, order.curve, order.tile, len(order)) == ((8, 16), "morton", (4, 4), 128)
    assert Order(5).tile is None and eval(repr(Order(5))) == Order(5)


def test_immutable():
    order = Order(64)
    for name in ("spec", "extents", "colour"):
        with pytest.raises(AttributeError):
            setattr(order, name, 1)
    with pytest.raises(AttributeError):
        del order.spec
    with pytest.raises(AttributeError):
        ha.Branch(8).segment = 9


@pytest.mark.parametrize(
    "branch,text",
    [
        (ha.Branch(256), "(segment = 256)"),
        (ha.Branch(None, 2), "(segment = dense, dilation = 2)"),
        (ha.Branch(64, 2, "both", "head"), "(segment = 64, dilation = 2, mode = both, offset = head)"),
        (ha.Branch(64, 3, "residues"), "(segment = 64, dilation = 3, mode = residues)"),
        (ha.Branch(9, 3, offset=[0, np.int64(2)]), "(segment = 9, dilation = 3, offset = [0, 2])"),
    ],
)
def test_branch(branch, text):
    assert str(branch) == text
    for other in (copy.deepcopy(branch), pickle.loads(pickle.dumps(branch)), eval(repr(branch), vars(ha))):
        assert other == branch and hash(other) == hash(branch)


def test_imports_are_lazy():
    """Neither torch nor jax is imported for NumPy's sake, nor needed."""
    program = """if True:
        import sys
        sys.modules["torch"] = sys.modules["jax"] = None  # Importing them fails.
        import numpy as np
        import hilbert_attention as ha
        q = np.ones((1, 12, 1, 8), np.float32)
        assert (ha.attention(q, q, q, order=(3, 4), segment=5) == 1).all()
        assert "HilbertAttentionCore" in dir(ha)
        for name in ("HilbertAttentionCore", "HilbertAttentionMixin"):
            try:
                getattr(ha, name)
                raise SystemExit(f"{name} without torch")
            except ImportError:
                pass
        try:
            ha.colour
            raise SystemExit("colour")
        except AttributeError:
            pass
        """
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_exports():
    assert {name for name in ha.__all__ if getattr(ha, name) is None} == set()
    assert ha.HilbertAttentionCore is ha.modules.HilbertAttentionCore
    assert ha.__version__.count(".") == 2
