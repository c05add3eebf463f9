# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The process that measures: steps in order, each skipped where an earlier process did it."""

import gc
import sys
import time

import torch

from torch_cuda import cases, layers, measure, peers
from torch_cuda.checks import NAMES, Reference, Wrong
from torch_cuda.measure import reason
from torch_cuda.state import AGAIN, State


class Worker:
    def __init__(self, options):
        self.options, self.device = options, options.device
        self.state = State.load(options.out / "results.json")
        self.clock = measure.make_clock(self.device)
        self.generator = torch.Generator().manual_seed(options.seed)
        torch.manual_seed(options.seed)

    def late(self, grace=0):
        """Whether the time is spent; what has begun may go on for some seconds of grace."""
        return time.time() > self.options.deadline + grace

    def interleave(self, calls):
        warmup = 1 if self.options.size == "tiny" else measure.WARMUP
        return measure.interleave(calls, self.options.rounds, warmup, lambda: self.late(30), self.state.beat)

    def check_device(self):
        """Ends the process where an error has made the device useless to it."""
        if not measure.alive(self.device):
            self.state.save()
            sys.exit(AGAIN)
        gc.collect()
        if self.device == "cuda":
            torch.cuda.empty_cache()

    def wanted(self, name):
        only = self.options.only
        return name == "hilbert" or not only or any(part in name for part in only.split(","))

    def step(self, name, function, always=False):
        """Runs a step, once in all processes; its failure is recorded, and no other's concern."""
        if name in self.state.data["steps"]:
            return
        if self.late() and not always:
            self.state.done(name, "not begun: the time was spent")
            return
        print(f"[{time.time() - self.state.data['began']:5.0f} s] {name}", flush=True)
        self.state.enter(name)
        try:
            function()
            self.state.done(name)
        except Exception as error:
            self.state.done(name, reason(error))
            self.check_device()
        finally:
            self.tidy()

    def tidy(self):
        gc.collect()
        if "torch._dynamo" in sys.modules:
            torch._dynamo.reset()
        if self.device == "cuda" and measure.alive(self.device):
            torch.cuda.empty_cache()

    def prepare(self, record, name, function):
        """What function() gives, or None: its failure is the contestant's."""
        earlier = record["contestants"].get(name)
        if earlier and earlier.get("status") == "failed":
            return None
        if self.late(15):
            record["contestants"][name] = {"status": "not run", "reason": "the time was spent"}
            return None
        entry = record["contestants"][name] = {"status": "ok"}
        self.state.enter(record["name"], name, "prepare")
        try:
            return function(entry)
        except (ImportError, peers.Unsuitable) as error:
            entry |= {"status": "not run", "reason": reason(error)}
        except Wrong as error:
            entry |= {"status": "WRONG", "reason": str(error)}
        except Exception as error:
            entry |= {"status": "failed", "reason": reason(error)}
            self.check_device()
        return None

    def time_phases(self, record, calls):
        """calls: contestant -> phase -> function that times it once."""
        for phase in dict.fromkeys(phase for phases in calls.values() for phase in phases):
            self.state.enter(record["name"], None, phase)
            current = {name: phases[phase] for name, phases in calls.items() if phase in phases}
            times, failures = self.interleave(current)
            for name, summary in times.items():
                record["contestants"][name].setdefault(phase, {}).update(summary)
            if failures and not measure.alive(self.device):
                # The first broke it for the others.
                name, text = next(iter(failures.items()))
                record["contestants"][name] = {"status": "failed", "reason": f"{text} ({phase})"}
                self.check_device()
            for name, text in failures.items():
                record["contestants"][name][phase] = {"reason": text}

    # ===------------------------------------------------------------------===
    # Steps
    # ===------------------------------------------------------------------===

    def ceilings(self, name):
        dtype = torch.bfloat16 if self.device == "cuda" else torch.float32
        self.state.data[name] = measure.ceilings(self.device, dtype, self.options.size == "tiny")
        if self.device == "cuda":
            self.state.data[name]["nvidia_smi"] = measure.gpu_state()

    def attention(self, case):
        record = self.state.record("attention", case.record())
        dtype = getattr(torch, case.dtype)
        q, k, v, dout = (torch.randn(case.shape, device=self.device, dtype=dtype) for _ in range(4))
        problem = peers.Problem(case, self.device)
        reference = Reference(problem, q, k, v, dout, self.generator)
        leaves = [t.requires_grad_() for t in (q, k, v)]
        calls = {}
        for name, make in peers.contestants(case, self.device).items():
            if not self.wanted(name):
                continue

            def prepare(entry, make=make):
                function = make(problem, q)
                self.check(entry, function, leaves, dout, reference)
                return attention_calls(function, leaves, dout, self.clock, "reason" not in entry.get("backward", {}))

            prepared = self.prepare(record, name, prepare)
            if prepared:
                calls[name] = prepared
        self.time_phases(record, calls)

    def check(self, entry, function, leaves, dout, reference):
        """Compares with the definition; a contestant without a gradient keeps its forward."""
        with torch.no_grad():
            out = function(*leaves)
        self.judge(entry, "forward", reference, {"out": out})
        del out
        try:
            gradients = torch.autograd.grad(function(*leaves), leaves, dout)
        except Exception as error:
            entry["backward"] = entry["both"] = {"reason": reason(error)}
            self.check_device()
            return
        self.judge(entry, "backward", reference, dict(zip(NAMES[1:], gradients)))
        del gradients
        if self.device == "cuda":
            base = torch.cuda.memory_allocated()
            torch.cuda.reset_peak_memory_stats()
            torch.autograd.grad(function(*leaves), leaves, dout)
            entry["peak_bytes"] = torch.cuda.max_memory_allocated() - base

    def judge(self, entry, phase, reference, results):
        try:
            entry[phase] = {"error": reference.compare(**results)}
        except Wrong as error:
            if not self.options.time_wrong:
                raise
            entry |= {"status": "WRONG", "reason": str(error)}

    def layer(self, layer):
        record = self.state.record("layers", layer.record())
        reference = layers.LayerReference(layer, self.device)
        calls = {}
        for name, (make, what) in layers.contestants(layer, self.device, self.options.triton_module).items():

            def prepare(entry, make=make, what=what):
                module = reference.prepare(make)
                entry["attends_to"] = what
                try:
                    entry["error"] = reference.compare(module, what)
                except Wrong as error:
                    if not self.options.time_wrong:
                        raise
                    entry |= {"status": "WRONG", "reason": str(error)}
                functions = reference.calls(module, self.clock)
                if self.device == "cuda":
                    base = torch.cuda.memory_allocated()
                    torch.cuda.reset_peak_memory_stats()
                    functions["both"]()
                    entry["peak_bytes"] = torch.cuda.max_memory_allocated() - base
                return functions

            prepared = self.prepare(record, name, prepare)
            if prepared:
                calls[name] = prepared
        self.time_phases(record, calls)

    def host(self):
        self.state.data["host"] = layers.host_times(self.device, self.options.size == "tiny")

    def run(self):
        groups = self.options.groups and self.options.groups.split(",")
        self.step("ceilings", lambda: self.ceilings("ceilings"))
        self.step("host time", self.host)
        for layer in layers.layers(self.options.size == "tiny"):
            self.step(layer.name, lambda: self.layer(layer))
        for case in cases.selection(self.options.size):
            if not groups or case.group in groups:
                self.step(case.name, lambda: self.attention(case))
        self.step("ceilings after", lambda: self.ceilings("ceilings_after"), always=True)


def attention_calls(function, leaves, dout, clock, differentiable):
    """phase -> function that times it once, in milliseconds."""

    def forward():
        with torch.no_grad():
            return clock(lambda: function(*leaves))

    def backward():
        out = function(*leaves)
        return clock(lambda: torch.autograd.grad(out, leaves, dout))

    def both():
        return clock(lambda: torch.autograd.grad(function(*leaves), leaves, dout))

    return {"forward": forward, "backward": backward, "both": both} if differentiable else {"forward": forward}


def work(options):
    """Measures what is not in the results yet; an exit status."""
    if options.device == "cuda" and not torch.cuda.is_available():
        print(f"{sys.executable} sees no CUDA device (torch {torch.__version__})", file=sys.stderr)
        return 1
    package = measure.package()
    if package is None:
        print(f"{sys.executable} cannot import hilbert_attention: install its wheel (make wheel)", file=sys.stderr)
        return 1
    if options.size == "tiny":
        torch.set_num_threads(1)  # Threads that wait for each other take longer than such sizes.
    worker = Worker(options)
    if "machine" not in worker.state.data:
        worker.state.data["machine"] = measure.machine(options.device, package)
        worker.state.save()
    worker.run()
    return 0
