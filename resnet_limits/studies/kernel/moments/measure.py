"""`kernel.moments.*`: the exact recursion of infinitely wide networks of depth L against the limit in depth."""

from __future__ import annotations

import math

from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.activations import activation_named
from ..kernels import finite_moments, limit_moments, reached
from ..outside import explodes_with, limitless
from ..problem import overlaps, pair
from .claims import OF, SWISH

ROUNDING = 1e-14
"""Relative rounding of a layer: sums of 96 or so terms."""


def measure(job: Job) -> Measurement:
    """Moments of the settings' activation and of swish, and their distance to the limit."""
    settings, records = job.settings, []
    z = pair(settings)
    gram = overlaps(z)
    schemes = {"own": (settings.activation, {}, limitless(settings))}
    schemes["swish"] = (SWISH["activation"], SWISH, explodes_with(SWISH["activation"], settings))
    for i, (scheme, (phi, pins, without_limit)) in enumerate(schemes.items()):
        job.progress(i / len(schemes), f"moments, {phi}")
        coordinates = {"scheme": scheme, **pins}
        found = finite_moments(settings, gram, settings.depth, phi=phi)
        smooth = activation_named(phi).without_limit() is None
        exists, first = reached(settings, z, phi=phi) if smooth else (False, math.inf)
        exists = exists and without_limit is None
        limit = limit_moments(settings, gram, phi=phi) if exists else dict.fromkeys(OF, math.nan)
        for of in OF:
            value, exact = found[of], limit[of]
            records.append(Record(of, value, reference=exact, coordinates=coordinates))
            if math.isfinite(exact) and exact != 0:
                error = (value - exact) / exact
                rounding = ROUNDING * math.sqrt(settings.depth)
                records.append(Record(f"{of}_error", abs(error), reference_error=rounding, coordinates=coordinates))
                constant = {**coordinates, "of": of}
                records.append(Record("depth_constant", settings.depth * error, coordinates=constant))
        if math.isfinite(first):
            records.append(Record("blow_up_time", first, coordinates=coordinates))
    return Measurement([record for record in records if math.isfinite(record.value)])
