"""Branches of minimisers, one a start: which of them is judged, how far apart they are, and where one ends.

Several starts may lead to several minima. They are never averaged: the one of least value at depth `JUDGED_DEPTH` is
judged at every depth, whatever depths are asked for. Free of torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .continuation import Rung
    from .minimiser import Minimum

JUDGED_DEPTH = 32
"""Depth at which the branch of least value is chosen."""
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


def branches(climbed: Callable[[int, int], Sequence[Rung]], depth: int, starts: int) -> list[SolutionBranch]:
    """The branches of so many starts up to a depth, that of least value at depth `JUDGED_DEPTH` first.

    `climbed(start, depth)` are the rungs of one. Minima that were reached go before those that were not.
    """

    def rank(start: int) -> tuple[bool, float]:
        minimum = climbed(start, JUDGED_DEPTH)[-1].minimum
        return not minimum.converged, minimum.value

    order = sorted(range(starts), key=rank) if starts > 1 else [0]
    return [SolutionBranch(start, climbed(start, depth)) for start in order]


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
