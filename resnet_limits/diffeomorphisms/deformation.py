"""A grid of the plane, and points in it, deformed layer by layer by a network; and a grid of its outputs carried back.

Folds are looked for block by block: a node is marked from the first block on whose determinant is not positive there.
The determinant of the whole map is the product of those of the blocks; its sign alone would miss two folds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..engines import default_engine
from ..networks.steps.step import Field, Step
from .inverse import invert
from .jacobians import block_determinants, increments_of, jacobians_at
from .squaring import nodes_of_grid

MARGIN_OF_WIDTH = 0.05
"""By how much of its width a grid is wider, on each side, than the points in it."""
INVERSE_TOLERANCE = 1e-9
"""Of inverse blocks by fixed-point iteration: a picture shows no more."""


@dataclass(frozen=True)
class Deformation:
    """`nodes` (layers, side, side, 2) and `points` (layers, n, 2) at the chosen layers; `folded` (layers, side, side),
    1 where a block has folded space up to there, else 0; `determinant` (side, side) of the whole map at the nodes."""

    nodes: Tensor
    points: Tensor
    folded: Tensor
    determinant: Tensor


def box(points: Float[Tensor, "*batch d"]) -> tuple[Float[Tensor, 2], Float[Tensor, 2]]:
    """Least and largest coordinates of a rectangle around points of the plane, with a margin.

    Raises `ValueError` for points of another space: a grid is drawn in the plane.
    """
    if points.shape[-1] != 2:
        raise ValueError(f"a grid is drawn in the plane; these points have {points.shape[-1]} coordinates, not 2")
    flat = points.reshape(-1, 2)
    low, high = flat.amin(dim=0), flat.amax(dim=0)
    margin = MARGIN_OF_WIDTH * (high - low)
    return low - margin, high + margin


@torch.no_grad()
def deformed(
    field: Field,
    step: Step,
    points: Float[Tensor, "n d"],
    weights: Mapping[str, Tensor],
    h: float,
    *,
    side: int,
    layers: Sequence[int],
) -> Deformation:
    """A grid around the points, and the points, at these layers. `weights[name]` is `(1, sets, *shape)`."""
    nodes = nodes_of_grid(*box(points), side - 1).reshape(1, -1, 2)
    trajectory = default_engine().states(field, step, nodes, weights, h)
    determinants = block_determinants(increments_of(jacobians_at(field, step, trajectory[:-1], weights, h)))
    carried = default_engine().states(field, step, points[None], weights, h)
    return _shown(trajectory, carried, determinants, layers, side)


@torch.no_grad()
def carried_back(
    field: Field,
    step: Step,
    outputs: Float[Tensor, "n d"],
    weights: Mapping[str, Tensor],
    h: float,
    *,
    side: int,
    layers: Sequence[int],
    exact: bool,
) -> Deformation:
    """A grid around the outputs of the network, and the outputs, carried back through its blocks; layers count from
    the end of the network.

    `exact`: by the inverse of each block, whose determinant is that of the block, inverted; raises `NotInverted` where
    a block has none that is found. Else by the steps with -h, which invert no more than the scheme does.
    """
    nodes = nodes_of_grid(*box(outputs), side - 1).reshape(1, -1, 2)
    if exact:
        trajectory, carried = (
            invert(field, step, y, weights, h, tolerance=INVERSE_TOLERANCE).flip(0) for y in (nodes, outputs[None])
        )
        jacobians = jacobians_at(field, step, trajectory.flip(0)[:-1], weights, h)
        determinants = 1 / block_determinants(increments_of(jacobians)).flip(0)
    else:
        reversed_weights = {name: w.flip(1) for name, w in weights.items()}
        trajectory, carried = (
            default_engine().states(field, step, y, reversed_weights, -h) for y in (nodes, outputs[None])
        )
        jacobians = jacobians_at(field, step, trajectory[:-1], reversed_weights, -h)
        determinants = block_determinants(increments_of(jacobians))
    return _shown(trajectory, carried, determinants, layers, side)


def _shown(
    trajectory: Float[Tensor, "states 1 nodes 2"],
    carried: Float[Tensor, "states 1 n 2"],
    determinants: Float[Tensor, "blocks 1 nodes"],
    layers: Sequence[int],
    side: int,
) -> Deformation:
    chosen = list(layers)
    so_far = torch.cumsum((~(determinants > 0)).double(), dim=0).clamp(max=1)
    folded = torch.cat([torch.zeros_like(so_far[:1]), so_far])
    return Deformation(
        trajectory[chosen, 0].unflatten(1, (side, side)),
        carried[chosen, 0],
        folded[chosen, 0].unflatten(1, (side, side)),
        determinants.prod(dim=0)[0].unflatten(0, (side, side)),
    )
