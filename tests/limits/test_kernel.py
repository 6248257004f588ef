"""NNGP and NTK of doubly infinite networks: an ODE solver, closed forms, features, rank."""

from __future__ import annotations

import math
from dataclasses import fields
from functools import partial
from typing import ClassVar

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from resnet_limits.errors import SettingError
from resnet_limits.limits.kernel import Kind, LimitKernel
from resnet_limits.limits.kernel_recursion import FiniteDepthKernel
from resnet_limits.limits.moments import first_explosion
from resnet_limits.networks.activations import Activation, activation_named

from . import kernel_laws as laws
from .kernel_laws import DeepLimitLaws

SMOOTH = [name for name in Activation.options if activation_named(name).without_limit() is None]
D = 6
Z = torch.randn(12, D, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
LARGEST = float(Z.square().mean(dim=1).max())
TERMS = [(False, False), (True, False), (False, True), (True, True)]
KINDS: tuple[Kind, ...] = ("nngp", "ntk")


def limit(phi: str, kind: Kind = "nngp", **keys: object) -> LimitKernel:
    sizes: dict = {"sigma_w": 1.1, "sigma_b": 0.4, "horizon": 0.7, "largest": LARGEST, **keys}
    return LimitKernel(phi=phi, kind=kind, **sizes)


class TestLimitKernel(DeepLimitLaws):
    kernels: ClassVar = {
        f"{phi}-{kind}": partial(limit, phi, kind, sigma_w=0.7, sigma_b=0.3, read_in=True, largest=laws.LARGEST)
        for phi in SMOOTH
        for kind in KINDS
    }

    def at_depth(self, kernel: LimitKernel, depth: int) -> FiniteDepthKernel:
        keys = {f.name: getattr(kernel, f.name) for f in fields(FiniteDepthKernel) if f.name != "depth"}
        return FiniteDepthKernel(**keys, depth=depth)

    def test_what_multiplies_the_overlap_is_its_slope(self, kernel: LimitKernel):
        q = torch.full((1, 1), laws.LEAST, dtype=torch.float64)
        apart = kernel.of_overlaps(q, q, q) - kernel.of_overlaps(-q, q, q)
        assert float(apart) == pytest.approx(2 * laws.LEAST * kernel.slope, rel=1e-12)


def solved(kernel: LimitKernel, a: torch.Tensor, b: torch.Tensor) -> dict[str, float]:
    """NNGP and the NTK's three terms, all in one system for an adaptive solver."""
    slope, curvature = activation_named(kernel.phi).taylor()
    w, s = kernel.sigma_w**2, kernel.sigma_b**2
    start = float(a @ b) / D

    def velocity(t: float, y: np.ndarray) -> list[float]:
        m1, m2, q1, q2, overlap, layers, read_in = y
        v1, v2 = s + w * q1, s + w * q2
        return [
            curvature / 2 * v1,
            curvature / 2 * v2,
            (curvature * m1 + slope**2) * v1,
            (curvature * m2 + slope**2) * v2,
            curvature / 2 * (m1 * v2 + m2 * v1) + slope**2 * (s + w * overlap),
            slope**2 * (s + w * overlap) + slope**2 * w * layers,
            slope**2 * w * read_in,
        ]

    y0 = [0, 0, float(a @ a) / D, float(b @ b) / D, start, 0, start]
    y = solve_ivp(velocity, (0, kernel.horizon), y0, method="DOP853", rtol=1e-13, atol=1e-14).y[:, -1]
    return {"nngp": y[4], "layers": y[5], "read_in": y[6]}


@pytest.mark.parametrize("phi", SMOOTH)
def test_kernels_agree_with_an_adaptive_solver(phi: str):
    pairs = [(0, 0), (0, 1), (2, 5)]
    cases: list[tuple[Kind, tuple[bool, bool]]] = [("nngp", TERMS[0]), *(("ntk", term) for term in TERMS)]
    for kind, terms in cases:
        kernel = limit(phi, kind, readout=terms[0], read_in=terms[1])
        assert kernel.error < 1e-12
        K = kernel(Z, Z)
        for i, j in pairs:
            exact = solved(kernel, Z[i], Z[j])
            expected = exact["nngp"]
            if kind == "ntk":
                expected = exact["layers"] + terms[0] * exact["nngp"] + terms[1] * exact["read_in"]
            assert float(K[i, j]) == pytest.approx(expected, rel=1e-11, abs=1e-12), (kind, terms, i, j)


def test_the_solvers_layers_are_the_integral():
    # int_0^T phi'(0)^2 (s + w lambda_t) e^{k(T-t)} dt of the definition, for a curved activation.
    kernel = limit("swish", "ntk", readout=False)
    nodes, weights = np.polynomial.legendre.leggauss(12)
    total = 0.0
    for x, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        t = x * kernel.horizon
        nngp = solved(limit("swish", horizon=t), Z[0], Z[1])["nngp"]
        rate = 0.25 * (kernel.sigma_b**2 + kernel.sigma_w**2 * nngp)
        total += weight * kernel.horizon * rate * math.exp(kernel.rate * (kernel.horizon - t))
    assert float(kernel(Z[:1], Z[1:2])) == pytest.approx(total, rel=1e-10)


def test_of_tanh_the_ntk_is_the_published_closed_form():
    kernel = limit("tanh", "ntk", readout=False)
    expected = kernel.horizon * (1.1**2 * Z @ Z.T / D + 0.4**2) * math.exp(1.1**2 * kernel.horizon)
    torch.testing.assert_close(kernel(Z, Z), expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("phi", SMOOTH)
@pytest.mark.parametrize("kind", KINDS)
def test_features_give_the_kernel_elementwise_in_blocks_and_on_the_diagonal(phi: str, kind: Kind):
    kernel = limit(phi, kind)
    F = kernel.features(Z)
    q = Z.square().mean(dim=1)
    K = kernel.of_overlaps(Z @ Z.T / D, q[:, None], q[None])
    torch.testing.assert_close(F @ F.T, K, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(kernel(Z[:5], Z[3:]), K[:5, 3:], rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(kernel.diagonal(Z), K.diagonal(), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_without_curvature_the_rank_is_at_most_d_plus_one(kind: Kind):
    for phi in SMOOTH:
        values = torch.linalg.eigvalsh(limit(phi, kind)(Z, Z))
        rank = int((values > 1e-13 * values.max()).sum())
        if activation_named(phi).curvature_at_0 == 0:
            assert limit(phi, kind).features(Z).shape == (12, D + 1)
            assert rank == D + 1
        else:
            assert rank > D + 1


@pytest.mark.parametrize("phi", SMOOTH)
def test_without_weights_there_is_a_constant_and_the_input(phi: str):
    kernel = limit(phi, sigma_w=0.0, sigma_b=1.5)
    slope, curvature = activation_named(phi).taylor()
    drift = curvature / 2 * 1.5**2 * 0.7
    expected = Z @ Z.T / D + slope**2 * 1.5**2 * 0.7 + drift**2
    torch.testing.assert_close(kernel(Z, Z), expected, rtol=1e-13, atol=1e-13)


def test_at_no_horizon_there_is_the_input_alone():
    torch.testing.assert_close(limit("swish", horizon=0.0)(Z, Z), Z @ Z.T / D, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("near", [0.5, 0.9, 0.99, 0.999])
def test_near_the_explosion_more_nodes_are_taken(near: float):
    at, _ = first_explosion("gelu", 1.1, 0.4, torch.tensor([LARGEST], dtype=torch.float64))
    kernel = limit("gelu", horizon=near * at)
    i = int(Z.square().mean(dim=1).argmax())
    expected = solved(kernel, Z[i], Z[i])["nngp"]
    assert float(kernel.diagonal(Z[i : i + 1])) == pytest.approx(expected, rel=1e-12 / (1 - near) ** 2)
    assert kernel.error < 1e-9


def test_bad_requests_are_said():
    with pytest.raises(SettingError, match=r"activation=relu: it has no phi'\(0\)"):
        limit("relu")
    with pytest.raises(SettingError, match=r"horizon: 30 lies beyond t\*"):
        limit("gelu", horizon=30.0)
    with pytest.raises(ValueError, match="largest"):
        limit("swish", largest=None)
    with pytest.raises(ValueError, match="made for"):
        limit("swish")(3 * Z, Z)
