"""Several schemes on one noise: laws of their own, pieces of replicas, threads."""

from __future__ import annotations

import inspect
import math

import pytest
import torch

from resnet_limits.engines.eager import Eager
from resnet_limits.random import Stream
from resnet_limits.sampling.layer_law import Isotropic
from resnet_limits.sampling.pieces import (
    BYTES_OF_STATES,
    REPLICAS_OF_LARGEST_PIECE,
    REPLICAS_OF_SMALLEST_PIECE,
    piece_size,
)
from resnet_limits.sampling.schemes import EulerMaruyama, ShallowNetwork, Walker
from resnet_limits.sampling.tangent import tangents
from resnet_limits.sampling.walk import walk
from tests.sampling.naive import different_means, points, weights, worst_deviation

LAW = Isotropic(1.0, 0.5)
final = Eager().final
HOW = {"horizon": 1.0, "stream": Stream(0, "test")}
REPLICAS = 20_000


def moments(x):
    """`x_a^i x_c^j` for all pairs, and `x_a^i`, (r, moments)."""
    flat = x.flatten(1)
    return torch.cat([flat, (flat[:, :, None] * flat[:, None, :]).flatten(1)], dim=1)


@pytest.mark.parametrize("phi", ["tanh", "swish"])
def test_network_of_full_matrices(phi):
    """Depth 4, width 3, two inputs: first and second moments at the output."""
    x0 = points(2, 3)
    (ours,) = final([Walker(ShallowNetwork(phi, "tanh"), 4)], x0.expand(REPLICAS, 2, 3), LAW, **HOW)
    x, scheme = x0.expand(REPLICAS, 2, 3), ShallowNetwork(phi, "tanh")
    for k in range(4):
        W, b = weights(REPLICAS, 3, LAW.sigma_w, LAW.sigma_b, 0.25, seed=k)
        f = scheme.features(x)
        x = scheme.step(x, f, f @ W.mT + b, 0.25)
    assert different_means(moments(ours), moments(x)) < 1


def test_summed_increments_are_those_of_the_coarse_depth():
    """`x + W x + b` with one layer driven by four: the sums are `N(0, sigma^2 T)`, as of a layer of its own."""
    x0 = points(2, 3)
    walkers = [Walker(ShallowNetwork("identity"), 1), Walker(ShallowNetwork("identity"), 4)]
    coarse, _ = final(walkers, x0.expand(REPLICAS, 2, 3), LAW, **HOW)
    gram = LAW.sigma_b**2 + LAW.sigma_w**2 * x0 @ x0.T / 3
    covariance = torch.kron(gram, torch.eye(3, dtype=torch.float64))
    assert worst_deviation((coarse - x0).flatten(1), torch.zeros(6), covariance) < 1


@pytest.mark.parametrize("phi", ["tanh", "swish"])
def test_coarse_network_on_fine_noise_has_the_law_of_one_of_its_own(phi):
    x0 = points(2, 3).expand(REPLICAS, 2, 3)
    coarse, _ = final([Walker(ShallowNetwork(phi), 2), Walker(ShallowNetwork(phi), 8)], x0, LAW, **HOW)
    (alone,) = final([Walker(ShallowNetwork(phi), 2)], x0, LAW, horizon=1.0, stream=Stream(1, "test"))
    assert different_means(moments(coarse), moments(alone)) < 1
    (wrong,) = final([Walker(ShallowNetwork(phi), 8)], x0, LAW, horizon=2.0, stream=Stream(1, "test"))
    assert different_means(moments(coarse), moments(wrong)) > 1


def test_equal_walkers_stay_equal_beside_others():
    x0, network = points(2, 16).expand(32, 2, 16), Walker(ShallowNetwork("tanh"), 64)
    a, b, c = final([network, network, Walker(EulerMaruyama("tanh", "identity", LAW), 64)], x0, LAW, **HOW)
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_states_that_were_yielded_stay():
    x0 = points(2, 16).expand(8, 2, 16)
    seen = [(x, x.clone()) for _, (x,) in walk([Walker(ShallowNetwork("tanh"), 5)], x0, LAW, **HOW)]
    assert len(seen) == 5
    assert all(torch.equal(x, copy) for x, copy in seen)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("n", "width"), [(1, 5), (2, 16), (3, 40), (4, 7), (10, 33), (9, 2)])
def test_results_do_not_depend_on_how_replicas_are_cut(n, width, dtype):
    """Bit for bit: into blocks, pieces and odd lengths, from the first or a later one, on one thread and two."""
    x0 = points(n, width, dtype=dtype)

    def run(first, count):
        walkers = [Walker(ShallowNetwork("swish", "tanh"), 2), Walker(ShallowNetwork("swish", "tanh"), 4)]
        stream = Stream(0, "test", first_replica=first)
        return torch.cat(final(walkers, x0.expand(count, n, width), LAW, horizon=1.0, stream=stream), dim=1)

    whole = run(0, 192)
    for first, count in ((0, 64), (64, 64), (128, 64), (0, 128), (32, 32), (96, 32), (32, 160)):
        assert torch.equal(run(first, count), whole[first : first + count])
    torch.set_num_threads(2)
    try:
        assert torch.equal(run(0, 192), whole)
    finally:
        torch.set_num_threads(1)
    for first, count in ((0, 1), (63, 3), (5, 77)):  # lengths that are no multiple of a vector register
        assert torch.equal(run(first, count), whole[first : first + count])


def test_pieces():
    """Sizes are powers of two, so that pieces and blocks of replicas nest; they follow the width, not the replicas."""
    for vectors, width in ((1, 1), (2, 16), (10, 500), (2, 4000), (400, 500)):
        size = piece_size(vectors, width)
        assert REPLICAS_OF_SMALLEST_PIECE <= size <= REPLICAS_OF_LARGEST_PIECE
        assert math.log2(size).is_integer()
        assert size == REPLICAS_OF_SMALLEST_PIECE or size * vectors * width * 8 <= BYTES_OF_STATES


def test_memory_does_not_grow_with_depth():
    """What a walk holds after a layer is the same after many."""

    def held(layers):
        steps = walk([Walker(ShallowNetwork("tanh"), 1000)], points(2, 8).expand(4, 2, 8), LAW, **HOW)
        for _ in range(layers):
            next(steps)
        frame = inspect.getgeneratorlocals(steps)  # pyright: ignore
        return sum(
            v.numel()
            for value in frame.values()
            for v in (value if isinstance(value, list) else [value])
            if torch.is_tensor(v)
        )

    assert held(2) == held(50)


@pytest.mark.parametrize("name", ["tanh", "swish", "sde"])
def test_tangents_are_derivatives(name):
    """With full matrices in place of the sampler: `u` is the derivative of the states along the start, by autograd."""
    scheme = EulerMaruyama("swish", "tanh", LAW) if name == "sde" else ShallowNetwork(name, "tanh")

    class Fixed(Isotropic):
        def act(self, vectors, biased, h, stream):
            W, b = weights(len(vectors), vectors.shape[-1], 1.0, 0.5, h, seed=stream.layer)
            return vectors @ W.mT + biased.double()[:, None] * b

    law, x0, u0 = Fixed(1.0, 0.5), points(2 * 4, 3).view(4, 2, 3), points(2 * 4 * 2, 3, 1).view(4, 2, 2, 3)
    *_, (_, (x,), (u,)) = tangents([Walker(scheme, 3)], x0, u0, law, **HOW)
    (alone,) = final([Walker(scheme, 3)], x0, law, **HOW)
    torch.testing.assert_close(x, alone)
    for j in range(2):
        _, expected = torch.autograd.functional.jvp(
            lambda start: final([Walker(scheme, 3)], start, law, **HOW)[0], x0, u0[:, :, j].contiguous()
        )
        torch.testing.assert_close(u[:, :, j], expected)


def test_size_of_tangents_and_determinant():
    """`E|G_T u|^2 = (1 + sigma_w^2 T/L)^L |u|^2` for the linear network; `E det G_T = 1`."""
    depth, width = 8, 4
    x0 = points(1, width).expand(REPLICAS, 1, width)
    eye = torch.eye(width, dtype=torch.float64).expand(REPLICAS, 1, width, width)
    *_, (_, _, (u,)) = tangents([Walker(ShallowNetwork("identity"), depth)], x0, eye, LAW, **HOW)
    squares = u[:, 0].square().sum(dim=-1)
    expected = torch.full((1, width), (1 + LAW.sigma_w**2 / depth) ** depth, dtype=torch.float64)
    assert different_means(squares, expected.expand(REPLICAS, -1) + 0 * squares) < 1
    # E det = 1: the columns have independent noise.
    assert different_means(torch.linalg.det(u[:, 0])[:, None], torch.ones(REPLICAS, 1, dtype=torch.float64)) < 1
