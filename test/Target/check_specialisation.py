# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One PTX serves all sizes: programs that differ in nothing else than sizes give
the same bytes, and each element of the specialisation key gives others.

  check_specialisation.py [hilbert-compile]
"""

import dataclasses
import itertools
import re
import subprocess
import sys


@dataclasses.dataclass(frozen=True)
class Program:
    # Sizes, which must not matter.
    name: str = "f"
    batch: int = 1
    tokens: int = 4096
    heads: int = 2
    key_heads: int = 2
    grid: str = "64, 64"
    layout: str = "bnhd"
    # The key.
    dtype: str = "bf16"
    depth: int = 64
    pattern: str = "(segment = 256)"
    causal: str = "none"
    order: str = "static"
    dlse: bool = False
    schedule: str = "m = 128, n = 64, warps = 4, stages = 2, ctas = 2"
    # Of hilbert-compile.
    target: str = "sm_80"

    def matrix(self, heads):
        inner = f"{self.tokens}x{heads}" if self.layout == "bnhd" else f"{heads}x{self.tokens}"
        return f"tensor<{self.batch}x{inner}x{self.depth}x{self.dtype}>"

    def text(self, gradient):
        q, k = self.matrix(self.heads), self.matrix(self.key_heads)
        stats = f"tensor<{self.batch}x{self.heads}x{self.tokens}xf32>"
        table = f"tensor<{self.tokens}xi32>"
        order = {
            "none": "",
            "static": f"order(#hilbert.order<hilbert, [{self.grid}]>)",
            "table": f"order(q = %t : {table}, kv = %t : {table}, out = %t : {table})",
            "out": f"order(out = %t : {table})",
        }[self.order]
        clauses = f"{order} pattern<{self.pattern}> causal<{self.causal}> layout<{self.layout}>"
        half = f"<{self.schedule}>"
        if gradient:
            op = "hilbert.attention_grad"
            operands = f"ins(%q, %k, %v, %o, %l, %q : {q}, {k}, {k}, {q}, {stats}, {q}) "
            operands += f"dlse(%l : {stats}) " if self.dlse else ""
            operands += f"outs(%q, %k, %v : {q}, {k}, {k})"
            results, count = f"{q}, {k}, {k}", 3
            schedule = f"#hilbert_gpu.grad_schedule<dq = {half}, dkv = {half}>"
        else:
            op = "hilbert.attention"
            operands = f"ins(%q, %k, %v : {q}, {k}, {k}) outs(%o, %l : {q}, {stats})"
            results, count = f"{q}, {stats}", 2
            schedule = f"#hilbert_gpu.schedule{half}"
        values = ", ".join(f"%r#{i}" for i in range(count))
        return (
            f"func.func @{self.name}(%q: {q}, %k: {k}, %v: {k}, %o: {q}, %l: {stats}, %t: {table}) -> ({results}) {{\n"
            f"  %r:{count} = {op} {operands}\n    {clauses} schedule({schedule})\n"
            f"  return {values} : {results}\n}}\n"
        )

    def ptx(self, compiler, gradient):
        """PTX in which the function's name is replaced."""
        command = [compiler, f"--target={self.target}"]
        done = subprocess.run(command, input=self.text(gradient), capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"error: {self}\n{self.text(gradient)}{done.stderr}")
        return re.sub(rf"\b{self.name}_", "NAME_", done.stdout)


SIZES = [
    {"name": "other_name"},
    {"batch": 3},
    {"tokens": 16384, "grid": "128, 128"},
    {"tokens": 8192, "grid": "64, 128"},
    {"heads": 16, "key_heads": 16},
    {"heads": 12, "key_heads": 4},
    {"layout": "bhnd"},
]
# Sizes without a power of two, which orders in boxes would not allow.
ANY_SIZES = [{"tokens": 1}, {"tokens": 3600}, {"tokens": 2304}, {"batch": 5, "tokens": 1000, "heads": 6}]
KEY = [
    {"dtype": "f16"},
    {"depth": 72},
    {"pattern": "(segment = 512)"},
    {"pattern": "(segment = dense)"},
    {"pattern": "(segment = 256, dilation = 2)"},
    {"pattern": "(segment = 256, dilation = 2, mode = both)"},
    {"pattern": "(segment = 256, dilation = 2, mode = residues)"},
    {"pattern": "(segment = 256, dilation = 2, offset = head)"},
    {"order": "table", "causal": "token"},
    {"order": "table", "causal": "position"},
    {"order": "none"},
    {"order": "out"},
    {"schedule": "m = 64, n = 64, warps = 4, stages = 2, ctas = 2"},
    {"schedule": "m = 128, n = 64, warps = 4, stages = 3, ctas = 2"},
    {"target": "sm_86"},
]


def main():
    compiler = sys.argv[1] if len(sys.argv) > 1 else "hilbert-compile"
    failures = 0

    def expect(truth, message):
        nonlocal failures
        if not truth:
            failures += 1
            print(f"error: {message}")

    for gradient in (False, True):
        what = "gradient" if gradient else "forward"
        for base, sizes in ((Program(), SIZES), (Program(order="table"), SIZES + ANY_SIZES)):
            ptx = base.ptx(compiler, gradient)
            for change in sizes:
                same = dataclasses.replace(base, **change).ptx(compiler, gradient) == ptx
                expect(same, f"{what}: {change} changes the PTX of {base}")
        key = KEY + ([{"dlse": True}] if gradient else [])
        versions = {"nothing": Program().ptx(compiler, gradient)}
        for change in key:
            versions[str(change)] = dataclasses.replace(Program(), **change).ptx(compiler, gradient)
        for (one, first), (other, second) in itertools.combinations(versions.items(), 2):
            expect(first != second, f"{what}: {one} and {other} give the same PTX")
        print(f"{what}: sizes do not change the PTX; {len(versions)} keys give {len(set(versions.values()))} versions")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
