# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Assembles the default schedules of many attentions, and looks at the result.

Prints a line for each kernel, and fails if one needs local memory, lacks an
instruction that its speed depends on, or takes a second to compile.
"""

import argparse
import collections
import concurrent.futures
import itertools
import pathlib
import re
import resource
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "gpu"))

from programs import Kernel

TARGETS = ("sm_80", "sm_86", "sm_89", "sm_90")
# How rows are found, and causality. Boxes are not in the order of positions;
# without a table, causality by token is causality by position.
KINDS = (
    ("run", "none"),
    ("run", "position"),
    ("table", "none"),
    ("table", "position"),
    ("table", "token"),
    ("box", "none"),
    ("box", "token"),
)
# Rows of queries/keys/results, where they have several orders.
KINDS_OF_ORDERS = (
    ("table/run", "none"),
    ("table//table", "position"),
    ("table/table/table", "token"),
    ("table/box", "token"),
    ("box/box", "none"),
)
DILATED = ("(segment = 256, dilation = 2, mode = both, offset = head)", "(segment = 100, dilation = 3, offset = longnet)")

Attentions = collections.namedtuple("Attentions", "depths kinds patterns")
# What has other schedules than its neighbours, and the depths at which registers are few.
SETS = {
    "plain": Attentions(
        {
            **dict.fromkeys(("bf16", "f16"), (64, 72, 96, 120, 128, 192, 256)),
            "f32": (64, 128, 168, 184, 192, 240, 256),
        },
        KINDS,
        ("", "(segment = 256)"),
    ),
    "dilated": Attentions({"bf16": (120, 128), "f32": (128,)}, KINDS, DILATED),
    "orders": Attentions({"bf16": (104, 120, 128), "f32": (128,)}, KINDS_OF_ORDERS, ("(segment = 256)", DILATED[1])),
}
# Of 16-bit types: tensor cores; fragments from shared memory; copies into it that pass by L1.
NEEDED = ("HMMA.16816.F32", "LDSM.16.M88.4", "LDSM.16.MT88.4", "LDGSTS.E.BYPASS.128")
LOCAL_MEMORY = re.compile(r"\b(LDL|STL)\b")

# Of CPU, for a kernel.
SECONDS_TO_COMPILE = 1

Case = collections.namedtuple("Case", "target dtype depth rows causal pattern gradient")


def seconds_of_children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def kernels_of(report):
    """(name, registers, bytes of stack and spills) from what ptxas -v says."""
    pattern = (
        r"Function properties for (\w+)\s+(\d+) bytes stack frame, (\d+) bytes spill stores, "
        r"(\d+) bytes spill loads\s+ptxas info\s*: Used (\d+) registers"
    )
    for name, stack, stores, loads, registers in re.findall(pattern, report):
        yield name, int(registers), (int(stack), int(stores), int(loads))


def complaints(sass):
    """What a kernel's machine code has and should not have, or lacks."""
    spills = sorted(set(LOCAL_MEMORY.findall(sass)))
    return [f"has {word}" for word in spills] + [f"lacks {word}" for word in NEEDED if word not in sass]


def label_of(case):
    return " ".join(filter(None, map(str, case[:6])))


def compile_case(case, options, folder):
    """(PTX of the kernels of a case, their names, seconds of CPU for each)."""
    query_order, key_order, out_order = (*case.rows.split("/"), "", "")[:3]
    kernel = Kernel(
        dtype=case.dtype,
        depth=case.depth,
        causal=case.causal,
        pattern=case.pattern,
        query_order=query_order,
        key_order=key_order,
        out_order=out_order,
        schedule=options.schedule,
        grad_schedule=options.grad_schedule,
    )
    program, ptx = (pathlib.Path(folder) / f"kernels.{kind}" for kind in ("mlir", "ptx"))
    program.write_text(kernel.text(case.gradient))
    begin = seconds_of_children()
    run(options.compiler, program, f"--target={case.target}", "-o", ptx)
    seconds = seconds_of_children() - begin
    entries = re.findall(r"\.visible \.entry (\w+)\(", ptx.read_text())
    return ptx, entries, seconds / len(entries)


def check(case, options):
    """(lines, errors, seconds that a kernel takes to compile) of a case."""
    try:
        return assemble(case, options)
    except RuntimeError as error:
        return [], [f"{label_of(case)}: {error}"], 0


def assemble(case, options):
    label = label_of(case)
    lines, errors = [], []
    with tempfile.TemporaryDirectory() as folder:
        ptx, entries, compiling = compile_case(case, options, folder)
        cubin = ptx.with_suffix(".cubin")
        begin = seconds_of_children()
        report = run(options.ptxas, "-v", f"-arch={case.target}", ptx, "-o", cubin)
        assembling = (seconds_of_children() - begin) / len(entries)
        kernels = list(kernels_of(report))
        if sorted(name for name, *_ in kernels) != sorted(entries):
            errors.append(f"{label}: ptxas reports {kernels}, but the PTX has {entries}")
        sass = dict.fromkeys(entries, "")
        if options.nvdisasm:
            text = run(options.nvdisasm, "-c", cubin)
            # .section .text.NAME,... begins the code of a kernel.
            parts = re.split(r"\.section\s+\.text\.(\w+)", text)
            sass = dict(zip(parts[1::2], parts[2::2]))
    for name, registers, bytes_of in kernels:
        lines.append(
            f"{label} {name}: {registers} registers, {sum(bytes_of)} bytes of local memory, "
            f"compiled in {compiling:.2f} s, assembled in {assembling:.2f} s"
        )
        if any(bytes_of):
            errors.append(f"{label} {name}: stack, spill stores, spill loads: {bytes_of} bytes")
        if options.nvdisasm:
            found = complaints(sass.get(name, ""))
            errors += [f"{label} {name}: {error}" for error in found]
    return lines, errors, compiling


def check_time(case, options):
    """(lines, errors) of the time that a case takes to compile, with nothing of ours beside it."""
    with tempfile.TemporaryDirectory() as folder:
        # Others on the machine only ever add to it.
        seconds = min(compile_case(case, options, folder)[2] for _ in range(3))
    line = f"{label_of(case)}: compiled alone in {seconds:.2f} s a kernel"
    return [line], [f"{line}, not in less than {SECONDS_TO_COMPILE}"] if seconds >= SECONDS_TO_COMPILE else []


def cases_of(options):
    """Every Case that the options ask for."""
    for target, name, dtype in itertools.product(options.targets, options.sets, options.dtypes):
        depths, kinds, patterns = SETS[name]
        depths, patterns = options.depths or depths.get(dtype, ()), options.patterns or patterns
        # Schedules and PTX for sm_89 are those for sm_86: one pattern will do.
        patterns = patterns[-1:] if target == "sm_89" else patterns
        for depth, (rows, causal), pattern in itertools.product(depths, kinds, patterns):
            if not options.rows or rows in options.rows:
                for gradient in (False, True):
                    yield Case(target, dtype, depth, rows, causal, pattern, gradient)


def choice(text, kind=str):
    return tuple(kind(word) for word in text.split(","))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", default="build/bin/hilbert-compile")
    parser.add_argument("--ptxas", default="ptxas")
    parser.add_argument("--nvdisasm", help="also look at the machine code")
    parser.add_argument("--targets", type=choice, default=TARGETS)
    parser.add_argument("--dtypes", type=choice, default=("bf16", "f16", "f32"))
    parser.add_argument("--sets", type=choice, default=tuple(SETS), help=f"of {', '.join(SETS)}")
    parser.add_argument("--depths", type=lambda text: choice(text, int), help="of all sets and types")
    parser.add_argument("--rows", type=choice, help="such as run,table,box,table/run")
    parser.add_argument("--patterns", type=lambda text: tuple(text.split(";")), help="of all sets, separated by ;")
    parser.add_argument("--schedule", default="", help="instead of the default, such as '#hilbert_gpu.schedule<...>'")
    parser.add_argument("--grad-schedule", default="", help="likewise, of gradients")
    options = parser.parse_args()
    cases = list(cases_of(options))
    kernels = failures = 0

    def tell(lines, errors):
        nonlocal failures
        failures += len(errors)
        errors = [f"error: {error}" for error in errors]
        print("\n".join(lines + errors), flush=True)
        # Seen also where lines go to a file.
        print("".join(f"{error}\n" for error in errors), end="", file=sys.stderr, flush=True)

    slow = []
    with concurrent.futures.ProcessPoolExecutor() as pool:
        for case, (lines, errors, seconds) in zip(cases, pool.map(check, cases, [options] * len(cases))):
            kernels += len(lines)
            tell(lines, errors)
            if seconds >= SECONDS_TO_COMPILE:
                slow.append(case)
    # Compilations that run at a time share cores, and slow each other down.
    for case in slow:
        tell(*check_time(case, options))
    print(f"{kernels} kernels of {len(cases)} programs, {failures} errors")
    return 1 if failures or not kernels else 0


if __name__ == "__main__":
    sys.exit(main())
