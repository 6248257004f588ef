"""`ode.trained_iid.distance` (control): from an i.i.d. start trained weights, as functions of time, do not converge.

What training adds to the layers is judged, not what it started from: step functions of depths L and 2L stay apart
(`compare.py` compares them), and increments from layer to layer do not fall. Pinned: two-matrix blocks, i.i.d. start.
"""

from __future__ import annotations

from ....measurement.job import Job
from ....measurement.record import Measurement
from ....paths.laws.iid import IidLaw
from ..networks import drawn_trunk, few, records_and_arrays, trained_from
from ..problem import with_own_sizes
from ..settings import Ode
from .claims import PINS_OF_TRAINED_IID


def measure(job: Job) -> Measurement:
    """Loss, accuracy and roughness by step and at the end, and the final weights."""
    settings: Ode = job.settings
    dataset, law = few(settings), with_own_sizes(settings, IidLaw())
    trunk = drawn_trunk(
        settings, law, settings.width, depth=settings.depth, replicas=settings.train.replicas, purpose="trained"
    )
    trained = trained_from(job, trunk, dataset, same_ends=False, cut=True)
    return records_and_arrays(settings, trunk, trained, dataset, "trained_iid", PINS_OF_TRAINED_IID)
