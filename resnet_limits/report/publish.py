"""What a run folder shows of its jobs: `records.csv`, `summary.json`, figures and report; no training, seconds.

Done each time a run is collected; what an earlier collection wrote is replaced. Whoever reads a run compares what was
collected with what its folder shows now, and collects anew what is stale (current.py).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..claims.claim import Judgement
from ..claims.coordinate import DEPTH_COORDINATE
from ..files import locked, new_folder, read_bytes, write_json, write_text
from ..measurement.job import FinishedJob
from ..runs import leftovers, provenance
from ..runs import records as tables
from ..runs import summary as summaries
from ..runs.collect import arrays, collected, groups_by_depth
from ..runs.collection import Collection
from ..runs.enclosed import require_enclosed
from ..runs.folder import Run
from ..runs.merge import Merged, merge
from ..runs.records import COLUMNS_OF_RECORDS, setting_label, setting_of
from ..runs.status import Status
from ..settings.registry import FIGURES
from ..studies.group import Group
from ..studies.study import Study
from .outcome import REACHED, outcome

if TYPE_CHECKING:  # matplotlib comes with it
    from ..figures.panels import Wording
    from ..figures.write import NamedRequest, Progress

SUMMARY_SCHEMA = 1
"""Of the document `summary.json`."""


def collect(run: Run, *, figures: bool = True, progress: Progress | None = None) -> dict[str, Any]:
    """Write what a run folder shows of its jobs and return the summary (the contract's document).

    `records.csv`, `summary.json`, and unless without `figures`: `figures/`, `report.html`, `tables.tex`, `papers.bib`.
    `progress` is told how many figures are drawn, of how many that are new or show something else than before.
    """
    run = Run.open(run.path)  # which may have been moved by now
    require_enclosed(run.path)
    with locked(run.path):  # clients that have waited for the same jobs come at the same time
        summary = write_collection(run.path, merge([run]), figures=figures, progress=progress)
        run.note_jobs()
        leftovers.clear(run)
    return summary


def write_collection(
    folder: Path,
    merged: Merged,
    *,
    collection: Collection | None = None,
    figures: bool = True,
    pdf: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write the same for the jobs of one or several runs into a folder and return the summary.

    `collection` are their jobs as `collected(merged)` gave them. With `pdf` figures are PDFs, too. Raises
    `RunFolderError` where the records of a finished job are missing or damaged.
    """
    collection = collection or collected(merged)
    records, jobs = tables.csv_text(collection.records), summaries.digest_of_jobs(merged.statuses)
    drawn_from = jobs if figures else summaries.read_summary(folder).figures
    summary = summary_document(folder, merged, collection, records, figures=drawn_from)
    write_text(folder / summaries.RECORDS_FILE, records)
    if figures:
        from ..figures.write import FORMATS_FOR_PAPERS, write_figures
        from .learning import learning_figures
        from .write import write_report

        # Elsewhere than in a run folder, a folder `figures` may hold other people's files.
        is_in_its_run = folder in {run.path for run in merged.runs}
        names = [*collection.study.figures, *merged.named_figures()]
        with new_folder(folder / "figures") as place:
            named, formats = _named(collection, names), FORMATS_FOR_PAPERS if pdf else ()
            drawn = write_figures(
                place,
                collection.judged,
                named=named,
                learning=learning_figures(collection, outcome(summary).reached),
                wording=wording_of(collection.study),
                formats=formats,
                replace=is_in_its_run,
                progress=progress,
            )
        write_report(folder, collection, merged, summary, drawn)
    write_json(folder / summaries.SUMMARY_FILE, summary)
    return summary


def summary_document(
    folder: Path, merged: Merged, collection: Collection, records: str, *, figures: str | None
) -> dict[str, Any]:
    """The document: what was judged, from which jobs, beside which records and figures."""
    return summaries.signed(
        {
            "schema": SUMMARY_SCHEMA,
            "study": collection.study.name,
            "run": str(folder),
            "state": merged.state(),
            "groups": [group.document() for group in _judged_groups(collection)],
            "claims": [claim_document(collection.study, j) for j, _ in collection.judged],
            "table": [row for j, rows in collection.judged for row in _table(j, rows)],
            "reached": list(_reached(collection)),
            "jobs": {name: status.state for name, status in merged.statuses.items()},
            "seconds": round(sum(job.status.seconds or 0.0 for job in collection.jobs), 3),
            "elapsed": round(elapsed([job.status for job in collection.jobs]), 3),
            "collected": {
                "jobs": summaries.digest_of_jobs(merged.statuses),
                "figures": figures,
                "records": hashlib.sha256(records.encode()).hexdigest(),
                "version": provenance.version(),
            },
        }
    )


def _named(collection: Collection, names: Sequence[str]) -> list[NamedRequest]:
    """The figures of papers to draw: each once a setting, from the jobs of its first seed; or once for all values of
    the key that it is drawn across."""
    from ..figures.write import NamedRequest

    if not names:
        return []
    first: dict[str, NamedRequest] = {}
    seen: set[str] = set()
    for group in groups_by_depth(collection.jobs).values():
        setting = setting_of(group[0].settings, collection.swept)
        paths = [job.path / "arrays.safetensors" for job in group]
        jobs = [FinishedJob(job.settings, [], arrays(path)) for job, path in zip(group, paths, strict=True)]
        content = [f"{job.name} {_kept(path)}" for job, path in zip(group, paths, strict=True)]
        for name in names:
            across = FIGURES[name].across
            if (label := f"{name} {setting_label(setting)}") in seen:
                continue
            seen.add(label)
            rest = {key: value for key, value in setting.items() if key != across}
            request = first.setdefault(f"{name} {setting_label(rest)}", NamedRequest(name, rest, [], []))
            request.jobs.extend(jobs)
            request.content.extend(content)
    return list(first.values())


def _kept(path: Path) -> str:
    """What identifies the arrays of a job; empty where they cannot be read, which whoever draws them says."""
    try:
        return hashlib.sha256(read_bytes(path)).hexdigest()
    except OSError:
        return ""


def wording_of(study: Study) -> Wording:
    """What figures say of the claims of a study."""
    from ..figures.panels import Wording

    return Wording({claim.id: group.title for group in study.groups for claim in group.claims}, study.observables)


def _judged_groups(collection: Collection) -> list[Group]:
    """The groups that have a claim among those that were judged, in the order of the study."""
    ids = {judgement.claim.id for judgement, _ in collection.judged}
    return [group for group in collection.study.groups if ids & {claim.id for claim in group.claims}]


def claim_document(study: Study, judgement: Judgement) -> dict[str, Any]:
    """A judged claim of a study as it stands in `summary.json`."""
    claim, expected, measured = judgement.claim, judgement.expected, judgement.measured
    return {
        "id": claim.id,
        "setting": dict(judgement.setting),
        "source": str(claim.source),
        "statement": claim.statement,
        "kind": claim.kind,
        "group": study.group_of(claim.id).name,
        "rival": None if claim.rival is None else asdict(claim.rival),
        "observable": claim.observable,
        "expected": {
            "what": expected.what,
            "value": _number(expected.value),
            "tolerance": expected.tolerance,
            **({} if expected.along == DEPTH_COORDINATE else {"along": expected.along}),
            **({"scale": expected.scale} if expected.scale else {}),
        },
        "pins": dict(claim.pins),
        "measured": None
        if measured is None
        else {k: _number(getattr(measured, k)) for k in ("value", "low", "high", "level")},
        "verdict": judgement.verdict,
        "why": judgement.why,
        **({"note": judgement.note} if judgement.note else {}),
    }


def _table(judgement: Judgement, points_of_claim: pd.DataFrame) -> Iterator[dict[str, Any]]:
    along = judgement.expected.along
    for row in points_of_claim.to_dict("records"):
        yield {
            "claim": judgement.claim.id,
            "depth": int(row["depth"]),
            **({} if along == DEPTH_COORDINATE else {"along": along, "at": float(row["at"])}),
            "setting": dict(judgement.setting),
            "observable": judgement.claim.observable,
            "value": _number(row["value"]),
            "stderr": _number(row["stderr"]),
            "scaled": _number(row["scaled"]),
            "reference_error": _number(row["reference_error"]),
        }


def _reached(collection: Collection) -> Iterator[dict[str, Any]]:
    """What trained networks reached at the end of their training, a row a depth, setting and pinned keys: the mean over
    seeds, with the standard error of one seed's own networks, else of the seeds."""
    records = collection.records
    asked = records["observable"].isin(list(REACHED)) & records["step"].isna() & records["layer"].isna()
    final = records.loc[asked, :]
    labels = {setting_label(s): s for s in (setting_of(job.settings, collection.swept) for job in collection.jobs)}
    pins = [column for column in final.columns if column not in COLUMNS_OF_RECORDS]
    rows: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {}
    for record in final.to_dict("records"):
        setting = labels[record["setting"]]
        given = {key: (value, str(value)) for key, value in setting.items()}  # the column has a list's words
        where = {k: record[k] for k in pins if not pd.isna(record[k]) and record[k] not in given.get(k, ())}
        row = {"observable": record["observable"], "depth": int(record["depth"]), "setting": setting, "where": where}
        rows.setdefault(repr(row), (row, []))[1].append(record)
    for row, seeds in rows.values():
        values = pd.Series([record["value"] for record in seeds])
        stderr = seeds[0]["stderr"] if len(seeds) == 1 else values.std() / len(seeds) ** 0.5
        if math.isfinite(values.mean()):
            yield {**row, "value": float(values.mean()), "stderr": _number(stderr)}


def elapsed(statuses: Sequence[Status]) -> float:
    """Seconds during which any of these jobs ran: those that ran side by side are counted once."""
    ran = [(s.heartbeat - (s.seconds or 0.0), s.heartbeat) for s in statuses if math.isfinite(s.heartbeat)]
    total, end = 0.0, -math.inf
    for start, stop in sorted(ran):
        total += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return total


def _number(value: Any) -> float | None:
    """JSON has no nan."""
    return float(value) if value is not None and math.isfinite(value) else None
