"""`exponents.trained`: the loop is torch's own training of such networks; exponents are those of planted weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from resnet_limits.data.dataset import Dataset
from resnet_limits.data.sources.digits import DigitsData
from resnet_limits.data.sources.gaussian import GaussianData
from resnet_limits.data.sources.mnist import MnistData
from resnet_limits.data.sources.moons import MoonsData
from resnet_limits.data.sources.tanh_flow import TanhFlowData
from resnet_limits.errors import SettingError
from resnet_limits.measurement.job import FinishedJob, Job
from resnet_limits.measurement.record import WHY, Record
from resnet_limits.settings.checks import check_values
from resnet_limits.settings.training import Train
from resnet_limits.studies.exponents.request import check, warnings
from resnet_limits.studies.exponents.settings import Exponents, ExponentsKeys, TrainedKeys
from resnet_limits.studies.exponents.trained import compare, measure
from resnet_limits.studies.exponents.trained.claims import ARRAY_OF_SIZES
from resnet_limits.studies.exponents.trained.network import ScaledBlocks, through_convolutions
from resnet_limits.training.loop import mini_batches
from tests.data.sources import real
from tests.studies.verdicts import ladder, value, verdict

DEPTHS = (8, 16, 32, 64)
SMALL = Exponents(
    data=TanhFlowData(train_size=128, test_size=16, features=4),
    train=Train(epochs=100, batch_size=32, optimizer="adam", lr=0.003, replicas=8),
    exponents=ExponentsKeys(trained=TrainedKeys(stop=0.02)),
)
WIDTH, REPLICAS = 10, 6


def trained_keys(settings: Exponents = SMALL, **keys) -> Exponents:
    return replace(settings, exponents=replace(settings.exponents, trained=TrainedKeys(**keys)))


# -- training --------------------------------------------------------------------------------------


class PlainNetwork(nn.Module):
    """What a lab would write: one matrix a layer, one network."""

    def __init__(self, start: Mapping[str, Tensor], phi: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.phi = phi
        self.delta = nn.Parameter(start["trunk.V"].clone())
        self.A = nn.ParameterList(nn.Parameter(w.clone()) for w in start["trunk.W"])
        self.b = nn.ParameterList(nn.Parameter(w.clone()) for w in start["trunk.b"])

    def forward(self, h: Tensor) -> Tensor:
        for k, (A, b) in enumerate(zip(self.A, self.b, strict=True)):
            h = h + self.delta[min(k, len(self.delta) - 1)] * self.phi(h @ A.T + b)
        return h


def plainly_trained(network: PlainNetwork, x: Tensor, y: Tensor, settings: Exponents) -> int:
    """Train it as torch does, and return the steps until it stops."""
    keys, adam = settings.exponents.trained, torch.optim.Adam(network.parameters(), lr=settings.train.lr)
    steps, best, stale = 0, math.inf, 0
    for epoch in range(settings.train.epochs):
        losses = []
        for batch in mini_batches(len(x), settings.train.batch_size, epoch, seed=settings.seed):
            adam.zero_grad()
            loss = (network(x[batch]) - y[batch]).square().sum(dim=1).mean() / 2
            loss.backward()
            adam.step()
            losses.append(float(loss.detach()))
            steps += 1
        of_epoch = float(np.mean(losses))
        best, stale = (of_epoch, 0) if of_epoch < 0.99 * best else (best, stale + 1)
        if of_epoch < keys.stop or stale == keys.patience:
            break
    return steps


@pytest.mark.parametrize("scale", ["shared", "layers"])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_loop_is_torchs_own(activation: str, scale: str):
    settings = trained_keys(replace(SMALL, depth=8), stop=0.05, scale=scale, patience=4)
    blocks, dataset = measure.scaled_blocks(settings, activation), measure.points_of(settings)
    start = blocks.start(0.01, replicas=8, seed=settings.seed, dtype=torch.float64)
    trained = measure.trained_networks(Job(settings), blocks, dataset)
    assert trained.stopped_at is not None
    for replica in (0, 2):
        plain = PlainNetwork({name: w[replica] for name, w in start.items()}, getattr(torch, activation))
        steps = plainly_trained(plain, dataset.x_train, dataset.y_train, settings)
        assert steps == int(trained.stopped_at[replica]) < 100 * 4
        torch.testing.assert_close(trained.parameters["trunk.V"][replica], plain.delta, rtol=1e-6, atol=1e-9)
        for k, A in enumerate(plain.A):
            torch.testing.assert_close(trained.parameters["trunk.W"][replica, k], A, rtol=1e-6, atol=1e-8)


# -- exponents of planted weights ------------------------------------------------------------------


def planted(weights: Callable[[int, np.random.Generator], np.ndarray], depths=DEPTHS) -> list[Record]:
    """The comparison of networks with these weights (r, L, D, D) and delta = L^-0.3."""
    rng, jobs = np.random.default_rng(0), []
    for depth in depths:
        A = torch.from_numpy(weights(depth, rng) * depth**0.3)
        parameters = {"trunk.W": A, "trunk.V": torch.full((len(A), 1, 1), depth**-0.3, dtype=torch.float64)}
        sizes = measure.sizes_of(parameters).numpy()
        jobs.append(FinishedJob(replace(SMALL, depth=depth), [], {ARRAY_OF_SIZES: np.stack([sizes, sizes])}.get))
    return [comparison.record for comparison in compare.compare(jobs)]


def independent(size: float) -> Callable[[int, np.random.Generator], np.ndarray]:
    return lambda depth, rng: rng.standard_normal((REPLICAS, depth, WIDTH, WIDTH)) * depth**-size


def smooth(depth: int, rng: np.random.Generator) -> np.ndarray:
    a, b = rng.standard_normal((2, REPLICAS, 1, WIDTH, WIDTH))
    t = (np.arange(depth) / depth)[None, :, None, None]
    return (2 * a + b * np.sin(3 * t)) / depth


@pytest.mark.parametrize(
    ("weights", "limit", "size", "root"),
    [
        (independent(0.5), "SDE", 0.5, 0.0),
        (smooth, "ODE", 1.0, 1.5),
        (independent(1.0), "neither", 1.0, 0.5),
        (independent(0.0), "neither", 0.0, -0.5),
    ],
)
def test_exponents_and_limit_of_planted_weights(weights, limit, size, root):
    records, where = planted(weights), {"activation": "relu"}
    for quantity, order in (("weight_size", size), ("increment_root_sum", root)):
        fitted = value(records, "exponent", **where, quantity=quantity, of="delta A")
        assert fitted.value == pytest.approx(order, abs=0.1)
        of_A = value(records, "exponent", **where, quantity=quantity, of="A")
        assert fitted.value - of_A.value == pytest.approx(0.3)
    assert value(records, "exponent", **where, quantity="branch_scale").value == pytest.approx(0.3)
    assert value(records, "limit", **where).coordinates["limit"] == limit


def test_the_root_sum_has_a_fraction_of_the_noise_of_the_largest_increment():
    records = planted(independent(0.5))
    root, largest = (
        value(records, "exponent", activation="relu", quantity=quantity, of="delta A").stderr
        for quantity in ("increment_root_sum", "largest_increment")
    )
    assert root < 0.5 * largest


def test_the_rule_of_stopping_stands_beside_the_exponents():
    for record in planted(smooth):
        assert "loss of an epoch below 0.02" in record.coordinates["stopping"]


@pytest.mark.parametrize("depths", [(8,), (8, 16), (8, 16, 32)])
def test_few_depths_give_no_exponent_and_say_so(depths):
    records = planted(smooth, depths)
    assert {record.observable for record in records} == {"exponent", "regularity"}
    for record in records:
        assert record.coordinates[WHY] == f"an exponent needs 4 depths, and networks were trained at {len(depths)}"


# -- measured --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def jobs():
    return ladder(measure, SMALL, DEPTHS)


@pytest.mark.parametrize("claim", ["size", "smooth", "rough"])
def test_the_claims_are_supported(jobs, claim: str):
    judgement = verdict(f"exponents.trained.{claim}", jobs, compare)
    assert judgement.verdict == "supported", judgement.why


def test_verdicts_are_said_in_words(jobs):
    assert "trained tanh networks: ODE (" in verdict("exponents.trained.size", jobs, compare).why
    assert "trained relu networks: neither (" in verdict("exponents.trained.rough", jobs, compare).why


@pytest.mark.slow
def test_weights_that_start_rough_are_not_said_to_be_smooth():
    settings = trained_keys(stop=0.02, start=30.0)
    judgement = verdict("exponents.trained.smooth", ladder(measure, settings, DEPTHS), compare)
    assert judgement.verdict == "refuted", judgement.why


def test_one_scale_a_layer_lies_outside(jobs):
    settings = trained_keys(stop=0.02, scale="layers")
    judgement = verdict("exponents.trained.size", [(replace(settings, depth=s.depth), m) for s, m in jobs], compare)
    assert judgement.verdict == "inconclusive"
    assert "exponents.trained.scale=layers" in judgement.why


def test_exploded_networks_are_a_result():
    settings = replace(SMALL, dtype="float32", train=replace(SMALL.train, lr=1e6, epochs=2, replicas=2))
    measured = ladder(measure, settings, DEPTHS)
    for _, measurement in measured:
        assert value(measurement.records, "ended", activation="relu", end="exploded").value == 1
        assert all(math.isfinite(r.value) or WHY in r.coordinates for r in measurement.records)
    judgement = verdict("exponents.trained.rough", measured, compare)
    assert (judgement.verdict, judgement.measured) == ("inconclusive", None)
    assert "explod" in judgement.why


def test_another_activation_is_trained_beside_those_of_the_claims():
    settings = replace(SMALL, depth=8, activation="swish", train=replace(SMALL.train, epochs=1))
    measurement = measure.measure(Job(settings))
    assert len(measurement.arrays[ARRAY_OF_SIZES]) == 3
    assert value(measurement.records, "weight_size", activation="swish", of="A").value > 0


def test_nothing_is_trained_beyond_the_deepest_and_that_is_said():
    settings = replace(trained_keys(deepest=16), depth=32)
    assert not measure.measure(Job(settings)).records
    assert "exponents.trained.deepest=16" in warnings(settings)[0]
    assert not warnings(replace(settings, claims=["exponents.ratio.forward"]))


# -- points ----------------------------------------------------------------------------------------


def test_labels_and_targets_fill_the_first_coordinates():
    settings = trained_keys(replace(SMALL, data=MoonsData(train_size=40, test_size=0)), width=5)
    dataset = measure.points_of(settings)
    assert dataset.x_train.shape == dataset.y_train.shape == (40, 5)
    assert dataset.y_train.sum(dim=1).tolist() == [1] * 40
    assert not dataset.y_train[:, 2:].any()
    settings = trained_keys(replace(SMALL, data=GaussianData(train_size=40, test_size=0, outputs=2)))
    assert measure.points_of(settings).y_train.shape == (40, 8)


def test_the_convolutional_embedding_is_the_one_of_torch_and_fixed():
    x, y = torch.randn(4, 2 * 16 * 13, dtype=torch.float64), torch.arange(4)
    images = Dataset("noise", x[:3], y[:3], x[3:], y[3:], 4)
    once, again = (through_convolutions(images, (2, 16, 13), seed=1) for _ in range(2))
    assert torch.equal(once.x_train, again.x_train)
    assert (once.x_train.shape, once.x_test.shape) == ((3, 2 * 2), (1, 2 * 2))
    assert torch.allclose(once.x_train.norm(dim=1), torch.ones(3, dtype=torch.float64))
    assert not torch.allclose(once.x_train, through_convolutions(images, (2, 16, 13), seed=2).x_train)


@real("MNIST")
def test_mnist_becomes_25_features():
    from tests.data.sources import REAL

    data = MnistData(root=str(REAL), train_size=64, test_size=8)
    settings = trained_keys(replace(SMALL, data=data, depth=8), embedding="convolution")
    check(settings)
    dataset = measure.points_of(settings)
    assert dataset.x_train.shape == dataset.y_train.shape == (64, 25)
    settings = replace(settings, train=replace(SMALL.train, epochs=2))
    records = measure.measure(Job(settings)).records
    assert value(records, "train_loss", activation="tanh").value < value(records, "first_loss", activation="tanh").value


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (lambda: trained_keys(embedding="convolution"), "the points of data=tanh_flow are no images"),
        (lambda: trained_keys(replace(SMALL, data=DigitsData()), embedding="convolution"), "images of 8 x 8 pixels"),
        (lambda: trained_keys(replace(SMALL, data=DigitsData()), width=9), "10 classes"),
        (lambda: trained_keys(width=3), "4 targets"),
        (lambda: replace(SMALL, train=replace(SMALL.train, batch_size=200)), "train.batch_size=200"),
    ],
)
def test_what_cannot_be_trained_is_refused(settings, words: str):
    with pytest.raises(SettingError, match=words):
        check(settings())


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        (TrainedKeys(stop=0), "stop"),
        (TrainedKeys(stop=-1.0), "stop"),
        (TrainedKeys(patience=0), "patience"),
        (TrainedKeys(start=0), "start"),
        (TrainedKeys(deepest=4), "deepest"),
        (TrainedKeys(scale="one"), "scale"),
    ],
)
def test_keys_out_of_range_are_refused(keys: TrainedKeys, name: str):
    with pytest.raises(SettingError, match=f"exponents.trained.{name}"):
        check_values(replace(SMALL, depth=8, exponents=ExponentsKeys(trained=keys)))


def test_blocks_are_the_residual_step_they_say():
    blocks = ScaledBlocks(depth=3, width=4, activation="tanh", shared=False)
    start = blocks.start(2.0, replicas=2, seed=1, dtype=torch.float64)
    h, network = torch.randn(2, 5, 4, dtype=torch.float64), blocks.network(start)
    f = blocks.field
    theta = {name: network[f"trunk.{name}"][:, 1] for name in ("V", "W", "b")}
    A, b, delta = start["trunk.W"][:, 1], start["trunk.b"][:, 1], start["trunk.V"][:, 1]
    expected = delta[:, None] * torch.tanh(h @ A.mT + b[:, None])
    torch.testing.assert_close(f(h, theta), expected)
