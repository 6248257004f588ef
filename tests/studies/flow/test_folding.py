"""`flow.folding` and `flow.symplectic`: the claims hold, planted folds are found, planted faults turn red."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from resnet_limits.data.sources.digits import DigitsData
from resnet_limits.data.sources.spirals import SpiralsData
from resnet_limits.diffeomorphisms.jacobians import block_determinants, fold_fraction
from resnet_limits.diffeomorphisms.lipschitz import lipschitz_bound
from resnet_limits.networks.blocks.gradient import GradientBlock
from resnet_limits.networks.blocks.one import OneBlock
from resnet_limits.networks.blocks.prenorm import PrenormBlock
from resnet_limits.networks.blocks.two import TwoBlock
from resnet_limits.networks.steps.symplectic import Symplectic
from resnet_limits.paths.laws.smooth import SmoothLaw
from resnet_limits.studies.flow.folding import measure as folding
from resnet_limits.studies.flow.settings import Flow, FlowKeys
from tests.planting import plant
from tests.studies.verdicts import measured, value, verdicts

SMALL = Flow(replicas=32, flow=FlowKeys(inputs=6, paths=3, points=64), data=SpiralsData(train_size=100))
FOLDING = (
    *("flow.folding.below", "flow.folding.bound", "flow.folding.sharp.weights", "flow.folding.sharp.points"),
    "flow.folding.above",
)


def verdict_words(part: str, settings: Flow = SMALL) -> dict[str, str]:
    return {name: judgement.verdict for name, judgement in verdicts(part, settings, (16,)).items()}


@pytest.mark.parametrize(
    "settings",
    [
        SMALL,
        replace(SMALL, block=OneBlock(), activation="gelu"),
        replace(SMALL, width=5, data=DigitsData(train_size=100)),
    ],
    ids=["plane", "one matrix, gelu", "digits in five dimensions"],
)
def test_below_the_threshold_nothing_folds_and_above_it_blocks_do(settings):
    assert verdict_words("folding", settings) == dict.fromkeys(FOLDING, "supported")


def test_the_share_of_folds_grows_with_the_stretch():
    (records,) = measured("folding", SMALL, (16,)).values()
    shares = [value(records, "fold_share", norm="points", lipschitz=s).value for s in folding.SCALES_BY_NORM["points"]]
    assert shares == sorted(shares)
    assert shares[0] == shares[1] == 0
    assert shares[2] > 0, "just above the threshold some fold already"


def test_all_depths_measure_one_thing():
    a, b = measured("folding", SMALL, (16, 64)).values()
    assert [r.value for r in a] == [r.value for r in b]


def test_a_bound_that_forgets_a_matrix_is_refuted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(TwoBlock, "norms", ("V",))
    wide = replace(SMALL, init=replace(SMALL.init, sigma_w=6.0))  # type: ignore[type-var]
    assert verdict_words("folding", wide)["flow.folding.below"] == "refuted"


def test_half_of_the_bound_is_seen(monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch, lipschitz_bound, lambda *arguments: lipschitz_bound(*arguments) / 2)
    many = replace(SMALL, replicas=64)  # the bound is twice what is reached, but in few blocks
    words = verdict_words("folding", many)
    assert words["flow.folding.below"] == words["flow.folding.sharp.weights"] == "refuted"


@pytest.mark.parametrize("factor", [0.98, 1.02])
def test_a_bound_that_is_off_by_two_per_cent_is_seen_where_it_is_attained(
    monkeypatch: pytest.MonkeyPatch, factor: float
):
    plant(monkeypatch, lipschitz_bound, lambda *arguments: factor * lipschitz_bound(*arguments))
    words = verdict_words("folding")
    assert words["flow.folding.below"] == "supported", "random fields stay far from the bound"
    assert words["flow.folding.sharp.weights"] == "refuted"


def test_determinants_that_are_no_numbers_are_folds():
    assert fold_fraction(torch.tensor([1.0, float("nan"), -1.0, 0.0])) == 0.75


def test_matrices_that_are_zero_are_said_to_show_nothing():
    still = replace(SMALL, init=SmoothLaw(sigma_w=0.0))
    for part in ("folding", "symplectic"):
        judged = verdicts(part, still, (16,))
        pinned = ("flow.symplectic.gradient", "flow.folding.sharp.weights", "flow.folding.sharp.points")
        told_of = {name: j for name, j in judged.items() if name not in pinned}  # which pin their sizes
        assert all(j.verdict == "inconclusive" and "translation" in j.why for j in told_of.values())
    assert all("do not move" in j.why for j in verdicts("maps", still, (16,)).values())


def test_a_determinant_of_the_wrong_sign_is_refuted(monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch, block_determinants, lambda A: block_determinants(-3 * A))
    words = verdict_words("folding")
    assert words["flow.folding.below"] == words["flow.folding.bound"] == "refuted"


def test_folds_that_are_not_counted_are_missed_in_the_open(monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch, block_determinants, lambda A: block_determinants(A).abs())
    assert verdict_words("folding")["flow.folding.above"] == "refuted"


# -- Hamiltonian blocks -----------------------------------------------------------------------------

SYMPLECTIC = ("flow.symplectic.form", "flow.symplectic.sensitivity", "flow.symplectic.gradient")


@pytest.mark.parametrize("activation", ["tanh", "swish"])
def test_hamiltonian_blocks_keep_the_form_and_do_not_forget(activation):
    words = verdict_words("symplectic", replace(SMALL, activation=activation))
    assert words["flow.symplectic.form"] == words["flow.symplectic.sensitivity"] == "supported"
    # swish does not increase everywhere, so its blocks descend no convex function
    assert words["flow.symplectic.gradient"] == ("supported" if activation == "tanh" else "inconclusive")


def test_an_explicit_half_step_is_refuted(monkeypatch: pytest.MonkeyPatch):
    def explicit(self, field, x, h, thetas):
        y, z = x.chunk(2, dim=-1)
        (theta,) = thetas
        half = lambda end: {n.removesuffix(end): w for n, w in theta.items() if n.endswith(end)}  # noqa: E731
        return torch.cat([y + h * field(z, half(".y")), z - h * field(y, half(".z"))], dim=-1)

    monkeypatch.setattr(Symplectic, "advance", explicit)
    assert verdict_words("symplectic")["flow.symplectic.form"] == "refuted"


def test_blocks_that_contract_are_refuted(monkeypatch: pytest.MonkeyPatch):
    careful = Symplectic.advance
    monkeypatch.setattr(Symplectic, "advance", lambda self, f, x, h, thetas: 0.9 * careful(self, f, x, h, thetas))
    words = verdict_words("symplectic")
    assert words["flow.symplectic.form"] == words["flow.symplectic.sensitivity"] == "refuted"


def test_the_control_does_not_follow_a_horizon_in_which_little_happens():
    assert verdict_words("symplectic", replace(SMALL, horizon=0.05)) == dict.fromkeys(SYMPLECTIC, "supported")


def test_what_a_block_lacks_lies_outside_and_the_rest_is_judged():
    prenorm, gradient = (
        verdicts("folding", replace(SMALL, block=block), (16,)) for block in (PrenormBlock(), GradientBlock())
    )
    assert "no Lipschitz bound" in prenorm["flow.folding.below"].why
    assert prenorm["flow.folding.bound"].verdict == prenorm["flow.folding.above"].verdict == "supported"
    assert "no block folds space" in gradient["flow.folding.above"].why
    assert gradient["flow.folding.below"].verdict == gradient["flow.folding.bound"].verdict == "supported"
