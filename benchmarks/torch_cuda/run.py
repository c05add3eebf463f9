# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times attention along curves on a GPU, beside what torch users run today.

  python benchmarks/torch_cuda                      about 8 minutes on an H100
  python benchmarks/torch_cuda --quick              about 2 minutes
  python benchmarks/torch_cuda --full               everything
  python benchmarks/torch_cuda --device cpu --tiny  whether it works, without a GPU

Writes results.json, report.md and plots into a folder. docs/benchmarks.md says what
is measured and how to read it. A process of its own measures: where a contestant ends
that process, another goes on without it.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import time

from torch_cuda import report
from torch_cuda.state import AGAIN, State

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUDGETS = {"tiny": 300, "quick": 120, "default": 480, "full": 7200}  # Seconds.
MOST_PROCESSES = 12


def parse(arguments=None):
    parser = argparse.ArgumentParser(
        prog="benchmarks/torch_cuda", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    size = parser.add_mutually_exclusive_group()
    for name in ("tiny", "quick", "full"):
        size.add_argument(f"--{name}", dest="size", action="store_const", const=name, default="default")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build/torch-cuda", help="folder of the results")
    parser.add_argument("--budget", type=float, help="seconds after which nothing new is begun")
    parser.add_argument("--rounds", type=int, default=15, help="of which medians are taken")
    parser.add_argument("--stall", type=float, default=240, help="seconds without progress that end a process")
    parser.add_argument("--groups", help="comma-separated groups of cases, such as main,depth; all by default")
    parser.add_argument("--only", help="comma-separated parts of contestants' names; all by default")
    parser.add_argument("--triton-module", help="a Python file that defines another HilbertAttentionCore")
    parser.add_argument("--time-wrong", action="store_true", help="time contestants whose results differ, too")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--deadline", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.budget is None:
        options.budget = BUDGETS[options.size]
    return options


def find_package():
    """Lets this and its children import hilbert_attention: PYTHONPATH's, the build's or an installed one."""
    paths = os.environ.get("PYTHONPATH", "")
    if any((pathlib.Path(path) / "hilbert_attention").exists() for path in paths.split(os.pathsep) if path):
        return
    build = ROOT / "build/python"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(build), *filter(None, [paths])])}
    # It may have been built for another Python.
    if build.exists() and not subprocess.call(
        [sys.executable, "-c", "import hilbert_attention"], env=environment, stderr=subprocess.DEVNULL
    ):
        os.environ["PYTHONPATH"] = environment["PYTHONPATH"]


def wait(process, results, stall):
    """The exit status of a worker, or None if it made no progress and was ended."""
    while True:
        try:
            return process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            if time.time() - results.stat().st_mtime > stall:
                process.kill()
                process.wait()
                return None


def supervise(options, arguments):
    """Runs workers until one says that nothing is left."""
    state = State.create(options.out / "results.json", vars(options))
    deadline = time.time() + options.budget
    command = [sys.executable, str(pathlib.Path(__file__).parent), *arguments, "--worker"]
    command += ["--deadline", str(deadline), "--seed", str(options.seed)]
    # The choice of torch's attention is no part of that cache's key.
    environment = {"TORCHINDUCTOR_AUTOGRAD_CACHE": "0", "PYTHONUNBUFFERED": "1", **os.environ}
    for _ in range(MOST_PROCESSES):
        before = len(state.data["steps"])
        os.utime(state.path)
        status = wait(subprocess.Popen(command, env=environment), state.path, options.stall)
        state = State.load(state.path)
        if status == 0:
            break
        if status != AGAIN and not state.blame(status) and len(state.data["steps"]) == before:
            state.note(f"the measuring process ended with status {status} before it began")
            break
    else:
        state.note(f"gave up after {MOST_PROCESSES} processes")
    state.finish()
    return state


def main(arguments=None):
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parse(arguments)
    if options.worker:
        from torch_cuda.worker import work

        raise SystemExit(work(options))
    find_package()
    options.out.mkdir(parents=True, exist_ok=True)
    state = supervise(options, arguments)
    note = report.write(state.path)
    print(f"{report.brief(state.data)}\n{note}")
    if not state.measured():
        raise SystemExit(f"nothing was measured; {state.path} says why")


if __name__ == "__main__":
    main()
