"""Weak errors, variances and controls of networks to leading order in h, at any width (`phi''(0) = 0`, psi = id).

With `a = phi'(0)`, `c = a phi'''(0)/2`, `v = sigma_b^2 + sigma_w^2 V` a layer adds to overlaps, given the state,

    E[phi(z_i) phi(z_j)] = a^2 h v_ij + c h^2 g_ij + O(h^3),     g_ij = v_ij (v_ii + v_jj)        (tanh: c = -1)

With `k = a^2 sigma_w^2` and f linear in V (Talay & Tubaro's expansion; derived here, checked by simulation):

    error       L (E f(V_L) - E f(V_T))  ->  T int_0^T e^{k(T-t)} c E f(g(V_t)) dt - (T^2/2) k a^2 e^{kT} f(v_0)
    control     less its martingale f(V_L) varies by `c h int_0^T e^{k(T-t)} f(q_t) dt`, q_t what is left of g(V_t) less
                its linear part at the mean of V_t, and f(V_2L) - f(V_L) by half of that

The expectations are those of polynomials of degree 2 and 4 of a Gram diffusion (`limits/gram.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....limits.gram import GramDiffusion
from ....limits.gram_moments import depth_constant, lost
from ....networks.activations import activation_named

INTERVALS_OF_TIME = 48
"""Intervals of the trapezoidal rule in time: errors of 1e-3."""
STEP_OF_THIRD_DERIVATIVE = 1e-3
"""Of the difference that gives phi'''(0): errors of 1e-6."""


@dataclass(frozen=True)
class WeakExpansion:
    """The leading terms of `f = sum_ij weights_ij V_ij`, from the Gram matrix `start` of the inputs (n, n)."""

    phi: str
    sigma_w: float
    sigma_b: float
    width: int
    horizon: float
    start: np.ndarray
    weights: np.ndarray

    @property
    def _slope(self) -> float:
        return activation_named(self.phi).taylor()[0]

    @property
    def _bend(self) -> float:
        """`c = phi'(0) phi'''(0)/2`"""
        phi = activation_named(self.phi)
        x = STEP_OF_THIRD_DERIVATIVE * np.array([-2.0, -1.0, 1.0, 2.0])
        third = np.array([-1.0, 2.0, -2.0, 1.0]) @ _values(phi, x) / (2 * STEP_OF_THIRD_DERIVATIVE**3)
        return self._slope * float(third) / 2

    @property
    def _rate(self) -> float:
        return (self._slope * self.sigma_w) ** 2

    def _gram(self, degree: int) -> GramDiffusion:
        source = (self._slope * self.sigma_b) ** 2
        return GramDiffusion(len(self.start), self.width, self._rate, source, degree)

    def _f(self, entries: dict[tuple[int, int], np.ndarray]) -> np.ndarray:
        return np.sum([self.weights[i, j] * entry for (i, j), entry in entries.items()], axis=0)

    def variance(self) -> float:
        """`Var f(V_T)`"""
        gram = self._gram(2)
        n = range(gram.inputs)
        f = self._f({(i, j): gram.entry(i, j) for i in n for j in n})
        start, flow = gram.at(self.start), gram.flow(self.horizon)
        first, second = (float(start @ flow @ vector) for vector in (f, gram.product(f, f)))
        return second - first**2

    def error(self) -> float:
        """The limit of `L (E f(V_L) - E f(V_T))`."""
        gram, n = self._gram(2), range(len(self.start))
        curvature = self._bend / self._slope**4
        of_a_layer = self._f({(i, j): lost(gram, i, j, curvature) for i in n for j in n})
        return depth_constant(gram, gram.at(self.start), self.horizon, of_a_layer)

    def _times(self) -> np.ndarray:
        return np.linspace(0.0, self.horizon, INTERVALS_OF_TIME + 1)

    def controlled(self) -> float:
        """The limit of `L^2 Var(f(V_2L) - f(V_L))`, each less its martingale."""
        gram, T, k = self._gram(4), self.horizon, self._rate
        dt = T / INTERVALS_OF_TIME
        q = dt * np.exp(k * (T - self._times()))
        q[[0, -1]] /= 2
        step = gram.flow(dt)
        starts = [gram.at(self.start)]
        for _ in range(INTERVALS_OF_TIME):
            starts.append(starts[-1] @ step)
        left = [self._curved(gram, start) for start in starts]
        first = second = 0.0
        after = np.zeros(len(gram.exponents))
        for i in range(INTERVALS_OF_TIME, -1, -1):
            first += q[i] * float(starts[i] @ left[i])
            second += q[i] * float(starts[i] @ gram.product(left[i], q[i] * left[i] + 2 * after))
            after = step @ (q[i] * left[i] + after)
        return (self._bend * T / 2) ** 2 * (second - first**2)

    def _curved(self, gram: GramDiffusion, start: np.ndarray) -> np.ndarray:
        """`f(q)`: `g` is quadratic, so that what is left are the products of the deviations of V from its mean."""
        n, s = range(gram.inputs), self.sigma_w**2
        off = {(i, j): gram.entry(i, j) for i in n for j in n}
        off = {pair: s * (vector - gram.constant(float(start @ vector))) for pair, vector in off.items()}
        return self._f({(i, j): gram.product(off[i, j], off[i, i] + off[j, j]) for i in n for j in n})


def _values(phi: object, x: np.ndarray) -> np.ndarray:
    import torch

    return phi(torch.from_numpy(x)).numpy()  # type: ignore[operator]
