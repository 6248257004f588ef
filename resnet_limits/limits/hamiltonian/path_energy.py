"""`int_0^1 tr q'^T Gamma(q, q)^{-1} q' dt` of a path between given ends: the least cost of a control that follows it.

    q(t) = q_0 + t (y - q_0) + sum_k c_k B_k(t),     B_k(t) = int_0^t sqrt(2k + 1) P_k(2s - 1) ds,   k = 1 .. K

`P_k` are Legendre's polynomials: the `B_k` vanish at both ends, their derivatives are orthonormal. Of all velocity
fields that move points along `q` the one of least norm is `Gamma(., q) p`, `Gamma(q, q) p = q'`, so the coefficients
(K, n, d) run through all controls whose paths end in `y`, up to the degree; no momentum and no flow occurs. Integrals
are Gauss's. Along a geodesic the path energy is `2 H`, `H` the energy, and stationary; its Hessian has a negative
eigenvalue for each conjugate point on the way (Milnor, Morse theory, 1963, section 15).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.polynomial import legendre
from torch import Tensor

NODES_A_DEGREE = 3
"""Nodes of the quadrature for each of the degrees."""


@dataclass(frozen=True)
class PathEnergy:
    """The path energy of paths from `start` to `end` (n, d), of so many coefficients.

    `gram` is `Gamma(q, q)` of points (*b, n, d), (*b, n, n), which torch can differentiate twice.
    """

    gram: Callable[[Tensor], Tensor]
    start: Float[Tensor, "n d"]
    end: Float[Tensor, "n d"]
    degree: int

    @property
    def unknowns(self) -> int:
        """Numbers in the coefficients."""
        return self.degree * self.start.numel()

    def path(self, c: Float[Tensor, " m"], t: Float[np.ndarray, " k"]) -> tuple[Tensor, Tensor]:
        """`q` and `q'` at these times, (k, n, d) each."""
        bends, slopes = (torch.from_numpy(of) for of in _basis(self.degree, t))
        c, along = c.reshape(self.degree, *self.start.shape), self.end - self.start
        q = self.start + torch.from_numpy(t)[:, None, None] * along + torch.tensordot(bends, c, dims=1)
        return q, along + torch.tensordot(slopes, c, dims=1)

    def coefficients(self, states: Float[Tensor, "k n d"]) -> Float[Tensor, " m"]:
        """The flat coefficients of the path through these states at the times 0, 1/(k-1), .. 1, by least squares."""
        t = np.linspace(0, 1, len(states))
        straight, _ = self.path(states.new_zeros(self.unknowns), t)
        bends = torch.from_numpy(_basis(self.degree, t)[0]).clone()  # aligned, as the memory of numpy is not
        off = (states - straight).flatten(1)
        return torch.linalg.lstsq(bends, off, driver="gels").solution.flatten()  # the usual driver's last bits vary

    def __call__(self, c: Float[Tensor, " m"]) -> Tensor:
        """The path energy, a scalar of the flat coefficients."""
        t, weights = self._nodes()
        q, velocity = self.path(c, t)
        costs = (velocity * torch.linalg.solve(self.gram(q), velocity)).sum((1, 2))
        return costs @ weights

    def curvatures(self, c: Float[Tensor, " m"]) -> Float[Tensor, " m"]:
        """The eigenvalues of the Hessian, from the least on, relative to `2 int tr V'^T Gamma(q, q)^{-1} V' dt` of a
        variation V: 1 where the kernel is constant."""
        t, weights = self._nodes()
        (q, _), (_, slopes) = self.path(c, t), _basis(self.degree, t)
        inverse, S = torch.linalg.inv(self.gram(q)), torch.from_numpy(slopes)
        one = torch.eye(self.start.shape[1], dtype=q.dtype)
        lengths = torch.einsum("t,tk,tl,tij,ab->kialjb", weights, S, S, inverse, one).reshape(len(c), len(c))
        root = torch.linalg.cholesky(2 * lengths)
        half = torch.linalg.solve_triangular(root, torch.func.hessian(self)(c), upper=False)
        return torch.linalg.eigvalsh(torch.linalg.solve_triangular(root, half.T, upper=False))

    def _nodes(self) -> tuple[np.ndarray, Tensor]:
        """Times and weights of the quadrature."""
        nodes, weights = legendre.leggauss(NODES_A_DEGREE * self.degree)
        return (nodes + 1) / 2, torch.from_numpy(weights / 2)


def _basis(degree: int, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`B_k` and their derivatives, (k, degree) each."""
    P = legendre.legvander(2 * t - 1, degree + 1)
    scale = np.sqrt(2 * np.arange(1, degree + 1) + 1)
    return (P[:, 2:] - P[:, :-2]) / (2 * scale), scale * P[:, 1:-1]
