"""Convolutional networks with all of their filters: `x_{k+1} = x_k + phi(conv2d(x_k, W_k) + b_k)`, forward and back.

    W_k (D, D, size, size) entries ~ N(0, sigma_w^2 h/(K D)), K = size^2,    b_k ~ N(0, sigma_b^2 h), one a channel
    p_k = p_{k+1} + conv2d(., W_k)^T (phi'(z_k) p_{k+1})          costates, by autograd, layer by layer

torch's convolutions with zero padding on images (n, D, rows, columns) of every network: nothing is shared with the
covariances over positions of `convolution.py`, which they are held against. They cost D^2 K normals a layer: a few
channels. In float64, where a grouped convolution is one call a network: no network rounds by its company.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ..networks.activations import activation_named
from ..random import Stream, normals
from .layer_law import Isotropic


def numbers_a_layer(x0: Float[Tensor, "n d rows columns"], size: int) -> int:
    """What `Filtered` keeps of a layer of one network."""
    return x0.numel() + x0.shape[1] * (x0.shape[1] * size**2 + 1)


class Filtered:
    """The networks of one stream, kept: states `x_0, ..., x_L` (r, n, D, rows, columns) and filters."""

    def __init__(
        self,
        phi: str,
        x0: Float[Tensor, "n d rows columns"],
        law: Isotropic,
        *,
        size: int,
        depth: int,
        horizon: float,
        replicas: int,
        stream: Stream,
    ) -> None:
        self._phi, self._padding = phi, size // 2
        d, h = x0.shape[1], horizon / depth
        scale = law.sigma_w * math.sqrt(h / (size**2 * d))
        self.states = [x0.expand(replicas, *x0.shape)]
        self._layers: list[tuple[Tensor, Tensor]] = []
        for k in range(depth):
            drawn = normals((d, d * size**2 + 1), stream.at(k), replicas=replicas, dtype=x0.dtype, device=x0.device)
            filters = scale * drawn[..., :-1].reshape(replicas * d, d, size, size)
            biases = law.sigma_b * math.sqrt(h) * drawn[..., -1].flatten()
            self._layers.append((filters, biases))
            self.states.append(self._step(self.states[-1], filters, biases))

    def costates(self, p: Float[Tensor, "r n d rows columns"]) -> Iterator[Tensor]:
        """`p_L = dJ/dx_L`, and then `p_k` for k = L-1, ..., 0."""
        yield p
        for x, layer in zip(self.states[-2::-1], self._layers[::-1], strict=True):
            x = x.detach().requires_grad_()
            with torch.enable_grad():
                (p,) = torch.autograd.grad(self._step(x, *layer), x, p)
            yield p

    def _step(self, x: Tensor, filters: Tensor, biases: Tensor) -> Tensor:
        r, d = x.shape[0], x.shape[2]
        side_by_side = x.transpose(0, 1).flatten(1, 2)  # (n, r D, rows, columns)
        z = functional.conv2d(side_by_side, filters, biases, padding=self._padding, groups=r)
        return x + activation_named(self._phi)(z.unflatten(1, (r, d)).transpose(0, 1))


def positions(x: Float[Tensor, "r n d rows columns"]) -> Float[Tensor, "r p d"]:
    """The channels at each position, image after image along the rows: p = n rows columns."""
    return x.flatten(3).transpose(2, 3).flatten(1, 2)


def on_a_lattice(x: Float[Tensor, "p d"], inputs: int, rows: int, columns: int) -> Float[Tensor, "n d rows columns"]:
    """The inverse of `positions`, of one network."""
    return x.unflatten(0, (inputs, rows * columns)).transpose(1, 2).unflatten(2, (rows, columns)).contiguous()
