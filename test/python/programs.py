# Part of the hilbert project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random attention programs, as MLIR text."""

import dataclasses


@dataclasses.dataclass
class Config:
    """One attention: sizes, order, pattern."""

    batch: int = 1
    queries: int = 64
    keys: int = 64
    heads: int = 2
    key_heads: int = 2
    depth: int = 16
    dtype: str = "f32"
    layout: str = "bnhd"
    order: str = ""  # Body of order(…), or "" for raster.
    pattern: str = ""  # Body of #hilbert.pattern<…>, or "" for dense.
    causal: str = "none"
    tables: tuple = ()  # Ranks of the runtime orders that `order` names %t0, …
    fused: bool = True  # Orders on the attention, or as reorders around it.
    dynamic: bool = False

    def shape(self, tokens, heads):
        if self.dynamic:
            dims = ["?", "?", "?"]
        else:
            order = (tokens, heads) if self.layout == "bnhd" else (heads, tokens)
            dims = [self.batch, *order]
        return "x".join(map(str, dims + [self.depth]))

    def sizes(self, tokens, heads):
        """What --shape takes for a dynamic argument."""
        order = (tokens, heads) if self.layout == "bnhd" else (heads, tokens)
        return "x".join(map(str, [self.batch, *order, self.depth]))


def program(c: Config) -> str:
    """@attention(q, k, v, tables…) -> (out, lse)."""
    q = f"tensor<{c.shape(c.queries, c.heads)}x{c.dtype}>"
    k = f"tensor<{c.shape(c.keys, c.key_heads)}x{c.dtype}>"
    lse = "?x?x?" if c.dynamic else f"{c.batch}x{c.heads}x{c.queries}"
    lse = f"tensor<{lse}xf32>"
    arguments = [f"%q: {q}", f"%k: {k}", f"%v: {k}"]
    for i, rank in enumerate(c.tables):
        size = "?" if c.dynamic else str(c.queries)
        batch = "?" if c.dynamic else str(c.batch)
        arguments.append(f"%t{i}: tensor<{batch + 'x' if rank == 2 else ''}{size}xi32>")
    dim = 1 if c.layout == "bnhd" else 2
    body = []
    if c.dynamic:
        body.append("  %c0 = arith.constant 0 : index")
        body.append("  %c1 = arith.constant 1 : index")
        body.append("  %c2 = arith.constant 2 : index")
        for i in range(3):
            body.append(f"  %d{i} = tensor.dim %q, %c{i} : {q}")
        body.append(f"  %0 = tensor.empty(%d0, %d1, %d2) : {q}")
        head, token = ("%d2", "%d1") if c.layout == "bnhd" else ("%d1", "%d2")
        body.append(f"  %1 = tensor.empty(%d0, {head}, {token}) : {lse}")
    else:
        body.append(f"  %0 = tensor.empty() : {q}")
        body.append(f"  %1 = tensor.empty() : {lse}")
    names = ["%q", "%k", "%v"]
    wrap = c.order and not c.fused
    if wrap:
        names = ["%qh", "%kh", "%vh"]
        for name, source, kind in zip(names, ("%q", "%k", "%v"), (q, k, k)):
            body.append(f"  {name} = hilbert.reorder {source} dim {dim} order({c.order}) : {kind}")
    body.append(
        f"  %out, %lse = hilbert.attention ins({', '.join(names)} : {q}, {k}, {k}) outs(%0, %1 : {q}, {lse})"
        + (f" order({c.order})" if c.order and not wrap else "")
        + (f" pattern<{c.pattern}>" if c.pattern else "")
        + (f" causal<{c.causal}>" if c.causal != "none" else "")
        + (f" layout<{c.layout}>" if c.layout != "bnhd" else "")
    )
    results = "%out, %lse"
    if wrap:
        body.append(f"  %o = hilbert.restore %out dim {dim} order({c.order}) : {q}")
        body.append(f"  %l = hilbert.restore %lse dim 2 order({c.order}) : {lse}")
        results = "%o, %l"
    return "\n".join(
        [f"func.func @attention({', '.join(arguments)}) -> ({q}, {lse}) {{", *body, f"  return {results} : {q}, {lse}", "}", ""]
    )


def options(c: Config):
    """hilbert-run's options for the program."""
    if not c.dynamic:
        return []
    result = [f"--shape=0:{c.sizes(c.queries, c.heads)}"]
    result += [f"--shape={i}:{c.sizes(c.keys, c.key_heads)}" for i in (1, 2)]
    for i, rank in enumerate(c.tables):
        result.append(f"--shape={3 + i}:{f'{c.batch}x' if rank == 2 else ''}{c.queries}")
    return result


def random_branches(rng, heads):
    """One to three branches, and whether each is dense."""
    branches, dense = [], True
    for _ in range(rng.choice([1, 1, 2, 2, 3])):
        segment = rng.choice([rng.randint(1, 40), rng.randint(1, 400), 64, 128, "dense"])
        dense &= segment == "dense"
        dilation = rng.choice([1, 1, 2, 3, 4, 7, rng.randint(1, 50)])
        mode = rng.choice(["keys", "both", "residues"])
        offset = ""
        if mode != "residues":
            rule = rng.choice(["zero", "head", "longnet", str([rng.randrange(dilation) for _ in range(heads)])])
            offset = f", offset = {rule}"
        branches.append(f"(segment = {segment}, dilation = {dilation}, mode = {mode}{offset})")
    return " + ".join(branches), dense


def random_pattern(rng, heads):
    """Branches of all heads or of groups of heads, and whether all are dense."""
    if rng.random() < 0.7:
        return random_branches(rng, heads)
    groups, dense, rest = [], True, heads
    while rest:
        size = rng.randint(1, rest)
        branches, all_dense = random_branches(rng, heads)
        groups.append(f"heads {size}: {branches}")
        dense &= all_dense
        rest -= size
    return ", ".join(groups), dense


def random_config(rng) -> Config:
    """Any attention that is small enough to check quickly."""
    c = Config()
    c.batch = rng.choice([1, 1, 2, 3])
    c.key_heads = rng.choice([1, 2, 3])
    c.heads = c.key_heads * rng.choice([1, 1, 2, 3])
    c.depth = 8 * rng.choice([1, 2, 3, 4, 5, 8, 10, 16, 32])
    c.dtype = rng.choice(["f32", "f32", "f16", "bf16"])
    c.layout = rng.choice(["bnhd", "bhnd"])
    c.dynamic = rng.random() < 0.3

    grid = rng.choice([[rng.randint(1, 300)], [rng.randint(1, 20), rng.randint(1, 20)],
                       [16, 16], [rng.randint(1, 7), rng.randint(1, 7), rng.randint(1, 7)]])
    tokens = 1
    for size in grid:
        tokens *= size
    c.queries = c.keys = tokens
    kind = rng.choice(["raster", "static", "static", "static", "tables", "mixed"])
    curve = rng.choice(["hilbert", "hilbert", "morton", "snake"])
    tile = f", tile = {[rng.randint(1, s + 1) for s in grid]}" if rng.random() < 0.3 else ""
    static = f"#hilbert.order<{curve}, {grid}{tile}>"
    same = True
    if kind == "static":
        c.order = static
    elif kind == "tables":
        rank = rng.choice([1, 2])
        c.tables = (rank,)
        size, batch = ("?", "?") if c.dynamic else (tokens, c.batch)
        c.order = f"%t0 : tensor<{f'{batch}x' if rank == 2 else ''}{size}xi32>"
    elif kind == "mixed":
        same = False
        c.tables = (1,)
        table = f"%t0 : tensor<{'?' if c.dynamic else tokens}xi32>"
        bodies = [static, table, f"#hilbert.order<snake, {grid}>", ""]
        parts = [(n, rng.choice(bodies)) for n in ("q", "kv", "out")]
        c.order = ", ".join(f"{n} = {b}" for n, b in parts if b)
        if "%t0" not in c.order:
            c.tables = ()
    c.fused = not same or rng.random() < 0.6

    if rng.random() < 0.85:
        c.pattern, dense = random_pattern(rng, c.heads)
        if dense and same and not c.order and rng.random() < 0.5:
            c.keys = rng.randint(1, 200)
    c.causal = rng.choice(["none", "none", "token"] + (["position"] if same and c.queries == c.keys else []))
    return c
