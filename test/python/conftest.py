# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The device of torch tests; running hilbert-run on generated programs."""

import itertools
import os
import pathlib
import subprocess

import numpy as np
import pytest

import problems

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("HILBERT_BUILD_DIR", ROOT / "build")) / "bin"

if os.environ.get("HILBERT_TEST_DEVICE", "cpu") != "cpu":
    # Before tests are collected: their parameters are tensors, too.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # Else not deterministic.
    import torch

    torch.set_default_device(os.environ["HILBERT_TEST_DEVICE"])
    torch.set_float32_matmul_precision("high")


@pytest.fixture
def run(tmp_path):
    """run(program, *options) -> CompletedProcess of hilbert-run."""

    def call(program, *options, timeout=120):
        path = tmp_path / "program.mlir"
        path.write_text(program)
        return subprocess.run(
            [str(BIN / "hilbert-run"), str(path), *map(str, options)],
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=tmp_path,
        )

    return call


@pytest.fixture
def execute(run, tmp_path):
    """execute(text, inputs, *options) -> results out0, … (and grad0, …)."""

    def call(text, inputs, *options, dtypes=()):
        arguments = []
        for i, (array, dtype) in enumerate(itertools.zip_longest(inputs, dtypes)):
            path = tmp_path / f"in{i}.npy"
            problems.save(path, array, dtype)
            arguments.append(f"--input={path}")
        folder = tmp_path / "results"
        folder.mkdir(exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        result = run(text, *arguments, f"--save={folder}", *options)
        assert result.returncode == 0, f"{text}\n{result.stdout}{result.stderr}"
        return [
            problems.load(folder / f"{kind}{i}.npy")
            for kind in ("out", "grad")
            for i in range(len(list(folder.glob(f"{kind}*.npy"))))
        ]

    return call


@pytest.fixture
def attend(execute):
    """attend(problem, arrays) -> (out, lse, dq, dk, dv), [B, N, H, D]."""

    def call(p, x, *options):
        swap = (lambda a: a.transpose(0, 2, 1, 3)) if p.layout == "bhnd" else (lambda a: a)
        inputs = [swap(x.q), swap(x.k), swap(x.v), swap(x.dout), x.dlse]
        inputs += [order.astype(np.int32) for _, order in p.tables()]
        results = execute(problems.program(p), inputs, *options, dtypes=[p.dtype] * 4)
        return [r if i == 1 else swap(r) for i, r in enumerate(results)]

    return call
