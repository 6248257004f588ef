"""A value against depth, and what is expected of it: a value with its tolerance, or a bound with all that it allows."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from ..claims.claim import Judgement
from .drawable import drawable
from .order import power_of_ten_as_text, ticks
from .style import COLOURS

ROOM = 0.3
"""Share of the vertical axis above the points, for the legend."""
ALLOWED, TOLERATED = 0.16, 0.07
"""How dark what a claim allows is, and what its tolerance adds to a bound."""


def draw_value(axes: Axes, judgement: Judgement, points: pd.DataFrame) -> None:
    """Measured points with 95 % bars, and the values that the claim allows, shaded: of a bound all on its right side.

    What is expected to vanish and stays above 0 (a residual) stands on a logarithmic axis.
    """
    depths, values = points["depth"].to_numpy(dtype=float), drawable(points["value"].to_numpy(dtype=float))
    bars = 1.96 * np.nan_to_num(drawable(points["stderr"].to_numpy(dtype=float)))
    axes.errorbar(depths, values, yerr=bars, fmt="o", ms=5, capsize=2, color=COLOURS[0], label="measured")
    axes.set_xscale("log", base=2)
    if is_residual(judgement, values, bars):
        _residual(axes, judgement, values)
    else:
        _limits(axes, judgement, np.concatenate([values - bars, values + bars]))
        _shade(axes, judgement)
    ticks(axes, depths)


def is_residual(judgement: Judgement, values: np.ndarray, bars: np.ndarray) -> bool:
    """Whether nothing but 0 is expected, and all that was measured lies above, beyond its error."""
    seen = np.isfinite(values)
    is_zero = judgement.expected_value == 0 and judgement.expected.what in ("value", "at_most")
    return is_zero and bool(seen.any() and (values - bars)[seen].min() > 0 and judgement.expected.tolerance > 0)


def _residual(axes: Axes, judgement: Judgement, values: np.ndarray) -> None:
    tolerance, seen = judgement.expected.tolerance, values[np.isfinite(values)]
    low, high = min(seen.min(), tolerance), max(seen.max(), tolerance)
    low = max(low / 3, 1e-300)
    axes.set_yscale("log")
    axes.set_ylim(low, high * 3 * (high / low) ** ROOM)
    axes.axhline(tolerance, ls="--", color=COLOURS[1], lw=1.2, label=f"at most {tolerance:g} from 0")
    axes.axhspan(low, tolerance, color=COLOURS[1], alpha=ALLOWED, lw=0)
    axes.yaxis.set_major_formatter(FuncFormatter(power_of_ten_as_text))


def _limits(axes: Axes, judgement: Judgement, ends: np.ndarray) -> None:
    """Limits that hold the points and what is expected, with room for the legend."""
    value, tolerance = judgement.expected_value, judgement.expected.tolerance
    shown = [*ends[np.isfinite(ends)], *([value - tolerance, value + tolerance] if math.isfinite(value) else [])]
    if not shown:
        return
    low, high = min(shown), max(shown)
    margin = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
    axes.set_ylim(low - margin, high + margin + ROOM * (high - low))


def _shade(axes: Axes, judgement: Judgement) -> None:
    value, tolerance = judgement.expected_value, judgement.expected.tolerance
    if not math.isfinite(value):
        return
    low, high = axes.get_ylim()
    words, allowed, tolerated = {
        "value": (f"expected {value:g} ± {tolerance:.2g}", (value - tolerance, value + tolerance), None),
        "at_most": (f"at most {value:g}", (low, value), (value, value + tolerance)),
        "at_least": (f"at least {value:g}", (value, high), (value - tolerance, value)),
    }[judgement.expected.what]
    axes.axhline(value, ls="--", color=COLOURS[1], lw=1.2, label=words)
    axes.axhspan(*allowed, color=COLOURS[1], alpha=ALLOWED, lw=0)
    if tolerated is not None:
        axes.axhspan(*tolerated, color=COLOURS[1], alpha=TOLERATED, lw=0)
    axes.set_ylim(low, high)
