"""`kernel.diagram.*`: the four corners of width and depth, each finite or infinite.

    finite depth, finite width        networks, sampled on the span of their states
    finite depth, infinite width      the exact recursion
    infinite depth, finite width      Euler-Maruyama of the SDE with 128 steps; the error of its step is known at
                                      infinite width, where the scheme is a recursion too, and taken off
    infinite depth, infinite width    the closed form

The step's error is extrapolated from that recursion alone: nothing of the closed form enters what is held against it.
Inputs are two of one kind, whose overlap is not small. Read-ins `x_0 = A z` are random too, each network has
its own: the overlaps of finite width fluctuate from the start. Of tanh, `E lambda_T` of the SDE is the closed form at
any width.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ....engines import default_engine
from ....measurement.estimate import mean
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.activations import activation_named
from ....random import Stream
from ....sampling import wide
from ....sampling.schemes import EulerMaruyama, Network, Scheme, Walker
from ..kernels import finite_moments, limit_moments, reached
from ..outside import limitless, sizes, widths
from ..problem import columns, key, law, overlaps, pair, read_in
from ..settings import Kernel
from .claims import FINE, OF

FINITE, WIDE = "finite depth, finite width", "finite depth, infinite width"
SDE, LIMIT = "infinite depth, finite width", "infinite depth, infinite width"


def measure(job: Job) -> Measurement:
    """Corners, their differences, and fluctuations in width."""
    settings = job.settings
    z = pair(settings)
    gram = overlaps(z)
    job.progress(0.0, "networks of several widths")
    networks = sampled(settings, gram, Network(settings.activation), settings.depth, "network")
    recursion = finite_moments(settings, gram, settings.depth)
    records = corners(networks, FINITE, recursion, WIDE)
    records += spread_records(networks, "network")
    differences = {"network": difference(networks[settings.width], recursion, recursion["q"])}
    step = dict.fromkeys(OF, 0.0)
    arrays = {"diagram.depth": table(networks, recursion)}
    if limitless(settings) is None and reached(settings, z)[0]:
        job.progress(0.5, "SDEs of several widths")
        limit = limit_moments(settings, gram)
        bias, left = step_error(settings, gram)
        step = {of: left[of] / limit["q"] for of in OF}
        draws = _sde(job, gram)
        diffusions = {width: {of: its[of] - bias[of] for of in OF} for width, its in draws.items()}
        records += corners(diffusions, SDE, limit, LIMIT)
        records += spread_records(diffusions, "sde")
        arrays["diagram.limit"] = table(diffusions, limit)
        network, sde = networks[settings.width], diffusions[settings.width]
        differences["sde"] = difference(sde, limit, limit["q"])
        known = {of: (recursion[of] - limit[of]) / limit["q"] for of in OF}
        own, its = (difference(draws, dict.fromkeys(OF, 0.0), limit["q"]) for draws in (network, sde))
        apart = {of: (own[of][0] - its[of][0], math.hypot(own[of][1], its[of][1])) for of in OF}
        differences["commute"] = {of: (apart[of][0] - known[of], apart[of][1]) for of in OF}
        records += [Record("depth_difference", *apart[of], reference=known[of], coordinates={"of": of}) for of in OF]
    for name, found in differences.items():
        for of, (value, stderr) in found.items():
            error = math.nan if name == "network" else step[of]
            coordinates = {"scheme": name, "of": of}
            records.append(Record("corner_difference", value, stderr, reference_error=error, coordinates=coordinates))
    records += largest_deviation(differences, settings.replicas)
    return Measurement([record for record in records if math.isfinite(record.value)], arrays)


def largest_deviation(differences: dict[str, dict[str, tuple[float, float]]], replicas: int) -> list[Record]:
    """The largest of the differences in its standard errors, which are known to `1/sqrt(2 replicas)`."""
    off = [abs(value) / stderr for found in differences.values() for value, stderr in found.values() if stderr > 0]
    if not off:
        return []
    error = max(off) / math.sqrt(2 * replicas)
    return [Record("corner_deviation", max(off), error, coordinates={"scheme": "largest"})]


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
    """`|x|^2/D` of the first input and `<x, y>/D` at the horizon, by width; of their own noise at each depth.

    Of narrower networks there are as many times more.
    """
    engine, dtype = default_engine(), getattr(torch, settings.dtype)
    found: dict[int, Draws] = {}
    for width in widths(settings):
        its: list[Tensor] = []
        replicas = settings.replicas * (settings.width // width)
        for first, count in engine.pieces(replicas, vectors=len(gram), width=width, dtype=dtype):
            stream = Stream(settings.seed, f"kernel.diagram {purpose} {depth} {width}", first_replica=first)
            x0 = read_in(settings, gram, width, stream.part(" read-in"), count)
            (x,) = engine.final(
                [Walker(scheme, depth)],
                x0,
                law(settings),
                horizon=settings.horizon,
                stream=stream,
            )
            its.append(wide.gram(x)[:, 0].cpu())
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

    found = job.shared.solve("kernel.diagram.sde", key(settings, "width", "replicas", "dtype"), compute)
    return {width: {of: torch.from_numpy(found[f"{of} {width}"]) for of in OF} for width in widths(settings)}


def euler_moments(settings: Kernel, gram: Float[Tensor, "2 2"], depth: int) -> dict[str, float]:
    """Moments of the Euler-Maruyama scheme at infinite width: `x + phi'(0) z + 1/2 phi''(0) v h`."""
    own, h = sizes(settings), settings.horizon / depth
    slope, curvature = activation_named(settings.activation).taylor()
    m, L = gram.new_zeros(len(gram)), gram
    for _ in range(depth):
        V = own.sigma_b**2 + own.sigma_w**2 * L
        drift = 0.5 * curvature * h * V.diagonal()
        L = L + slope**2 * h * V + torch.outer(m, drift) + torch.outer(drift, m) + torch.outer(drift, drift)
        m = m + drift
    return {"q": float(L[0, 0]), "lambda": float(L[0, 1])}


def step_error(settings: Kernel, gram: Float[Tensor, "2 2"]) -> tuple[dict[str, float], dict[str, float]]:
    """What `FINE` steps add to the moments, and what is left of its error: from the scheme's own recursion with `FINE`
    and more steps, by Richardson's extrapolation."""
    coarse, fine, finer = (euler_moments(settings, gram, steps * FINE) for steps in (1, 2, 4))
    ends = [{of: 2 * b[of] - a[of] for of in OF} for a, b in ((coarse, fine), (fine, finer))]
    better = {of: (4 * ends[1][of] - ends[0][of]) / 3 for of in OF}
    return {of: coarse[of] - better[of] for of in OF}, {of: abs(ends[1][of] - better[of]) for of in OF}


def corners(draws: dict[int, Draws], corner: str, wide: dict[str, float], of_width: str) -> list[Record]:
    """Mean over networks by width, how far it is from infinite width in standard errors, and infinite width."""
    records = [Record("corner", wide[of], coordinates={"corner": of_width, "of": of}) for of in OF]
    for width, its in draws.items():
        for of in OF:
            value, stderr = mean(its[of])
            more: Any = {"coordinates": {"corner": corner, "of": of, "width": width}, "replicas": len(its[of])}
            records.append(Record("corner", value, stderr=stderr, reference=wide[of], **more))
            if stderr > 0:
                records.append(Record("corner_deviation", abs(value - wide[of]) / stderr, **more))
    return records


def spread_records(draws: dict[int, Draws], scheme: str) -> list[Record]:
    """Standard deviations of the overlap by width."""
    return [
        Record(
            "corner_spread",
            *standard_deviation(its["lambda"]),
            coordinates={"scheme": scheme, "width": width},
            replicas=len(its["lambda"]),
        )
        for width, its in draws.items()
    ]


def standard_deviation(values: Float[Tensor, " r"]) -> tuple[float, float]:
    """Standard deviation over replicas and its standard error, by the fourth moment."""
    off = (values - values.mean()).square()
    variance, error = mean(off)
    return variance**0.5, error / (2 * variance**0.5) if variance > 0 else math.nan


def difference(draws: Draws, wide: dict[str, float], size: float) -> dict[str, tuple[float, float]]:
    """Mean over networks less infinite width, relative to a size, with its standard error."""
    return {of: mean((draws[of] - wide[of]) / size) for of in OF}
