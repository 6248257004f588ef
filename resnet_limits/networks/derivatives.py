"""Activations with their first two derivatives, in numpy: `phi`, `phi'`, `phi''` elementwise.

For hand-written derivatives of networks, where torch's overhead a call would be most of the time. The names are those
of `settings.ACTIVATIONS`. Where relu has no derivative it is 0 here, as in torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import erf, expit

Elementwise = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Activation:
    """`phi`, and `derivatives(z) = (phi'(z), phi''(z))`."""

    phi: Elementwise
    derivatives: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def _tanh(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    phi = np.tanh(z)
    slope = 1 - phi * phi
    return slope, -2 * phi * slope


def _swish(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    s = expit(z)
    ds = s * (1 - s)
    return s + z * ds, ds * (2 + z * (1 - 2 * s))


def _gelu(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return _normal(z) + z * density, density * (2 - z * z)


def _normal(z: np.ndarray) -> np.ndarray:
    return np.asarray((1 + erf(z / math.sqrt(2))) / 2)


DIFFERENTIATED: dict[str, Activation] = {
    "tanh": Activation(np.tanh, _tanh),
    "swish": Activation(lambda z: np.asarray(z * expit(z)), _swish),
    "relu": Activation(lambda z: np.maximum(z, 0.0), lambda z: ((z > 0).astype(z.dtype), np.zeros_like(z))),
    "gelu": Activation(lambda z: z * _normal(z), _gelu),
    "identity": Activation(lambda z: z, lambda z: (np.ones_like(z), np.zeros_like(z))),
}
