"""The limit of depth-regularised networks in small dimension: its Euler-Lagrange equations as a boundary value problem.

    X' = sigma(K X + b),   P' = -K^T (sigma'(K X + b) P),   X(0) = x,   P(1) = d loss/d X(1)
    2 a1 K'' = sum_s sigma'(K X_s + b) P_s X_s^T,   K'(0) = t1 K(0),   K'(1) = 0      and the same for b
    2 a3 W + d loss/dW = 0,   2 a4 c + d loss/dc = 0

of `E = loss(W X(1) + c) + a1 (int |K'|^2 + t1 |K(0)|^2) + a2 (int |b'|^2 + t2 |b(0)|^2) + a3 |W|^2 + a4 |c|^2`
(Thorpe & van Gennip, arXiv 1810.11741), solved by `scipy.integrate.solve_bvp`: collocation of order 4, W and c as
parameters. Its unknowns are 2 N d + 2 d (d + 1) functions: for few points in few dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.integrate import solve_bvp
from scipy.interpolate import PPoly

from ..errors import MeasurementError
from ..networks.activations import activation_named
from ..training.depth_regularised import DepthRegularised, DepthWeights

MOST_COLLOCATION_NODES = 20000


@dataclass(frozen=True)
class Extremal:
    """A solution: the paths `K`, `b` and their slopes as functions of time, W, c and the value E.

    A cubic spline, `coefficients` (4, intervals, functions) between `nodes`.
    """

    problem: DepthRegularised
    nodes: Float[np.ndarray, " nodes"]
    coefficients: Float[np.ndarray, "4 intervals functions"]
    W: Float[np.ndarray, "m d"]
    c: Float[np.ndarray, " m"]
    value: float

    def at(self, times: Float[np.ndarray, " n"]) -> DepthWeights:
        """The weights at these times, as a network of as many layers has them."""
        K, b, _, _ = _paths(self._functions(times), self.problem)
        return DepthWeights(K, b, self.W, self.c)

    def slopes(self, times: Float[np.ndarray, " n"]) -> tuple[Float[np.ndarray, "n d d"], Float[np.ndarray, "n d"]]:
        """`K'` and `b'` at these times."""
        _, _, dK, db = _paths(self._functions(times), self.problem)
        return dK, db

    def _functions(self, times: np.ndarray) -> np.ndarray:
        return np.asarray(PPoly(self.coefficients, self.nodes)(times)).T


def extremal(
    problem: DepthRegularised, guess: DepthWeights, *, tolerance: float, nodes: int = MOST_COLLOCATION_NODES
) -> Extremal:
    """The solution near a network's weights, to a relative residual of `tolerance`, on so many nodes at most.

    Raises `MeasurementError` where none is found.
    """
    x, loss, p = problem.x, problem.loss, problem.penalties
    N, d = x.shape
    m = loss.outputs
    phi = activation_named(problem.activation)

    def split(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`X`, `P` (times, N, d)."""
        states = y[: 2 * N * d].T.reshape(-1, 2, N, d)
        return states[:, 0], states[:, 1]

    def right(t: np.ndarray, y: np.ndarray, parameters: np.ndarray) -> np.ndarray:
        X, P = split(y)
        K, b, dK, db = _paths(y, problem)
        z = X @ K.transpose(0, 2, 1) + b[:, None]
        M = P * phi.derivatives_in_numpy(z)[0]
        ddK = M.transpose(0, 2, 1) @ X / (2 * p.K)
        ddb = M.sum(axis=1) / (2 * p.b)
        energy = p.K * (dK**2).sum(axis=(1, 2)) + p.b * (db**2).sum(axis=1)
        parts = (phi.in_numpy(z), -M @ K, dK, db, ddK, ddb, energy)
        return np.concatenate([part.reshape(len(t), -1) for part in parts], axis=1).T

    def ends(y0: np.ndarray, y1: np.ndarray, parameters: np.ndarray) -> np.ndarray:
        W, c = parameters[: m * d].reshape(m, d), parameters[m * d :]
        (X0,), _ = split(y0[:, None])
        (X1,), (P1,) = split(y1[:, None])
        K0, b0, dK0, db0 = (part[0] for part in _paths(y0[:, None], problem))
        _, _, dK1, db1 = (part[0] for part in _paths(y1[:, None], problem))
        R = loss.gradient(X1 @ W.T + c)
        parts = (
            X0 - x,
            P1 - R @ W,
            dK0 - p.t1 * K0,
            db0 - p.t2 * b0,
            dK1,
            db1,
            2 * p.W * W + R.T @ X1,
            2 * p.c * c + R.sum(axis=0),
            y0[-1:],
        )
        return np.concatenate([part.ravel() for part in parts])

    t, y = _guess(problem, guess)
    start = np.concatenate([guess.W.ravel(), guess.c])
    solved = solve_bvp(right, ends, t, y, p=start, tol=tolerance, bc_tol=1e-3 * tolerance, max_nodes=nodes)
    if not solved.success:
        raise MeasurementError(
            f"the limit's boundary value problem has no solution near the network's: {solved.message}"
        )
    W, c = solved.p[: m * d].reshape(m, d), solved.p[m * d :]
    X1 = split(solved.y[:, -1:])[0][0]
    K0, b0, _, _ = (part[0] for part in _paths(solved.y[:, :1], problem))
    value = loss.value(X1 @ W.T + c) + float(solved.y[-1, -1])
    value += p.K * p.t1 * float((K0**2).sum()) + p.b * p.t2 * float((b0**2).sum())
    value += p.W * float((W**2).sum()) + p.c * float((c**2).sum())
    return Extremal(problem, solved.sol.x, solved.sol.c, W, c, value)


def _paths(y: np.ndarray, problem: DepthRegularised) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """`K`, `b`, `K'`, `b'` in front of the times."""
    N, d = problem.x.shape
    rows = y[2 * N * d : 2 * N * d + 2 * d * (d + 1)].T
    K, b, dK, db = np.split(rows, np.cumsum([d * d, d, d * d]), axis=1)
    return K.reshape(-1, d, d), b, dK.reshape(-1, d, d), db


def _guess(problem: DepthRegularised, w: DepthWeights) -> tuple[np.ndarray, np.ndarray]:
    """Times 0, 1/n, ..., 1 and the network's states, adjoints and paths there; the last layer's weights also at 1."""
    network = problem.at_depth(len(w.K))
    n = network.depth
    X, P = network.states_and_adjoints(w)
    K, b = (np.concatenate([part, part[-1:]]) for part in (w.K, w.b))
    dK, db = (np.gradient(part, 1 / n, axis=0) for part in (K, b))
    energy = problem.penalties.K * (dK**2).sum(axis=(1, 2)) + problem.penalties.b * (db**2).sum(axis=1)
    spent = np.concatenate([[0.0], np.cumsum(energy[:-1]) / n])
    parts = (X, P, K, b, dK, db, spent)
    return np.arange(n + 1) / n, np.concatenate([part.reshape(n + 1, -1) for part in parts], axis=1).T
