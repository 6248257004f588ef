"""The stages of a convolutional network as maps of their states: Jacobians of units, how far they stretch, volumes.

    D unit_k(x_k) = I + h Dv_k(x_k)
    log det D phi_v(x) = sum_k log det D unit_k(x_k)   ->   int_0^T div v(x_t) dt      units that share v, h = T/n -> 0

The limit is Liouville's formula along the flow of v (`limits/volume.py`). Between stages the
state changes its shape, and there is no determinant: all of this is inside a stage. Group norm makes `v` a function of
one image's state; nothing has to be frozen.

States of all replicas are (n, r c, height, width), as in `networks.convolutional`; d = c height width numbers each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import jvp, vjp, vmap

from ..networks.activations import activation_named
from ..networks.convolutional import Maps, Parameters, velocity, weights_of_units
from ..networks.parametrisation import CONVOLUTIONAL
from ..random import Stream, normals

DIRECTIONS_AT_A_TIME = 64
"""Directions of a Jacobian that are pushed through a unit side by side."""
POWER_ITERATIONS_OF_STAGE = 200
CHANCE_OF_A_LARGER_ERROR = 0.05
"""That a random start of the power method is so near to orthogonal that its error is larger than is said."""


def field_jacobian(phi: str, x: Maps, theta: Parameters) -> Float[Tensor, "r n d d"]:
    """`Dv(x)` of each replica and image, all entries: d directions are pushed through `v`, the same in all replicas."""
    r, along = _field(phi, x, theta)
    d = x[0].numel() // r

    def pushed(direction: Tensor) -> Tensor:
        in_one = direction.unflatten(0, (-1, *x.shape[2:]))
        return jvp(along, (x,), (in_one.repeat(r, 1, 1).expand_as(x),))[1]

    columns = vmap(pushed, chunk_size=DIRECTIONS_AT_A_TIME)(torch.eye(d, dtype=x.dtype, device=x.device))
    return columns.reshape(d, len(x), r, d).permute(2, 1, 3, 0)


def unit_increments(
    phi: str, parameters: Parameters, stage: int, x: Maps, *, units: int, horizon: float = 1.0
) -> Iterator[Float[Tensor, "r n d d"]]:
    """`h Dv_k(x_k)` of each unit of a stage in turn, at the states that `x`, which enters the stage, comes to."""
    for x_k, theta, h in _along(phi, parameters, stage, x, units, horizon):
        yield h * field_jacobian(phi, x_k, theta)


def unit_stretches(
    phi: str, parameters: Parameters, stage: int, x: Maps, *, units: int, horizon: float = 1.0
) -> Float[Tensor, "units r n"]:
    """`|h Dv_k(x_k)|` of each unit without its matrix, by power iteration on `Dv^T Dv`: from below.

    For states whose Jacobian is too large to be made; `error_of_power_iteration` says how close.
    """
    return torch.stack(
        [h * _stretch(phi, x_k, theta) for x_k, theta, h in _along(phi, parameters, stage, x, units, horizon)]
    )


def error_of_power_iteration(numbers: int) -> float:
    """By how much a stretch is larger than `unit_stretches` says, relative to that, for states of so many numbers.

    After k steps from a normal start the Rayleigh quotient of a symmetric matrix is below `(1 - e)` of the largest
    eigenvalue with a chance of at most `.824 sqrt(d) (1 - e)^(k - 1/2)`, whatever the other ones (Kuczynski &
    Wozniakowski 1992, theorem 4.1); the chance is `CHANCE_OF_A_LARGER_ERROR`, and a stretch the root of an eigenvalue.
    """
    kept = CHANCE_OF_A_LARGER_ERROR / (0.824 * math.sqrt(numbers))
    return kept ** (-1 / (2 * POWER_ITERATIONS_OF_STAGE - 1)) - 1


def log_determinants(increments: Float[Tensor, "*batch d d"]) -> Float[Tensor, "*batch"]:
    """`log det(I + A)`; nan where the determinant is not positive, as it is where a unit folds space."""
    sign, size = torch.linalg.slogdet(torch.eye(increments.shape[-1]).to(increments) + increments)
    return torch.where(sign > 0, size, torch.nan)


def _field(phi: str, x: Maps, theta: Parameters) -> tuple[int, Callable[[Tensor], Tensor]]:
    """The number of replicas, and `v`."""
    nonlinear = activation_named(phi)
    return len(theta["A"]), lambda y: velocity(nonlinear, y, theta)


def _along(
    phi: str, parameters: Parameters, stage: int, x: Maps, units: int, horizon: float
) -> Iterator[tuple[Maps, Parameters, float]]:
    """The state that enters each unit, the unit's weights, and its step."""
    nonlinear, h = activation_named(phi), CONVOLUTIONAL.block_factor(units, horizon)
    for theta in weights_of_units(parameters, stage, units):
        yield x, theta, h
        x = x + h * velocity(nonlinear, x, theta)


def _stretch(phi: str, x: Maps, theta: Parameters) -> Float[Tensor, "r n"]:
    """`|Dv(x)|`, the largest singular value."""
    r, along = _field(phi, x, theta)
    pull = vjp(along, x)[1]

    def norm(u: Tensor) -> Tensor:
        return u.unflatten(1, (r, -1)).flatten(2).norm(dim=2)  # (n, r)

    def divided(u: Tensor, by: Tensor) -> Tensor:
        return u / by.repeat_interleave(u.shape[1] // r, dim=1)[..., None, None]

    u = normals(tuple(x.shape[1:]), Stream(0, "diffeomorphisms.stages.stretch"), replicas=len(x)).to(x)
    size = norm(u)
    for _ in range(POWER_ITERATIONS_OF_STAGE):
        along_u = jvp(along, (x,), (divided(u, size),))[1]
        stretched = norm(along_u)
        u = pull(along_u)[0]
        size = norm(u)
    return stretched.T
