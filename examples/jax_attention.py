# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention over a 64x64 image in segments along a Hilbert curve, with JAX.

    python examples/jax_attention.py

Compares results and gradients with the same in plain JAX, which gathers q, k and v
into copies, attends and scatters back; prints errors and times.
"""

import statistics
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

from hilbert_attention.jax import attention

SIDE = 64
SEGMENT = 256  # Boxes of 16x16 tokens.
SHAPE = (1, SIDE * SIDE, 8, 64)  # Batch, tokens, heads, head dimension.


def fused(q, k, v):
    return attention(q, k, v, order=(SIDE, SIDE), segment=SEGMENT)


def composite(q, k, v):
    row, column = hilbert_curve(SIDE).T
    tokens = row * SIDE + column
    q, k, v = (x[:, tokens].reshape(-1, SEGMENT, *SHAPE[2:]) for x in (q, k, v))
    out = jax.nn.dot_product_attention(q, k, v)
    return jnp.zeros(SHAPE).at[:, tokens].set(out.reshape(SHAPE))


def hilbert_curve(side):
    """The (row, column) of each position, [side * side, 2]; side is a power of 2."""
    if side == 1:
        return np.zeros((1, 2), int)
    half, quarter = side // 2, hilbert_curve(side // 2)
    turned = quarter[:, ::-1]
    return np.concatenate([turned, quarter + (half, 0), quarter + half, (half - 1, side - 1) - turned])


def main():
    rng = np.random.default_rng()
    q, k, v, weight = (jnp.asarray(rng.standard_normal(SHAPE), jnp.float32) for _ in range(4))
    print(f"{'':12}{'forward':>12}{'and backward':>16}")
    results = []
    for name, f in ("hilbert", fused), ("plain JAX", composite):
        forward = jax.jit(f)
        step = jax.jit(jax.grad(lambda q, k, v: jnp.sum(f(q, k, v) * weight), (0, 1, 2)))
        results.append((forward(q, k, v), *step(q, k, v)))
        times = [1e3 * median_time(program, q, k, v) for program in (forward, step)]
        print(f"{name:12}{times[0]:9.1f} ms{times[1]:13.1f} ms")
    ok = True
    for name, actual, wanted in zip(("out", "dq", "dk", "dv"), *results, strict=True):
        error = float(jnp.max(jnp.abs(actual - wanted)))
        ok &= error < 1e-4
        print(f"{name:12}max error {error:.1e}  {'ok' if error < 1e-4 else 'WRONG'}")
    return 0 if ok else 1


def median_time(f, *arguments, repeat=5):
    """Seconds."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        jax.block_until_ready(f(*arguments))
        times.append(time.perf_counter() - start)
    return statistics.median(times)


if __name__ == "__main__":
    sys.exit(main())
