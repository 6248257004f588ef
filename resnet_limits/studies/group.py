"""What a measurement brings to a study: claims, observables, arrays, and the keys that its memory grows with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..claims.claim import Claim, Verdict

AS_STATED: Mapping[str, Verdict] = {"full": "supported", "smoke": "supported"}
SMOKE_IS_TOO_SMALL: Mapping[str, Verdict] = {"full": "supported", "smoke": "inconclusive"}
"""For claims whose intervals are too wide at the smoke size."""


@dataclass(frozen=True)
class Group:
    """The claims measured by `studies/STUDY/NAME.py`. `comparisons` maps a module of comparisons to its claims.

    `on_cpu`: the measurement runs on the CPU, whatever the key `device` says.
    """

    claims: tuple[Claim, ...]
    observables: Mapping[str, str]
    memory: tuple[str, ...]
    on_cpu: bool = False
    arrays: Mapping[str, str] = field(default_factory=dict)
    comparisons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
