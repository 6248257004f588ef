"""Observables of a weight path, against their definitions layer by layer and their limits on a smooth path."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from resnet_limits.training import observables


def path(depth, replicas=2):
    """`W(t) = A sin(2 t) + B`, `b(t) = a t`, on the grid t_k = k/L."""
    stream = torch.Generator().manual_seed(0)
    a, b, c = (
        torch.randn(replicas, 1, *shape, generator=stream, dtype=torch.float64) for shape in ((3, 4), (3, 4), (3,))
    )
    t = torch.arange(depth, dtype=torch.float64) / depth
    return {"W": a * torch.sin(2 * t).view(-1, 1, 1) + b, "b": c * t.view(-1, 1)}, (a, c)


def roughness(trunk):
    return observables.roughness(observables.increments(trunk))


def largest_increment(trunk):
    return observables.largest_increment(observables.increments(trunk), trunk)


@pytest.mark.parametrize("depth", [1, 2, 33, 70])
def test_the_observables_are_their_definitions(depth):
    trunk, _ = path(depth)
    for r in range(2):
        layers = [torch.cat([trunk["W"][r, k].flatten(), trunk["b"][r, k]]) for k in range(depth)]
        steps = [(after - before).square() for before, after in itertools.pairwise(layers)]
        rough = depth * sum(float(s.sum()) for s in steps)
        largest = max((math.sqrt(float(s.mean())) for s in steps), default=0.0)
        norm = math.sqrt(depth * sum(float(layer.square().sum()) for layer in layers))
        assert float(roughness(trunk)[r]) == pytest.approx(rough, rel=1e-12)
        assert float(largest_increment(trunk)[r]) == pytest.approx(largest, rel=1e-12)
        assert float(observables.gradient_norm(trunk)[r]) == pytest.approx(norm, rel=1e-12)


def test_roughness_tends_to_the_integral_of_the_squared_derivative_and_increments_to_zero():
    trunk, (a, c) = path(1000)
    # int_0^1 (2 cos 2t)^2 dt = 2 + sin(4)/2
    expected = (2 + math.sin(4) / 2) * a.square().sum(dim=(1, 2, 3)) + c.square().sum(dim=(1, 2))
    assert torch.allclose(roughness(trunk), expected, rtol=3e-3)
    coarse, fine = (largest_increment(path(depth)[0]) for depth in (500, 1000))
    assert torch.allclose(coarse / fine, torch.full_like(fine, 2.0), rtol=1e-2)


def test_memory_layout_and_precision_do_not_matter():
    trunk, _ = path(50)
    laid_out = {name: w.transpose(0, 1).contiguous().transpose(0, 1) for name, w in trunk.items()}
    single = {name: w.float() for name, w in trunk.items()}
    for observable in (roughness, largest_increment, observables.gradient_norm):
        assert torch.allclose(observable(laid_out), observable(trunk), rtol=1e-13)
        assert torch.allclose(observable(single), observable(trunk), rtol=1e-4)
        assert observable(single).dtype == torch.float64
