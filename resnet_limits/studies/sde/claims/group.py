"""What a measurement brings to the study `sde`: the memory of most grows with the same keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ....claims.claim import Verdict
from ... import group

SMOKE_IS_TOO_SMALL: Mapping[str, Verdict] = {"full": "supported", "smoke": "inconclusive"}
"""For claims whose intervals are too wide at the smoke size."""


@dataclass(frozen=True)
class Group(group.Group):
    """The claims measured by `studies/sde/NAME.py`."""

    memory: tuple[str, ...] = ("replicas", "width", "sde.inputs")
