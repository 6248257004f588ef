"""Tables of kernels: against the kernel itself, blocks, diagonals, inputs outside."""

from __future__ import annotations

from functools import cache, partial
from typing import Any, ClassVar

import pytest
import torch

from resnet_limits.errors import MeasurementError
from resnet_limits.limits.deep_kernel import DeepKernel
from resnet_limits.limits.kernel import Kind, LimitKernel
from resnet_limits.limits.kernel_recursion import FiniteDepthKernel
from resnet_limits.limits.pair_kernel import TILE, PairKernel, mean_square
from resnet_limits.limits.tabulated import tabulate

from .kernel_laws import PairKernelLaws, inputs

D = 8
Z = torch.randn(TILE + 20, D, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
KINDS: tuple[Kind, ...] = ("nngp", "ntk")


def cases(kind: Kind) -> list[PairKernel]:
    sizes: dict[str, Any] = {"sigma_w": 0.8, "sigma_b": 0.3, "horizon": 0.7}
    blocks: dict[str, Any] = {"inner": (1.0, 0.3), "outer": (0.9, 0.2), "horizon": 1.0}
    return [
        FiniteDepthKernel(phi="tanh", depth=20, kind=kind, **sizes),
        FiniteDepthKernel(phi="swish", depth=20, kind=kind, **sizes),
        DeepKernel(phi="gelu", kind=kind, **blocks),
        DeepKernel(phi="tanh", kind=kind, depth=4, **blocks),
        DeepKernel(phi="relu", kind=kind, inner=(1.0, 0.0), outer=(1.0, 0.0), horizon=1.0),
        LimitKernel(phi="gelu", kind=kind, largest=float(mean_square(Z).max()), **sizes),
    ]


def _tabulated(case: int, kind: Kind) -> PairKernel:
    return tabulate(cases(kind)[case], mean_square(inputs(40)), tolerance=1e-8)


class TestTabulatedKernel(PairKernelLaws):
    kernels: ClassVar = {
        f"{i}-{kind}": cache(partial(_tabulated, i, kind))
        for kind in KINDS
        for i in range(6)
        if (i, kind) != (4, "ntk")
    }
    rounding = 1e-12
    diagonal_rounding = 1e-7


class TestTabulatedKernelWithAKink(PairKernelLaws):
    """Of an input and itself, whose angle keeps half the digits; relu's slopes are a function of the angle."""

    kernels: ClassVar = {"relu": cache(partial(_tabulated, 4, "ntk"))}
    rounding = 1e-7


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_is_the_kernel_to_its_error(kind: Kind):
    near = torch.cat([Z[:40], Z[:40] * (1 + 1e-5), 0.99 * Z[:5], -Z[:5]])  # angles near 0 and pi too
    for kernel in cases(kind):
        table = tabulate(kernel, mean_square(torch.cat([Z, near])), tolerance=1e-8)
        exact, tabulated = kernel(near, near), table(near, near)
        assert table.error <= 1e-8
        assert float((exact - tabulated).abs().max()) < 2e-8 * float(exact.abs().max()), kernel


def test_inputs_of_one_norm_are_tabulated_too():
    z = Z[:30] / Z[:30].norm(dim=1, keepdim=True)
    kernel = cases("nngp")[2]
    torch.testing.assert_close(tabulate(kernel, mean_square(z))(z, z), kernel(z, z), rtol=1e-7, atol=1e-7)


def test_norms_outside_the_table_are_refused():
    table = tabulate(cases("nngp")[0], mean_square(Z[:30]))
    with pytest.raises(ValueError, match=r"norms .*; the table holds"):
        table(10 * Z[:3], Z[:3])


def test_a_tolerance_that_is_not_reached_is_said():
    # With biases the angle of pre-activations, at which degree 0 has its kink, is no smooth function of the inputs'.
    kernel = DeepKernel(phi="relu", inner=(1.0, 0.5), outer=(1.0, 0.2), horizon=1.0, kind="ntk", steps=2)
    with pytest.raises(MeasurementError, match=r"a table of \d+ angles and \d+ norms has error .*, and not 1e-08"):
        tabulate(kernel, mean_square(Z), tolerance=1e-8)
