"""`sde.law.*`: laws of networks of finite width at time T, from one input. For tanh and psi = id those of the SDE are

    log |x_T|/|x_0|   ~ N(sigma_w^2 T (1/2 - 1/D), sigma_w^2 T/D)      sigma_b = 0
    log |det G_T|     ~ N(-sigma_w^2 T/2, sigma_w^2 T)                 G_T = dx_T/dx_0, any width and sigma_b

at any width. The determinant is that of full matrices `I + diag(phi'(z)) W diag(psi'(x))`, at a small width.

Kolmogorov's test of 256 networks against the first law, many times over: how often it accepts. At depth L the mean of
`log |x_L|/|x_0|` is off by `-h s^4 [(1 - 2/D) q_0 (e^{s^2 T} - 1)/s^2 + T (1/4 - 3/(2D) + 2/D^2)] + O(h^2)`,
`s = sigma_w`, `h = T/L` (expand `log |x + tanh z|^2` to order `h^2` in Gaussian z). A shift by `m` standard deviations
moves the distribution function of a normal law by `m/sqrt(2 pi)` at most: n networks see it once
`law_shift = sqrt(n) m/sqrt(2 pi)`, proportional to `sqrt(n)/L`, is well above 1.

Where there is no exact law (swish) networks and Euler-Maruyama schemes of their depth are held against each other, on
one noise, by energy distances of the states and of `mean_d x_d`, which the Ito drift moves. Both laws differ from that
of the SDE by O(h) and energy distances are quadratic in the difference of two laws: they fall as `h^2`. Kolmogorov's
distances of the two on noises of their own, which sampling alone keeps from 0, tell whether the laws are one at all.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ....claims.law_distance import energy_distance, kolmogorov_distance, kolmogorov_radius, two_sample_distance
from ....engines import default_engine
from ....fixed_shape import add_terms
from ....measurement.estimate import mean, probability, variance
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.activations import activation_named
from ....random import REPLICA_BLOCK, Stream, normals
from ....sampling.law import Isotropic
from ....sampling.schemes import EulerMaruyama, Network, Walker
from ..finite_depth import log_norm_variance
from ..outside import MOST, growth, linear, sizes
from ..problem import inputs
from ..settings import Sde
from .claims import LEVEL, MATRICES, NETWORKS, NO_BIAS, PAIRS, SWISH, TEST, norm_law

DRAWS = 4
"""Networks for each of the key `replicas`."""
LEAST = 4096
"""Fewer networks say little about a law."""
TESTED = 60
"""Networks that are tested, for each of the key `replicas`."""
FEWEST_TESTS = 32
APART = 2**14
"""Fewest networks that are held against schemes on other noise: the band of two such samples is 0.015 wide."""
AT_ONCE = 1024
"""Pairs of states that are held against each other: the cost grows with their square."""
PIECE = 32 * REPLICA_BLOCK
BETWEEN_DETERMINANTS = 8
"""Layers multiplied before a determinant is taken."""


def measure(job: Job) -> Measurement:
    """Moments of the exact laws, and distances to laws."""
    settings, records = job.settings, []
    parts = (norms, determinants, tests, two_samples, distances)
    for i, part in enumerate(parts):
        job.progress(i / len(parts), "law " + part.__name__.replace("_", " "))
        records += part(job)
    count = draws(settings)
    return Measurement([replace(r, replicas=r.replicas or count) for r in records if math.isfinite(r.value)])


def draws(settings: Sde) -> int:
    """Networks that a law is estimated from."""
    return max(DRAWS * settings.replicas, LEAST)


def norms(job: Job) -> list[Record]:
    """Mean and variance of `log |x_T|/|x_0|` without biases."""
    settings, sigma_w = job.settings, sizes(job.settings).sigma_w
    if growth(settings) > MOST:
        return []
    ratio = log_norm_ratio(settings, sigma_w, "norm", draws(settings))
    exact, off = norm_law(settings, sigma_w), (math.nan, math.nan)
    if linear(settings) is None and sigma_w:
        variance_off = log_norm_variance(settings, inputs(settings)[0], sigma_w) - exact[1] ** 2
        off = (abs(norm_bias(settings, sigma_w)), abs(variance_off))
    return _moments("log_norm_ratio", ratio, exact, off, NO_BIAS)


def _moments(
    name: str, values: Tensor, exact: tuple[float, float], off: tuple[float, float], pins: dict[str, Any]
) -> list[Record]:
    """Mean and variance, with `off`, what they are off by at this depth."""
    moments = (mean(values), variance(values.double()))
    return [
        Record(its, *moment, reference=limit, reference_error=error, coordinates=pins)
        for its, moment, limit, error in zip(
            (name, f"{name}_var"), moments, (exact[0], exact[1] ** 2), off, strict=True
        )
    ]


def log_norm_ratio(settings: Sde, sigma_w: float, purpose: str, count: int) -> Float[Tensor, " r"]:
    network = Walker(Network(settings.activation, settings.activation_inside), settings.depth)
    (x,) = sampled(settings, (network,), Isotropic(sigma_w, 0.0), purpose, count)
    return torch.log(torch.linalg.vector_norm(x, dim=-1) / torch.linalg.vector_norm(inputs(settings)[0]).cpu())


def sampled(
    settings: Sde, walkers: tuple[Walker, ...], law: Isotropic, purpose: str, count: int
) -> tuple[Float[Tensor, "r d"], ...]:
    """`x_T` of each walker in float64 from the first input; each purpose and depth has noise of its own."""
    engine, found, x0 = default_engine(), [], inputs(settings)[:1]
    for first, its in engine.pieces(count, vectors=len(walkers), width=settings.width, dtype=x0.dtype):
        states = engine.final(
            walkers,
            x0.expand(its, *x0.shape),
            law,
            horizon=settings.horizon,
            stream=Stream(settings.seed, f"sde.law {purpose} {settings.depth}", first_replica=first),
        )
        found.append([x[:, 0].double().cpu() for x in states])
    return tuple(torch.cat(parts) for parts in zip(*found, strict=True))


def determinants(job: Job) -> list[Record]:
    """Mean and variance of `log |det dx_T/dx_0|`."""
    settings, own = job.settings, sizes(job.settings)
    if growth(settings) > MOST:
        return []
    exact = (-growth(settings) / 2, own.sigma_w * math.sqrt(settings.horizon))
    off = tuple(map(abs, determinant_bias(settings))) if linear(settings) is None and own.sigma_w else (math.nan,) * 2
    return _moments("log_abs_det_jacobian", log_abs_det(settings), exact, (off[0], off[1]), MATRICES)


def determinant_bias(settings: Sde) -> tuple[float, float]:
    """What mean and variance of `log |det dx_L/dx_0|` of tanh networks are off by, to first order in h.

    Expand `tr N - tr N^2/2 + tr N^3/3 - tr N^4/4`, `N = diag(phi'(z)) W`, to order `h^2`. With `k = sigma_w^2`,
    `Q = int q dt` and `S(t) = Cov(sum tr N, |x|^2/D)`, `S' = k S + 2 k q/D`:

        mean        h [k (q_T - q_0) + 2 k^2 Q/D - k^2 T (1 + 2/D)/4]
        variance    h [-2 k (q_T - q_0) - 4 k^2 Q/D + k^2 T (1/2 + 2/D) + 2 k^2 (1 + 2/D) int S dt]
    """
    own, d, T = sizes(settings), MATRICES["width"], settings.horizon
    k, c = own.sigma_w**2, (own.sigma_b / own.sigma_w) ** 2
    q0 = float(inputs(settings, width=d, count=1)[0].double().square().mean())
    e = math.exp(k * T)
    grown, Q = (q0 + c) * (e - 1), (q0 + c) * (e - 1) / k - c * T
    # S(t) = 2 k/D [(q_0 + c) t e^{k t} - c (e^{k t} - 1)/k]
    S = 2 * k / d * ((q0 + c) * (T * e / k - (e - 1) / k**2) - c * ((e - 1) / k**2 - T / k))
    h = T / settings.depth
    centre = k * grown + 2 * k**2 * Q / d - k**2 * T * (1 + 2 / d) / 4
    spread = -2 * k * grown - 4 * k**2 * Q / d + k**2 * T * (1 / 2 + 2 / d) + 2 * k**2 * (1 + 2 / d) * S
    return h * centre, h * spread


def log_abs_det(settings: Sde) -> Float[Tensor, " r"]:
    """`log |det dx_T/dx_0|` with full weight matrices, float64."""
    own, width, h = sizes(settings), MATRICES["width"], settings.horizon / settings.depth
    phi, psi = activation_named(settings.activation), activation_named(settings.activation_inside)
    start, found, count = inputs(settings, width=width, count=1), [], draws(settings)
    eye = torch.eye(width, dtype=start.dtype, device=start.device)
    for first in range(0, count, PIECE):
        its = min(PIECE, count - first)
        x, product, total = start.expand(its, width), eye.expand(its, width, width), torch.zeros(its).to(start)
        stream = Stream(settings.seed, f"sde.law matrices {settings.depth}", first_replica=first)
        for layer in range(settings.depth):
            g = normals(
                (width, width + 1),
                stream.at(layer),
                replicas=its,
                dtype=start.dtype,
                device=start.device,
            )
            W, b = own.sigma_w * math.sqrt(h / width) * g[..., :width], own.sigma_b * math.sqrt(h) * g[..., width]
            features, inner = with_slope(psi, x)
            branch, outer = with_slope(phi, (W * features.unsqueeze(-2)).sum(dim=-1) + b)
            x = x + branch
            product = add_terms(product.clone(), outer.unsqueeze(-1) * W * inner.unsqueeze(-2), product)
            if (layer + 1) % BETWEEN_DETERMINANTS == 0 or layer + 1 == settings.depth:
                total, product = total + torch.linalg.slogdet(product).logabsdet, eye.expand(its, width, width)
        found.append(total.double().cpu())
    return torch.cat(found)


def with_slope(function: Any, z: Tensor) -> tuple[Tensor, Tensor]:
    """An elementwise function and its derivative."""
    z = z.detach().requires_grad_()
    with torch.enable_grad():
        value = function(z)
        (slope,) = torch.autograd.grad(value.sum(), z)
    return value.detach(), slope


def tests(job: Job) -> list[Record]:
    """How often Kolmogorov's test accepts the exact law, and the distance to it of all networks together."""
    from scipy.special import ndtr
    from scipy.stats import kstwo

    settings, sigma_w = job.settings, TEST["init.sigma_w"]
    tests = max(TESTED * settings.replicas // NETWORKS, FEWEST_TESTS)
    if sigma_w**2 * settings.horizon > MOST:
        return []
    ratio = log_norm_ratio(settings, sigma_w, "test", tests * NETWORKS).numpy()
    if not np.isfinite(ratio).all():
        return []
    centre, deviation = norm_law(settings, sigma_w)

    def distance(sample: np.ndarray) -> float:
        return kolmogorov_distance(sample, lambda x: ndtr((x - centre) / deviation))

    critical = kstwo.ppf(1 - LEVEL, NETWORKS)  # of the exact law of the distance of so many
    accepted = sum(bool(distance(sample) <= critical) for sample in ratio.reshape(tests, NETWORKS))
    all_of_them = distance(ratio), kolmogorov_radius(len(ratio)) / 1.96
    shift = math.sqrt(NETWORKS) * abs(norm_bias(settings, sigma_w)) / deviation / math.sqrt(2 * math.pi)
    return [
        Record("law_accepted", *probability(accepted, tests), coordinates=TEST, replicas=len(ratio)),
        Record("law_distance", *all_of_them, coordinates=TEST, replicas=len(ratio)),
        Record("law_shift", shift, coordinates=TEST),
    ]


def norm_bias(settings: Sde, sigma_w: float) -> float:
    """What the mean of `log |x_L|/|x_0|` is off by for tanh networks, to first order in h."""
    h, d, k = settings.horizon / settings.depth, settings.width, sigma_w**2
    q0 = float(inputs(settings)[0].double().square().mean())
    grown = q0 * math.expm1(k * settings.horizon) / k
    return -h * k**2 * ((1 - 2 / d) * grown + settings.horizon * (1 / 4 - 3 / (2 * d) + 2 / d**2))


def two_samples(job: Job) -> list[Record]:
    """Energy distances of networks and Euler-Maruyama schemes on one noise."""
    settings, phi, psi = job.settings, SWISH["activation"], job.settings.activation_inside
    law, depth = Isotropic(SWISH["init.sigma_w"], SWISH["init.sigma_b"]), settings.depth
    walkers = (Walker(Network(phi, psi), depth), Walker(EulerMaruyama(phi, psi, law), depth))
    count = max(PAIRS * settings.replicas, LEAST)
    network, sde = (x.numpy() for x in sampled(settings, walkers, law, "two samples", count))
    if not (np.isfinite(sde).all() and np.isfinite(network).all()):
        return []
    records = []
    for scheme, a, b, size in (
        ("states", network, sde, AT_ONCE),
        ("mean", network.mean(axis=1, keepdims=True), sde.mean(axis=1, keepdims=True), count),
    ):
        parts = range(0, count - size + 1, size)
        with np.errstate(invalid="ignore", over="ignore"):  # beyond an explosion: no number, and no record
            its = np.array([energy_distance(a[i : i + size], b[i : i + size]) for i in parts])
        value, stderr = float(its[:, 0].mean()), math.hypot(*its[:, 1]) / len(its)
        coordinates = {"scheme": scheme, **SWISH}
        records.append(Record("energy_distance", value, stderr, coordinates=coordinates, replicas=count))
    return records


def distances(job: Job) -> list[Record]:
    """Kolmogorov's distances of networks and Euler-Maruyama schemes, each on noise of its own."""
    settings, phi, psi = job.settings, SWISH["activation"], job.settings.activation_inside
    law, depth = Isotropic(SWISH["init.sigma_w"], SWISH["init.sigma_b"]), settings.depth
    count = max(PAIRS * settings.replicas, APART)
    (network,) = sampled(settings, (Walker(Network(phi, psi), depth),), law, "network alone", count)
    (sde,) = sampled(settings, (Walker(EulerMaruyama(phi, psi, law), depth),), law, "SDE alone", count)
    if not bool(network.isfinite().all() and sde.isfinite().all()):
        return []
    stderr = kolmogorov_radius(count / 2) / 1.96  # n m/(n + m) with n = m
    numbers = {"mean": lambda x: x.mean(dim=1), "norm": lambda x: torch.linalg.vector_norm(x, dim=1)}
    return [
        Record(
            "ks_distance",
            two_sample_distance(of(network).numpy(), of(sde).numpy()),
            stderr,
            coordinates={"scheme": scheme, **SWISH},
            replicas=count,
        )
        for scheme, of in numbers.items()
    ]
