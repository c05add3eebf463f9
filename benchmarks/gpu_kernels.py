# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times GPU kernels by events, beside torch's scaled_dot_product_attention.

  gpu_kernels.py prepare DIR [--target sm_90] [--compiler PATH] [--assembler ptxas]
  gpu_kernels.py run DIR

B=2 H=16 N=16384 D=128 bf16, [B, N, H, D], a Hilbert curve over 128x128. Every
number is a median; versions are alternated. "hilbert_attention", where it can be
imported, are calls through torch.
"""

import argparse
import functools
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "test/gpu"))

from programs import Kernel, compile_ahead
from suite import assemble

BATCH, HEADS, TOKENS, DEPTH = 2, 16, 16384, 128
SEGMENTS = ("256", "1024", "4096", "dense")
ORDERS = ("run", "table", "box")


def cases():
    for segment in SEGMENTS:
        for order in ORDERS:
            yield f"{segment}-{order}", Kernel(pattern=f"(segment = {segment})", query_order=order, depth=DEPTH)


def prepare(options):
    for name, kernel in cases():
        folder = pathlib.Path(options.folder) / name
        compile_ahead(kernel, folder, options.compiler, options.target)
        if options.assembler:
            for ptx in folder.glob("*.ptx"):
                assemble(options.assembler, ptx, options.target)


def time_all(functions):
    """Median milliseconds of each function, called in turns; what it reads may be in the cache."""
    from torch_cuda.measure import CudaClock, interleave

    clock = CudaClock(flush=False)
    times, failures = interleave({name: functools.partial(clock, function) for name, function in functions.items()})
    if failures:
        raise RuntimeError(f"these failed: {failures}")
    return {name: summary["median"] for name, summary in times.items()}


def calls_through_torch(width):
    """The same attention and its gradient by the Python package; nothing where there is none."""
    import torch

    try:
        from hilbert_attention import attention
    except ImportError as error:
        print(f"no calls through torch: {error}")
        return {}
    shape = BATCH, TOKENS, HEADS, DEPTH
    q, k, v, dout = (torch.randn(shape, device="cuda", dtype=torch.bfloat16) for _ in range(4))
    leaves = [t.detach().requires_grad_() for t in (q, k, v)]
    options = {"order": (128, 128), "segment": width if width < TOKENS else None}
    out = attention(*leaves, **options)
    return {
        "hilbert_attention forward": lambda: attention(q, k, v, **options),
        "hilbert_attention backward": lambda: torch.autograd.grad(out, leaves, dout, retain_graph=True),
    }


def run(options):
    import torch
    import torch.nn.functional as F
    from torch.nn.attention import SDPBackend, sdpa_kernel

    from cases import Problem, launch, make_orders

    print(torch.cuda.get_device_name(), torch.__version__)
    big = torch.randn(1 << 28, device="cuda")
    other = torch.empty_like(big)
    copy = time_all({"copy": lambda: other.copy_(big)})["copy"]
    print(f"copy {2 * big.nbytes / copy / 1e9:.2f} TB/s")
    del big, other
    roles = ("forward", "dq", "dkv")
    for segment in SEGMENTS:
        functions, keep = {}, []
        for name, kernel in cases():
            if name.split("-")[0] != segment or not (pathlib.Path(options.folder) / name).exists():
                continue
            problem = Problem(kernel, BATCH, TOKENS, TOKENS, HEADS, HEADS, "bnhd", False, random)
            problem.scale = DEPTH**-0.5
            orders = make_orders(kernel, problem, random)
            launches = launch(pathlib.Path(options.folder) / name, kernel, problem, orders)
            keep.append((problem, orders, launches))
            functions |= {f"{name} {role}": launches[role] for role in roles}
        width = TOKENS if segment == "dense" else int(segment)
        folded = [
            torch.randn(BATCH * TOKENS // width, HEADS, width, DEPTH, device="cuda", dtype=torch.bfloat16)
            .requires_grad_()
            for _ in range(3)
        ]
        for backend in (SDPBackend.FLASH_ATTENTION, SDPBackend.CUDNN_ATTENTION):
            label = backend.name.split("_")[0].lower()
            with sdpa_kernel(backend):
                out = F.scaled_dot_product_attention(*folded)
                dout = torch.randn_like(out)

                def forward(backend=backend):
                    with sdpa_kernel(backend), torch.no_grad():
                        F.scaled_dot_product_attention(*folded)

                def backward(out=out, dout=dout):
                    torch.autograd.grad(out, folded, dout, retain_graph=True)

                functions[f"{label} folded forward"] = forward
                functions[f"{label} folded backward"] = backward
        functions |= calls_through_torch(width)
        flops = 4 * BATCH * HEADS * TOKENS * width * DEPTH
        times = time_all(functions)
        for name in sorted({name.rsplit(" ", 1)[0] for name in times}):
            forward = times[f"{name} forward"]
            backward = times.get(f"{name} backward") or sum(times[f"{name} {role}"] for role in roles[1:])
            parts = [f"{role} {times[f'{name} {role}']:.3f}" for role in roles[1:] if f"{name} {role}" in times]
            print(
                f"{segment:>6} {name:24} forward {forward:7.3f} ms {flops / forward / 1e9:5.0f} TFLOP/s"
                f"   backward {backward:7.3f} ms {2.5 * flops / backward / 1e9:5.0f} TFLOP/s   {' '.join(parts)}",
                flush=True,
            )
        del functions, keep, folded
        torch.cuda.empty_cache()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("prepare")
    command.set_defaults(function=prepare)
    command.add_argument("folder")
    command.add_argument("--target", default="sm_90")
    command.add_argument("--compiler", default="build/bin/hilbert-compile")
    command.add_argument("--assembler", help="ptxas, to make machine code as well")
    command = commands.add_parser("run")
    command.set_defaults(function=run)
    command.add_argument("folder")
    options = parser.parse_args()
    options.function(options)


if __name__ == "__main__":
    main()
