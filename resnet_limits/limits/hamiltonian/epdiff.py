"""The EPDiff equation on the circle, `m_t + (v m)_x + v_x m = 0`, `v = Gamma * m`, pseudo-spectral.

The momentum density `m` stands on M even points of the circle of length 2 pi. Derivatives and the convolution are
products of Fourier coefficients, products of functions are taken on the grid, and time goes by RK4. No particle occurs:
sums `sum_j P_j delta(x - q_j)` along a Hamiltonian flow are weak solutions of the same equation.

Source: Holm & Marsden 2005, arXiv nlin/0312048.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

LENGTH_OF_CIRCLE = 2 * np.pi


def grid_of_circle(count: int) -> Float[np.ndarray, " m"]:
    """`2 pi j / count`, j = 0 .. count - 1."""
    return LENGTH_OF_CIRCLE * np.arange(count) / count


@dataclass(frozen=True)
class MomentumField:
    """Momentum densities and velocities at the times `s/steps`, (steps + 1, M) each."""

    momentum: Float[np.ndarray, "t m"]
    velocity: Float[np.ndarray, "t m"]

    @property
    def energy(self) -> Float[np.ndarray, " t"]:
        """`1/2 int m v dx`."""
        return LENGTH_OF_CIRCLE * (self.momentum * self.velocity).mean(1) / 2

    @property
    def total_momentum(self) -> Float[np.ndarray, " t"]:
        """`int m dx`."""
        return LENGTH_OF_CIRCLE * self.momentum.mean(1)


def epdiff(kernel: Callable[[np.ndarray], np.ndarray], m: Float[np.ndarray, " m"], steps: int) -> MomentumField:
    """The solution from the momentum density `m` on `grid_of_circle(M)` to time 1, in so many steps of RK4.

    `kernel` is `Gamma` as a function of `x - y`, of period 2 pi.
    """
    spectrum = np.fft.rfft(kernel(grid_of_circle(len(m)))) * LENGTH_OF_CIRCLE / len(m)
    derivative = 1j * np.arange(len(spectrum))
    if len(m) % 2 == 0:
        derivative[-1] = 0  # the highest cosine has no sine beside it on the grid

    def velocity(m: np.ndarray) -> np.ndarray:
        return np.fft.irfft(spectrum * np.fft.rfft(m), len(m))

    def along(u: np.ndarray) -> np.ndarray:
        return np.fft.irfft(derivative * np.fft.rfft(u), len(m))

    def rate(m: np.ndarray) -> np.ndarray:
        v = velocity(m)
        return -along(v * m) - along(v) * m

    path, h = [m], 1 / steps
    for _ in range(steps):
        a = rate(m)
        b = rate(m + h / 2 * a)
        c = rate(m + h / 2 * b)
        m = m + h / 6 * (a + 2 * b + 2 * c + rate(m + h * c))
        path.append(m)
    return MomentumField(np.stack(path), np.stack([velocity(m) for m in path]))


def at_points(u: Float[np.ndarray, " m"], x: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """The trigonometric polynomial through the values `u` on the grid, at other points."""
    coefficients = np.fft.rfft(u) / len(u)
    weights = np.full(len(coefficients), 2.0)
    weights[0] = 1
    if len(u) % 2 == 0:
        weights[-1] = 1
    waves = np.exp(1j * np.outer(x, np.arange(len(coefficients))))
    return (waves @ (weights * coefficients)).real
