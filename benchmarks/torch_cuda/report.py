# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""report.md and plots from results.json:  report.py results.json

Needs nothing but Python; plots need matplotlib.
"""

import json
import pathlib
import sys

PHASES = ("forward", "backward", "both")
LAYER_PHASES = (*PHASES, "in a row")
GROUPS = {
    "main": "Segments and dilations",
    "depth": "Another head dimension",
    "layout": "[B, H, N, D]",
    "tokens": "Numbers of tokens",
    "grids": "Tiled grids",
    "causal": "Causal",
    "float16": "float16",
}
US = "hilbert"


def table(header, rows):
    """Markdown of rows of strings; the first column is text, the others are numbers."""
    lines = [" | ".join(header), " | ".join(["---"] + ["---:"] * (len(header) - 1)), *map(" | ".join, rows)]
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def milliseconds(value):
    """Three significant digits or so."""
    if value is None:
        return ""
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def median(contestant, phase):
    return contestant.get(phase, {}).get("median")


def floor(record, ceilings, phase):
    """Milliseconds below which no kernel gets: of bytes or flops, whichever takes longer."""
    if not ceilings:
        return None
    if phase == "both":
        return sum(floor(record, ceilings, part) for part in PHASES[:2])
    seconds = (
        record["bytes"][phase] / ceilings["copy_bytes_per_s"],
        record["flops"][phase] / ceilings["gemm_flops_per_s"],
    )
    return 1e3 * max(seconds)


def peers(record):
    """Contestants but us that compute the same function and have a right result."""
    return {n: c for n, c in record["contestants"].items() if n != US and c.get("status") == "ok"}


def best(record, phase, part=""):
    """(name, milliseconds) of the fastest peer with `part` in its name, or (None, None)."""
    times = {n: median(c, phase) for n, c in peers(record).items() if part in n}
    times = {n: t for n, t in times.items() if t is not None}
    return min(times.items(), key=lambda item: item[1]) if times else (None, None)


def ratio(numerator, denominator, digits=2):
    return f"{numerator / denominator:.{digits}f}" if numerator and denominator else ""


def short(record):
    """A case in few words, beside others of its group."""
    grid = "×".join(map(str, record["extents"]))
    tile = f" in {'×'.join(map(str, record['tile']))}" if record["tile"] else ""
    text = f"{grid}{tile}, w={record['segment'] or 'N'}"
    text += f", r={record['dilation']}" if record["dilation"] > 1 else ""
    text += f", B={record['batch']}" if record["batch"] != 2 else ""
    text += f", D={record['depth']}" if record["depth"] != 128 else ""
    text += ", causal" if record["causal"] else ""
    return text + (f", {record['layout']}" if record["layout"] != "bnhd" else "")


# ===----------------------------------------------------------------------===
# Sections
# ===----------------------------------------------------------------------===


def head(data):
    machine, options = data.get("machine", {}), data["options"]
    lines = [f"# {machine.get('device', 'no device')}, {machine.get('date', 'no date')}", ""]
    smi = machine.get("nvidia_smi") or {}
    facts = [f"{key} {value}" for key, value in machine.items() if key not in ("device", "date", "nvidia_smi")]
    lines += [", ".join(facts) + ".", ""]
    lines += ["nvidia-smi: " + ", ".join(f"{k} {v}" for k, v in smi.items()) + ".", ""] if smi else []
    run = f"Selection {options['size']}, {options['rounds']} rounds, seed {options['seed']}, "
    run += f"{data.get('seconds', 0):.0f} s in all. Contestants take turns, in a random order; times are medians"
    if options["device"] == "cuda":
        run += (
            " by CUDA events, the host ahead. The L2 cache is overwritten before each call. docs/benchmarks.md says more."
        )
    else:
        run += ".\n\n**On a CPU: these times check the program, and say nothing about a GPU.**"
    lines += [run, ""]
    return "\n".join(lines)


def ceilings_section(data):
    rows = []
    for key, label in (("ceilings", "before"), ("ceilings_after", "after")):
        c = data.get(key)
        if c:
            copy, product = c["copy_bytes_per_s"] / 1e12, c["gemm_flops_per_s"] / 1e12
            rows.append([label, f"{copy:.2f}", f"{product:.0f}"])
    if not rows:
        return ""
    side, dtype = data["ceilings"]["gemm_side"], data["ceilings"]["gemm_dtype"]
    return "## Ceilings\n\n" + table(["", "copy TB/s", f"{dtype} product of {side}³ TFLOP/s"], rows)


def pair(values):
    """Forward / backward."""
    return " / ".join(value or "–" for value in values)


def summary_row(record, ceilings):
    ours, phases = record["contestants"].get(US, {}), PHASES[:2]
    times = [median(ours, phase) for phase in phases]
    limits = [floor(record, ceilings, phase) for phase in phases]
    names, others = zip(*(best(record, phase) for phase in phases))
    habits = [best(record, phase, "eager gather")[1] for phase in phases]
    return [
        short(record),
        pair(map(milliseconds, limits)),
        pair(map(milliseconds, times)),
        pair(map(ratio, times, limits)),
        pair(map(milliseconds, others)),
        pair(map(ratio, others, times)),
        pair(map(milliseconds, habits)),
        pair(dict.fromkeys(names)) if any(names) else "",
    ]


def summary_section(data):
    """One row for each case: floor, we, the best peer, today's habit."""
    header = ["", "floor ms", "hilbert ms", "hilbert / floor", "best peer ms", "peer / hilbert", "eager gather ms"]
    text = "## Summary\n\nForward / backward.\n\n"
    for group, title in GROUPS.items():
        records = [r for r in data["attention"].values() if r["group"] == group and r["contestants"]]
        records.sort(key=lambda r: (r["dilation"], r["tokens"], r["width"]))
        if records:
            text += f"### {title}\n\n{shape_line(records[0])}\n\n"
            rows = [summary_row(record, data.get("ceilings")) for record in records]
            text += table([*header, "best peer"], rows) + "\n"
    return text


def shape_line(record):
    return (
        f"B={record['batch']} H={record['heads']} D={record['depth']} {record['dtype']}, "
        f"{'[B, N, H, D]' if record['layout'] == 'bnhd' else '[B, H, N, D]'} unless a row says otherwise."
    )


def cell(contestant, phase):
    """median (quartiles), or why there is none."""
    result = contestant.get(phase, {})
    if "median" not in result:
        return "failed" if "reason" in result else ""
    few = "" if result["rounds"] >= 15 else f", {result['rounds']} rounds"
    return f"{milliseconds(result['median'])} ({milliseconds(result['q1'])}–{milliseconds(result['q3'])}{few})"


def rates(record, contestant, phase):
    """TFLOP/s and GB/s by the case's flops and bytes."""
    time = median(contestant, phase)
    if not time:
        return ["", ""]
    return [f"{record['flops'][phase] / time / 1e9:.0f}", f"{record['bytes'][phase] / time / 1e6:.0f}"]


def case_section(record):
    header = ["", "forward ms", "TFLOP/s", "GB/s", "backward ms", "TFLOP/s", "GB/s", "both ms", "MiB", "error"]
    rows = []
    for name, c in record["contestants"].items():
        if not any(median(c, phase) for phase in PHASES):
            continue
        row = [name + (" (WRONG)" if c["status"] == "WRONG" else "")]
        for phase in PHASES[:2]:
            row += [cell(c, phase), *rates(record, c, phase)]
        error = max(c.get(phase, {}).get("error", 0) for phase in PHASES)
        row += [cell(c, "both"), mebibytes(c), f"{error:.0e}"]
        rows.append(row)
    return f"### {record['name']}\n\n" + table(header, rows) + "\n" if rows else ""


def mebibytes(contestant):
    return f"{contestant['peak_bytes'] / 2**20:.0f}" if "peak_bytes" in contestant else ""


def layers_section(data):
    text = (
        "## Layers, projections included\n\nIn a row: forward and backward of one of ten steps, by the clock, so that "
        "the host's time counts.\nMiB are the peak beyond weights and input, forward and backward.\n\n"
    )
    header = ["", "attends to", *(f"{phase} ms" for phase in LAYER_PHASES), "hilbert is faster by", "MiB", "error"]
    for record in data["layers"].values():
        ours, rows = record["contestants"].get(US, {}), []
        for name, c in record["contestants"].items():
            if any(median(c, phase) for phase in LAYER_PHASES):
                name += " (WRONG)" if c["status"] == "WRONG" else ""
                times = [cell(c, phase) for phase in LAYER_PHASES]
                gain = ratio(median(c, "both"), median(ours, "both"))
                rows.append([name, c["attends_to"], *times, gain, mebibytes(c), f"{c['error']:.0e}"])
        text += f"### {record['name']}\n\n" + table(header, rows) + "\n"
    return text if data["layers"] else ""


def host_section(data):
    if not data["host"]:
        return ""
    columns = ("forward", "recording", "both")
    rows = [[h["name"], *(f"{h[c]:.1f}" if c in h else "" for c in columns)] for h in data["host"]]
    header = ["µs a call, 16 tokens", "forward, no gradient", "forward, recording", "forward and backward"]
    return "## Host time\n\n" + table(header, rows)


def missing_section(data):
    """Everything that has no time, and why."""
    lines = [f"- {note}" for note in data["notes"]]
    lines += [f"- {step}: {text}" for step, text in data["steps"].items() if text != "done"]
    lines += [f"- {h['name']}: {h['reason']}" for h in data["host"] if "reason" in h]
    reasons = {}
    for record in (*data["attention"].values(), *data["layers"].values()):
        for name, c in record["contestants"].items():
            if "reason" in c:
                reasons.setdefault(f"{name}: {c['status']}: {c['reason']}", []).append(record["name"])
            for phase in LAYER_PHASES:
                if "reason" in c.get(phase, {}):
                    reasons.setdefault(f"{name}: {phase}: {c[phase]['reason']}", []).append(record["name"])
    lines += [f"- {text} — in {len(names)} case(s), first {names[0]}" for text, names in reasons.items()]
    return "## What has no time\n\n" + ("\n".join(lines) or "Nothing.") + "\n"


def brief(data):
    """What a terminal shows: all but the times of each contestant."""
    sections = (head, ceilings_section, summary_section, layers_section, host_section, missing_section)
    return "\n".join(filter(None, (section(data) for section in sections)))


def markdown(data, plots=()):
    sections = [head(data), ceilings_section(data), summary_section(data)]
    sections += ["\n".join(f"![{path.stem}]({path.name})\n" for path in plots)]
    sections += [layers_section(data), host_section(data)]
    sections += [
        "## All times\n\nmedian (quartiles). MiB are the peak beyond q, k, v and dout, forward and backward.\n"
    ]
    sections += [case_section(record) for record in data["attention"].values()]
    sections += [missing_section(data)]
    return "\n".join(section for section in sections if section)


def write(path):
    """Writes report.md, and plots where matplotlib is, beside the results; a line that says so."""
    path = pathlib.Path(path)
    data = json.loads(path.read_text())
    try:
        from torch_cuda.plots import draw

        plots = draw(data, path.parent)
        note = f"{len(plots)} plots"
    except Exception as error:
        plots, note = [], f"no plots: {type(error).__name__}: {error}"
    target = path.parent / "report.md"
    target.write_text(markdown(data, plots))
    return f"{target}, {note}"


if __name__ == "__main__":
    sys.path[0] = str(pathlib.Path(__file__).resolve().parents[1])
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    print(write(sys.argv[1]))
