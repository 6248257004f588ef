"""The laws that every activation obeys, stated once; a new one inherits them with its name.

All are held on a grid that holds 0 and every declared kink, and in float64, where the rounding of a derivative by
central differences is 1e-10.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from resnet_limits.networks.activations import Activation, activation_named

REACH = 30.0
NODES = 60_001
"""Of the grid on [-REACH, REACH]: a step of 1e-3, 0 among them."""
FAR = 1e6
"""Where an activation that has a bound is near it, however slowly it gets there."""
JUMP = 1e-3
"""Least jump of a derivative that counts as one: over a length of 1e-7 a smooth one changes by 1e-6 at most."""


def of_torch(function, z: np.ndarray) -> np.ndarray:
    """What autograd says of an elementwise function."""
    at = torch.from_numpy(z).requires_grad_()
    (gradient,) = torch.autograd.grad(function(at).sum(), at)
    return gradient.numpy()


def jumps(derivative) -> np.ndarray:
    """Where a function of z jumps on the grid: bisected to a length on which a smooth one no longer changes."""
    a = np.linspace(-REACH, REACH, NODES) + 5e-4  # a kink at a multiple of the step lies inside an interval
    b = a + 2 * REACH / (NODES - 1)
    while len(a) and b[0] - a[0] > 1e-7:
        suspect = np.abs(derivative(b) - derivative(a)) > JUMP
        a, b = a[suspect], b[suspect]
        half = (a + b) / 2
        a, b = np.concatenate([a, half]), np.concatenate([half, b])
    return a[np.abs(derivative(b) - derivative(a)) > JUMP] if len(a) else a


@dataclass
class Grid:
    """Points, and those of them at some distance of every kink."""

    z: np.ndarray
    smooth: np.ndarray


class ActivationLaws:
    """Inherit and set `name`, or override `phi`."""

    name: str

    @pytest.fixture
    def phi(self) -> Activation:
        return activation_named(self.name)

    @pytest.fixture
    def grid(self, phi: Activation) -> Grid:
        z = np.linspace(-REACH, REACH, NODES)
        return Grid(z, z[np.all([abs(z - kink) > 1e-2 for kink in phi.kinks] or [z == z], axis=0)])

    def value(self, phi: Activation, z: np.ndarray) -> np.ndarray:
        return phi(torch.from_numpy(z)).numpy()

    def test_it_goes_by_its_name(self, phi: Activation):
        assert type(activation_named(phi.name)) is type(phi)
        assert phi.formula

    def test_first_and_second_derivative_are_those_of_the_value(self, phi: Activation, grid: Grid):
        z = torch.from_numpy(grid.smooth)
        value = phi(z)
        slope, curvature = phi.slope(z, value).numpy(), phi.curvature(z, value).numpy()
        by_differences = (self.value(phi, grid.smooth + 1e-5) - self.value(phi, grid.smooth - 1e-5)) / 2e-5
        np.testing.assert_allclose(slope, by_differences, rtol=0, atol=1e-8)
        np.testing.assert_allclose(slope, of_torch(phi, grid.smooth), rtol=0, atol=1e-14)
        ahead, behind = (torch.from_numpy(grid.smooth + e) for e in (1e-5, -1e-5))
        by_differences = (phi.slope(ahead, phi(ahead)) - phi.slope(behind, phi(behind))).numpy() / 2e-5
        np.testing.assert_allclose(curvature, by_differences, rtol=0, atol=1e-8)

    def test_derivatives_can_be_differentiated(self, phi: Activation, grid: Grid):
        z = torch.from_numpy(grid.smooth[::200].copy()).requires_grad_()
        slope = phi.slope(z, phi(z))
        curvature = phi.curvature(z.detach(), phi(z.detach()))
        if slope.requires_grad:
            (by_autograd,) = torch.autograd.grad(slope.sum(), z)
            torch.testing.assert_close(by_autograd, curvature, rtol=0, atol=1e-13)
        else:
            assert not curvature.any()

    def test_value_and_slope_come_together(self, phi: Activation, grid: Grid):
        z = torch.from_numpy(grid.z)
        value, slope = phi.with_slope(z)
        assert not value.requires_grad
        torch.testing.assert_close(value, phi(z), rtol=1e-15, atol=0)  # with a graph or without: rounding at most
        np.testing.assert_array_equal(slope.numpy(), of_torch(phi, grid.z))

    def test_forms_in_numpy_are_those_in_torch(self, phi: Activation, grid: Grid):
        z = torch.from_numpy(grid.z)
        value = phi(z)
        np.testing.assert_allclose(phi.in_numpy(grid.z), value.numpy(), rtol=1e-14, atol=1e-15)
        slope, curvature = phi.derivatives_in_numpy(grid.z)
        np.testing.assert_allclose(slope, phi.slope(z, value).numpy(), rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(curvature, phi.curvature(z, value).numpy(), rtol=1e-13, atol=1e-15)
        assert slope.dtype == curvature.dtype == np.float64

    def test_value_slope_and_curvature_at_0_are_the_declared_ones(self, phi: Activation):
        at = torch.zeros(1, dtype=torch.float64)
        if phi.value_at_0 is not None:
            assert float(phi(at)) == phi.value_at_0
        if 0.0 in phi.kinks:
            assert phi.slope_at_0 is None
            assert phi.curvature_at_0 is None
        if phi.slope_at_0 is not None:
            assert float(phi.slope(at, phi(at))) == pytest.approx(phi.slope_at_0, abs=1e-15)
        if phi.curvature_at_0 is not None:
            assert float(phi.curvature(at, phi(at))) == pytest.approx(phi.curvature_at_0, abs=1e-15)
            assert phi.slope_at_0 is not None

    def test_the_largest_slope_is_attained_and_never_exceeded(self, phi: Activation, grid: Grid):
        if phi.steepest is None:
            return
        slopes = np.abs(of_torch(phi, grid.z))
        assert slopes.max() <= phi.steepest
        near = grid.z[slopes.argmax()] + np.linspace(-1e-3, 1e-3, 2001)
        assert np.abs(of_torch(phi, near)).max() <= phi.steepest
        assert np.abs(of_torch(phi, near)).max() == pytest.approx(phi.steepest, abs=1e-8)

    def test_the_largest_value_is_approached_and_never_exceeded(self, phi: Activation, grid: Grid):
        near, far = (np.abs(self.value(phi, z)).max() for z in (grid.z, FAR * np.array([-1, 1])))
        if phi.bound is None:
            assert far > 3 * near  # it grows, or a bound is missing
        else:
            assert max(near, far) <= phi.bound
            assert max(near, far) == pytest.approx(phi.bound, abs=1e-3)

    def test_it_increases_where_it_says_so_and_only_there(self, phi: Activation, grid: Grid):
        if phi.increasing is not None:
            assert bool((np.diff(self.value(phi, grid.z)) >= 0).all()) == phi.increasing

    def test_it_is_linear_where_it_says_so_and_only_there(self, phi: Activation, grid: Grid):
        straight = self.value(phi, np.ones(1)) * grid.z
        assert np.allclose(self.value(phi, grid.z), straight, rtol=1e-14, atol=0) == phi.linear

    def test_a_derivative_jumps_at_the_kinks_and_nowhere_else(self, phi: Activation):
        def bends(z: np.ndarray) -> np.ndarray:
            return phi.curvature(torch.from_numpy(z), phi(torch.from_numpy(z))).numpy()

        jumps_found = [*jumps(lambda z: of_torch(phi, z)), *jumps(bends)]
        assert sorted(set(np.round(jumps_found, 5))) == pytest.approx(list(phi.kinks), abs=1e-5)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_forms_that_write_into_memory_are_those_of_autograd(self, phi: Activation, dtype: torch.dtype):
        tolerance = {torch.float32: 1e-6, torch.float64: 1e-14}[dtype]
        stream = torch.Generator().manual_seed(3)
        z, g = (3 * torch.randn(4, 5, 7, generator=stream, dtype=dtype) for _ in range(2))
        leaf = z.clone().requires_grad_()
        (expected,) = torch.autograd.grad(phi(leaf), leaf, g)
        value = phi(z)
        for into in ("another", "z"):
            at = z.clone()
            out = at if into == "z" else torch.full_like(z, math.nan)
            phi.write(at, out)
            torch.testing.assert_close(out, value, rtol=tolerance, atol=tolerance)
        for into in ("another", "g", "kept"):
            kept, cotangent = (value if phi.of_value else z).clone(), g.clone()
            out = {"another": torch.full_like(z, math.nan), "g": cotangent, "kept": kept}[into]
            phi.pull_back(cotangent, kept, out)
            torch.testing.assert_close(out, expected, rtol=tolerance, atol=tolerance)

    def test_an_arc_cosine_activation_is_the_positive_part(self, phi: Activation, grid: Grid):
        assert np.array_equal(self.value(phi, grid.z), np.maximum(grid.z, 0)) == phi.arc_cosine
