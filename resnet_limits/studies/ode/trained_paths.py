"""`ode.trained*`: trained networks of several depths compared, from their stored weights. Free of torch.

    weight_difference  distance of the paths of depths L and 2L at the times of L (needs no reference)
    weight_error       distance to their Richardson limit, with its error from the extrapolation table
    output_difference  distance of the test logits of depths L and 2L, relative to their size
    step_difference    from an i.i.d. start: distance of the weights of depths L and 2L as step functions

The first two are relative to the movement of the weights in training, the last to their size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from ...claims.distance import at_common_times, step_distance, sup_distance, sup_size
from ...claims.richardson import richardson_limit
from ...measurement.job import FinishedJob
from ...measurement.record import Comparison, Record
from .claims import TRAINED, TRAINED_IID, WEIGHTS


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    """Distances between networks of successive depths, and to the limit where the depths double."""
    tied = {job.settings.depth: job for job in jobs if job.array("trained.V") is not None}
    iid = {job.settings.depth: job for job in jobs if job.array("trained_iid.V") is not None}
    found = _successive(tied, _differences) + _successive(iid, _step_differences)
    chain = _doubling_chain(sorted(tied))
    if len(chain) >= 3:
        found += _errors([tied[depth] for depth in chain])
    return found


def _successive(
    jobs: dict[int, FinishedJob], differences: Callable[[FinishedJob, FinishedJob], list[Record]]
) -> list[Comparison]:
    return [
        Comparison(depth, record)
        for depth, job in jobs.items()
        if 2 * depth in jobs
        for record in differences(job, jobs[2 * depth])
    ]


def _weights(job: FinishedJob, prefix: str) -> np.ndarray:
    """The trained weights of all layers, (replicas, L, entries)."""
    parts = [job.array(f"{prefix}.{name}") for name in WEIGHTS]
    return np.concatenate([w.astype(np.float64).reshape(*w.shape[:2], -1) for w in parts if w is not None], axis=2)


def _movement(job: FinishedJob) -> float:
    """How far training moved the weights: what a distance is small or large against."""
    (value,) = [r.value for r in job.records if r.observable == "movement" and r.coordinates["init"] == "tied"]
    return value


def _differences(job: FinishedJob, deeper: FinishedJob) -> list[Record]:
    coarse, fine = _weights(job, "trained"), at_common_times(_weights(deeper, "trained"), job.settings.depth)
    records = [_record(job, "weight_difference", sup_distance(coarse, fine), _movement(deeper), TRAINED)]
    ours, theirs = job.array("trained.logits"), deeper.array("trained.logits")
    if ours is not None and theirs is not None and ours.size:
        difference, size = (float(np.sqrt((x.astype(np.float64) ** 2).mean())) for x in (ours - theirs, theirs))
        records.append(_record(job, "output_difference", difference, size, TRAINED))
    return records


def _step_differences(job: FinishedJob, deeper: FinishedJob) -> list[Record]:
    coarse, fine = _weights(job, "trained_iid"), _weights(deeper, "trained_iid")
    size = float(np.sqrt((fine**2).mean()))
    return [_record(job, "step_difference", step_distance(coarse, fine), size, TRAINED_IID)]


def _record(
    job: FinishedJob, name: str, distance: float, size: float, coordinates: dict[str, str], error: float | None = None
) -> Record:
    """A distance relative to a size (nan where nothing moves); the error of its reference is rounding, or as given."""
    rounding = 100 * float(np.finfo(job.settings.dtype).eps)
    return Record(
        name,
        distance / size if size else math.nan,
        reference=size,
        reference_error=rounding if error is None else error / size if size else math.nan,
        coordinates=coordinates,
        replicas=job.settings.train.replicas,
    )


def _errors(chain: Sequence[FinishedJob]) -> list[Comparison]:
    depth = chain[0].settings.depth
    paths = [at_common_times(_weights(job, "trained"), depth) for job in chain]
    limit, difference = richardson_limit(paths)
    size, error = _movement(chain[-1]), sup_size(difference)
    return [
        Comparison(
            job.settings.depth, _record(job, "weight_error", sup_distance(path, limit), size, TRAINED, error=error)
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
