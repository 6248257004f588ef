"""`a' = -(df/dx)^T a`, `a(T) = dJ/dx(T)`: gradients of a loss of the limit.

    dJ/dx_0 = a(0)
    dJ/dc_j = int_0^T b_j(t) g(t) dt,    g(t) = (df/dtheta)^T a    for theta(t) = sum_j b_j(t) c_j

`g` is the density that `L dJ/dtheta_k` of a network of depth L approaches. Sources: Pontryagin et al. 1962; Chen,
Rubanova, Bettencourt & Duvenaud 2018, arXiv 1806.07366.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..networks.residual import CotangentOf
from ..networks.steps.step import Field
from .ode import distance_of_solutions, integrate, solve

Basis = Callable[[Tensor], Tensor]
"""`(n,) times -> (n, j)`: the functions `b_j` of a linearly parametrised path."""

FEWEST_NODES_IN_TIME, MOST_NODES_IN_TIME = 32, 512
"""Gauss-Legendre nodes; 32 serve paths with correlation lengths of half the horizon."""


@dataclass(frozen=True)
class Adjoint:
    """Loss and gradients of the limit, with estimates from above of their errors.

    output: `x(T)`, (r, n, d).
    x0: `dJ/dx_0`, (r, n, d).
    coefficients: `dJ/dc` by parameter name, (r, j, *shape).
    density: `g` at the times asked for, by parameter name, (r, times, *shape); empty where none were.
    errors: largest error over the entries of `output`, `x0`, `coefficients` and `density` (where asked for).
    """

    loss: Tensor
    output: Tensor
    x0: Tensor
    coefficients: dict[str, Tensor]
    density: dict[str, Tensor]
    errors: dict[str, float]


def path_at(coefficients: Mapping[str, Tensor], bases: Mapping[str, Basis], t: Tensor) -> dict[str, Tensor]:
    """`theta(t) = sum_j b_j(t) c_j` at one time, by parameter name, (r, *shape)."""
    return {
        name: (bases[name](t[None]) @ c.flatten(2)).reshape(c.shape[0], *c.shape[2:])
        for name, c in coefficients.items()
    }


def adjoint(
    field: Field,
    coefficients: Mapping[str, Float[Tensor, "r j *shape"]],
    basis: Basis | Mapping[str, Basis],
    x0: Float[Tensor, "r n d"],
    horizon: float,
    cotangent_of: CotangentOf,
    *,
    times: Float[Tensor, " times"] | None = None,
    tolerance: float = 1e-12,
) -> Adjoint:
    """Loss `J(x(T))` and its gradients, by integrating the adjoint backwards together with the state.

    `basis` is one for all parameters, or one by name. `cotangent_of` maps `x(T)` to `(J, dJ/dx(T))`. `times`, in
    [0, horizon] and increasing, are those of the density. All tensors are float64.

    The integral over time is a Gauss-Legendre sum over the density: carrying `dJ/dc` through the solver, which is
    larger than state and adjoint by a factor of tens, took several times as long. The errors are distances to the
    gradients at ten times the tolerance and with half the nodes (see `ode.solve_with_error`); the nodes are doubled
    until that of `dJ/dc` is a thousand tolerances of its size, or they are `MOST_NODES_IN_TIME`. Raises as `ode.solve`.
    """
    bases = dict(basis) if isinstance(basis, Mapping) else dict.fromkeys(coefficients, basis)
    asked = x0.new_zeros(0) if times is None else times.to(x0)
    if len(asked) and not (asked[0] >= 0 and asked[-1] <= horizon):
        raise ValueError(f"times of the density must lie in [0, {horizon:g}], got {asked.tolist()}")
    equation = _Equation(field, coefficients, bases, horizon, cotangent_of)
    nodes = FEWEST_NODES_IN_TIME
    while True:
        worse = equation.solve(x0, asked, nodes, 10 * tolerance, halved=False)
        better = equation.solve(x0, asked, 2 * nodes, tolerance, halved=True)
        errors = _distances(better, worse)
        size = max(1.0, *(float(c.abs().max()) for c in better.coefficients.values()))
        nodes *= 2
        if errors["coefficients"] <= 1000 * tolerance * size or nodes >= MOST_NODES_IN_TIME:
            return replace(better, errors=errors)


def _distances(better: Adjoint, worse: Adjoint) -> dict[str, float]:
    errors = {
        "output": distance_of_solutions(better.output, worse.output),
        "x0": distance_of_solutions(better.x0, worse.x0),
    }
    errors["coefficients"] = max(
        distance_of_solutions(c, worse.coefficients[n]) for n, c in better.coefficients.items()
    )
    if better.density:
        errors["density"] = max(distance_of_solutions(g, worse.density[n]) for n, g in better.density.items())
    return errors


@dataclass(frozen=True)
class _Equation:
    """State and adjoint of one field and path, to be solved at several tolerances."""

    field: Field
    coefficients: Mapping[str, Tensor]
    bases: Mapping[str, Basis]
    horizon: float
    cotangent_of: CotangentOf

    def theta(self, t: Tensor) -> dict[str, Tensor]:
        return path_at(self.coefficients, self.bases, t)

    def solve(self, x0: Tensor, asked: Tensor, nodes: int, tolerance: float, *, halved: bool) -> Adjoint:
        output = solve(lambda t, x: self.field(x, self.theta(t)), x0, self.horizon, tolerance=tolerance, halved=halved)
        loss, cotangent = self.cotangent_of(output)
        start = (output, cotangent.detach())
        points, weights = (torch.from_numpy(q).to(x0) for q in np.polynomial.legendre.leggauss(nodes))
        points, weights = (points + 1) * self.horizon / 2, weights * self.horizon / 2
        dx0, at_nodes = self.densities(start, points, tolerance, False)  # the nodes are doubled, not the steps
        gradients = {
            name: torch.einsum("n,nj,rn...->rj...", weights, self.bases[name](points), g)
            for name, g in at_nodes.items()
        }
        density = self.densities(start, asked, tolerance, halved)[1] if len(asked) else {}
        return Adjoint(loss, output, dx0, gradients, density, {})

    def densities(
        self, start: tuple[Tensor, Tensor], times: Tensor, tolerance: float, halved: bool
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """`a(0)`, and `g` at increasing times by parameter name, (r, times, *shape)."""

        def backward(t: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            f, da, _ = pull_back(self.field, state[0], self.theta(t), state[1], parameters=False)
            return f, -da

        grid = torch.cat([times, times.new_tensor([0.0, self.horizon])]).unique().flip(0)  # from the horizon to 0
        x, a = integrate(backward, start, grid, tolerance, halved)
        rows = len(grid) - 1 - torch.searchsorted(grid.flip(0), times)
        at_times = [pull_back(self.field, x[row], self.theta(t), a[row])[2] for t, row in zip(times, rows, strict=True)]
        return a[-1], {name: torch.stack([g[name] for g in at_times], dim=1) for name in self.coefficients}


def pull_back(
    field: Field, x: Tensor, theta: Mapping[str, Tensor], a: Tensor, *, parameters: bool = True
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """`f`, `(df/dx)^T a` and, by parameter name, `(df/dtheta)^T a`; without the last if not `parameters`."""
    x = x.detach().requires_grad_()
    leaves = {name: w.detach().requires_grad_(parameters) for name, w in theta.items()}
    wanted = [x, *leaves.values()] if parameters else [x]
    with torch.enable_grad():
        f = field(x, leaves)
    dx, *dtheta = torch.autograd.grad(f, wanted, a, allow_unused=True, materialize_grads=True)
    return f.detach(), dx, dict(zip(leaves, dtheta, strict=False))
