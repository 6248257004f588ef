"""`k(x, y) = f(x) . f(y)`, `f(x) = (a(x), 1)`: the kernel of a layer `q + W a(q) + b`, in feature space.

    omega = P^T f(q)                          (d, d + 1), the velocity weight [W b]
    dH/dP = f(q) omega^T,   -dH/dq = -a'(q) * (P W),   H = |omega|^2 / 2

in O(n d^2) operations: no n x n matrix appears. Where points are fewer than features the same sums are taken the other
way, by the n x n matrices `f f^T` and `P P^T`. Source: Owhadi 2020, arXiv 2008.03920.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jaxtyping import Float

from ....networks.activations import Activation, activation_named
from .kernel import KernelAtPoints, OperatorKernel

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class FeaturesKernel(OperatorKernel):
    """The kernel of the features `(a(x), 1)`, or `a(x)` without a bias."""

    name = "features"
    of_activation = True

    activation: Activation
    bias: bool = True

    @classmethod
    def of(cls, keys: Mapping[str, Any]) -> FeaturesKernel:
        return cls(activation_named(keys["activation"]), keys["bias"])

    def matrix(self, x: Float[Tensor, "m d"], y: Float[Tensor, "n d"]) -> Float[Tensor, "m n"]:
        return self.of_points(x) @ self.of_points(y).mT

    def at(self, q: Float[Tensor, "n d"]) -> FeaturesAt:
        return FeaturesAt(self, q)

    def of_points(self, x: Float[Tensor, "*b n d"]) -> Float[Tensor, "*b n f"]:
        """`f(x)`."""
        return self.with_bias(self.taps(self.activation(x)))

    def taps(self, a: Tensor) -> Tensor:
        """Of values (*b, n, d) those that each row of features reads, (*b, rows, taps): all those of a point."""
        return a

    def pushed(self, a: Tensor, W: Tensor) -> Tensor:
        """`a W^T`: values through weights (.., r, taps), to what these move, (*b, n, d)."""
        return a @ W.mT

    def carried(self, P: Tensor, W: Tensor) -> Tensor:
        """`P W`, the transpose of `pushed`: momenta through the weights back to the values that these read."""
        return P @ W

    def taps_of(self, omega: Tensor) -> Tensor:
        """The weights (.., taps) of `omega`, without those of the bias: `W` of `[W b]`."""
        return omega[..., :-1] if self.bias else omega

    def as_root(self, f: Tensor) -> Tensor:
        """Of the features of points that are trained, a root of their matrix."""
        return f

    def of_others(self) -> FeaturesKernel:
        """The kernel by which points are moved that have no part in the training."""
        return self

    def with_bias(self, a: Tensor) -> Tensor:
        """`f(x)` of the taps of `a(x)`."""
        import torch

        return torch.cat([a, a.new_ones(*a.shape[:-1], 1)], dim=-1) if self.bias else a

    def field(self, x: Float[Tensor, "m d"], q: Float[Tensor, "n d"], P: Float[Tensor, "n k"]) -> Float[Tensor, "m k"]:
        return self.of_rows(self.of_points(x) @ (self.of_points(q).mT @ self.rows(P)))


class FeaturesAt(KernelAtPoints):
    """The features at points `q`. What was last made of some momenta is kept: a derivative asks for it again."""

    def __init__(self, kernel: FeaturesKernel, q: Tensor) -> None:
        self.kernel, self.q = kernel, q
        self.a = kernel.activation(q)
        self._f: Tensor | None = None
        self._slope: Tensor | None = None
        self._gram: Tensor | None = None
        self._product: tuple[Tensor, Tensor] | None = None
        self._pulled: tuple[Tensor, Tensor] | None = None

    @property
    def f(self) -> Tensor:
        """`f(q)`, not made where the n x n matrices serve."""
        if self._f is None:
            self._f = self.kernel.with_bias(self.kernel.taps(self.a))
        return self._f

    @property
    def slope(self) -> Tensor:
        """`a'(q)`."""
        if self._slope is None:
            self._slope = self.kernel.activation.slope(self.q, self.a)
        return self._slope

    @property
    def many(self) -> bool:
        """Whether features are more than points, of a kernel whose matrix is one number a pair of points."""
        return self.kernel.scalar and self.q.shape[-1] > len(self.q)

    @property
    def gram(self) -> Tensor:
        """`f f^T`, where points are few."""
        from ....symmetric import symmetric_product

        if self._gram is None:
            self._gram = symmetric_product(self.a)
            if self.kernel.bias:
                self._gram += 1
        return self._gram

    def product(self, P: Tensor) -> Tensor:
        """`P P^T` where points are few, else `omega`; the last one kept."""
        from ....symmetric import symmetric_product

        if self._product is None or self._product[0] is not P:
            self._product = P, symmetric_product(P) if self.many else self.weights(P)
        return self._product[1]

    def pulled(self, P: Tensor) -> Tensor:
        """`P W = P P^T a(q)`, the last one kept."""
        if self._pulled is None or self._pulled[0] is not P:
            product = self.product(P)
            self._pulled = P, product @ self.a if self.many else self._carried(P, product)
        return self._pulled[1]

    def _carried(self, P: Tensor, omega: Tensor) -> Tensor:
        """`P W` of `[W b]`."""
        return self.kernel.carried(P, self.kernel.taps_of(omega))

    def weights(self, P: Tensor) -> Tensor:
        """`omega = P^T f(q)`."""
        return self.kernel.rows(P).mT @ self.f

    def velocity(self, P: Tensor) -> Tensor:
        return self.gram @ P if self.many else self.kernel.of_rows(self.f @ self.product(P).mT)

    def rate(self, P: Tensor) -> Tensor:
        return (self.slope * self.pulled(P)).neg_()

    def both(self, P: Tensor) -> tuple[Tensor, Tensor]:
        return self.velocity(P), self.rate(P)

    def energy(self, P: Tensor) -> Tensor:
        return (P * self.velocity(P)).sum() / 2 if self.many else self.product(P).square().sum() / 2

    def tangent(self, P: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        kernel, da = self.kernel, self.slope * u
        bent = self.kernel.activation.curvature(self.q, self.a).mul_(self.pulled(P)) * u
        if self.many:
            product, dS = self.a @ da.mT, v @ P.mT
            d_velocity = _plus(self.gram @ v, product + product.mT, P)
            d_pulled = _plus(self.product(P) @ da, dS + dS.mT, self.a)
        else:
            omega, d_omega = self.product(P), self.weights(v)
            kernel.taps_of(d_omega).add_(kernel.rows(P).mT @ kernel.taps(da))
            d_velocity = kernel.of_rows(self.f @ d_omega.mT) + kernel.pushed(da, kernel.taps_of(omega))
            d_pulled = self._carried(v, omega) + self._carried(P, d_omega)
        return d_velocity, bent.addcmul_(self.slope, d_pulled).neg_()

    def tangent_of_momenta(self, P: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        if self.many:
            dS = v @ P.mT
            return self.gram @ v, ((dS + dS.mT) @ self.a).mul_(self.slope).neg_()
        d_omega = self.weights(v)
        d_pulled = self._carried(v, self.product(P)) + self._carried(P, d_omega)
        return self.kernel.of_rows(self.f @ d_omega.mT), d_pulled.mul_(self.slope).neg_()

    def root(self) -> Tensor:
        return self.f


def _plus(total: Tensor, A: Tensor, B: Tensor) -> Tensor:
    """`total + A B`, in place."""
    return total.addmm_(A, B) if A.dim() == B.dim() == 2 else total.add_(A @ B)
