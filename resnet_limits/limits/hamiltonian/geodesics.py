"""Geodesics and their Jacobi fields `D(t) = dq(t)/dP_0`.

    D(t) = t Gamma(q_0, q_0) + ..       the first t where D(t) is singular is conjugate to 0

Up to the first conjugate time a geodesic is a strict local minimum of the path energy between its ends; beyond it there
is less. The one between two given points is found by `shooting.FixedEnds`. Source: Milnor, Morse theory, 1963,
sections 14 and 15.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import brentq
from torch import Tensor

from .integrators import Integrator
from .kernels.kernel import OperatorKernel


@dataclass(frozen=True)
class Geodesic:
    """Momentum `P_0` (n, d), states (steps + 1, n, d) at the times `s/steps`, Jacobi fields (steps, nd, nd) at
    those after 0, and `path_energy`, which is `2 H`."""

    momentum: Tensor
    states: Tensor
    fields: Tensor
    path_energy: float

    @property
    def times(self) -> Float[Tensor, " steps"]:
        """Those of the fields."""
        return torch.arange(1, len(self.fields) + 1, dtype=self.fields.dtype) / len(self.fields)


def geodesic(
    kernel: OperatorKernel, q: Float[Tensor, "n d"], P: Float[Tensor, "n d"], integrator: Integrator, steps: int
) -> Geodesic:
    """The geodesic from `q` with momentum `P`. Raises `Diverged`."""
    n, momentum, states, fields = P.numel(), P, [q], []
    path_energy = 2 * float(kernel.at(q).energy(P))
    u, v = P.new_zeros(n, *P.shape), torch.eye(n, dtype=P.dtype).reshape(n, *P.shape)
    for _ in range(steps):
        (q, P), (u, v) = integrator.tangent(kernel, q, P, 1 / steps, u, v)
        states.append(q)
        fields.append(u.reshape(n, n).T)
    return Geodesic(momentum, torch.stack(states), torch.stack(fields), path_energy)


def conjugate_margin(kernel: OperatorKernel, path: Geodesic) -> float:
    """The least singular value of `(t Gamma(q_0, q_0))^{-1} D(t)` over the times, which starts from 1; negative where
    the determinant has changed its sign."""
    q, d = path.states[0], path.momentum.shape[1]
    K = torch.kron(kernel.matrix(q, q), torch.eye(d, dtype=q.dtype))
    relative = torch.linalg.solve(K, path.fields / path.times[:, None, None])
    least = torch.linalg.svdvals(relative)[:, -1]
    return float((least * torch.linalg.det(relative).sign()).min())


def conjugate_time(path: Geodesic) -> float:
    """The first time at which `det D(t)` changes its sign, by the cubic through the four times around it; nan where it
    does not."""
    determinants, times = torch.linalg.det(path.fields).numpy(), path.times.numpy()
    (changes,) = np.nonzero(determinants[1:] * determinants[:-1] < 0)
    if not len(changes):
        return math.nan
    first = int(changes[0])
    four = slice(max(0, first - 1), max(0, first - 1) + 4)
    scaled = determinants[four] / np.abs(determinants[four]).max()
    cubic = np.polynomial.Polynomial.fit(times[four], scaled, len(scaled) - 1)
    return float(brentq(cubic, times[first], times[first + 1]))  # pyright: ignore
