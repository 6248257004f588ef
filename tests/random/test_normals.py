"""Random numbers are a function of seed, purpose, layer and replica, and are normal."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
import torch

import resnet_limits.random as random
from resnet_limits.random import REPLICA_BLOCK, Stream, generator, normals, permutation
from resnet_limits.testing.path_laws import assert_covariance

HERE = Stream(0, "test")


@pytest.mark.parametrize("shape", [(), (3,), (2, 5), (0,)])
def test_prefix_and_pieces_of_replicas(shape):
    whole = normals(shape, HERE, replicas=3 * REPLICA_BLOCK)
    assert whole.shape == (3 * REPLICA_BLOCK, *shape)
    for first, count in ((0, 1), (0, 65), (1, 2), (63, 2), (64, 64), (129, 7), (5, 0)):
        piece = normals(shape, replace(HERE, first_replica=first), replicas=count)
        assert torch.equal(piece, whole[first : first + count])


def test_any_part_of_a_stream_is_read_without_the_rest():
    whole = random.stream_normals(HERE.at(2), 1, 0, 1000)
    for first, count in ((0, 1), (1, 1), (7, 3), (8, 992), (123, 456), (999, 1)):
        assert torch.equal(random.stream_normals(HERE.at(2), 1, first, count), whole[first : first + count])


def test_seeds_purposes_layers_and_blocks_are_independent():
    """Also seeds beyond 64 bits of entropy words, long purposes, and layers as great as a time cell."""
    streams = [
        normals((200,), Stream(seed, purpose, layer, first), replicas=40)
        for seed in (0, 1, 2**63 - 1)
        for purpose in ("weights/W", "weights/V")
        for layer in (0, 1, 2**20)
        for first in (0, REPLICA_BLOCK)
    ]
    samples = torch.stack([s.reshape(-1) for s in streams], 1)
    assert_covariance(samples, torch.eye(len(streams), dtype=torch.float64))


def test_numbers_are_normal_and_neighbours_independent():
    x = normals((1000,), HERE, replicas=500).view(-1)
    assert scipy.stats.kstest(x.numpy(), "norm").pvalue > 1e-6
    assert_covariance(x.view(-1, 4), torch.eye(4, dtype=torch.float64))
    # The pair of one draw shares a radius: its squares would show it. Var(x^2) = 2.
    squares = (x.view(-1, 4) ** 2 - 1) / 2**0.5
    correlation = (squares.T @ squares / len(squares) - torch.eye(4, dtype=torch.float64)).fill_diagonal_(0)
    assert correlation.abs().max() < 5 / len(squares) ** 0.5
    assert torch.isfinite(x).all()
    tail = int((x.abs() > 4).sum())
    assert scipy.stats.binomtest(tail, len(x), 2 * float(scipy.stats.norm.sf(4))).pvalue > 1e-6


def test_global_generators_do_not_matter():
    torch.manual_seed(0)
    np.random.seed(0)
    first = normals((100,), HERE, replicas=3)
    torch.manual_seed(1)
    np.random.seed(1)
    assert torch.equal(first, normals((100,), HERE, replicas=3))


def test_float32_agrees_with_float64_to_its_precision():
    """Relative to the radius of the pair, from the smallest (u next to 1) to the largest."""
    double = normals((1000,), HERE, replicas=500).view(-1, 2)
    single = normals((1000,), HERE, replicas=500, dtype=torch.float32).view(-1, 2)
    assert single.dtype == torch.float32
    radius = double.norm(dim=1, keepdim=True)
    assert radius.min() < 5e-3
    assert radius.max() > 4.5
    assert ((single.double() - double).abs() / radius).max() < 4e-7


def test_parts_and_layers_of_a_stream_are_streams_of_their_own():
    later = replace(HERE, first_replica=7)
    assert later.part("/W").at(3) == Stream(0, "test/W", 3, 7)
    drawn = [normals((200,), s, replicas=40).reshape(-1) for s in (HERE, HERE.part(" x"), HERE.at(1), HERE.part("x"))]
    assert_covariance(torch.stack(drawn, 1), torch.eye(4, dtype=torch.float64))


def test_permutations():
    first = permutation(100, seed=0, purpose="batches")
    assert first.dtype == torch.int64
    assert torch.equal(first.sort().values, torch.arange(100))
    assert torch.equal(first, permutation(100, seed=0, purpose="batches"))
    for other in (
        permutation(100, seed=0, purpose="batches", index=1),
        permutation(100, seed=1, purpose="batches"),
        permutation(100, seed=0, purpose="split"),
    ):
        assert not torch.equal(first, other)


def test_generators_repeat():
    assert generator(0, "a", 1).random() == generator(0, "a", 1).random()
    assert generator(0, "a", 1).random() != generator(0, "a", 2).random()
