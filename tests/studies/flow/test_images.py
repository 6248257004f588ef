"""`flow.images`: what is trained, what is kept, and that planted faults turn its claims red."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from resnet_limits.data.sources.cifar10 import Cifar10Data
from resnet_limits.data.sources.digits import DigitsData
from resnet_limits.data.sources.gaussian import GaussianData
from resnet_limits.data.sources.image_folder import ImageFolderData
from resnet_limits.data.sources.mnist import MnistData
from resnet_limits.data.sources.moons import MoonsData
from resnet_limits.errors import MeasurementError, SettingError
from resnet_limits.measurement.job import InMemory, Job
from resnet_limits.measurement.record import Record
from resnet_limits.networks.classifier import cross_entropy
from resnet_limits.networks.convolutional import initial_convolutional, logits_of_images
from resnet_limits.random import Stream, normals
from resnet_limits.runs.checkpoint import FolderCheckpoints
from resnet_limits.settings.checks import check_values as check_ranges
from resnet_limits.settings.training import Train
from resnet_limits.studies import study as studies
from resnet_limits.studies.flow.images import measure as images
from resnet_limits.studies.flow.settings import Flow, FlowKeys, ImageKeys
from resnet_limits.studies.flow.study import STUDY
from resnet_limits.training import convolutional
from resnet_limits.training.convolutional import train_convolutional
from tests.planting import plant, resize
from tests.studies.verdicts import measured, value, verdicts

QUICK = ImageKeys(units=[1, 2], channels=4, points=300, epochs=4, batch_size=30, lr=0.1, replicas=2)
SMALL = Flow(device="cpu", claims=["flow.images"], flow=FlowKeys(images=QUICK))


def with_images(settings: Flow, **values: object) -> Flow:
    return replace(settings, flow=replace(settings.flow, images=replace(settings.flow.images, **values)))


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return measured("images", SMALL, (16,))[16]


@pytest.mark.slow
def test_claims_are_supported():
    judged = verdicts("images", SMALL, (16, 32))
    assert {name: judgement.verdict for name, judgement in judged.items()} == {
        "flow.images.refinement": "supported",
        "flow.images.refinement.accuracy": "supported",
        "flow.images.volume": "supported",
        "flow.images.determinant": "supported",
        "flow.images.stretch": "supported",
    }


def test_refined_networks_that_keep_the_step_of_the_trained_one_turn_the_claims_red(monkeypatch: pytest.MonkeyPatch):
    right = images.scores_of

    def long_steps(*args: object, units: int, horizon: float):
        return right(*args, units=units, horizon=horizon * units / 2)  # type: ignore[arg-type]

    plant(monkeypatch, images.scores_of, long_steps)
    judged = verdicts("images", with_images(SMALL, units=[2]), (16,))
    assert judged["flow.images.refinement"].verdict == "refuted"
    assert judged["flow.images.refinement.accuracy"].verdict == "refuted"


def test_records_are_documented_and_have_coordinates(records: list[Record]):
    study = studies.get("flow")
    assert {record.observable for record in records} <= set(study.observables)
    assert all(math.isfinite(record.value) for record in records)
    for weights, counts in (("free", [2]), ("shared", [1, 2, 4, 8, 16])):
        for m in counts:
            accuracy = value(records, "images.accuracy", units=2, weights=weights, evaluated=m)
            assert 0.3 < accuracy.value <= 1
            assert accuracy.stderr >= 0
            assert accuracy.replicas == 2
            assert accuracy.coordinates["data"] == "digits"
    for stage in (1, 2, 3):
        assert value(records, "images.inverse_error", units=2, weights="free", stage=stage).value > 0
        for weights in ("free", "shared"):
            determinant = value(records, "images.unit_determinant", units=2, weights=weights, stage=stage)
            stretch = value(records, "images.unit_stretch", units=2, weights=weights, stage=stage)
            assert 1 - stretch.value < determinant.value < 1 + stretch.value
    gaps = [value(records, "images.volume_gap", evaluated=m).value for m in (4, 8, 16, 32)]
    assert gaps == sorted(gaps, reverse=True)
    gaps = [value(records, "images.refinement_gap", units=2, evaluated=m).value for m in (2, 4, 8, 16)]
    assert gaps == sorted(gaps, reverse=True)


def test_states_too_large_for_their_jacobians_are_stretched_by_iteration_and_say_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
):
    large = with_images(SMALL, units=[1], epochs=1, points=60, replicas=1)
    records = measured("images", large, (16,))[16]
    resize(monkeypatch, images, LARGEST_STATE=0)
    without = measured("images", large, (16,))[16]
    for stage in (1, 2, 3):
        where = {"units": 1, "weights": "shared", "stage": stage}
        there = value(records, "images.unit_stretch", **where).value
        assert value(without, "images.unit_stretch", **where).value == pytest.approx(there, rel=1e-3)
    error = value(without, "images.largest_stretch").reference_error
    assert error > 1e6 * value(records, "images.largest_stretch").reference_error, "from below, by iteration"
    assert not [r for r in without if r.observable == "images.unit_determinant"]
    for name in ("images.volume_order", "images.determinant_ratio"):
        assert "take smaller images" in value(without, name).coordinates["why"]


def test_parameters_are_counted_and_shared_weights_have_fewer(records: list[Record]):
    numbers = {
        (n, weights): value(records, "images.parameters", units=n, weights=weights).value
        for n in (1, 2)
        for weights in ("free", "shared")
    }
    assert numbers[1, "free"] == numbers[1, "shared"] == numbers[2, "shared"] < numbers[2, "free"]
    start = initial_convolutional((1, 8, 8), 4, 10, sets=2, replicas=1, seed=0)
    assert numbers[2, "free"] == sum(w.numel() for w in start.values())


@pytest.mark.slow
def test_one_unit_is_one_network_and_all_depths_share_the_training(monkeypatch: pytest.MonkeyPatch):
    calls = []

    def counted(*args: object, **keywords: object):
        calls.append(keywords["units"])
        return train_convolutional(*args, **keywords)  # type: ignore[arg-type]

    plant(monkeypatch, train_convolutional, counted)
    shared = InMemory()
    first, again = (images.measure(Job(replace(SMALL, depth=depth), shared)).records for depth in (16, 64))
    assert calls == [1, 2, 2]
    assert repr(first) == repr(again)
    other = replace(SMALL, width=7, replicas=9, data=MoonsData(), preset="smoke")
    images.measure(Job(other, shared))
    assert len(calls) == 3  # nothing that the networks depend on
    images.measure(Job(replace(SMALL, seed=1), shared))
    assert len(calls) == 6


class Interrupted(Exception):
    """Raised where a process would be killed."""


@pytest.mark.slow
@pytest.mark.parametrize("steps", [3, 17, 55])
def test_an_interrupted_measurement_goes_on_to_the_same_result(tmp_path: Path, records: list[Record], steps: int):
    settings, done = replace(SMALL, train=Train(checkpoint_seconds=0.0)), 0

    def job(progress: Callable[[float, str], None]) -> Job:
        return Job(settings, checkpoints=FolderCheckpoints(tmp_path, lambda text: None), progress=progress)

    def until(fraction: float, message: str) -> None:
        nonlocal done
        done += 1
        if done == steps:
            raise Interrupted

    with pytest.raises(Interrupted):
        images.measure(job(until))
    went_on = []
    resumed = images.measure(job(lambda fraction, message: went_on.append(message))).records
    assert repr(resumed) == repr(records)
    assert "epoch 1 of 4" not in went_on[0] or steps < 10  # it did go on, and not from the start


def test_training_is_sgd_with_momentum_with_a_rate_times_the_sets_of_a_stage():
    start = initial_convolutional((1, 8, 8), 4, 3, sets=2, replicas=2, seed=0, dtype=torch.float64)
    x, y = normals((1, 8, 8), Stream(0, "x"), replicas=12), torch.arange(12) % 3
    recipe = Train(epochs=3, batch_size=12, lr=0.05, momentum=0.9, schedule="cosine")
    keywords = {"units": 2, "horizon": 1.0, "seed": 0}
    parameters = train_convolutional("tanh", start, x, y, recipe, progress=lambda fraction, message: None, **keywords)
    reference = {name: w.clone().requires_grad_() for name, w in start.items()}
    groups = [
        {"params": [w for name, w in reference.items() if name.startswith("stage") == stage], "lr": rate}
        for stage, rate in ((True, 0.1), (False, 0.05))
    ]
    optimiser = torch.optim.SGD(groups, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=3)
    clipped = 0
    for _ in range(3):
        optimiser.zero_grad()
        cross_entropy(logits_of_images("tanh", reference, x, units=2), y).sum().backward()
        for r in range(2):  # of each replica by itself
            length = sum(float(w.grad[r].square().sum()) for w in reference.values() if w.grad is not None) ** 0.5
            clipped += length > 1
            for w in reference.values():
                assert w.grad is not None
                w.grad[r] *= min(1, 1 / length)
        optimiser.step()
        schedule.step()
    assert clipped > 0
    for name, w in parameters.items():
        assert torch.allclose(w, reference[name], rtol=1e-9, atol=1e-12), name
        assert not torch.equal(w, start[name]) or name.endswith("A")


def test_networks_learn_the_digits():
    settings = with_images(SMALL, units=[1], points=1400, epochs=4, batch_size=50, channels=8, replicas=1)
    (record,) = (
        r
        for r in measured("images", settings, (16,))[16]
        if r.observable == "images.accuracy" and r.coordinates["weights"] == "free"
    )
    assert record.value > 0.93


def test_paired_differences():
    a = np.array([[True, True, False, True], [True, False, False, True]])
    b = np.array([[True, False, False, True], [True, False, False, False]])
    off = np.array([0, 0.5, 0, 0.5])
    assert images.difference_of_accuracies(a, b) == (0.25, pytest.approx(off.std(ddof=1) / 2))
    same, stderr = images.difference_of_accuracies(a, a)
    assert same == 0
    assert stderr == pytest.approx(1 / 8)  # one image of four in one of two replicas


def test_what_is_evaluated():
    assert images.units_evaluated(1) == [1, 2, 4, 8, 16]
    assert images.units_evaluated(3) == [2, 3, 6, 12, 24, 48]
    assert images.units_evaluated(4) == [2, 4, 8, 16, 32, 64]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (with_images(SMALL, channels=7), "flow.images.channels=7: group norm .* 2 groups of equal size; give an even"),
        (
            with_images(SMALL, batch_size=301),
            "flow.images.batch_size=301: digits has 300 training images here; give",
        ),
        (
            replace(with_images(SMALL, points=2000, batch_size=100), data=DigitsData(train_size=50)),
            "batch_size=100: digits has 50 training",
        ),
        (
            replace(SMALL, data=ImageFolderData(size=3)),
            "data.size=3: images of 3 x 3 pixels are too small for three stages",
        ),
        (replace(SMALL, data=DigitsData(train_size=1797)), "no test images are left"),
    ],
    ids=lambda value: "" if isinstance(value, Flow) else value[:25],
)
def test_what_cannot_be_run_is_refused_in_words(settings: Flow, words: str):
    with pytest.raises(SettingError, match=words):
        STUDY.check(settings)


def test_what_is_not_asked_for_is_not_refused():
    STUDY.check(replace(with_images(SMALL, channels=7), claims=["flow.map"]))
    for data in (MoonsData(), GaussianData(), DigitsData(), MnistData(), Cifar10Data()):
        STUDY.check(replace(SMALL, data=data))


@pytest.mark.parametrize("units", [[], [0], [1, 1], [1, 2.5], 0])
def test_units_are_one_or_more_different_positive_integers(units: object):
    with pytest.raises(SettingError, match=r"^flow.images.units: expected"):
        check_ranges(with_images(SMALL, units=units))


def test_a_loss_that_is_not_finite_names_the_rate():
    start = initial_convolutional((1, 8, 8), 4, 3, sets=1, replicas=2, seed=0)
    start["read_out.W"][1] = math.inf  # of one replica
    x, y = torch.ones(5, 1, 8, 8), torch.zeros(5, dtype=torch.int64)
    keywords = {"units": 1, "horizon": 1.0, "seed": 0, "progress": lambda fraction, message: None}
    words = r"1 unit\(s\) a stage is nan at step 0 of 3, flow.images.lr=0.5; a smaller flow.images.lr may train"
    with pytest.raises(MeasurementError, match=words):
        train_convolutional("tanh", start, x, y, Train(batch_size=5), key_of_rate="flow.images.lr", **keywords)


def test_a_batch_larger_than_a_folder_of_images_is_refused_when_it_is_read():
    start = initial_convolutional((1, 8, 8), 4, 3, sets=1, replicas=1, seed=0)
    x, y = torch.zeros(5, 1, 8, 8), torch.zeros(5, dtype=torch.int64)
    keywords = {"units": 1, "horizon": 1.0, "seed": 0, "progress": lambda fraction, message: None}
    with pytest.raises(SettingError, match=r"flow.images.batch_size=6: there are 5 training images"):
        train_convolutional("tanh", start, x, y, Train(batch_size=6), key_of_rate="flow.images.lr", **keywords)
    assert convolutional.KEY_OF_RATE == "train.lr"


def test_a_horizon_of_zero_lies_outside():
    settings = replace(with_images(SMALL, units=[1], epochs=1, points=60), horizon=0.0)
    for judgement in verdicts("images", settings, (16,)).values():
        assert judgement.verdict == "inconclusive"
        assert "horizon=0" in judgement.why


def test_relu_is_no_smooth_field():
    settings = with_images(replace(SMALL, activation="relu"), units=[1], epochs=1, points=60)
    assert "activation=relu" in verdicts("images", settings, (16,))["flow.images.refinement"].why


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_device_finds_what_the_cpu_finds(records: list[Record]):
    assert verdicts("images", replace(SMALL, device="cuda"), (16,))["flow.images.refinement"].verdict == "supported"
    on_device = images.measure(Job(replace(SMALL, device="cuda"), InMemory())).records
    for here, there in zip(records, on_device, strict=True):
        if here.observable == "images.accuracy":
            assert there.value == pytest.approx(here.value, abs=0.05)
