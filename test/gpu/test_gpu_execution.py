# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""When and where kernels run: streams, graphs, threads, devices; the same bits always."""

import concurrent.futures
import threading
import time

import pytest
import torch

import calls
import hilbert_attention as ha

SLEEP = 100_000_000  # Clock cycles: some 50 ms.


def both(q, k, v, dout, **arguments):
    """[out, lse, dq, dk, dv]"""
    q, k, v = (t.detach().requires_grad_() for t in (q, k, v))
    out, lse = calls.attend(q, k, v, return_lse=True, **arguments)
    return [out.detach(), lse.detach(), *torch.autograd.grad(out, (q, k, v), dout)]


def data(seed=0, tokens=128, dtype=torch.bfloat16, batch=2, device=calls.DEVICE):
    """q, k, v, dout"""
    generator = torch.Generator(device).manual_seed(seed)
    return [torch.randn(batch, tokens, 2, 32, generator=generator, device=device).to(dtype) for _ in range(4)]


def assert_equal(actual, wanted):
    for name, a, w in zip(calls.NAMES, actual, wanted, strict=True):
        assert torch.equal(a, w), f"{name} differs by {(a.double() - w.double()).abs().max()}"


def different(a, b):
    return not any(map(torch.equal, a, b))


# ===----------------------------------------------------------------------===
# Determinism
# ===----------------------------------------------------------------------===


@pytest.mark.parametrize("causal", [None, "token"])
def test_deterministic(causal):
    """While something else takes multiprocessors, so that blocks come in other orders."""
    x = data(tokens=4096, batch=4)
    arguments = {"order": (64, 64), "segment": 1024, "dilation": 1, "causal": causal, "deterministic": True}
    wanted = both(*x, **arguments)
    side, noise = torch.cuda.Stream(), torch.randn(2048, 2048, device=calls.DEVICE)
    for i in range(10):
        with torch.cuda.stream(side):
            for _ in range(i):
                noise = torch.tanh(noise @ noise)
        assert_equal(both(*x, **arguments), wanted)
    torch.cuda.synchronize()


# ===----------------------------------------------------------------------===
# Streams
# ===----------------------------------------------------------------------===


def test_current_stream():
    """Kernels wait for what is on the current stream, and for nothing else."""
    old, new = data(1), data(2)
    wanted = both(*new)
    assert different(wanted, both(*old))
    stream, x = torch.cuda.Stream(), [t.clone() for t in old]
    torch.cuda.synchronize()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(SLEEP)
        for t, n in zip(x, new):
            t.copy_(n)
        actual = both(*x)
        done = torch.cuda.Event()
        done.record()
    # Other streams go on: this one has no work of ours.
    others = both(*old)
    torch.cuda.current_stream().synchronize()
    assert not done.query(), "kernels did not wait for their stream, or this machine did not sleep"
    assert different(others, wanted)
    # A result is there when its stream's event is.
    torch.cuda.current_stream().wait_event(done)
    copies = [t.clone() for t in actual]
    torch.cuda.synchronize()
    assert_equal(copies, wanted)


def test_calls_do_not_wait():
    """A call returns while the GPU is busy: nothing synchronises."""
    x, table = data(3), torch.arange(128, device=calls.DEVICE)

    def run():
        both(*x)
        both(*x, order=table)

    run()
    torch.cuda.synchronize()
    torch.cuda._sleep(10 * SLEEP)
    begin = torch.cuda.Event()
    begin.record()
    run()
    assert not begin.query(), "a call waited for the GPU"
    torch.cuda.synchronize()


def test_two_streams():
    """Calls in turn on two streams, each with its own data and results."""
    inputs = [data(seed, 512) for seed in (4, 5)]
    arguments = {"order": (16, 32), "segment": 200}
    wanted = [both(*x, **arguments) for x in inputs]
    streams, results = [torch.cuda.Stream() for _ in inputs], [[], []]
    torch.cuda.synchronize()
    for _ in range(20):
        for i, stream in enumerate(streams):
            with torch.cuda.stream(stream):
                results[i].append(both(*inputs[i], **arguments))
    torch.cuda.synchronize()
    for i in range(2):
        for result in results[i]:
            assert_equal(result, wanted[i])


def test_backward_runs_on_the_stream_of_forward():
    x = data(6)
    wanted = both(*x)
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        leaves = [t.detach().requires_grad_() for t in x[:3]]
        out = calls.attend(*leaves)
    torch.cuda.current_stream().wait_stream(stream)
    gradients = torch.autograd.grad(out, leaves, x[3])
    torch.cuda.synchronize()
    assert all(map(torch.equal, gradients, wanted[2:]))


def test_first_call_on_another_stream():
    """Tables that are uploaded by a first call are there, whatever its stream."""
    arguments, x = calls.fresh_arguments(), data(7, 6 * 35)
    order = ha.Order((6, 35), "snake")
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        torch.cuda._sleep(SLEEP)
        first = both(*x, order=order, **arguments)
    torch.cuda.synchronize()
    assert_equal(first, both(*x, order=order, **arguments))
    table = order.permutation(calls.DEVICE)
    assert_equal(first, both(*x, order=table, **arguments))


# ===----------------------------------------------------------------------===
# Graphs
# ===----------------------------------------------------------------------===


def replayed(x, **arguments):
    """(graph, static results) of a call that is captured."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = both(*x, **arguments)
    return graph, results


@pytest.mark.parametrize("kind", ["static", "table"])
def test_graph(kind):
    """Captured after a warm-up, replayed with other data and another order."""
    x = data(8)
    order = (8, 16) if kind == "static" else torch.randperm(128, device=calls.DEVICE, dtype=torch.int32)
    both(*x, order=order)
    graph, results = replayed(x, order=order)
    for seed in (9, 10, 9):
        for t, new in zip(x, data(seed)):
            t.copy_(new)
        if kind == "table":
            order.copy_(torch.randperm(128, device=calls.DEVICE))
        graph.replay()
        torch.cuda.synchronize()
        assert_equal(results, both(*x, order=order))
    assert different(results, both(*data(8), order=order))


@pytest.mark.parametrize("kind", ["static", "table"])
def test_graph_captures_the_first_call(kind):
    """Compiling, loading and uploading tables are no part of the graph, and no error in it."""
    arguments, x = calls.fresh_arguments(), data(11, 4 * 37)
    order = ha.Order((4, 37), "morton")
    if kind == "table":
        order = order.permutation(calls.DEVICE).int()
    before = calls.compiled()
    graph, results = replayed(x, order=order, **arguments)
    assert calls.compiled() == before + 2
    for seed in (12, 13):
        for t, new in zip(x, data(seed, 4 * 37)):
            t.copy_(new)
        graph.replay()
        torch.cuda.synchronize()
        assert_equal(results, both(*x, order=order, **arguments))


def test_graphed_module():
    """torch.cuda.make_graphed_callables of a layer, in training."""
    torch.manual_seed(0)
    core = ha.HilbertAttentionCore(64, 2, segment_size=32, order=(8, 16)).to(calls.DEVICE, torch.bfloat16)
    x = torch.randn(2, 128, 64, device=calls.DEVICE, dtype=torch.bfloat16, requires_grad=True)
    y = torch.randn_like(x)

    def gradients(run):
        core.zero_grad(set_to_none=True)
        (gradient,) = torch.autograd.grad(run(x).float().square().sum(), x)
        return gradient.clone()

    x.data.copy_(y)
    wanted = gradients(core.forward)
    graphed = torch.cuda.make_graphed_callables(core, (torch.randn_like(x, requires_grad=True),))
    assert calls.distance(gradients(graphed), wanted) < 1e-2


# ===----------------------------------------------------------------------===
# Threads
# ===----------------------------------------------------------------------===


def test_threads():
    """Eight threads: the same new kernel, and each its own; streams of their own."""
    shared, own = calls.fresh_arguments(), [calls.fresh_arguments() for _ in range(8)]
    inputs = [data(20 + i, 300) for i in range(8)]
    barrier = threading.Barrier(8)

    def work(i):
        results = []
        with torch.cuda.stream(torch.cuda.Stream()):
            barrier.wait()
            for arguments in (shared, own[i], shared):
                results.append(both(*inputs[i], order=(15, 20), **arguments))
            torch.cuda.current_stream().synchronize()
        return results

    torch.cuda.synchronize()
    before = calls.compiled()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(8)))
    assert calls.compiled() == before + 2 * 9
    for i, result in enumerate(results):
        for actual, arguments in zip(result, (shared, own[i], shared)):
            assert_equal(actual, both(*inputs[i], order=(15, 20), **arguments))


def test_other_threads_run_while_one_compiles():
    """A kernel that is there needs no turn of the compiler's."""
    x = data(30)
    both(*x)
    stop, times = threading.Event(), []

    def work():
        while not stop.is_set():
            begin = time.perf_counter()
            both(*x)
            torch.cuda.current_stream().synchronize()
            times.append(time.perf_counter() - begin)

    thread = threading.Thread(target=work)
    thread.start()
    compile_times = []
    for _ in range(3):
        begin = time.perf_counter()
        both(*x, **calls.fresh_arguments())
        compile_times.append(time.perf_counter() - begin)
    stop.set()
    thread.join()
    assert len(times) > 20
    assert sorted(times)[len(times) // 2] < min(compile_times) / 4


# ===----------------------------------------------------------------------===
# Devices
# ===----------------------------------------------------------------------===


def test_current_device_stays():
    before = torch.cuda.current_device()
    both(*data(31), **calls.fresh_arguments())
    assert torch.cuda.current_device() == before


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="one GPU only")
def test_several_devices():
    """Results are on q's device, whatever the current one; each loads kernels, none compiles anew."""
    arguments, x = calls.fresh_arguments(), data(32, 128)
    wanted = both(*x, **arguments)
    before = ha._C.statistics()["compilations"]
    for index in range(torch.cuda.device_count()):
        device = torch.device("cuda", index)
        y = [t.to(device) for t in x]
        for current in (0, index):
            with torch.cuda.device(current):
                actual = both(*y, **arguments)
                assert torch.cuda.current_device() == current
            assert all(t.device == device for t in actual)
            assert_equal([t.to(x[0].device) for t in actual], wanted)
            # On the device's own current stream.
            stream = torch.cuda.Stream(device)
            with torch.cuda.stream(stream):
                torch.cuda._sleep(SLEEP)
                late = both(*(t.clone() for t in y), **arguments)
            torch.cuda.synchronize(device)
            assert_equal([t.to(x[0].device) for t in late], wanted)
    assert ha._C.statistics()["compilations"] == before
    with pytest.raises(ValueError, match="k must be on the device of q, cuda:0, but is on cuda:1"):
        ha.attention(x[0], x[1].to("cuda:1"), x[2])


# ===----------------------------------------------------------------------===
# torch.compile
# ===----------------------------------------------------------------------===


@pytest.mark.parametrize("mode", ["default", "reduce-overhead"])
def test_compile(mode):
    """One program for all sizes, inductor around it; kernels are those that there are."""
    torch._dynamo.reset()

    def function(q, k, v):
        out = ha.attention(q * 2, k.sin(), v, order=q.shape[1], segment=100, dilation=2)
        return (out + 1).relu()

    run = torch.compile(function, fullgraph=True, dynamic=True, mode=mode)
    before = None
    for batch, tokens in ((2, 128), (3, 300), (4, 77), (5, 1024)):
        leaves = [t.requires_grad_() for t in calls.small(torch.float16, tokens, batch=batch)]
        dout = torch.randn_like(leaves[0])
        for _ in range(3 if mode == "reduce-overhead" else 1):
            torch.compiler.cudagraph_mark_step_begin()
            out = run(*leaves)
            actual = [out.detach().clone(), *(t.clone() for t in torch.autograd.grad(out, leaves, dout))]
        before = calls.compiled() if before is None else before
        wanted = function(*leaves)
        for a, w in zip(actual, [wanted, *torch.autograd.grad(wanted, leaves, dout)]):
            assert calls.distance(a, w.detach()) < 4e-3
    assert calls.compiled() == before
    torch._dynamo.reset()
