# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Skips without a GPU; a cache folder of this run alone; TF32 for float32."""

import os
import pathlib
import random
import tempfile

import pytest
import torch

import calls

HERE = pathlib.Path(__file__).parent
_folder = None


def why_not():
    """What is missing for these tests, or None."""
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is built without CUDA"
    if not torch.cuda.is_available():
        return "torch.cuda finds no GPU"
    major, minor = torch.cuda.get_device_capability()
    if major < 8:
        return f"{torch.cuda.get_device_name()} has compute capability {major}.{minor}, but kernels need 8.0"
    return None


def pytest_configure(config):
    # Before CUDA, cuBLAS and XLA start.
    global _folder
    _folder = tempfile.TemporaryDirectory(prefix="hilbert-gpu-test-")
    os.environ["HILBERT_CACHE_DIR"] = _folder.name
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # Else not deterministic.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # It is not alone.


def pytest_unconfigure(config):
    _folder.cleanup()


def pytest_report_header(config):
    name = why_not() or f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}, CUDA {torch.version.cuda}"
    return f"GPU: {name}; HILBERT_TEST_SEED={calls.SEED} HILBERT_TEST_COUNT={calls.COUNT}"


def pytest_collection_modifyitems(items):
    reason = why_not()
    for item in items:
        if reason and HERE in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter):
    reason = why_not()
    if reason:
        terminalreporter.write_line(f"test/gpu is skipped: {reason}")
    else:
        terminalreporter.write_line(f"HILBERT_TEST_SEED={calls.SEED} HILBERT_TEST_COUNT={calls.COUNT}")


@pytest.fixture(autouse=True)
def tf32():
    """float32 is allowed where a test does not say otherwise, and nothing else is left behind."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    yield
    torch.set_float32_matmul_precision(before)
    torch.cuda.synchronize()


@pytest.fixture
def rng(request):
    """Fresh random numbers, repeatable by HILBERT_TEST_SEED; a failure prints it."""
    print(f"HILBERT_TEST_SEED={calls.SEED}")
    torch.manual_seed(calls.SEED)
    return random.Random(f"{calls.SEED} {request.node.name}")
