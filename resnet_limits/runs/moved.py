"""What moved between two collections of claims, or two runs, beyond what their intervals allow.

    |m_1 - m_2| > sqrt(h_1^2 + h_2^2)        h half of a measured interval, high - low

A claim has moved if its verdict is another, or its measured value by more than this. Of two independent measurements of
one number with intervals of 95 % (other seeds, say) one in twenty does so by chance; a run that is repeated bit for bit
does not at all. An accuracy, the mean over seeds, is held to the same rule, h being 1.96 standard errors. A claim is
compared at its setting, or at its only one in both. Keys that differ, and what stands on one side alone, are named and
are no movement.
"""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import RequestError
from ..files import read_json
from ..settings.base import Settings
from ..settings.content import content
from . import summary

LEVEL = 1.96
"""Standard errors in half an interval of 95 %."""
PATTERN_OF_ACCURACIES = re.compile(r"(?:.*\.)?(?:test_|train_)?accuracy(?:\..*)?")
MEASURED = ("value", "stderr", "reference", "reference_error", "seconds")
"""The columns of a record that are no coordinate of it, with those of `UNTOLD`."""
UNTOLD = ("study", "job", "replicas", "setting")


@dataclass(frozen=True)
class Side:
    """One of the two: a name for it, its study, its claims as `summary.json` has them, and of a run the values of its
    keys and its records."""

    name: str
    study: str
    claims: Sequence[Mapping[str, Any]]
    keys: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    records: Sequence[Mapping[str, str]] = ()

    @classmethod
    def of_run(cls, folder: Path, document: Mapping[str, Any], jobs: Iterable[Settings]) -> Side:
        """A run by its folder, its summary, and the settings of its jobs."""
        keys: dict[str, list[Any]] = {}
        for job in jobs:
            for name, value in content(job).items():
                if value not in (values := keys.setdefault(name, [])):
                    values.append(value)
        with open(folder / summary.RECORDS_FILE, encoding="utf-8", newline="") as file:
            records = list(csv.DictReader(file))
        return cls(str(folder), document["study"], document["claims"], keys, records)


def compared(first: Side, second: Side) -> dict[str, Any]:
    """What moved from the first to the second, what differs, and what stands on one side alone, as plain values."""
    claims, alone = _claims(first.claims, second.claims)
    moved = [claim for claim in claims if claim["moved"]]
    accuracies = _accuracies(first.records, second.records)
    return {
        "study": second.study,
        "first": first.name,
        "second": second.name,
        "moved": bool(moved) or any(accuracy["moved"] for accuracy in accuracies),
        "compared": len(claims),
        "claims": moved,
        "alone": alone,
        "keys": _keys(first.keys, second.keys),
        "records": _records(first.records, second.records),
        "accuracy": accuracies,
    }


def read_sides(path: Path) -> list[Side]:
    """What `reslim verify --json` printed, study by study, or the summary of a run. Raises `RequestError`."""
    expected = "expected what reslim verify --json printed, or the summary.json of a run"
    if not path.is_file():
        raise RequestError(f"there is no file {path}; {expected}")
    document = read_json(path)
    studies = document.get("studies", [document]) if isinstance(document, dict) else None
    if not isinstance(studies, list) or not studies or not all(map(_is_of_study, studies)):
        raise RequestError(f"{path} holds no claims; {expected}")
    return [Side(str(path), study["study"], study["claims"]) for study in studies]


def _is_of_study(document: Any) -> bool:
    """Whether a document, which anybody may have written, is a study's claims."""
    if not isinstance(document, dict) or not isinstance(document.get("study"), str):
        return False
    claims = document.get("claims")
    return isinstance(claims, list) and all(map(_is_claim, claims))


def _is_claim(claim: Any) -> bool:
    if not isinstance(claim, dict) or not isinstance(claim.get("id"), str):
        return False
    measured, setting, verdict = claim.get("measured"), claim.get("setting"), claim.get("verdict")
    return isinstance(setting, dict) and isinstance(verdict, (str, type(None))) and _is_measured(measured)


def _is_measured(measured: Any) -> bool:
    if measured is None:
        return True
    numbers = [measured.get(name) for name in ("value", "low", "high")] if isinstance(measured, dict) else [""]
    return all(isinstance(number, (int, float)) or (i and number is None) for i, number in enumerate(numbers))


# -- claims ---------------------------------------------------------------------------------------


def _claims(
    first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """Each claim that stands on both sides, and the names of those that stand on one."""
    ones, others = _by_setting(first, second), _by_setting(second, first)
    both = [_claim(ones[place], others[place]) for place in ones if place in others]
    alone = {
        "first": [_named(claim) for place, claim in ones.items() if place not in others],
        "second": [_named(claim) for place, claim in others.items() if place not in ones],
    }
    return both, alone


def _by_setting(
    claims: Sequence[Mapping[str, Any]], opposite: Sequence[Mapping[str, Any]]
) -> dict[tuple[str, str], Mapping[str, Any]]:
    """The claims by id and setting; by id alone where it occurs once on either side."""
    here, there = (Counter(claim["id"] for claim in side) for side in (claims, opposite))
    once = {name for name in here if here[name] == 1 and there[name] <= 1}
    return {(claim["id"], "" if claim["id"] in once else _words(claim["setting"])): claim for claim in claims}


def _words(setting: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(setting.items()))


def _named(claim: Mapping[str, Any]) -> str:
    return f"{claim['id']} [{_words(claim['setting'])}]" if claim["setting"] else claim["id"]


def _claim(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    difference, allowed = _difference(one["measured"], other["measured"])
    far = difference is not None and allowed is not None and abs(difference) > allowed
    return {
        "id": other["id"],
        "setting": dict(other["setting"]),
        "moved": far or one["verdict"] != other["verdict"],
        "value_moved": far,
        "first": {"verdict": one["verdict"], "measured": one["measured"]},
        "second": {"verdict": other["verdict"], "measured": other["measured"]},
        "difference": difference,
        "allowed": allowed,
    }


def _difference(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> tuple[float | None, float | None]:
    """By how much a measured value moved, and by how much it may; None where there is no value, or no interval."""
    if one is None or other is None:
        return None, None
    halves = [_half(measured) for measured in (one, other)]
    allowed = None if None in halves else math.hypot(*[half for half in halves if half is not None])
    return other["value"] - one["value"], allowed


def _half(measured: Mapping[str, Any]) -> float | None:
    low, high = measured["low"], measured["high"]
    return None if low is None or high is None else (high - low) / 2


# -- keys and records -----------------------------------------------------------------------------


def _keys(first: Mapping[str, Sequence[Any]], second: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """The keys whose values differ, each with its values on either side."""
    names = dict.fromkeys([*first, *second])
    values = {name: (list(first.get(name, ())), list(second.get(name, ()))) for name in names}
    return [
        {"key": name, "first": one, "second": other}
        for name, (one, other) in values.items()
        if sorted(map(str, one)) != sorted(map(str, other))
    ]


def _records(first: Sequence[Mapping[str, str]], second: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Of each observable, how many records stand on one side alone, where there are any."""
    columns = (
        _recorded_columns(first) & _recorded_columns(second)
        if first and second
        else _recorded_columns(first) | _recorded_columns(second)
    )
    ones, others = (Counter(_place(record, columns) for record in side) for side in (first, second))
    only, also = ones - others, others - ones
    names = sorted({dict(place)["observable"] for place in (*only, *also)})
    return [{"observable": name, "first": _of(only, name), "second": _of(also, name)} for name in names]


def _recorded_columns(records: Sequence[Mapping[str, str]]) -> set[str]:
    return {name for name in (records[0] if records else ()) if name not in (*MEASURED, *UNTOLD)}


def _place(record: Mapping[str, str], columns: set[str]) -> tuple[tuple[str, str], ...]:
    """The coordinates of a record among these columns, and its observable."""
    return tuple((name, value) for name, value in record.items() if value and name in columns)


def _of(places: Counter[tuple[tuple[str, str], ...]], observable: str) -> int:
    return sum(count for place, count in places.items() if dict(place)["observable"] == observable)


def _accuracies(first: Sequence[Mapping[str, str]], second: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """The final accuracies that both sides have, means over seeds, each with its coordinates."""
    columns = (_recorded_columns(first) & _recorded_columns(second)) - {"seed"}
    ones, others = _means(first, columns), _means(second, columns)
    rows = []
    for place in ones:
        if place in others:
            (a, error_a), (b, error_b) = ones[place], others[place]
            far = abs(b - a) > LEVEL * math.hypot(error_a, error_b)
            one, other = {"value": a, "stderr": error_a}, {"value": b, "stderr": error_b}
            rows.append({"coordinates": dict(place), "moved": far, "first": one, "second": other})
    return rows


def _means(
    records: Sequence[Mapping[str, str]], columns: set[str]
) -> dict[tuple[tuple[str, str], ...], tuple[float, float]]:
    """Mean and standard error over seeds of each accuracy at the end of training."""
    values: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    for record in records:
        if (
            PATTERN_OF_ACCURACIES.fullmatch(record["observable"])
            and record["value"]
            and not record["step"]
            and not record["layer"]
        ):
            pair = float(record["value"]), float(record["stderr"] or 0.0)
            values.setdefault(_place(record, columns), []).append(pair)
    return {place: _mean(pairs) for place, pairs in values.items()}


def _mean(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    n, mean = len(pairs), sum(value for value, _ in pairs) / len(pairs)
    within = math.hypot(*(error for _, error in pairs)) / n
    between = math.sqrt(sum((value - mean) ** 2 for value, _ in pairs) / (n - 1) / n) if n > 1 else 0.0
    return mean, max(within, between)
