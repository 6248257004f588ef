"""`q_{s+1} = q_s + f(q_s) w_s^T`, s = 0 .. L-1: the network in the scaled weights `z = sqrt(L) w`, and its momenta.

    J(z) = decay/2 |z|^2 + loss(q_L)            decay = nu; a constant decay of w is decay = nu/L

`f` is `(a(q), 1)`, `w_s = [W_s b_s]`, for a kernel of features; for a Gaussian kernel `f(q)` is the Cholesky factor of
its matrix at the points themselves, so that `|w|^2` is the norm of the velocity field in the kernel's space.

Values and gradients are torch's. Products with the Hessian are written by hand for features: the tangent of the states
forwards, that of the costates backwards, each layer three operations on small matrices. The momenta are a recursion of
their own, so that `hamilton_residual` holds one against the other. Source: Owhadi 2020, arXiv 2008.03920.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...limits.hamiltonian.end_loss import EndLoss
from ...limits.hamiltonian.kernels.features import FeaturesKernel
from ...limits.hamiltonian.kernels.kernel import OperatorKernel
from ...training.continuation import ahead


@dataclass(frozen=True)
class WeightDecayedNetwork:
    """A network of this depth on points `q0` (n, d): an `Objective` of the minimiser in the flat vector z."""

    kernel: OperatorKernel
    q0: Float[Tensor, "n d"]
    decay: float
    loss: EndLoss
    depth: int

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        """Of `w`: (L, d, f)."""
        n, d = self.q0.shape
        kernel = self.kernel
        return self.depth, d, kernel.roots(self.q0).shape[1] if isinstance(kernel, FeaturesKernel) else n

    def weights(self, z: Float[np.ndarray, " m"] | Tensor) -> Float[Tensor, "l d f"]:
        """`w = z / sqrt(L)`."""
        z = torch.from_numpy(np.array(z)) if isinstance(z, np.ndarray) else z
        return z.reshape(self.shape) / self.depth**0.5

    def states(self, w: Float[Tensor, "l d f"]) -> list[Tensor]:
        """`q_0, ..., q_L`."""
        states = [self.q0]
        for weights in w.unbind(0):
            q = states[-1]
            states.append(q + self.kernel.at(q).root() @ weights.T)
        return states

    def carried_along(self, x: Float[Tensor, "m d"], w: Float[Tensor, "l d f"]) -> Float[Tensor, "m d"]:
        """Where the layers take other points `x`, which have no part in the training."""
        for weights, q in zip(w.unbind(0), self.states(w)[:-1], strict=True):
            x = x + read_at(self.kernel, x, q, weights.T)
        return x

    def value_and_gradient(self, u: np.ndarray) -> tuple[float, np.ndarray]:
        z = torch.from_numpy(np.array(u)).requires_grad_()
        value = self.decay / 2 * z.square().sum() + self.loss.value(self.states(self.weights(z))[-1])
        (gradient,) = torch.autograd.grad(value, z)
        return float(value.detach()), gradient.numpy()

    def hessian(self, u: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        return self._by_hand(u) if isinstance(self.kernel, FeaturesKernel) else self._by_autograd(u)

    def _by_hand(self, u: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        assert isinstance(self.kernel, FeaturesKernel)
        d, a = self.q0.shape[1], self.kernel.activation
        w = self.weights(u)
        *states, end = self.states(w)
        q, W = torch.stack(states), w[:, :, :d]
        f = self.kernel.roots(q)
        slope, curvature = a.slope(q, f[..., :d]), a.curvature(q, f[..., :d])
        costates = [self.loss.gradient(end)]
        for s in reversed(range(self.depth)):
            costates.append(costates[-1] + slope[s] * (costates[-1] @ W[s]))
        ahead = torch.stack(costates[-2::-1])  # dJ/dq_{s+1}
        bend = curvature * (ahead @ W)
        of = self.loss.hessian(end)
        layers = list(zip(slope.unbind(0), W.unbind(0), strict=True))
        transposed = W.mT.contiguous().unbind(0)

        def product(v: np.ndarray) -> np.ndarray:
            dw = self.weights(v)
            source = f @ dw.mT
            moved, tangents = torch.zeros_like(end), []
            for (slopes, _), WT, more in zip(layers, transposed, source.unbind(0), strict=True):
                tangents.append(moved)
                moved = torch.addmm(moved + more, slopes * moved, WT)
            du = torch.stack(tangents)
            source = bend * du + slope * (ahead @ dw[:, :, :d])
            carried, behind = of(moved), []
            for (slopes, Ws), more in zip(reversed(layers), reversed(source.unbind(0)), strict=True):
                behind.append(carried)
                carried = torch.addcmul(carried + more, slopes, carried @ Ws)
            dg = torch.stack(behind[::-1]).mT @ f
            dg[:, :, :d] += ahead.mT @ (slope * du)
            return self.decay * v + (dg / self.depth**0.5).flatten().numpy()

        return product

    def _by_autograd(self, u: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        z = torch.from_numpy(np.array(u)).requires_grad_()
        end = self.states(self.weights(z))[-1]
        c = self.loss.gradient(end.detach()).requires_grad_()
        (g,) = torch.autograd.grad(end, z, c, create_graph=True)
        of = self.loss.hessian(end.detach())

        def product(v: np.ndarray) -> np.ndarray:
            direction = torch.from_numpy(np.ascontiguousarray(v))
            along, moved = torch.autograd.grad(g, (z, c), direction, retain_graph=True, materialize_grads=True)
            (curved,) = torch.autograd.grad(end, z, of(moved), retain_graph=True)
            return self.decay * v + (along + curved).numpy()

        return product

    # -- momenta ----------------------------------------------------------------------------------

    def momenta(self, w: Float[Tensor, "l d f"], states: list[Tensor], nu: float) -> Float[Tensor, "l1 n d"]:
        """`P_s = -(1/nu) dJ/dq_s`, s = 0 .. L, by the recursion `P_s = (I + w_s Df(q_s))^T P_{s+1}`."""
        momenta = [-self.loss.gradient(states[-1]) / nu]
        for weights, q in zip(reversed(w.unbind(0)), reversed(states[:-1]), strict=True):
            momenta.append(momenta[-1] + self.carried(q, momenta[-1], weights))
        return torch.stack(momenta[::-1])

    def carried(self, q: Tensor, P: Tensor, w: Tensor) -> Tensor:
        """`(w Df(q))^T P`."""
        at = self.kernel.at(q)
        if isinstance(self.kernel, FeaturesKernel):
            a = self.kernel.activation
            return a.slope(q, a(q)) * (P @ w[:, : q.shape[1]])
        # Of the velocity K p less the energy p^T K p/2 at momenta p held fixed: at a minimiser p = P.
        p = torch.linalg.solve_triangular(at.root().T, w.T * self.depth, upper=True)
        return (at.rate(P - p) - at.rate(P)) / self.depth

    def roots(self, states: list[Tensor]) -> Float[Tensor, "l n f"]:
        """`f(q_s)`, s = 0 .. L-1."""
        return torch.stack([self.kernel.at(q).root() for q in states[:-1]])

    def kernel_weights(self, states: list[Tensor], momenta: Float[Tensor, "l1 n d"]) -> Float[Tensor, "l d f"]:
        """`sum_j P_{j,s+1} f(q_{j,s})^T`: what `omega_s = L w_s` is at a minimiser."""
        return momenta[1:].mT @ self.roots(states)


def read_at(
    kernel: OperatorKernel, x: Float[Tensor, "m d"], q: Float[Tensor, "n d"], R: Float[Tensor, "f k"]
) -> Float[Tensor, "m k"]:
    """At other points the function in the kernel's space of least norm that is `f(q) R` at the points `q`; for features
    `f(x) R`."""
    if isinstance(kernel, FeaturesKernel):
        f = kernel.of_points(x)
        return f @ R[: f.shape[1]]  # the rows of a nugget move the training points alone
    return kernel.field(x, q, torch.linalg.solve_triangular(kernel.at(q).root().T, R, upper=True))


def refined(weights: list[Float[np.ndarray, "l d f"]], depth: int) -> Float[np.ndarray, "m d f"]:
    """Velocity weights `omega_s` of some networks, the deepest last, continued to another depth.

    Linear in time between the `t_s = s/L`, constant after the last; with two networks the step from the one to the
    other is continued as errors of order 1 go on, in doubling depths by half its size.
    """
    times = np.arange(depth) / depth

    def at(path: np.ndarray) -> np.ndarray:
        place = np.minimum(times * len(path), len(path) - 1)
        below = np.minimum(place.astype(int), max(len(path) - 2, 0))
        fraction = (place - below)[:, None, None]
        return (1 - fraction) * path[below] + fraction * path[np.minimum(below + 1, len(path) - 1)]

    last = at(weights[-1])
    if len(weights) < 2:
        return last
    return last + ahead(len(weights[-2]), len(weights[-1]), depth) * (last - at(weights[-2]))
