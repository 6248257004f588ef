"""Blocks of layers with an affine map of features between one and the next, each block with its own decay.

    J = sum_b nu_b/2 L_b sum_s |w_{b,s}|^2 + ridge/2 sum_b |V_b|^2 + loss(q_B),      q_{b+1,0} = V_b f(q_{b,L_b})

in scaled variables `u`: `sqrt(nu_b L_b) w_{b,s}` of each block, `sqrt(ridge) V_b` of each map, so that the penalty is
`|u|^2/2`. Values and gradients are torch's, products with the Hessian by hand; momenta are a recursion of their own.
Source: Owhadi 2020, arXiv 2008.03920.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...limits.hamiltonian.kernels.features import FeaturesKernel
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
        """J, of a float64 tensor that torch can differentiate."""
        return u.square().sum() / 2 + self.blocks[-1].loss.value(self.states(self.parameters(u))[-1][-1])

    def value_and_gradient(self, u: Float[np.ndarray, " m"]) -> tuple[float, Float[np.ndarray, " m"]]:
        z = torch.from_numpy(np.array(u)).requires_grad_()
        value = self.value(z)
        (gradient,) = torch.autograd.grad(value, z)
        return float(value.detach()), gradient.numpy()

    def hessian(self, u: Float[np.ndarray, " m"]) -> Callable[[np.ndarray], np.ndarray]:
        """By hand: layers and maps forwards, and the other way."""
        parameters = self.parameters(torch.from_numpy(np.array(u)))
        states, chain = self.states(parameters), []
        of, last = self.blocks[-1].loss.hessian(states[-1][-1]), len(self.blocks) - 1
        costate = self.blocks[-1].loss.gradient(states[-1][-1])
        for b in reversed(range(last + 1)):
            if b < last:
                chain.append(MapLinearised(self._features, parameters.V[b], states[b][-1], costate))
                costate = chain[-1].costate
            chain.append(self.blocks[b].linearised(parameters.w[b], states[b], costate))
            costate = chain[-1].costate
        chain.reverse()

        def product(v: np.ndarray) -> np.ndarray:
            along = self.parameters(torch.from_numpy(np.ascontiguousarray(v)))
            steps = [x for pair in zip_longest(along.w, along.V) for x in pair if x is not None]
            moved, inside, gradients = torch.zeros_like(states[0][0]), [], []
            for part, dw in zip(chain, steps, strict=True):
                moved, tangents = part.push(dw, moved)
                inside.append(tangents)
            carried = of(moved)
            for part, dw, tangents in reversed(list(zip(chain, steps, inside, strict=True))):
                gradient, carried = part.pull(dw, tangents, carried)
                gradients.append(gradient)
            gradients.reverse()
            return v + self.scaled_gradient(gradients[::2], gradients[1::2])

        return product

    @property
    def _features(self) -> FeaturesKernel:
        kernel = self.blocks[0].kernel
        assert isinstance(kernel, FeaturesKernel)
        return kernel

    def scaled_gradient(self, w: Sequence[Tensor], V: Sequence[Tensor]) -> Float[np.ndarray, " m"]:
        """The gradient by the scaled variables, from those by `w` and `V`."""
        of_blocks = [x / (block.decay * block.depth) ** 0.5 for block, x in zip(self.blocks, w, strict=True)]
        return torch.cat([x.flatten() for x in (*of_blocks, *(x / self.ridge**0.5 for x in V))]).numpy()

    def momenta(self, parameters: Parameters, states: list[list[Tensor]], nus: Sequence[float]) -> list[Tensor]:
        """`P_{b,s} = -(1/nu_b) dJ/dq_{b,s}` of each block, by the recursion from the loss on."""
        last, nu = self.blocks[-1], nus[-1]
        momenta = [last.momenta(parameters.w[-1], states[-1], nu)]
        for b in reversed(range(len(self.blocks) - 1)):
            block, q = self.blocks[b], states[b][-1]
            end = nus[b + 1] / nus[b] * block.carried(q, momenta[-1][0], parameters.V[b])
            momenta.append(block.momenta_from(end, parameters.w[b], states[b]))
        return momenta[::-1]


class MapLinearised:
    """Of the map `f(q) V^T` between two blocks, which ends in this costate."""

    def __init__(self, kernel: FeaturesKernel, V: Tensor, q: Tensor, costate: Tensor) -> None:
        self.d = d = q.shape[-1]
        a, self.f, self.V, self.ahead = kernel.activation, kernel.of_points(q), V[:, :d], costate
        self.slope = a.slope(q, self.f[:, :d])
        self.costate = self.slope * (costate @ self.V)
        self.bend = a.curvature(q, self.f[:, :d]) * (costate @ self.V)

    def push(self, dw: Tensor, moved: Tensor) -> tuple[Tensor, Tensor]:
        return (self.slope * moved) @ self.V.T + self.f @ dw.T, moved

    def pull(self, dw: Tensor, tangents: Tensor, carried: Tensor) -> tuple[Tensor, Tensor]:
        dg = carried.T @ self.f
        dg[:, : self.d] += self.ahead.T @ (self.slope * tangents)
        back = self.slope * (carried @ self.V + self.ahead @ dw[:, : self.d])
        return dg, back + self.bend * tangents


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
