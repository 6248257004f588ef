"""Moments and overlaps at infinite width: closed forms, scipy, and brute-force sampling."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

import numpy as np
import pytest
import torch
from scipy import integrate, linalg

from resnet_limits.limits.explosion import Moments
from resnet_limits.limits.overlaps import (
    deep_flow,
    deep_recursion,
    gaussian_products,
    linear_flow,
    moment_flow,
    moment_step,
)
from resnet_limits.networks.activations import Activation, activation_named
from resnet_limits.sampling.convolution import Stencil

from .limit_laws import LimitLaws, adaptive

S = torch.tensor([[1.3, 0.4, -0.7], [0.4, 0.6, 0.1], [-0.7, 0.1, 2.0]], dtype=torch.float64)

SMOOTH = [name for name in Activation.options if activation_named(name).without_limit() is None]


@pytest.mark.parametrize("phi", sorted(Activation.options))
def test_products_of_gaussian_features_agree_with_scipy_quadrature(phi: str):
    def f(z: float) -> float:
        return float(activation_named(phi)(torch.tensor(z, dtype=torch.float64)))

    products = gaussian_products(phi, S)
    torch.testing.assert_close(products, products.T)
    a, b, rho = math.sqrt(S[0, 0]), math.sqrt(S[2, 2]), float(S[0, 2]) / math.sqrt(S[0, 0] * S[2, 2])
    nodes, weights = np.polynomial.legendre.leggauss(60)
    nodes, weights = 4.5 * (nodes + 1), 4.5 * weights  # on half-lines, where a kink does no harm

    def inner(x: float) -> float:
        value = 0.0
        kink = -rho / math.sqrt(1 - rho**2) * x
        for sign in (-1, 1):
            y = kink + sign * nodes
            z = b * (rho * x + math.sqrt(1 - rho**2) * y)
            value += float((weights * np.exp(-(y**2) / 2)) @ activation_named(phi)(torch.from_numpy(z)).numpy())
        return value * f(a * x) * math.exp(-(x**2) / 2) / (2 * math.pi)

    expected = sum(integrate.quad(inner, *ends, epsabs=1e-9)[0] for ends in ((-9, 0), (0, 9)))
    assert float(products[0, 2]) == pytest.approx(expected, abs=1e-7)


def test_products_of_equal_and_of_vanishing_inputs_are_exact():
    degenerate = torch.tensor([[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 0.0]], dtype=torch.float64)
    for phi in Activation.options:
        products = gaussian_products(phi, degenerate)
        assert float((products[:2, :2] - products[0, 0]).abs().max()) < 1e-11, phi
        assert float(products[2].abs().max()) == 0, phi
    torch.testing.assert_close(gaussian_products("identity", S), S, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("phi", ["relu", "tanh"])
def test_the_kernel_ode_of_deep_blocks_agrees_with_scipy(phi: str):
    start = torch.tensor([[1.0, 0.3], [0.3, 0.8]], dtype=torch.float64)
    sizes = {"inner": (1.5, 0.5), "outer": (0.8, 0.3)}

    def rate(t: float, y: np.ndarray) -> np.ndarray:
        S = 2.25 * np.array([[y[0], y[1]], [y[1], y[2]]]) + 0.25
        g = gaussian_products(phi, torch.from_numpy(S)).numpy()
        return 0.64 * np.array([g[0, 0], g[0, 1], g[1, 1]]) + 0.09

    solution = integrate.solve_ivp(rate, (0, 2), [1.0, 0.3, 0.8], rtol=1e-10, atol=1e-12).y[:, -1]
    flowed, error = deep_flow(phi, start, 2.0, **sizes)
    assert [float(flowed[0, 0]), float(flowed[0, 1]), float(flowed[1, 1])] == pytest.approx(list(solution), abs=1e-8)
    assert error < 1e-6
    errors = [float((deep_recursion(phi, start, 2.0, L, **sizes)[-1] - flowed).abs().max()) for L in (64, 128)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(1, abs=0.02)


def test_relu_norms_of_deep_blocks_grow_exponentially():
    # E relu(z)^2 = v/2: q' = sigma_B^2 (sigma_A^2 q + sigma_a^2)/2 + sigma_b^2, closed.
    start = torch.tensor([[2.0]], dtype=torch.float64)
    flowed, _ = deep_flow("relu", start, 1.5, inner=(1.2, 0.4), outer=(0.9, 0.2))
    rate, source = 0.81 * 1.44 / 2, 0.81 * 0.16 / 2 + 0.04
    exact = 2 * math.exp(1.5 * rate) + source * math.expm1(1.5 * rate) / rate
    assert float(flowed) == pytest.approx(exact, rel=1e-10)


@dataclass(frozen=True)
class Overlaps:
    """How overlaps flow, and their velocity from sums over pairs: the state is a Gram matrix, with means beside it."""

    flow: Callable[[torch.Tensor, float], tuple[torch.Tensor, float]]
    velocity: Callable[[torch.Tensor], torch.Tensor]
    start: torch.Tensor


def deep(phi: str) -> Overlaps:
    sizes = {"inner": (1.5, 0.5), "outer": (0.8, 0.3)}

    def velocity(L: torch.Tensor) -> torch.Tensor:
        return 0.64 * gaussian_products(phi, 2.25 * L + 0.25) + 0.09

    return Overlaps(lambda start, time: deep_flow(phi, start, time, **sizes), velocity, S)


def shallow(phi: str) -> Overlaps:
    def covariance(L: torch.Tensor) -> torch.Tensor:
        return 0.64 * L + 0.09

    def flow(state: torch.Tensor, time: float) -> tuple[torch.Tensor, float]:
        m, L, error = moment_flow(phi, state[:, -1].contiguous(), state[:, :-1].contiguous(), covariance, time)
        return torch.cat([L, m[:, None]], dim=1), error

    slope, curvature = activation_named(phi).taylor()

    def velocity(state: torch.Tensor) -> torch.Tensor:
        V, m = covariance(state[:, :-1]), state[:, -1]
        change = torch.zeros_like(state)
        for i, j in np.ndindex(3, 3):
            second = curvature / 2 * (m[i] * V[j, j] + m[j] * V[i, i])
            change[i, j] = slope**2 * V[i, j] + second
            change[i, -1] = curvature / 2 * V[i, i]
        return change

    return Overlaps(flow, velocity, torch.cat([S, torch.tensor([[0.1], [-0.2], [0.3]], dtype=torch.float64)], dim=1))


def convolutional(padding: Literal["zero", "circular"]) -> Overlaps:
    stencil = Stencil(2, 2, 3, padding, inputs=2)
    generator = stencil.generator()
    dense = torch.from_numpy(generator.toarray())
    x = torch.randn(stencil.positions, 20, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return Overlaps(
        lambda start, time: (linear_flow(generator, start, time, rate=1.3, source=0.2), 0.0),
        lambda L: (1.3 * dense @ L.reshape(-1) + 0.2).reshape(L.shape),
        x @ x.T / 20,
    )


class TestOverlaps(LimitLaws):
    cases: ClassVar = {
        **{f"deep-{phi}": partial(deep, phi) for phi in ("relu", "tanh", "swish")},
        **{f"shallow-{phi}": partial(shallow, phi) for phi in SMOOTH},
        **{f"convolutional-{padding}": partial(convolutional, padding) for padding in ("zero", "circular")},
    }
    horizon = 0.7
    rounding = 1e-11

    def start(self, case: Overlaps) -> torch.Tensor:
        return case.start

    def flow(self, case: Overlaps, start: torch.Tensor, since: float, until: float) -> tuple[torch.Tensor, float]:
        return case.flow(start, until - since)

    def independent(self, case: Overlaps, start: torch.Tensor, until: float) -> torch.Tensor:
        return adaptive(lambda t, L: case.velocity(L), start, until)


@pytest.mark.parametrize("padding", ["zero", "circular"])
def test_the_linear_flow_is_the_exponential_of_the_dense_matrix_and_the_closed_ode(
    padding: Literal["zero", "circular"],
):
    stencil = Stencil(2, 3, 3, padding, inputs=2)
    x = torch.randn(stencil.positions, 20, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    start = x @ x.T / 20
    solved = linear_flow(stencil.generator(), start, 0.7, rate=1.3, source=0.2)
    A = stencil.generator().toarray()
    n = len(A)
    augmented = np.zeros((n + 1, n + 1))
    augmented[:n, :n], augmented[:n, n] = 1.3 * A, 0.2
    exact = (linalg.expm(0.7 * augmented) @ np.append(start.numpy().ravel(), 1))[:-1]
    np.testing.assert_allclose(solved.numpy().ravel(), exact, rtol=1e-10)

    def covariance(overlaps: torch.Tensor) -> torch.Tensor:
        return stencil.covariance(overlaps, sigma_w=math.sqrt(1.3), sigma_b=math.sqrt(0.2))

    m, flowed, error = moment_flow("tanh", x.mean(dim=1), start, covariance, 0.7)
    assert float((flowed - solved).abs().max()) < 1e-9
    assert float((m - x.mean(dim=1)).abs().max()) == 0
    assert error < 1e-8


def test_one_block_at_infinite_width_has_the_moments_of_brute_force_sampling():
    # 400,000 coordinates with the given means and overlaps; each tolerance is five standard errors.
    stream, count = torch.Generator().manual_seed(2), 400_000
    x = torch.randn(2, count, generator=stream, dtype=torch.float64)
    x[1] = 0.6 * x[0] + 0.5 * x[1] + 0.3
    V = torch.tensor([[0.9, 0.5], [0.5, 0.7]], dtype=torch.float64)
    z = torch.linalg.cholesky(V) @ torch.randn(2, count, generator=stream, dtype=torch.float64)
    for phi in ("tanh", "swish"):
        y = x + activation_named(phi)(z)
        m, overlaps = moment_step(phi, x.mean(dim=1), x @ x.T / count, V)
        assert float((y.mean(dim=1) - m).abs().max()) < 5 / math.sqrt(count)
        assert float((y @ y.T / count - overlaps).abs().max()) < 5 * 2.5 / math.sqrt(count)


@pytest.mark.parametrize(
    ("m0", "q0", "sigma_b"), [(0.0, 1.0, 0.5), (1.2, 1.5, 0.0), (-0.4, 2.0, 1.0), (2.0, 4.1, 0.1), (-1.0, 1.05, 0.0)]
)
def test_explosion_and_crossing_times_are_those_of_the_ode(m0: float, q0: float, sigma_b: float):
    moments = Moments(0.5, 0.5, 0.8, sigma_b, m0, q0)

    def velocity(t: float, y: np.ndarray) -> list[float]:
        v = sigma_b**2 + 0.64 * y[1]
        return [0.25 * v, (0.5 * y[0] + 0.25) * v]

    def crossing(t: float, y: np.ndarray) -> float:
        return y[1] - 1e6

    crossing.terminal, crossing.direction = True, 1  # type: ignore[attr-defined]
    solved = integrate.solve_ivp(velocity, (0, 300), [m0, q0], events=crossing, rtol=1e-11, atol=1e-12, method="DOP853")
    if len(solved.t_events[0]):
        assert moments.crossing_time(1e6) == pytest.approx(solved.t_events[0][0], rel=1e-7)
        assert 0 < moments.explosion_time() - moments.crossing_time(1e6) < 0.05
    else:
        assert moments.explosion_time() == moments.crossing_time(1e6) == math.inf
    assert moments.crossing_time(q0 / 2) == 0


def test_the_closed_odes_of_swish_pass_through_the_crossing_time():
    moments = Moments(0.5, 0.5, 1.0, 0.5, 0.2, 1.0)
    time = moments.crossing_time(50.0)
    start, mean = torch.tensor([[1.0]], dtype=torch.float64), torch.tensor([0.2], dtype=torch.float64)
    _, q, _ = moment_flow("swish", mean, start, lambda x: x + 0.25, time)
    assert float(q) == pytest.approx(50, rel=1e-8)


def test_nothing_explodes_with_constant_drift_or_at_rest():
    assert Moments(0.5, 0.5, 0.0, 1.0, 0.0, 1.0).explosion_time() == math.inf
    assert Moments(0.5, 0.5, 0.0, 0.0, 0.0, 1.0).crossing_time(2.0) == math.inf
    assert Moments(0.5, 0.5, 0.0, 1.0, 0.0, 1.0).crossing_time(100.0) < math.inf
