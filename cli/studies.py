"""`reslim studies`: what can be studied, and what a study claims, records and accepts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from resnet_limits.claims.claim import Claim
from resnet_limits.claims.words import duration, expectation, unit, words_of_pins
from resnet_limits.errors import SettingError
from resnet_limits.settings.keys import describe, range_in_words
from resnet_limits.settings.registry import STUDIES, kinds
from resnet_limits.studies import study as registry
from resnet_limits.studies.study import Study

from .display import COST, Terminal, add_columns, asked_table, plain_table, print_json
from .printable import say


def studies(name: str | None, *, json_out: bool) -> None:
    """List the studies, or show one."""
    if name is not None:
        study = registry.get(name)
        print_json(_document(study)) if json_out else _show(study)
        return
    every = list(_sound())
    if json_out:
        print_json([{**_short(study), "claims": [claim.id for claim in study.claims]} for study in every])
        return
    table = plain_table("", f"{COST}\nreslim studies NAME shows more of one, reslim train study=NAME runs it")
    add_columns(table, "study", "question", "claims", "cost")
    for described in every:
        table.add_row(described.name, described.question, str(len(described.claims)), duration(described.seconds))
    Terminal().print(table)


def _short(study: Study) -> dict[str, Any]:
    return {"name": study.name, "title": study.title, "question": study.question, "seconds": study.seconds}


def _sound() -> Iterator[Study]:
    """All studies; one that another distribution brought, and that is broken, is said to be so on stderr."""
    for name in STUDIES:
        try:
            yield registry.get(name)
        except SettingError as error:
            say(str(error))


def _document(study: Study) -> dict[str, Any]:
    return {
        **_short(study),
        "equation": study.equation,
        "groups": [{**group.document(), "claims": [claim.id for claim in group.claims]} for group in study.groups],
        "papers": sorted({str(claim.source) for claim in study.claims}),
        "claims": [
            {
                "id": claim.id,
                "kind": claim.kind,
                "group": study.group_of(claim.id).name,
                "source": str(claim.source),
                "statement": claim.statement,
                "observable": claim.observable,
                "expected": _expected(claim, study),
                "rival": None if claim.rival is None else dataclasses.asdict(claim.rival),
                "pins": dict(claim.pins),
                "verdicts": dict(claim.verdicts),
            }
            for claim in study.claims
        ],
        "observables": dict(study.observables),
        "arrays": dict(study.arrays),
        "keys": list(_keys(study)),
    }


def _expected(claim: Claim, study: Study) -> dict[str, Any]:
    """What a claim expects at the study's defaults."""
    return dataclasses.asdict(claim.expected.at(study.settings(study=study.name)))


def _keys(study: Study) -> Iterator[dict[str, Any]]:
    """The keys of the study at its defaults, then those that come with other options of the groups that it has."""
    settings = study.settings(study=study.name)
    seen = set()
    for entry in describe(settings):
        kind = kinds(study.settings).get(entry.key)
        seen.add(entry.key)
        rule = "one of " + ", ".join(kind.options) if kind else range_in_words(entry.field.metadata)
        meaning = (kind.__doc__ or "").strip().splitlines()[0] if kind else entry.field.metadata["meaning"]
        yield {"key": entry.key, "default": entry.value, "range": rule, "meaning": meaning, "with": None}
    for prefix, kind in kinds(study.settings).items():
        options = kind.options
        for name, option in options.sound():
            for entry in describe(option(name=name), prefix=f"{prefix}."):
                if entry.key not in seen and entry.field.name != "name":
                    seen.add(entry.key)
                    rule, meaning = range_in_words(entry.field.metadata), entry.field.metadata["meaning"]
                    having = [n for n, o in options.sound() if entry.field.name in o.__dataclass_fields__]
                    given = ", ".join(f"{prefix}={n}" for n in having)
                    yield {"key": entry.key, "default": entry.value, "range": rule, "meaning": meaning, "with": given}


def _show(study: Study) -> None:
    console = Terminal()
    console.print(
        f"[bold]{study.name}[/bold]: {escape(study.question)}\n\n{escape(study.title)}\n{escape(study.equation)}\n",
        highlight=False,
        soft_wrap=True,
    )
    console.print(asked_table(study, {claim.id for claim in study.claims}))
    console.print("\n[bold]Keys[/bold]")
    for entry in _keys(study):
        default = "null" if entry["default"] is None else str(entry["default"])
        console.print(Text.assemble((entry["key"], "bold cyan"), f" = {default}"))
        given = f"; with {entry['with']}" if entry["with"] else ""
        allowed = f" ({entry['range']})" if entry["range"] else ""
        console.print(Padding(Text(entry["meaning"] + allowed + given), (0, 0, 0, 2)))
    console.print("\n[bold]Claims[/bold]")
    for group in study.groups:
        console.print(Text.assemble("\n", (group.title, "bold")))
        for claim in group.claims:
            _show_claim(study, claim, console)
    console.print()
    for title, entries in (("Observables", study.observables), ("Arrays", study.arrays)):
        table = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=None)
        table.add_column(no_wrap=True)
        table.add_column()
        for key, meaning in entries.items():
            table.add_row(key, escape(meaning))
        console.print(table)


def _show_claim(study: Study, claim: Claim, console: Terminal) -> None:
    expected = _expected(claim, study)
    given = " ".join(filter(None, (expectation(expected), unit(expected))))
    console.print(Text.assemble((claim.id, "bold cyan"), f"  {claim.kind}, {given}"))
    lines = [claim.statement, str(claim.source), f"observable {claim.observable}"]
    lines[-1] += f", pinned {words_of_pins(claim.pins)}" if claim.pins else ""
    if (rival := claim.rival) is not None:
        value = "" if rival.value is None else f" {rival.value:.4g}"
        lines.append(f"rival{value}: {rival.means} (planted as {rival.fault})")
    for line in lines:
        console.print(Padding(Text(line, style="" if line == claim.statement else "dim"), (0, 0, 0, 2)))
