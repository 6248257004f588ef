"""The objective of depth-regularised residual networks in scaled variables, derivatives written by hand.

    X_{k+1} = X_k + (1/n) sigma(K_k X_k + b_k),    E_n = (1/N) sum_s loss(W X_n[s] + c, y_s)
                                                        + a1 R_n(K; t1) + a2 R_n(b; t2) + a3 |W|^2 + a4 |c|^2
    R_n(K; t) = n sum_{k=1}^{n-1} |K_k - K_{k-1}|^2 + t |K_0|^2

(Thorpe & van Gennip, arXiv 1810.11741, with the mean over the N points for their sum: `a` is 1/N of theirs). In the
variables `u_0 = sqrt(a t) K_0`, `u_k = sqrt(a n) (K_k - K_{k-1})`, `sqrt(a3) W`, `sqrt(a4) c` the penalty is `|u|^2`.

Gradients by the adjoint `P_k = P_{k+1} + (1/n) K_k^T (sigma'_k P_{k+1})`, products with the Hessian by the tangents of
both recursions: four loops over the layers with two small matrix products each, all else over all layers at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ..networks.activations import activation_named
from .loss_with_curvature import Loss
from .penalty import Penalty


@dataclass(frozen=True)
class DepthWeights:
    """`K` (n, d, d), `b` (n, d), `W` (m, d), `c` (m,)."""

    K: Float[np.ndarray, "n d d"]
    b: Float[np.ndarray, "n d"]
    W: Float[np.ndarray, "m d"]
    c: Float[np.ndarray, " m"]

    @property
    def path(self) -> Float[np.ndarray, "n e"]:
        """`K` and `b` of each layer as one row."""
        return np.concatenate([self.K.reshape(len(self.K), -1), self.b], axis=1)


@dataclass(frozen=True)
class Penalties:
    """`a1..a4` of K, b, W, c, and `t1`, `t2` of K and b; all positive."""

    K: float
    b: float
    W: float
    c: float
    t1: float
    t2: float


@dataclass(frozen=True)
class DepthRegularised:
    """`E_n` at depth n, as an objective of scaled variables.

    `x` are the points (N, d), `activation` a name, `penalty` what is added for K and b.
    """

    x: Float[np.ndarray, "N d"]
    loss: Loss
    activation: str
    penalties: Penalties
    depth: int
    penalty: Penalty = "h1"

    def at_depth(self, depth: int) -> DepthRegularised:
        return replace(self, depth=depth)

    @property
    def width(self) -> int:
        return self.x.shape[1]

    @property
    def size(self) -> int:
        """The number of scaled variables."""
        d, m = self.width, self.loss.outputs
        return self.depth * d * (d + 1) + m * (d + 1)

    # -- scaled variables -------------------------------------------------------------------------

    def weights(self, u: Float[np.ndarray, " size"]) -> DepthWeights:
        """The weights of scaled variables."""
        K, b, W, c = self._parts(u)
        p = self.penalties
        return DepthWeights(self._path(K, p.K, p.t1), self._path(b, p.b, p.t2), W / math.sqrt(p.W), c / math.sqrt(p.c))

    def scaled(self, w: DepthWeights) -> Float[np.ndarray, " size"]:
        """The scaled variables of weights; the inverse of `weights`."""
        p = self.penalties
        parts = (
            self._increments(w.K, p.K, p.t1),
            self._increments(w.b, p.b, p.t2),
            w.W * math.sqrt(p.W),
            w.c * math.sqrt(p.c),
        )
        return np.concatenate([part.ravel() for part in parts])

    def _parts(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        n, d, m = self.depth, self.width, self.loss.outputs
        ends = np.cumsum([n * d * d, n * d, m * d])
        K, b, W, c = np.split(u, ends)
        return K.reshape(n, d, d), b.reshape(n, d), W.reshape(m, d), c

    def sizes(self, a: float, tau: float) -> tuple[float, float]:
        """What the first layer's variables, and those of the others, are in units of the weights."""
        n = self.depth
        if self.penalty == "h1":
            return math.sqrt(a * tau), math.sqrt(a * n)
        weight = {"decay": math.sqrt(a / n), "unscaled": math.sqrt(a), "none": math.sqrt(1 / n)}[self.penalty]
        return weight, weight

    def _path(self, u: np.ndarray, a: float, tau: float) -> np.ndarray:
        first, others = self.sizes(a, tau)
        v = u / others
        v[0] = u[0] / first
        return np.cumsum(v, axis=0) if self.penalty == "h1" else v

    def _increments(self, path: np.ndarray, a: float, tau: float) -> np.ndarray:
        first, others = self.sizes(a, tau)
        u = others * (np.diff(path, axis=0, prepend=0.0) if self.penalty == "h1" else path)
        u[0] = first * path[0]
        return u

    def _transposed(self, gradient: np.ndarray, a: float, tau: float) -> np.ndarray:
        """The gradient by scaled variables from that by the path."""
        first, others = self.sizes(a, tau)
        g = np.cumsum(gradient[::-1], axis=0)[::-1] if self.penalty == "h1" else gradient
        u = g / others
        u[0] = g[0] / first
        return u

    def _gradient(self, K: np.ndarray, b: np.ndarray, W: np.ndarray, c: np.ndarray) -> np.ndarray:
        p = self.penalties
        parts = (
            self._transposed(K, p.K, p.t1),
            self._transposed(b, p.b, p.t2),
            W / math.sqrt(p.W),
            c / math.sqrt(p.c),
        )
        return np.concatenate([part.ravel() for part in parts])

    def _penalised(self, u: np.ndarray) -> np.ndarray:
        """The part of `u` that has a penalty."""
        return np.zeros_like(u) if self.penalty == "none" else u

    # -- value and derivatives --------------------------------------------------------------------

    def states(self, w: DepthWeights) -> tuple[Float[np.ndarray, "n1 N d"], Float[np.ndarray, "n N d"]]:
        """States `X_0..X_n` and pre-activations `K_k X_k + b_k`."""
        n, h = self.depth, 1 / self.depth
        phi = activation_named(self.activation)
        X = np.empty((n + 1, *self.x.shape))
        z = np.empty((n, *self.x.shape))
        X[0] = self.x
        KT = w.K.transpose(0, 2, 1)
        for k in range(n):
            np.matmul(X[k], KT[k], out=z[k])
            z[k] += w.b[k]
            X[k + 1] = X[k] + h * phi.in_numpy(z[k])
        return X, z

    def loss_at(self, w: DepthWeights) -> float:
        """The loss without the penalty."""
        return self.loss.value(self.states(w)[0][-1] @ w.W.T + w.c)

    def value(self, w: DepthWeights) -> float:
        """`E_n` of weights."""
        u = self._penalised(self.scaled(w))
        return self.loss_at(w) + float(u @ u)

    def _adjoint(self, w: DepthWeights, M1: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`P_1..P_n` and `M_k = sigma'_k P_{k+1}`."""
        h = 1 / self.depth
        P, M = np.empty_like(M1), np.empty_like(M1)
        P[-1] = last
        for k in range(self.depth - 1, 0, -1):
            np.multiply(P[k], M1[k], out=M[k])
            P[k - 1] = P[k] + h * (M[k] @ w.K[k])
        M[0] = P[0] * M1[0]
        return P, M

    def states_and_adjoints(self, w: DepthWeights) -> tuple[Float[np.ndarray, "n1 N d"], Float[np.ndarray, "n1 N d"]]:
        """`X_0..X_n` and `P_0..P_n`, the gradients of the loss by the states."""
        X, z = self.states(w)
        slope, _ = activation_named(self.activation).derivatives_in_numpy(z)
        R = self.loss.gradient(X[-1] @ w.W.T + w.c)
        P, M = self._adjoint(w, slope, R @ w.W)
        first = P[0] + M[0] @ w.K[0] / self.depth
        return X, np.concatenate([first[None], P])

    def loss_gradient(self, w: DepthWeights) -> DepthWeights:
        """The gradient of the loss, without the penalty, by the weights."""
        h = 1 / self.depth
        X, z = self.states(w)
        slope, _ = activation_named(self.activation).derivatives_in_numpy(z)
        R = self.loss.gradient(X[-1] @ w.W.T + w.c)
        _, M = self._adjoint(w, slope, R @ w.W)
        return DepthWeights(h * M.transpose(0, 2, 1) @ X[:-1], h * M.sum(axis=1), R.T @ X[-1], R.sum(axis=0))

    def value_and_gradient(self, u: Float[np.ndarray, " size"]) -> tuple[float, Float[np.ndarray, " size"]]:
        w = self.weights(u)
        h = 1 / self.depth
        X, z = self.states(w)
        slope, _ = activation_named(self.activation).derivatives_in_numpy(z)
        o = X[-1] @ w.W.T + w.c
        R = self.loss.gradient(o)
        _, M = self._adjoint(w, slope, R @ w.W)
        gradient = self._gradient(h * M.transpose(0, 2, 1) @ X[:-1], h * M.sum(axis=1), R.T @ X[-1], R.sum(axis=0))
        v = self._penalised(u)
        return self.loss.value(o) + float(v @ v), gradient + 2 * v

    def hessian(self, u: Float[np.ndarray, " size"]) -> Callable[[np.ndarray], np.ndarray]:
        """`v -> E''(u) v`: states, adjoint and derivatives of the activation are kept between products."""
        n, h = self.depth, 1 / self.depth
        w = self.weights(u)
        X, z = self.states(w)
        slope, bend = activation_named(self.activation).derivatives_in_numpy(z)
        o = X[-1] @ w.W.T + w.c
        R = self.loss.gradient(o)
        P, M = self._adjoint(w, slope, R @ w.W)
        hslope, PB, KT = h * slope, P * bend, np.ascontiguousarray(w.K.transpose(0, 2, 1))
        MT, XT = np.ascontiguousarray(M.transpose(0, 2, 1)), X[:-1]
        del z, bend, P

        def product(v: np.ndarray) -> np.ndarray:
            dw = self.weights(v)
            dz = XT @ dw.K.transpose(0, 2, 1)
            dz += dw.b[:, None]
            dX = np.zeros((n + 1, *self.x.shape))
            for k in range(n):
                dz[k] += dX[k] @ KT[k]
                np.multiply(hslope[k], dz[k], out=dX[k + 1])
                dX[k + 1] += dX[k]
            do = dX[-1] @ w.W.T + X[-1] @ dw.W.T + dw.c
            dR = self.loss.curvature(o, do)
            dM = np.multiply(PB, dz, out=dz)
            from_K = h * (M @ dw.K)
            dP = dR @ w.W + R @ dw.W
            for k in range(n - 1, -1, -1):
                dM[k] += slope[k] * dP
                dP = dP + h * (dM[k] @ w.K[k]) + from_K[k]
            dK = h * (dM.transpose(0, 2, 1) @ XT + MT @ dX[:-1])
            db = h * dM.sum(axis=1)
            return self._gradient(dK, db, dR.T @ X[-1] + R.T @ dX[-1], dR.sum(axis=0)) + 2 * self._penalised(v)

        return product
