"""Fractional Gaussian noise, and weights that are increments of a fractional Brownian path."""

from importlib import import_module

import numpy as np
import pytest
import scipy.linalg
import torch

import resnet_limits.paths.fractional as fractional
from resnet_limits.errors import SettingError
from resnet_limits.paths.draw import draw_path
from resnet_limits.paths.laws.fractional import FractionalLaw
from resnet_limits.paths.laws.rough import RoughLaw
from resnet_limits.testing.path_laws import PathLaws, assert_covariance, quantile
from tests.paths.noise import fractional_gaussian_noise
from tests.planting import resize

NORMALS = import_module("resnet_limits.random.normals")
HURST = [0.1, 0.25, 0.5, 0.75, 0.9]


def noise_covariance(lag: torch.Tensor, hurst: float) -> torch.Tensor:
    lag = lag.abs()
    return ((lag + 1) ** (2 * hurst) - 2 * lag ** (2 * hurst) + (lag - 1).abs() ** (2 * hurst)) / 2


class FractionalLaws(PathLaws):
    law: FractionalLaw

    def covariance(self, s, t):
        return noise_covariance(((s - t) * 8).round(), self.law.hurst)  # eight layers

    @pytest.mark.parametrize(("coarse", "fine"), [(1, 2), (8, 16), (64, 1024), (4, 4096)])
    def test_same_path_at_every_depth(self, coarse, fine):
        """A layer is the sum of the finer network's layers over its time, at the finer scale."""
        a = self.drawn(depth=coarse)["W"].at(self.layer_times(coarse))
        b = self.drawn(depth=fine)["W"].at(self.layer_times(fine))
        sums = b.unflatten(1, (coarse, fine // coarse)).sum(2) * (coarse / fine) ** self.law.hurst
        torch.testing.assert_close(sums, a, rtol=1e-10, atol=1e-10)


class TestAntipersistent(FractionalLaws):
    law = FractionalLaw(sigma_w=1.3, sigma_b=0.4, hurst=0.25)


class TestPersistent(FractionalLaws):
    law = FractionalLaw(sigma_w=1.3, sigma_b=0.4, hurst=0.75)


class TestWhite(FractionalLaws):
    law = FractionalLaw(sigma_w=1.3, sigma_b=0.4, hurst=0.5)


def test_increments_and_values_are_of_one_path():
    kwargs = {"depth": 64, "horizon": 2.0, "replicas": 3, "seed": 5}
    values = draw_path(RoughLaw(hurst=0.3), {"W": (3, 3)}, **kwargs)["W"]
    increments = draw_path(FractionalLaw(hurst=0.3), {"W": (3, 3)}, **kwargs)["W"]
    ends = torch.arange(65, dtype=torch.float64) * (2.0 / 64)
    torch.testing.assert_close(values.at(ends).diff(dim=1) * 64**0.3, increments.at(ends[:-1]), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("depth", [3, 1000])
def test_unit_variance_where_the_depth_does_not_divide_the_grid(depth):
    path = draw_path(FractionalLaw(hurst=0.1), {"b": (50,)}, depth=depth, horizon=1.0, replicas=40, seed=1)["b"]
    layers = path.at(torch.tensor([1, depth - 1], dtype=torch.float64) / depth) / 0.5
    for k in range(2):
        assert_covariance(layers[:, k].reshape(-1, 1), torch.ones(1, 1, dtype=torch.float64))


def test_a_block_has_one_weight():
    path = draw_path(FractionalLaw(), {"b": (5,)}, depth=8, horizon=1.0, replicas=2, seed=0)["b"]
    values = path.at(torch.tensor([0.25, 0.3, 0.37499, 0.375, 1.0], dtype=torch.float64))
    assert torch.equal(values[:, 0], values[:, 1])
    assert torch.equal(values[:, 0], values[:, 2])
    assert not torch.equal(values[:, 0], values[:, 3])
    assert torch.equal(values[:, 4], path.at(torch.tensor(7 / 8))[:, 0])


def test_depth_beyond_the_grid_is_refused():
    with pytest.raises(SettingError, match=r"depth=8192: init=fractional .* 4096 cells"):
        draw_path(FractionalLaw(), {"b": (1,)}, depth=8192, horizon=1.0, replicas=1, seed=0)


# -- fractional Gaussian noise ----------------------------------------------------------------------


@pytest.mark.parametrize("hurst", HURST)
@pytest.mark.parametrize("steps", [1, 2, 7, 1000, 4096])
def test_embedding_has_the_exact_covariance(hurst, steps):
    """The variances of the Fourier coefficients give back `r(0), ..., r(steps - 1)`: the law without statistics."""
    amplitude = fractional.amplitudes(steps, hurst).view(-1, 2)
    spectrum = (amplitude**2).sum(1)  # E |coefficient|^2
    covariance = torch.fft.irfft(spectrum.to(torch.complex128), n=2 * steps)[:steps]
    # The second difference of k^2H cancels: rounding grows like steps^2H.
    tolerance = 1e-14 * max(1.0, steps ** (2 * hurst))
    exact = noise_covariance(torch.arange(steps, dtype=torch.float64), hurst)
    torch.testing.assert_close(covariance, exact, rtol=0, atol=tolerance)


@pytest.mark.parametrize("hurst", HURST)
def test_noise_against_an_independent_sampler(hurst):
    """Covariance against the formula, and against Cholesky samples of the covariance of Brownian *values*."""
    steps, paths = 12, 20_000
    noise = fractional_gaussian_noise(steps, hurst, (10,), replicas=paths // 10, seed=2, purpose="test")
    samples = noise.movedim(1, -1).reshape(-1, steps)
    lags = torch.arange(steps, dtype=torch.float64)
    exact = noise_covariance(lags[:, None] - lags, hurst)
    assert_covariance(samples, exact)

    t = np.arange(1, steps + 1)
    values = (t[:, None] ** (2 * hurst) + t ** (2 * hurst) - np.abs(t[:, None] - t) ** (2 * hurst)) / 2
    brownian = np.random.default_rng(0).standard_normal((paths, steps)) @ scipy.linalg.cholesky(values)
    reference = torch.from_numpy(np.diff(brownian, prepend=0.0))
    difference = samples.T @ samples / paths - reference.T @ reference / paths
    stderr = ((1 + exact**2) * 2 / paths).sqrt()
    assert (difference.abs() <= quantile(steps * steps) * stderr).all()


def test_brownian_noise_is_white_exactly():
    amplitude = fractional.amplitudes(1000, 0.5).view(-1, 2)
    torch.testing.assert_close((amplitude**2).sum(1), torch.ones(1001, dtype=torch.float64), rtol=0, atol=1e-11)


@pytest.mark.parametrize("shape", [(), (5,), (3, 4)])
def test_noise_does_not_depend_on_the_pieces_it_is_made_in(shape, monkeypatch):
    whole = fractional_gaussian_noise(50, 0.3, shape, replicas=70, seed=0, purpose="a")
    assert whole.shape == (70, 50, *shape)
    for piece in (1, 300, 5000):
        resize(monkeypatch, NORMALS, NORMALS_A_PIECE=piece)
        assert torch.equal(fractional_gaussian_noise(50, 0.3, shape, replicas=70, seed=0, purpose="a"), whole)
        tail = fractional_gaussian_noise(50, 0.3, shape, replicas=9, seed=0, purpose="a", first_replica=61)
        assert torch.equal(tail, whole[61:])
