"""Euler steps of a segment of layers, forward and backward; one program is a replica and a tile of its inputs.

    one        z = W x + b,       x + h phi(z)
    outside    a = phi(x),        x + h (W a + b)
    two        z = W x + b,       x + h V phi(z)

States are (layers + 1, r, n, d), what is kept of the inside of a block (layers, r, n, m), both inputs in rows. The
state of a tile stays in registers from layer to layer; a product reads it from there where all columns are one SLAB,
else from memory, where the same program has just written it, SLAB columns at a time. Weights are (r, layers, *shape)
with the numbers of a layer side by side. Gradients of weights are one sum a tile, (tiles, layers, r, *shape): they are
added in the order of the tiles elsewhere. No product is rounded to fewer digits than its numbers have.
"""

# What is compiled for a GPU is no Python to a type checker.
# pyright: reportArgumentType=false, reportGeneralTypeIssues=false, reportOperatorIssue=false

import triton
import triton.language as tl

from .activations import phi, slope, value


@triton.jit
def added_product(
    acc,
    a,
    at_a,
    rows,
    at_w,
    row,
    column,
    INNER: tl.constexpr,
    OUTER: tl.constexpr,
    OF: tl.constexpr,
    TO: tl.constexpr,
    SLAB: tl.constexpr,
):
    """`acc + a w`, a (rows, OF), w[i, o] at `at_w + i row + o column`, (OF, TO); INNER and OUTER are the powers of two
    that hold OF and TO. Where INNER is more than a SLAB, a is read from `at_a` in place of the registers."""
    o = tl.arange(0, OUTER)
    if INNER <= SLAB:
        i = tl.arange(0, INNER)
        inside = (i < OF)[:, None] & (o < TO)[None, :]
        w = tl.load(at_w + i[:, None] * row + o[None, :] * column, mask=inside, other=0.0)
        acc = tl.dot(a, w, acc, input_precision="ieee", out_dtype=acc.dtype)
    else:
        tl.debug_barrier()
        for first in range(0, INNER, SLAB):
            i = first + tl.arange(0, SLAB)
            inside = (i < OF)[:, None] & (o < TO)[None, :]
            w = tl.load(at_w + i[:, None] * row + o[None, :] * column, mask=inside, other=0.0)
            part = tl.load(at_a + i[None, :], mask=rows & (i < OF)[None, :], other=0.0)
            acc = tl.dot(part, w, acc, input_precision="ieee", out_dtype=acc.dtype)
        tl.debug_barrier()
    return acc


@triton.jit
def summed(
    into,
    left,
    x,
    at_x,
    rows,
    h,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    OF: tl.constexpr,
    TO: tl.constexpr,
    KEPT: tl.constexpr,
    SLAB: tl.constexpr,
):
    """`h left^T x`, (OF, TO), of left (rows, OF) and x (rows, TO), to `into`; in memory x is what is KEPT of it."""
    o = tl.arange(0, ROWS)
    if COLUMNS <= SLAB:
        i = tl.arange(0, COLUMNS)
        g = h * tl.dot(tl.trans(left), x, input_precision="ieee", out_dtype=x.dtype)
        tl.store(into + o[:, None] * TO + i[None, :], g, mask=(o < OF)[:, None] & (i < TO)[None, :])
    else:
        tl.debug_barrier()
        for first in range(0, COLUMNS, SLAB):
            i = first + tl.arange(0, SLAB)
            part = value(tl.load(at_x + i[None, :], mask=rows & (i < TO)[None, :], other=0.0), KEPT)
            g = h * tl.dot(tl.trans(left), part, input_precision="ieee", out_dtype=left.dtype)
            tl.store(into + o[:, None] * TO + i[None, :], g, mask=(o < OF)[:, None] & (i < TO)[None, :])
        tl.debug_barrier()


@triton.jit
def advance_layers(
    states, inner, V, W, b, step, layers, n, Vr, Vl, Wr, Wl, br, bl,
    BLOCK: tl.constexpr, PHI: tl.constexpr, KEEP: tl.constexpr,
    INPUTS: tl.constexpr, D: tl.constexpr, M: tl.constexpr, DP: tl.constexpr, MP: tl.constexpr, SLAB: tl.constexpr,
):  # fmt: skip
    """Fill the segment from its first state. Without KEEP `states` is (r, n, d), and ends as the last one."""
    r, R = tl.program_id(0), tl.num_programs(0)
    i = tl.program_id(1) * INPUTS + tl.arange(0, INPUTS)
    j, m = tl.arange(0, DP), tl.arange(0, MP)
    rows = (i < n)[:, None]
    in_state, in_block = rows & (j < D)[None, :], rows & (m < M)[None, :]
    row_of_x, row_of_z = (i.to(tl.int64) * D)[:, None], (i.to(tl.int64) * M)[:, None]
    h = tl.load(step)
    at_x = states + r.to(tl.int64) * n * D + row_of_x
    at_z = inner + r.to(tl.int64) * n * M + row_of_z
    at_V, at_W, at_b = V + r.to(tl.int64) * Vr, W + r.to(tl.int64) * Wr, b + r.to(tl.int64) * br
    a_state, a_block = R.to(tl.int64) * n * D, R.to(tl.int64) * n * M
    x = tl.load(at_x + j[None, :], mask=in_state, other=0.0)
    for _ in range(layers):
        bias = tl.load(at_b + m, mask=m < M, other=0.0)
        if BLOCK == "outside":
            a = phi(x, PHI)
            if KEEP or DP > SLAB:
                tl.store(at_z + m[None, :], a, mask=in_block)
            z = tl.zeros([INPUTS, DP], x.dtype) + bias[None, :]
            x = x + h * added_product(z, a, at_z, rows, at_W, 1, D, DP, DP, D, D, SLAB)
        else:
            z = tl.zeros([INPUTS, MP], x.dtype) + bias[None, :]
            z = added_product(z, x, at_x, rows, at_W, 1, D, DP, MP, D, M, SLAB)
            a = phi(z, PHI)
            if BLOCK == "one":
                x = x + h * a
            else:
                if MP > SLAB:
                    tl.store(at_z + m[None, :], a, mask=in_block)
                x = x + h * added_product(
                    tl.zeros([INPUTS, DP], x.dtype), a, at_z, rows, at_V, 1, M, MP, DP, M, D, SLAB
                )
            if KEEP:
                tl.store(at_z + m[None, :], a if PHI == "tanh" else z, mask=in_block)
        if KEEP:
            at_x += a_state
            at_z += a_block
        if KEEP or DP > SLAB:
            tl.store(at_x + j[None, :], x, mask=in_state)
        at_V += Vl
        at_W += Wl
        at_b += bl
    if not KEEP:
        tl.store(at_x + j[None, :], x, mask=in_state)


@triton.jit
def pull_back_layers(
    states, inner, costates, V, W, b, dV, dW, db, step, layers, n, Vr, Vl, Wr, Wl,
    BLOCK: tl.constexpr, PHI: tl.constexpr,
    INPUTS: tl.constexpr, D: tl.constexpr, M: tl.constexpr, DP: tl.constexpr, MP: tl.constexpr, SLAB: tl.constexpr,
):  # fmt: skip
    """`costates` (r, n, d), dJ/dx of the last state, to that of the first, and each tile's dJ/dtheta of all
    layers, (tiles, layers, r, *shape). Uses up the activations."""
    r, R = tl.program_id(0), tl.num_programs(0)
    tile = tl.program_id(1)
    i = tile * INPUTS + tl.arange(0, INPUTS)
    j, m = tl.arange(0, DP), tl.arange(0, MP)
    rows = (i < n)[:, None]
    in_state, in_block = rows & (j < D)[None, :], rows & (m < M)[None, :]
    row_of_x, row_of_z = (i.to(tl.int64) * D)[:, None], (i.to(tl.int64) * M)[:, None]
    h = tl.load(step)
    at_g = costates + r.to(tl.int64) * n * D + row_of_x
    g = tl.load(at_g + j[None, :], mask=in_state, other=0.0)
    for back in range(layers):
        layer = (layers - 1 - back).to(tl.int64)
        at_x = states + (layer * R + r) * n * D + row_of_x
        at_z = inner + (layer * R + r) * n * M + row_of_z
        to = (tile.to(tl.int64) * layers + layer) * R + r
        at_W = W + r.to(tl.int64) * Wr + layer * Wl
        x = tl.load(at_x + j[None, :], mask=in_state, other=0.0)
        kept = tl.load(at_z + m[None, :], mask=in_block, other=0.0)
        if BLOCK == "outside":
            summed(dW + to * D * D, g, kept, at_z, rows, h, DP, DP, D, D, "identity", SLAB)
            tl.store(db + to * D + j, h * tl.sum(g, 0), mask=j < D)
            if DP > SLAB:
                tl.store(at_g + j[None, :], g, mask=in_state)
            p = added_product(tl.zeros([INPUTS, DP], g.dtype), g, at_g, rows, at_W, D, 1, DP, DP, D, D, SLAB)
            g = g + h * p * slope(kept if PHI == "tanh" else x, PHI)
        else:
            if BLOCK == "one":
                q = slope(kept, PHI) * g
            else:
                summed(dV + to * D * M, g, value(kept, PHI), at_z, rows, h, DP, MP, D, M, PHI, SLAB)
                if DP > SLAB:
                    tl.store(at_g + j[None, :], g, mask=in_state)
                at_V = V + r.to(tl.int64) * Vr + layer * Vl
                p = added_product(tl.zeros([INPUTS, MP], g.dtype), g, at_g, rows, at_V, M, 1, DP, MP, D, M, SLAB)
                q = slope(kept, PHI) * p
            summed(dW + to * M * D, q, x, at_x, rows, h, MP, DP, M, D, "identity", SLAB)
            tl.store(db + to * M + m, h * tl.sum(q, 0), mask=m < M)
            if MP > SLAB:
                tl.store(at_z + m[None, :], q, mask=in_block)
            g = g + h * added_product(tl.zeros([INPUTS, DP], g.dtype), q, at_z, rows, at_W, D, 1, MP, DP, M, D, SLAB)
    tl.store(at_g + j[None, :], g, mask=in_state)
