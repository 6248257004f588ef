"""`reslim compare RUN RUN`: what moved beyond the intervals, and what differs. `show` serves `verify --against` too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from resnet_limits.claims.words import interval, setting_words
from resnet_limits.errors import RunFolderError, SettingError
from resnet_limits.report.current import current
from resnet_limits.runs.folder import Run, outputs_root
from resnet_limits.runs.moved import Side, compared

from .display import Terminal, coloured, print_json
from .printable import say

MOST = 8
"""Names of what stands on one side alone that are shown; the rest is counted."""


def compare(names: Sequence[str], *, json_out: bool) -> None:
    """Hold one run against another; exit code 1 where something moved."""
    root = outputs_root(None)
    runs = [Run.find(root, name) for name in names]
    if runs[0].path == runs[1].path:
        raise SettingError(f"{runs[0].id}: the two are one run; name another, reslim runs lists them")
    if runs[0].study != runs[1].study:
        raise SettingError(f"the runs are of the studies {runs[0].study} and {runs[1].study}; compare two of one study")
    document = {"schema": 1, **compared(*map(_side, runs))}
    if json_out:
        print_json(document)
    else:
        show(document, Terminal())
    if document["moved"]:
        raise SystemExit(1)


def _side(run: Run) -> Side:
    seen = run.look(verify=True)
    shown = current(run, seen)
    for remark in shown.remarks:
        say(f"{run.id}: {remark}")
    if shown.summary is None:
        raise RunFolderError(
            f"{run.path} is {shown.state}, and there is no summary of it; reslim runs {run.id} says more"
        )
    return Side.of_run(run.path, shown.summary, [job.settings for job in seen.jobs])


def show(document: Mapping[str, Any], console: Terminal) -> None:
    """What moved first, then what differs, then what stands on one side alone."""
    moved, count = document["claims"], document["compared"]
    accuracies = [accuracy for accuracy in document["accuracy"] if accuracy["moved"]]
    head = f"{len(moved) or 'none'} of {count} claims moved" if count else "no claim stands on both sides"
    more = f", {len(accuracies)} of {len(document['accuracy'])} accuracies" if document["accuracy"] else ""
    console.print(f"Study {document['study']}: {head}{more}", style="bold", highlight=False)
    for claim in moved:
        _show_claim(claim, console)
    for accuracy in accuracies:
        place = dict(accuracy["coordinates"])
        words = f"{place.pop('observable')} [{setting_words(place)}]: {_fraction(accuracy['first'])} ->"
        console.words(f"{words} {_fraction(accuracy['second'])}")
    for entry in document["keys"]:
        console.words(f"{entry['key']}: {_values(entry['first'])} -> {_values(entry['second'])}")
    for side in ("first", "second"):
        if names := document["alone"][side]:
            console.words(f"claims in the {side} alone: {_some(names)}")
    for side in ("first", "second"):
        if counts := [f"{entry['observable']} ({entry[side]})" for entry in document["records"] if entry[side]]:
            console.words(f"records in the {side} alone: {_some(counts)}")
    for side in ("first", "second"):
        console.print(f"{side}: {document[side]}", markup=False, highlight=False, soft_wrap=True)


def _show_claim(claim: Mapping[str, Any], console: Terminal) -> None:
    first, second = claim["first"], claim["second"]
    where = f" [{setting_words(claim['setting'])}]" if claim["setting"] else ""
    verdicts = [coloured(side["verdict"] or "missing") for side in (first, second)]
    line = [Text(claim["id"] + where, style="bold"), Text(": "), verdicts[0]]
    if first["verdict"] != second["verdict"]:
        line += [Text(" -> "), verdicts[1]]
    console.words(Text.assemble(*line))
    if first["measured"] and second["measured"]:
        console.words(f"  {interval(first['measured'])} -> {interval(second['measured'])}{_how_far(claim)}")


def _how_far(claim: Mapping[str, Any]) -> str:
    if claim["allowed"] is None:
        return ""
    beyond = "beyond" if claim["value_moved"] else "within"
    return f": by {abs(claim['difference']):.2g}, {beyond} the {claim['allowed']:.2g} of the two intervals"


def _fraction(accuracy: Mapping[str, Any]) -> str:
    return f"{accuracy['value']:.3f} ± {accuracy['stderr']:.3f}"


def _values(values: Sequence[Any]) -> str:
    """The values of a key as one types them, numbers by their size."""
    numbers = all(isinstance(value, (int, float)) for value in values)
    return ", ".join(map(_typed, sorted(values) if numbers else values)) or "none"


def _typed(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return "null" if value is None else str(value)


def _some(names: Sequence[str]) -> str:
    rest = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + rest
