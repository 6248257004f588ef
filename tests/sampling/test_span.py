"""Coordinates on the span: exact where vectors are dependent."""

from __future__ import annotations

import pytest
import torch

from resnet_limits.random import Stream
from resnet_limits.sampling.layer_law import Isotropic
from resnet_limits.sampling.span import basis_size, coordinates, many, triangle
from tests.sampling.naive import points

LAW = Isotropic(1.3, 0.7)
STREAM = Stream(0, "test", 3)
DTYPES = [torch.float32, torch.float64]


def act(vectors, biased=None):
    return LAW.act(vectors, torch.ones(vectors.shape[1]) if biased is None else biased, 0.1, STREAM)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n", "d"), [(1, 1), (1, 9), (2, 2), (2, 30), (4, 30), (9, 30), (17, 30), (40, 30)])
def test_factorisation(n, d, dtype):
    vectors = points(3 * n, d, dtype=dtype).view(3, n, d)
    R, Q = coordinates(vectors)
    m = basis_size(n, d)
    assert R.shape == (3, n, m)
    assert Q.shape == (3, m, d)
    close = {"rtol": 0, "atol": 40 * torch.finfo(dtype).eps * d}
    torch.testing.assert_close(R @ Q, vectors, **close)
    torch.testing.assert_close(Q @ Q.mT, torch.eye(m, dtype=dtype).expand(3, m, m), **close)
    if not many(n, d):
        assert torch.equal(R, R.tril())
        assert (R.diagonal(dim1=1, dim2=2) >= 0).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("distance", [1.0, 1e-3, 1e-5, 1e-12])
@pytest.mark.parametrize("n", [2, 4])
def test_nearly_equal_vectors_keep_their_digits(n, distance, dtype):
    """What is left of a vector next to another is found to the precision that the vectors themselves have."""
    if dtype == torch.float32 and distance < 1e-4:
        pytest.skip("no such vectors")
    exact = points(n, 50, seed=1)
    exact[-1] = exact[0] + distance * exact[-1]
    vectors = exact.to(dtype)[None]
    R = triangle(vectors, 0.3, torch.full((n,), 0.7, dtype=dtype))[0]
    joint = torch.cat([0.3 * vectors[0].double(), torch.full((n, 1), 0.7, dtype=torch.float64)], dim=1)
    expected = torch.linalg.qr(joint.T).R.diagonal().abs()
    error = (R.diagonal().double() - expected).abs() / expected
    assert error.max() < max(20 * torch.finfo(dtype).eps / distance, 2 * torch.finfo(dtype).eps ** (2 / 3))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "equal", [[0, 0], [0, 1, 0], [0, 0, 1, 1], [0, 1, 2, 0, 1, 2], [0] * 5, [0, 1] * 20], ids=lambda e: str(len(e))
)
def test_equal_inputs_stay_equal_bit_for_bit(equal, dtype):
    """Next to independent ones, for every kind of basis; also next to replicas in which they are not equal."""
    for width in (3, 40):
        vectors = points(32 * (max(equal) + 1), width, dtype=dtype).view(32, -1, width)[:, equal].clone()
        vectors[7] = points(len(equal), width, seed=9, dtype=dtype)
        z = act(vectors)
        for i, source in enumerate(equal):
            first = equal.index(source)
            same = [r for r in range(32) if r != 7]
            assert torch.equal(z[same, i], z[same, first])
            assert i == first or not torch.equal(z[7, i], z[7, first])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", [2, 3, 40])
def test_dependent_inputs_keep_their_relation(width, dtype):
    """`f_3 = 2 f_1 - 3 f_2`, biases alike: so are the pre-activations; fewer dimensions than inputs too."""
    f = points(2 * 16, width, dtype=dtype).view(16, 2, width)
    z = act(torch.cat([f, 2 * f[:, :1] - 3 * f[:, 1:]], dim=1), torch.tensor([1.0, 1.0, -1.0]))
    torch.testing.assert_close(z[:, 2], 2 * z[:, 0] - 3 * z[:, 1], rtol=0, atol=60 * torch.finfo(dtype).eps)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("width", [3, 40])
def test_zero_vectors(n, width):
    """The zero state gets the bias, the zero tangent nothing."""
    vectors = points(8 * n, width).view(8, n, width).clone()
    vectors[:, -1] = 0
    with_bias, without = act(vectors), act(vectors, torch.zeros(n))
    assert torch.isfinite(with_bias).all()
    assert (with_bias[:, -1] != 0).all()
    assert torch.equal(without[:, -1], torch.zeros(8, width, dtype=torch.float64))


@pytest.mark.parametrize("n", [1, 2, 5, 20])
def test_float32_agrees_with_float64_on_the_same_noise(n):
    vectors = points(64 * n, 40).view(64, n, 40)
    single, double = act(vectors.float()), act(vectors.float().double())
    torch.testing.assert_close(single.double(), double, rtol=0, atol=2e-5)


@pytest.mark.parametrize("n", [1, 2, 4])
@pytest.mark.parametrize("scale", [2.0**-600, 2.0**-540, 2.0**540, 2.0**600])
def test_sizes_whose_squares_over_or_underflow(n, scale):
    """Exploding networks and vanishing tangents."""
    vectors, biased = points(8 * n, 40).view(8, n, 40), torch.zeros(n)
    torch.testing.assert_close(act(scale * vectors, biased) / scale, act(vectors, biased), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 4])
def test_exploded_replicas_leave_the_others_alone(n):
    vectors = points(8 * n, 40).view(8, n, 40).clone()
    expected = act(vectors)
    vectors[3, 0, 5], vectors[5] = float("inf"), float("nan")
    z = act(vectors)
    others = [0, 1, 2, 4, 6, 7]
    assert torch.equal(z[others], expected[others])
    assert not torch.isfinite(z[3, 0]).any()
    assert not torch.isfinite(z[5]).any()


def test_vectors_of_one_direction_are_factored_where_cholesky_fails():
    # Where rounding makes a pivot negative LAPACK leaves it as it is, and its square may be large.
    generator = torch.Generator().manual_seed(0)
    direction, sizes = (torch.rand(400, n, 16, generator=generator) for n in (1, 4))
    vectors = 1e9 * (1 + sizes[..., :1]) * (direction + 1e-4 * sizes)
    R, gram = triangle(vectors, 0.2, torch.full((4,), 0.3)).double(), 0.04 * vectors.double() @ vectors.double().mT
    assert float(((R @ R.mT - gram).abs() / gram).max()) < 1e-5
