"""`load`: requests that cannot be met, what is kept in memory, and data of the wrong shape."""

from __future__ import annotations

import pytest
import torch

from resnet_limits.data.dataset import Dataset
from resnet_limits.data.loading import embed, forget, load
from resnet_limits.data.sources.digits import DigitsData
from resnet_limits.data.sources.gaussian import GaussianData
from resnet_limits.data.sources.image_folder import ImageFolderData
from resnet_limits.data.sources.mnist import MnistData
from resnet_limits.data.sources.moons import MoonsData
from resnet_limits.data.sources.source import Data
from resnet_limits.errors import DamagedData, RequestError, SettingError
from tests.data.sources import REAL, real


def test_null_takes_all_digits_that_are_left():
    assert len(load(DigitsData(train_size=None, test_size=97), seed=0).x_train) == 1700
    everything = load(DigitsData(train_size=None), seed=0)
    assert (len(everything.x_train), len(everything.x_test)) == (1797, 0)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (DigitsData(train_size=1700, test_size=98), "digits has 1797 points"),
        (DigitsData(train_size=1798, test_size=None), "^data.train_size=1798: digits has 1797 points"),
        (DigitsData(train_size=None, test_size=1797), "digits has 1797 points"),
        (MoonsData(train_size=None), "data.train_size: null"),
        (GaussianData(test_size=None), "data.test_size: null"),
        (DigitsData(train_size=1), "all of one class"),
        (GaussianData(train_size=1), "targets of gaussian are all equal"),
        (Data("digit"), "did you mean 'digits'"),
        (ImageFolderData(folder="/somewhere"), "relative to data.root"),
        pytest.param(
            MnistData(root=str(REAL), train_size=60001),
            "data.train_size=60001: mnist has 60000 training points",
            marks=real("MNIST"),
        ),
        pytest.param(MnistData(root=str(REAL), train_size=1), "all of one class", marks=real("MNIST")),
    ],
)
def test_requests_that_cannot_be_met_are_refused_in_words(data, message):
    with pytest.raises(RequestError, match=message) as caught:
        load(data, seed=0)
    assert isinstance(caught.value, SettingError)


def test_the_last_data_set_is_kept_and_another_takes_its_place(monkeypatch):
    read = []
    points = DigitsData.points
    monkeypatch.setattr(DigitsData, "points", lambda data, seed: read.append(1) or points(data, seed))
    forget()
    once = load(DigitsData(), seed=0)
    assert load(DigitsData(), seed=0) is once
    assert len(read) == 1
    assert load(DigitsData(train_size=100), seed=0) is not once
    assert load(DigitsData(), seed=1) is not once
    again = load(DigitsData(), seed=0)
    assert again is not once, "one is kept"
    forget()
    assert load(DigitsData(), seed=0) is not again
    assert len(read) == 5


def made(x_train=(4, 3), y_train=(4,), x_test=(2, 3), y_test=(2,), classes=2, labels=torch.int64) -> Dataset:
    tensors = torch.zeros(x_train), torch.zeros(y_train, dtype=labels), torch.zeros(x_test)
    return Dataset("own", *tensors, torch.zeros(y_test, dtype=labels), classes)


def test_labels_make_a_classification_and_targets_a_regression():
    assert made().is_classification
    assert (made(classes=5).outputs, made().features) == (5, 3)
    regression = made(y_train=(4, 7), y_test=(2, 7), classes=0, labels=torch.float32)
    assert not regression.is_classification
    assert (regression.outputs, regression.classes) == (7, 0)


def test_a_data_set_moves_to_a_dtype_and_its_labels_stay_integers():
    assert made().to("cpu", torch.float64).x_test.dtype == torch.float64
    assert made().to("cpu", torch.float64).y_test.dtype == torch.int64
    regression = made(y_train=(4, 7), y_test=(2, 7), classes=0, labels=torch.float32)
    assert regression.to("cpu", torch.float64).y_train.dtype == torch.float64


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"y_train": (5,)}, r"training points of shape \(4, 3\).*\(5,\)"),
        ({"x_test": (2, 2)}, r"test points of shape \(2, 2\)"),
        ({"x_test": (2, 3, 1)}, r"test points of shape \(2, 3, 1\)"),
        ({"y_train": (4, 1), "y_test": (2, 1)}, r"training labels of shape \(4, 1\)"),
        ({"labels": torch.float32}, "training labels.*float32"),
        ({"classes": 0}, r"training targets of shape \(4,\)"),
        (
            {"classes": 0, "y_train": (4, 2), "y_test": (2, 3), "labels": torch.float64},
            r"test targets of shape \(2, 3\)",
        ),
    ],
)
def test_data_of_the_wrong_shape_are_refused_with_the_shape(wrong, message):
    with pytest.raises(DamagedData, match=message):
        made(**wrong)


def test_labels_beyond_the_classes_are_refused():
    with pytest.raises(DamagedData, match=r"training labels from 0 to 3 for 2 classes"):
        Dataset("own", torch.zeros(2, 1), torch.tensor([0, 3]), torch.zeros(0, 1), torch.zeros(0).long(), 2)


@pytest.mark.parametrize("data", [MoonsData(train_size=40, test_size=30), GaussianData(train_size=40, test_size=30)])
def test_points_and_targets_are_standardised_by_the_training_ones_alone(data: Data):
    loaded = load(data, seed=0)
    for training, test in ((loaded.x_train, loaded.x_test), (loaded.y_train, loaded.y_test)):
        if training.ndim == 2:
            assert training.mean(dim=0).abs().max() < 1e-12
            assert (training.var(dim=0, correction=0) - 1).abs().max() < 1e-12
            assert test.mean(dim=0).abs().max() > 1e-3


def test_no_test_point_is_a_training_point():
    for data in (MoonsData(train_size=60, test_size=60), DigitsData()):
        loaded = load(data, seed=0)
        assert torch.cdist(loaded.x_test, loaded.x_train).min() > 1e-3


def test_another_seed_splits_otherwise():
    first, second = (load(DigitsData(), seed=seed).y_train for seed in (0, 1))
    assert not torch.equal(first, second)


def test_an_embedded_point_has_the_mean_square_of_its_features_at_every_width():
    x = load(DigitsData(), seed=0).x_train[:200]
    for width in (16, 1024):
        ratio = embed(x, width, seed=0).square().mean() / x.square().mean()
        assert ratio == pytest.approx(1, abs=0.5)
