"""A job without a run folder, and a run folder without the command line."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ..data import identity
from ..measurement.job import Job
from ..settings.base import Settings
from ..settings.build import require_files
from ..settings.checks import check
from ..studies import study as studies
from .folder import Run
from .records import table


def run(settings: Settings) -> pd.DataFrame:
    """Measure one job in this process and return its records, one row each (columns of `records.csv`).

    The numbers are those of `reslim train` at the same settings. The number of CPU threads is the caller's:
    `torch.set_num_threads(settings.threads)` makes them repeat bit for bit. Raises `SettingError` for a value out of
    range.
    """
    check(settings)
    require_files(settings)
    (settings,) = identity.filled([settings])
    return table(settings, studies.get(settings.study).measure(Job(settings)).records)


def load_run(folder: str | Path) -> Run:
    """The run in this folder: its jobs, their settings and states.

    `report.current.current(run).summary` is its summary, made anew where it is stale or was edited, and with it its
    long table, `pandas.read_csv(run.path / "records.csv")`.

    Raises `RunFolderError` where it is none, or its plan is damaged. Nothing in the folder is executed.
    """
    return Run.open(Path(folder))
