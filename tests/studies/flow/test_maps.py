"""`flow.map` and `flow.inverse`: the claims hold, outside the theorem nothing is judged, planted faults turn red."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
import torch
from torch.nn.functional import grid_sample

from resnet_limits.data.sources.spirals import SpiralsData
from resnet_limits.diffeomorphisms.squaring import squared_on_grid
from resnet_limits.measurement.job import Job
from resnet_limits.networks.blocks.one import OneBlock
from resnet_limits.networks.residual import reverse
from resnet_limits.networks.steps.heun import Heun
from resnet_limits.networks.steps.step import Step
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.paths.laws.zero import ZeroLaw
from resnet_limits.studies.flow import problem
from resnet_limits.studies.flow.settings import Flow, FlowKeys
from tests.planting import plant
from tests.studies.verdicts import measured, verdicts

DEPTHS = (16, 32, 64, 128)
SMALL = Flow(flow=FlowKeys(inputs=8, paths=3, points=32), data=SpiralsData(train_size=100))


def verdict_words(part: str, settings: Flow = SMALL) -> dict[str, str]:
    return {name: judgement.verdict for name, judgement in verdicts(part, settings, DEPTHS).items()}


@pytest.mark.slow
def test_maps_and_inverses_have_their_orders():
    assert {
        name: v for part in ("maps", "inverse") for name, v in verdict_words(part).items() if name != "flow.map.grid"
    } == {
        f"flow.{what}.{scheme}{weights}": "supported"
        for what, scheme in (*product(("map", "inverse"), ("euler", "heun")), ("inverse", "rk4"))
        for weights in ("", ".shared")
    } | {"flow.map.squaring": "supported"}


def test_the_limit_of_a_linear_field_is_a_matrix_exponential():
    settings = replace(SMALL, block=OneBlock(), activation="identity")
    flow = problem.driven(settings, "shared", depth=1)
    W, b = (flow.path.at(torch.zeros(1))[name][:, 0] for name in ("W", "b"))
    generator = torch.cat([torch.cat([W, b[..., None]], dim=2), torch.zeros(3, 1, 3).double()], dim=1)
    ends = torch.nn.functional.pad(flow.x0, (0, 1), value=1.0) @ torch.matrix_exp(generator).mT
    solution, error = problem.exact_flow(Job(settings), "shared")
    assert error < 1e-10
    assert torch.allclose(solution, ends[..., :2], atol=1e-11)


def test_iid_weights_lie_outside_the_theorems_of_time_varying_fields_but_not_of_shared_ones():
    settings = replace(SMALL, init=IidLaw(sigma_w=1.0, sigma_b=0.5))
    words = {**verdict_words("maps", settings), **verdict_words("inverse", settings)}
    assert words["flow.map.euler"] == words["flow.map.heun"] == words["flow.inverse.heun"] == "inconclusive"
    assert words["flow.map.euler.shared"] == words["flow.map.heun.shared"] == "supported"
    # Frozen weights in reverse order are inverted whatever they are; their constant is another draw at each depth.
    inverse = verdicts("inverse", settings, DEPTHS)["flow.inverse.euler"]
    assert inverse.verdict == "inconclusive"
    assert "weights of their own" in inverse.why
    assert inverse.measured is not None
    assert inverse.measured.low < 1 < inverse.measured.high


def test_relu_is_an_observation_where_smooth_fields_are_needed():
    judged = verdicts("inverse", replace(SMALL, activation="relu"), DEPTHS)
    assert judged["flow.inverse.heun"].verdict == "inconclusive"
    assert "continuous derivatives" in judged["flow.inverse.heun"].why
    assert judged["flow.inverse.heun"].measured is not None


def test_the_same_points_move_at_every_depth():
    a, b = (problem.driven(SMALL, "free", depth=depth) for depth in (16, 64))
    assert torch.equal(a.x0, b.x0)
    assert torch.equal(a.path.at(torch.tensor([0.25]))["W"], b.path.at(torch.tensor([0.25]))["W"])


# -- planted faults ---------------------------------------------------------------------------------


def test_layers_that_are_not_reversed_are_refuted(monkeypatch: pytest.MonkeyPatch):
    from resnet_limits.networks import residual

    def in_order(field, step, x, weights, h):
        for thetas in residual.blocks_of(step, weights):
            x = step.reverse(field, x, h, thetas)
        return x

    plant(monkeypatch, reverse, in_order)
    words = verdict_words("inverse")
    assert words["flow.inverse.heun"] == words["flow.inverse.rk4"] == "refuted"
    assert words["flow.inverse.heun.shared"] == "supported", "shared weights know no order"


def test_blocks_of_the_wrong_end_are_refuted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Heun, "reverse", lambda self, f, x, h, thetas: self.advance(f, x, -h, tuple(thetas)))
    assert verdict_words("inverse")["flow.inverse.heun"] == "refuted"


def test_weights_read_at_the_wrong_time_are_refuted(monkeypatch: pytest.MonkeyPatch):
    times = Step.times
    monkeypatch.setattr(Heun, "times", lambda self, depth, horizon=1.0: 0.9 * times(self, depth, horizon))
    words = verdict_words("maps")
    assert words["flow.map.heun"] == "refuted"
    assert words["flow.map.heun.shared"] == "supported"


@pytest.mark.slow
def test_a_step_that_is_not_one_over_the_depth_is_refuted(monkeypatch: pytest.MonkeyPatch):
    from resnet_limits.limits.flow import DrivenFlow

    monkeypatch.setattr(DrivenFlow, "step_size", lambda self, depth: 1 / (depth + 1))
    words = verdict_words("maps")
    assert words["flow.map.heun"] == words["flow.map.heun.shared"] == "refuted"


def test_depths_that_are_no_powers_of_two_have_no_squarings():
    (records,) = measured("maps", SMALL, (24,)).values()
    assert not [r for r in records if r.observable == "squaring_error"]
    assert [r for r in records if r.observable == "grid_error"]


def test_nearest_neighbours_on_the_grid_are_refuted(monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch, grid_sample, lambda u, at, **keys: grid_sample(u, at, **{**keys, "mode": "nearest"}))
    assert verdict_words("maps")["flow.map.grid"] == "refuted"


@pytest.mark.slow
def test_a_squaring_too_few_is_refuted(monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch, squared_on_grid, lambda first, n, *rest: squared_on_grid(first, n - 1, *rest))
    assert verdict_words("maps")["flow.map.grid"] == "refuted"


def test_zero_weights_move_nothing_and_say_so():
    judged = verdicts("maps", replace(SMALL, init=ZeroLaw()), DEPTHS)
    assert all(j.verdict == "inconclusive" and "do not move" in j.why for j in judged.values())
    assert not any(records for records in measured("inverse", replace(SMALL, init=ZeroLaw()), (16,)).values())
