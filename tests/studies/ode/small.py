"""A small setting of the study, and its measurements at several depths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from resnet_limits.data.sources.moons import MoonsData
from resnet_limits.measurement.job import FinishedJob, InMemory, Job
from resnet_limits.measurement.record import Measurement
from resnet_limits.settings.training import Train
from resnet_limits.studies import study as studies
from resnet_limits.studies.ode.settings import Ode, OdeKeys
from tests.studies.verdicts import ladder

STUDY = studies.get("ode")
DEPTHS = (8, 16, 32, 64, 128)
SMALL = Ode(width=4, replicas=64, ode=OdeKeys(inputs=3, paths=2, draws=4), train=Train(epochs=1, replicas=2))


def measured(
    part, settings: Ode = SMALL, depths: Sequence[int] = DEPTHS, shared: InMemory | None = None
) -> list[tuple[Ode, Measurement]]:
    """One part of the study at several depths that share their solutions."""
    return ladder(part, settings, depths, shared)


CALIBRATED = 40
"""Seeds of a calibration: the ratio of two standard deviations is known to 1/sqrt(80), 11 %."""


def calibrated(part, observable: str, settings: Ode) -> list[float]:
    """What the ratios of many seeds are off 1, in units of their standard errors."""
    deviations = []
    for seed in range(CALIBRATED):
        records = part.measure(Job(replace(settings, seed=seed, data=MoonsData(train_size=4, test_size=2)))).records
        deviations += [(r.value - 1) / r.stderr for r in records if r.observable == observable]
    return deviations


def finished(part, settings: Ode = SMALL, depths: Sequence[int] = DEPTHS) -> list[FinishedJob]:
    return [FinishedJob(s, m.records, m.arrays.get) for s, m in measured(part, settings, depths)]
