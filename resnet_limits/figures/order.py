"""Error against depth on logarithmic axes, with the fitted and the expected slope."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..claims.claim import Judgement, Measured
from ..claims.order import OrderFit, fit_order
from .style import COLOURS


def order_figure(judgement: Judgement, points: pd.DataFrame) -> Figure:
    """One claim about an order: measured points, the fit with its band, the expected slope through the deepest point.

    The band is what the interval of the order means: slopes between its ends through the deepest fitted point.
    """
    claim, expected, measured = judgement.claim, judgement.expected, judgement.measured
    figure = Figure()
    axes = figure.subplots()
    shown = points[points["value"] > 0]
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    fit = fit_order(
        points["depth"], points["value"], stderrs=points["stderr"], reference_errors=points["reference_error"]
    )
    left_out = shown["depth"].isin(fit.left_out)
    for chosen, style, label in (
        (~left_out, {"color": COLOURS[0], "fillstyle": "full"}, "measured"),
        (left_out, {"color": "0.5", "fillstyle": "none"}, "left out"),
    ):
        its = shown[chosen]
        if len(its):
            bars = 1.96 * its["stderr"].fillna(0.0)
            axes.errorbar(its["depth"], its["value"], yerr=bars, fmt="o", ms=5, capsize=2, label=label, zorder=3, **style)
    if measured is not None and len(shown):
        _fitted(axes, fit, measured)
    if len(shown) and math.isfinite(expected.value):
        used = shown[~left_out] if (~left_out).any() else shown
        end = used.iloc[-1]
        depths = np.array([shown["depth"].min(), shown["depth"].max()], dtype=float)
        line = end["value"] * (depths / end["depth"]) ** -expected.value
        at_least = "at least " if expected.what == "order_at_least" else ""
        axes.plot(depths, line, "--", color=COLOURS[1], lw=1.2, label=f"expected order {at_least}{expected.value:g}")
    axes.set_xticks(shown["depth"], [str(d) for d in shown["depth"]])
    axes.minorticks_off()
    axes.set_xlabel("depth $L$")
    axes.set_ylabel(claim.observable.replace("_", " "))
    setting = ", ".join(f"{k}={v}" for k, v in judgement.setting.items())
    axes.set_title(f"{claim.id}: {judgement.verdict}" + (f"\n{setting}" if setting else ""), fontsize=9)
    axes.legend()
    return figure


def _fitted(axes: Axes, fit: OrderFit, measured: Measured) -> None:
    depths = np.geomspace(min(fit.depths), max(fit.depths), 50)
    end = fit.error_at([depths[-1]])[0]
    label = f"fitted order {measured.value:.3g} [{measured.low:.3g}, {measured.high:.3g}]"
    axes.plot(depths, fit.error_at(depths), "-", color=COLOURS[0], lw=1.4, label=label)
    slopes = [end * (depths / depths[-1]) ** -order for order in (measured.low, measured.high)]
    axes.fill_between(depths, *slopes, color=COLOURS[0], alpha=0.2, lw=0)
