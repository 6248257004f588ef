"""The laws that every data set obeys, stated once: a source inherits them with a line or two.

class TestMoons(DataSetLaws):
    settings = MoonsData()
"""

from __future__ import annotations

import dataclasses
import math
import os
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from resnet_limits.data import identity
from resnet_limits.data.data_file import DataFile
from resnet_limits.data.dataset import Dataset
from resnet_limits.data.loading import forget, load
from resnet_limits.data.sources.digits import DigitsData
from resnet_limits.data.sources.source import Data, Generated, Images

REAL = Path(os.environ.get("RESLIM_DATA") or Path(__file__).parents[3] / "shared" / "data")
"""Where MNIST and the folder of CIFAR-10 images are, on machines that have them."""


def real(*needed: str) -> pytest.MarkDecorator:
    """Skip where the real files are not."""
    absent = [name for name in needed if not (REAL / name).exists()]
    return pytest.mark.skipif(bool(absent), reason=f"no {', '.join(absent)} under {REAL}")


class DataSetLaws:
    """Subclasses say which settings, and what is special: how many points are constant, channels of images, ..."""

    settings: ClassVar[Data]
    channels: ClassVar[int | None] = None
    """Standardised by channel where it is images, else by feature."""
    constant_features: ClassVar[int] = 0
    new_test_points: ClassVar[bool] = True
    """Whether no test point is a training point too."""
    sizes: ClassVar[tuple[int, int] | None] = None
    classes: ClassVar[int] = 2
    whole: ClassVar[bool] = True
    """Whether all the points that are published are there, and not a few that the tests wrote."""

    @classmethod
    def loaded(cls, seed: int) -> Dataset:
        return load(cls.settings, seed=seed)

    def test_shapes_dtypes_and_labels(self):
        d = self.loaded(0)
        expected = self.sizes or (self.settings.train_size, self.settings.test_size)
        assert d.name == self.settings.name
        assert d.x_train.shape == (expected[0], d.features)
        assert d.x_test.shape == (expected[1], d.features)
        assert d.x_train.dtype == d.x_test.dtype == (torch.float32 if self.channels else torch.float64)
        assert d.classes == self.classes
        if d.is_classification:
            assert d.y_train.dtype == d.y_test.dtype == torch.int64
            assert (d.y_train.shape, d.y_test.shape) == (expected[:1], expected[1:])
            assert d.outputs == d.classes
        else:
            assert d.y_train.shape == (expected[0], d.outputs)
            assert d.y_test.shape == (expected[1], d.outputs)
            assert d.y_train.dtype == d.x_train.dtype

    def test_every_class_is_trained_on_and_classes_are_balanced_within_reason(self):
        d = self.loaded(0)
        if d.is_classification:
            share = torch.bincount(d.y_train, minlength=d.classes).double() / len(d.y_train)
            assert float(share.min()) > 0.5 / d.classes
            assert set(d.y_test.tolist()) <= set(range(d.classes))

    def test_training_points_have_mean_zero_and_variance_one_or_are_zero(self):
        x = self.loaded(0).x_train.double()
        rounding = 1e-6 if self.channels else 1e-12
        by_unit = x.unflatten(1, (self.channels, -1)).transpose(1, 2).flatten(0, 1) if self.channels else x
        mean, variance = by_unit.mean(dim=0), by_unit.var(dim=0, correction=0)
        torch.testing.assert_close(mean, torch.zeros_like(mean), rtol=0, atol=rounding)
        constant = variance == 0
        torch.testing.assert_close(
            variance[~constant], torch.ones_like(variance[~constant]), rtol=1e3 * rounding, atol=0
        )
        assert torch.equal(by_unit[:, constant], torch.zeros_like(by_unit[:, constant]))
        assert int(constant.sum()) <= self.constant_features
        assert float(x.square().mean()) == pytest.approx(1 - float(constant.double().mean()), rel=1e-5)

    def test_targets_are_standardised_too(self):
        d = self.loaded(0)
        if not d.is_classification:
            torch.testing.assert_close(d.y_train.mean(dim=0), torch.zeros(d.outputs).double(), rtol=0, atol=1e-12)
            assert d.y_train.var(dim=0, correction=0).tolist() == pytest.approx([1] * d.outputs)

    def test_test_points_are_new_and_of_the_same_law(self):
        d = self.loaded(0)
        assert d.x_test.isfinite().all()
        if self.new_test_points:
            assert torch.cdist(d.x_test[:500].double(), d.x_train[:5000].double()).min() > 0
        # standardised with the training statistics, not their own: near mean 0, and not exactly
        typical = d.x_test.double().mean(dim=0 if not self.channels else (0, 1)).abs()
        assert 1e-9 < float(typical.mean()) < 0.3

    def test_the_shape_of_images_is_that_of_their_points(self):
        shape = self.settings.shape()
        if shape is not None:
            assert math.prod(shape) == self.loaded(0).features
            assert shape[0] == (self.channels or 1)
            assert self.settings.dimension() == math.prod(shape)
        assert (shape is not None) == isinstance(self.settings, Images | DigitsData)

    def test_its_facts_are_true(self):
        """What is declared without a look at the data is what is loaded."""
        d, settings = self.loaded(0), self.settings
        assert d.features == settings.dimension()
        assert d.classes == settings.count_classes()
        assert settings.classes() in (None, d.classes)
        assert settings.labelled() == d.is_classification
        assert d.is_classification or d.outputs == settings.targets()
        there = settings.available()
        if isinstance(there, int):
            assert len(load(dataclasses.replace(settings, train_size=None, test_size=0), seed=0).x_train) == there
        elif there is not None and self.whole:
            assert there == (len(d.x_train), len(d.x_test))

    def test_it_is_told_from_other_data_and_is_found(self):
        identified = identity.identity_of(self.settings)
        assert identified.digest.startswith(f"{self.settings.name}-")
        in_files = isinstance(self.settings, Images | DataFile)
        root = Path(self.settings.root or "") if isinstance(self.settings, Images | DataFile) else Path()
        there = type(self.settings).availability(root)
        assert (there.name, there.present) == (self.settings.name, True)
        assert (there.source == "files") == in_files

    def test_the_seed_is_all_that_matters(self):
        once = self.loaded(3)
        forget()
        again = load(self.settings, seed=3)
        for name in ("x_train", "y_train", "x_test", "y_test"):
            assert torch.equal(getattr(once, name), getattr(again, name)), name
        assert not torch.equal(once.x_train, self.loaded(4).x_train)

    def test_a_larger_training_set_of_a_fixed_set_contains_the_smaller(self):
        if isinstance(self.settings, Generated):
            pytest.skip("its points are drawn for their number")
        small, large = (load(dataclasses.replace(self.settings, train_size=n, test_size=20), seed=1) for n in (40, 60))
        if small.is_classification:
            assert torch.equal(small.y_train, large.y_train[:40])
            assert torch.equal(small.y_test, large.y_test)
        else:  # standardised with other statistics
            pair = torch.stack([small.y_train.flatten(), large.y_train[:40].flatten()])
            assert float(torch.corrcoef(pair)[0, 1]) == pytest.approx(1, abs=1e-9)
        # other statistics, the same points: one affine map for each unit
        channels = self.channels or small.features
        a = small.x_train.double().view(40, channels, -1).transpose(1, 2).flatten(0, 1)
        b = large.x_train[:40].double().view(40, channels, -1).transpose(1, 2).flatten(0, 1)
        for one, other in zip(a.T, b.T, strict=True):
            if float(one.std()) and float(other.std()):
                assert float(torch.corrcoef(torch.stack([one, other]))[0, 1]) == pytest.approx(1, abs=1e-5)

    def test_settings_are_not_changed_by_loading(self):
        before = dataclasses.asdict(self.settings)
        load(self.settings, seed=0)
        assert dataclasses.asdict(self.settings) == before
