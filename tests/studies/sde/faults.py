"""Faults to plant in the sampler of the study `sde`.

How often tests of the study would fail by chance, were their seeds not fixed: samples are held against independent
references at 5 standard errors, 6e-7 a two-sided test, or 5.5 where it is several tests at once, 4e-8. With less than a
hundred of them that is below 1e-4 in all. Verdicts, whose intervals are of 95 %, are asserted at sizes where they
are clear.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from resnet_limits.random import Stream
from resnet_limits.sampling.layer_law import Isotropic
from resnet_limits.sampling.schemes import ShallowNetwork
from tests.planting import plant_method

ACT, DRAW, TRANSPOSED, STEP = Isotropic.act, Isotropic.draw, Isotropic.transposed, ShallowNetwork.step


def dt_for_its_root(patch: pytest.MonkeyPatch) -> None:
    """Weights of variance h^2 in place of h."""

    def act(law: Any, vectors: Tensor, biased: Tensor, h: float, stream: Stream) -> Tensor:
        return math.sqrt(h) * ACT(law, vectors, biased, h, stream)

    plant_method(patch, Isotropic, "act", act)


def noise_of_its_own_for_each_input(patch: pytest.MonkeyPatch, inputs: int | None = 2) -> None:
    """Inputs that do not share the weights; the depths of one input still do. None: nor do they."""

    def act(law: Any, vectors: Tensor, biased: Tensor, h: float, stream: Stream) -> Tensor:
        z = torch.empty_like(vectors)
        n = inputs or vectors.shape[1]
        for i in range(n):
            z[:, i::n] = ACT(law, vectors[:, i::n], biased[i::n], h, stream.part(f" {i}"))
        return z

    plant_method(patch, Isotropic, "act", act)


def noise_of_its_own_for_each_depth(patch: pytest.MonkeyPatch, inputs: int = 2, depths: int = 2) -> None:
    """Networks that are not coupled."""

    def act(law: Any, vectors: Tensor, biased: Tensor, h: float, stream: Stream) -> Tensor:
        n = vectors.shape[1] // depths
        parts = zip(vectors.split(n, dim=1), biased.split(n), strict=True)
        return torch.cat([ACT(law, v, b, h, stream.part(f" {i}")) for i, (v, b) in enumerate(parts)], dim=1)

    plant_method(patch, Isotropic, "act", act)


def wrong_drift(patch: pytest.MonkeyPatch) -> None:
    """A drift of 2 that the network does not have."""

    def step(scheme: Any, x: Tensor, features: Tensor, z: Tensor, h: float) -> Tensor:
        return STEP(scheme, x, features, z, h) + 2 * h

    plant_method(patch, ShallowNetwork, "step", step)


def weights_too_large(patch: pytest.MonkeyPatch, factor: float = 1.1) -> None:
    """Weights and biases of a size `factor` times that of the settings."""

    def act(law: Any, vectors: Tensor, biased: Tensor, h: float, stream: Stream) -> Tensor:
        return factor * ACT(law, vectors, biased, h, stream)

    plant_method(patch, Isotropic, "act", act)


def other_sizes(patch: pytest.MonkeyPatch, weights: float = 1.0, biases: float = 1.0) -> None:
    """Standard deviations of weights and biases times these factors, forward and backward."""

    def wrong(law: Isotropic) -> Isotropic:
        return Isotropic(weights * law.sigma_w, biases * law.sigma_b)

    plant_method(patch, Isotropic, "act", lambda law, *a, **more: ACT(wrong(law), *a, **more))
    plant_method(patch, Isotropic, "draw", lambda law, *a, **more: DRAW(wrong(law), *a, **more))
    plant_method(patch, Isotropic, "transposed", lambda law, *a, **more: TRANSPOSED(wrong(law), *a, **more))


def weights_a_fifth_smaller(patch: pytest.MonkeyPatch) -> None:
    """`sigma_w` off by 20 %."""
    other_sizes(patch, weights=0.8)


def weights_a_fifth_larger(patch: pytest.MonkeyPatch) -> None:
    """`sigma_w` off by 20 %."""
    other_sizes(patch, weights=1.2)


def half_the_variance_of_the_biases(patch: pytest.MonkeyPatch) -> None:
    """`sigma_b^2` halved."""
    other_sizes(patch, biases=math.sqrt(0.5))
