"""The order along a coordinate: `p` in `error ~ x^-p`, the limit of the local slope for large x, with its interval.

    log error = a - p log x + c/x          fitted to the last four or more points

The coordinate `x` is the depth, the width, the number of data or of particles, one over a spacing or a rate. A
regression without `c/x` reads the slope in the middle of the points and calls its scatter an error: it covered the true
order in as few as 13 of 100 trials. The half-width here has three parts, one for each reason why the fitted `p` may be
off:

    bend        max(|p - p_0|, 1.5 |p - p_2|)       p_0: the fit without c/x,  p_2: the fit with d/x^2 as well
    noise       1.96 sqrt(sum_i (s_i stderr_i/error_i)^2)       p = sum_i s_i log error_i
    reference   sum_i |s_i| reference_error_i/error_i           one reference bends all points together

`|p - p_0|` alone misses the truth where the pulls of `c/x` and `d/x^2` on it cancel (18 of 100 noise-free trials
with four points); `|p - p_2|` sees just that. Fewer points have less bend, more points less noise: of the fits to
the last four, five, ... points the one with the narrowest interval is taken. It rests on corrections in powers of 1/x:
where the leading one is known to be `x^-1/2`, say so (`correction=0.5`), or the bend is underestimated.

Noise of some per cent hides a bend: the fit of `c/x` makes 4 % on four points 0.6 of half-width. What is known of the
corrections helps there, and there alone: with `bend=b` they are at most `b` at the first of the points (`b^2` the next
one), and random coefficients of that size join the noise of the points,

    log error = a - p log x + sum_j g_j (x_1/x)^j,      g_j ~ N(0, b^(2j)/2)        generalised least squares

One more candidate, unless its residuals say in 99 of 100 that it is wrong. The coverage of both is measured, and
printed, by `tests/claims/test_order.py`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np

from ..errors import RequestError
from ..in_words import InWords
from .words import interval

FEWEST_POINTS = 4
LARGEST_REFERENCE_ERROR = 0.1
"""A point whose reference error is a larger fraction of its error is left out."""
CLEAR_REFERENCE_ERROR = 0.01
"""A last point whose reference error is a larger fraction may be left out if that narrows the interval."""
LARGEST_NOISE = 1e100
"""A point whose standard error is more times its error is left out: its square is beyond float64."""
BEND_SAFETY_OF_ORDERS = 1.5
"""`|p - p_2|` estimates the error of `p` only to leading order; with four points 1 covers 90 of 100 noise-free
trials, 1.5 all."""
VARIANCE_OF_COEFFICIENT = 0.5
"""Variance of a coefficient of the correction in units of its bound squared. Uniform within the bound it is 1/3, which
covers 95 of 100; 1/2 covers 97, and 90 where all are at their bounds."""
LEVEL_OF_REFUSAL = 0.99
"""Level of the chi^2 test that refuses the fit with corrections of known size."""
HALF_WIDTH_OF_ROUNDING = 1e-12
"""A half-width below this is the rounding of the arithmetic, not a measured uncertainty: it counts as zero."""


@dataclass(frozen=True, repr=False)
class OrderFit(InWords):
    """An order with its interval, and the fitted line `exp(a - order log x + c/x)`.

    `x` are the places of the points fitted; `left_out` says for each place that cannot be used why, in words. `beyond`
    is the interval without the first of the fitted points (of four: the fit without `c/x` to the last three).
    `curvature` is `|c|/x` at the first fitted point, less what the points' noise explains: the expansion in 1/x means
    little where it is not small. With fewer than four usable points all numbers are nan, and `x` are the usable ones.
    """

    order: float
    low: float
    high: float
    level: float
    a: float
    c: float
    x: tuple[float, ...]
    left_out: dict[float, str]
    beyond: tuple[float, float]
    curvature: float = 0.0
    correction: float = 1.0

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2

    def headline(self) -> str:
        """`order 2.00 [1.98, 2.03]`, or why there is none."""
        if self.why:
            return f"no order: {self.why}"
        return f"order {interval({'value': self.order, 'low': self.low, 'high': self.high})}"

    def facts(self) -> dict[str, str]:
        """Level, places of the fitted points, and those that are left out."""
        if self.why:
            return {}
        fitted = {"level": f"{self.level:.0%}", "fitted to x": ", ".join(f"{place:g}" for place in self.x)}
        return {**fitted, **{f"left out {place:g}": why for place, why in self.left_out.items()}}

    @property
    def why(self) -> str:
        """A sentence where there is no order (it is nan); empty where there is one."""
        if not math.isnan(self.order):
            return ""
        each = "; ".join(f"at {place:g} {why}" for place, why in self.left_out.items())
        return f"an order needs {FEWEST_POINTS} usable points, and there are {len(self.x)}" + (
            f": {each}" if each else ""
        )

    def error_at(self, x: Sequence[float] | np.ndarray) -> np.ndarray:
        """The fitted error at these places, shape as `x`."""
        places = np.asarray(x, dtype=float)
        return np.exp(self.a - self.order * np.log(places) + self.c * places**-self.correction)


def fit_order(
    x: Sequence[float] | np.ndarray,
    errors: Sequence[float] | np.ndarray,
    *,
    stderrs: Sequence[float] | np.ndarray | None = None,
    reference_errors: Sequence[float] | np.ndarray | None = None,
    level: float = 0.95,
    correction: float = 1.0,
    bend: float | None = None,
) -> OrderFit:
    """`p` in `error ~ x^-p`: positive for a falling error, the limit of the local slope for large x.

    `x` and `errors` are (n,), in any sequence, each x once: depths, widths, numbers of data. `stderrs` (n,) are the
    standard errors of the errors, independent between points; `reference_errors` (n,) those of what the errors are
    distances to. None or nan: none. A point is left out, and named, if its error is not positive and finite or its
    reference error exceeds a tenth of it, or its standard error says nothing. `level` is that of what is random in the
    interval. `correction`: what bends the line are powers of `x^-correction`, in place of 1/x; then `c/x^correction`.
    `bend`: the largest relative correction at the first usable point, where that is known; None: it is not.

    Raises `RequestError` if the lengths differ, an x is not positive or occurs twice, or the level or the bend is not
    in (0, 1).

    >>> import resnet_limits as rl
    >>> depths = [8, 16, 32, 64]
    >>> fit = rl.fit_order(depths, [3 / depth**2 * (1 + 0.5 / depth) for depth in depths])
    >>> fit
    order 2.001 [1.976, 2.025]
      level        95%
      fitted to x  8, 16, 32, 64
    >>> rl.fit_order(depths, [0.1, 0.05, 0.0, 0.01]).why
    'an order needs 4 usable points, and there are 3: at 32 its error is 0, not a positive number'
    """
    if correction != 1:
        return _in_powers(correction, x, errors, stderrs, reference_errors, level, bend)
    places, e = _column("x", x), _column("errors", errors)
    # An infinite standard or reference error stays infinite: it spoils its point instead of vanishing.
    noise = np.zeros(len(places)) if stderrs is None else np.nan_to_num(_column("stderrs", stderrs), posinf=np.inf)
    reference = np.zeros(len(places)) if reference_errors is None else _column("reference_errors", reference_errors)
    reference = np.nan_to_num(reference, posinf=np.inf)
    if not len(places) == len(e) == len(noise) == len(reference):
        raise RequestError(
            f"fit_order: expected one number a point, got {len(places)} x, {len(e)} errors, "
            f"{len(noise)} stderrs, {len(reference)} reference_errors"
        )
    if not (np.all(np.isfinite(places)) and np.all(places > 0) and len(set(places)) == len(places)):
        raise RequestError(f"fit_order: expected positive x, each once, got {[float(place) for place in places]}")
    for name, value in (("level", level), ("bend", 0.5 if bend is None else bend)):
        if not 0 < value < 1:
            raise RequestError(f"fit_order: expected a {name} between 0 and 1, got {value}")

    left_out: dict[float, str] = {}
    for place, error, stderr, off in sorted(zip(places, e, noise, reference, strict=True)):
        if not (math.isfinite(error) and error > 0):
            left_out[float(place)] = f"its error is {error:.3g}, not a positive number"
        elif not math.isfinite(stderr):
            left_out[float(place)] = "its standard error is infinite"
        elif off > LARGEST_REFERENCE_ERROR * error:
            left_out[float(place)] = f"reference error {off:.1e} is more than a tenth of the error {error:.1e}"
    usable = [i for i in np.argsort(places) if float(places[i]) not in left_out]
    with np.errstate(over="ignore", invalid="ignore"):  # noise of that size is infinite, and says nothing of the order
        noise, reference = noise / np.where(e > 0, e, 1.0), reference / np.where(e > 0, e, 1.0)
    for i in [i for i in usable if not noise[i] < LARGEST_NOISE]:
        usable.remove(i)
        left_out[float(places[i])] = f"its standard error is {noise[i]:.1e} times the error"
    points = _Points(places[usable], np.log(e[usable]), noise[usable], reference[usable])
    if len(usable) < FEWEST_POINTS:
        nan = math.nan
        return OrderFit(nan, nan, nan, level, nan, nan, tuple(map(float, points.x)), left_out, (nan, nan))

    z = NormalDist().inv_cdf((1 + level) / 2)
    line, end = _narrowest(points, z, bend)
    for place, off in zip(points.x[end:], points.reference[end:], strict=True):
        left_out[float(place)] = f"reference error is {off:.1%} of the error, and the rest gives a narrower interval"
    fitted = points[end - line.count : end]
    return OrderFit(
        order=line.order,
        low=line.order - line.half_width,
        high=line.order + line.half_width,
        level=level,
        a=line.a,
        c=line.c,
        x=tuple(map(float, fitted.x)),
        left_out=left_out,
        beyond=_interval_beyond(fitted, z, bend),
        curvature=_curvature(fitted, z),
    )


def _in_powers(
    r: float, x: Any, errors: Any, stderrs: Any, reference_errors: Any, level: float, bend: float | None
) -> OrderFit:
    """With powers of `x^-r` in place of 1/x: a fit to `x^r`, of order `p/r`."""
    if not 0 < r < 1:
        raise RequestError(f"fit_order: expected a correction in (0, 1], got {r}")
    places = _column("x", x)
    fit = fit_order(places**r, errors, stderrs=stderrs, reference_errors=reference_errors, level=level, bend=bend)
    back = {float(power): float(place) for power, place in zip(places**r, places, strict=True)}
    return replace(
        fit,
        order=r * fit.order,
        low=r * fit.low,
        high=r * fit.high,
        x=tuple(back[power] for power in fit.x),
        left_out={back[power]: why for power, why in fit.left_out.items()},
        beyond=(r * fit.beyond[0], r * fit.beyond[1]),
        correction=r,
    )


@dataclass(frozen=True)
class _Points:
    """Usable points by increasing x: x, log error, and the errors of the log error, each (n,)."""

    x: np.ndarray
    log_error: np.ndarray
    noise: np.ndarray
    reference: np.ndarray

    def __getitem__(self, part: slice) -> _Points:
        return _Points(self.x[part], self.log_error[part], self.noise[part], self.reference[part])


@dataclass(frozen=True)
class _Line:
    order: float
    half_width: float
    a: float
    c: float
    count: int


def _narrowest(points: _Points, z: float, bend: float | None) -> tuple[_Line, int]:
    """The narrowest of the fits to the last four, five, ... points, and where its points end."""
    ends = [len(points.x)]
    # Where errors fall fast the reference spoils one last point just below the tenth; it must not cost the verdict.
    while ends[-1] > FEWEST_POINTS and points.reference[ends[-1] - 1] > CLEAR_REFERENCE_ERROR:
        ends.append(ends[-1] - 1)
    lines = [(_fit(points[end - count : end], z), end) for end in ends for count in range(FEWEST_POINTS, end + 1)]
    lines += [(line, end) for end in ends if (line := _bounded(points[:end], z, bend)) is not None]
    return min(lines, key=lambda line: line[0].half_width)


def _fit(points: _Points, z: float) -> _Line:
    plain, curved, twice = (_solution(tuple(points.x), corrections) for corrections in (0, 1, 2))
    a, order, c = curved @ points.log_error
    without, beyond = plain[1] @ points.log_error, twice[1] @ points.log_error
    bend = max(abs(order - without), BEND_SAFETY_OF_ORDERS * abs(order - beyond))
    half_width = bend + _own_errors(curved[1], points, z)
    return _Line(
        float(order),
        float(half_width) if half_width > HALF_WIDTH_OF_ROUNDING else 0.0,
        float(a),
        float(c),
        len(points.x),
    )


def _bounded(points: _Points, z: float, bend: float | None) -> _Line | None:
    """The fit with corrections of at most `bend` at the first point. None where that is not known, where the points say
    that they are larger, and where points have no noise: those show how the line bends."""
    if bend is None or not np.all(points.noise > 0):
        return None
    from scipy.special import chdtri

    x, y = points.x, points.log_error
    power = bend * x[0] / x
    # Independent coefficients: sum_j b^(2j) (u u')^j / 2. With less noise than 1e-6 rounding would make it singular.
    bends = VARIANCE_OF_COEFFICIENT * (products := np.outer(power, power)) / (1 - products)
    covariance = bends + np.diag(np.maximum(points.noise, 1e-6) ** 2)
    columns = np.stack([np.ones_like(x), -np.log(x)], axis=1)
    weighted = np.linalg.solve(covariance, columns)
    solution = np.linalg.solve(columns.T @ weighted, weighted.T)
    a, order = solution @ y
    left = np.linalg.solve(covariance, y - columns @ (a, order))
    if left @ covariance @ left > chdtri(len(x) - 2, 1 - LEVEL_OF_REFUSAL):
        return None
    slope = solution[1]
    half_width = z * math.sqrt(slope @ covariance @ slope) + np.abs(slope) @ points.reference
    c = VARIANCE_OF_COEFFICIENT * bend * x[0] * (power @ left)
    return _Line(float(order), float(half_width), float(a), float(c), len(x))


def _curvature(points: _Points, z: float) -> float:
    row = _solution(tuple(points.x), 1)[2]
    return max(0.0, abs(float(row @ points.log_error)) - _own_errors(row, points, z)) / float(points.x[0])


def _interval_beyond(points: _Points, z: float, bend: float | None) -> tuple[float, float]:
    """The interval without the first of the points, where what bends the line is smaller by its own power."""
    rest, less = points[1:], None if bend is None else bend * float(points.x[0] / points.x[1])
    if len(rest.x) >= FEWEST_POINTS:
        line, _ = _narrowest(rest, z, less)
    elif (line := _bounded(rest, z, less)) is None:
        slope = _solution(tuple(rest.x), 0)[1]
        order, half_width = slope @ rest.log_error, _own_errors(slope, rest, z)
        return float(order - half_width), float(order + half_width)
    return line.order - line.half_width, line.order + line.half_width


def _own_errors(slope: np.ndarray, points: _Points, z: float) -> float:
    return float(z * np.linalg.norm(slope * points.noise) + np.abs(slope) @ points.reference)


@functools.lru_cache(maxsize=1024)
def _solution(x: tuple[float, ...], corrections: int) -> np.ndarray:
    """Least squares as a matrix: rows `a, p, c, d, ...` as linear functions of the log errors, (2 + corrections, n)."""
    places = np.array(x)
    powers = [places**-j for j in range(1, corrections + 1)]
    columns = np.stack([np.ones_like(places), -np.log(places), *powers], axis=1)
    size = np.linalg.norm(columns, axis=0)  # 1/x^2 is tiny beside 1: equal columns keep the inverse accurate
    return np.linalg.pinv(columns / size) / size[:, None]


def _column(name: str, values: Sequence[float] | np.ndarray) -> np.ndarray:
    try:
        column = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise RequestError(f"fit_order: expected numbers for {name}, got {values!r}") from None
    if column.ndim != 1:
        raise RequestError(f"fit_order: expected {name} of shape (n,), got {column.shape}")
    return column
