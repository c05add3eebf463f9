# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""HILBERT_DUMP: every level of IR of what is compiled."""

import os
import subprocess
import sys

PROGRAM = """
import torch, hilbert_attention
q = torch.randn(1, 20, 1, 8)
hilbert_attention.attention(q, q, q, segment=7, order=(4, 5))
print(hilbert_attention._C.statistics())
"""


def run(folder, cache):
    environment = {**os.environ, "HILBERT_DUMP": str(folder), "HILBERT_CACHE_DIR": str(cache)}
    return subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment)


def test_levels(tmp_path):
    cache = tmp_path / "cache"
    assert run("", cache).returncode == 0  # Fills the cache folder, which must not hide anything.
    assert any(cache.iterdir())
    result = run(tmp_path / "ir", cache)
    assert "'compilations': 1, 'disk_hits': 0" in result.stdout, result.stdout + result.stderr
    (folder,) = (tmp_path / "ir").iterdir()
    assert folder.name.endswith("-hilbert-to-llvm")
    assert "hilbert.attention" in (folder / "input.mlir").read_text()
    levels = {path.stem.split("_", 1)[-1].lstrip("0123456789_"): path for path in folder.rglob("*.mlir")}
    assert "scf.for" in levels["convert-hilbert-to-loops"].read_text()
    assert "llvm.func" in levels["convert-hilbert-host-to-llvm"].read_text()


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    result = run(tmp_path / "file", tmp_path / "cache")
    assert result.returncode == 1
    assert "RuntimeError: " in result.stderr and "HILBERT_DUMP: cannot make the folder" in result.stderr
