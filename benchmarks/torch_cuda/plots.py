# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Plots of results.json, as SVG; needs matplotlib."""

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot

from torch_cuda.report import PHASES, US, median

# Of the sizes that most of these tables share.
SHAPE = {"batch": 2, "heads": 16, "depth": 128, "layout": "bnhd", "tile": None, "causal": None, "dilation": 1}


def series(data, tiny, **fields):
    """Records that have the common shape and these fields."""
    wanted = {**({"tile": None, "causal": None, "dilation": 1, "layout": "bnhd"} if tiny else SHAPE), **fields}
    return [r for r in data["attention"].values() if all(r[key] == value for key, value in wanted.items())]


def _lines(axis, records, x, y):
    """A line for each contestant of y(record, contestant) over x(record)."""
    names = dict.fromkeys(name for record in records for name in record["contestants"])
    for name in names:
        points = [(x(r), y(r, r["contestants"][name])) for r in records if name in r["contestants"]]
        points = sorted((a, b) for a, b in points if b)
        if points:
            style = {"linewidth": 2.5, "color": "black", "zorder": 3} if name == US else {"linewidth": 1}
            marker = "s" if name.endswith("no reorder") else "o"
            axis.plot(*zip(*points), marker=marker, markersize=4, label=name, **style)


def _figure(title, label, records, x, y, limits, log=True):
    """Two panels, forward and backward. y(record, contestant, phase); limits(phase): [(label, style, y(record))]."""
    figure, axes = pyplot.subplots(1, 2, figsize=(12, 4.6), constrained_layout=True)
    for axis, phase in zip(axes, PHASES):
        _lines(axis, records, x, lambda record, contestant: y(record, contestant, phase))
        for name, style, value in limits(phase):
            points = sorted((x(record), value(record)) for record in records)
            axis.plot(*zip(*points), linestyle=style, color="gray", label=name)
        axis.set_xscale("log", base=2)
        if log:
            axis.set_yscale("log")
        else:
            axis.set_ylim(bottom=0)
        axis.set_title(phase)
        axis.set_xlabel(label)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel(title)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper", fontsize=8)
    return figure


def draw(data, folder):
    """Writes the plots that the results have points for; their paths."""
    ceilings, tiny = data.get("ceilings"), data["options"]["size"] == "tiny"
    if not ceilings:
        return []
    extents = [16, 16] if tiny else [128, 128]
    segment = 64 if tiny else 1024
    widths = series(data, tiny, extents=extents, dtype="float32" if tiny else "bfloat16")
    tokens = [r for r in series(data, tiny, segment=segment) if len(set(r["extents"])) == 1]

    def time(record, contestant, phase):
        return median(contestant, phase)

    def moved(record, contestant, phase):
        value = median(contestant, phase)
        return value and record["bytes"][phase] / value / 1e9

    def computed(record, contestant, phase):
        value = median(contestant, phase)
        return value and record["flops"][phase] / value / 1e9

    def bounds(phase):
        copy, product = ceilings["copy_bytes_per_s"], ceilings["gemm_flops_per_s"]
        return [
            ("bytes at copy bandwidth", "--", lambda record: 1e3 * record["bytes"][phase] / copy),
            ("flops at the product's rate", ":", lambda record: 1e3 * record["flops"][phase] / product),
        ]

    def flat(value, text):
        return lambda phase: [(text, "--", lambda record: value)]

    bandwidth = flat(ceilings["copy_bytes_per_s"] / 1e12, "copy")
    rate = flat(ceilings["gemm_flops_per_s"] / 1e12, "matrix product")
    plots = (
        ("time-by-segment", "ms", "w", widths, lambda r: r["width"], time, bounds, True),
        ("time-by-tokens", "ms", "N", tokens, lambda r: r["tokens"], time, bounds, True),
        ("bandwidth-by-segment", "TB/s", "w", widths, lambda r: r["width"], moved, bandwidth, False),
        ("rate-by-segment", "TFLOP/s", "w", widths, lambda r: r["width"], computed, rate, False),
    )
    paths = []
    for name, title, label, records, *rest in plots:
        if not records:
            continue
        figure = _figure(title, label, records, *rest)
        paths.append(folder / f"{name}.svg")
        figure.savefig(paths[-1])
        pyplot.close(figure)
    return paths
