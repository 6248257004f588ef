"""A group of claims: those that share a measurement, and the question that they answer.

studies/STUDY/GROUP/   claims.py    GROUP, free of torch: question, claims, observables, depths, cost, what memory
                                    grows with
                       measure.py   measure(job) -> Measurement: one depth, a pure function of the job's settings
                       compare.py   compare(jobs) -> list[Comparison]: several finished depths, if claims need them

A study of one file has no such folder: its groups carry the two functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..claims.claim import Claim
from .least import Least, little

if TYPE_CHECKING:
    from ..measurement.job import FinishedJob, Job
    from ..measurement.record import Comparison, Measurement


@dataclass(frozen=True)
class Depths:
    """`low <= depth <= high`: the depths at which a group measures; jobs of others skip it."""

    low: int = 1
    high: int | None = None

    def __contains__(self, depth: int) -> bool:
        return self.low <= depth and (self.high is None or depth <= self.high)

    def __str__(self) -> str:
        """`depths up to 32`, `depths from 8 to 32`, `depths from 8`; `all depths` where there is no bound."""
        if self.high is None:
            return "all depths" if self.low <= 1 else f"depths from {self.low}"
        return f"depths up to {self.high}" if self.low <= 1 else f"depths from {self.low} to {self.high}"


ALL_DEPTHS = Depths()
USUAL_GROWTH = {"depth": 1.0, "replicas": 1.0}
"""How the work of most groups grows."""


@dataclass(frozen=True)
class Group:
    """The claims that share a measurement. `title` is the question that they answer, one sentence.

    `observables` and `arrays` say in words what is measured. `depths` are those at which it is; a claim then says so
    where it has too few of them. `compared` are the claims that need several depths. `memory` are the keys that its
    memory grows with, named where it runs out; `least` is a lower bound of that memory, from the settings to bytes.
    `on_cpu`: it runs on the CPU, whatever the key `device` says. `any_law`: its networks have the setting's own law of
    weights, whatever that is, where the study has laws that only some of its groups follow.
    `loss` is the one that its networks are trained by, with the factor that it carries; empty where none are trained.
    `uncompiled` says what its networks take that has no compiled form: a run of it by `engine=compiled` is refused.
    `by_name`: it is measured where it is asked for by name alone, as a preset of its own does, and is no part of the
    sweep of the study; its `seconds` are those of the default keys all the same.
    `conditional` are observables whose standard errors hold for the problem of a seed, its data and inputs: between
    seeds they scatter by more.

    `seconds` is what it costs: core-seconds of the study's default sweep, all depths together, on one thread
    (`python -m tests.benchmarks.costs`; on an AMD EPYC of family 26, Zen 5, at 2.6 GHz, to one or two digits). `shared`
    of them are those of solutions that depths share: the deepest job, the first of a run, pays for them. `grows` says
    how the work grows with a key, as a power.

    `measure` and `compare` are the functions where they do not stand in files of these names in the folder `name`.
    """

    name: str
    title: str
    claims: tuple[Claim, ...]
    observables: Mapping[str, str]
    memory: tuple[str, ...] = ()
    least: Least = little
    seconds: float | None = None
    shared: float = 0.0
    grows: Mapping[str, float] = field(default_factory=lambda: USUAL_GROWTH)
    depths: Depths = ALL_DEPTHS
    arrays: Mapping[str, str] = field(default_factory=dict)
    compared: tuple[str, ...] = ()
    on_cpu: bool = False
    any_law: bool = False
    uncompiled: str = ""
    by_name: bool = False
    loss: str = ""
    conditional: tuple[str, ...] = ()
    measure: Callable[[Job], Measurement] | None = None
    compare: Callable[[Sequence[FinishedJob]], list[Comparison]] | None = None

    def __post_init__(self) -> None:
        """What bounds the depths of a group, each of its claims needs."""
        if self.depths != ALL_DEPTHS:
            object.__setattr__(self, "claims", tuple(self._bounded(claim) for claim in self.claims))

    def document(self) -> dict[str, Any]:
        """What is said of the group in JSON."""
        facts = {"name": self.name, "title": self.title, "loss": self.loss}
        return {**facts, "seconds": self.seconds, "depths": asdict(self.depths)}

    def _bounded(self, claim: Claim) -> Claim:
        bound = str(self.depths)
        return claim if bound in claim.needs else replace(claim, needs=", ".join(filter(None, (claim.needs, bound))))
