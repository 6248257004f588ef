"""`sde.matrix_normal`: moments solve their equations, networks have them, and planted faults turn the claims red."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from resnet_limits.engines.engine import Engine
from resnet_limits.errors import SettingError
from resnet_limits.paths.laws.iid import Iid
from resnet_limits.paths.laws.matrix_normal import MatrixNormal
from resnet_limits.random import Stream
from resnet_limits.sampling.laws import law_of
from resnet_limits.sampling.matrix_normal import MatrixNormal as Law
from resnet_limits.settings.keys import flat
from resnet_limits.studies import study as studies
from resnet_limits.studies.sde.matrix_normal import measure as matrix_normal
from resnet_limits.studies.sde.settings import Sde
from tests.studies.verdicts import measured, verdicts

SMALL = Sde(width=8, replicas=256)
OWN = MatrixNormal(sigma_w=0.6, sigma_b=0.4, mean_w=-0.5, mean_b=0.3, rows=0.7, columns=-0.4)
DEPTHS = (64,)
ALL = {"sde.matrix_normal.mean", "sde.matrix_normal.norm", "sde.matrix_normal.neighbours"}


def general(d: int) -> Law:
    """A law with full, unsymmetric means and covariances of no special form."""
    stream = torch.Generator().manual_seed(2)
    normal = torch.randn(4, d, d, generator=stream, dtype=torch.float64) / d**0.5
    squares = [a @ a.mT for a in normal[1:]]
    return Law(normal[0], normal[0, 0], squares[0], squares[1] / d, squares[2])


def test_moments_solve_their_equations():
    d, law = 5, general(5)
    x0 = torch.linspace(-1, 1, d, dtype=torch.float64)

    def rates(_: float, y: np.ndarray) -> np.ndarray:
        m, M = y[:d], y[d:].reshape(d, d)
        mu, mu_b, U, V, S = (getattr(law, name).numpy() for name in ("mu", "mu_b", "U", "V", "S"))
        mixed = np.outer(mu_b, m)
        change = mu @ M + M @ mu.T + np.trace(V @ M) * U + S + mixed + mixed.T
        return np.concatenate([mu @ m + mu_b, change.ravel()])

    start = np.concatenate([x0, np.outer(x0, x0).ravel()])
    end = solve_ivp(rates, (0, 1.7), start, rtol=1e-11, atol=1e-12).y[:, -1]
    m, M = matrix_normal.moments(law, x0, 1.7)
    np.testing.assert_allclose(m, end[:d], rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(M, end[d:].reshape(d, d), rtol=1e-8, atol=1e-9)
    errors = [float((matrix_normal.euler(law, x0, 1.7, depth)[1] - M).abs().max()) for depth in (2000, 4000)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(1, abs=0.02)


def test_the_moments_of_the_linear_network_are_those_of_full_matrices():
    # W = h mu + sqrt(h) U^(1/2) G V^(1/2), drawn with Cholesky factors of another generator.
    d, depth, r, law = 4, 3, 40000, general(4)
    x0, h = torch.linspace(-1, 1, d, dtype=torch.float64), 0.5
    stream = torch.Generator().manual_seed(3)
    U, V, S = (torch.linalg.cholesky(its) for its in (law.U, law.V, law.S))
    x = x0.expand(r, d)
    for _ in range(depth):
        G = torch.randn(r, d, d, generator=stream, dtype=torch.float64)
        g = torch.randn(r, d, generator=stream, dtype=torch.float64)
        W, b = h * law.mu + h**0.5 * U @ G @ V.mT, h * law.mu_b + h**0.5 * g @ S.mT
        x = x + (W @ x[..., None])[..., 0] + b
    m, M = matrix_normal.euler(law, x0, depth * h, depth)
    products = x[:, :, None] * x[:, None, :]
    assert float(((x.mean(dim=0) - m) / (x.std(dim=0) / r**0.5)).abs().max()) < 5
    assert float(((products.mean(dim=0) - M) / (products.std(dim=0) / r**0.5)).abs().max()) < 5


@pytest.mark.parametrize("init", [Iid(sigma_w=0.5, sigma_b=0.5), OWN], ids=["default", "own"])
def test_the_claims_hold(init: Any):
    for name, its in verdicts("matrix_normal", replace(SMALL, init=init), DEPTHS).items():
        assert its.verdict == "supported", (name, its.why)


def test_the_law_of_the_settings_is_followed_and_stands_in_the_records():
    (records,) = measured("matrix_normal", replace(SMALL, init=OWN), (8,)).values()
    for record in records:
        assert record.coordinates["init.rows"] == 0.7
        assert set(record.coordinates) - {"scheme"} <= set(flat(replace(SMALL, init=OWN)))
    (others,) = measured("matrix_normal", SMALL, (8,)).values()
    assert others[0].coordinates["init.mean_w"] == 0.3


def test_requests_are_followed_or_refused():
    check = studies.get("sde").check
    for claims in (["sde.strong"], ["sde.matrix_normal"], ["sde.matrix_normal.norm", "sde.strong.no_drift"]):
        check(replace(SMALL, init=OWN, claims=claims))
    for claims in (None, ["sde.weak"], ["sde.strong", "sde.law"]):
        with pytest.raises(SettingError, match="matrix_normal"):
            check(replace(SMALL, init=OWN, claims=claims))


# -- planted faults -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ({"U": torch.eye(8, dtype=torch.float64), "S": 0.16 * torch.eye(8, dtype=torch.float64)}, {"neighbours"}),
        ({"mu": torch.zeros(8, 8, dtype=torch.float64)}, {"norm"}),
        ({"mu_b": torch.zeros(8, dtype=torch.float64)}, {"mean"}),
        ({"S": torch.zeros(8, 8, dtype=torch.float64)}, {"norm", "neighbours"}),
    ],
    ids=["rows", "mean of the weights", "mean of the biases", "biases"],
)
def test_parts_of_the_law_that_are_left_out_are_refuted(
    change: dict[str, Tensor], broken: set[str], monkeypatch: pytest.MonkeyPatch
):
    own = law_of(OWN, 8)
    assert isinstance(own, Law)
    parts = {name: getattr(own, name) for name in ("mu", "mu_b", "U", "V", "S")}
    faulty = Law(**{**parts, **change})
    final = Engine.final
    other = lambda engine, walkers, x0, _, **where: final(engine, walkers, x0, faulty, **where)  # noqa: E731
    monkeypatch.setattr(Engine, "final", other)
    found = verdicts("matrix_normal", replace(SMALL, init=OWN), DEPTHS)
    for name in broken:
        its = found[f"sde.matrix_normal.{name}"]
        assert its.verdict == "refuted", (name, its.why)


def test_dt_in_place_of_its_root_is_refuted(monkeypatch: pytest.MonkeyPatch):
    act = Law.act

    def broken(self: Law, vectors: Tensor, biased: Tensor, h: float, stream: Stream) -> Tensor:
        mean = h * (vectors @ self.mu.mT + biased.to(vectors)[:, None] * self.mu_b)
        return mean + h**0.5 * (act(self, vectors, biased, h, stream) - mean)

    monkeypatch.setattr(Law, "act", broken)
    found = verdicts("matrix_normal", replace(SMALL, init=OWN), DEPTHS)
    for name in ("norm", "neighbours"):
        assert found[f"sde.matrix_normal.{name}"].verdict == "refuted"
