"""Data sets: laws that every source obeys, determinism, and requests that cannot be met."""

import dataclasses

import pytest
import torch

from resnet_limits import settings
from resnet_limits.data.dataset import embed, load
from resnet_limits.errors import RequestError, SettingError

SOURCES = [
    settings.Digits(),
    settings.Moons(),
    settings.Circles(),
    settings.Spirals(),
    settings.Gaussian(),
]


def test_every_data_set_of_the_settings_is_tested_here():
    assert {type(s) for s in SOURCES} == set(settings.CHOICES[settings.Data].values())


@pytest.mark.parametrize("data", SOURCES, ids=lambda d: d.name)
class TestEverySource:
    def test_shapes_dtypes_and_labels(self, data):
        d = load(data, seed=0)
        test = 1797 - 1400 if data.test_size is None else data.test_size
        assert d.name == data.name
        assert d.x_train.shape == (data.train_size, d.features)
        assert d.x_test.shape == (test, d.features)
        assert d.x_train.dtype == d.x_test.dtype == torch.float64
        assert d.y_train.dtype == d.y_test.dtype == torch.int64
        assert set(d.y_train.tolist()) == set(range(d.classes))
        assert set(d.y_test.tolist()) <= set(range(d.classes))

    def test_training_features_have_mean_zero_and_variance_one_or_are_zero(self, data):
        x = load(data, seed=0).x_train
        torch.testing.assert_close(x.mean(dim=0), torch.zeros(x.shape[1], dtype=x.dtype), rtol=0, atol=1e-12)
        variance = x.var(dim=0, correction=0)
        constant = variance == 0
        torch.testing.assert_close(variance[~constant], torch.ones_like(variance[~constant]), rtol=1e-9, atol=0)
        assert torch.equal(x[:, constant], torch.zeros_like(x[:, constant]))
        assert int(constant.sum()) <= (5 if data.name == "digits" else 0)

    def test_test_points_are_new_and_of_the_same_law(self, data):
        d = load(data, seed=0)
        assert d.x_test.isfinite().all()
        assert torch.cdist(d.x_test, d.x_train).min() > 0
        # standardised with the training statistics, not their own: near mean 0, and not exactly
        typical = d.x_test.mean(dim=0).abs()
        assert 1e-9 < float(typical.mean()) < 0.3

    def test_the_seed_is_all_that_matters(self, data):
        once, again, other = load(data, seed=3), load(data, seed=3), load(data, seed=4)
        assert torch.equal(once.x_train, again.x_train)
        assert torch.equal(once.y_test, again.y_test)
        assert not torch.equal(once.x_train, other.x_train)

    def test_classes_are_balanced_within_reason(self, data):
        d = load(data, seed=0)
        share = torch.bincount(d.y_train).double() / len(d.y_train)
        assert float(share.min()) > 0.5 / d.classes


def test_a_larger_training_set_of_digits_contains_the_smaller_and_keeps_the_test_set():
    small = load(settings.Digits(train_size=100, test_size=200), seed=1)
    large = load(settings.Digits(train_size=500, test_size=200), seed=1)
    assert torch.equal(small.y_train, large.y_train[:100])
    assert torch.equal(small.y_test, large.y_test)


def test_null_takes_all_digits_that_are_left():
    assert len(load(settings.Digits(train_size=None, test_size=97), seed=0).x_train) == 1700
    everything = load(settings.Digits(train_size=None), seed=0)
    assert (len(everything.x_train), len(everything.x_test)) == (1797, 0)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (settings.Digits(train_size=1700, test_size=98), "digits has 1797 points"),
        (settings.Digits(train_size=1798), "digits has 1797 points"),
        (settings.Digits(train_size=None, test_size=1797), "digits has 1797 points"),
        (settings.Moons(train_size=None), "data.train_size: null"),
        (settings.Gaussian(test_size=None), "data.test_size: null"),
        (settings.Digits(train_size=1), "all of one class"),
        (settings.Data("digit"), "did you mean 'digits'"),
    ],
)
def test_requests_that_cannot_be_met_are_refused_in_words(data, message):
    with pytest.raises(RequestError, match=message) as caught:
        load(data, seed=0)
    assert isinstance(caught.value, SettingError)


@pytest.mark.parametrize(
    ("data", "radius"), [(settings.Circles(noise=0.0), (0.5, 1.0)), (settings.Spirals(noise=0.0), (0.3, 3.0))]
)
def test_noise_of_zero_leaves_the_curves(data, radius):
    from resnet_limits.data import circles, spirals

    source = {"circles": circles, "spirals": spirals}[data.name]
    x, y = source.points(400, noise=0.0, seed=0)
    r = (x**2).sum(axis=1) ** 0.5
    assert r.min() >= radius[0] - 1e-12
    assert r.max() <= radius[1] + 1e-12
    if data.name == "spirals":  # turned back by its own angle, each arm is a ray: class 0 to the right, 1 to the left
        import numpy as np

        turned = (x[:, 0] + 1j * x[:, 1]) * np.exp(-1j * np.pi * r)
        assert np.allclose(turned, np.where(y == 0, r, -r))


def test_gaussian_labels_are_those_of_a_hyperplane_through_zero():
    from resnet_limits.data.gaussian import points

    x, y = points(2000, features=3, seed=5)
    # The perceptron finds a separating hyperplane through 0 if there is one.
    w, signs = torch.zeros(3, dtype=torch.float64), 2 * torch.from_numpy(y) - 1
    z = torch.from_numpy(x)
    for _ in range(20_000):
        wrong = (signs * (z @ w) <= 0).nonzero()
        if not len(wrong):
            break
        w += signs[wrong[0, 0]] * z[wrong[0, 0]]
    assert (signs * (z @ w) > 0).all()
    assert abs(float(z.mean())) < 4.5 / 6000**0.5
    assert float(z.var()) == pytest.approx(1, abs=4.5 * (2 / 6000) ** 0.5)


def test_embedded_points_have_entries_of_order_one_and_the_matrix_is_fixed():
    x = load(settings.Digits(), seed=0).x_train
    z = embed(x, 256, seed=7)
    assert z.shape == (1400, 256)
    assert float(z.square().mean()) == pytest.approx(float(x.square().mean()), rel=0.1)
    assert torch.equal(z, embed(x, 256, seed=7))
    assert not torch.equal(z, embed(x, 256, seed=8))
    torch.testing.assert_close(embed(x[:10], 16, seed=7), z[:10, :16])
    torch.testing.assert_close(embed(x[:5] + x[5:10], 16, seed=7), z[:5, :16] + z[5:10, :16])
    assert embed(x.float(), 16, seed=7).dtype == torch.float32


def test_settings_are_not_changed_by_loading():
    data = settings.Digits(train_size=None, test_size=100)
    before = dataclasses.asdict(data)
    load(data, seed=0)
    assert dataclasses.asdict(data) == before
