"""The Gram matrix `V_ij = <x_i, x_j>/D` of the SDE of width D, of an activation with `phi''(0) = 0`: closed moments.

    v = s + k V,   s = phi'(0)^2 sigma_b^2,   k = phi'(0)^2 sigma_w^2
    d/dt E V_ij = E v_ij
    d/dt E V_ij V_kl = E[V_ij v_kl + v_ij V_kl] + E[V_ik v_jl + V_il v_jk + V_jk v_il + V_jl v_ik]/D

The mean is that of infinite width, the covariance of order 1/D. Networks `x + tanh(z)` of depth L differ from it in the
mean by `b_T/L` to leading order: a layer adds `E tanh(z_i) tanh(z_j) = h v_ij - h^2 v_ij (v_ii + v_jj)`, and Euler's
step loses `h^2/2` of the second derivative, k v_ij; hence

    b' = k b - T (E v_ij (v_ii + v_jj) + k/2 E v_ij),    b_0 = 0

These are polynomials of the Gram diffusion (`limits/gram.py`), with generator G. Of Euler and Maruyama's scheme the
moments close too: a step adds `h G`, and `h^2 [v_ij v_kl + (v_ik v_jl + v_il v_jk)/D]` to `V_ij V_kl`. Derived here,
from Ito's formula for `V`. At infinite width `b` has a closed form, `limits/depth_constant.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement, product

import numpy as np
from jaxtyping import Float
from scipy.linalg import expm

from .gram import GramDiffusion, Pair


@dataclass(frozen=True)
class GramMoments:
    """`E V` (n, n) and `E V_ij V_kl` (n, n, n, n) at the horizon; `b_T` (n, n) of tanh, of the SDE's moments alone."""

    mean: Float[np.ndarray, "n n"]
    second: Float[np.ndarray, "n n n n"]
    bias: Float[np.ndarray, "n n"]

    def deviation(self, i: int, j: int) -> float:
        """Standard deviation of `V_ij`."""
        return float(np.sqrt(self.second[i, j, i, j] - self.mean[i, j] ** 2))


def gram_moments(
    start: Float[np.ndarray, "n n"],
    s: float,
    k: float,
    horizon: float,
    width: int | float,
    *,
    read_in: bool = True,
    steps: int | None = None,
) -> GramMoments:
    """The moments at the horizon, of the SDE or of so many `steps` of Euler and Maruyama.

    `start`: the mean of V at time 0, of a random read-in `x_0 = A z` of that width (V is Wishart's then), or V itself.
    `width = inf`: nothing fluctuates.
    """
    gram = GramDiffusion(len(start), width, rate=k, source=s, degree=2)
    at_start = _start(gram, np.asarray(start, dtype=float), width if read_in else np.inf)
    end = at_start @ (gram.flow(horizon) if steps is None else _euler(gram, horizon, steps))
    shape, pairs = (len(start),) * 2, list(product(range(len(start)), repeat=2))
    entries = [gram.entry(*pair) for pair in pairs]
    squares = [gram.product(f, g) for f in entries for g in entries]
    return GramMoments(
        (np.array(entries) @ end).reshape(shape),
        (np.array(squares) @ end).reshape(shape * 2),
        np.array([depth_constant(gram, at_start, horizon, lost(gram, *pair)) for pair in pairs]).reshape(shape),
    )


def _start(gram: GramDiffusion, g: Float[np.ndarray, "n n"], width: int | float) -> Float[np.ndarray, " m"]:
    """The means of the monomials of Wishart's V of mean g, at this many degrees of freedom."""
    values = gram.at(g)
    for (i, j), (k, m) in combinations_with_replacement(gram.pairs, 2):
        monomial = gram.product(gram.entry(i, j), gram.entry(k, m)) != 0
        values[monomial] = g[i, j] * g[k, m] + (g[i, k] * g[j, m] + g[i, m] * g[j, k]) / width
    return values


def _euler(gram: GramDiffusion, horizon: float, steps: int) -> Float[np.ndarray, "m m"]:
    """From coefficients of f to those of its mean after so many steps of Euler and Maruyama's scheme."""
    h = horizon / steps
    step = np.eye(len(gram.exponents)) + h * gram.generator
    for a, b in combinations_with_replacement(gram.pairs, 2):
        monomial = gram.product(gram.entry(*a), gram.entry(*b)) != 0
        step[:, monomial] += h * h * _square(gram, a, b)[:, None]
    return np.linalg.matrix_power(step, steps)


def _square(gram: GramDiffusion, a: Pair, b: Pair) -> Float[np.ndarray, " m"]:
    """`v_ij v_kl + (v_ik v_jl + v_il v_jk)/D`"""
    v, (i, j), (k, m) = gram.variance, a, b
    scattered = gram.product(v(i, k), v(j, m)) + gram.product(v(i, m), v(j, k))
    return gram.product(v(i, j), v(k, m)) + scattered / gram.width


def depth_constant(
    gram: GramDiffusion, at_start: Float[np.ndarray, " m"], horizon: float, lost: Float[np.ndarray, " m"]
) -> float:
    """`b_T = -T int_0^T e^{k(T-t)} E l(V_t) dt`: the limit of `L (E f(V_L) - E f(V_T))`, f linear, where layers lose
    `h^2 l(V)`."""
    return float(-horizon * at_start @ _carried(gram, horizon) @ lost)


def lost(gram: GramDiffusion, i: int, j: int, curvature: float = -1.0) -> Float[np.ndarray, " m"]:
    """What a layer loses of `V_ij`, over `h^2`: `-c v_ij (v_ii + v_jj) + k/2 v_ij`. With `a = phi'(0)` the curvature
    `c = phi'''(0) / (2 a^3)` is -1 for tanh; v is a^2 times the variance of the pre-activations."""
    v = gram.variance
    return gram.rate / 2 * v(i, j) - curvature * gram.product(v(i, j), v(i, i) + v(j, j))


def _carried(gram: GramDiffusion, t: float) -> Float[np.ndarray, "m m"]:
    """`int_0^t e^{k(t-s)} e^{s G} ds`: what is lost early grows with all else."""
    m = len(gram.exponents)
    both = np.block([[gram.rate * np.eye(m), np.eye(m)], [np.zeros((m, m)), gram.generator]])
    return expm(t * both)[:m, m:]
