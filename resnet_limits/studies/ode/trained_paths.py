"""`ode.trained`: trained networks of several depths compared, from their stored weights. Free of torch.

    weight_difference  distance of the paths of depths L and 2L at the times of L (needs no reference)
    weight_error       distance to their Richardson limit, with its error from the extrapolation table
    output_difference  distance of the test logits of depths L and 2L

all relative to the size of the deeper path (or logits).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...claims.distance import at_common_times, sup_distance, sup_size
from ...claims.richardson import richardson_limit
from ..study import Comparison, FinishedJob, Record
from .claims import TRAINED, WEIGHTS


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    """Distances between networks of successive depths, and to the limit where the depths double."""
    by_depth = {job.settings.depth: job for job in jobs}
    found = [
        Comparison(depth, record)
        for depth, job in by_depth.items()
        if (deeper := by_depth.get(2 * depth)) is not None
        for record in _differences(job, deeper)
    ]
    chain = _doubling_chain(sorted(by_depth))
    if len(chain) >= 3:
        found += _errors([by_depth[depth] for depth in chain])
    return found


def _path(job: FinishedJob, depth: int) -> np.ndarray:
    """The trained weights at the times of a network of this depth, (replicas, times, entries)."""
    parts = []
    for name in WEIGHTS:
        weights = job.array(f"trained.{name}")
        assert weights is not None
        parts.append(at_common_times(weights.astype(np.float64), depth).reshape(weights.shape[0], depth, -1))
    return np.concatenate(parts, axis=2)


def _differences(job: FinishedJob, deeper: FinishedJob) -> list[Record]:
    depth, replicas = job.settings.depth, job.settings.train.replicas
    coarse, fine = _path(job, depth), _path(deeper, depth)
    records = [("weight_difference", sup_distance(coarse, fine) / sup_size(fine), sup_size(fine))]
    ours, theirs = job.array("trained.logits"), deeper.array("trained.logits")
    if ours is not None and theirs is not None and ours.size:
        size = float(np.sqrt((theirs**2).mean()))
        records.append(("output_difference", float(np.sqrt(((ours - theirs) ** 2).mean())) / size, size))
    rounding = 100 * float(np.finfo(job.settings.dtype).eps)
    return [
        Record(name, value, reference=size, reference_error=rounding, coordinates=TRAINED, replicas=replicas)
        for name, value, size in records
    ]


def _errors(chain: Sequence[FinishedJob]) -> list[Comparison]:
    depth = chain[0].settings.depth
    paths = [_path(job, depth) for job in chain]
    limit, difference = richardson_limit(paths)
    size = sup_size(limit)
    uncertainty = sup_size(difference) / size
    return [
        Comparison(
            job.settings.depth,
            Record(
                "weight_error",
                sup_distance(path, limit) / size,
                reference=size,
                reference_error=uncertainty,
                coordinates=TRAINED,
                replicas=job.settings.train.replicas,
            ),
        )
        for job, path in zip(chain, paths, strict=True)
    ]


def _doubling_chain(depths: Sequence[int]) -> list[int]:
    """The longest chain L, 2L, 4L, ... among the depths that ends at the deepest it can."""
    chains = []
    for start in depths:
        chain = [start]
        while 2 * chain[-1] in depths:
            chain.append(2 * chain[-1])
        chains.append(chain)
    return max(chains, key=lambda chain: (len(chain), chain[-1]), default=[])
