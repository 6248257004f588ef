"""The jobs of one or several runs of one study, each once: a job of equal content is the same job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import RunFolderError
from ..settings.content import content
from ..settings.registry import FIGURES
from .folder import Run
from .job_folder import JobFolder
from .planned import by_depth
from .status import State, Status

STATES_BY_PREFERENCE: tuple[State, ...] = ("finished", "running", "queued", "failed", "lost")


@dataclass(frozen=True)
class Merged:
    """Jobs of one study from several runs.

    `jobs` has every job once, by depth: where several runs hold it, a finished one. `repeated` says how many
    runs hold a job that is in more than one, `left_out` which job is not counted and why, in words, `lost` the planned
    jobs that no run has a readable folder of.
    """

    runs: tuple[Run, ...]
    study: str
    jobs: tuple[JobFolder, ...]
    repeated: dict[str, int]
    left_out: dict[str, str]
    lost: dict[str, Status]

    @property
    def finished(self) -> list[JobFolder]:
        return [job for job in self.jobs if job.status.state == "finished"]

    @property
    def statuses(self) -> dict[str, Status]:
        """The status of every planned job, by depth."""
        statuses = {job.name: job.status for job in self.jobs} | self.lost
        return {name: statuses[name] for name in sorted(statuses, key=by_depth)}

    def state(self) -> str:
        """That of the only run; of several, `finished` once every job is."""
        if len(self.runs) == 1:
            return self.runs[0].state_of(self.statuses)
        if {status.state for status in self.statuses.values()} == {"finished"}:
            return "finished"
        states = {run.state() for run in self.runs} - {"finished"}
        return next((state for state in ("running", "interrupted", "failed") if state in states), "interrupted")

    def named_figures(self) -> list[str]:
        """The figures of papers that the jobs or the overrides ask for."""
        asked = {job.settings.figure for job in self.jobs}
        for run in self.runs:
            # Jobs that were there before the figure was asked for do not name it.
            asked |= {line.removeprefix("figure=") for sweep in run.sweeps() for line in sweep}
        return [name for name in FIGURES if name in asked]


def other_data(merged: Merged) -> str:
    """A sentence where jobs that ask for the same were done on different data; empty else."""
    from .records import DATA_COLUMN, swept_keys  # late: pandas comes with it

    if DATA_COLUMN not in swept_keys([job.settings for job in merged.jobs]):
        return ""
    runs_by_digest: dict[str, list[str]] = {}
    for job in merged.jobs:
        run, digest = Run(job.path.parents[1]), str(content(job.settings)[DATA_COLUMN])
        runs = runs_by_digest.setdefault(digest, [])
        words = f"run {run.id} ({run.data().get(digest) or 'from somewhere'})"
        if words not in runs:
            runs.append(words)
    each = "; ".join(f"{digest}, {' and '.join(runs)}" for digest, runs in runs_by_digest.items())
    return f"the jobs were done on different data, which are judged apart: {each}"


def merge(runs: Sequence[Run]) -> Merged:
    """The jobs of these runs. Raises `RunFolderError` for none, or for runs of different studies."""
    runs = list({run.path.resolve(): run for run in runs}.values())
    studies = list(dict.fromkeys(run.study for run in runs))
    if len(studies) != 1:
        each = ", ".join(f"{run.id} is of study {run.study}" for run in runs)
        raise RunFolderError(f"a report is about one study: {each or 'no run was given'}; make one report for each")
    jobs: dict[str, JobFolder] = {}
    counts: Counter[str] = Counter()
    left_out: dict[str, str] = {}
    lost: dict[str, tuple[Run, Status]] = {}
    for run in runs:
        seen = run.look(verify=True)
        for job in seen.jobs:
            counts[job.name] += 1
            other = jobs.get(job.name)
            if other is None or _rank(job) < _rank(other):
                jobs[job.name] = job
        lost = {name: (run, status) for name, status in seen.lost.items()} | lost
        left_out |= {f"{run.id}/{name}": "it is not among the jobs that were planned" for name in seen.strays}
    lost = {name: lost_job for name, lost_job in lost.items() if name not in jobs}
    left_out |= {f"{run.id}/{name}": f"{status.state}: {status.message}" for name, (run, status) in lost.items()}
    for name, job in jobs.items():
        if job.status.state != "finished":
            message = f": {job.status.message}" if job.status.message else ""
            left_out[f"{job.path.parents[1].name}/{name}"] = f"{job.status.state}{message}"
    return Merged(
        tuple(runs),
        studies[0],
        tuple(sorted(jobs.values(), key=lambda job: (job.settings.depth, job.name))),
        {name: count for name, count in counts.items() if count > 1},
        left_out,
        {name: status for name, (_, status) in lost.items()},
    )


def _rank(job: JobFolder) -> int:
    return STATES_BY_PREFERENCE.index(job.status.state)
