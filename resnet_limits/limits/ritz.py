"""The limit of depth-regularised networks by Ritz's method: its energy over paths that are polynomials in time.

    E = loss(W X(1) + c) + a1 (int |K'|^2 + t1 |K(0)|^2) + a2 (int |b'|^2 + t2 |b(0)|^2) + a3 |W|^2 + a4 |c|^2
    X' = sigma(K X + b),   X(0) = x,   K(t) = sum_j K_j B_j(t),   b(t) = sum_j b_j B_j(t),   j = 0..degree

(Thorpe & van Gennip, arXiv 1810.11741; Ritz 1909.) No derivative of sigma is needed for the least value over these
paths to tend to that of the limit as the degree grows, from above: polynomials are dense in H1, and E is continuous
there for a Lipschitz sigma. States are those of the Runge-Kutta method of order 4, and no network is met.

The `B_j` are Legendre polynomials made orthonormal in `a (int f'g' + t f(0) g(0))`: the penalty is `|u|^2` of the
coefficients u, K's first, then those of b, `sqrt(a3) W` and `sqrt(a4) c`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float
from numpy.polynomial.legendre import legder, leggauss, legval

from ..networks.activations import activation_named
from ..training.depth_regularised import DepthRegularised, DepthWeights

STAGES = 4
"""Of the Runge-Kutta method."""
STAGE_WEIGHTS = np.array([1, 2, 2, 1]) / 6
STAGE_REACHES = (0.5, 0.5, 1.0)
"""How far, in steps, the second, third and fourth stage lie from the first along the slope of the one before."""


@dataclass(frozen=True)
class Ritz:
    """The energy of the limit of `problem` (whose depth is not looked at) over polynomials of this degree, states by
    `steps` steps."""

    problem: DepthRegularised
    degree: int
    steps: int

    @property
    def size(self) -> int:
        """The number of variables."""
        d, m = self.problem.width, self.problem.loss.outputs
        return (self.degree + 1) * d * (d + 1) + m * (d + 1)

    def at(self, u: Float[np.ndarray, " size"], times: Float[np.ndarray, " n"]) -> DepthWeights:
        """The paths at these times, as a network of as many layers has them."""
        K, b, W, c = self._parts(u)
        p, d = self.problem.penalties, self.problem.width
        basis_K, basis_b = (self._polynomials(times) @ self._orthonormal(a, t) for a, t in ((p.K, p.t1), (p.b, p.t2)))
        return DepthWeights((basis_K @ K).reshape(-1, d, d), basis_b @ b, W / math.sqrt(p.W), c / math.sqrt(p.c))

    def constant(self, w: DepthWeights) -> Float[np.ndarray, " size"]:
        """The variables of paths that stay where the first layer of `w` is."""
        p = self.problem.penalties
        first = np.zeros((self.degree + 1, 1))
        first[0] = 1.0
        K, b = (
            np.linalg.solve(self._orthonormal(a, t), first @ start[None])
            for a, t, start in ((p.K, p.t1, w.K[0].ravel()), (p.b, p.t2, w.b[0]))
        )
        return np.concatenate([K.ravel(), b.ravel(), w.W.ravel() * math.sqrt(p.W), w.c * math.sqrt(p.c)])

    def raised(self, u: Float[np.ndarray, " size"], degree: int) -> Float[np.ndarray, " more"]:
        """The variables of the same paths as polynomials of a higher degree: those of the further ones are 0."""
        K, b, W, c = self._parts(u)
        more = ((0, degree - self.degree), (0, 0))
        return np.concatenate([np.pad(K, more).ravel(), np.pad(b, more).ravel(), W.ravel(), c])

    def value_and_gradient(self, u: Float[np.ndarray, " size"]) -> tuple[float, Float[np.ndarray, " size"]]:
        """E and its gradient, where E has one; on a kink of the activation that of one side."""
        p = self.problem.penalties
        w = self._at_stages(u)
        Y, z, end = self._states(w)
        o = end @ w.W.T + w.c
        R = self.problem.loss.gradient(o)
        dz = self._adjoint(w, z, R @ w.W)
        K, b = self._by_time(dz.swapaxes(2, 3) @ Y), self._by_time(dz.sum(axis=2))
        basis_K, basis_b = self._bases
        parts = (basis_K.T @ K, basis_b.T @ b, R.T @ end / math.sqrt(p.W), R.sum(axis=0) / math.sqrt(p.c))
        gradient = np.concatenate([part.ravel() for part in parts])
        return self.problem.loss.value(o) + float(u @ u), gradient + 2 * u

    # -- paths ------------------------------------------------------------------------------------

    def _parts(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        d, m, count = self.problem.width, self.problem.loss.outputs, self.degree + 1
        K, b, W, c = np.split(u, np.cumsum([count * d * d, count * d, m * d]))
        return K.reshape(count, -1), b.reshape(count, -1), W.reshape(m, d), c

    def _polynomials(self, times: np.ndarray) -> np.ndarray:
        """Legendre polynomials of `2 t - 1` (times, degree + 1)."""
        return legval(2 * times - 1, np.eye(self.degree + 1)).T

    def _orthonormal(self, a: float, tau: float) -> np.ndarray:
        """Coefficients of the basis that is orthonormal in the penalty: a column each."""
        nodes, weights = leggauss(self.degree + 1)
        slopes = 2 * legval(nodes, legder(np.eye(self.degree + 1))).T  # d/dt = 2 d/ds; the interval halves the integral
        start = self._polynomials(np.zeros(1))
        form = a * (slopes.T @ (slopes * weights[:, None] / 2) + tau * start.T @ start)
        return np.linalg.inv(np.linalg.cholesky(form)).T

    @cached_property
    def _bases(self) -> tuple[np.ndarray, np.ndarray]:
        """The bases of K and of b at the times of the stages, `k/(2 steps)`."""
        p = self.problem.penalties
        there = self._polynomials(np.linspace(0, 1, 2 * self.steps + 1))
        return there @ self._orthonormal(p.K, p.t1), there @ self._orthonormal(p.b, p.t2)

    def _at_stages(self, u: np.ndarray) -> DepthWeights:
        K, b, W, c = self._parts(u)
        p, d = self.problem.penalties, self.problem.width
        basis_K, basis_b = self._bases
        return DepthWeights((basis_K @ K).reshape(-1, d, d), basis_b @ b, W / math.sqrt(p.W), c / math.sqrt(p.c))

    # -- states and adjoints ----------------------------------------------------------------------

    def _states(self, w: DepthWeights) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What the stages of all steps apply the weights to and their pre-activations (steps, 4, N, d), and `X(1)`."""
        h, phi = 1 / self.steps, activation_named(self.problem.activation)
        Y = np.empty((self.steps, STAGES, *self.problem.x.shape))
        z, slopes = np.empty_like(Y), np.empty_like(Y[0])
        X = self.problem.x
        for k in range(self.steps):
            for i, node in enumerate(self._nodes(k)):
                Y[k, i] = X if i == 0 else X + h * STAGE_REACHES[i - 1] * slopes[i - 1]
                z[k, i] = Y[k, i] @ w.K[node].T + w.b[node]
                slopes[i] = phi.in_numpy(z[k, i])
            X = X + h * np.tensordot(STAGE_WEIGHTS, slopes, axes=1)
        return Y, z, X

    def _adjoint(self, w: DepthWeights, z: np.ndarray, last: np.ndarray) -> np.ndarray:
        """The gradients by the pre-activations (steps, 4, N, d); `last` is that by `X(1)`."""
        h, dz, P = 1 / self.steps, np.empty_like(z), last
        slope, _ = activation_named(self.problem.activation).derivatives_in_numpy(z)
        for k in range(self.steps - 1, -1, -1):
            nodes, before, later = self._nodes(k), P, 0.0
            for i in range(STAGES - 1, -1, -1):
                dz[k, i] = slope[k, i] * (h * (STAGE_WEIGHTS[i] * before + later))
                by_stage = dz[k, i] @ w.K[nodes[i]]
                P = P + by_stage
                later = STAGE_REACHES[i - 1] * by_stage if i else 0.0
        return dz

    def _by_time(self, by_stage: np.ndarray) -> np.ndarray:
        """The sum of what the stages give to each of the times `k/(2 steps)`, as rows."""
        rows = by_stage.reshape(self.steps, STAGES, -1)
        summed = np.zeros((2 * self.steps + 1, rows.shape[2]))
        for i in range(STAGES):
            summed[[self._nodes(k)[i] for k in range(self.steps)]] += rows[:, i]
        return summed

    def _nodes(self, k: int) -> tuple[int, int, int, int]:
        """Where the stages of step k stand among the times `k/(2 steps)`."""
        return 2 * k, 2 * k + 1, 2 * k + 1, 2 * k + 2
