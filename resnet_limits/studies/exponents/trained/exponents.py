"""How sizes of trained weights fall with the depth, and which limit that tells of. Free of torch.

    q_r(L) ~ L^-p_r,    p_r: least squares of log q_r on log L, for each network r;    p = mean_r p_r

With M_k = delta_k A_k, size max_k |M_k| and root sum of squares (sum_k |M_{k+1} - M_k|^2)^(1/2),

    ODE       size ~ L^-1,    root sum ~ L^-3/2 or faster: M is L^-1 times a smooth function of k/L
    SDE       size ~ L^-1/2,  root sum ~ 1: increments as large as those of a diffusion
    neither   any other: L^-1 with root sum ~ L^-1/2 are weights independent from layer to layer, which average out

The slopes are those between the depths that were run, as in Cohen, Cont, Rossier & Xu 2021 (arXiv 2105.12245): how they
bend is not in their intervals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ....claims.judge import widening
from ....claims.words import interval
from .claims import ORDER_OF_ODE, ORDER_OF_SDE, REGULARITY_OF_SMOOTH

ROOM_OF_EXPONENT = 0.25
"""An exponent counts as that of a limit within this: half of what lies between two of them."""


@dataclass(frozen=True)
class Exponent:
    """A mean over networks, its standard error (nan of one network), and their number."""

    value: float
    stderr: float
    networks: int

    @property
    def ends(self) -> tuple[float, float]:
        """The interval at 95 %."""
        half_width = 1.96 * widening(self.networks - 1) * self.stderr if self.networks > 1 else math.nan
        return self.value - half_width, self.value + half_width

    def within(self, value: float) -> bool | None:
        """Whether it is this exponent; None where its interval leaves that open."""
        return self._lies(value - ROOM_OF_EXPONENT, value + ROOM_OF_EXPONENT)

    def at_least(self, value: float) -> bool | None:
        """Whether it is this exponent or a larger one."""
        return self._lies(value - ROOM_OF_EXPONENT, math.inf)

    def _lies(self, least: float, most: float) -> bool | None:
        low, high = self.ends
        if math.isnan(low):
            return None
        return True if least <= low and high <= most else False if high < least or low > most else None

    def __str__(self) -> str:
        low, high = self.ends
        return interval({"value": self.value, "low": low, "high": high})


def slopes_in_depth(depths: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """`p_r` (r,) of sizes (depths, r), positive: that they fall."""
    x = np.log(depths) - np.log(depths).mean()
    return -(x @ np.log(sizes)) / (x @ x)


def mean_exponent(slopes: np.ndarray) -> Exponent:
    """Over networks (r,)."""
    networks = len(slopes)
    stderr = float(slopes.std(ddof=1)) / math.sqrt(networks) if networks > 1 else math.nan
    return Exponent(float(slopes.mean()), stderr, networks)


def limit_of(size: Exponent, root: Exponent, regularity: Exponent) -> tuple[str, str]:
    """The limit, `ODE`, `SDE`, `neither` or `undecided`, and the evidence in words."""
    ode = _both(size.within(ORDER_OF_ODE), regularity.at_least(REGULARITY_OF_SMOOTH))
    sde = _both(size.within(ORDER_OF_SDE), root.within(0.0))
    limit = "ODE" if ode else "SDE" if sde else "neither" if ode is False and sde is False else "undecided"
    smooth = regularity.at_least(REGULARITY_OF_SMOOTH)
    kind = {True: "smooth", False: "not smooth", None: "smooth or not"}[smooth]
    return limit, f"max |delta A| ~ L^-p, p = {size}; its increments' root sum ~ L^-q, q = {root}: {kind} in depth"


def _both(one: bool | None, other: bool | None) -> bool | None:
    return False if one is False or other is False else None if one is None or other is None else True
