"""The laws that every kernel obeys, stated once; a kernel inherits them with a few lines.

class TestMine(PairKernelLaws):
    kernels = {"tanh": partial(MyKernel, phi="tanh"), "relu": partial(MyKernel, phi="relu")}

KernelLaws              symmetric, positive semi-definite, blocks and diagonal of one matrix
  IsotropicLaws         turning all inputs changes nothing
    PairKernelLaws      a function of overlaps and mean squares alone, tiles, precision
      DeepLimitLaws     what the kernels of finite depths tend to, at order one
  HamiltonianLaws       velocity, rate and tangents are derivatives of the energy
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from resnet_limits.limits import pair_kernel
from resnet_limits.limits.hamiltonian.kernels.kernel import OperatorKernel
from resnet_limits.limits.pair_kernel import PairKernel, mean_square
from tests.normals import normals
from tests.planting import resize

D = 5
LEAST, LARGEST = 0.3, 2.0
"""Mean squares of the inputs."""


def inputs(n: int = 12, *, seed: int = 3) -> Tensor:
    """So many inputs of mean squares from `LEAST` to `LARGEST`, (n, D)."""
    directions = torch.randn(n, D, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    squares = torch.linspace(LEAST, LARGEST, n, dtype=torch.float64)
    return directions * (squares / mean_square(directions)).sqrt()[:, None]


class KernelLaws:
    """Inherit, set `kernels`, how to make each by its name, and define `block` and `diagonal`."""

    kernels: Mapping[str, Callable[[], Any]]
    rounding = 1e-13
    """Of an entry, relative to the largest."""
    diagonal_rounding: float | None = None
    """Of the diagonal, where it is made otherwise than the matrix."""

    def block(self, kernel: Any, rows: Tensor, columns: Tensor) -> Tensor:
        """`K(z_i, z'_j)`, (n, m)."""
        raise NotImplementedError

    def diagonal(self, kernel: Any, z: Tensor) -> Tensor:
        """`K(z_i, z_i)`, (n,)."""
        raise NotImplementedError

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "make" in metafunc.fixturenames:
            metafunc.parametrize("make", list(self.kernels.values()), ids=list(self.kernels))

    @pytest.fixture
    def kernel(self, make: Callable[[], Any]) -> Any:
        return make()

    def close(self, values: Tensor, expected: Tensor, rounding: float | None = None) -> None:
        off = float((values.double() - expected.double()).abs().max() / expected.abs().max())
        assert off < (rounding or self.rounding), off

    def test_it_is_symmetric(self, kernel):
        z, other = inputs(), inputs(9, seed=4)
        self.close(self.block(kernel, z, other), self.block(kernel, other, z).T)
        K = self.block(kernel, z, z)
        self.close(K, K.T)

    def test_it_is_positive_semi_definite(self, kernel):
        values = torch.linalg.eigvalsh(self.block(kernel, z := inputs(40), z).double())
        assert float(values.min()) > -max(1e-13, self.rounding) * len(z) * float(values.max())
        assert float(values.max()) > 0

    def test_the_diagonal_is_that_of_the_matrix(self, kernel):
        z = inputs()
        self.close(self.diagonal(kernel, z), self.block(kernel, z, z).diagonal(), self.diagonal_rounding)

    def test_a_block_is_a_part_of_the_whole(self, kernel):
        z = inputs()
        K, rows, columns = self.block(kernel, z, z), torch.tensor([7, 2, 11]), torch.tensor([0, 7, 5, 1])
        self.close(self.block(kernel, z[rows], z[columns]), K[rows][:, columns])
        self.close(self.block(kernel, z[3:4], z), K[3:4])


class IsotropicLaws(KernelLaws):
    """Of a kernel that knows no directions."""

    def test_turning_all_inputs_changes_nothing(self, kernel):
        z = inputs()
        turn, _ = torch.linalg.qr(normals(D, D))
        self.close(self.block(kernel, z @ turn, z @ turn), self.block(kernel, z, z), max(self.rounding, 1e-11))


class PairKernelLaws(IsotropicLaws):
    """Inherit and set `kernels`; `single`, the error in float32, where a kernel of that precision can be made."""

    single: float | None = None

    def block(self, kernel: PairKernel, rows: Tensor, columns: Tensor) -> Tensor:
        return kernel(rows, columns)

    def diagonal(self, kernel: PairKernel, z: Tensor) -> Tensor:
        return kernel.diagonal(z)

    def test_it_is_a_function_of_overlaps_and_mean_squares_elementwise(self, kernel):
        z = inputs()
        q, K = mean_square(z), kernel(z, z)
        self.close(kernel.of_overlaps(z @ z.T / D, q[:, None], q[None]), K)
        pairs = torch.tensor([[0, 1], [3, 3], [11, 2]])
        first, second = z[pairs[:, 0]], z[pairs[:, 1]]
        alone = kernel.of_overlaps(
            (first * second).mean(dim=1)[:, None], *(mean_square(points)[:, None] for points in (first, second))
        )
        self.close(alone[:, 0], K[pairs[:, 0], pairs[:, 1]], max(self.rounding, 1e-11))

    def test_coordinates_that_are_repeated_change_nothing(self, kernel):
        z = inputs()
        twice = torch.cat([z, z], dim=1)
        self.close(kernel(twice, twice), kernel(z, z), max(self.rounding, 1e-11))

    def test_tiles_of_any_size_are_parts_of_one_matrix(self, kernel, monkeypatch):
        z = inputs(21)
        K = kernel(z, z)
        resize(monkeypatch, pair_kernel, TILE=8)
        tiled = kernel(z, z)
        self.close(tiled, K)
        self.close(tiled, tiled.T)
        self.close(kernel(z[6:], z[:3]), K[6:, :3])
        self.close(kernel(z[:3], z[4:]), K[:3, 4:])

    def test_inputs_of_single_precision_are_computed_in_that_of_the_kernel(self, kernel):
        z = inputs()
        K = kernel(z.float(), z.float())
        assert K.dtype == kernel.dtype
        self.close(K, K.T)
        self.close(K, kernel(z, z), 1e-5)

    def test_single_precision_keeps_its_digits(self, kernel):
        if self.single is None:
            assert kernel.dtype == torch.float64
            return
        z, other = inputs(), replace(kernel, dtype=torch.float32)
        K = other(z, z)
        assert K.dtype == torch.float32
        self.close(K, kernel(z, z), self.single)
        self.close(other.diagonal(z), K.diagonal(), max(1e-5, self.single))


class DeepLimitLaws(PairKernelLaws):
    """Of a kernel of infinite depth: also define `at_depth`."""

    def at_depth(self, kernel: Any, depth: int) -> PairKernel:
        raise NotImplementedError

    def test_depth_approaches_it_at_order_one(self, kernel):
        # In pairs: the right rate, and the right limit, by Richardson's extrapolation.
        z = inputs(6)
        limit = kernel(z, z)
        at = [self.at_depth(kernel, depth)(z, z) for depth in (64, 128, 256)]
        errors = [float((K - limit).abs().max()) for K in at]
        assert math.log2(errors[1] / errors[2]) == pytest.approx(1, abs=0.03)
        extrapolated = (8 * at[2] - 6 * at[1] + at[0]) / 3
        assert float((extrapolated - limit).abs().max()) < 3e-3 * errors[2]


class HamiltonianLaws(KernelLaws):
    """Of what a Hamiltonian flow asks of a kernel: inherit, set `kernels`, and define `matrix`.

    More and fewer features than points, for a kernel may add up either way.
    """

    def matrix(self, kernel: Any, q: Tensor) -> Tensor:
        """`k(q_i, q_j)` from pairs of points, to be differentiated by autograd: nothing of what is tested."""
        raise NotImplementedError

    def block(self, kernel: OperatorKernel, rows: Tensor, columns: Tensor) -> Tensor:
        return kernel.field(rows, columns, torch.eye(len(columns), dtype=torch.float64))

    def diagonal(self, kernel: OperatorKernel, z: Tensor) -> Tensor:
        return kernel.at(z).root().square().sum(dim=1)

    def energy(self, kernel: OperatorKernel, q: Tensor, P: Tensor) -> Tensor:
        return (self.matrix(kernel, q) * (P @ P.T)).sum() / 2

    def test_the_matrix_is_that_of_pairs(self, kernel):
        z = inputs()
        self.close(self.block(kernel, z, z), self.matrix(kernel, z))

    @pytest.mark.parametrize("width", [3, 9])
    def test_velocity_and_rate_are_the_derivatives_of_the_energy(self, kernel, width: int):
        q, P = (normals(7, width, seed=s).requires_grad_() for s in range(2))
        H = self.energy(kernel, q, P)
        dq, dP = torch.autograd.grad(H, (q, P))
        at = kernel.at(q.detach())
        torch.testing.assert_close(at.energy(P.detach()), H.detach())
        torch.testing.assert_close(at.velocity(P.detach()), dP)
        torch.testing.assert_close(at.rate(P.detach()), -dq)
        torch.testing.assert_close(at.both(P.detach()), (dP, -dq))
        root = at.root()
        torch.testing.assert_close(root @ (root.T @ P.detach()), dP)
        torch.testing.assert_close(kernel.field(q.detach(), q.detach(), P.detach()), dP)

    @pytest.mark.parametrize("width", [3, 9])
    def test_tangents_are_products_with_the_hessian_also_several_at_a_time(self, kernel, width: int):
        q, P, u, v = (normals(6, width, seed=s) for s in range(4))

        def gradient(q: Tensor, P: Tensor) -> tuple[Tensor, Tensor]:
            dq, dP = torch.func.grad(lambda q, P: self.energy(kernel, q, P), argnums=(0, 1))(q, P)
            return dP, -dq

        expected = torch.func.jvp(gradient, (q, P), (u, v))[1]
        tangents = kernel.at(q).tangent(P, torch.stack([u, 2 * u]), torch.stack([v, 2 * v]))
        for one, whole in zip(tangents, expected, strict=True):
            torch.testing.assert_close(one, torch.stack([whole, 2 * whole]))
        expected = torch.func.jvp(gradient, (q, P), (torch.zeros_like(u), v))[1]
        for several in (v, torch.stack([v, 2 * v])):
            for one, whole in zip(kernel.at(q).tangent_of_momenta(P, several), expected, strict=True):
                torch.testing.assert_close(one, whole if several is v else torch.stack([whole, 2 * whole]))

    @pytest.mark.parametrize("width", [3, 9])
    def test_what_is_kept_of_other_momenta_is_not_taken_for_these(self, kernel, width: int):
        q, P, u, v, other = (normals(6, width, seed=s) for s in range(5))
        kept = kernel.at(q).keep()
        kept.both(other)
        kept.tangent(other, u, v)
        for one, expected_tangent in zip(kept.tangent(P, u, v), kernel.at(q).tangent(P, u, v), strict=True):
            torch.testing.assert_close(one, expected_tangent)
        kept.tangent(other, u, v)
        for one, expected_rate in zip(kept.both(P), kernel.at(q).both(P), strict=True):
            torch.testing.assert_close(one, expected_rate)
