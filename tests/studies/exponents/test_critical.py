"""The search for the critical exponent: on planted laws, on networks, and where there is nothing to find."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from resnet_limits.claims.judge import judge
from resnet_limits.measurement.record import WHY
from resnet_limits.networks.activations import activation_named
from resnet_limits.networks.activations.activation import Activation
from resnet_limits.networks.blocks.one import OneBlock
from resnet_limits.networks.blocks.outside import OutsideBlock
from resnet_limits.networks.blocks.two import TwoBlock
from resnet_limits.paths.laws.fractional import FractionalLaw
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.paths.laws.smooth import SmoothLaw
from resnet_limits.paths.laws.zero import ZeroLaw
from resnet_limits.runs.records import table
from resnet_limits.studies.exponents.critical.measure import shallower
from resnet_limits.studies.exponents.critical.search import (
    WEIGHT_OF_CHANGE,
    Crossings,
    bias_of_search,
    crossings,
    depths_of_search,
    pilot_crossing,
)
from resnet_limits.studies.exponents.networks import layer_weights
from resnet_limits.studies.exponents.settings import Exponents, ExponentsKeys
from resnet_limits.studies.exponents.study import STUDY
from resnet_limits.studies.exponents.theory import exponent, outside_of_search, without_exponent
from tests.planting import plant
from tests.studies.exponents.small import named, search, small

DEPTHS = [16, 128, 1024]
BETAS = np.linspace(0.3, 0.9, 25)
CRITICAL_CLAIM = next(claim for claim in STUDY.claims if claim.id == "exponents.critical.setting")


def planted(beta: float, *, drift: float = 0.0, noise: float = 0.0, networks: int = 32, seed: int = 0) -> np.ndarray:
    """`log |h_L - h_0|/|h_0|` that grows as `L^(beta_c - beta)`, convexly in beta, with a correction of the exponent
    that falls from each pair of depths to the next, and noise of networks that depths share in part."""
    log_depth = np.log(np.array(DEPTHS, dtype=float))[:, None]
    slopes = (beta - BETAS) + 2 * np.maximum(beta - BETAS, 0) ** 2
    # b1 - beta_c = drift, b2 - beta_c = drift WEIGHT/(1 + WEIGHT): the extrapolation is exact
    steps = np.array([0.0, drift, drift * WEIGHT_OF_CHANGE / (1 + WEIGHT_OF_CHANGE)])
    shifts = np.cumsum(steps * np.r_[0.0, np.diff(log_depth[:, 0])])[:, None]
    draw = np.random.default_rng(seed)
    alone, shared = draw.standard_normal((3, 1, networks)), draw.standard_normal((1, 1, networks))
    return (slopes * log_depth + shifts)[:, :, None] + noise * (alone + shared)


def test_the_search_finds_a_planted_exponent():
    zeros = crossings(DEPTHS, BETAS, planted(0.6, drift=0.02))
    assert isinstance(zeros, Crossings)
    assert zeros.critical.beta == pytest.approx(0.6, abs=2e-3)
    assert zeros.deep.beta - zeros.shallow.beta == pytest.approx(-0.008, abs=1e-3)
    assert zeros.unsettled is None


@pytest.mark.parametrize("noise", [0.03, 0.1])
def test_the_interval_covers_a_planted_exponent(noise: float):
    """Two jackknife errors alone, without what is allowed for the bias."""
    covered, trials = 0, 400
    for seed in range(trials):
        zeros = crossings(DEPTHS, BETAS, planted(0.55, noise=noise, seed=seed))
        assert isinstance(zeros, Crossings)
        covered += abs(zeros.critical.beta - 0.55) <= 2 * zeros.critical.stderr
    assert covered >= 0.92 * trials
    assert covered < trials


def test_the_jackknife_error_is_the_scatter_over_networks():
    values = [crossings(DEPTHS, BETAS, planted(0.55, noise=0.1, seed=seed)) for seed in range(300)]
    crossed = [value for value in values if isinstance(value, Crossings)]
    scatter = np.std([value.critical.beta for value in crossed], ddof=1)
    assert np.mean([value.critical.stderr for value in crossed]) == pytest.approx(scatter, rel=0.12)


def test_crossings_that_differ_are_not_settled():
    zeros = crossings(DEPTHS, BETAS, planted(0.6, drift=0.15))
    assert isinstance(zeros, Crossings)
    assert "not yet asymptotic" in (zeros.unsettled or "")


@pytest.mark.parametrize("beta", [0.1, 1.2])
def test_a_bracket_without_a_crossing_is_said(beta: float):
    assert "no crossing between the depths 16 and 128 for beta from 0.3 to 0.9" in str(
        crossings(DEPTHS, BETAS, planted(beta))
    )


def test_exploded_networks_lie_below_the_exponent():
    changes = planted(0.6)
    changes[:, BETAS < 0.4] = np.inf
    zeros = crossings(DEPTHS, BETAS, changes)
    assert isinstance(zeros, Crossings)
    assert zeros.critical.beta == pytest.approx(0.6, abs=2e-3)
    changes[:, BETAS < 0.6] = np.inf
    assert "no crossing" in str(crossings(DEPTHS, BETAS, changes))


def test_a_pilot_finds_the_last_change_of_sign():
    assert pilot_crossing(np.array([0.0, 0.1, 0.2, 0.3]), np.array([np.inf, -1.0, 2.0, -1.0])) == pytest.approx(0.25)
    assert pilot_crossing(np.array([0.0, 0.1]), np.array([1.0, 1.0])) is None
    assert pilot_crossing(np.array([0.0, 0.1]), np.array([-1.0, -1.0])) is None


def test_depths_of_a_search_and_what_is_allowed_for_their_bias():
    assert [depths_of_search(depth) for depth in (1024, 64, 40, 7)] == [[16, 128, 1024], [1, 8, 64], [5, 40], [7]]
    assert bias_of_search(1024) < bias_of_search(512)


# -- networks -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("law", "block", "activation", "expected"),
    [
        (IidLaw(sigma_b=0.0), TwoBlock(hidden=16), "relu", 0.5),
        (SmoothLaw(sigma_b=0.0), TwoBlock(hidden=16), "relu", 1.0),
        (FractionalLaw(sigma_b=0.0, hurst=0.9), OutsideBlock(), "tanh", 0.9),
        (FractionalLaw(sigma_b=0.0, hurst=0.9), TwoBlock(hidden=16), "tanh", 0.8),
    ],
    ids=["iid", "smooth", "outside", "tanh"],
)
def test_a_small_search_finds_the_exponent(law, block, activation, expected):
    keys = ExponentsKeys(inputs=8, networks=16)
    settings = small(depth=256, width=16, init=law, block=block, activation=activation, exponents=keys)
    record = named(search(settings), "critical_beta")
    assert exponent(law, block, activation) == pytest.approx(expected)
    assert abs(record.value - expected) < 3 * record.stderr + record.reference_error


def test_a_shallower_network_has_weights_of_its_law():
    law = FractionalLaw(sigma_b=0.0, hurst=0.8)
    weights = layer_weights(small(init=law, width=32), {"W": (32, 32)}, 32, 0, 8)
    coarse = shallower(weights, 8, law)["W"].double()
    assert coarse.shape == (8, 4, 32, 32)
    first, second = (coarse[:, k].flatten().numpy() * math.sqrt(32) for k in (0, 1))
    assert first.var() == pytest.approx(1, abs=0.06)
    assert np.mean(first * second) == pytest.approx((2**1.6 - 2) / 2, abs=0.06)
    smooth = SmoothLaw(sigma_b=0.0)
    weights = layer_weights(small(init=smooth), {"W": (8, 8)}, 16, 0, 2)
    again = layer_weights(small(init=smooth), {"W": (8, 8)}, 4, 0, 2)
    np.testing.assert_allclose(shallower(weights, 4, smooth)["W"].numpy(), again["W"].numpy(), atol=1e-12)


def judged(settings: Exponents):
    records = table(settings, search(settings), job="a")
    return judge(CRITICAL_CLAIM, settings, records)


def test_a_search_without_a_crossing_is_inconclusive_and_names_the_bracket():
    keys = ExponentsKeys(inputs=4, networks=8, lowest=0.9, highest=1.2)
    judgement = judged(small(exponents=keys))
    assert judgement.verdict == "inconclusive"
    assert "no crossing" in judgement.why
    assert "from 0.9 to 1.2" in judgement.why


def test_a_depth_that_gives_two_depths_is_inconclusive():
    judgement = judged(small(depth=40))
    assert judgement.verdict == "inconclusive"
    assert "there are 5, 40 alone" in judgement.why


def test_blocks_of_one_matrix_with_rough_weights_are_not_judged():
    settings = small(init=FractionalLaw(sigma_b=0.0, hurst=0.3), block=OutsideBlock())
    assert "H = 0.3 < 1/2" in (outside_of_search(settings) or "")
    record = named(search(settings), "critical_beta")
    assert math.isnan(record.value)
    assert "second order" in record.coordinates[WHY]


def test_the_last_words_name_factor_block_law_and_interval():
    settings = small(depth=256, width=16)
    note = CRITICAL_CLAIM.note(table(settings, search(settings), job="a"))
    assert note is not None
    assert note.startswith("V relu(W h) with iid weights stays stable at any depth with a factor L^-0.")
    assert "the exponent lies between 0." in note
    assert CRITICAL_CLAIM.note(table(settings, [], job="a")) is None


class Cosine(Activation):
    """An activation that does not declare whether its Gaussian mean is 0."""

    formula = "cos z"
    kinks = ()

    def __call__(self, z):
        return z.cos()


def test_what_declares_too_little_lies_outside(monkeypatch: pytest.MonkeyPatch):
    law = IidLaw(sigma_b=0.0)
    assert "block=one" in (without_exponent(law, OneBlock(), "relu") or "")
    assert math.isnan(exponent(law, OneBlock(), "relu"))
    plant(monkeypatch, activation_named, lambda name: Cosine(), within="resnet_limits.studies.exponents")
    assert "does not declare whether E phi(z) = 0" in (without_exponent(law, TwoBlock(), "cosine") or "")
    assert "no biases" in (outside_of_search(small(init=IidLaw(sigma_b=0.5))) or "")
    assert "zero" in (outside_of_search(replace(small(), init=ZeroLaw())) or "")
