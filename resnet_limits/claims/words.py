"""How expectations, units, intervals, pins and settings read: on the terminal, in figures, on the page and in LaTeX."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from ..printable import printable
from .coordinate import DEPTH_COORDINATE, Coordinate

VERDICTS = ("supported", "refuted", "inconclusive")


def expectation(expected: Mapping[str, Any]) -> str:
    """`order 1 ± 0.1`, `order ≥ 2 - 0.1`, `order in D 0.5 ± 0.15` where it is not one in depth."""
    along = Coordinate(expected.get("along", DEPTH_COORDINATE))
    order = "order" if along.is_depth else f"order in {along.symbol}"
    value = "?" if expected["value"] is None else f"{expected['value']:.4g}"
    tolerance = f"{expected['tolerance']:.3g}"
    match expected["what"]:
        case "order":
            return f"{order} {value} ± {tolerance}"
        case "order_at_least":
            return f"{order} ≥ {value} - {tolerance}"
        case "at_least":
            return f"≥ {value} - {tolerance}"
        case "at_most":
            return f"≤ {value} + {tolerance}"
    return f"{value} ± {tolerance}"


def interval(measured: Mapping[str, Any]) -> str:
    """`1.001 [0.992, 1.010]`: as many digits as the width of the interval deserves, at most three."""
    value, low, high = measured["value"], measured["low"], measured["high"]
    if low is None or high is None or not high > low:
        return f"{value:.4g}"
    width, size = high - low, max(abs(low), abs(high), abs(value))
    if size < 1e-3:
        return f"{value:.1g} [{low:.1g}, {high:.1g}]"
    if size >= 1e4:
        return f"{value:.3g} [{low:.3g}, {high:.3g}]"
    digits = min(3, max(0, 1 - math.floor(math.log10(width))))
    value, low, high = (round(number, digits) + 0.0 for number in (value, low, high))  # + 0.0: no minus before a zero
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def short(value: float | None) -> str:
    """`1.2e-03`; empty for no value."""
    return "" if value is None else f"{value:.1e}"


def with_digits_of_constant(value: float | None) -> str:
    """More digits where a reader looks for a constant."""
    return "" if value is None else f"{value:.4f}" if 0.01 <= abs(value) < 10 else f"{value:.1e}"


def duration(seconds: float | None) -> str:
    """`2 s`, `45 s`, `3 min`, `2 h`; empty where it is not known."""
    if seconds is None:
        return ""
    if seconds < 100:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.0f} h"


def counted(verdicts: Collection[str]) -> str:
    """`5 claims: 4 supported, 1 inconclusive`."""
    counts = Counter(verdicts)
    words = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])
    return f"{len(verdicts)} claim{'' if len(verdicts) == 1 else 's'}: {words}"


def setting_words(setting: Mapping[str, Any]) -> str:
    """`activation=relu, width=32`; empty for the only setting."""
    return printable(", ".join(f"{key}={value}" for key, value in setting.items()))


def unit(expected: Mapping[str, Any]) -> str:
    """What an expectation is given in: `relative`, `share of networks`; empty for an order, and for the observable's
    own unit."""
    return printable(str(expected.get("scale", "")))


def words_of_pins(pins: Mapping[str, Any]) -> str:
    """`activation=swish, init.sigma_w=1`: the keys that a claim sets for itself; empty where it follows the setting."""
    return setting_words({key: f"{value:g}" if isinstance(value, float) else value for key, value in pins.items()})


def minus(text: str) -> str:
    return text.replace("-", "−")
