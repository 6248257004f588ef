"""Coordinates of a few vectors in an orthonormal basis of their span, exact where they are dependent.

Gaussian weights that act on vectors `f_1, ..., f_n` are `n` independent normals a row in these coordinates:
`g . f_i = sum_j R_ij (g . q_j)` with `F = R Q`, and `g . q_j` are independent standard normals. Unlike a factor of the
Gram matrix `F F^T`, R keeps the digits of nearly equal vectors, and equal vectors have equal rows.

    n = 1, 2            Gram and Schmidt
    n > d, n^2 > 10 d   Q = I and R = F: drawing the weights themselves takes less time than any other basis
    else                Householder's QR; what turns out (nearly) dependent, by Gram and Schmidt
    R alone             Cholesky's factor of the Gram matrix where that loses no digits that matter

A replica's R and Q are functions of its own vectors and its number `first + i`, whichever are computed with it.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ..fixed_shape import ALIGNMENT, cholesky, gram


def many(n: int, d: int) -> bool:
    """Whether n vectors of d coordinates are so many that the weights themselves take less time than a basis."""
    return n > d or n * n > 10 * d


def basis_size(n: int, d: int) -> int:
    """Vectors of the basis for n vectors of d coordinates: normals that a row of the weights takes."""
    return d if many(n, d) else n


def coordinates(vectors: Float[Tensor, "r n d"]) -> tuple[Float[Tensor, "r n m"], Float[Tensor, "r m d"]]:
    """`(R, Q)`, `vectors = R Q`, `m = basis_size(n, d)`; rows of Q orthonormal, or zero where a vector adds nothing.

    R is lower triangular with a diagonal that is not negative, unless vectors are many: then `Q = I`. What is left
    of a vector below its own rounding is nothing: its direction would be noise.
    """
    r, n, d = vectors.shape
    if many(n, d):
        return vectors, torch.eye(d, dtype=vectors.dtype, device=vectors.device).expand(r, d, d)
    if n <= 2:
        return gram_schmidt(vectors)
    # One call a matrix, and each begins at a multiple of ALIGNMENT: zero coordinates change neither R nor Q.
    zeros = -d % (ALIGNMENT // vectors.element_size())
    Q, R = torch.linalg.qr(torch.nn.functional.pad(vectors, (0, zeros)).mT)
    signs = _signs(R)
    R, Q = (R * signs.unsqueeze(-1)).mT.contiguous(), Q.mT[..., :d] * signs.unsqueeze(-1)
    weak = _dependent(R)
    if len(weak):
        R[weak], Q[weak] = gram_schmidt(vectors[weak])
    return R, Q


def triangle(
    vectors: Float[Tensor, "r n d"], scale: float, extra: Float[Tensor, " n"], *, first: int = 0
) -> Float[Tensor, "r n m"]:
    """R alone, of the vectors `(scale f_i, extra_i)` of d + 1 coordinates; `first` is the number of the first replica.

    Cholesky's factor of the Gram matrix has a relative error of eps `|f_i|^2 / R_ii^2`: taken where that is at most
    eps^(2/3) and no square over- or underflows, and `coordinates` else, replica by replica.
    """
    _, n, d = vectors.shape
    if many(n, d + 1):
        return augmented(vectors, scale, extra)
    squares = gram(vectors, first=first).mul_(scale**2).add_(torch.outer(extra, extra))
    R = squares.sqrt() if n == 1 else cholesky(squares, first=first)[0]
    precision = torch.finfo(squares.dtype)
    least = precision.eps ** (1 / 3)
    bound = squares.diagonal(dim1=1, dim2=2).clamp(min=precision.tiny / precision.eps / least).mul_(least)
    # False also where the factorisation overflowed (nan, inf > inf) or failed: that leaves a pivot as it is, below 0.
    diagonal = R.diagonal(dim1=1, dim2=2)
    kept = (diagonal > 0) & (diagonal.square() > bound)
    if not bool(kept.all()):
        close = kept.all(dim=1).logical_not_().nonzero().squeeze(-1)
        joint = augmented(vectors[close], scale, extra)
        exponents = torch.frexp(joint.abs().amax(dim=-1, keepdim=True)).exponent
        R[close] = torch.ldexp(coordinates(torch.ldexp(joint, -exponents))[0], exponents)
    return R


def augmented(vectors: Float[Tensor, "r n d"], scale: float, extra: Float[Tensor, " n"]) -> Float[Tensor, "r n e"]:
    """`(scale f_i, extra_i)`, (r, n, d + 1)."""
    r, n, d = vectors.shape
    joint = vectors.new_empty(r, n, d + 1)
    torch.mul(vectors, scale, out=joint[..., :d])
    joint[..., d] = extra
    return joint


def gram_schmidt(vectors: Float[Tensor, "r n d"]) -> tuple[Float[Tensor, "r n n"], Float[Tensor, "r n d"]]:
    """`(R, Q)`, each vector twice (Giraud, Langou & Rozloznik 2005); equal vectors have rows equal bit for bit."""
    r, n, _ = vectors.shape
    R = vectors.new_zeros(r, n, n)
    Q = torch.empty_like(vectors)
    sizes = torch.linalg.vector_norm(vectors, dim=-1)
    for i in range(n):
        left = vectors[:, i]
        for _ in range(2 if i else 0):
            along = _dot(Q[:, :i], left.unsqueeze(1))
            for j in range(i):
                left = torch.addcmul(left, along[:, j : j + 1], Q[:, j], value=-1)
            R[:, i, :i] += along
        rest = torch.linalg.vector_norm(left, dim=-1) if i else sizes[:, 0]
        nothing = (rest <= _dust(vectors, n) * sizes[:, i]) & (sizes[:, i] < math.inf)  # an infinite state is no dust
        R[:, i, i] = rest = torch.where(nothing, 0.0, rest)
        inverse = torch.where(rest > 0, rest.reciprocal(), 0.0)
        torch.mul(left, inverse.unsqueeze(-1), out=Q[:, i])
        if i and bool((rest == 0).any()):
            for j in range(i):
                same = (vectors[:, i] == vectors[:, j]).all(dim=-1, keepdim=True)
                R[:, i] = torch.where(same, R[:, j], R[:, i])
    return R, Q


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(dim=-1)


def _dust(vectors: Tensor, n: int) -> float:
    return 8 * max(n, 2) * torch.finfo(vectors.dtype).eps


def _signs(R: Float[Tensor, "r n n"]) -> Float[Tensor, "r n"]:
    """Householder's signs depend on rounding where a component is nearly zero; a positive diagonal does not."""
    diagonal = R.diagonal(dim1=1, dim2=2)
    return torch.where(diagonal < 0, -1.0, 1.0).to(R.dtype)


def _dependent(R: Float[Tensor, "r n n"]) -> Tensor:
    """Indices of replicas in which a vector is dependent on those before it, up to a generous rounding."""
    size = torch.linalg.vector_norm(R, dim=-1)
    limit = 4 * math.sqrt(R.shape[-1]) * _dust(R, R.shape[-1])
    return (R.diagonal(dim1=1, dim2=2) <= limit * size).any(dim=-1).nonzero().squeeze(-1)
