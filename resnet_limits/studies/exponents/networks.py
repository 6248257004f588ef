"""`h_{k+1} = h_k + L^-beta f(h_k, theta_k)` from one input, forwards and backwards; all beta share weights.

Layers that are independent, `V phi(W h)` and `V phi(h)` without biases, are sampled without their matrices
(`LayerByLayer`): given `h`, `W h` has independent entries of variance `sigma^2 |h|^2/D`, and given that, on the way
back,

    W^T a = (sigma/sqrt(D)) (q <w, a> + |a| (I - q q^T) n),      q = h/|h|,  w = W q sqrt(D)/sigma,  n fresh normals

All other laws and blocks have full matrices (`WithMatrices`), drawn once for all beta. The gradient at the output, `g`,
is a unit vector, independent of the weights: that of a loss of `h_L` would be another law.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ... import device
from ...engines import default_engine
from ...networks.activations import activation_named
from ...networks.blocks import field
from ...networks.blocks.outside import OutsideBlock
from ...networks.blocks.two import TwoBlock
from ...networks.steps.euler import Euler
from ...networks.vector_field import VectorField
from ...paths.draw import draw_path
from ...random import Stream
from ...sampling.noise import noise
from ...sampling.pieces import on_tape
from .settings import Exponents

MEGABYTES_OF_ACTIVATIONS = 64.0
"""Activations kept for a backward pass through full matrices."""
NUMBERS_OF_WEIGHTS = 2**24
"""Weights of the networks that are drawn at a time."""


@dataclass(frozen=True)
class Passes:
    """Of each beta and replica: the last state, (betas, r, d), and the gradient at the input of the unit gradient
    `g` (r, d) at the output. `start` (d,) is the input."""

    start: Float[Tensor, " d"]
    states: Float[Tensor, "betas r d"]
    gradients: Float[Tensor, "betas r d"]
    g: Float[Tensor, "r d"]


class Networks(Protocol):
    """Random networks of one setting."""

    def passes(self, betas: Sequence[float], depth: int, replicas: int) -> Iterator[Passes]:
        """Forward and backward passes, a piece of the replicas at a time."""
        ...


def random_networks(settings: Exponents) -> Networks:
    """The networks of a setting, by whichever way is open to them."""
    kind, law = type(settings.block), settings.init
    is_known = kind in (TwoBlock, OutsideBlock) and law.unless("isotropic", "") is None
    return (LayerByLayer if is_known and not law.sizes().sigma_b else WithMatrices)(settings)


def orthogonal_inputs(settings: Exponents, count: int) -> Float[Tensor, "n d"]:
    """Orthogonal inputs with `|h|^2 = D`, drawn once a seed."""
    normals = noise((settings.width, count), Stream(settings.seed, "exponents.inputs"), replicas=1, dtype=torch.float64)
    frame = torch.linalg.qr(normals[0]).Q.T * math.sqrt(settings.width)
    return frame.to(device.resolve(settings.device), getattr(torch, settings.dtype)).contiguous()


def factors(betas: Sequence[float], depth: int, like: Tensor) -> Float[Tensor, "betas 1 1"]:
    """`L^-beta`."""
    return torch.tensor([depth**-beta for beta in betas], dtype=like.dtype, device=like.device).view(-1, 1, 1)


def output_gradients(like: Float[Tensor, " d"], stream: Stream, replicas: int) -> Float[Tensor, "r d"]:
    """Unit vectors, independent of the weights."""
    normals = _normals(len(like), stream.part(" output"), replicas, like)
    return normals / _size(normals)


@dataclass(frozen=True)
class LayerByLayer:
    """Networks of independent layers, sampled without their matrices."""

    settings: Exponents

    def passes(self, betas: Sequence[float], depth: int, replicas: int) -> Iterator[Passes]:
        start = orthogonal_inputs(self.settings, 1)[0]
        two, d = type(self.settings.block) is TwoBlock, self.settings.width
        inner = self.settings.block.hidden if isinstance(self.settings.block, TwoBlock) else 0
        for first, count in on_tape(replicas, len(betas) * depth * (d + inner)):
            stream = Stream(self.settings.seed, f"exponents.layers {depth}", first_replica=first)
            g = output_gradients(start, stream, count)
            f = factors(betas, depth, start)
            walk = _TwoMatrices if two else _OneMatrix
            layers = walk(self.settings.activation, self.settings.init.sizes().sigma_w, d, inner, stream, count)
            h, taken = start.expand(len(betas), count, d), []
            for k in range(depth):
                h, kept = layers.forward(k, h, f)
                taken.append(kept)
            p = g.expand(len(betas), count, d)
            for k in reversed(range(depth)):
                p = layers.backward(k, p, taken.pop(), f)
            yield Passes(start, h, p, g)


@dataclass(frozen=True)
class _OneMatrix:
    """Layers `V phi(h)`."""

    activation: str
    sigma: float
    width: int
    inner: int
    stream: Stream
    replicas: int

    def forward(self, k: int, h: Tensor, f: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        y = activation_named(self.activation)(h)
        return h + f * self._image("V", k, y, self.width), (h, y)

    def backward(self, k: int, p: Tensor, kept: tuple[Tensor, ...], f: Tensor) -> Tensor:
        h, y = kept
        return p + f * activation_named(self.activation).slope(h, y) * self._transposed("V", k, p, y)

    def _image(self, name: str, k: int, x: Tensor, rows: int) -> Tensor:
        """`M x` for the matrix M of this name in layer k."""
        known = _normals(rows, self.stream.part(f" {name}").at(k), self.replicas, x)
        return known * (self.sigma / math.sqrt(x.shape[-1]) * _size(x))

    def _transposed(self, name: str, k: int, a: Tensor, x: Tensor) -> Tensor:
        """`M^T a`, of which `M x` is known."""
        stream, size = self.stream.part(f" {name}").at(k), _size(x)
        q = x / torch.where(size > 0, size, 1.0)
        known = _normals(a.shape[-1], stream, self.replicas, x)
        n = _size(a) * _normals(x.shape[-1], stream.part(" backward"), self.replicas, x)
        return (n + q * (_dot(known, a) - _dot(q, n))) * (self.sigma / math.sqrt(x.shape[-1]))


@dataclass(frozen=True)
class _TwoMatrices(_OneMatrix):
    """Layers `V phi(W h)`."""

    def forward(self, k: int, h: Tensor, f: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        z = self._image("W", k, h, self.inner)
        y = activation_named(self.activation)(z)
        return h + f * self._image("V", k, y, self.width), (h, z)

    def backward(self, k: int, p: Tensor, kept: tuple[Tensor, ...], f: Tensor) -> Tensor:
        h, z = kept
        y = activation_named(self.activation)(z)
        a = activation_named(self.activation).slope(z, y) * self._transposed("V", k, p, y)
        return p + f * self._transposed("W", k, a, h)


def _normals(size: int, stream: Stream, replicas: int, like: Tensor) -> Float[Tensor, "r size"]:
    return noise((size,), stream, replicas=replicas, dtype=like.dtype, device=like.device)


def _size(x: Tensor) -> Tensor:
    return torch.linalg.vector_norm(x, dim=-1, keepdim=True)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(dim=-1, keepdim=True)


@dataclass(frozen=True)
class WithMatrices:
    """Networks of any law and block, with full matrices."""

    settings: Exponents

    def passes(self, betas: Sequence[float], depth: int, replicas: int) -> Iterator[Passes]:
        settings, start = self.settings, orthogonal_inputs(self.settings, 1)[0]
        vector_field = field(settings.block, settings.activation, settings.width)
        for first, weights in drawn_weights(settings, vector_field.shapes, depth, replicas):
            count = len(next(iter(weights.values())))
            g = output_gradients(start, Stream(settings.seed, "exponents.layers", first_replica=first), count)
            states, gradients = [], []
            for beta in betas:
                x0 = start.expand(count, 1, -1).clone().requires_grad_()
                trunk = default_engine().trunk(MEGABYTES_OF_ACTIVATIONS)
                x = trunk(vector_field, Euler(), x0, weights, depth**-beta)
                (p,) = torch.autograd.grad(x, x0, g.unsqueeze(1))
                states.append(x.detach()[:, 0])
                gradients.append(p[:, 0])
            yield Passes(start, torch.stack(states), torch.stack(gradients), g)


def layer_weights(
    settings: Exponents, shapes: dict[str, tuple[int, ...]], depth: int, first: int, count: int
) -> dict[str, Float[Tensor, "r layers *shape"]]:
    """The weights of the layers, replicas first to first + count - 1: the law's at the times k T/L."""
    like = orthogonal_inputs(settings, 1)
    path = draw_path(
        settings.init,
        shapes,
        depth=depth,
        horizon=settings.horizon,
        replicas=count,
        seed=settings.seed,
        purpose="exponents.weights",
        dtype=like.dtype,
        device=like.device,
        first_replica=first,
    )
    return path.at(torch.arange(depth, dtype=torch.float64) * (settings.horizon / depth))


def drawn_weights(
    settings: Exponents, shapes: dict[str, tuple[int, ...]], depth: int, networks: int
) -> Iterator[tuple[int, dict[str, Float[Tensor, "r layers *shape"]]]]:
    """The weights of all layers, a piece of the networks at a time, and the number of the first of them."""
    at_once = max(NUMBERS_OF_WEIGHTS // (depth * sum(map(math.prod, shapes.values()))), 1)
    for first in range(0, networks, at_once):
        yield first, layer_weights(settings, shapes, depth, first, min(at_once, networks - first))


def log_changes(
    vector_field: VectorField,
    weights: Mapping[str, Tensor],
    betas: Sequence[float] | np.ndarray,
    x0: Float[Tensor, "n d"],
) -> Float[np.ndarray, "betas r"]:
    """Half the log of the mean over inputs of `|h_L - h_0|^2/|h_0|^2`; infinite where a network exploded."""
    of_field = {name: weights[name] for name in vector_field.shapes}
    depth, start = of_field["W"].shape[1], x0.expand(len(of_field["W"]), *x0.shape)
    sizes, rows = start.double().square().sum(dim=-1), []
    for beta in betas:
        h = default_engine().forward(vector_field, Euler(), start, of_field, float(depth**-beta)).double()
        moved = ((h - start).square().sum(dim=-1) / sizes).mean(dim=-1)
        rows.append(torch.where(moved.isfinite(), moved, math.inf).log().cpu().numpy() / 2)
    return np.stack(rows) if rows else np.empty((0, len(start)))
