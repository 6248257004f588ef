"""A group of claims: those that share a measurement, with what they need to be measured and judged.

studies/STUDY/GROUP/   claims.py    GROUP, free of torch: claims, observables, what memory grows with
                       measure.py   measure(job) -> Measurement: one depth, a pure function of the job's settings
                       compare.py   compare(jobs) -> list[Comparison]: several finished depths, if claims need them
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..claims.claim import Claim, Verdict
from .least import Least

AS_STATED: Mapping[str, Verdict] = {"full": "supported", "smoke": "supported"}
SMOKE_IS_TOO_SMALL: Mapping[str, Verdict] = {"full": "supported", "smoke": "inconclusive"}
"""For claims whose intervals are too wide at the smoke size."""


@dataclass(frozen=True)
class Group:
    """The claims measured by `measure.py` of the folder `name` of their study.

    `observables` and `arrays` say in words what is measured. `memory` are the keys that its memory grows with, named
    where it runs out; `least` is a lower bound of that memory, from the settings to bytes. `compared` are the claims
    that need several depths, by `compare.py`. `on_cpu`: it runs on the CPU, whatever the key `device` says.
    """

    name: str
    claims: tuple[Claim, ...]
    observables: Mapping[str, str]
    memory: tuple[str, ...]
    least: Least
    arrays: Mapping[str, str] = field(default_factory=dict)
    compared: tuple[str, ...] = ()
    on_cpu: bool = False
