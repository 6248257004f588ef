"""`sde.law.*`: laws of networks of finite width at time T, from one input. For tanh and psi = id those of the SDE are

    log |x_T|/|x_0|   ~ N(sigma_w^2 T (1/2 - 1/D), sigma_w^2 T/D)      sigma_b = 0
    log |det G_T|     ~ N(-sigma_w^2 T/2, sigma_w^2 T)                 G_T = dx_T/dx_0 = Q R, any width and sigma_b
    log R_ii          ~ N(sigma_w^2 T (D - 2i)/(2D), sigma_w^2 T/D)    independent, i = 1..D
    E|x_T|^4/(E|x_T|^2)^2 = e^{4 sigma_w^2 T/D}                        sigma_b = 0

at any width. G is that of full matrices `I + diag(phi'(z)) W diag(psi'(x))`, at a small width. Means are taken less the
martingales `sum_k <x_k, x_{k+1} - x_k>/|x_k|^2` and `sum_k tr(diag(phi'(z)) W)`, whose means vanish because phi is odd.

Kolmogorov's test of 256 networks against the first law, many times over: how often it accepts. At depth L the mean of
`log |x_L|/|x_0|` is off by `-h s^4 [(1 - 2/D) q_0 (e^{s^2 T} - 1)/s^2 + T (1/4 - 3/(2D) + 2/D^2)] + O(h^2)`,
`s = sigma_w`, `h = T/L` (expand `log |x + tanh z|^2` to order `h^2` in Gaussian z). A shift by `m` standard deviations
moves the distribution function of a normal law by `m/sqrt(2 pi)` at most: n networks see it once
`law_shift = sqrt(n) m/sqrt(2 pi)`, proportional to `sqrt(n)/L`, is well above 1.

Where there is no exact law (swish) networks and Euler-Maruyama schemes of `SCHEME_LAYERS_A_LAYER` L layers are held
against each other, on one noise, by energy distances of the states and of `mean_d x_d`, which the Ito drift moves.
Both laws differ from that of the SDE by O(h) and energy distances are quadratic in the difference of two laws: they
fall as `h^2`. Kolmogorov's distances tell whether the laws are one at all. There the SDE is drawn without weights:
from one input its mean over coordinates and its distance from the diagonal are a diffusion of their own in two
dimensions (`reduced`).
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
from ....random import REPLICA_BLOCK, Stream, generator, normals
from ....sampling.layer_law import Isotropic
from ....sampling.schemes import EulerMaruyama, ShallowNetwork, Walker
from ....settings.content import chosen_keys
from ..finite_depth import log_norm_variance
from ..outside import MAX_EXPONENT_IN_DOUBLE, growth, not_linear, sizes
from ..problem import inputs
from ..settings import Sde
from .claims import (
    INDEPENDENT_PAIRS_A_REPLICA,
    LEVEL_OF_TEST,
    NETWORKS_A_TEST,
    PINS_OF_LAW_TEST,
    PINS_OF_MATRICES,
    PINS_OF_OTHER_NOISE,
    PINS_OF_SWISH_LAW,
    PINS_WITHOUT_BIAS,
    norm_law,
)

NETWORKS_A_REPLICA = 4
"""Networks for each of the key `replicas`."""
MIN_NETWORKS_OF_LAW = 4096
"""Fewer networks say little about a law."""
NETWORKS_TESTED_A_REPLICA = 60
"""Networks that are tested, for each of the key `replicas`."""
FEWEST_TESTS = 32
PAIRS_A_REPLICA = 10
"""Pairs of network and scheme on one noise, for each of the key `replicas`."""
MIN_NETWORKS_ON_OTHER_NOISE = 2**15
"""Fewest networks that are held against schemes on other noise: the band of two such samples is 0.011 wide."""
KEYS_OF_SAMPLES = ("seed", "width", "horizon", "dtype", "data", "sde.inputs", "sde.norm", "sde.correlation")
"""Keys that its samples depend on."""
STATES_COMPARED_AT_A_TIME = 1024
"""Pairs of states that are held against each other: the cost grows with their square."""
MATRICES_A_PIECE = 32 * REPLICA_BLOCK
LAYERS_BETWEEN_VOLUMES = 8
"""Layers multiplied before volumes are taken."""
SCHEME_LAYERS_A_LAYER = 4
"""Layers of the scheme that stands for the SDE in energy distances, for each of the network's."""
STEPS_OF_NORM_DIFFUSION = 512
"""Of the diffusion of mean and norm: an error of its law of some thousandths."""


def measure(job: Job) -> Measurement:
    """Moments of the exact laws, and distances to laws."""
    settings, records = job.settings, []
    parts = (norms, determinants, tests, two_samples, kolmogorov_distances)
    for i, part in enumerate(parts):
        job.progress(i / len(parts), "law " + part.__name__.replace("_", " "))
        records += part(job)
    count = networks_of_law(settings)
    return Measurement([replace(r, replicas=r.replicas or count) for r in records if math.isfinite(r.value)])


def networks_of_law(settings: Sde) -> int:
    """Networks that a law is estimated from."""
    return max(NETWORKS_A_REPLICA * settings.replicas, MIN_NETWORKS_OF_LAW)


def norms(job: Job) -> list[Record]:
    """Mean, less its martingale, and variance of `log |x_T|/|x_0|` without biases."""
    settings, sigma_w = job.settings, sizes(job.settings).sigma_w
    if growth(settings) > MAX_EXPONENT_IN_DOUBLE:
        return []
    ratio, martingale = log_norms(settings, sigma_w, "norm", networks_of_law(settings))
    exact, off = norm_law(settings, sigma_w), (math.nan, math.nan)
    if not_linear(settings) is None and sigma_w:
        variance_off = log_norm_variance(settings, inputs(settings)[0], sigma_w) - exact[1] ** 2
        off = (abs(norm_bias(settings, sigma_w)), abs(variance_off))
    records = _moments("log_norm_ratio", ratio, martingale, exact, off, PINS_WITHOUT_BIAS)
    return [*records, Record("log_norm_martingale", *mean(martingale), coordinates=PINS_WITHOUT_BIAS)]


def _moments(
    name: str,
    values: Tensor,
    martingale: Tensor,
    exact: tuple[float, float],
    off: tuple[float, float],
    pins: dict[str, Any],
) -> list[Record]:
    """Mean and variance, with `off`, what they are off by at this depth."""
    moments = (mean(values - martingale), variance(values.double()))
    return [
        Record(observable, *moment, reference=limit, reference_error=error, coordinates=pins)
        for observable, moment, limit, error in zip(
            (name, f"{name}_var"), moments, (exact[0], exact[1] ** 2), off, strict=True
        )
    ]


def log_norms(settings: Sde, sigma_w: float, purpose: str, count: int) -> tuple[Tensor, Tensor]:
    """`log |x_T|/|x_0|` and `sum_k <x_k, x_{k+1} - x_k>/|x_k|^2`, (count,) each."""
    network = (Walker(ShallowNetwork(settings.activation, settings.activation_inside), settings.depth),)
    law, x0, pieces = Isotropic(sigma_w, 0.0), inputs(settings)[:1], []
    for first, replicas in default_engine().pieces(count, vectors=1, width=settings.width, dtype=x0.dtype):
        x = start = x0.expand(replicas, *x0.shape)
        along = x0.new_zeros(replicas)
        stream = Stream(settings.seed, f"sde.law {purpose} {settings.depth}", first_replica=first)
        for _, (after,) in default_engine().walk(network, start, law, horizon=settings.horizon, stream=stream):
            along = along + (x * (after - x)).sum(dim=(1, 2)) / x.square().sum(dim=(1, 2))
            x = after
        ratio = torch.log(torch.linalg.vector_norm(x, dim=(1, 2)) / torch.linalg.vector_norm(x0))
        pieces.append((ratio.double().cpu(), along.double().cpu()))
    ratio, martingale = (torch.cat(parts) for parts in zip(*pieces, strict=True))
    return ratio, martingale


def log_norm_ratio(settings: Sde, sigma_w: float, purpose: str, count: int) -> Float[Tensor, " r"]:
    network = Walker(ShallowNetwork(settings.activation, settings.activation_inside), settings.depth)
    x0 = inputs(settings)[:1]
    (x,) = sampled_ends(settings, (network,), Isotropic(sigma_w, 0.0), purpose, count, x0)
    return torch.log(torch.linalg.vector_norm(x, dim=-1) / torch.linalg.vector_norm(x0).cpu())


def sampled_ends(
    settings: Sde, walkers: tuple[Walker, ...], law: Isotropic, purpose: str, count: int, x0: Float[Tensor, "1 d"]
) -> tuple[Float[Tensor, "r d"], ...]:
    """`x_T` of each walker in float64; each purpose and depth has noise of its own."""
    pieces = []
    for first, replicas in default_engine().pieces(count, vectors=len(walkers), width=x0.shape[1], dtype=x0.dtype):
        states = default_engine().final(
            walkers,
            x0.expand(replicas, *x0.shape),
            law,
            horizon=settings.horizon,
            stream=Stream(settings.seed, f"sde.law {purpose} {settings.depth}", first_replica=first),
        )
        pieces.append([x[:, 0].double().cpu() for x in states])
    return tuple(torch.cat(parts) for parts in zip(*pieces, strict=True))


def determinants(job: Job) -> list[Record]:
    """Mean, less its martingale, and variance of `log |det dx_T/dx_0|`; slope over i and variance of `log R_ii`."""
    settings, init = job.settings, sizes(job.settings)
    if growth(settings) > MAX_EXPONENT_IN_DOUBLE:
        return []
    exact = (-growth(settings) / 2, init.sigma_w * math.sqrt(settings.horizon))
    off = (
        tuple(map(abs, determinant_bias(settings)))
        if not_linear(settings) is None and init.sigma_w
        else (math.nan,) * 2
    )
    volumes, martingale = log_volumes(settings)
    records = _moments(
        "log_abs_det_jacobian", volumes.sum(dim=1), martingale, exact, (off[0], off[1]), PINS_OF_MATRICES
    )
    if not init.sigma_w:
        return records
    d, each = PINS_OF_MATRICES["width"], growth(settings) / PINS_OF_MATRICES["width"]
    i = torch.arange(d, dtype=torch.float64) - (d - 1) / 2
    slopes = volumes @ (i / i.square().sum())
    spread = (volumes - volumes.mean(dim=0)).square().mean(dim=1) * len(volumes) / (len(volumes) - 1)
    moments = {"log_volume_slope": mean(-slopes / each), "log_volume_var": mean(spread / each)}
    # What they are off by at this depth is taken for that of the determinant, relative to its own mean and variance.
    errors = (off[0] / abs(exact[0]), off[1] / exact[1] ** 2)
    return records + [
        Record(name, *moment, reference=1.0, reference_error=error, coordinates=PINS_OF_MATRICES)
        for (name, moment), error in zip(moments.items(), errors, strict=True)
    ]


def determinant_bias(settings: Sde) -> tuple[float, float]:
    """What mean and variance of `log |det dx_L/dx_0|` of tanh networks are off by, to first order in h.

    Expand `tr N - tr N^2/2 + tr N^3/3 - tr N^4/4`, `N = diag(phi'(z)) W`, to order `h^2`. With `k = sigma_w^2`,
    `Q = int q dt` and `S(t) = Cov(sum tr N, |x|^2/D)`, `S' = k S + 2 k q/D`:

        mean        h [k (q_T - q_0) + 2 k^2 Q/D - k^2 T (1 + 2/D)/4]
        variance    h [-2 k (q_T - q_0) - 4 k^2 Q/D + k^2 T (1/2 + 2/D) + 2 k^2 (1 + 2/D) int S dt]
    """
    init, d, T = sizes(settings), PINS_OF_MATRICES["width"], settings.horizon
    k, c = init.sigma_w**2, (init.sigma_b / init.sigma_w) ** 2
    q0 = float(inputs(settings, width=d, count=1)[0].double().square().mean())
    e = math.exp(k * T)
    grown, Q = (q0 + c) * (e - 1), (q0 + c) * (e - 1) / k - c * T
    # S(t) = 2 k/D [(q_0 + c) t e^{k t} - c (e^{k t} - 1)/k]
    S = 2 * k / d * ((q0 + c) * (T * e / k - (e - 1) / k**2) - c * ((e - 1) / k**2 - T / k))
    h = T / settings.depth
    centre = k * grown + 2 * k**2 * Q / d - k**2 * T * (1 + 2 / d) / 4
    spread = -2 * k * grown - 4 * k**2 * Q / d + k**2 * T * (1 / 2 + 2 / d) + 2 * k**2 * (1 + 2 / d) * S
    return h * centre, h * spread


def log_volumes(settings: Sde) -> tuple[Float[Tensor, "r d"], Float[Tensor, " r"]]:
    """`log |R_ii|` of `dx_T/dx_0 = Q R` with full weight matrices, and `sum_k tr(diag(phi'(z)) W diag(psi'(x)))`."""
    init, width, h = sizes(settings), PINS_OF_MATRICES["width"], settings.horizon / settings.depth
    phi, psi = activation_named(settings.activation), activation_named(settings.activation_inside)
    start, pieces, count = inputs(settings, width=width, count=1), [], networks_of_law(settings)
    eye = torch.eye(width, dtype=start.dtype, device=start.device)
    for first in range(0, count, MATRICES_A_PIECE):
        replicas = min(MATRICES_A_PIECE, count - first)
        x, product = start.expand(replicas, width), eye.expand(replicas, width, width)
        total, martingale = torch.zeros(replicas, width).to(start), torch.zeros(replicas).to(start)
        stream = Stream(settings.seed, f"sde.law matrices {settings.depth}", first_replica=first)
        for layer in range(settings.depth):
            g = normals(
                (width, width + 1),
                stream.at(layer),
                replicas=replicas,
                dtype=start.dtype,
                device=start.device,
            )
            W, b = init.sigma_w * math.sqrt(h / width) * g[..., :width], init.sigma_b * math.sqrt(h) * g[..., width]
            features, inner = with_slope(psi, x)
            branch, outer = with_slope(phi, (W * features.unsqueeze(-2)).sum(dim=-1) + b)
            x = x + branch
            J = outer.unsqueeze(-1) * W * inner.unsqueeze(-2)
            martingale = martingale + J.diagonal(dim1=1, dim2=2).sum(dim=1)
            product = add_terms(product.clone(), J, product)
            if (layer + 1) % LAYERS_BETWEEN_VOLUMES == 0 or layer + 1 == settings.depth:
                product, R = torch.linalg.qr(product)
                total = total + R.diagonal(dim1=1, dim2=2).abs().log()
        pieces.append((total.double().cpu(), martingale.double().cpu()))
    volumes, martingale = (torch.cat(parts) for parts in zip(*pieces, strict=True))
    return volumes, martingale


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

    settings, sigma_w = job.settings, PINS_OF_LAW_TEST["init.sigma_w"]
    tests = max(NETWORKS_TESTED_A_REPLICA * settings.replicas // NETWORKS_A_TEST, FEWEST_TESTS)
    if sigma_w**2 * settings.horizon > MAX_EXPONENT_IN_DOUBLE:
        return []
    ratio = log_norm_ratio(settings, sigma_w, "test", tests * NETWORKS_A_TEST).numpy()
    if not np.isfinite(ratio).all():
        return []
    centre, deviation = norm_law(settings, sigma_w)

    def distance(sample: np.ndarray) -> float:
        return kolmogorov_distance(sample, lambda x: ndtr((x - centre) / deviation))

    critical = kstwo.ppf(1 - LEVEL_OF_TEST, NETWORKS_A_TEST)  # of the exact law of the distance of so many
    accepted = sum(bool(distance(sample) <= critical) for sample in ratio.reshape(tests, NETWORKS_A_TEST))
    all_of_them = distance(ratio), kolmogorov_radius(len(ratio)) / 1.96
    shift = math.sqrt(NETWORKS_A_TEST) * abs(norm_bias(settings, sigma_w)) / deviation / math.sqrt(2 * math.pi)
    fourth, off = (
        fourth_moment(torch.from_numpy(ratio), math.exp(4 * deviation**2)),
        abs(fourth_bias(settings, sigma_w)),
    )
    return [
        Record(
            "fourth_moment",
            *fourth,
            reference=1.0,
            reference_error=off,
            coordinates=PINS_OF_LAW_TEST,
            replicas=len(ratio),
        ),
        Record("law_accepted", *probability(accepted, tests), coordinates=PINS_OF_LAW_TEST, replicas=len(ratio)),
        Record("law_distance", *all_of_them, coordinates=PINS_OF_LAW_TEST, replicas=len(ratio)),
        Record("law_shift", shift, coordinates=PINS_OF_LAW_TEST),
    ]


def fourth_moment(ratio: Float[Tensor, " r"], exact: float) -> tuple[float, float]:
    """`E|x|^4/(E|x|^2)^2` over its exact value, with the error of the quotient to first order."""
    squares = (2 * (ratio - ratio.mean())).exp()
    squares = squares / squares.mean()
    quotient, _ = mean(squares.square())
    _, stderr = mean(squares.square() - 2 * quotient * squares)
    return quotient / exact, stderr / exact


def fourth_bias(settings: Sde, sigma_w: float) -> float:
    """What `E|x_L|^4/(E|x_L|^2)^2` of tanh networks is off by, relative to it, to first order in h, without biases.

    `E q_t^p = q_0^p e^{l_p t}`, `l_p = k (p + 2 p (p - 1)/D)`, `k = sigma_w^2`. A layer adds to q and q^2, beyond what
    the SDE does, `-2 h^2 k^2 q^2 - h^2 l_1^2 q/2` and `h^2 (-2 k^2 (2 + 4/D) q^3 + (k^2 (1 + 2/D) - l_2^2/2) q^2)`.
    """
    h, d, k, T = settings.horizon / settings.depth, settings.width, sigma_w**2, settings.horizon
    q0 = float(inputs(settings)[0].double().square().mean())
    second = -2 * q0 * k**2 * math.expm1(k * (1 + 4 / d) * T) / (k * (1 + 4 / d)) - T * k**2 / 2
    fourth = -2 * q0 * k**2 * (2 + 4 / d) * math.expm1(k * (1 + 8 / d) * T) / (k * (1 + 8 / d))
    fourth += T * k**2 * ((1 + 2 / d) - (2 + 4 / d) ** 2 / 2)
    return h * (fourth - 2 * second)


def norm_bias(settings: Sde, sigma_w: float) -> float:
    """What the mean of `log |x_L|/|x_0|` is off by for tanh networks, to first order in h."""
    h, d, k = settings.horizon / settings.depth, settings.width, sigma_w**2
    q0 = float(inputs(settings)[0].double().square().mean())
    grown = q0 * math.expm1(k * settings.horizon) / k
    return -h * k**2 * ((1 - 2 / d) * grown + settings.horizon * (1 / 4 - 3 / (2 * d) + 2 / d**2))


def two_samples(job: Job) -> list[Record]:
    """Energy distances of networks and Euler-Maruyama schemes on one noise."""
    settings, phi, psi = job.settings, PINS_OF_SWISH_LAW["activation"], job.settings.activation_inside
    law, depth = Isotropic(PINS_OF_SWISH_LAW["init.sigma_w"], PINS_OF_SWISH_LAW["init.sigma_b"]), settings.depth
    walkers = (
        Walker(ShallowNetwork(phi, psi), depth),
        Walker(EulerMaruyama(phi, psi, law), SCHEME_LAYERS_A_LAYER * depth),
    )
    count, x0 = (
        max(PAIRS_A_REPLICA * settings.replicas, 2 * MIN_NETWORKS_OF_LAW),
        inputs(settings, width=PINS_OF_SWISH_LAW["width"], count=1),
    )
    network, sde = (x.numpy() for x in sampled_ends(settings, walkers, law, "two samples", count, x0))
    if not (np.isfinite(sde).all() and np.isfinite(network).all()):
        return []
    records = []
    for scheme, a, b, size in (
        ("states", network, sde, STATES_COMPARED_AT_A_TIME),
        ("mean", network.mean(axis=1, keepdims=True), sde.mean(axis=1, keepdims=True), count),
    ):
        parts = range(0, count - size + 1, size)
        with np.errstate(invalid="ignore", over="ignore"):  # beyond an explosion: no number, and no record
            distances = np.array([energy_distance(a[i : i + size], b[i : i + size]) for i in parts])
        value, stderr = float(distances[:, 0].mean()), math.hypot(*distances[:, 1]) / len(distances)
        coordinates = {"scheme": scheme, **PINS_OF_SWISH_LAW}
        records.append(Record("energy_distance", value, stderr, coordinates=coordinates, replicas=count))
    return records


def kolmogorov_distances(job: Job) -> list[Record]:
    """Kolmogorov's distances of networks and their SDE, each on noise of its own."""
    settings, phi = job.settings, PINS_OF_OTHER_NOISE["activation"]
    law, count = (
        Isotropic(PINS_OF_OTHER_NOISE["init.sigma_w"], PINS_OF_OTHER_NOISE["init.sigma_b"]),
        max(INDEPENDENT_PAIRS_A_REPLICA * settings.replicas, MIN_NETWORKS_ON_OTHER_NOISE),
    )
    x0 = inputs(settings)[:1]
    (x,) = sampled_ends(settings, (Walker(ShallowNetwork(phi), settings.depth),), law, "network alone", count, x0)
    centre, norm = x.mean(dim=1).numpy(), torch.linalg.vector_norm(x, dim=1).numpy()
    key = {"count": count, **chosen_keys(settings, KEYS_OF_SAMPLES)}
    sde = job.shared.solve("sde.law", key, lambda: reduced(settings, count))
    if not all(np.isfinite(sample).all() for sample in (centre, norm, *sde.values())):
        return []
    stderr = kolmogorov_radius(count / 2) / 1.96  # n m/(n + m) with n = m
    return [
        Record(
            "ks_distance",
            two_sample_distance(sample, sde[scheme]),
            stderr,
            coordinates={"scheme": scheme, **PINS_OF_OTHER_NOISE},
            replicas=count,
        )
        for scheme, sample in (("mean", centre), ("norm", norm))
    ]


def reduced(settings: Sde, count: int) -> dict[str, np.ndarray]:
    """`mean_d x_d` and `|x|` of the SDE from the first input, psi = id, (count,) each.

        dm = phi''(0)/2 v dt + phi'(0) (v/D)^(1/2) dB_1          v = sigma_b^2 + sigma_w^2 |x|^2/D
        |x|^2 = D m^2 + r^2,    r that of a Brownian motion of D - 1 coordinates at the clock phi'(0)^2 v dt

    The noise `(dW x + db)` is a Brownian motion of all coordinates at the clock v dt, whatever the weights are.
    """
    slope, curvature = activation_named(PINS_OF_OTHER_NOISE["activation"]).taylor()
    d, h, x0 = settings.width, settings.horizon / STEPS_OF_NORM_DIFFUSION, inputs(settings)[0].double()
    stream, centre = generator(settings.seed, "sde.law.reduced"), float(x0.mean())
    m, r = np.full(count, centre), np.full(count, float(torch.linalg.vector_norm(x0 - centre)))
    with np.errstate(over="ignore", invalid="ignore"):  # beyond an explosion: no number, and no record
        for _ in range(STEPS_OF_NORM_DIFFUSION):
            v = PINS_OF_OTHER_NOISE["init.sigma_b"] ** 2 + PINS_OF_OTHER_NOISE["init.sigma_w"] ** 2 * (m**2 + r**2 / d)
            clock = slope**2 * v * h
            m = m + curvature / 2 * v * h + np.sqrt(clock / d) * stream.standard_normal(count)
            if d > 1:
                ahead = r + np.sqrt(clock) * stream.standard_normal(count)
                aside = clock * stream.chisquare(d - 2, count) if d > 2 else 0.0
                r = np.sqrt(ahead**2 + aside)
        return {"mean": m, "norm": np.sqrt(d * m**2 + r**2)}
