"""What a finished run says, as plain data: the headline, the groups with their counts, what is not supported with each
reason once, and what the trained networks reached by depth and by every other number that was swept.

    summary.json -> Outcome -> the terminal, the page

Free of pandas and torch. Nothing is computed but counts: every number stands in the summary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..claims.claim import WORDS_OF_A_SETTING_OUTSIDE
from ..claims.coordinate import DEPTH_COORDINATE, Coordinate
from ..claims.order import FEWEST_POINTS
from ..claims.words import VERDICTS, counted, duration
from ..runs.planned import depth_of

Claim = Mapping[str, Any]
"""A judged claim as it stands in `summary.json`."""
Setting = Mapping[str, Any]
REACHED = {"test_accuracy": "test accuracy", "train_loss": "training loss"}
"""What trained networks reached: the observables of that name which any study records, and their words."""


@dataclass(frozen=True)
class Answered:
    """A group: its question, the loss with its factor where networks are trained, what its measurement costs, and its
    claims at the settings that are shown together."""

    name: str
    title: str
    loss: str
    cost: str
    claims: Sequence[Claim]

    @property
    def verdicts(self) -> Counter[str]:
        return Counter(str(claim["verdict"]) for claim in self.claims)

    @property
    def counts(self) -> str:
        """`3 claims: 1 supported, 2 inconclusive`."""
        return counted([str(claim["verdict"]) for claim in self.claims])


@dataclass(frozen=True)
class Reason:
    """Why some claims are not supported: the verdict, the reason in words, and all claims that it holds for."""

    verdict: str
    why: str
    claims: Sequence[Claim]


@dataclass(frozen=True)
class Reached:
    """One observable of trained networks at one setting, by one coordinate: `(value, standard error or None)` a place.

    `where` are the keys that the group pinned for itself. `along` is the depth, or a swept key whose values are
    numbers; `depth` is then the one at which it is shown, the deepest that all places have.
    """

    observable: str
    words: str
    setting: Setting
    where: Setting
    along: Coordinate
    depth: int | None
    points: Mapping[float, tuple[float, float | None]]


@dataclass(frozen=True)
class Outcome:
    """A finished run in words and numbers."""

    headline: str
    groups: Sequence[Answered]
    reasons: Sequence[Reason]
    notes: Sequence[str]
    reached: Sequence[Reached]


def outcome(summary: Mapping[str, Any]) -> Outcome:
    """What a summary says, all of its settings together."""
    claims, rows = summary["claims"], summary.get("reached", [])
    return Outcome(
        headline(summary),
        by_group(summary, claims),
        reasons(claims),
        list(dict.fromkeys(claim["note"] for claim in claims if claim.get("note"))),
        [*_by_depth(rows), *_by_swept_keys(rows)],
    )


def headline(summary: Mapping[str, Any]) -> str:
    """`19 of 19 claims supported · test accuracy 0.927 · 84 s`.

    The accuracy is that of the deepest networks of the first group that trained any; of several settings the smallest
    and the largest. The time is that during which a job of the run ran, jobs side by side counted once.
    """
    claims = summary["claims"]
    supported = sum(claim["verdict"] == "supported" for claim in claims)
    of = f"{supported} of {len(claims)} claim{'s' if len(claims) != 1 else ''} supported" if claims else ""
    elapsed = duration(summary.get("elapsed"))
    return " · ".join(filter(None, (of or "no claim was judged", _accuracy(summary.get("reached", [])), elapsed)))


def _accuracy(rows: Sequence[Mapping[str, Any]]) -> str:
    rows = [row for row in rows if row["observable"] == "test_accuracy"]
    first = [row for row in rows if row["where"] == rows[0]["where"]]
    deepest = [max(of, key=lambda row: row["depth"])["value"] for of in _gathered(first, "setting")]
    if not deepest:
        return ""
    low, high = f"{min(deepest):.3f}", f"{max(deepest):.3f}"
    return f"test accuracy {low}" if low == high else f"test accuracy {low} to {high}"


def by_group(summary: Mapping[str, Any], claims: Sequence[Claim]) -> list[Answered]:
    """These claims by their group, in the order of the study; groups of none are left out."""
    answers = [
        (group, [claim for claim in claims if claim.get("group") == group["name"]])
        for group in summary.get("groups", ())  # an earlier version knew of none
    ]
    return [
        Answered(group["name"], group["title"], group.get("loss", ""), duration(group["seconds"]), claims_of_group)
        for group, claims_of_group in answers
        if claims_of_group
    ]


def reasons(claims: Sequence[Claim]) -> list[Reason]:
    """What is not supported, each reason once; what is refuted comes first."""
    others = [claim for claim in claims if claim["verdict"] != "supported"]
    every = [Reason(of[0]["verdict"], of[0]["why"], of) for of in _gathered(others, "verdict", "why")]
    return sorted(every, key=lambda reason: VERDICTS.index(reason.verdict) if reason.verdict in VERDICTS else -1)


@dataclass(frozen=True)
class NextStep:
    """What to do next, and why: resume the run, with the override that asks for further jobs; or read about a claim; or
    neither, where all is answered."""

    why: str
    resume: bool = False
    override: str = ""
    claim: str = ""


def next_step(summary: Mapping[str, Any], seeds: Sequence[int]) -> NextStep:
    """What would tell more than a run with these seeds does.

    What waits for another job, or is measured without noise, is told by deeper networks; noise falls with further
    seeds. A setting outside a theorem stays outside.
    """
    claims = summary["claims"]
    if unfinished := sum(state != "finished" for state in summary.get("jobs", {}).values()):
        return NextStep(f"{unfinished} job{'s' if unfinished > 1 else ''} did not finish", resume=True)
    undecided = [
        c for c in claims if c["verdict"] == "inconclusive" and not c["why"].startswith(WORDS_OF_A_SETTING_OUTSIDE)
    ]
    shallow = [claim for claim in undecided if _wants_depth(claim, summary)]
    depths = sorted({depth_of(name) for name in summary.get("jobs", {})})
    if shallow and depths:
        further = [depths[-1] * 2 ** (i + 1) for i in range(max(1, FEWEST_POINTS - len(depths)))]
        return NextStep(f"deeper networks decide {_few(shallow)}", True, f"depth={','.join(map(str, further))}")
    if noisy := [claim for claim in undecided if _is_noisy(claim, summary)]:
        first = max(seeds, default=0) + 1
        return NextStep(
            f"further seeds narrow {_few(noisy)}", True, f"seed={','.join(str(first + i) for i in range(3))}"
        )
    if refuted := [claim["id"] for claim in claims if claim["verdict"] == "refuted"]:
        return NextStep("what it assumes", claim=refuted[0])
    return NextStep("what else can be asked")


def _few(claims: Sequence[Claim]) -> str:
    names = list(dict.fromkeys(claim["id"] for claim in claims))
    return names[0] if len(names) == 1 else f"{len(names)} claims"


def _wants_depth(claim: Claim, summary: Mapping[str, Any]) -> bool:
    """Whether an order in depth has too few points, or no noise; not where its group measures no deeper networks."""
    if not claim["expected"]["what"].startswith("order") or "along" in claim["expected"]:
        return False
    bounds = [group.get("depths") or {} for group in summary["groups"] if group["name"] == claim["group"]]
    points = _points(claim, summary)
    deepest = max((row["depth"] for row in points), default=0)
    if any(bound.get("high") is not None and 2 * deepest > bound["high"] for bound in bounds):
        return False
    return len(points) < FEWEST_POINTS or not _is_noisy(claim, summary)


def _is_noisy(claim: Claim, summary: Mapping[str, Any]) -> bool:
    return any(row["stderr"] is not None for row in _points(claim, summary))


def _points(claim: Claim, summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    here = (claim["id"], claim["setting"])
    return [row for row in summary["table"] if (row["claim"], row["setting"]) == here]


def _by_depth(rows: Sequence[Mapping[str, Any]]) -> Iterator[Reached]:
    for of in _gathered(rows, "observable", "setting", "where"):
        yield _reached(of, of[0]["setting"], DEPTH_COORDINATE, {float(row["depth"]): row for row in of}, None)


def _by_swept_keys(rows: Sequence[Mapping[str, Any]]) -> Iterator[Reached]:
    for key in _swept_numbers([row["setting"] for row in rows]):
        apart = [{**row, "rest": {k: v for k, v in row["setting"].items() if k != key}} for row in rows]
        for of in _gathered([row for row in apart if key in row["setting"]], "observable", "rest", "where"):
            places = {float(row["setting"][key]) for row in of}
            depths = [{row["depth"] for row in of if float(row["setting"][key]) == place} for place in places]
            if len(places) > 1 and (shared := set[int].intersection(*depths)):
                depth = max(shared)
                there = {float(row["setting"][key]): row for row in of if row["depth"] == depth}
                yield _reached(of, of[0]["rest"], key, there, depth)


def _swept_numbers(settings: Sequence[Setting]) -> list[str]:
    """The swept keys whose values are numbers, two of them or more."""
    keys = dict.fromkeys(key for setting in settings for key in setting)
    values = {key: [setting[key] for setting in settings if key in setting] for key in keys}
    return [key for key, of in values.items() if all(map(_is_number, of)) and len(set(of)) > 1]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _reached(
    rows: Sequence[Mapping[str, Any]], setting: Setting, along: str, at: Mapping[float, Any], depth: int | None
) -> Reached:
    observable = rows[0]["observable"]
    points = {place: (at[place]["value"], at[place]["stderr"]) for place in sorted(at)}
    return Reached(observable, REACHED[observable], setting, rows[0]["where"], Coordinate(along), depth, points)


def _gathered(rows: Sequence[Mapping[str, Any]], *names: str) -> list[list[Mapping[str, Any]]]:
    """The rows that agree in these entries, in the sequence of their first."""
    gathered: list[list[Mapping[str, Any]]] = []
    for row in rows:
        of = next((of for of in gathered if all(of[0][name] == row[name] for name in names)), None)
        gathered.append([row]) if of is None else of.append(row)
    return gathered
