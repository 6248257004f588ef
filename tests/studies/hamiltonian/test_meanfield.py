"""`hamiltonian.meanfield`: minimisers on draws approach those of the population."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from resnet_limits.measurement.job import InMemory, Job
from resnet_limits.random.normals import generator
from resnet_limits.settings.training import Minimiser
from resnet_limits.studies.hamiltonian.meanfield import claims as meanfield_claims
from resnet_limits.studies.hamiltonian.meanfield import measure as meanfield
from resnet_limits.studies.hamiltonian.problem import minima_of_setup, setup
from resnet_limits.studies.hamiltonian.problem import trained as minimiser
from resnet_limits.training.minimiser import minimise
from tests.planting import plant, resize
from tests.studies.hamiltonian.small import SMALL, measured
from tests.studies.verdicts import verdict


@pytest.mark.slow
def test_weights_approach_those_of_the_population_at_one_half():
    judgement = verdict("hamiltonian.meanfield", measured(meanfield, replace(SMALL, replicas=6), (8,)))
    assert judgement.measured is not None
    assert judgement.measured.low < 0.5 < judgement.measured.high


@pytest.mark.slow
def test_draws_of_too_many_points_are_refuted(monkeypatch: pytest.MonkeyPatch):
    # all draws of N points in place of ones of N: the distance does not fall with N
    class Same:
        def integers(self, high: int, size: int) -> np.ndarray:
            return stream.integers(high, size=64)

    stream = np.random.default_rng(0)
    plant(monkeypatch, generator, lambda *key: Same(), within="resnet_limits.studies.hamiltonian.meanfield")
    jobs = measured(meanfield, replace(SMALL, replicas=6), (8,), shared=InMemory())
    assert verdict("hamiltonian.meanfield", jobs).verdict == "refuted"


def test_the_constant_of_the_mean_field_is_that_of_gradients_of_single_points_by_autograd():
    problem, L = setup(SMALL), 4
    (branch,) = minima_of_setup(Job(SMALL), problem, L, "t", {})
    network = minimiser(problem, branch)
    objective, z, n = network.network, torch.from_numpy(network.minimum.point), len(problem.q0)

    def losses(z: torch.Tensor) -> torch.Tensor:
        q = problem.q0
        for w in z.reshape(objective.shape) / L**0.5:
            q = q + torch.tanh(q) @ w[:, :-1].T + w[:, -1]
        return (q[:, -1] - problem.loss.y[:, 0]).square() / 2

    G = torch.autograd.functional.jacobian(losses, z)
    H = torch.autograd.functional.hessian(lambda z: losses(z).mean() + problem.nu / 2 * z.square().sum(), z)
    S = (G - G.mean(0)).T @ (G - G.mean(0)) / n
    expected = torch.trace(torch.linalg.solve(H, torch.linalg.solve(H, S).T)).sqrt() / z.norm()
    assert meanfield.relative_constant(network) == pytest.approx(float(expected), rel=1e-7)


@pytest.mark.slow
def test_the_standard_error_of_the_mean_field_is_the_scatter_over_seeds(monkeypatch: pytest.MonkeyPatch):
    resize(monkeypatch, meanfield_claims, POINT_COUNTS=(256,), DEPTH_OF_MEANFIELD=4)
    records = []
    for seed in range(16):
        settings = replace(SMALL, seed=seed, replicas=5, minimiser=Minimiser(tolerance=1e-8))
        records += [r for r in measured(meanfield, settings, (4,), InMemory())[0][1].records if r.stderr > 0]
    for name in ("meanfield_constant", "meanfield_distance"):
        values, stderrs = np.array([(r.value, r.stderr) for r in records if r.observable == name]).T
        if name == "meanfield_distance":  # of another population at every seed: in units of its own constant
            stderrs, values = (
                stderrs / values,
                np.array([r.value for r in records if r.observable == "meanfield_constant"]),
            )
        # of a scatter of 16 values the relative error is .18, and stderrs of 10 draws are themselves random
        assert 0.6 < values.std(ddof=1) / np.sqrt((stderrs**2).mean()) < 1.6, name


def test_draws_that_are_not_minimised_say_nothing(monkeypatch: pytest.MonkeyPatch):
    not_at_all = lambda *given, **keys: minimise(*given, **(keys | {"iterations": 0}))  # noqa: E731
    plant(monkeypatch, minimise, not_at_all, within="resnet_limits.studies.hamiltonian.meanfield")
    judgement = verdict("hamiltonian.meanfield", measured(meanfield, replace(SMALL, replicas=3), (4,), InMemory()))
    assert judgement.verdict == "inconclusive"
    assert "of a draw" in judgement.why
