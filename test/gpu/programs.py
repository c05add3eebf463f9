# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs of one attention for GPU kernels, and their compilation ahead of time."""

import dataclasses
import json
import pathlib
import subprocess


@dataclasses.dataclass(frozen=True)
class Kernel:
    """What kernels are specialised for. Orders are "run", "table" or "box"."""

    dtype: str = "bf16"
    depth: int = 128
    pattern: str = ""
    causal: str = "none"
    query_order: str = "run"
    key_order: str = ""  # The query's.
    out_order: str = ""  # The query's.
    has_dlse: bool = False
    schedule: str = ""
    grad_schedule: str = ""

    def text(self, gradient, heads=2):
        """MLIR of the forward or the gradient. Sizes are those of no call."""
        matrix = f"tensor<1x?x{heads}x{self.depth}x{self.dtype}>"
        stats = f"tensor<1x{heads}x?xf32>"
        table = "tensor<?xi32>"
        arguments = [("q", matrix), ("k", matrix), ("v", matrix), ("out", matrix), ("lse", stats)]
        if gradient:
            arguments += [("dout", matrix), *([("dlse", stats)] if self.has_dlse else [])]
            arguments += [("dq", matrix), ("dk", matrix), ("dv", matrix)]
        values = {"q": "q_order", "kv": "kv_order" if self.key_order else "q_order"}
        values["out"] = "out_order" if self.out_order else "q_order"
        kinds = {"q_order": self.query_order, "kv_order": self.key_order, "out_order": self.out_order}
        orders = [(side, value) for side, value in values.items() if kinds[value] != "run"]
        arguments += [(value, table) for value in dict.fromkeys(value for _, value in orders)]
        clauses = []
        if orders:
            clauses.append("order(" + ", ".join(f"{side} = %{value} : {table}" for side, value in orders) + ")")
        if self.pattern:
            clauses.append(f"pattern<{self.pattern}>")
        if self.causal != "none":
            clauses.append(f"causal<{self.causal}>")
        schedule = self.grad_schedule if gradient else self.schedule
        if schedule:
            clauses.append(f"schedule({schedule})")
        attributes = [
            f"hilbert_gpu.{side}_access = #hilbert_gpu.access<box>"
            for side, kind in (("query", self.query_order), ("key", self.key_order or self.query_order))
            if kind == "box"
        ]
        if self.dtype == "f32":
            attributes.append("hilbert_gpu.allow_tf32")
        if attributes:
            clauses.append("{" + ", ".join(attributes) + "}")
        inputs = [a for a in arguments if a[0] in ("q", "k", "v")]
        outputs = [a for a in arguments if a[0] in ("out", "lse")]
        extra = ""
        if gradient:
            inputs += outputs + [("dout", matrix)]
            outputs = [a for a in arguments if a[0] in ("dq", "dk", "dv")]
            extra = f"dlse(%dlse : {stats})" if self.has_dlse else ""

        def operands(pairs):
            return ", ".join(f"%{name}" for name, _ in pairs) + " : " + ", ".join(kind for _, kind in pairs)

        results = ", ".join(kind for _, kind in outputs)
        op = "hilbert.attention_grad" if gradient else "hilbert.attention"
        return (
            f"func.func @f({', '.join(f'%{name}: {kind}' for name, kind in arguments)}) -> ({results}) {{\n"
            f"  %r:{len(outputs)} = {op} ins({operands(inputs)}) {extra} outs({operands(outputs)})\n"
            f"    {' '.join(clauses)}\n"
            f"  return {', '.join(f'%r#{i}' for i in range(len(outputs)))} : {results}\n}}\n"
        )


def compile_ahead(kernel, folder, compiler, target, heads=2):
    """Writes PTX and manifests of a Kernel into a folder, and what it is."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for gradient in (False, True):
        name = "gradient" if gradient else "forward"
        (folder / f"{name}.mlir").write_text(kernel.text(gradient, heads))
        done = subprocess.run(
            [compiler, folder / f"{name}.mlir", f"--target={target}", "-o", folder / f"{name}.ptx"]
            + [f"--manifest={folder / name}.json"],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"{kernel}: {done.stderr}\n{kernel.text(gradient)}")
    (folder / "kernel.json").write_text(json.dumps({**dataclasses.asdict(kernel), "heads": heads}))
