"""What a law of the weights over depth is."""

from __future__ import annotations

from dataclasses import dataclass

from ...settings.keys import key


@dataclass
class Init:
    """A law of the weights over depth."""

    name: str


@dataclass
class Random(Init):
    """A law with weights of variance `sigma_w^2 / fan_in` and biases of variance `sigma_b^2` at every time."""

    sigma_w: float = key(1.0, "size of the weights: entries have variance sigma_w^2 / fan-in", low=0, high=100)
    sigma_b: float = key(0.5, "size of the biases: entries have variance sigma_b^2", low=0, high=100)
