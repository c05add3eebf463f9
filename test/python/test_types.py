# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The types that the package declares are those that it has, and that its users'
checkers see."""

import os
import subprocess
import sys

import hilbert_attention

USES = """
import numpy as np
import torch
from hilbert_attention import Branch, HilbertAttentionCore, Order, attention, create_hilbert_mapping

q = torch.randn(1, 64, 2, 8)
reveal_type(attention(q, q, q, order=(8, 8), segment=16))
reveal_type(attention(q, q, q, order=Order(64), branches=[Branch(16)], return_lse=True))
reveal_type(attention(np.zeros((1, 4, 1, 8)), np.zeros((1, 4, 1, 8)), np.zeros((1, 4, 1, 8)), causal="token"))
reveal_type(create_hilbert_mapping(64))
reveal_type(HilbertAttentionCore(64, 4)(q))
reveal_type(Order((4, 4), tile=(2, 2)).extents)
attention(q, q, q, mode="key")
attention(q, q)
"""
EXPECTED = [
    'Revealed type is "torch._tensor.Tensor"',
    'Revealed type is "tuple[torch._tensor.Tensor, torch._tensor.Tensor]"',
    'Revealed type is "numpy.ndarray[Any, Any]"',
    'Revealed type is "torch._tensor.Tensor"',
    'Revealed type is "Any"',  # What nn.Module.__call__ declares.
    'Revealed type is "tuple[int, ...]"',
]


def run(*command, folder):
    package = os.path.dirname(os.path.dirname(hilbert_attention.__file__))
    environment = {**os.environ, "MYPYPATH": package, "PYTHONPATH": package}
    return subprocess.run(
        [sys.executable, "-m", *command], env=environment, cwd=folder, capture_output=True, text=True, timeout=300
    )


def test_users_see_types(tmp_path):
    (tmp_path / "uses.py").write_text(USES)
    result = run("mypy", "--follow-imports=silent", "uses.py", folder=tmp_path)
    notes = [line.split(": note: ")[1] for line in result.stdout.splitlines() if "Revealed" in line]
    notes = [note.replace("builtins.", "") for note in notes]
    assert notes == EXPECTED, result.stdout
    errors = [line for line in result.stdout.splitlines() if ": error: " in line]
    assert [line.split(":")[1] for line in errors] == ["13", "14"], result.stdout


def test_stubs_match(tmp_path):
    result = run("mypy.stubtest", "hilbert_attention", folder=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
