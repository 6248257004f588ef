"""Scaling and squaring: `exp(v)` of a stationary field from a small step, by squaring the map.

    phi_0 = id + h v,   phi_{j+1} = phi_j o phi_j,   phi_J = (id + h v)^(2^J),   h = T / 2^J

By composition this is the network of 2^J blocks that share their weights, to the last bit but rounding. On a grid
`phi_j` is kept at the nodes and interpolated between them (Arsigny, Commowick, Pennec & Ayache 2006), which adds an
error of the order of the interpolation: 2 in the spacing, for the bilinear one.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import grid_sample

Map = Callable[[Tensor], Tensor]


def squared(first: Map, squarings: int) -> Map:
    """`first` composed with itself `2^squarings` times, by composition."""
    phi = first
    for _ in range(squarings):
        phi = _twice(phi)
    return phi


def _twice(phi: Map) -> Map:
    return lambda x: phi(phi(x))


def nodes_of_grid(low: Float[Tensor, 2], high: Float[Tensor, 2], cells: int) -> Float[Tensor, "nodes nodes 2"]:
    """Nodes of a square grid: `grid[i, j] = (x_j, y_i)`, `cells + 1` a side."""
    x, y = (torch.linspace(float(a), float(b), cells + 1, dtype=low.dtype) for a, b in zip(low, high, strict=True))
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).to(low.device)


def displacement_between(
    displacement: Float[Tensor, "r nodes nodes 2"],
    x: Float[Tensor, "r n 2"],
    low: Float[Tensor, 2],
    high: Float[Tensor, 2],
) -> Float[Tensor, "r n 2"]:
    """The displacement at points between the nodes, bilinear; beyond the grid that of its edge."""
    place = (2 * (x - low) / (high - low) - 1).unsqueeze(1)
    at = grid_sample(displacement.movedim(-1, 1), place, mode="bilinear", padding_mode="border", align_corners=True)
    return at.squeeze(2).mT


def squared_on_grid(
    first: Map, squarings: int, replicas: int, low: Float[Tensor, 2], high: Float[Tensor, 2], cells: int
) -> Float[Tensor, "r nodes nodes 2"]:
    """The displacement `phi_J - id` at the nodes, where `phi_0 = first`, a map of (r, n, 2).

    Points must stay well inside the grid: what leaves it sees the displacement of the edge.
    """
    nodes = nodes_of_grid(low, high, cells).reshape(1, -1, 2).expand(replicas, -1, -1)
    shape = (replicas, cells + 1, cells + 1, 2)
    u = first(nodes) - nodes
    for _ in range(squarings):
        u = u + displacement_between(u.reshape(shape), nodes + u, low, high)
    return u.reshape(shape)
