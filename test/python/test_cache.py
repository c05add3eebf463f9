# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The folder of compiled kernels: found by other processes, shared by several,
and no harm if it is damaged or cannot be used."""

import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import pytest

# Prints what the process compiled and found; fails on a wrong number.
SCRIPT = """
import sys
import numpy as np
from hilbert_attention import Order, _C, attention

def check(extents, batch, heads, depth, segment, scale, dtype=np.float32):
    rng = np.random.default_rng()
    n = extents[0] * extents[1]
    q, k, v = rng.standard_normal((3, batch, n, heads, depth)).astype(dtype)
    order = Order(extents)
    table = _C.order_table(order.spec)
    out = attention(q, k, v, order=order, segment=segment, scale=scale)
    wanted = np.empty(q.shape)
    for begin in range(0, n, segment):
        at = table[begin : begin + segment]
        scores = scale * np.einsum("bqhd,bkhd->bhqk", *(x[:, at].astype(np.float64) for x in (q, k)))
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        wanted[:, at] = np.einsum("bhqk,bkhd->bqhd", weights, v[:, at])
    error = np.abs(out - wanted).max()
    assert error < (1e-5 if dtype == np.float32 else 5e-3), error

for depth in map(int, sys.argv[2:]):
    eval(sys.argv[1])
statistics = _C.statistics()
print(statistics["compilations"], statistics["disk_hits"], statistics["memory_hits"])
"""
ONCE = "check((5, 7), 2, 3, depth, 16, 0.3)"


def start(folder, what=ONCE, depths=(8,), **environment):
    environment = {**os.environ, "HILBERT_CACHE_DIR": str(folder), **environment}
    environment = {name: value for name, value in environment.items() if value is not None}
    command = [sys.executable, "-c", SCRIPT, what, *map(str, depths)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    """(compilations, disk hits, memory hits)"""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return tuple(map(int, out.split()))


def run(*arguments, **keywords):
    return finish(start(*arguments, **keywords))


def test_found_again(tmp_path):
    assert run(tmp_path / "new" / "folder") == (1, 0, 0)
    assert run(tmp_path / "new" / "folder") == (0, 1, 0)


def test_sizes_and_scales_do_not_compile(tmp_path):
    calls = ["(5, 7), 2, 3", "(5, 8), 2, 3", "(16, 9), 1, 3", "(3, 3), 7, 1", "(64, 64), 1, 2"]
    what = "[" + ", ".join(f"check({call}, depth, 16, {0.1 * i + 0.1})" for i, call in enumerate(calls)) + "]"
    assert run(tmp_path, what) == (1, 0, len(calls) - 1)


def test_what_is_specialised_for_compiles(tmp_path):
    what = f"[{ONCE}, check((5, 7), 2, 3, depth, 17, 0.3), check((5, 7), 2, 3, depth, 16, 0.3, np.float16)]"
    assert run(tmp_path, what, (8, 16)) == (6, 0, 0)


def damage_flip(data):
    at = random.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << random.randrange(8))]) + data[at + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        damage_flip,
        lambda data: data[: random.randrange(1, len(data))],
        lambda data: b"",
        lambda data: data + b"\0",
        lambda data: random.randbytes(len(data)),
    ],
    ids=["flipped bit", "truncated", "empty", "longer", "garbage"],
)
def test_damaged_entry_is_made_again(tmp_path, damage):
    assert run(tmp_path) == (1, 0, 0)
    (entry,) = tmp_path.iterdir()
    good = entry.read_bytes()
    entry.write_bytes(damage(good))
    assert run(tmp_path) == (1, 0, 0)
    assert run(tmp_path) == (0, 1, 0)
    assert list(tmp_path.iterdir()) == [entry]


def test_folder_in_place_of_an_entry(tmp_path):
    assert run(tmp_path) == (1, 0, 0)
    (entry,) = tmp_path.iterdir()
    entry.unlink()
    (entry / "inside").mkdir(parents=True)
    assert run(tmp_path) == (1, 0, 0)
    assert list(tmp_path.iterdir()) == [entry]  # And nothing temporary.


def test_no_usable_folder(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    for folder in ("", file, file / "below", "/proc/no"):
        assert run(folder) == (1, 0, 0)
        assert run(folder) == (1, 0, 0)
    assert file.read_text() == ""


def test_default_folder(tmp_path):
    def default():
        return run(None, HILBERT_CACHE_DIR=None, XDG_CACHE_HOME=str(tmp_path), HOME=None)

    assert default() == (1, 0, 0)
    assert default() == (0, 1, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["hilbert"]


def test_only_the_owner_may_write(tmp_path):
    folder = tmp_path / "folder"
    run(folder)
    for path in (folder, *folder.iterdir()):
        assert path.stat().st_mode & 0o077 == 0, path


def test_several_processes_one_killed(tmp_path):
    depths = (8, 16, 24)
    for _ in range(3):
        processes = [start(tmp_path, depths=random.sample(depths, len(depths))) for _ in range(8)]
        # Into start-up, compilation or writing, by chance.
        time.sleep(random.uniform(0.3, 3))
        victim = processes.pop(random.randrange(8))
        victim.send_signal(signal.SIGKILL)
        victim.communicate()
        for process in processes:
            compilations, hits, _ = finish(process)
            assert compilations + hits == len(depths)
        assert run(tmp_path, depths=depths) == (0, len(depths), 0)
        for entry in pathlib.Path(tmp_path).iterdir():
            entry.unlink()
