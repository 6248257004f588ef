"""Paths of the controls at depth n and 2n from one start. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence

from ....claims.distance import step_distance
from ....measurement.job import FinishedJob
from ....measurement.record import Comparison
from ....training.penalty import Penalty
from .claims import PENALTY_SIZES
from .starts import mean_over_starts, mean_square_of_path

COMPARISONS_OF_ABLATION: tuple[tuple[str, str, Penalty], ...] = (
    *(("path_difference", control, control) for control in PENALTY_SIZES),
    ("movement_difference", "movement", "none"),
)
"""Observable, array, control."""


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    """The distance of the step functions at depths n and 2n, a mean over starts, by control: `path_difference` of the
    weights, `movement_difference` of the movement without a penalty, relative to its size."""
    by_depth = {job.settings.depth: job for job in jobs}
    comparisons = []
    for depth, job in by_depth.items():
        if 2 * depth not in by_depth:
            continue
        for observable, array, control in COMPARISONS_OF_ABLATION:
            coarse, fine = (job_at_depth.array(f"ablation.{array}") for job_at_depth in (job, by_depth[2 * depth]))
            if coarse is None or fine is None or len(coarse) != len(fine):
                continue
            distances = [step_distance(a[None], b[None]) for a, b in zip(coarse, fine, strict=True)]
            if array == "movement":
                sizes = [mean_square_of_path(b) ** 0.5 or float("nan") for b in fine]
                distances = [distance / size for distance, size in zip(distances, sizes, strict=True)]
            where = {"problem": "ablation", "control": control}
            comparisons.append(Comparison(depth, mean_over_starts(observable, distances, control, where)))
    return comparisons
