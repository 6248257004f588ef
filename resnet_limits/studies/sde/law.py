"""`sde.law.*`: laws of networks of finite width at time T, from one input. For tanh and psi = id those of the SDE are

    log |x_T|/|x_0|   ~ N(sigma_w^2 T (1/2 - 1/D), sigma_w^2 T/D)      sigma_b = 0
    log |det G_T|     ~ N(-sigma_w^2 T/2, sigma_w^2 T)                 G_T = dx_T/dx_0, any width and sigma_b

at any width. The determinant is that of full matrices `I + diag(phi'(z)) W diag(psi'(x))`, at a small width.
Kolmogorov's test holds n networks against the first law: it rejects shallow ones. Where there is no exact law (swish)
networks are held against an Euler-Maruyama scheme, finer and on other noise: the two-sample distance of `mean_d x_d`,
which the Ito drift moves, and the energy distance of the states.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...claims.law_distance import (
    energy_distance,
    kolmogorov_distance,
    kolmogorov_p_value,
    kolmogorov_radius,
    two_sample_distance,
)
from ...networks.activations import activation
from ...random import REPLICA_BLOCK, normals
from ...sampling.law import Isotropic
from ...sampling.schemes import EulerMaruyama, Network
from ...sampling.walk import Scheme, Walker, final
from ...settings import Sde, content
from ..study import Job, Measurement, Record
from .claims.law import MATRICES, NO_BIAS, SWISH, TEST, norm_law
from .claims.settings import sizes
from .problem import inputs, mean
from .weak import variance

DRAWS = 4
"""Networks for each of the key `replicas`."""
LEAST = 4096
"""Fewer networks say little about a law."""
PIECE = 32 * REPLICA_BLOCK
ENERGY_PAIRS = 2048
"""States that enter the energy distance, at most: it takes all pairs of them."""
FINEST = 1024
"""Depth of the Euler-Maruyama scheme, or twice that of the network."""
BETWEEN_DETERMINANTS = 8
"""Layers multiplied before a determinant is taken."""


def measure(job: Job) -> Measurement:
    """Moments of the exact laws, and distances to laws."""
    settings, records = job.settings, []
    parts = (_norms, _determinants, _test, _two_samples)
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
    ratio = _log_norm_ratio(settings, sizes(settings).sigma_w, "norm")
    exact = norm_law(settings, sizes(settings).sigma_w)
    return _moments("log_norm_ratio", ratio, exact, NO_BIAS)


def _moments(name: str, values: Tensor, exact: tuple[float, float], pins: dict[str, Any]) -> list[Record]:
    return [
        Record(name, *mean(values), reference=exact[0], coordinates=pins),
        Record(f"{name}_var", *variance(values.double()), reference=exact[1] ** 2, coordinates=pins),
    ]


def _log_norm_ratio(settings: Sde, sigma_w: float, purpose: str) -> Float[Tensor, " r"]:
    x0 = inputs(settings)[:1]
    network = Network(settings.activation, settings.activation_inside)
    x = sampled(settings, network, settings.depth, Isotropic(sigma_w, 0.0), x0, purpose)
    return torch.log(torch.linalg.vector_norm(x, dim=-1) / torch.linalg.vector_norm(x0).cpu())


def sampled(
    settings: Sde, scheme: Scheme, depth: int, law: Isotropic, x0: Float[Tensor, "1 d"], purpose: str
) -> Float[Tensor, "r d"]:
    """`x_T` in float64 from one input; each purpose and depth has noise of its own."""
    found, count = [], draws(settings)
    for first in range(0, count, PIECE):
        start = x0.expand(min(PIECE, count - first), *x0.shape)
        its = f"sde.law {purpose} {depth}"
        (x,) = final(
            (Walker(scheme, depth),),
            start,
            law,
            horizon=settings.horizon,
            seed=settings.seed,
            purpose=its,
            first_replica=first,
        )
        found.append(x[:, 0].double().cpu())
    return torch.cat(found)


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


def _test(job: Job) -> list[Record]:
    """Kolmogorov's distance to the exact law, with the radius at 95 % as its error, and the p-value of the test."""
    from scipy.special import ndtr

    sigma_w = TEST["init.sigma_w"]
    ratio = _log_norm_ratio(job.settings, sigma_w, "test").numpy()
    centre, deviation = norm_law(job.settings, sigma_w)
    if not np.isfinite(ratio).all():
        return []
    distance, n = kolmogorov_distance(ratio, lambda x: ndtr((x - centre) / deviation)), len(ratio)
    return [
        Record("law_distance", distance, stderr=kolmogorov_radius(n) / 1.96, coordinates=TEST),
        Record("law_p_value", kolmogorov_p_value(distance, n), coordinates=TEST),
    ]


def _two_samples(job: Job) -> list[Record]:
    """Distances of networks and Euler-Maruyama scheme where there is no exact law."""
    settings, phi, psi = job.settings, SWISH["activation"], job.settings.activation_inside
    law, x0 = Isotropic(SWISH["init.sigma_w"], SWISH["init.sigma_b"]), inputs(settings)[:1]
    fine = max(FINEST, 2 * settings.depth)

    def compute() -> dict[str, np.ndarray]:
        scheme = EulerMaruyama(phi, psi, law)
        return {"x": sampled(settings, scheme, fine, law, x0, "Euler-Maruyama").numpy()}

    without = ("depth", "claims", "preset", "activation", "init", "train.")
    key = {k: v for k, v in content(settings).items() if not k.startswith(without) or k == "activation_inside"}
    sde = job.shared.solve("sde.law", {**key, "fine": fine}, compute)["x"]
    network = sampled(settings, Network(phi, psi), settings.depth, law, x0, "network").numpy()
    if not (np.isfinite(sde).all() and np.isfinite(network).all()):
        return []
    n, pairs = len(network), min(len(network), ENERGY_PAIRS)
    return [
        Record(
            "two_sample_distance",
            two_sample_distance(network.mean(axis=1), sde.mean(axis=1)),
            stderr=kolmogorov_radius(n / 2) / 1.96,
            coordinates=SWISH,
        ),
        Record("energy_distance", *energy_distance(network[:pairs], sde[:pairs]), coordinates=SWISH, replicas=pairs),
    ]
