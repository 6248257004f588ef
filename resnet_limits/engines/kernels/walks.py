"""Random networks of i.i.d. weights, many layers in one kernel; one program is a replica.

    [W b] = G diag(a, ..., a, b)        x_i <- x_i + phi(sum over m layers of W psi(x_i) + b),     all rows i on one G

The rows (psi(x_i), of size a; b) are orthogonalised one by one (modified Gram and Schmidt), `F = R Q` with R lower
triangular, and W psi(x_i) + b = sum_j R_ij z_j with normals z_j (`sampling/span.py`). No digits are lost where rows are
nearly dependent: coefficients are t = <f_i, e_j>/<e_j, e_j>, which are 1 for equal rows, so that these stay equal. The
normals of a layer are those of `sampling.noise`: made in a scratch of each program, and read from it in another order.
"""

# What is compiled for a GPU is no Python to a type checker.
# pyright: reportArgumentType=false, reportGeneralTypeIssues=false, reportOperatorIssue=false

import triton
import triton.language as tl

from ...random.kernels import store_normals
from .activations import phi


@triton.jit
def draw_normals(
    to, size, pairs, key0, key1, layer, block, first, SINGLE: tl.constexpr, GROUPS: tl.constexpr, WORDS: tl.constexpr
):
    """The normals of one replica and layer, in two halves; WORDS holds all words that it takes."""
    for part in range(0, WORDS, 4 * GROUPS):
        group = first // 4 + part // 4 + tl.arange(0, GROUPS)
        store_normals(to, group, first, size, pairs, key0, key1, layer, block, SINGLE, False)


@triton.jit
def walk_layers(
    states, sums, scratch, sizes, every, key0, key1, first_replica, rows_a_block, start, layers, basis,
    PHI: tl.constexpr, PSI: tl.constexpr, SINGLE: tl.constexpr, N: tl.constexpr, D: tl.constexpr,
    NP: tl.constexpr, DP: tl.constexpr, GROUPS: tl.constexpr, WORDS: tl.constexpr,
):  # fmt: skip
    """`states` (r, N, D) of layer `start` to those of `start + layers`. `sizes` holds a and b of the deepest network's
    layers; row i takes a step every `every[i]` layers, and `sums` (r, N, D) holds what it has summed since."""
    r = tl.program_id(0).to(tl.int64)
    replica = first_replica + r
    size = basis * D
    pairs = (size + 1) // 2
    block, first = replica // rows_a_block, (replica % rows_a_block) * pairs
    i, j = tl.arange(0, NP), tl.arange(0, DP)
    at = r * N * D + i[:, None] * D + j[None, :]
    inside = (i < N)[:, None] & (j < D)[None, :]
    x = tl.load(states + at, mask=inside, other=0.0)
    summed = tl.load(sums + at, mask=inside, other=0.0)
    a, b = tl.load(sizes), tl.load(sizes + 1)
    period = tl.load(every + i, mask=i < N, other=1)
    to = scratch + r * size
    for k in range(start, start + layers):
        draw_normals(to, size, pairs, key0, key1, k, block, first, SINGLE, GROUPS, WORDS)
        tl.debug_barrier()
        f = tl.where(inside, a * phi(x, PSI), 0.0).to(x.dtype)
        bias = tl.where(i < N, b, 0.0).to(x.dtype)
        for m in range(basis):
            z = tl.load(to + m * D + j, mask=j < D, other=0.0)
            is_row = (i == m)[:, None]
            e = tl.sum(tl.where(is_row, f, 0.0), 0)
            of_bias = tl.sum(tl.where(i == m, bias, 0.0), 0)
            inner = tl.sum(f * e[None, :], 1) + bias * of_bias
            square = tl.sum(tl.where(i == m, inner, 0.0), 0)
            t = tl.where(i >= m, inner / tl.where(square > 0, square, 1.0), 0.0)  # a row of zeros has inner = 0
            size_of_e = tl.sqrt_rn(square) if SINGLE else tl.sqrt(square)
            summed += t[:, None] * (size_of_e * z)[None, :]
            f -= t[:, None] * e[None, :]
            bias -= t * of_bias
        tl.debug_barrier()
        steps = (((k + 1) % period) == 0)[:, None]
        x = tl.where(steps, x + phi(summed, PHI), x)
        summed = tl.where(steps, 0.0, summed).to(x.dtype)
    tl.store(states + at, x, mask=inside)
    tl.store(sums + at, summed, mask=inside)
