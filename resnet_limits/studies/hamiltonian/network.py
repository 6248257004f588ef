"""`q_{s+1} = q_s + f(q_s) w_s^T`, s = 0 .. L-1: the network in the scaled weights `z = sqrt(L) w`, and its momenta.

    J(z) = decay/2 |z|^2 + loss(q_L)            decay = nu; a constant decay of w is decay = nu/L

`f` is `(a(q), 1)`, `w_s = [W_s b_s]`, for a kernel of features (where windows share a filter: of one window of a point,
`q_s` its outputs); for a Gaussian kernel `f(q)` is the Cholesky factor of its matrix at the points themselves, so that
`|w|^2` is the norm of the velocity field in the kernel's space.

Values and gradients are torch's. Products with the Hessian are written by hand for features. The momenta are a
recursion of their own, so that `hamilton_residual` holds one against the other. Source: Owhadi 2020, arXiv 2008.03920.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Protocol

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...limits.hamiltonian.end_loss import EndLoss
from ...limits.hamiltonian.kernels.features import FeaturesKernel
from ...limits.hamiltonian.kernels.kernel import OperatorKernel
from ...training.continuation import ahead

MOST_NUMBERS_OF_MATRIX = 256
"""Unknowns up to which autograd makes the Hessian as a matrix, all columns at once: as dear as a dozen products."""


class Linearised(Protocol):
    """Layers along a path: the tangent of the states forwards, that of costates and gradient backwards.

    `costate` is `dJ/dq_0`.
    """

    costate: Tensor

    def push(self, dw: Float[Tensor, "l d f"], moved: Float[Tensor, "n d"]) -> tuple[Tensor, Tensor]:
        """The tangent of `q_L` from those of the weights and of `q_0`; and those inside, for `pull`."""
        ...

    def pull(
        self, dw: Float[Tensor, "l d f"], tangents: Tensor, carried: Float[Tensor, "n d"]
    ) -> tuple[Float[Tensor, "l d f"], Float[Tensor, "n d"]]:
        """The tangents of `dJ/dw` and of `dJ/dq_0` from that of `dJ/dq_L`."""
        ...


class EulerLinearised:
    """Of layers `q + f(q) w^T`, each three operations on small matrices; `q` (L, n, d) are the states before them."""

    def __init__(self, kernel: FeaturesKernel, w: Tensor, q: Tensor, costate: Tensor) -> None:
        a, W, values = kernel.activation, kernel.taps_of(w), kernel.activation(q)
        slope, curvature = a.slope(q, values), a.curvature(q, values)
        costates = [costate]
        for s in reversed(range(len(w))):
            costates.append(costates[-1] + slope[s] * kernel.carried(costates[-1], W[s]))
        self.kernel, self.f = kernel, kernel.as_root(kernel.with_bias(kernel.taps(values)))
        self.costate, self.slope = costates[-1], slope
        self.ahead = torch.stack(costates[-2::-1])  # dJ/dq_{s+1}
        self.rows_ahead, self.bend = kernel.rows(self.ahead).mT, curvature * kernel.carried(self.ahead, W)
        self.layers = list(zip(slope.unbind(0), W.unbind(0), strict=True))

    def push(self, dw: Tensor, moved: Tensor) -> tuple[Tensor, Tensor]:
        tangents, source = [], self.kernel.of_rows(self.f @ dw.mT)
        for (slopes, Ws), more in zip(self.layers, source.unbind(0), strict=True):
            tangents.append(moved)
            moved = moved + more + self.kernel.pushed(slopes * moved, Ws)
        return moved, torch.stack(tangents)

    def pull(self, dw: Tensor, tangents: Tensor, carried: Tensor) -> tuple[Tensor, Tensor]:
        kernel, du, slope, ahead, bend = self.kernel, tangents, self.slope, self.ahead, self.bend
        source, behind = bend * du + slope * kernel.carried(ahead, kernel.taps_of(dw)), []
        for (slopes, Ws), more in zip(reversed(self.layers), reversed(source.unbind(0)), strict=True):
            behind.append(carried)
            carried = torch.addcmul(carried + more, slopes, kernel.carried(carried, Ws))
        dg = kernel.rows(torch.stack(behind[::-1])).mT @ self.f
        kernel.taps_of(dg).add_(self.rows_ahead @ kernel.taps(slope * du))
        return dg, carried


@dataclass(frozen=True)
class WeightDecayedNetwork:
    """A network of this depth on points `q0` (n, d): an `Objective` of the minimiser in the flat vector z."""

    kernel: OperatorKernel
    q0: Float[Tensor, "n d"]
    decay: float
    loss: EndLoss
    depth: int

    order: ClassVar[int] = 1
    """Of its blocks in `h = 1/L`."""
    weight_time: ClassVar[float] = 0.0
    """Weights are to this order those of the limit at `t = (s + weight_time)/L`."""

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        """Of `w`: (L, d, f), or of the one filter that all windows share."""
        columns = self.kernel.at(self.q0).root().shape[1] if self._few else len(self.q0)
        return self.depth, self.kernel.rows(self.q0[:1]).shape[1], columns

    @property
    def _few(self) -> bool:
        return isinstance(self.kernel, FeaturesKernel)

    def weights(self, z: Float[np.ndarray, " m"] | Tensor) -> Float[Tensor, "l d f"]:
        """`w = z / sqrt(L)`."""
        z = torch.from_numpy(np.array(z)) if isinstance(z, np.ndarray) else z
        return z.reshape(self.shape) / self.depth**0.5

    def states(self, w: Float[Tensor, "l d f"], q: Float[Tensor, "n d"] | None = None) -> list[Tensor]:
        """`q_0, ..., q_L`, from the points or from `q`."""
        states = [self.q0 if q is None else q]
        for weights in w.unbind(0):
            states.append(self.block(states[-1], weights))
        return states

    def block(self, q: Float[Tensor, "n d"], w: Float[Tensor, "d f"]) -> Float[Tensor, "n d"]:
        """`q + f(q) w^T`."""
        return q + self.kernel.of_rows(self.kernel.at(q).root() @ w.T)

    def carried_along(
        self, x: Float[Tensor, "m d"], w: Float[Tensor, "l d f"], states: list[Tensor]
    ) -> Float[Tensor, "l1 m d"]:
        """Where the velocity fields of the layers carry other points: `x_0 = x, ..., x_L`."""
        path = [x]
        if isinstance(self.kernel, FeaturesKernel):
            others = replace(self, kernel=self.kernel.of_others())
            for weights in w[..., : others.shape[2]].unbind(0):
                path.append(others.block(path[-1], weights))
            return torch.stack(path)
        for weights, q in zip(w.unbind(0), states[:-1], strict=True):
            path.append(path[-1] + self._field(path[-1], q, weights))
        return torch.stack(path)

    def _field(self, x: Tensor, q: Tensor, w: Tensor) -> Tensor:
        """Of a layer without features of its own, at other points than those that its weights are of."""
        return self.kernel.field(x, q, torch.linalg.solve_triangular(self.kernel.at(q).root().T, w.T, upper=True))

    def value_and_gradient(self, u: np.ndarray) -> tuple[float, np.ndarray]:
        z = torch.from_numpy(np.array(u)).requires_grad_()
        value = self.decay / 2 * z.square().sum() + self.loss.value(self.states(self.weights(z))[-1])
        (gradient,) = torch.autograd.grad(value, z)
        return float(value.detach()), gradient.numpy()

    def hessian(self, u: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        return self._by_hand(u) if self._few else self._by_autograd(u)

    def _by_hand(self, u: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        w = self.weights(u)
        states = self.states(w)
        layers, of = self.linearised(w, states, self.loss.gradient(states[-1])), self.loss.hessian(states[-1])

        def product(v: np.ndarray) -> np.ndarray:
            dw = self.weights(v)
            moved, tangents = layers.push(dw, torch.zeros_like(self.q0))
            dg, _ = layers.pull(dw, tangents, of(moved))
            return self.decay * v + (dg / self.depth**0.5).flatten().numpy()

        return product

    def linearised(self, w: Float[Tensor, "l d f"], states: list[Tensor], costate: Float[Tensor, "n d"]) -> Linearised:
        """The layers along their states, with the costates that end in this one; of features."""
        assert isinstance(self.kernel, FeaturesKernel)
        return EulerLinearised(self.kernel, w, torch.stack(states[:-1]), costate)

    def _by_autograd(self, u: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        z = torch.from_numpy(np.array(u)).requires_grad_()
        end = self.states(self.weights(z))[-1]
        c = self.loss.gradient(end.detach()).requires_grad_()
        (g,) = torch.autograd.grad(end, z, c, create_graph=True)
        of = self.loss.hessian(end.detach())

        def products(directions: Tensor, *, batched: bool) -> Tensor:
            along, moved = torch.autograd.grad(
                g, (z, c), directions, retain_graph=True, materialize_grads=True, is_grads_batched=batched
            )
            (curved,) = torch.autograd.grad(end, z, of(moved), retain_graph=True, is_grads_batched=batched)
            return self.decay * directions + along + curved

        if len(u) <= MOST_NUMBERS_OF_MATRIX:
            return products(torch.eye(len(u), dtype=z.dtype), batched=True).numpy().__matmul__
        return lambda v: products(torch.from_numpy(np.ascontiguousarray(v)), batched=False).numpy()

    # -- momenta ----------------------------------------------------------------------------------

    def momenta(self, w: Float[Tensor, "l d f"], states: list[Tensor], nu: float) -> Float[Tensor, "l1 n d"]:
        """`P_s = -(1/nu) dJ/dq_s`, s = 0 .. L, by a recursion from the loss on."""
        return self.momenta_from(-self.loss.gradient(states[-1]) / nu, w, states)

    def momenta_from(
        self, end: Float[Tensor, "n d"], w: Float[Tensor, "l d f"], states: list[Tensor]
    ) -> Float[Tensor, "l1 n d"]:
        """The same recursion from momenta `P_L`, whatever they are of."""
        momenta = [end]
        for weights, q in zip(reversed(w.unbind(0)), reversed(states[:-1]), strict=True):
            momenta.append(self.before(momenta[-1], q, weights))
        return torch.stack(momenta[::-1])

    def before(self, P: Float[Tensor, "n d"], q: Float[Tensor, "n d"], w: Float[Tensor, "d f"]) -> Float[Tensor, "n d"]:
        """`P_s = (I + w_s Df(q_s))^T P_{s+1}`."""
        return P + self.carried(q, P, w)

    def carried(self, q: Tensor, P: Tensor, w: Tensor) -> Tensor:
        """`(w Df(q))^T P`."""
        at = self.kernel.at(q)
        if isinstance(self.kernel, FeaturesKernel):
            a = self.kernel.activation
            return a.slope(q, a(q)) * self.kernel.carried(P, self.kernel.taps_of(w))
        # Of the velocity K p less the energy p^T K p/2 at momenta p held fixed: at a minimiser p = P.
        p = torch.linalg.solve_triangular(at.root().T, w.T * self.depth, upper=True)
        return (at.rate(P - p) - at.rate(P)) / self.depth

    def roots(self, states: list[Tensor]) -> Float[Tensor, "l n f"]:
        """`f(q_s)`, s = 0 .. L-1."""
        return torch.stack([self.kernel.at(q).root() for q in states[:-1]])

    def pairs(
        self, w: Float[Tensor, "l d f"], states: list[Tensor], momenta: Float[Tensor, "l1 n d"]
    ) -> list[tuple[Float[Tensor, "l n d"], Float[Tensor, "l n f"]]]:
        """`(P_{s+1}, f(q_s))`, and what else the momenta of each point make the weights of."""
        return [(momenta[1:], self.roots(states))]

    def kernel_weights(
        self, w: Float[Tensor, "l d f"], states: list[Tensor], momenta: Float[Tensor, "l1 n d"]
    ) -> Float[Tensor, "l d f"]:
        """`sum_j P_{j,s+1} f(q_{j,s})^T`, the sum over `pairs`: what `omega_s = L w_s` is at a minimiser."""
        return torch.stack([self.kernel.rows(P).mT @ f for P, f in self.pairs(w, states, momenta)]).sum(0)


def refined(
    weights: list[Float[np.ndarray, "l d f"]], depth: int, *, order: int = 1, weight_time: float = 0.0
) -> Float[np.ndarray, "m d f"]:
    """Velocity weights `omega_s` of some networks, the deepest last, continued to another depth.

    Linear in time between the `t_s = (s + weight_time)/L`; of blocks that read their weights at `s/L` constant after
    the last. With two networks the step from the one to the other is continued as errors of this order go on, at order
    1 in doubling depths by half its size.
    """
    times = (np.arange(depth) + weight_time) / depth

    def at(path: np.ndarray) -> np.ndarray:
        place = np.minimum(times * len(path) - weight_time, len(path) - 1 + weight_time)
        below = np.minimum(place.astype(int), max(len(path) - 2, 0))
        fraction = (place - below)[:, None, None]
        return (1 - fraction) * path[below] + fraction * path[np.minimum(below + 1, len(path) - 1)]

    last = at(weights[-1])
    if len(weights) < 2:
        return last
    return last + ahead(len(weights[-2]), len(weights[-1]), depth, order) * (last - at(weights[-2]))
