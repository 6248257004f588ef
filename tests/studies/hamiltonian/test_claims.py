"""The study `hamiltonian`: its claims hold, three ways lead to one minimiser, planted faults turn verdicts red."""

from __future__ import annotations

from collections.abc import Sequence
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
from resnet_limits.data.sources.gaussian import GaussianData
from resnet_limits.data.sources.image_folder import ImageFolderData
from resnet_limits.data.sources.moons import MoonsData
from resnet_limits.data.sources.spirals import SpiralsData
from resnet_limits.limits.hamiltonian import integrators
from resnet_limits.limits.hamiltonian.end_loss import Fixed
from resnet_limits.limits.hamiltonian.integrators import INTEGRATORS
from resnet_limits.limits.hamiltonian.kernels.features import FeaturesKernel
from resnet_limits.limits.hamiltonian.kernels.gaussian import GaussianKernel
from resnet_limits.limits.hamiltonian.losses.square import SquareLoss
from resnet_limits.limits.hamiltonian.shooting import Problem, descend, shoot
from resnet_limits.limits.hamiltonian.trajectory import integrate
from resnet_limits.measurement.job import FinishedJob, InMemory, Job
from resnet_limits.measurement.record import Measurement
from resnet_limits.networks.activations import activation_named
from resnet_limits.random.normals import generator
from resnet_limits.runs.records import table
from resnet_limits.settings.content import job_name
from resnet_limits.settings.training import Minimiser
from resnet_limits.studies import study as studies
from resnet_limits.studies.hamiltonian.energy import measure as energy
from resnet_limits.studies.hamiltonian.landmarks import measure as landmarks
from resnet_limits.studies.hamiltonian.meanfield import claims as meanfield_claims
from resnet_limits.studies.hamiltonian.meanfield import measure as meanfield
from resnet_limits.studies.hamiltonian.network import WeightDecayedNetwork, refined
from resnet_limits.studies.hamiltonian.outside import not_reached
from resnet_limits.studies.hamiltonian.problem import Setup, minima, setup
from resnet_limits.studies.hamiltonian.problem import trained as minimiser
from resnet_limits.studies.hamiltonian.scaling import compare as depths
from resnet_limits.studies.hamiltonian.scaling import measure as scaling
from resnet_limits.studies.hamiltonian.settings import Hamiltonian, HamiltonianKeys
from resnet_limits.studies.hamiltonian.sparsity import measure as sparsity
from resnet_limits.studies.hamiltonian.trained import compare as plateaus_of_trained
from resnet_limits.studies.hamiltonian.trained import measure as trained
from resnet_limits.training.minimiser import Differentiated, Objective, minimise
from tests.planting import plant, resize
from tests.studies.verdicts import ladder, values, verdict

STUDY = studies.get("hamiltonian")
DEPTHS = (8, 16, 32, 64)
SMALL = Hamiltonian(
    hamiltonian=HamiltonianKeys(points=12, steps=64, nu=0.1), data=MoonsData(train_size=100, test_size=10)
)
SHARED = InMemory()
"""Minimisers and shootings of `SMALL` without any fault."""


def measured(
    part, settings: Hamiltonian = SMALL, depths: Sequence[int] = DEPTHS, shared: InMemory = SHARED
) -> list[tuple[Hamiltonian, Measurement]]:
    return ladder(part, settings, depths, shared)


# -- the claims hold ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def of_the_network() -> list[tuple[Hamiltonian, Measurement]]:
    return measured(trained)


def orders(jobs: Sequence[tuple[Hamiltonian, Measurement]], observable: str, **where: str) -> float:
    """The slope between the last two depths."""
    *_, before, last = values(jobs, observable, **where)
    return float(np.log2(before / last))


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


def test_energy_drifts_at_the_order_of_the_integrator():
    jobs = measured(energy)
    for scheme, order in (("symplectic_euler", 1), ("leapfrog", 2), ("midpoint", 2)):
        assert orders(jobs, "energy_drift", scheme=scheme) == pytest.approx(order, abs=0.15)
    assert orders(jobs, "modified_energy_drift", scheme="symplectic_euler") == pytest.approx(2, abs=0.15)


def test_decay_that_grows_with_depth_has_a_limit_and_constant_decay_leads_to_the_infimum_of_the_loss():
    jobs = measured(scaling)
    for claim in ("hamiltonian.scaling.constant", "hamiltonian.scaling.constant.rate"):
        judgement = verdict(claim, jobs, depths)
        assert judgement.verdict == "supported", judgement.why
    comparisons = depths.compare([FinishedJob(s, m.records, m.arrays.get) for s, m in jobs])
    values = {c.depth: c.record.value for c in comparisons if c.record.observable == "value_difference"}
    assert set(values) == {8, 16, 32}
    assert np.log2(values[16] / values[32]) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("loss", ["square", "squared_insensitive"])
def test_points_without_loss_gradient_have_no_momentum(loss: str):
    settings = replace(SMALL, hamiltonian=replace(SMALL.hamiltonian, loss=loss, nu=0.02))
    jobs = measured(sparsity, settings, (32,))
    judgement = verdict("hamiltonian.sparsity", jobs)
    assert judgement.measured is not None
    assert judgement.measured.value >= 0.9, judgement.why
    values = {r.observable: r.value for r in jobs[0][1].records}
    assert 0 < values["without_gradient"] < 1
    assert values["momentum_off_support"] < 1e-9


def test_weights_approach_those_of_the_population_at_one_half():
    judgement = verdict("hamiltonian.meanfield", measured(meanfield, replace(SMALL, replicas=6), (8,)))
    assert judgement.measured is not None
    assert judgement.measured.low < 0.5 < judgement.measured.high


def test_landmarks_are_matched_by_the_geodesic_that_training_every_layer_approaches():
    jobs = measured(landmarks, depths=(4, 8))
    assert verdict("hamiltonian.geodesic.landmarks", jobs).verdict == "inconclusive"  # two depths
    gaps = [r.value for _, m in jobs for r in m.records if r.observable == "energy_gap"]
    assert np.log2(gaps[0] / gaps[1]) == pytest.approx(1, abs=0.1)
    arrays = jobs[0][1].arrays
    assert all(array.flags["C_CONTIGUOUS"] for array in arrays.values())  # else a file of them holds something else
    assert np.abs(arrays["landmarks.states"][-1] - arrays["landmarks.targets"]).max() < 0.02
    grid = arrays["landmarks.grid"]
    assert grid.shape == (5, landmarks.GRID**2, 2)
    np.testing.assert_array_equal(grid[0], landmarks.grid().numpy())


# -- the minimiser --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"loss": "logistic", "readout": "linear"},
        {"readout": "ridge", "ridge": 0.1},
        {"kernel": "gaussian"},
        {"kernel": "gaussian", "readout": "ridge", "ridge": 0.1},
        {"loss": "squared_hinge"},
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
    network = minimiser(problem, minima(Job(settings), problem, depth, "t", {})[-1])
    aim, euler = Problem(problem.kernel, problem.q0, problem.nu, problem.loss), INTEGRATORS["symplectic_euler"]
    shot = shoot(aim, descend(aim, INTEGRATORS["rk4"], 4, iterations=10), euler, depth)
    assert shot.converged, shot.why
    np.testing.assert_allclose(shot.momentum.numpy(), network.momenta[0].numpy(), atol=1e-8)
    np.testing.assert_allclose(shot.trajectory.states.numpy(), torch.stack(network.states).numpy(), atol=1e-8)

    from resnet_limits.training.minimiser import minimise

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
    (branch,) = minima(Job(SMALL), problem, 128, "one point", {})
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


# -- planted faults -------------------------------------------------------------------------------


def test_momenta_without_the_transpose_of_the_layer_are_refuted(monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch, shoot, partial(shoot, iterations=0))  # from wrong momenta it would search for long
    monkeypatch.setattr(WeightDecayedNetwork, "carried", lambda self, q, P, w: P @ w[:, : q.shape[1]])  # no slope
    assert verdict("hamiltonian.residual", measured(trained, depths=(8,), shared=InMemory())).verdict == "refuted"


def test_a_decay_without_the_factor_of_depth_is_refuted(monkeypatch: pytest.MonkeyPatch):
    # the penalty nu/2 sum |w|^2 in place of nu L/2 sum |w|^2: what the study trains drifts away from its limit
    careful = Setup.network
    plant(monkeypatch, shoot, partial(shoot, iterations=0))
    monkeypatch.setattr(Setup, "network", lambda self, depth, constant=False: careful(self, depth, constant=True))
    jobs = measured(trained, depths=(8,), shared=InMemory())
    assert verdict("hamiltonian.residual", jobs).verdict == "refuted"
    settings = replace(SMALL, hamiltonian=replace(SMALL.hamiltonian, points=5))
    comparisons = depths.compare(
        [FinishedJob(s, m.records, m.arrays.get) for s, m in measured(scaling, settings, (8, 16, 32, 64, 128))]
    )
    frame = pd.concat([table(replace(SMALL, depth=c.depth), [c.record]) for c in comparisons], ignore_index=True)
    for name in ("hamiltonian.scaling", "hamiltonian.scaling.observed"):
        (claim,) = [c for c in STUDY.claims if c.id == name]
        assert judge(claim, SMALL, frame, {}).verdict == "refuted"


def test_an_explicit_step_in_place_of_the_symplectic_one_is_refuted(monkeypatch: pytest.MonkeyPatch):
    def explicit(self, kernel, q, P, h):
        dq, dP = integrators.flow(kernel, q, P)
        return q + h * dq, P + h * dP

    measured(energy, depths=(8,))  # the limit is found before the fault
    for scheme in ("symplectic_euler", "leapfrog"):
        monkeypatch.setattr(type(INTEGRATORS[scheme]), "step", explicit)
    jobs = measured(energy, depths=(32, 64, 128, 256))
    for claim in ("energy.leapfrog", "energy.symplectic_euler", "form.leapfrog", "form.symplectic_euler"):
        assert verdict(f"hamiltonian.{claim}", jobs).verdict == "refuted", claim
    # the drift of explicit Euler is of order 1 too; that it is not what networks do shows at any depth
    for depth in (8, 64):
        assert verdict("hamiltonian.residual.euler", measured(trained, depths=(depth,))).verdict == "refuted"


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


def test_an_energy_of_momenta_that_are_off_is_refuted(monkeypatch: pytest.MonkeyPatch):
    # half of the slope of the activation in the recursion of the momenta
    careful = WeightDecayedNetwork.carried
    measured(trained)  # the limit is found before the fault
    monkeypatch.setattr(WeightDecayedNetwork, "carried", lambda self, q, P, w: 0.5 * careful(self, q, P, w))
    jobs = measured(trained, depths=(32, 64, 128, 256))
    assert verdict("hamiltonian.energy", jobs).verdict == "refuted"


def test_momenta_of_points_without_loss_gradient_are_refuted(monkeypatch: pytest.MonkeyPatch):
    # the square loss in place of the hinge in the shooting: all points have a gradient

    def wrong(kernel, q, nu, loss):
        return Problem(kernel, q, nu, Fixed(SquareLoss(), loss.y))

    settings = replace(SMALL, hamiltonian=replace(SMALL.hamiltonian, loss="squared_hinge", nu=0.02))
    plant(monkeypatch, Problem, wrong, within="resnet_limits.studies")
    assert verdict("hamiltonian.sparsity", measured(sparsity, settings, (32,), shared=InMemory())).verdict == "refuted"


def test_draws_of_too_many_points_are_refuted(monkeypatch: pytest.MonkeyPatch):
    # all draws of N points in place of ones of N: the distance does not fall with N
    class Same:
        def integers(self, high: int, size: int) -> np.ndarray:
            return stream.integers(high, size=64)

    stream = np.random.default_rng(0)
    plant(monkeypatch, generator, lambda *key: Same(), within="resnet_limits.studies.hamiltonian.meanfield")
    jobs = measured(meanfield, replace(SMALL, replicas=6), (8,), shared=InMemory())
    assert verdict("hamiltonian.meanfield", jobs).verdict == "refuted"


def test_landmarks_shot_with_another_kernel_are_refuted(monkeypatch: pytest.MonkeyPatch):
    def wrong(kernel, q, nu, loss):
        return Problem(GaussianKernel(1.1), q, nu, loss)

    plant(monkeypatch, Problem, wrong, within="resnet_limits.studies")
    jobs = measured(landmarks, depths=(4, 8, 16, 32), shared=InMemory())
    assert verdict("hamiltonian.geodesic.landmarks.observed", jobs).verdict == "refuted"


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


def test_a_limit_that_is_off_by_a_thousandth_is_refuted_where_its_order_is_not(monkeypatch: pytest.MonkeyPatch):
    careful, shared = integrate, InMemory()
    settings = replace(SMALL, hamiltonian=replace(SMALL.hamiltonian, integrator="rk4"))  # accurate in few steps
    claims = [f"hamiltonian.shooting.{name}" for name in ("state", "state.observed")]

    def said() -> list[str]:
        jobs = measured(trained, settings, (16, 32, 64, 128), shared)
        return [verdict(claim, jobs, plateaus_of_trained).verdict for claim in claims]

    def longer(kernel, q, P, integrator, steps):
        path = careful(kernel, q, P, integrator, steps)
        return replace(path, states=q + 1.001 * (path.states - q))

    assert said() == ["supported", "supported"]
    plant(monkeypatch, integrate, longer, within="resnet_limits.studies.hamiltonian.limit")
    state, order = said()
    assert state == "refuted"
    assert order != "refuted"


# -- what is not reached, and what is refused -----------------------------------------------------


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
    reason = not_reached("scaled decay", shooting=False)
    frames = [table(s, m.records, job=job_name(s)) for s, m in jobs]
    assert "ends below L=8" in (reason(pd.concat(frames)) or "")
    assert reason(pd.concat(frames[1:])) is None


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
    assert "branches" in judge(claim, started, frame, {}).why


def test_where_network_and_limit_agree_to_rounding_nothing_is_refuted():
    # points so far apart for the kernel that each moves alone, on a straight line, whatever the depth
    keys = HamiltonianKeys(points=8, steps=64, kernel="gaussian", length=0.001)
    jobs = measured(trained, replace(SMALL, hamiltonian=keys))
    for claim in STUDY.claims:
        if claim.where.get("of") == "own" and claim.where.get("scheme", "network") == "network":
            assert verdict(claim.id, jobs, plateaus_of_trained).verdict != "refuted", claim.id


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


def test_the_constant_of_the_mean_field_is_that_of_gradients_of_single_points_by_autograd():
    problem, L = setup(SMALL), 4
    (branch,) = minima(Job(SMALL), problem, L, "t", {})
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


def test_the_standard_error_of_the_mean_field_is_the_scatter_over_seeds(monkeypatch: pytest.MonkeyPatch):
    resize(monkeypatch, meanfield_claims, COUNTS=(256,), DEPTH=4)
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


def test_a_regression_has_no_accuracy():
    regression_settings = replace(SMALL, data=GaussianData(features=2, train_size=12, test_size=2))
    (regression,), (classes,) = (measured(trained, settings, (4,)) for settings in (regression_settings, SMALL))
    assert "accuracy" not in {r.observable for r in regression[1].records}
    assert "accuracy" in {r.observable for r in classes[1].records}


def test_draws_that_are_not_minimised_say_nothing(monkeypatch: pytest.MonkeyPatch):
    not_at_all = lambda *given, **keys: minimise(*given, **(keys | {"iterations": 0}))  # noqa: E731
    plant(monkeypatch, minimise, not_at_all, within="resnet_limits.studies.hamiltonian.meanfield")
    judgement = verdict("hamiltonian.meanfield", measured(meanfield, replace(SMALL, replicas=3), (4,), InMemory()))
    assert judgement.verdict == "inconclusive"
    assert "of a draw" in judgement.why


def test_a_shooting_that_does_not_hit_is_inconclusive_with_its_energy(monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch, shoot, partial(shoot, iterations=0))
    jobs = measured(trained, depths=(8,), shared=InMemory())
    judgement = verdict("hamiltonian.shooting.state.observed", jobs)
    assert judgement.verdict == "inconclusive"
    assert "residual" in judgement.why
    assert "energy" in judgement.why
    assert any(r.observable == "shooting_energy" for r in jobs[0][1].records)
