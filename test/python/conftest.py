# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs hilbert-run on generated programs."""

import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("HILBERT_BUILD_DIR", ROOT / "build")) / "bin"


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
