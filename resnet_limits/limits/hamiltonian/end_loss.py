"""Losses at the end of the path, `loss(q) = mean_j l(s_j, y_j)` of scores `s = readout(q)`, with two derivatives;
`l` is one of `losses/`.

    fixed    s = the last coordinates of q
    pooled   s = the means over the sites of the last channels of q, which no permutation of the sites changes
    linear   s = V q + c,     V, c minimise  loss + ridge/2 (|V|^2 + |c|^2)      the value includes that term
    ridge    s = g(q),        g minimises    loss + ridge/2 |g|^2 in the kernel's space (square loss alone)

The read-outs that are trained are minimised over, so that the loss is one of `q` alone; derivatives of what they are at
follow from their own stationarity. Source: Owhadi 2020, arXiv 2008.03920.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ...errors import MeasurementError, Undetermined
from .kernels.kernel import OperatorKernel
from .losses.loss import PointwiseLoss

Product = Callable[[Tensor], Tensor]
GRADIENT_AT_ROUNDING, GRADIENT_NEAR_ROUNDING = 4e-16, 1e-13
"""Of a gradient, relative to the sum of the absolute values of what it is made of: where a search ends, and what is
accepted where steps go on without lowering it."""
MAX_ERROR_OF_READOUT = 1e-3
"""Relative error that rounding may make of the coefficients of a kernel read-out."""


class EndLoss(ABC):
    """A loss of the states at the end, targets `y` (n, o)."""

    y: Tensor

    @abstractmethod
    def value(self, q: Tensor) -> Tensor:
        """The loss, differentiable once in `q`."""

    @abstractmethod
    def gradient(self, q: Tensor) -> Tensor:
        """`dloss/dq` (n, d), in closed form."""

    @abstractmethod
    def hessian(self, q: Tensor) -> Product:
        """`u -> d(gradient)` along `u` (*b, n, d)."""

    @abstractmethod
    def scorer(self, q: Tensor) -> Callable[[Tensor], Tensor]:
        """With the read-out that the points `q` have: `x (m, d) -> scores (m, o)`."""


@dataclass(frozen=True)
class Fixed(EndLoss):
    """The last coordinates are the scores. `weights` of the points (n,), of sum 1, where they are not all 1/n. The
    value is the mean over further dimensions in front, such as times."""

    l: PointwiseLoss  # noqa: E741
    y: Float[Tensor, "n o"]
    weights: Float[Tensor, " n"] | None = field(default=None, kw_only=True)

    def value(self, q: Float[Tensor, "*b n d"]) -> Tensor:
        losses = self.l.value(self._scores(q), self.y)
        return losses.mean() if self.weights is None else (losses @ self.weights).mean()

    def gradient(self, q: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        return self._padded(self.l.gradient(self._scores(q), self.y), q.shape[-1])

    def hessian(self, q: Float[Tensor, "n d"]) -> Product:
        of = self.l.hessian(self._scores(q), self.y)
        return lambda u: self._padded(of(self._scores(u)), u.shape[-1])

    def scorer(self, q: Float[Tensor, "n d"]) -> Callable[[Tensor], Tensor]:
        return self._scores

    def _scores(self, q: Tensor) -> Tensor:
        return q[..., q.shape[-1] - self.y.shape[1] :]

    def _padded(self, g: Tensor, d: int) -> Tensor:
        return functional.pad(self._shares(g), (d - g.shape[-1], 0))

    def _shares(self, g: Tensor) -> Tensor:
        """Of gradients of the points' losses, those of their mean."""
        return g / len(self.y) if self.weights is None else self.weights[:, None] * g


@dataclass(frozen=True)
class Pooled(Fixed):
    """The means over so many sites of the last channels are the scores."""

    sites: int = field(kw_only=True)

    def _scores(self, q: Tensor) -> Tensor:
        return q.unflatten(-1, (-1, self.sites))[..., -self.y.shape[1] :, :].mean(-1)

    def _padded(self, g: Tensor, d: int) -> Tensor:
        spread = (self._shares(g) / self.sites).repeat_interleave(self.sites, dim=-1)
        return functional.pad(spread, (d - spread.shape[-1], 0))


@dataclass(frozen=True)
class Linear(EndLoss):
    """An affine read-out, minimised over with a penalty, by Newton's method."""

    l: PointwiseLoss  # noqa: E741
    y: Float[Tensor, "n o"]
    ridge: float

    def value(self, q: Float[Tensor, "n d"]) -> Tensor:
        R = self.readout(q.detach())
        return self.l.value(_affine(q) @ R, self.y).mean() + self.ridge / 2 * R.square().sum()

    def gradient(self, q: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        R = self.readout(q)
        return self.l.gradient(_affine(q) @ R, self.y) @ R[:-1].T / len(q)

    def hessian(self, q: Float[Tensor, "n d"]) -> Product:
        R, x = self.readout(q), _affine(q)
        g, of = self.l.gradient(x @ R, self.y), self.l.hessian(x @ R, self.y)
        factor = torch.linalg.cholesky(self._system(x, of))

        def product(u: Tensor) -> Tensor:
            dx = functional.pad(u, (0, 1))
            right = (dx.mT @ g + x.mT @ of(dx @ R)) / len(q)
            dR = -torch.cholesky_solve(right.flatten(-2)[..., None], factor)[..., 0].reshape(right.shape)
            dg = of(dx @ R + x @ dR)
            return (dg @ R[:-1].T + g @ dR[..., :-1, :].mT) / len(q)

        return product

    def scorer(self, q: Float[Tensor, "n d"]) -> Callable[[Tensor], Tensor]:
        R = self.readout(q)
        return lambda x: _affine(x) @ R

    def _system(self, x: Tensor, of: Product) -> Tensor:
        """Hessian by the entries of the read-out, (fo, fo)."""
        f, o = x.shape[1], self.y.shape[1]
        unit = torch.eye(f * o, dtype=x.dtype, device=x.device).reshape(f * o, f, o)
        columns = x.mT @ of(x @ unit) / len(x) + self.ridge * unit
        return columns.reshape(f * o, f * o)

    def readout(self, q: Tensor) -> Tensor:
        """`(V^T; c)`, (d + 1, o), to rounding: of the steps, or of the gradient where the system is ill-conditioned."""
        x = _affine(q)
        R, left = x.new_zeros(x.shape[1], self.y.shape[1]), math.inf

        def value(R: Tensor) -> Tensor:
            return self.l.value(x @ R, self.y).mean() + self.ridge / 2 * R.square().sum()

        for _ in range(100):
            slopes = self.l.gradient(x @ R, self.y)
            gradient = x.mT @ slopes / len(q) + self.ridge * R
            terms = x.abs().mT @ (slopes.abs() + x.abs() @ R.abs()) / len(q)
            left = float(gradient.abs().max() / terms.max().clamp(min=1e-300))
            if left <= GRADIENT_AT_ROUNDING:
                return R
            system = self._system(x, self.l.hessian(x @ R, self.y))
            step = torch.linalg.solve(system, gradient.flatten()).reshape(R.shape)
            scale, before = 1.0, value(R)
            while scale > 1e-4 and not value(R - scale * step) <= before * (1 + 1e-14):
                scale /= 2
            R = R - scale * step
            if float(step.abs().max()) <= 1e-13 * (1 + float(R.abs().max())):
                return R
        if left <= GRADIENT_NEAR_ROUNDING:
            return R
        raise MeasurementError("the read-out's own minimum was not reached: a larger hamiltonian.ridge")


@dataclass(frozen=True)
class Ridge(EndLoss):
    """Kernel ridge regression by the kernel of the flow: `ridge/2 tr(y^T (K + n ridge)^{-1} y)`.

    With `alpha = (K + n ridge)^{-1} y` the gradient is `-ridge d/dq (alpha^T K alpha)/2`: the rate of the momenta at
    `P = alpha`, times `ridge`.
    """

    kernel: OperatorKernel
    y: Float[Tensor, "n o"]
    ridge: float

    def value(self, q: Float[Tensor, "n d"]) -> Tensor:
        f, alpha = self.kernel.at(q).root(), self.coefficients(q.detach(), self.y)
        # Differentiable once: at its maximum over alpha, as a function of alpha, the value has no slope.
        return self.ridge * ((self.y * alpha).sum() - (f.mT @ alpha).square().sum() / 2 - self._norm(alpha))

    def gradient(self, q: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        return self.ridge * self.kernel.at(q).rate(self.coefficients(q, self.y))

    def hessian(self, q: Float[Tensor, "n d"]) -> Product:
        at, alpha = self.kernel.at(q), self.coefficients(q, self.y)

        def product(u: Tensor) -> Tensor:
            still = alpha.new_zeros(*u.shape[:-1], alpha.shape[1])
            d_alpha = -self.coefficients(q, at.tangent(alpha, u, still)[0])
            return self.ridge * at.tangent(alpha, u, d_alpha)[1]

        return product

    def scorer(self, q: Float[Tensor, "n d"]) -> Callable[[Tensor], Tensor]:
        alpha = self.coefficients(q, self.y)
        return lambda x: self.kernel.field(x, q, alpha)

    def _norm(self, alpha: Tensor) -> Tensor:
        return len(alpha) * self.ridge / 2 * alpha.square().sum()

    def coefficients(self, q: Tensor, right: Tensor) -> Tensor:
        """`(K + n ridge)^{-1} right` by the features, or by the points where these are fewer.

        Raises `Undetermined` where the difference below may lose `MAX_ERROR_OF_READOUT` of it: eps |right|/c, and
        the solution is at least |right|/(|K| + c).
        """
        f, c = self.kernel.at(q).root(), len(q) * self.ridge
        system = f.mT @ f
        error = torch.finfo(f.dtype).eps * (1 + float(system.detach().trace()) / c)
        if error > MAX_ERROR_OF_READOUT:
            raise Undetermined(
                f"the kernel matrix of the read-out is so ill-conditioned ({len(q)} points, ridge {self.ridge:g}) that "
                f"rounding may move the solution by {100 * error:.2g} %; set a larger hamiltonian.ridge"
            )
        system.diagonal().add_(c)
        return (right - f @ torch.linalg.solve(system, f.mT @ right)) / c


def _affine(q: Tensor) -> Tensor:
    return functional.pad(q, (0, 1), value=1.0)
