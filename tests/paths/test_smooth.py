"""The smooth path: a Gaussian process with squared-exponential covariance, analytic in time."""

import dataclasses
import math

import pytest
import torch

from resnet_limits.paths.draw import draw_path
from resnet_limits.paths.laws.smooth import SmoothLaw
from resnet_limits.paths.smooth import SmoothPath
from resnet_limits.testing.path_laws import HORIZON, PathLaws


class TestSmooth(PathLaws):
    law = SmoothLaw(sigma_w=1.3, sigma_b=0.4, correlation=0.75)

    def covariance(self, s, t):
        return (-(((s - t) * HORIZON / 0.75) ** 2) / 2).exp()


def smooth(correlation: float = 0.5, horizon: float = 1.0, shape: tuple[int, ...] = (3, 4)) -> SmoothPath:
    law = SmoothLaw(correlation=correlation)
    path = draw_path(law, {"W": shape}, depth=8, horizon=horizon, replicas=2, seed=0)["W"]
    assert isinstance(path, SmoothPath)
    return path


@pytest.mark.parametrize("correlation", [0.01, 0.1, 0.5, 3.0, 1000.0])
@pytest.mark.parametrize("horizon", [0.3, 1.0, 20.0])
def test_basis_has_the_covariance_to_rounding(correlation, horizon):
    """`sum_j b_j(s) b_j(t) = exp(-(s - t)^2 / (2 l^2))`: the law is exact, without statistics."""
    times = torch.linspace(0, horizon, 33, dtype=torch.float64)
    basis = smooth(correlation, horizon).basis(times)
    exact = (-(((times[:, None] - times) / correlation) ** 2) / 2).exp()
    torch.testing.assert_close(basis @ basis.T, exact, rtol=0, atol=1e-13)


def test_derivative_in_time_is_that_of_the_basis():
    """Central differences of the path converge at order 2 to `b'(t) c`."""
    path = smooth(horizon=2.0)
    times = torch.linspace(0.1, 1.9, 7, dtype=torch.float64)
    derivative_of_basis = torch.func.jvp(path.basis, (times,), (torch.ones_like(times),))[1]
    exact = torch.einsum("nj,rjab->rnab", derivative_of_basis, path.coefficients)
    errors = []
    for h in (1e-2, 5e-3):
        errors.append(((path.at(times + h) - path.at(times - h)) / (2 * h) - exact).abs().max().item())
    assert errors[1] < 2e-4
    assert math.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.01)


def test_reading_is_differentiable_in_the_coefficients():
    path = smooth(shape=(3,))
    times = torch.tensor([0.2, 0.7], dtype=torch.float64)
    coefficients = path.coefficients.clone().requires_grad_()
    moved = dataclasses.replace(path, coefficients=coefficients)
    cotangent = torch.arange(12, dtype=torch.float64).view(2, 2, 3)
    (moved.at(times) * cotangent).sum().backward()
    torch.testing.assert_close(coefficients.grad, torch.einsum("nj,rna->rja", path.basis(times), cotangent))


def test_float32_basis_is_computed_in_float64():
    """At the end of a long horizon a float32 angle would be off by 1e-3."""
    law = SmoothLaw(correlation=0.1)
    path = draw_path(law, {"b": (1,)}, depth=8, horizon=1000.0, replicas=1, seed=0, dtype=torch.float32)["b"]
    exact = draw_path(law, {"b": (1,)}, depth=8, horizon=1000.0, replicas=1, seed=0)["b"]
    assert isinstance(path, SmoothPath)
    assert isinstance(exact, SmoothPath)
    times = torch.tensor([999.37], dtype=torch.float64)
    # Computed in float64 and rounded once.
    rounding = torch.finfo(torch.float32).eps / 2
    torch.testing.assert_close(path.basis(times).double(), exact.basis(times), rtol=rounding, atol=0)
    # A sum of J products of rounded factors: J + 2 roundings, as good as independent, of partial sums as large as the
    # root of the sum of squares; five standard deviations.
    terms = exact.basis(times) * exact.coefficients.flatten()
    bound = 5 * (terms.shape[1] + 2) ** 0.5 * rounding * float(torch.linalg.vector_norm(terms))
    assert bound < 1e-3
    torch.testing.assert_close(path.at(times).double(), exact.at(times), rtol=0, atol=bound)
