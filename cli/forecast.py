"""What is told before a run begins: how many jobs, about how long, how much memory, and which claims it cannot judge.

    seconds   sum over jobs and groups of  seconds of the default sweep  x  share of this job  x  slowness

The first is declared by the group, `Group(seconds=)`; the share says how its work grows, `Group(grows=)`. What depths
share, `Group(shared=)`, the deepest job pays for, which is the first. The last is that of this machine, found by a
piece of work of milliseconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from resnet_limits.claims.words import duration
from resnet_limits.memory import gigabytes
from resnet_limits.settings.base import Settings
from resnet_limits.settings.content import content, digest
from resnet_limits.settings.keys import flat

from . import launchers
from .hydra_bridge import Plan, default_depths, study_of
from .workers import OF_A_WORKER, least, side_by_side

if TYPE_CHECKING:
    from resnet_limits.claims.claim import Claim
    from resnet_limits.studies.group import Group

POOLED = ("depth", "seed")
"""The keys that jobs which are judged together may differ in."""
START = 3.0
"""Core-seconds of a worker's start and of the end of a run without claims, on the machine of `Group.seconds`."""
OF_A_CLAIM = 0.25
"""Core-seconds of judging a claim and of drawing its figures there."""


@dataclass(frozen=True)
class Forecast:
    """What some jobs will take: core-seconds of each, None where a group does not declare its cost, those of the start
    and the end of their run, and bytes."""

    seconds: tuple[float | None, ...]
    around: float
    memory: float

    @property
    def total(self) -> float | None:
        known = [seconds for seconds in self.seconds if seconds is not None]
        return sum(known) if known and len(known) == len(self.seconds) else None

    def wall(self, workers: int) -> float | None:
        """Seconds where so many jobs run at a time; None where it is not known."""
        if self.total is None:
            return None
        longest = max(seconds for seconds in self.seconds if seconds is not None)
        return self.around + max(self.total / workers, longest)


def forecast(settings: Sequence[Settings], slowness: float = 1.0) -> Forecast:
    """What these jobs of one study will take on a machine that is so many times slower than that of `Group.seconds`."""
    costs = _costs(settings, default_depths(settings[0].study))
    claims = len(study_of(settings[0]).chosen(settings[0].claims)) * len(_apart(settings))
    return Forecast(
        tuple(None if seconds is None else seconds * slowness for seconds in costs),
        (START + OF_A_CLAIM * claims) * slowness,
        max(map(least, settings), default=OF_A_WORKER),
    )


def _costs(settings: Sequence[Settings], depths: Sequence[int]) -> list[float | None]:
    """Core-seconds of each job on the machine of `Group.seconds`; None where a group does not declare its cost."""
    study = study_of(settings[0])
    usual = study.settings(study=study.name)
    needed = [(_key(of_job, "depth"), of_job, study.needed(of_job)) for of_job in settings]
    first: dict[tuple[str, str], int] = {}
    for key, of_job, groups in needed:
        for group in groups:
            first[key, group.name] = max(of_job.depth, first.get((key, group.name), 0))
    costs = []
    for key, of_job, groups in needed:
        each = [_cost_of(g, of_job, usual, depths, of_job.depth == first[key, g.name]) for g in groups]
        costs.append(None if None in each else sum(seconds for seconds in each if seconds is not None))
    return costs


def _cost_of(group: Group, settings: Settings, usual: Settings, depths: Sequence[int], is_first: bool) -> float | None:
    """Seconds of the default sweep, times `depth^p / sum of that over the sweep`, times the growth with each further
    key from its default; what the depths share is added for the first of them."""
    if group.seconds is None:
        return None
    power = group.grows.get("depth", 0.0)
    swept = [depth for depth in depths if depth in group.depths]
    whole = sum(depth**power for depth in swept)
    asked, default = flat(settings), flat(usual)
    growth = 1.0
    for key, of_key in group.grows.items():
        now, then = asked.get(key), default.get(key)
        if key != "depth" and isinstance(now, (int, float)) and isinstance(then, (int, float)) and now and then:
            growth *= (now / then) ** of_key
    if not whole:
        return None
    unshared = (group.seconds - group.shared) * settings.depth**power / whole
    return (unshared + group.shared * is_first) * growth


def forecast_lines(plans: Sequence[Plan], missing: set[str], slowness: float) -> Iterator[str]:
    """The lines that are said before the missing jobs of some sweeps are run."""
    jobs = {job.name: job.settings for plan in plans for job in plan.jobs}
    todo = [settings for name, settings in jobs.items() if name in missing]
    if todo:
        yield _how_long(todo, plans[0].launcher, slowness)
    yield from claims_left_out(list(jobs.values()))
    yield from too_few_depths(list(jobs.values()))


def _how_long(todo: Sequence[Settings], launcher: str, slowness: float) -> str:
    expected = forecast(todo, slowness)
    count = f"{len(todo)} job{'s' * (len(todo) > 1)}"
    memory = f"at least {gigabytes(expected.memory)} of memory {'each' if len(todo) > 1 else 'for it'}"
    if launcher != launchers.SIDE_BY_SIDE:
        core = "" if expected.total is None else f", about {duration(expected.total)} on one core"
        return f"{count} with the launcher {launcher}{core}; {memory}"
    workers = side_by_side(todo)
    wall = expected.wall(workers)
    about = "how long is not known" if wall is None else f"about {duration(wall)}"
    return f"{count}, {workers} at a time: {about}; {memory}"


def claims_left_out(jobs: Sequence[Settings]) -> Iterator[str]:
    """A line a reason for which claims are not judged, with the settings that it is about.

    Where all were asked for, they are left out: a group of which none stays is not measured.
    """
    study = study_of(jobs[0])
    by_reason: dict[str, set[str]] = {}
    asked: set[str] = set()
    judged: set[str] = set()
    for settings in _apart(jobs):
        for claim in study.chosen(settings.claims):
            asked.add(claim.id)
            if (reason := claim.outside(settings)) is None:
                judged.add(claim.id)
            else:
                by_reason.setdefault(reason, set()).add(claim.id)
    for reason, ids in by_reason.items():
        key = reason.partition("=")[0].strip()
        others = [claim for claim in study.claims if claim.id in asked - ids]
        pinned = sum(key in claim.pins for claim in others)
        pinning = f", of which {pinned} {_verb(pinned, 'pins its', 'pin their')} own {key}" if pinned else ""
        become = f"{_verb(len(ids), 'is', 'are')} left out" if jobs[0].claims is None else "will not be judged"
        stay = f"{len(others) or 'none'} {_verb(len(others) or 1, 'stays', 'stay')}"
        yield f"{len(ids)} of {_counted(len(asked))} {become} ({reason}); {stay}{pinning}"


def too_few_depths(jobs: Sequence[Settings]) -> Iterator[str]:
    """A line where claims about orders in the depth have fewer depths than an order needs."""
    from resnet_limits.claims.order import FEWEST_POINTS

    study = study_of(jobs[0])
    short: Counter[int] = Counter()
    for settings in _apart(jobs):
        key = _key(settings, *POOLED)
        depths = {job.depth for job in jobs if _key(job, *POOLED) == key}
        for claim in study.chosen(settings.claims):
            if claim.expected.is_order and claim.expected.along == "depth" and claim.outside(settings) is None:
                points = _points(study.group_of(claim.id), claim, depths)
                if points < FEWEST_POINTS:
                    short[points] += 1
    for points, count in sorted(short.items()):
        yield (
            f"an order needs {FEWEST_POINTS} usable depths, and these give {points}:"
            f" {_counted(count)} will stay inconclusive"
        )


def _points(group: Group, claim: Claim, depths: set[int]) -> int:
    """At how many depths a claim will have a value, at most: what compares L and 2L has one fewer."""
    measured = [depth for depth in depths if depth in group.depths]
    return max(len(measured) - (claim.id in group.compared), 0)


def _apart(jobs: Sequence[Settings]) -> list[Settings]:
    """One of the jobs for each setting: those of other depths and seeds are judged with it."""
    return list({_key(job, *POOLED): job for job in jobs}.values())


def _key(settings: Settings, *but: str) -> str:
    """Of what a job is about but for these keys."""
    return digest({key: value for key, value in content(settings).items() if key not in but})


def _verb(count: int, one: str, several: str) -> str:
    return one if count == 1 else several


def _counted(count: int) -> str:
    return f"{count} claim{'s' * (count != 1)}"
