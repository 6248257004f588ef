"""A value against depth, with the expected value and its tolerance."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ..claims.claim import Judgement
from .drawable import drawable
from .order import ticks
from .style import COLOURS


def draw_value(axes: Axes, judgement: Judgement, points: pd.DataFrame) -> None:
    """Measured points with 95 % bars, the expected value as a line and its tolerance as a band."""
    expected, value = judgement.expected, judgement.expected_value
    depths, values = points["depth"].to_numpy(dtype=float), drawable(points["value"].to_numpy(dtype=float))
    bars = 1.96 * np.nan_to_num(drawable(points["stderr"].to_numpy(dtype=float)))
    axes.errorbar(depths, values, yerr=bars, fmt="o", ms=5, capsize=2, color=COLOURS[0], label="measured")
    if math.isfinite(value):
        words = {"value": "expected", "at_most": "at most", "at_least": "at least"}[expected.what]
        axes.axhline(value, ls="--", color=COLOURS[1], lw=1.2, label=f"{words} {value:g}")
        axes.axhspan(value - expected.tolerance, value + expected.tolerance, color=COLOURS[1], alpha=0.15, lw=0)
    axes.set_xscale("log", base=2)
    ticks(axes, depths)
