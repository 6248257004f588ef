"""`flow.folding.trained`: networks are what they are said to be, folds are found, red where a control does nothing."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from resnet_limits.claims.judge import judge
from resnet_limits.data.loading import load
from resnet_limits.data.sources.circles import CirclesData
from resnet_limits.data.sources.digits import DigitsData
from resnet_limits.data.sources.gaussian import GaussianData
from resnet_limits.data.sources.moons import MoonsData
from resnet_limits.data.sources.spirals import SpiralsData
from resnet_limits.diffeomorphisms.controls import CONTROLS
from resnet_limits.diffeomorphisms.lipschitz import scaled_to_bound
from resnet_limits.errors import SettingError
from resnet_limits.measurement.job import InMemory, Job
from resnet_limits.measurement.record import Measurement
from resnet_limits.networks.blocks.gradient import GradientBlock
from resnet_limits.networks.blocks.one import OneBlock
from resnet_limits.networks.blocks.outside import OutsideBlock
from resnet_limits.networks.blocks.prenorm import PrenormBlock
from resnet_limits.networks.blocks.two import TwoBlock
from resnet_limits.networks.classifier import trunk_of
from resnet_limits.networks.residual import forward
from resnet_limits.networks.steps import STEPS
from resnet_limits.runs.records import table
from resnet_limits.settings.content import job_name
from resnet_limits.settings.training import Train
from resnet_limits.studies.flow.settings import Flow, FlowKeys
from resnet_limits.studies.flow.study import STUDY
from resnet_limits.studies.flow.trained import claims
from resnet_limits.studies.flow.trained import measure as trained
from resnet_limits.studies.flow.trained.claims import COLUMNS_OF_TRAINED, CONTROLS_SHOWN, GROUP, KINDS_OF_WEIGHTS
from resnet_limits.training.loop import train
from tests.planting import plant, resize

EULER = STEPS["euler"]
SMALL = Flow(
    depth=8,
    data=SpiralsData(),
    train=Train(epochs=12, batch_size=100, optimizer="adam", lr=0.04, schedule="cosine", replicas=4),
    flow=FlowKeys(points=64, trained_depth=8),
)
TINY = replace(SMALL, data=MoonsData(train_size=60, test_size=30), train=replace(SMALL.train, epochs=1, batch_size=20))
TINY = replace(TINY, flow=FlowKeys(points=20, trained_depth=4))


@pytest.fixture
def few_controls(monkeypatch):
    """Plain networks and those with a hard bound."""
    resize(monkeypatch, claims, CONTROLS_SHOWN=("none", "spectral"))


def verdicts(settings: Flow):
    measurement = trained.measure(Job(settings))
    frame = table(settings, measurement.records, job=job_name(settings))
    return {claim.id: judge(claim, settings, frame, {}) for claim in GROUP.claims}


@pytest.mark.usefixtures("few_controls")
def test_every_claim_is_supported():
    for claim, judgement in verdicts(SMALL).items():
        if ".penalty." not in claim:
            assert judgement.verdict == "supported", (claim, judgement.why)


@pytest.mark.slow
def test_each_penalty_lowers_what_it_penalises_and_one_without_a_gradient_does_not(monkeypatch):
    resize(monkeypatch, claims, KINDS_OF_WEIGHTS=("free",))
    claimed = [f"flow.folding.trained.penalty.{name}" for name in ("lipschitz", "inverse", "h1")]
    judged = verdicts(SMALL)
    assert [judged[name].verdict for name in claimed] == ["supported"] * 3

    def ignored(*arguments, penalty=None, **keys):
        without = None if penalty is None else lambda network, x: penalty(network, x).detach()
        return train(*arguments, penalty=without, **keys)

    plant(monkeypatch, train, ignored)
    judged = verdicts(SMALL)
    for name in claimed:
        assert judged[name].verdict != "supported"
        measured = judged[name].measured
        assert measured is not None
        assert measured.value == 1


@pytest.mark.slow
@pytest.mark.usefixtures("few_controls")
def test_a_bound_that_is_not_kept_is_seen(monkeypatch):
    plant(monkeypatch, scaled_to_bound, lambda field, weights, bound: dict(weights))
    judged = verdicts(SMALL)
    assert judged["flow.folding.trained.spectral"].verdict == "refuted"
    assert judged["flow.folding.trained.determinant"].verdict == "refuted"
    assert judged["flow.folding.trained.folds"].verdict == "supported"


def test_of_a_block_without_a_lipschitz_bound_only_what_needs_none_is_trained():
    settings = replace(TINY, block=PrenormBlock(hidden=4))
    measurement = trained.measure(Job(settings))
    controls = {r.coordinates["control"] for r in measurement.records}
    assert controls == set(CONTROLS_SHOWN) - {"spectral", "lipschitz"}
    assert "lipschitz_bound" not in {r.observable for r in measurement.records}
    table_of = measurement.arrays["trained.table"]
    assert table_of.shape == (len(COLUMNS_OF_TRAINED), 2 * len(CONTROLS_SHOWN))
    assert np.isnan(table_of[:, 2 * CONTROLS_SHOWN.index("spectral")]).all()
    assert np.isfinite(table_of[0, 2 * CONTROLS_SHOWN.index("none")])
    for claim in GROUP.claims:
        if "spectral" in claim.where.values():
            assert "no Lipschitz bound" in str(claim.outside(settings))


def test_a_block_without_an_outer_matrix_is_not_trained_and_says_so():
    settings = replace(TINY, block=GradientBlock(hidden=4), data=SpiralsData(train_size=60, test_size=30))
    assert not trained.measure(Job(settings)).records
    assert all("block=gradient" in str(claim.outside(settings)) for claim in GROUP.claims)


@pytest.mark.slow
@pytest.mark.usefixtures("few_controls")
def test_plain_networks_that_are_kept_from_folding_are_seen(monkeypatch):
    monkeypatch.setitem(trained.CONTROLS, "none", CONTROLS["spectral"])
    assert verdicts(SMALL)["flow.folding.trained.folds"].verdict == "inconclusive", "they did not learn enough to tell"
    resize(monkeypatch, claims, LEAST_ACCURACY_OF_NETWORKS=0.0)
    many = replace(SMALL, train=replace(SMALL.train, epochs=2, replicas=16))  # none of 4 may be three in ten of all
    assert verdicts(many)["flow.folding.trained.folds"].verdict == "refuted"


def test_networks_with_room_are_not_said_to_fold():
    (claim,) = [claim for claim in GROUP.claims if claim.id == "flow.folding.trained.folds"]
    for data, width in (
        (SpiralsData(), 2),
        (CirclesData(), 2),
        (SpiralsData(), 3),
        (MoonsData(), 2),
        (DigitsData(), 16),
    ):
        reason = claim.outside(replace(SMALL, data=data, width=width))
        assert (reason is None) == (width == 2 and data.name != "moons"), data.name


# -- what is measured -----------------------------------------------------------------------------


def of_linear_blocks(factors: list[list[float]]) -> tuple[trained.TrainedNetwork, dict[str, torch.Tensor]]:
    """A network of the plane whose blocks are `x + diag(a, b) x`, (a, b) a block."""
    settings = replace(TINY, activation="identity", block=TwoBlock(hidden=2))
    net = trained.trained_network(settings, "none", "free", len(factors), 2)
    V = torch.stack([torch.diag(torch.tensor(f, dtype=torch.float64)) for f in factors])
    W = torch.eye(2, dtype=torch.float64).expand_as(V)
    return net, {"V": V[None], "W": W[None], "b": torch.zeros(1, len(factors), 2, dtype=torch.float64)}


def test_a_planted_fold_is_found_though_two_of_them_cancel():
    net, weights = of_linear_blocks([[0.5, -0.2], [-2.0, 0.0], [-3.0, 0.5]])  # determinants 1.2, -1, -3
    measured = trained.folds(net, weights, torch.randn(1, 10, 2, dtype=torch.float64))
    assert float(measured["fold_networks@data"]) == float(measured["fold_networks@all"]) == 1
    assert float(measured["fold_fraction@all"]) == pytest.approx(2 / 3)
    assert float(measured["min_block_det@all"]) == pytest.approx(-3)
    assert float(measured["block_lipschitz@data"]) == pytest.approx(3)
    assert float(measured["lipschitz_bound"]) == pytest.approx(3)


def test_a_fold_between_the_points_is_found_on_the_grid():
    """`x - 2 tanh(x)` folds around the line x = 0, where none of the points is."""
    settings = replace(TINY, block=TwoBlock(hidden=1))
    net = trained.trained_network(settings, "none", "free", 1, 2)
    weights = {
        "V": torch.tensor([[[[-2.0], [0.0]]]], dtype=torch.float64),
        "W": torch.tensor([[[[1.0, 0.0]]]], dtype=torch.float64),
        "b": torch.zeros(1, 1, 1, dtype=torch.float64),
    }
    x = torch.tensor([[[-3.0, -1.0], [3.0, 1.0], [-3.0, 1.0], [3.0, -1.0]]], dtype=torch.float64)
    measured = trained.folds(net, weights, x)
    assert float(measured["fold_networks@data"]) == 0
    assert float(measured["fold_networks@all"]) == 1


def test_the_inverse_error_is_that_of_the_blocks_backwards():
    net, weights = of_linear_blocks([[0.5, 0.5], [0.5, 0.5]])
    x = torch.randn(1, 10, 2, dtype=torch.float64)
    back = x * (1.5 * 0.5) ** 2
    expected = (back - x).square().mean().sqrt()
    torch.testing.assert_close(trained.folds(net, weights, x)["inverse_error"][0], expected)


# -- what is trained ------------------------------------------------------------------------------


@pytest.mark.parametrize("control", CONTROLS_SHOWN)
@pytest.mark.parametrize("weights", KINDS_OF_WEIGHTS)
def test_networks_are_what_they_are_said_to_be(control, weights):
    dataset = load(TINY.data, seed=0)
    net = trained.trained_network(TINY, control, weights, 4, dataset.features)
    start = net.start(dataset, TINY)
    assert start["trunk.W"].shape[1] == (1 if weights == "shared" else 4)
    big = {name: 10 * w for name, w in start.items()}
    parameters = net.parametrised(big)
    x = trained.placed_in(parameters, dataset.x_train)
    assert all(torch.equal(its_x, dataset.x_train) for its_x in x)  # points of the plane go in as they are
    trunk = trunk_of(parameters)
    for name, w in trunk.items():
        assert w.shape[1] == 4
        if weights == "shared":
            assert all(torch.equal(w[:, 0], w[:, k]) for k in range(4)), name
    assert net.h == (0.25 if control in ("factor", "h1") else 1)
    outer = net.h * torch.linalg.matrix_norm(trunk["V"], ord=2) * torch.linalg.matrix_norm(trunk["W"], ord=2)
    assert bool((outer <= 0.9 + 1e-12).all()) == (control == "spectral")


def test_points_of_many_features_go_through_a_read_in_that_is_trained():
    settings = replace(TINY, data=DigitsData(train_size=60, test_size=30), width=6)
    dataset = load(settings.data, seed=0)
    net = trained.trained_network(settings, "none", "free", 4, dataset.features)
    start = net.start(dataset, settings)
    assert start["read_in.W"].shape == (4, 6, 64)
    assert net.parametrised(start)["read_in.W"] is start["read_in.W"]
    measurement = trained.measure(Job(settings))
    assert not any(name.startswith("trained.none") for name in measurement.arrays)
    assert np.isfinite(measurement.arrays["trained.table"]).all()


def test_points_of_the_plane_have_zeros_behind_them_in_a_wider_state():
    settings = replace(TINY, width=3)
    dataset = load(settings.data, seed=0)
    net = trained.trained_network(settings, "none", "free", 4, 2)
    x = trained.placed_in(net.parametrised(net.start(dataset, settings)), dataset.x_train)
    assert torch.equal(x[1, :, :2], dataset.x_train)
    assert (x[..., 2] == 0).all()


def test_the_start_is_near_the_identity():
    dataset = load(SMALL.data, seed=0)
    net = trained.trained_network(SMALL, "none", "free", 8, 2)
    parameters = net.parametrised(net.start(dataset, SMALL))
    x = trained.placed_in(parameters, dataset.x_train)
    measured = trained.folds(net, trunk_of(parameters), x)
    assert float(measured["min_block_det@all"].min()) > 0.3
    assert forward(net.field, EULER, x, trunk_of(parameters), net.h).shape == x.shape


@pytest.mark.parametrize("block", [OneBlock(), OutsideBlock(), TwoBlock(hidden=4)])
@pytest.mark.parametrize("activation", ["relu", "swish"])
def test_other_blocks_and_activations_are_trained_and_bounded(block, activation):
    settings = replace(TINY, block=block, activation=activation)
    for weights in KINDS_OF_WEIGHTS:
        measured = trained.judged(Job(settings), "spectral", weights, 4)
        assert measured["lipschitz_bound"].max() <= 0.9 + 1e-12
        assert measured["block_lipschitz@all"].max() <= 0.9 + 1e-12


# -- the job --------------------------------------------------------------------------------------


def measured(settings: Flow, shared: InMemory | None = None) -> Measurement:
    return trained.measure(Job(settings, shared or InMemory()))


def test_deeper_jobs_share_the_networks_and_say_how_deep_they_are(monkeypatch):
    shared, at_four = InMemory(), replace(TINY, depth=4)
    first = measured(at_four, shared)
    plant(monkeypatch, train, None)
    second = measured(replace(at_four, depth=64), shared)
    assert first.records == second.records
    assert {record.coordinates["blocks"] for record in first.records} == {4}


def test_the_table_is_that_of_the_records():
    measurement = measured(TINY)
    table = measurement.arrays["trained.table"]
    assert table.shape == (len(COLUMNS_OF_TRAINED), 2 * len(CONTROLS_SHOWN))
    for record in measurement.records:
        if record.observable in COLUMNS_OF_TRAINED and record.coordinates.get("at", "all") == "all":
            control, weights = record.coordinates["control"], record.coordinates["weights"]
            column = 2 * CONTROLS_SHOWN.index(control) + KINDS_OF_WEIGHTS.index(weights)
            assert table[COLUMNS_OF_TRAINED.index(record.observable), column] == record.value
    assert {name for name in measurement.arrays if "PLANE" not in name} >= {"trained.labels", "trained.layers"}
    for name in ("none.map", "none.inverse", "spectral.map", "spectral.inverse"):
        assert measurement.arrays[f"trained.{name}.nodes"].shape == (5, 81, 81, 2)


def test_what_is_drawn_of_the_inverse_ends_where_the_map_began():
    arrays = measured(TINY).arrays
    back, there = (arrays[f"trained.spectral.{of}.points"] for of in ("inverse", "map"))
    np.testing.assert_allclose(back[-1], there[0], atol=1e-6)
    np.testing.assert_allclose(back[0], there[-1], atol=1e-6)


def test_a_training_that_explodes_is_said_and_not_judged(monkeypatch):
    resize(monkeypatch, claims, CONTROLS_SHOWN=("none", "lipschitz"))
    measurement = measured(replace(TINY, activation="relu", train=replace(TINY.train, lr=1e200)))
    assert {record.observable for record in measurement.records} == {"exploded_at"}
    assert np.isnan(measurement.arrays["trained.table"]).all()


def test_weights_that_are_not_finite_are_no_crash():
    dataset = load(TINY.data, seed=0)
    for control in ("spectral", "lipschitz"):
        net = trained.trained_network(TINY, control, "free", 4, 2)
        broken = {name: w * math.nan for name, w in net.start(dataset, TINY).items()}
        assert torch.isnan(net.parametrised(broken)["trunk.V"]).all()
        penalty = net.penalty(TINY)
        assert (penalty is None) == (control == "spectral")
        if penalty is not None:
            assert torch.isnan(penalty(broken, dataset.x_train)).all()


def test_targets_have_no_accuracies():
    assert measured(replace(TINY, data=GaussianData())).records == []


def test_a_grid_that_is_not_of_the_plane_is_refused():
    STUDY.check(replace(SMALL, figure="deformed_grid"))
    STUDY.check(replace(SMALL, figure="folding", width=3))
    with pytest.raises(SettingError, match=r"width=3: figure=deformed_grid draws the plane"):
        STUDY.check(replace(SMALL, figure="deformed_grid", width=3))
