"""`sde.convolutional`: overlaps of positions, against torch's convolutions, and planted faults."""

from __future__ import annotations

import math
from typing import Literal

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from resnet_limits.data.sources.cifar10 import Cifar10
from resnet_limits.data.sources.gaussian import Gaussian
from resnet_limits.data.sources.moons import Moons
from resnet_limits.networks.activations import activation_named
from resnet_limits.networks.activations.swish import Swish
from resnet_limits.paths.laws.iid import Iid
from resnet_limits.sampling.convolution import Stencil
from resnet_limits.sampling.wide import gram, pre_activations
from resnet_limits.studies.sde import images
from resnet_limits.studies.sde.convolutional import measure as convolutional
from resnet_limits.studies.sde.settings import Sde
from tests.planting import plant
from tests.studies.verdicts import measured, verdicts

SMALL = Sde(replicas=512)
DEPTHS = (8, 16, 32, 64)


def padded(x: Tensor, padding: str) -> Tensor:
    return functional.pad(x, (1, 1, 1, 1), mode="circular" if padding == "circular" else "constant")


@pytest.mark.parametrize("padding", ["zero", "circular"])
def test_covariances_are_those_of_torch_patches(padding: Literal["zero", "circular"]):
    stencil = Stencil(4, 5, 3, padding, inputs=2)
    x = torch.randn(2, 6, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    patches = functional.unfold(padded(x, padding), 3).transpose(1, 2).reshape(stencil.positions, -1)
    expected = 0.3**2 + 0.7**2 * patches @ patches.T / (9 * 6)
    states = x.flatten(2).transpose(1, 2).reshape(1, stencil.positions, 6)
    found = stencil.covariance(gram(states), sigma_w=0.7, sigma_b=0.3)[0]
    torch.testing.assert_close(found, expected)
    linear = (stencil.generator() @ gram(states)[0].numpy().ravel()).reshape(found.shape)
    torch.testing.assert_close(0.3**2 + 0.7**2 * torch.from_numpy(linear), found)


def test_one_row_is_a_convolution_in_one_dimension():
    stencil = Stencil(1, 6, 3)
    assert stencil.taps == 3
    x = torch.randn(6, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    patches = functional.pad(x, (0, 0, 1, 1)).unfold(0, 3, 1).flatten(1)
    found = stencil.covariance(gram(x[None]), sigma_w=1.0, sigma_b=0.0)[0]
    torch.testing.assert_close(found, patches @ patches.T / 12)


@pytest.mark.parametrize("phi", ["tanh", "swish"])
def test_networks_have_the_law_of_torch_convolutions_with_full_filters(phi: str):
    # Means of norms, of overlaps and of their squares: 8 two-sided tests at 5.5 standard errors.
    n, d, side, depth, replicas = 2, 4, 2, 4, 3000
    stencil = Stencil(side, side, 3, "zero", inputs=n)
    stream = torch.Generator().manual_seed(4)
    x0 = torch.randn(n, d, side, side, generator=stream, dtype=torch.float64)
    x = x0.expand(replicas, n, d, side, side)
    h = 1 / depth
    for _ in range(depth):
        filters = torch.randn(replicas * d, d, 3, 3, generator=stream, dtype=torch.float64) * 0.9 * (h / (9 * d)) ** 0.5
        bias = torch.randn(replicas * d, generator=stream, dtype=torch.float64) * 0.4 * h**0.5
        stacked = x.transpose(0, 1).reshape(n, replicas * d, side, side)
        z = functional.conv2d(stacked, filters, bias, padding=1, groups=replicas)
        x = x + activation_named(phi)(z.reshape(n, replicas, d, side, side).transpose(0, 1))
    full = x.flatten(3).transpose(2, 3).reshape(replicas, -1, d)

    start = x0.flatten(2).transpose(1, 2).reshape(-1, d).expand(replicas, -1, -1)
    walk = convolutional.Walk(phi, start, start, start[0].mean(dim=1), gram(start[:1])[0])
    for _ in range(depth):
        Z = torch.randn(start.shape, generator=stream, dtype=torch.float64)
        walk.step(stencil, Iid(sigma_w=0.9, sigma_b=0.4), h, Z)

    def statistics(x: Tensor) -> Tensor:
        g = gram(x)
        first = torch.stack([g[:, 0, 0], g[:, 0, 3], g[:, 1, 6], x[:, 2].mean(dim=1)], dim=1)
        return torch.cat([first, first.square()], dim=1)

    a, b = statistics(full), statistics(walk.x)
    scores = (a.mean(dim=0) - b.mean(dim=0)) / ((a.var(dim=0) + b.var(dim=0)) / replicas).sqrt()
    assert float(scores.abs().max()) < 5.5, scores


def test_the_claims_hold_on_real_images():
    for name, its in verdicts("convolutional", SMALL, DEPTHS).items():
        if name.endswith("pattern"):
            assert its.measured is not None, its.why
            assert its.measured.low < 1 < its.measured.high, its.why
        else:
            assert its.verdict == "supported", (name, its.why)


def test_inputs_are_images_whatever_the_data():
    for data in (Gaussian(), Moons()):
        assert images.source(data).name == "digits"
    assert images.source(Cifar10()).name == "cifar10"
    for record in measured("convolutional", SMALL, (8,))[8]:
        assert record.coordinates["images"] == "digits"
        assert record.coordinates["positions"] == "4x4"
        assert record.coordinates["activation"] == record.coordinates["scheme"]
    x = images.patches(SMALL, side=4, width=32)
    assert x.shape == (32, 32)
    assert int(torch.linalg.matrix_rank(x)) == 1, "grey pixels are lifted along one direction"


def test_swish_beyond_its_explosion_time_lies_outside_and_nothing_infinite_is_recorded():
    settings = Sde(replicas=64, horizon=40.0)
    for record in measured("convolutional", settings, (8,))[8]:
        assert math.isfinite(record.value)
    found = verdicts("convolutional", settings, (8,))
    assert "explosion time" in found["sde.convolutional.swish"].why
    for name, its in found.items():
        assert its.verdict == "inconclusive", (name, its.why)


# -- planted faults -------------------------------------------------------------------------------


def test_a_missing_number_of_taps_is_refuted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Stencil, "taps", 1)  # the generator of the matrix exponential has its own 1/K: restored below
    careful = Stencil.generator
    monkeypatch.setattr(Stencil, "generator", lambda self: careful(self) / 9)
    found = verdicts("convolutional", SMALL, DEPTHS)
    assert found["sde.convolutional.tanh"].verdict == "refuted", found["sde.convolutional.tanh"].why
    # of a limit as far off as that no order is read
    assert "the relative error at L=64 is 1.5" in found["sde.convolutional.tanh.depth"].why


def _with_broken_networks(monkeypatch: pytest.MonkeyPatch, broken) -> dict:
    careful = pre_activations
    plant(monkeypatch, pre_activations, lambda C, Z: broken(careful, C, Z))
    return verdicts("convolutional", SMALL, DEPTHS)


@pytest.mark.parametrize("shared", [False, True], ids=["network", "network-and-control"])
@pytest.mark.parametrize("fault", ["dt", "independent", "taps"])
def test_faults_of_the_noise_are_refuted(monkeypatch: pytest.MonkeyPatch, fault: str, shared: bool):
    # Shared with the infinitely wide network on the same noise, a fault is not hidden by it.
    def broken(careful, C: Tensor, Z: Tensor) -> Tensor:
        if len(C) == 1 and not shared:
            return careful(C, Z)
        if fault == "dt":
            return careful(C, Z) / 8
        if fault == "taps":
            return careful(C + 8 * (C - 0.25 / 64), Z)
        return careful(torch.diag_embed(C.diagonal(dim1=-2, dim2=-1)), Z)

    found = _with_broken_networks(monkeypatch, broken)
    for phi in ("tanh", "swish"):
        assert found[f"sde.convolutional.{phi}"].verdict == "refuted", found[f"sde.convolutional.{phi}"].why


def test_a_limit_without_its_drift_is_refuted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Swish, "curvature_at_0", 0.0)
    found = verdicts("convolutional", SMALL, DEPTHS)
    assert found["sde.convolutional.swish"].verdict == "refuted", found["sde.convolutional.swish"].why
    assert found["sde.convolutional.swish.depth"].verdict == "refuted", found["sde.convolutional.swish.depth"].why


def test_the_wrong_padding_shows_in_the_pattern(monkeypatch: pytest.MonkeyPatch):
    careful = convolutional.limit_of
    periodic = lambda s: Stencil(s.rows, s.columns, s.size, "circular", s.inputs)  # noqa: E731
    plant(monkeypatch, convolutional.limit_of, lambda phi, s, *rest: careful(phi, periodic(s), *rest))
    found = verdicts("convolutional", SMALL, DEPTHS)
    assert found["sde.convolutional.tanh.pattern"].verdict != "supported"
    assert found["sde.convolutional.tanh.depth"].verdict == "refuted", found["sde.convolutional.tanh.depth"].why
