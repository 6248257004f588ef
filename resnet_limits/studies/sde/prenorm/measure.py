"""`sde.prenorm.*`: pre-norm blocks.

norm        `|x_L|^2/D = q_0 + |x_L - x_0|^2/D + 2 <x_0, x_L - x_0>/D`, each part with a claim: the first has the mean
            of the sum of the branches' squares (a branch has mean 0 given the state), the last has mean 0 unless states
            drift; branch factors `s_k^2 = h (1/2 + (k + 1/2)/L)`, whose sum is T
correlation of two inputs of equal norms, D = infinity: `q' = c`, `lambda' = sigma_w^2 lambda/q + sigma_b^2`, hence
            `(1 - rho)' = -(sigma_b^2/q) (1 - rho)` for `rho = lambda/q`; a network of depth L takes Euler's steps s_k^2
law         `(x_T - x_0)/sqrt(c T)` against standard normals: of the linear branch at any depth; of two layers it is a
            mixture of normal laws of variance `V_L` (`sampling/prenorm.py`), the sum of i.i.d. hidden sizes, hence with
            excess kurtosis `3 Var V_L/(E V_L)^2 = 3 Var|phi(z)|^2/(E|phi(z)|^2)^2 sum_k s_k^4/(sum_k s_k^2)^2`, as 1/L
without     growth of `x + W x` by a block, against `E log|e + W e|^2`, `|e| = 1`: with `J ~ Poisson(D/(2 sigma_w^2))`
            it is `log(2 sigma_w^2/D) + E digamma(D/2 + J)`, the mean logarithm of a noncentral chi^2
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ....engines import default_engine
from ....measurement.estimate import mean
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.gaussian_means import gaussian_mean_square
from ....random import Stream
from ....sampling.layer_law import Isotropic
from ....sampling.prenorm import ends_of_linear_branch, log_growth_without_norm, two_layers
from ....sampling.wide import mean_gram
from ..correlation.measure import four_inputs
from ..outside import sizes
from ..problem import inputs
from ..settings import Sde
from .claims import MIN_WIDTH_OF_PRENORM, PINS_OF_PRENORM_PAIR, PINS_WITHOUT_BIAS

OPPOSITE_INPUT = 3
"""Of `four_inputs`, the one of the norm of the first at a cosine of -0.5 to it."""
PRENORM_NETWORKS_A_REPLICA, MIN_PRENORM_NETWORKS = 4, 4096
"""Networks for each of the key `replicas`, and at least: these are cheap."""


def measure(job: Job) -> Measurement:
    """Norms, the law at the end, and growth without the norm."""
    settings, init = job.settings, sizes(job.settings)
    depth, horizon, phi = settings.depth, settings.horizon, settings.activation
    law = Isotropic(init.sigma_w, init.sigma_b)
    x0 = inputs(settings)
    factors = branch_factors(settings)
    deviations: dict[str, list[tuple[Tensor, Tensor]]] = {"linear": [], "two-layers": []}
    moved: dict[str, list[Tensor]] = {scheme: [] for scheme in deviations}
    growth, variances = [], []
    engine = default_engine()
    networks = max(PRENORM_NETWORKS_A_REPLICA * settings.replicas, MIN_PRENORM_NETWORKS)
    for first, count in engine.pieces(networks, vectors=len(x0), width=settings.width, dtype=x0.dtype):
        job.progress(first / networks, "pre-norm blocks")
        start = x0.expand(count, *x0.shape)
        stream = Stream(settings.seed, "sde.prenorm", first_replica=first)
        x = ends_of_linear_branch(start, factors, law, stream.part(f".linear {depth}"), act=engine.act)
        y, its_variance = two_layers(phi, start, factors, law, stream.part(f".two {depth}"), act=engine.act)
        for scheme, end in (("linear", x), ("two-layers", y)):
            off = (end - start).double()
            moved[scheme].append(off.cpu())
            deviations[scheme].append((off.square().mean(dim=(1, 2)).cpu(), (start * off).mean(dim=(1, 2)).cpu()))
        variances.append(its_variance.double().cpu())
        bare = Isotropic(init.sigma_w, PINS_WITHOUT_BIAS["init.sigma_b"])
        alone = log_growth_without_norm(start[:, :1], depth, bare, stream.part(f".without {depth}"), act=engine.act)
        growth.append(alone.double())
    c = {"linear": init.sigma_w**2 + init.sigma_b**2}
    c["two-layers"] = init.sigma_w**2 * float(gaussian_mean_square(phi, torch.tensor(c["linear"], dtype=torch.float64)))
    records = []
    for scheme, pieces in deviations.items():
        squares, along = (torch.cat(parts) for parts in zip(*pieces, strict=True))
        if c[scheme] == 0:
            continue
        coordinates = {"scheme": scheme}
        records += [
            Record("prenorm_movement", *mean(squares / (c[scheme] * horizon)), coordinates=coordinates),
            Record("prenorm_drift", *mean(along / float(along.std())), coordinates=coordinates),
        ]
        standard, excess = torch.cat(moved[scheme]) / math.sqrt(c[scheme] * horizon), 0.0
        if scheme == "two-layers":
            mixture = mixture_kurtosis(torch.cat(variances))
            excess = mixture[0]
            records.append(Record("prenorm_mixture", *mixture, coordinates=coordinates))
        # Var(V chi^2_D) = 2 D (1 + excess/3 (1 + D/2)) for E V = 1: what the limit does without
        numbers = {
            "prenorm_kurtosis": (_excess_kurtosis(standard), excess),
            "prenorm_radius_var": (_radius_variance(standard), excess / 3 * (1 + settings.width / 2)),
        }
        for observable, ((value, stderr), error) in numbers.items():
            records.append(Record(observable, value, stderr, reference_error=error, coordinates=coordinates))
    if init.sigma_w > 0 and settings.width >= MIN_WIDTH_OF_PRENORM:
        expected = mean_log_growth(init.sigma_w, settings.width)
        value, stderr = mean(torch.cat(growth).mean(dim=1) / (depth * expected))
        coordinates = {"scheme": "without-norm", **PINS_WITHOUT_BIAS}
        records.append(Record("prenorm_log_growth", value, stderr=stderr, coordinates=coordinates))
    records = [replace(r, replicas=networks) for r in records]
    return Measurement([*records, correlation(job)])


def branch_factors(settings: Sde) -> list[float]:
    """`s_k`, k = 0, ..., L-1; their squares rise linearly and have the sum T."""
    depth = settings.depth
    return [math.sqrt(settings.horizon / depth * (0.5 + (k + 0.5) / depth)) for k in range(depth)]


def correlation(job: Job) -> Record:
    """Two inputs in wide networks with a linear branch, against infinite width and depth."""
    settings, law = job.settings, Isotropic(PINS_OF_PRENORM_PAIR["init.sigma_w"], PINS_OF_PRENORM_PAIR["init.sigma_b"])
    x0, factors = four_inputs(settings, PINS_OF_PRENORM_PAIR["width"])[[0, OPPOSITE_INPUT]], branch_factors(settings)
    engine, networks, grams = default_engine(), max(settings.replicas // 4, 256), []
    for first, count in engine.pieces(networks, vectors=len(x0), width=x0.shape[-1], dtype=x0.dtype):
        job.progress(first / networks, "pre-norm blocks, two inputs")
        stream = Stream(settings.seed, f"sde.prenorm.pair {settings.depth}", first_replica=first)
        grams.append(
            mean_gram(ends_of_linear_branch(x0.expand(count, *x0.shape), factors, law, stream, act=engine.act)).cpu()
        )
    products = torch.cat(grams)
    mixed, p, q = products[:, 0, 1], products[:, 0, 0], products[:, 1, 1]
    rho = float(mixed.mean() / (p.mean() * q.mean()).sqrt())
    _, error = mean(mixed / (p.mean() * q.mean()).sqrt() - rho * (p / p.mean() + q / q.mean()) / 2)
    start = mean_gram(x0[None])[0].cpu()
    q0, c = float(start[0, 0]), law.sigma_w**2 + law.sigma_b**2
    limit = (1 - float(start[0, 1]) / q0) * (1 + c * settings.horizon / q0) ** (-(law.sigma_b**2) / c)
    at_depth = one_less_correlation(float(start[0, 1]), q0, law, factors)
    return Record(
        "prenorm_correlation",
        (1 - rho) / limit,
        error / limit,
        reference_error=abs(at_depth / limit - 1),
        coordinates={"scheme": "linear-pair", **PINS_OF_PRENORM_PAIR},
        replicas=networks,
    )


def one_less_correlation(mixed: float, q: float, law: Isotropic, factors: Sequence[float]) -> float:
    """`1 - rho_L` of infinitely wide networks."""
    for s in factors:
        mixed += s**2 * (law.sigma_w**2 * mixed / q + law.sigma_b**2)
        q += s**2 * (law.sigma_w**2 + law.sigma_b**2)
    return 1 - mixed / q


def mixture_kurtosis(variances: Float[Tensor, "r n"]) -> tuple[float, float]:
    """`3 Var V/(E V)^2`, excess kurtosis of N(0, V) with random V: its standard error from the replicas' scatter."""
    relative = variances / variances.mean() - 1
    return mean(3 * relative.square().mean(dim=1))


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
