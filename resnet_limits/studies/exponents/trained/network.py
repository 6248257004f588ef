"""The networks of Cohen, Cont, Rossier & Xu (arXiv 2105.12245), trained side by side in one job.

    h_{k+1} = h_k + delta_k phi(A_k h_k + b_k),    k = 0..L-1;    J = mean |h_L - y|^2 / 2
    delta   one number, or one a layer, learnt;    h_0: the point, y: the target, both in R^D

There is no trained read-in and read-out: points come through a fixed embedding, and labels, or targets of fewer
coordinates, fill up the first coordinates of y. In the words of the house a block is `V phi(W h + b)` with V = delta I.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ....data.dataset import Dataset
from ....data.loading import embed
from ....networks.blocks import field
from ....networks.blocks.two import TwoBlock
from ....networks.classifier import TRUNK
from ....networks.vector_field import VectorField
from ....random import Stream, generator, normals
from .points import SIDES_OF_EMBEDDING, STRIDE_OF_EMBEDDING

Parameters = dict[str, Tensor]


@dataclass(frozen=True)
class ScaledBlocks:
    """`h + delta phi(A h + b)` at a depth and a width: what is drawn, and what of it is trained."""

    depth: int
    width: int
    activation: str
    shared: bool

    @property
    def field(self) -> VectorField:
        return field(TwoBlock(hidden=self.width), self.activation, self.width)

    def start(self, size: float, *, replicas: int, seed: int, dtype: torch.dtype) -> Parameters:
        """`delta = 1/L` shared, else `N(0, 1/L^2)`; `A ~ N(0, (size/(L D))^2)`, `b ~ N(0, (size/L)^2 / D)`."""

        def drawn(name: str, *shape: int) -> Tensor:
            stream = Stream(seed, f"exponents.trained.{name}")
            return normals((self.depth, *shape), stream, replicas=replicas, dtype=dtype)

        delta = torch.ones(replicas, 1, 1, dtype=dtype) if self.shared else drawn("delta", 1)
        A, b = drawn("A", self.width, self.width), drawn("b", self.width)
        return {
            f"{TRUNK}V": delta / self.depth,
            f"{TRUNK}W": A * (size / (self.depth * self.width)),
            f"{TRUNK}b": b * (size / (self.depth * self.width**0.5)),
        }

    def network(self, parameters: Mapping[str, Tensor]) -> Parameters:
        """The parameters of a residual network of the house: `V_k = delta_k I`, read in and out as it stands."""
        delta = parameters[f"{TRUNK}V"]
        replicas, one = len(delta), torch.eye(self.width, dtype=delta.dtype, device=delta.device)
        V = (delta.transpose(0, 1)[..., None] * one).expand(self.depth, -1, -1, -1).transpose(0, 1)
        ends = {"W": one.expand(replicas, -1, -1), "b": delta.new_zeros(replicas, self.width)}
        read = {f"{where}.{name}": value for where in ("read_in", "read_out") for name, value in ends.items()}
        return {**parameters, f"{TRUNK}V": V, **read}


def in_state_space(dataset: Dataset, width: int, *, seed: int) -> Dataset:
    """Points and targets in R^D: points as they stand where they have D coordinates, else `embed`; targets, or 1 in
    the place of the label, and 0 in all others."""

    def placed(x: Tensor) -> Tensor:
        return x if x.shape[1] == width else embed(x, width, seed=seed)

    def target(y: Tensor) -> Tensor:
        y = functional.one_hot(y, dataset.classes).to(dataset.x_train.dtype) if dataset.is_classification else y
        return functional.pad(y, (0, width - y.shape[1]))

    return replace(
        dataset,
        x_train=placed(dataset.x_train),
        y_train=target(dataset.y_train),
        x_test=placed(dataset.x_test),
        y_test=target(dataset.y_test),
        classes=0,
    )


def through_convolutions(dataset: Dataset, shape: tuple[int, int, int], *, seed: int) -> Dataset:
    """Images through two fixed random convolutions, of length one: 28 x 28 pixels become 25 features.

    Kernels of side 5 and 3 with stride 2 and one channel, entries `N(0, 1/fan-in)`.
    """
    channels = (shape[0], 1)
    kernels = [
        torch.from_numpy(generator(seed, "exponents.trained.embedding", i).standard_normal((1, into, side, side)))
        / (into * side**2) ** 0.5
        for i, (into, side) in enumerate(zip(channels, SIDES_OF_EMBEDDING, strict=True))
    ]

    def features(x: Float[Tensor, "n features"]) -> Float[Tensor, "n fewer"]:
        images = x.view(-1, *shape)
        for kernel in kernels:
            images = functional.conv2d(images, kernel.to(x), stride=STRIDE_OF_EMBEDDING)
        return functional.normalize(images.flatten(1), dim=1)

    return replace(dataset, x_train=features(dataset.x_train), x_test=features(dataset.x_test))
