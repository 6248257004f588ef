"""The minimiser of the study: three ways lead to one, and what is not reached, or zero, is said."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.optimize
import torch
from PIL import Image

from resnet_limits.claims.judge import judge
from resnet_limits.data.sources.image_folder import ImageFolderData
from resnet_limits.data.sources.spirals import SpiralsData
from resnet_limits.limits.hamiltonian.end_loss import Fixed
from resnet_limits.limits.hamiltonian.integrators import INTEGRATORS
from resnet_limits.limits.hamiltonian.kernels.features import FeaturesKernel
from resnet_limits.limits.hamiltonian.losses.square import SquareLoss
from resnet_limits.limits.hamiltonian.shooting import Problem, lowered_by_lbfgs, shoot
from resnet_limits.measurement.job import InMemory, Job
from resnet_limits.networks.activations import activation_named
from resnet_limits.runs.records import table
from resnet_limits.settings.content import job_name
from resnet_limits.settings.training import Minimiser
from resnet_limits.studies.hamiltonian.energy import measure as energy
from resnet_limits.studies.hamiltonian.network import refined
from resnet_limits.studies.hamiltonian.outside import solution_not_reached
from resnet_limits.studies.hamiltonian.problem import Setup, minima_of_setup, setup
from resnet_limits.studies.hamiltonian.problem import trained as minimiser
from resnet_limits.studies.hamiltonian.scaling import compare as depths
from resnet_limits.studies.hamiltonian.scaling import measure as scaling
from resnet_limits.studies.hamiltonian.settings import Hamiltonian, HamiltonianKeys
from resnet_limits.studies.hamiltonian.trained import compare as plateaus_of_trained
from resnet_limits.studies.hamiltonian.trained import measure as trained
from resnet_limits.training.minimiser import Differentiated, Objective, minimise
from tests.planting import plant
from tests.studies.hamiltonian.small import SMALL, STUDY, measured
from tests.studies.verdicts import verdict


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"loss": "logistic", "readout": "linear"},
        {"readout": "ridge", "ridge": 0.1},
        {"kernel": "gaussian"},
        {"kernel": "gaussian", "readout": "ridge", "ridge": 0.1},
        {"loss": "squared_hinge"},
        {"scheme": "heun"},
        {"scheme": "heun", "loss": "logistic", "readout": "linear"},
    ],
    ids=str,
)
def test_gradient_hessian_and_momenta_of_a_network_are_right(keys: dict):
    settings = replace(SMALL, width=3, hamiltonian=HamiltonianKeys(points=7, **keys))
    network = setup(settings).network(5)
    assert isinstance(network, Objective)
    rng = np.random.default_rng(0)
    u, v = (0.3 * rng.standard_normal(int(np.prod(network.shape))) for _ in range(2))
    values = [network.value_and_gradient(u + s * v) for s in (1e-5, -1e-5)]
    _, gradient = network.value_and_gradient(u)
    assert float(gradient @ v) == pytest.approx((values[0][0] - values[1][0]) / 2e-5, rel=1e-7)
    difference = (values[0][1] - values[1][1]) / 2e-5
    np.testing.assert_allclose(network.hessian(u)(v), difference, rtol=1e-5, atol=1e-7)


def test_three_ways_reach_the_same_minimiser():
    # all layers trained; shooting by symplectic Euler with as many steps, from zero; the minimiser by autograd alone
    settings = replace(SMALL, hamiltonian=HamiltonianKeys(points=6, nu=0.3))
    problem, depth = setup(settings), 4
    network = minimiser(problem, minima_of_setup(Job(settings), problem, depth, "t", {})[-1])
    aim, euler = Problem(problem.kernel, problem.q0, problem.nu, problem.loss), INTEGRATORS["symplectic_euler"]
    shot = shoot(aim, lowered_by_lbfgs(aim, INTEGRATORS["rk4"], 4, iterations=10), euler, depth)
    assert shot.converged, shot.why
    np.testing.assert_allclose(shot.momentum.numpy(), network.momenta[0].numpy(), atol=1e-8)
    np.testing.assert_allclose(shot.trajectory.states.numpy(), torch.stack(network.states).numpy(), atol=1e-8)

    objective = problem.network(depth)

    def plain(z: torch.Tensor) -> torch.Tensor:
        q = problem.q0
        for w in z.reshape(objective.shape) / depth**0.5:
            q = q + torch.tanh(q) @ w[:, :-1].T + w[:, -1]
        return 0.3 / 2 * z.square().sum() + (q[:, -1:] - problem.loss.y).square().sum() / 12

    alone = minimise(Differentiated(plain), np.zeros(int(np.prod(objective.shape))))
    assert alone.converged
    assert alone.value == pytest.approx(network.minimum.value, rel=1e-12)
    np.testing.assert_allclose(alone.point, network.minimum.point, atol=1e-8)


def test_a_network_trained_on_one_point_approaches_the_minimum_in_closed_form_at_order_one():
    # d=1, identity: q(t) = sinh(u_0 + t (u_1 - u_0)), value min over u_1 of nu/2 (u_1 - u_0)^2 + loss(sinh u_1)
    nu, start, target = 0.3, 0.4, 2.0
    u0 = np.arcsinh(start)
    exact: Any = scipy.optimize.minimize_scalar(
        lambda u: nu / 2 * (u - u0) ** 2 + (np.sinh(u) - target) ** 2 / 2, tol=1e-13
    )
    q0, y = (torch.full((1, 1), x, dtype=torch.float64) for x in (start, target))
    problem = Setup(FeaturesKernel(activation_named("identity")), q0, nu, Fixed(SquareLoss(), y))
    (branch,) = minima_of_setup(Job(SMALL), problem, 128, "one point", {})
    gaps = []
    for rung in branch.rungs:
        assert rung.minimum.converged
        network, L = problem.network(rung.depth), rung.depth
        q = torch.cat(network.states(network.weights(rung.minimum.point)))[:, 0].numpy()
        along = np.sinh(u0 + np.arange(L + 1) / L * (exact.x - u0))
        gaps.append((rung.minimum.value - exact.fun, np.abs(q - along).max()))
    values, states = np.array(gaps[2:]).T
    np.testing.assert_allclose(values, [6.2e-3, 3.1e-3, 1.5e-3, 7.7e-4], rtol=0.05)
    for errors in (values, states):
        np.testing.assert_allclose(np.log2(errors[:-1] / errors[1:]), 1, atol=0.03)
    # Twice the gap at 2L less that at L: without its first order little is left of the value.
    assert abs(2 * values[-1] - values[-2]) < 1e-5


def test_weights_are_continued_linearly_in_time_and_extrapolated_in_depth():
    exact = lambda L: (2 * np.arange(L) / L + 1 + 3 / L)[:, None, None] * np.ones((1, 2, 3))  # noqa: E731
    np.testing.assert_allclose(refined([exact(4), exact(8)], 16)[:13], exact(16)[:13])
    np.testing.assert_allclose(refined([exact(4)], 4), exact(4))


def test_a_minimiser_that_is_not_reached_is_inconclusive_with_its_gradient():
    judgement = verdict("hamiltonian.norm", measured(trained, replace(SMALL, minimiser=Minimiser(iterations=1)), (8,)))
    assert judgement.verdict == "inconclusive"
    assert "relative gradient norm" in judgement.why


@pytest.mark.parametrize("change", [{"iterations": 150}, {"tolerance": 1e-11}, {"starts": 2}])
def test_what_a_limit_starts_from_is_part_of_its_key(change: dict, monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch, shoot, partial(shoot, iterations=0))
    shared = InMemory()
    for minimiser_keys in (Minimiser(), Minimiser(**change)):
        measured(trained, replace(SMALL, minimiser=minimiser_keys), (4,), shared)
    assert sum(name.startswith("trained.limit ") for name in shared.solutions) == 2


def test_a_branch_that_ends_at_the_lowest_rungs_is_noticed():
    settings = replace(SMALL, data=SpiralsData(), hamiltonian=HamiltonianKeys(points=20, nu=0.01))
    jobs = measured(scaling, settings, (4, 8, 16, 32))
    reason = solution_not_reached("scaled decay", shooting=False)
    frames = [table(s, m.records, job=job_name(s)) for s, m in jobs]
    assert "ends below L=8" in (reason(pd.concat(frames)) or "")
    assert reason(pd.concat(frames[1:])) is None


@pytest.mark.slow
def test_of_several_starts_the_least_at_one_depth_is_judged_and_all_are_said():
    started = replace(SMALL, data=SpiralsData(), minimiser=Minimiser(starts=3))
    started = replace(started, hamiltonian=HamiltonianKeys(points=20, nu=0.01, steps=64))
    jobs = measured(scaling, started, (4, 32))
    for settings, measurement in jobs:
        records = [r for r in measurement.records if r.coordinates.get("of") == "scaled decay" and r.step is None]
        values = {r.coordinates["start"]: r.value for r in records if r.observable == "branch_minimum"}
        assert set(values) == {0, 1, 2}
        (judged,) = [r.value for r in records if r.observable == "scaled_value"]
        if settings.depth == 32:
            assert judged == min(values.values())
    (claim,) = [c for c in STUDY.claims if c.id == "hamiltonian.scaling"]
    frame = pd.concat([table(s, m.records, job=job_name(s)) for s, m in jobs])
    words = claim.note(frame)
    assert words is not None
    assert "the branch of least value from L=32 on is judged" in judge(claim, started, frame, {}).why


@pytest.fixture
def alike(tmp_path) -> Hamiltonian:
    """Twelve grey images, six a class: nothing tells the classes apart, and the minimiser is no flow at all."""
    for split in ("train", "test"):
        for label in ("a", "b"):
            folder = tmp_path / "alike" / split / label
            folder.mkdir(parents=True)
            for i in range(6):
                Image.fromarray(np.full((4, 4), 77, np.uint8)).save(folder / f"{i}.png")
    data = ImageFolderData(root=str(tmp_path), folder="alike")
    return replace(SMALL, data=data, width=4)


def test_where_the_minimiser_is_zero_nothing_is_judged_by_ratios_of_rounding(alike: Hamiltonian):
    shared, reasons = InMemory(), {}
    for part, comparison in ((trained, plateaus_of_trained), (energy, None), (scaling, depths)):
        jobs = measured(part, alike, (4, 8, 16, 32), shared)
        for claim in STUDY.parts[part.__name__.split(".")[-2]]:
            judgement = verdict(claim, jobs, comparison)
            assert judgement.verdict != "refuted", judgement.why
            reasons[claim] = judgement.why
    for claim in ("residual", "residual.euler", "norm", "energy", "geodesic.observed", "form.leapfrog"):
        assert "no flow at all" in reasons[f"hamiltonian.{claim}"], reasons
    assert "the points are not fitted yet" in reasons["hamiltonian.scaling.constant"]
