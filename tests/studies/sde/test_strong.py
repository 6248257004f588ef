"""`sde.strong.*`: right order and right limit, and red where broken."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from resnet_limits.engines import default_engine
from resnet_limits.measurement.job import Job
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.random import Stream
from resnet_limits.sampling import pieces
from resnet_limits.sampling.layer_law import Isotropic
from resnet_limits.sampling.schemes import EulerMaruyama, ShallowNetwork, Walker
from resnet_limits.studies.sde.settings import Sde
from resnet_limits.studies.sde.strong import measure as strong
from tests.planting import plant_method, resize
from tests.studies.sde import faults
from tests.studies.verdicts import verdicts

SMALL = Sde(width=8, replicas=256)
DEPTHS = (8, 16, 32, 64)


def slopes(errors: list[float]) -> list[float]:
    return [math.log2(a / b) for a, b in pairwise(errors)]


def rms(x: Tensor) -> float:
    return float(x.square().mean().sqrt())


class Noise:
    """`x <- x + z`, `z` acting on the vector 1: the sum of the weights themselves, in one dimension."""

    def features(self, x: Tensor) -> Tensor:
        return torch.ones_like(x)

    def step(self, x: Tensor, features: Tensor, z: Tensor, h: float) -> Tensor:
        return x + z


# -- the claims hold ------------------------------------------------------------------------------


@pytest.mark.slow
def test_orders_are_as_claimed():
    for claim, judgement in verdicts("strong", SMALL, DEPTHS).items():
        assert judgement.measured is not None  # the intervals take the full size
        assert judgement.measured.value == pytest.approx(judgement.expected_value, abs=0.15), (claim, judgement.why)


def test_in_one_dimension_the_network_tends_to_the_exact_solution_on_its_own_noise():
    # tanh, sigma_b = 0: x_T = x_0 exp(sigma_w W_T - sigma_w^2 T / 2), sigma_w W_T the sum of all weights.
    sigma, horizon, x0 = 0.5, 1.5, torch.full((2048, 1, 1), 1.3, dtype=torch.float64)
    errors = []
    for depth in (16, 64, 256):
        x, w = default_engine().final(
            (Walker(ShallowNetwork("tanh"), depth), Walker(Noise(), depth)),
            x0,
            Isotropic(sigma, 0.0),
            horizon=horizon,
            stream=Stream(3, "test"),
        )
        exact = x0.log() + w - x0 - sigma**2 * horizon / 2
        errors.append(rms(x.log() - exact))  # of the logarithm: x itself has heavy tails
    assert errors[-1] < 0.02
    assert slopes(errors) == pytest.approx([1, 1], abs=0.1)  # order 1/2 a doubling, two doublings


@pytest.mark.parametrize(("horizon", "sigma_w"), [(1.0, 0.5), (2.0, 0.3)])
def test_the_distance_to_the_exact_solution_is_that_of_its_leading_term(horizon: float, sigma_w: float):
    # log x_L - log x_T = -(sigma_w^2/2) sum_k (g_k^2 - 1) h + O(h): a variance of sigma_w^4 h T/2
    settings = replace(SMALL, horizon=horizon, depth=64, init=IidLaw(sigma_w=sigma_w, sigma_b=0.5))
    (record,) = strong.exact(Job(settings))
    expected = sigma_w**2 * math.sqrt(horizon**2 / 64 / 2)
    assert abs(record.value - expected) < 5 * record.stderr + 0.03 * expected


@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_weights_of_fine_layers_have_their_variances_and_are_independent(d: int):
    law, h, r = Isotropic(0.7, 0.3), 0.02, 256
    layers = strong.fine_layers(law, torch.zeros(r, 1, d, dtype=torch.float64), h, Stream(0, "test"))
    assert layers.W.shape == (r, strong.REFERENCE_LAYERS_A_LAYER, d, d)
    assert layers.b.shape == (r, strong.REFERENCE_LAYERS_A_LAYER, 1, d)
    for weights, variance in ((layers.W, 0.49 * h / d), (layers.b, 0.09 * h)):
        assert abs(float(weights.square().mean()) / variance - 1) < 5 * math.sqrt(2 / weights.numel())
        neighbours = (weights[:, 1:] * weights[:, :-1]).mean() / variance
        assert abs(float(neighbours)) < 5 / math.sqrt(weights[:, 1:].numel())


@pytest.mark.slow
def test_errors_do_not_depend_on_how_many_networks_are_sampled_at_a_time(monkeypatch: pytest.MonkeyPatch):
    settings = replace(SMALL, depth=8, replicas=200)
    whole = strong.measure(Job(settings)).records
    resize(monkeypatch, pieces, BYTES_OF_STATES=1)  # pieces of 32, the least
    for one, other in zip(whole, strong.measure(Job(settings)).records, strict=True):
        assert (one.value, one.stderr) == pytest.approx((other.value, other.stderr), rel=1e-12)


# -- and turn red ---------------------------------------------------------------------------------


def shifted_by_its_root(patch: pytest.MonkeyPatch) -> None:
    """A drift of size sqrt(h) in every layer: no limit at all; it goes as sqrt(L)."""

    def step(scheme: Any, x: Tensor, features: Tensor, z: Tensor, h: float) -> Tensor:
        return faults.STEP(scheme, x, features, z, h) + 0.5 * math.sqrt(h)

    plant_method(patch, ShallowNetwork, "step", step)


def with_the_drift(patch: pytest.MonkeyPatch) -> None:
    """The control that is none: the scheme keeps its Ito drift."""
    step = EulerMaruyama.step

    def whole(scheme: Any, x: Tensor, features: Tensor, z: Tensor, h: float) -> Tensor:
        return step(EulerMaruyama(scheme.phi, scheme.psi, scheme.law), x, features, z, h)

    plant_method(patch, EulerMaruyama, "step", whole)


def with_a_drift_of_the_wrong_sign(patch: pytest.MonkeyPatch) -> None:
    """The Ito drift of the scheme, turned around: as far from the network as without it, and further."""
    step = EulerMaruyama.step

    def turned(scheme: Any, x: Tensor, features: Tensor, z: Tensor, h: float) -> Tensor:
        bare = step(replace(scheme, ito_drift=False), x, features, z, h)
        return 2 * bare - step(scheme, x, features, z, h)

    plant_method(patch, EulerMaruyama, "step", turned)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "broken"),
    [
        (faults.dt_for_its_root, {"sde.strong", "sde.strong.additive", "sde.strong.sde", "sde.strong.no_drift"}),
        (faults.wrong_drift, {"sde.strong.sde"}),
        (with_a_drift_of_the_wrong_sign, {"sde.strong.sde"}),
        (faults.noise_of_its_own_for_each_depth, {"sde.strong", "sde.strong.additive"}),
        (shifted_by_its_root, {"sde.strong", "sde.strong.additive", "sde.strong.sde", "sde.strong.no_drift"}),
        (with_the_drift, {"sde.strong.no_drift"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_planted_faults_turn_verdicts_red(
    fault: Callable[[pytest.MonkeyPatch], None], broken: set[str], monkeypatch: pytest.MonkeyPatch
):
    fault(monkeypatch)
    judged = verdicts("strong", SMALL, DEPTHS)
    assert {claim for claim, judgement in judged.items() if judgement.verdict != "supported"} >= broken
    assert all(judged[claim].verdict == "refuted" for claim in broken)


def test_relu_is_outside_and_needs_no_crash():
    for claim, judgement in verdicts("strong", Sde(width=4, replicas=64, activation="relu"), (8, 16)).items():
        if claim == "sde.strong":
            assert judgement.verdict == "inconclusive"
            assert "relu" in judgement.why


def test_without_weights_nothing_moves_and_nothing_is_claimed():
    still = Sde(width=4, replicas=64, init=IidLaw(sigma_w=0.0, sigma_b=0.0))
    assert {j.verdict for j in verdicts("strong", still, (8, 16)).values()} == {"inconclusive"}
