"""`K^phi(x, x') = K(phi x, phi x')`: a kernel seen through a map of the points, what a trained network regresses with.

A read-out by ridge regression at the end of a flow, `g o phi` with `g` in the space of `K`, is ridge regression with
`K^phi` at the points where they start; `inference/dense.py` solves that by its Gram matrix. Source: Owhadi 2020, arXiv
2008.03920.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from .kernels.kernel import OperatorKernel


@dataclass(frozen=True)
class WarpedKernel:
    """`K(phi x, phi x')` of points (n, d): a `KernelFunction` of `inference/dense.py`. `warp` is `phi`, (n, d) -> (n,
    d)."""

    kernel: OperatorKernel
    warp: Callable[[Tensor], Tensor]

    def __call__(self, rows: Float[Tensor, "n d"], columns: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
        return self.kernel.matrix(self.warp(rows), self.warp(columns))

    def diagonal(self, z: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """`K(phi z, phi z)`."""
        return self.kernel.at(self.warp(z)).root().square().sum(dim=1)
