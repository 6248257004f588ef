"""Where networks of two depths move their inputs equally far: the zero in beta of

    s(beta) = (c(L', beta) - c(L, beta)) / log(L'/L),      c = mean over networks of log |h_L - h_0|/|h_0|

`b1` between the two shallower of three depths, `b2` between the two deeper; extrapolated,
`critical_beta = b2 + 1.5 (b2 - b1)`. What that leaves is largest for fractional weights of H = 0.8: 0.005 at L = 1024,
0.04 at L = 256. Errors are those of a jackknife over networks. Free of torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

SPACING_OF_SEARCH = 8
"""The depths are L/64, L/8 and L."""
WEIGHT_OF_CHANGE = 1.5
"""Of `b2 - b1` in the extrapolation."""
BIAS_OF_SEARCH, BIAS_OF_SHALLOW_SEARCH = 0.03, 0.045
"""What the extrapolated exponent is off by at most, whatever the law, from depth 1024 on and below it."""
DEPTH_OF_SEARCH = 1024
LARGEST_CHANGE = 0.04
"""`|b2 - b1|` beyond which the depths are not asymptotic."""


def bias_of_search(depth: int) -> float:
    """What a search up to this depth is off by at most."""
    return BIAS_OF_SEARCH if depth >= DEPTH_OF_SEARCH else BIAS_OF_SHALLOW_SEARCH


def depths_of_search(depth: int) -> list[int]:
    """L/64, L/8 and L by increasing depth, as far as they are whole numbers."""
    depths = [depth]
    while len(depths) < 3 and depths[0] % SPACING_OF_SEARCH == 0:
        depths.insert(0, depths[0] // SPACING_OF_SEARCH)
    return depths


@dataclass(frozen=True)
class Crossing:
    """A zero in beta, and its standard error over networks."""

    beta: float
    stderr: float


@dataclass(frozen=True)
class Crossings:
    """`b1`, `b2` and the extrapolated exponent."""

    shallow: Crossing
    deep: Crossing
    critical: Crossing

    @property
    def unsettled(self) -> str | None:
        """Why the depths are not asymptotic, or None."""
        change = abs(self.deep.beta - self.shallow.beta)
        if change <= LARGEST_CHANGE:
            return None
        return (
            f"the two pairs of depths cross at beta = {self.shallow.beta:.3f} and {self.deep.beta:.3f}, which differ by"
            f" {change:.2g} > {LARGEST_CHANGE:g}: the depths are not yet asymptotic"
        )


def crossings(
    depths: Sequence[int], betas: Float[np.ndarray, " betas"], changes: Float[np.ndarray, "3 betas r"]
) -> Crossings | str:
    """The crossings of three depths, from `log |h_L - h_0|/|h_0|` of each depth, beta and network, infinite where one
    exploded; or why there are none."""
    left_out = _left_out(changes)
    pairs = []
    for i in (0, 1):
        zeros = _zeros(betas, slopes_of_growth(depths[i : i + 2], left_out[i : i + 2]))
        if not np.isfinite(zeros).all():
            return (
                f"no crossing between the depths {depths[i]} and {depths[i + 1]} for beta from {betas[0]:.3g} to"
                f" {betas[-1]:.3g}"
            )
        pairs.append(zeros)
    shallow, deep = pairs
    return Crossings(*map(_jackknife, (shallow, deep, deep + WEIGHT_OF_CHANGE * (deep - shallow))))


def slopes_of_growth(depths: Sequence[int], means: np.ndarray) -> np.ndarray:
    """`s` of means (2, ...), infinite where the deeper networks exploded."""
    with np.errstate(invalid="ignore"):
        slopes = (means[1] - means[0]) / math.log(depths[1] / depths[0])
    return np.where(np.isfinite(slopes), slopes, np.inf)


def pilot_crossing(betas: Float[np.ndarray, " betas"], slopes: Float[np.ndarray, " betas"]) -> float | None:
    """The middle of the last step of the grid over which s changes its sign; None where it does not."""
    positive = np.flatnonzero(slopes > 0)
    if not len(positive) or positive[-1] + 1 == len(betas):
        return None
    return float(betas[positive[-1] : positive[-1] + 2].mean())


def _left_out(changes: Float[np.ndarray, "3 betas r"]) -> Float[np.ndarray, "3 betas more"]:
    """Means over all networks, then over all but one each."""
    count = changes.shape[-1]
    total = changes.sum(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.concatenate([total / count, (total - changes) / (count - 1)], axis=-1)


def _zeros(betas: Float[np.ndarray, " betas"], slopes: Float[np.ndarray, "betas more"]) -> Float[np.ndarray, " more"]:
    """The last zero of each column, by linear interpolation; nan where there is none, or beside an explosion."""
    positive = slopes > 0
    last = len(betas) - 1 - positive[::-1].argmax(axis=0)
    inside = positive.any(axis=0) & (last + 1 < len(betas))
    last = np.minimum(last, len(betas) - 2)
    before, after = (np.take_along_axis(slopes, (last + i)[None], axis=0)[0] for i in (0, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        zeros = betas[last] + (betas[last + 1] - betas[last]) * before / (before - after)
    return np.where(inside, zeros, np.nan)


def _jackknife(values: Float[np.ndarray, " more"]) -> Crossing:
    """The value of all networks, and its standard error from those without one."""
    left_out, count = values[1:], len(values) - 1
    return Crossing(float(values[0]), math.sqrt((count - 1) * float(left_out.var())))
