"""From the folders of finished jobs to `records.csv`, `summary.json` and figures; no training, seconds.

    records of the jobs -> comparisons (one setting, one seed, several depths) -> claims (seeds pooled)

Done each time a run is collected; what an earlier collection wrote is replaced.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors import SafetensorError, safe_open

from .. import settings as keys
from ..claims.claim import Judgement
from ..claims.judge import judge, points
from ..errors import RunFolderError
from ..settings import Settings
from ..studies import study as studies
from ..studies.study import FinishedJob, Study
from . import records as tables
from .files import write_json, write_text
from .folder import SCHEMA, JobFolder, Run


def collect(run: Run, *, figures: bool = True) -> dict[str, Any]:
    """Write `records.csv`, `summary.json` and `figures/` of a run and return the summary (the contract's document)."""
    study = studies.get(run.study)
    every = run.jobs(verify=True)
    jobs = [job for job in every if job.status.state == "finished"]
    swept = tables.swept_keys([job.settings for job in jobs]) if jobs else []
    frame = records_of(study, jobs, swept)
    write_text(run.path / "records.csv", tables.csv_text(frame))
    judged = list(judgements(study, jobs, frame, swept))
    if figures:
        from ..figures.write import write_figures

        write_figures(run.path / "figures", judged)
    summary = {
        "schema": SCHEMA,
        "study": study.name,
        "run": str(run.path),
        "state": run.state(),
        "claims": [_claim(j) for j, _ in judged],
        "table": [row for j, its in judged for row in _table(j, its)],
        "jobs": {job.name: job.status.state for job in every},
        "seconds": round(sum(job.status.seconds or 0.0 for job in jobs), 3),
    }
    write_json(run.path / "summary.json", summary)
    run.note_jobs()
    return summary


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
        by_depth = {job.settings.depth: job.settings for job in group}
        for compared in study.compare(finished):
            settings = by_depth[compared.depth]
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
    for label, its in settings.items():
        rows = frame.loc[frame["setting"] == label, :]
        for claim in study.chosen(its.claims):
            judgement = judge(claim, its, rows, tables.setting_of(its, swept))
            yield judgement, points(claim, its, rows)


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
            with safe_open(path, framework="numpy") as file:
                return file.get_tensor(name) if name in file.keys() else None  # noqa: SIM118 (it is no dictionary)
        except (OSError, SafetensorError) as error:
            raise RunFolderError(f"{path} is missing or damaged ({type(error).__name__})") from None

    return array


def _claim(judgement: Judgement) -> dict[str, Any]:
    claim, expected, measured = judgement.claim, judgement.expected, judgement.measured
    return {
        "id": claim.id,
        "setting": dict(judgement.setting),
        "source": str(claim.source),
        "statement": claim.statement,
        "kind": claim.kind,
        "observable": claim.observable,
        "expected": {"what": expected.what, "value": _number(expected.value), "tolerance": expected.tolerance},
        "measured": None
        if measured is None
        else {k: _number(getattr(measured, k)) for k in ("value", "low", "high", "level")},
        "verdict": judgement.verdict,
        "why": judgement.why,
    }


def _table(judgement: Judgement, its: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for row in its.to_dict("records"):
        yield {
            "claim": judgement.claim.id,
            "depth": int(row["depth"]),
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
