"""Blocks of layers with an affine map of features between one and the next, each block with its own decay.

    J = sum_b nu_b/2 L_b sum_s |w_{b,s}|^2 + ridge/2 sum_b |V_b|^2 + loss(q_B),      q_{b+1,0} = V_b f(q_{b,L_b})

in scaled variables `u`: `sqrt(nu_b L_b) w_{b,s}` of each block, `sqrt(ridge) V_b` of each map, so that the penalty is
`|u|^2/2`. Values, gradients and products with the Hessian are torch's; the momenta are a recursion of their own.
Source: Owhadi 2020, arXiv 2008.03920.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...training.continuation import ahead
from .network import WeightDecayedNetwork, refined


@dataclass(frozen=True)
class Parameters:
    """Weights `w` (L_b, d, f) of each block, and the maps `V` (d, f) between them."""

    w: list[Tensor]
    V: list[Tensor]


@dataclass(frozen=True)
class ComposedNetwork:
    """Blocks, of which each has its depth, its decay and its kernel; the first has the points, all have the loss."""

    blocks: tuple[WeightDecayedNetwork, ...]
    ridge: float

    @property
    def sizes(self) -> list[int]:
        """Of the parts of `u`: the blocks, then the maps."""
        blocks = [int(np.prod(block.shape)) for block in self.blocks]
        return [*blocks, *(int(np.prod(block.shape[1:])) for block in self.blocks[:-1])]

    def parameters(self, u: Tensor) -> Parameters:
        """`w` and `V` of the scaled variables."""
        parts, B = u.split(self.sizes), len(self.blocks)
        w = [block.weights(part / block.decay**0.5) for block, part in zip(self.blocks, parts[:B], strict=True)]
        V = [part.reshape(self.blocks[0].shape[1:]) / self.ridge**0.5 for part in parts[B:]]
        return Parameters(w, V)

    def scaled(self, w: Sequence[Tensor], V: Sequence[Tensor]) -> Float[np.ndarray, " m"]:
        """The scaled variables of `w` and `V`."""
        of_blocks = [(block.decay * block.depth) ** 0.5 * x for block, x in zip(self.blocks, w, strict=True)]
        return torch.cat([x.flatten() for x in (*of_blocks, *(self.ridge**0.5 * x for x in V))]).numpy()

    def states(self, parameters: Parameters) -> list[list[Tensor]]:
        """`q_0, ..., q_L` of each block."""
        states, q = [], self.blocks[0].q0
        for b, (block, w) in enumerate(zip(self.blocks, parameters.w, strict=True)):
            if b:
                q = block.kernel.at(q).root() @ parameters.V[b - 1].T
            states.append(block.states(w, q))
            q = states[-1][-1]
        return states

    def value(self, u: Tensor) -> Tensor:
        """J, of a float64 tensor that torch can differentiate twice."""
        return u.square().sum() / 2 + self.blocks[-1].loss.value(self.states(self.parameters(u))[-1][-1])

    def momenta(self, parameters: Parameters, states: list[list[Tensor]], nus: Sequence[float]) -> list[Tensor]:
        """`P_{b,s} = -(1/nu_b) dJ/dq_{b,s}` of each block, by the recursion from the loss on."""
        last, nu = self.blocks[-1], nus[-1]
        momenta = [last.momenta(parameters.w[-1], states[-1], nu)]
        for b in reversed(range(len(self.blocks) - 1)):
            block, q = self.blocks[b], states[b][-1]
            end = nus[b + 1] / nus[b] * block.carried(q, momenta[-1][0], parameters.V[b])
            momenta.append(block.momenta_from(end, parameters.w[b], states[b]))
        return momenta[::-1]


def refined_parameters(known: Sequence[tuple[ComposedNetwork, Parameters]], to: ComposedNetwork) -> np.ndarray:
    """Where the parameters of some networks, the deepest last, say that those of another depth are, scaled."""
    last, of = known[-1]
    w, V = [], list(of.V)
    for b, block in enumerate(to.blocks):
        paths = [(parameters.w[b] * network.blocks[b].depth).numpy() for network, parameters in known]
        w.append(torch.from_numpy(refined(paths, block.depth)) / block.depth)
    for (before, coarse), (_, fine) in pairwise(known):
        step = ahead(before.blocks[0].depth, last.blocks[0].depth, to.blocks[0].depth)
        V = [x + step * (x - y) for x, y in zip(fine.V, coarse.V, strict=True)]
    return to.scaled(w, V)
