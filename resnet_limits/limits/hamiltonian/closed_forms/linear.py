"""Points of R^D moved by `q' = omega q`, the identity without a bias: a geodesic of GL(D).

    q(t) = e^{tA} e^{t omega_0^T} q_0,      A = omega_0 - omega_0^T,      2H = |omega_0|^2

`omega(t) = e^{tA} omega_0 e^{-tA}`: its norm is the same at all times.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float

from .solution import Array, ExactGeodesic, half_mean_squared_distance, stationary


def general_linear(q0: Float[Array, "n d"], y: Float[Array, "n o"], nu: float) -> ExactGeodesic:
    """The minimum over `omega_0`, from zero."""
    d, start, targets = q0.shape[1], torch.from_numpy(q0), torch.from_numpy(y)

    def end(omega: torch.Tensor) -> torch.Tensor:
        return start @ (torch.matrix_exp(omega - omega.T) @ torch.matrix_exp(omega.T)).T

    def value_and_gradient(x: Array) -> tuple[float, Array]:
        omega = torch.from_numpy(np.array(x)).reshape(d, d).requires_grad_()
        off = end(omega)[:, -targets.shape[1] :] - targets
        value = nu / 2 * omega.square().sum() + off.square().sum() / (2 * len(start))
        (gradient,) = torch.autograd.grad(value, omega)
        return float(value.detach()), gradient.flatten().numpy()

    x = stationary(value_and_gradient, np.zeros(d * d), float(np.square(y).mean() + np.square(q0).mean()))
    at_end, path_energy = end(torch.from_numpy(x).reshape(d, d)).numpy(), float(x @ x)
    return ExactGeodesic(at_end, path_energy, nu / 2 * path_energy + half_mean_squared_distance(at_end, y))
