"""A verdict: records of one setting + a claim -> an interval, supported, refuted or inconclusive, and why.

    supported       the interval lies inside expected +- tolerance (a bound: on its right side, tolerance included)
    refuted         it lies outside; an order's also without its shallowest depth
    inconclusive    all else: it straddles the edge, has no width, or a precondition failed

`records` is the long table of a run (columns `depth, seed, observable, value, stderr, reference_error, layer,
step` and the coordinates), restricted to one setting; seeds are pooled here. A claim reads the rows of its
observable with its coordinates at the output (`layer` empty) and at the end (`step` empty). A value is that of the
deepest depth; an order is fitted along the depth, or along the column that the claim says, from the rows of the deepest
depth.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ..errors import RequestError
from .claim import WORDS_OF_A_SETTING_OUTSIDE, Claim, Expected, Judgement, Measured, Verdict
from .coordinate import Coordinate
from .order import FEWEST_POINTS, OrderFit, fit_order

CONFIDENCE_LEVEL = 0.95
FEWEST_REPLICAS = 3
"""From fewer the standard error says nothing: Student's t of one degree of freedom is 12.7 of them wide."""
TOO_FEW = f"it takes at least {FEWEST_REPLICAS} replicas, or several seeds"
LARGEST_CURVATURE = 1.0
"""A fit whose correction `c/x` exceeds this at its first point refutes nothing: twice what the coverage of the interval
was measured for."""


def judge(claim: Claim, settings: Any, records: Any, setting: Mapping[str, Any] | None = None) -> Judgement:
    """The verdict on a claim at one setting, from the records of that setting alone.

    `settings` are those of any of its jobs (a claim's expected value and preconditions may follow them). `records` is a
    DataFrame, or what makes one: columns `depth` and `value`; where there are none, `observable` is the claim's,
    `seed` is 0, and `stderr` and `reference_error` are not known.
    `why` is one sentence and never empty; `measured` is None where there is nothing to put a number on.
    A control is judged by the same rules: it expects a failure, and is supported where the failure was seen.

    Raises `RequestError` for what is no claim, and for records without depths or values.

    >>> import resnet_limits as rl
    >>> hairer = rl.Paper("Hairer, Norsett & Wanner", "Hairer, E.", "Solving Ordinary Differential Equations I", 1993)
    >>> expected = rl.Expected("order", 2.0, tolerance=0.2)
    >>> claim = rl.Claim("my.heun", hairer, "Heun's method is of order 2", "theorem", "my_error", expected)
    >>> depths = [8, 16, 32, 64]
    >>> errors = [3 / depth**2 + 1 / depth**3 for depth in depths]
    >>> judgement = rl.judge(claim, rl.Ode(), {"depth": depths, "value": errors})
    >>> judgement.verdict, judgement.why
    ('supported', 'the order lies in [1.984, 2.017], inside 2 ± 0.2')
    """
    records = _table(claim, records)
    expected = claim.expected.at(settings)
    reason = claim.outside(settings)
    measured, verdict, why = _weigh(claim, expected, records)
    if reason is not None:
        verdict, why = "inconclusive", WORDS_OF_A_SETTING_OUTSIDE + reason
    elif _without_a_number(claim, records) is None and (reason := claim.unmet(records)) is not None:
        verdict, why = "inconclusive", reason
    note = claim.note(records) or ""
    return Judgement(claim, expected, dict(setting or {}), measured, verdict, f"{why}; {note}" if note else why, note)


def _table(claim: Any, records: Any) -> pd.DataFrame:
    """The records as a table with the columns that are read."""
    if not isinstance(claim, Claim):
        raise RequestError(
            f"judge: expected a rl.Claim, got {claim!r}; the claims of a study are judged by rl.sweep(...).claims"
        )
    table = records if isinstance(records, pd.DataFrame) else pd.DataFrame(records)
    if missing := [column for column in ("depth", "value") if column not in table]:
        columns = ", ".join(map(str, table.columns)) or "none"
        raise RequestError(f"judge: expected records with columns depth and value, got {columns}: no {missing[0]}")
    known = {"observable": claim.observable, "seed": 0}
    return table.assign(**{column: value for column, value in known.items() if column not in table})


def pooled_points(claim: Claim, settings: Any, records: pd.DataFrame) -> pd.DataFrame:
    """The pooled points of a claim: columns `depth, at, value, stderr, reference_error, scaled`, by increasing `at`.

    `at` is the coordinate that an order is along: the depth, unless the claim says another. `scaled` is value times
    `at` to the expected order (flat where the claim is right), else the value. `stderr` is nan for a deterministic
    quantity. Empty where nothing was recorded.
    """
    pooled, _ = _pooled(claim, records)
    power = claim.expected.value_at(settings) if claim.expected.is_order else 0.0
    return pd.DataFrame(
        [(p.depth, p.at, p.value, p.stderr, p.reference_error, p.value * float(p.at) ** power) for p in pooled],
        columns=["depth", "at", "value", "stderr", "reference_error", "scaled"],
    )


# -- pooling --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Point:
    """One depth, or one place `at` along another coordinate, seeds pooled: the mean over `seeds` seeds, and `spread`,
    its standard error from their scatter.

    `freedom`: degrees of freedom of `stderr`, one less than the replicas of each seed.
    """

    depth: int
    at: float
    value: float
    stderr: float
    reference_error: float
    spread: float
    seeds: int
    freedom: float = math.inf

    @property
    def half_width(self) -> float:
        """`t stderr`, t of Student's law: 1.96 of many replicas."""
        return 1.96 * widening(self.freedom) * self.stderr


def widening(freedom: float) -> float:
    """Student's t at the level of the intervals, in units of that of a normal law."""
    if not math.isfinite(freedom):
        return 1.0
    from scipy.special import ndtri, stdtrit

    return float(stdtrit(freedom, (1 + CONFIDENCE_LEVEL) / 2) / ndtri((1 + CONFIDENCE_LEVEL) / 2))


def _pooled(claim: Claim, records: pd.DataFrame) -> tuple[list[_Point], str | None]:
    """The points of a claim by increasing coordinate, and why they cannot be judged, or None."""
    if (why := _without_a_number(claim, records)) is not None:
        return [], why
    along = Coordinate(claim.expected.along)
    rows = _along(claim, along, _selected(claim, records))
    seeds: dict[float, list[Any]] = {}
    for row in rows:
        if row.seed in seeds.setdefault(row.at, []):
            twice = f"several values of {_named(claim)} at {along.at(row.at)}, seed {row.seed}"
            return [], f"{twice}: the claim's `where` does not tell them apart"
        seeds[row.at].append(row.seed)
    if not rows:
        missing = "" if along.is_depth else f" by {along.column}"
        return [], f"no records of {_named(claim)}{missing}" + (f": {claim.needs}" if claim.needs else "")
    problem = None
    if all(math.isnan(row.stderr) for row in rows):
        # Another seed is another problem with its own constant: were the seeds to change from point to point, the
        # change of the constant would pass for a rate.
        common = set.intersection(*map(set, seeds.values()))
        if common:
            rows = [row for row in rows if row.seed in common]
        else:
            problem = f"no seed was run at every {along.column}"
    return [_mean(at, [row for row in rows if row.at == at]) for at in sorted(seeds)], problem


def _along(claim: Claim, along: Coordinate, rows: list[Any]) -> list[Any]:
    """The rows with a number and a place along the coordinate; along another than the depth, those of the deepest."""
    rows = [row for row in rows if not isinstance(row.why, str) and not pd.isna(row.at)]
    if along.is_depth or not rows:
        return rows
    deepest = max(row.depth for row in rows)
    return [row for row in rows if row.depth == deepest]


def _without_a_number(claim: Claim, records: pd.DataFrame) -> str | None:
    """Why no job has a number for the claim, where the jobs say so; or None."""
    rows = _selected(claim, records)
    whys = [row.why for row in rows if isinstance(row.why, str)]
    if not whys or any(math.isfinite(row.value) for row in rows):
        return None
    return f"no number for {_named(claim)}: {whys[-1]}"


def _selected(claim: Claim, records: pd.DataFrame) -> list[Any]:
    """Rows `depth, at, seed, value, stderr, reference_error, why[, replicas]` of the claim's observable and
    coordinates; `at` is the place along the coordinate of its order, `why` a word where there is no number."""
    chosen = (records["observable"] == claim.observable).to_numpy()
    for column in ("layer", "step"):
        if column in records:
            chosen = chosen & records[column].isna().to_numpy()
    for coordinate, value in claim.where.items():
        chosen = chosen & ((records[coordinate] == value).to_numpy() if coordinate in records else False)
    columns = ["depth", "at", "seed", "value", "stderr", "reference_error", "why"]
    if "replicas" in records:
        columns.append("replicas")
    rows = records.loc[chosen]
    rows = rows.assign(at=Coordinate(claim.expected.along).of(rows))
    # The same job may have come from two runs: equal content, equal numbers, no second seed.
    return list(rows.reindex(columns=columns).drop_duplicates().itertuples(index=False))


def _mean(at: float, rows: list[Any]) -> _Point:
    """`stderr = sqrt(sum stderr^2) / n`; the bias that seeds share, `reference_error`, does not shrink: its mean."""
    n = len(rows)
    values = np.array([row.value for row in rows], dtype=float)
    sampled = [row for row in rows if not math.isnan(row.stderr) and _replicas(row) >= FEWEST_REPLICAS]
    known = [float(row.stderr) for row in sampled]
    references = [float(row.reference_error) for row in rows if not math.isnan(row.reference_error)]
    return _Point(
        depth=int(rows[0].depth),
        at=float(at),
        value=float(np.mean(values)),
        stderr=math.hypot(*known) / n if known else math.nan,
        reference_error=sum(references) / len(references) if references else math.nan,
        spread=float(np.std(values, ddof=1)) / math.sqrt(n) if n > 1 else math.nan,
        seeds=n,
        freedom=sum(_replicas(row) - 1 for row in sampled) if sampled else math.inf,
    )


def _replicas(row: Any) -> float:
    """Replicas behind a value; infinitely many where a table does not say."""
    replicas = getattr(row, "replicas", math.nan)
    return math.inf if pd.isna(replicas) else float(replicas)


def _named(claim: Claim) -> str:
    where = ", ".join(f"{name}={value}" for name, value in claim.where.items())
    return f"'{claim.observable}'" + (f" with {where}" if where else "")


# -- intervals and verdicts -----------------------------------------------------------------------


def _weigh(claim: Claim, expected: Expected, records: pd.DataFrame) -> tuple[Measured | None, Verdict, str]:
    pooled, problem = _pooled(claim, records)
    if problem:
        return None, "inconclusive", problem
    if claim.random:
        pooled = [p if not math.isnan(p.stderr) else replace(p, stderr=p.spread, freedom=p.seeds - 1) for p in pooled]
        without = [p.at for p in pooled if math.isnan(p.stderr)]
        if without:
            where = ", ".join(map(Coordinate(expected.along).at, without))
            return None, "inconclusive", f"no standard error at {where}: {TOO_FEW}"
    if expected.is_order:
        return _weigh_order(claim, expected, pooled)
    return _weigh_value(expected, pooled)


def _weigh_order(claim: Claim, expected: Expected, pooled: list[_Point]) -> tuple[Measured | None, Verdict, str]:
    along = Coordinate(expected.along)
    fit = fitted(expected, [(p.at, p.value, p.half_width / 1.96, p.reference_error) for p in pooled])
    if len(fit.x) < FEWEST_POINTS:
        count = len(fit.x)
        why = f"an order needs {FEWEST_POINTS} usable {along.plural}, and there {'is' if count == 1 else 'are'} {count}"
        why += f" ({claim.needs})" if claim.needs else ""
        return None, "inconclusive", why + _left_out(fit, along)
    measured = Measured(fit.order, fit.low, fit.high, CONFIDENCE_LEVEL)
    name = "the order" if along.is_depth else f"the order in {along.symbol} at L={pooled[0].depth}"
    verdict, why = _compare(name, measured, expected)
    if verdict == "refuted" and fit.curvature > LARGEST_CURVATURE:
        verdict = "inconclusive"
        why += (
            f", but the errors still bend by a factor e^{fit.curvature:.1f} at {along.at(fit.x[0])}: "
            f"the {along.plural} are not yet asymptotic; {along.further} ones would tell"
        )
    elif verdict == "refuted" and not _outside(fit.beyond[0], fit.beyond[1], expected):
        verdict = "inconclusive"
        why += (
            f", but without its {along.first}, {along.at(fit.x[0])}, it no longer does: "
            f"there it lies in {_interval(*fit.beyond)}"
        )
    return measured, verdict, why + _left_out(fit, along)


def fitted(expected: Expected, its_points: Iterable[tuple[float, float, float, float]]) -> OrderFit:
    """The order as the claim says that it is fitted, of points `(at, value, standard error, reference error)`."""
    x, values, stderrs, references = np.array(list(its_points), dtype=float).reshape(-1, 4).T
    return fit_order(
        x,
        values,
        stderrs=stderrs,
        reference_errors=references,
        level=CONFIDENCE_LEVEL,
        correction=expected.correction,
        bend=expected.bend_at(None),
    )


def _weigh_value(expected: Expected, pooled: list[_Point]) -> tuple[Measured | None, Verdict, str]:
    deepest = pooled[-1]
    name, value = f"the value at L={deepest.depth}", deepest.value
    if not math.isfinite(value):
        return None, "inconclusive", f"{name} is {value}, not a number to judge"
    half_width = _random_error(deepest) + (0.0 if math.isnan(deepest.reference_error) else deepest.reference_error)
    if not math.isfinite(half_width):
        return None, "inconclusive", f"{name} is {value:.4g} with an unbounded error"
    measured = Measured(value, value - half_width, value + half_width, CONFIDENCE_LEVEL)
    return measured, *_compare(name, measured, expected)


def _random_error(point: _Point) -> float:
    """Half-width from replicas; where a job gives none, from the scatter of the seeds (Student's t: they are few)."""
    if not math.isnan(point.stderr):
        return point.half_width
    if point.seeds > 1:
        from scipy.special import stdtrit

        return float(stdtrit(point.seeds - 1, (1 + CONFIDENCE_LEVEL) / 2)) * point.spread
    return 0.0


def _allowed(expected: Expected) -> tuple[float, float]:
    """The range that the claim allows, tolerance included."""
    value = expected.value_at(None)  # computed for the settings by `Expected.at`: a number
    at_least, at_most = value - expected.tolerance, value + expected.tolerance
    if expected.what in ("order_at_least", "at_least"):
        return at_least, math.inf
    if expected.what == "at_most":
        return -math.inf, at_most
    return at_least, at_most


def _outside(low: float, high: float, expected: Expected) -> bool:
    least, most = _allowed(expected)
    return high < least or low > most


def _compare(name: str, measured: Measured, expected: Expected) -> tuple[Verdict, str]:
    low, high = measured.low, measured.high
    least, most = _allowed(expected)
    if not math.isfinite(least) and not math.isfinite(most):
        return "inconclusive", f"{name} is {measured.value:.4g}, but what to expect is {expected.value} at this setting"
    if not high > low:
        return "inconclusive", f"{name} is {measured.value:.4g} with an interval of no width: its error is unknown"
    where, range_ = f"{name} lies in {_interval(low, high)}", _in_words(expected)
    if _outside(low, high, expected):
        return "refuted", f"{where}, outside {range_}"
    if least <= low and high <= most:
        return "supported", f"{where}, inside {range_}"
    if low < least and high > most:
        return "inconclusive", f"{where}, which is wider than {range_}"
    return "inconclusive", f"{where}, partly outside {range_}"


def _in_words(expected: Expected) -> str:
    value, tolerance = f"{expected.value_at(None):.4g}", f"{expected.tolerance:.4g}"
    if expected.what in ("order_at_least", "at_least"):
        return f"at least {value} - {tolerance}"
    if expected.what == "at_most":
        return f"at most {value} + {tolerance}"
    return f"{value} ± {tolerance}"


def _interval(low: float, high: float) -> str:
    # Two digits of the width: [0.9987, 1.0012] and not [0.999, 1], whatever the size of the numbers.
    width = high - low
    if not (math.isfinite(width) and width > 0):
        return f"[{low:.4g}, {high:.4g}]"
    size = max(abs(low), abs(high))
    digits = min(12, max(3, 2 + math.ceil(math.log10(size / width))))
    return f"[{low:.{digits}g}, {high:.{digits}g}]"


def _left_out(fit: OrderFit, along: Coordinate) -> str:
    if not fit.left_out:
        return ""
    return "; left out: " + ", ".join(f"{along.at(x)} ({reason})" for x, reason in fit.left_out.items())
