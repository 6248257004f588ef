"""Coordinates of a few vectors in an orthonormal basis of their span, exact where they are dependent.

Gaussian weights that act on vectors `f_1, ..., f_n` are `n` independent normals a row in these coordinates:
`g . f_i = sum_j R_ij (g . q_j)` with `F = R Q`, and `g . q_j` are independent standard normals. Unlike a factor of the
Gram matrix `F F^T`, R keeps the digits of nearly equal vectors, and equal vectors have equal rows.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def coordinates(vectors: Float[Tensor, "r n d"]) -> tuple[Float[Tensor, "r n n"], Float[Tensor, "r n d"]]:
    """`(R, Q)` with `vectors = R Q`: R lower triangular, rows of Q orthonormal, or zero where a vector adds nothing.

    Gram and Schmidt, each vector twice (Giraud, Langou & Rozloznik 2005). What is left of a vector below its own rounding
    is nothing: its direction would be noise.
    """
    r, n, d = vectors.shape
    R = vectors.new_zeros(r, n, n)
    Q = torch.zeros_like(vectors)
    dust = 8 * max(n, 2) * torch.finfo(vectors.dtype).eps
    for i in range(n):
        left = vectors[:, i]
        size = torch.linalg.vector_norm(left, dim=-1)
        for _ in range(2 if i else 0):
            along = torch.bmm(Q[:, :i], left.unsqueeze(-1))
            left = left - torch.bmm(along.mT, Q[:, :i]).squeeze(1)
            R[:, i, :i] += along.squeeze(-1)
        rest = torch.linalg.vector_norm(left, dim=-1)
        rest = torch.where(rest > dust * size, rest, 0.0)
        R[:, i, i] = rest
        Q[:, i] = torch.where(rest.unsqueeze(-1) > 0, left / rest.unsqueeze(-1), 0.0)
    return R, Q
