"""Networks without the factor sqrt(h): what the scaled ones are held against.

unscaled        x <- x + phi(W psi(x) + b)      W_ij ~ N(0, sigma_w^2 / D): `Network` at horizon L, where h = 1
feed-forward    x <- phi(W psi(x) + b)          the same weights, no skip connection
stopped         either, standing still once it has exploded: no number overflows
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ...networks.activations import activation
from ...sampling.law import Isotropic
from ...sampling.schemes import Network
from ...sampling.walk import Scheme
from ...settings import Sde
from .claims.settings import sizes
from .claims.unscaled import PLAIN_CRITICAL, PLAIN_ORDERED, UNSCALED_SWISH, UNSCALED_TANH, UNSCALED_TANH_UNIT

EXPLODED = 1e24
"""`|x|^2 / D` beyond which a network stands still: float32 holds the squares of what one more layer makes of it."""


@dataclass(frozen=True)
class FeedForward:
    """`phi(W psi(x) + b)`."""

    phi: str
    psi: str = "identity"

    def features(self, x: Tensor) -> Tensor:
        return activation(self.psi)(x)

    def step(self, x: Tensor, features: Tensor, z: Tensor, h: float) -> Tensor:
        return activation(self.phi)(z)


@dataclass(frozen=True)
class Stopped:
    """A scheme that leaves all inputs of a network where they are once one of them has exploded."""

    scheme: Scheme

    def features(self, x: Tensor) -> Tensor:
        return self.scheme.features(x)

    def step(self, x: Tensor, features: Tensor, z: Tensor, h: float) -> Tensor:
        return torch.where(moving(x)[:, None, None], self.scheme.step(x, features, z, h), x)


def moving(x: Tensor) -> Tensor:
    """Which networks have not exploded, (r,), from their states (r, n, d)."""
    return (x.square().mean(dim=-1) <= EXPLODED).all(dim=1)


@dataclass(frozen=True)
class Sampled:
    """A kind of network to sample: scheme, law of the weights of unit time, horizon, and the keys that it pins."""

    scheme: Scheme
    law: Isotropic
    horizon: float
    pins: Mapping[str, Any]

    def start(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """The inputs, where the norm is pinned of that norm."""
        if "sde.norm" not in self.pins:
            return x
        return x * (self.pins["sde.norm"] * x.shape[-1]) ** 0.5 / x.norm(dim=-1, keepdim=True).clamp_min(1e-30)


def scaled(settings: Sde) -> Sampled:
    """The network of the settings."""
    own = sizes(settings)
    network = Network(settings.activation, settings.activation_inside)
    return Sampled(network, Isotropic(own.sigma_w, own.sigma_b), settings.horizon, {})


def unscaled_tanh(depth: int) -> Sampled:
    return _pinned(Network("tanh"), depth, UNSCALED_TANH)


def unscaled_tanh_unit(depth: int) -> Sampled:
    return _pinned(Network("tanh"), depth, UNSCALED_TANH_UNIT)


def unscaled_swish(depth: int) -> Sampled:
    return _pinned(Stopped(Network("swish")), depth, UNSCALED_SWISH)


def critical(depth: int) -> Sampled:
    return _pinned(FeedForward("tanh"), depth, PLAIN_CRITICAL)


def ordered(depth: int) -> Sampled:
    return _pinned(FeedForward("tanh"), depth, PLAIN_ORDERED)


def _pinned(scheme: Scheme, depth: int, pins: Mapping[str, Any]) -> Sampled:
    return Sampled(scheme, Isotropic(pins["init.sigma_w"], pins["init.sigma_b"]), float(depth), pins)


def thinned(depth: int) -> range:
    """At most 64 layers k = 0, ..., L-1, evenly apart."""
    return range(0, depth, -(-depth // 64))
