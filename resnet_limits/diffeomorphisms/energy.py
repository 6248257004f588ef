"""The energy of the path along which a network carries points, and the least energy of a path with the same ends.

    E(x_0, ..., x_L) = L sum_k |v_k|^2,     v_k the field of least norm that carries x_k to x_{k+1}
                     = L sum_k (x_{k+1} - x_k)^T K(x_k, x_k)^{-1} (x_{k+1} - x_k),     K(x, y) = exp(-|x - y|^2 / 2 l^2)

The norm is that of the reproducing kernel space of K: of all fields that move the points as a block does, and the
block's own is one of them, `v_k` has the least. For L to infinity the least energy tends to that of the geodesic of
diffeomorphisms between the ends, `2 H` of its Hamiltonian flow (Joshi & Miller 2000; Miller, Trouve & Younes 2006).
Paths are (L + 1, r, n, d): replicas are independent.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import minimize
from torch import Tensor

Path = Float[Tensor, "states r n d"]
JITTER_OF_KERNEL_MATRIX = 1e-10
"""Added to the diagonal of a kernel matrix, of which it is 1: points may nearly coincide."""
HUGE_ENERGY = 1e100
"""What the energy of a path counts as that has none in floating point."""
PAIRS_KEPT = 30
"""Pairs of steps and gradients of L-BFGS."""


def path_energy(path: Path, length: float) -> Float[Tensor, " r"]:
    """`E` of each replica, the horizon being 1, for the Gaussian kernel of this length; it can be differentiated."""
    return speeds(path, length).square().mean(dim=0)


def speeds(path: Path, length: float) -> Float[Tensor, "blocks r"]:
    """`|L v_k|` of each block, the norm of its field over its time 1/L."""
    steps = path.diff(dim=0)
    whitened = torch.linalg.solve_triangular(_root(path[:-1], length), steps, upper=False)
    return len(steps) * whitened.flatten(2).norm(dim=2)


def relaxed(path: Path, length: float, *, iterations: int) -> Path:
    """A path with the same ends and less energy, by L-BFGS over the states between, at most so many iterations.

    What varies is `z` in `x_k = path_k + sum_m sin(pi m k / L) / (pi m) R z_m`, R R^T = K(x_0, x_0): with the points at
    rest at x_0 the energy is |z|^2, whatever L and the kernel, so that the descent takes no more steps for a deeper
    network.
    """
    if len(path) < 3:
        return path
    basis, root = _sines(path), _root(path[0], length)
    scale = path_energy(path, length)

    def moved(z: Tensor) -> Tensor:
        between = path[1:-1] + torch.einsum("km,rij,mrjd->krid", basis, root, z)
        return torch.cat([path[:1], between, path[-1:]])

    def objective(numbers: np.ndarray) -> tuple[float, np.ndarray]:
        z = torch.from_numpy(numbers).reshape(path[1:-1].shape).requires_grad_()
        try:
            energy = (path_energy(moved(z), length) / scale).sum()
        except RuntimeError:  # a matrix that is not positive has no Cholesky factor
            return HUGE_ENERGY, np.zeros_like(numbers)
        (gradient,) = torch.autograd.grad(energy, z)
        return float(energy.detach()), gradient.numpy().ravel()

    start = np.zeros(path[1:-1].numel())
    options = {"maxiter": iterations, "maxfun": 2 * iterations, "maxcor": PAIRS_KEPT, "ftol": 1e-14, "gtol": 1e-10}
    end = minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
    return moved(torch.from_numpy(end.x).reshape(path[1:-1].shape))


def straight(path: Path) -> Path:
    """The straight path between the same ends, at constant speed."""
    t = torch.linspace(0, 1, len(path), dtype=path.dtype)[:, None, None, None]
    return path[:1] + t * (path[-1:] - path[:1])


def least_energy(path: Path, length: float, *, iterations: int) -> Float[Tensor, " r"]:
    """The least energy found between the ends of the path, from it and from the straight one: a bound from above of
    the least there is."""
    starts = (path, straight(path))
    energies = [path_energy(relaxed(start, length, iterations=iterations), length) for start in starts]
    return torch.minimum(*energies)


def _sines(path: Path) -> Float[Tensor, "k m"]:
    """`sin(pi m k / L) / (pi m) sqrt(2)`, in which the sum of squared increments of a path is nearly |z|^2."""
    depth = len(path) - 1
    k = torch.arange(1, depth, dtype=path.dtype)
    return math.sqrt(2) * torch.sin(math.pi * torch.outer(k, k) / depth) / (math.pi * k)


def _root(q: Float[Tensor, "*batch n d"], length: float) -> Float[Tensor, "*batch n n"]:
    """Cholesky factors of `K(q, q)`."""
    squares = (q.unsqueeze(-2) - q.unsqueeze(-3)).square().sum(dim=-1)
    kernel = torch.exp(-squares / (2 * length**2))
    return torch.linalg.cholesky(kernel + JITTER_OF_KERNEL_MATRIX * torch.eye(q.shape[-2], dtype=q.dtype))
