"""Smooth weights: a stationary Gaussian process in time, as an analytic function."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..fixed_shape import product
from .path import Draw, checked

GUARD_LENGTHS = 8.0
"""Correlation lengths added to the horizon: the covariance at that distance, e^-32, is the periodisation error."""

SPECTRUM_CUT = 1e-16
"""Modes with a smaller share of the largest one's variance are dropped."""


@dataclass(frozen=True)
class SmoothPath:
    """`theta(t) = sum_j b_j(t) c_j` with `b_j(t) = weight_j cos(frequency_j t - phase_j)` and `sum_j b_j(t)^2 = 1`.

    coefficients: (R, J, *shape), independent N(0, sigma^2); `at` is linear and differentiable in them. For a path
        with other coefficients: `dataclasses.replace(path, coefficients=...)`.
    weight, frequency, phase: (J,), float64; a function of correlation length and horizon alone.
    """

    coefficients: Float[Tensor, "R J *shape"]
    weight: Float[Tensor, " J"]
    frequency: Float[Tensor, " J"]
    phase: Float[Tensor, " J"]
    horizon: float
    first_replica: int = 0

    def basis(self, times: Float[Tensor, " *times"]) -> Float[Tensor, "n J"]:
        """`b_j(t_i)` in the dtype of the coefficients, computed in float64; differentiable in the times."""
        return (self.weight * self._angle(times).cos()).to(self.coefficients.dtype)

    def at(self, times: Float[Tensor, " *times"]) -> Float[Tensor, "R n *shape"]:
        return self._combined(self.basis(times))

    def rate(self, times: Float[Tensor, " *times"]) -> Float[Tensor, "R n *shape"]:
        """`theta'(t_i)`, by the derivatives of the basis."""
        derivatives = self.weight * (self.frequency * -self._angle(times).sin())
        return self._combined(derivatives.to(self.coefficients.dtype))

    def _angle(self, times: Tensor) -> Float[Tensor, "n J"]:
        return torch.outer(checked(times, self.horizon).to(self.weight), self.frequency) - self.phase

    def _combined(self, basis: Float[Tensor, "n J"]) -> Float[Tensor, "R n *shape"]:
        """The sum of the coefficients, each times its function's values."""
        coefficients = self.coefficients.flatten(2)
        if len(basis) == 1:  # what an ODE solver asks for
            values = (basis.mT * coefficients).sum(dim=1, keepdim=True)
        else:
            values = product(basis.expand(len(coefficients), *basis.shape), coefficients, first=self.first_replica)
        return values.unflatten(2, self.coefficients.shape[2:])


def smooth_path(correlation: float, draw: Draw) -> SmoothPath:
    """Gaussian process with covariance `sigma^2 exp(-(t - s)^2 / (2 l^2))`, l = `correlation` in units of time.

    A random Fourier series on a circle of length `P = horizon + 8 l`, on which the periodised covariance has the
    spectrum `s_k = (sqrt(2 pi) l / P) exp(-(2 pi k l / P)^2 / 2)` (circulant embedding: Wood & Chan 1994; Dietrich &
    Newsam 1997). The series is the process at any time, without a grid; the periodisation is off by e^-32 = 1e-14.
    About `2.7 (horizon / l + 8)` modes.
    """
    period = draw.horizon + GUARD_LENGTHS * correlation
    modes = math.ceil(math.sqrt(-2 * math.log(SPECTRUM_CUT)) * period / (2 * math.pi * correlation))
    k = torch.arange(1, modes + 1, dtype=torch.float64)
    frequency = 2 * math.pi * k / period
    spectrum = (-((frequency * correlation) ** 2) / 2).exp()
    constant = math.sqrt(2 * math.pi) * correlation / period
    # Modes in the order 1, cos, sin, cos, sin, ...: low frequencies first. sin(x) is read as cos(x - pi/2).
    zero = torch.zeros(1, dtype=torch.float64)
    weight = torch.cat([zero + math.sqrt(constant), (2 * constant * spectrum).sqrt().repeat_interleave(2)])
    phase = torch.cat([zero, torch.tensor([0.0, math.pi / 2], dtype=torch.float64).repeat(modes)])
    frequency = torch.cat([zero, frequency.repeat_interleave(2)])
    return SmoothPath(
        coefficients=draw.sigma * draw.normals((len(weight), *draw.shape)),
        weight=weight.to(draw.device),
        frequency=frequency.to(draw.device),
        phase=phase.to(draw.device),
        horizon=draw.horizon,
        first_replica=draw.stream.first_replica,
    )
