"""Paths of the controls at depth n and 2n from one start. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....claims.distance import step_distance
from ....measurement.job import FinishedJob
from ....measurement.record import Comparison, Record
from .claims import CONTROLS


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    """`path_difference`: the distance of the step functions at depths n and 2n, a mean over starts, by control."""
    by_depth = {job.settings.depth: job for job in jobs}
    found = []
    for depth, job in by_depth.items():
        if 2 * depth not in by_depth:
            continue
        for control in CONTROLS:
            coarse, fine = (its.array(f"ablation.{control}") for its in (job, by_depth[2 * depth]))
            if coarse is None or fine is None or len(coarse) != len(fine):
                continue
            distances = [step_distance(a[None], b[None]) for a, b in zip(coarse, fine, strict=True)]
            count = len(distances)
            record = Record(
                "path_difference",
                float(np.mean(distances)),
                stderr=float(np.std(distances, ddof=1)) / count**0.5 if count > 1 else float("nan"),
                coordinates={"problem": "ablation", "control": control},
                replicas=count,
            )
            found.append(Comparison(depth, record))
    return found
