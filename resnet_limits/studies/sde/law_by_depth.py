"""`sde.law.test.shallow`, `sde.law.energy`, `sde.law.two_sample`: what takes two depths. Free of torch.

exponent    `log(E_l/E_L)/log(L/l)` of the energy distances E at the shallowest and the deepest depth, l and L
rejected    how often Kolmogorov's test rejects at the shallowest
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from ..study import Comparison, FinishedJob, Record


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    """Rejections at the shallowest depth, and the exponents of the energy distances at the deepest."""
    if not jobs:
        return []
    shallowest, deepest = (at(jobs, key=lambda job: job.settings.depth) for at in (min, max))
    found = [
        Comparison(shallowest.settings.depth, replace(r, observable="law_rejected", value=1 - r.value))
        for r in shallowest.records
        if r.observable == "law_accepted"
    ]
    ratio = math.log(deepest.settings.depth / shallowest.settings.depth)
    before = {r.coordinates["scheme"]: r for r in shallowest.records if r.observable == "energy_distance"}
    for r in deepest.records if ratio else ():
        if r.observable == "energy_distance" and (b := before.get(r.coordinates["scheme"])) is not None:
            if r.value > 0 and b.value > 0:
                stderr = math.hypot(b.stderr / b.value, r.stderr / r.value) / ratio
                value = math.log(b.value / r.value) / ratio
                exponent = Record("energy_exponent", value, stderr, coordinates=r.coordinates, replicas=r.replicas)
                found.append(Comparison(deepest.settings.depth, exponent))
    return found
