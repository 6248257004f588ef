"""From the folders of finished jobs to one table of records and the verdicts on it; no training, seconds.

records of the jobs -> comparisons (one setting, one seed, several depths) -> claims (seeds pooled)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors import SafetensorError, safe_open

from ..claims.claim import Judgement
from ..claims.judge import judge, pooled_points
from ..errors import RunFolderError
from ..files import require_plain
from ..measurement.job import FinishedJob
from ..settings.base import Settings
from ..settings.content import content, digest
from ..studies import study as studies
from ..studies.study import Study
from . import records as tables
from .checkpoint import FIRST_WAY
from .collection import Collection
from .job_folder import JobFolder
from .merge import Merged


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


def records_of(study: Study, jobs: Sequence[JobFolder], swept: Sequence[str]) -> pd.DataFrame:
    """The long table of some finished jobs and their comparisons, with the columns of the swept keys.

    Raises `RunFolderError` where the records of a finished job are missing or damaged.
    """
    tables_by_job = {job.name: tables.read_parquet(job.path / "records.parquet") for job in jobs}
    frames = [_in_setting(tables_by_job[job.name], job.settings, swept) for job in jobs]
    for group in groups_by_depth(jobs).values():
        finished = [
            FinishedJob(
                job.settings, tables.to_records(tables_by_job[job.name]), arrays(job.path / "arrays.safetensors")
            )
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


def groups_by_depth(jobs: Sequence[JobFolder]) -> dict[str, list[JobFolder]]:
    """Jobs that differ in depth alone, by increasing depth."""
    jobs_by_setting: dict[str, list[JobFolder]] = {}
    for job in sorted(jobs, key=lambda j: j.settings.depth):
        values = {k: v for k, v in content(job.settings).items() if k != "depth"}
        jobs_by_setting.setdefault(digest(values), []).append(job)
    return jobs_by_setting


def judgements(
    study: Study, jobs: Sequence[JobFolder], frame: pd.DataFrame, swept: Sequence[str]
) -> Iterator[tuple[Judgement, pd.DataFrame]]:
    """Each claim at each setting, with the points (depth, value, ...) that it was judged on."""
    settings = {tables.setting_label(tables.setting_of(job.settings, swept)): job.settings for job in jobs}
    for label, rows_of_setting in sorted(
        settings.items(), key=lambda item: _natural(tables.setting_of(item[1], swept))
    ):
        rows = frame.loc[frame["setting"] == label, :]
        engines = engines_of(
            job for job in jobs if tables.setting_label(tables.setting_of(job.settings, swept)) == label
        )
        for claim in study.chosen(rows_of_setting.claims):
            judgement = judge(claim, rows_of_setting, rows, tables.setting_of(rows_of_setting, swept))
            yield judgement.noting(engines), pooled_points(claim, rows_of_setting, rows)


def engines_of(jobs: Iterable[JobFolder]) -> str:
    """That networks of these jobs were computed in several ways, in words; empty where they were not.

    One way may take several engines, another at one depth than at the next: `auto` with what is compiled is one way,
    and the same as another where nothing compiled was used.
    """
    computed = [job.status for job in jobs if job.status.engine]
    if all(status.engine == FIRST_WAY for status in computed):
        return ""
    ways = sorted({status.way or status.engine for status in computed})
    return f"jobs of several engines: {', '.join(ways)}" if len(ways) > 1 else ""


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


def arrays(path: Path) -> Callable[[str], np.ndarray | None]:
    def array(name: str) -> np.ndarray | None:
        try:
            require_plain(path)
            with safe_open(path, framework="numpy") as file:
                return file.get_tensor(name) if name in file.keys() else None  # noqa: SIM118 (it is no dictionary)
        except (OSError, SafetensorError) as error:
            raise RunFolderError(f"{path} is missing or damaged ({type(error).__name__})") from None

    return array
