# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs a compiled attention from PTX and manifest, with CuPy and nothing of ours.

  hilbert-compile attention.mlir --target=sm_80 -o attention.ptx --manifest=attention.json
  python launch_cupy.py attention.ptx attention.json

Loads the PTX once and runs it on images of several sizes; compares with the
definition in float64. Exits with 77 if there is no CuPy, driver or GPU.
"""

import json
import pathlib
import sys

BATCH, HEADS, ROUNDS = 2, 4, 20
SIZES = ((32, 32), (25, 40), (7, 9), (128, 128))


def skip(reason):
    print(f"launch_cupy: skipped: {reason}", file=sys.stderr)
    sys.exit(77)


def ceil_div(a, b):
    return -(-a // b)


def count_ctas(grid, values):
    """The grid rule of docs/artifacts.md."""
    side = ("queries", "query_heads") if grid["rows"] == "queries" else ("keys", "key_heads")
    tokens, heads = (values[name] for name in side)
    segment = grid["segment"] or tokens
    tiles = ceil_div(ceil_div(min(segment, tokens), grid["classes"]), grid["tile"])
    return tiles * grid["classes"] * ceil_div(tokens, segment) * heads * values["batch"]


def make_order(height, width):
    """The tokens of a row-major image in rows of alternating direction."""
    rows = [[y * width + x for x in range(width)] for y in range(height)]
    return [token for y, row in enumerate(rows) for token in (row[::-1] if y % 2 else row)]


def main(ptx, manifest):
    manifest = json.loads(pathlib.Path(manifest).read_text())
    if manifest["schema"] != 1:
        sys.exit(f"launch_cupy: error: the manifest's schema must be 1, but is {manifest['schema']}")
    try:
        import cupy
        import numpy
    except ImportError as error:
        skip(f"CuPy cannot be imported: {error}")
    try:
        driver = cupy.cuda.runtime.driverGetVersion()
        cupy.cuda.Device(0).use()
        cupy.zeros(1)
    except cupy.cuda.runtime.CUDARuntimeError as error:
        skip(f"there is no CUDA device: {error}")
    if driver < manifest["minimum_driver"]:
        skip(f"the driver must be for CUDA {manifest['minimum_driver']}, but is for {driver}")

    attention = manifest["attentions"][0]
    depth = attention["key"]["depth"]
    kernel = next(kernel for kernel in manifest["kernels"] if kernel["name"] == attention["launch"][0])
    function = cupy.RawModule(path=ptx).get_function(kernel["name"])
    function.max_dynamic_shared_size_bytes = kernel["shared_bytes"]
    scalars = {"i32": numpy.int32, "i64": numpy.int64, "f32": numpy.float32}

    def to_bf16(x):
        """bf16 as uint16, which is what CuPy can hold."""
        bits = x.astype(cupy.float32).view(cupy.uint32)
        return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(cupy.uint16)

    def from_bf16(x):
        return (x.astype(cupy.uint32) << 16).view(cupy.float32).astype(cupy.float64)

    def expected(q, k, v, order, segment, scale):
        """out [B, N, H, D] by the definition, in float64."""
        q, k, v = (from_bf16(x)[:, order] for x in (q, k, v))
        along = cupy.empty_like(q)
        for begin in range(0, q.shape[1], segment):
            part = slice(begin, begin + segment)
            scores = cupy.einsum("bqhd,bkhd->bhqk", q[:, part], k[:, part]) * scale
            weights = cupy.exp(scores - scores.max(3, keepdims=True))
            weights /= weights.sum(3, keepdims=True)
            along[:, part] = cupy.einsum("bhqk,bkhd->bqhd", weights, v[:, part])
        out = cupy.empty_like(along)
        out[:, order] = along
        return out

    def run(height, width):
        tokens, scale = height * width, depth**-0.5
        q, k, v = (to_bf16(cupy.random.standard_normal((BATCH, tokens, HEADS, depth))) for _ in range(3))
        out = cupy.zeros_like(q)
        order = cupy.array(make_order(height, width), dtype=cupy.int32)
        values = {
            "batch": BATCH,
            "queries": tokens,
            "keys": tokens,
            "query_heads": HEADS,
            "key_heads": HEADS,
            "scale": scale,
            "lse": cupy.zeros((BATCH, HEADS, tokens), dtype=cupy.float32),
        }
        for name, matrix in (("q", q), ("k", k), ("v", v), ("out", out)):
            values[name] = matrix
            # Of elements: CuPy counts in bytes.
            strides = [stride // matrix.itemsize for stride in matrix.strides]
            values |= dict(zip((f"{name}_{dim}_stride" for dim in ("batch", "token", "head")), strides))
        for side in ("q", "kv", "out"):
            # One table for all batch items.
            values |= {f"{side}_table": order, f"{side}_table_batch_stride": 0}
        arguments = tuple(
            values[argument["name"]]
            if argument["type"] == "pointer"
            else scalars[argument["type"]](values[argument["name"]])
            for argument in kernel["arguments"]
        )

        def launch():
            function(
                (count_ctas(kernel["grid"], values),),
                (kernel["threads"],),
                arguments,
                shared_mem=kernel["shared_bytes"],
            )

        launch()
        wanted = expected(q, k, v, order, kernel["grid"]["segment"] or tokens, scale)
        error = float(cupy.abs(from_bf16(out) - wanted).max())
        begin, end = cupy.cuda.Event(), cupy.cuda.Event()
        begin.record()
        for _ in range(ROUNDS):
            launch()
        end.record()
        end.synchronize()
        milliseconds = cupy.cuda.get_elapsed_time(begin, end) / ROUNDS
        is_right = error < 0.03
        print(
            f"{height:3} x {width:3} tokens: {milliseconds:.3f} ms, largest error of out {error:.1e}: "
            + ("right" if is_right else "WRONG")
        )
        return is_right

    return 0 if all([run(*size) for size in SIZES]) else 1


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: launch_cupy.py attention.ptx attention.json")
    sys.exit(main(*sys.argv[1:]))
