"""`sde.convolutional`: overlaps of positions, against torch's convolutions, and planted faults."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any, Literal

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from resnet_limits.data.sources.cifar10 import Cifar10Data
from resnet_limits.data.sources.gaussian import GaussianData
from resnet_limits.data.sources.moons import MoonsData
from resnet_limits.limits.overlaps import linear_flow
from resnet_limits.networks.activations import activation_named
from resnet_limits.networks.activations.swish import Swish
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.random import Stream, normals
from resnet_limits.sampling.convolution import Stencil
from resnet_limits.sampling.filters import Filtered, on_a_lattice, positions
from resnet_limits.sampling.layer_law import Isotropic
from resnet_limits.sampling.wide import mean_gram, pre_activations
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
    covariance = stencil.covariance(mean_gram(states), sigma_w=0.7, sigma_b=0.3)[0]
    torch.testing.assert_close(covariance, expected)
    linear = (stencil.generator() @ mean_gram(states)[0].numpy().ravel()).reshape(covariance.shape)
    torch.testing.assert_close(0.3**2 + 0.7**2 * torch.from_numpy(linear), covariance)


def test_one_row_is_a_convolution_in_one_dimension():
    stencil = Stencil(1, 6, 3)
    assert stencil.taps == 3
    x = torch.randn(6, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    patches = functional.pad(x, (0, 0, 1, 1)).unfold(0, 3, 1).flatten(1)
    covariance = stencil.covariance(mean_gram(x[None]), sigma_w=1.0, sigma_b=0.0)[0]
    torch.testing.assert_close(covariance, patches @ patches.T / 12)


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
    walk = convolutional.Walk(phi, start, start, start[0].mean(dim=1), mean_gram(start[:1])[0])
    for _ in range(depth):
        Z = torch.randn(start.shape, generator=stream, dtype=torch.float64)
        walk.step(stencil, IidLaw(sigma_w=0.9, sigma_b=0.4), h, Z)

    def statistics(x: Tensor) -> Tensor:
        g = mean_gram(x)
        first = torch.stack([g[:, 0, 0], g[:, 0, 3], g[:, 1, 6], x[:, 2].mean(dim=1)], dim=1)
        return torch.cat([first, first.square()], dim=1)

    a, b = statistics(full), statistics(walk.x)
    scores = (a.mean(dim=0) - b.mean(dim=0)) / ((a.var(dim=0) + b.var(dim=0)) / replicas).sqrt()
    assert float(scores.abs().max()) < 5.5, scores


def test_networks_with_filters_are_those_of_conv2d_one_at_a_time():
    x0 = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    law, where = Isotropic(0.9, 0.4), Stream(3, "test", first_replica=5)
    made = {"size": 3, "depth": 4, "horizon": 0.8, "replicas": 2, "stream": where}
    network = Filtered("tanh", x0, law, **made)
    for r in range(2):
        x = x0.clone().requires_grad_()
        y = x
        for k in range(4):
            drawn = normals((3, 28), replace(where.at(k), first_replica=5 + r), replicas=1)[0]
            filters, biases = drawn[:, :27].reshape(3, 3, 3, 3), drawn[:, 27]
            scale = 0.9 * math.sqrt(0.2 / 27)
            z = functional.conv2d(y, scale * filters, 0.4 * math.sqrt(0.2) * biases, padding=1)
            y = y + torch.tanh(z)
        torch.testing.assert_close(network.states[-1][r], y.detach(), rtol=1e-12, atol=1e-12)
        p = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        (expected,) = torch.autograd.grad(y, x, p)
        *_, p0 = network.costates(p.expand(2, *p.shape))
        torch.testing.assert_close(p0[r], expected, rtol=1e-12, atol=1e-12)
    assert positions(network.states[0]).shape == (2, 40, 3)
    torch.testing.assert_close(on_a_lattice(positions(x0[None])[0], 2, 4, 5), x0)


@pytest.mark.parametrize("padding", ["zero", "circular"])
def test_overlaps_of_costates_obey_the_transposed_equation(padding: Literal["zero", "circular"]):
    # Of one linear layer W, by its matrix: E (W^T p)(W^T p)^T summed over channels, every filter entry in turn.
    stencil, d = Stencil(3, 3, 3, padding), 2
    p = torch.randn(9, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    total = torch.zeros(9, 9, dtype=torch.float64)
    for out, inside, i, j in itertools.product(range(d), range(d), range(3), range(3)):
        filters = torch.zeros(d, d, 3, 3, dtype=torch.float64)
        filters[out, inside, i, j] = 1
        x = torch.zeros(1, d, 3, 3, dtype=torch.float64, requires_grad=True)
        z = functional.conv2d(padded(x, padding), filters)
        (back,) = torch.autograd.grad(z, x, p.mT.reshape(1, d, 3, 3))
        rows = back.flatten(2)[0].mT
        total += rows @ rows.mT
    overlaps = (p @ p.mT / d).numpy().ravel()
    carried_back = torch.from_numpy(stencil.generator().T @ overlaps).reshape(9, 9)
    torch.testing.assert_close(total / (9 * d * d), carried_back)


def test_costates_at_a_depth_are_those_of_the_network():
    limit_setting = convolutional.setting_of_limit(
        "tanh", replace(SMALL, depth=6, init=IidLaw(sigma_w=0.8, sigma_b=0.5))
    )
    assert limit_setting is not None
    x0 = on_a_lattice(limit_setting.x0, 2, 4, 4)
    network = Filtered(
        "tanh", x0, Isotropic(0.8, 0.5), size=3, depth=6, horizon=1.0, replicas=1000, stream=Stream(0, "test")
    )
    moved, _, ends = convolutional.backward_of(network)
    expected = convolutional.costates_at_depth(limit_setting, ends[0], 6) - ends[0]
    limit = linear_flow(limit_setting.stencil.generator().T.tocsr(), ends[0], 1.0, rate=0.64, source=0.0) - ends[0]
    slope = (moved * expected).sum(dim=(1, 2)) / expected.square().sum()
    value, stderr = float(slope.mean()), float(slope.std()) / 1000**0.5
    assert value == pytest.approx(1, abs=0.05 + 4 * stderr)  # to first order in h, and at infinite width
    assert float((limit * expected).sum() / expected.square().sum()) > 1.1


@pytest.mark.slow
def test_the_claims_hold_on_real_images():
    for name, judgement in verdicts("convolutional", SMALL, DEPTHS).items():
        if name.endswith("pattern"):
            assert judgement.measured is not None, judgement.why
            assert judgement.measured.low < 1 < judgement.measured.high, judgement.why
        else:
            assert judgement.verdict == "supported", (name, judgement.why)


def test_inputs_are_images_whatever_the_data():
    for data in (GaussianData(), MoonsData()):
        assert images.source(data).name == "digits"
    assert images.source(Cifar10Data()).name == "cifar10"
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
    judged = verdicts("convolutional", settings, (8,))
    assert "explosion time" in judged["sde.convolutional.swish"].why
    assert "deeper ones would tell" in judged["sde.convolutional.tanh.noise"].why
    for name, judgement in judged.items():
        assert judgement.verdict == "inconclusive", (name, judgement.why)


# -- planted faults -------------------------------------------------------------------------------


TANH = tuple(f"sde.convolutional.tanh{suffix}" for suffix in ("", ".pattern", ".noise", ".backward"))


@pytest.mark.slow
def test_a_missing_number_of_taps_is_refuted(monkeypatch: pytest.MonkeyPatch):
    # Network and limit of swish share it, and so do recursion and limit of tanh: the filters do not.
    monkeypatch.setattr(Stencil, "taps", 3)
    judged = verdicts("convolutional", SMALL, DEPTHS)
    assert {judged[name].verdict for name in TANH} == {"refuted"}


@pytest.mark.slow
def test_the_wrong_padding_is_refuted(monkeypatch: pytest.MonkeyPatch):
    plant(
        monkeypatch,
        Stencil,
        lambda r, c, size, _, inputs: Stencil(r, c, size, "circular", inputs),
        within="resnet_limits.studies",
    )
    judged = verdicts("convolutional", SMALL, DEPTHS)
    for name in TANH[1:]:
        assert judged[name].verdict == "refuted", (name, judged[name].why)


@pytest.mark.slow
def test_weights_a_tenth_too_large_are_refuted(monkeypatch: pytest.MonkeyPatch):
    careful = Filtered.__init__

    def larger(self: Filtered, phi: str, x0: Tensor, law: Isotropic, **more: Any) -> None:
        careful(self, phi, x0, Isotropic(1.1 * law.sigma_w, law.sigma_b), **more)

    monkeypatch.setattr(Filtered, "__init__", larger)
    judged = verdicts("convolutional", SMALL, DEPTHS)
    for name in (TANH[2], TANH[3]):
        assert judged[name].verdict == "refuted", (name, judged[name].why)


def _with_broken_networks(monkeypatch: pytest.MonkeyPatch, broken) -> dict:
    careful = pre_activations
    plant(monkeypatch, pre_activations, lambda C, Z: broken(careful, C, Z))
    return verdicts("convolutional", SMALL, DEPTHS)


@pytest.mark.slow
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

    judgement = _with_broken_networks(monkeypatch, broken)["sde.convolutional.swish"]
    assert judgement.verdict == "refuted", judgement.why


@pytest.mark.slow
def test_a_limit_without_its_drift_is_refuted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Swish, "curvature_at_0", 0.0)
    judged = verdicts("convolutional", SMALL, DEPTHS)
    assert judged["sde.convolutional.swish"].verdict == "refuted", judged["sde.convolutional.swish"].why
    assert judged["sde.convolutional.swish.depth"].verdict == "refuted", judged["sde.convolutional.swish.depth"].why
