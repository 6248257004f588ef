"""`kernel.diagram.*`: the four corners of width and depth, each finite or infinite.

    finite depth, finite width        networks, sampled on the span of their states
    finite depth, infinite width      the exact recursion
    infinite depth, finite width      Euler-Maruyama of the SDE with 512 steps; the error of its step is known at
                                      infinite width, where the scheme is a recursion too, and taken off
    infinite depth, infinite width    the closed form

Read-ins `x_0 = A z` are random too, and of its own for each network: the overlaps of finite width fluctuate from the
start. Of tanh, `E lambda_T` of the SDE is the closed form at any width.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...networks.taylor import CURVATURE, SLOPE
from ...sampling.pieces import pieces
from ...sampling.schemes import EulerMaruyama, Network
from ...sampling.walk import Scheme, Walker, final
from ...settings import Kernel
from ..study import Job, Measurement, Record
from .claims.diagram import FINE, OF
from .claims.settings import limitless, sizes, widths
from .kernels import finite_moments, limit_moments
from .problem import columns, key, law, mean, overlaps, points, read_in, width_order

PAIR = 2
"""Inputs: the first two training points."""
FINITE, WIDE = "finite depth, finite width", "finite depth, infinite width"
SDE, LIMIT = "infinite depth, finite width", "infinite depth, infinite width"


def measure(job: Job) -> Measurement:
    """Corners, their differences, and fluctuations in width."""
    settings = job.settings
    gram = overlaps(points(settings, PAIR))
    job.progress(0.0, "networks of several widths")
    networks = sampled(settings, gram, Network(settings.activation), settings.depth, "network")
    recursion = finite_moments(settings, gram, settings.depth)
    records = corners(networks, FINITE, recursion, WIDE)
    records += spread_records(networks, "network")
    records += [Record("corner", recursion[of], coordinates={"corner": WIDE, "of": of}) for of in OF]
    differences = {"network": difference(networks, recursion, settings.width, recursion["q"])}
    arrays = {"diagram.depth": table(networks, recursion)}
    if limitless(settings) is None:
        job.progress(0.5, "SDEs of several widths")
        limit, scheme = limit_moments(settings, gram), euler_moments(settings, gram, FINE)
        diffusions = {
            width: {of: its[of] * (limit[of] / scheme[of]) for of in OF} for width, its in _sde(job, gram).items()
        }
        records += corners(diffusions, SDE, limit, LIMIT)
        records += spread_records(diffusions, "sde")
        records += [Record("corner", limit[of], coordinates={"corner": LIMIT, "of": of}) for of in OF]
        size = limit["q"]
        own, its = (
            difference(d, wide, settings.width, size) for d, wide in ((networks, recursion), (diffusions, limit))
        )
        differences["sde"] = its
        arrays["diagram.limit"] = table(diffusions, limit)
        differences["commute"] = {of: (own[of][0] - its[of][0], math.hypot(own[of][1], its[of][1])) for of in OF}
    for name, its in differences.items():
        for of, (value, stderr) in its.items():
            records.append(Record("corner_difference", value, stderr=stderr, coordinates={"scheme": name, "of": of}))
    return Measurement([record for record in records if math.isfinite(record.value)], arrays)


def table(draws: dict[int, Draws], wide: dict[str, float]) -> np.ndarray:
    """Width, then mean and standard error of q, of lambda, and the standard deviation of lambda with its error, a
    column a width; the last is infinite."""
    finite = [
        [width, *mean(its["q"]), *mean(its["lambda"]), *standard_deviation(its["lambda"])]
        for width, its in draws.items()
    ]
    return columns([*finite, [math.inf, wide["q"], 0.0, wide["lambda"], 0.0, 0.0, 0.0]])


Draws = dict[str, Float[Tensor, " r"]]
"""`q` and `lambda` of each network."""


def sampled(settings: Kernel, gram: Float[Tensor, "2 2"], scheme: Scheme, depth: int, purpose: str) -> dict[int, Draws]:
    """`|x|^2/D` of the first input and `<x, y>/D` at the horizon, by width; of their own noise at each depth."""
    found: dict[int, Draws] = {}
    for width in widths(settings):
        its: list[Tensor] = []
        stream = f"kernel.diagram {purpose} {depth} {width}"
        for first, count in pieces(settings.replicas, vectors=PAIR, width=width, dtype=getattr(torch, settings.dtype)):
            x0 = read_in(settings, gram, width, purpose=f"{stream} read-in", first=first, count=count)
            (x,) = final(
                [Walker(scheme, depth)],
                x0,
                law(settings),
                horizon=settings.horizon,
                seed=settings.seed,
                purpose=stream,
                first_replica=first,
            )
            its.append((torch.matmul(x, x.mT).double() / width)[:, 0].cpu())
        values = torch.cat(its)
        found[width] = {"q": values[:, 0], "lambda": values[:, 1]}
    return found


def _sde(job: Job, gram: Float[Tensor, "2 2"]) -> dict[int, Draws]:
    """The same of the SDE, which no depth changes."""
    settings = job.settings

    def compute() -> dict[str, np.ndarray]:
        scheme = EulerMaruyama(settings.activation, "identity", law(settings))
        its = sampled(settings, gram, scheme, FINE, "SDE")
        return {f"{of} {width}": draws[of].numpy() for width, draws in its.items() for of in OF}

    found = job.shared.solve("kernel.diagram.sde", key(settings, "kernel."), compute)
    return {width: {of: torch.from_numpy(found[f"{of} {width}"]) for of in OF} for width in widths(settings)}


def euler_moments(settings: Kernel, gram: Float[Tensor, "2 2"], depth: int) -> dict[str, float]:
    """Moments of the Euler-Maruyama scheme at infinite width: `x + phi'(0) z + 1/2 phi''(0) v h`."""
    own, h = sizes(settings), settings.horizon / depth
    slope, curvature = SLOPE[settings.activation], CURVATURE[settings.activation]
    m, L = gram.new_zeros(len(gram)), gram
    for _ in range(depth):
        V = own.sigma_b**2 + own.sigma_w**2 * L
        drift = 0.5 * curvature * h * V.diagonal()
        L = L + slope**2 * h * V + torch.outer(m, drift) + torch.outer(drift, m) + torch.outer(drift, drift)
        m = m + drift
    return {"q": float(L[0, 0]), "lambda": float(L[0, 1])}


def corners(draws: dict[int, Draws], corner: str, wide: dict[str, float], of_width: str) -> list[Record]:
    """Mean over networks by width, and how far it is from infinite width in standard errors."""
    records = []
    for width, its in draws.items():
        for of in OF:
            value, stderr = mean(its[of])
            coordinates = {"corner": corner, "of": of, "width": width}
            records.append(Record("corner", value, stderr=stderr, reference=wide[of], coordinates=coordinates))
            if stderr > 0:
                records.append(Record("corner_deviation", abs(value - wide[of]) / stderr, coordinates=coordinates))
    return records


def spread_records(draws: dict[int, Draws], scheme: str) -> list[Record]:
    """Standard deviations of the overlap by width, and their order."""
    spreads = {width: standard_deviation(its["lambda"]) for width, its in draws.items()}
    records = [
        Record("corner_spread", value, stderr=stderr, coordinates={"scheme": scheme, "width": width})
        for width, (value, stderr) in spreads.items()
    ]
    return records + width_order(spreads, {"scheme": scheme})


def standard_deviation(values: Float[Tensor, " r"]) -> tuple[float, float]:
    """Standard deviation over replicas and its standard error, by the fourth moment."""
    off = (values - values.mean()).square()
    variance, error = mean(off)
    return variance**0.5, error / (2 * variance**0.5) if variance > 0 else math.nan


def difference(
    draws: dict[int, Draws], wide: dict[str, float], width: int, size: float
) -> dict[str, tuple[float, float]]:
    """Mean over networks of the largest width less infinite width, relative to a size, with its standard error."""
    return {of: mean((draws[width][of] - wide[of]) / size) for of in OF}
