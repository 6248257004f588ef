"""`reslim studies`: what can be studied, and what a study claims, records and accepts.

reslim studies                     a line a study
reslim studies ode                 equation, questions, the keys that matter, the sweep that runs
reslim studies ode keys            all keys; also claims, observables, arrays
reslim studies ode.forward.heun    one claim: what it assumes, its source, its rival
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rich.text import Text

from resnet_limits.claims.claim import Claim
from resnet_limits.claims.words import duration, expectation, unit, words_of_pins
from resnet_limits.errors import ReslimError, SettingError, nearest, one_of
from resnet_limits.settings.keys import describe, range_in_words
from resnet_limits.settings.registry import STUDIES, Registry, kinds
from resnet_limits.studies import study as registry
from resnet_limits.studies.study import Study

from .columns import Column, Columns
from .display import Terminal, asked_table, print_json
from .hydra_bridge import default_depths
from .printable import say

SHOW_ONE = "reslim studies NAME shows one; reslim --help: all commands\ntime: of the default sweep, on one core"
SECTIONS = ("keys", "claims", "observables", "arrays")


def studies(name: str | None, section: str | None, *, json_out: bool) -> None:
    """List the studies, or show one, a section of it, or a claim."""
    if name is None:
        _list(json_out)
    elif "." in name:
        if section is not None:
            study = registry.get(name.split(".", 1)[0]).name
            raise SettingError(
                f"a claim has no sections, got '{section}'; reslim studies {study} {section} is the study's"
            )
        _claims_that_begin(name, json_out)
    elif section is None:
        study = registry.get(name)
        print_json(_document(study)) if json_out else _show(study)
    elif section not in SECTIONS:
        raise SettingError(f"unknown section {one_of(section, SECTIONS)}")
    else:
        study = registry.get(name)
        print_json(_document(study)[section]) if json_out else SHOWN[section](study, Terminal())


def _list(json_out: bool) -> None:
    every = list(_sound())
    if json_out:
        print_json([{**_short(study), "claims": [claim.id for claim in study.claims]} for study in every])
        return
    console = Terminal()
    table = Columns(Column("start with"), Column("question"), Column("claims", right=True), Column("time", right=True))
    for study in every:
        facts = study.question, str(len(study.claims)), duration(study.seconds)
        table.row(Text(_start(study), style="cyan"), *facts)
    if table.width > console.width:
        table = Columns(Column("study"), Column("question, and a command to start", wraps=True))
        for study in every:
            facts = ", ".join(filter(None, (f"{len(study.claims)} claims", duration(study.seconds))))
            table.row(study.name, Text.assemble(study.question, "\n", (_start(study), "cyan"), (f"   {facts}", "dim")))
    table.caption = SHOW_ONE
    console.print(table)


def _start(study: Study) -> str:
    return f"reslim train study={study.name}"


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
        "claims": [_claim_document(claim, study) for claim in study.claims],
        "observables": dict(study.observables),
        "arrays": dict(study.arrays),
        "keys": list(_keys(study)),
    }


def _claim_document(claim: Claim, study: Study) -> dict[str, Any]:
    return {
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
        field = study.settings.__dataclass_fields__[entry.key] if kind else entry.field
        meaning = field.metadata["meaning"]
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
    """What fits two screens: equation, questions, the keys that matter, the sweep that runs, and where the rest is."""
    Terminal().parts(
        _paragraph(
            Text.assemble((study.name, "bold"), ": ", study.question), study.title, Text(study.equation, "cyan")
        ),
        asked_table(study, {claim.id for claim in study.claims}),
        *_losses(study),
        _main_keys(study),
        _ways_on(study),
    )


def _losses(study: Study) -> Iterator[Columns]:
    """The losses that networks are trained by, each with its factor and its groups."""
    table = Columns(Column("loss", wraps=True), Column("of", wraps=True))
    for loss in dict.fromkeys(group.loss for group in study.groups if group.loss):
        table.row(loss, ", ".join(group.name for group in study.groups if group.loss == loss))
    if table.rows:
        yield table


def _main_keys(study: Study) -> Columns:
    entries = {entry["key"]: entry for entry in _keys(study)}
    table = Columns(Column("key"), Column("default"), Column("meaning", wraps=True))
    for key in study.main_keys:
        allowed = entries[key]["range"] if entries[key]["range"].startswith("one of") else ""
        table.row(Text(key, style="cyan"), _default(entries[key]), _sentence(entries[key]["meaning"], allowed))
    table.caption = f"{len(table.rows)} of {len(entries)} keys"
    return table


def _ways_on(study: Study) -> Columns:
    """Commands, and what each does."""
    depths, time = ",".join(map(str, default_depths(study.name))), duration(study.seconds)
    ways = {
        _start(study): f"the sweep: depth={depths}" + (f", about {time} on one core" if time else ""),
        f"{_start(study)} preset=smoke": "the same at a small size, in seconds",
        f"reslim studies {study.name} keys": "all keys; also claims, observables, arrays",
        **{f"reslim studies {claim.id}": "one claim: what it assumes, its source" for claim in study.claims[:1]},
    }
    table = Columns(Column(), Column(wraps=True))
    for command, words in ways.items():
        table.row(Text(command, style="cyan"), words)
    return table


def _paragraph(*texts: Text | str) -> Columns:
    table = Columns(Column(wraps=True))
    for text in texts:
        table.row(text)
    return table


def _default(entry: dict[str, Any]) -> str:
    return "null" if entry["default"] is None else str(entry["default"])


def _sentence(*words: str) -> str:
    return "; ".join(filter(None, words))


def _show_keys(study: Study, console: Terminal) -> None:
    """All keys with default, meaning and range, those last that come with other options."""
    table = Columns(Column("key", wraps=True), Column("default"), Column("meaning", wraps=True))
    for entry in _keys(study):
        given = f"with {entry['with']}" if entry["with"] else ""
        table.row(Text(entry["key"], style="cyan"), _default(entry), _sentence(entry["meaning"], entry["range"], given))
    console.print(table)


def _show_claims(study: Study, console: Terminal) -> None:
    tables = []
    for group in study.groups:
        table = Columns(Column("claim", wraps=True), Column("kind"), Column("expected"), title=group.title)
        for claim in group.claims:
            words = Text.assemble((claim.id, "cyan"), "\n", claim.statement)
            table.row(words, claim.kind, expectation(_expected(claim, study)))
        tables.append(table)
    console.parts(*tables)


def _show_observables(study: Study, console: Terminal) -> None:
    console.print(_named(study.observables))


def _show_arrays(study: Study, console: Terminal) -> None:
    console.print(_named(study.arrays))


def _named(entries: Mapping[str, str]) -> Columns:
    table = Columns(Column("name", wraps=True), Column("what it is", wraps=True))
    for name, meaning in entries.items():
        table.row(Text(name, style="cyan"), meaning)
    return table


SHOWN: dict[str, Callable[[Study, Terminal], None]] = {
    "keys": _show_keys,
    "claims": _show_claims,
    "observables": _show_observables,
    "arrays": _show_arrays,
}


# -- one claim ------------------------------------------------------------------------------------


def _claims_that_begin(name: str, json_out: bool) -> None:
    """Show the claim of this id, or all whose ids begin so. Raises `SettingError` with the nearest id."""
    study = registry.get(name.split(".", 1)[0])
    exact = [claim for claim in study.claims if claim.id == name]
    claims = exact or [claim for claim in study.claims if claim.id.startswith(name.rstrip(".") + ".")]
    if not claims:
        near = nearest(name, [claim.id for claim in study.claims])
        raise SettingError(f"unknown claim '{name}'{near or ';'} reslim studies {study.name} claims lists all")
    if json_out:
        documents = [_claim_document(claim, study) for claim in claims]
        print_json(documents[0] if exact else documents)
        return
    Terminal().parts(*(_claim_table(study, claim) for claim in claims))


def _claim_table(study: Study, claim: Claim) -> Columns:
    """A claim with all that is declared of it."""
    group, expected = study.group_of(claim.id), _expected(claim, study)
    title = Text.assemble((claim.id, "bold cyan"), (f"   {claim.kind} of study {study.name}", "not bold"))
    table = Columns(Column(), Column(wraps=True), title=title)
    rival = claim.rival
    value = "" if rival is None or rival.value is None else f"{rival.value:.4g}: "
    where = ", ".join(f"{name}={value}" for name, value in claim.where.items())
    facts = {
        "states": claim.statement,
        "answers": group.title,
        "source": str(claim.source),
        "measures": _sentence(f"{claim.observable}: {study.observables[claim.observable]}", where and f"here {where}"),
        "expects": " ".join(filter(None, (expectation(expected), unit(expected)))),
        "loss": group.loss,
        "assumes": "\n".join(_assumptions(study, claim)),
        "pins": words_of_pins(claim.pins),
        "needs": claim.needs,
        "rival": "" if rival is None else f"{value}{rival.means} (planted as {rival.fault})",
        "must be": "; ".join(_verdicts(claim)),
        "run it": f"reslim train claims={claim.id}",
    }
    for label, words in facts.items():
        if words:
            table.row(Text(label, style="bold"), Text(words, style="cyan" if label == "run it" else ""))
    return table


def _verdicts(claim: Claim) -> Iterator[str]:
    """`supported at preset=full, smoke`."""
    for verdict in dict.fromkeys(claim.verdicts.values()):
        yield f"{verdict} at preset={', '.join(p for p, must in claim.verdicts.items() if must == verdict)}"


def _assumptions(study: Study, claim: Claim) -> list[str]:
    """What lies outside the claim, by its own word on each other option of the study, one at a time."""
    default = claim.outside(study.settings(study=study.name))
    by_reason: dict[str, list[str]] = {}
    for key, option in _options(study):
        if default is None and key not in claim.pins and (reason := _outside(study, claim, key, option)):
            by_reason.setdefault(reason.removeprefix(f"{key}={option}: "), []).append(f"{key}={option}")
    lines = [f"{reason}; not {', '.join(options)}" for reason, options in by_reason.items()]
    return [f"outside at the defaults: {default}"] if default else lines


def _options(study: Study) -> Iterator[tuple[str, str]]:
    """The keys that take a name, with each name that they take."""
    for field in dataclasses.fields(study.settings):
        kind = kinds(study.settings).get(field.name)
        names = kind.options if kind else field.metadata.get("choices", ())
        if isinstance(names, Registry) and field.metadata.get("content", True) and field.name != "cluster":
            yield from ((field.name, name) for name in names)


def _outside(study: Study, claim: Claim, key: str, option: str) -> str | None:
    """Why the defaults with this option lie outside the claim; None where they do not, or the option is not here."""
    values: dict[str, Any] = {"study": study.name, key: option}
    try:
        return claim.outside(study.settings(**values))
    except ReslimError:
        return None
