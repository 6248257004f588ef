"""What keeps the blocks of a residual network in training from folding space, or is said to.

    control     factor h   what is added
    none        1          nothing: a plain residual network, x_{k+1} = x_k + v_k(x_k)
    factor      T/L        nothing else: the step of the flow
    spectral    1          Lip(h v_k) <= bound, a hard bound: the weights are normalised (`lipschitz.scaled_to_bound`)
    lipschitz   1          a penalty, mean_k max(0, Lip(h v_k) - bound)^2, of the bound by the weights
    inverse     1          a penalty, mean |phi_-v(phi_v(x)) - x|^2 over the points of a mini-batch
    h1          T/L        a penalty, L sum_k |theta_k - theta_{k-1}|^2 + |theta_0|^2

What bounds Lip(h v_k) itself stands beside the plain network, whose blocks have the factor 1; so does what asks for an
inverse. The H1 penalty belongs to the limit in which the factor is 1/L (Thorpe & van Gennip, arXiv 1810.11741).

`torch.nn.utils.parametrizations.spectral_norm` is the idea of `spectral`, and not used: it holds one matrix, where
weights here are (replicas, layers, rows, columns); it makes the norm 1 rather than at most a bound; and its singular
value comes from a few power iterations, from below, so that the norm of what it returns may exceed 1. Here it is
exact. With many iterations the two agree (`tests/diffeomorphisms/test_controls.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from ..networks.classifier import Forward
from ..networks.parametrisation import FLOW, PLAIN, Parametrisation
from ..networks.steps import STEPS
from ..networks.vector_field import VectorField
from .lipschitz import lipschitz_bound


@dataclass(frozen=True)
class Control:
    """How a network is kept from folding: the factor on a block is 1 or T/L, and one thing may be added."""

    plain: bool
    added: Literal["spectral", "lipschitz", "inverse", "h1"] | None = None

    @property
    def parametrisation(self) -> Parametrisation:
        """The factor on a block and the rates of its weights."""
        return PLAIN if self.plain else FLOW


CONTROLS = {
    "none": Control(plain=True),
    "factor": Control(plain=False),
    "spectral": Control(plain=True, added="spectral"),
    "lipschitz": Control(plain=True, added="lipschitz"),
    "inverse": Control(plain=True, added="inverse"),
    "h1": Control(plain=False, added="h1"),
}


def lipschitz_excess(field: VectorField, weights: Mapping[str, Tensor], h: float, bound: float) -> Float[Tensor, " r"]:
    """`mean_k max(0, Lip(h v_k) - bound)^2`, of the bound of `Lip(v_k)` by the weights (r, sets, *shape)."""
    excess = (abs(h) * lipschitz_bound(field, weights) - bound).clamp(min=0)
    return excess.square().mean(dim=1)


def inverse_inconsistency(
    field: VectorField,
    x: Float[Tensor, "r n d"],
    weights: Mapping[str, Tensor],
    h: float,
    *,
    there: Forward,
    back: Forward,
) -> Float[Tensor, " r"]:
    """`mean |phi_-v(phi_v(x)) - x|^2` over points and coordinates: the blocks, then the same in reverse order with -h.

    `there` and `back` are two ways through a network, each followed by its own backward pass
    (`engines.engine.Trunk`).
    """
    step = STEPS["euler"]
    y = there(field, step, x, weights, h)
    again = back(field, step, y, {name: w.flip(1) for name, w in weights.items()}, -h)
    return (again - x).square().mean(dim=(1, 2))


def h1_norm(weights: Mapping[str, Tensor]) -> Float[Tensor, " r"]:
    """`L sum_{k>=1} |theta_k - theta_{k-1}|^2 + |theta_0|^2` over all weights (r, L, *shape)."""
    total = []
    for w in weights.values():
        flat = w.flatten(2)
        total.append(w.shape[1] * flat.diff(dim=1).square().sum(dim=(1, 2)) + flat[:, 0].square().sum(dim=1))
    return torch.stack(total).sum(dim=0)
