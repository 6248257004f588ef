"""`hamiltonian.rem`: trained networks with one filter a layer approach their geodesic, and faults turn claims red."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from resnet_limits.data.sources.digits import DigitsData
from resnet_limits.limits.hamiltonian.kernels.equivariant import EquivariantKernel
from resnet_limits.limits.hamiltonian.windows import Windows
from resnet_limits.measurement.job import InMemory
from resnet_limits.measurement.record import Measurement
from resnet_limits.studies import study as studies
from resnet_limits.studies.hamiltonian.problem import setup
from resnet_limits.studies.hamiltonian.rem import measure as rem
from resnet_limits.studies.hamiltonian.rem.claims import PINS_OF_REM
from resnet_limits.studies.hamiltonian.settings import Hamiltonian, HamiltonianKeys
from resnet_limits.studies.pinned import pinned
from resnet_limits.training import branches
from tests.planting import resize
from tests.studies.hamiltonian.small import SMALL, orders
from tests.studies.verdicts import ladder, verdict

DEPTHS = (4, 8)


@pytest.fixture(scope="module")
def few_points():
    patch = pytest.MonkeyPatch()
    patch.setitem(PINS_OF_REM, "hamiltonian.points", 8)
    patch.setitem(PINS_OF_REM, "hamiltonian.steps", 16)
    resize(patch, branches, JUDGED_DEPTH=8)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def of_digits(few_points) -> list[tuple[Hamiltonian, Measurement]]:
    return ladder(rem, SMALL, DEPTHS, InMemory())


def test_networks_with_one_filter_a_layer_approach_the_geodesic_at_order_one(of_digits):
    for observable in ("state_distance", "momentum_distance", "value_gap"):
        assert orders(of_digits, observable, of="rem") == pytest.approx(1, abs=0.2), observable  # of 4 and 8 layers
    for name in ("convolution", "norm", "equivariance", "positive", "commutes", "padded", "residual"):
        judgement = verdict(f"hamiltonian.rem.{name}", of_digits)
        assert judgement.verdict == "supported", (name, judgement.why)


def test_what_is_kept_are_the_filters_of_a_convolutional_network(of_digits):
    settings, measurement = of_digits[0]
    w, problem = torch.from_numpy(measurement.arrays["rem.filters"]), rem.problem_of_digits(pinned(SMALL, PINS_OF_REM))
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


def test_windows_that_see_zero_beyond_the_image_are_refuted(few_points, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Windows, "of_shifts", Windows.zero_padded)
    records = rem.identities(SMALL)
    jobs = [(replace(SMALL, depth=8), Measurement(records))]
    assert verdict("hamiltonian.rem.convolution", jobs).verdict == "refuted"


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
