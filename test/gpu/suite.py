# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random attentions on a GPU against the definition.

  suite.py prepare DIR [--count N] [--seed S] [--target sm_90] [--compiler PATH]
  suite.py run DIR [--repeat N]

`prepare` compiles kernels, and needs no GPU; `run` needs torch, a GPU and
what `prepare` wrote.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys

from programs import Kernel, compile_ahead

SPECIAL = [
    {},
    {"depth": 64},
    {"pattern": "(segment = 256)", "query_order": "table"},
    {"pattern": "(segment = 1024)", "query_order": "box"},
    {"pattern": "(segment = 256)", "query_order": "box", "depth": 64, "dtype": "f16"},
    {"causal": "position", "query_order": "table"},
    {"causal": "token", "query_order": "table"},
    {"causal": "token"},
    {"depth": 256, "dtype": "f16"},
    {"depth": 8},
    {"depth": 64, "dtype": "f32", "query_order": "table", "has_dlse": True},
    {"dtype": "f32", "causal": "position"},
    # Copies in loops, with and without a rest.
    {"depth": 232, "dtype": "f32", "query_order": "table", "causal": "token"},
    {"depth": 256, "dtype": "f32", "query_order": "box", "pattern": "(segment = 256)"},
    # Wide f32: smaller tiles, fewer stages, addresses computed again.
    {"depth": 168, "dtype": "f32", "query_order": "table"},
    {"depth": 184, "dtype": "f32", "query_order": "box", "pattern": "(segment = 256)"},
    {"depth": 240, "dtype": "f32", "causal": "position"},
    {"depth": 120, "query_order": "table", "pattern": "(segment = 256)"},
    {"depth": 136, "pattern": "(segment = 100, dilation = 3, mode = residues)", "has_dlse": True},
]


def random_kernel(rng):
    segment = rng.choice(["dense", rng.randint(1, 40), rng.randint(40, 600), 64, 128, 256])
    dilation = rng.choice([1, 1, 2, 3, 4, rng.randint(1, 9)])
    mode = rng.choice(["keys", "both", "residues"])
    offset = rng.choice(["zero", "head", "longnet", "list"])
    heads = rng.choice([1, 2, 4, 6])
    if offset == "list":
        offset = "[" + ", ".join(str(rng.randrange(dilation)) for _ in range(heads)) + "]"
    pattern = f"(segment = {segment}, dilation = {dilation}, mode = {mode}"
    pattern += ")" if mode == "residues" else f", offset = {offset})"
    query_order = rng.choice(["run", "table"])
    causal = rng.choice(["none", "none", "position", "token"])
    same = causal == "position" or rng.random() < 0.6
    return heads, Kernel(
        dtype=rng.choice(["bf16", "bf16", "f16", "f16", "f32"]),
        depth=rng.choice([64, 128, 8 * rng.randint(1, 32)]),
        pattern=pattern,
        causal=causal,
        query_order=query_order,
        key_order="" if same else rng.choice(["run", "table"]),
        out_order=rng.choice(["", "", "run", "table"]),
        has_dlse=rng.random() < 0.3,
    )


def assemble(assembler, ptx, target):
    """Machine code beside a .ptx file, so that the driver need not make it."""
    command = [assembler, f"-arch={target}", ptx, "-o", ptx.with_suffix(".cubin")]
    subprocess.run(command, check=True)


def prepare(options):
    rng = random.Random(options.seed)
    folder = pathlib.Path(options.folder)
    shutil.rmtree(folder, ignore_errors=True)
    kernels = [(4, Kernel(**special)) for special in SPECIAL]
    kernels += [random_kernel(rng) for _ in range(options.count)]

    def compile_one(number):
        # The program's number of heads only matters to lists of offsets.
        heads, kernel = kernels[number]
        compile_ahead(kernel, folder / f"{number:03}", options.compiler, options.target, heads)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(compile_one, range(len(kernels))))
        if options.assembler:
            list(pool.map(lambda ptx: assemble(options.assembler, ptx, options.target), folder.glob("*/*.ptx")))
    print(f"{len(kernels)} kernels for {options.target} in {folder}, seed {options.seed}")


def run(options):
    from cases import check, check_hidden

    failures = 0
    folders = sorted(pathlib.Path(options.folder).iterdir())
    worst = {}
    for folder in folders:
        kernel = json.loads((folder / "kernel.json").read_text())
        heads = kernel.pop("heads")
        for _ in range(options.repeat):
            try:
                for name, ratio in check(folder, Kernel(**kernel), heads).items():
                    worst[name] = max(worst.get(name, 0), ratio)
                if kernel["causal"] != "none":
                    check_hidden(folder, Kernel(**kernel), heads)
            except AssertionError as error:
                failures += 1
                print(f"FAILED {folder.name} {kernel} {heads} heads: {error}", flush=True)
    print("largest error, as a multiple of what rounding explains:", {k: round(v, 2) for k, v in worst.items()})
    print(f"{len(folders) * options.repeat - failures} passed, {failures} failed")
    return 1 if failures else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("prepare")
    command.set_defaults(function=prepare)
    command.add_argument("folder")
    command.add_argument("--count", type=int, default=100)
    command.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    command.add_argument("--target", default="sm_90")
    command.add_argument("--compiler", default="build/bin/hilbert-compile")
    command.add_argument("--assembler", help="ptxas, to make machine code as well")
    command = commands.add_parser("run")
    command.set_defaults(function=run)
    command.add_argument("folder")
    command.add_argument("--repeat", type=int, default=2)
    options = parser.parse_args()
    return options.function(options)


if __name__ == "__main__":
    sys.exit(main())
