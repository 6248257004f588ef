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
    energies = [
        {r.coordinates["scheme"]: r for r in job.records if r.observable == "energy_distance"}
        for job in (shallowest, deepest)
    ]
    for scheme in sorted(energies[0].keys() & energies[1].keys()) if ratio else ():
        before, after = (its[scheme] for its in energies)
        if before.value > 0 and after.value > 0:
            value = math.log(before.value / after.value) / ratio
            stderr = math.hypot(before.stderr / before.value, after.stderr / after.value) / ratio
            exponent = Record("energy_exponent", value, stderr, coordinates=after.coordinates, replicas=after.replicas)
            found.append(Comparison(deepest.settings.depth, exponent))
    return found
