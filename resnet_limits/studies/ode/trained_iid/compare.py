"""`ode.trained.iid`: distance of the trained weights of depths L and 2L as step functions, relative to their size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....claims.distance import step_distance
from ....measurement.job import FinishedJob
from ....measurement.record import Comparison, Record
from ..pairs import relative, successive, that_kept, weights
from .claims import TRAINED_IID


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    """Distances between networks of depths L and 2L."""
    return successive(that_kept("trained_iid.V", jobs), _differences)


def _differences(job: FinishedJob, deeper: FinishedJob) -> list[Record]:
    coarse, fine = weights(job, "trained_iid"), weights(deeper, "trained_iid")
    size = float(np.sqrt((fine**2).mean()))
    return [relative(job, "step_difference", step_distance(coarse, fine), size, TRAINED_IID)]
