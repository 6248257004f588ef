"""`kernel.diagram.*`: the right corners by full matrices, and red where the physics is broken."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from resnet_limits.limits.kernel import LimitKernel
from resnet_limits.measurement.job import Job
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.sampling.layer_law import Isotropic
from resnet_limits.sampling.noise import noise
from resnet_limits.sampling.schemes import EulerMaruyama, ShallowNetwork
from resnet_limits.studies.kernel import kernels
from resnet_limits.studies.kernel.diagram import claims
from resnet_limits.studies.kernel.diagram import measure as diagram
from resnet_limits.studies.kernel.drift import measure as drift
from resnet_limits.studies.kernel.kernels import limit_moments
from resnet_limits.studies.kernel.problem import first_points, overlaps_after_read_in, pair
from resnet_limits.studies.kernel.settings import Kernel
from tests.planting import plant, plant_method, resize, walk_in_python
from tests.studies.kernel.small import SMALL, repeated
from tests.studies.sde.faults import noise_of_its_own_for_each_input
from tests.studies.verdicts import measured, value, verdicts

DEPTHS = (64,)
NETWORK = ("kernel.diagram.network.q", "kernel.diagram.network.lambda")
SDE = ("kernel.diagram.sde.q", "kernel.diagram.sde.lambda")
COMMUTE = ("kernel.diagram.commute.q", "kernel.diagram.commute.lambda")
SPREAD = "kernel.diagram.spread"
ACT = Isotropic.act


@pytest.fixture(autouse=True)
def _fewer_steps(monkeypatch):
    """The error of the step is taken off: 64 do."""
    resize(monkeypatch, claims, STEPS_OF_SDE_SCHEME=64)


@pytest.mark.parametrize("activation", ["tanh", "swish"])
def test_every_claim_is_supported(activation: str):
    judged = verdicts("diagram", replace(SMALL, activation=activation, replicas=1024), DEPTHS)
    if activation == "swish":
        assert "do not close" in judged.pop(SPREAD).why
    for claim, judgement in judged.items():
        assert judgement.verdict == "supported", (claim, judgement.why)


def test_growth_of_relu_networks_is_supported():
    for claim, judgement in verdicts("drift", SMALL, DEPTHS).items():
        assert judgement.verdict == "supported", (claim, judgement.why)


def test_samples_are_those_of_networks_with_full_matrices():
    settings = Kernel(width=8, depth=6, replicas=4000)
    z, n = first_points(settings, 2), 4000
    draws = diagram.sampled_by_width(settings, overlaps_after_read_in(z), ShallowNetwork("tanh"), 6, "network")[8]
    torch.manual_seed(0)
    x = z @ torch.randn(n, 64, 8, dtype=torch.float64) / 8
    for _ in range(6):
        W = torch.randn(n, 8, 8, dtype=torch.float64) * math.sqrt(1 / 6 / 8)
        x = x + torch.tanh(x @ W + 0.5 * math.sqrt(1 / 6) * torch.randn(n, 1, 8, dtype=torch.float64))
    naive = {"q": x[:, 0].square().mean(dim=1), "lambda": (x[:, 0] * x[:, 1]).mean(dim=1)}
    for of, values in naive.items():
        for power in (1, 2):
            a, b = values**power, draws[of] ** power
            error = math.hypot(float(a.std()), float(b.std())) / math.sqrt(n)
            assert abs(float(a.mean() - b.mean())) < 5 * error, (of, power)


@pytest.mark.slow
def test_the_table_has_a_column_a_width_and_ends_at_the_exact_numbers():
    measurement = diagram.measure(Job(replace(SMALL, depth=16)))
    records = measurement.records
    for name, corner in (("depth", diagram.CORNER_WIDE), ("limit", diagram.CORNER_LIMIT)):
        table = measurement.arrays[f"diagram.{name}"]
        assert table.flags.c_contiguous
        np.testing.assert_array_equal(table[0], [16, 32, 64, 128, np.inf])
        assert table[1, -1] == value(records, "corner", corner=corner, of="q").value
        assert table[3, -1] == value(records, "corner", corner=corner, of="lambda").value


def test_the_pair_has_a_large_overlap():
    gram = overlaps_after_read_in(pair(Kernel()))
    assert float(gram[0, 1]) > 0.5 * float(gram.diagonal().prod().sqrt())


@pytest.mark.parametrize("activation", ["tanh", "swish"])
def test_the_error_of_the_step_is_that_of_the_closed_form(activation: str):
    settings = Kernel(activation=activation)
    gram = overlaps_after_read_in(pair(settings))
    bias, left = diagram.step_error(settings, gram)
    scheme, limit = (
        diagram.euler_moments(settings, gram, diagram.STEPS_OF_SDE_SCHEME),
        kernels.limit_moments(settings, gram),
    )
    for of in diagram.WORDS_OF_CORNER_MOMENTS:
        assert abs(scheme[of] - bias[of] - limit[of]) < 3 * left[of] < 1e-3 * limit[of]


@pytest.mark.slow
def test_what_a_network_differs_from_its_sde_in_is_of_order_1_over_depth_at_any_width():
    """At half the width the constant is another, and the ratio is still 1."""
    for width in (32, 128):
        records = measured("diagram", replace(SMALL, width=width, replicas=512 * 128 // width), (4,))[4]
        for of in diagram.WORDS_OF_CORNER_MOMENTS:
            ratio = value(records, "commuting_ratio", of=of)
            assert abs(ratio.value - 1) < 4 * ratio.stderr + 0.03


# -- broken physics turns the claims red ----------------------------------------------------------


@pytest.mark.slow
def test_a_limit_of_another_size_is_seen(monkeypatch):
    plant(monkeypatch, limit_moments, lambda *arguments: {of: 3 * v for of, v in limit_moments(*arguments).items()})
    judged = verdicts("diagram", SMALL, DEPTHS)
    assert {judged[claim].verdict for claim in (*SDE, *COMMUTE)} == {"refuted"}
    assert judged[NETWORK[0]].verdict == "supported"


@pytest.mark.slow
def test_another_slope_of_the_limit_is_seen_by_the_overlap(monkeypatch):
    right = LimitKernel.__dict__["slope"].func
    monkeypatch.setattr(LimitKernel, "slope", property(lambda self: 1.2 * right(self)))
    judged = verdicts("diagram", replace(SMALL, replicas=2048), DEPTHS)
    assert {judged[claim].verdict for claim in (SDE[1], COMMUTE[1])} == {"refuted"}


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.96, 1.04])
def test_sizes_of_weights_that_are_4_percent_off_are_seen(factor: float, monkeypatch):
    """Of networks and their SDE, against the recursion and the limit."""
    plant_method(monkeypatch, Isotropic, "act", lambda self, x, b, h, noise: factor * ACT(self, x, b, h, noise))
    judged = verdicts("diagram", replace(SMALL, replicas=1024), DEPTHS)
    assert "supported" not in {judged[claim].verdict for claim in (*NETWORK, *SDE)}


@pytest.mark.slow
def test_weights_of_another_size_are_seen(monkeypatch):
    plant_method(monkeypatch, Isotropic, "act", lambda self, x, b, h, noise: math.sqrt(1.2) * ACT(self, x, b, h, noise))
    judged = verdicts("diagram", SMALL, DEPTHS)
    assert judged[NETWORK[0]].verdict == judged[SDE[0]].verdict == "refuted"


@pytest.mark.slow
def test_weights_that_inputs_do_not_share_are_seen(monkeypatch):
    noise_of_its_own_for_each_input(monkeypatch, None)
    judged = verdicts("diagram", SMALL, DEPTHS)
    assert judged[NETWORK[1]].verdict == judged[SDE[1]].verdict == "refuted"
    assert judged[NETWORK[0]].verdict == "supported"


@pytest.mark.slow
def test_an_sde_without_its_ito_drift_is_seen(monkeypatch):
    right = EulerMaruyama.__init__
    plant_method(
        monkeypatch, EulerMaruyama, "__init__", lambda self, *arguments: right(self, *arguments, ito_drift=False)
    )
    judged = verdicts("diagram", replace(SMALL, activation="swish", init=IidLaw(sigma_w=1.0, sigma_b=1.0)), DEPTHS)
    assert judged[SDE[0]].verdict == "refuted"
    assert judged[NETWORK[0]].verdict == "supported"


@pytest.mark.slow
def test_coordinates_that_are_not_independent_are_seen(monkeypatch):
    """Normals that repeat after 8 coordinates: means stay, and no more averages out over a greater width."""

    walk_in_python(monkeypatch)
    plant(monkeypatch, noise, repeated)
    judged = verdicts("diagram", SMALL, DEPTHS)
    assert judged["kernel.diagram.width.network"].verdict == judged["kernel.diagram.width.sde"].verdict == "refuted"


def test_networks_without_relu_grow_at_another_rate(monkeypatch):
    monkeypatch.setitem(drift.PINS_OF_DRIFT, "activation_inside", "identity")
    assert {judgement.verdict for judgement in verdicts("drift", SMALL, DEPTHS).values()} == {"refuted"}


def test_growth_of_another_width_is_seen(monkeypatch):
    right = drift.growths
    plant(monkeypatch, drift.growths, lambda settings, width, count: right(settings, 16, count))
    judged = verdicts("drift", SMALL, DEPTHS)
    refuted = {claim for claim, judgement in judged.items() if judgement.verdict == "refuted"}
    assert refuted >= {"kernel.diagram.relu.8", "kernel.diagram.relu.32", "kernel.diagram.relu.norm.8"}


def test_the_growth_is_that_of_its_own_horizon():
    assert measured("drift", replace(SMALL, horizon=3.0), (16,)) == measured("drift", SMALL, (16,))


# -- settings -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_without_a_limit_networks_are_held_against_the_recursion_alone():
    judged = verdicts("diagram", replace(SMALL, activation="relu"), DEPTHS)
    for claim in NETWORK:
        assert judged[claim].verdict == "supported", judged[claim].why
    for claim in (*SDE, SPREAD, "kernel.diagram.width.sde"):
        assert judged[claim].verdict == "inconclusive"
        assert "no phi'(0)" in judged[claim].why
    for claim in COMMUTE:
        assert judged[claim].verdict == "supported", judged[claim].why


def test_a_narrow_setting_has_no_order_in_width():
    judged = verdicts("diagram", replace(SMALL, width=16, replicas=64), DEPTHS)
    assert "takes a width of at least 64" in judged["kernel.diagram.width.network"].why


@pytest.mark.slow
def test_corners_come_with_their_distance_in_standard_errors():
    records = measured("diagram", SMALL, DEPTHS)[64]
    for width in (16, 32, 64, 128):
        mean = value(records, "corner", corner=diagram.CORNER_FINITE, of="q", width=width)
        off = value(records, "corner_deviation", corner=diagram.CORNER_FINITE, of="q", width=width)
        assert off.value == pytest.approx(abs(mean.value - mean.reference) / mean.stderr)
        assert off.value < 4
