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
from resnet_limits.claims.words import expectation
from resnet_limits.settings.keys import describe, range_in_words
from resnet_limits.settings.registry import STUDIES, groups
from resnet_limits.studies import study as registry
from resnet_limits.studies.study import Study

from .display import Terminal, print_json


def studies(name: str | None, *, json_out: bool) -> None:
    """List the studies, or show one."""
    if name is not None:
        study = registry.get(name)
        print_json(_document(study)) if json_out else _show(study)
        return
    every = [registry.get(its) for its in STUDIES]
    if json_out:
        print_json([{"name": s.name, "title": s.title, "claims": [c.id for c in s.claims]} for s in every])
        return
    table = Table(header_style="bold")
    for column in ("study", "networks and limit", "claims"):
        table.add_column(column)
    for study in every:
        table.add_row(study.name, study.title, ", ".join(claim.id for claim in study.claims))
    Terminal().print(table)


def _document(study: Study) -> dict[str, Any]:
    return {
        "name": study.name,
        "title": study.title,
        "equation": study.equation,
        "papers": sorted({str(claim.source) for claim in study.claims}),
        "claims": [
            {
                "id": claim.id,
                "kind": claim.kind,
                "source": str(claim.source),
                "statement": claim.statement,
                "observable": claim.observable,
                "expected": _expected(claim, study),
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
    """The keys of the study at its defaults, then those that come with other options."""
    settings = study.settings(study=study.name)
    seen = set()
    for entry in describe(settings):
        group = next((b for b in groups() if b.__name__.lower() == entry.key), None)
        seen.add(entry.key)
        rule = "one of " + ", ".join(groups()[group]) if group else range_in_words(entry.field.metadata)
        meaning = (group.__doc__ or "").strip().splitlines()[0] if group else entry.field.metadata["meaning"]
        yield {"key": entry.key, "default": entry.value, "range": rule, "meaning": meaning, "with": None}
    for base, options in groups().items():
        for name, option in options.items():
            prefix = base.__name__.lower()
            for entry in describe(option(name=name), prefix=f"{prefix}."):
                if entry.key not in seen and entry.field.name != "name":
                    seen.add(entry.key)
                    rule, meaning = range_in_words(entry.field.metadata), entry.field.metadata["meaning"]
                    having = [n for n, o in options.items() if entry.field.name in o.__dataclass_fields__]
                    given = ", ".join(f"{prefix}={n}" for n in having)
                    yield {"key": entry.key, "default": entry.value, "range": rule, "meaning": meaning, "with": given}


def _show(study: Study) -> None:
    console = Terminal()
    console.print(
        f"[bold]{study.name}[/bold]: {escape(study.title)}\n\n{escape(study.equation)}\n",
        highlight=False,
        soft_wrap=True,
    )
    console.print("[bold]Claims[/bold]")
    for claim in study.claims:
        head = Text.assemble((claim.id, "bold cyan"), f"  {claim.kind}, {expectation(_expected(claim, study))}")
        console.print(head)
        pinned = ", ".join(f"{k}={v}" for k, v in claim.pins.items())
        lines = [claim.statement, str(claim.source), f"observable {claim.observable}"]
        lines[-1] += f", pinned {pinned}" if pinned else ""
        for line in lines:
            console.print(Padding(Text(line, style="" if line == claim.statement else "dim"), (0, 0, 0, 2)))
    console.print()
    for title, entries in (("Observables", study.observables), ("Arrays", study.arrays)):
        table = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=None)
        table.add_column(no_wrap=True)
        table.add_column()
        for key, meaning in entries.items():
            table.add_row(key, escape(meaning))
        console.print(table)
    console.print("[bold]Keys[/bold]")
    for entry in _keys(study):
        default = "null" if entry["default"] is None else str(entry["default"])
        console.print(Text.assemble((entry["key"], "bold cyan"), f" = {default}"))
        given = f"; with {entry['with']}" if entry["with"] else ""
        allowed = f" ({entry['range']})" if entry["range"] else ""
        console.print(Padding(Text(entry["meaning"] + allowed + given), (0, 0, 0, 2)))
