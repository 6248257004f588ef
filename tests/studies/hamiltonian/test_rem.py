"""`hamiltonian.rem`: trained networks with one filter a layer approach their geodesic, and faults turn claims red."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from resnet_limits.claims.claim import Judgement
from resnet_limits.data.sources.digits import DigitsData
from resnet_limits.limits.hamiltonian.kernels.equivariant import EquivariantKernel
from resnet_limits.limits.hamiltonian.permutations import PermutationGroup
from resnet_limits.limits.hamiltonian.windows import Windows
from resnet_limits.measurement.job import InMemory, Job
from resnet_limits.measurement.record import Measurement
from resnet_limits.studies import study as studies
from resnet_limits.studies.hamiltonian.problem import Setup, dataset_of, setup
from resnet_limits.studies.hamiltonian.rem import measure as rem
from resnet_limits.studies.hamiltonian.rem.claims import PINS_OF_REM
from resnet_limits.studies.hamiltonian.rem.identities import examples, identities
from resnet_limits.studies.hamiltonian.settings import Hamiltonian, HamiltonianKeys
from resnet_limits.studies.hamiltonian.trained.claims import PLATEAU_BY_DISTANCE
from resnet_limits.studies.pinned import pinned
from resnet_limits.training import branches
from tests.planting import resize
from tests.studies.hamiltonian.small import SMALL, orders
from tests.studies.verdicts import ladder, verdict

DEPTHS = (4, 8)
FEW_IMAGES = replace(SMALL, hamiltonian=replace(SMALL.hamiltonian, points=32))


@pytest.fixture(scope="module")
def few_steps():
    patch = pytest.MonkeyPatch()
    patch.setitem(PINS_OF_REM, "hamiltonian.steps", 16)
    resize(patch, branches, JUDGED_DEPTH=8)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def of_digits(few_steps) -> list[tuple[Hamiltonian, Measurement]]:
    return ladder(rem, FEW_IMAGES, DEPTHS, InMemory())


def test_networks_with_one_filter_a_layer_approach_the_geodesic_at_order_one(of_digits):
    for observable in PLATEAU_BY_DISTANCE:
        assert orders(of_digits, observable, of="rem") == pytest.approx(1, abs=0.2), observable  # of 4 and 8 layers
    for name in ("convolution", "norm", "equivariance", "positive", "commutes", "padded", "residual", "residual.euler"):
        judgement = verdict(f"hamiltonian.rem.{name}", of_digits)
        assert judgement.verdict == "supported", (name, judgement.why)


def test_what_is_kept_are_the_filters_of_a_convolutional_network(of_digits):
    settings, measurement = of_digits[0]
    w, problem = torch.from_numpy(measurement.arrays["rem.filters"]), problem_of(FEW_IMAGES)
    assert w.shape == (4, 1, 10)
    q = problem.q0.view(-1, 1, 8, 8)
    for filters in w:
        padded = functional.pad(torch.tanh(q), [1] * 4, mode="circular")
        q = q + functional.conv2d(padded, filters[:, :9].view(1, 1, 3, 3), filters[:, 9])
    value = problem.nu / 2 * settings.depth * w.square().sum() + problem.loss.value(q.flatten(1))
    (least,) = [
        r.value
        for r in measurement.records
        if r.observable == "minimum" and r.step is None and r.coordinates["of"] == "rem"
    ]
    assert float(value) == pytest.approx(least, rel=1e-12)


def problem_of(settings: Hamiltonian) -> Setup:
    settings = pinned(settings, PINS_OF_REM)
    return rem.problem_of_digits(settings, dataset_of(settings))


def judged(name: str, settings: Hamiltonian = SMALL) -> Judgement:
    return verdict(f"hamiltonian.rem.{name}", [(replace(settings, depth=8), Measurement(identities(Job(settings))))])


def test_windows_that_see_zero_beyond_the_image_are_refuted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Windows, "of_shifts", Windows.zero_padded)
    assert judged("convolution").verdict == "refuted"
    assert judged("equivariance").verdict == "refuted", "by windows, where the double sum is as it was"


def test_identities_hold_for_the_group_of_the_generators_too():
    turns = HamiltonianKeys(generators=[[1, 2, 3, 0, 5, 4], [3, 2, 1, 0, 4, 5]], patch=[0, 1, 5])
    settings = replace(SMALL, hamiltonian=turns)
    assert len(examples(settings)) == len(examples(SMALL)) + 1
    for name in ("norm", "equivariance", "positive"):
        assert judged(name, settings).verdict == "supported", name
    every = [[1, 2, 3, 4, 0], [1, 0, 2, 3, 4]]
    judgement = judged("equivariance", replace(SMALL, hamiltonian=HamiltonianKeys(generators=every)))
    assert judgement.verdict == "inconclusive"
    assert "has 120 elements" in judgement.why
    # sites that the group does not bring to each other have outputs of their own
    assert PermutationGroup.generated_by(turns.generators or []).orbits == [0, 4]


def test_images_are_a_quarter_of_the_points():
    assert len(problem_of(FEW_IMAGES).q0) == 8
    assert len(problem_of(replace(SMALL, hamiltonian=HamiltonianKeys(points=2))).q0) == 2


@pytest.mark.parametrize(
    ("data", "width", "grid"), [("digits", 128, (8, 8)), ("moons", 4, (2,))], ids=["images", "points of a circle"]
)
def test_the_kernel_is_one_to_choose_with_the_sites_of_the_data(data: str, width: int, grid: tuple[int, ...]):
    keys = HamiltonianKeys(kernel="equivariant", readout="linear", window=1 if data == "moons" else 3, points=6)
    settings = replace(SMALL, data=DigitsData() if data == "digits" else SMALL.data, width=width, hamiltonian=keys)
    studies.get("hamiltonian").check(settings)
    problem = setup(settings)
    assert isinstance(problem.kernel, EquivariantKernel)
    assert settings.grid() == grid
    without = setup(replace(settings, hamiltonian=replace(keys, bias=False)))
    taps = 2 * keys.window ** len(grid) + 1
    assert without.network(4).shape == (4, 2, taps - 1)
    assert problem.network(4).shape == (4, 2, taps)
    assert np.isfinite(problem.network(4).value_and_gradient(np.full(4 * 2 * taps, 0.1))[0])
