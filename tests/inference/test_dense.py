"""Inference with dense matrices and by conjugate gradients: formulas, each other, singular systems."""

from __future__ import annotations

import math

import mpmath
import pytest
import torch

from resnet_limits.errors import MeasurementError, SettingError, Undetermined
from resnet_limits.inference import dense, features, iterative
from resnet_limits.inference.filters import Filter, gradient_descent, gradient_flow, ridge
from resnet_limits.limits.deep_kernel import DeepKernel
from resnet_limits.limits.kernel import LimitKernel
from tests.planting import resize

D, N = 4, 50
STREAM = torch.Generator().manual_seed(0)
X = torch.randn(N, D, generator=STREAM, dtype=torch.float64)
NEW = torch.randn(9, D, generator=STREAM, dtype=torch.float64)
Y = torch.randn(N, 2, generator=STREAM, dtype=torch.float64)
DEEP = DeepKernel(phi="relu", inner=(1.0, 0.3), outer=(1.0, 0.2), horizon=1.0)
NTK = DeepKernel(phi="tanh", inner=(1.0, 0.3), outer=(1.0, 0.2), horizon=1.0, kind="ntk")


def filtered(kernel: dense.KernelFunction, new: torch.Tensor, g: Filter) -> torch.Tensor:
    """`K_* U g(mu) U^T y` with the eigenvectors of the whole kernel matrix."""
    values, vectors = torch.linalg.eigh(kernel(X, X))
    return kernel(new, X) @ vectors @ (g(values.clamp(min=0))[:, None] * (vectors.T @ Y))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch):
    resize(monkeypatch, dense, KERNEL_POINTS_A_BLOCK=16)


def test_the_matrix_is_made_of_blocks_and_mirrored():
    heard: list[float] = []
    K = dense.assemble(DEEP, X, progress=heard.append)
    torch.testing.assert_close(K, DEEP(X, X))
    assert heard == sorted(heard)
    assert heard[-1] == 1
    below = dense.assemble(DEEP, X, mirrored=False)
    torch.testing.assert_close(below.tril(), K.tril(), rtol=0, atol=0)


def test_the_posterior_is_that_of_the_textbook():
    noise = 0.05
    posterior = dense.posterior(DEEP, X, Y, ridge=noise)
    inverse = torch.linalg.inv(DEEP(X, X) + noise * torch.eye(N, dtype=torch.float64))
    across = DEEP(NEW, X)
    torch.testing.assert_close(posterior.mean(NEW), across @ inverse @ Y, rtol=0, atol=1e-11)
    expected = DEEP.diagonal(NEW) - (across @ inverse * across).sum(dim=1)
    torch.testing.assert_close(posterior.variance(NEW), expected, rtol=0, atol=1e-11)


def test_the_power_is_the_largest_error_of_a_target_of_norm_1():
    # of sums of K(., x) over all points the error is a linear form, and the norm a quadratic one: their ratio is known
    posterior = dense.posterior(DEEP, X, Y, ridge=0.05)
    every = torch.cat([X, NEW])
    K = DEEP(every, every)
    form = K[N:] - posterior.weights(NEW).T @ K[:N]
    largest = (form * torch.linalg.solve(K, form.T).T).sum(dim=1).sqrt()
    torch.testing.assert_close(posterior.power(NEW), largest, rtol=1e-7, atol=0)
    torch.testing.assert_close(posterior.weights(NEW).T @ Y, posterior.mean(NEW))
    assert bool((posterior.power(NEW).square() < posterior.variance(NEW)).all())
    exact = dense.posterior(DEEP, X, Y, ridge=0.0)
    torch.testing.assert_close(exact.power(NEW).square(), exact.variance(NEW), rtol=1e-6, atol=0)


def test_without_noise_the_data_are_fitted_and_known():
    posterior = dense.posterior(DEEP, X, Y, ridge=0.0)
    torch.testing.assert_close(posterior.mean(X), Y, rtol=0, atol=1e-8)
    assert float(posterior.variance(X).max()) < 1e-9
    assert float(posterior.variance(NEW).min()) > 1e-3


def test_single_precision_is_as_good_as_its_ridge():
    one, two = (dense.posterior(DEEP, X, Y, ridge=0.1, dtype=dtype) for dtype in (torch.float64, torch.float32))
    torch.testing.assert_close(one.mean(NEW), two.mean(NEW), rtol=0, atol=1e-4)
    torch.testing.assert_close(one.variance(NEW), two.variance(NEW), rtol=0, atol=1e-4)


def test_an_affine_kernel_gives_the_same_densely_and_by_features():
    K = LimitKernel(phi="tanh", sigma_w=0.9, sigma_b=0.4, horizon=0.8)
    short, full = features.fit(K.features, X, Y), dense.posterior(K, X, Y, ridge=0.2)
    mean, variance = short.posterior(NEW, 0.2)
    torch.testing.assert_close(full.mean(NEW), mean, rtol=0, atol=1e-11)
    torch.testing.assert_close(full.variance(NEW), variance, rtol=0, atol=1e-11)
    rate = 1 / float(torch.linalg.eigvalsh(K(X, X)).max())
    for g in (ridge(0.2), gradient_flow(0.03), gradient_flow(math.inf), gradient_descent(11, rate)):
        torch.testing.assert_close(filtered(K, NEW, g), short.mean(NEW, g), rtol=0, atol=1e-9)


def test_a_singular_matrix_without_a_ridge_is_refused_with_one_to_try():
    affine = LimitKernel(phi="tanh", sigma_w=0.9, sigma_b=0.4, horizon=0.8)
    twice = torch.cat([X, X[:1]])
    for kernel, x in ((affine, X), (DEEP, twice)):
        y = torch.zeros(len(x), 1, dtype=torch.float64)
        with pytest.raises(
            MeasurementError, match=r"kernel matrix is singular to rounding .*; set a ridge, e.g. \d"
        ) as e:
            dense.posterior(kernel, x, y, ridge=0.0)
        proposed = float(str(e.value).rsplit(" ", 1)[1])
        assert dense.posterior(kernel, x, y, ridge=proposed).mean(NEW).isfinite().all()


def test_bad_requests_are_said(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(SettingError, match=r"ridge: got -0\.1"):
        dense.posterior(DEEP, X, Y, ridge=-0.1)
    with pytest.raises(SettingError, match=r"ridge: got -0\.1"):
        iterative.solve_iteratively(DEEP, X, Y, ridge=-0.1)
    resize(monkeypatch, dense, MOST_POINTS_FACTORED=20)
    with pytest.raises(SettingError, match=r"data.train_size: 50 points are too many .*\(20 at most\)"):
        dense.posterior(DEEP, X, Y, ridge=0.1)


def test_the_flow_is_the_matrix_exponential_and_descent_an_explicit_loop():
    K, across = NTK(X, X), NTK(NEW, X)
    f, f_new = torch.zeros_like(Y), torch.zeros(9, 2, dtype=torch.float64)
    rate = 1.2 / float(torch.linalg.eigvalsh(K).max())
    for _ in range(20):
        f, f_new = f - rate * K @ (f - Y), f_new - rate * across @ (f - Y)
    torch.testing.assert_close(filtered(NTK, NEW, gradient_descent(20, rate)), f_new, rtol=0, atol=1e-11)
    torch.testing.assert_close(filtered(NTK, X, gradient_descent(20, rate)), f, rtol=0, atol=1e-11)
    left = torch.linalg.matrix_exp(-0.2 * K) @ Y
    torch.testing.assert_close(filtered(NTK, X, gradient_flow(0.2)), Y - left, rtol=0, atol=1e-10)
    torch.testing.assert_close(filtered(NTK, X, gradient_flow(math.inf)), Y, rtol=0, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("kept", [0, 5000, 1 << 30])
def test_conjugate_gradients_find_the_same(kept: int):
    heard: list[float] = []
    solution = iterative.solve_iteratively(DEEP, X, Y, ridge=0.05, tolerance=1e-10, kept=kept, progress=heard.append)
    exact = dense.posterior(DEEP, X, Y, ridge=0.05)
    torch.testing.assert_close(solution.mean(NEW), exact.mean(NEW), rtol=0, atol=1e-8)
    assert solution.residual < 2e-10
    assert 0 < solution.products < N
    assert len(heard) >= solution.products - 2


@pytest.mark.slow
def test_landmarks_make_it_fast(monkeypatch: pytest.MonkeyPatch):
    x = torch.randn(400, D, generator=STREAM, dtype=torch.float64)
    y = torch.randn(400, 1, generator=STREAM, dtype=torch.float64)
    taken = []
    for count in (1, 40):
        resize(monkeypatch, iterative, LANDMARKS_OF_PRECONDITIONER=count)
        taken.append(iterative.solve_iteratively(DEEP, x, y, ridge=0.05, tolerance=1e-8).products)
    assert taken[1] < taken[0] / 2


def test_a_tolerance_that_is_not_reached_is_said():
    with pytest.raises(
        MeasurementError, match=r"relative residual of .* and not 1e-09 in \d+ products .* larger ridge"
    ):
        iterative.solve_iteratively(DEEP, X, Y, ridge=1e-6, tolerance=1e-9, most=3)


# -- rounding -------------------------------------------------------------------------------------


class Smooth:
    """`exp(-|z - z'|^2 / 60)`: eigenvalues that fall by many powers of ten."""

    def __call__(self, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        return torch.exp(-(rows[:, None] - columns[None]).square().sum(dim=2) / 60)

    def diagonal(self, z: torch.Tensor) -> torch.Tensor:
        return torch.ones(len(z), dtype=z.dtype)


@pytest.mark.parametrize("noise", [1e-2, 1e-6, 1e-10])
def test_the_error_that_is_given_is_not_exceeded(noise):
    posterior = dense.posterior(Smooth(), X, Y, ridge=noise)
    with mpmath.workdps(60):
        system = mpmath.matrix(Smooth()(X, X).tolist())
        for i in range(N):
            system[i, i] += mpmath.mpf(noise)
        solution = mpmath.lu_solve(system, mpmath.matrix(Y[:, 0].tolist()))
        truth = torch.tensor([float(v) for v in solution], dtype=torch.float64)
    off = float((posterior.coefficients[:, 0] - truth).norm() / truth.norm())
    assert off <= posterior.error <= 1e5 * max(off, 1e-16)


def test_a_condition_that_rounding_does_not_bear_is_refused_in_words(monkeypatch: pytest.MonkeyPatch):
    x = torch.linspace(-1, 1, N, dtype=torch.float64)[:, None].expand(N, D).contiguous()
    with pytest.raises(Undetermined, match=r"rounding may move the solution by .* %; set a larger ridge, e.g. \d"):
        dense.posterior(Smooth(), x, Y, ridge=3e-13)
    assert dense.posterior(Smooth(), x, Y, ridge=1e-6).error < 1e-6


@pytest.mark.parametrize("scale", [1.0, 1e-3])
def test_the_condition_number_is_that_of_the_eigenvalues(scale):
    K = DEEP(X, X) * scale
    values = torch.linalg.eigvalsh(K + 0.01 * scale * torch.eye(N, dtype=torch.float64))
    upper = dense.factored(K, 0.01 * scale)
    assert dense.condition(upper) == pytest.approx(float(values[-1] / values[0]), rel=0.5)
