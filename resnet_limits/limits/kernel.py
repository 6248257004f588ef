"""NNGP and NTK of infinitely wide and infinitely deep residual networks with shallow blocks `x + phi(W x + b)`.

    NNGP   lambda_T,    lambda' = 1/2 phi''(0) (m_1 v_2 + m_2 v_1) + k (c + lambda),    k = phi'(0)^2 sigma_w^2
    NTK    int_0^T k (c + lambda_t) e^{k(T-t)} dt  [+ lambda_T: read-out]  [+ e^{kT} <z_1, z_2>/d: read-in]

with `c = sigma_b^2/sigma_w^2`, a random read-out `y = V x_T/sqrt(D)` and a random read-in `x_0 = A z`, all in the NTK
parametrisation. `C = lambda - m_1 m_2` obeys the linear equation `C' = k (c + C + m_1 m_2)`, and both kernels are

    K(z_1, z_2) = constant + slope <z_1, z_2>/d + int_0^T density(t) m_1(t) m_2(t) dt + end m_1(T) m_2(T)

with nothing negative in it: with Gauss-Legendre nodes for the integral, `K = F F^T` with explicit features F. For
`phi''(0) = 0` the means vanish: the kernel is affine, its rank at most d + 1, and the network is linear regression.

Peluchetti & Favaro 2020 (arXiv 2007.03253); the NTK is Jacot, Gabriel & Hongler's (2018, arXiv 1806.07572).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..networks.activations import activation_named
from .moments import moments_at
from .pair_kernel import PairKernel, mean_square

Kind = Literal["nngp", "ntk"]

QUADRATURE_ERROR = 1e-13
"""Relative error at which no more Gauss-Legendre nodes are taken."""

MOST_QUADRATURE_NODES = 1024


@dataclass(frozen=True, kw_only=True)
class LimitKernel(PairKernel):
    """NNGP or NTK of the doubly infinite network, closed form where `phi''(0) = 0`; float64.

    `readout`, `read_in`: whether the NTK counts the parameters of `V` and of `A`; the layers' it always does, and the
    NNGP needs neither. `largest`: of an activation with `phi''(0) != 0`, the largest `|z|^2/d` that will be asked for,
    by which the nodes are chosen. Raises `SettingError` for an activation without `phi'(0)`, and for a horizon at or
    beyond the time at which an input of size `largest` explodes.
    """

    phi: str
    sigma_w: float
    sigma_b: float
    horizon: float
    kind: Kind = "nngp"
    readout: bool = True
    read_in: bool = False
    largest: float | None = None
    dtype: torch.dtype = torch.float64

    def __post_init__(self) -> None:
        _, curvature = activation_named(self.phi).taylor()
        if curvature and self.largest is None:
            raise ValueError(f"{self.phi} has phi''(0) != 0: give the largest |z|^2/d of all inputs")
        _ = self._quadrature  # raises beyond the explosion

    @property
    def rate(self) -> float:
        """`k = phi'(0)^2 sigma_w^2`."""
        return activation_named(self.phi).taylor()[0] ** 2 * self.sigma_w**2

    @cached_property
    def constant(self) -> float:
        """What is added to every entry of the kernel."""
        kT = self.rate * self.horizon
        source = activation_named(self.phi).taylor()[0] ** 2 * self.sigma_b**2 * self.horizon
        end = source * (math.expm1(kT) / kT if kT > 0 else 1.0)  # int_0^T e^{k(T-t)} dt phi'(0)^2 sigma_b^2
        return end if self.kind == "nngp" else source * math.exp(kT) + self.readout * end

    @cached_property
    def slope(self) -> float:
        """What multiplies `<z_1, z_2>/d`."""
        kT = self.rate * self.horizon
        factor = 1.0 if self.kind == "nngp" else kT + self.readout + self.read_in
        return factor * math.exp(kT)

    @cached_property
    def error(self) -> float:
        """Estimate of the relative error of the integral, from half the nodes; 0 where there is none."""
        return self._quadrature[2]

    @cached_property
    def _quadrature(self) -> tuple[Tensor, Tensor, float]:
        """Times, the weights of `m_1 m_2` there, and the error; the last time is the horizon where that counts."""
        nothing = torch.zeros(0, dtype=torch.float64)
        if activation_named(self.phi).taylor()[1] == 0:
            return nothing, nothing, 0.0
        assert self.largest is not None
        q = torch.tensor([self.largest], dtype=torch.float64)
        size, last = 8, None
        while True:
            times, weights = self._nodes(size)
            m, _ = moments_at(self.phi, self.sigma_w, self.sigma_b, q, times)
            total = float(weights @ m[:, 0].square())
            error = abs(total - last) / max(total, 1e-300) if last is not None else math.inf
            if error < QUADRATURE_ERROR or size >= MOST_QUADRATURE_NODES:
                return times, weights, error
            size, last = 2 * size, total

    def _nodes(self, count: int) -> tuple[Tensor, Tensor]:
        nodes, weights = np.polynomial.legendre.leggauss(count)
        t = torch.from_numpy((nodes + 1) * self.horizon / 2)
        left = self.rate * (self.horizon - t)
        density = self.rate * torch.exp(left) * (1.0 if self.kind == "nngp" else 1 + left + self.readout)
        weights_in_time = torch.from_numpy(weights * self.horizon / 2) * density
        if self.kind == "ntk" and not self.readout:
            return t, weights_in_time
        return torch.cat([t, t.new_tensor([self.horizon])]), torch.cat([weights_in_time, weights_in_time.new_ones(1)])

    def _means(self, q: Float[Tensor, " n"]) -> Float[Tensor, "t n"]:
        """`m(t_j)` of inputs of mean square q at time 0."""
        times, _, _ = self._quadrature
        if not len(times) or not len(q):
            return q.new_zeros(len(times), len(q))
        if self.largest is not None and float(q.max()) > self.largest * (1 + 1e-6):
            raise ValueError(f"an input has |z|^2/d = {float(q.max()):g}; the kernel is made for {self.largest:g}")
        return moments_at(self.phi, self.sigma_w, self.sigma_b, q, times)[0]

    def of_overlaps(
        self, overlaps: Float[Tensor, "#n #m"], rows: Float[Tensor, "#n #m"], columns: Float[Tensor, "#n #m"]
    ) -> Float[Tensor, "n m"]:
        """The kernel of pairs with overlap `<z_1, z_2>/d` and mean squares `|z|^2/d`, elementwise."""
        first, second = (self._means(q.flatten()).reshape(-1, *q.shape) for q in (rows, columns))
        total = (self.constant + self.slope * overlaps).expand(torch.broadcast_shapes(rows.shape, columns.shape))
        for weight, m1, m2 in zip(self._quadrature[1], first, second, strict=True):
            total = torch.addcmul(total, weight * m1, m2)
        return total.contiguous()

    def features(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n r"]:
        """`F` with `K = F F^T`: a constant, the inputs, and for `phi''(0) != 0` the means at the nodes; float64.

        (n, d + 1) where `phi''(0) = 0`, else some ten to thirty columns more.
        """
        z = z.double()
        _, weights, _ = self._quadrature
        means = self._means(mean_square(z)) * weights.sqrt()[:, None]
        constant = z.new_full((len(z), 1), math.sqrt(self.constant))
        return torch.cat([constant, math.sqrt(self.slope / z.shape[1]) * z, means.T], dim=1)

    def __call__(self, rows: Float[Tensor, "n d"], columns: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
        """The block `K(z_i, z'_j)`, from the features."""
        return self.features(rows) @ self.features(columns).T
