"""Layers of wide networks, sampled from Gram matrices: `z = root(C) Z` with `C` (n, n) and `Z` (n, d) normals.

Rows of pre-activations are independent given the states, with covariance `C = sigma_b^2 + sigma_w^2 <f_i, f_j>/d`. For
many vectors (the positions of images) or wide states this costs far less than an orthonormal basis of the vectors; the
price is that differences of nearly equal vectors keep half the digits only.

On the same `Z` runs the infinitely wide network, a Gaussian process: its covariance is the deterministic one of
`limits/overlaps.py`. Its overlaps are known in the mean and follow those of the network closely, so the mean of
the difference has little noise (a control variate).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from .. import fixed_shape

MAX_PIVOT_OF_SINGULAR = 1e-10
"""A pivot below this fraction of the largest diagonal entry: the Gram matrix is taken as singular."""


def mean_gram(x: Float[Tensor, "r n d"]) -> Float[Tensor, "r n n"]:
    """`<x_i, x_j>/d`, float64; equal vectors have equal rows and columns."""
    products = fixed_shape.gram(x.double())
    for _ in range(2):  # rows, then columns
        products = fixed_shape.equal_rows(x, products).mT
    return products / x.shape[-1]


def root(C: Float[Tensor, "r n n"]) -> Float[Tensor, "r n n"]:
    """`R` with `R R^T = C`: Cholesky's, and the symmetric root where C is singular; nothing is added to C."""
    R, info = fixed_shape.cholesky(C)
    largest = C.diagonal(dim1=-2, dim2=-1).amax(dim=-1)
    smallest = R.diagonal(dim1=-2, dim2=-1).amin(dim=-1).square()
    singular = (info > 0) | ~(smallest > MAX_PIVOT_OF_SINGULAR * largest)
    if bool(singular.any()):
        R[singular] = _symmetric_root(C[singular])
    return R


def _symmetric_root(C: Float[Tensor, "r n n"]) -> Float[Tensor, "r n n"]:
    """`V sqrt(D) V^T` of `C = V D V^T`, term by term: which matrices are singular changes the place of the others."""
    n = C.shape[-1]
    padding = -n % 4  # so that each matrix begins at a multiple of 64 bytes
    values, vectors = torch.linalg.eigh(torch.nn.functional.pad(C, (0, padding, 0, padding)))
    scaled = vectors * values.clamp(min=0).sqrt().unsqueeze(-2)
    return fixed_shape.add_terms(torch.zeros_like(scaled), scaled, vectors.mT)[:, :n, :n]


def pre_activations(C: Float[Tensor, "#r n n"], Z: Float[Tensor, "r n d"]) -> Float[Tensor, "r n d"]:
    """`root(C) Z`, in the dtype of `Z`; one `C` for all replicas where its first dimension is 1.

    Equal rows of C give equal rows.
    """
    R = fixed_shape.equal_rows(C, root(C)).to(Z)
    return fixed_shape.product(R.expand(len(Z), *R.shape[1:]), Z)
