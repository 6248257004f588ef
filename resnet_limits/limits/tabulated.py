"""A kernel of pairs from a table: Chebyshev's expansion in the angle and the two norms.

    k(overlap, q_1, q_2) = sum_{m, a, b} c_{m a b} T_m(theta) T_a(|z_1|) T_b(|z_2|)

`cos theta` is the correlation of the two inputs. In the angle, and not in its cosine, the arc-cosine kernels and what
grows from them are analytic up to `theta = 0`: some thirty angles and ten norms give ten digits, whatever the depth,
the activation or the number of steps, and a pair costs a few hundred multiplications in place of thousands of
exponentials. The table is made of a few thousand pairs, its error measured at others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import MeasurementError
from .pair_kernel import PairKernel

MOST_ANGLES, MOST_NORMS = 96, 40

PAIRS_CHECKED = 500
"""Pairs off the nodes at which the error is measured, with angles 0, near 0 and pi and equal norms among them."""


@dataclass(frozen=True)
class TabulatedKernel(PairKernel):
    """A kernel as `tabulate` made it, for inputs with norms in a range; float64.

    `error` is the largest at `PAIRS_CHECKED` random pairs, relative to the largest entry. Raises `ValueError` for
    inputs with norms outside the range.
    """

    coefficients: Tensor  # (angles, norms, norms)
    norms: tuple[float, float]  # |z|/sqrt(d), least and largest
    error: float
    dtype: torch.dtype = torch.float64

    def of_overlaps(
        self, overlaps: Float[Tensor, "#n #m"], rows: Float[Tensor, "#n #m"], columns: Float[Tensor, "#n #m"]
    ) -> Float[Tensor, "n m"]:
        """The kernel of pairs with overlap `<z_1, z_2>/d` and mean squares `|z|^2/d`, elementwise."""
        first, second = rows.sqrt(), columns.sqrt()
        x = _angle(overlaps, first * second).mul_(2 / math.pi).sub_(1)
        one, two = (self._in_norm(norms.flatten()) for norms in (first, second))
        block = rows.shape != columns.shape  # else single pairs
        x = x.expand(torch.broadcast_shapes(rows.shape, columns.shape))
        twice = 2 * x
        after, now = torch.zeros_like(x), torch.zeros_like(x)
        for m in reversed(range(1, len(self.coefficients))):  # Clenshaw's recursion
            new = self._times(one, m, two, block, after, -1.0).addcmul_(twice, now)
            after, now = now, new
        return self._times(one, 0, two, block, after, -1.0).addcmul_(x, now)

    def _times(self, one: Tensor, m: int, two: Tensor, block: bool, added: Tensor, factor: float) -> Tensor:
        """`sum_{a b} c_{m a b} T_a T_b + factor added`."""
        left = one @ self.coefficients[m]
        if block:
            return torch.addmm(added, left, two.T, beta=factor)
        return (left * two).sum(dim=1).reshape(added.shape) + factor * added

    def _in_norm(self, norm: Float[Tensor, " n"]) -> Float[Tensor, "n a"]:
        least, largest = self.norms
        slack = 1e-6 * largest
        if len(norm) and not (float(norm.min()) >= least - slack and float(norm.max()) <= largest + slack):
            raise ValueError(
                f"norms |z|/sqrt(d) from {float(norm.min()):g} to {float(norm.max()):g}; the table holds {least:g} to"
                f" {largest:g}"
            )
        return _polynomials((2 * norm - least - largest) / (largest - least), self.coefficients.shape[1])


def tabulate(kernel: PairKernel, mean_squares: Float[Tensor, " n"], *, tolerance: float = 1e-9) -> TabulatedKernel:
    """The table of a kernel for inputs of these mean squares `|z|^2/d`, all that will be asked for.

    Angles and norms are added until the error at random pairs, relative to the largest entry, is below the tolerance.
    Raises `MeasurementError` where 96 angles and 40 norms do not reach it.
    """
    norms = mean_squares.double().sqrt()
    least, largest = float(norms.min()), float(norms.max())
    if largest - least < 1e-3 * max(largest, 1e-6):  # one norm: an interval all the same
        least, largest = 0.9995 * least, 1.0005 * largest + 1e-9
    checked = _random_pairs(least, largest)
    exact = _values(kernel, *checked)
    angles, radii = 16, 10
    while True:
        coefficients = _coefficients(kernel, angles, radii, least, largest)
        table = TabulatedKernel(coefficients, (least, largest), math.inf)
        size = float(exact.abs().max())
        error = float((_values(table, *checked) - exact).abs().max()) / max(size, 1e-300)
        if error <= tolerance:
            return TabulatedKernel(coefficients, (least, largest), error)
        # Where the last coefficients are larger there is more to gain.
        of_angle = float(coefficients[-2:].abs().max())
        of_norm = float(coefficients[:, -2:].abs().max())
        before = angles, radii
        if of_norm > 0.1 * of_angle:
            radii = min(MOST_NORMS, radii + 4)
        if of_angle > 0.1 * of_norm:
            angles = min(MOST_ANGLES, math.ceil(1.4 * angles))
        if (angles, radii) == before:
            raise MeasurementError(
                f"a table of {angles} angles and {radii} norms has error {error:.1e}, and not {tolerance:g}"
            )


def _angle(overlaps: Tensor, size: Tensor) -> Tensor:
    """`arccos` of the correlation; a right angle where an input is zero."""
    return torch.where(size > 0, overlaps / size, 0.0).clamp_(-1, 1).arccos_()


def _values(kernel: PairKernel, theta: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """The kernel at single pairs (n,) of angle and norms."""
    overlaps = first * second * torch.cos(theta)
    return kernel.of_overlaps(overlaps[:, None], first.square()[:, None], second.square()[:, None])[:, 0].double()


def _random_pairs(least: float, largest: float) -> tuple[Tensor, Tensor, Tensor]:
    stream = torch.Generator().manual_seed(0)
    theta, first, second = torch.rand(3, PAIRS_CHECKED, generator=stream, dtype=torch.float64)
    theta[: PAIRS_CHECKED // 10] = theta[: PAIRS_CHECKED // 10].round()
    theta[PAIRS_CHECKED // 10 : PAIRS_CHECKED // 5] *= (
        0.01  # where inputs are nearly one another the arc-cosine kernels are hardest
    )
    first, second = (least + (largest - least) * fractions for fractions in (first, second))
    second[::10] = first[::10]
    return math.pi * theta, first, second


def _coefficients(kernel: PairKernel, angles: int, radii: int, least: float, largest: float) -> Tensor:
    """Interpolation at Chebyshev's nodes of the first kind."""
    x, r = _nodes(angles), _nodes(radii)
    theta, norm = (x + 1) * math.pi / 2, least + (r + 1) * (largest - least) / 2
    # A block with rows of one norm each and columns of an angle and a norm: what is done once an input is done seldom.
    columns = norm.repeat(angles)
    overlaps = norm[:, None] * columns * torch.cos(theta).repeat_interleave(radii)
    values = kernel.of_overlaps(overlaps, norm.square()[:, None], columns.square()[None])
    along, across = (_polynomials(nodes, len(nodes)).T * (2 / len(nodes)) for nodes in (x, r))
    along[0] /= 2
    across[0] /= 2
    values = values.double().reshape(radii, angles, radii).permute(1, 0, 2)
    return torch.tensordot(along, across @ values @ across.T, dims=1)


def _nodes(count: int) -> Tensor:
    return torch.cos(math.pi * (torch.arange(count, dtype=torch.float64) + 0.5) / count)


def _polynomials(x: Float[Tensor, " n"], count: int) -> Float[Tensor, "n a"]:
    """`T_0(x), ..., T_{count-1}(x)`."""
    return torch.cos(torch.arccos(x.clamp(-1, 1))[:, None] * torch.arange(count, dtype=x.dtype))
