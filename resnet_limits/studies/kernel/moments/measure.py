"""`kernel.moments.*`: the exact recursion of infinitely wide networks of depth L against the limit in depth."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from torch import Tensor

from ....claims.richardson import richardson_limit
from ....limits.depth_constant import of_overlap, of_tangent_kernel
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.activations import activation_named
from ..kernels import finite_kernel, finite_moments, limit_kernel, limit_moments, reached
from ..outside import limitless, moments_explode_with, moving, sizes_of_law
from ..problem import family, key_of_kernels, overlaps_after_read_in, pair
from ..settings import Kernel
from .claims import (
    DEPTHS_OF_CONSTANT,
    PINS_OF_SWISH_MOMENTS,
    PINS_OF_TANH_MOMENTS,
    POINTS_OF_OVERLAPS,
    WORDS_OF_MOMENTS,
    grown_for_constant,
)

ROUNDING_A_LAYER = 1e-14
"""Relative rounding of a layer: sums of 96 or so terms."""


def measure(job: Job) -> Measurement:
    """Moments of the settings' activation and of swish, and their distance to the limit."""
    settings, records = job.settings, []
    z = pair(settings)
    gram = overlaps_after_read_in(z)
    schemes = {"own": (settings.activation, {}, limitless(settings))}
    schemes["swish"] = (
        PINS_OF_SWISH_MOMENTS["activation"],
        PINS_OF_SWISH_MOMENTS,
        moments_explode_with(PINS_OF_SWISH_MOMENTS["activation"], settings),
    )
    for i, (scheme, (phi, pins, without_limit)) in enumerate(schemes.items()):
        job.progress(i / len(schemes), f"moments, {phi}")
        coordinates = {"scheme": scheme, **pins}
        at_depth = finite_moments(settings, gram, settings.depth, phi=phi)
        smooth = activation_named(phi).without_limit() is None
        exists, first = reached(settings, z, phi=phi) if smooth else (False, math.inf)
        exists = exists and without_limit is None
        limit = limit_moments(settings, gram, phi=phi) if exists else dict.fromkeys(WORDS_OF_MOMENTS, math.nan)
        for of in WORDS_OF_MOMENTS:
            value, exact = at_depth[of], limit[of]
            records.append(Record(of, value, reference=exact, coordinates=coordinates))
            if math.isfinite(exact) and exact != 0:
                error = (value - exact) / exact
                size = overlaps_off(settings, phi) if of == "lambda" else abs(error)
                rounding = ROUNDING_A_LAYER * math.sqrt(settings.depth)
                records.append(Record(f"{of}_error", size, reference_error=rounding, coordinates=coordinates))
                constant = {**coordinates, "of": of}
                records.append(Record("depth_constant", settings.depth * error, coordinates=constant))
        if math.isfinite(first):
            records.append(Record("blow_up_time", first, coordinates=coordinates))
        if exists and grown_for_constant(settings) is None:
            where = {**key_of_kernels(settings), "phi": phi}
            value, error = job.shared.solve(
                "kernel.moments.limit", where, lambda phi=phi, limit=limit: at_infinity(settings, gram, phi, limit)
            )["distance"]
            records.append(
                Record("extrapolated_distance", float(value), reference_error=float(error), coordinates=coordinates)
            )
    if moving(settings) is None and grown_for_constant(settings) is None:
        constants_known = job.shared.solve(
            "kernel.moments.constants", key_of_kernels(settings), lambda: constants(settings, gram)
        )
        for of, (value, error) in constants_known.items():
            coordinates = {"of": of, **PINS_OF_TANH_MOMENTS}
            records.append(
                Record("constant_ratio", float(value), reference_error=float(error), coordinates=coordinates)
            )
    return Measurement([record for record in records if math.isfinite(record.value)])


def overlaps_off(settings: Kernel, phi: str) -> float:
    """Root mean square, over overlaps of the first input with several, of their distance to the limit, relative.

    The 1/L constant of one overlap may nearly vanish (what v adds and what m adds have two signs), and its distance
    change sign at some depth: then no order is seen. Those of several do not vanish together.
    """
    gram = overlaps_after_read_in(family(settings, POINTS_OF_OVERLAPS))
    q = gram.diagonal()
    row = gram[:1, 1:], q[:1, None], q[None, 1:]
    exact = limit_kernel(settings, "nngp", float(q.max()), phi=phi).of_overlaps(*row)
    at_depth = finite_kernel(settings, "nngp", settings.depth, phi=phi).of_overlaps(*row)
    return float((at_depth - exact).norm() / exact.norm())


def at_infinity(
    settings: Kernel, gram: Float[Tensor, "2 2"], phi: str, limit: dict[str, float]
) -> dict[str, np.ndarray]:
    """The largest relative distance of moments, extrapolated in depth, to their limit; and the largest error."""
    by_depth = [finite_moments(settings, gram, L, phi=phi) for L in DEPTHS_OF_CONSTANT]
    kept = [of for of in WORDS_OF_MOMENTS if limit[of] != 0]
    ends = [extrapolated_in_depth([moments[of] / limit[of] for moments in by_depth]) for of in kept]
    return {"distance": np.array([max(abs(end - 1) for end, _ in ends), max(error for _, error in ends)])}


def extrapolated_in_depth(values: Sequence[float]) -> tuple[float, float]:
    """Richardson's extrapolation in 1/L of values at depths that double, and its error."""
    limit, difference = richardson_limit([np.array(value) for value in values])
    return float(limit), float(abs(difference))


def constants(settings: Kernel, gram: Float[Tensor, "2 2"]) -> dict[str, np.ndarray]:
    """`L (K_L - K_T)` of tanh over its known constant where that is not 0, extrapolated in 1/L, with its error."""
    init, keys, phi = sizes_of_law(settings), settings.kernel, PINS_OF_TANH_MOMENTS["activation"]
    (q1, overlap), (_, q2) = gram.tolist()
    law = (init.sigma_w, init.sigma_b, settings.horizon)
    known = {
        "q": of_overlap(q1, (q1, q1), *law),
        "lambda": of_overlap(overlap, (q1, q2), *law),
        "ntk": of_tangent_kernel(overlap, (q1, q2), *law, read_in=keys.read_in, readout=keys.readout),
    }
    limit = limit_moments(settings, gram, phi=phi)
    off = [(L, finite_moments(settings, gram, L, phi=phi)) for L in DEPTHS_OF_CONSTANT]
    arrays = {}
    for of, constant in known.items():
        if constant == 0:
            continue
        arrays[of] = np.array(extrapolated_in_depth([L * (moments[of] - limit[of]) / constant for L, moments in off]))
    return arrays
