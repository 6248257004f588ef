"""What a kernel offers to a Hamiltonian flow: `H = 1/2 P^T Gamma(q, q) P` and its derivatives at given points.

`H` is the energy. The path energy, `int |omega|^2 dt` of the fields that points follow, is `2 H` along a geodesic.

States `q` are (n, d), momenta `P` (n, d) or (n, k); tangents may have further dimensions in front. All float64.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ....errors import SettingError
from ....settings.build import of_keys
from ....settings.case import snake_case
from ....settings.registry import Registry
from ....settings.trial import require_shape

if TYPE_CHECKING:
    from torch import Tensor


class KernelAtPoints(ABC):
    """A kernel at points `q` (n, d): what depends on the points alone is computed once.

    Where the kernel is a multiple of the identity, `P` in `velocity`, `rate` and `energy` may have any columns.
    """

    @abstractmethod
    def velocity(self, P: Tensor) -> Tensor:
        """`dH/dP = Gamma(q, q) P`, of the shape of `P`."""

    @abstractmethod
    def rate(self, P: Tensor) -> Tensor:
        """`-dH/dq`, the rate of the momenta, (n, d)."""

    @abstractmethod
    def both(self, P: Tensor) -> tuple[Tensor, Tensor]:
        """`velocity` and `rate`."""

    @abstractmethod
    def energy(self, P: Tensor) -> Tensor:
        """`H`."""

    @abstractmethod
    def tangent(self, P: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Derivatives of `velocity` and `rate` along `dq = u` (*b, n, d), `dP = v` (*b, n, k)."""

    def tangent_of_momenta(self, P: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """`tangent` along `dq = 0`, `dP = v` (*b, n, d)."""
        return self.tangent(P, v.new_zeros(v.shape), v)

    def keep(self) -> KernelAtPoints:
        """The same, to be read several times: what is large is made once, where there is room."""
        return self

    @abstractmethod
    def root(self) -> Tensor:
        """A matrix `f` (rows, m) with `Gamma(q, q) P = of_rows(f f^T rows(P))`, differentiable in `q`."""


class OperatorKernel(ABC):
    """A kernel `Gamma(x, y) = k(x, y) I`, or one that is not `scalar`: the covariance of a Gaussian process.

    A new one is one file in this folder, named like it, with a class that ends in `Kernel`; `matrix` is enough:

        @dataclass(frozen=True)
        class QuadraticKernel(OperatorKernel):
            smooth = True
            length: float                         # the key hamiltonian.length

            def matrix(self, x, y):               # (m, d), (n, d) -> (m, n)
                return 1 / (1 + (x[:, None] - y).square().sum(-1) / self.length**2)

    What else a flow needs is taken by autograd, unless `at` brings it. Its fields are keys of the study, by their
    names.
    """

    options: ClassVar[Registry] = Registry("kernel", "limits.hamiltonian.kernels", base="kernel", noun="Kernel")
    name: ClassVar[str]
    smooth: ClassVar[bool | None] = None
    """Whether `k` has derivatives of every order; None: not declared."""
    scalar: ClassVar[bool] = True
    """Whether it is a multiple of the identity, as regression of scores by it takes."""
    of_activation: ClassVar[bool] = False
    """Whether it is that of the features of a layer, few, and as smooth as their activation; else of n points n."""

    def __init_subclass__(cls) -> None:
        cls.name = vars(cls).get("name", snake_case(cls.__name__))

    @classmethod
    def of(cls, keys: Mapping[str, Any]) -> OperatorKernel:
        """The kernel whose fields are the keys of these names."""
        return of_keys(cls, keys)

    @classmethod
    def heeded(cls) -> tuple[str, ...]:
        """The names of the keys that it is made of: its fields."""
        return tuple(field.name for field in dataclasses.fields(cls)) if dataclasses.is_dataclass(cls) else ()

    @abstractmethod
    def matrix(self, x: Tensor, y: Tensor) -> Tensor:
        """`k(x_i, y_j)` (m, n) of points (m, d) and (n, d); it can be differentiated twice."""

    def at(self, q: Tensor) -> KernelAtPoints:
        """The kernel at these points."""
        return MatrixAt(self, q)

    def field(self, x: Tensor, q: Tensor, P: Tensor) -> Tensor:
        """`sum_j k(x, q_j) P_j`, the velocity of other points `x` (m, d) that the points `q` carry along, (m, d)."""
        return self.matrix(x, q) @ P

    def rows(self, P: Tensor) -> Tensor:
        """Of momenta (*b, n, d) what each row of the matrix `root` moves, (*b, rows, r): a row is a point."""
        return P

    def of_rows(self, y: Tensor) -> Tensor:
        """The transpose of `rows`."""
        return y

    def tried(self) -> None:
        """Raise `SettingError` where the matrix of some points has not their number, is not symmetric, or has a
        negative eigenvalue, or where its derivatives are not finite."""
        import torch

        x = torch.linspace(-1, 1, 10, dtype=torch.float64).square().add(torch.linspace(0, 1, 10)).reshape(5, 2)
        require_shape("matrix(x, y)", self.matrix(x, x[:3]), (5, 3), "points x, points y")
        K = self.matrix(x, x)
        require_shape("matrix(x, x)", K, (5, 5), "points x, points x")
        if float((K - K.T).abs().max()) > 1e-8 * float(K.abs().max()):
            raise SettingError("matrix(x, x) is not symmetric, which a kernel is")
        if (least := float(torch.linalg.eigvalsh(K)[0])) < -1e-8 * float(K.abs().max()):
            raise SettingError(f"matrix(x, x) has the eigenvalue {least:.2g}; a kernel has none below 0")
        at, P = self.at(x), torch.ones_like(x)
        require_shape("the rate of the momenta", at.rate(P), (5, 2), "that of the points")
        require_shape("its tangent", at.tangent(P, P, P)[1], (5, 2), "that of the points")


RELATIVE_JITTER = 1e-10
"""Added to the diagonal, relative to its mean, before a Cholesky factor is taken."""


class MatrixAt(KernelAtPoints):
    """A kernel at points `q` by its matrix alone: `-dH/dq = -d/dq P^T K(q, q) P / 2`, and its tangents, by autograd."""

    def __init__(self, kernel: OperatorKernel, q: Tensor) -> None:
        self.kernel, self.q = kernel, q
        self.K = kernel.matrix(q, q)

    def velocity(self, P: Tensor) -> Tensor:
        return self.K @ P

    def rate(self, P: Tensor) -> Tensor:
        return self._rate(self.q, P)

    def both(self, P: Tensor) -> tuple[Tensor, Tensor]:
        return self.velocity(P), self.rate(P)

    def energy(self, P: Tensor) -> Tensor:
        return (P * self.velocity(P)).sum() / 2

    def tangent(self, P: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        import torch

        def along(u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
            return torch.func.jvp(self._both, (self.q, P), (u, v))[1]

        first, second = torch.func.vmap(along)(u.reshape(-1, *self.q.shape), v.reshape(-1, *P.shape))
        return first.reshape(v.shape), second.reshape(u.shape)

    def root(self) -> Tensor:
        import torch

        n = len(self.q)
        return torch.linalg.cholesky(self.K + RELATIVE_JITTER * self.K.diagonal().mean() * torch.eye(n).to(self.K))

    def _both(self, q: Tensor, P: Tensor) -> tuple[Tensor, Tensor]:
        return self.kernel.matrix(q, q) @ P, self._rate(q, P)

    def _rate(self, q: Tensor, P: Tensor) -> Tensor:
        import torch

        return -torch.func.grad(lambda q: (P * (self.kernel.matrix(q, q) @ P)).sum() / 2)(q)
