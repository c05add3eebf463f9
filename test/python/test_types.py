# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The types that the package declares are those that it has, and that its users'
checkers see."""

import ast
import os
import subprocess
import sys

import hilbert_attention
from hilbert_attention import _C

USES = """
import jax.numpy as jnp
import numpy as np
import torch
from hilbert_attention import Branch, HilbertAttentionCore, Order, attention, create_hilbert_mapping
from hilbert_attention.jax import attention as jax_attention

q = torch.randn(1, 64, 2, 8)
reveal_type(attention(q, q, q, order=(8, 8), segment=16))
reveal_type(attention(q, q, q, order=Order(64), branches=[Branch(16)], return_lse=True))
reveal_type(attention(np.zeros((1, 4, 1, 8)), np.zeros((1, 4, 1, 8)), np.zeros((1, 4, 1, 8)), causal="token"))
reveal_type(create_hilbert_mapping(64))
reveal_type(HilbertAttentionCore(64, 4)(q))
reveal_type(Order((4, 4), tile=(2, 2)).extents)
reveal_type(jax_attention(jnp.zeros((1, 4, 1, 8)), jnp.zeros((1, 4, 1, 8)), jnp.zeros((1, 4, 1, 8))))
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
    'Revealed type is "jax._src.basearray.Array"',
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
    assert [line.split(":")[1] for line in errors] == ["16", "17"], result.stdout


# What stubtest cannot judge, as regular expressions over full names.
ALLOWED = r"""
# Functions of nanobind are no Python functions; test_stub_of_the_extension has
# these.
hilbert_attention\._C\.\w+
# Nothing is declared of the insides: what mypy infers there differs harmlessly.
hilbert_attention\._torch\..+
hilbert_attention\.jax\._\w+
# A Literal of several values, which stubtest takes for a Union.
hilbert_attention\.order\.Curve
"""


def test_stubs_match(tmp_path):
    (tmp_path / "allowed").write_text(ALLOWED)
    result = run("mypy.stubtest", "--allowlist=allowed", "hilbert_attention", folder=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


def test_stub_of_the_extension():
    path = os.path.join(os.path.dirname(_C.__file__), "_C.pyi")
    with open(path) as stub:
        declared = [node for node in ast.parse(stub.read()).body if isinstance(node, ast.FunctionDef)]
    assert {node.name for node in declared} == {name for name in dir(_C) if not name.startswith("_")}
    assert all(node.returns and all(argument.annotation for argument in node.args.args) for node in declared)
