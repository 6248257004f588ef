"""`ode.trained`: trained networks of several depths compared, from their stored weights. Free of torch.

    weight_difference  distance of the paths of depths L and 2L at the times of L (needs no reference)
    weight_error       distance to their Richardson limit, with its error from the extrapolation table
    output_difference  distance of the test logits of depths L and 2L, relative to their size

The first two are relative to the movement of the weights in training.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....claims.distance import at_common_times, sup_distance, sup_size
from ....claims.richardson import richardson_limit
from ....measurement.job import FinishedJob
from ....measurement.record import Comparison, Record
from ..pairs import relative, successive, that_kept, trained_weights
from .claims import PINS_OF_TRAINED


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    """Distances between networks of successive depths, and to the limit where the depths double."""
    tied = that_kept("trained.V", jobs)
    comparisons = successive(tied, _differences)
    chain = _doubling_chain(sorted(tied))
    if len(chain) >= 3:
        comparisons += _errors([tied[depth] for depth in chain])
    return comparisons


def _movement(job: FinishedJob) -> float:
    """How far training moved the weights: what a distance is small or large against."""
    (value,) = [r.value for r in job.records if r.observable == "movement" and r.coordinates["init"] == "tied"]
    return value


def _differences(job: FinishedJob, deeper: FinishedJob) -> list[Record]:
    coarse, fine = (
        trained_weights(job, "trained"),
        at_common_times(trained_weights(deeper, "trained"), job.settings.depth),
    )
    records = [relative(job, "weight_difference", sup_distance(coarse, fine), _movement(deeper), PINS_OF_TRAINED)]
    ours, theirs = job.array("trained.logits"), deeper.array("trained.logits")
    if ours is not None and theirs is not None and ours.size:
        difference, size = (float(np.sqrt((x.astype(np.float64) ** 2).mean())) for x in (ours - theirs, theirs))
        records.append(relative(job, "output_difference", difference, size, PINS_OF_TRAINED))
    return records


def _errors(chain: Sequence[FinishedJob]) -> list[Comparison]:
    depth = chain[0].settings.depth
    paths = [at_common_times(trained_weights(job, "trained"), depth) for job in chain]
    limit, difference = richardson_limit(paths)
    size, error = _movement(chain[-1]), sup_size(difference)
    return [
        Comparison(
            job.settings.depth,
            relative(job, "weight_error", sup_distance(path, limit), size, PINS_OF_TRAINED, error=error),
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
