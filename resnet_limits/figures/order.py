"""Error against depth, or another coordinate, on logarithmic axes, with the fitted and the expected slope."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator

from ..claims.claim import Judgement, Measured
from ..claims.coordinate import shown_place
from ..claims.judge import fitted
from ..claims.order import OrderFit
from ..claims.words import interval
from .drawable import drawable, say_nothing_shown
from .style import COLOURS

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SMALLEST_RANGE = 4.0
"""The vertical axis spans at least this factor."""


def draw_order(axes: Axes, judgement: Judgement, points: pd.DataFrame) -> None:
    """Measured points, the fit with its band, and the expected slope through the last fitted point.

    The band is what the interval of the order means: the slopes between its ends. Points that the fit does not use
    (too early, or left out) are hollow.
    """
    shown = drawable(points["value"].to_numpy(dtype=float))
    positive = points.loc[shown > 0, :]
    x, values = positive["at"].to_numpy(dtype=float), positive["value"].to_numpy(dtype=float)
    bars = 1.96 * np.nan_to_num(drawable(positive["stderr"].to_numpy(dtype=float)))
    fit = fitted(judgement.expected, points[["at", "value", "stderr", "reference_error"]].itertuples(index=False))
    in_fit = np.isin(x, fit.x)
    if not len(x):
        say_nothing_shown(axes, "no positive value")
        axes.set_xticks([])
        axes.set_yticks([])
        return
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    for chosen, colour, fill, label in (
        (in_fit, COLOURS[0], COLOURS[0], "measured"),
        (~in_fit, "0.4", "white", "measured, not fitted"),
    ):
        if chosen.any():
            axes.errorbar(
                x[chosen],
                values[chosen],
                yerr=bars[chosen] if bars[chosen].any() else None,
                fmt="o",
                ms=5,
                capsize=2,
                color=colour,
                markerfacecolor=fill,
                label=label,
                zorder=3,
            )
    if judgement.measured is not None:
        _draw_fit(axes, fit, judgement.measured)
    order = judgement.expected_value
    end = int(np.flatnonzero(in_fit)[-1]) if in_fit.any() else -1
    if math.isfinite(order):
        ends = x[[0, -1]]
        at_least = "at least " if judgement.expected.what == "order_at_least" else ""
        label = f"expected order {at_least}{order:g}"
        expected = values[end] * (ends / x[end]) ** -order
        axes.plot(ends, expected, "--", color=COLOURS[1], lw=1.2, label=label)
    ticks(axes, x)
    low, high = axes.get_ylim()
    if high < SMALLEST_RANGE * low:  # a constant should look like one
        middle = math.sqrt(low * high)
        low, high = axes.set_ylim(middle / math.sqrt(SMALLEST_RANGE), middle * math.sqrt(SMALLEST_RANGE))
    if high < 100 * low:  # less than two powers of ten: label 2 and 5 too
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5) if high < 10 * low else (1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(power_of_ten_as_text))
    if math.isfinite(order) and judgement.expected.what == "order_at_least":
        _shade_steeper(axes, x, values, end, order)


def _shade_steeper(axes: Axes, x: np.ndarray, values: np.ndarray, end: int, order: float) -> None:
    """All that falls at this order or a higher one to the last fitted point: one side of the dashed line."""
    before = np.array([x[0], x[end]])
    low, high = axes.get_ylim()
    bound = np.clip(values[end] * (before / x[end]) ** -order, low, high)
    axes.fill_between(before, bound, high, color=COLOURS[1], alpha=0.1, lw=0, label="_allowed")
    axes.set_ylim(low, high)


def power_of_ten_as_text(value: float, _: int | None = None) -> str:
    """`10⁻³`, `2×10⁻³`. As text: to set a formula takes longer than all else that an axis needs."""
    if value <= 0:
        return ""
    coefficient, exponent = f"{value:.0e}".split("e")
    power = "10" + str(int(exponent)).translate(SUPERSCRIPTS)
    return power if coefficient == "1" else f"{coefficient}×{power}"


def ticks(axes: Axes, x: np.ndarray) -> None:
    """A tick at each measured point; at every second, third, ... where they would run into each other."""
    every = max(1, -(-len(x) // 10))
    shown = list(x)[::-1][::every]
    axes.set_xticks(shown, [shown_place(place) for place in shown])
    axes.minorticks_off()


def _draw_fit(axes: Axes, fit: OrderFit, measured: Measured) -> None:
    x = np.geomspace(min(fit.x), max(fit.x), 50)
    end = fit.error_at([x[-1]])[0]
    label = f"fitted order {interval(asdict(measured))}".replace("-", "−")
    axes.plot(x, fit.error_at(x), "-", color=COLOURS[0], lw=1.4, label=label)
    slopes = [end * (x / x[-1]) ** -order for order in (measured.low, measured.high)]
    axes.fill_between(x, *slopes, color=COLOURS[0], alpha=0.2, lw=0)
