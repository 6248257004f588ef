"""A value against depth, with the expected value and its tolerance."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.figure import Figure

from ..claims.claim import Judgement
from .style import COLOURS


def value_figure(judgement: Judgement, points: pd.DataFrame) -> Figure:
    """One claim about a value or a bound: measured points with 95 % bars, the expected value as a band."""
    claim, expected = judgement.claim, judgement.expected
    figure = Figure()
    axes = figure.subplots()
    bars = 1.96 * points["stderr"].fillna(0.0)
    axes.errorbar(points["depth"], points["value"], yerr=bars, fmt="o", ms=5, capsize=2, color=COLOURS[0], label="measured")
    if math.isfinite(expected.value):
        words = {"value": "expected", "at_most": "at most", "at_least": "at least"}[expected.what]
        axes.axhline(expected.value, ls="--", color=COLOURS[1], lw=1.2, label=f"{words} {expected.value:g}")
        low, high = expected.value - expected.tolerance, expected.value + expected.tolerance
        axes.axhspan(low, high, color=COLOURS[1], alpha=0.15, lw=0)
    axes.set_xscale("log", base=2)
    axes.set_xticks(points["depth"], [str(d) for d in points["depth"]])
    axes.minorticks_off()
    axes.set_xlabel("depth $L$")
    axes.set_ylabel(claim.observable.replace("_", " "))
    axes.set_title(f"{claim.id}: {judgement.verdict}", fontsize=9)
    axes.legend()
    return figure
