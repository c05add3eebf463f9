# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The GPU benchmarks, on the CPU: peers compute what we do, and wrong ones are found out."""

import itertools
import json
import pathlib
import subprocess
import sys

import pytest
import torch

import reference

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from torch_cuda import cases, checks, peers, report

# One layer is wrong, the other ends its process.
BAD_LAYERS = """
import os, torch

class HilbertAttentionCore(torch.nn.Module):
    def __init__(self, hidden_dim, num_heads, segment_size):
        super().__init__()
        self.qkv_proj = torch.nn.Linear(hidden_dim, 3 * hidden_dim, bias=False)
        self.out_proj = torch.nn.Linear(hidden_dim, hidden_dim, bias=False)

    def forward(self, x):
        if x.shape[1] == 32:
            os.abort()
        return self.out_proj(self.qkv_proj(x)[..., : x.shape[2]])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What a run on the CPU leaves."""
    path = tmp_path_factory.mktemp("results")
    module = path / "bad.py"
    module.write_text(BAD_LAYERS)
    arguments = ["--device", "cpu", "--tiny", "--rounds", "2", "--triton-module", str(module), "--out", str(path)]
    result = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks/torch_cuda"), *arguments], capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return path


@pytest.fixture(scope="module")
def results(folder):
    return json.loads((folder / "results.json").read_text())


@pytest.mark.parametrize("case", cases.selection("tiny"), ids=lambda case: case.name)
def test_peers_agree_with_us(results, case):
    contestants = results["attention"][case.name]["contestants"]
    assert results["steps"][case.name] == "done"
    assert list(contestants) == list(peers.contestants(case, "cpu"))
    for name, contestant in contestants.items():
        if name.startswith("FlashAttention-4"):
            assert contestant["status"] in ("not run", "failed")  # It has no kernels of a CPU.
            continue
        assert contestant["status"] == "ok", f"{name}: {contestant}"
        phases = ("forward",) if name.startswith("Flex") else ("forward", "backward", "both")
        for phase in phases:
            assert contestant[phase]["median"] > 0, f"{name}: {contestant}"
            assert contestant[phase]["rounds"] == 2
        assert all(contestant[phase]["error"] < checks.TOLERANCES["float32"] for phase in phases[:2])


def test_bad_contestants_do_not_hide_others(results):
    wrong, aborted = (record["contestants"] for record in results["layers"].values())
    assert wrong["Triton module"]["status"] == "WRONG" and "forward" not in wrong["Triton module"]
    assert aborted["Triton module"] == {"status": "failed", "reason": "ended the process: SIGABRT (prepare)"}
    for record in (wrong, aborted):
        others = [contestant for name, contestant in record.items() if name != "Triton module"]
        assert len(others) == 7 and all(contestant["both"]["median"] > 0 for contestant in others), record
    assert set(results["steps"].values()) == {"done"}


def test_report_has_every_row(folder, results):
    text = (folder / "report.md").read_text()
    for kind in ("attention", "layers"):
        for record in results[kind].values():
            section = text.split(f"### {record['name']}\n", 1)[1].split("\n##", 1)[0]
            timed = {name for name, c in record["contestants"].items() if "median" in c.get("forward", {})}
            rows = {line.split(" | ")[0].removeprefix("| ") for line in section.splitlines() if line.startswith("| ")}
            assert timed and timed <= rows
    summary = text.split("## Summary\n", 1)[1].split("\n## ", 1)[0]
    for record in results["attention"].values():
        assert f"| {report.short(record)} | " in summary
    assert "\n- Triton module: failed: ended the process: SIGABRT (prepare) — in 1 case(s)" in text
    assert len(results["host"]) == 3
    for row in results["host"]:
        assert f"| {row['name']} | {row['forward']:.1f} | {row['recording']:.1f} | {row['both']:.1f} |" in text


def test_report_from_results_alone(folder, tmp_path):
    (tmp_path / "results.json").write_text((folder / "results.json").read_text())
    script = ROOT / "benchmarks/torch_cuda/report.py"
    # -S: without site-packages, so without torch.
    subprocess.run([sys.executable, "-S", str(script), str(tmp_path / "results.json")], check=True, timeout=60)
    assert (tmp_path / "report.md").read_text().startswith("# ")


@pytest.mark.parametrize("causal", [None, "position"])
@pytest.mark.parametrize("dilation", [1, 3])
def test_what_contestants_are_compared_with(causal, dilation):
    case = cases.Case("", (4, 6), 8, dilation, heads=2, depth=8, dtype="float32", causal=causal)
    problem = peers.Problem(case, "cpu")
    q, k, v, dout = torch.randn(4, *case.shape).unbind()
    exact = checks.Reference(problem, q, k, v, dout, torch.Generator().manual_seed(0))
    wanted = reference.attention(
        *(t.numpy() for t in (q, k, v)),
        q_order=problem.forward.numpy(),
        kv_order=problem.forward.numpy(),
        out_order=problem.forward.numpy(),
        branches=((8, dilation, "keys", "zero"),),
        causal=causal,
        dout=dout.numpy(),
    )
    right = dict(zip(("out", "lse", "dq", "dk", "dv"), map(torch.from_numpy, wanted)))
    del right["lse"]
    assert exact.compare(**right) < 1e-5
    for name, result in right.items():
        # Tokens by position, another segment's rows, and one value that is missing.
        for broken in (result[:, problem.forward], result.roll(8, 1), result.clone()):
            if broken.equal(result):
                broken[-1, -1, -1, -1] = float("nan")
            with pytest.raises(checks.Wrong):
                exact.compare(**{name: broken})


@pytest.mark.parametrize("causal, dilation", [(None, 1), (None, 2), ("position", 1)])
@pytest.mark.parametrize("segment", [64, 256, 384])
def test_blocks_of_a_mask(segment, causal, dilation):
    case = cases.Case("", (32, 48), segment, dilation, causal=causal)
    mask = peers.block_mask(peers.Problem(case, "cpu"))
    rows, columns = torch.arange(1536)[:, None], torch.arange(1536 // dilation)
    dense = rows // segment == columns // (segment // dilation)
    if causal:
        dense &= columns <= rows
    blocks = dense.view(12, 128, -1, 128).permute(0, 2, 1, 3).flatten(2)
    for row, column in itertools.product(range(12), range(blocks.shape[1])):
        kinds = [
            column in indices[0, 0, row, : counts[0, 0, row]]
            for counts, indices in (
                (mask.kv_num_blocks, mask.kv_indices),
                (mask.full_kv_num_blocks, mask.full_kv_indices),
            )
        ]
        block = blocks[row, column]
        assert kinds == [bool(block.any() and not block.all()), bool(block.all())]


def test_work_is_counted_by_hand():
    record = cases.Case("main", (128, 128), 256).record()
    tensor = 2 * 16 * 16384 * 128 * 2
    assert record["flops"]["forward"] == 4 * 2 * 16 * 16384 * 256 * 128
    assert record["bytes"]["forward"] == 4 * tensor
    assert record["bytes"]["backward"] == 8 * tensor + 4 * 2 * 16 * 16384
    # Memory bounds the forward here, the products bound it with longer segments.
    ceilings = {"copy_bytes_per_s": 4e12, "gemm_flops_per_s": 7e14}
    assert report.floor(record, ceilings, "forward") == pytest.approx(1e3 * 4 * tensor / 4e12)
    longer = cases.Case("main", (128, 128), 4096).record()
    assert report.floor(longer, ceilings, "forward") == pytest.approx(1.57, abs=0.01)


@pytest.mark.parametrize("size", ["quick", "default", "full"])
def test_selections_suit_peers(size):
    selected = cases.selection(size)
    assert len({case.name for case in selected}) == len(selected) > 5
    for case in selected:
        assert case.tokens % case.width == 0 and case.width % case.dilation == 0
        assert case.group in report.GROUPS
        assert set(case.kinds) <= {*peers.LABELS, *peers.SINGLE} and case.kinds[0] == "hilbert"
