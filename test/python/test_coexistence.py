# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One process with other users of LLVM and MLIR, in several import orders."""

import os
import pathlib
import random
import subprocess
import sys

import pytest

# Each step imports a library and makes it compile; after each, attention is
# computed anew and compared. The command line says in which order.
SCRIPT = '''
import sys
import numpy as np

rng = np.random.default_rng()


def ours():
    import hilbert_attention
    import reference
    heads, depth, segment = rng.integers(1, 4), 8 * rng.integers(1, 5), int(rng.integers(5, 40))
    q, k, v = (rng.standard_normal((2, 63, heads, depth), np.float32) for _ in range(3))
    order = hilbert_attention.Order((7, 9))
    out, lse = hilbert_attention.attention(q, k, v, order=order, segment=segment, return_lse=True)
    table = hilbert_attention._C.order_table(order.spec)
    wanted = reference.attention(
        q, k, v, q_order=table, kv_order=table, out_order=table, branches=[(segment, 1, "keys", "zero")]
    )
    reference.assert_close(out, wanted[0])
    reference.assert_close(lse, wanted[1])


def torch():
    import hilbert_attention
    import torch
    import torch.nn.functional as F
    q, k, v = (torch.randn(2, 45, 3, 16, requires_grad=True) for _ in range(3))
    out = hilbert_attention.attention(q, k, v, layout="bnhd")
    wanted = F.scaled_dot_product_attention(*(t.transpose(1, 2) for t in (q, k, v))).transpose(1, 2)
    torch.testing.assert_close(out, wanted)
    dout = torch.randn_like(out)
    torch.testing.assert_close(torch.autograd.grad(out, (q, k, v), dout), torch.autograd.grad(wanted, (q, k, v), dout))


def inductor():
    import torch
    function = lambda x: (torch.sin(x) * x).softmax(-1)
    x = torch.randn(31, 65)
    torch.testing.assert_close(torch.compile(function)(x), function(x))


def jax():
    import jax
    x = rng.standard_normal((33, 65)).astype(np.float32)
    np.testing.assert_allclose(jax.jit(lambda x: jax.numpy.tanh(x) @ x.T)(x), np.tanh(x) @ x.T, rtol=1e-4, atol=1e-4)


def mlir():
    from jax.interpreters.mlir import make_ir_context
    from jaxlib.mlir import ir
    text = "func.func @f(%x: tensor<?xf32>) -> tensor<?xf32> {\\n  return %x : tensor<?xf32>\\n}"
    with make_ir_context():
        module = ir.Module.parse(text)
        assert module.operation.verify()
        assert str(ir.Module.parse(str(module))) == str(module)
        assert "return %arg0 : tensor<?xf32>" in str(module)


def llvmlite():
    import ctypes
    import llvmlite.binding as llvm
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    module = llvm.parse_assembly("define i32 @f(i32 %x) { %y = mul i32 %x, %x ret i32 %y }")
    machine = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    x = int(rng.integers(1000))
    assert ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(engine.get_function_address("f"))(x) == x * x


def triton():
    from triton._C import libtriton
    context = libtriton.ir.context()
    libtriton.ir.load_dialects(context)


for step in sys.argv[1:]:
    globals()[step]()
    ours()
print("done")
'''


def run(steps, tmp_path):
    here = str(pathlib.Path(__file__).parent)
    path = os.pathsep.join([here, *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *steps],
        capture_output=True,
        text=True,
        timeout=500,
        env={**os.environ, "PYTHONPATH": path, "HILBERT_CACHE_DIR": str(tmp_path)},
    )
    assert done.returncode == 0 and done.stdout.endswith("done\n"), f"{steps}\n{done.stdout}{done.stderr}"


OTHERS = ["torch", "jax", "mlir", "llvmlite"]


@pytest.mark.parametrize(
    "steps",
    [["ours", *OTHERS], [*OTHERS, "ours"], *([other, "ours", other] for other in OTHERS)],
    ids="-".join,
)
def test_import_order(steps, tmp_path):
    """Ours first, ours last, ours between two uses of another one."""
    run(steps, tmp_path)


def test_random_import_order(tmp_path):
    steps = random.sample([*OTHERS, "ours"], len(OTHERS) + 1)
    run([*steps, *random.sample(steps, 3)], tmp_path)


def test_inductor(tmp_path):
    """torch.compile, which compiles and loads C++, before and after."""
    run(["inductor", "ours", "torch", "inductor"], tmp_path)


def test_triton(tmp_path):
    """Triton's own LLVM and MLIR, where it is installed."""
    pytest.importorskip("triton")
    run(["triton", "ours", "torch", "triton"], tmp_path)
