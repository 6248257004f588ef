"""`sde.functions`: what networks and their SDE draw, and that tanh networks draw straight lines in the limit."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from resnet_limits.measurement.job import InMemory, Job
from resnet_limits.sampling.schemes import ShallowNetwork
from resnet_limits.studies.sde.functions import measure as functions
from resnet_limits.studies.sde.functions.claims import GROUP
from resnet_limits.studies.sde.settings import Sde
from tests.planting import plant, plant_method, resize
from tests.studies.sde import faults
from tests.studies.verdicts import verdicts

SMALL = Sde(width=8, replicas=2048)
DEPTHS = (16, 32, 64, 128)


@pytest.fixture
def without_pictures(monkeypatch):
    plant(monkeypatch, functions.functions_on_noise, lambda *a: {})


def order(settings: Sde = SMALL):
    return verdicts("functions", settings, DEPTHS)["sde.functions"]


@pytest.mark.usefixtures("without_pictures")
def test_networks_straighten_at_order_one():
    judgement = order()
    assert judgement.measured is not None
    assert judgement.measured.value == pytest.approx(1.0, abs=0.15)
    assert judgement.verdict == "supported", judgement.why


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize("fault", ["drift", "not shared", "size h"])
def test_broken_physics_is_seen(monkeypatch, fault: str):
    if fault == "drift":
        plant_method(
            monkeypatch, ShallowNetwork, "step", lambda self, x, f, z, h: x + torch.tanh(z) + 0.1 * h * x.square()
        )
    elif fault == "not shared":
        faults.noise_of_its_own_for_each_input(monkeypatch, None)
    else:
        faults.dt_for_its_root(monkeypatch)
    assert order().verdict == "refuted"


@pytest.mark.usefixtures("without_pictures")
def test_swish_is_outside_and_relu_has_no_sde():
    assert "phi''(0) = 0" in order(replace(SMALL, activation="swish", replicas=64)).why
    assert functions.families(replace(SMALL, activation="relu"))["own"].sde is None


# -- pictures -------------------------------------------------------------------------------------


def test_weights_of_a_depth_are_sums_of_those_of_a_finer_one(monkeypatch):
    resize(monkeypatch, functions, LAYERS_OF_TIME_GRID=64)
    family = functions.families(SMALL)["own"]
    fine, coarse = (list(functions.weights_on_grid(family, depth, SMALL)) for depth in (32, 8))
    for k, W in enumerate(coarse):
        torch.testing.assert_close(W, torch.stack(fine[4 * k : 4 * k + 4]).sum(dim=0))


@pytest.mark.parametrize("depth", [12, 64, 300])
def test_weights_have_the_variance_of_a_layer_at_any_depth(monkeypatch, depth: int):
    resize(monkeypatch, functions, LAYERS_OF_TIME_GRID=256)
    settings = replace(SMALL, horizon=3.0)
    family = functions.families(settings)["own"]
    W = torch.stack(list(functions.weights_on_grid(family, depth, settings)))
    assert len(W) == depth
    for rows, variance in ((W[:, :, :-1], 0.25 * 3.0 / depth / 8), (W[:, :, -1], 0.25 * 3.0 / depth)):
        n = rows.numel()
        assert abs(float(rows.square().mean()) / variance - 1) < 5 * math.sqrt(2 / n)


def test_a_drawn_function_is_that_of_a_network_input_by_input(monkeypatch):
    family = functions.families(SMALL)["swish"]
    resize(monkeypatch, functions, LAYERS_OF_TIME_GRID=16)
    drawn = functions.functions_on_noise(family, family.network, 8, SMALL)
    layers = list(functions.weights_on_grid(family, 8, SMALL))
    u, v = functions.directions(8)

    def network(x: torch.Tensor, draw: int) -> float:
        for W in layers:
            z = sum(x[j] * W[draw, j] for j in range(8)) + W[draw, 8]
            x = x + z * torch.sigmoid(z)
        return float(x[0])

    s, t = functions.points_of_line(functions.POINTS_A_LINE), functions.points_of_line(functions.POINTS_A_SIDE)
    assert drawn["line"][2, 5] == pytest.approx(network(s[5] * u, 2))
    assert drawn["plane"][3, 20] == pytest.approx(network(t[3] * u + t[20] * v, 0))


def test_networks_draw_the_functions_of_the_sde_in_the_limit(monkeypatch):
    resize(monkeypatch, functions, LAYERS_OF_TIME_GRID=256)
    shared, distances = InMemory(), []
    for depth in (4, 16, 64):
        arrays = functions.measure(Job(replace(SMALL, depth=depth, replicas=16), shared)).arrays
        assert set(arrays) == set(GROUP.arrays)
        pairs = [
            (arrays[f"functions.{name}.network"], arrays[f"functions.{name}.sde"]) for name in drawn_of(GROUP.arrays)
        ]
        distances.append([np.sqrt(np.mean((a - b) ** 2)) for a, b in pairs])
    first, _, last = np.array(distances)
    assert (last < 0.6 * first).all()  # order 1/2 is a factor of 4; of four draws


def drawn_of(names) -> list[str]:
    return [name.removeprefix("functions.").removesuffix(".sde") for name in names if name.endswith(".sde")]


def test_the_sde_of_tanh_draws_straight_lines_and_that_of_swish_does_not(monkeypatch):
    resize(monkeypatch, functions, LAYERS_OF_TIME_GRID=64)
    arrays = functions.measure(Job(replace(SMALL, depth=16, replicas=16))).arrays
    assert np.abs(np.diff(arrays["functions.own.line.sde"], n=2)).max() < 1e-12
    assert np.abs(np.diff(arrays["functions.swish.line.sde"], n=2)).max() > 1e-4


def test_an_explosion_leaves_a_gap_and_no_infinity(monkeypatch):
    resize(monkeypatch, functions, LAYERS_OF_TIME_GRID=64)
    settings = replace(SMALL, activation="swish", horizon=300.0, depth=64, replicas=4)
    arrays = functions.measure(Job(settings)).arrays
    assert not any(np.isinf(a).any() for a in arrays.values())
    assert np.isnan(arrays["functions.own.line.sde"]).any()
