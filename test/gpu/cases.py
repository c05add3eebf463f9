# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One attention with random sizes, strides and data, launched and compared."""

import random

import torch

import reference
from driver import Artefact, ceil_div, strides

DTYPES = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32}


def hilbert(size):
    """Tokens of a size x size grid along the curve (size a power of two)."""
    d = torch.arange(size * size)
    x, y, t, s = torch.zeros_like(d), torch.zeros_like(d), d.clone(), 1
    while s < size:
        rx, ry = (t // 2) & 1, (t ^ (t // 2)) & 1
        flip = (ry == 0) & (rx == 1)
        x, y = torch.where(flip, s - 1 - x, x), torch.where(flip, s - 1 - y, y)
        x, y = torch.where(ry == 0, y, x), torch.where(ry == 0, x, y)
        x, y, t, s = x + s * rx, y + s * ry, t // 4, s * 2
    return y * size + x


def boxes(table, width, segment, tile):
    """int32 [tiles, 4] of an order whose tiles are boxes: origin, log2 of the sides."""
    entries = []
    for begin in range(0, len(table), segment):
        part = table[begin : begin + segment]
        for start in range(0, len(part), tile):
            tokens = part[start : start + tile]
            y, x = tokens // width, tokens % width
            w, h = int(x.max() - x.min()) + 1, int(y.max() - y.min()) + 1
            assert w * h == len(tokens) and w & (w - 1) == 0 and h & (h - 1) == 0
            entries.append([int(y.min()) * width + int(x.min()), w.bit_length() - 1, h.bit_length() - 1, 0])
    return torch.tensor(entries, dtype=torch.int32)


class Problem:
    """Tensors of a call, [B, N, H, D] views whatever their layout."""

    def __init__(self, kernel, batch, queries, keys, heads, key_heads, layout, packed, rng):
        self.kernel, self.layout, self.batch = kernel, layout, batch
        self.queries, self.keys, self.heads, self.key_heads = queries, keys, heads, key_heads
        dtype, depth = DTYPES[kernel.dtype], kernel.depth

        def tensor(tokens, h, fill=None):
            shape = (batch, tokens, h, depth) if layout == "bnhd" else (batch, h, tokens, depth)
            if fill is None:
                return torch.randn(shape, device="cuda").to(dtype)
            return torch.full(shape, fill, device="cuda", dtype=dtype)

        if packed:
            data = torch.randn(batch, queries, heads + 2 * key_heads, depth, device="cuda").to(dtype)
            self.q, self.k, self.v = data.split((heads, key_heads, key_heads), 2)
        else:
            self.q, self.k, self.v = tensor(queries, heads), tensor(keys, key_heads), tensor(keys, key_heads)
        self.dout = tensor(queries, heads)
        self.out, self.dq = tensor(queries, heads, torch.nan), tensor(queries, heads, torch.nan)
        self.dk, self.dv = tensor(keys, key_heads, torch.nan), tensor(keys, key_heads, torch.nan)
        stats = (batch, heads, queries)
        self.lse = torch.full(stats, torch.nan, device="cuda")
        self.delta = torch.full(stats, torch.nan, device="cuda")
        self.dlse = torch.randn(stats, device="cuda")
        self.scale = rng.choice([depth**-0.5, 0.3, -0.2, 0.0])

    def by_head(self, tensor, item):
        return tensor[item].transpose(0, 1) if self.layout == "bnhd" else tensor[item]


def make_orders(kernel, problem, rng):
    """Tables int32 [B or 1, N] of the three orders; None is raster."""
    rows = rng.choice([1, problem.batch])

    def random_table(tokens):
        return torch.stack([torch.randperm(tokens) for _ in range(rows)]).int().cuda()

    def table(kind, tokens):
        if kind == "box":
            return hilbert(int(tokens**0.5)).int()[None].cuda()
        return random_table(tokens) if kind == "table" else None

    q = table(kernel.query_order, problem.queries)
    kv = table(kernel.key_order, problem.keys) if kernel.key_order else q
    out = table(kernel.out_order, problem.queries) if kernel.out_order else q
    return q, kv, out


def arguments(kernel, problem, orders, tiles):
    """Everything that a kernel may ask for. tiles: of queries and of keys."""
    values = {
        "batch": problem.batch,
        "queries": problem.queries,
        "keys": problem.keys,
        "query_heads": problem.heads,
        "key_heads": problem.key_heads,
        "scale": problem.scale,
    }
    for name in ("q", "k", "v", "out", "dout", "dq", "dk", "dv"):
        values |= strides(name, getattr(problem, name), problem.layout)
    for name in ("lse", "delta", "dlse"):
        values[name] = getattr(problem, name).data_ptr()
    segment, _, _, offset = reference.parse(kernel.pattern)
    keep = []
    if isinstance(offset, list):
        keep.append(torch.tensor(offset, dtype=torch.int32, device="cuda"))
        values["offsets"] = keep[-1].data_ptr()
    for name, table, tile in zip(("q", "kv", "out"), orders, (tiles[0], tiles[1], tiles[0])):
        if table is None:
            continue
        values[f"{name}_table"] = table.data_ptr()
        values[f"{name}_table_batch_stride"] = table.shape[1] if len(table) > 1 else 0
        if kernel.query_order == "box":
            width = int(table.shape[1] ** 0.5)
            keep.append(boxes(table[0].cpu(), width, segment, tile).cuda())
            values |= {f"{name}_boxes": keep[-1].data_ptr(), f"{name}_width": width, f"{name}_plane": 0}
    return values, keep


def files(folder, name):
    """Code and manifest; machine code if it was made ahead."""
    cubin = folder / f"{name}.cubin"
    return cubin if cubin.exists() else folder / f"{name}.ptx", folder / f"{name}.json"


def launch(folder, kernel, problem, orders):
    """Runs forward and gradient kernels; returns the launches, for timing."""
    launches, keep = {}, []
    forward, gradient = (Artefact(*files(folder, name)) for name in ("forward", "gradient"))
    for artefact, roles in ((forward, ["forward"]), (gradient, ["dq", "dkv", "dk", "dv"])):
        for role in roles:
            if role not in artefact.kernels:
                continue
            grid = artefact.kernels[role]["grid"]
            tiles = grid["tile"], artefact.kernels[role]["other_tile"]
            values, kept = arguments(kernel, problem, orders, tiles if grid["rows"] == "queries" else tiles[::-1])
            keep.append(kept)
            launches[role] = artefact.plan(role, values)
            launches[role]()
    torch.cuda.synchronize()
    launches["keep"] = (forward, gradient, keep)
    return launches


def check(folder, kernel, heads, rng=random):
    """Launches twice, compares; returns errors as multiples of what rounding explains."""
    dense = reference.parse(kernel.pattern)[0] > 1 << 30
    group = rng.choice([g for g in (1, 1, 2, 3) if heads % g == 0])
    queries = rng.choice([1, rng.randint(1, 70), rng.randint(70, 700), 256, 512])
    keys = rng.randint(1, 600) if dense and kernel.key_order and not kernel.causal == "position" else queries
    if kernel.query_order == "box":
        queries = keys = 4096
    layout = rng.choice(["bnhd", "bhnd"])
    packed = layout == "bnhd" and queries == keys and rng.random() < 0.3
    problem = Problem(
        kernel, rng.randint(1, 3), queries, keys, heads, heads // group, layout, packed, rng
    )
    orders = make_orders(kernel, problem, rng)
    launch(folder, kernel, problem, orders)
    names = ("out", "lse", "dq", "dk", "dv")
    first = [getattr(problem, name).clone() for name in names]
    for name in (*names, "delta"):
        getattr(problem, name).fill_(torch.nan)
    launch(folder, kernel, problem, orders)
    case = f"B={problem.batch} N={queries},{keys} group={group} {layout} packed={packed} scale={problem.scale}"
    for name, before in zip(names, first):
        assert torch.equal(before, getattr(problem, name)), f"{name} differs between two runs, {case}"
    raster = torch.arange(max(queries, keys), device="cuda")
    errors = reference.Errors(names, case)
    for item in range(problem.batch):
        def table(order, tokens):
            return raster[:tokens] if order is None else order[item % len(order)].long()

        q_table, k_table, out_table = (
            table(orders[0], queries), table(orders[1], keys), table(orders[2], queries)
        )
        mask = reference.visible(kernel.pattern, kernel.causal, heads, q_table, k_table)
        # The query at position p writes token out_table[p].
        place = torch.empty_like(q_table)
        place[q_table] = out_table
        inputs = [problem.by_head(getattr(problem, n), item) for n in ("q", "k", "v")]
        dout = problem.by_head(problem.dout, item)[:, place]
        dlse = problem.dlse[item][:, place] if kernel.has_dlse else None
        wanted = reference.attention(*inputs, mask, problem.scale, dout, dlse, rounded=False)
        rounded = reference.attention(*inputs, mask, problem.scale, dout, dlse, rounded=True)
        got = [problem.by_head(problem.out, item)[:, place], problem.lse[item][:, place]]
        got += [problem.by_head(getattr(problem, n), item) for n in ("dq", "dk", "dv")]
        for name, *parts in zip(names, got, wanted, rounded):
            errors.add(name, *parts)
    return errors.ratios()


def check_hidden(folder, kernel, heads, rng=random):
    """What a query does not see does not change its results, even if it is NaN.

    Makes one key and one query NaN or infinite in some columns, and compares what
    neither can reach, bit by bit, with the results of finite data.
    """
    tokens = 4096 if kernel.query_order == "box" else rng.randint(40, 500)
    problem = Problem(kernel, 1, tokens, tokens, heads, heads, rng.choice(["bnhd", "bhnd"]), False, rng)
    problem.scale = kernel.depth**-0.5
    orders = make_orders(kernel, problem, rng)
    raster = torch.arange(tokens, device="cuda")
    q_table, k_table, out_table = (raster if order is None else order[0].long() for order in orders)
    mask = reference.visible(kernel.pattern, kernel.causal, heads, q_table, k_table)
    launch(folder, kernel, problem, orders)
    names = ("out", "lse", "dq", "dk", "dv")
    before = {name: problem.by_head(getattr(problem, name), 0).clone() for name in names if name != "lse"}
    before["lse"] = problem.lse[0].clone()

    # Tokens of q, and of out, of the query at the same position.
    place = torch.empty_like(q_table)
    place[q_table] = out_table
    query, key = rng.randrange(tokens), rng.randrange(tokens)
    columns = rng.sample(range(kernel.depth), rng.randint(1, 8))
    bad = [rng.choice([torch.nan, torch.inf, -torch.inf]) for _ in columns]
    for name, token in (("k", key), ("v", key), ("q", query), ("dout", int(place[query]))):
        part = problem.by_head(getattr(problem, name), 0)[:, token]
        part[:, columns] = torch.tensor(bad, device="cuda", dtype=part.dtype)
    launch(folder, kernel, problem, orders)
    after = {name: problem.by_head(getattr(problem, name), 0) for name in names if name != "lse"}
    after["lse"] = problem.lse[0]
    reached = mask[:, :, key].clone()  # Queries [H, N], by token of q.
    reached[:, query] = True
    spoilt = (mask & reached[:, :, None]).any(1)  # Keys [H, N].
    spoilt[:, key] = True
    case = f"{kernel.causal} N={tokens} key {key} query {query}"
    for head in range(heads):
        clean = raster[~reached[head]]
        for name in ("out", "lse"):
            rows = place[clean]
            same = torch.equal(after[name][head, rows], before[name][head, rows])
            assert same, f"{name} of queries that see only finite keys changes, {case}"
        assert torch.equal(after["dq"][head, clean], before["dq"][head, clean]), f"dq changes, {case}"
        kept = raster[~spoilt[head]]
        for name in ("dk", "dv"):
            same = torch.equal(after[name][head, kept], before[name][head, kept])
            assert same, f"{name} of keys that only finite queries see changes, {case}"
        seen = raster[mask[head, :, key]]
        if len(seen):
            values = after["out"][head, place[seen]]
            assert not torch.isfinite(values).all(1).any(), f"a query does not notice its key, {case}"
