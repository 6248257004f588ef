"""A small setting of the study, and its measurements at several depths."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from resnet_limits.data.sources.moons import MoonsData
from resnet_limits.measurement.job import InMemory
from resnet_limits.measurement.record import Measurement
from resnet_limits.studies import study as studies
from resnet_limits.studies.hamiltonian.settings import Hamiltonian, HamiltonianKeys
from tests.studies.verdicts import ladder, values

STUDY = studies.get("hamiltonian")
DEPTHS = (8, 16, 32, 64)
SMALL = Hamiltonian(
    hamiltonian=HamiltonianKeys(points=12, steps=64, nu=0.1), data=MoonsData(train_size=100, test_size=10)
)
SHARED = InMemory()
"""Minimisers and shootings of `SMALL` without any fault."""


def measured(
    part, settings: Hamiltonian = SMALL, depths: Sequence[int] = DEPTHS, shared: InMemory = SHARED
) -> list[tuple[Hamiltonian, Measurement]]:
    return ladder(part, settings, depths, shared)


def orders(jobs: Sequence[tuple[Hamiltonian, Measurement]], observable: str, **where: str) -> float:
    """The slope between the last two depths."""
    *_, before, last = values(jobs, observable, **where)
    return float(np.log2(before / last))
