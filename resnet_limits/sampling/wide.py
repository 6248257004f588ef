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

SINGULAR = 1e-10
"""A pivot below this fraction of the largest diagonal entry: the Gram matrix is taken as singular."""


def gram(x: Float[Tensor, "r n d"]) -> Float[Tensor, "r n n"]:
    """`<x_i, x_j>/d`, float64."""
    x = x.double()
    return torch.bmm(x, x.mT) / x.shape[-1]


def root(C: Float[Tensor, "r n n"]) -> Float[Tensor, "r n n"]:
    """`R` with `R R^T = C`: Cholesky's, and the symmetric root where C is singular; nothing is added to C."""
    R, info = torch.linalg.cholesky_ex(C)
    largest = C.diagonal(dim1=-2, dim2=-1).amax(dim=-1)
    smallest = R.diagonal(dim1=-2, dim2=-1).amin(dim=-1).square()
    singular = (info > 0) | ~(smallest > SINGULAR * largest)
    if bool(singular.any()):
        values, vectors = torch.linalg.eigh(C[singular])
        R[singular] = (vectors * values.clamp(min=0).sqrt().unsqueeze(-2)) @ vectors.mT
    return R


def pre_activations(C: Float[Tensor, "#r n n"], Z: Float[Tensor, "r n d"]) -> Float[Tensor, "r n d"]:
    """`root(C) Z`, in the dtype of `Z`; one `C` for all replicas where its first dimension is 1."""
    return torch.matmul(root(C).to(Z), Z)
