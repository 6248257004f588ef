"""Inference in feature space: linear ridge regression, dense formulas, gradient descent step by step."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from resnet_limits.errors import MeasurementError, SettingError, Undetermined
from resnet_limits.inference.features import FEATURE_POINTS_A_BLOCK, fit
from resnet_limits.inference.filters import gradient_descent, gradient_flow, pseudo_inverse, ridge
from resnet_limits.inference.targets import one_hot
from resnet_limits.limits.kernel import Kind, LimitKernel

D, N = 7, 60
STREAM = torch.Generator().manual_seed(0)
X = torch.randn(N, D, generator=STREAM, dtype=torch.float64)
NEW = torch.randn(15, D, generator=STREAM, dtype=torch.float64)
Y = torch.randn(N, 3, generator=STREAM, dtype=torch.float64)
LARGEST = float(torch.cat([X, NEW]).square().mean(dim=1).max())
SIZES: dict[str, Any] = {"sigma_w": 0.9, "sigma_b": 0.4, "horizon": 0.8, "largest": LARGEST}


def kernel(phi: str = "tanh", kind: Kind = "nngp") -> LimitKernel:
    return LimitKernel(phi=phi, kind=kind, **SIZES)


@pytest.mark.parametrize("kind", ["nngp", "ntk"])
@pytest.mark.parametrize("noise", [1e-3, 0.1, 10.0])
def test_the_affine_kernel_is_linear_ridge_regression(kind: Kind, noise: float):
    K = kernel(kind=kind)
    predicted = fit(K.features, X, Y).mean(NEW, ridge(noise))
    # Penalties noise d/slope of the weights, noise/constant of the intercept: least squares with them as further rows.
    root = torch.sqrt(torch.tensor([noise / K.constant] + D * [noise * D / K.slope], dtype=torch.float64))
    A = np.vstack([np.hstack([np.ones((N, 1)), X.numpy()]), np.diag(root.numpy())])
    w = np.linalg.lstsq(A, np.vstack([Y.numpy(), np.zeros((D + 1, 3))]), rcond=None)[0]
    expected = np.hstack([np.ones((15, 1)), NEW.numpy()]) @ w
    np.testing.assert_allclose(predicted.numpy(), expected, rtol=0, atol=1e-12)
    # and scikit-learn's, which knows one penalty: a column for the intercept, of the size that makes it so
    size = math.sqrt(K.constant * D / K.slope)
    theirs = Ridge(alpha=noise * D / K.slope, fit_intercept=False).fit(
        np.hstack([np.full((N, 1), size), X.numpy()]), Y.numpy()
    )
    np.testing.assert_allclose(
        predicted.numpy(), theirs.predict(np.hstack([np.full((15, 1), size), NEW.numpy()])), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("phi", ["tanh", "swish"])
def test_posterior_mean_and_variance_are_those_of_the_dense_formulas(phi: str):
    K, noise = kernel(phi), 0.3
    inverse = torch.linalg.inv(K(X, X) + noise * torch.eye(N, dtype=torch.float64))
    across = K(NEW, X)
    mean, variance = fit(K.features, X, Y).posterior(NEW, noise)
    torch.testing.assert_close(mean, across @ inverse @ Y, rtol=0, atol=1e-11)
    torch.testing.assert_close(variance, K.diagonal(NEW) - (across @ inverse * across).sum(dim=1), rtol=0, atol=1e-11)


def test_gradient_flow_is_the_matrix_exponential_and_ends_at_least_squares():
    K, regression = kernel(kind="ntk"), fit(kernel(kind="ntk").features, X, Y)
    square, across = K(X, X), K(NEW, X)
    for time in (0.01, 0.3, 2.0):
        # f_t = K_* K^-1 (1 - e^{-K t}) y without the inverse: the integral of e^{-K s}
        augmented = torch.zeros(2 * N, 2 * N, dtype=torch.float64)
        augmented[:N, :N], augmented[:N, N:] = -square, torch.eye(N, dtype=torch.float64)
        integral = torch.linalg.matrix_exp(time * augmented)[:N, N:]
        torch.testing.assert_close(regression.mean(NEW, gradient_flow(time)), across @ integral @ Y, rtol=0, atol=1e-10)
    assert not regression.mean(NEW, gradient_flow(0.0)).any()
    plain = np.linalg.lstsq(np.hstack([np.ones((N, 1)), X.numpy()]), Y.numpy(), rcond=None)[0]
    expected = np.hstack([np.ones((15, 1)), NEW.numpy()]) @ plain
    for late in (math.inf, 1e6):
        np.testing.assert_allclose(regression.mean(NEW, gradient_flow(late)).numpy(), expected, atol=1e-11)


def test_gradient_descent_is_that_of_an_explicit_loop():
    F = kernel(kind="ntk").features
    regression = fit(F, X, Y)
    rate = 1.5 / float(regression.values.max())
    w = torch.zeros(D + 1, 3, dtype=torch.float64)
    for step in range(1, 51):
        w = w - rate * F(X).T @ (F(X) @ w - Y)
        if step in (1, 2, 7, 50):
            torch.testing.assert_close(
                regression.mean(NEW, gradient_descent(step, rate)), F(NEW) @ w, rtol=0, atol=1e-11
            )
    small = regression.mean(NEW, gradient_descent(100_000, rate / 1e5))
    torch.testing.assert_close(small, regression.mean(NEW, gradient_flow(rate)), rtol=1e-4, atol=1e-6)


def test_a_rate_beyond_stability_is_refused():
    regression = fit(kernel().features, X, Y)
    with pytest.raises(SettingError, match=r"learning rate: gradient descent diverges at .* choose at most"):
        regression.mean(NEW, gradient_descent(10, 2.1 / float(regression.values.max())))


def test_points_come_in_blocks_and_in_single_precision():
    n = FEATURE_POINTS_A_BLOCK + 7
    x = torch.randn(n, D, generator=torch.Generator().manual_seed(1))
    y = torch.randn(n, 2, generator=torch.Generator().manual_seed(2))
    heard: list[float] = []
    F = LimitKernel(phi="tanh", sigma_w=0.9, sigma_b=0.4, horizon=0.8).features
    regression = fit(F, x, y, heard.append)
    assert heard == [FEATURE_POINTS_A_BLOCK / n, 1.0]
    A = F(x)
    expected = torch.linalg.solve(A.T @ A + 0.1 * torch.eye(D + 1, dtype=torch.float64), A.T @ y.double())
    torch.testing.assert_close(regression.mean(x, ridge(0.1)), A @ expected, rtol=0, atol=1e-11)


def test_without_noise_more_points_than_features_are_refused_and_fewer_are_fitted():
    few = fit(kernel().features, X[:5], Y[:5])
    mean, variance = few.posterior(torch.cat([X[:5], NEW]), 0.0)
    torch.testing.assert_close(mean[:5], Y[:5], rtol=0, atol=1e-10)
    assert float(variance[:5].abs().max()) < 1e-12
    K = kernel()
    inverse = torch.linalg.inv(K(X[:5], X[:5]))
    expected = K.diagonal(NEW) - (K(NEW, X[:5]) @ inverse * K(NEW, X[:5])).sum(dim=1)
    torch.testing.assert_close(variance[5:], expected, rtol=0, atol=1e-10)
    with pytest.raises(MeasurementError, match=r"singular to rounding \(60 points, rank 8\); set a ridge, e.g. \d"):
        fit(K.features, X, Y).posterior(NEW, 0.0)


def test_features_that_never_vary_do_no_harm():
    x = torch.cat([X, torch.zeros(N, 2, dtype=torch.float64)], dim=1)  # as the border of MNIST images
    regression = fit(LimitKernel(phi="tanh", sigma_w=0.9, sigma_b=0.4, horizon=0.8).features, x, Y)
    plain = np.linalg.lstsq(np.hstack([np.ones((N, 1)), X.numpy()]), Y.numpy(), rcond=None)[0]
    fitted = np.hstack([np.ones((N, 1)), X.numpy()]) @ plain
    np.testing.assert_allclose(regression.mean(x, pseudo_inverse).numpy(), fitted, atol=1e-10)


@pytest.mark.parametrize("noise", [-1e-3, math.nan, math.inf])
def test_a_ridge_that_is_no_variance_is_refused(noise: float):
    with pytest.raises(SettingError, match=r"ridge: got .*; a noise variance must be finite, and 0 or larger"):
        ridge(noise)
    with pytest.raises(SettingError, match="ridge"):
        fit(kernel().features, X, Y).posterior(NEW, noise)


def test_filters_at_vanishing_and_tiny_eigenvalues():
    mu = torch.tensor([0.0, 1e-14, 1e-3, 1.0], dtype=torch.float64)
    torch.testing.assert_close(gradient_flow(3.0)(mu)[:2], torch.tensor([3.0, 3.0], dtype=torch.float64))
    torch.testing.assert_close(gradient_descent(30, 0.1)(mu)[:2], torch.tensor([3.0, 3.0], dtype=torch.float64))
    assert gradient_descent(3, 1.5)(mu)[3] == pytest.approx(1 - (-0.5) ** 3)
    assert pseudo_inverse(mu).tolist() == [0.0, pytest.approx(1e14), pytest.approx(1e3), 1.0]
    with pytest.raises(SettingError, match="time of gradient flow: got -1"):
        gradient_flow(-1.0)


def test_targets_are_one_hot_less_their_mean():
    labels = torch.tensor([2, 0])
    targets = one_hot(labels, 4)
    assert targets.tolist() == [[-0.25, -0.25, 0.75, -0.25], [0.75, -0.25, -0.25, -0.25]]


# -- rounding -------------------------------------------------------------------------------------


def exact(F: torch.Tensor, new: torch.Tensor, y: torch.Tensor, noise: float) -> torch.Tensor:
    """Ridge regression on features with sixty digits."""
    with mpmath.workdps(60):
        rows = mpmath.matrix(F.tolist())
        gram = rows.T * rows
        for i in range(gram.rows):
            gram[i, i] += mpmath.mpf(noise)
        w = mpmath.lu_solve(gram, rows.T * mpmath.matrix(y[:, 0].tolist()))
        predicted = mpmath.matrix(new.tolist()) * w
        return torch.tensor([[float(v)] for v in predicted], dtype=torch.float64)


@pytest.mark.parametrize("noise", [1e-1, 1e-12, 1e-14, 1e-18])
def test_a_ridge_below_the_rounding_of_the_normal_equations_is_not_lost(noise):
    """Two features that are nearly one: normal equations alone were 3 % off at 1e-14."""
    stream = torch.Generator().manual_seed(0)
    x, new = (torch.randn(n, 4, generator=stream, dtype=torch.float64) for n in (90, 9))
    x[:, 1] = x[:, 0] + 1e-7 * x[:, 1]
    y = torch.randn(90, 1, generator=stream, dtype=torch.float64)
    regression = fit(lambda z: z, x, y)
    truth = exact(x, new, y, noise)
    size = float(truth.abs().max())
    torch.testing.assert_close(regression.mean(new, ridge(noise)), truth, rtol=0, atol=1e-6 * size)


def test_what_even_the_rows_do_not_tell_is_refused():
    x = torch.tensor([[1.0, 1.0], [1.0, 1.0 + 2e-16], [1.0, 1.0]], dtype=torch.float64)
    y = torch.tensor([[1.0], [2.0], [3.0]], dtype=torch.float64)
    with pytest.raises(Undetermined, match=r"rounding may move the solution by .* %; set a larger ridge, e.g. \d"):
        fit(lambda z: z, x, y).mean(x, ridge(1e-40))


def test_fewer_points_than_features_and_a_tiny_ridge():
    stream = torch.Generator().manual_seed(1)
    x = torch.randn(3, 5, generator=stream, dtype=torch.float64)
    y = torch.randn(3, 1, generator=stream, dtype=torch.float64)
    regression = fit(lambda z: z, x, y)
    torch.testing.assert_close(regression.mean(x, ridge(1e-13)), y, rtol=0, atol=1e-9)
