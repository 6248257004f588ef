"""The Gram matrix `V_ij = <x_i, x_j>/D` of the SDE of width D, of an activation with `phi''(0) = 0`: closed moments.

    v = s + k V,   s = phi'(0)^2 sigma_b^2,   k = phi'(0)^2 sigma_w^2
    d/dt E V_ij = E v_ij
    d/dt E V_ij V_kl = E[V_ij v_kl + v_ij V_kl] + E[V_ik v_jl + V_il v_jk + V_jk v_il + V_jl v_ik]/D

The mean is that of infinite width, the covariance of order 1/D. Networks `x + tanh(z)` of depth L differ from it in the
mean by `b_T/L` to leading order: a layer adds `E tanh(z_i) tanh(z_j) = h v_ij - h^2 v_ij (v_ii + v_jj)`, and Euler's
step loses `h^2/2` of the second derivative, k v_ij; hence

    b' = k b - T (E v_ij (v_ii + v_jj) + k/2 E v_ij),    b_0 = 0

Linear with constant coefficients: one matrix exponential. Of Euler and Maruyama's scheme the moments close too: a step
adds `h` times these rates and `h^2 E[v_ij v_kl + (v_ik v_jl + v_il v_jk)/D]`. Derived here, from Ito's formula for `V`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Float
from scipy.linalg import expm


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
    n = len(start)
    of_mean = np.arange(n * n).reshape(n, n) + 1
    of_second = np.arange(n**4).reshape((n,) * 4) + 1 + n * n
    of_bias = of_mean + n * n + n**4
    rates, squares = (np.zeros((1 + 2 * n * n + n**4,) * 2) for _ in range(2))  # of 1, E V, E V V, b
    sizes = np.array([s * s, s * k, s * k, k * k])

    def products(a: int, b: int, c: int, d: int) -> np.ndarray:
        """Where the parts of `E v_ab v_cd` stand, whose factors are `sizes`."""
        return np.array([0, of_mean[a, b], of_mean[c, d], of_second[a, b, c, d]])

    for i, j in product(range(n), repeat=2):
        rates[of_mean[i, j], [0, of_mean[i, j]]] = s, k
        rates[of_bias[i, j], of_bias[i, j]] = k
        rates[of_bias[i, j], [0, of_mean[i, j]]] -= horizon * k / 2 * np.array([s, k])
        for c in (i, j):  # places may be equal, and then both count
            np.add.at(rates[of_bias[i, j]], products(i, j, c, c), -horizon * sizes)
    for a, b, c, d in product(range(n), repeat=4):
        places_of_product = of_second[a, b, c, d]
        pairs = [((a, b), (c, d), 1.0), ((c, d), (a, b), 1.0)]  # the factors of E V v
        pairs += [((p, q), (r, t), 1 / width) for p, r in ((a, b), (b, a)) for q, t in ((c, d), (d, c))]
        for V, v, weight in pairs:
            np.add.at(rates[places_of_product], [of_mean[V], of_second[(*V, *v)]], weight * np.array([s, k]))
        for places, weight in (((a, b, c, d), 1.0), ((a, c, b, d), 1 / width), ((a, d, b, c), 1 / width)):
            np.add.at(squares[places_of_product], products(*places), weight * sizes)
    if steps is None:
        across = expm(rates * horizon)
    else:
        h = horizon / steps
        across = np.linalg.matrix_power(np.eye(len(rates)) + h * rates + h * h * squares, steps)
    end = across @ _start(np.asarray(start, dtype=float), width if read_in else np.inf)
    return GramMoments(end[of_mean], end[of_second], end[of_bias])


def _start(g: Float[np.ndarray, "n n"], width: int | float) -> Float[np.ndarray, " m"]:
    second = np.einsum("ij,kl->ijkl", g, g)
    second = second + (np.einsum("ik,jl->ijkl", g, g) + np.einsum("il,jk->ijkl", g, g)) / width
    return np.concatenate([[1.0], g.ravel(), second.ravel(), np.zeros(g.size)])
