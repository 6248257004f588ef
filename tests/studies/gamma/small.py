"""A small setting of the study, and its parts measured there."""

from __future__ import annotations

from collections.abc import Sequence

from resnet_limits.measurement.record import Measurement
from resnet_limits.studies import study as studies
from resnet_limits.studies.gamma.settings import Gamma, GammaKeys
from tests.studies.verdicts import ladder

STUDY = studies.get("gamma")
DEPTHS = (8, 16, 32, 64)
SMALL = Gamma(width=3, replicas=3, gamma=GammaKeys(alpha=0.01, dimension=1, points=5, starts=6, train_points=40))


def measured(part, settings: Gamma = SMALL, depths: Sequence[int] = DEPTHS) -> list[tuple[Gamma, Measurement]]:
    """One part of the study at several depths that share their solutions."""
    return ladder(part, settings, depths)
