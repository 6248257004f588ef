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
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ....engines import default_engine
from ....limits.gram_moments import GramMoments, gram_moments
from ....measurement.estimate import mean
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.activations import activation_named
from ....random import Stream
from ....sampling import wide
from ....sampling.schemes import EulerMaruyama, Scheme, ShallowNetwork, Walker
from ..kernels import finite_moments, limit_moments, reached
from ..outside import limitless, moving, sizes_of_law, widths
from ..problem import array_of_columns, key_of_kernels, law_per_time, overlaps_after_read_in, pair, read_in
from ..settings import Kernel
from .claims import (
    CORNER_FINITE,
    CORNER_LIMIT,
    CORNER_SDE,
    CORNER_WIDE,
    DEPTHS_EXTRAPOLATED,
    DIAGRAM_NETWORKS_A_REPLICA,
    DIVISOR_OF_NARROW_WIDTH,
    PINS_OF_TANH_DIAGRAM,
    SHALLOW_DEPTH,
    STEPS_OF_SDE_SCHEME,
    WORDS_OF_CORNER_MOMENTS,
    grown_between_depths,
)


def measure(job: Job) -> Measurement:
    """Corners, their differences, and fluctuations in width."""
    settings = job.settings
    z = pair(settings)
    gram = overlaps_after_read_in(z)
    job.progress(0.0, "networks of several widths")
    networks = sampled_by_width(settings, gram, ShallowNetwork(settings.activation), settings.depth, "network")
    recursion = finite_moments(settings, gram, settings.depth)
    records = corners(networks, CORNER_FINITE, recursion, CORNER_WIDE)
    records += spread_records(networks, "network")
    arrays = {"diagram.depth": columns_by_width(networks, recursion)}
    job.progress(0.4, "shallow networks")
    records += of_shallow_networks(job, gram)
    if moving(settings) is None and grown_between_depths(settings) is None:
        job.progress(0.45, "networks and their SDE on one noise")
        records += commuting(job, gram)
    if limitless(settings) is None and reached(settings, z)[0]:
        job.progress(0.5, "SDEs of several widths")
        limit = limit_moments(settings, gram)
        bias, left = step_error(settings, gram)
        draws = _sde(job, gram)
        diffusions = {
            width: {of: draws_at_width[of] - bias[of] for of in WORDS_OF_CORNER_MOMENTS}
            for width, draws_at_width in draws.items()
        }
        records += corners(diffusions, CORNER_SDE, limit, CORNER_LIMIT)
        records += spread_records(diffusions, "sde")
        arrays["diagram.limit"] = columns_by_width(diffusions, limit)
        errors = {of: left[of] / limit["q"] for of in WORDS_OF_CORNER_MOMENTS}
        records += difference_records("sde", diffusions[settings.width], limit, errors)
        records += spread_ratio(settings, gram, diffusions)
    return Measurement([record for record in records if math.isfinite(record.value)], arrays)


def of_shallow_networks(job: Job, gram: Float[Tensor, "2 2"]) -> list[Record]:
    """Networks of `SHALLOW_DEPTH` layers and the width of the settings less infinitely wide ones."""
    settings, scheme = job.settings, ShallowNetwork(job.settings.activation)

    def compute() -> dict[str, np.ndarray]:
        return as_arrays(
            drawn_at_width(
                settings,
                gram,
                scheme,
                SHALLOW_DEPTH,
                "shallow",
                settings.width,
                DIAGRAM_NETWORKS_A_REPLICA * settings.replicas,
            )
        )

    where = key_of_kernels(settings, "width", "replicas", "dtype")
    draws = as_draws(job.shared.solve("kernel.diagram.shallow", where, compute))
    return difference_records(
        "network",
        draws,
        finite_moments(settings, gram, SHALLOW_DEPTH),
        dict.fromkeys(WORDS_OF_CORNER_MOMENTS, math.nan),
    )


def difference_records(scheme: str, draws: Draws, wide: dict[str, float], errors: dict[str, float]) -> list[Record]:
    """Means over networks less infinite width, relative to its q."""
    records = []
    for of in WORDS_OF_CORNER_MOMENTS:
        value, stderr = mean((draws[of] - wide[of]) / wide["q"])
        coordinates = {"scheme": scheme, "of": of}
        records.append(Record("corner_difference", value, stderr, reference_error=errors[of], coordinates=coordinates))
    return records


# -- width D/8: exact laws ------------------------------------------------------------------------


def narrow_law(settings: Kernel, gram: Float[Tensor, "2 2"], phi: str, steps: int | None = None) -> GramMoments:
    """The moments of the Gram matrix of the SDE of width D/8, or of so many steps of its scheme."""
    init, squared = sizes_of_law(settings), activation_named(phi).taylor()[0] ** 2
    s, k = squared * init.sigma_b**2, squared * init.sigma_w**2
    return gram_moments(gram.numpy(), s, k, settings.horizon, settings.width // DIVISOR_OF_NARROW_WIDTH, steps=steps)


def spread_ratio(settings: Kernel, gram: Float[Tensor, "2 2"], diffusions: dict[int, Draws]) -> list[Record]:
    """Deviation of the overlap over the SDE's draws of width D/8, relative to the closed moments; those of
    `STEPS_OF_SDE_SCHEME` steps close too: what the step changes is taken off."""
    width, phi = settings.width // DIVISOR_OF_NARROW_WIDTH, settings.activation
    if grown_between_depths(settings) is not None or activation_named(phi).taylor()[1] != 0:
        return []
    exact = narrow_law(settings, gram, phi, steps=STEPS_OF_SDE_SCHEME).deviation(0, 1)
    value, stderr = deviation_over_replicas(diffusions[width]["lambda"])
    return [Record("spread_ratio", value / exact, stderr / exact, replicas=len(diffusions[width]["lambda"]))]


def commuting(job: Job, gram: Float[Tensor, "2 2"]) -> list[Record]:
    """`L (E[V_L] - E[V_T])` of tanh networks of width D/8 over the constant of that width, extrapolated in 1/L."""
    settings = job.settings
    bias = narrow_law(settings, gram, PINS_OF_TANH_DIAGRAM["activation"]).bias
    known = {"q": float(bias[0, 0]), "lambda": float(bias[0, 1])}

    def compute() -> dict[str, np.ndarray]:
        return as_arrays(beside_their_sde(settings, gram))

    where = key_of_kernels(settings, "width", "replicas", "dtype")
    solution = as_draws(job.shared.solve("kernel.diagram.commuting", where, compute))
    records = []
    for of in WORDS_OF_CORNER_MOMENTS:
        value, stderr = mean(solution[of] / known[of])
        coordinates = {"of": of, **PINS_OF_TANH_DIAGRAM}
        records.append(Record("commuting_ratio", value, stderr, coordinates=coordinates, replicas=len(solution[of])))
    return records


def beside_their_sde(settings: Kernel, gram: Float[Tensor, "2 2"]) -> Draws:
    """`L (V_L - V_T)` of each network, but for a mean of zero: the difference of a network and of Euler-Maruyama on its
    noise, plus the mean of the latter less that of the SDE; extrapolated from two depths."""
    width, phi = max(1, settings.width // DIVISOR_OF_NARROW_WIDTH), PINS_OF_TANH_DIAGRAM["activation"]
    schemes = (ShallowNetwork(phi), EulerMaruyama(phi, "identity", law_per_time(settings)))
    walkers = [Walker(scheme, depth) for depth in DEPTHS_EXTRAPOLATED for scheme in schemes]
    at_activation = replace(settings, activation=phi)
    exact = limit_moments(at_activation, gram)
    ahead = [
        {of: euler_moments(at_activation, gram, depth)[of] - exact[of] for of in WORDS_OF_CORNER_MOMENTS}
        for depth in DEPTHS_EXTRAPOLATED
    ]
    engine, totals = default_engine(), []
    replicas = settings.replicas * DIVISOR_OF_NARROW_WIDTH // 2
    for first, count in engine.pieces(replicas, vectors=8, width=width, dtype=getattr(torch, settings.dtype)):
        stream = Stream(settings.seed, f"kernel.diagram commuting {width}", first_replica=first)
        x0 = read_in(settings, gram, width, stream.part(" read-in"), count)
        ends = engine.final(walkers, x0, law_per_time(settings), horizon=settings.horizon, stream=stream)
        V = [wide.mean_gram(x)[:, 0].cpu() for x in ends]
        off = [V[2 * i] - V[2 * i + 1] + torch.tensor([bias["q"], bias["lambda"]]) for i, bias in enumerate(ahead)]
        coarse, fine = (depth * difference for depth, difference in zip(DEPTHS_EXTRAPOLATED, off, strict=True))
        totals.append(2 * fine - coarse)
    total = torch.cat(totals)
    return {"q": total[:, 0], "lambda": total[:, 1]}


def columns_by_width(draws: dict[int, Draws], wide: dict[str, float]) -> np.ndarray:
    """Width, then mean and standard error of q, of lambda, and the standard deviation of lambda with its error, a
    column a width; the last is infinite."""
    finite = [
        [
            width,
            *mean(draws_at_width["q"]),
            *mean(draws_at_width["lambda"]),
            *deviation_over_replicas(draws_at_width["lambda"]),
        ]
        for width, draws_at_width in draws.items()
    ]
    return array_of_columns([*finite, [math.inf, wide["q"], 0.0, wide["lambda"], 0.0, 0.0, 0.0]])


Draws = dict[str, Float[Tensor, " r"]]
"""`q` and `lambda` of each network."""


def sampled_by_width(
    settings: Kernel, gram: Float[Tensor, "2 2"], scheme: Scheme, depth: int, purpose: str
) -> dict[int, Draws]:
    """`|x|^2/D` of the first input and `<x, y>/D` at the horizon, by width; of their own noise at each depth.

    Of narrower networks there are as many times more.
    """
    return {
        width: drawn_at_width(
            settings, gram, scheme, depth, purpose, width, settings.replicas * (settings.width // width)
        )
        for width in widths(settings)
    }


def drawn_at_width(
    settings: Kernel, gram: Float[Tensor, "2 2"], scheme: Scheme, depth: int, purpose: str, width: int, replicas: int
) -> Draws:
    """The same of one width."""
    engine, grams = default_engine(), []
    for first, count in engine.pieces(replicas, vectors=len(gram), width=width, dtype=getattr(torch, settings.dtype)):
        stream = Stream(settings.seed, f"kernel.diagram {purpose} {depth} {width}", first_replica=first)
        x0 = read_in(settings, gram, width, stream.part(" read-in"), count)
        (x,) = engine.final(
            [Walker(scheme, depth)], x0, law_per_time(settings), horizon=settings.horizon, stream=stream
        )
        grams.append(wide.mean_gram(x)[:, 0].cpu())
    values = torch.cat(grams)
    return {"q": values[:, 0], "lambda": values[:, 1]}


def as_arrays(draws: Draws) -> dict[str, np.ndarray]:
    return {of: np.ascontiguousarray(values_drawn.numpy()) for of, values_drawn in draws.items()}


def as_draws(arrays: dict[str, np.ndarray]) -> Draws:
    return {of: torch.from_numpy(array) for of, array in arrays.items()}


def _sde(job: Job, gram: Float[Tensor, "2 2"]) -> dict[int, Draws]:
    """The same of the SDE, which no depth changes."""
    settings = job.settings

    def compute() -> dict[str, np.ndarray]:
        scheme = EulerMaruyama(settings.activation, "identity", law_per_time(settings))
        draws_by_width = sampled_by_width(settings, gram, scheme, STEPS_OF_SDE_SCHEME, "SDE")
        return {
            f"{of} {width}": draws[of].numpy()
            for width, draws in draws_by_width.items()
            for of in WORDS_OF_CORNER_MOMENTS
        }

    solution = job.shared.solve("kernel.diagram.sde", key_of_kernels(settings, "width", "replicas", "dtype"), compute)
    return {
        width: {of: torch.from_numpy(solution[f"{of} {width}"]) for of in WORDS_OF_CORNER_MOMENTS}
        for width in widths(settings)
    }


def euler_moments(settings: Kernel, gram: Float[Tensor, "2 2"], depth: int) -> dict[str, float]:
    """Moments of the Euler-Maruyama scheme at infinite width: `x + phi'(0) z + 1/2 phi''(0) v h`."""
    init, h = sizes_of_law(settings), settings.horizon / depth
    slope, curvature = activation_named(settings.activation).taylor()
    m, L = gram.new_zeros(len(gram)), gram
    for _ in range(depth):
        V = init.sigma_b**2 + init.sigma_w**2 * L
        drift = 0.5 * curvature * h * V.diagonal()
        L = L + slope**2 * h * V + torch.outer(m, drift) + torch.outer(drift, m) + torch.outer(drift, drift)
        m = m + drift
    return {"q": float(L[0, 0]), "lambda": float(L[0, 1])}


def step_error(settings: Kernel, gram: Float[Tensor, "2 2"]) -> tuple[dict[str, float], dict[str, float]]:
    """What `STEPS_OF_SDE_SCHEME` steps add to the moments, and what is left of its error: from the scheme's own
    recursion with `STEPS_OF_SDE_SCHEME` and more steps, by Richardson's extrapolation."""
    coarse, fine, finer = (euler_moments(settings, gram, steps * STEPS_OF_SDE_SCHEME) for steps in (1, 2, 4))
    ends = [{of: 2 * b[of] - a[of] for of in WORDS_OF_CORNER_MOMENTS} for a, b in ((coarse, fine), (fine, finer))]
    better = {of: (4 * ends[1][of] - ends[0][of]) / 3 for of in WORDS_OF_CORNER_MOMENTS}
    return {of: coarse[of] - better[of] for of in WORDS_OF_CORNER_MOMENTS}, {
        of: abs(ends[1][of] - better[of]) for of in WORDS_OF_CORNER_MOMENTS
    }


def corners(draws: dict[int, Draws], corner: str, wide: dict[str, float], of_width: str) -> list[Record]:
    """Mean over networks by width, how far it is from infinite width in standard errors, and infinite width."""
    records = [Record("corner", wide[of], coordinates={"corner": of_width, "of": of}) for of in WORDS_OF_CORNER_MOMENTS]
    for width, draws_at_width in draws.items():
        for of in WORDS_OF_CORNER_MOMENTS:
            value, stderr = mean(draws_at_width[of])
            more: Any = {
                "coordinates": {"corner": corner, "of": of, "width": width},
                "replicas": len(draws_at_width[of]),
            }
            records.append(Record("corner", value, stderr=stderr, reference=wide[of], **more))
            if stderr > 0:
                records.append(Record("corner_deviation", abs(value - wide[of]) / stderr, **more))
    return records


def spread_records(draws: dict[int, Draws], scheme: str) -> list[Record]:
    """Standard deviations of the overlap by width."""
    return [
        Record(
            "corner_spread",
            *deviation_over_replicas(draws_at_width["lambda"]),
            coordinates={"scheme": scheme, "width": width},
            replicas=len(draws_at_width["lambda"]),
        )
        for width, draws_at_width in draws.items()
    ]


def deviation_over_replicas(values: Float[Tensor, " r"]) -> tuple[float, float]:
    """Standard deviation over replicas and its standard error, by the fourth moment."""
    off = (values - values.mean()).square()
    variance, error = mean(off)
    return variance**0.5, error / (2 * variance**0.5) if variance > 0 else math.nan
