"""`resnet_limits/studies/README.md`: every claim, what was measured, and its verdict.

    python -m tests.pages.results RUN...     # judge these runs of default size, and write `measured/` and the page
    python -m tests.pages.results            # write the page anew, after words of a claim have changed

One run a study; a study of which no run is given keeps what was measured before.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from resnet_limits.claims.claim import Claim
from resnet_limits.claims.words import counted, expectation, interval
from resnet_limits.report.facts import run_facts
from resnet_limits.report.publish import claim_document
from resnet_limits.runs.collect import collected
from resnet_limits.runs.folder import Run
from resnet_limits.runs.merge import merge
from resnet_limits.settings.registry import STUDIES
from resnet_limits.studies import study as studies
from tests.checkout import HERE

MEASURED = Path(__file__).with_name("measured")
RUNS = MEASURED / "runs.csv"
PAGE = HERE / "resnet_limits" / "studies" / "README.md"


@dataclass(frozen=True)
class Row:
    """One claim in words."""

    id: str
    expected: str
    measured: str
    verdict: str
    why: str


@dataclass(frozen=True)
class Source:
    """The run of a study: its seed, when, on what, how long its jobs took, and of which revision."""

    study: str
    seed: str
    date: str
    machine: str
    versions: str
    revision: str
    seconds: str


def judged(run: Run) -> tuple[Source, list[Row]]:
    """Where a run comes from, and its claims as they are judged now."""
    merged = merge([run])
    collection = collected(merged)
    if merged.state() != "finished" or collection.swept:
        raise SystemExit(f"{run.path}: {merged.state()}, swept {collection.swept}; give finished sweeps of depth alone")
    documents = [claim_document(collection.study, judgement) for judgement, _ in collection.judged]
    seconds = sum(job.status.seconds or 0.0 for job in collection.jobs)
    return _source(run, seconds), [_row(document) for document in documents]


def _source(run: Run, seconds: float) -> Source:
    facts = run_facts(run).facts
    machine = f"{facts['devices']}, {facts['CPUs']} cores, {facts['threads a job']} thread a job"
    packages = dict(word.split(" ", 1) for word in facts["packages"].split(", "))
    versions = ", ".join(f"{name} {packages[name]}" for name in ("reslim", "torch", "numpy"))
    revision = facts.get("git revision", "")
    return Source(run.study, facts["seeds"], facts["started"][:10], machine, versions, revision, f"{seconds:.0f}")


def _row(document: Mapping[str, Any]) -> Row:
    measured = "" if document["measured"] is None else interval(document["measured"])
    why = "" if document["verdict"] == "supported" else document["why"]
    return Row(document["id"], expectation(document["expected"]), measured, document["verdict"], why)


# -- what is kept ---------------------------------------------------------------------------------


def keep(measured: Sequence[tuple[Source, Sequence[Row]]]) -> None:
    """Write what the runs of some studies measured."""
    of = sources() | {source.study: source for source, _ in measured}
    _write(RUNS, Source, [of[name] for name in STUDIES if name in of])
    for source, rows_of_study in measured:
        _write(MEASURED / f"{source.study}.csv", Row, rows_of_study)


def rows(study: str) -> dict[str, Row]:
    """What is kept of a study, by claim."""
    return {line["id"]: Row(**line) for line in _read(MEASURED / f"{study}.csv")}


def sources() -> dict[str, Source]:
    """The runs, by study."""
    return {line["study"]: Source(**line) for line in _read(RUNS)}


def _write(path: Path, kind: type[Row] | type[Source], lines: Sequence[Row] | Sequence[Source]) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(kind)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(line) for line in lines)


def _read(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# -- the page -------------------------------------------------------------------------------------


def page() -> str:
    """The page, from what is kept and from the claims of today."""
    return "\n".join([*_head(), *(line for name in STUDIES for line in _study(name))]) + "\n"


def _head() -> Iterator[str]:
    verdicts = [row.verdict for name in STUDIES for row in rows(name).values()]
    yield "# Results"
    yield ""
    yield f"Every claim of the sweeps of {len(STUDIES)} studies at default size and one seed; {counted(verdicts)}."
    yield "Intervals are of 95 %. A *control* expects a failure: supported means that the failure was seen."
    yield "[Planted errors](../../tests/sabotage/README.md) turn each claim red; `reslim studies NAME` has its keys."
    yield ""
    yield "`python -m tests.pages.results RUN...` writes this page from run folders."


def _study(name: str) -> Iterator[str]:
    study, measured = studies.get(name), rows(name)
    yield from ("", f"## [{name}]({name}/README.md)", "", study.question)
    if source := sources().get(name):
        yield from ("", _run(source))
    for group in study.groups:
        yield from ("", f"### {name}: {group.name}", "", group.title, "")
        if group.by_name:
            yield f"A preset of its own, and no part of the sweep: [what came out]({name}/README.md)."
            continue
        yield "| claim | statement | kind | expected | measured | verdict |"
        yield "|---|---|---|---|---|---|"
        for claim in group.claims:
            yield _line(claim, measured.get(claim.id, Row(claim.id, "", "", "not measured", "")))


def _run(source: Source) -> str:
    revision = f", revision {source.revision}" if source.revision else ""
    return (
        f"`reslim train study={source.study} seed={source.seed}`, {source.date}, {source.machine}; {source.versions}"
        f"{revision}; {source.seconds} s of jobs, beside other work."
    )


def _line(claim: Claim, row: Row) -> str:
    statement = f"{claim.statement.rstrip('.')} ({claim.source.authors} {claim.source.year})"
    verdict = ": ".join(filter(None, (row.verdict, row.why)))
    cells = (f"`{claim.id}`", *map(_cell, (statement, claim.kind, row.expected, row.measured, verdict)))
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """Plain text for a cell of a Markdown table."""
    for character, spelt in (("\\", "\\\\"), ("|", "\\|"), ("*", "\\*"), ("<", "&lt;"), ("\n", " ")):
        text = text.replace(character, spelt)
    return text


def main() -> None:
    keep([judged(Run.open(Path(folder))) for folder in sys.argv[1:]])
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
