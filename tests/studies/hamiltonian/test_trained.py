"""Trained networks of study `hamiltonian` approach their geodesic at order 1, and planted faults are refuted."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

from resnet_limits.claims.judge import judge
from resnet_limits.data.sources.gaussian import GaussianData
from resnet_limits.limits.hamiltonian.shooting import Problem, shoot
from resnet_limits.limits.hamiltonian.trajectory import trajectory_from
from resnet_limits.measurement.job import InMemory
from resnet_limits.measurement.record import Measurement
from resnet_limits.studies.hamiltonian.network import WeightDecayedNetwork
from resnet_limits.studies.hamiltonian.settings import Hamiltonian, HamiltonianKeys
from resnet_limits.studies.hamiltonian.trained import compare as plateaus_of_trained
from resnet_limits.studies.hamiltonian.trained import measure as trained
from tests.planting import plant
from tests.studies.hamiltonian.small import SMALL, STUDY, measured, orders
from tests.studies.verdicts import verdict


@pytest.fixture(scope="module")
def of_the_network() -> list[tuple[Hamiltonian, Measurement]]:
    return measured(trained)


def test_trained_networks_approach_the_geodesic_at_order_one(of_the_network):
    assert verdict("hamiltonian.residual", of_the_network).verdict == "supported"
    for observable in ("norm_spread", "state_distance", "weight_distance", "momentum_distance", "value_gap"):
        assert orders(of_the_network, observable) == pytest.approx(1, abs=0.15), observable
    assert orders(of_the_network, "energy_drift", scheme="network") == pytest.approx(1, abs=0.1)
    judgement = verdict("hamiltonian.shooting.weight.observed", of_the_network)
    assert judgement.measured is not None
    assert judgement.measured.low < 1 < judgement.measured.high, judgement.why
    assert judgement.verdict == "supported"
    assert verdict("hamiltonian.residual.euler", of_the_network).verdict == "supported"


def test_newton_needs_no_more_iterations_on_deeper_networks(of_the_network):
    counts = [r.value for r in of_the_network[-1][1].records if r.observable == "newton_iterations" and r.step]
    assert max(counts[2:]) <= max(counts[:2]) + 1


def test_what_is_kept_is_the_scheme_in_ten_lines(of_the_network):
    settings, measurement = of_the_network[2]
    arrays, L = measurement.arrays, settings.depth
    w, q, P, y = (arrays[f"network.{name}"] for name in ("weights", "states", "momenta", "targets"))
    nu, n = settings.hamiltonian.nu, len(y)
    f = np.concatenate([np.tanh(q), np.ones((L + 1, n, 1))], axis=2)
    for s in range(L):
        W, b = w[s, :, :-1], w[s, :, -1]
        np.testing.assert_allclose(q[s + 1], q[s] + np.tanh(q[s]) @ W.T + b, atol=1e-12)
        np.testing.assert_allclose(L * w[s], P[s + 1].T @ f[s], atol=1e-8)
        np.testing.assert_allclose(P[s], P[s + 1] + (1 - np.tanh(q[s]) ** 2) * (P[s + 1] @ W), atol=1e-12)
    np.testing.assert_allclose(P[L][:, -1:], -(q[L][:, -1:] - y) / n / nu, atol=1e-12)


def test_momenta_without_the_transpose_of_the_layer_are_refuted(monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch, shoot, partial(shoot, iterations=0))  # from wrong momenta it would search for long
    monkeypatch.setattr(WeightDecayedNetwork, "carried", lambda self, q, P, w: P @ w[:, : q.shape[1]])  # no slope
    assert verdict("hamiltonian.residual", measured(trained, depths=(8,), shared=InMemory())).verdict == "refuted"


def test_layers_that_are_not_alike_are_refuted(monkeypatch: pytest.MonkeyPatch):
    # a first layer that is 1 % too large
    from resnet_limits.studies.hamiltonian.problem import CertifiedNetwork

    class Uneven(CertifiedNetwork):
        def __init__(self, network, minimum, w, states, momenta):
            w = torch.cat([1.01 * w[:1], w[1:]])
            super().__init__(network, minimum, w, network.states(w), momenta)

    plant(monkeypatch, CertifiedNetwork, Uneven)
    jobs = measured(trained, depths=(32, 64, 128, 256))
    for claim in ("hamiltonian.residual", "hamiltonian.norm"):
        assert verdict(claim, jobs).verdict == "refuted", claim


@pytest.mark.slow
def test_a_shooting_with_another_weight_of_the_energy_is_refuted(monkeypatch: pytest.MonkeyPatch):
    plant(
        monkeypatch,
        Problem,
        lambda kernel, q, nu, loss: Problem(kernel, q, 1.5 * nu, loss),
        within="resnet_limits.studies",
    )
    jobs = measured(trained, depths=(32, 64, 128, 256), shared=InMemory())
    for claim in ("weight", "momentum", "state"):
        for rate in ("", ".observed"):
            judgement = verdict(f"hamiltonian.shooting.{claim}{rate}", jobs, plateaus_of_trained)
            assert judgement.verdict == "refuted", judgement.why


def test_weights_of_an_unscaled_network_are_refuted(monkeypatch: pytest.MonkeyPatch):
    # w in place of L w
    from resnet_limits.studies.hamiltonian.problem import CertifiedNetwork

    monkeypatch.setattr(CertifiedNetwork, "omega", property(lambda self: self.w))
    jobs = measured(trained)
    for rate in ("", ".observed"):
        assert verdict(f"hamiltonian.shooting.weight{rate}", jobs, plateaus_of_trained).verdict == "refuted"


@pytest.mark.slow
def test_a_limit_that_is_off_by_a_thousandth_is_refuted_where_its_order_is_not(monkeypatch: pytest.MonkeyPatch):
    careful, shared = trajectory_from, InMemory()
    settings = replace(SMALL, hamiltonian=replace(SMALL.hamiltonian, integrator="rk4"))  # accurate in few steps
    claims = [f"hamiltonian.shooting.{name}" for name in ("state", "state.observed")]

    def said() -> list[str]:
        jobs = measured(trained, settings, (16, 32, 64, 128), shared)
        return [verdict(claim, jobs, plateaus_of_trained).verdict for claim in claims]

    def longer(kernel, q, P, integrator, steps):
        path = careful(kernel, q, P, integrator, steps)
        return replace(path, states=q + 1.001 * (path.states - q))

    assert said() == ["supported", "supported"]
    plant(monkeypatch, trajectory_from, longer, within="resnet_limits.studies.hamiltonian.limit")
    state, order = said()
    assert state == "refuted"
    assert order != "refuted"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("leading", "verdict_on_it"), [(1.0, "supported"), (0.01, "inconclusive"), (-0.01, "inconclusive")]
)
def test_an_order_that_a_cancelled_leading_term_hides_is_inconclusive_in_words(leading: float, verdict_on_it: str):
    depths = [4, 8, 16, 32, 64, 128]
    rows = [("energy_gap", L, abs(leading / L + 3 / L**2)) for L in depths]
    rows += [("weight_distance", L, 2 / L) for L in depths]
    records = pd.DataFrame(rows, columns=["observable", "depth", "value"])
    records = records.assign(of="own", reference=math.nan, reference_error=0.0, step=math.nan)
    (claim,) = [claim for claim in STUDY.claims if claim.id == "hamiltonian.geodesic.observed"]
    judged = judge(claim, Hamiltonian(), records)
    assert judged.verdict == verdict_on_it, judged.why
    assert ("nearly cancels" in judged.why) == (verdict_on_it == "inconclusive")


def test_where_network_and_limit_agree_to_rounding_nothing_is_refuted():
    # points so far apart for the kernel that each moves alone, on a straight line, whatever the depth
    keys = HamiltonianKeys(points=8, steps=64, kernel="gaussian", length=0.001)
    jobs = measured(trained, replace(SMALL, hamiltonian=keys))
    for claim in STUDY.claims:
        if claim.where.get("of") == "own" and claim.where.get("scheme", "network") == "network":
            assert verdict(claim.id, jobs, plateaus_of_trained).verdict != "refuted", claim.id


def test_a_regression_has_no_accuracy():
    regression_settings = replace(SMALL, data=GaussianData(features=2, train_size=12, test_size=2))
    (regression,), (classes,) = (measured(trained, settings, (4,)) for settings in (regression_settings, SMALL))
    assert "accuracy" not in {r.observable for r in regression[1].records}
    assert "accuracy" in {r.observable for r in classes[1].records}


def test_a_shooting_that_does_not_hit_is_inconclusive_with_its_energy(monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch, shoot, partial(shoot, iterations=0))
    jobs = measured(trained, depths=(8,), shared=InMemory())
    judgement = verdict("hamiltonian.shooting.state.observed", jobs)
    assert judgement.verdict == "inconclusive"
    assert "residual" in judgement.why
    assert "energy" in judgement.why
    assert any(r.observable == "shooting_energy" for r in jobs[0][1].records)
