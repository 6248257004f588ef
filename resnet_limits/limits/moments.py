"""Mean and mean square over the coordinates of infinitely wide and deep networks, in closed form, for many inputs.

    m' = 1/2 phi''(0) v,    q' = (phi''(0) m + phi'(0)^2) v,    v = sigma_b^2 + sigma_w^2 q

With `a = sigma_w^2 (phi''(0) m_0 + phi'(0)^2)/2`, `b = phi''(0)^2 sigma_w^2 v_0/4` and `s = b - a^2`

    m_t = m_0 + phi''(0)/2 v_0 G,    q_t = q_0 + v_0 G (phi''(0) (m_t + m_0)/2 + phi'(0)^2)
    G = S/(C - a S),    C, S = cos(sqrt(s) t), sin(sqrt(s) t)/sqrt(s), or hyperbolic where s < 0

One formula for every case: nothing is divided by `phi''(0)` or `sigma_w`, where the usual one, a tangent of
`u = m + phi'(0)^2/phi''(0)`, has `u` infinite. For `phi''(0) = 0` it is `q_t = (q_0 + c) e^{kt} - c`. The moments
become infinite at the first zero of `C - a S`; `limits/explosion.py` has the time. Peluchetti & Favaro 2020
(arXiv 2007.03253), doubly infinite networks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import SettingError
from ..networks.activations import activation_named
from .explosion import Moments


@dataclass(frozen=True)
class _Start:
    """The constants `a`, `b` and `sqrt|b - a^2|` of the module's formula, (n,), and where it is trigonometric."""

    a: Tensor
    b: Tensor
    frequency: Tensor
    turns: Tensor

    @property
    def gap(self) -> Tensor:
        """`frequency - a` where the functions are hyperbolic, without cancellation."""
        total = self.frequency + self.a
        return torch.where(
            self.a > 0, -self.b / total.where(total > 0, torch.ones_like(total)), self.frequency - self.a
        )


def _start(phi: str, sigma_w: float, sigma_b: float, q0: Tensor, m0: Tensor) -> _Start:
    slope, curvature = activation_named(phi).taylor()
    a = 0.5 * sigma_w**2 * (curvature * m0 + slope**2)
    b = 0.25 * curvature**2 * sigma_w**2 * (sigma_b**2 + sigma_w**2 * q0)
    square = b - a.square()
    return _Start(a, b, square.abs().sqrt(), square > 0)


def first_explosion(
    phi: str, sigma_w: float, sigma_b: float, q0: Float[Tensor, " n"], m0: Float[Tensor, " n"] | None = None
) -> tuple[float, int]:
    """`t*`, when the moments of the first of n >= 1 inputs become infinite, and which one; inf where all stay finite.

    `q0` and `m0` (0 if left out) are mean square and mean over coordinates at time 0. Without a mean the largest `q0`
    is first: `m'` and `q'` grow with `q`. Raises `SettingError` for an activation without `phi'(0)`.
    """
    asked = range(len(q0)) if m0 is not None else [int(q0.argmax())]
    taylor = activation_named(phi).taylor()
    means = torch.zeros_like(q0) if m0 is None else m0
    at = [Moments(*taylor, sigma_w, sigma_b, float(means[i]), float(q0[i])).explosion_time() for i in asked]
    return min(zip(at, asked, strict=True))


def moments_at(
    phi: str,
    sigma_w: float,
    sigma_b: float,
    q0: Float[Tensor, " n"],
    times: Float[Tensor, " t"],
    m0: Float[Tensor, " n"] | None = None,
) -> tuple[Float[Tensor, "t n"], Float[Tensor, "t n"]]:
    """`m` and `q` of the module's docstring for n inputs at given times >= 0, each (t, n), float64.

    `q0` holds `|x_0|^2/D` of each input; `m0` the means over coordinates, 0 after a random read-in. Raises
    `SettingError` for an activation without `phi'(0)`, and, with `t*` and the input, for a time at or beyond `t*`.
    """
    _check_finite(phi, sigma_w, sigma_b, q0, times, m0)
    start = torch.zeros_like(q0) if m0 is None else m0
    slope, curvature = activation_named(phi).taylor()
    roots = _start(phi, sigma_w, sigma_b, q0, start)
    t = times[:, None]
    x = roots.frequency * t
    sine = t * torch.where(roots.turns, torch.sinc(x / torch.pi), _sinh_ratio(x))
    below = torch.where(roots.turns, torch.cos(x) - roots.a * sine, torch.exp(-x) + roots.gap * sine)
    growth = (sigma_b**2 + sigma_w**2 * q0) * sine / below
    m = start + 0.5 * curvature * growth
    return m, q0 + growth * (0.5 * curvature * (m + start) + slope**2)


def _sinh_ratio(x: Tensor) -> Tensor:
    """`sinh(x)/x`."""
    large = x.abs() > 0.02
    return torch.where(large, torch.sinh(x) / torch.where(large, x, 1.0), 1 + x.square() / 6 * (1 + x.square() / 20))


def _check_finite(phi: str, sigma_w: float, sigma_b: float, q0: Tensor, times: Tensor, m0: Tensor | None) -> None:
    if not (q0.numel() and times.numel()):
        return
    at, first = first_explosion(phi, sigma_w, sigma_b, q0, m0)
    if float(times.max()) >= at:
        raise SettingError(
            f"horizon: {float(times.max()):g} lies beyond t* = {at:.6g}, when the moments of input"
            f" {first} (|x|^2/D = {float(q0[first]):g} at time 0) become infinite for {phi}, sigma_w = {sigma_w:g},"
            f" sigma_b = {sigma_b:g}; choose a shorter horizon or a smaller sigma_w"
        )
