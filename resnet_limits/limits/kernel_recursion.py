"""NNGP and NTK of infinitely wide residual networks of finite depth: the exact recursion over the layers.

    z ~ N(0, h (sigma_b^2 + sigma_w^2 lambda_k)),    x_{k+1} = x_k + phi(z),    h = T/L
    m <- m + E phi(z)
    lambda <- lambda + m_1 E phi(z_2) + m_2 E phi(z_1) + E phi(z_1) phi(z_2)
    Theta <- Theta + E phi'(z_1) phi'(z_2) (h (sigma_b^2 + sigma_w^2 lambda_k) + h sigma_w^2 Theta)

`Theta_0` is the read-in's `<z_1, z_2>/d` or 0, the read-out adds `lambda_L` at the end: the sum over the layers of
`Pi_{k+1} E phi' phi' h (sigma_b^2 + sigma_w^2 lambda_k)` with `Pi_k = Pi_{k+1} (1 + h sigma_w^2 E phi' phi')`, which
goes backwards, read forwards. The read-out is random, so gradients are independent of the pre-activations they meet
(tests compare with autograd). Any activation; as L grows, the limit of `kernel.py` at order 1.

Lee et al. 2018 (arXiv 1711.00165) and Jacot, Gabriel & Hongler 2018 (arXiv 1806.07572) for the recursions; Peluchetti
& Favaro 2020 (arXiv 2007.03253) for the scaling.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from .kernel import Kind
from .pair_kernel import PairKernel
from .pair_products import expandable, expansions, pair_products


@dataclass(frozen=True, kw_only=True)
class FiniteDepthKernel(PairKernel):
    """NNGP or NTK of the network of this depth at infinite width; float64 (float32: faster, relative error 1e-6).

    `readout`, `read_in`: whether the NTK counts the parameters of `V` and of `A`; the layers' it always does. Raises
    `SettingError` for an activation that is unknown or cannot be expanded.
    """

    phi: str
    sigma_w: float
    sigma_b: float
    horizon: float
    depth: int
    kind: Kind = "nngp"
    readout: bool = True
    read_in: bool = False
    dtype: torch.dtype = torch.float64

    def __post_init__(self) -> None:
        expandable(self.phi)

    def of_overlaps(
        self, overlaps: Float[Tensor, "#n #m"], rows: Float[Tensor, "#n #m"], columns: Float[Tensor, "#n #m"]
    ) -> Float[Tensor, "n m"]:
        """The kernel of pairs with overlap `<z_1, z_2>/d` and mean squares `|z|^2/d`, elementwise."""
        h = self.horizon / self.depth
        ntk = self.kind == "ntk"
        shape = torch.broadcast_shapes(rows.shape, columns.shape)
        overlap = overlaps.expand(shape).clone()
        tangents = overlap.clone() if self.read_in else torch.zeros_like(overlap)
        q = [rows, columns]
        m = [torch.zeros_like(rows), torch.zeros_like(columns)]
        for _ in range(self.depth):
            moments_of_phi = expansions(self.phi, *(h * (self.sigma_b**2 + self.sigma_w**2 * square) for square in q))
            covariance = (h * self.sigma_w**2 * overlap).add_(h * self.sigma_b**2)
            values, slopes = pair_products(*moments_of_phi, covariance, slopes=ntk)
            if slopes is not None:
                tangents.add_(slopes.mul_(covariance + h * self.sigma_w**2 * tangents))
            overlap.add_(values)
            if not all(bool((x.mean == 0).all()) for x in moments_of_phi):
                overlap.addcmul_(m[0], moments_of_phi[1].mean).addcmul_(moments_of_phi[0].mean, m[1])
            q = [square + 2 * mean * x.mean + x.square for square, mean, x in zip(q, m, moments_of_phi, strict=True)]
            m = [mean + x.mean for mean, x in zip(m, moments_of_phi, strict=True)]
        if not ntk:
            return overlap
        return tangents.add_(overlap) if self.readout else tangents


def moments_recursion(
    phi: str, sigma_w: float, sigma_b: float, q0: Float[Tensor, " n"], horizon: float, depth: int
) -> tuple[Float[Tensor, "t n"], Float[Tensor, "t n"]]:
    """`m` and `q`, mean and mean square over the coordinates after 0, 1, ..., depth layers, each (depth + 1, n).

    Infinitely wide network of finite depth, `m_0 = 0`; float64.
    """
    h = horizon / depth
    m, q = [torch.zeros_like(q0)[None]], [q0[None]]
    for _ in range(depth):
        (moments_of_phi,) = expansions(phi, h * (sigma_b**2 + sigma_w**2 * q[-1]))
        q.append(q[-1] + 2 * m[-1] * moments_of_phi.mean + moments_of_phi.square)
        m.append(m[-1] + moments_of_phi.mean)
    return torch.cat(m), torch.cat(q)
