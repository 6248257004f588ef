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
of the SDE by O(h) and energy distances are quadratic in the difference of two laws: they fall as `h^2`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...claims.law_distance import energy_distance, kolmogorov_distance, kolmogorov_radius
from ...networks.activations import activation
from ...random import REPLICA_BLOCK, normals
from ...sampling.law import Isotropic
from ...sampling.pieces import pieces
from ...sampling.schemes import EulerMaruyama, Network
from ...sampling.walk import Walker, final
from ...settings import Sde
from ..study import Job, Measurement, Record
from .claims.law import LEVEL, MATRICES, NETWORKS, NO_BIAS, SWISH, TEST, norm_law
from .claims.settings import sizes
from .problem import fraction, inputs, mean
from .weak import variance

DRAWS = 4
"""Networks for each of the key `replicas`."""
LEAST = 4096
"""Fewer networks say little about a law."""
TESTED = 60
"""Networks that are tested, for each of the key `replicas`."""
FEWEST_TESTS = 32
PAIRS = 40
"""Pairs of network and Euler-Maruyama scheme, for each of the key `replicas`."""
AT_ONCE = 1024
"""Pairs of states that are held against each other: the cost grows with their square."""
PIECE = 32 * REPLICA_BLOCK
BETWEEN_DETERMINANTS = 8
"""Layers multiplied before a determinant is taken."""


def measure(job: Job) -> Measurement:
    """Moments of the exact laws, and distances to laws."""
    settings, records = job.settings, []
    parts = (_norms, _determinants, _tests, _two_samples)
    for i, part in enumerate(parts):
        job.progress(i / len(parts), "law" + part.__name__.replace("_", " "))
        records += part(job)
    count = draws(settings)
    return Measurement([replace(r, replicas=r.replicas or count) for r in records if math.isfinite(r.value)])


def draws(settings: Sde) -> int:
    """Networks that a law is estimated from."""
    return max(DRAWS * settings.replicas, LEAST)


def _norms(job: Job) -> list[Record]:
    """Mean and variance of `log |x_T|/|x_0|` without biases."""
    settings = job.settings
    ratio = _log_norm_ratio(settings, sizes(settings).sigma_w, "norm", draws(settings))
    exact = norm_law(settings, sizes(settings).sigma_w)
    return _moments("log_norm_ratio", ratio, exact, NO_BIAS)


def _moments(name: str, values: Tensor, exact: tuple[float, float], pins: dict[str, Any]) -> list[Record]:
    return [
        Record(name, *mean(values), reference=exact[0], coordinates=pins),
        Record(f"{name}_var", *variance(values.double()), reference=exact[1] ** 2, coordinates=pins),
    ]


def _log_norm_ratio(settings: Sde, sigma_w: float, purpose: str, count: int) -> Float[Tensor, " r"]:
    network = Walker(Network(settings.activation, settings.activation_inside), settings.depth)
    (x,) = sampled(settings, (network,), Isotropic(sigma_w, 0.0), purpose, count)
    return torch.log(torch.linalg.vector_norm(x, dim=-1) / torch.linalg.vector_norm(inputs(settings)[0]).cpu())


def sampled(
    settings: Sde, walkers: tuple[Walker, ...], law: Isotropic, purpose: str, count: int
) -> tuple[Float[Tensor, "r d"], ...]:
    """`x_T` of each walker in float64 from the first input; each purpose and depth has noise of its own."""
    found, x0 = [], inputs(settings)[:1]
    for first, its in pieces(count, vectors=len(walkers), width=settings.width, dtype=x0.dtype):
        states = final(
            walkers,
            x0.expand(its, *x0.shape),
            law,
            horizon=settings.horizon,
            seed=settings.seed,
            purpose=f"sde.law {purpose} {settings.depth}",
            first_replica=first,
        )
        found.append([x[:, 0].double().cpu() for x in states])
    return tuple(torch.cat(parts) for parts in zip(*found, strict=True))


def _determinants(job: Job) -> list[Record]:
    """Mean and variance of `log |det dx_T/dx_0|`."""
    settings, own = job.settings, sizes(job.settings)
    exact = (-(own.sigma_w**2) * settings.horizon / 2, own.sigma_w * math.sqrt(settings.horizon))
    return _moments("log_abs_det_jacobian", log_abs_det(settings), exact, MATRICES)


def log_abs_det(settings: Sde) -> Float[Tensor, " r"]:
    """`log |det dx_T/dx_0|` with full weight matrices, float64."""
    own, width, h = sizes(settings), MATRICES["width"], settings.horizon / settings.depth
    phi, psi = activation(settings.activation), activation(settings.activation_inside)
    start, found, count = inputs(settings, width=width, count=1), [], draws(settings)
    eye = torch.eye(width, dtype=start.dtype, device=start.device)
    for first in range(0, count, PIECE):
        its = min(PIECE, count - first)
        x, product, total = start.expand(its, width), eye.expand(its, width, width), torch.zeros(its).to(start)
        for layer in range(settings.depth):
            g = normals(
                (width, width + 1),
                replicas=its,
                seed=settings.seed,
                purpose=f"sde.law matrices {settings.depth}",
                layer=layer,
                dtype=start.dtype,
                device=start.device,
                first_replica=first,
            )
            W, b = own.sigma_w * math.sqrt(h / width) * g[..., :width], own.sigma_b * math.sqrt(h) * g[..., width]
            features, inner = with_slope(psi, x)
            branch, outer = with_slope(phi, (W * features.unsqueeze(-2)).sum(dim=-1) + b)
            x = x + branch
            product = torch.baddbmm(product, outer.unsqueeze(-1) * W * inner.unsqueeze(-2), product)
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


def _tests(job: Job) -> list[Record]:
    """How often Kolmogorov's test accepts the exact law, and the distance to it of all networks together."""
    from scipy.special import ndtr
    from scipy.stats import kstwo

    settings, sigma_w = job.settings, TEST["init.sigma_w"]
    tests = max(TESTED * settings.replicas // NETWORKS, FEWEST_TESTS)
    ratio = _log_norm_ratio(settings, sigma_w, "test", tests * NETWORKS).numpy()
    if not np.isfinite(ratio).all():
        return []
    centre, deviation = norm_law(settings, sigma_w)

    def distance(sample: np.ndarray) -> float:
        return kolmogorov_distance(sample, lambda x: ndtr((x - centre) / deviation))

    critical = kstwo.ppf(1 - LEVEL, NETWORKS)  # of the exact law of the distance of so many
    accepted = sum(bool(distance(sample) <= critical) for sample in ratio.reshape(tests, NETWORKS))
    all_of_them = distance(ratio), kolmogorov_radius(len(ratio)) / 1.96
    shift = math.sqrt(NETWORKS) * abs(_bias(settings, sigma_w)) / deviation / math.sqrt(2 * math.pi)
    return [
        Record("law_accepted", *fraction(accepted, tests), coordinates=TEST, replicas=len(ratio)),
        Record("law_distance", *all_of_them, coordinates=TEST, replicas=len(ratio)),
        Record("law_shift", shift, coordinates=TEST),
    ]


def _bias(settings: Sde, sigma_w: float) -> float:
    """What the mean of `log |x_L|/|x_0|` is off by for tanh networks, to first order in h."""
    h, d, k = settings.horizon / settings.depth, settings.width, sigma_w**2
    q0 = float(inputs(settings)[0].double().square().mean())
    grown = q0 * math.expm1(k * settings.horizon) / k
    return -h * k**2 * ((1 - 2 / d) * grown + settings.horizon * (1 / 4 - 3 / (2 * d) + 2 / d**2))


def _two_samples(job: Job) -> list[Record]:
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
