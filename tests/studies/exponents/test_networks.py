"""Networks sampled without their matrices against exact moments, and against full matrices and autograd."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
import torch

from resnet_limits.measurement.estimate import mean
from resnet_limits.networks.activations import activation_named
from resnet_limits.networks.blocks.outside import OutsideBlock
from resnet_limits.networks.blocks.two import TwoBlock
from resnet_limits.paths.laws.fractional import FractionalLaw
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.paths.laws.smooth import SmoothLaw
from resnet_limits.studies.exponents.networks import LayerByLayer, WithMatrices, layer_weights, random_networks
from resnet_limits.studies.exponents.outside import log_growth, rate_of_growth
from resnet_limits.studies.exponents.ratio.measure import Values, observed, ratios
from resnet_limits.studies.exponents.settings import Exponents
from tests.studies.exponents.small import small


def naive(settings: Exponents, beta: float, networks: int) -> Values:
    """The observables of networks with full matrices, by autograd, with other random numbers."""
    draw, d = torch.Generator().manual_seed(5), settings.width
    phi = activation_named(settings.activation)
    two = isinstance(settings.block, TwoBlock)
    m = settings.block.hidden if isinstance(settings.block, TwoBlock) else d
    sigma, f = settings.init.sizes().sigma_w, settings.depth**-beta
    h0 = observed_start(settings).expand(networks, d).clone().requires_grad_()
    h = h0
    for _ in range(settings.depth):
        W = torch.randn(networks, m, d, generator=draw, dtype=torch.float64) * sigma / math.sqrt(d)
        V = torch.randn(networks, d, m, generator=draw, dtype=torch.float64) * sigma / math.sqrt(m)
        y = phi(torch.einsum("rij,rj->ri", W, h) if two else h)
        h = h + f * torch.einsum("rij,rj->ri", V, y)
    g = torch.randn(networks, d, generator=draw, dtype=torch.float64)
    (p,) = torch.autograd.grad(h, h0, g)
    h, size, size_of_g = h.detach(), h0.detach().norm(dim=1), g.norm(dim=1)
    values = {
        "relative_change": (h - h0.detach()).norm(dim=1) / size,
        "gradient_relative_change": (p - g).norm(dim=1) / size_of_g,
        "norm_ratio": (h.norm(dim=1) / size) ** 2,
        "gradient_norm_ratio": (p.norm(dim=1) / size_of_g) ** 2,
    }
    return {name: numbers[None] for name, numbers in values.items()}


def observed_start(settings: Exponents) -> torch.Tensor:
    (passes,) = random_networks(settings).passes([0.5], 1, 2)
    return passes.start


@pytest.mark.parametrize(
    ("activation", "block"),
    [("relu", TwoBlock(hidden=5)), ("tanh", TwoBlock(hidden=5)), ("relu", OutsideBlock()), ("tanh", OutsideBlock())],
    ids=lambda value: str(getattr(value, "name", value)),
)
def test_networks_without_matrices_have_the_law_of_those_with(activation: str, block: TwoBlock | OutsideBlock):
    settings = small(width=3, depth=4, activation=activation, block=block, init=IidLaw(sigma_w=1.3, sigma_b=0.0))
    assert isinstance(random_networks(settings), LayerByLayer)
    sampled, full = observed(settings, [0.4], 4000), naive(settings, 0.4, 4000)
    for name in sampled:
        p = float(np.asarray(scipy.stats.ks_2samp(sampled[name][0].numpy(), full[name][0].numpy()))[1])
        assert p > 1e-3, name


@pytest.mark.parametrize("phi", ["relu", "identity"])
@pytest.mark.parametrize(("width", "hidden", "depth", "beta", "sigma"), [(3, 7, 5, 0.3, 1.2), (1, 1, 9, 0.8, 0.7)])
def test_the_mean_squares_are_exact_at_odd_settings(phi, width, hidden, depth, beta, sigma):
    law = IidLaw(sigma_w=sigma, sigma_b=0.0)
    settings = small(width=width, depth=depth, activation=phi, block=TwoBlock(hidden=hidden), init=law)
    exact = (1 + rate_of_growth(settings) * depth ** (-2 * beta)) ** depth
    values = observed(settings, [1.7, beta], 20_000)
    for name in ("norm_ratio", "gradient_norm_ratio"):
        value, stderr = mean(values[name][1])
        assert abs(value - exact) < 4.5 * stderr
        assert stderr < 0.1 * exact


def test_the_mean_logarithm_is_its_expansion():
    settings = small(width=6, depth=1, block=TwoBlock(hidden=4), init=IidLaw(sigma_w=1.1, sigma_b=0.0))
    for f in (0.1, 0.3):
        scaled = replace(settings, init=IidLaw(sigma_w=1.1 * math.sqrt(f), sigma_b=0.0))
        value, stderr = mean(observed(scaled, [0.0], 200_000)["norm_ratio"][0].log())
        assert abs(value - log_growth(settings, f)) < 4 * stderr + f**6


@pytest.mark.parametrize(
    "law", [SmoothLaw(sigma_b=0.0), FractionalLaw(sigma_b=0.3, hurst=0.8)], ids=lambda law: law.name
)
def test_networks_with_matrices_are_those_of_their_weights(law):
    settings = small(depth=5, init=law)
    networks = random_networks(settings)
    assert isinstance(networks, WithMatrices)
    (passes,) = networks.passes([0.2, 0.9], 5, 3)
    weights = layer_weights(settings, settings.block.shapes(8), 5, 0, 3)
    for i, beta in enumerate((0.2, 0.9)):
        h0 = passes.start.expand(3, -1).clone().requires_grad_()
        h = h0
        for k in range(5):
            z = torch.einsum("rij,rj->ri", weights["W"][:, k], h) + weights["b"][:, k]
            h = h + 5**-beta * torch.einsum("rij,rj->ri", weights["V"][:, k], z.relu())
        (p,) = torch.autograd.grad(h, h0, passes.g)
        torch.testing.assert_close(passes.states[i], h.detach())
        torch.testing.assert_close(passes.gradients[i], p)


def test_a_replica_does_not_depend_on_the_others_nor_on_the_betas_beside_it():
    settings = small()
    few, many = (observed(settings, betas, r) for betas, r in (([0.5], 5), ([0.1, 0.5], 70)))
    for name, values in few.items():
        assert values[0].tolist() == many[name][1, :5].tolist()


def test_every_observable_is_what_its_name_says():
    (passes,) = random_networks(small()).passes([0.5], 4, 3)
    values = ratios(passes)
    h, start = passes.states[0, 1], passes.start
    assert float(values["norm_ratio"][0, 1]) == pytest.approx(float((h @ h) / (start @ start)))
    assert float(values["relative_change"][0, 1]) == pytest.approx(float((h - start).norm() / start.norm()))
    p, g = passes.gradients[0, 1], passes.g[1]
    assert float(values["gradient_relative_change"][0, 1]) == pytest.approx(float((p - g).norm()))
    assert float(g.norm()) == pytest.approx(1)


@pytest.mark.parametrize("hurst", [0.2, 0.8])
def test_fractional_weights_have_the_covariance_of_their_definition(hurst: float):
    depth, law = 16, FractionalLaw(sigma_b=0.0, hurst=hurst)
    W = layer_weights(small(init=law, width=40), {"W": (40, 40)}, depth, 0, 32)["W"].double()
    entries = W.transpose(1, 3).reshape(-1, depth).numpy() * math.sqrt(40)
    k = np.arange(depth)
    exact = (abs(k + 1.0) ** (2 * hurst) - 2 * abs(k * 1.0) ** (2 * hurst) + abs(k - 1.0) ** (2 * hurst)) / 2
    np.testing.assert_allclose(law.autocorrelation(depth, 1.0), exact, atol=1e-12)
    covariance = entries.T @ entries / len(entries)
    np.testing.assert_allclose(covariance, exact[abs(k[:, None] - k)], atol=4.5 * math.sqrt(2 / len(entries)))
