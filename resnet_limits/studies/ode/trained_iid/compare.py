"""`ode.trained_iid.distance`: distance of the trained V of depths L and 2L as step functions, relative to their size.

V starts at zero, so that it is what training added; that of W and b would be hidden behind their start.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....claims.distance import step_distance
from ....measurement.job import FinishedJob
from ....measurement.record import Comparison, Record
from ..pairs import relative, successive, that_kept, trained_weights
from .claims import PINS_OF_TRAINED_IID


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    """Distances between networks of depths L and 2L."""
    return successive(that_kept("trained_iid.V", jobs), _differences)


def _differences(job: FinishedJob, deeper: FinishedJob) -> list[Record]:
    coarse, fine = (trained_weights(job_at_depth, "trained_iid", ("V",)) for job_at_depth in (job, deeper))
    size = float(np.sqrt((fine**2).mean()))
    return [relative(job, "step_difference", step_distance(coarse, fine), size, PINS_OF_TRAINED_IID)]
