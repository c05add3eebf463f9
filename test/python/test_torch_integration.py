# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The torch ops inside torch: autograd, torch.compile, torch.func, autocast, …"""

import warnings

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.checkpoint import checkpoint

import hilbert_attention as ha
from devices import DEVICE, ON_GPU, tolerance
from hilbert_attention import _C

ORDER = ha.Order((5, 9))


def tensors(tokens=45, requires_grad=True, batch=2):
    return [torch.randn(batch, tokens, 2, 16, requires_grad=requires_grad) for _ in range(3)]


def attend(q, k, v, **arguments):
    return ha.attention(q, k, v, **{"order": ORDER, "segment": 16, "dilation": 3, **arguments})


def gradients(function, inputs, *cotangents):
    outputs = function(*inputs)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    return [*outputs, *torch.autograd.grad(outputs, inputs, cotangents or [torch.cos(o.detach()) for o in outputs])]


def assert_same(actual, wanted, limit=1e-5):
    limit = tolerance(limit) if limit else 0
    for a, w in zip(actual, wanted, strict=True):
        torch.testing.assert_close(a, w, rtol=limit, atol=limit)


# ===----------------------------------------------------------------------===
# Ops
# ===----------------------------------------------------------------------===


def op_arguments(requires_grad, table=None):
    orders = [[], [], []] if table is not None else [list(ORDER.spec), [], list(ha.Order(45).spec)]
    return [*tensors(requires_grad=requires_grad), table, table, None, *orders, "(segment = 16)", "token", "bnhd", 0.3]


@pytest.mark.parametrize("table", [None, torch.randperm(45, dtype=torch.int32)], ids=["static", "table"])
def test_opcheck_attention(table):
    torch.library.opcheck(torch.ops.hilbert.attention.default, op_arguments(True, table))


@pytest.mark.parametrize("with_dlse", [False, True])
def test_opcheck_attention_grad(with_dlse):
    # Without gradients: the op has none, by design.
    arguments = op_arguments(False)
    out, lse = torch.ops.hilbert.attention(*arguments)
    dlse = torch.randn_like(lse) if with_dlse else None
    torch.library.opcheck(torch.ops.hilbert.attention_grad.default, [*arguments, out, lse, torch.randn_like(out), dlse])


@pytest.mark.parametrize("inverse", [False, True])
def test_opcheck_permutation(inverse):
    arguments = (list(ORDER.spec), inverse, DEVICE)
    torch.library.opcheck(torch.ops.hilbert.permutation.default, arguments)


def test_op_is_differentiable():
    """The op itself has the gradients of attention(), which takes a shorter way."""
    arguments = op_arguments(True)
    q, k, v = arguments[:3]
    orders = {"order": ORDER, "kv_order": ha.Order(45, "raster"), "out_order": 45}
    wanted = gradients(
        lambda *x: ha.attention(*x, segment=16, causal="token", scale=0.3, return_lse=True, **orders), (q, k, v)
    )
    assert_same(gradients(lambda *x: torch.ops.hilbert.attention(*x, *arguments[3:]), (q, k, v)), wanted, 0)


# ===----------------------------------------------------------------------===
# Derivatives
# ===----------------------------------------------------------------------===


@pytest.mark.skipif(ON_GPU, reason="rounding to TF32 is larger than the differences; test/gpu has gradients")
def test_gradcheck():
    """Finite differences of out and of lse, in float32."""
    inputs = [torch.randn(1, 11, 2, 8, requires_grad=True) for _ in range(3)]
    for mode in ("keys", "residues"):
        torch.autograd.gradcheck(
            lambda *x: ha.attention(*x, order=11, segment=6, dilation=2, mode=mode, return_lse=True),
            inputs,
            eps=1e-2,
            atol=2e-3,
            rtol=2e-3,
            fast_mode=False,
        )


@pytest.mark.parametrize("used", ["out", "lse"])
def test_one_result_is_used(used, monkeypatch):
    """An lse that is not used costs nothing."""
    attention_grad, dlses = _C.attention_grad, []

    def spy(*arguments):
        dlses.append(arguments[6])
        attention_grad(*arguments)

    monkeypatch.setattr(_C, "attention_grad", spy)
    inputs = tensors()
    out, lse = attend(*inputs, return_lse=True)
    result = {"out": out, "lse": lse}[used]
    cotangent = torch.randn_like(result)
    others = [torch.zeros_like(t) if t is not result else cotangent for t in (out, lse)]
    wanted = torch.autograd.grad((out, lse), inputs, others, retain_graph=True)
    dlses.clear()
    assert_same(torch.autograd.grad(result, inputs, cotangent), wanted)
    assert [dlse is None for dlse in dlses] == [used == "out"]


def test_one_input_has_a_gradient():
    q, k, v = tensors(requires_grad=False)
    wanted = gradients(attend, [t.clone().requires_grad_() for t in (q, k, v)])
    k.requires_grad_()
    out = attend(q, k, v)
    assert_same(torch.autograd.grad(out, k, torch.cos(out.detach())), wanted[2:3], 0)


def test_second_derivative():
    inputs = tensors()
    (gradient,) = torch.autograd.grad(attend(*inputs).square().sum(), inputs[0], create_graph=True)
    with pytest.raises(RuntimeError, match="no second derivative"):
        gradient.sum().backward()
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.func.grad(lambda q: torch.func.grad(lambda q: attend(q, *inputs[1:]).square().sum())(q).sum())(inputs[0])


def test_forward_mode():
    q, k, v = tensors(requires_grad=False)
    with pytest.raises(NotImplementedError, match="jvp"):
        torch.func.jvp(attend, (q, k, v), (q, k, v))
    with torch.autograd.forward_ad.dual_level(), pytest.raises(NotImplementedError, match="jvp"):
        attend(torch.autograd.forward_ad.make_dual(q, q), k, v)


@pytest.mark.parametrize("requires_grad", [False, True])
def test_vmap(requires_grad):
    q, k, v = tensors(requires_grad=requires_grad)
    with pytest.raises(RuntimeError, match="attention has no vmap: put the mapped dimension into the batch"):
        torch.vmap(lambda q: attend(q, k, v))(torch.stack([q, q]))


def test_func_grad():
    inputs = tensors()
    wanted = torch.autograd.grad(attend(*inputs).square().sum(), inputs)
    actual = torch.func.grad(lambda *x: attend(*x).square().sum(), argnums=(0, 1, 2))(*inputs)
    assert_same(actual, wanted)
    _, pullback = torch.func.vjp(attend, *inputs)
    assert_same(pullback(torch.ones(2, 45, 2, 16)), torch.autograd.grad(attend(*inputs).sum(), inputs))


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_checkpoint(use_reentrant):
    inputs = tensors()
    before = _C.statistics()["compilations"]
    wanted = gradients(attend, inputs)
    out = checkpoint(attend, *inputs, use_reentrant=use_reentrant)
    out.backward(torch.cos(out.detach()))
    assert_same([out, *(t.grad for t in inputs)], wanted)
    assert _C.statistics()["compilations"] <= before + 2


# ===----------------------------------------------------------------------===
# torch.compile and torch.export
# ===----------------------------------------------------------------------===

FUNCTIONS = {
    "order from outside": lambda q, k, v: attend(q, k, v),
    "order made inside": lambda q, k, v: attend(q, k, v, order=ha.Order((q.shape[1], 1), "snake", (3, 1))),
    "extents": lambda q, k, v: attend(q, k, v, order=(q.shape[1], 1)),
    "bare length": lambda q, k, v: attend(q, k, v, order=q.shape[1], return_lse=True),
    "branches": lambda q, k, v: ha.attention(q, k, v, branches=[ha.Branch(9), ha.Branch(16, 2, "both", [1, 0])]),
    "permutation": lambda q, k, v: attend(q[:, ha.Order(q.shape[1]).permutation()], k, v, order=None),
    "table": lambda q, k, v: attend(q, k, v, order=ha.create_hilbert_mapping(q.shape[1]).to(q.device), kv_order=q.shape[1]),
    "packed": lambda q, k, v: attend(*torch.stack([q, k, v], 2).unbind(2), order=None),
}


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_compile(name, dynamic):
    torch._dynamo.reset()
    compiled = torch.compile(FUNCTIONS[name], fullgraph=True, backend="aot_eager", dynamic=dynamic)
    inputs = tensors()
    assert_same(gradients(compiled, inputs), gradients(FUNCTIONS[name], inputs))


@pytest.mark.parametrize("name", ["extents", "bare length", "packed"])
def test_compile_once_for_all_sizes(name):
    """The second size makes a program for all; _C compiles nothing new."""
    torch._dynamo.reset()
    backend = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(FUNCTIONS[name], fullgraph=True, backend=backend)
    compiled(*tensors())
    before = _C.statistics()["compilations"]
    for batch, tokens in ((3, 46), (4, 50), (5, 77)):
        inputs = tensors(tokens, batch=batch)
        assert_same(gradients(compiled, inputs)[:1], gradients(FUNCTIONS[name], inputs)[:1])
    assert backend.frame_count == 2
    assert _C.statistics()["compilations"] <= before + 1  # The gradient's.


def test_compile_with_dynamic_arguments():
    """Segments and scales are constants: another one makes another program."""
    torch._dynamo.reset()

    def function(q, k, v, w, s):
        return attend(q, k, v, segment=w, scale=s)

    compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
    inputs = tensors()
    for w, s in ((3, 0.1), (4, 0.2), (5, 0.3), (6, 0.4)):
        assert_same([compiled(*inputs, w, s)], [function(*inputs, w, s)])


def test_inductor():
    """Code that torch generates around the op, forward and backward."""
    torch._dynamo.reset()

    def function(q, k, v):
        return (attend(q * 2, k.sin(), v, order=q.shape[1]) + 1).relu()

    compiled = torch.compile(function, fullgraph=True)
    inputs = tensors()
    with warnings.catch_warnings():
        warnings.simplefilter("error", ha.CopyWarning)
        actual = gradients(compiled, inputs)
    assert_same(actual, gradients(function, inputs))


def test_export(tmp_path):
    class Model(torch.nn.Module):
        def forward(self, q, k, v):
            return attend(q, k, v, order=q.shape[1])

    sizes = {0: torch.export.Dim.AUTO, 1: torch.export.Dim.AUTO}
    program = torch.export.export(Model(), tuple(tensors()), dynamic_shapes=(sizes, sizes, sizes))
    torch.export.save(program, tmp_path / "model.pt2")
    loaded = torch.export.load(tmp_path / "model.pt2").module()
    inputs = tensors(70, batch=3)
    assert_same([loaded(*inputs)], [Model()(*inputs)], 0)


# ===----------------------------------------------------------------------===
# Modes
# ===----------------------------------------------------------------------===


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast(dtype):
    """Like scaled_dot_product_attention: computed in, and returned as, the lower precision."""
    q, k, v = tensors()
    with torch.autocast(DEVICE.type, dtype=dtype):
        out = attend(q, k.to(dtype), v)
        assert out.dtype == torch.nn.functional.scaled_dot_product_attention(q, k, v).dtype == dtype
    assert torch.equal(out, attend(q.to(dtype), k.to(dtype), v.to(dtype)))
    (gradient,) = torch.autograd.grad(out.float().square().sum(), q)
    assert gradient.dtype == torch.float32 and gradient.abs().max() > 0


def test_fake_tensors():
    with FakeTensorMode():
        out, lse = attend(*tensors(45), return_lse=True)
        assert out.shape == (2, 45, 2, 16) and lse.shape == (2, 2, 45)
        assert ha.Order(77).permutation().shape == (77,)
        # A device that this machine need not have, and one that there is no kernel for.
        out = attend(*(torch.empty(2, 45, 2, 16, device="cuda") for _ in range(3)))
        assert out.device == torch.device("cuda:0") and out.shape == (2, 45, 2, 16)
        with pytest.raises(ValueError, match="q must be on the CPU or a CUDA device, .* but is on ipu:0"):
            attend(*(torch.empty(2, 45, 2, 16, device="ipu:0") for _ in range(3)))
    # Nothing fake is kept.
    assert ha.Order(77).permutation().sort().values.tolist() == list(range(77))


def test_meta():
    q, k, v = (t.to("meta") for t in tensors())
    assert attend(q, k, v, layout="bhnd", order=2).shape == q.shape


def test_inference_mode():
    """What inference leaves behind can be used in training."""
    inputs = tensors()
    with torch.inference_mode():
        out = attend(*inputs)
        ha.Order((3, 29)).permutation()
    assert_same([attend(*inputs)], [out], 0)
    x = torch.randn(2, 87, requires_grad=True)
    x[:, ha.Order((3, 29)).permutation()].sum().backward()
    assert (x.grad == 1).all()
