"""Branches of minimisers, one a start: which of them is judged, how far apart they are, and where one ends.

Several starts may lead to several minima. They are never averaged: the one of least value at depth `JUDGED_DEPTH`, or
of least value continued from there to infinite depth, is judged at every depth, whatever depths are asked for. At a
depth where another is lower it is a local minimum only. Free of torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .continuation import Rung
    from .minimiser import Minimum

JUDGED_DEPTH = 32
"""Depth from which the branch of least value is chosen."""
SAME_MINIMUM = 1e-5
"""Relative distance below which two minima are one."""
NEAR_ENOUGH = 1e-3
"""A relative distance below which a minimum is where it was said to be, whatever the other rungs."""

Refine = Callable[["Sequence[Rung]", int], np.ndarray]
"""`refine(rungs, depth)`: where the rungs below say that the minimum at a depth is."""


@dataclass(frozen=True)
class SolutionBranch:
    """The minima that one start leads to, by growing depth."""

    start: int
    rungs: Sequence[Rung]

    @property
    def minimum(self) -> Minimum:
        """That of the deepest rung."""
        return self.rungs[-1].minimum


def branches(
    climbed: Callable[[int, int], Sequence[Rung]], depth: int, starts: Sequence[int], *, beyond: bool = False
) -> list[SolutionBranch]:
    """The branches of these starts up to a depth, that of least value at depth `JUDGED_DEPTH` first, or, where many
    are told apart and some cross, of least value `beyond` it.

    `climbed(start, depth)` are the rungs of one. Minima that were reached go before those that were not.
    """

    def rank(start: int) -> tuple[bool, float]:
        rungs = climbed(start, JUDGED_DEPTH)
        values = [rung.minimum.value for rung in rungs]
        return not rungs[-1].minimum.converged, _continued(values) if beyond else values[-1]

    order = sorted(starts, key=rank) if len(starts) > 1 else list(starts)
    return [SolutionBranch(start, climbed(start, depth)) for start in order]


def apart(climbed: Callable[[int, int], Sequence[Rung]], starts: Sequence[int]) -> list[int]:
    """The starts whose branches are still apart at depth `JUDGED_DEPTH`: of those that met there, the one whose value
    changed least on the way."""

    def change(start: int) -> float:
        before, last = climbed(start, JUDGED_DEPTH)[-2:]
        return abs(last.minimum.value - before.minimum.value)

    return distinct(sorted(starts, key=change), lambda start: climbed(start, JUDGED_DEPTH)[-1].minimum.point)


def distinct(starts: Sequence[int], point: Callable[[int], np.ndarray]) -> list[int]:
    """The starts, in their order, whose points are no earlier one's."""
    kept: dict[int, np.ndarray] = {}
    for start in starts:
        there = point(start)
        size = float(np.linalg.norm(there)) or 1.0
        if all(np.linalg.norm(there - other) > SAME_MINIMUM * size for other in kept.values()):
            kept[start] = there
    return list(kept)


def _continued(values: Sequence[float]) -> float:
    """The limit of values at depths that double, for errors of order 1; where the last two lie farther apart than the
    two before, one of them is on another branch, and no more than their distance is believed."""
    step = values[-1] - values[-2]
    return values[-1] + math.copysign(min(abs(step), abs(values[-2] - values[-3])), step)


def distance_between(minima: Sequence[Minimum]) -> float:
    """The largest relative distance of any of the minima from the first; 0 where all agree."""
    first = minima[0].point
    size = float(np.linalg.norm(first)) or 1.0
    return max(float(np.linalg.norm(minimum.point - first)) / size for minimum in minima)


def surprises(rungs: Sequence[Rung], refine: Refine) -> dict[int, float]:
    """By depth of the rung how much farther off its minimum is than the other rungs say; far above 1 the branch has
    ended below it, and the minimum is one of another.

    From the fourth rung on, the distance of the minimum from where two coarser ones point, by the same of the rung
    before: about 1/4. Of the second and the third, its distance to the coarser minimum, per difference of `1/L`, by the
    same of the rung after: about 1.
    """
    excess = {}
    for i in range(1, len(rungs)):
        if i >= 3:
            there, expected = _missed(rungs[i - 2 : i + 1], refine), _missed(rungs[i - 3 : i], refine)
        elif i + 1 < len(rungs):
            there = _missed(rungs[i - 1 : i + 1], refine)
            expected = _missed(rungs[i : i + 2], refine) * _step(rungs[i - 1 : i + 1]) / _step(rungs[i : i + 2])
        else:
            continue
        excess[rungs[i].depth] = there / expected if there > NEAR_ENOUGH else 0.0
    return excess


def _missed(rungs: Sequence[Rung], refine: Refine) -> float:
    """Relative distance of the last minimum from where those before it point."""
    point = rungs[-1].minimum.point
    distance = np.linalg.norm(point - refine(rungs[:-1], rungs[-1].depth))
    return float(distance / (np.linalg.norm(point) or 1.0))


def _step(rungs: Sequence[Rung]) -> float:
    return 1 / rungs[0].depth - 1 / rungs[1].depth
