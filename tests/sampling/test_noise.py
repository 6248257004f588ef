"""The normals of the engine: a function of the replica alone, normal, the same in both precisions."""

from __future__ import annotations

from dataclasses import replace

import pytest
import scipy.stats
import torch

from resnet_limits.random import Stream
from resnet_limits.sampling.noise import noise

HERE = Stream(0, "test", 5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (2, 500), (2, 40_001)])
def test_replicas_do_not_depend_on_what_is_drawn_with_them(shape, dtype):
    whole = noise(shape, HERE, replicas=140, dtype=dtype)
    assert whole.shape == (140, *shape)
    assert whole.dtype == dtype
    for first, count in ((0, 1), (5, 70), (63, 3), (64, 64), (139, 1), (3, 0)):
        piece = noise(shape, replace(HERE, first_replica=first), replicas=count, dtype=dtype)
        assert torch.equal(piece, whole[first : first + count])


def test_float32_agrees_with_float64_to_its_precision():
    """Relative to the radius of the pair, from the smallest (u next to 1) to the largest."""
    double = noise((2, 1000), HERE, replicas=500, dtype=torch.float64)
    single = noise((2, 1000), HERE, replicas=500, dtype=torch.float32)
    radius = double.norm(dim=1, keepdim=True)
    assert radius.min() < 5e-3
    assert radius.max() > 4.5
    assert ((single.double() - double).abs() / radius).max() < 4e-7


def test_numbers_are_normal_and_independent():
    x = noise((4, 250), HERE, replicas=500, dtype=torch.float64)
    assert scipy.stats.kstest(x.flatten().numpy(), "norm").pvalue > 1e-5
    # Numbers i and i + 500 share a radius: their squares would show it. Var(x^2) = 2.
    squares = (x.flatten(1).square() - 1).view(500, 2, 500) / 2**0.5
    together = float((squares[:, 0] * squares[:, 1]).mean()) * 250_000**0.5
    assert abs(together) < 5
    tail = int((x.abs() > 4).sum())
    assert scipy.stats.binomtest(tail, x.numel(), 2 * float(scipy.stats.norm.sf(4))).pvalue > 1e-5
