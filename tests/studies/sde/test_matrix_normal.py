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
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.paths.laws.matrix_normal import MatrixNormalLaw
from resnet_limits.random import Stream
from resnet_limits.sampling.matrix_normal import MatrixNormal as Law
from resnet_limits.sampling.of_init import law_of
from resnet_limits.settings.keys import flat
from resnet_limits.studies import study as studies
from resnet_limits.studies.sde.matrix_normal import measure as matrix_normal
from resnet_limits.studies.sde.settings import Sde
from tests.studies.verdicts import measured, verdicts

SMALL = Sde(width=8, replicas=256)
PINNED_LAW = MatrixNormalLaw(sigma_w=0.6, sigma_b=0.4, mean_w=-0.5, mean_b=0.3, rows=0.7, columns=-0.4)
DEPTHS = (64,)


def general(d: int) -> Law:
    """A law with full, unsymmetric means and covariances of no special form."""
    stream = torch.Generator().manual_seed(2)
    normal = torch.randn(4, d, d, generator=stream, dtype=torch.float64) / d**0.5
    squares = [a @ a.mT for a in normal[1:]]
    return Law(normal[0], normal[0, 0], squares[0], squares[1] / d, squares[2])


def two_inputs(d: int) -> Tensor:
    first = torch.linspace(-1, 1, d, dtype=torch.float64)
    return torch.stack([first, first.square()])


def test_moments_solve_their_equations():
    # The two inputs as one vector of twice the width, whose blocks share mu, U, S and the biases.
    d, law = 5, general(5)
    x0 = two_inputs(d)
    mu, mu_b, U, V, S = (getattr(law, name).numpy() for name in ("mu", "mu_b", "U", "V", "S"))
    both, bias = np.kron(np.eye(2), mu), np.tile(mu_b, 2)

    def rates(_: float, y: np.ndarray) -> np.ndarray:
        m, M = y[: 2 * d], y[2 * d :].reshape(2 * d, 2 * d)
        mixed = np.outer(bias, m)
        traces = np.array([[np.trace(V @ M[i : i + d, j : j + d]) for j in (0, d)] for i in (0, d)])
        change = both @ M + M @ both.T + np.kron(traces, U) + np.kron(np.ones((2, 2)), S) + mixed + mixed.T
        return np.concatenate([both @ m + bias, change.ravel()])

    start = x0.flatten().numpy()
    end = solve_ivp(rates, (0, 1.7), [*start, *np.outer(start, start).ravel()], rtol=1e-11, atol=1e-12).y[:, -1]
    m, M = matrix_normal.moments_of_sde(law, x0, 1.7)
    np.testing.assert_allclose(m.flatten(), end[: 2 * d], rtol=1e-8, atol=1e-9)
    blocks = end[2 * d :].reshape(2, d, 2, d).transpose(0, 2, 1, 3)
    np.testing.assert_allclose(M, blocks, rtol=1e-8, atol=1e-9)
    errors = [float((matrix_normal.euler(law, x0, 1.7, depth)[1] - M).abs().max()) for depth in (2000, 4000)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(1, abs=0.02)


def test_the_moments_of_the_linear_network_are_those_of_full_matrices():
    # W = h mu + sqrt(h) U^(1/2) G V^(1/2), drawn with Cholesky factors of another generator.
    d, depth, r, law = 4, 3, 20000, general(4)
    x0, h = two_inputs(d), 0.5
    stream = torch.Generator().manual_seed(3)
    U, V, S = (torch.linalg.cholesky(covariance) for covariance in (law.U, law.V, law.S))
    x = x0.expand(r, 2, d)
    for _ in range(depth):
        G = torch.randn(r, d, d, generator=stream, dtype=torch.float64)
        g = torch.randn(r, d, generator=stream, dtype=torch.float64)
        W, b = h * law.mu + h**0.5 * U @ G @ V.mT, h * law.mu_b + h**0.5 * g @ S.mT
        x = x + x @ W.mT + b[:, None]
    m, M = matrix_normal.euler(law, x0, depth * h, depth)
    products = torch.einsum("ria,rjc->rijac", x, x)
    assert float(((x.mean(dim=0) - m) / (x.std(dim=0) / r**0.5)).abs().max()) < 5
    assert float(((products.mean(dim=0) - M) / (products.std(dim=0) / r**0.5)).abs().max()) < 5


@pytest.mark.parametrize("init", [IidLaw(sigma_w=0.5, sigma_b=0.5), PINNED_LAW], ids=["default", "own"])
def test_the_claims_hold(init: Any):
    for name, judgement in verdicts("matrix_normal", replace(SMALL, init=init), DEPTHS).items():
        assert judgement.verdict == "supported", (name, judgement.why)


def test_the_law_of_the_settings_is_followed_and_stands_in_the_records():
    (records,) = measured("matrix_normal", replace(SMALL, init=PINNED_LAW), (8,)).values()
    for record in records:
        assert record.coordinates["init.rows"] == 0.7
        assert set(record.coordinates) - {"scheme"} <= set(flat(replace(SMALL, init=PINNED_LAW)))
        assert record.coordinates["activation"] == ("swish" if record.coordinates["scheme"] == "swish" else "tanh")
    (others,) = measured("matrix_normal", SMALL, (8,)).values()
    assert others[0].coordinates["init.mean_w"] == 0.3


def test_requests_are_followed_or_refused():
    check = studies.get("sde").check
    for claims in (["sde.strong"], ["sde.matrix_normal"], ["sde.matrix_normal.norm", "sde.strong.no_drift"]):
        check(replace(SMALL, init=PINNED_LAW, claims=claims))
    for claims in (None, ["sde.weak"], ["sde.strong", "sde.law"]):
        with pytest.raises(SettingError, match="matrix_normal"):
            check(replace(SMALL, init=PINNED_LAW, claims=claims))


# -- planted faults -------------------------------------------------------------------------------


def without(**parts: Tensor) -> Law:
    """The law of `PINNED_LAW` at width 8 with other parts."""
    law = law_of(PINNED_LAW, 8)
    assert isinstance(law, Law)
    return Law(**{**{name: getattr(law, name) for name in ("mu", "mu_b", "U", "V", "S")}, **parts})


EYE, ZERO = torch.eye(8, dtype=torch.float64), torch.zeros(8, 8, dtype=torch.float64)


@pytest.mark.parametrize(
    ("faulty", "broken"),
    [
        (without(U=EYE, S=0.16 * EYE), {"neighbours", "noise.rows"}),
        (without(V=0.36 / 8 * EYE), {"overlap", "noise.inputs"}),
        (without(mu=ZERO), {"norm"}),
        (without(mu_b=ZERO[0]), {"mean"}),
        (without(S=ZERO), {"norm", "neighbours", "noise"}),
    ],
    ids=["rows", "columns", "mean of the weights", "mean of the biases", "biases"],
)
def test_parts_of_the_law_that_are_left_out_are_refuted(faulty: Law, broken: set[str], monkeypatch: pytest.MonkeyPatch):
    walk = Engine.options["eager"].walk
    other = lambda engine, walkers, x0, _, **where: walk(engine, walkers, x0, faulty, **where)  # noqa: E731
    monkeypatch.setattr(Engine.options["eager"], "walk", other)
    judged = verdicts("matrix_normal", replace(SMALL, init=PINNED_LAW), DEPTHS)
    for name in broken:
        judgement = judged[f"sde.matrix_normal.{name}"]
        assert judgement.verdict == "refuted", (name, judgement.why)


@pytest.mark.parametrize(
    "lost", [lambda law, f: 0.5, lambda law, f: law.S.diagonal()], ids=["the rest", "the biases alone"]
)
def test_a_drift_that_is_not_that_of_the_noise_is_refuted(lost: Any, monkeypatch: pytest.MonkeyPatch):
    careful = Law.variance
    monkeypatch.setattr(Law, "variance", lambda law, f: careful(law, f) - lost(law, f))
    judgement = verdicts("matrix_normal", SMALL, DEPTHS)["sde.matrix_normal.swish"]
    assert judgement.verdict == "refuted", judgement.why


def test_networks_that_may_explode_are_not_judged():
    judged = verdicts("matrix_normal", replace(SMALL, init=replace(PINNED_LAW, sigma_w=3.0)), (8,))
    assert "explosion time" in judged["sde.matrix_normal.swish"].why


def test_dt_in_place_of_its_root_is_refuted(monkeypatch: pytest.MonkeyPatch):
    act = Law.act

    def broken(self: Law, vectors: Tensor, biased: Tensor, h: float, stream: Stream) -> Tensor:
        mean = h * (vectors @ self.mu.mT + biased.to(vectors)[:, None] * self.mu_b)
        return mean + h**0.5 * (act(self, vectors, biased, h, stream) - mean)

    monkeypatch.setattr(Law, "act", broken)
    judged = verdicts("matrix_normal", replace(SMALL, init=PINNED_LAW), DEPTHS)
    for name in ("norm", "neighbours", "noise", "swish"):
        assert judged[f"sde.matrix_normal.{name}"].verdict == "refuted", name
