"""Networks without the factor sqrt(h): what the scaled ones are held against.

unscaled        x <- x + phi(W psi(x) + b)      W_ij ~ N(0, sigma_w^2 / D): `ShallowNetwork` at horizon L, where h = 1
feed-forward    x <- phi(W psi(x) + b)          the same weights, no skip connection

Where states explode or gradients vanish exponentially, at most `MAX_UNSCALED_LAYERS` layers are sampled: no number
overflows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor

from ...networks.activations import activation_named
from ...sampling.layer_law import Isotropic
from ...sampling.schemes import Scheme, ShallowNetwork
from .outside import sizes
from .settings import Sde

MAX_UNSCALED_LAYERS = 128
"""Layers that show an exponential rate; float32 holds the squares of what they make of the pinned sizes."""


@dataclass(frozen=True)
class FeedForward:
    """`phi(W psi(x) + b)`."""

    phi: str
    psi: str = "identity"

    def features(self, x: Tensor) -> Tensor:
        return activation_named(self.psi)(x)

    def step(self, x: Tensor, features: Tensor, z: Tensor, h: float) -> Tensor:
        return activation_named(self.phi)(z)


@dataclass(frozen=True)
class Sampled:
    """A kind of network: scheme, law of the weights per unit of time, depth, horizon, and the keys that it pins."""

    scheme: Scheme
    law: Isotropic
    depth: int
    horizon: float
    pins: Mapping[str, Any]

    def start(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """The inputs, where the norm is pinned of that norm."""
        if "sde.norm" not in self.pins:
            return x
        return x * (self.pins["sde.norm"] * x.shape[-1]) ** 0.5 / x.norm(dim=-1, keepdim=True).clamp_min(1e-30)


def scaled(settings: Sde) -> Sampled:
    """The network of the settings."""
    init = sizes(settings)
    network = ShallowNetwork(settings.activation, settings.activation_inside)
    return Sampled(network, Isotropic(init.sigma_w, init.sigma_b), settings.depth, settings.horizon, {})


def without_the_factor(
    scheme: type[ShallowNetwork] | type[FeedForward], depth: int, pins: Mapping[str, Any]
) -> Sampled:
    """Steps of length 1, activation and sizes as pinned."""
    law = Isotropic(pins["init.sigma_w"], pins["init.sigma_b"])
    return Sampled(scheme(pins["activation"]), law, depth, float(depth), pins)


def thinned(depth: int) -> range:
    """At most 64 layers k = 0, ..., L-1, evenly apart."""
    return range(0, depth, -(-depth // 64))
