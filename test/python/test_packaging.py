# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The extension _C and the libraries behind it."""

import os
import pathlib
import random
import re
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch

import hilbert_attention
import reference
from hilbert_attention import _C

ROOT = pathlib.Path(__file__).resolve().parents[2]
GRID = (3, 2, 4, 6, 0, 0, 0, 0, 24)  # The spec of a Hilbert curve over 4x6 tokens.


def python(script, *arguments, **environment):
    """The output of a script in a process of its own, which must succeed."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# ===----------------------------------------------------------------------===
# Libraries
# ===----------------------------------------------------------------------===


def loaded(name):
    """The file of a library that this process has loaded."""
    files = {line.split()[-1] for line in open("/proc/self/maps") if re.search(name, line)}
    assert len(files) == 1, files
    return files.pop()


def symbols(file):
    """What a library exports."""
    lines = subprocess.run(["nm", "-D", "--defined-only", file], capture_output=True, text=True, check=True)
    return {line.split()[-1] for line in lines.stdout.splitlines()}


def test_the_library_exports_its_headers():
    headers = (ROOT / "include/hilbert-c").glob("*.h")
    declared = {
        name for header in headers for name in re.findall(r"HILBERT_API[^;]*?\b(hilbert\w+)\(", header.read_text())
    }
    assert len(declared) > 10
    assert symbols(loaded(r"libhilbert-c\.so")) == declared


def test_the_extension_exports_its_initialisation():
    assert symbols(loaded(r"hilbert_attention/_C\.")) == {"PyInit__C"}


def test_numpy_alone_is_enough():
    """Importing and calling the package, where there is no torch and no JAX."""
    python("""if True:
        import sys
        sys.modules.update(torch=None, jax=None, jaxlib=None)
        import numpy as np
        import hilbert_attention
        x = np.random.default_rng().standard_normal((1, 24, 2, 8), np.float32)
        out = hilbert_attention.attention(x, x, x, order=(4, 6), segment=7)
        assert out.shape == x.shape and np.isfinite(out).all()
    """)


def test_importing_is_light():
    modules = python("import hilbert_attention, sys; print(*sys.modules)").split()
    assert "hilbert_attention._C" in modules
    assert not {"torch", "jax"} & set(modules)


def test_version():
    version = re.search(r"project\(hilbert VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())[1]
    assert _C.version() == hilbert_attention.__version__ == version


def test_compiling_leaves_the_process_alone(tmp_path):
    """Nothing is printed, no signal handler changes, though a kernel is compiled."""
    output = python(
        """if True:
        import numpy as np
        def handled():
            return [line for line in open("/proc/self/status") if line.startswith("Sig")]
        before = handled()
        import hilbert_attention
        x = np.zeros((1, 24, 2, 8), np.float32)
        hilbert_attention.attention(x, x, x)
        assert hilbert_attention._C.statistics()["compilations"] == 1
        assert handled() == before, (before, handled())
        print("done")
        """,
        HILBERT_CACHE_DIR=str(tmp_path),
    )
    assert output == "done\n"


# ===----------------------------------------------------------------------===
# Calls
# ===----------------------------------------------------------------------===


def attention(**changes):
    """_C.attention of random tensors, some replaced; its (out, lse)."""
    rng = np.random.default_rng()
    arguments = {name: rng.standard_normal((1, 24, 2, 8), np.float32) for name in "qkv"}
    arguments |= {"out": np.full((1, 24, 2, 8), np.nan, np.float32), "lse": np.full((1, 2, 24), np.nan, np.float32)}
    arguments |= {"q_order": None, "kv_order": None, "out_order": None}
    arguments |= {"pattern": None, "causal": 0, "layout": 0, "scale": 1.0, **changes}
    _C.attention(**arguments)
    return arguments["out"], arguments["lse"]


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def used_capsule():
    capsule = torch.utils.dlpack.to_dlpack(torch.zeros(3))
    torch.from_dlpack(capsule)
    return capsule


class Exporter:
    def __init__(self, result):
        self.result = result

    def __dlpack__(self, **arguments):
        return self.result


TYPES = "must be float16, bfloat16, float32, float64, int32 or int64, but is"


@pytest.mark.parametrize(
    "changes,error,message",
    [
        ({"q": None}, TypeError, "q must be a tensor, but is None"),
        ({"lse": None}, TypeError, "lse must be a tensor, but is None"),
        ({"k": [1.0]}, TypeError, r"k must be a tensor \(a DLPack capsule or .*\), but is list"),
        ({"v": np.zeros(3, bool)}, TypeError, f"v {TYPES} bool"),
        ({"v": np.zeros(3, np.uint8)}, TypeError, f"v {TYPES} uint8"),
        ({"v": np.zeros(3, np.int16)}, TypeError, f"v {TYPES} int16"),
        ({"v": np.zeros(3, complex)}, TypeError, f"v {TYPES} complex128"),
        ({"v": torch.zeros(3, dtype=torch.float8_e5m2)}, TypeError, f"v {TYPES} of DLPack type code 12 with 8 bits"),
        ({"q_order": np.zeros(24, bool)}, TypeError, f"q_order {TYPES} bool"),
        ({"q": np.zeros(3, ">f4")}, TypeError, "q cannot be handed over by DLPack: .* native byte order"),
        ({"q": np.zeros((1,) * 9, np.float32)}, TypeError, "q must have at most 8 dimensions, but has 9"),
        ({"q": torch.zeros(3, requires_grad=True)}, TypeError, "q must have rank 4, but has 1"),
        ({"q": torch.zeros(3, device="meta")}, TypeError, "q cannot be handed over by DLPack: .*meta"),
        ({"q": Exporter(7)}, TypeError, "q cannot be handed over by DLPack: its __dlpack__ returns int"),
        ({"q": used_capsule()}, TypeError, "q must be a DLPack capsule that is unused, but its name is 'used_dltensor'"),
        ({"out": read_only(np.zeros((1, 24, 2, 8), np.float32))}, ValueError, "out must be writable, but is read-only"),
        ({"lse": read_only(np.zeros((1, 2, 24), np.float32))}, ValueError, "lse must be writable, but is read-only"),
        ({"q_order": GRID[:8]}, ValueError, "q_order must have 9 integers, but has 8"),
        ({"kv_order": (*GRID, 1)}, ValueError, "kv_order must have 9 integers, but has 10"),
        ({"out_order": (4, *GRID[1:])}, ValueError, "out_order must have a curve from 0 to 3, but has 4"),
        ({"q_order": (3, 2**32 + 2, *GRID[2:])}, ValueError, "q_order must have a rank from 0 to 3, but has 4294967298"),
        ({"q_order": (*GRID[:8], 24.0)}, TypeError, r"q_order must hold 64-bit integers, but holds 24\.0"),
        ({"q_order": (*GRID[:8], 2**64)}, TypeError, f"q_order must hold 64-bit integers, but holds {2**64}"),
        ({"q_order": list(GRID)}, TypeError, "q_order must be a tensor .*, but is list"),
        ({"pattern": 3}, TypeError, "pattern must be a str or None, but is int"),
        ({"pattern": "(segment = 8)\0"}, ValueError, "pattern must have no NUL, but has one at 13"),
        ({"causal": 3}, ValueError, r"causal must be 0 \(none\), 1 \(token\) or 2 \(position\), but is 3"),
        ({"layout": -1}, ValueError, r"layout must be 0 \(bnhd\) or 1 \(bhnd\), but is -1"),
    ],
)
def test_bad_arguments(changes, error, message):
    with pytest.raises(error, match=message) as info:
        attention(**changes)
    assert type(info.value) is error


@pytest.mark.parametrize("function", [_C.order_resolve, _C.order_table])
def test_bad_specs(function):
    with pytest.raises(TypeError, match="spec must be a tuple of 9 integers, but is list"):
        function(list(GRID))
    with pytest.raises(ValueError, match="spec must have 9 integers, but has 1"):
        function((3,))


def test_tables_are_copies():
    table, inverse = _C.order_table(GRID), _C.order_table(GRID, inverse=True)
    assert table.dtype == inverse.dtype == np.int32
    assert (np.sort(table) == np.arange(24)).all() and (inverse[table] == np.arange(24)).all()
    table[:], inverse[:] = -1, -1
    assert (np.sort(_C.order_table(GRID)) == np.arange(24)).all()
    assert (np.sort(_C.order_table(GRID, inverse=True)) == np.arange(24)).all()


def as_capsule(array):
    return torch.utils.dlpack.to_dlpack(torch.from_numpy(array))


@pytest.mark.parametrize("convert", [lambda array: array, as_capsule, torch.from_numpy])
def test_every_kind_of_tensor(convert):
    """NumPy arrays, capsules, torch tensors; strided, and beginning somewhere."""
    depth = 8 * random.randint(1, 4)
    packed = np.random.default_rng().standard_normal((2, 24, 3, 5, depth), np.float32)
    q, k, v = packed[:, :, 0], packed[:, :, 1, 2:3], packed[:, :, 2, 4:]
    out, lse = np.full(q.shape, np.nan, np.float32), np.full((2, 5, 24), np.nan, np.float32)
    table = _C.order_table(GRID)
    _C.attention(*map(convert, (q, k, v, out, lse)), GRID, convert(table), None, "(segment = 7)", 0, 0, 0.25)
    wanted = reference.attention(
        q, k, v, q_order=table, kv_order=table, branches=[(7, 1, "keys", "zero")], scale=0.25
    )
    reference.assert_close(out, wanted[0])
    reference.assert_close(lse, wanted[1])


def test_read_only_inputs():
    x = np.random.default_rng().standard_normal((1, 24, 2, 8), np.float32)
    out, lse = attention(q=read_only(x), k=read_only(x), v=read_only(x))
    wanted = reference.attention(x, x, x, scale=1.0)
    reference.assert_close(out, wanted[0])
    reference.assert_close(lse, wanted[1])


def test_calls_leave_no_references():
    x = np.random.default_rng().standard_normal((1, 24, 2, 8), np.float32)
    capsule = as_capsule(x)
    counts = [sys.getrefcount(each) for each in (x, GRID, capsule)]
    for _ in range(100):
        attention(q=x, k=capsule, q_order=GRID)
        with pytest.raises(ValueError):
            attention(q=x, k=capsule, q_order=GRID, causal=9)
    assert [sys.getrefcount(each) for each in (x, GRID, capsule)] == counts


def test_other_threads_run_meanwhile():
    """The GIL is released: a thread that counts is not held up by a long call."""
    x = np.random.default_rng().standard_normal((1, 4096, 4, 64), np.float32)
    results = {"out": np.empty_like(x), "lse": np.empty((1, 4, 4096), np.float32)}
    attention(q=x, k=x, v=x, **results)  # Compiles.
    ticks, done = 0, threading.Event()

    def tick():
        nonlocal ticks
        while not done.wait(0.001):
            ticks += 1

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        before = ticks
        attention(q=x, k=x, v=x, **results)
        during = ticks - before
    finally:
        done.set()
        thread.join()
    assert during >= 5
