"""Closed forms of the linear limit `dx = sigma_w dW x + sigma_b db`. Free of torch."""

from __future__ import annotations

import numpy as np


def overlap(start: np.ndarray, sigma_w: float, sigma_b: float, t: np.ndarray) -> np.ndarray:
    """`(lambda_0 + c) e^{sigma_w^2 t} - c`, `c = sigma_b^2/sigma_w^2`: `lambda' = sigma_w^2 lambda + sigma_b^2`."""
    k = sigma_w**2
    grown = np.expm1(k * t) / k if k > 0 else t
    return start * np.exp(k * t) + sigma_b**2 * grown
