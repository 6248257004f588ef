"""From the folders of finished jobs to `records.csv`, `summary.json`, figures and report; no training, seconds.

    records of the jobs -> comparisons (one setting, one seed, several depths) -> claims (seeds pooled)

Done each time a run is collected; what an earlier collection wrote is replaced. Whoever reads a run compares what was
collected with what its folder shows now, and collects anew what is stale (current.py).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from safetensors import SafetensorError, safe_open

from .. import settings as keys
from ..claims.claim import Judgement
from ..claims.coordinate import DEPTH
from ..claims.judge import judge, points
from ..errors import RunFolderError
from ..settings import Settings
from ..studies import study as studies
from ..studies.study import FinishedJob, Study
from . import leftovers, provenance
from . import records as tables
from . import summary as summaries
from .collection import Collection
from .enclosed import require_enclosed
from .files import locked, new_folder, require_plain, write_json, write_text
from .folder import JobFolder, Run
from .merge import Merged, merge

if TYPE_CHECKING:
    from ..figures.write import NamedRequest


SCHEMA = 1
"""Of the document `summary.json`."""


def collect(run: Run, *, figures: bool = True) -> dict[str, Any]:
    """Write what a run folder shows of its jobs and return the summary (the contract's document).

    `records.csv`, `summary.json`, and unless without `figures`: `figures/`, `report.html`, `tables.tex`, `papers.bib`.
    """
    run = Run.open(run.path)  # which may have been moved by now
    require_enclosed(run.path)
    with locked(run.path):  # clients that have waited for the same jobs come at the same time
        summary = write(run.path, merge([run]), figures=figures)
        run.note_jobs()
        leftovers.clear(run)
    return summary


def write(
    folder: Path, merged: Merged, *, collection: Collection | None = None, figures: bool = True
) -> dict[str, Any]:
    """Write the same for the jobs of one or several runs into a folder and return the summary.

    `collection` are their jobs as `collected(merged)` gave them. Raises `RunFolderError` where the records of a
    finished job are missing or damaged.
    """
    collection = collection or collected(merged)
    records, jobs = tables.csv_text(collection.records), summaries.of_jobs(merged.statuses)
    drawn_from = jobs if figures else summaries.read(folder).figures
    summary = summary_document(folder, merged, collection, records, figures=drawn_from)
    write_text(folder / summaries.RECORDS, records)
    if figures:
        from ..figures.write import write_figures
        from ..report.write import write_report

        # Elsewhere than in a run folder, a folder `figures` may hold other people's files.
        its_own = folder in {run.path for run in merged.runs}
        names = [*collection.study.figures, *merged.named_figures()]
        with new_folder(folder / "figures") as place:
            drawn = write_figures(place, collection.judged, named=_named(collection, names), replace=its_own)
        write_report(folder, collection, merged, summary, drawn)
    write_json(folder / summaries.FILE, summary)
    return summary


def summary_document(
    folder: Path, merged: Merged, collection: Collection, records: str, *, figures: str | None
) -> dict[str, Any]:
    """The document: what was judged, from which jobs, beside which records and figures."""
    return summaries.signed(
        {
            "schema": SCHEMA,
            "study": collection.study.name,
            "run": str(folder),
            "state": merged.state(),
            "claims": [claim_document(j) for j, _ in collection.judged],
            "table": [row for j, its in collection.judged for row in _table(j, its)],
            "jobs": {name: status.state for name, status in merged.statuses.items()},
            "seconds": round(sum(job.status.seconds or 0.0 for job in collection.jobs), 3),
            "collected": {
                "jobs": summaries.of_jobs(merged.statuses),
                "figures": figures,
                "records": hashlib.sha256(records.encode()).hexdigest(),
                "version": provenance.version(),
            },
        }
    )


def collected(merged: Merged, *, swept: Sequence[str] | None = None) -> Collection:
    """The finished jobs, compared and judged. `swept` are the keys that tell settings apart; None: those in which the
    finished jobs differ.
    """
    study = studies.get(merged.study)
    jobs = merged.finished
    if swept is None:
        swept = tables.swept_keys([job.settings for job in jobs]) if jobs else []
    frame = records_of(study, jobs, swept)
    return Collection(study, jobs, swept, frame, list(judgements(study, jobs, frame, swept)))


def _named(collection: Collection, names: Sequence[str]) -> list[NamedRequest]:
    """The figures of papers to draw: each once a setting, from the jobs of its first seed; or once for all values of
    the key that it is drawn across."""
    from ..figures.named import NAMED
    from ..figures.write import NamedRequest

    if not names:
        return []
    first: dict[str, NamedRequest] = {}
    seen: set[str] = set()
    for group in groups(collection.jobs).values():
        setting = tables.setting_of(group[0].settings, collection.swept)
        jobs = [FinishedJob(job.settings, [], _arrays(job.path / "arrays.safetensors")) for job in group]
        for name in names:
            across = NAMED[name].across
            if (its := f"{name} {tables.setting_label(setting)}") in seen:
                continue
            seen.add(its)
            rest = {key: value for key, value in setting.items() if key != across}
            request = first.setdefault(f"{name} {tables.setting_label(rest)}", NamedRequest(name, rest, []))
            request.jobs.extend(jobs)
    return list(first.values())


def records_of(study: Study, jobs: Sequence[JobFolder], swept: Sequence[str]) -> pd.DataFrame:
    """The long table of some finished jobs and their comparisons, with the columns of the swept keys.

    Raises `RunFolderError` where the records of a finished job are missing or damaged.
    """
    own = {job.name: tables.read_parquet(job.path / "records.parquet") for job in jobs}
    frames = [_in_setting(own[job.name], job.settings, swept) for job in jobs]
    for group in groups(jobs).values():
        finished = [
            FinishedJob(job.settings, tables.to_records(own[job.name]), _arrays(job.path / "arrays.safetensors"))
            for job in group
        ]
        for compared in study.compare(finished):
            settings = replace(group[0].settings, depth=compared.depth)
            frames.append(_in_setting(tables.table(settings, [compared.record]), settings, swept))
    if not frames:
        return tables.table(study.settings(study=study.name), [])
    columns = list(dict.fromkeys(c for f in frames for c in f.columns if c not in swept))
    whole = pd.concat([f.dropna(axis=1, how="all") for f in frames], ignore_index=True)
    return tables.typed(whole.reindex(columns=[*columns, *swept]))


def groups(jobs: Sequence[JobFolder]) -> dict[str, list[JobFolder]]:
    """Jobs that differ in depth alone, by increasing depth."""
    found: dict[str, list[JobFolder]] = {}
    for job in sorted(jobs, key=lambda j: j.settings.depth):
        values = {k: v for k, v in keys.content(job.settings).items() if k != "depth"}
        found.setdefault(keys.digest(values), []).append(job)
    return found


def judgements(
    study: Study, jobs: Sequence[JobFolder], frame: pd.DataFrame, swept: Sequence[str]
) -> Iterator[tuple[Judgement, pd.DataFrame]]:
    """Each claim at each setting, with the points (depth, value, ...) that it was judged on."""
    settings = {tables.setting_label(tables.setting_of(job.settings, swept)): job.settings for job in jobs}
    for label, its in sorted(settings.items(), key=lambda item: _natural(tables.setting_of(item[1], swept))):
        rows = frame.loc[frame["setting"] == label, :]
        for claim in study.chosen(its.claims):
            judgement = judge(claim, its, rows, tables.setting_of(its, swept))
            yield judgement, points(claim, its, rows)


def _natural(setting: dict[str, Any]) -> list[tuple[bool, float, str]]:
    """Numbers by size, words by their letters."""
    numbers = {k: v for k, v in setting.items() if isinstance(v, (int, float)) and not isinstance(v, bool)}
    return [(k not in numbers, float(numbers.get(k, 0)), str(v)) for k, v in setting.items()]


def _in_setting(frame: pd.DataFrame, settings: Settings, swept: Sequence[str]) -> pd.DataFrame:
    setting = tables.setting_of(settings, swept)
    frame = frame.assign(setting=tables.setting_label(setting))
    for key, value in setting.items():
        word = str(value) if isinstance(value, list) else value
        # A key that a claim pins stands in the record; the setting fills in the others.
        frame[key] = frame[key].where(frame[key].notna(), word) if key in frame else word
    return frame


def _arrays(path: Path) -> Callable[[str], np.ndarray | None]:
    def array(name: str) -> np.ndarray | None:
        try:
            require_plain(path)
            with safe_open(path, framework="numpy") as file:
                return file.get_tensor(name) if name in file.keys() else None  # noqa: SIM118 (it is no dictionary)
        except (OSError, SafetensorError) as error:
            raise RunFolderError(f"{path} is missing or damaged ({type(error).__name__})") from None

    return array


def claim_document(judgement: Judgement) -> dict[str, Any]:
    """A judged claim as it stands in `summary.json`."""
    claim, expected, measured = judgement.claim, judgement.expected, judgement.measured
    return {
        "id": claim.id,
        "setting": dict(judgement.setting),
        "source": str(claim.source),
        "statement": claim.statement,
        "kind": claim.kind,
        "observable": claim.observable,
        "expected": {
            "what": expected.what,
            "value": _number(expected.value),
            "tolerance": expected.tolerance,
            **({} if expected.along == DEPTH else {"along": expected.along}),
        },
        "measured": None
        if measured is None
        else {k: _number(getattr(measured, k)) for k in ("value", "low", "high", "level")},
        "verdict": judgement.verdict,
        "why": judgement.why,
        **({"note": judgement.note} if judgement.note else {}),
    }


def _table(judgement: Judgement, its: pd.DataFrame) -> Iterator[dict[str, Any]]:
    along = judgement.expected.along
    for row in its.to_dict("records"):
        yield {
            "claim": judgement.claim.id,
            "depth": int(row["depth"]),
            **({} if along == DEPTH else {"along": along, "at": float(row["at"])}),
            "setting": dict(judgement.setting),
            "observable": judgement.claim.observable,
            "value": _number(row["value"]),
            "stderr": _number(row["stderr"]),
            "scaled": _number(row["scaled"]),
            "reference_error": _number(row["reference_error"]),
        }


def _number(value: Any) -> float | None:
    """JSON has no nan."""
    return float(value) if value is not None and math.isfinite(value) else None
