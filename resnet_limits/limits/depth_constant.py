"""What infinitely wide tanh networks of depth L are off by, to leading order: `K_L - K_T -> b/L`, in closed form.

    S = v_11 + v_22,  v = sigma_b^2 + k lambda_0,  k = sigma_w^2,  e = e^{kT},  g = (e - 1)/k

    overlap            b = -T e v_12 [S g + kT/2]
    tangent kernel     b = -T e {v_12 [S (g - T) + (kT/2)^2] + S [k g Theta_0 + T e v_12]
                                 + k [v_12 T + k Theta_0 T/2 + k v_12 T^2/4]}   [+ that of the overlap: read-out]

`Theta_0` is the overlap of the inputs if the read-in is trained, else 0. A layer adds
`E tanh(z_1) tanh(z_2) = h v_12 - h^2 v_12 S` and multiplies by `E tanh'(z_1) tanh'(z_2) = 1 - h S`; Euler's step loses
`h^2/2` of the second derivative; what is lost early grows with all else. Derived here; `limits/gram_moments.py` has the
overlap at finite width.
"""

from __future__ import annotations

import numpy as np


def of_overlap(overlap: float, squares: tuple[float, float], sigma_w: float, sigma_b: float, horizon: float) -> float:
    """`b` of `lambda` of two inputs with this overlap and these mean squares (of `q`: all three the same)."""
    v, S, k, e, g = _constants(overlap, squares, sigma_w, sigma_b, horizon)
    return -horizon * e * v * (S * g + k * horizon / 2)


def of_tangent_kernel(
    overlap: float,
    squares: tuple[float, float],
    sigma_w: float,
    sigma_b: float,
    horizon: float,
    *,
    read_in: bool,
    readout: bool,
) -> float:
    """`b` of the tangent kernel of two inputs."""
    v, S, k, e, g = _constants(overlap, squares, sigma_w, sigma_b, horizon)
    T, start = horizon, overlap if read_in else 0.0
    of_states = v * (S * (g - T) + (k * T / 2) ** 2)
    of_slopes = S * (k * g * start + T * e * v)
    of_steps = k * (v * T + k * start * T / 2 + k * v * T**2 / 4)
    at_the_end = of_overlap(overlap, squares, sigma_w, sigma_b, T) if readout else 0.0
    return -T * e * (of_states + of_slopes + of_steps) + at_the_end


def _constants(
    overlap: float, squares: tuple[float, float], sigma_w: float, sigma_b: float, horizon: float
) -> tuple[float, float, float, float, float]:
    """`v_12, S, k, e, g`; beyond float64 they are infinite."""
    k = sigma_w**2
    with np.errstate(over="ignore"):
        e, grown = float(np.exp(k * horizon)), float(np.expm1(k * horizon))
    g = grown / k if k > 0 else horizon
    return sigma_b**2 + k * overlap, 2 * sigma_b**2 + k * sum(squares), k, e, g
