# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiling kernels for a GPU: when, how long, and the folder that keeps them."""

import os
import pathlib
import random
import statistics
import subprocess
import sys
import time

import pytest
import torch

import calls
import hilbert_attention as ha
from hilbert_attention import _C

# ===----------------------------------------------------------------------===
# In one process
# ===----------------------------------------------------------------------===


def step(batch=1, tokens=128, heads=2, depth=32, dtype=torch.bfloat16, **arguments):
    shape = (batch, tokens, heads, depth)
    q, k, v = (torch.randn(shape, device=calls.DEVICE, dtype=dtype, requires_grad=True) for _ in range(3))
    out = ha.attention(q, k, v, **arguments)
    torch.autograd.grad(out, (q, k, v), torch.ones_like(out))


def test_what_compiles():
    """Forward and gradient, once for each dtype, D, pattern, causality, kind of order."""
    arguments = calls.fresh_arguments()
    before = calls.compiled()
    step(**arguments)
    assert calls.compiled() == before + 2, "_C.statistics() does not count kernels for GPUs"
    for more in (
        {"dtype": torch.float16},
        {"depth": 40},
        {"causal": "token"},
        {"order": torch.arange(128, device=calls.DEVICE)},
        {"segment": arguments["segment"] + 5000},
    ):
        before = calls.compiled()
        step(**{**arguments, **more})
        assert calls.compiled() == before + 2, more


def test_what_does_not_compile():
    """Sizes, heads, layouts, strides, scales, orders of a kind, deterministic."""
    arguments = calls.fresh_arguments()
    # (Where tiles are boxes, there are kernels for them: no power of two here.)
    step(tokens=77, order=(7, 11), **arguments)
    before = calls.compiled()
    step(tokens=77, order=(7, 11), **arguments)
    step(3, 77, 5, order=77, **arguments)
    step(2, 60, 1, order=ha.Order((3, 4, 5), "morton"), **arguments)
    step(2, 2, 60, order=60, layout="bhnd", **arguments)
    step(order=torch.randperm(128, device=calls.DEVICE), scale=0.7, **arguments)
    step(2, order=torch.stack([torch.randperm(128)] * 2).to(calls.DEVICE), deterministic=True, **arguments)
    assert calls.compiled() == before


def test_what_fails_is_tried_again():
    """An error is not kept in place of a kernel."""
    arguments = calls.fresh_arguments()
    with pytest.raises(ValueError, match="offset must list one"):
        step(**{**arguments, "mode": "keys", "offset": [0, 1, 1]})
    step(heads=3, **{**arguments, "mode": "keys", "offset": [0, 1, 1]})


# ===----------------------------------------------------------------------===
# Processes
# ===----------------------------------------------------------------------===

# Prints, for each depth: seconds of the first forward and backward; at last what
# was compiled and found. Fails on wrong numbers.
SCRIPT = """
import sys, time
import torch
import hilbert_attention as ha

def first(depth):
    q, k, v = (torch.randn(1, 200, 2, depth, device="cuda", dtype=torch.float16, requires_grad=True) for _ in range(3))
    arguments = {"segment": int(sys.argv[1]), "causal": "token" if depth % 16 else None}
    torch.cuda.synchronize()
    t0 = time.perf_counter()
    out = ha.attention(q, k, v, order=torch.arange(200, device="cuda", dtype=torch.int32), **arguments)
    torch.cuda.synchronize()
    t1 = time.perf_counter()
    gradients = torch.autograd.grad(out, (q, k, v), torch.ones_like(out))
    torch.cuda.synchronize()
    print(t1 - t0, time.perf_counter() - t1)
    i = torch.arange(200, device="cuda")
    mask = i[:, None] // arguments["segment"] == i // arguments["segment"]
    if arguments["causal"]:
        mask &= i <= i[:, None]
    doubles = [t.detach().double().requires_grad_() for t in (q, k, v)]
    Q, K, V = (t.transpose(1, 2) for t in doubles)
    scores = (Q @ K.mT * depth**-0.5).masked_fill(~mask, -torch.inf)
    wanted = (scores.softmax(-1) @ V).transpose(1, 2)
    pairs = zip((out, *gradients), (wanted, *torch.autograd.grad(wanted, doubles, torch.ones_like(wanted))))
    for got, want in pairs:
        error = ((got.double() - want).norm() / (want.norm() + 1)).item()
        assert error < 5e-3, error

x = torch.ones(64, 64, device="cuda")
x @ x
for depth in map(int, sys.argv[2:]):
    first(depth)
s = ha._C.statistics()
print(s["compilations"], s["disk_hits"])
"""
SEGMENT = str(random.Random(calls.SEED).randint(60, 190))


def start(folder, *depths, **environment):
    environment = {**os.environ, "HILBERT_CACHE_DIR": str(folder), "CUDA_CACHE_DISABLE": "1", **environment}
    command = [sys.executable, "-c", SCRIPT, SEGMENT, *map(str, depths)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    """(compilations, disk hits), [(seconds of the first forward, of the first backward), ...]"""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    *times, counts = out.splitlines()
    return tuple(map(int, counts.split())), [tuple(map(float, line.split())) for line in times]


def counts(folder, *depths, **environment):
    return finish(start(folder, *(depths or (32,)), **environment))[0]


def test_times(tmp_path, record_property):
    """A first call takes less than a second for each kernel; the driver's assembly is part of that.

    The gradient has two kernels. A second process finds PTX in the folder: what it
    takes is the driver's. (The driver's own cache is off.)
    """
    depths = (64, 128, 72, 200)
    (compilations, hits), first = finish(start(tmp_path, *depths))
    assert (compilations, hits) == (2 * len(depths), 0)
    (compilations, hits), second = finish(start(tmp_path, *depths))
    assert (compilations, hits) == (0, 2 * len(depths))
    for name, i, kernels in (("forward", 0, 1), ("gradient", 1, 2)):
        whole, assembly = ([times[i] for times in run] for run in (first, second))
        text = ", ".join(f"D={d}: {w:.2f} ({a:.2f})" for d, w, a in zip(depths, whole, assembly))
        print(f"{name}: seconds of the first call (of them the driver's) {text}")
        record_property(f"{name}_seconds", text)
        assert statistics.median(whole) < kernels, text
        assert max(whole) < 2 * kernels, text


def test_found_again(tmp_path):
    folder = tmp_path / "new" / "folder"
    assert counts(folder) == (2, 0)
    assert counts(folder) == (0, 2)
    assert len(list(folder.iterdir())) == 2
    for path in (folder, *folder.iterdir()):
        assert path.stat().st_mode & 0o077 == 0, path


DAMAGES = {
    "flipped bit": lambda data, at: data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :],
    "truncated": lambda data, at: data[:at],
    "empty": lambda data, at: b"",
    "garbage": lambda data, at: random.randbytes(len(data)),
}


def test_damaged_entries_are_made_again(tmp_path, rng):
    """Each process finds one entry damaged in another way."""
    assert counts(tmp_path) == (2, 0)
    entries = sorted(tmp_path.iterdir())
    good = [entry.read_bytes() for entry in entries]
    folders = []
    for i, damage in enumerate(DAMAGES.values()):
        folder = tmp_path / str(i)
        folder.mkdir()
        for entry, data in zip(entries, good):
            (folder / entry.name).write_bytes(data)
        victim = folder / entries[i % 2].name
        victim.write_bytes(damage(good[i % 2], rng.randrange(len(good[i % 2]))))
        folders.append((folder, victim))
    processes = [start(folder, 32) for folder, _ in folders]
    for name, process, (folder, victim) in zip(DAMAGES, processes, folders):
        assert finish(process)[0] == (1, 1), name
        assert victim.read_bytes() == good[[e.name for e in entries].index(victim.name)], name
        assert len(list(folder.iterdir())) == 2, name


def test_folders_that_cannot_be_written(tmp_path):
    """Kernels are then made in every process; what can be read is used."""
    file, full = tmp_path / "file", tmp_path / "full"
    file.write_text("")
    assert counts(full, 32) == (2, 0)
    full.chmod(0o500)
    processes = [start(folder, 32) for folder in ("", file, file / "below", "/proc/no")]
    # As root, nothing is forbidden: then this says less.
    others = start(full, 32, 40)
    for process in processes:
        assert finish(process)[0] == (2, 0)
    assert finish(others)[0] == (2, 2)
    full.chmod(0o700)
    assert len(list(full.iterdir())) == (4 if os.geteuid() == 0 else 2)


def test_eight_processes_share_a_folder(tmp_path, rng):
    """None sees half an entry; one of them is killed on its way."""
    depths = [32, 40, 64]
    processes = [start(tmp_path, *rng.sample(depths, 3)) for _ in range(8)]
    time.sleep(rng.uniform(2, 8))
    victim = processes.pop()
    victim.kill()
    victim.communicate()
    for process in processes:
        assert sum(finish(process)[0]) == 2 * len(depths)
    assert counts(tmp_path, *depths) == (0, 2 * len(depths))


def test_fork(tmp_path):
    """CUDA does not outlive a fork; that is said, and nobody waits."""
    script = """
import os, sys, warnings
warnings.simplefilter("ignore")
import torch
import hilbert_attention as ha
q = torch.randn(1, 64, 1, 32, device="cuda", dtype=torch.float16)
lse = torch.empty(1, 1, 64, device="cuda")
out = torch.empty_like(q)
capsules = [torch.utils.dlpack.to_dlpack(t) for t in (q, q, q, out, lse)]
call = lambda: ha._C.attention(*capsules, None, None, None, sys.argv[1], 0, 0, 0.1)
call()
torch.cuda.synchronize()
child = os.fork()
if child == 0:
    try:
        call()
    except RuntimeError as error:
        os._exit(17 if "fork" in str(error) else 18)
    os._exit(19)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 17
call()
torch.cuda.synchronize()
"""
    command = [sys.executable, "-c", script, f"(segment = {SEGMENT})"]
    environment = {**os.environ, "HILBERT_CACHE_DIR": str(pathlib.Path(tmp_path))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_statistics_have_names():
    assert set(_C.statistics()) == {"compilations", "disk_hits", "memory_hits"}
