# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""attention() of JAX arrays on a GPU, against float64; skipped where JAX sees none."""

import pytest
import torch

import calls
import hilbert_attention as ha
from calls import Call, Kernel


@pytest.fixture(scope="module")
def jax():
    """jax with a GPU, and kernels for it; imported by then only."""
    module = pytest.importorskip("jax")
    try:
        devices = module.devices("gpu")
    except RuntimeError as error:
        pytest.skip(f"JAX sees no GPU: {error}")
    platforms = {name.lower() for name in ha._C.ffi_handlers()}
    if not platforms & {"cuda", "gpu"}:
        pytest.skip(f"hilbert_attention has XLA handlers for {', '.join(platforms) or 'nothing'} only")
    assert devices
    with module.default_device(devices[0]):
        yield module


def to_jax(jax, t):
    kinds = {torch.bfloat16: "bfloat16", torch.float16: "float16"}
    return jax.numpy.asarray(t.detach().float().cpu().numpy()).astype(kinds.get(t.dtype, "float32"))


def to_torch(x):
    import numpy as np

    return torch.from_numpy(np.asarray(x).astype("float32")).to(calls.DEVICE)


def assert_close(actual, wanted, tolerance):
    for name, a, w in zip(calls.NAMES, actual, wanted, strict=True):
        error = calls.distance(to_torch(a), w.detach())
        assert error < tolerance, f"{name} is wrong by {error}"


def doubles(call):
    """out, lse, dq, dk, dv in float64."""
    q, k, v, dout, dlse = call.tensors()
    leaves = [t.detach().double().requires_grad_() for t in (q, k, v)]
    out, lse = calls.composite(call, *leaves)
    return out, lse, *torch.autograd.grad((out, lse), leaves, (dout.double(), dlse.double()))


def run(jax, call, jit=True, **orders):
    q, k, v, dout, dlse = (to_jax(jax, t) for t in call.tensors())
    arguments = {name: value for name, value in call.arguments().items() if "order" not in name} | orders

    def function(q, k, v, dout, dlse):
        results, pullback = jax.vjp(lambda *x: ha.attention(*x, return_lse=True, **arguments), q, k, v)
        return (*results, *pullback((dout, dlse)))

    return (jax.jit(function) if jit else function)(q, k, v, dout, dlse)


KERNELS = {
    "static": Kernel(torch.bfloat16, 64, ha.Branch(64, 2)),
    "causal": Kernel(torch.float16, 40, ha.Branch(100), "token"),
    "residues": Kernel(torch.float16, 128, ha.Branch(96, 3, "residues"), "position"),
    "dense": Kernel(torch.bfloat16, 128),
}


@pytest.mark.parametrize("layout", ["bnhd", "bhnd"])
@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("name", KERNELS)
def test_attention(jax, name, jit, layout):
    order = ha.Order((12, 20))
    call = Call(KERNELS[name], 2, 240, 240, 1, layout, orders=(order, None, None))
    assert_close(run(jax, call, jit, order=order), doubles(call), 3 * calls.TOLERANCES[call.kernel.dtype])


@pytest.mark.parametrize("shape", [(1,), (2,)])
def test_tables(jax, shape):
    """Runtime orders [N] and [B, N], operands of the program."""
    table = torch.stack([torch.randperm(200) for _ in range(2)]).int().to(calls.DEVICE)
    table = table[0] if shape == (1,) else table
    call = Call(Kernel(torch.float16, 64, ha.Branch(50), "token"), 2, 200, 200, orders=(table, None, None))
    actual = run(jax, call, order=jax.numpy.asarray(table.cpu().numpy()))
    assert_close(actual, doubles(call), 3 * calls.TOLERANCES[torch.float16])


def test_float32_needs_tf32(jax):
    call = Call(Kernel(torch.float32, 64, ha.Branch(50)), 2, 200, 200)
    with pytest.raises(Exception, match="(?i)tf32|tensorfloat32|f16 or bf16|float16"):
        jax.block_until_ready(run(jax, call))
    with jax.default_matmul_precision("tensorfloat32"):
        assert_close(run(jax, call), doubles(call), 3 * calls.TOLERANCES[torch.float32])


def test_grad_of_a_program(jax):
    """Between other operations, whose results are ready when kernels start."""
    call = Call(Kernel(torch.bfloat16, 64, ha.Branch(64)), 2, 256, 256)
    q, k, v, *_ = (to_jax(jax, t) for t in call.tensors())

    def loss(q, k, v):
        for _ in range(3):
            q = ha.attention(q * 1.5, k, v, order=(16, 16), segment=64) + q
        return (q.astype("float32") ** 2).mean()

    program = jax.jit(jax.value_and_grad(loss, argnums=(0, 1, 2)))
    (value, gradients), (again, others) = program(q, k, v), program(q, k, v)
    assert value == again and all((a == b).all() for a, b in zip(gradients, others))

    call.orders = (ha.Order((16, 16)), None, None)
    leaves = [t.double().requires_grad_() for t in call.tensors()[:3]]
    x = leaves[0]
    for _ in range(3):
        x = calls.composite(call, x * 1.5, *leaves[1:])[0] + x
    wanted = (x**2).mean()
    wanted.backward()
    assert abs(float(value) / wanted.item() - 1) < 2e-2
    # The means of so many numbers have small gradients.
    size = x.numel()
    for name, gradient, leaf in zip("qkv", gradients, leaves):
        error = calls.distance(to_torch(gradient) * size, leaf.grad * size)
        assert error < 3e-2, f"d{name} is wrong by {error}"


def test_sizes_do_not_compile_kernels(jax):
    """XLA makes another program for another size; the kernel is the same."""
    arguments = calls.fresh_arguments()

    def step(tokens):
        q = jax.numpy.ones((1, tokens, 2, 32), "bfloat16")
        return jax.block_until_ready(ha.attention(q, q, q, **arguments))

    step(64)
    before = calls.compiled()
    step(80)
    step(300)
    assert calls.compiled() == before
