"""Weights & Biases, offline: files under `wandb/` of the job, of which nothing is sent.

    wandb sync RUN/jobs/*/wandb/offline-run-*        uploads the jobs of a run

The id is a function of run and job, so a job that goes on after an interruption is the same W&B run. Its file is
written anew, with the whole curve: W&B itself does not resume what is offline (github.com/wandb/wandb/issues/4624),
and of two files with one id the second would replace the first when they are synced.

Every job starts a service process (wandb-core) and ends it; it ends by itself where the job is killed.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from ...settings.base import Settings
from ...settings.keys import flat

PROJECT = "reslim"
LONGEST_ID = 64


class WeightsAndBiases:
    """One W&B run. Each part of a job has a step of its own, `PART/step`, over which W&B draws its curves."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        job, run = folder.name, folder.parent.parent.name
        shutil.rmtree(folder / "wandb", ignore_errors=True)
        with _quiet_environment(folder / "wandb"):
            import wandb

            self._wandb = wandb
            try:
                self._run = wandb.init(
                    mode="offline",
                    dir=folder,
                    project=os.environ.get("WANDB_PROJECT") or PROJECT,
                    id=run_id(run, job),
                    name=f"{settings.study}, depth {settings.depth}, seed {settings.seed}, {job.rpartition('-')[2]}",
                    group=run,
                    config=flat(settings),
                    settings=wandb.Settings(**WANDB_SETTINGS),
                )
            except BaseException:
                wandb.teardown()
                raise
        self._parts: set[str] = set()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        by_part: dict[str, dict[str, float]] = {}
        for name, value in values.items():
            by_part.setdefault(name.rpartition("/")[0], {})[name] = value
        for part, numbers in by_part.items():
            axis = f"{part}/step" if part else "step"
            if part not in self._parts:
                self._run.define_metric(axis, hidden=True)
                self._parts.add(part)
                self._run.define_metric(f"{part}/*" if part else "*", step_metric=axis)
            self._run.log({axis: step, **numbers})

    def close(self) -> None:
        try:
            self._run.finish()
        finally:
            self._wandb.teardown()  # ends the service process: it must not outlive the job


WANDB_SETTINGS = {
    "silent": True,
    "console": "off",
    "save_code": False,
    "disable_code": True,
    "disable_git": True,
    "symlink": False,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_disable_machine_info": True,
    "x_save_requirements": False,
}
"""Our numbers and settings, and nothing else: no output, no code, no description of the machine."""


def run_id(run: str, job: str) -> str:
    """The W&B id of a job: its run and its name, in letters that W&B allows and no more of them than it does."""
    return re.sub(r"[^\w.-]", "-", f"{run}-{job}", flags=re.ASCII)[-LONGEST_ID:]


@contextlib.contextmanager
def _quiet_environment(folder: Path) -> Iterator[None]:
    """What W&B and its service read from the environment when they start: no reports of errors, no files elsewhere."""
    wanted = {"WANDB_ERROR_REPORTING": "false", "WANDB_CACHE_DIR": str(folder / "cache")}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def open_in(folder: Path, settings: Settings) -> WeightsAndBiases:
    return WeightsAndBiases(folder, settings)
