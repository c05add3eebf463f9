# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whole programs through hilbert-run, compared with its reference: all of the folder `run`, and the examples.

  run_programs.py [--device cuda] [--runner build/bin/hilbert-run] [--no-check]

The flags of a program are in its first lines: `// hilbert-run: --grad`. Needs
nothing but Python and hilbert-run.
"""

import argparse
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parents[1] / "examples"
FLAGS = re.compile(r"^// hilbert-run: (.*)$", re.MULTILINE)
# What examples need on a GPU.
EXAMPLE_FLAGS = {"image_attention.mlir": ["--grad", "--allow-tf32"], "video_attention.mlir": ["--grad"]}


def list_programs():
    """Paths and flags."""
    for path in sorted((HERE / "run").glob("*.mlir")):
        yield path, [flag for line in FLAGS.findall(path.read_text()) for flag in line.split()]
    for path in sorted(EXAMPLES.glob("*.mlir")):
        yield path, EXAMPLE_FLAGS[path.name]


def run(options, path, flags):
    """Returns what went wrong, or nothing."""
    command = [options.runner, path, f"--device={options.device}", *flags, *([] if options.no_check else ["--check"])]
    done = subprocess.run(command, capture_output=True, text=True)
    print(f"--- {' '.join(map(str, command))}\n{done.stdout}{done.stderr}", end="", flush=True)
    if done.returncode:
        return f"exit status {done.returncode}"
    results = sum(line.startswith(("  out", "  grad")) for line in done.stdout.splitlines())
    good = done.stdout.count(" ok\n")
    if not options.no_check and (good != results or not results):
        return f"{good} of {results} results are ok"
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--runner", default="build/bin/hilbert-run")
    parser.add_argument("--no-check", action="store_true", help="only that everything compiles and launches")
    options = parser.parse_args()
    programs = list(list_programs())
    failures = [(path.name, error) for path, flags in programs if (error := run(options, path, flags))]
    for name, error in failures:
        print(f"FAILED {name}: {error}")
    print(f"{len(programs) - len(failures)} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
