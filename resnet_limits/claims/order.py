"""The order of convergence: `p` in `error ~ depth^-p`, the limit of the local slope, with its interval.

    log error = a - p log L + c/L          fitted to the deepest four or more depths

A regression without `c/L` reads the slope in the middle of the depths and calls its scatter an error: it
covered the true order in as few as 13 of 100 trials. The half-width here has three parts, one for each reason why
the fitted `p` may be off:

    bend        max(|p - p_0|, 1.5 |p - p_2|)       p_0: the fit without c/L,  p_2: the fit with d/L^2 as well
    noise       1.96 sqrt(sum_i (s_i stderr_i/error_i)^2)       p = sum_i s_i log error_i
    reference   sum_i |s_i| reference_error_i/error_i           one reference bends all points together

`|p - p_0|` alone misses the truth where the pulls of `c/L` and `d/L^2` on it cancel (18 of 100 noise-free trials
with four depths); `|p - p_2|` sees just that. Fewer depths have less bend, more depths less noise: of the fits to
the deepest four, five, ... points the one with the narrowest interval is taken. The coverage is measured, and
printed, by `tests/claims/test_order.py`. It rests on corrections in powers of 1/L: where the leading one is known
to be `L^-1/2`, say so (`correction=0.5`), or the bend is underestimated.
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

FEWEST_DEPTHS = 4
LARGEST_REFERENCE_ERROR = 0.1
"""A point whose reference error is a larger fraction of its error is left out."""
CLEAR_REFERENCE_ERROR = 0.01
"""A deepest point whose reference error is a larger fraction may be left out if that narrows the interval."""
LARGEST_NOISE = 1e100
"""A point whose standard error is more times its error is left out: its square is beyond float64."""
BEND_SAFETY = 1.5
"""`|p - p_2|` estimates the error of `p` only to leading order; with four depths 1 covers 90 of 100 noise-free
trials, 1.5 all."""
ROUNDING = 1e-12
"""A half-width below this is the rounding of the arithmetic, not a measured uncertainty: it counts as zero."""


@dataclass(frozen=True)
class OrderFit:
    """An order with its interval, and the fitted line `exp(a - order log L + c/L)`.

    `depths` are the depths fitted; `left_out` says for each depth that cannot be used why, in words. `deeper` is
    the interval without the shallowest of the fitted depths (of four: the fit without `c/L` to the deepest three).
    `curvature` is `|c|/L` at the shallowest fitted depth, less what the points' noise explains: the expansion in
    1/L means little where it is not small. With fewer than four usable depths all numbers are nan, and `depths` are
    the usable ones.
    """

    order: float
    low: float
    high: float
    level: float
    a: float
    c: float
    depths: tuple[float, ...]
    left_out: dict[float, str]
    deeper: tuple[float, float]
    curvature: float = 0.0
    correction: float = 1.0

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2

    def error_at(self, depths: Sequence[float] | np.ndarray) -> np.ndarray:
        """The fitted error at these depths, shape as `depths`."""
        L = np.asarray(depths, dtype=float)
        return np.exp(self.a - self.order * np.log(L) + self.c * L**-self.correction)


def fit_order(
    depths: Sequence[float] | np.ndarray,
    errors: Sequence[float] | np.ndarray,
    *,
    stderrs: Sequence[float] | np.ndarray | None = None,
    reference_errors: Sequence[float] | np.ndarray | None = None,
    level: float = 0.95,
    correction: float = 1.0,
) -> OrderFit:
    """`p` in `error ~ depth^-p`: positive for a falling error, the limit of the local slope for large depth.

    `depths` and `errors` are (n,), in any sequence, each depth once. `stderrs` (n,) are the standard errors of
    the errors, independent between depths; `reference_errors` (n,) those of what the errors are distances to. None
    or nan: none. A point is left out, and named, if its error is not positive and finite or its reference
    error exceeds a tenth of it, or its standard error says nothing. `level` is that of the noise part of the interval.
    `correction`: what bends the line are powers of `L^-correction`, in place of 1/L; then `c/L^correction`.

    Raises `RequestError` if the lengths differ, a depth is not positive or occurs twice, or the level is not
    in (0, 1).
    """
    if correction != 1:
        return _in_powers(correction, depths, errors, stderrs, reference_errors, level)
    L, e = _column("depths", depths), _column("errors", errors)
    # An infinite standard or reference error stays infinite: it spoils its point instead of vanishing.
    noise = np.zeros(len(L)) if stderrs is None else np.nan_to_num(_column("stderrs", stderrs), posinf=np.inf)
    reference = np.zeros(len(L)) if reference_errors is None else _column("reference_errors", reference_errors)
    reference = np.nan_to_num(reference, posinf=np.inf)
    if not len(L) == len(e) == len(noise) == len(reference):
        raise RequestError(
            f"fit_order: expected one number a depth, got {len(L)} depths, {len(e)} errors, "
            f"{len(noise)} stderrs, {len(reference)} reference_errors"
        )
    if not (np.all(np.isfinite(L)) and np.all(L > 0) and len(set(L)) == len(L)):
        raise RequestError(f"fit_order: expected positive depths, each once, got {[float(x) for x in L]}")
    if not 0 < level < 1:
        raise RequestError(f"fit_order: expected a level between 0 and 1, got {level}")

    left_out: dict[float, str] = {}
    for depth, error, stderr, bend in sorted(zip(L, e, noise, reference, strict=True)):
        if not (math.isfinite(error) and error > 0):
            left_out[float(depth)] = f"its error is {error:.3g}, not a positive number"
        elif not math.isfinite(stderr):
            left_out[float(depth)] = "its standard error is infinite"
        elif bend > LARGEST_REFERENCE_ERROR * error:
            left_out[float(depth)] = f"reference error {bend:.1e} is more than a tenth of the error {error:.1e}"
    usable = [i for i in np.argsort(L) if float(L[i]) not in left_out]
    with np.errstate(over="ignore", invalid="ignore"):  # noise of that size is infinite, and says nothing of the order
        noise, reference = noise / np.where(e > 0, e, 1.0), reference / np.where(e > 0, e, 1.0)
    for i in [i for i in usable if not noise[i] < LARGEST_NOISE]:
        usable.remove(i)
        left_out[float(L[i])] = f"its standard error is {noise[i]:.1e} times the error"
    points = _Points(L[usable], np.log(e[usable]), noise[usable], reference[usable])
    if len(usable) < FEWEST_DEPTHS:
        nan = math.nan
        return OrderFit(nan, nan, nan, level, nan, nan, tuple(map(float, points.L)), left_out, (nan, nan))

    z = NormalDist().inv_cdf((1 + level) / 2)
    line, end = _narrowest(points, z)
    for depth, bend in zip(points.L[end:], points.reference[end:], strict=True):
        left_out[float(depth)] = f"reference error is {bend:.1%} of the error, and the rest gives a narrower interval"
    fitted = points[end - line.count : end]
    return OrderFit(
        order=line.order,
        low=line.order - line.half_width,
        high=line.order + line.half_width,
        level=level,
        a=line.a,
        c=line.c,
        depths=tuple(map(float, fitted.L)),
        left_out=left_out,
        deeper=_interval_of_deeper(fitted[1:], z),
        curvature=max(0.0, abs(line.c) - _noise_of_c(fitted, z)) / float(fitted.L[0]),
    )


def _in_powers(r: float, depths: Any, errors: Any, stderrs: Any, reference_errors: Any, level: float) -> OrderFit:
    """With powers of `L^-r` in place of 1/L: a fit to `L^r`, of order `p/r`."""
    if not 0 < r < 1:
        raise RequestError(f"fit_order: expected a correction in (0, 1], got {r}")
    L = _column("depths", depths)
    fit = fit_order(L**r, errors, stderrs=stderrs, reference_errors=reference_errors, level=level)
    back = {float(power): float(depth) for power, depth in zip(L**r, L, strict=True)}
    return replace(
        fit,
        order=r * fit.order,
        low=r * fit.low,
        high=r * fit.high,
        depths=tuple(back[x] for x in fit.depths),
        left_out={back[x]: why for x, why in fit.left_out.items()},
        deeper=(r * fit.deeper[0], r * fit.deeper[1]),
        correction=r,
    )


@dataclass(frozen=True)
class _Points:
    """Usable points by increasing depth: depth, log error, and the errors of the log error, each (n,)."""

    L: np.ndarray
    log_error: np.ndarray
    noise: np.ndarray
    reference: np.ndarray

    def __getitem__(self, part: slice) -> _Points:
        return _Points(self.L[part], self.log_error[part], self.noise[part], self.reference[part])


@dataclass(frozen=True)
class _Line:
    order: float
    half_width: float
    a: float
    c: float
    count: int


def _narrowest(points: _Points, z: float) -> tuple[_Line, int]:
    """The narrowest of the fits to the deepest four, five, ... points, and where its points end."""
    ends = [len(points.L)]
    # Where errors fall fast the reference spoils one last point just below the tenth; it must not cost the verdict.
    while ends[-1] > FEWEST_DEPTHS and points.reference[ends[-1] - 1] > CLEAR_REFERENCE_ERROR:
        ends.append(ends[-1] - 1)
    lines = [(_fit(points[end - count : end], z), end) for end in ends for count in range(FEWEST_DEPTHS, end + 1)]
    return min(lines, key=lambda line: line[0].half_width)


def _fit(points: _Points, z: float) -> _Line:
    plain, curved, twice = (_solution(tuple(points.L), corrections) for corrections in (0, 1, 2))
    a, order, c = curved @ points.log_error
    without, beyond = plain[1] @ points.log_error, twice[1] @ points.log_error
    bend = max(abs(order - without), BEND_SAFETY * abs(order - beyond))
    half_width = bend + _own_errors(curved[1], points, z)
    return _Line(float(order), float(half_width) if half_width > ROUNDING else 0.0, float(a), float(c), len(points.L))


def _noise_of_c(points: _Points, z: float) -> float:
    return _own_errors(_solution(tuple(points.L), 1)[2], points, z)


def _interval_of_deeper(points: _Points, z: float) -> tuple[float, float]:
    if len(points.L) >= FEWEST_DEPTHS:
        line, _ = _narrowest(points, z)
        return line.order - line.half_width, line.order + line.half_width
    slope = _solution(tuple(points.L), 0)[1]
    order, half_width = slope @ points.log_error, _own_errors(slope, points, z)
    return float(order - half_width), float(order + half_width)


def _own_errors(slope: np.ndarray, points: _Points, z: float) -> float:
    return float(z * np.linalg.norm(slope * points.noise) + np.abs(slope) @ points.reference)


@functools.lru_cache(maxsize=1024)
def _solution(depths: tuple[float, ...], corrections: int) -> np.ndarray:
    """Least squares as a matrix: rows `a, p, c, d, ...` as linear functions of the log errors, (2 + corrections, n)."""
    L = np.array(depths)
    columns = np.stack([np.ones_like(L), -np.log(L)] + [L**-j for j in range(1, corrections + 1)], axis=1)
    size = np.linalg.norm(columns, axis=0)  # 1/L^2 is tiny beside 1: equal columns keep the inverse accurate
    return np.linalg.pinv(columns / size) / size[:, None]


def _column(name: str, values: Sequence[float] | np.ndarray) -> np.ndarray:
    column = np.asarray(values, dtype=float)
    if column.ndim != 1:
        raise RequestError(f"fit_order: expected {name} of shape (n,), got {column.shape}")
    return column
