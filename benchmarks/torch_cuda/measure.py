# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Clocks, rounds, ceilings, and what machine this is."""

import datetime
import importlib.metadata
import os
import pathlib
import platform
import random
import statistics
import subprocess
import time
import traceback

import torch

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROUNDS, WARMUP = 15, 3


# A millisecond or two.
HEAD_START_CYCLES = 3_000_000


class CudaClock:
    """Milliseconds that a device needs for what a function enqueues, by events.

    Before, the device waits: meanwhile the host, which needs some tenths of a
    millisecond for a call through autograd, enqueues the function, as it does in a
    program that is ahead of its device. What the host needs is measured on its own
    (layers.host_times). Then a buffer of at least twice the L2 cache is written, so
    that nothing that the function reads is in the cache, unless `flush` is False.
    """

    def __init__(self, flush=True):
        cache = getattr(torch.cuda.get_device_properties(0), "L2_cache_size", 0)
        self.buffer = torch.empty(max(2 * cache, 1 << 28) if flush else 0, dtype=torch.uint8, device="cuda")

    def __call__(self, function):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda._sleep(HEAD_START_CYCLES)
        self.buffer.zero_()
        begin.record()
        function()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end)


class HostClock:
    """Milliseconds of a function on the CPU."""

    def __call__(self, function):
        begin = time.perf_counter()
        function()
        return 1e3 * (time.perf_counter() - begin)


def make_clock(device):
    return CudaClock() if device == "cuda" else HostClock()


def synchronize(device):
    if device == "cuda":
        torch.cuda.synchronize()


def alive(device):
    """Whether the device still works: some errors end a process's use of it."""
    try:
        synchronize(device)
        torch.zeros(1, device=device).item()
    except Exception:
        return False
    return True


def reason(error):
    """One line that says what went wrong."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:400]


def summary(values):
    """Median and quartiles of milliseconds."""
    first, median, third = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    return {"median": median, "q1": first, "q3": third, "rounds": len(values)}


def interleave(calls, rounds=ROUNDS, warmup=WARMUP, stop=lambda: False, beat=lambda: None):
    """name -> summary, and name -> reason of a failure.

    calls: name -> function that times itself once, in milliseconds. Every round calls
    each once, in a new random order: what a call heats is not always the same one's.
    stop(): after a round that counts, whether to do with the rounds so far.
    beat(): called after every round.
    """
    times, failures = {name: [] for name in calls}, {}
    names, rng = list(calls), random.Random(0)
    for turn in range(rounds + warmup):
        rng.shuffle(names)
        for name in names:
            if name in failures:
                continue
            try:
                milliseconds = calls[name]()
            except Exception as error:
                failures[name] = reason(error)
                continue
            if turn >= warmup:
                times[name].append(milliseconds)
        beat()
        if turn >= warmup and stop():
            break
    return {name: summary(values) for name, values in times.items() if values and name not in failures}, failures


def ceilings(device, dtype=torch.bfloat16, tiny=False):
    """Bytes per second of a copy (read and written), flops per second of a matrix product."""
    clock = make_clock(device)
    size, side = (1 << 20, 256) if tiny else (1 << 28, 8192)
    source = torch.randn(size, device=device)
    target = torch.empty_like(source)
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    calls = {"copy": lambda: clock(lambda: target.copy_(source)), "product": lambda: clock(lambda: a @ b)}
    times, failures = interleave(calls)
    if failures:
        raise RuntimeError(str(failures))
    return {
        "copy_bytes_per_s": 2 * source.nbytes / times["copy"]["median"] * 1e3,
        "copy_bytes": source.nbytes,
        "gemm_flops_per_s": 2 * side**3 / times["product"]["median"] * 1e3,
        "gemm_side": side,
        "gemm_dtype": str(dtype).removeprefix("torch."),
    }


# ===----------------------------------------------------------------------===
# The machine
# ===----------------------------------------------------------------------===

SMI = (
    "name,driver_version,power.limit,power.draw,clocks.current.sm,clocks.max.sm,clocks.current.memory,"
    "temperature.gpu,memory.total"
)


def output(*command):
    """What a command prints, or None."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True, cwd=ROOT).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def commit():
    """What HILBERT_COMMIT says, else the commit of the repository, with + if files differ from it."""
    if told := os.environ.get("HILBERT_COMMIT"):
        return told
    head = output("git", "rev-parse", "--short", "HEAD")
    if head is None:
        return "unknown"
    return head + ("+" if output("git", "status", "--porcelain", "--untracked-files=no") else "")


def version_of(distribution):
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def package():
    """Version and folder of hilbert_attention, or None if it cannot be imported."""
    try:
        import hilbert_attention
    except ImportError:
        traceback.print_exc()
        return None
    return f"{hilbert_attention.__version__} in {pathlib.Path(hilbert_attention.__file__).parent}"


def machine(device, package):
    """What the report's head says."""
    result = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "hilbert_attention": package,
        "triton": version_of("triton"),
        "flash_attn_4": version_of("flash-attn-4"),
    }
    if device == "cuda":
        properties = torch.cuda.get_device_properties(0)
        result |= {
            "device": properties.name,
            "multiprocessors": properties.multi_processor_count,
            "memory_bytes": properties.total_memory,
            "l2_bytes": getattr(properties, "L2_cache_size", None),
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
            "nvidia_smi": gpu_state(),
        }
    else:
        result["device"] = f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads"
    return result


def gpu_state():
    """Clocks, power and temperature by nvidia-smi; None without it."""
    identity = getattr(torch.cuda.get_device_properties(0), "uuid", None)
    which = ("-i", f"GPU-{identity}") if identity else ()
    line = output("nvidia-smi", *which, f"--query-gpu={SMI}", "--format=csv,noheader")
    line = line or output("nvidia-smi", f"--query-gpu={SMI}", "--format=csv,noheader")
    return dict(zip(SMI.split(","), map(str.strip, line.splitlines()[0].split(",")))) if line else None
