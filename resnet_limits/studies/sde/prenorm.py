"""`sde.prenorm.*`: pre-norm blocks.

norm        `q_0 + |x_L - x_0|^2/D`: the mean of `|x_L|^2/D` (a branch has mean 0 given the state), half its noise;
            branch factors `s_k^2 = h (1/2 + (k + 1/2)/L)`, whose sum is T
law         `(x_T - x_0)/sqrt(c T)` against standard normals, linear branch
without     growth of `x + W x` by a block, against `E log|e + W e|^2`, `|e| = 1`: with `J ~ Poisson(D/(2 sigma_w^2))`
            it is `log(2 sigma_w^2/D) + E digamma(D/2 + J)`, the mean logarithm of a noncentral chi^2
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...limits.averaged import gaussian_mean_square
from ...sampling.law import Isotropic
from ...sampling.pieces import pieces
from ...sampling.prenorm import linear, log_growth_without_norm, two_layers
from ..study import Job, Measurement, Record
from .claims.prenorm import NARROWEST, WITHOUT
from .claims.settings import sizes
from .problem import inputs, mean


def measure(job: Job) -> Measurement:
    """Norms, the law at the end, and growth without the norm."""
    settings, own = job.settings, sizes(job.settings)
    depth, horizon, phi = settings.depth, settings.horizon, settings.activation
    h = horizon / depth
    law = Isotropic(own.sigma_w, own.sigma_b)
    x0 = inputs(settings)
    factors = [math.sqrt(h * (0.5 + (k + 0.5) / depth)) for k in range(depth)]
    norms: dict[str, list[Tensor]] = {"linear": [], "two-layers": []}
    moved, growth = [], []
    for first, count in pieces(settings.replicas, vectors=len(x0), width=settings.width, dtype=x0.dtype):
        job.progress(first / settings.replicas, "pre-norm blocks")
        start = x0.expand(count, *x0.shape)
        where = {"seed": settings.seed, "first_replica": first}
        x = linear(start, factors, law, purpose="sde.prenorm.linear", **where)
        moved.append((x - start).double())
        norms["linear"].append(_square(x - start))
        y = two_layers(phi, start, factors, law, purpose="sde.prenorm.two", **where)
        norms["two-layers"].append(_square(y - start))
        bare = Isotropic(own.sigma_w, WITHOUT["init.sigma_b"])
        growth.append(
            log_growth_without_norm(start[:, :1], depth, bare, purpose="sde.prenorm.without", **where).double()
        )
    q0 = float(x0.double().square().mean())
    c = {"linear": own.sigma_w**2 + own.sigma_b**2}
    c["two-layers"] = own.sigma_w**2 * float(gaussian_mean_square(phi, torch.tensor(c["linear"], dtype=torch.float64)))
    records = []
    for scheme, its in norms.items():
        value, stderr = mean((q0 + torch.cat(its)) / (q0 + c[scheme] * horizon))
        records.append(Record("prenorm_norm", value, stderr=stderr, coordinates={"scheme": scheme}))
    if c["linear"] > 0:
        standard = torch.cat(moved) / math.sqrt(c["linear"] * horizon)
        value, stderr = _excess_kurtosis(standard)
        records.append(Record("prenorm_kurtosis", value, stderr=stderr, coordinates={"scheme": "linear"}))
        value, stderr = _radius_variance(standard)
        records.append(Record("prenorm_radius_var", value, stderr=stderr, coordinates={"scheme": "linear"}))
    if own.sigma_w > 0 and settings.width >= NARROWEST:
        expected = mean_log_growth(own.sigma_w, settings.width)
        value, stderr = mean(torch.cat(growth).mean(dim=1) / (depth * expected))
        coordinates = {"scheme": "without-norm", **WITHOUT}
        records.append(Record("prenorm_log_growth", value, stderr=stderr, coordinates=coordinates))
    return Measurement(records)


def _square(x: Float[Tensor, "r n d"]) -> Float[Tensor, " r"]:
    return x.double().square().mean(dim=(1, 2))


def _excess_kurtosis(standard: Float[Tensor, "r n d"]) -> tuple[float, float]:
    """`E y^4 - 3 (E y^2)^2`, its standard error to first order in the replicas' own moments."""
    fourth, second = standard.pow(4).mean(dim=(1, 2)), standard.square().mean(dim=(1, 2))
    value = float(fourth.mean() - 3 * second.mean() ** 2)
    _, stderr = mean(fourth - 6 * second.mean() * second)
    return value, stderr


def _radius_variance(standard: Float[Tensor, "r n d"]) -> tuple[float, float]:
    """Mean square of `|y|^2 - D`, in units of 2 D."""
    width = standard.shape[-1]
    off = standard.square().sum(dim=-1) - width
    return mean(off.square().mean(dim=1) / (2 * width))


def mean_log_growth(sigma_w: float, width: int) -> float:
    """`E log|e + g|^2`, `|e| = 1`, `g ~ N(0, sigma_w^2/D I)` in D dimensions."""
    from scipy.special import digamma
    from scipy.stats import poisson

    if sigma_w < 1e-3:  # to leading order: the sum below would cancel
        return sigma_w**2 * (1 - 2 / width)
    half = width / (2 * sigma_w**2)
    reach = 12 * math.sqrt(half) + 40
    counts = np.arange(max(0, math.floor(half - reach)), math.ceil(half + reach))
    weights = poisson.pmf(counts, half)
    return math.log(2 * sigma_w**2 / width) + float(weights @ digamma(width / 2 + counts) / weights.sum())
